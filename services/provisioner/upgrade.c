/* upgrade.c - upgrades of Kyma: an orchestration's, which wait for a busy runtime, and a client's, which do not. */
#include <stdio.h>
#include <string.h>

#include "common/json/lenient.h"
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

/* What an upgrade needs is there: a cluster that is awake, with Kyma. False: `why`; that there is no Kyma is the API's
 * only refusal of a server's kind (500). */
static bool is_upgradable(const struct runtime *runtime, struct error *why)
{
    if (runtime->kyma_config == NULL)
        return error_set(why, ERROR_INTERNAL,
                         "failed to upgrade cluster: %s Kyma configuration of the cluster is managed by Reconciler",
                         runtime->id);
    if (!runtime->ready)
        return error_set(why, ERROR_CONFLICT,
                         "failed to upgrade cluster: runtime %s was never ready, so there is nothing to upgrade",
                         runtime->id);
    if (runtime->hibernated == TOLD_YES)
        return error_set(why, ERROR_CONFLICT, "failed to upgrade cluster: runtime %s is hibernated", runtime->id);
    return true;
}

/* --- An orchestration's --- */

static json_t *upgrade_names(const struct request *request)
{
    return json_pack("{s:s,s:s,s:s}", "operationID", text_of(request->data, "operationID"), "orchestrationID",
                     text_of(request->data, "orchestrationID"), "lane", text_of(request->data, "lane"));
}

static void refuse(const struct request *request, struct decision *out, const char *result, const char *message)
{
    json_t *data = upgrade_names(request);

    json_object_set_new(data, "result", json_string(result));
    json_object_set_new(data, "message", json_text(message));
    decision_event(out, EVENT_REFUSED, request->subject, data);
}

static bool is_preempted(const struct runtime *runtime)
{
    return runtime->operation != NULL && operation_is_deprovisioning(runtime->operation->type);
}

/* What is reported of an upgrade that cannot start, now or ever, and `why`; NULL: nothing speaks against it but a running
 * operation. */
static const char *hindrance(const struct runtimes *runtimes, const struct runtime *runtime,
                             const struct request *request, struct error *why)
{
    const char *tenant = text_of(request->data, "globalAccountID");
    const char *configuration = text_of(request->data, "configuration");

    /* Another account's runtime is answered like none: who does not own it learns nothing of it. */
    if (runtime == NULL || (*tenant != '\0' && strcmp(tenant, runtime->tenant) != 0)) {
        error_set(why, ERROR_NOT_FOUND, "runtime %s not found", request->subject);
    } else if (is_preempted(runtime)) {
        error_set(why, ERROR_CONFLICT, "operation preempted by deprovisioning %s", runtime->operation->id);
        return "preempted";
    } else if (runtime_busy(runtime)) {
        if (runtime->waiting_count < RUNTIME_WAITING_MAX)
            return NULL;
        error_set(why, ERROR_CONFLICT, "%d operations wait for runtime %s already", RUNTIME_WAITING_MAX, runtime->id);
    } else if (configurations_find(&runtimes->configurations, configuration) == NULL) {
        error_set(why, ERROR_NOT_FOUND, "configuration %s of Kyma %s is not known", configuration,
                  text_of(request->data, "version"));
    } else if (is_upgradable(runtime, why)) {
        return NULL;
    }
    return "refused";
}

static void start_ordered(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                          struct decision *out)
{
    json_t *data = runtime_started(runtimes, runtime, request, runtime_start(OPERATION_UPGRADE_KYMA));

    json_object_set_new(data, "orchestrationID", json_string(text_of(request->data, "orchestrationID")));
    json_object_set_new(data, "lane", json_string(text_of(request->data, "lane")));
    json_object_set_new(data, "version", json_string(text_of(request->data, "version")));
    json_object_set_new(data, "configuration", json_string(text_of(request->data, "configuration")));
    decision_event(out, EVENT_STARTED, runtime->id, data);
}

void runtime_decide_upgrade(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    const char *operation_id = text_of(request->data, "operationID"), *result;
    struct error why;

    if (!runtime_id_fits(operation_id) || *text_of(request->data, "lane") == '\0' ||
        *text_of(request->data, "orchestrationID") == '\0')
        runtime_reject(request, 400, out, "operationID, orchestrationID and lane: must be given");
    else if (runtime_knows_operation(runtime, operation_id))
        return;
    else if ((result = hindrance(runtimes, runtime, request, &why)) != NULL)
        refuse(request, out, result, why.message);
    else if (runtime_busy(runtime))
        decision_event(out, EVENT_QUEUED, runtime->id, upgrade_names(request));
    else
        start_ordered(runtimes, runtime, request, out);
}

/* --- A client's --- */

/* The new configuration's body; own. NULL: `why`. The checks stand in the order of the API. */
static json_t *admit(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                     struct error *why)
{
    json_t *body = input_kyma(json_object_get(request->data, "kymaConfig"), why);
    struct error inner;

    if (body == NULL) {
        inner = *why;
        error_set(why, ERROR_INPUT,
                  "validation error while starting Runtime upgrade, error: Kyma config validation error, error: %s",
                  inner.message);
        return NULL;
    }
    if (client_may_start(runtime, why)) {
        if (!client_release(runtimes, text_of(body, "version"), &inner))
            error_set(why, ERROR_INPUT, "failed to convert KymaConfigInput, %s", inner.message);
        else if (is_upgradable(runtime, why))
            return body;
    }
    json_decref(body);
    return NULL;
}

static void start_asked(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                        const json_t *body, struct decision *out)
{
    struct start start = runtime_start(OPERATION_UPGRADE_KYMA);
    json_t *data = runtime_started(runtimes, runtime, request, start);
    char hash[SHA256_HEX_SIZE];

    configuration_name(body, runtime->id, hash);
    json_object_set_new(data, "version", json_string(text_of(body, "version")));
    runtime_name_configuration(runtimes, data, "configuration", "kymaConfig", hash, body);
    decision_event(out, EVENT_STARTED, runtime->id, data);
    client_accept(request, out, start);
}

void runtime_decide_upgrade_kyma(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    client_decide(runtimes, request, out, admit, start_asked);
}
