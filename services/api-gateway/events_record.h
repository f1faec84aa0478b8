/* events_record.h - a record of an events topic, looked at without building a tree of it: a stream that catches up passes
 * over thousands of records of others, and hands on its own byte by byte. Pure. */
#ifndef TIDEGATE_GATEWAY_EVENTS_RECORD_H
#define TIDEGATE_GATEWAY_EVENTS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/id.h"

struct span {
    const char *bytes;
    size_t size;
};

struct record_view {
    char prev[SHA256_HEX_SIZE];
    struct viewed_event {
        struct span json;          /* the CloudEvent as it stands there */
        struct span type, subject; /* without the quotes; escapes as they are */
    } * events;                    /* borrow from the record */
    size_t count, room;
};

/* Reads a record that record_encode (common/log/record.h) wrote: JSON without white space. False: it is none. `view`,
 * zero-initialised at first, may be used again. */
bool record_view_read(struct record_view *view, const char *bytes, size_t size);
void record_view_release(struct record_view *view);

#endif
