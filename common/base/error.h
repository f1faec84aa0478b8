/* error.h - one error type for all of Tidegate: a code to branch on, a message to read.
 *
 * A message says what, where, and what would be right. A failed call fills `err` and leaves its results
 * untouched; a successful one leaves `err` untouched. `err` may be NULL wherever it is taken. */
#ifndef TIDEGATE_BASE_ERROR_H
#define TIDEGATE_BASE_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE,
    ERROR_INPUT, /* what the caller or client gave is wrong; repeating it will not help */
    ERROR_NOT_FOUND,
    ERROR_CONFLICT,    /* against the present state */
    ERROR_DENIED,      /* not allowed, or not known who asks */
    ERROR_UNAVAILABLE, /* Kafka, PostgreSQL, a file or a peer cannot be used now; repeating may help */
    ERROR_INTERNAL,
};

enum { ERROR_MESSAGE_SIZE = 512 };

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_SIZE]; /* cut, never overrun */
};

/* Sets code and message. Returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *err, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the message that `err` has. */
void error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
