/* kafka_queue.h - a queue of librdkafka on an event loop: whatever arrives in it calls a function from the loop. */
#ifndef TIDEGATE_GATEWAY_KAFKA_QUEUE_H
#define TIDEGATE_GATEWAY_KAFKA_QUEUE_H

#include <librdkafka/rdkafka.h>

struct event_base;
struct kafka_queue; /* opaque */

/* Takes over `queue`. `arrived` must take all that is there: it is not called again for what it leaves. It is called
 * once at first. Own: kafka_queue_free, before the client is destroyed and before `base` is freed. */
struct kafka_queue *kafka_queue_new(struct event_base *base, rd_kafka_queue_t *queue, void (*arrived)(void *context),
                                    void *context);
void kafka_queue_free(struct kafka_queue *queue);

#endif
