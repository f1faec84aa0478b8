/* upgrade kyma, upgrade cluster: asks for an orchestration over the runtimes that the targets select. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/id.h"
#include "services/tidectl/command.h"
#include "services/tidectl/target.h"

enum { NUMBER_MAX = 1000000 };

enum {
    OPTION_TARGET = 256,
    OPTION_EXCLUDE,
    OPTION_VERSION,
    OPTION_SCHEDULE,
    OPTION_WORKERS,
    OPTION_DRY_RUN,
    OPTION_WAIT,
    OPTION_KEY,
    OPTION_MAX_FAILURES,
    OPTION_KUBERNETES,
    OPTION_IMAGE,
    OPTION_IMAGE_VERSION,
};

static const struct option options[] = {
    { "target", required_argument, NULL, OPTION_TARGET },
    { "exclude", required_argument, NULL, OPTION_EXCLUDE },
    { "version", required_argument, NULL, OPTION_VERSION },
    { "schedule", required_argument, NULL, OPTION_SCHEDULE },
    { "workers", required_argument, NULL, OPTION_WORKERS },
    { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
    { "wait", no_argument, NULL, OPTION_WAIT },
    { "idempotency-key", required_argument, NULL, OPTION_KEY },
    { "key", required_argument, NULL, OPTION_KEY },
    { "max-failures", required_argument, NULL, OPTION_MAX_FAILURES },
    { "kubernetes-version", required_argument, NULL, OPTION_KUBERNETES },
    { "machine-image", required_argument, NULL, OPTION_IMAGE },
    { "machine-image-version", required_argument, NULL, OPTION_IMAGE_VERSION },
    { 0 },
};

struct upgrade {
    json_t *include, *exclude; /* own */
    const char *version, *schedule, *key;
    const char *kubernetes, *image, *image_version;
    long workers, max_failures; /* 0: the server's default */
    bool is_cluster, dry_run, wait;
};

static bool add_selector(json_t *list, const char *text, bool all_allowed, struct error *err)
{
    json_t *selector = target_parse(text, all_allowed, err);

    return selector != NULL && json_array_append_new(list, selector) == 0;
}

static bool take_schedule(struct upgrade *upgrade, struct error *err)
{
    static const char *const schedules[] = { "immediate", "maintenanceWindow" };

    for (size_t i = 0; i < sizeof schedules / sizeof schedules[0]; i++) {
        if (strcasecmp(optarg, schedules[i]) == 0) {
            upgrade->schedule = schedules[i];
            return true;
        }
    }
    return error_set(err, ERROR_INPUT, "--schedule takes immediate or maintenanceWindow, not \"%s\"", optarg);
}

static bool take_number(const char *name, long *out, struct error *err)
{
    char *rest;

    *out = strtol(optarg, &rest, 10);
    if (*optarg < '0' || *optarg > '9' || *rest != '\0' || *out < 1 || *out > NUMBER_MAX)
        return error_set(err, ERROR_INPUT, "--%s takes a number from 1 to %d, not \"%s\"", name, NUMBER_MAX, optarg);
    return true;
}

/* What is no UTF-8 has no place in JSON: left out, it would upgrade to something else than was asked for. */
static bool take_text(const char *name, const char **out, struct error *err)
{
    json_t *text = json_string(optarg);
    const bool is_text = text != NULL;

    json_decref(text);
    *out = optarg;
    return is_text || error_set(err, ERROR_INPUT, "--%s is not UTF-8", name);
}

static bool take_option(struct upgrade *upgrade, int option, struct error *err)
{
    switch (option) {
    case OPTION_TARGET: return add_selector(upgrade->include, optarg, true, err);
    case OPTION_EXCLUDE: return add_selector(upgrade->exclude, optarg, false, err);
    case OPTION_SCHEDULE: return take_schedule(upgrade, err);
    case OPTION_WORKERS: return take_number("workers", &upgrade->workers, err);
    case OPTION_MAX_FAILURES: return take_number("max-failures", &upgrade->max_failures, err);
    case OPTION_VERSION: return take_text("version", &upgrade->version, err);
    case OPTION_DRY_RUN: upgrade->dry_run = true; break;
    case OPTION_WAIT: upgrade->wait = true; break;
    case OPTION_KEY: upgrade->key = optarg; break;
    case OPTION_KUBERNETES: return take_text("kubernetes-version", &upgrade->kubernetes, err);
    case OPTION_IMAGE: return take_text("machine-image", &upgrade->image, err);
    case OPTION_IMAGE_VERSION: return take_text("machine-image-version", &upgrade->image_version, err);
    }
    return true;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, name, json_string(text));
}

static json_t *body_new(const struct upgrade *upgrade)
{
    json_t *strategy = json_pack("{s:s, s:{s:i}}", "type", "parallel", "parallel", "workers", (int)upgrade->workers);
    json_t *body = json_pack("{s:{s:O}, s:o, s:{}}", "targets", "include", upgrade->include, "strategy", strategy,
                             upgrade->is_cluster ? "kubernetes" : "kyma");
    json_t *what = json_object_get(body, upgrade->is_cluster ? "kubernetes" : "kyma");

    if (body == NULL)
        abort();
    if (json_array_size(upgrade->exclude) > 0)
        json_object_set(json_object_get(body, "targets"), "exclude", upgrade->exclude);
    if (upgrade->schedule != NULL)
        json_object_set_new(strategy, "schedule", json_string(upgrade->schedule));
    if (upgrade->dry_run)
        json_object_set_new(body, "dryRun", json_true());
    if (upgrade->max_failures > 0)
        json_object_set_new(strategy, "maxFailures", json_integer(upgrade->max_failures));
    set_text(what, "version", upgrade->version);
    set_text(what, "kubernetesVersion", upgrade->kubernetes);
    set_text(what, "machineImage", upgrade->image);
    set_text(what, "machineImageVersion", upgrade->image_version);
    return body;
}

static json_t *post(struct client *client, const struct upgrade *upgrade, const char *key, struct error *err)
{
    json_t *body = body_new(upgrade), *answer;
    char *text = json_dumps(body, JSON_COMPACT);

    if (text == NULL)
        abort();
    answer = client_send(client,
                         &(struct client_request){ .method = "POST",
                                                   .path = upgrade->is_cluster ? "/upgrade/cluster" : "/upgrade/kyma",
                                                   .content_type = "application/json",
                                                   .body = text,
                                                   .body_size = strlen(text),
                                                   .idempotency_key = key },
                         err);
    free(text);
    json_decref(body);
    return answer;
}

static int ask(struct context *context, const struct upgrade *upgrade)
{
    struct error err = { .code = ERROR_NONE };
    struct client *client = client_open(context, &err);
    char key[UUID_SIZE];
    json_t *answer;
    int exit_code = EXIT_DONE;

    if (client == NULL)
        return failed(&err);
    uuid_random(key);
    answer = post(client, upgrade, upgrade->key != NULL ? upgrade->key : key, &err);
    if (answer == NULL) {
        exit_code = failed(&err);
        if (err.code == ERROR_UNAVAILABLE || err.code == ERROR_INTERNAL)
            fprintf(stderr, "The request may have been accepted. To repeat it safely, add: --idempotency-key %s\n",
                    upgrade->key != NULL ? upgrade->key : key);
        goto out;
    }
    if (!context->json)
        printf("Orchestration %s accepted\n", member(answer, "orchestrationID"));
    else if (!upgrade->wait)
        print_json(answer);
    if (upgrade->wait)
        exit_code = orchestration_watch(context, client, member(answer, "orchestrationID"));
out:
    json_decref(answer);
    client_free(client);
    return exit_code;
}

static int upgrade_run(struct context *context, struct upgrade *upgrade, int argc, char **argv)
{
    struct error err = { .code = ERROR_NONE };

    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        if (option == OPTIONS_STOP)
            return context->exit_code;
        if (!take_option(upgrade, option, &err))
            return usage_error(context, "%s", err.message);
    }
    if (argc - optind != 1 || (strcmp(argv[optind], "kyma") != 0 && strcmp(argv[optind], "cluster") != 0))
        return usage_error(context, "say what to upgrade: tidectl upgrade kyma, or tidectl upgrade cluster");
    upgrade->is_cluster = strcmp(argv[optind], "cluster") == 0;
    if (upgrade->is_cluster && upgrade->version != NULL)
        return usage_error(context, "--version is Kyma's; that of clusters is --kubernetes-version");
    if (!upgrade->is_cluster &&
        (upgrade->kubernetes != NULL || upgrade->image != NULL || upgrade->image_version != NULL))
        return usage_error(context, "--kubernetes-version, --machine-image and --machine-image-version are for tidectl "
                                    "upgrade cluster");
    if (json_array_size(upgrade->include) == 0)
        return usage_error(context, "say which runtimes to upgrade, with --target all or --target region=europe");
    return ask(context, upgrade);
}

int command_upgrade(struct context *context, int argc, char **argv)
{
    struct upgrade upgrade = { .include = json_array(), .exclude = json_array() };
    const int exit_code = upgrade_run(context, &upgrade, argc, argv);

    json_decref(upgrade.include);
    json_decref(upgrade.exclude);
    return exit_code;
}
