/* Runtimes, as the broker knows them (E9). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/http/query.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/paging.h"
#include "services/api-gateway/reads.h"
#include "services/api-gateway/runtimes_sql.h"
#include "services/api-gateway/shown_config.h"
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

/* --- Configurations --- */

/* Kyma configurations of one answer by their hash: most runtimes have the same few. */
struct rendered {
    const char *hash; /* borrowed from the rows */
    char *text;
    UT_hash_handle hh;
};

static char *render(json_t *config)
{
    char *text = json_dumps(config, JSON_COMPACT);

    if (text == NULL)
        abort(); /* it came out of a JSON text: only memory can lack */
    json_decref(config);
    return text;
}

static const char *kyma_text(struct rendered **known, const char *hash, const char *body)
{
    struct rendered *rendered;
    json_t *json;

    HASH_FIND_STR(*known, hash, rendered);
    if (rendered != NULL)
        return rendered->text;
    json = json_loads(body, JSON_DECODE_ANY, NULL);
    rendered = malloc(sizeof *rendered);
    if (rendered == NULL)
        abort();
    *rendered = (struct rendered){ .hash = hash, .text = render(shown_kyma_config(json)) };
    HASH_ADD_KEYPTR(hh, *known, rendered->hash, strlen(rendered->hash), rendered);
    json_decref(json);
    return rendered->text;
}

static void rendered_free(struct rendered *known)
{
    struct rendered *rendered, *next;

    HASH_ITER(hh, known, rendered, next) {
        HASH_DEL(known, rendered);
        free(rendered->text);
        free(rendered);
    }
}

/* Name and seed of a runtime's own row stand where the configuration, which several may share, has none. */
static void put_cluster(FILE *out, const PGresult *rows, int row)
{
    static const struct {
        const char *member;
        int column;
    } own[] = { { "name", RUNTIMES_NAME }, { "seed", RUNTIMES_SEED } };
    json_t *body = json_loads(PQgetvalue(rows, row, RUNTIMES_CLUSTER_CONFIG), JSON_DECODE_ANY, NULL);
    json_t *config = shown_cluster_config(body, SHOWN_CLUSTER_WHOLE);
    char *text;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        const char *value = PQgetvalue(rows, row, own[i].column);

        if (*value != '\0' && json_string_length(json_object_get(config, own[i].member)) == 0)
            json_object_set_new(config, own[i].member, json_string(value));
    }
    text = render(config);
    fprintf(out, ",\"clusterConfig\":%s", text);
    free(text);
    json_decref(body);
}

static int element_count(const PGresult *rows)
{
    return PQgetisnull(rows, 0, RUNTIMES_ELEMENT) ? 0 : PQntuples(rows);
}

struct configs {
    bool kyma, cluster;
};

static void answer_configured(struct exchange *exchange, const PGresult *rows, struct configs wanted)
{
    struct rendered *known = NULL;
    const int count = element_count(rows);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        abort();
    fputs("{\"data\":[", out);
    for (int row = 0; row < count; row++) {
        fprintf(out, "%s%s", row > 0 ? "," : "", PQgetvalue(rows, row, RUNTIMES_ELEMENT));
        if (wanted.kyma && !PQgetisnull(rows, row, RUNTIMES_KYMA_CONFIG))
            fprintf(out, ",\"kymaConfig\":%s",
                    kyma_text(&known, PQgetvalue(rows, row, RUNTIMES_KYMA_HASH),
                              PQgetvalue(rows, row, RUNTIMES_KYMA_CONFIG)));
        if (wanted.cluster && !PQgetisnull(rows, row, RUNTIMES_CLUSTER_CONFIG))
            put_cluster(out, rows, row);
        putc('}', out);
    }
    fprintf(out, "],\"count\":%d,\"totalCount\":%s}", count, PQgetvalue(rows, 0, RUNTIMES_TOTAL));
    if (fclose(out) != 0)
        abort();
    answer_json_text(exchange, text);
    free(text);
    rendered_free(known);
}

static void answer_kyma(struct exchange *exchange, const PGresult *rows)
{
    answer_configured(exchange, rows, (struct configs){ .kyma = true });
}

static void answer_cluster(struct exchange *exchange, const PGresult *rows)
{
    answer_configured(exchange, rows, (struct configs){ .cluster = true });
}

static void answer_both(struct exchange *exchange, const PGresult *rows)
{
    answer_configured(exchange, rows, (struct configs){ .kyma = true, .cluster = true });
}

static void (*answer_of(struct configs wanted))(struct exchange *exchange, const PGresult *rows)
{
    if (wanted.kyma)
        return wanted.cluster ? answer_both : answer_kyma;
    return wanted.cluster ? answer_cluster : NULL;
}

/* --- E9 --- */

static void ask(struct exchange *exchange, const struct query *query, const struct paging *paging,
                const struct state_filter *filter)
{
    const enum runtimes_list list = list_of(query, filter);
    const struct configs configs = { .kyma = wants(query, "kyma_config"), .cluster = wants(query, "cluster_config") };
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
