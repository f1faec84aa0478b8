#include "services/api-gateway/requests.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/timestamp.h"
#include "common/log/record.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "services/api-gateway/idempotency.h"
#include "services/api-gateway/wire.h"

enum {
    LOOK_MS = 250,       /* between two looks for rows of outcomes */
    BULK_LOOK_MS = 1000, /* the first look for one of many: most of their replies come by then */
    GATHER_SHARE = 8,    /* requests that wait, for each millisecond for which another may gather with others */
    GATHER_MS_MAX = 8,
    DELIVERY_MS_MAX = 5000, /* until an unwritten message is given up */
};

struct waiter {
    request_done *done;
    void *context;
    struct waiter *next;
};

struct pending {
    char *id;
    struct requests *requests;
    int first, then;                      /* topics; `then` -1: none */
    struct outcome outcomes[TOPIC_COUNT]; /* status 0: not yet */
    struct waiter *waiters;
    int64_t look_ms, deadline_ms;
    bool undelivered; /* librdkafka still holds it: it is freed after the delivery report */
    bool ended;       /* out of the table; its waiters were told */
    UT_hash_handle hh;
};

/* A look for rows of one topic. One at a time for each. */
struct looking {
    struct requests *requests;
    char **ids;
    size_t count;
    int64_t begun_ms;
};

struct requests {
    struct pg *pg;
    struct wire *wire;
    struct idempotency *keys;
    int64_t timeout_ms;
    struct pending *waiting;
    struct looking looking[TOPIC_COUNT];
    struct event *timer;
    struct metric *replies_total, *rows_total, *unanswered;
};

/* --- Requests that wait --- */

static void pending_free(struct pending *pending)
{
    struct waiter *waiter;

    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        json_decref(pending->outcomes[topic].body);
    while ((waiter = pending->waiters) != NULL) {
        pending->waiters = waiter->next;
        free(waiter);
    }
    free(pending->id);
    free(pending);
}

static void release(struct pending *pending)
{
    if (pending->ended && !pending->undelivered)
        pending_free(pending);
}

static void add_waiter(struct pending *pending, request_done *done, void *context)
{
    struct waiter *waiter = malloc(sizeof *waiter);

    if (waiter == NULL)
        abort();
    *waiter = (struct waiter){ done, context, pending->waiters };
    pending->waiters = waiter;
}

static void end(struct pending *pending, enum request_end how)
{
    struct requests *requests = pending->requests;
    struct request_result result = { .end = how };
    struct waiter *waiter;

    if (how == REQUEST_ANSWERED) {
        result.outcomes[result.count++] = pending->outcomes[pending->first];
        if (pending->then >= 0 && pending->outcomes[pending->then].status != 0)
            result.outcomes[result.count++] = pending->outcomes[pending->then];
    }
    HASH_DEL(requests->waiting, pending);
    metric_set(requests->unanswered, HASH_COUNT(requests->waiting));
    pending->ended = true;
    while ((waiter = pending->waiters) != NULL) {
        pending->waiters = waiter->next;
        waiter->done(waiter->context, &result);
        free(waiter);
    }
    release(pending);
}

/* The topic whose outcome is waited for now; -1: all are there. */
static int topic_awaited(const struct pending *pending)
{
    const struct outcome *first = &pending->outcomes[pending->first];

    if (first->status == 0)
        return pending->first;
    /* What the first service refuses is not handed on, so nothing more comes. */
    if (first->status < 400 && pending->then >= 0 && pending->outcomes[pending->then].status == 0)
        return pending->then;
    return -1;
}

/* `body` is borrowed. */
static void take_outcome(struct pending *pending, const struct outcome *outcome)
{
    struct outcome *kept = &pending->outcomes[outcome->topic];

    if (kept->status != 0 || outcome->status == 0)
        return;
    *kept = (struct outcome){ .topic = outcome->topic, .status = outcome->status, .body = json_incref(outcome->body) };
    if (topic_awaited(pending) < 0)
        end(pending, REQUEST_ANSWERED);
}

static struct pending *find(struct requests *requests, const char *id)
{
    struct pending *pending;

    HASH_FIND_STR(requests->waiting, id, pending);
    return pending;
}

/* --- Looking for rows --- */

static void arm_timer(struct requests *requests)
{
    const struct timeval soon = { 0, LOOK_MS * 1000 };

    if (requests->waiting != NULL && !evtimer_pending(requests->timer, NULL))
        evtimer_add(requests->timer, &soon);
}

static void looking_clear(struct looking *looking)
{
    for (size_t i = 0; i < looking->count; i++)
        free(looking->ids[i]);
    free(looking->ids);
    looking->ids = NULL;
    looking->count = 0;
}

static void looked(void *context, const struct outcome *found, size_t count)
{
    struct looking *looking = context;
    struct looking done = *looking;

    *looking = (struct looking){ .requests = done.requests };
    for (size_t i = 0; i < done.count; i++) {
        struct pending *pending = find(done.requests, done.ids[i]);

        if (pending != NULL && found != NULL && i < count && found[i].status != 0) {
            metric_add(done.requests->rows_total, 1);
            take_outcome(pending, &found[i]);
            pending = find(done.requests, done.ids[i]);
        }
        if (pending != NULL && done.begun_ms >= pending->deadline_ms)
            end(pending, REQUEST_UNKNOWN);
    }
    looking_clear(&done);
}

/* Those whose time has come, the longest waiting first: the table keeps the order of insertion. */
static size_t gather(struct requests *requests, int topic, int64_t now_ms, const char **ids)
{
    size_t count = 0;

    for (const struct pending *pending = requests->waiting; pending != NULL; pending = pending->hh.next) {
        if (count < OUTCOMES_LOOK_MAX && pending->look_ms <= now_ms && topic_awaited(pending) == topic)
            ids[count++] = pending->id;
    }
    return count;
}

static void give_up(struct requests *requests, int topic, int64_t now_ms)
{
    for (struct pending *pending = requests->waiting, *next; pending != NULL; pending = next) {
        next = pending->hh.next;
        if (pending->deadline_ms <= now_ms && topic_awaited(pending) == topic)
            end(pending, REQUEST_UNKNOWN);
    }
}

static void look(struct requests *requests, int topic, int64_t now_ms)
{
    static const char *ids[OUTCOMES_LOOK_MAX]; /* borrowed within this function only */
    struct looking *looking = &requests->looking[topic];
    size_t count;

    if (looking->count > 0)
        return;
    count = gather(requests, topic, now_ms, ids);
    if (count == 0)
        return;
    if (!outcomes_look(requests->pg, topic, ids, count, looked, looking, NULL)) {
        give_up(requests, topic, now_ms); /* no database: the reply was all there was to wait for */
        return;
    }
    looking->begun_ms = now_ms;
    looking->count = count;
    looking->ids = calloc(count, sizeof *looking->ids);
    if (looking->ids == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        looking->ids[i] = strdup(ids[i]);
        if (looking->ids[i] == NULL)
            abort();
    }
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
    struct requests *requests = context;
    const int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        look(requests, topic, now_ms);
    arm_timer(requests);
}

/* --- Replies --- */

/* {"id", "topic", "status", "body"}; those of other gateways that read this partition are none of ours. */
static void take_reply(void *context, const char *bytes, size_t size)
{
    struct requests *requests = context;
    json_t *json = json_loadb(bytes, size, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *topic = json_string_value(json_object_get(json, "topic"));
    struct pending *pending = id != NULL ? find(requests, id) : NULL;
    struct outcome outcome;

    if (pending != NULL && topic != NULL) {
        outcome.topic = topic_number(topic);
        outcome.status = (int)json_integer_value(json_object_get(json, "status"));
        outcome.body = json_object_get(json, "body");
        metric_add(requests->replies_total, 1);
        if (outcome.topic >= 0)
            take_outcome(pending, &outcome);
    }
    json_decref(json);
}

/* --- Writing --- */

static void delivered(void *context, void *opaque, enum wire_delivery how, const char *why)
{
    struct pending *pending = opaque;

    (void)context;
    pending->undelivered = false;
    if (how != WIRE_WRITTEN)
        log_warning("request_undelivered", LOG_TEXT("request_id", pending->id), LOG_TEXT("error", why),
                    LOG_BOOL("maybe_written", how == WIRE_MAYBE_WRITTEN));
    if (how == WIRE_NOT_WRITTEN && !pending->ended)
        end(pending, REQUEST_NOT_WRITTEN);
    else
        release(pending);
}

/* Gives the bytes of the message; the caller frees them. */
static char *encode(const struct requests *requests, const struct ask *ask, size_t *size)
{
    return outgoing_encode(&(struct outgoing){ .id = ask->id,
                                               .type = ask->type,
                                               .subject = ask->key,
                                               .traceparent = ask->traceparent,
                                               .asked = ask->id,
                                               .reply = wire_reply_partition(requests->wire),
                                               .origin = { .topic = -1 },
                                               .data = ask->data },
                           size);
}

static bool produce(struct requests *requests, const struct ask *ask, struct pending *pending, struct error *err)
{
    const int gather_ms = (int)HASH_COUNT(requests->waiting) / GATHER_SHARE;
    struct wire_message message = { .topic = pending->first,
                                    .key = ask->key,
                                    .opaque = pending,
                                    .gather_ms = gather_ms < GATHER_MS_MAX ? gather_ms : GATHER_MS_MAX };

    message.bytes = encode(requests, ask, &message.size);
    if (wire_send(requests->wire, &message, err))
        return true;
    free(message.bytes);
    return false;
}

static struct pending *pending_new(struct requests *requests, const struct ask *ask)
{
    struct pending *pending = calloc(1, sizeof *pending);
    const int64_t now_ms = clock_now_ms();

    if (pending == NULL)
        abort();
    pending->id = strdup(ask->id);
    if (pending->id == NULL)
        abort();
    pending->requests = requests;
    pending->first = topic_number(ask->topic);
    pending->then = ask->then != NULL ? topic_number(ask->then) : -1;
    pending->look_ms = now_ms + (ask->is_bulk ? BULK_LOOK_MS : LOOK_MS);
    pending->deadline_ms = now_ms + requests->timeout_ms;
    pending->undelivered = true;
    return pending;
}

bool request_send(struct requests *requests, const struct ask *ask, request_done *done, void *context,
                  struct error *err)
{
    struct pending *pending = find(requests, ask->id);

    if (pending != NULL) { /* the same request is under way: it has one outcome */
        add_waiter(pending, done, context);
        return true;
    }
    if (HASH_COUNT(requests->waiting) >= REQUEST_WAITED_MAX)
        return error_set(err, ERROR_UNAVAILABLE, "%d requests wait already", REQUEST_WAITED_MAX);
    pending = pending_new(requests, ask);
    if (!produce(requests, ask, pending, err)) {
        pending_free(pending);
        return false;
    }
    add_waiter(pending, done, context);
    HASH_ADD_KEYPTR(hh, requests->waiting, pending->id, strlen(pending->id), pending);
    metric_set(requests->unanswered, HASH_COUNT(requests->waiting));
    arm_timer(requests);
    return true;
}

struct idempotency *requests_keys(const struct requests *requests)
{
    return requests->keys;
}

size_t requests_waiting(const struct requests *requests)
{
    return HASH_COUNT(requests->waiting);
}

static void make_metrics(struct requests *requests)
{
    static const char help[] = "Outcomes of requests, by where they came from.";

    requests->replies_total = metrics_counter("tidegate_gateway_outcomes_total", help, "from=\"reply\"");
    requests->rows_total = metrics_counter("tidegate_gateway_outcomes_total", help, "from=\"row\"");
    requests->unanswered = metrics_gauge("tidegate_gateway_requests_waiting", "Requests that wait for an outcome.",
                                         NULL);
}

struct requests *requests_new(struct event_base *base, const struct requests_options *options, struct error *err)
{
    struct requests *requests = calloc(1, sizeof *requests);
    const struct wire_hooks hooks = { .reply = take_reply, .delivered = delivered, .context = requests };
    const struct wire_options wire_options = {
        .kafka = options->kafka,
        .instance = options->instance,
        .partitions = options->partitions,
        .delivery_ms = options->timeout_ms / 2 < DELIVERY_MS_MAX ? options->timeout_ms / 2 : DELIVERY_MS_MAX,
    };

    if (requests == NULL)
        abort();
    requests->pg = options->pg;
    requests->timeout_ms = options->timeout_ms;
    requests->keys = idempotency_new();
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        requests->looking[topic].requests = requests;
    requests->timer = evtimer_new(base, timer_fired, requests);
    if (requests->timer == NULL)
        abort();
    make_metrics(requests);
    requests->wire = wire_new(base, &wire_options, &hooks, err);
    if (requests->wire != NULL)
        return requests;
    requests_free(requests);
    return NULL;
}

void requests_free(struct requests *requests)
{
    if (requests == NULL)
        return;
    while (requests->waiting != NULL) {
        struct pending *pending = requests->waiting;

        HASH_DEL(requests->waiting, pending);
        pending->ended = true;
        release(pending);
    }
    wire_free(requests->wire);
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        looking_clear(&requests->looking[topic]);
    event_free(requests->timer);
    idempotency_free(requests->keys);
    free(requests);
}

const char *requests_missing(const struct requests *requests)
{
    return wire_missing(requests->wire);
}
