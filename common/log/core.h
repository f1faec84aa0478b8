/* core.h - what a service decides, as functions without I/O, clock or randomness.
 *
 * A core is a table of functions over the state of one partition. The processor (processor.h) feeds it requests and
 * stores, sends and shows what follows. The same events always give the same state, so everything here may be called
 * again for the same record: after a crash, on another machine, years later by an auditor.
 *
 *     decide (state, request, now)  -> events, outcome   what happens because of a request
 *     settle (state, now)           -> events            what follows from the state alone, until nothing does
 *     evolve (state, event)         -> state             the only way state changes; names the rows that it changes
 *     react  (state, event)         -> messages          what other services must be asked or told
 *     row    (state, table, id)     -> row               what the read model shows of one entity
 *     deadline (state)              -> time              when this state next needs waking, if ever
 *     drive  (state, event)         -> calls             what the outside world is asked to do
 *
 * An aggregate is the unit of loading: all its rows are in memory, or none. Strings and JSON values that are given to
 * a function are borrowed for the call; `json_t *` parameters marked (own) are taken over. */
#ifndef TIDEGATE_LOG_CORE_H
#define TIDEGATE_LOG_CORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text; /* common/base/text.h */

/* --- What a core is given --- */

struct request {
    const char *id;          /* unique; the same for every repetition of one request */
    int type;                /* index in core.request_types */
    const char *subject;     /* the key: instance ID, lane, operation ID or runtime ID */
    const json_t *data;      /* an object */
    const char *traceparent; /* W3C Trace Context, or NULL */
    const char *asked;       /* whom an outcome answers: the client's request, handed on from service to service;
                                NULL: nobody waits for an outcome */
    int reply_partition;     /* of gateway.replies, where `asked` is waited for; -1: nowhere */
};

struct event {
    int type;                /* index in core.event_types */
    const char *subject;     /* the aggregate that it happened to */
    const json_t *data;      /* an object */
    int64_t time_ms;         /* the `now` of its decision */
    int64_t offset;          /* of its record: the fence for the outside world */
    const char *traceparent; /* of the request that caused it, or NULL */
};

/* --- What a core gives --- */

/* Grown by the functions below; opaque to cores. */
struct decision;
struct changes;
struct messages;
struct calls;
struct names;

/* One more event. `data` (own) may be NULL for an empty object. */
void decision_event(struct decision *decision, int type, const char *subject, json_t *data);

/* The answer to request->asked: an HTTP status and a JSON body (own; NULL for none). At most one a decision. It becomes
 * a row of the table `outcome` and a hint to the gateway. */
void decision_outcome(struct decision *decision, int status, json_t *body);

/* The row `id` of `table` (index in core.tables) is no longer what it was. */
void changes_row(struct changes *changes, int table, const char *id);

/* One more message to `<topic>.requests`, to the partition of `key`. `type` is its full name; `data` (own).
 * `traceparent`: NULL takes the cause's. `hand_on`: it carries `asked` and the reply partition of the cause. */
struct message {
    const char *topic; /* "runtimes" */
    const char *key;
    int partition;    /* used if key is NULL */
    const char *type; /* "tidegate.runtime.upgrade.v1" */
    json_t *data;     /* (own) */
    char *data_text;  /* (own, malloc) the same as compact JSON instead: many times cheaper where it holds hundreds of
                         values; NULL: `data` has it */
    const char *traceparent;
    bool hand_on;
};
void messages_add(struct messages *messages, struct message message);

/* The number of partitions of every topic: for messages that go to all or are grouped by partition. */
int messages_partitions(const struct messages *messages);

/* One more aggregate that must be in memory (or known not to exist) before the decision. */
void names_add(struct names *names, const char *id);

/* A call to the driver: begin `stage` of `operation_id` on `runtime_id`, or go on with it; idempotent. */
struct call {
    const char *runtime_id, *operation_id, *stage;
    int64_t fence;         /* offset of the record that ordered the stage */
    int64_t ordered_at_ms; /* time of that record */
    json_t *detail;        /* (own) whatever else the driver needs; NULL: nothing */
};
void calls_add(struct calls *calls, struct call call);

/* When to wake the partition. `id` distinguishes deadlines: two firings of one deadline are at least 100 ms apart. */
struct deadline {
    int64_t at_ms; /* DEADLINE_NEVER: no need */
    char id[64];
};
#define DEADLINE_NEVER INT64_MAX

struct core_table {
    const char *name;      /* in the service's schema. Every table has a column `partition` and a primary key */
    const char *aggregate; /* the column that holds the aggregate's ID; NULL: loaded at takeover only */
    const char *live;      /* SQL condition on the row: load it at takeover; NULL: never */
};

struct core {
    const char *aggregate;            /* "orchestration": in the names of types */
    const char *topic;                /* "orchestrations": its topics are <topic>.requests and <topic>.events */
    const char *source;               /* CloudEvents source: "/tidegate/orchestrator" */
    int fold_version;                 /* raised whenever evolve or row give something else for old events */
    const char *const *request_types; /* full names, NULL-ended */
    const char *const *event_types;   /* full names, NULL-ended */
    int rejected;                     /* index of the event type for requests that cannot be decoded */
    int wake;                         /* index of the request type that a deadline becomes; -1: no deadlines.
                                          Its data: {"at": ms, "id": "<deadline id>"} */
    const struct core_table *tables;
    size_t table_count;

    void *(*state_new)(const void *settings, int partition); /* `settings` outlives the state */
    void (*state_free)(void *state);
    void (*needs)(const struct request *request, struct names *out);
    void (*event_needs)(const struct event *event, struct names *out); /* the same for evolve, when a tail is read */
    bool (*holds)(const void *state, const char *aggregate);           /* in memory? */
    bool (*live)(const void *state, const char *aggregate);            /* must it stay in memory? */
    void (*evict)(void *state, const char *aggregate);                 /* forget it: it is stored and not live */
    void (*load)(void *state, int table, const json_t *row); /* a row as `row` gave it; timestamps as timestamptz
                                                                   columns come back as RFC 3339 */
    void (*decide)(const void *state, const struct request *request, int64_t now_ms, struct decision *out);
    void (*settle)(const void *state, int64_t now_ms, struct decision *out); /* NULL: nothing ever follows */
    void (*evolve)(void *state, const struct event *event, struct changes *out);
    void (*react)(const void *state, const struct event *event, struct messages *out); /* right after its evolve */
    json_t *(*row)(const void *state, int table, const char *id); /* all columns but `partition`; the caller owns it;
                                                                     NULL: no such row, nothing is written */
    /* The same row as compact JSON, added to `out`: many times cheaper where thousands of rows change at once. False: this
     * table has it from `row` alone, nothing was added. NULL: no table has. */
    bool (*row_text)(const void *state, int table, const char *id, struct text *out);
    struct deadline (*deadline)(const void *state);                                 /* NULL: none */
    void (*drive)(const void *state, const struct event *event, struct calls *out); /* right after its evolve; NULL */
    void (*resume)(const void *state, struct calls *out); /* all that runs, after a takeover; NULL */
    /* Does somebody wait to see it? Its rows are projected at once, not with those of the next batches. NULL: never. */
    bool (*awaited)(const struct event *event);
};

/* The index of `name` in a NULL-ended list, or -1. */
int core_type(const char *const *types, const char *name);

#endif
