/* document.h - a valid document, and what executions of it have in common. Private to this folder. */
#ifndef GRAPHQL_DOCUMENT_H
#define GRAPHQL_DOCUMENT_H

#include "common/graphql/execute_plan.h"
#include "common/graphql/names.h"
#include "common/graphql/schema.h"

struct gql_document {
    const struct gql_schema *schema;
    struct gql_ast *ast;
    struct gql_limits limits;
    size_t users;
    size_t executions; /* that run now */

    const struct gql_definition **definitions; /* by their index */
    struct gql_names *fragments;               /* from a name to the index of its definition; NULL: there are none */
    uint32_t *visited;                         /* by the index of a fragment: the walk that came by last */
    uint32_t walk;                             /* the newest walk */

    bool is_conditional;        /* @skip or @include depend on variables: executions plan for themselves */
    struct gql_planner planner; /* of all executions otherwise */
};

/* The operation that `name` (NULL or "": the only one) means. NULL: `message` says why there is none. */
const struct gql_definition *gql_document_find(const struct gql_document *document, const char *name, char *message,
                                               size_t message_size);

/* The fragment that a spread means; there is one in a valid document. */
const struct gql_definition *gql_document_fragment(const struct gql_document *document, const char *name);

/* A walk through selections visits each fragment once. A new walk ends the former one. */
void gql_document_walk(struct gql_document *document);
bool gql_document_is_visited(const struct gql_document *document, const struct gql_definition *fragment);
void gql_document_visit(struct gql_document *document, const struct gql_definition *fragment);

/* Bytes of text, tree and plans. */
size_t gql_document_bytes(struct gql_document *document);

#endif
