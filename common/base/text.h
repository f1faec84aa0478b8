/* text.h - texts for JSON: a growing one, written once and read by others, and one that is cut to fit. Building a tree of values only to dump it
 * costs several times as much as writing the text itself. */
#ifndef TIDEGATE_BASE_TEXT_H
#define TIDEGATE_BASE_TEXT_H

#include <jansson.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; give `bytes` away (free) or release. Always NUL-terminated once something was added. */
struct text {
    char *bytes;
    size_t size, room; /* without and with the space for the NUL */
};

void text_release(struct text *text);

/* Each adds to the end. Growth is bounded by what the caller adds; lack of memory ends the process. */
void text_add(struct text *text, const char *literal);
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add_integer(struct text *text, int64_t integer);
void text_add_string(struct text *text, const char *string); /* as a JSON string, quoted and escaped; valid UTF-8 */
void text_add_json(struct text *text, const json_t *json);   /* any value without a circle, compact */

/* `,"name":`; it needs no escaping. */
void text_add_name(struct text *text, const char *name);

/* `,"name":"string"` unless `string` is NULL. `name` needs no escaping. */
void text_add_member(struct text *text, const char *name, const char *string);

/* Formats into `out`, of `size` > 0 bytes; what is too long is cut between two characters of UTF-8, for JSON takes whole
 * ones only. */
void text_vformat(char *out, size_t size, const char *format, va_list list) __attribute__((format(printf, 3, 0)));
void text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
