#include "common/http/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/settings.h"
#include "common/observe/log.h"

enum {
    HOST_SIZE = 256,
    BACKLOG = 1024,
    PAUSE_MS = 100,
};

struct http_listener {
    struct evhttp *http;
    struct evhttp_bound_socket *bound;
    struct evconnlistener *sockets; /* the bound socket's */
    struct event *again;            /* pending while no connections are taken */
    uint16_t port;
};

/* --- Descriptors --- */

/* The lowest one that is free tells how many there are at least. */
static bool are_few_left(const struct http_listener *listener)
{
    struct rlimit limit;
    rlim_t reserve;
    int lowest;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    reserve = limit.rlim_cur / 8 < LISTENER_RESERVE_MAX ? limit.rlim_cur / 8 : LISTENER_RESERVE_MAX;
    lowest = fcntl(evconnlistener_get_fd(listener->sockets), F_DUPFD_CLOEXEC, 0);
    if (lowest < 0)
        return true;
    close(lowest);
    return (rlim_t)lowest >= limit.rlim_cur - reserve;
}

static void wait_for_more(const struct http_listener *listener)
{
    static const struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };

    event_add(listener->again, &pause);
}

static void look_again(evutil_socket_t fd, short what, void *context)
{
    const struct http_listener *listener = context;

    (void)fd;
    (void)what;
    if (are_few_left(listener)) {
        wait_for_more(listener);
        return;
    }
    log_info("connections_taken_again", LOG_INT("port", listener->port));
    evconnlistener_enable(listener->sockets);
}

/* Called for each connection. NULL: evhttp makes what it needs itself. */
static struct bufferevent *accepted(struct event_base *base, void *context)
{
    const struct http_listener *listener = context;

    (void)base;
    if (are_few_left(listener)) {
        log_warning("connections_wait", LOG_INT("port", listener->port),
                    LOG_TEXT("reason", "the process has few descriptors left (RLIMIT_NOFILE)"));
        evconnlistener_disable(listener->sockets);
        wait_for_more(listener);
    }
    return NULL;
}

/* --- Listening --- */

static struct addrinfo *resolve(const char *listen, struct error *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    char host[HOST_SIZE], service[8];
    struct addrinfo *found = NULL;
    uint16_t port;
    int code;

    if (!listen_split(listen, host, sizeof host, &port)) {
        error_set(err, ERROR_INPUT, "cannot listen on %s: expected host:port", listen);
        return NULL;
    }
    snprintf(service, sizeof service, "%u", port);
    code = getaddrinfo(host[0] != '\0' ? host : NULL, service, &hints, &found);
    if (code != 0)
        error_set(err, ERROR_INPUT, "cannot listen on %s: %s", listen, gai_strerror(code));
    return found;
}

static uint16_t bound_port(evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t size = sizeof address;

    if (getsockname(fd, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static struct evconnlistener *bind_sockets(struct event_base *base, const char *listen, struct error *err)
{
    struct addrinfo *address = resolve(listen, err);
    struct evconnlistener *sockets;
    const int on = 1;

    if (address == NULL)
        return NULL;
    sockets = evconnlistener_new_bind(base, NULL, NULL,
                                      LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
                                      address->ai_addr, (int)address->ai_addrlen);
    freeaddrinfo(address);
    if (sockets == NULL) {
        error_set(err, ERROR_UNAVAILABLE, "cannot listen on %s: %s", listen, strerror(errno));
        return NULL;
    }
    /* Inherited by what is accepted: the last piece of a long answer must not wait for an acknowledgement. */
    setsockopt(evconnlistener_get_fd(sockets), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return sockets;
}

struct http_listener *http_listener_new(struct event_base *base, struct evhttp *http, const char *listen,
                                        struct error *err)
{
    struct evconnlistener *sockets = bind_sockets(base, listen, err);
    struct http_listener *listener;

    if (sockets == NULL)
        return NULL;
    listener = calloc(1, sizeof *listener);
    if (listener == NULL)
        abort();
    listener->http = http;
    listener->sockets = sockets;
    listener->port = bound_port(evconnlistener_get_fd(sockets));
    listener->bound = evhttp_bind_listener(http, sockets);
    listener->again = evtimer_new(base, look_again, listener);
    if (listener->bound == NULL || listener->again == NULL)
        abort();
    evhttp_set_bevcb(http, accepted, listener);
    return listener;
}

void http_listener_free(struct http_listener *listener)
{
    if (listener == NULL)
        return;
    evhttp_set_bevcb(listener->http, NULL, NULL);
    evhttp_del_accept_socket(listener->http, listener->bound);
    event_free(listener->again);
    free(listener);
}

uint16_t http_listener_port(const struct http_listener *listener)
{
    return listener->port;
}
