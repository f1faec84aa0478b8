#include "common/json/lenient.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json/tame.h"

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

struct reading {
    size_t depth_max; /* of objects and arrays within each other */
    bool tamed;       /* json_tame */
    size_t flags;     /* jansson's */
};

/* `*repeats` (or NULL): is a member repeated in the same spelling? */
static json_t *parse(const char *bytes, size_t size, size_t flags, bool *repeats, struct error *err)
{
    json_error_t why;
    json_t *json = json_loadb(bytes, size, flags | (repeats != NULL ? JSON_REJECT_DUPLICATES : 0), &why);

    if (repeats != NULL)
        *repeats = json == NULL && json_error_code(&why) == json_error_duplicate_key;
    if (repeats != NULL && *repeats)
        return parse(bytes, size, flags, NULL, err);
    if (json == NULL)
        error_set(err, ERROR_INPUT, "line %d column %d: %s", why.line, why.column, why.text);
    return json;
}

static json_t *decode(const char *bytes, size_t size, struct reading how, bool *repeats, struct error *err)
{
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
    if (blank_trailing_commas(copy, size) > how.depth_max) {
        error_set(err, ERROR_INPUT, "more than %zu levels of objects and arrays", how.depth_max);
    } else {
        if (how.tamed)
            json_tame(copy, size);
        json = parse(copy, size, JSON_DECODE_ANY | how.flags, repeats, err);
    }
    free(copy);
    return json;
}

json_t *json_decode(const char *bytes, size_t size, struct error *err)
{
    return decode(bytes, size, (struct reading){ .depth_max = JSON_DEPTH_MAX }, NULL, err);
}

json_t *json_decode_first(const char *bytes, size_t size, bool *repeats, struct error *err)
{
    static const struct reading how = { JSON_DEPTH_IGNORED_MAX, true, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL };
    bool found = false;
    json_t *json = decode(bytes, size, how, &found, err);

    if (json != NULL)
        *repeats = found;
    return json;
}

/* --- Looking at values --- */

json_t *json_member(const json_t *object, const char *name)
{
    json_t *found = NULL;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        if (strcasecmp(key, name) == 0 && (found == NULL || !json_is_null(value)))
            found = value;
    return found;
}

size_t json_spellings(const json_t *object, const char *name)
{
    size_t count = 0;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        (void)value;
        count += strcasecmp(key, name) == 0;
    }
    return count;
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

const char *json_text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
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
