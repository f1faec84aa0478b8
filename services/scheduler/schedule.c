#include "services/scheduler/schedule.h"

#include "services/scheduler/adoption.h"
#include "services/scheduler/timer_row.h"
#include "services/scheduler/timers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum request_type { REQUEST_SCHEDULE, REQUEST_DROP, REQUEST_WAKE, REQUEST_POLICY };
static const char *const request_types[] = {
    [REQUEST_SCHEDULE] = "tidegate.schedule.request.v1",
    [REQUEST_DROP] = "tidegate.schedule.drop.v1",
    [REQUEST_WAKE] = "tidegate.schedule.wake.v1",
    [REQUEST_POLICY] = "tidegate.schedule.policy.v1",
    NULL,
};

enum event_type {
    EVENT_OPENED,
    EVENT_PLANNED,
    EVENT_REFUSED,
    EVENT_DROPPED,
    EVENT_REJECTED,
    EVENT_POLICY_ADOPTED,
    EVENT_POLICY_REFUSED,
};
static const char *const event_types[] = {
    [EVENT_OPENED] = "tidegate.schedule.opened.v1",
    [EVENT_PLANNED] = "tidegate.schedule.planned.v1",
    [EVENT_REFUSED] = "tidegate.schedule.refused.v1",
    [EVENT_DROPPED] = "tidegate.schedule.dropped.v1",
    [EVENT_REJECTED] = "tidegate.schedule.rejected.v1",
    [EVENT_POLICY_ADOPTED] = "tidegate.schedule.policyAdopted.v1",
    [EVENT_POLICY_REFUSED] = "tidegate.schedule.policyRefused.v1",
    NULL,
};

enum table { TABLE_TIMER, TABLE_POLICY };
static const struct core_table tables[] = {
    [TABLE_TIMER] = { .name = "timer", .aggregate = "operation_id", .live = "state = 'waiting'" },
    [TABLE_POLICY] = { .name = "policy", .live = "true" },
};

/* The latest point in time that can be written down: the end of the year 9999. */
static const int64_t time_max_ms = 253402300799999;

/* --- State --- */

struct schedule {
    struct timers *timers;
    struct adoption adoption;
};

static void *schedule_new(const void *settings, int partition)
{
    struct schedule *schedule = calloc(1, sizeof *schedule);

    (void)settings;
    (void)partition;
    if (schedule == NULL)
        abort();
    schedule->timers = timers_new();
    return schedule;
}

static void schedule_free(void *state)
{
    struct schedule *schedule = state;

    if (schedule == NULL)
        return;
    timers_free(schedule->timers);
    adoption_release(&schedule->adoption);
    free(schedule);
}

static struct timers *timers_of(const void *state)
{
    return ((const struct schedule *)state)->timers;
}

/* What does not wait decides nothing, and what waits was loaded at takeover: nothing needs loading. */
static void schedule_needs(const struct request *request, struct names *out)
{
    (void)request;
    (void)out;
}

static void schedule_event_needs(const struct event *event, struct names *out)
{
    (void)event;
    (void)out;
}

static bool schedule_holds(const void *state, const char *aggregate)
{
    return timers_find(timers_of(state), aggregate) != NULL;
}

static bool schedule_live(const void *state, const char *aggregate)
{
    return timer_waits(timers_find(timers_of(state), aggregate));
}

static void schedule_evict(void *state, const char *aggregate)
{
    struct timer *timer = timers_find(timers_of(state), aggregate);

    if (timer != NULL && !timer_waits(timer))
        timers_forget(timers_of(state), timer);
}

/* --- JSON --- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Empty is none. */
static const char *id_of(const json_t *object, const char *name)
{
    const char *id = text_of(object, name);

    return id == NULL || *id == '\0' ? NULL : id;
}

static int64_t integer_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* --- Days: a list in events, none where every day is meant --- */

static json_t *days_json(unsigned days)
{
    json_t *list = json_array();

    for (int day = MONDAY; day < WEEKDAY_COUNT; day++)
        if ((days >> day & 1U) != 0)
            json_array_append_new(list, json_string(weekday_name((enum weekday)day)));
    return list;
}

static unsigned days_of(const json_t *list)
{
    unsigned days = 0;
    enum weekday day;
    json_t *name;
    size_t i;

    json_array_foreach((json_t *)list, i, name)
        if (weekday_parse(json_string_value(name), &day))
            days |= 1U << day;
    return days == 0 ? WINDOW_EVERY_DAY : days;
}

/* --- Rows --- */

static json_t *schedule_row(const void *state, int table, const char *id)
{
    const struct timer *timer;

    if (table == TABLE_POLICY)
        return adoption_row(&((const struct schedule *)state)->adoption);
    timer = timers_find(timers_of(state), id);
    return timer == NULL ? NULL : timer_row(timer);
}

static void schedule_load(void *state, int table, const json_t *row)
{
    struct schedule *schedule = state;

    if (table == TABLE_POLICY)
        adoption_load(&schedule->adoption, row);
    else
        timer_row_load(schedule->timers, row);
}

/* --- Decisions --- */

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
                   json_pack("{s:s, s:s}", "request", request_types[request->type], "reason", reason));
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

/* Opens what is due. A window that has closed meanwhile (nobody was there to open it) gives way to the next one. */
static void decide_wake(const struct schedule *schedule, int64_t now_ms, struct decision *out)
{
    const struct heap_item *firsts[SCHEDULE_WAKE_OPERATIONS_MAX];
    const struct timer *first = timers_first(schedule->timers);
    struct verdict *verdicts;
    size_t found, count = 0;

    if (first == NULL || first->opening.begin_ms > now_ms)
        return;
    found = heap_firsts(&schedule->timers->waiting, firsts, SCHEDULE_WAKE_OPERATIONS_MAX);
    verdicts = verdicts_new(found);
    for (; count < found; count++) {
        const struct timer *timer = (const struct timer *)firsts[count];

        if (timer->opening.begin_ms > now_ms)
            break;
        verdicts[count] = verdict_of(schedule, timer, EVENT_OPENED);
        if (!opening_is_open(timer->opening, now_ms))
            decide_window(&verdicts[count], (struct window_at){ .now_ms = now_ms });
    }
    decide_verdicts(verdicts, count, out);
    free(verdicts);
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

static void schedule_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    const struct schedule *schedule = state;

    switch ((enum request_type)request->type) {
    case REQUEST_SCHEDULE: decide_schedule(&schedule->adoption, request, now_ms, out); break;
    case REQUEST_DROP: decide_drop(schedule, request, out); break;
    case REQUEST_WAKE: decide_wake(schedule, now_ms, out); break;
    case REQUEST_POLICY: decide_policy(&schedule->adoption, request, out); break;
    }
}

/* --- Evolution --- */

static struct opening opening_of(const json_t *operation)
{
    return (struct opening){ .begin_ms = integer_of(operation, "begin"), .end_ms = integer_of(operation, "end") };
}

static bool evolve_planned(struct timers *timers, const struct event *event, const json_t *operation)
{
    bool waited = timer_waits(timers_find(timers, text_of(operation, "operationID")));
    struct timer *timer = timers_take(timers, text_of(operation, "operationID"));

    /* A timer's firing has no trace of its own; the one that is planned again keeps its request's. One that is over
     * hands nothing on: it may or may not be in memory. */
    if (event->traceparent != NULL || !waited)
        timer_set_text(&timer->traceparent, event->traceparent);
    timer_set_text(&timer->orchestration_id, text_of(event->data, "orchestrationID"));
    timer_set_text(&timer->lane, text_of(event->data, "lane"));
    timer_set_window(timer,
                     (struct window_text){ .begin = text_of(operation, "windowBegin"),
                                           .end = text_of(operation, "windowEnd"),
                                           .days = days_of(json_object_get(operation, "days")) },
                     text_of(operation, "timeZone"), opening_of(operation));
    timer->updated_ms = event->time_ms;
    timers_wait(timers, timer);
    return true;
}

/* An operation that did not wait stays as it was: it has no timer, or one that is over. */
static bool evolve_over(struct timers *timers, const struct event *event, const json_t *operation,
                        enum timer_state state)
{
    struct timer *timer = timers_find(timers, text_of(operation, "operationID"));

    if (!timer_waits(timer))
        return false;
    timer->updated_ms = event->time_ms;
    timers_end(timers, timer, state, event->offset); /* before the window changes: the heap is ordered by it */
    if (integer_of(operation, "end") != 0)
        timer->opening = opening_of(operation);
    return true;
}

static void evolve_operations(struct timers *timers, const struct event *event, struct changes *out)
{
    json_t *operation;
    size_t i;

    json_array_foreach(json_object_get(event->data, "operations"), i, operation) {
        bool changed = false;

        switch ((enum event_type)event->type) {
        case EVENT_PLANNED: changed = evolve_planned(timers, event, operation); break;
        case EVENT_OPENED: changed = evolve_over(timers, event, operation, TIMER_OPENED); break;
        case EVENT_REFUSED:
        case EVENT_DROPPED: changed = evolve_over(timers, event, operation, TIMER_DROPPED); break;
        case EVENT_REJECTED: /* kept for the audit; the state stays as it was */
        case EVENT_POLICY_ADOPTED:
        case EVENT_POLICY_REFUSED: break;
        }
        if (changed)
            changes_row(out, TABLE_TIMER, text_of(operation, "operationID"));
    }
}

static void schedule_evolve(void *state, const struct event *event, struct changes *out)
{
    struct schedule *schedule = state;
    const char *hash = text_of(event->data, "hash");

    timers_forget_before(schedule->timers, event->offset);
    switch ((enum event_type)event->type) {
    case EVENT_POLICY_ADOPTED:
        adoption_adopt(&schedule->adoption, hash, json_object_get(event->data, "policy"),
                       json_object_get(event->data, "zones"), event->time_ms);
        changes_row(out, TABLE_POLICY, event->subject);
        break;
    case EVENT_POLICY_REFUSED:
        adoption_refuse(&schedule->adoption, hash, text_of(event->data, "reason"), event->time_ms);
        changes_row(out, TABLE_POLICY, event->subject);
        break;
    case EVENT_OPENED:
    case EVENT_PLANNED:
    case EVENT_REFUSED:
    case EVENT_DROPPED:
    case EVENT_REJECTED: evolve_operations(schedule->timers, event, out); break;
    }
}

/* --- Messages --- */

/* NULL: the record's own, if it has one. Else that of the timer which this very event changed; any other may or may not
 * be in memory. */
static const char *traceparent_of(const struct timers *timers, const struct event *event)
{
    const json_t *operation = json_array_get(json_object_get(event->data, "operations"), 0);
    const struct timer *timer;

    if (event->traceparent != NULL)
        return NULL;
    timer = timers_find(timers, text_of(operation, "operationID"));
    return timer != NULL && timer->updated_ms == event->time_ms ? timer->traceparent : NULL;
}

static json_t *message_operation(const json_t *operation)
{
    json_t *told = json_pack("{s:O, s:I, s:I}", "operationID", json_object_get(operation, "operationID"), "begin",
                             (json_int_t)integer_of(operation, "begin"), "end",
                             (json_int_t)integer_of(operation, "end"));
    json_t *why = json_object_get(operation, "error");

    if (why != NULL)
        json_object_set(told, "error", why);
    return told;
}

static void schedule_react(const void *state, const struct event *event, struct messages *out)
{
    json_t *operations, *operation;
    size_t i;

    if (event->type != EVENT_OPENED && event->type != EVENT_PLANNED && event->type != EVENT_REFUSED)
        return;
    operations = json_array();
    json_array_foreach(json_object_get(event->data, "operations"), i, operation)
        json_array_append_new(operations, message_operation(operation));
    messages_add(out,
                 (struct message){
                     .topic = "orchestrations",
                     .key = text_of(event->data, "lane"),
                     .type = "tidegate.orchestration.schedule.v1",
                     .data = json_pack("{s:s, s:o, s:b}", "orchestrationID", text_of(event->data, "orchestrationID"),
                                       "operations", operations, "open", event->type == EVENT_OPENED),
                     .traceparent = traceparent_of(timers_of(state), event),
                 });
}

/* --- Time --- */

/* The operation belongs to the ID: what is left of a full firing is another deadline, and need not wait. */
static struct deadline schedule_deadline(const void *state)
{
    const struct timer *timer = timers_first(timers_of(state));
    struct deadline deadline = { .at_ms = DEADLINE_NEVER };

    if (timer == NULL)
        return deadline;
    deadline.at_ms = timer->opening.begin_ms;
    snprintf(deadline.id, sizeof deadline.id, "open %lld %.40s", (long long)timer->opening.begin_ms,
             timer->operation_id);
    return deadline;
}

const struct core schedule_core = {
    .aggregate = "schedule",
    .topic = "schedules",
    .source = "/tidegate/scheduler",
    .fold_version = 1,
    .request_types = request_types,
    .event_types = event_types,
    .rejected = EVENT_REJECTED,
    .wake = REQUEST_WAKE,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .state_new = schedule_new,
    .state_free = schedule_free,
    .needs = schedule_needs,
    .event_needs = schedule_event_needs,
    .holds = schedule_holds,
    .live = schedule_live,
    .evict = schedule_evict,
    .load = schedule_load,
    .decide = schedule_decide,
    .evolve = schedule_evolve,
    .react = schedule_react,
    .row = schedule_row,
    .deadline = schedule_deadline,
};
