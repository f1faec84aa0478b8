/* events_reader.h - reads partitions of orchestrations.events for streams: two clients of Kafka on the event loop, one at
 * the end of the log, one behind. Neither has a group or stores anything. What is not taken stays in Kafka: a client
 * keeps a few megabytes ready, and asks for more when they are gone. */
#ifndef TIDEGATE_GATEWAY_EVENTS_READER_H
#define TIDEGATE_GATEWAY_EVENTS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "services/api-gateway/events_feed.h"

struct event_base;
struct events_reader; /* opaque */

struct events_reader_hooks {
    bool (*may_read)(void *context, enum feed_reader reader, int partition);
    void (*record)(void *context, enum feed_reader reader, int partition, int64_t offset, const char *bytes,
                   size_t size);
    void (*end)(void *context, enum feed_reader reader, int partition, int64_t offset);
    void (*broken)(void *context, enum feed_reader reader, int partition); /* the log has no such offset */
    void *context;
};

/* Connects when something is first read. Own: events_reader_free. Texts are copied. */
struct events_reader *events_reader_new(struct event_base *base, const char *kafka, const char *instance,
                                        const struct events_reader_hooks *hooks);

/* Waits for the clients' threads. NULL is fine. */
void events_reader_free(struct events_reader *reader);

/* The record at `offset` is to come next (-1: none). Costs nothing where that is so already. False: Kafka's client
 * refuses. May be called from inside hooks. */
bool events_reader_read(struct events_reader *reader, enum feed_reader which, int partition, int64_t offset,
                        struct error *err);

/* may_read says yes again. */
void events_reader_again(struct events_reader *reader, enum feed_reader which, int partition);

#endif
