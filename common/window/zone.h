/* zone.h - time zones with daylight saving time, as a list of changes of their offset. Whoever decides by a zone is given
 * its changes; nothing here knows what zones there are. Pure. */
#ifndef TIDEGATE_WINDOW_ZONE_H
#define TIDEGATE_WINDOW_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_NAME_SIZE = 48, ZONE_CHANGES_MAX = 400 };

struct zone_change {
    int64_t at_s;     /* from then on, since the Unix epoch; the first one holds before, too */
    int32_t offset_s; /* east of UTC is positive */
};

struct zone {
    char name[ZONE_NAME_SIZE]; /* "Europe/Berlin" */
    size_t count;              /* of changes, at least 1, in the order of time */
    struct zone_change changes[ZONE_CHANGES_MAX];
};

/* What is ahead of UTC at that time. */
int32_t zone_offset_s(const struct zone *zone, int64_t time_s);

enum zone_side { ZONE_EARLIER, ZONE_LATER };

/* When the clocks of the zone show `local_s` (seconds since 1970-01-01 00:00:00 on those clocks). Where they show it twice,
 * or never because they are put forward, there are two answers: `side` says which. */
int64_t zone_time_s(const struct zone *zone, int64_t local_s, enum zone_side side);

#endif
