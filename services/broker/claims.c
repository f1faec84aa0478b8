#include "services/broker/claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/timestamp.h"
#include "common/json/lenient.h"

struct kept {
    char key_id[UUID_SIZE], body_hash[SHA256_HEX_SIZE], holder[UUID_SIZE];
    int64_t until_ms;
    int64_t number; /* keys claimed in this partition before it */
    UT_hash_handle hh;
};

/* A ring: the key with a number overwrites the one with CLAIMS_MAX less, and its row that one's. */
struct claims {
    struct kept *ring[CLAIMS_MAX];
    struct kept *by_key;
    int64_t next; /* number */
};

struct claims *claims_new(void)
{
    struct claims *claims = calloc(1, sizeof *claims);

    if (claims == NULL)
        abort();
    return claims;
}

static void forget(struct claims *claims, struct kept *kept)
{
    claims->ring[kept->number % CLAIMS_MAX] = NULL;
    HASH_DEL(claims->by_key, kept);
    free(kept);
}

void claims_free(struct claims *claims)
{
    if (claims == NULL)
        return;
    while (claims->by_key != NULL)
        forget(claims, claims->by_key);
    free(claims);
}

static struct kept *find(const struct claims *claims, const char *key_id)
{
    struct kept *kept;

    HASH_FIND_STR(claims->by_key, key_id, kept);
    return kept;
}

static bool is_held(const struct kept *kept, int64_t now_ms)
{
    return kept->holder[0] != '\0' && now_ms < kept->until_ms;
}

enum claim_verdict claims_judge(const struct claims *claims, const struct claim *claim, int64_t now_ms)
{
    const struct kept *kept = find(claims, claim->key_id);

    if (kept == NULL)
        return CLAIM_FIRST;
    if (strcmp(kept->body_hash, claim->body_hash) != 0)
        return CLAIM_REUSED;
    if (strcmp(kept->holder, claim->holder) == 0)
        return CLAIM_RENEWED;
    return is_held(kept, now_ms) ? CLAIM_HELD : CLAIM_AGAIN;
}

bool claims_holds(const struct claims *claims, const char *key_id, const char *holder, int64_t now_ms)
{
    const struct kept *kept = find(claims, key_id);

    return kept != NULL && is_held(kept, now_ms) && strcmp(kept->holder, holder) == 0;
}

static void row_id_of(const struct kept *kept, char row_id[CLAIM_ROW_ID_SIZE])
{
    snprintf(row_id, CLAIM_ROW_ID_SIZE, "%d", (int)(kept->number % CLAIMS_MAX));
}

/* The claim of a key that is not known, in the place of the oldest. */
static struct kept *keep(struct claims *claims, const char *key_id, int64_t number)
{
    struct kept **place = &claims->ring[number % CLAIMS_MAX], *kept = calloc(1, sizeof *kept);

    if (kept == NULL)
        abort();
    if (*place != NULL)
        forget(claims, *place);
    kept->number = number;
    snprintf(kept->key_id, sizeof kept->key_id, "%s", key_id);
    HASH_ADD_STR(claims->by_key, key_id, kept);
    *place = kept;
    if (number >= claims->next)
        claims->next = number + 1;
    return kept;
}

static void set(struct kept *kept, const struct claim *claim)
{
    snprintf(kept->body_hash, sizeof kept->body_hash, "%s", claim->body_hash);
    snprintf(kept->holder, sizeof kept->holder, "%s", claim->holder);
    kept->until_ms = claim->until_ms;
}

void claims_put(struct claims *claims, const struct claim *claim, char row_id[CLAIM_ROW_ID_SIZE])
{
    struct kept *kept = find(claims, claim->key_id);

    if (kept == NULL)
        kept = keep(claims, claim->key_id, claims->next);
    set(kept, claim);
    row_id_of(kept, row_id);
}

bool claims_release(struct claims *claims, const char *key_id, char row_id[CLAIM_ROW_ID_SIZE])
{
    struct kept *kept = find(claims, key_id);

    if (kept == NULL)
        return false;
    kept->until_ms = 0;
    row_id_of(kept, row_id);
    return true;
}

/* --- Rows --- */

json_t *claim_row(const struct claims *claims, const char *id)
{
    const long place = strtol(id, NULL, 10);
    const struct kept *kept = place >= 0 && place < CLAIMS_MAX ? claims->ring[place] : NULL;
    char until[TIMESTAMP_SIZE];

    if (kept == NULL)
        return NULL;
    timestamp_format(kept->until_ms, until);
    return json_pack("{s:i, s:I, s:s, s:s, s:s, s:s}", "place", (int)place, "number", (json_int_t)kept->number,
                     "key_id", kept->key_id, "body_hash", kept->body_hash, "holder", kept->holder, "until_at", until);
}

void claim_load(struct claims *claims, const json_t *row)
{
    const int64_t number = json_integer_value(json_object_get(row, "number"));
    struct claim claim = { .key_id = json_text_of(row, "key_id"),
                           .body_hash = json_text_of(row, "body_hash"),
                           .holder = json_text_of(row, "holder") };

    if (number < 0)
        return;
    timestamp_parse(json_text_of(row, "until_at"), &claim.until_ms);
    set(keep(claims, claim.key_id, number), &claim);
}
