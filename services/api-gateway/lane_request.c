/* What is asked of an orchestration that exists: to cancel it (E5), to retry what failed of it (E6). Both go to the lane
 * that it is in, where all that concerns it is decided in one order. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/observe/log.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/keyed.h"
#include "services/api-gateway/patient_pool.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/retry_form.h"

enum { TEXT_SIZE = 768 };

static const char topic[] = "orchestrations";

static const char lane_sql[] = "PREPARE orchestration_lane(text) AS"
                               " SELECT lane FROM api.orchestrations WHERE orchestration_id = $1;";

void lane_request_put_setup(FILE *out)
{
    fputs(lane_sql, out);
}

struct lane_request {
    struct exchange *exchange;
    const char *type;
    struct idempotent idempotent;
    char request_id[IDEMPOTENCY_ID_SIZE];
    json_t *data; /* own: all that the lane is told, but for its name */
};

static const char *orchestration_of(const struct exchange *exchange)
{
    return exchange_variable(exchange, "orchestration_id");
}

static struct lane_request *lane_request_new(struct exchange *exchange, const char *type)
{
    struct lane_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        abort();
    request->exchange = exchange;
    request->type = type;
    request->data = json_pack("{s:s, s:o}", "orchestrationID", orchestration_of(exchange), "actor",
                              visit_actor(visit_of(exchange)));
    return request;
}

/* Before the answer: the key is free as soon as the client can know it. */
static struct exchange *lane_request_end(struct lane_request *request)
{
    struct exchange *exchange = request->exchange;

    keyed_release(exchange, &request->idempotent);
    json_decref(request->data);
    free(request);
    return exchange;
}

/* --- To the lane --- */

static void decided(void *context, const struct request_result *result)
{
    struct exchange *exchange = lane_request_end(context);

    answer_result(exchange, result, (struct created){ "orchestrationID", orchestration_of(exchange) });
}

static void ask(struct lane_request *request, const char *lane)
{
    const struct visit *visit = visit_of(request->exchange);
    struct error err = { 0 };

    json_object_set_new(request->data, "lane", json_string(lane));
    if (!request_send(visit->gateway->requests,
                      &(struct ask){ .id = request->request_id,
                                     .topic = topic,
                                     .key = lane,
                                     .type = request->type,
                                     .traceparent = visit->traceparent,
                                     .data = request->data },
                      decided, request, &err))
        answer_refused(lane_request_end(request), err.code == ERROR_INPUT ? 400 : 503, err.message);
}

/* An unknown orchestration is for a lane to refuse, so that the refusal stands in the log; any lane will do. */
static void lane_read(void *context, const struct pg_answer *answer)
{
    struct lane_request *request = context;

    switch (answer->outcome) {
    case PG_DONE:
        ask(request, PQntuples(answer->results[0]) == 1 ? PQgetvalue(answer->results[0], 0, 0) : "kyma");
        break;
    case PG_ERROR:
        log_error("read_refused", LOG_TEXT("statement", "orchestration_lane"), LOG_TEXT("sqlstate", answer->sqlstate),
                  LOG_TEXT("error", answer->err.message));
        answer_refused(lane_request_end(request), 500,
                       "while reading the database: it refused the question; see the log");
        break;
    case PG_LOST: answer_refused(lane_request_end(request), 503, "the database does not answer; try again"); break;
    }
}

static void look_for_lane(struct lane_request *request)
{
    const char *const params[] = { orchestration_of(request->exchange) };
    const struct pg_statement statement = { .prepared = "orchestration_lane", .params = params, .param_count = 1 };

    if (!patient_pool_submit(visit_of(request->exchange)->gateway->reads, &statement, 1, lane_read, request))
        answer_refused(lane_request_end(request), 503, "the database does not answer; try again");
}

/* --- E5: cancel --- */

void handle_orchestration_cancel(struct exchange *exchange)
{
    struct lane_request *request = lane_request_new(exchange, "tidegate.orchestration.cancel.v1");

    uuid_random(request->request_id);
    look_for_lane(request);
}

/* --- E6: retry --- */

static void claimed(void *context, enum idempotency_verdict verdict, const struct outcome *outcome)
{
    struct lane_request *request = context;

    switch (verdict) {
    case IDEMPOTENCY_NEW: look_for_lane(request); break;
    case IDEMPOTENCY_REPEATED:
        decided(request, &(struct request_result){ .end = REQUEST_ANSWERED, .outcomes = { *outcome }, .count = 1 });
        break;
    case IDEMPOTENCY_UNKNOWN: keyed_refuse_unknown(lane_request_end(request)); break;
    case IDEMPOTENCY_RUNS:
    case IDEMPOTENCY_REUSED:
        request->idempotent.key_id[0] = '\0'; /* it is another's */
        keyed_refuse(lane_request_end(request), verdict);
        break;
    }
}

/* NULL: the exchange is answered. Else an array, which the caller owns. */
static json_t *read_operations(struct exchange *exchange)
{
    const char *type = exchange_header(exchange, "Content-Type");
    const struct query *query;
    struct error err = { 0 };
    char text[TEXT_SIZE];
    json_t *ids = NULL;
    const char *body;
    size_t size;

    if (!retry_form_is_media_type(type)) {
        snprintf(text, sizeof text, "invalide content type %.200s", type != NULL ? type : "");
        answer_refused(exchange, 415, text);
        return NULL;
    }
    body = exchange_body(exchange, &size);
    query = exchange_query(exchange, &err);
    if (query != NULL)
        ids = retry_form_read(body, size, query, &err);
    if (ids == NULL) {
        snprintf(text, sizeof text, "while retrying orchestration %.200s: while parsing the form: %s",
                 orchestration_of(exchange), err.message);
        answer_refused(exchange, 400, text);
    }
    return ids;
}

/* The same operations are the same request, wherever in it they are named. */
static bool take_key(struct lane_request *request, const json_t *ids)
{
    char *body = json_dumps(ids, JSON_COMPACT);
    bool taken;

    if (body == NULL)
        abort();
    taken = keyed_read(request->exchange, body, strlen(body), &request->idempotent);
    free(body);
    if (!taken)
        return false;
    if (request->idempotent.key_id[0] == '\0') {
        uuid_random(request->request_id);
        return true;
    }
    idempotency_request_id(&request->idempotent, 0, request->request_id);
    json_object_set_new(request->data, "retryID", json_string(request->idempotent.key_id));
    json_object_set_new(request->data, "bodyHash", json_string(request->idempotent.body_hash));
    return true;
}

void handle_orchestration_retry(struct exchange *exchange)
{
    json_t *ids = read_operations(exchange);
    struct lane_request *request;

    if (ids == NULL)
        return;
    request = lane_request_new(exchange, "tidegate.orchestration.retry.v1");
    json_object_set_new(request->data, "operations", ids);
    if (take_key(request, ids)) {
        keyed_claim(exchange, topic, &request->idempotent, claimed, request);
        return;
    }
    json_decref(request->data); /* answered */
    free(request);
}
