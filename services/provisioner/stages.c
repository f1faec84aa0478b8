#include "services/provisioner/stages.h"

#include <stddef.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static const struct stage_rule stages[] = {
    [STAGE_NONE] = { "", STAGE_NONE, INT64_MAX },
    [STAGE_STARTING_UPGRADE] = { "StartingUpgrade", STAGE_WAITING_FOR_INSTALLATION, 20 * MINUTE_MS },
    [STAGE_WAITING_FOR_INSTALLATION] = { "WaitingForInstallation", STAGE_UPDATING_UPGRADE_STATE, 60 * MINUTE_MS },
    [STAGE_UPDATING_UPGRADE_STATE] = { "UpdatingUpgradeState", STAGE_NONE, 5 * MINUTE_MS },
    [STAGE_CLEANUP_CLUSTER] = { "CleanupCluster", STAGE_TRIGGER_KYMA_UNINSTALL, 20 * MINUTE_MS },
    [STAGE_TRIGGER_KYMA_UNINSTALL] = { "TriggerKymaUninstall", STAGE_DEPROVISION_CLUSTER, 5 * MINUTE_MS },
    [STAGE_DEPROVISION_CLUSTER] = { "DeprovisionCluster", STAGE_WAIT_FOR_CLUSTER_DELETION, 30 * MINUTE_MS },
    [STAGE_WAIT_FOR_CLUSTER_DELETION] = { "WaitForClusterDeletion", STAGE_NONE, 60 * MINUTE_MS },
    [STAGE_STOPPING] = { "Stopping", STAGE_NONE, 5 * MINUTE_MS },
};

static const struct operation_rule operations[] = {
    [OPERATION_UPGRADE_KYMA] = { "upgradeKyma", STAGE_STARTING_UPGRADE, "Starting Kyma upgrade" },
    [OPERATION_DEPROVISION] = { "deprovision", STAGE_CLEANUP_CLUSTER, "Deprovisioning started" },
};

const struct stage_rule *stage_rule(enum stage stage)
{
    return &stages[stage];
}

const struct operation_rule *operation_rule(enum operation_type type)
{
    return &operations[type];
}

enum stage stage_find(const char *name)
{
    for (size_t i = STAGE_NONE + 1; i < sizeof stages / sizeof stages[0]; i++)
        if (strcmp(stages[i].name, name) == 0)
            return (enum stage)i;
    return STAGE_NONE;
}

enum operation_type operation_type_find(const char *name)
{
    return strcmp(name, operations[OPERATION_DEPROVISION].name) == 0 ? OPERATION_DEPROVISION : OPERATION_UPGRADE_KYMA;
}
