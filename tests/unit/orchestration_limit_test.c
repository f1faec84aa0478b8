/* The orchestrator's core: strategy.maxFailures, which stops an orchestration before too much fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/orchestration_scene.h"

static const char *limited(int workers, int max_failures)
{
    return text("{'targets': {'include': [{'target': 'all'}]}, 'strategy': {'type': 'parallel', 'schedule': "
                "'immediate', 'parallel': {'workers': %d}, 'maxFailures': %d}}",
                workers, max_failures);
}

static void no_more_start_than_may_fail(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(3, 2));
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    report(scene, "r1", "accepted", "");
    then_events(scene, TYPE "progressed.v1 o1", NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

static void failure_leaves_room_for_one_less(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(3, 2));
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1", NULL); /* r2 may fail too */
    then_row(scene, "orchestration", "o1", "{'description': 'Scheduled 3 operations', 'stopped': false}");
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

static void too_many_failures_stop_it_once_and_are_told(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(1, 1));
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1",
                TYPE
                "stopped.v1 o1 {'failed': 1, 'description': 'Scheduled 3 operations, stopped: 1 operations failed, "
                "maxFailures is 1'}",
                NULL);
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'stopped': true, 'updated_at': '2022-02-01T09:00:00Z', "
             "'description': 'Scheduled 3 operations, stopped: 1 operations failed, maxFailures is 1', "
             "'stats': {'failed': 1, 'pending': 2}}");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1/1/2'}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void retry_goes_on_with_all_that_was_held_back(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(1, 1));
    report(scene, "r1", "failed", "boom");
    scene_time(scene, nine + MINUTE_MS);
    retry(scene, "o1", "");
    then_events(scene,
                text(TYPE "retried.v1 o1 {'operations': ['%s'], 'description': 'Scheduled 3 operations, retrying'}",
                     op("r1")),
                TYPE "resumed.v1 o1 {'description': 'Scheduled 3 operations, retried 1 operations'}", dispatched("r2"),
                NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'stopped': false, 'updated_at': '2022-02-01T09:01:00Z', "
             "'description': 'Scheduled 3 operations, retried 1 operations'}");
    report(scene, "r2", "succeeded", "");
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1",
                TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations, retried 1 operations'}", NULL);
    scene_free(scene);
}

static void what_fails_again_and_again_lets_the_others_of_its_window_go_first(void **state)
{
    const int64_t later = nine + MINUTE_MS, end = nine + 60 * MINUTE_MS;
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'targets': {'include': [{'target': 'all'}]}, 'strategy': {'schedule': "
                           "'maintenanceWindow', 'maxFailures': 1}}");
    scene_time(scene, later);
    scheduled(scene,
              text("%s, %s, %s", window_item("r1", nine, end), window_item("r2", nine, end),
                   window_item("r3", later, end)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "stopped.v1 o1", NULL);
    retry(scene, "o1", ""); /* as soon as the last window has opened */
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1 {'windows': 'kept'}", dispatched("r2"), NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void retry_of_too_few_stops_again(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, limited(1, 1));
    scheduled(scene,
              text("{'operationID': '%s', 'error': 'none'}, {'operationID': '%s', 'error': 'none'}, %s", op("r1"),
                   op("r2"), window_item("r3", 0, 0)),
              true); /* nothing ran, and yet more failed than may */
    then_events(scene, TYPE "progressed.v1 o1", TYPE "progressed.v1 o1", TYPE "released.v1 o1",
                TYPE "stopped.v1 o1 {'failed': 2}", NULL);
    retry(scene, "o1", text("'%s'", op("r1")));
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1",
                TYPE "stopped.v1 o1 {'failed': 1, 'description': 'Scheduled 3 operations, retried 1 operations, "
                     "stopped: 1 operations failed, maxFailures is 1'}",
                NULL);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1",
                TYPE "resumed.v1 o1 {'description': 'Scheduled 3 operations, retried 1 operations, retried 1 "
                     "operations'}",
                dispatched("r3"), NULL);
    scene_free(scene);
}

static void what_fails_without_a_start_is_counted_after_the_stop_too(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, limited(1, 1));
    scheduled(scene, text("{'operationID': '%s', 'error': 'none'}", op("r1")), false);
    then_events(scene, TYPE "progressed.v1 o1", TYPE "stopped.v1 o1 {'failed': 1}", NULL);
    scheduled(scene, text("{'operationID': '%s', 'error': 'none'}", op("r2")), false);
    then_events(scene, TYPE "progressed.v1 o1",
                TYPE "stopped.v1 o1 {'failed': 2, 'description': 'Scheduled 3 operations, stopped: 2 operations "
                     "failed, maxFailures is 1'}",
                NULL);
    scheduled(scene, window_item("r3", 0, 0), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scene_free(scene);
}

static void what_fails_last_without_a_start_leaves_no_stop(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, limited(1, 1));
    scheduled(scene, text("{'operationID': '%s', 'error': 'none'}", op("r1")), false);
    then_events(scene, TYPE "progressed.v1 o1", TYPE "stopped.v1 o1 {'failed': 1}", NULL);
    scheduled(scene,
              text("{'operationID': '%s', 'error': 'none'}, {'operationID': '%s', 'error': 'none'}", op("r2"),
                   op("r3")),
              false);
    then_events(scene, TYPE "progressed.v1 o1", TYPE "progressed.v1 o1",
                TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    retry(scene, "o1", text("'%s'", op("r1"))); /* of too few */
    then_events(scene, TYPE "retried.v1 o1 {'description': 'Scheduled 3 operations, retrying'}", NULL);
    scene_free(scene);
}

static void last_failure_ends_it_without_a_stop(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(3, 3));
    report(scene, "r1", "failed", "");
    report(scene, "r2", "failed", "");
    report(scene, "r3", "failed", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    scene_free(scene);
}

static void stopped_one_is_canceled_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(1, 1));
    report(scene, "r1", "failed", "boom");
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceled', 'description': 'Orchestration was canceled', 'stats': {'canceled': 2, "
             "'failed': 1}}");
    scene_free(scene);
}

static void stopped_one_keeps_its_lane(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, limited(1, 1));
    request_upgrade(scene, "o2", "{}");
    report(scene, "r1", "failed", "boom");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o2'}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void dry_run_stops_as_well(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'dryRun': true, 'strategy': {'maxFailures': 1}}");
    scheduled(scene, text("{'operationID': '%s', 'error': 'none'}, %s", op("r1"), window_item("r2", 0, 0)), true);
    then_events(scene, TYPE "progressed.v1 o1", TYPE "released.v1 o1", TYPE "stopped.v1 o1", NULL);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_start_than_may_fail),
        cmocka_unit_test(failure_leaves_room_for_one_less),
        cmocka_unit_test(too_many_failures_stop_it_once_and_are_told),
        cmocka_unit_test(retry_goes_on_with_all_that_was_held_back),
        cmocka_unit_test(what_fails_again_and_again_lets_the_others_of_its_window_go_first),
        cmocka_unit_test(retry_of_too_few_stops_again),
        cmocka_unit_test(what_fails_without_a_start_is_counted_after_the_stop_too),
        cmocka_unit_test(what_fails_last_without_a_start_leaves_no_stop),
        cmocka_unit_test(last_failure_ends_it_without_a_stop),
        cmocka_unit_test(stopped_one_is_canceled_at_once),
        cmocka_unit_test(stopped_one_keeps_its_lane),
        cmocka_unit_test(dry_run_stops_as_well),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
