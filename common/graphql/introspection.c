#include "common/graphql/introspection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/graphql/json_text.h"
#include "common/graphql/parser.h"

/* What leads from a type to others; each may be NULL. In pairs: without what is deprecated, and with it. */
struct lists {
    json_t *fields[2], *inputs[2], *values[2];
    json_t *interfaces, *possible;
};

/* By index of the type. */
struct gql_introspection {
    json_t *schema;
    json_t **types;      /* the type's own value */
    json_t **non_nulls;  /* the non-null type of it, which is by far the most frequent around one */
    struct lists *lists; /* where the type's value finds them */
};

/* The member of a type's value with the place of its lists. Such values are made here alone: types of introspection are
 * refused in a schema's own SDL, so no resolver of anybody else is asked for one. */
static const char lists_member[] = "__type";

/* --- Making values --- */

static void set(json_t *object, const char *name, json_t *value)
{
    if (value == NULL || json_object_set_new(object, name, value) != 0)
        abort(); /* there is no memory: texts are known to be UTF-8 */
}

static void add(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        abort();
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        set(object, name, json_string(text));
}

static void set_deprecation(json_t *object, const char *reason)
{
    set(object, "isDeprecated", json_boolean(reason != NULL));
    set_text(object, "deprecationReason", reason);
}

static const char *kind_name(enum gql_kind kind)
{
    switch (kind) {
    case GQL_SCALAR: return "SCALAR";
    case GQL_OBJECT: return "OBJECT";
    case GQL_INTERFACE: return "INTERFACE";
    case GQL_UNION: return "UNION";
    case GQL_ENUM: return "ENUM";
    case GQL_INPUT_OBJECT: return "INPUT_OBJECT";
    default: abort(); /* several kinds at once: a type is of one */
    }
}

static json_t *type_value(const struct gql_type *type, const struct lists *lists)
{
    json_t *value = json_object();
    set(value, lists_member, json_integer((json_int_t)(intptr_t)lists));
    set(value, "kind", json_string(kind_name(type->kind)));
    set_text(value, "name", type->name);
    set_text(value, "description", type->description);
    set_text(value, "specifiedByURL", type->specified_by);
    if (type->kind == GQL_INPUT_OBJECT)
        set(value, "isOneOf", json_boolean(type->is_one_of));
    return value;
}

static json_t *wrapper_value(const char *kind, json_t *of)
{
    json_t *value = json_object();
    set(value, "kind", json_string(kind));
    set(value, "ofType", of);
    return value;
}

/* Own. Nested no deeper than the parser lets types be. */
static json_t *ref_value(const struct gql_introspection *introspection, const struct gql_ref *ref)
{
    if (ref->kind == GQL_REF_NAMED)
        return json_incref(introspection->types[ref->type->index]);
    if (ref->kind == GQL_REF_LIST)
        return wrapper_value("LIST", ref_value(introspection, ref->of));
    if (ref->of->kind == GQL_REF_NAMED)
        return json_incref(introspection->non_nulls[ref->type->index]);
    return wrapper_value("NON_NULL", ref_value(introspection, ref->of));
}

/* --- Default values --- */

static const struct gql_value *default_value(struct gql_arena *arena, const json_t *json, const struct gql_ref *ref);

static const struct gql_value *default_list(struct gql_arena *arena, const json_t *json, const struct gql_ref *item_ref)
{
    struct gql_value *list = gql_alloc(arena, sizeof(*list));
    const struct gql_value **end = &list->items;
    json_t *one;
    size_t i;

    list->kind = GQL_VALUE_LIST;
    json_array_foreach(json, i, one) {
        struct gql_value *item = gql_alloc(arena, sizeof(*item));
        *item = *default_value(arena, one, item_ref);
        *end = item;
        end = &item->next;
    }
    return list;
}

static const struct gql_member **default_member(struct gql_arena *arena, const struct gql_member **end,
                                                const char *name, const json_t *json, const struct gql_ref *ref)
{
    struct gql_member *member = gql_alloc(arena, sizeof(*member));
    *member = (struct gql_member){ .name = { .text = name }, .value = default_value(arena, json, ref) };
    *end = member;
    return &member->next;
}

/* In the order of the type, or, of a custom scalar, as it comes. */
static const struct gql_value *default_object(struct gql_arena *arena, const json_t *json, const struct gql_ref *ref)
{
    struct gql_value *object = gql_alloc(arena, sizeof(*object));
    const struct gql_member **end = &object->members;
    const char *name;
    json_t *one;

    object->kind = GQL_VALUE_OBJECT;
    if (ref->type->kind != GQL_INPUT_OBJECT) {
        json_object_foreach((json_t *)(uintptr_t)json, name, one)
            end = default_member(arena, end, name, one, ref);
        return object;
    }
    for (uint32_t i = 0; i < ref->type->input_count; i++) {
        const struct gql_input *field = &ref->type->inputs[i];
        one = json_object_get(json, field->name);
        if (one != NULL)
            end = default_member(arena, end, field->name, one, field->ref);
    }
    return object;
}

static bool looks_like_integer(const char *text)
{
    text += *text == '-' ? 1 : 0;
    if (text[0] == '0' && text[1] != '\0')
        return false;
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static struct gql_value *default_leaf(struct gql_arena *arena, const json_t *json, const struct gql_type *type)
{
    struct gql_value *leaf = gql_alloc(arena, sizeof(*leaf));
    char number[GQL_NUMBER_SIZE];

    switch (json_typeof(json)) {
    case JSON_STRING:
        leaf->kind = type->kind == GQL_ENUM                                                  ? GQL_VALUE_ENUM
                     : type->scalar == GQL_ID && looks_like_integer(json_string_value(json)) ? GQL_VALUE_INT
                                                                                             : GQL_VALUE_STRING;
        leaf->text = json_string_value(json);
        leaf->size = json_string_length(json);
        return leaf;
    case JSON_INTEGER:
        leaf->kind = GQL_VALUE_INT;
        leaf->size = (size_t)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        leaf->text = gql_copy(arena, number, leaf->size);
        return leaf;
    case JSON_REAL:
        leaf->kind = GQL_VALUE_FLOAT;
        leaf->size = gql_number_text(json_real_value(json), number);
        leaf->text = gql_copy(arena, number, leaf->size);
        return leaf;
    case JSON_TRUE:
    case JSON_FALSE:
        leaf->kind = GQL_VALUE_BOOLEAN;
        leaf->text = json_is_true(json) ? "true" : "false";
        return leaf;
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY: break;
    }
    leaf->kind = GQL_VALUE_NULL;
    leaf->text = "null";
    return leaf;
}

/* A coerced default as a literal again: so it is shown in one form, however it was written, and whole. */
static const struct gql_value *default_value(struct gql_arena *arena, const json_t *json, const struct gql_ref *ref)
{
    if (ref->kind == GQL_REF_NON_NULL)
        ref = ref->of;
    if (json_is_array(json))
        return default_list(arena, json, ref->kind == GQL_REF_LIST ? ref->of : ref);
    if (json_is_object(json))
        return default_object(arena, json, ref);
    return default_leaf(arena, json, ref->type);
}

/* --- Members --- */

static json_t *input_value(const struct gql_introspection *introspection, const struct gql_input *input)
{
    json_t *value = json_object();
    set_text(value, "name", input->name);
    set_text(value, "description", input->description);
    set(value, "type", ref_value(introspection, input->ref));
    if (input->default_json != NULL) {
        struct gql_arena arena = { 0 };
        char *text = gql_value_print(default_value(&arena, input->default_json, input->ref));
        set_text(value, "defaultValue", text);
        free(text);
        gql_arena_release(&arena);
    }
    set_deprecation(value, input->deprecation);
    return value;
}

/* A list without what is deprecated, and one with it: one and the same where nothing is. */
static void lists_add(json_t *lists[2], const char *deprecation, json_t *value)
{
    if (deprecation == NULL)
        add(lists[0], json_incref(value));
    add(lists[1], value);
}

static void lists_new(json_t *lists[2])
{
    lists[0] = json_array();
    lists[1] = json_array();
}

static void lists_close(json_t *lists[2])
{
    if (json_array_size(lists[0]) != json_array_size(lists[1]))
        return;
    json_decref(lists[0]);
    lists[0] = json_incref(lists[1]);
}

static void inputs_value(const struct gql_introspection *introspection, const struct gql_input *inputs, uint32_t count,
                         json_t *lists[2])
{
    lists_new(lists);
    for (uint32_t i = 0; i < count; i++)
        lists_add(lists, inputs[i].deprecation, input_value(introspection, &inputs[i]));
    lists_close(lists);
}

/* Arguments are found by a resolver: under "args" are those that are not deprecated. */
static void set_arguments(const struct gql_introspection *introspection, json_t *object,
                          const struct gql_input *arguments, uint32_t count)
{
    json_t *lists[2];
    inputs_value(introspection, arguments, count, lists);
    set(object, "args", lists[0]);
    set(object, "__args", lists[1]);
}

static json_t *field_value(const struct gql_introspection *introspection, const struct gql_field_type *field)
{
    json_t *value = json_object();
    set_text(value, "name", field->name);
    set_text(value, "description", field->description);
    set_arguments(introspection, value, field->arguments, field->argument_count);
    set(value, "type", ref_value(introspection, field->ref));
    set_deprecation(value, field->deprecation);
    return value;
}

static void fields_value(const struct gql_introspection *introspection, const struct gql_type *type, json_t *lists[2])
{
    lists_new(lists);
    for (uint32_t i = 0; i < type->field_count; i++)
        lists_add(lists, type->fields[i].deprecation, field_value(introspection, &type->fields[i]));
    lists_close(lists);
}

static void values_value(const struct gql_type *type, json_t *lists[2])
{
    lists_new(lists);
    for (uint32_t i = 0; i < type->value_count; i++) {
        const struct gql_enum_value *one = &type->values[i];
        json_t *value = json_object();
        set_text(value, "name", one->name);
        set_text(value, "description", one->description);
        set_deprecation(value, one->deprecation);
        lists_add(lists, one->deprecation, value);
    }
    lists_close(lists);
}

static json_t *types_value(const struct gql_introspection *introspection, const struct gql_type **types, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        add(list, json_incref(introspection->types[types[i]->index]));
    return list;
}

static void fill_lists(const struct gql_introspection *introspection, const struct gql_type *type, struct lists *lists)
{
    if ((type->kind & (GQL_OBJECT | GQL_INTERFACE)) != 0) {
        fields_value(introspection, type, lists->fields);
        lists->interfaces = types_value(introspection, type->interfaces, type->interface_count);
    }
    if ((type->kind & GQL_ABSTRACT) != 0)
        lists->possible = types_value(introspection, type->possible, type->possible_count);
    if (type->kind == GQL_ENUM)
        values_value(type, lists->values);
    if (type->kind == GQL_INPUT_OBJECT)
        inputs_value(introspection, type->inputs, type->input_count, lists->inputs);
}

/* --- The schema --- */

static json_t *directive_value(const struct gql_introspection *introspection,
                               const struct gql_directive_type *directive)
{
    json_t *value = json_object(), *locations = json_array();
    set_text(value, "name", directive->name);
    set_text(value, "description", directive->description);
    set(value, "isRepeatable", json_boolean(directive->is_repeatable));
    for (const struct gql_named *at = directive->written->locations; at != NULL; at = at->next)
        add(locations, json_string(at->name.text));
    set(value, "locations", locations);
    set_arguments(introspection, value, directive->arguments, directive->argument_count);
    set_deprecation(value, NULL);
    return value;
}

static json_t *schema_value(const struct gql_schema *schema, const struct gql_introspection *introspection)
{
    static const char *const roots[] = { "queryType", "mutationType", "subscriptionType" };
    json_t *value = json_object(), *directives = json_array();

    set_text(value, "description", schema->description);
    set(value, "types", types_value(introspection, (const struct gql_type **)schema->types, schema->type_count));
    for (size_t i = 0; i < 3; i++)
        if (schema->roots[i] != NULL)
            set(value, roots[i], json_incref(introspection->types[schema->roots[i]->index]));
    for (uint32_t i = 0; i < schema->directive_count; i++)
        add(directives, directive_value(introspection, &schema->directives[i]));
    set(value, "directives", directives);
    return value;
}

const json_t *gql_introspect_schema(const struct gql_schema *schema)
{
    return schema->introspection->schema;
}

const json_t *gql_introspect_type(const struct gql_schema *schema, const char *name)
{
    const struct gql_type *type = name == NULL ? NULL : gql_schema_type(schema, name);
    return type == NULL ? NULL : schema->introspection->types[type->index];
}

/* --- Resolvers --- */

static bool with_deprecated(const struct gql_field *field)
{
    return json_is_true(json_object_get(gql_field_arguments(field), "includeDeprecated"));
}

/* NULL: the parent is a list or non-null type, which has no lists. */
static const struct lists *lists_of(const struct gql_field *field)
{
    const json_t *place = json_object_get(gql_field_parent(field), lists_member);
    return place == NULL ? NULL : (const struct lists *)(intptr_t)json_integer_value(place);
}

static void resolve_fields(struct gql_field *field, void *context)
{
    const struct lists *lists = lists_of(field);
    (void)context;
    gql_field_value(field, lists == NULL ? NULL : json_incref(lists->fields[with_deprecated(field)]));
}

static void resolve_input_fields(struct gql_field *field, void *context)
{
    const struct lists *lists = lists_of(field);
    (void)context;
    gql_field_value(field, lists == NULL ? NULL : json_incref(lists->inputs[with_deprecated(field)]));
}

static void resolve_enum_values(struct gql_field *field, void *context)
{
    const struct lists *lists = lists_of(field);
    (void)context;
    gql_field_value(field, lists == NULL ? NULL : json_incref(lists->values[with_deprecated(field)]));
}

static void resolve_interfaces(struct gql_field *field, void *context)
{
    const struct lists *lists = lists_of(field);
    (void)context;
    gql_field_value(field, lists == NULL ? NULL : json_incref(lists->interfaces));
}

static void resolve_possible_types(struct gql_field *field, void *context)
{
    const struct lists *lists = lists_of(field);
    (void)context;
    gql_field_value(field, lists == NULL ? NULL : json_incref(lists->possible));
}

static void resolve_args(struct gql_field *field, void *context)
{
    const char *member = with_deprecated(field) ? "__args" : "args";
    (void)context;
    gql_field_value(field, json_incref(json_object_get(gql_field_parent(field), member)));
}

/* --- Life --- */

static void bind_resolvers(struct gql_schema *schema)
{
    static const struct gql_binding bindings[] = {
        { "__Type", "fields", resolve_fields },
        { "__Type", "inputFields", resolve_input_fields },
        { "__Type", "enumValues", resolve_enum_values },
        { "__Type", "interfaces", resolve_interfaces },
        { "__Type", "possibleTypes", resolve_possible_types },
        { "__Field", "args", resolve_args },
        { "__Directive", "args", resolve_args },
    };
    struct gql_errors errors = { 0 };
    bool bound = gql_schema_bind(schema, bindings, sizeof(bindings) / sizeof(bindings[0]), &errors);
    assert(bound);
    (void)bound;
}

void gql_introspection_bind(struct gql_schema *schema)
{
    struct gql_introspection *introspection = gql_alloc(&schema->arena, sizeof(*introspection));
    introspection->types = gql_alloc(&schema->arena, schema->type_count * sizeof(json_t *));
    introspection->non_nulls = gql_alloc(&schema->arena, schema->type_count * sizeof(json_t *));
    introspection->lists = gql_alloc(&schema->arena, schema->type_count * sizeof(struct lists));
    schema->introspection = introspection;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        introspection->types[i] = type_value(schema->types[i], &introspection->lists[i]);
        introspection->non_nulls[i] = wrapper_value("NON_NULL", json_incref(introspection->types[i]));
    }
    for (uint32_t i = 0; i < schema->type_count; i++)
        fill_lists(introspection, schema->types[i], &introspection->lists[i]);
    introspection->schema = schema_value(schema, introspection);
    bind_resolvers(schema);
}

void gql_introspection_release(struct gql_schema *schema)
{
    struct gql_introspection *introspection = schema->introspection;
    if (introspection == NULL)
        return;
    for (uint32_t i = 0; i < schema->type_count; i++) {
        struct lists *lists = &introspection->lists[i];
        for (int with = 0; with < 2; with++) {
            json_decref(lists->fields[with]);
            json_decref(lists->inputs[with]);
            json_decref(lists->values[with]);
        }
        json_decref(lists->interfaces);
        json_decref(lists->possible);
        json_decref(introspection->types[i]);
        json_decref(introspection->non_nulls[i]);
    }
    json_decref(introspection->schema);
}
