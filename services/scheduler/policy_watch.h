/* policy_watch.h - watches the file of the maintenance policy and tells every partition of the scheduler what it holds:
 * at the start, and whenever the file is another one.
 * How it is watched: common/watch/path_watch.h.
 *
 * A file that is wrong is told too, as an error with its line: the policy before it stays in force. One that is missing
 * or cannot be read is logged, and what is in force stays so. */
#ifndef TIDEGATE_SCHEDULER_POLICY_WATCH_H
#define TIDEGATE_SCHEDULER_POLICY_WATCH_H

#include <jansson.h>

#include "common/log/service.h"

/* What the file holds, as tidegate.schedule.policy.v1 has it: a hash, and either the policy, with its time zones, or an
 * error. Own: json_decref. NULL: it cannot be read; errno says why. */
json_t *policy_file_read(const char *path);

struct policy_watch; /* opaque */

/* What the file holds, as policy_file_read gives it. `data` (own). */
typedef void policy_told(void *context, json_t *data);

/* `path` outlives the watch. The first report comes from the loop. Own: policy_watch_free, which takes NULL. */
struct policy_watch *policy_watch_new(struct event_base *base, const char *path, policy_told *told, void *context);
void policy_watch_free(struct policy_watch *watch);

/* Watches the file that the setting TIDEGATE_MAINTENANCE_POLICY names; none, if it is empty. */
extern const struct service_world policy_watch_world;

#endif
