#include "common/log/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* A core whose settle never comes to rest is broken: stop loudly rather than fill the log. */
enum { SETTLE_ROUNDS_MAX = 10000 };

static void *grow(void *items, size_t count, size_t *size, size_t item_size)
{
    if (count < *size)
        return items;
    *size = *size == 0 ? 8 : *size * 2;
    items = realloc(items, *size * item_size);
    if (items == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    return items;
}

static char *copy(const char *text)
{
    char *copied = text == NULL ? NULL : strdup(text);

    if (text != NULL && copied == NULL)
        abort();
    return copied;
}

void decision_event(struct decision *decision, int type, const char *subject, json_t *data)
{
    decision->events = grow(decision->events, decision->count, &decision->size, sizeof *decision->events);
    decision->events[decision->count++] = (struct decided_event){ .type = type,
                                                                  .subject = copy(subject),
                                                                  .data = data != NULL ? data : json_object() };
}

void decision_outcome(struct decision *decision, int status, json_t *body)
{
    assert(decision->status == 0);
    decision->status = status;
    decision->body = body;
}

void changes_row(struct changes *changes, int table, const char *id)
{
    changes->items = grow(changes->items, changes->count, &changes->size, sizeof *changes->items);
    changes->items[changes->count++] = (struct change){ .table = table, .id = copy(id) };
}

void messages_add(struct messages *messages, struct message message)
{
    message.key = copy(message.key);
    message.type = copy(message.type);
    message.traceparent = copy(message.traceparent);
    messages->items = grow(messages->items, messages->count, &messages->size, sizeof *messages->items);
    messages->items[messages->count++] = message;
}

void messages_parse(struct messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        struct message *message = &messages->items[i];

        if (message->data == NULL && message->data_text != NULL)
            message->data = json_loads(message->data_text, 0, NULL);
    }
}

int messages_partitions(const struct messages *messages)
{
    return messages->partitions;
}

struct name {
    UT_hash_handle hh;
    char id[];
};

bool names_has(const struct names *names, const char *id)
{
    const struct name *found;

    HASH_FIND_STR(names->set, id, found);
    return found != NULL;
}

void names_add(struct names *names, const char *id)
{
    size_t length = strlen(id);
    struct name *name;

    if (names_has(names, id))
        return;
    name = calloc(1, sizeof *name + length + 1);
    if (name == NULL)
        abort();
    memcpy(name->id, id, length);
    HASH_ADD_KEYPTR(hh, names->set, name->id, length, name);
    names->items = grow(names->items, names->count, &names->size, sizeof *names->items);
    names->items[names->count++] = name->id;
}

void calls_add(struct calls *calls, struct call call)
{
    call.runtime_id = copy(call.runtime_id);
    call.operation_id = copy(call.operation_id);
    call.stage = copy(call.stage);
    calls->items = grow(calls->items, calls->count, &calls->size, sizeof *calls->items);
    calls->items[calls->count++] = call;
}

void decision_release(struct decision *decision)
{
    for (size_t i = 0; i < decision->count; i++) {
        free(decision->events[i].subject);
        json_decref(decision->events[i].data);
    }
    free(decision->events);
    json_decref(decision->body);
    *decision = (struct decision){ 0 };
}

void changes_release(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i].id);
    free(changes->items);
    *changes = (struct changes){ 0 };
}

void messages_release(struct messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        free((char *)messages->items[i].key);
        free((char *)messages->items[i].type);
        free((char *)messages->items[i].traceparent);
        json_decref(messages->items[i].data);
        free(messages->items[i].data_text);
    }
    free(messages->items);
    *messages = (struct messages){ .partitions = messages->partitions };
}

void calls_release(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        free((char *)calls->items[i].runtime_id);
        free((char *)calls->items[i].operation_id);
        free((char *)calls->items[i].stage);
        json_decref(calls->items[i].detail);
    }
    free(calls->items);
    *calls = (struct calls){ 0 };
}

void names_release(struct names *names)
{
    struct name *name, *next;

    HASH_ITER(hh, names->set, name, next) {
        HASH_DEL(names->set, name);
        free(name);
    }
    free(names->items);
    *names = (struct names){ 0 };
}

int core_type(const char *const *types, const char *name)
{
    for (int i = 0; types[i] != NULL; i++)
        if (strcmp(types[i], name) == 0)
            return i;
    return -1;
}

void fold_event(const struct core *core, void *state, const struct event *event, struct changes *changes,
                struct messages *messages, struct calls *calls)
{
    core->evolve(state, event, changes);
    if (messages != NULL)
        core->react(state, event, messages);
    if (calls != NULL && core->drive != NULL)
        core->drive(state, event, calls);
}

void fold_apply(const struct core *core, void *state, struct fold_at at, const struct decision *decision, size_t from,
                struct changes *changes, struct messages *messages, struct calls *calls)
{
    for (size_t i = from; i < decision->count; i++) {
        struct event event = { .type = decision->events[i].type,
                               .subject = decision->events[i].subject,
                               .data = decision->events[i].data,
                               .time_ms = at.time_ms,
                               .offset = at.offset,
                               .traceparent = at.traceparent };

        fold_event(core, state, &event, changes, messages, calls);
    }
}

void fold_decide(const struct core *core, void *state, const struct request *request, struct fold_at at,
                 struct decision *decision, struct changes *changes, struct messages *messages, struct calls *calls)
{
    size_t applied = 0;

    core->decide(state, request, at.time_ms, decision);
    for (int round = 0; decision->count > applied || round == 0; round++) {
        assert(round < SETTLE_ROUNDS_MAX);
        fold_apply(core, state, at, decision, applied, changes, messages, calls);
        applied = decision->count;
        if (core->settle != NULL)
            core->settle(state, at.time_ms, decision);
    }
}
