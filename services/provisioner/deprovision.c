/* deprovision.c - a runtime is to go: asked for by a client, or by an operator. */
#include <stdio.h>
#include <string.h>

#include "services/provisioner/decide.h"

enum { MESSAGE_SIZE = 512 };

/* Had a deprovisioning that failed begun to delete the cluster? */
static bool is_being_deleted(const struct runtime *runtime)
{
    const struct operation *last = runtime->operation;

    return last != NULL && operation_is_deprovisioning(last->type) && last->state == OPERATION_FAILED &&
           (last->stage == STAGE_WAIT_FOR_CLUSTER_DELETION || last->stopped == STAGE_WAIT_FOR_CLUSTER_DELETION);
}

/* Where to begin depends on what there is still to do. `message` has room for the first message. */
static struct start how(const struct runtime *runtime, char message[MESSAGE_SIZE])
{
    struct start start = runtime_start(runtime->kyma_config != NULL ? OPERATION_DEPROVISION
                                                                    : OPERATION_DEPROVISION_NO_INSTALL);

    if (runtime->deprovisioned_ms != 0)
        snprintf(message, MESSAGE_SIZE, "Cluster %s already deleted. Proceeding to DeprovisionCluster stage.",
                 runtime->id);
    else if (is_being_deleted(runtime))
        snprintf(message, MESSAGE_SIZE, "Cluster %.256s with id %s already scheduled for deletion.",
                 runtime->shoot_name, runtime->id);
    else
        return start;
    start.message = message;
    if (start.type == OPERATION_DEPROVISION)
        start.stage = STAGE_WAIT_FOR_CLUSTER_DELETION;
    return start;
}

/* An operator does not say whose runtime it is. */
static const struct runtime *find(const struct runtimes *runtimes, const struct request *request, struct error *why)
{
    const struct runtime *runtime;

    if (json_object_get(request->data, "tenant") != NULL)
        return client_runtime(runtimes, request, why);
    runtime = runtimes_find(runtimes, request->subject);
    if (runtime == NULL)
        error_set(why, ERROR_NOT_FOUND, "runtime %s not found", request->subject);
    return runtime;
}

static void begin(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                  struct decision *out)
{
    char message[MESSAGE_SIZE];
    struct start start = how(runtime, message);

    decision_event(out, EVENT_STARTED, runtime->id, runtime_started(runtimes, runtime, request, start));
    client_accept(request, out, start);
}

void runtime_decide_deprovision(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    struct error why;
    const struct runtime *runtime = NULL;

    if (!runtime_id_fits(text_of(request->data, "operationID")))
        error_set(&why, ERROR_INPUT, "operationID: must have 1 to %d printable characters", RUNTIME_ID_LENGTH_MAX);
    else
        runtime = find(runtimes, request, &why);
    if (runtime == NULL)
        client_refuse(request, out, &why);
    else if (client_repeats(runtime, request, out))
        return;
    else if (!client_is_free(runtime, &why))
        client_refuse(request, out, &why);
    else
        begin(runtimes, runtime, request, out);
}
