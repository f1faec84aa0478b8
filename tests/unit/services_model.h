/* services_model.h - what the events of orchestrator and provisioner say, beside their rows: what was promised must
 * hold at each of them, and the rows must say the same. Whatever is wrong fails the test that runs, with the seed. */
#ifndef TIDEGATE_TESTS_SERVICES_MODEL_H
#define TIDEGATE_TESTS_SERVICES_MODEL_H

#include "tests/unit/services_world.h"

/* By operation {orchestration, runtime, state, phase, since, first, begin, end, created, attempt, ended}, where `ended` is
 * how the attempt ended at the provisioner, and `first` says that its turn is before all others'; by orchestration {lane,
 * schedule, maxFailures, dryRun, runs, resolved, failed, halted}; by runtime what runs. Of operations of Kyma also {plan,
 * globalAccount, subAccount, version, configuration, allowed}, where `allowed` has the hashes of all configurations that
 * the last retry may send. */
struct model {
    struct services *services; /* borrowed; set before the first event */
    json_t *operations, *orchestrations, *running;
    const struct releases *at_start; /* borrowed; set before the first event */
    struct releases *in_force;       /* of the lane kyma; NULL: those at the start */
};

void model_init(struct model *model);
void model_release(struct model *model);

/* `context`: the model. */
void model_event(void *context, enum services_index service, const char *type, const struct event *event);

/* What holds at any moment; and what does when nothing follows any more. */
void model_check(struct model *model);
void model_check_ended(struct model *model);

#endif
