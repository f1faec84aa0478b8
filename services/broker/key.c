/* Claims of Idempotency-Keys: the subject of all is the key's ID, so that one partition decides who is the first. */
#include <string.h>

#include "common/json/lenient.h"
#include "services/broker/parts.h"

/* A holder that is silent for so long is taken for dead. Long against a pause of Kafka or of this service, short for a
 * client that waits to go on: what it repeats meanwhile is 409. */
enum { HOLD_MS = 10000 };

enum { STATUS_OK = 200, STATUS_BAD_REQUEST = 400, STATUS_CONFLICT = 409, STATUS_UNPROCESSABLE = 422 };
enum { KEY_SIZE_MAX = 200 };

static const char hand_on_topic[] = "runtimes", hand_on_types[] = "tidegate.runtime.";

static struct claim claim_of(const char *key_id, const json_t *data)
{
    return (struct claim){ .key_id = key_id == NULL ? "" : key_id,
                           .body_hash = json_text_of(data, "bodyHash"),
                           .holder = json_text_of(data, "holder"),
                           .until_ms = json_integer_value(json_object_get(data, "until")) };
}

static bool is_message(const json_t *message)
{
    const size_t key_length = strlen(json_text_of(message, "key"));

    return key_length > 0 && key_length <= KEY_SIZE_MAX && json_is_object(json_object_get(message, "data")) &&
           strncmp(json_text_of(message, "type"), hand_on_types, sizeof hand_on_types - 1) == 0;
}

/* What is looked at here keeps the state sound whoever sent it. */
static const char *fault_of(const struct request *request, const struct claim *claim)
{
    const json_t *message = json_object_get(request->data, "message");

    if (strlen(claim->key_id) != UUID_SIZE - 1)
        return "the subject must be the UUID of a key";
    if (strlen(claim->body_hash) != SHA256_HEX_SIZE - 1)
        return "bodyHash must be a SHA-256 in hexadecimal digits";
    if (message == NULL && strlen(claim->holder) != UUID_SIZE - 1)
        return "either message or holder, a UUID, must be there";
    if (message != NULL && (claim->holder[0] != '\0' || !is_message(message)))
        return "message must have a key, a type of runtimes and data, and there must be no holder then";
    return NULL;
}

/* As the gateway answers by itself where it knows: a client cannot tell the one from the other. */
static void refuse(const struct request *request, int status, const char *code, const char *reason,
                   struct decision *out)
{
    instance_refuse(request, status, reason, json_pack("{s:s, s:s}", "reason", code, "component", "gateway"), out);
}

static void take(const struct request *request, const struct claim *claim, const char *result, int64_t now_ms,
                 struct decision *out)
{
    json_t *data = json_pack("{s:s, s:O*, s:O*}", "bodyHash", claim->body_hash, "actor",
                             json_object_get(request->data, "actor"), "message",
                             json_object_get(request->data, "message"));

    if (claim->holder[0] != '\0') {
        json_object_set_new(data, "holder", json_string(claim->holder));
        json_object_set_new(data, "until", json_integer(now_ms + HOLD_MS));
        decision_outcome(out, STATUS_OK, json_pack("{s:s, s:i}", "result", result, "forMs", HOLD_MS));
    }
    decision_event(out, EVENT_CLAIMED, claim->key_id, data);
}

void key_decide_claim(const struct claims *claims, const struct request *request, int64_t now_ms, struct decision *out)
{
    const struct claim claim = claim_of(request->subject, request->data);
    const bool hands_on = claim.holder[0] == '\0';
    const char *fault = fault_of(request, &claim);
    enum claim_verdict verdict;

    if (fault != NULL) {
        refuse(request, STATUS_BAD_REQUEST, "err_gateway_bad_request", fault, out);
        return;
    }
    verdict = claims_judge(claims, &claim, now_ms);
    /* The same words at each repetition: of a request that is handed on the outcome has one row. */
    if (hands_on && (verdict == CLAIM_FIRST || verdict == CLAIM_RENEWED))
        decision_outcome(out, STATUS_OK, json_pack("{s:s}", "result", "claimed"));
    switch (verdict) {
    case CLAIM_FIRST: take(request, &claim, "first", now_ms, out); break;
    case CLAIM_RENEWED:
        if (!hands_on) /* else it has been handed on, and has its one outcome */
            take(request, &claim, "renewed", now_ms, out);
        break;
    case CLAIM_AGAIN: take(request, &claim, "again", now_ms, out); break;
    case CLAIM_HELD:
        refuse(request, STATUS_CONFLICT, "err_gateway_key_in_use",
               "Idempotency-Key: the first request with it has no answer yet; repeat it in a moment", out);
        break;
    case CLAIM_REUSED:
        refuse(request, STATUS_UNPROCESSABLE, "err_gateway_key_reused",
               "Idempotency-Key: it was used before, for a request with another body", out);
        break;
    }
}

/* Only the holder releases; one that was taken for dead has nothing to release. */
void key_decide_release(const struct claims *claims, const struct request *request, int64_t now_ms,
                        struct decision *out)
{
    const struct claim claim = claim_of(request->subject, request->data);

    if (claims_holds(claims, claim.key_id, claim.holder, now_ms))
        decision_event(out, EVENT_RELEASED, claim.key_id, json_pack("{s:s}", "holder", claim.holder));
    decision_outcome(out, STATUS_OK, json_pack("{s:s}", "result", "released"));
}

void key_evolve_claimed(struct claims *claims, const struct event *event, struct changes *out)
{
    const struct claim claim = claim_of(event->subject, event->data);
    char row_id[CLAIM_ROW_ID_SIZE];

    claims_put(claims, &claim, row_id);
    changes_row(out, TABLE_CLAIM, row_id);
}

void key_evolve_released(struct claims *claims, const struct event *event, struct changes *out)
{
    char row_id[CLAIM_ROW_ID_SIZE];

    if (claims_release(claims, event->subject, row_id))
        changes_row(out, TABLE_CLAIM, row_id);
}

/* With the claim, not after it: a gateway that dies in between leaves no key without a request. */
void key_react_claimed(const struct event *event, struct messages *out)
{
    const json_t *message = json_object_get(event->data, "message");

    if (message == NULL)
        return;
    messages_add(out, (struct message){ .topic = hand_on_topic,
                                        .key = json_text_of(message, "key"),
                                        .type = json_text_of(message, "type"),
                                        .data = json_incref(json_object_get(message, "data")),
                                        .hand_on = true });
}
