/* provisioner - one operation at a time on a runtime, stage by stage, through a driver. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "services/provisioner/runtime.h"
#include "services/provisioner/world.h"

EMBED_TEXT(provisioner_readmodel_sql, "services/provisioner/readmodel.sql");
EMBED_TEXT(provisioner_views_sql, "services/provisioner/views.sql");

static const struct setting settings_table[] = {
    { "TIDEGATE_RELEASES", SETTING_TEXT, "deploy/releases", 1, 4096,
      "folder of the releases, <version>.json and versions.json; watched", NULL },
    { "TIDEGATE_KYMA_VERSION", SETTING_TEXT, "2.4.2", 1, 100, "the version that an upgrade without a version means",
      NULL },
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

int main(int argc, char **argv)
{
    static const struct service provisioner = {
        .name = "provisioner",
        .core = &runtime_core,
        .readmodel_sql = provisioner_readmodel_sql,
        .views_sql = provisioner_views_sql,
        .settings = settings_table,
        .configure = provisioner_configure,
        .world = &provisioner_world,
    };

    return service_run(&provisioner, argc, argv);
}
