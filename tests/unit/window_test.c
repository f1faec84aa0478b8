#include "common/window/window.h"

#include "common/base/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { HOUR_MS = 3600 * 1000 };

static unsigned days(int first, ...)
{
    unsigned set = 0;
    va_list list;

    va_start(list, first);
    for (int day = first; day >= 0; day = va_arg(list, int))
        set |= 1U << day;
    va_end(list);
    return set;
}

static int64_t at(const char *text)
{
    int64_t time_ms;

    if (!timestamp_parse(text, &time_ms))
        fail_msg("no timestamp: %s", text);
    return time_ms;
}

static struct window window_of(const char *begin, const char *end, unsigned set)
{
    struct window window;
    struct error err;

    if (!window_parse((struct window_text){ .begin = begin, .end = end, .days = set }, &window, &err))
        fail_msg("%s", err.message);
    return window;
}

/* --- Times of day --- */

static void a_time_of_day_has_seconds_and_an_offset(void **state)
{
    static const struct {
        const char *text;
        int32_t want_second, want_offset_s;
    } cases[] = {
        { "000000+0000", 0, 0 },         { "000000-0000", 0, 0 },          { "220000+0000", 79200, 0 },
        { "235959+0000", 86399, 0 },     { "013000-0500", 5400, -18000 },  { "013000+0530", 5400, 19800 },
        { "120102+1400", 43262, 50400 }, { "120102-1200", 43262, -43200 }, { "120102+2359", 43262, 86340 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct time_of_day time;

        assert_true(time_of_day_parse(cases[i].text, &time, NULL));
        assert_int_equal(time.second, cases[i].want_second);
        assert_int_equal(time.offset_s, cases[i].want_offset_s);
    }
}

static void anything_else_is_no_time_of_day(void **state)
{
    static const char *const texts[] = {
        "",
        "220000",
        "220000Z",
        "2200+0000",
        "22:00:00+0000",
        "220000+00:00",
        "220000+00",
        "220000+000",
        "220000+00000",
        "220000 +0000",
        " 220000+0000",
        "220000+0000 ",
        "240000+0000",
        "226000+0000",
        "220060+0000",
        "220000+2400",
        "220000+0060",
        "2200000+0000",
        "-10000+0000",
        "220000*0000",
        "22000a+0000",
        "220000.5+0000",
        "T220000+0000",
        "220000+0000Z",
        "\xd9\xa2\x32\x30\x30\x30\x30+0000",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct time_of_day time = { .second = 17, .offset_s = 18 };
        struct error err = { 0 };

        if (time_of_day_parse(texts[i], &time, &err))
            fail_msg("taken: \"%s\"", texts[i]);
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(strstr(err.message, texts[i]));
        assert_non_null(strstr(err.message, "220000+0000"));
        assert_int_equal(time.second, 17);
        assert_int_equal(time.offset_s, 18);
    }
}

static void a_missing_or_endless_time_of_day_is_refused_too(void **state)
{
    struct time_of_day time;
    struct error err;
    char text[2000];

    (void)state;
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(time_of_day_parse(NULL, &time, &err));
    assert_false(time_of_day_parse(text, &time, &err));
    assert_non_null(strstr(err.message, "(a long text)"));
}

static void a_window_names_the_part_that_is_wrong(void **state)
{
    static const struct {
        struct window_text text;
        const char *want;
    } cases[] = {
        { { .begin = "22:00", .end = "040000+0000", .days = WINDOW_EVERY_DAY },
          "begin of the maintenance window: \"22:00\"" },
        { { .begin = NULL, .end = "040000+0000", .days = WINDOW_EVERY_DAY }, "begin of the maintenance window: \"\"" },
        { { .begin = "220000+0000", .end = "040000Z", .days = WINDOW_EVERY_DAY },
          "end of the maintenance window: \"040000Z\"" },
        { { .begin = "220000+0000", .end = "040000+0000", .days = 0 }, "no day" },
        { { .begin = "220000+0000", .end = "040000+0000", .days = 0x80 }, "0x80" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct window window;
        struct error err = { 0 };

        assert_false(window_parse(cases[i].text, &window, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_non_null(strstr(err.message, cases[i].want));
    }
}

/* --- Openings --- */

struct opening_case {
    const char *begin, *end;
    unsigned days;           /* 0: every day */
    const char *now, *after; /* after NULL: any window may come */
    const char *want_begin, *want_end;
};

static void check_openings(const struct opening_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct opening_case *c = &cases[i];
        struct window window = window_of(c->begin, c->end, c->days == 0 ? WINDOW_EVERY_DAY : c->days);
        struct window_at when = { .now_ms = at(c->now), .after_ms = c->after == NULL ? 0 : at(c->after) };
        struct opening opening = window_next(&window, when);
        char begin[TIMESTAMP_SIZE], end[TIMESTAMP_SIZE];

        timestamp_format(opening.begin_ms, begin);
        timestamp_format(opening.end_ms, end);
        if (opening.begin_ms != at(c->want_begin) || opening.end_ms != at(c->want_end))
            fail_msg("case %zu: %s to %s at %s: want %s to %s, is %s to %s", i, c->begin, c->end, c->now, c->want_begin,
                     c->want_end, begin, end);
    }
}

/* 2022-02-01 was a Tuesday. */

static void a_window_of_one_day_is_open_from_its_begin_until_before_its_end(void **state)
{
    static const struct opening_case cases[] = {
        { "020000+0000", "040000+0000", 0, "2022-02-01T00:00:00Z", NULL, "2022-02-01T02:00:00Z",
          "2022-02-01T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T01:59:59.999Z", NULL, "2022-02-01T02:00:00Z",
          "2022-02-01T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T02:00:00Z", NULL, "2022-02-01T02:00:00Z",
          "2022-02-01T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T03:59:59.999Z", NULL, "2022-02-01T02:00:00Z",
          "2022-02-01T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T04:00:00Z", NULL, "2022-02-02T02:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T23:59:59Z", NULL, "2022-02-02T02:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "235959+0000", "000000+0000", 0, "2022-02-01T12:00:00Z", NULL, "2022-02-01T23:59:59Z",
          "2022-02-02T00:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void a_window_across_midnight_is_open_after_midnight_too(void **state)
{
    static const struct opening_case cases[] = {
        { "220000+0000", "040000+0000", 0, "2022-02-01T21:00:00Z", NULL, "2022-02-01T22:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-01T23:00:00Z", NULL, "2022-02-01T22:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-02T00:00:00Z", NULL, "2022-02-01T22:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-02T03:59:59Z", NULL, "2022-02-01T22:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-02T04:00:00Z", NULL, "2022-02-02T22:00:00Z",
          "2022-02-03T04:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void a_window_that_ends_when_it_begins_is_open_for_a_day(void **state)
{
    static const struct opening_case cases[] = {
        { "030000+0000", "030000+0000", 0, "2022-02-01T03:00:00Z", NULL, "2022-02-01T03:00:00Z",
          "2022-02-02T03:00:00Z" },
        { "030000+0000", "030000+0000", 0, "2022-02-02T02:59:59Z", NULL, "2022-02-01T03:00:00Z",
          "2022-02-02T03:00:00Z" },
        { "000000+0000", "000000+0000", 0, "2022-02-01T00:00:00Z", NULL, "2022-02-01T00:00:00Z",
          "2022-02-02T00:00:00Z" },
        { "000000+0000", "010000+0100", 0, "2022-02-01T12:00:00Z", NULL, "2022-02-01T00:00:00Z",
          "2022-02-02T00:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void dates_are_those_of_the_window_s_own_offset(void **state)
{
    static const struct opening_case cases[] = {
        /* 01:00 at +12:00 is 13:00 UTC of the day before. */
        { "010000+1200", "050000+1200", 0, "2022-02-01T12:00:00Z", NULL, "2022-02-01T13:00:00Z",
          "2022-02-01T17:00:00Z" },
        { "010000+1200", "050000+1200", 0, "2022-02-01T17:00:00Z", NULL, "2022-02-02T13:00:00Z",
          "2022-02-02T17:00:00Z" },
        { "230000-0500", "020000-0500", 0, "2022-02-01T05:00:00Z", NULL, "2022-02-01T04:00:00Z",
          "2022-02-01T07:00:00Z" },
        { "013000+0530", "033000+0530", 0, "2022-02-01T19:00:00Z", NULL, "2022-02-01T20:00:00Z",
          "2022-02-01T22:00:00Z" },
        { "000000+1400", "235959+1400", 0, "2022-02-01T10:00:00Z", NULL, "2022-02-01T10:00:00Z",
          "2022-02-02T09:59:59Z" },
        { "000000-1200", "010000-1200", 0, "2022-02-01T11:00:00Z", NULL, "2022-02-01T12:00:00Z",
          "2022-02-01T13:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void begin_and_end_may_have_offsets_of_their_own(void **state)
{
    static const struct opening_case cases[] = {
        { "220000+0100", "040000+0000", 0, "2022-02-01T20:00:00Z", NULL, "2022-02-01T21:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "010000+0200", "050000+0000", 0, "2022-02-01T22:00:00Z", NULL, "2022-02-01T23:00:00Z",
          "2022-02-02T05:00:00Z" },
        /* However far apart: never longer than a day, never empty. */
        { "000000+1400", "230000-1200", 0, "2022-02-01T10:30:00Z", NULL, "2022-02-01T10:00:00Z",
          "2022-02-01T11:00:00Z" },
        { "230000-1200", "000000+1400", 0, "2022-02-01T12:00:00Z", NULL, "2022-02-01T11:00:00Z",
          "2022-02-02T10:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void months_years_and_leap_days_are_days_like_others(void **state)
{
    static const struct opening_case cases[] = {
        { "220000+0000", "040000+0000", 0, "2022-01-31T23:00:00Z", NULL, "2022-01-31T22:00:00Z",
          "2022-02-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-28T22:30:00Z", NULL, "2022-02-28T22:00:00Z",
          "2022-03-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2024-02-28T22:30:00Z", NULL, "2024-02-28T22:00:00Z",
          "2024-02-29T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2024-03-01T01:00:00Z", NULL, "2024-02-29T22:00:00Z",
          "2024-03-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-12-31T12:00:00Z", NULL, "2022-12-31T22:00:00Z",
          "2023-01-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2023-01-01T03:00:00Z", NULL, "2022-12-31T22:00:00Z",
          "2023-01-01T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2100-02-28T05:00:00Z", NULL, "2100-03-01T02:00:00Z",
          "2100-03-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "1969-12-31T21:00:00Z", NULL, "1969-12-31T22:00:00Z",
          "1970-01-01T04:00:00Z" },
        { "220000+0000", "040000+0000", 0, "1965-06-01T03:59:59.999Z", NULL, "1965-05-31T22:00:00Z",
          "1965-06-01T04:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void a_window_opens_on_its_days_alone(void **state)
{
    const struct opening_case cases[] = {
        /* Tuesday to Saturday. */
        { "020000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-01T03:00:00Z", NULL, "2022-02-05T02:00:00Z",
          "2022-02-05T04:00:00Z" },
        { "020000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-05T03:00:00Z", NULL, "2022-02-05T02:00:00Z",
          "2022-02-05T04:00:00Z" },
        { "020000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-05T04:00:00Z", NULL, "2022-02-12T02:00:00Z",
          "2022-02-12T04:00:00Z" },
        { "020000+0000", "040000+0000", days(MONDAY, TUESDAY, -1), "2022-02-01T05:00:00Z", NULL, "2022-02-07T02:00:00Z",
          "2022-02-07T04:00:00Z" },
        { "020000+0000", "040000+0000", days(MONDAY, THURSDAY, -1), "2022-02-01T05:00:00Z", NULL,
          "2022-02-03T02:00:00Z", "2022-02-03T04:00:00Z" },
        { "020000+0000", "040000+0000", days(SUNDAY, -1), "2022-01-31T00:00:00Z", NULL, "2022-02-06T02:00:00Z",
          "2022-02-06T04:00:00Z" },
        /* Saturday's window is open on Sunday morning, but none opens on Sunday. */
        { "220000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-06T01:00:00Z", NULL, "2022-02-05T22:00:00Z",
          "2022-02-06T04:00:00Z" },
        { "220000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-06T04:00:00Z", NULL, "2022-02-12T22:00:00Z",
          "2022-02-13T04:00:00Z" },
        { "220000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-05T03:00:00Z", NULL, "2022-02-05T22:00:00Z",
          "2022-02-06T04:00:00Z" },
        /* Sunday to Monday, over the end of the year: 2023-01-01 was a Sunday. */
        { "220000+0000", "040000+0000", days(SUNDAY, -1), "2023-01-02T03:00:00Z", NULL, "2023-01-01T22:00:00Z",
          "2023-01-02T04:00:00Z" },
        /* Before 1970: 1965-06-01 was a Tuesday. */
        { "020000+0000", "040000+0000", days(TUESDAY, -1), "1965-05-28T12:00:00Z", NULL, "1965-06-01T02:00:00Z",
          "1965-06-01T04:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void weekdays_are_those_of_the_window_s_own_offset(void **state)
{
    const struct opening_case cases[] = {
        /* Saturday 01:00 at +12:00 is Friday 13:00 UTC. */
        { "010000+1200", "050000+1200", days(SATURDAY, -1), "2022-02-01T00:00:00Z", NULL, "2022-02-04T13:00:00Z",
          "2022-02-04T17:00:00Z" },
        { "010000+1200", "050000+1200", days(SATURDAY, -1), "2022-02-04T14:00:00Z", NULL, "2022-02-04T13:00:00Z",
          "2022-02-04T17:00:00Z" },
        { "010000+1200", "050000+1200", days(SATURDAY, -1), "2022-02-05T13:30:00Z", NULL, "2022-02-11T13:00:00Z",
          "2022-02-11T17:00:00Z" },
        /* Saturday 22:00 at -05:00 is Sunday 03:00 UTC. */
        { "220000-0500", "040000-0500", days(SATURDAY, -1), "2022-02-05T03:00:00Z", NULL, "2022-02-06T03:00:00Z",
          "2022-02-06T09:00:00Z" },
        { "220000-0500", "040000-0500", days(SATURDAY, -1), "2022-02-06T08:59:59Z", NULL, "2022-02-06T03:00:00Z",
          "2022-02-06T09:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

static void a_missed_window_gives_way_to_one_that_is_open_or_to_come(void **state)
{
    const struct opening_case cases[] = {
        /* Missed by a moment, by days: never one that lies in the past. */
        { "020000+0000", "040000+0000", 0, "2022-02-01T04:00:00Z", "2022-02-01T02:00:00Z", "2022-02-02T02:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-09T01:00:00Z", "2022-02-01T02:00:00Z", "2022-02-09T02:00:00Z",
          "2022-02-09T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-09T03:00:00Z", "2022-02-01T02:00:00Z", "2022-02-09T02:00:00Z",
          "2022-02-09T04:00:00Z" },
        { "020000+0000", "040000+0000", days(TUESDAY, -1), "2022-02-01T04:00:00Z", "2022-02-01T04:00:00Z",
          "2022-02-08T02:00:00Z", "2022-02-08T04:00:00Z" },
        /* Still open: the same again. */
        { "020000+0000", "040000+0000", 0, "2022-02-01T03:00:00Z", "2022-02-01T02:00:00Z", "2022-02-01T02:00:00Z",
          "2022-02-01T04:00:00Z" },
        /* Whoever asks is ahead of the clock here: not the same again. */
        { "020000+0000", "040000+0000", 0, "2022-02-01T01:59:59Z", "2022-02-01T02:00:00Z", "2022-02-02T02:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "020000+0000", "040000+0000", 0, "2022-02-01T01:00:00Z", "2022-02-01T04:00:00Z", "2022-02-02T02:00:00Z",
          "2022-02-02T04:00:00Z" },
        { "020000+0000", "040000+0000", days(SATURDAY, -1), "2022-02-01T01:00:00Z", "2022-02-05T02:00:00Z",
          "2022-02-12T02:00:00Z", "2022-02-12T04:00:00Z" },
        /* One that lasts a day begins when the one before ends. */
        { "030000+0000", "030000+0000", 0, "2022-02-02T03:00:00Z", "2022-02-02T03:00:00Z", "2022-02-02T03:00:00Z",
          "2022-02-03T03:00:00Z" },
        { "220000+0000", "040000+0000", 0, "2022-02-02T04:00:01Z", "2022-02-01T22:00:00Z", "2022-02-02T22:00:00Z",
          "2022-02-03T04:00:00Z" },
    };

    (void)state;
    check_openings(cases, COUNT(cases));
}

/* Against a search that shares no arithmetic with the code: minute by minute through a week and a half. */
static bool opens_at(const struct window *window, unsigned set, int64_t minute_ms)
{
    int64_t local_s = minute_ms / 1000 + window->begin.offset_s;

    return local_s % 86400 == window->begin.second && (set >> ((local_s / 86400 + 3) % 7) & 1U) != 0;
}

static void every_set_of_days_and_many_offsets_agree_with_a_search_by_minutes(void **state)
{
    static const char *const begins[] = { "000000+0000", "223000-1130", "010000+1300", "120000+0545" };
    static const char *const ends[] = { "000000+0000", "040000-1130", "233000+0200" };
    const int64_t minute_ms = 60000, start = at("2024-02-27T00:00:00Z");

    (void)state;
    for (unsigned set = 1; set <= WINDOW_EVERY_DAY; set++) {
        for (size_t i = 0; i < COUNT(begins) * COUNT(ends); i++) {
            struct window window = window_of(begins[i % COUNT(begins)], ends[i / COUNT(begins)], set);
            int64_t now = start + (int64_t)((set * 131 + i * 977) % 10080) * minute_ms;
            struct opening opening = window_next(&window, (struct window_at){ .now_ms = now });
            int64_t begin = opening_is_open(opening, now) ? opening.begin_ms : now + minute_ms;
            int64_t length = opening.end_ms - opening.begin_ms;

            assert_true(opens_at(&window, set, opening.begin_ms));
            assert_true(length > 0 && length <= 24 * HOUR_MS);
            assert_int_equal((opening.end_ms / 1000 + window.end.offset_s) % 86400, window.end.second);
            assert_true(opening.end_ms > now);
            for (; begin < opening.begin_ms; begin += minute_ms)
                assert_false(opens_at(&window, set, begin));
            if (!opening_is_open(opening, now))
                for (int64_t before = now - length + 1; before <= now; before++) {
                    before += (minute_ms - before % minute_ms) % minute_ms;
                    assert_false(before <= now && opens_at(&window, set, before));
                }
        }
    }
}

static void days_are_named_by_three_letters_exactly(void **state)
{
    static const char *const no_days[] = { "", "mon", "MON", "Monday", "Mo", " Mon", NULL };
    enum weekday day;

    (void)state;
    for (int i = MONDAY; i < WEEKDAY_COUNT; i++) {
        assert_true(weekday_parse(weekday_name((enum weekday)i), &day));
        assert_int_equal(day, i);
    }
    assert_string_equal(weekday_name(MONDAY), "Mon");
    assert_string_equal(weekday_name(SUNDAY), "Sun");
    for (size_t i = 0; i < sizeof no_days / sizeof no_days[0]; i++)
        assert_false(weekday_parse(no_days[i], &day));
    assert_int_equal(day, SUNDAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_named_by_three_letters_exactly),
        cmocka_unit_test(a_time_of_day_has_seconds_and_an_offset),
        cmocka_unit_test(anything_else_is_no_time_of_day),
        cmocka_unit_test(a_missing_or_endless_time_of_day_is_refused_too),
        cmocka_unit_test(a_window_names_the_part_that_is_wrong),
        cmocka_unit_test(a_window_of_one_day_is_open_from_its_begin_until_before_its_end),
        cmocka_unit_test(a_window_across_midnight_is_open_after_midnight_too),
        cmocka_unit_test(a_window_that_ends_when_it_begins_is_open_for_a_day),
        cmocka_unit_test(dates_are_those_of_the_window_s_own_offset),
        cmocka_unit_test(begin_and_end_may_have_offsets_of_their_own),
        cmocka_unit_test(months_years_and_leap_days_are_days_like_others),
        cmocka_unit_test(a_window_opens_on_its_days_alone),
        cmocka_unit_test(weekdays_are_those_of_the_window_s_own_offset),
        cmocka_unit_test(a_missed_window_gives_way_to_one_that_is_open_or_to_come),
        cmocka_unit_test(every_set_of_days_and_many_offsets_agree_with_a_search_by_minutes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
