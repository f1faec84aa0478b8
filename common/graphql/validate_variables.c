/* Variables: their definitions, and their use in operations and the fragments that these spread. */
#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

/* A variable of the operation that is looked at. */
struct variable {
    const struct gql_variable_definition *definition; /* the last one of its name */
    const struct gql_ref *ref;                        /* NULL: unknown */
    bool is_used;
};

/* Sorted by name; definitions with the same name are one. */
struct variables {
    struct variable *list;
    uint32_t count;
};

/* --- Definitions --- */

static void unique_variable_names(struct validation *v, const struct gql_definition *operation)
{
    const struct gql_name **names;
    const uint32_t *first;
    uint32_t count = 0, i = 0;

    for (const struct gql_variable_definition *variable = operation->variables; variable; variable = variable->next)
        count++;
    names = gql_alloc(&v->arena, count * sizeof(struct gql_name *));
    for (const struct gql_variable_definition *variable = operation->variables; variable; variable = variable->next)
        names[i++] = &variable->name;
    first = validate_first_of_name(v, names, count);
    if (first != NULL)
        validate_report_same(v, "UniqueVariableNames", "variable named \"$", names, first, count);
}

static void variable_type(struct validation *v, const struct gql_variable_definition *variable)
{
    const struct gql_type_ref *named = variable->type;
    const struct gql_type *type;

    while (named->of != NULL)
        named = named->of;
    type = gql_schema_type(v->schema, named->name);
    if (type == NULL)
        validate_type_name(v, named->name, named->at);
    else if ((type->kind & GQL_INPUT) == 0)
        validate_at(v,
                    gql_errors_add(v->errors, "VariablesAreInputTypes",
                                   "Variable \"$%s\" cannot be non-input type \"%s\".", variable->name.text,
                                   type->name),
                    variable->type->at);
}

void validate_variable_definitions(struct validation *v, const struct gql_definition *operation)
{
    if (operation->variables == NULL)
        return;
    unique_variable_names(v, operation);
    for (const struct gql_variable_definition *variable = operation->variables; variable; variable = variable->next) {
        variable_type(v, variable);
        if (variable->default_value != NULL) {
            const struct gql_ref *ref = gql_schema_ref(v->schema, &v->arena, variable->type);

            validate_value(v, variable->default_value, ref != NULL && (ref->type->kind & GQL_INPUT) != 0 ? ref : NULL,
                           false);
        }
        validate_directives(v, variable->directives, GQL_ON_VARIABLE_DEFINITION, NULL);
    }
}

/* --- Use --- */

void validate_note_usage(struct validation *v, struct usage usage)
{
    struct usages *usages = &v->scope->usages;

    if (usages->count == usages->room) {
        uint32_t room = usages->room == 0 ? 8 : 2 * usages->room;
        struct usage *list = gql_alloc(&v->arena, room * sizeof(*list));

        if (usages->count > 0)
            memcpy(list, usages->list, usages->count * sizeof(*list));
        usages->list = list;
        usages->room = room;
    }
    usages->list[usages->count++] = usage;
}

static int compare_variables(const void *a, const void *b)
{
    const struct gql_name *left = &((const struct variable *)a)->definition->name;
    const struct gql_name *right = &((const struct variable *)b)->definition->name;
    int order = strcmp(left->text, right->text);

    if (order != 0)
        return order;
    return left->at < right->at ? -1 : 1;
}

static int compare_name(const void *name, const void *variable)
{
    return strcmp(name, ((const struct variable *)variable)->definition->name.text);
}

static struct variables variables_of(struct validation *v, const struct gql_definition *operation)
{
    struct variables variables = { 0 };
    uint32_t count = 0;

    for (const struct gql_variable_definition *variable = operation->variables; variable; variable = variable->next)
        count++;
    if (count == 0)
        return variables;
    variables.list = gql_alloc(&v->arena, count * sizeof(*variables.list));
    count = 0;
    for (const struct gql_variable_definition *variable = operation->variables; variable; variable = variable->next)
        variables.list[count++] = (struct variable){ .definition = variable,
                                                     .ref = gql_schema_ref(v->schema, &v->arena, variable->type) };
    qsort(variables.list, count, sizeof(*variables.list), compare_variables);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && compare_name(variables.list[i].definition->name.text, &variables.list[variables.count - 1]) == 0)
            variables.count--;
        variables.list[variables.count++] = variables.list[i];
    }
    return variables;
}

static struct variable *variable_named(const struct variables *variables, const char *name)
{
    if (variables->count == 0)
        return NULL;
    return bsearch(name, variables->list, variables->count, sizeof(*variables->list), compare_name);
}

/* --- NoUndefinedVariables --- */

static void no_undefined_variables(struct validation *v, const struct gql_definition *operation,
                                   const struct usage *usage)
{
    const char *name = operation->name.text;
    struct gql_error *error = gql_errors_add(v->errors, "NoUndefinedVariables",
                                             "Variable \"$%s\" is not defined%s%s%s.", usage->value->text,
                                             name == NULL ? "" : " by operation \"", name == NULL ? "" : name,
                                             name == NULL ? "" : "\"");

    validate_at(v, error, usage->value->at);
    validate_at(v, error, operation->at);
}

/* --- NoUnusedVariables --- */

static void no_unused_variables(struct validation *v, const struct gql_definition *operation,
                                const struct variables *variables)
{
    const char *name = operation->name.text;

    for (const struct gql_variable_definition *definition = operation->variables; definition;
         definition = definition->next)
        if (!variable_named(variables, definition->name.text)->is_used)
            validate_at(v,
                        gql_errors_add(v->errors, "NoUnusedVariables", "Variable \"$%s\" is never used%s%s%s.",
                                       definition->name.text, name == NULL ? "" : " in operation \"",
                                       name == NULL ? "" : name, name == NULL ? "" : "\""),
                        definition->at);
}

/* --- VariablesInAllowedPosition --- */

/* A variable that may be null fits where null may not be if one of both has a default. */
static bool is_allowed(const struct validation *v, const struct variable *variable, const struct usage *usage)
{
    const struct gql_value *default_value = variable->definition->default_value;

    if (usage->ref->kind != GQL_REF_NON_NULL || variable->ref->kind == GQL_REF_NON_NULL)
        return gql_ref_is_sub(v->schema, variable->ref, usage->ref);
    if ((default_value == NULL || default_value->kind == GQL_VALUE_NULL) && !usage->has_default)
        return false;
    return gql_ref_is_sub(v->schema, variable->ref, usage->ref->of);
}

static void variables_in_allowed_position(struct validation *v, const struct variable *variable,
                                          const struct usage *usage)
{
    struct gql_error *error;

    if (variable->ref == NULL || usage->ref == NULL)
        return;
    if (!is_allowed(v, variable, usage)) {
        error = gql_errors_add(v->errors, "VariablesInAllowedPosition",
                               "Variable \"$%s\" of type \"%s\" used in position expecting type \"%s\".",
                               usage->value->text, validate_ref_text(variable->ref).text,
                               validate_ref_text(usage->ref).text);
        validate_at(v, error, variable->definition->at);
        validate_at(v, error, usage->value->at);
    }
    if (usage->one_of != NULL && variable->ref->kind != GQL_REF_NON_NULL) {
        error = gql_errors_add(v->errors, "VariablesInAllowedPosition",
                               "Variable \"$%s\" is of type \"%s\" but must be non-nullable to be used for OneOf Input "
                               "Object \"%s\".",
                               usage->value->text, validate_ref_text(variable->ref).text, usage->one_of->name);
        validate_at(v, error, variable->definition->at);
        validate_at(v, error, usage->value->at);
    }
}

/* --- All of them --- */

static void check_usages(struct validation *v, const struct gql_definition *operation,
                         const struct variables *variables, const struct usages *usages)
{
    if (!validate_spend(v, 1 + 4 * (size_t)usages->count))
        return;
    for (uint32_t i = 0; i < usages->count; i++) {
        const struct usage *usage = &usages->list[i];
        struct variable *variable = variable_named(variables, usage->value->text);

        if (variable == NULL) {
            no_undefined_variables(v, operation, usage);
            continue;
        }
        variable->is_used = true;
        variables_in_allowed_position(v, variable, usage);
    }
}

static void check_operation(struct validation *v, const struct scope *scope)
{
    struct variables variables = variables_of(v, scope->definition);
    struct fragment **closure = NULL;
    uint32_t count = 0;

    if (v->fragment_count > 0) {
        closure = validate_closure(v, scope, &count);
        if (closure == NULL)
            return;
    }
    check_usages(v, scope->definition, &variables, &scope->usages);
    for (uint32_t i = 0; i < count; i++)
        check_usages(v, scope->definition, &variables, &closure[i]->scope->usages);
    no_unused_variables(v, scope->definition, &variables);
}

void validate_variables(struct validation *v)
{
    for (uint32_t i = 0; i < v->scope_count; i++)
        if (v->scopes[i].fragment == NULL)
            check_operation(v, &v->scopes[i]);
}
