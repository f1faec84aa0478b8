/* Values: ValuesOfCorrectType, UniqueInputFieldNames. */
#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

/* What is expected where a value stands. */
struct expected {
    const struct gql_ref *ref;    /* NULL: unknown */
    const struct gql_ref *around; /* of the list or object that it is in; NULL: unknown or none */
    bool has_default;
    bool is_unchecked; /* within a value that is wrong as a whole, or that any literal may be in */
};

static void check_value(struct validation *v, const struct gql_value *value, struct expected expected);

/* --- ValuesOfCorrectType: leaves --- */

static const char *kind_text(const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_VALUE_LIST: return "a list";
    case GQL_VALUE_OBJECT: return "an object";
    case GQL_VALUE_NULL: return "null";
    case GQL_VALUE_BOOLEAN: return value->is_true ? "true" : "false";
    case GQL_VALUE_VARIABLE: return "a variable";
    case GQL_VALUE_STRING: return value->is_block ? "a block string" : "a string";
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT:
    case GQL_VALUE_ENUM: return value->text;
    }
    return "";
}

static bool is_int32(const struct gql_value *value)
{
    long long number;

    if (value->size > sizeof("-2147483648") - 1)
        return false; /* numbers are written without leading zeros */
    number = strtoll(value->text, NULL, 10);
    return number >= INT32_MIN && number <= INT32_MAX;
}

/* Does a literal that is no list, object, null or variable fit? */
static bool is_scalar_literal(enum gql_scalar scalar, const struct gql_value *value)
{
    switch (scalar) {
    case GQL_CUSTOM: return true;
    case GQL_INT: return value->kind == GQL_VALUE_INT && is_int32(value);
    case GQL_FLOAT: return value->kind == GQL_VALUE_INT || value->kind == GQL_VALUE_FLOAT;
    case GQL_STRING: return value->kind == GQL_VALUE_STRING;
    case GQL_BOOLEAN: return value->kind == GQL_VALUE_BOOLEAN;
    case GQL_ID: return value->kind == GQL_VALUE_STRING || value->kind == GQL_VALUE_INT;
    }
    return false;
}

static void report_value(struct validation *v, const struct gql_value *value, const struct gql_ref *ref)
{
    validate_at(v,
                gql_errors_add(v->errors, "ValuesOfCorrectType", "Expected value of type \"%s\", found %s.",
                               validate_ref_text(ref).text, kind_text(value)),
                value->at);
}

static void report_enum(struct validation *v, const struct gql_value *value, const struct gql_type *type)
{
    struct suggestion suggestion = suggestion_for(value->text);

    if (validate_is_full(v))
        return;
    for (uint32_t i = 0; i < type->value_count; i++)
        suggestion_try(&suggestion, type->values[i].name);
    validate_at(v,
                gql_errors_add(v->errors, "ValuesOfCorrectType", "Value \"%s\" does not exist in \"%s\" enum.%s",
                               value->text, type->name, suggestion_text(&suggestion)),
                value->at);
}

static void report_int(struct validation *v, const struct gql_value *value)
{
    validate_at(v,
                gql_errors_add(v->errors, "ValuesOfCorrectType",
                               "Int cannot represent non 32-bit signed integer value: %s", value->text),
                value->at);
}

/* Any literal but null and variables; a list or object where none is expected. */
static void leaf_value(struct validation *v, const struct gql_value *value, const struct gql_ref *ref)
{
    const struct gql_type *type;

    if (ref == NULL || ref->type == NULL) /* an unknown type is reported where it is named */
        return;
    type = ref->type;
    if (type->kind == GQL_SCALAR) {
        if (is_scalar_literal(type->scalar, value))
            return;
        if (type->scalar == GQL_INT && value->kind == GQL_VALUE_INT)
            report_int(v, value);
        else
            report_value(v, value, ref);
    } else if (type->kind == GQL_ENUM && value->kind == GQL_VALUE_ENUM) {
        if (gql_type_value(type, value->text) == NULL)
            report_enum(v, value, type);
    } else {
        report_value(v, value, ref);
    }
}

/* --- UniqueInputFieldNames --- */

/* Returns how many different names there are. */
static uint32_t unique_input_field_names(struct validation *v, const struct gql_value *object)
{
    const struct gql_name *const *names;
    uint32_t count, distinct = 0;
    const uint32_t *first = validate_first_of_member(v, object->members, &names, &count);

    if (first == NULL)
        return count;
    for (uint32_t i = 0; i < count; i++) {
        struct gql_error *error;

        if (first[i] == i) {
            distinct++;
            continue;
        }
        error = gql_errors_add(v->errors, "UniqueInputFieldNames", "There can be only one input field named \"%s\".",
                               names[i]->text);
        validate_at(v, error, names[first[i]]->at);
        validate_at(v, error, names[i]->at);
    }
    return distinct;
}

/* --- ValuesOfCorrectType: input objects --- */

/* One bit for each field of an input object. */
struct given {
    uint64_t few;
    uint64_t *bits;
};

static void report_unknown_field(struct validation *v, const struct gql_member *member, const struct gql_type *type)
{
    struct suggestion suggestion = suggestion_for(member->name.text);

    if (validate_is_full(v))
        return;
    for (uint32_t i = 0; i < type->input_count; i++)
        suggestion_try(&suggestion, type->inputs[i].name);
    validate_at(v,
                gql_errors_add(v->errors, "ValuesOfCorrectType", "Field \"%s\" is not defined by type \"%s\".%s",
                               member->name.text, type->name, suggestion_text(&suggestion)),
                member->name.at);
}

static void required_fields(struct validation *v, const struct gql_value *object, const struct gql_type *type,
                            const uint64_t *given)
{
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_input *input = &type->inputs[i];

        if ((given[i / 64] >> (i % 64) & 1) != 0 || !gql_input_is_required(input))
            continue;
        validate_at(v,
                    gql_errors_add(v->errors, "ValuesOfCorrectType",
                                   "Field \"%s.%s\" of required type \"%s\" was not provided.", type->name, input->name,
                                   validate_ref_text(input->ref).text),
                    object->at);
    }
}

static void one_of_fields(struct validation *v, const struct gql_value *object, const struct gql_type *type,
                          uint32_t distinct)
{
    const struct gql_member *last = object->members;

    if (distinct != 1) {
        validate_at(v,
                    gql_errors_add(v->errors, "ValuesOfCorrectType",
                                   "OneOf Input Object \"%s\" must specify exactly one key.", type->name),
                    object->at);
        return;
    }
    while (last != NULL && last->next != NULL)
        last = last->next;
    if (last != NULL && last->value->kind == GQL_VALUE_NULL)
        validate_at(v,
                    gql_errors_add(v->errors, "ValuesOfCorrectType", "Field \"%s.%s\" must be non-null.", type->name,
                                   last->name.text),
                    object->at);
}

static void check_object(struct validation *v, const struct gql_value *object, struct expected expected)
{
    const struct gql_type *named = expected.ref == NULL ? NULL : expected.ref->type;
    const struct gql_type *type = named != NULL && named->kind == GQL_INPUT_OBJECT ? named : NULL;
    uint32_t distinct = unique_input_field_names(v, object);
    struct given given = { 0 };

    if (type == NULL && !expected.is_unchecked) {
        leaf_value(v, object, expected.ref);
        expected.is_unchecked = true;
    }
    given.bits = type == NULL || type->input_count <= 64
                     ? &given.few
                     : gql_alloc(&v->arena, (type->input_count + 63) / 64 * sizeof(uint64_t));
    for (const struct gql_member *member = object->members; member != NULL; member = member->next) {
        const struct gql_input *input = type == NULL ? NULL : gql_type_input(type, member->name.text);
        struct expected inside = { .around = expected.ref, .is_unchecked = expected.is_unchecked };

        if (input != NULL) {
            size_t i = (size_t)(input - type->inputs);

            given.bits[i / 64] |= UINT64_C(1) << (i % 64);
            inside.ref = input->ref;
            inside.has_default = input->default_json != NULL;
        } else if (type != NULL && !expected.is_unchecked) {
            report_unknown_field(v, member, type);
        }
        check_value(v, member->value, inside);
    }
    if (type != NULL && !expected.is_unchecked) {
        required_fields(v, object, type, given.bits);
        if (type->is_one_of)
            one_of_fields(v, object, type, distinct);
    }
}

/* --- All values --- */

static void check_list(struct validation *v, const struct gql_value *list, struct expected expected)
{
    const struct gql_ref *ref = expected.ref;
    bool is_list;

    if (ref != NULL && ref->kind == GQL_REF_NON_NULL)
        ref = ref->of;
    is_list = ref != NULL && ref->kind == GQL_REF_LIST;
    if (!is_list && !expected.is_unchecked) {
        leaf_value(v, list, ref);
        expected.is_unchecked = true;
    }
    for (const struct gql_value *item = list->items; item != NULL; item = item->next)
        check_value(v, item,
                    (struct expected){ .ref = is_list ? ref->of : ref,
                                       .around = expected.ref,
                                       .is_unchecked = expected.is_unchecked });
}

/* A OneOf input object counts as such where it may be null, as in graphql-js; elsewhere executing it checks the field. */
static const struct gql_type *one_of(const struct gql_ref *ref)
{
    return ref != NULL && ref->kind == GQL_REF_NAMED && ref->type != NULL && ref->type->is_one_of ? ref->type : NULL;
}

static void check_value(struct validation *v, const struct gql_value *value, struct expected expected)
{
    switch (value->kind) {
    case GQL_VALUE_VARIABLE:
        validate_note_usage(v, (struct usage){ .value = value,
                                               .ref = expected.ref,
                                               .one_of = one_of(expected.around),
                                               .has_default = expected.has_default });
        break;
    case GQL_VALUE_LIST: check_list(v, value, expected); break;
    case GQL_VALUE_OBJECT: check_object(v, value, expected); break;
    case GQL_VALUE_NULL:
        if (!expected.is_unchecked && expected.ref != NULL && expected.ref->kind == GQL_REF_NON_NULL)
            report_value(v, value, expected.ref);
        break;
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT:
    case GQL_VALUE_STRING:
    case GQL_VALUE_BOOLEAN:
    case GQL_VALUE_ENUM:
        if (!expected.is_unchecked)
            leaf_value(v, value, expected.ref);
        break;
    }
}

void validate_value(struct validation *v, const struct gql_value *value, const struct gql_ref *ref, bool has_default)
{
    check_value(v, value, (struct expected){ .ref = ref, .has_default = has_default });
}
