/* partition.h - the inside of the processor: what it knows of one partition. Private to processor.c, takeover.c,
 * serve.c and projection.c. */
#ifndef TIDEGATE_LOG_PARTITION_H
#define TIDEGATE_LOG_PARTITION_H

#include "common/log/processor.h"
#include "common/log/record.h"

#include <uthash.h>

enum {
    BATCH_RECORDS_MAX = 256,     /* of one decision round: bounds the time that other partitions wait, */
    BATCH_BYTES_MAX = 256 << 10, /* and where requests are large, these do, before their values leave the cache */
    PENDING_MAX = 4000,          /* requests in memory before the reader is held */
    PENDING_LOW = 1000,
    GROUP_MS = 200,
    GROUP_RECORDS_MAX = 1024, /* cores keep what rows need for some thousands of records */
    DEADLINE_FLOOR_MS = 100,
    HOLE_ALARM_MS = 60000,
    LOOK_MS = 5000, /* an idle owner compares the stored position this often */
};

enum phase {
    PHASE_CLOSED,   /* not ours */
    PHASE_SETTLING, /* waits until all of our own appends and messages are resolved */
    PHASE_LOADING,  /* waits for the live rows */
    PHASE_READING,  /* reads the tail of events, sends its messages again, projects it */
    PHASE_CHECKING, /* waits for the request at the last cause */
    PHASE_SERVING,
    PHASE_BLOCKED, /* ours, but the logs are not the ones we knew */
};

struct row {
    UT_hash_handle hh;
    int table;
    size_t size; /* of the text */
    char *text;  /* JSON; behind the key */
    char key[];  /* "<table> <id>" */
};

struct message_out {
    int topic, partition;
    char *bytes;
    size_t size;
};

struct reply {
    int partition;
    char *bytes;
    size_t size;
};

/* Records that go the same way together. */
struct batch {
    struct batch *next;
    bool closed;                   /* rows and marks of all since the last closed batch are captured */
    bool acted, dead;              /* messages are on their way; its partition was surprised */
    bool awaited;                  /* somebody waits to see its rows */
    size_t unacknowledged, unsent; /* appends, messages on their way */
    size_t records;
    int64_t cause_next; /* the request after its last cause */
    struct position reached;
    char *seen, *sent; /* the marks after it, as JSON */
    struct message_out *messages;
    size_t message_count, message_size;
    struct reply *replies;
    size_t reply_count, reply_size;
    struct row *rows; /* by key */
    json_t *outcomes; /* array or NULL */
    struct calls calls;
    struct names touched; /* aggregates, for eviction */
};

struct flight {
    struct partition *partition;
    struct batch *batch; /* NULL: a message to ourselves, nothing waits for it */
    int64_t expected;    /* offset; -1: a message, any offset is right */
};

/* Decoded as late as can be: values take many times the room of their text, and thousands may wait. */
struct pending {
    int64_t offset, append_ms;
    char *bytes; /* NULL: decoded */
    size_t size;
    struct incoming incoming;
    bool decodable;
    struct error why;
};

struct tail_record {
    int64_t offset;
    char *bytes;
    size_t size;
    struct tail_record *next;
};

/* An aggregate that unprojected batches touch, or that stays in memory though it is not live. In order of use. */
struct cached {
    char *id;
    size_t batches;
    UT_hash_handle hh;
};

struct partition {
    struct processor *processor;
    int number;
    enum phase phase;
    bool assigned;
    void *state;
    char blocked[ERROR_MESSAGE_SIZE];

    size_t flights; /* unresolved appends and messages, dead batches' too */
    bool loading;   /* a load is under way */
    bool looking;   /* it is only the position that is asked for */
    bool storing;
    bool unsure; /* the connection was lost while storing: look before going on */
    bool database_lost;

    struct position stored, storing_to; /* what the database holds, and will hold */
    struct position last;               /* the last record that is ours */
    int64_t end;                        /* the offset that the next append must get */
    int64_t cause_offset;               /* of the last record; -1: none */
    char *cause_id;
    int64_t time_ms; /* of the last record */
    struct marks seen, sent;

    struct pending *pending; /* a queue: [head, head + count) */
    size_t head, count, size;
    bool held;
    struct names absent;   /* aggregates that were looked for and do not exist */
    struct names asked;    /* those that the load under way is for */
    int64_t reject_offset; /* a decision that was too large: reject it this time; -1 */

    struct tail_record *tail, **tail_end;
    size_t tail_count;
    bool tail_read;  /* the end was reached */
    bool tail_first; /* the next record must be the stored one */

    struct batch *batches, **batches_end; /* oldest first */
    size_t backlog;                       /* records in them */
    struct changes open;                  /* what changed since the last closed batch */
    size_t open_records;
    int64_t closed_ms;
    struct batch *storing_last; /* the last batch of the projection under way */

    struct cached *cached;

    struct deadline fired; /* the deadline told last, and when */
    int64_t fired_ms, armed_ms;
    int64_t hole_since_ms, looked_ms;
};

struct processor {
    struct processor_options options;
    const struct core *core;
    int topic;
    struct partition *partitions;
    struct processor_stats stats;
    int64_t now_ms;
    bool draining;
};

/* takeover.c */
void partition_surprise(struct partition *partition, const char *what);
void partition_block(struct partition *partition, const char *why);
void partition_close(struct partition *partition);
void partition_settled(struct partition *partition); /* goes on if nothing is on its way any more */
void partition_restore(struct partition *partition, const struct restored *restored);
void partition_tail_run(struct partition *partition);
void partition_tail_add(struct partition *partition, int64_t offset, const char *bytes, size_t size);
void partition_check(struct partition *partition, int64_t offset, const char *id);

/* serve.c */
void pending_release(struct pending *pending);
void partition_pend(struct partition *partition, int64_t offset, int64_t append_ms, const char *bytes, size_t size);
void partition_serve(struct partition *partition);
void partition_arm(struct partition *partition);
void partition_look(struct partition *partition);
/* Asks the database for those of `ids` that are not in memory. True: nothing is missing. */
bool partition_has(struct partition *partition, const struct names *ids);
void partition_loaded(struct partition *partition, const struct restored *restored);

/* batch.c */
struct batch *batch_new(void);
/* Takes in what a record caused; `messages` get their origins here. */
void batch_add(struct partition *partition, struct batch *batch, const struct record *record,
               const struct position *position, const struct messages *messages);
/* The batch is whole: queues it, and captures the rows that changed as they are now, or later with those of the batches
 * that follow. Takes the batch over. */
void batch_close(struct partition *partition, struct batch *batch, struct changes *changes);
void partition_close_group(struct partition *partition); /* if it is time */
bool partition_busy(const struct partition *partition);  /* records or messages are on their way */
void batch_touch(struct partition *partition, struct batch *batch, const struct names *ids);
void batch_free(struct batch *batch);
void partition_advance(struct partition *partition); /* moves the batches on as far as they can go */
void partition_stored(struct partition *partition, enum stored stored);
void partition_drop_batches(struct partition *partition);

static inline const struct port *port_of(const struct partition *partition)
{
    return &partition->processor->options.port;
}

#endif
