/* orchestration.h - the orchestrator's core: upgrades of many runtimes, a bounded number at a time.
 *
 * The aggregate is the orchestration with its operations, one for each runtime. Those of a lane (`kyma`, `cluster`) run
 * one after the other, or a few at a time, in order of arrival; one that runs goes on to its end, also where fewer may
 * run by now:
 *
 *     accepted -> started -> targeted... -> scheduled -> (planned, released, dispatched, progressed...) -> succeeded
 *                                                                                                          or failed
 *     pending ------------------------------> in progress ---------------------------------------------------^
 *     halted  -> (progressed...) -> canceled     at any time before the end
 *     retried -> resumed                         while it is in progress, or after it failed: then it waits its turn
 *                                                (retrying) like a new one
 *
 * Events (data in proto/events/; the subject is always the orchestration ID):
 *     accepted     a new orchestration waits for its turn in its lane
 *     repeated     the request had been done already; nothing changes
 *     rejected     the request cannot be done
 *     started      its turn: all brokers are asked for the runtimes that match
 *     targeted     some runtimes, each with the operation that it gets; invisible until `scheduled`
 *     configured   operations get another version or configuration than most, or fail because there is none to be had;
 *                  before `scheduled`, and again, with the version that they have, before `resumed`
 *     scheduled    all targets are in: parameters, version and configuration are now fixed
 *     planned      operations wait for the windows named
 *     released     operations may run, until their windows end
 *     dispatched   operations took a slot and were sent to the provisioner, in a dry run to be tried only
 *     rehearsed    operations of a dry run were done; only read: it was given until dry runs went to the provisioner
 *     rescheduled  operations came to their turn after their window had ended: back to the scheduler
 *     progressed   an operation went on, waits for its runtime, or ended
 *     stopped      so many operations have failed that no further one starts before a retry; again if more have
 *     retried      operations that had failed are to run again
 *     resumed      they wait for a slot, or for a new window
 *     declined     a retry found nothing that it may retry; nothing changes
 *     halted       a cancel: no further operation starts
 *     canceled     a cancel that is complete: what was pending is canceled
 *     succeeded, failed   the end of the whole
 *     releasesAdopted, releasesRefused   a folder of releases is in force from now on, or is wrong (subject: "releases") */
#ifndef TIDEGATE_ORCHESTRATOR_ORCHESTRATION_H
#define TIDEGATE_ORCHESTRATOR_ORCHESTRATION_H

#include "common/log/core.h"

struct releases; /* common/release/release.h */

/* All that is pointed to outlives the core's states. What is adopted from the log takes the place of `releases`, and the
 * default that it names that of `kyma_version`. */
struct orchestration_settings {
    const char *kyma_version;       /* sent if a request names no version */
    const char *kubernetes_version; /* sent by upgrades of clusters, and shown, if a request names none */
    const char *machine_image;      /* sent by upgrades of clusters if a request names none; "" or NULL: neither is */
    const char *machine_image_version;
    bool kubernetes_auto_update;     /* sent by upgrades of clusters: enableKubernetesVersionAutoUpdate */
    bool machine_image_auto_update;  /* and enableMachineImageVersionAutoUpdate */
    const struct releases *releases; /* the versions that can be sent, with their configurations */
    int partitions;                  /* of every topic: so many brokers must report their targets */
    int orchestrations_max;          /* of a lane at a time, beyond pending; 0: 1 */
};

enum {
    /* So many operations at most start in one record, so that it stays small; a deadline takes the rest. */
    ORCHESTRATION_BATCH_MAX = 1000,
    /* So many operations stand in one message to the scheduler. */
    ORCHESTRATION_MESSAGE_MAX = 200,
    /* So many instances at most are told that their operations had failed when the orchestration began: a record names
     * whom it is followed by. */
    ORCHESTRATION_TOLD_MAX = 5000,
    /* More runtimes than any fleet has: an orchestration that matches more fails. */
    ORCHESTRATION_OPERATIONS_MAX = 200000,
    /* Up to so many operations are listed in the order in which they run; more of them in that in which they came, so
     * that no record changes more rows. */
    ORCHESTRATION_ORDERED_MAX = 10000,
    /* So many operations at most are retried by one request that names none, the oldest ones: record and answer list
     * them. */
    ORCHESTRATION_RETRY_MAX = 30000,
    /* So long (ms) after it was released, an operation waits for others whose window opened at the same moment or
     * before: the scheduler says so of each of its partitions apart, and they are to start in their order. */
    ORCHESTRATION_OPENING_MS = 1000,
    /* So long it waits while of some it is not known yet whether their windows are open: longer than another scheduler
     * needs to take over from one that was killed, so that order is given up only where one stays away. */
    ORCHESTRATION_ANSWERS_MS = 10000,
    /* So many retries with a key are remembered, so that another body under one of their keys is refused. */
    ORCHESTRATION_RETRY_KEYS_MAX = 100,
};

/* Settings: struct orchestration_settings. */
extern const struct core orchestration_core;

#endif
