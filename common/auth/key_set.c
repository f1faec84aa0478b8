#include "common/auth/key_set.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

struct key {
    char *kid;
    const char *alg; /* what it verifies */
    cjose_jwk_t *jwk;
};

struct key_set {
    size_t count;
    struct key keys[KEY_SET_COUNT_MAX];
};

static bool text_is(const json_t *object, const char *name, const char *want)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && strcmp(text, want) == 0;
}

/* The algorithm that a key is good for; NULL: none that we take. */
static const char *key_algorithm(const json_t *jwk)
{
    const char *alg = text_is(jwk, "kty", "RSA")                                  ? "RS256"
                      : text_is(jwk, "kty", "EC") && text_is(jwk, "crv", "P-256") ? "ES256"
                                                                                  : NULL;

    if (alg == NULL || !json_is_string(json_object_get(jwk, "kid")))
        return NULL;
    if (json_object_get(jwk, "use") != NULL && !text_is(jwk, "use", "sig"))
        return NULL;
    if (json_object_get(jwk, "alg") != NULL && !text_is(jwk, "alg", alg))
        return NULL;
    return alg;
}

static void add(struct key_set *set, const json_t *member)
{
    const char *alg = key_algorithm(member);
    cjose_jwk_t *jwk = NULL;
    char *text = NULL, *kid = NULL;

    if (alg == NULL || set->count == KEY_SET_COUNT_MAX)
        return;
    text = json_dumps(member, JSON_COMPACT);
    if (text != NULL)
        jwk = cjose_jwk_import(text, strlen(text), NULL);
    if (jwk == NULL || (strcmp(alg, "RS256") == 0 && cjose_jwk_get_keysize(jwk, NULL) < KEY_RSA_BITS_MIN))
        goto out;
    kid = strdup(json_string_value(json_object_get(member, "kid")));
    if (kid == NULL)
        goto out;
    set->keys[set->count++] = (struct key){ .kid = kid, .alg = alg, .jwk = jwk };
    jwk = NULL;
out:
    cjose_jwk_release(jwk);
    free(text);
}

struct key_set *key_set_parse(const char *text, size_t size, struct error *err)
{
    struct key_set *set = NULL;
    json_error_t where;
    json_t *root, *keys, *member;
    size_t i;

    if (size > KEY_SET_TEXT_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "the key set has %zu bytes, more than %d", size, KEY_SET_TEXT_SIZE_MAX);
        return NULL;
    }
    root = json_loadb(text, size, 0, &where);
    if (root == NULL) {
        error_set(err, ERROR_INPUT, "the key set is not JSON: line %d, column %d: %s", where.line, where.column,
                  where.text);
        return NULL;
    }
    keys = json_object_get(root, "keys");
    set = calloc(1, sizeof *set);
    if (!json_is_array(keys) || set == NULL) {
        error_set(err, ERROR_INPUT, "the key set has no array \"keys\" (RFC 7517)");
        goto out;
    }
    json_array_foreach(keys, i, member)
        add(set, member);
    if (set->count > 0)
        goto done;
    error_set(err, ERROR_INPUT, "none of the %zu keys has a kid and is RSA of at least %d bits or EC P-256",
              json_array_size(keys), KEY_RSA_BITS_MIN);
out:
    key_set_free(set);
    set = NULL;
done:
    json_decref(root);
    return set;
}

void key_set_free(struct key_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->count; i++) {
        free(set->keys[i].kid);
        cjose_jwk_release(set->keys[i].jwk);
    }
    free(set);
}

size_t key_set_count(const struct key_set *set)
{
    return set->count;
}

const cjose_jwk_t *key_set_find(const struct key_set *set, const char *kid, const char *alg, bool *known)
{
    *known = false;
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->keys[i].kid, kid) != 0)
            continue;
        *known = true;
        if (strcmp(set->keys[i].alg, alg) == 0)
            return set->keys[i].jwk;
    }
    return NULL;
}
