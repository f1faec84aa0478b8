/* Execution: which fields are answered, what becomes of values and errors, and when a resolver may end. */
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
    "interface Named { name: String }  union Pet = Cat | Dog  union Other = Fish | Dog\n"
    "type Cat implements Named { name: String lives: Int }\n"
    "type Dog implements Named { name: String owner: Node! }\n"
    "type Fish { name: String }\n"
    "type Node { id: ID must: String! node: Node strict: Node! list: [Node!] later: String laterMust: String!\n"
    "  numbers: [Int!] numbersMust: [Int!]! grid: [[Int!]] pet: Pet named: Named loop: Node echo(n: Int = 7, s: "
    "String!): Any }\n"
    "type Query { i: Int f: Float s: String b: Boolean id: ID any: Any color: Color node: Node must: String! later: "
    "String\n"
    "  other: String echo(n: Int = 7, s: String, l: [Int]): Any loop: Node failing: String list: [Node] }\n"
    "type Mutation { first: Node second: String third: String laterMust: String! }\n";

/* --- Resolvers that wait until the test ends them --- */

enum { WAITING_MAX = 16 };

struct scene {
    struct gql_schema *schema;
    struct gql_field *waiting[WAITING_MAX];
    size_t waiting_count, asked; /* `asked`: calls of any resolver */
    bool selects_id;
    char *answer; /* NULL: not yet */
    size_t answers;
    bool executed;
};

static void resolve_later(struct gql_field *field, void *context)
{
    struct scene *scene = context;

    assert_true(scene->waiting_count < WAITING_MAX);
    scene->waiting[scene->waiting_count++] = field;
    scene->asked++;
}

static void resolve_echo(struct gql_field *field, void *context)
{
    struct scene *scene = context;

    scene->asked++;
    gql_field_value(field, json_deep_copy(gql_field_arguments(field)));
}

static void resolve_loop(struct gql_field *field, void *context)
{
    struct scene *scene = context;

    scene->asked++;
    scene->selects_id = gql_field_selects(field, "id");
    gql_field_value(field, json_pack("{s:s, s:s}", "id", "1", "must", "be"));
}

static void resolve_failing(struct gql_field *field, void *context)
{
    (void)context;
    gql_field_error(field, "no way", json_pack("{s:i}", "error_code", 404));
}

static const struct gql_binding bindings[] = {
    { "Query", "later", resolve_later },        { "Query", "other", resolve_later },
    { "Query", "echo", resolve_echo },          { "Node", "echo", resolve_echo },
    { "Query", "loop", resolve_loop },          { "Node", "loop", resolve_loop },
    { "Query", "failing", resolve_failing },    { "Node", "later", resolve_later },
    { "Node", "laterMust", resolve_later },     { "Mutation", "first", resolve_later },
    { "Mutation", "second", resolve_later },    { "Mutation", "third", resolve_later },
    { "Mutation", "laterMust", resolve_later },
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct gql_errors errors = { 0 };

    scene->schema = gql_schema_new(sdl, strlen(sdl), &errors);
    if (!scene->schema || !gql_schema_bind(scene->schema, bindings, COUNT(bindings), &errors))
        fail_msg("%s", errors.list[0].message);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    free(scene->answer);
    gql_schema_free(scene->schema);
    free(scene);
    return 0;
}

static void take_answer(void *context, const struct gql_result *result)
{
    struct scene *scene = context;

    free(scene->answer);
    scene->answer = strndup(result->text, result->size);
    assert_int_equal(strlen(scene->answer), result->size);
    scene->executed = result->executed;
    scene->answers++;
}

/* --- Running --- */

struct run {
    const char *query;
    const char *root, *variables; /* JSON; NULL: none */
    const char *operation;
    struct gql_limits limits;
};

/* Forgets the document at once: what still runs holds it. The root lives as long as the scene's answer is awaited. */
static json_t *begin(struct scene *scene, struct run run)
{
    struct gql_errors errors = { 0 };
    struct gql_document *document = gql_document_new(scene->schema, run.query, strlen(run.query), &run.limits, &errors);
    json_t *root = run.root ? json_loads(run.root, JSON_ALLOW_NUL, NULL) : NULL;
    json_t *variables = run.variables ? json_loads(run.variables, 0, NULL) : NULL;
    const struct gql_request request = {
        .operation_name = run.operation, .variables = variables, .root = root, .context = scene
    };

    if (!document)
        fail_msg("%s: %s", run.query, errors.list[0].message);
    assert_true(!run.root == !root && !run.variables == !variables);
    free(scene->answer);
    scene->answer = NULL;
    scene->waiting_count = scene->answers = scene->asked = 0;
    gql_execute(document, &request, take_answer, scene);
    gql_document_release(document);
    json_decref(variables);
    return root;
}

static void assert_answer(const struct scene *scene, const char *want)
{
    assert_int_equal(scene->answers, 1);
    assert_string_equal(scene->answer, want);
}

static void assert_run(struct scene *scene, struct run run, const char *want)
{
    json_t *root = begin(scene, run);

    assert_answer(scene, want);
    json_decref(root);
}

static void end_with(struct scene *scene, size_t which, const char *value)
{
    gql_field_value(scene->waiting[which], value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL);
}

/* --- Which fields --- */

static void fields_are_answered_in_the_order_of_the_query(void **state)
{
    assert_run(*state, (struct run){ .query = "{ s i __typename x: s }", .root = "{\"i\": 1, \"s\": \"a\"}" },
               "{\"data\":{\"s\":\"a\",\"i\":1,\"__typename\":\"Query\",\"x\":\"a\"}}");
}

static void fields_of_one_key_are_merged_where_the_first_one_stands(void **state)
{
    assert_run(*state,
               (struct run){ .query = "{ node { id } s ...F } fragment F on Query { s node { must id } }",
                             .root = "{\"s\": \"a\", \"node\": {\"id\": 5, \"must\": \"m\"}}" },
               "{\"data\":{\"node\":{\"id\":\"5\",\"must\":\"m\"},\"s\":\"a\"}}");
}

static void many_fields_and_keys_are_found_again(void **state)
{
    char query[4096] = "{", want[4096] = "{\"data\":{";

    for (int i = 0; i < 100; i++)
        sprintf(query + strlen(query), "k%d:i k%d:i ", i, i / 2);
    strcat(query, "}");
    for (int i = 0; i < 100; i++)
        sprintf(want + strlen(want), "%s\"k%d\":%d", i ? "," : "", i, 3);
    strcat(want, "}}");
    assert_run(*state, (struct run){ .query = query, .root = "{\"i\": 3}" }, want);
}

static void skip_and_include_decide_by_literals_and_variables(void **state)
{
    static const char query[] =
        "query($y: Boolean!, $n: Boolean = false) { a: i @skip(if: true) b: i @include(if: true)\n"
        "c: i @include(if: $n) d: i @skip(if: $n) e: i @skip(if: $n) @include(if: $n)\n"
        "...F @skip(if: $y) ... @include(if: $y) { g: i } }\n"
        "fragment F on Query { f: i }";

    assert_run(*state, (struct run){ .query = query, .variables = "{\"y\": true}", .root = "{\"i\": 1}" },
               "{\"data\":{\"b\":1,\"d\":1,\"g\":1}}");
    assert_run(*state, (struct run){ .query = query, .variables = "{\"y\": false, \"n\": true}", .root = "{\"i\": 1}" },
               "{\"data\":{\"b\":1,\"c\":1,\"f\":1}}");
}

static void a_condition_that_is_null_is_an_error_of_the_object_around_it(void **state)
{
    static const char query[] = "query($c: Boolean = true) { s node { id @skip(if: $c) } }";
    static const char root[] = "query($c: Boolean = true) { s @skip(if: $c) }";

    assert_run(*state,
               (struct run){ .query = query, .variables = "{\"c\": null}", .root = "{\"node\": {}, \"s\": \"a\"}" },
               "{\"errors\":[{\"message\":\"Argument \\\"if\\\" of non-null type \\\"Boolean!\\\" must not be null.\","
               "\"locations\":[{\"line\":1,\"column\":51}],\"path\":[\"node\"]}],"
               "\"data\":{\"s\":\"a\",\"node\":null}}");
    assert_run(*state, (struct run){ .query = root, .variables = "{\"c\": null}" },
               "{\"errors\":[{\"message\":\"Argument \\\"if\\\" of non-null type \\\"Boolean!\\\" must not be null.\","
               "\"locations\":[{\"line\":1,\"column\":41}]}],\"data\":null}");
}

static void a_fragment_s_condition_is_asked_of_its_first_spread_alone(void **state)
{
    assert_run(*state,
               (struct run){ .query = "query($c: Boolean = true) { ...F ...F @skip(if: $c) } fragment F on Query { i }",
                             .variables = "{\"c\": null}",
                             .root = "{\"i\": 1}" },
               "{\"data\":{\"i\":1}}");
}

static void a_resolver_knows_what_is_selected_below_it(void **state)
{
    struct scene *scene = *state;

    assert_run(scene, (struct run){ .query = "{ loop { ...F } } fragment F on Node { ... { id } }" },
               "{\"data\":{\"loop\":{\"id\":\"1\"}}}");
    assert_true(scene->selects_id);
    assert_run(scene, (struct run){ .query = "{ loop { must list { id } x: id @skip(if: true) } }" },
               "{\"data\":{\"loop\":{\"must\":\"be\",\"list\":null}}}");
    assert_false(scene->selects_id);
}

/* --- Leaves --- */

static void leaves_are_serialized_by_their_type(void **state)
{
    static const struct {
        const char *field, *value, *want;
    } leaves[] = {
        { "i", "1", "1" },
        { "i", "1.0", "1" },
        { "i", "-2147483648", "-2147483648" },
        { "i", "\"5\"", "5" },
        { "i", "\" 0x1f \"", "31" },
        { "i", "\"1e3\"", "1000" },
        { "i", "\" \"", "0" },
        { "i", "true", "1" },
        { "f", "1", "1" },
        { "f", "1.5", "1.5" },
        { "f", "1e21", "1e+21" },
        { "f", "123456789012345680000.0", "123456789012345680000" },
        { "f", "0.000001", "0.000001" },
        { "f", "1e-7", "1e-7" },
        { "f", "-1.25e-9", "-1.25e-9" },
        { "f", "5e-324", "5e-324" },
        { "f", "0.30000000000000004", "0.30000000000000004" },
        { "f", "1.7976931348623157e308", "1.7976931348623157e+308" },
        { "f", "\"0.5\"", "0.5" },
        { "f", "\".5\"", "0.5" },
        { "f", "false", "0" },
        { "s", "\"a\"", "\"a\"" },
        { "s", "1.0", "\"1\"" },
        { "s", "1.5", "\"1.5\"" },
        { "s", "true", "\"true\"" },
        { "s", "\"\\u0000\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\\u007f\\u00e9\\ud83d\\ude00\"",
          "\"\\u0000\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\x7f\xc3\xa9\xf0\x9f\x98\x80\"" },
        { "b", "true", "true" },
        { "b", "0", "false" },
        { "b", "0.5", "true" },
        { "id", "\"x\"", "\"x\"" },
        { "id", "9007199254740993", "\"9007199254740993\"" },
        { "id", "7.0", "\"7\"" },
        { "color", "\"RED\"", "\"RED\"" },
        { "any", "{\"a\": [1, 2.0, null, {\"b\": \"c\"}], \"d\": {}}", "{\"a\":[1,2,null,{\"b\":\"c\"}],\"d\":{}}" },
    };

    for (size_t i = 0; i < COUNT(leaves); i++) {
        char query[64], root[256], want[256];

        snprintf(query, sizeof(query), "{%s}", leaves[i].field);
        snprintf(root, sizeof(root), "{\"%s\": %s}", leaves[i].field, leaves[i].value);
        snprintf(want, sizeof(want), "{\"data\":{\"%s\":%s}}", leaves[i].field, leaves[i].want);
        assert_run(*state, (struct run){ .query = query, .root = root }, want);
    }
}

static void values_that_are_no_leaf_of_their_type_are_errors(void **state)
{
    static const struct {
        const char *field, *value, *want;
    } leaves[] = {
        { "i", "1.5", "Int cannot represent non-integer value: 1.5" },
        { "i", "\"\"", "Int cannot represent non-integer value: \\\"\\\"" },
        { "i", "\"0x\"", "Int cannot represent non-integer value: \\\"0x\\\"" },
        { "i", "\"0b12\"", "Int cannot represent non-integer value: \\\"0b12\\\"" },
        { "i", "\"1e\"", "Int cannot represent non-integer value: \\\"1e\\\"" },
        { "i", "[1]", "Int cannot represent non-integer value: [1]" },
        { "i", "2147483648", "Int cannot represent non 32-bit signed integer value: 2147483648" },
        { "f", "\"Infinity\"", "Float cannot represent non numeric value: \\\"Infinity\\\"" },
        { "f", "\"nan\"", "Float cannot represent non numeric value: \\\"nan\\\"" },
        { "f", "{}", "Float cannot represent non numeric value: {}" },
        { "s", "{\"a\": {\"b\": {\"c\": 1}, \"d\": [[1]]}}",
          "String cannot represent value: { a: { b: [Object], d: [Array] } }" },
        { "s", "[1,2,3,4,5,6,7,8,9,10,11,12]",
          "String cannot represent value: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ... 2 more items]" },
        { "b", "\"true\"", "Boolean cannot represent a non boolean value: \\\"true\\\"" },
        { "id", "1.5", "ID cannot represent value: 1.5" },
        { "id", "true", "ID cannot represent value: true" },
        { "color", "\"BLUE\"", "Enum \\\"Color\\\" cannot represent value: \\\"BLUE\\\"" },
        { "color", "1", "Enum \\\"Color\\\" cannot represent value: 1" },
    };

    for (size_t i = 0; i < COUNT(leaves); i++) {
        char query[64], root[256], want[512];

        snprintf(query, sizeof(query), "{%s}", leaves[i].field);
        snprintf(root, sizeof(root), "{\"%s\": %s}", leaves[i].field, leaves[i].value);
        snprintf(want, sizeof(want),
                 "{\"errors\":[{\"message\":\"%s\",\"locations\":[{\"line\":1,\"column\":2}],\"path\":[\"%s\"]}],"
                 "\"data\":{\"%s\":null}}",
                 leaves[i].want, leaves[i].field, leaves[i].field);
        assert_run(*state, (struct run){ .query = query, .root = root }, want);
    }
}

/* --- Null --- */

static void null_goes_up_to_the_first_that_may_be_null(void **state)
{
    static const struct {
        const char *query, *root, *want_path, *want_data;
    } runs[] = {
        { "{node{must}s}", "{\"node\":{},\"s\":\"a\"}", "[\"node\",\"must\"]", "{\"node\":null,\"s\":\"a\"}" },
        { "{node{strict{strict{must}}}}", "{\"node\":{\"strict\":{\"strict\":{}}}}",
          "[\"node\",\"strict\",\"strict\",\"must\"]", "{\"node\":null}" },
        { "{node{node{strict{id}}}}", "{\"node\":{\"node\":{}}}", "[\"node\",\"node\",\"strict\"]",
          "{\"node\":{\"node\":null}}" },
        { "{must}", "{}", "[\"must\"]", "null" },
        { "{node{numbers}}", "{\"node\":{\"numbers\":[1,null,3]}}", "[\"node\",\"numbers\",1]",
          "{\"node\":{\"numbers\":null}}" },
        { "{node{numbersMust}}", "{\"node\":{\"numbersMust\":[1,\"x\"]}}", "[\"node\",\"numbersMust\",1]",
          "{\"node\":null}" },
        { "{node{grid}}", "{\"node\":{\"grid\":[[1],[null],null,[]]}}", "[\"node\",\"grid\",1,0]",
          "{\"node\":{\"grid\":[[1],null,null,[]]}}" },
        { "{node{list{must}}}", "{\"node\":{\"list\":[{\"must\":\"a\"},{}]}}", "[\"node\",\"list\",1,\"must\"]",
          "{\"node\":{\"list\":null}}" },
        { "{list{must}}", "{\"list\":[{\"must\":\"a\"},{},null]}", "[\"list\",1,\"must\"]",
          "{\"list\":[{\"must\":\"a\"},null,null]}" },
        { "{list{id}}", "{\"list\":\"abc\"}", "[\"list\"]", "{\"list\":null}" },
    };

    for (size_t i = 0; i < COUNT(runs); i++) {
        const struct scene *scene = *state;
        json_t *root = begin(*state, (struct run){ .query = runs[i].query, .root = runs[i].root });
        char want_data[256], want_path[256];

        snprintf(want_data, sizeof(want_data), "\"data\":%s}", runs[i].want_data);
        snprintf(want_path, sizeof(want_path), "\"path\":%s}],", runs[i].want_path);
        assert_non_null(scene->answer);
        if (!strstr(scene->answer, want_data) || !strstr(scene->answer, want_path))
            fail_msg("%s: %s", runs[i].query, scene->answer);
        json_decref(root);
    }
}

static void an_error_before_a_null_stays_and_fields_behind_it_are_not_resolved(void **state)
{
    struct scene *scene = *state;

    assert_run(scene, (struct run){ .query = "{ failing must later }" },
               "{\"errors\":[{\"message\":\"no way\",\"locations\":[{\"line\":1,\"column\":3}],\"path\":[\"failing\"],"
               "\"extensions\":{\"error_code\":404}},"
               "{\"message\":\"Cannot return null for non-nullable field Query.must.\","
               "\"locations\":[{\"line\":1,\"column\":11}],\"path\":[\"must\"]}],\"data\":null}");
    assert_int_equal(scene->waiting_count, 0);
}

static void errors_of_merged_fields_have_all_their_locations(void **state)
{
    assert_run(*state, (struct run){ .query = "{ failing\n  failing ... { failing } }" },
               "{\"errors\":[{\"message\":\"no way\",\"locations\":[{\"line\":1,\"column\":3},"
               "{\"line\":2,\"column\":3},{\"line\":2,\"column\":17}],\"path\":[\"failing\"],"
               "\"extensions\":{\"error_code\":404}}],\"data\":{\"failing\":null}}");
}

static void what_is_below_a_null_fails_in_silence(void **state)
{
    struct scene *scene = *state;
    json_t *root = begin(scene, (struct run){ .query = "{ node { a: laterMust b: laterMust later } s }",
                                              .root = "{\"node\": {}, \"s\": \"a\"}" });

    assert_int_equal(scene->waiting_count, 3);
    gql_field_error(scene->waiting[1], "the first", NULL);
    gql_field_error(scene->waiting[0], "the second", json_object());
    assert_int_equal(scene->answers, 0);
    end_with(scene, 2, "[]");
    assert_answer(scene, "{\"errors\":[{\"message\":\"the first\",\"locations\":[{\"line\":1,\"column\":23}],"
                         "\"path\":[\"node\",\"b\"]}],\"data\":{\"node\":null,\"s\":\"a\"}}");
    json_decref(root);
}

static void what_is_no_object_is_an_error_of_its_field(void **state)
{
    assert_run(
        *state, (struct run){ .query = "{node{id} s}", .root = "{\"node\": [1], \"s\": \"a\"}" },
        "{\"errors\":[{\"message\":\"Expected an object of type \\\"Node\\\" for field \\\"Query.node\\\", but got: "
        "[1].\",\"locations\":[{\"line\":1,\"column\":2}],\"path\":[\"node\"]}],"
        "\"data\":{\"node\":null,\"s\":\"a\"}}");
}

/* --- Abstract types --- */

static void an_abstract_value_is_of_the_type_that_it_names(void **state)
{
    assert_run(*state,
               (struct run){ .query = "{ node { pet { __typename ... on Cat { lives } ... on Dog { name }\n"
                                      "... on Named { name } ... on Other { __typename ... on Dog { id: name } } }\n"
                                      "named { name } } }",
                             .root = "{\"node\": {\"pet\": {\"__typename\": \"Cat\", \"lives\": 9, \"name\": \"c\"},\n"
                                     "\"named\": {\"__typename\": \"Dog\", \"name\": \"d\"}}}" },
               "{\"data\":{\"node\":{\"pet\":{\"__typename\":\"Cat\",\"lives\":9,\"name\":\"c\"},"
               "\"named\":{\"name\":\"d\"}}}}");
}

static void an_abstract_value_without_a_fitting_type_is_an_error(void **state)
{
    static const struct {
        const char *value, *want;
    } values[] = {
        { "{}", "its value has no \\\"__typename\\\"." },
        { "5", "Expected an object of type \\\"Pet\\\" for field \\\"Node.pet\\\", but got: 5." },
        { "{\"__typename\": 5}", "its value has no \\\"__typename\\\"." },
        { "{\"__typename\": \"Cow\"}", "a type \\\"Cow\\\" that does not exist in the schema." },
        { "{\"__typename\": \"Named\"}", "\\\"Named\\\", which is no object type." },
        { "{\"__typename\": \"Fish\"}", "Object type \\\"Fish\\\" is not a possible type of \\\"Pet\\\"." },
    };

    for (size_t i = 0; i < COUNT(values); i++) {
        struct scene *scene = *state;
        char root_text[128];
        json_t *root;

        snprintf(root_text, sizeof(root_text), "{\"node\": {\"pet\": %s}}", values[i].value);
        root = begin(scene, (struct run){ .query = "{ node { pet { __typename } } }", .root = root_text });
        if (!strstr(scene->answer, values[i].want) || !strstr(scene->answer, "\"path\":[\"node\",\"pet\"]") ||
            !strstr(scene->answer, "\"data\":{\"node\":{\"pet\":null}}"))
            fail_msg("%s: %s", values[i].value, scene->answer);
        json_decref(root);
    }
}

/* --- Now or later --- */

static void siblings_are_resolved_together_and_end_in_any_order(void **state)
{
    struct scene *scene = *state;

    begin(scene, (struct run){ .query = "{ later other x: later }" });
    assert_int_equal(scene->waiting_count, 3);
    end_with(scene, 2, "\"c\"");
    end_with(scene, 0, "\"a\"");
    assert_int_equal(scene->answers, 0);
    end_with(scene, 1, NULL);
    assert_answer(scene, "{\"data\":{\"later\":\"a\",\"other\":null,\"x\":\"c\"}}");
}

static void items_of_a_list_wait_for_their_own_fields(void **state)
{
    struct scene *scene = *state;
    json_t *root = begin(scene, (struct run){ .query = "{ list { id later } }",
                                              .root = "{\"list\": [{\"id\": 1}, null, {\"id\": 2}]}" });

    assert_int_equal(scene->waiting_count, 2);
    assert_int_equal(json_integer_value(json_object_get(gql_field_parent(scene->waiting[1]), "id")), 2);
    end_with(scene, 1, "\"b\"");
    end_with(scene, 0, "\"a\"");
    assert_answer(scene, "{\"data\":{\"list\":[{\"id\":\"1\",\"later\":\"a\"},null,{\"id\":\"2\",\"later\":\"b\"}]}}");
    json_decref(root);
}

static void fields_of_a_mutation_wait_for_all_of_the_former_one(void **state)
{
    struct scene *scene = *state;

    begin(scene, (struct run){ .query = "mutation { first { later } second third }" });
    assert_int_equal(scene->waiting_count, 1);
    end_with(scene, 0, "{}");
    assert_int_equal(scene->waiting_count, 2);
    assert_string_equal(gql_field_name(scene->waiting[1]), "later");
    end_with(scene, 1, "\"a\"");
    assert_string_equal(gql_field_name(scene->waiting[2]), "second");
    assert_int_equal(scene->waiting_count, 3);
    gql_field_error(scene->waiting[2], "no", NULL);
    assert_int_equal(scene->waiting_count, 4);
    end_with(scene, 3, "\"c\"");
    assert_answer(scene,
                  "{\"errors\":[{\"message\":\"no\",\"locations\":[{\"line\":1,\"column\":28}],"
                  "\"path\":[\"second\"]}],\"data\":{\"first\":{\"later\":\"a\"},\"second\":null,\"third\":\"c\"}}");
}

static void a_mutation_ends_at_a_null_that_reaches_the_data(void **state)
{
    struct scene *scene = *state;

    begin(scene, (struct run){ .query = "mutation { laterMust second }" });
    end_with(scene, 0, NULL);
    assert_int_equal(scene->waiting_count, 1);
    assert_answer(scene, "{\"errors\":[{\"message\":\"Cannot return null for non-nullable field Mutation.laterMust.\","
                         "\"locations\":[{\"line\":1,\"column\":12}],\"path\":[\"laterMust\"]}],\"data\":null}");
}

static void the_answer_waits_for_every_resolver_even_if_it_is_null(void **state)
{
    struct scene *scene = *state;

    begin(scene, (struct run){ .query = "{ later must }" });
    assert_int_equal(scene->answers, 0);
    end_with(scene, 0, "\"a\"");
    assert_int_equal(scene->answers, 1);
}

static void a_mutation_of_many_fields_needs_no_stack_for_each(void **state)
{
    struct scene *scene = *state;
    char *query = calloc(1, 40 * 20000);
    char *at = query + sprintf(query, "mutation {");

    for (int i = 0; i < 20000; i++)
        at += sprintf(at, " a%d: __typename", i);
    strcpy(at, "}");
    begin(scene, (struct run){ .query = query });
    assert_int_equal(scene->answers, 1);
    free(query);
}

/* --- Arguments --- */

static void arguments_are_literals_variables_or_defaults(void **state)
{
    static const struct {
        const char *query, *variables, *want;
    } runs[] = {
        { "{echo}", NULL, "{\"n\":7}" },
        { "{echo(n:1,s:\"a\")}", NULL, "{\"n\":1,\"s\":\"a\"}" },
        { "{echo(s:null)}", NULL, "{\"n\":7,\"s\":null}" },
        { "query($s:String){echo(s:$s)}", "{\"s\":\"v\"}", "{\"n\":7,\"s\":\"v\"}" },
        { "query($s:String){echo(s:$s)}", NULL, "{\"n\":7}" },
        { "query($n:Int){echo(n:$n)}", NULL, "{\"n\":7}" },
        { "query($n:Int){echo(n:$n)}", "{\"n\":null}", "{\"n\":null}" },
        { "query($n:Int=3){echo(n:$n)}", NULL, "{\"n\":3}" },
        { "query($n:Int){echo(l:[1,$n])}", NULL, "{\"n\":7,\"l\":[1,null]}" },
    };

    for (size_t i = 0; i < COUNT(runs); i++) {
        char want[128];

        snprintf(want, sizeof(want), "{\"data\":{\"echo\":%s}}", runs[i].want);
        assert_run(*state, (struct run){ .query = runs[i].query, .variables = runs[i].variables }, want);
    }
}

static void constant_arguments_are_the_same_for_all_items(void **state)
{
    assert_run(*state, (struct run){ .query = "{list{echo(s:\"a\")}}", .root = "{\"list\":[{},{}]}" },
               "{\"data\":{\"list\":[{\"echo\":{\"n\":7,\"s\":\"a\"}},{\"echo\":{\"n\":7,\"s\":\"a\"}}]}}");
}

static void an_argument_that_a_variable_leaves_null_is_an_error_at_the_variable(void **state)
{
    struct scene *scene = *state;

    assert_run(scene, (struct run){ .query = "query($s:String=\"a\"){loop{echo(s:$s)}}", .variables = "{\"s\":null}" },
               "{\"errors\":[{\"message\":\"Argument \\\"s\\\" of non-null type \\\"String!\\\" must not be null.\","
               "\"locations\":[{\"line\":1,\"column\":34}],\"path\":[\"loop\",\"echo\"]}],"
               "\"data\":{\"loop\":{\"echo\":null}}}");
    assert_int_equal(scene->asked, 1);
}

/* --- Requests --- */

static void a_request_names_an_operation_that_there_is(void **state)
{
    struct scene *scene = *state;
    static const char two[] = "query A { i } query B { s }";

    assert_run(scene, (struct run){ .query = two, .operation = "B" }, "{\"data\":{\"s\":null}}");
    assert_true(scene->executed);
    assert_run(scene, (struct run){ .query = two },
               "{\"errors\":[{\"message\":\"Must provide operation name if query contains multiple operations.\"}]}");
    assert_false(scene->executed);
    assert_run(scene, (struct run){ .query = two, .operation = "C" },
               "{\"errors\":[{\"message\":\"Unknown operation named \\\"C\\\".\"}]}");
    assert_run(scene, (struct run){ .query = "{ i }", .operation = "" }, "{\"data\":{\"i\":null}}");
}

static void a_document_tells_the_type_of_its_operations(void **state)
{
    struct scene *scene = *state;
    static const char text[] = "query A { i } mutation B { second }";
    struct gql_errors errors = { 0 };
    struct gql_document *document = gql_document_new(scene->schema, text, strlen(text), NULL, &errors);
    enum gql_operation_type type;
    char message[64];

    assert_true(gql_document_operation(document, "B", &type, message, sizeof(message)));
    assert_int_equal(type, GQL_MUTATION);
    assert_false(gql_document_operation(document, NULL, &type, message, sizeof(message)));
    assert_false(gql_document_operation(document, "b", &type, message, sizeof(message)));
    assert_string_equal(message, "Unknown operation named \"b\".");
    gql_document_release(document);
}

/* --- Limits --- */

static void a_list_beyond_the_limit_is_an_error_of_its_field(void **state)
{
    assert_run(
        *state,
        (struct run){ .query = "{node{numbers}}", .root = "{\"node\":{\"numbers\":[1,2,3]}}", .limits.items = 2 },
        "{\"errors\":[{\"message\":\"The list of field \\\"Node.numbers\\\" has 3 items, more than the limit of 2.\","
        "\"locations\":[{\"line\":1,\"column\":7}],\"path\":[\"node\",\"numbers\"]}],"
        "\"data\":{\"node\":{\"numbers\":null}}}");
}

static void errors_are_limited_but_null_is_null(void **state)
{
    struct scene *scene = *state;

    begin(scene, (struct run){ .query = "{ a: failing b: failing c: failing d: failing }", .limits.errors = 2 });
    assert_non_null(strstr(scene->answer, "\"data\":{\"a\":null,\"b\":null,\"c\":null,\"d\":null}"));
    assert_non_null(strstr(scene->answer, "\"path\":[\"b\"]"));
    assert_null(strstr(scene->answer, "\"path\":[\"c\"]"));
}

static void an_answer_that_is_too_deep_is_an_error(void **state)
{
    struct scene *scene = *state;
    char query[16384], *at = query + sprintf(query, "{...F0}");

    /* A hundred levels in each of twelve fragments. */
    for (int fragment = 0; fragment < 12; fragment++) {
        at += sprintf(at, "fragment F%d on %s{", fragment, fragment == 0 ? "Query" : "Node");
        for (int i = 0; i < 100; i++)
            at += sprintf(at, "loop{");
        at += fragment < 11 ? sprintf(at, "...F%d", fragment + 1) : sprintf(at, "id");
        for (int i = 0; i < 101; i++)
            at += sprintf(at, "}");
    }
    begin(scene, (struct run){ .query = query });
    assert_int_equal(scene->answers, 1);
    assert_non_null(strstr(scene->answer, "The answer has more than 1000 levels at field \\\"Node.loop\\\"."));
}

/* --- The cache --- */

static struct gql_document *look_up(struct gql_cache *cache, const char *text)
{
    struct gql_errors errors = { 0 };
    struct gql_document *document = gql_cache_document(cache, text, strlen(text), &errors);

    assert_true(!document == (errors.count > 0));
    gql_errors_release(&errors);
    return document;
}

static void the_cache_finds_a_document_again_by_its_text(void **state)
{
    struct scene *scene = *state;
    struct gql_cache *cache = gql_cache_new(scene->schema, NULL, 1 << 20);
    struct gql_document *first = look_up(cache, "{ i }"), *second = look_up(cache, "{ i }");
    struct gql_document *other = look_up(cache, "{ i  }");

    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    assert_null(look_up(cache, "{ nothing }"));
    assert_int_equal(gql_cache_stats(cache).hits, 1);
    assert_int_equal(gql_cache_stats(cache).misses, 3);
    assert_int_equal(gql_cache_stats(cache).documents, 2);
    gql_cache_free(cache);
    gql_document_release(second);
    gql_document_release(other);
    gql_execute(first, &(struct gql_request){ 0 }, take_answer, scene);
    gql_document_release(first);
    assert_string_equal(scene->answer, "{\"data\":{\"i\":null}}");
}

static void the_cache_drops_what_was_used_longest_ago(void **state)
{
    struct scene *scene = *state;
    struct gql_cache *cache = gql_cache_new(scene->schema, NULL, 64 * 1024);
    char text[64];

    gql_document_release(look_up(cache, "{ often: i }"));
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "{ k%d: i }", i);
        gql_document_release(look_up(cache, text));
        gql_document_release(look_up(cache, "{ often: i }"));
        assert_true(gql_cache_stats(cache).bytes <= 64 * 1024);
    }
    assert_int_equal(gql_cache_stats(cache).hits, 100);
    assert_true(gql_cache_stats(cache).documents > 2 && gql_cache_stats(cache).documents < 50);
    gql_document_release(look_up(cache, "{ k0: i }"));
    assert_int_equal(gql_cache_stats(cache).hits, 100);
    gql_cache_free(cache);
}

static void a_document_that_fits_no_cache_is_given_but_not_kept(void **state)
{
    struct scene *scene = *state;
    struct gql_cache *cache = gql_cache_new(scene->schema, NULL, 16);

    gql_document_release(look_up(cache, "{ i }"));
    assert_int_equal(gql_cache_stats(cache).documents, 0);
    assert_int_equal(gql_cache_stats(cache).bytes, 0);
    gql_cache_free(cache);
}

/* --- Introspection --- */

static void a_schema_tells_about_itself(void **state)
{
    assert_run(*state,
               (struct run){
                   .query = "query($n: String!) { __schema { queryType { name } } __type(name: $n) { kind name }\n"
                            "none: __type(name: \"None\") { name } }",
                   .variables = "{\"n\": \"Color\"}" },
               "{\"data\":{\"__schema\":{\"queryType\":{\"name\":\"Query\"}},"
               "\"__type\":{\"kind\":\"ENUM\",\"name\":\"Color\"},\"none\":null}}");
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(fields_are_answered_in_the_order_of_the_query),
        IN_SCENE(fields_of_one_key_are_merged_where_the_first_one_stands),
        IN_SCENE(many_fields_and_keys_are_found_again),
        IN_SCENE(skip_and_include_decide_by_literals_and_variables),
        IN_SCENE(a_condition_that_is_null_is_an_error_of_the_object_around_it),
        IN_SCENE(a_fragment_s_condition_is_asked_of_its_first_spread_alone),
        IN_SCENE(a_resolver_knows_what_is_selected_below_it),
        IN_SCENE(leaves_are_serialized_by_their_type),
        IN_SCENE(values_that_are_no_leaf_of_their_type_are_errors),
        IN_SCENE(null_goes_up_to_the_first_that_may_be_null),
        IN_SCENE(an_error_before_a_null_stays_and_fields_behind_it_are_not_resolved),
        IN_SCENE(errors_of_merged_fields_have_all_their_locations),
        IN_SCENE(what_is_below_a_null_fails_in_silence),
        IN_SCENE(what_is_no_object_is_an_error_of_its_field),
        IN_SCENE(an_abstract_value_is_of_the_type_that_it_names),
        IN_SCENE(an_abstract_value_without_a_fitting_type_is_an_error),
        IN_SCENE(siblings_are_resolved_together_and_end_in_any_order),
        IN_SCENE(items_of_a_list_wait_for_their_own_fields),
        IN_SCENE(fields_of_a_mutation_wait_for_all_of_the_former_one),
        IN_SCENE(a_mutation_ends_at_a_null_that_reaches_the_data),
        IN_SCENE(the_answer_waits_for_every_resolver_even_if_it_is_null),
        IN_SCENE(a_mutation_of_many_fields_needs_no_stack_for_each),
        IN_SCENE(arguments_are_literals_variables_or_defaults),
        IN_SCENE(constant_arguments_are_the_same_for_all_items),
        IN_SCENE(an_argument_that_a_variable_leaves_null_is_an_error_at_the_variable),
        IN_SCENE(a_request_names_an_operation_that_there_is),
        IN_SCENE(a_document_tells_the_type_of_its_operations),
        IN_SCENE(a_list_beyond_the_limit_is_an_error_of_its_field),
        IN_SCENE(errors_are_limited_but_null_is_null),
        IN_SCENE(an_answer_that_is_too_deep_is_an_error),
        IN_SCENE(the_cache_finds_a_document_again_by_its_text),
        IN_SCENE(the_cache_drops_what_was_used_longest_ago),
        IN_SCENE(a_document_that_fits_no_cache_is_given_but_not_kept),
        IN_SCENE(a_schema_tells_about_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
