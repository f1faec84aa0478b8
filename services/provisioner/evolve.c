#include "services/provisioner/evolve.h"

#include <stdlib.h>
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

/* --- What events bring --- */

static void take_text(const json_t *data, const char *name, char **slot)
{
    const json_t *value = json_object_get(data, name);

    if (json_is_string(value))
        text_set(slot, json_string_value(value));
}

static void take_shared(struct runtimes *runtimes, const json_t *data, const char *name, const char **slot)
{
    const json_t *value = json_object_get(data, name);

    if (json_is_string(value))
        *slot = runtimes_share(runtimes, json_string_value(value));
}

/* An object or list, kept as text. */
static void take_json(const json_t *data, const char *name, char **slot)
{
    const json_t *value = json_object_get(data, name);
    char *text;

    if (!json_is_object(value) && !json_is_array(value))
        return;
    text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    text_set(slot, text);
    free(text);
}

static void take_flag(const json_t *data, const char *name, enum told *slot)
{
    const json_t *value = json_object_get(data, name);

    if (json_is_boolean(value))
        *slot = json_is_true(value) ? TOLD_YES : TOLD_NO;
}

struct configuration_names {
    const char *hash, *body;
    bool cluster;
};
static const struct configuration_names kyma_names = { "kymaConfigHash", "kymaConfig", false };
static const struct configuration_names cluster_names = { "clusterConfigHash", "clusterConfig", true };
static const struct configuration_names sent_names = { "configuration", "kymaConfig", false };

/* The configuration that the event names, if it names one; its body may come with it. False: it names none. */
static bool take_configuration(struct runtimes *runtimes, const json_t *data, struct configuration_names names,
                               struct configuration **slot, struct changes *out)
{
    const char *hash = json_string_value(json_object_get(data, names.hash));
    const json_t *body = json_object_get(data, names.body);

    if (hash == NULL)
        return false;
    *slot = configurations_get(&runtimes->configurations, hash);
    if (body != NULL && configurations_find(&runtimes->configurations, hash) == NULL) {
        configurations_add(&runtimes->configurations, hash, names.cluster, body);
        changes_row(out, TABLE_CONFIGURATION, (*slot)->hash);
    }
    return true;
}

static void set_kubeconfig(struct runtimes *runtimes, struct runtime *runtime, const char *kubeconfig,
                           const struct event *event, struct changes *out)
{
    char hash[KUBECONFIG_HASH_SIZE] = "";

    if (*kubeconfig != '\0')
        kubeconfig_hash(kubeconfig, hash);
    text_set(&runtime->kubeconfig_hash, hash);
    runtimes_kubeconfig_set(runtimes, runtime, kubeconfig, event->offset);
    changes_row(out, TABLE_KUBECONFIG, runtime->id);
}

static void take_kubeconfig(struct runtimes *runtimes, struct runtime *runtime, const json_t *data,
                            const struct event *event, struct changes *out)
{
    const char *kubeconfig = text_of(data, "kubeconfig");

    if (*kubeconfig == '\0')
        return;
    set_kubeconfig(runtimes, runtime, kubeconfig, event, out);
    runtime->ready = true;
}

/* --- Registration --- */

/* What is shared by many is named without its body later. */
static void keep(struct configuration *configuration, struct changes *out)
{
    if (configuration != NULL && configuration_keep(configuration))
        changes_row(out, TABLE_CONFIGURATION, configuration->hash);
}

/* One with secret values is this runtime's alone. */
static void keep_imported(struct configuration *configuration, struct changes *out)
{
    if (configuration != NULL && configuration->secrecy == SECRECY_NONE)
        keep(configuration, out);
}

/* Registered and changed alike: what the event names is so from now on. An import says what is installed; of a runtime
 * that is provisioned here nothing is. */
static void evolve_registration(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    struct runtime *runtime = runtimes_get(runtimes, event->subject);
    bool names_kyma, names_cluster;

    if (runtime->created_ms == 0)
        runtime->created_ms = event->time_ms;
    take_text(event->data, "instanceID", &runtime->instance_id);
    take_shared(runtimes, event->data, "tenant", &runtime->tenant);
    take_text(event->data, "subAccount", &runtime->sub_account);
    take_shared(runtimes, event->data, "plan", &runtime->plan);
    take_shared(runtimes, event->data, "region", &runtime->region);
    take_text(event->data, "shootName", &runtime->shoot_name);
    take_shared(runtimes, event->data, "kymaVersion", &runtime->kyma_version);
    take_text(event->data, "name", &runtime->name);
    take_text(event->data, "description", &runtime->description);
    take_text(event->data, "seed", &runtime->seed);
    take_json(event->data, "labels", &runtime->labels);
    take_json(event->data, "administrators", &runtime->administrators);
    names_kyma = take_configuration(runtimes, event->data, kyma_names, &runtime->kyma_config, out);
    names_cluster = take_configuration(runtimes, event->data, cluster_names, &runtime->cluster_config, out);
    take_kubeconfig(runtimes, runtime, event->data, event, out);
    if (*runtime->instance_id != '\0') {
        if (names_kyma)
            keep_imported(runtime->kyma_config, out);
        if (names_cluster)
            keep_imported(runtime->cluster_config, out);
        runtime->ready = true;
        if (!runtime->upgraded)
            runtime->installed = runtime->kyma_config;
    }
    runtime_changed(runtime, event, out);
}

static void evolve_configured(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    keep(configurations_add(&runtimes->configurations, text_of(event->data, "hash"), false,
                            json_object_get(event->data, "kymaConfig")),
         out);
}

/* --- Operations --- */

static void evolve_queued(struct runtime *runtime, const struct event *event, struct changes *out)
{
    runtime_waiting_add(runtime, event->data);
    runtime_changed(runtime, event, out);
}

/* A limit that the event does not name is the default's: such events are older than limits that can be set. */
static int64_t limit_of(const struct event *event, const char *name, enum stage stage)
{
    const json_t *limit = json_object_get(event->data, name);

    return json_is_integer(limit) ? json_integer_value(limit) : stage_rule(stage)->limit_ms;
}

/* A stage is ordered: its record is the fence, and its time the beginning of the limit. */
static void enter(struct runtimes *runtimes, struct operation *operation, const struct event *event)
{
    operation->stage = stage_find(text_of(event->data, "stage"));
    operation->stopped = stage_find(text_of(event->data, "stopped"));
    operation->limit_ms = limit_of(event, "limitMs", operation->stage);
    operation->stopped_limit_ms = operation->stopped == STAGE_NONE
                                      ? 0
                                      : limit_of(event, "stoppedLimitMs", operation->stopped);
    operation->fence = event->offset;
    operation->stage_since_ms = event->time_ms;
    operation->updated_ms = event->time_ms;
    text_set(&operation->message, text_of(event->data, "message"));
    runtimes_limit(runtimes, operation);
}

/* An upgrade's configuration is the active one from its start on. What a rollback brings back is what was last installed
 * with success; where nothing ever was, what was active before the first attempt. */
static void begin_upgrade(struct runtime *runtime, struct operation *operation, const struct operation *former)
{
    if (former != NULL && strcmp(former->id, operation->id) == 0 && former->pre != NULL)
        operation->pre = former->pre;
    else
        operation->pre = runtime->installed != NULL ? runtime->installed : runtime->kyma_config;
    runtime->kyma_config = operation->configuration;
    runtime->kyma_version = operation->version;
    runtime->upgraded = true;
}

static void evolve_started(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                           struct changes *out)
{
    const struct operation *former = runtime->operation;
    struct operation *operation = runtimes_operation_new(runtimes, runtime, text_of(event->data, "operationID"),
                                                         event->offset);

    operation->attempt = attempt_of(event->data);
    operation->type = operation_type_find(text_of(event->data, "type"));
    operation->state = OPERATION_IN_PROGRESS;
    operation->started_ms = event->time_ms;
    text_set(&operation->orchestration_id, text_of(event->data, "orchestrationID"));
    operation->lane = runtimes_share(runtimes, text_of(event->data, "lane"));
    operation->version = runtimes_share(runtimes, text_of(event->data, "version"));
    text_set(&operation->traceparent, event->traceparent);
    take_configuration(runtimes, event->data, sent_names, &operation->configuration, out);
    if (operation->type == OPERATION_UPGRADE_KYMA)
        begin_upgrade(runtime, operation, former);
    if (take_configuration(runtimes, event->data, cluster_names, &runtime->cluster_config, out)) {
        runtime->reshaped = true;
        operation->configuration = runtime->cluster_config;
    }
    take_json(event->data, "administrators", &runtime->administrators);
    enter(runtimes, operation, event);
    operation_changed(operation, out);
    runtime_changed(runtime, event, out);
}

/* What the driver learned while it carried out the stage. */
static void take_gives(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                       struct changes *out)
{
    const json_t *gives = json_object_get(event->data, "gives");
    bool raised = take_configuration(runtimes, event->data, cluster_names, &runtime->cluster_config, out);

    if (gives == NULL && !raised)
        return;
    if (raised)
        runtime->reshaped = true;
    if (*runtime->seed == '\0')
        take_text(gives, "seed", &runtime->seed);
    take_flag(gives, "hibernationPossible", &runtime->hibernation_possible);
    take_flag(gives, "hibernated", &runtime->hibernated);
    take_kubeconfig(runtimes, runtime, gives, event, out);
    runtime_changed(runtime, event, out);
}

static void evolve_advanced(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                            struct changes *out)
{
    take_gives(runtimes, runtime, event, out);
    enter(runtimes, runtime->operation, event);
    operation_changed(runtime->operation, out);
}

/* The stage goes on, so neither fence nor limit change. */
static void evolve_noted(struct runtime *runtime, const struct event *event, struct changes *out)
{
    struct operation *operation = runtime->operation;

    take_text(event->data, "message", &operation->message);
    take_json(event->data, "lastError", &operation->last_error);
    operation->updated_ms = event->time_ms;
    operation_changed(operation, out);
}

static void evolve_ended(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                         enum operation_state state, struct changes *out)
{
    struct operation *operation = runtime->operation;

    operation->state = state;
    operation->updated_ms = event->time_ms;
    operation->ended_ms = event->time_ms;
    text_set(&operation->message, text_of(event->data, "message"));
    take_json(event->data, "lastError", &operation->last_error);
    runtimes_limit(runtimes, operation);
    runtime_waiting_clear(runtime);
    operation_changed(operation, out);
    runtime_changed(runtime, event, out);
}

static void deprovisioned(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                          struct changes *out)
{
    if (runtime->deprovisioned_ms != 0)
        return;
    runtime->deprovisioned_ms = event->time_ms;
    runtime->hibernated = runtime->hibernation_possible = TOLD_NOTHING;
    set_kubeconfig(runtimes, runtime, "", event, out);
}

static void evolve_succeeded(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                             struct changes *out)
{
    take_gives(runtimes, runtime, event, out);
    switch (runtime->operation->type) {
    case OPERATION_PROVISION:
    case OPERATION_PROVISION_NO_INSTALL:
        runtime->ready = true;
        runtime->installed = runtime->kyma_config;
        if (runtime->hibernated == TOLD_NOTHING)
            runtime->hibernated = TOLD_NO;
        break;
    case OPERATION_UPGRADE_KYMA: runtime->installed = runtime->kyma_config; break;
    case OPERATION_UPGRADE_SHOOT: break;
    case OPERATION_HIBERNATE: runtime->hibernated = TOLD_YES; break;
    case OPERATION_DEPROVISION:
    case OPERATION_DEPROVISION_NO_INSTALL: deprovisioned(runtimes, runtime, event, out); break;
    }
    evolve_ended(runtimes, runtime, event, OPERATION_SUCCEEDED, out);
}

static void evolve_rolled_back(struct runtimes *runtimes, struct runtime *runtime, const struct event *event,
                               struct changes *out)
{
    take_configuration(runtimes, event->data, kyma_names, &runtime->kyma_config, out);
    runtime->installed = runtime->kyma_config;
    if (*text_of(event->data, "kymaVersion") != '\0')
        take_shared(runtimes, event->data, "kymaVersion", &runtime->kyma_version);
    runtime->operation->rolled_back = true;
    operation_changed(runtime->operation, out);
    runtime_changed(runtime, event, out);
}

/* --- Configurations, and their secret values, no longer than they can be needed --- */

enum { NEEDED_MAX = 4 };
struct needed {
    struct configuration *configurations[NEEDED_MAX];
};

/* What may still be asked for: the active configurations, the installed one, and what a rollback brings back. What runs
 * has the active ones. */
static struct needed needed_by(const struct runtime *runtime)
{
    if (runtime == NULL || runtime->deprovisioned_ms != 0)
        return (struct needed){ 0 };
    return (struct needed){ { runtime->kyma_config, runtime->installed,
                              runtime->operation == NULL ? NULL : runtime->operation->pre, runtime->cluster_config } };
}

static bool needs(const struct needed *needed, size_t count, const struct configuration *configuration)
{
    for (size_t i = 0; i < count; i++)
        if (needed->configurations[i] == configuration)
            return true;
    return false;
}

/* The `index`-th, if it is not in `other` and stands there for the first time; else NULL. */
static struct configuration *only_in(const struct needed *needed, size_t index, const struct needed *other)
{
    struct configuration *configuration = needed->configurations[index];

    return configuration == NULL || needs(other, NEEDED_MAX, configuration) || needs(needed, index, configuration)
               ? NULL
               : configuration;
}

/* One with secret values belongs to one runtime alone, so nobody else needs what this one no longer does. */
static void let_go(struct runtimes *runtimes, struct configuration *configuration, int64_t offset, struct changes *out)
{
    bool spent = configurations_spend(&runtimes->configurations, configuration);
    bool counted = configurations_unuse(&runtimes->configurations, configuration, offset);

    if (spent || counted)
        changes_row(out, TABLE_CONFIGURATION, configuration->hash);
}

static void account(struct runtimes *runtimes, const struct needed *before, const struct needed *after, int64_t offset,
                    struct changes *out)
{
    struct configuration *configuration;

    for (size_t i = 0; i < NEEDED_MAX; i++) {
        configuration = only_in(after, i, before);
        if (configuration != NULL && configuration_use(configuration))
            changes_row(out, TABLE_CONFIGURATION, configuration->hash);
    }
    for (size_t i = 0; i < NEEDED_MAX; i++) {
        configuration = only_in(before, i, after);
        if (configuration != NULL)
            let_go(runtimes, configuration, offset, out);
    }
}

void runtime_evolve(struct runtimes *runtimes, const struct event *event, struct changes *out)
{
    struct runtime *runtime = runtimes_find(runtimes, event->subject);
    struct needed before = needed_by(runtime), after;

    runtimes_pass(runtimes, event->offset);
    switch ((enum event_type)event->type) {
    case EVENT_REGISTERED:
    case EVENT_CHANGED: evolve_registration(runtimes, event, out); break;
    case EVENT_CONFIGURED: evolve_configured(runtimes, event, out); break;
    case EVENT_QUEUED: evolve_queued(runtime, event, out); break;
    case EVENT_STARTED: evolve_started(runtimes, runtime, event, out); break;
    case EVENT_ADVANCED: evolve_advanced(runtimes, runtime, event, out); break;
    case EVENT_NOTED:
    case EVENT_RETRIED: evolve_noted(runtime, event, out); break;
    case EVENT_SUCCEEDED: evolve_succeeded(runtimes, runtime, event, out); break;
    case EVENT_FAILED: evolve_ended(runtimes, runtime, event, OPERATION_FAILED, out); break;
    case EVENT_ROLLED_BACK: evolve_rolled_back(runtimes, runtime, event, out); break;
    case EVENT_CONFIRMED:
    case EVENT_REJECTED:
    case EVENT_REFUSED:
    case EVENT_REHEARSED: return; /* kept for the audit; the state stays as it was */
    }
    after = needed_by(runtimes_find(runtimes, event->subject));
    account(runtimes, &before, &after, event->offset, out);
}
