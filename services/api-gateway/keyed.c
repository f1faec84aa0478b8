#include "services/api-gateway/keyed.h"

#include <stdio.h>

#include "common/log/record.h"
#include "services/api-gateway/gateway.h"

static const char header[] = "Idempotency-Key";

bool key_read(const struct exchange *exchange, const char **key, struct error *err)
{
    const size_t count = exchange_header_count(exchange, header);

    if (count > 1)
        return error_set(err, ERROR_INPUT, "%s: expected one, got %zu", header, count);
    *key = exchange_header(exchange, header);
    return idempotency_key_check(*key, err);
}

bool keyed_read(struct exchange *exchange, const char *body, size_t size, struct idempotent *request)
{
    const struct caller *caller = &visit_of(exchange)->caller;
    struct error err = { 0 };
    const char *key = NULL;

    if (!key_read(exchange, &key, &err)) {
        answer_refused(exchange, 400, err.message);
        return false;
    }
    request->key_id[0] = '\0';
    if (key != NULL)
        idempotency_key_id(&(struct idempotency_scope){ .issuer = caller->issuer,
                                                        .subject = caller->subject,
                                                        .method = exchange_method(exchange),
                                                        .path = exchange_path(exchange),
                                                        .key = key },
                           request->key_id);
    sha256_hex(body, size, request->body_hash);
    return true;
}

void keyed_claim(struct exchange *exchange, const char *topic, const struct idempotent *request,
                 idempotency_claimed *done, void *context)
{
    const struct gateway *gateway = visit_of(exchange)->gateway;

    if (request->key_id[0] == '\0')
        done(context, IDEMPOTENCY_NEW, NULL);
    else
        idempotency_claim(requests_keys(gateway->requests), gateway->pg, topic_number(topic), request, done, context);
}

void keyed_release(const struct exchange *exchange, const struct idempotent *request)
{
    idempotency_release(requests_keys(visit_of(exchange)->gateway->requests), request);
}

void keyed_refuse(struct exchange *exchange, enum idempotency_verdict verdict)
{
    char seconds[8];

    snprintf(seconds, sizeof seconds, "%d", IDEMPOTENCY_REPEAT_AFTER_S);
    if (verdict == IDEMPOTENCY_RUNS)
        exchange_set_header(exchange, "Retry-After", seconds);
    answer_refused(exchange, idempotency_status(verdict), idempotency_text(verdict));
}

void keyed_refuse_unknown(struct exchange *exchange)
{
    answer_refused(exchange, 503,
                   "Idempotency-Key: the database does not answer, so nobody knows whether this was asked before; try "
                   "again");
}
