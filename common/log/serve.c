/* serve.c - requests become records: what a partition does all day. */
#include "common/log/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pending_release(struct pending *pending)
{
    free(pending->bytes);
    incoming_release(&pending->incoming);
    *pending = (struct pending){ 0 };
}

static void pending_decode(const struct core *core, struct pending *pending)
{
    if (pending->bytes == NULL)
        return;
    pending->decodable = incoming_decode(core, pending->bytes, pending->size, &pending->incoming, &pending->why);
    free(pending->bytes);
    pending->bytes = NULL;
}

void partition_pend(struct partition *partition, int64_t offset, int64_t append_ms, const char *bytes, size_t size)
{
    const struct port *port = port_of(partition);
    struct pending *pending;

    if (partition->count == partition->size) {
        size_t grown = partition->size == 0 ? 64 : partition->size * 2;
        struct pending *items = calloc(grown, sizeof *items);

        if (items == NULL)
            abort();
        for (size_t i = 0; i < partition->count; i++)
            items[i] = partition->pending[(partition->head + i) % partition->size];
        free(partition->pending);
        partition->pending = items;
        partition->size = grown;
        partition->head = 0;
    }
    pending = &partition->pending[(partition->head + partition->count++) % partition->size];
    *pending = (struct pending){ .offset = offset, .append_ms = append_ms, .bytes = malloc(size + 1), .size = size };
    if (pending->bytes == NULL)
        abort();
    if (size > 0)
        memcpy(pending->bytes, bytes, size);
    partition->processor->stats.requests++;
    if (partition->count > PENDING_MAX && !partition->held) {
        partition->held = true;
        port->hold(port->context, partition->number, true);
    }
}

static void pop(struct partition *partition)
{
    const struct port *port = port_of(partition);

    pending_release(&partition->pending[partition->head]);
    partition->head = (partition->head + 1) % partition->size;
    if (--partition->count < PENDING_LOW && partition->held) {
        partition->held = false;
        port->hold(port->context, partition->number, false);
    }
}

/* --- Loading --- */

bool partition_has(struct partition *partition, const struct names *ids)
{
    const struct core *core = partition->processor->core;
    const struct port *port = port_of(partition);

    if (partition->loading)
        return false;
    names_release(&partition->asked);
    for (size_t i = 0; i < ids->count; i++)
        if (!core->holds(partition->state, ids->items[i]) && !names_has(&partition->absent, ids->items[i]))
            names_add(&partition->asked, ids->items[i]);
    if (partition->asked.count == 0)
        return true;
    if (partition->database_lost)
        return false;
    partition->loading = true;
    partition->looking = false;
    port->load(port->context, partition->number, &partition->asked);
    return false;
}

void partition_look(struct partition *partition)
{
    static const struct names none = { 0 };
    const struct port *port = port_of(partition);

    partition->loading = partition->looking = true;
    port->load(port->context, partition->number, &none);
}

static bool same(const struct position *a, const struct position *b)
{
    return a->offset == b->offset && strcmp(a->hash, b->hash) == 0;
}

/* The connection was lost while a projection was under way: the position says what became of it. */
static void resolve(struct partition *partition, const struct position *position)
{
    partition->unsure = false;
    partition->storing = false;
    if (same(position, &partition->storing_to))
        partition_stored(partition, STORED);
    else if (same(position, &partition->stored))
        partition_advance(partition);
    else
        partition_surprise(partition, "the stored position is not ours");
}

void partition_loaded(struct partition *partition, const struct restored *restored)
{
    const struct core *core = partition->processor->core;
    const struct port *port = port_of(partition);

    partition->loading = false;
    if (restored == NULL) {
        partition->database_lost = true;
        if (partition->phase == PHASE_LOADING)
            partition->phase = PHASE_SETTLING; /* asks again when the database is back */
        return;
    }
    switch (partition->phase) {
    case PHASE_CLOSED:
    case PHASE_BLOCKED: break;
    case PHASE_SETTLING: partition_settled(partition); break;
    case PHASE_LOADING: partition_restore(partition, restored); break;
    case PHASE_READING:
    case PHASE_CHECKING:
    case PHASE_SERVING:
        if (partition->unsure) {
            resolve(partition, &restored->position);
        } else if (!same(&restored->position, &partition->stored)) {
            partition_surprise(partition, "the stored position is not ours");
        } else if (partition->looking) {
            partition_advance(partition);
        } else {
            for (size_t i = 0; i < restored->count; i++)
                core->load(partition->state, restored->rows[i].table, restored->rows[i].row);
            for (size_t i = 0; i < partition->asked.count; i++)
                if (!core->holds(partition->state, partition->asked.items[i]))
                    names_add(&partition->absent, partition->asked.items[i]);
        }
        break;
    }
    port->run(port->context);
}

/* --- Deciding --- */

/* A receiver takes only the successor of the message that it took last from that partition. */
static bool takes(struct partition *partition, const struct incoming *incoming)
{
    const struct processor *processor = partition->processor;
    const struct origin *origin = &incoming->origin;
    const struct mark *mark;

    if (origin->topic < 0)
        return true;
    mark = &partition->seen.at[origin->topic][origin->partition];
    if (origin->offset < mark->offset || (origin->offset == mark->offset && origin->index <= mark->index)) {
        partition->processor->stats.seen_again++;
        return false;
    }
    if (incoming->after.offset == mark->offset && (mark->offset < 0 || incoming->after.index == mark->index)) {
        partition->hole_since_ms = 0;
        return true;
    }
    partition->processor->stats.holes++;
    if (partition->hole_since_ms == 0)
        partition->hole_since_ms = processor->now_ms;
    return false;
}

static void reject(const struct partition *partition, const struct pending *pending, const char *reason,
                   struct decision *decision)
{
    const struct request *request = &pending->incoming.request;

    decision_event(decision, partition->processor->core->rejected,
                   request->subject != NULL && request->subject[0] != '\0' ? request->subject : "unknown",
                   json_pack("{s:s%}", "reason", reason, strnlen(reason, ERROR_MESSAGE_SIZE)));
    if (request->asked != NULL)
        decision_outcome(decision, 500, json_pack("{s:s%}", "error", reason, strnlen(reason, ERROR_MESSAGE_SIZE)));
}

/* Why the request is rejected without asking the core, or NULL. */
static const char *refusal(const struct partition *partition, const struct pending *pending)
{
    const struct processor_options *options = &partition->processor->options;

    if (!pending->decodable)
        return pending->why.message;
    if (pending->offset == partition->reject_offset)
        return "the decision would be larger than a record may be";
    if (pending->offset == options->reject_offset && partition->number == options->reject_partition)
        return "rejected by an operator (TIDEGATE_REJECT)";
    return NULL;
}

static void append(struct partition *partition, struct batch *batch, const char *bytes, size_t size, int64_t offset)
{
    const struct port *port = port_of(partition);
    struct flight *flight = calloc(1, sizeof *flight);

    if (flight == NULL)
        abort();
    *flight = (struct flight){ .partition = partition, .batch = batch, .expected = offset };
    partition->flights++;
    batch->unacknowledged++;
    port->append(port->context, partition->number, bytes, size, flight);
}

struct round {
    struct batch *batch;
    struct changes changes;
    struct messages messages; /* of one request */
    struct decision decision;
    bool too_large;
};

static void record_decision(struct partition *partition, struct round *round, const struct pending *pending,
                            int64_t now_ms)
{
    const struct port *port = port_of(partition);
    const struct request *request = &pending->incoming.request;
    struct position position = { .offset = partition->end };
    struct record record = { .cause_offset = pending->offset,
                             .cause_id = request->id,
                             .origin = pending->incoming.origin,
                             .prev = partition->last.hash,
                             .time_ms = now_ms,
                             .traceparent = request->traceparent,
                             .asked = request->asked,
                             .reply = request->reply_partition,
                             .status = round->decision.status,
                             .body = round->decision.body };
    size_t size;
    char *bytes = record_encode(partition->processor->core, partition->number, &record, &round->decision,
                                &round->messages, &size);

    if (size > partition->processor->options.record_bytes_max) {
        round->too_large = true;
    } else {
        append(partition, round->batch, bytes, size, position.offset);
        if (port->decided != NULL)
            port->decided(port->context, partition->number, position.offset, request, &round->decision);
        sha256_hex(bytes, size, position.hash);
        batch_add(partition, round->batch, &record, &position, &round->messages);
        partition->processor->stats.events += round->decision.count;
    }
    free(bytes);
}

/* What the decision concerns stays in memory until it is projected; at once, if somebody waits for it. */
static void touch(struct partition *partition, struct round *round, struct names *ids)
{
    const struct core *core = partition->processor->core;

    for (size_t i = 0; i < round->decision.count; i++) {
        const struct decided_event *decided = &round->decision.events[i];
        struct event event = { .type = decided->type, .subject = decided->subject, .data = decided->data };

        core->event_needs(&event, ids);
        round->batch->awaited |= core->awaited != NULL && core->awaited(&event);
    }
    batch_touch(partition, round->batch, ids);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What time it is, not when the request was written: it may have waited for hours until somebody was here, and what may
 * start within a window must not start after it. Kafka's clock counts where it is ahead; time never goes back. */
static int64_t now_of(const struct partition *partition, const struct pending *pending)
{
    return later(later(pending->append_ms, partition->processor->now_ms), partition->time_ms);
}

static void decide(struct partition *partition, struct round *round, struct pending *pending)
{
    const struct core *core = partition->processor->core;
    const struct request *request = &pending->incoming.request;
    struct fold_at at = { .time_ms = now_of(partition, pending),
                          .offset = partition->end,
                          .traceparent = request->traceparent };
    const char *why = refusal(partition, pending);
    struct names ids = { 0 };

    if (!takes(partition, &pending->incoming))
        return;
    if (why != NULL) {
        partition->processor->stats.rejected++;
        reject(partition, pending, why, &round->decision);
        fold_apply(core, partition->state, at, &round->decision, 0, &round->changes, &round->messages,
                   &round->batch->calls);
    } else {
        core->needs(request, &ids);
        fold_decide(core, partition->state, request, at, &round->decision, &round->changes, &round->messages,
                    &round->batch->calls);
    }
    /* What has no origin and decides nothing leaves no record. */
    if (round->decision.count > 0 || round->decision.status != 0 || pending->incoming.origin.topic >= 0) {
        touch(partition, round, &ids);
        record_decision(partition, round, pending, at.time_ms);
    }
    names_release(&ids);
    decision_release(&round->decision);
    messages_release(&round->messages);
}

/* How many of the first pending requests can be decided now, after what they need was asked for. 0: wait. */
static size_t decidable(struct partition *partition)
{
    const struct core *core = partition->processor->core;
    size_t count = 0, bytes = 0;
    struct names ids = { 0 };
    bool here;

    while (count < partition->count && count < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX) {
        struct pending *pending = &partition->pending[(partition->head + count++) % partition->size];

        pending_decode(core, pending);
        bytes += pending->size;
        if (pending->decodable)
            core->needs(&pending->incoming.request, &ids);
    }
    here = count > 0 && partition_has(partition, &ids);
    names_release(&ids);
    return here ? count : 0;
}

static void decide_batch(struct partition *partition, size_t count)
{
    struct round round = { .batch = batch_new(),
                           .messages = { .partitions = partition->processor->options.partitions } };

    for (size_t i = 0; i < count && !round.too_large; i++) {
        int64_t offset = partition->pending[partition->head].offset;

        decide(partition, &round, &partition->pending[partition->head]);
        if (round.too_large)
            partition->reject_offset = offset;
        else
            pop(partition);
    }
    if (round.batch->records > 0)
        batch_close(partition, round.batch, &round.changes);
    else
        batch_free(round.batch);
    changes_release(&round.changes);
    names_release(&partition->absent);
    if (round.too_large) /* the state has it already: back to what the log says, and reject it there */
        partition_surprise(partition, "a decision is larger than a record may be");
    else
        partition_advance(partition);
}

/* While a batch is on its way requests gather for the next one: larger batches are fewer requests and transactions.
 * Nobody waits longer for it, since the batch on its way goes first anyway. */
static bool may_decide(const struct partition *partition)
{
    const struct processor *processor = partition->processor;

    return partition->phase == PHASE_SERVING && !processor->draining && partition->count > 0 &&
           partition->backlog < processor->options.backlog_max &&
           (!partition_busy(partition) || partition->count >= BATCH_RECORDS_MAX);
}

void partition_serve(struct partition *partition)
{
    size_t count;

    while (may_decide(partition) && (count = decidable(partition)) > 0)
        decide_batch(partition, count);
    if (partition->phase == PHASE_SERVING)
        partition_arm(partition);
}

void partition_arm(struct partition *partition)
{
    const struct core *core = partition->processor->core;
    const struct port *port = port_of(partition);
    struct deadline deadline;
    int64_t at_ms;

    if (core->deadline == NULL || partition->processor->draining)
        return;
    deadline = core->deadline(partition->state);
    at_ms = deadline.at_ms;
    if (at_ms != DEADLINE_NEVER && strcmp(deadline.id, partition->fired.id) == 0 &&
        at_ms < partition->fired_ms + DEADLINE_FLOOR_MS)
        at_ms = partition->fired_ms + DEADLINE_FLOOR_MS;
    if (at_ms == partition->armed_ms)
        return;
    partition->armed_ms = at_ms;
    port->wake(port->context, partition->number, at_ms);
}
