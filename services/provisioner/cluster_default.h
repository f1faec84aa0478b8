/* cluster_default.h - the cluster configuration of a runtime that was imported without one: its plan's. */
#ifndef TIDEGATE_PROVISIONER_CLUSTER_DEFAULT_H
#define TIDEGATE_PROVISIONER_CLUSTER_DEFAULT_H

#include <jansson.h>

/* All members of a cluster configuration; own. `name` stays empty, because every runtime of a plan and region shares
 * this configuration: the name is the runtime's shoot name. A plan that is not known gives empty values. */
json_t *cluster_default(const char *plan, const char *region);

#endif
