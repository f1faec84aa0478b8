#include "services/scheduler/policy_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/place.h"
#include "services/scheduler/policy.h"
#include "services/scheduler/zone_file.h"
#include "services/scheduler/zones.h"

/* --- Its time zones --- */

/* One that cannot be read is left out: the check finds it unknown, and says where. */
static void add_zone(json_t *zones, const json_t *entry, const char *zone_folder)
{
    const char *name = json_string_value(json_object_get(entry, "timeZone"));
    json_t *changes;

    if (name == NULL || *name == '\0' || json_object_get(zones, name) != NULL)
        return;
    changes = zone_file_read(zone_folder, name, NULL);
    if (changes != NULL)
        json_object_set_new(zones, name, changes);
}

static json_t *read_zones(const json_t *body, const char *zone_folder)
{
    json_t *zones = json_object(), *rule;
    size_t i;

    json_array_foreach(json_object_get(body, "rules"), i, rule)
        add_zone(zones, rule, zone_folder);
    add_zone(zones, json_object_get(body, "default"), zone_folder);
    return zones;
}

/* --- The text --- */

static bool check(const char *text, const json_t *body, const json_t *zones_read, struct error *err)
{
    struct zones *zones = zones_new();
    char place[POLICY_PLACE_SIZE] = "";
    struct policy *policy = zones_add(zones, zones_read, err) ? policy_new(body, zones, place, err) : NULL;
    bool checked = policy != NULL;

    if (!checked)
        error_context(err, "line %d", json_line_of(text, place));
    policy_free(policy);
    zones_free(zones);
    return checked;
}

static json_t *parse(const char *text, size_t size, const char *zone_folder, json_t **zones, struct error *err)
{
    json_error_t why;
    json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why), *found;

    if (body == NULL) {
        error_set(err, ERROR_INPUT, "line %d: column %d: %s", why.line, why.column, why.text);
        return NULL;
    }
    found = read_zones(body, zone_folder);
    if (!check(text, body, found, err)) {
        json_decref(found);
        json_decref(body);
        return NULL;
    }
    *zones = found;
    return body;
}

json_t *policy_text_parse(const char *bytes, size_t size, const char *zone_folder, json_t **zones, struct error *err)
{
    char *text;
    json_t *body;

    if (size > POLICY_TEXT_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "line 1: is longer than the %d bytes that are possible", POLICY_TEXT_SIZE_MAX);
        return NULL;
    }
    text = malloc(size + 1);
    if (text == NULL)
        abort();
    memcpy(text, bytes, size);
    text[size] = '\0';
    body = parse(text, size, zone_folder, zones, err);
    free(text);
    return body;
}
