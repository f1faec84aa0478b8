/* client.h - the server's HTTP API as tidectl uses it: one request after another, JSON in and out. */
#ifndef TIDEGATE_TIDECTL_CLIENT_H
#define TIDEGATE_TIDECTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct error;
struct client; /* opaque */

enum { CLIENT_URL_SIZE = 2048, CLIENT_ANSWER_SIZE_MAX = 64 * 1024 * 1024, QUERY_SIZE = 4096 };

/* Where tokens (JWT) come from: asked at first, and once more for each request whose token is refused (401), as an
 * expired one is; the request is then sent again if the token is another one. */
struct client_tokens {
    char *(*get)(const void *context, struct error *err); /* own: free(). NULL: `err`, or there is none */
    const void *context;                                  /* outlives the client */
};

/* `url` of the server. Without a token requests go without. Own: client_free. */
struct client *client_new(const char *url, const struct client_tokens *tokens, struct error *err);
void client_free(struct client *client);

struct client_request {
    const char *method, *path; /* "GET"; "/orchestrations?page=1", already escaped */
    const char *content_type;  /* NULL: no body */
    const void *body;          /* borrowed for the call */
    size_t body_size;
    const char *idempotency_key; /* NULL: none */
    const char *last_event_id;   /* NULL: none */
    const char *accept;          /* NULL: application/json */
    const char *tenant;          /* NULL: none */
    long limit_ms;               /* 0: 60 s */
};

/* Sends it and waits. The answer's JSON (own: json_decref; null where the body is empty), or NULL and why:
 * ERROR_UNAVAILABLE (not reachable, 429, 502, 503, 504), ERROR_DENIED (401, 403), ERROR_NOT_FOUND (404), ERROR_CONFLICT
 * (409, 422), ERROR_INPUT (other 4xx), ERROR_INTERNAL (all else); with the body's "error" text. */
json_t *client_send(struct client *client, const struct client_request *request, struct error *err);
json_t *client_get(struct client *client, const char *path, struct error *err);

/* Sends a GraphQL document with its variables (own) for `tenant` ("": none). `data` of the answer (own), or NULL and why:
 * the first of its errors, with the code that its error_code or the HTTP status means. */
json_t *client_graphql(struct client *client, const char *tenant, const char *query, json_t *variables,
                       struct error *err);

/* All pages of a list as one array; `path` has its query already, if any. Own. */
json_t *client_list(struct client *client, const char *path, struct error *err);

/* One page as an array; `path` says which. Own. */
json_t *client_page(struct client *client, const char *path, struct error *err);

/* Reads a stream of events from after `sse->id` ("": from the beginning) until it breaks, the server ends it, or a hook
 * says no more. Requests may be sent by hooks. True: a hook said so, or the server ended it. False: as client_send; what
 * breaks or falls silent under way is ERROR_UNAVAILABLE. */
struct sse;
struct client_stream {
    const char *path;
    struct sse *sse;              /* borrowed for the call; keeps the last ID, for another one */
    void (*heard)(void *context); /* something came, if only a heartbeat: the server is there */
    bool (*message)(void *context, const char *type, const char *text);
    bool (*idle)(void *context); /* about once a second or more often */
    void *context;
};
bool client_stream(struct client *client, const struct client_stream *stream, struct error *err);

/* A path with its query, escaped part by part; what does not fit marks it as overflown, and it is refused when sent. */
struct resource {
    char text[QUERY_SIZE];
    size_t size;
    bool query, overflown;
};
void resource_literal(struct resource *path, const char *text);
void resource_segment(struct resource *path, const char *segment);
void resource_parameter(struct resource *path, const char *name, const char *value);

/* A form, escaped value by value; as long as the server takes it. */
struct text;
void form_add(struct text *form, const char *name, const char *value);

#endif
