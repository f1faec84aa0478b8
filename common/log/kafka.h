/* kafka.h - a service's clients of Kafka on one event loop: two producers, a group member, a reader.
 *
 * The member only says which partitions are ours: it is assigned them paused, and never fetches. The reader fetches, from
 * exact offsets, records of events and requests; it has no group. Nothing blocks; no hook is called from inside the
 * functions below. */
#ifndef TIDEGATE_LOG_KAFKA_H
#define TIDEGATE_LOG_KAFKA_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct kafka;

struct kafka_options {
    const char *bootstrap; /* host:port,… */
    const char *service;   /* "provisioner": the group is tidegate-<service> */
    const char *instance;  /* static member of the group, unique among its processes */
    const char *topic;     /* "runtimes": reads runtimes.requests and runtimes.events */
    int partitions;
    int session_timeout_ms; /* how long a killed process's partitions stand still */
    int read_priority;      /* of the event loop, for what is read */
    bool member;            /* false: joins no group (a rebuild) */
};

struct kafka_hooks {
    void (*assigned)(void *context, int partition);
    void (*revoked)(void *context, int partition);
    void (*delivered)(void *context, void *opaque, bool delivered, int64_t offset);
    void (*record)(void *context, int partition, int64_t offset, const char *bytes, size_t size);
    void (*end)(void *context, int partition, int64_t end);
    void (*request)(void *context, int partition, int64_t offset, int64_t append_ms, const char *bytes, size_t size);
    void (*broken)(void *context, int partition, const char *why); /* the offset asked for is not in the log */
    void (*fatal)(void *context, const char *why);                 /* the process must end */
    void *context;
};

struct kafka *kafka_open(struct event_base *base, const struct kafka_options *options, const struct kafka_hooks *hooks,
                         struct error *err);

/* Leaves nothing behind; waits for the clients' threads (the only function here that blocks). */
void kafka_close(struct kafka *kafka);

/* Produces to an explicit partition; bytes are copied. `opaque` comes back through `delivered`, also where it is NULL
 * (then nobody is told). A full queue keeps what it cannot take and goes on when there is room, in order. */
void kafka_append(struct kafka *kafka, int partition, const char *bytes, size_t size, void *opaque);
void kafka_send(struct kafka *kafka, int topic, int partition, const char *bytes, size_t size, void *opaque);
void kafka_hurry(struct kafka *kafka); /* a client waits for what messages sent so far lead to */
void kafka_reply(struct kafka *kafka, int partition, const char *bytes, size_t size);

/* Reads <topic>.events[partition] from `from` to its end; <topic>.requests[partition] from `from` on. -1: stop both. */
void kafka_read(struct kafka *kafka, int partition, int64_t from);
void kafka_take(struct kafka *kafka, int partition, int64_t from);
void kafka_hold(struct kafka *kafka, int partition, bool held);
void kafka_commit(struct kafka *kafka, int partition, int64_t next);

/* Has the group answered yet? Was it out of reach since it answered last? */
bool kafka_joined(const struct kafka *kafka);
bool kafka_down(const struct kafka *kafka);

#endif
