/* runtimes.h - the runtimes of one partition, as the core remembers them. Private to the core.
 *
 * A runtime is in memory with its last operation; what ran before stands in the read model only, and so do kubeconfigs.
 * Texts are owned by the structures and set by text_set, but for those that many runtimes have in common: these are kept
 * once, for as long as struct runtimes lives. Texts that are not known are "". */
#ifndef TIDEGATE_PROVISIONER_RUNTIMES_H
#define TIDEGATE_PROVISIONER_RUNTIMES_H

#include <stdbool.h>
#include <uthash.h>

#include "common/base/heap.h"
#include "services/provisioner/configurations.h"
#include "services/provisioner/runtime.h"

/* The order of runtime_core.request_types, event_types and tables. */
enum request_type {
    REQUEST_REGISTER,
    REQUEST_CONFIGURE,
    REQUEST_UPGRADE,
    REQUEST_DEPROVISION,
    REQUEST_PROGRESS,
    REQUEST_WAKE,
    REQUEST_PROVISION,
    REQUEST_UPGRADE_KYMA,
    REQUEST_UPGRADE_SHOOT,
    REQUEST_HIBERNATE,
    REQUEST_ROLL_BACK,
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
    EVENT_NOTED,
    EVENT_RETRIED,
    EVENT_ROLLED_BACK,
    EVENT_REHEARSED,
};

enum table { TABLE_CONFIGURATION, TABLE_RUNTIME, TABLE_OPERATION, TABLE_KUBECONFIG };

enum operation_state { OPERATION_IN_PROGRESS, OPERATION_SUCCEEDED, OPERATION_FAILED };

/* What somebody else may have told, or not yet. */
enum told { TOLD_NOTHING, TOLD_NO, TOLD_YES };

struct operation {
    char *runtime_id, *id;
    enum operation_type type;
    enum operation_state state;
    enum stage stage, stopped; /* `stopped`: the stage that ran over its limit */
    char *message;
    char *last_error; /* JSON object; "": there never was an error */
    char *orchestration_id;
    int attempt;                         /* 1: the first; later ones are an orchestration's retries */
    const char *lane, *version;          /* shared */
    char *traceparent;                   /* of the request that started it: what drivers report belongs to it */
    struct configuration *configuration; /* what an upgrade brought; NULL: none, or loaded by its ID only */
    struct configuration *pre;           /* of an upgrade: what a rollback brings back */
    bool rolled_back;
    int64_t fence;                                            /* offset of the record that ordered the stage */
    int64_t limit_ms, stopped_limit_ms;                       /* as they were when `stage` and `stopped` were ordered */
    int64_t stage_since_ms, started_ms, updated_ms, ended_ms; /* ended_ms 0: it runs */
    struct heap_item limit;                                   /* in runtimes.limits while it runs */
    struct operation *next;                                   /* in runtimes.replaced */
    int64_t replaced;                                         /* offset of the record that replaced it */
};

struct waiting {
    char *operation_id, *orchestration_id, *lane;
    int attempt;
};

/* A kubeconfig that came a short while ago, and is still to be written to the read model. */
struct kubeconfig {
    struct kubeconfig *next; /* in runtimes.kubeconfigs */
    int64_t since;           /* offset of the record that brought it */
    char *runtime_id, *text; /* `text`: sealed, or "" after deprovisioning */
};

struct runtime {
    char *id, *instance_id, *sub_account, *shoot_name;
    const char *tenant, *plan, *region, *kyma_version; /* shared */
    char *name, *description, *seed;
    char *labels, *administrators;                      /* JSON; "": none were given */
    char *kubeconfig_hash;                              /* "": none is known */
    struct kubeconfig *kubeconfig;                      /* NULL: it stands in the read model, if anywhere */
    struct configuration *kyma_config, *cluster_config; /* active; kyma_config NULL: a cluster without Kyma */
    struct configuration *installed;                    /* what was last installed with success, or NULL */
    bool upgraded; /* the Kyma configuration comes from an upgrade: imports leave it alone */
    bool reshaped; /* the same of the cluster's configuration, and operations */
    bool ready;    /* there was a cluster to work on, some time */
    enum told hibernated, hibernation_possible;
    struct operation *operation; /* the last one, or NULL */
    struct waiting *waiting;
    size_t waiting_count;
    int64_t created_ms, updated_ms, deprovisioned_ms; /* deprovisioned_ms 0: it is not */
    UT_hash_handle hh;
};

struct runtimes {
    const struct runtime_settings *settings;
    struct runtime *by_id;
    struct configurations configurations;
    struct optional_memory *optional;
    struct shared_text *shared;
    struct heap limits; /* running operations by deadline, then runtime ID */
    struct operation *replaced, **replaced_end;
    struct kubeconfig *kubeconfigs, **kubeconfigs_end;
};

struct runtimes *runtimes_new(const struct runtime_settings *settings);
void runtimes_free(struct runtimes *runtimes);

/* NULL: not in memory. */
struct runtime *runtimes_find(const struct runtimes *runtimes, const char *id);
/* The same, made if it is not there. */
struct runtime *runtimes_get(struct runtimes *runtimes, const char *id);
void runtimes_forget(struct runtimes *runtimes, const char *id);

/* The runtime's last operation, new, without anything but its ID. The one before is kept for `runtimes_operation` over
 * some more records, because rows are asked for only when a batch of records is complete. */
enum { RUNTIMES_REPLACED_RECORDS = 4096 }; /* far more than a batch of the processor has, and still little memory */
struct operation *runtimes_operation_new(struct runtimes *runtimes, struct runtime *runtime, const char *id,
                                         int64_t offset);
/* Of several attempts, the newest. */
const struct operation *runtimes_operation(const struct runtimes *runtimes, const char *runtime_id, const char *id);

/* Gives the runtime a kubeconfig, sealed ("": it is forgotten), for as many records as an operation that was replaced. */
void runtimes_kubeconfig_set(struct runtimes *runtimes, struct runtime *runtime, const char *text, int64_t offset);

/* The log is at `offset` now: forgets what was replaced, or has been written, long before. */
void runtimes_pass(struct runtimes *runtimes, int64_t offset);

/* Takes in that stage, stage_since_ms or state of `operation` changed, for the limits. */
void runtimes_limit(struct runtimes *runtimes, struct operation *operation);
int64_t operation_deadline_ms(const struct operation *operation);
/* The operation that embeds this item of runtimes.limits. */
struct operation *operation_of_limit(const struct heap_item *item);

bool runtime_busy(const struct runtime *runtime);
/* NULL: it does not wait. */
const struct waiting *runtime_waiting_find(const struct runtime *runtime, const char *operation_id);
/* One more waits; members of `about` as in tidegate.runtime.queued.v1. An earlier attempt of it waits no longer. */
void runtime_waiting_add(struct runtime *runtime, const json_t *about);
void runtime_waiting_clear(struct runtime *runtime);
/* All that wait, each as it was added; own. */
json_t *runtime_waiting(const struct runtime *runtime);

/* Replaces `*slot` (own, or NULL) by a copy of `text`; NULL counts as "". Empty texts share one place. */
void text_set(char **slot, const char *text);
void text_free(char *text);
/* `text`, kept once however many have it; NULL counts as "". Only for what has few values. */
const char *runtimes_share(struct runtimes *runtimes, const char *text);
/* A text member of `data`; "" if it is none. */
const char *text_of(const json_t *data, const char *name);
/* The member `attempt` of `data`; 1 if there is none. */
int attempt_of(const json_t *data);
/* Sets it where it is not the first. */
void attempt_set(json_t *data, int attempt);

/* How a kubeconfig is known again without being kept. */
enum { KUBECONFIG_HASH_SIZE = 17 };
void kubeconfig_hash(const char *kubeconfig, char out[KUBECONFIG_HASH_SIZE]);

#endif
