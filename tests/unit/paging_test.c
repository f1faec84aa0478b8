#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "services/api-gateway/paging.h"
#include "services/api-gateway/sql.h"

static const struct row {
    const char *query;
    int64_t want_size, want_offset;
    const char *want_error; /* NULL: accepted */
} rows[] = {
    { "", 100, 0, NULL },
    { "page=1&page_size=100", 100, 0, NULL },
    { "page=3&page_size=20", 20, 40, NULL },
    { "page_size=1&page=%31%30", 1, 9, NULL },
    { "state=failed&unknown=1", 100, 0, NULL },
    { "page=9223372036854775807&page_size=100", 100, ((INT64_C(1) << 40) - 1) * 100, NULL },
    { "page_size=", 0, 0, "pageSize has to be an integer" },
    { "page_size", 0, 0, "pageSize has to be an integer" },
    { "page_size=ten", 0, 0, "pageSize has to be an integer" },
    { "page_size=1.5", 0, 0, "pageSize has to be an integer" },
    { "page_size=+5", 0, 0, "pageSize has to be an integer" }, /* the plus is a space */
    { "page_size=99999999999999999999", 0, 0, "pageSize has to be an integer" },
    { "page_size=0", 0, 0, "pageSize cannot be smaller than 1" },
    { "page_size=-1", 0, 0, "pageSize cannot be smaller than 1" },
    { "page_size=101", 0, 0, "pageSize is bigger than maxPage(100)" },
    { "page_size=1&page_size=2", 0, 0, "pageSize has to be one parameter" },
    { "page=", 0, 0, "page has to be an integer" },
    { "page=0", 0, 0, "page cannot be smaller than 1" },
    { "page=1&page=1", 0, 0, "page has to be one parameter" },
    { "page=0&page_size=0", 0, 0, "pageSize cannot be smaller than 1" }, /* page_size comes first */
};

static void page_and_page_size_are_read_as_the_contract_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct query *query = query_parse(rows[i].query, strlen(rows[i].query), QUERY_MEMBER_COUNT_MAX, NULL);
        struct paging paging = { -1, -1 };
        struct error err = { 0 };
        const bool accepted = paging_read(query, 100, &paging, &err);

        if (rows[i].want_error != NULL) {
            assert_false(accepted);
            assert_string_equal(err.message, rows[i].want_error);
            assert_int_equal(paging.size, -1);
        } else {
            assert_true(accepted);
            assert_int_equal(paging.size, rows[i].want_size);
            assert_int_equal(paging.offset, rows[i].want_offset);
        }
        query_free(query);
    }
}

static void the_maximum_is_in_the_message(void **state)
{
    struct query *query = query_parse("page_size=501", 13, QUERY_MEMBER_COUNT_MAX, NULL);
    struct paging paging;
    struct error err = { 0 };

    (void)state;
    assert_false(paging_read(query, 500, &paging, &err));
    assert_string_equal(err.message, "pageSize is bigger than maxPage(500)");
    query_free(query);
}

static void repeated_values_become_an_array_for_the_database(void **state)
{
    static const char text[] = "state=in+progress&state=a%22b%5C&state=&other=x";
    struct query *query = query_parse(text, strlen(text), QUERY_MEMBER_COUNT_MAX, NULL);
    char *array = sql_query_array(query, "state");

    (void)state;
    assert_string_equal(array, "{\"in progress\",\"a\\\"b\\\\\",\"\"}");
    assert_null(sql_query_array(query, "none"));
    free(array);
    query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_and_page_size_are_read_as_the_contract_says),
        cmocka_unit_test(the_maximum_is_in_the_message),
        cmocka_unit_test(repeated_values_become_an_array_for_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
