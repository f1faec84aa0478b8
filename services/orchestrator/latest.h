/* latest.h - the newest operation of an instance: what is older must not be retried, for it would undo what came since.
 *
 * Orchestrations that ended are not in memory, so what counts of them is kept here: of instances of which an upgrade of
 * the lane failed, some time, when the newest of their operations that ended was made. What succeeded before the first
 * failure need not be known, because only what failed is retried; unless an older operation is still under way, in an
 * orchestration that runs beside, and may fail yet. One an instance and lane at most, always all. */
#ifndef TIDEGATE_ORCHESTRATOR_LATEST_H
#define TIDEGATE_ORCHESTRATOR_LATEST_H

#include "services/orchestrator/state.h"

struct latest {
    UT_hash_handle hh; /* in state.latest */
    char *id;          /* "<lane>/<instance ID>" */
    const struct lane_type *type;
    const char *instance_id; /* in `id` */
    int64_t created_at;      /* ms; of the newest operation that succeeded or failed */
};

/* `operation` succeeded or failed. The ID of what is known now, which lives as long as the state; NULL: nothing new. */
const char *latest_learn(struct state *state, const struct operation *operation);

/* One that was loaded; it is not known yet. */
void latest_add(struct state *state, const struct lane_type *type, const char *instance_id, int64_t created_at);

/* NULL: there is none. */
const struct latest *latest_find(const struct state *state, const char *id);

/* Forgets all. */
void latest_release(struct state *state);

/* --- Asking --- */

/* What other orchestrations of the lane, which have not ended, have under way. Valid until the state changes. */
struct underway;

/* Without those of `but`. The caller owns it; NULL is an empty one. */
struct underway *underway_new(const struct state *state, const struct orchestration *but);
void underway_free(struct underway *underway);

/* Has its instance a newer operation of the same lane? Canceled ones do not count. */
bool operation_is_old(const struct state *state, const struct underway *underway, const struct operation *operation);

#endif
