/* A valid document is answered once, by JSON, whatever the variables and values are and however late resolvers end. The
 * first bytes of an input choose both; its rest is the document. */
#include "common/graphql/graphql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOICES = 8, WAITING_MAX = 64 };

static const char sdl[] =
    "scalar Any enum Color { RED GREEN }\n"
    "input In { a: Int! = 1, b: [In!], c: Color, o: One, any: Any } input One @oneOf { a: Int, s: String }\n"
    "interface N { id: ID!, n: N, later: N } union U = A | B\n"
    "type A implements N { id: ID!, n: N, later: N, must: A!, u: U, l: [[A!]!], i: Int, f: Float, s: String! }\n"
    "type B implements N { id: ID!, n: N, later: N!, b: Boolean!, c: Color, e(in: In): Any }\n"
    "type Query { a: A!, b: B, n: N, u: [U!], later: A, e(in: In!, l: [[Int!]], c: Color = RED, x: Float, s: String,\n"
    "  b: Boolean, id: ID, o: One, any: Any): Any, i: Int }\n"
    "type Mutation { a: A, later(in: [In]): A, b: B!, e(in: In): Any }\n";

/* What the inputs begin with chooses among these. */
static const char *const values[] = {
    "null",
    "1",
    "-1.5",
    "\"1\"",
    "\"RED\"",
    "true",
    "[]",
    "[[{}]]",
    "{}",
    "2147483648",
    "1e300",
    "\"\\u0000\\\"\\n\"",
    "{\"__typename\":\"A\",\"id\":1,\"s\":\"x\",\"must\":{\"id\":\"2\",\"s\":1,\"l\":[[{\"id\":1},{}],null]}}",
    "{\"__typename\":\"B\",\"id\":\"b\",\"b\":1,\"c\":\"GREEN\",\"n\":{\"__typename\":\"A\",\"id\":\"n\"}}",
    "{\"a\":2,\"b\":[{\"c\":\"RED\"},{\"o\":{\"a\":1}}],\"any\":[1,{}]}",
    "{\"s\":\"one\"}",
};

struct scene {
    const uint8_t *choices;
    size_t chosen;
    struct gql_field *waiting[WAITING_MAX];
    size_t waiting_count;
    unsigned answers;
};

static json_t *choose(struct scene *scene)
{
    uint8_t choice = scene->choices[scene->chosen++ % CHOICES];

    return json_loads(values[choice % (sizeof(values) / sizeof(values[0]))], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void resolve_echo(struct gql_field *field, void *context)
{
    struct scene *scene = context;

    if (scene->choices[scene->chosen++ % CHOICES] % 5 == 0)
        gql_field_error(field, "chosen", choose(scene));
    else
        gql_field_value(field, json_deep_copy(gql_field_arguments(field)));
}

static void resolve_later(struct gql_field *field, void *context)
{
    struct scene *scene = context;

    gql_field_selects(field, "id");
    if (scene->waiting_count < WAITING_MAX)
        scene->waiting[scene->waiting_count++] = field;
    else
        gql_field_value(field, choose(scene));
}

/* The oldest or the newest one. */
static void end_one(struct scene *scene)
{
    uint8_t choice = scene->choices[scene->chosen++ % CHOICES];
    size_t which = choice % 2 == 0 ? 0 : scene->waiting_count - 1;
    struct gql_field *field = scene->waiting[which];

    scene->waiting[which] = scene->waiting[--scene->waiting_count];
    if (choice % 7 == 0)
        gql_field_error(field, "late", NULL);
    else
        gql_field_value(field, choose(scene));
}

static void check_answer(void *context, const struct gql_result *result)
{
    struct scene *scene = context;
    json_t *answer = json_loadb(result->text, result->size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

    assert(answer != NULL);
    assert(result->executed == (json_object_get(answer, "data") != NULL));
    assert((result->errors->count > 0) == (json_object_get(answer, "errors") != NULL));
    json_decref(answer);
    scene->answers++;
}

static struct gql_schema *make_schema(void)
{
    static const struct gql_binding bindings[] = {
        { "Query", "e", resolve_echo },         { "B", "e", resolve_echo },      { "Mutation", "e", resolve_echo },
        { "Query", "later", resolve_later },    { "A", "later", resolve_later }, { "B", "later", resolve_later },
        { "Mutation", "later", resolve_later },
    };
    struct gql_errors errors = { 0 };
    struct gql_schema *schema = gql_schema_new(sdl, strlen(sdl), &errors);

    assert(schema != NULL);
    assert(gql_schema_bind(schema, bindings, sizeof(bindings) / sizeof(bindings[0]), &errors));
    return schema;
}

static json_t *choose_members(struct scene *scene, const char *const *names, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, names[i], choose(scene));
    return object;
}

static void execute(struct gql_document *document, struct scene *scene)
{
    static const char *const variable_names[] = { "a", "b", "c", "d" };
    static const char *const root_names[] = { "a", "b", "n", "u", "i" };
    json_t *variables = choose_members(scene, variable_names, 4), *root = choose_members(scene, root_names, 5);
    const struct gql_request request = { .variables = variables, .root = root, .context = scene };

    gql_execute(document, &request, check_answer, scene);
    while (scene->waiting_count > 0) {
        assert(scene->answers == 0);
        end_one(scene);
    }
    assert(scene->answers == 1);
    json_decref(variables);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gql_limits limits = {
        .bytes = 4000, .tokens = 1000, .depth = 15, .aliases = 50, .fields = 300, .items = 20, .errors = 30
    };
    static struct gql_schema *schema;
    struct gql_errors errors = { 0 };
    struct gql_document *document;

    if (schema == NULL)
        schema = make_schema();
    if (size <= CHOICES)
        return 0;
    document = gql_document_new(schema, (const char *)data + CHOICES, size - CHOICES, &limits, &errors);
    for (uint8_t turn = 0; document != NULL && turn < 2; turn++) /* the second one meets the plans of the first */
        execute(document, &(struct scene){ .choices = data, .chosen = turn });
    gql_document_release(document);
    gql_errors_release(&errors);
    return 0;
}
