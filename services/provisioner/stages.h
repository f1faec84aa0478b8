/* stages.h - what an operation consists of: stages in order, each with a limit. */
#ifndef TIDEGATE_PROVISIONER_STAGES_H
#define TIDEGATE_PROVISIONER_STAGES_H

#include <stdbool.h>
#include <stdint.h>

struct error;

enum operation_type {
    OPERATION_UPGRADE_KYMA,
    OPERATION_DEPROVISION,
    OPERATION_PROVISION,
    OPERATION_PROVISION_NO_INSTALL,
    OPERATION_UPGRADE_SHOOT,
    OPERATION_HIBERNATE,
    OPERATION_DEPROVISION_NO_INSTALL,
};

enum stage {
    STAGE_NONE,
    STAGE_WAITING_FOR_CLUSTER_DOMAIN,
    STAGE_WAITING_FOR_CLUSTER_CREATION,
    STAGE_CREATING_BINDINGS_FOR_OPERATORS,
    STAGE_STARTING_INSTALLATION,
    STAGE_WAITING_FOR_INSTALLATION,
    STAGE_CONNECT_RUNTIME_AGENT,
    STAGE_WAIT_FOR_AGENT_TO_CONNECT,
    STAGE_STARTING_UPGRADE,
    STAGE_UPDATING_UPGRADE_STATE,
    STAGE_WAITING_FOR_SHOOT_NEW_VERSION,
    STAGE_WAITING_FOR_SHOOT_UPGRADE,
    STAGE_WAIT_FOR_HIBERNATION,
    STAGE_CLEANUP_CLUSTER,
    STAGE_TRIGGER_KYMA_UNINSTALL,
    STAGE_DEPROVISION_CLUSTER,
    STAGE_WAIT_FOR_CLUSTER_DELETION,
    STAGE_STOPPING, /* ends whatever runs; has no next one: the operation fails */
    STAGE_COUNT,
};

struct stage_rule {
    const char *name;
    int64_t limit_ms; /* by default; counted from the record that ordered the stage */
};

enum { OPERATION_STAGES_MAX = 8 };

struct operation_rule {
    const char *name, *graphql_name;         /* "upgradeKyma", "Upgrade" */
    enum stage stages[OPERATION_STAGES_MAX]; /* in order, up to STAGE_NONE */
    const char *message;                     /* the first one */
};

/* Rules are static. The rule of STAGE_NONE has the name "". */
const struct stage_rule *stage_rule(enum stage stage);
const struct operation_rule *operation_rule(enum operation_type type);

/* STAGE_NONE: the operation ends. */
enum stage stage_after(enum operation_type type, enum stage stage);

/* STAGE_NONE: no stage has this name. */
enum stage stage_find(const char *name);

/* OPERATION_UPGRADE_KYMA for what is no name of a type. */
enum operation_type operation_type_find(const char *name);

bool operation_is_deprovisioning(enum operation_type type);

/* Reads limits such as "WaitingForInstallation=22h,CleanupCluster=20m"; durations as in settings (500ms, 90s, 20m, 4h;
 * plain numbers are milliseconds), each from 1 ms to a year. Stages that are not named get their default; "" names none.
 * False: `err` (ERROR_INPUT) says what is wrong and what would be right, and `limits` is untouched. */
bool stage_limits_parse(const char *text, int64_t limits[STAGE_COUNT], struct error *err);

#endif
