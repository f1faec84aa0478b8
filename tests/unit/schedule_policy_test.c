/* The scheduler's core under a maintenance policy, and with many timers. */
#include "services/scheduler/schedule.h"

#include "tests/unit/scene.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"

#define REQUEST "tidegate.schedule.request.v1"
#define POLICY "tidegate.schedule.policy.v1"
#define WAKE "tidegate.schedule.wake.v1"
#define OPENED "tidegate.schedule.opened.v1"
#define PLANNED "tidegate.schedule.planned.v1"
#define REFUSED "tidegate.schedule.refused.v1"
#define REJECTED "tidegate.schedule.rejected.v1"
#define ADOPTED "tidegate.schedule.policyAdopted.v1"
#define POLICY_REFUSED "tidegate.schedule.policyRefused.v1"

/* Scenes begin on Tuesday, 2022-02-01, at 09:00 UTC. */
static const int64_t NOW = 1643706000000, HOUR = 3600000, DAY = 86400000;

#define TUESDAY_10 "1643709600000"
#define TUESDAY_11 "1643713200000"
#define WEDNESDAY_10 "1643796000000"
#define SATURDAY_10 "1644055200000"
#define SATURDAY_11 "1644058800000"
#define SATURDAY_22 "1644098400000"
#define SUNDAY_4 "1644120000000"
#define HASH_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HASH_2 "2222222222222222222222222222222222222222222222222222222222222222"

static const char saturdays[] = "{'rules': [{'match': {'plan': '^azure$'}, 'days': ['Sat']}]}";
static const char nights[] = "{'rules': [{'match': {'plan': '^azure$'}, 'days': ['Sat']}], 'default':"
                             " {'days': ['Sat', 'Sun'], 'timeBegin': '220000+0000', 'timeEnd': '040000+0000'}}";

static struct scene *scene(void)
{
    return scene_new(&schedule_core, NULL);
}

/* The hash of a policy written with ' for ". */
static const char *hash_of(const char *policy, char hash[SHA256_HEX_SIZE])
{
    char *text = strdup(policy);
    json_t *body;

    for (char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    body = json_loads(text, 0, NULL);
    assert_non_null(body);
    configuration_hash(body, hash);
    json_decref(body);
    free(text);
    return hash;
}

static void when_policy(struct scene *s, const char *policy)
{
    char hash[SHA256_HEX_SIZE], *data = NULL;

    assert_true(asprintf(&data, "{'hash': '%s', 'policy': %s}", hash_of(policy, hash), policy) > 0);
    when(s, POLICY, "", data);
    free(data);
}

/* An operation of a runtime with a window from 10 to 11 o'clock. */
static void when_requested(struct scene *s, const char *operation, const char *plan)
{
    char data[512];

    snprintf(data, sizeof data,
             "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
             " [{'operationID': '%s', 'begin': '100000+0000', 'end': '110000+0000', 'globalAccountID': 'ga',"
             " 'planName': '%s', 'region': 'eu'}]}",
             operation, plan);
    when(s, REQUEST, operation, data);
}

/* A scene whose process found this policy when it started, an hour from now; `settings` outlives it. */
static struct scene *scene_with_file(const char *policy, struct schedule_settings *settings)
{
    char hash[SHA256_HEX_SIZE], *text = strdup(policy);

    for (char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            *c = '"';
    settings->policy_at_start = json_pack("{s:s, s:o}", "hash", hash_of(policy, hash), "policy",
                                          json_loads(text, 0, NULL));
    settings->policy_read_ms = NOW + HOUR;
    free(text);
    return scene_new(&schedule_core, settings);
}

static void scene_with_file_free(struct scene *s, const struct schedule_settings *settings)
{
    scene_free(s);
    json_decref((json_t *)(uintptr_t)settings->policy_at_start);
}

static void a_policy_is_adopted_once_and_told_to_nobody(void **state)
{
    struct scene *s = scene();
    char hash[SHA256_HEX_SIZE], want[512];

    (void)state;
    then_row(s, "policy", "policy", NULL);
    when_policy(s, saturdays);
    snprintf(want, sizeof want, ADOPTED " policy {'hash': '%s', 'policy': %s}", hash_of(saturdays, hash), saturdays);
    then_events(s, want, NULL);
    then_messages(s, NULL);
    snprintf(want, sizeof want,
             "{'hash': '%s', 'body': %s, 'adopted_at': '2022-02-01T09:00:00Z', 'refused_hash': null,"
             " 'refused_reason': null, 'refused_at': null}",
             hash, saturdays);
    then_row(s, "policy", "policy", want);
    when_policy(s, saturdays);
    then_events(s, NULL);
    when_policy(s, nights);
    then_events(s, ADOPTED " policy", NULL);
    when_policy(s, saturdays); /* of two processes with different files the last one wins */
    then_events(s, ADOPTED " policy", NULL);
    scene_free(s);
}

static void a_policy_decides_when_an_operation_may_run(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, nights);
    when_requested(s, "o1", "azure");
    then_events(s,
                PLANNED " r1 {'operations': [{'operationID': 'o1', 'windowBegin': '100000+0000', 'windowEnd':"
                        " '110000+0000', 'days': ['Sat'], 'begin': " SATURDAY_10 ", 'end': " SATURDAY_11 "}]}",
                NULL);
    then_messages(s,
                  "orchestrations kyma tidegate.orchestration.schedule.v1 {'open': false, 'operations':"
                  " [{'operationID': 'o1', 'begin': " SATURDAY_10 ", 'end': " SATURDAY_11 "}]}",
                  NULL);
    then_row(s, "timer", "o1", "{'days': 'Sat', 'begin_text': '100000+0000', 'state': 'waiting'}");
    when_requested(s, "o2", "aws");
    then_events(s,
                PLANNED " r1 {'operations': [{'operationID': 'o2', 'windowBegin': '220000+0000', 'windowEnd':"
                        " '040000+0000', 'days': ['Sat', 'Sun'], 'begin': " SATURDAY_22 ", 'end': " SUNDAY_4 "}]}",
                NULL);
    then_row(s, "timer", "o2", "{'days': 'Sat,Sun', 'begin_text': '220000+0000', 'end_text': '040000+0000'}");
    scene_free(s);
}

static void after_midnight_a_window_of_an_allowed_day_is_still_open(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, "{'default': {'days': ['Mon'], 'timeBegin': '220000+0000', 'timeEnd': '100000+0000'}}");
    when_requested(s, "o1", "aws"); /* Tuesday, 09:00 */
    then_events(s, OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': 1643666400000, 'end': " TUESDAY_10 "}]}",
                NULL);
    scene_free(s);
}

static void the_day_is_that_of_the_windows_own_offset(void **state)
{
    struct scene *s = scene();

    (void)state; /* 09:00 UTC is 21:00 of Tuesday there; at 01:00 of Wednesday it is Tuesday still in UTC */
    when_policy(s, "{'default': {'days': ['Wed'], 'timeBegin': '010000+1200', 'timeEnd': '020000+1200'}}");
    when_requested(s, "o1", "aws");
    then_events(s, PLANNED " r1 {'operations': [{'begin': 1643720400000, 'end': 1643724000000}]}", NULL);
    scene_free(s);
}

static void who_does_not_say_what_is_matched_has_its_own_window(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, nights);
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '100000+0000', 'end': '110000+0000'}, {'operationID': 'o2', 'begin':"
         " '100000+0000', 'end': '110000+0000', 'globalAccountID': '', 'planName': '', 'region': ''}]}");
    then_events(s,
                PLANNED " r1 {'operations': [{'operationID': 'o1', 'begin': " TUESDAY_10
                        "}, {'operationID': 'o2', 'begin': " SATURDAY_22 "}]}",
                NULL);
    then_row(s, "timer", "o1", "{'days': null}");
    scene_free(s);
}

static void a_policy_with_both_times_helps_a_runtime_without_a_window(void **state)
{
    static const char request[] =
        "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': 0, 'operations':"
        " [{'operationID': 'o1', 'begin': '', 'end': 'none', 'planName': 'aws'}]}";
    struct scene *s = scene();

    (void)state;
    when(s, REQUEST, "o1", request);
    then_events(s, REFUSED " r1", NULL);
    when_policy(s, nights);
    when(s, REQUEST, "o1", request);
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_22 "}]}", NULL);
    scene_free(s);
}

static void an_immediate_operation_asks_no_policy(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, POLICY, "", "{'hash': '" HASH_1 "', 'error': 'line 1: no'}");
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate', 'after': 0, 'operations':"
         " [{'operationID': 'o1', 'begin': '', 'end': '', 'planName': 'azure'}]}");
    then_events(s, OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': 0, 'end': 0}]}", NULL);
    scene_free(s);
}

static void a_missed_window_gives_way_to_one_on_an_allowed_day(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, saturdays);
    when_requested(s, "o1", "azure");
    scene_time(s, NOW + 18 * DAY); /* Saturday, the 19th, 09:00: two windows were missed, the third comes at 10:00 */
    when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
    then_events(s,
                PLANNED " r1 {'operations': [{'operationID': 'o1', 'days': ['Sat'], 'begin': 1645264800000,"
                        " 'end': 1645268400000}]}",
                NULL);
    then_row(s, "timer", "o1", "{'days': 'Sat', 'window_begin': '2022-02-19T10:00:00Z'}");
    scene_time(s, NOW + 18 * DAY + 90 * 60000);
    when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
    then_events(s, OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': 1645264800000}]}", NULL);
    scene_free(s);
}

static void one_that_found_no_worker_gets_the_next_window_of_the_policy(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, saturdays);
    scene_time(s, NOW + 4 * DAY + 3 * HOUR); /* Saturday, 12:00: today's window has closed */
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'maintenanceWindow', 'after': " SATURDAY_10
         ", 'operations': [{'operationID': 'o1', 'begin': '100000+0000', 'end': '110000+0000', 'planName': 'azure'}]}");
    then_events(s, PLANNED " r1 {'operations': [{'begin': 1644660000000, 'end': 1644663600000}]}", NULL);
    scene_free(s);
}

static void another_policy_leaves_what_is_planned(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_requested(s, "o1", "azure");
    when_policy(s, saturdays);
    then_row(s, "timer", "o1", "{'days': null, 'window_begin': '2022-02-01T10:00:00Z'}");
    scene_time(s, NOW + HOUR);
    when(s, WAKE, "", "{'at': 1, 'id': 'x'}");
    then_events(s, OPENED " r1 {'operations': [{'operationID': 'o1', 'begin': " TUESDAY_10 "}]}", NULL);
    scene_free(s);
}

static void a_policy_that_is_refused_leaves_the_one_in_force(void **state)
{
    struct scene *s = scene();

    (void)state;
    when_policy(s, saturdays);
    when(s, POLICY, "", "{'hash': '" HASH_1 "', 'error': 'line 3: default.days: is empty'}");
    then_events(s, POLICY_REFUSED " policy {'hash': '" HASH_1 "', 'reason': 'line 3: default.days: is empty'}", NULL);
    then_messages(s, NULL);
    then_row(s, "policy", "policy",
             "{'refused_hash': '" HASH_1 "', 'refused_reason': 'line 3: default.days: is empty',"
             " 'refused_at': '2022-02-01T09:00:00Z', 'adopted_at': '2022-02-01T09:00:00Z'}");
    when(s, POLICY, "", "{'hash': '" HASH_1 "', 'error': 'line 3: default.days: is empty'}");
    then_events(s, NULL);
    when(s, POLICY, "", "{'hash': '" HASH_2 "', 'error': 'line 4: no'}");
    then_events(s, POLICY_REFUSED " policy", NULL);
    when_requested(s, "o1", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);

    when_policy(s, saturdays); /* the file is as it was: the refusal is over, and that is told */
    then_events(s, ADOPTED " policy", NULL);
    then_row(s, "policy", "policy", "{'refused_hash': null, 'refused_reason': null, 'refused_at': null}");
    when_policy(s, saturdays);
    then_events(s, NULL);
    scene_free(s);
}

static void the_policy_of_the_start_decides_what_was_asked_for_before_it_was_told(void **state)
{
    struct schedule_settings settings;
    struct scene *s = scene_with_file(saturdays, &settings);

    (void)state;
    when_requested(s, "o1", "azure");
    then_events(s, ADOPTED " policy", PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    when_requested(s, "o2", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    when_policy(s, saturdays);
    then_events(s, NULL);
    scene_with_file_free(s, &settings);
}

static void the_policy_of_the_start_takes_the_place_of_one_that_is_older(void **state)
{
    struct schedule_settings settings;
    struct scene *s = scene_with_file(saturdays, &settings);

    (void)state;
    when_policy(s, "{}"); /* in force when the process before was stopped */
    scene_time(s, NOW + 2 * HOUR);
    when_requested(s, "o1", "azure");
    then_events(s, ADOPTED " policy", PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    when_requested(s, "o2", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    when_policy(s, saturdays);
    then_events(s, NULL);
    when_policy(s, "{}"); /* what comes later counts */
    when_requested(s, "o3", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " WEDNESDAY_10 "}]}", NULL);
    scene_with_file_free(s, &settings);
}

static void the_policy_of_the_start_that_is_in_force_is_no_news(void **state)
{
    struct schedule_settings settings;
    struct scene *s = scene_with_file(saturdays, &settings);

    (void)state;
    when_policy(s, saturdays);
    when_requested(s, "o1", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    scene_with_file_free(s, &settings);
}

static void the_policy_of_the_start_leaves_what_was_heard_since(void **state)
{
    struct schedule_settings settings;
    struct scene *s = scene_with_file(saturdays, &settings);

    (void)state;
    scene_time(s, NOW + HOUR);
    when_policy(s, "{}"); /* another process has another file: the last one wins */
    scene_time(s, NOW + 2 * HOUR);
    when_requested(s, "o1", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " WEDNESDAY_10 "}]}", NULL);
    when(s, POLICY, "", "{'hash': '" HASH_1 "', 'error': 'line 1: no'}");
    when_requested(s, "o2", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " WEDNESDAY_10 "}]}", NULL);
    scene_with_file_free(s, &settings);
}

static void a_file_that_was_wrong_at_the_start_leaves_the_policy_in_force(void **state)
{
    struct schedule_settings settings = { json_pack("{s:s, s:s}", "hash", HASH_1, "error", "line 1: no"), NOW + HOUR };
    struct scene *s = scene_new(&schedule_core, &settings);

    (void)state;
    when_policy(s, saturdays);
    scene_time(s, NOW + 2 * HOUR);
    when_requested(s, "o1", "azure");
    then_events(s, POLICY_REFUSED " policy {'reason': 'line 1: no'}",
                PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    when_requested(s, "o2", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    scene_with_file_free(s, &settings);
}

static void an_immediate_operation_does_not_ask_the_policy_of_the_start(void **state)
{
    struct schedule_settings settings;
    struct scene *s = scene_with_file(saturdays, &settings);

    (void)state;
    when(s, REQUEST, "o1",
         "{'orchestrationID': 'r1', 'lane': 'kyma', 'schedule': 'immediate', 'operations': [{'operationID': 'o1'}]}");
    then_events(s, OPENED " r1", NULL);
    scene_with_file_free(s, &settings);
}

static void a_file_that_was_wrong_at_the_start_stops_what_was_asked_for_before(void **state)
{
    struct schedule_settings settings = { json_pack("{s:s, s:s}", "hash", HASH_1, "error", "line 1: no"), NOW };
    struct scene *s = scene_new(&schedule_core, &settings);

    (void)state;
    when_requested(s, "o1", "azure");
    then_events(s, POLICY_REFUSED " policy {'reason': 'line 1: no'}", REFUSED " r1", NULL);
    when_policy(s, saturdays);
    when_requested(s, "o2", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    scene_with_file_free(s, &settings);
}

static void while_no_policy_was_ever_adopted_a_refused_one_stops_upgrades(void **state)
{
    struct scene *s = scene();

    (void)state;
    when(s, POLICY, "", "{'hash': '" HASH_1 "', 'error': 'line 3: no'}");
    then_row(s, "policy", "policy", "{'hash': null, 'body': null, 'adopted_at': null}");
    when_requested(s, "o1", "azure");
    then_events(s,
                REFUSED " r1 {'operations': [{'operationID': 'o1', 'error': 'the maintenance policy was refused, and no"
                        " other is in force: line 3: no'}]}",
                NULL);
    when_policy(s, "{}");
    when_requested(s, "o1", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " TUESDAY_10 ", 'end': " TUESDAY_11 "}]}", NULL);
    scene_free(s);
}

static void what_comes_as_a_policy_and_is_none_changes_nothing(void **state)
{
    static const struct {
        const char *data, *want;
    } cases[] = {
        { "{'policy': {}}", REJECTED " unknown {'request': '" POLICY "', 'reason': 'a hash, and either a policy or an"
                                     " error, are required'}" },
        { "{'hash': '" HASH_1 "'}", REJECTED " unknown" },
        { "{'hash': '" HASH_1 "', 'error': ''}", REJECTED " unknown" },
        { "{'hash': '11', 'error': 'no'}", REJECTED " unknown" },
        { "{'hash': '" HASH_1 "', 'error': 'no', 'policy': {}}", REJECTED " unknown" },
        { "{'hash': '" HASH_1 "', 'policy': {}}",
          REJECTED " unknown {'reason': 'the hash is not that of the policy'}" },
    };
    struct scene *s = scene();

    (void)state;
    when_policy(s, saturdays);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        when(s, POLICY, "", cases[i].data);
        then_events(s, cases[i].want, NULL);
    }
    when_policy(s, "{'rules': [{'match': {'plan': '('}}]}"); /* which no watcher would tell */
    then_events(s, POLICY_REFUSED " policy", NULL);
    when_policy(s, "{'rules': [{'match': {'plan': '('}}]}");
    then_events(s, NULL);
    when_requested(s, "o1", "azure");
    then_events(s, PLANNED " r1 {'operations': [{'begin': " SATURDAY_10 "}]}", NULL);
    scene_free(s);
}

/* --- Many timers --- */

enum { TIMERS = 100000, REQUEST_OPERATIONS = 200, SECOND_MS = 1000 };

static json_t *request_of(int first, const char *begin)
{
    json_t *operations = json_array();

    for (int i = first; i < first + REQUEST_OPERATIONS; i++)
        json_array_append_new(operations, json_pack("{s:o, s:s, s:s, s:s}", "operationID", json_sprintf("o%06d", i),
                                                    "begin", begin, "end", "130000+0000", "planName", "azure"));
    return json_pack("{s:s, s:s, s:s, s:i, s:o}", "orchestrationID", "r1", "lane", "kyma", "schedule",
                     "maintenanceWindow", "after", 0, "operations", operations);
}

struct timing {
    void *state;
    int64_t now_ms, offset;
    size_t opened;
};

static void decide(struct timing *timing, int type, const json_t *data)
{
    struct request request = { .id = "r", .type = type, .subject = "", .data = data, .reply_partition = -1 };
    struct decision decision = { 0 };
    struct changes changes = { 0 };
    struct messages messages = { .partitions = 12 };

    fold_decide(&schedule_core, timing->state, &request,
                (struct fold_at){ .time_ms = timing->now_ms, .offset = timing->offset++ }, &decision, &changes,
                &messages, NULL);
    for (size_t i = 0; i < decision.count; i++)
        if (strcmp(schedule_core.event_types[decision.events[i].type], OPENED) == 0)
            timing->opened += json_array_size(json_object_get(decision.events[i].data, "operations"));
    decision_release(&decision);
    changes_release(&changes);
    messages_release(&messages);
}

static int64_t cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sanitizers make everything several times slower. */
static int slowness(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return 10;
#endif
#endif
    return 1;
}

static void hundred_thousand_that_are_due_at_once_are_opened_within_a_second_of_work(void **state)
{
    const int wake = core_type(schedule_core.request_types, WAKE);
    struct timing timing = { .state = schedule_core.state_new(NULL, 0), .now_ms = NOW };
    json_t *data = json_object();
    struct deadline deadline;
    int64_t begun_ms;

    (void)state;
    for (int i = 0; i < TIMERS; i += REQUEST_OPERATIONS) {
        json_t *request = request_of(i, "100000+0000");

        decide(&timing, 0, request);
        json_decref(request);
    }
    assert_int_equal(timing.opened, 0);
    begun_ms = cpu_ms();
    for (;;) {
        deadline = schedule_core.deadline(timing.state);
        if (deadline.at_ms == DEADLINE_NEVER)
            break;
        assert_true(deadline.at_ms == NOW + HOUR);
        timing.now_ms = deadline.at_ms + (cpu_ms() - begun_ms) / slowness();
        decide(&timing, wake, data);
    }
    assert_int_equal(timing.opened, TIMERS);
    if (timing.now_ms >= NOW + HOUR + SECOND_MS)
        fail_msg("the last one was opened %" PRId64 " ms after its window's begin", timing.now_ms - NOW - HOUR);
    json_decref(data);
    schedule_core.state_free(timing.state);
}

static void each_of_hundred_thousand_is_opened_in_the_second_in_which_it_is_due(void **state)
{
    const int wake = core_type(schedule_core.request_types, WAKE);
    struct timing timing = { .state = schedule_core.state_new(NULL, 0), .now_ms = NOW };
    json_t *data = json_object();
    int wakes = 0;

    (void)state;
    for (int i = 0; i < TIMERS; i += REQUEST_OPERATIONS) { /* 500 seconds, 200 operations each */
        char begin[16];
        json_t *request;
        int second = i / REQUEST_OPERATIONS;

        snprintf(begin, sizeof begin, "10%02d%02d+0000", second / 60 % 60, second % 60);
        request = request_of(i, begin);
        decide(&timing, 0, request);
        json_decref(request);
    }
    for (struct deadline deadline; (deadline = schedule_core.deadline(timing.state)).at_ms != DEADLINE_NEVER; wakes++) {
        assert_true(deadline.at_ms == NOW + HOUR + wakes * SECOND_MS); /* it sleeps until the next one is due */
        timing.now_ms = deadline.at_ms - 1;
        decide(&timing, wake, data);
        assert_int_equal(timing.opened, wakes * REQUEST_OPERATIONS); /* never too early */
        timing.now_ms = deadline.at_ms;
        decide(&timing, wake, data);
        assert_int_equal(timing.opened, (wakes + 1) * REQUEST_OPERATIONS);
    }
    assert_int_equal(wakes, TIMERS / REQUEST_OPERATIONS);
    json_decref(data);
    schedule_core.state_free(timing.state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_adopted_once_and_told_to_nobody),
        cmocka_unit_test(a_policy_decides_when_an_operation_may_run),
        cmocka_unit_test(after_midnight_a_window_of_an_allowed_day_is_still_open),
        cmocka_unit_test(the_day_is_that_of_the_windows_own_offset),
        cmocka_unit_test(who_does_not_say_what_is_matched_has_its_own_window),
        cmocka_unit_test(a_policy_with_both_times_helps_a_runtime_without_a_window),
        cmocka_unit_test(an_immediate_operation_asks_no_policy),
        cmocka_unit_test(a_missed_window_gives_way_to_one_on_an_allowed_day),
        cmocka_unit_test(one_that_found_no_worker_gets_the_next_window_of_the_policy),
        cmocka_unit_test(another_policy_leaves_what_is_planned),
        cmocka_unit_test(a_policy_that_is_refused_leaves_the_one_in_force),
        cmocka_unit_test(the_policy_of_the_start_decides_what_was_asked_for_before_it_was_told),
        cmocka_unit_test(the_policy_of_the_start_takes_the_place_of_one_that_is_older),
        cmocka_unit_test(the_policy_of_the_start_that_is_in_force_is_no_news),
        cmocka_unit_test(the_policy_of_the_start_leaves_what_was_heard_since),
        cmocka_unit_test(a_file_that_was_wrong_at_the_start_leaves_the_policy_in_force),
        cmocka_unit_test(an_immediate_operation_does_not_ask_the_policy_of_the_start),
        cmocka_unit_test(a_file_that_was_wrong_at_the_start_stops_what_was_asked_for_before),
        cmocka_unit_test(while_no_policy_was_ever_adopted_a_refused_one_stops_upgrades),
        cmocka_unit_test(what_comes_as_a_policy_and_is_none_changes_nothing),
        cmocka_unit_test(hundred_thousand_that_are_due_at_once_are_opened_within_a_second_of_work),
        cmocka_unit_test(each_of_hundred_thousand_is_opened_in_the_second_in_which_it_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
