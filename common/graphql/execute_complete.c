/* execute_complete.c - from what a resolver gave to what is answered: CompleteValue of the specification (6.4.3). */
#include "common/graphql/execute.h"

#include <string.h>

/* Which field it is, for messages: Type.name. */
#define FIELD_FORMAT "%s.%s"
#define FIELD_OF(place) (place).branch->plan->type->name, gql_place_entry(place)->field->name

static void set_slot(struct gql_place place, struct gql_slot slot)
{
    place.branch->slots[place.index] = slot;
}

/* --- Leaves --- */

/* Apart from complete_leaf, so that its message takes no room on the stack of deep answers. */
__attribute__((noinline)) static void convert_leaf(struct gql_execution *execution, struct gql_place place,
                                                   const struct gql_type *type, const json_t *value)
{
    char message[GQL_MESSAGE_SIZE];
    json_t *made = NULL;
    const json_t *leaf = gql_leaf(type, value, &made, message, sizeof(message));

    if (made)
        gql_keep(&execution->arena, &execution->kept, made);
    if (leaf)
        set_slot(place, (struct gql_slot){ .kind = GQL_SLOT_JSON, .json = leaf });
    else
        gql_fail(execution, place, "%s", message);
}

static void complete_leaf(struct gql_execution *execution, struct gql_place place, const struct gql_type *type,
                          const json_t *value)
{
    if (json_is_string(value) && (type->scalar == GQL_STRING || type->scalar == GQL_ID))
        set_slot(place, (struct gql_slot){ .kind = GQL_SLOT_JSON, .json = value });
    else
        convert_leaf(execution, place, type, value);
}

/* --- Objects --- */

__attribute__((noinline)) static void fail_condition(struct gql_execution *execution, struct gql_place place)
{
    const struct gql_value *invalid = execution->planner->invalid;
    struct gql_error *error = gql_fail(execution, place,
                                       "Argument \"if\" of non-null type \"Boolean!\" must not be null.");

    if (error) {
        error->location_count = 0;
        gql_error_at(error, execution->document->ast->text, invalid->at);
    }
}

static void complete_object(struct gql_execution *execution, struct gql_place place, const struct gql_type *type,
                            const json_t *value)
{
    struct gql_entry *entry = gql_place_entry(place);
    const struct gql_plan *plan = gql_plan_fields(execution->planner, entry, type);
    struct gql_branch *object;

    if (!plan) {
        fail_condition(execution, place);
        return;
    }
    object = gql_branch_new(execution, place, plan->count);
    object->plan = plan;
    object->value = value;
    gql_execute_fields(execution, object);
}

/* Apart from is_object for the stack's sake, too. */
__attribute__((noinline)) static void fail_object(struct gql_execution *execution, struct gql_place place,
                                                  const struct gql_type *type, const json_t *value)
{
    char text[GQL_MESSAGE_SIZE / 2];

    gql_inspect(value, text, sizeof(text));
    gql_fail(execution, place, "Expected an object of type \"%s\" for field \"" FIELD_FORMAT "\", but got: %s.",
             type->name, FIELD_OF(place), text);
}

/* NULL: `place` failed. */
static const struct gql_type *object_type(struct gql_execution *execution, struct gql_place place,
                                          const struct gql_type *abstract, const json_t *value)
{
    const char *name = json_string_value(json_object_get(value, "__typename"));
    const struct gql_type *type = name ? gql_schema_type(execution->document->schema, name) : NULL;

    if (!name)
        gql_fail(execution, place,
                 "Abstract type \"%s\" must resolve to an object type for field \"" FIELD_FORMAT
                 "\": its value has no \"__typename\".",
                 abstract->name, FIELD_OF(place));
    else if (!type)
        gql_fail(execution, place,
                 "Abstract type \"%s\" was resolved to a type \"%s\" that does not exist in the schema.",
                 abstract->name, name);
    else if (type->kind != GQL_OBJECT)
        gql_fail(execution, place, "Abstract type \"%s\" was resolved to \"%s\", which is no object type.",
                 abstract->name, name);
    else if (!gql_type_is_possible(execution->document->schema, abstract, type))
        gql_fail(execution, place, "Object type \"%s\" is not a possible type of \"%s\".", name, abstract->name);
    else
        return type;
    return NULL;
}

/* False: `place` failed. */
static bool is_object(struct gql_execution *execution, struct gql_place place, const struct gql_type *type,
                      const json_t *value)
{
    if (json_is_object(value))
        return true;
    fail_object(execution, place, type, value);
    return false;
}

static void complete_abstract(struct gql_execution *execution, struct gql_place place, const struct gql_type *abstract,
                              const json_t *value)
{
    const struct gql_type *type = object_type(execution, place, abstract, value);

    if (type)
        complete_object(execution, place, type, value);
}

/* --- Lists --- */

static bool is_list(struct gql_execution *execution, struct gql_place place, const json_t *value)
{
    size_t items_max = execution->document->limits.items;

    if (!json_is_array(value)) {
        gql_fail(execution, place, "Expected a list for field \"" FIELD_FORMAT "\", but did not find one.",
                 FIELD_OF(place));
        return false;
    }
    if (items_max != 0 && json_array_size(value) > items_max) {
        gql_fail(execution, place, "The list of field \"" FIELD_FORMAT "\" has %zu items, more than the limit of %zu.",
                 FIELD_OF(place), json_array_size(value), items_max);
        return false;
    }
    return true;
}

static void complete_list(struct gql_execution *execution, struct gql_place place, const struct gql_ref *item,
                          const json_t *value)
{
    struct gql_branch *list;

    if (!is_list(execution, place, value))
        return;
    list = gql_branch_new(execution, place, json_array_size(value));
    list->plan = place.branch->plan;
    list->entry = gql_place_entry(place);
    list->item = item;
    for (uint32_t i = 0; i < list->count && !list->is_nulled; i++)
        gql_complete(execution, (struct gql_place){ .branch = list, .index = i }, item, json_array_get(value, i));
}

/* --- Everything --- */

static bool is_too_deep(struct gql_execution *execution, struct gql_place place)
{
    if (place.branch->depth < GQL_ANSWER_DEPTH)
        return false;
    gql_fail(execution, place, "The answer has more than %d levels at field \"" FIELD_FORMAT "\".", GQL_ANSWER_DEPTH,
             FIELD_OF(place));
    return true;
}

static void complete_null(struct gql_execution *execution, struct gql_place place, bool is_allowed)
{
    if (!is_allowed)
        gql_fail(execution, place, "Cannot return null for non-nullable field " FIELD_FORMAT ".", FIELD_OF(place));
}

void gql_complete(struct gql_execution *execution, struct gql_place place, const struct gql_ref *ref,
                  const json_t *value)
{
    bool is_nullable = ref->kind != GQL_REF_NON_NULL;

    if (!is_nullable)
        ref = ref->of;
    if (!value || json_is_null(value)) {
        complete_null(execution, place, is_nullable);
        return;
    }
    if (ref->kind == GQL_REF_NAMED && (ref->type->kind & GQL_LEAF)) {
        complete_leaf(execution, place, ref->type, value);
        return;
    }
    if (is_too_deep(execution, place))
        return;
    if (ref->kind == GQL_REF_LIST)
        complete_list(execution, place, ref->of, value);
    else if (!is_object(execution, place, ref->type, value))
        return;
    else if (ref->type->kind == GQL_OBJECT)
        complete_object(execution, place, ref->type, value);
    else
        complete_abstract(execution, place, ref->type, value);
}
