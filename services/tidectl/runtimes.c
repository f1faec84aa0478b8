/* runtimes: the fleet as the broker knows it. */
#include "services/tidectl/list.h"

static const struct list_filter filters[] = {
    { "account", "account", true, NULL },
    { "subaccount", "subaccount", true, NULL },
    { "instance", "instance_id", true, NULL },
    { "runtime", "runtime_id", true, NULL },
    { "region", "region", true, NULL },
    { "plan", "plan", true, NULL },
    { "shoot", "shoot", true, NULL },
    { "state", "state", true, NULL },
    { "last", "op_detail", false, "last" },
    { "kyma-config", "kyma_config", false, "true" },
    { "cluster-config", "cluster_config", false, "true" },
    { 0 },
};

static void show(const struct context *context, const json_t *list)
{
    static const char *const heads[] = { "RUNTIME", "SHOOT", "ACCOUNT", "SUBACCOUNT", "PLAN",
                                         "REGION",  "STATE", "KYMA",    NULL };
    struct table *table = table_new(heads);
    const json_t *runtime;
    size_t i;

    json_array_foreach(list, i, runtime)
        table_add(table, (const char *const[]){ member(runtime, "runtimeID"), member(runtime, "shootName"),
                                                member(runtime, "globalAccountID"), member(runtime, "subAccountID"),
                                                member(runtime, "servicePlanName"), member(runtime, "region"),
                                                member(json_object_get(runtime, "status"), "state"),
                                                member(runtime, "kymaVersion") });
    print_table(context, table);
    table_free(table);
}

int command_runtimes(struct context *context, int argc, char **argv)
{
    struct list_query query = { 0 };
    struct resource path = { .size = 0 };

    if (!list_read(context, argc, argv, filters, &query))
        return context->exit_code;
    if (optind < argc)
        return usage_error(context, "runtimes takes no argument; filters are options");
    resource_literal(&path, "/runtimes");
    return list_show(context, &path, &query, show);
}
