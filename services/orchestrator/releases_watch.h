/* releases_watch.h - tells the lanes' partitions of the orchestrator what the folder of releases holds, at the start and
 * whenever it changes, so that the releases in force at any moment stand in the log. */
#ifndef TIDEGATE_ORCHESTRATOR_RELEASES_WATCH_H
#define TIDEGATE_ORCHESTRATOR_RELEASES_WATCH_H

#include "common/log/service.h"

/* Watches the folder that the setting TIDEGATE_RELEASES names. */
extern const struct service_world releases_watch_world;

#endif
