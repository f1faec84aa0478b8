/* processor.h - runs a core over the partitions that the group gives us: exactly once, by position.
 *
 * For each partition, in batches: requests are decided, the records appended; when Kafka has acknowledged them at the
 * expected offsets, their messages are sent; when those are acknowledged, the rows are projected together with the
 * position; then the outcomes are told. Several batches may be on their way, each stage in order.
 * Whatever comes out otherwise (another offset, a position that is not ours) is a surprise: the partition is taken over
 * anew from what the log and the database hold. See docs/architecture.md, "Exactly once, by position".
 *
 * Does no I/O (port.h), reads no clock: times are given, in milliseconds since the epoch. */
#ifndef TIDEGATE_LOG_PROCESSOR_H
#define TIDEGATE_LOG_PROCESSOR_H

#include "common/log/port.h"

struct processor;

struct processor_options {
    const struct core *core;
    const void *settings; /* the core's */
    struct port port;
    int partitions;          /* of every topic */
    size_t record_bytes_max; /* a larger decision becomes a rejection; 0: 3 MiB */
    size_t backlog_max;      /* unprojected records of a partition before intake pauses; 0: 20,000 */
    size_t cache_max;        /* aggregates of a partition kept in memory though they are not live; 0: 10,000 */
    int reject_partition;    /* TIDEGATE_REJECT: reject this request without asking the core; */
    int64_t reject_offset;   /* -1: none */
};

struct processor_stats {
    uint64_t requests, records, events, messages, stored, seen_again, holes, voids, surprises, rejected;
};

struct processor *processor_new(const struct processor_options *options);

/* Frees everything; nothing may be under way any more (or the port will never answer again). */
void processor_free(struct processor *processor);

/* --- What the group says --- */
void processor_assign(struct processor *processor, int partition);
void processor_revoke(struct processor *processor, int partition);

/* --- Answers of the port --- */
void processor_delivered(struct processor *processor, struct flight *flight, bool delivered, int64_t offset);
void processor_record(struct processor *processor, int partition, int64_t offset, const char *bytes, size_t size);
void processor_end(struct processor *processor, int partition, int64_t end);
void processor_request(struct processor *processor, int partition, int64_t offset, int64_t append_ms, const char *bytes,
                       size_t size);
/* `restored` NULL: the database could not be asked; it is asked again when processor_database says so. */
void processor_loaded(struct processor *processor, int partition, const struct restored *restored);
void processor_stored(struct processor *processor, int partition, enum stored stored);
void processor_database(struct processor *processor); /* it can be used again after a loss */
void processor_woken(struct processor *processor, int partition, int64_t now_ms);
void processor_run(struct processor *processor, int64_t now_ms);  /* decides what is at hand */
void processor_tick(struct processor *processor, int64_t now_ms); /* about once a second */

/* What cannot go on by itself: a log that was truncated, a projection that the database refuses. The partition stays
 * closed and says why. */
void processor_broken(struct processor *processor, int partition, const char *why);

/* Stops taking requests; what is decided already is finished. */
void processor_drain(struct processor *processor);

/* --- What it says of itself --- */
bool processor_idle(const struct processor *processor);    /* nothing is under way */
bool processor_ready(const struct processor *processor);   /* every assigned partition is restored */
int processor_assigned(const struct processor *processor); /* how many partitions */
/* Why `partition` stays closed, or NULL. Borrowed until the next call of any function. */
const char *processor_blocked(const struct processor *processor, int partition);
const struct processor_stats *processor_stats(const struct processor *processor);

/* A message to a service's own requests topic without an origin: timers, driver reports. */
void processor_tell(struct processor *processor, int partition, const char *id, const char *type, const char *subject,
                    json_t *data /* (own) */);

#endif
