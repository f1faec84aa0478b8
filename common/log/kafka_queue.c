#include "common/log/kafka_queue.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct kafka_queue {
    rd_kafka_queue_t *queue;
    struct event *event;
    int fd;
    void (*arrived)(void *context);
    void *context;
};

static void fd_readable(evutil_socket_t fd, short what, void *context)
{
    struct kafka_queue *queue = context;
    uint64_t count;

    (void)what;
    /* Emptied before the queue is, so that what arrives in between is announced anew. */
    if (read(fd, &count, sizeof count) < 0)
        count = 0; /* EAGAIN at the first call: nothing was announced */
    queue->arrived(queue->context);
}

struct kafka_queue *kafka_queue_new(struct event_base *base, rd_kafka_queue_t *queue, int priority,
                                    void (*arrived)(void *context), void *context)
{
    static const uint64_t one = 1; /* what an eventfd is written; librdkafka copies it */
    struct kafka_queue *made = calloc(1, sizeof *made);

    if (made == NULL)
        abort();
    made->queue = queue;
    made->arrived = arrived;
    made->context = context;
    made->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made->fd < 0)
        abort(); /* no file descriptors at the start: nothing would work */
    made->event = event_new(base, made->fd, EV_READ | EV_PERSIST, fd_readable, made);
    if (made->event != NULL && priority != KAFKA_QUEUE_PRIORITY)
        event_priority_set(made->event, priority);
    if (made->event == NULL || event_add(made->event, NULL) != 0)
        abort();
    rd_kafka_queue_io_event_enable(queue, made->fd, &one, sizeof one);
    event_active(made->event, EV_READ, 0);
    return made;
}

void kafka_queue_free(struct kafka_queue *queue)
{
    if (queue == NULL)
        return;
    rd_kafka_queue_io_event_enable(queue->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue->queue);
    event_free(queue->event);
    close(queue->fd);
    free(queue);
}

void kafka_queue_again(struct kafka_queue *queue)
{
    event_active(queue->event, EV_READ, 0);
}

rd_kafka_queue_t *kafka_queue_raw(const struct kafka_queue *queue)
{
    return queue->queue;
}
