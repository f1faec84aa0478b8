#include "common/secret/secret.h"

#include <assert.h>
#include <cjose/cjose.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/secret/keys.h"

#define PREFIX "sealed:v1:"

enum { NONCE_SIZE = 12, TAG_SIZE = 16 };

/* What secret_open gives points at `text`, so that the whole can be wiped whatever it holds. */
struct plaintext {
    size_t size;
    char text[];
};

static void *allocated(size_t size)
{
    void *made = malloc(size);

    if (made == NULL)
        abort();
    return made;
}

bool secret_is_sealed(const char *text)
{
    return text != NULL && strncmp(text, PREFIX, strlen(PREFIX)) == 0;
}

/* --- AES-256-GCM --- */

/* A context that has taken key, nonce and what is authenticated only. Own: EVP_CIPHER_CTX_free. */
static EVP_CIPHER_CTX *cipher_new(bool encrypt, const struct tenant_keys *keys, const unsigned char *nonce,
                                  const char *key_id, const char *tenant)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    struct text authenticated = { 0 };
    int size;

    text_add(&authenticated, "v1\n");
    text_add(&authenticated, key_id);
    text_add(&authenticated, "\n");
    text_add(&authenticated, tenant);
    if (cipher == NULL ||
        EVP_CipherInit_ex2(cipher, EVP_aes_256_gcm(), keys->sealing, nonce, encrypt ? 1 : 0, NULL) != 1 ||
        EVP_CipherUpdate(cipher, NULL, &size, (unsigned char *)authenticated.bytes, (int)authenticated.size) != 1)
        abort();
    text_release(&authenticated);
    return cipher;
}

/* `out`: nonce, ciphertext, tag. */
static void encrypt(const struct tenant_keys *keys, const char *key_id, const char *tenant, const char *plaintext,
                    size_t size, unsigned char *out)
{
    unsigned char *ciphertext = out + NONCE_SIZE, mac[EVP_MAX_MD_SIZE];
    EVP_CIPHER_CTX *cipher;
    int written = 0;

    if (HMAC(EVP_sha256(), keys->nonce, SECRET_KEY_SIZE, (const unsigned char *)plaintext, size, mac, NULL) == NULL)
        abort();
    memcpy(out, mac, NONCE_SIZE);
    cipher = cipher_new(true, keys, out, key_id, tenant);
    if (EVP_CipherUpdate(cipher, ciphertext, &written, (const unsigned char *)plaintext, (int)size) != 1 ||
        EVP_CipherFinal_ex(cipher, ciphertext + size, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, ciphertext + size) != 1)
        abort();
    EVP_CIPHER_CTX_free(cipher);
}

/* `size` is that of the ciphertext between nonce and tag. False: it is not authentic. */
static bool decrypt(const struct tenant_keys *keys, const char *key_id, const char *tenant, unsigned char *sealed,
                    size_t size, char *out)
{
    EVP_CIPHER_CTX *cipher = cipher_new(false, keys, sealed, key_id, tenant);
    unsigned char *ciphertext = sealed + NONCE_SIZE;
    int written = 0;
    bool authentic;

    authentic = EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, ciphertext + size) == 1 &&
                EVP_CipherUpdate(cipher, (unsigned char *)out, &written, ciphertext, (int)size) == 1 &&
                EVP_CipherFinal_ex(cipher, (unsigned char *)out + size, &written) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return authentic;
}

/* --- Sealing --- */

char *secret_seal(struct secrets *secrets, const char *tenant, const char *plaintext, size_t size)
{
    const char *key_id = secrets_current(secrets);
    const size_t bytes_size = NONCE_SIZE + size + TAG_SIZE;
    unsigned char *bytes;
    struct text sealed = { 0 };
    char *encoded = NULL;
    size_t encoded_size;

    assert(size < INT_MAX / 2 && strlen(tenant) < INT_MAX / 2);
    bytes = allocated(bytes_size);
    encrypt(secrets_derive(secrets, key_id, tenant), key_id, tenant, plaintext, size, bytes);
    if (!cjose_base64url_encode(bytes, bytes_size, &encoded, &encoded_size, NULL))
        abort();
    text_add(&sealed, PREFIX);
    text_add(&sealed, key_id);
    text_add(&sealed, ":");
    text_add_bytes(&sealed, encoded, encoded_size);
    free(encoded);
    free(bytes);
    return sealed.bytes;
}

/* --- Opening --- */

/* The parts of a sealed text. */
struct parts {
    char key_id[SECRET_KEY_ID_LENGTH_MAX + 1];
    uint8_t *bytes; /* own: free() */
    size_t size;
};

/* Accepts only what sealing writes: the decoder reads over what is no base64url, and one value has one text. */
static bool decode(const char *encoded, struct parts *parts)
{
    const size_t length = strlen(encoded);
    char *again = NULL;
    size_t again_size;
    bool decoded;

    if (length == 0 || length >= INT_MAX / 2 ||
        !cjose_base64url_decode(encoded, length, &parts->bytes, &parts->size, NULL))
        return false;
    decoded = parts->size >= NONCE_SIZE + TAG_SIZE &&
              cjose_base64url_encode(parts->bytes, parts->size, &again, &again_size, NULL) && again_size == length &&
              memcmp(again, encoded, length) == 0;
    free(again);
    if (!decoded) {
        free(parts->bytes);
        parts->bytes = NULL;
    }
    return decoded;
}

static bool split(const char *sealed, struct parts *parts, struct error *err)
{
    const char *key_id = sealed + strlen(PREFIX), *colon;
    size_t length;

    if (!secret_is_sealed(sealed))
        return error_set(err, ERROR_INPUT, "is no sealed text: expected " PREFIX "<key ID>:<base64url>");
    colon = strchr(key_id, ':');
    length = colon == NULL ? 0 : (size_t)(colon - key_id);
    if (length == 0 || length > SECRET_KEY_ID_LENGTH_MAX)
        return error_set(err, ERROR_INPUT, "the sealed text names no key: expected " PREFIX "<key ID>:<base64url>");
    memcpy(parts->key_id, key_id, length);
    parts->key_id[length] = '\0';
    if (!decode(colon + 1, parts))
        return error_set(err, ERROR_INPUT, "the sealed text is cut or no base64url");
    return true;
}

static char *open_parts(const struct tenant_keys *keys, const char *tenant, const struct parts *parts)
{
    const size_t size = parts->size - NONCE_SIZE - TAG_SIZE;
    struct plaintext *plaintext = allocated(sizeof *plaintext + size + 1);

    plaintext->size = size;
    if (decrypt(keys, parts->key_id, tenant, parts->bytes, size, plaintext->text)) {
        plaintext->text[size] = '\0';
        return plaintext->text;
    }
    secret_free(plaintext->text);
    return NULL;
}

/* NULL: the key is not in the file, or it is not what was sealed for `tenant`. */
static char *open_for(struct secrets *secrets, const char *tenant, const struct parts *parts)
{
    const struct tenant_keys *keys = secrets_derive(secrets, parts->key_id, tenant);

    return keys == NULL ? NULL : open_parts(keys, tenant, parts);
}

char *secret_open(struct secrets *secrets, const char *tenant, const char *sealed, struct error *err)
{
    struct parts parts = { 0 };
    char *text = NULL;

    if (!split(sealed, &parts, err))
        return NULL;
    if (secrets_derive(secrets, parts.key_id, tenant) == NULL)
        error_set(err, ERROR_NOT_FOUND, "was sealed with the key \"%s\", which is not in the key file", parts.key_id);
    else if ((text = open_for(secrets, tenant, &parts)) == NULL && (text = open_for(secrets, "", &parts)) == NULL)
        error_set(err, ERROR_INPUT, "does not open with the key \"%s\": it was changed, or belongs to another tenant",
                  parts.key_id);
    free(parts.bytes);
    return text;
}

void secret_free(char *text)
{
    struct plaintext *plaintext;

    if (text == NULL)
        return;
    plaintext = (struct plaintext *)(void *)(text - offsetof(struct plaintext, text));
    OPENSSL_cleanse(plaintext->text, plaintext->size);
    free(plaintext);
}
