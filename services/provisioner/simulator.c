#include "services/provisioner/simulator.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"
#include "services/provisioner/ledger.h"
#include "services/provisioner/scenario.h"
#include "services/provisioner/simulated_cluster.h"

enum {
    CALLS_A_LOCK = 500, /* so that others get the ledger too, and the event loop its turn */
    BUSY_RETRY_MS = 2,
    BROKEN_RETRY_MS = 1000,
    HELD_LOOK_MS = 50, /* how often somebody is expected to let go */
};

#define NEVER_MS INT64_MAX

/* The last stage that was applied to a runtime: all that the world needs to remember of it. */
struct effect {
    const char *runtime_id, *operation_id, *stage; /* in `texts` */
    const char *failure;                           /* what the line says of one, in `texts`; "": nothing */
    int64_t fence, ordered_ms, ends_ms;
    uint64_t serial;     /* tells an effect from one that later stands at the same address */
    json_t *steps;       /* components that the installer tells of; NULL: none */
    struct watch *watch; /* what is to be reported here; NULL: nothing, or all is */
    UT_hash_handle hh;   /* by runtime ID */
    char texts[];
};

/* A stage whose course this process reports. */
struct watch {
    struct simulator *simulator;
    struct effect *effect;
    struct event *timer; /* the next moment */
    struct scenario_fate fate;
    size_t flaps, steps; /* told */
    json_t *gives;       /* NULL: nothing */
};

/* A call that waits for the ledger. */
struct queued {
    struct queued *next;
    const char *runtime_id, *operation_id, *stage; /* in `texts` */
    int64_t fence, ordered_ms;
    json_t *detail; /* NULL: none */
    char texts[];
};

struct simulator {
    struct event_base *base;
    driver_report *report;
    void *context;
    struct secrets *secrets;
    struct scenario *scenario;
    struct ledger *ledger;
    struct effect *world;
    uint64_t serial;
    struct queued *queue, **queue_end;
    struct event *drain; /* carries out the queue */
    bool broken;         /* the log has said that the ledger cannot be used */
};

static void *allocated(size_t size)
{
    void *made = calloc(1, size);

    if (made == NULL)
        abort(); /* there is one effect for each runtime, and at most one call for each running stage */
    return made;
}

/* Copies `text` to `*at`, and moves `*at` behind it. */
static const char *put(char **at, const char *text)
{
    const char *copied = *at;

    *at = stpcpy(*at, text) + 1;
    return copied;
}

static void schedule(struct event *timer, int64_t delay_ms)
{
    struct timeval delay = { 0 };

    if (delay_ms > 0) {
        delay.tv_sec = (time_t)(delay_ms / 1000);
        delay.tv_usec = (suseconds_t)(delay_ms % 1000 * 1000);
    }
    if (event_add(timer, &delay) != 0)
        abort(); /* without timers nothing ever ends */
}

/* --- The world: the fold of the ledger --- */

static void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->timer);
    json_decref(watch->gives);
    free(watch);
}

static void effect_free(struct effect *effect)
{
    watch_free(effect->watch);
    json_decref(effect->steps);
    free(effect);
}

static struct effect *find(const struct simulator *simulator, const char *runtime_id)
{
    struct effect *effect;

    HASH_FIND_STR(simulator->world, runtime_id, effect);
    return effect;
}

static const char *text_in(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    return text == NULL ? "" : text;
}

static struct effect *effect_new(const json_t *line)
{
    const char *runtime_id = text_in(line, "runtime"), *operation_id = text_in(line, "operation");
    const char *stage = text_in(line, "stage"), *failure = text_in(line, "failure");
    const json_t *ends = json_object_get(line, "endsAt");
    struct effect *effect = allocated(sizeof *effect + strlen(runtime_id) + strlen(operation_id) + strlen(stage) +
                                      strlen(failure) + 4);
    char *at = effect->texts;

    effect->runtime_id = put(&at, runtime_id);
    effect->operation_id = put(&at, operation_id);
    effect->stage = put(&at, stage);
    effect->failure = put(&at, failure);
    effect->fence = json_integer_value(json_object_get(line, "fence"));
    effect->ordered_ms = json_integer_value(json_object_get(line, "orderedAt"));
    effect->ends_ms = json_is_integer(ends) ? json_integer_value(ends) : NEVER_MS;
    effect->steps = json_incref(json_object_get(line, "steps"));
    return effect;
}

static bool starts_installation(const char *stage)
{
    return strcmp(stage, "StartingInstallation") == 0 || strcmp(stage, "StartingUpgrade") == 0;
}

/* What was applied before is over: whoever waited for its end waits no longer. Own. NULL: nothing was. */
static struct effect *replace(struct simulator *simulator, struct effect *effect)
{
    struct effect *former = find(simulator, effect->runtime_id);

    effect->serial = ++simulator->serial;
    if (former != NULL) {
        HASH_DEL(simulator->world, former);
        /* What has been started is what is waited for now. */
        if (!starts_installation(effect->stage) && starts_installation(former->stage) &&
            strcmp(former->operation_id, effect->operation_id) == 0)
            effect->steps = json_incref(former->steps);
    }
    HASH_ADD_KEYPTR(hh, simulator->world, effect->runtime_id, strlen(effect->runtime_id), effect);
    return former;
}

/* A line that another process wrote: the runtime is in its hands. */
static void fold_line(void *context, const json_t *line)
{
    struct simulator *simulator = context;
    struct effect *former;

    if (strcmp(text_in(line, "effect"), "applied") != 0)
        return;
    former = replace(simulator, effect_new(line));
    if (former == NULL)
        return;
    if (former->watch != NULL)
        simulator->report(simulator->context, &(struct report){ .runtime_id = former->runtime_id,
                                                                .operation_id = former->operation_id,
                                                                .stage = former->stage,
                                                                .fence = former->fence,
                                                                .kind = REPORT_LOST,
                                                                .message = "" });
    effect_free(former);
}

/* --- The course of a stage --- */

static void tell_broken(struct simulator *simulator, const struct error *err)
{
    if (!simulator->broken)
        log_error("simulator_ledger_unusable", LOG_TEXT("error", err->message));
    simulator->broken = true;
}

static struct report report_of(const struct effect *effect, enum report_kind kind, const char *message)
{
    return (struct report){ .runtime_id = effect->runtime_id,
                            .operation_id = effect->operation_id,
                            .stage = effect->stage,
                            .fence = effect->fence,
                            .kind = kind,
                            .message = message };
}

static void tell_flap(const struct watch *watch)
{
    struct report report = report_of(watch->effect, REPORT_RETRIED, watch->fate.fail);

    report.reason = watch->fate.reason;
    report.component = watch->fate.component;
    watch->simulator->report(watch->simulator->context, &report);
}

static void tell_step(const struct watch *watch, size_t index)
{
    const char *component = json_string_value(json_array_get(watch->effect->steps, index));
    char message[256];
    struct report report = report_of(watch->effect, REPORT_PROGRESS, message);

    snprintf(message, sizeof message, "Installation in progress: %.200s", component == NULL ? "kyma" : component);
    watch->simulator->report(watch->simulator->context, &report);
}

static void tell_end(const struct watch *watch)
{
    const struct scenario_fate *fate = &watch->fate;
    struct report report = report_of(watch->effect, REPORT_DONE, "");

    if (*watch->effect->failure != '\0') {
        report.kind = REPORT_FAILED;
        report.message = watch->effect->failure;
        report.reason = "err_secret_values";
        report.component = "provisioner";
    } else if (fate->fail != NULL && fate->flaps == 0) {
        report.kind = REPORT_FAILED;
        report.message = fate->fail;
        report.reason = fate->reason;
        report.component = fate->component;
    } else {
        report.gives = watch->gives;
    }
    watch->simulator->report(watch->simulator->context, &report);
}

/* 1 if the call does not say. */
static int attempt_in(const json_t *detail)
{
    const json_t *attempt = json_object_get(detail, "attempt");

    return attempt == NULL ? 1 : (int)json_integer_value(attempt);
}

static struct scenario_fate fate_of(const struct simulator *simulator, const struct queued *call, const char *stage)
{
    return scenario_fate(simulator->scenario, (struct scenario_stage){ .runtime_id = call->runtime_id,
                                                                       .operation_id = call->operation_id,
                                                                       .operation = text_in(call->detail, "type"),
                                                                       .attempt = attempt_in(call->detail),
                                                                       .stage = stage });
}

/* Times of what is to be told next; NEVER_MS: nothing more. */
struct moments {
    int64_t flap_ms, step_ms, end_ms;
};

static struct moments moments_of(const struct watch *watch)
{
    const struct scenario_fate *fate = &watch->fate;
    const int64_t from_ms = watch->effect->ordered_ms;
    struct moments moments = { .flap_ms = NEVER_MS, .step_ms = NEVER_MS, .end_ms = watch->effect->ends_ms };

    if (watch->flaps < fate->flaps)
        moments.flap_ms = from_ms + scenario_moment_ms(fate, watch->flaps, fate->flaps);
    if (watch->steps < fate->steps)
        moments.step_ms = from_ms + scenario_moment_ms(fate, watch->steps, fate->steps);
    return moments;
}

static int64_t first_of(struct moments moments)
{
    int64_t first_ms = moments.end_ms < moments.flap_ms ? moments.end_ms : moments.flap_ms;

    return first_ms < moments.step_ms ? first_ms : moments.step_ms;
}

static void watch_next(const struct watch *watch)
{
    const int64_t at_ms = first_of(moments_of(watch));

    if (at_ms != NEVER_MS)
        schedule(watch->timer, at_ms - clock_now_ms());
}

/* Tells what is due, in order. The watch is gone if that was the end. */
static void tell_due(struct watch *watch, int64_t now_ms)
{
    struct moments moments = moments_of(watch);

    for (; first_of(moments) <= now_ms; moments = moments_of(watch)) {
        if (moments.flap_ms == first_of(moments)) {
            watch->flaps++;
            tell_flap(watch);
        } else if (moments.step_ms == first_of(moments)) {
            tell_step(watch, watch->steps++);
        } else if (scenario_holds(watch->simulator->scenario, watch->effect->runtime_id, watch->effect->stage)) {
            schedule(watch->timer, HELD_LOOK_MS);
            return;
        } else {
            watch->effect->watch = NULL;
            tell_end(watch);
            watch_free(watch);
            return;
        }
    }
    watch_next(watch);
}

/* Somebody else may have applied the next stage, or stopped this one, since it was watched here. The loop's clock may
 * have run ahead a little. */
static void on_moment(evutil_socket_t unused, short what, void *context)
{
    struct watch *watch = context;
    struct simulator *simulator = watch->simulator;
    const uint64_t serial = watch->effect->serial;
    char *runtime_id = strdup(watch->effect->runtime_id);
    struct effect *effect;
    struct error err;

    (void)unused;
    (void)what;
    if (runtime_id == NULL)
        abort();
    if (!ledger_read(simulator->ledger, &err))
        tell_broken(simulator, &err); /* a report too many does no harm */
    effect = find(simulator, runtime_id);
    if (effect != NULL && effect->serial == serial)
        tell_due(watch, clock_now_ms());
    free(runtime_id);
}

/* Of a stage that began before, only what is still to come is told. */
static void skip_told(struct watch *watch, int64_t now_ms)
{
    while (moments_of(watch).flap_ms < now_ms)
        watch->flaps++;
    while (moments_of(watch).step_ms < now_ms)
        watch->steps++;
}

static void watch_begin(struct simulator *simulator, struct effect *effect, const struct queued *call, bool begun)
{
    struct watch *watch;

    if (effect->watch != NULL)
        return;
    watch = allocated(sizeof *watch);
    watch->simulator = simulator;
    watch->effect = effect;
    watch->fate = fate_of(simulator, call, call->stage);
    watch->gives = simulated_gives(simulator->secrets, call->runtime_id, call->stage, call->detail);
    watch->timer = evtimer_new(simulator->base, on_moment, watch);
    if (watch->timer == NULL)
        abort();
    effect->watch = watch;
    if (begun)
        skip_told(watch, clock_now_ms());
    watch_next(watch);
}

/* --- Calls --- */

static bool write_refused(struct simulator *simulator, const struct queued *call, int64_t standing, struct error *err)
{
    json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "effect", "refused", "runtime", call->runtime_id,
                             "operation", call->operation_id, "stage", call->stage, "fence", (json_int_t)call->fence,
                             "standing", (json_int_t)standing, "at", (json_int_t)clock_now_ms());

    if (!ledger_append(simulator->ledger, line, err))
        return false;
    simulator->report(simulator->context, &(struct report){ .runtime_id = call->runtime_id,
                                                            .operation_id = call->operation_id,
                                                            .stage = call->stage,
                                                            .fence = call->fence,
                                                            .kind = REPORT_LOST,
                                                            .message = "" });
    return true;
}

/* The line of a stage that begins now. Own. */
static json_t *applied_line(const struct simulator *simulator, const struct queued *call)
{
    const struct scenario_fate fate = fate_of(simulator, call, call->stage);
    json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o}", "effect", "applied", "runtime", call->runtime_id,
                             "operation", call->operation_id, "stage", call->stage, "fence", (json_int_t)call->fence,
                             "orderedAt", (json_int_t)call->ordered_ms, "at", (json_int_t)clock_now_ms(), "endsAt",
                             fate.never ? json_null() : json_integer(call->ordered_ms + fate.duration_ms));
    size_t steps;

    if (!starts_installation(call->stage))
        return line;
    simulated_installation(simulator->secrets, call->detail, line);
    steps = fate_of(simulator, call, "WaitingForInstallation").steps;
    if (steps > 0)
        json_object_set_new(line, "steps", simulated_steps(call->detail, steps));
    return line;
}

static bool is_same(const struct effect *standing, const struct queued *call)
{
    return standing != NULL && strcmp(standing->operation_id, call->operation_id) == 0 &&
           strcmp(standing->stage, call->stage) == 0;
}

/* A stop that is ordered again goes on under the new fence: it would never end if each order began it anew. */
static void go_on(const struct effect *standing, json_t *line)
{
    json_object_set_new(line, "orderedAt", json_integer(standing->ordered_ms));
    json_object_set_new(line, "endsAt", standing->ends_ms == NEVER_MS ? json_null() : json_integer(standing->ends_ms));
}

static bool write_applied(struct simulator *simulator, const struct queued *call, struct error *err)
{
    const struct effect *standing = find(simulator, call->runtime_id);
    json_t *line = applied_line(simulator, call);
    bool written;
    struct effect *former;

    if (is_same(standing, call) && strcmp(call->stage, "Stopping") == 0)
        go_on(standing, line);
    written = ledger_append(simulator->ledger, json_incref(line), err);
    former = written ? replace(simulator, effect_new(line)) : NULL;

    if (former != NULL)
        effect_free(former);
    json_decref(line);
    return written;
}

/* The ledger is locked. False: it could not be written, nothing has happened. */
static bool carry_out(struct simulator *simulator, const struct queued *call, struct error *err)
{
    const struct effect *standing = find(simulator, call->runtime_id);
    bool begun;

    if (standing != NULL && call->fence < standing->fence)
        return write_refused(simulator, call, standing->fence, err);
    begun = is_same(standing, call) && call->fence == standing->fence;
    if (!begun && !write_applied(simulator, call, err))
        return false;
    watch_begin(simulator, find(simulator, call->runtime_id), call, begun);
    return true;
}

static struct queued *unqueue(struct simulator *simulator)
{
    struct queued *call = simulator->queue;

    simulator->queue = call->next;
    if (simulator->queue == NULL)
        simulator->queue_end = &simulator->queue;
    return call;
}

static void queued_free(struct queued *call)
{
    json_decref(call->detail);
    free(call);
}

static bool carry_out_some(struct simulator *simulator, struct error *err)
{
    for (int i = 0; i < CALLS_A_LOCK && simulator->queue != NULL; i++) {
        if (!carry_out(simulator, simulator->queue, err))
            return false;
        queued_free(unqueue(simulator));
    }
    return true;
}

static void drain(evutil_socket_t unused, short what, void *context)
{
    struct simulator *simulator = context;
    enum ledger_locked locked;
    struct error err;
    int64_t again_ms = 0;

    (void)unused;
    (void)what;
    locked = ledger_lock(simulator->ledger, &err);
    if (locked == LEDGER_LOCKED) {
        if (!carry_out_some(simulator, &err))
            locked = LEDGER_BROKEN;
        ledger_unlock(simulator->ledger);
    }
    switch (locked) {
    case LEDGER_LOCKED: simulator->broken = false; break;
    case LEDGER_BUSY: again_ms = BUSY_RETRY_MS; break;
    case LEDGER_BROKEN:
        tell_broken(simulator, &err);
        again_ms = BROKEN_RETRY_MS;
        break;
    }
    if (simulator->queue != NULL)
        schedule(simulator->drain, again_ms);
}

static void simulator_drive(void *driver, const struct call *call)
{
    struct simulator *simulator = driver;
    struct queued *queued = allocated(sizeof *queued + strlen(call->runtime_id) + strlen(call->operation_id) +
                                      strlen(call->stage) + 3);
    char *at = queued->texts;

    queued->runtime_id = put(&at, call->runtime_id);
    queued->operation_id = put(&at, call->operation_id);
    queued->stage = put(&at, call->stage);
    queued->fence = call->fence;
    queued->ordered_ms = call->ordered_at_ms;
    queued->detail = json_incref(call->detail);
    if (simulator->queue == NULL)
        schedule(simulator->drain, 0); /* all calls of this turn of the loop under one lock */
    *simulator->queue_end = queued;
    simulator->queue_end = &queued->next;
}

/* --- Life cycle --- */

static void simulator_close(void *driver)
{
    struct simulator *simulator = driver;
    struct effect *effect, *next;

    if (simulator == NULL)
        return;
    while (simulator->queue != NULL)
        queued_free(unqueue(simulator));
    HASH_ITER(hh, simulator->world, effect, next) {
        HASH_DEL(simulator->world, effect);
        effect_free(effect);
    }
    if (simulator->drain != NULL)
        event_free(simulator->drain);
    ledger_close(simulator->ledger);
    scenario_free(simulator->scenario);
    free(simulator);
}

static void *simulator_open(struct event_base *base, const void *from, driver_report *report, void *context,
                            struct error *err)
{
    const struct simulator_options *options = from;
    bool has_scenario = options->scenario != NULL && *options->scenario != '\0';
    struct simulator *simulator = allocated(sizeof *simulator);

    simulator->base = base;
    simulator->report = report;
    simulator->context = context;
    simulator->secrets = options->secrets;
    simulator->queue_end = &simulator->queue;
    simulator->drain = evtimer_new(base, drain, simulator);
    if (simulator->drain == NULL)
        abort();
    simulator->scenario = scenario_load(has_scenario ? options->scenario : NULL, err);
    if (simulator->scenario != NULL)
        simulator->ledger = ledger_open(options->ledger, fold_line, simulator, err);
    if (simulator->ledger != NULL && ledger_read(simulator->ledger, err))
        return simulator;
    simulator_close(simulator);
    return NULL;
}

const struct driver simulator_driver = {
    .name = "simulator",
    .open = simulator_open,
    .drive = simulator_drive,
    .close = simulator_close,
};
