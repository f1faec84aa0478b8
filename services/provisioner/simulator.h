/* simulator.h - the driver without clusters: stages that take their time and then succeed, or fail, as a scenario says.
 *
 * The simulated world is a function of scenario, operation ID and start time, never of process memory: a stage ordered
 * at T ends at T plus its duration, whoever asks. What an installer tells meanwhile, and errors that are retried, may be
 * told again after a restart. What happened is in the *ledger*, a file that all provisioner
 * processes of a system share: NDJSON, only appended to, under flock; the world is the fold of its lines:
 *
 *     {"effect": "applied", "runtime", "operation", "stage", "fence", "orderedAt", "at", "endsAt"}
 *         the stage has begun (times in ms; `at` is when the line was written; endsAt null: it does not end by itself;
 *         later where a scenario's file holds it).
 *         Of StartingInstallation and StartingUpgrade also what the cluster got: "version", "configuration" (the hash),
 *         "secrets" (how many sealed values it could open); "failure", if it could not open all; "steps", the components
 *         that WaitingForInstallation will tell of, if any
 *     {"effect": "refused", "runtime", "operation", "stage", "fence", "standing", "at"}
 *         a call came with a lower fence than the one that stands for the runtime; nothing was done
 *
 * A call for the stage that runs, or has run last, writes nothing. A line cut off by a crash is taken away by the next
 * writer: nobody has been told of it. */
#ifndef TIDEGATE_PROVISIONER_SIMULATOR_H
#define TIDEGATE_PROVISIONER_SIMULATOR_H

#include "services/provisioner/driver.h"

struct secrets;

struct simulator_options {
    const char *ledger;      /* path of the file; made if missing */
    const char *scenario;    /* path of the scenario; NULL or "": the default */
    struct secrets *secrets; /* outlives the driver; NULL: nothing is opened or sealed */
};

/* Its `open` takes a struct simulator_options. */
extern const struct driver simulator_driver;

#endif
