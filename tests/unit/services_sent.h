/* services_sent.h - the part of the model that knows which version and configuration of Kyma each operation is sent: the
 * version for good, the configuration by the releases that are in force when it is retried. */
#ifndef TIDEGATE_TESTS_SERVICES_SENT_H
#define TIDEGATE_TESTS_SERVICES_SENT_H

#include "tests/unit/services_model.h"

/* An event of the orchestrator, before the model takes it over itself. Fails the test if it decides otherwise. */
void sent_event(struct model *model, const char *type, const struct event *event);

/* Does the row of an operation say what its events said? `whole`: the row of its orchestration. */
void sent_check(const struct model *model, const char *id, const json_t *row, const json_t *whole);

void sent_release(struct model *model);

#endif
