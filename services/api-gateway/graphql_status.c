#include "services/api-gateway/graphql_status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/lenient.h"

/* --- Operations --- */

struct word {
    const char *stored, *answered;
};

static const struct word types[] = {
    { "provision", "Provision" },
    { "provisionNoInstall", "ProvisionNoInstall" },
    { "upgradeKyma", "Upgrade" },
    { "upgradeShoot", "UpgradeShoot" },
    { "hibernate", "Hibernate" },
    { "deprovision", "Deprovision" },
    { "deprovisionNoInstall", "DeprovisionNoInstall" },
    { NULL, NULL },
};

static const struct word states[] = {
    { "in progress", "InProgress" },
    { "succeeded", "Succeeded" },
    { "failed", "Failed" },
    { NULL, NULL },
};

/* An unknown word is answered as it is, so that GraphQL's complaint about the enum names it. */
static const char *answered(const struct word *words, const char *stored)
{
    if (stored == NULL)
        return "";
    for (; words->stored != NULL; words++)
        if (strcmp(words->stored, stored) == 0)
            return words->answered;
    return stored;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    json_object_set_new_nocheck(object, name, json_text(text != NULL ? text : ""));
}

json_t *status_operation(const struct status_operation *operation)
{
    json_t *value;

    if (operation->id == NULL)
        return json_null();
    value = json_object();
    set_text(value, "id", operation->id);
    set_text(value, "operation", answered(types, operation->type));
    set_text(value, "state", answered(states, operation->state));
    set_text(value, "message", operation->message);
    set_text(value, "runtimeID", operation->runtime_id);
    if (operation->last_error != NULL)
        json_object_set_new_nocheck(value, "lastError", json_loads(operation->last_error, JSON_DECODE_ANY, NULL));
    return value;
}

/* --- Parts of bodies --- */

static bool is_null(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

static void copy(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (!is_null(value))
        json_object_set_nocheck(to, name, value);
}

/* A text that the schema wants to be one: bodies that were imported may lack it, or have a number. */
static void copy_text(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);
    char *dump;

    if (json_is_string(value)) {
        json_object_set_nocheck(to, name, value);
    } else if (is_null(value)) {
        json_object_set_new_nocheck(to, name, json_string(""));
    } else {
        dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        json_object_set_new_nocheck(to, name, json_text(dump != NULL ? dump : ""));
        free(dump);
    }
}

static void copy_list(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    if (json_is_array(value))
        json_object_set_nocheck(to, name, value);
    else
        json_object_set_new_nocheck(to, name, json_array());
}

/* --- Cluster configuration --- */

static json_t *map_gcp(const json_t *config)
{
    json_t *value = json_pack("{s:s}", "__typename", "GCPProviderConfig");
    json_t *first = json_array_get(json_object_get(config, "zones"), 0);

    copy(value, config, "zones");
    if (first != NULL)
        json_object_set_nocheck(value, "zone", first);
    return value;
}

static json_t *map_azure(const json_t *config)
{
    json_t *value = json_pack("{s:s}", "__typename", "AzureProviderConfig");

    copy(value, config, "vnetCidr");
    copy(value, config, "zones");
    return value;
}

/* The single zone of 2020 is the first of today's. */
static json_t *map_aws(const json_t *config)
{
    json_t *value = json_pack("{s:s}", "__typename", "AWSProviderConfig");
    const json_t *first = json_array_get(json_object_get(config, "awsZones"), 0);
    json_t *name = json_object_get(first, "name");

    copy(value, config, "vpcCidr");
    copy_list(value, config, "awsZones");
    copy(value, first, "publicCidr");
    copy(value, first, "internalCidr");
    if (name != NULL)
        json_object_set_nocheck(value, "zone", name);
    return value;
}

static json_t *map_open_stack(const json_t *config)
{
    json_t *value = json_pack("{s:s}", "__typename", "OpenStackProviderConfig");

    copy(value, config, "zones");
    copy_text(value, config, "floatingPoolName");
    copy_text(value, config, "cloudProfileName");
    copy_text(value, config, "loadBalancerProvider");
    return value;
}

/* Which member was given decides, not `provider`; of several the first of this order. */
static const struct provider {
    const char *member, *name;
    json_t *(*map)(const json_t *config);
} providers[] = {
    { "gcpConfig", "gcp", map_gcp },
    { "azureConfig", "azure", map_azure },
    { "awsConfig", "aws", map_aws },
    { "openStackConfig", "openstack", map_open_stack },
};
enum { PROVIDER_COUNT = sizeof providers / sizeof providers[0] };

static const struct provider *find_provider(const json_t *body)
{
    const json_t *specific = json_object_get(body, "providerSpecificConfig");

    for (size_t i = 0; i < PROVIDER_COUNT; i++)
        if (json_is_object(json_object_get(specific, providers[i].member)))
            return &providers[i];
    return NULL;
}

static void map_provider(json_t *cluster, const json_t *body)
{
    const struct provider *provider = find_provider(body);

    if (provider != NULL) {
        const json_t *specific = json_object_get(body, "providerSpecificConfig");

        json_object_set_new_nocheck(cluster, "providerSpecificConfig",
                                    provider->map(json_object_get(specific, provider->member)));
    }
    if (!json_is_string(json_object_get(cluster, "provider")))
        json_object_set_new_nocheck(cluster, "provider", json_string(provider != NULL ? provider->name : ""));
}

/* Clients read through it without a check, so there is always an object. */
static json_t *map_oidc(const json_t *config)
{
    static const char *const texts[] = { "clientID", "groupsClaim", "issuerURL", "usernameClaim", "usernamePrefix" };
    json_t *value = json_object();

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        copy_text(value, config, texts[i]);
    copy_list(value, config, "signingAlgs");
    return value;
}

json_t *status_cluster_config(const json_t *body)
{
    static const char *const names[] = {
        "name",
        "kubernetesVersion",
        "targetSecret",
        "provider",
        "region",
        "seed",
        "machineType",
        "machineImage",
        "machineImageVersion",
        "diskType",
        "volumeSizeGB",
        "workerCidr",
        "autoScalerMin",
        "autoScalerMax",
        "maxSurge",
        "maxUnavailable",
        "purpose",
        "licenceType",
        "enableKubernetesVersionAutoUpdate",
        "enableMachineImageVersionAutoUpdate",
        "allowPrivilegedContainers",
        "dnsConfig",
        "exposureClassName",
    };
    json_t *value = json_pack("{s:s}", "__typename", "GardenerConfig");

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        copy(value, body, names[i]);
    map_provider(value, body);
    json_object_set_new_nocheck(value, "oidcConfig", map_oidc(json_object_get(body, "oidcConfig")));
    return value;
}

static bool says(const json_t *object, const char *name, const char *text)
{
    const char *said = json_string_value(json_object_get(object, name));

    return said != NULL && strcmp(said, text) == 0;
}

json_t *status_cluster_config_named(json_t *cluster, const char *name, const char *seed)
{
    json_t *value;

    if (says(cluster, "name", name) && says(cluster, "seed", seed))
        return json_incref(cluster);
    value = json_copy(cluster);
    set_text(value, "name", name);
    set_text(value, "seed", seed);
    return value;
}

/* --- Kyma configuration --- */

static json_t *map_entries(const json_t *entries)
{
    json_t *value = json_array();
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry) {
        json_t *mapped;

        if (!json_is_object(entry))
            continue;
        mapped = json_object();
        copy_text(mapped, entry, "key");
        copy_text(mapped, entry, "value");
        json_object_set_new_nocheck(mapped, "secret", json_boolean(json_is_true(json_object_get(entry, "secret"))));
        json_array_append_new(value, mapped);
    }
    return value;
}

static json_t *map_components(const json_t *components)
{
    json_t *value = json_array();
    json_t *component;
    size_t i;

    json_array_foreach(components, i, component) {
        json_t *mapped;

        if (!json_is_object(component))
            continue;
        mapped = json_object();
        copy_text(mapped, component, "component");
        copy_text(mapped, component, "namespace");
        copy(mapped, component, "sourceURL");
        json_object_set_new_nocheck(mapped, "configuration", map_entries(json_object_get(component, "configuration")));
        json_array_append_new(value, mapped);
    }
    return value;
}

json_t *status_kyma_config(const json_t *body)
{
    json_t *value;

    if (!json_is_object(body))
        return json_null();
    value = json_object();
    copy(value, body, "version");
    copy(value, body, "profile");
    json_object_set_new_nocheck(value, "components", map_components(json_object_get(body, "components")));
    json_object_set_new_nocheck(value, "configuration", map_entries(json_object_get(body, "configuration")));
    return value;
}

/* --- What is told about the cluster --- */

json_t *status_connection(void)
{
    return json_pack("{s:s, s:n}", "status", "Pending", "errors");
}

json_t *status_hibernation(enum status_known hibernated, enum status_known possible)
{
    if (hibernated == STATUS_NOT_KNOWN)
        return json_null();
    return json_pack("{s:b, s:b}", "hibernated", hibernated == STATUS_YES, "hibernationPossible",
                     possible == STATUS_YES);
}
