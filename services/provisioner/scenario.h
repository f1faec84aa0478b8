/* scenario.h - how long simulated stages take, and which fail.
 *
 * A scenario is a JSON file; every member may be left out, the first rule that matches decides:
 *
 *     {"default": {"durationMs": [2000, 4000]},
 *      "rules": [{"runtime": "^prod-", "stage": "WaitingForInstallation", "durationMs": [0, 0],
 *                 "fail": "the reason"}]}
 *
 * `runtime` is an RE2 pattern looked for anywhere in the runtime ID, `stage` an exact name; without them a rule matches
 * any. A rule without `durationMs` has the default's. Pure but for reading the file. */
#ifndef TIDEGATE_PROVISIONER_SCENARIO_H
#define TIDEGATE_PROVISIONER_SCENARIO_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/error.h"

struct scenario;

/* `path` NULL: the default, 2 to 4 seconds a stage and no failure. Own: scenario_free. NULL: `err` names the file, the
 * member, and what would be right. */
struct scenario *scenario_load(const char *path, struct error *err);
struct scenario *scenario_parse(const json_t *json, struct error *err);
void scenario_free(struct scenario *scenario);

struct scenario_stage {
    const char *runtime_id, *operation_id, *stage;
};

struct scenario_fate {
    int64_t duration_ms; /* evenly spread over the rule's range */
    const char *fail;    /* the reason; NULL: it succeeds. Lives as long as the scenario */
};

/* What becomes of a stage: a function of its arguments alone, the same in every process. */
struct scenario_fate scenario_fate(const struct scenario *scenario, struct scenario_stage stage);

#endif
