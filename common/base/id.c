#include "common/base/id.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tidegate's namespace for UUIDs of version 5: drawn once, never to be changed. */
static const unsigned char namespace_bytes[16] = { 0x5c, 0x1d, 0x2e, 0x90, 0x7a, 0x3b, 0x4f, 0x86,
                                                   0x9b, 0x51, 0xd0, 0x6a, 0x13, 0xe7, 0xc2, 0x48 };

static void hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static void uuid_format(unsigned char bytes[16], int version, char out[UUID_SIZE])
{
    char digits[33];

    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | (version << 4));
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    hex(bytes, 16, digits);
    snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16, digits + 20);
}

void uuid_random(char out[UUID_SIZE])
{
    unsigned char bytes[16];

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        abort(); /* without randomness no ID is safe to give */
    uuid_format(bytes, 4, out);
}

/* One context for all digests: making one costs more than a short digest does. */
static void digest(const EVP_MD *type, const void *prefix, size_t prefix_size, const void *bytes, size_t size,
                   unsigned char out[EVP_MAX_MD_SIZE])
{
    static EVP_MD_CTX *context;

    if (context == NULL)
        context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, type, NULL) != 1 ||
        EVP_DigestUpdate(context, prefix, prefix_size) != 1 || EVP_DigestUpdate(context, bytes, size) != 1 ||
        EVP_DigestFinal_ex(context, out, NULL) != 1)
        abort(); /* only lack of memory or a broken library */
}

void uuid_derive(const char *name, char out[UUID_SIZE])
{
    static EVP_MD *sha1;
    unsigned char bytes[EVP_MAX_MD_SIZE];

    if (sha1 == NULL)
        sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    digest(sha1, namespace_bytes, sizeof namespace_bytes, name, strlen(name), bytes);
    uuid_format(bytes, 5, out);
}

void sha256_hex(const void *bytes, size_t size, char out[SHA256_HEX_SIZE])
{
    static EVP_MD *sha256;
    unsigned char value[EVP_MAX_MD_SIZE];

    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    digest(sha256, "", 0, bytes, size, value);
    hex(value, 32, out);
}

static uint32_t murmur2(const unsigned char *bytes, size_t size)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)size;

    for (; size >= 4; size -= 4, bytes += 4) {
        uint32_t k = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;

        k *= m;
        k ^= k >> 24;
        k *= m;
        h = (h * m) ^ k;
    }
    switch (size) {
    case 3: h ^= (uint32_t)bytes[2] << 16; /* fall through */
    case 2: h ^= (uint32_t)bytes[1] << 8;  /* fall through */
    case 1: h = (h ^ bytes[0]) * m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ (h >> 15);
}

int partition_of(const char *key, int count)
{
    assert(count > 0);
    return (int)((murmur2((const unsigned char *)key, strlen(key)) & 0x7fffffff) % (uint32_t)count);
}
