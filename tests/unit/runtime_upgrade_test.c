/* The provisioner's core: upgrades of Kyma, an orchestration's and a client's. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"

static void an_upgrade_starts_with_its_first_stage(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene,
                STARTED " r1 {'operationID': 'o1', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': "
                        "'Starting Kyma upgrade', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', "
                        "'configuration': 'new', 'instanceID': 'i1'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'accepted'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'type': 'upgradeKyma', 'orchestrationID': 'x1', "
                                  "'state': 'in progress', 'createdAt': 1643706000000, 'updatedAt': 1643706000000, "
                                  "'kymaVersion': '2.4.2'}}",
                  NULL);
    then_calls(scene, "r1 o1 StartingUpgrade", NULL);
    then_row(scene, "operation", "r1\no1",
             "{'state': 'in progress', 'stage': 'StartingUpgrade', 'fence': 2, 'stage_since': '2022-02-01T09:00:00Z', "
             "'ended_at': null, 'stopped_stage': null}");
    then_row(
        scene, "runtime", "r1",
        "{'operation_id': 'o1', 'running': true, 'kyma_version': '2.4.2', 'kyma_config': 'new', 'installed': 'old'}");
    scene_free(scene);
}

static void the_same_upgrade_again_decides_nothing(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, NULL);
    then_messages(scene, NULL);
    upgrade_succeeded(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, NULL);
    scene_free(scene);
}

static void an_upgrade_of_an_unknown_runtime_is_refused(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'result': 'refused'}", NULL);
    then_messages(scene,
                  LANE_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'refused', 'message': "
                              "'runtime r1 not found'}",
                  NULL);
    then_calls(scene, NULL);
    scene_free(scene);
}

static void an_upgrade_by_another_account_is_refused_as_if_unknown(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1",
         "{'globalAccountID': 'ga2', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', "
         "'configuration': 'new'}");
    then_messages(scene, LANE_REPORT "{'result': 'refused', 'message': 'runtime r1 not found'}", NULL);
    scene_free(scene);
}

static void an_upgrade_to_an_unknown_configuration_is_refused(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    runtime_known(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_messages(scene, LANE_REPORT "{'result': 'refused', 'message': 'configuration new of Kyma 2.4.2 is not known'}",
                  NULL);
    scene_free(scene);
}

static void an_upgrade_without_names_is_rejected(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", "{'operationID': 'o1'}");
    then_events(scene, REJECTED " r1 {'operationID': 'o1'}", NULL);
    then_messages(scene, NULL);
    when(scene, UPGRADE, "r1",
         "{'operationID': '123456789012345678901234567890123456789012345', 'orchestrationID': 'x', 'lane': 'kyma'}");
    then_events(scene, REJECTED " r1", NULL);
    scene_free(scene);
}

static void an_upgrade_is_preempted_by_deprovisioning(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_messages(scene, LANE_REPORT "{'result': 'preempted', 'message': 'operation preempted by deprovisioning d1'}",
                  NULL);
    scene_free(scene);

    scene = scene_known();
    deprovisioned(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'result': 'preempted'}", NULL);
    then_calls(scene, NULL);
    scene_free(scene);
}

#define ORDER_UNTIL(until)                                                                    \
    "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': 'o1', " \
    "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new', 'until': " until "}"

static void an_upgrade_whose_window_has_ended_on_its_way_is_late_and_starts_nothing(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER_UNTIL("1643706000000"));
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'result': 'late'}", NULL);
    then_messages(scene, LANE_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'late'}", NULL);
    then_calls(scene, NULL);
    when(scene, UPGRADE, "r1", ORDER_UNTIL("1643706000001")); /* in its next window */
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    scene_free(scene);

    scene = scene_upgrading();
    when(scene, UPGRADE, "r1",
         "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': 'o2', 'orchestrationID': "
         "'x2', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new', 'until': 1, 'dryRun': true}");
    then_events(scene, REFUSED " r1 {'operationID': 'o2', 'result': 'late'}", NULL); /* nor does it wait */
    when(scene, UPGRADE, "r1", ORDER_UNTIL("'soon'"));
    then_events(scene, REJECTED " r1", NULL);
    scene_free(scene);
}

static void an_upgrade_of_a_busy_runtime_waits(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, QUEUED " r1 {'operationID': 'o2', 'orchestrationID': 'x2', 'lane': 'kyma'}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o2', 'orchestrationID': 'x2', 'result': 'busy'}", NULL);
    then_calls(scene, NULL);
    then_row(scene, "runtime", "r1",
             "{'operation_id': 'o1', 'waiting': [{'operationID': 'o2', 'orchestrationID': 'x2', 'lane': 'kyma'}]}");
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, NULL);
    scene_free(scene);
}

static void no_more_than_a_number_of_operations_wait(void **state)
{
    struct scene *scene = scene_upgrading();
    char id[32];

    (void)state;
    for (int i = 0; i < RUNTIME_WAITING_MAX; i++) {
        snprintf(id, sizeof id, "w%d", i);
        operation_queued(scene, id);
    }
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_messages(scene, LANE_REPORT "{'operationID': 'o2', 'result': 'refused'}", NULL);
    scene_free(scene);
}

static void who_waited_is_told_when_the_operation_ends(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    operation_queued(scene, "o2");
    operation_queued(scene, "o3");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'message': 'boom'}");
    then_events(scene, FAILED " r1 {'freed': [{'operationID': 'o2'}, {'operationID': 'o3'}]}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed'}", INSTANCE_REPORT,
                  LANE_REPORT "{'operationID': 'o2', 'orchestrationID': 'x2', 'result': 'freed'}",
                  LANE_REPORT "{'operationID': 'o3', 'orchestrationID': 'x2', 'result': 'freed'}", NULL);
    then_row(scene, "runtime", "r1", "{'waiting': [], 'running': false}");
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, STARTED " r1 {'operationID': 'o2'}", NULL);
    then_row(scene, "operation", "r1\no2", "{'state': 'in progress'}");
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'message': 'boom'}");
    many_records_passed(scene);
    then_row(scene, "operation", "r1\no1", NULL);
    scene_free(scene);
}

static void an_orchestration_cannot_upgrade_what_is_hibernated(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    stage_ends(scene, "h1", "WaitForHibernation");
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene,
                REFUSED " r1 {'result': 'refused', 'message': 'failed to upgrade cluster: runtime r1 is "
                        "hibernated'}",
                NULL);
    scene_free(scene);
}

/* --- A client's --- */

static void a_client_s_upgrade_replaces_the_configuration_whole_and_at_once(void **state)
{
    struct scene *scene = scene_known();
    char *hash;

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", ", 'profile': 'Evaluation'")));
    then_events(scene,
                STARTED " r1 {'operationID': 'o1', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'limitMs': "
                        "1200000, 'message': 'Starting Kyma upgrade', 'instanceID': 'i1', 'version': '1.24.5', "
                        "'actor': {'subject': 'ann'}}",
                NULL);
    then_outcome(scene, 200,
                 "{'id': 'o1', 'operation': 'Upgrade', 'state': 'InProgress', 'message': 'Starting Kyma upgrade', "
                 "'runtimeID': 'r1', 'lastError': null}");
    then_messages(scene, INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'kymaVersion': '1.24.5'}}", NULL);
    then_calls(scene, "r1 o1 StartingUpgrade", NULL);
    hash = row_text(scene, 1, "r1", "kyma_config");
    then_row(scene, "configuration", hash,
             "{'kind': 'kyma', 'body': {'version': '1.24.5', 'profile': 'Evaluation', 'components': [{'component': "
             "'compass-runtime-agent', 'namespace': 'compass-system', 'configuration': null, 'sourceURL': null, "
             "'conflictStrategy': null}], 'configuration': null, 'conflictStrategy': null}}");
    then_row(scene, "runtime", "r1", "{'kyma_version': '1.24.5', 'installed': 'old', 'upgraded': true}");
    then_row(scene, "operation", "r1\no1", "{'pre': 'old', 'rolled_back': false, 'limit_ms': 1200000}");
    free(hash);
    scene_free(scene);
}

static void success_makes_the_new_configuration_the_installed_one(void **state)
{
    struct scene *scene = scene_known();
    char *active, *installed;

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    stages_end(scene, "o1", (const char *[]){ "StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState" }, 3);
    then_events(scene, SUCCEEDED " r1 {'type': 'upgradeKyma'}", NULL);
    active = row_text(scene, 1, "r1", "kyma_config");
    installed = row_text(scene, 1, "r1", "installed");
    assert_string_equal(active, installed);
    assert_string_not_equal(active, "old");
    free(active);
    free(installed);
    scene_free(scene);
}

/* Twelve at once: the first one wins, the others are refused, none waits. */
static void of_many_mutations_at_once_one_is_accepted(void **state)
{
    static const char *const types[] = { UPGRADE_KYMA, UPGRADE_SHOOT, HIBERNATE, DEPROVISION };
    struct scene *scene = scene_known();
    int accepted = 0;
    char data[512];

    (void)state;
    for (int i = 0; i < 12; i++) {
        snprintf(data, sizeof data,
                 "{'tenant': 'ga1', 'operationID': 'm%d', 'gardenerConfig': {'machineType': 'm5'}" KYMA("1.24.5",
                                                                                                        "") "}",
                 i);
        when(scene, types[i % 4], "r1", data);
        if (i == 0) {
            then_outcome(scene, 200, "{'id': 'm0'}");
            accepted++;
            continue;
        }
        then_events(scene, REJECTED " r1", NULL);
        then_outcome(
            scene, 400,
            "{'error': 'cannot start new operation for r1 Runtime while previous one is in progress', 'reason': "
            "'err_provisioner_conflict', 'component': 'provisioner'}");
    }
    assert_int_equal(accepted, 1);
    then_row(scene, "runtime", "r1", "{'operation_id': 'm0', 'waiting': []}");
    scene_free(scene);
}

static void a_mutation_again_is_harmless_and_answered_the_same(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    for (int i = 0; i < 2; i++) {
        when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
        then_outcome(scene, 200, "{'id': 'o1', 'state': 'InProgress', 'message': 'Starting Kyma upgrade'}");
    }
    then_events(scene, NULL);
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    then_events(scene, NULL);
    then_outcome(scene, 200, "{'id': 'o1', 'state': 'InProgress', 'message': 'Starting Kyma upgrade'}");
    scene_free(scene);
}

static void an_upgrade_that_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *data, *want_error;
    } cases[] = {
        { "{'operationID': 'o1'" KYMA("1.24.5", "") "}", "tenant header is empty" },
        { "{'tenant': '', 'operationID': 'o1'" KYMA("1.24.5", "") "}", "tenant header is empty" },
        { "{'tenant': 'ga2', 'operationID': 'o1'" KYMA("1.24.5", "") "}", "runtime r1 not found" },
        { "{'tenant': 'ga1'" KYMA("1.24.5", "") "}", "operationID: must have 1 to 44 printable characters" },
        { ASKED("o1", ", 'kymaConfig': {'version': '1.24.5', 'components': []}"),
          "validation error while starting Runtime upgrade, error: Kyma config validation error, error: Kyma "
          "components "
          "list is empty" },
        { ASKED("o1", ", 'kymaConfig': {'version': '1.24.5', 'components': [{'component': 'a', 'namespace': 'b'}]}"),
          "validation error while starting Runtime upgrade, error: Kyma config validation error, error: Kyma "
          "components "
          "list does not contain Compass Runtime Agent" },
        { ASKED("o1", ", 'kymaConfig': {'version': '1.24.5', 'components': [null, " AGENT "]}"),
          "validation error while starting Runtime upgrade, error: Kyma config validation error, error: components[0]: "
          "must not be null" },
        { ASKED("o1", KYMA("1.24.5", ", 'configuration': [null]")),
          "validation error while starting Runtime upgrade, error: Kyma config validation error, error: "
          "configuration[0]: must not be null" },
        { ASKED("o1", KYMA("1.24.5", SECRET_ENTRY("t0p"))),
          "validation error while starting Runtime upgrade, error: Kyma config validation error, error: secret values "
          "must be sealed" },
        { ASKED("o1", KYMA("50%s", "")),
          "failed to convert KymaConfigInput, failed to get Kyma Release with version 50%s: there is no such release; "
          "there are: 1.11.0, 1.20.4, 1.24.5, 2.3.0, 2.4.2" },
        { ASKED("o1", ", 'kymaConfig': 7"), "validation error while starting Runtime upgrade, error: Kyma config "
                                            "validation error, error: kymaConfig: must "
                                            "be an object" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_known();
        char want[512];

        when(scene, UPGRADE_KYMA, "r1", cases[i].data);
        snprintf(want, sizeof want, "{'error': '%s', 'component': 'provisioner'}", cases[i].want_error);
        then_outcome(scene, 400, want);
        snprintf(want, sizeof want, REJECTED " r1 {'request': '" UPGRADE_KYMA "', 'reason': '%s'}",
                 cases[i].want_error);
        then_events(scene, want, NULL);
        then_row(scene, "runtime", "r1", "{'kyma_config': 'old', 'operation_id': null}");
        scene_free(scene);
    }
}

static void an_upgrade_needs_a_runtime_that_can_be_upgraded(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE_KYMA, "r9", ASKED("o1", KYMA("1.24.5", "")));
    then_outcome(scene, 400, "{'error': 'runtime r9 not found', 'reason': 'err_provisioner_not_found'}");
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    stage_ends(scene, "h1", "WaitForHibernation");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    then_outcome(scene, 400, "{'error': 'failed to upgrade cluster: runtime r1 is hibernated'}");
    deprovisioned(scene);
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    then_outcome(scene, 400, "{'error': 'runtime r1 was deprovisioned'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void the_driver_gets_the_configuration_with_the_first_stage(void **state)
{
    struct scene *scene = scene_known();
    struct calls calls = { 0 };
    const json_t *detail;

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", SECRET_ENTRY(SEALED))));
    runtime_core.resume(scene_state(scene), &calls);
    assert_int_equal(calls.count, 1);
    detail = calls.items[0].detail;
    assert_string_equal(json_string_value(json_object_get(detail, "tenant")), "ga1");
    assert_string_equal(json_string_value(json_object_get(detail, "type")), "upgradeKyma");
    assert_string_equal(json_string_value(json_object_get(detail, "version")), "1.24.5");
    assert_int_equal(json_string_length(json_object_get(detail, "configuration")), SHA256_HEX_SIZE - 1);
    assert_int_equal(json_array_size(json_object_get(json_object_get(detail, "kymaConfig"), "components")), 1);
    calls_release(&calls);
    scene_free(scene);
}

static void what_is_too_large_to_be_recorded_is_refused(void **state)
{
    struct scene *scene = scene_known();
    const size_t size = 1024 * 1024;
    char *data = calloc(1, size + 1024), *at;

    (void)state;
    at = stpcpy(data, "{'tenant': 'ga1', 'operationID': 'o1', 'kymaConfig': {'version': '1.24.5', 'components': [" AGENT
                      "], 'configuration': [{'key': 'k', 'value': '");
    memset(at, 'x', size);
    strcpy(at + size, "'}]}}");
    when(scene, UPGRADE_KYMA, "r1", data);
    then_events(scene, REJECTED " r1", NULL);
    then_outcome(scene, 400, "{'reason': 'err_provisioner_bad_request'}");
    free(data);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_starts_with_its_first_stage),
        cmocka_unit_test(the_same_upgrade_again_decides_nothing),
        cmocka_unit_test(an_upgrade_of_an_unknown_runtime_is_refused),
        cmocka_unit_test(an_upgrade_by_another_account_is_refused_as_if_unknown),
        cmocka_unit_test(an_upgrade_to_an_unknown_configuration_is_refused),
        cmocka_unit_test(an_upgrade_without_names_is_rejected),
        cmocka_unit_test(an_upgrade_is_preempted_by_deprovisioning),
        cmocka_unit_test(an_upgrade_whose_window_has_ended_on_its_way_is_late_and_starts_nothing),
        cmocka_unit_test(an_upgrade_of_a_busy_runtime_waits),
        cmocka_unit_test(no_more_than_a_number_of_operations_wait),
        cmocka_unit_test(who_waited_is_told_when_the_operation_ends),
        cmocka_unit_test(an_orchestration_cannot_upgrade_what_is_hibernated),
        cmocka_unit_test(a_client_s_upgrade_replaces_the_configuration_whole_and_at_once),
        cmocka_unit_test(success_makes_the_new_configuration_the_installed_one),
        cmocka_unit_test(of_many_mutations_at_once_one_is_accepted),
        cmocka_unit_test(a_mutation_again_is_harmless_and_answered_the_same),
        cmocka_unit_test(an_upgrade_that_is_wrong_is_refused),
        cmocka_unit_test(an_upgrade_needs_a_runtime_that_can_be_upgraded),
        cmocka_unit_test(the_driver_gets_the_configuration_with_the_first_stage),
        cmocka_unit_test(what_is_too_large_to_be_recorded_is_refused),
    };

    return cmocka_run_group_tests_name("runtime: upgrade", tests, runtime_scene_setup, runtime_scene_teardown);
}
