/* Rules about a single field, and what selection sets may overlap. */
#include "common/graphql/validate_context.h"

#include <string.h>

/* Lists of the introspection types within each other; one more and answers grow beyond bounds. */
enum { INTROSPECTION_LISTS_MAX = 3 };

/* --- FieldsOnCorrectType --- */

static void fields_on_correct_type(struct validation *v, const struct gql_selection *field,
                                   const struct gql_type *parent)
{
    struct suggestion suggestion = suggestion_for(field->name.text);

    if (validate_is_full(v))
        return;
    for (uint32_t i = 0; i < parent->field_count; i++)
        suggestion_try(&suggestion, parent->fields[i].name);
    validate_at(v,
                gql_errors_add(v->errors, "FieldsOnCorrectType", "Cannot query field \"%s\" on type \"%s\".%s",
                               field->name.text, parent->name, suggestion_text(&suggestion)),
                field->at);
}

/* --- ScalarLeafs --- */

static void scalar_leafs(struct validation *v, const struct gql_selection *field, const struct gql_field_type *type)
{
    bool is_leaf = (type->ref->type->kind & GQL_LEAF) != 0;

    if (is_leaf == (field->set == NULL))
        return;
    if (is_leaf)
        validate_at(v,
                    gql_errors_add(v->errors, "ScalarLeafs",
                                   "Field \"%s\" must not have a selection since type \"%s\" has no subfields.",
                                   field->name.text, validate_ref_text(type->ref).text),
                    field->set->at);
    else
        validate_at(v,
                    gql_errors_add(v->errors, "ScalarLeafs",
                                   "Field \"%s\" of type \"%s\" must have a selection of subfields: \"%s { ... }\".",
                                   field->name.text, validate_ref_text(type->ref).text, field->name.text),
                    field->at);
}

const struct gql_field_type *validate_field(struct validation *v, const struct gql_selection *field,
                                            const struct gql_type *parent)
{
    const struct gql_field_type *type;

    if (parent == NULL)
        return NULL;
    type = gql_schema_field(v->schema, parent, field->name.text);
    if (type == NULL)
        fields_on_correct_type(v, field, parent);
    else
        scalar_leafs(v, field, type);
    return type;
}

/* --- MaxIntrospectionDepth --- */

static bool is_introspection_list(const char *name)
{
    return strcmp(name, "fields") == 0 || strcmp(name, "interfaces") == 0 || strcmp(name, "possibleTypes") == 0 ||
           strcmp(name, "inputFields") == 0;
}

/* A selection set that is being searched: a stack in place of recursion, because fragments can make a chain of any
 * length. */
struct level {
    const struct gql_selection *next;
    const struct fragment *fragment; /* the selection set is its own; NULL: of a field or inline fragment */
    uint32_t lists;                  /* that it is in */
};

/* What is known of a fragment. Numbers of lists that it was entered in, and one more: 0 is "never". */
struct introspection {
    uint32_t visited, search; /* in the search with this number */
    uint32_t checked;         /* it was not too deep from there */
    uint32_t exceeded;        /* it was too deep from there, so it is from deeper ones */
};

struct search {
    struct level *levels;
    uint32_t count, room;
};

static void enter(struct validation *v, struct search *search, struct level level)
{
    if (search->count == search->room) {
        uint32_t room = search->room == 0 ? 16 : 2 * search->room;
        struct level *levels = gql_alloc(&v->arena, room * sizeof(*levels));

        if (search->count > 0)
            memcpy(levels, search->levels, search->count * sizeof(*levels));
        search->levels = levels;
        search->room = room;
    }
    search->levels[search->count++] = level;
}

/* True: it is known to be too deep from here. */
static bool enter_fragment(struct validation *v, struct search *search, const struct gql_selection *spread,
                           uint32_t lists)
{
    const struct fragment *fragment = validate_spread_to(v, spread);
    struct introspection *known = fragment == NULL ? NULL : &v->introspection[fragment->index];

    if (known == NULL)
        return false;
    if (known->exceeded != 0 && known->exceeded <= lists + 1)
        return true;
    if ((known->search == v->introspection_searches && known->visited > lists) || known->checked > lists)
        return false;
    known->search = v->introspection_searches;
    known->visited = lists + 1;
    enter(v, search, (struct level){ .next = fragment->definition->set->first, .fragment = fragment, .lists = lists });
    return false;
}

/* True: it is too deep. */
static bool search_on(struct validation *v, struct search *search)
{
    struct level *level = &search->levels[search->count - 1];
    const struct gql_selection *selection = level->next;
    uint32_t lists = level->lists;

    if (selection == NULL) {
        if (level->fragment != NULL)
            v->introspection[level->fragment->index].checked = lists + 1;
        search->count--;
        return false;
    }
    level->next = selection->next;
    if (selection->kind == GQL_FRAGMENT_SPREAD)
        return enter_fragment(v, search, selection, lists);
    if (selection->kind == GQL_FIELD && is_introspection_list(selection->name.text) &&
        ++lists >= INTROSPECTION_LISTS_MAX)
        return true;
    if (selection->set != NULL)
        enter(v, search, (struct level){ .next = selection->set->first, .lists = lists });
    return false;
}

static bool is_deep_introspection(struct validation *v, const struct gql_selection *field)
{
    struct search search = { 0 };
    bool is_deep = false;

    if (field->set == NULL)
        return false;
    if (v->introspection == NULL)
        v->introspection = gql_alloc(&v->arena, (v->fragment_count + 1) * sizeof(*v->introspection));
    v->introspection_searches++;
    enter(v, &search, (struct level){ .next = field->set->first });
    while (search.count > 0 && !is_deep && validate_spend(v, 1))
        is_deep = search_on(v, &search);
    for (uint32_t i = 0; is_deep && i < search.count; i++)
        if (search.levels[i].fragment != NULL)
            v->introspection[search.levels[i].fragment->index].exceeded = search.levels[i].lists + 1;
    return is_deep;
}

bool validate_introspection(struct validation *v, const struct gql_selection *field)
{
    const char *name = field->name.text;

    if (name[0] != '_' || (strcmp(name, "__schema") != 0 && strcmp(name, "__type") != 0))
        return false;
    if (!is_deep_introspection(v, field))
        return false;
    validate_at(v,
                gql_errors_add(v->errors, "MaxIntrospectionDepth",
                               "Maximum introspection depth exceeded: at most %d lists of fields, interfaces, possible "
                               "types or input fields within each other.",
                               INTROSPECTION_LISTS_MAX - 1),
                field->at);
    return true;
}

/* --- What may overlap --- */

static const struct gql_name *key_of(const struct gql_selection *field)
{
    return field->alias.text != NULL ? &field->alias : &field->name;
}

void validate_note_overlaps(struct validation *v, const struct gql_selection_set *set)
{
    enum { FEW = 16 };
    const struct gql_name *few[FEW], **names = few;
    uint32_t count = 0, i = 0;

    if (v->has_overlaps)
        return;
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        if (selection->kind != GQL_FIELD) {
            v->has_overlaps = true;
            return;
        }
        count++;
    }
    if (count > FEW)
        names = gql_alloc(&v->arena, count * sizeof(struct gql_name *));
    for (const struct gql_selection *field = set->first; field != NULL; field = field->next)
        names[i++] = key_of(field);
    v->has_overlaps = validate_first_of_name(v, names, count) != NULL;
}
