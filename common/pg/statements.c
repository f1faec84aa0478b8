#include "common/pg/statements.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_shape_release(struct table_shape *shape)
{
    for (size_t i = 0; i < shape->column_count; i++)
        free(shape->columns[i].name);
    free(shape->columns);
    *shape = (struct table_shape){ 0 };
}

/* --- Quoting --- */

static void put_quoted(FILE *out, const char *text, char quote)
{
    putc(quote, out);
    for (; *text != '\0'; text++) {
        if (*text == quote)
            putc(quote, out);
        putc(*text, out);
    }
    putc(quote, out);
}

static char *quoted(const char *text, char quote)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    assert(out != NULL);
    put_quoted(out, text, quote);
    fclose(out);
    return result;
}

char *sql_identifier(const char *name)
{
    return quoted(name, '"');
}

char *sql_literal(const char *text)
{
    return quoted(text, '\''); /* standard_conforming_strings: a backslash is a backslash */
}

char *sql_array(const char *const *texts, size_t count)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    assert(out != NULL);
    putc('{', out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",\"" : "\"", out);
        for (const char *at = texts[i]; *at != '\0'; at++) {
            if (*at == '"' || *at == '\\')
                putc('\\', out);
            putc(*at, out);
        }
        putc('"', out);
    }
    putc('}', out);
    fclose(out);
    return result;
}

/* --- The catalogue --- */

char *statement_catalogue(const struct core *core)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    assert(out != NULL);
    fputs("SELECT n.i, quote_ident(a.attname), array_position(k.indkey::int2[], a.attnum),"
          " format_type(a.atttypid, NULL), coalesce(a.attname = n.aggregate, false),"
          " coalesce(a.attname = n.aggregate, false) AND NOT EXISTS (SELECT FROM pg_index x"
          " WHERE x.indrelid = a.attrelid AND x.indpred IS NULL AND x.indisvalid AND (x.indkey[0] = a.attnum"
          " OR (x.indnkeyatts > 1 AND x.indkey[1] = a.attnum AND x.indkey[0] = p.attnum)))"
          " FROM (VALUES",
          out);
    for (size_t i = 0; i < core->table_count; i++) {
        fprintf(out, "%s(%zu,", i > 0 ? "," : "", i);
        put_quoted(out, core->tables[i].name, '\'');
        putc(',', out);
        if (core->tables[i].aggregate != NULL)
            put_quoted(out, core->tables[i].aggregate, '\'');
        else
            fputs("NULL", out);
        putc(')', out);
    }
    fputs(") n(i, name, aggregate)"
          " JOIN pg_attribute a ON a.attrelid = to_regclass(quote_ident(n.name)) AND a.attnum > 0"
          " AND NOT a.attisdropped AND a.attgenerated = ''"
          " LEFT JOIN pg_attribute p ON p.attrelid = a.attrelid AND p.attname = 'partition'"
          " LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary"
          " ORDER BY n.i, a.attnum",
          out);
    fclose(out);
    return result;
}

/* --- Writing --- */

static void put_columns(FILE *out, const struct table_shape *shape)
{
    for (size_t i = 0; i < shape->column_count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", shape->columns[i].name);
}

static const char *key_column(const struct table_shape *shape, int place)
{
    if (shape->partition_key == place)
        return "partition";
    for (size_t i = 0; i < shape->column_count; i++)
        if (shape->columns[i].key == place)
            return shape->columns[i].name;
    return NULL;
}

static void put_key(FILE *out, const struct table_shape *shape)
{
    for (size_t i = 0; i < shape->key_count; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", key_column(shape, (int)i));
}

/* One JSON parameter for all rows: one Bind, one Execute, one plan, however many there are. */
static void put_upsert(FILE *out, const struct table_shape *shape, size_t index)
{
    const char *separator = "";

    fprintf(out, "PREPARE store_upsert_%zu(integer, json) AS INSERT INTO ", index);
    put_quoted(out, shape->table->name, '"');
    fputs(" (partition, ", out);
    put_columns(out, shape);
    fputs(") SELECT $1, ", out);
    put_columns(out, shape);
    fputs(" FROM json_populate_recordset(NULL::", out);
    put_quoted(out, shape->table->name, '"');
    fputs(", $2) ON CONFLICT (", out);
    put_key(out, shape);
    if (shape->key_count == shape->column_count + 1) {
        fputs(") DO NOTHING;\n", out);
        return;
    }
    fputs(") DO UPDATE SET ", out);
    if (shape->partition_key < 0) {
        fputs("partition = EXCLUDED.partition", out);
        separator = ", ";
    }
    for (size_t i = 0; i < shape->column_count; i++) {
        if (shape->columns[i].key >= 0)
            continue;
        fprintf(out, "%s%s = EXCLUDED.%s", separator, shape->columns[i].name, shape->columns[i].name);
        separator = ", ";
    }
    fputs(";\n", out);
}

/* --- Reading --- */

/* One branch of a load. That branches come one after the other, each in its order, is how PostgreSQL runs UNION ALL
 * without parallel workers, which the session has none of. */
static void put_branch(FILE *out, const struct table_shape *shape, size_t index, const char *condition)
{
    fprintf(out, " UNION ALL SELECT %zu, row_to_json(x) FROM (SELECT ", index);
    put_columns(out, shape);
    fputs(" FROM ", out);
    put_quoted(out, shape->table->name, '"');
    fprintf(out, " WHERE partition = $1 AND %s ORDER BY ", condition);
    put_key(out, shape);
    fputs(") x", out);
}

static void put_live(FILE *out, const struct table_shape *shape, size_t index)
{
    char *condition = NULL;

    if (shape->table->live == NULL)
        return;
    if (asprintf(&condition, "(%s)", shape->table->live) >= 0)
        put_branch(out, shape, index, condition);
    free(condition);
}

static void put_aggregates(FILE *out, const struct table_shape *shape, size_t index)
{
    char *column, *condition = NULL;

    if (shape->table->aggregate == NULL)
        return;
    column = sql_identifier(shape->table->aggregate);
    if (asprintf(&condition, "%s = ANY($2)", column) >= 0)
        put_branch(out, shape, index, condition);
    free(condition);
    free(column);
}

char *statements_prepare(const struct table_shape *shapes, size_t count)
{
    static const char position[] = "SELECT -1, row_to_json(p) FROM \"position\" p WHERE partition = $1";
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    assert(out != NULL);
    fputs("PREPARE store_move(integer, bigint, text, bigint, text, integer, jsonb, jsonb) AS"
          " SELECT position_move($1, $2, $3, $4, $5, $6, $7, $8);\n"
          "PREPARE store_outcomes(integer, json) AS"
          " INSERT INTO outcome (partition, request_id, status, body, \"time\")"
          " SELECT DISTINCT ON (request_id) $1, request_id, status, body, \"time\""
          " FROM ROWS FROM (json_to_recordset($2)"
          " AS (request_id text, status integer, body jsonb, \"time\" timestamptz))"
          " WITH ORDINALITY AS o(request_id, status, body, \"time\", place)"
          " ORDER BY request_id, place DESC"
          " ON CONFLICT (request_id) DO UPDATE SET partition = EXCLUDED.partition, status = EXCLUDED.status,"
          " body = EXCLUDED.body, \"time\" = EXCLUDED.\"time\";\n",
          out);
    for (size_t i = 0; i < count; i++)
        put_upsert(out, &shapes[i], i);
    fprintf(out, "PREPARE store_position(integer) AS %s;\nPREPARE store_live(integer) AS %s", position, position);
    for (size_t i = 0; i < count; i++)
        put_live(out, &shapes[i], i);
    fprintf(out, ";\nPREPARE store_aggregates(integer, text[]) AS %s", position);
    for (size_t i = 0; i < count; i++)
        put_aggregates(out, &shapes[i], i);
    fputs(";\n", out);
    fclose(out);
    return result;
}
