/* driver.h - how stages become true in the outside world.
 *
 * A driver begins stages and says when they have ended. Everything is asynchronous on the event loop and may be asked
 * again: after a crash or a takeover the same call comes anew, from the same process or another. So a driver keeps with
 * what it changes the fence of the call that ordered it, and refuses a call with a lower one: it comes from somebody who
 * has been replaced, and needs no action and no report. */
#ifndef TIDEGATE_PROVISIONER_DRIVER_H
#define TIDEGATE_PROVISIONER_DRIVER_H

#include <stdbool.h>

#include "common/base/error.h"
#include "common/log/core.h"

struct event_base;

/* A stage has ended. `message`: why not, if it failed; never NULL. All texts are borrowed for the call. May come more
 * than once for a stage, and for one that has long been over; never from inside `drive`. */
typedef void driver_report(void *context, const char *runtime_id, const char *operation_id, const char *stage, bool ok,
                           const char *message);

struct driver {
    const char *name;

    /* `options` is the driver's own (simulator.h: struct simulator_options), borrowed for the call; `base` and
     * `context` outlive the driver. Own: close. NULL: `err` says why. */
    void *(*open)(struct event_base *base, const void *options, driver_report *report, void *context,
                  struct error *err);

    /* Begin the stage of `call`, or go on with it: idempotent. `call` is borrowed for the call. The stage "Stopping"
     * ends whatever runs of the operation. */
    void (*drive)(void *driver, const struct call *call);

    /* Forgets what is under way here; the outside world goes on. NULL is fine. */
    void (*close)(void *driver);
};

#endif
