/* record.h - what stands in the topics: messages in <topic>.requests, records in <topic>.events.
 *
 * The formats are those of proto/README.md. Pure. */
#ifndef TIDEGATE_LOG_RECORD_H
#define TIDEGATE_LOG_RECORD_H

#include "common/base/error.h"
#include "common/base/id.h"
#include "common/log/fold.h"

/* The topics of Tidegate, in the order of their numbers below. */
extern const char *const topic_names[];
enum { TOPIC_COUNT = 4, PARTITIONS_MAX = 128 };

/* The number of a topic by its name ("runtimes"), or -1. */
int topic_number(const char *name);

/* A record of events that a message follows from, and the message's index in its `to`. */
struct origin {
    int topic, partition; /* -1: no origin */
    int64_t offset;
    int index;
};

/* The last origin seen from, or sent to, each partition of each topic. offset -1: none yet. */
struct mark {
    int64_t offset;
    int index;
};

struct marks {
    struct mark at[TOPIC_COUNT][PARTITIONS_MAX];
};

void marks_clear(struct marks *marks);

/* {"runtimes/5": [1207, 3], …}; only what is set. The caller owns it. */
json_t *marks_json(const struct marks *marks);

/* False: not such an object. */
bool marks_read(const json_t *json, struct marks *marks);

/* --- Messages --- */

struct incoming {
    json_t *json; /* the whole; everything below borrows from it */
    struct request request;
    struct origin origin;
    struct mark after; /* offset -1: none */
};

/* Decodes a message. False: `err` says what is wrong, and `out` holds what could be read (json may be NULL). */
bool incoming_decode(const struct core *core, const char *bytes, size_t size, struct incoming *out, struct error *err);
void incoming_release(struct incoming *incoming);

struct outgoing {
    const char *id;
    const char *type, *subject, *traceparent, *asked;
    int reply;            /* -1: none */
    struct origin origin; /* topic -1: none */
    struct mark after;
    json_t *data;          /* borrowed */
    const char *data_text; /* the same as JSON instead; NULL: `data` has it */
};

/* The bytes of a message; the caller frees them. */
char *outgoing_encode(const struct outgoing *message, size_t *size);

/* --- Records --- */

struct record {
    int64_t cause_offset;
    const char *cause_id;
    struct origin origin; /* topic -1: none */
    const char *prev;     /* 64 hexadecimal digits */
    int64_t time_ms;
    const char *traceparent, *asked;
    int reply, status; /* status 0: no outcome */
    json_t *body;      /* of the outcome; borrowed */
};

/* The hash before the first record. */
extern const char record_genesis[SHA256_HEX_SIZE];

/* The bytes of a record of `decision`, whose messages go to `messages`; the caller frees them. */
char *record_encode(const struct core *core, int partition, const struct record *record,
                    const struct decision *decision, const struct messages *messages, size_t *size);

struct decoded {
    json_t *json; /* the whole; everything below borrows from it */
    struct record record;
    size_t count;
    struct event *events; /* freed with the rest; `offset` is the caller's to set */
};

bool record_decode(const struct core *core, const char *bytes, size_t size, struct decoded *out, struct error *err);
void decoded_release(struct decoded *decoded);

/* Does the record's `to` say what `messages` are? */
bool record_matches(const struct decoded *decoded, const struct messages *messages);

/* The partition of `message`. */
int message_partition(const struct message *message, int partitions);

#endif
