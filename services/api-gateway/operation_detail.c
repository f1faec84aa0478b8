/* GET /orchestrations/{id}/operations/{id} (E8): one operation, with the configuration that is sent to its runtime. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "services/api-gateway/gateway.h"
#include "services/api-gateway/operation_sql.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/shown_config.h"

enum { TEXT_SIZE = 768 };

enum { COLUMN_OPERATION, COLUMN_TYPE, COLUMN_KYMA, COLUMN_CLUSTER };

/* $1: the orchestration's ID. $2: the operation's. No row: no such orchestration; a row of nulls: it has no such
 * operation. A configuration is what the runtime's operation brought, for Kyma with the components that only this runtime
 * has; before it did, what was sent, for a cluster on top of what the cluster has. */
static const char begin_sql[] =
    "PREPARE operation_detail(text, text) AS SELECT CASE WHEN o.operation_id IS NOT NULL THEN"
    " (SELECT row_to_json(fields) FROM (SELECT ";
static const char end_sql[] =
    ") fields)::text END, g.type,"
    " CASE WHEN g.type = 'upgradeKyma' THEN coalesce("
    "   (SELECT r.kyma_config FROM api.runtime_operations r"
    "    WHERE r.operation_id = o.operation_id AND r.kyma_config IS NOT NULL LIMIT 1),"
    "   d.kyma_config)::text END,"
    " CASE WHEN g.type = 'upgradeCluster' THEN coalesce("
    "   (SELECT r.cluster_config FROM api.runtime_operations r"
    "    WHERE r.operation_id = o.operation_id AND r.cluster_config IS NOT NULL LIMIT 1),"
    "   coalesce((SELECT s.cluster_config FROM api.runtime_status s WHERE s.runtime_id = o.runtime_id LIMIT 1),"
    "     '{}'::jsonb) || jsonb_strip_nulls(d.cluster_config))::text END"
    " FROM api.orchestrations g"
    " LEFT JOIN api.operations o ON o.orchestration_id = g.orchestration_id AND o.operation_id = $2"
    " LEFT JOIN api.operation_details d ON d.operation_id = o.operation_id"
    " WHERE g.orchestration_id = $1;";

void operation_detail_put_setup(FILE *out)
{
    fputs(begin_sql, out);
    operation_sql_put_fields(out);
    fputs(end_sql, out);
}

static void answer_missing(struct exchange *exchange, const char *what, const char *variable)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof text, "while getting %s %.200s: there is no such %s", what,
             exchange_variable(exchange, variable), what);
    answer_refused(exchange, 404, text);
}

/* NULL is SQL's. Own: json_decref. */
static json_t *json_of(const PGresult *rows, int column)
{
    return PQgetisnull(rows, 0, column) ? NULL : json_loads(PQgetvalue(rows, 0, column), JSON_DECODE_ANY, NULL);
}

/* Exactly one of the two is shown, always. */
static void show_config(json_t *operation, const PGresult *rows)
{
    const bool is_cluster = strcmp(PQgetvalue(rows, 0, COLUMN_TYPE), "upgradeCluster") == 0;
    json_t *body = json_of(rows, is_cluster ? COLUMN_CLUSTER : COLUMN_KYMA);

    if (is_cluster)
        json_object_set_new(operation, "clusterConfig", shown_cluster_config(body, SHOWN_CLUSTER_UPGRADE));
    else
        json_object_set_new(operation, "kymaConfig", shown_kyma_config(body));
    json_decref(body);
}

static void answer_detail(struct exchange *exchange, const PGresult *rows)
{
    json_t *operation;

    if (PQntuples(rows) == 0) {
        answer_missing(exchange, "orchestration", "orchestration_id");
        return;
    }
    operation = json_of(rows, COLUMN_OPERATION);
    if (operation == NULL) {
        answer_missing(exchange, "operation", "operation_id");
        return;
    }
    show_config(operation, rows);
    exchange_answer_json(exchange, 200, operation);
}

void handle_operation(struct exchange *exchange)
{
    read_answer(exchange, &(struct read){ .statement = "operation_detail",
                                          .params = { exchange_variable(exchange, "orchestration_id"),
                                                      exchange_variable(exchange, "operation_id") },
                                          .param_count = 2,
                                          .plan = READ_PLAN_FIXED,
                                          .answer = answer_detail });
}
