#include "common/log/kafka.h"

#include "common/log/record.h"
#include "common/observe/log.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    KIND_EVENTS,
    KIND_REQUESTS,
    KIND_COUNT,
    BATCH_MAX = 500, /* messages of one turn; then other events of the loop have theirs */
    TOPIC_NAME_SIZE = 64,
    GATHER_MS = 20, /* messages that follow others within this time travel together */
};

#define MESSAGE_LINGER_MS "1"

/* One client of librdkafka whose queue wakes the event loop. */
struct client {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    struct event *readable;
    int fd;
};

struct held { /* what waits for its turn, or for room in a full queue */
    struct held *next;
    rd_kafka_topic_t *topic;
    int partition;
    void *opaque;
    char *bytes;
    size_t size;
};

struct outbox { /* what a producer has not been given yet, in order */
    struct held *first, **end;
};

struct stream { /* what the reader reads of one partition of one topic */
    bool open;
    int64_t next; /* only this offset is taken: whatever else comes was asked for earlier */
};

struct kafka {
    struct kafka_options options;
    struct kafka_hooks hooks;
    struct event_base *base;
    struct client recorder, messenger, member, reader;
    rd_kafka_topic_t *events, *replies;      /* of the recorder */
    rd_kafka_topic_t *requests[TOPIC_COUNT]; /* of the messenger */
    char names[KIND_COUNT][TOPIC_NAME_SIZE];
    struct stream streams[KIND_COUNT][PARTITIONS_MAX];
    struct outbox records, messages;
    struct event *gather_timer;      /* pending: messages gather */
    int64_t commits[PARTITIONS_MAX]; /* to be committed; -1: nothing new */
    struct event *commit_timer, *poll_timer;
    bool joined, down, committing;
};

/* --- Clients --- */

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        return error_set(err, ERROR_INPUT, "librdkafka: %s=%s: %s", name, value, why);
    return true;
}

static bool set_all(rd_kafka_conf_t *conf, const char *const pairs[][2], struct error *err)
{
    for (size_t i = 0; pairs[i][0] != NULL; i++)
        if (!set(conf, pairs[i][0], pairs[i][1], err))
            return false;
    return true;
}

/* librdkafka's own words, from any of its threads: log_write is one write(2). */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    /* CONFWARN: that a setting which is meant is rare. GETPID: a broker that starts; it is asked again. */
    bool quiet = strcmp(facility, "CONFWARN") == 0 || strcmp(facility, "GETPID") == 0;

    (void)handle;
    if (level <= 4)
        log_event(quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "kafka_client", LOG_TEXT("facility", facility),
                  LOG_TEXT("text", text), LOG_END);
}

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct kafka *kafka = opaque;

    if (code == RD_KAFKA_RESP_ERR__FATAL)
        kafka->hooks.fatal(kafka->hooks.context, reason);
    else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && handle == kafka->member.handle)
        kafka->down = true;
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        log_warning("kafka_error", LOG_TEXT("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
                    LOG_TEXT("reason", reason));
}

static void drain_fd(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) > 0)
        ;
}

static bool client_open(struct kafka *kafka, struct client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                        event_callback_fn callback, struct error *err)
{
    static const uint64_t one = 1;
    char why[256];

    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    client->handle = rd_kafka_new(type, conf, why, sizeof why);
    if (client->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_INPUT, "Kafka client: %s", why);
    }
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_poll_set_consumer(client->handle);
        client->queue = rd_kafka_queue_get_consumer(client->handle);
    } else {
        client->queue = rd_kafka_queue_get_main(client->handle);
    }
    client->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (client->fd < 0)
        return error_set(err, ERROR_INTERNAL, "eventfd: %s", strerror(errno));
    client->readable = event_new(kafka->base, client->fd, EV_READ | EV_PERSIST, callback, kafka);
    if (client == &kafka->reader) /* new work waits for the answers to the old */
        event_priority_set(client->readable, kafka->options.read_priority);
    event_add(client->readable, NULL);
    rd_kafka_queue_io_event_enable(client->queue, client->fd, &one, sizeof one);
    event_active(client->readable, EV_READ, 0); /* what came before the queue was joined to the loop */
    return true;
}

static void client_close(struct client *client)
{
    if (client->readable != NULL)
        event_free(client->readable);
    if (client->queue != NULL) {
        rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(client->queue);
    }
    if (client->handle != NULL) /* a static member does not leave its group: it comes back, or its session ends */
        rd_kafka_destroy_flags(client->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (client->fd >= 0)
        close(client->fd);
    *client = (struct client){ .fd = -1 };
}

/* --- Producing --- */

static void hold(struct outbox *outbox, rd_kafka_topic_t *topic, int partition, const char *bytes, size_t size,
                 void *opaque)
{
    struct held *held = malloc(sizeof *held);

    if (held == NULL || (*held = (struct held){ .bytes = malloc(size) }, held->bytes == NULL))
        abort();
    held->topic = topic;
    held->partition = partition;
    held->opaque = opaque;
    held->size = size;
    memcpy(held->bytes, bytes, size);
    *outbox->end = held;
    outbox->end = &held->next;
}

/* Gives the producer what it takes; the rest waits until deliveries make room. */
static void hand_over(struct kafka *kafka, struct outbox *outbox)
{
    while (outbox->first != NULL) {
        struct held *held = outbox->first;

        if (rd_kafka_produce(held->topic, held->partition, RD_KAFKA_MSG_F_FREE, held->bytes, held->size, NULL, 0,
                             held->opaque) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                kafka->hooks.fatal(kafka->hooks.context, rd_kafka_err2str(rd_kafka_last_error()));
            return;
        }
        outbox->first = held->next;
        if (outbox->first == NULL)
            outbox->end = &outbox->first;
        free(held);
    }
}

static void outbox_clear(struct outbox *outbox)
{
    while (outbox->first != NULL) {
        struct held *held = outbox->first;

        outbox->first = held->next;
        free(held->bytes);
        free(held);
    }
}

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval gather = { .tv_usec = GATHER_MS * 1000 };
    struct kafka *kafka = context;

    (void)fd;
    (void)what;
    if (kafka->messages.first == NULL)
        return; /* a quiet time: the next message goes at once */
    hand_over(kafka, &kafka->messages);
    evtimer_add(kafka->gather_timer, &gather);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka *kafka = opaque;

    (void)handle;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka->hooks.fatal(kafka->hooks.context, rd_kafka_err2str(message->err));
        return;
    }
    kafka->down = false;
    if (message->_private != NULL)
        kafka->hooks.delivered(kafka->hooks.context, message->_private, true, message->offset);
}

static void on_recorder(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;

    (void)what;
    drain_fd(fd);
    rd_kafka_poll(kafka->recorder.handle, 0);
    hand_over(kafka, &kafka->records);
}

static void on_messenger(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;

    (void)what;
    drain_fd(fd);
    rd_kafka_poll(kafka->messenger.handle, 0);
    if (!evtimer_pending(kafka->gather_timer, NULL))
        hand_over(kafka, &kafka->messages);
}

void kafka_append(struct kafka *kafka, int partition, const char *bytes, size_t size, void *opaque)
{
    hold(&kafka->records, kafka->events, partition, bytes, size, opaque);
    hand_over(kafka, &kafka->records);
}

/* The first message after a quiet time goes with what follows in this turn of the loop; later ones gather. */
void kafka_send(struct kafka *kafka, int topic, int partition, const char *bytes, size_t size, void *opaque)
{
    static const struct timeval now = { 0 };

    hold(&kafka->messages, kafka->requests[topic], partition, bytes, size, opaque);
    if (!evtimer_pending(kafka->gather_timer, NULL))
        evtimer_add(kafka->gather_timer, &now);
}

void kafka_reply(struct kafka *kafka, int partition, const char *bytes, size_t size)
{
    hold(&kafka->records, kafka->replies, partition, bytes, size, NULL);
    hand_over(kafka, &kafka->records);
}

static bool producer_open(struct kafka *kafka, struct client *client, const char *linger_ms, event_callback_fn callback,
                          struct error *err)
{
    static const char *const pairs[][2] = {
        { "enable.idempotence", "true" },
        { "acks", "all" },
        { "enable.gapless.guarantee", "true" },
        { "message.timeout.ms", "0" },
        { "compression.codec", "lz4" },
        { "message.max.bytes", "4194304" },
        { "queue.buffering.max.messages", "200000" },
        { "queue.buffering.max.kbytes", "262144" },
        { "socket.nagle.disable", "true" },
        { "reconnect.backoff.max.ms", "1000" },
        { "retry.backoff.ms", "50" },
        { NULL, NULL },
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (!set(conf, "bootstrap.servers", kafka->options.bootstrap, err) || !set(conf, "linger.ms", linger_ms, err) ||
        !set_all(conf, pairs, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    return client_open(kafka, client, RD_KAFKA_PRODUCER, conf, callback, err);
}

/* Two producers: records go out at once, since a client waits for what they decide, and each batch of them is one
 * request anyway. Messages fan out to all partitions, a few to each: while others are on their way they gather, so that
 * what the partitions of this process have for one place travels together. */
static bool producers_open(struct kafka *kafka, struct error *err)
{
    char name[TOPIC_NAME_SIZE];

    if (!producer_open(kafka, &kafka->recorder, "0", on_recorder, err) ||
        !producer_open(kafka, &kafka->messenger, MESSAGE_LINGER_MS, on_messenger, err))
        return false;
    kafka->events = rd_kafka_topic_new(kafka->recorder.handle, kafka->names[KIND_EVENTS], NULL);
    kafka->replies = rd_kafka_topic_new(kafka->recorder.handle, "gateway.replies", NULL);
    for (int i = 0; i < TOPIC_COUNT; i++) {
        snprintf(name, sizeof name, "%s.requests", topic_names[i]);
        kafka->requests[i] = rd_kafka_topic_new(kafka->messenger.handle, name, NULL);
    }
    return true;
}

/* --- The group --- */

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct kafka *kafka = opaque;
    bool assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    rd_kafka_error_t *error;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = 0; /* never fetched: an offset that needs no look-up */
    error = assign ? rd_kafka_incremental_assign(handle, list) : rd_kafka_incremental_unassign(handle, list);
    if (error != NULL) {
        log_warning("group_assignment_failed", LOG_TEXT("reason", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
    if (assign)
        rd_kafka_pause_partitions(handle, list);
    kafka->joined = true;
    kafka->down = false;
    for (int i = 0; i < list->cnt; i++) {
        int partition = list->elems[i].partition;

        if (partition < 0 || partition >= kafka->options.partitions)
            continue;
        if (assign)
            kafka->hooks.assigned(kafka->hooks.context, partition);
        else
            kafka->hooks.revoked(kafka->hooks.context, partition);
    }
}

static void on_member(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;
    rd_kafka_message_t *message;
    char why[256];

    (void)what;
    drain_fd(fd);
    while ((message = rd_kafka_consumer_poll(kafka->member.handle, 0)) != NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            log_warning("group_error", LOG_TEXT("reason", rd_kafka_message_errstr(message)));
        rd_kafka_message_destroy(message);
    }
    /* As when another process joined with our name: from then on we own nothing and never will. */
    if (rd_kafka_fatal_error(kafka->member.handle, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
        kafka->hooks.fatal(kafka->hooks.context, why);
}

/* A member that nobody polls for max.poll.interval.ms loses its partitions, also when there is nothing to poll. */
static void on_poll_timer(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;

    (void)fd;
    (void)what;
    event_active(kafka->member.readable, EV_READ, 0);
}

static void on_committed(rd_kafka_t *handle, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct kafka *kafka = opaque;

    (void)handle;
    (void)code; /* a failure costs a figure */
    (void)list;
    kafka->committing = false;
}

static bool member_open(struct kafka *kafka, struct error *err)
{
    static const char *const pairs[][2] = {
        { "partition.assignment.strategy", "cooperative-sticky" },
        { "enable.auto.commit", "false" },
        { "enable.auto.offset.store", "false" },
        { "auto.offset.reset", "error" },
        { "heartbeat.interval.ms", "1000" },
        { "max.poll.interval.ms", "300000" },
        { "queued.max.messages.kbytes", "1024" },
        { "reconnect.backoff.max.ms", "1000" },
        { NULL, NULL },
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_resp_err_t code;
    char group[96], instance[160], timeout[16];

    snprintf(group, sizeof group, "tidegate-%s", kafka->options.service);
    snprintf(instance, sizeof instance, "%s", kafka->options.instance);
    snprintf(timeout, sizeof timeout, "%d", kafka->options.session_timeout_ms);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
    if (!set(conf, "bootstrap.servers", kafka->options.bootstrap, err) || !set(conf, "group.id", group, err) ||
        !set(conf, "group.instance.id", instance, err) || !set(conf, "session.timeout.ms", timeout, err) ||
        !set_all(conf, pairs, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    if (!client_open(kafka, &kafka->member, RD_KAFKA_CONSUMER, conf, on_member, err))
        return false;
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, kafka->names[KIND_REQUESTS], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(kafka->member.handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERROR_UNAVAILABLE, "subscribe: %s", rd_kafka_err2str(code));
    return true;
}

bool kafka_joined(const struct kafka *kafka)
{
    return kafka->joined;
}

bool kafka_down(const struct kafka *kafka)
{
    return kafka->down;
}

void kafka_commit(struct kafka *kafka, int partition, int64_t next)
{
    static const struct timeval soon = { .tv_sec = 1 };

    kafka->commits[partition] = next;
    if (!evtimer_pending(kafka->commit_timer, NULL))
        evtimer_add(kafka->commit_timer, &soon);
}

/* Once a second at most: the group's offset is only for lag metrics and autoscaling. One at a time, and none while Kafka
 * is away: a commit that waits for it goes out with a membership that has ended meanwhile, which is fatal for the
 * client. */
static void on_commit(evutil_socket_t fd, short what, void *context)
{
    static const struct timeval again = { .tv_sec = 1 };
    struct kafka *kafka = context;
    rd_kafka_topic_partition_list_t *list;

    (void)fd;
    (void)what;
    if (kafka->committing || kafka->down) {
        evtimer_add(kafka->commit_timer, &again);
        return;
    }
    list = rd_kafka_topic_partition_list_new(kafka->options.partitions);
    for (int i = 0; i < kafka->options.partitions; i++) {
        if (kafka->commits[i] >= 0)
            rd_kafka_topic_partition_list_add(list, kafka->names[KIND_REQUESTS], i)->offset = kafka->commits[i];
        kafka->commits[i] = -1;
    }
    kafka->committing = rd_kafka_commit(kafka->member.handle, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

/* --- Reading --- */

static void assign_stream(struct kafka *kafka, int kind, int partition, int64_t from)
{
    struct stream *stream = &kafka->streams[kind][partition];
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *error = NULL;

    if (!stream->open && from < 0)
        return;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kafka->names[kind], partition)->offset = from;
    if (stream->open)
        error = rd_kafka_incremental_unassign(kafka->reader.handle, list);
    if (error == NULL && from >= 0)
        error = rd_kafka_incremental_assign(kafka->reader.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        kafka->hooks.fatal(kafka->hooks.context, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return;
    }
    *stream = (struct stream){ .open = from >= 0, .next = from };
}

void kafka_read(struct kafka *kafka, int partition, int64_t from)
{
    assign_stream(kafka, KIND_EVENTS, partition, from);
}

void kafka_take(struct kafka *kafka, int partition, int64_t from)
{
    assign_stream(kafka, KIND_EVENTS, partition, -1);
    assign_stream(kafka, KIND_REQUESTS, partition, from);
}

void kafka_hold(struct kafka *kafka, int partition, bool held)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);

    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (kafka->streams[kind][partition].open)
            rd_kafka_topic_partition_list_add(list, kafka->names[kind], partition);
    if (held)
        rd_kafka_pause_partitions(kafka->reader.handle, list);
    else
        rd_kafka_resume_partitions(kafka->reader.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void on_read_error(struct kafka *kafka, int kind, const rd_kafka_message_t *message)
{
    int partition = message->partition;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (kind == KIND_EVENTS && message->offset >= kafka->streams[kind][partition].next) {
            assign_stream(kafka, KIND_EVENTS, partition, -1);
            kafka->hooks.end(kafka->hooks.context, partition, message->offset);
        }
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        kafka->hooks.broken(kafka->hooks.context, partition,
                            "the log does not reach to the stored position: it was truncated or exchanged");
        return;
    }
    log_warning("kafka_read_failed", LOG_INT("partition", partition),
                LOG_TEXT("reason", rd_kafka_message_errstr(message)));
}

static void on_message(struct kafka *kafka, const rd_kafka_message_t *message)
{
    int kind = message->rkt != NULL && strcmp(rd_kafka_topic_name(message->rkt), kafka->names[KIND_EVENTS]) == 0
                   ? KIND_EVENTS
                   : KIND_REQUESTS;
    rd_kafka_timestamp_type_t type;
    struct stream *stream;

    if (message->rkt == NULL || message->partition < 0 || message->partition >= kafka->options.partitions)
        return;
    stream = &kafka->streams[kind][message->partition];
    if (!stream->open)
        return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_read_error(kafka, kind, message);
        return;
    }
    if (message->offset != stream->next)
        return;
    stream->next++;
    if (kind == KIND_EVENTS)
        kafka->hooks.record(kafka->hooks.context, message->partition, message->offset, message->payload, message->len);
    else
        kafka->hooks.request(kafka->hooks.context, message->partition, message->offset,
                             rd_kafka_message_timestamp(message, &type), message->payload, message->len);
}

static void on_reader(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;
    rd_kafka_message_t *messages[BATCH_MAX];
    ssize_t count;

    (void)what;
    drain_fd(fd);
    count = rd_kafka_consume_batch_queue(kafka->reader.queue, 0, messages, BATCH_MAX);
    for (ssize_t i = 0; i < count; i++) {
        on_message(kafka, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    if (count == BATCH_MAX) /* there may be more, of which nobody tells */
        event_active(kafka->reader.readable, EV_READ, 0);
}

static bool reader_open(struct kafka *kafka, struct error *err)
{
    static const char *const pairs[][2] = {
        { "enable.auto.commit", "false" },
        { "enable.auto.offset.store", "false" },
        { "enable.partition.eof", "true" },
        { "auto.offset.reset", "error" },
        { "fetch.wait.max.ms", "100" }, /* a partition that is taken in waits for the fetch before it */
        { "fetch.error.backoff.ms", "50" },
        { "queued.min.messages", "2000" },
        { "queued.max.messages.kbytes", "16384" },
        { "message.max.bytes", "4194304" },
        { "fetch.message.max.bytes", "4194304" },
        { "socket.nagle.disable", "true" },
        { "reconnect.backoff.max.ms", "1000" },
        { NULL, NULL },
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char group[96];

    snprintf(group, sizeof group, "tidegate-%s-reader", kafka->options.service);
    if (!set(conf, "bootstrap.servers", kafka->options.bootstrap, err) || !set(conf, "group.id", group, err) ||
        !set_all(conf, pairs, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    return client_open(kafka, &kafka->reader, RD_KAFKA_CONSUMER, conf, on_reader, err);
}

/* --- Life --- */

struct kafka *kafka_open(struct event_base *base, const struct kafka_options *options, const struct kafka_hooks *hooks,
                         struct error *err)
{
    static const struct timeval poll_every = { .tv_sec = 10 };
    struct kafka *kafka = calloc(1, sizeof *kafka);

    assert(options->partitions <= PARTITIONS_MAX);
    if (kafka == NULL)
        abort();
    kafka->options = *options;
    kafka->hooks = *hooks;
    kafka->base = base;
    kafka->records.end = &kafka->records.first;
    kafka->messages.end = &kafka->messages.first;
    kafka->recorder.fd = kafka->messenger.fd = kafka->member.fd = kafka->reader.fd = -1;
    for (int i = 0; i < PARTITIONS_MAX; i++)
        kafka->commits[i] = -1;
    if (options->member) {
        kafka->commit_timer = evtimer_new(base, on_commit, kafka);
        kafka->gather_timer = evtimer_new(base, on_gathered, kafka);
        kafka->poll_timer = event_new(base, -1, EV_PERSIST, on_poll_timer, kafka);
    }
    snprintf(kafka->names[KIND_EVENTS], TOPIC_NAME_SIZE, "%s.events", options->topic);
    snprintf(kafka->names[KIND_REQUESTS], TOPIC_NAME_SIZE, "%s.requests", options->topic);
    if (!reader_open(kafka, err) || (options->member && (!producers_open(kafka, err) || !member_open(kafka, err)))) {
        kafka_close(kafka);
        return NULL;
    }
    if (options->member)
        event_add(kafka->poll_timer, &poll_every);
    return kafka;
}

void kafka_close(struct kafka *kafka)
{
    if (kafka == NULL)
        return;
    if (kafka->commit_timer != NULL)
        event_free(kafka->commit_timer);
    if (kafka->gather_timer != NULL)
        event_free(kafka->gather_timer);
    if (kafka->poll_timer != NULL)
        event_free(kafka->poll_timer);
    if (kafka->events != NULL)
        rd_kafka_topic_destroy(kafka->events);
    for (int i = 0; i < TOPIC_COUNT; i++)
        if (kafka->requests[i] != NULL)
            rd_kafka_topic_destroy(kafka->requests[i]);
    if (kafka->replies != NULL)
        rd_kafka_topic_destroy(kafka->replies);
    outbox_clear(&kafka->records);
    outbox_clear(&kafka->messages);
    client_close(&kafka->recorder);
    client_close(&kafka->messenger);
    client_close(&kafka->member);
    client_close(&kafka->reader);
    free(kafka);
}
