/* claims.h - which request has an Idempotency-Key: the first one that claimed it, in the one partition of the key, so that
 * of two gateways that are asked in the same moment one alone carries its request out.
 *
 * A claim has a body for good, and either a request that was handed on with it, or a holder that carries the request out
 * itself. A holder has it until a time that it moves on by claiming again; then, or once it is released, whoever comes
 * with the same body goes on where the holder ended.
 *
 * Of each partition the CLAIMS_MAX newest keys are remembered, however old; the oldest is forgotten first. By then the
 * rows of outcomes say what it was used for: they are looked at before a claim, so the memory need only outlast the time
 * that one claim takes. Pure. */
#ifndef TIDEGATE_BROKER_CLAIMS_H
#define TIDEGATE_BROKER_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/id.h"

enum { CLAIMS_MAX = 8192 }; /* about 2 MiB, in memory as in the table */

struct claims; /* opaque */

struct claim {
    const char *key_id;    /* a UUID */
    const char *body_hash; /* SHA-256, in hexadecimal digits */
    const char *holder;    /* a UUID; "": nobody, what was asked was handed on */
    int64_t until_ms;      /* it is the holder's until then */
};

struct claims *claims_new(void);
void claims_free(struct claims *claims); /* NULL is fine */

enum claim_verdict {
    CLAIM_FIRST,   /* the key is not known */
    CLAIM_RENEWED, /* the same body, and no other holder since this one claimed it last */
    CLAIM_AGAIN,   /* the same body, and nobody else's now, but it was */
    CLAIM_HELD,    /* the same body, but another holder has it */
    CLAIM_REUSED,  /* another body has the key */
};

/* What becomes of a claim; its `until_ms` does not matter. */
enum claim_verdict claims_judge(const struct claims *claims, const struct claim *claim, int64_t now_ms);

/* Does `holder` have the key at `now_ms`? */
bool claims_holds(const struct claims *claims, const char *key_id, const char *holder, int64_t now_ms);

/* The ID of a row of the table `claim` (readmodel.sql). */
enum { CLAIM_ROW_ID_SIZE = 12 };

/* Takes the claim (copied) over, and gives the row that shows it. */
void claims_put(struct claims *claims, const struct claim *claim, char row_id[CLAIM_ROW_ID_SIZE]);

/* Nobody holds the key any more. False: it is not known. */
bool claims_release(struct claims *claims, const char *key_id, char row_id[CLAIM_ROW_ID_SIZE]);

/* All columns but `partition`; the caller owns it. NULL: there is no such row. */
json_t *claim_row(const struct claims *claims, const char *id);

/* Takes over a row that claim_row gave. */
void claim_load(struct claims *claims, const json_t *row);

#endif
