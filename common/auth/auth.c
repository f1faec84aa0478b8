#include "common/auth/auth.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "common/auth/key_set.h"
#include "common/auth/key_source.h"
#include "common/base/error.h"
#include "common/base/id.h"

enum { SKEW_MS = 30 * 1000 };
static const double SECONDS_MAX = 253402300799.0; /* the end of the year 9999 */

struct validity { /* as the claims have them, without skew */
    int64_t not_before_ms, expires_ms;
};

struct accepted { /* a token that passed */
    char digest[SHA256_HEX_SIZE];
    struct validity validity;
    struct caller caller;
    UT_hash_handle hh;
};

struct auth {
    char *issuer, *audience, *admin_group, *operator_group;
    int64_t skew_ms;
    struct key_source *source;
    uint64_t key_version;      /* of the keys that the cache was filled with */
    struct accepted *accepted; /* in the order of their last use */
};

static void cache_clear(struct auth *auth)
{
    struct accepted *entry, *next;

    HASH_ITER(hh, auth->accepted, entry, next) {
        HASH_DEL(auth->accepted, entry);
        free(entry);
    }
}

struct auth *auth_new(struct event_base *base, const struct auth_options *options, struct error *err)
{
    struct auth *auth;

    if (options->issuer == NULL || *options->issuer == '\0' || options->audience == NULL ||
        *options->audience == '\0' || options->jwks == NULL || *options->jwks == '\0') {
        error_set(err, ERROR_INPUT, "authentication needs an issuer, an audience and a key set (URL or file)");
        return NULL;
    }
    auth = calloc(1, sizeof *auth);
    if (auth == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for authentication");
        return NULL;
    }
    auth->issuer = strdup(options->issuer);
    auth->audience = strdup(options->audience);
    auth->admin_group = strdup(options->admin_group != NULL ? options->admin_group : "runtimeAdmin");
    auth->operator_group = strdup(options->operator_group != NULL ? options->operator_group : "runtimeOperator");
    auth->skew_ms = options->skew_ms > 0 ? options->skew_ms : SKEW_MS;
    if (auth->issuer == NULL || auth->audience == NULL || auth->admin_group == NULL || auth->operator_group == NULL)
        error_set(err, ERROR_INTERNAL, "no memory for authentication");
    else
        auth->source = key_source_new(base, options->jwks, err);
    if (auth->source != NULL)
        return auth;
    auth_free(auth);
    return NULL;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    cache_clear(auth);
    key_source_free(auth->source);
    free(auth->issuer);
    free(auth->audience);
    free(auth->admin_group);
    free(auth->operator_group);
    free(auth);
}

bool auth_ready(struct auth *auth)
{
    if (key_source_keys(auth->source) == NULL)
        key_source_refresh(auth->source);
    return key_source_keys(auth->source) != NULL;
}

/* --- The header: Authorization: Bearer <token> (RFC 6750) --- */

static bool denied(struct error *err, const char *why)
{
    return error_set(err, ERROR_DENIED, "%s", why);
}

/* The token, of `*size` bytes, borrowed from the header. NULL: there is none. */
static const char *bearer(const char *authorization, size_t *size, struct error *err)
{
    const char *at = authorization;

    if (at == NULL) {
        denied(err, "no Authorization header; send \"Authorization: Bearer <token>\"");
        return NULL;
    }
    at += strncasecmp(at, "Bearer ", 7) == 0 ? 7 + strspn(at + 7, " ") : strlen(at);
    *size = strcspn(at, " \t\r\n");
    if (*size == 0 || at[*size + strspn(at + *size, " \t\r\n")] != '\0') {
        denied(err, "the Authorization header is not \"Bearer <token>\"");
        return NULL;
    }
    if (*size > AUTH_TOKEN_SIZE_MAX) {
        error_set(err, ERROR_DENIED, "the token has more than %d bytes", AUTH_TOKEN_SIZE_MAX);
        return NULL;
    }
    return at;
}

/* --- The signature (RFC 7515) --- */

/* The protected header: read by ourselves, as cjose would not say which of its members is wrong. Own. */
static json_t *header_read(const char *token, size_t size)
{
    const char *dot = memchr(token, '.', size);
    uint8_t *bytes = NULL;
    size_t length = 0;
    json_t *header;

    if (dot == NULL || dot == token || !cjose_base64url_decode(token, (size_t)(dot - token), &bytes, &length, NULL))
        return NULL;
    header = json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    return header;
}

static const cjose_jwk_t *key_for(struct auth *auth, const char *kid, const char *alg, struct error *err)
{
    bool known;
    const cjose_jwk_t *key = key_set_find(key_source_keys(auth->source), kid, alg, &known);

    if (known) {
        if (key == NULL)
            denied(err, "the token's algorithm is not that of its key");
        return key;
    }
    key_source_refresh(auth->source);
    key = key_set_find(key_source_keys(auth->source), kid, alg, &known);
    if (key == NULL)
        denied(err, "the token is signed with a key that the issuer's key set does not have");
    return key;
}

static const cjose_jwk_t *key_named_by(struct auth *auth, const json_t *header, struct error *err)
{
    const char *alg = json_string_value(json_object_get(header, "alg"));
    const char *kid = json_string_value(json_object_get(header, "kid"));
    const cjose_jwk_t *key = NULL;

    if (alg == NULL || (strcmp(alg, "RS256") != 0 && strcmp(alg, "ES256") != 0))
        denied(err, "the token's algorithm is neither RS256 nor ES256");
    else if (kid == NULL)
        denied(err, "the token does not name its key (kid)");
    else if (json_object_get(header, "crit") != NULL)
        denied(err, "the token demands extensions (crit) that are not supported");
    else
        key = key_for(auth, kid, alg, err);
    return key;
}

/* The claims of a token whose signature is right. Own. */
static json_t *claims_verified(struct auth *auth, const char *token, size_t size, struct error *err)
{
    json_t *header = header_read(token, size), *claims = NULL;
    const cjose_jwk_t *key = NULL;
    cjose_jws_t *jws = NULL;
    uint8_t *text = NULL;
    size_t length = 0;

    if (!json_is_object(header)) {
        denied(err, "the token is not a JWT");
        goto out;
    }
    key = key_named_by(auth, header, err);
    if (key == NULL)
        goto out;
    jws = cjose_jws_import(token, size, NULL);
    if (jws == NULL) {
        denied(err, "the token is not a JWT");
        goto out;
    }
    if (!cjose_jws_verify(jws, key, NULL) || !cjose_jws_get_plaintext(jws, &text, &length, NULL)) {
        denied(err, "the token's signature is wrong");
        goto out;
    }
    claims = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, NULL); /* borrowed from jws */
    if (!json_is_object(claims)) {
        denied(err, "the token's claims are not a JSON object");
        json_decref(claims);
        claims = NULL;
    }
out:
    cjose_jws_release(jws);
    json_decref(header);
    return claims;
}

/* --- The claims (RFC 7519) --- */

static bool audience_has(const json_t *claim, const char *audience)
{
    const json_t *member;
    size_t i;

    if (json_is_string(claim))
        return strcmp(json_string_value(claim), audience) == 0;
    json_array_foreach(claim, i, member) {
        if (json_is_string(member) && strcmp(json_string_value(member), audience) == 0)
            return true;
    }
    return false;
}

/* A NumericDate: seconds, a fraction is allowed. */
static bool claim_time(const json_t *claim, int64_t *time_ms)
{
    const double seconds = json_number_value(claim);

    if (!json_is_number(claim) || !(seconds >= 0 && seconds <= SECONDS_MAX))
        return false;
    *time_ms = (int64_t)(seconds * 1000.0);
    return true;
}

static bool validity_read(const json_t *claims, struct validity *validity, struct error *err)
{
    const json_t *not_before = json_object_get(claims, "nbf");

    if (json_object_get(claims, "exp") == NULL)
        return denied(err, "the token never expires (no exp)");
    if (!claim_time(json_object_get(claims, "exp"), &validity->expires_ms))
        return denied(err, "the token's exp is not a time");
    validity->not_before_ms = 0;
    if (not_before != NULL && !claim_time(not_before, &validity->not_before_ms))
        return denied(err, "the token's nbf is not a time");
    return true;
}

static bool validity_check(const struct auth *auth, const struct validity *validity, int64_t now_ms, struct error *err)
{
    if (now_ms >= validity->expires_ms + auth->skew_ms)
        return denied(err, "the token has expired");
    if (now_ms < validity->not_before_ms - auth->skew_ms)
        return denied(err, "the token is not valid yet (nbf)");
    return true;
}

static bool claim_text(const json_t *claims, const char *name, char out[CALLER_TEXT_SIZE])
{
    const char *text = json_string_value(json_object_get(claims, name));

    if (text == NULL || strlen(text) >= CALLER_TEXT_SIZE)
        return false;
    strcpy(out, text);
    return true;
}

static bool groups_read(const struct auth *auth, const json_t *claims, struct caller *caller, struct error *err)
{
    const json_t *groups = json_object_get(claims, "groups"), *group;
    size_t i;

    if (groups == NULL || json_is_null(groups))
        return true;
    if (!json_is_array(groups))
        return denied(err, "the token's groups are not an array of texts");
    json_array_foreach(groups, i, group) {
        if (!json_is_string(group))
            return denied(err, "the token's groups are not an array of texts");
        caller->admin |= strcmp(json_string_value(group), auth->admin_group) == 0;
        caller->oper |= strcmp(json_string_value(group), auth->operator_group) == 0;
    }
    return true;
}

static bool caller_read(const struct auth *auth, const json_t *claims, struct caller *caller, struct error *err)
{
    if (!claim_text(claims, "iss", caller->issuer) || strcmp(caller->issuer, auth->issuer) != 0)
        return error_set(err, ERROR_DENIED, "the token's issuer is not %s", auth->issuer);
    if (!audience_has(json_object_get(claims, "aud"), auth->audience))
        return error_set(err, ERROR_DENIED, "the token's audience is not %s", auth->audience);
    if (!claim_text(claims, "sub", caller->subject) || *caller->subject == '\0')
        return error_set(err, ERROR_DENIED, "the token has no subject (sub) of 1 to %d bytes", CALLER_TEXT_SIZE - 1);
    if (json_object_get(claims, "email") != NULL && !claim_text(claims, "email", caller->email))
        return error_set(err, ERROR_DENIED, "the token's email is not a text of at most %d bytes",
                         CALLER_TEXT_SIZE - 1);
    return groups_read(auth, claims, caller, err);
}

static bool token_check(struct auth *auth, const char *token, size_t size, int64_t now_ms, struct accepted *out,
                        struct error *err)
{
    json_t *claims = claims_verified(auth, token, size, err);
    const bool passed = claims != NULL && caller_read(auth, claims, &out->caller, err) &&
                        validity_read(claims, &out->validity, err) && validity_check(auth, &out->validity, now_ms, err);

    json_decref(claims);
    out->caller.until_ms = out->validity.expires_ms + auth->skew_ms;
    return passed;
}

/* --- Tokens that passed --- */

/* uthash keeps the order of insertion, so the first entry is the one that was not used for longest. */
static void cache_touch(struct auth *auth, struct accepted *entry)
{
    HASH_DEL(auth->accepted, entry);
    HASH_ADD_STR(auth->accepted, digest, entry);
}

static void cache_add(struct auth *auth, const struct accepted *passed)
{
    struct accepted *entry = malloc(sizeof *entry);

    if (entry == NULL)
        return; /* the token is checked anew next time */
    if (HASH_COUNT(auth->accepted) >= AUTH_CACHE_COUNT_MAX) {
        struct accepted *oldest = auth->accepted;

        HASH_DEL(auth->accepted, oldest);
        free(oldest);
    }
    *entry = *passed;
    HASH_ADD_STR(auth->accepted, digest, entry);
}

static struct accepted *cache_find(struct auth *auth, const char *digest)
{
    struct accepted *entry = NULL;

    if (auth->key_version != key_source_version(auth->source)) {
        cache_clear(auth); /* the key of any of them may have been withdrawn */
        auth->key_version = key_source_version(auth->source);
    }
    HASH_FIND_STR(auth->accepted, digest, entry);
    return entry;
}

bool auth_check(struct auth *auth, const char *authorization, int64_t now_ms, struct caller *out, struct error *err)
{
    struct accepted passed = { .digest = "" }, *known;
    const char *token;
    size_t size = 0;

    if (!auth_ready(auth))
        return error_set(err, ERROR_UNAVAILABLE, "the issuer's keys are not loaded yet");
    token = bearer(authorization, &size, err);
    if (token == NULL)
        return false;
    sha256_hex(token, size, passed.digest);
    known = cache_find(auth, passed.digest);
    if (known != NULL) {
        if (!validity_check(auth, &known->validity, now_ms, err)) {
            HASH_DEL(auth->accepted, known);
            free(known);
            return false;
        }
        cache_touch(auth, known);
        *out = known->caller;
        return true;
    }
    if (!token_check(auth, token, size, now_ms, &passed, err))
        return false;
    if (auth->key_version != key_source_version(auth->source))
        cache_clear(auth); /* the check itself loaded other keys */
    auth->key_version = key_source_version(auth->source);
    cache_add(auth, &passed);
    *out = passed.caller;
    return true;
}
