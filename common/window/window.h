/* window.h - maintenance windows: the weekly spans of time in which a runtime may be upgraded.
 *
 * A window opens at a time of day on each allowed day and stays open until the next occurrence of its end's time of
 * day, so for at most 24 hours: an end not after the begin is the next day's, and an end equal to the begin means 24
 * hours. Each time of day has an offset of its own; the date and the weekday of an opening are those of the begin's
 * offset, wherever the server stands.
 *
 * A window may instead be of a time zone: then its times of day are those of the zone's clocks, and it lasts an hour more
 * or less where they are changed within it. A begin that they show twice is the later one, such an end the earlier one,
 * and so with those that they skip: whatever is meant, it is not outside. An opening of which nothing is left is none.
 *
 * Points in time are milliseconds since the Unix epoch, of the years 1 to 9999. Pure: no clock, no I/O, no memory. */
#ifndef TIDEGATE_WINDOW_WINDOW_H
#define TIDEGATE_WINDOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/window/zone.h"

enum weekday { MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY, WEEKDAY_COUNT };

/* A set of weekdays has the bit 1 << weekday for each day in it. */
enum { WINDOW_EVERY_DAY = (1 << WEEKDAY_COUNT) - 1 };

enum { TIME_OF_DAY_SIZE = sizeof "220000+0000" };

/* "Mon" to "Sun". */
const char *weekday_name(enum weekday day);

/* Reads one of those names, exactly so written. False: it is none; `day` is untouched. NULL is none. */
bool weekday_parse(const char *text, enum weekday *day);

struct time_of_day {
    int32_t second;   /* of the day, in the offset: 0 to 86399 */
    int32_t offset_s; /* east of UTC is positive */
};

/* Reads `HHMMSS+HHMM` or `HHMMSS-HHMM`, strictly: hours 00 to 23, minutes and seconds 00 to 59, nothing around it.
 * False: `err` (ERROR_INPUT) quotes the text and says what would be right. NULL as a text is an empty one. */
bool time_of_day_parse(const char *text, struct time_of_day *time, struct error *err);

/* Reads `HHMMSS`, as strictly; the offset is 0. */
bool local_time_parse(const char *text, struct time_of_day *time, struct error *err);

struct window {
    struct time_of_day begin, end;
    unsigned days;           /* on which it may open; never empty */
    const struct zone *zone; /* whose clocks the times of day are of; NULL: they have offsets of their own */
};

struct window_text {
    const char *begin, *end; /* as time_of_day_parse takes them; with a zone, HHMMSS without an offset */
    unsigned days;
    const struct zone *zone; /* NULL: none; must outlive the window */
};

/* False: `err` says which part is wrong; an empty set of days is, as is a bit that is no day. */
bool window_parse(struct window_text text, struct window *window, struct error *err);

/* One opening: open at `begin_ms`, closed from `end_ms` on. */
struct opening {
    int64_t begin_ms, end_ms;
};

struct window_at {
    int64_t now_ms;
    int64_t after_ms; /* an opening not yet begun must begin later than this; 0: any may come next */
};

/* The opening that is open at `now_ms` (its begin then lies in the past), else the next one. After a window that closed
 * unused, `after_ms` is its begin or its end: it is given again only while it is open. Cannot fail. */
struct opening window_next(const struct window *window, struct window_at at);

/* Is it open at `now_ms`? */
bool opening_is_open(struct opening opening, int64_t now_ms);

#endif
