/* wire.h - the gateway's two clients of Kafka on one event loop: a producer of requests, and a reader of replies.
 *
 * The reader has no group: it reads one partition of gateway.replies, chosen by the gateway's name, from the end on.
 * Nothing blocks, and no hook is called from inside the functions below, but for those of wire_free. */
#ifndef TIDEGATE_GATEWAY_WIRE_H
#define TIDEGATE_GATEWAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"

struct event_base;
struct wire; /* opaque */

enum wire_delivery {
    WIRE_WRITTEN,
    WIRE_NOT_WRITTEN, /* certainly */
    WIRE_MAYBE_WRITTEN,
};

struct wire_hooks {
    void (*reply)(void *context, const char *bytes, size_t size);
    /* Once for each wire_send that was true. */
    void (*delivered)(void *context, void *opaque, enum wire_delivery how, const char *why);
    void *context;
};

struct wire_options {     /* texts are copied */
    const char *kafka;    /* bootstrap servers */
    const char *instance; /* this process's name: its hash chooses the partition of gateway.replies */
    int partitions;       /* of every topic */
    int64_t delivery_ms;  /* until a message that Kafka does not acknowledge is given up */
};

/* Begins to connect. Own: wire_free. NULL: a setting that Kafka's client refuses. */
struct wire *wire_new(struct event_base *base, const struct wire_options *options, const struct wire_hooks *hooks,
                      struct error *err);

/* What was not delivered yet is reported so. Waits for the clients' threads. NULL is fine. */
void wire_free(struct wire *wire);

/* The partition of gateway.replies that is read. */
int wire_reply_partition(const struct wire *wire);

/* One message to `<topic>.requests` (topic_number of common/log/record.h), to the partition of `key`. `bytes` (malloc)
 * are taken over if it is true; where too many wait to be written, `delivered` tells it later. False: certainly not
 * written (ERROR_INPUT: too large). */
struct wire_message {
    int topic;
    const char *key;
    char *bytes;
    size_t size;
    void *opaque;  /* for `delivered` */
    int gather_ms; /* how long it may wait for others, below 1000; 0: for those of this turn of the loop */
};
bool wire_send(struct wire *wire, const struct wire_message *message, struct error *err);

/* What is missing until requests can be sent and replies be read; NULL: nothing. Static text. */
const char *wire_missing(const struct wire *wire);

#endif
