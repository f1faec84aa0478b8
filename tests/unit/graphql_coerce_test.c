/* Input coercion: what resolvers get from literals and variables, and what is refused. */
#include "common/graphql/graphql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char sdl[] =
    "scalar Any  enum Color { RED GREEN }\n"
    "input Point { x: Int! = 3, y: Float, color: Color = RED, next: Point, tags: [String!] }\n"
    "input Need { must: Int!, point: Point }\n"
    "input One @oneOf { a: Int, b: String }\n"
    "type Query { echo(int: Int, float: Float, string: String, boolean: Boolean, id: ID, color: Color, any: Any,\n"
    "  point: Point, need: Need, one: One, ints: [Int], grid: [[Int!]], points: [Point!]): Any\n"
    "  required(int: Int!, ints: [Int!]! = [1, 2]): Any }\n";

static void resolve_echo(struct gql_field *field, void *context)
{
    (void)context;
    gql_field_value(field, json_incref((json_t *)(uintptr_t)gql_field_arguments(field)));
}

static int set_up(void **state)
{
    static const struct gql_binding bindings[] = { { "Query", "echo", resolve_echo },
                                                   { "Query", "required", resolve_echo } };
    struct gql_errors errors = { 0 };
    struct gql_schema *schema = gql_schema_new(sdl, strlen(sdl), &errors);

    if (!schema || !gql_schema_bind(schema, bindings, COUNT(bindings), &errors))
        fail_msg("%s", errors.list[0].message);
    *state = schema;
    return 0;
}

static int tear_down(void **state)
{
    gql_schema_free(*state);
    return 0;
}

static void take_answer(void *context, const struct gql_result *result)
{
    char **answer = context;

    *answer = strndup(result->text, result->size);
}

/* The answer; the caller frees it. */
static char *run(const struct gql_schema *schema, const char *query, const char *variables, size_t limit)
{
    const struct gql_limits limits = { .items = limit };
    struct gql_errors errors = { 0 };
    struct gql_document *document = gql_document_new(schema, query, strlen(query), &limits, &errors);
    json_t *given = variables ? json_loads(variables, JSON_ALLOW_NUL, NULL) : NULL;
    char *answer = NULL;

    if (!document)
        fail_msg("%s: %s", query, errors.list[0].message);
    if (variables && !given)
        fail_msg("%s is no JSON", variables);
    gql_execute(document, &(struct gql_request){ .variables = given }, take_answer, &answer);
    gql_document_release(document);
    json_decref(given);
    return answer;
}

static void assert_run(const struct gql_schema *schema, const char *query, const char *variables, const char *want)
{
    char *answer = run(schema, query, variables, 0);

    assert_string_equal(answer, want);
    free(answer);
}

/* --- Literals --- */

static void literals_become_values_of_their_type(void **state)
{
    static const struct {
        const char *argument, *literal, *want;
    } literals[] = {
        { "int", "-2147483648", "-2147483648" },
        { "int", "null", "null" },
        { "float", "5", "5" },
        { "float", "1e3", "1000" },
        { "float", "99999999999999999999", "100000000000000000000" },
        { "string", "\"a\\n\\u00e9\"", "\"a\\n\xc3\xa9\"" },
        { "string", "\"\"\"\n  block\n    text\n\"\"\"", "\"block\\n  text\"" },
        { "string", "\"\\u0000\"", "\"\\u0000\"" },
        { "boolean", "false", "false" },
        { "id", "\"x\"", "\"x\"" },
        { "id", "12345678901234567890", "\"12345678901234567890\"" },
        { "color", "GREEN", "\"GREEN\"" },
        { "any", "{a: 1, b: [X, \"s\", 1.5, true, null, {}]}", "{\"a\":1,\"b\":[\"X\",\"s\",1.5,true,null,{}]}" },
        { "point", "{}", "{\"x\":3,\"color\":\"RED\"}" },
        { "point", "{y: 1, x: 2}", "{\"x\":2,\"y\":1,\"color\":\"RED\"}" },
        { "point", "{color: null, next: {tags: \"t\"}}",
          "{\"x\":3,\"color\":null,\"next\":{\"x\":3,\"color\":\"RED\",\"tags\":[\"t\"]}}" },
        { "one", "{b: \"x\"}", "{\"b\":\"x\"}" },
        { "ints", "1", "[1]" },
        { "ints", "[1, null]", "[1,null]" },
        { "ints", "null", "null" },
        { "grid", "1", "[[1]]" },
        { "grid", "[[1 2] 3]", "[[1,2],[3]]" },
        { "grid", "[]", "[]" },
        { "points", "{x: 1}", "[{\"x\":1,\"color\":\"RED\"}]" },
    };

    for (size_t i = 0; i < COUNT(literals); i++) {
        char query[256], want[256];

        snprintf(query, sizeof(query), "{echo(%s:%s)}", literals[i].argument, literals[i].literal);
        snprintf(want, sizeof(want), "{\"data\":{\"echo\":{\"%s\":%s}}}", literals[i].argument, literals[i].want);
        assert_run(*state, query, NULL, want);
    }
}

static void variables_within_literals_are_left_out_where_they_are_missing(void **state)
{
    static const char query[] = "query($i: Int, $a: Any, $x: Int = 4, $y: Float) {\n"
                                "echo(ints: [$i, 2], any: {k: $a, l: [$a]}, point: {x: $x, y: $y}) }";

    assert_run(
        *state, query, NULL,
        "{\"data\":{\"echo\":{\"any\":{\"l\":[null]},\"point\":{\"x\":4,\"color\":\"RED\"},\"ints\":[null,2]}}}");
    assert_run(*state, query, "{\"i\": 1, \"a\": {\"b\": []}, \"x\": 9, \"y\": 1}",
               "{\"data\":{\"echo\":{\"any\":{\"k\":{\"b\":[]},\"l\":[{\"b\":[]}]},"
               "\"point\":{\"x\":9,\"y\":1,\"color\":\"RED\"},\"ints\":[1,2]}}}");
}

static void a_null_variable_does_not_fit_into_what_must_not_be_null(void **state)
{
    char *answer = run(*state, "query($x: Int = 4) { echo(point: {x: $x}) }", "{\"x\": null}", 0);

    assert_string_equal(answer, "{\"errors\":[{\"message\":\"Argument \\\"point\\\" has an invalid value.\","
                                "\"locations\":[{\"line\":1,\"column\":34}],\"path\":[\"echo\"]}],"
                                "\"data\":{\"echo\":null}}");
    free(answer);
}

static void a_number_beyond_all_is_refused(void **state)
{
    char *answer = run(*state, "{ echo(float: 1e999) }", NULL, 0);

    assert_non_null(strstr(answer, "Argument \\\"float\\\" has an invalid value."));
    free(answer);
    answer = run(*state, "query($f: Float = 1e999) { echo(float: $f) }", NULL, 0);
    assert_non_null(strstr(answer, "The default value of variable \\\"$f\\\" does not fit its type."));
    free(answer);
}

static void required_arguments_have_their_defaults(void **state)
{
    assert_run(*state, "{ required(int: 1) }", NULL, "{\"data\":{\"required\":{\"int\":1,\"ints\":[1,2]}}}");
}

/* --- Variables --- */

static void variables_become_values_of_their_type(void **state)
{
    static const struct {
        const char *argument, *type, *given, *want;
    } variables[] = {
        { "int", "Int", "5.0", "5" },
        { "int", "Int = 3", "null", "null" },
        { "float", "Float", "1", "1" },
        { "float", "Float", "1.5", "1.5" },
        { "string", "String!", "\"a\\u0000b\"", "\"a\\u0000b\"" },
        { "boolean", "Boolean", "true", "true" },
        { "id", "ID", "7", "\"7\"" },
        { "id", "ID", "7.0", "\"7\"" },
        { "color", "Color", "\"RED\"", "\"RED\"" },
        { "any", "Any", "[{\"a\":1.5}]", "[{\"a\":1.5}]" },
        { "point", "Point", "{}", "{\"x\":3,\"color\":\"RED\"}" },
        { "point", "Point", "{\"y\":1,\"next\":{\"x\":1,\"tags\":\"t\"}}",
          "{\"x\":3,\"y\":1,\"color\":\"RED\",\"next\":{\"x\":1,\"color\":\"RED\",\"tags\":[\"t\"]}}" },
        { "one", "One", "{\"a\":1}", "{\"a\":1}" },
        { "ints", "[Int]", "1", "[1]" },
        { "ints", "[Int!]", "[1,2]", "[1,2]" },
        { "grid", "[[Int!]]", "[null,[],1]", "[null,[],[1]]" },
    };

    for (size_t i = 0; i < COUNT(variables); i++) {
        char query[256], given[256], want[256];

        snprintf(query, sizeof(query), "query($v: %s) {echo(%s:$v)}", variables[i].type, variables[i].argument);
        snprintf(given, sizeof(given), "{\"v\": %s, \"unknown\": 1}", variables[i].given);
        snprintf(want, sizeof(want), "{\"data\":{\"echo\":{\"%s\":%s}}}", variables[i].argument, variables[i].want);
        assert_run(*state, query, given, want);
    }
}

static void variables_that_do_not_fit_are_refused_with_the_place(void **state)
{
    static const struct {
        const char *argument, *type, *given, *want;
    } variables[] = {
        { "int", "Int!", NULL, "Variable \\\"$v\\\" of required type \\\"Int!\\\" was not provided." },
        { "int", "Int!", "null", "Variable \\\"$v\\\" of non-null type \\\"Int!\\\" must not be null." },
        { "int", "Int", "\"5\"",
          "Variable \\\"$v\\\" got invalid value \\\"5\\\"; Int cannot represent non-integer value: \\\"5\\\"" },
        { "int", "Int", "1.5", "got invalid value 1.5; Int cannot represent non-integer value: 1.5" },
        { "int", "Int", "2147483648",
          "got invalid value 2147483648; Int cannot represent non 32-bit signed integer value: 2147483648" },
        { "float", "Float", "\"1\"", "Float cannot represent non numeric value: \\\"1\\\"" },
        { "string", "String", "1", "String cannot represent a non string value: 1" },
        { "boolean", "Boolean", "0", "Boolean cannot represent a non boolean value: 0" },
        { "id", "ID", "1.5", "ID cannot represent value: 1.5" },
        { "color", "Color", "\"BLUE\"", "Value \\\"BLUE\\\" does not exist in \\\"Color\\\" enum." },
        { "color", "Color", "\"RED\\u0000\"", "Value \\\"RED\\\\u0000\\\" does not exist in \\\"Color\\\" enum." },
        { "color", "Color", "1", "Enum \\\"Color\\\" cannot represent non-string value: 1." },
        { "point", "Point", "[]", "got invalid value []; Expected type \\\"Point\\\" to be an object." },
        { "point", "Point", "{\"next\":{\"x\":null}}",
          "got invalid value null at \\\"v.next.x\\\"; Expected non-nullable type \\\"Int!\\\" not to be null." },
        { "point", "Point", "{\"z\":1}",
          "got invalid value { z: 1 }; Field \\\"z\\\" is not defined by type \\\"Point\\\"." },
        { "need", "Need", "{}",
          "got invalid value {}; Field \\\"must\\\" of required type \\\"Int!\\\" was not provided." },
        { "points", "[Point!]", "[{},{\"tags\":[\"a\",1]}]",
          "got invalid value 1 at \\\"v[1].tags[1]\\\"; String cannot" },
        { "points", "[Point!]", "[null]",
          "got invalid value null at \\\"v[0]\\\"; Expected non-nullable type \\\"Point!\\\" not to be null." },
        { "one", "One", "{}", "Exactly one key must be specified for OneOf type \\\"One\\\"." },
        { "one", "One", "{\"a\":1,\"b\":\"x\"}", "Exactly one key must be specified for OneOf type \\\"One\\\"." },
        { "one", "One", "{\"a\":null}", "got invalid value null at \\\"v.a\\\"; Field \\\"a\\\" must be non-null." },
    };

    for (size_t i = 0; i < COUNT(variables); i++) {
        char query[256], given[256] = "{}", *answer;

        snprintf(query, sizeof(query), "query($v: %s) {echo(%s:$v)}", variables[i].type, variables[i].argument);
        if (variables[i].given)
            snprintf(given, sizeof(given), "{\"v\": %s}", variables[i].given);
        answer = run(*state, query, given, 0);
        if (!strstr(answer, variables[i].want) || !strstr(answer, "\"locations\":[{\"line\":1,\"column\":7}]") ||
            strstr(answer, "\"data\"") || strstr(answer, "},{"))
            fail_msg("%s: %s", given, answer);
        free(answer);
    }
}

static void all_that_is_wrong_with_the_variables_is_told(void **state)
{
    char *answer = run(*state,
                       "query($a: Int!, $b: Point, $c: Int, $d: One) { echo(int: $a, point: $b, ints: [$c], one: $d) }",
                       "{\"b\": {\"x\": \"1\", \"q\": 1, \"tags\": [1]}, \"c\": 1, \"d\": {\"a\": null, \"b\": 1}}", 0);
    json_t *parsed = json_loads(answer, 0, NULL), *errors = json_object_get(parsed, "errors");

    assert_int_equal(json_array_size(errors), 7);
    for (size_t i = 0; i < 7; i++) {
        const size_t want_columns[] = { 7, 17, 17, 17, 37, 37, 37 };
        const json_t *location = json_array_get(json_object_get(json_array_get(errors, i), "locations"), 0);

        assert_int_equal(json_integer_value(json_object_get(location, "column")), want_columns[i]);
    }
    json_decref(parsed);
    free(answer);
}

static void long_messages_are_cut_and_still_text(void **state)
{
    char given[2048], *answer;
    json_t *parsed;

    snprintf(given, sizeof(given), "{\"v\": \"%0*d\xc3\xa9\"}", 1000, 0);
    answer = run(*state, "query($v: Int) { echo(int: $v) }", given, 0);
    parsed = json_loads(answer, 0, NULL);
    assert_non_null(parsed);
    assert_true(strlen(answer) < 700);
    json_decref(parsed);
    free(answer);
}

static void lists_of_variables_are_limited(void **state)
{
    char *answer = run(*state, "query($v: [Int]) { echo(ints: $v) }", "{\"v\": [1,2,3]}", 2);

    assert_non_null(strstr(answer, "A list of 3 items is longer than the limit of 2."));
    free(answer);
}

static void the_depth_of_variables_is_limited(void **state)
{
    static const char query[] = "query($v: Point) { echo(point: $v) }";
    char given[16384], *at, *answer;

    for (int depth = 500; depth <= 1500; depth += 1000) {
        at = given + sprintf(given, "{\"v\": ");
        for (int i = 0; i < depth; i++)
            at += sprintf(at, "{\"next\":");
        at += sprintf(at, "{}");
        for (int i = 0; i < depth + 1; i++)
            at += sprintf(at, "}");
        answer = run(*state, query, given, 0);
        assert_non_null(strstr(answer, depth > 1000 ? "deeper than the limit of 1000" : "{\"point\":{\"x\":3"));
        free(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_become_values_of_their_type),
        cmocka_unit_test(variables_within_literals_are_left_out_where_they_are_missing),
        cmocka_unit_test(a_null_variable_does_not_fit_into_what_must_not_be_null),
        cmocka_unit_test(a_number_beyond_all_is_refused),
        cmocka_unit_test(required_arguments_have_their_defaults),
        cmocka_unit_test(variables_become_values_of_their_type),
        cmocka_unit_test(variables_that_do_not_fit_are_refused_with_the_place),
        cmocka_unit_test(all_that_is_wrong_with_the_variables_is_told),
        cmocka_unit_test(long_messages_are_cut_and_still_text),
        cmocka_unit_test(lists_of_variables_are_limited),
        cmocka_unit_test(the_depth_of_variables_is_limited),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
