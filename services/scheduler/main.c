/* scheduler - opens operations when they may run. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "services/scheduler/schedule.h"

EMBED_TEXT(scheduler_readmodel_sql, "services/scheduler/readmodel.sql");
EMBED_TEXT(scheduler_views_sql, "services/scheduler/views.sql");

int main(int argc, char **argv)
{
    static const struct service scheduler = {
        .name = "scheduler",
        .core = &schedule_core,
        .readmodel_sql = scheduler_readmodel_sql,
        .views_sql = scheduler_views_sql,
    };

    return service_run(&scheduler, argc, argv);
}
