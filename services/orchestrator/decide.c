/* What each request gives. Requests come from the gateway (client.c, retry.c) with an outcome for a client, and from
 * brokers, schedulers and provisioners, whose messages decide nothing once the orchestration has gone on without them. */
#include "services/orchestrator/decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"

/* --- Targets --- */

static void fail_resolving(const struct orchestration *orchestration, struct decision *out, const char *reason)
{
    char description[REASON_SIZE];

    reason_format(description, "while resolving operations: %s", reason);
    decision_event(out, EVENT_FAILED, orchestration->id, json_pack("{s:s}", "description", description));
}

struct named {
    UT_hash_handle hh;
    char operation_id[UUID_SIZE];
};

/* The targets that are new, each with its operation: two instances may name one runtime, which is upgraded once. */
static json_t *targets_new(const struct state *state, const struct orchestration *orchestration, const json_t *targets)
{
    size_t count = json_array_size(targets), i;
    struct named *seen = NULL, *named = value_allocate((count + 1) * sizeof *named);
    json_t *taken = json_array(), *target;

    json_array_foreach((json_t *)targets, i, target) {
        const char *runtime_id = data_text(target, "runtimeID");
        struct named *other;
        json_t *copied;

        if (runtime_id[0] == '\0')
            continue;
        orchestration_operation_id(orchestration->id, runtime_id, named[i].operation_id);
        HASH_FIND_STR(seen, named[i].operation_id, other);
        if (other != NULL || operation_find(state, named[i].operation_id) != NULL)
            continue;
        HASH_ADD_STR(seen, operation_id, &named[i]);
        copied = json_copy(target);
        json_object_set_new_nocheck(copied, "operationID", json_string_nocheck(named[i].operation_id));
        json_array_append_new(taken, copied);
    }
    HASH_CLEAR(hh, seen);
    free(named);
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

/* Where it goes on by itself, its instance hears it from the provisioner; `ends_here`: nobody else can tell. A dry run is
 * none of its business. */
struct progress {
    const char *cause;
    enum phase phase;
    enum operation_state state;
    bool ends_here;
};

static void progress(const struct operation *operation, const struct progress *progress, const char *description,
                     struct decision *out)
{
    json_t *data = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "operationID", operation->id, "runtimeID",
                             operation->texts[TEXT_RUNTIME_ID], "cause", progress->cause, "phase",
                             phase_names[progress->phase], "state", operation_state_names[progress->state],
                             "description", description);

    if (progress->ends_here && !operation->orchestration->dry_run)
        json_object_set_new(data, "told", json_true());
    decision_event(out, EVENT_PROGRESSED, operation->orchestration->id, data);
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
    static const struct progress unscheduled = { "unscheduled", PHASE_DONE, OPERATION_FAILED, .ends_here = true };
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
            progress(operation, &unscheduled, error, out);
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
    struct progress progress; /* `cause`: the result */
    unsigned from;            /* a set of phases */
    const char *prefix;       /* of the message, which is the description; NULL: the description stays */
} reports[] = {
    { { "accepted", PHASE_RUNNING, OPERATION_IN_PROGRESS, false }, 1 << PHASE_DISPATCHED, NULL },
    { { "busy", PHASE_BUSY, OPERATION_PENDING, false }, 1 << PHASE_DISPATCHED, NULL },
    { { "freed", PHASE_READY, OPERATION_PENDING, false }, 1 << PHASE_BUSY, NULL },
    /* Its turn finds the window ended. */
    { { "late", PHASE_READY, OPERATION_PENDING, false }, 1 << PHASE_DISPATCHED, NULL },
    { { "preempted", PHASE_DONE, OPERATION_SUCCEEDED, true }, SENT, "" },
    { { "refused", PHASE_DONE, OPERATION_FAILED, true }, SENT, "" },
    { { "succeeded", PHASE_DONE, OPERATION_SUCCEEDED, false }, SENT, "" },
    { { "failed", PHASE_DONE, OPERATION_FAILED, false }, SENT, "provisioner client returns failed status: " },
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

        if (strcmp(report->progress.cause, result) != 0 || (report->from & 1u << operation->phase) == 0)
            continue;
        if (report->progress.phase == PHASE_RUNNING)
            description = operation->orchestration->lane->type->progress;
        if (report->prefix != NULL) {
            reason_format(text, "%s%s", report->prefix, data_text(request->data, "message"));
            description = text;
        }
        progress(operation, &report->progress, description, out);
    }
}

/* --- Time --- */

/* The first of a lane start, or go on with what is to be retried, in records of their own, so that accepting is
 * quick. The other deadline needs nothing here: what is left to dispatch follows from the state. */
static void decide_wake(const struct state *state, const struct request *request, struct decision *out)
{
    const char *deadline = data_text(request->data, "id");
    const char *again = strstr(deadline, DEADLINE_AGAIN);
    char *id = strndup(deadline, again == NULL ? strlen(deadline) : (size_t)(again - deadline));
    const struct orchestration *orchestration = orchestration_find(state, id);

    free(id);
    if (orchestration == NULL || !orchestration_has_turn(state, orchestration))
        return;
    if (orchestration->state == ORCHESTRATION_RETRYING) {
        if (!configure_retried(state, orchestration, out))
            retry_resume(orchestration, out);
    } else if (orchestration->partitions == 0) {
        decision_event(out, EVENT_STARTED, orchestration->id,
                       json_pack("{s:i}", "partitions", state->settings->partitions));
    }
}

void orchestration_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    (void)now_ms;
    switch ((enum orchestration_request)request->type) {
    case REQUEST_UPGRADE: orchestration_decide_upgrade(state, request, out); break;
    case REQUEST_CANCEL: orchestration_decide_cancel(state, request, out); break;
    case REQUEST_RETRY: orchestration_decide_retry(state, request, out); break;
    case REQUEST_TARGET: decide_target(state, request, out); break;
    case REQUEST_SCHEDULE: decide_schedule(state, request, out); break;
    case REQUEST_REPORT: decide_report(state, request, out); break;
    case REQUEST_WAKE: decide_wake(state, request, out); break;
    case REQUEST_RELEASES: orchestration_decide_releases(state, request, out); break;
    }
}
