/* patient_pool.h - connections for reads (common/pg/pool.h) whose clients do not notice that one of them breaks: what has
 * no answer then, or finds no connection, is asked again for PATIENT_MS. Reads alone may be asked twice. */
#ifndef TIDEGATE_GATEWAY_PATIENT_POOL_H
#define TIDEGATE_GATEWAY_PATIENT_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/pg/pool.h"

struct event_base;
struct patient_pool; /* opaque */

enum {
    PATIENT_MS = 5000,      /* so long a failure of the storage is none (contract, 1.2) */
    PATIENT_PAUSE_MS = 100, /* between two attempts */
};

/* As pg_pool_open. Own: patient_pool_close, which answers PG_LOST to all that has no answer yet. */
struct patient_pool *patient_pool_open(struct event_base *base, const struct pg_options *options, size_t count,
                                       const struct pg_pool_hooks *hooks, struct error *err);
void patient_pool_close(struct patient_pool *pool);

bool patient_pool_ready(const struct patient_pool *pool);

/* Copies the parameters; what is prepared keeps its name as long as the pool lives. `done` is called once, and not from
 * inside: PG_LOST when time has run out. False: `done` will not be called, for `pool` is NULL: closed. */
bool patient_pool_submit(struct patient_pool *pool, const struct pg_statement *statements, size_t count, pg_done *done,
                         void *context);

#endif
