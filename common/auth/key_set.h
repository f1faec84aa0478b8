/* key_set.h - the public keys of an issuer: a JSON Web Key Set (RFC 7517). Pure. */
#ifndef TIDEGATE_AUTH_KEY_SET_H
#define TIDEGATE_AUTH_KEY_SET_H

#include <cjose/cjose.h>
#include <stddef.h>

struct error;
struct key_set; /* opaque */

enum { KEY_SET_COUNT_MAX = 64, KEY_SET_TEXT_SIZE_MAX = 1024 * 1024, KEY_RSA_BITS_MIN = 2048 };

/* Reads a JWKS. Keys that could not verify RS256 or ES256 (other types or curves, no `kid`, for encryption, RSA of
 * less than 2048 bits) are passed over. Own: key_set_free. NULL: not a JWKS, or no key is left. */
struct key_set *key_set_parse(const char *text, size_t size, struct error *err);
void key_set_free(struct key_set *set);

size_t key_set_count(const struct key_set *set);

/* The key `kid` for the algorithm `alg` ("RS256", "ES256"). Borrowed as long as the set. `*known` tells whether the
 * set has this kid at all. NULL: none, or its type is not the algorithm's: a public key never becomes a secret. */
const cjose_jwk_t *key_set_find(const struct key_set *set, const char *kid, const char *alg, bool *known);

#endif
