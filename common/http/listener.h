/* listener.h - where a server listens. It takes no connections while the process has few descriptors left: those are for
 * its own connections and files, and a socket that cannot be accepted would keep the loop busy with trying. Who connects
 * meanwhile waits in the kernel's queue. */
#ifndef TIDEGATE_HTTP_LISTENER_H
#define TIDEGATE_HTTP_LISTENER_H

#include <stdint.h>

struct error;
struct evhttp;
struct event_base;
struct http_listener; /* opaque */

enum { LISTENER_RESERVE_MAX = 64 }; /* descriptors that connections leave free; an eighth of all, if those are few */

/* Gives `http` the connections that come to `listen`, as http_server_new. Own: http_listener_free, before `http` is
 * freed. NULL: `err`. */
struct http_listener *http_listener_new(struct event_base *base, struct evhttp *http, const char *listen,
                                        struct error *err);

/* Takes no more connections. NULL is fine. */
void http_listener_free(struct http_listener *listener);

uint16_t http_listener_port(const struct http_listener *listener);

#endif
