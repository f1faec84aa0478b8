/* From a runtime's own window and a policy to the window that an operation gets: a table, and random ones against a search
 * that shares no arithmetic with the code: minute by minute through three weeks, by the C library's clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/timestamp.h"
#include "common/window/window.h"
#include "services/scheduler/policy.h"
#include "services/scheduler/zone_file.h"
#include "services/scheduler/zones.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, DAY_MINUTES = 1440, SECOND_MS = 1000 };

static const char *const zone_names[] = { "Europe/Berlin",  "America/New_York", "Australia/Lord_Howe", "Africa/Cairo",
                                          "Asia/Kathmandu", "America/St_Johns", "Pacific/Auckland" };
static struct zones *zones;

static int load_zones(void **state)
{
    json_t *all = json_object();

    (void)state;
    for (size_t i = 0; i < COUNT(zone_names); i++)
        json_object_set_new(all, zone_names[i], zone_file_read(ZONE_FOLDER, zone_names[i], NULL));
    zones = zones_new();
    if (!zones_add(zones, all, NULL))
        return -1;
    json_decref(all);
    return 0;
}

static int free_zones(void **state)
{
    (void)state;
    zones_free(zones);
    return 0;
}

static int64_t time_of(const char *text)
{
    int64_t time_ms = 0;

    if (!timestamp_parse(text, &time_ms))
        fail_msg("no timestamp: %s", text);
    return time_ms;
}

/* --- The table --- */

static struct policy *policy_of(const char *text)
{
    char json[512];
    struct error err = { 0 };
    struct policy *policy;
    json_t *body;

    snprintf(json, sizeof json, "%s", text);
    for (char *at = json; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    body = json_loads(json, 0, NULL);
    assert_non_null(body);
    policy = policy_new(body, zones, NULL, &err);
    json_decref(body);
    if (policy == NULL)
        fail_msg("%s: %s", text, err.message);
    return policy;
}

struct window_case {
    const char *now, *after, *own_begin, *own_end, *policy, *want_begin, *want_end; /* after NULL: any may come */
};

static void check_case(size_t i, const struct window_case *c)
{
    struct policy *policy = policy_of(c->policy);
    struct window_text text = policy_apply(
        policy, (struct policy_runtime){ .global_account_id = "CA5", .plan_name = "azure", .region = "eu-1" },
        (struct window_text){ .begin = c->own_begin, .end = c->own_end, .days = WINDOW_EVERY_DAY });
    char begin[TIMESTAMP_SIZE], end[TIMESTAMP_SIZE];
    struct window window;
    struct opening opening;
    struct error err = { 0 };

    if (!window_parse(text, &window, &err))
        fail_msg("case %zu: %s", i, err.message);
    opening = window_next(&window, (struct window_at){ .now_ms = time_of(c->now),
                                                       .after_ms = c->after == NULL ? 0 : time_of(c->after) });
    timestamp_format(opening.begin_ms, begin);
    timestamp_format(opening.end_ms, end);
    if (strcmp(begin, c->want_begin) != 0 || strcmp(end, c->want_end) != 0)
        fail_msg("case %zu, now %s: want %s to %s, is %s to %s", i, c->now, c->want_begin, c->want_end, begin, end);
    policy_free(policy);
}

/* 2022-02-01 was a Tuesday. */
static void a_window_is_the_policys_where_it_says_so_else_the_runtimes(void **state)
{
#define OWN "100000+0000", "110000+0000"
#define SAT_NIGHT "{'default': {'days': ['Sat'], 'timeBegin': '220000+0000', 'timeEnd': '040000+0000'}}"
#define BERLIN(days, begin, end) \
    "{'default': {'days': [" days "], 'timeZone': 'Europe/Berlin', 'timeBegin': '" begin "', 'timeEnd': '" end "'}}"
    static const struct window_case cases[] = {
        /* No policy; days, begin and end each by itself. */
        { "2022-02-01T09:00:00Z", NULL, OWN, "{}", "2022-02-01T10:00:00Z", "2022-02-01T11:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, OWN, "{'default': {'days': ['Thu']}}", "2022-02-03T10:00:00Z",
          "2022-02-03T11:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, OWN, "{'default': {'timeBegin': '120000+0000'}}", "2022-01-31T12:00:00Z",
          "2022-02-01T11:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, OWN, "{'default': {'timeEnd': '090000+0000'}}", "2022-02-01T10:00:00Z",
          "2022-02-02T09:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, "", "", SAT_NIGHT, "2022-02-05T22:00:00Z", "2022-02-06T04:00:00Z" },
        /* Rules before the default, the first one that matches, members AND-ed, none completed from the default. */
        { "2022-02-01T09:00:00Z", NULL, OWN,
          "{'rules': [{'match': {'plan': 'trial|free'}, 'days': ['Wed']}, {'match': {'plan': '^az', 'region': 'us'},"
          " 'days': ['Thu']}, {'match': {'globalAccountID': '^CA5', 'region': 'eu'}, 'days': ['Fri']},"
          " {'days': ['Sun']}], 'default': {'days': ['Sat'], 'timeBegin': '200000+0000'}}",
          "2022-02-04T10:00:00Z", "2022-02-04T11:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, OWN, "{'rules': [{'match': {}}], 'default': {'days': ['Sat']}}",
          "2022-02-01T10:00:00Z", "2022-02-01T11:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, OWN,
          "{'rules': [{'match': {'plan': '', 'region': null}, 'timeBegin': '', 'days': ['Mon']}]}",
          "2022-02-07T10:00:00Z", "2022-02-07T11:00:00Z" },
        /* After midnight the window of the allowed day before is open; it is over at its end. */
        { "2022-02-06T03:59:59Z", NULL, OWN, SAT_NIGHT, "2022-02-05T22:00:00Z", "2022-02-06T04:00:00Z" },
        { "2022-02-06T04:00:00Z", NULL, OWN, SAT_NIGHT, "2022-02-12T22:00:00Z", "2022-02-13T04:00:00Z" },
        { "2022-02-05T03:00:00Z", NULL, OWN, SAT_NIGHT, "2022-02-05T22:00:00Z", "2022-02-06T04:00:00Z" },
        /* Missed for days and weeks: from now, never in the past; open again: at once. */
        { "2022-03-02T05:00:00Z", "2022-02-05T22:00:00Z", OWN, SAT_NIGHT, "2022-03-05T22:00:00Z",
          "2022-03-06T04:00:00Z" },
        { "2022-03-05T23:00:00Z", "2022-02-05T22:00:00Z", OWN, SAT_NIGHT, "2022-03-05T22:00:00Z",
          "2022-03-06T04:00:00Z" },
        { "2022-02-05T21:59:59Z", "2022-02-05T22:00:00Z", OWN, SAT_NIGHT, "2022-02-12T22:00:00Z",
          "2022-02-13T04:00:00Z" },
        /* The day is that of the begin's offset; offsets of begin and end a day and more apart. */
        { "2022-02-04T10:00:00Z", NULL, "000000+1400", "010000+1400", "{'default': {'days': ['Sat']}}",
          "2022-02-04T10:00:00Z", "2022-02-04T11:00:00Z" },
        { "2022-02-06T11:00:00Z", NULL, "230000-1200", "233000-1200", "{'default': {'days': ['Sat']}}",
          "2022-02-06T11:00:00Z", "2022-02-06T11:30:00Z" },
        { "2022-02-01T09:00:00Z", NULL, "000000+2359", "000000-2359", "{}", "2022-02-01T00:01:00Z",
          "2022-02-01T23:59:00Z" },
        { "2022-02-01T09:00:00Z", NULL, "000000-2359", "000000+2359", "{}", "2022-02-01T23:59:00Z",
          "2022-02-02T00:01:00Z" },
        /* Begin and end equal, also as written in two offsets: 24 hours. */
        { "2022-02-05T11:00:00Z", NULL, "120000+0000", "120000+0000", "{'default': {'days': ['Fri']}}",
          "2022-02-04T12:00:00Z", "2022-02-05T12:00:00Z" },
        { "2022-02-05T12:00:00Z", NULL, "120000+0000", "140000+0200", "{'default': {'days': ['Fri']}}",
          "2022-02-11T12:00:00Z", "2022-02-12T12:00:00Z" },
        /* February 29th is a day like others, and so is the year's last night. */
        { "2024-02-28T23:00:00Z", NULL, OWN, "{'default': {'days': ['Thu']}}", "2024-02-29T10:00:00Z",
          "2024-02-29T11:00:00Z" },
        { "2024-03-01T02:00:00Z", NULL, "220000+0000", "040000+0000", "{'default': {'days': ['Thu']}}",
          "2024-02-29T22:00:00Z", "2024-03-01T04:00:00Z" },
        { "2100-02-28T12:00:00Z", NULL, OWN, "{'default': {'days': ['Mon']}}", "2100-03-01T10:00:00Z",
          "2100-03-01T11:00:00Z" },
        { "2022-12-31T23:59:59Z", NULL, "230000+0000", "010000+0000", "{'default': {'days': ['Sat']}}",
          "2022-12-31T23:00:00Z", "2023-01-01T01:00:00Z" },
        { "2022-12-31T13:00:00Z", NULL, "013000+1200", "020000+1200", "{'default': {'days': ['Sun']}}",
          "2022-12-31T13:30:00Z", "2022-12-31T14:00:00Z" },
        /* Clocks go forward at 2022-03-27T01:00Z, back at 2022-10-30T01:00Z. */
        { "2022-03-25T09:00:00Z", NULL, OWN, BERLIN("'Sat'", "220000", "040000"), "2022-03-26T21:00:00Z",
          "2022-03-27T02:00:00Z" },
        { "2022-03-27T02:00:00Z", NULL, OWN, BERLIN("'Sat'", "220000", "040000"), "2022-04-02T20:00:00Z",
          "2022-04-03T02:00:00Z" },
        { "2022-10-30T02:59:59Z", NULL, OWN, BERLIN("'Sat'", "220000", "040000"), "2022-10-29T20:00:00Z",
          "2022-10-30T03:00:00Z" },
        { "2022-03-26T09:00:00Z", NULL, OWN, BERLIN("'Sun'", "023000", "050000"), "2022-03-27T01:30:00Z",
          "2022-03-27T03:00:00Z" },
        { "2022-10-30T00:45:00Z", NULL, OWN, BERLIN("'Sun'", "023000", "050000"), "2022-10-30T01:30:00Z",
          "2022-10-30T04:00:00Z" },
        { "2022-10-30T00:35:00Z", NULL, OWN, BERLIN("'Sun'", "000000", "023000"), "2022-11-05T23:00:00Z",
          "2022-11-06T01:30:00Z" },
        { "2022-03-26T12:00:00Z", NULL, OWN, BERLIN("'Sun'", "020000", "030000"), "2022-04-03T00:00:00Z",
          "2022-04-03T01:00:00Z" },
        { "2022-02-01T09:00:00Z", NULL, "220000+0500", "230000+0500", BERLIN("'Tue'", "100000", "110000"),
          "2022-02-01T09:00:00Z", "2022-02-01T10:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        check_case(i, &cases[i]);
}

/* --- Random windows against a search --- */

struct face { /* what a clock shows */
    int date, minute, weekday;
};

/* `zone` NULL: a clock that is `offset_s` ahead of UTC. Else the process's own, which TZ has set. */
static struct face look(bool of_zone, int32_t offset_s, int64_t time_s)
{
    time_t shifted = time_s + (of_zone ? 0 : offset_s);
    struct tm tm;

    if (of_zone)
        localtime_r(&shifted, &tm);
    else
        gmtime_r(&shifted, &tm);
    return (struct face){ .date = tm.tm_year * 512 + tm.tm_yday,
                          .minute = tm.tm_hour * 60 + tm.tm_min,
                          .weekday = (tm.tm_wday + 6) % 7 };
}

struct sample { /* a random window; times in minutes of the day */
    int begin, end;
    int32_t begin_offset_s, end_offset_s;
    const char *zone; /* NULL: none */
    unsigned days;
    int64_t now_s, after_s;
};

struct found {
    struct opening opening; /* in seconds */
    int date;               /* of the begin; -1: none */
};

enum { BEFORE_DAYS = 3, AFTER_DAYS = 17, FOUND_MAX = BEFORE_DAYS + AFTER_DAYS + 2 };

/* All begins: on each allowed date the last minute in which the clock shows it; if it never does, as long after the leap as
 * it would have been after what was shown last. */
static size_t search_begins(const struct sample *s, struct found begins[FOUND_MAX])
{
    int64_t from = s->now_s / MINUTE_S * MINUTE_S - BEFORE_DAYS * DAY_S;
    struct face before = look(s->zone != NULL, s->begin_offset_s, from - MINUTE_S);
    size_t count = 0;

    for (int64_t at = from; at < s->now_s + AFTER_DAYS * DAY_S; at += MINUTE_S) {
        struct face face = look(s->zone != NULL, s->begin_offset_s, at);
        int last = face.date == before.date ? before.minute : -1;
        bool leapt = s->begin > last && s->begin < face.minute && face.minute > last + 1;

        before = face;
        if ((face.minute != s->begin && !leapt) || (s->days >> face.weekday & 1U) == 0)
            continue;
        if (count == 0 || begins[count - 1].date != face.date)
            count++;
        assert_true(count < FOUND_MAX);
        begins[count - 1] = (struct found){ .date = face.date,
                                            .opening.begin_ms = leapt ? at + (s->begin - last - 1) * MINUTE_S : at };
    }
    return count;
}

/* The first minute of the right date in which the clock shows the end; if it never does, as long before the leap as it is
 * before what is shown first. */
static int64_t search_end(const struct sample *s, const struct found *begin)
{
    int64_t from = begin->opening.begin_ms - (s->zone != NULL ? 6 * HOUR_S : 0);
    struct face before = look(s->zone != NULL, s->end_offset_s, from);
    bool tomorrow = s->end <= s->begin;

    for (int64_t at = from + MINUTE_S;; at += MINUTE_S) {
        struct face face = look(s->zone != NULL, s->end_offset_s, at);
        int last = face.date == before.date ? before.minute : -1;
        bool leapt = s->zone != NULL && s->end > last && s->end < face.minute && face.minute > last + 1;

        before = face;
        assert_true(at < from + 3 * DAY_S);
        if (face.minute != s->end && !leapt)
            continue;
        if (s->zone != NULL && (face.date < begin->date || (face.date == begin->date && tomorrow)))
            continue;
        return leapt ? at - (face.minute - s->end) * MINUTE_S : at;
    }
}

static struct opening search(const struct sample *s)
{
    struct found begins[FOUND_MAX];
    size_t count = search_begins(s, begins);
    int64_t later_than = s->after_s > s->now_s ? s->after_s : s->now_s;

    for (size_t i = 0; i < count; i++)
        begins[i].opening.end_ms = search_end(s, &begins[i]);
    for (size_t i = 0; i < count; i++)
        if (begins[i].opening.begin_ms <= s->now_s && s->now_s < begins[i].opening.end_ms)
            return begins[i].opening;
    for (size_t i = 0; i < count; i++)
        if (begins[i].opening.begin_ms > later_than && begins[i].opening.begin_ms < begins[i].opening.end_ms)
            return begins[i].opening;
    fail_msg("the search finds nothing");
    return (struct opening){ 0 };
}

static uint64_t seed;

static int64_t random_below(int64_t limit)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (int64_t)((seed >> 16) % (uint64_t)limit);
}

static int random_minute(void)
{
    return (int)(random_below(3) == 0 ? random_below(8) * 30 : random_below(DAY_MINUTES)); /* clocks change at night */
}

static int32_t random_offset_s(void)
{
    return (int32_t)(random_below(2 * DAY_MINUTES - 1) - DAY_MINUTES + 1) * MINUTE_S;
}

/* Half of them near a change of clocks. */
static int64_t random_now_s(const struct zone *zone)
{
    int64_t any = time_of("2021-01-01T00:00:00Z") / SECOND_MS + random_below((int64_t)15 * 365 * DAY_S);
    size_t change = zone == NULL ? 0 : (size_t)random_below((int64_t)(zone->count < 24 ? zone->count : 24));

    if (change < 3 || random_below(2) == 0)
        return any;
    return zone->changes[change].at_s + random_below(4 * DAY_S) - 3 * DAY_S;
}

static struct sample random_sample(const char *zone)
{
    struct sample s = { .begin = random_minute(), .end = random_minute(), .zone = zone };

    if (zone == NULL) {
        s.begin_offset_s = random_offset_s();
        s.end_offset_s = random_below(2) == 0 ? s.begin_offset_s : random_offset_s();
    }
    s.days = 1 + (unsigned)random_below(WINDOW_EVERY_DAY);
    s.now_s = random_now_s(zones_find(zones, zone));
    s.after_s = random_below(3) == 0 ? s.now_s + random_below(9 * DAY_S) - 2 * DAY_S : 0;
    return s;
}

static struct window window_of(const struct sample *s)
{
    return (struct window){ .begin = { .second = s->begin * MINUTE_S, .offset_s = s->begin_offset_s },
                            .end = { .second = s->end * MINUTE_S, .offset_s = s->end_offset_s },
                            .days = s->days,
                            .zone = zones_find(zones, s->zone) };
}

static void check_samples(const char *zone, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t was = seed;
        struct sample s = random_sample(zone);
        struct window window = window_of(&s);
        struct opening want = search(&s),
                       is = window_next(&window, (struct window_at){ .now_ms = s.now_s * SECOND_MS,
                                                                     .after_ms = s.after_s * SECOND_MS });

        if (is.begin_ms != want.begin_ms * SECOND_MS || is.end_ms != want.end_ms * SECOND_MS)
            fail_msg("seed %llu, zone %s: %02d:%02d%+d to %02d:%02d%+d, days 0x%x, now %lld, after %lld: want %lld to"
                     " %lld, is %lld to %lld",
                     (unsigned long long)was, zone == NULL ? "-" : zone, s.begin / 60, s.begin % 60, s.begin_offset_s,
                     s.end / 60, s.end % 60, s.end_offset_s, s.days, (long long)s.now_s, (long long)s.after_s,
                     (long long)want.begin_ms, (long long)want.end_ms, (long long)(is.begin_ms / SECOND_MS),
                     (long long)(is.end_ms / SECOND_MS));
    }
}

static void random_windows_agree_with_a_search_by_minutes(void **state)
{
    (void)state;
    check_samples(NULL, 150);
}

static void random_windows_of_zones_agree_with_a_search_by_minutes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(zone_names); i++) {
        setenv("TZ", zone_names[i], 1);
        tzset();
        check_samples(zone_names[i], 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_the_policys_where_it_says_so_else_the_runtimes),
        cmocka_unit_test(random_windows_agree_with_a_search_by_minutes),
        cmocka_unit_test(random_windows_of_zones_agree_with_a_search_by_minutes),
    };
    const char *given = getenv("TIDEGATE_SEED");

    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003U + (uint64_t)getpid();
    return cmocka_run_group_tests(tests, load_zones, free_zones);
}
