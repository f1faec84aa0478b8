/* health.h - the routes that every service has: GET /healthz, /readyz and /metrics. */
#ifndef TIDEGATE_HTTP_HEALTH_H
#define TIDEGATE_HTTP_HEALTH_H

#include <jansson.h>

#include "common/http/server.h"

/* Puts what is missing into `missing`, an empty object: {"kafka": "not connected yet"}. Nothing: ready. */
typedef void health_ready(void *context, json_t *missing);

/* GET /healthz: 200 "ok" while the loop turns, and a line for each thing that is missing. GET /readyz: 200 {"ready":true}, or 503 {"ready":false,"missing":{…}}.
 * GET /metrics: metrics_text(). Adds no other route. `context` outlives the server. Own: health_free, after the
 * server. */
struct health;
struct health *health_routes(struct http_server *server, health_ready *ready, void *context);
void health_free(struct health *health);

#endif
