/* execute_plan.h - which fields of an object are answered, and in which order: CollectFields of the specification
 * (6.3.2), kept for each place in a document and object type. Private to this folder. */
#ifndef GRAPHQL_EXECUTE_PLAN_H
#define GRAPHQL_EXECUTE_PLAN_H

#include "common/graphql/schema.h"

struct gql_document;

/* Values that are released together. */
struct gql_kept {
    json_t *value;
    struct gql_kept *next;
};

struct gql_selections {
    const struct gql_selection *selection;
    struct gql_selections *next;
};

/* A field of the answer: all selections with one key, merged. */
struct gql_entry {
    const char *key;
    uint32_t hash; /* of `key` */
    uint32_t label_size;
    const char *label; /* the key as it stands in the answer: "key": */
    const struct gql_field_type *field;
    struct gql_selections selections;
    struct gql_selections *last;    /* NULL: the first is the only one */
    bool has_variables;             /* its arguments depend on variables */
    const json_t *arguments;        /* those that do not, coerced; NULL: not yet */
    struct gql_plan *plans;         /* of its own fields, by type */
    struct gql_location *locations; /* of its selections; NULL: no error has asked for them yet */
    uint32_t location_count;
};

struct gql_plan {
    const struct gql_type *type; /* an object */
    struct gql_entry *entries;
    uint32_t count;
    struct gql_plan *next;
};

struct gql_planner {
    struct gql_document *document;
    const json_t *variables;
    struct gql_arena arena;
    struct gql_kept *kept;          /* coerced arguments */
    const struct gql_kept *weighed; /* this one and those behind it make: */
    size_t kept_bytes;
    const json_t *nothing;   /* the arguments of fields that have none; NULL: not yet */
    struct gql_plan **roots; /* by the index of an operation */
    /* Why there was no plan: the variable of a @skip or @include is null. */
    const struct gql_value *invalid;
};

/* NULL: planner->invalid. */
const struct gql_plan *gql_plan_root(struct gql_planner *planner, const struct gql_definition *operation,
                                     const struct gql_type *type);
const struct gql_plan *gql_plan_fields(struct gql_planner *planner, struct gql_entry *entry,
                                       const struct gql_type *type);

/* Does the first level below `entry` ask for a field `name`, of whatever type? */
bool gql_plan_selects(const struct gql_planner *planner, const struct gql_entry *entry, const char *name);

/* Where the selections of `entry` begin. */
void gql_plan_locate(struct gql_planner *planner, struct gql_entry *entry, struct gql_error *error);

/* Keeps `value` (own) until the release; gives it back. */
const json_t *gql_keep(struct gql_arena *arena, struct gql_kept **kept, json_t *value);
void gql_kept_release(struct gql_kept *kept);

/* What plans and arguments take, about. */
size_t gql_planner_bytes(struct gql_planner *planner);

void gql_planner_release(struct gql_planner *planner);

#endif
