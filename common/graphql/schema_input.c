#include <stdio.h>
#include <string.h>

#include "common/graphql/coerce.h"
#include "common/graphql/schema_build.h"

/* Default values may need each other in a chain; a longer one than this is not walked, for the stack's sake. */
enum { DEFAULTS_DEPTH_MAX = 1000 };

/* --- Input objects that would hold themselves without end --- */

/* A field that must be given, of an input object: to what it leads. NULL: to nothing. */
static const struct gql_type *demanded(const struct gql_input *input)
{
    if (input->ref->kind != GQL_REF_NON_NULL || input->ref->of->kind != GQL_REF_NAMED)
        return NULL;
    return input->ref->type->kind == GQL_INPUT_OBJECT ? input->ref->type : NULL;
}

struct step {
    const struct gql_type *type;
    uint32_t next; /* the field that is looked at next */
};

struct cycles {
    struct gql_check *check;
    struct step *path; /* from the type where the search began; each type is on it at most once */
    uint32_t length;
    uint32_t *place; /* on the path, from 1 on, by index of the type; 0: it is not on it */
    bool *met;
};

/* The path's end leads to its step `from` again. */
static void refuse_cycle(struct cycles *cycles, uint32_t from)
{
    char names[GQL_MESSAGE_SIZE] = "";
    uint32_t at[GQL_ERROR_LOCATIONS_MAX];
    size_t at_count = 0, length = 0;

    for (uint32_t i = from; i < cycles->length; i++) {
        const struct gql_input *field = &cycles->path[i].type->inputs[cycles->path[i].next - 1];
        if (at_count < GQL_ERROR_LOCATIONS_MAX)
            at[at_count++] = field->at;
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i == from ? "" : ".", field->name);
        if (length >= sizeof(names))
            break;
    }
    gql_refuse(cycles->check, "InputObjectCycles", at, at_count,
               "Cannot reference Input Object \"%s\" within itself through a series of non-null fields: \"%s\".",
               cycles->path[from].type->name, names);
}

static void enter(struct cycles *cycles, const struct gql_type *type)
{
    if (cycles->met[type->index])
        return;
    cycles->met[type->index] = true;
    cycles->path[cycles->length++] = (struct step){ .type = type };
    cycles->place[type->index] = cycles->length;
}

static void find_cycles(struct cycles *cycles, const struct gql_type *type)
{
    enter(cycles, type);
    while (cycles->length > 0) {
        struct step *step = &cycles->path[cycles->length - 1];
        if (step->next == step->type->input_count) {
            cycles->place[step->type->index] = 0;
            cycles->length--;
            continue;
        }
        const struct gql_type *to = demanded(&step->type->inputs[step->next++]);
        if (to == NULL)
            continue;
        if (cycles->place[to->index] != 0)
            refuse_cycle(cycles, cycles->place[to->index] - 1);
        else
            enter(cycles, to);
    }
}

static void check_cycles(const struct gql_schema *schema, struct gql_check *check)
{
    struct cycles cycles = {
        .check = check,
        .path = gql_alloc(&check->arena, schema->type_count * sizeof(struct step)),
        .place = gql_alloc(&check->arena, schema->type_count * sizeof(uint32_t)),
        .met = gql_alloc(&check->arena, schema->type_count * sizeof(bool)),
    };
    for (uint32_t i = 0; i < schema->type_count; i++)
        if (schema->types[i]->kind == GQL_INPUT_OBJECT)
            find_cycles(&cycles, schema->types[i]);
}

/* --- Default values --- */

enum state { STATE_UNKNOWN, STATE_RUNNING, STATE_DONE };

struct defaults {
    const struct gql_schema *schema;
    struct gql_check *check;
    char **states; /* enum state of each input field, by index of its type */
    int depth;
};

static void coerce_field(struct defaults *defaults, const struct gql_type *type, uint32_t index);

/* A default is coerced after the defaults that it takes in: those of fields that its object literals leave out. */
static void coerce_needed(struct defaults *defaults, const struct gql_value *value, const struct gql_ref *ref)
{
    while (ref->kind == GQL_REF_NON_NULL || (ref->kind == GQL_REF_LIST && value->kind != GQL_VALUE_LIST))
        ref = ref->of;
    if (ref->kind == GQL_REF_LIST) {
        for (const struct gql_value *one = value->items; one != NULL; one = one->next)
            coerce_needed(defaults, one, ref->of);
        return;
    }
    if (ref->type->kind != GQL_INPUT_OBJECT || value->kind != GQL_VALUE_OBJECT)
        return;
    for (uint32_t i = 0; i < ref->type->input_count; i++) {
        const struct gql_input *field = &ref->type->inputs[i];
        const struct gql_member *given = value->members;
        while (given != NULL && strcmp(given->name.text, field->name) != 0)
            given = given->next;
        if (given != NULL)
            coerce_needed(defaults, given->value, field->ref);
        else
            coerce_field(defaults, ref->type, i);
    }
}

/* `what` is the input as messages call it. */
static void coerce_default(struct defaults *defaults, struct gql_input *input, const char *what)
{
    char type[128];

    if (input->default_value == NULL || (input->ref->type->kind & GQL_INPUT) == 0)
        return;
    coerce_needed(defaults, input->default_value, input->ref);
    input->default_json = gql_coerce_literal(input->default_value, input->ref, NULL);
    if (input->default_json == NULL) {
        gql_ref_print(input->ref, type, sizeof(type));
        gql_refuse(defaults->check, "ValuesOfCorrectType", GQL_AT(input->default_value->at),
                   "The default value of %s is no value of type \"%s\".", what, type);
    }
}

static void coerce_field(struct defaults *defaults, const struct gql_type *type, uint32_t index)
{
    struct gql_input *input = &type->inputs[index];
    char *state = &defaults->states[type->index][index];
    char what[256];

    if (*state == STATE_DONE || input->default_value == NULL)
        return;
    if (*state == STATE_RUNNING || defaults->depth >= DEFAULTS_DEPTH_MAX) {
        gql_refuse(defaults->check, "DefaultValueCycles", GQL_AT(input->at),
                   "The default value of %s.%s must not need itself, by the defaults of fields that it leaves out.",
                   type->name, input->name);
        return;
    }
    *state = STATE_RUNNING;
    defaults->depth++;
    snprintf(what, sizeof(what), "%s.%s", type->name, input->name);
    coerce_default(defaults, input, what);
    defaults->depth--;
    *state = STATE_DONE;
}

static void coerce_arguments(struct defaults *defaults, struct gql_input *arguments, uint32_t count, const char *owner,
                             const char *name)
{
    char what[512];

    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i].default_value == NULL)
            continue;
        snprintf(what, sizeof(what), "%s%s(%s:)", owner, name, arguments[i].name);
        coerce_default(defaults, &arguments[i], what);
    }
}

static void coerce_defaults(const struct gql_schema *schema, struct gql_check *check)
{
    struct defaults defaults = { .schema = schema, .check = check };
    char name[256];

    defaults.states = gql_alloc(&check->arena, schema->type_count * sizeof(char *));
    for (uint32_t i = 0; i < schema->type_count; i++)
        if (schema->types[i]->input_count > 0)
            defaults.states[i] = gql_alloc(&check->arena, schema->types[i]->input_count);
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct gql_type *type = schema->types[i];
        for (uint32_t k = 0; k < type->input_count; k++)
            coerce_field(&defaults, type, k);
        for (uint32_t k = 0; k < type->field_count; k++) {
            snprintf(name, sizeof(name), ".%s", type->fields[k].name);
            coerce_arguments(&defaults, type->fields[k].arguments, type->fields[k].argument_count, type->name, name);
        }
    }
    for (uint32_t i = 0; i < schema->directive_count; i++)
        coerce_arguments(&defaults, schema->directives[i].arguments, schema->directives[i].argument_count, "@",
                         schema->directives[i].name);
}

/* --- Arguments of directives --- */

static void check_applied(const struct gql_schema *schema, struct gql_check *check, const struct gql_directive *first)
{
    char type[128];

    for (; first != NULL; first = first->next) {
        const struct gql_directive_type *directive = gql_schema_directive(schema, first->name.text);
        for (const struct gql_member *one = first->arguments; one != NULL; one = one->next) {
            const struct gql_input *input = gql_directive_argument(directive, one->name.text);
            if ((input->ref->type->kind & GQL_INPUT) == 0)
                continue;
            json_t *value = gql_coerce_literal(one->value, input->ref, NULL);
            if (value == NULL) {
                gql_ref_print(input->ref, type, sizeof(type));
                gql_refuse(check, "ValuesOfCorrectType", GQL_AT(one->value->at),
                           "The value of @%s(%s:) is no value of type \"%s\".", directive->name, input->name, type);
            }
            json_decref(value);
        }
    }
}

static void check_applied_to_inputs(const struct gql_schema *schema, struct gql_check *check,
                                    const struct gql_input_definition *inputs)
{
    for (; inputs != NULL; inputs = inputs->next)
        check_applied(schema, check, inputs->directives);
}

static void check_all_applied(const struct gql_schema *schema, struct gql_check *check)
{
    for (const struct gql_definition *one = schema->sdl->first; one != NULL; one = one->next) {
        check_applied(schema, check, one->directives);
        check_applied_to_inputs(schema, check, one->inputs);
        for (const struct gql_field_definition *field = one->fields; field != NULL; field = field->next) {
            check_applied(schema, check, field->directives);
            check_applied_to_inputs(schema, check, field->arguments);
        }
        for (const struct gql_enum_value_definition *value = one->values; value != NULL; value = value->next)
            check_applied(schema, check, value->directives);
    }
}

void gql_check_inputs(struct gql_schema *schema, struct gql_check *check)
{
    check_cycles(schema, check);
    coerce_defaults(schema, check);
    check_all_applied(schema, check);
}
