#include "common/secret/keys.h"

#include <cjose/cjose.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "common/base/text.h"

enum { FILE_SIZE_MAX = 64 * 1024 }; /* far more than SECRET_KEYS_MAX keys need */

struct key {
    char id[SECRET_KEY_ID_LENGTH_MAX + 1];
    unsigned char bytes[SECRET_KEY_SIZE];
};

struct derived {
    struct tenant_keys keys;
    UT_hash_handle hh;
    char name[]; /* "<key ID>\n<tenant>" */
};

struct secrets {
    struct key keys[SECRET_KEYS_MAX];
    size_t count;
    const struct key *current;
    struct derived *derived; /* by name; dropped whole when there are too many */
};

static void wipe(void *bytes, size_t size)
{
    if (bytes != NULL)
        OPENSSL_cleanse(bytes, size);
    free(bytes);
}

/* --- The key file --- */

static bool key_id_fits(const char *id)
{
    static const char accepted[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(id);

    return length >= 1 && length <= SECRET_KEY_ID_LENGTH_MAX && strspn(id, accepted) == length;
}

/* Compared with what encodes to it, because the decoder reads over what is no base64. */
static bool decode_key(const char *text, unsigned char out[SECRET_KEY_SIZE])
{
    uint8_t *bytes = NULL;
    char *again = NULL;
    size_t size = 0, again_size = 0;
    bool decoded = cjose_base64_decode(text, strlen(text), &bytes, &size, NULL) && size == SECRET_KEY_SIZE &&
                   cjose_base64_encode(bytes, size, &again, &again_size, NULL) && strlen(text) == again_size &&
                   memcmp(text, again, again_size) == 0;

    if (decoded)
        memcpy(out, bytes, SECRET_KEY_SIZE);
    wipe(bytes, size);
    wipe(again, again_size);
    return decoded;
}

static bool read_key(const char *id, const json_t *value, struct key *key, struct error *err)
{
    if (!key_id_fits(id))
        return error_set(err, ERROR_INPUT, "keys: \"%.*s\": an ID has 1 to %d letters, digits, '.', '_' and '-'",
                         SECRET_KEY_ID_LENGTH_MAX + 1, id, SECRET_KEY_ID_LENGTH_MAX);
    if (!json_is_string(value) || !decode_key(json_string_value(value), key->bytes))
        return error_set(err, ERROR_INPUT, "keys: %s: must be the base64 of %d random bytes (openssl rand -base64 %d)",
                         id, SECRET_KEY_SIZE, SECRET_KEY_SIZE);
    snprintf(key->id, sizeof key->id, "%s", id);
    return true;
}

static const struct key *find(const struct secrets *secrets, const char *id)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->keys[i].id, id) == 0)
            return &secrets->keys[i];
    return NULL;
}

static bool read_keys(struct secrets *secrets, const json_t *keys, struct error *err)
{
    const char *id;
    json_t *value;

    if (!json_is_object(keys) || json_object_size(keys) == 0 || json_object_size(keys) > SECRET_KEYS_MAX)
        return error_set(err, ERROR_INPUT, "keys: must be an object of 1 to %d keys: {\"k1\": \"<base64>\"}",
                         SECRET_KEYS_MAX);
    json_object_foreach((json_t *)keys, id, value) {
        if (!read_key(id, value, &secrets->keys[secrets->count], err))
            return false;
        secrets->count++;
    }
    return true;
}

static bool read_file(struct secrets *secrets, const json_t *json, struct error *err)
{
    const char *name, *current = json_string_value(json_object_get(json, "current"));
    json_t *value;

    if (!json_is_object(json))
        return error_set(err, ERROR_INPUT, "must be an object with current and keys");
    json_object_foreach((json_t *)json, name, value)
        if (strcmp(name, "current") != 0 && strcmp(name, "keys") != 0)
            return error_set(err, ERROR_INPUT, "%.40s: no such member; there are current and keys", name);
    if (!read_keys(secrets, json_object_get(json, "keys"), err))
        return false;
    secrets->current = current == NULL ? NULL : find(secrets, current);
    if (secrets->current == NULL)
        return error_set(err, ERROR_INPUT, "current: must be the ID of one of the keys");
    return true;
}

struct secrets *secrets_parse(const json_t *json, struct error *err)
{
    struct secrets *secrets = calloc(1, sizeof *secrets);

    if (secrets == NULL)
        abort();
    if (read_file(secrets, json, err))
        return secrets;
    secrets_free(secrets);
    return NULL;
}

/* Nothing else of the file is kept in memory: jansson's values are given back unwiped, but the bytes read are wiped. */
static json_t *load(FILE *file, const char *path, struct error *err)
{
    char *bytes = malloc(FILE_SIZE_MAX + 1);
    json_error_t why = { 0 };
    json_t *json = NULL;
    size_t size;

    if (bytes == NULL)
        abort();
    setvbuf(file, NULL, _IONBF, 0);
    size = fread(bytes, 1, FILE_SIZE_MAX + 1, file);
    if (ferror(file))
        error_set(err, ERROR_UNAVAILABLE, "%s: cannot be read: %s", path, strerror(errno));
    else if (size > FILE_SIZE_MAX)
        error_set(err, ERROR_INPUT, "%s: has more than %d bytes", path, FILE_SIZE_MAX);
    else if ((json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &why)) == NULL)
        error_set(err, ERROR_INPUT, "%s: line %d, column %d: is no JSON", path, why.line, why.column);
    wipe(bytes, FILE_SIZE_MAX + 1);
    return json;
}

static bool check_mode(FILE *file, const char *path, struct error *err)
{
    struct stat status;

    if (fstat(fileno(file), &status) != 0)
        return error_set(err, ERROR_UNAVAILABLE, "%s: cannot be looked at: %s", path, strerror(errno));
    if ((status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return error_set(err, ERROR_INPUT, "%s: is open to others (mode %03o): chmod 600, or 640 for a group", path,
                         (unsigned)(status.st_mode & 0777));
    return true;
}

struct secrets *secrets_load(const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");
    struct secrets *secrets = NULL;
    json_t *json = NULL;

    if (file == NULL) {
        error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE, "%s: cannot be opened: %s", path,
                  strerror(errno));
        return NULL;
    }
    if (check_mode(file, path, err))
        json = load(file, path, err);
    fclose(file);
    if (json != NULL && (secrets = secrets_parse(json, err)) == NULL)
        error_context(err, "%s", path);
    json_decref(json);
    return secrets;
}

/* --- Keys of tenants --- */

static void forget_derived(struct secrets *secrets)
{
    struct derived *derived, *next;

    HASH_ITER(hh, secrets->derived, derived, next) {
        HASH_DEL(secrets->derived, derived);
        OPENSSL_cleanse(&derived->keys, sizeof derived->keys);
        free(derived);
    }
}

void secrets_free(struct secrets *secrets)
{
    if (secrets == NULL)
        return;
    forget_derived(secrets);
    OPENSSL_cleanse(secrets->keys, sizeof secrets->keys);
    free(secrets);
}

const char *secrets_current(const struct secrets *secrets)
{
    return secrets->current->id;
}

/* RFC 5869; without salt, for the keys are random already. */
static void hkdf(const struct key *key, const char *tenant, struct tenant_keys *out)
{
    static const char label[] = "tidegate tenant\n";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    struct text info = { 0 };
    OSSL_PARAM parameters[4];

    text_add(&info, label);
    text_add(&info, tenant);
    parameters[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
    parameters[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key->bytes, sizeof key->bytes);
    parameters[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.bytes, info.size);
    parameters[3] = OSSL_PARAM_construct_end();
    if (context == NULL || EVP_KDF_derive(context, (unsigned char *)out, sizeof *out, parameters) != 1)
        abort();
    text_release(&info);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static struct derived *derived_new(const struct key *key, const char *tenant, const char *name, size_t length)
{
    struct derived *derived = calloc(1, sizeof *derived + length + 1);

    if (derived == NULL)
        abort();
    memcpy(derived->name, name, length);
    hkdf(key, tenant, &derived->keys);
    return derived;
}

const struct tenant_keys *secrets_derive(struct secrets *secrets, const char *key_id, const char *tenant)
{
    const struct key *key = find(secrets, key_id);
    struct derived *derived;
    struct text name = { 0 };

    if (key == NULL)
        return NULL;
    text_add(&name, key_id);
    text_add(&name, "\n");
    text_add(&name, tenant);
    HASH_FIND(hh, secrets->derived, name.bytes, name.size, derived);
    if (derived == NULL) {
        if (HASH_COUNT(secrets->derived) >= SECRET_TENANTS_MAX)
            forget_derived(secrets);
        derived = derived_new(key, tenant, name.bytes, name.size);
        HASH_ADD_KEYPTR(hh, secrets->derived, derived->name, name.size, derived);
    }
    text_release(&name);
    return &derived->keys;
}
