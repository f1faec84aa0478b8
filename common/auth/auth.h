/* auth.h - who calls, and what may they: bearer tokens (JWT) checked against the issuer's keys (JWKS).
 *
 * Accepted are tokens signed with RS256 or ES256 by a key of the set with the token's `kid`, of the right issuer and
 * audience, neither expired nor early. Keys come from a file (read at start, and again when an unknown `kid` shows up
 * and the file has changed) or from a URL (fetched on the event loop at start and every 5 minutes; upon an unknown
 * `kid` at most every 10 s). Tokens that passed are remembered by their SHA-256 until they expire or the keys change,
 * so that a repeated token costs microseconds. */
#ifndef TIDEGATE_AUTH_AUTH_H
#define TIDEGATE_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth; /* opaque */
struct error;
struct event_base;

enum {
    CALLER_TEXT_SIZE = 256,      /* of each text, with the closing NUL; a token with a longer one is refused */
    AUTH_TOKEN_SIZE_MAX = 16384, /* of a token in bytes */
    AUTH_CACHE_COUNT_MAX = 1024, /* tokens remembered */
};

struct auth_options { /* texts are copied */
    const char *issuer;
    const char *audience;
    const char *jwks;           /* "http://...", "https://...", or the path of a file */
    const char *admin_group;    /* NULL: "runtimeAdmin" */
    const char *operator_group; /* NULL: "runtimeOperator" */
    int64_t skew_ms;            /* tolerated difference of clocks; 0: 30 s */
};

struct caller {
    char issuer[CALLER_TEXT_SIZE], subject[CALLER_TEXT_SIZE];
    char email[CALLER_TEXT_SIZE]; /* "" where the token has none */
    bool admin, oper;             /* member of the admin group, of the operator group */
    int64_t until_ms;             /* from then on the token is refused: its exp and the tolerated difference */
};

/* Own: auth_free, before `base` is freed. `base` may be NULL where the keys come from a file. A file that cannot be
 * read yet is no error (auth_ready tells); an empty issuer or audience is. */
struct auth *auth_new(struct event_base *base, const struct auth_options *options, struct error *err);
void auth_free(struct auth *auth);

/* True once keys are known; looks for the file as long as they are not. */
bool auth_ready(struct auth *auth);

/* Checks the value of an Authorization header (NULL: there is none) at the time `now_ms` of the wall clock. A caller of
 * no group passes, with `admin` and `oper` false: that is 403, not 401. False: ERROR_DENIED (401) and why, without a
 * word of the token; ERROR_UNAVAILABLE (503) while no keys are known. */
bool auth_check(struct auth *auth, const char *authorization, int64_t now_ms, struct caller *out, struct error *err);

#endif
