/* Runtimes, as the broker knows them (E9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/http/query.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/paging.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/runtimes_page.h"
#include "services/api-gateway/runtimes_sql.h"
#include "services/api-gateway/sql.h"

enum { INTEGER_SIZE = 24 };

static const char *const states[] = { "succeeded",      "failed",    "error",    "provisioning",
                                      "deprovisioning", "upgrading", "updating", "suspended" };

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

/* Only the exact text "true" switches on. */
static bool wants(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query_count(query, name); i++)
        if (strcmp(query_value(query, name, i), "true") == 0)
            return true;
    return false;
}

static enum runtimes_list list_of(const struct query *query, const struct state_filter *filter)
{
    for (size_t i = 0; i < RUNTIMES_FILTER_COUNT; i++)
        if (query_count(query, runtimes_filters[i]) > 0)
            return RUNTIMES_FILTERED;
    if (filter->all)
        return RUNTIMES_LISTED;
    return filter->hide_suspended ? RUNTIMES_SHOWN : RUNTIMES_FILTERED;
}

/* --- The answer --- */

static void answer_page(struct exchange *exchange, const PGresult *rows, struct runtimes_configs wanted)
{
    struct text page = { 0 };

    runtimes_page_put(&page, rows, wanted);
    exchange_answer(exchange, 200, "application/json", page.bytes, page.size);
    text_release(&page);
}

static void answer_plain(struct exchange *exchange, const PGresult *rows)
{
    answer_page(exchange, rows, (struct runtimes_configs){ 0 });
}

static void answer_kyma(struct exchange *exchange, const PGresult *rows)
{
    answer_page(exchange, rows, (struct runtimes_configs){ .kyma = true });
}

static void answer_cluster(struct exchange *exchange, const PGresult *rows)
{
    answer_page(exchange, rows, (struct runtimes_configs){ .cluster = true });
}

static void answer_both(struct exchange *exchange, const PGresult *rows)
{
    answer_page(exchange, rows, (struct runtimes_configs){ .kyma = true, .cluster = true });
}

static void (*answer_of(struct runtimes_configs wanted))(struct exchange *exchange, const PGresult *rows)
{
    if (wanted.kyma)
        return wanted.cluster ? answer_both : answer_kyma;
    return wanted.cluster ? answer_cluster : answer_plain;
}

/* --- E9 --- */

static void ask(struct exchange *exchange, const struct query *query, const struct paging *paging,
                const struct state_filter *filter)
{
    const enum runtimes_list list = list_of(query, filter);
    const struct runtimes_configs configs = { .kyma = wants(query, "kyma_config"),
                                              .cluster = wants(query, "cluster_config") };
    struct read read = { .statement = runtimes_statement(list, configs.kyma || configs.cluster),
                         .plan = list == RUNTIMES_FILTERED ? READ_PLAN_EACH : READ_PLAN_FIXED,
                         .answer = answer_of(configs) };
    char size[INTEGER_SIZE], offset[INTEGER_SIZE];
    char *arrays[RUNTIMES_FILTER_COUNT + 1] = { 0 };

    snprintf(size, sizeof size, "%lld", (long long)paging->size);
    snprintf(offset, sizeof offset, "%lld", (long long)paging->offset);
    read.params[read.param_count++] = size;
    read.params[read.param_count++] = offset;
    read.params[read.param_count++] = wants_last_only(query) ? "true" : "false";
    if (list == RUNTIMES_FILTERED) {
        for (size_t i = 0; i < RUNTIMES_FILTER_COUNT; i++)
            arrays[i] = sql_query_array(query, runtimes_filters[i]);
        if (!filter->all)
            arrays[RUNTIMES_FILTER_COUNT] = sql_query_array(query, "state");
        for (size_t i = 0; i <= RUNTIMES_FILTER_COUNT; i++)
            read.params[read.param_count++] = arrays[i];
        read.params[read.param_count++] = filter->hide_suspended ? "true" : "false";
    }
    read_answer(exchange, &read);
    for (size_t i = 0; i <= RUNTIMES_FILTER_COUNT; i++)
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
