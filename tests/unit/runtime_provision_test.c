/* The provisioner's core: new runtimes. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"

static const char *const stages[] = { "WaitingForClusterDomain",      "WaitingForClusterCreation",
                                      "CreatingBindingsForOperators", "StartingInstallation",
                                      "WaitingForInstallation",       "ConnectRuntimeAgent",
                                      "WaitForAgentToConnect" };

/* A body of r1's configurations: kyma_config, cluster_config or installed. */
static void then_body(struct scene *scene, const char *column, const char *body)
{
    char *hash = row_text(scene, 1, "r1", column), want[1024];

    snprintf(want, sizeof want, "{'body': %s}", body);
    then_row(scene, "configuration", hash, want);
    free(hash);
}

static void provisioning_makes_a_runtime_known_and_starts_in_one_record(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, PROVISION, "r1",
         PROVISION_INPUT(GARDENER(""), ", 'administrators': ['ann@example.net']", KYMA("1.24.5", "")));
    then_events(scene,
                REGISTERED " r1 {'tenant': 'ga1', 'subAccount': 'sa1', 'region': 'europe-west3', 'shootName': 'blue7', "
                           "'name': 'blue', 'description': 'demo', 'labels': {'team': 'blue', 'cost': [1, 2.5]}, "
                           "'administrators': ['ann@example.net'], 'kymaVersion': '1.24.5'}",
                STARTED " r1 {'operationID': 'p1', 'type': 'provision', 'stage': 'WaitingForClusterDomain', 'limitMs': "
                        "600000, 'message': 'Provisioning started', 'version': '1.24.5'}",
                NULL);
    then_outcome(scene, 200,
                 "{'id': 'p1', 'operation': 'Provision', 'state': 'InProgress', 'message': 'Provisioning started', "
                 "'runtimeID': 'r1', 'lastError': null}");
    then_messages(scene, NULL);
    then_calls(scene, "r1 p1 WaitingForClusterDomain", NULL);
    then_row(scene, "runtime", "r1",
             "{'instance_id': '', 'name': 'blue', 'description': 'demo', 'labels': "
             "'{\\\"cost\\\":[1,2.5],\\\"team\\\":\\\"blue\\\"}', 'administrators': ['ann@example.net'], 'seed': '', "
             "'ready': false, 'installed': null, 'hibernated': null, 'running': true}");
    then_row(scene, "kubeconfig", "r1", NULL);
    scene_free(scene);
}

static void a_cluster_is_stored_as_asked_for_with_its_defaults(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    then_body(scene, "cluster_config",
              "{'name': '', 'kubernetesVersion': '1.20.11', 'provider': 'gcp', 'autoScalerMax': 5, 'diskType': null, "
              "'providerSpecificConfig': {'gcpConfig': {'zones': ['a', 'b']}}, 'allowPrivilegedContainers': false, "
              "'enableKubernetesVersionAutoUpdate': false, 'oidcConfig': null, 'dnsConfig': null, 'seed': null}");
    scene_free(scene);
}

static void privileged_containers_are_allowed_where_tiller_is_shipped_or_all_must(void **state)
{
    static const struct {
        const char *data;
        bool forced;
        const char *want;
    } cases[] = {
        { PROVISION_INPUT(GARDENER(""), "", KYMA("1.11.0", "")), false, "{'allowPrivilegedContainers': true}" },
        { PROVISION_INPUT(GARDENER(", 'allowPrivilegedContainers': false"), "", KYMA("1.11.0", "")), false,
          "{'allowPrivilegedContainers': false}" },
        { PROVISION_INPUT(GARDENER(", 'allowPrivilegedContainers': null"), "", KYMA("1.24.5", "")), false,
          "{'allowPrivilegedContainers': false}" },
        { PROVISION_INPUT(GARDENER(""), "", ""), false, "{'allowPrivilegedContainers': false}" },
        { PROVISION_INPUT(GARDENER(""), "", ""), true, "{'allowPrivilegedContainers': true}" },
        { PROVISION_INPUT(GARDENER(", 'allowPrivilegedContainers': false"), "", ""), true,
          "{'allowPrivilegedContainers': true}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct runtime_settings set = runtime_scene_settings;
        struct scene *scene;

        set.privileged_containers = cases[i].forced;
        scene = scene_new(&runtime_core, &set);
        when(scene, PROVISION, "r1", cases[i].data);
        then_body(scene, "cluster_config", cases[i].want);
        scene_free(scene);
    }
}

static void provisioning_goes_through_its_stages_and_learns_on_the_way(void **state)
{
    struct scene *scene = scene_empty();
    char *active, *installed;

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    stage_ends(scene, "p1", "WaitingForClusterDomain");
    driver_reports(scene, "r1",
                   "{'operationID': 'p1', 'stage': 'WaitingForClusterCreation', 'ok': true, 'gives': {'seed': 's1', "
                   "'kubeconfig': '" SEALED "', 'hibernationPossible': true, 'kubernetesVersion': '1.20.12'}}");
    then_events(scene,
                ADVANCED " r1 {'stage': 'CreatingBindingsForOperators', 'gives': {'seed': 's1', 'kubeconfig': '" SEALED
                         "', 'hibernationPossible': true}, 'clusterConfig': {'kubernetesVersion': '1.20.12'}}",
                NULL);
    then_row(scene, "kubeconfig", "r1", "{'kubeconfig': '" SEALED "'}");
    then_row(scene, "runtime", "r1",
             "{'seed': 's1', 'ready': true, 'hibernation_possible': true, 'hibernated': null, 'installed': null}");
    stages_end(scene, "p1", stages + 2, 5);
    then_events(scene, SUCCEEDED " r1 {'type': 'provision', 'message': 'Operation succeeded'}", NULL);
    then_messages(scene, NULL);
    then_row(scene, "runtime", "r1", "{'hibernated': false, 'running': false}");
    active = row_text(scene, 1, "r1", "kyma_config");
    installed = row_text(scene, 1, "r1", "installed");
    assert_string_equal(active, installed);
    free(active);
    free(installed);
    scene_free(scene);
}

static void without_kyma_nothing_is_installed_and_nothing_can_be_upgraded(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", ", 'kymaConfig': null"));
    then_outcome(scene, 200, "{'operation': 'ProvisionNoInstall'}");
    stages_end(scene, "p1", stages, 3);
    stage_ends(scene, "p1", "ConnectRuntimeAgent");
    then_events(scene, SUCCEEDED " r1 {'type': 'provisionNoInstall'}", NULL);
    then_row(scene, "runtime", "r1", "{'kyma_config': null, 'installed': null, 'kyma_version': '', 'ready': true}");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    then_outcome(
        scene, 500,
        "{'error': 'failed to upgrade cluster: r1 Kyma configuration of the cluster is managed by Reconciler', "
        "'reason': 'err_provisioner_internal'}");
    when(scene, DEPROVISION, "r1", ASKED("d1", ""));
    then_outcome(scene, 200, "{'operation': 'DeprovisionNoInstall', 'message': 'Deprovisioning started'}");
    then_calls(scene, "r1 d1 DeprovisionCluster", NULL);
    stages_end(scene, "d1", (const char *[]){ "DeprovisionCluster", "WaitForClusterDeletion" }, 2);
    then_events(scene, SUCCEEDED " r1 {'type': 'deprovisionNoInstall'}", NULL);
    then_messages(scene, NULL);
    many_records_passed(scene);
    scene_free(scene);
}

static void a_failed_provisioning_leaves_what_can_only_be_deprovisioned(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    driver_reports(
        scene, "r1",
        "{'operationID': 'p1', 'stage': 'WaitingForClusterDomain', 'ok': false, 'message': 'quota', 'reason': "
        "'ERR_QUOTA', 'component': 'gardener'}");
    then_row(scene, "operation", "r1\np1",
             "{'state': 'failed', 'message': 'quota', 'last_error': {'errMessage': 'quota', 'reason': 'ERR_QUOTA', "
             "'component': 'gardener'}}");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    then_outcome(scene, 400,
                 "{'error': 'failed to upgrade cluster: runtime r1 was never ready, so there is nothing to upgrade'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, NULL);
    when(scene, DEPROVISION, "r1", ASKED("d1", ""));
    then_outcome(scene, 200, "{'operation': 'Deprovision'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void provisioning_again_is_harmless_and_answered_the_same(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    for (int i = 0; i < 2; i++) {
        when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
        then_outcome(scene, 200, "{'id': 'p1', 'operation': 'Provision', 'runtimeID': 'r1'}");
    }
    then_events(scene, NULL);
    scene_free(scene);
}

static void a_runtime_is_provisioned_once(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    then_events(scene, REJECTED " r1 {'operationID': 'p1', 'reason': 'runtime r1 exists already'}", NULL);
    then_outcome(scene, 400, "{'error': 'runtime r1 exists already'}");
    scene_free(scene);
}

#define KYMA_FAULT "Kyma config validation error while starting Runtime provisioning, error: "
#define CLUSTER_FAULT "Cluster config validation error while starting Runtime provisioning, error: "
#define NO_TENANT(gardener, kyma)                                                                                  \
    "{'operationID': 'p1', 'input': {'runtimeInput': {'name': 'b'}, 'clusterConfig': {'gardenerConfig': " gardener \
    "}" kyma "}}"

static void an_input_that_is_wrong_is_refused_by_the_first_check(void **state)
{
    static const struct {
        const char *data, *want_error;
    } cases[] = {
        { "{'tenant': 'ga1', 'operationID': 'p1', 'input': {'runtimeInput': {'name': 'b', 'labels': [1]}}}",
          "unexpected Labels type: must be an object" },
        { "{'tenant': 'ga1', 'operationID': 'p1'}", "runtimeInput: must be an object" },
        { "{'tenant': 'ga1'}", "runtimeID and operationID: must have 1 to 44 printable characters" },
        { NO_TENANT(GARDENER(", 'machineImageVersion': '1'"), ", 'kymaConfig': {'version': '9', 'components': []}"),
          KYMA_FAULT "Kyma components list is empty" },
        { NO_TENANT(GARDENER(""),
                    ", 'kymaConfig': {'version': '9', 'components': [{'component': 'a', 'namespace': 'b'}]}"),
          KYMA_FAULT "Kyma components list does not contain Compass Runtime Agent" },
        { NO_TENANT(GARDENER(""), KYMA("9", ", 'configuration': [null]")),
          KYMA_FAULT "configuration[0]: must not be null" },
        { NO_TENANT(GARDENER(""), KYMA("9", SECRET_ENTRY("t0p"))), KYMA_FAULT "secret values must be sealed" },
        { NO_TENANT(GARDENER(", 'machineImageVersion': '1'"), KYMA("9", "")),
          CLUSTER_FAULT "Machine Image Version passed while Machine Image is empty" },
        { NO_TENANT(GARDENER(", 'provider': 'OpenStack', 'diskType': 'x'"), KYMA("9", "")),
          CLUSTER_FAULT "OpenStack mutation does not accept diskType or volumeSizeGb parameters" },
        { NO_TENANT(GARDENER(", 'providerSpecificConfig': {'awsConfig': {'vpcCidr': 'x', 'awsZones': [null]}}"), ""),
          CLUSTER_FAULT "awsZones[0]: must not be null" },
        { NO_TENANT(GARDENER(", 'dnsConfig': {'domain': 'x', 'providers': [null]}"), ""),
          CLUSTER_FAULT "providers[0]: must not be null" },
        { NO_TENANT(GARDENER(", 'volumeSizeGB': 'x'"), ""), CLUSTER_FAULT "volumeSizeGB: must be an integer" },
        { NO_TENANT(GARDENER(""), KYMA("9", "")), "tenant header is empty" },
        { PROVISION_INPUT(GARDENER(", 'providerSpecificConfig': {}"), "", KYMA("9", "")),
          "failed to get Kyma Release with version 9: there is no such release; there are: 1.11.0, 1.20.4, 1.24.5, "
          "2.3.0, 2.4.2" },
        { PROVISION_INPUT(GARDENER(", 'providerSpecificConfig': {'gcpConfig': null}"), "", KYMA("1.24.5", "")),
          "provider config not specified" },
        { PROVISION_INPUT(GARDENER(""), ", 'administrators': [null]", ""),
          CLUSTER_FAULT "administrators[0]: must not be null" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_empty();
        char want[512];

        when(scene, PROVISION, "r1", cases[i].data);
        snprintf(want, sizeof want,
                 "{'error': '%s', 'reason': 'err_provisioner_bad_request', 'component': "
                 "'provisioner'}",
                 cases[i].want_error);
        then_outcome(scene, 400, want);
        snprintf(want, sizeof want, REJECTED " r1 {'reason': '%s'}", cases[i].want_error);
        then_events(scene, want, NULL);
        then_row(scene, "runtime", "r1", NULL);
        scene_free(scene);
    }
}

static void of_several_provider_configs_the_first_one_counts(void **state)
{
    struct scene *scene = scene_empty();
    char *hash;
    json_t *row;

    (void)state;
    when(scene, PROVISION, "r1",
         PROVISION_INPUT(GARDENER(", 'providerSpecificConfig': {'awsConfig': {'vpcCidr': 'x', 'awsZones': []}, "
                                  "'azureConfig': {'vnetCidr': 'y'}}"),
                         "", ""));
    hash = row_text(scene, 1, "r1", "cluster_config");
    row = runtime_core.row(scene_state(scene), 0, hash);
    assert_int_equal(json_object_size(json_object_get(json_object_get(row, "body"), "providerSpecificConfig")), 1);
    then_body(scene, "cluster_config", "{'providerSpecificConfig': {'azureConfig': {'vnetCidr': 'y'}}}");
    json_decref(row);
    free(hash);
    scene_free(scene);
}

static void a_runtime_that_was_provisioned_here_is_no_instance_s(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), "", KYMA("1.24.5", "")));
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    then_outcome(scene, 409, "{'error': 'runtime r1 was provisioned without an instance'}");
    scene_free(scene);
}

static void the_driver_gets_the_cluster_with_its_first_stages(void **state)
{
    struct scene *scene = scene_empty();
    struct calls calls = { 0 };
    const json_t *detail;

    (void)state;
    when(scene, PROVISION, "r1", PROVISION_INPUT(GARDENER(""), ", 'administrators': ['ann']", KYMA("1.24.5", "")));
    runtime_core.resume(scene_state(scene), &calls);
    detail = calls.items[0].detail;
    assert_string_equal(json_string_value(json_object_get(detail, "shootName")), "blue7");
    assert_string_equal(json_string_value(json_object_get(detail, "subAccount")), "sa1");
    assert_string_equal(json_string_value(json_object_get(json_object_get(detail, "clusterConfig"), "provider")),
                        "gcp");
    calls_release(&calls);
    stages_end(scene, "p1", stages, 2);
    runtime_core.resume(scene_state(scene), &calls);
    assert_int_equal(json_array_size(json_object_get(calls.items[0].detail, "administrators")), 1);
    calls_release(&calls);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(provisioning_makes_a_runtime_known_and_starts_in_one_record),
        cmocka_unit_test(a_cluster_is_stored_as_asked_for_with_its_defaults),
        cmocka_unit_test(privileged_containers_are_allowed_where_tiller_is_shipped_or_all_must),
        cmocka_unit_test(provisioning_goes_through_its_stages_and_learns_on_the_way),
        cmocka_unit_test(without_kyma_nothing_is_installed_and_nothing_can_be_upgraded),
        cmocka_unit_test(a_failed_provisioning_leaves_what_can_only_be_deprovisioned),
        cmocka_unit_test(provisioning_again_is_harmless_and_answered_the_same),
        cmocka_unit_test(a_runtime_is_provisioned_once),
        cmocka_unit_test(an_input_that_is_wrong_is_refused_by_the_first_check),
        cmocka_unit_test(of_several_provider_configs_the_first_one_counts),
        cmocka_unit_test(a_runtime_that_was_provisioned_here_is_no_instance_s),
        cmocka_unit_test(the_driver_gets_the_cluster_with_its_first_stages),
    };

    return cmocka_run_group_tests_name("runtime: provision", tests, runtime_scene_setup, runtime_scene_teardown);
}
