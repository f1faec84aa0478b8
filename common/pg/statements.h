/* statements.h - the SQL texts of the store, made from the tables of a core and what the catalogue says of them.
 * Pure: no connection. Texts that are given are owned by the caller (free). */
#ifndef TIDEGATE_PG_STATEMENTS_H
#define TIDEGATE_PG_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/log/core.h"

enum { STATEMENTS_TABLES_MAX = 32 };

struct table_column {
    char *name; /* quoted as SQL needs it; owned */
    int key;    /* place in the primary key, from 0; -1: not in it */
};

struct table_shape {
    const struct core_table *table;
    struct table_column *columns; /* without `partition` */
    size_t column_count;
    int partition_key; /* place of `partition` in the primary key, or -1 */
    size_t key_count;  /* columns of the primary key, `partition` included; 0: there is none */
};

void table_shape_release(struct table_shape *shape);

/* `name` as an identifier, `text` as a literal: quoted, whatever they hold. */
char *sql_identifier(const char *name);
char *sql_literal(const char *text);

/* An array literal of type text[], as a parameter's value (not quoted for SQL). */
char *sql_array(const char *const *texts, size_t count);

/* A query for the columns of the core's tables. Its rows, by table: table index, column name (quoted), place in the
 * primary key or NULL, type, whether this is the aggregate's column and no index serves it. */
enum { COLUMN_TABLE, COLUMN_NAME, COLUMN_KEY, COLUMN_TYPE, COLUMN_AGGREGATE, COLUMN_UNSERVED };
char *statement_catalogue(const struct core *core);

/* PREPAREs of "store_move", "store_outcomes", "store_upsert_<table>", "store_position", "store_live" and
 * "store_aggregates". */
char *statements_prepare(const struct table_shape *shapes, size_t count);

#endif
