/* The type system: what a schema is made of, and which ones are refused. */
#include "common/graphql/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/embed.h"
#include "common/graphql/names.h"
#include "common/graphql/parser.h"

EMBED_TEXT(graphql_schema_test_provisioner, "proto/graphql/provisioner.graphql");

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct gql_schema *schema_of(const char *sdl)
{
    struct gql_errors errors = { 0 };
    struct gql_schema *schema = gql_schema_new(sdl, strlen(sdl), &errors);

    if (schema == NULL)
        fail_msg("%s: %s", sdl, errors.list[0].message);
    assert_int_equal(errors.count, 0);
    gql_errors_release(&errors);
    return schema;
}

/* Exactly one error, of this rule, whose first place is this column of line 1. */
static void assert_refused(const char *sdl, const char *rule, uint32_t column)
{
    struct gql_errors errors = { 0 };

    assert_null(gql_schema_new(sdl, strlen(sdl), &errors));
    if (errors.count != 1 || strcmp(errors.list[0].rule, rule) != 0)
        fail_msg("%s: %zu errors, the first of %s: %s", sdl, errors.count, errors.list[0].rule, errors.list[0].message);
    assert_true(errors.list[0].location_count > 0);
    assert_int_equal(errors.list[0].locations[0].line, 1);
    if (errors.list[0].locations[0].column != column)
        fail_msg("%s: %s at column %u", sdl, errors.list[0].message, errors.list[0].locations[0].column);
    gql_errors_release(&errors);
}

struct refusal {
    const char *sdl, *want_rule;
    uint32_t want_column;
};

/* Each has a query type of its own, so that nothing else is wrong. */
static void assert_all_refused(const struct refusal *refusals, size_t count)
{
    char sdl[512];

    for (size_t i = 0; i < count; i++) {
        snprintf(sdl, sizeof(sdl), "%s type Query { q: Int }", refusals[i].sdl);
        assert_refused(sdl, refusals[i].want_rule, refusals[i].want_column);
    }
}

/* --- Refusals --- */

static void a_name_is_defined_once(void **state)
{
    static const struct refusal refusals[] = {
        { "type A { a: Int } type A { b: Int }", "UniqueTypeNames", 6 },
        { "type Int { a: Int }", "UniqueTypeNames", 6 },
        { "enum __TypeKind { A }", "UniqueTypeNames", 6 },
        { "enum E { A A }", "UniqueEnumValueNames", 10 },
        { "enum E { A } extend enum E { A }", "UniqueEnumValueNames", 10 },
        { "type A { a: Int a: Int }", "UniqueFieldDefinitionNames", 10 },
        { "type A { a: Int } extend type A { a: Int }", "UniqueFieldDefinitionNames", 10 },
        { "input I { a: Int a: Int }", "UniqueFieldDefinitionNames", 11 },
        { "type A { a(x: Int, x: Int): Int }", "UniqueArgumentDefinitionNames", 12 },
        { "directive @d(x: Int, x: Int) on FIELD", "UniqueArgumentDefinitionNames", 14 },
        { "directive @d on FIELD directive @d on FIELD", "UniqueDirectiveNames", 12 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
    assert_refused("schema { query: Q query: R } type Q { a: Int } type R { a: Int }", "UniqueOperationTypes", 10);
    assert_refused("schema { query: Q } schema { mutation: R } type Q { a: Int } type R { a: Int }",
                   "LoneSchemaDefinition", 21);
}

static void a_reference_is_to_what_is_defined(void **state)
{
    static const struct refusal refusals[] = {
        { "type A { a: B }", "KnownTypeNames", 13 },
        { "type A implements B { a: Int }", "KnownTypeNames", 19 },
        { "union U = B", "KnownTypeNames", 11 },
        { "input I { a: [B!] }", "KnownTypeNames", 15 },
        { "type A { a(x: B): Int }", "KnownTypeNames", 15 },
        { "directive @d(x: B) on FIELD", "KnownTypeNames", 17 },
        { "type A { a: __Type }", "KnownTypeNames", 13 },
        { "schema { query: Query mutation: B }", "KnownTypeNames", 33 },
        { "extend type A { a: Int }", "PossibleTypeExtensions", 13 },
        { "input A { a: Int } extend type A { b: Int }", "PossibleTypeExtensions", 1 },
        { "extend scalar Int @specifiedBy(url: \"x\")", "PossibleTypeExtensions", 15 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_directive_is_used_as_it_is_defined(void **state)
{
    static const struct refusal refusals[] = {
        { "type A @d { a: Int }", "KnownDirectives", 8 },
        { "type A @skip(if: true) { a: Int }", "KnownDirectives", 8 },
        { "enum E @oneOf { A }", "KnownDirectives", 8 },
        { "type A { a: Int @deprecated @deprecated }", "UniqueDirectivesPerLocation", 17 },
        { "directive @d on OBJECT type A @d { a: Int } extend type A @d", "UniqueDirectivesPerLocation", 31 },
        { "type A { a: Int @deprecated(why: \"x\") }", "KnownArgumentNames", 29 },
        { "type A { a: Int @deprecated(reason: \"x\", reason: \"y\") }", "UniqueArgumentNames", 29 },
        { "scalar S @specifiedBy", "ProvidedRequiredArguments", 10 },
        { "type A { a: Int @deprecated(reason: 5) }", "ValuesOfCorrectType", 37 },
        { "directive @d(x: I) on OBJECT input I { a: Int } type A @d(x: {a: 1, a: 2}) { a: Int }",
          "UniqueInputFieldNames", 63 },
        { "directive @d(x: Int @d) on ARGUMENT_DEFINITION", "DirectiveCycles", 12 },
        { "directive @d(x: I) on INPUT_FIELD_DEFINITION input I { a: Int @d }", "DirectiveCycles", 12 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void roots_are_different_object_types(void **state)
{
    (void)state;
    assert_refused("type A { a: Int }", "RootOperationTypes", 1);
    assert_refused("scalar Query", "RootOperationTypes", 8);
    assert_refused("schema { query: Q mutation: I } type Q { a: Int } input I { a: Int }", "RootOperationTypes", 57);
    assert_refused("schema { query: Q subscription: E } type Q { a: Int } enum E { A }", "RootOperationTypes", 60);
    assert_refused("schema { query: Q mutation: Q } type Q { a: Int }", "RootOperationTypes", 38);
}

static void names_with_two_underscores_are_reserved(void **state)
{
    static const struct refusal refusals[] = {
        { "type __A { a: Int }", "ReservedNames", 6 },
        { "type A { __a: Int }", "ReservedNames", 10 },
        { "type A { a(__x: Int): Int }", "ReservedNames", 12 },
        { "enum E { __A }", "ReservedNames", 10 },
        { "input I { __a: Int }", "ReservedNames", 11 },
        { "directive @__d on FIELD", "ReservedNames", 12 },
        { "directive @d(__x: Int) on FIELD", "ReservedNames", 14 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_type_has_members_of_the_right_kind(void **state)
{
    static const struct refusal refusals[] = {
        { "type A", "NonEmptyTypes", 6 },
        { "interface A", "NonEmptyTypes", 11 },
        { "union U", "NonEmptyTypes", 7 },
        { "enum E", "NonEmptyTypes", 6 },
        { "input I", "NonEmptyTypes", 7 },
        { "type A { a: [I!]! } input I { a: Int }", "OutputTypes", 13 },
        { "interface A { a: I } input I { a: Int }", "OutputTypes", 18 },
        { "type A { a(x: A): Int }", "InputTypes", 15 },
        { "input I { a: U } union U = Query", "InputTypes", 14 },
        { "directive @d(x: Query) on FIELD", "InputTypes", 17 },
        { "union U = Query | Query", "UnionMembers", 11 },
        { "union U = Query extend union U = Query", "UnionMembers", 11 },
        { "union U = Int", "UnionMembers", 11 },
        { "interface I { a: Int } union U = I", "UnionMembers", 34 },
        { "type A { a(x: Int! @deprecated): Int }", "DeprecatedRequiredInputs", 20 },
        { "input I { a: Int! @deprecated }", "DeprecatedRequiredInputs", 19 },
        { "directive @d(x: Int! @deprecated) on FIELD", "DeprecatedRequiredInputs", 22 },
        { "input I @oneOf { a: Int! }", "OneOfFields", 21 },
        { "input I @oneOf { a: Int = 1 }", "OneOfFields", 18 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void an_interface_is_implemented_whole(void **state)
{
    static const char rule[] = "InterfaceImplementation";
    static const struct refusal refusals[] = {
        { "type A implements Query { q: Int }", rule, 19 },
        { "interface I implements I { a: Int }", rule, 24 },
        { "interface I { a: Int } type A implements I & I { a: Int }", rule, 42 },
        { "interface I { a: Int } type A implements I { a: Int } extend type A implements I", rule, 42 },
        { "interface I { a: Int b: Int } type A implements I { a: Int }", rule, 22 },
        { "interface I { a: Int } type A implements I { a: String }", rule, 18 },
        { "interface I { a: Int! } type A implements I { a: Int }", rule, 18 },
        { "interface I { a: [Int!] } type A implements I { a: [Int] }", rule, 18 },
        { "interface I { a: [Int] } type A implements I { a: Int }", rule, 18 },
        { "interface I { a(x: Int): Int } type A implements I { a: Int }", rule, 17 },
        { "interface I { a(x: Int): Int } type A implements I { a(x: Int!): Int }", rule, 20 },
        { "interface I { a: Int } type A implements I { a(x: Int!): Int }", rule, 48 },
        { "interface I { a: Int } interface J implements I { a: Int } type A implements J { a: Int }", rule, 47 },
        { "interface I { a: Int } type A implements I { a: Int @deprecated }", rule, 46 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void nothing_needs_itself(void **state)
{
    static const struct refusal refusals[] = {
        { "input I { a: I! }", "InputObjectCycles", 11 },
        { "input I { x: Int a: J! } input J { b: K! } input K { c: I! }", "InputObjectCycles", 18 },
        { "input I { a: I = {} }", "DefaultValueCycles", 11 },
        { "input I { a: J = {} } input J { b: [I] = [{}] }", "DefaultValueCycles", 11 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_default_is_a_value_of_its_type(void **state)
{
    static const struct refusal refusals[] = {
        { "type A { a(x: Int = \"s\"): Int }", "ValuesOfCorrectType", 21 },
        { "type A { a(x: Int! = null): Int }", "ValuesOfCorrectType", 22 },
        { "input I { a: E = B } enum E { A }", "ValuesOfCorrectType", 18 },
        { "input I { a: J = {c: 1} } input J { b: Int }", "ValuesOfCorrectType", 18 },
        { "directive @d(x: Int = true) on FIELD", "ValuesOfCorrectType", 23 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
}

static void a_schema_holds_type_system_definitions_alone(void **state)
{
    static const struct refusal refusals[] = {
        { "{ a }", "TypeSystemDefinitions", 1 },
        { "fragment F on Query { q }", "TypeSystemDefinitions", 1 },
    };

    (void)state;
    assert_all_refused(refusals, COUNT(refusals));
    assert_refused("type Query {", "syntax", 13);
}

static void all_errors_are_reported_up_to_the_limit(void **state)
{
    static const char sdl[] = "type A { a: X b: Y } type Query { q: Z }";
    struct gql_errors all = { 0 }, few = { .max = 2 };

    (void)state;
    assert_null(gql_schema_new(sdl, strlen(sdl), &all));
    assert_int_equal(all.count, 3);
    assert_string_equal(all.list[2].message, "Unknown type \"Z\".");
    assert_int_equal(all.list[2].locations[0].column, 38);
    gql_errors_release(&all);
    assert_null(gql_schema_new(sdl, strlen(sdl), &few));
    assert_true(few.count < 4);
    gql_errors_release(&few);
}

/* --- What is there --- */

static void extensions_come_after_their_definition(void **state)
{
    struct gql_schema *schema = schema_of(
        "extend type Query { b: Int } type Query { a: Int } extend type Query { c: U } "
        "extend enum E { Y } enum E { X } union U = A extend union U = B "
        "type A { a: E } type B implements I { a: E } interface I { a: E } "
        "input In { a: Int } extend input In { b: Int }");
    const struct gql_type *query = gql_schema_type(schema, "Query"), *e = gql_schema_type(schema, "E"),
                          *u = gql_schema_type(schema, "U"), *in = gql_schema_type(schema, "In");

    (void)state;
    assert_ptr_equal(query, schema->roots[GQL_QUERY]);
    assert_null(schema->roots[GQL_MUTATION]);
    assert_int_equal(query->field_count, 3);
    assert_string_equal(query->fields[0].name, "a");
    assert_string_equal(query->fields[1].name, "b");
    assert_string_equal(query->fields[2].name, "c");
    assert_string_equal(e->values[0].name, "X");
    assert_string_equal(e->values[1].name, "Y");
    assert_string_equal(u->possible[1]->name, "B");
    assert_string_equal(in->inputs[1].name, "b");
    assert_ptr_equal(gql_type_input(in, "b"), &in->inputs[1]);
    assert_ptr_equal(gql_type_value(e, "Y"), &e->values[1]);
    assert_ptr_equal(gql_type_field(query, "c"), &query->fields[2]);
    assert_null(gql_type_field(query, "d"));
    assert_null(gql_type_field(e, "X"));
    assert_null(gql_type_value(query, "a"));
    gql_schema_free(schema);
}

static void every_schema_has_introspection_and_the_scalars_that_it_uses(void **state)
{
    struct gql_schema *schema = schema_of("type Query { a: Int } scalar S @specifiedBy(url: \"https://s\")");
    const struct gql_type *query = schema->roots[GQL_QUERY], *type = gql_schema_type(schema, "__Type");

    (void)state;
    assert_int_equal(gql_schema_type(schema, "Int")->scalar, GQL_INT);
    assert_int_equal(gql_schema_type(schema, "String")->scalar, GQL_STRING);
    assert_null(gql_schema_type(schema, "Float"));
    assert_null(gql_schema_type(schema, "__Meta"));
    assert_string_equal(gql_schema_type(schema, "S")->specified_by, "https://s");
    assert_true(type->is_builtin);
    assert_false(query->is_builtin);
    assert_ptr_equal(gql_schema_field(schema, query, "__typename"), schema->typename_field);
    assert_ptr_equal(gql_schema_field(schema, type, "__typename"), schema->typename_field);
    assert_ptr_equal(gql_schema_field(schema, query, "__schema"), schema->schema_field);
    assert_ptr_equal(gql_schema_field(schema, query, "__type"), schema->type_field);
    assert_null(gql_schema_field(schema, type, "__schema"));
    assert_null(gql_schema_field(schema, query, "__nothing"));
    assert_ptr_equal(gql_schema_field(schema, query, "a"), &query->fields[0]);
    assert_string_equal(gql_field_argument(schema->type_field, "name")->name, "name");
    assert_string_equal(schema->skip->arguments[0].name, "if");
    assert_int_equal(schema->include->locations,
                     1u << GQL_ON_FIELD | 1u << GQL_ON_FRAGMENT_SPREAD | 1u << GQL_ON_INLINE_FRAGMENT);
    assert_null(gql_schema_directive(schema, "nothing"));
    gql_schema_free(schema);
}

static void what_printers_write_of_the_library_itself_is_accepted(void **state)
{
    struct gql_schema *schema = schema_of(
        "scalar Int directive @skip(if: Boolean!, x: Int) on FIELD type Query { a: Int }");

    (void)state;
    assert_int_equal(gql_schema_type(schema, "Int")->scalar, GQL_INT);
    assert_int_equal(schema->skip->argument_count, 2);
    gql_schema_free(schema);
}

static void possible_types_of_abstract_types_are_known(void **state)
{
    struct gql_schema *schema = schema_of(
        "interface I { a: Int } interface J implements I { a: Int } "
        "type A implements I { a: Int } type B implements J & I { a: Int } "
        "type C { a: Int } union U = A | C union V = B | C type Query { i: I j: J u: U v: V }");
    const struct gql_type *i = gql_schema_type(schema, "I"), *j = gql_schema_type(schema, "J"),
                          *a = gql_schema_type(schema, "A"), *b = gql_schema_type(schema, "B"),
                          *u = gql_schema_type(schema, "U"), *v = gql_schema_type(schema, "V");

    (void)state;
    assert_int_equal(i->possible_count, 2);
    assert_ptr_equal(i->possible[1], b);
    assert_true(gql_type_is_possible(schema, i, a));
    assert_false(gql_type_is_possible(schema, j, a));
    assert_true(gql_type_is_possible(schema, a, a));
    assert_false(gql_type_is_possible(schema, a, b));
    assert_true(gql_types_overlap(schema, i, u));
    assert_false(gql_types_overlap(schema, j, u));
    assert_true(gql_types_overlap(schema, u, v));
    assert_false(gql_types_overlap(schema, a, b));
    gql_schema_free(schema);
}

static void types_are_compared_with_their_lists_and_nulls(void **state)
{
    static const struct {
        const char *sub, *super;
        bool want;
    } pairs[] = {
        { "Int", "Int", true },       { "Int!", "Int", true },      { "Int", "Int!", false },
        { "[Int!]!", "[Int]", true }, { "[Int]", "[Int!]", false }, { "Int", "[Int]", false },
        { "[Int]", "Int", false },    { "[A!]", "[I]", true },      { "I", "A", false },
        { "A!", "U", true },          { "I", "U", false },          { "[[A]!]", "[[I]]", true },
        { "[[A]]", "[[I]!]", false }, { "String", "Int", false },   { "[Int!]!", "[Int!]!", true },
    };
    struct gql_schema *schema = schema_of("interface I { a: Int } type A implements I { a: Int } union U = A "
                                          "type Query { i: I u: U s: String }");
    char text[256], print[64];

    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct gql_errors errors = { 0 };
        snprintf(text, sizeof(text), "type X { a: %s b: %s }", pairs[i].sub, pairs[i].super);
        struct gql_ast *ast = gql_parse(text, strlen(text), NULL, &errors);
        struct gql_arena arena = { 0 };
        const struct gql_ref *sub = gql_schema_ref(schema, &arena, ast->first->fields->type);
        const struct gql_ref *super = gql_schema_ref(schema, &arena, ast->first->fields->next->type);

        if (gql_ref_is_sub(schema, sub, super) != pairs[i].want)
            fail_msg("%s is a sub-type of %s: %d", pairs[i].sub, pairs[i].super, !pairs[i].want);
        assert_int_equal(gql_ref_equal(sub, super), strcmp(pairs[i].sub, pairs[i].super) == 0);
        gql_ref_print(sub, print, sizeof(print));
        assert_string_equal(print, pairs[i].sub);
        gql_ref_print(sub, print, 4);
        assert_memory_equal(print, pairs[i].sub, strnlen(pairs[i].sub, 3));
        assert_true(strlen(print) <= 3);
        gql_arena_release(&arena);
        gql_ast_free(ast);
    }
    gql_schema_free(schema);
}

static void a_type_that_is_not_there_has_no_reference(void **state)
{
    struct gql_schema *schema = schema_of("type Query { a: Int }");
    const struct gql_type_ref written = { .kind = GQL_REF_NAMED, .name = "Nothing" };
    struct gql_arena arena = { 0 };

    (void)state;
    assert_null(gql_schema_ref(schema, &arena, &written));
    gql_schema_free(schema);
}

static void defaults_are_coerced_with_the_defaults_that_they_take_in(void **state)
{
    struct gql_schema *schema = schema_of(
        "type Query { q(a: A = {x: 1}, l: [Int] = 3, e: E = X, n: Int = null, i: ID = 7): Int } "
        "input A { x: Int y: B = {} z: Int = 5 } input B { b: [String!] = \"b\" } enum E { X }");
    const struct gql_field_type *field = gql_type_field(schema->roots[GQL_QUERY], "q");
    static const char *const want[] = { "{\"x\":1,\"y\":{\"b\":[\"b\"]},\"z\":5}", "[3]", "\"X\"", "null", "\"7\"" };

    (void)state;
    for (uint32_t i = 0; i < COUNT(want); i++) {
        char *text = json_dumps(field->arguments[i].default_json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        assert_string_equal(text, want[i]);
        free(text);
    }
    gql_schema_free(schema);
}

static void deprecation_has_a_reason(void **state)
{
    struct gql_schema *schema = schema_of("type Query { a: Int @deprecated b(x: Int @deprecated(reason: \"no\")): Int "
                                          "c: E @deprecated(reason: null) } enum E { A @deprecated(reason: \"\") }");
    const struct gql_type *query = schema->roots[GQL_QUERY];

    (void)state;
    assert_string_equal(query->fields[0].deprecation, "No longer supported");
    assert_null(query->fields[1].deprecation);
    assert_string_equal(gql_field_argument(&query->fields[1], "x")->deprecation, "no");
    assert_null(query->fields[2].deprecation);
    assert_string_equal(gql_schema_type(schema, "E")->values[0].deprecation, "");
    gql_schema_free(schema);
}

static void many_arguments_are_found_as_few_are(void **state)
{
    struct gql_schema *schema = schema_of(
        "type Query { q(a:Int b:Int c:Int d:Int e:Int f:Int g:Int h:Int i:Int): Int r(a: Int): Int }");
    const struct gql_type *query = schema->roots[GQL_QUERY];

    (void)state;
    assert_non_null(query->fields[0].by_name);
    assert_null(query->fields[1].by_name);
    assert_ptr_equal(gql_field_argument(&query->fields[0], "i"), &query->fields[0].arguments[8]);
    assert_ptr_equal(gql_field_argument(&query->fields[1], "a"), &query->fields[1].arguments[0]);
    assert_null(gql_field_argument(&query->fields[0], "j"));
    assert_null(gql_field_argument(&query->fields[1], "b"));
    gql_schema_free(schema);
}

static void a_table_of_names_keeps_the_first_index(void **state)
{
    struct gql_arena arena = { 0 };
    struct gql_names *names = gql_names_new(&arena, 1000);
    static char texts[1000][8];

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(texts[i], sizeof(texts[i]), "n%u", i);
        assert_int_equal(gql_names_add(names, texts[i], i), i);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(gql_names_find(names, texts[i]), i);
        assert_int_equal(gql_names_add(names, texts[i], 5000), i);
    }
    assert_int_equal(gql_names_find(names, "n1000"), GQL_NO_NAME);
    assert_int_equal(gql_names_find(NULL, "n1"), GQL_NO_NAME);
    gql_arena_release(&arena);
}

/* --- Resolvers --- */

static void no_value(struct gql_field *field, void *context)
{
    (void)context;
    gql_field_value(field, NULL);
}

static void resolvers_are_bound_to_fields_that_there_are(void **state)
{
    struct gql_schema *schema = schema_of("type Query { a: Int b: I } interface I { a: Int }");
    static const struct gql_binding good[] = { { "Query", "a", no_value } };
    static const struct gql_binding bad[] = {
        { "Query", "c", no_value }, { "Nothing", "a", no_value }, { "I", "a", no_value }, { "Query", "b", no_value }
    };
    struct gql_errors errors = { 0 };

    (void)state;
    assert_true(gql_schema_bind(schema, good, COUNT(good), &errors));
    assert_int_equal(errors.count, 0);
    assert_ptr_equal(schema->roots[GQL_QUERY]->fields[0].resolver, no_value);
    assert_null(schema->roots[GQL_QUERY]->fields[1].resolver);
    assert_false(gql_schema_bind(schema, bad, COUNT(bad), &errors));
    assert_int_equal(errors.count, 3);
    assert_string_equal(errors.list[1].message, "A resolver is bound to Nothing.a, but there is no such type.");
    assert_ptr_equal(schema->roots[GQL_QUERY]->fields[1].resolver, no_value);
    gql_errors_release(&errors);
    gql_schema_free(schema);
}

/* --- The provisioner's schema --- */

static void the_provisioner_s_cluster_config_is_an_interface_with_all_fields(void **state)
{
    struct gql_schema *schema = schema_of(graphql_schema_test_provisioner);
    const struct gql_type *config = gql_schema_type(schema, "ClusterConfig"),
                          *gardener = gql_schema_type(schema, "GardenerConfig"),
                          *gcp = gql_schema_type(schema, "GCPConfig");
    static const char *const own[] = { "projectName", "numberOfNodes", "bootDiskSizeGB", "zone" };

    (void)state;
    assert_int_equal(config->kind, GQL_INTERFACE);
    assert_int_equal(config->field_count, 25);
    assert_int_equal(gardener->field_count, 25);
    assert_int_equal(gcp->field_count, 29);
    assert_true(gql_type_is_possible(schema, config, gardener) && gql_type_is_possible(schema, config, gcp));
    for (uint32_t i = 0; i < config->field_count; i++) {
        const struct gql_field_type *field = &config->fields[i];
        assert_int_equal(field->ref->kind, GQL_REF_NAMED);
        assert_true(gql_ref_equal(field->ref, gql_type_field(gardener, field->name)->ref));
        assert_true(gql_ref_equal(field->ref, gql_type_field(gcp, field->name)->ref));
    }
    for (size_t i = 0; i < COUNT(own); i++)
        assert_non_null(gql_type_field(gcp, own[i])->deprecation);
    gql_schema_free(schema);
}

static void the_provisioner_s_zones_have_one_type(void **state)
{
    struct gql_schema *schema = schema_of(graphql_schema_test_provisioner);
    static const char *const providers[] = { "GCPProviderConfig", "AzureProviderConfig", "OpenStackProviderConfig" };
    char text[64];

    (void)state;
    for (size_t i = 0; i < COUNT(providers); i++) {
        gql_ref_print(gql_type_field(gql_schema_type(schema, providers[i]), "zones")->ref, text, sizeof(text));
        assert_string_equal(text, "[String!]");
    }
    gql_schema_free(schema);
}

static void the_provisioner_s_roots_have_the_agreed_fields(void **state)
{
    static const struct {
        enum gql_operation_type root;
        const char *field, *want_type, *want_config; /* NULL: the field has no such argument */
    } fields[] = {
        { GQL_QUERY, "runtimeStatus", "RuntimeStatus", NULL },
        { GQL_QUERY, "runtimeOperationStatus", "OperationStatus", NULL },
        { GQL_MUTATION, "provisionRuntime", "OperationStatus", "ProvisionRuntimeInput!" },
        { GQL_MUTATION, "upgradeRuntime", "OperationStatus", "UpgradeRuntimeInput!" },
        { GQL_MUTATION, "rollBackUpgradeOperation", "RuntimeStatus", NULL },
        { GQL_MUTATION, "deprovisionRuntime", "String!", NULL },
        { GQL_MUTATION, "upgradeShoot", "OperationStatus", "UpgradeShootInput!" },
        { GQL_MUTATION, "hibernateRuntime", "OperationStatus", NULL },
        { GQL_MUTATION, "reconnectRuntimeAgent", "String!", NULL },
    };
    struct gql_schema *schema = schema_of(graphql_schema_test_provisioner);
    char text[64];

    (void)state;
    assert_int_equal(schema->roots[GQL_QUERY]->field_count + schema->roots[GQL_MUTATION]->field_count, COUNT(fields));
    assert_null(schema->roots[GQL_SUBSCRIPTION]);
    for (size_t i = 0; i < COUNT(fields); i++) {
        const struct gql_field_type *field = gql_type_field(schema->roots[fields[i].root], fields[i].field);
        const struct gql_input *config = gql_field_argument(field, "config");

        gql_ref_print(field->ref, text, sizeof(text));
        assert_string_equal(text, fields[i].want_type);
        assert_int_equal(config != NULL, fields[i].want_config != NULL);
        if (config != NULL) {
            gql_ref_print(config->ref, text, sizeof(text));
            assert_string_equal(text, fields[i].want_config);
        }
        if (strcmp(fields[i].field, "provisionRuntime") != 0) {
            gql_ref_print(gql_field_argument(field, "id")->ref, text, sizeof(text));
            assert_string_equal(text, "String!");
        }
    }
    gql_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_defined_once),
        cmocka_unit_test(a_reference_is_to_what_is_defined),
        cmocka_unit_test(a_directive_is_used_as_it_is_defined),
        cmocka_unit_test(roots_are_different_object_types),
        cmocka_unit_test(names_with_two_underscores_are_reserved),
        cmocka_unit_test(a_type_has_members_of_the_right_kind),
        cmocka_unit_test(an_interface_is_implemented_whole),
        cmocka_unit_test(nothing_needs_itself),
        cmocka_unit_test(a_default_is_a_value_of_its_type),
        cmocka_unit_test(a_schema_holds_type_system_definitions_alone),
        cmocka_unit_test(all_errors_are_reported_up_to_the_limit),
        cmocka_unit_test(extensions_come_after_their_definition),
        cmocka_unit_test(every_schema_has_introspection_and_the_scalars_that_it_uses),
        cmocka_unit_test(what_printers_write_of_the_library_itself_is_accepted),
        cmocka_unit_test(possible_types_of_abstract_types_are_known),
        cmocka_unit_test(types_are_compared_with_their_lists_and_nulls),
        cmocka_unit_test(a_type_that_is_not_there_has_no_reference),
        cmocka_unit_test(defaults_are_coerced_with_the_defaults_that_they_take_in),
        cmocka_unit_test(deprecation_has_a_reason),
        cmocka_unit_test(many_arguments_are_found_as_few_are),
        cmocka_unit_test(a_table_of_names_keeps_the_first_index),
        cmocka_unit_test(resolvers_are_bound_to_fields_that_there_are),
        cmocka_unit_test(the_provisioner_s_cluster_config_is_an_interface_with_all_fields),
        cmocka_unit_test(the_provisioner_s_zones_have_one_type),
        cmocka_unit_test(the_provisioner_s_roots_have_the_agreed_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
