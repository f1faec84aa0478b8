#include "common/observe/log.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/timestamp.h"

enum {
    NAME_SIZE = 64,
    LINE_TAIL_SIZE = 64, /* kept free for `,"dropped":N}` and the line feed */
    WRITE_WAIT_MS = 100,
};

/* A log is the one thing that every function may use, so its destination is the process's, not a parameter. */
static struct {
    char service[NAME_SIZE], instance[NAME_SIZE];
    enum log_level level;
    int fd;
    uint64_t dropped;
} the_log = { .service = "tidegate", .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

static const char *const level_names[] = { "debug", "info", "warning", "error", "off" };

struct line {
    char *text;
    size_t size, limit; /* nothing is written beyond `limit` */
    bool cut;
};

void log_open(const char *service, const char *instance, enum log_level level)
{
    snprintf(the_log.service, sizeof the_log.service, "%s", service);
    snprintf(the_log.instance, sizeof the_log.instance, "%s", instance);
    the_log.level = level;
}

void log_to(int fd)
{
    the_log.fd = fd;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_on(enum log_level level)
{
    return level >= the_log.level && level < LOG_LEVEL_OFF;
}

static bool put(struct line *line, const char *bytes, size_t size)
{
    if (line->cut || size > line->limit - line->size) {
        line->cut = true;
        return false;
    }
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
    return true;
}

static bool put_text(struct line *line, const char *text)
{
    return put(line, text, strlen(text));
}

/* Size of the UTF-8 sequence at `at` (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0: there is none. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
    size_t size;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    size = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (left < size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return size;
}

static bool put_character(struct line *line, const unsigned char *at, size_t size)
{
    char escape[8];

    switch (*at) {
    case '"': return put(line, "\\\"", 2);
    case '\\': return put(line, "\\\\", 2);
    case '\n': return put(line, "\\n", 2);
    case '\r': return put(line, "\\r", 2);
    case '\t': return put(line, "\\t", 2);
    default: break;
    }
    if (*at < 0x20 || *at == 0x7f) { /* DEL too, so that no line plays tricks on a terminal */
        snprintf(escape, sizeof escape, "\\u%04x", *at);
        return put(line, escape, 6);
    }
    return put(line, (const char *)at, size);
}

static bool put_string(struct line *line, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);
    bool shortened = left > LOG_TEXT_SIZE_MAX;

    if (shortened)
        left = LOG_TEXT_SIZE_MAX;
    if (!put(line, "\"", 1))
        return false;
    while (left > 0) {
        size_t size = utf8_size(at, left);

        if (size == 0) {
            if (shortened && left < 4)
                break; /* a sequence that the cut itself broke */
            if (!put(line, replacement, 3))
                return false;
            size = 1;
        } else if (!put_character(line, at, size)) {
            return false;
        }
        at += size;
        left -= size;
    }
    return (!shortened || put_text(line, "...")) && put(line, "\"", 1);
}

static bool put_value(struct line *line, const struct log_field *field)
{
    char number[40];

    switch (field->type) {
    case LOG_TYPE_TEXT: return field->as.text == NULL ? put_text(line, "null") : put_string(line, field->as.text);
    case LOG_TYPE_BOOLEAN: return put_text(line, field->as.boolean ? "true" : "false");
    case LOG_TYPE_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)field->as.integer);
        return put_text(line, number);
    case LOG_TYPE_REAL:
        if (!isfinite(field->as.real))
            return put_text(line, "null"); /* JSON has no other word for it */
        snprintf(number, sizeof number, "%.9g", field->as.real);
        return put_text(line, number);
    }
    return false;
}

/* A field that does not fit is left out whole, so that the line stays JSON. */
static void put_field(struct line *line, const struct log_field *field)
{
    const size_t before = line->size;

    if (field->key == NULL || line->cut)
        return;
    if (!(put(line, ",", 1) && put_string(line, field->key) && put(line, ":", 1) && put_value(line, field)))
        line->size = before;
}

size_t log_format(enum log_level level, int64_t now_ms, const char *event, const struct log_field *fields, size_t count,
                  char out[LOG_LINE_SIZE])
{
    struct line line = { .text = out, .limit = LOG_LINE_SIZE - LINE_TAIL_SIZE };
    char ts[TIMESTAMP_SIZE], tail[LINE_TAIL_SIZE];
    int size;

    /* Always three digits, unlike timestamp_format's, so that lines sort as text. */
    timestamp_format(now_ms - ((now_ms % 1000) + 1000) % 1000, ts);
    size = snprintf(out, LOG_LINE_SIZE, "{\"ts\":\"%.19s.%03dZ\",\"level\":\"%s\"", ts,
                    (int)(((now_ms % 1000) + 1000) % 1000), level_names[level]);
    line.size = (size_t)size;
    put_field(&line, &LOG_TEXT("service", the_log.service));
    put_field(&line, &LOG_TEXT("instance", the_log.instance));
    put_field(&line, &LOG_TEXT("event", event));
    for (size_t i = 0; i < count; i++)
        put_field(&line, &fields[i]);
    line.limit = LOG_LINE_SIZE;
    if (line.cut) {
        line.cut = false;
        put_text(&line, ",\"cut\":true");
    }
    if (the_log.dropped > 0) {
        snprintf(tail, sizeof tail, ",\"dropped\":%llu", (unsigned long long)the_log.dropped);
        put_text(&line, tail);
    }
    put(&line, "}\n", 2);
    return line.size;
}

/* One write(2) of the whole line; only a pipe that takes a part of it makes a second one necessary. */
static bool write_line(const char *text, size_t size)
{
    struct pollfd ready = { .fd = the_log.fd, .events = POLLOUT };

    while (size > 0) {
        ssize_t written = write(the_log.fd, text, size);

        if (written >= 0) {
            text += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            if (poll(&ready, 1, WRITE_WAIT_MS) <= 0)
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    char line[LOG_LINE_SIZE];
    const int saved = errno; /* logging an error must not lose it */
    size_t size;

    if (!log_on(level))
        return;
    size = log_format(level, clock_now_ms(), event, fields, count, line);
    if (write_line(line, size))
        the_log.dropped = 0;
    else
        the_log.dropped++;
    errno = saved;
}
