/* The provisioner's core: runtimes that are to go. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"

static void deprovisioning_goes_through_its_stages_and_leaves_a_mark(void **state)
{
    static const char *const stages[] = { "CleanupCluster", "TriggerKymaUninstall", "DeprovisionCluster",
                                          "WaitForClusterDeletion" };
    struct scene *scene = scene_known();
    char report[128], call[64];

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1', 'actor': {'subject': 'ann'}}");
    then_events(scene,
                STARTED " r1 {'operationID': 'd1', 'type': 'deprovision', 'stage': 'CleanupCluster', 'message': "
                        "'Deprovisioning started', 'actor': {'subject': 'ann'}}",
                NULL);
    then_outcome(scene, 200, "{'id': 'd1', 'operation': 'Deprovision', 'state': 'InProgress', 'runtimeID': 'r1'}");
    then_messages(scene,
                  INSTANCE_REPORT "{'operation': {'operationID': 'd1', 'type': 'deprovision', "
                                  "'state': 'in progress'}}",
                  NULL);
    for (size_t i = 0; i < 4; i++) {
        snprintf(call, sizeof call, "r1 d1 %s", stages[i]);
        then_calls(scene, call, NULL);
        snprintf(report, sizeof report, "{'operationID': 'd1', 'stage': '%s', 'ok': true, 'message': ''}", stages[i]);
        driver_reports(scene, "r1", report);
    }
    then_events(scene, SUCCEEDED " r1 {'operationID': 'd1', 'type': 'deprovision'}", NULL);
    then_messages(scene, INSTANCE_REPORT "{'operation': {'type': 'deprovision', 'state': 'succeeded'}}", NULL);
    then_row(scene, "runtime", "r1",
             "{'deprovisioned_at': '2022-02-01T09:00:00Z', 'running': false, 'kyma_version': '2.3.0'}");
    scene_free(scene);
}

static void deprovisioning_is_rejected_while_another_operation_runs(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1', 'actor': {'subject': 'ann'}}");
    then_events(scene, REJECTED " r1 {'operationID': 'd1', 'actor': {'subject': 'ann'}}", NULL);
    then_outcome(scene, 400,
                 "{'error': 'cannot start new operation for r1 Runtime while previous one is in progress'}");
    then_calls(scene, NULL);
    scene_free(scene);
}

static void deprovisioning_an_unknown_runtime_is_rejected(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1'}");
    then_outcome(scene, 400, "{'error': 'runtime r1 not found'}");
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1'}");
    then_outcome(scene, 400, NULL);
    scene_free(scene);
}

static void deprovisioning_again_gives_the_same_answer(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1'}");
    then_events(scene, NULL);
    then_outcome(scene, 200, "{'id': 'd1', 'operation': 'Deprovision', 'state': 'InProgress', 'runtimeID': 'r1'}");
    scene_free(scene);
}

static void a_deprovisioned_runtime_may_be_deprovisioned_once_more(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd2'}");
    then_events(scene, STARTED " r1 {'operationID': 'd2', 'stage': 'WaitForClusterDeletion'}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void a_client_deprovisions_its_own_runtimes_alone(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, DEPROVISION, "r1", "{'tenant': 'ga2', 'operationID': 'd1'}");
    then_outcome(scene, 400, "{'error': 'runtime r1 not found'}");
    when(scene, DEPROVISION, "r1", "{'tenant': '', 'operationID': 'd1'}");
    then_outcome(scene, 400, "{'error': 'tenant header is empty'}");
    when(scene, DEPROVISION, "r1", ASKED("d1", ""));
    then_outcome(
        scene, 200,
        "{'id': 'd1', 'operation': 'Deprovision', 'state': 'InProgress', 'message': 'Deprovisioning started'}");
    scene_free(scene);
}

static void what_is_gone_is_found_gone_at_the_last_stage(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, DEPROVISION, "r1", ASKED("d2", ""));
    then_outcome(
        scene, 200,
        "{'operation': 'Deprovision', 'message': 'Cluster r1 already deleted. Proceeding to DeprovisionCluster "
        "stage.'}");
    then_calls(scene, "r1 d2 WaitForClusterDeletion", NULL);
    stage_ends(scene, "d2", "WaitForClusterDeletion");
    then_events(scene, SUCCEEDED " r1 {'operationID': 'd2'}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void a_deletion_that_had_begun_is_waited_for(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    stages_end(scene, "d1", (const char *[]){ "CleanupCluster", "TriggerKymaUninstall", "DeprovisionCluster" }, 3);
    stage_fails(scene, "d1", "WaitForClusterDeletion", "no");
    when(scene, DEPROVISION, "r1", ASKED("d2", ""));
    then_events(scene,
                STARTED " r1 {'stage': 'WaitForClusterDeletion', 'message': 'Cluster c-1 with id r1 already scheduled "
                        "for deletion.'}",
                NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void deprovisioning_forgets_the_kubeconfig_and_secret_values(void **state)
{
    struct scene *scene = scene_empty();
    char *hash;

    (void)state;
    when(scene, REGISTER, "r1",
         "{'line': {" LINE ", 'kubeconfig': '" SEALED
         "', 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    hash = row_text(scene, 1, "r1", "kyma_config");
    then_row(scene, "configuration", hash, "{'body': {'configuration': [{'value': '" SEALED "', 'secret': true}]}}");
    deprovisioning_started(scene);
    then_row(scene, "configuration", hash, "{'body': {'configuration': [{'value': '" SEALED "', 'secret': true}]}}");
    given(scene, SUCCEEDED, "r1",
          "{'operationID': 'd1', 'type': 'deprovision', 'message': 'Operation succeeded', 'freed': []}");
    then_row(scene, "configuration", hash, "{'body': {'configuration': [{'value': '', 'secret': true}]}}");
    then_row(scene, "kubeconfig", "r1", "{'kubeconfig': ''}");
    then_row(scene, "operation", "r1\nd1", "{'state': 'succeeded'}");
    free(hash);
    scene_free(scene);
}

static void nothing_else_can_be_done_with_what_is_gone(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    then_outcome(scene, 400, "{'error': 'runtime r1 was deprovisioned'}");
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    then_outcome(scene, 400, "{'error': 'runtime r1 was deprovisioned'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, NULL);
    scene_free(scene);
}

static void what_is_on_its_way_out_gives_nothing(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, DEPROVISION, "r1", ASKED("d2", ""));
    driver_reports(scene, "r1",
                   "{'operationID': 'd2', 'stage': 'WaitForClusterDeletion', 'ok': true, 'gives': {'kubeconfig': "
                   "'" SEALED "', 'hibernated': true}}");
    then_events(scene, SUCCEEDED " r1 {'operationID': 'd2'}", NULL);
    then_row(scene, "kubeconfig", "r1", "{'kubeconfig': ''}");
    then_row(scene, "runtime", "r1", "{'kubeconfig_hash': '', 'hibernated': null}");
    many_records_passed(scene);
    scene_free(scene);
}

static void secret_values_of_a_cluster_s_configuration_are_forgotten_too(void **state)
{
    struct scene *scene = scene_empty();
    char *hash;

    (void)state;
    when(scene, REGISTER, "r1",
         "{'line': {" LINE ", 'clusterConfig': {'x': [{'secret': true, 'value': '" SEALED "'}]}}}");
    hash = row_text(scene, 1, "r1", "cluster_config");
    then_row(scene, "configuration", hash, "{'users': 1, 'kept': false, 'body': {'x': [{'value': '" SEALED "'}]}}");
    deprovisioned(scene);
    then_row(scene, "configuration", hash, "{'users': 0, 'body': {'x': [{'value': '', 'secret': true}]}}");
    free(hash);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deprovisioning_goes_through_its_stages_and_leaves_a_mark),
        cmocka_unit_test(deprovisioning_is_rejected_while_another_operation_runs),
        cmocka_unit_test(deprovisioning_an_unknown_runtime_is_rejected),
        cmocka_unit_test(deprovisioning_again_gives_the_same_answer),
        cmocka_unit_test(a_deprovisioned_runtime_may_be_deprovisioned_once_more),
        cmocka_unit_test(a_client_deprovisions_its_own_runtimes_alone),
        cmocka_unit_test(what_is_gone_is_found_gone_at_the_last_stage),
        cmocka_unit_test(a_deletion_that_had_begun_is_waited_for),
        cmocka_unit_test(deprovisioning_forgets_the_kubeconfig_and_secret_values),
        cmocka_unit_test(nothing_else_can_be_done_with_what_is_gone),
        cmocka_unit_test(what_is_on_its_way_out_gives_nothing),
        cmocka_unit_test(secret_values_of_a_cluster_s_configuration_are_forgotten_too),
    };

    return cmocka_run_group_tests_name("runtime: deprovision", tests, runtime_scene_setup, runtime_scene_teardown);
}
