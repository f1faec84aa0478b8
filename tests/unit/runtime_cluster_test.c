/* The provisioner's core: clusters changed by orchestrations. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/provisioner/runtimes.h"

#define CLUSTER_REPORT "orchestrations cluster tidegate.orchestration.report.v1 "
#define ORDERED(id, gardener, more)                                                                               \
    "{'tenant': 'ga1', 'operationID': '" id "', 'orchestrationID': 'x1', 'lane': 'cluster', 'instanceID': 'i1', " \
    "'gardenerConfig': " gardener more "}"
#define IMAGE "{'kubernetesVersion': '1.23.1', 'machineImage': 'gardenlinux', 'machineImageVersion': '318.9.0'}"
#define WHOLE                                                                                                        \
    "{'name': '', 'kubernetesVersion': '1.22.6', 'provider': 'azure', 'region': 'westeurope', 'machineType': 'm1', " \
    "'autoScalerMin': 2, 'autoScalerMax': 10, 'maxSurge': 1, 'maxUnavailable': 0, 'machineImage': 'ubuntu', "        \
    "'machineImageVersion': '18.4', 'oidcConfig': {'clientID': 'c'}}"

static const char *const shoot_stages[] = { "WaitingForShootNewVersion", "WaitingForShootUpgrade",
                                            "CreatingBindingsForOperators" };

/* r1, an instance's, with a whole cluster configuration and administrators. */
static struct scene *scene_whole(void)
{
    struct scene *scene = scene_known();

    given(scene, CHANGED, "r1",
          "{'clusterConfigHash': 'whole', 'administrators': ['ann'], 'clusterConfig': " WHOLE "}");
    return scene;
}

static void then_brought(struct scene *scene, const char *operation, const char *body)
{
    char *hash = row_text(scene, TABLE_OPERATION, operation, "configuration"), want[1024];

    snprintf(want, sizeof want, "{'kind': 'cluster', 'body': %s}", body);
    then_row(scene, "configuration", hash, want);
    free(hash);
}

static void what_is_asked_for_changes_and_all_else_stays(void **state)
{
    struct scene *scene = scene_whole();
    char *active, *brought;

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene,
                STARTED " r1 {'operationID': 'o1', 'type': 'upgradeShoot', 'stage': 'WaitingForShootNewVersion', "
                        "'message': 'Starting Gardener Shoot upgrade', 'orchestrationID': 'x1', 'lane': 'cluster', "
                        "'instanceID': 'i1'}",
                NULL);
    then_outcome(scene, 0, NULL);
    then_messages(scene, CLUSTER_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'accepted'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'type': 'upgradeCluster', 'orchestrationID': "
                                  "'x1', 'state': 'in progress', 'description': 'cluster upgrade in progress', "
                                  "'createdAt': 1643706000000, 'updatedAt': 1643706000000}}",
                  NULL);
    assert_null(json_object_get(json_object_get(scene_message(scene, 1)->data, "operation"), "kymaVersion"));
    then_calls(scene, "r1 o1 WaitingForShootNewVersion", NULL);
    then_brought(scene, "r1\no1",
                 "{'kubernetesVersion': '1.23.1', 'machineImage': 'gardenlinux', 'machineImageVersion': '318.9.0', "
                 "'provider': 'azure', 'autoScalerMin': 2, 'autoScalerMax': 10, 'maxSurge': 1, 'maxUnavailable': 0, "
                 "'machineType': 'm1', 'oidcConfig': {'clientID': 'c'}}");
    then_row(scene, "runtime", "r1",
             "{'reshaped': true, 'administrators': ['ann'], 'kyma_version': '2.3.0', 'kyma_config': 'old'}");
    active = row_text(scene, TABLE_RUNTIME, "r1", "cluster_config");
    brought = row_text(scene, TABLE_OPERATION, "r1\no1", "configuration");
    assert_string_equal(active, brought);
    free(active);
    free(brought);
    scene_free(scene);
}

static void its_end_is_reported_to_the_lane_and_the_instance(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    stages_end(scene, "o1", shoot_stages, 3);
    then_messages(scene,
                  CLUSTER_REPORT "{'operationID': 'o1', 'result': 'succeeded', 'message': 'Operation succeeded'}",
                  INSTANCE_REPORT "{'operation': {'type': 'upgradeCluster', 'state': 'succeeded'}}", NULL);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o2", IMAGE, ""));
    stage_fails(scene, "o2", "WaitingForShootNewVersion", "no quota");
    then_messages(scene, CLUSTER_REPORT "{'operationID': 'o2', 'result': 'failed', 'message': 'no quota'}",
                  INSTANCE_REPORT "{'operation': {'type': 'upgradeCluster', 'state': 'failed', "
                                  "'description': 'provisioner client returns failed status: no quota'}}",
                  NULL);
    then_row(scene, "operation", "r1\no2", "{'state': 'failed', 'lane': 'cluster', 'orchestration_id': 'x1'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void each_member_that_is_not_asked_for_stays(void **state)
{
    static const struct {
        const char *asked, *want;
    } cases[] = {
        { "{'kubernetesVersion': '1.23.1'}",
          "{'kubernetesVersion': '1.23.1', 'machineImage': 'ubuntu', 'machineImageVersion': '18.4'}" },
        { "{'kubernetesVersion': '1.23.1', 'machineImageVersion': '20.4'}",
          "{'kubernetesVersion': '1.23.1', 'machineImage': 'ubuntu', 'machineImageVersion': '20.4'}" },
        { "{'kubernetesVersion': '1.23.1', 'machineImage': 'suse'}",
          "{'machineImage': 'suse', 'machineImageVersion': '18.4'}" },
        { "{'kubernetesVersion': '1.9.9'}", "{'kubernetesVersion': '1.22.6'}" },
        { "{'enableKubernetesVersionAutoUpdate': true, 'enableMachineImageVersionAutoUpdate': false}",
          "{'kubernetesVersion': '1.22.6', 'enableKubernetesVersionAutoUpdate': true, "
          "'enableMachineImageVersionAutoUpdate': false}" },
        { "{'enableKubernetesVersionAutoUpdate': null}", "{'kubernetesVersion': '1.22.6'}" },
        { "{}", "{'kubernetesVersion': '1.22.6'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_whole();
        char data[512];

        snprintf(data, sizeof data, ORDERED("o1", "%s", ""), cases[i].asked);
        when(scene, UPGRADE_SHOOT, "r1", data);
        then_events(scene, STARTED " r1", NULL);
        then_brought(scene, "r1\no1", cases[i].want);
        scene_free(scene);
    }
}

static void what_the_cluster_has_already_is_a_change_like_any(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    stages_end(scene, "o1", shoot_stages, 3);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o2", IMAGE, ""));
    then_events(scene, STARTED " r1 {'operationID': 'o2'}", NULL);
    then_brought(scene, "r1\no2", "{'kubernetesVersion': '1.23.1'}");
    stages_end(scene, "o2", shoot_stages, 3);
    then_events(scene, SUCCEEDED " r1 {'operationID': 'o2'}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void the_operation_keeps_what_was_asked_for_when_the_cluster_says_more(void **state)
{
    struct scene *scene = scene_whole();
    char *active, *brought;

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    driver_reports(scene, "r1",
                   "{'operationID': 'o1', 'stage': 'WaitingForShootNewVersion', 'ok': true, 'gives': "
                   "{'kubernetesVersion': '1.23.4'}}");
    active = row_text(scene, TABLE_RUNTIME, "r1", "cluster_config");
    brought = row_text(scene, TABLE_OPERATION, "r1\no1", "configuration");
    assert_string_not_equal(active, brought);
    then_row(scene, "configuration", active, "{'body': {'kubernetesVersion': '1.23.4'}}");
    then_brought(scene, "r1\no1", "{'kubernetesVersion': '1.23.1'}");
    free(active);
    free(brought);
    scene_free(scene);
}

static void a_cluster_that_cannot_be_changed_is_refused_alone(void **state)
{
    static const struct {
        const char *cluster, *data, *want;
    } cases[] = {
        { WHOLE,
          "{'tenant': 'ga2', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'cluster', 'gardenerConfig': {}}",
          "runtime r1 not found" },
        { "{'provider': 'azure'}", ORDERED("o1", IMAGE, ""),
          "the cluster configuration of runtime r1 is incomplete: region: must be a text that is not empty" },
        { "{'kubernetesVersion': '1.22.6', 'provider': '', 'region': 'r', 'machineType': 'm'}",
          ORDERED("o1", IMAGE, ""),
          "the cluster configuration of runtime r1 is incomplete: provider: must be a text that is not empty" },
        { "{'provider': 'azure', 'region': 'r', 'machineType': 'm', 'autoScalerMin': 1, 'autoScalerMax': null}",
          ORDERED("o1", IMAGE, ""),
          "the cluster configuration of runtime r1 is incomplete: autoScalerMax: must be an integer" },
        { "{'provider': 'azure', 'region': 'r', 'machineType': 'm'}", ORDERED("o1", "{'machineImage': 'x'}", ""),
          "the cluster configuration of runtime r1 is incomplete: kubernetesVersion: must be a text that is not "
          "empty" },
        { WHOLE, ORDERED("o1", "7", ""), "gardenerConfig: must be an object" },
        { WHOLE, ORDERED("o1", "{'kubernetesVersion': ''}", ""), "empty kubernetes version provided" },
        { WHOLE, ORDERED("o1", "{'kubernetesVersion': 7}", ""), "kubernetesVersion: must be a text" },
        { WHOLE, ORDERED("o1", "{'enableKubernetesVersionAutoUpdate': 'yes'}", ""),
          "enableKubernetesVersionAutoUpdate: must be true or false" },
        { WHOLE, ORDERED("o1", "{'enableMachineImageVersionAutoUpdate': 1}", ""),
          "enableMachineImageVersionAutoUpdate: must be true or false" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_known();
        char data[1024], want[512];

        snprintf(data, sizeof data, "{'clusterConfigHash': 'as given', 'clusterConfig': %s}", cases[i].cluster);
        given(scene, CHANGED, "r1", data);
        when(scene, UPGRADE_SHOOT, "r1", cases[i].data);
        snprintf(want, sizeof want,
                 REFUSED " r1 {'operationID': 'o1', 'lane': 'cluster', 'result': 'refused', "
                         "'message': '%s'}",
                 cases[i].want);
        then_events(scene, want, NULL);
        snprintf(want, sizeof want, CLUSTER_REPORT "{'result': 'refused', 'message': '%s'}", cases[i].want);
        then_messages(scene, want, NULL);
        then_calls(scene, NULL);
        then_outcome(scene, 0, NULL);
        then_row(scene, "runtime", "r1", "{'cluster_config': 'as given', 'operation_id': null}");
        scene_free(scene);
    }
}

static void a_cluster_of_which_nothing_is_known_is_refused(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_messages(scene, CLUSTER_REPORT "{'result': 'refused', 'message': 'runtime r1 not found'}", NULL);
    given(scene, REGISTERED, "r1",
          "{'instanceID': 'i1', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', 'region': 'westeurope', "
          "'shootName': 'c-1', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'old', 'kymaConfig': {'version': '2.3.0'}}");
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_messages(scene,
                  CLUSTER_REPORT "{'result': 'refused', 'message': 'the cluster configuration of runtime r1 is not "
                                 "known'}",
                  NULL);
    scene_free(scene);
}

static void a_cluster_that_sleeps_is_refused(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    stage_ends(scene, "h1", "WaitForHibernation");
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_messages(scene,
                  CLUSTER_REPORT "{'result': 'refused', 'message': 'failed to upgrade cluster: runtime r1 is "
                                 "hibernated'}",
                  NULL);
    scene_free(scene);
}

static void without_a_tenant_none_is_compared(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1",
         "{'tenant': '', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'cluster', 'instanceID': 'i1', "
         "'gardenerConfig': " IMAGE "}");
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    scene_free(scene);
}

static void an_order_without_names_is_rejected(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1",
         "{'tenant': 'ga1', 'operationID': 'o1', 'orchestrationID': 'x1', 'gardenerConfig': {}}");
    then_events(scene, REJECTED " r1 {'reason': 'operationID, orchestrationID and lane: must be given'}", NULL);
    then_messages(scene, NULL);
    scene_free(scene);
}

static void it_is_preempted_by_deprovisioning(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    deprovisioning_started(scene);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene, REFUSED " r1 {'result': 'preempted'}", NULL);
    then_messages(scene,
                  CLUSTER_REPORT "{'result': 'preempted', 'message': 'operation preempted by deprovisioning d1'}",
                  NULL);
    scene_free(scene);
}

static void upgrades_of_kyma_and_of_the_cluster_wait_for_each_other(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene, QUEUED " r1 {'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'cluster'}", NULL);
    then_messages(scene, CLUSTER_REPORT "{'operationID': 'o1', 'result': 'busy'}", NULL);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene, NULL);
    stage_fails(scene, "o2", "StartingUpgrade", "no");
    then_messages(scene, LANE_REPORT "{'operationID': 'o2'}", INSTANCE_REPORT,
                  CLUSTER_REPORT "{'operationID': 'o1', 'result': 'freed'}", NULL);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    when(scene, UPGRADE, "r1",
         "{'operationID': 'o3', 'orchestrationID': 'x3', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
    then_events(scene, QUEUED " r1 {'operationID': 'o3', 'lane': 'kyma'}", NULL);
    stages_end(scene, "o1", shoot_stages, 3);
    then_messages(scene, CLUSTER_REPORT "{'operationID': 'o1'}", INSTANCE_REPORT,
                  LANE_REPORT "{'operationID': 'o3', 'result': 'freed'}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void what_failed_is_changed_again_by_a_later_attempt(void **state)
{
    struct scene *scene = scene_whole();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    stage_fails(scene, "o1", "WaitingForShootNewVersion", "no");
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    then_events(scene, NULL);
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ", 'attempt': 2"));
    then_events(scene, STARTED " r1 {'operationID': 'o1', 'attempt': 2, 'stage': 'WaitingForShootNewVersion'}", NULL);
    then_messages(scene, CLUSTER_REPORT "{'operationID': 'o1', 'result': 'accepted'}",
                  INSTANCE_REPORT "{'operation': {'type': 'upgradeCluster', 'state': 'in progress'}}", NULL);
    then_row(scene, "operation", "r1\no1", "{'attempt': 2, 'state': 'in progress', 'last_error': null}");
    stages_end(scene, "o1", shoot_stages, 3);
    then_row(scene, "operation", "r1\no1", "{'attempt': 2, 'state': 'succeeded'}");
    scene_free(scene);
}

/* Many runtimes alike get one configuration, whose body comes once. */
static void alike_clusters_share_what_they_get(void **state)
{
    struct scene *scene = scene_whole();
    char *one, *other;

    (void)state;
    given(scene, REGISTERED, "r2",
          "{'instanceID': 'i2', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', 'region': 'westeurope', "
          "'shootName': 'c-2', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'old', 'clusterConfigHash': 'whole'}");
    when(scene, UPGRADE_SHOOT, "r1", ORDERED("o1", IMAGE, ""));
    when(scene, UPGRADE_SHOOT, "r2", ORDERED("o2", IMAGE, ""));
    then_events(scene, STARTED " r2 {'operationID': 'o2'}", NULL);
    one = row_text(scene, TABLE_RUNTIME, "r1", "cluster_config");
    other = row_text(scene, TABLE_RUNTIME, "r2", "cluster_config");
    assert_string_equal(one, other);
    then_row(scene, "configuration", one, "{'users': 2}");
    free(one);
    free(other);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_changes_and_all_else_stays),
        cmocka_unit_test(its_end_is_reported_to_the_lane_and_the_instance),
        cmocka_unit_test(each_member_that_is_not_asked_for_stays),
        cmocka_unit_test(what_the_cluster_has_already_is_a_change_like_any),
        cmocka_unit_test(the_operation_keeps_what_was_asked_for_when_the_cluster_says_more),
        cmocka_unit_test(a_cluster_that_cannot_be_changed_is_refused_alone),
        cmocka_unit_test(a_cluster_of_which_nothing_is_known_is_refused),
        cmocka_unit_test(a_cluster_that_sleeps_is_refused),
        cmocka_unit_test(without_a_tenant_none_is_compared),
        cmocka_unit_test(an_order_without_names_is_rejected),
        cmocka_unit_test(it_is_preempted_by_deprovisioning),
        cmocka_unit_test(upgrades_of_kyma_and_of_the_cluster_wait_for_each_other),
        cmocka_unit_test(what_failed_is_changed_again_by_a_later_attempt),
        cmocka_unit_test(alike_clusters_share_what_they_get),
    };

    return cmocka_run_group_tests_name("runtime: clusters of orchestrations", tests, runtime_scene_setup,
                                       runtime_scene_teardown);
}
