/* execute_arguments.c - the arguments that a resolver gets: CoerceArgumentValues of the specification (6.4.1). */
#include "common/graphql/coerce.h"
#include "common/graphql/execute.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_TEXT_SIZE = 256, VALUE_TEXT_SIZE = 128 };

/* --- Errors --- */

/* The argument itself is at fault, not all selections of the field. */
static void locate(struct gql_execution *execution, struct gql_error *error, uint32_t at)
{
    if (!error)
        return;
    error->location_count = 0;
    gql_error_at(error, execution->document->ast->text, at);
}

static const char *type_text(const struct gql_input *input, char out[TYPE_TEXT_SIZE])
{
    gql_ref_print(input->ref, out, TYPE_TEXT_SIZE);
    return out;
}

struct argument {
    struct gql_execution *execution;
    struct gql_place place;
    const struct gql_selection *selection;
    const struct gql_input *input;
    const struct gql_value *value; /* NULL: the argument is not there */
};

static void fail_missing(const struct argument *argument)
{
    char type[TYPE_TEXT_SIZE];
    struct gql_error *error;

    type_text(argument->input, type);
    if (argument->value)
        error = gql_fail(argument->execution, argument->place,
                         "Argument \"%s\" of required type \"%s\" was provided the variable \"$%s\" which was not "
                         "provided a runtime value.",
                         argument->input->name, type, argument->value->text);
    else
        error = gql_fail(argument->execution, argument->place,
                         "Argument \"%s\" of required type \"%s\" was not provided.", argument->input->name, type);
    locate(argument->execution, error, argument->value ? argument->value->at : argument->selection->at);
}

static void fail_null(const struct argument *argument)
{
    char type[TYPE_TEXT_SIZE];
    struct gql_error *error = gql_fail(argument->execution, argument->place,
                                       "Argument \"%s\" of non-null type \"%s\" must not be null.",
                                       argument->input->name, type_text(argument->input, type));

    locate(argument->execution, error, argument->value->at);
}

static void fail_invalid(const struct argument *argument)
{
    struct gql_error *error = gql_fail(argument->execution, argument->place, "Argument \"%s\" has an invalid value.",
                                       argument->input->name);

    locate(argument->execution, error, argument->value->at);
}

/* --- Values --- */

static const struct gql_value *argument_value(const struct gql_selection *selection, const char *name)
{
    for (const struct gql_member *argument = selection->arguments; argument; argument = argument->next)
        if (strcmp(argument->name.text, name) == 0)
            return argument->value;
    return NULL;
}

static bool use_default(const struct argument *argument, json_t *arguments)
{
    if (argument->input->default_json) {
        json_object_set_nocheck(arguments, argument->input->name, argument->input->default_json);
        return true;
    }
    if (argument->input->ref->kind != GQL_REF_NON_NULL)
        return true;
    fail_missing(argument);
    return false;
}

/* False: the argument does not fit, and the place has failed. */
static bool coerce_argument(const struct argument *argument, json_t *arguments)
{
    const json_t *variables = argument->execution->variables;
    const struct gql_value *value = argument->value;
    const json_t *given = NULL;
    json_t *coerced;

    if (value && value->kind == GQL_VALUE_VARIABLE)
        given = json_object_getn(variables, value->text, value->size);
    if (!value || (value->kind == GQL_VALUE_VARIABLE && !given))
        return use_default(argument, arguments);
    if (argument->input->ref->kind == GQL_REF_NON_NULL && (value->kind == GQL_VALUE_NULL || json_is_null(given))) {
        fail_null(argument);
        return false;
    }
    coerced = gql_coerce_literal(value, argument->input->ref, variables);
    if (!coerced) {
        fail_invalid(argument);
        return false;
    }
    return json_object_set_new_nocheck(arguments, argument->input->name, coerced) == 0;
}

static json_t *coerce_arguments(struct gql_execution *execution, struct gql_place place, const struct gql_entry *entry)
{
    const struct gql_selection *selection = entry->selections.selection;
    json_t *arguments = json_object();

    for (uint32_t i = 0; i < entry->field->argument_count; i++) {
        const struct gql_input *input = &entry->field->arguments[i];
        struct argument argument = { .execution = execution,
                                     .place = place,
                                     .selection = selection,
                                     .input = input,
                                     .value = argument_value(selection, input->name) };

        if (!coerce_argument(&argument, arguments)) {
            json_decref(arguments);
            return NULL;
        }
    }
    return arguments;
}

static const json_t *no_arguments(struct gql_planner *planner)
{
    if (!planner->nothing)
        planner->nothing = gql_keep(&planner->arena, &planner->kept, json_object());
    return planner->nothing;
}

const json_t *gql_arguments(struct gql_execution *execution, struct gql_place place, struct gql_entry *entry)
{
    struct gql_planner *planner = execution->planner;
    json_t *arguments;

    if (entry->field->argument_count == 0)
        return no_arguments(planner);
    if (entry->arguments)
        return entry->arguments;
    arguments = coerce_arguments(execution, place, entry);
    if (!arguments)
        return NULL;
    if (entry->has_variables)
        return gql_keep(&execution->arena, &execution->kept, arguments);
    entry->arguments = gql_keep(&planner->arena, &planner->kept, arguments);
    return entry->arguments;
}
