#include "services/scheduler/schedule.h"

#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUEST "tidegate.schedule.request.v1"
#define DROP "tidegate.schedule.drop.v1"
#define WAKE "tidegate.schedule.wake.v1"
#define OPENED "tidegate.schedule.opened.v1"
#define PLANNED "tidegate.schedule.planned.v1"
#define REFUSED "tidegate.schedule.refused.v1"
#define DROPPED "tidegate.schedule.dropped.v1"
#define REJECTED "tidegate.schedule.rejected.v1"
#define TOLD "tidegate.orchestration.schedule.v1"

/* Scenes begin on Tuesday, 2022-02-01, at 09:00 UTC. */
static const int64_t NOW = 1643706000000, HOUR = 3600000, DAY = 86400000;

#define AT_10 "1643709600000"
#define AT_11 "1643713200000"
#define AT_12 "1643716800000"
#define TOMORROW_10 "1643796000000"
#define TOMORROW_11 "1643799600000"

static const char *const o1_waits =
    "{'orchestrationID': 'r1', 'lane': 'kyma', 'operations': [{'operationID': 'o1', 'windowBegin': '100000+0000',"
    " 'windowEnd': '110000+0000', 'begin': " AT_10 ", 'end': " AT_11 "}]}";

static struct scene *scene(void)
{
    return scene_new(&schedule_core, NULL);
}

static void an_immediate_operation_is_opened_at_once_and_leaves_no_timer(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o2",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate', 'after': 0, 'operations':"
         " [{'operationID': 'o2', 'begin': 'no', 'end': 'matter'}, {'operationID': 'o1'}]}");
    then_events(s,
                OPENED " r1 {'orchestrationID': 'r1', 'lane': 'kyma', 'operations':"
                       " [{'operationID': 'o1', 'begin': 0, 'end': 0}, {'operationID': 'o2', 'begin': 0, 'end': 0}]}",
                NULL);
    then_messages(s,
                  "orchestrations kyma " TOLD " {'orchestrationID': 'r1', 'open': true, 'operations':"
                  " [{'operationID': 'o1', 'begin': 0, 'end': 0}, {'operationID': 'o2', 'begin': 0, 'end': 0}]}",
                  NULL);
    then_row(s, "timer", "o1", NULL);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == DEADLINE_NEVER);
    scene_free(s);
}

static void an_operation_waits_for_its_own_window(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '100000+0000', 'end': '110000+0000'}]}");
    then_events(s,
                PLANNED " r1 {'orchestrationID': 'r1', 'lane': 'kyma', 'operations': [{'operationID': 'o1',"
                        " 'windowBegin': '100000+0000', 'windowEnd': '110000+0000', 'begin': " AT_10 ", 'end': " AT_11
                        "}]}",
                NULL);
    then_messages(s,
                  "orchestrations kyma " TOLD " {'orchestrationID': 'r1', 'open': false, 'operations':"
                  " [{'operationID': 'o1', 'begin': " AT_10 ", 'end': " AT_11 "}]}",
                  NULL);
    then_row(s, "timer", "o1",
             "{'operation_id': 'o1', 'orchestration_id': 'r1', 'lane': 'kyma', 'begin_text': '100000+0000',"
             " 'end_text': '110000+0000', 'window_begin': '2022-02-01T10:00:00Z',"
             " 'window_end': '2022-02-01T11:00:00Z', 'state': 'waiting', 'traceparent': null,"
             " 'updated_at': '2022-02-01T09:00:00Z'}");
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == NOW + HOUR);
    assert_string_equal(schedule_core.deadline(scene_state(s)).id, "open " AT_10 " o1");
    scene_free(s);
}

static void an_operation_whose_window_is_open_does_not_wait(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '083000+0000', 'end': '100000+0000'}]}");
    then_events(s, OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': 1643704200000, 'end': " AT_10 "}]}",
                NULL);
    then_messages(s,
                  "orchestrations kyma " TOLD
                  " {'open': true, 'operations': [{'operationID': 'o1', 'begin': 1643704200000, 'end': " AT_10 "}]}",
                  NULL);
    then_row(s, "timer", "o1", NULL);
    scene_free(s);
}

static void one_record_tells_apart_what_is_open_what_waits_and_what_has_no_window(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations': ["
         " {'operationID': 'o5', 'begin': '110000+0000', 'end': '120000+0000'},"
         " {'operationID': 'o4', 'begin': '100000+0000', 'end': '110000+0000'},"
         " {'operationID': 'o3', 'begin': '10:00', 'end': '110000+0000'},"
         " {'operationID': 'o2', 'begin': '090000+0000', 'end': '090000+0000'},"
         " {'operationID': 'o1', 'begin': '110000+0000', 'end': '120000+0000'},"
         " {'operationID': 'o0', 'begin': '110000+0000', 'end': null}]}");
    then_events(s,
                REFUSED
                " r1 {'operations': [{'operationID': 'o0', 'error': 'end of the maintenance window: \\'\\' is no"
                " time of day; right is HHMMSS with an offset, as in 220000+0000'}, {'operationID': 'o3'}]}",
                OPENED " r1 {'operations': [{'operationID': 'o2'}]}",
                PLANNED " r1 {'operations': [{'operationID': 'o4', 'begin': " AT_10
                        "}, {'operationID': 'o1', 'begin': " AT_11 "}, {'operationID': 'o5', 'begin': " AT_11
                        ", 'end': " AT_12 "}]}",
                NULL);
    then_messages(s,
                  "orchestrations kyma " TOLD " {'open': false, 'operations': [{'operationID': 'o0', 'begin': 0,"
                  " 'end': 0}, {'operationID': 'o3', 'begin': 0, 'end': 0}]}",
                  "orchestrations kyma " TOLD " {'open': true, 'operations': [{'operationID': 'o2'}]}",
                  "orchestrations kyma " TOLD " {'open': false, 'operations': [{'operationID': 'o4'},"
                  " {'operationID': 'o1'}, {'operationID': 'o5'}]}",
                  NULL);
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_array_get(json_object_get(scene_message(s, 0)->data, "operations"), 1), "error")),
                           "\"10:00\" is no time of day"));
    then_row(s, "timer", "o3", NULL);
    scene_free(s);
}

static void a_waiting_operation_is_opened_when_its_window_begins(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    scene_time(s, NOW + HOUR);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'open " AT_10 " o1'}");
    then_events(s,
                OPENED
                " r1 {'orchestrationID': 'r1', 'lane': 'kyma', 'operations': [{'operationID': 'o1', 'begin': " AT_10
                ", 'end': " AT_11 "}]}",
                NULL);
    then_messages(s, "orchestrations kyma " TOLD " {'open': true, 'operations': [{'operationID': 'o1'}]}", NULL);
    then_row(s, "timer", "o1", "{'state': 'opened', 'updated_at': '2022-02-01T10:00:00Z'}");
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == DEADLINE_NEVER);

    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'open " AT_10 " o1'}");
    then_events(s, NULL);
    scene_free(s);
}

static void a_wake_that_comes_too_early_opens_nothing(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    scene_time(s, NOW + HOUR - 1);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'open " AT_10 " o1'}");
    then_events(s, NULL);
    then_messages(s, NULL);
    scene_free(s);
}

static void what_is_due_is_told_by_orchestration(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r2",
          "{'orchestrationID': 'r2', 'lane': 'cluster', 'operations': [{'operationID': 'o9', 'windowBegin':"
          " '100000+0000', 'windowEnd': '120000+0000', 'begin': " AT_10 ", 'end': " AT_12 "}]}");
    given(s, PLANNED, "r1",
          "{'orchestrationID': 'r1', 'lane': 'kyma', 'operations': [{'operationID': 'o7', 'windowBegin':"
          " '110000+0000', 'windowEnd': '120000+0000', 'begin': " AT_11 ", 'end': " AT_12 "}, {'operationID': 'o8',"
          " 'windowBegin': '100000+0000', 'windowEnd': '120000+0000', 'begin': " AT_10 ", 'end': " AT_12
          "}, {'operationID': 'o3', 'windowBegin': '120000+0000', 'windowEnd': '120000+0000', 'begin': " AT_12
          ", 'end': 1643803200000}]}");
    scene_time(s, NOW + 2 * HOUR + 1);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'x'}");
    then_events(s, OPENED " r1 {'lane': 'kyma', 'operations': [{'operationID': 'o8'}, {'operationID': 'o7'}]}",
                OPENED " r2 {'lane': 'cluster', 'operations': [{'operationID': 'o9'}]}", NULL);
    then_messages(s, "orchestrations kyma " TOLD " {'orchestrationID': 'r1', 'open': true}",
                  "orchestrations cluster " TOLD " {'orchestrationID': 'r2', 'open': true}", NULL);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == NOW + 3 * HOUR);
    scene_free(s);
}

static void a_window_that_closed_while_nobody_looked_gives_way_to_the_next(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    scene_time(s, NOW + 2 * HOUR);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'x'}");
    then_events(s,
                PLANNED " r1 {'lane': 'kyma', 'operations': [{'operationID': 'o1', 'windowBegin': '100000+0000',"
                        " 'windowEnd': '110000+0000', 'begin': " TOMORROW_10 ", 'end': " TOMORROW_11 "}]}",
                NULL);
    then_messages(s, "orchestrations kyma " TOLD " {'open': false, 'operations': [{'begin': " TOMORROW_10 "}]}", NULL);
    then_row(s, "timer", "o1", "{'state': 'waiting', 'window_begin': '2022-02-02T10:00:00Z'}");
    scene_free(s);
}

static void after_days_of_silence_the_window_that_is_open_now_counts(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    scene_time(s, NOW + DAY + HOUR + 1000);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'x'}");
    then_events(s,
                OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': " TOMORROW_10 ", 'end': " TOMORROW_11 "}]}",
                NULL);
    then_row(s, "timer", "o1", "{'state': 'opened', 'window_begin': '2022-02-02T10:00:00Z'}");
    scene_free(s);
}

static void an_operation_that_found_no_worker_waits_for_the_next_window(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    given(s, OPENED, "r1",
          "{'orchestrationID': 'r1', 'lane': 'kyma', 'operations': [{'operationID': 'o1', 'begin': " AT_10
          ", 'end': " AT_11 "}]}");
    scene_time(s, NOW + 2 * HOUR);
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': " AT_10 ", 'operations':"
         " [{'operationID': 'o1', 'begin': '100000+0000', 'end': '110000+0000'}]}");
    then_events(s, PLANNED " r1 {'operations': [{'operationID': 'o1', 'begin': " TOMORROW_10 "}]}", NULL);
    then_row(s, "timer", "o1", "{'state': 'waiting', 'window_begin': '2022-02-02T10:00:00Z'}");
    assert_true(schedule_core.live(scene_state(s), "o1"));
    scene_free(s);
}

static void a_request_ahead_of_the_clock_does_not_get_the_same_window_again(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': " AT_10 ", 'operations':"
         " [{'operationID': 'o1', 'begin': '100000+0000', 'end': '110000+0000'}]}");
    then_events(s, PLANNED " r1 {'operations': [{'operationID': 'o1', 'begin': " TOMORROW_10 "}]}", NULL);
    scene_free(s);
}

static void a_request_for_one_that_waits_replaces_its_window(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '110000+0000', 'end': '120000+0000'}]}");
    then_events(s, PLANNED " r1 {'operations': [{'operationID': 'o1', 'begin': " AT_11 "}]}", NULL);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == NOW + 2 * HOUR);

    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate', 'operations': [{'operationID': 'o1'}]}");
    then_row(s, "timer", "o1", "{'state': 'opened', 'window_begin': '2022-02-01T11:00:00Z'}");
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == DEADLINE_NEVER);
    scene_free(s);
}

static void one_that_waits_and_is_then_refused_is_not_opened_later(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '', 'end': '120000+0000'}]}");
    then_events(s, REFUSED " r1", NULL);
    then_row(s, "timer", "o1", "{'state': 'dropped'}");
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == DEADLINE_NEVER);
    scene_free(s);
}

static void dropped_operations_no_longer_wait(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    when(s, DROP, "o1", "{'orchestrationID': 'r1', 'operations': [{'operationID': 'o2'}, {'operationID': 'o1'}]}");
    then_events(s, DROPPED " r1 {'orchestrationID': 'r1', 'operations': [{'operationID': 'o1'}]}", NULL);
    then_messages(s, NULL);
    then_row(s, "timer", "o1", "{'state': 'dropped', 'window_begin': '2022-02-01T10:00:00Z'}");
    assert_false(schedule_core.live(scene_state(s), "o1"));

    scene_time(s, NOW + HOUR);
    when(s, WAKE, "", "{'at': " AT_10 ", 'id': 'x'}");
    then_events(s, NULL);
    scene_free(s);
}

static void dropping_what_does_not_wait_is_no_event(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, DROP, "o1", "{'orchestrationID': 'r1', 'operations': [{'operationID': 'o1'}]}");
    then_events(s, NULL);
    when(s, DROP, "o1", "{'orchestrationID': 'r1', 'operations': []}");
    then_events(s, NULL);
    scene_free(s);
}

static void a_request_that_cannot_be_understood_is_rejected_with_a_reason(void **state)
{
    static const struct {
        const char *type, *data, *want;
    } cases[] = {
        { REQUEST, "{'lane': 'kyma', 'schedule': 'immediate', 'operations': []}",
          REJECTED " unknown {'request': 'tidegate.schedule.request.v1', 'reason': 'orchestrationID, lane, and "
                   "operations with an operationID each, are required'}" },
        { REQUEST, "{'orchestrationID': 'r1', 'schedule': 'immediate', 'operations': []}", REJECTED " r1" },
        { REQUEST, "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate'}", REJECTED " r1" },
        { REQUEST, "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate', 'operations': ['o1']}",
          REJECTED " r1" },
        { REQUEST, "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenancewindow', 'operations': []}",
          REJECTED " r1 {'reason': 'schedule is neither immediate nor maintenanceWindow'}" },
        { REQUEST, "{'orchestrationID': 'r1', 'lane': 'kyma', 'operations': []}", REJECTED " r1" },
        { DROP, "{'orchestrationID': 'r1', 'operations': 'o1'}",
          REJECTED " r1 {'reason': 'operations with an operationID each are required'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *s = scene();

        when(s, cases[i].type, "o1", cases[i].data);
        then_events(s, cases[i].want, NULL);
        then_messages(s, NULL);
        scene_free(s);
    }
}

static void a_firing_opens_a_bounded_number_and_leaves_another_deadline(void **state)
{
    enum { COUNT = SCHEDULE_WAKE_OPERATIONS_MAX + 500 };
    struct scene *s = scene();
    json_t *operations = json_array();
    json_t *data;
    char *text;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        char id[16];

        snprintf(id, sizeof id, "o%05d", (i * 11) % COUNT);
        json_array_append_new(operations, json_pack("{s:s, s:s, s:s}", "operationID", id, "begin", "100000+0000", "end",
                                                    "110000+0000"));
    }
    data = json_pack("{s:s, s:s, s:s, s:i, s:o}", "orchestrationID", "r1", "lane", "kyma", "schedule",
                     "maintenanceWindow", "after", 0, "operations", operations);
    text = json_dumps(data, JSON_COMPACT);
    when(s, REQUEST, "o00000", text);
    scene_time(s, NOW + HOUR);
    when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
    assert_int_equal(json_array_size(json_object_get(scene_message(s, 0)->data, "operations")),
                     SCHEDULE_WAKE_OPERATIONS_MAX);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == NOW + HOUR);
    assert_string_equal(schedule_core.deadline(scene_state(s)).id, "open " AT_10 " o10000");
    when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
    assert_int_equal(json_array_size(json_object_get(scene_message(s, 0)->data, "operations")), 500);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == DEADLINE_NEVER);
    json_decref(data);
    free(text);
    scene_free(s);
}

/* A record that is too large could not be written, and the same firing would come again for ever. */
static void however_long_ids_are_a_firing_fits_into_a_record(void **state)
{
    enum { COUNT = 3000, ID_SIZE = 1000 };
    struct scene *s = scene();
    int firings = 0;

    (void)state;
    for (int i = 0; i < COUNT; i += 100) {
        json_t *operations = json_array();
        char id[ID_SIZE + 8], *text;

        for (int j = i; j < i + 100; j++) {
            snprintf(id, sizeof id, "%06d%0*d", j, ID_SIZE, 0);
            json_array_append_new(operations, json_pack("{s:s, s:s, s:s}", "operationID", id, "begin", "100000+0000",
                                                        "end", "110000+0000"));
        }
        snprintf(id, sizeof id, "r%d", i);
        operations = json_pack("{s:s, s:s, s:s, s:i, s:o}", "orchestrationID", id, "lane", "kyma", "schedule",
                               "maintenanceWindow", "after", 0, "operations", operations);
        text = json_dumps(operations, JSON_COMPACT);
        when(s, REQUEST, "o", text);
        free(text);
        json_decref(operations);
    }
    scene_time(s, NOW + 2 * HOUR); /* closed again: planned anew, which is longer */
    for (; schedule_core.deadline(scene_state(s)).at_ms == NOW + HOUR && firings < 10; firings++) {
        size_t size = 0;

        when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
        for (size_t i = 0; i < scene_message_count(s); i++)
            size += json_dumpb(scene_message(s, i)->data, NULL, 0, JSON_COMPACT);
        assert_in_range(size, 1, SCHEDULE_WAKE_BYTES_MAX);
    }
    assert_in_range(firings, 2, 9);
    assert_true(schedule_core.deadline(scene_state(s)).at_ms == NOW + HOUR + DAY);
    scene_free(s);
}

static void only_what_no_longer_waits_is_forgotten(void **state)
{
    void *schedule = schedule_core.state_new(NULL, 0);
    json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:s}", "operation_id", "o1",
                            "orchestration_id", "r1", "lane", "kyma", "begin_text", "100000+0000", "end_text",
                            "110000+0000", "window_begin", "2022-02-01T11:00:00.5+01:00", "window_end",
                            "2022-02-01T11:00:00+00:00", "state", "waiting", "traceparent", "updated_at",
                            "2022-02-01T09:00:00.12+00:00");

    (void)state;
    schedule_core.load(schedule, 0, row);
    assert_true(schedule_core.deadline(schedule).at_ms == NOW + HOUR + 500);
    schedule_core.evict(schedule, "o1");
    assert_true(schedule_core.holds(schedule, "o1"));
    json_object_set_new(row, "state", json_string("opened"));
    schedule_core.load(schedule, 0, row);
    assert_false(schedule_core.live(schedule, "o1"));
    assert_true(schedule_core.deadline(schedule).at_ms == DEADLINE_NEVER);
    schedule_core.evict(schedule, "o1");
    assert_false(schedule_core.holds(schedule, "o1"));
    schedule_core.evict(schedule, "o1");
    json_decref(row);
    schedule_core.state_free(schedule);
}

static void what_is_over_is_forgotten_after_some_thousand_records(void **state)
{
    struct scene *s = scene();

    (void)state;
    given(s, PLANNED, "r1", o1_waits);
    when(s, DROP, "o1", "{'orchestrationID': 'r1', 'operations': [{'operationID': 'o1'}]}");
    for (int i = 0; i < 4096; i++)
        given(s, OPENED, "r2", "{'orchestrationID': 'r2', 'lane': 'kyma', 'operations': []}");
    then_row(s, "timer", "o1", "{'state': 'dropped'}");
    given(s, OPENED, "r2", "{'orchestrationID': 'r2', 'lane': 'kyma', 'operations': []}");
    then_row(s, "timer", "o1", NULL);

    given(s, PLANNED, "r1", o1_waits);
    for (int i = 0; i < 5000; i++)
        given(s, OPENED, "r2", "{'orchestrationID': 'r2', 'lane': 'kyma', 'operations': []}");
    then_row(s, "timer", "o1", "{'state': 'waiting'}");
    scene_free(s);
}

static void what_a_timer_opens_goes_on_with_the_trace_of_its_request(void **state)
{
    static const char *const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    void *schedule = schedule_core.state_new(NULL, 0);
    struct request request = { .id = "r", .type = 0, .subject = "o1", .traceparent = trace, .reply_partition = -1 };
    struct decision decision = { 0 };
    struct changes changes = { 0 };
    struct messages messages = { .partitions = 12 };
    json_t *planned =
        json_loads("{\"orchestrationID\": \"r1\", \"lane\": \"kyma\", \"schedule\": \"maintenanceWindow\","
                   " \"operations\": [{\"operationID\": \"o1\", \"begin\": \"100000+0000\","
                   " \"end\": \"110000+0000\"}]}",
                   0, NULL);
    json_t *wake = json_object();

    (void)state;
    request.data = planned;
    fold_decide(&schedule_core, schedule, &request, (struct fold_at){ .time_ms = NOW, .traceparent = trace }, &decision,
                &changes, &messages, NULL);
    assert_null(messages.items[0].traceparent); /* the record's own */
    decision_release(&decision);
    messages_release(&messages);

    request = (struct request){ .id = "w", .type = 2, .subject = "", .data = wake, .reply_partition = -1 };
    fold_decide(&schedule_core, schedule, &request, (struct fold_at){ .time_ms = NOW + HOUR, .offset = 1 }, &decision,
                &changes, &messages, NULL);
    assert_string_equal(messages.items[0].traceparent, trace);
    decision_release(&decision);
    messages_release(&messages);
    changes_release(&changes);
    json_decref(planned);
    json_decref(wake);
    schedule_core.state_free(schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_immediate_operation_is_opened_at_once_and_leaves_no_timer),
        cmocka_unit_test(an_operation_waits_for_its_own_window),
        cmocka_unit_test(an_operation_whose_window_is_open_does_not_wait),
        cmocka_unit_test(one_record_tells_apart_what_is_open_what_waits_and_what_has_no_window),
        cmocka_unit_test(a_waiting_operation_is_opened_when_its_window_begins),
        cmocka_unit_test(a_wake_that_comes_too_early_opens_nothing),
        cmocka_unit_test(what_is_due_is_told_by_orchestration),
        cmocka_unit_test(a_window_that_closed_while_nobody_looked_gives_way_to_the_next),
        cmocka_unit_test(after_days_of_silence_the_window_that_is_open_now_counts),
        cmocka_unit_test(an_operation_that_found_no_worker_waits_for_the_next_window),
        cmocka_unit_test(a_request_ahead_of_the_clock_does_not_get_the_same_window_again),
        cmocka_unit_test(a_request_for_one_that_waits_replaces_its_window),
        cmocka_unit_test(one_that_waits_and_is_then_refused_is_not_opened_later),
        cmocka_unit_test(dropped_operations_no_longer_wait),
        cmocka_unit_test(dropping_what_does_not_wait_is_no_event),
        cmocka_unit_test(a_request_that_cannot_be_understood_is_rejected_with_a_reason),
        cmocka_unit_test(a_firing_opens_a_bounded_number_and_leaves_another_deadline),
        cmocka_unit_test(however_long_ids_are_a_firing_fits_into_a_record),
        cmocka_unit_test(only_what_no_longer_waits_is_forgotten),
        cmocka_unit_test(what_is_over_is_forgotten_after_some_thousand_records),
        cmocka_unit_test(what_a_timer_opens_goes_on_with_the_trace_of_its_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
