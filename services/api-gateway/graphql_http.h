/* graphql_http.h - GraphQL over HTTP: what a request says, and which status an answer has. Pure.
 *
 * Two dialects. Who accepts application/graphql-response+json is answered as "GraphQL over HTTP" says (the working
 * group's specification); everybody else as the Runtime Provisioner always answered. They differ in status codes and in
 * the content type, not in what they accept. */
#ifndef TIDEGATE_GATEWAY_GRAPHQL_HTTP_H
#define TIDEGATE_GATEWAY_GRAPHQL_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/http/query.h"

enum graphql_dialect { GRAPHQL_CLASSIC, GRAPHQL_STANDARD };

/* By the Accept header; NULL: there is none. */
enum graphql_dialect graphql_dialect(const char *accept);
const char *graphql_content_type(enum graphql_dialect dialect);

/* Does the header (Tenant, sub-account) say what may stand in messages and IDs? NULL, there is none, is fine. */
bool graphql_check_account(const char *name, const char *value, struct error *err);

/* Why a request is not executed. */
enum graphql_refusal {
    GRAPHQL_MEDIA_TYPE,   /* of a POST: not application/json */
    GRAPHQL_BAD_REQUEST,  /* no JSON, or members of a wrong type */
    GRAPHQL_NO_DOCUMENT,  /* `query` is missing or empty */
    GRAPHQL_BAD_DOCUMENT, /* it does not parse, or is not valid */
    GRAPHQL_NO_OPERATION, /* none of the name, or of several none is named */
    GRAPHQL_BAD_VARIABLES,
    GRAPHQL_GET_MUTATION,
    GRAPHQL_SUBSCRIPTION,
    GRAPHQL_UNAUTHENTICATED,
    GRAPHQL_FORBIDDEN,
    GRAPHQL_UNAVAILABLE,
};
int graphql_status(enum graphql_dialect dialect, enum graphql_refusal refusal);
/* For the log, which must not have the messages: they quote what was sent. Static text. */
const char *graphql_refusal_reason(enum graphql_refusal refusal);

/* The body of a refusal: `errors` (own), an array of error objects, and `data` null in the classic dialect. The caller
 * owns it. */
json_t *graphql_refusal_body(enum graphql_dialect dialect, json_t *errors);

/* An array of one error without anything but its message; bytes that are no UTF-8 are replaced. The caller owns it. */
json_t *graphql_error(const char *message);

struct graphql_request {
    json_t *json; /* own: what the texts below are parts of; NULL: of a GET without variables */
    const char *document;
    size_t document_size;
    const char *operation_name; /* NULL: none, or an empty one */
    const json_t *variables;    /* an object, no deeper than JSON_DEPTH_MAX; NULL: none */
    bool is_get;
};

/* A POST. `content_type` NULL: there is no such header. `body` is borrowed for the call. False: `refusal` and `err` say
 * why. Own: graphql_request_release. */
bool graphql_read_post(const char *content_type, const char *body, size_t size, struct graphql_request *request,
                       enum graphql_refusal *refusal, struct error *err);

/* A GET; `request` borrows from `query`. */
bool graphql_read_get(const struct query *query, struct graphql_request *request, enum graphql_refusal *refusal,
                      struct error *err);

void graphql_request_release(struct graphql_request *request);

#endif
