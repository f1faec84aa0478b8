/* Fragments: what they are, where they are spread, and the rules about them. */
#include "common/graphql/validate_context.h"

#include <stdlib.h>
#include <string.h>

#define NOT_ON_PATH UINT32_MAX

/* --- Finding them --- */

const struct gql_type *validate_type(const struct gql_schema *schema, const struct gql_name *name)
{
    return name->text == NULL ? NULL : gql_schema_type(schema, name->text);
}

static int compare_definitions(const void *a, const void *b)
{
    const struct scope *left = *(struct scope *const *)a, *right = *(struct scope *const *)b;
    int order = strcmp(left->definition->name.text, right->definition->name.text);

    if (order != 0)
        return order;
    return left->definition->index < right->definition->index ? -1 : 1;
}

static int compare_name(const void *name, const void *fragment)
{
    return strcmp(name, ((const struct fragment *)fragment)->definition->name.text);
}

static struct fragment *fragment_named(const struct validation *v, const char *name)
{
    if (v->fragment_count == 0)
        return NULL;
    return bsearch(name, v->fragments, v->fragment_count, sizeof(*v->fragments), compare_name);
}

struct fragment *validate_spread_to(const struct validation *v, const struct gql_selection *spread)
{
    return v->spread_to == NULL ? NULL : v->spread_to[spread->index];
}

/* Fills `fragments` from all definitions of fragments, sorted. */
static void join_definitions(struct validation *v, struct scope **sorted, uint32_t count)
{
    v->fragments = gql_alloc(&v->arena, count * sizeof(*v->fragments));
    for (uint32_t i = 0; i < count; i++) {
        const struct gql_definition *definition = sorted[i]->definition;
        struct fragment *fragment = &v->fragments[v->fragment_count];

        if (i > 0 && strcmp(definition->name.text, sorted[i - 1]->definition->name.text) == 0)
            fragment--;
        else
            v->fragment_count++;
        *fragment = (struct fragment){ .definition = definition,
                                       .type = sorted[i]->type,
                                       .scope = sorted[i],
                                       .index = (uint32_t)(fragment - v->fragments) };
        sorted[i]->fragment = fragment;
    }
}

static void add_spread(struct validation *v, struct spreads *spreads, const struct gql_selection *spread)
{
    if (spreads->count == spreads->room) {
        uint32_t room = spreads->room == 0 ? 4 : 2 * spreads->room;
        const struct gql_selection **list = gql_alloc(&v->arena, room * sizeof(struct gql_selection *));

        if (spreads->count > 0)
            memcpy(list, spreads->list, spreads->count * sizeof(struct gql_selection *));
        spreads->list = list;
        spreads->room = room;
    }
    spreads->list[spreads->count++] = spread;
    v->spread_to[spread->index] = fragment_named(v, spread->name.text);
}

/* The spreads of a selection set come before those within its fields, the last field's first: of several cycles that
 * share spreads the order decides which one is reported, and this is the one that graphql-js has. */
static void gather_spreads(struct validation *v, struct scope *scope, const struct gql_selection_set **stack)
{
    uint32_t depth = 0;

    stack[depth++] = scope->definition->set;
    while (depth > 0) {
        const struct gql_selection_set *set = stack[--depth];

        for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
            if (selection->kind == GQL_FRAGMENT_SPREAD)
                add_spread(v, &scope->spreads, selection);
            else if (selection->set != NULL)
                stack[depth++] = selection->set;
        }
    }
}

void validate_find_fragments(struct validation *v)
{
    struct scope **sorted = gql_alloc(&v->arena, (v->scope_count + 1) * sizeof(struct scope *));
    const struct gql_selection_set **stack;
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->scope_count; i++)
        if (v->scopes[i].definition->kind == GQL_FRAGMENT)
            sorted[count++] = &v->scopes[i];
    if (count == 0)
        return;
    qsort(sorted, count, sizeof(struct scope *), compare_definitions);
    join_definitions(v, sorted, count);
    v->closure = gql_alloc(&v->arena, v->fragment_count * sizeof(struct fragment *));
    v->marks = gql_alloc(&v->arena, v->fragment_count * sizeof(*v->marks));
    v->spread_to = gql_alloc(&v->arena, (v->ast->selection_count + 1) * sizeof(struct fragment *));
    stack = gql_alloc(&v->arena, (v->ast->selection_count + 1) * sizeof(struct gql_selection_set *));
    for (uint32_t i = 0; i < v->scope_count; i++)
        gather_spreads(v, &v->scopes[i], stack);
}

struct fragment **validate_closure(struct validation *v, const struct scope *scope, uint32_t *count)
{
    v->mark++;
    *count = 0;
    for (uint32_t reached = 0;; reached++) {
        if (!validate_spend(v, 1 + scope->spreads.count))
            return NULL;
        for (uint32_t i = 0; i < scope->spreads.count; i++) {
            struct fragment *fragment = v->spread_to[scope->spreads.list[i]->index];

            if (fragment == NULL || v->marks[fragment->index] == v->mark)
                continue;
            v->marks[fragment->index] = v->mark;
            v->closure[(*count)++] = fragment;
        }
        if (reached == *count)
            return v->closure;
        scope = v->closure[reached]->scope;
    }
}

/* --- UniqueFragmentNames --- */

static void unique_fragment_names(struct validation *v)
{
    const struct gql_name **first = gql_alloc(&v->arena, v->fragment_count * sizeof(struct gql_name *));

    for (uint32_t i = 0; i < v->scope_count; i++) {
        const struct fragment *fragment = v->scopes[i].fragment;
        const struct gql_name *name = &v->scopes[i].definition->name;
        struct gql_error *error;

        if (fragment == NULL)
            continue;
        if (first[fragment->index] == NULL) {
            first[fragment->index] = name;
            continue;
        }
        error = gql_errors_add(v->errors, "UniqueFragmentNames", "There can be only one fragment named \"%s\".",
                               name->text);
        validate_at(v, error, first[fragment->index]->at);
        validate_at(v, error, name->at);
    }
}

/* --- NoUnusedFragments --- */

static void no_unused_fragments(struct validation *v)
{
    struct fragment **queue = gql_alloc(&v->arena, v->fragment_count * sizeof(struct fragment *));
    bool *is_used = gql_alloc(&v->arena, v->fragment_count);
    uint32_t count = 0, reached = 0;

    for (uint32_t i = 0; i < v->scope_count || reached < count; i++) {
        const struct scope *scope = i < v->scope_count ? &v->scopes[i] : queue[reached++]->scope;

        if (i < v->scope_count && scope->fragment != NULL)
            continue;
        for (uint32_t j = 0; j < scope->spreads.count; j++) {
            struct fragment *fragment = v->spread_to[scope->spreads.list[j]->index];

            if (fragment == NULL || is_used[fragment->index])
                continue;
            is_used[fragment->index] = true;
            queue[count++] = fragment;
        }
    }
    for (uint32_t i = 0; i < v->scope_count; i++)
        if (v->scopes[i].fragment != NULL && !is_used[v->scopes[i].fragment->index])
            validate_at(v,
                        gql_errors_add(v->errors, "NoUnusedFragments", "Fragment \"%s\" is never used.",
                                       v->scopes[i].definition->name.text),
                        v->scopes[i].definition->at);
}

/* --- NoFragmentCycles --- */

/* The fragments that are being followed, each spread by the one before it: a stack in place of recursion, because
 * fragments can make a chain as long as the document. */
struct path {
    struct {
        const struct scope *scope;
        uint32_t next;                    /* of its spreads */
        const struct gql_selection *last; /* that was followed */
    } * steps;
    uint32_t length;
    uint32_t *place; /* by the fragment's index: of the step, or NOT_ON_PATH */
    bool *is_visited;
    uint32_t done; /* in post_order */
};

static void report_cycle(struct validation *v, const struct path *path, uint32_t from)
{
    const char *name = path->steps[path->length - 1].last->name.text;
    bool is_direct = from == path->length - 1;
    struct gql_error *error = gql_errors_add(v->errors, "NoFragmentCycles",
                                             "Cannot spread fragment \"%s\" within itself%s%s%s.", name,
                                             is_direct ? "" : " via \"",
                                             is_direct ? "" : path->steps[from].last->name.text, is_direct ? "" : "\"");

    for (uint32_t i = from; i < path->length && i - from < GQL_ERROR_LOCATIONS_MAX; i++)
        validate_at(v, error, path->steps[i].last->at);
}

static void enter(struct validation *v, struct path *path, const struct scope *scope)
{
    uint32_t index = scope->fragment->index;

    if (path->is_visited[index])
        return;
    path->is_visited[index] = true;
    if (scope->spreads.count == 0) {
        v->post_order[path->done++] = scope->fragment;
        return;
    }
    path->place[index] = path->length;
    path->steps[path->length].scope = scope;
    path->steps[path->length++].next = 0;
}

static void step(struct validation *v, struct path *path)
{
    const struct scope *scope = path->steps[path->length - 1].scope;
    uint32_t next = path->steps[path->length - 1].next++;
    const struct gql_selection *spread;
    struct fragment *fragment;

    if (next == scope->spreads.count) {
        path->place[scope->fragment->index] = NOT_ON_PATH;
        v->post_order[path->done++] = scope->fragment;
        path->length--;
        return;
    }
    spread = scope->spreads.list[next];
    path->steps[path->length - 1].last = spread;
    fragment = v->spread_to[spread->index];
    if (fragment == NULL)
        return;
    if (path->place[fragment->index] != NOT_ON_PATH)
        report_cycle(v, path, path->place[fragment->index]);
    else
        enter(v, path, fragment->scope);
}

static void no_fragment_cycles(struct validation *v)
{
    struct path path = { .steps = gql_alloc(&v->arena, v->fragment_count * sizeof(*path.steps)),
                         .place = gql_alloc(&v->arena, v->fragment_count * sizeof(*path.place)),
                         .is_visited = gql_alloc(&v->arena, v->fragment_count) };

    v->post_order = gql_alloc(&v->arena, v->fragment_count * sizeof(struct fragment *));
    for (uint32_t i = 0; i < v->fragment_count; i++)
        path.place[i] = NOT_ON_PATH;
    for (uint32_t i = 0; i < v->scope_count; i++) {
        if (v->scopes[i].fragment == NULL)
            continue;
        enter(v, &path, &v->scopes[i]);
        while (path.length > 0)
            step(v, &path);
    }
}

void validate_fragments(struct validation *v)
{
    if (v->fragment_count == 0)
        return;
    unique_fragment_names(v);
    no_fragment_cycles(v);
    no_unused_fragments(v);
}

/* --- KnownTypeNames --- */

static bool is_defined_here(const struct validation *v, const char *name)
{
    for (const struct gql_definition *definition = v->ast->first; definition != NULL; definition = definition->next)
        if (definition->kind >= GQL_SCALAR_DEFINITION && definition->kind <= GQL_INPUT_DEFINITION &&
            !definition->is_extension && strcmp(definition->name.text, name) == 0)
            return true;
    return false;
}

void validate_type_name(struct validation *v, const char *name, uint32_t at)
{
    struct suggestion suggestion = suggestion_for(name);

    if (gql_schema_type(v->schema, name) != NULL || validate_is_full(v))
        return;
    if (v->has_type_system && (!validate_spend(v, v->ast->definition_count) || is_defined_here(v, name)))
        return;
    for (uint32_t i = 0; i < v->schema->type_count; i++)
        suggestion_try(&suggestion, v->schema->types[i]->name);
    validate_at(v,
                gql_errors_add(v->errors, "KnownTypeNames", "Unknown type \"%s\".%s", name,
                               suggestion_text(&suggestion)),
                at);
}

/* --- FragmentsOnCompositeTypes --- */

void validate_condition(struct validation *v, const struct gql_name *condition, const char *fragment)
{
    const struct gql_type *type = validate_type(v->schema, condition);
    struct gql_error *error;

    if (type == NULL) {
        validate_type_name(v, condition->text, condition->at);
        return;
    }
    if ((type->kind & GQL_COMPOSITE) != 0)
        return;
    if (fragment == NULL)
        error = gql_errors_add(v->errors, "FragmentsOnCompositeTypes",
                               "Fragment cannot condition on non composite type \"%s\".", type->name);
    else
        error = gql_errors_add(v->errors, "FragmentsOnCompositeTypes",
                               "Fragment \"%s\" cannot condition on non composite type \"%s\".", fragment, type->name);
    validate_at(v, error, condition->at);
}

/* --- KnownFragmentNames, PossibleFragmentSpreads --- */

void validate_spread(struct validation *v, const struct gql_selection *spread, const struct position *position)
{
    const struct fragment *fragment = validate_spread_to(v, spread);

    if (fragment == NULL) {
        validate_at(v, gql_errors_add(v->errors, "KnownFragmentNames", "Unknown fragment \"%s\".", spread->name.text),
                    spread->name.at);
        return;
    }
    if (fragment->type == NULL || (fragment->type->kind & GQL_COMPOSITE) == 0 || position->parent == NULL ||
        gql_types_overlap(v->schema, fragment->type, position->parent))
        return;
    validate_at(v,
                gql_errors_add(v->errors, "PossibleFragmentSpreads",
                               "Fragment \"%s\" cannot be spread here as objects of type \"%s\" can never be of type "
                               "\"%s\".",
                               spread->name.text, position->parent->name, fragment->type->name),
                spread->at);
}

void validate_inline_fragment(struct validation *v, const struct gql_selection *selection, const struct gql_type *type,
                              const struct gql_type *parent)
{
    if (type == NULL || (type->kind & GQL_COMPOSITE) == 0 || parent == NULL ||
        gql_types_overlap(v->schema, type, parent))
        return;
    validate_at(v,
                gql_errors_add(v->errors, "PossibleFragmentSpreads",
                               "Fragment cannot be spread here as objects of type \"%s\" can never be of type \"%s\".",
                               parent->name, type->name),
                selection->at);
}
