#include "services/api-gateway/events_record.h"

#include <stdlib.h>
#include <string.h>

/* What is left to read. Whatever goes wrong sets `at` to NULL, and everything after it fails too. */
struct cursor {
    const char *at, *end;
};

static bool fail(struct cursor *cursor)
{
    cursor->at = NULL;
    return false;
}

static bool take(struct cursor *cursor, char wanted)
{
    if (cursor->at == NULL || cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

/* A string; `out` is what stands between its quotes. A control character is not allowed in one, so that what is handed
 * on has no line break. */
static bool take_string(struct cursor *cursor, struct span *out)
{
    const char *begin;

    if (!take(cursor, '"'))
        return fail(cursor);
    begin = cursor->at;
    for (; cursor->at < cursor->end && (unsigned char)*cursor->at >= ' '; cursor->at++) {
        if (*cursor->at == '"') {
            *out = (struct span){ begin, (size_t)(cursor->at - begin) };
            cursor->at++;
            return true;
        }
        if (*cursor->at == '\\' && cursor->at + 1 < cursor->end && (unsigned char)cursor->at[1] >= ' ')
            cursor->at++;
    }
    return fail(cursor);
}

/* Any value: brackets are counted, not matched, because a producer that writes JSON wrote it. */
static bool take_value(struct cursor *cursor, struct span *out)
{
    const char *begin = cursor->at;
    size_t depth = 0;
    struct span string;

    while (cursor->at != NULL && cursor->at < cursor->end) {
        const char here = *cursor->at;

        if (here == '"') {
            if (!take_string(cursor, &string))
                return false;
        } else if (here == '{' || here == '[') {
            depth++;
            cursor->at++;
        } else if (here == '}' || here == ']' || here == ',') {
            if (depth == 0)
                break;
            depth -= here != ',';
            cursor->at++;
        } else if ((unsigned char)here <= ' ') {
            return fail(cursor);
        } else {
            cursor->at++;
        }
        if (depth == 0 && (here == '"' || here == '}' || here == ']'))
            break;
    }
    if (cursor->at == NULL || depth != 0 || cursor->at == begin)
        return fail(cursor);
    *out = (struct span){ begin, (size_t)(cursor->at - begin) };
    return true;
}

static bool take_name(struct cursor *cursor, struct span *name)
{
    return take_string(cursor, name) && (take(cursor, ':') || fail(cursor));
}

static bool is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

static bool read_event(struct cursor *cursor, struct viewed_event *event)
{
    const char *begin = cursor->at;
    struct span name, value;

    *event = (struct viewed_event){ 0 };
    if (!take(cursor, '{'))
        return fail(cursor);
    do {
        if (!take_name(cursor, &name))
            return false;
        if (is(name, "type") || is(name, "subject")) {
            if (!take_string(cursor, is(name, "type") ? &event->type : &event->subject))
                return false;
        } else if (!take_value(cursor, &value)) {
            return false;
        }
    } while (take(cursor, ','));
    if (!take(cursor, '}') || event->type.bytes == NULL || event->subject.bytes == NULL)
        return fail(cursor);
    event->json = (struct span){ begin, (size_t)(cursor->at - begin) };
    return true;
}

static struct viewed_event *next_event(struct record_view *view)
{
    if (view->count == view->room) {
        view->room = view->room > 0 ? view->room * 2 : 16;
        view->events = realloc(view->events, view->room * sizeof *view->events);
        if (view->events == NULL)
            abort();
    }
    return &view->events[view->count++];
}

static bool read_events(struct cursor *cursor, struct record_view *view)
{
    if (!take(cursor, '['))
        return fail(cursor);
    if (take(cursor, ']'))
        return true;
    do {
        if (!read_event(cursor, next_event(view)))
            return false;
    } while (take(cursor, ','));
    return take(cursor, ']') || fail(cursor);
}

static bool read_prev(struct cursor *cursor, struct record_view *view)
{
    struct span prev;

    if (!take_string(cursor, &prev) || prev.size != SHA256_HEX_SIZE - 1)
        return fail(cursor);
    memcpy(view->prev, prev.bytes, prev.size);
    view->prev[prev.size] = '\0';
    return true;
}

bool record_view_read(struct record_view *view, const char *bytes, size_t size)
{
    struct cursor cursor = { bytes, size > 0 ? bytes + size : bytes };
    bool has_events = false;
    struct span name, value;

    view->count = 0;
    view->prev[0] = '\0';
    if (!take(&cursor, '{'))
        return false;
    do {
        bool is_read;

        if (!take_name(&cursor, &name))
            return false;
        if (is(name, "prev"))
            is_read = read_prev(&cursor, view);
        else if (is(name, "events"))
            is_read = has_events = read_events(&cursor, view);
        else
            is_read = take_value(&cursor, &value);
        if (!is_read)
            return false;
    } while (take(&cursor, ','));
    return take(&cursor, '}') && cursor.at == cursor.end && has_events && view->prev[0] != '\0';
}

void record_view_release(struct record_view *view)
{
    free(view->events);
    *view = (struct record_view){ 0 };
}
