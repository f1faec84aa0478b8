/* Validation of executable documents: each rule by what it reports and where, hostile documents by time. */
#include "common/graphql/parser.h"
#include "common/graphql/validate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char sdl[] =
    "directive @onField(a: Int, req: String!) on FIELD\n"
    "directive @many repeatable on FIELD | QUERY\n"
    "scalar Any\n"
    "enum Color { RED GREEN }\n"
    "interface Pet { name(loud: Boolean): String friend: Pet }\n"
    "type Dog implements Pet { name(loud: Boolean): String friend: Pet bark(times: Int!): Int! x: String }\n"
    "type Cat implements Pet { name(loud: Boolean): String friend: Pet x: Int owner: Human! }\n"
    "type Human { name: String pets: [Pet] query: Query }\n"
    "union CatOrDog = Cat | Dog\n"
    "input In { a: Int! = 3 b: String! list: [Int!] one: One any: Any color: Color in: In }\n"
    "input One @oneOf { a: Int b: String }\n"
    "type Query { dog(id: ID, f: Float, n: Int! = 5): Dog cat(in: In, ins: [In!]): Cat pet(one: One): Pet human: "
    "Human\n"
    "  either: CatOrDog scalar(any: Any, b: Boolean, c: Color, s: String): Any self: Query }\n"
    "type Mutation { set(in: In!): Dog }\n"
    "type Subscription { tick: Int tock: Int }\n";

enum { ERRORS_MAX = 100 };

static int make_schema(void **state)
{
    struct gql_errors errors = { 0 };

    *state = gql_schema_new(sdl, strlen(sdl), &errors);
    assert_non_null(*state);
    return 0;
}

static int free_schema(void **state)
{
    gql_schema_free(*state);
    return 0;
}

static struct gql_errors validated(const struct gql_schema *schema, const char *text, const struct gql_limits *limits)
{
    struct gql_errors errors = { .max = ERRORS_MAX };
    struct gql_ast *ast = gql_parse(text, strlen(text), &(struct gql_parse_limits){ 0 }, &errors);
    bool is_valid;

    if (ast == NULL)
        fail_msg("%s: %s", text, errors.list[0].message);
    is_valid = gql_validate(schema, ast, limits, &errors);
    assert_int_equal(is_valid, errors.count == 0);
    gql_ast_free(ast);
    return errors;
}

/* "Rule line:column line:column\n" for each error */
static void print_errors(const struct gql_errors *errors, char *out, size_t size)
{
    FILE *file = fmemopen(out, size, "w");

    for (size_t i = 0; i < errors->count; i++) {
        fprintf(file, "%s%s", i == 0 ? "" : "; ", errors->list[i].rule);
        for (size_t j = 0; j < errors->list[i].location_count; j++)
            fprintf(file, " %u:%u", errors->list[i].locations[j].line, errors->list[i].locations[j].column);
    }
    fclose(file);
}

static void expect(void **state, const char *text, const char *want)
{
    struct gql_errors errors = validated(*state, text, NULL);
    char got[4096] = "";

    print_errors(&errors, got, sizeof(got));
    if (strcmp(got, want) != 0)
        fail_msg("%s\n  want: %s\n  got:  %s", text, want, got);
    gql_errors_release(&errors);
}

struct row {
    const char *text, *want;
};

static void expect_all(void **state, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(state, rows[i].text, rows[i].want);
}

#define EXPECT_ALL(...)                                             \
    do {                                                            \
        static const struct row rows_[] = { __VA_ARGS__ };          \
        expect_all(state, rows_, sizeof(rows_) / sizeof(rows_[0])); \
    } while (0)

static void a_document_that_breaks_no_rule_is_valid(void **state)
{
    expect(state,
           "query Q($id: ID = 1, $loud: Boolean, $in: In) @many @many {\n"
           "  dog(id: $id, f: 1) { ...D x: bark(times: 2) @onField(req: \"\") }\n"
           "  cat(in: $in, ins: {b: \"\", list: 1, any: {z: [RED, $id]}}) { name(loud: $loud) @skip(if: true) }\n"
           "  either { __typename ... on Pet { name } ... on Dog { y: x } ... on Cat { y: name } }\n"
           "  __schema { types { name fields { name } } }\n"
           "}\n"
           "fragment D on Pet { name friend { name } }",
           "");
}

static void rules_about_operations(void **state)
{
    EXPECT_ALL({ "{dog{x}} type T {a: Int}", "ExecutableDefinitions 1:10" },
               { "query A {dog{x}} query A {dog{x}}", "UniqueOperationNames 1:7 1:24" },
               { "{dog{x}} query A {dog{x}}", "LoneAnonymousOperation 1:1" }, { "subscription {tick}", "" },
               { "subscription {tick ...on Subscription {tick}}", "" },
               { "subscription {tick t: tock ...F} fragment F on Subscription {tock}",
                 "SingleFieldSubscriptions 1:20 1:62" },
               { "subscription {tick @skip(if: true) tock}", "" },
               { "subscription {__typename}", "SingleFieldSubscriptions 1:15" });
}

static void rules_about_fragments(void **state)
{
    EXPECT_ALL({ "{...F} fragment F on Nope {x}", "KnownTypeNames 1:22" },
               { "{... on Nope {x} ... on Color {x}}", "KnownTypeNames 1:9; FragmentsOnCompositeTypes 1:25" },
               { "{dog{x}} fragment F on In {x}", "FragmentsOnCompositeTypes 1:24; NoUnusedFragments 1:10" },
               { "{...F} fragment F on Query {dog{x}} fragment F on Query {dog{x}}", "UniqueFragmentNames 1:17 1:46" },
               { "{dog {...Nope}}", "KnownFragmentNames 1:10" },
               { "{dog {... on Cat {name} ...F}} fragment F on Human {name}",
                 "PossibleFragmentSpreads 1:7; PossibleFragmentSpreads 1:25" },
               { "{...A} fragment A on Query {...B} fragment B on Query {self {...A}}", "NoFragmentCycles 1:29 1:62" },
               { "{...A} fragment A on Query {...A}", "NoFragmentCycles 1:29" },
               { "{dog{x}} fragment A on Query {...B} fragment B on Query {dog{x}}",
                 "NoUnusedFragments 1:10; NoUnusedFragments 1:37" });
}

static void rules_about_fields(void **state)
{
    EXPECT_ALL({ "{dog {nme}}", "FieldsOnCorrectType 1:7" }, { "{either {name}}", "FieldsOnCorrectType 1:10" },
               { "{dog {__schema {types {name}}}}", "FieldsOnCorrectType 1:7" },
               { "{nope {nope {nope}}}", "FieldsOnCorrectType 1:2" }, { "{dog}", "ScalarLeafs 1:2" },
               { "{dog {x {y}}}", "ScalarLeafs 1:9" },
               { "{__schema {types {fields {type {fields {type {interfaces {name}}}}}}}}",
                 "MaxIntrospectionDepth 1:2" },
               { "{__type(name: \"Dog\") {...T}} fragment T on __Type {fields {type {...U}}}"
                 " fragment U on __Type {inputFields {type {possibleTypes {name}}}}",
                 "MaxIntrospectionDepth 1:2" });
}

static void suggestions_name_what_was_probably_meant(void **state)
{
    struct gql_errors errors = validated(*state, "{dog {nme}}", NULL);

    assert_string_equal(errors.list[0].message, "Cannot query field \"nme\" on type \"Dog\". Did you mean \"name\"?");
    gql_errors_release(&errors);
}

static void rules_about_arguments(void **state)
{
    EXPECT_ALL({ "{dog(idd: 1) {x}}", "KnownArgumentNames 1:6" },
               { "{dog(id: 1, f: 2, id: 2, id: 3) {x}}", "UniqueArgumentNames 1:6 1:19 1:26" },
               { "{dog {bark}}", "ProvidedRequiredArguments 1:7" }, { "{dog(n: 1) {x}}", "" },
               { "{dog @skip {x}}", "ProvidedRequiredArguments 1:6" },
               { "{dog @include(if: true, iff: 1) {x}}", "KnownArgumentNames 1:25" });
}

static void rules_about_directives(void **state)
{
    EXPECT_ALL({ "{dog @nope {x}}", "KnownDirectives 1:6" },
               { "query @skip(if: true) {dog {x}}", "KnownDirectives 1:7" },
               { "{dog @skip(if: true) @skip(if: false) {x}}", "UniqueDirectivesPerLocation 1:6 1:22" },
               { "{dog @many @many {x}}", "" });
}

static void rules_about_values(void **state)
{
    EXPECT_ALL({ "{dog(id: 1.5) {x}}", "ValuesOfCorrectType 1:10" },
               { "{a: dog(n: 2147483647) {x} b: dog(n: -2147483649) {x}}", "ValuesOfCorrectType 1:38" },
               { "{dog(n: null) {x}}", "ValuesOfCorrectType 1:9" }, { "{dog(n: [1]) {x}}", "ValuesOfCorrectType 1:9" },
               { "{scalar(any: {a: [1, {b: RED}]}, b: true, c: RED, s: \"\"\"x\"\"\")}", "" },
               { "{scalar(b: 1, c: \"RED\", s: RED)}",
                 "ValuesOfCorrectType 1:12; ValuesOfCorrectType 1:18; ValuesOfCorrectType 1:28" },
               { "{scalar(c: BLUE)}", "ValuesOfCorrectType 1:12" }, { "{cat(in: {}) {x}}", "ValuesOfCorrectType 1:10" },
               { "{cat(in: {b: \"\", nope: 1}) {x}}", "ValuesOfCorrectType 1:18" },
               { "{cat(in: {b: \"\", a: null}) {x}}", "ValuesOfCorrectType 1:21" },
               { "{cat(in: {b: \"\", list: [1, null, \"\"]}) {x}}",
                 "ValuesOfCorrectType 1:28; ValuesOfCorrectType 1:34" },
               { "{cat(in: {b: \"\", b: \"\"}) {x}}", "UniqueInputFieldNames 1:11 1:18" },
               { "{cat(in: 1) {x}}", "ValuesOfCorrectType 1:10" }, { "{pet(one: {a: 1}) {name}}", "" },
               { "{pet(one: {a: 1, b: \"\"}) {name}}", "ValuesOfCorrectType 1:11" },
               { "{pet(one: {}) {name}}", "ValuesOfCorrectType 1:11" },
               { "{pet(one: {a: null}) {name}}", "ValuesOfCorrectType 1:11" },
               { "query ($i: Int = \"\") {dog(n: $i) {x}}", "ValuesOfCorrectType 1:18" });
}

static void rules_about_variables(void **state)
{
    EXPECT_ALL({ "query ($a: Int, $a: Int) {dog(n: $a) {x}}", "UniqueVariableNames 1:9 1:18" },
               { "query ($a: Dog) {scalar(any: $a)}",
                 "VariablesAreInputTypes 1:12; VariablesInAllowedPosition 1:8 1:30" },
               { "query ($a: [Nope!]) {scalar(any: [$a])}", "KnownTypeNames 1:13" },
               { "query Q {dog(id: $a) {x}}", "NoUndefinedVariables 1:18 1:1" },
               { "query ($a: ID) {...F} query B {...F} fragment F on Query {dog(id: $a) {x}}",
                 "LoneAnonymousOperation 1:1; NoUndefinedVariables 1:67 1:23" },
               { "query ($a: ID) {dog {x}}", "NoUnusedVariables 1:8" },
               { "query ($a: Int = 1) {dog(n: $a) {bark(times: $a)}}", "" },
               { "query ($a: Int = null) {dog {bark(times: $a)}}", "VariablesInAllowedPosition 1:8 1:42" },
               { "query ($a: Int) {dog(n: $a) {x}}", "" }, { "query ($a: Int) {cat(in: {b: \"\", a: $a}) {x}}", "" },
               { "query ($a: Int!) {dog(f: $a) {x}}", "VariablesInAllowedPosition 1:8 1:26" },
               { "query ($a: [Int]) {cat(in: {b: \"\", list: $a}) {x}}", "VariablesInAllowedPosition 1:8 1:42" },
               { "query ($a: Int) {pet(one: {a: $a}) {name}}", "VariablesInAllowedPosition 1:8 1:31" },
               { "query ($a: Int!) {pet(one: {a: $a}) {name}}", "" });
}

static void fields_with_one_key_must_be_the_same(void **state)
{
    EXPECT_ALL({ "{dog {x} dog {x}}", "" }, { "{dog {name x: name}}", "" },
               { "{dog {x: name x}}", "OverlappingFieldsCanBeMerged 1:7 1:15" },
               { "{dog {name(loud: true) name}}", "OverlappingFieldsCanBeMerged 1:7 1:24" },
               { "{a: cat(in: {b: \"\", a: 1}) {x} a: cat(in: {a: 1, b: \"\"}) {x}}", "" },
               { "{a: dog(f: 1, n: 1) {x} a: dog(n: 1, f: 1) {x}}", "" },
               { "{dog {x: name} dog {x}}", "OverlappingFieldsCanBeMerged 1:2 1:7 1:16 1:21" },
               { "{dog {x: name} ...F} fragment F on Query {dog {...D}} fragment D on Dog {x}",
                 "OverlappingFieldsCanBeMerged 1:2 1:7 1:43 1:74" },
               { "{dog {x: name} dog {...D}} fragment D on Dog {x y: name y: x}",
                 "OverlappingFieldsCanBeMerged 1:2 1:7 1:16 1:47; OverlappingFieldsCanBeMerged 1:49 1:57" });
}

static void fields_of_different_object_types_must_have_one_shape(void **state)
{
    EXPECT_ALL({ "{pet {... on Dog {x: name(loud: true)} ... on Cat {x: name}}}", "" },
               { "{pet {... on Dog {x} ... on Cat {x}}}", "OverlappingFieldsCanBeMerged 1:19 1:34" },
               { "{pet {... on Dog {a: friend {a: name}} ... on Cat {a: owner {a: pets {name}}}}}",
                 "OverlappingFieldsCanBeMerged 1:19 1:52" },
               { "{pet {... on Dog {friend {a: name}} ... on Cat {friend {a: __typename}}}}", "" },
               { "{pet {... on Dog {friend {a: name}} friend {a: __typename}}}",
                 "OverlappingFieldsCanBeMerged 1:19 1:27 1:37 1:45" });
}

static void a_directive_or_type_of_the_document_itself_is_known(void **state)
{
    EXPECT_ALL({ "{dog @own(a: 1) {x}} directive @own(a: Int) on FIELD", "ExecutableDefinitions 1:22" },
               { "query ($a: Own) {dog {x}} scalar Own", "ExecutableDefinitions 1:27; NoUnusedVariables 1:8" });
}

static void locations_count_lines_and_utf_16_units(void **state)
{
    static const char emoji[] = "\xF0\x9F\x98\x80";
    char text[4096];

    snprintf(text, sizeof(text), "{\r\n scalar(s: \"%s\", zz: 1)%600s\r nope}", emoji, "");
    expect(state, text, "KnownArgumentNames 2:18; FieldsOnCorrectType 3:2");
}

static void the_list_of_errors_ends_at_its_maximum(void **state)
{
    char text[8 * 200 + 3] = "{";
    struct gql_errors errors;

    for (int i = 0; i < 200; i++)
        strcat(text, " nope");
    strcat(text, "}");
    errors = validated(*state, text, NULL);
    assert_int_equal(errors.count, ERRORS_MAX + 1);
    assert_string_equal(errors.list[ERRORS_MAX].rule, "limit");
    gql_errors_release(&errors);
}

/* --- Limits --- */

static void expect_limited(void **state, struct gql_limits limits, const char *text, const char *want)
{
    struct gql_errors errors = validated(*state, text, &limits);
    char got[512] = "";

    print_errors(&errors, got, sizeof(got));
    assert_string_equal(got, want);
    gql_errors_release(&errors);
}

static void depth_is_limited_with_fragments_followed(void **state)
{
    struct gql_limits limits = { .depth = 3 };

    expect_limited(state, limits, "{self {self {human: __typename ... {b: __typename}}}}", "");
    expect_limited(state, limits, "{self {self {dog {x}}}}", "limit 1:19");
    expect_limited(state, limits, "{self {self {...F}}} fragment F on Query {...G} fragment G on Query {dog {x}}",
                   "limit 1:14");
}

static void fields_are_limited_with_fragments_expanded(void **state)
{
    struct gql_limits limits = { .fields = 6 };

    expect_limited(state, limits, "{a: self {...F} b: self {...F}} fragment F on Query {x: __typename y: __typename}",
                   "");
    expect_limited(state, limits,
                   "{a: self {...F} b: self {...F} c: __typename}"
                   " fragment F on Query {x: __typename y: __typename}",
                   "limit 1:1");
}

/* --- Hostile documents --- */

/* `count` times the format with the number and the next one in place of %d. */
__attribute__((format(printf, 2, 0))) static void repeat(FILE *file, const char *format, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(file, format, i, i + 1, i + 1);
}

/* Of CPU, which others on the machine do not count in. */
#define SECONDS_MAX 0.9

static double seconds_to_validate(void **state, const char *text, size_t *count, const char **rule)
{
    struct timespec begin, end;
    struct gql_errors errors;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    errors = validated(*state, text, &(struct gql_limits){ .depth = 1000000, .fields = 1000000 });
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    *count = errors.count;
    *rule = errors.count == 0 ? NULL : errors.list[0].rule;
    gql_errors_release(&errors);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static void hostile_documents_end_soon(void **state)
{
    static const struct {
        const char *begin, *each, *end, *fragment, *last;
        int count;
        const char *want_rule;
    } rows[] = {
        /* one key 5000 times, the same and different below */
        { "{", "human {name} ", "}", NULL, "", 5000, NULL },
        { "{", "human {a%d: name} ", "}", NULL, "", 5000, NULL },
        { "{", "dog(n: %d) {x} ", "}", NULL, "", 5000, "OverlappingFieldsCanBeMerged" },
        { "{", "a%d: human {name} ", "}", NULL, "", 5000, NULL },
        { "{", "... on Query {pet {... on Dog {x: name(loud: true)} ... on Cat {x: name}}} ", "}", NULL, "", 1000,
          NULL },
        /* fragments that double at each step, in chains, in cycles, and each with each */
        { "{human {...F0}}", "", "", "fragment F%d on Human {query {human {...F%d}} q: query {human {...F%d}}} ",
          "fragment F1000 on Human {name}", 1000, "limit" },
        { "{...F0}", "", "", "fragment F%d on Query {...F%d} ", "fragment F5000 on Query {human {name}}", 5000, NULL },
        { "{...F0}", "", "", "fragment F%d on Query {self {...F%d self {...F0}}} ", "fragment F1000 on Query {...F0}",
          1000, "NoFragmentCycles" },
        { "{", "...F%d human {name} ", "}", "fragment F%d on Query {human {name a%d: name}} ", "", 2000, NULL },
        /* operations that share fragments full of variables */
        { "", "query Q%d {...F} ", "fragment F on Query {", NULL, "dog(id: $a) {x}}", 3000, "NoUndefinedVariables" },
        { "", "subscription S%d {...F} ", "fragment F on Subscription {tick a: tick}", NULL, "", 3000,
          "SingleFieldSubscriptions" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        size_t size, count;
        const char *rule;
        FILE *file = open_memstream(&text, &size);
        double seconds;

        fputs(rows[i].begin, file);
        repeat(file, rows[i].each, rows[i].count);
        fputs(rows[i].end, file);
        if (rows[i].fragment != NULL)
            repeat(file, rows[i].fragment, rows[i].count);
        fputs(rows[i].last, file);
        fclose(file);
        seconds = seconds_to_validate(state, text, &count, &rule);
        if ((rule == NULL) != (rows[i].want_rule == NULL) || (rule != NULL && strcmp(rule, rows[i].want_rule) != 0))
            fail_msg("row %zu: %s", i, rule == NULL ? "no error" : rule);
        if (seconds > SECONDS_MAX)
            fail_msg("row %zu: %.3f s for %zu bytes", i, seconds, size);
        free(text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_that_breaks_no_rule_is_valid),
        cmocka_unit_test(rules_about_operations),
        cmocka_unit_test(rules_about_fragments),
        cmocka_unit_test(rules_about_fields),
        cmocka_unit_test(suggestions_name_what_was_probably_meant),
        cmocka_unit_test(rules_about_arguments),
        cmocka_unit_test(rules_about_directives),
        cmocka_unit_test(rules_about_values),
        cmocka_unit_test(rules_about_variables),
        cmocka_unit_test(fields_with_one_key_must_be_the_same),
        cmocka_unit_test(fields_of_different_object_types_must_have_one_shape),
        cmocka_unit_test(a_directive_or_type_of_the_document_itself_is_known),
        cmocka_unit_test(locations_count_lines_and_utf_16_units),
        cmocka_unit_test(the_list_of_errors_ends_at_its_maximum),
        cmocka_unit_test(depth_is_limited_with_fragments_followed),
        cmocka_unit_test(fields_are_limited_with_fragments_expanded),
        cmocka_unit_test(hostile_documents_end_soon),
    };

    return cmocka_run_group_tests(tests, make_schema, free_schema);
}
