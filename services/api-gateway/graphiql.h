/* graphiql.h - GraphiQL, the console for GraphQL in a browser, at /graphiql.
 *
 * Its files come from a folder (deploy/graphiql/install puts them there) and are read once, at the start. They are served
 * by a table of names, so no request can reach another file, and may load nothing from anywhere else. */
#ifndef TIDEGATE_GATEWAY_GRAPHIQL_H
#define TIDEGATE_GATEWAY_GRAPHIQL_H

#include "common/base/error.h"

struct exchange;
struct graphiql; /* opaque */

/* Own: graphiql_free. NULL: a file is missing or too large. */
struct graphiql *graphiql_new(const char *folder, struct error *err);
void graphiql_free(struct graphiql *graphiql);

void handle_graphiql(struct exchange *exchange); /* 404 where the gateway has none */

#endif
