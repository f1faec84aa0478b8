#include "services/orchestrator/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/release/release.h"
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

struct orchestration *orchestration_of_turn(const struct heap_item *turn)
{
    return (struct orchestration *)((uintptr_t)turn - offsetof(struct orchestration, turn));
}

static bool goes_before(const struct heap_item *a, const struct heap_item *b)
{
    const struct orchestration *left = orchestration_of_turn(a), *right = orchestration_of_turn(b);

    if (left->runs != right->runs)
        return left->runs;
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

/* In the order of their types, whichever came first: what is decided of each stands in one record. */
static int compare_lanes(const struct lane *a, const struct lane *b)
{
    return a->type < b->type ? -1 : a->type > b->type;
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
    lane->unfinished.before = goes_before;
    HASH_ADD_KEYPTR_INORDER(hh, state->lanes, lane->type->name, strlen(lane->type->name), lane, compare_lanes);
    return lane;
}

size_t lane_firsts(const struct lane *lane, const struct orchestration *out[LANE_ORCHESTRATIONS_MAX], size_t most)
{
    const struct heap_item *items[LANE_ORCHESTRATIONS_MAX];
    size_t wanted = lane->running > most ? lane->running : most;
    size_t count = heap_firsts(&lane->unfinished, items,
                               wanted < LANE_ORCHESTRATIONS_MAX ? wanted : LANE_ORCHESTRATIONS_MAX);

    for (size_t i = 0; i < count; i++)
        out[i] = orchestration_of_turn(items[i]);
    return count;
}

/* --- Operations --- */

void orchestration_operation_id(const char *orchestration_id, const char *runtime_id, char out[UUID_SIZE])
{
    char *name;

    if (asprintf(&name, "operation\n%s\n%s", orchestration_id, runtime_id) < 0)
        abort();
    uuid_derive(name, out);
    free(name);
}

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

int operation_compare_turns(const void *a, const void *b)
{
    const struct operation *const *left = a, *const *right = b;

    return operation_compare(*left, *right);
}

int operation_compare_positions(const void *a, const void *b)
{
    const struct operation *const *left = a, *const *right = b;

    return (*left)->position < (*right)->position ? -1 : (*left)->position > (*right)->position;
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
    operation->position = (int)orchestration->count;
    orchestration->by_state[operation->state]++;
    orchestration->by_phase[operation->phase]++;
    orchestration->unanswered++;
    operation->unanswered = true;
    return operation;
}

/* --- Openings --- */

static const struct opening *opening_of_turn(const struct heap_item *turn)
{
    return (const struct opening *)((uintptr_t)turn - offsetof(struct opening, turn));
}

static bool opens_before(const struct heap_item *a, const struct heap_item *b)
{
    return opening_of_turn(a)->at < opening_of_turn(b)->at;
}

static struct opening *opening_find(const struct orchestration *orchestration, int64_t at_ms)
{
    struct opening *opening = NULL;

    HASH_FIND(hh, orchestration->openings, &at_ms, sizeof at_ms, opening);
    return opening;
}

int64_t orchestration_opens_ms(const struct orchestration *orchestration)
{
    const struct heap_item *first = heap_first(&orchestration->next_openings);

    return first == NULL ? INT64_MAX : opening_of_turn(first)->at;
}

static void opening_leave(struct operation *operation)
{
    struct opening *opening = operation->opening;

    operation->opening = NULL;
    if (opening == NULL || --opening->waiting > 0)
        return;
    HASH_DEL(operation->orchestration->openings, opening);
    heap_remove(&operation->orchestration->next_openings, &opening->turn);
    free(opening);
}

static void opening_join(struct operation *operation)
{
    struct opening *opening = opening_find(operation->orchestration, operation->window_begin);

    if (opening == NULL) {
        opening = value_allocate(sizeof *opening);
        opening->at = operation->window_begin;
        HASH_ADD(hh, operation->orchestration->openings, at, sizeof opening->at, opening);
        heap_insert(&operation->orchestration->next_openings, &opening->turn);
    }
    opening->waiting++;
    operation->opening = opening;
}

static void openings_free(struct orchestration *orchestration)
{
    while (orchestration->openings != NULL) {
        struct opening *opening = orchestration->openings;

        HASH_DEL(orchestration->openings, opening);
        free(opening);
    }
    heap_release(&orchestration->next_openings);
}

/* --- Changes of operations --- */

static void set_unanswered(struct operation *operation, bool unanswered)
{
    operation->orchestration->unanswered -= operation->unanswered ? 1 : 0;
    operation->orchestration->unanswered += unanswered ? 1 : 0;
    operation->unanswered = unanswered;
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

    opening_leave(operation);
    if (phase == PHASE_WAITING && operation->window_begin != 0)
        opening_join(operation);
    set_unanswered(operation, phase == PHASE_WAITING && operation->window_begin == 0);
}

const char *operation_version(const struct operation *operation)
{
    return operation->version != NULL ? operation->version : operation->orchestration->version;
}

const char *operation_configuration(const struct operation *operation)
{
    if (operation->configuration != NULL)
        return operation->configuration->hash;
    return operation->version != NULL ? "" : operation->orchestration->configuration;
}

/* --- Configurations --- */

const struct configuration *configuration_find(const struct orchestration *orchestration, const char *hash)
{
    struct configuration *configuration = NULL;

    HASH_FIND_STR(orchestration->configurations, hash, configuration);
    return configuration;
}

void configuration_add(struct orchestration *orchestration, const char *hash, json_t *body)
{
    struct configuration *configuration;

    if (configuration_find(orchestration, hash) != NULL) {
        json_decref(body);
        return;
    }
    configuration = value_allocate(sizeof *configuration);
    configuration->hash = value_copy(hash);
    configuration->body = body;
    HASH_ADD_KEYPTR(hh, orchestration->configurations, configuration->hash, strlen(configuration->hash), configuration);
}

static void configurations_free(struct orchestration *orchestration)
{
    while (orchestration->configurations != NULL) {
        struct configuration *configuration = orchestration->configurations;

        HASH_DEL(orchestration->configurations, configuration);
        json_decref(configuration->body);
        free(configuration->hash);
        free(configuration);
    }
}

/* --- Retries --- */

void orchestration_remember(struct orchestration *orchestration, const char *retry, const char *body_hash)
{
    if (retry[0] == '\0' || orchestration_remembered(orchestration, retry) != NULL)
        return;
    if (json_array_size(orchestration->retries) == ORCHESTRATION_RETRY_KEYS_MAX)
        json_array_remove(orchestration->retries, 0);
    json_array_append_new(orchestration->retries, json_pack("[s, s]", retry, body_hash));
}

const char *orchestration_remembered(const struct orchestration *orchestration, const char *retry)
{
    json_t *pair;
    size_t i;

    json_array_foreach(orchestration->retries, i, pair) {
        const char *known = json_string_value(json_array_get(pair, 0));

        if (known != NULL && strcmp(known, retry) == 0)
            return json_string_value(json_array_get(pair, 1));
    }
    return NULL;
}

/* --- Orchestrations --- */

struct orchestration *orchestration_find(const struct state *state, const char *id)
{
    struct orchestration *orchestration = NULL;

    if (id != NULL)
        HASH_FIND_STR(state->orchestrations, id, orchestration);
    return orchestration;
}

static void lane_leave(struct orchestration *orchestration)
{
    struct lane *lane = orchestration->lane;

    heap_remove(&lane->unfinished, &orchestration->turn);
    lane->running -= orchestration->runs ? 1 : 0;
    orchestration->runs = false;
}

/* One that is retried after its end waits for another turn, though its targets are known. */
static bool is_running(const struct orchestration *orchestration)
{
    switch (orchestration->state) {
    case ORCHESTRATION_PENDING: return orchestration->partitions > 0;
    case ORCHESTRATION_IN_PROGRESS:
    case ORCHESTRATION_CANCELING: return true;
    case ORCHESTRATION_RETRYING:
    case ORCHESTRATION_CANCELED:
    case ORCHESTRATION_SUCCEEDED:
    case ORCHESTRATION_FAILED:
    case ORCHESTRATION_STATE_COUNT: break;
    }
    return false;
}

/* To the place that is its own now. */
static void lane_join(struct orchestration *orchestration)
{
    struct lane *lane = orchestration->lane;

    lane_leave(orchestration);
    if (orchestration_finished(orchestration))
        return;
    orchestration->runs = is_running(orchestration);
    lane->running += orchestration->runs ? 1 : 0;
    heap_insert(&lane->unfinished, &orchestration->turn);
}

struct orchestration *orchestration_add(struct state *state, const char *id, const char *lane, int64_t arrival)
{
    struct orchestration *orchestration = value_allocate(sizeof *orchestration);
    char **const texts[] = { &orchestration->description, &orchestration->version, &orchestration->configuration,
                             &orchestration->body_hash, &orchestration->schedule };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        text_set(texts[i], "");
    orchestration->id = value_copy(id);
    orchestration->lane = lane_get(state, lane);
    orchestration->arrival = orchestration->accepted = arrival;
    orchestration->retries = json_array();
    orchestration->workers = 1;
    orchestration->ready.before = turn_before;
    orchestration->next_openings.before = opens_before;
    HASH_ADD_KEYPTR(hh, state->orchestrations, orchestration->id, strlen(orchestration->id), orchestration);
    lane_join(orchestration);
    return orchestration;
}

static void orchestration_free(struct orchestration *orchestration)
{
    char *const texts[] = { orchestration->id,         orchestration->description,
                            orchestration->version,    orchestration->configuration,
                            orchestration->body_hash,  orchestration->schedule,
                            orchestration->traceparent };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    json_decref(orchestration->parameters);
    json_decref(orchestration->actor);
    json_decref(orchestration->cluster_config);
    json_decref(orchestration->retries);
    configurations_free(orchestration);
    openings_free(orchestration);
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
        free(operation->version);
        free(operation);
    }
    lane_leave(orchestration);
    assert(state->orchestrations != NULL);
    HASH_DEL(state->orchestrations, orchestration);
    orchestration_free(orchestration);
}

void orchestration_change(struct orchestration *orchestration, enum orchestration_state state)
{
    orchestration->state = state;
    lane_join(orchestration);
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
    lane_join(orchestration);
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

/* --- Releases --- */

const struct releases *state_releases(const struct state *state)
{
    return state->adoption.releases != NULL ? state->adoption.releases : state->settings->releases;
}

bool state_releases_usable(const struct state *state, struct error *err)
{
    const struct adoption *adoption = &state->adoption;

    return adoption->releases != NULL || adoption->hash == NULL ||
           error_set(err, ERROR_INPUT, "the releases in force cannot be understood any more: %.400s",
                     adoption->broken.message);
}

const char *state_kyma_version(const struct state *state)
{
    const char *version = releases_default(state_releases(state));

    return version != NULL ? version : state->settings->kyma_version;
}

static void adoption_release(struct adoption *adoption)
{
    releases_free(adoption->releases);
    json_decref(adoption->json);
    free(adoption->hash);
    free(adoption->refused);
    free(adoption->reason);
    *adoption = (struct adoption){ 0 };
}

void adoption_adopt_releases(struct adoption *adoption, const char *hash, json_t *json, int64_t at_ms)
{
    adoption_release(adoption);
    adoption->hash = value_copy(hash);
    adoption->json = json_incref(json);
    adoption->releases = releases_new(json, &adoption->broken);
    adoption->adopted_at = at_ms;
}

void adoption_refuse_releases(struct adoption *adoption, const char *hash, const char *reason, int64_t at_ms)
{
    text_set(&adoption->refused, hash);
    text_set(&adoption->reason, reason);
    adoption->refused_at = at_ms;
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
    adoption_release(&state->adoption);
    free(state);
}
