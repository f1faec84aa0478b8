#include "services/provisioner/calls.h"

#include <stdlib.h>
#include <string.h>

/* What a stage needs beside its operation. */
static json_t *detail(const struct runtimes *runtimes, const struct runtime *runtime)
{
    const struct operation *operation = runtime->operation;
    json_t *detail = json_pack("{s:s,s:s}", "tenant", runtime->tenant, "type", operation_rule(operation->type)->name);

    attempt_set(detail, operation->attempt);
    switch (operation->stage) {
    case STAGE_STARTING_INSTALLATION:
    case STAGE_STARTING_UPGRADE:
        json_object_set_new(detail, "version", json_string(operation->version));
        json_object_set_new(detail, "configuration",
                            operation->configuration == NULL ? json_null()
                                                             : json_string(operation->configuration->hash));
        json_object_set_new(detail, "kymaConfig",
                            configuration_body(&runtimes->configurations, operation->configuration));
        break;
    case STAGE_WAITING_FOR_CLUSTER_DOMAIN:
    case STAGE_WAITING_FOR_CLUSTER_CREATION:
    case STAGE_WAITING_FOR_SHOOT_NEW_VERSION:
    case STAGE_WAITING_FOR_SHOOT_UPGRADE:
        json_object_set_new(detail, "clusterConfig",
                            configuration_body(&runtimes->configurations, runtime->cluster_config));
        json_object_set_new(detail, "shootName", json_string(runtime->shoot_name));
        json_object_set_new(detail, "subAccount", json_string(runtime->sub_account));
        break;
    case STAGE_CREATING_BINDINGS_FOR_OPERATORS:
        json_object_set_new(detail, "administrators",
                            *runtime->administrators == '\0' ? json_array()
                                                             : json_loads(runtime->administrators, 0, NULL));
        break;
    case STAGE_NONE:
    case STAGE_WAITING_FOR_INSTALLATION:
    case STAGE_CONNECT_RUNTIME_AGENT:
    case STAGE_WAIT_FOR_AGENT_TO_CONNECT:
    case STAGE_UPDATING_UPGRADE_STATE:
    case STAGE_WAIT_FOR_HIBERNATION:
    case STAGE_CLEANUP_CLUSTER:
    case STAGE_TRIGGER_KYMA_UNINSTALL:
    case STAGE_DEPROVISION_CLUSTER:
    case STAGE_WAIT_FOR_CLUSTER_DELETION:
    case STAGE_STOPPING:
    case STAGE_COUNT: break;
    }
    return detail;
}

static void call(const struct runtimes *runtimes, const struct runtime *runtime, struct calls *out)
{
    const struct operation *operation = runtime->operation;

    calls_add(out, (struct call){ .runtime_id = operation->runtime_id,
                                  .operation_id = operation->id,
                                  .stage = stage_rule(operation->stage)->name,
                                  .fence = operation->fence,
                                  .ordered_at_ms = operation->stage_since_ms,
                                  .detail = detail(runtimes, runtime) });
}

void runtime_drive(const struct runtimes *runtimes, const struct event *event, struct calls *out)
{
    if (event->type == EVENT_STARTED || event->type == EVENT_ADVANCED)
        call(runtimes, runtimes_find(runtimes, event->subject), out);
}

/* --- All that runs, after a takeover --- */

struct running {
    const struct operation *operation;
};

/* In the order in which they were ordered. */
static int by_fence(const void *a, const void *b)
{
    const struct operation *left = ((const struct running *)a)->operation;
    const struct operation *right = ((const struct running *)b)->operation;

    if (left->fence != right->fence)
        return left->fence < right->fence ? -1 : 1;
    return strcmp(left->runtime_id, right->runtime_id);
}

void runtime_resume(const struct runtimes *runtimes, struct calls *out)
{
    size_t count = runtimes->limits.count;
    struct running *running = calloc(count + 1, sizeof *running);

    if (running == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        running[i].operation = operation_of_limit(runtimes->limits.items[i]);
    qsort(running, count, sizeof *running, by_fence);
    for (size_t i = 0; i < count; i++)
        call(runtimes, runtimes_find(runtimes, running[i].operation->runtime_id), out);
    free(running);
}
