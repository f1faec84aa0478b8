#include "common/http/query.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct member {
    char *name, *value;
    bool is_raw; /* it did not decode: the value is as it was sent */
};

struct query {
    size_t count;
    struct member members[];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* jansson knows UTF-8 strictly; asking it costs a copy of a short text. */
static bool is_utf8(const char *text, size_t size)
{
    json_t *string = json_stringn(text, size);
    const bool valid = string != NULL;

    json_decref(string);
    return valid;
}

static bool decode_byte(const char *text, size_t size, size_t at, char *out, struct error *err)
{
    const int high = at + 1 < size ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < size ? hex_digit(text[at + 2]) : -1;

    if (high < 0 || low < 0)
        return error_set(err, ERROR_INPUT, "a '%%' is not followed by two hexadecimal digits");
    *out = (char)(high * 16 + low);
    return true;
}

char *percent_decode(const char *text, size_t size, bool plus, struct error *err)
{
    char *out = malloc(size + 1);
    size_t length = 0;

    if (out == NULL)
        abort();
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '%') {
            if (!decode_byte(text, size, i, &out[length++], err))
                goto refused;
            i += 2;
        } else {
            out[length++] = plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    out[length] = '\0';
    if (memchr(out, '\0', length) == NULL && is_utf8(out, length))
        return out;
    error_set(err, ERROR_INPUT, "it is not UTF-8 text once decoded");
refused:
    free(out);
    return NULL;
}

char *percent_raw(const char *text, size_t size)
{
    char *out = strndup(text, size);

    if (out == NULL)
        abort();
    for (char *c = out; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return out;
}

/* The text that is decoded out of `size` bytes; where `raw` is given, as they are if they do not decode. */
static char *decode(const char *text, size_t size, bool *raw, struct error *err)
{
    char *decoded = percent_decode(text, size, true, err);

    if (decoded != NULL || raw == NULL)
        return decoded;
    *raw = true;
    return percent_raw(text, size);
}

/* Adds the pair of `size` bytes. False: refused, and nothing is added. */
static bool query_add(struct query *query, const char *pair, size_t size, bool keep_raw, struct error *err)
{
    const char *equals = memchr(pair, '=', size);
    const size_t name_size = equals != NULL ? (size_t)(equals - pair) : size;
    const char *value = equals != NULL ? equals + 1 : pair + size;
    struct member member = { 0 };
    bool *raw = keep_raw ? &member.is_raw : NULL;

    member.name = decode(pair, name_size, raw, err);
    if (member.name == NULL)
        return false;
    member.value = decode(value, size - (size_t)(value - pair), raw, err);
    if (member.value == NULL) {
        error_context(err, "%.64s", member.name);
        free(member.name);
        return false;
    }
    query->members[query->count++] = member;
    return true;
}

static size_t pairs_at_most(const char *text, size_t size)
{
    size_t count = 1;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '&';
    return count;
}

static struct query *parse(const char *text, size_t size, size_t count_max, bool keep_raw, struct error *err)
{
    const size_t room = text != NULL ? pairs_at_most(text, size) : 0;
    struct query *query;

    if (room > count_max) {
        error_set(err, ERROR_INPUT, "%zu members are more than %zu", room, count_max);
        return NULL;
    }
    query = calloc(1, sizeof *query + room * sizeof query->members[0]);
    if (query == NULL)
        abort();
    for (size_t begin = 0; text != NULL && begin < size;) {
        const char *end = memchr(text + begin, '&', size - begin);
        const size_t pair_size = end != NULL ? (size_t)(end - text) - begin : size - begin;

        if (pair_size > 0 && !query_add(query, text + begin, pair_size, keep_raw, err)) {
            query_free(query);
            return NULL;
        }
        begin += pair_size + 1;
    }
    return query;
}

struct query *query_parse(const char *text, size_t size, size_t count_max, struct error *err)
{
    return parse(text, size, count_max, false, err);
}

struct query *query_parse_url(const char *text, size_t size, struct error *err)
{
    return parse(text, size, QUERY_MEMBER_COUNT_MAX, true, err);
}

bool query_is_decoded(const struct query *query, const char *name, struct error *err)
{
    for (size_t i = 0; i < query->count; i++)
        if (query->members[i].is_raw && strcmp(query->members[i].name, name) == 0)
            return error_set(
                err, ERROR_INPUT,
                "%s: a '%%' is not followed by two hexadecimal digits, or it is not UTF-8 text once decoded", name);
    return true;
}

void query_free(struct query *query)
{
    if (query == NULL)
        return;
    for (size_t i = 0; i < query->count; i++) {
        free(query->members[i].name);
        free(query->members[i].value);
    }
    free(query);
}

size_t query_count(const struct query *query, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < query->count; i++)
        count += strcmp(query->members[i].name, name) == 0;
    return count;
}

const char *query_next(const struct query *query, const char *name, size_t *at)
{
    while (*at < query->count) {
        const struct member *member = &query->members[(*at)++];

        if (strcmp(member->name, name) == 0)
            return member->value;
    }
    return NULL;
}

const char *query_value(const struct query *query, const char *name, size_t index)
{
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->members[i].name, name) == 0 && index-- == 0)
            return query->members[i].value;
    return NULL;
}
