/* Rules about operations as a whole. */
#include "common/graphql/validate_context.h"

#include <string.h>

/* --- ExecutableDefinitions --- */

static void executable_definitions(struct validation *v)
{
    for (const struct gql_definition *definition = v->ast->first; definition != NULL; definition = definition->next) {
        const char *name = definition->name.text;

        if (definition->kind == GQL_OPERATION || definition->kind == GQL_FRAGMENT)
            continue;
        validate_at(v,
                    gql_errors_add(v->errors, "ExecutableDefinitions", "The %s%s%s definition is not executable.",
                                   name == NULL ? "" : "\"", name == NULL ? "schema" : name, name == NULL ? "" : "\""),
                    definition->at);
    }
}

/* --- UniqueOperationNames --- */

static void unique_operation_names(struct validation *v)
{
    const struct gql_name **names = gql_alloc(&v->arena, v->scope_count * sizeof(struct gql_name *));
    const uint32_t *first;
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->scope_count; i++)
        if (v->scopes[i].definition->kind == GQL_OPERATION && v->scopes[i].definition->name.text != NULL)
            names[count++] = &v->scopes[i].definition->name;
    first = validate_first_of_name(v, names, count);
    for (uint32_t i = 0; first != NULL && i < count; i++) {
        struct gql_error *error;

        if (first[i] == i)
            continue;
        error = gql_errors_add(v->errors, "UniqueOperationNames", "There can be only one operation named \"%s\".",
                               names[i]->text);
        validate_at(v, error, names[first[i]]->at);
        validate_at(v, error, names[i]->at);
    }
}

/* --- LoneAnonymousOperation --- */

static void lone_anonymous_operation(struct validation *v)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->scope_count; i++)
        count += v->scopes[i].definition->kind == GQL_OPERATION;
    for (uint32_t i = 0; i < v->scope_count && count > 1; i++)
        if (v->scopes[i].definition->kind == GQL_OPERATION && v->scopes[i].definition->name.text == NULL)
            validate_at(v,
                        gql_errors_add(v->errors, "LoneAnonymousOperation",
                                       "This anonymous operation must be the only defined operation."),
                        v->scopes[i].definition->at);
}

/* --- SingleFieldSubscriptions --- */

/* The fields that a subscription selects on its root, fragments followed, in order. One for all subscriptions. */
struct root_fields {
    const struct gql_selection **list;
    const struct gql_name **keys;
    uint32_t count;
    const struct gql_selection **stack; /* where to go on after a fragment: they can make a chain of any length */
    bool *is_visited;                   /* by the fragment's index */
};

/* The last argument "if" of the first such directive, where it is a literal. What depends on a variable is taken as
 * included. */
static bool is_literally(const struct gql_selection *selection, const char *name, bool wanted)
{
    const struct gql_directive *directive = selection->directives;
    bool is_wanted = false;

    while (directive != NULL && strcmp(directive->name.text, name) != 0)
        directive = directive->next;
    if (directive == NULL)
        return false;
    for (const struct gql_member *argument = directive->arguments; argument != NULL; argument = argument->next)
        if (strcmp(argument->name.text, "if") == 0)
            is_wanted = argument->value->kind == GQL_VALUE_BOOLEAN && argument->value->is_true == wanted;
    return is_wanted;
}

static bool is_included(const struct gql_selection *selection)
{
    return !is_literally(selection, "skip", true) && !is_literally(selection, "include", false);
}

static bool applies_to(const struct validation *v, const struct gql_type *condition, const struct gql_type *root)
{
    return condition != NULL && (condition == root || ((condition->kind & GQL_ABSTRACT) != 0 &&
                                                       gql_type_is_possible(v->schema, condition, root)));
}

/* The selection set that an included selection stands for; NULL: it is a field, or nothing. */
static const struct gql_selection_set *set_in_place_of(const struct validation *v,
                                                       const struct gql_selection *selection,
                                                       const struct gql_type *root, bool *is_visited)
{
    const struct fragment *fragment;

    if (selection->kind == GQL_INLINE_FRAGMENT)
        return selection->condition.text == NULL || applies_to(v, validate_type(v->schema, &selection->condition), root)
                   ? selection->set
                   : NULL;
    fragment = selection->kind == GQL_FIELD ? NULL : validate_spread_to(v, selection);
    if (fragment == NULL || is_visited[fragment->index])
        return NULL;
    is_visited[fragment->index] = true;
    return applies_to(v, fragment->type, root) ? fragment->definition->set : NULL;
}

static struct root_fields root_fields_new(struct validation *v)
{
    size_t room = v->ast->selection_count + 1;

    return (struct root_fields){ .list = gql_alloc(&v->arena, room * sizeof(struct gql_selection *)),
                                 .keys = gql_alloc(&v->arena, room * sizeof(struct gql_name *)),
                                 .stack = gql_alloc(&v->arena, room * sizeof(struct gql_selection *)),
                                 .is_visited = gql_alloc(&v->arena, v->fragment_count + 1) };
}

static void collect_root_fields(struct validation *v, const struct scope *scope, struct root_fields *fields)
{
    const struct gql_selection *at = scope->definition->set->first;
    uint32_t depth = 0;

    fields->count = 0;
    memset(fields->is_visited, 0, v->fragment_count);

    while ((at != NULL || depth > 0) && validate_spend(v, VALIDATE_SORTED)) {
        const struct gql_selection_set *set;

        if (at == NULL) {
            at = fields->stack[--depth];
            continue;
        }
        set = is_included(at) ? set_in_place_of(v, at, scope->type, fields->is_visited) : NULL;
        if (at->kind == GQL_FIELD && is_included(at)) {
            fields->keys[fields->count] = at->alias.text != NULL ? &at->alias : &at->name;
            fields->list[fields->count++] = at;
        }
        if (set != NULL)
            fields->stack[depth++] = at->next;
        at = set != NULL ? set->first : at->next;
    }
}

static struct gql_error *add_subscription_error(struct validation *v, const struct gql_definition *operation,
                                                const char *what)
{
    const char *name = operation->name.text;

    return gql_errors_add(v->errors, "SingleFieldSubscriptions", "%s%s%s must %s.",
                          name == NULL ? "Anonymous Subscription" : "Subscription \"", name == NULL ? "" : name,
                          name == NULL ? "" : "\"", what);
}

/* Adds the places of the fields with the key of the field `first`, which is the first one with it. */
static void add_places(struct validation *v, struct gql_error *error, const struct root_fields *fields,
                       const uint32_t *same, uint32_t first)
{
    for (uint32_t i = first; i < fields->count && error->location_count < GQL_ERROR_LOCATIONS_MAX; i++)
        if (same == NULL ? i == first : same[i] == first)
            validate_at(v, error, fields->list[i]->at);
}

static void single_field_subscriptions(struct validation *v, const struct scope *scope, struct root_fields *fields)
{
    struct gql_error *error = NULL;
    const uint32_t *same;

    collect_root_fields(v, scope, fields);
    same = validate_first_of_name(v, fields->keys, fields->count);
    for (uint32_t i = 1; i < fields->count; i++) {
        if (same != NULL && same[i] != i)
            continue;
        if (error == NULL)
            error = add_subscription_error(v, scope->definition, "select only one top level field");
        if (error == NULL || error->location_count == GQL_ERROR_LOCATIONS_MAX)
            break;
        add_places(v, error, fields, same, i);
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if ((same != NULL && same[i] != i) || strncmp(fields->list[i]->name.text, "__", 2) != 0)
            continue;
        error = add_subscription_error(v, scope->definition, "not select an introspection top level field");
        if (error == NULL || !validate_spend(v, fields->count))
            break;
        add_places(v, error, fields, same, i);
    }
}

static void subscriptions(struct validation *v)
{
    struct root_fields fields = { 0 };

    for (uint32_t i = 0; i < v->scope_count; i++) {
        const struct scope *scope = &v->scopes[i];

        if (scope->fragment != NULL || scope->definition->operation != GQL_SUBSCRIPTION || scope->type == NULL)
            continue;
        if (validate_is_full(v) || !validate_spend(v, 1 + v->fragment_count / 16))
            return;
        if (fields.list == NULL)
            fields = root_fields_new(v);
        single_field_subscriptions(v, scope, &fields);
    }
}

void validate_operations(struct validation *v)
{
    if (v->has_type_system)
        executable_definitions(v);
    if (v->scope_count > 1) {
        unique_operation_names(v);
        lone_anonymous_operation(v);
    }
    subscriptions(v);
}
