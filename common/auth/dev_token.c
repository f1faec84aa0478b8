#include "common/auth/dev_token.h"

#include <cjose/cjose.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"

enum { KEY_BITS = 2048, NUMBER_SIZE_MAX = KEY_BITS / 8 };

static bool path_join(char out[PATH_MAX], const char *folder, const char *name, struct error *err)
{
    if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
        return error_set(err, ERROR_INPUT, "the path of the folder for development keys is too long");
    return true;
}

/* --- A key as JSON (RFC 7517, 7518) --- */

static bool number_put(json_t *jwk, const char *name, const EVP_PKEY *key, const char *parameter)
{
    unsigned char bytes[NUMBER_SIZE_MAX];
    BIGNUM *number = NULL;
    char *text = NULL;
    size_t size = 0;
    bool put = false;

    if (EVP_PKEY_get_bn_param(key, parameter, &number) == 1 && BN_num_bytes(number) <= NUMBER_SIZE_MAX &&
        cjose_base64url_encode(bytes, (size_t)BN_bn2bin(number, bytes), &text, &size, NULL))
        put = json_object_set_new(jwk, name, json_stringn(text, size)) == 0;
    OPENSSL_cleanse(bytes, sizeof bytes);
    BN_clear_free(number);
    free(text);
    return put;
}

/* The kid is the key's thumbprint (RFC 7638): the same key has the same name wherever it is computed. */
static bool thumbprint_put(json_t *jwk)
{
    json_t *members = json_pack("{s:O, s:s, s:O}", "e", json_object_get(jwk, "e"), "kty", "RSA", "n",
                                json_object_get(jwk, "n"));
    char *text = json_dumps(members, JSON_COMPACT | JSON_SORT_KEYS), *kid = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    size_t size = 0;
    bool put = false;

    if (text != NULL && EVP_Digest(text, strlen(text), digest, &digest_size, EVP_sha256(), NULL) == 1 &&
        cjose_base64url_encode(digest, digest_size, &kid, &size, NULL))
        put = json_object_set_new(jwk, "kid", json_stringn(kid, size)) == 0;
    free(kid);
    free(text);
    json_decref(members);
    return put;
}

/* Own. NULL: out of memory, or not an RSA key of at most KEY_BITS. */
static json_t *jwk_new(const EVP_PKEY *key, bool private)
{
    static const struct {
        const char *name, *parameter;
        bool private;
    } numbers[] = {
        { "n", OSSL_PKEY_PARAM_RSA_N, false },         { "e", OSSL_PKEY_PARAM_RSA_E, false },
        { "d", OSSL_PKEY_PARAM_RSA_D, true },          { "p", OSSL_PKEY_PARAM_RSA_FACTOR1, true },
        { "q", OSSL_PKEY_PARAM_RSA_FACTOR2, true },    { "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, true },
        { "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, true }, { "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true },
    };
    json_t *jwk = json_pack("{s:s, s:s, s:s}", "kty", "RSA", "use", "sig", "alg", "RS256");
    bool whole = jwk != NULL;

    for (size_t i = 0; whole && i < sizeof numbers / sizeof numbers[0]; i++)
        whole = (numbers[i].private && !private) || number_put(jwk, numbers[i].name, key, numbers[i].parameter);
    if (whole && thumbprint_put(jwk))
        return jwk;
    json_decref(jwk);
    return NULL;
}

/* --- Files --- */

static bool folder_make(const char *folder, struct error *err)
{
    char path[PATH_MAX];

    if (!path_join(path, folder, "", err)) /* ends with '/', so that the loop makes the last one too */
        return false;
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return error_set(err, ERROR_UNAVAILABLE, "cannot make the folder %s: %s", path, strerror(errno));
        *slash = '/';
    }
    return true;
}

static FILE *temporary_open(const char *folder, char path[PATH_MAX], struct error *err)
{
    FILE *file = NULL;
    int fd;

    if (!path_join(path, folder, ".new-XXXXXX", err))
        return NULL;
    fd = mkostemp(path, O_CLOEXEC); /* mode 0600 */
    if (fd >= 0)
        file = fdopen(fd, "w");
    if (file == NULL) {
        error_set(err, ERROR_UNAVAILABLE, "cannot write into %s: %s", folder, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    return file;
}

static bool file_finish(FILE *file)
{
    const bool whole = fflush(file) == 0 && fsync(fileno(file)) == 0;

    return fclose(file) == 0 && whole;
}

/* Gives the file its name unless that is taken (of two makers one wins): link(2) refuses where rename(2) replaces. */
static bool key_store(const char *folder, const EVP_PKEY *key, struct error *err)
{
    char temporary[PATH_MAX], path[PATH_MAX];
    FILE *file = temporary_open(folder, temporary, err);
    bool stored;

    if (file == NULL)
        return false;
    stored = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
    stored = file_finish(file) && stored && path_join(path, folder, "key.pem", err) &&
             (link(temporary, path) == 0 || errno == EEXIST);
    if (!stored)
        error_set(err, ERROR_UNAVAILABLE, "cannot write %s/key.pem: %s", folder, strerror(errno));
    unlink(temporary);
    return stored;
}

static bool key_set_store(const char *folder, const EVP_PKEY *key, struct error *err)
{
    char temporary[PATH_MAX], path[PATH_MAX];
    FILE *file = temporary_open(folder, temporary, err);
    json_t *keys = NULL;
    bool stored;

    if (file == NULL)
        return false;
    keys = json_pack("{s:[o]}", "keys", jwk_new(key, false));
    stored = keys != NULL && json_dumpf(keys, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF &&
             fchmod(fileno(file), 0644) == 0;
    stored = file_finish(file) && stored && path_join(path, folder, "jwks.json", err) && rename(temporary, path) == 0;
    if (!stored) {
        error_set(err, ERROR_UNAVAILABLE, "cannot write %s/jwks.json: %s", folder, strerror(errno));
        unlink(temporary);
    }
    json_decref(keys);
    return stored;
}

/* Own: EVP_PKEY_free. */
static EVP_PKEY *key_load(const char *folder, struct error *err)
{
    char path[PATH_MAX];
    EVP_PKEY *key;
    FILE *file;

    if (!path_join(path, folder, "key.pem", err))
        return NULL;
    file = fopen(path, "re");
    if (file == NULL) {
        error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "cannot read %s: %s", path,
                  strerror(errno));
        return NULL;
    }
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (key == NULL)
        error_set(err, ERROR_INPUT, "%s holds no private key; delete it to have a new one made", path);
    return key;
}

static bool exists(const char *folder, const char *name)
{
    char path[PATH_MAX];

    return path_join(path, folder, name, NULL) && access(path, F_OK) == 0;
}

bool dev_keys_make(const char *folder, struct error *err)
{
    const bool key_exists = exists(folder, "key.pem");
    EVP_PKEY *key;
    bool made = true;

    if (!folder_make(folder, err))
        return false;
    if (!key_exists) {
        key = EVP_RSA_gen(KEY_BITS);
        made = key != NULL ? key_store(folder, key, err) : error_set(err, ERROR_INTERNAL, "no RSA key could be made");
        EVP_PKEY_free(key);
    }
    if (!made || (key_exists && exists(folder, "jwks.json")))
        return made;
    key = key_load(folder, err); /* maybe another maker's */
    made = key != NULL && key_set_store(folder, key, err);
    EVP_PKEY_free(key);
    return made;
}

/* --- Tokens --- */

static json_t *claims_new(const struct dev_token *token)
{
    json_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I, s:[]}", "iss", token->issuer, "aud", token->audience, "sub",
                               token->subject, "iat", (json_int_t)(token->now_ms / 1000), "exp",
                               (json_int_t)((token->now_ms + token->lifetime_ms) / 1000), "groups");

    if (claims != NULL && token->email != NULL)
        json_object_set_new(claims, "email", json_string(token->email));
    for (size_t i = 0; claims != NULL && i < token->group_count; i++)
        json_array_append_new(json_object_get(claims, "groups"), json_string(token->groups[i]));
    return claims;
}

/* Own: free(). NULL: cjose refused. */
static char *claims_sign(const json_t *claims, const json_t *private_jwk)
{
    char *key_text = json_dumps(private_jwk, JSON_COMPACT), *text = json_dumps(claims, JSON_COMPACT), *token = NULL;
    cjose_jwk_t *key = key_text != NULL ? cjose_jwk_import(key_text, strlen(key_text), NULL) : NULL;
    cjose_header_t *header = cjose_header_new(NULL);
    cjose_jws_t *jws = NULL;
    const char *compact = NULL;

    if (key != NULL && text != NULL && header != NULL && cjose_header_set(header, CJOSE_HDR_ALG, "RS256", NULL) &&
        cjose_header_set(header, "typ", "JWT", NULL) &&
        cjose_header_set(header, CJOSE_HDR_KID, json_string_value(json_object_get(private_jwk, "kid")), NULL))
        jws = cjose_jws_sign(key, header, (const uint8_t *)text, strlen(text), NULL);
    if (jws != NULL && cjose_jws_export(jws, &compact, NULL))
        token = strdup(compact);
    cjose_jws_release(jws);
    cjose_header_release(header);
    cjose_jwk_release(key);
    free(text);
    if (key_text != NULL)
        OPENSSL_cleanse(key_text, strlen(key_text));
    free(key_text);
    return token;
}

char *dev_token_sign(const char *folder, const struct dev_token *token, struct error *err)
{
    EVP_PKEY *key = key_load(folder, err);
    json_t *jwk = NULL, *claims = NULL;
    char *text = NULL;

    if (key == NULL)
        return NULL;
    jwk = jwk_new(key, true);
    claims = claims_new(token);
    if (jwk != NULL && claims != NULL)
        text = claims_sign(claims, jwk);
    if (text == NULL)
        error_set(err, ERROR_INTERNAL, "no token could be signed with %s/key.pem (RSA of at most %d bits)", folder,
                  KEY_BITS);
    json_decref(claims);
    json_decref(jwk);
    EVP_PKEY_free(key);
    return text;
}
