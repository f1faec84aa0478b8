#include "services/orchestrator/releases_watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/json/lenient.h"
#include "common/release/release_watch.h"
#include "services/orchestrator/state.h"

struct world {
    struct service_process *process;
    struct release_watch *watch;
};

/* A partition that several lanes share is told once. */
static void tell_lanes(const struct world *world, const json_t *data)
{
    static const char *const lanes[] = { "kyma", "cluster" };
    int partitions = service_partitions(world->process), told = -1;

    for (size_t i = 0; i < sizeof lanes / sizeof lanes[0]; i++) {
        int partition = partition_of(lanes[i], partitions);

        if (partition != told)
            service_tell(world->process, partition, "tidegate.orchestration.releases.v1",
                         json_incref((json_t *)(uintptr_t)data));
        told = partition;
    }
}

static void told(void *context, struct releases *releases, const char *reason)
{
    char hash[SHA256_HEX_SIZE];
    json_t *data;

    if (releases != NULL) {
        data = json_pack("{s:s, s:O}", "hash", releases_json_hash(releases), "releases", releases_json(releases));
    } else {
        sha256_hex(reason, strlen(reason), hash); /* of what is wrong: the files may not even be readable */
        data = json_pack("{s:s, s:o}", "hash", hash, "error", json_text(reason));
    }
    tell_lanes(context, data);
    json_decref(data);
    releases_free(releases);
}

static void *open_world(struct event_base *base, const struct settings *settings, struct service_process *process,
                        struct error *err)
{
    struct world *world = value_allocate(sizeof *world);

    (void)err;
    world->process = process;
    world->watch = release_watch_new(base, (struct release_watch_options){
                                               .folder = settings_text(settings, "TIDEGATE_RELEASES"),
                                               .version = settings_text(settings, "TIDEGATE_KYMA_VERSION"),
                                               .told = told,
                                               .context = world });
    return world;
}

static void close_world(void *context)
{
    struct world *world = context;

    release_watch_free(world->watch);
    free(world);
}

const struct service_world releases_watch_world = { .open = open_world, .close = close_world };
