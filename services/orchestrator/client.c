/* What a client asks of the whole: a new orchestration, and a cancel. */
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"
#include "common/release/release.h"
#include "services/orchestrator/decide.h"

void reason_format(char out[REASON_SIZE], const char *format, ...)
{
    va_list list;

    va_start(list, format);
    text_vformat(out, REASON_SIZE, format, list);
    va_end(list);
}

/* --- The client's requests --- */

json_t *orchestration_actor(const struct request *request)
{
    json_t *actor = json_object_get(request->data, "actor");

    return actor == NULL ? json_null() : json_incref(actor);
}

void orchestration_refuse(const struct request *request, const char *id, int status, struct decision *out,
                          const char *format, ...)
{
    char reason[REASON_SIZE];
    va_list list;

    va_start(list, format);
    text_vformat(reason, sizeof reason, format, list);
    va_end(list);
    decision_event(out, EVENT_REJECTED, id,
                   json_pack("{s:s, s:o, s:s, s:i}", "request", orchestration_core.request_types[request->type],
                             "actor", orchestration_actor(request), "reason", reason, "status", status));
    decision_outcome(out, status, json_pack("{s:s}", "error", reason));
}

static void repeat(const struct request *request, const char *id, int status, struct decision *out)
{
    decision_event(out, EVENT_REPEATED, id,
                   json_pack("{s:s, s:o, s:i}", "request", orchestration_core.request_types[request->type], "actor",
                             orchestration_actor(request), "status", status));
    decision_outcome(out, status, json_pack("{s:s}", "orchestrationID", id));
}

static const json_t *member(const json_t *object, const char *first, const char *second)
{
    return json_object_get(json_object_get(object, first), second);
}

/* 1 at least; as many as there can be operations are as good as any number above. */
static json_int_t bounded(const json_t *number)
{
    json_int_t value = json_integer_value(number);

    return value < 1 ? 1 : value > ORCHESTRATION_OPERATIONS_MAX ? ORCHESTRATION_OPERATIONS_MAX : value;
}

/* Everything that decides later stands in the event, taken out of the parameters once. */
static void accept(const struct request *request, const char *id, const char *version, struct decision *out)
{
    json_t *parameters = json_object_get(request->data, "parameters");
    const char *schedule = json_string_value(member(parameters, "strategy", "schedule"));
    const json_t *workers = json_object_get(member(parameters, "strategy", "parallel"), "workers");
    const json_t *max_failures = member(parameters, "strategy", "maxFailures");
    bool windows = schedule != NULL && strcmp(schedule, "maintenanceWindow") == 0;
    json_t *data = json_pack("{s:s, s:o, s:s, s:O?, s:s, s:I, s:b, s:s}", "lane", data_text(request->data, "lane"),
                             "actor", orchestration_actor(request), "bodyHash", data_text(request->data, "bodyHash"),
                             "parameters", parameters, "version", version, "workers", bounded(workers), "dryRun",
                             json_is_true(json_object_get(parameters, "dryRun")), "schedule",
                             windows ? "maintenanceWindow" : "immediate");

    if (json_is_integer(max_failures))
        json_object_set_new(data, "maxFailures", json_integer(bounded(max_failures)));
    decision_event(out, EVENT_ACCEPTED, id, data);
    decision_outcome(out, 202, json_pack("{s:s}", "orchestrationID", id));
}

/* The version of Kyma that will be sent to most; "" where the lane upgrades something else. What the request itself names
 * counts; where it names none, it is decided again when all targets are in. */
static const char *version_to_send(const struct state *state, const struct request *request)
{
    const struct lane_type *lane = lane_type_find(data_text(request->data, "lane"));
    const char *asked = data_text(member(request->data, "parameters", "kyma"), "version");

    if (lane == NULL || lane->cluster)
        return "";
    return asked[0] == '\0' ? state_kyma_version(state) : asked;
}

void orchestration_decide_upgrade(const struct state *state, const struct request *request, struct decision *out)
{
    const char *id = data_text(request->data, "orchestrationID"), *lane = data_text(request->data, "lane");
    const char *version = version_to_send(state, request);
    const struct orchestration *known = orchestration_find(state, id);
    struct error why;

    if (known != NULL && strcmp(known->body_hash, data_text(request->data, "bodyHash")) == 0) {
        repeat(request, id, 202, out);
    } else if (known != NULL) {
        orchestration_refuse(request, id, 422, out,
                             "while creating orchestration: the Idempotency-Key was used before, for a "
                             "request with another body");
    } else if (id[0] == '\0') {
        orchestration_refuse(request, request->subject, 400, out,
                             "while creating orchestration: orchestrationID is missing");
    } else if (strlen(id) >= UUID_SIZE) {
        orchestration_refuse(request, id, 400, out,
                             "while creating orchestration: %s is too long for an orchestrationID", id);
    } else if (lane_type_find(lane) == NULL) {
        orchestration_refuse(request, id, 400, out, "while creating orchestration: there is no lane %s", lane);
    } else if (version[0] != '\0' && !state_releases_usable(state, &why)) {
        orchestration_refuse(request, id, 500, out, "while validating kyma version: %s", why.message);
    } else if (version[0] != '\0' && releases_configuration(state_releases(state), version) == NULL) {
        orchestration_refuse(request, id, 400, out,
                             "while validating kyma version: there is no release %s; there are: %s", version,
                             releases_list(state_releases(state)));
    } else {
        accept(request, id, version, out);
    }
}

void orchestration_decide_cancel(const struct state *state, const struct request *request, struct decision *out)
{
    const char *id = data_text(request->data, "orchestrationID");
    const struct orchestration *orchestration = orchestration_find(state, id);

    if (orchestration == NULL) {
        orchestration_refuse(
            request, id, 404, out,
            "while canceling orchestration %s: while getting orchestration: orchestration %s not found", id, id);
        return;
    }
    if (orchestration_finished(orchestration) || orchestration->state == ORCHESTRATION_CANCELING) {
        repeat(request, id, 200, out);
        return;
    }
    decision_event(out, EVENT_HALTED, id, json_pack("{s:o}", "actor", orchestration_actor(request)));
    if (orchestration_running(orchestration) == 0)
        decision_event(out, EVENT_CANCELED, id, NULL);
    decision_outcome(out, 200, json_pack("{s:s}", "orchestrationID", id));
}
