/* runtimes.h - the runtimes of one partition, as the core remembers them. Private to the core.
 *
 * A runtime is in memory with its last operation; what ran before stands in the read model only. All texts are owned by
 * the structures; texts that are not known are "". */
#ifndef TIDEGATE_PROVISIONER_RUNTIMES_H
#define TIDEGATE_PROVISIONER_RUNTIMES_H

#include <stdbool.h>
#include <uthash.h>

#include "common/base/heap.h"
#include "common/base/id.h"
#include "services/provisioner/runtime.h"
#include "services/provisioner/stages.h"

/* The order of runtime_core.request_types, event_types and tables. */
enum request_type {
    REQUEST_REGISTER,
    REQUEST_CONFIGURE,
    REQUEST_UPGRADE,
    REQUEST_DEPROVISION,
    REQUEST_PROGRESS,
    REQUEST_WAKE,
};

enum event_type {
    EVENT_REGISTERED,
    EVENT_CHANGED,
    EVENT_CONFIRMED,
    EVENT_REJECTED,
    EVENT_CONFIGURED,
    EVENT_REFUSED,
    EVENT_QUEUED,
    EVENT_STARTED,
    EVENT_ADVANCED,
    EVENT_SUCCEEDED,
    EVENT_FAILED,
};

enum table { TABLE_CONFIGURATION, TABLE_RUNTIME, TABLE_OPERATION };

enum operation_state { OPERATION_IN_PROGRESS, OPERATION_SUCCEEDED, OPERATION_FAILED };

/* Stored once, however many runtimes have it; never forgotten. The body is kept as text: a tenth of the tree's size. */
struct configuration {
    char hash[SHA256_HEX_SIZE];
    bool cluster; /* else of Kyma */
    char *body;   /* JSON; NULL: named by a row, itself not loaded yet */
    UT_hash_handle hh;
};

struct operation {
    char *runtime_id, *id;
    enum operation_type type;
    enum operation_state state;
    enum stage stage, stopped; /* `stopped`: the stage that ran over its limit */
    char *message;
    char *orchestration_id, *lane, *version;
    char *traceparent;                   /* of the request that started it: what drivers report belongs to it */
    struct configuration *configuration; /* NULL: none, or loaded by its ID only */
    int64_t fence;                       /* offset of the record that ordered the stage */
    int64_t stage_since_ms, started_ms, updated_ms, ended_ms; /* ended_ms 0: it runs */
    struct heap_item limit;                                   /* in runtimes.limits while it runs */
    struct operation *next;                                   /* in runtimes.replaced */
    int64_t replaced;                                         /* offset of the record that replaced it */
};

struct waiting {
    char *operation_id, *orchestration_id, *lane;
};

struct runtime {
    char *id, *instance_id, *tenant, *sub_account, *plan, *region, *shoot_name, *kyma_version;
    struct configuration *kyma_config, *cluster_config;
    bool upgraded;               /* the Kyma configuration comes from an upgrade: imports leave it alone */
    struct operation *operation; /* the last one, or NULL */
    struct waiting *waiting;
    size_t waiting_count;
    int64_t created_ms, updated_ms, deprovisioned_ms; /* deprovisioned_ms 0: it is not */
    UT_hash_handle hh;
};

struct runtimes {
    const struct runtime_settings *settings;
    struct runtime *by_id;
    struct configuration *configurations;
    struct heap limits; /* running operations by deadline, then runtime ID */
    struct operation *replaced, **replaced_end;
};

struct runtimes *runtimes_new(const struct runtime_settings *settings);
void runtimes_free(struct runtimes *runtimes);

/* NULL: not in memory. */
struct runtime *runtimes_find(const struct runtimes *runtimes, const char *id);
/* The same, made if it is not there. */
struct runtime *runtimes_get(struct runtimes *runtimes, const char *id);
void runtimes_forget(struct runtimes *runtimes, const char *id);

/* NULL: not known. One without a body counts as not known. */
struct configuration *runtimes_configuration(const struct runtimes *runtimes, const char *hash);
/* Made if it is not there, then without a body. */
struct configuration *runtimes_configuration_get(struct runtimes *runtimes, const char *hash);
/* Gives it a body, if it has none. */
struct configuration *runtimes_configuration_add(struct runtimes *runtimes, const char *hash, bool cluster,
                                                 const json_t *body);

/* The runtime's last operation, new, without anything but its ID. The one before is kept for `runtimes_operation` over
 * some more records, because rows are asked for only when a batch of records is complete. */
enum { RUNTIMES_REPLACED_RECORDS = 4096 }; /* far more than a batch of the processor has, and still little memory */
struct operation *runtimes_operation_new(struct runtimes *runtimes, struct runtime *runtime, const char *id,
                                         int64_t offset);
const struct operation *runtimes_operation(const struct runtimes *runtimes, const char *runtime_id, const char *id);

/* The log is at `offset` now: forgets what was replaced long before. */
void runtimes_pass(struct runtimes *runtimes, int64_t offset);

/* Takes in that stage, stage_since_ms or state of `operation` changed, for the limits. */
void runtimes_limit(struct runtimes *runtimes, struct operation *operation);
int64_t operation_deadline_ms(const struct operation *operation);
/* The operation that embeds this item of runtimes.limits. */
struct operation *operation_of_limit(const struct heap_item *item);

bool runtime_busy(const struct runtime *runtime);
bool runtime_waits(const struct runtime *runtime, const char *operation_id);
void runtime_waiting_add(struct runtime *runtime, const char *operation_id, const char *orchestration_id,
                         const char *lane);
void runtime_waiting_clear(struct runtime *runtime);

/* Replaces `*slot` (own) by a copy of `text`; NULL counts as "". */
void text_set(char **slot, const char *text);
/* A text member of `data`; "" if it is none. */
const char *text_of(const json_t *data, const char *name);

#endif
