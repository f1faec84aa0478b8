/* store.h - the read model of one service: its tables in one schema of PostgreSQL, and the position of each partition.
 *
 * A position says which record of a partition's events was projected last. It moves in the same transaction as the
 * rows, and only from where the caller believes it to be, so two owners of one partition can never both project.
 *
 * Beside the service's own tables (readmodel.sql) each schema has three of the store: `position`, `outcome` and
 * `definition` (store.sql). Everything goes over one pipelined connection: what is asked later happens later. No
 * callback is called from inside the function that asks; each may call any function of this header. */
#ifndef TIDEGATE_PG_STORE_H
#define TIDEGATE_PG_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/log/port.h"

struct event_base;
struct store; /* opaque: only store.c knows the fields */

struct store_options {
    const char *conninfo;      /* a libpq connection string or URI */
    const char *schema;        /* created if missing; the session's application_name too */
    const struct core *core;   /* its `tables`; outlives the store */
    const char *readmodel_sql; /* idempotent DDL, unqualified names. Each table: `partition integer NOT NULL`, a
                                       primary key, the aggregate's column as text. An index that begins with the
                                       aggregate's column (or with partition, then it) is added where none is */
    const char *views_sql;     /* views in schema api, which exists by then; NULL (a rebuild): none */
    const char *reader;        /* the role that may read schema api; ignored if NULL or missing in the server */
    bool must_be_empty;        /* a rebuild: refuse a schema that holds a position */
    bool synchronous_commit;   /* off is safe: the log is the truth, and a commit that a crash of the server loses
                                       takes the position back as well */
    size_t in_flight_max;      /* loads and projections unanswered, at most; 0: the default of pg.h */
};

struct store_hooks {
    void (*ready)(void *context);                            /* first, and after each `lost` */
    void (*lost)(void *context, const struct error *err);    /* all that was under way has been answered */
    void (*failed)(void *context, const struct error *err);  /* an attempt to connect or prepare failed; the next one
                                                                comes by itself. May be NULL */
    void (*refused)(void *context, const struct error *err); /* never ready: the schema is not empty, or does not fit
                                                                the core. Only store_close is left */
    void *context;
};

/* Begins to connect and to prepare the schema. DDL runs under one lock for all services, and only if it is not what ran
 * last; so any number of processes may start at once. `options` and `hooks` are copied, texts included. */
struct store *store_open(struct event_base *base, const struct store_options *options, const struct store_hooks *hooks,
                         struct error *err);

/* What is under way is answered as lost first; no hook is called. NULL is fine. */
void store_close(struct store *store);

/* How many loads and projections it takes now: 0 while not ready or full. */
size_t store_room(const struct store *store);

/* --- Loading --- */

/* Gives what port.h calls `restored`, in order of table, then primary key; borrowed for the call: who keeps a JSON
 * value takes a reference. Rows hold all columns but `partition`. At offset -1 the hash is 64 zeros. NULL: `err` says
 * why; ERROR_UNAVAILABLE if the connection was lost. */
typedef void store_loaded(void *context, const struct restored *restored, const struct error *err);

/* What the store holds of `partition`, in one snapshot: the position, and
 *     aggregates NULL           the rows that are live (the takeover);
 *     aggregates, count > 0     all rows of these aggregates, of every table that names an aggregate column;
 *     aggregates, count 0       no rows.
 * False: not sent and `done` will not be called: not ready (ERROR_UNAVAILABLE), or full (ERROR_CONFLICT). */
bool store_load(struct store *store, int partition, const char *const *aggregates, size_t count, store_loaded *done,
                void *context, struct error *err);

/* --- Projecting --- */

enum store_outcome {
    STORE_DONE,
    STORE_MISSED,  /* the position was another: nothing was written */
    STORE_UNKNOWN, /* the connection was lost: all was written, or nothing */
    STORE_FAILED,  /* the server refused: nothing was written; `err` says what */
};

typedef void store_projected(void *context, enum store_outcome outcome, const struct error *err);

/* Moves the position of `partition` from projection->from to projection->to and writes the rows, in one transaction.
 * The store adds `partition` to the rows; a row may stand in its array once only. A request that has several outcomes
 * keeps the last. `projection` is borrowed for the call. Projections run in the order of asking; behind one that fails,
 * the next ones of its partition miss. False: as with store_load. */
bool store_project(struct store *store, int partition, const struct projection *projection, store_projected *done,
                   void *context, struct error *err);

#endif
