/* coerce_variables.c - from the JSON that comes with a request to the variables of its operation: CoerceVariableValues
 * of the specification (6.1.2). All that is wrong is told, in the order of the definitions. */
#include "common/graphql/coerce.h"
#include "common/graphql/json_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_TEXT_SIZE = 256, PATH_TEXT_SIZE = 256, DEPTH_MAX = 1000 };

/* Where in a variable: the innermost step, and those around it. */
struct step {
    const struct step *parent;
    const char *name; /* NULL: an index */
    size_t index;
    size_t depth;
};

struct variable {
    const struct gql_ast *ast;
    const struct gql_variable_definition *definition;
    size_t items_max; /* 0: no limit */
    size_t depth_max;
    struct gql_errors *errors;
};

static json_t *coerce(const struct variable *variable, const json_t *value, const struct gql_ref *ref,
                      const struct step *path);

static struct step member_step(const struct step *parent, const char *name)
{
    return (struct step){ .parent = parent, .name = name, .depth = parent ? parent->depth + 1 : 1 };
}

static struct step item_step(const struct step *parent, size_t index)
{
    return (struct step){ .parent = parent, .index = index, .depth = parent ? parent->depth + 1 : 1 };
}

/* --- Errors --- */

static size_t print_path(const struct step *path, char *out, size_t size)
{
    size_t length = path->parent ? print_path(path->parent, out, size) : 0;
    int added = path->name ? snprintf(out + length, size - length, ".%s", path->name)
                           : snprintf(out + length, size - length, "[%zu]", path->index);

    return length + (size_t)added < size ? length + (size_t)added : size - 1;
}

__attribute__((format(printf, 4, 5))) static void refuse(const struct variable *variable, const json_t *value,
                                                         const struct step *path, const char *format, ...)
{
    const char *name = variable->definition->name.text;
    char quoted[GQL_MESSAGE_SIZE], why[GQL_MESSAGE_SIZE], place[PATH_TEXT_SIZE] = "";
    struct gql_error *error;
    va_list arguments;

    gql_inspect(value, quoted, sizeof(quoted));
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    if (path)
        print_path(path, place, sizeof(place));
    error = path ? gql_errors_add(variable->errors, NULL, "Variable \"$%s\" got invalid value %s at \"%s%s\"; %s", name,
                                  quoted, name, place, why)
                 : gql_errors_add(variable->errors, NULL, "Variable \"$%s\" got invalid value %s; %s", name, quoted,
                                  why);
    gql_error_at(error, variable->ast->text, variable->definition->at);
}

/* --- Leaves --- */

static bool is_integral(const json_t *value)
{
    return json_is_integer(value) || (json_is_real(value) && trunc(json_real_value(value)) == json_real_value(value));
}

static json_t *coerce_int(const struct variable *variable, const json_t *value, const struct step *path)
{
    double number = json_number_value(value);
    char quoted[GQL_MESSAGE_SIZE];

    if (is_integral(value) && number >= INT32_MIN && number <= INT32_MAX)
        return json_integer((json_int_t)number);
    gql_inspect(value, quoted, sizeof(quoted));
    refuse(variable, value, path, "Int cannot represent %s value: %s",
           is_integral(value) ? "non 32-bit signed integer" : "non-integer", quoted);
    return NULL;
}

static json_t *id_of_number(const json_t *number)
{
    struct gql_text text = { 0 };
    json_t *id;

    gql_text_json(&text, number);
    id = json_stringn_nocheck(text.bytes, text.size);
    free(text.bytes);
    return id;
}

static json_t *share(const json_t *value)
{
    return json_incref((json_t *)(uintptr_t)value);
}

static json_t *refuse_scalar(const struct variable *variable, const json_t *value, const struct step *path,
                             const char *why)
{
    char quoted[GQL_MESSAGE_SIZE];

    gql_inspect(value, quoted, sizeof(quoted));
    refuse(variable, value, path, "%s: %s", why, quoted);
    return NULL;
}

static json_t *coerce_scalar(const struct variable *variable, const json_t *value, const struct gql_type *type,
                             const struct step *path)
{
    switch (type->scalar) {
    case GQL_CUSTOM: return share(value);
    case GQL_INT: return coerce_int(variable, value, path);
    case GQL_FLOAT:
        return json_is_number(value) ? share(value)
                                     : refuse_scalar(variable, value, path, "Float cannot represent non numeric value");
    case GQL_STRING:
        return json_is_string(value)
                   ? share(value)
                   : refuse_scalar(variable, value, path, "String cannot represent a non string value");
    case GQL_BOOLEAN:
        return json_is_boolean(value)
                   ? share(value)
                   : refuse_scalar(variable, value, path, "Boolean cannot represent a non boolean value");
    case GQL_ID:
        if (is_integral(value))
            return id_of_number(value);
        return json_is_string(value) ? share(value) : refuse_scalar(variable, value, path, "ID cannot represent value");
    }
    return NULL;
}

static json_t *coerce_enum(const struct variable *variable, const json_t *value, const struct gql_type *type,
                           const struct step *path)
{
    const char *name = json_string_value(value);
    char quoted[GQL_MESSAGE_SIZE];

    if (name && strlen(name) == json_string_length(value) && gql_type_value(type, name))
        return share(value);
    gql_inspect(value, quoted, sizeof(quoted));
    if (name)
        refuse(variable, value, path, "Value %s does not exist in \"%s\" enum.", quoted, type->name);
    else
        refuse(variable, value, path, "Enum \"%s\" cannot represent non-string value: %s.", type->name, quoted);
    return NULL;
}

/* --- Input objects --- */

static bool coerce_field(const struct variable *variable, const json_t *object, const struct gql_input *input,
                         const struct step *parent, json_t *out)
{
    const json_t *given = json_object_get(object, input->name);
    const struct step path = member_step(parent, input->name);
    char type[TYPE_TEXT_SIZE];

    if (given)
        return json_object_set_new_nocheck(out, input->name, coerce(variable, given, input->ref, &path)) == 0;
    if (input->default_json)
        return json_object_set_nocheck(out, input->name, input->default_json) == 0;
    if (input->ref->kind != GQL_REF_NON_NULL)
        return true;
    gql_ref_print(input->ref, type, sizeof(type));
    refuse(variable, object, parent, "Field \"%s\" of required type \"%s\" was not provided.", input->name, type);
    return false;
}

static bool check_unknown(const struct variable *variable, const json_t *value, const struct gql_type *type,
                          const struct step *path)
{
    json_t *object = (json_t *)(uintptr_t)value; /* jansson's iterators do not know const */
    bool fits = true;

    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);

        if (gql_type_input(type, name) && strlen(name) == json_object_iter_key_len(at))
            continue;
        refuse(variable, value, path, "Field \"%s\" is not defined by type \"%s\".", name, type->name);
        fits = false;
    }
    return fits;
}

/* Of the members that were given and those with defaults exactly one, and it is not null. */
static bool check_one_of(const struct variable *variable, const json_t *value, const struct gql_type *type,
                         const struct step *parent)
{
    const struct gql_input *first = NULL;
    size_t count = 0;
    bool fits = true;

    for (uint32_t i = 0; i < type->input_count; i++) {
        if (!json_object_get(value, type->inputs[i].name))
            continue;
        first = first ? first : &type->inputs[i];
        count++;
    }
    if (count != 1) {
        refuse(variable, value, parent, "Exactly one key must be specified for OneOf type \"%s\".", type->name);
        fits = false;
    }
    if (first && json_is_null(json_object_get(value, first->name))) {
        const struct step path = member_step(parent, first->name);

        refuse(variable, json_null(), &path, "Field \"%s\" must be non-null.", first->name);
        fits = false;
    }
    return fits;
}

static json_t *coerce_object(const struct variable *variable, const json_t *value, const struct gql_type *type,
                             const struct step *path)
{
    json_t *object;
    size_t known = 0;
    bool fits = true;

    if (!json_is_object(value)) {
        refuse(variable, value, path, "Expected type \"%s\" to be an object.", type->name);
        return NULL;
    }
    object = json_object();
    for (uint32_t i = 0; i < type->input_count; i++) {
        known += json_object_get(value, type->inputs[i].name) != NULL;
        fits = coerce_field(variable, value, &type->inputs[i], path, object) && fits;
    }
    if (known != json_object_size(value))
        fits = check_unknown(variable, value, type, path) && fits;
    if (type->is_one_of)
        fits = check_one_of(variable, value, type, path) && fits;
    if (fits)
        return object;
    json_decref(object);
    return NULL;
}

/* --- Lists, and everything --- */

static json_t *coerce_list(const struct variable *variable, const json_t *value, const struct gql_ref *of,
                           const struct step *parent)
{
    size_t count = json_array_size(value);
    json_t *list;
    bool fits = true;

    if (!json_is_array(value))
        return gql_list_of_one(coerce(variable, value, of, parent));
    if (variable->items_max != 0 && count > variable->items_max) {
        refuse(variable, value, parent, "A list of %zu items is longer than the limit of %zu.", count,
               variable->items_max);
        return NULL;
    }
    list = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct step path = item_step(parent, i);

        fits = json_array_append_new(list, coerce(variable, json_array_get(value, i), of, &path)) == 0 && fits;
    }
    if (fits)
        return list;
    json_decref(list);
    return NULL;
}

static bool is_too_deep(const struct variable *variable, const json_t *value, const struct step *path)
{
    if (!path || path->depth <= variable->depth_max)
        return false;
    refuse(variable, value, path, "Values within each other are deeper than the limit of %zu.", variable->depth_max);
    return true;
}

static json_t *coerce(const struct variable *variable, const json_t *value, const struct gql_ref *ref,
                      const struct step *path)
{
    char type[TYPE_TEXT_SIZE];

    if (is_too_deep(variable, value, path))
        return NULL;
    if (ref->kind == GQL_REF_NON_NULL) {
        if (json_is_null(value)) {
            gql_ref_print(ref, type, sizeof(type));
            refuse(variable, value, path, "Expected non-nullable type \"%s\" not to be null.", type);
            return NULL;
        }
        ref = ref->of;
    }
    if (json_is_null(value))
        return json_null();
    if (ref->kind == GQL_REF_LIST)
        return coerce_list(variable, value, ref->of, path);
    switch (ref->type->kind) {
    case GQL_INPUT_OBJECT: return coerce_object(variable, value, ref->type, path);
    case GQL_ENUM: return coerce_enum(variable, value, ref->type, path);
    case GQL_SCALAR: return coerce_scalar(variable, value, ref->type, path);
    default: return NULL; /* no input type; validation has said so */
    }
}

/* --- Variables --- */

/* A value was given, or it is missing and there is an error. */
static bool is_usable(const struct variable *variable, const json_t *given, const struct gql_ref *ref)
{
    const char *name = variable->definition->name.text;
    char type[TYPE_TEXT_SIZE];
    struct gql_error *error;

    if (given && !(json_is_null(given) && ref->kind == GQL_REF_NON_NULL))
        return true;
    gql_ref_print(ref, type, sizeof(type));
    if (given)
        error = gql_errors_add(variable->errors, NULL, "Variable \"$%s\" of non-null type \"%s\" must not be null.",
                               name, type);
    else
        error = gql_errors_add(variable->errors, NULL, "Variable \"$%s\" of required type \"%s\" was not provided.",
                               name, type);
    gql_error_at(error, variable->ast->text, variable->definition->at);
    return false;
}

/* Validation lets pass what no JSON can hold: 1e999. */
static bool use_default(const struct variable *variable, const struct gql_ref *ref, json_t *variables)
{
    const char *name = variable->definition->name.text;
    const struct gql_value *written = variable->definition->default_value;
    json_t *coerced = gql_coerce_literal(written, ref, NULL);

    if (coerced)
        return json_object_set_new_nocheck(variables, name, coerced) == 0;
    gql_error_at(gql_errors_add(variable->errors, NULL, "The default value of variable \"$%s\" does not fit its type.",
                                name),
                 variable->ast->text, written->at);
    return false;
}

/* False: there is an error. */
static bool coerce_variable(const struct variable *variable, const struct gql_ref *ref, const json_t *given,
                            json_t *variables)
{
    const char *name = variable->definition->name.text;
    const json_t *value = json_object_get(given, name);

    if (!value && variable->definition->default_value)
        return use_default(variable, ref, variables);
    if (!value && ref->kind != GQL_REF_NON_NULL)
        return true;
    if (!is_usable(variable, value, ref))
        return false;
    return json_object_set_new_nocheck(variables, name, coerce(variable, value, ref, NULL)) == 0;
}

json_t *gql_coerce_variables(const struct gql_schema *schema, const struct gql_ast *ast,
                             const struct gql_definition *operation, const json_t *given,
                             const struct gql_limits *limits, struct gql_errors *errors)
{
    struct gql_arena arena = { 0 }; /* of the variables' types */
    struct variable variable = {
        .ast = ast, .items_max = limits->items, .depth_max = limits->depth ? limits->depth : DEPTH_MAX, .errors = errors
    };
    json_t *variables = json_object();
    bool fits = true;

    for (variable.definition = operation->variables; variable.definition;
         variable.definition = variable.definition->next) {
        const struct gql_ref *ref = gql_schema_ref(schema, &arena, variable.definition->type);

        fits = ref && coerce_variable(&variable, ref, given, variables) && fits;
    }
    gql_arena_release(&arena);
    if (fits)
        return variables;
    json_decref(variables);
    return NULL;
}
