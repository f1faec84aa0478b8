/* reads.h - an answer out of the read model: one prepared statement, whose one row makes the whole answer. */
#ifndef TIDEGATE_GATEWAY_READS_H
#define TIDEGATE_GATEWAY_READS_H

#include <libpq-fe.h>
#include <stdio.h>

#include "common/base/error.h"
#include "common/http/server.h"
#include "common/pg/pool.h"

struct event_base;
struct patient_pool;

enum { READ_PARAMS_MAX = 12 };

/* How PostgreSQL comes to the plan of a statement. */
enum read_plan {
    READ_PLAN_EACH,  /* anew for the parameters at hand, so that filters that are not given cost nothing */
    READ_PLAN_FIXED, /* once: for what goes by indexes whatever the parameters are, and costs less than planning does.
                        Only rows that are looked for by an index, nested loops; never whole tables */
};

struct read {
    const char *statement;               /* prepared; see reads_setup_sql */
    const char *params[READ_PARAMS_MAX]; /* borrowed for the call; NULL is SQL's */
    int param_count;
    enum read_plan plan;
    /* Answers the exchange out of the rows, which are borrowed for the call. NULL: the first column of the first row is
     * the JSON of a 200. */
    void (*answer)(struct exchange *exchange, const PGresult *rows);
};

/* Runs it, then answers; 503 if there is no database for PATIENT_MS (patient_pool.h). */
void read_answer(struct exchange *exchange, const struct read *read);

/* Text of the first column as a 200. */
void answer_json_text(struct exchange *exchange, const char *text);

/* For pg_options.setup_sql: all that is read is prepared once a connection. Own: free(). */
char *reads_setup_sql(void);

/* Begins to open `count` connections for all reads, on which several are under way at once. As patient_pool_open. */
struct patient_pool *reads_open(struct event_base *base, const char *conninfo, size_t count,
                                const struct pg_pool_hooks *hooks, struct error *err);

/* Write the statements of the areas. */
void orchestrations_put_setup(FILE *out);
void lane_request_put_setup(FILE *out);
void operation_detail_put_setup(FILE *out);
void runtimes_put_setup(FILE *out);
void events_put_setup(FILE *out);

#endif
