#include "services/scheduler/zones.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { OFFSET_MAX_S = 26 * 3600 }; /* what RFC 8536 allows for */

struct known {
    struct zone zone;
    UT_hash_handle hh;
};

struct zones {
    struct known *by_name;
};

struct zones *zones_new(void)
{
    struct zones *zones = calloc(1, sizeof *zones);

    if (zones == NULL)
        abort();
    return zones;
}

void zones_free(struct zones *zones)
{
    struct known *known, *next;

    if (zones == NULL)
        return;
    HASH_ITER(hh, zones->by_name, known, next) {
        HASH_DEL(zones->by_name, known);
        free(known);
    }
    free(zones);
}

/* [seconds, offset], later than the one before. */
static bool check_change(const json_t *list, size_t index)
{
    const json_t *change = json_array_get(list, index), *before = index == 0 ? NULL : json_array_get(list, index - 1);
    json_int_t offset_s = json_integer_value(json_array_get(change, 1));

    return json_array_size(change) == 2 && json_is_integer(json_array_get(change, 0)) &&
           json_is_integer(json_array_get(change, 1)) && offset_s > -OFFSET_MAX_S && offset_s < OFFSET_MAX_S &&
           (before == NULL ||
            json_integer_value(json_array_get(change, 0)) > json_integer_value(json_array_get(before, 0)));
}

static bool check(const char *name, const json_t *list, struct error *err)
{
    if (*name == '\0' || strlen(name) >= ZONE_NAME_SIZE || json_array_size(list) == 0 ||
        json_array_size(list) > ZONE_CHANGES_MAX)
        return error_set(err, ERROR_INPUT, "time zone \"%.60s\": has no name, no changes, or too many of them", name);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!check_change(list, i))
            return error_set(err, ERROR_INPUT, "time zone %s: change %zu is no [time, offset] behind the one before",
                             name, i);
    return true;
}

static void put(struct zones *zones, const char *name, const json_t *list)
{
    struct known *known = (struct known *)zones_find(zones, name); /* the zone is its first member */
    json_t *change;
    size_t i;

    if (known == NULL) {
        known = calloc(1, sizeof *known);
        if (known == NULL)
            abort();
        memcpy(known->zone.name, name, strlen(name) + 1);
        HASH_ADD_STR(zones->by_name, zone.name, known);
    }
    known->zone.count = json_array_size(list);
    json_array_foreach((json_t *)list, i, change) {
        known->zone.changes[i] = (struct zone_change){ .at_s = json_integer_value(json_array_get(change, 0)),
                                                       .offset_s = (int32_t)json_integer_value(
                                                           json_array_get(change, 1)) };
    }
}

bool zones_add(struct zones *zones, const json_t *json, struct error *err)
{
    const char *name;
    json_t *list;

    if (json != NULL && !json_is_object(json))
        return error_set(err, ERROR_INPUT, "the time zones are no object");
    json_object_foreach((json_t *)json, name, list)
        if (!check(name, list, err))
            return false;
    json_object_foreach((json_t *)json, name, list)
        put(zones, name, list);
    return true;
}

const struct zone *zones_find(const struct zones *zones, const char *name)
{
    struct known *known = NULL;

    if (name != NULL)
        HASH_FIND_STR(zones->by_name, name, known);
    return known == NULL ? NULL : &known->zone;
}

json_t *zones_json(const struct zones *zones)
{
    json_t *json = zones->by_name == NULL ? NULL : json_object();

    for (const struct known *known = zones->by_name; known != NULL; known = known->hh.next) {
        json_t *list = json_array();

        for (size_t i = 0; i < known->zone.count; i++)
            json_array_append_new(list, json_pack("[I, i]", (json_int_t)known->zone.changes[i].at_s,
                                                  (int)known->zone.changes[i].offset_s));
        json_object_set_new(json, known->zone.name, list);
    }
    return json;
}
