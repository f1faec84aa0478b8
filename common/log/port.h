/* port.h - all that the processor needs from the world: a log, a database, a driver, an alarm clock.
 *
 * The processor does no I/O. It calls these functions, none of which may block or call back at once; the answers come
 * through the functions of processor.h. Production puts librdkafka, libpq and libevent behind it (service.c); tests
 * and simulations put whatever they need to provoke. */
#ifndef TIDEGATE_LOG_PORT_H
#define TIDEGATE_LOG_PORT_H

#include "common/base/id.h"
#include "common/log/core.h"

/* Where a reader of events stands: the last record that it accepted. */
struct position {
    int64_t offset; /* -1: before the first */
    char hash[SHA256_HEX_SIZE];
};

/* Something on its way to Kafka. The port answers each with processor_delivered, exactly once. */
struct flight;

/* What is shown of a batch: the rows as JSON texts, an array for each table; NULL where a table has none. Whoever stores
 * them adds `partition` to each. */
struct projection {
    struct position from, to;
    int fold;
    char *seen, *sent; /* JSON */
    char *outcomes;    /* JSON array of {"request_id","status","body","time"}, or NULL */
    char **rows;       /* [table_count], each a JSON array or NULL */
};

/* What the database holds of a partition, in one snapshot. */
struct restored {
    struct position position;
    int fold;                  /* of the position; meaningless at offset -1 */
    const json_t *seen, *sent; /* objects; NULL at offset -1 */
    size_t count;
    const struct restored_row {
        int table;
        json_t *row;
    } * rows;
};

enum stored {
    STORED,         /* committed */
    STORED_MISSED,  /* the compare-and-set of the position raised: nothing was written */
    STORED_UNKNOWN, /* the connection was lost: committed or not */
};

struct port {
    void *context;

    /* Log. Bytes are copied. Appends to one partition, and sends to one partition, stay in order. */
    void (*append)(void *context, int partition, const char *bytes, size_t size, struct flight *flight);
    void (*send)(void *context, int topic, int partition, const char *bytes, size_t size, struct flight *flight);
    void (*hurry)(void *context); /* what was sent is not to gather: a client waits for what follows */
    void (*reply)(void *context, int partition, const char *bytes, size_t size); /* a hint: may be lost */
    /* Delivers the records of events from offset `from`: processor_record for each, then processor_end, once. */
    void (*read)(void *context, int partition, int64_t from);
    /* Delivers requests from offset `from` on: processor_request. -1: stop. */
    void (*take)(void *context, int partition, int64_t from);
    void (*hold)(void *context, int partition, bool held);      /* pauses what `read` or `take` delivers */
    void (*commit)(void *context, int partition, int64_t next); /* the group's offset, for lag metrics */

    /* Database. `load`: ids NULL: all that is live; else the rows of those aggregates; none: only the position.
     * Answered by processor_loaded. One load and one store a partition at a time. */
    void (*load)(void *context, int partition, const struct names *ids);
    void (*store)(void *context, int partition, const struct projection *projection);

    /* World. */
    void (*drive)(void *context, const struct call *call);
    void (*wake)(void *context, int partition, int64_t at_ms); /* processor_woken then; replaces the one before;
                                                                   DEADLINE_NEVER: not at all */
    void (*run)(void *context);                                /* call processor_run soon, after what is at hand */
    void (*later)(void *context, int64_t in_ms);               /* call processor_run in so many milliseconds */
    /* A record for `request` is on its way to `offset`; a line for the log. NULL: nobody wants to know. */
    void (*decided)(void *context, int partition, int64_t offset, const struct request *request,
                    const struct decision *decision);
    void (*note)(void *context, const char *what, int partition, const char *detail); /* a line for the log */
    void (*reached)(void *context, const char *crash_point); /* a place where tests let a process die */
};

#endif
