#include "services/api-gateway/events_position.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log/record.h"

enum { DIGITS_MAX = 18 }; /* fewer than an int64_t may have, so that nothing overflows */

void event_position_format(const struct event_position *position, char out[EVENT_POSITION_SIZE])
{
    snprintf(out, EVENT_POSITION_SIZE, "%d-%lld-%d-%s", position->partition, (long long)position->offset,
             position->index, position->hash);
}

/* A decimal number up to `max`, without sign and leading zeros. Moves `text` behind it. */
static bool take_number(const char **text, int64_t max, int64_t *out)
{
    const size_t size = strspn(*text, "0123456789");

    if (size == 0 || size > DIGITS_MAX || (size > 1 && **text == '0'))
        return false;
    *out = strtoll(*text, NULL, 10);
    *text += size;
    return *out <= max;
}

static bool take_dash(const char **text)
{
    if (**text != '-')
        return false;
    (*text)++;
    return true;
}

static bool take_hash(const char *text, char out[POSITION_HASH_SIZE])
{
    if (strlen(text) != POSITION_HASH_SIZE - 1 || strspn(text, "0123456789abcdef") != POSITION_HASH_SIZE - 1)
        return false;
    memcpy(out, text, POSITION_HASH_SIZE);
    return true;
}

bool event_position_parse(const char *text, struct event_position *out, struct error *err)
{
    struct event_position position = { .index = INT_MAX };
    int64_t partition = 0, index = INT_MAX;
    const char *at = text;
    bool is_right = take_number(&at, PARTITIONS_MAX - 1, &partition) && take_dash(&at) &&
                    take_number(&at, INT64_MAX, &position.offset);

    if (is_right && *at != '\0')
        is_right = take_dash(&at) && take_number(&at, INT_MAX - 1, &index);
    if (is_right && *at != '\0')
        is_right = take_dash(&at) && take_hash(at, position.hash);
    if (!is_right)
        return error_set(
            err, ERROR_INPUT,
            "Last-Event-ID: \"%.80s\" is not the id of an event, as 4-1207-0-9f86d081884c7d65 is: partition, "
            "offset, index, start of the record's hash",
            text);
    position.partition = (int)partition;
    position.index = (int)index;
    *out = position;
    return true;
}

void sse_event_add(struct text *text, const struct event_position *position, const struct sse_event *event)
{
    char id[EVENT_POSITION_SIZE];

    event_position_format(position, id);
    text_add(text, "id: ");
    text_add(text, id);
    text_add(text, "\nevent: ");
    text_add_bytes(text, event->type, event->type_size);
    text_add(text, "\ndata: ");
    text_add_bytes(text, event->json, event->json_size);
    text_add(text, "\n\n");
}
