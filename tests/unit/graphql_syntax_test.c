#include "common/graphql/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct refusal {
    const char *text;
    uint32_t want_line, want_column;
    const char *want_message; /* a part of it; NULL: any */
};

static void assert_refused(const struct gql_parse_limits *limits, const char *want_rule, const struct refusal *refusal)
{
    struct gql_errors errors = { 0 };
    struct gql_ast *ast = gql_parse(refusal->text, strlen(refusal->text), limits, &errors);
    const struct gql_error *error = errors.list;

    if (ast != NULL)
        fail_msg("accepted: %s", refusal->text);
    assert_int_equal(errors.count, 1);
    assert_string_equal(error->rule, want_rule);
    assert_int_equal(error->location_count, 1);
    if (error->locations[0].line != refusal->want_line || error->locations[0].column != refusal->want_column)
        fail_msg("%s: %u:%u: %s", refusal->text, error->locations[0].line, error->locations[0].column, error->message);
    if (refusal->want_message != NULL && strstr(error->message, refusal->want_message) == NULL)
        fail_msg("%s: %s", refusal->text, error->message);
    gql_errors_release(&errors);
}

static void assert_all_refused(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(NULL, "syntax", &refusals[i]);
}

/* --- Syntax errors --- */

static void what_does_not_belong_is_refused_where_it_stands(void **state)
{
    static const struct refusal refusals[] = {
        { "", 1, 1, "Syntax Error: Unexpected <EOF>." },
        { "  # only a comment\n", 2, 1, "Unexpected <EOF>" },
        { "{", 1, 2, "Syntax Error: Expected Name, found <EOF>." },
        { "{}", 1, 2, "Syntax Error: Expected Name, found \"}\"." },
        { "{ a {} }", 1, 6, NULL },
        { "{ a() }", 1, 5, "Expected Name, found \")\"" },
        { "{ a(b) }", 1, 6, "Expected \":\", found \")\"" },
        { "{ a: }", 1, 6, NULL },
        { "{ a }\n}", 2, 1, "Unexpected \"}\"" },
        { "query Q", 1, 8, "Expected \"{\", found <EOF>" },
        { "query Q() { a }", 1, 9, NULL },
        { "query ($a) { a }", 1, 10, NULL },
        { "query ($a: [Int) { a }", 1, 16, "Expected \"]\", found \")\"" },
        { "query ($a: Int!!) { a }", 1, 16, NULL },
        { "frog { a }", 1, 1, "Unexpected Name \"frog\"" },
        { "fragment on on T { a }", 1, 10, "Unexpected Name \"on\"" },
        { "fragment F T { a }", 1, 12, "Expected \"on\", found Name \"T\"" },
        { "{ ...on }", 1, 9, NULL },
        { "{ ... }", 1, 7, NULL },
        { "\"d\" { a }", 1, 1, "shorthand" },
        { "\"d\"", 1, 4, NULL },
        { "type T {}", 1, 9, NULL },
        { "type T { a }", 1, 12, NULL },
        { "type T implements { a: B }", 1, 19, NULL },
        { "union U = ", 1, 11, NULL },
        { "enum E { true }", 1, 10, "reserved" },
        { "enum E { A null }", 1, 12, "reserved" },
        { "schema { frog: Q }", 1, 10, "Unexpected Name \"frog\"" },
        { "directive @d on FROG", 1, 17, "Unexpected Name \"FROG\"" },
        { "directive @d", 1, 13, NULL },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void an_extension_adds_something_to_what_can_be_extended(void **state)
{
    static const struct refusal refusals[] = {
        { "extend directive @a on FIELD", 1, 8, "Unexpected Name \"directive\"" },
        { "extend type A", 1, 14, "Unexpected <EOF>" },
        { "extend scalar A", 1, 16, NULL },
        { "extend schema", 1, 14, NULL },
        { "extend union A type B", 1, 16, NULL },
        { "extend query { a }", 1, 8, NULL },
        { "\"d\" extend type A @b", 1, 1, "descriptions" },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_constant_holds_no_variable(void **state)
{
    static const struct refusal refusals[] = {
        { "query ($a: Int = $b) { a }", 1, 18, "Unexpected variable \"$b\" in constant value" },
        { "query ($a: Int = [{ c: $b }]) { a }", 1, 24, "\"$b\"" },
        { "query ($a: Int @d(e: $b)) { a }", 1, 22, "\"$b\"" },
        { "type T @d(e: $b)", 1, 14, "\"$b\"" },
        { "input I { a: Int = $ }", 1, 20, "Unexpected \"$\"" },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void malformed_numbers_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        { "{a(b:01)}", 1, 7, "unexpected digit after 0: \"1\"" },
        { "{a(b:-)}", 1, 7, "expected digit but got: \")\"" },
        { "{a(b:1.)}", 1, 8, NULL },
        { "{a(b:1.a)}", 1, 8, NULL },
        { "{a(b:1e)}", 1, 8, NULL },
        { "{a(b:1e+)}", 1, 9, NULL },
        { "{a(b:1.5.6)}", 1, 9, "got: \".\"" },
        { "{a(b:1x)}", 1, 7, "got: \"x\"" },
        { "{a(b:0_)}", 1, 7, NULL },
        { "{a(b:.5)}", 1, 6, "Unexpected character: \".\"" },
        { "{a(b:+5)}", 1, 6, NULL },
        { "{a(b:1", 1, 7, "found <EOF>" },
        { "{a(b:-", 1, 7, "got: <EOF>" },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void malformed_strings_are_refused(void **state)
{
    static const struct refusal refusals[] = {
        { "{a(b:\"x", 1, 8, "Unterminated string" },
        { "{a(b:\"x\n\")}", 1, 8, "Unterminated string" },
        { "{a(b:\"x\r\n\")}", 1, 8, "Unterminated string" },
        { "{a(b:\"\"\"x\n y\"\" ", 2, 6, "Unterminated string" },
        { "{a(b:\"\\", 1, 7, "Invalid character escape sequence: \"\\\"" },
        { "{a(b:\"x\\q\")}", 1, 8, "Invalid character escape sequence: \"\\q\"" },
        { "{a(b:\"\\\xC3\xA4\")}", 1, 7, "\"\\\xC3\xA4\"" },
        { "{a(b:\"\\u12g4\")}", 1, 7, "Invalid Unicode escape sequence: \"\\u12g\"" },
        { "{a(b:\"\\u12", 1, 7, NULL },
        { "{a(b:\"\\u{}\")}", 1, 7, "\"\\u{}\"" },
        { "{a(b:\"\\u{110000}\")}", 1, 7, NULL },
        { "{a(b:\"\\u{000000041}\")}", 1, 7, NULL },
        { "{a(b:\"\\u{FFFFFFFF}\")}", 1, 7, NULL },
        { "{a(b:\"\\u{41\")}", 1, 7, NULL },
        { "{a(b:\"\\u{D800}\")}", 1, 7, NULL },
        { "{a(b:\"\\uD83D\")}", 1, 7, "\"\\uD83D\"" },
        { "{a(b:\"\\uDE80\\uD83D\")}", 1, 7, NULL },
        { "{a(b:\"\\uD83D\\u0041\")}", 1, 7, NULL },
        { "{a(b:\"\\uD83D\\u{DE80}\")}", 1, 7, NULL },
        { "{a(b:'x')}", 1, 6, "double quote" },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void what_is_no_utf8_is_refused_where_it_stands(void **state)
{
    static const struct refusal refusals[] = {
        { "{ \xFF }", 1, 3, "byte 0xFF; the text must be UTF-8" },
        { "{ a # \xC3( }\n }", 1, 7, "byte 0xC3" },
        { "{ a(b: \"\xC3\xA4\xC0\x80\") }", 1, 10, "Invalid character within String: byte 0xC0" },
        { "{ a(b: \"\xED\xA0\x80\") }", 1, 9, "byte 0xED" },
        { "{ a(b: \"\xF4\x90\x80\x80\") }", 1, 9, "byte 0xF4" },
        { "{ a(b: \"\"\"\n\xF0\x9F\x9A\x80\x80\"\"\") }", 2, 3, "byte 0x80" },
        { "{ a(b: \"\xF0\x9F\x9A", 1, 9, "byte 0xF0" },
        { "{ a \xC3\xA4 }", 1, 5, "Unexpected character: U+00E4" },
        { "{ a \x01 }", 1, 5, "Unexpected character: U+0001" },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_nul_is_no_end_of_the_text(void **state)
{
    struct gql_errors errors = { 0 };

    (void)state;
    assert_null(gql_parse("{ a }\0", 6, NULL, &errors));
    assert_string_equal(errors.list[0].message, "Syntax Error: Unexpected character: U+0000.");
    assert_int_equal(errors.list[0].locations[0].column, 6);
    gql_errors_release(&errors);
}

static void columns_count_utf16_units_and_lines_end_in_three_ways(void **state)
{
    static const struct refusal refusals[] = {
        { "{\n\n  ?", 3, 3, NULL },
        { "{\r\n\r\n ?", 3, 2, NULL },
        { "{\r\r ?", 3, 2, NULL },
        { "{\n\r ?", 3, 2, NULL },
        { "{ a(b: \"\xC3\xA4\" ?", 1, 12, NULL },
        { "{ a(b: \"\xF0\x9F\x9A\x80\" ?", 1, 13, NULL },
        { "\xEF\xBB\xBF{ ?", 1, 4, NULL },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

/* --- Limits --- */

static void each_limit_is_refused_by_name_where_it_is_exceeded(void **state)
{
    static const struct {
        struct gql_parse_limits limits;
        struct refusal refusal;
        const char *within;
    } cases[] = {
        { { .bytes = 6 }, { "{ a\nb }", 2, 3, "\"bytes\": at most 6" }, "{ a b}" },
        { { .tokens = 3 }, { "{ a b }", 1, 7, "\"tokens\": at most 3" }, "{ a }" },
        { { .depth = 2 }, { "{ a { b { c } } }", 1, 9, "\"depth\": at most 2" }, "{ a { b } d { e } }" },
        { { .depth = 2 }, { "{ a(b: [{ c: [1] }]) }", 1, 14, "\"depth\"" }, "{ a(b: [{ c: 1 }]) { d(e: [[1]]) } }" },
        { { .depth = 2 }, { "query ($a: [[[B]]]) { a }", 1, 14, "\"depth\"" }, "query ($a: [[B!]!]!) { a { b } }" },
        { { .depth = 2 }, { "type T { a: [[[B]]] }", 1, 15, "\"depth\"" }, "type T { a: [[B]] b: [[B]] }" },
        { { .aliases = 1 }, { "{ a: b c: d }", 1, 8, "\"aliases\": at most 1" }, "{ a: b c }" },
        { { .items = 2 }, { "{ a(b: [1, 2, 3]) }", 1, 15, "\"items\": at most 2" }, "{ a(b: [1, 2], c: [3, 4]) }" },
        { { .items = 1 }, { "{ a(b: { c: 1, d: 2 }) }", 1, 16, "\"items\"" }, "{ a(b: { c: 1 }) }" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct gql_errors errors = { 0 };
        struct gql_ast *ast = gql_parse(cases[i].within, strlen(cases[i].within), &cases[i].limits, &errors);

        if (ast == NULL)
            fail_msg("%s: %s", cases[i].within, errors.list[0].message);
        gql_ast_free(ast);
        assert_refused(&cases[i].limits, "limit", &cases[i].refusal);
    }
}

/* `opening` many times. */
static char *deep(const char *begin, const char *opening, size_t count)
{
    size_t size = strlen(begin) + count * strlen(opening);
    char *text = malloc(size + 1), *at = text;

    assert_non_null(text);
    at = stpcpy(at, begin);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, opening);
    return text;
}

static void the_stack_has_a_limit_even_without_limits(void **state)
{
    static const struct {
        const char *begin, *opening;
    } cases[] = {
        { "", "{a" },         { "", "{..." },          { "{a(b:", "[" },          { "{a(b:", "{c:" },
        { "query($a:", "[" }, { "type T { a: ", "[" }, { "scalar A @b(c:", "[" },
    };
    static const struct gql_parse_limits limits = { .depth = SIZE_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = deep(cases[i].begin, cases[i].opening, 100000);
        struct gql_errors errors = { 0 };

        assert_null(gql_parse(text, strlen(text), &limits, &errors));
        assert_string_equal(errors.list[0].rule, "limit");
        assert_non_null(strstr(errors.list[0].message, "\"depth\": at most 200"));
        gql_errors_release(&errors);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_belong_is_refused_where_it_stands),
        cmocka_unit_test(an_extension_adds_something_to_what_can_be_extended),
        cmocka_unit_test(a_constant_holds_no_variable),
        cmocka_unit_test(malformed_numbers_are_refused),
        cmocka_unit_test(malformed_strings_are_refused),
        cmocka_unit_test(what_is_no_utf8_is_refused_where_it_stands),
        cmocka_unit_test(a_nul_is_no_end_of_the_text),
        cmocka_unit_test(columns_count_utf16_units_and_lines_end_in_three_ways),
        cmocka_unit_test(each_limit_is_refused_by_name_where_it_is_exceeded),
        cmocka_unit_test(the_stack_has_a_limit_even_without_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
