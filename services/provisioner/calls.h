/* calls.h - what drivers are asked to do. Private to the core; see core.drive and core.resume. */
#ifndef TIDEGATE_PROVISIONER_CALLS_H
#define TIDEGATE_PROVISIONER_CALLS_H

#include "services/provisioner/runtimes.h"

void runtime_drive(const struct runtimes *runtimes, const struct event *event, struct calls *out);
void runtime_resume(const struct runtimes *runtimes, struct calls *out);

#endif
