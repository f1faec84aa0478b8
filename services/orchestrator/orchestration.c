#include "services/orchestrator/orchestration.h"

#include "services/orchestrator/parts.h"

static const char *const request_types[] = {
    [REQUEST_UPGRADE] = "tidegate.orchestration.upgrade.v1",
    [REQUEST_CANCEL] = "tidegate.orchestration.cancel.v1",
    [REQUEST_RETRY] = "tidegate.orchestration.retry.v1",
    [REQUEST_TARGET] = "tidegate.orchestration.target.v1",
    [REQUEST_SCHEDULE] = "tidegate.orchestration.schedule.v1",
    [REQUEST_REPORT] = "tidegate.orchestration.report.v1",
    [REQUEST_WAKE] = "tidegate.orchestration.wake.v1",
    [REQUEST_RELEASES] = "tidegate.orchestration.releases.v1",
    NULL,
};

static const char *const event_types[] = {
    [EVENT_ACCEPTED] = "tidegate.orchestration.accepted.v1",
    [EVENT_REPEATED] = "tidegate.orchestration.repeated.v1",
    [EVENT_REJECTED] = "tidegate.orchestration.rejected.v1",
    [EVENT_STARTED] = "tidegate.orchestration.started.v1",
    [EVENT_TARGETED] = "tidegate.orchestration.targeted.v1",
    [EVENT_SCHEDULED] = "tidegate.orchestration.scheduled.v1",
    [EVENT_PLANNED] = "tidegate.orchestration.planned.v1",
    [EVENT_RELEASED] = "tidegate.orchestration.released.v1",
    [EVENT_DISPATCHED] = "tidegate.orchestration.dispatched.v1",
    [EVENT_RESCHEDULED] = "tidegate.orchestration.rescheduled.v1",
    [EVENT_PROGRESSED] = "tidegate.orchestration.progressed.v1",
    [EVENT_STOPPED] = "tidegate.orchestration.stopped.v1",
    [EVENT_RETRIED] = "tidegate.orchestration.retried.v1",
    [EVENT_RESUMED] = "tidegate.orchestration.resumed.v1",
    [EVENT_DECLINED] = "tidegate.orchestration.declined.v1",
    [EVENT_HALTED] = "tidegate.orchestration.halted.v1",
    [EVENT_CANCELED] = "tidegate.orchestration.canceled.v1",
    [EVENT_SUCCEEDED] = "tidegate.orchestration.succeeded.v1",
    [EVENT_FAILED] = "tidegate.orchestration.failed.v1",
    [EVENT_CONFIGURED] = "tidegate.orchestration.configured.v1",
    [EVENT_RELEASES_ADOPTED] = "tidegate.orchestration.releasesAdopted.v1",
    [EVENT_RELEASES_REFUSED] = "tidegate.orchestration.releasesRefused.v1",
    [EVENT_REHEARSED] = "tidegate.orchestration.rehearsed.v1",
    NULL,
};

static void *core_state_new(const void *settings, int partition)
{
    (void)partition;
    return orchestrations_new(settings);
}

static void core_state_free(void *state)
{
    orchestrations_free(state);
}

/* Only a client may ask for what is finished, and thus not in memory: by a cancel, a retry, or an upgrade repeated with
 * its key. Without a key the ID was drawn for this request and cannot exist. What other services say of a finished
 * orchestration decides nothing, so it need not be loaded. */
static void core_needs(const struct request *request, struct names *out)
{
    const char *id = data_text(request->data, "orchestrationID");
    bool keyed = json_is_true(json_object_get(request->data, "keyed"));

    if (id[0] != '\0' && (request->type == REQUEST_CANCEL || request->type == REQUEST_RETRY ||
                          (request->type == REQUEST_UPGRADE && keyed)))
        names_add(out, id);
}

/* Whatever an event changes was unfinished when it happened, so it is in memory: loaded at takeover, or accepted later.
 * A retry alone brings back what is finished, or adds to it that it was asked for. */
static void core_event_needs(const struct event *event, struct names *out)
{
    if (event->type == EVENT_RETRIED || event->type == EVENT_DECLINED)
        names_add(out, event->subject);
}

static bool core_holds(const void *state, const char *id)
{
    return orchestration_find(state, id) != NULL;
}

static bool core_live(const void *state, const char *id)
{
    const struct orchestration *orchestration = orchestration_find(state, id);

    return orchestration != NULL && !orchestration_finished(orchestration);
}

static void core_evict(void *state, const char *id)
{
    struct orchestration *orchestration = orchestration_find(state, id);

    if (orchestration != NULL)
        orchestration_remove(state, orchestration);
}

/* Clients ask again and again for the end, and for what an orchestration means. */
static bool core_awaited(const struct event *event)
{
    return event->type == EVENT_SCHEDULED || event->type == EVENT_SUCCEEDED || event->type == EVENT_FAILED ||
           event->type == EVENT_CANCELED;
}

const struct core orchestration_core = {
    .aggregate = "orchestration",
    .topic = "orchestrations",
    .source = "/tidegate/orchestrator",
    .fold_version = 4,
    .request_types = request_types,
    .event_types = event_types,
    .rejected = EVENT_REJECTED,
    .wake = REQUEST_WAKE,
    .tables = orchestration_tables,
    .table_count = TABLE_COUNT,
    .state_new = core_state_new,
    .state_free = core_state_free,
    .needs = core_needs,
    .event_needs = core_event_needs,
    .holds = core_holds,
    .live = core_live,
    .evict = core_evict,
    .load = orchestration_load,
    .decide = orchestration_decide,
    .settle = orchestration_settle,
    .evolve = orchestration_evolve,
    .react = orchestration_react,
    .row = orchestration_row,
    .row_text = orchestration_row_text,
    .deadline = orchestration_deadline,
    .awaited = core_awaited,
};
