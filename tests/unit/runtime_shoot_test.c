/* The provisioner's core: clusters changed and sent to sleep. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"

static const char *const shoot_stages[] = { "WaitingForShootNewVersion", "WaitingForShootUpgrade",
                                            "CreatingBindingsForOperators" };

/* r1, provisioned without Kyma, with one administrator. */
static struct scene *scene_provisioned(void)
{
    static const char *const stages[] = { "WaitingForClusterDomain", "WaitingForClusterCreation",
                                          "CreatingBindingsForOperators", "ConnectRuntimeAgent" };
    struct scene *scene = scene_empty();

    when(scene, PROVISION, "r1",
         PROVISION_INPUT(GARDENER(", 'purpose': 'testing'"), ", 'administrators': ['ann']", ""));
    stages_end(scene, "p1", stages, 4);
    return scene;
}

static void scene_end(struct scene *scene)
{
    many_records_passed(scene);
    scene_free(scene);
}

static void then_cluster(struct scene *scene, const char *body)
{
    char *hash = row_text(scene, 1, "r1", "cluster_config"), want[1024];

    snprintf(want, sizeof want, "{'kind': 'cluster', 'body': %s}", body);
    then_row(scene, "configuration", hash, want);
    free(hash);
}

static void what_is_given_changes_and_all_else_stays(void **state)
{
    struct scene *scene = scene_provisioned();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1",
         ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5', 'autoScalerMax': 9, 'purpose': null, "
                     "'enableKubernetesVersionAutoUpdate': true, 'machineImageVersion': '7'}"));
    then_events(scene,
                STARTED " r1 {'operationID': 's1', 'type': 'upgradeShoot', 'stage': 'WaitingForShootNewVersion', "
                        "'limitMs': 300000, 'message': 'Starting Gardener Shoot upgrade'}",
                NULL);
    then_outcome(scene, 200, "{'operation': 'UpgradeShoot', 'message': 'Starting Gardener Shoot upgrade'}");
    then_calls(scene, "r1 s1 WaitingForShootNewVersion", NULL);
    then_cluster(scene, "{'machineType': 'm5', 'autoScalerMax': 9, 'autoScalerMin': 2, 'purpose': 'testing', "
                        "'enableKubernetesVersionAutoUpdate': true, 'machineImageVersion': '7', 'machineImage': null, "
                        "'providerSpecificConfig': {'gcpConfig': {'zones': ['a', 'b']}}, 'provider': 'gcp'}");
    then_row(scene, "runtime", "r1", "{'administrators': ['ann'], 'reshaped': true}");
    stages_end(scene, "s1", shoot_stages, 3);
    then_events(scene, SUCCEEDED " r1 {'type': 'upgradeShoot'}", NULL);
    scene_end(scene);
}

static void a_failure_leaves_what_was_asked_for(void **state)
{
    struct scene *scene = scene_provisioned();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    stage_fails(scene, "s1", "WaitingForShootNewVersion", "no");
    then_cluster(scene, "{'machineType': 'm5'}");
    scene_end(scene);
}

static void the_provider_s_and_the_oidc_part_are_replaced_whole(void **state)
{
    struct scene *scene = scene_provisioned();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1",
         ASKED("s1", ", 'gardenerConfig': {'providerSpecificConfig': {'azureConfig': {'vnetCidr': 'x'}}, 'oidcConfig': "
                     "{'clientID': 'c'}}"));
    then_cluster(scene,
                 "{'providerSpecificConfig': {'azureConfig': {'vnetCidr': 'x'}}, 'oidcConfig': {'clientID': 'c'}}");
    scene_end(scene);
}

static void administrators_stay_unless_a_list_is_given(void **state)
{
    static const struct {
        const char *data, *want;
    } cases[] = {
        { ASKED("s1", ", 'gardenerConfig': {}"), "{'administrators': ['ann']}" },
        { ASKED("s1", ", 'gardenerConfig': {}, 'administrators': null"), "{'administrators': ['ann']}" },
        { ASKED("s1", ", 'gardenerConfig': {}, 'administrators': []"), "{'administrators': []}" },
        { ASKED("s1", ", 'gardenerConfig': {}, 'administrators': ['bob']"), "{'administrators': ['bob']}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_provisioned();

        when(scene, UPGRADE_SHOOT, "r1", cases[i].data);
        then_outcome(scene, 200, NULL);
        then_row(scene, "runtime", "r1", cases[i].want);
        scene_end(scene);
    }
}

static void the_kubernetes_version_never_falls(void **state)
{
    static const struct {
        const char *asked, *want;
    } cases[] = { { "1.9.0", "1.20.11" }, { "1.20.9", "1.20.11" }, { "1.21.2", "1.21.2" }, { "2.0.0", "2.0.0" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_provisioned();
        char data[256], want[128];

        snprintf(data, sizeof data, ASKED("s1", ", 'gardenerConfig': {'kubernetesVersion': '%s'}"), cases[i].asked);
        when(scene, UPGRADE_SHOOT, "r1", data);
        snprintf(want, sizeof want, "{'kubernetesVersion': '%s'}", cases[i].want);
        then_cluster(scene, want);
        scene_end(scene);
    }
}

static void a_change_that_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *data, *want_error;
    } cases[] = {
        { "{'operationID': 's1', 'gardenerConfig': {'machineType': ''}}", "tenant header is empty" },
        { "{'tenant': 'ga2', 'operationID': 's1', 'gardenerConfig': {}}", "runtime r1 not found" },
        { ASKED("s1", ", 'gardenerConfig': {'machineType': ''}"), "empty machine type provided" },
        { ASKED("s1", ", 'gardenerConfig': {'kubernetesVersion': ''}"), "empty kubernetes version provided" },
        { ASKED("s1", ", 'gardenerConfig': {'diskType': ''}"), "empty disk type provided" },
        { ASKED("s1", ", 'gardenerConfig': {'purpose': ''}"), "empty purpose provided" },
        { ASKED("s1", ", 'gardenerConfig': {'providerSpecificConfig': {}}"),
          "failed to convert GardenerUpgradeInput: provider config not specified" },
        { ASKED("s1", ", 'gardenerConfig': {'providerSpecificConfig': {'awsConfig': {'awsZones': [null]}}}"),
          "awsZones[0]: must not be null" },
        { ASKED("s1", ", 'gardenerConfig': {}, 'administrators': [null]"), "administrators[0]: must not be null" },
        { ASKED("s1", ""), "gardenerConfig: must be an object" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_provisioned();
        char want[256];

        when(scene, UPGRADE_SHOOT, "r1", cases[i].data);
        snprintf(want, sizeof want, "{'error': '%s'}", cases[i].want_error);
        then_outcome(scene, 400, want);
        then_events(scene, REJECTED " r1 {'request': '" UPGRADE_SHOOT "'}", NULL);
        then_cluster(scene, "{'machineType': 'n1-standard-4'}");
        scene_end(scene);
    }
}

static void the_input_is_checked_before_what_runs_and_that_before_the_provider(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'purpose': ''}"));
    then_outcome(scene, 400, "{'error': 'empty purpose provided'}");
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'providerSpecificConfig': {}}"));
    then_outcome(scene, 400,
                 "{'error': 'cannot start new operation for r1 Runtime while previous one is in progress'}");
    scene_free(scene);
}

/* --- Hibernation --- */

static void hibernation_ends_with_a_sleeping_cluster(void **state)
{
    struct scene *scene = scene_provisioned();

    (void)state;
    then_row(scene, "runtime", "r1", "{'hibernated': false}");
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    then_events(scene,
                STARTED " r1 {'type': 'hibernate', 'stage': 'WaitForHibernation', 'message': 'Starting hibernation'}",
                NULL);
    then_outcome(scene, 200, "{'operation': 'Hibernate', 'message': 'Starting hibernation'}");
    then_row(scene, "runtime", "r1", "{'hibernated': false}");
    stage_ends(scene, "h1", "WaitForHibernation");
    then_row(scene, "runtime", "r1", "{'hibernated': true}");
    when(scene, HIBERNATE, "r1", ASKED("h2", ""));
    then_outcome(scene, 200, "{'id': 'h2', 'state': 'InProgress'}");
    stage_ends(scene, "h2", "WaitForHibernation");
    then_events(scene, SUCCEEDED " r1 {'operationID': 'h2'}", NULL);
    scene_end(scene);
}

static void hibernation_is_refused_where_the_cluster_manager_says_that_it_is_impossible(void **state)
{
    struct scene *scene = scene_provisioned();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    driver_reports(scene, "r1",
                   "{'operationID': 's1', 'stage': 'WaitingForShootNewVersion', 'ok': true, 'gives': "
                   "{'hibernationPossible': false}}");
    stages_end(scene, "s1", shoot_stages + 1, 2);
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    then_events(scene, REJECTED " r1", NULL);
    then_outcome(scene, 400,
                 "{'error': 'Failed to hibernate Cluster: cannot hibernate cluster: the cluster manager says that "
                 "hibernation is not possible'}");
    scene_end(scene);
}

/* --- Reports --- */

static void who_waits_for_a_client_s_operation_is_told_of_its_end(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    then_messages(scene, NULL);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, QUEUED " r1 {'operationID': 'o1'}", NULL);
    stages_end(scene, "s1", shoot_stages, 3);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'freed'}", NULL);
    scene_free(scene);
}

static void a_client_s_change_is_reported_to_nobody(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    then_events(scene, STARTED " r1 {'operationID': 's1', 'instanceID': 'i1'}", NULL);
    then_messages(scene, NULL);
    stages_end(scene, "s1", shoot_stages, 3);
    then_events(scene, SUCCEEDED " r1", NULL);
    then_messages(scene, NULL);
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s2", ", 'gardenerConfig': {'machineType': 'm6'}"));
    then_messages(scene, NULL);
    stage_fails(scene, "s2", "WaitingForShootNewVersion", "no");
    then_events(scene, FAILED " r1", NULL);
    then_messages(scene, NULL);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_changes_and_all_else_stays),
        cmocka_unit_test(a_failure_leaves_what_was_asked_for),
        cmocka_unit_test(the_provider_s_and_the_oidc_part_are_replaced_whole),
        cmocka_unit_test(administrators_stay_unless_a_list_is_given),
        cmocka_unit_test(the_kubernetes_version_never_falls),
        cmocka_unit_test(a_change_that_is_wrong_is_refused),
        cmocka_unit_test(the_input_is_checked_before_what_runs_and_that_before_the_provider),
        cmocka_unit_test(hibernation_ends_with_a_sleeping_cluster),
        cmocka_unit_test(hibernation_is_refused_where_the_cluster_manager_says_that_it_is_impossible),
        cmocka_unit_test(who_waits_for_a_client_s_operation_is_told_of_its_end),
        cmocka_unit_test(a_client_s_change_is_reported_to_nobody),
    };

    return cmocka_run_group_tests_name("runtime: shoot", tests, runtime_scene_setup, runtime_scene_teardown);
}
