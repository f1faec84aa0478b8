/* Any bytes become a document or one error that can be told as JSON; and what a value is printed as means the value. */
#include "common/graphql/parser.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct gql_value *value);

static void check_arguments(const struct gql_member *member)
{
    for (; member != NULL; member = member->next)
        check_value(member->value);
}

static void check_directives(const struct gql_directive *directive)
{
    for (; directive != NULL; directive = directive->next)
        check_arguments(directive->arguments);
}

/* Prints, parses and prints again. */
static void check_value(const struct gql_value *value)
{
    struct gql_errors errors = { 0 };
    char *printed = gql_value_print(value), *again, *text;
    int size = asprintf(&text, "{a(b: %s)}", printed);
    struct gql_ast *ast = gql_parse(text, (size_t)size, NULL, &errors);

    assert(ast != NULL);
    again = gql_value_print(ast->first->set->first->arguments->value);
    assert(strcmp(printed, again) == 0);
    gql_ast_free(ast);
    free(again);
    free(printed);
    free(text);
}

static void check_selections(const struct gql_ast *ast, const struct gql_selection_set *set)
{
    if (set == NULL)
        return;
    assert(ast->text[set->at] == '{' && set->first != NULL);
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        assert(selection->index < ast->selection_count && selection->at > set->at);
        assert((selection->kind == GQL_FIELD) == (selection->key != NULL));
        check_arguments(selection->arguments);
        check_directives(selection->directives);
        check_selections(ast, selection->set);
    }
}

static void check_definition(const struct gql_ast *ast, const struct gql_definition *definition)
{
    assert(definition->index < ast->definition_count && definition->at < ast->size);
    assert((definition->kind <= GQL_FRAGMENT) == (definition->set != NULL));
    check_selections(ast, definition->set);
    check_directives(definition->directives);
    for (const struct gql_variable_definition *v = definition->variables; v != NULL; v = v->next) {
        assert(v->name.text != NULL && v->type != NULL);
        if (v->default_value != NULL)
            check_value(v->default_value);
    }
    for (const struct gql_input_definition *input = definition->inputs; input != NULL; input = input->next) {
        if (input->default_value != NULL)
            check_value(input->default_value);
    }
}

static void check_errors(const struct gql_errors *errors)
{
    json_t *json = gql_errors_json(errors);
    char *text = json_dumps(json, JSON_COMPACT);

    assert(errors->count == 1 && errors->list[0].location_count == 1 && text != NULL);
    assert(json_object_get(json_array_get(json, 0), "message") != NULL);
    free(text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gql_parse_limits limits = {
        .bytes = 4000, .tokens = 900, .depth = 20, .aliases = 10, .items = 30
    };
    struct gql_errors errors = { 0 };
    struct gql_ast *ast = gql_parse((const char *)data, size, &limits, &errors);

    if (ast == NULL)
        check_errors(&errors);
    else
        for (const struct gql_definition *definition = ast->first; definition != NULL; definition = definition->next)
            check_definition(ast, definition);
    gql_ast_free(ast);
    gql_errors_release(&errors);
    return 0;
}
