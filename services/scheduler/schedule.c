#include "services/scheduler/schedule.h"

#include "services/scheduler/parts.h"
#include "services/scheduler/timer_row.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const request_types[] = {
    [REQUEST_SCHEDULE] = "tidegate.schedule.request.v1",
    [REQUEST_DROP] = "tidegate.schedule.drop.v1",
    [REQUEST_WAKE] = "tidegate.schedule.wake.v1",
    [REQUEST_POLICY] = "tidegate.schedule.policy.v1",
    NULL,
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

/* --- State --- */

static void *schedule_new(const void *settings, int partition)
{
    struct schedule *schedule = calloc(1, sizeof *schedule);

    (void)partition;
    if (schedule == NULL)
        abort();
    schedule->settings = settings;
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

/* --- Evolution --- */

/* None are named where every day is meant. */
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
