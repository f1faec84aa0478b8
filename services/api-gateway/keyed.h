/* keyed.h - the header Idempotency-Key on requests; what it promises stands in idempotency.h. */
#ifndef TIDEGATE_GATEWAY_KEYED_H
#define TIDEGATE_GATEWAY_KEYED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/http/server.h"
#include "services/api-gateway/idempotency.h"

/* The key that the exchange has; NULL: none. False (ERROR_INPUT): the text of a 400, as where there are two and nobody
 * knows which is meant. Before the handler returns. */
bool key_read(const struct exchange *exchange, const char **key, struct error *err);

/* Of the REST API. Reads the key that the exchange has, if it has one, for a request whose repetitions have the same `body`. False: it is
 * none, and the exchange is answered. Before the handler returns. */
bool keyed_read(struct exchange *exchange, const char *body, size_t size, struct idempotent *request);

/* As idempotency_claim; without a key IDEMPOTENCY_NEW at once. */
void keyed_claim(struct exchange *exchange, const char *topic, const struct idempotent *request,
                 idempotency_claimed *done, void *context);

/* The claimed key is free again; before the exchange is answered. */
void keyed_release(const struct exchange *exchange, const struct idempotent *request);

/* Answers IDEMPOTENCY_RUNS and IDEMPOTENCY_REUSED. */
void keyed_refuse(struct exchange *exchange, enum idempotency_verdict verdict);

/* Answers IDEMPOTENCY_UNKNOWN, where a repetition would do it twice. */
void keyed_refuse_unknown(struct exchange *exchange);

#endif
