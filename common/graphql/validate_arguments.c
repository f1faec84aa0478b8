/* Arguments of fields and directives: KnownArgumentNames, UniqueArgumentNames, ProvidedRequiredArguments. */
#include "common/graphql/validate_context.h"

#include <string.h>

/* --- KnownArgumentNames --- */

static struct suggestion suggested_argument(const char *wrong, const struct gql_input *arguments, uint32_t count)
{
    struct suggestion suggestion = suggestion_for(wrong);

    for (uint32_t i = 0; i < count; i++)
        suggestion_try(&suggestion, arguments[i].name);
    return suggestion;
}

static void unknown_field_argument(struct validation *v, const struct gql_member *argument,
                                   const struct gql_field_type *field, const struct gql_type *parent)
{
    struct suggestion suggestion;

    if (validate_is_full(v))
        return;
    suggestion = suggested_argument(argument->name.text, field->arguments, field->argument_count);
    validate_at(v,
                gql_errors_add(v->errors, "KnownArgumentNames", "Unknown argument \"%s\" on field \"%s.%s\".%s",
                               argument->name.text, parent->name, field->name, suggestion_text(&suggestion)),
                argument->name.at);
}

static void unknown_directive_argument(struct validation *v, const struct gql_member *argument, const char *directive,
                                       const struct gql_directive_type *type)
{
    struct suggestion suggestion = suggestion_for(argument->name.text);

    if (validate_is_full(v))
        return;
    if (type != NULL)
        suggestion = suggested_argument(argument->name.text, type->arguments, type->argument_count);
    validate_at(v,
                gql_errors_add(v->errors, "KnownArgumentNames", "Unknown argument \"%s\" on directive \"@%s\".%s",
                               argument->name.text, directive, suggestion_text(&suggestion)),
                argument->name.at);
}

/* --- UniqueArgumentNames --- */

static void unique_argument_names(struct validation *v, const struct gql_member *arguments)
{
    const struct gql_name *const *names;
    uint32_t count;
    const uint32_t *first = validate_first_of_member(v, arguments, &names, &count);

    if (first != NULL)
        validate_report_same(v, "UniqueArgumentNames", "argument named \"", names, first, count);
}

/* --- ProvidedRequiredArguments --- */

static bool has_argument(const struct gql_member *arguments, const char *name)
{
    while (arguments != NULL && strcmp(arguments->name.text, name) != 0)
        arguments = arguments->next;
    return arguments != NULL;
}

static void report_missing_argument(struct validation *v, uint32_t at, const char *what, const char *owner,
                                    const char *argument, const char *type)
{
    validate_at(v,
                gql_errors_add(v->errors, "ProvidedRequiredArguments",
                               "%s%s\" argument \"%s\" of type \"%s\" is required, but it was not provided.", what,
                               owner, argument, type),
                at);
}

static void required_field_arguments(struct validation *v, const struct gql_selection *field,
                                     const struct gql_field_type *type)
{
    for (uint32_t i = 0; i < type->argument_count; i++) {
        const struct gql_input *argument = &type->arguments[i];

        if (gql_input_is_required(argument) && !has_argument(field->arguments, argument->name))
            report_missing_argument(v, field->at, "Field \"", type->name, argument->name,
                                    validate_ref_text(argument->ref).text);
    }
}

static void required_directive_arguments(struct validation *v, const struct gql_directive *directive,
                                         const struct gql_directive_type *type)
{
    for (uint32_t i = 0; i < type->argument_count; i++) {
        const struct gql_input *argument = &type->arguments[i];

        if (gql_input_is_required(argument) && !has_argument(directive->arguments, argument->name))
            report_missing_argument(v, directive->at, "Directive \"@", type->name, argument->name,
                                    validate_ref_text(argument->ref).text);
    }
}

/* --- All of them --- */

void validate_field_arguments(struct validation *v, const struct gql_selection *field,
                              const struct gql_field_type *type, const struct gql_type *parent)
{
    if (field->arguments != NULL)
        unique_argument_names(v, field->arguments);
    for (const struct gql_member *argument = field->arguments; argument != NULL; argument = argument->next) {
        const struct gql_input *input = type == NULL ? NULL : gql_field_argument(type, argument->name.text);

        if (type != NULL && input == NULL)
            unknown_field_argument(v, argument, type, parent);
        validate_value(v, argument->value, input == NULL ? NULL : input->ref,
                       input != NULL && input->default_json != NULL);
    }
    if (type != NULL)
        required_field_arguments(v, field, type);
}

static void directive_values(struct validation *v, const struct gql_directive *directive,
                             const struct gql_directive_type *type, const struct gql_field_type *around)
{
    for (const struct gql_member *argument = directive->arguments; argument != NULL; argument = argument->next) {
        const struct gql_input *input = NULL;

        if (type != NULL)
            input = gql_directive_argument(type, argument->name.text);
        else if (around != NULL)
            input = gql_field_argument(around, argument->name.text);
        validate_value(v, argument->value, input == NULL ? NULL : input->ref,
                       input != NULL && input->default_json != NULL);
    }
}

/* Of a directive that the document itself defines, which is an error on its own. */
static void defined_arguments(struct validation *v, const struct gql_directive *directive,
                              const struct gql_input_definition *defined)
{
    const struct gql_input_definition *input;

    for (const struct gql_member *argument = directive->arguments; argument != NULL; argument = argument->next) {
        for (input = defined; input != NULL && strcmp(input->name.text, argument->name.text) != 0;)
            input = validate_spend(v, 1) ? input->next : NULL;
        if (input == NULL)
            unknown_directive_argument(v, argument, directive->name.text, NULL);
    }
    for (input = defined; input != NULL && validate_spend(v, 1); input = input->next)
        if (input->type->kind == GQL_REF_NON_NULL && input->default_value == NULL &&
            !has_argument(directive->arguments, input->name.text))
            report_missing_argument(v, directive->at, "Directive \"@", directive->name.text, input->name.text,
                                    "as it is defined");
}

void validate_directive_arguments(struct validation *v, const struct gql_directive *directive,
                                  const struct gql_directive_type *type, const struct gql_definition *defined,
                                  const struct gql_field_type *around)
{
    unique_argument_names(v, directive->arguments);
    if (defined != NULL) {
        defined_arguments(v, directive, defined->inputs);
    } else if (type != NULL) {
        for (const struct gql_member *argument = directive->arguments; argument != NULL; argument = argument->next)
            if (gql_directive_argument(type, argument->name.text) == NULL)
                unknown_directive_argument(v, argument, directive->name.text, type);
        required_directive_arguments(v, directive, type);
    }
    directive_values(v, directive, type, around);
}
