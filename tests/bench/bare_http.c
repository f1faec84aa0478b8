/* bare_http - the least that an HTTP server on evhttp does: a constant answer. What the gateway is compared with.
 *
 *     bare_http PORT
 *
 * Listens on the loopback address until it is ended. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void answer(struct evhttp_request *request, void *unused)
{
    static const char text[] = "{\"data\":{\"__typename\":\"Query\"}}";
    struct evbuffer *body = evhttp_request_get_output_buffer(request);

    (void)unused;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "application/json");
    evbuffer_add_reference(body, text, sizeof text - 1, NULL, NULL);
    evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

int main(int argc, char **argv)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base == NULL ? NULL : evhttp_new(base);

    signal(SIGPIPE, SIG_IGN);
    if (argc != 2 || http == NULL || evhttp_bind_socket(http, "127.0.0.1", (unsigned short)atoi(argv[1])) != 0) {
        fprintf(stderr, "usage: bare_http PORT (one that is free)\n");
        return EXIT_FAILURE;
    }
    evhttp_set_gencb(http, answer, NULL);
    event_base_dispatch(base);
    return EXIT_SUCCESS;
}
