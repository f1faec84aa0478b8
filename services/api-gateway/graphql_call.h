/* graphql_call.h - what GraphQL's resolvers have at hand. For the files graphql*.c alone. */
#ifndef TIDEGATE_GATEWAY_GRAPHQL_CALL_H
#define TIDEGATE_GATEWAY_GRAPHQL_CALL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/graphql/graphql.h"
#include "common/pg/pool.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/graphql.h"
#include "services/api-gateway/graphql_http.h"

struct config_cache;
struct event;
struct patient_pool;
struct reading; /* one that is under way; of graphql_queries.c */

struct graphql {
    struct gateway *gateway;
    struct gql_schema *schema;
    struct gql_cache *cache;
    struct config_cache *configs;
    bool secrets_shown;
    struct patient_pool *pool; /* NULL: closed already, as the process ends */
    struct reading *readings;  /* the oldest first */
    struct event *overdue;     /* looks for those that take too long; pending while there are any */
    uint64_t misses;           /* of the cache, as counted so far */
    struct metric *found_total, *parsed_total;
};

/* One request under way: the context of its resolvers. */
struct graphql_call {
    struct graphql *graphql;
    struct exchange *exchange;
    struct visit *visit;
    enum graphql_dialect dialect;
    char *tenant, *sub_account; /* "" where the header is missing */
    char *key;                  /* the header Idempotency-Key; NULL: none */
    size_t mutations;           /* begun so far */
    bool is_stuck;              /* one of them has no outcome: the next ones are not tried */
};

/* --- Errors of fields --- */

/* `reason` and `component` may be NULL. Ends the field. */
struct graphql_failure {
    int code;
    const char *reason, *component;
};
void call_fail(struct graphql_call *call, struct gql_field *field, struct graphql_failure failure, const char *message);

/* 400, as the provisioner says it: the caller's tenant is missing, or there is no such runtime (operation) for it. */
void call_fail_tenant(struct graphql_call *call, struct gql_field *field);
void call_fail_unknown(struct graphql_call *call, struct gql_field *field, const char *kind, const char *id);

/* Could `id` be a runtime's or an operation's? What could not is looked up nowhere. */
bool call_id_is_plausible(const char *id);

/* --- Reading --- */

/* As patient_pool_submit. */
bool call_read(struct graphql_call *call, const char *statement, const char *param, pg_done *done, void *context);

/* Ends `field` with the status of runtime `id` as the database has it now. */
void call_give_runtime_status(struct graphql_call *call, struct gql_field *field, const char *id);

/* Fails the fields whose reads take too long, as where the database stands still; of the timer `overdue`. */
void readings_give_up(int fd, short what, void *context);

/* --- Resolvers --- */

gql_resolver resolve_runtime_status, resolve_operation_status, resolve_kubeconfig; /* graphql_queries.c */
gql_resolver resolve_provision, resolve_upgrade, resolve_upgrade_shoot, resolve_hibernate, resolve_deprovision,
    resolve_roll_back, resolve_reconnect; /* graphql_mutations.c */

/* To be called first by resolvers of root fields: notes the field for the access log. */
void call_note(struct graphql_call *call, const struct gql_field *field);

#endif
