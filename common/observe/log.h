/* log.h - JSON log lines: one event, one line, one write(2). An event is a constant name, then keys:
 *
 *     log_info("partition_restored", LOG_INT("partition", p), LOG_TEXT("trace_id", trace_id));
 *
 * Every line has ts, level, service, instance and event before the keys. Arguments are evaluated only if the level is
 * on. Texts are escaped, invalid UTF-8 becomes U+FFFD, long values are cut; a line never exceeds LOG_LINE_SIZE.
 * Never log secrets: tokens, passwords, bodies. */
#ifndef TIDEGATE_OBSERVE_LOG_H
#define TIDEGATE_OBSERVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_LINE_SIZE = 8192, LOG_TEXT_SIZE_MAX = 2048 };

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };

enum log_type { LOG_TYPE_TEXT, LOG_TYPE_INTEGER, LOG_TYPE_REAL, LOG_TYPE_BOOLEAN };

struct log_field {
    const char *key; /* a constant; NULL: the field is left out */
    enum log_type type;
    union {
        const char *text; /* NULL is written as null */
        int64_t integer;
        double real;
        bool boolean;
    } as;
};

#define LOG_TEXT(name, value) ((struct log_field){ .key = (name), .type = LOG_TYPE_TEXT, .as.text = (value) })
#define LOG_INT(name, value) \
    ((struct log_field){ .key = (name), .type = LOG_TYPE_INTEGER, .as.integer = (int64_t)(value) })
#define LOG_REAL(name, value) ((struct log_field){ .key = (name), .type = LOG_TYPE_REAL, .as.real = (value) })
#define LOG_BOOL(name, value) ((struct log_field){ .key = (name), .type = LOG_TYPE_BOOLEAN, .as.boolean = (value) })
#define LOG_END ((struct log_field){ .key = NULL })

/* Names the process and sets the level; texts are copied. Before the first call: level info, service "tidegate".
 * Lines go to `fd`; standard error by default (log_to). */
void log_open(const char *service, const char *instance, enum log_level level);
void log_to(int fd);

/* "debug", "info", "warning", "error", "off" (the choices for a setting: LOG_LEVEL_CHOICES). False: none of these. */
#define LOG_LEVEL_CHOICES "debug|info|warning|error|off"
bool log_level_parse(const char *text, enum log_level *level);

bool log_on(enum log_level level);

/* Writes the line. Waits at most 100 ms for a full pipe; then the line is dropped, counted, and the next line that
 * gets through says so (key "dropped"). */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* The line as it would be written, with its line feed, without writing it; for tests. Gives its size. */
size_t log_format(enum log_level level, int64_t now_ms, const char *event, const struct log_field *fields, size_t count,
                  char out[LOG_LINE_SIZE]);

/* The event's name comes first, then any number of fields. */
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__, LOG_END)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__, LOG_END)
#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__, LOG_END)

/* For a level that is a variable; the fields are closed by LOG_END, as ISO C wants one argument at least. */
#define log_event(level, event, ...)                                                          \
    do {                                                                                      \
        if (log_on(level)) {                                                                  \
            const struct log_field log_fields_[] = { __VA_ARGS__ };                           \
            log_write(level, event, log_fields_, sizeof log_fields_ / sizeof log_fields_[0]); \
        }                                                                                     \
    } while (0)

#endif
