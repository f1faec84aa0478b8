#include "services/api-gateway/reads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/observe/log.h"
#include "common/pg/pg.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/outcomes.h"

static const char unavailable[] = "the database does not answer; try again";

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
    case PG_DONE: (reading.answer != NULL ? reading.answer : answer_first)(reading.exchange, answer->results[0]); break;
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
    const struct pg_statement statement = { .prepared = read->statement,
                                            .params = read->params,
                                            .param_count = read->param_count };

    if (reading == NULL)
        abort();
    *reading = (struct reading){ exchange, read->statement, read->answer };
    if (pg_submit(visit_of(exchange)->gateway->pg, &statement, 1, read_done, reading, NULL))
        return;
    free(reading);
    answer_refused(exchange, 503, unavailable);
}

char *reads_setup_sql(void)
{
    char *sql = NULL;
    size_t size;
    FILE *out = open_memstream(&sql, &size);

    if (out == NULL)
        abort();
    /* Filters that are not given must cost nothing, so plans are made for the parameters at hand. */
    fputs("SET plan_cache_mode = force_custom_plan; SET statement_timeout = '15s'; SET jit = off;", out);
    fputs(outcomes_setup_sql, out);
    orchestrations_put_setup(out);
    runtimes_put_setup(out);
    if (fclose(out) != 0)
        abort();
    return sql;
}
