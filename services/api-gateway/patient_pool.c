#include "services/api-gateway/patient_pool.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct asked {
    struct patient_pool *pool;
    pg_done *done;
    void *context;
    struct pg_statement *statements; /* own, with their parameters */
    size_t count;
    struct event *pause; /* own; NULL: it never had to wait */
    int pauses;
    struct asked *prev, *next; /* in pool->waiting, while it waits */
};

struct patient_pool {
    struct event_base *base;
    struct pg_pool *connections;
    struct asked *waiting;
    bool is_closing;
};

/* --- What is asked --- */

static const char *text_copy(const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;

    if (text != NULL && copy == NULL)
        abort();
    return copy;
}

static struct pg_statement statement_copy(const struct pg_statement *statement)
{
    struct pg_statement copy = *statement;
    const char **params = calloc((size_t)statement->param_count + 1, sizeof *params);

    if (params == NULL)
        abort();
    for (int i = 0; i < statement->param_count; i++)
        params[i] = text_copy(statement->params[i]);
    copy.params = params;
    return copy;
}

static struct asked *asked_new(struct patient_pool *pool, const struct pg_statement *statements, size_t count)
{
    struct asked *asked = calloc(1, sizeof *asked);

    if (asked == NULL)
        abort();
    asked->pool = pool;
    asked->count = count;
    asked->statements = calloc(count, sizeof *asked->statements);
    if (asked->statements == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        asked->statements[i] = statement_copy(&statements[i]);
    return asked;
}

static void asked_free(struct asked *asked)
{
    for (size_t i = 0; i < asked->count; i++) {
        for (int p = 0; p < asked->statements[i].param_count; p++)
            free((char *)(uintptr_t)asked->statements[i].params[p]);
        free((void *)(uintptr_t)asked->statements[i].params);
    }
    free(asked->statements);
    if (asked->pause != NULL)
        event_free(asked->pause);
    free(asked);
}

static void answer(struct asked *asked, const struct pg_answer *what)
{
    asked->done(asked->context, what);
    asked_free(asked);
}

static void answer_lost(struct asked *asked)
{
    struct pg_answer lost = { .outcome = PG_LOST };

    error_set(&lost.err, ERROR_UNAVAILABLE, "PostgreSQL: no connection within %d ms", PATIENT_MS);
    answer(asked, &lost);
}

/* --- Asking --- */

static void ask(struct asked *asked);

static void pause_over(evutil_socket_t fd, short what, void *context)
{
    struct asked *asked = context;

    (void)fd;
    (void)what;
    DL_DELETE(asked->pool->waiting, asked);
    if (asked->pauses > PATIENT_MS / PATIENT_PAUSE_MS)
        answer_lost(asked);
    else
        ask(asked);
}

static void ask_later(struct asked *asked)
{
    const struct timeval pause = { .tv_usec = PATIENT_PAUSE_MS * 1000 };

    if (asked->pause == NULL)
        asked->pause = evtimer_new(asked->pool->base, pause_over, asked);
    if (asked->pause == NULL || evtimer_add(asked->pause, &pause) != 0)
        abort();
    asked->pauses++;
    DL_APPEND(asked->pool->waiting, asked);
}

static void answered(void *context, const struct pg_answer *what)
{
    struct asked *asked = context;

    if (what->outcome == PG_LOST && !asked->pool->is_closing)
        ask_later(asked);
    else
        answer(asked, what);
}

static void ask(struct asked *asked)
{
    if (!pg_pool_submit(asked->pool->connections, asked->statements, asked->count, answered, asked, NULL))
        ask_later(asked);
}

bool patient_pool_submit(struct patient_pool *pool, const struct pg_statement *statements, size_t count, pg_done *done,
                         void *context)
{
    struct asked *asked;

    if (pool == NULL || pool->is_closing)
        return false;
    asked = asked_new(pool, statements, count);
    asked->done = done;
    asked->context = context;
    ask(asked);
    return true;
}

/* --- Life --- */

struct patient_pool *patient_pool_open(struct event_base *base, const struct pg_options *options, size_t count,
                                       const struct pg_pool_hooks *hooks, struct error *err)
{
    struct patient_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        abort();
    pool->base = base;
    pool->connections = pg_pool_open(base, options, count, hooks, err);
    if (pool->connections != NULL)
        return pool;
    free(pool);
    return NULL;
}

void patient_pool_close(struct patient_pool *pool)
{
    struct asked *asked, *following;

    if (pool == NULL)
        return;
    pool->is_closing = true;
    pg_pool_close(pool->connections);
    DL_FOREACH_SAFE(pool->waiting, asked, following) {
        DL_DELETE(pool->waiting, asked);
        answer_lost(asked);
    }
    free(pool);
}

bool patient_pool_ready(const struct patient_pool *pool)
{
    return pg_pool_ready(pool->connections);
}
