/* in_flight.h - stages on their way to the driver and back: at most so many at a time, the others wait in order.
 *
 * A call takes a place, which becomes free when its stage has ended or another call for the same runtime takes it over.
 * "Stopping" waits for nobody, though it counts. The time that a stage waits here is part of its limit, which counts
 * from the order.
 *
 * Memory: about 400 bytes and a call's detail for each runtime that waits. Of the Kyma configurations, by far the largest
 * part, equal ones (by tenant and hash) are kept once; of what is in flight only the names are kept. Nothing waits but
 * running operations, which the core holds in memory too. One thread only. */
#ifndef TIDEGATE_PROVISIONER_IN_FLIGHT_H
#define TIDEGATE_PROVISIONER_IN_FLIGHT_H

#include <stddef.h>

#include "common/log/core.h"

struct in_flight;

/* Hands `call` (borrowed for the call) to the driver. */
typedef void in_flight_start(void *context, const struct call *call);

/* `max` > 0; `context` outlives it. Own: in_flight_free, which forgets what waits. */
struct in_flight *in_flight_new(size_t max, in_flight_start *start, void *context);
void in_flight_free(struct in_flight *in_flight);

/* Starts `call` (borrowed), now or when there is room. The same stage again is started again if it is under way, so that
 * the driver tells its end again; while it waits, it goes on waiting where it is. With a higher fence it is another order.
 * A call with a lower fence than the last one for its runtime goes to the driver at once, which refuses it. */
void in_flight_call(struct in_flight *in_flight, const struct call *call);

/* A stage that was ordered with `fence` has ended, or is lost: starts what has waited longest. Nothing happens for stages
 * that are not under way. */
void in_flight_ended(struct in_flight *in_flight, const char *runtime_id, const char *operation_id, const char *stage,
                     int64_t fence);

struct in_flight_count {
    size_t started, waiting;
};
struct in_flight_count in_flight_count(const struct in_flight *in_flight);

#endif
