/* tidectl - Tidegate from the command line. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/settings.h"
#include "services/tidectl/command.h"

static const struct command commands[] = {
    { "import", "FILE.ndjson", "Registers runtimes, one JSON object a line; `-` reads standard input.",
      command_import },
    { "upgrade",
      "kyma|cluster --target all|NAME=VALUE[,NAME=VALUE]... [--exclude NAME=VALUE[,...]]...\n"
      "           [--version V] [--kubernetes-version V] [--machine-image I] [--machine-image-version V]\n"
      "           [--schedule immediate|maintenanceWindow] [--workers N] [--max-failures N] [--dry-run] [--wait]\n"
      "           [--key KEY]",
      "Upgrades the runtimes that a --target selects and no --exclude does: their Kyma (--version), or their\n"
      "      clusters (the three options after it). Names: account, subAccount, region (regular expressions),\n"
      "      runtime, instance, plan, shoot. --max-failures: nothing more starts once so many could fail.\n"
      "      --wait watches until the end. --key (Idempotency-Key): a repetition with it changes nothing more.",
      command_upgrade },
    { "orchestrations", "[--state S[,S]] [--page N] [--page-size N]",
      "Lists orchestrations, the oldest first: all, or one page.", command_orchestrations },
    { "orchestration", "ID [--watch | --operation ID]",
      "Shows one, or one of its operations with what was sent to the runtime; --watch until it ends, 0 only if\n"
      "      it succeeded.",
      command_orchestration },
    { "operations", "ID [--state S[,S]] [--page N] [--page-size N]",
      "Lists the operations of an orchestration, one for each runtime.", command_operations },
    { "cancel", "ID", "Cancels an orchestration; upgrades under way are brought to their end.", command_cancel },
    { "retry", "ID [--operation ID[,ID]]... [--wait] [--key KEY]",
      "Has the operations that failed run again, or those named; 0 only if there are any.", command_retry },
    { "releases", "[VERSION [--account A] [--subaccount S] [--plan P]]",
      "Lists the versions of Kyma that can be sent; or shows one, as such a runtime gets it.", command_releases },
    { "runtimes",
      "[--account A] [--subaccount S] [--instance ID] [--runtime ID] [--region R] [--plan P] [--shoot S]\n"
      "           [--state S] [--last] [--kyma-config] [--cluster-config] [--page N] [--page-size N]",
      "Lists the fleet. Filters take several values (a,b). States: succeeded, failed, error, provisioning,\n"
      "      deprovisioning, upgrading, updating, suspended, all. --last: only the newest operation of each.",
      command_runtimes },
    { "runtime", "ID | upgrade ID --version V|-f config.json [--wait] | rollback ID   [--tenant T]",
      "Shows a runtime; upgrades it to a release, or with a Kyma configuration from a file; or takes its\n"
      "      record back to the configuration before the last upgrade (the cluster stays as it is).",
      command_runtime },
    { "operation", "ID [--watch] [--tenant T]",
      "Shows an operation on a runtime; --watch until it ends, 0 only if it succeeded.", command_operation },
    { "seal", "[--tenant GLOBAL_ACCOUNT] [--keys FILE]",
      "Seals a secret value from standard input, without its last newline, for a release's overrides: a release\n"
      "      has no tenant, so they need none. Keys: the services' file (TIDEGATE_SECRET_KEYS).",
      command_seal },
    { "token", "[--groups A,B]", "Prints a token for development; makes its keys in TIDEGATE_RUN/oidc if need be.",
      command_token },
};

static const struct setting tidectl_settings[] = {
    { .variable = "TIDEGATE_URL",
      .type = SETTING_TEXT,
      .fallback = "",
      .help = "the server; empty: http://127.0.0.1:TIDEGATE_PORT" },
    { .variable = "TIDEGATE_PORT",
      .type = SETTING_INTEGER,
      .fallback = "8080",
      .min = 1,
      .max = 65535,
      .help = "port of the gateway" },
    { .variable = "TIDEGATE_TOKEN",
      .type = SETTING_TEXT,
      .fallback = "",
      .help = "bearer token (JWT); empty: one made with the keys in TIDEGATE_RUN/oidc, if there are any" },
    { .variable = "TIDEGATE_TENANT",
      .type = SETTING_TEXT,
      .fallback = "",
      .help = "tenant of runtimes and their operations; empty: the global account that the fleet's list names" },
    { .variable = "TIDEGATE_SECRET_KEYS",
      .type = SETTING_TEXT,
      .fallback = "",
      .help = "key file of sealed secrets, for `seal`" },
    { .variable = "TIDEGATE_RUN", .type = SETTING_TEXT, .fallback = ".run", .help = "run folder" },
    { .variable = "TIDEGATE_OIDC_ISSUER",
      .type = SETTING_TEXT,
      .fallback = "",
      .help = "issuer of made tokens; empty: http://127.0.0.1:TIDEGATE_PORT/dev" },
    { .variable = "TIDEGATE_OIDC_AUDIENCE",
      .type = SETTING_TEXT,
      .fallback = "tidegate",
      .help = "audience of made tokens" },
    { 0 },
};

static const struct setting *const settings_tables[] = { tidectl_settings };

static void print_help(void)
{
    puts("tidectl - upgrades fleets of runtimes through a Tidegate server\n\ncommands");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("  %s %s\n      %s\n", commands[i].name, commands[i].arguments, commands[i].help);
    puts("\noptions of all commands\n"
         "  --url URL       the server\n"
         "  -o json         the server's JSON for scripts; lists with all pages joined to one array\n"
         "  -h, --help      this, or a command's usage\n"
         "\nexit codes\n"
         "  0  done\n"
         "  1  the server refused, or what was waited for did not succeed\n"
         "  2  wrong use\n"
         "  3  not found\n"
         "  4  not allowed\n"
         "  5  the server is not reachable or not available\n"
         "  130  interrupted\n"
         "\nenvironment");
    settings_print_help(settings_tables, 1, stdout);
    puts("  NO_COLOR\n      not empty: no colours (https://no-color.org)");
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Looks and colours are for eyes only: pipes and files get plain text. */
static void look_at_terminal(struct context *context)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    context->terminal = isatty(STDOUT_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    context->colour = context->terminal && (no_colour == NULL || *no_colour == '\0');
}

static int run(struct context *context, int argc, char **argv)
{
    static const struct option none[] = { { 0 } };

    switch (options_next(context, argc, argv, none)) {
    case 'h': print_help(); return EXIT_DONE;
    case OPTIONS_STOP: return context->exit_code;
    }
    if (optind == argc) {
        print_help();
        return EXIT_USAGE;
    }
    argc -= optind;
    argv += optind;
    context->command = command_find(argv[0]);
    if (context->command == NULL)
        return usage_error(context, "there is no command \"%s\"", argv[0]);
    optind = 0; /* getopt starts anew, with the command's own arguments */
    return context->command->run(context, argc, argv);
}

int main(int argc, char **argv)
{
    struct error err = { .code = ERROR_NONE };
    struct settings *settings = settings_read(settings_tables, 1, &err);
    struct context context = { .settings = settings };
    int exit_code;

    if (settings == NULL) {
        failed(&err);
        return EXIT_USAGE;
    }
    look_at_terminal(&context);
    exit_code = run(&context, argc, argv);
    settings_free(settings);
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == EXIT_DONE)
        exit_code = EXIT_FAILED; /* a full disk must not look like an empty list */
    return exit_code;
}
