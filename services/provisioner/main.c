/* provisioner - one operation at a time on a runtime, stage by stage, through a driver. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "common/release/release.h"
#include "services/provisioner/driving.h"
#include "services/provisioner/runtime.h"

EMBED_TEXT(provisioner_readmodel_sql, "services/provisioner/readmodel.sql");
EMBED_TEXT(provisioner_views_sql, "services/provisioner/views.sql");

static const struct setting settings_table[] = {
    { "TIDEGATE_RELEASES", SETTING_TEXT, "deploy/releases", 1, 4096, "folder of release files, <version>.json", NULL },
    { "TIDEGATE_SECRET_KEYS", SETTING_TEXT, "", 0, 4096,
      "the key file of sealed secrets (JSON; readable by nobody else); needed", NULL },
    { "TIDEGATE_OPERATIONS_MAX", SETTING_INTEGER, "10000", 1, 1000000,
      "stages at the driver at a time; further ones wait, and their limits count on", NULL },
    { "TIDEGATE_STAGE_LIMITS", SETTING_TEXT, "", 0, 4096,
      "limits of stages other than the defaults: WaitingForInstallation=22h,...", NULL },
    { "TIDEGATE_PRIVILEGED_CONTAINERS", SETTING_BOOLEAN, "false", 0, 0,
      "allow privileged containers on every cluster, whatever a client asks for", NULL },
    { "TIDEGATE_KUBERNETES_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0,
      "clusters get Kubernetes updates by themselves, where a client does not say", NULL },
    { "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE", SETTING_BOOLEAN, "false", 0, 0,
      "clusters get machine image updates by themselves, where a client does not say", NULL },
    { "TIDEGATE_SIMULATOR_LEDGER", SETTING_TEXT, ".run/simulator/ledger.ndjson", 1, 4096,
      "the simulated world: a file that all provisioner processes share", NULL },
    { "TIDEGATE_SIMULATOR_SCENARIO", SETTING_TEXT, "", 0, 4096,
      "file with durations and failures of simulated stages (docs/rehearsal.md); empty: 2 to 4 s each, no failure",
      NULL },
    { 0 },
};

static bool configure(const struct settings *settings, const void **core_settings, struct error *err)
{
    static struct runtime_settings runtime;
    struct releases *releases = releases_load(settings_text(settings, "TIDEGATE_RELEASES"), err);

    if (releases == NULL)
        return false;
    runtime = (struct runtime_settings){
        .releases = releases,
        .privileged_containers = settings_boolean(settings, "TIDEGATE_PRIVILEGED_CONTAINERS"),
        .kubernetes_auto_update = settings_boolean(settings, "TIDEGATE_KUBERNETES_AUTO_UPDATE"),
        .machine_image_auto_update = settings_boolean(settings, "TIDEGATE_MACHINE_IMAGE_AUTO_UPDATE"),
    };
    if (!stage_limits_parse(settings_text(settings, "TIDEGATE_STAGE_LIMITS"), runtime.stage_limits_ms, err)) {
        error_context(err, "TIDEGATE_STAGE_LIMITS");
        return false;
    }
    *core_settings = &runtime;
    return true;
}

int main(int argc, char **argv)
{
    static const struct service provisioner = {
        .name = "provisioner",
        .core = &runtime_core,
        .readmodel_sql = provisioner_readmodel_sql,
        .views_sql = provisioner_views_sql,
        .settings = settings_table,
        .configure = configure,
        .world = &driving_world,
    };

    return service_run(&provisioner, argc, argv);
}
