#include "services/provisioner/evolve.h"

#include <string.h>

#include "services/provisioner/rows.h"

static void operation_changed(const struct operation *operation, struct changes *out)
{
    char id[OPERATION_ROW_ID_SIZE];

    operation_row_id(operation, id);
    changes_row(out, TABLE_OPERATION, id);
}

static void runtime_changed(struct runtime *runtime, const struct event *event, struct changes *out)
{
    runtime->updated_ms = event->time_ms;
    changes_row(out, TABLE_RUNTIME, runtime->id);
}

/* --- Registration --- */

/* The configuration that the event names as `hash_name`, if it names one; its body may come with it. */
static void take_configuration(struct runtimes *runtimes, const json_t *data, bool cluster, struct configuration **slot,
                               struct changes *out)
{
    const json_t *hash = json_object_get(data, cluster ? "clusterConfigHash" : "kymaConfigHash");
    const json_t *body = json_object_get(data, cluster ? "clusterConfig" : "kymaConfig");

    if (!json_is_string(hash))
        return;
    *slot = runtimes_configuration_get(runtimes, json_string_value(hash));
    if (body == NULL || (*slot)->body != NULL)
        return;
    runtimes_configuration_add(runtimes, (*slot)->hash, cluster, body);
    changes_row(out, TABLE_CONFIGURATION, (*slot)->hash);
}

static void take_text(const json_t *data, const char *name, char **slot)
{
    const json_t *value = json_object_get(data, name);

    if (json_is_string(value))
        text_set(slot, json_string_value(value));
}

/* Registered and changed alike: what the event names is so from now on. */
static void evolve_registration(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    struct runtime *runtime = runtimes_get(runtimes, event->subject);

    if (runtime->created_ms == 0)
        runtime->created_ms = event->time_ms;
    take_text(event->data, "instanceID", &runtime->instance_id);
    take_text(event->data, "tenant", &runtime->tenant);
    take_text(event->data, "subAccount", &runtime->sub_account);
    take_text(event->data, "plan", &runtime->plan);
    take_text(event->data, "region", &runtime->region);
    take_text(event->data, "shootName", &runtime->shoot_name);
    take_text(event->data, "kymaVersion", &runtime->kyma_version);
    take_configuration(runtimes, event->data, false, &runtime->kyma_config, out);
    take_configuration(runtimes, event->data, true, &runtime->cluster_config, out);
    runtime_changed(runtime, event, out);
}

static void evolve_configured(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    const char *hash = text_of(event->data, "hash");

    if (runtimes_configuration(runtimes, hash) != NULL)
        return;
    runtimes_configuration_add(runtimes, hash, false, json_object_get(event->data, "kymaConfig"));
    changes_row(out, TABLE_CONFIGURATION, hash);
}

/* --- Operations --- */

static void evolve_queued(struct runtime *runtime, const struct event *event, struct changes *out)
{
    runtime_waiting_add(runtime, text_of(event->data, "operationID"), text_of(event->data, "orchestrationID"),
                        text_of(event->data, "lane"));
    runtime_changed(runtime, event, out);
}

/* A stage is ordered: its record is the fence, and its time the beginning of the limit. */
static void enter(struct runtimes *runtimes, struct operation *operation, const struct event *event)
{
    operation->stage = stage_find(text_of(event->data, "stage"));
    operation->stopped = stage_find(text_of(event->data, "stopped"));
    operation->fence = event->offset;
    operation->stage_since_ms = event->time_ms;
    operation->updated_ms = event->time_ms;
    text_set(&operation->message, text_of(event->data, "message"));
    runtimes_limit(runtimes, operation);
}

static void evolve_started(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                           struct changes *out)
{
    const json_t *configuration = json_object_get(event->data, "configuration");
    struct operation *operation = runtimes_operation_new(runtimes, runtime, text_of(event->data, "operationID"),
                                                         event->offset);

    operation->type = operation_type_find(text_of(event->data, "type"));
    operation->state = OPERATION_IN_PROGRESS;
    operation->started_ms = event->time_ms;
    text_set(&operation->orchestration_id, text_of(event->data, "orchestrationID"));
    text_set(&operation->lane, text_of(event->data, "lane"));
    text_set(&operation->version, text_of(event->data, "version"));
    text_set(&operation->traceparent, event->traceparent);
    if (configuration != NULL)
        operation->configuration = runtimes_configuration_get(runtimes, json_string_value(configuration));
    enter(runtimes, operation, event);
    operation_changed(operation, out);
    runtime_changed(runtime, event, out);
}

static void evolve_advanced(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                            struct changes *out)
{
    enter(runtimes, runtime->operation, event);
    operation_changed(runtime->operation, out);
}

static void evolve_ended(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                         enum operation_state state, struct changes *out)
{
    struct operation *operation = runtime->operation;

    operation->state = state;
    operation->updated_ms = event->time_ms;
    operation->ended_ms = event->time_ms;
    text_set(&operation->message, text_of(event->data, "message"));
    runtimes_limit(runtimes, operation);
    runtime_waiting_clear(runtime);
    operation_changed(operation, out);
    runtime_changed(runtime, event, out);
}

static void evolve_succeeded(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                             struct changes *out)
{
    const struct operation *operation = runtime->operation;

    if (operation->type == OPERATION_UPGRADE_KYMA) {
        text_set(&runtime->kyma_version, operation->version);
        runtime->kyma_config = operation->configuration;
        runtime->upgraded = true;
    } else if (runtime->deprovisioned_ms == 0) {
        runtime->deprovisioned_ms = event->time_ms;
    }
    evolve_ended(runtimes, runtime, event, OPERATION_SUCCEEDED, out);
}

void runtime_evolve(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    struct runtime *runtime = runtimes_find(runtimes, event->subject);

    runtimes_pass(runtimes, event->offset);
    switch ((enum event_type)event->type) {
    case EVENT_REGISTERED:
    case EVENT_CHANGED: evolve_registration(runtimes, event, out); break;
    case EVENT_CONFIGURED: evolve_configured(runtimes, event, out); break;
    case EVENT_QUEUED: evolve_queued(runtime, event, out); break;
    case EVENT_STARTED: evolve_started(runtimes, runtime, event, out); break;
    case EVENT_ADVANCED: evolve_advanced(runtimes, runtime, event, out); break;
    case EVENT_SUCCEEDED: evolve_succeeded(runtimes, runtime, event, out); break;
    case EVENT_FAILED: evolve_ended(runtimes, runtime, event, OPERATION_FAILED, out); break;
    case EVENT_CONFIRMED:
    case EVENT_REJECTED:
    case EVENT_REFUSED: break; /* kept for the audit; the state stays as it was */
    }
}
