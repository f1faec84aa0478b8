/* runtimes: the fleet as the broker knows it. */
#include "services/tidectl/command.h"

enum { OPTION_ACCOUNT = 256, OPTION_PLAN, OPTION_REGION, OPTION_RUNTIME };

static const struct option options[] = {
    { "account", required_argument, NULL, OPTION_ACCOUNT },
    { "plan", required_argument, NULL, OPTION_PLAN },
    { "region", required_argument, NULL, OPTION_REGION },
    { "runtime", required_argument, NULL, OPTION_RUNTIME },
    { 0 },
};

static const char *const parameters[] = { "account", "plan", "region", "runtime_id" };

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
    struct error err = { .code = ERROR_NONE };
    struct resource path = { .size = 0 };
    struct client *client;
    json_t *list = NULL;

    resource_literal(&path, "/runtimes");
    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        resource_parameter(&path, parameters[option - OPTION_ACCOUNT], optarg);
    }
    if (optind < argc)
        return usage_error(context, "runtimes takes no argument; filters are options");
    if (path.overflown)
        return usage_error(context, "the arguments are too long");
    client = client_open(context, &err);
    if (client != NULL)
        list = client_list(client, path.text, &err);
    client_free(client);
    if (list == NULL)
        return failed(&err);
    if (context->json)
        print_json(list);
    else
        show(context, list);
    json_decref(list);
    return EXIT_DONE;
}
