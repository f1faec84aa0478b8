/* reads.h - an answer out of the read model: one prepared statement, whose one row makes the whole answer. */
#ifndef TIDEGATE_GATEWAY_READS_H
#define TIDEGATE_GATEWAY_READS_H

#include <libpq-fe.h>
#include <stdio.h>

#include "common/http/server.h"

enum { READ_PARAMS_MAX = 12 };

struct read {
    const char *statement;               /* prepared; see reads_setup_sql */
    const char *params[READ_PARAMS_MAX]; /* borrowed for the call; NULL is SQL's */
    int param_count;
    /* Answers the exchange out of the rows, which are borrowed for the call. NULL: the first column of the first row is
     * the JSON of a 200. */
    void (*answer)(struct exchange *exchange, const PGresult *rows);
};

/* Runs it, then answers; 503 while there is no database. */
void read_answer(struct exchange *exchange, const struct read *read);

/* Text of the first column as a 200. */
void answer_json_text(struct exchange *exchange, const char *text);

/* For pg_options.setup_sql: all that is read is prepared once a connection. Own: free(). */
char *reads_setup_sql(void);

/* Write the statements of the areas. */
void orchestrations_put_setup(FILE *out);
void runtimes_put_setup(FILE *out);

#endif
