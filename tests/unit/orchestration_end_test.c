/* The orchestrator's core: how the whole ends, dry runs and cancels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "tests/unit/orchestration_scene.h"
/* --- The end --- */

static void whole_succeeds_when_all_have(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "succeeded", "Operation succeeded");
    report(scene, "r2", "succeeded", "Operation succeeded");
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r3", "preempted", "operation preempted by deprovisioning d1");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "succeeded.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'succeeded', 'description': 'Scheduled 3 operations', 'stats': {'succeeded': 3}, "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    assert_false(orchestration_core.live(scene_state(scene), "o1"));
    assert_true(orchestration_core.holds(scene_state(scene), "o1"));
    scene_free(scene);
}

static void whole_fails_when_one_has(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "succeeded", "");
    assert_true(orchestration_core.live(scene_state(scene), "o1"));
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'Scheduled 3 operations', 'stats': {'failed': 1, 'succeeded': 2}}");
    scene_free(scene);
}

static void next_of_the_lane_starts_after_the_end(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    request_upgrade(scene, "o2", "{}");
    report(scene, "r1", "failed", "");
    report(scene, "r2", "failed", "");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    report(scene, "r3", "failed", "");
    wake(scene);
    then_events(scene, TYPE "started.v1 o2", NULL);
    scene_free(scene);
}

static void finished_orchestration_can_be_forgotten_and_loaded_again(void **state)
{
    void *forgetful = orchestration_core.state_new(&orchestration_scene_settings, 0);
    json_t *row = json_pack("{s:s, s:s, s:s, s:i}", "orchestration_id", "o1", "lane", "kyma", "state", "failed",
                            "arrival", 3);

    (void)state;
    orchestration_core.load(forgetful, 0, row);
    assert_true(orchestration_core.holds(forgetful, "o1"));
    assert_true(orchestration_core.deadline(forgetful).at_ms == DEADLINE_NEVER);
    orchestration_core.evict(forgetful, "o1");
    assert_false(orchestration_core.holds(forgetful, "o1"));
    orchestration_core.evict(forgetful, "o1");
    orchestration_core.state_free(forgetful);
    json_decref(row);
}

/* --- Dry run --- */

static const char dry[] = "{'dryRun': true, 'strategy': {'schedule': 'immediate', 'parallel': {'workers': 1}}}";

static void dry_run_asks_the_provisioner_to_try_only(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, dry);
    for (size_t i = 0; i < scene_message_count(scene); i++)
        assert_string_equal(scene_message(scene, i)->topic, "schedules"); /* no configuration goes ahead */
    scheduled(scene, text("%s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgrade.v1 {'dryRun': true, 'version': '2.3.0'}", NULL);
    then_row(scene, "operation", op("r1"), "{'dry_run': true, 'state': 'pending', 'sent': true}");
    report(scene, "r1", "succeeded", "dry run succeeded");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    then_operation(scene, "r1", "succeeded", "dry run succeeded");
    report(scene, "r2", "succeeded", "dry run succeeded");
    report(scene, "r3", "refused", "runtime r3 not found");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "failed.v1 o1", NULL);
    then_operation(scene, "r3", "failed", "runtime r3 not found");
    scene_free(scene);
}

static void dry_run_waits_for_a_busy_runtime_and_is_preempted(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, dry);
    report(scene, "r1", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1 {'phase': 'busy', 'state': 'pending'}", dispatched("r2"), NULL);
    report(scene, "r1", "freed", "");
    report(scene, "r2", "preempted", "operation preempted by deprovisioning d1");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgrade.v1 {'dryRun': true}", NULL);
    then_operation(scene, "r2", "succeeded", "operation preempted by deprovisioning d1");
    scene_free(scene);
}

static void dry_run_that_is_canceled_ends_when_what_was_sent_has_ended(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, dry);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", NULL);
    report(scene, "r1", "succeeded", "dry run succeeded");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_row(scene, "orchestration", "o1", "{'stats': {'succeeded': 1, 'canceled': 2}}");
    scene_free(scene);
}

/* --- Cancel --- */

static void cancel_of_the_unknown_is_not_found(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    cancel(scene, "o9");
    then_events(scene, TYPE "rejected.v1 o9 {'status': 404, 'actor': {'subject': 'c'}}", NULL);
    then_outcome(scene, 404,
                 "{'error': 'while canceling orchestration o9: while getting orchestration: orchestration o9 not "
                 "found'}");
    scene_free(scene);
}

static void cancel_of_one_that_waits_or_resolves_is_done_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    request_upgrade(scene, "o2", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c"), false);
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o2");
    then_events(scene, TYPE "halted.v1 o2 {'actor': {'subject': 'c'}}", TYPE "canceled.v1 o2", NULL);
    then_row(scene, "orchestration", "o2",
             "{'state': 'canceled', 'description': 'Orchestration was canceled', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    then_messages(scene, NULL);
    targets(scene, 0, target("r2", 0, "c"), true); /* an answer that comes too late */
    then_events(scene, NULL);
    then_row(scene, "orchestration", "o1", "{'resolved': false, 'stats': null}");
    scene_free(scene);
}

static void cancel_waits_for_what_runs_then_cancels_the_rest(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 2);
    report(scene, "r1", "accepted", "");
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceling', 'description': 'Orchestration was canceled', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed'}", NULL);
    report(scene, "r2", "accepted", ""); /* was sent before the cancel */
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'in progress'}", NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_operation(scene, "r3", "canceled", "Operation was canceled");
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceled', 'stats': {'failed': 1, 'succeeded': 1, 'canceled': 1}}");
    scene_free(scene);
}

static void busy_operation_does_not_hold_up_a_cancel(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", NULL);
    report(scene, "r1", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_operation(scene, "r1", "canceled", "Operation was canceled");
    report(scene, "r1", "freed", "");
    then_events(scene, NULL);
    scene_free(scene);
}

static void cancel_drops_the_timers_of_those_that_wait_for_a_window(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s", window_item("r1", nine, nine + MINUTE_MS), window_item("r2", nine, nine + MINUTE_MS)),
              true);
    scheduled_tomorrow(scene, "r3");
    cancel(scene, "o1");
    then_messages(scene,
                  text("schedules #%d tidegate.schedule.drop.v1 {'orchestrationID': 'o1', 'operations': "
                       "[{'operationID': '%s'}]}",
                       partition_of(op("r3"), 12), op("r3")),
                  NULL);
    scheduled(scene, window_item("r3", nine, nine + MINUTE_MS), true); /* was on its way */
    then_events(scene, NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    scene_free(scene);
}

static void cancel_of_what_ends_or_has_ended_is_confirmed_and_changes_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    cancel(scene, "o1");
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o1");
    then_events(scene, TYPE "repeated.v1 o1 {'status': 200, 'request': '" CANCEL "'}", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    report(scene, "r1", "succeeded", "");
    cancel(scene, "o1");
    then_events(scene, TYPE "repeated.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_succeeds_when_all_have),
        cmocka_unit_test(whole_fails_when_one_has),
        cmocka_unit_test(next_of_the_lane_starts_after_the_end),
        cmocka_unit_test(finished_orchestration_can_be_forgotten_and_loaded_again),
        cmocka_unit_test(dry_run_asks_the_provisioner_to_try_only),
        cmocka_unit_test(dry_run_waits_for_a_busy_runtime_and_is_preempted),
        cmocka_unit_test(dry_run_that_is_canceled_ends_when_what_was_sent_has_ended),
        cmocka_unit_test(cancel_of_the_unknown_is_not_found),
        cmocka_unit_test(cancel_of_one_that_waits_or_resolves_is_done_at_once),
        cmocka_unit_test(cancel_waits_for_what_runs_then_cancels_the_rest),
        cmocka_unit_test(busy_operation_does_not_hold_up_a_cancel),
        cmocka_unit_test(cancel_drops_the_timers_of_those_that_wait_for_a_window),
        cmocka_unit_test(cancel_of_what_ends_or_has_ended_is_confirmed_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
