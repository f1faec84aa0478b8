/* operation.c - what decisions about operations share: rejections, repetitions, how an operation starts. */
#include <stdio.h>
#include <string.h>

#include "common/json/lenient.h"
#include "services/provisioner/decide.h"

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

/* Data of `rejected`. A reason may be cut, in the middle of a character too. */
static json_t *rejected(const struct request *request, const char *reason)
{
    json_t *data = json_pack("{s:s,s:o}", "request", runtime_core.request_types[request->type], "reason",
                             json_text(reason));
    json_t *actor = json_object_get(request->data, "actor"), *id = json_object_get(request->data, "operationID");

    if (json_is_object(actor))
        json_object_set(data, "actor", actor);
    if (json_is_string(id) && runtime_id_fits(json_string_value(id)))
        json_object_set(data, "operationID", id);
    return data;
}

void runtime_reject_with(const struct request *request, int status, struct decision *out, const char *reason,
                         json_t *more)
{
    json_t *data = rejected(request, reason);

    json_object_update(data, more);
    json_decref(more);
    decision_event(out, EVENT_REJECTED, request->subject, data);
    if (request->asked != NULL)
        decision_outcome(out, status, json_pack("{s:o}", "error", json_text(reason)));
}

void runtime_reject(const struct request *request, int status, struct decision *out, const char *reason)
{
    runtime_reject_with(request, status, out, reason, json_object());
}

bool runtime_knows_operation(const struct runtime *runtime, const char *operation_id, int attempt)
{
    const struct operation *last = runtime == NULL ? NULL : runtime->operation;
    const struct waiting *waiting = runtime == NULL ? NULL : runtime_waiting_find(runtime, operation_id);

    return (last != NULL && strcmp(last->id, operation_id) == 0 && last->attempt >= attempt) ||
           (waiting != NULL && waiting->attempt >= attempt);
}

bool runtime_is_awake(const struct runtime *runtime, struct error *why)
{
    if (!runtime->ready)
        return error_set(why, ERROR_CONFLICT,
                         "failed to upgrade cluster: runtime %s was never ready, so there is nothing to upgrade",
                         runtime->id);
    return runtime->hibernated != TOLD_YES ||
           error_set(why, ERROR_CONFLICT, "failed to upgrade cluster: runtime %s is hibernated", runtime->id);
}

int64_t runtime_stage_limit_ms(const struct runtimes *runtimes, enum stage stage)
{
    int64_t set_ms = runtimes->settings->stage_limits_ms[stage];

    return set_ms > 0 ? set_ms : stage_rule(stage)->limit_ms;
}

struct start runtime_start(enum operation_type type)
{
    const struct operation_rule *rule = operation_rule(type);

    return (struct start){ .type = type, .stage = rule->stages[0], .message = rule->message };
}

json_t *runtime_started(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                        struct start start)
{
    json_t *actor = json_object_get(request->data, "actor");
    json_t *data = json_pack("{s:s,s:s,s:s,s:I,s:o}", "operationID", text_of(request->data, "operationID"), "type",
                             operation_rule(start.type)->name, "stage", stage_rule(start.stage)->name, "limitMs",
                             (json_int_t)runtime_stage_limit_ms(runtimes, start.stage), "message",
                             json_text(start.message)); /* it may be cut */

    if (runtime != NULL && *runtime->instance_id != '\0')
        json_object_set_new(data, "instanceID", json_string(runtime->instance_id));
    if (json_is_object(actor))
        json_object_set(data, "actor", actor);
    return data;
}

void runtime_name_configuration(const struct runtimes *runtimes, json_t *data, const char *hash_name,
                                const char *body_name, const char *hash, const json_t *body)
{
    json_object_set_new(data, hash_name, json_string(hash));
    if (configurations_find(&runtimes->configurations, hash) == NULL)
        json_object_set(data, body_name, (json_t *)(uintptr_t)body);
}
