/* The provisioner's core: upgrades of orchestrations that are sent again under their ID, as a later attempt. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/provisioner/runtimes.h"

static void order_again(struct scene *scene, const char *operation_id, int attempt)
{
    char data[384];

    snprintf(data, sizeof data,
             "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': '%s', "
             "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new', 'attempt': %d}",
             operation_id, attempt);
    when(scene, UPGRADE, "r1", data);
}

static void upgrade_failed(struct scene *scene)
{
    given(
        scene, FAILED, "r1",
        "{'operationID': 'o1', 'type': 'upgradeKyma', 'message': 'boom', 'stage': 'StartingUpgrade', 'reason': 'stage "
        "failed', 'lastError': {'errMessage': 'boom', 'reason': 'err_x', 'component': 'istio'}, 'freed': []}");
}

static struct scene *scene_failed(void)
{
    struct scene *scene = scene_upgrading();

    upgrade_failed(scene);
    return scene;
}

static void what_failed_runs_again_from_its_first_stage_under_its_id(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'attempt': 1, 'last_error': {'errMessage': 'boom'}}");
    scene_time(scene, NOW_MS + MINUTE_MS);
    order_again(scene, "o1", 2);
    then_events(scene,
                STARTED " r1 {'operationID': 'o1', 'attempt': 2, 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', "
                        "'message': 'Starting Kyma upgrade', 'orchestrationID': 'x1', 'lane': 'kyma'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'accepted'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'state': 'in progress', 'createdAt': "
                                  "1643706060000, 'updatedAt': 1643706060000}}",
                  NULL);
    then_calls(scene, "r1 o1 StartingUpgrade", NULL);
    then_row(scene, "operation", "r1\no1",
             "{'state': 'in progress', 'attempt': 2, 'stage': 'StartingUpgrade', 'fence': 4, 'last_error': null, "
             "'ended_at': null, 'started_at': '2022-02-01T09:01:00Z', 'stage_since': '2022-02-01T09:01:00Z'}");
    then_row(scene, "runtime", "r1", "{'operation_id': 'o1', 'running': true}");
    stages_end(scene, "o1", (const char *[]){ "StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState" }, 3);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'succeeded'}",
                  INSTANCE_REPORT "{'operation': {'state': 'succeeded', 'createdAt': 1643706060000}}", NULL);
    then_row(scene, "operation", "r1\no1", "{'state': 'succeeded', 'attempt': 2}");
    then_row(scene, "runtime", "r1", "{'installed': 'new'}");
    scene_free(scene);
}

static void what_succeeded_runs_again_too(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    order_again(scene, "o1", 3);
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 3}", NULL);
    then_row(scene, "operation", "r1\no1", "{'state': 'in progress', 'attempt': 3, 'pre': 'old'}");
    scene_free(scene);
}

static void the_same_attempt_again_or_an_earlier_one_decides_nothing(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    order_again(scene, "o1", 3);
    stage_fails(scene, "o1", "StartingUpgrade", "again");
    for (int attempt = 1; attempt <= 3; attempt++) {
        order_again(scene, "o1", attempt);
        then_events(scene, NULL);
        then_messages(scene, NULL);
        then_calls(scene, NULL);
    }
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, NULL);
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'attempt': 3, 'message': 'again'}");
    order_again(scene, "o1", 4);
    then_events(scene, STARTED " r1 {'attempt': 4}", NULL);
    scene_free(scene);
}

static void an_attempt_that_is_no_number_of_one_is_rejected(void **state)
{
    static const char *const wrong[] = { "0", "-1", "2.5", "'2'", "null", "2147483648" };
    struct scene *scene = scene_failed();
    char data[256];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(data, sizeof data, "{'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'attempt': %s}",
                 wrong[i]);
        when(scene, UPGRADE, "r1", data);
        then_events(scene,
                    REJECTED
                    " r1 {'operationID': 'o1', 'reason': 'attempt: must be a whole number from 1 to 2147483647'}",
                    NULL);
    }
    scene_free(scene);
}

static void what_the_runtime_no_longer_remembers_starts_like_any(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    stage_fails(scene, "o2", "StartingUpgrade", "no");
    scene_time(scene, NOW_MS + MINUTE_MS);
    order_again(scene, "o1", 2);
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 2}", NULL);
    then_row(scene, "operation", "r1\no1", "{'state': 'in progress', 'attempt': 2}");
    then_row(scene, "operation", "r1\no2", "{'state': 'failed', 'attempt': 1}");
    stage_fails(scene, "o1", "StartingUpgrade", "again");
    when(scene, UPGRADE, "r1",
         "{'operationID': 'o3', 'orchestrationID': 'x3', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
    /* Of both attempts that are no longer the last operation, the newer one is the row. */
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'attempt': 2, 'message': 'again'}");
    many_records_passed(scene);
    then_row(scene, "operation", "r1\no1", NULL);
    scene_free(scene);
}

static void what_was_refused_before_is_tried_as_if_new(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    runtime_known(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'operationID': 'o1'}", NULL);
    order_again(scene, "o1", 2);
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'attempt': 2, 'result': 'refused'}", NULL);
    configuration_known(scene);
    order_again(scene, "o1", 3);
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 3}", NULL);
    scene_free(scene);
}

static void a_retry_is_refused_and_preempted_like_a_first_attempt(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    when(scene, UPGRADE, "r1",
         "{'globalAccountID': 'ga2', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', "
         "'configuration': 'new', 'attempt': 3}");
    then_messages(scene, LANE_REPORT "{'result': 'refused', 'message': 'runtime r1 not found'}", NULL);
    deprovisioned(scene);
    order_again(scene, "o1", 2);
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'attempt': 2, 'result': 'preempted'}", NULL);
    then_messages(scene, LANE_REPORT "{'result': 'preempted', 'message': 'operation preempted by deprovisioning d1'}",
                  NULL);
    many_records_passed(scene);
    scene_free(scene);
}

/* --- Waiting --- */

static void a_retry_waits_for_a_busy_runtime(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    order_again(scene, "o1", 2);
    then_events(scene, QUEUED " r1 {'operationID': 'o1', 'orchestrationID': 'x1', 'attempt': 2}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'busy'}", NULL);
    then_row(scene, "runtime", "r1", "{'waiting': [{'operationID': 'o1', 'attempt': 2}]}");
    order_again(scene, "o1", 2);
    then_events(scene, NULL);
    stage_fails(scene, "o2", "StartingUpgrade", "no");
    then_events(scene, FAILED " r1 {'freed': [{'operationID': 'o1', 'attempt': 2}]}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o2'}", INSTANCE_REPORT,
                  LANE_REPORT "{'operationID': 'o1', 'result': 'freed'}", NULL);
    order_again(scene, "o1", 2);
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 2}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void of_what_waits_the_later_attempt_takes_the_place(void **state)
{
    struct scene *scene = scene_upgrading();
    char id[32];

    (void)state;
    for (int i = 0; i < RUNTIME_WAITING_MAX; i++) {
        snprintf(id, sizeof id, "w%d", i);
        operation_queued(scene, id);
    }
    order_again(scene, "w5", 2);
    then_events(scene, QUEUED " r1 {'operationID': 'w5', 'attempt': 2}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'w5', 'result': 'busy'}", NULL);
    assert_int_equal(runtimes_find(scene_state(scene), "r1")->waiting_count, RUNTIME_WAITING_MAX);
    assert_int_equal(runtime_waiting_find(runtimes_find(scene_state(scene), "r1"), "w5")->attempt, 2);
    scene_free(scene);
}

static void an_attempt_waits_for_the_one_before_it(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    order_again(scene, "o1", 2);
    then_events(scene, QUEUED " r1 {'operationID': 'o1', 'attempt': 2}", NULL);
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    then_events(scene, FAILED " r1 {'operationID': 'o1', 'freed': [{'operationID': 'o1', 'attempt': 2}]}", NULL);
    order_again(scene, "o1", 2);
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 2}", NULL);
    scene_free(scene);
}

/* --- What the driver is asked, and tells --- */

static void the_driver_is_told_the_attempt(void **state)
{
    struct scene *scene = scene_upgrading();
    struct calls calls = { 0 };

    (void)state;
    runtime_core.resume(scene_state(scene), &calls);
    assert_null(json_object_get(calls.items[0].detail, "attempt"));
    calls_release(&calls);
    upgrade_failed(scene);
    order_again(scene, "o1", 2);
    runtime_core.resume(scene_state(scene), &calls);
    assert_int_equal(json_integer_value(json_object_get(calls.items[0].detail, "attempt")), 2);
    assert_int_equal(calls.items[0].fence, 4);
    calls_release(&calls);
    scene_free(scene);
}

static void a_report_of_an_earlier_attempt_comes_too_late(void **state)
{
    struct scene *scene = scene_failed(); /* the first attempt's stage was ordered at 2 */

    (void)state;
    order_again(scene, "o1", 2);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 2, 'ok': false}");
    then_events(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 2, 'ok': true}");
    then_events(scene, NULL);
    driver_reports(scene, "r1",
                   "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 2, 'ok': false, 'ended': false, "
                   "'message': 'flap'}");
    then_events(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 4, 'ok': true}");
    then_events(scene, ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

static void reports_of_two_attempts_in_one_message_are_told_apart(void **state)
{
    struct scene *scene = scene_failed();

    (void)state;
    order_again(scene, "o1", 2);
    when(scene, PROGRESS, "",
         "{'reports': [{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 2, 'ok': false}, "
         "{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'fence': 4, 'ok': true}]}");
    then_events(scene, ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

/* --- Rolling back --- */

static void a_rollback_brings_back_what_was_before_the_first_attempt(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    runtime_known(scene);
    configuration_known(scene);
    upgrade_started(scene);
    upgrade_failed(scene);
    order_again(scene, "o1", 2);
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    then_row(scene, "operation", "r1\no1", "{'pre': 'old', 'configuration': 'new'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_events(scene, ROLLED_BACK " r1 {'operationID': 'o1', 'kymaConfigHash': 'old'}", NULL);
    then_row(scene, "operation", "r1\no1", "{'rolled_back': true}");
    order_again(scene, "o1", 3);
    then_row(scene, "operation", "r1\no1", "{'rolled_back': false, 'pre': 'old', 'attempt': 3}");
    scene_free(scene);
}

/* A runtime of whose installations none ever succeeded has nothing installed. */
static void without_anything_installed_it_is_what_was_active_then(void **state)
{
    static const char *const first[] = { "WaitingForClusterDomain", "WaitingForClusterCreation",
                                         "CreatingBindingsForOperators" };
    struct scene *scene = scene_empty();
    char *active, *pre;

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    stages_end(scene, "p1", first, 2);
    driver_reports(scene, "r1",
                   "{'operationID': 'p1', 'stage': 'CreatingBindingsForOperators', 'ok': true, 'gives': {'kubeconfig': "
                   "'" SEALED "'}}");
    stage_fails(scene, "p1", "StartingInstallation", "no");
    active = row_text(scene, TABLE_RUNTIME, "r1", "kyma_config");
    configuration_known(scene);
    order_again(scene, "o1", 1);
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    order_again(scene, "o1", 2);
    pre = row_text(scene, TABLE_OPERATION, "r1\no1", "pre");
    assert_string_equal(pre, active);
    free(active);
    free(pre);
    many_records_passed(scene);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_failed_runs_again_from_its_first_stage_under_its_id),
        cmocka_unit_test(what_succeeded_runs_again_too),
        cmocka_unit_test(the_same_attempt_again_or_an_earlier_one_decides_nothing),
        cmocka_unit_test(an_attempt_that_is_no_number_of_one_is_rejected),
        cmocka_unit_test(what_the_runtime_no_longer_remembers_starts_like_any),
        cmocka_unit_test(what_was_refused_before_is_tried_as_if_new),
        cmocka_unit_test(a_retry_is_refused_and_preempted_like_a_first_attempt),
        cmocka_unit_test(a_retry_waits_for_a_busy_runtime),
        cmocka_unit_test(of_what_waits_the_later_attempt_takes_the_place),
        cmocka_unit_test(an_attempt_waits_for_the_one_before_it),
        cmocka_unit_test(the_driver_is_told_the_attempt),
        cmocka_unit_test(a_report_of_an_earlier_attempt_comes_too_late),
        cmocka_unit_test(reports_of_two_attempts_in_one_message_are_told_apart),
        cmocka_unit_test(a_rollback_brings_back_what_was_before_the_first_attempt),
        cmocka_unit_test(without_anything_installed_it_is_what_was_active_then),
    };

    return cmocka_run_group_tests_name("runtime: attempts", tests, runtime_scene_setup, runtime_scene_teardown);
}
