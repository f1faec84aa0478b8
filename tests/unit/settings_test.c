/* Settings: what is accepted, what is refused and how the refusal reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/error.h"
#include "common/base/settings.h"

static const struct setting table[] = {
    { .variable = "T_TEXT", .type = SETTING_TEXT, .fallback = "abc", .min = 1, .max = 8, .help = "a text" },
    { .variable = "T_COUNT", .type = SETTING_INTEGER, .fallback = "12", .min = 1, .max = 100, .help = "a | count" },
    { .variable = "T_PAUSE",
      .type = SETTING_DURATION_MS,
      .fallback = "10s",
      .min = 1,
      .max = 3600000,
      .help = "a pause" },
    { .variable = "T_SWITCH", .type = SETTING_BOOLEAN, .fallback = "false", .help = "a switch" },
    { .variable = "T_LISTEN", .type = SETTING_LISTEN, .fallback = "127.0.0.1:8081", .help = "an address" },
    { .variable = "T_LEVEL", .type = SETTING_CHOICE, .fallback = "info", .choices = "debug|info", .help = "a level" },
    { 0 },
};
static const struct setting required[] = {
    { .variable = "T_NEEDED", .type = SETTING_TEXT, .help = "what must be" },
    { .variable = "T_COUNT", .type = SETTING_INTEGER, .fallback = "12", .min = 1, .max = 100, .help = "a | count" },
    { 0 },
};
static const struct setting *const tables[] = { table, required };

static int clear(void **state)
{
    (void)state;
    for (const struct setting *row = table; row->variable != NULL; row++)
        unsetenv(row->variable);
    unsetenv("T_NEEDED");
    return 0;
}

static void defaults_stand_where_nothing_is_set(void **state)
{
    struct settings *settings = settings_read(tables, 1, NULL);

    (void)state;
    assert_non_null(settings);
    assert_string_equal(settings_text(settings, "T_TEXT"), "abc");
    assert_int_equal(settings_integer(settings, "T_COUNT"), 12);
    assert_int_equal(settings_integer(settings, "T_PAUSE"), 10000);
    assert_false(settings_boolean(settings, "T_SWITCH"));
    assert_string_equal(settings_text(settings, "T_LISTEN"), "127.0.0.1:8081");
    assert_string_equal(settings_text(settings, "T_LEVEL"), "info");
    settings_free(settings);
}

static void empty_means_unset(void **state)
{
    struct settings *settings;

    (void)state;
    setenv("T_COUNT", "", 1);
    settings = settings_read(tables, 1, NULL);
    assert_int_equal(settings_integer(settings, "T_COUNT"), 12);
    settings_free(settings);
}

static void values_of_the_environment_are_read(void **state)
{
    static const struct {
        const char *variable, *value;
        int64_t want;
    } rows[] = {
        { "T_COUNT", "100", 100 },   { "T_PAUSE", "250", 250 },    { "T_PAUSE", "250ms", 250 },
        { "T_PAUSE", "5m", 300000 }, { "T_PAUSE", "1h", 3600000 },
    };
    struct settings *settings;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setenv(rows[i].variable, rows[i].value, 1);
        settings = settings_read(tables, 1, NULL);
        assert_non_null(settings);
        assert_int_equal(settings_integer(settings, rows[i].variable), rows[i].want);
        settings_free(settings);
    }
    setenv("T_SWITCH", "Yes", 1);
    settings = settings_read(tables, 1, NULL);
    assert_true(settings_boolean(settings, "T_SWITCH"));
    settings_free(settings);
}

static void what_is_wrong_is_refused_with_name_value_and_what_is_accepted(void **state)
{
    static const struct {
        const char *variable, *value, *want;
    } rows[] = {
        { "T_COUNT", "0", "T_COUNT is \"0\"; it must be an integer from 1 to 100" },
        { "T_COUNT", "12x", "T_COUNT is \"12x\"; it must be an integer from 1 to 100" },
        { "T_COUNT", " 12", "T_COUNT is \" 12\"; it must be" },
        { "T_COUNT", "99999999999999999999", "it must be an integer" },
        { "T_PAUSE", "10 s", "T_PAUSE is \"10 s\"; it must be a duration such as 500ms, 10s, 5m, 2h" },
        { "T_PAUSE", "-1s", "it must be a duration" },
        { "T_PAUSE", "9223372036854775807h", "it must be a duration" },
        { "T_SWITCH", "maybe", "T_SWITCH is \"maybe\"; it must be true or false" },
        { "T_LISTEN", "8081", "T_LISTEN is \"8081\"; it must be host:port" },
        { "T_LISTEN", "host:70000", "it must be host:port" },
        { "T_LISTEN", "::1:8081", "it must be host:port" },
        { "T_LEVEL", "inf", "T_LEVEL is \"inf\"; it must be one of debug|info" },
        { "T_LEVEL", "debug|info", "it must be one of" },
        { "T_TEXT", "a secret of many bytes", "T_TEXT has 22 bytes; it must be a text of 1 to 8 bytes" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = { .code = ERROR_NONE };

        clear(state);
        setenv(rows[i].variable, rows[i].value, 1);
        assert_null(settings_read(tables, 1, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        if (strstr(err.message, rows[i].want) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.message, rows[i].want);
    }
}

static void a_required_one_must_be_set(void **state)
{
    struct error err = { .code = ERROR_NONE };
    struct settings *settings;

    (void)state;
    assert_null(settings_read(tables, 2, &err));
    assert_string_equal(err.message, "T_NEEDED is not set; it must be a text (what must be)");
    setenv("T_NEEDED", "x", 1);
    settings = settings_read(tables, 2, &err);
    assert_string_equal(settings_text(settings, "T_NEEDED"), "x");
    settings_free(settings);
}

static void one_declared_in_two_tables_is_one(void **state)
{
    struct settings *settings;

    (void)state;
    setenv("T_NEEDED", "x", 1);
    settings = settings_read(tables, 2, NULL);
    assert_int_equal(settings_integer(settings, "T_COUNT"), 12);
    settings_free(settings);
}

static void addresses_are_split(void **state)
{
    char host[16];
    uint16_t port;

    (void)state;
    assert_true(listen_split("127.0.0.1:0", host, sizeof host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 0);
    assert_true(listen_split("[::1]:65535", host, sizeof host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 65535);
    assert_false(listen_split("a-very-long-host-name:1", host, sizeof host, &port));
    assert_false(listen_split(":1", host, sizeof host, &port));
    assert_false(listen_split("[]:1", host, sizeof host, &port));
    assert_false(listen_split("host:", host, sizeof host, &port));
}

static void help_and_markdown_show_each_variable_once(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    settings_print_help(tables, 2, out);
    settings_print_markdown(tables, 2, out);
    fclose(out);
    assert_non_null(strstr(text, "  T_COUNT\n      a | count (an integer from 1 to 100; default \"12\")\n"));
    assert_non_null(strstr(text, "  T_NEEDED\n      what must be (a text; required)\n"));
    assert_non_null(strstr(text, "| `T_COUNT` | integer | `12` | a \\| count |\n"));
    assert_non_null(strstr(text, "| `T_LEVEL` | choice | `info` | a level: debug\\|info |\n"));
    assert_non_null(strstr(text, "| `T_NEEDED` | text | required | what must be |\n"));
    assert_ptr_equal(strstr(strstr(text, "| `T_COUNT`") + 1, "| `T_COUNT`"), NULL);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_stand_where_nothing_is_set, clear),
        cmocka_unit_test_setup(empty_means_unset, clear),
        cmocka_unit_test_setup(values_of_the_environment_are_read, clear),
        cmocka_unit_test_setup(what_is_wrong_is_refused_with_name_value_and_what_is_accepted, clear),
        cmocka_unit_test_setup(a_required_one_must_be_set, clear),
        cmocka_unit_test_setup(one_declared_in_two_tables_is_one, clear),
        cmocka_unit_test_setup(addresses_are_split, clear),
        cmocka_unit_test_setup(help_and_markdown_show_each_variable_once, clear),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
