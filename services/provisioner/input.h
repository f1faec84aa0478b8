/* input.h - what clients give: checks, and the bodies that come of it. Private to the core; pure.
 *
 * Inputs are GraphQL's input objects, as the gateway's engine coerced them. Bodies have all members; what was not given is
 * null. A refused input's `err` has the text of the API; it never quotes a value of a configuration entry. */
#ifndef TIDEGATE_PROVISIONER_INPUT_H
#define TIDEGATE_PROVISIONER_INPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/error.h"

/* Bytes of compact dumps. What a request brings must fit into one record: one that is too large costs more than a refusal. */
enum {
    INPUT_KYMA_SIZE_MAX = 1024 * 1024, /* of a Kyma configuration's body, its values sealed */
    INPUT_PART_SIZE_MAX = 512 * 1024,  /* of each other part of an input */
};

/* Own; NULL: `err`. `config`: a KymaConfigInput. Its components are a list without nulls, not empty, with the agent. */
json_t *input_kyma(const json_t *config, struct error *err);

struct input_defaults { /* where a GardenerConfigInput does not say */
    bool privileged_containers, privileged_containers_forced;
    bool kubernetes_auto_update, machine_image_auto_update;
};

/* The checks of a GardenerConfigInput that come before all others; input_cluster takes only what passed. */
bool input_cluster_check(const json_t *gardener, struct error *err);
/* The body of a cluster's configuration; own. NULL: `err`: there is no provider's part. `name` stays empty, so that
 * clusters that are alike share one: the name is the runtime's shoot name. */
json_t *input_cluster(const json_t *gardener, struct input_defaults defaults, struct error *err);

/* The checks of a GardenerUpgradeInput that come before all others; input_upgrade_cluster takes only what passed. */
bool input_upgrade_cluster_check(const json_t *gardener, struct error *err);
/* `cluster`, changed by a GardenerUpgradeInput; own. NULL: `err`. The Kubernetes version never falls. */
json_t *input_upgrade_cluster(const json_t *cluster, const json_t *gardener, struct error *err);

/* Does the body of a cluster's configuration say what every cluster has? False: `err` names what is missing. */
bool input_cluster_is_whole(const json_t *cluster, struct error *err);

/* A list of texts without nulls, or nothing. */
bool input_administrators_check(const json_t *administrators, struct error *err);

/* name, description and labels of a RuntimeInput. */
bool input_runtime_check(const json_t *runtime, struct error *err);

/* Is Kubernetes version `a` lower than `b`? Compared by number; a leading v does not count. */
bool kubernetes_version_lower(const char *a, const char *b);

#endif
