/* orchestrator - upgrades many runtimes, a bounded number at a time. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "common/release/release.h"
#include "services/orchestrator/releases_watch.h"
#include "services/orchestrator/state.h"

EMBED_TEXT(orchestrator_readmodel_sql, "services/orchestrator/readmodel.sql");
EMBED_TEXT(orchestrator_views_sql, "services/orchestrator/views.sql");

static const struct setting settings_table[] = {
    { "TIDEGATE_KYMA_VERSION", SETTING_TEXT, "2.4.2", 1, 64, "the Kyma version of requests that name none", NULL },
    { "TIDEGATE_KUBERNETES_VERSION", SETTING_TEXT, "1.23.6", 1, 64, "the Kubernetes version of requests that name none",
      NULL },
    { "TIDEGATE_MACHINE_IMAGE", SETTING_TEXT, "", 0, 64,
      "the machine image of upgrades of clusters that name none; empty: it stays as it is", NULL },
    { "TIDEGATE_MACHINE_IMAGE_VERSION", SETTING_TEXT, "", 0, 64, "its version, likewise", NULL },
    { "TIDEGATE_KUBERNETES_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0,
      "clusters get Kubernetes updates by themselves, where a client does not say", NULL },
    { "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0,
      "clusters get machine image updates by themselves, where a client does not say", NULL },
    { "TIDEGATE_RELEASES", SETTING_TEXT, "deploy/releases", 1, 4096,
      "folder of release files, <version>.json and versions.json; watched", NULL },
    { "TIDEGATE_ORCHESTRATIONS_MAX", SETTING_INTEGER, "1", 1, LANE_ORCHESTRATIONS_MAX,
      "orchestrations of each type that run at a time; the others wait in pending", NULL },
    { 0 },
};

static bool configure(const struct settings *settings, const void **core_settings, struct error *err)
{
    static struct orchestration_settings orchestration;
    struct releases *releases = releases_load(settings_text(settings, "TIDEGATE_RELEASES"), err);

    if (releases == NULL)
        return false;
    orchestration = (struct orchestration_settings){
        .kyma_version = settings_text(settings, "TIDEGATE_KYMA_VERSION"),
        .kubernetes_version = settings_text(settings, "TIDEGATE_KUBERNETES_VERSION"),
        .machine_image = settings_text(settings, "TIDEGATE_MACHINE_IMAGE"),
        .machine_image_version = settings_text(settings, "TIDEGATE_MACHINE_IMAGE_VERSION"),
        .kubernetes_auto_update = settings_boolean(settings, "TIDEGATE_KUBERNETES_AUTO_UPDATE"),
        .machine_image_auto_update = settings_boolean(settings, "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE"),
        .releases = releases,
        .partitions = (int)settings_integer(settings, "TIDEGATE_PARTITIONS"),
        .orchestrations_max = (int)settings_integer(settings, "TIDEGATE_ORCHESTRATIONS_MAX"),
    };
    if (!releases_have_default(releases, orchestration.kyma_version, err)) {
        error_context(err, "TIDEGATE_KYMA_VERSION");
        return false;
    }
    *core_settings = &orchestration;
    return true;
}

int main(int argc, char **argv)
{
    static const struct service orchestrator = {
        .name = "orchestrator",
        .core = &orchestration_core,
        .readmodel_sql = orchestrator_readmodel_sql,
        .views_sql = orchestrator_views_sql,
        .settings = settings_table,
        .configure = configure,
        .world = &releases_watch_world,
    };

    return service_run(&orchestrator, argc, argv);
}
