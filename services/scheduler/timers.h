/* timers.h - the operations of one partition that wait for a maintenance window. Private to the scheduler's core.
 *
 * Those that wait are always here. One that is over stays for some thousand records, because its row is asked for only
 * when a batch of records is complete; nothing may depend on whether it is still here. Times are milliseconds since the
 * Unix epoch. */
#ifndef TIDEGATE_SCHEDULER_TIMERS_H
#define TIDEGATE_SCHEDULER_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "common/base/heap.h"
#include "common/window/window.h"

enum timer_state { TIMER_WAITING, TIMER_OPENED, TIMER_DROPPED };

struct timer {
    struct heap_item place; /* in timers.waiting while it waits; first: the heap's items are timers */
    char *operation_id, *orchestration_id, *lane;
    char *traceparent; /* of the request that planned it, or NULL */
    char begin_text[TIME_OF_DAY_SIZE], end_text[TIME_OF_DAY_SIZE];
    unsigned days;             /* on which the window opens */
    char zone[ZONE_NAME_SIZE]; /* whose clocks the times of day are of; "": they have offsets */
    struct opening opening;
    enum timer_state state;
    int64_t updated_ms;
    int64_t over_offset;       /* of the record that ended it */
    struct timer *prev, *next; /* in timers.over, if it is over */
    UT_hash_handle hh;
};

struct timers {
    struct timer *by_operation;
    struct heap waiting; /* by begin, then operation ID */
    struct timer *over;  /* in the order in which they ended */
};

struct timers *timers_new(void);
void timers_free(struct timers *timers);

/* NULL: not here; nor is an ID that is NULL. */
struct timer *timers_find(const struct timers *timers, const char *operation_id);

/* The one to open next; NULL: none waits. */
const struct timer *timers_first(const struct timers *timers);

/* The timer of `operation_id`, made if there is none, neither waiting nor over while its members are set (texts by
 * timer_set_text and timer_set_window). timers_wait or timers_end must follow. */
struct timer *timers_take(struct timers *timers, const char *operation_id);

void timer_set_text(char **member, const char *text /* may be NULL */);
/* `zone`: the name of its time zone, or NULL; the one in `text` does not count. */
void timer_set_window(struct timer *timer, struct window_text text, const char *zone, struct opening opening);

void timers_wait(struct timers *timers, struct timer *timer);
/* `offset`: of the record that ends it. */
void timers_end(struct timers *timers, struct timer *timer, enum timer_state state, int64_t offset);

/* Forgets those that ended so long before `offset` that no batch under way names them. */
void timers_forget_before(struct timers *timers, int64_t offset);

/* Forgets this one. */
void timers_forget(struct timers *timers, struct timer *timer);

/* NULL does not. */
bool timer_waits(const struct timer *timer);

#endif
