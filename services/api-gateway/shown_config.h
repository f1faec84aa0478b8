/* shown_config.h - configurations as the details of an operation show them (contract, section 1.7): every member is there,
 * in the contract's order; what a body lacks has its empty value (null for lists and for what may be absent). Pure.
 *
 * Values have the type that the contract gives them: what has another one counts as absent. Each function gives a value
 * that the caller owns. */
#ifndef TIDEGATE_GATEWAY_SHOWN_CONFIG_H
#define TIDEGATE_GATEWAY_SHOWN_CONFIG_H

#include <jansson.h>

/* kymaConfig of a body as it is sent to a runtime; of NULL or null (nothing was sent) all is empty. The values of secret
 * entries are masked, sealed or not. */
json_t *shown_kyma_config(const json_t *body);

/* clusterConfig of a cluster's configuration, or of NULL or null. Of one that an upgrade brings, only what such an upgrade
 * fills is shown. */
enum shown_cluster { SHOWN_CLUSTER_WHOLE, SHOWN_CLUSTER_UPGRADE };
json_t *shown_cluster_config(const json_t *body, enum shown_cluster which);

#endif
