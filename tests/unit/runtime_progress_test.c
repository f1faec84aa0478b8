/* The provisioner's core: operations from stage to stage, over limits, and after a takeover. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"

static void a_finished_stage_orders_the_next(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 5000);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene,
                ADVANCED " r1 {'operationID': 'o1', 'stage': 'WaitingForInstallation', 'message': "
                         "'Operation in progress. Stage WaitingForInstallation'}",
                NULL);
    then_calls(scene, "r1 o1 WaitingForInstallation", NULL);
    then_messages(scene, NULL);
    then_row(scene, "operation", "r1\no1",
             "{'stage': 'WaitingForInstallation', 'fence': 3, 'stage_since': '2022-02-01T09:00:05Z', "
             "'started_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void the_last_stage_ends_the_upgrade(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "UpdatingUpgradeState", NULL);
    scene_time(scene, NOW_MS + 9000);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'UpdatingUpgradeState', 'ok': true, 'message': ''}");
    then_events(scene, SUCCEEDED " r1 {'operationID': 'o1', 'message': 'Operation succeeded', 'freed': []}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'succeeded', 'message': 'Operation succeeded'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'state': 'succeeded', 'kymaVersion': '2.4.2', "
                                  "'createdAt': 1643706000000, 'updatedAt': 1643706009000}}",
                  NULL);
    then_calls(scene, NULL);
    then_row(scene, "runtime", "r1",
             "{'kyma_version': '2.4.2', 'kyma_config': 'new', 'upgraded': true, 'running': false}");
    then_row(scene, "operation", "r1\no1",
             "{'state': 'succeeded', 'message': 'Operation succeeded', 'ended_at': '2022-02-01T09:00:09Z'}");
    scene_free(scene);
}

static void a_failed_stage_fails_the_upgrade_and_what_is_installed_stays_known(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "WaitingForInstallation", NULL);
    driver_reports(scene, "r1",
                   "{'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': false, 'message': 'disk full'}");
    then_events(scene,
                FAILED " r1 {'operationID': 'o1', 'stage': 'WaitingForInstallation', 'reason': 'stage failed', "
                       "'message': 'disk full'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed', 'message': 'disk full'}",
                  INSTANCE_REPORT
                  "{'operation': {'state': 'failed', 'description': 'provisioner client returns failed status: disk "
                  "full', 'kymaVersion': '2.4.2'}}",
                  NULL);
    then_row(scene, "runtime", "r1",
             "{'kyma_version': '2.4.2', 'kyma_config': 'new', 'installed': 'old', 'running': false}");
    scene_free(scene);
}

static void a_report_of_another_operation_or_stage_decides_nothing(void **state)
{
    static const char *const reports[] = {
        "{'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': true, 'message': ''}",
        "{'operationID': 'o2', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}",
        "{'operationID': 'o1', 'stage': '', 'ok': false, 'message': ''}",
        "{}",
    };
    struct scene *scene = scene_upgrading();

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        driver_reports(scene, "r1", reports[i]);
        then_events(scene, NULL);
        then_calls(scene, NULL);
    }
    upgrade_succeeded(scene);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    driver_reports(scene, "r9", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void stages_of_several_runtimes_end_together(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, PROGRESS, "",
         "{'reports': [{'runtimeID': 'r8', 'operationID': 'o8', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true}]}");
    then_events(scene, ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

static void a_stale_report_does_not_hide_the_one_that_counts(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "WaitingForInstallation", NULL);
    when(scene, PROGRESS, "",
         "{'reports': [{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': true}]}");
    then_events(scene, ADVANCED " r1 {'stage': 'UpdatingUpgradeState'}", NULL);
    scene_free(scene);
}

static void the_deadline_is_the_earliest_limit(void **state)
{
    struct scene *scene = scene_known();
    struct deadline deadline = runtime_core.deadline(scene_state(scene));

    (void)state;
    assert_true(deadline.at_ms == DEADLINE_NEVER);
    upgrade_started(scene);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_int_equal(deadline.at_ms, NOW_MS + 20 * MINUTE_MS);
    scene_time(scene, NOW_MS + MINUTE_MS);
    stage_ordered(scene, "WaitingForInstallation", NULL);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_int_equal(deadline.at_ms, NOW_MS + 61 * MINUTE_MS);
    upgrade_succeeded(scene);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_true(deadline.at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void a_stage_over_its_limit_is_stopped_before_the_operation_fails(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 20 * MINUTE_MS);
    when(scene, WAKE, "", "{'at': 1643707200000, 'id': 'limit'}");
    then_events(scene, ADVANCED " r1 {'operationID': 'o1', 'stage': 'Stopping', 'stopped': 'StartingUpgrade'}", NULL);
    then_calls(scene, "r1 o1 Stopping", NULL);
    then_messages(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': true, 'message': ''}");
    then_events(scene,
                FAILED " r1 {'reason': 'timeout', 'stage': 'StartingUpgrade', 'message': 'error: timeout while "
                       "processing operation: stage StartingUpgrade did not end within 20 minutes'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed'}", INSTANCE_REPORT, NULL);
    scene_free(scene);
}

static void a_wake_before_the_limit_decides_nothing(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 20 * MINUTE_MS - 1);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void a_stop_that_does_not_end_is_ordered_again(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "Stopping", "WaitingForInstallation");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': false, 'message': 'no'}");
    then_events(scene, NULL);
    scene_time(scene, NOW_MS + 5 * MINUTE_MS);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    then_events(scene, ADVANCED " r1 {'stage': 'Stopping', 'stopped': 'WaitingForInstallation'}", NULL);
    then_calls(scene, "r1 o1 Stopping", NULL);
    then_row(scene, "operation", "r1\no1", "{'fence': 5, 'stopped_stage': 'WaitingForInstallation'}");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': true, 'message': ''}");
    then_events(scene, FAILED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

static void what_runs_is_resumed_with_its_fence_in_the_order_of_its_records(void **state)
{
    struct scene *scene = scene_upgrading();
    struct calls calls = { 0 };

    (void)state;
    given(scene, REGISTERED, "r0",
          "{'instanceID': 'i0', 'tenant': 'ga1', 'kymaConfigHash': 'old', 'clusterConfigHash': 'cluster'}");
    scene_time(scene, NOW_MS + 1000);
    given(scene, STARTED, "r0",
          "{'operationID': 'o0', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': '', "
          "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
    runtime_core.resume(scene_state(scene), &calls);
    assert_int_equal(calls.count, 2);
    assert_string_equal(calls.items[0].runtime_id, "r1");
    assert_string_equal(calls.items[0].stage, "StartingUpgrade");
    assert_int_equal(calls.items[0].fence, 2);
    assert_int_equal(calls.items[0].ordered_at_ms, NOW_MS);
    assert_string_equal(calls.items[1].runtime_id, "r0");
    assert_int_equal(calls.items[1].fence, 4);
    assert_int_equal(calls.items[1].ordered_at_ms, NOW_MS + 1000);
    calls_release(&calls);
    scene_free(scene);
}

static void a_state_restored_from_rows_goes_on_the_same(void **state)
{
    static const char *const ids[] = { "old", "cluster", "new", "r1", "r1\no1" };
    static const int tables[] = { 0, 0, 0, 1, 2 };
    struct scene *scene = scene_upgrading();
    void *restored = runtime_core.state_new(&runtime_scene_settings, 0);
    struct calls calls = { 0 };

    (void)state;
    stage_ordered(scene, "Stopping", "WaitingForInstallation");
    operation_queued(scene, "o2");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        json_t *row = runtime_core.row(scene_state(scene), tables[i], ids[i]);

        runtime_core.load(restored, tables[i], row);
        json_decref(row);
    }
    assert_true(runtime_core.live(restored, "r1"));
    assert_int_equal(runtime_core.deadline(restored).at_ms, runtime_core.deadline(scene_state(scene)).at_ms);
    runtime_core.resume(restored, &calls);
    assert_int_equal(calls.count, 1);
    assert_string_equal(calls.items[0].stage, "Stopping");
    assert_int_equal(calls.items[0].fence, 3);
    calls_release(&calls);
    runtime_core.evict(restored, "r1");
    assert_false(runtime_core.holds(restored, "r1"));
    assert_true(runtime_core.deadline(restored).at_ms == DEADLINE_NEVER);
    runtime_core.state_free(restored);
    scene_free(scene);
}

static void rows_of_older_operations_do_not_disturb_the_last_one(void **state)
{
    struct scene *scene = scene_upgrading();
    void *restored = runtime_core.state_new(&runtime_scene_settings, 0);
    json_t *runtime, *older, *row;

    (void)state;
    upgrade_succeeded(scene);
    older = runtime_core.row(scene_state(scene), 2, "r1\no1");
    deprovisioning_started(scene);
    runtime = runtime_core.row(scene_state(scene), 1, "r1");
    row = runtime_core.row(scene_state(scene), 2, "r1\nd1");
    runtime_core.load(restored, 1, runtime);
    runtime_core.load(restored, 2, row);
    runtime_core.load(restored, 2, older);
    assert_int_equal(runtime_core.deadline(restored).at_ms, NOW_MS + 20 * MINUTE_MS);
    json_decref(row);
    json_decref(older);
    row = runtime_core.row(restored, 2, "r1\nd1");
    assert_string_equal(json_string_value(json_object_get(row, "state")), "in progress");
    json_decref(row);
    json_decref(runtime);
    runtime_core.state_free(restored);
    many_records_passed(scene);
    scene_free(scene);
}

static void what_a_driver_reports_belongs_to_the_trace_that_started_the_operation(void **state)
{
    void *fleet = runtime_core.state_new(&runtime_scene_settings, 0);
    struct changes changes = { 0 };
    struct messages messages = { .partitions = 12 };
    json_t *known = json_pack("{s:s,s:s,s:s}", "instanceID", "i1", "kymaConfigHash", "old", "clusterConfigHash", "c");
    json_t *start = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "operationID", "o1", "type", "upgradeKyma", "stage",
                              "UpdatingUpgradeState", "lane", "kyma", "orchestrationID", "x1", "message", "");
    json_t *end = json_pack("{s:s,s:s}", "operationID", "o1", "message", "Operation succeeded");

    (void)state;
    fold_event(&runtime_core, fleet, &(struct event){ .type = 0, .subject = "r1", .data = known }, &changes, NULL,
               NULL);
    fold_event(&runtime_core, fleet,
               &(struct event){ .type = core_type(runtime_core.event_types, STARTED),
                                .subject = "r1",
                                .data = start,
                                .traceparent = "00-trace" },
               &changes, NULL, NULL);
    fold_event(&runtime_core, fleet,
               &(struct event){ .type = core_type(runtime_core.event_types, SUCCEEDED), .subject = "r1", .data = end },
               &changes, &messages, NULL);
    assert_int_equal(messages.count, 2);
    assert_string_equal(messages.items[0].traceparent, "00-trace");
    assert_string_equal(messages.items[1].traceparent, "00-trace");
    json_decref(known);
    json_decref(start);
    json_decref(end);
    changes_release(&changes);
    messages_release(&messages);
    runtime_core.state_free(fleet);
}

/* --- While a stage goes on --- */

static void the_installer_s_text_becomes_the_message(void **state)
{
    struct scene *scene = scene_upgrading();
    const char *report = "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'ended': false, 'message': "
                         "'Installation in progress: 50% of istio'}";

    (void)state;
    driver_reports(scene, "r1", report);
    then_events(scene, NOTED " r1 {'operationID': 'o1', 'message': 'Installation in progress: 50% of istio'}", NULL);
    then_calls(scene, NULL);
    then_messages(scene, NULL);
    then_row(
        scene, "operation", "r1\no1",
        "{'state': 'in progress', 'stage': 'StartingUpgrade', 'fence': 2, 'message': 'Installation in progress: 50% "
        "of istio', 'last_error': null}");
    driver_reports(scene, "r1", report);
    then_events(scene, NULL);
    scene_free(scene);
}

static void an_error_that_is_retried_is_the_last_error_and_leaves_the_message(void **state)
{
    struct scene *scene = scene_upgrading();
    const char *report = "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'ended': false, 'message': "
                         "'refused', 'reason': 'err_x', 'component': 'k8s client - cluster'}";

    (void)state;
    driver_reports(scene, "r1", report);
    then_events(scene,
                RETRIED " r1 {'operationID': 'o1', 'stage': 'StartingUpgrade', 'lastError': {'errMessage': 'refused', "
                        "'reason': 'err_x', 'component': 'k8s client - cluster'}}",
                NULL);
    then_row(scene, "operation", "r1\no1",
             "{'state': 'in progress', 'message': 'Starting Kyma upgrade', 'last_error': {'errMessage': 'refused'}}");
    driver_reports(scene, "r1", report);
    then_events(scene, NULL);
    stage_ends(scene, "o1", "StartingUpgrade");
    then_row(scene, "operation", "r1\no1", "{'last_error': {'errMessage': 'refused'}}");
    scene_free(scene);
}

static void an_error_that_ends_the_operation_is_the_last_error(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_fails(scene, "o1", "StartingUpgrade", "disk full");
    then_events(scene,
                FAILED " r1 {'message': 'disk full', 'lastError': {'errMessage': 'disk full', 'reason': "
                       "'err_provisioner_internal', 'component': 'provisioner'}}",
                NULL);
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'last_error': {'errMessage': 'disk full'}}");
    scene_free(scene);
}

static void running_out_of_time_keeps_the_error_that_was_retried(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    driver_reports(
        scene, "r1",
        "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'ended': false, 'message': 'no route'}");
    scene_time(scene, NOW_MS + 20 * MINUTE_MS);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    stage_ends(scene, "o1", "Stopping");
    then_row(scene, "operation", "r1\no1",
             "{'state': 'failed', 'message': 'error: timeout while processing operation: stage StartingUpgrade did not "
             "end within 20 minutes', 'last_error': {'errMessage': 'no route'}}");
    scene_free(scene);
}

static void notes_and_the_end_of_a_stage_may_come_together(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, PROGRESS, "",
         "{'reports': ["
         "{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'ended': false, 'message': "
         "'a'},"
         "{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'ended': false, 'message': "
         "'b'},"
         "{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''},"
         "{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'ended': false, 'message': "
         "'c'}"
         "]}");
    then_events(scene, NOTED " r1 {'message': 'b'}", ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

/* --- Limits that are set --- */

static void a_limit_is_that_of_the_time_when_its_stage_was_ordered(void **state)
{
    struct runtime_settings set = runtime_scene_settings;
    struct scene *scene;
    struct error err;

    (void)state;
    assert_true(stage_limits_parse("StartingUpgrade=90s,Stopping=500", set.stage_limits_ms, &err));
    scene = scene_new(&runtime_core, &set);
    runtime_known(scene);
    configuration_known(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, STARTED " r1 {'limitMs': 90000}", NULL);
    assert_true(stage_limits_parse("", set.stage_limits_ms, &err));
    assert_int_equal(runtime_core.deadline(scene_state(scene)).at_ms, NOW_MS + 90000);
    scene_time(scene, NOW_MS + 90000);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    then_events(scene,
                ADVANCED " r1 {'stage': 'Stopping', 'limitMs': 300000, 'stopped': 'StartingUpgrade', "
                         "'stoppedLimitMs': 90000}",
                NULL);
    stage_ends(scene, "o1", "Stopping");
    then_events(scene,
                FAILED " r1 {'message': 'error: timeout while processing operation: stage StartingUpgrade did not end "
                       "within 90 seconds'}",
                NULL);
    scene_free(scene);
}

/* --- What a stage gives --- */

static void a_higher_kubernetes_version_than_is_recorded_is_recorded(void **state)
{
    static const struct {
        const char *reported, *want;
    } cases[] = {
        { "1.15.12", "1.15.12" }, { "v1.10.1", "1.10.1" }, { "1.8.7", "1.9.0" }, { "1.9.0", "1.9.0" }, { "x", "1.9.0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_empty();
        char report[256], want[128], *hash;

        when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'kubernetesVersion': '1.9.0'}}}");
        configuration_known(scene);
        upgrade_started(scene);
        snprintf(report, sizeof report,
                 "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'gives': {'kubernetesVersion': '%s'}}",
                 cases[i].reported);
        driver_reports(scene, "r1", report);
        hash = row_text(scene, 1, "r1", "cluster_config");
        snprintf(want, sizeof want, "{'body': {'kubernetesVersion': '%s'}}", cases[i].want);
        then_row(scene, "configuration", hash, want);
        free(hash);
        scene_free(scene);
    }
}

/* `size` times the letter, which has two bytes. */
static json_t *long_text(size_t size)
{
    char *text = malloc(2 * size + 1);
    json_t *json;

    for (size_t i = 0; i < size; i++)
        memcpy(text + 2 * i, "\xC3\xA4", 2);
    json = json_stringn(text, 2 * size);
    free(text);
    return json;
}

static void of_what_a_driver_says_as_much_is_kept_as_there_is_room_for(void **state)
{
    struct scene *scene = scene_upgrading();
    json_t *data = json_pack("{s:[{s:s,s:s,s:s,s:b,s:o,s:o,s:o}]}", "reports", "runtimeID", "r1", "operationID", "o1",
                             "stage", "StartingUpgrade", "ok", 0, "message", long_text(100000), "reason",
                             long_text(300), "component", long_text(300));
    struct decision decision = { 0 };
    const json_t *error;

    (void)state;
    runtime_core.decide(scene_state(scene),
                        &(struct request){
                            .type = core_type(runtime_core.request_types, PROGRESS), .subject = "", .data = data },
                        NOW_MS, &decision);
    assert_int_equal(decision.count, 1);
    assert_int_equal(json_string_length(json_object_get(decision.events[0].data, "message")), 8192);
    error = json_object_get(decision.events[0].data, "lastError");
    assert_int_equal(json_string_length(json_object_get(error, "errMessage")), 8192);
    assert_int_equal(json_string_length(json_object_get(error, "reason")), 256);
    assert_int_equal(json_string_length(json_object_get(error, "component")), 256);
    decision_release(&decision);
    json_decref(data);
    scene_free(scene);
}

static void what_a_stage_gives_is_left_out_where_it_is_of_the_wrong_kind(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    driver_reports(scene, "r1",
                   "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'gives': {'seed': 1, "
                   "'kubeconfig': 'clear', 'kubernetesVersion': ['1.30'], 'hibernated': 'no', 'hibernationPossible': "
                   "null}}");
    then_events(scene, ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    then_row(scene, "kubeconfig", "r1", NULL);
    then_row(scene, "runtime", "r1", "{'seed': '', 'hibernated': null, 'kubeconfig_hash': ''}");
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finished_stage_orders_the_next),
        cmocka_unit_test(the_last_stage_ends_the_upgrade),
        cmocka_unit_test(a_failed_stage_fails_the_upgrade_and_what_is_installed_stays_known),
        cmocka_unit_test(a_report_of_another_operation_or_stage_decides_nothing),
        cmocka_unit_test(stages_of_several_runtimes_end_together),
        cmocka_unit_test(a_stale_report_does_not_hide_the_one_that_counts),
        cmocka_unit_test(the_deadline_is_the_earliest_limit),
        cmocka_unit_test(a_stage_over_its_limit_is_stopped_before_the_operation_fails),
        cmocka_unit_test(a_wake_before_the_limit_decides_nothing),
        cmocka_unit_test(a_stop_that_does_not_end_is_ordered_again),
        cmocka_unit_test(what_runs_is_resumed_with_its_fence_in_the_order_of_its_records),
        cmocka_unit_test(a_state_restored_from_rows_goes_on_the_same),
        cmocka_unit_test(rows_of_older_operations_do_not_disturb_the_last_one),
        cmocka_unit_test(what_a_driver_reports_belongs_to_the_trace_that_started_the_operation),
        cmocka_unit_test(the_installer_s_text_becomes_the_message),
        cmocka_unit_test(an_error_that_is_retried_is_the_last_error_and_leaves_the_message),
        cmocka_unit_test(an_error_that_ends_the_operation_is_the_last_error),
        cmocka_unit_test(running_out_of_time_keeps_the_error_that_was_retried),
        cmocka_unit_test(notes_and_the_end_of_a_stage_may_come_together),
        cmocka_unit_test(a_limit_is_that_of_the_time_when_its_stage_was_ordered),
        cmocka_unit_test(a_higher_kubernetes_version_than_is_recorded_is_recorded),
        cmocka_unit_test(of_what_a_driver_says_as_much_is_kept_as_there_is_room_for),
        cmocka_unit_test(what_a_stage_gives_is_left_out_where_it_is_of_the_wrong_kind),
    };

    return cmocka_run_group_tests_name("runtime: progress", tests, runtime_scene_setup, runtime_scene_teardown);
}
