/* Introspection, asked for as clients do: by documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/graphql/graphql.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char sdl[] =
    "\"Of things\" schema { query: Root }\n"
    "\"All\" type Root { \"One\" thing(id: ID!, old: Int @deprecated): Thing! node: Node gone: Int @deprecated(reason: "
    "\"x\") }\n"
    "interface Node { id: ID! }\n"
    "type Thing implements Node { id: ID! parts: [[Thing!]]! any: Either color: Color }\n"
    "union Either = Thing | Root\n"
    "enum Color { RED \"sea\" BLUE @deprecated }\n"
    "input Filter { color: Color = RED size: Int! = 3 old: [String!] @deprecated(reason: \"y\") }\n"
    "input Key @oneOf { id: ID name: String }\n"
    "scalar Url @specifiedBy(url: \"https://url\")\n"
    "directive @mark(by: Filter = {size: 4}, old: Key @deprecated) repeatable on FIELD | OBJECT\n";

static void keep(void *context, const struct gql_result *result)
{
    json_t **answer = context;
    *answer = json_loadb(result->text, result->size, 0, NULL);
}

/* Own: what a document answers, the member "data". */
static json_t *answer_of(const char *text, const char *document_text)
{
    static const struct gql_limits limits = { 0 };
    struct gql_errors errors = { 0 };
    struct gql_schema *schema = gql_schema_new(text, strlen(text), &errors);
    if (schema == NULL)
        fail_msg("%s", errors.list[0].message);
    struct gql_document *document = gql_document_new(schema, document_text, strlen(document_text), &limits, &errors);
    if (document == NULL)
        fail_msg("%s: %s", document_text, errors.list[0].message);
    json_t *answer = NULL;
    gql_execute(document, &(struct gql_request){ 0 }, keep, &answer);
    assert_non_null(answer);
    json_t *data = json_incref(json_object_get(answer, "data"));
    if (json_object_get(answer, "errors") != NULL)
        fail_msg("%s: it has errors", document_text);
    json_decref(answer);
    gql_document_release(document);
    gql_schema_free(schema);
    return data;
}

static void assert_answer(const char *document, const char *want)
{
    json_t *data = answer_of(sdl, document);
    char *text = json_dumps(data, JSON_COMPACT);
    assert_string_equal(text, want);
    free(text);
    json_decref(data);
}

static void a_schema_tells_of_itself(void **state)
{
    (void)state;
    assert_answer(
        "{ __schema { description queryType { name } mutationType { name } subscriptionType { name } } }",
        "{\"__schema\":{\"description\":\"Of things\",\"queryType\":{\"name\":\"Root\"},\"mutationType\":null,"
        "\"subscriptionType\":null}}");
}

/* Float is not there: nothing is of this type. */
static void all_types_that_are_used_are_listed(void **state)
{
    (void)state;
    assert_answer(
        "{ __schema { types { name } } }",
        "{\"__schema\":{\"types\":[{\"name\":\"Root\"},{\"name\":\"Node\"},{\"name\":\"Thing\"},"
        "{\"name\":\"Either\"},{\"name\":\"Color\"},{\"name\":\"Filter\"},{\"name\":\"Key\"},{\"name\":\"Url\"},"
        "{\"name\":\"__Schema\"},{\"name\":\"__Directive\"},{\"name\":\"__Type\"},{\"name\":\"__Field\"},"
        "{\"name\":\"__InputValue\"},{\"name\":\"__EnumValue\"},{\"name\":\"__TypeKind\"},"
        "{\"name\":\"__DirectiveLocation\"},{\"name\":\"Int\"},{\"name\":\"String\"},{\"name\":\"Boolean\"},"
        "{\"name\":\"ID\"}]}}");
}

static void what_a_kind_of_type_does_not_have_is_null(void **state)
{
    static const struct {
        const char *type, *want;
    } types[] = {
        { "Url", "{\"kind\":\"SCALAR\",\"specifiedByURL\":\"https://url\",\"fields\":null,\"interfaces\":null,"
                 "\"possibleTypes\":null,\"enumValues\":null,\"inputFields\":null,\"ofType\":null,\"isOneOf\":null}" },
        { "Int", "{\"kind\":\"SCALAR\",\"specifiedByURL\":null,\"fields\":null,\"interfaces\":null,"
                 "\"possibleTypes\":null,\"enumValues\":null,\"inputFields\":null,\"ofType\":null,\"isOneOf\":null}" },
        { "Thing",
          "{\"kind\":\"OBJECT\",\"specifiedByURL\":null,\"fields\":[{\"name\":\"id\"},{\"name\":\"parts\"},"
          "{\"name\":\"any\"},{\"name\":\"color\"}],\"interfaces\":[{\"name\":\"Node\"}],"
          "\"possibleTypes\":null,\"enumValues\":null,\"inputFields\":null,\"ofType\":null,\"isOneOf\":null}" },
        { "Node", "{\"kind\":\"INTERFACE\",\"specifiedByURL\":null,\"fields\":[{\"name\":\"id\"}],\"interfaces\":[],"
                  "\"possibleTypes\":[{\"name\":\"Thing\"}],\"enumValues\":null,\"inputFields\":null,\"ofType\":null,"
                  "\"isOneOf\":null}" },
        { "Either", "{\"kind\":\"UNION\",\"specifiedByURL\":null,\"fields\":null,\"interfaces\":null,"
                    "\"possibleTypes\":[{\"name\":\"Thing\"},{\"name\":\"Root\"}],\"enumValues\":null,"
                    "\"inputFields\":null,\"ofType\":null,\"isOneOf\":null}" },
        { "Color", "{\"kind\":\"ENUM\",\"specifiedByURL\":null,\"fields\":null,\"interfaces\":null,"
                   "\"possibleTypes\":null,\"enumValues\":[{\"name\":\"RED\"}],\"inputFields\":null,\"ofType\":null,"
                   "\"isOneOf\":null}" },
        { "Key", "{\"kind\":\"INPUT_OBJECT\",\"specifiedByURL\":null,\"fields\":null,\"interfaces\":null,"
                 "\"possibleTypes\":null,\"enumValues\":null,\"inputFields\":[{\"name\":\"id\"},{\"name\":\"name\"}],"
                 "\"ofType\":null,\"isOneOf\":true}" },
        { "Nothing", "null" },
        { "__Meta", "null" },
        { "Float", "null" },
    };
    char document[512], want[1024];

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        snprintf(
            document, sizeof(document),
            "{ __type(name: \"%s\") { kind specifiedByURL fields { name } interfaces { name } possibleTypes { name } "
            "enumValues { name } inputFields { name } ofType { name } isOneOf } }",
            types[i].type);
        snprintf(want, sizeof(want), "{\"__type\":%s}", types[i].want);
        assert_answer(document, want);
    }
}

static void a_type_is_unwrapped_by_of_type(void **state)
{
    (void)state;
    assert_answer(
        "{ __type(name: \"Thing\") { fields { type { kind name ofType { kind name ofType { kind name "
        "ofType { kind name ofType { name } } } } } } } }",
        "{\"__type\":{\"fields\":["
        "{\"type\":{\"kind\":\"NON_NULL\",\"name\":null,\"ofType\":{\"kind\":\"SCALAR\",\"name\":\"ID\",\"ofType\":"
        "null}}},"
        "{\"type\":{\"kind\":\"NON_NULL\",\"name\":null,\"ofType\":{\"kind\":\"LIST\",\"name\":null,\"ofType\":"
        "{\"kind\":\"LIST\",\"name\":null,\"ofType\":{\"kind\":\"NON_NULL\",\"name\":null,\"ofType\":{\"name\":"
        "\"Thing\"}}}}}},"
        "{\"type\":{\"kind\":\"UNION\",\"name\":\"Either\",\"ofType\":null}},"
        "{\"type\":{\"kind\":\"ENUM\",\"name\":\"Color\",\"ofType\":null}}]}}");
}

static void a_list_type_has_no_fields(void **state)
{
    (void)state;
    assert_answer("{ __type(name: \"Thing\") { fields { type { fields { name } enumValues { name } } } } }",
                  "{\"__type\":{\"fields\":[{\"type\":{\"fields\":null,\"enumValues\":null}},"
                  "{\"type\":{\"fields\":null,\"enumValues\":null}},{\"type\":{\"fields\":null,\"enumValues\":null}},"
                  "{\"type\":{\"fields\":null,\"enumValues\":[{\"name\":\"RED\"}]}}]}}");
}

static void types_lead_to_each_other_and_back(void **state)
{
    (void)state;
    assert_answer("{ __type(name: \"Node\") { possibleTypes { interfaces { kind name } } } }",
                  "{\"__type\":{\"possibleTypes\":[{\"interfaces\":[{\"kind\":\"INTERFACE\",\"name\":\"Node\"}]}]}}");
}

static void what_is_deprecated_is_told_to_those_who_ask(void **state)
{
    (void)state;
    assert_answer(
        "{ __type(name: \"Root\") { few: fields { name args { name } } all: fields(includeDeprecated: true) "
        "{ name isDeprecated deprecationReason args(includeDeprecated: true) { name isDeprecated } } "
        "null: fields(includeDeprecated: null) { name } } }",
        "{\"__type\":{\"few\":[{\"name\":\"thing\",\"args\":[{\"name\":\"id\"}]},{\"name\":\"node\",\"args\":[]}],"
        "\"all\":[{\"name\":\"thing\",\"isDeprecated\":false,\"deprecationReason\":null,\"args\":["
        "{\"name\":\"id\",\"isDeprecated\":false},{\"name\":\"old\",\"isDeprecated\":true}]},"
        "{\"name\":\"node\",\"isDeprecated\":false,\"deprecationReason\":null,\"args\":[]},"
        "{\"name\":\"gone\",\"isDeprecated\":true,\"deprecationReason\":\"x\",\"args\":[]}],"
        "\"null\":[{\"name\":\"thing\"},{\"name\":\"node\"}]}}");
    assert_answer(
        "{ a: __type(name: \"Color\") { enumValues(includeDeprecated: true) { name description isDeprecated "
        "deprecationReason } } b: __type(name: \"Filter\") { few: inputFields { name } "
        "all: inputFields(includeDeprecated: true) { name deprecationReason } } }",
        "{\"a\":{\"enumValues\":[{\"name\":\"RED\",\"description\":null,\"isDeprecated\":false,"
        "\"deprecationReason\":null},{\"name\":\"BLUE\",\"description\":\"sea\",\"isDeprecated\":true,"
        "\"deprecationReason\":\"No longer supported\"}]},\"b\":{\"few\":[{\"name\":\"color\"},{\"name\":\"size\"}],"
        "\"all\":[{\"name\":\"color\",\"deprecationReason\":null},{\"name\":\"size\",\"deprecationReason\":null},"
        "{\"name\":\"old\",\"deprecationReason\":\"y\"}]}}");
}

static json_t *directive_named(const json_t *data, const char *name)
{
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(json_object_get(data, "__schema"), "directives"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    fail_msg("@%s is not listed", name);
    return NULL;
}

static void directives_are_listed_with_those_of_the_library(void **state)
{
    static const struct {
        const char *name, *want;
    } directives[] = {
        { "mark",
          "{\"name\":\"mark\",\"isRepeatable\":true,\"locations\":[\"FIELD\",\"OBJECT\"],\"args\":[{\"name\":\"by\","
          "\"defaultValue\":\"{color: RED, size: 4}\"}],\"all\":[{\"name\":\"by\"},{\"name\":\"old\"}],"
          "\"isDeprecated\":false,\"deprecationReason\":null}" },
        { "skip", "{\"name\":\"skip\",\"isRepeatable\":false,\"locations\":[\"FIELD\",\"FRAGMENT_SPREAD\","
                  "\"INLINE_FRAGMENT\"],\"args\":[{\"name\":\"if\",\"defaultValue\":null}],\"all\":[{\"name\":\"if\"}],"
                  "\"isDeprecated\":false,\"deprecationReason\":null}" },
        { "deprecated", "{\"name\":\"deprecated\",\"isRepeatable\":false,\"locations\":[\"FIELD_DEFINITION\","
                        "\"ARGUMENT_DEFINITION\",\"INPUT_FIELD_DEFINITION\",\"ENUM_VALUE\",\"DIRECTIVE_DEFINITION\"],"
                        "\"args\":[{\"name\":\"reason\",\"defaultValue\":\"\\\"No longer supported\\\"\"}],"
                        "\"all\":[{\"name\":\"reason\"}],\"isDeprecated\":false,\"deprecationReason\":null}" },
        { "oneOf", "{\"name\":\"oneOf\",\"isRepeatable\":false,\"locations\":[\"INPUT_OBJECT\"],\"args\":[],\"all\":[],"
                   "\"isDeprecated\":false,\"deprecationReason\":null}" },
    };
    json_t *data = answer_of(sdl, "{ __schema { directives(includeDeprecated: true) { name isRepeatable locations "
                                  "args { name defaultValue } all: args(includeDeprecated: true) { name } isDeprecated "
                                  "deprecationReason } } }");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(json_object_get(data, "__schema"), "directives")), 6);
    for (size_t i = 0; i < COUNT(directives); i++) {
        char *text = json_dumps(directive_named(data, directives[i].name), JSON_COMPACT);
        assert_string_equal(text, directives[i].want);
        free(text);
    }
    json_decref(data);
}

static void a_default_is_shown_in_one_form_however_it_is_written(void **state)
{
    static const struct {
        const char *input, *want;
    } defaults[] = {
        { "Int", NULL },
        { "Int = 1", "1" },
        { "Int = null", "null" },
        { "[Int!]! = 1", "[1]" },
        { "[[Int]] = [[1,null] , 2]", "[[1, null], [2]]" },
        { "Float = 1.0", "1" },
        { "Float = 1e30", "1e+30" },
        { "Float = 0.10", "0.1" },
        { "Float = 100000000000000000000", "100000000000000000000" },
        { "Boolean = true", "true" },
        { "ID = 12", "12" },
        { "ID = \"12\"", "12" },
        { "ID = \"012\"", "\"012\"" },
        { "ID = \"-\"", "\"-\"" },
        { "String = \"a\\u0041\\n\\\"\"", "\"aA\\n\\\"\"" },
        { "String = \"\"\"\n  block\n\"\"\"", "\"block\"" },
        { "C = RED", "RED" },
        { "I = {b: 2}", "{a: 5, b: 2, i: null}" },
        { "I = {i: {a: 1, i: {}}, b: 2,}", "{a: 5, b: 2, i: {a: 1, i: {a: 5, i: null}}}" },
        { "Any = {x: [1, 2.5], y: RED}", "{x: [1, 2.5], y: \"RED\"}" },
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < COUNT(defaults); i++) {
        snprintf(text, sizeof(text),
                 "type Query { q(x: %s): Int } enum C { RED } input I { a: Int = 5 b: Int i: I = null } scalar Any",
                 defaults[i].input);
        json_t *data = answer_of(text, "{ __type(name: \"Query\") { fields { args { defaultValue } } } }"), *args;
        args = json_object_get(json_array_get(json_object_get(json_object_get(data, "__type"), "fields"), 0), "args");
        const char *have = json_string_value(json_object_get(json_array_get(args, 0), "defaultValue"));
        if ((have == NULL) != (defaults[i].want == NULL) || (have != NULL && strcmp(have, defaults[i].want) != 0))
            fail_msg("%s: %s", defaults[i].input, have == NULL ? "null" : have);
        json_decref(data);
    }
}

static void introspection_types_are_types_like_others(void **state)
{
    (void)state;
    assert_answer(
        "{ __schema { __typename queryType { __typename fields { __typename } } } "
        "__type(name: \"__TypeKind\") { kind enumValues { name } } }",
        "{\"__schema\":{\"__typename\":\"__Schema\",\"queryType\":{\"__typename\":\"__Type\",\"fields\":["
        "{\"__typename\":\"__Field\"},{\"__typename\":\"__Field\"}]}},\"__type\":{\"kind\":\"ENUM\",\"enumValues\":["
        "{\"name\":\"SCALAR\"},{\"name\":\"OBJECT\"},{\"name\":\"INTERFACE\"},{\"name\":\"UNION\"},{\"name\":\"ENUM\"},"
        "{\"name\":\"INPUT_OBJECT\"},{\"name\":\"LIST\"},{\"name\":\"NON_NULL\"}]}}");
}

static void descriptions_are_told(void **state)
{
    (void)state;
    assert_answer(
        "{ __type(name: \"Root\") { description fields { description } } }",
        "{\"__type\":{\"description\":\"All\",\"fields\":[{\"description\":\"One\"},{\"description\":null}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_tells_of_itself),
        cmocka_unit_test(all_types_that_are_used_are_listed),
        cmocka_unit_test(what_a_kind_of_type_does_not_have_is_null),
        cmocka_unit_test(a_type_is_unwrapped_by_of_type),
        cmocka_unit_test(a_list_type_has_no_fields),
        cmocka_unit_test(types_lead_to_each_other_and_back),
        cmocka_unit_test(what_is_deprecated_is_told_to_those_who_ask),
        cmocka_unit_test(directives_are_listed_with_those_of_the_library),
        cmocka_unit_test(a_default_is_shown_in_one_form_however_it_is_written),
        cmocka_unit_test(introspection_types_are_types_like_others),
        cmocka_unit_test(descriptions_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
