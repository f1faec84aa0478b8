#include "common/log/processor.h"

#include "common/log/partition.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES_MAX = 3 << 20, BACKLOG_MAX = 20000, CACHE_MAX = 10000 };

struct processor *processor_new(const struct processor_options *options)
{
    struct processor *processor = calloc(1, sizeof *processor);

    assert(options->partitions > 0 && options->partitions <= PARTITIONS_MAX);
    if (processor == NULL)
        abort();
    processor->options = *options;
    if (processor->options.record_bytes_max == 0)
        processor->options.record_bytes_max = RECORD_BYTES_MAX;
    if (processor->options.backlog_max == 0)
        processor->options.backlog_max = BACKLOG_MAX;
    if (processor->options.cache_max == 0)
        processor->options.cache_max = CACHE_MAX;
    processor->core = options->core;
    processor->topic = topic_number(options->core->topic);
    assert(processor->topic >= 0);
    processor->partitions = calloc((size_t)options->partitions, sizeof *processor->partitions);
    if (processor->partitions == NULL)
        abort();
    for (int i = 0; i < options->partitions; i++) {
        struct partition *partition = &processor->partitions[i];

        partition->processor = processor;
        partition->number = i;
        partition->tail_end = &partition->tail;
        partition->batches_end = &partition->batches;
        partition->cause_offset = partition->reject_offset = -1;
        partition->armed_ms = DEADLINE_NEVER;
    }
    return processor;
}

void processor_free(struct processor *processor)
{
    if (processor == NULL)
        return;
    for (int i = 0; i < processor->options.partitions; i++) {
        partition_close(&processor->partitions[i]);
        names_release(&processor->partitions[i].asked);
        free(processor->partitions[i].pending);
    }
    free(processor->partitions);
    free(processor);
}

static struct partition *partition_at(struct processor *processor, int number)
{
    assert(number >= 0 && number < processor->options.partitions);
    return &processor->partitions[number];
}

void processor_assign(struct processor *processor, int number)
{
    struct partition *partition = partition_at(processor, number);

    if (partition->assigned)
        return;
    partition->assigned = true;
    partition->phase = PHASE_SETTLING;
    partition_settled(partition);
}

void processor_revoke(struct processor *processor, int number)
{
    struct partition *partition = partition_at(processor, number);

    if (!partition->assigned)
        return;
    partition->assigned = false;
    partition_close(partition);
}

void processor_delivered(struct processor *processor, struct flight *flight, bool delivered, int64_t offset)
{
    struct partition *partition = flight->partition;
    struct batch *batch = flight->batch;
    int64_t expected = flight->expected;

    (void)processor;
    free(flight);
    partition->flights--;
    if (batch == NULL) {
        partition_settled(partition);
        return;
    }
    if (expected >= 0)
        batch->unacknowledged--;
    else
        batch->unsent--;
    if (batch->dead) {
        if (batch->unacknowledged == 0 && (!batch->acted || batch->unsent == 0))
            batch_free(batch);
        partition_settled(partition);
        return;
    }
    /* An append is ours only when it is acknowledged without error at the expected offset. */
    if (!delivered || (expected >= 0 && offset != expected)) {
        char what[128];

        snprintf(what, sizeof what, "an append came to offset %lld, expected was %lld", (long long)offset,
                 (long long)expected);
        partition_surprise(partition, delivered ? what : "a delivery failed");
        return;
    }
    if (expected < 0 && batch->unsent == 0)
        port_of(partition)->reached(port_of(partition)->context, "after-messages");
    if (batch->unacknowledged == 0 && (!batch->acted || batch->unsent == 0)) {
        partition_advance(partition);
        port_of(partition)->run(port_of(partition)->context);
    }
}

void processor_record(struct processor *processor, int number, int64_t offset, const char *bytes, size_t size)
{
    struct partition *partition = partition_at(processor, number);

    if (partition->phase != PHASE_READING || partition->tail_read)
        return;
    partition_tail_add(partition, offset, bytes, size);
    port_of(partition)->run(port_of(partition)->context);
}

void processor_end(struct processor *processor, int number, int64_t end)
{
    struct partition *partition = partition_at(processor, number);

    if (partition->phase != PHASE_READING)
        return;
    (void)end;
    partition->tail_read = true;
    port_of(partition)->run(port_of(partition)->context);
}

void processor_request(struct processor *processor, int number, int64_t offset, int64_t append_ms, const char *bytes,
                       size_t size)
{
    struct partition *partition = partition_at(processor, number);

    if (partition->phase == PHASE_CHECKING) {
        struct incoming incoming;

        incoming_decode(processor->core, bytes, size, &incoming, NULL);
        partition_check(partition, offset, incoming.request.id != NULL ? incoming.request.id : "");
        incoming_release(&incoming);
    } else if (partition->phase == PHASE_SERVING) {
        partition_pend(partition, offset, append_ms, bytes, size);
    }
    port_of(partition)->run(port_of(partition)->context);
}

void processor_loaded(struct processor *processor, int number, const struct restored *restored)
{
    partition_loaded(partition_at(processor, number), restored);
}

void processor_stored(struct processor *processor, int number, enum stored stored)
{
    partition_stored(partition_at(processor, number), stored);
}

void processor_database(struct processor *processor)
{
    for (int i = 0; i < processor->options.partitions; i++) {
        struct partition *partition = &processor->partitions[i];

        partition->database_lost = false;
        switch (partition->phase) {
        case PHASE_CLOSED:
        case PHASE_BLOCKED: break;
        case PHASE_SETTLING: partition_settled(partition); break;
        case PHASE_LOADING:
        case PHASE_READING:
        case PHASE_CHECKING:
        case PHASE_SERVING:
            if (!partition->loading && partition->phase != PHASE_LOADING)
                partition_look(partition); /* it may have been restored to an earlier day */
            break;
        }
    }
    processor->options.port.run(processor->options.port.context);
}

void processor_woken(struct processor *processor, int number, int64_t now_ms)
{
    struct partition *partition = partition_at(processor, number);
    const struct core *core = processor->core;
    struct deadline deadline;
    char id[128];

    partition->armed_ms = DEADLINE_NEVER;
    if (partition->phase != PHASE_SERVING || processor->draining)
        return;
    deadline = core->deadline(partition->state);
    if (deadline.at_ms <= now_ms &&
        (strcmp(deadline.id, partition->fired.id) != 0 || now_ms >= partition->fired_ms + DEADLINE_FLOOR_MS)) {
        snprintf(id, sizeof id, "wake/%s/%lld", deadline.id, (long long)now_ms);
        partition->fired = deadline;
        partition->fired_ms = now_ms;
        processor_tell(processor, number, id, core->request_types[core->wake], deadline.id,
                       json_pack("{s:I,s:s}", "at", (json_int_t)deadline.at_ms, "id", deadline.id));
    }
    partition_arm(partition);
}

void processor_tell(struct processor *processor, int number, const char *id, const char *type, const char *subject,
                    json_t *data)
{
    struct partition *partition = partition_at(processor, number);
    const struct port *port = port_of(partition);
    struct flight *flight = calloc(1, sizeof *flight);
    size_t size;
    char *bytes = outgoing_encode(
        &(struct outgoing){
            .id = id, .type = type, .subject = subject, .reply = -1, .origin = { .topic = -1 }, .data = data },
        &size);

    if (flight == NULL)
        abort();
    *flight = (struct flight){ .partition = partition, .expected = -1 };
    partition->flights++;
    port->send(port->context, processor->topic, number, bytes, size, flight);
    free(bytes);
    json_decref(data);
}

void processor_run(struct processor *processor, int64_t now_ms)
{
    processor->now_ms = now_ms;
    for (int i = 0; i < processor->options.partitions; i++) {
        struct partition *partition = &processor->partitions[i];

        if (partition->phase == PHASE_READING)
            partition_tail_run(partition);
        else if (partition->phase == PHASE_SERVING)
            partition_serve(partition);
        if (partition->phase == PHASE_SERVING)
            partition_close_group(partition);
    }
}

static void tick(struct partition *partition)
{
    const struct port *port = port_of(partition);
    int64_t now_ms = partition->processor->now_ms;

    if (partition->hole_since_ms > 0 && now_ms - partition->hole_since_ms > HOLE_ALARM_MS) {
        port->note(port->context, "messages_missing", partition->number,
                   "a message before one that came is missing for longer than a minute");
        partition->hole_since_ms = now_ms;
    }
    if (partition->phase != PHASE_SERVING || partition->batches != NULL || partition->loading ||
        partition->database_lost || now_ms - partition->looked_ms < LOOK_MS)
        return;
    partition->looked_ms = now_ms;
    partition_look(partition);
}

void processor_tick(struct processor *processor, int64_t now_ms)
{
    processor->now_ms = now_ms;
    for (int i = 0; i < processor->options.partitions; i++)
        tick(&processor->partitions[i]);
}

void processor_broken(struct processor *processor, int number, const char *why)
{
    struct partition *partition = partition_at(processor, number);

    partition->storing = false;
    if (partition->phase != PHASE_CLOSED)
        partition_block(partition, why);
}

void processor_drain(struct processor *processor)
{
    processor->draining = true;
}

bool processor_idle(const struct processor *processor)
{
    for (int i = 0; i < processor->options.partitions; i++) {
        const struct partition *partition = &processor->partitions[i];

        if (partition->flights > 0 || partition->storing || partition->batches != NULL)
            return false;
    }
    return true;
}

bool processor_ready(const struct processor *processor)
{
    for (int i = 0; i < processor->options.partitions; i++)
        if (processor->partitions[i].assigned && processor->partitions[i].phase != PHASE_SERVING)
            return false;
    return true;
}

int processor_assigned(const struct processor *processor)
{
    int count = 0;

    for (int i = 0; i < processor->options.partitions; i++)
        count += processor->partitions[i].assigned;
    return count;
}

const char *processor_blocked(const struct processor *processor, int number)
{
    const struct partition *partition = &processor->partitions[number];

    return partition->phase == PHASE_BLOCKED ? partition->blocked : NULL;
}

const struct processor_stats *processor_stats(const struct processor *processor)
{
    return &processor->stats;
}
