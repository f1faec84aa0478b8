#include "common/graphql/document.h"

#include "common/graphql/parser.h"
#include "common/graphql/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- What executions need to know --- */

/* Does a @skip or @include of one of these selections, or of those within, depend on a variable? */
static bool has_conditions(const struct gql_selection_set *set)
{
    for (const struct gql_selection *selection = set->first; selection; selection = selection->next) {
        for (const struct gql_directive *directive = selection->directives; directive; directive = directive->next)
            for (const struct gql_member *argument = directive->arguments; argument; argument = argument->next)
                if (argument->value->kind == GQL_VALUE_VARIABLE)
                    return true;
        if (selection->set && has_conditions(selection->set))
            return true;
    }
    return false;
}

static void index_definitions(struct gql_document *document)
{
    struct gql_ast *ast = document->ast;
    size_t fragments = 0;

    document->definitions = gql_alloc(&ast->arena, ast->definition_count * sizeof(struct gql_definition *));
    for (const struct gql_definition *definition = ast->first; definition; definition = definition->next) {
        document->definitions[definition->index] = definition;
        document->is_conditional = document->is_conditional || has_conditions(definition->set);
        fragments += definition->kind == GQL_FRAGMENT;
    }
    if (fragments == 0)
        return;
    document->visited = gql_alloc(&ast->arena, ast->definition_count * sizeof(*document->visited));
    document->fragments = gql_names_new(&ast->arena, fragments);
    for (const struct gql_definition *definition = ast->first; definition; definition = definition->next)
        if (definition->kind == GQL_FRAGMENT)
            gql_names_add(document->fragments, definition->name.text, definition->index);
}

const struct gql_definition *gql_document_fragment(const struct gql_document *document, const char *name)
{
    uint32_t index = gql_names_find(document->fragments, name);

    return index == GQL_NO_NAME ? NULL : document->definitions[index];
}

void gql_document_walk(struct gql_document *document)
{
    document->walk++;
    if (document->walk != 0 || !document->visited)
        return;
    memset(document->visited, 0, document->ast->definition_count * sizeof(*document->visited));
    document->walk = 1;
}

bool gql_document_is_visited(const struct gql_document *document, const struct gql_definition *fragment)
{
    return document->visited[fragment->index] == document->walk;
}

void gql_document_visit(struct gql_document *document, const struct gql_definition *fragment)
{
    document->visited[fragment->index] = document->walk;
}

size_t gql_document_bytes(struct gql_document *document)
{
    return sizeof(*document) + document->ast->size + gql_arena_size(&document->ast->arena) +
           gql_planner_bytes(&document->planner);
}

/* --- Life --- */

struct gql_document *gql_document_new(const struct gql_schema *schema, const char *text, size_t size,
                                      const struct gql_limits *limits, struct gql_errors *errors)
{
    const struct gql_limits given = limits ? *limits : (struct gql_limits){ 0 };
    const struct gql_parse_limits parse_limits = { .bytes = given.bytes,
                                                   .tokens = given.tokens,
                                                   .depth = given.depth,
                                                   .aliases = given.aliases,
                                                   .items = given.items };
    struct gql_document *document;
    struct gql_ast *ast;

    if (errors->max == 0)
        errors->max = given.errors;
    ast = gql_parse(text, size, &parse_limits, errors);
    if (!ast)
        return NULL;
    if (!gql_validate(schema, ast, &given, errors)) {
        gql_ast_free(ast);
        return NULL;
    }
    document = calloc(1, sizeof(*document));
    if (!document)
        abort();
    *document = (struct gql_document){ .schema = schema, .ast = ast, .limits = given, .users = 1 };
    document->planner.document = document;
    index_definitions(document);
    return document;
}

struct gql_document *gql_document_hold(struct gql_document *document)
{
    document->users++;
    return document;
}

void gql_document_release(struct gql_document *document)
{
    if (!document || --document->users > 0)
        return;
    gql_planner_release(&document->planner);
    gql_ast_free(document->ast);
    free(document);
}

/* --- Operations --- */

static const struct gql_definition *only_operation(const struct gql_document *document, char *message,
                                                   size_t message_size)
{
    const struct gql_definition *found = NULL;

    for (const struct gql_definition *definition = document->ast->first; definition; definition = definition->next) {
        if (definition->kind != GQL_OPERATION)
            continue;
        if (found) {
            snprintf(message, message_size, "Must provide operation name if query contains multiple operations.");
            return NULL;
        }
        found = definition;
    }
    if (!found)
        snprintf(message, message_size, "Must provide an operation.");
    return found;
}

const struct gql_definition *gql_document_find(const struct gql_document *document, const char *name, char *message,
                                               size_t message_size)
{
    if (!name || *name == '\0')
        return only_operation(document, message, message_size);
    for (const struct gql_definition *definition = document->ast->first; definition; definition = definition->next)
        if (definition->kind == GQL_OPERATION && definition->name.text && strcmp(definition->name.text, name) == 0)
            return definition;
    snprintf(message, message_size, "Unknown operation named \"%s\".", name);
    return NULL;
}

bool gql_document_operation(const struct gql_document *document, const char *name, enum gql_operation_type *type,
                            char *message, size_t message_size)
{
    const struct gql_definition *operation = gql_document_find(document, name, message, message_size);

    if (!operation)
        return false;
    *type = operation->operation;
    return true;
}
