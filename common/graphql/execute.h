/* execute.h - an execution while it runs. Private to this folder.
 *
 * Values go from execute.c (fields and their resolvers) to execute_complete.c (CompleteValue) and, for the fields of
 * objects, back. Both recurse: once for each level of the answer, not for each item of a list. */
#ifndef GRAPHQL_EXECUTE_H
#define GRAPHQL_EXECUTE_H

#include "common/graphql/document.h"
#include "common/graphql/result.h"

/* Levels of an answer: objects and lists within each other. The stack must bear it. */
enum { GQL_ANSWER_DEPTH = 1000 };

struct gql_execution {
    struct gql_document *document; /* held */
    const struct gql_definition *operation;
    struct gql_arena arena;
    struct gql_planner *planner; /* the document's, or: */
    struct gql_planner own;
    json_t *variables; /* coerced; own */
    const json_t *root;
    void *context;
    gql_done *done;
    void *done_context;
    struct gql_errors errors;
    struct gql_kept *kept;   /* values of resolvers, coerced arguments */
    struct gql_branch *data; /* NULL: there is none */
    uint32_t next;           /* of the data: the root field that is resolved next */
    size_t pending;          /* fields that have not ended */
};

struct gql_field {
    struct gql_execution *execution;
    struct gql_place place;
    struct gql_entry *entry;
    const json_t *arguments;
    json_t *value;    /* given while the resolver still ran; own */
    bool in_resolver; /* the resolver has not returned yet */
    bool has_ended, has_failed;
};

/* A new object or list with `count` slots in place of `place`, which may be of no branch for the data. */
struct gql_branch *gql_branch_new(struct gql_execution *execution, struct gql_place place, size_t count);

/* An error at `place`, which is null from now on, with all that cannot do without it. Nothing happens if the place is
 * null already. Returns the error, for extensions and other locations; NULL: it is not reported. */
struct gql_error *gql_fail(struct gql_execution *execution, struct gql_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* execute.c: resolves all fields of an object until one makes it null. */
void gql_execute_fields(struct gql_execution *execution, struct gql_branch *object);

/* execute_complete.c: what `value` (NULL or null: null) is as a value of the place's type. */
void gql_complete(struct gql_execution *execution, struct gql_place place, const struct gql_ref *ref,
                  const json_t *value);

/* execute_arguments.c: the arguments of a field, borrowed from the execution. NULL: they do not fit; `place` failed. */
const json_t *gql_arguments(struct gql_execution *execution, struct gql_place place, struct gql_entry *entry);

/* execute_leaf.c: what a value (not null) is as a leaf of `type`: itself, or a new value in `made` (own). NULL: it is
 * none, `message` says why. */
const json_t *gql_leaf(const struct gql_type *type, const json_t *value, json_t **made, char *message, size_t size);

#endif
