/* The orchestrator's core: order and slots of operations, and what the provisioner says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "tests/unit/orchestration_scene.h"
/* --- Order and slots --- */

static void released_operations_start_in_order_as_far_as_there_are_workers(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(2, "immediate"));
    scheduled(scene, text("%s, %s, %s", window_item("r3", 0, 0), window_item("r2", 0, 0), window_item("r1", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgrade.v1 {'runtimeID': 'r1', 'instanceID': 'instance-r1', "
                       "'globalAccountID': 'ga', 'operationID': '%s', 'orchestrationID': 'o1', 'lane': 'kyma', "
                       "'version': '2.3.0', 'configuration': '%s'}",
                       op("r1"), releases_hash(orchestration_scene_settings.releases, "2.3.0")),
                  "runtimes r2 tidegate.runtime.upgrade.v1", NULL);
    assert_null(json_object_get(scene_message(scene, 0)->data, "dryRun"));
    then_operation(scene, "r1", "pending", "Operation created");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void order_is_include_selector_then_shoot_then_runtime(void **state)
{
    static const char *const order[] = { "r4", "r2", "r3", "r1" };
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(9, "immediate"));
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r1", 1, "a"), target("r3", 0, "c")), true);
    scene_time(scene, nine + MINUTE_MS);
    targets(scene, 1, text("%s, %s", target("r4", 0, "b"), target("r2", 0, "c")), true);
    for (int i = 0; i < 4; i++) /* listed so, and created when they are seen */
        then_row(scene, "operation", op(order[i]),
                 text("{'position': %d, 'created_at': '2022-02-01T09:01:00Z'}", i + 1));
    scheduled(scene,
              text("%s, %s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0),
                   window_item("r4", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r4 r2 r3 r1"), NULL);
    scene_free(scene);
}

static void windows_that_opened_first_come_first(void **state)
{
    struct scene *scene = scene_open();
    int64_t end = nine + 60 * MINUTE_MS;

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", window_item("r1", nine, end), window_item("r2", nine - MINUTE_MS, end)), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, window_item("r3", nine - 2 * MINUTE_MS, end), true); /* said last, but it opened first */
    then_events(scene, TYPE "released.v1 o1", dispatched("r3"), NULL);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void windows_are_shown_before_they_open(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    scheduled(scene, window_item("r1", 1643752800000, 1643774400000), false);
    then_events(scene,
                text(TYPE "planned.v1 o1 {'operations': [{'operationID': '%s', 'begin': 1643752800000, "
                          "'end': 1643774400000}]}",
                     op("r1")),
                NULL);
    then_row(scene, "operation", op("r1"),
             "{'window_begin': '2022-02-01T22:00:00Z', 'window_end': '2022-02-02T04:00:00Z', 'state': 'pending', "
             "'phase': 'waiting'}");
    then_row(scene, "operation", op("r2"), "{'window_begin': null, 'window_end': null}");
    scene_free(scene);
}

static void operation_whose_window_ended_goes_back_to_the_scheduler(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s", window_item("r1", nine, nine + 100 * MINUTE_MS),
                   window_item("r2", nine, nine + MINUTE_MS)),
              true);
    scheduled(scene, window_item("r3", nine, nine + 100 * MINUTE_MS), true);
    scene_time(scene, nine + 2 * MINUTE_MS);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1",
                text(TYPE "rescheduled.v1 o1 {'operations': ['%s'], 'after': 1643706120000}", op("r2")),
                dispatched("r3"), NULL);
    then_messages(scene,
                  text("schedules #%d tidegate.schedule.request.v1 {'orchestrationID': 'o1', 'after': 1643706120000, "
                       "'schedule': 'maintenanceWindow', 'operations': [{'operationID': '%s', "
                       "'begin': '220000+0000'}]}",
                       partition_of(op("r2"), 12), op("r2")),
                  "runtimes r3 tidegate.runtime.upgrade.v1", NULL);
    then_row(scene, "operation", op("r2"), "{'state': 'pending', 'phase': 'waiting'}");
    scene_free(scene);
}

static void operation_that_came_too_late_to_its_runtime_gets_another_window(void **state)
{
    const int64_t end = nine + MINUTE_MS;
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled_tomorrow(scene, "r2 r3");
    scheduled(scene, window_item("r1", nine, end), true);
    then_messages(scene, text("runtimes r1 tidegate.runtime.upgrade.v1 {'until': %lld}", (long long)end), NULL);
    scene_time(scene, end);
    report(scene, "r1", "late", "its maintenance window has ended");
    then_events(scene, TYPE "progressed.v1 o1 {'cause': 'late', 'phase': 'ready', 'state': 'pending'}",
                text(TYPE "rescheduled.v1 o1 {'operations': ['%s'], 'after': %lld}", op("r1"), (long long)end), NULL);
    then_operation(scene, "r1", "pending", "Operation created");
    report(scene, "r1", "late", "its maintenance window has ended");
    then_events(scene, NULL);
    scheduled(scene, window_item("r1", end, end + MINUTE_MS), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    cancel(scene, "o1");
    report(scene, "r1", "late", "its maintenance window has ended");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    scene_free(scene);
}

static void operation_that_runs_outlasts_its_window(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled_tomorrow(scene, "r2 r3");
    scheduled(scene, window_item("r1", nine, nine + MINUTE_MS), true);
    scene_time(scene, nine + 2 * MINUTE_MS);
    report(scene, "r1", "accepted", "");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'in progress'}", NULL);
    scheduled(scene, window_item("r1", nine, nine + 9 * MINUTE_MS), true); /* never scheduled anew */
    then_events(scene, NULL);
    scene_free(scene);
}

static void operation_that_cannot_be_scheduled_fails_alone(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    scheduled_tomorrow(scene, "r3");
    scheduled(scene, text("{'operationID': '%s', 'error': 'no window'}, %s", op("r1"), window_item("r2", nine, 0)),
              true);
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed', 'description': 'no window', 'phase': 'done'}",
                TYPE "released.v1 o1", dispatched("r2"), NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'in progress', 'stats': {'failed': 1, 'pending': 2}}");
    scene_free(scene);
}

static void schedule_of_the_unknown_decides_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, NULL);
    request_upgrade(scene, "o1", "{}");
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, NULL);
    wake(scene);
    targets(scene, 0, target("r1", 0, "c"), true);
    targets(scene, 1, "", true);
    scheduled(scene, window_item("r2", 0, 0), true);
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- Reports of the provisioner --- */

static void accepted_operation_is_in_progress_and_keeps_its_slot(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r1", "accepted", "");
    then_events(scene,
                TYPE "progressed.v1 o1 {'runtimeID': 'r1', 'cause': 'accepted', 'phase': 'running', "
                     "'state': 'in progress', 'description': 'kyma upgrade in progress'}",
                NULL);
    then_row(scene, "orchestration", "o1",
             "{'stats': {'in progress': 1, 'pending': 2}, 'updated_at': '2022-02-01T09:00:00Z'}");
    then_row(scene, "operation", op("r1"), "{'updated_at': '2022-02-01T09:01:00Z'}");
    scene_free(scene);
}

static void ended_operation_gives_its_slot_to_the_next(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "accepted", "");
    report(scene, "r1", "succeeded", "Operation succeeded");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'succeeded'}", dispatched("r2"), NULL);
    then_operation(scene, "r1", "succeeded", "Operation succeeded");
    scene_free(scene);
}

static void failed_operation_names_its_reason_and_the_others_go_on(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "accepted", "");
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    then_operation(scene, "r1", "failed", "provisioner client returns failed status: boom");
    scene_free(scene);
}

static void refused_operation_fails_with_the_message(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r2", "refused", "runtime r2 is not known");
    then_operation(scene, "r2", "failed", "runtime r2 is not known");
    scene_free(scene);
}

/* What the provisioner began, it tells of itself. */
static void instance_is_told_what_ends_without_the_provisioner(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "accepted", "");
    then_messages(scene, NULL);
    report(scene, "r1", "failed", "boom");
    then_messages(scene, NULL);
    report(scene, "r2", "refused", "no such release");
    then_messages(scene,
                  text("instances instance-r2 tidegate.instance.report.v1 {'operation': {'operationID': '%s', 'type':"
                       " 'upgradeKyma', 'orchestrationID': 'o1', 'state': 'failed', 'description': 'no such release'}}",
                       op("r2")),
                  NULL);
    report(scene, "r3", "preempted", "operation preempted by deprovisioning d1");
    then_messages(scene, "instances instance-r3 tidegate.instance.report.v1 {'operation': {'state': 'succeeded'}}",
                  NULL);
    scene_free(scene);
}

static void instance_is_told_that_no_window_can_be_had(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("{'operationID': '%s', 'error': 'no time of day'}", op("r2")), false);
    then_messages(
        scene,
        "instances instance-r2 tidegate.instance.report.v1 {'operation': {'state': 'failed', 'description': 'no time"
        " of day'}}",
        NULL);
    scene_free(scene);
}

static void instance_is_told_nothing_of_dry_runs(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_open(scene, "{'dryRun': true, 'strategy': {'schedule': 'immediate', 'parallel': {'workers': 1}}}");
    report(scene, "r1", "refused", "no such release");
    then_operation(scene, "r1", "failed", "no such release");
    then_messages(scene, "runtimes r2 tidegate.runtime.upgrade.v1", NULL);
    scene_free(scene);
}

static void preempted_operation_succeeds(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r2", "preempted", "operation preempted by deprovisioning d1");
    then_operation(scene, "r2", "succeeded", "operation preempted by deprovisioning d1");
    scene_free(scene);
}

static void busy_runtime_gives_its_slot_back_and_comes_first_when_it_is_free(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1 {'phase': 'busy', 'state': 'pending'}", dispatched("r2"), NULL);
    then_operation(scene, "r1", "pending", "Operation created");
    report(scene, "r1", "freed", "");
    then_events(scene, TYPE "progressed.v1 o1 {'phase': 'ready', 'state': 'pending'}", NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void freed_runtime_comes_before_those_released_earlier(void **state)
{
    struct scene *scene = scene_open();
    int64_t end = nine + 60 * MINUTE_MS;

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s, %s", window_item("r1", nine, end), window_item("r2", nine, end),
                   window_item("r3", nine, end)),
              true);
    report(scene, "r1", "succeeded", "");
    report(scene, "r2", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    report(scene, "r2", "freed", "");
    report(scene, "r3", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    scene_free(scene);
}

static void overtaken_and_unknown_reports_decide_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r2", "accepted", ""); /* not sent */
    then_events(scene, NULL);
    report(scene, "r1", "freed", ""); /* not busy */
    then_events(scene, NULL);
    report(scene, "r1", "surprised", "");
    then_events(scene, NULL);
    report(scene, "nobody", "accepted", "");
    then_events(scene, NULL);
    report(scene, "r1", "succeeded", "");
    report(scene, "r1", "failed", "late"); /* finished */
    then_events(scene, NULL);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_operations_start_in_order_as_far_as_there_are_workers),
        cmocka_unit_test(order_is_include_selector_then_shoot_then_runtime),
        cmocka_unit_test(windows_that_opened_first_come_first),
        cmocka_unit_test(windows_are_shown_before_they_open),
        cmocka_unit_test(operation_whose_window_ended_goes_back_to_the_scheduler),
        cmocka_unit_test(operation_that_came_too_late_to_its_runtime_gets_another_window),
        cmocka_unit_test(operation_that_runs_outlasts_its_window),
        cmocka_unit_test(operation_that_cannot_be_scheduled_fails_alone),
        cmocka_unit_test(schedule_of_the_unknown_decides_nothing),
        cmocka_unit_test(accepted_operation_is_in_progress_and_keeps_its_slot),
        cmocka_unit_test(ended_operation_gives_its_slot_to_the_next),
        cmocka_unit_test(failed_operation_names_its_reason_and_the_others_go_on),
        cmocka_unit_test(refused_operation_fails_with_the_message),
        cmocka_unit_test(instance_is_told_what_ends_without_the_provisioner),
        cmocka_unit_test(instance_is_told_that_no_window_can_be_had),
        cmocka_unit_test(instance_is_told_nothing_of_dry_runs),
        cmocka_unit_test(preempted_operation_succeeds),
        cmocka_unit_test(busy_runtime_gives_its_slot_back_and_comes_first_when_it_is_free),
        cmocka_unit_test(freed_runtime_comes_before_those_released_earlier),
        cmocka_unit_test(overtaken_and_unknown_reports_decide_nothing),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
