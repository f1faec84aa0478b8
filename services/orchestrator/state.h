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

#include "common/base/error.h"
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
    UT_hash_handle hh;       /* in state.operations */
    struct heap_item turn;   /* in orchestration.ready, if it is (kept) */
    struct opening *opening; /* (kept) of those that wait for their window: when it opens; else NULL */
    bool unanswered;         /* (kept) it waits, and the scheduler has not said yet for which window */
    struct orchestration *orchestration;
    char id[UUID_SIZE];
    int include;                      /* index of the first include selector that matched */
    enum operation_state state;       /* (kept) */
    enum phase phase;                 /* (kept) */
    int64_t release;                  /* those with a lower one come first */
    int64_t window_begin, window_end; /* ms; 0: no window */
    int64_t created_at, updated_at;   /* ms */
    int attempt;                      /* 1 at first; the provisioner takes an operation again if it is higher */
    int position;                     /* among those of its orchestration, from 1 on, in the order of created_at */
    bool sent;                        /* to the provisioner: once at least */
    char *version;                    /* of Kyma, decided for it; NULL: the orchestration's, as it is sent to most */
    const struct configuration *configuration; /* goes with `version`; NULL: there is none to be had */
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

/* A configuration of Kyma that an orchestration sends: kept with it, because its operations show what they were sent. */
struct configuration {
    UT_hash_handle hh; /* in orchestration.configurations */
    char *hash;
    json_t *body;
};

/* A moment when windows open for which operations wait. */
struct opening {
    struct heap_item turn; /* in orchestration.next_openings */
    UT_hash_handle hh;     /* in orchestration.openings */
    int64_t at;            /* ms */
    size_t waiting;        /* operations; never 0 */
};

struct orchestration {
    UT_hash_handle hh;     /* in state.orchestrations */
    struct heap_item turn; /* in lane.unfinished, if it is (kept) */
    bool runs;             /* (kept) its turn has come, and it has not ended */
    struct lane *lane;
    char *id;
    enum orchestration_state state; /* (kept) */
    char *description;
    int64_t arrival;                /* offset of the record that accepted it, or let it be retried after its end */
    int64_t accepted;               /* offset of the record that accepted it */
    int64_t created_at, updated_at; /* ms */
    json_t *parameters, *actor;
    char *version;                        /* of Kyma, for all operations but those that have one of their own */
    char *configuration;                  /* hash; "" until scheduled, and of what sends no configuration of Kyma */
    struct configuration *configurations; /* (kept) all that are sent, that one too */
    int configured;                       /* up to this position it is decided what operations are sent, also again */
    json_t *cluster_config; /* GardenerUpgradeInput; NULL until scheduled, and of what upgrades no clusters */
    char *body_hash;
    char *traceparent; /* of the client's request, or NULL */
    char *schedule;    /* "immediate" or "maintenanceWindow" */
    int workers;
    int max_failures; /* 0: any number */
    bool stopped;     /* by them; the description says so */
    json_t *retries;  /* the last retries with a key, [[ID, hash of the body], ...] */
    bool dry_run;
    int partitions; /* that were asked for targets; 0: its turn has not come */
    bool *reported; /* by partition: all its targets are in */
    int reported_count;
    bool resolved; /* scheduled: the operations are visible */

    struct operation **operations;                                 /* (kept), in no particular order */
    size_t count, size;                                            /* (kept) */
    size_t by_state[OPERATION_STATE_COUNT], by_phase[PHASE_COUNT]; /* (kept) */
    struct heap ready;         /* (kept) operations of PHASE_READY, in the order of their turn */
    struct opening *openings;  /* (kept) of the operations of PHASE_WAITING whose window is known */
    struct heap next_openings; /* (kept) the same, the earliest first */
    size_t unanswered;         /* (kept) operations */
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
    struct heap unfinished; /* (kept) orchestrations: those that run, then those that wait, each in order of arrival */
    size_t running;         /* (kept) */
};

/* The releases that were adopted last, and the folder that was refused since. */
struct adoption {
    char *hash;                /* NULL: none yet */
    json_t *json;              /* as releases_json gives it */
    struct releases *releases; /* NULL: none yet, or `broken` */
    struct error broken;       /* why the JSON is no valid folder any more, though it was when it was adopted */
    char *refused, *reason;    /* hash, and why; NULL: none since */
    int64_t adopted_at, refused_at;
};

struct state {
    const struct orchestration_settings *settings;
    struct lane *lanes; /* in the order of their types */
    struct orchestration *orchestrations;
    struct operation *operations;
    struct latest *latest; /* latest.h */
    struct adoption adoption;
};

/* The releases in force: those adopted, else those that the process started with. For decisions only. */
const struct releases *state_releases(const struct state *state);

/* Are those the ones that were adopted, if any were? False: `err` says why nothing should be decided by them. */
bool state_releases_usable(const struct state *state, struct error *err);

/* The version of Kyma that is sent where nobody names one. For decisions only. */
const char *state_kyma_version(const struct state *state);

/* `json` as releases_json gives it, copied by reference. */
void adoption_adopt_releases(struct adoption *adoption, const char *hash, json_t *json, int64_t at_ms);
void adoption_refuse_releases(struct adoption *adoption, const char *hash, const char *reason, int64_t at_ms);

struct state *orchestrations_new(const struct orchestration_settings *settings);
void orchestrations_free(struct state *state);

/* NULL: no such lane, orchestration or operation. `id` may be NULL. */
const struct lane_type *lane_type_find(const char *name);
struct orchestration *orchestration_find(const struct state *state, const char *id);
struct operation *operation_find(const struct state *state, const char *id);

/* The orchestrations that have, or will next have, the lane, into `out`: all that run, even if they are more than `most`,
 * and the first of those that wait, up to `most` with those that run. Returns how many there are. */
enum { LANE_ORCHESTRATIONS_MAX = 100 };
size_t lane_firsts(const struct lane *lane, const struct orchestration *out[LANE_ORCHESTRATIONS_MAX], size_t most);

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

/* The configuration so named, or NULL; and one more (own), unless it is known. */
const struct configuration *configuration_find(const struct orchestration *orchestration, const char *hash);
void configuration_add(struct orchestration *orchestration, const char *hash, json_t *body);

/* Remembers a retry with a key: the last ORCHESTRATION_RETRY_KEYS_MAX of them. */
void orchestration_remember(struct orchestration *orchestration, const char *retry, const char *body_hash);

/* The hash of the body that came with that key, or NULL: it is not remembered. */
const char *orchestration_remembered(const struct orchestration *orchestration, const char *retry);

/* Operations that hold a slot. */
size_t orchestration_running(const struct orchestration *orchestration);

/* The ID of its operation on that runtime, whether there is one or not. */
void orchestration_operation_id(const char *orchestration_id, const char *runtime_id, char out[UUID_SIZE]);

/* A new one, pending and waiting, which the state owns, behind all others; `id` is not known yet. NULL texts become "". */
struct operation *operation_add(struct state *state, struct orchestration *orchestration, const char *id, int include,
                                const char *const texts[TEXT_COUNT]);

/* The only way that state and phase change. Release and window first: turn and opening depend on them. */
void operation_change(struct operation *operation, enum phase phase, enum operation_state state);

/* The order of operations within an orchestration: by include selector, then shoot name, then runtime ID (total). */
int operation_compare(const struct operation *a, const struct operation *b);

/* For qsort of pointers to operations of one orchestration: in that order, and in that of their positions. */
int operation_compare_turns(const void *a, const void *b);
int operation_compare_positions(const void *a, const void *b);

/* What is sent: the version of Kyma, and the hash of the configuration, "" if there is none to be had. */
const char *operation_version(const struct operation *operation);
const char *operation_configuration(const struct operation *operation);

/* The earliest moment at which a window opens, or opened, for which an operation waits. INT64_MAX: there is none. */
int64_t orchestration_opens_ms(const struct orchestration *orchestration);

/* The operation or orchestration in whose `turn` this is. */
const struct operation *operation_of_turn(const struct heap_item *turn);
struct orchestration *orchestration_of_turn(const struct heap_item *turn);

#endif
