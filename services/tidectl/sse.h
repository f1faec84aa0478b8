/* sse.h - reads text/event-stream (HTML, section 9.2.6) in whatever pieces it comes. Pure. */
#ifndef TIDEGATE_TIDECTL_SSE_H
#define TIDEGATE_TIDECTL_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/text.h"

enum { SSE_MESSAGE_SIZE_MAX = 8 * 1024 * 1024, SSE_ID_SIZE = 128 };

/* Zero-initialise; sse_release at the end. */
struct sse {
    struct text line, type, data;
    char id[SSE_ID_SIZE], next_id[SSE_ID_SIZE]; /* of the last whole message that had one ("": none yet); as read */
    bool has_data, after_return;
};

/* `text` is a JSON text or whatever else the server says; lives until the function returns. False: no more, please. */
typedef bool sse_message(void *context, const char *type, const char *text);

/* Calls `message` for each message that is complete. False: it asked for no more, or a message is too large. */
bool sse_read(struct sse *sse, const char *bytes, size_t size, sse_message *message, void *context);

/* Forgets what is not complete: another connection begins. */
void sse_begin(struct sse *sse);
void sse_release(struct sse *sse);

#endif
