/* The SQL texts of the store. That PostgreSQL understands them, tests/integration/pg_store_test.c shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/pg/statements.h"

static void names_and_texts_are_quoted_whatever_they_hold(void **state)
{
    char *identifier = sql_identifier("a\"b;--"), *literal = sql_literal("it's \\ \"so\"");

    (void)state;
    assert_string_equal(identifier, "\"a\"\"b;--\"");
    assert_string_equal(literal, "'it''s \\ \"so\"'");
    free(identifier);
    free(literal);
}

static void an_array_keeps_quotes_commas_braces_and_backslashes(void **state)
{
    static const char *const texts[] = { "plain", "a,b", "{}", "q\"q", "b\\b", "", "NULL" };
    char *array = sql_array(texts, sizeof texts / sizeof texts[0]), *none = sql_array(NULL, 0);

    (void)state;
    assert_string_equal(array, "{\"plain\",\"a,b\",\"{}\",\"q\\\"q\",\"b\\\\b\",\"\",\"NULL\"}");
    assert_string_equal(none, "{}");
    free(array);
    free(none);
}

static char *prepared(const struct core_table *table, int id_key, int partition_key, size_t key_count)
{
    struct table_column columns[] = {
        { .name = (char[]){ "id" }, .key = id_key },
        { .name = (char[]){ "state" }, .key = -1 },
    };
    struct table_shape shape = {
        .table = table, .columns = columns, .column_count = 2, .partition_key = partition_key, .key_count = key_count
    };

    return statements_prepare(&shape, 1);
}

static void an_upsert_replaces_every_column_outside_of_the_key(void **state)
{
    static const struct core_table table = { .name = "thing" };
    char *sql = prepared(&table, 0, -1, 1), *pair = prepared(&table, 1, 0, 2);

    (void)state;
    assert_non_null(strstr(sql, "ON CONFLICT (id) DO UPDATE SET partition = EXCLUDED.partition, "
                                "state = EXCLUDED.state;"));
    assert_non_null(strstr(pair, "ON CONFLICT (partition, id) DO UPDATE SET state = EXCLUDED.state;"));
    free(sql);
    free(pair);
}

static void a_table_is_read_only_by_what_it_declares(void **state)
{
    static const struct core_table silent = { .name = "thing" };
    static const struct core_table both = { .name = "thing", .aggregate = "id", .live = "state = 'a' OR state = 'b'" };
    char *none = prepared(&silent, 0, -1, 1), *all = prepared(&both, 0, -1, 1);

    (void)state;
    assert_null(strstr(none, "UNION ALL"));
    assert_non_null(strstr(all, "AND (state = 'a' OR state = 'b') ORDER BY id"));
    assert_non_null(strstr(all, "AND \"id\" = ANY($2) ORDER BY id"));
    free(none);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts_are_quoted_whatever_they_hold),
        cmocka_unit_test(an_array_keeps_quotes_commas_braces_and_backslashes),
        cmocka_unit_test(an_upsert_replaces_every_column_outside_of_the_key),
        cmocka_unit_test(a_table_is_read_only_by_what_it_declares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
