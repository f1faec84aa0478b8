#include "services/api-gateway/shown_config.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/secret/secret.h"

enum kind { TEXT, TEXT_OR_NULL, INTEGER, INTEGER_OR_NULL, FLAG_OR_NULL, OBJECT_OR_NULL, LIST_OR_NULL };

struct member {
    const char *name;
    enum kind kind;
    bool upgraded; /* an upgrade of a cluster fills it */
};

static bool is_of_kind(const json_t *value, enum kind kind)
{
    switch (kind) {
    case TEXT:
    case TEXT_OR_NULL: return json_is_string(value);
    case INTEGER:
    case INTEGER_OR_NULL: return json_is_integer(value);
    case FLAG_OR_NULL: return json_is_boolean(value);
    case OBJECT_OR_NULL: return json_is_object(value);
    case LIST_OR_NULL: return json_is_array(value);
    }
    return false;
}

static json_t *empty(enum kind kind)
{
    if (kind == TEXT)
        return json_string("");
    return kind == INTEGER ? json_integer(0) : json_null();
}

static void put(json_t *to, const json_t *from, const struct member *member)
{
    json_t *value = json_object_get(from, member->name);

    json_object_set_new_nocheck(to, member->name,
                                is_of_kind(value, member->kind) ? json_incref(value) : empty(member->kind));
}

static json_t *members_of(const json_t *from, const struct member *members, size_t count)
{
    json_t *to = json_object();

    for (size_t i = 0; i < count; i++)
        put(to, from, &members[i]);
    return to;
}
#define MEMBERS_OF(from, members) members_of(from, members, sizeof(members) / sizeof(members)[0])

/* --- Kyma --- */

/* Whatever is not plainly "no" is a secret: who wrote "true" as a text wants it hidden too. */
static bool is_secret(const json_t *entry)
{
    const json_t *said = json_object_get(entry, "secret");

    return said != NULL && !json_is_false(said) && !json_is_null(said);
}

static json_t *entry_of(const json_t *entry)
{
    static const struct member members[] = { { "key", TEXT, false },
                                             { "value", TEXT, false },
                                             { "secret", FLAG_OR_NULL, false } };
    json_t *shown = MEMBERS_OF(entry, members);

    if (is_secret(entry)) {
        json_object_set_new(shown, "value", json_string(SECRET_MASK_TEXT));
        json_object_set_new(shown, "secret", json_true());
    }
    return shown;
}

/* `of` each element that is an object; null where there is no list. */
static json_t *list_of(const json_t *list, json_t *(*of)(const json_t *element))
{
    json_t *shown, *element;
    size_t i;

    if (!json_is_array(list))
        return json_null();
    shown = json_array();
    json_array_foreach(list, i, element)
        if (json_is_object(element))
            json_array_append_new(shown, of(element));
    return shown;
}

static json_t *component_of(const json_t *component)
{
    static const struct member members[] = { { "component", TEXT, false },
                                             { "namespace", TEXT, false },
                                             { "configuration", LIST_OR_NULL, false },
                                             { "sourceURL", TEXT_OR_NULL, false },
                                             { "conflictStrategy", TEXT_OR_NULL, false } };
    json_t *shown = MEMBERS_OF(component, members);

    json_object_set_new(shown, "configuration", list_of(json_object_get(component, "configuration"), entry_of));
    return shown;
}

json_t *shown_kyma_config(const json_t *body)
{
    static const struct member members[] = { { "version", TEXT, false },
                                             { "profile", TEXT_OR_NULL, false },
                                             { "components", LIST_OR_NULL, false },
                                             { "configuration", LIST_OR_NULL, false },
                                             { "conflictStrategy", TEXT_OR_NULL, false } };
    json_t *shown = MEMBERS_OF(body, members);

    /* What was set before keeps its place. */
    json_object_set_new(shown, "components", list_of(json_object_get(body, "components"), component_of));
    json_object_set_new(shown, "configuration", list_of(json_object_get(body, "configuration"), entry_of));
    return shown;
}

/* --- Clusters --- */

static json_t *provider_of(const json_t *config)
{
    static const struct member members[] = { { "gcpConfig", OBJECT_OR_NULL, false },
                                             { "azureConfig", OBJECT_OR_NULL, false },
                                             { "awsConfig", OBJECT_OR_NULL, false },
                                             { "openStackConfig", OBJECT_OR_NULL, false } };

    return MEMBERS_OF(config, members);
}

static json_t *oidc_of(const json_t *config)
{
    static const struct member members[] = {
        { "clientID", TEXT, false },      { "groupsClaim", TEXT, false },
        { "issuerURL", TEXT, false },     { "signingAlgs", LIST_OR_NULL, false },
        { "usernameClaim", TEXT, false }, { "usernamePrefix", TEXT, false },
    };

    return MEMBERS_OF(config, members);
}

/* An object that is there has all its members. */
static void complete(json_t *shown, const char *name, json_t *(*of)(const json_t *config))
{
    const json_t *config = json_object_get(shown, name);

    if (json_is_object(config))
        json_object_set_new(shown, name, of(config));
}

json_t *shown_cluster_config(const json_t *body, enum shown_cluster which)
{
    static const struct member members[] = {
        { "name", TEXT, false },
        { "kubernetesVersion", TEXT, true },
        { "volumeSizeGB", INTEGER_OR_NULL, false },
        { "machineType", TEXT, false },
        { "machineImage", TEXT_OR_NULL, true },
        { "machineImageVersion", TEXT_OR_NULL, true },
        { "diskType", TEXT_OR_NULL, false },
        { "provider", TEXT, false },
        { "purpose", TEXT_OR_NULL, false },
        { "licenceType", TEXT_OR_NULL, false },
        { "seed", TEXT_OR_NULL, false },
        { "targetSecret", TEXT, false },
        { "region", TEXT, false },
        { "workerCidr", TEXT, false },
        { "autoScalerMin", INTEGER, true },
        { "autoScalerMax", INTEGER, true },
        { "maxSurge", INTEGER, true },
        { "maxUnavailable", INTEGER, true },
        { "enableKubernetesVersionAutoUpdate", FLAG_OR_NULL, true },
        { "enableMachineImageVersionAutoUpdate", FLAG_OR_NULL, true },
        { "allowPrivilegedContainers", FLAG_OR_NULL, false },
        { "providerSpecificConfig", OBJECT_OR_NULL, false },
        { "dnsConfig", OBJECT_OR_NULL, false },
        { "oidcConfig", OBJECT_OR_NULL, true },
        { "exposureClassName", TEXT_OR_NULL, false },
    };
    json_t *shown = json_object();

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        put(shown, which == SHOWN_CLUSTER_WHOLE || members[i].upgraded ? body : NULL, &members[i]);
    complete(shown, "providerSpecificConfig", provider_of);
    complete(shown, "oidcConfig", oidc_of);
    return shown;
}
