#include <string.h>

#include "common/graphql/schema_build.h"

/* What is walked through: directives where they are written, one place after the other. */
struct walk {
    const struct gql_sdl *sdl;
    struct gql_check *check;
};

static const struct gql_definition *definition_of(const struct gql_sdl *sdl, const char *name)
{
    uint32_t index = gql_names_find(sdl->directives_by_name, name);
    return index == GQL_NO_NAME ? NULL : sdl->directives[index];
}

static bool is_allowed(const struct gql_definition *directive, const char *location)
{
    const struct gql_named *at = directive->locations;
    while (at != NULL && strcmp(at->name.text, location) != 0)
        at = at->next;
    return at != NULL;
}

/* --- Arguments --- */

static const struct gql_member *member_named(const struct gql_member *members, const char *name)
{
    while (members != NULL && strcmp(members->name.text, name) != 0)
        members = members->next;
    return members;
}

/* Members of a list may be met twice; `rule` and `what` say how that is called. */
static void check_unique(struct gql_check *check, const struct gql_member *members, const char *rule, const char *what)
{
    size_t count = 0;
    for (const struct gql_member *one = members; one != NULL; one = one->next)
        count++;
    if (count < 2)
        return;
    struct gql_names *names = gql_names_new(&check->arena, count);
    for (const struct gql_member *one = members; one != NULL; one = one->next) {
        uint32_t first = gql_names_add(names, one->name.text, one->name.at);
        if (first != one->name.at)
            gql_refuse(check, rule, GQL_AT(first, one->name.at), "There can be only one %s named \"%s\".", what,
                       one->name.text);
    }
}

/* Values are nested no deeper than the parser lets them be. */
static void check_value(struct gql_check *check, const struct gql_value *value)
{
    if (value->kind == GQL_VALUE_OBJECT)
        check_unique(check, value->members, "UniqueInputFieldNames", "input field");
    for (const struct gql_member *one = value->kind == GQL_VALUE_OBJECT ? value->members : NULL; one != NULL;
         one = one->next)
        check_value(check, one->value);
    for (const struct gql_value *one = value->kind == GQL_VALUE_LIST ? value->items : NULL; one != NULL;
         one = one->next)
        check_value(check, one);
}

static void check_given(struct gql_check *check, const struct gql_directive *directive,
                        const struct gql_definition *definition)
{
    check_unique(check, directive->arguments, "UniqueArgumentNames", "argument");
    for (const struct gql_member *one = directive->arguments; one != NULL; one = one->next) {
        const struct gql_input_definition *input = definition->inputs;
        while (input != NULL && strcmp(input->name.text, one->name.text) != 0)
            input = input->next;
        if (input == NULL)
            gql_refuse(check, "KnownArgumentNames", GQL_AT(one->name.at),
                       "Unknown argument \"%s\" on directive \"@%s\".", one->name.text, definition->name.text);
        check_value(check, one->value);
    }
    for (const struct gql_input_definition *input = definition->inputs; input != NULL; input = input->next)
        if (input->type->kind == GQL_REF_NON_NULL && input->default_value == NULL &&
            member_named(directive->arguments, input->name.text) == NULL)
            gql_refuse(check, "ProvidedRequiredArguments", GQL_AT(directive->at),
                       "Directive \"@%s\" argument \"%s\" is required, but it was not provided.", definition->name.text,
                       input->name.text);
}

/* --- Places --- */

/* `seen` (may be NULL: this is the only list of its place) has the directives of the place's earlier lists. */
static void check_list(struct walk *walk, const struct gql_directive *first, const char *location,
                       struct gql_names *seen)
{
    size_t count = 0;
    for (const struct gql_directive *one = first; one != NULL; one = one->next)
        count++;
    if (seen == NULL && count > 1)
        seen = gql_names_new(&walk->check->arena, count);
    for (const struct gql_directive *one = first; one != NULL; one = one->next) {
        const struct gql_definition *definition = definition_of(walk->sdl, one->name.text);
        if (definition == NULL) {
            gql_refuse(walk->check, "KnownDirectives", GQL_AT(one->at), "Unknown directive \"@%s\".", one->name.text);
            continue;
        }
        if (!is_allowed(definition, location))
            gql_refuse(walk->check, "KnownDirectives", GQL_AT(one->at), "Directive \"@%s\" may not be used on %s.",
                       one->name.text, location);
        uint32_t before = seen == NULL ? one->at : gql_names_add(seen, one->name.text, one->at);
        if (before != one->at && !definition->is_repeatable)
            gql_refuse(walk->check, "UniqueDirectivesPerLocation", GQL_AT(before, one->at),
                       "The directive \"@%s\" can only be used once at this location.", one->name.text);
        check_given(walk->check, one, definition);
    }
}

static void check_inputs(struct walk *walk, const struct gql_input_definition *inputs, const char *location)
{
    for (; inputs != NULL; inputs = inputs->next) {
        check_list(walk, inputs->directives, location, NULL);
        if (inputs->default_value != NULL)
            check_value(walk->check, inputs->default_value);
    }
}

static const char *location_of(const struct gql_definition *definition)
{
    switch (definition->kind) {
    case GQL_SCALAR_DEFINITION: return "SCALAR";
    case GQL_OBJECT_DEFINITION: return "OBJECT";
    case GQL_INTERFACE_DEFINITION: return "INTERFACE";
    case GQL_UNION_DEFINITION: return "UNION";
    case GQL_ENUM_DEFINITION: return "ENUM";
    case GQL_INPUT_DEFINITION: return "INPUT_OBJECT";
    case GQL_SCHEMA_DEFINITION: return "SCHEMA";
    case GQL_DIRECTIVE_DEFINITION: return "DIRECTIVE_DEFINITION";
    case GQL_OPERATION:
    case GQL_FRAGMENT: break;
    }
    return "QUERY";
}

/* A directive that is not repeatable is unique in all parts of a type together. */
static void check_group(struct walk *walk, const struct gql_group *group)
{
    size_t count = 0;
    for (uint32_t i = 0; i < group->part_count; i++)
        for (const struct gql_directive *one = group->parts[i]->directives; one != NULL; one = one->next)
            count++;
    struct gql_names *seen = count < 2 ? NULL : gql_names_new(&walk->check->arena, count);
    for (uint32_t i = 0; i < group->part_count; i++) {
        const struct gql_definition *part = group->parts[i];
        check_list(walk, part->directives, location_of(part), seen);
        for (const struct gql_field_definition *one = part->fields; one != NULL; one = one->next) {
            check_list(walk, one->directives, "FIELD_DEFINITION", NULL);
            check_inputs(walk, one->arguments, "ARGUMENT_DEFINITION");
        }
        for (const struct gql_enum_value_definition *one = part->values; one != NULL; one = one->next)
            check_list(walk, one->directives, "ENUM_VALUE", NULL);
        check_inputs(walk, part->inputs, "INPUT_FIELD_DEFINITION");
    }
}

/* --- Cycles --- */

/* Nodes are directives, then types; a node leads to the directives that it uses and to the types of its inputs. */
struct reach {
    const struct gql_sdl *sdl;
    bool *met;
    uint32_t *todo; /* each node at most once */
    uint32_t todo_count;
};

static void reach_node(struct reach *reach, uint32_t node)
{
    if (node == GQL_NO_NAME || reach->met[node])
        return;
    reach->met[node] = true;
    reach->todo[reach->todo_count++] = node;
}

static void reach_directives(struct reach *reach, const struct gql_directive *first)
{
    for (; first != NULL; first = first->next)
        reach_node(reach, gql_names_find(reach->sdl->directives_by_name, first->name.text));
}

static void reach_inputs(struct reach *reach, const struct gql_input_definition *inputs)
{
    for (; inputs != NULL; inputs = inputs->next) {
        const struct gql_type_ref *type = inputs->type;
        while (type->kind != GQL_REF_NAMED)
            type = type->of;
        uint32_t index = gql_names_find(reach->sdl->types_by_name, type->name);
        reach_node(reach, index == GQL_NO_NAME ? GQL_NO_NAME : reach->sdl->directive_count + index);
        reach_directives(reach, inputs->directives);
    }
}

static void reach_from(struct reach *reach, uint32_t node)
{
    if (node < reach->sdl->directive_count) {
        reach_inputs(reach, reach->sdl->directives[node]->inputs);
        return;
    }
    const struct gql_group *group = &reach->sdl->types[node - reach->sdl->directive_count];
    for (uint32_t i = 0; i < group->part_count; i++) {
        reach_directives(reach, group->parts[i]->directives);
        reach_inputs(reach, group->parts[i]->inputs);
        for (const struct gql_enum_value_definition *one = group->parts[i]->values; one != NULL; one = one->next)
            reach_directives(reach, one->directives);
    }
}

static void check_cycle(struct walk *walk, uint32_t directive)
{
    const struct gql_definition *definition = walk->sdl->directives[directive];
    size_t nodes = (size_t)walk->sdl->directive_count + walk->sdl->type_count;
    struct reach reach = {
        .sdl = walk->sdl,
        .met = gql_alloc(&walk->check->arena, nodes * sizeof(bool)),
        .todo = gql_alloc(&walk->check->arena, nodes * sizeof(uint32_t)),
    };

    reach_from(&reach, directive);
    while (reach.todo_count > 0 && !reach.met[directive])
        reach_from(&reach, reach.todo[--reach.todo_count]);
    if (reach.met[directive])
        gql_refuse(walk->check, "DirectiveCycles", GQL_AT(definition->name.at),
                   "Directive \"@%s\" must not use itself, neither directly nor by a type or directive that it uses.",
                   definition->name.text);
}

void gql_sdl_check_directives(const struct gql_sdl *sdl, struct gql_check *check)
{
    struct walk walk = { .sdl = sdl, .check = check };

    check_group(&walk, &sdl->schema);
    for (uint32_t i = 0; i < sdl->type_count; i++)
        if (sdl->types[i].parts[0] != sdl->types[i].builtin)
            check_group(&walk, &sdl->types[i]);
    for (const struct gql_definition *one = sdl->ast->first; one != NULL; one = one->next)
        if (one->kind == GQL_DIRECTIVE_DEFINITION)
            check_inputs(&walk, one->inputs, "ARGUMENT_DEFINITION");
    for (uint32_t i = 0; i < sdl->directive_count; i++)
        if (sdl->directives[i]->inputs != NULL)
            check_cycle(&walk, i);
}
