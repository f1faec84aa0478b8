/* scheduler - opens operations when they may run. */
#include "common/base/embed.h"
#include "common/base/timestamp.h"
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

/* A file that cannot be read is none yet: the watch says so, and goes on looking. */
static bool configure(const struct settings *settings, const void **core_settings, struct error *err)
{
    static struct schedule_settings schedule;
    const char *path = settings_text(settings, "TIDEGATE_MAINTENANCE_POLICY");

    (void)err;
    schedule.policy_read_ms = clock_now_ms();
    schedule.policy_at_start = *path == '\0' ? NULL : policy_file_read(path);
    *core_settings = &schedule;
    return true;
}

int main(int argc, char **argv)
{
    static const struct service scheduler = {
        .name = "scheduler",
        .core = &schedule_core,
        .readmodel_sql = scheduler_readmodel_sql,
        .views_sql = scheduler_views_sql,
        .settings = settings_table,
        .configure = configure,
        .world = &policy_watch_world,
    };

    return service_run(&scheduler, argc, argv);
}
