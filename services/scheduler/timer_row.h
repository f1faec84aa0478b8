/* timer_row.h - a timer as a row of the read model, there and back. Private to the scheduler's core. Pure. */
#ifndef TIDEGATE_SCHEDULER_TIMER_ROW_H
#define TIDEGATE_SCHEDULER_TIMER_ROW_H

#include <jansson.h>

#include "services/scheduler/timers.h"

/* All columns but `partition`. The caller owns it. */
json_t *timer_row(const struct timer *timer);

/* Makes the timer that gave `row`. */
void timer_row_load(struct timers *timers, const json_t *row);

#endif
