/* schedule.h - the scheduler's core: when operations may run.
 *
 * An operation of schedule `immediate` is opened at once and leaves nothing behind. One of `maintenanceWindow` is opened
 * while the runtime's own window is open, with what the maintenance policy (policy.h) puts in its place; until then it
 * waits here as a *timer*. The policy that is in force when an operation is asked for decides; one that waits keeps its
 * times of day and days whatever the policy becomes. The aggregate is the operation; requests name many of one
 * orchestration, which all belong to one partition, and so do the events.
 *
 * Events (data in proto/events/):
 *     opened   may run now, until its window closes
 *     planned  waits for the window that the event names; replaces what was planned before
 *     refused  has no window that can be understood; must fail
 *     dropped  no longer waits: the orchestration does not want it
 *     rejected the request itself cannot be understood
 *     policyAdopted  from now on this policy is in force (in this partition; each gets all of them)
 *     policyRefused  a policy was wrong; the one before stays in force. Where there is none, no window is told
 *
 * A timer that does not wait decides nothing, so none needs loading: those that wait are always in memory (timers.h). */
#ifndef TIDEGATE_SCHEDULER_SCHEDULE_H
#define TIDEGATE_SCHEDULER_SCHEDULE_H

#include "common/log/core.h"

struct schedule_settings {
    /* What the file of the maintenance policy held when the process started, as tidegate.schedule.policy.v1 has it, and
     * when that was read; NULL: there was none. Where nothing was heard of a policy since, it is adopted, or refused, with
     * the first request for windows, for its own message may stand behind requests that came before the process. Outlives
     * the core's states. */
    const json_t *policy_at_start;
    int64_t policy_read_ms;
};

/* How many operations one firing of a deadline opens or plans again, and how many bytes these are in its record, which must
 * not outgrow what a record may have. The next firing takes the rest; but a fleet that shares one window should be open
 * within a second of its begin, so it is not to be one of many. */
enum { SCHEDULE_WAKE_OPERATIONS_MAX = 10000, SCHEDULE_WAKE_BYTES_MAX = 2 << 20 };

/* Settings: struct schedule_settings, or NULL: no file. */
extern const struct core schedule_core;

#endif
