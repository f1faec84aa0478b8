/* optional.h - components that a runtime has beside those of its release: chosen when it was provisioned, and brought
 * along when an orchestration upgrades it. Private to the core; pure.
 *
 * Optional is a component of the active configuration that the release of the runtime's Kyma version does not name for
 * it, and neither does the new release nor the configuration that is sent. Where the old release is not known, no known
 * release may name it. */
#ifndef TIDEGATE_PROVISIONER_OPTIONAL_H
#define TIDEGATE_PROVISIONER_OPTIONAL_H

#include "common/base/error.h"
#include "services/provisioner/runtimes.h"

/* What was found out of configurations that many runtimes share. Own: optional_memory_free. */
struct optional_memory *optional_memory_new(void);
void optional_memory_free(struct optional_memory *memory);

/* Names in `data`, of `started`, what an upgrade to `wanted`, which is known, brings to `runtime`, which has Kyma: as
 * `configuration` the hash, and as `kymaConfig` the body where nobody here has it. It is `wanted` itself as a rule; else
 * the runtime's optional components follow those of `wanted`, as they are. False: `why`; it would be too large. */
bool optional_name(const struct runtimes *runtimes, const struct runtime *runtime, const struct configuration *wanted,
                   json_t *data, struct error *why);

#endif
