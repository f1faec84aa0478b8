#include "common/auth/key_source.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/auth/key_set.h"
#include "common/base/error.h"
#include "common/observe/log.h"

enum {
    REFRESH_S = 300,         /* keys rotate over hours; five minutes are the field's habit */
    RETRY_S = 2,             /* while there are no keys at all, nobody can call */
    REFRESH_AT_LEAST_S = 10, /* tokens with made-up kids must not become a load on the issuer */
    FETCH_LIMIT_MS = 10000,
};

struct key_source {
    char *location;
    struct key_set *keys;
    uint64_t version;

    /* a file */
    struct timespec modified;
    ino_t inode;

    /* a URL */
    struct event_base *base;
    struct event *timer, *curl_timer;
    CURLM *multi;
    CURL *fetch; /* NULL: none runs */
    char *body;
    size_t body_size;
    int64_t fetched_s; /* when the last fetch began, monotonic */
};

static bool is_url(const char *location)
{
    return strncmp(location, "http://", 7) == 0 || strncmp(location, "https://", 8) == 0;
}

static int64_t monotonic_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec;
}

/* Keys that were good stay when what came now is not. */
static void take(struct key_source *source, const char *text, size_t size)
{
    struct error err = { .code = ERROR_NONE };
    struct key_set *keys = key_set_parse(text, size, &err);

    if (keys == NULL) {
        log_warning("keys_refused", LOG_TEXT("source", source->location), LOG_TEXT("reason", err.message));
        return;
    }
    key_set_free(source->keys);
    source->keys = keys;
    source->version++;
    log_info("keys_loaded", LOG_TEXT("source", source->location), LOG_INT("keys", key_set_count(keys)));
}

/* --- A file --- */

static void file_read(struct key_source *source, int fd, size_t size)
{
    char *text = malloc(size + 1);
    ssize_t length;

    if (text == NULL)
        return;
    length = read(fd, text, size);
    if (length >= 0)
        take(source, text, (size_t)length);
    free(text);
}

static void file_refresh(struct key_source *source)
{
    const int fd = open(source->location, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0) {
        if (errno != ENOENT)
            log_warning("keys_unreadable", LOG_TEXT("source", source->location), LOG_TEXT("reason", strerror(errno)));
        return;
    }
    if (fstat(fd, &status) == 0 &&
        (status.st_ino != source->inode || status.st_mtim.tv_sec != source->modified.tv_sec ||
         status.st_mtim.tv_nsec != source->modified.tv_nsec)) {
        source->inode = status.st_ino;
        source->modified = status.st_mtim;
        if (!S_ISREG(status.st_mode) || status.st_size > KEY_SET_TEXT_SIZE_MAX)
            log_warning("keys_refused", LOG_TEXT("source", source->location),
                        LOG_TEXT("reason", "not a file of at most 1 MiB"));
        else
            file_read(source, fd, (size_t)status.st_size);
    }
    close(fd);
}

/* --- A URL: libcurl's multi interface on the event loop --- */

static void arm(struct key_source *source, long seconds)
{
    const struct timeval delay = { .tv_sec = seconds };

    event_add(source->timer, &delay);
}

static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct key_source *source = context;
    char *grown;

    if (count > KEY_SET_TEXT_SIZE_MAX - source->body_size)
        return CURL_WRITEFUNC_ERROR;
    grown = realloc(source->body, source->body_size + count + 1);
    if (grown == NULL)
        return CURL_WRITEFUNC_ERROR;
    memcpy(grown + source->body_size, bytes, count);
    source->body = grown;
    source->body_size += count;
    return one * count;
}

static void fetch_end(struct key_source *source)
{
    if (source->fetch != NULL) {
        curl_multi_remove_handle(source->multi, source->fetch);
        curl_easy_cleanup(source->fetch);
    }
    source->fetch = NULL;
    free(source->body);
    source->body = NULL;
    source->body_size = 0;
}

static void fetch_begin(struct key_source *source)
{
    CURL *fetch;

    if (source->fetch != NULL)
        return;
    source->fetched_s = monotonic_s();
    fetch = source->fetch = curl_easy_init();
    if (fetch == NULL) {
        arm(source, RETRY_S);
        return;
    }
    curl_easy_setopt(fetch, CURLOPT_URL, source->location);
    curl_easy_setopt(fetch, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(fetch, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(fetch, CURLOPT_TIMEOUT_MS, (long)FETCH_LIMIT_MS);
    curl_easy_setopt(fetch, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(fetch, CURLOPT_USERAGENT, "tidegate");
    curl_easy_setopt(fetch, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(fetch, CURLOPT_WRITEDATA, source);
    curl_multi_add_handle(source->multi, fetch);
}

static void fetch_done(struct key_source *source, CURLcode result)
{
    if (result == CURLE_OK)
        take(source, source->body != NULL ? source->body : "", source->body_size);
    else
        log_warning("keys_unreachable", LOG_TEXT("source", source->location),
                    LOG_TEXT("reason", curl_easy_strerror(result)));
    fetch_end(source);
    if (source->keys == NULL)
        arm(source, RETRY_S);
    else
        arm(source, result == CURLE_OK ? REFRESH_S : REFRESH_AT_LEAST_S);
}

static void collect(struct key_source *source)
{
    int left;

    for (const CURLMsg *message = curl_multi_info_read(source->multi, &left); message != NULL;
         message = curl_multi_info_read(source->multi, &left)) {
        if (message->msg == CURLMSG_DONE && message->easy_handle == source->fetch)
            fetch_done(source, message->data.result);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct key_source *source = context;
    const int flags = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(source->multi, fd, flags, &running);
    collect(source);
}

static void on_curl_timer(evutil_socket_t fd, short what, void *context)
{
    struct key_source *source = context;
    int running;

    (void)fd, (void)what;
    curl_multi_socket_action(source->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(source);
}

static int on_curl_socket(CURL *fetch, curl_socket_t fd, int what, void *context, void *watched)
{
    struct key_source *source = context;
    struct event *event = watched;

    (void)fetch;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        const int kind = ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) |
                         EV_PERSIST;

        event = event_new(source->base, fd, (short)kind, on_socket, source);
        if (event == NULL || event_add(event, NULL) != 0)
            return -1;
    }
    curl_multi_assign(source->multi, fd, event);
    return 0;
}

static int on_curl_timeout(CURLM *multi, long ms, void *context)
{
    struct key_source *source = context;
    const struct timeval delay = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

    (void)multi;
    if (ms < 0)
        event_del(source->curl_timer);
    else
        event_add(source->curl_timer, &delay); /* even for 0: curl must not be called from within its own callback */
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    fetch_begin(context);
}

static bool url_open(struct key_source *source, struct event_base *base, struct error *err)
{
    if (base == NULL)
        return error_set(err, ERROR_INTERNAL, "keys from a URL need an event loop");
    source->base = base;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, "libcurl cannot be initialised");
    source->multi = curl_multi_init();
    source->timer = event_new(base, -1, 0, on_timer, source);
    source->curl_timer = event_new(base, -1, 0, on_curl_timer, source);
    if (source->multi == NULL || source->timer == NULL || source->curl_timer == NULL)
        return error_set(err, ERROR_INTERNAL, "no memory to fetch keys");
    curl_multi_setopt(source->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(source->multi, CURLMOPT_SOCKETDATA, source);
    curl_multi_setopt(source->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
    curl_multi_setopt(source->multi, CURLMOPT_TIMERDATA, source);
    fetch_begin(source);
    return true;
}

/* --- Both --- */

struct key_source *key_source_new(struct event_base *base, const char *location, struct error *err)
{
    struct key_source *source = calloc(1, sizeof *source);

    if (source == NULL || (source->location = strdup(location)) == NULL) {
        error_set(err, ERROR_INTERNAL, "no memory for keys");
        free(source);
        return NULL;
    }
    if (!is_url(location)) {
        file_refresh(source);
    } else if (!url_open(source, base, err)) {
        key_source_free(source);
        return NULL;
    }
    return source;
}

void key_source_free(struct key_source *source)
{
    if (source == NULL)
        return;
    fetch_end(source);
    if (source->multi != NULL)
        curl_multi_cleanup(source->multi); /* before the timers: it calls on_curl_timeout */
    if (source->timer != NULL)
        event_free(source->timer);
    if (source->curl_timer != NULL)
        event_free(source->curl_timer);
    key_set_free(source->keys);
    free(source->location);
    free(source);
}

const struct key_set *key_source_keys(const struct key_source *source)
{
    return source->keys;
}

uint64_t key_source_version(const struct key_source *source)
{
    return source->version;
}

void key_source_refresh(struct key_source *source)
{
    if (source->multi == NULL)
        file_refresh(source);
    else if (monotonic_s() - source->fetched_s >= REFRESH_AT_LEAST_S)
        fetch_begin(source);
}
