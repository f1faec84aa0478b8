#include "services/api-gateway/runtimes_page.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/timestamp.h"
#include "common/json/lenient.h"
#include "services/api-gateway/runtimes_sql.h"
#include "services/api-gateway/shown_config.h"

enum { NEWEST = 2 }; /* upgrades of a type that are shown */

/* In the order in which a status shows them. */
static const struct {
    const char *type, *key;
} types[] = { { "upgradeKyma", "upgradingKyma" }, { "upgradeCluster", "upgradingCluster" } };
enum { TYPES = sizeof types / sizeof *types };

/* Borrowed from the rows, or from the element's `direct`. */
struct upgrade {
    const char *operation_id, *orchestration_id; /* NULL: no orchestration's */
    const char *state, *description;
    char created[TIMESTAMP_SIZE]; /* without the zone: texts are in the order of the times */
};

struct upgrades {
    struct upgrade newest[NEWEST];
    size_t count; /* of them */
    int64_t total;
};

struct element {
    bool found; /* a page is numbered before its elements are looked up */
    int row;
    json_t *direct; /* NULL: none */
    struct upgrades upgrades[TYPES];
};

struct page {
    const PGresult *rows;
    const char *total;
    struct element *elements;
    size_t count;
};

static const char *value(const struct page *page, int row, int column)
{
    return PQgetisnull(page->rows, row, column) ? NULL : PQgetvalue(page->rows, row, column);
}

/* --- Upgrades --- */

/* A JSON string without a zone, or one with the zone Z that is not quoted. */
static void take_created(struct upgrade *upgrade, const char *text)
{
    size_t size;

    text += *text == '"';
    size = strcspn(text, "\"Z");
    if (size >= sizeof upgrade->created)
        size = sizeof upgrade->created - 1;
    memcpy(upgrade->created, text, size);
    upgrade->created[size] = '\0';
}

static bool is_newer(const struct upgrade *upgrade, const struct upgrade *than)
{
    int order = strcmp(upgrade->created, than->created);

    return order != 0 ? order > 0 : strcmp(upgrade->operation_id, than->operation_id) > 0;
}

static void upgrades_add(struct upgrades *upgrades, const struct upgrade *upgrade)
{
    size_t at = upgrades->count;

    upgrades->total++;
    while (at > 0 && is_newer(upgrade, &upgrades->newest[at - 1]))
        at--;
    if (at == NEWEST)
        return;
    if (upgrades->count < NEWEST)
        upgrades->count++;
    memmove(&upgrades->newest[at + 1], &upgrades->newest[at], (upgrades->count - at - 1) * sizeof *upgrade);
    upgrades->newest[at] = *upgrade;
}

static void take_upgrade(const struct page *page, int row, struct element *element)
{
    const char *type = PQgetvalue(page->rows, row, RUNTIMES_KIND);
    struct upgrade upgrade = { .operation_id = PQgetvalue(page->rows, row, RUNTIMES_OPERATION_ID),
                               .orchestration_id = PQgetvalue(page->rows, row, RUNTIMES_ORCHESTRATION_ID),
                               .state = PQgetvalue(page->rows, row, RUNTIMES_STATE),
                               .description = PQgetvalue(page->rows, row, RUNTIMES_DESCRIPTION) };

    take_created(&upgrade, PQgetvalue(page->rows, row, RUNTIMES_CREATED));
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(type, types[i].type) == 0)
            upgrades_add(&element->upgrades[i], &upgrade);
}

/* The newest of them, beside how many there are. */
static void take_direct(struct element *element, const char *text)
{
    element->direct = json_loads(text, 0, NULL);
    for (size_t i = 0; i < TYPES; i++) {
        const json_t *kind = json_object_get(element->direct, types[i].key), *data = json_object_get(kind, "data");
        const json_t *item;
        size_t j;

        json_array_foreach(data, j, item) {
            struct upgrade upgrade = { .operation_id = json_text_of(item, "operationID"),
                                       .state = json_text_of(item, "state"),
                                       .description = json_text_of(item, "description") };

            take_created(&upgrade, json_text_of(item, "createdAt"));
            upgrades_add(&element->upgrades[i], &upgrade);
        }
        element->upgrades[i].total += json_integer_value(json_object_get(kind, "totalCount")) -
                                      (json_int_t)json_array_size(data);
    }
}

static void put_upgrade(struct text *out, const struct upgrade *upgrade)
{
    text_add(out, "{\"state\":");
    text_add_string(out, upgrade->state);
    text_add_member(out, "description", upgrade->description);
    text_add(out, ",\"createdAt\":\"");
    text_add(out, upgrade->created);
    text_add(out, "Z\"");
    text_add_member(out, "operationID", upgrade->operation_id);
    text_add_member(out, "orchestrationID", upgrade->orchestration_id);
    text_add(out, "}");
}

static void put_upgrades(struct text *out, const char *key, const struct upgrades *upgrades)
{
    if (upgrades->count == 0)
        return;
    text_add(out, ",\"");
    text_add(out, key);
    text_add(out, "\":{\"data\":[");
    for (size_t i = 0; i < upgrades->count; i++) {
        text_add(out, i > 0 ? "," : "");
        put_upgrade(out, &upgrades->newest[i]);
    }
    text_add(out, "],\"totalCount\":");
    text_add_integer(out, upgrades->total);
    text_add(out, ",\"count\":");
    text_add_integer(out, (int64_t)upgrades->count);
    text_add(out, "}");
}

/* --- Configurations --- */

/* Kyma configurations of one answer by their hash: most runtimes have the same few. */
struct rendered {
    const char *hash; /* borrowed from the rows */
    struct text text;
    UT_hash_handle hh;
};

static const struct rendered *kyma_rendered(struct rendered **known, const char *hash, const char *body)
{
    struct rendered *rendered;
    json_t *json, *shown;

    HASH_FIND_STR(*known, hash, rendered);
    if (rendered != NULL)
        return rendered;
    rendered = calloc(1, sizeof *rendered);
    if (rendered == NULL)
        abort();
    json = json_loads(body, JSON_DECODE_ANY, NULL);
    shown = shown_kyma_config(json);
    rendered->hash = hash;
    text_add_json(&rendered->text, shown);
    HASH_ADD_KEYPTR(hh, *known, rendered->hash, strlen(rendered->hash), rendered);
    json_decref(shown);
    json_decref(json);
    return rendered;
}

static void rendered_free(struct rendered *known)
{
    struct rendered *rendered, *next;

    HASH_ITER(hh, known, rendered, next) {
        HASH_DEL(known, rendered);
        text_release(&rendered->text);
        free(rendered);
    }
}

static void put_kyma(struct text *out, const struct page *page, int row, struct rendered **known)
{
    const char *hash = value(page, row, RUNTIMES_KYMA_HASH), *body = value(page, row, RUNTIMES_KYMA_CONFIG);
    const struct rendered *rendered;

    if (body == NULL)
        return;
    rendered = kyma_rendered(known, hash == NULL ? "" : hash, body);
    text_add(out, ",\"kymaConfig\":");
    text_add_bytes(out, rendered->text.bytes, rendered->text.size);
}

/* Name and seed of a runtime's own row stand where the configuration, which several may share, has none. */
static void put_cluster(struct text *out, const struct page *page, int row)
{
    static const struct {
        const char *member;
        int column;
    } own[] = { { "name", RUNTIMES_NAME }, { "seed", RUNTIMES_SEED } };
    const char *text = value(page, row, RUNTIMES_CLUSTER_CONFIG);
    json_t *body, *config;

    if (text == NULL)
        return;
    body = json_loads(text, JSON_DECODE_ANY, NULL);
    config = shown_cluster_config(body, SHOWN_CLUSTER_WHOLE);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        const char *of_row = PQgetvalue(page->rows, row, own[i].column);

        if (*of_row != '\0' && json_string_length(json_object_get(config, own[i].member)) == 0)
            json_object_set_new(config, own[i].member, json_string(of_row));
    }
    text_add(out, ",\"clusterConfig\":");
    text_add_json(out, config);
    json_decref(config);
    json_decref(body);
}

/* --- The page --- */

static size_t ordinal_of(const PGresult *rows, int row)
{
    return (size_t)strtoull(PQgetvalue(rows, row, RUNTIMES_ORDINAL), NULL, 10);
}

static size_t count_elements(const PGresult *rows)
{
    size_t count = 0;

    for (int row = 0; row < PQntuples(rows); row++) {
        const size_t ordinal = ordinal_of(rows, row);

        if (ordinal > count)
            count = ordinal;
    }
    return count;
}

static void take_row(struct page *page, int row)
{
    const size_t ordinal = ordinal_of(page->rows, row);
    struct element *element = ordinal > 0 ? &page->elements[ordinal - 1] : NULL;

    if (element == NULL) {
        page->total = PQgetvalue(page->rows, row, RUNTIMES_KIND);
    } else if (!PQgetisnull(page->rows, row, RUNTIMES_KIND)) {
        take_upgrade(page, row, element);
    } else {
        element->found = true;
        element->row = row;
        if (!PQgetisnull(page->rows, row, RUNTIMES_DIRECT))
            take_direct(element, PQgetvalue(page->rows, row, RUNTIMES_DIRECT));
    }
}

/* `created`: as RUNTIMES_CREATED. */
static void put_status_last(struct text *out, const char *status, const char *created)
{
    json_t *json = json_loads(status, 0, NULL), *operation = NULL;
    struct upgrade upgrade;
    struct text dumped = { 0 };

    take_created(&upgrade, created);
    for (size_t i = 0; i < TYPES && operation == NULL; i++)
        operation = json_array_get(json_object_get(json_object_get(json, types[i].key), "data"), 0);
    json_object_set_new(operation, "createdAt", json_sprintf("%sZ", upgrade.created));
    text_add_json(&dumped, json);
    text_add_bytes(out, dumped.bytes, dumped.size - 1);
    text_release(&dumped);
    json_decref(json);
}

/* All but its closing brace. */
static void put_status(struct text *out, const struct page *page, int row)
{
    const char *created = value(page, row, RUNTIMES_CREATED), *status = PQgetvalue(page->rows, row, RUNTIMES_STATUS);

    text_add(out, ",\"status\":");
    if (created != NULL)
        put_status_last(out, status, created);
    else
        text_add_bytes(out, status, (size_t)PQgetlength(page->rows, row, RUNTIMES_STATUS) - 1);
}

static void put_element(struct text *out, const struct page *page, const struct element *element)
{
    const PGresult *rows = page->rows;
    const char *version = value(page, element->row, RUNTIMES_VERSION);

    text_add_bytes(out, PQgetvalue(rows, element->row, RUNTIMES_HEAD),
                   (size_t)PQgetlength(rows, element->row, RUNTIMES_HEAD));
    put_status(out, page, element->row);
    for (size_t i = 0; i < TYPES; i++)
        put_upgrades(out, types[i].key, &element->upgrades[i]);
    text_add(out, "},\"userID\":\"\",\"avsInternalEvaluationID\":0");
    text_add_member(out, "kymaVersion", version != NULL && *version != '\0' ? version : NULL);
}

static void page_take(struct page *page, const PGresult *rows)
{
    *page = (struct page){ .rows = rows, .total = "0", .count = count_elements(rows) };
    page->elements = calloc(page->count + 1, sizeof *page->elements); /* none is no failure */
    if (page->elements == NULL)
        abort();
    for (int row = 0; row < PQntuples(rows); row++)
        take_row(page, row);
}

static void page_release(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        json_decref(page->elements[i].direct);
    free(page->elements);
}

void runtimes_page_put(struct text *out, const PGresult *rows, struct runtimes_configs wanted)
{
    struct rendered *known = NULL;
    struct page page;
    int64_t count = 0;

    page_take(&page, rows);
    text_add(out, "{\"data\":[");
    for (size_t i = 0; i < page.count; i++) {
        if (!page.elements[i].found)
            continue;
        text_add(out, count++ > 0 ? "," : "");
        put_element(out, &page, &page.elements[i]);
        if (wanted.kyma)
            put_kyma(out, &page, page.elements[i].row, &known);
        if (wanted.cluster)
            put_cluster(out, &page, page.elements[i].row);
        text_add(out, "}");
    }
    text_add(out, "],\"count\":");
    text_add_integer(out, count);
    text_add(out, ",\"totalCount\":");
    text_add(out, page.total);
    text_add(out, "}");
    rendered_free(known);
    page_release(&page);
}
