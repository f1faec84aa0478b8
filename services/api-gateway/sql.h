/* sql.h - what several statements of the gateway share. Pure. */
#ifndef TIDEGATE_GATEWAY_SQL_H
#define TIDEGATE_GATEWAY_SQL_H

#include <stddef.h>

#include "common/http/query.h"

/* An SQL expression: the timestamptz expression `of` as the wire writes it: RFC 3339 in UTC, trailing zeros of the
 * fraction dropped (contract, section 1.10). JSON's own way to write it takes half the time of to_char. */
#define SQL_TIMESTAMP(of) "trim('\"' from to_json(" of " AT TIME ZONE 'UTC')::text) || 'Z'"

/* The same where null means "no window". */
#define SQL_WINDOW(of) "coalesce(" SQL_TIMESTAMP(of) ", '0001-01-01T00:00:00Z')"

/* PostgreSQL's text of an array of texts: {"a","b\"c"}. Own: free(). */
char *sql_text_array(const char *const *texts, size_t count);

/* All values of the query's member `name` as such an array; NULL: there are none. Own: free(). */
char *sql_query_array(const struct query *query, const char *name);

#endif
