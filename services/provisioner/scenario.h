/* scenario.h - how long simulated stages take, and which fail. docs/rehearsal.md describes the file for those who write
 * one, with examples.
 *
 * A scenario is a JSON file; every member may be left out, the first rule that matches decides:
 *
 *     {"holds": "/folder", "default": {"durationMs": [2000, 4000], "steps": 1},
 *      "rules": [{"runtime": "^prod-", "operation": "upgradeKyma", "stage": "WaitingForInstallation",
 *                 "attempts": 1, "durationMs": [0, 0], "steps": 3, "fail": "the reason", "reason": "err_x",
 *                 "component": "istio", "flaps": 2, "never": true}]}
 *
 * `runtime` is an RE2 pattern looked for anywhere in the runtime ID, `operation` and `stage` are exact names, `attempts`
 * is how many attempts of an operation the rule is for; without them a rule matches any. A rule without `durationMs` or
 * `steps` has the default's. A stage does not end while a file in the folder `holds` is called after it. Pure but for
 * reading the file and looking into that folder. */
#ifndef TIDEGATE_PROVISIONER_SCENARIO_H
#define TIDEGATE_PROVISIONER_SCENARIO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"

struct scenario;

enum {
    SCENARIO_STEPS_MAX = 20,          /* of an installation */
    SCENARIO_FLAPS_MAX = 100,         /* of a stage */
    SCENARIO_ATTEMPTS_MAX = 1000,     /* of an operation */
    SCENARIO_NOTED_DURATION_MS = 1000 /* an installation that takes no longer has no steps */
};

/* `path` NULL: the default, 2 to 4 seconds a stage and no failure. Own: scenario_free. NULL: `err` names the file, the
 * member, and what would be right. */
struct scenario *scenario_load(const char *path, struct error *err);
struct scenario *scenario_parse(const json_t *json, struct error *err);
void scenario_free(struct scenario *scenario);

struct scenario_stage {
    const char *runtime_id, *operation_id, *operation, *stage; /* `operation`: its type; "" if not known */
    int attempt;                                               /* of the operation; 1: the first */
};

/* Texts live as long as the scenario. */
struct scenario_fate {
    int64_t duration_ms;            /* evenly spread over the rule's range */
    bool never;                     /* it does not end by itself */
    const char *fail;               /* the reason, final or of each flap; NULL: it succeeds */
    const char *reason, *component; /* codes of the error; NULL: none */
    size_t flaps;                   /* errors that are retried; then `fail` is not final */
    size_t steps;                   /* that the installer tells of; 0 but for a long WaitingForInstallation */
};

/* What becomes of a stage: a function of its arguments alone, the same in every process. */
struct scenario_fate scenario_fate(const struct scenario *scenario, struct scenario_stage stage);

/* Must the stage wait, though its time is over? It must while there is a file <holds>/<runtime ID>,
 * <holds>/<runtime ID>.<stage>, or <holds>/all; to be asked again until there is none. */
bool scenario_holds(const struct scenario *scenario, const char *runtime_id, const char *stage);

/* When the `index`-th (from 0) of `count` steps or flaps is told, from the beginning of the stage: spread evenly between
 * beginning and end. */
int64_t scenario_moment_ms(const struct scenario_fate *fate, size_t index, size_t count);

#endif
