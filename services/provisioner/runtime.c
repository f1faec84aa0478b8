#include "services/provisioner/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "services/provisioner/calls.h"
#include "services/provisioner/decide.h"
#include "services/provisioner/evolve.h"
#include "services/provisioner/rows.h"

static const char *const request_types[] = {
    [REQUEST_REGISTER] = "tidegate.runtime.register.v1",
    [REQUEST_CONFIGURE] = "tidegate.runtime.configure.v1",
    [REQUEST_UPGRADE] = "tidegate.runtime.upgrade.v1",
    [REQUEST_DEPROVISION] = "tidegate.runtime.deprovision.v1",
    [REQUEST_PROGRESS] = "tidegate.runtime.progress.v1",
    [REQUEST_WAKE] = "tidegate.runtime.wake.v1",
    [REQUEST_PROVISION] = "tidegate.runtime.provision.v1",
    [REQUEST_UPGRADE_KYMA] = "tidegate.runtime.upgradeKyma.v1",
    [REQUEST_UPGRADE_SHOOT] = "tidegate.runtime.upgradeShoot.v1",
    [REQUEST_HIBERNATE] = "tidegate.runtime.hibernate.v1",
    [REQUEST_ROLL_BACK] = "tidegate.runtime.rollBack.v1",
    NULL,
};

static const char *const event_types[] = {
    [EVENT_REGISTERED] = "tidegate.runtime.registered.v1", [EVENT_CHANGED] = "tidegate.runtime.changed.v1",
    [EVENT_CONFIRMED] = "tidegate.runtime.confirmed.v1",   [EVENT_REJECTED] = "tidegate.runtime.rejected.v1",
    [EVENT_CONFIGURED] = "tidegate.runtime.configured.v1", [EVENT_REFUSED] = "tidegate.runtime.refused.v1",
    [EVENT_QUEUED] = "tidegate.runtime.queued.v1",         [EVENT_STARTED] = "tidegate.runtime.started.v1",
    [EVENT_ADVANCED] = "tidegate.runtime.advanced.v1",     [EVENT_SUCCEEDED] = "tidegate.runtime.succeeded.v1",
    [EVENT_FAILED] = "tidegate.runtime.failed.v1",         [EVENT_NOTED] = "tidegate.runtime.noted.v1",
    [EVENT_RETRIED] = "tidegate.runtime.retried.v1",       [EVENT_ROLLED_BACK] = "tidegate.runtime.rolledBack.v1",
    [EVENT_REHEARSED] = "tidegate.runtime.rehearsed.v1",   NULL,
};

/* Configurations first, then runtimes, then the rest: each names rows of those before it. A kubeconfig is written once,
 * so it needs no place in memory: what runs needs none. */
static const struct core_table tables[] = {
    [TABLE_CONFIGURATION] = { "configuration", NULL, "kept OR users > 0" },
    [TABLE_RUNTIME] = { "runtime", "runtime_id", "running" },
    [TABLE_OPERATION] = { "operation", "runtime_id", "state = 'in progress'" },
    [TABLE_KUBECONFIG] = { "kubeconfig", "runtime_id", NULL },
};

/* --- What must be in memory --- */

static void needs(const struct request *request, struct names *out)
{
    switch ((enum request_type)request->type) {
    case REQUEST_REGISTER:
    case REQUEST_UPGRADE:
    case REQUEST_DEPROVISION:
    case REQUEST_PROVISION:
    case REQUEST_UPGRADE_KYMA:
    case REQUEST_UPGRADE_SHOOT:
    case REQUEST_HIBERNATE:
    case REQUEST_ROLL_BACK: names_add(out, request->subject); break;
    case REQUEST_PROGRESS:
    case REQUEST_CONFIGURE:
    case REQUEST_WAKE: break; /* configurations and running operations always are */
    }
}

static void event_needs(const struct event *event, struct names *out)
{
    switch ((enum event_type)event->type) {
    case EVENT_REGISTERED:
    case EVENT_CHANGED:
    case EVENT_QUEUED:
    case EVENT_STARTED:
    case EVENT_ADVANCED:
    case EVENT_SUCCEEDED:
    case EVENT_FAILED:
    case EVENT_NOTED:
    case EVENT_RETRIED:
    case EVENT_ROLLED_BACK: names_add(out, event->subject); break;
    case EVENT_CONFIRMED:
    case EVENT_REJECTED:
    case EVENT_CONFIGURED:
    case EVENT_REFUSED:
    case EVENT_REHEARSED: break; /* change no runtime */
    }
}

static bool holds(const void *state, const char *aggregate)
{
    return runtimes_find(state, aggregate) != NULL;
}

static bool live(const void *state, const char *aggregate)
{
    const struct runtime *runtime = runtimes_find(state, aggregate);

    return runtime != NULL && runtime_busy(runtime);
}

static void evict(void *state, const char *aggregate)
{
    runtimes_forget(state, aggregate);
}

/* --- Decide and evolve --- */

static void *state_new(const void *settings, int partition)
{
    (void)partition;
    return runtimes_new(settings);
}

static void state_free(void *state)
{
    runtimes_free(state);
}

static void decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    switch ((enum request_type)request->type) {
    case REQUEST_REGISTER: runtime_decide_register(state, request, out); break;
    case REQUEST_CONFIGURE: runtime_decide_configure(state, request, out); break;
    case REQUEST_UPGRADE: runtime_decide_upgrade(state, request, now_ms, out); break;
    case REQUEST_DEPROVISION: runtime_decide_deprovision(state, request, out); break;
    case REQUEST_PROGRESS: runtime_decide_progress(state, request, out); break;
    case REQUEST_WAKE: runtime_decide_wake(state, now_ms, out); break;
    case REQUEST_PROVISION: runtime_decide_provision(state, request, out); break;
    case REQUEST_UPGRADE_KYMA: runtime_decide_upgrade_kyma(state, request, out); break;
    case REQUEST_UPGRADE_SHOOT: runtime_decide_upgrade_shoot(state, request, now_ms, out); break;
    case REQUEST_HIBERNATE: runtime_decide_hibernate(state, request, out); break;
    case REQUEST_ROLL_BACK: runtime_decide_roll_back(state, request, out); break;
    }
}

static void evolve(void *state, const struct event *event, struct changes *out)
{
    runtime_evolve(state, event, out);
}

static json_t *row(const void *state, int table, const char *id)
{
    return runtime_row(state, table, id);
}

static void load(void *state, int table, const json_t *from)
{
    runtime_load(state, table, from);
}

/* --- What others are told --- */

/* `about` names operation, orchestration and lane. */
static void report_to_lane(const json_t *about, const char *result, const char *message, const char *traceparent,
                           struct messages *out)
{
    json_t *data = json_pack("{s:s,s:s,s:s,s:s}", "orchestrationID", text_of(about, "orchestrationID"), "operationID",
                             text_of(about, "operationID"), "result", result, "message", message);

    messages_add(out, (struct message){ .topic = "orchestrations",
                                        .key = text_of(about, "lane"),
                                        .type = "tidegate.orchestration.report.v1",
                                        .traceparent = traceparent,
                                        .data = data });
}

static const char *traceparent_of(const struct operation *operation)
{
    return *operation->traceparent == '\0' ? NULL : operation->traceparent;
}

/* The name by which the instance's broker knows the operation's type; NULL: it does not, and has no use for it. */
static const char *reported_type(const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_UPGRADE_KYMA: return "upgradeKyma";
    case OPERATION_UPGRADE_SHOOT: return *operation->orchestration_id != '\0' ? "upgradeCluster" : NULL;
    case OPERATION_DEPROVISION:
    case OPERATION_DEPROVISION_NO_INSTALL: return "deprovision";
    case OPERATION_PROVISION:
    case OPERATION_PROVISION_NO_INSTALL:
    case OPERATION_HIBERNATE: break;
    }
    return NULL;
}

/* What clients see of an operation: of an orchestration's the same text as the orchestrator shows, which cuts it
 * likewise. */
enum { DESCRIPTION_SIZE = 512 };
static const char *described(const struct operation *operation, char text[DESCRIPTION_SIZE])
{
    if (*operation->orchestration_id == '\0' || operation->state == OPERATION_SUCCEEDED)
        return operation->message;
    if (operation->state == OPERATION_IN_PROGRESS)
        return operation->type == OPERATION_UPGRADE_KYMA ? "kyma upgrade in progress" : "cluster upgrade in progress";
    text_format(text, DESCRIPTION_SIZE, "provisioner client returns failed status: %s", operation->message);
    return text;
}

/* Tells the instance, if the runtime has one, how its operation stands. */
static void report_to_instance(const struct runtime *runtime, const char *state, const char *kyma_version,
                               int64_t updated_ms, struct messages *out)
{
    const struct operation *operation = runtime->operation;
    const char *type = reported_type(operation);
    char text[DESCRIPTION_SIZE];
    json_t *data;

    if (*runtime->instance_id == '\0' || type == NULL)
        return;
    data = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "operationID", operation->id, "type", type, "state", state,
                     "description", described(operation, text), "createdAt", (json_int_t)operation->started_ms,
                     "updatedAt", (json_int_t)updated_ms);
    if (*operation->orchestration_id != '\0')
        json_object_set_new(data, "orchestrationID", json_string(operation->orchestration_id));
    if (operation->type == OPERATION_UPGRADE_KYMA)
        json_object_set_new(data, "kymaVersion", json_string(kyma_version));
    messages_add(out, (struct message){ .topic = "instances",
                                        .key = runtime->instance_id,
                                        .type = "tidegate.instance.report.v1",
                                        .traceparent = traceparent_of(operation),
                                        .data = json_pack("{s:o}", "operation", data) });
}

/* Tells the orchestration, if the operation has one, and the instance how its runtime's operation stands. Whether an
 * upgrade runs, succeeded or failed: its version is the one that counts. */
static void report(const struct runtime *runtime, const char *result, const char *state, struct messages *out)
{
    const struct operation *operation = runtime->operation;
    json_t *about;

    if (*operation->lane != '\0') {
        about = json_pack("{s:s,s:s,s:s}", "orchestrationID", operation->orchestration_id, "operationID", operation->id,
                          "lane", operation->lane);
        report_to_lane(about, result, operation->message, traceparent_of(operation), out);
        json_decref(about);
    }
    report_to_instance(runtime, state, operation->version, operation->updated_ms, out);
}

/* The operation stays as it was; that its version no longer counts is newer than its end. */
static void report_rolled_back(const struct runtime *runtime, int64_t time_ms, struct messages *out)
{
    const struct operation *operation = runtime->operation;
    int64_t updated_ms = time_ms > operation->updated_ms ? time_ms : operation->updated_ms + 1;

    report_to_instance(runtime, operation->state == OPERATION_SUCCEEDED ? "succeeded" : "failed", runtime->kyma_version,
                       updated_ms, out);
}

static void report_freed(const struct event *event, struct messages *out)
{
    const json_t *waited;
    size_t i;

    json_array_foreach(json_object_get(event->data, "freed"), i, waited) {
        report_to_lane(waited, "freed", "", NULL, out);
    }
}

/* Only where the event names an instance: its line was not taken, and nothing else made it known here. */
static void refuse_instance(const struct event *event, struct messages *out)
{
    const char *instance_id = text_of(event->data, "instanceID");

    if (*instance_id == '\0')
        return;
    messages_add(out, (struct message){ .topic = "instances",
                                        .key = instance_id,
                                        .type = "tidegate.instance.refuse.v1",
                                        .data = json_pack("{s:s,s:s,s:s,s:s}", "instanceID", instance_id, "runtimeID",
                                                          event->subject, "hash", text_of(event->data, "hash"),
                                                          "reason", text_of(event->data, "reason")) });
}

static void react(const void *state, const struct event *event, struct messages *out)
{
    const struct runtime *runtime = runtimes_find(state, event->subject);

    switch ((enum event_type)event->type) {
    case EVENT_REFUSED:
        report_to_lane(event->data, text_of(event->data, "result"), text_of(event->data, "message"), NULL, out);
        break;
    case EVENT_REHEARSED: report_to_lane(event->data, "succeeded", text_of(event->data, "message"), NULL, out); break;
    case EVENT_REJECTED: refuse_instance(event, out); break;
    case EVENT_QUEUED: report_to_lane(event->data, "busy", "", NULL, out); break;
    case EVENT_STARTED: report(runtime, "accepted", "in progress", out); break;
    case EVENT_SUCCEEDED:
        report(runtime, "succeeded", "succeeded", out);
        report_freed(event, out);
        break;
    case EVENT_FAILED:
        report(runtime, "failed", "failed", out);
        report_freed(event, out);
        break;
    case EVENT_ROLLED_BACK: report_rolled_back(runtime, event->time_ms, out); break;
    case EVENT_REGISTERED:
    case EVENT_CHANGED:
    case EVENT_CONFIRMED:
    case EVENT_CONFIGURED:
    case EVENT_ADVANCED:
    case EVENT_NOTED:
    case EVENT_RETRIED: break; /* nobody waits for these */
    }
}

/* --- The outside world --- */

static void drive(const void *state, const struct event *event, struct calls *out)
{
    runtime_drive(state, event, out);
}

static void resume(const void *state, struct calls *out)
{
    runtime_resume(state, out);
}

/* One deadline for all limits: a firing stops every stage that is over its limit, up to a number, and is repeated while
 * there are more. */
static struct deadline deadline(const void *state)
{
    const struct runtimes *runtimes = state;
    const struct heap_item *first = heap_first(&runtimes->limits);

    return (struct deadline){ .at_ms = first == NULL ? DEADLINE_NEVER
                                                     : operation_deadline_ms(operation_of_limit(first)),
                              .id = "limit" };
}

const struct core runtime_core = {
    .aggregate = "runtime",
    .topic = "runtimes",
    .source = "/tidegate/provisioner",
    .fold_version = 4,
    .request_types = request_types,
    .event_types = event_types,
    .rejected = EVENT_REJECTED,
    .wake = REQUEST_WAKE,
    .tables = tables,
    .table_count = sizeof tables / sizeof tables[0],
    .state_new = state_new,
    .state_free = state_free,
    .needs = needs,
    .event_needs = event_needs,
    .holds = holds,
    .live = live,
    .evict = evict,
    .load = load,
    .decide = decide,
    .evolve = evolve,
    .react = react,
    .row = row,
    .deadline = deadline,
    .drive = drive,
    .resume = resume,
};
