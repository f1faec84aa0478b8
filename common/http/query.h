/* query.h - application/x-www-form-urlencoded: the query of a URL, the body of a form.
 *
 * `+` is a space, %XX a byte; repeated members are kept in their order; empty pairs are left out; a name without '='
 * has an empty value. Decoded texts are valid UTF-8 without NUL, so that a database takes them. Pure. */
#ifndef TIDEGATE_HTTP_QUERY_H
#define TIDEGATE_HTTP_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct query; /* opaque */

enum { QUERY_MEMBER_COUNT_MAX = 1024 }; /* of a URL */

/* Own: query_free. NULL (ERROR_INPUT): a bad escape, no valid UTF-8, or more than `count_max` members. */
struct query *query_parse(const char *text, size_t size, size_t count_max, struct error *err);
void query_free(struct query *query);

/* The same of a URL, whose reader ignores members that it does not know: what does not decode is kept as it was sent, as
 * percent_raw does it. NULL: more than QUERY_MEMBER_COUNT_MAX members. */
struct query *query_parse_url(const char *text, size_t size, struct error *err);

/* Did all values that are called `name` decode? False (ERROR_INPUT): `err` begins with the name. For members that mean
 * something else when they are not what was meant. */
bool query_is_decoded(const struct query *query, const char *name, struct error *err);

/* How many members are called `name`, exactly. */
size_t query_count(const struct query *query, const char *name);

/* The value of the `index`th of them, or NULL. Lives as long as `query`. */
const char *query_value(const struct query *query, const char *name, size_t index);

/* The value of the next of them from `*at` on, which is 0 for the first; NULL: there are no more. For lists so long that
 * each must not be counted to from the beginning. */
const char *query_next(const struct query *query, const char *name, size_t *at);

/* Decodes %XX (and, if `plus`, '+') of `size` bytes into a text. Own: free(). NULL as query_parse. */
char *percent_decode(const char *text, size_t size, bool plus, struct error *err);

/* What does not decode, as it was sent, bytes beyond ASCII as '?': a text that nothing is called. Own: free(). */
char *percent_raw(const char *text, size_t size);

#endif
