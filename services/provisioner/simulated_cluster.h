/* simulated_cluster.h - what a simulated cluster is told, and what it says of itself. Private to the simulator.
 *
 * `detail` is that of a driver call (driver.h), or NULL; members that are missing are not known. */
#ifndef TIDEGATE_PROVISIONER_SIMULATED_CLUSTER_H
#define TIDEGATE_PROVISIONER_SIMULATED_CLUSTER_H

#include <jansson.h>
#include <stddef.h>

struct secrets;

/* What is known of the runtime when `stage` has ended well (struct report, gives). A function of its arguments, keys
 * included. Without `secrets` there is no kubeconfig. Own. NULL: nothing. */
json_t *simulated_gives(struct secrets *secrets, const char *runtime_id, const char *stage, const json_t *detail);

/* Hands the configuration of `detail` over to the cluster, and notes in the ledger line `line` what it got: version,
 * configuration (hash), secrets (how many sealed values it could open); failure, if there is one that it could not. */
void simulated_installation(struct secrets *secrets, const json_t *detail, json_t *line);

/* The components that an installer would tell of at `count` moments, spread over those of `detail`. Own. */
json_t *simulated_steps(const json_t *detail, size_t count);

#endif
