/* runtime.h - the provisioner's core: runtimes, and the one operation that may run on each.
 *
 * An operation is a sequence of stages (stages.h). A record orders a stage, the driver carries it out and reports its
 * end, the report is decided and orders the next. Whatever ends running work is a stage too, `Stopping`: a stage over
 * its limit is stopped first, and only the driver's report of that fails the operation.
 *
 * Events (data in proto/events/); the subject is the runtime ID, but of `configured` the hash:
 *     registered  a runtime is known: instanceID, tenant, subAccount, plan, region, shootName, kymaVersion,
 *                 kymaConfigHash, clusterConfigHash; kymaConfig, clusterConfig: the bodies, where they are new here
 *     changed     an import said something else of a known runtime: the same members, those that changed
 *     confirmed   an import said what is known
 *     rejected    the request was wrong or came at a wrong time: reason; request, operationID, actor where given;
 *                 instanceID, hash: of the line of an instance that the runtime does not belong to, which is told
 *     configured  a Kyma configuration is known: hash, kymaConfig
 *     refused     an upgrade will not run: operationID, orchestrationID, lane, result (refused, preempted), message
 *     queued      an upgrade must wait for the running operation: operationID, orchestrationID, lane
 *     started     an operation runs: operationID, type (upgradeKyma, deprovision), stage, message; for an upgrade
 *                 instanceID, orchestrationID, lane, version, configuration (hash); for a deprovisioning actor
 *     advanced    its next stage is ordered: operationID, stage, message; stopped: the stage that ran over its limit
 *     succeeded   operationID, type, message; freed: the operations that waited: [{operationID, orchestrationID, lane}]
 *     failed      the same, and stage: the one that it failed in */
#ifndef TIDEGATE_PROVISIONER_RUNTIME_H
#define TIDEGATE_PROVISIONER_RUNTIME_H

#include "common/log/core.h"

struct releases;

struct runtime_settings {
    const struct releases *releases; /* configurations for imports that name a version only; may be NULL */
};

enum {
    RUNTIME_ID_LENGTH_MAX = 44,        /* of runtime and operation IDs: UUIDs, and what people take for tests */
    RUNTIME_WAITING_MAX = 32,          /* operations that wait for one runtime; a further one is refused */
    RUNTIME_WAKE_OPERATIONS_MAX = 100, /* stages stopped by one firing of a deadline; the next firing takes the rest */
};

/* Settings: struct runtime_settings. */
extern const struct core runtime_core;

#endif
