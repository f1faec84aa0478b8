#include "common/graphql/validate.h"

#include "common/graphql/validate_context.h"

/* Some 10 ns each. A document of 100 kB without tricks needs less than a hundredth of it. */
enum { WORK_MAX = 5000000 };

static void walk_set(struct validation *v, const struct gql_selection_set *set, struct position position);

static void walk_field(struct validation *v, const struct gql_selection *field, struct position position)
{
    const struct gql_field_type *type = validate_field(v, field, position.parent);
    struct position inside = { .type = type == NULL ? NULL : type->ref->type,
                               .field = type,
                               .in_deep_introspection = position.in_deep_introspection };

    if (!position.in_deep_introspection)
        inside.in_deep_introspection = validate_introspection(v, field);
    validate_field_arguments(v, field, type, position.parent);
    if (field->directives != NULL)
        validate_directives(v, field->directives, GQL_ON_FIELD, type);
    if (field->set != NULL)
        walk_set(v, field->set, inside);
}

static void walk_inline_fragment(struct validation *v, const struct gql_selection *fragment, struct position position)
{
    struct position inside = position;

    if (fragment->condition.text != NULL) {
        validate_condition(v, &fragment->condition, NULL);
        inside.type = validate_type(v->schema, &fragment->condition);
        if (inside.type != NULL && inside.type->kind == GQL_INPUT_OBJECT)
            inside.type = NULL; /* nothing is known of what such a fragment selects from */
    }
    validate_inline_fragment(v, fragment, inside.type, position.parent);
    validate_directives(v, fragment->directives, GQL_ON_INLINE_FRAGMENT, position.field);
    walk_set(v, fragment->set, inside);
}

static void walk_spread(struct validation *v, const struct gql_selection *spread, struct position position)
{
    validate_spread(v, spread, &position);
    validate_directives(v, spread->directives, GQL_ON_FRAGMENT_SPREAD, position.field);
}

static void walk_set(struct validation *v, const struct gql_selection_set *set, struct position position)
{
    position.parent = position.type != NULL && (position.type->kind & GQL_COMPOSITE) != 0 ? position.type : NULL;
    validate_note_overlaps(v, set);
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        switch (selection->kind) {
        case GQL_FIELD: walk_field(v, selection, position); break;
        case GQL_FRAGMENT_SPREAD: walk_spread(v, selection, position); break;
        case GQL_INLINE_FRAGMENT: walk_inline_fragment(v, selection, position); break;
        }
    }
}

static void walk_definition(struct validation *v, struct scope *scope)
{
    static const enum gql_directive_location locations[] = {
        [GQL_QUERY] = GQL_ON_QUERY,
        [GQL_MUTATION] = GQL_ON_MUTATION,
        [GQL_SUBSCRIPTION] = GQL_ON_SUBSCRIPTION,
    };
    const struct gql_definition *definition = scope->definition;
    struct position position = { .type = scope->type };

    v->scope = scope;
    if (scope->fragment != NULL) {
        validate_condition(v, &definition->condition, definition->name.text);
        if (position.type != NULL && position.type->kind == GQL_INPUT_OBJECT)
            position.type = NULL;
        validate_directives(v, definition->directives, GQL_ON_FRAGMENT_DEFINITION, NULL);
    } else {
        validate_variable_definitions(v, definition);
        validate_directives(v, definition->directives, locations[definition->operation], NULL);
    }
    walk_set(v, definition->set, position);
}

static const struct gql_type *root_type(const struct validation *v, const struct gql_definition *operation)
{
    return v->schema->roots[operation->operation];
}

static void find_scopes(struct validation *v)
{
    v->scopes = gql_alloc(&v->arena, (v->ast->definition_count + 1) * sizeof(*v->scopes));
    for (const struct gql_definition *definition = v->ast->first; definition != NULL; definition = definition->next) {
        struct scope *scope = &v->scopes[v->scope_count];

        if (definition->kind != GQL_OPERATION && definition->kind != GQL_FRAGMENT) {
            v->has_type_system = true;
            continue;
        }
        scope->definition = definition;
        scope->type = definition->kind == GQL_OPERATION ? root_type(v, definition)
                                                        : validate_type(v->schema, &definition->condition);
        v->scope_count++;
    }
}

static void run_rules(struct validation *v)
{
    find_scopes(v);
    validate_find_fragments(v);
    validate_operations(v);
    for (uint32_t i = 0; i < v->scope_count; i++)
        walk_definition(v, &v->scopes[i]);
    for (const struct gql_definition *at = v->has_type_system ? v->ast->first : NULL; at != NULL; at = at->next)
        if (at->kind != GQL_OPERATION && at->kind != GQL_FRAGMENT)
            validate_type_system(v, at);
    validate_fragments(v);
    validate_variables(v);
    if (v->has_overlaps)
        validate_overlaps(v);
}

bool gql_validate(const struct gql_schema *schema, const struct gql_ast *ast, const struct gql_limits *limits,
                  struct gql_errors *errors)
{
    size_t before = errors->count;
    struct validation v = { .schema = schema, .ast = ast, .limits = limits, .errors = errors, .work_left = WORK_MAX };

    run_rules(&v);
    if (errors->count == before && limits != NULL)
        validate_limits(&v);
    gql_arena_release(&v.arena);
    return errors->count == before;
}
