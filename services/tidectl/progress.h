/* progress.h - how far an orchestration is, as its events tell. Pure. */
#ifndef TIDEGATE_TIDECTL_PROGRESS_H
#define TIDEGATE_TIDECTL_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct progress; /* opaque */

enum progress_state { /* of an operation, in the order in which it matters to who watches */
                      PROGRESS_RUNNING,
                      PROGRESS_FAILED,
                      PROGRESS_RETRYING,
                      PROGRESS_PENDING,
                      PROGRESS_CANCELED,
                      PROGRESS_SUCCEEDED,
                      PROGRESS_STATE_COUNT
};

/* "in progress" */
extern const char *const progress_state_names[PROGRESS_STATE_COUNT];

struct progress_operation {
    const char *id, *shoot, *plan, *description;
    enum progress_state state;
};

/* Own: progress_free. */
struct progress *progress_new(void);
void progress_free(struct progress *progress);

/* Takes a CloudEvent into account; of types that it does not know, nothing. `changed` (or NULL) is called for each
 * operation that went on. */
typedef void progress_changed(void *context, const struct progress_operation *operation);
void progress_take(struct progress *progress, const json_t *event, progress_changed *changed, void *context);

/* Of the orchestration; texts live until the next event. */
const char *progress_state(const struct progress *progress);
const char *progress_description(const struct progress *progress);
bool progress_has_ended(const struct progress *progress); /* a retry may go on with it all the same */

size_t progress_total(const struct progress *progress); /* operations, once all are known; before, 0 */
size_t progress_count(const struct progress *progress, enum progress_state state);

/* Operation number `index` (< progress_total), in the order in which they were found. */
struct progress_operation progress_operation(const struct progress *progress, size_t index);

#endif
