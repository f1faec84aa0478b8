#include "common/release/release_check.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/json/lenient.h"
#include "common/secret/secret.h"

enum { OVERRIDES_MAX = 10000, ACCOUNTS_MAX = 20000, PLACE_SIZE = 128 };

/* `object` has exactly the text members `first` and `second`; the first may not be empty. */
static bool check_pair(const json_t *object, const char *where, size_t index, const char *first, const char *second,
                       bool second_empty, struct error *err)
{
    const char *one = json_string_value(json_object_get(object, first));
    const char *two = json_string_value(json_object_get(object, second));

    if (one != NULL && two != NULL && json_object_size(object) == 2 && *one != '\0' && (second_empty || *two != '\0'))
        return true;
    return error_set(err, ERROR_INPUT, "%s[%zu]: must be {\"%s\": \"...\", \"%s\": \"...\"} and nothing else", where,
                     index, first, second);
}

/* --- Overrides --- */

static bool has_component(const json_t *components, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)components, i, item)
        if (strcmp(json_text_of(item, "component"), name) == 0)
            return true;
    return false;
}

/* How many of the members `names`, closed by NULL, `object` has. */
static size_t count_members(const json_t *object, const char *const *names)
{
    size_t count = 0;

    for (; *names != NULL; names++)
        count += json_object_get(object, *names) != NULL;
    return count;
}

static bool check_match(const json_t *match, const char *place, struct error *err)
{
    static const char *const names[] = { "globalAccount", "subAccount", "plan", NULL };
    const char *name;
    json_t *member;

    if (json_object_size(match) == 0 || count_members(match, names) != json_object_size(match))
        return error_set(
            err, ERROR_INPUT,
            "%s.match: must be an object with one or more of globalAccount, subAccount and plan, and nothing "
            "else",
            place);
    json_object_foreach((json_t *)(uintptr_t)match, name, member)
        if (json_string_length(member) == 0)
            return error_set(err, ERROR_INPUT, "%s.match.%s: must be a text, and not empty", place, name);
    return true;
}

static bool check_entry(const json_t *entry, const char *place, size_t index, struct error *err)
{
    static const char *const names[] = { "key", "value", "secret", NULL };
    const json_t *value = json_object_get(entry, "value"), *secret = json_object_get(entry, "secret");

    if (!json_is_object(entry) || json_text_of(entry, "key")[0] == '\0' || !json_is_string(value) ||
        (secret != NULL && !json_is_boolean(secret)) || count_members(entry, names) != json_object_size(entry))
        return error_set(
            err, ERROR_INPUT,
            "%s.configuration[%zu]: must be {\"key\": \"...\", \"value\": \"...\"}, with \"secret\": true if "
            "the value is, and nothing else",
            place, index);
    if (json_is_true(secret) && !secret_is_sealed(json_string_value(value)))
        return error_set(err, ERROR_INPUT,
                         "%s.configuration[%zu].value: what is secret must be sealed (a text that begins with "
                         "sealed:v1:)",
                         place, index);
    return true;
}

static bool check_entries(const json_t *entries, const char *place, struct error *err)
{
    json_t *entry;
    size_t i;

    if (entries != NULL && json_array_size(entries) == 0)
        return error_set(err, ERROR_INPUT, "%s.configuration: must be a list of at least one {\"key\", \"value\"}",
                         place);
    json_array_foreach((json_t *)(uintptr_t)entries, i, entry)
        if (!check_entry(entry, place, i, err))
            return false;
    return true;
}

/* One that has a namespace is added; one that has none is the release's. */
static bool check_component(const json_t *item, const json_t *components, const char *place, struct error *err)
{
    static const char *const names[] = { "component", "namespace", "configuration", NULL };
    const json_t *namespace = json_object_get(item, "namespace");
    const char *name = json_text_of(item, "component");

    if (!json_is_object(item) || name[0] == '\0' || (namespace != NULL && json_string_length(namespace) == 0) ||
        count_members(item, names) != json_object_size(item) || json_object_size(item) < 2)
        return error_set(err, ERROR_INPUT,
                         "%s: must be {\"component\": \"...\", \"configuration\": [...]}, with a namespace if it is "
                         "added, and nothing else",
                         place);
    if (namespace == NULL && !has_component(components, name))
        return error_set(err, ERROR_INPUT,
                         "%s.component: the release has no component %.64s; one that is added needs a namespace", place,
                         name);
    if (namespace != NULL && has_component(components, name))
        return error_set(err, ERROR_INPUT, "%s.namespace: the release has a component %.64s, which cannot be moved",
                         place, name);
    return check_entries(json_object_get(item, "configuration"), place, err);
}

static bool check_override_components(const json_t *override, const json_t *components, const char *place,
                                      struct error *err)
{
    const json_t *list = json_object_get(override, "components"), *disable = json_object_get(override, "disable");
    char at[PLACE_SIZE];
    json_t *item;
    size_t i;

    if (list != NULL && json_array_size(list) == 0)
        return error_set(err, ERROR_INPUT, "%s.components: must be a list of at least one {\"component\"}", place);
    json_array_foreach((json_t *)(uintptr_t)list, i, item) {
        snprintf(at, sizeof at, "%s.components[%zu]", place, i);
        if (!check_component(item, components, at, err))
            return false;
    }
    if (disable != NULL && json_array_size(disable) == 0)
        return error_set(err, ERROR_INPUT, "%s.disable: must be a list of at least one component", place);
    json_array_foreach((json_t *)(uintptr_t)disable, i, item)
        if (!json_is_string(item) || !has_component(components, json_string_value(item)))
            return error_set(err, ERROR_INPUT, "%s.disable[%zu]: must be a component of the release", place, i);
    return true;
}

static bool check_override(const json_t *override, const json_t *components, size_t index, struct error *err)
{
    static const char *const names[] = { "match", "configuration", "components", "disable", NULL };
    char place[PLACE_SIZE];

    snprintf(place, sizeof place, "overrides[%zu]", index);
    if (!json_is_object(override) || json_object_get(override, "match") == NULL || json_object_size(override) < 2 ||
        count_members(override, names) != json_object_size(override))
        return error_set(
            err, ERROR_INPUT,
            "%s: must be an object with match and one or more of configuration, components and disable, and "
            "nothing else",
            place);
    return check_match(json_object_get(override, "match"), place, err) &&
           check_entries(json_object_get(override, "configuration"), place, err) &&
           check_override_components(override, components, place, err);
}

static bool check_overrides(const json_t *overrides, const json_t *components, struct error *err)
{
    json_t *override;
    size_t i;

    if (overrides != NULL && !json_is_array(overrides))
        return error_set(err, ERROR_INPUT, "overrides: must be a list");
    if (json_array_size(overrides) > OVERRIDES_MAX)
        return error_set(err, ERROR_INPUT, "overrides: are %zu; at most %d are possible", json_array_size(overrides),
                         OVERRIDES_MAX);
    json_array_foreach((json_t *)(uintptr_t)overrides, i, override)
        if (!check_override(override, components, i, err))
            return false;
    return true;
}

/* --- A release --- */

static bool check_members(const json_t *file, const char *version, struct error *err)
{
    static const char *const names[] = { "version", "components", "configuration", "tiller", "overrides", NULL };
    const json_t *components = json_object_get(file, "components");
    const json_t *tiller = json_object_get(file, "tiller");
    const char *named = json_text_of(file, "version");

    if (!json_is_object(file))
        return error_set(err, ERROR_INPUT, "must be an object with version, components and configuration");
    if (named[0] == '\0' || (version != NULL && strcmp(named, version) != 0))
        return error_set(err, ERROR_INPUT, "version: must be \"%s\", as the file is named",
                         version == NULL ? "..." : version);
    if (!json_is_array(components) || json_array_size(components) == 0)
        return error_set(err, ERROR_INPUT, "components: must be a list of at least one {\"component\", \"namespace\"}");
    if (!json_is_array(json_object_get(file, "configuration")))
        return error_set(err, ERROR_INPUT, "configuration: must be a list of {\"key\", \"value\"}; [] for none");
    if (tiller != NULL && !json_is_boolean(tiller))
        return error_set(err, ERROR_INPUT, "tiller: must be true or false");
    if (json_object_size(file) != count_members(file, names))
        return error_set(err, ERROR_INPUT,
                         "has other members than version, components, configuration, tiller and overrides");
    return true;
}

bool release_check(const json_t *file, const char *version, struct error *err)
{
    const json_t *components = json_object_get(file, "components");
    json_t *item;
    size_t i;

    if (!check_members(file, version, err))
        return false;
    json_array_foreach((json_t *)(uintptr_t)components, i, item)
        if (!check_pair(item, "components", i, "component", "namespace", false, err))
            return false;
    json_array_foreach(json_object_get(file, "configuration"), i, item)
        if (!check_pair(item, "configuration", i, "key", "value", true, err))
            return false;
    return check_overrides(json_object_get(file, "overrides"), components, err);
}

/* --- The versions of accounts --- */

static bool check_account(const char *name, const json_t *version, struct error *err)
{
    if ((strncmp(name, "GA_", 3) != 0 && strncmp(name, "SA_", 3) != 0) || name[3] == '\0')
        return error_set(err, ERROR_INPUT, "accounts.%.200s: must be named GA_<global account> or SA_<subaccount>",
                         name);
    if (json_string_length(version) == 0 || json_string_length(version) > 64)
        return error_set(err, ERROR_INPUT, "accounts.%.200s: must be a version, of at most 64 bytes", name);
    return true;
}

bool release_versions_check(const json_t *file, struct error *err)
{
    static const char *const names[] = { "default", "accounts", NULL };
    const json_t *usual = json_object_get(file, "default"), *accounts = json_object_get(file, "accounts");
    const char *name;
    json_t *version;

    if (!json_is_object(file) || count_members(file, names) != json_object_size(file))
        return error_set(err, ERROR_INPUT, "must be an object with default, accounts or both, and nothing else");
    if (usual != NULL && json_string_length(usual) == 0)
        return error_set(err, ERROR_INPUT, "default: must be a version");
    if (accounts != NULL && !json_is_object(accounts))
        return error_set(err, ERROR_INPUT, "accounts: must be an object of versions");
    if (json_object_size(accounts) > ACCOUNTS_MAX)
        return error_set(err, ERROR_INPUT, "accounts: are %zu; at most %d are possible", json_object_size(accounts),
                         ACCOUNTS_MAX);
    json_object_foreach((json_t *)(uintptr_t)accounts, name, version)
        if (!check_account(name, version, err))
            return false;
    return true;
}
