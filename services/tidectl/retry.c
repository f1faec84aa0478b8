/* retry: has operations that failed run again. */
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "services/tidectl/command.h"

enum { OPTION_OPERATION = 256, OPTION_WAIT, OPTION_KEY };

static const struct option options[] = {
    { "operation", required_argument, NULL, OPTION_OPERATION },
    { "wait", no_argument, NULL, OPTION_WAIT },
    { "key", required_argument, NULL, OPTION_KEY },
    { "idempotency-key", required_argument, NULL, OPTION_KEY },
    { 0 },
};

struct retry {
    struct text form; /* "operation-id=a&operation-id=b" */
    const char *key;
    bool wait;
};

static void add_operations(struct retry *retry, char *list)
{
    for (char *rest = NULL, *id = strtok_r(list, ",", &rest); id != NULL; id = strtok_r(NULL, ",", &rest))
        form_add(&retry->form, "operation-id", id);
}

/* A heading with how many there are, then one ID a line; nothing for none. */
static void show_ids(const char *heading, const json_t *ids)
{
    const json_t *id;
    size_t i;

    if (json_array_size(ids) == 0)
        return;
    printf("%zu %s\n", json_array_size(ids), heading);
    json_array_foreach(ids, i, id) {
        fputs("  ", stdout);
        text_print(json_is_string(id) ? json_string_value(id) : "", stdout);
        putchar('\n');
    }
}

static void show_answer(const json_t *answer)
{
    printf("Orchestration %s: ", member(answer, "orchestrationID"));
    text_print(member(answer, "msg"), stdout);
    putchar('\n');
    show_ids("to run again:", json_object_get(answer, "retryOperations"));
    show_ids("not retried, because a newer one ran on the same instance:", json_object_get(answer, "oldOperations"));
    show_ids("not retried, because they are no failed ones of this orchestration:",
             json_object_get(answer, "invalidOperations"));
}

static json_t *post(struct client *client, const struct retry *retry, const char *path, const char *key,
                    struct error *err)
{
    return client_send(client,
                       &(struct client_request){ .method = "POST",
                                                 .path = path,
                                                 .content_type = "application/x-www-form-urlencoded",
                                                 .body = retry->form.bytes,
                                                 .body_size = retry->form.size,
                                                 .idempotency_key = key },
                       err);
}

static int ask(struct context *context, const struct retry *retry, const char *id, const struct resource *path)
{
    struct error err = { .code = ERROR_NONE };
    struct client *client = client_open(context, &err);
    int exit_code = EXIT_FAILED; /* unless something runs again */
    char key[UUID_SIZE];
    json_t *answer;

    if (client == NULL)
        return failed(&err);
    uuid_random(key);
    answer = post(client, retry, path->text, retry->key != NULL ? retry->key : key, &err);
    if (answer == NULL) {
        exit_code = failed(&err);
        if (err.code == ERROR_UNAVAILABLE || err.code == ERROR_INTERNAL)
            fprintf(stderr, "The request may have been accepted. To repeat it safely, add: --key %s\n",
                    retry->key != NULL ? retry->key : key);
        goto out;
    }
    if (!context->json)
        show_answer(answer);
    else if (!retry->wait)
        print_json(answer);
    if (json_array_size(json_object_get(answer, "retryOperations")) > 0)
        exit_code = retry->wait ? orchestration_watch(context, client, id) : EXIT_DONE;
out:
    json_decref(answer);
    client_free(client);
    return exit_code;
}

/* False: leave with context->exit_code. */
static bool read_options(struct context *context, int argc, char **argv, struct retry *retry)
{
    for (int option; (option = options_next(context, argc, argv, options)) != OPTIONS_END;) {
        switch (option) {
        case OPTIONS_STOP: return false;
        case OPTION_OPERATION: add_operations(retry, optarg); break;
        case OPTION_WAIT: retry->wait = true; break;
        case OPTION_KEY: retry->key = optarg; break;
        }
    }
    return true;
}

static int run(struct context *context, int argc, char **argv, struct retry *retry)
{
    struct resource path = { .size = 0 };
    const char *id;

    if (!read_options(context, argc, argv, retry))
        return context->exit_code;
    id = argument_single(context, argc, argv, "ID of an orchestration");
    if (id == NULL)
        return EXIT_USAGE;
    resource_literal(&path, "/orchestrations");
    resource_segment(&path, id);
    resource_literal(&path, "/retry");
    if (path.overflown)
        return usage_error(context, "the ID is too long");
    return ask(context, retry, id, &path);
}

int command_retry(struct context *context, int argc, char **argv)
{
    struct retry retry = { 0 };
    const int exit_code = run(context, argc, argv, &retry);

    text_release(&retry.form);
    return exit_code;
}
