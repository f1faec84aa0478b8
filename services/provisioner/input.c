#include "services/provisioner/input.h"

#include <string.h>
#include <strings.h>

#include "services/provisioner/configurations.h"
#include "services/provisioner/runtimes.h"

#define AGENT "compass-runtime-agent"

enum kind { KIND_TEXT, KIND_INTEGER, KIND_BOOLEAN, KIND_OBJECT };

struct member {
    const char *name;
    enum kind kind;
    bool upgradable; /* a GardenerUpgradeInput has it too */
    bool needed;     /* every cluster has it */
};

/* Of a cluster's configuration, without name and providerSpecificConfig. */
static const struct member cluster_members[] = {
    { "kubernetesVersion", KIND_TEXT, true, true },
    { "targetSecret", KIND_TEXT, false, false },
    { "provider", KIND_TEXT, false, true },
    { "region", KIND_TEXT, false, true },
    { "seed", KIND_TEXT, false, false },
    { "machineType", KIND_TEXT, true, true },
    { "machineImage", KIND_TEXT, true, false },
    { "machineImageVersion", KIND_TEXT, true, false },
    { "diskType", KIND_TEXT, true, false },
    { "volumeSizeGB", KIND_INTEGER, true, false },
    { "workerCidr", KIND_TEXT, false, false },
    { "autoScalerMin", KIND_INTEGER, true, true },
    { "autoScalerMax", KIND_INTEGER, true, true },
    { "maxSurge", KIND_INTEGER, true, true },
    { "maxUnavailable", KIND_INTEGER, true, true },
    { "purpose", KIND_TEXT, true, false },
    { "licenceType", KIND_TEXT, false, false },
    { "enableKubernetesVersionAutoUpdate", KIND_BOOLEAN, true, false },
    { "enableMachineImageVersionAutoUpdate", KIND_BOOLEAN, true, false },
    { "allowPrivilegedContainers", KIND_BOOLEAN, false, false },
    { "dnsConfig", KIND_OBJECT, false, false },
    { "oidcConfig", KIND_OBJECT, true, false },
    { "exposureClassName", KIND_TEXT, true, false },
};
enum { CLUSTER_MEMBER_COUNT = sizeof cluster_members / sizeof cluster_members[0] };

/* --- Values --- */

static bool is_given(const json_t *value)
{
    return value != NULL && !json_is_null(value);
}

static bool kind_fits(const json_t *value, enum kind kind)
{
    switch (kind) {
    case KIND_TEXT: return json_is_string(value);
    case KIND_INTEGER: return json_is_integer(value);
    case KIND_BOOLEAN: return json_is_boolean(value);
    case KIND_OBJECT: return json_is_object(value);
    }
    return false;
}

/* The engine has checked types already; this keeps what is stored sound whoever sent it. */
static bool check_kind(const json_t *object, const char *name, enum kind kind, struct error *err)
{
    static const char *const names[] = { "a text", "an integer", "true or false", "an object" };
    const json_t *value = json_object_get(object, name);

    if (!is_given(value) || kind_fits(value, kind))
        return true;
    return error_set(err, ERROR_INPUT, "%s: must be %s", name, names[kind]);
}

static bool check_object(const json_t *value, const char *name, struct error *err)
{
    return json_is_object(value) || error_set(err, ERROR_INPUT, "%s: must be an object", name);
}

/* A list of objects, if it is given: no null stands in it. */
static bool check_list(const json_t *object, const char *name, enum kind kind, struct error *err)
{
    const json_t *list = json_object_get(object, name);
    json_t *element;
    size_t i;

    if (is_given(list) && !json_is_array(list))
        return error_set(err, ERROR_INPUT, "%s: must be a list", name);
    json_array_foreach(list, i, element) {
        if (json_is_null(element))
            return error_set(err, ERROR_INPUT, "%s[%zu]: must not be null", name, i);
        if (!kind_fits(element, kind))
            return error_set(err, ERROR_INPUT, "%s[%zu]: must be %s", name, i,
                             kind == KIND_TEXT ? "a text" : "an object");
    }
    return true;
}

static json_t *or_null(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    return value == NULL ? json_null() : json_incref(value);
}

static bool check_size(const json_t *value, const char *name, size_t size_max, struct error *err)
{
    size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);

    return size <= size_max ||
           error_set(err, ERROR_INPUT, "%s: has %zu bytes; it may have %zu at most", name, size, size_max);
}

/* --- Kyma --- */

static bool check_entries(const json_t *object, struct error *err)
{
    json_t *entry;
    size_t i;

    if (!check_list(object, "configuration", KIND_OBJECT, err))
        return false;
    json_array_foreach(json_object_get(object, "configuration"), i, entry) {
        if (!json_is_string(json_object_get(entry, "key")) || !json_is_string(json_object_get(entry, "value")) ||
            !check_kind(entry, "secret", KIND_BOOLEAN, err))
            return error_set(err, ERROR_INPUT, "configuration[%zu]: must have a key and a value, both texts", i);
    }
    return true;
}

static bool check_component(const json_t *component, struct error *err)
{
    if (!json_is_string(json_object_get(component, "component")) ||
        !json_is_string(json_object_get(component, "namespace")))
        return error_set(err, ERROR_INPUT, "must have a component and a namespace, both texts");
    return check_kind(component, "sourceURL", KIND_TEXT, err) &&
           check_kind(component, "conflictStrategy", KIND_TEXT, err) && check_entries(component, err);
}

static bool check_shape(const json_t *config, struct error *err)
{
    json_t *component;
    size_t i;

    if (!check_object(config, "kymaConfig", err) || !check_list(config, "components", KIND_OBJECT, err) ||
        !check_kind(config, "version", KIND_TEXT, err) || !check_kind(config, "profile", KIND_TEXT, err) ||
        !check_kind(config, "conflictStrategy", KIND_TEXT, err) || !check_entries(config, err))
        return false;
    json_array_foreach(json_object_get(config, "components"), i, component) {
        if (check_component(component, err))
            continue;
        error_context(err, "components[%zu]", i);
        return false;
    }
    return true;
}

static bool check_components(const json_t *config, struct error *err)
{
    const json_t *components = json_object_get(config, "components");
    json_t *component;
    size_t i;

    if (json_array_size(components) == 0)
        return error_set(err, ERROR_INPUT, "Kyma components list is empty");
    json_array_foreach(components, i, component)
        if (strcmp(text_of(component, "component"), AGENT) == 0)
            return true;
    return error_set(err, ERROR_INPUT, "Kyma components list does not contain Compass Runtime Agent");
}

static json_t *entries_body(const json_t *object)
{
    const json_t *entries = json_object_get(object, "configuration");
    json_t *body = json_array(), *entry;
    size_t i;

    if (!is_given(entries)) {
        json_decref(body);
        return json_null();
    }
    json_array_foreach(entries, i, entry)
        json_array_append_new(body, json_pack("{s:O,s:O,s:b}", "key", json_object_get(entry, "key"), "value",
                                              json_object_get(entry, "value"), "secret",
                                              json_is_true(json_object_get(entry, "secret"))));
    return body;
}

static json_t *kyma_body(const json_t *config)
{
    json_t *components = json_array(), *component;
    size_t i;

    json_array_foreach(json_object_get(config, "components"), i, component)
        json_array_append_new(components,
                              json_pack("{s:O,s:O,s:o,s:o,s:o}", "component", json_object_get(component, "component"),
                                        "namespace", json_object_get(component, "namespace"), "configuration",
                                        entries_body(component), "sourceURL", or_null(component, "sourceURL"),
                                        "conflictStrategy", or_null(component, "conflictStrategy")));
    return json_pack("{s:s,s:o,s:o,s:o,s:o}", "version", text_of(config, "version"), "profile",
                     or_null(config, "profile"), "components", components, "configuration", entries_body(config),
                     "conflictStrategy", or_null(config, "conflictStrategy"));
}

json_t *input_kyma(const json_t *config, struct error *err)
{
    json_t *body;

    if (!check_shape(config, err) || !check_components(config, err))
        return NULL;
    body = kyma_body(config);
    if (check_size(body, "kymaConfig", INPUT_KYMA_SIZE_MAX, err) && configuration_can_be_kept(body, err))
        return body;
    json_decref(body);
    return NULL;
}

/* --- Clusters --- */

/* The first of them counts if several are given. */
static const char *const provider_names[] = { "gcpConfig", "azureConfig", "awsConfig", "openStackConfig" };

static bool check_provider(const json_t *gardener, struct error *err)
{
    const json_t *given = json_object_get(gardener, "providerSpecificConfig");

    if (!check_kind(gardener, "providerSpecificConfig", KIND_OBJECT, err))
        return false;
    for (size_t i = 0; i < sizeof provider_names / sizeof provider_names[0]; i++)
        if (!check_kind(given, provider_names[i], KIND_OBJECT, err) ||
            !check_list(json_object_get(given, provider_names[i]), "zones", KIND_TEXT, err) ||
            !check_list(json_object_get(given, provider_names[i]), "awsZones", KIND_OBJECT, err))
            return false;
    return true;
}

static bool check_members(const json_t *gardener, struct error *err)
{
    if (!check_size(gardener, "gardenerConfig", INPUT_PART_SIZE_MAX, err) ||
        !check_object(gardener, "gardenerConfig", err) || !check_kind(gardener, "name", KIND_TEXT, err))
        return false;
    for (size_t i = 0; i < CLUSTER_MEMBER_COUNT; i++)
        if (!check_kind(gardener, cluster_members[i].name, cluster_members[i].kind, err))
            return false;
    return check_provider(gardener, err) &&
           check_list(json_object_get(gardener, "dnsConfig"), "providers", KIND_OBJECT, err) &&
           check_list(json_object_get(gardener, "oidcConfig"), "signingAlgs", KIND_TEXT, err) &&
           configuration_can_be_kept(gardener, err);
}

bool input_cluster_check(const json_t *gardener, struct error *err)
{
    if (!check_members(gardener, err))
        return false;
    if (*text_of(gardener, "machineImageVersion") != '\0' && *text_of(gardener, "machineImage") == '\0')
        return error_set(err, ERROR_INPUT, "Machine Image Version passed while Machine Image is empty");
    if (strcasecmp(text_of(gardener, "provider"), "openstack") == 0 &&
        (is_given(json_object_get(gardener, "diskType")) || is_given(json_object_get(gardener, "volumeSizeGB"))))
        return error_set(err, ERROR_INPUT, "OpenStack mutation does not accept diskType or volumeSizeGb parameters");
    return true;
}

/* Own; NULL: `err`. */
static json_t *provider_body(const json_t *gardener, struct error *err)
{
    const json_t *given = json_object_get(gardener, "providerSpecificConfig");

    for (size_t i = 0; i < sizeof provider_names / sizeof provider_names[0]; i++) {
        json_t *one = json_object_get(given, provider_names[i]);

        if (is_given(one))
            return json_pack("{s:O}", provider_names[i], one);
    }
    error_set(err, ERROR_INPUT, "provider config not specified");
    return NULL;
}

static void set_default(json_t *body, const char *name, bool value)
{
    if (!is_given(json_object_get(body, name)))
        json_object_set_new(body, name, json_boolean(value));
}

json_t *input_cluster(const json_t *gardener, struct input_defaults defaults, struct error *err)
{
    json_t *provider = provider_body(gardener, err), *body;

    if (provider == NULL)
        return NULL;
    body = json_pack("{s:s,s:o}", "name", "", "providerSpecificConfig", provider);
    for (size_t i = 0; i < CLUSTER_MEMBER_COUNT; i++)
        json_object_set_new(body, cluster_members[i].name, or_null(gardener, cluster_members[i].name));
    set_default(body, "enableKubernetesVersionAutoUpdate", defaults.kubernetes_auto_update);
    set_default(body, "enableMachineImageVersionAutoUpdate", defaults.machine_image_auto_update);
    set_default(body, "allowPrivilegedContainers", defaults.privileged_containers);
    if (defaults.privileged_containers_forced)
        json_object_set_new(body, "allowPrivilegedContainers", json_true());
    return body;
}

/* --- Changing clusters --- */

bool input_upgrade_cluster_check(const json_t *gardener, struct error *err)
{
    static const struct {
        const char *name, *fault;
    } filled[] = {
        { "machineType", "empty machine type provided" },
        { "kubernetesVersion", "empty kubernetes version provided" },
        { "diskType", "empty disk type provided" },
        { "purpose", "empty purpose provided" },
    };

    if (!check_members(gardener, err))
        return false;
    for (size_t i = 0; i < sizeof filled / sizeof filled[0]; i++) {
        const json_t *value = json_object_get(gardener, filled[i].name);

        if (json_is_string(value) && json_string_length(value) == 0)
            return error_set(err, ERROR_INPUT, "%s", filled[i].fault);
    }
    return true;
}

json_t *input_upgrade_cluster(const json_t *cluster, const json_t *gardener, struct error *err)
{
    json_t *provider = NULL, *body;

    if (is_given(json_object_get(gardener, "providerSpecificConfig")) &&
        (provider = provider_body(gardener, err)) == NULL)
        return NULL;
    body = json_is_object(cluster) ? json_copy((json_t *)(uintptr_t)cluster) : json_object();
    for (size_t i = 0; i < CLUSTER_MEMBER_COUNT; i++) {
        json_t *value = json_object_get(gardener, cluster_members[i].name);

        if (cluster_members[i].upgradable && is_given(value))
            json_object_set(body, cluster_members[i].name, value);
    }
    if (provider != NULL)
        json_object_set_new(body, "providerSpecificConfig", provider);
    if (kubernetes_version_lower(text_of(body, "kubernetesVersion"), text_of(cluster, "kubernetesVersion")))
        json_object_set(body, "kubernetesVersion", json_object_get(cluster, "kubernetesVersion"));
    return body;
}

bool input_cluster_is_whole(const json_t *cluster, struct error *err)
{
    for (size_t i = 0; i < CLUSTER_MEMBER_COUNT; i++) {
        const struct member *member = &cluster_members[i];
        const json_t *value = json_object_get(cluster, member->name);

        if (member->needed &&
            (!kind_fits(value, member->kind) || (member->kind == KIND_TEXT && json_string_length(value) == 0)))
            return error_set(err, ERROR_INPUT, "%s: must be %s", member->name,
                             member->kind == KIND_TEXT ? "a text that is not empty" : "an integer");
    }
    return true;
}

/* --- The rest --- */

bool input_administrators_check(const json_t *administrators, struct error *err)
{
    json_t *holder = json_pack("{s:O?}", "administrators", administrators);
    bool good = check_size(administrators, "administrators", INPUT_PART_SIZE_MAX, err) &&
                check_list(holder, "administrators", KIND_TEXT, err);

    json_decref(holder);
    return good;
}

bool input_runtime_check(const json_t *runtime, struct error *err)
{
    const json_t *labels = json_object_get(runtime, "labels");

    if (!check_size(runtime, "runtimeInput", INPUT_PART_SIZE_MAX, err) || !check_object(runtime, "runtimeInput", err) ||
        !check_kind(runtime, "name", KIND_TEXT, err) || !check_kind(runtime, "description", KIND_TEXT, err))
        return false;
    if (is_given(labels) && !json_is_object(labels))
        return error_set(err, ERROR_INPUT, "unexpected Labels type: must be an object");
    return true;
}

bool kubernetes_version_lower(const char *a, const char *b)
{
    return strverscmp(a + (*a == 'v'), b + (*b == 'v')) < 0;
}
