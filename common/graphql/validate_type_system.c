/* Definitions of the type system in a document that should have none: each is an error on its own, and what is wrong
 * within it is reported too, as graphql-js does. */
#include "common/graphql/validate_context.h"

#include <string.h>

static void type_ref(struct validation *v, const struct gql_type_ref *ref)
{
    while (ref->of != NULL)
        ref = ref->of;
    validate_type_name(v, ref->name, ref->at);
}

static void named_types(struct validation *v, const struct gql_named *named)
{
    for (; named != NULL; named = named->next)
        validate_type_name(v, named->name.text, named->name.at);
}

static void inputs(struct validation *v, const struct gql_input_definition *input, enum gql_directive_location location)
{
    for (; input != NULL; input = input->next) {
        type_ref(v, input->type);
        if (input->default_value != NULL)
            validate_value(v, input->default_value, NULL, false);
        validate_directives(v, input->directives, location, NULL);
    }
}

static void fields(struct validation *v, const struct gql_field_definition *field)
{
    for (; field != NULL; field = field->next) {
        inputs(v, field->arguments, GQL_ON_ARGUMENT_DEFINITION);
        type_ref(v, field->type);
        validate_directives(v, field->directives, GQL_ON_FIELD_DEFINITION, NULL);
    }
}

static enum gql_directive_location location_of(const struct gql_definition *definition)
{
    switch (definition->kind) {
    case GQL_SCHEMA_DEFINITION: return GQL_ON_SCHEMA;
    case GQL_SCALAR_DEFINITION: return GQL_ON_SCALAR;
    case GQL_OBJECT_DEFINITION: return GQL_ON_OBJECT;
    case GQL_INTERFACE_DEFINITION: return GQL_ON_INTERFACE;
    case GQL_UNION_DEFINITION: return GQL_ON_UNION;
    case GQL_ENUM_DEFINITION: return GQL_ON_ENUM;
    case GQL_INPUT_DEFINITION: return GQL_ON_INPUT_OBJECT;
    case GQL_OPERATION:
    case GQL_FRAGMENT:
    case GQL_DIRECTIVE_DEFINITION: break;
    }
    return GQL_LOCATION_COUNT;
}

/* --- UniqueDirectivesPerLocation --- */

/* All definitions and extensions of one type name are one place for directives, and so are all of the schema. */
static bool is_same_place(const struct gql_definition *a, const struct gql_definition *b)
{
    if (location_of(a) == GQL_LOCATION_COUNT || location_of(b) == GQL_LOCATION_COUNT)
        return false;
    if (a->kind == GQL_SCHEMA_DEFINITION || b->kind == GQL_SCHEMA_DEFINITION)
        return a->kind == b->kind;
    return strcmp(a->name.text, b->name.text) == 0;
}

/* Appends to `list` the directives of `place`, of `from` and of what follows it. Returns how many; NULL `list` counts. */
static uint32_t gather_directives(const struct gql_definition *from, const struct gql_definition *place,
                                  const struct gql_directive **list)
{
    uint32_t count = 0;

    for (; from != NULL; from = from->next) {
        if (from->directives == NULL || !is_same_place(from, place))
            continue;
        for (const struct gql_directive *directive = from->directives; directive != NULL; directive = directive->next) {
            if (list != NULL)
                list[count] = directive;
            count++;
        }
    }
    return count;
}

static void unique_directives_of_place(struct validation *v, const struct gql_definition *definition)
{
    const struct gql_directive **list;
    uint32_t count;

    if (!validate_spend(v, 3 * (size_t)v->ast->definition_count))
        return;
    for (const struct gql_definition *earlier = v->ast->first; earlier != definition; earlier = earlier->next)
        if (earlier->directives != NULL && is_same_place(earlier, definition))
            return; /* done with that one */
    count = gather_directives(definition, definition, NULL);
    list = gql_alloc(&v->arena, count * sizeof(struct gql_directive *));
    gather_directives(definition, definition, list);
    validate_unique_directives(v, list, count);
}

/* --- All --- */

void validate_type_system(struct validation *v, const struct gql_definition *definition)
{
    bool has_fields = definition->kind == GQL_INPUT_DEFINITION && !definition->is_extension;

    if (definition->directives != NULL) {
        unique_directives_of_place(v, definition);
        validate_each_directive(v, definition->directives, location_of(definition), NULL);
    }
    for (const struct gql_root_definition *root = definition->roots; root != NULL; root = root->next)
        validate_type_name(v, root->type.text, root->type.at);
    named_types(v, definition->interfaces);
    named_types(v, definition->members);
    fields(v, definition->fields);
    for (const struct gql_enum_value_definition *value = definition->values; value != NULL; value = value->next)
        validate_directives(v, value->directives, GQL_ON_ENUM_VALUE, NULL);
    inputs(v, definition->inputs, has_fields ? GQL_ON_INPUT_FIELD_DEFINITION : GQL_ON_ARGUMENT_DEFINITION);
}
