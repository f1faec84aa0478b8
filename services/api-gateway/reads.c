#include "services/api-gateway/reads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/observe/log.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/patient_pool.h"

enum { SEGMENTS_MAX = 1024 }; /* reads that one connection has under way */

static const char unavailable[] = "while reading the database: it does not answer; try again";

struct reading {
    struct exchange *exchange;
    const char *statement;
    void (*answer)(struct exchange *exchange, const PGresult *rows);
};

void answer_json_text(struct exchange *exchange, const char *text)
{
    exchange_answer(exchange, 200, "application/json", text, strlen(text));
}

static void answer_first(struct exchange *exchange, const PGresult *rows)
{
    answer_json_text(exchange, PQgetvalue(rows, 0, 0));
}

static void read_done(void *context, const struct pg_answer *answer)
{
    struct reading reading = *(struct reading *)context;

    free(context);
    switch (answer->outcome) {
    case PG_DONE:
        (reading.answer != NULL ? reading.answer : answer_first)(reading.exchange, answer->results[answer->count - 1]);
        break;
    case PG_ERROR:
        log_error("read_refused", LOG_TEXT("statement", reading.statement), LOG_TEXT("sqlstate", answer->sqlstate),
                  LOG_TEXT("error", answer->err.message));
        answer_refused(reading.exchange, 500, "while reading the database: it refused the question; see the log");
        break;
    case PG_LOST: answer_refused(reading.exchange, 503, unavailable); break;
    }
}

void read_answer(struct exchange *exchange, const struct read *read)
{
    struct reading *reading = malloc(sizeof *reading);
    const struct pg_statement statements[] = {
        { .prepared = "reads_plan_each" },
        { .prepared = read->statement, .params = read->params, .param_count = read->param_count }
    };
    const size_t first = read->plan == READ_PLAN_FIXED ? 1 : 0;

    if (reading == NULL)
        abort();
    *reading = (struct reading){ exchange, read->statement, read->answer };
    if (patient_pool_submit(visit_of(exchange)->gateway->reads, &statements[first], 2 - first, read_done, reading))
        return;
    free(reading);
    answer_refused(exchange, 503, unavailable);
}

/* Fixed plans are made without a look at the parameters, and perhaps before the tables have rows or statistics: so only
 * those that go by indexes are offered. */
static const char session_sql[] =
    "SET plan_cache_mode = force_generic_plan; SET statement_timeout = '15s'; SET jit = off;"
    " SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;\n";

/* Runs before a statement of READ_PLAN_EACH, for its transaction alone. */
static const char plan_each_sql[] =
    "PREPARE reads_plan_each AS SELECT set_config('plan_cache_mode', 'force_custom_plan', true),"
    " set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true),"
    " set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true);\n";

char *reads_setup_sql(void)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);

    if (out == NULL)
        abort();
    fputs(session_sql, out);
    fputs(plan_each_sql, out);
    orchestrations_put_setup(out);
    lane_request_put_setup(out);
    operation_detail_put_setup(out);
    runtimes_put_setup(out);
    events_put_setup(out);
    if (fclose(out) != 0)
        abort();
    return sql;
}

struct patient_pool *reads_open(struct event_base *base, const char *conninfo, size_t count,
                                const struct pg_pool_hooks *hooks, struct error *err)
{
    char *setup_sql = reads_setup_sql();
    const struct pg_options options = { .conninfo = conninfo, .setup_sql = setup_sql, .segments_max = SEGMENTS_MAX };
    struct patient_pool *pool = patient_pool_open(base, &options, count, hooks, err);

    free(setup_sql);
    return pool;
}
