#include "services/api-gateway/graphql_http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json/lenient.h"

enum { HEADER_SIZE_MAX = 255 }; /* of an account */

static const char standard_type[] = "application/graphql-response+json", json_type_name[] = "application/json";

/* --- Headers --- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Is `name` the media type that begins at `at`? `*rest` is what follows it. */
static bool is_media_type(const char *at, const char *name, const char **rest)
{
    const size_t length = strlen(name);

    at = skip_blanks(at);
    if (strncasecmp(at, name, length) != 0)
        return false;
    *rest = skip_blanks(at + length);
    return **rest == '\0' || **rest == ';' || **rest == ',';
}

/* The value of the parameter `name` of the element whose parameters begin at `at` (at ';', or at its end). */
static const char *find_parameter(const char *at, const char *name)
{
    const size_t length = strlen(name);

    while (*at == ';') {
        at = skip_blanks(at + 1);
        if (strncasecmp(at, name, length) == 0 && at[length] == '=')
            return at + length + 1;
        at += strcspn(at, ";,");
    }
    return NULL;
}

/* Weight 0 means "not this one" (RFC 9110, 12.4.2). */
static bool is_refused(const char *parameters)
{
    const char *weight = find_parameter(parameters, "q");

    return weight != NULL && strtod(weight, NULL) <= 0;
}

enum graphql_dialect graphql_dialect(const char *accept)
{
    const char *rest;

    for (const char *at = accept; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (is_media_type(at, standard_type, &rest) && !is_refused(rest))
            return GRAPHQL_STANDARD;
    }
    return GRAPHQL_CLASSIC;
}

const char *graphql_content_type(enum graphql_dialect dialect)
{
    return dialect == GRAPHQL_STANDARD ? "application/graphql-response+json; charset=utf-8" : json_type_name;
}

static bool is_utf8(const char *charset)
{
    charset += *charset == '"';
    return strncasecmp(charset, "utf-8", 5) == 0 && strchr("\"; \t", charset[5]) != NULL;
}

static bool check_content_type(const char *content_type, struct error *err)
{
    const char *rest, *charset;

    if (content_type == NULL)
        return error_set(err, ERROR_INPUT, "Content-Type is missing: expected application/json");
    if (!is_media_type(content_type, json_type_name, &rest) || *rest == ',')
        return error_set(err, ERROR_INPUT, "Content-Type %.64s is not supported: expected application/json",
                         content_type);
    charset = find_parameter(rest, "charset");
    if (charset != NULL && !is_utf8(charset))
        return error_set(err, ERROR_INPUT, "Content-Type: the charset must be utf-8");
    return true;
}

bool graphql_check_account(const char *name, const char *value, struct error *err)
{
    json_t *text = value != NULL ? json_string(value) : json_null();
    const bool is_text = text != NULL; /* jansson takes UTF-8 alone */

    json_decref(text);
    if (value == NULL || (is_text && strlen(value) <= HEADER_SIZE_MAX))
        return true;
    return error_set(err, ERROR_INPUT, "%s: expected at most %d bytes of UTF-8", name, HEADER_SIZE_MAX);
}

/* --- Answers --- */

static const struct {
    int classic, standard;
    const char *reason;
} refusals[] = {
    [GRAPHQL_MEDIA_TYPE] = { 400, 415, "media type not supported" },
    [GRAPHQL_BAD_REQUEST] = { 400, 400, "request not readable" },
    [GRAPHQL_NO_DOCUMENT] = { 422, 400, "no query" },
    [GRAPHQL_BAD_DOCUMENT] = { 422, 400, "document not valid" },
    [GRAPHQL_NO_OPERATION] = { 422, 400, "operation not found" },
    [GRAPHQL_BAD_VARIABLES] = { 422, 400, "variables not valid" },
    [GRAPHQL_GET_MUTATION] = { 422, 405, "mutation by GET" },
    [GRAPHQL_SUBSCRIPTION] = { 400, 400, "subscription" },
    [GRAPHQL_UNAUTHENTICATED] = { 401, 401, "not authenticated" },
    [GRAPHQL_FORBIDDEN] = { 403, 403, "in no group that may read" },
    [GRAPHQL_UNAVAILABLE] = { 503, 503, "issuer's keys not known" },
};

int graphql_status(enum graphql_dialect dialect, enum graphql_refusal refusal)
{
    return dialect == GRAPHQL_STANDARD ? refusals[refusal].standard : refusals[refusal].classic;
}

const char *graphql_refusal_reason(enum graphql_refusal refusal)
{
    return refusals[refusal].reason;
}

json_t *graphql_refusal_body(enum graphql_dialect dialect, json_t *errors)
{
    json_t *body = json_pack("{s:o}", "errors", errors);

    /* The standard knows an answer without execution by its lack of `data`. */
    if (dialect == GRAPHQL_CLASSIC)
        json_object_set_new(body, "data", json_null());
    return body;
}

json_t *graphql_error(const char *message)
{
    return json_pack("[{s:o}]", "message", json_text(message));
}

/* --- Requests --- */

static bool refuse(enum graphql_refusal *out, enum graphql_refusal refusal)
{
    *out = refusal;
    return false;
}

static bool refuse_type(enum graphql_refusal *out, struct error *err, const char *member, const char *want,
                        const json_t *got)
{
    error_set(err, ERROR_INPUT, "%s: expected %s or null, got %s", member, want, json_type_text(got));
    return refuse(out, GRAPHQL_BAD_REQUEST);
}

static bool is_null(const json_t *value)
{
    return value == NULL || json_is_null(value);
}

/* Are there no more than `depth` values within each other? */
static bool is_within(const json_t *value, size_t depth)
{
    const char *name;
    json_t *part;
    size_t i;

    if (!json_is_object(value) && !json_is_array(value))
        return true;
    if (depth == 0)
        return false;
    json_object_foreach((json_t *)(uintptr_t)value, name, part)
        if (!is_within(part, depth - 1))
            return false;
    json_array_foreach(value, i, part)
        if (!is_within(part, depth - 1))
            return false;
    return true;
}

/* A scalar of its own takes any value, and what takes it in next has a limit too. */
static bool check_depth(const struct graphql_request *request, enum graphql_refusal *refusal, struct error *err)
{
    if (is_within(request->variables, JSON_DEPTH_MAX))
        return true;
    error_set(err, ERROR_INPUT, "variables: values within each other are deeper than the limit of %d", JSON_DEPTH_MAX);
    return refuse(refusal, GRAPHQL_BAD_VARIABLES);
}

static bool require_document(const struct graphql_request *request, enum graphql_refusal *refusal, struct error *err)
{
    if (request->document_size > 0)
        return true;
    error_set(err, ERROR_INPUT, "Must provide query string");
    return refuse(refusal, GRAPHQL_NO_DOCUMENT);
}

/* Takes what `json` says; it stays the caller's. */
static bool take_members(const json_t *json, struct graphql_request *request, enum graphql_refusal *refusal,
                         struct error *err)
{
    const json_t *document = json_object_get(json, "query"), *name = json_object_get(json, "operationName");
    const json_t *variables = json_object_get(json, "variables"), *extensions = json_object_get(json, "extensions");

    if (!is_null(document) && !json_is_string(document))
        return refuse_type(refusal, err, "query", "a string", document);
    if (!is_null(name) && !json_is_string(name))
        return refuse_type(refusal, err, "operationName", "a string", name);
    if (!is_null(variables) && !json_is_object(variables))
        return refuse_type(refusal, err, "variables", "an object", variables);
    if (!is_null(extensions) && !json_is_object(extensions))
        return refuse_type(refusal, err, "extensions", "an object", extensions);
    request->document = json_string_value(document);
    request->document_size = json_string_length(document);
    request->operation_name = json_string_length(name) > 0 ? json_string_value(name) : NULL;
    request->variables = json_is_object(variables) ? variables : NULL;
    return require_document(request, refusal, err) && check_depth(request, refusal, err);
}

/* A NUL is refused everywhere, as no table takes it; in the document it is a character that GraphQL does not know. */
static bool has_nul_in_document(const char *body, size_t size)
{
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *document = json_object_get(json, "query");
    const bool has = json_is_string(document) && strlen(json_string_value(document)) < json_string_length(document);

    json_decref(json);
    return has;
}

bool graphql_read_post(const char *content_type, const char *body, size_t size, struct graphql_request *request,
                       enum graphql_refusal *refusal, struct error *err)
{
    struct graphql_request read = { 0 };
    json_error_t error;

    if (!check_content_type(content_type, err))
        return refuse(refusal, GRAPHQL_MEDIA_TYPE);
    read.json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (read.json == NULL) {
        error_set(err, ERROR_INPUT, "json body could not be decoded: line %d, column %d: %s", error.line, error.column,
                  error.text);
        return refuse(refusal, has_nul_in_document(body, size) ? GRAPHQL_BAD_DOCUMENT : GRAPHQL_BAD_REQUEST);
    }
    if (!json_is_object(read.json)) {
        error_set(err, ERROR_INPUT, "json body could not be decoded: expected an object, got %s",
                  json_type_text(read.json));
        graphql_request_release(&read);
        return refuse(refusal, GRAPHQL_BAD_REQUEST);
    }
    if (!take_members(read.json, &read, refusal, err)) {
        graphql_request_release(&read);
        return false;
    }
    *request = read;
    return true;
}

/* `text` of the URL, an object or null; nothing where the parameter is empty. */
static bool take_variables(const char *text, struct graphql_request *request, struct error *err)
{
    json_error_t error;

    if (text == NULL || text[0] == '\0')
        return true;
    request->json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (request->json == NULL)
        return error_set(err, ERROR_INPUT, "variables could not be decoded: line %d, column %d: %s", error.line,
                         error.column, error.text);
    if (json_is_object(request->json))
        request->variables = request->json;
    else if (!json_is_null(request->json))
        return error_set(err, ERROR_INPUT, "variables could not be decoded: expected an object or null, got %s",
                         json_type_text(request->json));
    return true;
}

bool graphql_read_get(const struct query *query, struct graphql_request *request, enum graphql_refusal *refusal,
                      struct error *err)
{
    const char *name = query_value(query, "operationName", 0);
    struct graphql_request read = { .is_get = true, .document = query_value(query, "query", 0) };

    read.document_size = read.document != NULL ? strlen(read.document) : 0;
    read.operation_name = name != NULL && name[0] != '\0' ? name : NULL;
    if (!query_is_decoded(query, "query", err) || !query_is_decoded(query, "operationName", err) ||
        !query_is_decoded(query, "variables", err) || !take_variables(query_value(query, "variables", 0), &read, err)) {
        graphql_request_release(&read);
        return refuse(refusal, GRAPHQL_BAD_REQUEST);
    }
    if (!require_document(&read, refusal, err) || !check_depth(&read, refusal, err)) {
        graphql_request_release(&read);
        return false;
    }
    *request = read;
    return true;
}

void graphql_request_release(struct graphql_request *request)
{
    json_decref(request->json);
    *request = (struct graphql_request){ 0 };
}
