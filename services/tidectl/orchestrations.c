/* orchestrations, orchestration, operations, cancel: what was asked for, how far it is, and stopping it. */
#include <stdlib.h>
#include <string.h>

#include "services/tidectl/command.h"

enum { OPTION_STATE = 256, OPTION_WATCH };

static const struct option state_options[] = { { "state", required_argument, NULL, OPTION_STATE }, { 0 } };

/* "--state failed,inprogress" adds state=failed&state=in%20progress. */
static void add_states(struct resource *path, char *list)
{
    for (char *rest = NULL, *state = strtok_r(list, ",", &rest); state != NULL; state = strtok_r(NULL, ",", &rest))
        resource_parameter(path, "state", state_word(state));
}

/* Collects the states while the options are read; the path they belong to may be known only afterwards. */
static bool read_states(struct context *context, int argc, char **argv, struct resource *states)
{
    for (int option; (option = options_next(context, argc, argv, state_options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return false;
        add_states(states, optarg);
    }
    return true;
}

/* Gets the list and shows it, as JSON or by `show`. */
static int show_list(struct context *context, const struct resource *path,
                     void (*show)(const struct context *, const json_t *))
{
    struct error err = { .code = ERROR_NONE };
    struct client *client;
    json_t *list = NULL;

    if (path->overflown)
        return usage_error(context, "the arguments are too long");
    client = client_open(context, &err);
    if (client != NULL)
        list = client_list(client, path->text, &err);
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
    struct resource path = { .size = 0 };

    resource_literal(&path, "/orchestrations");
    if (!read_states(context, argc, argv, &path))
        return context->exit_code;
    if (optind < argc)
        return usage_error(context, "orchestrations takes no argument; one orchestration: tidectl orchestration ID");
    return show_list(context, &path, show_orchestrations);
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
    struct resource path = { .size = 0 }, states = { .size = 0 };
    const char *id;

    if (!read_states(context, argc, argv, &states))
        return context->exit_code;
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    resource_literal(&path, "/operations");
    resource_literal(&path, states.text);
    path.overflown |= states.overflown;
    return show_list(context, &path, show_operations);
}

static void show_parameters(const json_t *parameters)
{
    const json_t *strategy = json_object_get(parameters, "strategy"), *targets = json_object_get(parameters, "targets");
    const json_t *workers = json_object_get(json_object_get(strategy, "parallel"), "workers");
    char *include = json_dumps(json_object_get(targets, "include"), JSON_COMPACT);
    char *exclude = json_dumps(json_object_get(targets, "exclude"), JSON_COMPACT);
    char text[128];

    snprintf(text, sizeof text, "%s, %s, %lld workers", member(strategy, "type"), member(strategy, "schedule"),
             (long long)json_integer_value(workers));
    print_line("version", member(json_object_get(parameters, "kyma"), "version"), "");
    print_line("strategy", text, "");
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

static int get_orchestration(struct context *context, struct client *client, const char *id)
{
    struct error err = { .code = ERROR_NONE };
    struct resource path = { .size = 0 };
    json_t *orchestration;

    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    if (path.overflown)
        return usage_error(context, "the ID is too long");
    orchestration = client_get(client, path.text, &err);
    if (orchestration == NULL)
        return failed(&err);
    if (context->json)
        print_json(orchestration);
    else
        show_orchestration(context, orchestration);
    json_decref(orchestration);
    return EXIT_DONE;
}

int command_orchestration(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { "watch", no_argument, NULL, OPTION_WATCH }, { 0 } };
    struct error err = { .code = ERROR_NONE };
    struct client *client;
    const char *id;
    bool watch = false;
    int exit_code;

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        watch = true;
    }
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    client = client_open(context, &err);
    if (client == NULL)
        return failed(&err);
    exit_code = watch ? orchestration_watch(context, client, id) : get_orchestration(context, client, id);
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
