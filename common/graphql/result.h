/* result.h - an answer while it grows, and its text. Private to this folder.
 *
 * The answer is a tree of branches (objects and lists) with slots. It lives in the arena of its execution; leaf values
 * are borrowed. */
#ifndef GRAPHQL_RESULT_H
#define GRAPHQL_RESULT_H

#include "common/graphql/execute_plan.h"
#include "common/graphql/json_text.h"

enum gql_slot_kind { GQL_SLOT_NULL, GQL_SLOT_JSON, GQL_SLOT_NAME, GQL_SLOT_BRANCH };

struct gql_slot {
    enum gql_slot_kind kind;
    union {
        const json_t *json;
        const char *name; /* needs no escape */
        struct gql_branch *branch;
    };
};

struct gql_branch {
    struct gql_branch *parent;   /* NULL: it is the data itself */
    uint32_t index;              /* its slot in the parent */
    uint32_t count;              /* of slots */
    uint32_t depth;              /* of branches above it */
    bool is_nulled;              /* an error has taken it out of the answer */
    const struct gql_plan *plan; /* of an object its own, of a list that of the object around it */
    struct gql_entry *entry;     /* of a list: the field that it answers; NULL: it is an object */
    const struct gql_ref *item;  /* of a list */
    const json_t *value;         /* of an object: what its fields resolve from; may be NULL */
    struct gql_slot slots[];
};

/* A slot of an answer. */
struct gql_place {
    struct gql_branch *branch;
    uint32_t index;
};

struct gql_entry *gql_place_entry(struct gql_place place);   /* the field that it belongs to */
const struct gql_ref *gql_place_ref(struct gql_place place); /* the type of what it holds */
bool gql_place_is_nulled(struct gql_place place);            /* it is no longer part of the answer */

/* The keys and indexes that lead to it (own). */
json_t *gql_place_path(struct gql_place place);

/* The place is null; so is everything around it that may not be, up to the first that may. */
void gql_place_null(struct gql_place place);

/* {"data":…} with "errors" before it where there are some; without data if there is no branch. Closed by a NUL. */
void gql_result_write(struct gql_text *text, const struct gql_branch *data, const struct gql_errors *errors);

#endif
