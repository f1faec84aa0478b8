#include "services/provisioner/driving.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/observe/metrics.h"
#include "common/secret/secret.h"
#include "services/provisioner/in_flight.h"
#include "services/provisioner/simulator.h"

enum {
    GATHER_MS = 5,                 /* stages that end together are reported together */
    REPORTS_MAX = 100,             /* in one message */
    REPORTS_SIZE_MAX = 512 * 1024, /* bytes of one, and it may end with one larger: a record has room for that */
};

struct gathered {
    json_t *reports; /* an array, or NULL */
    size_t size;     /* bytes of its dump, about */
};

struct world {
    const struct driver *driver;
    void *driving;
    struct secrets *secrets;
    struct service_process *process;
    struct in_flight *in_flight;
    struct metric *started, *waiting;
    struct event *gathered;
    struct gathered *reports; /* by partition */
};

/* --- Reports --- */

static void tell(struct world *world, int partition)
{
    json_t *reports = world->reports[partition].reports;

    world->reports[partition] = (struct gathered){ 0 };
    if (reports != NULL)
        service_tell(world->process, partition, "tidegate.runtime.progress.v1", json_pack("{s:o}", "reports", reports));
}

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    struct world *world = context;

    (void)fd;
    (void)what;
    for (int i = 0; i < service_partitions(world->process); i++)
        tell(world, i);
}

static void put_text(json_t *message, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_new(message, name, json_text(text));
}

/* As tidegate.runtime.progress.v1 has it (proto/README.md). A cluster's texts may be cut or broken: no report is lost for
 * that. */
static json_t *report_message(const struct report *report)
{
    const bool failed = report->kind == REPORT_RETRIED || report->kind == REPORT_FAILED;
    json_t *message = json_pack("{s:s,s:s,s:s,s:I,s:b}", "runtimeID", report->runtime_id, "operationID",
                                report->operation_id, "stage", report->stage, "fence", (json_int_t)report->fence, "ok",
                                !failed);

    put_text(message, "message", report->message);
    if (report->kind == REPORT_PROGRESS || report->kind == REPORT_RETRIED)
        json_object_set_new(message, "ended", json_false());
    put_text(message, "reason", report->reason);
    put_text(message, "component", report->component);
    if (report->gives != NULL)
        json_object_set(message, "gives", (json_t *)report->gives);
    return message;
}

static void gather(struct world *world, const struct report *report)
{
    static const struct timeval gather_for = { .tv_usec = GATHER_MS * 1000 };
    int partition = partition_of(report->runtime_id, service_partitions(world->process));
    struct gathered *gathered = &world->reports[partition];
    json_t *message = report_message(report);

    if (gathered->reports == NULL)
        gathered->reports = json_array();
    gathered->size += json_dumpb(message, NULL, 0, JSON_COMPACT);
    json_array_append_new(gathered->reports, message);
    if (json_array_size(gathered->reports) >= REPORTS_MAX || gathered->size >= REPORTS_SIZE_MAX)
        tell(world, partition);
    else if (!evtimer_pending(world->gathered, NULL))
        evtimer_add(world->gathered, &gather_for);
}

static void tell_in_flight(const struct world *world)
{
    const struct in_flight_count count = in_flight_count(world->in_flight);

    metric_set(world->started, (double)count.started);
    metric_set(world->waiting, (double)count.waiting);
}

static void on_report(void *context, const struct report *report)
{
    struct world *world = context;

    if (report->kind != REPORT_LOST)
        gather(world, report);
    if (report->kind == REPORT_PROGRESS || report->kind == REPORT_RETRIED)
        return;
    in_flight_ended(world->in_flight, report->runtime_id, report->operation_id, report->stage, report->fence);
    tell_in_flight(world);
}

/* --- Calls --- */

static void drive(void *context, const struct call *call)
{
    struct world *world = context;

    in_flight_call(world->in_flight, call);
    tell_in_flight(world);
}

static void start(void *context, const struct call *call)
{
    struct world *world = context;

    world->driver->drive(world->driving, call);
}

/* --- Life cycle --- */

static void close_world(void *context)
{
    struct world *world = context;

    world->driver->close(world->driving);
    in_flight_free(world->in_flight); /* not told, not begun: the next owner asks for these stages again */
    if (world->gathered != NULL)
        event_free(world->gathered);
    for (int i = 0; i < service_partitions(world->process); i++)
        json_decref(world->reports[i].reports);
    free(world->reports);
    secrets_free(world->secrets);
    free(world);
}

static bool open_driver(struct world *world, struct event_base *base, const struct settings *settings,
                        struct error *err)
{
    const char *keys = settings_text(settings, "TIDEGATE_SECRET_KEYS");
    struct simulator_options options = { .ledger = settings_text(settings, "TIDEGATE_SIMULATOR_LEDGER"),
                                         .scenario = settings_text(settings, "TIDEGATE_SIMULATOR_SCENARIO") };

    if (*keys == '\0')
        return error_set(err, ERROR_INPUT, "TIDEGATE_SECRET_KEYS: must be the path of the key file");
    world->secrets = secrets_load(keys, err);
    if (world->secrets == NULL) {
        error_context(err, "TIDEGATE_SECRET_KEYS");
        return false;
    }
    options.secrets = world->secrets;
    world->driving = world->driver->open(base, &options, on_report, world, err);
    return world->driving != NULL;
}

static void *open_world(struct event_base *base, const struct settings *settings, struct service_process *process,
                        struct error *err)
{
    struct world *world = calloc(1, sizeof *world);

    if (world == NULL || (world->reports = calloc((size_t)service_partitions(process), sizeof *world->reports)) == NULL)
        abort();
    world->driver = &simulator_driver;
    world->process = process;
    world->in_flight = in_flight_new((size_t)settings_integer(settings, "TIDEGATE_OPERATIONS_MAX"), start, world);
    world->started = metrics_gauge("tidegate_stages_in_flight", "Stages at the driver.", NULL);
    world->waiting = metrics_gauge("tidegate_stages_waiting", "Stages that wait for room at the driver.", NULL);
    world->gathered = evtimer_new(base, on_gathered, world);
    if (world->gathered != NULL && open_driver(world, base, settings, err))
        return world;
    close_world(world);
    return NULL;
}

const struct service_world driving_world = { .open = open_world, .drive = drive, .close = close_world };
