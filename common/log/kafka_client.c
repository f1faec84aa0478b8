#include "common/log/kafka_client.h"

#include <string.h>

#include "common/observe/log.h"

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

rd_kafka_conf_t *kafka_client_conf(const char *const pairs[][2], void *context, kafka_client_error *on_error,
                                   struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    for (size_t i = 0; pairs[i][0] != NULL; i++) {
        if (rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], why, sizeof why) != RD_KAFKA_CONF_OK) {
            error_set(err, ERROR_INPUT, "Kafka's client refuses %s=%s: %s", pairs[i][0], pairs[i][1], why);
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    }
    rd_kafka_conf_set_opaque(conf, context);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return conf;
}

rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err)
{
    char why[256];
    rd_kafka_t *handle = rd_kafka_new(type, conf, why, sizeof why);

    if (handle == NULL) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERROR_INPUT, "Kafka's client cannot be made: %s", why);
    }
    return handle;
}

void kafka_client_log_error(int code, const char *reason)
{
    log_warning("kafka_error", LOG_TEXT("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
                LOG_TEXT("reason", reason));
}
