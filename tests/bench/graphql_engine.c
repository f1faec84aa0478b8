/* graphql_engine - how fast common/graphql is alone, against resolvers that answer a constant.
 *
 *     graphql_engine SCHEMA DOCUMENT VALUES anew|cached [COUNT]
 *
 * anew: each operation parses, validates and executes the document; cached: it finds it in the cache and executes it.
 * VALUES is a JSON object: what each root field answers. Prints {"operations": …, "us": …}, microseconds of one in the
 * best of ROUNDS; with COUNT it executes just so many, for who counts instructions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/graphql/graphql.h"

enum { ROUNDS = 5, ROUND_MS = 700, CACHE_BYTES = 1 << 20 };

static const struct gql_limits limits = {
    .bytes = 256 * 1024, .tokens = 20000, .depth = 20, .aliases = 100, .fields = 5000, .items = 2000, .errors = 20
};

struct bench {
    struct gql_schema *schema;
    struct gql_cache *cache; /* NULL: each document anew */
    char *text;
    size_t size;
    json_t *values;
    size_t answered; /* bytes, so that nothing is left out as unused */
};

__attribute__((noreturn)) static void fatal(const char *what, const char *detail)
{
    fprintf(stderr, "graphql_engine: %s: %s\n", what, detail);
    exit(1);
}

static char *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long end;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0)
        fatal(path, "cannot be read");
    rewind(file);
    *size = (size_t)end;
    text = malloc(*size + 1);
    if (text == NULL || fread(text, 1, *size, file) != *size)
        fatal(path, "cannot be read");
    text[*size] = '\0';
    fclose(file);
    return text;
}

static void resolve(struct gql_field *field, void *context)
{
    const struct bench *bench = context;

    gql_field_value(field, json_incref(json_object_get(bench->values, gql_field_name(field))));
}

static void on_done(void *context, const struct gql_result *result)
{
    struct bench *bench = context;

    if (!result->executed || (result->errors != NULL && result->errors->count > 0))
        fatal("an execution failed", result->text);
    bench->answered += result->size;
}

static void operate(struct bench *bench)
{
    const struct gql_request request = { .context = bench };
    struct gql_errors errors = { .max = limits.errors };
    struct gql_document *document = bench->cache
                                        ? gql_cache_document(bench->cache, bench->text, bench->size, &errors)
                                        : gql_document_new(bench->schema, bench->text, bench->size, &limits, &errors);

    if (document == NULL)
        fatal("the document is refused", errors.list[0].message);
    gql_execute(document, &request, on_done, bench);
    gql_document_release(document);
    gql_errors_release(&errors);
}

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Microseconds an operation. */
static double round_run(struct bench *bench)
{
    double begin = now_us(), end = begin;
    size_t count = 0;

    for (; end - begin < ROUND_MS * 1e3; end = now_us(), count += 16)
        for (int i = 0; i < 16; i++)
            operate(bench);
    return (end - begin) / (double)count;
}

static void set_up(struct bench *bench, char **argv)
{
    struct gql_errors errors = { 0 };
    json_error_t why;
    size_t size;
    char *sdl = file_read(argv[1], &size);
    const char *field;
    json_t *value;

    bench->schema = gql_schema_new(sdl, size, &errors);
    free(sdl);
    if (bench->schema == NULL)
        fatal(argv[1], errors.list[0].message);
    bench->text = file_read(argv[2], &bench->size);
    bench->values = json_load_file(argv[3], 0, &why);
    if (bench->values == NULL)
        fatal(argv[3], why.text);
    json_object_foreach(bench->values, field, value) {
        struct gql_binding rows[] = { { "Query", field, resolve }, { "Mutation", field, resolve } };

        if (!gql_schema_bind(bench->schema, &rows[0], 1, &errors) &&
            !gql_schema_bind(bench->schema, &rows[1], 1, &errors))
            fatal(argv[3], errors.list[0].message);
    }
    gql_errors_release(&errors);
    if (strcmp(argv[4], "cached") == 0)
        bench->cache = gql_cache_new(bench->schema, &limits, CACHE_BYTES);
}

int main(int argc, char **argv)
{
    struct bench bench = { 0 };
    double best_us = 0;

    if (argc < 5)
        fatal("usage", "graphql_engine SCHEMA DOCUMENT VALUES anew|cached [COUNT]");
    set_up(&bench, argv);
    for (int i = argc > 5 ? atoi(argv[5]) : 0; i > 0; i--)
        operate(&bench);
    for (int i = 0; i < ROUNDS && argc == 5; i++) {
        double us = round_run(&bench);

        best_us = i == 0 || us < best_us ? us : best_us;
    }
    if (argc == 5)
        printf("{\"operations\": %.0f, \"us\": %.3f, \"bytes\": %zu}\n", 1e6 / best_us, best_us, bench.size);
    gql_cache_free(bench.cache);
    gql_schema_free(bench.schema);
    json_decref(bench.values);
    free(bench.text);
    return bench.answered == 0 && best_us > 0;
}
