/* POST /upgrade/kyma (E1), POST /upgrade/cluster (E2): a new orchestration, in the lane of its type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/log/record.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/keyed.h"
#include "services/api-gateway/upgrade_body.h"

static const char topic[] = "orchestrations";

struct upgrade {
    struct exchange *exchange;
    const char *lane;
    struct idempotent idempotent;
    char id[UUID_SIZE]; /* of the orchestration */
    char request_id[IDEMPOTENCY_ID_SIZE];
    json_t *data;  /* own: what the orchestrator is asked; NULL: `refusal` */
    char *refusal; /* own: what is wrong with the body */
};

/* Before the answer: the key is free as soon as the client can know it. */
static struct exchange *upgrade_end(struct upgrade *upgrade)
{
    struct exchange *exchange = upgrade->exchange;

    keyed_release(exchange, &upgrade->idempotent);
    json_decref(upgrade->data);
    free(upgrade->refusal);
    free(upgrade);
    return exchange;
}

/* With a key both IDs are derived, so that a repeat finds what the first one made; another body makes another request
 * for the same orchestration, which the orchestrator refuses. */
static void name_ids(struct upgrade *upgrade)
{
    if (upgrade->idempotent.key_id[0] == '\0') {
        uuid_random(upgrade->id);
        uuid_random(upgrade->request_id);
    } else {
        snprintf(upgrade->id, sizeof upgrade->id, "%s", upgrade->idempotent.key_id);
        idempotency_request_id(&upgrade->idempotent, 0, upgrade->request_id);
        json_object_set_new(upgrade->data, "keyed", json_true());
    }
    json_object_set_new(upgrade->data, "orchestrationID", json_string(upgrade->id));
}

/* --- Asking --- */

static void decided(void *context, const struct request_result *result)
{
    struct upgrade *upgrade = context;
    char id[UUID_SIZE];

    snprintf(id, sizeof id, "%s", upgrade->id);
    answer_result(upgrade_end(upgrade), result, (struct created){ "orchestrationID", id });
}

static void ask(struct upgrade *upgrade)
{
    const struct visit *visit = visit_of(upgrade->exchange);
    struct error err = { 0 };

    if (!request_send(visit->gateway->requests,
                      &(struct ask){ .id = upgrade->request_id,
                                     .topic = topic,
                                     .key = upgrade->lane,
                                     .type = "tidegate.orchestration.upgrade.v1",
                                     .traceparent = visit->traceparent,
                                     .data = upgrade->data },
                      decided, upgrade, &err))
        answer_refused(upgrade_end(upgrade), err.code == ERROR_INPUT ? 400 : 503, err.message);
}

static void refuse(struct upgrade *upgrade)
{
    char *refusal = upgrade->refusal;

    upgrade->refusal = NULL;
    answer_refused(upgrade_end(upgrade), 400, refusal);
    free(refusal);
}

/* What is right in a body changes, as releases come and go; what became of a key does not: so it is looked at first.
 * Where the rows cannot be read, the orchestrator recognises a repeat as well. */
static void claimed(void *context, enum idempotency_verdict verdict, const struct outcome *outcome)
{
    struct upgrade *upgrade = context;

    switch (verdict) {
    case IDEMPOTENCY_NEW:
        if (upgrade->refusal != NULL)
            refuse(upgrade);
        else
            ask(upgrade);
        break;
    case IDEMPOTENCY_UNKNOWN:
        if (upgrade->refusal != NULL)
            keyed_refuse_unknown(upgrade_end(upgrade));
        else
            ask(upgrade);
        break;
    case IDEMPOTENCY_REPEATED:
        decided(upgrade, &(struct request_result){ .end = REQUEST_ANSWERED, .outcomes = { *outcome }, .count = 1 });
        break;
    case IDEMPOTENCY_RUNS:
    case IDEMPOTENCY_REUSED:
        upgrade->idempotent.key_id[0] = '\0'; /* it is another's */
        keyed_refuse(upgrade_end(upgrade), verdict);
        break;
    }
}

/* The caller owns it. */
static json_t *data_of(struct exchange *exchange, const char *lane, const struct upgrade_body *body,
                       const struct idempotent *idempotent)
{
    return json_pack("{s:s, s:o, s:s, s:O, s:s}", "lane", lane, "actor", visit_actor(visit_of(exchange)), "bodyHash",
                     idempotent->body_hash, "parameters", body->parameters, "version", body->version);
}

static void upgrade(struct exchange *exchange, const char *lane, enum upgrade_kind kind)
{
    const struct upgrade_rules rules = { kind, visit_of(exchange)->gateway->releases };
    struct upgrade *upgrade;
    size_t size;
    const char *bytes = exchange_body(exchange, &size);
    struct idempotent idempotent;
    struct upgrade_body body;
    struct error err = { 0 };

    if (!keyed_read(exchange, bytes, size, &idempotent))
        return;
    upgrade = calloc(1, sizeof *upgrade);
    if (upgrade == NULL)
        abort();
    upgrade->exchange = exchange;
    upgrade->lane = lane;
    upgrade->idempotent = idempotent;
    if (upgrade_body_read(bytes, size, &rules, &body, &err)) {
        upgrade->data = data_of(exchange, lane, &body, &idempotent);
        name_ids(upgrade);
        upgrade_body_release(&body);
    } else if ((upgrade->refusal = strdup(err.message)) == NULL) {
        abort();
    }
    keyed_claim(exchange, topic, &upgrade->idempotent, claimed, upgrade);
}

void handle_upgrade_kyma(struct exchange *exchange)
{
    upgrade(exchange, "kyma", UPGRADE_KYMA);
}

void handle_upgrade_cluster(struct exchange *exchange)
{
    upgrade(exchange, "cluster", UPGRADE_CLUSTER);
}
