#include "common/graphql/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct gql_ast *parsed(const char *text)
{
    struct gql_errors errors = { 0 };
    struct gql_ast *ast = gql_parse(text, strlen(text), NULL, &errors);

    if (ast == NULL)
        fail_msg("%s: %s", text, errors.list[0].message);
    assert_int_equal(errors.count, 0);
    return ast;
}

static void assert_place(const struct gql_ast *ast, uint32_t at, uint32_t line, uint32_t column)
{
    struct gql_location location = gql_location(ast->text, at);

    assert_int_equal(location.line, line);
    assert_int_equal(location.column, column);
}

/* The value of the only argument of the only field. */
static const struct gql_value *value_in(const struct gql_ast *ast)
{
    return ast->first->set->first->arguments->value;
}

/* --- Executable documents --- */

static void a_shorthand_query_is_an_anonymous_query(void **state)
{
    struct gql_ast *ast = parsed("{ a b { c } }");
    const struct gql_definition *query = ast->first;
    const struct gql_selection *a = query->set->first, *b = a->next;

    (void)state;
    assert_int_equal(query->kind, GQL_OPERATION);
    assert_int_equal(query->operation, GQL_QUERY);
    assert_true(query->is_shorthand);
    assert_null(query->name.text);
    assert_null(query->next);
    assert_string_equal(a->name.text, "a");
    assert_null(a->set);
    assert_string_equal(b->name.text, "b");
    assert_string_equal(b->set->first->name.text, "c");
    assert_null(b->next);
    assert_int_equal(ast->definition_count, 1);
    assert_int_equal(ast->selection_count, 3);
    gql_ast_free(ast);
}

static void an_operation_has_name_variables_directives_and_fields(void **state)
{
    struct gql_ast *ast = parsed("mutation M($a: [Int!]! = [1], $b: S @d) @e(f: 1) {\n  x: y(z: $a) @g\n}");
    const struct gql_definition *mutation = ast->first;
    const struct gql_variable_definition *a = mutation->variables, *b = a->next;
    const struct gql_selection *field = mutation->set->first;

    (void)state;
    assert_int_equal(mutation->operation, GQL_MUTATION);
    assert_string_equal(mutation->name.text, "M");
    assert_string_equal(a->name.text, "a");
    assert_int_equal(a->type->kind, GQL_REF_NON_NULL);
    assert_int_equal(a->type->of->kind, GQL_REF_LIST);
    assert_int_equal(a->type->of->of->kind, GQL_REF_NON_NULL);
    assert_string_equal(a->type->of->of->of->name, "Int");
    assert_int_equal(a->default_value->count, 1);
    assert_string_equal(b->directives->name.text, "d");
    assert_null(b->default_value);
    assert_string_equal(mutation->directives->arguments->name.text, "f");
    assert_string_equal(field->alias.text, "x");
    assert_string_equal(field->name.text, "y");
    assert_string_equal(field->key, "x");
    assert_int_equal(field->arguments->value->kind, GQL_VALUE_VARIABLE);
    assert_string_equal(field->arguments->value->text, "a");
    assert_place(ast, a->at, 1, 12);
    assert_place(ast, a->name.at, 1, 13);
    assert_place(ast, a->type->at, 1, 16);
    assert_place(ast, field->at, 2, 3);
    assert_place(ast, field->name.at, 2, 6);
    assert_place(ast, field->directives->at, 2, 15);
    gql_ast_free(ast);
}

static void fragments_are_defined_spread_and_written_inline(void **state)
{
    struct gql_ast *ast = parsed("fragment on_it on T { ...F @a ... on U { b } ... @c { d } ... { on } }");
    const struct gql_definition *fragment = ast->first;
    const struct gql_selection *spread = fragment->set->first, *on = spread->next, *with = on->next, *bare = with->next;

    (void)state;
    assert_int_equal(fragment->kind, GQL_FRAGMENT);
    assert_string_equal(fragment->name.text, "on_it");
    assert_string_equal(fragment->condition.text, "T");
    assert_int_equal(spread->kind, GQL_FRAGMENT_SPREAD);
    assert_string_equal(spread->name.text, "F");
    assert_string_equal(spread->directives->name.text, "a");
    assert_int_equal(on->kind, GQL_INLINE_FRAGMENT);
    assert_string_equal(on->condition.text, "U");
    assert_null(with->condition.text);
    assert_string_equal(with->directives->name.text, "c");
    assert_string_equal(bare->set->first->name.text, "on");
    assert_int_equal(spread->index, 0);
    assert_int_equal(on->index, 1);
    assert_int_equal(on->set->first->index, 2);
    gql_ast_free(ast);
}

static void executable_definitions_may_be_described(void **state)
{
    struct gql_ast *ast = parsed("\"q\" query Q(\"v\" $a: Int) { a } \"\"\"f\"\"\" fragment F on T { a }");

    (void)state;
    assert_string_equal(ast->first->description, "q");
    assert_int_equal(ast->first->at, 0);
    assert_place(ast, ast->first->variables->at, 1, 13);
    assert_place(ast, ast->first->variables->name.at, 1, 18);
    assert_string_equal(ast->first->next->description, "f");
    gql_ast_free(ast);
}

static void blanks_commas_comments_and_byte_order_marks_mean_nothing(void **state)
{
    struct gql_ast *ast = parsed("\xEF\xBB\xBF{,,a\t#b } \xC3\xA4\r\n,\xEF\xBB\xBF} # end");

    (void)state;
    assert_string_equal(ast->first->set->first->name.text, "a");
    assert_null(ast->first->set->first->next);
    gql_ast_free(ast);
}

/* --- Values --- */

static void values_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum gql_value_kind want_kind;
        const char *want_text;
    } values[] = {
        { "$v", GQL_VALUE_VARIABLE, "v" },       { "0", GQL_VALUE_INT, "0" },
        { "-0", GQL_VALUE_INT, "-0" },           { "-12", GQL_VALUE_INT, "-12" },
        { "1.50", GQL_VALUE_FLOAT, "1.50" },     { "1e5", GQL_VALUE_FLOAT, "1e5" },
        { "0.1E-7", GQL_VALUE_FLOAT, "0.1E-7" }, { "\"a\"", GQL_VALUE_STRING, "a" },
        { "\"\"", GQL_VALUE_STRING, "" },        { "true", GQL_VALUE_BOOLEAN, "true" },
        { "false", GQL_VALUE_BOOLEAN, "false" }, { "null", GQL_VALUE_NULL, "null" },
        { "nulls", GQL_VALUE_ENUM, "nulls" },    { "on", GQL_VALUE_ENUM, "on" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[64];
        struct gql_ast *ast;

        snprintf(text, sizeof(text), "{a(b:%s)}", values[i].text);
        ast = parsed(text);
        assert_int_equal(value_in(ast)->kind, values[i].want_kind);
        assert_string_equal(value_in(ast)->text, values[i].want_text);
        assert_int_equal(value_in(ast)->size, strlen(values[i].want_text));
        assert_int_equal(value_in(ast)->is_true, strcmp(values[i].text, "true") == 0);
        assert_place(ast, value_in(ast)->at, 1, 6);
        gql_ast_free(ast);
    }
}

static void numbers_need_no_blank_before_what_cannot_continue_them(void **state)
{
    struct gql_ast *ast = parsed("{a(b:[1-2 3\"x\"4{c:5}])}");
    const struct gql_value *list = value_in(ast), *one = list->items, *minus_two = one->next;

    (void)state;
    assert_int_equal(list->count, 6);
    assert_string_equal(one->text, "1");
    assert_string_equal(minus_two->text, "-2");
    assert_string_equal(minus_two->next->text, "3");
    assert_string_equal(minus_two->next->next->text, "x");
    gql_ast_free(ast);
}

static void strings_are_decoded(void **state)
{
    static const struct {
        const char *text, *want;
    } strings[] = {
        { "\"a \\\" \\\\ \\/ \\b\\f\\n\\r\\t z\"", "a \" \\ / \b\f\n\r\t z" },
        { "\"\\u0041\\u00e4\\u00E4\\u20ac\"", "A\xC3\xA4\xC3\xA4\xE2\x82\xAC" },
        { "\"\\uD83D\\uDE80!\"", "\xF0\x9F\x9A\x80!" },
        { "\"\\u{1F680}\\u{41}\\u{00000042}\\u{10ffff}\"", "\xF0\x9F\x9A\x80"
                                                           "AB\xF4\x8F\xBF\xBF" },
        { "\"\xC3\xA4\xF0\x9F\x9A\x80\t\"", "\xC3\xA4\xF0\x9F\x9A\x80\t" },
        { "\"\\u{D7FF}\\u{E000}\"", "\xED\x9F\xBF\xEE\x80\x80" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        char text[128];
        struct gql_ast *ast;

        snprintf(text, sizeof(text), "{a(b:%s)}", strings[i].text);
        ast = parsed(text);
        assert_false(value_in(ast)->is_block);
        assert_string_equal(value_in(ast)->text, strings[i].want);
        assert_int_equal(value_in(ast)->size, strlen(strings[i].want));
        gql_ast_free(ast);
    }
}

static void a_nul_in_a_string_is_kept_by_its_size(void **state)
{
    struct gql_ast *ast = parsed("{a(b:\"x\\u0000y\")}");

    (void)state;
    assert_int_equal(value_in(ast)->size, 3);
    assert_memory_equal(value_in(ast)->text, "x\0y", 4);
    gql_ast_free(ast);
}

static void block_strings_lose_blank_ends_and_common_indentation(void **state)
{
    static const struct {
        const char *text, *want;
    } strings[] = {
        { "", "" },
        { "  \n \t\n", "" },
        { "a", "a" },
        { "  a", "  a" },
        { "\n    a\n      b\n\n    c\n  ", "a\n  b\n\nc" },
        { "a\n    b\n  c", "a\n  b\nc" },
        { "\n  a\r\n  b\r  c\r\n", "a\nb\nc" },
        { "\n  a\n \n  b\n", "a\n\nb" },
        { "\n\t a\n\tb", " a\nb" },
        { " \n\n  a  \n\n", "a  " },
        { "x \\\"\"\" y", "x \"\"\" y" },
        { "\\n \\u0041 \\ \" \"\" .", "\\n \\u0041 \\ \" \"\" ." },
        { "\n  \xC3\xA4\n  \xF0\x9F\x9A\x80", "\xC3\xA4\n\xF0\x9F\x9A\x80" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        char text[128];
        struct gql_ast *ast;

        snprintf(text, sizeof(text), "{a(b:\"\"\"%s\"\"\")}", strings[i].text);
        ast = parsed(text);
        assert_true(value_in(ast)->is_block);
        assert_string_equal(value_in(ast)->text, strings[i].want);
        assert_int_equal(value_in(ast)->size, strlen(strings[i].want));
        gql_ast_free(ast);
    }
}

static void a_value_is_printed_as_it_would_be_written(void **state)
{
    static const struct {
        const char *text, *want;
    } values[] = {
        { "{a:1 b:[X,\"y\"],c:{}}", "{a: 1, b: [X, \"y\"], c: {}}" },
        { "[null true -1.50 $v []]", "[null, true, -1.50, $v, []]" },
        { "\"\"\"\n  a\n  \"b\"\\ \"\"\"", "\"a\\n\\\"b\\\"\\\\ \"" },
        { "\"\\u0000\\u001F\\u007F\\u0085\\b \\u00e4\"", "\"\\u0000\\u001F\\u007F\\u0085\\b \xC3\xA4\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[128], *printed;
        struct gql_ast *ast;

        snprintf(text, sizeof(text), "{a(b:%s)}", values[i].text);
        ast = parsed(text);
        printed = gql_value_print(value_in(ast));
        assert_string_equal(printed, values[i].want);
        free(printed);
        gql_ast_free(ast);
    }
}

/* --- The type system --- */

static void a_type_has_interfaces_fields_and_arguments(void **state)
{
    struct gql_ast *ast = parsed(
        "\"\"\"\nT is\n\"\"\"\ntype T implements & A & B @d {\n  \"f\" f(\"x\" x: Int = 1 @e): [T!]\n  g: U @h\n}");
    const struct gql_definition *type = ast->first;
    const struct gql_field_definition *f = type->fields;

    (void)state;
    assert_int_equal(type->kind, GQL_OBJECT_DEFINITION);
    assert_false(type->is_extension);
    assert_string_equal(type->description, "T is");
    assert_int_equal(type->at, 0);
    assert_place(ast, type->name.at, 4, 6);
    assert_string_equal(type->interfaces->name.text, "A");
    assert_string_equal(type->interfaces->next->name.text, "B");
    assert_string_equal(type->directives->name.text, "d");
    assert_string_equal(f->description, "f");
    assert_place(ast, f->at, 5, 3);
    assert_place(ast, f->name.at, 5, 7);
    assert_string_equal(f->arguments->description, "x");
    assert_string_equal(f->arguments->default_value->text, "1");
    assert_string_equal(f->arguments->directives->name.text, "e");
    assert_int_equal(f->type->kind, GQL_REF_LIST);
    assert_string_equal(f->next->directives->name.text, "h");
    gql_ast_free(ast);
}

static void all_other_definitions_are_read(void **state)
{
    struct gql_ast *ast = parsed(
        "schema @a { query: Q subscription: S } scalar D @b interface I implements J { a: Int } "
        "union U = | A | B enum E { A @c B } input In { a: Int = 1, b: In } "
        "directive @d(a: Int) repeatable on | FIELD | ENUM_VALUE type Empty");
    const struct gql_definition *schema = ast->first, *scalar = schema->next, *interface = scalar->next;
    const struct gql_definition *sum = interface->next, *choice = sum->next, *input = choice->next;
    const struct gql_definition *directive = input->next, *empty = directive->next;

    (void)state;
    assert_int_equal(schema->kind, GQL_SCHEMA_DEFINITION);
    assert_string_equal(schema->roots->type.text, "Q");
    assert_int_equal(schema->roots->next->operation, GQL_SUBSCRIPTION);
    assert_int_equal(scalar->kind, GQL_SCALAR_DEFINITION);
    assert_int_equal(interface->kind, GQL_INTERFACE_DEFINITION);
    assert_string_equal(interface->interfaces->name.text, "J");
    assert_string_equal(sum->members->next->name.text, "B");
    assert_string_equal(choice->values->directives->name.text, "c");
    assert_string_equal(choice->values->next->name.text, "B");
    assert_string_equal(input->inputs->next->type->name, "In");
    assert_true(directive->is_repeatable);
    assert_string_equal(directive->inputs->name.text, "a");
    assert_string_equal(directive->locations->next->name.text, "ENUM_VALUE");
    assert_int_equal(empty->kind, GQL_OBJECT_DEFINITION);
    assert_null(empty->fields);
    assert_null(empty->next);
    assert_int_equal(ast->definition_count, 8);
    gql_ast_free(ast);
}

static void everything_but_directives_can_be_extended(void **state)
{
    static const struct {
        const char *text;
        enum gql_definition_kind want_kind;
    } extensions[] = {
        { "extend schema @a", GQL_SCHEMA_DEFINITION },
        { "extend schema { query: Q }", GQL_SCHEMA_DEFINITION },
        { "extend scalar A @a", GQL_SCALAR_DEFINITION },
        { "extend type A implements B", GQL_OBJECT_DEFINITION },
        { "extend interface A { a: B }", GQL_INTERFACE_DEFINITION },
        { "extend union A = B", GQL_UNION_DEFINITION },
        { "extend enum A { B }", GQL_ENUM_DEFINITION },
        { "extend input A { a: B }", GQL_INPUT_DEFINITION },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(extensions); i++) {
        struct gql_ast *ast = parsed(extensions[i].text);

        assert_true(ast->first->is_extension);
        assert_int_equal(ast->first->kind, extensions[i].want_kind);
        gql_ast_free(ast);
    }
}

/* --- Size --- */

static void a_wide_document_is_read_whole(void **state)
{
    enum { FIELDS = 20000 };
    char *text = calloc(1, FIELDS * sizeof("alias: field(argument: \"value\")") + sizeof("{}")), *at = text;
    struct gql_ast *ast;
    uint32_t count = 0;

    (void)state;
    assert_non_null(text);
    at = stpcpy(at, "{");
    for (int i = 0; i < FIELDS; i++)
        at = stpcpy(at, "alias: field(argument: \"value\")");
    strcpy(at, "}");
    ast = parsed(text);
    for (const struct gql_selection *field = ast->first->set->first; field != NULL; field = field->next) {
        assert_int_equal(field->index, count++);
        assert_string_equal(field->name.text, "field");
        assert_string_equal(field->arguments->value->text, "value");
    }
    assert_int_equal(count, FIELDS);
    assert_true(gql_arena_size(&ast->arena) > ast->size);
    gql_ast_free(ast);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shorthand_query_is_an_anonymous_query),
        cmocka_unit_test(an_operation_has_name_variables_directives_and_fields),
        cmocka_unit_test(fragments_are_defined_spread_and_written_inline),
        cmocka_unit_test(executable_definitions_may_be_described),
        cmocka_unit_test(blanks_commas_comments_and_byte_order_marks_mean_nothing),
        cmocka_unit_test(values_are_told_apart),
        cmocka_unit_test(numbers_need_no_blank_before_what_cannot_continue_them),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(a_nul_in_a_string_is_kept_by_its_size),
        cmocka_unit_test(block_strings_lose_blank_ends_and_common_indentation),
        cmocka_unit_test(a_value_is_printed_as_it_would_be_written),
        cmocka_unit_test(a_type_has_interfaces_fields_and_arguments),
        cmocka_unit_test(all_other_definitions_are_read),
        cmocka_unit_test(everything_but_directives_can_be_extended),
        cmocka_unit_test(a_wide_document_is_read_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
