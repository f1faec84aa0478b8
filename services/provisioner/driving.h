/* driving.h - the provisioner's world: a driver whose reports become requests.
 *
 * Settings: TIDEGATE_SECRET_KEYS, TIDEGATE_OPERATIONS_MAX, TIDEGATE_SIMULATOR_LEDGER, TIDEGATE_SIMULATOR_SCENARIO. */
#ifndef TIDEGATE_PROVISIONER_DRIVING_H
#define TIDEGATE_PROVISIONER_DRIVING_H

#include "common/log/service.h"

extern const struct service_world driving_world;

#endif
