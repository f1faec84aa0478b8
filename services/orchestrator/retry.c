/* A client's retry of operations that failed: of those that it names, or of all. The whole request is one decision. */
#include <stdlib.h>
#include <string.h>

#include "common/log/fold.h" /* what a decision already holds */
#include "services/orchestrator/decide.h"
#include "services/orchestrator/latest.h"

enum { RETRY_ROOM = 128 }; /* for a retry and for a stop behind it */

/* --- What is to be retried --- */

struct selection {
    const struct operation **operations;
    size_t count;
    json_t *old, *invalid; /* IDs */
};

static struct selection selection_new(size_t most)
{
    return (struct selection){ .operations = value_allocate((most + 1) * sizeof(struct operation *)),
                               .old = json_array(),
                               .invalid = json_array() };
}

static void selection_release(struct selection *selection)
{
    free(selection->operations);
    json_decref(selection->old);
    json_decref(selection->invalid);
}

/* A cancel is for good: what it left is not retried. */
static bool may_retry(const struct orchestration *orchestration)
{
    return orchestration->resolved &&
           (orchestration->state == ORCHESTRATION_FAILED || orchestration->state == ORCHESTRATION_IN_PROGRESS ||
            orchestration->state == ORCHESTRATION_RETRYING);
}

/* In the order of the request, each ID once. */
static void select_named(const struct state *state, const struct orchestration *orchestration, const json_t *ids,
                         struct selection *selection)
{
    json_t *seen = json_object(), *id;
    size_t i;

    json_array_foreach((json_t *)ids, i, id) {
        const char *name = json_string_value(id);
        const struct operation *operation = operation_find(state, name);

        if (name == NULL || json_object_get(seen, name) != NULL)
            continue;
        json_object_set_new(seen, name, json_true());
        if (operation != NULL && operation->orchestration == orchestration && operation->state == OPERATION_FAILED &&
            may_retry(orchestration))
            selection->operations[selection->count++] = operation;
        else
            json_array_append(selection->invalid, id);
    }
    json_decref(seen);
}

static void select_all(const struct orchestration *orchestration, struct selection *selection)
{
    for (size_t i = 0; may_retry(orchestration) && i < orchestration->count; i++)
        if (orchestration->operations[i]->state == OPERATION_FAILED)
            selection->operations[selection->count++] = orchestration->operations[i];
    qsort(selection->operations, selection->count, sizeof(struct operation *), operation_compare_positions);
    if (selection->count > ORCHESTRATION_RETRY_MAX)
        selection->count = ORCHESTRATION_RETRY_MAX;
}

/* One that is over is not taken up again where a later upgrade of the instance would be undone. */
static void drop_old(const struct state *state, const struct orchestration *orchestration, struct selection *selection)
{
    struct underway *underway = underway_new(state, orchestration);
    size_t kept = 0;

    for (size_t i = 0; i < selection->count; i++) {
        const struct operation *operation = selection->operations[i];

        if (operation_is_old(state, underway, operation))
            json_array_append_new(selection->old, json_string(operation->id));
        else
            selection->operations[kept++] = operation;
    }
    selection->count = kept;
    underway_free(underway);
}

/* --- Answers --- */

static json_t *selected_ids(const struct selection *selection)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < selection->count; i++)
        json_array_append_new(ids, json_string(selection->operations[i]->id));
    return ids;
}

/* Clients know an empty list as null. */
static json_t *list_or_null(json_t *list)
{
    return json_array_size(list) == 0 ? json_null() : json_incref(list);
}

static void answer(const char *id, json_t *retried, const struct selection *selection, const char *message,
                   struct decision *out)
{
    decision_outcome(out, 202,
                     json_pack("{s:s, s:o, s:o, s:o, s:s}", "orchestrationID", id, "retryOperations",
                               list_or_null(retried), "oldOperations", list_or_null(selection->old),
                               "invalidOperations", list_or_null(selection->invalid), "msg", message));
}

/* A key is remembered with the body that came with it, whatever came of it. */
static void name_key(const struct request *request, json_t *data)
{
    if (data_text(request->data, "retryID")[0] == '\0')
        return;
    json_object_set_new(data, "retryID", json_string(data_text(request->data, "retryID")));
    json_object_set_new(data, "bodyHash", json_string(data_text(request->data, "bodyHash")));
}

static void decline(const struct request *request, const char *id, const struct selection *selection,
                    struct decision *out)
{
    char message[REASON_SIZE];
    json_t *data;

    reason_format(message, "No valid operations to retry for orchestration %s", id);
    data = json_pack("{s:s, s:o, s:s}", "request", orchestration_core.request_types[request->type], "actor",
                     orchestration_actor(request), "reason", message);
    name_key(request, data);
    decision_event(out, EVENT_DECLINED, id, data);
    answer(id, NULL, selection, message, out);
}

/* Each retry adds to the text, and the newest one must be readable: where there is no room for it, the oldest give way
 * to ", ...". */
static void make_room(char text[REASON_SIZE])
{
    static const char retried[] = ", retried ", left_out[] = ", ...";
    char *oldest = strstr(text, retried), *kept = oldest;

    if (strlen(text) < REASON_SIZE - RETRY_ROOM || oldest == NULL)
        return;
    while (kept != NULL && (size_t)(oldest - text) + strlen(kept) >= REASON_SIZE - RETRY_ROOM - strlen(left_out))
        kept = strstr(kept + 1, retried);
    if ((size_t)(oldest - text) >= strlen(left_out) &&
        strncmp(oldest - strlen(left_out), left_out, strlen(left_out)) == 0)
        oldest -= strlen(left_out);
    if (kept != NULL)
        memmove(oldest + strlen(left_out), kept, strlen(kept) + 1);
    memcpy(oldest, left_out, strlen(left_out));
    if (kept == NULL)
        oldest[strlen(left_out)] = '\0';
}

/* What is said of an orchestration that is over, or that has stopped, and now goes on. */
static void describe(const struct orchestration *orchestration, json_t *data)
{
    char former[REASON_SIZE], description[REASON_SIZE];

    if (orchestration->state != ORCHESTRATION_FAILED && !orchestration->stopped)
        return;
    limit_forget(orchestration, former);
    make_room(former);
    reason_format(description, "%s, retrying", former);
    json_object_set_new(data, "description", json_string(description));
}

static void take(const struct request *request, const struct orchestration *orchestration,
                 const struct selection *selection, struct decision *out)
{
    json_t *ids = selected_ids(selection);
    json_t *data = json_pack("{s:o, s:O}", "actor", orchestration_actor(request), "operations", ids);

    describe(orchestration, data);
    name_key(request, data);
    decision_event(out, EVENT_RETRIED, orchestration->id, data);
    answer(orchestration->id, ids, selection, "retry operations are queued for processing", out);
    json_decref(ids);
}

static void retry(const struct state *state, const struct request *request, const struct orchestration *orchestration,
                  struct decision *out)
{
    const json_t *named = json_object_get(request->data, "operations");
    bool all = json_array_size(named) == 0;
    struct selection selection = selection_new(all ? orchestration->count : json_array_size(named));

    if (all)
        select_all(orchestration, &selection);
    else
        select_named(state, orchestration, named, &selection);
    if (orchestration->state == ORCHESTRATION_FAILED)
        drop_old(state, orchestration, &selection);
    if (selection.count == 0)
        decline(request, orchestration->id, &selection, out);
    else
        take(request, orchestration, &selection, out);
    selection_release(&selection);
}

/* A repetition decides nothing: its answer stands in the read model. */
void orchestration_decide_retry(const struct state *state, const struct request *request, struct decision *out)
{
    const char *id = data_text(request->data, "orchestrationID"), *key = data_text(request->data, "retryID");
    const struct orchestration *orchestration = orchestration_find(state, id);
    const char *known = orchestration == NULL ? NULL : orchestration_remembered(orchestration, key);

    if (orchestration == NULL)
        orchestration_refuse(request, id, 404, out, "while retrying orchestration %s: orchestration %s not found", id,
                             id);
    else if (known == NULL)
        retry(state, request, orchestration, out);
    else if (strcmp(data_text(request->data, "bodyHash"), known) != 0)
        orchestration_refuse(
            request, id, 422, out,
            "while retrying orchestration %s: the Idempotency-Key was used before, for a request with another "
            "body",
            id);
}

/* --- Going on --- */

bool retry_is_large(const struct decision *decision)
{
    for (size_t i = 0; i < decision->count; i++)
        if (decision->events[i].type == EVENT_RETRIED &&
            json_array_size(json_object_get(decision->events[i].data, "operations")) > ORCHESTRATION_BATCH_MAX)
            return true;
    return false;
}

/* All that are to be retried are still known as such when the first event says something of them. */
json_t *retry_description(const struct orchestration *orchestration)
{
    static const char retrying[] = "retrying";
    size_t length = strlen(orchestration->description);
    char description[REASON_SIZE];

    if (length < strlen(retrying) || strcmp(orchestration->description + length - strlen(retrying), retrying) != 0)
        return NULL;
    reason_format(description, "%.*sretried %zu operations", (int)(length - strlen(retrying)),
                  orchestration->description, orchestration->by_state[OPERATION_RETRYING]);
    return json_string(description);
}

/* One that had ended asks for windows anew, for the policy may be another by now; where others of it run, a window that
 * an operation had is good as long as it is open. */
void retry_resume(const struct orchestration *orchestration, struct decision *out)
{
    bool ended = orchestration->state == ORCHESTRATION_RETRYING;
    json_t *data = json_pack("{s:I, s:s, s:o*}", "operations", (json_int_t)orchestration->by_state[OPERATION_RETRYING],
                             "windows", ended ? "new" : "kept", "description", retry_description(orchestration));

    decision_event(out, EVENT_RESUMED, orchestration->id, data);
}
