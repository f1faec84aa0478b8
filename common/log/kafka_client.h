/* kafka_client.h - what the clients of librdkafka in a service have in common: settings, log lines. */
#ifndef TIDEGATE_LOG_KAFKA_CLIENT_H
#define TIDEGATE_LOG_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "common/base/error.h"

typedef void kafka_client_error(rd_kafka_t *handle, int code, const char *reason, void *context);

/* A configuration of name and value pairs, closed by NULL, with our log; callbacks get `context`. NULL: `err` says which
 * value is refused. Own, until kafka_client_new. */
rd_kafka_conf_t *kafka_client_conf(const char *const pairs[][2], void *context, kafka_client_error *on_error,
                                   struct error *err);

/* Takes `conf` over. NULL: `err` says why. */
rd_kafka_t *kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err);

/* A line for an error that passes by itself. */
void kafka_client_log_error(int code, const char *reason);

#endif
