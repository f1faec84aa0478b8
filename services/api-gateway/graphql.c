#include "services/api-gateway/graphql.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/embed.h"
#include "common/json/lenient.h"
#include "common/observe/log.h"
#include "common/observe/metrics.h"
#include "services/api-gateway/config_cache.h"
#include "services/api-gateway/graphql_call.h"
#include "services/api-gateway/keyed.h"
#include "services/api-gateway/patient_pool.h"

EMBED_TEXT(gateway_graphql_schema, "proto/graphql/provisioner.graphql");
EMBED_TEXT(gateway_runtime_status_sql, "services/api-gateway/runtime_status.sql");

enum {
    SEGMENTS_MAX = 4096, /* reads that one connection has under way */
    ID_LENGTH_MAX = 64,  /* more than a UUID, as imported runtimes may have IDs of their own */
};

static const char methods[] = "OPTIONS, GET, POST";
static const char tenant[] = "Tenant", sub_account[] = "sub-account", idempotency_key[] = "Idempotency-Key";

static const struct gql_binding bindings[] = {
    { "Query", "runtimeStatus", resolve_runtime_status },
    { "Query", "runtimeOperationStatus", resolve_operation_status },
    { "RuntimeConfig", "kubeconfig", resolve_kubeconfig },
    { "Mutation", "provisionRuntime", resolve_provision },
    { "Mutation", "upgradeRuntime", resolve_upgrade },
    { "Mutation", "upgradeShoot", resolve_upgrade_shoot },
    { "Mutation", "hibernateRuntime", resolve_hibernate },
    { "Mutation", "deprovisionRuntime", resolve_deprovision },
    { "Mutation", "rollBackUpgradeOperation", resolve_roll_back },
    { "Mutation", "reconnectRuntimeAgent", resolve_reconnect },
};

/* --- Errors of fields --- */

void call_fail(struct graphql_call *call, struct gql_field *field, struct graphql_failure failure, const char *message)
{
    json_t *extensions = json_pack("{s:i}", "error_code", failure.code);
    char labels[128];

    snprintf(labels, sizeof labels, "field=\"%s\",code=\"%d\"", gql_field_name(field), failure.code);
    metric_add(metrics_counter("tidegate_graphql_field_errors_total", "Fields that failed.", labels), 1);
    if (failure.reason != NULL)
        json_object_set_new(extensions, "error_reason", json_text(failure.reason));
    if (failure.component != NULL)
        json_object_set_new(extensions, "error_component", json_text(failure.component));
    if (call->visit->reason[0] == '\0')
        snprintf(call->visit->reason, sizeof call->visit->reason, "%s", message);
    gql_field_error(field, message, extensions);
}

void call_fail_tenant(struct graphql_call *call, struct gql_field *field)
{
    call_fail(call, field, (struct graphql_failure){ 400, "err_provisioner_bad_request", "provisioner" },
              "tenant header is empty");
}

void call_fail_unknown(struct graphql_call *call, struct gql_field *field, const char *kind, const char *id)
{
    char message[ID_LENGTH_MAX * 2];

    if (strlen(id) <= ID_LENGTH_MAX)
        snprintf(message, sizeof message, "%s %s not found", kind, id);
    else
        snprintf(message, sizeof message, "%s not found: the ID has %zu bytes", kind, strlen(id));
    call_fail(call, field, (struct graphql_failure){ 400, "err_provisioner_not_found", "provisioner" }, message);
}

bool call_id_is_plausible(const char *id)
{
    const size_t length = strlen(id);

    for (size_t i = 0; i < length && length <= ID_LENGTH_MAX; i++)
        if (id[i] <= ' ' || id[i] >= 0x7f)
            return false;
    return length > 0 && length <= ID_LENGTH_MAX;
}

void call_note(struct graphql_call *call, const struct gql_field *field)
{
    char *noted = call->visit->fields;
    const size_t size = strlen(noted);

    if (strstr(noted, gql_field_name(field)) == NULL)
        snprintf(noted + size, sizeof call->visit->fields - size, "%s%s", size > 0 ? "," : "", gql_field_name(field));
}

/* --- Answers --- */

/* `errors` (own). Ends the exchange. */
static void answer_errors(struct exchange *exchange, enum graphql_dialect dialect, enum graphql_refusal refusal,
                          json_t *errors)
{
    struct visit *visit = visit_of(exchange);
    json_t *body = graphql_refusal_body(dialect, errors);
    char *text = json_dumps(body, JSON_COMPACT);
    const int status = graphql_status(dialect, refusal);

    if (text == NULL)
        abort();
    if (visit->reason[0] == '\0')
        snprintf(visit->reason, sizeof visit->reason, "%s", graphql_refusal_reason(refusal));
    if (status == 405)
        exchange_set_header(exchange, "Allow", "POST");
    exchange_answer(exchange, status, graphql_content_type(dialect), text, strlen(text));
    free(text);
    json_decref(body);
}

static void refuse(struct exchange *exchange, enum graphql_dialect dialect, enum graphql_refusal refusal,
                   const char *message)
{
    answer_errors(exchange, dialect, refusal, graphql_error(message));
}

static void call_free(struct graphql_call *call)
{
    free(call->tenant);
    free(call->sub_account);
    free(call->key);
    free(call);
}

static void executed(void *context, const struct gql_result *result)
{
    struct graphql_call *call = context;

    if (result->executed)
        exchange_answer(call->exchange, 200, graphql_content_type(call->dialect), result->text, result->size);
    else
        answer_errors(call->exchange, call->dialect, GRAPHQL_BAD_VARIABLES, gql_errors_json(result->errors));
    call_free(call);
}

/* --- The life of a request --- */

/* "" for none. Own: free(). */
static char *copy_header(const struct exchange *exchange, const char *name)
{
    const char *value = exchange_header(exchange, name);
    char *copy = strdup(value != NULL ? value : "");

    if (copy == NULL)
        abort();
    return copy;
}

static struct graphql_call *call_new(struct exchange *exchange, enum graphql_dialect dialect)
{
    struct graphql_call *call = calloc(1, sizeof *call);

    if (call == NULL)
        abort();
    call->visit = visit_of(exchange);
    call->graphql = call->visit->gateway->graphql;
    call->exchange = exchange;
    call->dialect = dialect;
    call->tenant = copy_header(exchange, tenant);
    call->sub_account = copy_header(exchange, sub_account);
    if (exchange_header(exchange, idempotency_key) != NULL)
        call->key = copy_header(exchange, idempotency_key);
    return call;
}

static void count_cache(struct graphql *graphql)
{
    const uint64_t misses = gql_cache_stats(graphql->cache).misses;

    metric_add(misses == graphql->misses ? graphql->found_total : graphql->parsed_total, 1);
    graphql->misses = misses;
}

/* The rule and the place alone: messages quote the document, which may have secrets in it. */
static void note_errors(struct visit *visit, const struct gql_errors *errors)
{
    const struct gql_error *first = errors->count > 0 ? &errors->list[0] : NULL;
    const struct gql_location at = first != NULL && first->location_count > 0 ? first->locations[0]
                                                                              : (struct gql_location){ 0 };

    if (first != NULL && first->rule != NULL)
        snprintf(visit->reason, sizeof visit->reason, "document not valid: %s at %u:%u", first->rule, at.line,
                 at.column);
}

/* NULL: the exchange is answered. */
static struct gql_document *find_document(struct exchange *exchange, enum graphql_dialect dialect,
                                          const struct graphql_request *request)
{
    struct graphql *graphql = visit_of(exchange)->gateway->graphql;
    struct gql_errors errors = { 0 };
    struct gql_document *document = gql_cache_document(graphql->cache, request->document, request->document_size,
                                                       &errors);

    count_cache(graphql);
    if (document != NULL)
        return document;
    note_errors(visit_of(exchange), &errors);
    answer_errors(exchange, dialect, GRAPHQL_BAD_DOCUMENT, gql_errors_json(&errors));
    gql_errors_release(&errors);
    return NULL;
}

/* False: the exchange is answered. */
static bool check_operation(struct exchange *exchange, enum graphql_dialect dialect,
                            const struct graphql_request *request, const struct gql_document *document)
{
    const char *name = request->operation_name != NULL ? request->operation_name : "";
    struct visit *visit = visit_of(exchange);
    enum gql_operation_type type;
    char message[GQL_MESSAGE_SIZE];

    if (!gql_document_operation(document, name, &type, message, sizeof message)) {
        snprintf(message, sizeof message, "operation %.100s not found", name);
        refuse(exchange, dialect, GRAPHQL_NO_OPERATION, message);
        return false;
    }
    snprintf(visit->operation, sizeof visit->operation, "%s", name);
    if (type == GQL_SUBSCRIPTION) {
        refuse(exchange, dialect, GRAPHQL_SUBSCRIPTION, "unsupported operation type");
        return false;
    }
    if (request->is_get && type != GQL_QUERY) {
        refuse(exchange, dialect, GRAPHQL_GET_MUTATION, "GET requests only allow query operations");
        return false;
    }
    return true;
}

static void execute(struct exchange *exchange, enum graphql_dialect dialect, const struct graphql_request *request)
{
    struct gql_document *document = find_document(exchange, dialect, request);
    struct gql_request asked = { .operation_name = request->operation_name, .variables = request->variables };

    if (document == NULL)
        return;
    if (check_operation(exchange, dialect, request, document)) {
        asked.context = call_new(exchange, dialect);
        gql_execute(document, &asked, executed, asked.context);
    }
    gql_document_release(document);
}

static bool read_request(struct exchange *exchange, struct graphql_request *request, enum graphql_refusal *refusal,
                         struct error *err)
{
    const struct query *query;
    const char *body, *key;
    size_t size;

    *refusal = GRAPHQL_BAD_REQUEST;
    if (!graphql_check_account(tenant, exchange_header(exchange, tenant), err) ||
        !graphql_check_account(sub_account, exchange_header(exchange, sub_account), err) ||
        !key_read(exchange, &key, err))
        return false;
    if (strcmp(exchange_method(exchange), "GET") == 0) {
        query = exchange_query(exchange, err);
        return query != NULL && graphql_read_get(query, request, refusal, err);
    }
    body = exchange_body(exchange, &size);
    return graphql_read_post(exchange_header(exchange, "Content-Type"), body, size, request, refusal, err);
}

bool graphql_admit(struct exchange *exchange)
{
    const enum graphql_dialect dialect = graphql_dialect(exchange_header(exchange, "Accept"));
    struct visit *visit = visit_of(exchange);
    struct error err = { 0 };

    if (!visit_identify(visit, exchange_header(exchange, "Authorization"), &err)) {
        snprintf(visit->reason, sizeof visit->reason, "%s", err.message); /* it has no word of the token */
        if (err.code == ERROR_UNAVAILABLE)
            exchange_set_header(exchange, "Retry-After", "5");
        else
            exchange_set_header(exchange, "WWW-Authenticate", "Bearer");
        refuse(exchange, dialect, err.code == ERROR_UNAVAILABLE ? GRAPHQL_UNAVAILABLE : GRAPHQL_UNAUTHENTICATED,
               err.message);
        return false;
    }
    if (visit->caller.admin || visit->caller.oper)
        return true;
    refuse(exchange, dialect, GRAPHQL_FORBIDDEN,
           "the caller is neither in the group of operators nor of administrators");
    return false;
}

void handle_graphql(struct exchange *exchange)
{
    const enum graphql_dialect dialect = graphql_dialect(exchange_header(exchange, "Accept"));
    struct graphql_request request;
    enum graphql_refusal refusal;
    struct error err = { 0 };

    if (!read_request(exchange, &request, &refusal, &err)) {
        refuse(exchange, dialect, refusal, err.message);
        return;
    }
    execute(exchange, dialect, &request);
    graphql_request_release(&request);
}

void handle_graphql_options(struct exchange *exchange)
{
    exchange_set_header(exchange, "Allow", methods);
    exchange_answer(exchange, 200, "application/json", "", 0);
}

void handle_graphql_method(struct exchange *exchange)
{
    exchange_set_header(exchange, "Allow", methods);
    exchange_answer(exchange, 405, "application/json", "", 0);
}

/* --- The database --- */

static void database_lost(void *context, const struct error *err)
{
    (void)context;
    log_warning("graphql_database_lost", LOG_TEXT("error", err->message));
}

static void database_failed(void *context, const struct error *err)
{
    (void)context;
    log_warning("graphql_database_failed", LOG_TEXT("error", err->message));
}

static bool open_connections(struct graphql *graphql, const struct graphql_options *options, struct error *err)
{
    /* Rows by their keys: the plan is always the same one, and planning costs more than running it. Without statistics,
     * as after an import, the planner would take the tables for small ones and read them whole. */
    static const char session_sql[] =
        "SET plan_cache_mode = force_generic_plan; SET statement_timeout = '15s'; SET jit = off;"
        " SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = "
        "off;";
    static const struct pg_pool_hooks hooks = { .lost = database_lost, .failed = database_failed };
    struct pg_options pg_options = { .conninfo = options->conninfo, .segments_max = SEGMENTS_MAX };
    char *setup_sql;

    if (asprintf(&setup_sql, "%s\n%s", session_sql, gateway_runtime_status_sql) < 0)
        abort();
    pg_options.setup_sql = setup_sql;
    graphql->pool = patient_pool_open(graphql->gateway->base, &pg_options, options->connections, &hooks, err);
    free(setup_sql);
    return graphql->pool != NULL;
}

bool graphql_ready(const struct graphql *graphql)
{
    return patient_pool_ready(graphql->pool);
}

bool call_read(struct graphql_call *call, const char *statement, const char *param, pg_done *done, void *context)
{
    const struct pg_statement asked = { .prepared = statement,
                                        .params = (const char *const[]){ param },
                                        .param_count = 1 };

    return patient_pool_submit(call->graphql->pool, &asked, 1, done, context);
}

/* --- Life --- */

/* The schema is ours, and part of the program: what is wrong with it, is wrong with the program. */
static void make_schema(struct graphql *graphql)
{
    struct gql_errors errors = { 0 };

    graphql->schema = gql_schema_new(gateway_graphql_schema, strlen(gateway_graphql_schema), &errors);
    if (graphql->schema != NULL &&
        gql_schema_bind(graphql->schema, bindings, sizeof bindings / sizeof bindings[0], &errors))
        return;
    for (size_t i = 0; i < errors.count; i++)
        log_error("schema_invalid", LOG_TEXT("error", errors.list[i].message));
    abort();
}

struct graphql *graphql_new(struct gateway *gateway, const struct graphql_options *options, struct error *err)
{
    static const char help[] = "GraphQL documents executed or refused, by whether their text was known.";
    struct graphql *graphql = calloc(1, sizeof *graphql);

    if (graphql == NULL)
        abort();
    graphql->gateway = gateway;
    graphql->secrets_shown = options->secrets_shown;
    make_schema(graphql);
    graphql->cache = gql_cache_new(graphql->schema, &options->limits, options->documents_bytes_max);
    graphql->configs = config_cache_new(options->configs_bytes_max);
    graphql->overdue = evtimer_new(gateway->base, readings_give_up, graphql);
    if (graphql->overdue == NULL)
        abort();
    graphql->found_total = metrics_counter("tidegate_graphql_documents_total", help, "from=\"cache\"");
    graphql->parsed_total = metrics_counter("tidegate_graphql_documents_total", help, "from=\"text\"");
    if (open_connections(graphql, options, err))
        return graphql;
    graphql_close(graphql);
    graphql_free(graphql);
    return NULL;
}

void graphql_close(struct graphql *graphql)
{
    if (graphql == NULL)
        return;
    patient_pool_close(graphql->pool);
    graphql->pool = NULL;
}

void graphql_free(struct graphql *graphql)
{
    if (graphql == NULL)
        return;
    gql_cache_free(graphql->cache);
    config_cache_free(graphql->configs);
    event_free(graphql->overdue);
    gql_schema_free(graphql->schema);
    free(graphql);
}
