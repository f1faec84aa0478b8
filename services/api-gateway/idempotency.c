#include "services/api-gateway/idempotency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
    KEY_DIGITS = 32,
    BODY_DIGITS = 24, /* enough that two bodies never meet by chance */
};

/* --- Keys and IDs --- */

bool idempotency_key_check(const char *value, struct error *err)
{
    const size_t length = value != NULL ? strlen(value) : 1;
    bool good = length >= 1 && length <= IDEMPOTENCY_KEY_LENGTH_MAX;

    for (size_t i = 0; value != NULL && good && i < length; i++)
        good = value[i] > ' ' && value[i] < 0x7f;
    return good || error_set(err, ERROR_INPUT, "Idempotency-Key: expected 1 to %d visible ASCII characters",
                             IDEMPOTENCY_KEY_LENGTH_MAX);
}

void idempotency_key_id(const struct idempotency_scope *scope, char out[UUID_SIZE])
{
    char *name;

    if (asprintf(&name, "created\n%s\n%s\n%s\n%s\n%s", scope->issuer, scope->subject, scope->method, scope->path,
                 scope->key) < 0)
        abort();
    uuid_derive(name, out);
    free(name);
}

static void key_digits(const char *key_id, char out[KEY_DIGITS + 1])
{
    size_t count = 0;

    for (; *key_id != '\0' && count < KEY_DIGITS; key_id++)
        if (*key_id != '-')
            out[count++] = *key_id;
    out[count] = '\0';
}

void idempotency_request_id(const struct idempotent *request, uint32_t part, char out[IDEMPOTENCY_ID_SIZE])
{
    char digits[KEY_DIGITS + 1];

    key_digits(request->key_id, digits);
    snprintf(out, IDEMPOTENCY_ID_SIZE, "%s%.*s%08x", digits, BODY_DIGITS, request->body_hash, part);
}

/* --- Claiming --- */

/* A key that is held. */
struct held {
    char key_id[UUID_SIZE];
    char body_hash[SHA256_HEX_SIZE];
    bool proven; /* nothing is known of another body under the key */
    UT_hash_handle hh;
};

struct idempotency {
    struct held *held;
};

struct claim {
    struct idempotency *keys;
    struct idempotent request;
    idempotency_claimed *done;
    void *context;
};

struct idempotency *idempotency_new(void)
{
    struct idempotency *keys = calloc(1, sizeof *keys);

    if (keys == NULL)
        abort();
    return keys;
}

static void drop(struct idempotency *keys, struct held *held)
{
    HASH_DEL(keys->held, held);
    free(held);
}

void idempotency_free(struct idempotency *keys)
{
    if (keys == NULL)
        return;
    while (keys->held != NULL)
        drop(keys, keys->held);
    free(keys);
}

static void hold(struct idempotency *keys, const struct idempotent *request)
{
    struct held *held = calloc(1, sizeof *held);

    if (held == NULL)
        abort();
    snprintf(held->key_id, sizeof held->key_id, "%s", request->key_id);
    snprintf(held->body_hash, sizeof held->body_hash, "%s", request->body_hash);
    HASH_ADD_STR(keys->held, key_id, held);
}

static struct held *find(struct idempotency *keys, const char *key_id)
{
    struct held *held;

    HASH_FIND_STR(keys->held, key_id, held);
    return held;
}

void idempotency_release(struct idempotency *keys, const struct idempotent *request)
{
    struct held *held = request->key_id[0] != '\0' ? find(keys, request->key_id) : NULL;

    if (held != NULL)
        drop(keys, held);
}

/* Rows of one key and body are what they are about; of another body there may be one beside them, which lost a race. */
static enum idempotency_verdict judge(const struct claim *claim, const struct keyed_outcome *found)
{
    char id[IDEMPOTENCY_ID_SIZE];

    if (found == NULL)
        return IDEMPOTENCY_UNKNOWN;
    if (found->request_id == NULL)
        return IDEMPOTENCY_NEW;
    idempotency_request_id(&claim->request, 0, id);
    return strncmp(found->request_id, id, KEY_DIGITS + BODY_DIGITS) == 0 ? IDEMPOTENCY_REPEATED : IDEMPOTENCY_REUSED;
}

static void looked(void *context, const struct keyed_outcome *found)
{
    struct claim *claim = context;
    const enum idempotency_verdict verdict = judge(claim, found);
    struct held *held = find(claim->keys, claim->request.key_id);

    if (verdict == IDEMPOTENCY_REUSED)
        idempotency_release(claim->keys, &claim->request);
    else if (held != NULL)
        held->proven = verdict != IDEMPOTENCY_UNKNOWN;
    claim->done(claim->context, verdict, verdict == IDEMPOTENCY_REPEATED ? &found->outcome : NULL);
    free(claim);
}

struct ids {
    char first[IDEMPOTENCY_ID_SIZE], last[IDEMPOTENCY_ID_SIZE];
};

/* All IDs that begin as `id` does, with `digits` digits. Digits and letters up to f have this order in every collation. */
static struct ids ids_of(const char *id, int digits)
{
    struct ids ids;

    memset(ids.first, '0', sizeof ids.first - 1);
    memset(ids.last, 'f', sizeof ids.last - 1);
    memcpy(ids.first, id, (size_t)digits);
    memcpy(ids.last, id, (size_t)digits);
    ids.first[sizeof ids.first - 1] = ids.last[sizeof ids.last - 1] = '\0';
    return ids;
}

static bool look(struct claim *claim, struct pg *pg, int topic)
{
    char id[IDEMPOTENCY_ID_SIZE];
    struct ids wanted, all;

    idempotency_request_id(&claim->request, 0, id);
    wanted = ids_of(id, KEY_DIGITS + BODY_DIGITS);
    all = ids_of(id, KEY_DIGITS);
    return outcomes_look_keyed(pg, topic, (struct id_range){ wanted.first, wanted.last },
                               (struct id_range){ all.first, all.last }, looked, claim, NULL);
}

void idempotency_claim(struct idempotency *keys, struct pg *pg, int topic, const struct idempotent *request,
                       idempotency_claimed *done, void *context)
{
    const struct held *held = find(keys, request->key_id);
    struct claim *claim;

    if (held != NULL) {
        const bool is_other = strcmp(held->body_hash, request->body_hash) != 0;

        /* As long as it may be the one that holds the key wrongly, the other one can only be told to wait. */
        done(context, is_other && held->proven ? IDEMPOTENCY_REUSED : IDEMPOTENCY_RUNS, NULL);
        return;
    }
    claim = malloc(sizeof *claim);
    if (claim == NULL)
        abort();
    *claim = (struct claim){ keys, *request, done, context };
    hold(keys, request);
    if (look(claim, pg, topic))
        return;
    free(claim);
    done(context, IDEMPOTENCY_UNKNOWN, NULL);
}

int idempotency_status(enum idempotency_verdict verdict)
{
    return verdict == IDEMPOTENCY_RUNS ? 409 : 422;
}

const char *idempotency_text(enum idempotency_verdict verdict)
{
    return verdict == IDEMPOTENCY_RUNS
               ? "Idempotency-Key: the first request with it has no answer yet; repeat it in a moment"
               : "Idempotency-Key: it was used before, for a request with another body";
}
