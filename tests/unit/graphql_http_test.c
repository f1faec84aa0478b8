#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/api-gateway/graphql_http.h"

#define JSON "application/json"

static void the_accept_header_chooses_the_dialect(void **state)
{
    static const struct {
        const char *accept;
        enum graphql_dialect want;
    } rows[] = {
        { NULL, GRAPHQL_CLASSIC },
        { "", GRAPHQL_CLASSIC },
        { "*/*", GRAPHQL_CLASSIC },
        { "application/json", GRAPHQL_CLASSIC },
        { "application/graphql-response+json", GRAPHQL_STANDARD },
        { "Application/GraphQL-Response+JSON", GRAPHQL_STANDARD },
        { "application/json, application/graphql-response+json;q=0.5", GRAPHQL_STANDARD },
        { "text/html ,application/graphql-response+json; charset=utf-8, */*", GRAPHQL_STANDARD },
        { "application/graphql-response+json;q=0, */*", GRAPHQL_CLASSIC },
        { "application/graphql-response+json; q=0.0", GRAPHQL_CLASSIC },
        { "application/graphql-response+jsonx", GRAPHQL_CLASSIC },
        { "xapplication/graphql-response+json", GRAPHQL_CLASSIC },
        { "application/graphql+json", GRAPHQL_CLASSIC },
        { ",,", GRAPHQL_CLASSIC },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (graphql_dialect(rows[i].accept) != rows[i].want)
            fail_msg("%s", rows[i].accept);
}

static void the_dialects_differ_in_status_codes(void **state)
{
    static const struct {
        enum graphql_refusal refusal;
        int classic, standard;
    } rows[] = {
        { GRAPHQL_MEDIA_TYPE, 400, 415 },   { GRAPHQL_BAD_REQUEST, 400, 400 },  { GRAPHQL_NO_DOCUMENT, 422, 400 },
        { GRAPHQL_BAD_DOCUMENT, 422, 400 }, { GRAPHQL_NO_OPERATION, 422, 400 }, { GRAPHQL_BAD_VARIABLES, 422, 400 },
        { GRAPHQL_GET_MUTATION, 422, 405 }, { GRAPHQL_SUBSCRIPTION, 400, 400 }, { GRAPHQL_UNAUTHENTICATED, 401, 401 },
        { GRAPHQL_FORBIDDEN, 403, 403 },    { GRAPHQL_UNAVAILABLE, 503, 503 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(graphql_status(GRAPHQL_CLASSIC, rows[i].refusal), rows[i].classic);
        assert_int_equal(graphql_status(GRAPHQL_STANDARD, rows[i].refusal), rows[i].standard);
        assert_non_null(graphql_refusal_reason(rows[i].refusal));
    }
}

static void a_refusal_has_data_in_the_classic_dialect_alone(void **state)
{
    static const char *const want[] = {
        [GRAPHQL_CLASSIC] = "{\"errors\":[{\"message\":\"no ?\"}],\"data\":null}",
        [GRAPHQL_STANDARD] = "{\"errors\":[{\"message\":\"no ?\"}]}",
    };

    (void)state;
    for (int dialect = GRAPHQL_CLASSIC; dialect <= GRAPHQL_STANDARD; dialect++) {
        json_t *body = graphql_refusal_body((enum graphql_dialect)dialect, graphql_error("no \xff"));
        char *text = json_dumps(body, JSON_COMPACT);

        assert_string_equal(text, want[dialect]);
        free(text);
        json_decref(body);
    }
}

static void a_post_says_document_operation_and_variables(void **state)
{
    static const char body[] = "{\"query\":\"{ a }\",\"operationName\":\"b\",\"variables\":{\"c\":[1]},"
                               "\"extensions\":{},\"other\":5}";
    struct graphql_request request;
    enum graphql_refusal refusal;

    (void)state;
    assert_true(graphql_read_post(JSON, body, strlen(body), &request, &refusal, NULL));
    assert_string_equal(request.document, "{ a }");
    assert_int_equal(request.document_size, 5);
    assert_string_equal(request.operation_name, "b");
    assert_int_equal(json_array_size(json_object_get(request.variables, "c")), 1);
    assert_false(request.is_get);
    graphql_request_release(&request);
}

static void what_is_null_is_absent(void **state)
{
    static const char *const bodies[] = {
        "{\"query\":\"{a}\"}",
        "{\"query\":\"{a}\",\"operationName\":null,\"variables\":null,\"extensions\":null}",
        "{\"query\":\"{a}\",\"operationName\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct graphql_request request;
        enum graphql_refusal refusal;

        assert_true(graphql_read_post(JSON, bodies[i], strlen(bodies[i]), &request, &refusal, NULL));
        assert_null(request.operation_name);
        assert_null(request.variables);
        graphql_request_release(&request);
    }
}

static void a_wrong_post_is_refused(void **state)
{
    static const struct {
        const char *body;
        enum graphql_refusal want;
        const char *want_error;
    } rows[] = {
        { "", GRAPHQL_BAD_REQUEST, "json body could not be decoded: " },
        { "{\"query\":", GRAPHQL_BAD_REQUEST, "json body could not be decoded: line 1" },
        { "{\"query\":\"{a}\"} x", GRAPHQL_BAD_REQUEST, "json body could not be decoded: " },
        { "{\"query\":\"{a}\",\"query\":\"{b}\"}", GRAPHQL_BAD_REQUEST, "json body could not be decoded: " },
        { "{\"query\":\"{a}\",\"variables\":{\"a\":1,\"a\":2}}", GRAPHQL_BAD_REQUEST, "json body" },
        { "{\"query\":\"\xff\"}", GRAPHQL_BAD_REQUEST, "json body could not be decoded: " },
        { "[{\"query\":\"{a}\"}]", GRAPHQL_BAD_REQUEST, "json body could not be decoded: expected an object" },
        { "5", GRAPHQL_BAD_REQUEST, "json body could not be decoded: " },
        { "{\"query\":5}", GRAPHQL_BAD_REQUEST, "query: expected a string" },
        { "{\"query\":{}}", GRAPHQL_BAD_REQUEST, "query: expected a string" },
        { "{\"query\":\"{a}\",\"operationName\":5}", GRAPHQL_BAD_REQUEST, "operationName: expected a string" },
        { "{\"query\":\"{a}\",\"variables\":[]}", GRAPHQL_BAD_REQUEST, "variables: expected an object" },
        { "{\"query\":\"{a}\",\"variables\":\"{}\"}", GRAPHQL_BAD_REQUEST, "variables: expected an object" },
        { "{\"query\":\"{a}\",\"extensions\":1}", GRAPHQL_BAD_REQUEST, "extensions: expected an object" },
        { "{\"query\":\"{a}\",\"variables\":{\"a\":\"\\u0000\"}}", GRAPHQL_BAD_REQUEST, "json body" },
        { "{\"query\":\"{a \\u0000}\"}", GRAPHQL_BAD_DOCUMENT, "json body" },
        { "{}", GRAPHQL_NO_DOCUMENT, "Must provide query string" },
        { "{\"query\":null}", GRAPHQL_NO_DOCUMENT, "Must provide query string" },
        { "{\"query\":\"\"}", GRAPHQL_NO_DOCUMENT, "Must provide query string" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct graphql_request request = { .document = "untouched" };
        enum graphql_refusal refusal = GRAPHQL_UNAVAILABLE;
        struct error err = { 0 };

        if (graphql_read_post(JSON, rows[i].body, strlen(rows[i].body), &request, &refusal, &err))
            fail_msg("%s: accepted", rows[i].body);
        if (refusal != rows[i].want || strncmp(err.message, rows[i].want_error, strlen(rows[i].want_error)) != 0)
            fail_msg("%s: %d, %s", rows[i].body, (int)refusal, err.message);
        assert_string_equal(request.document, "untouched");
    }
}

static void a_post_is_json_in_utf8(void **state)
{
    static const struct {
        const char *type;
        bool want;
    } rows[] = {
        { JSON, true },
        { "Application/JSON; charset=UTF-8", true },
        { "application/json;charset=\"utf-8\"", true },
        { "application/json ; profile=x", true },
        { "application/json; charset=latin1", false },
        { "application/json, text/plain", false },
        { "application/jsonp", false },
        { "application/graphql", false },
        { "multipart/form-data; boundary=x", false },
        { "text/plain", false },
        { "", false },
        { NULL, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct graphql_request request;
        enum graphql_refusal refusal = GRAPHQL_UNAVAILABLE;
        const bool is = graphql_read_post(rows[i].type, "{\"query\":\"{a}\"}", 15, &request, &refusal, NULL);

        if (is != rows[i].want)
            fail_msg("%s", rows[i].type);
        if (is)
            graphql_request_release(&request);
        else
            assert_int_equal(refusal, GRAPHQL_MEDIA_TYPE);
    }
}

/* A request whose variables are `depth` values within each other. */
static enum graphql_refusal read_deep(size_t depth, bool *is_good, struct error *err)
{
    struct graphql_request request;
    enum graphql_refusal refusal = GRAPHQL_UNAVAILABLE;
    char body[1024] = "{\"query\":\"{a}\",\"variables\":";
    size_t size = strlen(body);

    for (size_t i = 0; i < depth; i++)
        size += (size_t)snprintf(body + size, sizeof body - size, "%s", i == 0 ? "{\"a\":" : "[");
    for (size_t i = depth; i > 0; i--)
        size += (size_t)snprintf(body + size, sizeof body - size, "%s", i == 1 ? "}}" : "]");
    *is_good = graphql_read_post(JSON, body, size, &request, &refusal, err);
    if (*is_good)
        graphql_request_release(&request);
    return refusal;
}

static void variables_have_a_limit_of_depth(void **state)
{
    struct error err = { 0 };
    bool is_good;

    (void)state;
    read_deep(64, &is_good, &err);
    if (!is_good)
        fail_msg("64: %s", err.message);
    assert_int_equal(read_deep(65, &is_good, &err), GRAPHQL_BAD_VARIABLES);
    assert_false(is_good);
    assert_non_null(strstr(err.message, "limit of 64"));
}

static void accounts_are_short_texts(void **state)
{
    char text[257];

    (void)state;
    memset(text, 'a', sizeof text);
    text[256] = '\0';
    assert_true(graphql_check_account("Tenant", NULL, NULL));
    assert_true(graphql_check_account("Tenant", "", NULL));
    assert_true(graphql_check_account("Tenant", "gr\xc3\xbcn", NULL));
    assert_true(graphql_check_account("Tenant", text + 1, NULL));
    assert_false(graphql_check_account("Tenant", text, NULL));
    assert_false(graphql_check_account("Tenant", "gr\xfcn", NULL));
}

/* Reads the query text as a GET. */
static bool get(const char *text, struct graphql_request *request, struct query **query, enum graphql_refusal *refusal)
{
    *query = query_parse(text, strlen(text), QUERY_MEMBER_COUNT_MAX, NULL);
    assert_non_null(*query);
    return graphql_read_get(*query, request, refusal, NULL);
}

static void a_get_says_it_in_the_url(void **state)
{
    struct graphql_request request;
    enum graphql_refusal refusal;
    struct query *query;

    (void)state;
    assert_true(get("query=%7B+a+%7D&operationName=b&variables=%7B%22c%22:1%7D", &request, &query, &refusal));
    assert_string_equal(request.document, "{ a }");
    assert_string_equal(request.operation_name, "b");
    assert_int_equal(json_integer_value(json_object_get(request.variables, "c")), 1);
    assert_true(request.is_get);
    graphql_request_release(&request);
    query_free(query);
}

static void empty_parameters_of_a_get_are_absent(void **state)
{
    static const char *const texts[] = { "query=x", "query=x&operationName=&variables=", "query=x&variables=null" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct graphql_request request;
        enum graphql_refusal refusal;
        struct query *query;

        assert_true(get(texts[i], &request, &query, &refusal));
        assert_null(request.operation_name);
        assert_null(request.variables);
        graphql_request_release(&request);
        query_free(query);
    }
}

static void a_wrong_get_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum graphql_refusal want;
    } rows[] = {
        { "", GRAPHQL_NO_DOCUMENT },
        { "query=", GRAPHQL_NO_DOCUMENT },
        { "variables=%7B%7D", GRAPHQL_NO_DOCUMENT },
        { "query=x&variables=%7B", GRAPHQL_BAD_REQUEST },
        { "query=x&variables=%5B%5D", GRAPHQL_BAD_REQUEST },
        { "query=x&variables=%7B%7D%7B%7D", GRAPHQL_BAD_REQUEST },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct graphql_request request;
        enum graphql_refusal refusal = GRAPHQL_UNAVAILABLE;
        struct query *query;

        if (get(rows[i].text, &request, &query, &refusal) || refusal != rows[i].want)
            fail_msg("%s: %d", rows[i].text, (int)refusal);
        query_free(query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_accept_header_chooses_the_dialect),
        cmocka_unit_test(the_dialects_differ_in_status_codes),
        cmocka_unit_test(a_refusal_has_data_in_the_classic_dialect_alone),
        cmocka_unit_test(a_post_says_document_operation_and_variables),
        cmocka_unit_test(what_is_null_is_absent),
        cmocka_unit_test(a_wrong_post_is_refused),
        cmocka_unit_test(a_post_is_json_in_utf8),
        cmocka_unit_test(variables_have_a_limit_of_depth),
        cmocka_unit_test(accounts_are_short_texts),
        cmocka_unit_test(a_get_says_it_in_the_url),
        cmocka_unit_test(empty_parameters_of_a_get_are_absent),
        cmocka_unit_test(a_wrong_get_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
