/* What follows from the state alone: the end of an orchestration, and operations whose turn has come. */
#include <stdio.h>
#include <string.h>

#include "common/log/fold.h" /* what a decision already holds: a record is kept small */
#include "common/release/release.h"
#include "services/orchestrator/decide.h"

/* --- Resolved --- */

static bool text_missing(const json_t *object, const char *member)
{
    return data_text(object, member)[0] == '\0';
}

/* What was asked for, completed by what will be sent, for both types of upgrade alike. The caller owns it. */
static json_t *parameters_enriched(const struct state *state, const struct orchestration *orchestration)
{
    const struct orchestration_settings *settings = state->settings;
    const json_t *asked = orchestration->parameters, *cluster;
    json_t *parameters = json_is_object(asked) ? json_copy((json_t *)asked) : json_object();

    if (text_missing(json_object_get(parameters, "kyma"), "version"))
        json_object_set_new(parameters, "kyma", json_pack("{s:s}", "version", state_kyma_version(state)));
    cluster = json_object_get(parameters, "kubernetes");
    if (text_missing(cluster, "kubernetesVersion"))
        json_object_set_new(parameters, "kubernetes",
                            json_pack("{s:s, s:s, s:s}", "kubernetesVersion", settings->kubernetes_version,
                                      "machineImage", data_text(cluster, "machineImage"), "machineImageVersion",
                                      data_text(cluster, "machineImageVersion")));
    return parameters;
}

/* What each cluster is to become: the members that were asked for, else those of the settings; what neither names is
 * left out, and stays as the cluster has it. The caller owns it. */
static json_t *cluster_config(const struct orchestration *orchestration, const struct orchestration_settings *settings)
{
    const json_t *asked = json_object_get(orchestration->parameters, "kubernetes");
    const struct {
        const char *member, *fallback;
    } members[] = {
        { "kubernetesVersion", settings->kubernetes_version },
        { "machineImage", settings->machine_image },
        { "machineImageVersion", settings->machine_image_version },
    };
    json_t *config = json_object();

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *value = text_missing(asked, members[i].member) ? members[i].fallback
                                                                   : data_text(asked, members[i].member);

        if (value != NULL && value[0] != '\0')
            json_object_set_new(config, members[i].member, json_string(value));
    }
    json_object_set_new(config, "enableKubernetesVersionAutoUpdate", json_boolean(settings->kubernetes_auto_update));
    json_object_set_new(config, "enableMachineImageVersionAutoUpdate",
                        json_boolean(settings->machine_image_auto_update));
    return config;
}

/* All targets are in. Operations that differ from the others come first, in records of their own. */
static void schedule(const struct state *state, const struct orchestration *orchestration, struct decision *out)
{
    bool of_cluster = orchestration->lane->type->cluster;
    const struct releases *releases = state_releases(state);
    const char *version = of_cluster ? "" : orchestration_version_to_send(state, orchestration);
    json_t *configuration = of_cluster ? NULL : (json_t *)(uintptr_t)releases_configuration(releases, version);
    char description[REASON_SIZE];
    struct error why;
    json_t *data;

    if (!of_cluster && !state_releases_usable(state, &why)) {
        reason_format(description, "while resolving operations: %s", why.message);
        decision_event(out, EVENT_FAILED, orchestration->id, json_pack("{s:s}", "description", description));
        return;
    }
    if (configuration == NULL && !of_cluster) { /* it was there when the orchestration was accepted */
        snprintf(description, sizeof description, "while resolving operations: there is no release %.64s any more",
                 version);
        decision_event(out, EVENT_FAILED, orchestration->id, json_pack("{s:s}", "description", description));
        return;
    }
    if (configure_is_in(out) || configure_targets(state, orchestration, out))
        return;
    snprintf(description, sizeof description, "Scheduled %zu operations", orchestration->count);
    data = json_pack("{s:I, s:s, s:o, s:s}", "operations", (json_int_t)orchestration->count, "description", description,
                     "parameters", parameters_enriched(state, orchestration), "version", version);
    if (orchestration->by_state[OPERATION_FAILED] > 0 && !orchestration->dry_run)
        json_object_set_new(data, "told", json_true());
    if (of_cluster) {
        json_object_set_new(data, "clusterConfig", cluster_config(orchestration, state->settings));
    } else {
        json_object_set_new(data, "configuration", json_string(releases_hash(releases, version)));
        json_object_set(data, "kymaConfig", configuration);
    }
    decision_event(out, EVENT_SCHEDULED, orchestration->id, data);
}

/* --- Turns --- */

/* Operations that left the ready queue in this record already. */
static size_t turns_in(const struct decision *decision)
{
    size_t count = 0;

    for (size_t i = 0; i < decision->count; i++) {
        const struct decided_event *event = &decision->events[i];

        if (event->type == EVENT_DISPATCHED || event->type == EVENT_RESCHEDULED)
            count += json_array_size(json_object_get(event->data, "operations"));
    }
    return count;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* All of schedule `immediate` are released at one moment, in however many messages: whose turn it is, is known when the
 * last of them is in. */
static bool release_is_partial(const struct orchestration *orchestration)
{
    return orchestration->by_phase[PHASE_WAITING] > 0 && strcmp(orchestration->schedule, "immediate") == 0;
}

/* Since when its window is open and it has been released. */
static int64_t ready_since_ms(const struct operation *operation)
{
    return operation->window_begin > operation->updated_at ? operation->window_begin : operation->updated_at;
}

/* Until when it waits, at most, for others whose turn may come before its own: those of whose window nothing is known
 * yet, and those whose window has opened, so that their release is on its way. 0: there are none. */
static int64_t wait_for_others_ms(const struct operation *operation)
{
    if (operation->release == 0)
        return 0; /* first of all, whoever comes */
    if (operation->orchestration->unanswered > 0)
        return ready_since_ms(operation) + ORCHESTRATION_ANSWERS_MS;
    if (orchestration_opens_ms(operation->orchestration) <= operation->window_begin)
        return ready_since_ms(operation) + ORCHESTRATION_OPENING_MS;
    return 0;
}

/* Not where a window is said to be open that is yet to open: clocks differ, and it must not wait long. */
static bool waits_for_others(const struct operation *operation, int64_t now_ms)
{
    return ready_since_ms(operation) <= now_ms && now_ms < wait_for_others_ms(operation);
}

/* How many operations may start now. */
static size_t slots_free(const struct orchestration *orchestration)
{
    size_t workers = (size_t)orchestration->workers, running = orchestration_running(orchestration);
    size_t left = limit_left(orchestration);

    if (release_is_partial(orchestration))
        return 0;
    return running < workers ? least(workers - running, left) : 0;
}

/* One that is retried, because no window could be had for it, has none yet. */
static bool window_ended(const struct operation *operation, int64_t now_ms)
{
    if (operation->window_end == 0)
        return operation->attempt > 1 && operation->window_begin == 0 &&
               strcmp(operation->orchestration->schedule, "maintenanceWindow") == 0;
    return operation->window_end <= now_ms;
}

struct turns {
    const struct heap_item *items[ORCHESTRATION_BATCH_MAX];
    size_t count;
};

/* The next ones, so many that `slots` of them may start, or all that a record may hold, as far as none waits for others.
 * Those that need another window are by themselves: whether others wait for them shows when they have asked for it.
 * Usually the window of none has ended, so it looks no further than it must. */
static void turns_take(const struct orchestration *orchestration, size_t slots, size_t most, int64_t now_ms,
                       struct turns *turns)
{
    for (size_t wanted = least(slots, most);; wanted = least(2 * wanted, most)) {
        size_t open = 0, i, count = heap_firsts(&orchestration->ready, turns->items, wanted);
        bool late = false;

        for (i = 0; i < count && open < slots; i++) {
            const struct operation *operation = operation_of_turn(turns->items[i]);

            if (waits_for_others(operation, now_ms) || (late && !window_ended(operation, now_ms)))
                break;
            late = window_ended(operation, now_ms);
            open += late ? 0 : 1;
        }
        turns->count = i;
        if (open == slots || wanted == most || i < count)
            return;
    }
}

static void dispatch(const struct orchestration *orchestration, int64_t now_ms, struct decision *out)
{
    size_t slots = slots_free(orchestration), done = turns_in(out);
    size_t room = done < ORCHESTRATION_BATCH_MAX ? ORCHESTRATION_BATCH_MAX - done : 0;
    size_t most = least(orchestration->ready.count, room);
    json_t *late, *started;
    struct turns turns;

    if (slots == 0 || most == 0)
        return;
    turns_take(orchestration, slots, most, now_ms, &turns);
    late = json_array();
    started = json_array();
    for (size_t i = 0; i < turns.count; i++) {
        const struct operation *operation = operation_of_turn(turns.items[i]);

        json_array_append_new(window_ended(operation, now_ms) ? late : started, json_string(operation->id));
    }
    if (json_array_size(late) > 0)
        decision_event(out, EVENT_RESCHEDULED, orchestration->id,
                       json_pack("{s:O, s:I}", "operations", late, "after", (json_int_t)now_ms));
    if (json_array_size(started) > 0)
        decision_event(out, EVENT_DISPATCHED, orchestration->id, json_pack("{s:O}", "operations", started));
    json_decref(late);
    json_decref(started);
}

/* --- The whole --- */

static size_t turn_count(const struct state *state)
{
    return state->settings->orchestrations_max > 0 ? (size_t)state->settings->orchestrations_max : 1;
}

bool orchestration_has_turn(const struct state *state, const struct orchestration *orchestration)
{
    const struct orchestration *firsts[LANE_ORCHESTRATIONS_MAX];
    size_t count = lane_firsts(orchestration->lane, firsts, turn_count(state));

    for (size_t i = 0; i < count; i++)
        if (firsts[i] == orchestration)
            return true;
    return false;
}

/* What failed without a start may have been the last, though it had stopped: then nothing was held back in the end. */
static void finish(const struct orchestration *orchestration, struct decision *out)
{
    char description[REASON_SIZE];

    limit_forget(orchestration, description);
    decision_event(out, orchestration->by_state[OPERATION_FAILED] > 0 ? EVENT_FAILED : EVENT_SUCCEEDED,
                   orchestration->id, json_pack("{s:s}", "description", description));
}

static bool is_resolved(const struct orchestration *orchestration)
{
    return orchestration->partitions > 0 && orchestration->reported_count == orchestration->partitions;
}

/* What is sent is decided anew; if that is too much for a record, a deadline takes the rest. */
static void go_on(const struct state *state, const struct orchestration *orchestration, struct decision *out)
{
    if (retry_is_large(out))
        return;
    if (configure_is_in(out) ? configure_left(orchestration) > 0 : configure_retried(state, orchestration, out))
        return;
    retry_resume(orchestration, out);
}

static void settle(const struct state *state, const struct orchestration *orchestration, int64_t now_ms,
                   struct decision *out)
{
    switch (orchestration->state) {
    case ORCHESTRATION_PENDING:
        if (is_resolved(orchestration))
            schedule(state, orchestration, out);
        break;
    case ORCHESTRATION_IN_PROGRESS:
        if (orchestration->by_state[OPERATION_RETRYING] > 0)
            go_on(state, orchestration, out);
        else if (orchestration->by_phase[PHASE_DONE] == orchestration->count)
            finish(orchestration, out);
        else if (limit_is_reached(orchestration) && !limit_is_told(orchestration))
            limit_stop(orchestration, out);
        else
            dispatch(orchestration, now_ms, out);
        break;
    case ORCHESTRATION_CANCELING:
        if (orchestration_running(orchestration) == 0)
            decision_event(out, EVENT_CANCELED, orchestration->id, NULL);
        break;
    case ORCHESTRATION_RETRYING: /* goes on in a record of its own */
    case ORCHESTRATION_CANCELED:
    case ORCHESTRATION_SUCCEEDED:
    case ORCHESTRATION_FAILED:
    case ORCHESTRATION_STATE_COUNT: break;
    }
}

/* Those that run go on, however many may; one that waits for its turn is canceled in the request itself. */
void orchestration_settle(const void *state, int64_t now_ms, struct decision *out)
{
    const struct state *all = state;

    for (const struct lane *lane = all->lanes; lane != NULL; lane = lane->hh.next) {
        const struct orchestration *firsts[LANE_ORCHESTRATIONS_MAX];
        size_t count = lane_firsts(lane, firsts, turn_count(all));

        for (size_t i = 0; i < count; i++)
            settle(all, firsts[i], now_ms, out);
    }
}

/* At once: a lane is free and one waits for it, new or retried, or a record could not hold all that is decided of
 * operations, or all that may start; or as soon as the next operation waits for others no longer. The ID names how far it
 * has come, so that the next one is another deadline, which need not wait. */
static bool due(const struct orchestration *orchestration, struct deadline *deadline)
{
    deadline->at_ms = 0;
    if (orchestration->partitions == 0) {
        snprintf(deadline->id, sizeof deadline->id, "%.63s", orchestration->id);
        return true;
    }
    if (orchestration->state == ORCHESTRATION_RETRYING) {
        snprintf(deadline->id, sizeof deadline->id, "%.36s" DEADLINE_AGAIN "%zu", orchestration->id,
                 configure_left(orchestration));
        return true;
    }
    if (orchestration->state == ORCHESTRATION_PENDING && is_resolved(orchestration)) {
        snprintf(deadline->id, sizeof deadline->id, "%.36s/configured/%d", orchestration->id,
                 orchestration->configured);
        return true;
    }
    if (orchestration->state == ORCHESTRATION_IN_PROGRESS && orchestration->by_state[OPERATION_RETRYING] > 0) {
        snprintf(deadline->id, sizeof deadline->id, "%.36s/retry/%zu", orchestration->id,
                 configure_left(orchestration));
        return true;
    }
    if (orchestration->state != ORCHESTRATION_IN_PROGRESS || orchestration->ready.count == 0 ||
        slots_free(orchestration) == 0)
        return false;
    snprintf(deadline->id, sizeof deadline->id, "%.36s/%zu/%zu", orchestration->id,
             orchestration->by_phase[PHASE_DONE] + orchestration_running(orchestration), orchestration->ready.count);
    deadline->at_ms = wait_for_others_ms(operation_of_turn(heap_first(&orchestration->ready)));
    return true;
}

struct deadline orchestration_deadline(const void *state)
{
    const struct state *all = state;
    int64_t arrival = INT64_MAX;
    struct deadline deadline = { .at_ms = DEADLINE_NEVER };

    for (const struct lane *lane = all->lanes; lane != NULL; lane = lane->hh.next) {
        const struct orchestration *firsts[LANE_ORCHESTRATIONS_MAX];
        size_t count = lane_firsts(lane, firsts, turn_count(all));
        struct deadline its;

        for (size_t i = 0; i < count; i++) {
            if (!due(firsts[i], &its) || its.at_ms > deadline.at_ms ||
                (its.at_ms == deadline.at_ms && firsts[i]->arrival >= arrival))
                continue;
            arrival = firsts[i]->arrival;
            deadline = its;
        }
    }
    return deadline;
}
