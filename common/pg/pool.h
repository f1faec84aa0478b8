/* pool.h - several connections to PostgreSQL that are all alike (pg.h), so that the server works on several reads at
 * once and a long one holds up only what is behind it on its own connection. For reads: nothing is said of the order in
 * which segments run. */
#ifndef TIDEGATE_PG_POOL_H
#define TIDEGATE_PG_POOL_H

#include "common/pg/pg.h"

struct pg_pool; /* opaque */

enum { PG_POOL_CONNECTIONS_MAX = 16 };

/* Of any connection, as in pg.h. A hook may be NULL. */
struct pg_pool_hooks {
    void (*ready)(void *context);                           /* from now on all of them are */
    void (*lost)(void *context, const struct error *err);   /* one of them is no more */
    void (*failed)(void *context, const struct error *err); /* one of them did not come about; it is tried anew */
    void *context;
};

/* Begins to open `count` connections (1 to PG_POOL_CONNECTIONS_MAX). `options` and `hooks` are copied. Own:
 * pg_pool_close. NULL: as pg_open. */
struct pg_pool *pg_pool_open(struct event_base *base, const struct pg_options *options, size_t count,
                             const struct pg_pool_hooks *hooks, struct error *err);

/* Every unanswered segment is answered PG_LOST first; what those answers submit is refused. Not from inside a hook or an
 * answer. NULL is fine. */
void pg_pool_close(struct pg_pool *pool);

/* Are all connections there? */
bool pg_pool_ready(const struct pg_pool *pool);

/* As pg_submit, on the connection with the fewest segments under way. False as well where `pool` is NULL: it is closed. */
bool pg_pool_submit(struct pg_pool *pool, const struct pg_statement *statements, size_t count, pg_done *done,
                    void *context, struct error *err);

#endif
