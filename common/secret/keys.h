/* keys.h - the keys of the key file, and what is derived from them for a tenant. Private to common/secret. */
#ifndef TIDEGATE_SECRET_KEYS_H
#define TIDEGATE_SECRET_KEYS_H

#include "common/secret/secret.h"

enum { SECRET_KEY_SIZE = 32 };

struct tenant_keys {
    unsigned char sealing[SECRET_KEY_SIZE], nonce[SECRET_KEY_SIZE];
};

/* Lives as long as `secrets`. */
const char *secrets_current(const struct secrets *secrets);

/* Borrowed until the next call. NULL: no key has this ID. */
const struct tenant_keys *secrets_derive(struct secrets *secrets, const char *key_id, const char *tenant);

#endif
