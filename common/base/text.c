#include "common/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 512 };

void text_release(struct text *text)
{
    free(text->bytes);
    *text = (struct text){ 0 };
}

static char *room(struct text *text, size_t size)
{
    size_t wanted = text->size + size + 1;

    if (wanted > text->room) {
        size_t grown = text->room * 2 > wanted ? text->room * 2 : wanted;

        if (grown < ROOM_MIN)
            grown = ROOM_MIN;
        text->bytes = realloc(text->bytes, grown);
        if (text->bytes == NULL)
            abort();
        text->room = grown;
    }
    return text->bytes + text->size;
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
    char *end = room(text, size);

    memcpy(end, bytes, size);
    end[size] = '\0';
    text->size += size;
}

void text_add(struct text *text, const char *literal)
{
    text_add_bytes(text, literal, strlen(literal));
}

void text_add_integer(struct text *text, int64_t integer)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (integer < 0)
        *--at = '-';
    text_add_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

/* RFC 8259: quotation mark, reverse solidus and control characters must be escaped. */
static void add_escaped(struct text *text, unsigned char c)
{
    char escape[8];

    switch (c) {
    case '"': text_add_bytes(text, "\\\"", 2); return;
    case '\\': text_add_bytes(text, "\\\\", 2); return;
    case '\n': text_add_bytes(text, "\\n", 2); return;
    case '\t': text_add_bytes(text, "\\t", 2); return;
    case '\r': text_add_bytes(text, "\\r", 2); return;
    default: text_add_bytes(text, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c)); return;
    }
}

/* How many of the first bytes stand for themselves. */
static size_t plain_size(const char *string, size_t size)
{
    size_t plain = 0;

    while (plain < size && (unsigned char)string[plain] >= 0x20 && string[plain] != '"' && string[plain] != '\\')
        plain++;
    return plain;
}

/* Mostly all of a string is plain, and needs room once. */
static void add_string(struct text *text, const char *string, size_t size)
{
    size_t plain = plain_size(string, size);
    char *end = room(text, plain + 2);

    *end++ = '"';
    memcpy(end, string, plain);
    text->size += plain + 1;
    while (plain < size) {
        size_t next;

        add_escaped(text, (unsigned char)string[plain++]);
        next = plain_size(string + plain, size - plain);
        text_add_bytes(text, string + plain, next);
        plain += next;
    }
    text_add_bytes(text, "\"", 1);
}

void text_add_string(struct text *text, const char *string)
{
    add_string(text, string, strlen(string));
}

static void add_object(struct text *text, json_t *object)
{
    const char *separator = "{", *name;
    json_t *member;

    json_object_foreach(object, name, member) {
        text_add_bytes(text, separator, 1);
        text_add_string(text, name);
        text_add_bytes(text, ":", 1);
        text_add_json(text, member);
        separator = ",";
    }
    text_add(text, separator[0] == '{' ? "{}" : "}");
}

static void add_array(struct text *text, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        text_add_bytes(text, i == 0 ? "[" : ",", 1);
        text_add_json(text, json_array_get(array, i));
    }
    text_add(text, json_array_size(array) == 0 ? "[]" : "]");
}

static void add_real(struct text *text, const json_t *real)
{
    char digits[64];

    text_add_bytes(text, digits, json_dumpb(real, digits, sizeof digits, JSON_ENCODE_ANY));
}

/* jansson's own dump keeps a hash table of all that it is inside of, to notice circles; ours come from decoding or are
 * built member by member, and have none. Its table cost more than all else here together. */
void text_add_json(struct text *text, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: add_object(text, (json_t *)(uintptr_t)json); break;
    case JSON_ARRAY: add_array(text, json); break;
    case JSON_STRING: add_string(text, json_string_value(json), json_string_length(json)); break;
    case JSON_INTEGER: text_add_integer(text, json_integer_value(json)); break;
    case JSON_REAL: add_real(text, json); break;
    case JSON_TRUE: text_add(text, "true"); break;
    case JSON_FALSE: text_add(text, "false"); break;
    case JSON_NULL: text_add(text, "null"); break;
    }
}

void text_add_name(struct text *text, const char *name)
{
    size_t size = strlen(name);
    char *end = room(text, size + 4);

    *end++ = ',';
    *end++ = '"';
    memcpy(end, name, size + 1);
    memcpy(end + size, "\":", 3);
    text->size += size + 4;
}

void text_add_member(struct text *text, const char *name, const char *string)
{
    if (string == NULL)
        return;
    text_add_name(text, name);
    text_add_string(text, string);
}

void text_vformat(char *out, size_t size, const char *format, va_list list)
{
    size_t end = size - 1;

    if ((size_t)vsnprintf(out, size, format, list) < size)
        return;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && ((unsigned char)out[end - 1] & 0x80) != 0)
        end--;
    out[end] = '\0';
}

void text_format(char *out, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    text_vformat(out, size, format, list);
    va_end(list);
}
