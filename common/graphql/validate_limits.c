/* How deep and how large the operations of a valid document are. */
#include "common/graphql/validate_context.h"

/* What a selection set adds up to when its fragments are put in. Saturates at SIZE_LIMIT. */
struct extent {
    size_t depth, fields;
};

struct measuring {
    const struct validation *v;
    const struct extent *fragments; /* by index; those measured so far */
    size_t depth_max;
    uint32_t at; /* of the first selection that is too deep */
    bool is_too_deep;
};

/* Far beyond any limit, and twice as much is still a size. */
static const size_t SIZE_LIMIT = SIZE_MAX / 4;

static void note_depth(struct measuring *measuring, size_t depth, uint32_t at)
{
    if (measuring->is_too_deep || measuring->depth_max == 0 || depth <= measuring->depth_max)
        return;
    measuring->is_too_deep = true;
    measuring->at = at;
}

/* `above`: the fields that the set is in. */
static struct extent measure(struct measuring *measuring, const struct gql_selection_set *set, size_t above)
{
    struct extent whole = { 0 };

    for (const struct gql_selection *selection = set->first; selection != NULL; selection = selection->next) {
        struct extent part = { 0 };
        size_t own = selection->kind == GQL_FIELD;

        if (selection->kind == GQL_FRAGMENT_SPREAD)
            part = measuring->fragments[validate_spread_to(measuring->v, selection)->index];
        else if (selection->set != NULL)
            part = measure(measuring, selection->set, above + own);
        part.depth += own;
        part.fields += own;
        note_depth(measuring, above + part.depth, selection->at);
        if (part.depth > whole.depth)
            whole.depth = part.depth;
        whole.fields = whole.fields + part.fields < SIZE_LIMIT ? whole.fields + part.fields : SIZE_LIMIT;
    }
    return whole;
}

static void measure_operation(struct validation *v, const struct scope *scope, const struct extent *fragments)
{
    struct measuring measuring = { .v = v, .fragments = fragments, .depth_max = v->limits->depth };
    struct extent extent = measure(&measuring, scope->definition->set, 0);

    if (measuring.is_too_deep)
        validate_at(v,
                    gql_errors_add(v->errors, "limit",
                                   "The operation nests %zu fields within each other; the limit \"depth\" is %zu.",
                                   extent.depth, v->limits->depth),
                    measuring.at);
    if (v->limits->fields != 0 && extent.fields > v->limits->fields)
        validate_at(v,
                    gql_errors_add(v->errors, "limit",
                                   "The operation selects %zu fields%s, fragments included; the limit \"fields\" is "
                                   "%zu.",
                                   extent.fields, extent.fields == SIZE_LIMIT ? " or more" : "", v->limits->fields),
                    scope->definition->at);
}

/* A valid document has no cycles, so a fragment comes behind those that it spreads. */
void validate_limits(struct validation *v)
{
    struct extent *fragments = gql_alloc(&v->arena, (v->fragment_count + 1) * sizeof(*fragments));
    struct measuring measuring = { .v = v, .fragments = fragments };

    if (v->limits->depth == 0 && v->limits->fields == 0)
        return;
    for (uint32_t i = 0; i < v->fragment_count; i++)
        fragments[v->post_order[i]->index] = measure(&measuring, v->post_order[i]->definition->set, 0);
    for (uint32_t i = 0; i < v->scope_count; i++)
        if (v->scopes[i].fragment == NULL)
            measure_operation(v, &v->scopes[i], fragments);
}
