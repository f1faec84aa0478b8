/* latency - how long a client waits for an answer, beside what the path cannot do without.
 *
 *     latency BOOTSTRAP CONNINFO HOST PORT COUNT STATUS FILE
 *
 * Measures, by turns in one run: one acknowledged produce of 300 bytes, one PostgreSQL commit, and the HTTP request of
 * FILE on a connection that is kept; "@@@@@" in it becomes the number of the request. Each must be answered with STATUS
 * and without "errors". Prints the medians and p99 as JSON. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { COUNT_MAX = 100000, WARM_UP = 200 };

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void fail(const char *what)
{
    fprintf(stderr, "latency: %s\n", what);
    exit(1);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print(const char *name, double *times, int count, const char *end)
{
    qsort(times, (size_t)count, sizeof *times, by_size);
    printf("\"%s\": {\"median_ms\": %.3f, \"p99_ms\": %.3f}%s", name, times[count / 2], times[count * 99 / 100], end);
}

/* --- One acknowledged produce --- */

static int acknowledged;

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(rd_kafka_err2str(message->err));
    acknowledged++;
}

static rd_kafka_topic_t *open_topic(const char *bootstrap, rd_kafka_t **handle)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof why);
    rd_kafka_conf_set(conf, "enable.idempotence", "true", why, sizeof why);
    rd_kafka_conf_set(conf, "linger.ms", "0", why, sizeof why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (*handle == NULL)
        fail(why);
    return rd_kafka_topic_new(*handle, "gateway.replies", NULL);
}

static double produce(rd_kafka_t *handle, rd_kafka_topic_t *topic)
{
    static const char bytes[300] = "{\"id\":\"nobody waits for this\"}";
    double begin = now_ms();
    int wanted = acknowledged + 1;

    if (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)bytes, sizeof bytes, NULL, 0, NULL) != 0)
        fail("produce");
    while (acknowledged < wanted)
        rd_kafka_poll(handle, 100);
    return now_ms() - begin;
}

/* --- One commit --- */

static PGconn *open_database(const char *conninfo)
{
    PGconn *database = PQconnectdb(conninfo);

    if (PQstatus(database) != CONNECTION_OK)
        fail(PQerrorMessage(database));
    PQclear(PQexec(database, "CREATE TABLE IF NOT EXISTS public.latency (id int PRIMARY KEY, n int)"));
    PQclear(PQexec(database, "INSERT INTO public.latency VALUES (1, 0) ON CONFLICT DO NOTHING"));
    PQclear(PQprepare(database, "add", "UPDATE public.latency SET n = n + 1 WHERE id = 1", 0, NULL));
    return database;
}

static double commit(PGconn *database)
{
    double begin = now_ms();
    PGresult *result = PQexecPrepared(database, "add", 0, NULL, NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail(PQerrorMessage(database));
    PQclear(result);
    return now_ms() - begin;
}

/* --- One request --- */

static int open_gateway(const char *host, int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &address.sin_addr);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("the gateway does not listen");
    return fd;
}

/* A request from a file, and where its number stands. */
struct numbered {
    char text[32768];
    size_t size;
    char *number; /* NULL: it has none */
};

enum { NUMBER_LENGTH = 5 };

static void read_numbered(struct numbered *request, const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL)
        fail(path);
    request->size = fread(request->text, 1, sizeof request->text - 1, file);
    request->number = strstr(request->text, "@@@@@");
    fclose(file);
}

static void number_it(struct numbered *request, int number)
{
    char digits[NUMBER_LENGTH + 1];

    if (request->number == NULL)
        return;
    snprintf(digits, sizeof digits, "%0*d", NUMBER_LENGTH, number);
    memcpy(request->number, digits, NUMBER_LENGTH);
}

static double post(int fd, const struct numbered *request, const char *status)
{
    char answer[4096];
    size_t size = 0;
    double begin = now_ms();
    const char *body, *length;

    if (write(fd, request->text, request->size) != (ssize_t)request->size)
        fail("the gateway hung up");
    for (;;) {
        ssize_t got = read(fd, answer + size, sizeof answer - size - 1);

        if (got <= 0)
            fail("the gateway hung up");
        size += (size_t)got;
        answer[size] = '\0';
        body = strstr(answer, "\r\n\r\n");
        length = strstr(answer, "Content-Length: ");
        if (body != NULL && length != NULL && size >= (size_t)(body + 4 - answer) + (size_t)atoi(length + 16))
            break;
    }
    if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) != 0 || strstr(body, "\"errors\"") != NULL)
        fail(answer);
    return now_ms() - begin;
}

int main(int argc, char **argv)
{
    static double produced[COUNT_MAX], committed[COUNT_MAX], posted[COUNT_MAX];
    static struct numbered request;
    rd_kafka_topic_t *topic;
    rd_kafka_t *handle;
    PGconn *database;
    int count, fd;

    if (argc != 8)
        fail("usage: latency BOOTSTRAP CONNINFO HOST PORT COUNT STATUS FILE");
    count = atoi(argv[5]);
    if (count < 1 || count > COUNT_MAX - WARM_UP)
        fail("COUNT is 1 to 99800");
    read_numbered(&request, argv[7]);
    topic = open_topic(argv[1], &handle);
    database = open_database(argv[2]);
    fd = open_gateway(argv[3], atoi(argv[4]));
    for (int i = -WARM_UP; i < count; i++) {
        double p = produce(handle, topic), c = commit(database), r;

        number_it(&request, i + WARM_UP);
        r = post(fd, &request, argv[6]);

        if (i >= 0) {
            produced[i] = p;
            committed[i] = c;
            posted[i] = r;
        }
    }
    printf("{");
    print("produce", produced, count, ", ");
    print("commit", committed, count, ", ");
    print("post", posted, count, "}\n");
    close(fd);
    PQfinish(database);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(handle);
    return 0;
}
