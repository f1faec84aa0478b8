/* orchestrations, orchestration, operations, cancel: what was asked for, how far it is, and stopping it. */
#include <stdlib.h>
#include <string.h>

#include "services/tidectl/list.h"

enum { OPTION_WATCH = 256, OPTION_OPERATION };

static const struct list_filter filters[] = { { "state", "state", true, NULL }, { 0 } };

static void show_orchestrations(const struct context *context, const json_t *list)
{
    static const char *const heads[] = { "ORCHESTRATION", "TYPE", "STATE", "CREATED", "VERSION", "DESCRIPTION", NULL };
    struct table *table = table_new(heads);
    const json_t *orchestration;
    size_t i;

    json_array_foreach(list, i, orchestration) {
        const json_t *parameters = json_object_get(orchestration, "parameters");
        char created[SHORT_TIME_SIZE], description[256];

        short_time(member(orchestration, "createdAt"), created);
        snprintf(description, sizeof description, "%s%s", member(orchestration, "description"),
                 json_is_true(json_object_get(parameters, "dryRun")) ? " (dry run)" : "");
        table_add(table, (const char *const[]){ member(orchestration, "orchestrationID"), member(orchestration, "type"),
                                                member(orchestration, "state"), created,
                                                member(json_object_get(parameters, "kyma"), "version"), description });
    }
    print_table(context, table);
    table_free(table);
}

int command_orchestrations(struct context *context, int argc, char **argv)
{
    struct list_query query = { 0 };
    struct resource path = { .size = 0 };

    if (!list_read(context, argc, argv, filters, &query))
        return context->exit_code;
    if (optind < argc)
        return usage_error(context, "orchestrations takes no argument; one orchestration: tidectl orchestration ID");
    resource_literal(&path, "/orchestrations");
    return list_show(context, &path, &query, show_orchestrations);
}

static bool any_window(const json_t *list)
{
    const json_t *operation;
    size_t i;

    json_array_foreach(list, i, operation) {
        if (strncmp(member(operation, "maintenanceWindowBegin"), "0001-", 5) != 0)
            return true;
    }
    return false;
}

/* The column for windows stands there only if some operation has one. */
static void show_operations(const struct context *context, const json_t *list)
{
    static const char *const plain[] = { "SHOOT", "RUNTIME", "ACCOUNT", "PLAN", "STATE", "DESCRIPTION", NULL };
    static const char *const windows[] = {
        "SHOOT", "RUNTIME", "ACCOUNT", "PLAN", "STATE", "WINDOW", "DESCRIPTION", NULL
    };
    const bool with_windows = any_window(list);
    struct table *table = table_new(with_windows ? windows : plain);
    const json_t *operation;
    size_t i;

    json_array_foreach(list, i, operation) {
        char window[SHORT_TIME_SIZE];
        const char *cells[] = { member(operation, "shootName"),       member(operation, "runtimeID"),
                                member(operation, "globalAccountID"), member(operation, "servicePlanName"),
                                member(operation, "state"),           member(operation, "description"),
                                member(operation, "description") };

        short_time(member(operation, "maintenanceWindowBegin"), window);
        if (with_windows)
            cells[5] = window;
        table_add(table, cells);
    }
    print_table(context, table);
    table_free(table);
}

int command_operations(struct context *context, int argc, char **argv)
{
    struct list_query query = { 0 };
    struct resource path = { .size = 0 };
    const char *id;

    if (!list_read(context, argc, argv, filters, &query))
        return context->exit_code;
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    resource_literal(&path, "/operations");
    return list_show(context, &path, &query, show_operations);
}

static void show_parameters(const json_t *parameters)
{
    const json_t *strategy = json_object_get(parameters, "strategy"), *targets = json_object_get(parameters, "targets");
    const json_t *workers = json_object_get(json_object_get(strategy, "parallel"), "workers");
    const json_t *kubernetes = json_object_get(parameters, "kubernetes");
    const json_t *failures = json_object_get(strategy, "maxFailures");
    char *include = json_dumps(json_object_get(targets, "include"), JSON_COMPACT);
    char *exclude = json_dumps(json_object_get(targets, "exclude"), JSON_COMPACT);
    char text[128];

    print_line("version", member(json_object_get(parameters, "kyma"), "version"), "");
    print_line("kubernetes", member(kubernetes, "kubernetesVersion"), "");
    snprintf(text, sizeof text, "%s %s", member(kubernetes, "machineImage"), member(kubernetes, "machineImageVersion"));
    print_line("machine image", strcmp(text, " ") != 0 ? text : "", "");
    snprintf(text, sizeof text, "%s, %s, %lld workers", member(strategy, "type"), member(strategy, "schedule"),
             (long long)json_integer_value(workers));
    print_line("strategy", text, "");
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(failures));
    print_line("max failures", failures != NULL ? text : "", "");
    print_line("include", include != NULL ? include : "", "");
    print_line("exclude", exclude != NULL ? exclude : "", "");
    print_line("dry run", json_is_true(json_object_get(parameters, "dryRun")) ? "yes" : "", "");
    free(include);
    free(exclude);
}

static void show_orchestration(const struct context *context, json_t *orchestration)
{
    const char *state = member(orchestration, "state"), *name;
    char created[SHORT_TIME_SIZE], updated[SHORT_TIME_SIZE], text[64];
    json_t *count;

    short_time(member(orchestration, "createdAt"), created);
    short_time(member(orchestration, "updatedAt"), updated);
    print_line("orchestration", member(orchestration, "orchestrationID"), "");
    print_line("type", member(orchestration, "type"), "");
    print_line("state", state, context->colour ? state_colour(state) : "");
    print_line("description", member(orchestration, "description"), "");
    print_line("created", created, "");
    print_line("updated", updated, "");
    show_parameters(json_object_get(orchestration, "parameters"));
    json_object_foreach(json_object_get(orchestration, "operationStats"), name, count) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(count));
        print_line(name, text, "");
    }
}

/* Of what was sent to a cluster; what is empty is not shown. */
static void show_cluster_config(const json_t *config)
{
    static const struct {
        const char *line, *member;
    } texts[] = {
        { "kubernetes", "kubernetesVersion" },
        { "machine image", "machineImage" },
        { "image version", "machineImageVersion" },
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        print_line(texts[i].line, member(config, texts[i].member), "");
}

static void show_kyma_config(const struct context *context, const json_t *config)
{
    static const char *const heads[] = { "COMPONENT", "NAMESPACE", "SOURCE", NULL };
    struct table *table = table_new(heads);
    const json_t *component;
    size_t i;

    print_line("kyma", member(config, "version"), "");
    print_line("profile", member(config, "profile"), "");
    json_array_foreach(json_object_get(config, "components"), i, component)
        table_add(table, (const char *const[]){ member(component, "component"), member(component, "namespace"),
                                                member(component, "sourceURL") });
    if (table_count(table) > 0)
        print_table(context, table);
    table_free(table);
}

static void show_operation(const struct context *context, json_t *operation)
{
    const char *state = member(operation, "state");
    char begin[SHORT_TIME_SIZE], end[SHORT_TIME_SIZE];

    short_time(member(operation, "maintenanceWindowBegin"), begin);
    short_time(member(operation, "maintenanceWindowEnd"), end);
    print_line("operation", member(operation, "operationID"), "");
    print_line("orchestration", member(operation, "orchestrationID"), "");
    print_line("runtime", member(operation, "runtimeID"), "");
    print_line("shoot", member(operation, "shootName"), "");
    print_line("account", member(operation, "globalAccountID"), "");
    print_line("subaccount", member(operation, "subAccountID"), "");
    print_line("plan", member(operation, "servicePlanName"), "");
    print_line("state", state, context->colour ? state_colour(state) : "");
    print_line("description", member(operation, "description"), "");
    print_line("window begin", begin, "");
    print_line("window end", end, "");
    print_line("dry run", json_is_true(json_object_get(operation, "dryRun")) ? "yes" : "", "");
    show_cluster_config(json_object_get(operation, "clusterConfig"));
    if (json_object_get(operation, "kymaConfig") != NULL)
        show_kyma_config(context, json_object_get(operation, "kymaConfig"));
}

static int get_orchestration(struct context *context, struct client *client, const char *id, const char *operation_id)
{
    struct resource path = { .size = 0 };

    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    if (operation_id != NULL) {
        resource_literal(&path, "/operations");
        resource_segment(&path, operation_id);
    }
    if (path.overflown)
        return usage_error(context, "the ID is too long");
    return get_and_show(context, client, path.text, operation_id == NULL ? show_orchestration : show_operation);
}

int command_orchestration(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { "watch", no_argument, NULL, OPTION_WATCH },
                                             { "operation", required_argument, NULL, OPTION_OPERATION },
                                             { 0 } };
    struct error err = { .code = ERROR_NONE };
    const char *id, *operation_id = NULL;
    struct client *client;
    bool watch = false;
    int exit_code;

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        if (option == OPTION_WATCH)
            watch = true;
        else
            operation_id = optarg;
    }
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    if (watch && operation_id != NULL)
        return usage_error(context, "--watch watches the whole orchestration; leave out --operation");
    client = client_open(context, &err);
    if (client == NULL)
        return failed(&err);
    exit_code = watch ? orchestration_watch(context, client, id) : get_orchestration(context, client, id, operation_id);
    client_free(client);
    return exit_code;
}

int command_cancel(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { 0 } };
    struct error err = { .code = ERROR_NONE };
    struct resource path = { .size = 0 };
    struct client *client;
    json_t *answer = NULL;
    const char *id;

    if (options_next(context, argc, argv, options) == OPTIONS_STOP)
        return context->exit_code;
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    resource_literal(&path, "/cancel");
    if (path.overflown)
        return usage_error(context, "the ID is too long");
    client = client_open(context, &err);
    if (client != NULL)
        answer = client_send(client, &(struct client_request){ .method = "PUT", .path = path.text }, &err);
    client_free(client);
    if (answer == NULL)
        return failed(&err);
    if (context->json)
        print_json(answer);
    else
        printf("Orchestration %s: cancel accepted; runtimes being upgraded are brought to their end\n", id);
    json_decref(answer);
    return EXIT_DONE;
}
