#include <stdio.h>
#include <string.h>

#include "common/graphql/schema_build.h"

enum { REF_TEXT_SIZE = 256 };

static bool is_reserved(const char *name)
{
    return name[0] == '_' && name[1] == '_';
}

static void check_name(struct gql_check *check, const char *name, uint32_t at)
{
    if (is_reserved(name))
        gql_refuse(check, "ReservedNames", GQL_AT(at),
                   "Name \"%s\" must not begin with \"__\", which is reserved by GraphQL introspection.", name);
}

/* --- Roots --- */

static void check_roots(const struct gql_schema *schema, struct gql_check *check)
{
    static const char *const names[] = { "Query", "Mutation", "Subscription" };

    if (schema->roots[GQL_QUERY] == NULL)
        gql_refuse(check, "RootOperationTypes", GQL_AT(0), "Query root type must be provided.");
    for (size_t i = 0; i < 3; i++) {
        const struct gql_type *root = schema->roots[i];
        if (root == NULL)
            continue;
        if (root->kind != GQL_OBJECT)
            gql_refuse(check, "RootOperationTypes", GQL_AT(root->at),
                       "%s root type must be Object type%s, it cannot be %s.", names[i],
                       i == GQL_QUERY ? "" : " if provided", root->name);
        for (size_t k = 0; k < i; k++)
            if (schema->roots[k] == root)
                gql_refuse(check, "RootOperationTypes", GQL_AT(root->at),
                           "All root types must be different, \"%s\" is the root of %s and of %s.", root->name,
                           names[k], names[i]);
    }
}

/* --- Arguments and input fields --- */

static void check_deprecated(struct gql_check *check, const struct gql_input *input, const char *what,
                             const char *owner, const char *name)
{
    const struct gql_directive *deprecated = gql_directive_named(input->written->directives, "deprecated");
    if (input->deprecation != NULL && deprecated != NULL && gql_input_is_required(input))
        gql_refuse(check, "DeprecatedRequiredInputs", GQL_AT(deprecated->at, input->written->type->at),
                   "Required %s %s%s cannot be deprecated.", what, owner, name);
}

/* `owner` is what the arguments are of, as "Query.field" or "@directive". */
static void check_arguments(struct gql_check *check, const struct gql_input *arguments, uint32_t count,
                            const char *owner)
{
    char type[REF_TEXT_SIZE], name[REF_TEXT_SIZE];

    for (uint32_t i = 0; i < count; i++) {
        const struct gql_input *argument = &arguments[i];
        check_name(check, argument->name, argument->at);
        if ((argument->ref->type->kind & GQL_INPUT) == 0) {
            gql_ref_print(argument->ref, type, sizeof(type));
            gql_refuse(check, "InputTypes", GQL_AT(argument->written->type->at),
                       "The type of %s(%s:) must be Input Type but got: %s.", owner, argument->name, type);
        }
        snprintf(name, sizeof(name), "(%s:)", argument->name);
        check_deprecated(check, argument, "argument", owner, name);
    }
}

static void check_directives(const struct gql_schema *schema, struct gql_check *check)
{
    char owner[REF_TEXT_SIZE];

    for (const struct gql_directive_type *one = schema->directives; one < schema->directives + schema->directive_count;
         one++) {
        check_name(check, one->name, one->at);
        snprintf(owner, sizeof(owner), "@%s", one->name);
        check_arguments(check, one->arguments, one->argument_count, owner);
    }
}

/* --- Interfaces --- */

static void check_implemented_arguments(struct gql_check *check, const struct gql_type *type,
                                        const struct gql_field_type *field, const struct gql_type *interface,
                                        const struct gql_field_type *wanted)
{
    char want[REF_TEXT_SIZE], have[REF_TEXT_SIZE];

    for (uint32_t i = 0; i < wanted->argument_count; i++) {
        const struct gql_input *argument = &wanted->arguments[i], *given = gql_field_argument(field, argument->name);
        if (given == NULL) {
            gql_refuse(check, "InterfaceImplementation", GQL_AT(argument->at, field->at),
                       "Interface field argument %s.%s(%s:) expected but %s.%s does not provide it.", interface->name,
                       wanted->name, argument->name, type->name, field->name);
        } else if (!gql_ref_equal(argument->ref, given->ref)) {
            gql_ref_print(argument->ref, want, sizeof(want));
            gql_ref_print(given->ref, have, sizeof(have));
            gql_refuse(check, "InterfaceImplementation", GQL_AT(argument->written->type->at, given->written->type->at),
                       "Interface field argument %s.%s(%s:) expects type %s but %s.%s(%s:) is type %s.",
                       interface->name, wanted->name, argument->name, want, type->name, field->name, argument->name,
                       have);
        }
    }
    for (uint32_t i = 0; i < field->argument_count; i++) {
        const struct gql_input *argument = &field->arguments[i];
        if (gql_input_is_required(argument) && gql_field_argument(wanted, argument->name) == NULL)
            gql_refuse(check, "InterfaceImplementation", GQL_AT(argument->at, wanted->at),
                       "Field %s.%s includes required argument %s that is missing from the Interface field %s.%s.",
                       type->name, field->name, argument->name, interface->name, wanted->name);
    }
}

static void check_implemented_field(const struct gql_schema *schema, struct gql_check *check,
                                    const struct gql_type *type, const struct gql_type *interface,
                                    const struct gql_field_type *wanted)
{
    char want[REF_TEXT_SIZE], have[REF_TEXT_SIZE];
    const struct gql_field_type *field = gql_type_field(type, wanted->name);

    if (field == NULL) {
        gql_refuse(check, "InterfaceImplementation", GQL_AT(wanted->at, type->at),
                   "Interface field %s.%s expected but %s does not provide it.", interface->name, wanted->name,
                   type->name);
        return;
    }
    if (!gql_ref_is_sub(schema, field->ref, wanted->ref)) {
        gql_ref_print(wanted->ref, want, sizeof(want));
        gql_ref_print(field->ref, have, sizeof(have));
        gql_refuse(check, "InterfaceImplementation", GQL_AT(wanted->written->type->at, field->written->type->at),
                   "Interface field %s.%s expects type %s but %s.%s is type %s.", interface->name, wanted->name, want,
                   type->name, field->name, have);
    }
    if (field->deprecation != NULL && wanted->deprecation == NULL)
        gql_refuse(check, "InterfaceImplementation", GQL_AT(field->at, wanted->at),
                   "Field %s.%s must not be deprecated, because the Interface field %s.%s is not.", type->name,
                   field->name, interface->name, wanted->name);
    check_implemented_arguments(check, type, field, interface, wanted);
}

/* Where `type` says for the nth time, from 0 on, that it implements `interface`. */
static uint32_t implements_at(const struct gql_type *type, const struct gql_type *interface, uint32_t nth)
{
    for (uint32_t i = 0; i < type->part_count; i++)
        for (const struct gql_named *one = type->parts[i]->interfaces; one != NULL; one = one->next)
            if (strcmp(one->name.text, interface->name) == 0 && nth-- == 0)
                return one->name.at;
    return 0;
}

static bool declares(const struct gql_type *type, const struct gql_type *interface)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i] == interface)
            return true;
    return false;
}

static void check_ancestors(struct gql_check *check, const struct gql_type *type, const struct gql_type *interface)
{
    for (uint32_t i = 0; i < interface->interface_count; i++) {
        const struct gql_type *ancestor = interface->interfaces[i];
        uint32_t there = implements_at(interface, ancestor, 0), here = implements_at(type, interface, 0);
        if (declares(type, ancestor))
            continue;
        if (ancestor == type)
            gql_refuse(check, "InterfaceImplementation", GQL_AT(there, here),
                       "Type %s cannot implement %s because it would create a circular reference.", type->name,
                       interface->name);
        else
            gql_refuse(check, "InterfaceImplementation", GQL_AT(there, here),
                       "Type %s must implement %s because it is implemented by %s.", type->name, ancestor->name,
                       interface->name);
    }
}

static void check_interfaces(const struct gql_schema *schema, struct gql_check *check, const struct gql_type *type)
{
    struct gql_names *seen = gql_names_new(&check->arena, type->interface_count);

    for (uint32_t i = 0; i < type->interface_count; i++) {
        const struct gql_type *interface = type->interfaces[i];
        uint32_t at = implements_at(type, interface, 0);
        if (interface->kind != GQL_INTERFACE) {
            gql_refuse(check, "InterfaceImplementation", GQL_AT(at),
                       "Type %s must only implement Interface types, it cannot implement %s.", type->name,
                       interface->name);
        } else if (interface == type) {
            gql_refuse(check, "InterfaceImplementation", GQL_AT(at),
                       "Type %s cannot implement itself because it would create a circular reference.", type->name);
        } else if (gql_names_add(seen, interface->name, i) != i) {
            gql_refuse(check, "InterfaceImplementation", GQL_AT(at, implements_at(type, interface, 1)),
                       "Type %s can only implement %s once.", type->name, interface->name);
        } else {
            check_ancestors(check, type, interface);
            for (uint32_t k = 0; k < interface->field_count; k++)
                check_implemented_field(schema, check, type, interface, &interface->fields[k]);
        }
    }
}

/* --- Kinds of types --- */

static void check_fields(struct gql_check *check, const struct gql_type *type)
{
    char text[REF_TEXT_SIZE], owner[2 * REF_TEXT_SIZE];

    if (type->field_count == 0)
        gql_refuse(check, "NonEmptyTypes", GQL_AT(type->at), "Type %s must define one or more fields.", type->name);
    for (const struct gql_field_type *one = type->fields; one < type->fields + type->field_count; one++) {
        check_name(check, one->name, one->at);
        if (one->ref->type->kind == GQL_INPUT_OBJECT) {
            gql_ref_print(one->ref, text, sizeof(text));
            gql_refuse(check, "OutputTypes", GQL_AT(one->written->type->at),
                       "The type of %s.%s must be Output Type but got: %s.", type->name, one->name, text);
        }
        snprintf(owner, sizeof(owner), "%s.%s", type->name, one->name);
        check_arguments(check, one->arguments, one->argument_count, owner);
    }
}

/* Where the nth member is written, from 0 on. */
static uint32_t member_at(const struct gql_type *type, uint32_t nth)
{
    for (uint32_t i = 0; i < type->part_count; i++)
        for (const struct gql_named *one = type->parts[i]->members; one != NULL; one = one->next)
            if (nth-- == 0)
                return one->name.at;
    return type->at;
}

static void check_union(struct gql_check *check, const struct gql_type *type)
{
    struct gql_names *seen = gql_names_new(&check->arena, type->possible_count);

    if (type->possible_count == 0)
        gql_refuse(check, "NonEmptyTypes", GQL_AT(type->at), "Union type %s must define one or more member types.",
                   type->name);
    for (uint32_t i = 0; i < type->possible_count; i++) {
        const struct gql_type *member = type->possible[i];
        uint32_t first = gql_names_add(seen, member->name, i);
        if (first != i)
            gql_refuse(check, "UnionMembers", GQL_AT(member_at(type, first), member_at(type, i)),
                       "Union type %s can only include type %s once.", type->name, member->name);
        else if (member->kind != GQL_OBJECT)
            gql_refuse(check, "UnionMembers", GQL_AT(member_at(type, i)),
                       "Union type %s can only include Object types, it cannot include %s.", type->name, member->name);
    }
}

static void check_enum(struct gql_check *check, const struct gql_type *type)
{
    if (type->value_count == 0)
        gql_refuse(check, "NonEmptyTypes", GQL_AT(type->at), "Enum type %s must define one or more values.",
                   type->name);
    for (uint32_t i = 0; i < type->value_count; i++)
        check_name(check, type->values[i].name, type->values[i].at);
}

static void check_input_object(struct gql_check *check, const struct gql_type *type)
{
    char text[REF_TEXT_SIZE];

    if (type->input_count == 0)
        gql_refuse(check, "NonEmptyTypes", GQL_AT(type->at), "Input Object type %s must define one or more fields.",
                   type->name);
    for (const struct gql_input *one = type->inputs; one < type->inputs + type->input_count; one++) {
        check_name(check, one->name, one->at);
        if ((one->ref->type->kind & GQL_INPUT) == 0) {
            gql_ref_print(one->ref, text, sizeof(text));
            gql_refuse(check, "InputTypes", GQL_AT(one->written->type->at),
                       "The type of %s.%s must be Input Type but got: %s.", type->name, one->name, text);
        }
        snprintf(text, sizeof(text), ".%s", one->name);
        check_deprecated(check, one, "input field", type->name, text);
        if (type->is_one_of && one->ref->kind == GQL_REF_NON_NULL)
            gql_refuse(check, "OneOfFields", GQL_AT(one->written->type->at),
                       "OneOf input field %s.%s must be nullable.", type->name, one->name);
        if (type->is_one_of && one->default_value != NULL)
            gql_refuse(check, "OneOfFields", GQL_AT(one->at), "OneOf input field %s.%s cannot have a default value.",
                       type->name, one->name);
    }
}

void gql_check_types(const struct gql_schema *schema, struct gql_check *check)
{
    check_roots(schema, check);
    check_directives(schema, check);
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct gql_type *type = schema->types[i];
        if (type->is_builtin)
            continue;
        check_name(check, type->name, type->at);
        switch (type->kind) {
        case GQL_OBJECT:
        case GQL_INTERFACE:
            check_fields(check, type);
            check_interfaces(schema, check, type);
            break;
        case GQL_UNION: check_union(check, type); break;
        case GQL_ENUM: check_enum(check, type); break;
        case GQL_INPUT_OBJECT: check_input_object(check, type); break;
        default: break; /* a scalar */
        }
    }
}
