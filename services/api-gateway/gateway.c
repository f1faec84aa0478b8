#include "services/api-gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "services/api-gateway/graphiql.h"
#include "services/api-gateway/graphql.h"

#define RETRY_AFTER_S "5"

enum { TEXT_SIZE = 512 };

enum group {
    GROUP_OPERATOR, /* an admin may do what an operator may */
    GROUP_ADMIN,
    GROUP_GRAPHQL, /* an operator; told in GraphQL's words */
    GROUP_ANYBODY,
};

static const struct endpoint {
    const char *method, *path;
    enum group group;
    void (*handle)(struct exchange *exchange);
    bool is_import; /* has a limit of its own for the body */
} endpoints[] = {
    { "POST", "/upgrade/kyma", GROUP_ADMIN, handle_upgrade_kyma, false },
    { "POST", "/upgrade/cluster", GROUP_ADMIN, handle_upgrade_cluster, false },
    { "GET", "/orchestrations", GROUP_OPERATOR, handle_orchestrations, false },
    { "GET", "/orchestrations/{orchestration_id}", GROUP_OPERATOR, handle_orchestration, false },
    { "PUT", "/orchestrations/{orchestration_id}/cancel", GROUP_ADMIN, handle_orchestration_cancel, false },
    { "POST", "/orchestrations/{orchestration_id}/retry", GROUP_ADMIN, handle_orchestration_retry, false },
    { "GET", "/orchestrations/{orchestration_id}/operations", GROUP_OPERATOR, handle_operations, false },
    { "GET", "/orchestrations/{orchestration_id}/operations/{operation_id}", GROUP_OPERATOR, handle_operation, false },
    { "GET", "/orchestrations/{orchestration_id}/events", GROUP_OPERATOR, handle_events, false },
    { "GET", "/runtimes", GROUP_OPERATOR, handle_runtimes, false },
    { "GET", "/releases", GROUP_OPERATOR, handle_releases, false },
    { "GET", "/releases/{version}", GROUP_OPERATOR, handle_release, false },
    { "POST", "/instances:import", GROUP_ADMIN, handle_import, true },
    { "POST", "/graphql", GROUP_GRAPHQL, handle_graphql, false },
    { "GET", "/graphql", GROUP_GRAPHQL, handle_graphql, false },
    { "OPTIONS", "/graphql", GROUP_ANYBODY, handle_graphql_options, false },
    { "PUT", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "DELETE", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "PATCH", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "HEAD", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "TRACE", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "CONNECT", "/graphql", GROUP_ANYBODY, handle_graphql_method, false },
    { "GET", "/graphiql", GROUP_ANYBODY, handle_graphiql, false },
    { "GET", "/graphiql/{file}", GROUP_ANYBODY, handle_graphiql, false },
};
enum { ENDPOINT_COUNT = sizeof endpoints / sizeof endpoints[0], COUNTED_STATUSES = 4 };

struct gateway_routes {
    size_t count;
    struct route {
        struct gateway *gateway;
        const struct endpoint *endpoint;
        bool is_open; /* no token is looked at */
        /* Found once: a look into the registry costs more than the rest of counting. */
        struct metric *seconds;
        struct {
            int status; /* 0: none yet */
            struct metric *total;
        } counted[COUNTED_STATUSES];
    } routes[ENDPOINT_COUNT];
};

/* --- Answers --- */

void answer_refused(struct exchange *exchange, int status, const char *text)
{
    struct visit *visit = visit_of(exchange);

    if (visit != NULL)
        snprintf(visit->reason, sizeof visit->reason, "%s", text);
    if (status == 401)
        exchange_set_header(exchange, "WWW-Authenticate", "Bearer");
    if (status == 503)
        exchange_set_header(exchange, "Retry-After", RETRY_AFTER_S);
    exchange_answer_error(exchange, status, text);
}

void answer_no_orchestration(struct exchange *exchange)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof text, "while getting orchestration %.200s: there is no such orchestration",
             exchange_variable(exchange, "orchestration_id"));
    answer_refused(exchange, 404, text);
}

/* What a service says comes from Kafka at first, and out of a column of PostgreSQL, with its members in another order,
 * when it is repeated: to be the same bytes both times, they are sorted. The caller owns it. */
static json_t *in_one_order(const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    json_t *sorted = text != NULL ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;

    if (sorted == NULL)
        abort(); /* it came out of a JSON text: only memory can lack */
    free(text);
    return sorted;
}

/* A service's refusal says "error"; the members of RFC 9457 are added beside it, and whatever else it says stays. */
static void answer_outcome(struct exchange *exchange, const struct outcome *outcome)
{
    json_t *body = outcome->body != NULL ? in_one_order(outcome->body) : json_object();
    json_t *error = json_object_get(body, "error"), *problem;

    if (outcome->status < 400 || !json_is_string(error)) {
        exchange_answer_json(exchange, outcome->status, body);
        return;
    }
    snprintf(visit_of(exchange)->reason, REASON_SIZE, "%s", json_string_value(error));
    problem = json_pack("{s:O, s:s, s:s, s:i, s:O}", "error", error, "type", "about:blank", "title",
                        http_reason(outcome->status), "status", outcome->status, "detail", error);
    json_object_update_missing(problem, body);
    json_decref(body);
    exchange_answer_json(exchange, outcome->status, problem);
}

static void answer_unknown_outcome(struct exchange *exchange, struct created created)
{
    static const char text[] = "outcome unknown, repeat with the same Idempotency-Key";

    snprintf(visit_of(exchange)->reason, REASON_SIZE, "%s", text);
    exchange_answer_json(exchange, 504,
                         json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "error", text, created.name, created.id, "type",
                                   "about:blank", "title", http_reason(504), "status", 504, "detail", text));
}

void answer_result(struct exchange *exchange, const struct request_result *result, struct created created)
{
    switch (result->end) {
    case REQUEST_ANSWERED: answer_outcome(exchange, &result->outcomes[result->count - 1]); break;
    case REQUEST_NOT_WRITTEN:
        answer_refused(exchange, 503, "the request was not accepted: Kafka does not answer; try again");
        break;
    case REQUEST_UNKNOWN: answer_unknown_outcome(exchange, created); break;
    }
}

/* --- Who calls --- */

struct visit *visit_of(const struct exchange *exchange)
{
    return exchange_attached(exchange);
}

json_t *visit_actor(const struct visit *visit)
{
    return json_pack("{s:s, s:s, s:s}", "issuer", visit->caller.issuer, "subject", visit->caller.subject, "email",
                     visit->caller.email);
}

static void visit_begin(struct route *route, struct exchange *exchange)
{
    struct visit *visit = calloc(1, sizeof *visit);

    if (visit == NULL)
        abort();
    visit->gateway = route->gateway;
    visit->route = route;
    traceparent_make(exchange_header(exchange, "traceparent"), visit->traceparent);
    exchange_attach(exchange, visit, free);
    exchange_set_header(exchange, "traceparent", visit->traceparent);
}

bool visit_identify(struct visit *visit, const char *authorization, struct error *err)
{
    if (visit->gateway->auth != NULL && !visit->route->is_open)
        return auth_check(visit->gateway->auth, authorization, clock_now_ms(), &visit->caller, err);
    visit->caller = (struct caller){
        .issuer = "none", .subject = "anonymous", .admin = true, .oper = true, .until_ms = INT64_MAX
    };
    return true;
}

static bool is_member(struct exchange *exchange, enum group group)
{
    struct visit *visit = visit_of(exchange);
    const struct caller *caller = &visit->caller;
    struct error err = { 0 };

    if (!visit_identify(visit, exchange_header(exchange, "Authorization"), &err)) {
        answer_refused(exchange, err.code == ERROR_UNAVAILABLE ? 503 : 401, err.message);
        return false;
    }
    if (caller->admin || (caller->oper && group == GROUP_OPERATOR))
        return true;
    answer_refused(exchange, 403,
                   group == GROUP_ADMIN ? "the caller is not in the group of administrators"
                                        : "the caller is neither in the group of operators nor of administrators");
    return false;
}

/* False: the exchange is answered. */
static bool admit(struct exchange *exchange, void *context)
{
    struct route *route = context;

    visit_begin(route, exchange);
    switch (route->endpoint->group) {
    case GROUP_OPERATOR:
    case GROUP_ADMIN: return is_member(exchange, route->endpoint->group);
    case GROUP_GRAPHQL: return graphql_admit(exchange);
    case GROUP_ANYBODY: break;
    }
    return true;
}

static void handle(struct exchange *exchange, void *context)
{
    const struct route *route = context;

    route->endpoint->handle(exchange);
}

/* --- What is noted of each request --- */

static struct metric *find_total(const struct exchange *exchange)
{
    const char *pattern = exchange_pattern(exchange) != NULL ? exchange_pattern(exchange) : "";
    char labels[256];

    snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%d\"", pattern,
             pattern[0] != '\0' ? exchange_method(exchange) : "", exchange_status(exchange));
    return metrics_counter("tidegate_http_requests_total", "Requests answered.", labels);
}

static struct metric *find_seconds(const struct exchange *exchange)
{
    const char *pattern = exchange_pattern(exchange) != NULL ? exchange_pattern(exchange) : "";
    char labels[256];

    snprintf(labels, sizeof labels, "route=\"%s\"", pattern);
    return metrics_histogram("tidegate_http_request_seconds", "From the whole request to its answer.", labels);
}

static struct metric *total_of(struct route *route, const struct exchange *exchange)
{
    const int status = exchange_status(exchange);

    for (size_t i = 0; i < COUNTED_STATUSES; i++) {
        if (route->counted[i].status == 0) {
            route->counted[i].status = status;
            route->counted[i].total = find_total(exchange);
        }
        if (route->counted[i].status == status)
            return route->counted[i].total;
    }
    return find_total(exchange);
}

static void count(const struct exchange *exchange, struct route *route)
{
    if (route != NULL && route->seconds == NULL)
        route->seconds = find_seconds(exchange);
    metric_add(route != NULL ? total_of(route, exchange) : find_total(exchange), 1);
    metric_observe(route != NULL ? route->seconds : find_seconds(exchange), exchange_elapsed_ms(exchange) / 1e3);
}

static void watch(const struct exchange *exchange, void *context)
{
    const struct visit *visit = visit_of(exchange);
    char trace_id[TRACE_ID_SIZE] = "";

    (void)context;
    count(exchange, visit != NULL ? visit->route : NULL);
    if (visit == NULL) { /* health checks, unknown paths */
        log_event(exchange_pattern(exchange) == NULL ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "request",
                  LOG_TEXT("method", exchange_method(exchange)), LOG_TEXT("path", exchange_path(exchange)),
                  LOG_INT("status", exchange_status(exchange)), LOG_REAL("ms", exchange_elapsed_ms(exchange)), LOG_END);
        return;
    }
    traceparent_trace_id(visit->traceparent, trace_id);
    log_info("request", LOG_TEXT("method", exchange_method(exchange)), LOG_TEXT("path", exchange_path(exchange)),
             LOG_INT("status", exchange_status(exchange)), LOG_REAL("ms", exchange_elapsed_ms(exchange)),
             LOG_TEXT("trace_id", trace_id), LOG_TEXT("issuer", visit->caller.issuer),
             LOG_TEXT("subject", visit->caller.subject),
             LOG_TEXT(visit->operation[0] != '\0' ? "operation" : NULL, visit->operation),
             LOG_TEXT(visit->fields[0] != '\0' ? "fields" : NULL, visit->fields),
             LOG_TEXT(visit->reason[0] != '\0' ? "reason" : NULL, visit->reason),
             LOG_BOOL(exchange_is_gone(exchange) ? "client_left" : NULL, true));
}

struct gateway_routes *gateway_routes(struct gateway *gateway, struct http_server *http, struct gateway_offer offer)
{
    struct gateway_routes *routes = calloc(1, sizeof *routes);
    struct http_route table[ENDPOINT_COUNT];

    if (routes == NULL)
        abort();
    for (size_t i = 0; i < ENDPOINT_COUNT; i++) {
        const bool is_graphql = endpoints[i].group == GROUP_GRAPHQL || endpoints[i].group == GROUP_ANYBODY;

        if (!is_graphql && !offer.rest)
            continue;
        routes->routes[routes->count] = (struct route){ .gateway = gateway,
                                                        .endpoint = &endpoints[i],
                                                        .is_open = is_graphql && offer.graphql_is_open };
        table[routes->count] = (struct http_route){
            .method = endpoints[i].method,
            .path = endpoints[i].path,
            .admit = admit,
            .handler = handle,
            .context = &routes->routes[routes->count],
            .body_size_max = endpoints[i].is_import ? gateway->import_size_max : gateway->body_size_max,
        };
        routes->count++;
    }
    http_server_route(http, table, routes->count);
    http_server_watch(http, watch, gateway);
    return routes;
}

void gateway_routes_free(struct gateway_routes *routes)
{
    free(routes);
}
