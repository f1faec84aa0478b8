/* parts.h - the parts of the orchestration core, one file each, and the names that they share. */
#ifndef TIDEGATE_ORCHESTRATOR_PARTS_H
#define TIDEGATE_ORCHESTRATOR_PARTS_H

#include "common/log/core.h"
#include "services/orchestrator/state.h"

enum orchestration_request {
    REQUEST_UPGRADE,
    REQUEST_CANCEL,
    REQUEST_RETRY,
    REQUEST_TARGET,
    REQUEST_SCHEDULE,
    REQUEST_REPORT,
    REQUEST_WAKE,
    REQUEST_RELEASES,
};

enum orchestration_event {
    EVENT_ACCEPTED,
    EVENT_REPEATED,
    EVENT_REJECTED,
    EVENT_STARTED,
    EVENT_TARGETED,
    EVENT_SCHEDULED,
    EVENT_PLANNED,
    EVENT_RELEASED,
    EVENT_DISPATCHED,
    EVENT_RESCHEDULED,
    EVENT_PROGRESSED,
    EVENT_STOPPED,
    EVENT_RETRIED,
    EVENT_RESUMED,
    EVENT_DECLINED,
    EVENT_HALTED,
    EVENT_CANCELED,
    EVENT_SUCCEEDED,
    EVENT_FAILED,
    EVENT_CONFIGURED,
    EVENT_RELEASES_ADOPTED,
    EVENT_RELEASES_REFUSED,
    EVENT_REHEARSED, /* only read */
};

enum orchestration_table {
    TABLE_ORCHESTRATION,
    TABLE_CONFIGURATION,
    TABLE_OPERATION,
    TABLE_LATEST,
    TABLE_RELEASES,
    TABLE_COUNT,
};

extern const struct core_table orchestration_tables[TABLE_COUNT];

/* decide.c: what a request gives. */
void orchestration_decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out);

/* settle.c: what follows from the state alone, and when time has to pass before something does. */
void orchestration_settle(const void *state, int64_t now_ms, struct decision *out);
struct deadline orchestration_deadline(const void *state);

/* evolve.c */
void orchestration_evolve(void *state, const struct event *event, struct changes *out);

/* react.c: the messages to brokers, schedulers and provisioners. */
void orchestration_react(const void *state, const struct event *event, struct messages *out);

/* rows.c: the read model, there and back. A configuration's row is named "<orchestration ID>/<hash>"; own: free. */
char *configuration_row_id(const char *orchestration_id, const char *hash);
json_t *orchestration_row(const void *state, int table, const char *id);
bool orchestration_row_text(const void *state, int table, const char *id, struct text *out);
void orchestration_load(void *state, int table, const json_t *row);

#endif
