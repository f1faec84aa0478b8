/* outcomes.h - what became of requests, as the services' read models say. A reply is a hint that may be lost; the row
 * is the truth, and stays. */
#ifndef TIDEGATE_GATEWAY_OUTCOMES_H
#define TIDEGATE_GATEWAY_OUTCOMES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct pg;

struct outcome {
    int topic;    /* of the service that decided: topic_number() of common/log/record.h */
    int status;   /* of HTTP */
    json_t *body; /* NULL: none */
};

enum { OUTCOMES_LOOK_MAX = 1000 };

/* The statements, for pg_options.setup_sql. */
extern const char outcomes_setup_sql[];

/* found[i] is the outcome of ids[i], or has status 0 where there is no row yet; borrowed for the call. NULL: the
 * database did not answer. */
typedef void outcomes_looked(void *context, const struct outcome *found, size_t count);

/* Looks up `count` (at most OUTCOMES_LOOK_MAX) requests at the service that owns `topic`; `ids` are copied. False:
 * `done` will not be called, the database is not there (or this topic has no outcomes). */
bool outcomes_look(struct pg *pg, int topic, const char *const *ids, size_t count, outcomes_looked *done, void *context,
                   struct error *err);

/* IDs of requests, both included. */
struct id_range {
    const char *first, *last;
};
struct keyed_outcome {
    const char *request_id; /* NULL: there is no row */
    struct outcome outcome;
};

/* `found` is borrowed for the call. NULL: the database did not answer. */
typedef void outcomes_looked_keyed(void *context, const struct keyed_outcome *found);

/* Looks for one request whose ID is in `wanted`, the first of them; where there is none, for one in `all`. The ranges are
 * borrowed for the call. False: as outcomes_look. */
bool outcomes_look_keyed(struct pg *pg, int topic, struct id_range wanted, struct id_range all,
                         outcomes_looked_keyed *done, void *context, struct error *err);

#endif
