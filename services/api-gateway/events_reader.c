#include "services/api-gateway/events_reader.h"

#include <event2/event.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "common/log/kafka_client.h"
#include "common/log/kafka_queue.h"
#include "common/log/record.h"
#include "common/observe/log.h"

enum {
    TURN_MAX = 200, /* records of one turn of the loop; then its other events have theirs */
};

static const char topic_name[] = "orchestrations.events";

struct slot { /* one partition of one client */
    struct events_reader *reader;
    enum feed_reader which;
    int partition;
    struct kafka_queue *queue; /* NULL: never read yet */
    int64_t next;              /* only this offset is taken: whatever else comes was asked for earlier; -1: stopped */
};

struct events_reader {
    struct event_base *base;
    char *kafka, *instance;
    struct events_reader_hooks hooks;
    struct client {
        rd_kafka_t *handle; /* NULL: not needed yet */
        rd_kafka_topic_t *topic;
        struct kafka_queue *events;
    } clients[FEED_READERS];
    struct slot slots[FEED_READERS][PARTITIONS_MAX];
};

struct events_reader *events_reader_new(struct event_base *base, const char *kafka, const char *instance,
                                        const struct events_reader_hooks *hooks)
{
    struct events_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        abort();
    reader->base = base;
    reader->kafka = strdup(kafka);
    reader->instance = strdup(instance);
    reader->hooks = *hooks;
    if (reader->kafka == NULL || reader->instance == NULL)
        abort();
    for (int which = 0; which < FEED_READERS; which++)
        for (int i = 0; i < PARTITIONS_MAX; i++)
            reader->slots[which][i] = (struct slot){
                .reader = reader, .which = (enum feed_reader)which, .partition = i, .next = -1
            };
    return reader;
}

/* --- The clients --- */

/* From any thread of librdkafka. */
static void client_fails(rd_kafka_t *handle, int code, const char *reason, void *context)
{
    (void)handle;
    (void)context;
    kafka_client_log_error(code, reason);
}

static void client_arrived(void *context)
{
    const struct client *client = context;

    while (rd_kafka_poll(client->handle, 0) > 0)
        ;
}

/* An end of the log is told after a fetch that found nothing, so the client behind does not wait long for one. */
static bool client_open(struct events_reader *reader, enum feed_reader which, struct error *err)
{
    struct client *client = &reader->clients[which];
    rd_kafka_conf_t *conf;

    if (client->handle != NULL)
        return true;
    conf = kafka_client_conf((const char *const[][2]){ { "bootstrap.servers", reader->kafka },
                                                       { "client.id", reader->instance },
                                                       { "enable.partition.eof", "true" },
                                                       { "enable.auto.commit", "false" },
                                                       { "auto.offset.reset", "error" },
                                                       { "fetch.wait.max.ms", which == FEED_LIVE ? "1000" : "10" },
                                                       { "fetch.min.bytes", "1" },
                                                       { "fetch.error.backoff.ms", "50" },
                                                       { "queued.min.messages", "1000" },
                                                       { "queued.max.messages.kbytes", "4096" },
                                                       { "socket.nagle.disable", "true" },
                                                       { "reconnect.backoff.max.ms", "1000" },
                                                       { "allow.auto.create.topics", "false" },
                                                       { NULL, NULL } },
                             reader, client_fails, err);
    if (conf != NULL)
        client->handle = kafka_client_new(RD_KAFKA_CONSUMER, conf, err);
    if (client->handle == NULL)
        return false;
    client->topic = rd_kafka_topic_new(client->handle, topic_name, NULL);
    client->events = kafka_queue_new(reader->base, rd_kafka_queue_get_main(client->handle), KAFKA_QUEUE_PRIORITY,
                                     client_arrived, client);
    return true;
}

/* --- What arrives --- */

static void take_error(struct slot *slot, const rd_kafka_message_t *message)
{
    const struct events_reader_hooks *hooks = &slot->reader->hooks;

    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (message->offset == slot->next)
            hooks->end(hooks->context, slot->which, slot->partition, message->offset);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: hooks->broken(hooks->context, slot->which, slot->partition); break;
    default:
        log_warning("events_read_failed", LOG_INT("partition", slot->partition),
                    LOG_TEXT("error", rd_kafka_message_errstr(message)));
    }
}

static void take_message(struct slot *slot, const rd_kafka_message_t *message)
{
    const struct events_reader_hooks *hooks = &slot->reader->hooks;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_error(slot, message);
    } else if (message->offset == slot->next) {
        slot->next++;
        hooks->record(hooks->context, slot->which, slot->partition, message->offset, message->payload, message->len);
    }
}

static void slot_arrived(void *context)
{
    struct slot *slot = context;
    const struct events_reader_hooks *hooks = &slot->reader->hooks;

    for (int i = 0; i < TURN_MAX; i++) {
        rd_kafka_message_t *message;

        if (slot->next < 0 || !hooks->may_read(hooks->context, slot->which, slot->partition))
            return;
        message = rd_kafka_consume_queue(kafka_queue_raw(slot->queue), 0);
        if (message == NULL)
            return;
        take_message(slot, message);
        rd_kafka_message_destroy(message);
    }
    kafka_queue_again(slot->queue);
}

/* --- Use --- */

/* What was read ahead goes. */
static void slot_stop(struct slot *slot)
{
    rd_kafka_message_t *message;

    rd_kafka_consume_stop(slot->reader->clients[slot->which].topic, slot->partition);
    while ((message = rd_kafka_consume_queue(kafka_queue_raw(slot->queue), 0)) != NULL)
        rd_kafka_message_destroy(message);
    slot->next = -1;
}

bool events_reader_read(struct events_reader *reader, enum feed_reader which, int partition, int64_t offset,
                        struct error *err)
{
    struct slot *slot = &reader->slots[which][partition];

    if (slot->next == offset)
        return true;
    if (slot->next >= 0)
        slot_stop(slot);
    if (offset < 0)
        return true;
    if (!client_open(reader, which, err))
        return false;
    if (slot->queue == NULL)
        slot->queue = kafka_queue_new(reader->base, rd_kafka_queue_new(reader->clients[which].handle),
                                      KAFKA_QUEUE_PRIORITY, slot_arrived, slot);
    if (rd_kafka_consume_start_queue(reader->clients[which].topic, partition, offset, kafka_queue_raw(slot->queue)) !=
        0)
        return error_set(err, ERROR_UNAVAILABLE, "%s: partition %d cannot be read: %s", topic_name, partition,
                         rd_kafka_err2str(rd_kafka_last_error()));
    slot->next = offset;
    kafka_queue_again(slot->queue); /* a queue that was not empty announces nothing */
    return true;
}

void events_reader_again(struct events_reader *reader, enum feed_reader which, int partition)
{
    if (reader->slots[which][partition].queue != NULL)
        kafka_queue_again(reader->slots[which][partition].queue);
}

static void client_close(struct events_reader *reader, enum feed_reader which)
{
    struct client *client = &reader->clients[which];

    if (client->handle == NULL)
        return;
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        events_reader_read(reader, which, i, -1, NULL);
        kafka_queue_free(reader->slots[which][i].queue);
    }
    kafka_queue_free(client->events);
    rd_kafka_topic_destroy(client->topic);
    rd_kafka_destroy(client->handle);
}

void events_reader_free(struct events_reader *reader)
{
    if (reader == NULL)
        return;
    client_close(reader, FEED_LIVE);
    client_close(reader, FEED_BEHIND);
    free(reader->kafka);
    free(reader->instance);
    free(reader);
}
