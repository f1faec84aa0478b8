/* server.h - HTTP/1.1 for all services: a thin layer over libevent's evhttp.
 *
 * A route is a method and a path pattern; a handler gets an exchange (one request and its answer) and answers it once,
 * now or later. An exchange lives until it is answered, whether or not the client is still there, so a handler keeps
 * its pointer without care. What no route takes (path, method, trailing slash) gets 404 "404 page not found\n".
 * Repeated slashes of a path count as one. Everything runs on the event loop.
 *
 * evhttp gives a request when it is whole: `Expect: 100-continue` is answered, and a body is read, before anybody is
 * asked whether the client may. One that is more than a mebibyte over the greatest limit of all routes is refused by
 * evhttp itself, 413, when its length is known. */
#ifndef TIDEGATE_HTTP_SERVER_H
#define TIDEGATE_HTTP_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/http/query.h"

struct event_base;
struct http_server; /* opaque */
struct exchange;    /* opaque */

enum {
    HTTP_HEADERS_SIZE_MAX = 32 * 1024, /* of all headers of a request; a token may have 16 KiB */
    HTTP_BODY_SIZE_MAX = 1024 * 1024,  /* of a request's body, where its route says nothing else */
    HTTP_VARIABLE_COUNT_MAX = 4,       /* in a path pattern */
    HTTP_IDLE_S = 75,                  /* a connection without a request under way is closed after it */
};

/* --- The server --- */

/* Listens on `listen` ("127.0.0.1:8081", "[::1]:8081"; port 0: any free one) at once. Own: http_server_free, before
 * `base` is freed. NULL: `err` says why, as when the port is taken. */
struct http_server *http_server_new(struct event_base *base, const char *listen, struct error *err);

/* Frees unanswered exchanges too: whoever still holds one must not use it any more. */
void http_server_free(struct http_server *server);

/* The port listened on. */
uint16_t http_server_port(const struct http_server *server);

typedef void http_handler(struct exchange *exchange, void *context);

/* May the client ask this? False: the exchange is answered. Called before the body's size is looked at. */
typedef bool http_admission(struct exchange *exchange, void *context);

struct http_route {
    const char *method;    /* "GET" */
    const char *path;      /* "/orchestrations/{orchestration_id}/cancel": a variable is a whole segment */
    http_admission *admit; /* NULL: whoever asks */
    http_handler *handler;
    void *context;        /* for both */
    size_t body_size_max; /* 0: HTTP_BODY_SIZE_MAX. A larger body is answered 413 before the handler is called */
};

/* Adds `count` routes; of two that match, the one added first is taken. Texts must outlive the server. */
void http_server_route(struct http_server *server, const struct http_route *routes, size_t count);

/* Called for each exchange, routed or not, when it is answered: for the access log. NULL: nobody. */
typedef void http_watcher(const struct exchange *exchange, void *context);
void http_server_watch(struct http_server *server, http_watcher *watcher, void *context);

/* Accepts no more connections, ends each one after the answer to its present request, and calls `drained` from the
 * event loop when no exchange is left. */
void http_server_drain(struct http_server *server, void (*drained)(void *context), void *context);

/* Exchanges under way. */
size_t http_server_unanswered(const struct http_server *server);

/* --- The request of an exchange: texts live as long as the exchange --- */

const char *exchange_method(const struct exchange *exchange);  /* "GET"; "?" for one that HTTP does not know */
const char *exchange_path(const struct exchange *exchange);    /* as sent, slashes collapsed, without the query */
const char *exchange_pattern(const struct exchange *exchange); /* of its route; NULL: no route */

/* The variable `name` of the path, percent-decoded: valid UTF-8, without NUL; as it was sent where it does not decode
 * (percent_raw). Asserts that the pattern has it. */
const char *exchange_variable(const struct exchange *exchange, const char *name);

/* The query, decoded as far as it decodes (query_parse_url). NULL: `err` says what is wrong with it. */
const struct query *exchange_query(struct exchange *exchange, struct error *err);

/* The header's value, the first if it is repeated; NULL: there is none, or the client has left. Names are matched
 * without case. Lives until the handler returns. */
const char *exchange_header(const struct exchange *exchange, const char *name);

/* How often the header is there; 0 as well when the client has left. */
size_t exchange_header_count(const struct exchange *exchange, const char *name);

/* The body, not closed by a NUL; "" if it is empty. The first call, which must come before the handler returns, puts it
 * together in memory. */
const char *exchange_body(struct exchange *exchange, size_t *size);

/* Has the client left? Its answer goes nowhere. */
bool exchange_is_gone(const struct exchange *exchange);

/* Milliseconds since the request was complete. */
double exchange_elapsed_ms(const struct exchange *exchange);

/* Something of the handler's that lives as long as the exchange; `release` (or NULL) is called at its end, after the
 * watcher. Once an exchange. */
void exchange_attach(struct exchange *exchange, void *attached, void (*release)(void *attached));
void *exchange_attached(const struct exchange *exchange);

/* --- The answer: exactly one of these ends the exchange, which must not be used after it --- */

/* Before the answer. Values with line breaks are refused by an assertion. */
void exchange_set_header(struct exchange *exchange, const char *name, const char *value);

void exchange_answer(struct exchange *exchange, int status, const char *content_type, const char *body, size_t size);

/* `json` (own), compact, as `application/json`. */
void exchange_answer_json(struct exchange *exchange, int status, json_t *json);

/* `text` as {"error": text} with the members of RFC 9457 beside it: type, title, status, detail. */
void exchange_answer_error(struct exchange *exchange, int status, const char *text);

/* 404, as for an unknown path. */
void exchange_answer_unknown(struct exchange *exchange);

/* --- A streamed answer: begun once in place of an answer; it ends the exchange when it is ended or cut --- */

enum { STREAM_SOCKET_SIZE = 256 * 1024 }; /* what the kernel may hold of a stream, so that a slow reader shows soon */

/* Called from the loop, never from inside the functions below. */
struct exchange_stream_hooks {
    void (*drained)(void *context); /* all that was written has been taken by the kernel */
    void (*left)(void *context);    /* the client has left: end it, now or later */
    void *context;
};

/* Headers go out at once; the connection is closed at the end. The watcher is told now, with the time until here. */
void exchange_stream_begin(struct exchange *exchange, int status, const char *content_type,
                           const struct exchange_stream_hooks *hooks);

/* Nothing is written once the client has left. */
void exchange_stream_write(struct exchange *exchange, const char *bytes, size_t size);

/* How many bytes the kernel has not taken yet: in this process's memory, for the writer to bound. */
size_t exchange_stream_waiting(const struct exchange *exchange);

/* Ends the answer when all that waits is sent; a client that takes nothing of it for HTTP_IDLE_S is cut off. */
void exchange_stream_end(struct exchange *exchange);

/* Closes the connection at once, without an end that the client could take for a whole answer. */
void exchange_stream_cut(struct exchange *exchange);

/* For the watcher: the status that was answered. */
int exchange_status(const struct exchange *exchange);

/* "Bad Request" for 400, and so on; "Unknown" for what is not listed. */
const char *http_reason(int status);

#endif
