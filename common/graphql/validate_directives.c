/* Directives: KnownDirectives, UniqueDirectivesPerLocation. */
#include "common/graphql/validate_context.h"

#include <string.h>

/* The definition of a directive in the document itself: it makes the document invalid, but the directive known. */
static const struct gql_definition *defined_here(struct validation *v, const char *name)
{
    const struct gql_definition *found = NULL;

    if (!v->has_type_system || !validate_spend(v, v->ast->definition_count))
        return NULL;
    for (const struct gql_definition *definition = v->ast->first; definition != NULL; definition = definition->next)
        if (definition->kind == GQL_DIRECTIVE_DEFINITION && strcmp(definition->name.text, name) == 0)
            found = definition;
    return found;
}

static bool may_be_at(const struct gql_directive_type *type, const struct gql_definition *defined,
                      enum gql_directive_location location)
{
    if (defined == NULL)
        return (type->locations >> location & 1) != 0;
    for (const struct gql_named *named = defined->locations; named != NULL; named = named->next)
        if (strcmp(named->name.text, gql_location_name(location)) == 0)
            return true;
    return false;
}

static void known_directives(struct validation *v, const struct gql_directive *directive,
                             const struct gql_directive_type *type, const struct gql_definition *defined,
                             enum gql_directive_location location)
{
    if (type == NULL && defined == NULL)
        validate_at(v, gql_errors_add(v->errors, "KnownDirectives", "Unknown directive \"@%s\".", directive->name.text),
                    directive->at);
    else if (!may_be_at(type, defined, location))
        validate_at(v,
                    gql_errors_add(v->errors, "KnownDirectives", "Directive \"@%s\" may not be used on %s.",
                                   directive->name.text, gql_location_name(location)),
                    directive->at);
}

static bool is_unique(struct validation *v, const char *name)
{
    const struct gql_definition *defined = defined_here(v, name);
    const struct gql_directive_type *type = gql_schema_directive(v->schema, name);

    if (defined != NULL)
        return !defined->is_repeatable;
    return type != NULL && !type->is_repeatable;
}

void validate_unique_directives(struct validation *v, const struct gql_directive *const *list, uint32_t count)
{
    const struct gql_name **names = gql_alloc(&v->arena, count * sizeof(struct gql_name *));
    const uint32_t *first;

    for (uint32_t i = 0; i < count; i++)
        names[i] = &list[i]->name;
    first = validate_first_of_name(v, names, count);
    for (uint32_t i = 0; first != NULL && i < count; i++) {
        struct gql_error *error;

        if (first[i] == i || !is_unique(v, names[i]->text))
            continue;
        error = gql_errors_add(v->errors, "UniqueDirectivesPerLocation",
                               "The directive \"@%s\" can only be used once at this location.", names[i]->text);
        validate_at(v, error, list[first[i]]->at);
        validate_at(v, error, list[i]->at);
    }
}

static void unique_directives_of_node(struct validation *v, const struct gql_directive *directives)
{
    const struct gql_directive **list;
    uint32_t count = 0;

    for (const struct gql_directive *directive = directives; directive != NULL; directive = directive->next)
        count++;
    list = gql_alloc(&v->arena, count * sizeof(struct gql_directive *));
    count = 0;
    for (const struct gql_directive *directive = directives; directive != NULL; directive = directive->next)
        list[count++] = directive;
    validate_unique_directives(v, list, count);
}

void validate_directives(struct validation *v, const struct gql_directive *directives,
                         enum gql_directive_location location, const struct gql_field_type *around)
{
    if (directives != NULL && directives->next != NULL)
        unique_directives_of_node(v, directives);
    validate_each_directive(v, directives, location, around);
}

void validate_each_directive(struct validation *v, const struct gql_directive *directives,
                             enum gql_directive_location location, const struct gql_field_type *around)
{
    for (const struct gql_directive *directive = directives; directive != NULL; directive = directive->next) {
        const struct gql_directive_type *type = gql_schema_directive(v->schema, directive->name.text);
        const struct gql_definition *defined = defined_here(v, directive->name.text);

        known_directives(v, directive, type, defined, location);
        validate_directive_arguments(v, directive, type, defined, around);
    }
}
