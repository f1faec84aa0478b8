#include "services/provisioner/in_flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/text.h"

/* A Kyma configuration that waiting calls have in common. */
struct shared {
    json_t *config;
    size_t users;
    UT_hash_handle hh;
    char name[]; /* "<tenant>\n<hash>" */
};

/* The last call for a runtime, as long as its stage has not ended. */
struct place {
    const char *runtime_id, *operation_id, *stage; /* in `texts` */
    int64_t fence, ordered_ms;
    bool started;
    json_t *detail;                /* while it waits; without the configuration that is shared */
    struct shared *shared;         /* NULL: none */
    struct place *previous, *next; /* in the queue, while it waits */
    UT_hash_handle hh;             /* by runtime ID */
    char texts[];
};

struct in_flight {
    size_t max, started, waiting;
    in_flight_start *start;
    void *context;
    struct place *places, *first, *last;
    struct shared *shared;
};

static void *allocated(size_t size)
{
    void *made = calloc(1, size);

    if (made == NULL)
        abort(); /* there is one place for each running operation at most */
    return made;
}

struct in_flight *in_flight_new(size_t max, in_flight_start *start, void *context)
{
    struct in_flight *in_flight = allocated(sizeof *in_flight);

    in_flight->max = max;
    in_flight->start = start;
    in_flight->context = context;
    return in_flight;
}

struct in_flight_count in_flight_count(const struct in_flight *in_flight)
{
    return (struct in_flight_count){ .started = in_flight->started, .waiting = in_flight->waiting };
}

/* --- Configurations that many calls have --- */

static const char *text_in(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* One more user of the configuration of `detail`. NULL: it has none that could be shared. */
static struct shared *share(struct in_flight *in_flight, const json_t *detail)
{
    json_t *config = json_object_get(detail, "kymaConfig");
    struct text name = { 0 };
    struct shared *shared;

    if (config == NULL || *text_in(detail, "configuration") == '\0')
        return NULL;
    text_add(&name, text_in(detail, "tenant"));
    text_add(&name, "\n");
    text_add(&name, text_in(detail, "configuration"));
    HASH_FIND(hh, in_flight->shared, name.bytes, name.size, shared);
    if (shared == NULL) {
        shared = allocated(sizeof *shared + name.size + 1);
        memcpy(shared->name, name.bytes, name.size);
        shared->config = json_incref(config);
        HASH_ADD_KEYPTR(hh, in_flight->shared, shared->name, name.size, shared);
    }
    text_release(&name);
    shared->users++;
    return shared;
}

static void unshare(struct in_flight *in_flight, struct shared *shared)
{
    if (shared == NULL || --shared->users > 0)
        return;
    HASH_DEL(in_flight->shared, shared);
    json_decref(shared->config);
    free(shared);
}

/* Keeps what the call needs to be made later. The detail is copied one level deep, because it is the caller's. */
static void detail_keep(struct in_flight *in_flight, struct place *place, json_t *detail)
{
    if (detail == NULL)
        return;
    place->detail = json_copy(detail);
    if (place->detail == NULL)
        abort();
    place->shared = share(in_flight, detail);
    if (place->shared != NULL)
        json_object_set(place->detail, "kymaConfig", place->shared->config);
}

static void detail_drop(struct in_flight *in_flight, struct place *place)
{
    json_decref(place->detail);
    unshare(in_flight, place->shared);
    place->detail = NULL;
    place->shared = NULL;
}

/* --- Places --- */

static struct place *find(const struct in_flight *in_flight, const char *runtime_id)
{
    struct place *place;

    HASH_FIND_STR(in_flight->places, runtime_id, place);
    return place;
}

static bool is_stage(const struct place *place, const char *operation_id, const char *stage, int64_t fence)
{
    return strcmp(place->operation_id, operation_id) == 0 && strcmp(place->stage, stage) == 0 && place->fence == fence;
}

static const char *put(char **at, const char *text)
{
    const char *copied = *at;

    *at = stpcpy(*at, text) + 1;
    return copied;
}

static struct place *place_new(struct in_flight *in_flight, const struct call *call)
{
    struct place *place = allocated(sizeof *place + strlen(call->runtime_id) + strlen(call->operation_id) +
                                    strlen(call->stage) + 3);
    char *at = place->texts;

    place->runtime_id = put(&at, call->runtime_id);
    place->operation_id = put(&at, call->operation_id);
    place->stage = put(&at, call->stage);
    place->fence = call->fence;
    place->ordered_ms = call->ordered_at_ms;
    HASH_ADD_KEYPTR(hh, in_flight->places, place->runtime_id, strlen(place->runtime_id), place);
    return place;
}

static void wait_begin(struct in_flight *in_flight, struct place *place)
{
    place->previous = in_flight->last;
    if (in_flight->last != NULL)
        in_flight->last->next = place;
    else
        in_flight->first = place;
    in_flight->last = place;
    in_flight->waiting++;
}

static void wait_end(struct in_flight *in_flight, struct place *place)
{
    if (place->previous != NULL)
        place->previous->next = place->next;
    else
        in_flight->first = place->next;
    if (place->next != NULL)
        place->next->previous = place->previous;
    else
        in_flight->last = place->previous;
    place->previous = place->next = NULL;
    in_flight->waiting--;
}

static void place_remove(struct in_flight *in_flight, struct place *place)
{
    if (place->started)
        in_flight->started--;
    else
        wait_end(in_flight, place);
    HASH_DEL(in_flight->places, place);
    detail_drop(in_flight, place);
    free(place);
}

void in_flight_free(struct in_flight *in_flight)
{
    struct place *place, *next;

    if (in_flight == NULL)
        return;
    HASH_ITER(hh, in_flight->places, place, next)
        place_remove(in_flight, place);
    free(in_flight);
}

/* --- Calls --- */

static void start_waiting(struct in_flight *in_flight)
{
    while (in_flight->first != NULL && in_flight->started < in_flight->max) {
        struct place *place = in_flight->first;

        wait_end(in_flight, place);
        place->started = true;
        in_flight->started++;
        in_flight->start(in_flight->context, &(struct call){ .runtime_id = place->runtime_id,
                                                             .operation_id = place->operation_id,
                                                             .stage = place->stage,
                                                             .fence = place->fence,
                                                             .ordered_at_ms = place->ordered_ms,
                                                             .detail = place->detail });
        detail_drop(in_flight, place);
    }
}

static void call_start(struct in_flight *in_flight, const struct call *call)
{
    place_new(in_flight, call)->started = true;
    in_flight->started++;
    in_flight->start(in_flight->context, call);
}

static void call_wait(struct in_flight *in_flight, const struct call *call)
{
    struct place *place = place_new(in_flight, call);

    detail_keep(in_flight, place, call->detail);
    wait_begin(in_flight, place);
}

void in_flight_call(struct in_flight *in_flight, const struct call *call)
{
    struct place *standing = find(in_flight, call->runtime_id);
    const bool again = standing != NULL && is_stage(standing, call->operation_id, call->stage, call->fence);
    const bool has_place = standing != NULL && standing->started;

    if (standing != NULL && (call->fence < standing->fence || (again && has_place))) {
        in_flight->start(in_flight->context, call);
        return;
    }
    if (again)
        return;
    if (standing != NULL)
        place_remove(in_flight, standing);
    if (has_place || strcmp(call->stage, "Stopping") == 0 || in_flight->started < in_flight->max)
        call_start(in_flight, call);
    else
        call_wait(in_flight, call);
}

void in_flight_ended(struct in_flight *in_flight, const char *runtime_id, const char *operation_id, const char *stage,
                     int64_t fence)
{
    struct place *place = find(in_flight, runtime_id);

    if (place == NULL || !place->started || !is_stage(place, operation_id, stage, fence))
        return;
    place_remove(in_flight, place);
    start_waiting(in_flight);
}
