#include "services/api-gateway/key_lease.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/trace.h"

static const char topic[] = "instances", claim_type[] = "tidegate.instance.claim.v1",
                  release_type[] = "tidegate.instance.release.v1";

/* The broker counts from later on than this process does; what is left is for messages that are under way. */
enum { SAFE_PERCENT = 80, RENEW_PERCENT = 30 };

struct key_lease {
    struct gateway *gateway;
    char key_id[UUID_SIZE], traceparent[TRACEPARENT_SIZE];
    json_t *data; /* own: of each claim */
    struct event *renewal;
    key_lease_changed *changed;
    key_lease_ended *ended; /* NULL: it is not ending */
    void *context, *ended_context;
    bool is_asking, is_had;
    int64_t asked_ms, until_ms; /* it may be used until then; 0: not yet */
};

static void lease_free(struct key_lease *lease)
{
    key_lease_ended *const ended = lease->ended;
    void *const context = lease->ended_context;

    event_free(lease->renewal);
    json_decref(lease->data);
    free(lease);
    ended(context);
}

/* Each is a request of its own: the rows of a key are of what was asked with it, not of its claims. */
static bool ask_broker(struct key_lease *lease, const char *type, request_done *done)
{
    char id[UUID_SIZE];

    uuid_random(id);
    return request_send(lease->gateway->requests,
                        &(struct ask){ .id = id,
                                       .topic = topic,
                                       .key = lease->key_id,
                                       .type = type,
                                       .traceparent = lease->traceparent,
                                       .data = lease->data },
                        done, lease, NULL);
}

/* --- Giving back --- */

/* Without an answer the time of the claim ends it. */
static void released(void *context, const struct request_result *result)
{
    (void)result;
    lease_free(context);
}

static void release(struct key_lease *lease)
{
    if (!lease->is_had || !ask_broker(lease, release_type, released))
        lease_free(lease);
}

void key_lease_end(struct key_lease *lease, key_lease_ended *ended, void *context)
{
    lease->ended = ended;
    lease->ended_context = context;
    evtimer_del(lease->renewal);
    if (!lease->is_asking)
        release(lease);
}

/* --- Claiming --- */

static enum key_lease_state refusal_of(const struct outcome *outcome)
{
    switch (outcome->status) {
    case 409: return KEY_LEASE_HELD;
    case 422: return KEY_LEASE_REUSED;
    default: return KEY_LEASE_UNKNOWN;
    }
}

/* Of a claim that was granted. */
static enum key_lease_state state_of(const char *result)
{
    if (result != NULL && strcmp(result, "first") == 0)
        return KEY_LEASE_FIRST;
    return result != NULL && strcmp(result, "renewed") == 0 ? KEY_LEASE_RENEWED : KEY_LEASE_AGAIN;
}

static void renew_later(struct key_lease *lease, json_int_t for_ms)
{
    const json_int_t renew_ms = for_ms * RENEW_PERCENT / 100;
    const struct timeval renew = { (time_t)(renew_ms / 1000), (suseconds_t)(renew_ms % 1000 * 1000) };

    lease->until_ms = lease->asked_ms + for_ms * SAFE_PERCENT / 100;
    evtimer_add(lease->renewal, &renew);
}

static enum key_lease_state take(struct key_lease *lease, const struct request_result *result)
{
    const struct outcome *outcome = &result->outcomes[0];
    enum key_lease_state how;

    if (result->end == REQUEST_NOT_WRITTEN)
        return KEY_LEASE_NO_KAFKA;
    lease->is_had = result->end == REQUEST_UNKNOWN || outcome->status < 400; /* perhaps is enough to give it back */
    if (result->end == REQUEST_UNKNOWN)
        return KEY_LEASE_UNKNOWN;
    if (!lease->is_had)
        return refusal_of(outcome);
    how = state_of(json_string_value(json_object_get(outcome->body, "result")));
    if (how == KEY_LEASE_AGAIN && lease->until_ms != 0)
        return KEY_LEASE_HELD; /* another process had it meanwhile: what that one told is the answer */
    if (lease->ended == NULL)
        renew_later(lease, json_integer_value(json_object_get(outcome->body, "forMs")));
    return how;
}

static void claimed(void *context, const struct request_result *result)
{
    struct key_lease *lease = context;
    enum key_lease_state state = take(lease, result);

    lease->is_asking = false;
    if (lease->ended != NULL)
        release(lease);
    else
        lease->changed(lease->context, state);
}

static bool claim(struct key_lease *lease)
{
    lease->asked_ms = clock_now_ms();
    lease->is_asking = ask_broker(lease, claim_type, claimed);
    return lease->is_asking;
}

/* Too many requests wait, or there is no room for another: as if it had not been answered. */
static void renew(evutil_socket_t fd, short what, void *context)
{
    struct key_lease *lease = context;

    (void)fd;
    (void)what;
    if (!claim(lease))
        lease->changed(lease->context, KEY_LEASE_NO_KAFKA);
}

struct key_lease *key_lease_begin(struct gateway *gateway, const struct idempotent *request, json_t *actor,
                                  const char *traceparent, key_lease_changed *changed, void *context)
{
    const struct timeval now = { 0, 0 };
    struct key_lease *lease = calloc(1, sizeof *lease);
    char holder[UUID_SIZE];

    if (lease == NULL)
        abort();
    uuid_random(holder);
    lease->gateway = gateway;
    snprintf(lease->key_id, sizeof lease->key_id, "%s", request->key_id);
    snprintf(lease->traceparent, sizeof lease->traceparent, "%s", traceparent);
    lease->data = json_pack("{s:s, s:O, s:s}", "bodyHash", request->body_hash, "actor", actor, "holder", holder);
    lease->changed = changed;
    lease->context = context;
    lease->renewal = evtimer_new(gateway->base, renew, lease);
    if (lease->renewal == NULL || evtimer_add(lease->renewal, &now) != 0)
        abort();
    return lease;
}

bool key_lease_holds(const struct key_lease *lease)
{
    return lease->is_had && clock_now_ms() < lease->until_ms;
}
