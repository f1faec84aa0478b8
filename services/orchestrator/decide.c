/* What each request gives. Requests come from the gateway (upgrade, cancel) with an outcome for a client, and from
 * brokers, schedulers and provisioners, whose messages decide nothing once the orchestration has gone on without them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/orchestrator/parts.h"

enum { REASON_SIZE = 512 };

/* Formats into REASON_SIZE bytes; what is too long is cut between two characters, for JSON takes whole ones only. */
static void reason_format(char out[REASON_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reason_vformat(char out[REASON_SIZE], const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));

static void reason_vformat(char out[REASON_SIZE], const char *format, va_list list)
{
    size_t end = REASON_SIZE - 1;

    if (vsnprintf(out, REASON_SIZE, format, list) < REASON_SIZE)
        return;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && ((unsigned char)out[end - 1] & 0x80) != 0)
        end--;
    out[end] = '\0';
}

static void reason_format(char out[REASON_SIZE], const char *format, ...)
{
    va_list list;

    va_start(list, format);
    reason_vformat(out, format, list);
    va_end(list);
}

/* --- The client's requests --- */

static json_t *actor_of(const struct request *request)
{
    json_t *actor = json_object_get(request->data, "actor");

    return actor == NULL ? json_null() : json_incref(actor);
}

static void reject(const struct request *request, const char *id, int status, struct decision *out, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));

static void reject(const struct request *request, const char *id, int status, struct decision *out, const char *format,
                   ...)
{
    char reason[REASON_SIZE];
    va_list list;

    va_start(list, format);
    reason_vformat(reason, format, list);
    va_end(list);
    decision_event(out, EVENT_REJECTED, id,
                   json_pack("{s:s, s:o, s:s, s:i}", "request", orchestration_core.request_types[request->type],
                             "actor", actor_of(request), "reason", reason, "status", status));
    decision_outcome(out, status, json_pack("{s:s}", "error", reason));
}

static void repeat(const struct request *request, const char *id, int status, struct decision *out)
{
    decision_event(out, EVENT_REPEATED, id,
                   json_pack("{s:s, s:o, s:i}", "request", orchestration_core.request_types[request->type], "actor",
                             actor_of(request), "status", status));
    decision_outcome(out, status, json_pack("{s:s}", "orchestrationID", id));
}

static const json_t *member(const json_t *object, const char *first, const char *second)
{
    return json_object_get(json_object_get(object, first), second);
}

/* Everything that decides later stands in the event, taken out of the parameters once. */
static void accept(const struct request *request, const char *id, const char *version, struct decision *out)
{
    json_t *parameters = json_object_get(request->data, "parameters");
    const char *schedule = json_string_value(member(parameters, "strategy", "schedule"));
    json_int_t workers = json_integer_value(json_object_get(member(parameters, "strategy", "parallel"), "workers"));
    bool windows = schedule != NULL && strcmp(schedule, "maintenanceWindow") == 0;

    if (workers < 1)
        workers = 1;
    if (workers > ORCHESTRATION_OPERATIONS_MAX)
        workers = ORCHESTRATION_OPERATIONS_MAX; /* as good as any number above */

    decision_event(out, EVENT_ACCEPTED, id,
                   json_pack("{s:s, s:o, s:s, s:O?, s:s, s:I, s:b, s:s}", "lane", data_text(request->data, "lane"),
                             "actor", actor_of(request), "bodyHash", data_text(request->data, "bodyHash"), "parameters",
                             parameters, "version", version, "workers", workers, "dryRun",
                             json_is_true(json_object_get(parameters, "dryRun")), "schedule",
                             windows ? "maintenanceWindow" : "immediate"));
    decision_outcome(out, 202, json_pack("{s:s}", "orchestrationID", id));
}

static void decide_upgrade(const struct state *state, const struct request *request, struct decision *out)
{
    const char *id = data_text(request->data, "orchestrationID"), *lane = data_text(request->data, "lane");
    const char *version = data_text(request->data, "version");
    const struct orchestration *known = orchestration_find(state, id);

    if (version[0] == '\0')
        version = state->settings->kyma_version;
    if (known != NULL && strcmp(known->body_hash, data_text(request->data, "bodyHash")) == 0) {
        repeat(request, id, 202, out);
    } else if (known != NULL) {
        reject(request, id, 422, out,
               "while creating orchestration: the Idempotency-Key was used before, for a "
               "request with another body");
    } else if (id[0] == '\0') {
        reject(request, request->subject, 400, out, "while creating orchestration: orchestrationID is missing");
    } else if (strlen(id) >= UUID_SIZE) {
        reject(request, id, 400, out, "while creating orchestration: %s is too long for an orchestrationID", id);
    } else if (lane_type_find(lane) == NULL) {
        reject(request, id, 400, out, "while creating orchestration: there is no lane %s", lane);
    } else if (releases_configuration(state->settings->releases, version) == NULL) {
        reject(request, id, 400, out, "while validating kyma version: there is no release %s; there are: %s", version,
               releases_list(state->settings->releases));
    } else {
        accept(request, id, version, out);
    }
}

static void decide_cancel(const struct state *state, const struct request *request, struct decision *out)
{
    const char *id = data_text(request->data, "orchestrationID");
    const struct orchestration *orchestration = orchestration_find(state, id);

    if (orchestration == NULL) {
        reject(request, id, 404, out,
               "while canceling orchestration %s: while getting orchestration: orchestration %s not found", id, id);
        return;
    }
    if (orchestration_finished(orchestration) || orchestration->state == ORCHESTRATION_CANCELING) {
        repeat(request, id, 200, out);
        return;
    }
    decision_event(out, EVENT_HALTED, id, json_pack("{s:o}", "actor", actor_of(request)));
    if (orchestration_running(orchestration) == 0)
        decision_event(out, EVENT_CANCELED, id, NULL);
    decision_outcome(out, 200, json_pack("{s:s}", "orchestrationID", id));
}

/* --- Targets --- */

static void fail_resolving(const struct orchestration *orchestration, struct decision *out, const char *reason)
{
    char description[REASON_SIZE];

    reason_format(description, "while resolving operations: %s", reason);
    decision_event(out, EVENT_FAILED, orchestration->id, json_pack("{s:s}", "description", description));
}

static void operation_id(const char *orchestration_id, const char *runtime_id, char out[UUID_SIZE])
{
    char *name;

    if (asprintf(&name, "operation\n%s\n%s", orchestration_id, runtime_id) < 0)
        abort();
    uuid_derive(name, out);
    free(name);
}

/* The targets that are new, each with its operation: two instances may name one runtime, which is upgraded once. */
static json_t *targets_new(const struct state *state, const struct orchestration *orchestration, const json_t *targets)
{
    json_t *taken = json_array(), *seen = json_object(), *target;
    size_t i;

    json_array_foreach((json_t *)targets, i, target) {
        const char *runtime_id = data_text(target, "runtimeID");
        char id[UUID_SIZE];
        json_t *copied;

        if (runtime_id[0] == '\0')
            continue;
        operation_id(orchestration->id, runtime_id, id);
        if (operation_find(state, id) != NULL || json_object_get(seen, id) != NULL)
            continue;
        json_object_set_new(seen, id, json_true());
        copied = json_copy(target);
        json_object_set_new(copied, "operationID", json_string(id));
        json_array_append_new(taken, copied);
    }
    json_decref(seen);
    return taken;
}

static void decide_target(const struct state *state, const struct request *request, struct decision *out)
{
    const struct orchestration *orchestration = orchestration_find(state, data_text(request->data, "orchestrationID"));
    const char *error = data_text(request->data, "error");
    int64_t partition = data_integer(request->data, "partition");
    bool last = json_is_true(json_object_get(request->data, "last"));
    json_t *targets;

    if (orchestration == NULL || orchestration->state != ORCHESTRATION_PENDING || orchestration->resolved ||
        partition < 0 || partition >= orchestration->partitions || orchestration->reported[partition])
        return; /* canceled or failed meanwhile */
    if (error[0] != '\0') {
        fail_resolving(orchestration, out, error);
        return;
    }
    targets = targets_new(state, orchestration, json_object_get(request->data, "targets"));
    if (orchestration->count + json_array_size(targets) > ORCHESTRATION_OPERATIONS_MAX) {
        char reason[REASON_SIZE];

        reason_format(reason, "more than %d runtimes match", ORCHESTRATION_OPERATIONS_MAX);
        fail_resolving(orchestration, out, reason);
        json_decref(targets);
        return;
    }
    if (json_array_size(targets) == 0 && !last) {
        json_decref(targets);
        return;
    }
    decision_event(out, EVENT_TARGETED, orchestration->id,
                   json_pack("{s:I, s:b, s:o}", "partition", (json_int_t)partition, "last", last, "targets", targets));
}

/* --- What the scheduler and the provisioner say of operations --- */

static void progress(const struct operation *operation, const char *cause, enum phase phase, enum operation_state state,
                     const char *description, struct decision *out)
{
    decision_event(out, EVENT_PROGRESSED, operation->orchestration->id,
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "operationID", operation->id, "runtimeID",
                             operation->texts[TEXT_RUNTIME_ID], "cause", cause, "phase", phase_names[phase], "state",
                             operation_state_names[state], "description", description));
}

/* The operation that `id` names, if it is one of `orchestration`. */
static const struct operation *operation_in(const struct state *state, const struct orchestration *orchestration,
                                            const char *id)
{
    const struct operation *operation = operation_find(state, id);

    return operation != NULL && operation->orchestration == orchestration ? operation : NULL;
}

static void decide_schedule(const struct state *state, const struct request *request, struct decision *out)
{
    const struct orchestration *orchestration = orchestration_find(state, data_text(request->data, "orchestrationID"));
    bool open = json_is_true(json_object_get(request->data, "open"));
    json_t *operations, *item;
    size_t i;

    if (orchestration == NULL || orchestration->state != ORCHESTRATION_IN_PROGRESS)
        return;
    operations = json_array();
    json_array_foreach(json_object_get(request->data, "operations"), i, item) {
        const struct operation *operation = operation_in(state, orchestration, data_text(item, "operationID"));
        const char *error = data_text(item, "error");

        if (operation == NULL || operation->phase != PHASE_WAITING)
            continue;
        if (error[0] != '\0')
            progress(operation, "unscheduled", PHASE_DONE, OPERATION_FAILED, error, out);
        else
            json_array_append_new(operations, json_pack("{s:s, s:I, s:I}", "operationID", operation->id, "begin",
                                                        (json_int_t)data_integer(item, "begin"), "end",
                                                        (json_int_t)data_integer(item, "end")));
    }
    if (json_array_size(operations) > 0)
        decision_event(out, open ? EVENT_RELEASED : EVENT_PLANNED, orchestration->id,
                       json_pack("{s:o}", "operations", operations));
    else
        json_decref(operations);
}

enum { SENT = 1 << PHASE_DISPATCHED | 1 << PHASE_BUSY | 1 << PHASE_RUNNING };

/* A result that comes in another phase than `from` was overtaken: it decides nothing. */
static const struct report {
    const char *result;
    unsigned from; /* a set of phases */
    enum phase phase;
    enum operation_state state;
    const char *prefix; /* of the message, which is the description; NULL: the description stays */
} reports[] = {
    { "accepted", 1 << PHASE_DISPATCHED, PHASE_RUNNING, OPERATION_IN_PROGRESS, NULL },
    { "busy", 1 << PHASE_DISPATCHED, PHASE_BUSY, OPERATION_PENDING, NULL },
    { "freed", 1 << PHASE_BUSY, PHASE_READY, OPERATION_PENDING, NULL },
    { "preempted", SENT, PHASE_DONE, OPERATION_SUCCEEDED, "" },
    { "refused", SENT, PHASE_DONE, OPERATION_FAILED, "" },
    { "succeeded", SENT, PHASE_DONE, OPERATION_SUCCEEDED, "" },
    { "failed", SENT, PHASE_DONE, OPERATION_FAILED, "provisioner client returns failed status: " },
};

static void decide_report(const struct state *state, const struct request *request, struct decision *out)
{
    const struct operation *operation = operation_find(state, data_text(request->data, "operationID"));
    const char *result = data_text(request->data, "result");

    if (operation == NULL)
        return;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        const struct report *report = &reports[i];
        const char *description = operation->description;
        char text[REASON_SIZE];

        if (strcmp(report->result, result) != 0 || (report->from & 1u << operation->phase) == 0)
            continue;
        if (report->phase == PHASE_RUNNING)
            description = operation->orchestration->lane->type->progress;
        if (report->prefix != NULL) {
            reason_format(text, "%s%s", report->prefix, data_text(request->data, "message"));
            description = text;
        }
        progress(operation, report->result, report->phase, report->state, description, out);
    }
}

/* --- Time --- */

/* The first one of a lane starts in a record of its own, so that accepting it is quick. The other deadline needs
 * nothing here: what is left to dispatch follows from the state. */
static void decide_wake(const struct state *state, const struct request *request, struct decision *out)
{
    const struct orchestration *orchestration = orchestration_find(state, data_text(request->data, "id"));

    if (orchestration == NULL || lane_first(orchestration->lane) != orchestration || orchestration->partitions > 0)
        return;
    decision_event(out, EVENT_STARTED, orchestration->id,
                   json_pack("{s:i}", "partitions", state->settings->partitions));
}

void orchestration_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    (void)now_ms;
    switch ((enum orchestration_request)request->type) {
    case REQUEST_UPGRADE: decide_upgrade(state, request, out); break;
    case REQUEST_CANCEL: decide_cancel(state, request, out); break;
    case REQUEST_TARGET: decide_target(state, request, out); break;
    case REQUEST_SCHEDULE: decide_schedule(state, request, out); break;
    case REQUEST_REPORT: decide_report(state, request, out); break;
    case REQUEST_WAKE: decide_wake(state, request, out); break;
    }
}
