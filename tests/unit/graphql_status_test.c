#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/api-gateway/config_cache.h"
#include "services/api-gateway/graphql_status.h"

/* `value` (own) is `want`, whatever the order of members. */
static void assert_is(json_t *value, const char *want)
{
    json_t *wanted = json_loads(want, JSON_DECODE_ANY, NULL);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    assert_non_null(wanted);
    if (!json_equal(value, wanted))
        fail_msg("got  %s\nwant %s", text, want);
    free(text);
    json_decref(wanted);
    json_decref(value);
}

static json_t *cluster(const char *body)
{
    json_t *json = json_loads(body, JSON_DECODE_ANY, NULL), *value = status_cluster_config(json);

    json_decref(json);
    return value;
}

static json_t *kyma(const char *body)
{
    json_t *json = json_loads(body, JSON_DECODE_ANY, NULL), *value = status_kyma_config(json);

    json_decref(json);
    return value;
}

/* The member `name` of `object` (own), alone. */
static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_incref(json_object_get(object, name));

    json_decref(object);
    return value;
}

static void an_operation_is_told_in_the_words_of_the_schema(void **state)
{
    static const struct {
        const char *type, *state, *want_type, *want_state;
    } rows[] = {
        { "provision", "in progress", "Provision", "InProgress" },
        { "provisionNoInstall", "succeeded", "ProvisionNoInstall", "Succeeded" },
        { "upgradeKyma", "failed", "Upgrade", "Failed" },
        { "upgradeShoot", "in progress", "UpgradeShoot", "InProgress" },
        { "hibernate", "in progress", "Hibernate", "InProgress" },
        { "deprovision", "in progress", "Deprovision", "InProgress" },
        { "deprovisionNoInstall", "in progress", "DeprovisionNoInstall", "InProgress" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *value = status_operation(
            &(struct status_operation){ .id = "o", .type = rows[i].type, .state = rows[i].state, .runtime_id = "r" });

        assert_string_equal(json_string_value(json_object_get(value, "operation")), rows[i].want_type);
        assert_string_equal(json_string_value(json_object_get(value, "state")), rows[i].want_state);
        json_decref(value);
    }
}

static void an_operation_has_a_message_and_maybe_a_last_error(void **state)
{
    const struct status_operation operation = {
        "o", "hibernate", "failed", "50% of it", "r", "{\"errMessage\":\"m\",\"reason\":\"r\",\"component\":\"c\"}"
    };
    const struct status_operation silent = { "o", "hibernate", "failed", NULL, "r", NULL };

    (void)state;
    assert_is(status_operation(&operation),
              "{\"id\":\"o\",\"operation\":\"Hibernate\",\"state\":\"Failed\",\"message\":\"50% of it\","
              "\"runtimeID\":\"r\",\"lastError\":{\"errMessage\":\"m\",\"reason\":\"r\",\"component\":\"c\"}}");
    assert_is(member(status_operation(&silent), "message"), "\"\"");
    assert_null(json_object_get(status_operation(&(struct status_operation){ 0 }), "id"));
    assert_is(status_operation(&(struct status_operation){ 0 }), "null");
}

static void a_cluster_has_the_members_of_the_schema_alone(void **state)
{
    (void)state;
    assert_is(cluster("{\"name\":\"n\",\"volumeSizeGB\":50,\"purpose\":\"\",\"seed\":null,\"autoScalerMin\":0,"
                      "\"enableKubernetesVersionAutoUpdate\":false,\"licenceType\":\"TestDevelopment\",\"other\":1,"
                      "\"provider\":\"azure\",\"dnsConfig\":{\"domain\":\"d\",\"providers\":[]},"
                      "\"oidcConfig\":{\"clientID\":\"c\",\"signingAlgs\":[\"RS256\"]}}"),
              "{\"__typename\":\"GardenerConfig\",\"name\":\"n\",\"volumeSizeGB\":50,\"purpose\":\"\","
              "\"autoScalerMin\":0,\"enableKubernetesVersionAutoUpdate\":false,\"licenceType\":\"TestDevelopment\","
              "\"provider\":\"azure\",\"dnsConfig\":{\"domain\":\"d\",\"providers\":[]},\"oidcConfig\":{\"clientID\":"
              "\"c\",\"groupsClaim\":\"\",\"issuerURL\":\"\",\"usernameClaim\":\"\",\"usernamePrefix\":\"\","
              "\"signingAlgs\":[\"RS256\"]}}");
}

static void what_clients_rely_on_is_never_null(void **state)
{
    static const char *const bodies[] = { "{}", "null", "[]", "{\"oidcConfig\":null,\"provider\":null}" };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_is(cluster(bodies[i]),
                  "{\"__typename\":\"GardenerConfig\",\"provider\":\"\",\"oidcConfig\":{"
                  "\"clientID\":\"\",\"groupsClaim\":\"\",\"issuerURL\":\"\",\"usernameClaim\":\"\","
                  "\"usernamePrefix\":\"\",\"signingAlgs\":[]}}");
}

static void the_provider_is_the_one_that_was_given(void **state)
{
    static const struct {
        const char *specific, *want;
    } rows[] = {
        { "{\"gcpConfig\":{\"zones\":[\"a\",\"b\"]}}",
          "{\"__typename\":\"GCPProviderConfig\",\"zones\":[\"a\",\"b\"],\"zone\":\"a\"}" },
        { "{\"gcpConfig\":{\"zones\":[]}}", "{\"__typename\":\"GCPProviderConfig\",\"zones\":[]}" },
        { "{\"azureConfig\":{\"vnetCidr\":\"v\",\"zones\":null},\"gcpConfig\":null}",
          "{\"__typename\":\"AzureProviderConfig\",\"vnetCidr\":\"v\"}" },
        { "{\"awsConfig\":{\"vpcCidr\":\"v\",\"awsZones\":[{\"name\":\"z\",\"publicCidr\":\"p\",\"internalCidr\":\"i\","
          "\"workerCidr\":\"w\"},{\"name\":\"y\"}]}}",
          "{\"__typename\":\"AWSProviderConfig\",\"vpcCidr\":\"v\",\"awsZones\":[{\"name\":\"z\",\"publicCidr\":\"p\","
          "\"internalCidr\":\"i\",\"workerCidr\":\"w\"},{\"name\":\"y\"}],\"zone\":\"z\",\"publicCidr\":\"p\","
          "\"internalCidr\":\"i\"}" },
        { "{\"awsConfig\":{\"vpcCidr\":\"v\"}}",
          "{\"__typename\":\"AWSProviderConfig\",\"vpcCidr\":\"v\",\"awsZones\":[]}" },
        { "{\"openStackConfig\":{\"zones\":[\"z\"],\"floatingPoolName\":\"f\",\"cloudProfileName\":\"c\","
          "\"loadBalancerProvider\":\"l\"}}",
          "{\"__typename\":\"OpenStackProviderConfig\",\"zones\":[\"z\"],\"floatingPoolName\":\"f\","
          "\"cloudProfileName\":\"c\",\"loadBalancerProvider\":\"l\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char body[512];

        snprintf(body, sizeof body, "{\"provider\":\"x\",\"providerSpecificConfig\":%s}", rows[i].specific);
        assert_is(member(cluster(body), "providerSpecificConfig"), rows[i].want);
    }
    assert_is(member(cluster("{\"providerSpecificConfig\":{\"openStackConfig\":{}}}"), "provider"), "\"openstack\"");
}

static void name_and_seed_are_the_rows(void **state)
{
    json_t *value = cluster("{\"name\":\"n\",\"seed\":\"s\"}"), *other;

    (void)state;
    other = status_cluster_config_named(value, "n", "s");
    assert_ptr_equal(other, value);
    json_decref(other);
    other = status_cluster_config_named(value, "m", "");
    assert_string_equal(json_string_value(json_object_get(other, "name")), "m");
    assert_string_equal(json_string_value(json_object_get(other, "seed")), "");
    assert_string_equal(json_string_value(json_object_get(value, "name")), "n");
    json_decref(other);
    json_decref(value);
}

static void a_kyma_configuration_keeps_its_order(void **state)
{
    (void)state;
    assert_is(kyma(
                  "{\"version\":\"1.24.5\",\"profile\":\"Evaluation\",\"conflictStrategy\":\"Replace\",\"components\":["
                  "{\"component\":\"b\",\"namespace\":\"n\",\"sourceURL\":\"u\",\"conflictStrategy\":null,"
                  "\"configuration\":[{\"key\":\"k\",\"value\":\"v\",\"secret\":true}]},"
                  "{\"component\":\"a\",\"namespace\":\"n\",\"sourceURL\":null,\"configuration\":null}],"
                  "\"configuration\":[{\"key\":\"k\",\"value\":\"v\",\"secret\":false}]}"),
              "{\"version\":\"1.24.5\",\"profile\":\"Evaluation\",\"components\":["
              "{\"component\":\"b\",\"namespace\":\"n\",\"sourceURL\":\"u\",\"configuration\":[{\"key\":\"k\","
              "\"value\":\"v\",\"secret\":true}]},{\"component\":\"a\",\"namespace\":\"n\",\"configuration\":[]}],"
              "\"configuration\":[{\"key\":\"k\",\"value\":\"v\",\"secret\":false}]}");
}

static void an_imported_kyma_configuration_may_be_anything(void **state)
{
    (void)state;
    assert_is(kyma("null"), "null");
    assert_is(kyma("{}"), "{\"components\":[],\"configuration\":[]}");
    assert_is(kyma("{\"components\":{},\"configuration\":[null,5,{\"key\":\"k\",\"value\":5,\"secret\":null}]}"),
              "{\"components\":[],\"configuration\":[{\"key\":\"k\",\"value\":\"5\",\"secret\":false}]}");
    assert_is(kyma("{\"components\":[null,\"x\",{}]}"),
              "{\"components\":[{\"component\":\"\",\"namespace\":\"\",\"configuration\":[]}],\"configuration\":[]}");
}

static void hibernation_is_null_until_it_is_known(void **state)
{
    (void)state;
    assert_is(status_hibernation(STATUS_NOT_KNOWN, STATUS_YES), "null");
    assert_is(status_hibernation(STATUS_NO, STATUS_NOT_KNOWN), "{\"hibernated\":false,\"hibernationPossible\":false}");
    assert_is(status_hibernation(STATUS_YES, STATUS_YES), "{\"hibernated\":true,\"hibernationPossible\":true}");
    assert_is(status_connection(), "{\"status\":\"Pending\",\"errors\":null}");
}

/* --- Configurations that are kept --- */

static const char secret_body[] = "{\"configuration\":[{\"key\":\"k\",\"value\":\"sealed:v1:a:b\",\"secret\":true}]}";

static void a_configuration_is_found_by_kind_and_hash(void **state)
{
    struct config_cache *cache = config_cache_new(1 << 20);

    (void)state;
    assert_null(config_cache_find(cache, CONFIG_KYMA, "h"));
    config_cache_add(cache, CONFIG_KYMA, "h", "{\"version\":\"1.2.3\"}");
    assert_non_null(config_cache_find(cache, CONFIG_KYMA, "h"));
    assert_null(config_cache_find(cache, CONFIG_CLUSTER, "h"));
    config_cache_add(cache, CONFIG_KYMA, "h", "{\"version\":\"1.2.4\"}");
    assert_string_equal(json_string_value(
                            json_object_get(cached_config_kyma(config_cache_find(cache, CONFIG_KYMA, "h")), "version")),
                        "1.2.4");
    config_cache_free(cache);
}

static void secret_values_are_masked_and_not_kept(void **state)
{
    struct config_cache *cache = config_cache_new(1 << 20);
    const struct cached_config *found = config_cache_add(cache, CONFIG_KYMA, "h", secret_body);
    char *text = json_dumps(cached_config_kyma(found), 0);

    (void)state;
    assert_null(strstr(text, "sealed:"));
    assert_non_null(strstr(text, "*****"));
    assert_true(cached_config_has_secrets(found));
    free(text);
    found = config_cache_add(cache, CONFIG_KYMA, "i", "{\"configuration\":[]}");
    assert_false(cached_config_has_secrets(found));
    config_cache_free(cache);
}

static void the_least_recently_used_is_dropped_beyond_the_size(void **state)
{
    struct config_cache *cache = config_cache_new(16 * 1024);
    char hash[16];

    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(hash, sizeof hash, "%d", i);
        config_cache_add(cache, CONFIG_CLUSTER, hash, "{}");
        assert_non_null(config_cache_find(cache, CONFIG_CLUSTER, "0"));
    }
    assert_non_null(config_cache_find(cache, CONFIG_CLUSTER, "99"));
    assert_null(config_cache_find(cache, CONFIG_CLUSTER, "1"));
    config_cache_free(cache);
}

static void one_too_large_is_kept_until_the_next(void **state)
{
    struct config_cache *cache = config_cache_new(1);

    (void)state;
    assert_non_null(config_cache_add(cache, CONFIG_CLUSTER, "a", "{}"));
    assert_non_null(config_cache_add(cache, CONFIG_CLUSTER, "b", NULL));
    assert_null(config_cache_find(cache, CONFIG_CLUSTER, "a"));
    config_cache_free(cache);
}

static void runtimes_share_a_cluster_configuration_but_for_name_and_seed(void **state)
{
    struct config_cache *cache = config_cache_new(1 << 20);
    struct cached_config *found = config_cache_add(cache, CONFIG_CLUSTER, "h", "{\"name\":\"\",\"region\":\"r\"}");
    json_t *first = cached_config_cluster(found, "a", "s"), *second = cached_config_cluster(found, "b", "s"),
           *third = cached_config_cluster(found, "b", "s");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(first, "name")), "a");
    assert_string_equal(json_string_value(json_object_get(second, "name")), "b");
    assert_string_equal(json_string_value(json_object_get(second, "region")), "r");
    assert_ptr_equal(second, third);
    json_decref(first);
    json_decref(second);
    json_decref(third);
    config_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_is_told_in_the_words_of_the_schema),
        cmocka_unit_test(an_operation_has_a_message_and_maybe_a_last_error),
        cmocka_unit_test(a_cluster_has_the_members_of_the_schema_alone),
        cmocka_unit_test(what_clients_rely_on_is_never_null),
        cmocka_unit_test(the_provider_is_the_one_that_was_given),
        cmocka_unit_test(name_and_seed_are_the_rows),
        cmocka_unit_test(a_kyma_configuration_keeps_its_order),
        cmocka_unit_test(an_imported_kyma_configuration_may_be_anything),
        cmocka_unit_test(hibernation_is_null_until_it_is_known),
        cmocka_unit_test(a_configuration_is_found_by_kind_and_hash),
        cmocka_unit_test(secret_values_are_masked_and_not_kept),
        cmocka_unit_test(the_least_recently_used_is_dropped_beyond_the_size),
        cmocka_unit_test(one_too_large_is_kept_until_the_next),
        cmocka_unit_test(runtimes_share_a_cluster_configuration_but_for_name_and_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
