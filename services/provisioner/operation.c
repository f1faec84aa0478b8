/* operation.c - the one operation of a runtime: how it starts, goes from stage to stage, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "services/provisioner/decide.h"

enum { MINUTE_MS = 60000 };

bool runtime_id_fits(const char *id)
{
    size_t length = strlen(id);

    if (length == 0 || length > RUNTIME_ID_LENGTH_MAX)
        return false;
    for (const char *c = id; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

void runtime_reject_with(const struct request *request, int status, struct decision *out, const char *reason,
                         json_t *more)
{
    json_t *data = json_pack("{s:s,s:s}", "request", runtime_core.request_types[request->type], "reason", reason);
    json_t *actor = json_object_get(request->data, "actor"), *id = json_object_get(request->data, "operationID");

    if (json_is_object(actor))
        json_object_set(data, "actor", actor);
    if (json_is_string(id))
        json_object_set(data, "operationID", id);
    json_object_update(data, more);
    json_decref(more);
    decision_event(out, EVENT_REJECTED, request->subject, data);
    if (request->asked != NULL)
        decision_outcome(out, status, json_pack("{s:s}", "error", reason));
}

void runtime_reject(const struct request *request, int status, struct decision *out, const char *reason)
{
    runtime_reject_with(request, status, out, reason, json_object());
}

/* --- Upgrade --- */

static json_t *upgrade_names(const struct request *request)
{
    return json_pack("{s:s,s:s,s:s}", "operationID", text_of(request->data, "operationID"), "orchestrationID",
                     text_of(request->data, "orchestrationID"), "lane", text_of(request->data, "lane"));
}

static void refuse(const struct request *request, struct decision *out, const char *result, const char *message)
{
    json_t *data = upgrade_names(request);

    json_object_set_new(data, "result", json_string(result));
    json_object_set_new(data, "message", json_string(message));
    decision_event(out, EVENT_REFUSED, request->subject, data);
}

/* Why an upgrade of `runtime` cannot start, now or ever; false: nothing speaks against it but a running operation. */
static bool impossible(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                       struct error *why)
{
    const char *tenant = text_of(request->data, "globalAccountID");
    const char *configuration = text_of(request->data, "configuration");

    /* Another account's runtime is answered like none: who does not own it learns nothing of it. */
    if (runtime == NULL || (*tenant != '\0' && strcmp(tenant, runtime->tenant) != 0))
        return !error_set(why, ERROR_NOT_FOUND, "runtime %s not found", request->subject);
    if (runtime->operation != NULL && runtime->operation->type == OPERATION_DEPROVISION)
        return !error_set(why, ERROR_CONFLICT, "operation preempted by deprovisioning %s", runtime->operation->id);
    if (!runtime_busy(runtime) && runtimes_configuration(runtimes, configuration) == NULL)
        return !error_set(why, ERROR_NOT_FOUND, "configuration %s of Kyma %s is not known", configuration,
                          text_of(request->data, "version"));
    if (runtime_busy(runtime) && runtime->waiting_count >= RUNTIME_WAITING_MAX)
        return !error_set(why, ERROR_CONFLICT, "%d operations wait for runtime %s already", RUNTIME_WAITING_MAX,
                          runtime->id);
    return false;
}

static json_t *started(const char *operation_id, enum operation_type type, enum stage stage, const char *message)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "operationID", operation_id, "type", operation_rule(type)->name, "stage",
                     stage_rule(stage)->name, "message", message);
}

static void start_upgrade(const struct runtime *runtime, const struct request *request, struct decision *out)
{
    const struct operation_rule *rule = operation_rule(OPERATION_UPGRADE_KYMA);
    json_t *data = started(text_of(request->data, "operationID"), OPERATION_UPGRADE_KYMA, rule->first, rule->message);

    json_object_set_new(data, "instanceID", json_string(runtime->instance_id));
    json_object_set_new(data, "orchestrationID", json_string(text_of(request->data, "orchestrationID")));
    json_object_set_new(data, "lane", json_string(text_of(request->data, "lane")));
    json_object_set_new(data, "version", json_string(text_of(request->data, "version")));
    json_object_set_new(data, "configuration", json_string(text_of(request->data, "configuration")));
    decision_event(out, EVENT_STARTED, runtime->id, data);
}

/* Is it what runs, has run last, or waits? Then the request is a repetition. */
static bool is_known(const struct runtime *runtime, const char *operation_id)
{
    return runtime != NULL && ((runtime->operation != NULL && strcmp(runtime->operation->id, operation_id) == 0) ||
                               runtime_waits(runtime, operation_id));
}

void runtime_decide_upgrade(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    const char *operation_id = text_of(request->data, "operationID");
    struct error why;

    if (!runtime_id_fits(operation_id) || *text_of(request->data, "lane") == '\0' ||
        *text_of(request->data, "orchestrationID") == '\0')
        runtime_reject(request, 400, out, "operationID, orchestrationID and lane: must be given");
    else if (is_known(runtime, operation_id))
        return;
    else if (impossible(runtimes, runtime, request, &why))
        refuse(request, out, strncmp(why.message, "operation preempted", 19) == 0 ? "preempted" : "refused",
               why.message);
    else if (runtime_busy(runtime))
        decision_event(out, EVENT_QUEUED, runtime->id, upgrade_names(request));
    else
        start_upgrade(runtime, request, out);
}

/* --- Deprovisioning --- */

static void start_deprovision(const struct runtime *runtime, const struct request *request, struct decision *out)
{
    const struct operation_rule *rule = operation_rule(OPERATION_DEPROVISION);
    const char *operation_id = text_of(request->data, "operationID");
    json_t *data, *actor = json_object_get(request->data, "actor");
    char gone[128];

    if (runtime->deprovisioned_ms == 0) {
        data = started(operation_id, OPERATION_DEPROVISION, rule->first, rule->message);
    } else {
        snprintf(gone, sizeof gone, "Cluster %s already deleted. Proceeding to DeprovisionCluster stage.", runtime->id);
        data = started(operation_id, OPERATION_DEPROVISION, STAGE_WAIT_FOR_CLUSTER_DELETION, gone);
    }
    json_object_set_new(data, "instanceID", json_string(runtime->instance_id));
    if (json_is_object(actor))
        json_object_set(data, "actor", actor);
    decision_event(out, EVENT_STARTED, runtime->id, data);
}

void runtime_decide_deprovision(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    const char *operation_id = text_of(request->data, "operationID");
    char reason[256];

    if (!runtime_id_fits(operation_id)) {
        snprintf(reason, sizeof reason, "operationID: must have 1 to %d printable characters", RUNTIME_ID_LENGTH_MAX);
        runtime_reject(request, 400, out, reason);
    } else if (runtime == NULL) {
        snprintf(reason, sizeof reason, "runtime %s not found", request->subject);
        runtime_reject(request, 400, out, reason);
    } else if (!is_known(runtime, operation_id) && runtime_busy(runtime)) {
        snprintf(reason, sizeof reason, "cannot start new operation for %s Runtime while previous one is in progress",
                 runtime->id);
        runtime_reject(request, 400, out, reason);
    } else {
        if (!is_known(runtime, operation_id))
            start_deprovision(runtime, request, out);
        if (request->asked != NULL)
            decision_outcome(out, 202, json_pack("{s:s}", "operationID", operation_id));
    }
}

/* --- From stage to stage --- */

static json_t *freed(const struct runtime *runtime)
{
    json_t *list = json_array();

    for (size_t i = 0; i < runtime->waiting_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "operationID", runtime->waiting[i].operation_id,
                                              "orchestrationID", runtime->waiting[i].orchestration_id, "lane",
                                              runtime->waiting[i].lane));
    return list;
}

static json_t *ended(const struct runtime *runtime, const char *message)
{
    return json_pack("{s:s,s:s,s:s,s:o}", "operationID", runtime->operation->id, "type",
                     operation_rule(runtime->operation->type)->name, "message", message, "freed", freed(runtime));
}

static void fail(const struct runtime *runtime, enum stage stage, const char *reason, const char *message,
                 struct decision *out)
{
    json_t *data = ended(runtime, message);

    json_object_set_new(data, "stage", json_string(stage_rule(stage)->name));
    json_object_set_new(data, "reason", json_string(reason));
    decision_event(out, EVENT_FAILED, runtime->id, data);
}

static void fail_stopped(const struct runtime *runtime, struct decision *out)
{
    const struct stage_rule *rule = stage_rule(runtime->operation->stopped);
    char message[256];

    snprintf(message, sizeof message,
             "error: timeout while processing operation: stage %s did not end within %lld minutes", rule->name,
             (long long)(rule->limit_ms / MINUTE_MS));
    fail(runtime, runtime->operation->stopped, "timeout", message, out);
}

static void fail_reported(const struct runtime *runtime, const char *message, struct decision *out)
{
    char unnamed[128];

    snprintf(unnamed, sizeof unnamed, "stage %s failed", stage_rule(runtime->operation->stage)->name);
    fail(runtime, runtime->operation->stage, "stage failed", *message != '\0' ? message : unnamed, out);
}

static void advance(const struct operation *operation, enum stage stage, enum stage stopped, struct decision *out)
{
    char message[128];
    json_t *data;

    snprintf(message, sizeof message, "Operation in progress. Stage %s", stage_rule(stage)->name);
    data = json_pack("{s:s,s:s,s:s}", "operationID", operation->id, "stage", stage_rule(stage)->name, "message",
                     message);
    if (stopped != STAGE_NONE)
        json_object_set_new(data, "stopped", json_string(stage_rule(stopped)->name));
    decision_event(out, EVENT_ADVANCED, operation->runtime_id, data);
}

/* One report of a driver. */
static void decide_report(const struct runtimes *runtimes, const json_t *report, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, text_of(report, "runtimeID"));
    const struct operation *operation = runtime == NULL ? NULL : runtime->operation;
    bool ok = json_is_true(json_object_get(report, "ok"));
    enum stage next;

    if (operation == NULL || operation->state != OPERATION_IN_PROGRESS ||
        strcmp(operation->id, text_of(report, "operationID")) != 0 ||
        strcmp(stage_rule(operation->stage)->name, text_of(report, "stage")) != 0)
        return; /* it comes too late, or is nobody's */
    next = stage_rule(operation->stage)->next;
    if (operation->stage == STAGE_STOPPING) {
        if (ok) /* else it goes on running, and is ordered to stop again when the limit has passed */
            fail_stopped(runtime, out);
    } else if (!ok) {
        fail_reported(runtime, text_of(report, "message"), out);
    } else if (next != STAGE_NONE) {
        advance(operation, next, STAGE_NONE, out);
    } else {
        decision_event(out, EVENT_SUCCEEDED, runtime->id, ended(runtime, "Operation succeeded"));
    }
}

/* Does the report at `index` stand in the message before, of the same stage? */
static bool is_repeated(const json_t *reports, size_t index)
{
    static const char *const members[] = { "runtimeID", "operationID", "stage" };
    const json_t *report = json_array_get(reports, index);

    for (size_t i = 0; i < index; i++) {
        const json_t *earlier = json_array_get(reports, i);
        size_t same = 0;

        while (same < 3 && strcmp(text_of(earlier, members[same]), text_of(report, members[same])) == 0)
            same++;
        if (same == 3)
            return true;
    }
    return false;
}

/* Several reports of one runtime may come together: after a takeover the stage before is reported again. Of two stages
 * only one can be the one that runs; of two reports of that one only the first decides, since what it decides is not in
 * the state yet. */
void runtime_decide_progress(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const json_t *reports = json_object_get(request->data, "reports");

    for (size_t i = 0; i < json_array_size(reports); i++)
        if (!is_repeated(reports, i))
            decide_report(runtimes, json_array_get(reports, i), out);
}

/* --- Limits --- */

void runtime_decide_wake(const struct runtimes *runtimes, int64_t now_ms, struct decision *out)
{
    const struct heap_item *first[RUNTIME_WAKE_OPERATIONS_MAX];
    size_t count = heap_firsts(&runtimes->limits, first, RUNTIME_WAKE_OPERATIONS_MAX);

    for (size_t i = 0; i < count; i++) {
        const struct operation *operation = operation_of_limit(first[i]);

        if (operation_deadline_ms(operation) > now_ms)
            return;
        advance(operation, STAGE_STOPPING, operation->stage == STAGE_STOPPING ? operation->stopped : operation->stage,
                out);
    }
}
