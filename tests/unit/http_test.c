#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http/health.h"
#include "common/http/path.h"
#include "common/http/query.h"
#include "common/http/server.h"

/* --- Queries --- */

static void queries_are_decoded_and_keep_the_order_of_repeated_members(void **state)
{
    static const char text[] = "state=in+progress&&a%20b=%C3%A4&state=failed&flag&state=&x=1=2";
    struct query *query = query_parse(text, strlen(text), QUERY_MEMBER_COUNT_MAX, NULL);

    (void)state;
    assert_int_equal(query_count(query, "state"), 3);
    assert_string_equal(query_value(query, "state", 0), "in progress");
    assert_string_equal(query_value(query, "state", 1), "failed");
    assert_string_equal(query_value(query, "state", 2), "");
    assert_null(query_value(query, "state", 3));
    assert_string_equal(query_value(query, "a b", 0), "\xc3\xa4");
    assert_string_equal(query_value(query, "flag", 0), "");
    assert_string_equal(query_value(query, "x", 0), "1=2");
    assert_int_equal(query_count(query, "State"), 0);
    query_free(query);
}

static void queries_that_are_no_text_are_refused(void **state)
{
    static const char *const texts[] = { "a=%", "a=%2", "a=%zz", "a=%00", "a=%ff", "%c0%af=1" };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error err = { 0 };

        assert_null(query_parse(texts[i], strlen(texts[i]), QUERY_MEMBER_COUNT_MAX, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

static void what_does_not_decode_in_a_url_stays_as_it_is(void **state)
{
    static const char text[] = "x=%zz&state=%ff&state=a%20b&\xe4=%00&%c0%af=1&y=%2";
    struct query *query = query_parse_url(text, strlen(text), NULL);
    struct error err = { 0 };

    (void)state;
    assert_non_null(query);
    assert_int_equal(query_count(query, "state"), 2);
    assert_string_equal(query_value(query, "state", 0), "%ff");
    assert_string_equal(query_value(query, "state", 1), "a b");
    assert_string_equal(query_value(query, "?", 0), "%00");
    assert_string_equal(query_value(query, "%c0%af", 0), "1");
    assert_true(query_is_decoded(query, "page", &err));
    assert_false(query_is_decoded(query, "state", &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_memory_equal(err.message, "state: ", 7);
    query_free(query);
}

static void an_empty_query_has_no_members(void **state)
{
    struct query *query = query_parse(NULL, 0, QUERY_MEMBER_COUNT_MAX, NULL);

    (void)state;
    assert_int_equal(query_count(query, ""), 0);
    query_free(query);
}

/* --- Paths --- */

static void slashes_are_collapsed_and_the_query_is_cut_off(void **state)
{
    static const struct {
        const char *target, *want_path, *want_query;
    } rows[] = {
        { "/", "/", NULL },
        { "//a///b", "/a/b", NULL },
        { "/a/", "/a/", NULL },
        { "//orchestrations?page=1//2", "/orchestrations", "page=1//2" },
        { "/a?", "/a", "" },
        { "/a?x#y", "/a", "x" },
        { "http://host:1/a//b?c", "/a/b", "c" },
        { "http://host", "/", NULL },
        { "*", NULL, NULL },
        { "", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *query = NULL;
        size_t size = 0;
        char *path = path_clean(rows[i].target, &query, &size);

        if (rows[i].want_path == NULL) {
            assert_null(path);
            continue;
        }
        assert_string_equal(path, rows[i].want_path);
        if (rows[i].want_query == NULL)
            assert_null(query);
        else
            assert_true(size == strlen(rows[i].want_query) && strncmp(query, rows[i].want_query, size) == 0);
        free(path);
    }
}

static void a_variable_takes_one_segment(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } rows[] = {
        { "/a", "/a", true },
        { "/a", "/a/", false },
        { "/a", "/A", false },
        { "/a/{x}", "/a/b", true },
        { "/a/{x}", "/a/", false },
        { "/a/{x}", "/a", false },
        { "/a/{x}", "/a/b/", false },
        { "/a/{x}", "/a/b/c", false },
        { "/a/{x}/c", "/a/b/c", true },
        { "/a/{x}/{y}", "/a/b/c", true },
        { "/i:import", "/i:import", true },
        { "/a/{x}", "/a/%2F", true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct path_span spans[2] = { 0 };

        if (path_match(rows[i].pattern, rows[i].path, spans, 2) != rows[i].want)
            fail_msg("%s %s", rows[i].pattern, rows[i].path);
    }
    assert_int_equal(path_variable_index("/a/{x}/{yy}", "yy"), 1);
    assert_int_equal(path_variable_index("/a/{x}/{yy}", "y"), -1);
}

/* --- The server, over real sockets on one event loop --- */

enum { TURNS_MAX = 60000 }; /* of a millisecond or more */

struct scene {
    struct event_base *base;
    struct http_server *server;
    struct health *health;
    struct exchange *later; /* of GET /later: answered by the test */
    bool drained, missing;
    int watched, released;
    int drained_streams, left_streams;
};

static void handle_echo(struct exchange *exchange, void *context)
{
    size_t size;
    const char *body = exchange_body(exchange, &size);

    assert_string_equal(context, "echo");
    exchange_answer_json(exchange, 200,
                         json_pack("{s:s, s:s, s:s%, s:s?, s:i}", "id", exchange_variable(exchange, "id"), "method",
                                   exchange_method(exchange), "body", body, size, "x", exchange_header(exchange, "X-Y"),
                                   "xs", (int)exchange_header_count(exchange, "X-Y")));
}

static void handle_later(struct exchange *exchange, void *context)
{
    struct scene *scene = context;

    scene->later = exchange;
    exchange_attach(exchange, &scene->released, NULL);
}

static bool admit_some(struct exchange *exchange, void *context)
{
    (void)context;
    if (exchange_header(exchange, "X-Stranger") == NULL)
        return true;
    exchange_answer_error(exchange, 401, "who are you?");
    return false;
}

static void note(const struct exchange *exchange, void *context)
{
    struct scene *scene = context;

    assert_true(exchange_status(exchange) >= 200);
    scene->watched++;
}

static void tell_missing(void *context, json_t *missing)
{
    if (((struct scene *)context)->missing)
        json_object_set_new(missing, "kafka", json_string("down"));
}

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    const struct http_route routes[] = {
        { .method = "POST",
          .path = "/echo/{id}",
          .admit = admit_some,
          .handler = handle_echo,
          .context = "echo",
          .body_size_max = 100 },
        { .method = "GET", .path = "/echo/{id}", .handler = handle_echo, .context = "echo" },
        { .method = "GET", .path = "/later", .handler = handle_later, .context = scene },
    };

    scene->base = event_base_new();
    scene->server = http_server_new(scene->base, "127.0.0.1:0", NULL);
    http_server_route(scene->server, routes, 3);
    http_server_watch(scene->server, note, scene);
    scene->health = health_routes(scene->server, tell_missing, scene);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;

    http_server_free(scene->server);
    health_free(scene->health);
    event_base_free(scene->base);
    free(scene);
    return 0;
}

static int client(const struct scene *scene)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(http_server_port(scene->server)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turn(const struct scene *scene)
{
    event_base_loop(scene->base, EVLOOP_NONBLOCK);
    usleep(1000);
}

/* Reads until `want` is there; fails after a minute. */
static void expect(const struct scene *scene, int fd, const char *want)
{
    static char text[65536];
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < TURNS_MAX && strstr(text, want) == NULL; i++) {
        ssize_t got;

        turn(scene);
        got = read(fd, text + length, sizeof text - length - 1);
        length += got > 0 ? (size_t)got : 0;
        text[length] = '\0';
    }
    if (strstr(text, want) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", want, text);
}

static void ask(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void answer_is(struct scene *scene, const char *request, const char *want)
{
    const int fd = client(scene);

    ask(fd, request);
    expect(scene, fd, want);
    close(fd);
}

/* All that comes until the server closes the connection, which it must. */
static const char *answers_until_closed(const struct scene *scene, const char *request)
{
    static char text[8192];
    const int fd = client(scene);
    size_t length = 0;
    ssize_t got = -1;

    ask(fd, request);
    for (int i = 0; i < TURNS_MAX && got != 0; i++) {
        turn(scene);
        got = read(fd, text + length, sizeof text - length - 1);
        length += got > 0 ? (size_t)got : 0;
    }
    text[length] = '\0';
    close(fd);
    assert_int_equal(got, 0);
    return text;
}

static void a_route_gets_variables_headers_and_body(void **state)
{
    answer_is(*state, "POST //echo//a%20b%C3%A4 HTTP/1.1\r\nHost: x\r\nx-y: z\r\nContent-Length: 2\r\n\r\nhi",
              "{\"id\":\"a b\xc3\xa4\",\"method\":\"POST\",\"body\":\"hi\",\"x\":\"z\",\"xs\":1}");
    answer_is(*state, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n", "\r\nContent-Type: application/json\r\n");
}

static void a_connection_is_kept_for_the_next_request(void **state)
{
    struct scene *scene = *state;
    const int fd = client(scene);

    ask(fd, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(scene, fd, "\"id\":\"1\"");
    ask(fd, "GET /echo/2 HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(scene, fd, "\"id\":\"2\"");
    assert_int_equal(scene->watched, 2);
    close(fd);
}

static void whatever_is_unknown_is_not_found_in_plain_text(void **state)
{
    static const char want[] = "404 page not found\n";
    static const char *const requests[] = {
        "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /later/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "PUT /later HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "DELETE /later HTTP/1.1\r\nHost: x\r\n\r\n",
        "PATCH /later HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS /later HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /echo/ HTTP/1.1\r\nHost: x\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        answer_is(*state, requests[i], want);
    answer_is(*state, requests[0], "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n");
    answer_is(*state, "HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n");
}

static void a_header_that_is_repeated_is_counted(void **state)
{
    answer_is(*state, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n", "\"xs\":0");
    answer_is(*state, "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Y: 1\r\n\r\n", "\"xs\":1");
    answer_is(*state, "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX-Y: 1\r\nX-Z: 3\r\nx-y: 2\r\n\r\n", "\"xs\":2");
}

static void a_variable_that_does_not_decode_is_for_its_handler(void **state)
{
    answer_is(*state, "GET /echo/%ff HTTP/1.1\r\nHost: x\r\n\r\n", "\"id\":\"%ff\"");
    answer_is(*state, "GET /echo/a%00 HTTP/1.1\r\nHost: x\r\n\r\n", "\"id\":\"a%00\"");
    answer_is(*state, "GET /echo/%e HTTP/1.1\r\nHost: x\r\n\r\n", "\"id\":\"%e\"");
}

static void a_body_over_the_limit_of_its_route_is_refused(void **state)
{
    char text[400];

    snprintf(text, sizeof text, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n%101s", "x");
    answer_is(*state, text, "{\"error\":\"the request body has 101 bytes; at most 100 are accepted\"");
    answer_is(*state, text, "HTTP/1.1 413 ");
    snprintf(text, sizeof text, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n%100s", "x");
    answer_is(*state, text, "HTTP/1.1 200 ");
    answer_is(*state, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", "HTTP/1.1 413 ");
}

static void who_may_not_ask_is_not_told_that_the_body_is_too_large(void **state)
{
    char text[400];

    snprintf(text, sizeof text, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nX-Stranger: x\r\nContent-Length: 101\r\n\r\n%101s",
             "x");
    answer_is(*state, text, "HTTP/1.1 401 ");
    answer_is(*state, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nX-Stranger: x\r\nContent-Length: 0\r\n\r\n",
              "HTTP/1.1 401 ");
}

/* Each could be two requests for a proxy: what follows as a body must not be one here. */
static void a_request_whose_end_is_in_doubt_is_refused_and_its_connection_closed(void **state)
{
    static const char *const rows[] = {
        "Content-Length: 0\r\nContent-Length: 32\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: +0\r\n",
        "Content-Length: 0x0\r\n",
        "Content-Length : 32\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: identity\r\n",
        "X Y: z\r\n",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[512];
        const char *text;

        snprintf(request, sizeof request,
                 "POST /echo/1 HTTP/1.1\r\nHost: x\r\n%s\r\nGET /echo/evil HTTP/1.1\r\nA: b\r\n\r\n", rows[i]);
        text = answers_until_closed(*state, request);
        if (strncmp(text, "HTTP/1.1 400 ", 13) != 0 || strstr(text + 1, "HTTP/1.1") != NULL)
            fail_msg("%s: %s", rows[i], text);
    }
    answer_is(*state, "POST /echo/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
              "\"body\":\"hi\"");
}

static void what_follows_an_answer_to_head_or_connect_is_the_next_answer(void **state)
{
    answer_is(*state, "HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "Content-Length: 19\r\n");
    answer_is(*state, "HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n",
              "\r\n\r\nHTTP/1.1 200 ");
    answer_is(*state, "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "Content-Length: 19\r\n");
}

static void a_method_that_nobody_knows_is_404_and_what_follows_it_is_no_request(void **state)
{
    const char *text = answers_until_closed(*state, "PURGE /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n"
                                                    "GET /echo/evil HTTP/1.1\r\n\r\n");

    assert_int_equal(strncmp(text, "HTTP/1.1 404 ", 13), 0);
    assert_non_null(strstr(text, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n404 page not found\n"));
    assert_null(strstr(text + 1, "HTTP/1.1"));
}

static int lowest_free(void)
{
    const int fd = dup(0);

    close(fd);
    return fd;
}

static void connections_wait_while_few_descriptors_are_left(void **state)
{
    enum { CLIENTS = 30, MORE = 40 };
    struct scene *scene = *state;
    struct rlimit before, few;
    int clients[CLIENTS];
    rlim_t limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = (rlim_t)lowest_free() + MORE; /* enough for the clients, but not for both ends of all */
    few = before;
    few.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client(scene);
    ask(clients[CLIENTS - 1], "GET /echo/last HTTP/1.1\r\nHost: x\r\n\r\n");
    for (int i = 0; i < 300; i++)
        turn(scene);
    assert_in_range(lowest_free(), limit - limit / 8, limit - 1); /* some stay free */
    for (int i = 0; i < CLIENTS - 1; i++)
        close(clients[i]);
    expect(scene, clients[CLIENTS - 1], "\"id\":\"last\"");
    close(clients[CLIENTS - 1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void an_answer_may_come_later(void **state)
{
    struct scene *scene = *state;
    const int fd = client(scene);

    ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (scene->later == NULL)
        turn(scene);
    assert_int_equal(http_server_unanswered(scene->server), 1);
    exchange_answer_error(scene->later, 503, "not \"now\"");
    assert_int_equal(http_server_unanswered(scene->server), 0);
    expect(scene, fd,
           "{\"error\":\"not \\\"now\\\"\",\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
           "\"detail\":\"not \\\"now\\\"\"}");
    close(fd);
}

/* --- Streams --- */

static void stream_drained(void *context)
{
    ((struct scene *)context)->drained_streams++;
}

static void stream_left(void *context)
{
    ((struct scene *)context)->left_streams++;
}

static int stream_begun(struct scene *scene, const char *version)
{
    const struct exchange_stream_hooks hooks = { stream_drained, stream_left, scene };
    const int fd = client(scene);
    char request[64];

    snprintf(request, sizeof request, "GET /later HTTP/%s\r\nHost: x\r\n\r\n", version);
    ask(fd, request);
    while (scene->later == NULL)
        turn(scene);
    exchange_stream_begin(scene->later, 200, "text/event-stream", &hooks);
    assert_int_equal(scene->watched, 1);
    return fd;
}

static void a_stream_is_written_bit_by_bit_and_ended(void **state)
{
    struct scene *scene = *state;
    const int fd = stream_begun(scene, "1.1");
    char byte;

    expect(scene, fd, "Transfer-Encoding: chunked\r\n");
    exchange_stream_write(scene->later, "one", 3);
    expect(scene, fd, "3\r\none\r\n");
    while (scene->drained_streams == 0)
        turn(scene);
    assert_int_equal(exchange_stream_waiting(scene->later), 0);
    exchange_stream_write(scene->later, "two", 3);
    assert_true(exchange_stream_waiting(scene->later) > 3);
    exchange_stream_end(scene->later);
    expect(scene, fd, "two\r\n0\r\n\r\n");
    while (read(fd, &byte, 1) != 0)
        turn(scene);
    assert_int_equal(http_server_unanswered(scene->server), 0);
    assert_true(scene->watched == 1 && scene->left_streams == 0);
    close(fd);
}

static void a_stream_to_an_old_client_ends_with_its_connection(void **state)
{
    struct scene *scene = *state;
    const int fd = stream_begun(scene, "1.0");
    char byte;

    exchange_stream_write(scene->later, "one", 3);
    expect(scene, fd, "\r\n\r\none");
    exchange_stream_end(scene->later);
    while (read(fd, &byte, 1) != 0)
        turn(scene);
    close(fd);
}

static void a_stream_learns_that_its_client_has_left(void **state)
{
    struct scene *scene = *state;

    close(stream_begun(scene, "1.1"));
    while (scene->left_streams == 0)
        turn(scene);
    assert_true(exchange_is_gone(scene->later));
    exchange_stream_write(scene->later, "nobody", 6);
    assert_int_equal(exchange_stream_waiting(scene->later), 0);
    exchange_stream_end(scene->later);
    assert_int_equal(http_server_unanswered(scene->server), 0);
}

static void what_a_client_does_not_read_waits_until_the_stream_is_cut(void **state)
{
    enum { PIECE = 100000, PIECES = 200 };
    struct scene *scene = *state;
    const int fd = stream_begun(scene, "1.1");
    char *piece = calloc(1, PIECE);
    static char got[PIECE];
    ssize_t count;

    for (int i = 0; i < PIECES; i++) {
        exchange_stream_write(scene->later, piece, PIECE);
        turn(scene);
    }
    assert_true(exchange_stream_waiting(scene->later) > PIECE);
    exchange_stream_cut(scene->later);
    assert_true(http_server_unanswered(scene->server) == 0 && scene->left_streams == 0);
    while ((count = read(fd, got, sizeof got)) != 0 && !(count < 0 && errno != EAGAIN))
        assert_null(count > 5 ? memmem(got + count - 5, 5, "0\r\n\r\n", 5) : NULL);
    free(piece);
    close(fd);
}

static void streams_that_are_open_are_freed_with_the_server(void **state)
{
    struct scene *scene = *state;
    const int fd = stream_begun(scene, "1.1");

    exchange_stream_write(scene->later, "one", 3);
    expect(scene, fd, "one");
    close(fd);
}

static void an_answer_to_a_client_that_has_left_goes_nowhere(void **state)
{
    struct scene *scene = *state;
    const int fd = client(scene);
    const struct linger now = { 1, 0 };

    ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (scene->later == NULL)
        turn(scene);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* a reset, not a polite end */
    close(fd);
    for (int i = 0; i < 20; i++)
        turn(scene);
    exchange_answer_error(scene->later, 503, "x");
    for (int i = 0; i < 20; i++)
        turn(scene);
    assert_int_equal(http_server_unanswered(scene->server), 0);
}

static void unanswered_exchanges_are_freed_with_the_server(void **state)
{
    struct scene *scene = *state;
    const int fd = client(scene);

    ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (scene->later == NULL)
        turn(scene);
    close(fd);
}

static void note_drained(void *context)
{
    ((struct scene *)context)->drained = true;
}

static void draining_answers_what_runs_and_takes_no_more(void **state)
{
    struct scene *scene = *state;
    const int fd = client(scene);
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(http_server_port(scene->server)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int late = socket(AF_INET, SOCK_STREAM, 0);

    ask(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (scene->later == NULL)
        turn(scene);
    http_server_drain(scene->server, note_drained, scene);
    assert_int_equal(connect(late, (const struct sockaddr *)&address, sizeof address), -1);
    close(late);
    for (int i = 0; i < 100; i++)
        turn(scene);
    assert_false(scene->drained);
    exchange_answer_error(scene->later, 503, "x");
    expect(scene, fd, "\r\nConnection: close\r\n");
    for (int i = 0; i < TURNS_MAX && !scene->drained; i++)
        turn(scene);
    assert_true(scene->drained);
    close(fd);
}

static void every_service_tells_how_it_is(void **state)
{
    struct scene *scene = *state;

    answer_is(scene, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nok");
    answer_is(scene, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "{\"ready\":true}");
    scene->missing = true;
    answer_is(scene, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "{\"ready\":false,\"missing\":{\"kafka\":\"down\"}}");
    answer_is(scene, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ");
    answer_is(scene, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nok\nmissing: kafka: down");
    answer_is(scene, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "process_resident_memory_bytes");
}

static void a_port_that_is_taken_is_an_error_that_says_so(void **state)
{
    struct scene *scene = *state;
    char listen[32];
    struct error err = { 0 };

    snprintf(listen, sizeof listen, "127.0.0.1:%u", http_server_port(scene->server));
    assert_null(http_server_new(scene->base, listen, &err));
    assert_non_null(strstr(err.message, listen));
    assert_non_null(strstr(err.message, "in use"));
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_decoded_and_keep_the_order_of_repeated_members),
        cmocka_unit_test(queries_that_are_no_text_are_refused),
        cmocka_unit_test(what_does_not_decode_in_a_url_stays_as_it_is),
        cmocka_unit_test(an_empty_query_has_no_members),
        cmocka_unit_test(slashes_are_collapsed_and_the_query_is_cut_off),
        cmocka_unit_test(a_variable_takes_one_segment),
        SERVED(a_route_gets_variables_headers_and_body),
        SERVED(a_connection_is_kept_for_the_next_request),
        SERVED(whatever_is_unknown_is_not_found_in_plain_text),
        SERVED(who_may_not_ask_is_not_told_that_the_body_is_too_large),
        SERVED(a_header_that_is_repeated_is_counted),
        SERVED(a_variable_that_does_not_decode_is_for_its_handler),
        SERVED(a_body_over_the_limit_of_its_route_is_refused),
        SERVED(a_request_whose_end_is_in_doubt_is_refused_and_its_connection_closed),
        SERVED(what_follows_an_answer_to_head_or_connect_is_the_next_answer),
        SERVED(a_method_that_nobody_knows_is_404_and_what_follows_it_is_no_request),
        SERVED(connections_wait_while_few_descriptors_are_left),
        SERVED(an_answer_may_come_later),
        SERVED(a_stream_is_written_bit_by_bit_and_ended),
        SERVED(a_stream_to_an_old_client_ends_with_its_connection),
        SERVED(a_stream_learns_that_its_client_has_left),
        SERVED(what_a_client_does_not_read_waits_until_the_stream_is_cut),
        SERVED(streams_that_are_open_are_freed_with_the_server),
        SERVED(an_answer_to_a_client_that_has_left_goes_nowhere),
        SERVED(unanswered_exchanges_are_freed_with_the_server),
        SERVED(draining_answers_what_runs_and_takes_no_more),
        SERVED(every_service_tells_how_it_is),
        SERVED(a_port_that_is_taken_is_an_error_that_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
