/* evolve.h - the only way a runtimes changes. Private to the core; see core.evolve. */
#ifndef TIDEGATE_PROVISIONER_EVOLVE_H
#define TIDEGATE_PROVISIONER_EVOLVE_H

#include "services/provisioner/runtimes.h"

void runtime_evolve(struct runtimes *runtimes, const struct event *event, struct changes *out);

#endif
