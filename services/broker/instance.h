/* instance.h - the broker's core: instances (customers' runtimes), which of them an orchestration means, and which request
 * is the first with an Idempotency-Key (claims.h).
 *
 * All instances of a partition are in memory (fleet.h). Their rows are the table `instance` (readmodel.sql). */
#ifndef TIDEGATE_BROKER_INSTANCE_H
#define TIDEGATE_BROKER_INSTANCE_H

#include "common/log/core.h"

/* Has no settings: NULL. */
extern const struct core instance_core;

#endif
