/* runtime.h - the provisioner's core: runtimes, and the one operation that may run on each.
 *
 * An operation is a sequence of stages (stages.h). A record orders a stage, the driver carries it out and reports its
 * end, the report is decided and orders the next. Whatever ends running work is a stage too, `Stopping`: a stage over
 * its limit is stopped first, and only the driver's report of that fails the operation.
 *
 * Requests of two kinds: an orchestration's upgrades wait for a runtime that is busy (queued, freed); a client's mutation
 * never does, it is refused. An orchestration's upgrade that has ended may run again under its ID, as a later attempt.
 *
 * Events (data in proto/events/); the subject is the runtime ID, but of `configured` the hash:
 *     registered  a runtime is known: tenant, subAccount, region, shootName, kymaVersion, kymaConfigHash,
 *                 clusterConfigHash; kymaConfig, clusterConfig: the bodies, where they are new here. Of an import:
 *                 instanceID, plan, kubeconfig?; what is provisioned here has name, description, labels, administrators, seed
 *     changed     an import said something else of a known runtime: the same members, those that changed
 *     confirmed   an import said what is known
 *     rejected    the request was wrong or came at a wrong time: reason; request, operationID, actor where given;
 *                 instanceID, hash: of the line of an instance that the runtime does not belong to, which is told
 *     configured  a Kyma configuration is known from now on, whoever uses it: hash, kymaConfig
 *     refused     an upgrade will not run: operationID, orchestrationID, lane, attempt?, result (refused, preempted;
 *                 late: not now, for its window has ended), message
 *     rehearsed   an upgrade of a dry run could have started, and has succeeded instead: operationID, orchestrationID, lane,
 *                 attempt?, message
 *     queued      an upgrade must wait for the running operation: operationID, orchestrationID, lane, attempt?
 *     started     an operation runs: operationID, type, stage, limitMs, message, actor?; for an upgrade instanceID?,
 *                 orchestrationID?, lane?, attempt? (from 2: it runs again), version, configuration (hash; kymaConfig: the
 *                 body, where it is new here; an orchestration's has the runtime's optional components too, see
 *                 optional.h); for a change of the cluster clusterConfigHash, clusterConfig?, administrators? instead of
 *                 the last two
 *     advanced    its next stage is ordered: operationID, stage, limitMs, message; stopped, stoppedLimitMs: the stage
 *                 that ran over its limit; gives, clusterConfigHash, clusterConfig: what the stage before gave
 *     noted       the stage goes on and says how: operationID, message
 *     retried     the stage goes on after an error: operationID, stage, lastError {errMessage, reason, component}
 *     succeeded   operationID, type, message, gives?; freed: the operations that waited: [{operationID, orchestrationID,
 *                 lane, attempt?}]
 *     failed      the same, and stage: the one that it failed in; lastError, if the driver told
 *     rolledBack  the upgrade that ran last no longer counts: operationID, kymaConfigHash, kymaVersion, actor? */
#ifndef TIDEGATE_PROVISIONER_RUNTIME_H
#define TIDEGATE_PROVISIONER_RUNTIME_H

#include "common/log/core.h"
#include "services/provisioner/stages.h"

struct releases;

/* What decisions depend on. None of it changes what an event means: settings may change at any restart. */
struct runtime_settings {
    const struct releases *releases; /* of clients' versions, and for imports that name a version only; NULL: none */
    int64_t stage_limits_ms[STAGE_COUNT]; /* as stage_limits_parse gives them; 0: the default. A limit counts for stages
                                             that are ordered from now on */
    bool privileged_containers;           /* force allowPrivilegedContainers, whatever a client asks for */
    bool kubernetes_auto_update;          /* where a client does not say: enableKubernetesVersionAutoUpdate */
    bool machine_image_auto_update;       /* and enableMachineImageVersionAutoUpdate */
};

enum {
    RUNTIME_ID_LENGTH_MAX = 44,               /* of runtime and operation IDs: UUIDs, and what people take for tests */
    RUNTIME_WAITING_MAX = 32,                 /* operations that wait for one runtime; a further one is refused */
    RUNTIME_KUBECONFIG_SIZE_MAX = 128 * 1024, /* bytes, sealed */
    RUNTIME_WAKE_OPERATIONS_MAX = 100, /* stages stopped by one firing of a deadline; the next firing takes the rest */
};

/* Settings: struct runtime_settings. */
extern const struct core runtime_core;

#endif
