#include "services/api-gateway/import_line.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/plan/plan.h"
#include "common/secret/secret.h"
#include "common/window/window.h"
#include "services/api-gateway/upgrade_body.h"

static const struct member {
    const char *name;
    json_type type;
    bool required;
    size_t size_max; /* of a text */
} members[] = {
    { "instanceID", JSON_STRING, false, IMPORT_TEXT_SIZE_MAX },
    { "runtimeID", JSON_STRING, true, IMPORT_RUNTIME_ID_SIZE_MAX },
    { "globalAccount", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "subAccount", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "planName", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "region", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "shootName", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "kymaVersion", JSON_STRING, true, IMPORT_TEXT_SIZE_MAX },
    { "maintenanceWindowBegin", JSON_STRING, false, IMPORT_TEXT_SIZE_MAX },
    { "maintenanceWindowEnd", JSON_STRING, false, IMPORT_TEXT_SIZE_MAX },
    { "clusterConfig", JSON_OBJECT, false, 0 },
    { "kymaConfig", JSON_OBJECT, false, 0 },
    { "kubeconfig", JSON_STRING, false, IMPORT_KUBECONFIG_SIZE_MAX },
};
enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

static const struct member *find(const char *name)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static bool check_names(const json_t *line, struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)line, name, value) {
        (void)value;
        if (find(name) == NULL)
            return error_set(err, ERROR_INPUT, "unknown member \"%.64s\"", name);
    }
    return true;
}

/* IDs end up in log lines and as keys: no blanks, no control characters. */
static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static bool check_text(const struct member *member, const char *text, struct error *err)
{
    if (text[0] == '\0' || strlen(text) > member->size_max)
        return error_set(err, ERROR_INPUT, "%s: expected 1 to %zu bytes, got %zu", member->name, member->size_max,
                         strlen(text));
    if (strstr(member->name, "ID") != NULL && !is_printable(text))
        return error_set(err, ERROR_INPUT, "%s: expected visible ASCII characters", member->name);
    return true;
}

/* Takes null for absent. */
static bool check_member(json_t *line, const struct member *member, struct error *err)
{
    const json_t *value = json_object_get(line, member->name);

    if (json_is_null(value)) {
        json_object_del(line, member->name);
        value = NULL;
    }
    if (value == NULL && member->required)
        return error_set(err, ERROR_INPUT, "%s is missing", member->name);
    if (value == NULL)
        return true;
    if (json_typeof(value) != member->type)
        return error_set(err, ERROR_INPUT, "%s: expected %s, got %s", member->name,
                         member->type == JSON_STRING ? "a string" : "an object", json_type_text(value));
    return member->type != JSON_STRING || check_text(member, json_string_value(value), err);
}

/* --- What members must say --- */

static bool check_window(const json_t *line, struct error *err)
{
    static const char *const names[] = { "maintenanceWindowBegin", "maintenanceWindowEnd" };
    struct time_of_day time;

    if (json_object_get(line, names[0]) == NULL && json_object_get(line, names[1]) == NULL)
        return true;
    for (size_t i = 0; i < 2; i++) {
        if (json_object_get(line, names[i]) == NULL)
            return error_set(err, ERROR_INPUT, "%s is missing: a window has a begin and an end", names[i]);
        if (!time_of_day_parse(json_text_of(line, names[i]), &time, err)) {
            error_context(err, "%s", names[i]);
            return false;
        }
    }
    return true;
}

/* Beside a value, whatever is not plainly "no" means yes: who writes "true" as a text wants it kept secret too. */
static bool means_secret(const json_t *entry, const json_t *said)
{
    if (json_object_get(entry, "value") == NULL)
        return json_is_true(said);
    return !json_is_false(said) && !json_is_null(said);
}

/* A secret in clear text: an entry that says so, in whatever spelling, and whose value is not sealed. The depth is
 * bounded by json_decode. */
static bool has_secret(const json_t *value)
{
    const bool is_sealed = secret_is_sealed(json_string_value(json_object_get(value, "value")));
    const char *name;
    json_t *part;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)value, name, part) {
        if ((strcasecmp(name, "secret") == 0 && means_secret(value, part) && !is_sealed) || has_secret(part))
            return true;
    }
    json_array_foreach(value, i, part) {
        if (has_secret(part))
            return true;
    }
    return false;
}

static bool check_values(const json_t *line, struct error *err)
{
    if (plan_id(json_text_of(line, "planName"))[0] == '\0')
        return error_set(err, ERROR_INPUT, "planName: there is no plan \"%.64s\"", json_text_of(line, "planName"));
    if (!kyma_version_is_well_formed(json_text_of(line, "kymaVersion")))
        return error_set(err, ERROR_INPUT,
                         "kymaVersion: \"%.64s\" is no version: expected one such as 1.24.7, PR-<number> or "
                         "<branch>-<commit>",
                         json_text_of(line, "kymaVersion"));
    if (has_secret(json_object_get(line, "clusterConfig")))
        return error_set(err, ERROR_INPUT,
                         "clusterConfig: an entry has \"secret\": true; only kymaConfig may have secret values");
    return check_window(line, err);
}

static bool check(json_t *line, struct error *err)
{
    if (!json_is_object(line))
        return error_set(err, ERROR_INPUT, "expected an object, got %s", json_type_text(line));
    if (!check_names(line, err))
        return false;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (!check_member(line, &members[i], err))
            return false;
    return check_values(line, err);
}

static void complete(json_t *line)
{
    char name[64 + IMPORT_RUNTIME_ID_SIZE_MAX], id[UUID_SIZE];

    if (json_object_get(line, "instanceID") != NULL)
        return;
    snprintf(name, sizeof name, "instance\n%s", json_text_of(line, "runtimeID"));
    uuid_derive(name, id);
    json_object_set_new(line, "instanceID", json_string(id));
}

json_t *import_line_read(const char *bytes, size_t size, struct error *err)
{
    json_t *line;

    if (size > IMPORT_LINE_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "the line has %zu bytes; at most %d are accepted", size, IMPORT_LINE_SIZE_MAX);
        return NULL;
    }
    line = json_decode(bytes, size, err);
    if (line == NULL)
        return NULL;
    if (check(line, err)) {
        complete(line);
        return line;
    }
    json_decref(line);
    return NULL;
}

static bool seal_kyma_config(json_t *line, struct secrets *secrets, struct error *err)
{
    const json_t *config = json_object_get(line, "kymaConfig");
    json_t *sealed;

    if (config == NULL)
        return true;
    sealed = secret_seal_configuration(secrets, json_text_of(line, "globalAccount"), config, err);
    if (sealed == NULL) {
        error_context(err, "kymaConfig");
        return false;
    }
    json_object_set_new(line, "kymaConfig", sealed);
    if (has_secret(sealed))
        return error_set(
            err, ERROR_INPUT,
            "kymaConfig: an entry has \"secret\": true where its value would not be encrypted; secret values "
            "are accepted as {key, value, secret} in configuration and in components[].configuration");
    return true;
}

bool import_line_seal(json_t *line, struct secrets *secrets, struct error *err)
{
    const json_t *kubeconfig = json_object_get(line, "kubeconfig");
    char *sealed;

    if (!seal_kyma_config(line, secrets, err))
        return false;
    if (kubeconfig == NULL)
        return true;
    sealed = secret_seal(secrets, json_text_of(line, "globalAccount"), json_string_value(kubeconfig),
                         json_string_length(kubeconfig));
    json_object_set_new(line, "kubeconfig", json_string(sealed));
    free(sealed);
    return true;
}
