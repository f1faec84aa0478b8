#include "common/graphql/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/graphql/introspection.h"
#include "common/graphql/names.h"
#include "common/graphql/parser.h"

static const char *const location_names[GQL_LOCATION_COUNT] = {
    [GQL_ON_QUERY] = "QUERY",
    [GQL_ON_MUTATION] = "MUTATION",
    [GQL_ON_SUBSCRIPTION] = "SUBSCRIPTION",
    [GQL_ON_FIELD] = "FIELD",
    [GQL_ON_FRAGMENT_DEFINITION] = "FRAGMENT_DEFINITION",
    [GQL_ON_FRAGMENT_SPREAD] = "FRAGMENT_SPREAD",
    [GQL_ON_INLINE_FRAGMENT] = "INLINE_FRAGMENT",
    [GQL_ON_VARIABLE_DEFINITION] = "VARIABLE_DEFINITION",
    [GQL_ON_SCHEMA] = "SCHEMA",
    [GQL_ON_SCALAR] = "SCALAR",
    [GQL_ON_OBJECT] = "OBJECT",
    [GQL_ON_FIELD_DEFINITION] = "FIELD_DEFINITION",
    [GQL_ON_ARGUMENT_DEFINITION] = "ARGUMENT_DEFINITION",
    [GQL_ON_INTERFACE] = "INTERFACE",
    [GQL_ON_UNION] = "UNION",
    [GQL_ON_ENUM] = "ENUM",
    [GQL_ON_ENUM_VALUE] = "ENUM_VALUE",
    [GQL_ON_INPUT_OBJECT] = "INPUT_OBJECT",
    [GQL_ON_INPUT_FIELD_DEFINITION] = "INPUT_FIELD_DEFINITION",
    [GQL_ON_DIRECTIVE_DEFINITION] = "DIRECTIVE_DEFINITION",
};

const char *gql_location_name(enum gql_directive_location location)
{
    return location_names[location];
}

enum gql_directive_location gql_location_named(const char *name)
{
    unsigned location = 0;
    while (location < GQL_LOCATION_COUNT && strcmp(location_names[location], name) != 0)
        location++;
    return (enum gql_directive_location)location;
}

/* --- Names --- */

const struct gql_type *gql_schema_type(const struct gql_schema *schema, const char *name)
{
    uint32_t at = gql_names_find(schema->types_by_name, name);
    return at == GQL_NO_NAME ? NULL : schema->types[at];
}

const struct gql_directive_type *gql_schema_directive(const struct gql_schema *schema, const char *name)
{
    uint32_t at = gql_names_find(schema->directives_by_name, name);
    return at == GQL_NO_NAME ? NULL : &schema->directives[at];
}

const struct gql_field_type *gql_type_field(const struct gql_type *type, const char *name)
{
    uint32_t at = type->fields == NULL ? GQL_NO_NAME : gql_names_find(type->by_name, name);
    return at == GQL_NO_NAME ? NULL : &type->fields[at];
}

const struct gql_input *gql_type_input(const struct gql_type *type, const char *name)
{
    uint32_t at = type->inputs == NULL ? GQL_NO_NAME : gql_names_find(type->by_name, name);
    return at == GQL_NO_NAME ? NULL : &type->inputs[at];
}

const struct gql_enum_value *gql_type_value(const struct gql_type *type, const char *name)
{
    uint32_t at = type->values == NULL ? GQL_NO_NAME : gql_names_find(type->by_name, name);
    return at == GQL_NO_NAME ? NULL : &type->values[at];
}

/* Arguments are few as a rule; a table is made only where they are many, else a look at each is quicker. */
static const struct gql_input *argument_named(const struct gql_input *arguments, uint32_t count,
                                              const struct gql_names *by_name, const char *name)
{
    if (by_name != NULL) {
        uint32_t at = gql_names_find(by_name, name);
        return at == GQL_NO_NAME ? NULL : &arguments[at];
    }
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(arguments[i].name, name) == 0)
            return &arguments[i];
    return NULL;
}

const struct gql_input *gql_field_argument(const struct gql_field_type *field, const char *name)
{
    return argument_named(field->arguments, field->argument_count, field->by_name, name);
}

const struct gql_input *gql_directive_argument(const struct gql_directive_type *directive, const char *name)
{
    return argument_named(directive->arguments, directive->argument_count, directive->by_name, name);
}

const struct gql_field_type *gql_schema_field(const struct gql_schema *schema, const struct gql_type *parent,
                                              const char *name)
{
    if (name[0] != '_' || name[1] != '_')
        return gql_type_field(parent, name);
    if (strcmp(name, schema->typename_field->name) == 0)
        return (parent->kind & GQL_COMPOSITE) != 0 ? schema->typename_field : NULL;
    if (parent != schema->roots[GQL_QUERY])
        return NULL;
    if (strcmp(name, schema->schema_field->name) == 0)
        return schema->schema_field;
    return strcmp(name, schema->type_field->name) == 0 ? schema->type_field : NULL;
}

/* --- Types --- */

bool gql_type_is_possible(const struct gql_schema *schema, const struct gql_type *type, const struct gql_type *object)
{
    const uint64_t *set = schema->possible[type->index];
    return set != NULL && (set[object->index / 64] >> (object->index % 64) & 1) != 0;
}

bool gql_types_overlap(const struct gql_schema *schema, const struct gql_type *a, const struct gql_type *b)
{
    const uint64_t *one = schema->possible[a->index], *other = schema->possible[b->index];
    if (one == NULL || other == NULL)
        return false;
    for (uint32_t i = 0; i < schema->words; i++)
        if ((one[i] & other[i]) != 0)
            return true;
    return false;
}

static bool implements(const struct gql_type *type, const struct gql_type *interface)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i] == interface)
            return true;
    return false;
}

bool gql_ref_is_sub(const struct gql_schema *schema, const struct gql_ref *sub, const struct gql_ref *super)
{
    for (;; sub = sub->of, super = super->of) {
        if (sub->kind == GQL_REF_NON_NULL && super->kind != GQL_REF_NON_NULL)
            sub = sub->of;
        if (sub->kind != super->kind)
            return false;
        if (sub->kind == GQL_REF_NAMED)
            break;
    }
    if (sub->type == super->type || implements(sub->type, super->type))
        return true;
    return super->type->kind == GQL_UNION && sub->type->kind == GQL_OBJECT &&
           gql_type_is_possible(schema, super->type, sub->type);
}

bool gql_ref_equal(const struct gql_ref *a, const struct gql_ref *b)
{
    for (; a->kind == b->kind; a = a->of, b = b->of)
        if (a->kind == GQL_REF_NAMED)
            return a->type == b->type;
    return false;
}

bool gql_input_is_required(const struct gql_input *input)
{
    return input->ref->kind == GQL_REF_NON_NULL && input->default_value == NULL;
}

void gql_ref_print(const struct gql_ref *ref, char *out, size_t size)
{
    const struct gql_ref *at;
    size_t length = 0;

    if (size == 0)
        return;
    for (at = ref; at->kind != GQL_REF_NAMED; at = at->of)
        if (at->kind == GQL_REF_LIST && length + 1 < size)
            out[length++] = '[';
    length += (size_t)snprintf(out + length, size - length, "%s", at->type->name);
    if (length >= size)
        return;
    /* What closes stands in the opposite order: it is written from the end to the beginning. */
    size_t behind = length;
    for (at = ref; at->kind != GQL_REF_NAMED; at = at->of)
        behind++;
    size_t end = behind;
    for (at = ref; at->kind != GQL_REF_NAMED; at = at->of) {
        behind--;
        if (behind < size - 1)
            out[behind] = at->kind == GQL_REF_LIST ? ']' : '!';
    }
    out[end < size ? end : size - 1] = '\0';
}

const struct gql_ref *gql_schema_ref(const struct gql_schema *schema, struct gql_arena *arena,
                                     const struct gql_type_ref *written)
{
    const struct gql_type_ref *inner = written;
    while (inner->kind != GQL_REF_NAMED)
        inner = inner->of;
    const struct gql_type *type = gql_schema_type(schema, inner->name);
    if (type == NULL)
        return NULL;

    const struct gql_ref *ref = &type->named;
    const struct gql_ref **at = &ref;
    for (; written->kind != GQL_REF_NAMED; written = written->of) {
        struct gql_ref *outer = gql_alloc(arena, sizeof(*outer));
        *outer = (struct gql_ref){ .kind = written->kind, .of = &type->named, .type = type };
        *at = outer;
        at = &outer->of;
    }
    return ref;
}

/* --- Life --- */

static bool bind(const struct gql_schema *schema, const struct gql_binding *binding, struct gql_errors *errors)
{
    const struct gql_type *type = gql_schema_type(schema, binding->type);
    const struct gql_field_type *field = type == NULL ? NULL : gql_type_field(type, binding->field);

    if (field == NULL || type->kind != GQL_OBJECT) {
        gql_errors_add(errors, "binding", "A resolver is bound to %s.%s, but %s.", binding->type, binding->field,
                       type == NULL               ? "there is no such type"
                       : type->kind != GQL_OBJECT ? "that type is no object type"
                                                  : "that type has no such field");
        return false;
    }
    /* The index, so that nothing const is written to through a pointer that promised not to. */
    schema->types[type->index]->fields[field - type->fields].resolver = binding->resolver;
    return true;
}

bool gql_schema_bind(struct gql_schema *schema, const struct gql_binding *bindings, size_t count,
                     struct gql_errors *errors)
{
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = bind(schema, &bindings[i], errors) && good;
    return good;
}

static void inputs_release(const struct gql_input *inputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        json_decref(inputs[i].default_json);
}

static void fields_release(const struct gql_field_type *fields, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        inputs_release(fields[i].arguments, fields[i].argument_count);
}

void gql_schema_free(struct gql_schema *schema)
{
    if (schema == NULL)
        return;
    gql_introspection_release(schema);
    for (uint32_t i = 0; i < schema->type_count; i++) {
        fields_release(schema->types[i]->fields, schema->types[i]->field_count);
        inputs_release(schema->types[i]->inputs, schema->types[i]->input_count);
    }
    for (uint32_t i = 0; i < schema->directive_count; i++)
        inputs_release(schema->directives[i].arguments, schema->directives[i].argument_count);
    gql_arena_release(&schema->arena);
    gql_ast_free(schema->sdl);
    gql_ast_free(schema->builtin);
    free(schema);
}
