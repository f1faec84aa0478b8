/* Time zones: from the system's files to the windows of operations. */
#include "common/window/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/timestamp.h"
#include "common/window/window.h"
#include "services/scheduler/policy.h"
#include "services/scheduler/policy_text.h"
#include "services/scheduler/schedule.h"
#include "services/scheduler/zone_file.h"
#include "tests/unit/scene.h"

static int64_t time_of(const char *text)
{
    int64_t time_ms = 0;

    assert_true(timestamp_parse(text, &time_ms));
    return time_ms;
}

/* Clocks go forward at 2022-03-27T01:00:00Z, and back at 2022-10-30T01:00:00Z. */
static const struct zone berlin = {
    .name = "Europe/Berlin",
    .count = 3,
    .changes = { { 1577836800, 3600 }, { 1648342800, 7200 }, { 1667091600, 3600 } },
};

static void a_zone_has_the_offset_of_its_last_change(void **state)
{
    static const struct {
        const char *at;
        int want_s;
    } cases[] = {
        { "2019-07-01T00:00:00Z", 3600 }, /* before the first */
        { "2022-01-01T00:00:00Z", 3600 }, { "2022-03-27T00:59:59Z", 3600 }, { "2022-03-27T01:00:00Z", 7200 },
        { "2022-10-30T00:59:59Z", 7200 }, { "2022-10-30T01:00:00Z", 3600 }, { "2050-07-01T00:00:00Z", 3600 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(zone_offset_s(&berlin, time_of(cases[i].at) / 1000), cases[i].want_s);
}

static void what_clocks_show_twice_or_never_has_two_answers(void **state)
{
    static const struct {
        const char *shown, *want_earlier, *want_later; /* shown as if it were UTC */
    } cases[] = {
        { "2022-03-27T01:59:59Z", "2022-03-27T00:59:59Z", "2022-03-27T00:59:59Z" },
        { "2022-03-27T02:30:00Z", "2022-03-27T00:30:00Z", "2022-03-27T01:30:00Z" }, /* never */
        { "2022-03-27T03:00:00Z", "2022-03-27T01:00:00Z", "2022-03-27T01:00:00Z" },
        { "2022-10-30T02:30:00Z", "2022-10-30T00:30:00Z", "2022-10-30T01:30:00Z" }, /* twice */
        { "2022-10-30T03:00:00Z", "2022-10-30T02:00:00Z", "2022-10-30T02:00:00Z" },
        { "2022-07-01T12:00:00Z", "2022-07-01T10:00:00Z", "2022-07-01T10:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t local_s = time_of(cases[i].shown) / 1000;

        assert_int_equal(zone_time_s(&berlin, local_s, ZONE_EARLIER) * 1000, time_of(cases[i].want_earlier));
        assert_int_equal(zone_time_s(&berlin, local_s, ZONE_LATER) * 1000, time_of(cases[i].want_later));
    }
}

static void a_window_of_a_zone_follows_its_clocks(void **state)
{
    enum { SUN = 1 << SUNDAY, SAT = 1 << SATURDAY };
    static const struct {
        const char *begin, *end;
        unsigned days;
        const char *now, *want_begin, *want_end;
    } cases[] = {
        /* Winter, summer. */
        { "220000", "040000", SAT, "2022-02-01T09:00:00Z", "2022-02-05T21:00:00Z", "2022-02-06T03:00:00Z" },
        { "220000", "040000", SAT, "2022-07-01T09:00:00Z", "2022-07-02T20:00:00Z", "2022-07-03T02:00:00Z" },
        /* An hour shorter, an hour longer; open after midnight. */
        { "220000", "040000", SAT, "2022-03-26T09:00:00Z", "2022-03-26T21:00:00Z", "2022-03-27T02:00:00Z" },
        { "220000", "040000", SAT, "2022-10-30T02:30:00Z", "2022-10-29T20:00:00Z", "2022-10-30T03:00:00Z" },
        /* The day is the zone's: at 23:30 UTC of Saturday it is Sunday there. */
        { "003000", "010000", SUN, "2022-02-05T23:00:00Z", "2022-02-05T23:30:00Z", "2022-02-06T00:00:00Z" },
        /* A begin that comes twice is the later one, such an end the earlier one. */
        { "023000", "050000", SUN, "2022-10-30T00:45:00Z", "2022-10-30T01:30:00Z", "2022-10-30T04:00:00Z" },
        { "000000", "023000", SUN, "2022-10-29T23:00:00Z", "2022-10-29T22:00:00Z", "2022-10-30T00:30:00Z" },
        /* Nothing is left of a window within the hour that is skipped, or that could be either: the next one. */
        { "021500", "024500", SUN, "2022-03-26T09:00:00Z", "2022-04-03T00:15:00Z", "2022-04-03T00:45:00Z" },
        { "021500", "024500", SUN, "2022-10-29T09:00:00Z", "2022-11-06T01:15:00Z", "2022-11-06T01:45:00Z" },
        /* All day, 25 hours. */
        { "100000", "100000", SAT, "2022-10-30T08:30:00Z", "2022-10-29T08:00:00Z", "2022-10-30T09:00:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct window window;
        struct opening opening;

        assert_true(window_parse((struct window_text){ .begin = cases[i].begin,
                                                       .end = cases[i].end,
                                                       .days = cases[i].days,
                                                       .zone = &berlin },
                                 &window, NULL));
        opening = window_next(&window, (struct window_at){ .now_ms = time_of(cases[i].now) });
        if (opening.begin_ms != time_of(cases[i].want_begin) || opening.end_ms != time_of(cases[i].want_end)) {
            char begin[TIMESTAMP_SIZE], end[TIMESTAMP_SIZE];

            timestamp_format(opening.begin_ms, begin);
            timestamp_format(opening.end_ms, end);
            fail_msg("case %zu: want %s to %s, is %s to %s", i, cases[i].want_begin, cases[i].want_end, begin, end);
        }
    }
}

static void a_begin_in_an_hour_that_is_skipped_before_midnight_is_after_it(void **state)
{
    /* As America/Nuuk: at 2028-03-26T01:00:00Z from 23:00 of Saturday to 00:00 of Sunday. */
    static const struct zone nuuk = { .name = "America/Nuuk",
                                      .count = 2,
                                      .changes = { { 1577836800, -7200 }, { 1837645200, -3600 } } };
    struct window window;
    struct opening opening;

    (void)state;
    assert_true(
        window_parse((struct window_text){ .begin = "231500", .end = "030000", .days = 1 << SATURDAY, .zone = &nuuk },
                     &window, NULL));
    opening = window_next(&window, (struct window_at){ .now_ms = time_of("2028-03-26T01:10:00Z") });
    assert_int_equal(opening.begin_ms, time_of("2028-03-26T01:15:00Z"));
    assert_int_equal(opening.end_ms, time_of("2028-03-26T04:00:00Z"));
    opening = window_next(&window, (struct window_at){ .now_ms = time_of("2028-03-26T04:00:00Z") });
    assert_int_equal(opening.begin_ms, time_of("2028-04-02T00:15:00Z"));
}

static void a_time_of_a_zone_has_no_offset(void **state)
{
    static const char *const wrong[] = {
        "", "2200", "22000", "240000", "226000", "220000+0100", "22:00:00", "220000 "
    };
    struct window window;
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(window_parse(
            (struct window_text){ .begin = wrong[i], .end = "040000", .days = WINDOW_EVERY_DAY, .zone = &berlin },
            &window, &err));
    assert_non_null(strstr(err.message, "\"220000 \" is no time of day in a time zone; right is HHMMSS"));
}

/* --- Files --- */

enum { PATH_SIZE = 128 };

static char folder[PATH_SIZE];

static void put_number(FILE *file, int64_t number, int size)
{
    while (size-- > 0)
        fputc((int)((uint64_t)number >> (8 * size) & 0xff), file);
}

static void put_header(FILE *file, int time_count, int type_count)
{
    fwrite("TZif2", 1, 5, file);
    for (int i = 0; i < 15; i++)
        fputc(0, file);
    for (int i = 0; i < 3; i++)
        put_number(file, 0, 4);
    put_number(file, time_count, 4);
    put_number(file, type_count, 4);
    put_number(file, 4, 4);
}

/* A zone file (RFC 8536) with these changes, the first of which holds from the beginning, and this last line. */
static void put_zone(const char *name, const struct zone_change *changes, int count, const char *rule)
{
    char path[2 * PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    put_header(file, 0, 0);
    fwrite("ABC", 1, 4, file);
    put_header(file, count - 1, count);
    for (int i = 1; i < count; i++)
        put_number(file, changes[i].at_s, 8);
    for (int i = 1; i < count; i++)
        fputc(i, file);
    for (int i = 0; i < count; i++) {
        put_number(file, changes[i].offset_s, 4);
        put_number(file, 0, 2);
    }
    fwrite("ABC", 1, 4, file);
    fprintf(file, "\n%s\n", rule);
    fclose(file);
}

static int make_folder(void **state)
{
    static const struct zone_change cet = { 0, 3600 }, old[] = {
        { 0, 3208 }, { -2422054408, 3600 }, { 1616893200, 7200 }, { 1635642000, 3600 }
    };
    static const struct zone_change plain[] = { { 0, 3600 }, { 1600000000, 10800 } };

    (void)state;
    snprintf(folder, sizeof folder, "/tmp/zones-XXXXXX");
    assert_non_null(mkdtemp(folder));
    put_zone("Slim", &cet, 1, "CET-1CEST,M3.5.0,M10.5.0/3");
    put_zone("Fat", old, 4, "CET-1CEST,M3.5.0,M10.5.0/3");
    put_zone("South", &cet, 1, "NZST-12NZDT,M9.5.0,M4.1.0/3");
    put_zone("Odd", &cet, 1, "<-0330>3:30<-0230>,M3.2.4/-1:30,M11.1.0/26");
    put_zone("Plain", plain, 2, "<+03>-3");
    put_zone("Bare", plain, 2, "");
    put_zone("Rules", &cet, 1, "CET-1CEST,J60,J300");
    put_zone("Garbage", &cet, 1, "CET-1CEST,M3.5.0,M13.5.0");
    return 0;
}

static int remove_folder(void **state)
{
    char command[2 * PATH_SIZE];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* The first changes, as text. */
static void check_zone(const char *name, const char *want)
{
    struct error err = { 0 };
    json_t *changes = zone_file_read(folder, name, &err);
    char *text;

    if (changes == NULL)
        fail_msg("%s: %s", name, err.message);
    text = json_dumps(changes, JSON_COMPACT);
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("%s: want %s, is %.120s", name, want, text);
    free(text);
    json_decref(changes);
}

static void a_zone_file_gives_the_changes_of_its_table_and_of_its_last_line(void **state)
{
    json_t *slim, *fat;

    (void)state;
    check_zone("Slim", "[[1577836800,3600],[1585443600,7200],[1603587600,3600],[1616893200,7200],");
    check_zone("Fat", "[[1577836800,3600],[1616893200,7200],[1635642000,3600],[1648342800,7200],");
    check_zone("South", "[[1577836800,46800],[1586008800,43200],[1601128800,46800],");
    check_zone("Odd", "[[1577836800,-12600],[1583978400,-9000],[1604291400,-12600],");
    check_zone("Plain", "[[1577836800,3600],[1600000000,10800]]");
    check_zone("Bare", "[[1577836800,3600],[1600000000,10800]]");
    slim = zone_file_read(folder, "Slim", NULL);
    assert_int_equal(json_array_size(slim), 1 + 2 * (ZONE_YEAR_LAST - ZONE_YEAR_FIRST + 1));
    fat = zone_file_read(folder, "Fat", NULL);
    assert_true(json_equal(json_array_get(slim, 82), json_array_get(fat, 80))); /* the last one */
    json_decref(slim);
    json_decref(fat);
}

static void what_is_no_zone_file_is_refused(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        { "", "is no name" },
        { "../Slim", "is no name" },
        { "/etc/passwd", "is no name" },
        { "No/Where", "no such" },
        { "Rules", "is no file of a time zone" },
        { "Garbage", "is no file of a time zone" },
        { "Cut", "is no file of a time zone" },
    };
    char path[2 * PATH_SIZE], cut[2 * PATH_SIZE];
    struct stat status;

    (void)state;
    snprintf(path, sizeof path, "%s/Fat", folder);
    snprintf(cut, sizeof cut, "%s/Cut", folder);
    assert_int_equal(stat(path, &status), 0);
    put_zone("Cut", (struct zone_change[]){ { 0, 3600 } }, 1, "CET-1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };

        assert_int_equal(truncate(cut, 100), 0);
        assert_null(zone_file_read(folder, cases[i].name, &err));
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].name, err.message);
    }
    for (off_t size = status.st_size - 1; size >= 0; size--) { /* however it is cut */
        assert_int_equal(truncate(path, size), 0);
        assert_null(zone_file_read(folder, "Fat", NULL));
    }
}

/* --- Policies --- */

static const char summer[] = "{\"default\": {\"days\": [\"Sat\"], \"timeZone\": \"Slim\",\n\"timeBegin\": \"220000\","
                             " \"timeEnd\": \"040000\"}}";

static void a_policy_carries_what_is_known_of_its_zones(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "{\"default\": {\"timeZone\": \"Slim\",\n\"timeBegin\": \"220000\"}}",
          "line 1: default.timeEnd: is needed beside a timeZone" },
        { "{\"default\": {\"timeZone\": \"Slim\",\n\"timeBegin\": \"220000+0000\"}}",
          "line 2: default.timeBegin: \"220000+0000\" is no time of day in a time zone" },
        { "{\"rules\": [{},\n{\"timeZone\": \"Mars\"}]}",
          "line 2: rules[1].timeZone: is no time zone that is known here" },
        { "{\"default\": {\"timeZone\": 7}}", "line 1: default.timeZone: is an integer" },
        { "{\"default\": {\"timeBegin\": \"220000\"}}", "line 1: default.timeBegin: \"220000\" is no time of day" },
    };
    char hash[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
    json_t *zones = NULL, *body = policy_text_parse(summer, strlen(summer), folder, &zones, NULL);

    (void)state;
    assert_non_null(body);
    assert_int_equal(json_object_size(zones), 1);
    policy_hash(body, zones, hash);
    json_array_append_new(json_object_get(zones, "Slim"), json_pack("[I, i]", (json_int_t)2900000000, 0));
    policy_hash(body, zones, other);
    assert_string_not_equal(hash, other); /* other knowledge of a zone is another policy */
    json_decref(zones);
    json_decref(body);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = { 0 };

        assert_null(policy_text_parse(cases[i].text, strlen(cases[i].text), folder, &zones, &err));
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("want %s, is %s", cases[i].want, err.message);
    }
}

/* Decides a policy that was read from a text. */
static void when_policy(struct scene *s, const char *text)
{
    json_t *zones = NULL, *body = policy_text_parse(text, strlen(text), folder, &zones, NULL), *data;
    char hash[SHA256_HEX_SIZE], *dump;

    assert_non_null(body);
    policy_hash(body, zones, hash);
    data = json_pack("{s:s, s:o, s:o}", "hash", hash, "policy", body, "zones", zones);
    dump = json_dumps(data, 0);
    when(s, "tidegate.schedule.policy.v1", "", dump);
    free(dump);
    json_decref(data);
}

static void an_operation_waits_for_the_clocks_of_a_zone_whatever_the_policy_becomes(void **state)
{
    struct scene *s = scene_new(&schedule_core, NULL);

    (void)state;
    scene_time(s, time_of("2022-03-25T09:00:00Z"));
    when_policy(s, summer);
    then_events(s, "tidegate.schedule.policyAdopted.v1 policy {'policy': {'default': {'timeZone': 'Slim'}}}", NULL);
    when(s, "tidegate.schedule.request.v1", "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '', 'end': '', 'planName': 'azure'}]}");
    then_events(s,
                "tidegate.schedule.planned.v1 r1 {'operations': [{'operationID': 'o1', 'windowBegin': '220000',"
                " 'windowEnd': '040000', 'days': ['Sat'], 'timeZone': 'Slim', 'begin': 1648328400000,"
                " 'end': 1648346400000}]}",
                NULL);
    then_row(s, "timer", "o1", "{'zone': 'Slim', 'window_begin': '2022-03-26T21:00:00Z'}");
    when_policy(s, "{}");
    scene_time(s, time_of("2022-03-27T02:00:00Z")); /* its window has just closed; by the next one it is summer */
    when(s, "tidegate.schedule.wake.v1", "", "{'at': 1, 'id': 'x'}");
    then_row(s, "timer", "o1",
             "{'state': 'waiting', 'window_begin': '2022-04-02T20:00:00Z', 'window_end': '2022-04-03T02:00:00Z'}");
    scene_free(s);
}

static void zones_that_are_none_make_no_policy(void **state)
{
    static const char *const wrong[] = { "[]",         "{'': [[1, 2]]}",       "{'A': []}",
                                         "{'A': 1}",   "{'A': [[1]]}",         "{'A': [[2, 0], [2, 0]]}",
                                         "{'A': [1]}", "{'A': [[1, 100000]]}", "{'A': [['1', 2]]}" };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct zones *zones = zones_new();
        char *text = strdup(wrong[i]);
        struct error err = { 0 };
        json_t *json;

        for (char *c = text; *c != '\0'; c++)
            if (*c == '\'')
                *c = '"';
        json = json_loads(text, 0, NULL);
        assert_non_null(json);
        assert_false(zones_add(zones, json, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_null(zones_find(zones, "A"));
        assert_null(zones_json(zones));
        json_decref(json);
        free(text);
        zones_free(zones);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_has_the_offset_of_its_last_change),
        cmocka_unit_test(what_clocks_show_twice_or_never_has_two_answers),
        cmocka_unit_test(a_window_of_a_zone_follows_its_clocks),
        cmocka_unit_test(a_begin_in_an_hour_that_is_skipped_before_midnight_is_after_it),
        cmocka_unit_test(a_time_of_a_zone_has_no_offset),
        cmocka_unit_test(a_zone_file_gives_the_changes_of_its_table_and_of_its_last_line),
        cmocka_unit_test(a_policy_carries_what_is_known_of_its_zones),
        cmocka_unit_test(an_operation_waits_for_the_clocks_of_a_zone_whatever_the_policy_becomes),
        cmocka_unit_test(zones_that_are_none_make_no_policy),
        cmocka_unit_test(what_is_no_zone_file_is_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
