/* Orchestrations and their operations: reading them (E3, E4, E7). */
#include <stdio.h>
#include <stdlib.h>

#include "common/http/query.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/operation_sql.h"
#include "services/api-gateway/paging.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/sql.h"

enum { INTEGER_SIZE = 24 };

/* --- Statements: each gives the whole answer as one text, out of one snapshot --- */

static const char orchestration_fields[] = "o.orchestration_id AS \"orchestrationID\", o.type, o.state, o.description,"
                                           " " SQL_TIMESTAMP("o.created_at") " AS \"createdAt\", " SQL_TIMESTAMP(
                                               "o.updated_at") " AS \"updatedAt\", o.parameters";

static void put_orchestration_fields(FILE *out)
{
    fputs(orchestration_fields, out);
}

/* A client asks for pages until it has as many elements as the total says, so the total must never say more than the
 * pages give: both come out of one statement. */
struct list_sql {
    const char *prepare;           /* name and types of its parameters */
    const char *beside;            /* of FROM, before the page; it ends in a comma and LATERAL, or is empty */
    const char *total;             /* an expression */
    void (*put_fields)(FILE *out); /* of an element, from `o` */
    const char *rows;              /* FROM, WHERE, ORDER BY, LIMIT of `o` */
    const char *where;             /* of the whole; no row: 404 */
};

/* Of operations the page is a range of positions and the total a sum of the numbers by state, so that a deep page costs
 * what the first one costs. With a filter the total is known too: who has found the last of them looks no further. */
static const struct list_sql lists[] = {
    { .prepare = "orchestration_page(bigint, bigint)", /* size, offset */
      .beside = "",
      .total = "(SELECT count(*) FROM api.orchestrations)",
      .put_fields = put_orchestration_fields,
      .rows = "FROM api.orchestrations o ORDER BY o.created_at, o.orchestration_id LIMIT $1 OFFSET $2",
      .where = "" },
    { .prepare = "orchestration_list(text[], bigint, bigint)", /* states, size, offset */
      .beside = "",
      .total = "(SELECT count(*) FROM api.orchestrations WHERE state = ANY($1))",
      .put_fields = put_orchestration_fields,
      .rows = "FROM api.orchestrations o WHERE o.state = ANY($1)"
              " ORDER BY o.created_at, o.orchestration_id LIMIT $2 OFFSET $3",
      .where = "" },
    { .prepare = "operation_page(text, bigint, bigint)", /* orchestration, size, offset */
      .beside = "api.orchestrations r, LATERAL",
      .total = "coalesce((SELECT sum(value::bigint) FROM jsonb_each_text(r.stats)), 0)",
      .put_fields = operation_sql_put_fields,
      .rows = "FROM api.operations o WHERE o.orchestration_id = $1 AND o.position > $3 AND o.position <= $3 + $2"
              " ORDER BY o.position",
      .where = " WHERE r.orchestration_id = $1" },
    { .prepare = "operation_list(text, text[], bigint, bigint)", /* orchestration, states, size, offset */
      .beside = "api.orchestrations r, LATERAL (SELECT coalesce(sum(value::bigint), 0)::bigint AS count"
                " FROM jsonb_each_text(r.stats) WHERE key = ANY($2)) total, LATERAL",
      .total = "total.count",
      .put_fields = operation_sql_put_fields,
      .rows = "FROM api.operations o WHERE o.orchestration_id = $1 AND o.state = ANY($2)"
              " ORDER BY o.position LIMIT greatest(0, least($3, total.count - $4)) OFFSET $4",
      .where = " WHERE r.orchestration_id = $1" },
};

/* Each || copies what stands before it, so the elements are joined last. */
static void put_list(FILE *out, const struct list_sql *list)
{
    fprintf(out,
            "PREPARE %s AS SELECT ('{\"data\":[' || coalesce(page.elements, '')) || ('],\"count\":' || page.count ||"
            " ',\"totalCount\":' || %s || '}') FROM %s (SELECT string_agg(element, ',') AS elements, count(*) AS count"
            " FROM (SELECT (SELECT row_to_json(fields) FROM (SELECT ",
            list->prepare, list->total, list->beside);
    list->put_fields(out);
    fprintf(out, ") fields)::text AS element %s) ordered) page%s;\n", list->rows, list->where);
}

/* $1: the ID. The statistics are left out where there are no operations. */
static void put_one(FILE *out)
{
    fprintf(out,
            "PREPARE orchestration_one(text) AS SELECT CASE WHEN o.stats IS NULL OR o.stats = '{}'::jsonb"
            " THEN (SELECT row_to_json(fields) FROM (SELECT %s) fields)::text"
            " ELSE (SELECT row_to_json(fields) FROM (SELECT %s, o.stats AS \"operationStats\") fields)::text END"
            " FROM api.orchestrations o WHERE o.orchestration_id = $1;\n",
            orchestration_fields, orchestration_fields);
}

void orchestrations_put_setup(FILE *out)
{
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        put_list(out, &lists[i]);
    put_one(out);
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

/* What it is a list of, comes before. */
static void put_list_params(const struct list *list, struct read *read)
{
    if (list->states != NULL)
        read->params[read->param_count++] = list->states;
    read->params[read->param_count++] = list->size;
    read->params[read->param_count++] = list->offset;
}

void handle_orchestrations(struct exchange *exchange)
{
    struct list list;
    struct read read = { .plan = READ_PLAN_FIXED };

    if (!take_list(exchange, &list))
        return;
    read.statement = list.states == NULL ? "orchestration_page" : "orchestration_list";
    put_list_params(&list, &read);
    read_answer(exchange, &read);
    free(list.states);
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
    struct read read = { .plan = READ_PLAN_FIXED,
                         .params = { exchange_variable(exchange, "orchestration_id") },
                         .param_count = 1,
                         .answer = answer_if_found };

    if (!take_list(exchange, &list))
        return;
    read.statement = list.states == NULL ? "operation_page" : "operation_list";
    put_list_params(&list, &read);
    read_answer(exchange, &read);
    free(list.states);
}

/* --- E4 --- */

void handle_orchestration(struct exchange *exchange)
{
    read_answer(exchange, &(struct read){ .statement = "orchestration_one",
                                          .plan = READ_PLAN_FIXED,
                                          .params = { exchange_variable(exchange, "orchestration_id") },
                                          .param_count = 1,
                                          .answer = answer_if_found });
}
