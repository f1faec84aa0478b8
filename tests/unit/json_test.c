#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/json/blocks.h"
#include "common/json/lenient.h"

struct table_row {
    const char *text;
    const char *want_json;  /* NULL: refused, */
    const char *want_error; /* with a message that contains this */
};

static void check(const struct table_row *row)
{
    struct error err = { 0 };
    json_t *json = json_decode(row->text, strlen(row->text), &err);

    if (row->want_json == NULL) {
        assert_null(json);
        if (strstr(err.message, row->want_error) == NULL)
            fail_msg("%s: \"%s\" does not contain \"%s\"", row->text, err.message, row->want_error);
        assert_int_equal(err.code, ERROR_INPUT);
    } else {
        char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        if (text == NULL)
            fail_msg("%s: refused: %s", row->text, err.message);
        assert_string_equal(text, row->want_json);
        free(text);
    }
    json_decref(json);
}

static void one_trailing_comma_is_accepted(void **state)
{
    static const struct table_row rows[] = {
        { "{\"a\":1,}", "{\"a\":1}", NULL },
        { "[1,]", "[1]", NULL },
        { "[1 , \n\t]", "[1]", NULL },
        { "{\"a\":[{\"b\":\"x\",},],}", "{\"a\":[{\"b\":\"x\"}]}", NULL },
        { "[[],]", "[[]]", NULL },
        { "[true,]", "[true]", NULL },
        { "[\",]\",]", "[\",]\"]", NULL },
        { "[\"\\\",]\",]", "[\"\\\",]\"]", NULL },
        { "{\"a,}\":\"b,]\",}", "{\"a,}\":\"b,]\"}", NULL },
        { "null", "null", NULL },
        { " 7 \n", "7", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void anything_else_malformed_is_refused_with_line_and_column(void **state)
{
    static const struct table_row rows[] = {
        { "", NULL, "EOF" },
        { " \r\n\t ", NULL, "EOF" },
        { "[,]", NULL, "line 1 column 2" },
        { "{,}", NULL, "line 1 column 2" },
        { "[1,,]", NULL, "line 1 column 4" },
        { "[1,,2]", NULL, "line 1 column 4" },
        { "[,1]", NULL, "line 1 column 2" },
        { "{\"a\":,}", NULL, "line 1" },
        { "{\"a\":1}x", NULL, "line 1 column 8" },
        { "{\"a\":1} {}", NULL, "line 1" },
        { "{\"a\":1},", NULL, "line 1" },
        { "{\n  \"a\": [1,],\n  \"b\" 2\n}", NULL, "line 3 column 7" },
        { "{\"a\":1", NULL, "line 1" },
        { "{'a':1}", NULL, "line 1" },
        { "[\"\xff\"]", NULL, "line 1 column 2: unable to decode byte 0xff" },
        { "[\"\xc0\xaf\"]", NULL, "line 1 column 2: unable to decode byte 0xc0" },
        { "[\"\\ud800\"]", NULL, "line 1" },
        { "[\"\\u0000\"]", NULL, "line 1" },
        { "[01]", NULL, "line 1" },
        { "[NaN]", NULL, "line 1" },
        { "[99999999999999999999999]", NULL, "too big" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void deep_values_are_refused_before_they_are_parsed(void **state)
{
    enum { DEPTH = 100000 };
    static char deep[2 * DEPTH + 1];
    struct error err = { 0 };

    (void)state;
    memset(deep, '[', DEPTH);
    memset(deep + DEPTH, ']', DEPTH);
    assert_null(json_decode(deep, strlen(deep), &err));
    assert_string_equal(err.message, "more than 64 levels of objects and arrays");
    memset(deep, '[', JSON_DEPTH_MAX);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    deep[2 * JSON_DEPTH_MAX] = '\0';
    json_t *json = json_decode(deep, strlen(deep), &err);
    assert_non_null(json);
    json_decref(json);
}

static void of_a_repeated_member_the_last_one_counts(void **state)
{
    (void)state;
    check(&(struct table_row){ "{\"a\":1,\"a\":2}", "{\"a\":2}", NULL });
}

static void what_follows_the_first_value_may_be_ignored(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } rows[] = {
        { "{\"a\":1,} x", "{\"a\":1}" },
        { "[1]]", "[1]" },
        { "{} [[,]", "{}" },
        { "null {", "null" },
        { "nullx", NULL },
        { "{\"a\":1", NULL },
        { " ", NULL },
        { "{\"a\" 1} {}", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool repeats;
        json_t *json = json_decode_first(rows[i].text, strlen(rows[i].text), &repeats, NULL);
        char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

        if (rows[i].want == NULL ? text != NULL : text == NULL || strcmp(text, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].text, text != NULL ? text : "refused");
        free(text);
        json_decref(json);
    }
}

static void the_first_value_may_hold_what_no_reader_can(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } rows[] = {
        { "{\"a\":\"x\\u0000y\"}", "{\"a\":\"x\\u0000y\"}" },
        { "[\"\\ud800\",\"\\uDC00\\ud800\",\"\\ud83d\\ude00\"]",
          "[\"\\u0000\",\"\\u0000\\u0000\",\"\xf0\x9f\x98\x80\"]" },
        { "[\"\\\\ud800\\\"\\ud800\"]", "[\"\\\\ud800\\\"\\u0000\"]" },
        { "{\"\\u0000\":1,\"\\ud800\" : 2}", "{\"\xef\xbf\xbd\":2}" },
        { "[9223372036854775807,-9223372036854775807]", "[9223372036854775807,-9223372036854775807]" },
        { "[9223372036854775808,-12345678901234567890]", "[9.2,-1.3]" },
        { "[1e999,-1.5E+308,1e-400,1.5]", "[1.0,-1.5,1.0,1.5]" },
        { "[0123456789012345678901]", NULL },
        { "[1e]", NULL },
        { "[\"\\ud80\"]", NULL },
        { "[\"\\ud800", NULL },
        { "[\"\\", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool repeats;
        json_t *json = json_decode_first(rows[i].text, strlen(rows[i].text), &repeats, NULL);
        char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(2)) : NULL;

        if (rows[i].want == NULL ? text != NULL : text == NULL || strcmp(text, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].text, text != NULL ? text : "refused");
        free(text);
        json_decref(json);
    }
}

static void the_first_value_may_be_deep_but_not_without_bound(void **state)
{
    static char deep[2 * JSON_DEPTH_IGNORED_MAX + 3];
    struct error err = { 0 };
    bool repeats;
    json_t *json;

    (void)state;
    memset(deep, '[', JSON_DEPTH_IGNORED_MAX);
    memset(deep + JSON_DEPTH_IGNORED_MAX, ']', JSON_DEPTH_IGNORED_MAX);
    json = json_decode_first(deep, strlen(deep), &repeats, &err);
    assert_non_null(json);
    json_decref(json);
    memset(deep, '[', JSON_DEPTH_IGNORED_MAX + 1);
    memset(deep + JSON_DEPTH_IGNORED_MAX + 1, ']', JSON_DEPTH_IGNORED_MAX + 1);
    assert_null(json_decode_first(deep, strlen(deep), &repeats, &err));
    assert_string_equal(err.message, "more than 2000 levels of objects and arrays");
}

static void a_repeated_member_is_told_of(void **state)
{
    static const char once[] = "{\"a\":{\"b\":1},\"A\":{\"b\":1}}", twice[] = "{\"a\":1,\"A\":2,\"a\":3}";
    bool repeats;
    json_t *json = json_decode_first(once, strlen(once), &repeats, NULL);

    (void)state;
    assert_false(repeats);
    json_decref(json);
    json = json_decode_first(twice, strlen(twice), &repeats, NULL);
    assert_true(repeats);
    assert_int_equal(json_spellings(json, "a"), 2);
    json_decref(json);
}

static void of_spellings_the_last_that_is_not_null_counts(void **state)
{
    static const char text[] = "{\"dryRun\":true,\"DRYRUN\":null,\"x\":null}";
    json_t *json = json_decode(text, strlen(text), NULL);

    (void)state;
    assert_true(json_is_true(json_member(json, "dryRun")));
    assert_true(json_is_null(json_member(json, "x")));
    json_decref(json);
}

static void members_are_found_without_case(void **state)
{
    static const char text[] = "{\"RUNTIMEID\":1,\"runtimeid\":2,\"dryRun\":3,\"DRYRUN\":4}";
    json_t *json = json_decode(text, strlen(text), NULL);

    (void)state;
    assert_int_equal(json_integer_value(json_member(json, "runtimeID")), 2);
    assert_int_equal(json_integer_value(json_member(json, "dryRun")), 4);
    assert_null(json_member(json, "runtime"));
    assert_null(json_member(json_object_get(json, "dryRun"), "x"));
    assert_null(json_member(NULL, "x"));
    json_decref(json);
}

static void any_text_becomes_a_string(void **state)
{
    json_t *plain = json_text("a\xc3\xa4"), *broken = json_text("a\xff");

    (void)state;
    assert_string_equal(json_string_value(plain), "a\xc3\xa4");
    assert_string_equal(json_string_value(broken), "a?");
    json_decref(plain);
    json_decref(broken);
}

/* Texts of all sizes, so that there are blocks of all sizes. */
static json_t *many_values(int salt)
{
    enum { SIZE_MAX_TRIED = 300 };
    json_t *values = json_array();
    char text[SIZE_MAX_TRIED + 1];

    for (int size = 0; size <= SIZE_MAX_TRIED; size++) {
        memset(text, 'a' + (size + salt) % 26, (size_t)size);
        text[size] = '\0';
        json_array_append_new(values, json_pack("{s:s, s:i, s:[s]}", "text", text, "size", size, "again", text));
    }
    return values;
}

static void values_are_the_same_in_blocks_that_were_used_before(void **state)
{
    json_t *before = many_values(0), *kept, *again;

    (void)state;
    json_blocks_use();
    kept = many_values(1);
    for (int i = 0; i < 3; i++) {
        again = many_values(0);
        assert_true(json_equal(again, before));
        json_decref(again);
        again = many_values(2); /* in the blocks of those before */
        assert_false(json_equal(again, before));
        json_decref(again);
    }
    again = many_values(1);
    assert_true(json_equal(again, kept));
    json_decref(again);
    json_decref(kept);
    json_decref(before); /* made before there were such blocks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_trailing_comma_is_accepted),
        cmocka_unit_test(anything_else_malformed_is_refused_with_line_and_column),
        cmocka_unit_test(deep_values_are_refused_before_they_are_parsed),
        cmocka_unit_test(of_a_repeated_member_the_last_one_counts),
        cmocka_unit_test(what_follows_the_first_value_may_be_ignored),
        cmocka_unit_test(the_first_value_may_hold_what_no_reader_can),
        cmocka_unit_test(the_first_value_may_be_deep_but_not_without_bound),
        cmocka_unit_test(a_repeated_member_is_told_of),
        cmocka_unit_test(of_spellings_the_last_that_is_not_null_counts),
        cmocka_unit_test(members_are_found_without_case),
        cmocka_unit_test(any_text_becomes_a_string),
        cmocka_unit_test(values_are_the_same_in_blocks_that_were_used_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
