/* driver.h - how stages become true in the outside world.
 *
 * A driver begins stages, tells how they go and says when they have ended. Everything is asynchronous on the event loop
 * and may be asked again: after a crash or a takeover the same call comes anew, from the same process or another. So a
 * driver keeps with what it changes the fence of the call that ordered it, and refuses a call with a lower one: it comes
 * from somebody who has been replaced, and needs no action. A call with a higher one is another order, of the same stage
 * too: an operation may run again under its ID. */
#ifndef TIDEGATE_PROVISIONER_DRIVER_H
#define TIDEGATE_PROVISIONER_DRIVER_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/error.h"
#include "common/log/core.h"

struct event_base;

enum report_kind {
    REPORT_PROGRESS, /* the stage goes on; `message` says how: the installer's text, whole */
    REPORT_RETRIED,  /* something failed, `message` says what; the driver tries it again */
    REPORT_DONE,     /* the stage has ended well */
    REPORT_FAILED,   /* it has ended, and with it the operation; `message` says why */
    REPORT_LOST,     /* nothing more will come from here: the runtime is in somebody else's hands. Not to be told on */
};

/* All is borrowed for the call. */
struct report {
    const char *runtime_id, *operation_id, *stage;
    int64_t fence; /* of the call */
    enum report_kind kind;
    const char *message;            /* never NULL */
    const char *reason, *component; /* of an error: codes for the operation's last error; NULL: none */
    const json_t *gives; /* of a stage that is done: what is known of the runtime now. NULL: nothing. Members,
                                       all optional: seed, kubeconfig (sealed), kubernetesVersion, hibernationPossible,
                                       hibernated */
};

/* May come more than once for a stage, and for one that has long been over; never from inside `drive`. Each call ends in
 * one of the last three kinds, unless another one for the same runtime replaces it or the driver is closed. */
typedef void driver_report(void *context, const struct report *report);

struct driver {
    const char *name;

    /* `options` is the driver's own (simulator.h: struct simulator_options), borrowed for the call; `base` and
     * `context` outlive the driver. Own: close. NULL: `err` says why. */
    void *(*open)(struct event_base *base, const void *options, driver_report *report, void *context,
                  struct error *err);

    /* Begin the stage of `call`, or go on with it if it began with the same fence: idempotent. `call` is borrowed for the call, but for its detail, of
     * which a reference may be kept: nobody changes it. The stage "Stopping" ends whatever runs of the operation.
     * Members of call->detail, an object or NULL:
     *     tenant, type                      always; `type` is the operation's
     *     attempt                           which one of the operation it is, from 2 on; absent: the first
     *     version, configuration,           StartingInstallation, StartingUpgrade: the hash, and the body with its
     *     kymaConfig                        secret values sealed
     *     clusterConfig, shootName,         WaitingForClusterDomain, WaitingForClusterCreation,
     *     subAccount                        WaitingForShootNewVersion, WaitingForShootUpgrade
     *     administrators                    CreatingBindingsForOperators */
    void (*drive)(void *driver, const struct call *call);

    /* Forgets what is under way here; the outside world goes on. NULL is fine. */
    void (*close)(void *driver);
};

#endif
