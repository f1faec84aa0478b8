/* zones.h - the time zones that maintenance policies name, with what was known of them. Private to the scheduler. Pure.
 *
 * As JSON: {"Europe/Berlin": [[1577836800, 3600], [1585443600, 7200], ...]}, seconds since the Unix epoch and seconds
 * ahead of UTC from then on. */
#ifndef TIDEGATE_SCHEDULER_ZONES_H
#define TIDEGATE_SCHEDULER_ZONES_H

#include <jansson.h>

#include "common/base/error.h"
#include "common/window/zone.h"

struct zones; /* opaque */

struct zones *zones_new(void);
void zones_free(struct zones *zones); /* NULL is fine */

/* Adds those of `json` (NULL: none); what is known of one already is replaced, and zones_find still gives the same one.
 * False: `err` (ERROR_INPUT) says what is wrong, and nothing is added. */
bool zones_add(struct zones *zones, const json_t *json, struct error *err);

/* NULL: it is not known; nor is NULL. Lives as long as `zones`. */
const struct zone *zones_find(const struct zones *zones, const char *name);

/* All of them; NULL: none. The caller owns it. */
json_t *zones_json(const struct zones *zones);

#endif
