#include "common/release/version.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 6 };

/* The number that `text` begins with, up to a dot or its end; -1: it begins with none. */
static int leading_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > DIGITS_MAX || (text[digits] != '.' && text[digits] != '\0'))
        return -1;
    return (int)strtol(text, NULL, 10);
}

int kyma_version_major(const char *version, const char *usual)
{
    int number = leading_number(version);
    const char *dash = strrchr(version, '-');

    if (number >= 0 || dash == NULL || dash == version || dash[1] == '\0')
        return number;
    return leading_number(usual);
}
