/* The only way state changes, each event type on its own. Frozen once released: other behaviour is another type. */
#include <stdlib.h>
#include <string.h>

#include "services/orchestrator/latest.h"
#include "services/orchestrator/parts.h"

static void evolve_accepted(struct state *state, const struct event *event)
{
    struct orchestration *orchestration;

    if (orchestration_find(state, event->subject) != NULL)
        return;
    orchestration = orchestration_add(state, event->subject, data_text(event->data, "lane"), event->offset);
    text_set(&orchestration->description, "queued for processing");
    orchestration->created_at = orchestration->updated_at = event->time_ms;
    orchestration->parameters = json_incref(json_object_get(event->data, "parameters"));
    orchestration->actor = json_incref(json_object_get(event->data, "actor"));
    text_set(&orchestration->version, data_text(event->data, "version"));
    text_set(&orchestration->body_hash, data_text(event->data, "bodyHash"));
    text_set(&orchestration->traceparent, event->traceparent);
    text_set(&orchestration->schedule, data_text(event->data, "schedule"));
    orchestration->workers = (int)data_integer(event->data, "workers");
    orchestration->max_failures = (int)data_integer(event->data, "maxFailures");
    orchestration->dry_run = json_is_true(json_object_get(event->data, "dryRun"));
}

static void add_target(struct state *state, struct orchestration *orchestration, const json_t *target, int64_t time_ms,
                       struct changes *out)
{
    const char *id = data_text(target, "operationID"), *texts[TEXT_COUNT];
    struct operation *operation;

    if (operation_find(state, id) != NULL)
        return;
    for (int text = 0; text < TEXT_COUNT; text++)
        texts[text] = data_text(target, operation_text_names[text].member);
    operation = operation_add(state, orchestration, id, (int)data_integer(target, "include"), texts);
    text_set(&operation->description, "Operation created");
    operation->created_at = operation->updated_at = time_ms;
    changes_row(out, TABLE_OPERATION, operation->id);
}

static void evolve_targeted(struct state *state, struct orchestration *orchestration, const struct event *event,
                            struct changes *out)
{
    const json_t *target;
    size_t i;

    json_array_foreach(json_object_get(event->data, "targets"), i, target)
        add_target(state, orchestration, target, event->time_ms, out);
    if (json_is_true(json_object_get(event->data, "last")))
        orchestration_reported(orchestration, (int)data_integer(event->data, "partition"));
}

/* What has ended is remembered beyond its orchestration. */
static void learn_ended(struct state *state, const struct operation *operation, struct changes *out)
{
    const char *id = NULL;

    if (operation->state == OPERATION_SUCCEEDED || operation->state == OPERATION_FAILED)
        id = latest_learn(state, operation);
    if (id != NULL)
        changes_row(out, TABLE_LATEST, id);
}

/* It stays if the event has none. */
static void set_description(struct orchestration *orchestration, const struct event *event)
{
    const char *description = json_string_value(json_object_get(event->data, "description"));

    if (description != NULL)
        text_set(&orchestration->description, description);
}

/* --- Versions and configurations --- */

static void add_configuration(struct orchestration *orchestration, const char *hash, json_t *body, struct changes *out)
{
    char *id;

    configuration_add(orchestration, hash, json_incref(body));
    id = configuration_row_id(orchestration->id, hash);
    changes_row(out, TABLE_CONFIGURATION, id);
    free(id);
}

/* Those for which there is nothing to be sent have failed. As long as they are invisible, nobody learns of it. */
static void evolve_choice(struct state *state, const struct orchestration *orchestration, const json_t *choice,
                          const struct event *event, struct changes *out)
{
    const char *error = json_string_value(json_object_get(choice, "error"));
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(choice, "operations"), i, id) {
        struct operation *operation = operation_find(state, json_string_value(id));

        if (operation == NULL)
            continue;
        text_set(&operation->version, data_text(choice, "version"));
        operation->configuration = configuration_find(orchestration, data_text(choice, "configuration"));
        if (error != NULL) {
            operation->updated_at = event->time_ms;
            text_set(&operation->description, error);
            operation_change(operation, PHASE_DONE, OPERATION_FAILED);
            if (orchestration->resolved)
                learn_ended(state, operation, out);
        }
        changes_row(out, TABLE_OPERATION, operation->id);
    }
}

static void evolve_configured(struct state *state, struct orchestration *orchestration, const struct event *event,
                              struct changes *out)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(event->data, "configurations"), i, item) {
        add_configuration(orchestration, data_text(item, "hash"), json_object_get(item, "kymaConfig"), out);
    }
    json_array_foreach(json_object_get(event->data, "choices"), i, item) {
        evolve_choice(state, orchestration, item, event, out);
    }
    orchestration->configured = (int)data_integer(event->data, "configured");
    set_description(orchestration, event);
}

/* Clients see them created now, all at once, in the order in which they will run. Of very many, whose rows would be too
 * much for one record, each stays as it came. */
static void create_in_order(const struct orchestration *orchestration, const struct event *event, struct changes *out)
{
    if (orchestration->count == 0 || orchestration->count > ORCHESTRATION_ORDERED_MAX)
        return;
    qsort(orchestration->operations, orchestration->count, sizeof(struct operation *), operation_compare_turns);
    for (size_t i = 0; i < orchestration->count; i++) {
        struct operation *operation = orchestration->operations[i];

        operation->position = (int)i + 1;
        operation->created_at = operation->updated_at = event->time_ms;
        changes_row(out, TABLE_OPERATION, operation->id);
    }
}

/* `updated_at` stays: leaving `pending` is no update. */
static void evolve_scheduled(struct state *state, struct orchestration *orchestration, const struct event *event,
                             struct changes *out)
{
    json_t *configuration = json_object_get(event->data, "kymaConfig");

    orchestration_change(orchestration, ORCHESTRATION_IN_PROGRESS);
    orchestration->resolved = true;
    text_set(&orchestration->description, data_text(event->data, "description"));
    text_set(&orchestration->version, data_text(event->data, "version"));
    text_set(&orchestration->configuration, data_text(event->data, "configuration"));
    json_decref(orchestration->parameters);
    orchestration->parameters = json_incref(json_object_get(event->data, "parameters"));
    json_decref(orchestration->cluster_config);
    orchestration->cluster_config = json_incref(json_object_get(event->data, "clusterConfig"));
    orchestration->configured = (int)orchestration->count;
    create_in_order(orchestration, event, out);
    if (configuration != NULL)
        add_configuration(orchestration, orchestration->configuration, configuration, out);
    for (size_t i = 0; i < orchestration->count; i++)
        learn_ended(state, orchestration->operations[i], out);
}

/* Whose window began earlier comes first; all of schedule `immediate` are released at one moment, in however many
 * messages. */
static void evolve_windows(struct state *state, const struct orchestration *orchestration, const struct event *event,
                           enum phase phase, struct changes *out)
{
    bool immediate = strcmp(orchestration->schedule, "immediate") == 0;
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(event->data, "operations"), i, item) {
        struct operation *operation = operation_find(state, data_text(item, "operationID"));

        if (operation == NULL)
            continue;
        operation->window_begin = data_integer(item, "begin");
        operation->window_end = data_integer(item, "end");
        operation->updated_at = event->time_ms;
        operation->release = phase == PHASE_READY && !immediate ? operation->window_begin : 0;
        operation_change(operation, phase, OPERATION_PENDING);
        changes_row(out, TABLE_OPERATION, operation->id);
    }
}

/* All the event's operations go to one phase and state; `description` NULL: it stays. */
static void evolve_all(struct state *state, const struct event *event, enum phase phase, enum operation_state to,
                       const char *description, struct changes *out)
{
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(event->data, "operations"), i, id) {
        struct operation *operation = operation_find(state, json_string_value(id));

        if (operation == NULL)
            continue;
        operation_change(operation, phase, to);
        operation->sent = operation->sent || phase != PHASE_WAITING;
        operation->updated_at = event->time_ms;
        if (description != NULL)
            text_set(&operation->description, description);
        changes_row(out, TABLE_OPERATION, operation->id);
        learn_ended(state, operation, out);
    }
}

static void evolve_progressed(struct state *state, const struct event *event, struct changes *out)
{
    struct operation *operation = operation_find(state, data_text(event->data, "operationID"));

    if (operation == NULL)
        return;
    operation->release = 0; /* whoever waited for its runtime waited long enough: first of all */
    operation->updated_at = event->time_ms;
    text_set(&operation->description, data_text(event->data, "description"));
    operation_change(operation, (enum phase)name_index(phase_names, PHASE_COUNT, data_text(event->data, "phase")),
                     (enum operation_state)name_index(operation_state_names, OPERATION_STATE_COUNT,
                                                      data_text(event->data, "state")));
    changes_row(out, TABLE_OPERATION, operation->id);
    learn_ended(state, operation, out);
}

/* --- Stopping and going on --- */

static void evolve_stopped(struct orchestration *orchestration, const struct event *event)
{
    orchestration->stopped = true;
    text_set(&orchestration->description, data_text(event->data, "description"));
}

/* What it is sent is decided anew. */
static void undecide(const struct operation *operation)
{
    if (operation->orchestration->configured >= operation->position)
        operation->orchestration->configured = operation->position - 1;
}

/* One that had ended waits at the end of its lane for another turn. */
static void evolve_retried(struct state *state, struct orchestration *orchestration, const struct event *event,
                           struct changes *out)
{
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(event->data, "operations"), i, id) {
        struct operation *operation = operation_find(state, json_string_value(id));

        if (operation == NULL)
            continue;
        operation_change(operation, PHASE_DONE, OPERATION_RETRYING);
        operation->attempt++;
        undecide(operation);
        operation->updated_at = event->time_ms;
        text_set(&operation->description, "queued for retrying");
        changes_row(out, TABLE_OPERATION, operation->id);
    }
    if (orchestration_finished(orchestration)) {
        orchestration->arrival = event->offset;
        orchestration_change(orchestration, ORCHESTRATION_RETRYING);
    }
    orchestration->stopped = false;
    orchestration->updated_at = event->time_ms;
    orchestration_remember(orchestration, data_text(event->data, "retryID"), data_text(event->data, "bodyHash"));
    set_description(orchestration, event);
}

/* Where the others of its orchestration run on, what is retried comes behind what is ready by now: it may fail again, and
 * must not hold them up for ever where only so much may fail. With a window that has ended, or none, it comes first, so
 * that it has another one soon. */
static int64_t release_again(const struct operation *operation, const struct event *event)
{
    if (strcmp(operation->orchestration->schedule, "immediate") == 0)
        return event->offset + 1;
    return operation->window_end > event->time_ms ? event->time_ms + 1 : operation->window_begin;
}

/* `updated_at` stays, as when `pending` is left. */
static void evolve_resumed(struct orchestration *orchestration, const struct event *event, struct changes *out)
{
    bool anew = strcmp(data_text(event->data, "windows"), "new") == 0;

    for (size_t i = 0; i < orchestration->count; i++) {
        struct operation *operation = orchestration->operations[i];

        if (operation->state != OPERATION_RETRYING)
            continue;
        operation->release = anew ? 0 : release_again(operation, event);
        if (anew)
            operation->window_begin = operation->window_end = 0;
        operation_change(operation, anew ? PHASE_WAITING : PHASE_READY, OPERATION_PENDING);
        operation->updated_at = event->time_ms;
        text_set(&operation->description, "Operation retry triggered");
        changes_row(out, TABLE_OPERATION, operation->id);
    }
    orchestration->configured = (int)orchestration->count;
    orchestration_change(orchestration, ORCHESTRATION_IN_PROGRESS);
    set_description(orchestration, event);
}

/* --- Ends --- */

/* Operations that never became visible stay as they are. */
static void evolve_canceled(struct orchestration *orchestration, const struct event *event, struct changes *out)
{
    for (size_t i = 0; orchestration->resolved && i < orchestration->count; i++) {
        struct operation *operation = orchestration->operations[i];

        if (operation->state != OPERATION_PENDING && operation->state != OPERATION_RETRYING)
            continue;
        operation_change(operation, PHASE_DONE, OPERATION_CANCELED);
        operation->updated_at = event->time_ms;
        text_set(&operation->description, "Operation was canceled");
        changes_row(out, TABLE_OPERATION, operation->id);
    }
    orchestration_change(orchestration, ORCHESTRATION_CANCELED);
    orchestration->updated_at = event->time_ms;
}

static void evolve_halted(struct orchestration *orchestration, const struct event *event)
{
    orchestration_change(orchestration, ORCHESTRATION_CANCELING);
    orchestration->updated_at = event->time_ms;
    text_set(&orchestration->description, "Orchestration was canceled");
}

/* One without operations ends in the moment that it starts, which is no update. */
static void evolve_ended(struct orchestration *orchestration, const struct event *event, enum orchestration_state end)
{
    orchestration_change(orchestration, end);
    text_set(&orchestration->description, data_text(event->data, "description"));
    if (end == ORCHESTRATION_FAILED || orchestration->count > 0)
        orchestration->updated_at = event->time_ms;
}

static void evolve_releases(struct state *state, const struct event *event, struct changes *out)
{
    const char *hash = data_text(event->data, "hash");

    if (event->type == EVENT_RELEASES_ADOPTED)
        adoption_adopt_releases(&state->adoption, hash, json_object_get(event->data, "releases"), event->time_ms);
    else
        adoption_refuse_releases(&state->adoption, hash, data_text(event->data, "reason"), event->time_ms);
    changes_row(out, TABLE_RELEASES, event->subject);
}

void orchestration_evolve(void *state, const struct event *event, struct changes *out)
{
    enum orchestration_event type = (enum orchestration_event)event->type;
    struct orchestration *orchestration;

    if (type == EVENT_REPEATED || type == EVENT_REJECTED)
        return; /* kept for the audit; the state stays as it was */
    if (type == EVENT_RELEASES_ADOPTED || type == EVENT_RELEASES_REFUSED) {
        evolve_releases(state, event, out);
        return;
    }
    if (type == EVENT_ACCEPTED)
        evolve_accepted(state, event);
    orchestration = orchestration_find(state, event->subject);
    if (orchestration == NULL)
        return;
    switch (type) {
    case EVENT_ACCEPTED: break;
    case EVENT_STARTED: orchestration_asked(orchestration, (int)data_integer(event->data, "partitions")); break;
    case EVENT_TARGETED: evolve_targeted(state, orchestration, event, out); break;
    case EVENT_CONFIGURED: evolve_configured(state, orchestration, event, out); break;
    case EVENT_SCHEDULED: evolve_scheduled(state, orchestration, event, out); break;
    case EVENT_PLANNED: evolve_windows(state, orchestration, event, PHASE_WAITING, out); break;
    case EVENT_RELEASED: evolve_windows(state, orchestration, event, PHASE_READY, out); break;
    case EVENT_DISPATCHED: evolve_all(state, event, PHASE_DISPATCHED, OPERATION_PENDING, NULL, out); break;
    case EVENT_REHEARSED: evolve_all(state, event, PHASE_DONE, OPERATION_SUCCEEDED, "dry run succeeded", out); break;
    case EVENT_RESCHEDULED: evolve_all(state, event, PHASE_WAITING, OPERATION_PENDING, NULL, out); break;
    case EVENT_PROGRESSED: evolve_progressed(state, event, out); break;
    case EVENT_STOPPED: evolve_stopped(orchestration, event); break;
    case EVENT_RETRIED: evolve_retried(state, orchestration, event, out); break;
    case EVENT_RESUMED: evolve_resumed(orchestration, event, out); break;
    case EVENT_HALTED: evolve_halted(orchestration, event); break;
    case EVENT_CANCELED: evolve_canceled(orchestration, event, out); break;
    case EVENT_SUCCEEDED: evolve_ended(orchestration, event, ORCHESTRATION_SUCCEEDED); break;
    case EVENT_FAILED: evolve_ended(orchestration, event, ORCHESTRATION_FAILED); break;
    case EVENT_DECLINED:
        orchestration_remember(orchestration, data_text(event->data, "retryID"), data_text(event->data, "bodyHash"));
        break;
    case EVENT_RELEASES_ADOPTED:
    case EVENT_RELEASES_REFUSED:
    case EVENT_REPEATED:
    case EVENT_REJECTED: break;
    }
    changes_row(out, TABLE_ORCHESTRATION, orchestration->id); /* with the numbers of its operations by state */
}
