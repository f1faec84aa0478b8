/* stages.h - what an operation consists of: stages in order, each with a limit. */
#ifndef TIDEGATE_PROVISIONER_STAGES_H
#define TIDEGATE_PROVISIONER_STAGES_H

#include <stdint.h>

enum operation_type { OPERATION_UPGRADE_KYMA, OPERATION_DEPROVISION };

enum stage {
    STAGE_NONE,
    STAGE_STARTING_UPGRADE,
    STAGE_WAITING_FOR_INSTALLATION,
    STAGE_UPDATING_UPGRADE_STATE,
    STAGE_CLEANUP_CLUSTER,
    STAGE_TRIGGER_KYMA_UNINSTALL,
    STAGE_DEPROVISION_CLUSTER,
    STAGE_WAIT_FOR_CLUSTER_DELETION,
    STAGE_STOPPING, /* ends whatever runs; has no next one: the operation fails */
};

struct stage_rule {
    const char *name;
    enum stage next;  /* STAGE_NONE: the operation ends */
    int64_t limit_ms; /* counted from the record that ordered the stage */
};

struct operation_rule {
    const char *name;
    enum stage first;
    const char *message; /* the first one */
};

/* Rules are static. The rule of STAGE_NONE has the name "". */
const struct stage_rule *stage_rule(enum stage stage);
const struct operation_rule *operation_rule(enum operation_type type);

/* STAGE_NONE: no stage has this name. */
enum stage stage_find(const char *name);

/* OPERATION_UPGRADE_KYMA for what is no name of a type. */
enum operation_type operation_type_find(const char *name);

#endif
