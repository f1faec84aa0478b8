#include "common/graphql/json_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 1024, INSPECT_DEPTH = 2, INSPECT_ITEMS = 10 };

/* --- Growing --- */

void gql_text_grow(struct gql_text *text, size_t more)
{
    size_t room = text->room ? text->room : ROOM_MIN;

    while (room - text->size < more)
        room *= 2;
    text->bytes = realloc(text->bytes, room);
    if (!text->bytes)
        abort();
    text->room = room;
}

void gql_text_add(struct gql_text *text, const char *bytes, size_t size)
{
    gql_text_reserve(text, size);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void add_byte(struct gql_text *text, char byte)
{
    gql_text_reserve(text, 1);
    text->bytes[text->size++] = byte;
}

/* --- Strings --- */

static const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

/* Is one of eight bytes `byte`, or less than it? */
static uint64_t has_byte(uint64_t eight, unsigned char byte)
{
    uint64_t zero_where_equal = eight ^ (ones * byte);

    return (zero_where_equal - ones) & ~zero_where_equal & tops;
}

static uint64_t has_less(uint64_t eight, unsigned char byte)
{
    return (eight - ones * byte) & ~eight & tops;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* How many bytes from the beginning on need no escape. Nearly all strings need none at all. */
static size_t plain_prefix(const char *bytes, size_t size)
{
    size_t at = 0;
    uint64_t eight;

    for (; at + sizeof(eight) <= size; at += sizeof(eight)) {
        memcpy(&eight, bytes + at, sizeof(eight));
        if (has_less(eight, 0x20) | has_byte(eight, '"') | has_byte(eight, '\\'))
            break;
    }
    while (at < size && is_plain((unsigned char)bytes[at]))
        at++;
    return at;
}

static void add_escaped(struct gql_text *text, unsigned char byte)
{
    static const char short_names[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"'
    };
    char name = byte == '\\' ? '\\' : byte < sizeof(short_names) ? short_names[byte] : '\0';

    gql_text_reserve(text, sizeof("\\u0000"));
    if (name != '\0') {
        text->bytes[text->size++] = '\\';
        text->bytes[text->size++] = name;
    } else {
        text->size += (size_t)snprintf(text->bytes + text->size, sizeof("\\u0000"), "\\u%04x", byte);
    }
}

void gql_text_string(struct gql_text *text, const char *bytes, size_t size)
{
    size_t at = 0;

    gql_text_reserve(text, size + 2);
    text->bytes[text->size++] = '"';
    while (at < size) {
        size_t plain = plain_prefix(bytes + at, size - at);

        gql_text_add(text, bytes + at, plain);
        at += plain;
        if (at < size)
            add_escaped(text, (unsigned char)bytes[at++]);
    }
    add_byte(text, '"');
}

/* --- Numbers --- */

static size_t integer_text(long long number, char out[GQL_NUMBER_SIZE])
{
    char digits[GQL_NUMBER_SIZE];
    unsigned long long left = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    size_t count = 0, size = 0;

    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        out[size++] = '-';
    while (count > 0)
        out[size++] = digits[--count];
    return size;
}

/* The fewest digits that read back as `number` (positive), and the power of ten of the first one. */
static size_t shortest_digits(double number, char digits[GQL_NUMBER_SIZE], int *power)
{
    char text[GQL_NUMBER_SIZE];
    size_t count = 0;
    /* 15 digits always survive a normal double, so that fewer are the same ones with zeros behind. */
    int precision = number < 2.3e-308 ? 0 : 14;

    for (; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    digits[0] = '0';
    for (const char *at = text; *at != 'e' && *at != '\0'; at++)
        if (*at != '.')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    *power = atoi(strchr(text, 'e') + 1);
    return count;
}

static size_t with_exponent(const char *digits, size_t count, int power, char *out)
{
    size_t size = 0;

    out[size++] = digits[0];
    if (count > 1) {
        out[size++] = '.';
        memcpy(out + size, digits + 1, count - 1);
        size += count - 1;
    }
    return size + (size_t)sprintf(out + size, "e%+d", power);
}

static size_t without_exponent(const char *digits, size_t count, int power, char *out)
{
    size_t size = 0;

    if (power < 0) {
        size = (size_t)sprintf(out, "0.%.*s", -power - 1, "00000");
        memcpy(out + size, digits, count);
        return size + count;
    }
    for (size_t i = 0; i < count || i <= (size_t)power; i++) {
        if (i == (size_t)power + 1)
            out[size++] = '.';
        out[size++] = i < count ? digits[i] : '0';
    }
    return size;
}

size_t gql_number_text(double number, char out[GQL_NUMBER_SIZE])
{
    char digits[GQL_NUMBER_SIZE];
    size_t count, size = 0;
    int power;

    if (fabs(number) < 9007199254740992.0 && trunc(number) == number)
        return integer_text((long long)number, out);
    if (number < 0)
        out[size++] = '-';
    count = shortest_digits(fabs(number), digits, &power);
    return size + (power >= -6 && power <= 20 ? without_exponent(digits, count, power, out + size)
                                              : with_exponent(digits, count, power, out + size));
}

static void add_number(struct gql_text *text, const json_t *value)
{
    gql_text_reserve(text, GQL_NUMBER_SIZE);
    text->size += json_is_integer(value) ? integer_text(json_integer_value(value), text->bytes + text->size)
                                         : gql_number_text(json_real_value(value), text->bytes + text->size);
}

/* --- Values --- */

static void add_array(struct gql_text *text, const json_t *array)
{
    size_t count = json_array_size(array);

    add_byte(text, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            add_byte(text, ',');
        gql_text_json(text, json_array_get(array, i));
    }
    add_byte(text, ']');
}

static void add_object(struct gql_text *text, const json_t *value)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators do not know const */
    bool is_first = true;

    add_byte(text, '{');
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        if (!is_first)
            add_byte(text, ',');
        is_first = false;
        gql_text_string(text, json_object_iter_key(at), json_object_iter_key_len(at));
        add_byte(text, ':');
        gql_text_json(text, json_object_iter_value(at));
    }
    add_byte(text, '}');
}

void gql_text_json(struct gql_text *text, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: add_object(text, value); break;
    case JSON_ARRAY: add_array(text, value); break;
    case JSON_STRING: gql_text_string(text, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER:
    case JSON_REAL: add_number(text, value); break;
    case JSON_TRUE: gql_text_add(text, "true", 4); break;
    case JSON_FALSE: gql_text_add(text, "false", 5); break;
    case JSON_NULL: gql_text_add(text, "null", 4); break;
    }
}

/* --- Quoted in messages --- */

/* What is written beyond `max` is cut anyway. */
struct inspection {
    struct gql_text text;
    size_t max;
};

static void inspect(struct inspection *inspection, const json_t *value, int depth);

static void inspect_array(struct inspection *inspection, const json_t *array, int depth)
{
    struct gql_text *text = &inspection->text;
    size_t count = json_array_size(array);
    char more[64];

    if (count > 0 && depth >= INSPECT_DEPTH) {
        gql_text_add(text, "[Array]", 7);
        return;
    }
    gql_text_add(text, "[", 1);
    for (size_t i = 0; i < count && i < INSPECT_ITEMS; i++) {
        if (i > 0)
            gql_text_add(text, ", ", 2);
        inspect(inspection, json_array_get(array, i), depth + 1);
    }
    if (count > INSPECT_ITEMS) {
        size_t left = count - INSPECT_ITEMS;
        int size = snprintf(more, sizeof(more), ", ... %zu more item%s", left, left == 1 ? "" : "s");

        gql_text_add(text, more, (size_t)size);
    }
    gql_text_add(text, "]", 1);
}

static void inspect_object(struct inspection *inspection, const json_t *value, int depth)
{
    struct gql_text *text = &inspection->text;
    json_t *object = (json_t *)(uintptr_t)value;
    void *first = json_object_iter(object);

    if (!first || depth >= INSPECT_DEPTH) {
        gql_text_add(text, first ? "[Object]" : "{}", first ? 8 : 2);
        return;
    }
    gql_text_add(text, "{ ", 2);
    for (void *at = first; at && text->size < inspection->max; at = json_object_iter_next(object, at)) {
        if (at != first)
            gql_text_add(text, ", ", 2);
        gql_text_add(text, json_object_iter_key(at), json_object_iter_key_len(at));
        gql_text_add(text, ": ", 2);
        inspect(inspection, json_object_iter_value(at), depth + 1);
    }
    gql_text_add(text, " }", 2);
}

static void inspect(struct inspection *inspection, const json_t *value, int depth)
{
    if (inspection->text.size >= inspection->max)
        return;
    if (json_is_array(value)) {
        inspect_array(inspection, value, depth);
    } else if (json_is_object(value)) {
        inspect_object(inspection, value, depth);
    } else if (json_is_string(value)) {
        size_t size = json_string_length(value);

        gql_text_string(&inspection->text, json_string_value(value), size < inspection->max ? size : inspection->max);
    } else {
        gql_text_json(&inspection->text, value);
    }
}

void gql_inspect(const json_t *value, char *out, size_t size)
{
    struct inspection inspection = { .max = size };
    size_t length;

    gql_text_reserve(&inspection.text, 1); /* so that there is a text, whatever is put in */
    inspect(&inspection, value, 0);
    length = inspection.text.size < size ? inspection.text.size : size - 1;
    memcpy(out, inspection.text.bytes, length);
    out[length] = '\0';
    free(inspection.text.bytes);
}
