#include "common/json/tame.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* --- Strings --- */

enum { UNIT_DIGITS = 4, UNIT_NONE = 0x10000, UNIT_ESCAPE_SIZE = 2 + UNIT_DIGITS };

/* The UTF-16 unit that is escaped (\uXXXX) at `at`; UNIT_NONE: none is. */
static unsigned long unit_at(const char *at, const char *end)
{
    char digits[UNIT_DIGITS + 1] = "";

    if (end - at < UNIT_ESCAPE_SIZE || at[0] != '\\' || at[1] != 'u')
        return UNIT_NONE;
    memcpy(digits, at + 2, UNIT_DIGITS);
    return strspn(digits, "0123456789abcdefABCDEF") == UNIT_DIGITS ? strtoul(digits, NULL, 16) : UNIT_NONE;
}

static bool is_high(unsigned long unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(unsigned long unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* From behind the opening quote to the closing one, or to `end`. */
static char *string_end(char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at;
}

static bool is_name(const char *behind, const char *end)
{
    while (behind < end && strchr(" \t\r\n", *behind) != NULL && *behind != '\0')
        behind++;
    return behind < end && *behind == ':';
}

/* From behind the opening quote; gives what is behind the closing one. */
static char *tame_string(char *at, const char *end)
{
    char *closing = string_end(at, end), *behind = closing < end ? closing + 1 : closing;
    const char *instead = is_name(behind, end) ? "fffd" : "0000";

    while (at < closing) {
        const unsigned long unit = unit_at(at, closing);

        if (is_high(unit) && is_low(unit_at(at + UNIT_ESCAPE_SIZE, closing)))
            at += UNIT_ESCAPE_SIZE; /* both halves are there */
        else if (unit == 0 || is_high(unit) || is_low(unit))
            memcpy(at + 2, instead, UNIT_DIGITS);
        if (unit != UNIT_NONE)
            at += UNIT_ESCAPE_SIZE;
        else
            at += *at == '\\' ? 2 : 1;
    }
    return behind;
}

/* --- Numbers --- */

static char *digits_end(char *at, const char *end)
{
    while (at < end && isdigit((unsigned char)*at))
        at++;
    return at;
}

static bool is_over(const char *digits, size_t count)
{
    static const char most[] = "9223372036854775807";
    const size_t most_count = sizeof most - 1;

    return count > most_count || (count == most_count && memcmp(digits, most, most_count) > 0);
}

/* From the first digit; gives what is behind the number. A zero at the beginning is an error, and stays one. */
static char *tame_number(char *begin, const char *end)
{
    char *at = digits_end(begin, end), *exponent;

    if (at == end || strchr(".eE", *at) == NULL || *at == '\0') {
        if (*begin != '0' && is_over(begin, (size_t)(at - begin)))
            begin[1] = '.';
        return at;
    }
    if (*at == '.')
        at = digits_end(at + 1, end);
    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    at += at < end && (*at == '+' || *at == '-');
    exponent = at;
    at = digits_end(at, end);
    memset(exponent, '0', (size_t)(at - exponent));
    return at;
}

void json_tame(char *bytes, size_t size)
{
    const char *end = bytes + size;

    for (char *at = bytes; at < end;) {
        if (*at == '"')
            at = tame_string(at + 1, end);
        else if (isdigit((unsigned char)*at))
            at = tame_number(at, end);
        else
            at++;
    }
}
