#include "services/provisioner/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"

static const char *const state_names[] = {
    [OPERATION_IN_PROGRESS] = "in progress",
    [OPERATION_SUCCEEDED] = "succeeded",
    [OPERATION_FAILED] = "failed",
};

void operation_row_id(const struct operation *operation, char out[OPERATION_ROW_ID_SIZE])
{
    snprintf(out, OPERATION_ROW_ID_SIZE, "%s\n%s", operation->runtime_id, operation->id);
}

/* --- To rows --- */

/* `time_ms` 0: none. */
static json_t *timestamp(int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    if (time_ms == 0)
        return json_null();
    timestamp_format(time_ms, text);
    return json_string(text);
}

static json_t *or_null(const char *text)
{
    return *text == '\0' ? json_null() : json_string(text);
}

static json_t *hash_or_null(const struct configuration *configuration)
{
    return configuration == NULL ? json_null() : json_string(configuration->hash);
}

static json_t *configuration_row(const struct configuration *configuration)
{
    if (configuration == NULL)
        return NULL;
    return json_pack("{s:s,s:s,s:o}", "hash", configuration->hash, "kind", configuration->cluster ? "cluster" : "kyma",
                     "body", json_loads(configuration->body, 0, NULL));
}

static json_t *waiting_array(const struct runtime *runtime)
{
    json_t *list = json_array();

    for (size_t i = 0; i < runtime->waiting_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "operationID", runtime->waiting[i].operation_id,
                                              "orchestrationID", runtime->waiting[i].orchestration_id, "lane",
                                              runtime->waiting[i].lane));
    return list;
}

static json_t *row_of_runtime(const struct runtime *runtime)
{
    json_t *row;

    if (runtime == NULL)
        return NULL;
    row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "runtime_id", runtime->id, "instance_id", runtime->instance_id,
                    "tenant", runtime->tenant, "sub_account", runtime->sub_account, "plan", runtime->plan, "region",
                    runtime->region, "shoot_name", runtime->shoot_name, "kyma_version", runtime->kyma_version);
    json_object_set_new(row, "kyma_config", hash_or_null(runtime->kyma_config));
    json_object_set_new(row, "cluster_config", hash_or_null(runtime->cluster_config));
    json_object_set_new(row, "upgraded", json_boolean(runtime->upgraded));
    json_object_set_new(row, "operation_id",
                        runtime->operation == NULL ? json_null() : json_string(runtime->operation->id));
    json_object_set_new(row, "running", json_boolean(runtime_busy(runtime)));
    json_object_set_new(row, "waiting", waiting_array(runtime));
    json_object_set_new(row, "deprovisioned_at", timestamp(runtime->deprovisioned_ms));
    json_object_set_new(row, "created_at", timestamp(runtime->created_ms));
    json_object_set_new(row, "updated_at", timestamp(runtime->updated_ms));
    return row;
}

static json_t *row_of_operation(const struct operation *operation)
{
    json_t *row;

    if (operation == NULL)
        return NULL;
    row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "operation_id", operation->id, "runtime_id", operation->runtime_id,
                    "type", operation_rule(operation->type)->name, "state", state_names[operation->state], "stage",
                    stage_rule(operation->stage)->name, "message", operation->message, "fence",
                    (json_int_t)operation->fence);
    json_object_set_new(row, "stopped_stage", or_null(stage_rule(operation->stopped)->name));
    json_object_set_new(row, "orchestration_id", or_null(operation->orchestration_id));
    json_object_set_new(row, "lane", or_null(operation->lane));
    json_object_set_new(row, "version", or_null(operation->version));
    json_object_set_new(row, "traceparent", or_null(operation->traceparent));
    json_object_set_new(row, "configuration", hash_or_null(operation->configuration));
    json_object_set_new(row, "stage_since", timestamp(operation->stage_since_ms));
    json_object_set_new(row, "started_at", timestamp(operation->started_ms));
    json_object_set_new(row, "updated_at", timestamp(operation->updated_ms));
    json_object_set_new(row, "ended_at", timestamp(operation->ended_ms));
    return row;
}

static json_t *row_of_operation_id(const struct runtimes *runtimes, const char *id)
{
    char runtime_id[RUNTIME_ID_LENGTH_MAX + 1];
    const char *end = strchr(id, '\n');

    if (end == NULL || end - id > RUNTIME_ID_LENGTH_MAX)
        return NULL;
    snprintf(runtime_id, sizeof runtime_id, "%.*s", (int)(end - id), id);
    return row_of_operation(runtimes_operation(runtimes, runtime_id, end + 1));
}

json_t *runtime_row(const struct runtimes *runtimes, int table, const char *id)
{
    switch ((enum table)table) {
    case TABLE_CONFIGURATION: return configuration_row(runtimes_configuration(runtimes, id));
    case TABLE_RUNTIME: return row_of_runtime(runtimes_find(runtimes, id));
    case TABLE_OPERATION: return row_of_operation_id(runtimes, id);
    }
    return NULL;
}

/* --- From rows --- */

static int64_t time_of(const json_t *row, const char *name)
{
    int64_t time_ms = 0;

    if (!timestamp_parse(text_of(row, name), &time_ms))
        return 0;
    return time_ms;
}

static struct configuration *configuration_of(struct runtimes *runtimes, const json_t *row, const char *name)
{
    const char *hash = json_string_value(json_object_get(row, name));

    return hash == NULL ? NULL : runtimes_configuration_get(runtimes, hash);
}

static enum operation_state state_of(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++)
        if (strcmp(state_names[i], name) == 0)
            return (enum operation_state)i;
    return OPERATION_FAILED;
}

static void load_runtime(struct runtimes *runtimes, const json_t *row)
{
    const char *id = text_of(row, "runtime_id"), *operation_id = text_of(row, "operation_id");
    struct runtime *runtime;
    const json_t *waiting;
    size_t i;

    runtimes_forget(runtimes, id);
    runtime = runtimes_get(runtimes, id);
    text_set(&runtime->instance_id, text_of(row, "instance_id"));
    text_set(&runtime->tenant, text_of(row, "tenant"));
    text_set(&runtime->sub_account, text_of(row, "sub_account"));
    text_set(&runtime->plan, text_of(row, "plan"));
    text_set(&runtime->region, text_of(row, "region"));
    text_set(&runtime->shoot_name, text_of(row, "shoot_name"));
    text_set(&runtime->kyma_version, text_of(row, "kyma_version"));
    runtime->kyma_config = configuration_of(runtimes, row, "kyma_config");
    runtime->cluster_config = configuration_of(runtimes, row, "cluster_config");
    runtime->upgraded = json_is_true(json_object_get(row, "upgraded"));
    runtime->deprovisioned_ms = time_of(row, "deprovisioned_at");
    runtime->created_ms = time_of(row, "created_at");
    runtime->updated_ms = time_of(row, "updated_at");
    json_array_foreach(json_object_get(row, "waiting"), i, waiting) {
        runtime_waiting_add(runtime, text_of(waiting, "operationID"), text_of(waiting, "orchestrationID"),
                            text_of(waiting, "lane"));
    }
    if (*operation_id != '\0')
        runtimes_operation_new(runtimes, runtime, operation_id, 0);
}

/* Rows of tables come in the order of the tables, so the runtime is there and names its last operation. */
static void load_operation(struct runtimes *runtimes, const json_t *row)
{
    struct runtime *runtime = runtimes_find(runtimes, text_of(row, "runtime_id"));
    struct operation *operation = runtime == NULL ? NULL : runtime->operation;

    if (operation == NULL || strcmp(operation->id, text_of(row, "operation_id")) != 0)
        return;
    operation->type = operation_type_find(text_of(row, "type"));
    operation->state = state_of(text_of(row, "state"));
    operation->stage = stage_find(text_of(row, "stage"));
    operation->stopped = stage_find(text_of(row, "stopped_stage"));
    text_set(&operation->message, text_of(row, "message"));
    text_set(&operation->orchestration_id, text_of(row, "orchestration_id"));
    text_set(&operation->lane, text_of(row, "lane"));
    text_set(&operation->version, text_of(row, "version"));
    text_set(&operation->traceparent, text_of(row, "traceparent"));
    operation->configuration = configuration_of(runtimes, row, "configuration");
    operation->fence = json_integer_value(json_object_get(row, "fence"));
    operation->stage_since_ms = time_of(row, "stage_since");
    operation->started_ms = time_of(row, "started_at");
    operation->updated_ms = time_of(row, "updated_at");
    operation->ended_ms = time_of(row, "ended_at");
    runtimes_limit(runtimes, operation);
}

void runtime_load(struct runtimes *runtimes, int table, const json_t *row)
{
    switch ((enum table)table) {
    case TABLE_CONFIGURATION:
        runtimes_configuration_add(runtimes, text_of(row, "hash"), strcmp(text_of(row, "kind"), "cluster") == 0,
                                   json_object_get(row, "body"));
        break;
    case TABLE_RUNTIME: load_runtime(runtimes, row); break;
    case TABLE_OPERATION: load_operation(runtimes, row); break;
    }
}
