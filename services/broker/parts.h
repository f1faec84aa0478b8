/* parts.h - what the files of the broker's core share. Private to it. */
#ifndef TIDEGATE_BROKER_PARTS_H
#define TIDEGATE_BROKER_PARTS_H

#include "common/log/core.h"
#include "services/broker/claims.h"

/* Named in instance_core. */
enum request_type {
    REQUEST_IMPORT,
    REQUEST_MATCH,
    REQUEST_REPORT,
    REQUEST_REFUSE,
    REQUEST_CLAIM,
    REQUEST_RELEASE,
};

enum event_type {
    EVENT_IMPORTED,
    EVENT_CONFIRMED,
    EVENT_MATCHED,
    EVENT_REPORTED,
    EVENT_REFUSED,
    EVENT_REJECTED,
    EVENT_CLAIMED,
    EVENT_RELEASED,
};

enum { TABLE_INSTANCE, TABLE_PLACE, TABLE_BLOCK, TABLE_CLAIM };

/* --- instance.c --- */

/* Leaves the refusal in the log, with who asked and why, and tells whoever asked. `body` (own): what there is to say
 * beside the reason, or NULL. */
void instance_refuse(const struct request *request, int status, const char *reason, json_t *body, struct decision *out);

/* --- key.c --- */

void key_decide_claim(const struct claims *claims, const struct request *request, int64_t now_ms, struct decision *out);
void key_decide_release(const struct claims *claims, const struct request *request, int64_t now_ms,
                        struct decision *out);
void key_evolve_claimed(struct claims *claims, const struct event *event, struct changes *out);
void key_evolve_released(struct claims *claims, const struct event *event, struct changes *out);
void key_react_claimed(const struct event *event, struct messages *out);

#endif
