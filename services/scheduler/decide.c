/* What happens because of a request: when operations may run, by their windows and the policy in force. */
#include <stdlib.h>
#include <string.h>

#include "services/scheduler/parts.h"
#include "services/scheduler/schedule.h"

/* The latest point in time that can be written down: the end of the year 9999. */
static const int64_t time_max_ms = 253402300799999;

/* --- Operations of a decision --- */

static json_t *days_json(unsigned days)
{
    json_t *list = json_array();

    for (int day = MONDAY; day < WEEKDAY_COUNT; day++)
        if ((days >> day & 1U) != 0)
            json_array_append_new(list, json_string(weekday_name((enum weekday)day)));
    return list;
}

/* One operation of a decision; borrows its texts. */
struct verdict {
    int event; /* what happens to it: opened, planned, refused or dropped */
    const char *operation_id, *orchestration_id, *lane;
    struct window_text window;
    struct opening opening; /* zeros: no window */
    struct error why;       /* refused */
};

/* By orchestration; then, wherever a set is given out, by begin and operation ID. */
static int verdict_order(const void *a, const void *b)
{
    const struct verdict *left = a, *right = b;
    int order = strcmp(left->orchestration_id, right->orchestration_id);

    if (order == 0)
        order = (left->opening.begin_ms > right->opening.begin_ms) - (left->opening.begin_ms < right->opening.begin_ms);
    return order != 0 ? order : strcmp(left->operation_id, right->operation_id);
}

static json_t *verdict_json(const struct verdict *verdict)
{
    json_t *operation = json_pack("{s:s}", "operationID", verdict->operation_id);

    switch ((enum event_type)verdict->event) {
    case EVENT_PLANNED:
        json_object_set_new(operation, "windowBegin", json_string(verdict->window.begin));
        json_object_set_new(operation, "windowEnd", json_string(verdict->window.end));
        if (verdict->window.days != WINDOW_EVERY_DAY)
            json_object_set_new(operation, "days", days_json(verdict->window.days));
        if (verdict->window.zone != NULL)
            json_object_set_new(operation, "timeZone", json_string(verdict->window.zone->name));
        /* fall through */
    case EVENT_OPENED:
        json_object_set_new(operation, "begin", json_integer(verdict->opening.begin_ms));
        json_object_set_new(operation, "end", json_integer(verdict->opening.end_ms));
        break;
    case EVENT_REFUSED: json_object_set_new(operation, "error", json_string(verdict->why.message)); break;
    case EVENT_DROPPED:
    case EVENT_REJECTED:
    case EVENT_POLICY_ADOPTED:
    case EVENT_POLICY_REFUSED: break;
    }
    return operation;
}

/* One event for those of one orchestration that meet with `event`; none, no event. */
static void decide_event(int event, const struct verdict *verdicts, size_t count, struct decision *out)
{
    json_t *operations = json_array();

    for (size_t i = 0; i < count; i++)
        if (verdicts[i].event == event)
            json_array_append_new(operations, verdict_json(&verdicts[i]));
    if (json_array_size(operations) == 0) {
        json_decref(operations);
        return;
    }
    decision_event(out, event, verdicts[0].orchestration_id,
                   json_pack("{s:s, s:s*, s:o}", "orchestrationID", verdicts[0].orchestration_id, "lane",
                             verdicts[0].lane, "operations", operations));
}

/* Sorts the verdicts and makes them events. */
static void decide_verdicts(struct verdict *verdicts, size_t count, struct decision *out)
{
    size_t first = 0;

    qsort(verdicts, count, sizeof *verdicts, verdict_order);
    for (size_t i = 1; i <= count; i++) {
        if (i < count && strcmp(verdicts[i].orchestration_id, verdicts[first].orchestration_id) == 0)
            continue;
        decide_event(EVENT_REFUSED, &verdicts[first], i - first, out);
        decide_event(EVENT_OPENED, &verdicts[first], i - first, out);
        decide_event(EVENT_PLANNED, &verdicts[first], i - first, out);
        decide_event(EVENT_DROPPED, &verdicts[first], i - first, out);
        first = i;
    }
}

static struct verdict *verdicts_new(size_t count)
{
    struct verdict *verdicts = calloc(count + 1, sizeof *verdicts);

    if (verdicts == NULL)
        abort();
    return verdicts;
}

/* Opened while the window is open, else planned; refused if the text is no window. */
static void decide_window(struct verdict *verdict, struct window_at at)
{
    struct window window;

    if (!window_parse(verdict->window, &window, &verdict->why)) {
        verdict->event = EVENT_REFUSED;
        return;
    }
    verdict->opening = window_next(&window, at);
    verdict->event = opening_is_open(verdict->opening, at.now_ms) ? EVENT_OPENED : EVENT_PLANNED;
}

static void decide_rejected(const struct request *request, const char *reason, struct decision *out)
{
    const char *orchestration_id = id_of(request->data, "orchestrationID");

    decision_event(out, EVENT_REJECTED, orchestration_id != NULL ? orchestration_id : "unknown",
                   json_pack("{s:s, s:s}", "request", schedule_core.request_types[request->type], "reason", reason));
}

/* The operations of a request, all with an ID, or NULL. */
static const json_t *operations_of(const json_t *data)
{
    const json_t *operations = json_object_get(data, "operations");
    json_t *operation;
    size_t i;

    if (!json_is_array(operations))
        return NULL;
    json_array_foreach((json_t *)operations, i, operation)
        if (id_of(operation, "operationID") == NULL)
            return NULL;
    return operations;
}

static int64_t after_of(const json_t *data)
{
    int64_t after_ms = integer_of(data, "after");

    return after_ms < 0 ? 0 : after_ms > time_max_ms ? time_max_ms : after_ms;
}

/* The runtime's own window with what the policy in force puts in its place. Whoever does not say what rules are matched
 * against has its own. */
static void decide_policy_window(const struct adoption *adoption, const json_t *operation, struct window_at at,
                                 struct verdict *verdict)
{
    struct policy_runtime runtime = { .global_account_id = text_of(operation, "globalAccountID"),
                                      .plan_name = text_of(operation, "planName"),
                                      .region = text_of(operation, "region") };

    if (runtime.global_account_id != NULL || runtime.plan_name != NULL || runtime.region != NULL) {
        if (!adoption_usable(adoption, &verdict->why)) {
            verdict->event = EVENT_REFUSED;
            return;
        }
        if (adoption->policy != NULL)
            verdict->window = policy_apply(adoption->policy, runtime, verdict->window);
    }
    decide_window(verdict, at);
}

static void decide_schedule(const struct adoption *adoption, const struct request *request, int64_t now_ms,
                            struct decision *out)
{
    const char *orchestration_id = id_of(request->data, "orchestrationID"), *lane = id_of(request->data, "lane");
    const char *schedule = text_of(request->data, "schedule");
    const json_t *operations = operations_of(request->data);
    struct window_at at = { .now_ms = now_ms, .after_ms = after_of(request->data) };
    bool immediate = schedule != NULL && strcmp(schedule, "immediate") == 0;
    struct verdict *verdicts;
    json_t *operation;
    size_t i;

    if (orchestration_id == NULL || lane == NULL || operations == NULL) {
        decide_rejected(request, "orchestrationID, lane, and operations with an operationID each, are required", out);
        return;
    }
    if (!immediate && (schedule == NULL || strcmp(schedule, "maintenanceWindow") != 0)) {
        decide_rejected(request, "schedule is neither immediate nor maintenanceWindow", out);
        return;
    }
    verdicts = verdicts_new(json_array_size(operations));
    json_array_foreach((json_t *)operations, i, operation) {
        verdicts[i] = (struct verdict){ .event = EVENT_OPENED,
                                        .operation_id = text_of(operation, "operationID"),
                                        .orchestration_id = orchestration_id,
                                        .lane = lane,
                                        .window = { .begin = text_of(operation, "begin"),
                                                    .end = text_of(operation, "end"),
                                                    .days = WINDOW_EVERY_DAY } };
        if (!immediate)
            decide_policy_window(adoption, operation, at, &verdicts[i]);
    }
    decide_verdicts(verdicts, json_array_size(operations), out);
    free(verdicts);
}

static struct verdict verdict_of(const struct schedule *schedule, const struct timer *timer, int event)
{
    const struct zones *zones = schedule->adoption.zones;
    const struct zone *zone = zones == NULL ? NULL : zones_find(zones, timer->zone);

    return (struct verdict){
        .event = event,
        .operation_id = timer->operation_id,
        .orchestration_id = timer->orchestration_id,
        .lane = timer->lane,
        .window = { .begin = timer->begin_text, .end = timer->end_text, .days = timer->days, .zone = zone },
        .opening = timer->opening
    };
}

static void decide_drop(const struct schedule *schedule, const struct request *request, struct decision *out)
{
    const json_t *operations = operations_of(request->data);
    struct verdict *verdicts;
    json_t *operation;
    size_t i, count = 0;

    if (operations == NULL) {
        decide_rejected(request, "operations with an operationID each are required", out);
        return;
    }
    verdicts = verdicts_new(json_array_size(operations));
    json_array_foreach((json_t *)operations, i, operation) {
        const struct timer *timer = timers_find(schedule->timers, text_of(operation, "operationID"));

        if (timer_waits(timer))
            verdicts[count++] = verdict_of(schedule, timer, EVENT_DROPPED);
    }
    decide_verdicts(verdicts, count, out);
    free(verdicts);
}

/* Of a text in JSON, at most. */
static size_t text_size(const char *text)
{
    size_t size = 0;

    for (; *text != '\0'; text++)
        size += (unsigned char)*text < ' ' || *text == '"' || *text == '\\' ? sizeof "\\u0000" - 1 : 1;
    return size;
}

/* What a verdict adds to a record behind `before` (NULL: it is the first), at most: its part of an event, and an event of its
 * own if it is of another orchestration. */
static size_t verdict_size(const struct verdict *verdict, const struct verdict *before)
{
    enum { OPENED_SIZE = 80, PLANNED_SIZE = 256, EVENT_SIZE = 1024 };
    size_t size = (verdict->event == EVENT_OPENED ? OPENED_SIZE : PLANNED_SIZE) + text_size(verdict->operation_id);

    if (before != NULL && before->event == verdict->event &&
        strcmp(before->orchestration_id, verdict->orchestration_id) == 0)
        return size;
    return size + EVENT_SIZE + 2 * text_size(verdict->orchestration_id) + text_size(verdict->lane);
}

static bool is_due(const struct heap_item *item, int64_t now_ms)
{
    return ((const struct timer *)item)->opening.begin_ms <= now_ms;
}

/* Those that are due, as many as one firing may open at most, in `out`. Mostly they are few among many that wait. */
static size_t find_due(const struct heap *waiting, int64_t now_ms, const struct heap_item **out)
{
    enum { FIRST_LOOK = 64 };
    size_t count = 0;

    for (size_t most = FIRST_LOOK;; most *= 4) {
        size_t found = heap_firsts(waiting, out,
                                   most < SCHEDULE_WAKE_OPERATIONS_MAX ? most : SCHEDULE_WAKE_OPERATIONS_MAX);

        while (count < found && is_due(out[count], now_ms))
            count++;
        if (count < most)
            return count;
    }
}

/* Opens what is due. A window that has closed meanwhile (nobody was there to open it) gives way to the next one. */
static void decide_wake(const struct schedule *schedule, int64_t now_ms, struct decision *out)
{
    const struct timer *first = timers_first(schedule->timers);
    const struct heap_item **due;
    struct verdict *verdicts;
    size_t found, size = 0, count = 0;

    if (first == NULL || first->opening.begin_ms > now_ms)
        return;
    due = calloc(SCHEDULE_WAKE_OPERATIONS_MAX, sizeof(struct heap_item *));
    if (due == NULL)
        abort();
    found = find_due(&schedule->timers->waiting, now_ms, due);
    verdicts = verdicts_new(found);
    for (; count < found && size < SCHEDULE_WAKE_BYTES_MAX; count++) {
        struct verdict *verdict = &verdicts[count];

        *verdict = verdict_of(schedule, (const struct timer *)due[count], EVENT_OPENED);
        if (!opening_is_open(verdict->opening, now_ms))
            decide_window(verdict, (struct window_at){ .now_ms = now_ms });
        size += verdict_size(verdict, count == 0 ? NULL : verdict - 1);
    }
    decide_verdicts(verdicts, count, out);
    free(verdicts);
    free(due);
}

static void decide_refused(const struct adoption *adoption, const char *hash, const char *reason, struct decision *out)
{
    if (!adoption_is_refused(adoption, hash))
        decision_event(out, EVENT_POLICY_REFUSED, "policy", json_pack("{s:s, s:s}", "hash", hash, "reason", reason));
}

static void decide_adopted(const struct adoption *adoption, const char *hash, const json_t *data, struct decision *out)
{
    json_t *body = json_object_get(data, "policy"), *zones_told = json_object_get(data, "zones");
    struct zones *zones = zones_new();
    struct error why = { 0 };
    struct policy *policy = zones_add(zones, zones_told, &why) ? policy_new(body, zones, NULL, &why) : NULL;

    if (policy == NULL)
        decide_refused(adoption, hash, why.message, out);
    else if (!adoption_is_adopted(adoption, hash))
        decision_event(out, EVENT_POLICY_ADOPTED, "policy",
                       json_pack("{s:s, s:O, s:O*}", "hash", hash, "policy", body, "zones", zones_told));
    policy_free(policy);
    zones_free(zones);
}

/* Every process tells what its file holds whenever it starts: mostly nothing new. */
static void decide_policy(const struct adoption *adoption, const struct request *request, struct decision *out)
{
    const char *hash = text_of(request->data, "hash"), *error = id_of(request->data, "error");
    const json_t *body = json_object_get(request->data, "policy");
    char right[SHA256_HEX_SIZE];

    if (hash == NULL || strlen(hash) != SHA256_HEX_SIZE - 1 || (body == NULL) == (error == NULL)) {
        decide_rejected(request, "a hash, and either a policy or an error, are required", out);
        return;
    }
    if (error != NULL) {
        decide_refused(adoption, hash, error, out);
        return;
    }
    policy_hash(body, json_object_get(request->data, "zones"), right);
    if (strcmp(hash, right) != 0)
        decide_rejected(request, "the hash is not that of the policy", out);
    else
        decide_adopted(adoption, hash, request->data, out);
}

/* Does the process know another policy, which the log cannot know yet? Requests that waited for the process stand before its own
 * message, though they may have come after the file was changed. Nothing behind that message is older than the reading. */
static bool start_is_newer(const struct schedule *schedule)
{
    const struct schedule_settings *settings = schedule->settings;

    return settings != NULL && settings->policy_at_start != NULL &&
           adoption_heard_ms(&schedule->adoption) < settings->policy_read_ms &&
           !adoption_is_adopted(&schedule->adoption, text_of(settings->policy_at_start, "hash"));
}

/* What the process found when it started, made events; in `first` too, for what else is decided with it. */
static void decide_first_policy(const struct schedule *schedule, int64_t now_ms, struct adoption *first,
                                struct decision *out)
{
    const json_t *told = schedule->settings->policy_at_start;
    const char *hash = text_of(told, "hash"), *error = id_of(told, "error");
    const struct request request = { .type = REQUEST_POLICY, .data = told };

    decide_policy(&schedule->adoption, &request, out);
    if (error == NULL)
        adoption_adopt(first, hash, json_object_get(told, "policy"), json_object_get(told, "zones"), now_ms);
    else if (schedule->adoption.hash[0] == '\0') /* else the one before stays in force */
        adoption_refuse(first, hash, error, now_ms);
}

static void decide_request(const struct schedule *schedule, const struct request *request, int64_t now_ms,
                           struct decision *out)
{
    const char *kind = text_of(request->data, "schedule");
    struct adoption first = { 0 };
    bool asks = kind != NULL && strcmp(kind, "maintenanceWindow") == 0;

    if (asks && start_is_newer(schedule))
        decide_first_policy(schedule, now_ms, &first, out);
    decide_schedule(adoption_heard_ms(&first) == INT64_MIN ? &schedule->adoption : &first, request, now_ms, out);
    adoption_release(&first);
}

void schedule_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    const struct schedule *schedule = state;

    switch ((enum request_type)request->type) {
    case REQUEST_SCHEDULE: decide_request(schedule, request, now_ms, out); break;
    case REQUEST_DROP: decide_drop(schedule, request, out); break;
    case REQUEST_WAKE: decide_wake(schedule, now_ms, out); break;
    case REQUEST_POLICY: decide_policy(&schedule->adoption, request, out); break;
    }
}
