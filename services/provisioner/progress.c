/* progress.c - an operation on its way: from stage to stage as drivers report, over limits, to its end. */
#include <stdio.h>
#include <string.h>

#include "common/json/lenient.h"
#include "common/secret/secret.h"
#include "services/provisioner/decide.h"
#include "services/provisioner/input.h"

enum {
    MESSAGE_SIZE_MAX = 8 * 1024, /* of what a driver says; the rest of a longer text is left out */
    CODE_SIZE_MAX = 256,         /* of reasons and components, seeds and versions */
};

/* A member of `report`, its first `size_max` bytes at most. Own. */
static json_t *told_text(const json_t *report, const char *name, size_t size_max)
{
    const char *text = text_of(report, name);
    size_t size = strlen(text);

    if (size > size_max)
        for (size = size_max; size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80;)
            size--; /* not in the middle of a character */
    return json_stringn(text, size);
}

/* --- Ends --- */

static json_t *ended(const struct runtime *runtime, const char *message)
{
    return json_pack("{s:s,s:s,s:s,s:o}", "operationID", runtime->operation->id, "type",
                     operation_rule(runtime->operation->type)->name, "message", message, "freed",
                     runtime_waiting(runtime));
}

static json_t *failed(const struct runtime *runtime, enum stage stage, const char *reason, const char *message)
{
    json_t *data = ended(runtime, message);

    json_object_set_new(data, "stage", json_string(stage_rule(stage)->name));
    json_object_set_new(data, "reason", json_string(reason));
    return data;
}

/* "20 minutes", "90 seconds", "500 ms": in the largest unit that fits. */
static void duration_print(int64_t ms, char out[48])
{
    static const struct {
        int64_t ms;
        const char *one, *many;
    } units[] = { { 60000, "minute", "minutes" }, { 1000, "second", "seconds" }, { 1, "ms", "ms" } };
    size_t i = 0;

    while (ms % units[i].ms != 0)
        i++;
    snprintf(out, 48, "%lld %s", (long long)(ms / units[i].ms), ms == units[i].ms ? units[i].one : units[i].many);
}

/* The error that was being retried stays the operation's last one: it says more than that time ran out. */
static void fail_stopped(const struct runtime *runtime, struct decision *out)
{
    const struct operation *operation = runtime->operation;
    char message[256], limit[48];

    duration_print(operation->stopped_limit_ms, limit);
    snprintf(message, sizeof message, "error: timeout while processing operation: stage %s did not end within %s",
             stage_rule(operation->stopped)->name, limit);
    decision_event(out, EVENT_FAILED, runtime->id, failed(runtime, operation->stopped, "timeout", message));
}

static json_t *told_code(const json_t *report, const char *name, const char *otherwise)
{
    return *text_of(report, name) != '\0' ? told_text(report, name, CODE_SIZE_MAX) : json_string(otherwise);
}

static json_t *last_error(const json_t *report, const char *message)
{
    return json_pack("{s:s,s:o,s:o}", "errMessage", message, "reason",
                     told_code(report, "reason", "err_provisioner_internal"), "component",
                     told_code(report, "component", "provisioner"));
}

static void fail_reported(const struct runtime *runtime, const json_t *report, struct decision *out)
{
    enum stage stage = runtime->operation->stage;
    json_t *told = told_text(report, "message", MESSAGE_SIZE_MAX), *data;
    const char *message = json_string_value(told);
    char unnamed[128];

    snprintf(unnamed, sizeof unnamed, "stage %s failed", stage_rule(stage)->name);
    if (*message == '\0')
        message = unnamed;
    data = failed(runtime, stage, "stage failed", message);
    json_object_set_new(data, "lastError", last_error(report, message));
    json_decref(told);
    decision_event(out, EVENT_FAILED, runtime->id, data);
}

/* --- What a stage gives --- */

/* A higher version than is recorded is recorded. */
static void add_version(const struct runtimes *runtimes, const struct runtime *runtime, const char *version,
                        json_t *data)
{
    json_t *body = configuration_body(&runtimes->configurations, runtime->cluster_config), *raised;
    const char *digits = version + (*version == 'v');
    char hash[SHA256_HEX_SIZE];

    if (*digits >= '0' && *digits <= '9' && json_is_object(body) &&
        kubernetes_version_lower(text_of(body, "kubernetesVersion"), version)) {
        raised = json_copy(body);
        json_object_set_new(raised, "kubernetesVersion", json_string(digits));
        configuration_name(raised, runtime->id, hash);
        runtime_name_configuration(runtimes, data, "clusterConfigHash", "clusterConfig", hash, raised);
        json_decref(raised);
    }
    json_decref(body);
}

static bool fits(const json_t *text, size_t size_max)
{
    return json_is_string(text) && json_string_length(text) <= size_max;
}

/* Takes what is sound of it; a kubeconfig that is not sealed is none that may be kept. What is on its way out gives
 * nothing: what was forgotten stays so. */
static void add_gives(const struct runtimes *runtimes, const struct runtime *runtime, const json_t *report,
                      json_t *data)
{
    static const char *const texts[] = { "seed", "kubernetesVersion" };
    static const char *const flags[] = { "hibernationPossible", "hibernated" };
    const json_t *gives = json_object_get(report, "gives");
    json_t *kubeconfig = json_object_get(gives, "kubeconfig"), *kept;

    if (operation_is_deprovisioning(runtime->operation->type))
        return;
    kept = json_object();
    for (size_t i = 0; i < 2; i++) {
        json_t *text = json_object_get(gives, texts[i]), *flag = json_object_get(gives, flags[i]);

        if (fits(text, CODE_SIZE_MAX))
            json_object_set(kept, texts[i], text);
        if (json_is_boolean(flag))
            json_object_set(kept, flags[i], flag);
    }
    if (fits(kubeconfig, RUNTIME_KUBECONFIG_SIZE_MAX) && secret_is_sealed(json_string_value(kubeconfig)))
        json_object_set(kept, "kubeconfig", kubeconfig);
    add_version(runtimes, runtime, text_of(kept, "kubernetesVersion"), data);
    if (json_object_size(kept) > 0)
        json_object_set(data, "gives", kept);
    json_decref(kept);
}

/* --- From stage to stage --- */

/* Data of `advanced`. */
static json_t *ordered(const struct runtimes *runtimes, const struct operation *operation, enum stage stage)
{
    char message[128];

    snprintf(message, sizeof message, "Operation in progress. Stage %s", stage_rule(stage)->name);
    return json_pack("{s:s,s:s,s:I,s:s}", "operationID", operation->id, "stage", stage_rule(stage)->name, "limitMs",
                     (json_int_t)runtime_stage_limit_ms(runtimes, stage), "message", message);
}

static void decide_end(const struct runtimes *runtimes, const struct runtime *runtime, const json_t *report,
                       struct decision *out)
{
    const struct operation *operation = runtime->operation;
    enum stage next = stage_after(operation->type, operation->stage);
    json_t *data;

    if (operation->stage == STAGE_STOPPING) {
        if (json_is_true(json_object_get(report, "ok")))
            fail_stopped(runtime, out); /* else it goes on running, and is ordered to stop again after the limit */
        return;
    }
    if (!json_is_true(json_object_get(report, "ok"))) {
        fail_reported(runtime, report, out);
        return;
    }
    data = next != STAGE_NONE ? ordered(runtimes, operation, next) : ended(runtime, "Operation succeeded");
    if (json_is_object(json_object_get(report, "gives")))
        add_gives(runtimes, runtime, report, data);
    decision_event(out, next != STAGE_NONE ? EVENT_ADVANCED : EVENT_SUCCEEDED, runtime->id, data);
}

static void note_progress(const struct operation *operation, const char *message, struct decision *out)
{
    if (strcmp(message, operation->message) != 0)
        decision_event(out, EVENT_NOTED, operation->runtime_id,
                       json_pack("{s:s,s:s}", "operationID", operation->id, "message", message));
}

static void note_error(const struct operation *operation, const json_t *report, const char *message,
                       struct decision *out)
{
    json_t *error = last_error(report, message), *known = json_loads(operation->last_error, 0, NULL);

    if (!json_equal(error, known))
        decision_event(out, EVENT_RETRIED, operation->runtime_id,
                       json_pack("{s:s,s:s,s:O}", "operationID", operation->id, "stage",
                                 stage_rule(operation->stage)->name, "lastError", error));
    json_decref(known);
    json_decref(error);
}

/* The stage goes on, and says how, or after which error. */
static void decide_note(const struct operation *operation, const json_t *report, struct decision *out)
{
    json_t *told = told_text(report, "message", MESSAGE_SIZE_MAX);
    const char *message = json_string_value(told);

    if (*message == '\0' || operation->stage == STAGE_STOPPING)
        ; /* nothing is said, or nobody waits for it any more */
    else if (json_is_true(json_object_get(report, "ok")))
        note_progress(operation, message, out);
    else
        note_error(operation, report, message, out);
    json_decref(told);
}

static bool is_final(const json_t *report)
{
    return !json_is_false(json_object_get(report, "ended"));
}

/* A stage that is ordered again, in another attempt or as another stop, has another fence. Reports of old drivers have
 * none. */
static bool is_of_order(const json_t *report, const struct operation *operation)
{
    const json_t *fence = json_object_get(report, "fence");

    return fence == NULL || json_integer_value(fence) == operation->fence;
}

/* One report of a driver. */
static void decide_report(const struct runtimes *runtimes, const json_t *report, struct decision *out)
{
    const struct runtime *runtime = runtimes_find(runtimes, text_of(report, "runtimeID"));
    const struct operation *operation = runtime == NULL ? NULL : runtime->operation;

    if (operation == NULL || operation->state != OPERATION_IN_PROGRESS ||
        strcmp(operation->id, text_of(report, "operationID")) != 0 ||
        strcmp(stage_rule(operation->stage)->name, text_of(report, "stage")) != 0 || !is_of_order(report, operation))
        return; /* it comes too late, or is nobody's */
    if (is_final(report))
        decide_end(runtimes, runtime, report, out);
    else
        decide_note(operation, report, out);
}

static bool same_stage(const json_t *a, const json_t *b)
{
    static const char *const members[] = { "runtimeID", "operationID", "stage" };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(text_of(a, members[i]), text_of(b, members[i])) != 0)
            return false;
    return json_integer_value(json_object_get(a, "fence")) == json_integer_value(json_object_get(b, "fence"));
}

/* Does another report of the message, of the same stage, make the one at `index` count for nothing? */
static bool is_superseded(const json_t *reports, size_t index)
{
    const json_t *report = json_array_get(reports, index);

    for (size_t i = 0; i < index; i++)
        if (is_final(json_array_get(reports, i)) && same_stage(json_array_get(reports, i), report))
            return true;
    for (size_t i = index + 1; !is_final(report) && i < json_array_size(reports); i++) {
        const json_t *later = json_array_get(reports, i);

        if (same_stage(later, report) && is_final(later))
            return false;
        if (same_stage(later, report) &&
            json_is_true(json_object_get(later, "ok")) == json_is_true(json_object_get(report, "ok")))
            return true;
    }
    return false;
}

/* Several reports of one runtime may come together: after a takeover the stage before is reported again. Of two stages
 * only one can be the one that runs. Of several reports of that one only the first end decides, since what it decides is
 * not in the state yet, and of notes before it only the last of its kind. */
void runtime_decide_progress(const struct runtimes *runtimes, const struct request *request, struct decision *out)
{
    const json_t *reports = json_object_get(request->data, "reports");

    for (size_t i = 0; i < json_array_size(reports); i++)
        if (!is_superseded(reports, i))
            decide_report(runtimes, json_array_get(reports, i), out);
}

/* --- Limits --- */

static void stop(const struct runtimes *runtimes, const struct operation *operation, struct decision *out)
{
    bool again = operation->stage == STAGE_STOPPING;
    json_t *data = ordered(runtimes, operation, STAGE_STOPPING);

    json_object_set_new(data, "stopped", json_string(stage_rule(again ? operation->stopped : operation->stage)->name));
    json_object_set_new(data, "stoppedLimitMs",
                        json_integer(again ? operation->stopped_limit_ms : operation->limit_ms));
    decision_event(out, EVENT_ADVANCED, operation->runtime_id, data);
}

void runtime_decide_wake(const struct runtimes *runtimes, int64_t now_ms, struct decision *out)
{
    const struct heap_item *first[RUNTIME_WAKE_OPERATIONS_MAX];
    size_t count = heap_firsts(&runtimes->limits, first, RUNTIME_WAKE_OPERATIONS_MAX);

    for (size_t i = 0; i < count; i++) {
        const struct operation *operation = operation_of_limit(first[i]);

        if (operation_deadline_ms(operation) > now_ms)
            return;
        stop(runtimes, operation, out);
    }
}
