#include "services/provisioner/simulator.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/base/timestamp.h"
#include "common/observe/log.h"
#include "services/provisioner/ledger.h"
#include "services/provisioner/scenario.h"

enum {
    CALLS_A_LOCK = 500, /* so that others get the ledger too, and the event loop its turn */
    BUSY_RETRY_MS = 2,
    BROKEN_RETRY_MS = 1000,
};

/* The last stage that was applied to a runtime: all that the world needs to remember of it. */
struct effect {
    const char *runtime_id, *operation_id, *stage; /* in `texts` */
    int64_t fence, ends_ms;
    uint64_t serial;     /* tells an effect from one that later stands at the same address */
    struct event *timer; /* its end is to be reported here; NULL: somewhere else, or reported already */
    struct simulator *simulator;
    UT_hash_handle hh; /* by runtime ID */
    char texts[];
};

/* A call that waits for the ledger. */
struct queued {
    struct queued *next;
    const char *runtime_id, *operation_id, *stage; /* in `texts` */
    int64_t fence, ordered_ms;
    char texts[];
};

struct simulator {
    struct event_base *base;
    driver_report *report;
    void *context;
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

static size_t texts_size(const char *runtime_id, const char *operation_id, const char *stage)
{
    return strlen(runtime_id) + strlen(operation_id) + strlen(stage) + 3;
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

static void effect_free(struct effect *effect)
{
    if (effect->timer != NULL)
        event_free(effect->timer);
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

/* What was applied before is over: whoever waited for its end waits no longer. */
static void fold(struct simulator *simulator, const json_t *line)
{
    const char *runtime_id = text_in(line, "runtime"), *operation_id = text_in(line, "operation");
    const char *stage = text_in(line, "stage");
    struct effect *former = find(simulator, runtime_id), *effect;
    char *at;

    if (strcmp(text_in(line, "effect"), "applied") != 0)
        return;
    if (former != NULL) {
        HASH_DEL(simulator->world, former);
        effect_free(former);
    }
    effect = allocated(sizeof *effect + texts_size(runtime_id, operation_id, stage));
    at = effect->texts;
    effect->runtime_id = put(&at, runtime_id);
    effect->operation_id = put(&at, operation_id);
    effect->stage = put(&at, stage);
    effect->fence = json_integer_value(json_object_get(line, "fence"));
    effect->ends_ms = json_integer_value(json_object_get(line, "endsAt"));
    effect->serial = ++simulator->serial;
    effect->simulator = simulator;
    HASH_ADD_KEYPTR(hh, simulator->world, effect->runtime_id, strlen(effect->runtime_id), effect);
}

static void fold_line(void *context, const json_t *line)
{
    fold(context, line);
}

/* --- The end of a stage --- */

static void tell_broken(struct simulator *simulator, const struct error *err)
{
    if (!simulator->broken)
        log_error("simulator_ledger_unusable", LOG_TEXT("error", err->message));
    simulator->broken = true;
}

static void tell_end(struct simulator *simulator, const struct effect *effect)
{
    struct scenario_fate fate = scenario_fate(simulator->scenario,
                                              (struct scenario_stage){ .runtime_id = effect->runtime_id,
                                                                       .operation_id = effect->operation_id,
                                                                       .stage = effect->stage });

    simulator->report(simulator->context, effect->runtime_id, effect->operation_id, effect->stage, fate.fail == NULL,
                      fate.fail == NULL ? "" : fate.fail);
}

/* Somebody else may have applied the next stage, or stopped this one, since it was armed here. */
static void stage_ended(evutil_socket_t unused, short what, void *context)
{
    struct effect *effect = context;
    struct simulator *simulator = effect->simulator;
    uint64_t serial = effect->serial;
    char *runtime_id = strdup(effect->runtime_id);
    struct error err;

    (void)unused;
    (void)what;
    if (runtime_id == NULL)
        abort();
    if (!ledger_read(simulator->ledger, &err))
        tell_broken(simulator, &err); /* a report too many does no harm */
    effect = find(simulator, runtime_id);
    if (effect != NULL && effect->serial == serial && effect->ends_ms > clock_now_ms()) {
        schedule(effect->timer, effect->ends_ms - clock_now_ms()); /* the loop's clock ran ahead a little */
    } else if (effect != NULL && effect->serial == serial) {
        event_free(effect->timer);
        effect->timer = NULL;
        tell_end(simulator, effect);
    }
    free(runtime_id);
}

static void arm(struct effect *effect)
{
    if (effect->timer != NULL)
        return;
    effect->timer = evtimer_new(effect->simulator->base, stage_ended, effect);
    if (effect->timer == NULL)
        abort();
    schedule(effect->timer, effect->ends_ms - clock_now_ms());
}

/* --- Calls --- */

static bool write_refused(struct simulator *simulator, const struct queued *call, int64_t standing, struct error *err)
{
    json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "effect", "refused", "runtime", call->runtime_id,
                             "operation", call->operation_id, "stage", call->stage, "fence", (json_int_t)call->fence,
                             "standing", (json_int_t)standing, "at", (json_int_t)clock_now_ms());

    return ledger_append(simulator->ledger, line, err);
}

static bool write_applied(struct simulator *simulator, const struct queued *call, struct error *err)
{
    struct scenario_fate fate = scenario_fate(simulator->scenario,
                                              (struct scenario_stage){ .runtime_id = call->runtime_id,
                                                                       .operation_id = call->operation_id,
                                                                       .stage = call->stage });
    int64_t ends_ms = call->ordered_ms + fate.duration_ms;
    json_t *line = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I}", "effect", "applied", "runtime", call->runtime_id,
                             "operation", call->operation_id, "stage", call->stage, "fence", (json_int_t)call->fence,
                             "orderedAt", (json_int_t)call->ordered_ms, "at", (json_int_t)clock_now_ms(), "endsAt",
                             (json_int_t)ends_ms);
    bool written = ledger_append(simulator->ledger, json_incref(line), err);

    if (written)
        fold(simulator, line);
    json_decref(line);
    return written;
}

/* The ledger is locked. False: it could not be written, nothing has happened. */
static bool carry_out(struct simulator *simulator, const struct queued *call, struct error *err)
{
    const struct effect *standing = find(simulator, call->runtime_id);

    if (standing != NULL && call->fence < standing->fence)
        return write_refused(simulator, call, standing->fence, err);
    if ((standing == NULL || strcmp(standing->operation_id, call->operation_id) != 0 ||
         strcmp(standing->stage, call->stage) != 0) &&
        !write_applied(simulator, call, err))
        return false;
    arm(find(simulator, call->runtime_id));
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

static bool carry_out_some(struct simulator *simulator, struct error *err)
{
    for (int i = 0; i < CALLS_A_LOCK && simulator->queue != NULL; i++) {
        if (!carry_out(simulator, simulator->queue, err))
            return false;
        free(unqueue(simulator));
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
    struct queued *queued = allocated(sizeof *queued + texts_size(call->runtime_id, call->operation_id, call->stage));
    char *at = queued->texts;

    queued->runtime_id = put(&at, call->runtime_id);
    queued->operation_id = put(&at, call->operation_id);
    queued->stage = put(&at, call->stage);
    queued->fence = call->fence;
    queued->ordered_ms = call->ordered_at_ms;
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
        free(unqueue(simulator));
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
