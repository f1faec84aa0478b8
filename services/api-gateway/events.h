/* events.h - streams of server-sent events (HTML, section 9.2): GET /orchestrations/{orchestration_id}/events.
 *
 * One message for each CloudEvent of the orchestration, from its acceptance on or after Last-Event-ID, and then as they
 * happen. A stream ends by itself only when the token that opened it expires. Heartbeats are comments. What a client does
 * not take waits up to a limit; then it gets no more until it has taken all of it, and is dropped where it takes too
 * long. */
#ifndef TIDEGATE_GATEWAY_EVENTS_H
#define TIDEGATE_GATEWAY_EVENTS_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct events; /* opaque */

enum {
    EVENTS_WAITING_SIZE_MAX = 256 * 1024, /* from here on a stream waits; a record's events more may wait at most */
    EVENTS_STALL_MS = 10 * 1000,          /* within which it must have taken them */
    EVENTS_HEARTBEAT_MS = 15 * 1000,
};

struct events_options {
    const char *kafka, *instance; /* copied */
    int partitions;
    size_t streams_max;
    int64_t patience_ms; /* until a stream that Kafka does not let begin is refused */
};

/* Own: events_free, before the HTTP server. */
struct events *events_new(struct event_base *base, const struct events_options *options);

/* Ends all streams. NULL is fine. */
void events_free(struct events *events);

/* Ends all streams, telling their clients to connect again, and takes no new ones. */
void events_drain(struct events *events);

#endif
