/* events_feed.h - who of many streams gets which event of one partition, each exactly once and in the order of the log.
 *
 * Two readers serve all streams: the live one is at the end of the log; the one behind goes back for those that are not.
 * The latter takes turns: it starts where the stream waits that has waited longest, takes all aboard that it meets, and
 * hands them to the live reader where the two meet. A stream that has no room is left where it is, and waits for another
 * turn when it has; so a slow one costs the others next to nothing, and nobody's memory grows.
 *
 * Accepted is what names the accepted record before it (the chain of `prev`); any other record is void, and skipped.
 *
 * Pure: no clock, no I/O. The caller brings records from where feed_wants says, and asks anew after each call. */
#ifndef TIDEGATE_GATEWAY_EVENTS_FEED_H
#define TIDEGATE_GATEWAY_EVENTS_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/api-gateway/events_position.h"

struct feed;        /* opaque */
struct feed_stream; /* opaque; the feed's: gone after feed_leave, or when `refused` is called */

enum feed_reader { FEED_LIVE, FEED_BEHIND, FEED_READERS };

enum {
    FEED_TURN_MS = 500,  /* a turn of the reader behind, while others wait for theirs */
    FEED_GRACE_MS = 250, /* how long those aboard wait for one that has no room */
};

/* Called from inside the functions below; they may not call any of them. */
struct feed_hooks {
    /* The stream's start stands in the log: its events follow. Once, first of all. */
    void (*admitted)(void *stream);
    /* One event, framed for the client. False: no room for more, until feed_has_room. */
    bool (*deliver)(void *stream, const char *bytes, size_t size);
    /* The stream is none of the feed's any more. `status`: of an answer that says why, if it was not admitted yet. */
    void (*refused)(void *stream, int status, const char *why);
    /* A record that was skipped. */
    void (*skipped)(void *context, int64_t offset);
    void *context;
};

/* Own: feed_free, which calls no hook. */
struct feed *feed_new(int partition, const struct feed_hooks *hooks);
void feed_free(struct feed *feed);

/* A stream of the events of `orchestration_id` (copied), from the record at `accepted_offset`, which accepted it, or
 * after `after` (offset -1: from there). */
struct feed_start {
    const char *orchestration_id;
    int64_t accepted_offset;
    struct event_position after;
};
struct feed_stream *feed_join(struct feed *feed, const struct feed_start *start, void *stream, int64_t now_ms);
void feed_leave(struct feed *feed, struct feed_stream *stream, int64_t now_ms);
void feed_has_room(struct feed *feed, struct feed_stream *stream, int64_t now_ms);

size_t feed_count(const struct feed *feed);

/* What a reader read: the record at the offset that feed_wants gave, whatever else comes is passed over; that the log
 * ends there; or that it has no such offset. */
void feed_record(struct feed *feed, enum feed_reader reader, int64_t offset, const char *bytes, size_t size,
                 int64_t now_ms);
void feed_end(struct feed *feed, enum feed_reader reader, int64_t offset, int64_t now_ms);
void feed_broken(struct feed *feed, enum feed_reader reader, int64_t now_ms);

/* Every FEED_GRACE_MS or so. */
void feed_tick(struct feed *feed, int64_t now_ms);

/* The offset that a reader is to bring next; -1: none. */
int64_t feed_wants(const struct feed *feed, enum feed_reader reader);

/* May it be brought now? No while those that it is for have no room. */
bool feed_may_read(const struct feed *feed, enum feed_reader reader);

#endif
