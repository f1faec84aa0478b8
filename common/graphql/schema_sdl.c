#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/graphql/schema_build.h"

void gql_refuse(struct gql_check *check, const char *rule, const uint32_t *at, size_t at_count, const char *format, ...)
{
    char message[2 * GQL_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    struct gql_error *error = gql_errors_add(check->errors, rule, "%s", message);
    for (size_t i = 0; i < at_count; i++)
        gql_error_at(error, check->text, at[i]);
    check->failed = true;
}

const struct gql_directive *gql_directive_named(const struct gql_directive *first, const char *name)
{
    while (first != NULL && strcmp(first->name.text, name) != 0)
        first = first->next;
    return first;
}

static bool is_type(const struct gql_definition *definition)
{
    return definition->kind >= GQL_SCALAR_DEFINITION && definition->kind <= GQL_INPUT_DEFINITION;
}

/* --- Gathering --- */

static struct gql_group *group_of(struct gql_sdl *sdl, const char *name)
{
    uint32_t at = gql_names_add(sdl->types_by_name, name, sdl->type_count);
    if (at == sdl->type_count) {
        sdl->types[at].name = name;
        sdl->type_count++;
    }
    return &sdl->types[at];
}

/* A group's parts are counted first, then put in their places. */
static void count_part(struct gql_group *group, const struct gql_definition *definition)
{
    group->part_count++;
    group->definition_count += definition->is_extension ? 0 : 1;
}

static void room_for_parts(struct gql_arena *arena, struct gql_group *group)
{
    if (group->part_count > 0)
        group->parts = gql_alloc(arena, group->part_count * sizeof(struct gql_definition *));
    group->part_count = 0;
}

static void put_part(struct gql_group *group, const struct gql_definition *definition)
{
    group->parts[group->part_count++] = definition;
}

static void gather_user(struct gql_arena *arena, struct gql_sdl *sdl)
{
    const struct gql_definition *one;

    for (one = sdl->ast->first; one != NULL; one = one->next) {
        if (is_type(one))
            count_part(group_of(sdl, one->name.text), one);
        else if (one->kind == GQL_SCHEMA_DEFINITION)
            count_part(&sdl->schema, one);
    }
    for (uint32_t i = 0; i < sdl->type_count; i++)
        room_for_parts(arena, &sdl->types[i]);
    room_for_parts(arena, &sdl->schema);
    for (int extensions = 0; extensions < 2; extensions++) {
        for (one = sdl->ast->first; one != NULL; one = one->next) {
            if (one->is_extension != (extensions == 1))
                continue;
            if (is_type(one))
                put_part(group_of(sdl, one->name.text), one);
            else if (one->kind == GQL_SCHEMA_DEFINITION)
                put_part(&sdl->schema, one);
        }
    }
}

static void gather_builtin(struct gql_arena *arena, struct gql_sdl *sdl)
{
    for (const struct gql_definition *one = sdl->builtin->first; one != NULL; one = one->next) {
        if (!is_type(one))
            continue;
        if (strcmp(one->name.text, "__Meta") == 0) {
            sdl->meta = one;
            continue;
        }
        struct gql_group *group = group_of(sdl, one->name.text);
        group->builtin = one;
        if (group->part_count == 0) {
            group->parts = gql_alloc(arena, sizeof(struct gql_definition *));
            group->parts[0] = one;
            group->part_count = group->definition_count = 1;
        }
    }
}

static void gather_directives(struct gql_sdl *sdl, const struct gql_ast *ast)
{
    for (const struct gql_definition *one = ast->first; one != NULL; one = one->next) {
        if (one->kind != GQL_DIRECTIVE_DEFINITION)
            continue;
        if (gql_names_add(sdl->directives_by_name, one->name.text, sdl->directive_count) == sdl->directive_count)
            sdl->directives[sdl->directive_count++] = one;
    }
}

void gql_sdl_gather(struct gql_arena *arena, const struct gql_ast *ast, const struct gql_ast *builtin,
                    struct gql_sdl *out)
{
    size_t room = (size_t)ast->definition_count + builtin->definition_count + 1;
    *out = (struct gql_sdl){
        .ast = ast,
        .builtin = builtin,
        .types = gql_alloc(arena, room * sizeof(struct gql_group)),
        .types_by_name = gql_names_new(arena, room),
        .directives = gql_alloc(arena, room * sizeof(struct gql_definition *)),
        .directives_by_name = gql_names_new(arena, room),
    };
    gather_user(arena, out);
    gather_builtin(arena, out);
    gather_directives(out, ast);
    gather_directives(out, builtin);
}

/* --- The schema definition --- */

static void check_schema_definition(const struct gql_sdl *sdl, struct gql_check *check)
{
    static const char *const operations[] = { "query", "mutation", "subscription" };
    const struct gql_root_definition *known[3] = { NULL };

    for (uint32_t i = 0; i < sdl->schema.part_count; i++) {
        const struct gql_definition *part = sdl->schema.parts[i];
        if (i > 0 && !part->is_extension)
            gql_refuse(check, "LoneSchemaDefinition", GQL_AT(part->at), "Must provide only one schema definition.");
        for (const struct gql_root_definition *root = part->roots; root != NULL; root = root->next) {
            if (known[root->operation] != NULL)
                gql_refuse(check, "UniqueOperationTypes", GQL_AT(known[root->operation]->at, root->at),
                           "There can be only one %s type in schema.", operations[root->operation]);
            else
                known[root->operation] = root;
        }
    }
}

/* --- Unique names --- */

struct unique { /* of names that were met already */
    struct gql_names *names;
    uint32_t *at; /* by index in `names` */
    uint32_t count;
};

static struct unique unique_new(struct gql_arena *arena, uint32_t count)
{
    return (struct unique){ .names = gql_names_new(arena, count),
                            .at = gql_alloc(arena, (count + 1) * sizeof(uint32_t)) };
}

/* True: it is new; else `*first` is where it was met before. */
static bool unique_add(struct unique *unique, const struct gql_name *name, uint32_t *first)
{
    uint32_t index = gql_names_add(unique->names, name->text, unique->count);
    if (index != unique->count) {
        *first = unique->at[index];
        return false;
    }
    unique->at[unique->count++] = name->at;
    return true;
}

static uint32_t members_of(const struct gql_definition *part)
{
    uint32_t count = 0;
    for (const struct gql_field_definition *one = part->fields; one != NULL; one = one->next)
        count++;
    for (const struct gql_input_definition *one = part->inputs; one != NULL; one = one->next)
        count++;
    for (const struct gql_enum_value_definition *one = part->values; one != NULL; one = one->next)
        count++;
    return count;
}

static void check_field_name(struct gql_check *check, struct unique *unique, const struct gql_group *group,
                             const struct gql_name *name)
{
    uint32_t first;
    if (!unique_add(unique, name, &first))
        gql_refuse(check, "UniqueFieldDefinitionNames", GQL_AT(first, name->at),
                   "Field \"%s.%s\" can only be defined once.", group->name, name->text);
}

static void check_members(struct gql_check *check, const struct gql_group *group)
{
    uint32_t count = 0, first;
    for (uint32_t i = 0; i < group->part_count; i++)
        count += members_of(group->parts[i]);
    struct unique unique = unique_new(&check->arena, count);
    for (uint32_t i = 0; i < group->part_count; i++) {
        const struct gql_definition *part = group->parts[i];
        for (const struct gql_field_definition *one = part->fields; one != NULL; one = one->next)
            check_field_name(check, &unique, group, &one->name);
        for (const struct gql_input_definition *one = part->inputs; one != NULL; one = one->next)
            check_field_name(check, &unique, group, &one->name);
        for (const struct gql_enum_value_definition *one = part->values; one != NULL; one = one->next)
            if (!unique_add(&unique, &one->name, &first))
                gql_refuse(check, "UniqueEnumValueNames", GQL_AT(first, one->name.at),
                           "Enum value \"%s.%s\" can only be defined once.", group->name, one->name.text);
    }
}

/* `owner` and `field` name what the arguments are of: a type and its field, or "@" and the directive. */
static void check_arguments(struct gql_check *check, const char *owner, const char *dot, const char *field,
                            const struct gql_input_definition *arguments)
{
    uint32_t count = 0, first;
    for (const struct gql_input_definition *one = arguments; one != NULL; one = one->next)
        count++;
    if (count < 2)
        return;
    struct unique unique = unique_new(&check->arena, count);
    for (const struct gql_input_definition *one = arguments; one != NULL; one = one->next)
        if (!unique_add(&unique, &one->name, &first))
            gql_refuse(check, "UniqueArgumentDefinitionNames", GQL_AT(first, one->name.at),
                       "Argument \"%s%s%s(%s:)\" can only be defined once.", owner, dot, field, one->name.text);
}

static void check_directive_names(const struct gql_sdl *sdl, struct gql_check *check)
{
    struct unique unique = unique_new(&check->arena, sdl->ast->definition_count);
    uint32_t first;

    for (const struct gql_definition *one = sdl->ast->first; one != NULL; one = one->next) {
        if (one->kind != GQL_DIRECTIVE_DEFINITION)
            continue;
        if (!unique_add(&unique, &one->name, &first))
            gql_refuse(check, "UniqueDirectiveNames", GQL_AT(first, one->name.at),
                       "There can be only one directive named \"@%s\".", one->name.text);
        check_arguments(check, "@", "", one->name.text, one->inputs);
        for (const struct gql_named *at = one->locations; at != NULL; at = at->next)
            if (gql_location_named(at->name.text) == GQL_LOCATION_COUNT)
                gql_refuse(check, "KnownDirectiveLocations", GQL_AT(at->name.at),
                           "Directive \"@%s\" is defined on \"%s\", which is no directive location.", one->name.text,
                           at->name.text);
    }
}

/* --- Definitions and extensions of one type --- */

static const char *kind_name(enum gql_definition_kind kind)
{
    switch (kind) {
    case GQL_SCALAR_DEFINITION: return "scalar";
    case GQL_OBJECT_DEFINITION: return "object";
    case GQL_INTERFACE_DEFINITION: return "interface";
    case GQL_UNION_DEFINITION: return "union";
    case GQL_ENUM_DEFINITION: return "enum";
    case GQL_INPUT_DEFINITION: return "input object";
    case GQL_OPERATION:
    case GQL_FRAGMENT:
    case GQL_SCHEMA_DEFINITION:
    case GQL_DIRECTIVE_DEFINITION: break;
    }
    return "unknown";
}

static void check_extension(struct gql_check *check, const struct gql_group *group, const struct gql_definition *part)
{
    const struct gql_definition *definition = group->parts[0];
    if (group->builtin != NULL)
        gql_refuse(check, "PossibleTypeExtensions", GQL_AT(part->name.at),
                   "Cannot extend type \"%s\" because it is builtin.", group->name);
    else if (group->definition_count == 0)
        gql_refuse(check, "PossibleTypeExtensions", GQL_AT(part->name.at),
                   "Cannot extend type \"%s\" because it is not defined.", group->name);
    else if (part->kind != definition->kind)
        gql_refuse(check, "PossibleTypeExtensions", GQL_AT(definition->at, part->at),
                   "Cannot extend non-%s type \"%s\".", kind_name(part->kind), group->name);
}

static void check_definition(struct gql_check *check, const struct gql_group *group, uint32_t i)
{
    const struct gql_definition *part = group->parts[i];
    if (i > 0)
        gql_refuse(check, "UniqueTypeNames", GQL_AT(group->parts[0]->name.at, part->name.at),
                   "There can be only one type named \"%s\".", group->name);
    /* Some tools write the builtin scalars into the SDL that they print. */
    else if (group->builtin != NULL &&
             (group->builtin->kind != GQL_SCALAR_DEFINITION || part->kind != group->builtin->kind))
        gql_refuse(check, "UniqueTypeNames", GQL_AT(part->name.at),
                   "Type \"%s\" is builtin. It cannot also be defined in this type definition.", group->name);
}

static void check_group(struct gql_check *check, const struct gql_group *group)
{
    if (group->parts[0] == group->builtin)
        return;
    for (uint32_t i = 0; i < group->part_count; i++) {
        const struct gql_definition *part = group->parts[i];
        if (part->is_extension)
            check_extension(check, group, part);
        else
            check_definition(check, group, i);
        for (const struct gql_field_definition *field = part->fields; field != NULL; field = field->next)
            check_arguments(check, group->name, ".", field->name.text, field->arguments);
    }
    check_members(check, group);
}

/* --- References --- */

static void refer(struct gql_sdl *sdl, struct gql_check *check, bool is_builtin, const char *name, uint32_t at)
{
    uint32_t index = gql_names_find(sdl->types_by_name, name);
    if (index == GQL_NO_NAME)
        gql_refuse(check, "KnownTypeNames", GQL_AT(at), "Unknown type \"%s\".", name);
    else if (!is_builtin && sdl->types[index].builtin != NULL && name[0] == '_')
        gql_refuse(check, "KnownTypeNames", GQL_AT(at),
                   "Type \"%s\" is for introspection. It cannot be used in a schema.", name);
    else
        sdl->types[index].is_used = true;
}

static void refer_type(struct gql_sdl *sdl, struct gql_check *check, bool is_builtin, const struct gql_type_ref *type)
{
    while (type->kind != GQL_REF_NAMED)
        type = type->of;
    refer(sdl, check, is_builtin, type->name, type->at);
}

static void refer_inputs(struct gql_sdl *sdl, struct gql_check *check, bool is_builtin,
                         const struct gql_input_definition *inputs)
{
    for (; inputs != NULL; inputs = inputs->next)
        refer_type(sdl, check, is_builtin, inputs->type);
}

static void check_references(struct gql_sdl *sdl, struct gql_check *check, const struct gql_ast *ast)
{
    bool is_builtin = ast == sdl->builtin;
    for (const struct gql_definition *one = ast->first; one != NULL; one = one->next) {
        for (const struct gql_named *name = one->interfaces; name != NULL; name = name->next)
            refer(sdl, check, is_builtin, name->name.text, name->name.at);
        for (const struct gql_named *name = one->members; name != NULL; name = name->next)
            refer(sdl, check, is_builtin, name->name.text, name->name.at);
        for (const struct gql_root_definition *root = one->roots; root != NULL; root = root->next)
            refer(sdl, check, is_builtin, root->type.text, root->type.at);
        for (const struct gql_field_definition *field = one->fields; field != NULL; field = field->next) {
            refer_type(sdl, check, is_builtin, field->type);
            refer_inputs(sdl, check, is_builtin, field->arguments);
        }
        refer_inputs(sdl, check, is_builtin, one->inputs);
    }
}

void gql_sdl_check(struct gql_sdl *sdl, struct gql_check *check)
{
    for (const struct gql_definition *one = sdl->ast->first; one != NULL; one = one->next)
        if (one->kind == GQL_OPERATION || one->kind == GQL_FRAGMENT)
            gql_refuse(check, "TypeSystemDefinitions", GQL_AT(one->at),
                       "A schema is made of type system definitions; operations and fragments are none.");
    check_schema_definition(sdl, check);
    for (uint32_t i = 0; i < sdl->type_count; i++)
        check_group(check, &sdl->types[i]);
    check_directive_names(sdl, check);
    check_references(sdl, check, sdl->ast);
    check_references(sdl, check, sdl->builtin);
}
