/* graphql_status.h - from the read model's rows to GraphQL's values: RuntimeStatus, OperationStatus and what they hold.
 * Pure.
 *
 * Values have the members that the schema names, and may have more. Those of an abstract type have __typename. What a
 * body lacks is left out, which GraphQL answers as null, but for what clients rely on: oidcConfig is an object, provider
 * a text, lists of configuration entries are lists. Each function gives a value that the caller owns. */
#ifndef TIDEGATE_GATEWAY_GRAPHQL_STATUS_H
#define TIDEGATE_GATEWAY_GRAPHQL_STATUS_H

#include <jansson.h>

enum status_known { STATUS_NOT_KNOWN, STATUS_NO, STATUS_YES };

struct status_operation {     /* texts as in the row; NULL is SQL's */
    const char *id;           /* NULL: there was no operation */
    const char *type, *state; /* "upgradeKyma", "in progress" */
    const char *message, *runtime_id;
    const char *last_error; /* JSON */
};

/* OperationStatus; null where there is none. */
json_t *status_operation(const struct status_operation *operation);

/* A body as stored, to GardenerConfig; without name and seed where the body has none. A body that is no object (or NULL)
 * is one without members. */
json_t *status_cluster_config(const json_t *body);

/* The same with name and seed as the runtime's row has them, which is where they count; `cluster` itself (borrowed, a
 * further reference) if it says so already. */
json_t *status_cluster_config_named(json_t *cluster, const char *name, const char *seed);

/* A body as stored, to KymaConfig; null for null. Values of secret entries stay as they are: mask or open them before. */
json_t *status_kyma_config(const json_t *body);

/* RuntimeConnectionStatus: it is not known here, and always pending. */
json_t *status_connection(void);

/* HibernationStatus; null as long as nothing is known. */
json_t *status_hibernation(enum status_known hibernated, enum status_known possible);

#endif
