#include "common/json/place.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* From an opening quote to behind the closing one. */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at + 1;
}

static const char *skip_value(const char *at)
{
    size_t depth = 0;

    if (*at != '{' && *at != '[' && *at != '"')
        return at + strcspn(at, ",]} \t\r\n");
    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    } while (depth > 0);
    return at;
}

/* From an opening bracket to the element; to where the list ends if it has no such one. */
static const char *find_element(const char *at, size_t index)
{
    for (at = skip_space(at + 1); index > 0 && *at != ']'; index--) {
        at = skip_space(skip_value(at));
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return at;
}

/* From an opening brace to the member's value; NULL: it has no member so written. */
static const char *find_member(const char *at, const char *name, size_t name_size)
{
    at = skip_space(at + 1);
    while (*at == '"') {
        const char *key = at + 1, *key_end = skip_string(at) - 1;

        at = skip_space(skip_space(key_end + 1) + 1); /* behind the colon */
        if ((size_t)(key_end - key) == name_size && memcmp(key, name, name_size) == 0)
            return at;
        at = skip_space(skip_value(at));
        if (*at == ',')
            at = skip_space(at + 1);
    }
    return NULL;
}

int json_line_of(const char *text, const char *place)
{
    const char *at = skip_space(text), *next = at;
    int line = 1;

    while (*place != '\0' && next != NULL) {
        if (*place == '[') {
            next = *at == '[' ? find_element(at, strtoul(place + 1, NULL, 10)) : NULL;
            place += strcspn(place, "]");
            place += *place == ']';
        } else {
            size_t size;

            place += *place == '.';
            size = strcspn(place, ".[");
            next = *at == '{' ? find_member(at, place, size) : NULL;
            place += size;
        }
        if (next != NULL)
            at = next;
    }
    for (const char *before = text; before < at; before++)
        line += *before == '\n';
    return line;
}
