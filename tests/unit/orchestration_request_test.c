/* The orchestrator's core: asking for an upgrade, turns of a lane, and targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/orchestrator/parts.h"
#include "tests/unit/orchestration_scene.h"
/* --- Asking for an upgrade --- */

static void upgrade_is_accepted_with_all_that_decides_and_sends_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(5, "maintenanceWindow"));
    then_events(scene,
                TYPE "accepted.v1 o1 {'lane': 'kyma', 'bodyHash': 'h1', 'version': '2.3.0', 'workers': 5, "
                     "'dryRun': false, 'schedule': 'maintenanceWindow', 'actor': {'subject': 's'}, "
                     "'parameters': {'strategy': {'parallel': {'workers': 5}}}}",
                NULL);
    then_outcome(scene, 202, "{'orchestrationID': 'o1'}");
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'type': 'upgradeKyma', 'state': 'pending', 'description': 'queued for processing', 'resolved': false, "
             "'created_at': '2022-02-01T09:00:00Z', 'updated_at': '2022-02-01T09:00:00Z', 'stats': null}");
    scene_free(scene);
}

static void no_workers_and_no_schedule_mean_one_worker_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{'strategy': {'parallel': {'workers': 0}}, 'dryRun': true}");
    then_events(scene, TYPE "accepted.v1 o1 {'workers': 1, 'schedule': 'immediate', 'dryRun': true}", NULL);
    scene_free(scene);
}

static void upgrade_without_a_version_takes_the_default(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "kyma", "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h1', 'parameters': {}}");
    then_events(scene, TYPE "accepted.v1 o1 {'version': '2.4.2', 'actor': null}", NULL);
    scene_free(scene);
}

static void repeated_upgrade_gets_the_same_answer_and_changes_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    scene_time(scene, nine + MINUTE_MS);
    request_upgrade(scene, "o1", "{}");
    then_events(scene, TYPE "repeated.v1 o1 {'status': 202, 'request': '" UPGRADE "'}", NULL);
    then_outcome(scene, 202, "{'orchestrationID': 'o1'}");
    then_row(scene, "orchestration", "o1", "{'updated_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void another_body_under_the_same_key_is_refused(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    when(scene, UPGRADE, "kyma",
         "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h2', 'version': '2.3.0', 'actor': {'subject': 's'}}");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422, 'actor': {'subject': 's'}}", NULL);
    then_outcome(scene, 422,
                 "{'error': 'while creating orchestration: the Idempotency-Key was used before, for a request with "
                 "another body'}");
    scene_free(scene);
}

static void version_without_a_release_is_refused_with_those_that_exist(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "kyma",
         "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h', 'version': '9.9.9', "
         "'parameters': {'kyma': {'version': '9.9.9'}}}");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 400}", NULL);
    then_outcome(scene, 400,
                 "{'error': 'while validating kyma version: there is no release 9.9.9; there are: 2.3.0, 2.4.2'}");
    then_row(scene, "orchestration", "o1", NULL);
    scene_free(scene);
}

static void only_a_number_of_failures_from_one_on_bounds_them(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{'strategy': {'maxFailures': 3}}");
    then_events(scene, TYPE "accepted.v1 o1 {'maxFailures': 3}", NULL);
    then_row(scene, "orchestration", "o1", "{'max_failures': 3, 'stopped': false}");
    request_upgrade(scene, "o2", "{'strategy': {'maxFailures': null}}");
    then_events(scene, TYPE "accepted.v1 o2", NULL);
    then_row(scene, "orchestration", "o2", "{'max_failures': 0}");
    request_upgrade(scene, "o3", "{'strategy': {'maxFailures': 0}}"); /* the gateway refuses it */
    then_row(scene, "orchestration", "o3", "{'max_failures': 1}");
    scene_free(scene);
}

static void unknown_lane_missing_id_and_long_id_are_refused(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "x", "{'orchestrationID': 'o1', 'lane': 'x', 'bodyHash': 'h'}");
    then_outcome(scene, 400, "{'error': 'while creating orchestration: there is no lane x'}");
    when(scene, UPGRADE, "kyma", "{'lane': 'kyma'}");
    then_outcome(scene, 400, "{'error': 'while creating orchestration: orchestrationID is missing'}");
    when(scene, UPGRADE, "kyma", "{'lane': 'kyma', 'orchestrationID': '0123456789012345678901234567890123456789'}");
    then_outcome(scene, 400, NULL);
    then_events(scene, TYPE "rejected.v1 0123456789012345678901234567890123456789", NULL);
    scene_free(scene);
}

static void long_reason_is_cut_between_two_characters(void **state)
{
    struct scene *scene = scene_open();
    char umlauts[1001] = "";

    (void)state;
    for (size_t i = 0; i < 1000; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 3);
    cancel(scene, umlauts);
    then_outcome(scene, 404, NULL);
    cancel(scene, text("%.999s", text("x%s", umlauts)));
    then_outcome(scene, 404, NULL);
    scene_free(scene);
}

static void only_what_a_client_may_repeat_is_loaded(void **state)
{
    const struct {
        int type;
        const char *data;
        size_t want_count;
    } cases[] = {
        { REQUEST_UPGRADE, "{\"orchestrationID\": \"o1\"}", 0 },
        { REQUEST_UPGRADE, "{\"orchestrationID\": \"o1\", \"keyed\": true}", 1 },
        { REQUEST_CANCEL, "{\"orchestrationID\": \"o1\"}", 1 },
        { REQUEST_RETRY, "{\"orchestrationID\": \"o1\"}", 1 },
        { REQUEST_TARGET, "{\"orchestrationID\": \"o1\"}", 0 },
        { REQUEST_REPORT, "{\"orchestrationID\": \"o1\"}", 0 },
        { REQUEST_WAKE, "{\"id\": \"o1\"}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *data = json_loads(cases[i].data, 0, NULL);
        struct request request = { .type = cases[i].type, .data = data };
        struct names names = { 0 };

        orchestration_core.needs(&request, &names);
        assert_int_equal(names.count, cases[i].want_count);
        names_release(&names);
        json_decref(data);
    }
}

static void event_that_takes_up_what_is_over_has_it_loaded(void **state)
{
    struct event event = { .type = core_type(orchestration_core.event_types, TYPE "retried.v1"), .subject = "o1" };
    struct names names = { 0 };

    (void)state;
    orchestration_core.event_needs(&event, &names);
    assert_int_equal(names.count, 1);
    event.type = core_type(orchestration_core.event_types, TYPE "resumed.v1");
    orchestration_core.event_needs(&event, &names);
    assert_int_equal(names.count, 1);
    names_release(&names);
}

/* --- Turns of a lane --- */

static void first_of_a_lane_starts_by_itself_and_asks_every_broker(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1");
    wake(scene);
    then_events(scene, TYPE "started.v1 o1 {'partitions': 2}", NULL);
    then_messages(scene,
                  "instances #0 tidegate.instance.match.v1 {'orchestrationID': 'o1', 'lane': 'kyma', 'cursor': '', "
                  "'targets': {'include': [{'target': 'all'}]}}",
                  "instances #1 tidegate.instance.match.v1", NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'pending', 'description': 'queued for processing'}");
    scene_free(scene);
}

static void started_orchestration_is_not_started_again(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1'}");
    then_events(scene, NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void second_of_a_lane_waits_until_the_first_has_ended(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o2", "{}"); /* the order of arrival, not of IDs */
    request_upgrade(scene, "o1", "{}");
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o2");
    wake(scene);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1'}");
    then_events(scene, NULL);
    cancel(scene, "o2");
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1");
    wake(scene);
    then_events(scene, TYPE "started.v1 o1", NULL);
    scene_free(scene);
}

static void empty_lane_needs_no_waking(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'nobody'}");
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- Targets --- */

static void operations_stay_invisible_until_the_last_target_is_in(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    then_events(scene,
                text(TYPE "targeted.v1 o1 {'partition': 0, 'last': true, 'targets': [{'runtimeID': 'r1', "
                          "'operationID': '%s'}]}",
                     op("r1")),
                NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'pending', 'resolved': false, 'reported': [0], 'stats': null}");
    then_operation(scene, "r1", "pending", "Operation created");
    scene_free(scene);
}

static void last_target_schedules_all_and_fixes_what_is_sent(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    scene_time(scene, nine + MINUTE_MS);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1 {'partition': 1, 'targets': []}",
                text(TYPE "scheduled.v1 o1 {'operations': 1, 'description': 'Scheduled 1 operations', "
                          "'version': '2.3.0', 'configuration': '%s', 'kymaConfig': {'version': '2.3.0'}, "
                          "'parameters': {'kyma': {'version': '2.3.0'}, 'kubernetes': {'kubernetesVersion': '1.20.8', "
                          "'machineImage': '', 'machineImageVersion': ''}}}",
                     releases_hash(orchestration_scene_settings.releases, "2.3.0")),
                NULL);
    then_messages(
        scene,
        text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s', 'kymaConfig': {'version': '2.3.0'}}",
             partition_of("r1", 12), releases_hash(orchestration_scene_settings.releases, "2.3.0")),
        text("schedules #%d tidegate.schedule.request.v1 {'orchestrationID': 'o1', 'lane': 'kyma', 'schedule': "
             "'immediate', 'after': 0, 'operations': [{'operationID': '%s', 'begin': '220000+0000', "
             "'end': '040000+0000'}]}",
             partition_of(op("r1"), 12), op("r1")),
        NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'description': 'Scheduled 1 operations', 'resolved': true, "
             "'updated_at': '2022-02-01T09:00:00Z', 'stats': {'pending': 1}}");
    scene_free(scene);
}

static void versions_of_the_request_are_not_replaced(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'kyma': {'version': '2.3.0', 'x': 1}, 'kubernetes': {'kubernetesVersion': '1.19.1', "
                           "'machineImage': 'm', 'machineImageVersion': ''}}");
    then_row(scene, "orchestration", "o1",
             "{'parameters': {'kyma': {'version': '2.3.0', 'x': 1}, 'kubernetes': {'kubernetesVersion': '1.19.1', "
             "'machineImage': 'm'}}, 'dry_run': false}");
    scene_free(scene);
}

static void runtime_named_twice_gets_one_operation(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r1", 0, "c-1"), target("r1", 1, "c-1")), true);
    then_events(scene, TYPE "targeted.v1 o1 {'targets': [{'runtimeID': 'r1', 'include': 0}]}", NULL);
    targets(scene, 1, text("%s, %s", target("r1", 1, "c-1"), "{'instanceID': 'without a runtime'}"), true);
    then_events(scene, TYPE "targeted.v1 o1 {'targets': []}", TYPE "scheduled.v1 o1 {'operations': 1}", NULL);
    scene_free(scene);
}

static void no_targets_succeed_at_once_without_an_update(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, "", true);
    scene_time(scene, nine + MINUTE_MS);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1", TYPE "scheduled.v1 o1 {'operations': 0}",
                TYPE "succeeded.v1 o1 {'description': 'Scheduled 0 operations'}", NULL);
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'succeeded', 'description': 'Scheduled 0 operations', 'stats': null, "
             "'updated_at': '2022-02-01T09:00:00Z'}");
    assert_false(orchestration_core.live(scene_state(scene), "o1"));
    scene_free(scene);
}

static void chunk_that_is_empty_and_not_the_last_decides_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, "", false);
    then_events(scene, NULL);
    scene_free(scene);
}

static void chunks_of_a_partition_that_has_ended_or_does_not_exist_decide_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    targets(scene, 0, target("r1", 0, "c"), true); /* nobody was asked yet */
    then_events(scene, NULL);
    wake(scene);
    targets(scene, 0, "", true);
    targets(scene, 0, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    targets(scene, BROKERS, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    targets(scene, -1, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    scene_free(scene);
}

static void failing_broker_fails_the_whole_and_shows_no_operation(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    scene_time(scene, nine + MINUTE_MS);
    when(scene, TARGET, "kyma", "{'orchestrationID': 'o1', 'partition': 1, 'error': 'boom', 'last': true}");
    then_events(scene, TYPE "failed.v1 o1 {'description': 'while resolving operations: boom'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'while resolving operations: boom', 'resolved': false, "
             "'updated_at': '2022-02-01T09:01:00Z', 'stats': null}");
    scene_free(scene);
}

static void release_that_went_away_meanwhile_fails_the_whole(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    given(scene, TYPE "accepted.v1", "o1",
          "{'lane': 'kyma', 'version': '1.0.0', 'workers': 1, "
          "'parameters': {'kyma': {'version': '1.0.0'}}}");
    wake(scene);
    targets(scene, 0, "", true);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1",
                TYPE "failed.v1 o1 {'description': 'while resolving operations: there is no release 1.0.0 any more'}",
                NULL);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_is_accepted_with_all_that_decides_and_sends_nothing),
        cmocka_unit_test(no_workers_and_no_schedule_mean_one_worker_at_once),
        cmocka_unit_test(upgrade_without_a_version_takes_the_default),
        cmocka_unit_test(repeated_upgrade_gets_the_same_answer_and_changes_nothing),
        cmocka_unit_test(another_body_under_the_same_key_is_refused),
        cmocka_unit_test(version_without_a_release_is_refused_with_those_that_exist),
        cmocka_unit_test(only_a_number_of_failures_from_one_on_bounds_them),
        cmocka_unit_test(unknown_lane_missing_id_and_long_id_are_refused),
        cmocka_unit_test(long_reason_is_cut_between_two_characters),
        cmocka_unit_test(only_what_a_client_may_repeat_is_loaded),
        cmocka_unit_test(event_that_takes_up_what_is_over_has_it_loaded),
        cmocka_unit_test(first_of_a_lane_starts_by_itself_and_asks_every_broker),
        cmocka_unit_test(started_orchestration_is_not_started_again),
        cmocka_unit_test(second_of_a_lane_waits_until_the_first_has_ended),
        cmocka_unit_test(empty_lane_needs_no_waking),
        cmocka_unit_test(operations_stay_invisible_until_the_last_target_is_in),
        cmocka_unit_test(last_target_schedules_all_and_fixes_what_is_sent),
        cmocka_unit_test(versions_of_the_request_are_not_replaced),
        cmocka_unit_test(runtime_named_twice_gets_one_operation),
        cmocka_unit_test(no_targets_succeed_at_once_without_an_update),
        cmocka_unit_test(chunk_that_is_empty_and_not_the_last_decides_nothing),
        cmocka_unit_test(chunks_of_a_partition_that_has_ended_or_does_not_exist_decide_nothing),
        cmocka_unit_test(failing_broker_fails_the_whole_and_shows_no_operation),
        cmocka_unit_test(release_that_went_away_meanwhile_fails_the_whole),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
