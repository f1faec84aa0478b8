#include "services/tidectl/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/base/timestamp.h"
#include "services/tidectl/sse.h"

enum {
    CONNECT_LIMIT_MS = 5000,
    LIMIT_MS = 60000,
    PAGE_SIZE = 100,
    SHOWN_BODY_MAX = 200,
    SILENCE_LIMIT_MS = 45000, /* of a stream: the server's heartbeats come every 15 s */
};

struct client {
    CURL *curl;
    char *url, *token;
    struct client_tokens tokens;
};

struct answer {
    char *bytes;
    size_t size;
};

struct client *client_new(const char *url, const struct client_tokens *tokens, struct error *err)
{
    struct client *client = calloc(1, sizeof *client);
    struct error no_token = { .code = ERROR_NONE };

    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (client != NULL) {
        client->curl = curl_easy_init();
        client->url = strdup(url);
        client->tokens = *tokens;
    }
    if (client == NULL || client->curl == NULL || client->url == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for an HTTP client");
        client_free(client);
        return NULL;
    }
    client->token = tokens->get(tokens->context, &no_token);
    if (no_token.code != ERROR_NONE) {
        error_set(err, no_token.code, "%s", no_token.message);
        client_free(client);
        return NULL;
    }
    for (size_t size = strlen(client->url); size > 0 && client->url[size - 1] == '/'; size--)
        client->url[size - 1] = '\0';
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    free(client->url);
    free(client->token);
    free(client);
}

/* --- Paths --- */

void resource_literal(struct resource *path, const char *text)
{
    const size_t size = strlen(text);

    if (path->overflown || size >= sizeof path->text - path->size) {
        path->overflown = true;
        return;
    }
    memcpy(path->text + path->size, text, size + 1);
    path->size += size;
}

static void resource_escaped(struct resource *path, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);

    if (escaped == NULL)
        path->overflown = true;
    else
        resource_literal(path, escaped);
    curl_free(escaped);
}

void resource_segment(struct resource *path, const char *segment)
{
    resource_literal(path, "/");
    resource_escaped(path, segment);
}

void resource_parameter(struct resource *path, const char *name, const char *value)
{
    resource_literal(path, path->query ? "&" : "?");
    path->query = true;
    resource_literal(path, name);
    resource_literal(path, "=");
    resource_escaped(path, value);
}

void form_add(struct text *form, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(NULL, value, 0);

    if (escaped == NULL)
        abort();
    text_add(form, form->size > 0 ? "&" : "");
    text_add(form, name);
    text_add(form, "=");
    text_add(form, escaped);
    curl_free(escaped);
}

/* --- Requests --- */

/* Whether there is another token than the one that was refused; it is used from now on. */
static bool token_renew(struct client *client)
{
    char *token = client->tokens.get(client->tokens.context, NULL);

    if (token == NULL || (client->token != NULL && strcmp(token, client->token) == 0)) {
        free(token);
        return false;
    }
    free(client->token);
    client->token = token;
    return true;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct answer *answer = context;
    char *grown;

    (void)one;
    if (count > CLIENT_ANSWER_SIZE_MAX - answer->size)
        return CURL_WRITEFUNC_ERROR;
    grown = realloc(answer->bytes, answer->size + count + 1);
    if (grown == NULL)
        return CURL_WRITEFUNC_ERROR;
    memcpy(grown + answer->size, bytes, count);
    answer->bytes = grown;
    answer->size += count;
    grown[answer->size] = '\0';
    return count;
}

static bool header_add(struct curl_slist **headers, const char *name, const char *value)
{
    struct curl_slist *longer = NULL;
    char *line;

    if (asprintf(&line, "%s: %s", name, value) < 0)
        return false;
    longer = curl_slist_append(*headers, line);
    free(line);
    if (longer != NULL)
        *headers = longer;
    return longer != NULL;
}

static bool headers_make(const struct client *client, const struct client_request *request, struct curl_slist **headers)
{
    char *bearer = NULL;
    bool made = true;

    if (client->token != NULL) {
        made = asprintf(&bearer, "Bearer %s", client->token) >= 0 && header_add(headers, "Authorization", bearer);
        free(bearer);
    }
    if (made && request->content_type != NULL)
        made = header_add(headers, "Content-Type", request->content_type) &&
               header_add(headers, "Expect", ""); /* a second round trip before each large body, for nothing */
    if (made && request->idempotency_key != NULL)
        made = header_add(headers, "Idempotency-Key", request->idempotency_key);
    if (made && request->tenant != NULL)
        made = header_add(headers, "Tenant", request->tenant);
    if (made && request->last_event_id != NULL)
        made = header_add(headers, "Last-Event-ID", request->last_event_id);
    return made && header_add(headers, "Accept", request->accept != NULL ? request->accept : "application/json");
}

static enum error_code code_of_status(long status)
{
    switch (status) {
    case 401:
    case 403: return ERROR_DENIED;
    case 404: return ERROR_NOT_FOUND;
    case 409:
    case 422: return ERROR_CONFLICT;
    case 429:
    case 502:
    case 503:
    case 504: return ERROR_UNAVAILABLE;
    default: return status >= 400 && status < 500 ? ERROR_INPUT : ERROR_INTERNAL;
    }
}

/* What REST's errors say, or GraphQL's first one; NULL: nothing of both. */
static const char *error_text(const json_t *json)
{
    const char *text = json_string_value(json_object_get(json, "error"));

    if (text == NULL)
        text = json_string_value(json_object_get(json_array_get(json_object_get(json, "errors"), 0), "message"));
    return text;
}

/* Cuts and keeps to one line what a server (or something else that listens there) answers. */
static void refuse(long status, const struct answer *answer, const json_t *json, struct error *err)
{
    const char *text = error_text(json);
    const enum error_code code = code_of_status(status);

    if (text != NULL)
        error_set(err, code, "%s (HTTP %ld)", text, status);
    else if (answer->size > 0)
        error_set(err, code, "HTTP %ld: %.*s", status, SHOWN_BODY_MAX, answer->bytes);
    else
        error_set(err, code, "HTTP %ld", status);
}

static json_t *answer_read(long status, const struct answer *answer, struct error *err)
{
    json_error_t where = { .line = 0 };
    json_t *json = answer->size > 0 ? json_loadb(answer->bytes, answer->size, 0, &where) : json_null();

    if (status >= 200 && status < 300) {
        if (json == NULL)
            error_set(err, ERROR_INTERNAL, "the server's answer is not JSON: %s", where.text);
        return json;
    }
    refuse(status, answer, json, err);
    json_decref(json);
    return NULL;
}

/* What every request has. */
static void prepare_any(CURL *curl)
{
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tidectl");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_LIMIT_MS);
}

static void prepare(const struct client *client, const struct client_request *request, struct answer *answer)
{
    curl_easy_reset(client->curl); /* keeps the connection */
    prepare_any(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, request->limit_ms > 0 ? request->limit_ms : LIMIT_MS);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, answer);
    if (request->content_type != NULL || strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    }
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static json_t *send_once(struct client *client, const struct client_request *request, long *status, struct error *err)
{
    struct curl_slist *headers = NULL;
    struct answer answer = { .bytes = NULL };
    char url[CLIENT_URL_SIZE + QUERY_SIZE];
    json_t *json = NULL;
    CURLcode result;

    if (snprintf(url, sizeof url, "%s%s", client->url, request->path) >= (int)sizeof url) {
        error_set(err, ERROR_INPUT, "the URL is too long");
        return NULL;
    }
    prepare(client, request, &answer);
    if (!headers_make(client, request, &headers)) {
        error_set(err, ERROR_INTERNAL, "no memory for a request");
        goto out;
    }
    if (request->content_type == NULL)
        header_add(&headers, "Content-Type", ""); /* a PUT without body has none */
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    result = curl_easy_perform(client->curl);
    if (result != CURLE_OK) {
        error_set(err, ERROR_UNAVAILABLE, "no answer from %s: %s", client->url, curl_easy_strerror(result));
        goto out;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, status);
    json = answer_read(*status, &answer, err);
out:
    curl_slist_free_all(headers);
    free(answer.bytes);
    return json;
}

json_t *client_send(struct client *client, const struct client_request *request, struct error *err)
{
    long status = 0;
    json_t *json = send_once(client, request, &status, err);

    return json == NULL && status == 401 && token_renew(client) ? send_once(client, request, &status, err) : json;
}

json_t *client_get(struct client *client, const char *path, struct error *err)
{
    return client_send(client, &(struct client_request){ .method = "GET", .path = path }, err);
}

/* A field error comes with HTTP 200; its error_code is what a status would be. What is not known is a 400 with a reason
 * that says so. */
static json_t *graphql_data(const json_t *answer, struct error *err)
{
    const json_t *error = json_array_get(json_object_get(answer, "errors"), 0);
    const char *text = error_text(answer);
    const json_t *extensions = json_object_get(error, "extensions");
    const char *reason = json_string_value(json_object_get(extensions, "error_reason"));
    const long code = (long)json_integer_value(json_object_get(extensions, "error_code"));
    const bool is_unknown = reason != NULL && strstr(reason, "_not_found") != NULL;

    if (error == NULL)
        return json_incref(json_object_get(answer, "data"));
    if (text == NULL)
        text = "the server gives no reason";
    error_set(err, is_unknown ? ERROR_NOT_FOUND : code_of_status(code), "%s", text);
    return NULL;
}

json_t *client_graphql(struct client *client, const char *tenant, const char *query, json_t *variables,
                       struct error *err)
{
    json_t *body = json_pack("{s:s, s:o}", "query", query, "variables", variables), *answer = NULL, *data = NULL;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);

    if (text == NULL) { /* jansson makes nothing of other bytes */
        json_decref(body);
        error_set(err, ERROR_INPUT, "the arguments must be UTF-8");
        return NULL;
    }
    answer = client_send(client,
                         &(struct client_request){ .method = "POST",
                                                   .path = "/graphql",
                                                   .content_type = "application/json",
                                                   .body = text,
                                                   .body_size = strlen(text),
                                                   .tenant = *tenant != '\0' ? tenant : NULL },
                         err);
    if (answer != NULL)
        data = graphql_data(answer, err);
    json_decref(answer);
    json_decref(body);
    free(text);
    return data;
}

json_t *client_page(struct client *client, const char *path, struct error *err)
{
    json_t *answer = client_get(client, path, err), *data = json_incref(json_object_get(answer, "data"));

    json_decref(answer);
    if (answer == NULL || json_is_array(data))
        return data;
    error_set(err, ERROR_INTERNAL, "the server's answer has no list \"data\"");
    json_decref(data);
    return NULL;
}

json_t *client_list(struct client *client, const char *path, struct error *err)
{
    const char joint = strchr(path, '?') != NULL ? '&' : '?';
    char page_path[QUERY_SIZE + 64];
    json_t *all = json_array();
    size_t count = 0;

    for (int page = 1; all != NULL; page++) {
        json_t *answer, *data;
        json_int_t total;

        snprintf(page_path, sizeof page_path, "%s%cpage=%d&page_size=%d", path, joint, page, PAGE_SIZE);
        answer = client_get(client, page_path, err);
        data = json_object_get(answer, "data");
        total = json_integer_value(json_object_get(answer, "totalCount"));
        if (answer != NULL && !json_is_array(data))
            error_set(err, ERROR_INTERNAL, "the server's answer has no list \"data\"");
        if (!json_is_array(data) || json_array_extend(all, data) != 0) {
            json_decref(answer);
            json_decref(all);
            return NULL;
        }
        count = json_array_size(data);
        json_decref(answer);
        if (count == 0 || (json_int_t)json_array_size(all) >= total)
            break; /* an empty page ends it too: a total may be wrong, or shrink */
    }
    return all;
}

/* --- Streams --- */

struct streaming {
    const struct client_stream *stream;
    CURL *curl;
    struct answer refusal; /* the body of whatever is not 200 */
    int64_t heard_ms;      /* when something came last */
    bool is_enough;        /* a hook said so */
    bool is_silent;        /* nothing came for too long */
};

static size_t on_stream(char *bytes, size_t one, size_t count, void *context)
{
    struct streaming *streaming = context;
    const struct client_stream *stream = streaming->stream;
    long status = 0;

    curl_easy_getinfo(streaming->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return on_body(bytes, one, count, &streaming->refusal);
    streaming->heard_ms = clock_now_ms();
    stream->heard(stream->context);
    streaming->is_enough = !sse_read(stream->sse, bytes, count, stream->message, stream->context);
    return streaming->is_enough ? CURL_WRITEFUNC_ERROR : count;
}

static int on_idle(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    struct streaming *streaming = context;

    (void)total, (void)now, (void)up_total, (void)up_now;
    streaming->is_enough = streaming->is_enough || !streaming->stream->idle(streaming->stream->context);
    /* Not libcurl's limit of speed, which is at least a byte a second: heartbeats alone are slower. */
    streaming->is_silent = clock_now_ms() - streaming->heard_ms >= SILENCE_LIMIT_MS;
    return streaming->is_enough || streaming->is_silent ? 1 : 0;
}

static void prepare_stream(struct streaming *streaming, const char *url, struct curl_slist *headers)
{
    prepare_any(streaming->curl);
    curl_easy_setopt(streaming->curl, CURLOPT_URL, url);
    curl_easy_setopt(streaming->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(streaming->curl, CURLOPT_WRITEFUNCTION, on_stream);
    curl_easy_setopt(streaming->curl, CURLOPT_WRITEDATA, streaming);
    curl_easy_setopt(streaming->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(streaming->curl, CURLOPT_XFERINFOFUNCTION, on_idle);
    curl_easy_setopt(streaming->curl, CURLOPT_XFERINFODATA, streaming);
}

static bool stream_result(const struct client *client, const struct streaming *streaming, CURLcode result, long *status,
                          struct error *err)
{
    const struct answer *refusal = &streaming->refusal;
    json_t *json;

    curl_easy_getinfo(streaming->curl, CURLINFO_RESPONSE_CODE, status);
    if (streaming->is_enough)
        return true;
    if (streaming->is_silent)
        return error_set(err, ERROR_UNAVAILABLE, "no answer from %s: nothing came for %d s", client->url,
                         SILENCE_LIMIT_MS / 1000);
    if (result != CURLE_OK)
        return error_set(err, ERROR_UNAVAILABLE, "no answer from %s: %s", client->url, curl_easy_strerror(result));
    if (*status == 200)
        return true;
    json = refusal->size > 0 ? json_loadb(refusal->bytes, refusal->size, 0, NULL) : NULL;
    refuse(*status, refusal, json, err);
    json_decref(json);
    return false;
}

/* With a connection of its own, so that requests can be sent meanwhile. */
static bool stream_once(const struct client *client, const struct client_stream *stream, long *status,
                        struct error *err)
{
    const struct client_request request = { .accept = "text/event-stream",
                                            .last_event_id = stream->sse->id[0] != '\0' ? stream->sse->id : NULL };
    struct streaming streaming = { .stream = stream, .curl = curl_easy_init(), .heard_ms = clock_now_ms() };
    struct curl_slist *headers = NULL;
    char url[CLIENT_URL_SIZE + QUERY_SIZE];
    bool ended = false;

    if (snprintf(url, sizeof url, "%s%s", client->url, stream->path) >= (int)sizeof url)
        error_set(err, ERROR_INPUT, "the URL is too long");
    else if (streaming.curl == NULL || !headers_make(client, &request, &headers))
        error_set(err, ERROR_INTERNAL, "no memory for a request");
    else {
        sse_begin(stream->sse);
        prepare_stream(&streaming, url, headers);
        ended = stream_result(client, &streaming, curl_easy_perform(streaming.curl), status, err);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(streaming.curl);
    free(streaming.refusal.bytes);
    return ended;
}

bool client_stream(struct client *client, const struct client_stream *stream, struct error *err)
{
    long status = 0;

    return stream_once(client, stream, &status, err) ||
           (status == 401 && token_renew(client) && stream_once(client, stream, &status, err));
}
