/* Orchestrations and their operations: reading them (E3, E4, E7) and stopping one (E5). */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/id.h"
#include "common/http/query.h"
#include "common/plan/plan.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/paging.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/sql.h"

enum { INTEGER_SIZE = 24, TEXT_SIZE = 512 };

/* --- Statements: each gives the whole answer as one text, out of one snapshot --- */

#define ORCHESTRATION_FIELDS                                                     \
    "o.orchestration_id AS \"orchestrationID\", o.type, o.state, o.description," \
    " " SQL_TIMESTAMP("o.created_at") " AS \"createdAt\","                       \
                                      " " SQL_TIMESTAMP("o.updated_at") " AS \"updatedAt\", o.parameters"

/* $1: states, or null. $2: page size. $3: offset. */
static const char list_sql[] =
    "PREPARE orchestration_list(text[], bigint, bigint) AS"
    " WITH matching AS MATERIALIZED ("
    "   SELECT orchestration_id, created_at FROM api.orchestrations WHERE $1 IS NULL OR state = ANY($1)),"
    " page AS MATERIALIZED ("
    "   SELECT * FROM matching ORDER BY created_at, orchestration_id LIMIT $2 OFFSET $3)"
    " SELECT row_to_json(answer)::text FROM (SELECT"
    "   coalesce((SELECT array_to_json(array_agg(element ORDER BY created_at, orchestration_id)) FROM ("
    "     SELECT o.created_at, o.orchestration_id,"
    "       (SELECT row_to_json(fields) FROM (SELECT " ORCHESTRATION_FIELDS ") fields) AS element"
    "     FROM page JOIN api.orchestrations o USING (orchestration_id)) elements), '[]'::json) AS data,"
    "   (SELECT count(*) FROM page) AS count,"
    "   (SELECT count(*) FROM matching) AS \"totalCount\") answer;";

/* $1: the ID. The statistics are left out where there are no operations. */
static const char one_sql[] = "PREPARE orchestration_one(text) AS"
                              " SELECT CASE WHEN o.stats IS NULL OR o.stats = '{}'::jsonb"
                              "   THEN (SELECT row_to_json(fields) FROM (SELECT " ORCHESTRATION_FIELDS ") fields)::text"
                              "   ELSE (SELECT row_to_json(fields) FROM (SELECT " ORCHESTRATION_FIELDS
                              ", o.stats AS \"operationStats\") fields)::text END"
                              " FROM api.orchestrations o WHERE o.orchestration_id = $1;";

static const char lane_sql[] = "PREPARE orchestration_lane(text) AS"
                               " SELECT lane FROM api.orchestrations WHERE orchestration_id = $1;";

/* $1: the orchestration's ID. $2: states, or null. $3: page size. $4: offset. No row: no such orchestration. The ID of
 * the plan comes between the two halves. */
static const char operations_sql_begin[] =
    "PREPARE operation_list(text, text[], bigint, bigint) AS"
    " WITH matching AS MATERIALIZED ("
    "   SELECT operation_id, created_at FROM api.operations"
    "   WHERE orchestration_id = $1 AND ($2 IS NULL OR state = ANY($2))),"
    " page AS MATERIALIZED ("
    "   SELECT * FROM matching ORDER BY created_at, operation_id LIMIT $3 OFFSET $4)"
    " SELECT row_to_json(answer)::text FROM (SELECT"
    "   coalesce((SELECT array_to_json(array_agg(element ORDER BY created_at, operation_id)) FROM ("
    "     SELECT o.created_at, o.operation_id, (SELECT row_to_json(fields) FROM (SELECT"
    "       o.operation_id AS \"operationID\", o.runtime_id AS \"runtimeID\","
    "       o.global_account_id AS \"globalAccountID\", o.sub_account_id AS \"subAccountID\","
    "       o.orchestration_id AS \"orchestrationID\", CASE o.plan_name";
static const char operations_sql_end[] =
    "       ELSE '' END AS \"servicePlanID\", o.plan_name AS \"servicePlanName\", o.dry_run AS \"dryRun\","
    "       o.shoot_name AS \"shootName\","
    "       " SQL_WINDOW(
        "o.window_begin") " AS \"maintenanceWindowBegin\","
                          "       " SQL_WINDOW(
                              "o.window_end") " AS \"maintenanceWindowEnd\", o.state, o.description) fields) AS element"
                                              "     FROM page JOIN api.operations o USING (operation_id)) elements), "
                                              "'[]'::json) AS data,"
                                              "   (SELECT count(*) FROM page) AS count,"
                                              "   (SELECT count(*) FROM matching) AS \"totalCount\") answer"
                                              " WHERE EXISTS (SELECT FROM api.orchestrations WHERE orchestration_id = "
                                              "$1);";

void orchestrations_put_setup(FILE *out)
{
    static const char *const plans[] = { "gcp",      "aws",   "aws_ha",    "azure", "azure_lite",
                                         "azure_ha", "trial", "openstack", "free",  "preview" };

    fputs(list_sql, out);
    fputs(one_sql, out);
    fputs(lane_sql, out);
    fputs(operations_sql_begin, out);
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++)
        fprintf(out, " WHEN '%s' THEN '%s'", plans[i], plan_id(plans[i]));
    fputs(operations_sql_end, out);
}

/* --- E3, E7: lists --- */

struct list {
    char size[INTEGER_SIZE], offset[INTEGER_SIZE];
    char *states; /* NULL: all */
};

/* False: the exchange is answered. */
static bool take_list(struct exchange *exchange, struct list *list)
{
    struct error err = { 0 };
    struct paging paging;
    const struct query *query = exchange_query(exchange, &err);

    if (query == NULL || !paging_read(query, visit_of(exchange)->gateway->page_size_max, &paging, &err)) {
        error_context(&err, "while getting query parameters");
        answer_refused(exchange, 400, err.message);
        return false;
    }
    snprintf(list->size, sizeof list->size, "%lld", (long long)paging.size);
    snprintf(list->offset, sizeof list->offset, "%lld", (long long)paging.offset);
    list->states = sql_query_array(query, "state");
    return true;
}

void handle_orchestrations(struct exchange *exchange)
{
    struct list list;

    if (!take_list(exchange, &list))
        return;
    read_answer(exchange, &(struct read){ .statement = "orchestration_list",
                                          .params = { list.states, list.size, list.offset },
                                          .param_count = 3 });
    free(list.states);
}

static void answer_no_orchestration(struct exchange *exchange)
{
    const char *id = exchange_variable(exchange, "orchestration_id");
    char text[TEXT_SIZE];

    snprintf(text, sizeof text, "while getting orchestration %.200s: there is no such orchestration", id);
    answer_refused(exchange, 404, text);
}

static void answer_if_found(struct exchange *exchange, const PGresult *rows)
{
    if (PQntuples(rows) == 1)
        answer_json_text(exchange, PQgetvalue(rows, 0, 0));
    else
        answer_no_orchestration(exchange);
}

void handle_operations(struct exchange *exchange)
{
    struct list list;

    if (!take_list(exchange, &list))
        return;
    read_answer(exchange, &(struct read){ .statement = "operation_list",
                                          .params = { exchange_variable(exchange, "orchestration_id"), list.states,
                                                      list.size, list.offset },
                                          .param_count = 4,
                                          .answer = answer_if_found });
    free(list.states);
}

/* --- E4 --- */

void handle_orchestration(struct exchange *exchange)
{
    read_answer(exchange, &(struct read){ .statement = "orchestration_one",
                                          .params = { exchange_variable(exchange, "orchestration_id") },
                                          .param_count = 1,
                                          .answer = answer_if_found });
}

/* --- E5: cancel --- */

static void cancel_decided(void *context, const struct request_result *result)
{
    struct exchange *exchange = context;

    answer_result(exchange, result,
                  (struct created){ "orchestrationID", exchange_variable(exchange, "orchestration_id") });
}

/* An unknown orchestration is for a lane to refuse, so that the refusal stands in the log; any lane will do. */
static void cancel_in_lane(struct exchange *exchange, const PGresult *rows)
{
    const char *lane = PQntuples(rows) == 1 ? PQgetvalue(rows, 0, 0) : "kyma";
    const char *id = exchange_variable(exchange, "orchestration_id");
    const struct visit *visit = visit_of(exchange);
    char request_id[UUID_SIZE];
    struct error err = { 0 };
    json_t *data = json_pack("{s:s, s:s, s:o}", "orchestrationID", id, "lane", lane, "actor", visit_actor(visit));

    uuid_random(request_id);
    if (!request_send(visit->gateway->requests,
                      &(struct ask){ .id = request_id,
                                     .topic = "orchestrations",
                                     .key = lane,
                                     .type = "tidegate.orchestration.cancel.v1",
                                     .traceparent = visit->traceparent,
                                     .data = data },
                      cancel_decided, exchange, &err))
        answer_refused(exchange, 503, err.message);
    json_decref(data);
}

void handle_orchestration_cancel(struct exchange *exchange)
{
    read_answer(exchange, &(struct read){ .statement = "orchestration_lane",
                                          .params = { exchange_variable(exchange, "orchestration_id") },
                                          .param_count = 1,
                                          .answer = cancel_in_lane });
}
