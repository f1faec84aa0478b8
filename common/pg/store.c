#include "common/pg/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/embed.h"
#include "common/pg/pg.h"
#include "common/pg/statements.h"

EMBED_TEXT(store_schema_sql, "common/pg/store.sql");

/* All services, in all schemas, prepare under this one lock: they share schema api. Any number, but the same. */
#define PREPARE_LOCK "7309453218"

#define HASH_GENESIS "0000000000000000000000000000000000000000000000000000000000000000"

struct store {
    struct pg *pg;
    const struct core *core;
    struct store_hooks hooks;
    bool must_be_empty; /* until it was found empty once: what comes later is our own */
    char *begin_sql;    /* takes the lock, makes the store's own tables, asks what ran last */
    char *define_sql;   /* the service's DDL */
    char *catalogue_sql;
    char hash[SHA256_HEX_SIZE]; /* of define_sql */
};

/* A load or a projection under way. */
struct asked {
    struct store *store;
    store_loaded *loaded;
    store_projected *projected;
    void *context;
    size_t rows_at; /* loads: index of the statement that gives the rows */
};

/* --- Preparing --- */

static void refuse(struct store *store, const struct error *err)
{
    pg_stop(store->pg);
    if (store->hooks.refused != NULL)
        store->hooks.refused(store->hooks.context, err);
}

static bool shape_check(const struct table_shape *shape, struct error *err)
{
    if (shape->column_count == 0)
        return error_set(err, ERROR_INPUT, "table %s: readmodel.sql does not create it, or only with `partition`",
                         shape->table->name);
    if (shape->key_count == 0)
        return error_set(err, ERROR_INPUT, "table %s: has no primary key; each table needs one", shape->table->name);
    if (shape->partition_key == -2)
        return error_set(err, ERROR_INPUT, "table %s: has no column `partition`", shape->table->name);
    return true;
}

/* Adds what one row of the catalogue says. */
static bool shape_column(struct table_shape *shape, const PGresult *rows, int row, struct error *err)
{
    const char *name = PQgetvalue(rows, row, COLUMN_NAME), *type = PQgetvalue(rows, row, COLUMN_TYPE);
    int key = PQgetisnull(rows, row, COLUMN_KEY) ? -1 : atoi(PQgetvalue(rows, row, COLUMN_KEY));
    struct table_column *columns;

    if (key >= 0)
        shape->key_count++;
    if (*PQgetvalue(rows, row, COLUMN_AGGREGATE) == 't' && strcmp(type, "text") != 0)
        return error_set(err, ERROR_INPUT, "table %s: column %s is the aggregate's and must be text, not %s",
                         shape->table->name, name, type);
    if (strcmp(name, "partition") == 0 || strcmp(name, "\"partition\"") == 0) {
        shape->partition_key = key;
        return true;
    }
    columns = realloc(shape->columns, (shape->column_count + 1) * sizeof *columns);
    if (columns == NULL)
        return error_set(err, ERROR_INTERNAL, "no memory for the columns of %s", shape->table->name);
    shape->columns = columns;
    columns[shape->column_count++] = (struct table_column){ .name = strdup(name), .key = key };
    return true;
}

static bool shapes_read(const struct core *core, const PGresult *rows, struct table_shape *shapes, struct error *err)
{
    for (size_t i = 0; i < core->table_count; i++)
        shapes[i] = (struct table_shape){ .table = &core->tables[i], .partition_key = -2 };
    for (int row = 0; row < PQntuples(rows); row++) {
        size_t table = (size_t)atoi(PQgetvalue(rows, row, COLUMN_TABLE));

        assert(table < core->table_count);
        if (!shape_column(&shapes[table], rows, row, err))
            return false;
    }
    for (size_t i = 0; i < core->table_count; i++)
        if (!shape_check(&shapes[i], err))
            return false;
    return true;
}

/* Loads by aggregate are frequent; without an index each would read the whole table. */
static void put_missing_indexes(FILE *out, const struct core *core, const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        char *table;

        if (*PQgetvalue(rows, row, COLUMN_UNSERVED) != 't')
            continue;
        table = sql_identifier(core->tables[atoi(PQgetvalue(rows, row, COLUMN_TABLE))].name);
        fprintf(out, "CREATE INDEX ON %s (%s);\n", table, PQgetvalue(rows, row, COLUMN_NAME));
        free(table);
    }
}

/* The last step: indexes, the end of the transaction, prepared statements. */
static void on_catalogue(void *context, const struct pg_answer *answer)
{
    struct store *store = context;
    const PGresult *rows = answer->results[answer->count - 1];
    struct table_shape shapes[STATEMENTS_TABLES_MAX];
    size_t count = store->core->table_count, size = 0;
    char *sql = NULL, *prepare;
    FILE *out;
    struct error err;

    if (!shapes_read(store->core, rows, shapes, &err)) {
        refuse(store, &err); /* may free the store */
    } else {
        out = open_memstream(&sql, &size);
        assert(out != NULL);
        put_missing_indexes(out, store->core, rows);
        prepare = statements_prepare(shapes, count);
        fprintf(out, "COMMIT;\n%s", prepare);
        free(prepare);
        fclose(out);
        pg_script(store->pg, sql, NULL, NULL);
        free(sql);
    }
    for (size_t i = 0; i < count; i++)
        table_shape_release(&shapes[i]);
}

/* The last statement of begin_sql: */
enum { FOUND_HASH, FOUND_POSITION, FOUND_API, FOUND_READER };

static void on_begun(void *context, const struct pg_answer *answer)
{
    struct store *store = context;
    const PGresult *found = answer->results[answer->count - 1];
    bool reader = *PQgetvalue(found, 0, FOUND_READER) == 't';
    char hash[SHA256_HEX_SIZE + 8], *sql = NULL;
    struct error err;

    if (store->must_be_empty && *PQgetvalue(found, 0, FOUND_POSITION) == 't') {
        error_set(&err, ERROR_CONFLICT,
                  "the schema holds positions already: a rebuild needs an empty one; drop it or name another");
        refuse(store, &err);
        return;
    }
    store->must_be_empty = false;
    snprintf(hash, sizeof hash, "%s%s", store->hash, reader ? "+reader" : ""); /* a role made later gets its grants */
    if (strcmp(PQgetvalue(found, 0, FOUND_HASH), hash) == 0 && *PQgetvalue(found, 0, FOUND_API) == 't') {
        pg_script(store->pg, store->catalogue_sql, on_catalogue, store);
        return;
    }
    if (asprintf(&sql,
                 "%s\n;\nINSERT INTO definition (hash) VALUES ('%s') ON CONFLICT (single) DO UPDATE SET hash = "
                 "EXCLUDED.hash;\n%s",
                 store->define_sql, hash, store->catalogue_sql) < 0)
        sql = NULL;
    assert(sql != NULL);
    pg_script(store->pg, sql, on_catalogue, store);
    free(sql);
}

static void on_setup(void *context, struct pg *pg)
{
    struct store *store = context;

    pg_script(pg, store->begin_sql, on_begun, store);
}

/* Why these: UTC for the timestamps of row_to_json; one plan for each statement, made once, and by index even where a
 * table was empty when it was made; no JIT, which that preference would trigger; no workers, so that UNION ALL keeps
 * its order; memory to sort a partition. */
static char *session_sql(const struct store_options *options, const char *schema)
{
    char *sql = NULL, *name = sql_literal(options->schema);

    if (asprintf(&sql,
                 "SET TimeZone = 'UTC'; SET client_min_messages = warning; SET plan_cache_mode = force_generic_plan;"
                 " SET enable_seqscan = off; SET jit = off; SET max_parallel_workers_per_gather = 0;"
                 " SET work_mem = '32MB'; SET synchronous_commit = %s; SET application_name = %s;"
                 " SET search_path = %s",
                 options->synchronous_commit ? "on" : "off", name, schema) < 0)
        sql = NULL;
    free(name);
    return sql;
}

/* Not CREATE SCHEMA IF NOT EXISTS: that wants the right to create even where there is nothing to create. */
#define MAKE_SCHEMA "DO $$ BEGIN IF to_regnamespace(%s) IS NULL THEN CREATE SCHEMA %s; END IF; END $$;\n"

static char *begin_sql(const struct store_options *options, const char *schema)
{
    char *sql = NULL, *name = sql_literal(schema);
    char *reader = sql_literal(options->reader != NULL && options->views_sql != NULL ? options->reader : "");

    if (asprintf(&sql,
                 "BEGIN; SELECT pg_advisory_xact_lock(" PREPARE_LOCK ");\n" MAKE_SCHEMA "%s\n;\n"
                 "SELECT (SELECT hash FROM definition), EXISTS (SELECT FROM \"position\"),"
                 " %s, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
                 name, schema, store_schema_sql,
                 options->views_sql != NULL ? "to_regnamespace('api') IS NOT NULL" : "true", reader) < 0)
        sql = NULL;
    free(reader);
    free(name);
    return sql;
}

static char *define_sql(const struct store_options *options)
{
    char *sql = NULL, *reader = sql_literal(options->reader != NULL ? options->reader : "");
    int printed;

    if (options->views_sql == NULL)
        printed = asprintf(&sql, "%s", options->readmodel_sql);
    else
        printed = asprintf(&sql,
                           "%s\n;\n" MAKE_SCHEMA "%s\n;\n"
                           "DO $$ DECLARE v name; BEGIN\n"
                           "IF EXISTS (SELECT FROM pg_roles WHERE rolname = %s) THEN\n"
                           "EXECUTE format('GRANT USAGE ON SCHEMA api TO %%I', %s);\n"
                           "FOR v IN SELECT viewname FROM pg_views WHERE schemaname = 'api'"
                           " AND viewowner = current_user LOOP\n"
                           "EXECUTE format('GRANT SELECT ON api.%%I TO %%I', v, %s);\n"
                           "END LOOP; END IF; END $$",
                           options->readmodel_sql, "'api'", "api", options->views_sql, reader, reader, reader);
    free(reader);
    return printed < 0 ? NULL : sql;
}

/* --- Life --- */

static void on_ready(void *context)
{
    struct store *store = context;

    if (store->hooks.ready != NULL)
        store->hooks.ready(store->hooks.context);
}

static void on_lost(void *context, const struct error *err)
{
    struct store *store = context;

    if (store->hooks.lost != NULL)
        store->hooks.lost(store->hooks.context, err);
}

static void on_failed(void *context, const struct error *err)
{
    struct store *store = context;

    if (store->hooks.failed != NULL)
        store->hooks.failed(store->hooks.context, err);
}

static bool options_check(const struct store_options *options, struct error *err)
{
    if (options->schema == NULL || options->schema[0] == '\0')
        return error_set(err, ERROR_INPUT, "the store needs the name of a schema");
    if (options->core->table_count == 0 || options->core->table_count > STATEMENTS_TABLES_MAX)
        return error_set(err, ERROR_INPUT, "schema %s: the core has %zu tables, the store takes 1 to %d",
                         options->schema, options->core->table_count, STATEMENTS_TABLES_MAX);
    return true;
}

struct store *store_open(struct event_base *base, const struct store_options *options, const struct store_hooks *hooks,
                         struct error *err)
{
    struct store *store;
    struct pg_hooks pg_hooks = { .setup = on_setup, .ready = on_ready, .lost = on_lost, .failed = on_failed };
    struct pg_options pg_options = { .conninfo = options->conninfo, .segments_max = options->in_flight_max };
    char *schema, *setup_sql;

    if (!options_check(options, err))
        return NULL;
    store = calloc(1, sizeof *store);
    if (store == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for the store");
        return NULL;
    }
    schema = sql_identifier(options->schema);
    setup_sql = session_sql(options, schema);
    store->core = options->core;
    store->hooks = *hooks;
    store->must_be_empty = options->must_be_empty;
    store->begin_sql = begin_sql(options, schema);
    store->define_sql = define_sql(options);
    store->catalogue_sql = statement_catalogue(options->core);
    assert(setup_sql != NULL && store->begin_sql != NULL && store->define_sql != NULL);
    sha256_hex(store->define_sql, strlen(store->define_sql), store->hash);
    pg_hooks.context = store;
    pg_options.setup_sql = setup_sql;
    store->pg = pg_open(base, &pg_options, &pg_hooks, err);
    free(setup_sql);
    free(schema);
    if (store->pg == NULL) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    pg_close(store->pg);
    free(store->begin_sql);
    free(store->define_sql);
    free(store->catalogue_sql);
    free(store);
}

size_t store_room(const struct store *store)
{
    return pg_room(store->pg);
}

static struct asked *asked_new(struct store *store, void *context, struct error *err)
{
    struct asked *asked = calloc(1, sizeof *asked);

    if (asked == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory to ask the store");
        return NULL;
    }
    asked->store = store;
    asked->context = context;
    return asked;
}

/* --- Loading --- */

enum { LOADED_TABLE, LOADED_ROW }; /* columns of a load; table -1 is the position */

static json_t *row_parse(const PGresult *rows, int row, struct error *err)
{
    json_error_t where;
    json_t *value = json_loadb(PQgetvalue(rows, row, LOADED_ROW), (size_t)PQgetlength(rows, row, LOADED_ROW), 0,
                               &where);

    if (value == NULL)
        error_set(err, ERROR_INTERNAL, "row %d of a load is no JSON: %s", row, where.text);
    return value;
}

static bool position_read(const json_t *row, struct restored *out, struct error *err)
{
    const char *hash = json_string_value(json_object_get(row, "hash"));

    if (hash == NULL || strlen(hash) != SHA256_HEX_SIZE - 1)
        return error_set(err, ERROR_INTERNAL, "a stored position has no hash of %d digits", SHA256_HEX_SIZE - 1);
    out->position.offset = json_integer_value(json_object_get(row, "offset"));
    memcpy(out->position.hash, hash, SHA256_HEX_SIZE);
    out->fold = (int)json_integer_value(json_object_get(row, "fold"));
    out->seen = json_object_get(row, "seen");
    out->sent = json_object_get(row, "sent");
    return true;
}

/* `position` (own, may stay NULL) keeps what `out` refers to; `rows` has room for all. */
static bool restored_read(const PGresult *result, struct restored *out, struct restored_row *rows, json_t **position,
                          struct error *err)
{
    for (int i = 0; i < PQntuples(result); i++) {
        int table = atoi(PQgetvalue(result, i, LOADED_TABLE));
        json_t *row = row_parse(result, i, err);

        if (row == NULL)
            return false;
        if (table >= 0) {
            rows[out->count++] = (struct restored_row){ .table = table, .row = row };
            continue;
        }
        *position = row;
        if (!position_read(row, out, err))
            return false;
    }
    return true;
}

static void answer_restored(const struct asked *asked, const PGresult *result)
{
    struct restored restored = { .position = { .offset = -1, .hash = HASH_GENESIS } };
    struct restored_row *rows = calloc((size_t)PQntuples(result) + 1, sizeof *rows);
    json_t *position = NULL;
    struct error err;

    if (rows == NULL) {
        error_set(&err, ERROR_INTERNAL, "no memory for %d rows", PQntuples(result));
        asked->loaded(asked->context, NULL, &err);
        return;
    }
    restored.rows = rows;
    if (restored_read(result, &restored, rows, &position, &err))
        asked->loaded(asked->context, &restored, NULL);
    else
        asked->loaded(asked->context, NULL, &err);
    for (size_t i = 0; i < restored.count; i++)
        json_decref(rows[i].row);
    json_decref(position);
    free(rows);
}

static void on_loaded(void *context, const struct pg_answer *answer)
{
    struct asked *asked = context;
    struct error err = answer->err;

    if (answer->outcome == PG_DONE) {
        answer_restored(asked, answer->results[asked->rows_at]);
    } else {
        error_context(&err, "a load");
        asked->loaded(asked->context, NULL, &err);
    }
    free(asked);
}

bool store_load(struct store *store, int partition, const char *const *aggregates, size_t count, store_loaded *done,
                void *context, struct error *err)
{
    struct asked *asked = asked_new(store, context, err);
    char number[16], *ids = NULL;
    const char *params[2] = { number, NULL };
    struct pg_statement statements[2] = { { .params = params, .param_count = 1 } };
    size_t statement_count = 1;
    bool sent;

    if (asked == NULL)
        return false;
    asked->loaded = done;
    snprintf(number, sizeof number, "%d", partition);
    if (aggregates == NULL) { /* what is live may be most of a table: here, and only here, let the planner choose */
        statements[1] = statements[0];
        statements[1].prepared = "store_live";
        statements[0] = (struct pg_statement){ .sql = "SELECT set_config('enable_seqscan', 'on', true)" };
        statement_count = 2;
        asked->rows_at = 1;
    } else if (count == 0) {
        statements[0].prepared = "store_position";
    } else {
        params[1] = ids = sql_array(aggregates, count);
        statements[0].prepared = "store_aggregates";
        statements[0].param_count = 2;
    }
    sent = pg_submit(store->pg, statements, statement_count, on_loaded, asked, err);
    if (!sent)
        free(asked);
    free(ids);
    return sent;
}

/* --- Projecting --- */

static void on_projected(void *context, const struct pg_answer *answer)
{
    struct asked *asked = context;
    enum store_outcome outcome = STORE_DONE;
    struct error err = answer->err;

    switch (answer->outcome) {
    case PG_DONE: break;
    case PG_LOST: outcome = STORE_UNKNOWN; break;
    case PG_ERROR: outcome = strcmp(answer->sqlstate, "TG001") == 0 ? STORE_MISSED : STORE_FAILED; break;
    }
    if (outcome != STORE_DONE)
        error_context(&err, "a projection, statement %zu", answer->refused);
    asked->projected(asked->context, outcome, outcome == STORE_DONE ? NULL : &err);
    free(asked);
}

/* The numbers of a projection as the text that parameters are. */
struct numbers {
    char partition[16], from[24], to[24], fold[16];
};

/* The upserts of the tables that have rows, and the outcomes. Gives how many statements there are. */
static size_t put_rows(const struct store *store, const struct projection *projection, const char *partition,
                       const char *params[][2], char names[][40], struct pg_statement *out)
{
    size_t count = 0;

    for (size_t i = 0; i < store->core->table_count; i++) {
        if (projection->rows == NULL || projection->rows[i] == NULL)
            continue;
        snprintf(names[count], sizeof names[count], "store_upsert_%zu", i);
        params[count][0] = partition;
        params[count][1] = projection->rows[i];
        out[count] = (struct pg_statement){ .prepared = names[count], .params = params[count], .param_count = 2 };
        count++;
    }
    if (projection->outcomes != NULL) {
        params[count][0] = partition;
        params[count][1] = projection->outcomes;
        out[count] = (struct pg_statement){ .prepared = "store_outcomes", .params = params[count], .param_count = 2 };
        count++;
    }
    return count;
}

bool store_project(struct store *store, int partition, const struct projection *projection, store_projected *done,
                   void *context, struct error *err)
{
    struct asked *asked = asked_new(store, context, err);
    struct pg_statement statements[STATEMENTS_TABLES_MAX + 2];
    const char *params[STATEMENTS_TABLES_MAX + 1][2];
    char names[STATEMENTS_TABLES_MAX][40];
    struct numbers numbers;
    const char *const move[] = {
        numbers.partition,
        numbers.from,
        projection->from.hash,
        numbers.to,
        projection->to.hash,
        numbers.fold,
        projection->seen != NULL ? projection->seen : "{}",
        projection->sent != NULL ? projection->sent : "{}",
    };
    size_t count;

    if (asked == NULL)
        return false;
    asked->projected = done;
    snprintf(numbers.partition, sizeof numbers.partition, "%d", partition);
    snprintf(numbers.from, sizeof numbers.from, "%" PRId64, projection->from.offset);
    snprintf(numbers.to, sizeof numbers.to, "%" PRId64, projection->to.offset);
    snprintf(numbers.fold, sizeof numbers.fold, "%d", projection->fold);
    statements[0] = (struct pg_statement){ .prepared = "store_move", .params = move, .param_count = 8 };
    count = 1 + put_rows(store, projection, numbers.partition, params, names, &statements[1]);
    if (pg_submit(store->pg, statements, count, on_projected, asked, err))
        return true;
    free(asked);
    return false;
}
