#include "services/provisioner/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    NULL,
};

static const char *const event_types[] = {
    [EVENT_REGISTERED] = "tidegate.runtime.registered.v1", [EVENT_CHANGED] = "tidegate.runtime.changed.v1",
    [EVENT_CONFIRMED] = "tidegate.runtime.confirmed.v1",   [EVENT_REJECTED] = "tidegate.runtime.rejected.v1",
    [EVENT_CONFIGURED] = "tidegate.runtime.configured.v1", [EVENT_REFUSED] = "tidegate.runtime.refused.v1",
    [EVENT_QUEUED] = "tidegate.runtime.queued.v1",         [EVENT_STARTED] = "tidegate.runtime.started.v1",
    [EVENT_ADVANCED] = "tidegate.runtime.advanced.v1",     [EVENT_SUCCEEDED] = "tidegate.runtime.succeeded.v1",
    [EVENT_FAILED] = "tidegate.runtime.failed.v1",         NULL,
};

/* Configurations first, then runtimes, then operations: each names rows of those before it. */
static const struct core_table tables[] = {
    [TABLE_CONFIGURATION] = { "configuration", NULL, "true" },
    [TABLE_RUNTIME] = { "runtime", "runtime_id", "running" },
    [TABLE_OPERATION] = { "operation", "runtime_id", "state = 'in progress'" },
};

/* --- What must be in memory --- */

static void needs(const struct request *request, struct names *out)
{
    switch ((enum request_type)request->type) {
    case REQUEST_REGISTER:
    case REQUEST_UPGRADE:
    case REQUEST_DEPROVISION: names_add(out, request->subject); break;
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
    case EVENT_FAILED: names_add(out, event->subject); break;
    case EVENT_CONFIRMED:
    case EVENT_REJECTED:
    case EVENT_CONFIGURED:
    case EVENT_REFUSED: break; /* change no runtime */
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
    case REQUEST_UPGRADE: runtime_decide_upgrade(state, request, out); break;
    case REQUEST_DEPROVISION: runtime_decide_deprovision(state, request, out); break;
    case REQUEST_PROGRESS: runtime_decide_progress(state, request, out); break;
    case REQUEST_WAKE: runtime_decide_wake(state, now_ms, out); break;
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

/* Tells the orchestration, if the operation has one, and the instance how its runtime's operation stands. */
static void report(const struct runtime *runtime, const char *result, const char *state, struct messages *out)
{
    const struct operation *operation = runtime->operation;
    const char *traceparent = *operation->traceparent == '\0' ? NULL : operation->traceparent;
    json_t *about, *data;

    if (*operation->lane != '\0') {
        about = json_pack("{s:s,s:s,s:s}", "orchestrationID", operation->orchestration_id, "operationID", operation->id,
                          "lane", operation->lane);
        report_to_lane(about, result, operation->message, traceparent, out);
        json_decref(about);
    }
    data = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "operationID", operation->id, "type",
                     operation_rule(operation->type)->name, "state", state, "description", operation->message,
                     "createdAt", (json_int_t)operation->started_ms, "updatedAt", (json_int_t)operation->updated_ms);
    if (*operation->orchestration_id != '\0')
        json_object_set_new(data, "orchestrationID", json_string(operation->orchestration_id));
    if (operation->type == OPERATION_UPGRADE_KYMA) /* whether it runs, succeeded or failed: it is the one that counts */
        json_object_set_new(data, "kymaVersion", json_string(operation->version));
    messages_add(out, (struct message){ .topic = "instances",
                                        .key = runtime->instance_id,
                                        .type = "tidegate.instance.report.v1",
                                        .traceparent = traceparent,
                                        .data = json_pack("{s:o}", "operation", data) });
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
    case EVENT_REGISTERED:
    case EVENT_CHANGED:
    case EVENT_CONFIRMED:
    case EVENT_CONFIGURED:
    case EVENT_ADVANCED: break; /* nobody waits for these */
    }
}

/* --- The outside world --- */

static void call(const struct operation *operation, struct calls *out)
{
    calls_add(out, (struct call){ .runtime_id = operation->runtime_id,
                                  .operation_id = operation->id,
                                  .stage = stage_rule(operation->stage)->name,
                                  .fence = operation->fence,
                                  .ordered_at_ms = operation->stage_since_ms });
}

static void drive(const void *state, const struct event *event, struct calls *out)
{
    if (event->type == EVENT_STARTED || event->type == EVENT_ADVANCED)
        call(runtimes_find(state, event->subject)->operation, out);
}

struct running {
    const struct operation *operation;
};

/* In the order in which they were ordered. */
static int by_fence(const void *a, const void *b)
{
    const struct operation *left = ((const struct running *)a)->operation;
    const struct operation *right = ((const struct running *)b)->operation;

    if (left->fence != right->fence)
        return left->fence < right->fence ? -1 : 1;
    return strcmp(left->runtime_id, right->runtime_id);
}

static void resume(const void *state, struct calls *out)
{
    const struct runtimes *runtimes = state;
    struct running *running = calloc(runtimes->limits.count + 1, sizeof *running);

    if (running == NULL)
        abort();
    for (size_t i = 0; i < runtimes->limits.count; i++)
        running[i].operation = operation_of_limit(runtimes->limits.items[i]);
    qsort(running, runtimes->limits.count, sizeof *running, by_fence);
    for (size_t i = 0; i < runtimes->limits.count; i++)
        call(running[i].operation, out);
    free(running);
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
    .fold_version = 1,
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
