/* database.h - what integration tests against PostgreSQL share: an event loop, waiting for a condition with a deadline,
 * hooks that count, and single statements from outside. TIDEGATE_TEST_DATABASE holds the connection string. */
#ifndef TIDEGATE_TESTS_INTEGRATION_DATABASE_H
#define TIDEGATE_TESTS_INTEGRATION_DATABASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <libpq-fe.h>

#include "common/base/error.h"
#include "common/base/timestamp.h"

enum { LIMIT_MS = 60000 };

static const char *conninfo;
static struct event_base *base;

static inline int database_set_up(void **state)
{
    (void)state;
    conninfo = getenv("TIDEGATE_TEST_DATABASE");
    if (conninfo == NULL || conninfo[0] == '\0') {
        fprintf(stderr,
                "TIDEGATE_TEST_DATABASE is not set: it must be the connection string of a PostgreSQL for tests\n");
        return -1;
    }
    base = event_base_new();
    return base == NULL ? -1 : 0;
}

static inline int database_tear_down(void **state)
{
    (void)state;
    if (base != NULL) /* called after a failed set-up too */
        event_base_free(base);
    return 0;
}

static inline void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
}

#define wait_for(condition)                                              \
    do {                                                                 \
        const struct timeval tick = { .tv_usec = 20000 };                \
        int64_t wait_until_ms = clock_now_ms() + LIMIT_MS;               \
        while (!(condition)) {                                           \
            if (clock_now_ms() > wait_until_ms)                          \
                fail_msg("not within %d ms: %s", LIMIT_MS, #condition);  \
            event_base_once(base, -1, EV_TIMEOUT, on_tick, NULL, &tick); \
            event_base_loop(base, EVLOOP_ONCE);                          \
        }                                                                \
    } while (0)

/* What the hooks of a connection or a store told. */
struct told {
    int ready, lost, failed;
    struct error err;
};

static inline void tell_ready(void *context)
{
    ((struct told *)context)->ready++;
}

static inline void tell_lost(void *context, const struct error *err)
{
    ((struct told *)context)->lost++;
    ((struct told *)context)->err = *err;
}

static inline void tell_failed(void *context, const struct error *err)
{
    ((struct told *)context)->failed++;
    ((struct told *)context)->err = *err;
}

/* One statement on a connection of its own, at once. Gives the first field; own. */
static inline char *ask(const char *sql)
{
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    char *value = strdup("");

    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    if (PQntuples(result) > 0) {
        free(value);
        value = strdup(PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    PQfinish(conn);
    return value;
}

static inline void run(const char *sql)
{
    free(ask(sql));
}

static inline void assert_asked(const char *sql, const char *want)
{
    char *value = ask(sql);

    assert_string_equal(value, want);
    free(value);
}

#endif
