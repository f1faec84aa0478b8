/* producer.h - an idempotent producer on an event loop, in order and without losses.
 *
 * What it is given leaves at once, or gathers for a while behind what left before: messages fan out to all partitions,
 * a few to each, and librdkafka makes a request for each partition, so those that follow each other closely should
 * travel together. Order is kept for each partition. A full queue keeps what it cannot take. */
#ifndef TIDEGATE_LOG_PRODUCER_H
#define TIDEGATE_LOG_PRODUCER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"

struct event_base;
struct producer;

struct producer_options {
    const char *bootstrap;
    int gather_ms; /* what follows something else within this time travels with what comes then, at most: the fewer they
                      are, the shorter it is; 0: never */
    /* Once for each producer_send with an `opaque`, from the loop. */
    void (*delivered)(void *context, void *opaque, int64_t offset);
    void (*fatal)(void *context, const char *why); /* a delivery failed for good: the process must end */
    void *context;
};

struct producer *producer_new(struct event_base *base, const struct producer_options *options, struct error *err);

/* What was not delivered is forgotten. NULL is fine. */
void producer_free(struct producer *producer);

/* `<name>`; lives as long as the producer. */
rd_kafka_topic_t *producer_topic(struct producer *producer, const char *name);

/* One message; bytes are copied. Never calls `delivered` before it returns. */
void producer_send(struct producer *producer, rd_kafka_topic_t *topic, int partition, const char *bytes, size_t size,
                   void *opaque);

/* What gathers waits for no more than `within_ms` more; 0: goes now. */
void producer_hurry(struct producer *producer, int within_ms);

/* Does what gathers go sooner than it would? */
bool producer_hurries(const struct producer *producer);

#endif
