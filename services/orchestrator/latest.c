#include "services/orchestrator/latest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The caller owns it. */
static char *latest_name(const struct lane_type *type, const char *instance_id)
{
    char *id;

    if (asprintf(&id, "%s/%s", type->name, instance_id) < 0)
        abort();
    return id;
}

const struct latest *latest_find(const struct state *state, const char *id)
{
    struct latest *latest = NULL;

    HASH_FIND_STR(state->latest, id, latest);
    return latest;
}

static struct latest *latest_of(const struct state *state, const struct operation *operation)
{
    char *id = latest_name(operation->orchestration->lane->type, operation->texts[TEXT_INSTANCE_ID]);
    struct latest *latest = NULL;

    HASH_FIND_STR(state->latest, id, latest);
    free(id);
    return latest;
}

void latest_add(struct state *state, const struct lane_type *type, const char *instance_id, int64_t created_at)
{
    struct latest *latest = value_allocate(sizeof *latest);

    latest->id = latest_name(type, instance_id);
    latest->type = type;
    latest->instance_id = latest->id + strlen(type->name) + 1;
    latest->created_at = created_at;
    HASH_ADD_KEYPTR(hh, state->latest, latest->id, strlen(latest->id), latest);
}

static bool is_older(const struct operation *other, const struct operation *operation)
{
    return other != NULL && other->created_at < operation->created_at && other->state != OPERATION_SUCCEEDED &&
           other->state != OPERATION_CANCELED &&
           strcmp(other->texts[TEXT_INSTANCE_ID], operation->texts[TEXT_INSTANCE_ID]) == 0;
}

/* May one of another orchestration of the lane still fail, and be retried when this one is long forgotten? Few have
 * operations and are not finished, usually this one alone. */
static bool older_is_underway(const struct state *state, const struct operation *operation)
{
    const struct lane *lane = operation->orchestration->lane;

    for (size_t i = 0; i < lane->unfinished.count; i++) {
        const struct orchestration *other = orchestration_of_turn(lane->unfinished.items[i]);
        char id[UUID_SIZE];

        if (other == operation->orchestration || other->count == 0)
            continue;
        orchestration_operation_id(other->id, operation->texts[TEXT_RUNTIME_ID], id);
        if (is_older(operation_find(state, id), operation))
            return true;
    }
    return false;
}

const char *latest_learn(struct state *state, const struct operation *operation)
{
    struct latest *latest = latest_of(state, operation);

    if (latest == NULL && (operation->state == OPERATION_FAILED || older_is_underway(state, operation))) {
        latest_add(state, operation->orchestration->lane->type, operation->texts[TEXT_INSTANCE_ID],
                   operation->created_at);
        return latest_of(state, operation)->id;
    }
    if (latest == NULL || latest->created_at >= operation->created_at)
        return NULL;
    latest->created_at = operation->created_at;
    return latest->id;
}

void latest_release(struct state *state)
{
    while (state->latest != NULL) {
        struct latest *latest = state->latest;

        HASH_DEL(state->latest, latest);
        free(latest->id);
        free(latest);
    }
}

/* --- Asking --- */

struct underway_instance {
    UT_hash_handle hh;
    const char *instance_id; /* of an operation */
    int64_t created_at;      /* of the newest */
};

struct underway {
    struct underway_instance *instances;
};

static void underway_add(struct underway *underway, const struct operation *operation)
{
    const char *instance_id = operation->texts[TEXT_INSTANCE_ID];
    struct underway_instance *instance = NULL;

    HASH_FIND_STR(underway->instances, instance_id, instance);
    if (instance == NULL) {
        instance = value_allocate(sizeof *instance);
        instance->instance_id = instance_id;
        HASH_ADD_KEYPTR(hh, underway->instances, instance->instance_id, strlen(instance->instance_id), instance);
    }
    if (instance->created_at < operation->created_at)
        instance->created_at = operation->created_at;
}

/* What has ended is in `latest`, whether its orchestration is still in memory or not. */
struct underway *underway_new(const struct state *state, const struct orchestration *but)
{
    struct underway *underway = value_allocate(sizeof *underway);

    for (const struct orchestration *other = state->orchestrations; other != NULL; other = other->hh.next) {
        if (other == but || other->lane != but->lane || !other->resolved || orchestration_finished(other))
            continue;
        for (size_t i = 0; i < other->count; i++)
            if (other->operations[i]->state != OPERATION_CANCELED)
                underway_add(underway, other->operations[i]);
    }
    return underway;
}

void underway_free(struct underway *underway)
{
    while (underway != NULL && underway->instances != NULL) {
        struct underway_instance *instance = underway->instances;

        HASH_DEL(underway->instances, instance);
        free(instance);
    }
    free(underway);
}

bool operation_is_old(const struct state *state, const struct underway *underway, const struct operation *operation)
{
    const struct latest *latest = latest_of(state, operation);
    struct underway_instance *instance = NULL;

    if (latest != NULL && latest->created_at > operation->created_at)
        return true;
    if (underway != NULL)
        HASH_FIND_STR(underway->instances, operation->texts[TEXT_INSTANCE_ID], instance);
    return instance != NULL && instance->created_at > operation->created_at;
}
