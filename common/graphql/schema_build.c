#include "common/graphql/schema_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/graphql/introspection.h"
#include "common/graphql/parser.h"

/* From so many arguments on a table is quicker than a look at each of them. */
enum { ARGUMENTS_FEW = 8 };

static const char deprecation_default[] = "No longer supported";

/* --- Directives of the library itself, where they are applied --- */

static const struct gql_value *argument_of(const struct gql_directive *directive, const char *name)
{
    for (const struct gql_member *one = directive->arguments; one != NULL; one = one->next)
        if (strcmp(one->name.text, name) == 0)
            return one->value;
    return NULL;
}

/* NULL: it is not deprecated; so it is with a reason of null, as graphql-js has it. */
static const char *deprecation_of(const struct gql_directive *first)
{
    const struct gql_directive *deprecated = gql_directive_named(first, "deprecated");
    if (deprecated == NULL)
        return NULL;
    const struct gql_value *reason = argument_of(deprecated, "reason");
    if (reason == NULL)
        return deprecation_default;
    return reason->kind == GQL_VALUE_STRING ? reason->text : NULL;
}

static const char *specified_by(const struct gql_group *group)
{
    const char *url = NULL;
    for (uint32_t i = 0; i < group->part_count; i++) {
        const struct gql_directive *directive = gql_directive_named(group->parts[i]->directives, "specifiedBy");
        const struct gql_value *value = directive == NULL ? NULL : argument_of(directive, "url");
        if (value != NULL && value->kind == GQL_VALUE_STRING)
            url = value->text;
    }
    return url;
}

static bool is_one_of(const struct gql_group *group)
{
    for (uint32_t i = 0; i < group->part_count; i++)
        if (gql_directive_named(group->parts[i]->directives, "oneOf") != NULL)
            return true;
    return false;
}

/* --- Members --- */

/* Fills in what is behind `inputs[*count]`. */
static void add_inputs(struct gql_schema *schema, const struct gql_input_definition *written, struct gql_input *inputs,
                       uint32_t *count)
{
    for (; written != NULL; written = written->next)
        inputs[(*count)++] = (struct gql_input){
            .name = written->name.text,
            .description = written->description,
            .ref = gql_schema_ref(schema, &schema->arena, written->type),
            .default_value = written->default_value,
            .deprecation = deprecation_of(written->directives),
            .at = written->name.at,
            .written = written,
        };
}

static uint32_t inputs_count(const struct gql_input_definition *first)
{
    uint32_t count = 0;
    for (; first != NULL; first = first->next)
        count++;
    return count;
}

struct arguments {
    struct gql_input *list;
    uint32_t count;
    struct gql_names *by_name;
};

static struct arguments build_arguments(struct gql_schema *schema, const struct gql_input_definition *written)
{
    struct arguments arguments = { .count = 0 };
    uint32_t count = inputs_count(written);
    if (count == 0)
        return arguments;
    arguments.list = gql_alloc(&schema->arena, count * sizeof(struct gql_input));
    add_inputs(schema, written, arguments.list, &arguments.count);
    if (count >= ARGUMENTS_FEW) {
        arguments.by_name = gql_names_new(&schema->arena, count);
        for (uint32_t i = 0; i < count; i++)
            gql_names_add(arguments.by_name, arguments.list[i].name, i);
    }
    return arguments;
}

static void add_fields(struct gql_schema *schema, const struct gql_field_definition *written,
                       struct gql_field_type *fields, uint32_t *count)
{
    for (; written != NULL; written = written->next) {
        struct arguments arguments = build_arguments(schema, written->arguments);
        fields[(*count)++] = (struct gql_field_type){
            .name = written->name.text,
            .description = written->description,
            .deprecation = deprecation_of(written->directives),
            .ref = gql_schema_ref(schema, &schema->arena, written->type),
            .arguments = arguments.list,
            .argument_count = arguments.count,
            .by_name = arguments.by_name,
            .at = written->name.at,
            .written = written,
        };
    }
}

static uint32_t fields_count(const struct gql_field_definition *first)
{
    uint32_t count = 0;
    for (; first != NULL; first = first->next)
        count++;
    return count;
}

static void build_fields(struct gql_schema *schema, struct gql_type *type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += fields_count(type->parts[i]->fields);
    if (count == 0)
        return;
    type->fields = gql_alloc(&schema->arena, count * sizeof(struct gql_field_type));
    for (uint32_t i = 0; i < type->part_count; i++)
        add_fields(schema, type->parts[i]->fields, type->fields, &type->field_count);
    type->by_name = gql_names_new(&schema->arena, count);
    for (uint32_t i = 0; i < count; i++)
        gql_names_add(type->by_name, type->fields[i].name, i);
}

static void build_input_fields(struct gql_schema *schema, struct gql_type *type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        count += inputs_count(type->parts[i]->inputs);
    if (count == 0)
        return;
    type->inputs = gql_alloc(&schema->arena, count * sizeof(struct gql_input));
    for (uint32_t i = 0; i < type->part_count; i++)
        add_inputs(schema, type->parts[i]->inputs, type->inputs, &type->input_count);
    type->by_name = gql_names_new(&schema->arena, count);
    for (uint32_t i = 0; i < count; i++)
        gql_names_add(type->by_name, type->inputs[i].name, i);
}

static void build_values(struct gql_schema *schema, struct gql_type *type)
{
    const struct gql_enum_value_definition *one;
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        for (one = type->parts[i]->values; one != NULL; one = one->next)
            count++;
    if (count == 0)
        return;
    type->values = gql_alloc(&schema->arena, count * sizeof(struct gql_enum_value));
    type->by_name = gql_names_new(&schema->arena, count);
    for (uint32_t i = 0; i < type->part_count; i++)
        for (one = type->parts[i]->values; one != NULL; one = one->next) {
            gql_names_add(type->by_name, one->name.text, type->value_count);
            type->values[type->value_count++] = (struct gql_enum_value){
                .name = one->name.text,
                .description = one->description,
                .deprecation = deprecation_of(one->directives),
                .at = one->name.at,
            };
        }
}

/* The types that the parts of `type` name: interfaces, or members. */
static const struct gql_type **build_named(struct gql_schema *schema, const struct gql_type *type, bool members,
                                           uint32_t *count)
{
    const struct gql_named *one;
    uint32_t room = 0;
    for (uint32_t i = 0; i < type->part_count; i++)
        for (one = members ? type->parts[i]->members : type->parts[i]->interfaces; one != NULL; one = one->next)
            room++;
    if (room == 0)
        return NULL;
    const struct gql_type **list = gql_alloc(&schema->arena, room * sizeof(struct gql_type *));
    for (uint32_t i = 0; i < type->part_count; i++)
        for (one = members ? type->parts[i]->members : type->parts[i]->interfaces; one != NULL; one = one->next)
            list[(*count)++] = gql_schema_type(schema, one->name.text);
    return list;
}

/* --- Types --- */

static enum gql_kind kind_of(enum gql_definition_kind kind)
{
    switch (kind) {
    case GQL_SCALAR_DEFINITION: return GQL_SCALAR;
    case GQL_OBJECT_DEFINITION: return GQL_OBJECT;
    case GQL_INTERFACE_DEFINITION: return GQL_INTERFACE;
    case GQL_UNION_DEFINITION: return GQL_UNION;
    case GQL_ENUM_DEFINITION: return GQL_ENUM;
    case GQL_INPUT_DEFINITION: return GQL_INPUT_OBJECT;
    default: abort(); /* types are made of the definitions of types alone */
    }
}

static enum gql_scalar scalar_named(const char *name)
{
    static const char *const names[] = { "", "Int", "Float", "String", "Boolean", "ID" };
    enum gql_scalar scalar = GQL_ID;
    while (scalar != GQL_CUSTOM && strcmp(names[scalar], name) != 0)
        scalar--;
    return scalar;
}

/* The type without what refers to other types: they may not be there yet. */
static struct gql_type *type_new(struct gql_schema *schema, const struct gql_group *group)
{
    struct gql_type *type = gql_alloc(&schema->arena, sizeof(*type));
    bool is_builtin = group->builtin != NULL;
    const struct gql_definition *definition = is_builtin ? group->builtin : group->parts[0];

    *type = (struct gql_type){
        .name = definition->name.text,
        .description = definition->description,
        .kind = kind_of(definition->kind),
        .is_builtin = is_builtin,
        .index = schema->type_count,
        .at = is_builtin ? 0 : definition->name.at,
        .parts = group->parts,
        .part_count = group->part_count,
    };
    if (is_builtin) {
        type->parts = gql_alloc(&schema->arena, sizeof(struct gql_definition *));
        type->parts[0] = definition;
        type->part_count = 1;
    }
    if (type->kind == GQL_SCALAR) {
        type->scalar = is_builtin ? scalar_named(type->name) : GQL_CUSTOM;
        type->specified_by = is_builtin ? NULL : specified_by(group);
    }
    type->is_one_of = type->kind == GQL_INPUT_OBJECT && is_one_of(group);
    type->named = (struct gql_ref){ .kind = GQL_REF_NAMED, .type = type };
    return type;
}

static void build_types(struct gql_schema *schema, const struct gql_sdl *sdl)
{
    schema->types = gql_alloc(&schema->arena, sdl->type_count * sizeof(struct gql_type *));
    schema->types_by_name = gql_names_new(&schema->arena, sdl->type_count);
    for (uint32_t i = 0; i < sdl->type_count; i++) {
        const struct gql_group *group = &sdl->types[i];
        /* A builtin scalar that nothing refers to is not part of the schema (specification, 3.5). */
        if (group->parts[0] == group->builtin && group->builtin->kind == GQL_SCALAR_DEFINITION && !group->is_used)
            continue;
        struct gql_type *type = type_new(schema, group);
        gql_names_add(schema->types_by_name, type->name, type->index);
        schema->types[schema->type_count++] = type;
    }
    for (uint32_t i = 0; i < schema->type_count; i++) {
        struct gql_type *type = schema->types[i];
        build_fields(schema, type);
        build_input_fields(schema, type);
        build_values(schema, type);
        type->interfaces = build_named(schema, type, false, &type->interface_count);
        type->possible = build_named(schema, type, true, &type->possible_count);
    }
}

/* An interface's possible types: the objects that implement it. Room for all is counted first. */
static void build_implementations(struct gql_schema *schema)
{
    uint32_t *room = gql_alloc(&schema->arena, schema->type_count * sizeof(uint32_t));
    for (int filling = 0; filling < 2; filling++) {
        for (uint32_t i = 0; i < schema->type_count; i++) {
            const struct gql_type *object = schema->types[i];
            for (uint32_t k = 0; object->kind == GQL_OBJECT && k < object->interface_count; k++) {
                struct gql_type *interface = schema->types[object->interfaces[k]->index];
                if (interface->kind != GQL_INTERFACE)
                    continue;
                if (filling == 0) {
                    room[interface->index]++;
                    continue;
                }
                if (interface->possible == NULL)
                    interface->possible = gql_alloc(&schema->arena, room[interface->index] * sizeof(struct gql_type *));
                interface->possible[interface->possible_count++] = object;
            }
        }
    }
}

static void build_possible(struct gql_schema *schema)
{
    schema->words = (schema->type_count + 63) / 64;
    schema->possible = gql_alloc(&schema->arena, schema->type_count * sizeof(uint64_t *));
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct gql_type *type = schema->types[i];
        if ((type->kind & GQL_COMPOSITE) == 0)
            continue;
        uint64_t *set = schema->possible[i] = gql_alloc(&schema->arena, schema->words * sizeof(uint64_t));
        if (type->kind == GQL_OBJECT)
            set[i / 64] |= UINT64_C(1) << (i % 64);
        for (uint32_t k = 0; k < type->possible_count; k++)
            if (type->possible[k]->kind == GQL_OBJECT)
                set[type->possible[k]->index / 64] |= UINT64_C(1) << (type->possible[k]->index % 64);
    }
}

/* --- Directives, roots, fields that every schema has --- */

static void build_directives(struct gql_schema *schema, const struct gql_sdl *sdl)
{
    schema->directives = gql_alloc(&schema->arena, sdl->directive_count * sizeof(struct gql_directive_type));
    schema->directive_count = sdl->directive_count;
    schema->directives_by_name = gql_names_new(&schema->arena, sdl->directive_count);
    for (uint32_t i = 0; i < sdl->directive_count; i++) {
        const struct gql_definition *written = sdl->directives[i];
        struct arguments arguments = build_arguments(schema, written->inputs);
        schema->directives[i] = (struct gql_directive_type){
            .name = written->name.text,
            .description = written->description,
            .is_repeatable = written->is_repeatable,
            .arguments = arguments.list,
            .argument_count = arguments.count,
            .by_name = arguments.by_name,
            .at = written->name.at,
            .written = written,
        };
        for (const struct gql_named *at = written->locations; at != NULL; at = at->next)
            schema->directives[i].locations |= 1u << gql_location_named(at->name.text);
        gql_names_add(schema->directives_by_name, written->name.text, i);
    }
    schema->skip = gql_schema_directive(schema, "skip");
    schema->include = gql_schema_directive(schema, "include");
}

static struct gql_type *type_named(const struct gql_schema *schema, const char *name)
{
    uint32_t at = gql_names_find(schema->types_by_name, name);
    return at == GQL_NO_NAME ? NULL : schema->types[at];
}

/* Without a schema definition the roots are the types of these names. */
static void build_roots(struct gql_schema *schema, const struct gql_sdl *sdl)
{
    static const char *const names[] = { "Query", "Mutation", "Subscription" };

    for (uint32_t i = 0; i < sdl->schema.part_count; i++)
        for (const struct gql_root_definition *one = sdl->schema.parts[i]->roots; one != NULL; one = one->next)
            schema->roots[one->operation] = type_named(schema, one->type.text);
    if (sdl->schema.definition_count > 0) {
        schema->description = sdl->schema.parts[0]->description;
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (schema->roots[i] == NULL)
            schema->roots[i] = type_named(schema, names[i]);
}

static void build_meta(struct gql_schema *schema, const struct gql_sdl *sdl)
{
    struct gql_field_type *fields = gql_alloc(&schema->arena, 3 * sizeof(*fields));
    uint32_t count = 0;
    add_fields(schema, sdl->meta->fields, fields, &count);
    assert(count == 3);
    schema->typename_field = &fields[0];
    schema->schema_field = &fields[1];
    schema->type_field = &fields[2];
}

/* --- From text to schema --- */

static bool build(struct gql_schema *schema, struct gql_check *check)
{
    struct gql_sdl sdl;

    gql_sdl_gather(&schema->arena, schema->sdl, schema->builtin, &sdl);
    gql_sdl_check(&sdl, check);
    gql_sdl_check_directives(&sdl, check);
    if (check->failed) /* what is built next takes for granted that every name resolves */
        return false;
    build_types(schema, &sdl);
    build_implementations(schema);
    build_possible(schema);
    build_directives(schema, &sdl);
    build_roots(schema, &sdl);
    build_meta(schema, &sdl);
    gql_check_types(schema, check);
    gql_check_inputs(schema, check);
    return !check->failed;
}

static struct gql_ast *parse_builtin(void)
{
    static const struct gql_parse_limits limits = { 0 };
    struct gql_errors errors = { 0 };
    struct gql_arena arena = { 0 };

    const char *text = gql_builtin_sdl(&arena);
    struct gql_ast *ast = gql_parse(text, strlen(text), &limits, &errors);
    assert(ast != NULL);
    gql_arena_release(&arena);
    return ast;
}

struct gql_schema *gql_schema_new(const char *text, size_t size, struct gql_errors *errors)
{
    static const struct gql_parse_limits limits = { 0 };
    struct gql_ast *sdl = gql_parse(text, size, &limits, errors);
    if (sdl == NULL)
        return NULL;

    struct gql_schema *schema = calloc(1, sizeof(*schema));
    if (schema == NULL)
        abort(); /* as an arena does without memory */
    schema->sdl = sdl;
    schema->builtin = parse_builtin();
    struct gql_check check = { .text = sdl->text, .errors = errors };
    if (build(schema, &check)) {
        gql_introspection_bind(schema);
    } else {
        gql_schema_free(schema);
        schema = NULL;
    }
    gql_arena_release(&check.arena);
    return schema;
}
