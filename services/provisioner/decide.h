/* decide.h - what each request comes to. Private to the core; the signatures are those of core.decide. */
#ifndef TIDEGATE_PROVISIONER_DECIDE_H
#define TIDEGATE_PROVISIONER_DECIDE_H

#include "common/base/error.h"
#include "services/provisioner/runtimes.h"

/* registration.c */
void runtime_decide_register(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_configure(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* provision.c */
void runtime_decide_provision(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* upgrade.c: an orchestration's, and a client's */
void runtime_decide_upgrade(const struct runtimes *runtimes, const struct request *request, int64_t now_ms,
                            struct decision *out);
void runtime_decide_upgrade_kyma(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* rollback.c */
void runtime_decide_roll_back(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* shoot.c: a change of the cluster, an orchestration's or a client's; and sleep */
void runtime_decide_upgrade_shoot(const struct runtimes *runtimes, const struct request *request, int64_t now_ms,
                                  struct decision *out);
void runtime_decide_hibernate(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* deprovision.c */
void runtime_decide_deprovision(const struct runtimes *runtimes, const struct request *request, struct decision *out);

/* progress.c: what drivers report, and limits */
void runtime_decide_progress(const struct runtimes *runtimes, const struct request *request, struct decision *out);
void runtime_decide_wake(const struct runtimes *runtimes, int64_t now_ms, struct decision *out);

/* --- What they share (operation.c) --- */

/* The request is wrong, or cannot be granted: `rejected` with `reason`, and an outcome {"error": reason}. Nothing of the
 * request but actor and operation ID goes into the event. */
void runtime_reject(const struct request *request, int status, struct decision *out, const char *reason);
/* The same, with the members of `more` (own) in the event. */
void runtime_reject_with(const struct request *request, int status, struct decision *out, const char *reason,
                         json_t *more);

/* Is `id` fit to name a runtime or an operation? */
bool runtime_id_fits(const char *id);

/* Is it what runs, has run last, or waits, in this attempt or a later one? Then the request is a repetition. `runtime`
 * may be NULL. */
bool runtime_knows_operation(const struct runtime *runtime, const char *operation_id, int attempt);

/* Is there a cluster to work on, and does it not sleep? False: `why`. */
bool runtime_is_awake(const struct runtime *runtime, struct error *why);

int64_t runtime_stage_limit_ms(const struct runtimes *runtimes, enum stage stage);

struct start {
    enum operation_type type;
    enum stage stage;
    const char *message;
};
/* How operations of a type start as a rule. */
struct start runtime_start(enum operation_type type);
/* Data of `started`, without what the type needs beside it; `runtime` NULL: one that is only being registered. Own. */
json_t *runtime_started(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                        struct start start);

/* The hash as `hash_name`, and the body as `body_name` where nobody in this partition has it yet. */
void runtime_name_configuration(const struct runtimes *runtimes, json_t *data, const char *hash_name,
                                const char *body_name, const char *hash, const json_t *body);

/* --- What the upgrades of orchestrations share (ordered.c) ---
 *
 * They wait for a runtime that is busy. What becomes of them is told to their lane, and is nobody's outcome. */

/* What the event `started` has beside what all operations have; own. NULL: `why` the runtime cannot be upgraded so. */
typedef json_t *ordered_admit(const struct runtimes *runtimes, const struct runtime *runtime,
                              const struct request *request, struct error *why);

struct ordered {
    enum operation_type type;
    const char *tenant; /* whose runtime it must be; "": anybody's */
    ordered_admit *admit;
};
/* The request names operationID, orchestrationID and lane; `attempt`, from 2: an operation that has ended runs again.
 * `dryRun`: nothing is started. `until` (ms): the end of its window, from which on it neither starts nor waits. */
void ordered_decide(const struct runtimes *runtimes, const struct request *request, struct ordered ordered,
                    int64_t now_ms, struct decision *out);

/* --- Dry runs of these upgrades (rehearse.c) --- */

/* False: `why`; who knows what was meant? */
bool rehearsal_is_sound(const struct request *request, struct error *why);
bool rehearsal_is_asked(const struct request *request);

/* Instead of a start: it has succeeded. `about` (own) names operation, orchestration, lane and attempt. */
void rehearsal_decide(const struct request *request, json_t *about, struct decision *out);

/* --- What the mutations of clients share (client.c) ---
 *
 * Outcomes are those of the API: an operation's status, or an error with reason and component. */

/* A `why` is the client's fault or comes at a wrong time: 400; ERROR_INTERNAL: 500. */
void client_refuse(const struct request *request, struct decision *out, const struct error *why);

/* The status of an operation as it starts. */
void client_accept(const struct request *request, struct decision *out, struct start start);

/* False: `why`. */
bool client_has_tenant(const struct request *request, struct error *why);

/* The client's runtime. NULL: `why`: no tenant, or no such runtime; another tenant's is answered like none. */
const struct runtime *client_runtime(const struct runtimes *runtimes, const struct request *request, struct error *why);

/* Has this very request been accepted before? Then it is answered as it was. */
bool client_repeats(const struct runtime *runtime, const struct request *request, struct decision *out);

/* Is nothing running, and the runtime still there? False: `why`. */
bool client_may_start(const struct runtime *runtime, struct error *why);
/* The first alone. */
bool client_is_free(const struct runtime *runtime, struct error *why);

/* The way of a mutation that brings a configuration. `admit` makes what is to be, own, or says `why` not (NULL); `start`
 * decides with it. */
typedef json_t *client_admit(const struct runtimes *runtimes, const struct runtime *runtime,
                             const struct request *request, struct error *why);
typedef void client_start(const struct runtimes *runtimes, const struct runtime *runtime, const struct request *request,
                          const json_t *body, struct decision *out);
void client_decide(const struct runtimes *runtimes, const struct request *request, struct decision *out,
                   client_admit *admit, client_start *start);

/* Is there such a release of Kyma? False: `why`. */
bool client_release(const struct runtimes *runtimes, const char *version, struct error *why);

#endif
