#include "services/provisioner/world.h"

#include <stdlib.h>

#include "common/release/release_watch.h"
#include "services/provisioner/driving.h"
#include "services/provisioner/runtime.h"

/* One in a process: struct service hands it to the core, but to nobody else. */
static struct runtime_settings runtime_settings;

struct world {
    void *driving;
    struct release_watch *watch;
};

/* --- Releases --- */

static void exchange(struct releases *releases)
{
    releases_free((struct releases *)(uintptr_t)runtime_settings.releases);
    runtime_settings.releases = releases;
}

/* What is in force stays so if the folder is wrong; the watch has logged why. */
static void told(void *context, struct releases *releases, const char *reason)
{
    (void)context;
    (void)reason;
    if (releases != NULL)
        exchange(releases);
}

static bool load_releases(const struct settings *settings, struct error *err)
{
    struct releases *releases = releases_load(settings_text(settings, "TIDEGATE_RELEASES"), err);

    if (releases == NULL)
        return false;
    if (!releases_have_default(releases, settings_text(settings, "TIDEGATE_KYMA_VERSION"), err)) {
        error_context(err, "TIDEGATE_KYMA_VERSION");
        releases_free(releases);
        return false;
    }
    exchange(releases);
    return true;
}

/* --- Settings --- */

bool provisioner_configure(const struct settings *settings, const void **core_settings, struct error *err)
{
    if (!stage_limits_parse(settings_text(settings, "TIDEGATE_STAGE_LIMITS"), runtime_settings.stage_limits_ms, err)) {
        error_context(err, "TIDEGATE_STAGE_LIMITS");
        return false;
    }
    runtime_settings.privileged_containers = settings_boolean(settings, "TIDEGATE_PRIVILEGED_CONTAINERS");
    runtime_settings.kubernetes_auto_update = settings_boolean(settings, "TIDEGATE_KUBERNETES_AUTO_UPDATE");
    runtime_settings.machine_image_auto_update = settings_boolean(settings, "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE");
    *core_settings = &runtime_settings;
    return load_releases(settings, err);
}

/* --- The world --- */

static void drive(void *context, const struct call *call)
{
    const struct world *world = context;

    driving_world.drive(world->driving, call);
}

static void close_world(void *context)
{
    struct world *world = context;

    release_watch_free(world->watch);
    if (world->driving != NULL)
        driving_world.close(world->driving);
    free(world);
}

static void *open_world(struct event_base *base, const struct settings *settings, struct service_process *process,
                        struct error *err)
{
    struct world *world = calloc(1, sizeof *world);

    if (world == NULL)
        abort();
    world->driving = driving_world.open(base, settings, process, err);
    if (world->driving == NULL) {
        close_world(world);
        return NULL;
    }
    world->watch = release_watch_new(base, (struct release_watch_options){
                                               .folder = settings_text(settings, "TIDEGATE_RELEASES"),
                                               .version = settings_text(settings, "TIDEGATE_KYMA_VERSION"),
                                               .told = told,
                                               .context = world });
    return world;
}

const struct service_world provisioner_world = { .open = open_world, .drive = drive, .close = close_world };
