/* events_position.h - where an event stands in the log, and how a stream of server-sent events says so.
 *
 *     4-1207-0-9f86d081884c7d65    partition, offset of the record, index of the event in it, start of the record's SHA-256
 *
 * The hash shows that the log is the one that the position was read from, and that the record was accepted when it was
 * sent: a client never sees what it is made of. Whoever writes a position by hand may leave out the hash, or index and
 * hash: then it means all of the record, and the log is read from a record that is known otherwise. Pure. */
#ifndef TIDEGATE_GATEWAY_EVENTS_POSITION_H
#define TIDEGATE_GATEWAY_EVENTS_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/text.h"

enum { POSITION_HASH_SIZE = 17, EVENT_POSITION_SIZE = 64 };

struct event_position {
    int partition;
    int64_t offset;                /* -1: none */
    int index;                     /* INT_MAX: the whole record */
    char hash[POSITION_HASH_SIZE]; /* "": not given */
};

void event_position_format(const struct event_position *position, char out[EVENT_POSITION_SIZE]);

/* False: `err` says what a position looks like. */
bool event_position_parse(const char *text, struct event_position *out, struct error *err);

/* One message of text/event-stream. Type and JSON are without line breaks. */
struct sse_event {
    const char *type, *json;
    size_t type_size, json_size;
};
void sse_event_add(struct text *text, const struct event_position *position, const struct sse_event *event);

#endif
