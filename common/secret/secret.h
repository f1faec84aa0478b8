/* secret.h - sealed texts: secret values and kubeconfigs as they may stand in topics and tables.
 *
 *     sealed:v1:<key ID>:<base64url of nonce, ciphertext and tag>
 *
 * AES-256-GCM with keys that HKDF-SHA256 derives for each tenant from a key of the key file; version, key ID and tenant
 * are authenticated with it, so that one tenant's value does not open as another's. A release has no tenant: what its
 * overrides bring to runtimes is sealed for the tenant "", and opens for every tenant. Sealing is deterministic: the nonce
 * is derived from the plaintext, so that equal configurations have equal hashes. What it tells is that two values of one
 * tenant are equal, and how long they are.
 *
 * The key file is JSON, 1 to SECRET_KEYS_MAX keys of 32 random bytes:
 *
 *     {"current": "k2", "keys": {"k1": "<base64>", "k2": "<base64>"}}
 *
 * Sealing takes the current key; the others stay readable as long as they are in the file. A rotation adds a key in all
 * processes before it becomes the current one in any.
 *
 * One thread only. Lack of memory and a broken OpenSSL end the process. */
#ifndef TIDEGATE_SECRET_SECRET_H
#define TIDEGATE_SECRET_SECRET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct secrets; /* keys; opaque */

enum {
    SECRET_KEYS_MAX = 32,
    SECRET_KEY_ID_LENGTH_MAX = 32, /* of letters, digits, '.', '_' and '-' */
    SECRET_TENANTS_MAX = 1000,     /* whose derived keys are kept; more are derived again */
};

/* What is answered instead of a secret value. */
#define SECRET_MASK_TEXT "*****"

/* --- Keys --- */

/* Reads the key file whole. A file that others than its owner and group may read or write is refused. Own: secrets_free.
 * NULL: `err` says what is wrong, where, and what would be right; never a key. */
struct secrets *secrets_load(const char *path, struct error *err);

/* The same from what the file holds. */
struct secrets *secrets_parse(const json_t *json, struct error *err);

/* Wipes them. NULL is fine. */
void secrets_free(struct secrets *secrets);

/* --- One text --- */

/* Any text, one that is sealed already too: what a client gives is never taken for a sealed text. Own: free(). */
char *secret_seal(struct secrets *secrets, const char *tenant, const char *plaintext, size_t size);

/* Opens what was sealed for `tenant`, or else for "". Own: secret_free. NULL-terminated. NULL: `err` (ERROR_INPUT;
 * ERROR_NOT_FOUND: the key is not in the file) says why; it is about form and key alone, as of what was tampered with or belongs to another tenant no more is known. */
char *secret_open(struct secrets *secrets, const char *tenant, const char *sealed, struct error *err);

/* Wipes what secret_open gave. NULL is fine. */
void secret_free(char *plaintext);

/* Does it look like a sealed text? NULL does not. */
bool secret_is_sealed(const char *text);

/* --- Kyma configurations, as sent and as stored ---
 *
 * Secret are the values of entries {key, value, secret: true} of `configuration` and of each component's
 * `configuration`. All else is left as it is, right or wrong: others validate. `config` may be null or NULL. */

/* A copy with the secret values sealed. Own: json_decref. NULL: a secret value is no text; `err` (ERROR_INPUT) names the
 * entry. */
json_t *secret_seal_configuration(struct secrets *secrets, const char *tenant, const json_t *config, struct error *err);

enum secret_view {
    SECRET_OPENED, /* the values themselves */
    SECRET_MASKED, /* SECRET_MASK_TEXT, without looking at them; `secrets` may be NULL */
};

/* A copy to be read. Values that are not sealed (forgotten ones) stay as they are in an opened view. Own: json_decref,
 * which does not wipe. NULL: one cannot be opened; `err` as secret_open's, with the entry's place. */
json_t *secret_open_configuration(struct secrets *secrets, const char *tenant, const json_t *config,
                                  enum secret_view view, struct error *err);

/* How many sealed values there are, and how many of them open. `err` says why the first one does not. */
struct secret_count {
    size_t sealed, opened;
};
struct secret_count secret_count(struct secrets *secrets, const char *tenant, const json_t *config, struct error *err);

#endif
