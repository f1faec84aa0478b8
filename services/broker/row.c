#include "services/broker/row.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"
#include "common/json/lenient.h"
#include "common/plan/plan.h"

static const char *const state_names[] = {
    [OPERATION_IN_PROGRESS] = "in progress",
    [OPERATION_SUCCEEDED] = "succeeded",
    [OPERATION_FAILED] = "failed",
};

/* The state of an instance, from its newest operation. One that was deprovisioned and is still known is suspended. */
static const char *const classes[][3] = {
    [OPERATION_PROVISION] = { [OPERATION_IN_PROGRESS] = "provisioning",
                              [OPERATION_SUCCEEDED] = "succeeded",
                              [OPERATION_FAILED] = "failed" },
    [OPERATION_UPGRADE_KYMA] = { [OPERATION_IN_PROGRESS] = "upgrading",
                                 [OPERATION_SUCCEEDED] = "succeeded",
                                 [OPERATION_FAILED] = "error" },
    [OPERATION_UPGRADE_CLUSTER] = { [OPERATION_IN_PROGRESS] = "upgrading",
                                    [OPERATION_SUCCEEDED] = "succeeded",
                                    [OPERATION_FAILED] = "error" },
    [OPERATION_DEPROVISION] = { [OPERATION_IN_PROGRESS] = "deprovisioning",
                                [OPERATION_SUCCEEDED] = "suspended",
                                [OPERATION_FAILED] = "failed" },
};

/* Where an operation stands in `status`. */
static const char *const keys[] = {
    [OPERATION_PROVISION] = "provisioning",
    [OPERATION_UPGRADE_KYMA] = "upgradingKyma",
    [OPERATION_UPGRADE_CLUSTER] = "upgradingCluster",
    [OPERATION_DEPROVISION] = "deprovisioning",
};

static const enum operation_type type_of_kind[] = {
    [UPGRADE_KYMA] = OPERATION_UPGRADE_KYMA,
    [UPGRADE_CLUSTER] = OPERATION_UPGRADE_CLUSTER,
    [DIRECT_KYMA] = OPERATION_UPGRADE_KYMA,
    [DIRECT_CLUSTER] = OPERATION_UPGRADE_CLUSTER,
};

/* The columns that hold the upgrades: the kinds of each stand side by side. */
static const struct {
    const char *name;
    int first, end; /* upgrade_kind */
} upgrade_columns[] = {
    { "upgrades", UPGRADE_KYMA, DIRECT_KYMA },
    { "direct_upgrades", DIRECT_KYMA, UPGRADE_KINDS },
};
enum { UPGRADE_COLUMN_COUNT = sizeof upgrade_columns / sizeof *upgrade_columns };

/* The service that instances are instances of; the same for all, in every landscape. */
#define SERVICE_CLASS_ID "47c9dcbf-ff30-448e-ab36-d3bad66ba281"
#define SERVICE_CLASS_NAME "kymaruntime"
#define SUB_ACCOUNT_REGION "cf-eu10" /* of the platform, which nobody tells */

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

static void set_time(json_t *object, const char *name, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time_ms, text);
    set(object, name, text);
}

static void set_time_us(json_t *object, const char *name, int64_t time_us)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format_us(time_us, text);
    set(object, name, text);
}

static json_t *operation_json(const struct operation *operation)
{
    json_t *json = json_object();

    set(json, "state", state_names[operation->state]);
    set(json, "description", operation->description);
    set_time(json, "createdAt", operation->created_ms);
    set(json, "operationID", operation->id);
    if (*operation->orchestration_id != '\0')
        set(json, "orchestrationID", operation->orchestration_id);
    return json;
}

static json_t *kind_json(const struct upgrades *upgrades)
{
    json_t *data = json_array();

    for (size_t i = 0; i < UPGRADES_KEPT && upgrades->kept[i] != NULL; i++)
        json_array_append_new(data, operation_json(upgrades->kept[i]));
    return json_pack("{s:o, s:i}", "data", data, "totalCount", (int)upgrades->count);
}

/* By where they stand in `status`; null: there are none. */
static json_t *upgrades_json(const struct instance *instance, int first, int end)
{
    json_t *json = json_object();

    for (int kind = first; kind < end; kind++)
        if (instance->upgrades[kind].kept[0] != NULL)
            json_object_set_new(json, keys[type_of_kind[kind]], kind_json(&instance->upgrades[kind]));
    if (json_object_size(json) > 0)
        return json;
    json_decref(json);
    return json_null();
}

static json_t *status_begin(const struct instance *instance, const struct operation *newest)
{
    json_t *status = json_object();

    set_time_us(status, "createdAt", instance->created_us);
    set_time(status, "modifiedAt", newest->updated_ms);
    set(status, "state", classes[newest->type][newest->state]);
    return status;
}

/* As op_detail=all shows it, but for the upgrades. */
static json_t *status_json(const struct instance *instance, const struct operation *newest)
{
    char id[UUID_SIZE];
    struct operation provisioning = instance_provisioning(instance, id);
    json_t *status = status_begin(instance, newest);

    json_object_set_new(status, keys[OPERATION_PROVISION], operation_json(&provisioning));
    if (instance->deprovision != NULL)
        json_object_set_new(status, keys[OPERATION_DEPROVISION], operation_json(instance->deprovision));
    return status;
}

/* As op_detail=last shows it: the newest operation alone, under its own key. */
static json_t *status_last_json(const struct instance *instance, const struct operation *newest)
{
    json_t *status = status_begin(instance, newest), *operation = operation_json(newest);

    if (newest->type == OPERATION_UPGRADE_KYMA || newest->type == OPERATION_UPGRADE_CLUSTER)
        operation = json_pack("{s:[o], s:i, s:i}", "data", operation, "totalCount", 1, "count", 1);
    json_object_set_new(status, keys[newest->type], operation);
    return status;
}

/* What is not shown of its operations, but the next report needs. */
static json_t *updates_json(const struct instance *instance)
{
    json_t *updates = json_object();

    for (int kind = 0; kind < UPGRADE_KINDS; kind++) {
        struct operation *const *kept = instance->upgrades[kind].kept;

        for (size_t i = 0; i < UPGRADES_KEPT && kept[i] != NULL; i++)
            set_time(updates, kept[i]->id, kept[i]->updated_ms);
    }
    if (instance->deprovision != NULL)
        set_time(updates, instance->deprovision->id, instance->deprovision->updated_ms);
    return updates;
}

/* The runtime object of GET /runtimes up to its status, written once here rather than for each reader. */
static json_t *head_json(const struct instance *instance)
{
    json_t *head = json_object(), *text_json;
    char *text;

    set(head, "instanceID", instance->id);
    set(head, "runtimeID", instance->runtime_id);
    set(head, "globalAccountID", instance->global_account);
    set(head, "subscriptionGlobalAccountID", "");
    set(head, "subAccountID", instance->sub_account);
    set(head, "region", instance->region);
    set(head, "subAccountRegion", SUB_ACCOUNT_REGION);
    set(head, "shootName", instance->shoot);
    set(head, "serviceClassID", SERVICE_CLASS_ID);
    set(head, "serviceClassName", SERVICE_CLASS_NAME);
    set(head, "servicePlanID", plan_id(instance->plan));
    set(head, "servicePlanName", instance->plan);
    set(head, "provider", plan_provider(instance->plan, instance->region));
    text = json_dumps(head, JSON_COMPACT);
    if (text == NULL)
        abort();                                      /* it is made of JSON's own texts: only memory can lack */
    text_json = json_stringn(text, strlen(text) - 1); /* all but the closing brace */
    free(text);
    json_decref(head);
    return text_json;
}

json_t *row_of(const struct instance *instance)
{
    char id[UUID_SIZE];
    struct operation newest = instance_newest(instance, id);
    json_t *row = json_object();

    set(row, "instance_id", instance->id);
    set(row, "runtime_id", instance->runtime_id);
    set(row, "global_account_id", instance->global_account);
    set(row, "sub_account_id", instance->sub_account);
    set(row, "region", instance->region);
    set(row, "plan_name", instance->plan);
    set(row, "shoot_name", instance->shoot);
    set(row, "window_begin", instance->window_begin);
    set(row, "window_end", instance->window_end);
    set(row, "imported_version", instance->imported_version);
    set(row, "upgraded_version", instance->upgraded_version);
    if (*instance->upgraded_version != '\0')
        set_time(row, "upgraded_at", instance->upgraded_ms);
    else
        json_object_set_new(row, "upgraded_at", json_null());
    set(row, "kyma_version", instance_version(instance));
    json_object_set_new(row, "position", json_integer(instance->position));
    set_time_us(row, "created_at", instance->created_us);
    set_time(row, "updated_at", instance->updated_ms);
    set_time(row, "modified_at", newest.updated_ms);
    set(row, "state", classes[newest.type][newest.state]);
    json_object_set_new(row, "head", head_json(instance));
    json_object_set_new(row, "status", status_json(instance, &newest));
    json_object_set_new(row, "status_last", status_last_json(instance, &newest));
    for (int i = 0; i < UPGRADE_COLUMN_COUNT; i++)
        json_object_set_new(row, upgrade_columns[i].name,
                            upgrades_json(instance, upgrade_columns[i].first, upgrade_columns[i].end));
    json_object_set_new(row, "operation_updates", updates_json(instance));
    set(row, "line_hash", instance->line_hash);
    json_object_set_new(row, "refused", json_boolean(instance->refused));
    return row;
}

json_t *place_row(const struct instance *instance)
{
    struct listing listing = instance_listing(instance);
    json_t *row = json_object();

    set(row, "instance_id", instance->id);
    json_object_set_new(row, "position", json_integer(instance->position));
    set_time_us(row, "created_at", instance->created_us);
    json_object_set_new(row, "listed", json_boolean(listing.listed));
    json_object_set_new(row, "shown", json_boolean(listing.shown));
    return row;
}

/* --- And back --- */

static int64_t time_of(const json_t *object, const char *name)
{
    int64_t time_ms = 0;

    timestamp_parse(json_text_of(object, name), &time_ms);
    return time_ms;
}

static enum operation_state state_of(const char *name)
{
    if (strcmp(name, state_names[OPERATION_IN_PROGRESS]) == 0)
        return OPERATION_IN_PROGRESS;
    return strcmp(name, state_names[OPERATION_FAILED]) == 0 ? OPERATION_FAILED : OPERATION_SUCCEEDED;
}

static void restore(struct instance *instance, const json_t *json, enum operation_type type, const json_t *updates)
{
    const char *id = json_text_of(json, "operationID");

    instance_restore(instance, &(struct operation){ .id = id,
                                                    .orchestration_id = json_text_of(json, "orchestrationID"),
                                                    .description = json_text_of(json, "description"),
                                                    .type = type,
                                                    .state = state_of(json_text_of(json, "state")),
                                                    .created_ms = time_of(json, "createdAt"),
                                                    .updated_ms = time_of(updates, id) });
}

static void restore_upgrades(struct instance *instance, int kind, const json_t *column, const json_t *updates)
{
    const json_t *upgrades = json_object_get(column, keys[type_of_kind[kind]]);
    const json_t *data = json_object_get(upgrades, "data");

    for (size_t i = 0; i < json_array_size(data); i++)
        restore(instance, json_array_get(data, i), type_of_kind[kind], updates);
    instance->upgrades[kind].count = (uint32_t)json_integer_value(json_object_get(upgrades, "totalCount"));
}

static void restore_place(struct fleet *fleet, struct instance *instance, const json_t *row)
{
    instance->position = (uint32_t)json_integer_value(json_object_get(row, "position"));
    timestamp_parse_us(json_text_of(row, "created_at"), &instance->created_us);
    places_restore(fleet_places(fleet),
                   (struct place){ .position = instance->position, .created_us = instance->created_us });
}

void row_load(struct fleet *fleet, const json_t *row)
{
    const json_t *deprovision = json_object_get(json_object_get(row, "status"), keys[OPERATION_DEPROVISION]);
    const json_t *updates = json_object_get(row, "operation_updates");
    struct instance *instance;

    fleet_remove(fleet, json_text_of(row, "instance_id"));
    instance = fleet_put(fleet, &(struct instance_line){ .instance_id = json_text_of(row, "instance_id"),
                                                         .runtime_id = json_text_of(row, "runtime_id"),
                                                         .global_account = json_text_of(row, "global_account_id"),
                                                         .sub_account = json_text_of(row, "sub_account_id"),
                                                         .plan = json_text_of(row, "plan_name"),
                                                         .region = json_text_of(row, "region"),
                                                         .shoot = json_text_of(row, "shoot_name"),
                                                         .window_begin = json_text_of(row, "window_begin"),
                                                         .window_end = json_text_of(row, "window_end"),
                                                         .version = json_text_of(row, "imported_version"),
                                                         .hash = json_text_of(row, "line_hash") });
    instance->upgraded_version = fleet_intern(fleet, json_text_of(row, "upgraded_version"));
    instance->upgraded_ms = time_of(row, "upgraded_at");
    instance->updated_ms = time_of(row, "updated_at");
    instance->refused = json_is_true(json_object_get(row, "refused"));
    restore_place(fleet, instance, row);
    if (deprovision != NULL)
        restore(instance, deprovision, OPERATION_DEPROVISION, updates);
    for (int i = 0; i < UPGRADE_COLUMN_COUNT; i++)
        for (int kind = upgrade_columns[i].first; kind < upgrade_columns[i].end; kind++)
            restore_upgrades(instance, kind, json_object_get(row, upgrade_columns[i].name), updates);
}
