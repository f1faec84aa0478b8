/* override.h - what differs for some runtimes from the configuration that a release has for all. Pure.
 *
 * Overrides as release.h describes them, found valid. */
#ifndef TIDEGATE_RELEASE_OVERRIDE_H
#define TIDEGATE_RELEASE_OVERRIDE_H

#include <jansson.h>
#include <stddef.h>

#include "common/release/release.h"

struct overrides;

/* `list` is borrowed, and outlives them; NULL: there are none. Own: overrides_free, which takes NULL. */
struct overrides *overrides_new(const json_t *list);
void overrides_free(struct overrides *overrides);
size_t overrides_count(const struct overrides *overrides);

/* Those that hold for `runtime`: their indexes in the list, the most particular one last. Own: free. `count` of them;
 * NULL if there are none. Costs only as much as there are. */
size_t *overrides_match(const struct overrides *overrides, struct release_runtime runtime, size_t *count);

/* `configuration` with the overrides `which` applied one after the other. Own; `configuration` stays as it is. */
json_t *overrides_apply(const struct overrides *overrides, const json_t *configuration, const size_t *which,
                        size_t count);

#endif
