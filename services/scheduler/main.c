/* scheduler - opens operations when they may run. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "services/scheduler/policy_watch.h"
#include "services/scheduler/schedule.h"

EMBED_TEXT(scheduler_readmodel_sql, "services/scheduler/readmodel.sql");
EMBED_TEXT(scheduler_views_sql, "services/scheduler/views.sql");

static const struct setting settings_table[] = {
    { "TIDEGATE_MAINTENANCE_POLICY", SETTING_TEXT, "", 0, 4096,
      "file of the maintenance policy (JSON), watched; empty: none is watched, and what is in force stays so", NULL },
    { 0 },
};

int main(int argc, char **argv)
{
    static const struct service scheduler = {
        .name = "scheduler",
        .core = &schedule_core,
        .readmodel_sql = scheduler_readmodel_sql,
        .views_sql = scheduler_views_sql,
        .settings = settings_table,
        .world = &policy_watch_world,
    };

    return service_run(&scheduler, argc, argv);
}
