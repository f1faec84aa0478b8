/* Any document is valid or has errors that can be told as JSON, within bounded time; a valid one is found in the cache
 * again and has an operation. */
#include "common/graphql/graphql.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sdl[] =
    "directive @mark(n: Int = 1) repeatable on FIELD | QUERY | FRAGMENT_SPREAD | INLINE_FRAGMENT | "
    "VARIABLE_DEFINITION\n"
    "scalar Any enum Color { RED GREEN }\n"
    "input In { a: Int! = 1, b: [In!], c: Color, o: One, any: Any } input One @oneOf { a: Int, s: String }\n"
    "interface N { id: ID!, n(in: In): N } union U = A | B\n"
    "type A implements N { id: ID!, n(in: In): N, a: Int, u: U, l(i: [[Int!]]): [[A!]!] }\n"
    "type B implements N { id: ID!, n(in: In, x: Int): N, a: String, e: Color }\n"
    "type Query { a: A!, b(in: In!, c: Color = RED): B, n: N, u: [U!], f(x: Float, s: String, b: Boolean, id: ID): Any "
    "}\n"
    "type Mutation { a(in: [In]): A } type Subscription { a: A, b: B }\n";

static struct gql_schema *make_schema(void)
{
    struct gql_errors errors = { 0 };
    struct gql_schema *schema = gql_schema_new(sdl, strlen(sdl), &errors);

    assert(schema != NULL);
    return schema;
}

static void check_errors(const struct gql_errors *errors)
{
    json_t *json = gql_errors_json(errors);
    char *text = json_dumps(json, JSON_COMPACT);

    assert(errors->count > 0 && text != NULL);
    for (size_t i = 0; i < errors->count; i++)
        assert(errors->list[i].rule != NULL && errors->list[i].message != NULL);
    free(text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gql_limits limits = {
        .bytes = 4000, .tokens = 1000, .depth = 15, .aliases = 50, .fields = 500, .items = 20, .errors = 30
    };
    static struct gql_schema *schema;
    static struct gql_cache *cache;
    struct gql_errors errors = { 0 };
    struct gql_document *document, *again;

    if (schema == NULL) {
        schema = make_schema();
        cache = gql_cache_new(schema, &limits, 1 << 20);
    }
    document = gql_cache_document(cache, (const char *)data, size, &errors);
    if (document == NULL) {
        check_errors(&errors);
    } else {
        assert(errors.count == 0);
        again = gql_cache_document(cache, (const char *)data, size, &errors);
        assert(again == document);
        gql_document_release(again);
    }
    gql_document_release(document);
    gql_errors_release(&errors);
    return 0;
}
