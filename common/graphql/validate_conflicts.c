/* OverlappingFieldsCanBeMerged: the conflicts of a document that has some.
 *
 * They are the ones that graphql-js reports, each where it does: for each selection set each two fields with the same
 * key are compared, those of the set itself, then with those of each fragment that it spreads, then those of each two
 * fragments; below two fields that get along the same begins anew. What was compared once is not compared again.
 * That may take long, so the work is counted; when it is too much, the conflicts found so far must do. */
#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

enum {
    COMPARISONS_MAX = 500000,
    DEPTH_MAX = 400, /* of comparisons within each other: the stack */
    PLACES_MAX = 20, /* of one side of a conflict */
    REASON_SIZE = 300,
};

struct field {
    const struct gql_selection *node;
    const struct gql_type *parent;
    const struct gql_ref *ref; /* NULL: unknown */
};

struct group {
    const char *key;
    struct field *fields;
    uint32_t count;
};

/* The fields of a selection set, inline fragments included, and the fragments that it spreads. */
struct collected {
    const struct gql_type *type;
    uint32_t index;
    struct group *groups; /* in the order of the text */
    uint32_t *by_key;     /* indexes of groups */
    uint32_t group_count;
    struct fragment **fragments; /* each once */
    uint32_t fragment_count;
    struct collected *next; /* the same set seen with another type */
};

enum reason { DIFFERENT_FIELDS, DIFFERENT_ARGUMENTS, DIFFERENT_TYPES, BELOW };

struct conflict {
    enum reason reason;
    const struct field *a, *b;
    const struct conflict *below; /* the first */
    const struct gql_selection **sides[2];
    uint32_t counts[2];
    struct conflict *next;
};

struct conflicts {
    struct conflict *first, **end;
};

/* From pairs of numbers to a flag. */
struct pairs {
    struct pair {
        uint64_t key; /* 0: free */
        bool is_exclusive;
    } * slots;
    size_t count, room;
};

struct comparison {
    struct validation *v;
    struct collected **collected; /* by id, see collect */
    uint32_t collected_count;
    struct pairs fragments;        /* compared with each other */
    struct pairs fields_fragments; /* fields of a set with a fragment */
    int64_t left;
    uint32_t depth;
};

static bool spend(struct comparison *c, int64_t work)
{
    c->left -= work;
    return c->left >= 0;
}

/* --- Pairs --- */

static size_t slot_of(const struct pairs *pairs, uint64_t key)
{
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15u) >> 32) & (pairs->room - 1);

    while (pairs->slots[at].key != 0 && pairs->slots[at].key != key)
        at = (at + 1) & (pairs->room - 1);
    return at;
}

static uint64_t pair_key(uint32_t a, uint32_t b)
{
    return ((uint64_t)a + 1) << 32 | b;
}

static const struct pair *pair_find(const struct pairs *pairs, uint32_t a, uint32_t b)
{
    const struct pair *pair;

    if (pairs->room == 0)
        return NULL;
    pair = &pairs->slots[slot_of(pairs, pair_key(a, b))];
    return pair->key == 0 ? NULL : pair;
}

static void pair_set(struct validation *v, struct pairs *pairs, uint32_t a, uint32_t b, bool is_exclusive)
{
    struct pair *slot;

    if (2 * (pairs->count + 1) > pairs->room) {
        struct pairs larger = { .room = pairs->room == 0 ? 64 : 2 * pairs->room, .count = pairs->count };

        larger.slots = gql_alloc(&v->arena, larger.room * sizeof(*larger.slots));
        for (size_t i = 0; i < pairs->room; i++)
            if (pairs->slots[i].key != 0)
                larger.slots[slot_of(&larger, pairs->slots[i].key)] = pairs->slots[i];
        *pairs = larger;
    }
    slot = &pairs->slots[slot_of(pairs, pair_key(a, b))];
    pairs->count += slot->key == 0;
    *slot = (struct pair){ .key = pair_key(a, b), .is_exclusive = is_exclusive };
}

/* Was it compared, at least as strictly? Where fields exclude each other less is asked of them. */
static bool is_done(const struct pair *pair, bool is_exclusive)
{
    return pair != NULL && (is_exclusive || !pair->is_exclusive);
}

/* --- Collecting fields --- */

struct gathering {
    struct field *fields;
    uint32_t count;
    struct fragment **fragments;
    uint32_t fragment_count;
};

static void count_selections(const struct gql_selection_set *set, uint32_t *fields, uint32_t *spreads)
{
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        switch (selection->kind) {
        case GQL_FIELD: ++*fields; break;
        case GQL_FRAGMENT_SPREAD: ++*spreads; break;
        case GQL_INLINE_FRAGMENT: count_selections(selection->set, fields, spreads); break;
        }
    }
}

static void gather(struct validation *v, struct gathering *gathering, const struct gql_selection_set *set,
                   const struct gql_type *type)
{
    bool has_fields = type != NULL && (type->kind & (GQL_OBJECT | GQL_INTERFACE)) != 0;

    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        if (selection->kind == GQL_FIELD) {
            const struct gql_field_type *field = has_fields ? gql_type_field(type, selection->name.text) : NULL;

            gathering->fields[gathering->count++] = (struct field){ .node = selection,
                                                                    .parent = type,
                                                                    .ref = field == NULL ? NULL : field->ref };
        } else if (selection->kind == GQL_INLINE_FRAGMENT) {
            gather(v, gathering, selection->set,
                   selection->condition.text == NULL ? type : validate_type(v->schema, &selection->condition));
        } else if (validate_spread_to(v, selection) != NULL) {
            gathering->fragments[gathering->fragment_count++] = validate_spread_to(v, selection);
        }
    }
}

static int compare_fields(const void *a, const void *b, void *fields)
{
    const struct field *list = fields;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    int order = strcmp(list[left].node->key, list[right].node->key);

    if (order != 0)
        return order;
    return left < right ? -1 : left > right;
}

static int compare_groups(const void *a, const void *b)
{
    const struct field *left = ((const struct group *)a)->fields, *right = ((const struct group *)b)->fields;

    return left->node->at < right->node->at ? -1 : left->node->at > right->node->at;
}

static int compare_keys(const void *a, const void *b, void *groups)
{
    const struct group *list = groups;

    return strcmp(list[*(const uint32_t *)a].key, list[*(const uint32_t *)b].key);
}

static void make_groups(struct validation *v, struct collected *collected, struct field *fields, uint32_t count)
{
    uint32_t *order = gql_alloc(&v->arena, (count + 1) * sizeof(*order));
    struct field *sorted = gql_alloc(&v->arena, (count + 1) * sizeof(*sorted));

    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof(*order), compare_fields, fields);
    collected->groups = gql_alloc(&v->arena, (count + 1) * sizeof(*collected->groups));
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = fields[order[i]];
        if (i == 0 || strcmp(sorted[i].node->key, sorted[i - 1].node->key) != 0)
            collected->groups[collected->group_count++] = (struct group){ .key = sorted[i].node->key,
                                                                          .fields = &sorted[i] };
        collected->groups[collected->group_count - 1].count++;
    }
    qsort(collected->groups, collected->group_count, sizeof(*collected->groups), compare_groups);
    collected->by_key = order;
    for (uint32_t i = 0; i < collected->group_count; i++)
        order[i] = i;
    qsort_r(order, collected->group_count, sizeof(*order), compare_keys, collected->groups);
}

static void keep_each_once(struct validation *v, struct collected *collected, struct fragment **fragments,
                           uint32_t count)
{
    v->mark++;
    collected->fragments = fragments;
    for (uint32_t i = 0; i < count; i++) {
        if (v->marks[fragments[i]->index] == v->mark)
            continue;
        v->marks[fragments[i]->index] = v->mark;
        fragments[collected->fragment_count++] = fragments[i];
    }
}

/* `id`: the index of the set's field, or the number of selections plus the index of the definition's scope. */
static struct collected *collect(struct comparison *c, uint32_t id, const struct gql_selection_set *set,
                                 const struct gql_type *type)
{
    struct collected *collected = c->collected[id];
    struct gathering gathering = { 0 };
    uint32_t fields = 0, spreads = 0;

    while (collected != NULL && collected->type != type)
        collected = collected->next;
    if (collected != NULL)
        return collected;
    count_selections(set, &fields, &spreads);
    gathering.fields = gql_alloc(&c->v->arena, (fields + 1) * sizeof(*gathering.fields));
    gathering.fragments = gql_alloc(&c->v->arena, (spreads + 1) * sizeof(struct fragment *));
    gather(c->v, &gathering, set, type);
    collected = gql_alloc(&c->v->arena, sizeof(*collected));
    *collected = (struct collected){ .type = type, .index = c->collected_count++, .next = c->collected[id] };
    make_groups(c->v, collected, gathering.fields, gathering.count);
    if (gathering.fragment_count > 0)
        keep_each_once(c->v, collected, gathering.fragments, gathering.fragment_count);
    c->collected[id] = collected;
    return collected;
}

static struct collected *collect_fragment(struct comparison *c, const struct fragment *fragment)
{
    return collect(c, c->v->ast->selection_count + (uint32_t)(fragment->scope - c->v->scopes),
                   fragment->definition->set, fragment->type);
}

static struct collected *collect_below(struct comparison *c, const struct field *field)
{
    return collect(c, field->node->index, field->node->set, field->ref == NULL ? NULL : field->ref->type);
}

static const struct group *group_named(const struct collected *collected, const char *key)
{
    uint32_t begin = 0, end = collected->group_count;

    while (begin < end) {
        uint32_t middle = (begin + end) / 2;
        const struct group *group = &collected->groups[collected->by_key[middle]];
        int order = strcmp(key, group->key);

        if (order == 0)
            return group;
        if (order < 0)
            end = middle;
        else
            begin = middle + 1;
    }
    return NULL;
}

/* --- Conflicts --- */

static void add_conflict(struct comparison *c, struct conflicts *conflicts, enum reason reason, const struct field *a,
                         const struct field *b)
{
    struct conflict *conflict = gql_alloc(&c->v->arena, sizeof(*conflict));

    *conflict = (struct conflict){ .reason = reason, .a = a, .b = b };
    *conflicts->end = conflict;
    conflicts->end = &conflict->next;
}

/* One side of a conflict as a list: a single field unless it is about what is below. */
static uint32_t side_of(const struct conflict *conflict, int side, const struct gql_selection *const **list)
{
    const struct field *field = side == 0 ? conflict->a : conflict->b;

    *list = conflict->sides[side] != NULL ? conflict->sides[side] : &field->node;
    return conflict->sides[side] != NULL ? conflict->counts[side] : 1;
}

/* The field itself, then the places of the conflicts below it; of one with too many places the last ones, which are the
 * deepest. */
static void join_sides(struct comparison *c, struct conflict *conflict, const struct conflict *below, int side)
{
    const struct gql_selection **list = gql_alloc(&c->v->arena, PLACES_MAX * sizeof(struct gql_selection *));
    uint32_t count = 0;

    list[count++] = side == 0 ? conflict->a->node : conflict->b->node;
    for (; below != NULL && count < PLACES_MAX; below = below->next) {
        const struct gql_selection *const *places;
        uint32_t size = side_of(below, side, &places), skipped = 0;

        if (size > PLACES_MAX - count)
            skipped = size - (PLACES_MAX - count);
        for (uint32_t i = skipped; i < size; i++)
            list[count++] = places[i];
    }
    conflict->sides[side] = list;
    conflict->counts[side] = count;
}

static void add_conflict_below(struct comparison *c, struct conflicts *conflicts, const struct conflict *below,
                               const struct field *a, const struct field *b)
{
    struct conflict *conflict = gql_alloc(&c->v->arena, sizeof(*conflict));

    *conflict = (struct conflict){ .reason = BELOW, .a = a, .b = b, .below = below };
    join_sides(c, conflict, below, 0);
    join_sides(c, conflict, below, 1);
    *conflicts->end = conflict;
    conflicts->end = &conflict->next;
}

/* --- Comparing --- */

static void compare_collected(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                              const struct collected *a, const struct collected *b);
static void compare_with_fragment(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                                  const struct collected *fields, const struct fragment *fragment);
static void compare_fragments(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                              const struct fragment *a, const struct fragment *b);

static void compare_below(struct comparison *c, struct conflicts *conflicts, bool is_exclusive, const struct field *a,
                          const struct field *b)
{
    const struct collected *left = collect_below(c, a), *right = collect_below(c, b);

    compare_collected(c, conflicts, is_exclusive, left, right);
    for (uint32_t i = 0; i < right->fragment_count; i++)
        compare_with_fragment(c, conflicts, is_exclusive, left, right->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        compare_with_fragment(c, conflicts, is_exclusive, right, left->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        for (uint32_t j = 0; j < right->fragment_count && c->left >= 0; j++)
            compare_fragments(c, conflicts, is_exclusive, left->fragments[i], right->fragments[j]);
}

static bool exclude_each_other(const struct field *a, const struct field *b)
{
    return a->parent != b->parent && a->parent != NULL && a->parent->kind == GQL_OBJECT && b->parent != NULL &&
           b->parent->kind == GQL_OBJECT;
}

static void compare_two(struct comparison *c, struct conflicts *conflicts, bool is_exclusive, const struct field *a,
                        const struct field *b)
{
    struct conflicts below = { 0 };

    is_exclusive = is_exclusive || exclude_each_other(a, b);
    if (!spend(c, 2))
        return;
    if (!is_exclusive && strcmp(a->node->name.text, b->node->name.text) != 0) {
        add_conflict(c, conflicts, DIFFERENT_FIELDS, a, b);
    } else if (!is_exclusive && !validate_same_arguments(c->v, a->node->arguments, b->node->arguments)) {
        add_conflict(c, conflicts, DIFFERENT_ARGUMENTS, a, b);
    } else if (validate_refs_conflict(a->ref, b->ref)) {
        add_conflict(c, conflicts, DIFFERENT_TYPES, a, b);
    } else if (a->node->set != NULL && b->node->set != NULL) {
        below.end = &below.first;
        if (c->depth == DEPTH_MAX) {
            c->left = -1;
            return;
        }
        c->depth++;
        compare_below(c, &below, is_exclusive, a, b);
        c->depth--;
        if (below.first != NULL)
            add_conflict_below(c, conflicts, below.first, a, b);
    }
}

static void compare_collected(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                              const struct collected *a, const struct collected *b)
{
    for (uint32_t g = 0; g < a->group_count && spend(c, 1); g++) {
        const struct group *left = &a->groups[g], *right = group_named(b, left->key);

        for (uint32_t i = 0; right != NULL && i < left->count; i++)
            for (uint32_t j = 0; j < right->count && c->left >= 0; j++)
                compare_two(c, conflicts, is_exclusive, &left->fields[i], &right->fields[j]);
    }
}

static void compare_with_fragment(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                                  const struct collected *fields, const struct fragment *fragment)
{
    const struct collected *others;

    if (!spend(c, 1) || fields->group_count == 0 ||
        is_done(pair_find(&c->fields_fragments, fields->index, fragment->index), is_exclusive))
        return;
    pair_set(c->v, &c->fields_fragments, fields->index, fragment->index, is_exclusive);
    others = collect_fragment(c, fragment);
    if (others == fields)
        return;
    if (c->depth == DEPTH_MAX) {
        c->left = -1;
        return;
    }
    c->depth++;
    compare_collected(c, conflicts, is_exclusive, fields, others);
    for (uint32_t i = 0; i < others->fragment_count; i++)
        compare_with_fragment(c, conflicts, is_exclusive, fields, others->fragments[i]);
    c->depth--;
}

static void compare_fragments(struct comparison *c, struct conflicts *conflicts, bool is_exclusive,
                              const struct fragment *a, const struct fragment *b)
{
    const struct collected *left, *right;

    if (!spend(c, 2) || a == b || is_done(pair_find(&c->fragments, a->index, b->index), is_exclusive) ||
        is_done(pair_find(&c->fragments, b->index, a->index), is_exclusive))
        return;
    pair_set(c->v, &c->fragments, a->index, b->index, is_exclusive);
    if (c->depth == DEPTH_MAX) {
        c->left = -1;
        return;
    }
    left = collect_fragment(c, a);
    right = collect_fragment(c, b);
    c->depth++;
    compare_collected(c, conflicts, is_exclusive, left, right);
    for (uint32_t i = 0; i < right->fragment_count; i++)
        compare_fragments(c, conflicts, is_exclusive, a, right->fragments[i]);
    for (uint32_t i = 0; i < left->fragment_count; i++)
        compare_fragments(c, conflicts, is_exclusive, left->fragments[i], b);
    c->depth--;
}

static void compare_within(struct comparison *c, struct conflicts *conflicts, const struct collected *collected)
{
    for (uint32_t g = 0; g < collected->group_count; g++) {
        const struct group *group = &collected->groups[g];

        for (uint32_t i = 0; i < group->count; i++)
            for (uint32_t j = i + 1; j < group->count && c->left >= 0; j++)
                compare_two(c, conflicts, false, &group->fields[i], &group->fields[j]);
    }
    for (uint32_t i = 0; i < collected->fragment_count; i++) {
        compare_with_fragment(c, conflicts, false, collected, collected->fragments[i]);
        for (uint32_t j = i + 1; j < collected->fragment_count && c->left >= 0; j++)
            compare_fragments(c, conflicts, false, collected->fragments[i], collected->fragments[j]);
    }
}

/* --- Reporting --- */

static void print_reason(const struct conflict *conflict, char *text, size_t size)
{
    size_t length = 0;

    switch (conflict->reason) {
    case DIFFERENT_FIELDS:
        snprintf(text, size, "\"%s\" and \"%s\" are different fields", conflict->a->node->name.text,
                 conflict->b->node->name.text);
        break;
    case DIFFERENT_ARGUMENTS: snprintf(text, size, "they have differing arguments"); break;
    case DIFFERENT_TYPES:
        snprintf(text, size, "they return conflicting types \"%s\" and \"%s\"",
                 validate_ref_text(conflict->a->ref).text, validate_ref_text(conflict->b->ref).text);
        break;
    case BELOW:
        for (const struct conflict *below = conflict->below; below != NULL && length + 40 < size; below = below->next) {
            snprintf(text + length, size - length, "%ssubfields \"%.100s\" conflict because ",
                     below == conflict->below ? "" : " and ", below->a->node->key);
            length += strlen(text + length);
            print_reason(below, text + length, size - length);
            length += strlen(text + length);
        }
        break;
    }
}

static void report(struct validation *v, const struct conflict *conflict)
{
    char reason[REASON_SIZE] = "";
    struct gql_error *error;

    if (validate_is_full(v))
        return;
    print_reason(conflict, reason, sizeof(reason));
    error =
        gql_errors_add(v->errors, "OverlappingFieldsCanBeMerged",
                       "Fields \"%.100s\" conflict because %s. Use different aliases on the fields to fetch both if "
                       "this was intentional.",
                       conflict->a->node->key, reason);
    for (int side = 0; side < 2; side++) {
        const struct gql_selection *const *places;
        uint32_t count = side_of(conflict, side, &places);

        for (uint32_t i = 0; i < count; i++)
            validate_at(v, error, places[i]->at);
    }
}

/* --- The document --- */

static bool may_conflict(const struct gql_selection_set *set)
{
    return set->first->next != NULL || set->first->kind == GQL_INLINE_FRAGMENT;
}

static void visit(struct comparison *c, const struct gql_selection_set *set, uint32_t id, const struct gql_type *type,
                  bool is_inline)
{
    struct conflicts conflicts = { .end = &conflicts.first };
    const struct gql_type *parent = type != NULL && (type->kind & GQL_COMPOSITE) != 0 ? type : NULL;

    if (c->left < 0 || validate_is_full(c->v))
        return;
    if (!is_inline && may_conflict(set)) {
        compare_within(c, &conflicts, collect(c, id, set, parent));
        for (const struct conflict *conflict = conflicts.first; conflict != NULL; conflict = conflict->next)
            report(c->v, conflict);
    }
    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        const struct gql_type *inside = type;

        if (selection->set == NULL)
            continue;
        if (selection->kind == GQL_FIELD) {
            const struct gql_field_type *field = parent == NULL
                                                     ? NULL
                                                     : gql_schema_field(c->v->schema, parent, selection->name.text);

            inside = field == NULL ? NULL : field->ref->type;
        } else if (selection->condition.text != NULL) {
            inside = validate_type(c->v->schema, &selection->condition);
        }
        visit(c, selection->set, selection->index, inside, selection->kind == GQL_INLINE_FRAGMENT);
    }
}

void validate_conflicts(struct validation *v, const struct gql_selection *a, const struct gql_selection *b)
{
    struct comparison c = { .v = v, .left = COMPARISONS_MAX };
    size_t before = v->errors->count;
    struct gql_error *error;

    c.collected = gql_alloc(&v->arena, ((size_t)v->ast->selection_count + v->scope_count) * sizeof(struct collected *));
    for (uint32_t i = 0; i < v->scope_count; i++)
        visit(&c, v->scopes[i].definition->set, v->ast->selection_count + i, v->scopes[i].type, false);
    if (c.left >= 0 || v->errors->count > before)
        return;
    error = gql_errors_add(v->errors, "OverlappingFieldsCanBeMerged",
                           "Fields \"%.100s\" conflict, and there are too many more of that name to compare all. Use "
                           "different aliases on the fields to fetch both if this was intentional.",
                           a->key);
    validate_at(v, error, a->at);
    validate_at(v, error, b->at);
}
