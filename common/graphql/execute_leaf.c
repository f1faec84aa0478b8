/* execute_leaf.c - how values become leaves of the builtin scalars and enums: result coercion of the specification
 * (3.5, 3.9), as generous as graphql-js is: the string "5" is an Int, true is one too. */
#include "common/graphql/execute.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- Numbers in strings, as ECMAScript's Number() reads them --- */

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* 0x1f, 0b101, 0o17 */
static bool parse_radix(const char *text, size_t size, double *number)
{
    const char *marks = "xXoObB", *mark = size > 2 && text[0] == '0' ? strchr(marks, text[1]) : NULL;
    const int radixes[] = { 16, 8, 2 };
    int radix = mark && *mark != '\0' ? radixes[(mark - marks) / 2] : 0;

    if (radix == 0)
        return false;
    *number = 0;
    for (size_t i = 2; i < size; i++) {
        char byte = text[i];
        int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : 16;

        if (digit >= radix)
            return false;
        *number = *number * radix + digit;
    }
    return true;
}

/* Digits with at most one dot, an exponent behind them: strtod takes more than that (inf, nan, 0x1p3). */
static bool is_decimal(const char *text, size_t size)
{
    size_t at = 0, digits = 0;

    if (at < size && (text[at] == '+' || text[at] == '-'))
        at++;
    for (bool dot = false; at < size && ((text[at] >= '0' && text[at] <= '9') || (text[at] == '.' && !dot)); at++) {
        dot = dot || text[at] == '.';
        digits += text[at] != '.';
    }
    if (digits == 0)
        return false;
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < size && (text[at] == '+' || text[at] == '-'))
            at++;
        if (at == size)
            return false;
        while (at < size && text[at] >= '0' && text[at] <= '9')
            at++;
    }
    return at == size;
}

/* An empty one is 0. A string of jansson ends with a NUL, which stops strtod. */
static bool parse_number(const char *text, size_t size, double *number)
{
    while (size > 0 && is_space(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && is_space(text[size - 1]))
        size--;
    *number = 0;
    if (size == 0 || parse_radix(text, size, number))
        return true;
    if (!is_decimal(text, size))
        return false;
    *number = strtod(text, NULL);
    return isfinite(*number);
}

/* What `value` is as a number: numbers, booleans, strings of numbers. */
static bool as_number(const json_t *value, double *number)
{
    switch (json_typeof(value)) {
    case JSON_TRUE: *number = 1; return true;
    case JSON_FALSE: *number = 0; return true;
    case JSON_INTEGER:
    case JSON_REAL: *number = json_number_value(value); return true;
    case JSON_STRING:
        return json_string_length(value) > 0 &&
               parse_number(json_string_value(value), json_string_length(value), number);
    default: return false;
    }
}

/* --- Scalars --- */

struct leaf {
    const json_t *value;
    json_t **made;
    char *message;
    size_t size;
};

static const json_t *made(const struct leaf *leaf, json_t *value)
{
    *leaf->made = value;
    return value;
}

static const json_t *refuse(const struct leaf *leaf, const char *why)
{
    int size = snprintf(leaf->message, leaf->size, "%s: ", why);

    gql_inspect(leaf->value, leaf->message + size, leaf->size - (size_t)size);
    return NULL;
}

static const json_t *leaf_int(const struct leaf *leaf)
{
    double number;

    if (!as_number(leaf->value, &number) || trunc(number) != number)
        return refuse(leaf, "Int cannot represent non-integer value");
    if (number > INT32_MAX || number < INT32_MIN)
        return refuse(leaf, "Int cannot represent non 32-bit signed integer value");
    return json_is_integer(leaf->value) ? leaf->value : made(leaf, json_integer((json_int_t)number));
}

static const json_t *leaf_float(const struct leaf *leaf)
{
    double number;

    if (!as_number(leaf->value, &number))
        return refuse(leaf, "Float cannot represent non numeric value");
    return json_is_number(leaf->value) ? leaf->value : made(leaf, json_real(number));
}

static const json_t *made_of_number(const struct leaf *leaf)
{
    struct gql_text text = { 0 };
    json_t *string;

    gql_text_json(&text, leaf->value);
    string = json_stringn_nocheck(text.bytes, text.size);
    free(text.bytes);
    return made(leaf, string);
}

static const json_t *leaf_string(const struct leaf *leaf)
{
    switch (json_typeof(leaf->value)) {
    case JSON_STRING: return leaf->value;
    case JSON_TRUE: return made(leaf, json_string("true"));
    case JSON_FALSE: return made(leaf, json_string("false"));
    case JSON_INTEGER:
    case JSON_REAL: return made_of_number(leaf);
    default: return refuse(leaf, "String cannot represent value");
    }
}

static const json_t *leaf_boolean(const struct leaf *leaf)
{
    if (json_is_boolean(leaf->value))
        return leaf->value;
    if (json_is_number(leaf->value))
        return made(leaf, json_boolean(json_number_value(leaf->value) != 0));
    return refuse(leaf, "Boolean cannot represent a non boolean value");
}

static const json_t *leaf_id(const struct leaf *leaf)
{
    if (json_is_string(leaf->value))
        return leaf->value;
    if (json_is_integer(leaf->value) ||
        (json_is_real(leaf->value) && trunc(json_real_value(leaf->value)) == json_real_value(leaf->value)))
        return made_of_number(leaf);
    return refuse(leaf, "ID cannot represent value");
}

static const json_t *leaf_enum(const struct leaf *leaf, const struct gql_type *type)
{
    const char *name = json_string_value(leaf->value);
    char why[GQL_MESSAGE_SIZE / 2];

    if (name && strlen(name) == json_string_length(leaf->value) && gql_type_value(type, name))
        return leaf->value;
    snprintf(why, sizeof(why), "Enum \"%s\" cannot represent value", type->name);
    return refuse(leaf, why);
}

const json_t *gql_leaf(const struct gql_type *type, const json_t *value, json_t **new_value, char *message, size_t size)
{
    struct leaf leaf = { .value = value, .made = new_value, .message = message, .size = size };

    if (type->kind == GQL_ENUM)
        return leaf_enum(&leaf, type);
    switch (type->scalar) {
    case GQL_CUSTOM: return value;
    case GQL_INT: return leaf_int(&leaf);
    case GQL_FLOAT: return leaf_float(&leaf);
    case GQL_STRING: return leaf_string(&leaf);
    case GQL_BOOLEAN: return leaf_boolean(&leaf);
    case GQL_ID: return leaf_id(&leaf);
    }
    return NULL;
}
