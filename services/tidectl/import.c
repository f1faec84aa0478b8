/* import: a file of runtimes, one JSON object a line, sent in pieces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "services/tidectl/command.h"

enum {
    PIECE_LINES_MAX = 10000,
    PIECE_SIZE_MAX = 8 * 1024 * 1024,
    PIECE_LIMIT_MS = 300 * 1000, /* the server answers when both read models have the piece */
};

struct import {
    struct context *context;
    struct client *client;
    char *piece;
    size_t size;
    json_int_t lines, before; /* in the piece; in the file before the piece */
    json_int_t imported, unchanged;
    json_t *rejected;
};

static void reject(struct import *import, json_int_t line, const char *why)
{
    json_array_append_new(import->rejected, json_pack("{s:I, s:s}", "line", line, "error", why));
}

static void count_answer(struct import *import, const json_t *answer)
{
    const json_t *rejection;
    size_t i;

    import->imported += json_integer_value(json_object_get(answer, "imported"));
    import->unchanged += json_integer_value(json_object_get(answer, "unchanged"));
    json_array_foreach(json_object_get(answer, "rejected"), i, rejection)
        reject(import, import->before + json_integer_value(json_object_get(rejection, "line")),
               member(rejection, "error"));
}

static bool send_piece(struct import *import, struct error *err)
{
    json_t *answer;

    if (import->lines == 0)
        return true;
    answer = client_send(import->client,
                         &(struct client_request){ .method = "POST",
                                                   .path = "/instances:import",
                                                   .content_type = "application/x-ndjson",
                                                   .body = import->piece,
                                                   .body_size = import->size,
                                                   .limit_ms = PIECE_LIMIT_MS },
                         err);
    if (answer == NULL) {
        error_context(err, "lines %lld to %lld", (long long)import->before + 1,
                      (long long)(import->before + import->lines));
        return false;
    }
    count_answer(import, answer);
    json_decref(answer);
    import->before += import->lines;
    import->lines = 0;
    import->size = 0;
    if (import->context->terminal && !import->context->json) {
        printf("\r%lld lines", (long long)import->before);
        fflush(stdout);
    }
    return true;
}

static bool add_line(struct import *import, const char *line, size_t size, struct error *err)
{
    if ((import->lines == PIECE_LINES_MAX || size > PIECE_SIZE_MAX - import->size) && !send_piece(import, err))
        return false;
    if (size > PIECE_SIZE_MAX) {
        import->before++; /* the piece is empty now */
        reject(import, import->before, "the line is longer than 8 MiB");
        return true;
    }
    memcpy(import->piece + import->size, line, size);
    import->size += size;
    import->lines++;
    return true;
}

static bool send_file(struct import *import, FILE *file, const char *name, struct error *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    bool sent = true;

    while (sent && (size = getline(&line, &room, file)) >= 0)
        sent = add_line(import, line, (size_t)size, err);
    if (sent && ferror(file))
        sent = error_set(err, ERROR_INPUT, "cannot read %s: %s", name, strerror(errno));
    free(line);
    return sent && send_piece(import, err);
}

static void show_result(const struct import *import)
{
    static const char *const heads[] = { "LINE", "ERROR", NULL };
    struct table *table;
    const json_t *rejection;
    char line[24];
    size_t i;

    if (import->context->json) {
        json_t *result = json_pack("{s:I, s:I, s:O}", "imported", import->imported, "unchanged", import->unchanged,
                                   "rejected", import->rejected);

        print_json(result);
        json_decref(result);
        return;
    }
    printf("%s%lld imported, %lld unchanged, %zu rejected\n", import->context->terminal ? "\r\033[K" : "",
           (long long)import->imported, (long long)import->unchanged, json_array_size(import->rejected));
    if (json_array_size(import->rejected) == 0)
        return;
    table = table_new(heads);
    json_array_foreach(import->rejected, i, rejection) {
        snprintf(line, sizeof line, "%lld", (long long)json_integer_value(json_object_get(rejection, "line")));
        table_add(table, (const char *const[]){ line, member(rejection, "error") });
    }
    print_table(import->context, table);
    table_free(table);
}

static int import_file(struct context *context, FILE *file, const char *name)
{
    struct error err = { .code = ERROR_NONE };
    struct import import = { .context = context, .rejected = json_array(), .piece = malloc(PIECE_SIZE_MAX) };
    int exit_code = EXIT_DONE;

    if (import.piece == NULL || import.rejected == NULL)
        abort();
    import.client = client_open(context, &err);
    if (import.client == NULL) {
        exit_code = failed(&err);
        goto out;
    }
    if (!send_file(&import, file, name, &err)) {
        if (import.before > 0)
            show_result(&import); /* what was done before is done */
        exit_code = failed(&err);
        goto out;
    }
    show_result(&import);
    if (json_array_size(import.rejected) > 0)
        exit_code = EXIT_FAILED;
out:
    client_free(import.client);
    json_decref(import.rejected);
    free(import.piece);
    return exit_code;
}

int command_import(struct context *context, int argc, char **argv)
{
    static const struct option options[] = { { 0 } };
    const char *name;
    FILE *file;
    int exit_code;

    if (options_next(context, argc, argv, options) == OPTIONS_STOP)
        return context->exit_code;
    name = argument_single(context, argc, argv, "FILE");
    if (name == NULL)
        return EXIT_USAGE;
    if (strcmp(name, "-") == 0)
        return import_file(context, stdin, "standard input");
    file = fopen(name, "re");
    if (file == NULL)
        return usage_error(context, "cannot read %s: %s", name, strerror(errno));
    exit_code = import_file(context, file, name);
    fclose(file);
    return exit_code;
}
