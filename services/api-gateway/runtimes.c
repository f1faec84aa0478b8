/* Runtimes, as the broker knows them (E9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/query.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/paging.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/sql.h"

enum { INTEGER_SIZE = 24 };

/* In the order of the statement's first parameters. */
static const struct {
    const char *member, *column;
} filters[] = {
    { "account", "global_account_id" },
    { "subaccount", "sub_account_id" },
    { "instance_id", "instance_id" },
    { "runtime_id", "runtime_id" },
    { "region", "region" },
    { "plan", "plan_name" },
    { "shoot", "shoot_name" },
};
enum { FILTER_COUNT = sizeof filters / sizeof filters[0] };

static const char *const states[] = { "succeeded",      "failed",    "error",    "provisioning",
                                      "deprovisioning", "upgrading", "updating", "suspended" };

/* The service that instances are instances of; the same for all, in every landscape. */
#define SERVICE_CLASS_ID "47c9dcbf-ff30-448e-ab36-d3bad66ba281"

/* After the filters: $8 states, or null: all; $9 hide suspended ones; $10 the last operation only; $11 page size; $12
 * offset. */
static const char page_sql[] =
    "   AND ($8 IS NULL OR state = ANY($8)) AND NOT ($9 AND state = 'suspended')),"
    " page AS MATERIALIZED (SELECT * FROM matching ORDER BY created_at, instance_id LIMIT $11 OFFSET $12)"
    " SELECT row_to_json(answer)::text FROM (SELECT"
    "   coalesce((SELECT array_to_json(array_agg(element ORDER BY created_at, instance_id)) FROM ("
    "     SELECT i.created_at, i.instance_id, json_strip_nulls((SELECT row_to_json(fields) FROM (SELECT"
    "       i.instance_id AS \"instanceID\", i.runtime_id AS \"runtimeID\","
    "       i.global_account_id AS \"globalAccountID\", '' AS \"subscriptionGlobalAccountID\","
    "       i.sub_account_id AS \"subAccountID\", i.region, 'cf-eu10' AS \"subAccountRegion\","
    "       i.shoot_name AS \"shootName\", '" SERVICE_CLASS_ID "' AS \"serviceClassID\","
    "       'kymaruntime' AS \"serviceClassName\", i.plan_id AS \"servicePlanID\","
    "       i.plan_name AS \"servicePlanName\", i.provider,"
    "       CASE WHEN $10 THEN i.status_last ELSE i.status END AS status,"
    "       '' AS \"userID\", 0 AS \"avsInternalEvaluationID\","
    "       CASE WHEN NOT $10 THEN nullif(i.kyma_version, '') END AS \"kymaVersion\") fields)) AS element"
    "     FROM page JOIN api.instances i USING (instance_id)) elements), '[]'::json) AS data,"
    "   (SELECT count(*) FROM page) AS count,"
    "   (SELECT count(*) FROM matching) AS \"totalCount\") answer;";

void runtimes_put_setup(FILE *out)
{
    fputs("PREPARE runtime_list(text[], text[], text[], text[], text[], text[], text[], text[], boolean, boolean,"
          " bigint, bigint) AS WITH matching AS MATERIALIZED ("
          " SELECT instance_id, created_at FROM api.instances WHERE true",
          out);
    for (int i = 0; i < FILTER_COUNT; i++)
        fprintf(out, " AND ($%d IS NULL OR %s = ANY($%d))", i + 1, filters[i].column, i + 1);
    fputs(page_sql, out);
}

/* --- What is asked for --- */

static bool is_state(const char *text)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(text, states[i]) == 0)
            return true;
    return false;
}

struct state_filter {
    bool all;            /* "all" was given: it overrides the others */
    bool hide_suspended; /* nothing was given */
};

static bool take_states(const struct query *query, struct state_filter *filter, struct error *err)
{
    *filter = (struct state_filter){ .hide_suspended = query_count(query, "state") == 0 };
    for (size_t i = 0; i < query_count(query, "state"); i++) {
        const char *value = query_value(query, "state", i);

        if (strcmp(value, "all") == 0)
            filter->all = true;
        else if (!is_state(value))
            return error_set(err, ERROR_INPUT,
                             "state \"%.64s\" is not known; known are succeeded, failed, error, provisioning, "
                             "deprovisioning, upgrading, updating, suspended, all",
                             value);
    }
    return true;
}

/* The last known value counts; unknown ones are ignored. */
static bool wants_last_only(const struct query *query)
{
    for (size_t i = query_count(query, "op_detail"); i > 0; i--) {
        const char *value = query_value(query, "op_detail", i - 1);

        if (strcmp(value, "last") == 0)
            return true;
        if (strcmp(value, "all") == 0)
            return false;
    }
    return false;
}

static void ask(struct exchange *exchange, const struct query *query, const struct paging *paging,
                const struct state_filter *filter)
{
    struct read read = { .statement = "runtime_list" };
    char size[INTEGER_SIZE], offset[INTEGER_SIZE];
    char *arrays[FILTER_COUNT + 1] = { 0 };

    snprintf(size, sizeof size, "%lld", (long long)paging->size);
    snprintf(offset, sizeof offset, "%lld", (long long)paging->offset);
    for (size_t i = 0; i < FILTER_COUNT; i++)
        arrays[i] = sql_query_array(query, filters[i].member);
    if (!filter->all)
        arrays[FILTER_COUNT] = sql_query_array(query, "state");
    for (int i = 0; i <= FILTER_COUNT; i++)
        read.params[read.param_count++] = arrays[i];
    read.params[read.param_count++] = filter->hide_suspended ? "true" : "false";
    read.params[read.param_count++] = wants_last_only(query) ? "true" : "false";
    read.params[read.param_count++] = size;
    read.params[read.param_count++] = offset;
    read_answer(exchange, &read);
    for (size_t i = 0; i <= FILTER_COUNT; i++)
        free(arrays[i]);
}

void handle_runtimes(struct exchange *exchange)
{
    struct error err = { 0 };
    const struct query *query = exchange_query(exchange, &err);
    struct state_filter filter;
    struct paging paging;

    if (query != NULL && paging_read(query, visit_of(exchange)->gateway->page_size_max, &paging, &err) &&
        take_states(query, &filter, &err)) {
        ask(exchange, query, &paging, &filter);
        return;
    }
    error_context(&err, "while getting query parameters");
    answer_refused(exchange, 400, err.message);
}
