#include "common/json/lenient.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Decoding --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Blanks each comma that comes right before a closing bracket and right after a value; looks at nothing inside
 * strings, and at nothing after the first object or array. Gives the depth reached, so that a deep value is refused before
 * anything recurses into it. */
static size_t blank_trailing_commas(char *bytes, size_t size)
{
    size_t depth = 0, depth_max = 0, comma = SIZE_MAX;
    bool inside_string = false;
    char last = '\0'; /* significant character before the comma, or before the present one */

    for (size_t i = 0; i < size; i++) {
        const char c = bytes[i];

        if (inside_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                inside_string = false;
            continue;
        }
        if (is_space(c))
            continue;
        if ((c == '}' || c == ']') && comma != SIZE_MAX)
            bytes[comma] = ' ';
        /* A comma after nothing ("[,]") or after another ("[1,,]") stays, and is an error. */
        comma = c == ',' && last != '\0' && strchr("[{,:", last) == NULL ? i : SIZE_MAX;
        inside_string = c == '"';
        if (c == '{' || c == '[')
            depth_max = ++depth > depth_max ? depth : depth_max;
        else if ((c == '}' || c == ']') && depth > 0 && --depth == 0)
            break;
        last = c;
    }
    return depth_max;
}

static bool is_blank(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_space(bytes[i]))
            return false;
    return true;
}

static json_t *decode(const char *bytes, size_t size, size_t flags, struct error *err)
{
    json_error_t why;
    json_t *json = NULL;
    char *copy;

    if (is_blank(bytes, size)) {
        error_set(err, ERROR_INPUT, "EOF");
        return NULL;
    }
    copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    if (blank_trailing_commas(copy, size) > JSON_DEPTH_MAX) {
        error_set(err, ERROR_INPUT, "more than %d levels of objects and arrays", JSON_DEPTH_MAX);
        goto out;
    }
    json = json_loadb(copy, size, JSON_DECODE_ANY | flags, &why);
    if (json == NULL)
        error_set(err, ERROR_INPUT, "line %d column %d: %s", why.line, why.column, why.text);
out:
    free(copy);
    return json;
}

json_t *json_decode(const char *bytes, size_t size, struct error *err)
{
    return decode(bytes, size, 0, err);
}

json_t *json_decode_first(const char *bytes, size_t size, struct error *err)
{
    return decode(bytes, size, JSON_DISABLE_EOF_CHECK, err);
}

/* --- Looking at values --- */

json_t *json_member(const json_t *object, const char *name)
{
    json_t *found = NULL;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        if (strcasecmp(key, name) == 0)
            found = value;
    return found;
}

const char *json_type_text(const json_t *value)
{
    if (value == NULL)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    char *copy;

    if (string != NULL)
        return string;
    copy = strdup(text);
    if (copy == NULL)
        abort();
    for (char *c = copy; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    string = json_string(copy);
    free(copy);
    return string;
}
