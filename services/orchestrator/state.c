#include "services/orchestrator/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "services/orchestrator/latest.h"

const char *const operation_state_names[OPERATION_STATE_COUNT] = {
    [OPERATION_PENDING] = "pending", [OPERATION_IN_PROGRESS] = "in progress", [OPERATION_SUCCEEDED] = "succeeded",
    [OPERATION_FAILED] = "failed",   [OPERATION_CANCELED] = "canceled",       [OPERATION_RETRYING] = "retrying",
};

const char *const phase_names[PHASE_COUNT] = {
    [PHASE_WAITING] = "waiting", [PHASE_READY] = "ready",     [PHASE_DISPATCHED] = "dispatched",
    [PHASE_BUSY] = "busy",       [PHASE_RUNNING] = "running", [PHASE_DONE] = "done",
};

const char *const orchestration_state_names[ORCHESTRATION_STATE_COUNT] = {
    [ORCHESTRATION_PENDING] = "pending",     [ORCHESTRATION_IN_PROGRESS] = "in progress",
    [ORCHESTRATION_CANCELING] = "canceling", [ORCHESTRATION_CANCELED] = "canceled",
    [ORCHESTRATION_SUCCEEDED] = "succeeded", [ORCHESTRATION_FAILED] = "failed",
    [ORCHESTRATION_RETRYING] = "retrying",
};

const struct operation_text_name operation_text_names[TEXT_COUNT] = {
    [TEXT_INSTANCE_ID] = { "instanceID", "instance_id" },
    [TEXT_RUNTIME_ID] = { "runtimeID", "runtime_id" },
    [TEXT_GLOBAL_ACCOUNT_ID] = { "globalAccountID", "global_account_id" },
    [TEXT_SUB_ACCOUNT_ID] = { "subAccountID", "sub_account_id" },
    [TEXT_PLAN_NAME] = { "planName", "plan_name" },
    [TEXT_REGION] = { "region", "region" },
    [TEXT_SHOOT_NAME] = { "shootName", "shoot_name" },
    [TEXT_WINDOW_BEGIN] = { "windowBegin", "begin_text" },
    [TEXT_WINDOW_END] = { "windowEnd", "end_text" },
};

static const struct lane_type lane_types[] = {
    { "kyma", "upgradeKyma", "kyma upgrade in progress", false },
    { "cluster", "upgradeCluster", "cluster upgrade in progress", true },
};

/* --- Lanes --- */

static struct orchestration *orchestration_of_turn(const struct heap_item *turn)
{
    return (struct orchestration *)((uintptr_t)turn - offsetof(struct orchestration, turn));
}

static bool arrived_before(const struct heap_item *a, const struct heap_item *b)
{
    const struct orchestration *left = orchestration_of_turn(a), *right = orchestration_of_turn(b);

    if (left->arrival != right->arrival)
        return left->arrival < right->arrival;
    return strcmp(left->id, right->id) < 0;
}

const struct lane_type *lane_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof lane_types / sizeof lane_types[0]; i++)
        if (strcmp(lane_types[i].name, name) == 0)
            return &lane_types[i];
    return NULL;
}

static struct lane *lane_get(struct state *state, const char *name)
{
    struct lane *lane;

    HASH_FIND_STR(state->lanes, name, lane);
    if (lane != NULL)
        return lane;
    lane = value_allocate(sizeof *lane);
    lane->type = lane_type_find(name);
    assert(lane->type != NULL);
    lane->unfinished.before = arrived_before;
    HASH_ADD_KEYPTR(hh, state->lanes, lane->type->name, strlen(lane->type->name), lane);
    return lane;
}

struct orchestration *lane_first(const struct lane *lane)
{
    struct heap_item *first = heap_first(&lane->unfinished);

    return first == NULL ? NULL : orchestration_of_turn(first);
}

/* --- Operations --- */

const struct operation *operation_of_turn(const struct heap_item *turn)
{
    return (const struct operation *)((uintptr_t)turn - offsetof(struct operation, turn));
}

int operation_compare(const struct operation *a, const struct operation *b)
{
    int order;

    if (a->include != b->include)
        return a->include < b->include ? -1 : 1;
    order = strcmp(a->texts[TEXT_SHOOT_NAME], b->texts[TEXT_SHOOT_NAME]);
    if (order == 0)
        order = strcmp(a->texts[TEXT_RUNTIME_ID], b->texts[TEXT_RUNTIME_ID]);
    return order != 0 ? order : strcmp(a->id, b->id);
}

static bool turn_before(const struct heap_item *a, const struct heap_item *b)
{
    const struct operation *left = operation_of_turn(a), *right = operation_of_turn(b);

    if (left->release != right->release)
        return left->release < right->release;
    return operation_compare(left, right) < 0;
}

struct operation *operation_find(const struct state *state, const char *id)
{
    struct operation *operation = NULL;

    if (id != NULL)
        HASH_FIND_STR(state->operations, id, operation);
    return operation;
}

/* One allocation for an operation and its texts: there may be a hundred thousand. */
static struct operation *operation_new(const char *const texts[TEXT_COUNT])
{
    struct operation *operation;
    size_t size = sizeof *operation;
    char *at;

    for (int i = 0; i < TEXT_COUNT; i++)
        size += texts[i] == NULL ? 1 : strlen(texts[i]) + 1;
    operation = value_allocate(size);
    at = (char *)(operation + 1);
    for (int i = 0; i < TEXT_COUNT; i++) {
        const char *text = texts[i] == NULL ? "" : texts[i];

        operation->texts[i] = at;
        at = stpcpy(at, text) + 1;
    }
    return operation;
}

struct operation *operation_add(struct state *state, struct orchestration *orchestration, const char *id, int include,
                                const char *const texts[TEXT_COUNT])
{
    struct operation *operation = operation_new(texts);

    operation->orchestration = orchestration;
    strncpy(operation->id, id, sizeof operation->id - 1);
    operation->include = include;
    operation->attempt = 1;
    operation->description = value_copy("");
    HASH_ADD_STR(state->operations, id, operation);

    if (orchestration->count == orchestration->size) {
        orchestration->size = orchestration->size == 0 ? 16 : orchestration->size * 2;
        orchestration->operations = realloc(orchestration->operations,
                                            orchestration->size * sizeof(struct operation *));
        if (orchestration->operations == NULL)
            abort();
    }
    orchestration->operations[orchestration->count++] = operation;
    orchestration->by_state[operation->state]++;
    orchestration->by_phase[operation->phase]++;
    return operation;
}

void operation_change(struct operation *operation, enum phase phase, enum operation_state state)
{
    struct orchestration *orchestration = operation->orchestration;

    orchestration->by_state[operation->state]--;
    orchestration->by_phase[operation->phase]--;
    operation->state = state;
    operation->phase = phase;
    orchestration->by_state[operation->state]++;
    orchestration->by_phase[operation->phase]++;

    heap_remove(&orchestration->ready, &operation->turn);
    if (phase == PHASE_READY)
        heap_insert(&orchestration->ready, &operation->turn);
}

/* --- Orchestrations --- */

struct orchestration *orchestration_find(const struct state *state, const char *id)
{
    struct orchestration *orchestration = NULL;

    if (id != NULL)
        HASH_FIND_STR(state->orchestrations, id, orchestration);
    return orchestration;
}

struct orchestration *orchestration_add(struct state *state, const char *id, const char *lane, int64_t arrival)
{
    struct orchestration *orchestration = value_allocate(sizeof *orchestration);
    char **const texts[] = { &orchestration->description, &orchestration->version,  &orchestration->configuration,
                             &orchestration->body_hash,   &orchestration->schedule, &orchestration->retry,
                             &orchestration->retry_hash };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_set(texts[i], "");
    orchestration->id = value_copy(id);
    orchestration->lane = lane_get(state, lane);
    orchestration->arrival = arrival;
    orchestration->workers = 1;
    orchestration->ready.before = turn_before;
    HASH_ADD_KEYPTR(hh, state->orchestrations, orchestration->id, strlen(orchestration->id), orchestration);
    heap_insert(&orchestration->lane->unfinished, &orchestration->turn);
    return orchestration;
}

static void orchestration_free(struct orchestration *orchestration)
{
    char *const texts[] = { orchestration->id,          orchestration->description,
                            orchestration->version,     orchestration->configuration,
                            orchestration->body_hash,   orchestration->schedule,
                            orchestration->traceparent, orchestration->retry,
                            orchestration->retry_hash };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    json_decref(orchestration->parameters);
    json_decref(orchestration->actor);
    json_decref(orchestration->cluster_config);
    free(orchestration->reported);
    free(orchestration->operations);
    heap_release(&orchestration->ready);
    free(orchestration);
}

void orchestration_remove(struct state *state, struct orchestration *orchestration)
{
    for (size_t i = 0; i < orchestration->count; i++) {
        struct operation *operation = orchestration->operations[i];

        assert(state->operations != NULL);
        HASH_DEL(state->operations, operation);
        free(operation->description);
        free(operation);
    }
    heap_remove(&orchestration->lane->unfinished, &orchestration->turn);
    assert(state->orchestrations != NULL);
    HASH_DEL(state->orchestrations, orchestration);
    orchestration_free(orchestration);
}

void orchestration_change(struct orchestration *orchestration, enum orchestration_state state)
{
    orchestration->state = state;
    heap_remove(&orchestration->lane->unfinished, &orchestration->turn);
    if (!orchestration_finished(orchestration))
        heap_insert(&orchestration->lane->unfinished, &orchestration->turn);
}

bool orchestration_finished(const struct orchestration *orchestration)
{
    return orchestration->state == ORCHESTRATION_SUCCEEDED || orchestration->state == ORCHESTRATION_FAILED ||
           orchestration->state == ORCHESTRATION_CANCELED;
}

void orchestration_asked(struct orchestration *orchestration, int partitions)
{
    free(orchestration->reported);
    orchestration->reported = partitions > 0 ? value_allocate((size_t)partitions * sizeof *orchestration->reported)
                                             : NULL;
    orchestration->reported_count = 0;
    orchestration->partitions = partitions;
}

void orchestration_reported(struct orchestration *orchestration, int partition)
{
    if (partition < 0 || partition >= orchestration->partitions || orchestration->reported[partition])
        return;
    orchestration->reported[partition] = true;
    orchestration->reported_count++;
}

size_t orchestration_running(const struct orchestration *orchestration)
{
    return orchestration->by_phase[PHASE_DISPATCHED] + orchestration->by_phase[PHASE_RUNNING];
}

/* --- The whole --- */

struct state *orchestrations_new(const struct orchestration_settings *settings)
{
    struct state *state = value_allocate(sizeof *state);

    state->settings = settings;
    return state;
}

void orchestrations_free(struct state *state)
{
    if (state == NULL)
        return;
    while (state->orchestrations != NULL)
        orchestration_remove(state, state->orchestrations);
    while (state->lanes != NULL) {
        struct lane *lane = state->lanes;

        HASH_DEL(state->lanes, lane);
        heap_release(&lane->unfinished);
        free(lane);
    }
    latest_release(state);
    free(state);
}
