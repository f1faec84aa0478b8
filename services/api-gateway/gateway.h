/* gateway.h - what the API's areas share: who calls, what the process has at hand, and the ways to answer.
 *
 * Each area has a file and its handlers, listed in the table of gateway.c. A handler is called for callers that may
 * call it, and answers the exchange now or later. */
#ifndef TIDEGATE_GATEWAY_GATEWAY_H
#define TIDEGATE_GATEWAY_GATEWAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/auth/auth.h"
#include "common/http/server.h"
#include "services/api-gateway/requests.h"
#include "services/api-gateway/trace.h"

struct event_base;
struct events;
struct graphiql;
struct graphql;
struct pg;
struct patient_pool;
struct releases;
struct secrets;

/* What handlers have at hand; const once the process runs. */
struct gateway {
    struct event_base *base;
    struct pg *pg;              /* for outcomes of requests, which must not wait behind reads */
    struct patient_pool *reads; /* for reads; NULL: closed already, as the process ends */
    struct requests *requests;
    struct events *events;
    struct auth *auth; /* NULL: everybody may do everything (loopback only) */
    const struct releases *releases;
    struct secrets *secrets; /* keys of what may not stand in topics as it is */
    struct graphql *graphql;
    struct graphiql *graphiql; /* NULL: it is not offered */
    const char *kyma_version;  /* sent where a request names none */
    int64_t page_size_max;
    size_t body_size_max, import_size_max;
};

enum { REASON_SIZE = 256, VISIT_NAME_SIZE = 128 };
struct route;

/* One request as the gateway sees it, attached to its exchange. */
struct visit {
    struct gateway *gateway;
    struct caller caller; /* empty texts until known */
    char traceparent[TRACEPARENT_SIZE];
    /* For the access log; "" where there is nothing to say. */
    char reason[REASON_SIZE];        /* why it was refused */
    char operation[VISIT_NAME_SIZE]; /* of GraphQL: the operation's name, if it was named */
    char fields[VISIT_NAME_SIZE];    /* and its root fields */
    struct route *route;
};

struct visit *visit_of(const struct exchange *exchange);

/* {"issuer", "subject", "email"} of the caller. The caller of this function owns it. */
json_t *visit_actor(const struct visit *visit);

/* Who calls, by the value of the header Authorization (or NULL); sets `caller`. False: nobody knows, as auth_check. */
bool visit_identify(struct visit *visit, const char *authorization, struct error *err);

/* Adds routes to `http`, and watches it for the access log and the metrics. `gateway` outlives `http`. Own:
 * gateway_routes_free, after `http`. */
struct gateway_offer {
    bool rest;            /* all but GraphQL, which is always offered */
    bool graphql_is_open; /* whoever calls GraphQL is an administrator: no token is looked at */
};
struct gateway_routes;
struct gateway_routes *gateway_routes(struct gateway *gateway, struct http_server *http, struct gateway_offer offer);
void gateway_routes_free(struct gateway_routes *routes);

/* --- Answers: each ends the exchange --- */

/* An error body, and the reason in the access log. 503 says when to try again. */
void answer_refused(struct exchange *exchange, int status, const char *text);

/* 404: there is no orchestration of the ID that the path names. */
void answer_no_orchestration(struct exchange *exchange);

/* What a service decided, as it said it; or 503, 504 where that is not known. `created` is a pair for the body of the
 * latter: the name and the ID of what the request creates or changes. */
struct created {
    const char *name, *id;
};
void answer_result(struct exchange *exchange, const struct request_result *result, struct created created);

/* --- The areas --- */

void handle_upgrade_kyma(struct exchange *exchange);         /* upgrade.c: E1 */
void handle_upgrade_cluster(struct exchange *exchange);      /* E2 */
void handle_orchestrations(struct exchange *exchange);       /* orchestrations.c: E3 */
void handle_orchestration(struct exchange *exchange);        /* E4 */
void handle_orchestration_cancel(struct exchange *exchange); /* lane_request.c: E5 */
void handle_orchestration_retry(struct exchange *exchange);  /* E6 */
void handle_operations(struct exchange *exchange);           /* E7 */
void handle_operation(struct exchange *exchange);            /* operation_detail.c: E8 */
void handle_events(struct exchange *exchange);               /* events.c */
void handle_runtimes(struct exchange *exchange);             /* runtimes.c: E9 */
void handle_releases(struct exchange *exchange);             /* releases.c */
void handle_release(struct exchange *exchange);              /* releases.c */
void handle_import(struct exchange *exchange);               /* import.c */

#endif
