#include "services/api-gateway/graphiql.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/embed.h"
#include "services/api-gateway/gateway.h"

EMBED_TEXT(gateway_graphiql_page, "services/api-gateway/graphiql.html");
EMBED_TEXT(gateway_graphiql_script, "services/api-gateway/graphiql_page.js");

enum { PATH_SIZE = 4096, FILE_SIZE_MAX = 16 * 1024 * 1024 };

#define JAVASCRIPT "text/javascript; charset=utf-8"

/* What is not embedded is read from the folder. */
static const struct {
    const char *name, *type, *embedded;
} files[] = {
    { "", "text/html; charset=utf-8", gateway_graphiql_page },
    { "page.js", JAVASCRIPT, gateway_graphiql_script },
    { "react.production.min.js", JAVASCRIPT, NULL },
    { "react-dom.production.min.js", JAVASCRIPT, NULL },
    { "graphiql.min.js", JAVASCRIPT, NULL },
    { "graphiql.min.css", "text/css; charset=utf-8", NULL },
};
enum { FILE_COUNT = sizeof files / sizeof files[0] };

/* GraphiQL's editor writes style attributes, its style sheet has its fonts inside; nothing comes from elsewhere. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                             "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'";

struct graphiql {
    struct {
        char *bytes; /* NULL: embedded */
        size_t size;
    } contents[FILE_COUNT];
};

static char *read_file(const char *folder, const char *name, size_t *size, struct error *err)
{
    char path[PATH_SIZE];
    struct stat status;
    char *bytes = NULL;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        error_set(err, ERROR_UNAVAILABLE, "%s: %s; deploy/graphiql/install makes it", path, strerror(errno));
    } else if (status.st_size <= 0 || status.st_size > FILE_SIZE_MAX) {
        error_set(err, ERROR_INPUT, "%s: expected 1 to %d bytes, got %lld", path, FILE_SIZE_MAX,
                  (long long)status.st_size);
    } else {
        *size = (size_t)status.st_size;
        bytes = malloc(*size);
        if (bytes == NULL)
            abort();
        if (fread(bytes, 1, *size, file) != *size) {
            error_set(err, ERROR_UNAVAILABLE, "%s: it cannot be read as a whole", path);
            free(bytes);
            bytes = NULL;
        }
    }
    if (file != NULL)
        fclose(file);
    return bytes;
}

struct graphiql *graphiql_new(const char *folder, struct error *err)
{
    struct graphiql *graphiql = calloc(1, sizeof *graphiql);

    if (graphiql == NULL)
        abort();
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (files[i].embedded != NULL) {
            graphiql->contents[i].size = strlen(files[i].embedded);
            continue;
        }
        graphiql->contents[i].bytes = read_file(folder, files[i].name, &graphiql->contents[i].size, err);
        if (graphiql->contents[i].bytes == NULL) {
            graphiql_free(graphiql);
            return NULL;
        }
    }
    return graphiql;
}

void graphiql_free(struct graphiql *graphiql)
{
    for (size_t i = 0; graphiql != NULL && i < FILE_COUNT; i++)
        free(graphiql->contents[i].bytes);
    free(graphiql);
}

static void answer_file(struct exchange *exchange, const struct graphiql *graphiql, size_t index)
{
    const char *bytes = graphiql->contents[index].bytes;

    exchange_set_header(exchange, "Content-Security-Policy", policy);
    exchange_set_header(exchange, "X-Content-Type-Options", "nosniff");
    exchange_set_header(exchange, "Referrer-Policy", "no-referrer");
    exchange_set_header(exchange, "Cache-Control", "no-cache");
    exchange_answer(exchange, 200, files[index].type, bytes != NULL ? bytes : files[index].embedded,
                    graphiql->contents[index].size);
}

void handle_graphiql(struct exchange *exchange)
{
    const struct graphiql *graphiql = visit_of(exchange)->gateway->graphiql;
    const bool is_page = strcmp(exchange_pattern(exchange), "/graphiql") == 0;
    const char *name = is_page ? "" : exchange_variable(exchange, "file");

    for (size_t i = 0; graphiql != NULL && i < FILE_COUNT; i++) {
        if (strcmp(files[i].name, name) == 0) {
            answer_file(exchange, graphiql, i);
            return;
        }
    }
    exchange_answer_unknown(exchange);
}
