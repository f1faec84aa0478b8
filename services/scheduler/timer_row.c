#include "services/scheduler/timer_row.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/timestamp.h"
#include "common/log/core.h"

static const char *const timer_states[] = {
    [TIMER_WAITING] = "waiting",
    [TIMER_OPENED] = "opened",
    [TIMER_DROPPED] = "dropped",
    NULL,
};

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
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

enum { DAYS_TEXT_SIZE = sizeof "Mon,Tue,Wed,Thu,Fri,Sat,Sun" };

/* NULL: every day. */
static const char *days_text(unsigned days, char out[DAYS_TEXT_SIZE])
{
    size_t at = 0;

    if (days == WINDOW_EVERY_DAY)
        return NULL;
    out[0] = '\0';
    for (int day = MONDAY; day < WEEKDAY_COUNT; day++)
        if ((days >> day & 1U) != 0)
            at += (size_t)snprintf(out + at, DAYS_TEXT_SIZE - at, "%s%s", at == 0 ? "" : ",",
                                   weekday_name((enum weekday)day));
    return out;
}

static unsigned days_parse(const char *text)
{
    unsigned days = 0;

    for (int day = MONDAY; text != NULL && day < WEEKDAY_COUNT; day++)
        if (strstr(text, weekday_name((enum weekday)day)) != NULL)
            days |= 1U << day;
    return days == 0 ? WINDOW_EVERY_DAY : days;
}

json_t *timer_row(const struct timer *timer)
{
    char days[DAYS_TEXT_SIZE];

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:s, s:s?, s:o}", "operation_id",
                     timer->operation_id, "orchestration_id", timer->orchestration_id, "lane", timer->lane,
                     "begin_text", timer->begin_text, "end_text", timer->end_text, "days", days_text(timer->days, days),
                     "zone", timer->zone[0] == '\0' ? NULL : timer->zone, "window_begin",
                     time_json(timer->opening.begin_ms), "window_end", time_json(timer->opening.end_ms), "state",
                     timer_states[timer->state], "traceparent", timer->traceparent, "updated_at",
                     time_json(timer->updated_ms));
}

void timer_row_load(struct timers *timers, const json_t *row)
{
    struct timer *timer = timers_take(timers, text_of(row, "operation_id"));
    int timer_state = core_type(timer_states, text_of(row, "state"));

    assert(timer_state >= 0);
    timer_set_text(&timer->orchestration_id, text_of(row, "orchestration_id"));
    timer_set_text(&timer->lane, text_of(row, "lane"));
    timer_set_text(&timer->traceparent, text_of(row, "traceparent"));
    timer_set_window(timer,
                     (struct window_text){ .begin = text_of(row, "begin_text"),
                                           .end = text_of(row, "end_text"),
                                           .days = days_parse(text_of(row, "days")) },
                     text_of(row, "zone"),
                     (struct opening){ .begin_ms = time_of(row, "window_begin"),
                                       .end_ms = time_of(row, "window_end") });
    timer->updated_ms = time_of(row, "updated_at");
    if (timer_state == TIMER_WAITING)
        timers_wait(timers, timer);
    else
        timers_end(timers, timer, (enum timer_state)timer_state, 0);
}
