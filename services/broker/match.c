#include "services/broker/match.h"

#include <stdint.h>
#include <string.h>

#include "common/window/window.h"
#include "services/broker/selector.h"

/* An instance without a window is eligible: what to do with it depends on the orchestration's schedule. One whose
 * window cannot be read is not: nobody could say when it may be upgraded. */
static bool is_eligible(const struct instance *instance)
{
    struct time_of_day time;

    if (instance->refused || instance->deprovision != NULL)
        return false;
    if (*instance->window_begin == '\0' && *instance->window_end == '\0')
        return true;
    return time_of_day_parse(instance->window_begin, &time, NULL) &&
           time_of_day_parse(instance->window_end, &time, NULL);
}

static int include_of(const struct selectors *selectors, const struct instance *instance)
{
    struct selector_subject subject = { .instance_id = instance->id,
                                        .runtime_id = instance->runtime_id,
                                        .global_account = instance->global_account,
                                        .sub_account = instance->sub_account,
                                        .plan_name = instance->plan,
                                        .region = instance->region,
                                        .shoot = instance->shoot };

    return is_eligible(instance) ? selectors_match(selectors, &subject) : -1;
}

/* JSON of texts that many instances share, which is made once for many targets. Kept by their address, as the fleet keeps
 * each such text once; what falls on the same slot is replaced. */
enum { SHARED_SLOTS = 256 };
struct shared {
    struct {
        const char *text;
        json_t *json;
    } slots[SHARED_SLOTS];
};

static void shared_release(struct shared *shared)
{
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        json_decref(shared->slots[i].json);
}

/* A new reference. */
static json_t *shared_json(struct shared *shared, const char *text)
{
    size_t slot = (uintptr_t)text / 16 % SHARED_SLOTS;

    if (shared->slots[slot].text != text) {
        json_decref(shared->slots[slot].json);
        shared->slots[slot].text = text;
        shared->slots[slot].json = json_string_nocheck(text);
    }
    return json_incref(shared->slots[slot].json);
}

/* Its texts came out of JSON and are not checked again: of targets there may be a hundred thousand. Adds their size to
 * `texts_size`. */
static json_t *target_json(const struct instance *instance, int include, struct shared *shared, size_t *texts_size)
{
    const struct {
        const char *name, *text;
        bool is_shared;
    } members[] = {
        { "instanceID", instance->id, false },
        { "runtimeID", instance->runtime_id, false },
        { "globalAccountID", instance->global_account, true },
        { "subAccountID", instance->sub_account, false },
        { "planName", instance->plan, true },
        { "region", instance->region, true },
        { "shootName", instance->shoot, false },
        { "windowBegin", instance->window_begin, true },
        { "windowEnd", instance->window_end, true },
    };
    json_t *target = json_object();

    json_object_set_new_nocheck(target, "include", json_integer(include));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *text = members[i].is_shared ? shared_json(shared, members[i].text)
                                            : json_string_nocheck(members[i].text);

        *texts_size += json_string_length(text);
        json_object_set_new_nocheck(target, members[i].name, text);
    }
    return target;
}

/* How many instances a chunk looks at, so that other requests have their turn soon. */
static size_t examined_max(const struct selectors *selectors)
{
    size_t max = MATCH_WEIGHT_MAX / selectors_weight(selectors);

    if (max > MATCH_EXAMINED_MAX)
        return MATCH_EXAMINED_MAX;
    return max < MATCH_EXAMINED_MIN ? MATCH_EXAMINED_MIN : max;
}

/* Adds targets, cursor and whether it was the last chunk. */
static void examine(const struct fleet *fleet, const struct selectors *selectors, const char *cursor, json_t *chunk)
{
    size_t count, i, texts_size = 0, max = examined_max(selectors);
    struct instance *const *instances = fleet_after(fleet, cursor, &count);
    struct shared shared = { 0 };
    json_t *targets = json_array();

    for (i = 0;
         i < count && i < max && json_array_size(targets) < MATCH_TARGETS_MAX && texts_size < MATCH_TEXTS_SIZE_MAX;
         i++) {
        int include = include_of(selectors, instances[i]);

        if (include >= 0)
            json_array_append_new(targets, target_json(instances[i], include, &shared, &texts_size));
    }
    shared_release(&shared);
    json_object_set_new(chunk, "targets", targets);
    json_object_set_new(chunk, "cursor", json_string(i > 0 ? instances[i - 1]->id : cursor));
    json_object_set_new(chunk, "last", json_boolean(i == count));
}

/* An empty last chunk, so that the orchestrator hears why there is no target. */
static void fail(json_t *chunk, const char *cursor, const struct error *err)
{
    json_t *message = json_string(err->message);

    if (message == NULL) /* a long one may be cut within a character */
        message = json_string("the selectors cannot be understood");
    json_object_set_new(chunk, "targets", json_array());
    json_object_set_new(chunk, "cursor", json_string(cursor));
    json_object_set_new(chunk, "last", json_true());
    json_object_set_new(chunk, "error", message);
}

json_t *match_chunk(const struct fleet *fleet, const json_t *data)
{
    const char *orchestration_id = json_string_value(json_object_get(data, "orchestrationID"));
    const char *lane = json_string_value(json_object_get(data, "lane"));
    const char *cursor = json_string_value(json_object_get(data, "cursor"));
    json_t *targets = json_object_get(data, "targets"), *chunk;
    struct selectors *selectors;
    struct error err;

    if (orchestration_id == NULL || lane == NULL)
        return NULL;
    if (cursor == NULL)
        cursor = "";
    chunk = json_pack("{s:s, s:s}", "orchestrationID", orchestration_id, "lane", lane);
    selectors = selectors_new(targets, &err);
    if (selectors == NULL) {
        fail(chunk, cursor, &err);
        return chunk;
    }
    examine(fleet, selectors, cursor, chunk);
    if (!json_is_true(json_object_get(chunk, "last")))
        json_object_set(chunk, "selectors", targets);
    selectors_free(selectors);
    return chunk;
}

static void tell(const struct fleet *fleet, const json_t *chunk, struct messages *out)
{
    json_t *data = json_object();
    json_t *error = json_object_get(chunk, "error");

    json_object_set(data, "orchestrationID", json_object_get(chunk, "orchestrationID"));
    json_object_set_new(data, "partition", json_integer(fleet_partition(fleet)));
    json_object_set(data, "targets", json_object_get(chunk, "targets"));
    json_object_set(data, "last", json_object_get(chunk, "last"));
    if (error != NULL)
        json_object_set(data, "error", error);
    messages_add(out, (struct message){ .topic = "orchestrations",
                                        .key = json_string_value(json_object_get(chunk, "lane")),
                                        .type = "tidegate.orchestration.target.v1",
                                        .data = data });
}

static void go_on(const struct fleet *fleet, const json_t *chunk, struct messages *out)
{
    json_t *data = json_object();

    json_object_set(data, "orchestrationID", json_object_get(chunk, "orchestrationID"));
    json_object_set(data, "lane", json_object_get(chunk, "lane"));
    json_object_set(data, "targets", json_object_get(chunk, "selectors"));
    json_object_set(data, "cursor", json_object_get(chunk, "cursor"));
    messages_add(out, (struct message){ .topic = "instances",
                                        .partition = fleet_partition(fleet),
                                        .type = "tidegate.instance.match.v1",
                                        .data = data });
}

void match_react(const struct fleet *fleet, const struct event *event, struct messages *out)
{
    bool last = json_is_true(json_object_get(event->data, "last"));

    if (last || json_array_size(json_object_get(event->data, "targets")) > 0)
        tell(fleet, event->data, out);
    if (!last)
        go_on(fleet, event->data, out);
}
