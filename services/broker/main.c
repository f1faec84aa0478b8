/* broker - registers instances and finds those that an orchestration means. */
#include "common/base/embed.h"
#include "common/log/service.h"
#include "services/broker/instance.h"

EMBED_TEXT(broker_readmodel_sql, "services/broker/readmodel.sql");
EMBED_TEXT(broker_views_sql, "services/broker/views.sql");

int main(int argc, char **argv)
{
    static const struct service broker = {
        .name = "broker",
        .core = &instance_core,
        .readmodel_sql = broker_readmodel_sql,
        .views_sql = broker_views_sql,
    };

    return service_run(&broker, argc, argv);
}
