#include "common/window/window.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum {
    SECOND_MS = 1000,
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 86400,
    QUOTED_SIZE_MAX = 40,
    /* Within which a window opens: a change of clocks can take the openings of the three dates around it, and one more week
     * goes by because the first begin may have passed. */
    DATES_MAX = (3 * ZONE_CHANGES_MAX + 2) * WEEKDAY_COUNT,
};

static const char *const weekday_names[WEEKDAY_COUNT] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

const char *weekday_name(enum weekday day)
{
    return weekday_names[day];
}

bool weekday_parse(const char *text, enum weekday *day)
{
    for (int i = MONDAY; text != NULL && i < WEEKDAY_COUNT; i++) {
        if (strcmp(text, weekday_names[i]) == 0) {
            *day = (enum weekday)i;
            return true;
        }
    }
    return false;
}

/* Two digits below `limit` at *text, which moves behind them. */
static bool two_digits(const char **text, int limit, int *value)
{
    const char *at = *text;

    if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]))
        return false;
    *value = (at[0] - '0') * 10 + (at[1] - '0');
    *text += 2;
    return *value < limit;
}

bool time_of_day_parse(const char *text, struct time_of_day *time, struct error *err)
{
    const char *at = text == NULL ? "" : text;
    int hour, minute, second, offset_hour, offset_minute, sign;

    if (!two_digits(&at, 24, &hour) || !two_digits(&at, 60, &minute) || !two_digits(&at, 60, &second))
        goto malformed;
    if (*at != '+' && *at != '-')
        goto malformed;
    sign = *at++ == '-' ? -1 : 1;
    if (!two_digits(&at, 24, &offset_hour) || !two_digits(&at, 60, &offset_minute) || *at != '\0')
        goto malformed;
    time->second = hour * HOUR_S + minute * MINUTE_S + second;
    time->offset_s = sign * (offset_hour * HOUR_S + offset_minute * MINUTE_S);
    return true;
malformed:
    /* Quoted whole or not at all: half a character would make the message no UTF-8. */
    return error_set(err, ERROR_INPUT, "\"%s\" is no time of day; right is HHMMSS with an offset, as in 220000+0000",
                     text == NULL                     ? ""
                     : strlen(text) > QUOTED_SIZE_MAX ? "(a long text)"
                                                      : text);
}

bool local_time_parse(const char *text, struct time_of_day *time, struct error *err)
{
    const char *at = text == NULL ? "" : text;
    int hour, minute, second;

    if (!two_digits(&at, 24, &hour) || !two_digits(&at, 60, &minute) || !two_digits(&at, 60, &second) || *at != '\0')
        return error_set(err, ERROR_INPUT, "\"%s\" is no time of day in a time zone; right is HHMMSS, as in 220000",
                         text == NULL                     ? ""
                         : strlen(text) > QUOTED_SIZE_MAX ? "(a long text)"
                                                          : text);
    *time = (struct time_of_day){ .second = hour * HOUR_S + minute * MINUTE_S + second };
    return true;
}

static bool time_parse(const char *text, const struct zone *zone, struct time_of_day *time, struct error *err)
{
    return zone != NULL ? local_time_parse(text, time, err) : time_of_day_parse(text, time, err);
}

bool window_parse(struct window_text text, struct window *window, struct error *err)
{
    struct window parsed = { .days = text.days, .zone = text.zone };

    if (!time_parse(text.begin, text.zone, &parsed.begin, err)) {
        error_context(err, "begin of the maintenance window");
        return false;
    }
    if (!time_parse(text.end, text.zone, &parsed.end, err)) {
        error_context(err, "end of the maintenance window");
        return false;
    }
    if (text.days == 0)
        return error_set(err, ERROR_INPUT, "the maintenance window has no day on which it opens; give at least one");
    if ((text.days & ~(unsigned)WINDOW_EVERY_DAY) != 0)
        return error_set(err, ERROR_INPUT, "the maintenance window's set of days (0x%x) names a day that is none",
                         text.days);
    *window = parsed;
    return true;
}

/* Rounds towards the past, so that times before 1970 fall on the right day too. */
static int64_t floor_divide(int64_t number, int64_t divisor)
{
    int64_t quotient = number / divisor;

    return number % divisor < 0 ? quotient - 1 : quotient;
}

/* Days since 1970-01-01 of the date on which `time_ms` falls where the window begins. */
static int64_t date_of(const struct window *window, int64_t time_ms)
{
    int64_t time_s = floor_divide(time_ms, SECOND_MS);

    return floor_divide(time_s + (window->zone != NULL ? zone_offset_s(window->zone, time_s) : window->begin.offset_s),
                        DAY_S);
}

static bool allowed_on(const struct window *window, int64_t date)
{
    int64_t weekday = (date + THURSDAY) % WEEKDAY_COUNT; /* 1970-01-01 was a Thursday */

    if (weekday < 0)
        weekday += WEEKDAY_COUNT;
    return (window->days >> weekday & 1U) != 0;
}

/* From a begin to the end that belongs to it. Taken as the next occurrence of the end's time of day, because with two
 * offsets far apart "the end of the same date" could lie days away, or still before the begin a day later. */
static int64_t length_s(const struct window *window)
{
    int64_t begin_s = window->begin.second - window->begin.offset_s;
    int64_t end_s = window->end.second - window->end.offset_s;
    int64_t length = (end_s - begin_s) % DAY_S;

    return length > 0 ? length : length + DAY_S;
}

static struct opening opening_in_zone(const struct window *window, int64_t date)
{
    int64_t end_date = window->end.second > window->begin.second ? date : date + 1;
    int64_t begin_s = zone_time_s(window->zone, date * DAY_S + window->begin.second, ZONE_LATER);
    int64_t end_s = zone_time_s(window->zone, end_date * DAY_S + window->end.second, ZONE_EARLIER);

    return (struct opening){ .begin_ms = begin_s * SECOND_MS, .end_ms = end_s * SECOND_MS };
}

static struct opening opening_on(const struct window *window, int64_t date)
{
    int64_t begin_s = date * DAY_S + window->begin.second - window->begin.offset_s;

    if (window->zone != NULL)
        return opening_in_zone(window, date);
    return (struct opening){ .begin_ms = begin_s * SECOND_MS, .end_ms = (begin_s + length_s(window)) * SECOND_MS };
}

struct opening window_next(const struct window *window, struct window_at at)
{
    int64_t later_than_ms = at.after_ms != 0 && at.after_ms > at.now_ms ? at.after_ms : at.now_ms;
    int64_t today = date_of(window, at.now_ms);
    int64_t from = date_of(window, later_than_ms);

    assert((window->days & (unsigned)WINDOW_EVERY_DAY) != 0);
    /* An opening ends on the date of its begin or on the next one: one that is open now began today or yesterday. */
    for (int64_t date = today - 1; date <= today; date++)
        if (allowed_on(window, date) && opening_is_open(opening_on(window, date), at.now_ms))
            return opening_on(window, date);
    /* The begin of `from` itself may have passed, so that its weekday comes again only a week later; and of one opening
     * nothing may be left, because clocks are changed. Where they skip the hour before midnight, what began in it begins
     * on the next date. */
    for (int64_t date = from - 1;; date++) {
        struct opening opening = opening_on(window, date);

        assert(date <= from + DATES_MAX);
        if (allowed_on(window, date) && opening.begin_ms > later_than_ms && opening.begin_ms < opening.end_ms)
            return opening;
    }
}

bool opening_is_open(struct opening opening, int64_t now_ms)
{
    return opening.begin_ms <= now_ms && now_ms < opening.end_ms;
}
