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

/* The names are all plain; that need not be found out for each row. */
static void put(json_t *row, const char *name, json_t *value)
{
    json_object_set_new_nocheck(row, name, value);
}

/* `time_ms` 0: none. */
static json_t *timestamp(int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    if (time_ms == 0)
        return json_null();
    timestamp_format(time_ms, text);
    return json_string(text);
}

/* A JSON text as it is kept. */
static json_t *value_or_null(const char *text)
{
    return *text == '\0' ? json_null() : json_loads(text, 0, NULL);
}

static json_t *told(enum told told)
{
    return told == TOLD_NOTHING ? json_null() : json_boolean(told == TOLD_YES);
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
    if (configuration == NULL || configuration->body == NULL)
        return NULL;
    return json_pack("{s:s,s:s,s:b,s:I,s:o}", "hash", configuration->hash, "kind",
                     configuration->cluster ? "cluster" : "kyma", "kept", configuration->kept, "users",
                     (json_int_t)configuration->users, "body", json_loads(configuration->body, JSON_DECODE_ANY, NULL));
}

static json_t *row_of_runtime(const struct runtime *runtime)
{
    json_t *row;

    if (runtime == NULL)
        return NULL;
    row = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "runtime_id", runtime->id, "instance_id", runtime->instance_id,
                    "tenant", runtime->tenant, "sub_account", runtime->sub_account, "plan", runtime->plan, "region",
                    runtime->region, "shoot_name", runtime->shoot_name, "kyma_version", runtime->kyma_version);
    put(row, "kyma_config", hash_or_null(runtime->kyma_config));
    put(row, "cluster_config", hash_or_null(runtime->cluster_config));
    put(row, "installed", hash_or_null(runtime->installed));
    put(row, "upgraded", json_boolean(runtime->upgraded));
    put(row, "reshaped", json_boolean(runtime->reshaped));
    put(row, "ready", json_boolean(runtime->ready));
    put(row, "name", json_string(runtime->name));
    put(row, "description", json_string(runtime->description));
    put(row, "labels", or_null(runtime->labels));
    put(row, "administrators", value_or_null(runtime->administrators));
    put(row, "seed", json_string(runtime->seed));
    put(row, "kubeconfig_hash", json_string(runtime->kubeconfig_hash));
    put(row, "hibernated", told(runtime->hibernated));
    put(row, "hibernation_possible", told(runtime->hibernation_possible));
    put(row, "operation_id", runtime->operation == NULL ? json_null() : json_string(runtime->operation->id));
    put(row, "running", json_boolean(runtime_busy(runtime)));
    put(row, "waiting", runtime_waiting(runtime));
    put(row, "deprovisioned_at", timestamp(runtime->deprovisioned_ms));
    put(row, "created_at", timestamp(runtime->created_ms));
    put(row, "updated_at", timestamp(runtime->updated_ms));
    return row;
}

static json_t *row_of_kubeconfig(const struct runtime *runtime)
{
    if (runtime == NULL || runtime->kubeconfig == NULL)
        return NULL; /* none, or written long ago */
    return json_pack("{s:s,s:s}", "runtime_id", runtime->id, "kubeconfig", runtime->kubeconfig->text);
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
    put(row, "attempt", json_integer(operation->attempt));
    put(row, "limit_ms", json_integer(operation->limit_ms));
    put(row, "stopped_stage", or_null(stage_rule(operation->stopped)->name));
    put(row, "stopped_limit_ms", json_integer(operation->stopped_limit_ms));
    put(row, "last_error", value_or_null(operation->last_error));
    put(row, "pre", hash_or_null(operation->pre));
    put(row, "rolled_back", json_boolean(operation->rolled_back));
    put(row, "orchestration_id", or_null(operation->orchestration_id));
    put(row, "lane", or_null(operation->lane));
    put(row, "version", or_null(operation->version));
    put(row, "traceparent", or_null(operation->traceparent));
    put(row, "configuration", hash_or_null(operation->configuration));
    put(row, "stage_since", timestamp(operation->stage_since_ms));
    put(row, "started_at", timestamp(operation->started_ms));
    put(row, "updated_at", timestamp(operation->updated_ms));
    put(row, "ended_at", timestamp(operation->ended_ms));
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
    case TABLE_CONFIGURATION: return configuration_row(configurations_named(&runtimes->configurations, id));
    case TABLE_RUNTIME: return row_of_runtime(runtimes_find(runtimes, id));
    case TABLE_OPERATION: return row_of_operation_id(runtimes, id);
    case TABLE_KUBECONFIG: return row_of_kubeconfig(runtimes_find(runtimes, id));
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

    return hash == NULL ? NULL : configurations_get(&runtimes->configurations, hash);
}

/* An object or list, kept as text. */
static void set_json(char **slot, const json_t *value)
{
    char *text = json_is_object(value) || json_is_array(value) ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS)
                                                               : NULL;

    text_set(slot, text);
    free(text);
}

static enum told told_of(const json_t *row, const char *name)
{
    const json_t *value = json_object_get(row, name);

    return json_is_boolean(value) ? (json_is_true(value) ? TOLD_YES : TOLD_NO) : TOLD_NOTHING;
}

static int64_t integer_of(const json_t *row, const char *name)
{
    return json_integer_value(json_object_get(row, name));
}

static enum operation_state state_of(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++)
        if (strcmp(state_names[i], name) == 0)
            return (enum operation_state)i;
    return OPERATION_FAILED;
}

static void load_configuration(struct runtimes *runtimes, const json_t *row)
{
    struct configuration *configuration = configurations_add(&runtimes->configurations, text_of(row, "hash"),
                                                             strcmp(text_of(row, "kind"), "cluster") == 0,
                                                             json_object_get(row, "body"));

    configurations_restore(&runtimes->configurations, configuration, integer_of(row, "users"),
                           json_is_true(json_object_get(row, "kept")));
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
    runtime->tenant = runtimes_share(runtimes, text_of(row, "tenant"));
    text_set(&runtime->sub_account, text_of(row, "sub_account"));
    runtime->plan = runtimes_share(runtimes, text_of(row, "plan"));
    runtime->region = runtimes_share(runtimes, text_of(row, "region"));
    text_set(&runtime->shoot_name, text_of(row, "shoot_name"));
    runtime->kyma_version = runtimes_share(runtimes, text_of(row, "kyma_version"));
    runtime->kyma_config = configuration_of(runtimes, row, "kyma_config");
    runtime->cluster_config = configuration_of(runtimes, row, "cluster_config");
    runtime->installed = configuration_of(runtimes, row, "installed");
    runtime->upgraded = json_is_true(json_object_get(row, "upgraded"));
    runtime->reshaped = json_is_true(json_object_get(row, "reshaped"));
    runtime->ready = json_is_true(json_object_get(row, "ready"));
    text_set(&runtime->name, text_of(row, "name"));
    text_set(&runtime->description, text_of(row, "description"));
    text_set(&runtime->labels, text_of(row, "labels"));
    set_json(&runtime->administrators, json_object_get(row, "administrators"));
    text_set(&runtime->seed, text_of(row, "seed"));
    text_set(&runtime->kubeconfig_hash, text_of(row, "kubeconfig_hash"));
    runtime->hibernated = told_of(row, "hibernated");
    runtime->hibernation_possible = told_of(row, "hibernation_possible");
    runtime->deprovisioned_ms = time_of(row, "deprovisioned_at");
    runtime->created_ms = time_of(row, "created_at");
    runtime->updated_ms = time_of(row, "updated_at");
    json_array_foreach(json_object_get(row, "waiting"), i, waiting) {
        runtime_waiting_add(runtime, waiting);
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
    operation->attempt = (int)integer_of(row, "attempt");
    operation->state = state_of(text_of(row, "state"));
    operation->stage = stage_find(text_of(row, "stage"));
    operation->stopped = stage_find(text_of(row, "stopped_stage"));
    text_set(&operation->message, text_of(row, "message"));
    text_set(&operation->orchestration_id, text_of(row, "orchestration_id"));
    operation->lane = runtimes_share(runtimes, text_of(row, "lane"));
    operation->version = runtimes_share(runtimes, text_of(row, "version"));
    text_set(&operation->traceparent, text_of(row, "traceparent"));
    set_json(&operation->last_error, json_object_get(row, "last_error"));
    operation->configuration = configuration_of(runtimes, row, "configuration");
    operation->pre = configuration_of(runtimes, row, "pre");
    operation->rolled_back = json_is_true(json_object_get(row, "rolled_back"));
    operation->fence = integer_of(row, "fence");
    operation->limit_ms = integer_of(row, "limit_ms");
    operation->stopped_limit_ms = integer_of(row, "stopped_limit_ms");
    operation->stage_since_ms = time_of(row, "stage_since");
    operation->started_ms = time_of(row, "started_at");
    operation->updated_ms = time_of(row, "updated_at");
    operation->ended_ms = time_of(row, "ended_at");
    runtimes_limit(runtimes, operation);
}

/* What is written already is forgotten again soon. */
static void load_kubeconfig(struct runtimes *runtimes, const json_t *row)
{
    struct runtime *runtime = runtimes_find(runtimes, text_of(row, "runtime_id"));

    if (runtime != NULL)
        runtimes_kubeconfig_set(runtimes, runtime, text_of(row, "kubeconfig"), 0);
}

void runtime_load(struct runtimes *runtimes, int table, const json_t *row)
{
    switch ((enum table)table) {
    case TABLE_CONFIGURATION: load_configuration(runtimes, row); break;
    case TABLE_RUNTIME: load_runtime(runtimes, row); break;
    case TABLE_OPERATION: load_operation(runtimes, row); break;
    case TABLE_KUBECONFIG: load_kubeconfig(runtimes, row); break;
    }
}
