/* names.h - a table from names to indexes, for look-ups in constant time. Private to this folder.
 *
 * It is made for a number of names that is known before and lives in an arena. Names are borrowed: they must live as
 * long as the table. */
#ifndef GRAPHQL_NAMES_H
#define GRAPHQL_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/graphql/arena.h"

struct gql_names; /* opaque */

#define GQL_NO_NAME UINT32_MAX

/* Room for `count_max` names. */
struct gql_names *gql_names_new(struct gql_arena *arena, size_t count_max);

/* The index of `name`, which is now `index` if it was not there before. */
uint32_t gql_names_add(struct gql_names *names, const char *name, uint32_t index);

/* GQL_NO_NAME: it is not there. NULL `names`: nothing is. */
uint32_t gql_names_find(const struct gql_names *names, const char *name);

#endif
