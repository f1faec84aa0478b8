/* A bounded number of failures (strategy.maxFailures): what runs may fail too, so that nothing starts that could exceed
 * it. */
#include <stdint.h>
#include <string.h>

#include "services/orchestrator/decide.h"

static const char stop_begins[] = ", stopped: ";

size_t limit_left(const struct orchestration *orchestration)
{
    size_t most = (size_t)orchestration->max_failures;
    size_t used = orchestration->by_state[OPERATION_FAILED] + orchestration_running(orchestration);

    if (orchestration->max_failures == 0)
        return SIZE_MAX;
    return used < most ? most - used : 0;
}

bool limit_is_reached(const struct orchestration *orchestration)
{
    return orchestration->max_failures > 0 &&
           orchestration->by_state[OPERATION_FAILED] >= (size_t)orchestration->max_failures;
}

static void describe(const struct orchestration *orchestration, char out[REASON_SIZE])
{
    char former[REASON_SIZE];

    limit_forget(orchestration, former);
    reason_format(out, "%s%s%zu operations failed, maxFailures is %d", former, stop_begins,
                  orchestration->by_state[OPERATION_FAILED], orchestration->max_failures);
}

bool limit_is_told(const struct orchestration *orchestration)
{
    char description[REASON_SIZE];

    describe(orchestration, description);
    return orchestration->stopped && strcmp(orchestration->description, description) == 0;
}

void limit_stop(const struct orchestration *orchestration, struct decision *out)
{
    char description[REASON_SIZE];

    describe(orchestration, description);
    decision_event(out, EVENT_STOPPED, orchestration->id,
                   json_pack("{s:I, s:s}", "failed", (json_int_t)orchestration->by_state[OPERATION_FAILED],
                             "description", description));
}

void limit_forget(const struct orchestration *orchestration, char out[REASON_SIZE])
{
    char *stop;

    reason_format(out, "%s", orchestration->description);
    stop = orchestration->stopped ? strstr(out, stop_begins) : NULL;
    if (stop != NULL)
        *stop = '\0';
}
