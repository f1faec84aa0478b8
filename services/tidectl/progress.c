#include "services/tidectl/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/json/lenient.h"

enum { DESCRIPTION_SIZE = 512 };

#define TYPE_PREFIX "tidegate.orchestration."

const char *const progress_state_names[PROGRESS_STATE_COUNT] = {
    [PROGRESS_RUNNING] = "in progress", [PROGRESS_FAILED] = "failed",     [PROGRESS_RETRYING] = "retrying",
    [PROGRESS_PENDING] = "pending",     [PROGRESS_CANCELED] = "canceled", [PROGRESS_SUCCEEDED] = "succeeded",
};

struct operation {
    char *id, *shoot, *plan, *description; /* own */
    enum progress_state state;
    size_t index;
    UT_hash_handle hh;
};

struct progress {
    const char *state; /* a constant */
    char description[DESCRIPTION_SIZE];
    struct operation *by_id, **operations; /* the latter in order */
    size_t known, room;
    size_t counts[PROGRESS_STATE_COUNT];
    bool is_resolved;
};

static char *copy(const char *text)
{
    char *copied = strdup(text != NULL ? text : "");

    if (copied == NULL)
        abort();
    return copied;
}

struct progress *progress_new(void)
{
    struct progress *progress = calloc(1, sizeof *progress);

    if (progress == NULL)
        abort();
    progress->state = "pending";
    return progress;
}

void progress_free(struct progress *progress)
{
    if (progress == NULL)
        return;
    HASH_CLEAR(hh, progress->by_id);
    for (size_t i = 0; i < progress->known; i++) {
        struct operation *operation = progress->operations[i];

        free(operation->id);
        free(operation->shoot);
        free(operation->plan);
        free(operation->description);
        free(operation);
    }
    free(progress->operations);
    free(progress);
}

/* --- Operations --- */

static void add_operation(struct progress *progress, const json_t *target)
{
    const char *id = json_text_of(target, "operationID");
    struct operation *operation;

    HASH_FIND_STR(progress->by_id, id, operation);
    if (operation != NULL || id[0] == '\0')
        return;
    operation = calloc(1, sizeof *operation);
    if (progress->known == progress->room) {
        progress->room = progress->room > 0 ? progress->room * 2 : 64;
        progress->operations = realloc(progress->operations, progress->room * sizeof(struct operation *));
    }
    if (operation == NULL || progress->operations == NULL)
        abort();
    *operation = (struct operation){ .id = copy(id),
                                     .shoot = copy(json_text_of(target, "shootName")),
                                     .plan = copy(json_text_of(target, "planName")),
                                     .description = copy(""),
                                     .state = PROGRESS_PENDING,
                                     .index = progress->known };
    HASH_ADD_KEYPTR(hh, progress->by_id, operation->id, strlen(operation->id), operation);
    progress->operations[progress->known++] = operation;
    progress->counts[PROGRESS_PENDING]++;
}

struct change { /* whom to tell */
    struct progress *progress;
    progress_changed *changed;
    void *context;
};

static void change_operation(const struct change *change, struct operation *operation, enum progress_state state,
                             const char *description)
{
    struct progress *progress = change->progress;
    struct progress_operation shown;

    if (operation->state == state && strcmp(operation->description, description) == 0)
        return;
    progress->counts[operation->state]--;
    progress->counts[state]++;
    operation->state = state;
    free(operation->description);
    operation->description = copy(description);
    shown = progress_operation(progress, operation->index);
    if (change->changed != NULL)
        change->changed(change->context, &shown);
}

static void change_named(const struct change *change, const char *id, enum progress_state state,
                         const char *description)
{
    struct operation *operation;

    HASH_FIND_STR(change->progress->by_id, id, operation);
    if (operation != NULL)
        change_operation(change, operation, state, description);
}

/* Operations that are listed by ID, or as objects with one. */
static void change_listed(const struct change *change, const json_t *list, enum progress_state state,
                          const char *description)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) {
        const char *id = json_string_value(item);

        change_named(change, id != NULL ? id : json_text_of(item, "operationID"), state, description);
    }
}

static void change_all(const struct change *change, enum progress_state from, enum progress_state to,
                       const char *description)
{
    for (size_t i = 0; i < change->progress->known; i++)
        if (change->progress->operations[i]->state == from)
            change_operation(change, change->progress->operations[i], to, description);
}

static enum progress_state state_of(const char *name)
{
    for (int state = 0; state < PROGRESS_STATE_COUNT; state++)
        if (strcmp(progress_state_names[state], name) == 0)
            return (enum progress_state)state;
    return PROGRESS_PENDING;
}

/* --- Events --- */

static void on_targeted(const struct change *change, const json_t *data)
{
    const json_t *target;
    size_t i;

    json_array_foreach(json_object_get(data, "targets"), i, target)
        add_operation(change->progress, target);
}

static void on_scheduled(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->is_resolved = true;
    change->progress->state = "in progress";
}

static void on_planned(const struct change *change, const json_t *data)
{
    change_listed(change, json_object_get(data, "operations"), PROGRESS_PENDING, "waits for its maintenance window");
}

static void on_dispatched(const struct change *change, const json_t *data)
{
    change_listed(change, json_object_get(data, "operations"), PROGRESS_RUNNING, "sent to the provisioner");
}

/* Only older dry runs have it: what ends now has progressed. */
static void on_rehearsed(const struct change *change, const json_t *data)
{
    change_listed(change, json_object_get(data, "operations"), PROGRESS_SUCCEEDED, "dry run succeeded");
}

static void on_rescheduled(const struct change *change, const json_t *data)
{
    change_listed(change, json_object_get(data, "operations"), PROGRESS_PENDING,
                  "missed its maintenance window, waits for the next one");
}

static void on_progressed(const struct change *change, const json_t *data)
{
    change_named(change, json_text_of(data, "operationID"), state_of(json_text_of(data, "state")),
                 json_text_of(data, "description"));
}

static void on_retried(const struct change *change, const json_t *data)
{
    if (progress_has_ended(change->progress))
        change->progress->state = "retrying";
    change_listed(change, json_object_get(data, "operations"), PROGRESS_RETRYING, "queued for retrying");
}

static void on_resumed(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->state = "in progress";
    change_all(change, PROGRESS_RETRYING, PROGRESS_PENDING, "queued for retrying");
}

static void on_halted(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->state = "canceling";
}

static void on_canceled(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->state = "canceled";
    change_all(change, PROGRESS_PENDING, PROGRESS_CANCELED, "");
    change_all(change, PROGRESS_RETRYING, PROGRESS_CANCELED, "");
}

static void on_succeeded(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->state = "succeeded";
}

static void on_failed(const struct change *change, const json_t *data)
{
    (void)data;
    change->progress->state = "failed";
}

static const struct {
    const char *type;
    void (*take)(const struct change *change, const json_t *data);
} takers[] = {
    { "targeted", on_targeted },     { "scheduled", on_scheduled }, { "planned", on_planned },
    { "dispatched", on_dispatched }, { "rehearsed", on_rehearsed }, { "rescheduled", on_rescheduled },
    { "progressed", on_progressed }, { "retried", on_retried },     { "resumed", on_resumed },
    { "halted", on_halted },         { "canceled", on_canceled },   { "succeeded", on_succeeded },
    { "failed", on_failed },
};

void progress_take(struct progress *progress, const json_t *event, progress_changed *changed, void *context)
{
    const struct change change = { progress, changed, context };
    const char *type = json_text_of(event, "type");
    const json_t *data = json_object_get(event, "data");
    const size_t prefix = sizeof TYPE_PREFIX - 1, size = strcspn(type + (strlen(type) > prefix ? prefix : 0), ".");

    if (strncmp(type, TYPE_PREFIX, prefix) != 0)
        return;
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++)
        if (strlen(takers[i].type) == size && strncmp(takers[i].type, type + prefix, size) == 0)
            takers[i].take(&change, data);
    /* That of an operation's progress is the operation's. */
    if (json_object_get(data, "operationID") == NULL && json_is_string(json_object_get(data, "description")))
        snprintf(progress->description, sizeof progress->description, "%s", json_text_of(data, "description"));
}

/* --- What is known --- */

const char *progress_state(const struct progress *progress)
{
    return progress->state;
}

const char *progress_description(const struct progress *progress)
{
    return progress->description;
}

bool progress_has_ended(const struct progress *progress)
{
    return strcmp(progress->state, "succeeded") == 0 || strcmp(progress->state, "failed") == 0 ||
           strcmp(progress->state, "canceled") == 0;
}

size_t progress_total(const struct progress *progress)
{
    return progress->is_resolved ? progress->known : 0;
}

size_t progress_count(const struct progress *progress, enum progress_state state)
{
    return progress->is_resolved ? progress->counts[state] : 0;
}

struct progress_operation progress_operation(const struct progress *progress, size_t index)
{
    const struct operation *operation = progress->operations[index];

    return (struct progress_operation){ .id = operation->id,
                                        .shoot = operation->shoot,
                                        .plan = operation->plan,
                                        .description = operation->description,
                                        .state = operation->state };
}
