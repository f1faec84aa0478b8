/* world.h - the provisioner's settings and its world: a driver (driving.h), and the folder of releases, which is watched.
 *
 * Settings, beside the driver's: TIDEGATE_RELEASES, TIDEGATE_KYMA_VERSION, TIDEGATE_STAGE_LIMITS,
 * TIDEGATE_PRIVILEGED_CONTAINERS, TIDEGATE_KUBERNETES_AUTO_UPDATE, TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE. */
#ifndef TIDEGATE_PROVISIONER_WORLD_H
#define TIDEGATE_PROVISIONER_WORLD_H

#include "common/log/service.h"

/* struct service, configure: gives a struct runtime_settings. The releases in it are exchanged between decisions, when the
 * folder is another one and valid; what a decision took from them stands in its event. */
bool provisioner_configure(const struct settings *settings, const void **core_settings, struct error *err);

extern const struct service_world provisioner_world;

#endif
