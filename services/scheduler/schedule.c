#include "services/scheduler/schedule.h"

#include "common/base/timestamp.h"
#include "services/scheduler/timers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum request_type { REQUEST_SCHEDULE, REQUEST_DROP, REQUEST_WAKE };
static const char *const request_types[] = {
    [REQUEST_SCHEDULE] = "tidegate.schedule.request.v1",
    [REQUEST_DROP] = "tidegate.schedule.drop.v1",
    [REQUEST_WAKE] = "tidegate.schedule.wake.v1",
    NULL,
};

enum event_type { EVENT_OPENED, EVENT_PLANNED, EVENT_REFUSED, EVENT_DROPPED, EVENT_REJECTED };
static const char *const event_types[] = {
    [EVENT_OPENED] = "tidegate.schedule.opened.v1",     [EVENT_PLANNED] = "tidegate.schedule.planned.v1",
    [EVENT_REFUSED] = "tidegate.schedule.refused.v1",   [EVENT_DROPPED] = "tidegate.schedule.dropped.v1",
    [EVENT_REJECTED] = "tidegate.schedule.rejected.v1", NULL,
};

enum table { TABLE_TIMER };
static const struct core_table tables[] = {
    [TABLE_TIMER] = { .name = "timer", .aggregate = "operation_id", .live = "state = 'waiting'" },
};

static const char *const timer_states[] = {
    [TIMER_WAITING] = "waiting",
    [TIMER_OPENED] = "opened",
    [TIMER_DROPPED] = "dropped",
    NULL,
};

/* The latest point in time that can be written down: the end of the year 9999. */
static const int64_t time_max_ms = 253402300799999;

/* --- State --- */

static void *schedule_new(const void *settings, int partition)
{
    (void)settings;
    (void)partition;
    return timers_new();
}

static void schedule_free(void *state)
{
    timers_free(state);
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
    return timers_find(state, aggregate) != NULL;
}

static bool schedule_live(const void *state, const char *aggregate)
{
    return timer_waits(timers_find(state, aggregate));
}

static void schedule_evict(void *state, const char *aggregate)
{
    struct timer *timer = timers_find(state, aggregate);

    if (timer != NULL && !timer_waits(timer))
        timers_forget(state, timer);
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

static json_t *time_json(int64_t time_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(time_ms, text);
    return json_string(text);
}

/* 0, the epoch, for what is no time: a row that we wrote holds none. */
static int64_t time_of(const json_t *row, const char *name)
{
    const char *text = text_of(row, name);
    int64_t time_ms = 0;

    if (text != NULL)
        timestamp_parse(text, &time_ms);
    return time_ms;
}

/* --- Rows --- */

static json_t *schedule_row(const void *state, int table, const char *id)
{
    const struct timer *timer = timers_find(state, id);

    assert(table == TABLE_TIMER);
    if (timer == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:s?, s:o}", "operation_id", timer->operation_id,
                     "orchestration_id", timer->orchestration_id, "lane", timer->lane, "begin_text", timer->begin_text,
                     "end_text", timer->end_text, "window_begin", time_json(timer->opening.begin_ms), "window_end",
                     time_json(timer->opening.end_ms), "state", timer_states[timer->state], "traceparent",
                     timer->traceparent, "updated_at", time_json(timer->updated_ms));
}

static void schedule_load(void *state, int table, const json_t *row)
{
    struct timer *timer = timers_take(state, text_of(row, "operation_id"));
    int timer_state = core_type(timer_states, text_of(row, "state"));

    assert(table == TABLE_TIMER && timer_state >= 0);
    timer_set_text(&timer->orchestration_id, text_of(row, "orchestration_id"));
    timer_set_text(&timer->lane, text_of(row, "lane"));
    timer_set_text(&timer->traceparent, text_of(row, "traceparent"));
    timer_set_window(timer, text_of(row, "begin_text"), text_of(row, "end_text"),
                     (struct opening){ .begin_ms = time_of(row, "window_begin"),
                                       .end_ms = time_of(row, "window_end") });
    timer->updated_ms = time_of(row, "updated_at");
    if (timer_state == TIMER_WAITING)
        timers_wait(state, timer);
    else
        timers_end(state, timer, (enum timer_state)timer_state, 0);
}

/* --- Decisions --- */

/* One operation of a decision; borrows its texts. */
struct verdict {
    int event; /* what happens to it: opened, planned, refused or dropped */
    const char *operation_id, *orchestration_id, *lane;
    const char *begin_text, *end_text;
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
        json_object_set_new(operation, "windowBegin", json_string(verdict->begin_text));
        json_object_set_new(operation, "windowEnd", json_string(verdict->end_text));
        /* fall through */
    case EVENT_OPENED:
        json_object_set_new(operation, "begin", json_integer(verdict->opening.begin_ms));
        json_object_set_new(operation, "end", json_integer(verdict->opening.end_ms));
        break;
    case EVENT_REFUSED: json_object_set_new(operation, "error", json_string(verdict->why.message)); break;
    case EVENT_DROPPED:
    case EVENT_REJECTED: break;
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
    struct window_text text = { .begin = verdict->begin_text, .end = verdict->end_text, .days = WINDOW_EVERY_DAY };
    struct window window;

    if (!window_parse(text, &window, &verdict->why)) {
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

static void decide_schedule(const struct request *request, int64_t now_ms, struct decision *out)
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
                                        .begin_text = text_of(operation, "begin"),
                                        .end_text = text_of(operation, "end") };
        if (!immediate)
            decide_window(&verdicts[i], at);
    }
    decide_verdicts(verdicts, json_array_size(operations), out);
    free(verdicts);
}

static struct verdict verdict_of(const struct timer *timer, int event)
{
    return (struct verdict){ .event = event,
                             .operation_id = timer->operation_id,
                             .orchestration_id = timer->orchestration_id,
                             .lane = timer->lane,
                             .begin_text = timer->begin_text,
                             .end_text = timer->end_text,
                             .opening = timer->opening };
}

static void decide_drop(const struct timers *timers, const struct request *request, struct decision *out)
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
        const struct timer *timer = timers_find(timers, text_of(operation, "operationID"));

        if (timer_waits(timer))
            verdicts[count++] = verdict_of(timer, EVENT_DROPPED);
    }
    decide_verdicts(verdicts, count, out);
    free(verdicts);
}

/* Opens what is due. A window that has closed meanwhile (nobody was there to open it) gives way to the next one. */
static void decide_wake(const struct timers *timers, int64_t now_ms, struct decision *out)
{
    const struct heap_item *firsts[SCHEDULE_WAKE_OPERATIONS_MAX];
    const struct timer *first = timers_first(timers);
    struct verdict *verdicts;
    size_t found, count = 0;

    if (first == NULL || first->opening.begin_ms > now_ms)
        return;
    found = heap_firsts(&timers->waiting, firsts, SCHEDULE_WAKE_OPERATIONS_MAX);
    verdicts = verdicts_new(found);
    for (; count < found; count++) {
        const struct timer *timer = (const struct timer *)firsts[count];

        if (timer->opening.begin_ms > now_ms)
            break;
        verdicts[count] = verdict_of(timer, EVENT_OPENED);
        if (!opening_is_open(timer->opening, now_ms))
            decide_window(&verdicts[count], (struct window_at){ .now_ms = now_ms });
    }
    decide_verdicts(verdicts, count, out);
    free(verdicts);
}

static void schedule_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    switch ((enum request_type)request->type) {
    case REQUEST_SCHEDULE: decide_schedule(request, now_ms, out); break;
    case REQUEST_DROP: decide_drop(state, request, out); break;
    case REQUEST_WAKE: decide_wake(state, now_ms, out); break;
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
    timer_set_window(timer, text_of(operation, "windowBegin"), text_of(operation, "windowEnd"), opening_of(operation));
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

static void schedule_evolve(void *state, const struct event *event, struct changes *out)
{
    json_t *operation;
    size_t i;

    timers_forget_before(state, event->offset);
    json_array_foreach(json_object_get(event->data, "operations"), i, operation) {
        bool changed = false;

        switch ((enum event_type)event->type) {
        case EVENT_PLANNED: changed = evolve_planned(state, event, operation); break;
        case EVENT_OPENED: changed = evolve_over(state, event, operation, TIMER_OPENED); break;
        case EVENT_REFUSED:
        case EVENT_DROPPED: changed = evolve_over(state, event, operation, TIMER_DROPPED); break;
        case EVENT_REJECTED: break; /* kept for the audit; the state stays as it was */
        }
        if (changed)
            changes_row(out, TABLE_TIMER, text_of(operation, "operationID"));
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

    if (event->type == EVENT_DROPPED || event->type == EVENT_REJECTED)
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
                     .traceparent = traceparent_of(state, event),
                 });
}

/* --- Time --- */

/* The operation belongs to the ID: what is left of a full firing is another deadline, and need not wait. */
static struct deadline schedule_deadline(const void *state)
{
    const struct timer *timer = timers_first(state);
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
