/* idempotency.h - the request header Idempotency-Key: whoever repeats a request gets the answer that the first one got,
 * and nothing is done twice. For POST /upgrade/..., retries, imports and GraphQL's mutations.
 *
 *   - A key is 1 to 255 visible ASCII characters; anything else is 400. It is the key of who asks (issuer and subject),
 *     for one method and path; in GraphQL for a tenant and a place among the document's mutations.
 *   - The same key with the same body: the same status and the same body, whenever it comes, and after restarts of all.
 *   - The same key with another body: 422.
 *   - While the first one runs: 409, also for another body while it is not known yet which of the two is the first.
 *     Where the first one runs at another gateway, an import is 409 and another body 422 all the same; the others wait
 *     and have its answer.
 *   - What is refused before a service is asked does not use the key up; what a service refuses does. A key that is used
 *     up counts before the body of an upgrade is looked at: what was right in it then may not be now.
 *
 * Of several gateways that are asked in one moment each sees its own requests alone, so what is first is decided in one
 * partition: of an upgrade and of a retry in the lane, where the orchestration says it; of imports and mutations by the
 * broker, in the partition of the key's ID (services/broker/claims.h). A mutation is handed on from there with the claim:
 * a gateway that dies leaves nothing behind. An import has the key for ten seconds, renewed while it runs (key_lease.h):
 * ten seconds after its gateway has died the same body goes on where it ended. Other bodies are 422, whatever died.
 *
 * Keys are remembered as long as the rows of outcomes, which nothing removes. Claims are remembered of the newest 8192
 * keys of each partition, the oldest is forgotten first: they need only outlast the time until those rows are written.
 *
 * A request with a key has an ID that is made of the key and of the body: 32 hexadecimal digits of the one, 24 of the
 * other, and 8 that number the parts of what is asked in parts. So the rows of outcomes say by themselves what a key was
 * used for, and nothing else needs to be remembered. One thread only. */
#ifndef TIDEGATE_GATEWAY_IDEMPOTENCY_H
#define TIDEGATE_GATEWAY_IDEMPOTENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/id.h"
#include "services/api-gateway/outcomes.h"

struct idempotency; /* the keys whose requests run in this process; opaque */
struct pg;

enum {
    IDEMPOTENCY_KEY_LENGTH_MAX = 255,
    IDEMPOTENCY_ID_SIZE = 65,       /* of a request's ID, with the closing NUL */
    IDEMPOTENCY_REPEAT_AFTER_S = 1, /* for Retry-After of a 409 */
};

/* --- Keys and IDs: pure --- */

/* Is `value` a key, or NULL (none)? False (ERROR_INPUT): the text of a 400. */
bool idempotency_key_check(const char *value, struct error *err);

struct idempotency_scope {
    const char *issuer, *subject; /* who asks */
    const char *method, *path;    /* what: the path as asked, with the IDs in it */
    const char *key;
};

/* The ID of a key in its scope: a UUID. It may name what the request makes as well. */
void idempotency_key_id(const struct idempotency_scope *scope, char out[UUID_SIZE]);

/* The ID of the request, or of its `part`th part from 0 on, with this key and body. */
struct idempotent {
    char key_id[UUID_SIZE];          /* "": it has no key */
    char body_hash[SHA256_HEX_SIZE]; /* whatever of the request must be the same in a repetition */
};
void idempotency_request_id(const struct idempotent *request, uint32_t part, char out[IDEMPOTENCY_ID_SIZE]);

/* --- Claiming --- */

/* Own: idempotency_free. */
struct idempotency *idempotency_new(void);
void idempotency_free(struct idempotency *keys);

enum idempotency_verdict {
    IDEMPOTENCY_NEW,      /* nothing is known of it: ask */
    IDEMPOTENCY_REPEATED, /* `outcome` became of it, or of one of its parts */
    IDEMPOTENCY_UNKNOWN,  /* the database does not say */
    IDEMPOTENCY_RUNS,     /* 409: the first one has no answer yet */
    IDEMPOTENCY_REUSED,   /* 422: there is a request with the key and another body */
};

/* `outcome`: with IDEMPOTENCY_REPEATED alone; borrowed for the call. */
typedef void idempotency_claimed(void *context, enum idempotency_verdict verdict, const struct outcome *outcome);

/* Claims the key for `request` (copied), whose outcome is in the rows of `topic`. Calls `done` once, perhaps before it
 * returns. After the first three verdicts the key is held, until idempotency_release. */
void idempotency_claim(struct idempotency *keys, struct pg *pg, int topic, const struct idempotent *request,
                       idempotency_claimed *done, void *context);

/* To be called when there is an answer, or never will be. One without a key holds nothing: that is fine. */
void idempotency_release(struct idempotency *keys, const struct idempotent *request);

/* What the client is told with IDEMPOTENCY_RUNS and IDEMPOTENCY_REUSED. */
int idempotency_status(enum idempotency_verdict verdict);
const char *idempotency_text(enum idempotency_verdict verdict);

#endif
