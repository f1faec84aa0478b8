#include "common/http/server.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

#include "common/http/framing.h"
#include "common/http/listener.h"
#include "common/http/path.h"
#include "common/json/lenient.h"

enum {
    /* A body up to this much over the greatest limit is read, so that its answer can be ours; evhttp answers a larger
     * one 413 by itself and in its own words. */
    BODY_SLACK_SIZE = 1024 * 1024,
    /* What was answered last must still leave the socket before the process may end. */
    DRAIN_FLUSH_MS = 50,
};

struct http_server {
    struct event_base *base;
    struct evhttp *http;
    struct http_listener *listener; /* NULL once draining */
    uint16_t port;
    struct http_route *routes;
    size_t route_count;
    size_t body_size_max;
    http_watcher *watcher;
    void *watcher_context;
    struct exchange *exchanges;
    size_t unanswered;
    void (*drained)(void *context);
    void *drained_context;
    struct event *drain_timer;
};

struct exchange {
    struct http_server *server;
    struct evhttp_request *request; /* NULL: the client has left, and evhttp has freed it */
    const struct http_route *route; /* NULL: unknown */
    const char *method;
    char *path;
    const char *query_text; /* in `target` */
    size_t query_size;
    char *target;
    struct query *query;
    char *variables[HTTP_VARIABLE_COUNT_MAX];
    struct evbuffer *body;
    struct timespec begun;
    int status;
    bool is_streamed;
    struct exchange_stream_hooks stream;
    void *attached;
    void (*release)(void *attached);
    struct exchange *prev, *next;
};

/* --- Exchanges --- */

static void exchange_free(struct exchange *exchange)
{
    DL_DELETE(exchange->server->exchanges, exchange);
    exchange->server->unanswered--;
    if (exchange->release != NULL)
        exchange->release(exchange->attached);
    for (size_t i = 0; i < HTTP_VARIABLE_COUNT_MAX; i++)
        free(exchange->variables[i]);
    query_free(exchange->query);
    if (exchange->body != NULL)
        evbuffer_free(exchange->body);
    free(exchange->path);
    free(exchange->target);
    free(exchange);
}

static void client_left(struct evhttp_connection *connection, void *context)
{
    struct exchange *exchange = context;

    (void)connection;
    /* What is being answered when its connection ends is set apart by evhttp, and is ours to free. */
    if (exchange->is_streamed && evhttp_request_get_connection(exchange->request) == NULL)
        evhttp_request_free(exchange->request);
    exchange->request = NULL;
    if (exchange->is_streamed)
        exchange->stream.left(exchange->stream.context);
}

static const char METHOD_UNKNOWN[] = "?";

static const char *method_text(enum evhttp_cmd_type type)
{
    switch (type) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_DELETE: return "DELETE";
    case EVHTTP_REQ_OPTIONS: return "OPTIONS";
    case EVHTTP_REQ_TRACE: return "TRACE";
    case EVHTTP_REQ_CONNECT: return "CONNECT";
    case EVHTTP_REQ_PATCH: return "PATCH";
    }
    return METHOD_UNKNOWN;
}

static struct exchange *exchange_new(struct http_server *server, struct evhttp_request *request)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    const char *target = evhttp_request_get_uri(request);

    if (exchange == NULL)
        abort();
    exchange->server = server;
    exchange->request = request;
    exchange->method = method_text(evhttp_request_get_command(request));
    exchange->target = strdup(target != NULL ? target : "");
    if (exchange->target == NULL)
        abort();
    exchange->path = path_clean(exchange->target, &exchange->query_text, &exchange->query_size);
    clock_gettime(CLOCK_MONOTONIC, &exchange->begun);
    DL_APPEND(server->exchanges, exchange);
    server->unanswered++;
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), client_left, exchange);
    return exchange;
}

/* --- Routing --- */

/* One that does not decode is a text that nothing is called: for the handler to say in its own words. */
static void take_variables(struct exchange *exchange, const struct path_span *spans)
{
    for (size_t i = 0; i < HTTP_VARIABLE_COUNT_MAX && spans[i].text != NULL; i++) {
        exchange->variables[i] = percent_decode(spans[i].text, spans[i].size, false, NULL);
        if (exchange->variables[i] == NULL)
            exchange->variables[i] = percent_raw(spans[i].text, spans[i].size);
    }
}

static const struct http_route *find_route(struct exchange *exchange)
{
    const struct http_server *server = exchange->server;

    for (size_t i = 0; i < server->route_count && exchange->path != NULL; i++) {
        struct path_span spans[HTTP_VARIABLE_COUNT_MAX] = { 0 };

        if (strcmp(server->routes[i].method, exchange->method) == 0 &&
            path_match(server->routes[i].path, exchange->path, spans, HTTP_VARIABLE_COUNT_MAX)) {
            take_variables(exchange, spans);
            return &server->routes[i];
        }
    }
    return NULL;
}

static size_t body_limit(const struct http_route *route)
{
    return route->body_size_max != 0 ? route->body_size_max : (size_t)HTTP_BODY_SIZE_MAX;
}

static void request_complete(struct evhttp_request *request, void *context)
{
    struct exchange *exchange = exchange_new(context, request);
    const size_t size = evbuffer_get_length(evhttp_request_get_input_buffer(request));
    const char *fault = framing_fault(evhttp_request_get_input_headers(request));
    char text[128];

    if (fault != NULL) {
        exchange_set_header(exchange, "Connection", "close");
        exchange_answer_error(exchange, 400, fault);
        return;
    }
    exchange->route = find_route(exchange);
    if (exchange->method == METHOD_UNKNOWN) /* its body was not read, and is not to be taken for the next request */
        exchange_set_header(exchange, "Connection", "close");
    if (exchange->route == NULL) {
        exchange_answer_unknown(exchange);
        return;
    }
    if (exchange->route->admit != NULL && !exchange->route->admit(exchange, exchange->route->context))
        return;
    if (size > body_limit(exchange->route)) {
        snprintf(text, sizeof text, "the request body has %zu bytes; at most %zu are accepted", size,
                 body_limit(exchange->route));
        exchange_answer_error(exchange, 413, text);
    } else {
        exchange->route->handler(exchange, exchange->route->context);
    }
}

void http_server_route(struct http_server *server, const struct http_route *routes, size_t count)
{
    struct http_route *all = malloc((server->route_count + count) * sizeof *all);

    /* Exchanges under way point to the old table; routes are added before any request comes. */
    assert(server->exchanges == NULL);
    if (all == NULL)
        abort();
    if (server->route_count > 0)
        memcpy(all, server->routes, server->route_count * sizeof *all);
    memcpy(all + server->route_count, routes, count * sizeof *all);
    free(server->routes);
    server->routes = all;
    server->route_count += count;
    for (size_t i = 0; i < count; i++)
        if (body_limit(&routes[i]) > server->body_size_max)
            server->body_size_max = body_limit(&routes[i]);
    evhttp_set_max_body_size(server->http, (ev_ssize_t)server->body_size_max + BODY_SLACK_SIZE);
}

/* --- Life of the server --- */

struct http_server *http_server_new(struct event_base *base, const char *listen, struct error *err)
{
    struct http_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        abort();
    server->base = base;
    server->http = evhttp_new(base);
    if (server->http == NULL)
        abort();
    server->body_size_max = HTTP_BODY_SIZE_MAX;
    evhttp_set_allowed_methods(server->http, UINT16_MAX); /* any: which there are is the routes' to say */
    evhttp_set_default_content_type(server->http, NULL);
    evhttp_set_max_headers_size(server->http, HTTP_HEADERS_SIZE_MAX);
    evhttp_set_max_body_size(server->http, HTTP_BODY_SIZE_MAX + BODY_SLACK_SIZE);
    evhttp_set_timeout(server->http, HTTP_IDLE_S);
    evhttp_set_gencb(server->http, request_complete, server);
    server->listener = http_listener_new(base, server->http, listen, err);
    if (server->listener == NULL) {
        http_server_free(server);
        return NULL;
    }
    server->port = http_listener_port(server->listener);
    return server;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    http_listener_free(server->listener);
    evhttp_free(server->http); /* tells each exchange that its client has left */
    while (server->exchanges != NULL)
        exchange_free(server->exchanges);
    if (server->drain_timer != NULL)
        event_free(server->drain_timer);
    free(server->routes);
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_watch(struct http_server *server, http_watcher *watcher, void *context)
{
    server->watcher = watcher;
    server->watcher_context = context;
}

size_t http_server_unanswered(const struct http_server *server)
{
    return server->unanswered;
}

static void drain_look(evutil_socket_t fd, short what, void *context)
{
    struct http_server *server = context;

    (void)fd;
    (void)what;
    if (server->unanswered == 0)
        server->drained(server->drained_context);
}

/* Anew after every answer, so that a connection whose request was already on its way is served too. */
static void drain_arm(struct http_server *server)
{
    const struct timeval soon = { 0, DRAIN_FLUSH_MS * 1000 };

    if (server->drain_timer != NULL && server->unanswered == 0)
        evtimer_add(server->drain_timer, &soon);
}

void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context)
{
    if (server->drain_timer != NULL)
        return;
    server->drained = drained;
    server->drained_context = context;
    http_listener_free(server->listener);
    server->listener = NULL;
    server->drain_timer = evtimer_new(server->base, drain_look, server);
    if (server->drain_timer == NULL)
        abort();
    drain_arm(server);
}

/* --- What was asked --- */

const char *exchange_method(const struct exchange *exchange)
{
    return exchange->method;
}

const char *exchange_path(const struct exchange *exchange)
{
    return exchange->path != NULL ? exchange->path : "";
}

const char *exchange_pattern(const struct exchange *exchange)
{
    return exchange->route != NULL ? exchange->route->path : NULL;
}

const char *exchange_variable(const struct exchange *exchange, const char *name)
{
    const int index = path_variable_index(exchange->route->path, name);

    assert(index >= 0);
    return exchange->variables[index];
}

const struct query *exchange_query(struct exchange *exchange, struct error *err)
{
    if (exchange->query == NULL)
        exchange->query = query_parse_url(exchange->query_text, exchange->query_size, err);
    return exchange->query;
}

const char *exchange_header(const struct exchange *exchange, const char *name)
{
    if (exchange->request == NULL)
        return NULL;
    return evhttp_find_header(evhttp_request_get_input_headers(exchange->request), name);
}

size_t exchange_header_count(const struct exchange *exchange, const char *name)
{
    const struct evkeyval *header;
    size_t count = 0;

    if (exchange->request == NULL)
        return 0;
    header = evhttp_request_get_input_headers(exchange->request)->tqh_first;
    for (; header != NULL; header = header->next.tqe_next)
        count += strcasecmp(header->key, name) == 0;
    return count;
}

const char *exchange_body(struct exchange *exchange, size_t *size)
{
    if (exchange->body == NULL) {
        exchange->body = evbuffer_new();
        /* Moved, not copied: evhttp frees its buffer when the client leaves. */
        if (exchange->body == NULL ||
            (exchange->request != NULL &&
             evbuffer_add_buffer(exchange->body, evhttp_request_get_input_buffer(exchange->request)) != 0))
            abort();
    }
    *size = evbuffer_get_length(exchange->body);
    return *size > 0 ? (const char *)evbuffer_pullup(exchange->body, -1) : "";
}

bool exchange_is_gone(const struct exchange *exchange)
{
    return exchange->request == NULL;
}

double exchange_elapsed_ms(const struct exchange *exchange)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - exchange->begun.tv_sec) * 1e3 + (double)(now.tv_nsec - exchange->begun.tv_nsec) / 1e6;
}

void exchange_attach(struct exchange *exchange, void *attached, void (*release)(void *attached))
{
    assert(exchange->attached == NULL);
    exchange->attached = attached;
    exchange->release = release;
}

void *exchange_attached(const struct exchange *exchange)
{
    return exchange->attached;
}

int exchange_status(const struct exchange *exchange)
{
    return exchange->status;
}

/* --- What is answered --- */

const char *http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
    }
}

void exchange_set_header(struct exchange *exchange, const char *name, const char *value)
{
    assert(strpbrk(value, "\r\n") == NULL);
    if (exchange->request != NULL)
        evhttp_add_header(evhttp_request_get_output_headers(exchange->request), name, value);
}

/* evhttp sends a body that HEAD must not have, and tells the length of neither this answer nor one to CONNECT: a client
 * would take the body for the beginning of the next answer. */
static void send_answer(struct exchange *exchange, const char *content_type, const char *body, size_t size)
{
    const bool is_head = strcmp(exchange->method, "HEAD") == 0;
    struct evbuffer *buffer = evbuffer_new();
    char length[24];

    if (buffer == NULL || evbuffer_add(buffer, body, is_head ? 0 : size) != 0)
        abort();
    snprintf(length, sizeof length, "%zu", size);
    exchange_set_header(exchange, "Content-Type", content_type);
    if (is_head || strcmp(exchange->method, "CONNECT") == 0)
        exchange_set_header(exchange, "Content-Length", length);
    if (exchange->server->drain_timer != NULL)
        exchange_set_header(exchange, "Connection", "close");
    evhttp_connection_set_closecb(evhttp_request_get_connection(exchange->request), NULL, NULL);
    evhttp_send_reply(exchange->request, exchange->status, http_reason(exchange->status), buffer);
    evbuffer_free(buffer);
}

void exchange_answer(struct exchange *exchange, int status, const char *content_type, const char *body, size_t size)
{
    struct http_server *server = exchange->server;

    exchange->status = status;
    if (server->watcher != NULL)
        server->watcher(exchange, server->watcher_context);
    if (exchange->request != NULL)
        send_answer(exchange, content_type, body, size);
    exchange_free(exchange);
    drain_arm(server);
}

void exchange_answer_json(struct exchange *exchange, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text == NULL)
        abort();
    json_decref(json);
    exchange_answer(exchange, status, "application/json", text, strlen(text));
    free(text);
}

void exchange_answer_error(struct exchange *exchange, int status, const char *text)
{
    json_t *error = json_text(text);

    exchange_answer_json(exchange, status,
                         json_pack("{s:O, s:s, s:s, s:i, s:o}", "error", error, "type", "about:blank", "title",
                                   http_reason(status), "status", status, "detail", error));
}

void exchange_answer_unknown(struct exchange *exchange)
{
    static const char text[] = "404 page not found\n";

    exchange_answer(exchange, 404, "text/plain; charset=utf-8", text, sizeof text - 1);
}

/* --- What is streamed --- */

static void stream_drained(struct evhttp_connection *connection, void *context)
{
    struct exchange *exchange = context;

    (void)connection;
    exchange->stream.drained(exchange->stream.context);
}

/* A stream may be silent for long, and its client has nothing to say: neither is a reason to close it. */
static void stream_prepare(struct exchange *exchange)
{
    struct bufferevent *connection = evhttp_connection_get_bufferevent(
        evhttp_request_get_connection(exchange->request));
    const int size = STREAM_SOCKET_SIZE;

    bufferevent_set_timeouts(connection, NULL, NULL);
    bufferevent_setwatermark(connection, EV_READ, 0, HTTP_HEADERS_SIZE_MAX);
    setsockopt(bufferevent_getfd(connection), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

void exchange_stream_begin(struct exchange *exchange, int status, const char *content_type,
                           const struct exchange_stream_hooks *hooks)
{
    struct http_server *server = exchange->server;

    exchange->status = status;
    exchange->stream = *hooks;
    exchange->is_streamed = true;
    if (server->watcher != NULL)
        server->watcher(exchange, server->watcher_context);
    if (exchange->request == NULL)
        return;
    exchange_set_header(exchange, "Content-Type", content_type);
    exchange_set_header(exchange, "Connection", "close");
    stream_prepare(exchange);
    evhttp_send_reply_start(exchange->request, status, http_reason(status));
}

void exchange_stream_write(struct exchange *exchange, const char *bytes, size_t size)
{
    struct evbuffer *buffer;

    if (exchange->request == NULL)
        return;
    buffer = evbuffer_new();
    if (buffer == NULL || evbuffer_add(buffer, bytes, size) != 0)
        abort();
    evhttp_send_reply_chunk_with_cb(exchange->request, buffer, stream_drained, exchange);
    evbuffer_free(buffer);
}

size_t exchange_stream_waiting(const struct exchange *exchange)
{
    if (exchange->request == NULL)
        return 0;
    return evbuffer_get_length(
        bufferevent_get_output(evhttp_connection_get_bufferevent(evhttp_request_get_connection(exchange->request))));
}

static void stream_over(struct exchange *exchange)
{
    struct http_server *server = exchange->server;

    exchange_free(exchange);
    drain_arm(server);
}

void exchange_stream_end(struct exchange *exchange)
{
    const struct timeval idle = { .tv_sec = HTTP_IDLE_S };

    if (exchange->request != NULL) {
        struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);

        evhttp_connection_set_closecb(connection, NULL, NULL);
        /* Nobody looks after it any more: a client that takes nothing must not keep it for ever. */
        bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection), NULL, &idle);
        evhttp_send_reply_end(exchange->request);
    }
    stream_over(exchange);
}

void exchange_stream_cut(struct exchange *exchange)
{
    if (exchange->request != NULL) {
        struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);

        evhttp_connection_set_closecb(connection, NULL, NULL);
        evhttp_connection_free(connection);
    }
    stream_over(exchange);
}
