/* The provisioner's core: dry runs of orchestrations' upgrades. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define REHEARSED "tidegate.runtime.rehearsed.v1"
#define DRY(id, more)                                                                        \
    "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': '" id  \
    "', 'orchestrationID': 'x9', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'" \
    ", 'dryRun': true" more "}"
#define DRY_CLUSTER(gardener)                                                                              \
    "{'tenant': 'ga1', 'instanceID': 'i1', 'operationID': 'd9', 'orchestrationID': 'x9', 'lane': 'kyma', " \
    "'gardenerConfig': " gardener ", 'dryRun': true}"

static void then_only_the_lane_learns(struct scene *scene, const char *report)
{
    then_messages(scene, report, NULL);
    then_calls(scene, NULL);
    then_outcome(scene, 0, NULL);
}

static void what_could_start_has_succeeded_and_nothing_has_changed(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", DRY("d9", ""));
    then_events(scene,
                REHEARSED " r1 {'operationID': 'd9', 'orchestrationID': 'x9', 'lane': 'kyma', "
                          "'message': 'dry run succeeded'}",
                NULL);
    then_only_the_lane_learns(scene, LANE_REPORT "{'orchestrationID': 'x9', 'operationID': 'd9', "
                                                 "'result': 'succeeded', 'message': 'dry run succeeded'}");
    then_row(scene, "operation", "r1\nd9", NULL);
    then_row(
        scene, "runtime", "r1",
        "{'kyma_config': 'old', 'kyma_version': '2.3.0', 'running': false, 'operation_id': null, 'upgraded': false}");
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    scene_free(scene);
}

static void no_configuration_need_be_known(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    runtime_known(scene);
    when(scene, UPGRADE, "r1", DRY("d9", ""));
    then_events(scene, REHEARSED " r1", NULL);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'message': 'configuration new of Kyma 2.4.2 is not known'}", NULL);
    scene_free(scene);
}

static void one_that_is_retried_says_so(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", DRY("d9", ", 'attempt': 2"));
    then_events(scene, REHEARSED " r1 {'attempt': 2}", NULL);
    scene_free(scene);
}

static void it_waits_for_a_busy_runtime_and_is_freed(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE, "r1", DRY("d9", ""));
    then_events(scene, QUEUED " r1 {'operationID': 'd9', 'orchestrationID': 'x9'}", NULL);
    then_only_the_lane_learns(scene, LANE_REPORT "{'operationID': 'd9', 'result': 'busy'}");
    when(scene, UPGRADE, "r1", DRY("d9", "")); /* it waits already */
    then_events(scene, NULL);
    stages_end(scene, "o1", (const char *[]){ "StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState" }, 3);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'succeeded'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1'}}",
                  LANE_REPORT "{'operationID': 'd9', 'result': 'freed'}", NULL);
    when(scene, UPGRADE, "r1", DRY("d9", ""));
    then_events(scene, REHEARSED " r1 {'operationID': 'd9'}", NULL);
    then_row(scene, "runtime", "r1", "{'operation_id': 'o1', 'kyma_config': 'new'}");
    scene_free(scene);
}

static void a_deprovisioning_preempts_it(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    when(scene, UPGRADE, "r1", DRY("d9", ""));
    then_events(scene,
                REFUSED " r1 {'operationID': 'd9', 'result': 'preempted', "
                        "'message': 'operation preempted by deprovisioning d1'}",
                NULL);
    then_only_the_lane_learns(scene, LANE_REPORT "{'operationID': 'd9', 'result': 'preempted'}");
    scene_free(scene);
}

static void what_a_real_one_is_refused_for_refuses_it(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r2", DRY("d9", ""));
    then_events(scene, REFUSED " r2 {'result': 'refused', 'message': 'runtime r2 not found'}", NULL);
    then_only_the_lane_learns(scene, LANE_REPORT "{'operationID': 'd9', 'result': 'refused'}");
    when(scene, UPGRADE, "r1",
         "{'globalAccountID': 'other', 'operationID': 'd9', 'orchestrationID': 'x9', 'lane': 'kyma', 'dryRun': true}");
    then_events(scene, REFUSED " r1 {'message': 'runtime r1 not found'}", NULL);
    when(scene, UPGRADE_SHOOT, "r1", DRY_CLUSTER("{'kubernetesVersion': 7}"));
    then_events(scene, REFUSED " r1 {'message': 'kubernetesVersion: must be a text'}", NULL);
    when(scene, UPGRADE_SHOOT, "r1", DRY_CLUSTER("{'kubernetesVersion': '1.24.0'}"));
    then_events(scene,
                REFUSED " r1 {'message': 'the cluster configuration of runtime r1 is incomplete: region: must be a "
                        "text that is not empty'}",
                NULL);
    scene_free(scene);
}

static void a_cluster_stays_as_it_is(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': " GARDENER("") "}, 'hash': 'h2'}");
    when(scene, UPGRADE_SHOOT, "r1", DRY_CLUSTER("{'kubernetesVersion': '1.24.0'}"));
    then_events(scene, REHEARSED " r1 {'operationID': 'd9', 'message': 'dry run succeeded'}", NULL);
    then_only_the_lane_learns(scene, LANE_REPORT "{'operationID': 'd9', 'result': 'succeeded'}");
    then_row(scene, "runtime", "r1", "{'reshaped': false, 'operation_id': null}");
    scene_free(scene);
}

static void what_may_be_a_dry_run_or_not_is_rejected(void **state)
{
    static const char *const wrong[] = { "'true'", "1", "null", "{}" };
    struct scene *scene = scene_known();
    char data[256];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(data, sizeof data,
                 "{'operationID': 'd9', 'orchestrationID': 'x9', 'lane': 'kyma', 'version': '2.4.2', "
                 "'configuration': 'new', 'dryRun': %s}",
                 wrong[i]);
        when(scene, UPGRADE, "r1", data);
        then_events(scene, REJECTED " r1 {'operationID': 'd9', 'reason': 'dryRun: must be true or false'}", NULL);
    }
    when(scene, UPGRADE, "r1",
         "{'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new', "
         "'dryRun': false}");
    then_events(scene, STARTED " r1", NULL);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_start_has_succeeded_and_nothing_has_changed),
        cmocka_unit_test(no_configuration_need_be_known),
        cmocka_unit_test(one_that_is_retried_says_so),
        cmocka_unit_test(it_waits_for_a_busy_runtime_and_is_freed),
        cmocka_unit_test(a_deprovisioning_preempts_it),
        cmocka_unit_test(what_a_real_one_is_refused_for_refuses_it),
        cmocka_unit_test(a_cluster_stays_as_it_is),
        cmocka_unit_test(what_may_be_a_dry_run_or_not_is_rejected),
    };

    return cmocka_run_group_tests(tests, runtime_scene_setup, runtime_scene_teardown);
}
