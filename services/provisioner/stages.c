#include "services/provisioner/stages.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define LIMIT_MAX_MS (365 * 24 * HOUR_MS)

static const struct stage_rule stages[] = {
    [STAGE_NONE] = { "", INT64_MAX },
    [STAGE_WAITING_FOR_CLUSTER_DOMAIN] = { "WaitingForClusterDomain", 10 * MINUTE_MS },
    [STAGE_WAITING_FOR_CLUSTER_CREATION] = { "WaitingForClusterCreation", 60 * MINUTE_MS },
    [STAGE_CREATING_BINDINGS_FOR_OPERATORS] = { "CreatingBindingsForOperators", 5 * MINUTE_MS },
    [STAGE_STARTING_INSTALLATION] = { "StartingInstallation", 20 * MINUTE_MS },
    [STAGE_WAITING_FOR_INSTALLATION] = { "WaitingForInstallation", 60 * MINUTE_MS },
    [STAGE_CONNECT_RUNTIME_AGENT] = { "ConnectRuntimeAgent", 15 * MINUTE_MS },
    [STAGE_WAIT_FOR_AGENT_TO_CONNECT] = { "WaitForAgentToConnect", 15 * MINUTE_MS },
    [STAGE_STARTING_UPGRADE] = { "StartingUpgrade", 20 * MINUTE_MS },
    [STAGE_UPDATING_UPGRADE_STATE] = { "UpdatingUpgradeState", 5 * MINUTE_MS },
    [STAGE_WAITING_FOR_SHOOT_NEW_VERSION] = { "WaitingForShootNewVersion", 5 * MINUTE_MS },
    [STAGE_WAITING_FOR_SHOOT_UPGRADE] = { "WaitingForShootUpgrade", 30 * MINUTE_MS },
    [STAGE_WAIT_FOR_HIBERNATION] = { "WaitForHibernation", 60 * MINUTE_MS },
    [STAGE_CLEANUP_CLUSTER] = { "CleanupCluster", 20 * MINUTE_MS },
    [STAGE_TRIGGER_KYMA_UNINSTALL] = { "TriggerKymaUninstall", 5 * MINUTE_MS },
    [STAGE_DEPROVISION_CLUSTER] = { "DeprovisionCluster", 30 * MINUTE_MS },
    [STAGE_WAIT_FOR_CLUSTER_DELETION] = { "WaitForClusterDeletion", 60 * MINUTE_MS },
    [STAGE_STOPPING] = { "Stopping", 5 * MINUTE_MS },
};

static const struct operation_rule operations[] = {
    [OPERATION_UPGRADE_KYMA] = { "upgradeKyma",
                                 "Upgrade",
                                 { STAGE_STARTING_UPGRADE, STAGE_WAITING_FOR_INSTALLATION,
                                   STAGE_UPDATING_UPGRADE_STATE },
                                 "Starting Kyma upgrade" },
    [OPERATION_DEPROVISION] = { "deprovision",
                                "Deprovision",
                                { STAGE_CLEANUP_CLUSTER, STAGE_TRIGGER_KYMA_UNINSTALL, STAGE_DEPROVISION_CLUSTER,
                                  STAGE_WAIT_FOR_CLUSTER_DELETION },
                                "Deprovisioning started" },
    [OPERATION_PROVISION] = { "provision",
                              "Provision",
                              { STAGE_WAITING_FOR_CLUSTER_DOMAIN, STAGE_WAITING_FOR_CLUSTER_CREATION,
                                STAGE_CREATING_BINDINGS_FOR_OPERATORS, STAGE_STARTING_INSTALLATION,
                                STAGE_WAITING_FOR_INSTALLATION, STAGE_CONNECT_RUNTIME_AGENT,
                                STAGE_WAIT_FOR_AGENT_TO_CONNECT },
                              "Provisioning started" },
    [OPERATION_PROVISION_NO_INSTALL] = { "provisionNoInstall",
                                         "ProvisionNoInstall",
                                         { STAGE_WAITING_FOR_CLUSTER_DOMAIN, STAGE_WAITING_FOR_CLUSTER_CREATION,
                                           STAGE_CREATING_BINDINGS_FOR_OPERATORS, STAGE_CONNECT_RUNTIME_AGENT },
                                         "Provisioning started" },
    [OPERATION_UPGRADE_SHOOT] = { "upgradeShoot",
                                  "UpgradeShoot",
                                  { STAGE_WAITING_FOR_SHOOT_NEW_VERSION, STAGE_WAITING_FOR_SHOOT_UPGRADE,
                                    STAGE_CREATING_BINDINGS_FOR_OPERATORS },
                                  "Starting Gardener Shoot upgrade" },
    [OPERATION_HIBERNATE] = { "hibernate", "Hibernate", { STAGE_WAIT_FOR_HIBERNATION }, "Starting hibernation" },
    [OPERATION_DEPROVISION_NO_INSTALL] = { "deprovisionNoInstall",
                                           "DeprovisionNoInstall",
                                           { STAGE_DEPROVISION_CLUSTER, STAGE_WAIT_FOR_CLUSTER_DELETION },
                                           "Deprovisioning started" },
};
enum { OPERATION_TYPE_COUNT = sizeof operations / sizeof operations[0] };

const struct stage_rule *stage_rule(enum stage stage)
{
    return &stages[stage];
}

const struct operation_rule *operation_rule(enum operation_type type)
{
    return &operations[type];
}

enum stage stage_after(enum operation_type type, enum stage stage)
{
    const enum stage *list = operations[type].stages;

    for (size_t i = 0; list[i] != STAGE_NONE; i++)
        if (list[i] == stage)
            return list[i + 1]; /* the lists are shorter than their arrays */
    return STAGE_NONE;
}

enum stage stage_find(const char *name)
{
    for (size_t i = STAGE_NONE + 1; i < STAGE_COUNT; i++)
        if (strcmp(stages[i].name, name) == 0)
            return (enum stage)i;
    return STAGE_NONE;
}

enum operation_type operation_type_find(const char *name)
{
    for (size_t i = 0; i < OPERATION_TYPE_COUNT; i++)
        if (strcmp(operations[i].name, name) == 0)
            return (enum operation_type)i;
    return OPERATION_UPGRADE_KYMA;
}

bool operation_is_deprovisioning(enum operation_type type)
{
    return type == OPERATION_DEPROVISION || type == OPERATION_DEPROVISION_NO_INSTALL;
}

/* --- Limits as a setting --- */

static bool duration_parse(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "", 1 }, { "ms", 1 }, { "s", SECOND_MS }, { "m", MINUTE_MS }, { "h", HOUR_MS } };
    long long number;
    char *rest;

    if (*text < '0' || *text > '9')
        return false; /* strtoll would skip spaces and take signs */
    errno = 0;
    number = strtoll(text, &rest, 10);
    for (size_t i = 0; errno == 0 && i < sizeof units / sizeof units[0]; i++)
        if (strcmp(rest, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].ms, ms) && *ms >= 1 && *ms <= LIMIT_MAX_MS;
    return false;
}

/* One "Stage=20m". */
static bool limit_parse(const char *text, size_t length, int64_t limits[STAGE_COUNT], struct error *err)
{
    char one[128], *value;
    enum stage stage;

    snprintf(one, sizeof one, "%.*s", (int)length, text);
    value = strchr(one, '=');
    if (length >= sizeof one || value == NULL)
        return error_set(err, ERROR_INPUT, "\"%.60s\": must be a stage and its limit, such as CleanupCluster=20m", one);
    *value++ = '\0';
    stage = stage_find(one);
    if (stage == STAGE_NONE)
        return error_set(err, ERROR_INPUT, "there is no stage \"%.60s\"", one);
    if (!duration_parse(value, &limits[stage]))
        return error_set(err, ERROR_INPUT, "%s: \"%.40s\" is no limit; it must be a duration such as 90s, 20m, 4h", one,
                         value);
    return true;
}

bool stage_limits_parse(const char *text, int64_t limits[STAGE_COUNT], struct error *err)
{
    int64_t read[STAGE_COUNT];

    for (size_t i = 0; i < STAGE_COUNT; i++)
        read[i] = stages[i].limit_ms;
    while (*text != '\0') {
        size_t length = strcspn(text, ",");

        if (!limit_parse(text, length, read, err))
            return false;
        text += length;
        text += *text == ',';
    }
    memcpy(limits, read, sizeof read);
    return true;
}
