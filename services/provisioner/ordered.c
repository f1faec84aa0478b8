/* ordered.c - the upgrades that orchestrations order: they start, wait, run again, are only tried, or are refused with a
 * reason. */
#include <limits.h>
#include <string.h>

#include "common/json/lenient.h"
#include "services/provisioner/decide.h"

/* Does the request say what it is about? False: `why`; then nobody can be told. */
static bool is_sound(const struct request *request, struct error *why)
{
    const json_t *attempt = json_object_get(request->data, "attempt"), *until = json_object_get(request->data, "until");

    if (!runtime_id_fits(text_of(request->data, "operationID")) || *text_of(request->data, "lane") == '\0' ||
        *text_of(request->data, "orchestrationID") == '\0')
        return error_set(why, ERROR_INPUT, "operationID, orchestrationID and lane: must be given");
    if (!rehearsal_is_sound(request, why))
        return false;
    if (until != NULL && !json_is_integer(until))
        return error_set(why, ERROR_INPUT, "until: must be a time in milliseconds");
    return attempt == NULL ||
           (json_is_integer(attempt) && json_integer_value(attempt) >= 1 && json_integer_value(attempt) <= INT_MAX) ||
           error_set(why, ERROR_INPUT, "attempt: must be a whole number from 1 to %d", INT_MAX);
}

static json_t *names(const struct request *request)
{
    json_t *data = json_pack("{s:s,s:s,s:s}", "operationID", text_of(request->data, "operationID"), "orchestrationID",
                             text_of(request->data, "orchestrationID"), "lane", text_of(request->data, "lane"));

    attempt_set(data, attempt_of(request->data));
    return data;
}

static void refuse(const struct request *request, struct decision *out, const char *result, const char *message)
{
    json_t *data = names(request);

    json_object_set_new(data, "result", json_string(result));
    json_object_set_new(data, "message", json_text(message));
    decision_event(out, EVENT_REFUSED, request->subject, data);
}

static bool is_preempted(const struct runtime *runtime)
{
    return runtime->operation != NULL && operation_is_deprovisioning(runtime->operation->type);
}

/* Is there room for one more that waits? What waits already keeps its place in a later attempt. */
static bool may_wait(const struct runtime *runtime, const char *operation_id)
{
    return runtime->waiting_count < RUNTIME_WAITING_MAX || runtime_waiting_find(runtime, operation_id) != NULL;
}

/* It was sent within its window, but may have been long on its way: nobody was here to take it. */
static bool is_late(const struct request *request, int64_t now_ms)
{
    const json_t *until = json_object_get(request->data, "until");

    return until != NULL && json_integer_value(until) <= now_ms;
}

/* What is reported of an upgrade that can neither start nor wait, and `why`; NULL: nothing speaks against it. */
static const char *hindrance(const struct runtime *runtime, const struct request *request, const char *tenant,
                             int64_t now_ms, struct error *why)
{
    /* Another account's runtime is answered like none: who does not own it learns nothing of it. */
    if (runtime == NULL || (*tenant != '\0' && strcmp(tenant, runtime->tenant) != 0)) {
        error_set(why, ERROR_NOT_FOUND, "runtime %s not found", request->subject);
    } else if (is_preempted(runtime)) {
        error_set(why, ERROR_CONFLICT, "operation preempted by deprovisioning %s", runtime->operation->id);
        return "preempted";
    } else if (is_late(request, now_ms)) {
        error_set(why, ERROR_CONFLICT, "its maintenance window has ended");
        return "late";
    } else if (runtime_busy(runtime) && !may_wait(runtime, text_of(request->data, "operationID"))) {
        error_set(why, ERROR_CONFLICT, "%d operations wait for runtime %s already", RUNTIME_WAITING_MAX, runtime->id);
    } else {
        return NULL;
    }
    return "refused";
}

static void start(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                  struct ordered ordered, struct decision *out)
{
    struct error why;
    json_t *brought = ordered.admit(runtimes, runtime, request, &why), *about, *data;

    if (brought == NULL) {
        refuse(request, out, "refused", why.message);
        return;
    }
    about = names(request);
    if (rehearsal_is_asked(request)) {
        json_decref(brought);
        rehearsal_decide(request, about, out);
        return;
    }
    data = runtime_started(runtimes, runtime, request, runtime_start(ordered.type));
    json_object_update(data, about);
    json_object_update(data, brought);
    json_decref(about);
    json_decref(brought);
    decision_event(out, EVENT_STARTED, runtime->id, data);
}

void ordered_decide(const struct runtimes *runtimes, const struct request *request, struct ordered ordered,
                    int64_t now_ms, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, request->subject);
    struct error why;
    const char *result;

    if (!is_sound(request, &why))
        runtime_reject(request, 400, out, why.message);
    else if (runtime_knows_operation(runtime, text_of(request->data, "operationID"), attempt_of(request->data)))
        return;
    else if ((result = hindrance(runtime, request, ordered.tenant, now_ms, &why)) != NULL)
        refuse(request, out, result, why.message);
    else if (runtime_busy(runtime))
        decision_event(out, EVENT_QUEUED, runtime->id, names(request));
    else
        start(runtimes, runtime, request, ordered, out);
}
