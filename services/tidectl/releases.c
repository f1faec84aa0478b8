/* releases: the versions that can be sent to runtimes, and what one consists of. */
#include <stdlib.h>
#include <string.h>

#include "services/tidectl/command.h"

enum { OPTION_ACCOUNT = 256, OPTION_SUBACCOUNT, OPTION_PLAN };

static const struct option options[] = {
    { "account", required_argument, NULL, OPTION_ACCOUNT },
    { "subaccount", required_argument, NULL, OPTION_SUBACCOUNT },
    { "plan", required_argument, NULL, OPTION_PLAN },
    { 0 },
};

static const char *const parameters[] = { "account", "subaccount", "plan" };

static void show_accounts(const struct context *context, json_t *accounts)
{
    static const char *const heads[] = { "ACCOUNT", "VERSION", NULL };
    struct table *table = table_new(heads);
    const char *account;
    json_t *version;

    json_object_foreach(accounts, account, version)
        table_add(table, (const char *const[]){ account, json_string_value(version) });
    if (table_count(table) > 0) {
        putchar('\n');
        print_table(context, table);
    }
    table_free(table);
}

static void show_releases(const struct context *context, json_t *answer)
{
    static const char *const heads[] = { "VERSION", "DEFAULT", "COMPONENTS", "OVERRIDES", "HASH", NULL };
    struct table *table = table_new(heads);
    const json_t *release;
    size_t i;

    json_array_foreach(json_object_get(answer, "data"), i, release) {
        char components[24], overrides[24];

        snprintf(components, sizeof components, "%lld",
                 (long long)json_integer_value(json_object_get(release, "components")));
        snprintf(overrides, sizeof overrides, "%lld",
                 (long long)json_integer_value(json_object_get(release, "overrides")));
        table_add(table, (const char *const[]){ member(release, "version"),
                                                json_is_true(json_object_get(release, "default")) ? "yes" : "",
                                                components, overrides, member(release, "hash") });
    }
    print_table(context, table);
    table_free(table);
    show_accounts(context, json_object_get(answer, "accounts"));
}

/* What a component is to have; the release's own entries come without a component's name. */
static void add_entries(struct table *table, const char *component, const json_t *entries)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
        table_add(table, (const char *const[]){
                             component, member(entry, "key"),
                             json_is_true(json_object_get(entry, "secret")) ? "(secret)" : member(entry, "value") });
}

static void show_configuration(const struct context *context, json_t *configuration)
{
    static const char *const component_heads[] = { "COMPONENT", "NAMESPACE", "SOURCE", NULL };
    static const char *const entry_heads[] = { "COMPONENT", "KEY", "VALUE", NULL };
    struct table *components = table_new(component_heads), *entries = table_new(entry_heads);
    const json_t *component;
    size_t i;

    print_line("version", member(configuration, "version"), "");
    print_line("profile", member(configuration, "profile"), "");
    add_entries(entries, "", json_object_get(configuration, "configuration"));
    json_array_foreach(json_object_get(configuration, "components"), i, component) {
        table_add(components, (const char *const[]){ member(component, "component"), member(component, "namespace"),
                                                     member(component, "sourceURL") });
        add_entries(entries, member(component, "component"), json_object_get(component, "configuration"));
    }
    print_table(context, components);
    if (table_count(entries) > 0) {
        putchar('\n');
        print_table(context, entries);
    }
    table_free(components);
    table_free(entries);
}

static int get_shown(const struct context *context, const char *path,
                     void (*show)(const struct context *context, json_t *answer))
{
    struct error err = { .code = ERROR_NONE };
    struct client *client = client_open(context, &err);
    const int exit_code = client != NULL ? get_and_show(context, client, path, show) : failed(&err);

    client_free(client);
    return exit_code;
}

int command_releases(struct context *context, int argc, char **argv)
{
    struct resource path = { .size = 0 }, query = { .size = 0 };

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        resource_parameter(&query, parameters[option - OPTION_ACCOUNT], optarg);
    }
    resource_literal(&path, "/releases");
    if (optind == argc)
        return query.size == 0 ? get_shown(context, path.text, show_releases)
                               : usage_error(context, "say for which version: tidectl releases VERSION --account A");
    if (argc - optind > 1 || *argv[optind] == '\0')
        return usage_error(context, "one VERSION at a time");
    resource_segment(&path, argv[optind]);
    resource_literal(&path, query.text);
    if (path.overflown || query.overflown)
        return usage_error(context, "the arguments are too long");
    return get_shown(context, path.text, show_configuration);
}
