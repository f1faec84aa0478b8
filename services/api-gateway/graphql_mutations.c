/* What GraphQL changes: each mutation is a request to the provisioner, which checks it and decides. Here secrets are
 * sealed and IDs drawn, nothing else: what a request may say is the provisioner's business. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/log/record.h"
#include "common/secret/secret.h"
#include "services/api-gateway/graphql_call.h"
#include "services/api-gateway/idempotency.h"

enum { NAME_SIZE = 2048 }; /* all that a name is made of has its limit: but for a key's, which idempotency.h makes */

static const char topic[] = "runtimes", claim_topic[] = "instances", claim_type[] = "tidegate.instance.claim.v1";

struct mutation {
    struct gql_field *field;
    struct graphql_call *call;
    const char *type;
    void (*accepted)(struct mutation *mutation, const json_t *body); /* ends the field */
    char *runtime_id;
    struct idempotent idempotent;
    char request_id[IDEMPOTENCY_ID_SIZE];
    char operation_id[UUID_SIZE]; /* "": it begins none */
    json_t *data;                 /* own: what the provisioner is asked */
};

static struct idempotency *keys_of(const struct mutation *mutation)
{
    return requests_keys(mutation->call->visit->gateway->requests);
}

static void mutation_free(struct mutation *mutation)
{
    free(mutation->runtime_id);
    json_decref(mutation->data);
    free(mutation);
}

/* --- Answers --- */

static void give_operation(struct mutation *mutation, const json_t *body)
{
    gql_field_value(mutation->field, json_incref((json_t *)(uintptr_t)body));
}

static void give_operation_id(struct mutation *mutation, const json_t *body)
{
    json_t *id = json_object_get(body, "id");

    gql_field_value(mutation->field, json_incref(id));
}

static void give_runtime(struct mutation *mutation, const json_t *body)
{
    (void)body;
    call_give_runtime_status(mutation->call, mutation->field, mutation->runtime_id);
}

static void give_refusal(struct mutation *mutation, const struct outcome *outcome)
{
    const char *message = json_string_value(json_object_get(outcome->body, "error"));

    call_fail(mutation->call, mutation->field,
              (struct graphql_failure){ .code = outcome->status,
                                        .reason = json_string_value(json_object_get(outcome->body, "reason")),
                                        .component = json_string_value(json_object_get(outcome->body, "component")) },
              message != NULL ? message : "refused without a reason");
}

static void give_nothing(struct mutation *mutation, int code, const char *message)
{
    mutation->call->is_stuck = true;
    call_fail(mutation->call, mutation->field, (struct graphql_failure){ code, "err_gateway_unavailable", "gateway" },
              message);
}

/* Before the answer: the key is free as soon as the client can know it. */
static void decided(void *context, const struct request_result *result)
{
    struct mutation *mutation = context;
    const struct outcome *outcome = &result->outcomes[result->count > 0 ? result->count - 1 : 0];

    idempotency_release(keys_of(mutation), &mutation->idempotent);
    switch (result->end) {
    case REQUEST_ANSWERED:
        if (outcome->status < 400)
            mutation->accepted(mutation, outcome->body);
        else
            give_refusal(mutation, outcome);
        break;
    case REQUEST_NOT_WRITTEN:
        give_nothing(mutation, 503, "the request was not accepted: Kafka does not answer; try again");
        break;
    case REQUEST_UNKNOWN:
        give_nothing(mutation, 504, "outcome unknown: read the runtime's status before a repeat");
        break;
    }
    mutation_free(mutation);
}

/* --- Asking --- */

/* With a key the broker hands the request on to the provisioner, if it is the first one with the key: mutations of
 * several runtimes can come with it in one moment, and no partition of runtimes sees them all. The caller owns it. */
static json_t *claim_of(const struct mutation *mutation)
{
    return json_pack("{s:s, s:O, s:{s:s, s:s, s:O}}", "bodyHash", mutation->idempotent.body_hash, "actor",
                     json_object_get(mutation->data, "actor"), "message", "key", mutation->runtime_id, "type",
                     mutation->type, "data", mutation->data);
}

static bool send_request(struct mutation *mutation, struct error *err)
{
    const struct visit *visit = mutation->call->visit;
    const bool keyed = mutation->idempotent.key_id[0] != '\0';
    json_t *data = keyed ? claim_of(mutation) : json_incref(mutation->data);
    const bool sent = request_send(visit->gateway->requests,
                                   &(struct ask){ .id = mutation->request_id,
                                                  .topic = keyed ? claim_topic : topic,
                                                  .key = keyed ? mutation->idempotent.key_id : mutation->runtime_id,
                                                  .type = keyed ? claim_type : mutation->type,
                                                  .traceparent = visit->traceparent,
                                                  .data = data,
                                                  .then = keyed ? topic : NULL },
                                   decided, mutation, err);

    json_decref(data);
    return sent;
}

static void ask(struct mutation *mutation)
{
    struct error err = { 0 };

    if (send_request(mutation, &err))
        return;
    idempotency_release(keys_of(mutation), &mutation->idempotent);
    if (err.code == ERROR_INPUT)
        call_fail(mutation->call, mutation->field,
                  (struct graphql_failure){ 400, "err_gateway_bad_request", "gateway" }, err.message);
    else
        give_nothing(mutation, 503, err.message);
    mutation_free(mutation);
}

/* Where the rows cannot be read, the broker knows the key. */
static void claimed(void *context, enum idempotency_verdict verdict, const struct outcome *outcome)
{
    struct mutation *mutation = context;

    switch (verdict) {
    case IDEMPOTENCY_NEW:
    case IDEMPOTENCY_UNKNOWN: ask(mutation); break;
    case IDEMPOTENCY_REPEATED:
        decided(mutation, &(struct request_result){ .end = REQUEST_ANSWERED, .outcomes = { *outcome }, .count = 1 });
        break;
    case IDEMPOTENCY_RUNS:
    case IDEMPOTENCY_REUSED:
        call_fail(mutation->call, mutation->field,
                  (struct graphql_failure){
                      idempotency_status(verdict),
                      verdict == IDEMPOTENCY_RUNS ? "err_gateway_key_in_use" : "err_gateway_key_reused", "gateway" },
                  idempotency_text(verdict));
        mutation_free(mutation);
        break;
    }
}

/* With a key a repeat, perhaps long after, is answered as the first one was. */
static void send_mutation(struct mutation *mutation)
{
    struct gateway *gateway = mutation->call->visit->gateway;

    if (mutation->call->key == NULL)
        ask(mutation);
    else
        idempotency_claim(requests_keys(gateway->requests), gateway->pg, topic_number(topic), &mutation->idempotent,
                          claimed, mutation);
}

/* --- Making a request --- */

/* All that is asked: another type, runtime or argument is another body for a key. */
static void hash_asked(struct mutation *mutation)
{
    json_t *asked = json_pack("{s:s, s:s, s:O}", "type", mutation->type, "runtime",
                              mutation->runtime_id != NULL ? mutation->runtime_id : "", "data", mutation->data);
    char *text = json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL)
        abort();
    sha256_hex(text, strlen(text), mutation->idempotent.body_hash);
    free(text);
    json_decref(asked);
}

/* A key is one of the tenant and of the place among the document's mutations, for they are requests of their own. */
static void derive_ids(struct mutation *mutation, bool has_operation)
{
    const struct graphql_call *call = mutation->call;
    const struct caller *caller = &call->visit->caller;
    char name[NAME_SIZE];

    hash_asked(mutation);
    snprintf(name, sizeof name, "%s\n%zu", call->tenant, call->mutations);
    idempotency_key_id(
        &(struct idempotency_scope){
            .issuer = caller->issuer, .subject = caller->subject, .method = "graphql", .path = name, .key = call->key },
        mutation->idempotent.key_id);
    idempotency_request_id(&mutation->idempotent, 0, mutation->request_id);
    snprintf(name, sizeof name, "operation\n%s", mutation->request_id);
    if (has_operation)
        uuid_derive(name, mutation->operation_id);
}

static void make_runtime_id(struct mutation *mutation)
{
    char id[UUID_SIZE], name[UUID_SIZE + 32];

    /* Of the key alone: where two bodies come with it at once, by way of two gateways, only one can have the runtime. */
    snprintf(name, sizeof name, "runtime\n%s", mutation->idempotent.key_id);
    if (mutation->call->key != NULL)
        uuid_derive(name, id);
    else
        uuid_random(id);
    mutation->runtime_id = strdup(id);
    if (mutation->runtime_id == NULL)
        abort();
}

static void make_ids(struct mutation *mutation, bool has_operation)
{
    if (mutation->call->key != NULL) {
        derive_ids(mutation, has_operation);
    } else {
        uuid_random(mutation->request_id);
        if (has_operation)
            uuid_random(mutation->operation_id);
    }
    if (mutation->runtime_id == NULL)
        make_runtime_id(mutation);
}

struct kind {
    const char *type;
    void (*accepted)(struct mutation *mutation, const json_t *body);
    bool has_no_operation;
};

/* `members` (own) go beside tenant and actor. `runtime_id` NULL: of a new runtime. */
static void begin(struct graphql_call *call, struct gql_field *field, struct kind kind, const char *runtime_id,
                  json_t *members)
{
    struct mutation *mutation = calloc(1, sizeof *mutation);

    if (mutation == NULL)
        abort();
    call->mutations++;
    mutation->field = field;
    mutation->call = call;
    mutation->type = kind.type;
    mutation->accepted = kind.accepted;
    mutation->data = members;
    mutation->runtime_id = runtime_id != NULL ? strdup(runtime_id) : NULL;
    if (runtime_id != NULL && mutation->runtime_id == NULL)
        abort();
    json_object_set_new(members, "tenant", json_string(call->tenant));
    make_ids(mutation, !kind.has_no_operation);
    if (mutation->operation_id[0] != '\0')
        json_object_set_new(members, "operationID", json_string(mutation->operation_id));
    json_object_set_new(members, "actor", visit_actor(call->visit)); /* who asks again may show another token */
    send_mutation(mutation);
}

/* Does a text have a NUL in it? No table takes one. The depth has a limit, of documents and of variables. */
static bool has_nul(const json_t *value)
{
    const char *name;
    json_t *part;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)value, name, part)
        if (has_nul(part))
            return true;
    json_array_foreach(value, i, part)
        if (has_nul(part))
            return true;
    return json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value);
}

/* False: the field has failed. */
static bool may_change(struct graphql_call *call, struct gql_field *field)
{
    call_note(call, field);
    /* Each would wait as long as the first: nobody waits for an answer that long. */
    if (call->is_stuck) {
        call_fail(call, field, (struct graphql_failure){ 503, "err_gateway_unavailable", "gateway" },
                  "not tried, as an earlier mutation of the document has no outcome");
        return false;
    }
    if (call->visit->caller.admin && has_nul(gql_field_arguments(field))) {
        call_fail(call, field, (struct graphql_failure){ 400, "err_gateway_bad_request", "gateway" },
                  "a text has the character U+0000, which cannot be stored");
        return false;
    }
    if (call->visit->caller.admin)
        return true;
    call_fail(call, field, (struct graphql_failure){ 403, "err_gateway_forbidden", "gateway" },
              "the caller is not in the group of administrators");
    return false;
}

/* The runtime's ID, where it could be one; NULL: the field has failed, as it would at the provisioner. */
static const char *take_id(struct graphql_call *call, struct gql_field *field)
{
    const char *id = json_string_value(json_object_get(gql_field_arguments(field), "id"));

    if (!may_change(call, field))
        return NULL;
    if (call_id_is_plausible(id))
        return id;
    if (call->tenant[0] == '\0')
        call_fail_tenant(call, field);
    else
        call_fail_unknown(call, field, "runtime", id);
    return NULL;
}

/* The Kyma configuration as it may be stored. NULL: the field has failed. */
static json_t *seal(struct graphql_call *call, struct gql_field *field, const json_t *config)
{
    struct error err = { 0 };
    json_t *sealed = secret_seal_configuration(call->graphql->gateway->secrets, call->tenant, config, &err);

    if (sealed == NULL)
        call_fail(call, field, (struct graphql_failure){ 400, "err_gateway_bad_request", "gateway" }, err.message);
    return sealed;
}

/* --- Resolvers --- */

void resolve_provision(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const json_t *config = json_object_get(gql_field_arguments(field), "config");
    const json_t *kyma = json_object_get(config, "kymaConfig");
    json_t *input, *sealed;

    if (!may_change(call, field))
        return;
    sealed = seal(call, field, kyma);
    if (sealed == NULL)
        return;
    input = json_copy((json_t *)(uintptr_t)config);
    if (kyma != NULL)
        json_object_set(input, "kymaConfig", sealed);
    json_decref(sealed);
    begin(call, field, (struct kind){ "tidegate.runtime.provision.v1", give_operation, false }, NULL,
          json_pack("{s:o, s:s}", "input", input, "subAccount", call->sub_account));
}

void resolve_upgrade(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const char *id = take_id(call, field);
    const json_t *config = json_object_get(gql_field_arguments(field), "config");
    json_t *sealed = id != NULL ? seal(call, field, json_object_get(config, "kymaConfig")) : NULL;

    if (sealed != NULL)
        begin(call, field, (struct kind){ "tidegate.runtime.upgradeKyma.v1", give_operation, false }, id,
              json_pack("{s:o}", "kymaConfig", sealed));
}

void resolve_upgrade_shoot(struct gql_field *field, void *context)
{
    struct graphql_call *call = context;
    const char *id = take_id(call, field);
    const json_t *config = json_object_get(gql_field_arguments(field), "config");

    /* What was left out stays out: it means "keep". */
    if (id != NULL)
        begin(call, field, (struct kind){ "tidegate.runtime.upgradeShoot.v1", give_operation, false }, id,
              json_copy((json_t *)(uintptr_t)config));
}

static void begin_plain(struct graphql_call *call, struct gql_field *field, struct kind kind)
{
    const char *id = take_id(call, field);

    if (id != NULL)
        begin(call, field, kind, id, json_object());
}

void resolve_hibernate(struct gql_field *field, void *context)
{
    begin_plain(context, field, (struct kind){ "tidegate.runtime.hibernate.v1", give_operation, false });
}

void resolve_deprovision(struct gql_field *field, void *context)
{
    begin_plain(context, field, (struct kind){ "tidegate.runtime.deprovision.v1", give_operation_id, false });
}

void resolve_roll_back(struct gql_field *field, void *context)
{
    begin_plain(context, field, (struct kind){ "tidegate.runtime.rollBack.v1", give_runtime, true });
}

/* Kept for those who call it: it has nothing to do. */
void resolve_reconnect(struct gql_field *field, void *context)
{
    if (may_change(context, field))
        gql_field_value(field, json_string(""));
}
