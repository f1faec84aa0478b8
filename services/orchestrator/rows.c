/* The read model: one row for each orchestration and each operation, enough to come back from. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/timestamp.h"
#include "services/orchestrator/latest.h"
#include "services/orchestrator/parts.h"

#define UNFINISHED "state NOT IN ('succeeded', 'failed', 'canceled')"

/* Orchestrations first, for the others are loaded into them; then configurations, which operations name. */
const struct core_table orchestration_tables[TABLE_COUNT] = {
    [TABLE_ORCHESTRATION] = { "orchestration", "orchestration_id", UNFINISHED },
    [TABLE_CONFIGURATION] = { "configuration", "orchestration_id",
                              "orchestration_id IN (SELECT orchestration_id FROM orchestration WHERE " UNFINISHED ")" },
    [TABLE_OPERATION] = { "operation", "orchestration_id",
                          "orchestration_id IN (SELECT orchestration_id FROM orchestration WHERE " UNFINISHED ")" },
    [TABLE_LATEST] = { "latest", NULL, "true" },
    [TABLE_RELEASES] = { "releases", NULL, "true" },
};

/* --- Values --- */

static json_t *time_json(int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time_ms, text);
    return json_string(text);
}

static int64_t time_read(const json_t *row, const char *column)
{
    int64_t time_ms = 0;

    timestamp_parse(data_text(row, column), &time_ms);
    return time_ms;
}

static json_t *shared(json_t *value)
{
    return value == NULL ? json_null() : json_incref(value);
}

static void set_text(json_t *row, const char *column, const char *text)
{
    json_object_set_new_nocheck(row, column, json_string_nocheck(text)); /* came from JSON */
}

static void set_integer(json_t *row, const char *column, int64_t value)
{
    json_object_set_new_nocheck(row, column, json_integer(value));
}

static void set(json_t *row, const char *column, json_t *value)
{
    json_object_set_new_nocheck(row, column, value);
}

/* --- Orchestrations --- */

/* The numbers of operations by state, only of states that occur; null while there is none to see. */
static json_t *stats(const struct orchestration *orchestration)
{
    json_t *stats;

    if (!orchestration->resolved || orchestration->count == 0)
        return json_null();
    stats = json_object();
    for (int i = 0; i < OPERATION_STATE_COUNT; i++)
        if (orchestration->by_state[i] > 0)
            set_integer(stats, operation_state_names[i], (int64_t)orchestration->by_state[i]);
    return stats;
}

static json_t *reported(const struct orchestration *orchestration)
{
    json_t *partitions = json_array();

    for (int i = 0; i < orchestration->partitions; i++)
        if (orchestration->reported[i])
            json_array_append_new(partitions, json_integer(i));
    return partitions;
}

static json_t *orchestration_to_row(const struct orchestration *orchestration)
{
    json_t *row = json_object();

    set_text(row, "orchestration_id", orchestration->id);
    set_text(row, "lane", orchestration->lane->type->name);
    set_text(row, "type", orchestration->lane->type->type);
    set_text(row, "state", orchestration_state_names[orchestration->state]);
    set_text(row, "description", orchestration->description);
    set(row, "created_at", time_json(orchestration->created_at));
    set(row, "updated_at", time_json(orchestration->updated_at));
    set_integer(row, "arrival", orchestration->arrival);
    set_integer(row, "accepted_offset", orchestration->accepted);
    set_integer(row, "configured", orchestration->configured);
    set(row, "parameters", shared(orchestration->parameters));
    set(row, "actor", shared(orchestration->actor));
    set_text(row, "version", orchestration->version);
    set_text(row, "configuration", orchestration->configuration);
    set(row, "cluster_config", shared(orchestration->cluster_config));
    set_text(row, "body_hash", orchestration->body_hash);
    set(row, "traceparent", orchestration->traceparent == NULL ? json_null() : json_string(orchestration->traceparent));
    set_text(row, "schedule", orchestration->schedule);
    set_integer(row, "workers", orchestration->workers);
    set_integer(row, "max_failures", orchestration->max_failures);
    set(row, "stopped", json_boolean(orchestration->stopped));
    set(row, "retries", json_copy(orchestration->retries)); /* a row is a value, the list grows */
    set(row, "dry_run", json_boolean(orchestration->dry_run));
    set_integer(row, "partitions", orchestration->partitions);
    set(row, "reported", reported(orchestration));
    set(row, "resolved", json_boolean(orchestration->resolved));
    set(row, "stats", stats(orchestration));
    return row;
}

/* The numbers by state come back with the operations. */
static void orchestration_from_row(struct state *state, const json_t *row)
{
    const char *id = data_text(row, "orchestration_id");
    struct orchestration *orchestration;
    json_t *partition;
    size_t i;

    if (orchestration_find(state, id) != NULL)
        return;
    orchestration = orchestration_add(state, id, data_text(row, "lane"), data_integer(row, "arrival"));
    orchestration->accepted = data_integer(row, "accepted_offset");
    orchestration->configured = (int)data_integer(row, "configured");
    text_set(&orchestration->description, data_text(row, "description"));
    orchestration->created_at = time_read(row, "created_at");
    orchestration->updated_at = time_read(row, "updated_at");
    orchestration->parameters = json_incref(json_object_get(row, "parameters"));
    orchestration->actor = json_incref(json_object_get(row, "actor"));
    text_set(&orchestration->version, data_text(row, "version"));
    text_set(&orchestration->configuration, data_text(row, "configuration"));
    if (json_is_object(json_object_get(row, "cluster_config")))
        orchestration->cluster_config = json_incref(json_object_get(row, "cluster_config"));
    text_set(&orchestration->body_hash, data_text(row, "body_hash"));
    text_set(&orchestration->traceparent, json_string_value(json_object_get(row, "traceparent")));
    text_set(&orchestration->schedule, data_text(row, "schedule"));
    orchestration->workers = (int)data_integer(row, "workers");
    orchestration->max_failures = (int)data_integer(row, "max_failures");
    orchestration->stopped = json_is_true(json_object_get(row, "stopped"));
    json_array_extend(orchestration->retries, json_object_get(row, "retries"));
    orchestration->dry_run = json_is_true(json_object_get(row, "dry_run"));
    orchestration->resolved = json_is_true(json_object_get(row, "resolved"));
    orchestration_asked(orchestration, (int)data_integer(row, "partitions"));
    json_array_foreach(json_object_get(row, "reported"), i, partition) {
        orchestration_reported(orchestration, (int)json_integer_value(partition));
    }
    orchestration_change(orchestration,
                         (enum orchestration_state)name_index(orchestration_state_names, ORCHESTRATION_STATE_COUNT,
                                                              data_text(row, "state")));
}

/* --- Operations --- */

static void add_integer(struct text *out, const char *column, int64_t value)
{
    text_add_name(out, column);
    text_add_integer(out, value);
}

static void add_boolean(struct text *out, const char *column, bool value)
{
    text_add_name(out, column);
    text_add(out, value ? "true" : "false");
}

static void add_time(struct text *out, const char *column, int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time_ms, text);
    text_add_member(out, column, text);
}

static void add_window(struct text *out, const char *column, int64_t time_ms)
{
    if (time_ms != 0) {
        add_time(out, column, time_ms);
        return;
    }
    text_add_name(out, column);
    text_add(out, "null");
}

/* As text at once: an orchestration may have a hundred thousand, and each event may change hundreds. */
static void operation_to_text(const struct operation *operation, struct text *out)
{
    text_add(out, "{\"operation_id\":");
    text_add_string(out, operation->id);
    text_add_member(out, "orchestration_id", operation->orchestration->id);
    add_integer(out, "include_index", operation->include);
    for (int i = 0; i < TEXT_COUNT; i++)
        text_add_member(out, operation_text_names[i].column, operation->texts[i]);
    add_boolean(out, "dry_run", operation->orchestration->dry_run);
    add_window(out, "window_begin", operation->window_begin);
    add_window(out, "window_end", operation->window_end);
    text_add_member(out, "state", operation_state_names[operation->state]);
    text_add_member(out, "phase", phase_names[operation->phase]);
    text_add_member(out, "description", operation->description);
    add_integer(out, "release", operation->release);
    add_integer(out, "attempt", operation->attempt);
    add_integer(out, "position", operation->position);
    add_boolean(out, "sent", operation->sent);
    text_add_member(out, "version", operation->version == NULL ? "" : operation->version);
    text_add_member(out, "configuration", operation->configuration == NULL ? "" : operation->configuration->hash);
    add_time(out, "created_at", operation->created_at);
    add_time(out, "updated_at", operation->updated_at);
    text_add(out, "}");
}

static json_t *operation_to_row(const struct operation *operation)
{
    struct text text = { 0 };
    json_t *row;

    operation_to_text(operation, &text);
    row = json_loadb(text.bytes, text.size, 0, NULL);
    text_release(&text);
    return row;
}

static void operation_from_row(struct state *state, const json_t *row)
{
    struct orchestration *orchestration = orchestration_find(state, data_text(row, "orchestration_id"));
    const char *id = data_text(row, "operation_id"), *texts[TEXT_COUNT];
    struct operation *operation;

    if (orchestration == NULL || operation_find(state, id) != NULL)
        return;
    for (int i = 0; i < TEXT_COUNT; i++)
        texts[i] = data_text(row, operation_text_names[i].column);
    operation = operation_add(state, orchestration, id, (int)data_integer(row, "include_index"), texts);
    operation->window_begin = time_read(row, "window_begin");
    operation->window_end = time_read(row, "window_end");
    text_set(&operation->description, data_text(row, "description"));
    operation->release = data_integer(row, "release");
    operation->attempt = (int)data_integer(row, "attempt");
    operation->position = (int)data_integer(row, "position");
    operation->sent = json_is_true(json_object_get(row, "sent"));
    if (data_text(row, "version")[0] != '\0')
        text_set(&operation->version, data_text(row, "version"));
    operation->configuration = configuration_find(orchestration, data_text(row, "configuration"));
    operation->created_at = time_read(row, "created_at");
    operation->updated_at = time_read(row, "updated_at");
    operation_change(operation, (enum phase)name_index(phase_names, PHASE_COUNT, data_text(row, "phase")),
                     (enum operation_state)name_index(operation_state_names, OPERATION_STATE_COUNT,
                                                      data_text(row, "state")));
}

/* --- Configurations --- */

char *configuration_row_id(const char *orchestration_id, const char *hash)
{
    char *id;

    if (asprintf(&id, "%s/%s", orchestration_id, hash) < 0)
        abort();
    return id;
}

/* NULL: there is none so named. */
static json_t *configuration_to_row(const struct state *state, const char *id)
{
    const char *slash = strrchr(id, '/');
    char *orchestration_id = strndup(id, slash == NULL ? 0 : (size_t)(slash - id));
    const struct orchestration *orchestration = orchestration_find(state, orchestration_id);
    const struct configuration *configuration = orchestration == NULL ? NULL
                                                                      : configuration_find(orchestration, slash + 1);
    json_t *row = configuration == NULL ? NULL : json_object();

    free(orchestration_id);
    if (row == NULL)
        return NULL;
    set_text(row, "orchestration_id", orchestration->id);
    set_text(row, "hash", configuration->hash);
    set(row, "body", json_incref(configuration->body));
    return row;
}

static void configuration_from_row(struct state *state, const json_t *row)
{
    struct orchestration *orchestration = orchestration_find(state, data_text(row, "orchestration_id"));

    if (orchestration != NULL)
        configuration_add(orchestration, data_text(row, "hash"), json_incref(json_object_get(row, "body")));
}

/* --- The newest operations of instances --- */

static json_t *latest_to_row(const struct latest *latest)
{
    json_t *row = json_object();

    set_text(row, "lane", latest->type->name);
    set_text(row, "instance_id", latest->instance_id);
    set(row, "created_at", time_json(latest->created_at));
    return row;
}

static void latest_from_row(struct state *state, const json_t *row)
{
    const struct lane_type *type = lane_type_find(data_text(row, "lane"));

    assert(type != NULL);
    latest_add(state, type, data_text(row, "instance_id"), time_read(row, "created_at"));
}

/* --- Releases --- */

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *adoption_to_row(const struct adoption *adoption)
{
    json_t *row = json_object();

    set(row, "hash", text_or_null(adoption->hash));
    set(row, "body", shared(adoption->json));
    set(row, "adopted_at", adoption->hash == NULL ? json_null() : time_json(adoption->adopted_at));
    set(row, "refused_hash", text_or_null(adoption->refused));
    set(row, "refused_reason", text_or_null(adoption->reason));
    set(row, "refused_at", adoption->refused == NULL ? json_null() : time_json(adoption->refused_at));
    return row;
}

static void adoption_from_row(struct state *state, const json_t *row)
{
    if (json_is_string(json_object_get(row, "hash")))
        adoption_adopt_releases(&state->adoption, data_text(row, "hash"), json_object_get(row, "body"),
                                time_read(row, "adopted_at"));
    if (json_is_string(json_object_get(row, "refused_hash")))
        adoption_refuse_releases(&state->adoption, data_text(row, "refused_hash"), data_text(row, "refused_reason"),
                                 time_read(row, "refused_at"));
}

/* --- All --- */

json_t *orchestration_row(const void *state, int table, const char *id)
{
    const struct orchestration *orchestration;
    const struct operation *operation;
    const struct latest *latest;

    switch ((enum orchestration_table)table) {
    case TABLE_ORCHESTRATION:
        orchestration = orchestration_find(state, id);
        return orchestration == NULL ? NULL : orchestration_to_row(orchestration);
    case TABLE_CONFIGURATION: return configuration_to_row(state, id);
    case TABLE_OPERATION:
        operation = operation_find(state, id);
        return operation == NULL ? NULL : operation_to_row(operation);
    case TABLE_LATEST: latest = latest_find(state, id); return latest == NULL ? NULL : latest_to_row(latest);
    case TABLE_RELEASES: return adoption_to_row(&((const struct state *)state)->adoption);
    case TABLE_COUNT: break;
    }
    return NULL;
}

bool orchestration_row_text(const void *state, int table, const char *id, struct text *out)
{
    const struct operation *operation = table == TABLE_OPERATION ? operation_find(state, id) : NULL;

    if (operation != NULL)
        operation_to_text(operation, out);
    return operation != NULL;
}

void orchestration_load(void *state, int table, const json_t *row)
{
    switch ((enum orchestration_table)table) {
    case TABLE_ORCHESTRATION: orchestration_from_row(state, row); break;
    case TABLE_CONFIGURATION: configuration_from_row(state, row); break;
    case TABLE_OPERATION: operation_from_row(state, row); break;
    case TABLE_LATEST: latest_from_row(state, row); break;
    case TABLE_RELEASES: adoption_from_row(state, row); break;
    case TABLE_COUNT: break;
    }
}
