#include "common/graphql/execute_plan.h"

#include "common/graphql/document.h"

#include <string.h>

/* Below this many fields a walk over them is quicker than a table. */
enum { TABLE_FROM = 16 };

struct collector {
    struct gql_planner *planner;
    const struct gql_schema *schema;
    const struct gql_type *type;
    struct gql_entry *entries;
    uint32_t count, room;
    uint32_t *table; /* from a key's hash to 1 + the index of its entry; 0: free. NULL: there are few entries */
    uint32_t table_size;
};

/* --- @skip and @include --- */

static const struct gql_directive *directive_named(const struct gql_selection *selection, const char *name)
{
    for (const struct gql_directive *directive = selection->directives; directive; directive = directive->next)
        if (strcmp(directive->name.text, name) == 0)
            return directive;
    return NULL;
}

/* The value of `if`. A null one, which only a variable of a nullable type can have, is remembered as invalid. */
static bool condition_holds(struct gql_planner *planner, const struct gql_directive *directive)
{
    const struct gql_value *value = directive->arguments->value;
    const json_t *given;

    if (value->kind != GQL_VALUE_VARIABLE)
        return value->is_true;
    given = json_object_get(planner->variables, value->text);
    if (!given || json_is_null(given)) {
        if (!planner->invalid)
            planner->invalid = value;
        return false;
    }
    return json_is_true(given);
}

static bool is_included(struct gql_planner *planner, const struct gql_selection *selection)
{
    const struct gql_directive *skip, *include;

    if (!selection->directives)
        return true;
    skip = directive_named(selection, "skip");
    if (skip && condition_holds(planner, skip))
        return false;
    include = directive_named(selection, "include");
    return !include || condition_holds(planner, include);
}

/* --- Entries by key --- */

static uint32_t hash_key(const char *key, uint32_t *size)
{
    uint32_t hash = 2166136261;
    const char *at = key;

    for (; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619;
    *size = (uint32_t)(at - key);
    return hash ^ hash >> 15;
}

static void table_add(struct collector *collector, uint32_t index)
{
    uint32_t at = collector->entries[index].hash & (collector->table_size - 1);

    while (collector->table[at] != 0)
        at = (at + 1) & (collector->table_size - 1);
    collector->table[at] = index + 1;
}

/* Twice as large as the entries may get before they are moved the next time. */
static void table_new(struct collector *collector)
{
    collector->table_size = TABLE_FROM;
    while (collector->table_size < 2 * collector->room)
        collector->table_size *= 2;
    collector->table = gql_alloc(&collector->planner->arena, collector->table_size * sizeof(*collector->table));
    for (uint32_t i = 0; i < collector->count; i++)
        table_add(collector, i);
}

static bool is_entry_of(const struct gql_entry *entry, const char *key, uint32_t hash)
{
    return entry->hash == hash && strcmp(entry->key, key) == 0;
}

static struct gql_entry *entry_find(const struct collector *collector, const char *key, uint32_t hash)
{
    if (!collector->table) {
        for (uint32_t i = 0; i < collector->count; i++)
            if (is_entry_of(&collector->entries[i], key, hash))
                return &collector->entries[i];
        return NULL;
    }
    for (uint32_t at = hash & (collector->table_size - 1); collector->table[at] != 0;
         at = (at + 1) & (collector->table_size - 1)) {
        struct gql_entry *entry = &collector->entries[collector->table[at] - 1];

        if (is_entry_of(entry, key, hash))
            return entry;
    }
    return NULL;
}

static struct gql_entry *entry_new(struct collector *collector)
{
    if (collector->count == collector->room) {
        uint32_t room = collector->room ? 2 * collector->room : 4;
        struct gql_entry *entries = gql_alloc(&collector->planner->arena, room * sizeof(*entries));

        if (collector->count > 0)
            memcpy(entries, collector->entries, collector->count * sizeof(*entries));
        collector->entries = entries;
        collector->room = room;
        if (room > TABLE_FROM)
            table_new(collector);
    }
    return &collector->entries[collector->count++];
}

static const char *label_of(struct gql_arena *arena, const char *key, uint32_t size)
{
    char *label = gql_alloc(arena, size + sizeof("\"\":"));

    label[0] = '"';
    memcpy(label + 1, key, size);
    memcpy(label + 1 + size, "\":", sizeof("\":"));
    return label;
}

static bool value_has_variable(const struct gql_value *value)
{
    if (value->kind == GQL_VALUE_VARIABLE)
        return true;
    for (const struct gql_value *item = value->items; item; item = item->next)
        if (value_has_variable(item))
            return true;
    for (const struct gql_member *member = value->members; member; member = member->next)
        if (value_has_variable(member->value))
            return true;
    return false;
}

static bool has_variables(const struct gql_selection *selection)
{
    for (const struct gql_member *argument = selection->arguments; argument; argument = argument->next)
        if (value_has_variable(argument->value))
            return true;
    return false;
}

static void add_selection(struct collector *collector, struct gql_entry *entry, const struct gql_selection *selection)
{
    struct gql_selections *added = gql_alloc(&collector->planner->arena, sizeof(*added));

    added->selection = selection;
    if (entry->last)
        entry->last->next = added;
    else
        entry->selections.next = added;
    entry->last = added;
}

static void collect_field(struct collector *collector, const struct gql_selection *selection)
{
    uint32_t size, hash = hash_key(selection->key, &size);
    struct gql_entry *entry = entry_find(collector, selection->key, hash);
    const struct gql_field_type *field;

    if (entry) {
        add_selection(collector, entry, selection);
        return;
    }
    field = gql_schema_field(collector->schema, collector->type, selection->name.text);
    if (!field)
        return;
    entry = entry_new(collector);
    *entry = (struct gql_entry){
        .key = selection->key,
        .hash = hash,
        .label = label_of(&collector->planner->arena, selection->key, size),
        .label_size = size + 3,
        .field = field,
        .selections.selection = selection,
        .has_variables = field->argument_count > 0 && has_variables(selection),
    };
    if (collector->table)
        table_add(collector, collector->count - 1);
}

/* --- Selection sets --- */

static bool condition_matches(const struct collector *collector, const char *condition)
{
    const struct gql_type *type;

    if (!condition || strcmp(condition, collector->type->name) == 0)
        return true;
    type = gql_schema_type(collector->schema, condition);
    return type && (type->kind & GQL_ABSTRACT) && gql_type_is_possible(collector->schema, type, collector->type);
}

static void collect(struct collector *collector, const struct gql_selection_set *set);

/* A fragment counts once; whether it is included is not even asked of further spreads of it. */
static void collect_spread(struct collector *collector, const struct gql_selection *spread)
{
    struct gql_document *document = collector->planner->document;
    const struct gql_definition *fragment = gql_document_fragment(document, spread->name.text);

    if (!fragment || gql_document_is_visited(document, fragment) || !is_included(collector->planner, spread))
        return;
    gql_document_visit(document, fragment);
    if (condition_matches(collector, fragment->condition.text))
        collect(collector, fragment->set);
}

/* Recursion is bounded by the depth of a document, which validation has bounded. */
static void collect(struct collector *collector, const struct gql_selection_set *set)
{
    for (const struct gql_selection *selection = set->first; selection; selection = selection->next) {
        switch (selection->kind) {
        case GQL_FIELD:
            if (is_included(collector->planner, selection))
                collect_field(collector, selection);
            break;
        case GQL_FRAGMENT_SPREAD: collect_spread(collector, selection); break;
        case GQL_INLINE_FRAGMENT:
            if (is_included(collector->planner, selection) && condition_matches(collector, selection->condition.text))
                collect(collector, selection->set);
            break;
        }
    }
}

static uint32_t selections_of(const struct gql_selection_set *set)
{
    uint32_t count = 0;

    for (const struct gql_selection *selection = set->first; selection && count < TABLE_FROM;
         selection = selection->next)
        count++;
    return count;
}

static struct collector collector_new(struct gql_planner *planner, const struct gql_type *type,
                                      const struct gql_selection_set *set)
{
    struct collector collector = {
        .planner = planner, .schema = planner->document->schema, .type = type, .room = set ? selections_of(set) : 0
    };

    if (collector.room > 0)
        collector.entries = gql_alloc(&planner->arena, collector.room * sizeof(*collector.entries));
    planner->invalid = NULL;
    gql_document_walk(planner->document);
    return collector;
}

static struct gql_plan *plan_new(const struct collector *collector)
{
    struct gql_plan *plan;

    if (collector->planner->invalid)
        return NULL;
    plan = gql_alloc(&collector->planner->arena, sizeof(*plan));
    *plan = (struct gql_plan){ .type = collector->type, .entries = collector->entries, .count = collector->count };
    return plan;
}

const struct gql_plan *gql_plan_root(struct gql_planner *planner, const struct gql_definition *operation,
                                     const struct gql_type *type)
{
    size_t count = planner->document->ast->definition_count;
    struct collector collector;

    if (!planner->roots)
        planner->roots = gql_alloc(&planner->arena, count * sizeof(struct gql_plan *));
    if (!planner->roots[operation->index]) {
        collector = collector_new(planner, type, operation->set);
        collect(&collector, operation->set);
        planner->roots[operation->index] = plan_new(&collector);
    }
    return planner->roots[operation->index];
}

const struct gql_plan *gql_plan_fields(struct gql_planner *planner, struct gql_entry *entry,
                                       const struct gql_type *type)
{
    struct collector collector;
    struct gql_plan *plan = entry->plans;

    while (plan && plan->type != type)
        plan = plan->next;
    if (plan)
        return plan;
    collector = collector_new(planner, type, entry->selections.selection->set);
    for (const struct gql_selections *at = &entry->selections; at; at = at->next)
        if (at->selection->set)
            collect(&collector, at->selection->set);
    plan = plan_new(&collector);
    if (plan) {
        plan->next = entry->plans;
        entry->plans = plan;
    }
    return plan;
}

/* --- What else is asked of a plan --- */

static bool set_selects(struct gql_planner *planner, const struct gql_selection_set *set, const char *name)
{
    for (const struct gql_selection *selection = set->first; selection; selection = selection->next) {
        const struct gql_selection_set *within = selection->set;

        if (!is_included(planner, selection))
            continue;
        if (selection->kind == GQL_FIELD) {
            if (strcmp(selection->name.text, name) == 0)
                return true;
            continue;
        }
        if (selection->kind == GQL_FRAGMENT_SPREAD) {
            const struct gql_definition *fragment = gql_document_fragment(planner->document, selection->name.text);

            if (!fragment || gql_document_is_visited(planner->document, fragment))
                continue;
            gql_document_visit(planner->document, fragment);
            within = fragment->set;
        }
        if (within && set_selects(planner, within, name))
            return true;
    }
    return false;
}

bool gql_plan_selects(const struct gql_planner *planner, const struct gql_entry *entry, const char *name)
{
    struct gql_planner asked = { .document = planner->document, .variables = planner->variables };

    gql_document_walk(planner->document);
    for (const struct gql_selections *at = &entry->selections; at; at = at->next)
        if (at->selection->set && set_selects(&asked, at->selection->set, name))
            return true;
    return false;
}

/* Lines are counted from the text's beginning on: once for an entry, however many items of a list fail. */
void gql_plan_locate(struct gql_planner *planner, struct gql_entry *entry, struct gql_error *error)
{
    if (!error)
        return;
    if (!entry->locations) {
        struct gql_error counted = { 0 };

        for (const struct gql_selections *at = &entry->selections; at; at = at->next)
            gql_error_at(&counted, planner->document->ast->text, at->selection->at);
        entry->location_count = (uint32_t)counted.location_count;
        entry->locations = gql_alloc(&planner->arena, entry->location_count * sizeof(*entry->locations));
        memcpy(entry->locations, counted.locations, entry->location_count * sizeof(*entry->locations));
    }
    memcpy(error->locations, entry->locations, entry->location_count * sizeof(*entry->locations));
    error->location_count = entry->location_count;
}

const json_t *gql_keep(struct gql_arena *arena, struct gql_kept **kept, json_t *value)
{
    struct gql_kept *added = gql_alloc(arena, sizeof(*added));

    *added = (struct gql_kept){ .value = value, .next = *kept };
    *kept = added;
    return value;
}

void gql_kept_release(struct gql_kept *kept)
{
    for (; kept; kept = kept->next)
        json_decref(kept->value);
}

/* Bytes that a value takes, about. */
static size_t weight_of(const json_t *value)
{
    size_t weight = 48;
    size_t i;
    json_t *item;
    const char *key;

    if (json_is_string(value))
        return weight + json_string_length(value);
    json_array_foreach(value, i, item)
        weight += sizeof(json_t *) + weight_of(item);
    if (json_is_object(value))
        weight += 160;
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
        weight += 64 + weight_of(item);
    return weight;
}

size_t gql_planner_bytes(struct gql_planner *planner)
{
    for (const struct gql_kept *kept = planner->kept; kept != planner->weighed; kept = kept->next)
        planner->kept_bytes += weight_of(kept->value);
    planner->weighed = planner->kept;
    return gql_arena_size(&planner->arena) + planner->kept_bytes;
}

void gql_planner_release(struct gql_planner *planner)
{
    gql_kept_release(planner->kept);
    gql_arena_release(&planner->arena);
    *planner = (struct gql_planner){ .document = planner->document, .variables = planner->variables };
}
