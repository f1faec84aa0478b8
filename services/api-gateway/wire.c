#include "services/api-gateway/wire.h"

#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/base/id.h"
#include "common/log/kafka_client.h"
#include "common/log/kafka_queue.h"
#include "common/log/record.h"
#include "common/observe/log.h"

enum {
    REPLIES_MAX = 500,    /* taken from the queue at a time */
    QUEUE_KBYTES = 65536, /* of messages not yet written */
    MESSAGE_SIZE_MAX = 1000000,
    HEADER_SIZE = 512, /* of a message, by far */
    TOPIC_NAME_SIZE = 64,
};

struct held { /* a message that waits for others */
    struct held *next;
    int topic, partition;
    char *key, *bytes;
    size_t size;
    void *opaque;
};

struct wire {
    struct event_base *base;
    struct wire_hooks hooks;
    int partitions, reply_partition;
    rd_kafka_t *producer, *reader;
    rd_kafka_topic_t *topics[TOPIC_COUNT], *replies;
    rd_kafka_queue_t *replies_queue;
    struct kafka_queue *producer_events, *reader_events, *reply_events;
    struct held *first, **end;
    struct event *gathered; /* pending: the held ones go then */
    bool at_end;            /* of the replies: from now on none is missed */
    atomic_bool is_lost;    /* all brokers were down, and none has been up since; set on librdkafka's threads too */
};

/* --- What arrives --- */

static void take_message(struct wire *wire, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wire->hooks.reply(wire->hooks.context, message->payload, message->len);
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (!wire->at_end)
            log_info("replies_joined", LOG_INT("partition", message->partition), LOG_INT("offset", message->offset));
        wire->at_end = true;
    } else {
        log_warning("replies_error", LOG_TEXT("error", rd_kafka_err2str(message->err)));
    }
}

static void replies_arrived(void *context)
{
    struct wire *wire = context;
    rd_kafka_message_t *messages[REPLIES_MAX];
    ssize_t count;

    while ((count = rd_kafka_consume_batch_queue(wire->replies_queue, 0, messages, REPLIES_MAX)) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            take_message(wire, messages[i]);
            rd_kafka_message_destroy(messages[i]);
        }
    }
}

static void report_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    struct wire *wire = context;
    enum wire_delivery how = WIRE_WRITTEN;

    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        how = rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? WIRE_NOT_WRITTEN
                                                                                    : WIRE_MAYBE_WRITTEN;
    wire->hooks.delivered(wire->hooks.context, message->_private, how, rd_kafka_err2str(message->err));
}

static void producer_arrived(void *context)
{
    struct wire *wire = context;

    while (rd_kafka_poll(wire->producer, 0) > 0)
        ;
}

static void reader_arrived(void *context)
{
    struct wire *wire = context;

    while (rd_kafka_poll(wire->reader, 0) > 0)
        ;
}

/* --- What is sent --- */

static void hand_over(struct wire *wire)
{
    struct held *held;

    evtimer_del(wire->gathered);
    while ((held = wire->first) != NULL) {
        wire->first = held->next;
        if (wire->first == NULL)
            wire->end = &wire->first;
        if (rd_kafka_produce(wire->topics[held->topic], held->partition, RD_KAFKA_MSG_F_FREE, held->bytes, held->size,
                             held->key, strlen(held->key), held->opaque) != 0) {
            free(held->bytes);
            wire->hooks.delivered(wire->hooks.context, held->opaque, WIRE_NOT_WRITTEN,
                                  rd_kafka_err2str(rd_kafka_last_error()));
        }
        free(held->key);
        free(held);
    }
}

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    hand_over(context);
}

static void hold(struct wire *wire, const struct wire_message *message)
{
    struct held *held = malloc(sizeof *held);
    char *key = strdup(message->key);

    if (held == NULL || key == NULL)
        abort();
    *held = (struct held){ .topic = message->topic,
                           .partition = partition_of(key, wire->partitions),
                           .key = key,
                           .bytes = message->bytes,
                           .size = message->size,
                           .opaque = message->opaque };
    *wire->end = held;
    wire->end = &held->next;
}

/* --- The clients --- */

/* From any thread of librdkafka; log_write is one write(2). */
static void client_fails(rd_kafka_t *client, int code, const char *reason, void *context)
{
    struct wire *wire = context;

    kafka_client_log_error(code, reason);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        /* An idempotent producer that cannot go on: only a new one helps, and a new process is one. */
        log_error("kafka_fatal", LOG_TEXT("reason", reason));
        exit(EXIT_FAILURE);
    }
    /* The reader alone always has a connection in use; the producer's may be closed for being idle. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && client == wire->reader)
        wire->is_lost = true;
}

/* On a thread of librdkafka. */
static rd_kafka_resp_err_t broker_changes(rd_kafka_t *client, int32_t broker_id, const char *protocol, const char *name,
                                          int port, const char *state, void *context)
{
    struct wire *wire = context;

    (void)client;
    (void)broker_id;
    (void)protocol;
    (void)name;
    (void)port;
    if (strcmp(state, "UP") == 0)
        wire->is_lost = false;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t watch_brokers(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *context, char *why,
                                         size_t why_size)
{
    (void)conf;
    (void)why;
    (void)why_size;
    return rd_kafka_interceptor_add_on_broker_state_change(client, "tidegate", broker_changes, context);
}

/* NULL: a value is refused. */
static rd_kafka_t *client_new(rd_kafka_type_t type, const char *const (*settings)[2], struct wire *wire,
                              struct error *err)
{
    rd_kafka_conf_t *conf = kafka_client_conf(settings, wire, client_fails, err);

    if (conf == NULL)
        return NULL;
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, report_delivery);
    else
        rd_kafka_conf_interceptor_add_on_new(conf, "tidegate", watch_brokers, wire);
    return kafka_client_new(type, conf, err);
}

static bool open_producer(struct wire *wire, const struct wire_options *options, struct error *err)
{
    char timeout[24], kbytes[24], size[24], name[TOPIC_NAME_SIZE];

    snprintf(size, sizeof size, "%d", MESSAGE_SIZE_MAX);
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->delivery_ms);
    snprintf(kbytes, sizeof kbytes, "%d", QUEUE_KBYTES);
    wire->producer = client_new(RD_KAFKA_PRODUCER,
                                (const char *const[][2]){
                                    { "bootstrap.servers", options->kafka },
                                    { "client.id", options->instance },
                                    { "enable.idempotence", "true" }, /* acks=all comes with it */
                                    { "message.timeout.ms", timeout },
                                    { "queue.buffering.max.ms", "0" },
                                    { "queue.buffering.max.kbytes", kbytes },
                                    { "message.max.bytes", size },
                                    { "socket.nagle.disable", "true" },
                                    { "reconnect.backoff.max.ms", "1000" },
                                    { "compression.type", "lz4" },
                                    { NULL, NULL },
                                },
                                wire, err);
    if (wire->producer == NULL)
        return false;
    for (int topic = 0; topic < TOPIC_COUNT; topic++) {
        snprintf(name, sizeof name, "%s.requests", topic_names[topic]);
        wire->topics[topic] = rd_kafka_topic_new(wire->producer, name, NULL);
    }
    wire->producer_events = kafka_queue_new(wire->base, rd_kafka_queue_get_main(wire->producer), KAFKA_QUEUE_PRIORITY,
                                            producer_arrived, wire);
    return true;
}

static bool open_reader(struct wire *wire, const struct wire_options *options, struct error *err)
{
    wire->reader = client_new(RD_KAFKA_CONSUMER,
                              (const char *const[][2]){
                                  { "bootstrap.servers", options->kafka },
                                  { "client.id", options->instance },
                                  { "enable.partition.eof", "true" },
                                  { "enable.auto.commit", "false" },
                                  { "auto.offset.reset", "latest" }, /* hints: what is gone is gone */
                                  { "fetch.wait.max.ms", "1000" },   /* a long poll; replies end it at once */
                                  { "fetch.min.bytes", "1" },
                                  { "fetch.error.backoff.ms", "50" },
                                  { "socket.nagle.disable", "true" },
                                  { "reconnect.backoff.max.ms", "1000" },
                                  { "allow.auto.create.topics", "false" },
                                  { NULL, NULL },
                              },
                              wire, err);
    if (wire->reader == NULL)
        return false;
    wire->replies = rd_kafka_topic_new(wire->reader, "gateway.replies", NULL);
    wire->replies_queue = rd_kafka_queue_new(wire->reader);
    if (rd_kafka_consume_start_queue(wire->replies, wire->reply_partition, RD_KAFKA_OFFSET_END, wire->replies_queue) !=
        0)
        return error_set(err, ERROR_INTERNAL, "gateway.replies cannot be read: %s",
                         rd_kafka_err2str(rd_kafka_last_error()));
    wire->reader_events = kafka_queue_new(wire->base, rd_kafka_queue_get_main(wire->reader), KAFKA_QUEUE_PRIORITY,
                                          reader_arrived, wire);
    wire->reply_events = kafka_queue_new(wire->base, wire->replies_queue, KAFKA_QUEUE_PRIORITY, replies_arrived, wire);
    return true;
}

struct wire *wire_new(struct event_base *base, const struct wire_options *options, const struct wire_hooks *hooks,
                      struct error *err)
{
    struct wire *wire = calloc(1, sizeof *wire);

    if (wire == NULL)
        abort();
    wire->base = base;
    wire->hooks = *hooks;
    wire->end = &wire->first;
    wire->gathered = evtimer_new(base, on_gathered, wire);
    if (wire->gathered == NULL)
        abort();
    wire->partitions = options->partitions;
    wire->reply_partition = partition_of(options->instance, options->partitions);
    if (open_producer(wire, options, err) && open_reader(wire, options, err))
        return wire;
    wire_free(wire);
    return NULL;
}

static void close_reader(struct wire *wire)
{
    if (wire->reader == NULL)
        return;
    if (wire->reply_events != NULL)
        rd_kafka_consume_stop(wire->replies, wire->reply_partition);
    kafka_queue_free(wire->reply_events); /* and replies_queue */
    kafka_queue_free(wire->reader_events);
    if (wire->replies != NULL)
        rd_kafka_topic_destroy(wire->replies);
    rd_kafka_destroy(wire->reader);
}

static void close_producer(struct wire *wire)
{
    if (wire->producer == NULL)
        return;
    hand_over(wire);
    /* What is not yet written answers nobody any more; the reports free what waits for them. */
    rd_kafka_purge(wire->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(wire->producer, 0);
    kafka_queue_free(wire->producer_events);
    for (int topic = 0; topic < TOPIC_COUNT; topic++)
        if (wire->topics[topic] != NULL)
            rd_kafka_topic_destroy(wire->topics[topic]);
    rd_kafka_destroy(wire->producer);
}

void wire_free(struct wire *wire)
{
    if (wire == NULL)
        return;
    close_reader(wire);
    close_producer(wire);
    event_free(wire->gathered);
    free(wire);
}

/* --- Use --- */

int wire_reply_partition(const struct wire *wire)
{
    return wire->reply_partition;
}

bool wire_send(struct wire *wire, const struct wire_message *message, struct error *err)
{
    const struct timeval wait = { .tv_usec = message->gather_ms * 1000 };

    if (message->size + strlen(message->key) > MESSAGE_SIZE_MAX - HEADER_SIZE)
        return error_set(err, ERROR_INPUT,
                         "the request cannot be written: it has %zu bytes, and at most %d are accepted", message->size,
                         MESSAGE_SIZE_MAX - HEADER_SIZE);
    hold(wire, message);
    if (!evtimer_pending(wire->gathered, NULL))
        evtimer_add(wire->gathered, &wait);
    return true;
}

const char *wire_missing(const struct wire *wire)
{
    if (wire->is_lost)
        return "Kafka does not answer";
    return wire->at_end ? NULL : "the replies are not read yet";
}
