/* service_process.h - the inside of a running service. Private to service.c (life: settings, start, end) and
 * service_port.c (what the processor asks of Kafka, PostgreSQL and the world, and how they answer). */
#ifndef TIDEGATE_LOG_SERVICE_PROCESS_H
#define TIDEGATE_LOG_SERVICE_PROCESS_H

#include "common/http/health.h"
#include "common/http/server.h"
#include "common/log/kafka.h"
#include "common/log/processor.h"
#include "common/log/service.h"
#include "common/pg/store.h"

#include <event2/event.h>

enum { TRACE_ID_SIZE = 33 }; /* with the closing NUL */

struct slot { /* context of what concerns one partition */
    struct service_process *process;
    int partition;
    struct event *alarm;
    bool done;                    /* rebuild: folded to the end */
    char trace_id[TRACE_ID_SIZE]; /* of the last decision in the log */
};

struct service_process {
    const struct service *service;
    struct settings *settings;
    struct event_base *base;
    struct http_server *http;
    struct health *health;
    struct store *store;
    struct kafka *kafka;
    struct processor *processor;
    void *world;
    struct event *events[6], *run, *later, *drain; /* all; and three of them */
    struct slot *slots;
    int partitions, status;
    bool database, rebuild, draining, ended;
    int64_t drain_by_ms;
    char crash_point[32];
    int64_t crash_count;
    struct processor_stats told; /* what the metrics have already */
};

/* Ends the loop with this exit status. */
void service_leave(struct service_process *process, int status);

/* service_port.c: what the processor, Kafka and the store call. */
struct port service_port(struct service_process *process);
struct kafka_hooks service_kafka_hooks(struct service_process *process);
struct store_hooks service_store_hooks(struct service_process *process);
void service_alarm(evutil_socket_t fd, short what, void *slot); /* a partition's deadline has come */

#endif
