/* coerce_literal.c - from a literal, as it is written in a document, to the JSON that a resolver gets. */
#include "common/graphql/coerce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *coerce(const json_t *variables, const struct gql_value *value, const struct gql_ref *ref);

/* A number's text ends where strtod stops, be it a copy or a part of the document. NULL: it is beyond a double. */
static json_t *coerce_real(const struct gql_value *value)
{
    return json_real(strtod(value->text, NULL));
}

static json_t *coerce_integer(const struct gql_value *value, long long min, long long max)
{
    long long number;

    errno = 0;
    number = strtoll(value->text, NULL, 10);
    return errno == 0 && number >= min && number <= max ? json_integer(number) : NULL;
}

/* An integer where it fits into one, a real otherwise. */
static json_t *coerce_number(const struct gql_value *value)
{
    json_t *integer = value->kind == GQL_VALUE_INT ? coerce_integer(value, INT64_MIN, INT64_MAX) : NULL;

    return integer ? integer : coerce_real(value);
}

static const json_t *variable_value(const json_t *variables, const struct gql_value *value)
{
    return variables ? json_object_getn(variables, value->text, value->size) : NULL;
}

static bool is_missing_variable(const json_t *variables, const struct gql_value *value)
{
    return value->kind == GQL_VALUE_VARIABLE && !variable_value(variables, value);
}

static json_t *share(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

/* --- Custom scalars: the JSON that the literal looks like --- */

static json_t *coerce_untyped(const json_t *variables, const struct gql_value *value);

static json_t *untyped_list(const json_t *variables, const struct gql_value *value)
{
    json_t *list = json_array();

    for (const struct gql_value *item = value->items; item; item = item->next) {
        json_t *coerced = is_missing_variable(variables, item) ? json_null() : coerce_untyped(variables, item);

        if (json_array_append_new(list, coerced) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *untyped_object(const json_t *variables, const struct gql_value *value)
{
    json_t *object = json_object();

    for (const struct gql_member *member = value->members; member; member = member->next) {
        if (is_missing_variable(variables, member->value))
            continue;
        if (json_object_set_new_nocheck(object, member->name.text, coerce_untyped(variables, member->value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *coerce_untyped(const json_t *variables, const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_VALUE_VARIABLE: return share(variable_value(variables, value));
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT: return coerce_number(value);
    case GQL_VALUE_STRING:
    case GQL_VALUE_ENUM: return json_stringn_nocheck(value->text, value->size);
    case GQL_VALUE_BOOLEAN: return json_boolean(value->is_true);
    case GQL_VALUE_NULL: return json_null();
    case GQL_VALUE_LIST: return untyped_list(variables, value);
    case GQL_VALUE_OBJECT: return untyped_object(variables, value);
    }
    return NULL;
}

/* --- Leaf types --- */

static json_t *coerce_scalar(const json_t *variables, const struct gql_value *value, const struct gql_type *type)
{
    switch (type->scalar) {
    case GQL_CUSTOM: return coerce_untyped(variables, value);
    case GQL_INT: return value->kind == GQL_VALUE_INT ? coerce_integer(value, INT32_MIN, INT32_MAX) : NULL;
    case GQL_FLOAT: return value->kind == GQL_VALUE_INT || value->kind == GQL_VALUE_FLOAT ? coerce_number(value) : NULL;
    case GQL_STRING: return value->kind == GQL_VALUE_STRING ? json_stringn_nocheck(value->text, value->size) : NULL;
    case GQL_BOOLEAN: return value->kind == GQL_VALUE_BOOLEAN ? json_boolean(value->is_true) : NULL;
    case GQL_ID:
        return value->kind == GQL_VALUE_STRING || value->kind == GQL_VALUE_INT
                   ? json_stringn_nocheck(value->text, value->size)
                   : NULL;
    }
    return NULL;
}

static json_t *coerce_enum(const struct gql_value *value, const struct gql_type *type)
{
    if (value->kind != GQL_VALUE_ENUM || !gql_type_value(type, value->text))
        return NULL;
    return json_stringn_nocheck(value->text, value->size);
}

/* --- Input objects --- */

/* `hint` is where the search begins: members are mostly written in the order of the type. */
static const struct gql_member *member_named(const struct gql_value *value, const struct gql_member *hint,
                                             const char *name)
{
    for (const struct gql_member *member = hint; member; member = member->next)
        if (strcmp(member->name.text, name) == 0)
            return member;
    for (const struct gql_member *member = value->members; member != hint; member = member->next)
        if (strcmp(member->name.text, name) == 0)
            return member;
    return NULL;
}

static bool coerce_field(const json_t *variables, const struct gql_input *input, const struct gql_member *member,
                         json_t *object)
{
    json_t *coerced;

    if (!member || is_missing_variable(variables, member->value)) {
        if (!input->default_json)
            return input->ref->kind != GQL_REF_NON_NULL;
        coerced = json_incref(input->default_json);
    } else {
        coerced = coerce(variables, member->value, input->ref);
    }
    return json_object_set_new_nocheck(object, input->name, coerced) == 0;
}

static bool is_one_of(const json_t *object)
{
    return json_object_size(object) == 1 &&
           !json_is_null(json_object_iter_value(json_object_iter((json_t *)(uintptr_t)object)));
}

static json_t *coerce_object(const json_t *variables, const struct gql_value *value, const struct gql_type *type)
{
    json_t *object;
    const struct gql_member *hint = value->members;
    uint32_t found = 0;
    bool fits = value->kind == GQL_VALUE_OBJECT;

    if (!fits)
        return NULL;
    object = json_object();
    for (uint32_t i = 0; i < type->input_count && fits; i++) {
        const struct gql_member *member = member_named(value, hint, type->inputs[i].name);

        if (member) {
            found++;
            hint = member->next ? member->next : value->members;
        }
        fits = coerce_field(variables, &type->inputs[i], member, object);
    }
    /* A member that is left over is unknown, or there twice. */
    if (fits && found == value->count && (!type->is_one_of || is_one_of(object)))
        return object;
    json_decref(object);
    return NULL;
}

/* --- Lists, and everything --- */

json_t *gql_list_of_one(json_t *item)
{
    json_t *list = item ? json_array() : NULL;

    if (list)
        json_array_append_new(list, item);
    return list;
}

static json_t *coerce_list(const json_t *variables, const struct gql_value *value, const struct gql_ref *of)
{
    json_t *list;

    if (value->kind != GQL_VALUE_LIST)
        return gql_list_of_one(coerce(variables, value, of));
    list = json_array();
    for (const struct gql_value *item = value->items; item; item = item->next) {
        bool is_hole = is_missing_variable(variables, item) && of->kind != GQL_REF_NON_NULL;

        if (json_array_append_new(list, is_hole ? json_null() : coerce(variables, item, of)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* A variable has been coerced to its own type, which validation has compared with the place where it stands. */
static json_t *coerce_variable(const json_t *variables, const struct gql_value *value, const struct gql_ref *ref)
{
    const json_t *given = variable_value(variables, value);

    return given && !(json_is_null(given) && ref->kind == GQL_REF_NON_NULL) ? share(given) : NULL;
}

static json_t *coerce(const json_t *variables, const struct gql_value *value, const struct gql_ref *ref)
{
    if (value->kind == GQL_VALUE_VARIABLE)
        return coerce_variable(variables, value, ref);
    if (ref->kind == GQL_REF_NON_NULL) {
        if (value->kind == GQL_VALUE_NULL)
            return NULL;
        ref = ref->of;
    }
    if (value->kind == GQL_VALUE_NULL)
        return json_null();
    if (ref->kind == GQL_REF_LIST)
        return coerce_list(variables, value, ref->of);
    switch (ref->type->kind) {
    case GQL_INPUT_OBJECT: return coerce_object(variables, value, ref->type);
    case GQL_ENUM: return coerce_enum(value, ref->type);
    case GQL_SCALAR: return coerce_scalar(variables, value, ref->type);
    default: return NULL; /* no input type; the schema has said so */
    }
}

json_t *gql_coerce_literal(const struct gql_value *value, const struct gql_ref *ref, const json_t *variables)
{
    return coerce(variables, value, ref);
}
