/* tidectl: tables, targets and paths, as far as no server is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/text.h"
#include "services/tidectl/client.h"
#include "services/tidectl/command.h"
#include "services/tidectl/table.h"
#include "services/tidectl/target.h"

/* --- Tables --- */

static const char *const heads[] = { "SHOOT", "STATE", "TEXT", NULL };

static void then_printed(const char *const rows[][3], size_t count, struct table_look look, const char *want)
{
    struct table *table = table_new(heads);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < count; i++)
        table_add(table, rows[i]);
    assert_int_equal(table_count(table), count);
    table_print(table, look, out);
    fclose(out);
    assert_string_equal(text, want);
    free(text);
    table_free(table);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    const char *const rows[][3] = { { "c-1", "in progress", "x" }, { "a-long-name", "failed", NULL } };

    (void)state;
    then_printed(rows, 2, (struct table_look){ 0 },
                 "SHOOT        STATE        TEXT\n"
                 "c-1          in progress  x\n"
                 "a-long-name  failed       \n");
}

static void an_empty_table_is_its_heads(void **state)
{
    (void)state;
    then_printed(NULL, 0, (struct table_look){ .indent = 2 }, "  SHOOT  STATE  TEXT\n");
}

static void umlauts_take_one_column(void **state)
{
    const char *const rows[][3] = { { "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "a", "b" } };

    (void)state;
    then_printed(rows, 1, (struct table_look){ 0 },
                 "SHOOT   STATE  TEXT\n\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc  a      b\n");
}

static void control_characters_never_reach_the_terminal(void **state)
{
    const char *const rows[][3] = { { "a\033[31m", "b\nc\x7f",
                                      "d\xc2\x9b"
                                      "e" } };

    (void)state;
    then_printed(rows, 1, (struct table_look){ 0 }, "SHOOT   STATE  TEXT\na [31m  b c    d e\n");
}

static void long_rows_are_cut_at_the_width(void **state)
{
    const char *const rows[][3] = { { "c-1", "failed",
                                      "\xc3\xbc"
                                      "ber a limit" } };

    (void)state;
    then_printed(rows, 1, (struct table_look){ .width = 20 },
                 "SHOOT  STATE   TEXT\nc-1    failed  \xc3\xbc"
                 "ber\xe2\x80\xa6\n");
    then_printed(rows, 1, (struct table_look){ .width = 8 }, "SHOOT  \xe2\x80\xa6\nc-1    \xe2\x80\xa6\n");
}

static void states_are_coloured_only_where_it_is_wanted(void **state)
{
    const char *const rows[][3] = { { "c-1", "failed", "it failed" } };

    (void)state;
    then_printed(rows, 1, (struct table_look){ .colour = true },
                 "\033[1mSHOOT\033[0m  \033[1mSTATE\033[0m   \033[1mTEXT\033[0m\n"
                 "c-1    \033[31mfailed\033[0m  it failed\n");
}

/* --- Targets --- */

static void targets_become_selectors(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "all", "{\"target\":\"all\"}" },
        { "account=CA.*", "{\"globalAccount\":\"CA.*\"}" },
        { "globalAccount=a,subaccount=b", "{\"globalAccount\":\"a\",\"subAccount\":\"b\"}" },
        { "runtimeID=r", "{\"runtimeID\":\"r\"}" },
        { "runtime=r,instance=i", "{\"runtimeID\":\"r\",\"instanceID\":\"i\"}" },
        { "PLAN=azure,region=eu|us=1,shoot=c", "{\"planName\":\"azure\",\"region\":\"eu|us=1\",\"shoot\":\"c\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *selector = target_parse(rows[i].text, true, NULL);
        char *text = json_dumps(selector, JSON_COMPACT);

        assert_string_equal(text, rows[i].want);
        free(text);
        json_decref(selector);
    }
}

static void misspelt_targets_are_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "", "is not name=value" },
        { "everything", "\"everything\" is not name=value" },
        { "regions=eu", "\"regions\" selects nothing" },
        { "=eu", "selects nothing" },
        { "region=", "region has no value" },
        { "region=eu,", "is not name=value" },
        { "region=eu{1,2}", "a value cannot hold a comma" },
        { "region=a,region=b", "region is given twice" },
        { "region=\xff", "not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = { .code = ERROR_NONE };

        assert_null(target_parse(rows[i].text, true, &err));
        if (strstr(err.message, rows[i].want) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.message, rows[i].want);
    }
}

static void all_cannot_be_excluded(void **state)
{
    struct error err = { .code = ERROR_NONE };

    (void)state;
    assert_null(target_parse("all", false, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

/* --- Requests and answers --- */

static void paths_are_escaped(void **state)
{
    struct resource path = { .size = 0 };

    (void)state;
    resource_literal(&path, "/orchestrations");
    resource_segment(&path, "a/b?c");
    resource_parameter(&path, "state", "in progress");
    resource_parameter(&path, "state", "a&b");
    assert_string_equal(path.text, "/orchestrations/a%2Fb%3Fc?state=in%20progress&state=a%26b");
    assert_false(path.overflown);
}

static void paths_that_are_too_long_are_marked(void **state)
{
    struct resource path = { .size = 0 };
    char id[QUERY_SIZE + 1];

    (void)state;
    memset(id, 'x', sizeof id);
    id[QUERY_SIZE] = '\0';
    resource_segment(&path, id);
    assert_true(path.overflown);
}

static void forms_are_escaped_and_of_any_length(void **state)
{
    struct text form = { 0 };

    (void)state;
    form_add(&form, "operation-id", "a&b c");
    form_add(&form, "operation-id", "");
    assert_string_equal(form.bytes, "operation-id=a%26b%20c&operation-id=");
    for (int i = 0; i < 10000; i++)
        form_add(&form, "operation-id", "x");
    assert_int_equal(form.size, strlen(form.bytes));
    assert_int_equal(form.size, 36 + 10000 * 15);
    text_release(&form);
}

static void exit_codes_follow_the_error(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(ERROR_INPUT), 1);
    assert_int_equal(exit_code_of(ERROR_CONFLICT), 1);
    assert_int_equal(exit_code_of(ERROR_INTERNAL), 1);
    assert_int_equal(exit_code_of(ERROR_NOT_FOUND), 3);
    assert_int_equal(exit_code_of(ERROR_DENIED), 4);
    assert_int_equal(exit_code_of(ERROR_UNAVAILABLE), 5);
}

static void times_are_shortened_and_no_time_is_empty(void **state)
{
    char text[SHORT_TIME_SIZE];

    (void)state;
    short_time("2022-02-01T09:15:04.120331Z", text);
    assert_string_equal(text, "2022-02-01 09:15:04Z");
    short_time("0001-01-01T00:00:00Z", text);
    assert_string_equal(text, "");
    short_time("", text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(an_empty_table_is_its_heads),
        cmocka_unit_test(umlauts_take_one_column),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(long_rows_are_cut_at_the_width),
        cmocka_unit_test(states_are_coloured_only_where_it_is_wanted),
        cmocka_unit_test(targets_become_selectors),
        cmocka_unit_test(misspelt_targets_are_refused),
        cmocka_unit_test(all_cannot_be_excluded),
        cmocka_unit_test(paths_are_escaped),
        cmocka_unit_test(paths_that_are_too_long_are_marked),
        cmocka_unit_test(forms_are_escaped_and_of_any_length),
        cmocka_unit_test(exit_codes_follow_the_error),
        cmocka_unit_test(times_are_shortened_and_no_time_is_empty),
    };

    return cmocka_run_group_tests_name("tidectl", tests, NULL, NULL);
}
