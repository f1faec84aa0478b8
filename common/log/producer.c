#include "common/log/producer.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "common/log/kafka_client.h"
#include "common/log/kafka_queue.h"

enum {
    TOPICS_MAX = 8,
};

struct held { /* what waits for its turn, or for room in a full queue */
    struct held *next;
    rd_kafka_topic_t *topic;
    int partition;
    void *opaque;
    char *bytes;
    size_t size;
};

struct producer {
    struct producer_options options;
    rd_kafka_t *handle;
    struct kafka_queue *queue;
    rd_kafka_topic_t *topics[TOPICS_MAX];
    size_t topic_count;
    struct held *first, **end;
    int handed;                 /* messages given to librdkafka since the last look, at most `gather_ms` */
    struct event *gather_timer; /* pending: what comes now gathers; NULL: nothing ever does */
    bool hurried;               /* what gathers now goes sooner than it would */
};

static void hold(struct producer *producer, rd_kafka_topic_t *topic, int partition, const char *bytes, size_t size,
                 void *opaque)
{
    struct held *held = malloc(sizeof *held);
    char *copy = malloc(size + 1);

    if (held == NULL || copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    *held = (struct held){ .topic = topic, .partition = partition, .opaque = opaque, .bytes = copy, .size = size };
    *producer->end = held;
    producer->end = &held->next;
}

/* Gives librdkafka what it takes; the rest waits until deliveries make room. */
static void hand_over(struct producer *producer)
{
    producer->hurried = false;
    while (producer->first != NULL) {
        struct held *held = producer->first;

        if (rd_kafka_produce(held->topic, held->partition, RD_KAFKA_MSG_F_FREE, held->bytes, held->size, NULL, 0,
                             held->opaque) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
                producer->options.fatal(producer->options.context, rd_kafka_err2str(rd_kafka_last_error()));
            return;
        }
        producer->first = held->next;
        producer->handed += producer->handed < producer->options.gather_ms;
        if (producer->first == NULL)
            producer->end = &producer->first;
        free(held);
    }
}

/* The next ones gather for as many milliseconds as there were messages just now. With fewer than one a millisecond this
 * gets shorter each time, until the few that there are go almost at once; with more it soon reaches its most. */
static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    struct producer *producer = context;
    struct timeval gather = { 0 };
    int wait_ms;

    (void)fd;
    (void)what;
    if (producer->first == NULL) {
        producer->handed = 0;
        return; /* a quiet time: the next one goes at once */
    }
    hand_over(producer);
    wait_ms = producer->first == NULL ? producer->handed : producer->options.gather_ms; /* not empty: a full queue */
    gather.tv_usec = wait_ms * 1000;
    producer->handed = 0;
    evtimer_add(producer->gather_timer, &gather);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;

    (void)handle;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        producer->options.fatal(producer->options.context, rd_kafka_err2str(message->err));
    else if (message->_private != NULL)
        producer->options.delivered(producer->options.context, message->_private, message->offset);
}

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct producer *producer = opaque;

    (void)handle;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        producer->options.fatal(producer->options.context, reason);
    else
        kafka_client_log_error(code, reason);
}

static void on_queue(void *context)
{
    struct producer *producer = context;

    rd_kafka_poll(producer->handle, 0);
    if (producer->gather_timer == NULL || !evtimer_pending(producer->gather_timer, NULL))
        hand_over(producer);
}

struct producer *producer_new(struct event_base *base, const struct producer_options *options, struct error *err)
{
    struct producer *producer = calloc(1, sizeof *producer);
    const char *const pairs[][2] = {
        { "bootstrap.servers", options->bootstrap },
        { "enable.idempotence", "true" },
        { "acks", "all" },
        { "enable.gapless.guarantee", "true" },
        { "message.timeout.ms", "0" },
        { "linger.ms", options->gather_ms > 0 ? "1" : "0" }, /* until all that was gathered is handed over */
        { "compression.codec", "lz4" },
        { "message.max.bytes", "4194304" },
        { "queue.buffering.max.messages", "200000" },
        { "queue.buffering.max.kbytes", "262144" },
        { "socket.nagle.disable", "true" },
        { "reconnect.backoff.max.ms", "1000" },
        { "retry.backoff.ms", "50" },
        { NULL, NULL },
    };
    rd_kafka_conf_t *conf = kafka_client_conf(pairs, producer, on_error, err);

    if (producer == NULL)
        abort();
    producer->options = *options;
    producer->end = &producer->first;
    if (conf != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        producer->handle = kafka_client_new(RD_KAFKA_PRODUCER, conf, err);
    }
    if (producer->handle == NULL) {
        free(producer);
        return NULL;
    }
    producer->queue = kafka_queue_new(base, rd_kafka_queue_get_main(producer->handle), KAFKA_QUEUE_PRIORITY, on_queue,
                                      producer);
    if (options->gather_ms > 0)
        producer->gather_timer = evtimer_new(base, on_gathered, producer);
    return producer;
}

void producer_free(struct producer *producer)
{
    if (producer == NULL)
        return;
    if (producer->gather_timer != NULL)
        event_free(producer->gather_timer);
    kafka_queue_free(producer->queue);
    for (size_t i = 0; i < producer->topic_count; i++)
        rd_kafka_topic_destroy(producer->topics[i]);
    while (producer->first != NULL) {
        struct held *held = producer->first;

        producer->first = held->next;
        free(held->bytes);
        free(held);
    }
    rd_kafka_destroy(producer->handle);
    free(producer);
}

rd_kafka_topic_t *producer_topic(struct producer *producer, const char *name)
{
    if (producer->topic_count == TOPICS_MAX)
        abort(); /* a service has a handful */
    return producer->topics[producer->topic_count++] = rd_kafka_topic_new(producer->handle, name, NULL);
}

/* The first one after a quiet time goes with what follows in this turn of the loop; later ones gather. */
void producer_send(struct producer *producer, rd_kafka_topic_t *topic, int partition, const char *bytes, size_t size,
                   void *opaque)
{
    static const struct timeval now = { 0 };

    hold(producer, topic, partition, bytes, size, opaque);
    if (producer->gather_timer == NULL)
        hand_over(producer);
    else if (!evtimer_pending(producer->gather_timer, NULL))
        evtimer_add(producer->gather_timer, &now);
}

void producer_hurry(struct producer *producer, int within_ms)
{
    struct timeval wait = { .tv_usec = within_ms * 1000 };

    if (producer->first == NULL || producer->gather_timer == NULL)
        return;
    if (within_ms == 0) {
        hand_over(producer);
    } else if (!producer->hurried) {
        producer->hurried = true;
        evtimer_add(producer->gather_timer, &wait);
    }
}

bool producer_hurries(const struct producer *producer)
{
    return producer->hurried;
}
