/* requests.h - asking the services: a message into Kafka, then the wait for what they decide.
 *
 * An outcome comes as a reply in gateway.replies, in the partition that this gateway reads from the end on. Replies may
 * be lost, so the row of the outcome is looked for as well, every quarter of a second. Nothing blocks. */
#ifndef TIDEGATE_GATEWAY_REQUESTS_H
#define TIDEGATE_GATEWAY_REQUESTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "services/api-gateway/outcomes.h"

struct event_base;
struct idempotency;
struct requests; /* opaque */

enum { REQUEST_WAITED_MAX = 100000 }; /* requests that wait for an outcome, at most */

struct requests_options { /* texts are copied */
    const char *kafka;    /* bootstrap servers */
    const char *instance; /* this process's name: its hash chooses the partition of gateway.replies */
    int partitions;       /* of every topic */
    int64_t timeout_ms;   /* until a request without outcome is given up */
    struct pg *pg;        /* outlives the result */
};

/* Begins to connect. Own: requests_free; unanswered requests are forgotten, without a call. NULL: a setting that
 * Kafka's client refuses. */
struct requests *requests_new(struct event_base *base, const struct requests_options *options, struct error *err);
void requests_free(struct requests *requests);

/* What is missing until requests can be sent and replies be read; NULL: nothing. Static text. */
const char *requests_missing(const struct requests *requests);

/* The Idempotency-Keys whose requests run. Borrowed. */
struct idempotency *requests_keys(const struct requests *requests);

/* How many wait for an outcome. */
size_t requests_waiting(const struct requests *requests);

struct ask {
    const char *id;    /* of the request: random, or derived; equal ones that wait at a time are sent once */
    const char *topic; /* "orchestrations" */
    const char *key;
    const char *type; /* "tidegate.orchestration.upgrade.v1" */
    const char *traceparent;
    json_t *data;     /* borrowed */
    const char *then; /* the topic whose outcome is waited for as well, unless the first refuses; NULL: none */
    bool is_bulk;     /* one of many: its outcome's row is looked for later */
};

enum request_end {
    REQUEST_ANSWERED,
    REQUEST_NOT_WRITTEN, /* certainly not in Kafka: nothing will happen */
    REQUEST_UNKNOWN,     /* it may be in Kafka; no outcome came in time */
};

struct request_result {
    enum request_end end;
    struct outcome outcomes[2]; /* REQUEST_ANSWERED: of `topic`, then of `then`; borrowed for the call */
    size_t count;               /* 2: both came. outcomes[count - 1] is what a client is told */
};

typedef void request_done(void *context, const struct request_result *result);

/* Sends the message and calls `done` once, later. False: certainly not written, and `done` will not be called
 * (ERROR_UNAVAILABLE). */
bool request_send(struct requests *requests, const struct ask *ask, request_done *done, void *context,
                  struct error *err);

#endif
