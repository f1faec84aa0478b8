/* OverlappingFieldsCanBeMerged: is there any conflict in the document?
 *
 * Comparing each two fields with the same response key, then each two below them, takes time in the square of their
 * number at each level. Here all selection sets that are merged into one answer are looked at together (a "merge"): its
 * fields are grouped by key, each is compared with the first of its group alone, and what is selected below the fields
 * of a group is the next merge. That works because what is asked of two fields is an equivalence:
 * - fields that can belong to one object must have the same name and arguments. Which can? Those of the same object
 *   type, and those of no object type (interfaces, unions, unknown) with all others. So there is one group for each object
 *   type, and the others are in all of them;
 * - all fields of a key, of whatever types, must return values of one shape: what is below fields of different object
 *   types is merged for the shape alone.
 * A merge is known by its selection sets, and each is looked at once. */
#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

/* A selection set and the type that it selects from. */
struct source {
    const struct gql_selection_set *set;
    const struct gql_type *type; /* NULL: unknown */
    uint32_t id;                 /* see source_below */
};

struct merge {
    struct source *sources; /* by id, each once */
    uint32_t count;
    bool is_shape_only; /* names and arguments may differ */
    struct merge *next; /* to be looked at */
};

struct entry {
    const struct gql_selection *field;
    const struct gql_type *parent;
    const struct gql_field_type *type; /* NULL: unknown, and of __typename and the like */
};

struct overlaps {
    struct validation *v;
    struct merge *todo;
    struct merge **known; /* a table of `known_room`, a power of two */
    size_t known_count, known_room;
    struct entry *entries; /* of the merge that is looked at */
    uint32_t count, room;
    uint32_t *seen; /* by fragment: the number of the merge that it was last expanded in */
    uint32_t merge_number;
    bool *is_covered;                  /* by fragment: it was expanded in a merge that is not for the shape alone */
    const struct gql_selection *a, *b; /* a conflict; NULL: none was found */
};

/* --- Comparing two fields --- */

static bool same_value(struct validation *v, const struct gql_value *a, const struct gql_value *b);

/* The last one counts where a name comes twice, which is an error of its own. */
static const struct gql_member *member_named(const struct gql_member *members, const char *name)
{
    const struct gql_member *found = NULL;

    for (; members != NULL; members = members->next)
        if (strcmp(members->name.text, name) == 0)
            found = members;
    return found;
}

static size_t count_members(const struct gql_member *members)
{
    size_t count = 0;

    for (; members != NULL; members = members->next)
        count++;
    return count;
}

bool validate_same_arguments(struct validation *v, const struct gql_member *a, const struct gql_member *b)
{
    size_t count = count_members(b);

    if (count_members(a) != count || !validate_spend(v, count * count / 16))
        return false;
    for (const struct gql_member *member = a; member != NULL; member = member->next) {
        const struct gql_member *other = member_named(b, member->name.text);

        if (other == NULL || !same_value(v, member->value, other->value))
            return false;
    }
    return true;
}

static int compare_members(const void *a, const void *b)
{
    const struct gql_member *left = *(const struct gql_member *const *)a;
    const struct gql_member *right = *(const struct gql_member *const *)b;
    int order = strcmp(left->name.text, right->name.text);

    if (order != 0)
        return order;
    return left->name.at < right->name.at ? -1 : left->name.at > right->name.at;
}

static const struct gql_member **sorted_members(struct validation *v, const struct gql_member *members, size_t count)
{
    const struct gql_member **sorted = gql_alloc(&v->arena, count * sizeof(struct gql_member *));
    size_t i = 0;

    for (; members != NULL; members = members->next)
        sorted[i++] = members;
    qsort(sorted, count, sizeof(struct gql_member *), compare_members);
    return sorted;
}

static bool same_members(struct validation *v, const struct gql_member *a, const struct gql_member *b)
{
    const struct gql_member *left = a, *right = b;
    const struct gql_member **sorted_a, **sorted_b;
    size_t count = count_members(a);

    if (count != count_members(b))
        return false;
    while (left != NULL && strcmp(left->name.text, right->name.text) == 0) {
        if (!same_value(v, left->value, right->value))
            return false;
        left = left->next;
        right = right->next;
    }
    if (left == NULL)
        return true;
    if (!validate_spend(v, count))
        return false;
    sorted_a = sorted_members(v, a, count);
    sorted_b = sorted_members(v, b, count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(sorted_a[i]->name.text, sorted_b[i]->name.text) != 0 ||
            !same_value(v, sorted_a[i]->value, sorted_b[i]->value))
            return false;
    return true;
}

static bool same_items(struct validation *v, const struct gql_value *a, const struct gql_value *b)
{
    while (a != NULL && b != NULL && same_value(v, a, b)) {
        a = a->next;
        b = b->next;
    }
    return a == NULL && b == NULL;
}

static bool same_value(struct validation *v, const struct gql_value *a, const struct gql_value *b)
{
    if (a->kind != b->kind || !validate_spend(v, 1))
        return false;
    switch (a->kind) {
    case GQL_VALUE_NULL: return true;
    case GQL_VALUE_BOOLEAN: return a->is_true == b->is_true;
    case GQL_VALUE_LIST: return same_items(v, a->items, b->items);
    case GQL_VALUE_OBJECT: return same_members(v, a->members, b->members);
    case GQL_VALUE_VARIABLE:
    case GQL_VALUE_INT:
    case GQL_VALUE_FLOAT:
    case GQL_VALUE_STRING:
    case GQL_VALUE_ENUM:
        return a->size == b->size && a->is_block == b->is_block && memcmp(a->text, b->text, a->size) == 0;
    }
    return false;
}

bool validate_refs_conflict(const struct gql_ref *a, const struct gql_ref *b)
{
    if (a == NULL || b == NULL)
        return false;
    while (a->kind == b->kind && a->kind != GQL_REF_NAMED) {
        a = a->of;
        b = b->of;
    }
    if (a->kind != b->kind)
        return true;
    return a->type != b->type && ((a->type->kind | b->type->kind) & GQL_LEAF) != 0;
}

static const struct gql_ref *ref_of(const struct entry *entry)
{
    return entry->type == NULL ? NULL : entry->type->ref;
}

static bool have_same_name_and_arguments(struct validation *v, const struct gql_selection *a,
                                         const struct gql_selection *b)
{
    if (a == b)
        return true;
    return strcmp(a->name.text, b->name.text) == 0 && validate_same_arguments(v, a->arguments, b->arguments);
}

static bool has_argument_twice(struct validation *v, const struct gql_selection *field)
{
    const struct gql_name *const *names;
    uint32_t count;

    return field->arguments != NULL && field->arguments->next != NULL &&
           validate_first_of_member(v, field->arguments, &names, &count) != NULL;
}

static void found(struct overlaps *o, const struct entry *a, const struct entry *b)
{
    o->a = a->field;
    o->b = b->field;
}

/* --- Merges --- */

static size_t hash_of(const struct source *sources, uint32_t count, bool is_shape_only)
{
    uint64_t hash = is_shape_only ? 0x9E3779B97F4A7C15u : 0;

    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ sources[i].id) * 0xFF51AFD7ED558CCDu;
        hash ^= hash >> 32;
    }
    return (size_t)hash;
}

static bool is_same_merge(const struct merge *a, const struct source *sources, uint32_t count, bool is_shape_only)
{
    if (a->count != count || a->is_shape_only != is_shape_only)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (a->sources[i].id != sources[i].id)
            return false;
    return true;
}

static void remember(struct overlaps *o, struct merge *merge)
{
    size_t at = hash_of(merge->sources, merge->count, merge->is_shape_only) & (o->known_room - 1);

    while (o->known[at] != NULL)
        at = (at + 1) & (o->known_room - 1);
    o->known[at] = merge;
}

static void grow_known(struct overlaps *o)
{
    struct merge **old = o->known;
    size_t old_room = o->known_room;

    o->known_room = old_room == 0 ? 64 : 2 * old_room;
    o->known = gql_alloc(&o->v->arena, o->known_room * sizeof(struct merge *));
    for (size_t i = 0; i < old_room; i++)
        if (old[i] != NULL)
            remember(o, old[i]);
}

static bool is_known(struct overlaps *o, const struct source *sources, uint32_t count, bool is_shape_only)
{
    size_t at = hash_of(sources, count, is_shape_only) & (o->known_room - 1);

    for (; o->known[at] != NULL; at = (at + 1) & (o->known_room - 1))
        if (!validate_spend(o->v, 1) || is_same_merge(o->known[at], sources, count, is_shape_only))
            return true;
    return false;
}

/* To be looked at, unless it was or will be. `sources` are sorted; they are copied. */
static void add_merge(struct overlaps *o, const struct source *sources, uint32_t count, bool is_shape_only)
{
    struct merge *merge;

    if (2 * (o->known_count + 1) > o->known_room)
        grow_known(o);
    if (!validate_spend(o->v, count) || is_known(o, sources, count, is_shape_only))
        return;
    merge = gql_alloc(&o->v->arena, sizeof(*merge));
    merge->sources = gql_alloc(&o->v->arena, count * sizeof(*sources));
    memcpy(merge->sources, sources, count * sizeof(*sources));
    merge->count = count;
    merge->is_shape_only = is_shape_only;
    merge->next = o->todo;
    o->todo = merge;
    o->known_count++;
    remember(o, merge);
}

static int compare_sources(const void *a, const void *b)
{
    const struct source *left = a, *right = b;

    return left->id < right->id ? -1 : left->id > right->id;
}

/* What a field selects is of one type wherever the field gets merged, or of an unknown one: see add_introspection. */
static struct source source_below(const struct gql_selection *field, const struct gql_field_type *type)
{
    return (struct source){ .set = field->set,
                            .type = type == NULL ? NULL : type->ref->type,
                            .id = 2 * field->index + (type == NULL) };
}

/* What is below the fields of a group, which is a part of the sorted entries. */
static void merge_below(struct overlaps *o, struct entry *const *group, uint32_t size, bool is_shape_only)
{
    struct source one, *sources = &one;
    uint32_t count = 0, distinct = 0;

    for (uint32_t i = 0; i < size; i++)
        count += group[i]->field->set != NULL;
    if (count == 0 || !validate_spend(o->v, count))
        return;
    if (count > 1)
        sources = calloc(count, sizeof(*sources));
    if (sources == NULL)
        abort();
    count = 0;
    for (uint32_t i = 0; i < size; i++)
        if (group[i]->field->set != NULL)
            sources[count++] = source_below(group[i]->field, group[i]->type);
    qsort(sources, count, sizeof(*sources), compare_sources);
    for (uint32_t i = 0; i < count; i++)
        if (distinct == 0 || sources[i].id != sources[distinct - 1].id)
            sources[distinct++] = sources[i];
    add_merge(o, sources, distinct, is_shape_only);
    if (sources != &one)
        free(sources);
}

/* --- Looking at a merge --- */

static bool is_object(const struct gql_type *type)
{
    return type != NULL && type->kind == GQL_OBJECT;
}

static void add_entry(struct overlaps *o, const struct gql_selection *field, const struct gql_type *parent)
{
    const struct gql_field_type *type = NULL;

    if (o->count == o->room) {
        uint32_t room = o->room == 0 ? 64 : 2 * o->room;
        struct entry *entries = gql_alloc(&o->v->arena, room * sizeof(*entries));

        if (o->count > 0)
            memcpy(entries, o->entries, o->count * sizeof(*entries));
        o->entries = entries;
        o->room = room;
    }
    if (parent != NULL && (parent->kind & (GQL_OBJECT | GQL_INTERFACE)) != 0)
        type = gql_type_field(parent, field->name.text);
    o->entries[o->count++] = (struct entry){ .field = field, .parent = parent, .type = type };
}

static void expand_set(struct overlaps *o, const struct gql_selection_set *set, const struct gql_type *type,
                       struct fragment **pending, uint32_t *pending_count)
{
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        struct fragment *fragment;

        if (!validate_spend(o->v, VALIDATE_SORTED))
            return;
        switch (selection->kind) {
        case GQL_FIELD: add_entry(o, selection, type); break;
        case GQL_INLINE_FRAGMENT:
            expand_set(o, selection->set,
                       selection->condition.text == NULL ? type : validate_type(o->v->schema, &selection->condition),
                       pending, pending_count);
            break;
        case GQL_FRAGMENT_SPREAD:
            fragment = validate_spread_to(o->v, selection);
            if (fragment == NULL || o->seen[fragment->index] == o->merge_number)
                break;
            o->seen[fragment->index] = o->merge_number;
            pending[(*pending_count)++] = fragment;
            break;
        }
    }
}

static void expand(struct overlaps *o, const struct merge *merge, struct fragment **pending)
{
    uint32_t pending_count = 0;

    o->count = 0;
    o->merge_number++;
    for (uint32_t i = 0; i < merge->count; i++)
        expand_set(o, merge->sources[i].set, merge->sources[i].type, pending, &pending_count);
    while (pending_count > 0) {
        const struct fragment *fragment = pending[--pending_count];

        if (!merge->is_shape_only)
            o->is_covered[fragment->index] = true;
        expand_set(o, fragment->definition->set, fragment->type, pending, &pending_count);
    }
}

/* By key; of one key those of no object type first, then by type. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;
    int order = strcmp(left->field->key, right->field->key);
    uint32_t left_type = is_object(left->parent) ? left->parent->index + 1 : 0;
    uint32_t right_type = is_object(right->parent) ? right->parent->index + 1 : 0;

    if (order != 0)
        return order;
    if (left_type != right_type)
        return left_type < right_type ? -1 : 1;
    if (left->field->index != right->field->index)
        return left->field->index < right->field->index ? -1 : 1;
    return 0;
}

static void check_shapes(struct overlaps *o, struct entry *const *group, uint32_t size)
{
    const struct entry *first = NULL;

    for (uint32_t i = 0; i < size; i++) {
        if (first != NULL && validate_refs_conflict(ref_of(first), ref_of(group[i])))
            found(o, first, group[i]);
        if (first == NULL && group[i]->type != NULL)
            first = group[i];
    }
}

static void check_arguments(struct overlaps *o, const struct entry *first, struct entry *const *group, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        if (has_argument_twice(o->v, group[i]->field) ||
            !have_same_name_and_arguments(o->v, first->field, group[i]->field))
            found(o, first, group[i]);
}

static uint32_t count_of_type(struct entry *const *group, uint32_t size)
{
    uint32_t count = 1;

    while (count < size && (group[count]->parent == group[0]->parent ||
                            (!is_object(group[count]->parent) && !is_object(group[0]->parent))))
        count++;
    return count;
}

/* One object type at a time, with those of no object type, which are the first `shared` of the group. */
static void check_types(struct overlaps *o, struct entry *const *group, uint32_t size, uint32_t shared)
{
    struct entry **together = calloc(size, sizeof(struct entry *));

    if (together == NULL)
        abort();
    memcpy(together, group, shared * sizeof(struct entry *));
    check_arguments(o, group[0], group, shared);
    for (uint32_t i = shared; i < size && validate_spend(o->v, shared);) {
        uint32_t count = count_of_type(group + i, size - i);

        check_arguments(o, shared > 0 ? group[0] : group[i], group + i, count);
        memcpy(together + shared, group + i, count * sizeof(struct entry *));
        merge_below(o, together, shared + count, false);
        i += count;
    }
    merge_below(o, group, size, true);
    free(together);
}

static void check_group(struct overlaps *o, struct entry *const *group, uint32_t size, bool is_shape_only)
{
    uint32_t shared = is_object(group[0]->parent) ? 0 : count_of_type(group, size);

    if (size > 1)
        check_shapes(o, group, size);
    if (is_shape_only) {
        merge_below(o, group, size, true);
    } else if (size == 1) {
        merge_below(o, group, size, false);
    } else if (shared == size || shared + count_of_type(group + shared, size - shared) == size) {
        check_arguments(o, group[0], group, size);
        merge_below(o, group, size, false);
    } else {
        check_types(o, group, size, shared);
    }
}

static void check_merge(struct overlaps *o, const struct merge *merge, struct fragment **pending)
{
    struct entry **sorted;
    uint32_t end;

    expand(o, merge, pending);
    if (o->count == 0)
        return;
    sorted = calloc(o->count, sizeof(struct entry *));
    if (sorted == NULL)
        abort();
    for (uint32_t i = 0; i < o->count; i++)
        sorted[i] = &o->entries[i];
    qsort(sorted, o->count, sizeof(struct entry *), compare_entries);
    for (uint32_t begin = 0; begin < o->count && o->a == NULL; begin = end) {
        for (end = begin + 1; end < o->count && strcmp(sorted[end]->field->key, sorted[begin]->field->key) == 0;)
            end++;
        check_group(o, sorted + begin, end - begin, merge->is_shape_only);
    }
    free(sorted);
}

/* --- The document --- */

/* Fields are looked up among those that a type declares, as graphql-js does when it merges, so __schema and __type are
 * unknown and so is what is below them. But each selection set is also looked at on its own, with its true type. */
static void add_introspection(struct overlaps *o, const struct gql_selection_set *set, const struct gql_type *parent)
{
    bool is_composite = parent != NULL && (parent->kind & GQL_COMPOSITE) != 0;

    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        const struct gql_type *type = parent;
        const struct gql_field_type *field = NULL;

        if (selection->set == NULL)
            continue;
        if (selection->kind == GQL_INLINE_FRAGMENT && selection->condition.text != NULL)
            type = validate_type(o->v->schema, &selection->condition);
        if (selection->kind == GQL_FIELD) {
            field = is_composite ? gql_schema_field(o->v->schema, parent, selection->name.text) : NULL;
            type = field == NULL ? NULL : field->ref->type;
        }
        add_introspection(o, selection->set, type);
        if (field != NULL && selection->name.text[0] == '_' && gql_type_field(parent, selection->name.text) == NULL) {
            struct source source = source_below(selection, field);

            add_merge(o, &source, 1, false);
        }
    }
}

/* `is_covered`: all of it but for introspection has been looked at. */
static void check_definition(struct overlaps *o, const struct scope *scope, bool is_covered, struct fragment **pending)
{
    struct source source = { .set = scope->definition->set,
                             .type = scope->type,
                             .id = 2 * o->v->ast->selection_count + (uint32_t)(scope - o->v->scopes) };

    add_introspection(o, source.set, source.type);
    if (!is_covered)
        add_merge(o, &source, 1, false);
    while (o->todo != NULL && o->a == NULL && validate_spend(o->v, 1)) {
        const struct merge *merge = o->todo;

        o->todo = merge->next;
        check_merge(o, merge, pending);
    }
}

void validate_overlaps(struct validation *v)
{
    struct overlaps o = { .v = v,
                          .seen = gql_alloc(&v->arena, (v->fragment_count + 1) * sizeof(*o.seen)),
                          .is_covered = gql_alloc(&v->arena, v->fragment_count + 1) };
    struct fragment **pending = gql_alloc(&v->arena, (v->fragment_count + 1) * sizeof(struct fragment *));

    for (uint32_t i = 0; i < v->scope_count && o.a == NULL; i++)
        if (v->scopes[i].fragment == NULL)
            check_definition(&o, &v->scopes[i], false, pending);
    for (uint32_t i = 0; i < v->scope_count && o.a == NULL; i++) {
        const struct scope *scope = &v->scopes[i];
        const struct fragment *fragment = scope->fragment;

        if (fragment != NULL)
            check_definition(&o, scope, fragment->scope == scope && o.is_covered[fragment->index], pending);
    }
    if (o.a != NULL && v->work_left >= 0)
        validate_conflicts(v, o.a, o.b);
}
