#include "common/window/zone.h"

#include <assert.h>

/* Longer than any offset, and shorter than the time between two changes that matter. */
enum { FAR_S = 26 * 3600 };

int32_t zone_offset_s(const struct zone *zone, int64_t time_s)
{
    size_t low = 0, high = zone->count;

    assert(zone->count > 0);
    while (high - low > 1) { /* the last change not after `time_s`, or the first one */
        size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].at_s <= time_s)
            low = middle;
        else
            high = middle;
    }
    return zone->changes[low].offset_s;
}

int64_t zone_time_s(const struct zone *zone, int64_t local_s, enum zone_side side)
{
    int64_t before_s = local_s - zone_offset_s(zone, local_s - FAR_S);
    int64_t after_s = local_s - zone_offset_s(zone, local_s + FAR_S);
    bool before = local_s - before_s == zone_offset_s(zone, before_s);
    bool after = local_s - after_s == zone_offset_s(zone, after_s);

    if (before != after)
        return before ? before_s : after_s;
    return (before_s < after_s) == (side == ZONE_EARLIER) ? before_s : after_s;
}
