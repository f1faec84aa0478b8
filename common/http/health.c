#include "common/http/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/observe/metrics.h"

enum { ALIVE_SIZE = 1024 };

struct health {
    health_ready *ready;
    void *context;
};

/* Always 200: whoever restarts what is not alive would not bring back a database by it. */
static void answer_alive(struct exchange *exchange, void *context)
{
    const struct health *health = context;
    json_t *missing = json_object(), *why;
    const char *name;
    char text[ALIVE_SIZE] = "ok";
    size_t size = 2;

    health->ready(health->context, missing);
    json_object_foreach(missing, name, why) {
        size += (size_t)snprintf(text + size, sizeof text - size, "\nmissing: %s: %s", name, json_string_value(why));
        if (size >= sizeof text)
            size = sizeof text - 1;
    }
    json_decref(missing);
    exchange_answer(exchange, 200, "text/plain; charset=utf-8", text, size);
}

static void answer_ready(struct exchange *exchange, void *context)
{
    const struct health *health = context;
    json_t *missing = json_object();

    health->ready(health->context, missing);
    if (json_object_size(missing) == 0) {
        json_decref(missing);
        exchange_answer_json(exchange, 200, json_pack("{s:b}", "ready", 1));
    } else {
        exchange_answer_json(exchange, 503, json_pack("{s:b, s:o}", "ready", 0, "missing", missing));
    }
}

static void answer_metrics(struct exchange *exchange, void *context)
{
    size_t size;
    char *text = metrics_text(&size);

    (void)context;
    exchange_answer(exchange, 200, METRICS_CONTENT_TYPE, text, size);
    free(text);
}

struct health *health_routes(struct http_server *server, health_ready *ready, void *context)
{
    struct health *health = malloc(sizeof *health);

    if (health == NULL)
        abort();
    *health = (struct health){ ready, context };
    http_server_route(server,
                      (const struct http_route[]){
                          { .method = "GET", .path = "/healthz", .handler = answer_alive, .context = health },
                          { .method = "GET", .path = "/readyz", .handler = answer_ready, .context = health },
                          { .method = "GET", .path = "/metrics", .handler = answer_metrics },
                      },
                      3);
    return health;
}

void health_free(struct health *health)
{
    free(health);
}
