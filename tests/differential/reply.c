/* reply.c - common/graphql's side of the differential test: reply SCHEMA.graphql <cases >answers
 *
 * A case is a line of JSON: {"query": text, "operationName"?: text, "variables"?: {…}, "root"?: {…}}. Its answer is a
 * line too: {"invalid": [{"rule", "message", "locations"}]} or {"calls": [[field, arguments]…], "result": the response
 * as the library wrote it}. What stands in the data for resolvers that fail or end later is described in data.js. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/graphql/schema.h"

struct later {
    struct gql_field *field;
    json_t *value;
};

/* One execution. */
struct execution {
    json_t *calls;
    struct later *waiting;
    size_t waiting_count, waiting_room;
    bool newest_first; /* of what waits: the order must not matter */
    bool done;
    char *text;
};

__attribute__((noreturn)) static void fatal(const char *what, const char *detail)
{
    fprintf(stderr, "reply: %s: %s\n", what, detail);
    exit(2);
}

static char *read_file(const char *path, size_t *size)
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

/* --- Resolvers --- */

static void finish(struct gql_field *field, json_t *value)
{
    const json_t *message = json_object_get(value, "$error");

    if (message == NULL) {
        gql_field_value(field, json_incref(value));
        return;
    }
    gql_field_error(field, json_string_value(message), json_incref(json_object_get(value, "extensions")));
}

static void resolve(struct gql_field *field, void *context)
{
    struct execution *run = context;
    json_t *value = json_object_get(gql_field_parent(field), gql_field_name(field));
    json_t *later = json_object_get(value, "$later");

    json_array_append_new(run->calls, json_pack("[sO]", gql_field_name(field), gql_field_arguments(field)));
    if (later == NULL) {
        finish(field, value);
        return;
    }
    if (run->waiting_count == run->waiting_room) {
        run->waiting_room = 2 * run->waiting_room + 16;
        run->waiting = realloc(run->waiting, run->waiting_room * sizeof *run->waiting);
        if (run->waiting == NULL)
            fatal("out of memory", gql_field_name(field));
    }
    run->waiting[run->waiting_count++] = (struct later){ .field = field, .value = later };
}

static void end_waiting(struct execution *run)
{
    while (run->waiting_count > 0) {
        struct later next = run->waiting[run->newest_first ? run->waiting_count - 1 : 0];

        run->waiting_count--;
        if (!run->newest_first)
            memmove(run->waiting, run->waiting + 1, run->waiting_count * sizeof *run->waiting);
        finish(next.field, next.value);
    }
}

/* As isBound in data.js. */
static bool is_bound(const struct gql_type *type, const struct gql_field_type *field)
{
    return field->argument_count > 0 || (strlen(type->name) + strlen(field->name)) % 4 != 0;
}

static void bind_all(struct gql_schema *schema)
{
    struct gql_errors errors = { 0 };

    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct gql_type *type = schema->types[i];

        if (type->kind != GQL_OBJECT || type->is_builtin)
            continue;
        for (uint32_t j = 0; j < type->field_count; j++) {
            struct gql_binding row = { .type = type->name, .field = type->fields[j].name, .resolver = resolve };

            if (is_bound(type, &type->fields[j]) && !gql_schema_bind(schema, &row, 1, &errors))
                fatal("a field cannot be bound", errors.list[0].message);
        }
    }
}

static struct gql_schema *schema_load(const char *path)
{
    struct gql_errors errors = { 0 };
    size_t size;
    char *sdl = read_file(path, &size);
    struct gql_schema *schema = gql_schema_new(sdl, size, &errors);

    for (size_t i = 0; i < errors.count; i++)
        fprintf(stderr, "reply: %s:%u:%u: %s\n", path, errors.list[i].locations[0].line,
                errors.list[i].locations[0].column, errors.list[i].message);
    if (schema == NULL)
        exit(2);
    gql_errors_release(&errors);
    free(sdl);
    bind_all(schema);
    return schema;
}

/* --- Cases --- */

static json_t *errors_json(const struct gql_errors *errors)
{
    json_t *list = json_array();

    for (size_t i = 0; i < errors->count; i++) {
        const struct gql_error *error = &errors->list[i];
        json_t *locations = json_array();

        for (size_t j = 0; j < error->location_count; j++)
            json_array_append_new(locations,
                                  json_sprintf("%u:%u", error->locations[j].line, error->locations[j].column));
        json_array_append_new(list, json_pack("{s:s?, s:s, s:o}", "rule", error->rule, "message", error->message,
                                              "locations", locations));
    }
    return list;
}

static void on_done(void *context, const struct gql_result *result)
{
    struct execution *run = context;

    if (run->done)
        fatal("an execution ended twice", result->text);
    run->done = true;
    run->text = strndup(result->text, result->size);
}

static void print_dumped(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    fputs(text, stdout);
    free(text);
    json_decref(json);
}

static void execute(struct gql_document *document, const json_t *given, size_t index)
{
    struct execution run = { .calls = json_array(), .newest_first = index % 2 == 1 };
    struct gql_request request = {
        .operation_name = json_string_value(json_object_get(given, "operationName")),
        .variables = json_object_get(given, "variables"),
        .root = json_object_get(given, "root"),
        .context = &run,
    };

    gql_execute(document, &request, on_done, &run);
    end_waiting(&run);
    if (!run.done)
        fatal("an execution did not end", json_string_value(json_object_get(given, "query")));
    printf("{\"calls\":");
    print_dumped(run.calls);
    printf(",\"result\":%s}\n", run.text);
    free(run.text);
    free(run.waiting);
}

static void reply(struct gql_schema *schema, const char *line, size_t index)
{
    static const struct gql_limits no_limits;
    struct gql_errors errors = { 0 };
    json_error_t why;
    json_t *given = json_loads(line, JSON_ALLOW_NUL, &why);
    const json_t *query = json_object_get(given, "query");
    struct gql_document *document;

    if (query == NULL)
        fatal("not a case", line);
    document = gql_document_new(schema, json_string_value(query), json_string_length(query), &no_limits, &errors);
    if (document != NULL) {
        execute(document, given, index);
    } else {
        printf("{\"invalid\":");
        print_dumped(errors_json(&errors));
        printf("}\n");
    }
    fflush(stdout); /* so that who reads knows at which case this ended */
    gql_document_release(document);
    gql_errors_release(&errors);
    json_decref(given);
}

int main(int argc, char **argv)
{
    struct gql_schema *schema;
    char *line = NULL;
    size_t room = 0;

    if (argc != 2)
        fatal("usage", "reply SCHEMA.graphql <cases >answers");
    schema = schema_load(argv[1]);
    for (size_t index = 0; getline(&line, &room, stdin) > 0; index++)
        reply(schema, line, index);
    free(line);
    gql_schema_free(schema);
    return 0;
}
