/* state.h - what a partition of the orchestrator knows: lanes, orchestrations and their operations.
 *
 * Every function costs O(changed) or O(log n): an orchestration may have a hundred thousand operations. The doors below
 * keep counts, queues and indexes true; nobody else changes what is marked (kept). Nothing depends on the order in which
 * things were added, so a state that was loaded from rows is the one that events made. */
#ifndef TIDEGATE_ORCHESTRATOR_STATE_H
#define TIDEGATE_ORCHESTRATOR_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/base/heap.h"
#include "common/base/id.h"
#include "services/orchestrator/orchestration.h"
#include "services/orchestrator/values.h"

/* --- Operations --- */

enum operation_state {
    OPERATION_PENDING,
    OPERATION_IN_PROGRESS,
    OPERATION_SUCCEEDED,
    OPERATION_FAILED,
    OPERATION_CANCELED,
    OPERATION_RETRYING,
    OPERATION_STATE_COUNT,
};

/* Where an operation stands between us, the scheduler and the provisioner. */
enum phase {
    PHASE_WAITING,    /* for the scheduler to release it */
    PHASE_READY,      /* for a slot */
    PHASE_DISPATCHED, /* sent; holds a slot */
    PHASE_BUSY,       /* for another operation on its runtime; holds no slot */
    PHASE_RUNNING,    /* at the provisioner; holds a slot */
    PHASE_DONE,       /* has ended; that it is to be retried changes nothing yet */
    PHASE_COUNT,
};

/* As rows and events write them. */
extern const char *const operation_state_names[OPERATION_STATE_COUNT];
extern const char *const phase_names[PHASE_COUNT];

/* What an operation keeps of its runtime, as it was when the targets were resolved. */
enum operation_text {
    TEXT_INSTANCE_ID,
    TEXT_RUNTIME_ID,
    TEXT_GLOBAL_ACCOUNT_ID,
    TEXT_SUB_ACCOUNT_ID,
    TEXT_PLAN_NAME,
    TEXT_REGION,
    TEXT_SHOOT_NAME,
    TEXT_WINDOW_BEGIN, /* of the runtime, HHMMSS+HHMM */
    TEXT_WINDOW_END,
    TEXT_COUNT,
};

extern const struct operation_text_name {
    const char *member; /* of a target in messages and events */
    const char *column;
} operation_text_names[TEXT_COUNT];

struct operation {
    UT_hash_handle hh;     /* in state.operations */
    struct heap_item turn; /* in orchestration.ready, if it is (kept) */
    struct orchestration *orchestration;
    char id[UUID_SIZE];
    int include;                      /* index of the first include selector that matched */
    enum operation_state state;       /* (kept) */
    enum phase phase;                 /* (kept) */
    int64_t release;                  /* those with a lower one come first */
    int64_t window_begin, window_end; /* ms; 0: no window */
    int64_t created_at, updated_at;   /* ms */
    int attempt;                      /* 1 at first; the provisioner takes an operation again if it is higher */
    char *description;
    const char *texts[TEXT_COUNT]; /* all in one allocation with this */
};

/* --- Orchestrations --- */

enum orchestration_state {
    ORCHESTRATION_PENDING,
    ORCHESTRATION_IN_PROGRESS,
    ORCHESTRATION_CANCELING,
    ORCHESTRATION_CANCELED,
    ORCHESTRATION_SUCCEEDED,
    ORCHESTRATION_FAILED,
    ORCHESTRATION_RETRYING,
    ORCHESTRATION_STATE_COUNT,
};

extern const char *const orchestration_state_names[ORCHESTRATION_STATE_COUNT];

struct orchestration {
    UT_hash_handle hh;     /* in state.orchestrations */
    struct heap_item turn; /* in lane.unfinished, if it is (kept) */
    struct lane *lane;
    char *id;
    enum orchestration_state state; /* (kept) */
    char *description;
    int64_t arrival;                /* offset of the record that accepted it, or let it be retried after its end */
    int64_t created_at, updated_at; /* ms */
    json_t *parameters, *actor;
    char *version;
    char *configuration;    /* hash; "" until scheduled, and of what sends no configuration of Kyma */
    json_t *cluster_config; /* GardenerUpgradeInput; NULL until scheduled, and of what upgrades no clusters */
    char *body_hash;
    char *traceparent; /* of the client's request, or NULL */
    char *schedule;    /* "immediate" or "maintenanceWindow" */
    int workers;
    int max_failures;         /* 0: any number */
    bool stopped;             /* by them; the description says so */
    char *retry, *retry_hash; /* the last retry with a key: its ID, and the hash of its body; "" */
    bool dry_run;
    int partitions; /* that were asked for targets; 0: its turn has not come */
    bool *reported; /* by partition: all its targets are in */
    int reported_count;
    bool resolved; /* scheduled: the operations are visible */

    struct operation **operations;                                 /* (kept), in no particular order */
    size_t count, size;                                            /* (kept) */
    size_t by_state[OPERATION_STATE_COUNT], by_phase[PHASE_COUNT]; /* (kept) */
    struct heap ready; /* (kept) operations of PHASE_READY, in the order of their turn */
};

/* A lane is a type of upgrade. */
struct lane_type {
    const char *name, *type;
    const char *progress; /* describes an operation that the provisioner accepted */
    bool cluster;         /* changes the cluster; Kyma stays as it is */
};

struct lane {
    UT_hash_handle hh; /* in state.lanes */
    const struct lane_type *type;
    struct heap unfinished; /* (kept) orchestrations in order of arrival; only the first one runs */
};

struct state {
    const struct orchestration_settings *settings;
    struct lane *lanes;
    struct orchestration *orchestrations;
    struct operation *operations;
    struct latest *latest; /* latest.h */
};

struct state *orchestrations_new(const struct orchestration_settings *settings);
void orchestrations_free(struct state *state);

/* NULL: no such lane, orchestration or operation. `id` may be NULL. */
const struct lane_type *lane_type_find(const char *name);
struct orchestration *orchestration_find(const struct state *state, const char *id);
struct operation *operation_find(const struct state *state, const char *id);

/* The orchestration that has, or will next have, the lane. NULL: all are finished. */
struct orchestration *lane_first(const struct lane *lane);

/* A new one, which the state owns; `id` is not known yet and the lane's type exists. All texts are "", state pending. */
struct orchestration *orchestration_add(struct state *state, const char *id, const char *lane, int64_t arrival);

/* Frees it with its operations. */
void orchestration_remove(struct state *state, struct orchestration *orchestration);

/* Finished ones leave the lane, and come back, at the place of their `arrival`, if they go on. */
void orchestration_change(struct orchestration *orchestration, enum orchestration_state state);
bool orchestration_finished(const struct orchestration *orchestration);

/* Its turn came: `partitions` brokers were asked. Replaces what was reported. */
void orchestration_asked(struct orchestration *orchestration, int partitions);
void orchestration_reported(struct orchestration *orchestration, int partition);

/* Operations that hold a slot. */
size_t orchestration_running(const struct orchestration *orchestration);

/* A new one, pending and waiting, which the state owns; `id` is not known yet. NULL texts become "". */
struct operation *operation_add(struct state *state, struct orchestration *orchestration, const char *id, int include,
                                const char *const texts[TEXT_COUNT]);

/* The only way that state and phase change. `release` first: it is what the turn depends on. */
void operation_change(struct operation *operation, enum phase phase, enum operation_state state);

/* The order of operations within an orchestration: by include selector, then shoot name, then runtime ID (total). */
int operation_compare(const struct operation *a, const struct operation *b);

/* The operation or orchestration in whose `turn` this is. */
const struct operation *operation_of_turn(const struct heap_item *turn);

#endif
