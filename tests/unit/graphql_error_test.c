#include "common/graphql/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void errors_beyond_the_limit_are_told_once(void **state)
{
    struct gql_errors errors = { .max = 2 };

    (void)state;
    assert_non_null(gql_errors_add(&errors, "A", "first"));
    assert_non_null(gql_errors_add(&errors, "A", "second"));
    assert_null(gql_errors_add(&errors, "A", "third"));
    assert_null(gql_errors_add(&errors, "A", "fourth"));
    assert_int_equal(errors.count, 3);
    assert_string_equal(errors.list[2].rule, "limit");
    assert_non_null(strstr(errors.list[2].message, "\"errors\""));
    gql_errors_release(&errors);
    assert_int_equal(errors.count, 0);
    assert_int_equal(errors.max, 2);
}

static void errors_as_json_have_the_members_that_there_are(void **state)
{
    struct gql_errors errors = { 0 };
    struct gql_error *error = gql_errors_add(&errors, NULL, "%s went wrong", "it");
    json_t *json;
    char *text;

    (void)state;
    gql_error_at(error, "a\nb", 2);
    error->path = json_pack("[s, i]", "a", 0);
    error->extensions = json_pack("{s:i}", "error_code", 3);
    gql_errors_add(&errors, "Rule", "bare");
    json = gql_errors_json(&errors);
    text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text,
                        "[{\"message\":\"it went wrong\",\"locations\":[{\"line\":2,\"column\":1}],\"path\":[\"a\",0],"
                        "\"extensions\":{\"error_code\":3}},{\"message\":\"bare\"}]");
    free(text);
    json_decref(json);
    gql_errors_release(&errors);
}

static void a_message_is_utf8_of_a_bounded_size_whatever_it_quotes(void **state)
{
    struct gql_errors errors = { 0 };
    char text[4 * 300 + 1] = "";
    size_t size;
    json_t *json;

    (void)state;
    for (int i = 0; i < 300; i++)
        memcpy(text + 4 * i, "\xF0\x9F\x9A\x80", 4);
    for (int i = 0; i < 5; i++)
        gql_errors_add(&errors, "A", "%.*s%s", i, "xxxx", text);
    gql_errors_add(&errors, "A", "bad \xFF\xC3 byte");
    for (size_t i = 0; i < 5; i++) {
        size = strlen(errors.list[i].message);
        assert_in_range(size, GQL_MESSAGE_SIZE - 5, GQL_MESSAGE_SIZE - 1);
        assert_string_equal(errors.list[i].message + size - 7, "\xF0\x9F\x9A\x80...");
    }
    assert_string_equal(errors.list[5].message, "bad ?? byte");
    json = gql_errors_json(&errors);
    assert_int_equal(json_array_size(json), 6);
    json_decref(json);
    gql_errors_release(&errors);
}

static void more_locations_than_there_is_room_for_are_dropped(void **state)
{
    struct gql_errors errors = { 0 };
    struct gql_error *error = gql_errors_add(&errors, "A", "many");

    (void)state;
    for (int i = 0; i < GQL_ERROR_LOCATIONS_MAX + 5; i++)
        gql_error_at(error, "a", 0);
    gql_error_at(NULL, "a", 0);
    assert_int_equal(error->location_count, GQL_ERROR_LOCATIONS_MAX);
    gql_errors_release(&errors);
}

static void a_location_counts_lines_and_utf16_units(void **state)
{
    static const struct {
        const char *text;
        uint32_t at;
        struct gql_location want;
    } cases[] = {
        { "", 0, { 1, 1 } },          { "abc", 3, { 1, 4 } },
        { "a\nb", 1, { 1, 2 } },      { "a\nb", 2, { 2, 1 } },
        { "a\r\nb", 3, { 2, 1 } },    { "a\rb", 2, { 2, 1 } },
        { "\r\r\n\nb", 4, { 4, 1 } }, { "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x9A\x80x", 9, { 1, 5 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gql_location location = gql_location(cases[i].text, cases[i].at);

        assert_int_equal(location.line, cases[i].want.line);
        assert_int_equal(location.column, cases[i].want.column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_beyond_the_limit_are_told_once),
        cmocka_unit_test(errors_as_json_have_the_members_that_there_are),
        cmocka_unit_test(a_message_is_utf8_of_a_bounded_size_whatever_it_quotes),
        cmocka_unit_test(more_locations_than_there_is_room_for_are_dropped),
        cmocka_unit_test(a_location_counts_lines_and_utf16_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
