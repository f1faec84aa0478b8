/* upgrade_body.h - the body of POST /upgrade/kyma and POST /upgrade/cluster: what it may say, and what of it is kept
 * (contract, section 2). Pure but for the compiling of patterns. */
#ifndef TIDEGATE_GATEWAY_UPGRADE_BODY_H
#define TIDEGATE_GATEWAY_UPGRADE_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"

struct releases;

enum {
    SELECTORS_COUNT_MAX = 1000, /* in include, and in exclude */
    PATTERNS_COUNT_MAX = 300,   /* regular expressions in both: each takes memory at every broker */
    SELECTOR_TEXT_SIZE_MAX = 1000,
    WORKERS_MAX = 1000000, /* beyond any fleet */
};

struct upgrade_body {
    json_t *parameters;  /* own: what is stored and shown: defaulted in `strategy`, without what is empty (2.4) */
    const char *version; /* of Kyma, that the request names, in `parameters`; "": it names none, or upgrades clusters */
};

enum upgrade_kind { UPGRADE_KYMA, UPGRADE_CLUSTER };

struct upgrade_rules {
    enum upgrade_kind kind;          /* of clusters, what is said of Kyma is kept as it is */
    const struct releases *releases; /* the versions that exist; of clusters not looked at */
};

/* Decodes and validates. False (ERROR_INPUT): `err` is the text for the client, with the prefix of the contract's table
 * 1.2 and the name of the member, such as "while validating target: targets.exclude[0].region: ...". Release what a
 * true call fills. */
bool upgrade_body_read(const char *bytes, size_t size, const struct upgrade_rules *rules, struct upgrade_body *body,
                       struct error *err);
void upgrade_body_release(struct upgrade_body *body);

/* Is `version` of one of the three forms (2.6): semantic, PR-<number>, <branch>-<commit>? */
bool kyma_version_is_well_formed(const char *version);

#endif
