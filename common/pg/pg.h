/* pg.h - one connection to PostgreSQL on an event loop: asynchronous, pipelined, kept up.
 *
 * Nothing here blocks but the resolution of a host name, which libpq leaves to the system: in production name a host
 * that resolves at once. While nobody asks anything, nothing runs: no timer, no polling.
 *
 * Life: pg_open begins to connect and goes on until it succeeds, with pauses growing from 100 ms to 2 s; then the setup
 * runs, then `ready` is called. When the connection breaks, every unanswered segment is answered PG_LOST, `lost` is
 * called, and it connects anew. No hook and no answer is ever called from inside pg_open, pg_submit or pg_script; they
 * may call any function of this header, pg_close included. */
#ifndef TIDEGATE_PG_PG_H
#define TIDEGATE_PG_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct event_base;
struct pg; /* opaque: only pg.c knows the fields */

struct pg_hooks {
    /* Connected, and `setup_sql` has run. May begin steps with pg_script; once a step begins no other, setup is over.
     * NULL: nothing more to set up. */
    void (*setup)(void *context, struct pg *pg);
    void (*ready)(void *context);                           /* from now on pg_submit takes segments, until `lost` */
    void (*lost)(void *context, const struct error *err);   /* was ready and is no more; `err` says why */
    void (*failed)(void *context, const struct error *err); /* an attempt to connect or to set up failed; the next one
                                                               comes by itself. NULL: nobody wants to know */
    void *context;
};

struct pg_options {
    const char *conninfo;  /* a libpq connection string or URI; it may override the keepalives set here */
    const char *setup_sql; /* run after each connect: SETs, and PREPAREs for what pg_submit names; one
                                       transaction. NULL: none */
    size_t segments_max;   /* unanswered segments, at most; 0: PG_SEGMENTS_MAX */
};

enum { PG_SEGMENTS_MAX = 256 };

/* `base` outlives the result; `options` and `hooks` are copied. NULL: no memory, or `conninfo` cannot be read. */
struct pg *pg_open(struct event_base *base, const struct pg_options *options, const struct pg_hooks *hooks,
                   struct error *err);

/* Every unanswered segment is answered PG_LOST first; no other hook is called. NULL is fine. */
void pg_close(struct pg *pg);

/* Drops the connection and connects no more; for a setup that finds what time cannot heal. Unanswered segments are
 * answered PG_LOST; no hook is called. pg_close is still due. */
void pg_stop(struct pg *pg);

/* --- Segments: one or more statements, one transaction --- */

struct pg_statement {
    const char *prepared;      /* the name of a prepared statement; or NULL and */
    const char *sql;           /* one SQL statement */
    const char *const *params; /* in text; a NULL is SQL's. Borrowed for the call */
    int param_count;
};

enum pg_outcome {
    PG_DONE,  /* all statements ran, and the transaction is committed */
    PG_ERROR, /* the server refused a statement: the whole segment had no effect */
    PG_LOST,  /* the connection broke: nobody knows whether the segment had effect */
};

struct pg_answer { /* borrowed for the call, results included */
    enum pg_outcome outcome;
    PGresult *const *results; /* PG_DONE: one for each statement, in their order */
    size_t count;
    size_t refused;   /* PG_ERROR: index of the statement that was refused; `count` if the commit was */
    char sqlstate[6]; /* PG_ERROR: five characters; "" otherwise */
    struct error err; /* PG_ERROR, PG_LOST: what happened, in words */
};

typedef void pg_done(void *context, const struct pg_answer *answer);

/* Sends `count` statements, then a sync. They are one transaction if none of them is BEGIN or COMMIT: an error in one
 * undoes them all, and the next segment starts afresh. Segments run in the order of submission; several may be under
 * way. False: nothing was sent and `done` will not be called; not ready (ERROR_UNAVAILABLE) or too many unanswered
 * (ERROR_CONFLICT: wait for an answer). */
bool pg_submit(struct pg *pg, const struct pg_statement *statements, size_t count, pg_done *done, void *context,
               struct error *err);

/* How many segments pg_submit takes now: 0 while not ready or full. */
size_t pg_room(const struct pg *pg);

/* --- Setup --- */

/* One step of the setup: any number of statements separated by ';', one transaction unless they say otherwise. Only
 * from inside `setup` or the `done` of an earlier step, once in each. `done` gets a result for each statement; if the
 * server refuses one, `done` is not called, `failed` is, and the connection is tried anew. `done` may be NULL. */
void pg_script(struct pg *pg, const char *sql, pg_done *done, void *context);

#endif
