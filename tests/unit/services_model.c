#include "tests/unit/services_model.h"

#include <stdio.h>
#include <string.h>

#include "common/base/timestamp.h"
#include "services/orchestrator/orchestration.h"
#include "tests/unit/services_sent.h"

void model_init(struct model *model)
{
    *model = (struct model){ .operations = json_object(), .orchestrations = json_object(), .running = json_object() };
}

void model_release(struct model *model)
{
    sent_release(model);
    json_decref(model->operations);
    json_decref(model->orchestrations);
    json_decref(model->running);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static json_int_t integer_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static bool holds_slot(const char *phase)
{
    return strcmp(phase, "dispatched") == 0 || strcmp(phase, "running") == 0;
}

static void set(json_t *object, const char *name, const char *text)
{
    json_object_set_new(object, name, json_string(text));
}

/* --- The orchestrator's events --- */

static void targeted(const struct model *model, const char *orchestration, const json_t *data, int64_t time_ms)
{
    json_t *target;
    size_t i;

    json_array_foreach(json_object_get(data, "targets"), i, target) {
        if (json_object_get(model->operations, text_of(target, "operationID")) != NULL)
            services_fail(model->services, "the operation %s is targeted twice", text_of(target, "operationID"));
        json_object_set_new(model->operations, text_of(target, "operationID"),
                            json_pack("{s:s,s:s,s:s,s:s,s:i,s:s,s:I}", "orchestration", orchestration, "runtime",
                                      text_of(target, "runtimeID"), "state", "pending", "phase", "waiting", "attempt",
                                      1, "ended", "", "created", (json_int_t)time_ms));
    }
}

/* All operations of the event go from one state to another. */
static void change(const struct model *model, const json_t *ids, const char *from, const char *to)
{
    json_t *id;
    size_t i;

    json_array_foreach((json_t *)ids, i, id) {
        json_t *operation = json_object_get(model->operations, json_string_value(id));

        if (strcmp(text_of(operation, "state"), from) != 0)
            services_fail(model->services, "%s is %s, and becomes %s", json_string_value(id),
                          text_of(operation, "state"), to);
        set(operation, "state", to);
    }
}

static const json_t *orchestration_of(const struct model *model, const json_t *operation)
{
    return json_object_get(model->orchestrations, text_of(operation, "orchestration"));
}

/* Does a later operation of the lane on the same runtime stand in the way of taking this one up again? */
static bool is_newer(const struct model *model, const json_t *operation, const json_t *other)
{
    const json_t *whole = orchestration_of(model, other);

    return strcmp(text_of(other, "runtime"), text_of(operation, "runtime")) == 0 &&
           integer_of(other, "created") > integer_of(operation, "created") &&
           strcmp(text_of(other, "state"), "canceled") != 0 && json_object_get(whole, "resolved") != NULL &&
           strcmp(text_of(whole, "lane"), text_of(orchestration_of(model, operation), "lane")) == 0;
}

static void check_age(const struct model *model, const char *id)
{
    const json_t *operation = json_object_get(model->operations, id);
    const char *name;
    json_t *other;

    json_object_foreach(model->operations, name, other) {
        if (is_newer(model, operation, other))
            services_fail(model->services, "%s is retried after the end, though %s is newer", id, name);
    }
}

static void retried(const struct model *model, json_t *orchestration, const json_t *ids)
{
    json_t *id;
    size_t i;

    change(model, ids, "failed", "retrying");
    json_array_foreach((json_t *)ids, i, id) {
        if (json_object_get(orchestration, "failed") != NULL)
            check_age(model, json_string_value(id));
    }
    json_object_del(orchestration, "failed");
    json_array_foreach((json_t *)ids, i, id) {
        json_t *operation = json_object_get(model->operations, json_string_value(id));

        json_object_set_new(operation, "attempt", json_integer(integer_of(operation, "attempt") + 1));
        set(operation, "ended", "");
    }
}

static void change_all(const struct model *model, const char *orchestration, const char *from, const char *to)
{
    const char *id;
    json_t *operation;

    json_object_foreach(model->operations, id, operation) {
        if (strcmp(text_of(operation, "orchestration"), orchestration) == 0 &&
            strcmp(text_of(operation, "state"), from) == 0)
            set(operation, "state", to);
    }
}

static void configured(const struct model *model, const json_t *data)
{
    json_t *choice;
    size_t i;

    json_array_foreach(json_object_get(data, "choices"), i, choice) {
        json_t *id;
        size_t j;

        json_array_foreach(json_object_get(choice, "operations"), j, id) {
            if (json_object_get(choice, "error") != NULL)
                set(json_object_get(model->operations, json_string_value(id)), "state", "failed");
        }
    }
}

/* From when on it waits, or is ready, as `phase` says. */
static void set_phase(const struct model *model, json_t *operation, const char *phase)
{
    set(operation, "phase", phase);
    json_object_set_new(operation, "since", json_integer(services_now_ms(model->services)));
    json_object_del(operation, "first");
}

static void take_windows(const struct model *model, const json_t *items, const char *phase)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)items, i, item) {
        json_t *operation = json_object_get(model->operations, text_of(item, "operationID"));

        json_object_set(operation, "begin", json_object_get(item, "begin"));
        json_object_set(operation, "release", json_object_get(item, "begin"));
        json_object_set(operation, "end", json_object_get(item, "end"));
        set_phase(model, operation, phase);
    }
}

/* What was to be retried: with the window that it had, behind what is ready, or none. */
static void resumed(const struct model *model, const struct event *event, bool anew)
{
    const char *id;
    json_t *operation;

    json_object_foreach(model->operations, id, operation) {
        if (strcmp(text_of(operation, "orchestration"), event->subject) != 0 ||
            strcmp(text_of(operation, "state"), "retrying") != 0)
            continue;
        if (integer_of(operation, "end") > event->time_ms)
            json_object_set_new(operation, "release", json_integer(event->time_ms + 1));
        set_phase(model, operation, anew ? "waiting" : "ready");
        if (anew) {
            json_object_del(operation, "begin");
            json_object_del(operation, "end");
        }
        set(operation, "state", "pending");
    }
}

static void rescheduled(const struct model *model, const json_t *ids)
{
    json_t *id;
    size_t i;

    change(model, ids, "pending", "pending");
    json_array_foreach((json_t *)ids, i, id)
        set_phase(model, json_object_get(model->operations, json_string_value(id)), "waiting");
}

/* --- Order --- */

static bool is_before(const json_t *operation, const json_t *other)
{
    json_int_t release = integer_of(operation, "release"), others = integer_of(other, "release");

    return release != others ? release < others : strcmp(text_of(operation, "runtime"), text_of(other, "runtime")) < 0;
}

/* How long `operation` should wait for `other`, which has not started, after it was ready. */
static json_int_t wait_ms(const json_t *operation, const json_t *other)
{
    bool waits = strcmp(text_of(other, "phase"), "waiting") == 0;

    if (strcmp(text_of(other, "state"), "pending") != 0)
        return 0;
    if (strcmp(text_of(other, "phase"), "ready") == 0 && is_before(other, operation))
        return INT64_MAX / 2;
    if (waits && json_object_get(other, "begin") == NULL)
        return ORCHESTRATION_ANSWERS_MS;
    if (waits && integer_of(other, "begin") <= integer_of(operation, "begin"))
        return ORCHESTRATION_OPENING_MS;
    return 0;
}

/* Those of windows start in their order; those that gave way to another upgrade of their runtime, first. */
static void check_order(const struct model *model, const char *id, const json_t *operation)
{
    json_int_t begin = integer_of(operation, "begin"), since = integer_of(operation, "since");
    json_int_t waited = services_now_ms(model->services) - (begin > since ? begin : since);
    const char *name;
    json_t *other;

    if (json_object_get(operation, "first") != NULL)
        return;
    json_object_foreach(model->operations, name, other) {
        if (strcmp(text_of(other, "orchestration"), text_of(operation, "orchestration")) == 0 && other != operation &&
            waited < wait_ms(operation, other))
            services_fail(model->services,
                          "%s (window from %lld) starts %lld ms after it was ready, before %s (%s, %lld)", id,
                          (long long)begin, (long long)waited, name, text_of(other, "phase"),
                          (long long)integer_of(other, "begin"));
    }
}

/* What has a window starts in it. */
static void check_window(const struct model *model, const char *id, const json_t *operation)
{
    json_int_t begin = integer_of(operation, "begin"), end = integer_of(operation, "end");
    json_int_t now = services_now_ms(model->services);

    if (end != 0 && (now < begin || now >= end))
        services_fail(model->services, "%s starts at %lld, outside its window from %lld to %lld", id, (long long)now,
                      (long long)begin, (long long)end);
}

/* Whatever starts may fail too. */
static void check_bound(const struct model *model, const char *name, const json_t *orchestration)
{
    json_int_t most = integer_of(orchestration, "maxFailures"), running = 0, failed = 0;
    const char *id;
    json_t *operation;

    json_object_foreach(model->operations, id, operation) {
        if (strcmp(text_of(operation, "orchestration"), name) != 0)
            continue;
        running += holds_slot(text_of(operation, "phase"));
        failed += strcmp(text_of(operation, "state"), "failed") == 0;
    }
    if (most > 0 && running + failed > most)
        services_fail(model->services, "%s starts operations: %lld run and %lld have failed, %lld may", name,
                      (long long)running, (long long)failed, (long long)most);
}

static void dispatched(const struct model *model, const char *name, const json_t *orchestration, const json_t *ids)
{
    json_t *id;
    size_t i;

    change(model, ids, "pending", "pending");
    json_array_foreach((json_t *)ids, i, id) {
        json_t *operation = json_object_get(model->operations, json_string_value(id));

        if (strcmp(text_of(orchestration, "schedule"), "maintenanceWindow") == 0)
            check_order(model, json_string_value(id), operation);
        set(operation, "phase", "dispatched");
        check_window(model, json_string_value(id), operation);
    }
    check_bound(model, name, orchestration);
}

/* What the orchestrator says of an end is what the provisioner had said. */
static void progressed(const struct model *model, const json_t *data)
{
    json_t *operation = json_object_get(model->operations, text_of(data, "operationID"));
    const char *cause = text_of(data, "cause"), *ended = text_of(operation, "ended");

    set(operation, "state", text_of(data, "state"));
    set_phase(model, operation, text_of(data, "phase"));
    json_object_set_new(operation, "first", json_true());
    if ((strcmp(cause, "succeeded") == 0 || strcmp(cause, "failed") == 0 || strcmp(cause, "refused") == 0 ||
         strcmp(cause, "preempted") == 0) &&
        strcmp(ended, cause) != 0)
        services_fail(model->services, "%s has %s in its attempt %lld, but the provisioner says: %s",
                      text_of(data, "operationID"), cause, (long long)integer_of(operation, "attempt"), ended);
}

/* One more of its lane runs. */
static void begins(const struct model *model, const char *name, json_t *orchestration)
{
    int running = 1;
    const char *id;
    json_t *other;

    json_object_foreach(model->orchestrations, id, other) {
        if (other != orchestration && strcmp(text_of(other, "lane"), text_of(orchestration, "lane")) == 0)
            running += json_is_true(json_object_get(other, "runs"));
    }
    if (running > services_orchestrations_max(model->services))
        services_fail(model->services, "%s starts as number %d of its lane, %d may run", name, running,
                      services_orchestrations_max(model->services));
    json_object_set_new(orchestration, "runs", json_true());
}

static bool is_end(const char *type)
{
    return strcmp(type, "succeeded") == 0 || strcmp(type, "failed") == 0 || strcmp(type, "canceled") == 0;
}

static void on_orchestration(struct model *model, const char *type, const struct event *event)
{
    json_t *orchestration = json_object_get(model->orchestrations, event->subject);
    const json_t *ids = json_object_get(event->data, "operations");

    if (is_end(type))
        json_object_del(orchestration, "runs");
    if (strcmp(type, "accepted") == 0) {
        json_object_set_new(model->orchestrations, event->subject,
                            json_pack("{s:s,s:I,s:b,s:s}", "lane", text_of(event->data, "lane"), "maxFailures",
                                      (json_int_t)integer_of(event->data, "maxFailures"), "dryRun",
                                      json_is_true(json_object_get(event->data, "dryRun")), "schedule",
                                      text_of(event->data, "schedule")));
    } else if (strcmp(type, "started") == 0) {
        begins(model, event->subject, orchestration);
    } else if (strcmp(type, "targeted") == 0) {
        targeted(model, event->subject, event->data, event->time_ms);
    } else if (strcmp(type, "dispatched") == 0) {
        if (json_object_get(orchestration, "halted") != NULL)
            services_fail(model->services, "%s starts operations after its cancel", event->subject);
        dispatched(model, event->subject, orchestration, ids);
    } else if (strcmp(type, "planned") == 0 || strcmp(type, "released") == 0) {
        take_windows(model, ids, strcmp(type, "planned") == 0 ? "waiting" : "ready");
    } else if (strcmp(type, "rescheduled") == 0) {
        rescheduled(model, ids);
    } else if (strcmp(type, "progressed") == 0) {
        progressed(model, event->data);
    } else if (strcmp(type, "configured") == 0) {
        configured(model, event->data);
    } else if (strcmp(type, "retried") == 0) {
        retried(model, orchestration, ids);
    } else if (strcmp(type, "resumed") == 0) {
        resumed(model, event, strcmp(text_of(event->data, "windows"), "new") == 0);
        if (json_object_get(orchestration, "runs") == NULL)
            begins(model, event->subject, orchestration);
    } else if (strcmp(type, "failed") == 0) {
        json_object_set_new(orchestration, "failed", json_true());
    } else if (strcmp(type, "halted") == 0) {
        json_object_set_new(orchestration, "halted", json_true());
    } else if (strcmp(type, "scheduled") == 0) {
        json_object_set_new(orchestration, "resolved", json_true());
    } else if (strcmp(type, "canceled") == 0 && json_object_get(orchestration, "resolved") != NULL) {
        change_all(model, event->subject, "pending", "canceled");
        change_all(model, event->subject, "retrying", "canceled");
    }
}

/* --- The provisioner's events --- */

static bool is_dry(const struct model *model, const json_t *operation)
{
    return json_is_true(json_object_get(orchestration_of(model, operation), "dryRun"));
}

/* Of a dry run, and only where nothing runs. */
static void rehearsed(const struct model *model, const struct event *event)
{
    const char *id = text_of(event->data, "operationID"), *runs = text_of(model->running, event->subject);
    json_t *operation = json_object_get(model->operations, id);

    if (!is_dry(model, operation) || runs[0] != '\0')
        services_fail(model->services, "%s is tried on %s, where this runs: %s", id, event->subject, runs);
    check_window(model, id, operation);
    set(operation, "ended", "succeeded");
}

static void started(const struct model *model, const struct event *event)
{
    const char *id = text_of(event->data, "operationID"), *runs;
    json_t *operation = json_object_get(model->operations, id), *attempt = json_object_get(event->data, "attempt");
    json_int_t number = attempt == NULL ? 1 : json_integer_value(attempt);

    runs = text_of(model->running, event->subject);
    if (runs[0] != '\0')
        services_fail(model->services, "%s starts on %s while %s runs", id, event->subject, runs);
    set(model->running, event->subject, id);
    if (operation == NULL)
        return; /* a client's */
    if (is_dry(model, operation))
        services_fail(model->services, "%s, of a dry run, starts", id);
    if (number != integer_of(operation, "attempt") || text_of(operation, "ended")[0] != '\0' ||
        strcmp(text_of(operation, "state"), "pending") != 0)
        services_fail(model->services, "%s starts in attempt %lld; it is %s in attempt %lld, of which is said: %s", id,
                      (long long)number, text_of(operation, "state"), (long long)integer_of(operation, "attempt"),
                      text_of(operation, "ended"));
    check_window(model, id, operation);
}

static void ended(const struct model *model, const struct event *event, const char *how)
{
    json_t *operation = json_object_get(model->operations, text_of(event->data, "operationID"));

    if (strcmp(how, "refused") == 0)
        how = text_of(event->data, "result");
    else
        set(model->running, event->subject, "");
    if (operation != NULL && strcmp(how, "late") != 0) /* that is no end: it comes again */
        set(operation, "ended", how);
}

static void on_runtime(struct model *model, const char *type, const struct event *event)
{
    if (strcmp(type, "started") == 0)
        started(model, event);
    else if (strcmp(type, "rehearsed") == 0)
        rehearsed(model, event);
    else if (strcmp(type, "succeeded") == 0 || strcmp(type, "failed") == 0 || strcmp(type, "refused") == 0)
        ended(model, event, type);
}

void model_event(void *context, enum services_index service, const char *type, const struct event *event)
{
    if (service == ORCHESTRATOR) {
        bool before = strcmp(type, "targeted") != 0; /* which makes operations */

        if (before)
            sent_event(context, type, event);
        on_orchestration(context, type, event);
        if (!before)
            sent_event(context, type, event);
    }
    if (service == PROVISIONER)
        on_runtime(context, type, event);
}

/* --- What holds at any moment --- */

struct counts {
    json_int_t total, running;
    json_t *by_state, *positions;
};

static struct counts counts_of(const json_t *rows, const char *orchestration)
{
    struct counts counts = { .by_state = json_object(), .positions = json_object() };
    const char *id;
    json_t *row;

    json_object_foreach((json_t *)(uintptr_t)rows, id, row) {
        const char *state = text_of(row, "state");
        char position[32];

        if (strcmp(text_of(row, "orchestration_id"), orchestration) != 0)
            continue;
        snprintf(position, sizeof position, "%lld", (long long)integer_of(row, "position"));
        counts.total++;
        counts.running += holds_slot(text_of(row, "phase"));
        json_object_set_new(counts.by_state, state, json_integer(integer_of(counts.by_state, state) + 1));
        json_object_set_new(counts.positions, position, json_true());
    }
    return counts;
}

static void check_times(const struct model *model, const char *id, const json_t *row)
{
    json_t *orchestration = json_object_get(model->orchestrations, id);
    int64_t created_ms = 0, updated_ms = 0;

    if (!timestamp_parse(text_of(row, "created_at"), &created_ms) ||
        !timestamp_parse(text_of(row, "updated_at"), &updated_ms) || updated_ms < created_ms ||
        updated_ms < integer_of(orchestration, "updated"))
        services_fail(model->services, "%s was created at %s, and updated at %s", id, text_of(row, "created_at"),
                      text_of(row, "updated_at"));
    json_object_set_new(orchestration, "updated", json_integer(updated_ms));
}

/* Is the state of the whole that of its operations? Nothing is put off that could be said at once. */
static void check_whole(const struct model *model, const json_t *row, const struct counts *counts)
{
    const char *state = text_of(row, "state");
    bool ended = is_end(state);
    json_int_t unfinished = integer_of(counts->by_state, "pending") + integer_of(counts->by_state, "in progress") +
                            integer_of(counts->by_state, "retrying");

    if (!json_is_true(json_object_get(row, "resolved")))
        return;
    if ((ended && unfinished > 0) || (strcmp(state, "in progress") == 0 && unfinished == 0) ||
        (strcmp(state, "canceling") == 0 && counts->running == 0) ||
        (strcmp(state, "succeeded") == 0 && integer_of(counts->by_state, "failed") > 0) ||
        (strcmp(state, "failed") == 0 && integer_of(counts->by_state, "failed") == 0))
        services_fail(model->services, "%s is %s, with %lld operations that have not ended, of which %lld run",
                      text_of(row, "orchestration_id"), state, (long long)unfinished, (long long)counts->running);
}

static void check_orchestration(const struct model *model, const json_t *row, const json_t *operations)
{
    const char *id = text_of(row, "orchestration_id");
    struct counts counts = counts_of(operations, id);
    char last[32];

    snprintf(last, sizeof last, "%lld", (long long)counts.total);
    if (counts.running > integer_of(row, "workers"))
        services_fail(model->services, "%s: %lld of its operations run", id, (long long)counts.running);
    if (json_is_true(json_object_get(row, "resolved")) && counts.total > 0 &&
        !json_equal(json_object_get(row, "stats"), counts.by_state))
        services_fail(model->services, "%s: other stats than states of operations", id);
    if ((json_int_t)json_object_size(counts.positions) != counts.total ||
        (counts.total > 0 && json_object_get(counts.positions, last) == NULL))
        services_fail(model->services, "%s: the positions are not 1 to %lld", id, (long long)counts.total);
    check_times(model, id, row);
    check_whole(model, row, &counts);
    json_decref(counts.by_state);
    json_decref(counts.positions);
}

void model_check(struct model *model)
{
    for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
        const json_t *operations = services_rows(model->services, ORCHESTRATOR, "operation", partition);
        const json_t *rows = services_rows(model->services, ORCHESTRATOR, "orchestration", partition);
        const char *id;
        json_t *row;

        json_object_foreach((json_t *)(uintptr_t)rows, id, row)
            check_orchestration(model, row, operations);
        json_object_foreach((json_t *)(uintptr_t)operations, id, row) {
            const char *state = text_of(json_object_get(model->operations, id), "state");

            if (strcmp(text_of(row, "state"), state) != 0)
                services_fail(model->services, "%s is %s, by its events %s", id, text_of(row, "state"), state);
            sent_check(model, id, row, json_object_get(rows, text_of(row, "orchestration_id")));
        }
    }
}

void model_check_ended(struct model *model)
{
    const char *id;
    json_t *operation;

    for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
        const json_t *rows = services_rows(model->services, ORCHESTRATOR, "orchestration", partition);
        json_t *row;

        json_object_foreach((json_t *)(uintptr_t)rows, id, row) {
            const char *state = text_of(row, "state");

            if (!is_end(state))
                services_fail(model->services, "%s is %s in the end: %s", id, state, text_of(row, "description"));
        }
    }
    json_object_foreach(model->running, id, operation) {
        if (json_string_length(operation) > 0)
            services_fail(model->services, "%s runs on %s in the end", json_string_value(operation), id);
    }
}
