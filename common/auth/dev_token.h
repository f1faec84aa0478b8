/* dev_token.h - tokens for development: a key pair in a folder, and JWTs signed with it. Never for production: whoever
 * reads the folder is an administrator. */
#ifndef TIDEGATE_AUTH_DEV_TOKEN_H
#define TIDEGATE_AUTH_DEV_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum { DEV_TOKEN_LIFETIME_MS = 8 * 3600 * 1000 };

struct dev_token {
    const char *issuer, *audience, *subject;
    const char *email;         /* NULL: none */
    const char *const *groups; /* `group_count` names */
    size_t group_count;
    int64_t now_ms, lifetime_ms;
};

/* Makes <folder>/key.pem (RSA 2048, mode 0600) and <folder>/jwks.json (its public half, with a kid) where they are
 * absent, and the folder itself. Atomic: a reader sees whole files or none, and of two makers one wins. */
bool dev_keys_make(const char *folder, struct error *err);

/* Signs a token (RS256) with <folder>/key.pem. Own: free(). NULL: `err`. */
char *dev_token_sign(const char *folder, const struct dev_token *token, struct error *err);

#endif
