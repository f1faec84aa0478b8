#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "services/api-gateway/shown_config.h"

#define EMPTY_KYMA \
    "{\"version\":\"\",\"profile\":null,\"components\":null,\"configuration\":null,\"conflictStrategy\":null}"
#define EMPTY_CLUSTER                                                                                             \
    "{\"name\":\"\",\"kubernetesVersion\":\"\",\"volumeSizeGB\":null,\"machineType\":\"\",\"machineImage\":null," \
    "\"machineImageVersion\":null,\"diskType\":null,\"provider\":\"\",\"purpose\":null,\"licenceType\":null,"     \
    "\"seed\":null,\"targetSecret\":\"\",\"region\":\"\",\"workerCidr\":\"\",\"autoScalerMin\":0,"                \
    "\"autoScalerMax\":0,\"maxSurge\":0,\"maxUnavailable\":0,\"enableKubernetesVersionAutoUpdate\":null,"         \
    "\"enableMachineImageVersionAutoUpdate\":null,\"allowPrivilegedContainers\":null,"                            \
    "\"providerSpecificConfig\":null,\"dnsConfig\":null,\"oidcConfig\":null,\"exposureClassName\":null}"

static void shows(json_t *shown, const char *want)
{
    char *text = json_dumps(shown, JSON_COMPACT);

    assert_string_equal(text, want);
    free(text);
    json_decref(shown);
}

static void shows_kyma(const char *body, const char *want)
{
    json_t *json = json_loads(body, JSON_DECODE_ANY, NULL);

    assert_non_null(json);
    shows(shown_kyma_config(json), want);
    json_decref(json);
}

static void shows_cluster(const char *body, enum shown_cluster which, const char *want)
{
    json_t *json = json_loads(body, JSON_DECODE_ANY, NULL);

    assert_non_null(json);
    shows(shown_cluster_config(json, which), want);
    json_decref(json);
}

static void before_anything_is_sent_every_member_is_there_and_empty(void **state)
{
    (void)state;
    shows(shown_kyma_config(NULL), EMPTY_KYMA);
    shows(shown_cluster_config(NULL, SHOWN_CLUSTER_UPGRADE), EMPTY_CLUSTER);
    shows_kyma("null", EMPTY_KYMA);
    shows_cluster("{}", SHOWN_CLUSTER_WHOLE, EMPTY_CLUSTER);
}

static void what_kyma_lacks_is_null_and_nothing_is_left_out(void **state)
{
    (void)state;
    shows_kyma(
        "{\"version\":\"1.24.7\",\"profile\":\"Production\",\"conflictStrategy\":\"Replace\",\"configuration\":[],"
        "\"components\":[{\"component\":\"istio\",\"namespace\":\"istio-system\"},"
        "{\"component\":\"x\",\"namespace\":\"y\",\"sourceURL\":\"https://x\",\"conflictStrategy\":\"Merge\","
        "\"configuration\":[{\"key\":\"k\",\"value\":\"v\"},{\"key\":\"l\",\"value\":\"w\",\"secret\":false}]}]}",
        "{\"version\":\"1.24.7\",\"profile\":\"Production\",\"components\":["
        "{\"component\":\"istio\",\"namespace\":\"istio-system\",\"configuration\":null,\"sourceURL\":null,"
        "\"conflictStrategy\":null},"
        "{\"component\":\"x\",\"namespace\":\"y\",\"configuration\":[{\"key\":\"k\",\"value\":\"v\",\"secret\":null},"
        "{\"key\":\"l\",\"value\":\"w\",\"secret\":false}],\"sourceURL\":\"https://x\","
        "\"conflictStrategy\":\"Merge\"}],\"configuration\":[],\"conflictStrategy\":\"Replace\"}");
}

static void secret_values_are_masked_wherever_they_stand(void **state)
{
    (void)state;
    shows_kyma(
        "{\"configuration\":[{\"key\":\"a\",\"value\":\"plain\",\"secret\":true},"
        "{\"key\":\"b\",\"value\":\"sealed:v1:k:x\",\"secret\":true},"
        "{\"key\":\"c\",\"value\":\"p\",\"secret\":\"true\"}],"
        "\"components\":[{\"component\":\"x\",\"namespace\":\"y\","
        "\"configuration\":[{\"key\":\"d\",\"value\":\"\",\"secret\":true}]}]}",
        "{\"version\":\"\",\"profile\":null,\"components\":[{\"component\":\"x\",\"namespace\":\"y\","
        "\"configuration\":[{\"key\":\"d\",\"value\":\"*****\",\"secret\":true}],\"sourceURL\":null,"
        "\"conflictStrategy\":null}],\"configuration\":[{\"key\":\"a\",\"value\":\"*****\",\"secret\":true},"
        "{\"key\":\"b\",\"value\":\"*****\",\"secret\":true},{\"key\":\"c\",\"value\":\"*****\",\"secret\":true}],"
        "\"conflictStrategy\":null}");
}

#define CLUSTER                                                                                                   \
    "{\"name\":\"c-1\",\"kubernetesVersion\":\"1.20.8\",\"machineType\":\"m5\",\"machineImage\":\"gardenlinux\"," \
    "\"autoScalerMin\":2,\"autoScalerMax\":4,\"maxSurge\":1,\"enableKubernetesVersionAutoUpdate\":true,"          \
    "\"volumeSizeGB\":50,\"provider\":\"aws\",\"providerSpecificConfig\":{\"awsConfig\":{\"vpcCidr\":\"10/8\"}}," \
    "\"oidcConfig\":{\"clientID\":\"id\",\"signingAlgs\":[\"RS256\"]}}"
#define CLUSTER_OIDC                                                                                                   \
    "{\"clientID\":\"id\",\"groupsClaim\":\"\",\"issuerURL\":\"\",\"signingAlgs\":[\"RS256\"],\"usernameClaim\":\"\"," \
    "\"usernamePrefix\":\"\"}"

static void of_an_upgraded_cluster_only_what_an_upgrade_fills_is_shown(void **state)
{
    (void)state;
    shows_cluster(CLUSTER, SHOWN_CLUSTER_UPGRADE,
                  "{\"name\":\"\",\"kubernetesVersion\":\"1.20.8\",\"volumeSizeGB\":null,\"machineType\":\"\","
                  "\"machineImage\":\"gardenlinux\",\"machineImageVersion\":null,\"diskType\":null,\"provider\":\"\","
                  "\"purpose\":null,\"licenceType\":null,\"seed\":null,\"targetSecret\":\"\",\"region\":\"\","
                  "\"workerCidr\":\"\",\"autoScalerMin\":2,\"autoScalerMax\":4,\"maxSurge\":1,\"maxUnavailable\":0,"
                  "\"enableKubernetesVersionAutoUpdate\":true,\"enableMachineImageVersionAutoUpdate\":null,"
                  "\"allowPrivilegedContainers\":null,\"providerSpecificConfig\":null,\"dnsConfig\":null,"
                  "\"oidcConfig\":" CLUSTER_OIDC ",\"exposureClassName\":null}");
}

static void a_whole_cluster_shows_all_that_it_has(void **state)
{
    (void)state;
    shows_cluster(
        CLUSTER, SHOWN_CLUSTER_WHOLE,
        "{\"name\":\"c-1\",\"kubernetesVersion\":\"1.20.8\",\"volumeSizeGB\":50,\"machineType\":\"m5\","
        "\"machineImage\":\"gardenlinux\",\"machineImageVersion\":null,\"diskType\":null,\"provider\":\"aws\","
        "\"purpose\":null,\"licenceType\":null,\"seed\":null,\"targetSecret\":\"\",\"region\":\"\","
        "\"workerCidr\":\"\",\"autoScalerMin\":2,\"autoScalerMax\":4,\"maxSurge\":1,\"maxUnavailable\":0,"
        "\"enableKubernetesVersionAutoUpdate\":true,\"enableMachineImageVersionAutoUpdate\":null,"
        "\"allowPrivilegedContainers\":null,\"providerSpecificConfig\":{\"gcpConfig\":null,\"azureConfig\":null,"
        "\"awsConfig\":{\"vpcCidr\":\"10/8\"},\"openStackConfig\":null},\"dnsConfig\":null,"
        "\"oidcConfig\":" CLUSTER_OIDC ",\"exposureClassName\":null}");
}

static void a_value_of_another_type_counts_as_absent(void **state)
{
    (void)state;
    shows_cluster("{\"name\":7,\"volumeSizeGB\":\"50\",\"autoScalerMin\":\"2\",\"oidcConfig\":[],\"purpose\":{}}",
                  SHOWN_CLUSTER_WHOLE, EMPTY_CLUSTER);
    shows_kyma("{\"version\":1,\"components\":{},\"configuration\":\"x\",\"profile\":[]}", EMPTY_KYMA);
    shows_kyma("[]", EMPTY_KYMA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_is_sent_every_member_is_there_and_empty),
        cmocka_unit_test(what_kyma_lacks_is_null_and_nothing_is_left_out),
        cmocka_unit_test(secret_values_are_masked_wherever_they_stand),
        cmocka_unit_test(of_an_upgraded_cluster_only_what_an_upgrade_fills_is_shown),
        cmocka_unit_test(a_whole_cluster_shows_all_that_it_has),
        cmocka_unit_test(a_value_of_another_type_counts_as_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
