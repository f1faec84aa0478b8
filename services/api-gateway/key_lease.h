/* key_lease.h - the claim of an Idempotency-Key at the broker, for a request that this process carries out itself, in
 * parts: an import. It is for some seconds and renewed until it ends, so that no other gateway carries out a request with
 * the key meanwhile, and one can go on with it soon after this process has died.
 *
 * It may be lost as it is renewed: where nothing is heard of the broker for long, or this process stood still. Parts that
 * are sent just before may then be under way twice. One thread only. */
#ifndef TIDEGATE_GATEWAY_KEY_LEASE_H
#define TIDEGATE_GATEWAY_KEY_LEASE_H

#include <jansson.h>
#include <stdbool.h>

#include "services/api-gateway/idempotency.h"

struct gateway;
struct key_lease; /* opaque */

enum key_lease_state {
    KEY_LEASE_FIRST,   /* had: nobody had the key before */
    KEY_LEASE_AGAIN,   /* had: others may have done something of this body */
    KEY_LEASE_RENEWED, /* had, and by no other process meanwhile */
    KEY_LEASE_HELD,    /* lost, or never had: another process carries the same body out */
    KEY_LEASE_REUSED,  /* never had: another body has the key */
    KEY_LEASE_NO_KAFKA,
    KEY_LEASE_UNKNOWN, /* the broker does not answer */
};

/* At each answer, of renewals too. After another one than the first three it is not renewed any more. It may be ended from
 * here, if it is not ending. */
typedef void key_lease_changed(void *context, enum key_lease_state state);

/* Begins to claim the key of `request` (copied) for `actor` (borrowed). Calls `changed` later. Own: key_lease_end. */
struct key_lease *key_lease_begin(struct gateway *gateway, const struct idempotent *request, json_t *actor,
                                  const char *traceparent, key_lease_changed *changed, void *context);

/* May parts be sent now? False: not yet, not any more, or not until it is renewed. */
bool key_lease_holds(const struct key_lease *lease);

/* Gives the key back, if it is held, and is freed; then calls `ended`, perhaps before it returns. */
typedef void key_lease_ended(void *context);
void key_lease_end(struct key_lease *lease, key_lease_ended *ended, void *context);

#endif
