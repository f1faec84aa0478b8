#include "common/log/kafka.h"

#include "common/base/timestamp.h"
#include "common/log/kafka_client.h"
#include "common/log/kafka_queue.h"
#include "common/log/producer.h"
#include "common/log/record.h"
#include "common/observe/log.h"

#include <assert.h>
#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KIND_EVENTS,
    KIND_REQUESTS,
    KIND_COUNT,
    BATCH_MAX = 500, /* messages of one turn; then other events of the loop have theirs */
    TOPIC_NAME_SIZE = 64,
    GATHER_MS = 20,
    HURRY_MS = 15, /* what clients wait for goes when no record is on its way any more, or after this time */
    MEAN_UNIT = 16,
    GATHER_FROM = 4,  /* messages that come at a time */
    READ_MS_MAX = 20, /* for which what is read may gather */
    REJOINS_MAX = 5,  /* within the time below */
    REJOINS_WITHIN_MS = 60000,
};

struct consumer {
    rd_kafka_t *handle;
    struct kafka_queue *queue;
};

struct stream { /* what the reader reads of one partition of one topic */
    bool open;
    int64_t next; /* only this offset is taken: whatever else comes was asked for earlier */
};

struct kafka {
    struct kafka_options options;
    struct kafka_hooks hooks;
    struct event_base *base;
    struct producer *recorder, *messenger;
    struct consumer member, reader;
    rd_kafka_topic_t *events, *replies;      /* of the recorder */
    rd_kafka_topic_t *requests[TOPIC_COUNT]; /* of the messenger */
    int unacknowledged;                      /* records */
    struct event *read_timer;                /* pending: what comes now gathers */
    int taken;                               /* messages of a turn, their running mean, in 1/MEAN_UNIT */
    char names[KIND_COUNT][TOPIC_NAME_SIZE];
    struct stream streams[KIND_COUNT][PARTITIONS_MAX];
    int64_t commits[PARTITIONS_MAX]; /* to be committed; -1: nothing new */
    struct event *commit_timer, *poll_timer, *rejoin_timer;
    int rejoins; /* one after another */
    int64_t rejoined_ms;
    bool more; /* a turn took as much as it may */
    bool joined, down, committing, assigned[PARTITIONS_MAX];
};

/* --- Producing --- */

static void on_delivered(void *context, void *opaque, int64_t offset)
{
    struct kafka *kafka = context;

    kafka->down = false;
    kafka->hooks.delivered(kafka->hooks.context, opaque, true, offset);
}

static void on_recorded(void *context, void *opaque, int64_t offset)
{
    struct kafka *kafka = context;

    kafka->unacknowledged--;
    on_delivered(context, opaque, offset);
    if (kafka->unacknowledged == 0 && producer_hurries(kafka->messenger))
        producer_hurry(kafka->messenger, 0);
}

/* How long messages may gather, by how many of them come at a time. One after another: not at all, since a client may
 * wait for each. */
static int gather_ms(const struct kafka *kafka)
{
    int mean = kafka->taken / MEAN_UNIT - GATHER_FROM;

    return mean <= 0 ? 0 : mean < READ_MS_MAX ? mean : READ_MS_MAX;
}

static void on_fatal(void *context, const char *why)
{
    struct kafka *kafka = context;

    kafka->hooks.fatal(kafka->hooks.context, why);
}

void kafka_append(struct kafka *kafka, int partition, const char *bytes, size_t size, void *opaque)
{
    kafka->unacknowledged += opaque != NULL;
    producer_send(kafka->recorder, kafka->events, partition, bytes, size, opaque);
}

void kafka_send(struct kafka *kafka, int topic, int partition, const char *bytes, size_t size, void *opaque)
{
    producer_send(kafka->messenger, kafka->requests[topic], partition, bytes, size, opaque);
}

void kafka_hurry(struct kafka *kafka)
{
    int wait_ms = gather_ms(kafka);

    producer_hurry(kafka->messenger, kafka->unacknowledged == 0 ? 0 : wait_ms < HURRY_MS ? wait_ms : HURRY_MS);
}

void kafka_reply(struct kafka *kafka, int partition, const char *bytes, size_t size)
{
    producer_send(kafka->recorder, kafka->replies, partition, bytes, size, NULL);
}

/* Two producers: records go out at once, since a client waits for what they decide, and each batch of them is one
 * request anyway. Messages gather. */
static bool producers_open(struct kafka *kafka, struct error *err)
{
    struct producer_options options = {
        .bootstrap = kafka->options.bootstrap, .delivered = on_recorded, .fatal = on_fatal, .context = kafka
    };
    char name[TOPIC_NAME_SIZE];

    kafka->recorder = producer_new(kafka->base, &options, err);
    options.gather_ms = GATHER_MS;
    options.delivered = on_delivered;
    kafka->messenger = kafka->recorder == NULL ? NULL : producer_new(kafka->base, &options, err);
    if (kafka->messenger == NULL)
        return false;
    kafka->events = producer_topic(kafka->recorder, kafka->names[KIND_EVENTS]);
    kafka->replies = producer_topic(kafka->recorder, "gateway.replies");
    for (int i = 0; i < TOPIC_COUNT; i++) {
        snprintf(name, sizeof name, "%s.requests", topic_names[i]);
        kafka->requests[i] = producer_topic(kafka->messenger, name);
    }
    return true;
}

/* --- Consumers --- */

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct kafka *kafka = opaque;

    if (code == RD_KAFKA_RESP_ERR__FATAL && handle == kafka->member.handle)
        return; /* on_member sees it too, from where it can be mended */
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        kafka->hooks.fatal(kafka->hooks.context, reason);
        return;
    }
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && handle == kafka->member.handle)
        kafka->down = true;
    kafka_client_log_error(code, reason);
}

static bool consumer_open(struct kafka *kafka, struct consumer *consumer, rd_kafka_conf_t *conf, int priority,
                          void (*arrived)(void *context), struct error *err)
{
    consumer->handle = kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
    if (consumer->handle == NULL)
        return false;
    rd_kafka_poll_set_consumer(consumer->handle);
    consumer->queue = kafka_queue_new(kafka->base, rd_kafka_queue_get_consumer(consumer->handle), priority, arrived,
                                      kafka);
    return true;
}

static void consumer_close(struct consumer *consumer)
{
    kafka_queue_free(consumer->queue);
    if (consumer->handle != NULL) /* a static member does not leave its group: it comes back, or its session ends */
        rd_kafka_destroy_flags(consumer->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *consumer = (struct consumer){ 0 };
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
        kafka->assigned[partition] = assign;
        if (assign)
            kafka->hooks.assigned(kafka->hooks.context, partition);
        else
            kafka->hooks.revoked(kafka->hooks.context, partition);
    }
}

static void on_member(void *context)
{
    static const struct timeval soon = { 0 };
    struct kafka *kafka = context;
    rd_kafka_message_t *message;
    char why[256];

    while ((message = rd_kafka_consumer_poll(kafka->member.handle, 0)) != NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            log_warning("group_error", LOG_TEXT("reason", rd_kafka_message_errstr(message)));
        rd_kafka_message_destroy(message);
    }
    if (rd_kafka_fatal_error(kafka->member.handle, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR &&
        !evtimer_pending(kafka->rejoin_timer, NULL))
        evtimer_add(kafka->rejoin_timer, &soon); /* not from inside the client's own event */
}

/* A member that nobody polls for max.poll.interval.ms loses its partitions, also when there is nothing to poll. */
static void on_poll_timer(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;

    (void)fd;
    (void)what;
    kafka_queue_again(kafka->member.queue);
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
    char group[96], timeout[16];
    const char *const pairs[][2] = {
        { "bootstrap.servers", kafka->options.bootstrap },
        { "group.id", group },
        { "group.instance.id", kafka->options.instance },
        { "session.timeout.ms", timeout },
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
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_resp_err_t code;
    rd_kafka_conf_t *conf;

    snprintf(group, sizeof group, "tidegate-%s", kafka->options.service);
    snprintf(timeout, sizeof timeout, "%d", kafka->options.session_timeout_ms);
    conf = kafka_client_conf(pairs, kafka, on_error, err);
    if (conf == NULL)
        return false;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
    if (!consumer_open(kafka, &kafka->member, conf, KAFKA_QUEUE_PRIORITY, on_member, err))
        return false;
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, kafka->names[KIND_REQUESTS], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(kafka->member.handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERROR_UNAVAILABLE, "subscribe: %s", rd_kafka_err2str(code));
    return true;
}

/* A client that was fenced never works again. That happens after an outage of Kafka, when a commit that was on its way
 * comes with a membership that has ended; then a new client joins. It also happens when another process has our name:
 * then the two would fence each other for ever, so it may not happen often. */
static void on_rejoin(evutil_socket_t fd, short what, void *context)
{
    struct kafka *kafka = context;
    int64_t now_ms = clock_now_ms();
    struct error err = { 0 };
    char why[256] = "";

    (void)fd;
    (void)what;
    rd_kafka_fatal_error(kafka->member.handle, why, sizeof why);
    log_warning("group_joined_anew", LOG_TEXT("reason", why));
    kafka->rejoins = now_ms - kafka->rejoined_ms > REJOINS_WITHIN_MS ? 1 : kafka->rejoins + 1;
    kafka->rejoined_ms = now_ms;
    if (kafka->rejoins > REJOINS_MAX) {
        kafka->hooks.fatal(kafka->hooks.context, why);
        return;
    }
    for (int i = 0; i < kafka->options.partitions; i++) {
        if (kafka->assigned[i])
            kafka->hooks.revoked(kafka->hooks.context, i);
        kafka->assigned[i] = false;
    }
    consumer_close(&kafka->member);
    kafka->joined = kafka->committing = false;
    if (!member_open(kafka, &err))
        kafka->hooks.fatal(kafka->hooks.context, err.message);
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

static void take(struct kafka *kafka)
{
    rd_kafka_message_t *messages[BATCH_MAX];
    ssize_t count;

    count = rd_kafka_consume_batch_queue(kafka_queue_raw(kafka->reader.queue), 0, messages, BATCH_MAX);
    kafka->more = count == BATCH_MAX;
    if (count > 0)
        kafka->taken += ((int)count * MEAN_UNIT - kafka->taken) / 4;
    for (ssize_t i = 0; i < count; i++) {
        on_message(kafka, messages[i]);
        rd_kafka_message_destroy(messages[i]);
    }
    if (kafka->more) /* there may be more, of which nobody tells */
        kafka_queue_again(kafka->reader.queue);
}

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    take(context);
}

static void on_reader(void *context)
{
    struct kafka *kafka = context;
    struct timeval wait = { .tv_usec = gather_ms(kafka) * 1000 };

    if (wait.tv_usec == 0 || kafka->more)
        take(kafka);
    else if (!evtimer_pending(kafka->read_timer, NULL))
        evtimer_add(kafka->read_timer, &wait);
}

static bool reader_open(struct kafka *kafka, struct error *err)
{
    char group[96];
    const char *const pairs[][2] = {
        { "bootstrap.servers", kafka->options.bootstrap },
        { "group.id", group },
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
    rd_kafka_conf_t *conf;

    snprintf(group, sizeof group, "tidegate-%s-reader", kafka->options.service);
    conf = kafka_client_conf(pairs, kafka, on_error, err);
    return conf != NULL && consumer_open(kafka, &kafka->reader, conf, kafka->options.read_priority, on_reader, err);
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
    for (int i = 0; i < PARTITIONS_MAX; i++)
        kafka->commits[i] = -1;
    kafka->read_timer = evtimer_new(base, on_gathered, kafka);
    event_priority_set(kafka->read_timer, options->read_priority);
    if (options->member) {
        kafka->commit_timer = evtimer_new(base, on_commit, kafka);
        kafka->rejoin_timer = evtimer_new(base, on_rejoin, kafka);
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
    event_free(kafka->read_timer);
    if (kafka->commit_timer != NULL)
        event_free(kafka->commit_timer);
    if (kafka->poll_timer != NULL)
        event_free(kafka->poll_timer);
    if (kafka->rejoin_timer != NULL)
        event_free(kafka->rejoin_timer);
    producer_free(kafka->recorder);
    producer_free(kafka->messenger);
    consumer_close(&kafka->member);
    consumer_close(&kafka->reader);
    free(kafka);
}
