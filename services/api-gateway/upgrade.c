/* POST /upgrade/kyma (E1): a new orchestration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/log/record.h"
#include "services/api-gateway/gateway.h"
#include "services/api-gateway/upgrade_body.h"

enum { KEY_LENGTH_MAX = 255, NAME_SIZE = 2048 };

static const char lane[] = "kyma", topic[] = "orchestrations";

struct upgrade {
    struct exchange *exchange;
    char id[UUID_SIZE]; /* of the orchestration */
    char request_id[UUID_SIZE];
    json_t *data; /* own: what the orchestrator is asked */
};

static void upgrade_free(struct upgrade *upgrade)
{
    json_decref(upgrade->data);
    free(upgrade);
}

/* --- IDs --- */

static bool key_is_well_formed(const char *key)
{
    const size_t length = strlen(key);

    for (size_t i = 0; i < length; i++)
        if (key[i] < 0x21 || key[i] > 0x7e)
            return false;
    return length >= 1 && length <= KEY_LENGTH_MAX;
}

/* With a key both IDs are derived, so that a repeat finds what the first one made; another body makes another request
 * for the same orchestration, which the orchestrator refuses. */
static void name_ids(struct upgrade *upgrade, const char *key, const char *body_hash)
{
    const struct caller *caller = &visit_of(upgrade->exchange)->caller;
    char name[NAME_SIZE];

    if (key == NULL) {
        uuid_random(upgrade->id);
        uuid_random(upgrade->request_id);
        return;
    }
    snprintf(name, sizeof name, "created\n%s\n%s\n%s\n%s\n%s", caller->issuer, caller->subject,
             exchange_method(upgrade->exchange), exchange_pattern(upgrade->exchange), key);
    uuid_derive(name, upgrade->id);
    snprintf(name, sizeof name, "request\n%s\n%s", upgrade->id, body_hash);
    uuid_derive(name, upgrade->request_id);
}

/* --- Asking --- */

static void decided(void *context, const struct request_result *result)
{
    struct upgrade *upgrade = context;

    answer_result(upgrade->exchange, result, (struct created){ "orchestrationID", upgrade->id });
    upgrade_free(upgrade);
}

static void ask(struct upgrade *upgrade)
{
    const struct visit *visit = visit_of(upgrade->exchange);
    struct error err = { 0 };

    if (request_send(visit->gateway->requests,
                     &(struct ask){ .id = upgrade->request_id,
                                    .topic = topic,
                                    .key = lane,
                                    .type = "tidegate.orchestration.upgrade.v1",
                                    .traceparent = visit->traceparent,
                                    .data = upgrade->data },
                     decided, upgrade, &err))
        return;
    answer_refused(upgrade->exchange, err.code == ERROR_INPUT ? 400 : 503, err.message);
    upgrade_free(upgrade);
}

static void looked(void *context, const struct outcome *found, size_t count)
{
    struct upgrade *upgrade = context;

    if (found != NULL && count == 1 && found[0].status != 0)
        decided(upgrade, &(struct request_result){ .end = REQUEST_ANSWERED, .outcomes = { found[0] }, .count = 1 });
    else
        ask(upgrade);
}

/* A repeat, perhaps long after, gets the answer that stands in the read model. Where that cannot be read, the
 * orchestrator recognises the repeat as well. */
static void look_first(struct upgrade *upgrade)
{
    const char *const ids[] = { upgrade->request_id };

    if (!outcomes_look(visit_of(upgrade->exchange)->gateway->pg, topic_number(topic), ids, 1, looked, upgrade, NULL))
        ask(upgrade);
}

static void begin(struct exchange *exchange, const struct upgrade_body *body, const char *key, const char *body_hash)
{
    struct upgrade *upgrade = calloc(1, sizeof *upgrade);

    if (upgrade == NULL)
        abort();
    upgrade->exchange = exchange;
    name_ids(upgrade, key, body_hash);
    upgrade->data = json_pack("{s:s, s:s, s:o, s:s, s:O, s:s}", "orchestrationID", upgrade->id, "lane", lane, "actor",
                              visit_actor(visit_of(exchange)), "bodyHash", body_hash, "parameters", body->parameters,
                              "version", body->version);
    if (key == NULL) {
        ask(upgrade);
    } else {
        json_object_set_new(upgrade->data, "keyed", json_true());
        look_first(upgrade);
    }
}

void handle_upgrade_kyma(struct exchange *exchange)
{
    const struct gateway *gateway = visit_of(exchange)->gateway;
    const struct upgrade_rules rules = { gateway->releases, gateway->kyma_version };
    const char *key = exchange_header(exchange, "Idempotency-Key");
    size_t size;
    const char *bytes = exchange_body(exchange, &size);
    struct upgrade_body body;
    struct error err = { 0 };
    char hash[SHA256_HEX_SIZE];

    if (key != NULL && !key_is_well_formed(key)) {
        answer_refused(exchange, 400, "Idempotency-Key: expected 1 to 255 visible ASCII characters");
    } else if (!upgrade_body_read(bytes, size, &rules, &body, &err)) {
        answer_refused(exchange, 400, err.message);
    } else {
        sha256_hex(bytes, size, hash);
        begin(exchange, &body, key, hash);
        upgrade_body_release(&body);
    }
}
