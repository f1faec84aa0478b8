/* provisioner - one operation at a time on a runtime, stage by stage, through a driver. */
#include "common/base/embed.h"
#include "common/base/id.h"
#include "common/log/service.h"
#include "common/release/release.h"
#include "services/provisioner/runtime.h"
#include "services/provisioner/simulator.h"

#include <event2/event.h>
#include <stdlib.h>

EMBED_TEXT(provisioner_readmodel_sql, "services/provisioner/readmodel.sql");
EMBED_TEXT(provisioner_views_sql, "services/provisioner/views.sql");

static const struct setting settings_table[] = {
    { "TIDEGATE_RELEASES", SETTING_TEXT, "deploy/releases", 1, 4096, "folder of release files, <version>.json", NULL },
    { "TIDEGATE_SIMULATOR_LEDGER", SETTING_TEXT, ".run/simulator/ledger.ndjson", 1, 4096,
      "the simulated world: a file that all provisioner processes share", NULL },
    { "TIDEGATE_SIMULATOR_SCENARIO", SETTING_TEXT, "", 0, 4096,
      "file with durations and failures of simulated stages; empty: 2 to 4 s each, no failure", NULL },
    { 0 },
};

static bool configure(const struct settings *settings, const void **core_settings, struct error *err)
{
    static struct runtime_settings runtime;
    struct releases *releases = releases_load(settings_text(settings, "TIDEGATE_RELEASES"), err);

    if (releases == NULL)
        return false;
    runtime = (struct runtime_settings){ .releases = releases };
    *core_settings = &runtime;
    return true;
}

/* --- The world: a driver whose reports become requests --- */

enum {
    GATHER_MS = 5,     /* stages that end together are reported together */
    REPORTS_MAX = 100, /* in one message */
};

struct world {
    const struct driver *driver;
    void *driving;
    struct service_process *process;
    struct event *gathered;
    json_t **reports; /* by partition: an array, or NULL */
};

static void tell(struct world *world, int partition)
{
    json_t *reports = world->reports[partition];

    world->reports[partition] = NULL;
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

static void report(void *context, const char *runtime_id, const char *operation_id, const char *stage, bool ok,
                   const char *message)
{
    static const struct timeval gather = { .tv_usec = GATHER_MS * 1000 };
    struct world *world = context;
    int partition = partition_of(runtime_id, service_partitions(world->process));
    json_t **reports = &world->reports[partition];

    if (*reports == NULL)
        *reports = json_array();
    json_array_append_new(*reports, json_pack("{s:s,s:s,s:s,s:b,s:s}", "runtimeID", runtime_id, "operationID",
                                              operation_id, "stage", stage, "ok", ok, "message", message));
    if (json_array_size(*reports) >= REPORTS_MAX)
        tell(world, partition);
    else if (!evtimer_pending(world->gathered, NULL))
        evtimer_add(world->gathered, &gather);
}

static void close_world(void *context)
{
    struct world *world = context;

    world->driver->close(world->driving);
    event_free(world->gathered);
    for (int i = 0; i < service_partitions(world->process); i++)
        json_decref(world->reports[i]); /* not told: the next owner asks for these stages again */
    free(world->reports);
    free(world);
}

static void *open_world(struct event_base *base, const struct settings *settings, struct service_process *process,
                        struct error *err)
{
    struct simulator_options options = { .ledger = settings_text(settings, "TIDEGATE_SIMULATOR_LEDGER"),
                                         .scenario = settings_text(settings, "TIDEGATE_SIMULATOR_SCENARIO") };
    struct world *world = calloc(1, sizeof *world);

    if (world == NULL || (world->reports = calloc((size_t)service_partitions(process), sizeof(json_t *))) == NULL)
        abort();
    world->driver = &simulator_driver;
    world->process = process;
    world->gathered = evtimer_new(base, on_gathered, world);
    world->driving = world->driver->open(base, &options, report, world, err);
    if (world->driving == NULL) {
        close_world(world);
        return NULL;
    }
    return world;
}

static void drive(void *context, const struct call *call)
{
    struct world *world = context;

    world->driver->drive(world->driving, call);
}

int main(int argc, char **argv)
{
    static const struct service_world world = { .open = open_world, .drive = drive, .close = close_world };
    static const struct service provisioner = {
        .name = "provisioner",
        .core = &runtime_core,
        .readmodel_sql = provisioner_readmodel_sql,
        .views_sql = provisioner_views_sql,
        .settings = settings_table,
        .configure = configure,
        .world = &world,
    };

    return service_run(&provisioner, argc, argv);
}
