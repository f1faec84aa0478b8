#include "services/broker/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "services/broker/fleet.h"
#include "services/broker/match.h"
#include "services/broker/parts.h"
#include "services/broker/row.h"

static const char *const request_types[] = {
    [REQUEST_IMPORT] = "tidegate.instance.import.v1",
    [REQUEST_MATCH] = "tidegate.instance.match.v1",
    [REQUEST_REPORT] = "tidegate.instance.report.v1",
    [REQUEST_REFUSE] = "tidegate.instance.refuse.v1",
    [REQUEST_CLAIM] = "tidegate.instance.claim.v1",
    [REQUEST_RELEASE] = "tidegate.instance.release.v1",
    NULL,
};

static const char *const event_types[] = {
    [EVENT_IMPORTED] = "tidegate.instance.imported.v1",
    [EVENT_CONFIRMED] = "tidegate.instance.confirmed.v1",
    [EVENT_MATCHED] = "tidegate.instance.matched.v1",
    [EVENT_REPORTED] = "tidegate.instance.reported.v1",
    [EVENT_REFUSED] = "tidegate.instance.refused.v1",
    [EVENT_REJECTED] = "tidegate.instance.rejected.v1",
    [EVENT_CLAIMED] = "tidegate.instance.claimed.v1",
    [EVENT_RELEASED] = "tidegate.instance.released.v1",
    NULL,
};

static const struct core_table tables[] = {
    [TABLE_INSTANCE] = { .name = "instance", .aggregate = "instance_id", .live = "true" },
    [TABLE_PLACE] = { .name = "place" }, /* for readers alone: an instance's row says it all */
    [TABLE_BLOCK] = { .name = "block", .live = "true" },
    [TABLE_CLAIM] = { .name = "claim", .live = "true" },
};

enum { STATUS_OK = 200, STATUS_BAD_REQUEST = 400, STATUS_CONFLICT = 409 };
enum { ID_SIZE_MAX = 200 };

/* A refused instance counts as not there: no report can be about it, and any line may make it anew. */
static const struct instance *find_known(const struct fleet *fleet, const char *instance_id)
{
    const struct instance *instance = instance_id == NULL ? NULL : fleet_find(fleet, instance_id);

    return instance == NULL || instance->refused ? NULL : instance;
}

/* Leaves the refusal in the log, with who asked and why. */
static void reject(const struct request *request, const char *reason, struct decision *out)
{
    json_t *data = json_pack("{s:s, s:s}", "request", request_types[request->type], "reason", reason);
    json_t *actor = json_object_get(request->data, "actor");

    if (actor != NULL)
        json_object_set(data, "actor", actor);
    decision_event(out, EVENT_REJECTED, request->subject, data);
}

void instance_refuse(const struct request *request, int status, const char *reason, json_t *body, struct decision *out)
{
    json_t *outcome = body == NULL ? json_object() : body;

    reject(request, reason, out);
    json_object_set_new(outcome, "error", json_string(reason));
    decision_outcome(out, status, outcome);
}

/* What has happened to `instance` shows in its row; where it was in other lists before, in theirs as well. */
static void show(const struct fleet *fleet, const struct instance *instance, struct listing was, struct changes *out)
{
    struct listing is = instance_listing(instance);
    char block[BLOCK_ID_SIZE];

    changes_row(out, TABLE_INSTANCE, instance->id);
    if (is.listed == was.listed && is.shown == was.shown)
        return;
    places_count(fleet_places(fleet), instance->position, was, is);
    block_id(instance->position, block);
    changes_row(out, TABLE_PLACE, instance->id);
    changes_row(out, TABLE_BLOCK, block);
}

/* --- Import --- */

static void refuse_import(const struct request *request, int status, const char *reason, struct decision *out)
{
    instance_refuse(request, status, reason, NULL, out);
}

/* The same for every order of members and every spacing. */
static void line_hash(const json_t *line, char hash[SHA256_HEX_SIZE])
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS);

    if (text == NULL)
        abort(); /* it came out of a JSON text: only memory can lack */
    sha256_hex(text, strlen(text), hash);
    free(text);
}

static struct instance_line line_of(const json_t *line, const char *hash)
{
    return (struct instance_line){ .instance_id = json_text_of(line, "instanceID"),
                                   .runtime_id = json_text_of(line, "runtimeID"),
                                   .global_account = json_text_of(line, "globalAccount"),
                                   .sub_account = json_text_of(line, "subAccount"),
                                   .plan = json_text_of(line, "planName"),
                                   .region = json_text_of(line, "region"),
                                   .shoot = json_text_of(line, "shootName"),
                                   .window_begin = json_text_of(line, "maintenanceWindowBegin"),
                                   .window_end = json_text_of(line, "maintenanceWindowEnd"),
                                   .version = json_text_of(line, "kymaVersion"),
                                   .hash = hash };
}

/* The gateway checks a line's shape; what is looked at here keeps the state sound whoever sent it. */
static const char *line_fault(const struct request *request, const struct instance_line *line)
{
    if (*line->instance_id == '\0' || strlen(line->instance_id) > ID_SIZE_MAX)
        return "instanceID must be a string of 1 to 200 bytes";
    if (request->subject == NULL || strcmp(line->instance_id, request->subject) != 0)
        return "instanceID must be the subject of the request";
    if (*line->runtime_id == '\0' || strlen(line->runtime_id) > ID_SIZE_MAX)
        return "runtimeID must be a string of 1 to 200 bytes";
    if (strlen(line->global_account) > ID_SIZE_MAX)
        return "globalAccount must be a string of at most 200 bytes";
    return NULL;
}

/* An instance never changes its runtime or its owner: a mix-up in the file must not move a customer's runtime. */
static bool is_conflict(const struct instance *instance, const struct instance_line *line, char *reason, size_t size)
{
    if (strcmp(instance->runtime_id, line->runtime_id) != 0)
        snprintf(reason, size, "instance %s exists with runtimeID %s, not %s", instance->id, instance->runtime_id,
                 line->runtime_id);
    else if (strcmp(instance->global_account, line->global_account) != 0)
        snprintf(reason, size, "instance %s exists with globalAccount %s, not %s", instance->id,
                 instance->global_account, line->global_account);
    else
        return false;
    return true;
}

static void decide_import(const struct fleet *fleet, const struct request *request, struct decision *out)
{
    json_t *json = json_object_get(request->data, "line"), *data;
    char hash[SHA256_HEX_SIZE] = "", reason[1024];
    struct instance_line line = line_of(json, hash);
    const char *fault = line_fault(request, &line);
    const struct instance *instance;
    bool same;

    if (fault != NULL) {
        refuse_import(request, STATUS_BAD_REQUEST, fault, out);
        return;
    }
    instance = find_known(fleet, line.instance_id);
    if (instance != NULL && is_conflict(instance, &line, reason, sizeof reason)) {
        refuse_import(request, STATUS_CONFLICT, reason, out);
        return;
    }
    line_hash(json, hash);
    same = instance != NULL && strcmp(instance->line_hash, hash) == 0;
    data = json_pack("{s:O, s:s}", "line", json, "hash", hash);
    json_object_set(data, "actor", json_object_get(request->data, "actor"));
    decision_event(out, same ? EVENT_CONFIRMED : EVENT_IMPORTED, line.instance_id, data);
    decision_outcome(out, STATUS_OK, json_pack("{s:s}", "result", same ? "unchanged" : "imported"));
}

static void evolve_imported(struct fleet *fleet, const struct event *event, struct changes *out)
{
    const char *hash = json_text_of(event->data, "hash");
    struct instance_line line = line_of(json_object_get(event->data, "line"), hash);
    const struct instance *known = find_known(fleet, line.instance_id);
    struct listing was = known == NULL ? (struct listing){ 0 } : instance_listing(known);
    struct instance *instance = fleet_put(fleet, &line);

    if (known == NULL) {
        struct place place = places_take(fleet_places(fleet), event->time_ms);

        instance->position = place.position;
        instance->created_us = place.created_us;
    }
    instance->refused = false;
    instance->updated_ms = event->time_ms;
    show(fleet, instance, was, out);
}

/* The line goes on whole even where nothing changed: the client waits until the provisioner has it as well. */
static void react_imported(const struct event *event, struct messages *out)
{
    json_t *line = json_object_get(event->data, "line");

    messages_add(out, (struct message){
                          .topic = "runtimes",
                          .key = json_string_value(json_object_get(line, "runtimeID")),
                          .type = "tidegate.runtime.register.v1",
                          .data = json_pack("{s:O, s:s}", "line", line, "hash", json_text_of(event->data, "hash")),
                          .hand_on = true });
}

/* --- Reports --- */

static bool state_of(const char *name, enum operation_state *state)
{
    static const struct {
        const char *name;
        enum operation_state state;
    } states[] = {
        { "in progress", OPERATION_IN_PROGRESS },
        { "succeeded", OPERATION_SUCCEEDED },
        { "failed", OPERATION_FAILED },
    };

    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].name, name) == 0) {
            *state = states[i].state;
            return true;
        }
    }
    return false;
}

/* Reads `data.operation`; its strings are borrowed. False: it is none that a report can carry. */
static bool operation_of(const json_t *data, struct operation *operation)
{
    const json_t *json = json_object_get(data, "operation");
    const char *type = json_text_of(json, "type");

    *operation = (struct operation){ .id = json_text_of(json, "operationID"),
                                     .orchestration_id = json_text_of(json, "orchestrationID"),
                                     .description = json_text_of(json, "description"),
                                     .created_ms = json_integer_value(json_object_get(json, "createdAt")),
                                     .updated_ms = json_integer_value(json_object_get(json, "updatedAt")) };
    if (strcmp(type, "upgradeKyma") == 0)
        operation->type = OPERATION_UPGRADE_KYMA;
    else if (strcmp(type, "upgradeCluster") == 0)
        operation->type = OPERATION_UPGRADE_CLUSTER;
    else if (strcmp(type, "deprovision") == 0)
        operation->type = OPERATION_DEPROVISION;
    else
        return false;
    return *operation->id != '\0' && operation->created_ms > 0 && operation->updated_ms > 0 &&
           state_of(json_text_of(json, "state"), &operation->state);
}

static void decide_report(const struct fleet *fleet, const struct request *request, struct decision *out)
{
    const struct instance *instance = find_known(fleet, request->subject);
    struct operation operation;

    if (!operation_of(request->data, &operation)) {
        reject(request, "the report has no operation with operationID, type, state, createdAt and updatedAt", out);
        return;
    }
    if (instance == NULL) {
        reject(request, "there is no such instance", out);
        return;
    }
    if (instance_learns(instance, &operation))
        decision_event(out, EVENT_REPORTED, request->subject,
                       json_pack("{s:O}", "operation", json_object_get(request->data, "operation")));
}

static void evolve_reported(struct fleet *fleet, const struct event *event, struct changes *out)
{
    struct instance *instance = fleet_find(fleet, event->subject);
    struct operation operation;
    struct listing was;

    if (instance == NULL || !operation_of(event->data, &operation))
        return;
    was = instance_listing(instance);
    instance_learn(fleet, instance, &operation, json_text_of(json_object_get(event->data, "operation"), "kymaVersion"));
    instance->updated_ms = event->time_ms;
    show(fleet, instance, was, out);
}

/* --- Refusals --- */

/* Does the refusal of the line with `hash` mean what is known of `instance`? A line imported since has an answer of its
 * own, and only what the provisioner has taken can have operations. */
static bool is_refusable(const struct instance *instance, const char *runtime_id, const char *hash)
{
    for (int kind = 0; kind < UPGRADE_KINDS; kind++)
        if (instance->upgrades[kind].kept[0] != NULL)
            return false;
    return strcmp(instance->runtime_id, runtime_id) == 0 && strcmp(instance->line_hash, hash) == 0 &&
           instance->deprovision == NULL;
}

/* The provisioner tells only of instances that it does not have; those that it has stay as they are, whatever a later
 * line says. */
static void decide_refuse(const struct fleet *fleet, const struct request *request, struct decision *out)
{
    const char *runtime_id = json_text_of(request->data, "runtimeID"), *hash = json_text_of(request->data, "hash");
    const char *reason = json_text_of(request->data, "reason");
    const struct instance *instance = request->subject == NULL ? NULL : fleet_find(fleet, request->subject);

    if (*runtime_id == '\0' || *hash == '\0' || *reason == '\0')
        reject(request, "a refusal needs runtimeID, hash and reason", out);
    else if (instance == NULL)
        reject(request, "there is no such instance", out);
    else if (!instance->refused && is_refusable(instance, runtime_id, hash))
        decision_event(out, EVENT_REFUSED, instance->id,
                       json_pack("{s:s, s:s}", "runtimeID", runtime_id, "reason", reason));
}

static void evolve_refused(struct fleet *fleet, const struct event *event, struct changes *out)
{
    struct instance *instance = fleet_find(fleet, event->subject);
    struct listing was;

    if (instance == NULL)
        return;
    was = instance_listing(instance);
    instance->refused = true;
    instance->updated_ms = event->time_ms;
    show(fleet, instance, was, out);
}

/* --- Matching --- */

static void decide_match(const struct fleet *fleet, const struct request *request, struct decision *out)
{
    json_t *chunk = match_chunk(fleet, request->data);

    if (chunk == NULL)
        reject(request, "a match needs orchestrationID and lane", out);
    else
        decision_event(out, EVENT_MATCHED, json_string_value(json_object_get(chunk, "orchestrationID")), chunk);
}

/* --- The core --- */

static void *state_new(const void *settings, int partition)
{
    (void)settings;
    return fleet_new(partition);
}

static void state_free(void *state)
{
    fleet_free(state);
}

/* All instances are live, so that selectors can be matched: nothing ever needs loading. */
static void needs(const struct request *request, struct names *out)
{
    (void)request;
    (void)out;
}

static void event_needs(const struct event *event, struct names *out)
{
    (void)event;
    (void)out;
}

static bool holds(const void *state, const char *aggregate)
{
    return fleet_find(state, aggregate) != NULL;
}

static void evict(void *state, const char *aggregate)
{
    fleet_remove(state, aggregate);
}

static void load(void *state, int table, const json_t *row)
{
    if (table == TABLE_INSTANCE)
        row_load(state, row);
    else if (table == TABLE_BLOCK)
        block_load(fleet_places(state), row);
    else if (table == TABLE_CLAIM)
        claim_load(fleet_claims(state), row);
}

static void decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    switch ((enum request_type)request->type) {
    case REQUEST_IMPORT: decide_import(state, request, out); break;
    case REQUEST_MATCH: decide_match(state, request, out); break;
    case REQUEST_REPORT: decide_report(state, request, out); break;
    case REQUEST_REFUSE: decide_refuse(state, request, out); break;
    case REQUEST_CLAIM: key_decide_claim(fleet_claims(state), request, now_ms, out); break;
    case REQUEST_RELEASE: key_decide_release(fleet_claims(state), request, now_ms, out); break;
    }
}

static void evolve(void *state, const struct event *event, struct changes *out)
{
    switch ((enum event_type)event->type) {
    case EVENT_IMPORTED: evolve_imported(state, event, out); break;
    case EVENT_REPORTED: evolve_reported(state, event, out); break;
    case EVENT_REFUSED: evolve_refused(state, event, out); break;
    case EVENT_CLAIMED: key_evolve_claimed(fleet_claims(state), event, out); break;
    case EVENT_RELEASED: key_evolve_released(fleet_claims(state), event, out); break;
    case EVENT_CONFIRMED:
    case EVENT_MATCHED:
    case EVENT_REJECTED: break; /* kept for the audit; the state stays as it was */
    }
}

static void react(const void *state, const struct event *event, struct messages *out)
{
    switch ((enum event_type)event->type) {
    case EVENT_IMPORTED:
    case EVENT_CONFIRMED: react_imported(event, out); break;
    case EVENT_MATCHED: match_react(state, event, out); break;
    case EVENT_CLAIMED: key_react_claimed(event, out); break;
    case EVENT_REPORTED:
    case EVENT_RELEASED:
    case EVENT_REFUSED:
    case EVENT_REJECTED: break;
    }
}

static json_t *row(const void *state, int table, const char *id)
{
    const struct instance *instance;

    if (table == TABLE_BLOCK)
        return block_row(fleet_places(state), id);
    if (table == TABLE_CLAIM)
        return claim_row(fleet_claims(state), id);
    instance = fleet_find(state, id);
    if (instance == NULL)
        return NULL;
    return table == TABLE_PLACE ? place_row(instance) : row_of(instance);
}

const struct core instance_core = {
    .aggregate = "instance",
    .topic = "instances",
    .source = "/tidegate/broker",
    .fold_version = 3,
    .request_types = request_types,
    .event_types = event_types,
    .rejected = EVENT_REJECTED,
    .wake = -1,
    .tables = tables,
    .table_count = sizeof tables / sizeof *tables,
    .state_new = state_new,
    .state_free = state_free,
    .needs = needs,
    .event_needs = event_needs,
    .holds = holds,
    .live = holds,
    .evict = evict,
    .load = load,
    .decide = decide,
    .evolve = evolve,
    .react = react,
    .row = row,
};
