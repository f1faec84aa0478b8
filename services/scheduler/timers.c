#include "services/scheduler/timers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* More records than are ever projected together. */
enum { OVER_RECORDS_KEPT = 4096 };

static bool opens_before(const struct heap_item *a, const struct heap_item *b)
{
    const struct timer *left = (const struct timer *)a, *right = (const struct timer *)b;

    if (left->opening.begin_ms != right->opening.begin_ms)
        return left->opening.begin_ms < right->opening.begin_ms;
    return strcmp(left->operation_id, right->operation_id) < 0;
}

struct timers *timers_new(void)
{
    struct timers *timers = calloc(1, sizeof *timers);

    if (timers == NULL)
        abort(); /* memory is bounded by the limits on sizes, not by luck */
    timers->waiting.before = opens_before;
    return timers;
}

void timers_free(struct timers *timers)
{
    struct timer *timer, *next;

    if (timers == NULL)
        return;
    HASH_ITER(hh, timers->by_operation, timer, next)
        timers_forget(timers, timer);
    heap_release(&timers->waiting);
    free(timers);
}

struct timer *timers_find(const struct timers *timers, const char *operation_id)
{
    struct timer *timer = NULL;

    if (operation_id != NULL)
        HASH_FIND_STR(timers->by_operation, operation_id, timer);
    return timer;
}

const struct timer *timers_first(const struct timers *timers)
{
    return (const struct timer *)heap_first(&timers->waiting);
}

bool timer_waits(const struct timer *timer)
{
    return timer != NULL && timer->place.index != 0;
}

void timer_set_text(char **member, const char *text)
{
    char *copied = text == NULL ? NULL : strdup(text);

    if (text != NULL && copied == NULL)
        abort();
    free(*member);
    *member = copied;
}

void timer_set_window(struct timer *timer, struct window_text text, const char *zone, struct opening opening)
{
    snprintf(timer->begin_text, sizeof timer->begin_text, "%s", text.begin == NULL ? "" : text.begin);
    snprintf(timer->end_text, sizeof timer->end_text, "%s", text.end == NULL ? "" : text.end);
    snprintf(timer->zone, sizeof timer->zone, "%s", zone == NULL ? "" : zone);
    timer->days = text.days;
    timer->opening = opening;
}

/* Out of the heap or the list in which it is. */
static void leave(struct timers *timers, struct timer *timer)
{
    heap_remove(&timers->waiting, &timer->place);
    if (timer->prev != NULL) /* the list's own way to mark a member: the first one's prev is the last one */
        DL_DELETE(timers->over, timer);
    timer->prev = timer->next = NULL;
}

struct timer *timers_take(struct timers *timers, const char *operation_id)
{
    struct timer *timer = timers_find(timers, operation_id);

    assert(operation_id != NULL);
    if (timer != NULL) {
        leave(timers, timer);
        return timer;
    }
    timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        abort();
    timer_set_text(&timer->operation_id, operation_id);
    HASH_ADD_KEYPTR(hh, timers->by_operation, timer->operation_id, strlen(timer->operation_id), timer);
    return timer;
}

void timers_wait(struct timers *timers, struct timer *timer)
{
    leave(timers, timer);
    timer->state = TIMER_WAITING;
    heap_insert(&timers->waiting, &timer->place);
}

void timers_end(struct timers *timers, struct timer *timer, enum timer_state state, int64_t offset)
{
    leave(timers, timer);
    timer->state = state;
    timer->over_offset = offset;
    DL_APPEND(timers->over, timer);
}

void timers_forget_before(struct timers *timers, int64_t offset)
{
    while (timers->over != NULL && timers->over->over_offset < offset - OVER_RECORDS_KEPT)
        timers_forget(timers, timers->over);
}

void timers_forget(struct timers *timers, struct timer *timer)
{
    leave(timers, timer);
    HASH_DEL(timers->by_operation, timer);
    free(timer->operation_id);
    free(timer->orchestration_id);
    free(timer->lane);
    free(timer->traceparent);
    free(timer);
}
