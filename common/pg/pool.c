#include "common/pg/pool.h"

#include <assert.h>
#include <stdlib.h>

struct pg_pool {
    struct pg_pool_hooks hooks;
    struct member {
        struct pg_pool *pool;
        struct pg *pg; /* NULL: closed already */
        bool ready;
    } members[PG_POOL_CONNECTIONS_MAX];
    size_t count;
};

static void member_ready(void *context)
{
    struct member *member = context;
    const struct pg_pool_hooks *hooks = &member->pool->hooks;

    member->ready = true;
    if (hooks->ready != NULL && pg_pool_ready(member->pool))
        hooks->ready(hooks->context);
}

static void member_lost(void *context, const struct error *err)
{
    struct member *member = context;
    const struct pg_pool_hooks *hooks = &member->pool->hooks;

    member->ready = false;
    if (hooks->lost != NULL)
        hooks->lost(hooks->context, err);
}

static void member_failed(void *context, const struct error *err)
{
    const struct member *member = context;
    const struct pg_pool_hooks *hooks = &member->pool->hooks;

    if (hooks->failed != NULL)
        hooks->failed(hooks->context, err);
}

struct pg_pool *pg_pool_open(struct event_base *base, const struct pg_options *options, size_t count,
                             const struct pg_pool_hooks *hooks, struct error *err)
{
    struct pg_pool *pool = calloc(1, sizeof *pool);

    assert(count > 0 && count <= PG_POOL_CONNECTIONS_MAX);
    if (pool == NULL) {
        error_set(err, ERROR_INTERNAL, "PostgreSQL: no memory for %zu connections", count);
        return NULL;
    }
    pool->hooks = *hooks;
    pool->count = count; /* from the start, so that none is ready before the last one */
    for (size_t i = 0; i < count; i++) {
        struct member *member = &pool->members[i];
        const struct pg_hooks member_hooks = {
            .ready = member_ready, .lost = member_lost, .failed = member_failed, .context = member
        };

        member->pool = pool;
        member->pg = pg_open(base, options, &member_hooks, err);
        if (member->pg == NULL) {
            pg_pool_close(pool);
            return NULL;
        }
    }
    return pool;
}

void pg_pool_close(struct pg_pool *pool)
{
    struct pg *closing[PG_POOL_CONNECTIONS_MAX];

    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->count; i++) { /* none takes what the answers of another submit */
        closing[i] = pool->members[i].pg;
        pool->members[i].pg = NULL;
    }
    for (size_t i = 0; i < pool->count; i++)
        pg_close(closing[i]);
    free(pool);
}

bool pg_pool_ready(const struct pg_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (!pool->members[i].ready)
            return false;
    return true;
}

bool pg_pool_submit(struct pg_pool *pool, const struct pg_statement *statements, size_t count, pg_done *done,
                    void *context, struct error *err)
{
    struct pg *best = NULL;

    for (size_t i = 0; pool != NULL && i < pool->count; i++) {
        struct pg *pg = pool->members[i].pg;

        if (pg != NULL && (best == NULL || pg_room(pg) > pg_room(best)))
            best = pg;
    }
    if (best == NULL)
        return error_set(err, ERROR_UNAVAILABLE, "PostgreSQL: the connections are closed");
    return pg_submit(best, statements, count, done, context, err);
}
