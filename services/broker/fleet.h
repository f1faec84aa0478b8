/* fleet.h - all instances of one partition, in memory: what is known of each, and of its newest operations.
 *
 * Strings that many instances share (plan, region, account, window, version) are kept once and as long as the fleet.
 * No string is NULL; "" is none. Times are milliseconds since the Unix epoch, but for `_us`: microseconds. */
#ifndef TIDEGATE_BROKER_FLEET_H
#define TIDEGATE_BROKER_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/base/id.h"
#include "services/broker/claims.h"
#include "services/broker/places.h"

/* In the order of the steps of a runtime's life. */
enum operation_type {
    OPERATION_PROVISION,
    OPERATION_UPGRADE_KYMA,
    OPERATION_UPGRADE_CLUSTER,
    OPERATION_DEPROVISION,
};
enum operation_state { OPERATION_IN_PROGRESS, OPERATION_SUCCEEDED, OPERATION_FAILED };

struct operation {
    const char *id, *orchestration_id, *description; /* orchestration_id "": none asked for it */
    enum operation_type type;
    enum operation_state state;
    int64_t created_ms, updated_ms;
};

enum { UPGRADES_KEPT = 2 }; /* of each kind: as many as GET /runtimes shows */

/* Those that an orchestration asked for are in the orchestrator's read model as well, and shown from there; of the
 * others, the direct ones, nobody else tells. */
enum upgrade_kind { UPGRADE_KYMA, UPGRADE_CLUSTER, DIRECT_KYMA, DIRECT_CLUSTER, UPGRADE_KINDS };

struct upgrades {
    struct operation *kept[UPGRADES_KEPT]; /* newest first; NULL: there is none */
    uint32_t count;                        /* of all, kept or not */
};

struct instance {
    char *id, *runtime_id, *sub_account, *shoot;
    const char *global_account, *plan, *region;
    const char *window_begin, *window_end; /* HHMMSS+HHMM */
    const char *imported_version;          /* kymaVersion of the line imported last */
    const char *upgraded_version;          /* of the newest kyma upgrade that has one, */
    int64_t upgraded_ms;                   /* and when that was created */
    int64_t created_us;                    /* first imported: this is its provisioning as well (places.h) */
    int64_t updated_ms;                    /* this record */
    struct upgrades upgrades[UPGRADE_KINDS];
    struct operation *deprovision;   /* the newest; NULL: there is none */
    uint32_t position;               /* in the list (places.h) */
    bool refused;                    /* the provisioner did not take its only line: it counts as not there */
    char line_hash[SHA256_HEX_SIZE]; /* of the line imported last */
    UT_hash_handle hh;
};

/* What an import says of an instance. */
struct instance_line {
    const char *instance_id, *runtime_id, *global_account, *sub_account, *plan, *region, *shoot;
    const char *window_begin, *window_end, *version, *hash;
};

struct fleet; /* opaque: only fleet.c knows the fields */

struct fleet *fleet_new(int partition);
void fleet_free(struct fleet *fleet); /* NULL is fine */
int fleet_partition(const struct fleet *fleet);

/* Where its instances stand; the caller keeps it in step with them. */
struct places *fleet_places(const struct fleet *fleet);

/* The Idempotency-Keys of the same partition: of the requests that bring instances. */
struct claims *fleet_claims(const struct fleet *fleet);

/* NULL: not known. Lives until it is removed. Refused ones are found as well. */
struct instance *fleet_find(const struct fleet *fleet, const char *instance_id);

/* Makes the instance or changes what the line says of it. Times are the caller's to set. */
struct instance *fleet_put(struct fleet *fleet, const struct instance_line *line);

void fleet_remove(struct fleet *fleet, const char *instance_id);

/* The instances whose ID comes after `cursor`, in the order of their IDs (bytes). Borrowed until the fleet changes. */
struct instance *const *fleet_after(const struct fleet *fleet, const char *cursor, size_t *count);

/* The one kept copy of `text`, which is "" for NULL. */
const char *fleet_intern(struct fleet *fleet, const char *text);

/* Does `operation` (copied) tell anything that is not known yet? No: it is older than what is known, or the same. */
bool instance_learns(const struct instance *instance, const struct operation *operation);

/* Takes over what an operation that instance_learns tells. `version` ("": none): of a kyma upgrade. */
void instance_learn(struct fleet *fleet, struct instance *instance, const struct operation *operation,
                    const char *version);

/* Puts a kept operation in its place as it is, for loading; the upgrades of each kind newest first. */
void instance_restore(struct instance *instance, const struct operation *operation);

/* In which lists it is. */
struct listing instance_listing(const struct instance *instance);

/* Its newest operation, which always exists: the provisioning at least, which all others come after, whatever the clocks
 * of those who report say. `id` (its size) holds the ID of that one. */
struct operation instance_newest(const struct instance *instance, char id[UUID_SIZE]);

/* The provisioning, as the import tells it: it succeeded. Its ID is derived, into `id`. */
struct operation instance_provisioning(const struct instance *instance, char id[UUID_SIZE]);

/* The Kyma version that runs on it, as far as is known. */
const char *instance_version(const struct instance *instance);

#endif
