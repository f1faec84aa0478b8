#include "common/graphql/result.h"

#include <string.h>

/* --- Places --- */

struct gql_entry *gql_place_entry(struct gql_place place)
{
    return place.branch->entry ? place.branch->entry : &place.branch->plan->entries[place.index];
}

const struct gql_ref *gql_place_ref(struct gql_place place)
{
    return place.branch->entry ? place.branch->item : place.branch->plan->entries[place.index].field->ref;
}

bool gql_place_is_nulled(struct gql_place place)
{
    for (const struct gql_branch *branch = place.branch; branch; branch = branch->parent)
        if (branch->is_nulled)
            return true;
    return false;
}

static void add_step(json_t *path, struct gql_place place)
{
    if (place.branch->parent)
        add_step(path, (struct gql_place){ .branch = place.branch->parent, .index = place.branch->index });
    json_array_append_new(path, place.branch->entry ? json_integer(place.index)
                                                    : json_string(place.branch->plan->entries[place.index].key));
}

json_t *gql_place_path(struct gql_place place)
{
    json_t *path = json_array();

    add_step(path, place);
    return path;
}

void gql_place_null(struct gql_place place)
{
    place.branch->slots[place.index] = (struct gql_slot){ .kind = GQL_SLOT_NULL };
    while (gql_place_ref(place)->kind == GQL_REF_NON_NULL) {
        place.branch->is_nulled = true;
        if (!place.branch->parent)
            return;
        place = (struct gql_place){ .branch = place.branch->parent, .index = place.branch->index };
        place.branch->slots[place.index] = (struct gql_slot){ .kind = GQL_SLOT_NULL };
    }
}

/* --- Text --- */

static void write_branch(struct gql_text *text, const struct gql_branch *branch);

static void write_slot(struct gql_text *text, const struct gql_slot *slot)
{
    switch (slot->kind) {
    case GQL_SLOT_NULL: gql_text_add(text, "null", 4); break;
    case GQL_SLOT_JSON: gql_text_json(text, slot->json); break;
    case GQL_SLOT_NAME: gql_text_string(text, slot->name, strlen(slot->name)); break;
    case GQL_SLOT_BRANCH: write_branch(text, slot->branch); break;
    }
}

static void write_object(struct gql_text *text, const struct gql_branch *object)
{
    gql_text_add(text, "{", 1);
    for (uint32_t i = 0; i < object->count; i++) {
        const struct gql_entry *entry = &object->plan->entries[i];

        if (i > 0)
            gql_text_add(text, ",", 1);
        gql_text_add(text, entry->label, entry->label_size);
        write_slot(text, &object->slots[i]);
    }
    gql_text_add(text, "}", 1);
}

static void write_list(struct gql_text *text, const struct gql_branch *list)
{
    gql_text_add(text, "[", 1);
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            gql_text_add(text, ",", 1);
        write_slot(text, &list->slots[i]);
    }
    gql_text_add(text, "]", 1);
}

static void write_branch(struct gql_text *text, const struct gql_branch *branch)
{
    if (branch->entry)
        write_list(text, branch);
    else
        write_object(text, branch);
}

void gql_result_write(struct gql_text *text, const struct gql_branch *data, const struct gql_errors *errors)
{
    gql_text_add(text, "{", 1);
    if (errors->count > 0) {
        json_t *list = gql_errors_json(errors);

        gql_text_add(text, "\"errors\":", 9);
        gql_text_json(text, list);
        json_decref(list);
        if (data)
            gql_text_add(text, ",", 1);
    }
    if (data) {
        gql_text_add(text, "\"data\":", 7);
        if (data->is_nulled)
            gql_text_add(text, "null", 4);
        else
            write_branch(text, data);
    }
    gql_text_add(text, "}", 2);
    text->size--; /* the NUL is behind the text */
}
