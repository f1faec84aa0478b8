#include "services/tidectl/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/settings.h"

enum { OPTION_URL = 1000, OPTION_MAX = 24 };

static const struct option global_options[] = {
    { "url", required_argument, NULL, OPTION_URL },
    { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

int usage_error(const struct context *context, const char *format, ...)
{
    va_list arguments;

    fputs("tidectl: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (context->command != NULL)
        fprintf(stderr, "\nusage: tidectl %s %s\n", context->command->name, context->command->arguments);
    else
        fprintf(stderr, "\n`tidectl --help` lists what there is\n");
    return EXIT_USAGE;
}

static size_t append_options(struct option *to, size_t count, const struct option *from)
{
    for (; from->name != NULL && count < OPTION_MAX - 1; from++)
        to[count++] = *from;
    return count;
}

static int stop(struct context *context, int exit_code)
{
    context->exit_code = exit_code;
    return OPTIONS_STOP;
}

/* A list without an element, too. Left out it would mean everything, or the default; but who writes it meant something, and
 * got an empty variable. */
static bool is_blank(const char *value)
{
    return value != NULL && value[strspn(value, ",")] == '\0';
}

/* As it is written. */
static const char *option_name(const struct option *options, int option)
{
    for (; options->name != NULL; options++)
        if (options->val == option)
            return options->name;
    return "f"; /* the only one that has no other name */
}

/* Does the command have -f? */
static bool takes_file(const struct option *own)
{
    for (; own->name != NULL; own++)
        if (own->val == 'f')
            return true;
    return false;
}

int options_next(struct context *context, int argc, char **argv, const struct option *own)
{
    struct option options[OPTION_MAX] = { 0 };
    const bool has_file = takes_file(own);
    /* Before the command is known, its own options must not be looked at: '+' stops at the first argument. */
    const char *letters = context->command == NULL ? "+:ho:" : has_file ? ":ho:f:" : ":ho:";
    size_t count = append_options(options, 0, global_options);

    append_options(options, count, own);
    for (;;) {
        const int option = getopt_long(argc, argv, letters, options, NULL);

        if (option != -1 && is_blank(optarg))
            return stop(context, usage_error(context, "--%s has no value; leave it out, or give one",
                                             option_name(options, option)));
        switch (option) {
        case -1: return OPTIONS_END;
        case OPTION_URL: context->url = optarg; break;
        case 'o':
            if (strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
                return stop(context, usage_error(context, "-o takes json or table, not \"%s\"", optarg));
            context->json = strcmp(optarg, "json") == 0;
            break;
        case 'h':
            if (context->command == NULL)
                return 'h';
            printf("usage: tidectl %s %s\n\n%s\n\n`tidectl --help` has the global options and exit codes.\n",
                   context->command->name, context->command->arguments, context->command->help);
            return stop(context, EXIT_DONE);
        case ':': return stop(context, usage_error(context, "%s needs a value", argv[optind - 1]));
        case '?': return stop(context, usage_error(context, "unknown option %s", argv[optind - 1]));
        default: return option;
        }
    }
}

const char *argument_single(const struct context *context, int argc, char **argv, const char *name)
{
    if (argc - optind == 1 && *argv[optind] != '\0')
        return argv[optind];
    if (argc - optind < 1)
        usage_error(context, "%s is missing", name);
    else
        usage_error(context, "one %s at a time", name);
    return NULL;
}

int exit_code_of(enum error_code code)
{
    switch (code) {
    case ERROR_NONE: return EXIT_DONE;
    case ERROR_NOT_FOUND: return EXIT_NOT_FOUND;
    case ERROR_DENIED: return EXIT_DENIED;
    case ERROR_UNAVAILABLE: return EXIT_UNAVAILABLE;
    case ERROR_INPUT:
    case ERROR_CONFLICT:
    case ERROR_INTERNAL: return EXIT_FAILED;
    }
    return EXIT_FAILED;
}

int failed(const struct error *err)
{
    fflush(stdout);
    fputs("tidectl: ", stderr);
    text_print(err->message, stderr);
    fputc('\n', stderr);
    return exit_code_of(err->code);
}

static bool server_url(const struct context *context, char out[CLIENT_URL_SIZE], struct error *err)
{
    const char *url = context->url != NULL ? context->url : settings_text(context->settings, "TIDEGATE_URL");
    int size;

    if (*url != '\0')
        size = snprintf(out, CLIENT_URL_SIZE, "%s", url);
    else
        size = snprintf(out, CLIENT_URL_SIZE, "http://127.0.0.1:%lld",
                        (long long)settings_integer(context->settings, "TIDEGATE_PORT"));
    if (size >= CLIENT_URL_SIZE)
        return error_set(err, ERROR_INPUT, "the server's URL is longer than %d bytes", CLIENT_URL_SIZE - 1);
    return true;
}

/* The one of the settings, which is always the same, or a new one made with the keys of the run folder. */
static char *token_get(const void *settings, struct error *err)
{
    static const char *const groups[] = { "runtimeAdmin", "runtimeOperator" };
    const char *given = settings_text(settings, "TIDEGATE_TOKEN");
    struct error no_keys = { .code = ERROR_NONE };
    char *token = *given != '\0' ? strdup(given) : development_token(settings, groups, 2, false, &no_keys);

    if (no_keys.code != ERROR_NONE && no_keys.code != ERROR_NOT_FOUND)
        error_set(err, no_keys.code, "%s", no_keys.message);
    return token;
}

struct client *client_open(const struct context *context, struct error *err)
{
    const struct client_tokens tokens = { .get = token_get, .context = context->settings };
    char url[CLIENT_URL_SIZE];

    return server_url(context, url, err) ? client_new(url, &tokens, err) : NULL;
}

int get_and_show(const struct context *context, struct client *client, const char *path,
                 void (*show)(const struct context *context, json_t *object))
{
    struct error err = { .code = ERROR_NONE };
    json_t *object = client_get(client, path, &err);

    if (object == NULL)
        return failed(&err);
    if (context->json)
        print_json(object);
    else
        show(context, object);
    json_decref(object);
    return EXIT_DONE;
}

void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

void print_table(const struct context *context, const struct table *table)
{
    struct winsize size = { 0 };

    if (context->terminal)
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    table_print(table, (struct table_look){ .width = size.ws_col, .colour = context->colour }, stdout);
}

void print_line(const char *name, const char *value, const char *colour)
{
    if (*value == '\0')
        return;
    printf("%-14s", name);
    fputs(colour, stdout);
    text_print(value, stdout);
    puts(*colour != '\0' ? COLOUR_END : "");
}

const char *member(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

void short_time(const char *rfc3339, char out[SHORT_TIME_SIZE])
{
    if (strlen(rfc3339) < 19 || strncmp(rfc3339, "0001-", 5) == 0)
        *out = '\0';
    else
        snprintf(out, SHORT_TIME_SIZE, "%.10s %.8sZ", rfc3339, rfc3339 + 11);
}

const char *state_word(const char *state)
{
    static const char *const spellings[] = { "inprogress", "in-progress", "in_progress" };

    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        if (strcasecmp(state, spellings[i]) == 0)
            return "in progress";
    }
    return state;
}
