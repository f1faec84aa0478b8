/* kafka_queue.h - a queue of librdkafka on an event loop: whatever arrives in it calls a function from the loop. */
#ifndef TIDEGATE_LOG_KAFKA_QUEUE_H
#define TIDEGATE_LOG_KAFKA_QUEUE_H

#include <librdkafka/rdkafka.h>

struct event_base;
struct kafka_queue; /* opaque */

enum { KAFKA_QUEUE_PRIORITY = -1 }; /* that of the event loop's other events */

/* Takes over `queue`. `arrived` must take all that is there, or call kafka_queue_again: it is not called by itself for
 * what it leaves. It is called once at first. `priority`: of the event loop. Own: kafka_queue_free, before the client is
 * destroyed and before `base` is freed. */
struct kafka_queue *kafka_queue_new(struct event_base *base, rd_kafka_queue_t *queue, int priority,
                                    void (*arrived)(void *context), void *context);
void kafka_queue_free(struct kafka_queue *queue);

/* Calls `arrived` once more, from the loop. */
void kafka_queue_again(struct kafka_queue *queue);

/* The queue itself; it stays the kafka_queue's. */
rd_kafka_queue_t *kafka_queue_raw(const struct kafka_queue *queue);

#endif
