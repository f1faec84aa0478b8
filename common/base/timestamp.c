#include "common/base/timestamp.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECOND_US = 1000000, MILLISECOND_US = 1000 };

static char *put_digits(char *at, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

/* By hand: printf takes several times as long, and there are some in each of a hundred thousand rows. */
void timestamp_format_us(int64_t time_us, char out[TIMESTAMP_SIZE])
{
    int64_t seconds = time_us / SECOND_US;
    int us = (int)(time_us % SECOND_US);
    struct tm tm = { 0 };
    time_t when;
    char *at = out;

    if (us < 0) {
        us += SECOND_US;
        seconds--;
    }
    when = (time_t)seconds;
    gmtime_r(&when, &tm);
    at = put_digits(at, (tm.tm_year + 1900) % 10000, 4);
    *at++ = '-';
    at = put_digits(at, tm.tm_mon + 1, 2);
    *at++ = '-';
    at = put_digits(at, tm.tm_mday, 2);
    *at++ = 'T';
    at = put_digits(at, tm.tm_hour, 2);
    *at++ = ':';
    at = put_digits(at, tm.tm_min, 2);
    *at++ = ':';
    at = put_digits(at, tm.tm_sec, 2);
    if (us != 0) {
        *at++ = '.';
        at = put_digits(at, us, 6);
        while (at[-1] == '0')
            at--;
    }
    *at++ = 'Z';
    *at = '\0';
}

void timestamp_format(int64_t time_ms, char out[TIMESTAMP_SIZE])
{
    timestamp_format_us(time_ms * MILLISECOND_US, out);
}

/* Reads exactly `count` digits. */
static bool digits(const char **text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return true;
}

static bool literal(const char **text, const char *any)
{
    if (**text == '\0' || strchr(any, **text) == NULL)
        return false;
    (*text)++;
    return true;
}

bool timestamp_parse_us(const char *text, int64_t *time_us)
{
    struct tm tm = { 0 };
    int year, month, us = 0, scale = SECOND_US / 10, sign, hours = 0, minutes = 0;
    const char *at = text;

    if (!digits(&at, 4, &year) || !literal(&at, "-") || !digits(&at, 2, &month) || !literal(&at, "-") ||
        !digits(&at, 2, &tm.tm_mday) || !literal(&at, "Tt") || !digits(&at, 2, &tm.tm_hour) || !literal(&at, ":") ||
        !digits(&at, 2, &tm.tm_min) || !literal(&at, ":") || !digits(&at, 2, &tm.tm_sec))
        return false;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        return false;
    if (*at == '.') {
        if (!isdigit((unsigned char)*++at))
            return false;
        for (; isdigit((unsigned char)*at); at++, scale /= 10)
            us += (*at - '0') * scale;
    }
    sign = *at == '-' ? -1 : 1;
    if (!literal(&at, "Zz") &&
        (!literal(&at, "+-") || !digits(&at, 2, &hours) || !literal(&at, ":") || !digits(&at, 2, &minutes)))
        return false;
    if (*at != '\0' || hours > 23 || minutes > 59)
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *time_us = ((int64_t)timegm(&tm) - sign * (hours * 3600 + minutes * 60)) * SECOND_US + us;
    return true;
}

bool timestamp_parse(const char *text, int64_t *time_ms)
{
    int64_t time_us;

    if (!timestamp_parse_us(text, &time_us))
        return false;
    /* Downwards, before 1970 too. */
    *time_ms = (time_us - (time_us % MILLISECOND_US + MILLISECOND_US) % MILLISECOND_US) / MILLISECOND_US;
    return true;
}

int64_t clock_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
