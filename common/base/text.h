/* text.h - a growing text, for JSON that is written once and read by others. Building a tree of values only to dump it
 * costs several times as much as writing the text itself. */
#ifndef TIDEGATE_BASE_TEXT_H
#define TIDEGATE_BASE_TEXT_H

#include <jansson.h>
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

/* `,"name":"string"` unless `string` is NULL. `name` needs no escaping. */
void text_add_member(struct text *text, const char *name, const char *string);

#endif
