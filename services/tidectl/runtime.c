/* runtime, operation: one runtime by the provisioner's GraphQL API, and what runs on it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/settings.h"
#include "common/base/timestamp.h"
#include "services/tidectl/command.h"

enum {
    OPTION_TENANT = 256,
    OPTION_VERSION,
    OPTION_WAIT,
    OPTION_WATCH,
    WATCH_PAUSE_MS = 500,
    WATCH_PATIENCE_MS = 60 * 1000, /* how long a server may be away: a restart is shorter */
    TENANT_SIZE = 256,
};

#define OPERATION "id operation state message runtimeID lastError { errMessage reason component } "

static const char operation_query[] = "query ($id: String!) { result: runtimeOperationStatus(id: $id) { " OPERATION
                                      "} }";
static const char upgrade_mutation[] = "mutation ($id: String!, $config: UpgradeRuntimeInput!) {"
                                       " result: upgradeRuntime(id: $id, config: $config) { " OPERATION "} }";

#define STATUS                                                                                                         \
    "lastOperationStatus { " OPERATION "} hibernationStatus { hibernated hibernationPossible } runtimeConfiguration {" \
    " kymaConfig { version profile components { component namespace sourceURL } }"                                     \
    " clusterConfig { name kubernetesVersion provider region seed machineType machineImage machineImageVersion"        \
    " diskType volumeSizeGB autoScalerMin autoScalerMax maxSurge maxUnavailable purpose } } "

static const char status_query[] = "query ($id: String!) { result: runtimeStatus(id: $id) { " STATUS "} }";
static const char rollback_mutation[] = "mutation ($id: String!) {"
                                        " result: rollBackUpgradeOperation(id: $id) { " STATUS "} }";

/* What the command line says. */
struct wanted {
    const char *tenant, *version, *file;
    json_t *config; /* of the file */
    bool wait;
};

/* --- The tenant --- */

/* The global account of a runtime, as the fleet's list has it. */
static bool find_tenant(struct client *client, const char *runtime_id, char *out, size_t size, struct error *err)
{
    struct resource path = { .size = 0 };
    json_t *list, *found;

    resource_literal(&path, "/runtimes");
    resource_parameter(&path, "runtime_id", runtime_id);
    resource_parameter(&path, "state", "all");
    list = path.overflown ? NULL : client_list(client, path.text, err);
    if (path.overflown)
        error_set(err, ERROR_INPUT, "the ID is too long");
    found = json_array_get(list, 0);
    if (found != NULL)
        snprintf(out, size, "%s", member(found, "globalAccountID"));
    else if (list != NULL)
        error_set(err, ERROR_NOT_FOUND, "runtime %s is not in the fleet's list; name its tenant with --tenant",
                  runtime_id);
    json_decref(list);
    return found != NULL;
}

/* "": nobody named one. */
static const char *tenant_given(const struct context *context, const struct wanted *wanted)
{
    return wanted->tenant != NULL ? wanted->tenant : settings_text(context->settings, "TIDEGATE_TENANT");
}

/* --- Showing --- */

static void show_operation(const struct context *context, const json_t *operation)
{
    const char *state = member(operation, "state");
    const json_t *error = json_object_get(operation, "lastError");
    char text[512] = "";

    print_line("operation", member(operation, "id"), "");
    print_line("type", member(operation, "operation"), "");
    print_line("state", state, context->colour ? state_colour(state) : "");
    print_line("message", member(operation, "message"), "");
    if (json_is_object(error))
        snprintf(text, sizeof text, "%s (%s, %s)", member(error, "errMessage"), member(error, "reason"),
                 member(error, "component"));
    print_line("last error", text, "");
}

static void show_cluster(const json_t *cluster)
{
    char text[256];

    print_line("shoot", member(cluster, "name"), "");
    snprintf(text, sizeof text, "%s, %s, %s", member(cluster, "provider"), member(cluster, "region"),
             member(cluster, "machineType"));
    print_line("cluster", text, "");
    print_line("kubernetes", member(cluster, "kubernetesVersion"), "");
    snprintf(text, sizeof text, "%lld to %lld",
             (long long)json_integer_value(json_object_get(cluster, "autoScalerMin")),
             (long long)json_integer_value(json_object_get(cluster, "autoScalerMax")));
    print_line("nodes", text, "");
}

static void show_components(const struct context *context, const json_t *components)
{
    static const char *const heads[] = { "COMPONENT", "NAMESPACE", "SOURCE", NULL };
    struct table *table = table_new(heads);
    const json_t *component;
    size_t i;

    json_array_foreach(components, i, component)
        table_add(table, (const char *const[]){ member(component, "component"), member(component, "namespace"),
                                                member(component, "sourceURL") });
    if (table_count(table) > 0) {
        putchar('\n');
        print_table(context, table);
    }
    table_free(table);
}

static void show_runtime(const struct context *context, const char *id, const json_t *status)
{
    const json_t *configuration = json_object_get(status, "runtimeConfiguration");
    const json_t *kyma = json_object_get(configuration, "kymaConfig");
    const bool asleep = json_is_true(json_object_get(json_object_get(status, "hibernationStatus"), "hibernated"));

    print_line("runtime", id, "");
    show_cluster(json_object_get(configuration, "clusterConfig"));
    print_line("hibernated", asleep ? "yes" : "", "");
    print_line("kyma", member(kyma, "version"), "");
    print_line("profile", member(kyma, "profile"), "");
    show_operation(context, json_object_get(status, "lastOperationStatus"));
    show_components(context, json_object_get(kyma, "components"));
}

/* --- Watching --- */

static void pause_ms(int64_t ms)
{
    const struct timespec pause = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    nanosleep(&pause, NULL);
}

static void say(const json_t *operation)
{
    char now[TIMESTAMP_SIZE];

    timestamp_format(clock_now_ms() / 1000 * 1000, now);
    printf("%s %s: ", now, member(operation, "state"));
    text_print(member(operation, "message"), stdout);
    putchar('\n');
    fflush(stdout);
}

/* The operation when it has ended (own), each change told on the way. NULL: the server is away for too long. */
static json_t *watch(const struct context *context, struct client *client, const char *tenant, const char *id,
                     struct error *err)
{
    int64_t away_since_ms = 0;
    json_t *before = NULL;

    for (;; pause_ms(WATCH_PAUSE_MS)) {
        json_t *data = client_graphql(client, tenant, operation_query, json_pack("{s:s}", "id", id), err);
        json_t *now = json_incref(json_object_get(data, "result"));

        json_decref(data);
        if (now == NULL) {
            away_since_ms = away_since_ms != 0 ? away_since_ms : clock_now_ms();
            if (err->code == ERROR_UNAVAILABLE && clock_now_ms() - away_since_ms < WATCH_PATIENCE_MS)
                continue;
            json_decref(before);
            return NULL;
        }
        away_since_ms = 0;
        if (!context->json && (before == NULL || !json_equal(before, now)))
            say(now);
        json_decref(before);
        before = now;
        if (strcmp(member(now, "state"), "InProgress") != 0)
            return now;
    }
}

/* Shows the operation at its end. 0 only if it succeeded. */
static int watch_and_show(const struct context *context, struct client *client, const char *tenant, const char *id)
{
    struct error err = { .code = ERROR_NONE };
    json_t *ended = watch(context, client, tenant, id, &err);
    int exit_code;

    if (ended == NULL)
        return failed(&err);
    if (context->json)
        print_json(ended);
    else
        show_operation(context, ended);
    exit_code = strcmp(member(ended, "state"), "Succeeded") == 0 ? EXIT_DONE : EXIT_FAILED;
    json_decref(ended);
    return exit_code;
}

/* --- Upgrade --- */

static json_t *release(struct client *client, const char *version, struct error *err)
{
    struct resource path = { .size = 0 };

    resource_literal(&path, "/releases");
    resource_segment(&path, version);
    if (path.overflown) {
        error_set(err, ERROR_INPUT, "the version is too long");
        return NULL;
    }
    return client_get(client, path.text, err);
}

/* What is not set is left out: the input has no place for it. */
static void drop_nulls(json_t *value)
{
    const char *name;
    json_t *member_value;
    void *next;
    size_t i;

    json_object_foreach_safe(value, next, name, member_value) {
        if (json_is_null(member_value))
            json_object_del(value, name);
        else
            drop_nulls(member_value);
    }
    json_array_foreach(value, i, member_value)
        drop_nulls(member_value);
}

/* A file's configuration (own), as it is or as {"kymaConfig": …}. NULL: it was told why. */
static json_t *read_config(const struct context *context, const char *path)
{
    json_error_t where;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &where), *inner;

    if (json == NULL && where.line < 1)
        usage_error(context, "%s", where.text);
    else if (json == NULL)
        usage_error(context, "%s: line %d, column %d: %s", path, where.line, where.column, where.text);
    inner = json_incref(json_object_get(json, "kymaConfig"));
    if (inner == NULL)
        return json;
    json_decref(json);
    return inner;
}

/* The configuration to send (own): the file's, or a release's. */
static json_t *configuration(struct client *client, const struct wanted *wanted, struct error *err)
{
    json_t *json;

    if (wanted->config != NULL)
        return json_incref(wanted->config);
    json = release(client, wanted->version, err);
    drop_nulls(json);
    return json;
}

static int upgrade(const struct context *context, struct client *client, const char *tenant, const char *id,
                   const struct wanted *wanted)
{
    struct error err = { .code = ERROR_NONE };
    json_t *config = configuration(client, wanted, &err), *data = NULL, *operation;
    int exit_code = EXIT_DONE;

    if (config != NULL)
        data = client_graphql(client, tenant, upgrade_mutation,
                              json_pack("{s:s, s:{s:o}}", "id", id, "config", "kymaConfig", config), &err);
    operation = json_object_get(data, "result");
    if (operation == NULL)
        return failed(&err);
    if (wanted->wait)
        exit_code = watch_and_show(context, client, tenant, member(operation, "id"));
    else if (context->json)
        print_json(operation);
    else
        show_operation(context, operation);
    json_decref(data);
    return exit_code;
}

/* --- The commands --- */

static int show(const struct context *context, struct client *client, const char *tenant, const char *id,
                const char *query)
{
    struct error err = { .code = ERROR_NONE };
    json_t *data = client_graphql(client, tenant, query, json_pack("{s:s}", "id", id), &err);
    const json_t *status = json_object_get(data, "result");

    if (status == NULL)
        return failed(&err);
    if (context->json)
        print_json(status);
    else
        show_runtime(context, id, status);
    json_decref(data);
    return EXIT_DONE;
}

static bool read_options(struct context *context, int argc, char **argv, const struct option *options,
                         struct wanted *wanted)
{
    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        switch (option) {
        case OPTIONS_STOP: return false;
        case OPTION_TENANT: wanted->tenant = optarg; break;
        case OPTION_VERSION: wanted->version = optarg; break;
        case 'f': wanted->file = optarg; break;
        default: wanted->wait = true; break;
        }
    }
    return true;
}

static int runtime_run(const struct context *context, const char *action, const char *id, const struct wanted *wanted)
{
    struct error err = { .code = ERROR_NONE };
    struct client *client = client_open(context, &err);
    const char *tenant = tenant_given(context, wanted);
    char found[TENANT_SIZE];
    int exit_code;

    if (client == NULL)
        return failed(&err);
    if (*tenant == '\0')
        tenant = find_tenant(client, id, found, sizeof found, &err) ? found : NULL;
    if (tenant == NULL)
        exit_code = failed(&err);
    else if (strcmp(action, "upgrade") == 0)
        exit_code = upgrade(context, client, tenant, id, wanted);
    else
        exit_code = show(context, client, tenant, id, *action == '\0' ? status_query : rollback_mutation);
    client_free(client);
    return exit_code;
}

int command_runtime(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { "tenant", required_argument, NULL, OPTION_TENANT },
                                             { "version", required_argument, NULL, OPTION_VERSION },
                                             { "file", required_argument, NULL, 'f' },
                                             { "wait", no_argument, NULL, OPTION_WAIT },
                                             { 0 } };
    struct wanted wanted = { 0 };
    const char *action = "", *id;
    int exit_code;

    if (!read_options(context, argc, argv, options, &wanted))
        return context->exit_code;
    if (argc > optind && (strcmp(argv[optind], "upgrade") == 0 || strcmp(argv[optind], "rollback") == 0))
        action = argv[optind++];
    id = argument_single(context, argc, argv, "ID of a runtime");
    if (id == NULL)
        return EXIT_USAGE;
    if (strcmp(action, "upgrade") == 0 && (wanted.version == NULL) == (wanted.file == NULL))
        return usage_error(context, "say what to upgrade to: either --version V or -f config.json");
    if (strcmp(action, "upgrade") != 0 && (wanted.version != NULL || wanted.file != NULL || wanted.wait))
        return usage_error(context, "--version, -f and --wait belong to: tidectl runtime upgrade ID");
    if (wanted.file != NULL && (wanted.config = read_config(context, wanted.file)) == NULL)
        return EXIT_USAGE;
    exit_code = runtime_run(context, action, id, &wanted);
    json_decref(wanted.config);
    return exit_code;
}

int command_operation(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { "tenant", required_argument, NULL, OPTION_TENANT },
                                             { "watch", no_argument, NULL, OPTION_WATCH },
                                             { 0 } };
    struct error err = { .code = ERROR_NONE };
    struct wanted wanted = { 0 };
    struct client *client;
    const char *tenant, *id;
    json_t *data = NULL;
    int exit_code = EXIT_DONE;

    if (!read_options(context, argc, argv, options, &wanted))
        return context->exit_code;
    id = argument_single(context, argc, argv, "ID of an operation");
    if (id == NULL)
        return EXIT_USAGE;
    tenant = tenant_given(context, &wanted);
    if (*tenant == '\0')
        return usage_error(context, "name the runtime's tenant with --tenant or TIDEGATE_TENANT");
    client = client_open(context, &err);
    if (client == NULL) {
        exit_code = failed(&err);
    } else if (wanted.wait) {
        exit_code = watch_and_show(context, client, tenant, id);
    } else if ((data = client_graphql(client, tenant, operation_query, json_pack("{s:s}", "id", id), &err)) == NULL) {
        exit_code = failed(&err);
    } else if (context->json) {
        print_json(json_object_get(data, "result"));
    } else {
        show_operation(context, json_object_get(data, "result"));
    }
    json_decref(data);
    client_free(client);
    return exit_code;
}
