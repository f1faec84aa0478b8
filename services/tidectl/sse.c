#include "services/tidectl/sse.h"

#include <stdio.h>
#include <string.h>

static void clear(struct text *text)
{
    text->size = 0;
    if (text->bytes != NULL)
        text->bytes[0] = '\0';
}

static void take_field(struct sse *sse, const char *name, const char *value)
{
    if (strcmp(name, "data") == 0) {
        if (sse->has_data)
            text_add(&sse->data, "\n");
        text_add(&sse->data, value);
        sse->has_data = true;
    } else if (strcmp(name, "event") == 0) {
        clear(&sse->type);
        text_add(&sse->type, value);
    } else if (strcmp(name, "id") == 0 && strlen(value) < SSE_ID_SIZE) {
        snprintf(sse->next_id, sizeof sse->next_id, "%s", value);
    }
}

/* Only what was told counts as read. False: no more, please. */
static bool end_message(struct sse *sse, sse_message *message, void *context)
{
    const char *type = sse->type.size > 0 ? sse->type.bytes : "message";
    const bool more = !sse->has_data || message(context, type, sse->data.bytes != NULL ? sse->data.bytes : "");

    memcpy(sse->id, sse->next_id, sizeof sse->id);
    clear(&sse->type);
    clear(&sse->data);
    sse->has_data = false;
    return more;
}

static bool take_line(struct sse *sse, sse_message *message, void *context)
{
    char *line = sse->line.bytes, *colon;
    const char *value = "";
    bool more = true;

    if (sse->line.size == 0) {
        more = end_message(sse, message, context);
    } else if (line[0] != ':') { /* a comment */
        colon = strchr(line, ':');
        if (colon != NULL) {
            *colon = '\0';
            value = colon[1] == ' ' ? colon + 2 : colon + 1;
        }
        take_field(sse, line, value);
    }
    clear(&sse->line);
    return more;
}

bool sse_read(struct sse *sse, const char *bytes, size_t size, sse_message *message, void *context)
{
    while (size > 0) {
        size_t span = 0;

        if (sse->after_return && *bytes == '\n') { /* of a CR LF */
            sse->after_return = false;
            bytes++;
            size--;
            continue;
        }
        sse->after_return = false;
        while (span < size && bytes[span] != '\n' && bytes[span] != '\r')
            span++;
        if (sse->line.size + sse->data.size + span > SSE_MESSAGE_SIZE_MAX)
            return false;
        text_add_bytes(&sse->line, bytes, span);
        if (span == size)
            return true;
        sse->after_return = bytes[span] == '\r';
        if (!take_line(sse, message, context))
            return false;
        bytes += span + 1;
        size -= span + 1;
    }
    return true;
}

void sse_begin(struct sse *sse)
{
    clear(&sse->line);
    clear(&sse->type);
    clear(&sse->data);
    memcpy(sse->next_id, sse->id, sizeof sse->next_id);
    sse->has_data = sse->after_return = false;
}

void sse_release(struct sse *sse)
{
    text_release(&sse->line);
    text_release(&sse->type);
    text_release(&sse->data);
    *sse = (struct sse){ 0 };
}
