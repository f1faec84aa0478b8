/* configurations.h - configurations of Kyma and of clusters, each kept once in a partition. Private to the core.
 *
 * Equal configurations share one, however many runtimes have them; its name is the hash of its body. One with secret
 * values belongs to one runtime instead: its hash takes in the runtime's ID, and its values are forgotten as soon as that
 * runtime cannot need them any more. Then it is *spent*: its body stays, with "" for each secret value. Those of releases,
 * which orchestrations name, are shared and keep their secret values: they can always be needed again.
 *
 * Memory: bodies of those that a runtime may still need, and of those that are *kept*: what imports and orchestrations
 * bring is named without its body later. All others are in the read model only, some thousand records after their last
 * user let go of them; until then rows can still be written. So no more is here than what runtimes have now, whatever
 * clients sent before. Users are counted in the row, because most runtimes are not in memory. */
#ifndef TIDEGATE_PROVISIONER_CONFIGURATIONS_H
#define TIDEGATE_PROVISIONER_CONFIGURATIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <uthash.h>

#include "common/base/error.h"
#include "common/base/id.h"

enum secrecy { SECRECY_NONE, SECRECY_SEALED, SECRECY_SPENT };

/* The body is kept as text: a tenth of the tree's size. */
struct configuration {
    char hash[SHA256_HEX_SIZE];
    bool cluster; /* else of Kyma */
    bool kept;
    bool named; /* while unnamed ones are looked for: somebody in memory names it */
    enum secrecy secrecy;
    int64_t users;        /* runtimes that may need it; 0 where it is kept */
    int64_t unused_since; /* offset of the record that took the last one */
    char *body;           /* JSON; NULL: not loaded, or forgotten */
    UT_hash_handle hh;
};

struct unused {
    struct unused *next;
    struct configuration *configuration;
    int64_t since;
};

struct configurations {
    struct configuration *by_hash;
    struct parsed *parsed; /* bodies as trees, of the configurations asked for last */
    struct unused *unused, **unused_end;
    size_t bodiless;
    size_t bodiless_max; /* with more, it is worth while to look for those that nobody names */
};

void configurations_init(struct configurations *configurations);
void configurations_release(struct configurations *configurations);

/* NULL: not known: who names it must bring the body. So counts one without its body or its secret values, and one that is
 * neither used nor kept, whether it is still here or not. */
const struct configuration *configurations_find(const struct configurations *configurations, const char *hash);
/* The same, without a body or spent too. */
struct configuration *configurations_named(const struct configurations *configurations, const char *hash);
/* Made if it is not there, then without a body. */
struct configuration *configurations_get(struct configurations *configurations, const char *hash);
/* Gives it a body, if it has none or is spent. */
struct configuration *configurations_add(struct configurations *configurations, const char *hash, bool cluster,
                                         const json_t *body);

/* One more, or one less, may need it; the record at `offset` says so. False: it is kept, and nothing changed. */
bool configuration_use(struct configuration *configuration);
bool configurations_unuse(struct configurations *configurations, struct configuration *configuration, int64_t offset);
/* It is needed whoever uses it, with its secret values. False: it is kept already, or has no body; nothing changed. */
bool configuration_keep(struct configuration *configuration);
/* As its row says. */
void configurations_restore(struct configurations *configurations, struct configuration *configuration, int64_t users,
                            bool kept);

/* Forgets the bodies of those that were last used before the record at `before`. */
void configurations_pass(struct configurations *configurations, int64_t before);
/* Are there so many without a body that it is worth while to call the next two? */
bool configurations_crowded(const struct configurations *configurations);
/* NULL is fine. */
void configuration_mark(struct configuration *configuration);
/* Frees those without a body that were not marked since the last call. */
void configurations_sweep(struct configurations *configurations);

/* Forgets its secret values. False: it has none, or is kept; nothing changed. */
bool configurations_spend(struct configurations *configurations, struct configuration *configuration);

/* The body as a tree; own. The trees asked for last are shared with later calls, so it must not be changed. NULL is
 * null. */
json_t *configuration_body(const struct configurations *configurations, const struct configuration *configuration);

/* Names what a runtime is to have: the hash of `body`, of a body with secret values together with the runtime's ID. */
void configuration_name(const json_t *body, const char *runtime_id, char hash[SHA256_HEX_SIZE]);

/* Can `body` be stored? Secret values only if they are sealed: an event is for ever. Numbers only if they are integers: no
 * configuration has others, and their way through the read model may change them. False: `err` says why. */
bool configuration_can_be_kept(const json_t *body, struct error *err);

#endif
