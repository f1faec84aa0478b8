/* graphql.h - the Runtime Provisioner's GraphQL API at /graphql: over HTTP, with resolvers that read PostgreSQL and ask
 * the provisioner. */
#ifndef TIDEGATE_GATEWAY_GRAPHQL_H
#define TIDEGATE_GATEWAY_GRAPHQL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/graphql/graphql.h"

struct exchange;
struct gateway;
struct graphql; /* opaque but for graphql_call.h */

struct graphql_options {  /* texts are copied */
    const char *conninfo; /* of PostgreSQL, as for the gateway's other reads */
    size_t connections;   /* to it */
    struct gql_limits limits;
    size_t documents_bytes_max; /* valid documents that are kept */
    size_t configs_bytes_max;
    bool secrets_shown; /* administrators see secret values; else nobody does */
};

/* Begins to connect. `gateway` outlives the result. Own: graphql_free. NULL: a setting that libpq refuses. */
struct graphql *graphql_new(struct gateway *gateway, const struct graphql_options *options, struct error *err);

/* Ends what still reads; then, after the exchanges are gone, frees the rest. NULL is fine for both. */
void graphql_close(struct graphql *graphql);
void graphql_free(struct graphql *graphql);

/* Is the database there? */
bool graphql_ready(const struct graphql *graphql);

/* The statements that it prepares are in runtime_status.sql. */
bool graphql_admit(struct exchange *exchange);          /* of GET and POST. False: the exchange is answered */
void handle_graphql(struct exchange *exchange);         /* GET, POST */
void handle_graphql_options(struct exchange *exchange); /* OPTIONS */
void handle_graphql_method(struct exchange *exchange);  /* all others: 405 */

#endif
