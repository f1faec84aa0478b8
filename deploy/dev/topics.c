/* tidegate-topics - makes the topics of Tidegate in a Kafka cluster, or checks those that are there.
 *
 * One process for all topics, because each run of Kafka's own tool costs the start of a JVM. Run again, it changes
 * nothing: the number of partitions is fixed at creation, and another one is an error, because keys would move.
 * Settings: TIDEGATE_KAFKA, TIDEGATE_PARTITIONS (12), TIDEGATE_REPLICATION (1; above it min.insync.replicas is 2). */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { PATIENCE_MS = 120 * 1000, PARTITIONS_MAX = 1024, REPLICATION_MAX = 9, MESSAGE_SIZE = 512 };

static const struct {
    const char *name;
    const char *retention_ms;
    bool append_time; /* requests are timed by Kafka, not by clients' clocks: `now` of a decision is not before that */
} topics[] = {
    { "instances.requests", "-1", true },      { "instances.events", "-1", false },
    { "orchestrations.requests", "-1", true }, { "orchestrations.events", "-1", false },
    { "schedules.requests", "-1", true },      { "schedules.events", "-1", false },
    { "runtimes.requests", "-1", true },       { "runtimes.events", "-1", false },
    { "gateway.replies", "3600000", false }, /* hints: nobody waits for one longer than an hour */
};
enum { TOPIC_COUNT = sizeof topics / sizeof topics[0] };

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The whole number that the variable `name` holds, or `standard` where it is not set. -1: said why not. */
static int setting(const char *name, int standard, int max)
{
    const char *text = getenv(name);
    char *end;
    long value;

    if (text == NULL || text[0] == '\0')
        return standard;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno == 0 && *end == '\0' && value >= 1 && value <= max)
        return (int)value;
    fprintf(stderr, "topics: %s=%s: expected a whole number from 1 to %d\n", name, text, max);
    return -1;
}

static rd_kafka_t *client_new(const char *servers)
{
    char why[MESSAGE_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *client = NULL;

    if (rd_kafka_conf_set(conf, "bootstrap.servers", servers, why, sizeof why) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "log_level", "2", why, sizeof why) != RD_KAFKA_CONF_OK ||
        (client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why)) == NULL) {
        fprintf(stderr, "topics: TIDEGATE_KAFKA=%s: %s\n", servers, why);
        rd_kafka_conf_destroy(conf);
    }
    return client;
}

static rd_kafka_NewTopic_t *topic_new(size_t index, int partitions, int replication)
{
    char why[MESSAGE_SIZE];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(topics[index].name, partitions, replication, why, sizeof why);

    if (topic == NULL) {
        fprintf(stderr, "topics: %s: %s\n", topics[index].name, why);
        return NULL;
    }
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    rd_kafka_NewTopic_set_config(topic, "retention.ms", topics[index].retention_ms);
    rd_kafka_NewTopic_set_config(topic, "retention.bytes", "-1");
    rd_kafka_NewTopic_set_config(topic, "max.message.bytes", "4194304");
    if (topics[index].append_time)
        rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime");
    if (replication > 1) {
        rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", "2");
        rd_kafka_NewTopic_set_config(topic, "unclean.leader.election.enable", "false");
    }
    return topic;
}

/* The answer for each topic; one that exists is as good as one that was made. */
static bool result_check(rd_kafka_event_t *event)
{
    const rd_kafka_topic_result_t **results;
    bool good = true;
    size_t count = 0;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "topics: %s\n", rd_kafka_event_error_string(event));
        return false;
    }
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        switch (rd_kafka_topic_result_error(results[i])) {
        case RD_KAFKA_RESP_ERR_NO_ERROR: printf("topics: made %s\n", rd_kafka_topic_result_name(results[i])); break;
        case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: break;
        default:
            fprintf(stderr, "topics: %s: %s\n", rd_kafka_topic_result_name(results[i]),
                    rd_kafka_topic_result_error_string(results[i]));
            good = false;
        }
    }
    return good;
}

static bool topics_create(rd_kafka_t *client, int partitions, int replication)
{
    char why[MESSAGE_SIZE];
    rd_kafka_NewTopic_t *wanted[TOPIC_COUNT] = { NULL };
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_event_t *event = NULL;
    bool good = true;

    for (size_t i = 0; i < TOPIC_COUNT && good; i++)
        good = (wanted[i] = topic_new(i, partitions, replication)) != NULL;
    rd_kafka_AdminOptions_set_request_timeout(options, PATIENCE_MS, why, sizeof why);
    if (good) {
        rd_kafka_CreateTopics(client, wanted, TOPIC_COUNT, options, queue);
        event = rd_kafka_queue_poll(queue, PATIENCE_MS + 1000);
        if (event == NULL)
            fprintf(stderr, "topics: Kafka did not answer within %d s\n", PATIENCE_MS / 1000);
        good = event != NULL && result_check(event);
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        if (wanted[i] != NULL)
            rd_kafka_NewTopic_destroy(wanted[i]);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return good;
}

enum verdict { READY, WAIT, WRONG };

static enum verdict topic_check(const rd_kafka_metadata_topic_t *topic, int partitions)
{
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return WAIT;
    if (topic->partition_cnt != partitions) {
        fprintf(stderr, "topics: %s has %d partitions, TIDEGATE_PARTITIONS says %d: the number is fixed at creation\n",
                topic->topic, topic->partition_cnt, partitions);
        return WRONG;
    }
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].leader < 0)
            return WAIT;
    return READY;
}

static enum verdict metadata_check(const rd_kafka_metadata_t *metadata, int partitions)
{
    enum verdict worst = READY;
    int found = 0;

    for (int i = 0; i < metadata->topic_cnt; i++) {
        for (size_t j = 0; j < TOPIC_COUNT; j++) {
            enum verdict verdict;

            if (strcmp(metadata->topics[i].topic, topics[j].name) != 0)
                continue;
            verdict = topic_check(&metadata->topics[i], partitions);
            found++;
            if (verdict == WRONG)
                return WRONG;
            if (verdict == WAIT)
                worst = WAIT;
        }
    }
    return found < TOPIC_COUNT ? WAIT : worst;
}

/* Waits until every partition has a leader, so that who starts next finds what it needs. */
static bool topics_wait(rd_kafka_t *client, int partitions)
{
    int64_t deadline_ms = monotonic_ms() + PATIENCE_MS;

    while (monotonic_ms() < deadline_ms) {
        const rd_kafka_metadata_t *metadata;
        enum verdict verdict = WAIT;

        if (rd_kafka_metadata(client, 1, NULL, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            verdict = metadata_check(metadata, partitions);
            rd_kafka_metadata_destroy(metadata);
        }
        if (verdict != WAIT)
            return verdict == READY;
        nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
    }
    fprintf(stderr, "topics: not every partition has a leader after %d s\n", PATIENCE_MS / 1000);
    return false;
}

int main(void)
{
    const char *servers = getenv("TIDEGATE_KAFKA");
    int partitions = setting("TIDEGATE_PARTITIONS", 12, PARTITIONS_MAX);
    int replication = setting("TIDEGATE_REPLICATION", 1, REPLICATION_MAX);
    rd_kafka_t *client;
    bool good;

    if (servers == NULL || servers[0] == '\0') {
        fprintf(stderr, "topics: TIDEGATE_KAFKA is not set: expected host:port[,host:port...]\n");
        return 2;
    }
    if (partitions < 0 || replication < 0 || (client = client_new(servers)) == NULL)
        return 2;
    good = topics_create(client, partitions, replication) && topics_wait(client, partitions);
    rd_kafka_destroy(client);
    return good ? 0 : 1;
}
