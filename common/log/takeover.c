/* takeover.c - how a partition becomes ours, and becomes ours again after a surprise. */
#include "common/log/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_MAX = 4000, TAIL_LOW = 1000 };

static void forget(struct partition *partition)
{
    const struct core *core = partition->processor->core;
    struct cached *cached, *next;

    for (size_t i = 0; i < partition->count; i++)
        pending_release(&partition->pending[(partition->head + i) % partition->size]);
    partition->head = partition->count = 0;
    while (partition->tail != NULL) {
        struct tail_record *record = partition->tail;

        partition->tail = record->next;
        free(record->bytes);
        free(record);
    }
    partition->tail_end = &partition->tail;
    partition->tail_count = 0;
    partition->tail_read = partition->held = false;
    partition_drop_batches(partition);
    HASH_ITER(hh, partition->cached, cached, next) {
        HASH_DEL(partition->cached, cached);
        free(cached->id);
        free(cached);
    }
    names_release(&partition->absent);
    if (partition->state != NULL)
        core->state_free(partition->state);
    partition->state = NULL;
    free(partition->cause_id);
    partition->cause_id = NULL;
    partition->cause_offset = -1;
    partition->time_ms = 0;
    partition->fired = (struct deadline){ 0 };
    partition->armed_ms = DEADLINE_NEVER;
    partition->hole_since_ms = 0;
    partition->unsure = false;
}

/* Nothing more is to come in. */
static void stop(struct partition *partition)
{
    const struct port *port = port_of(partition);

    if (partition->held)
        port->hold(port->context, partition->number, false);
    port->take(port->context, partition->number, -1);
    port->wake(port->context, partition->number, DEADLINE_NEVER);
    if (partition->unsure)
        partition->storing = false; /* its answer came already: that nobody knows */
    forget(partition);
}

void partition_settled(struct partition *partition)
{
    const struct port *port = port_of(partition);

    if (partition->phase != PHASE_SETTLING || partition->flights > 0 || partition->storing || partition->loading ||
        partition->database_lost)
        return;
    partition->phase = PHASE_LOADING;
    partition->loading = true;
    partition->looking = false;
    port->load(port->context, partition->number, NULL);
}

void partition_surprise(struct partition *partition, const char *what)
{
    const struct port *port = port_of(partition);

    if (partition->phase == PHASE_CLOSED || partition->phase == PHASE_SETTLING)
        return;
    partition->processor->stats.surprises++;
    port->note(port->context, "partition_surprised", partition->number, what);
    stop(partition);
    partition->phase = PHASE_SETTLING;
    partition_settled(partition);
}

void partition_block(struct partition *partition, const char *why)
{
    const struct port *port = port_of(partition);

    stop(partition);
    partition->phase = PHASE_BLOCKED;
    snprintf(partition->blocked, sizeof partition->blocked, "%s", why);
    port->note(port->context, "partition_blocked", partition->number, why);
}

void partition_close(struct partition *partition)
{
    if (partition->phase != PHASE_CLOSED)
        stop(partition);
    partition->phase = PHASE_CLOSED;
}

void partition_restore(struct partition *partition, const struct restored *restored)
{
    const struct core *core = partition->processor->core;
    const struct port *port = port_of(partition);
    char why[ERROR_MESSAGE_SIZE];

    if (restored->position.offset >= 0 && restored->fold != core->fold_version) {
        snprintf(why, sizeof why,
                 "the read model was made by version %d of the fold, this program has %d: rebuild it (--rebuild)",
                 restored->fold, core->fold_version);
        partition_block(partition, why);
        return;
    }
    marks_clear(&partition->seen);
    marks_clear(&partition->sent);
    if (restored->position.offset >= 0 &&
        (!marks_read(restored->seen, &partition->seen) || !marks_read(restored->sent, &partition->sent))) {
        partition_block(partition, "the stored marks cannot be read: rebuild the read model");
        return;
    }
    partition->state = core->state_new(partition->processor->options.settings, partition->number);
    for (size_t i = 0; i < restored->count; i++)
        core->load(partition->state, restored->rows[i].table, restored->rows[i].row);
    partition->stored = partition->last = restored->position;
    partition->end = restored->position.offset + 1;
    partition->tail_first = restored->position.offset >= 0;
    partition->phase = PHASE_READING;
    port->read(port->context, partition->number, restored->position.offset >= 0 ? restored->position.offset : 0);
}

/* --- The tail --- */

void partition_tail_add(struct partition *partition, int64_t offset, const char *bytes, size_t size)
{
    const struct port *port = port_of(partition);
    struct tail_record *record = calloc(1, sizeof *record);

    if (record == NULL || (record->bytes = malloc(size + 1)) == NULL)
        abort();
    memcpy(record->bytes, bytes, size);
    record->size = size;
    record->offset = offset;
    *partition->tail_end = record;
    partition->tail_end = &record->next;
    if (++partition->tail_count > TAIL_MAX && !partition->held) {
        partition->held = true;
        port->hold(port->context, partition->number, true);
    }
}

static void tail_pop(struct partition *partition)
{
    const struct port *port = port_of(partition);
    struct tail_record *record = partition->tail;

    partition->tail = record->next;
    if (partition->tail == NULL)
        partition->tail_end = &partition->tail;
    if (--partition->tail_count < TAIL_LOW && partition->held) {
        partition->held = false;
        port->hold(port->context, partition->number, false);
    }
    free(record->bytes);
    free(record);
}

/* The record that the database was left at must be in the log, unchanged. */
static bool tail_begin(struct partition *partition)
{
    const struct tail_record *record = partition->tail;
    char hash[SHA256_HEX_SIZE];
    struct decoded decoded;
    struct error why = { 0 };
    bool known;

    sha256_hex(record->bytes, record->size, hash);
    known = record->offset == partition->stored.offset && strcmp(hash, partition->stored.hash) == 0;
    if (!known) {
        partition_block(partition, "the record at the stored position is not the one that was projected: the log was "
                                   "truncated or exchanged");
        return false;
    }
    if (!record_decode(partition->processor->core, record->bytes, record->size, &decoded, &why)) {
        decoded_release(&decoded);
        partition_block(partition, why.message);
        return false;
    }
    partition->cause_offset = decoded.record.cause_offset;
    free(partition->cause_id);
    partition->cause_id = strdup(decoded.record.cause_id);
    partition->time_ms = decoded.record.time_ms;
    decoded_release(&decoded);
    partition->tail_first = false;
    tail_pop(partition);
    return true;
}

/* What the next records of the tail need in memory. What cannot be decoded is judged when its turn comes. */
static void tail_needs(struct partition *partition, size_t limit, struct names *ids)
{
    const struct core *core = partition->processor->core;

    for (struct tail_record *record = partition->tail; record != NULL && limit > 0; record = record->next, limit--) {
        struct decoded decoded;

        if (record_decode(core, record->bytes, record->size, &decoded, NULL))
            for (size_t i = 0; i < decoded.count; i++)
                core->event_needs(&decoded.events[i], ids);
        decoded_release(&decoded);
    }
}

/* Is it the successor of the last one? Any other is void: a zombie's, or a repetition. */
static bool tail_accepts(const struct partition *partition, const struct decoded *decoded)
{
    return decoded->record.prev != NULL && strcmp(decoded->record.prev, partition->last.hash) == 0;
}

/* Folds the first record of the tail into `batch`. False: the partition was blocked. */
static bool tail_fold(struct partition *partition, struct batch *batch, struct changes *changes)
{
    const struct core *core = partition->processor->core;
    struct messages messages = { .partitions = partition->processor->options.partitions };
    const struct tail_record *record = partition->tail;
    struct position position = { .offset = record->offset };
    struct decoded decoded;
    struct error why = { 0 };
    struct names ids = { 0 };
    bool decodable = record_decode(core, record->bytes, record->size, &decoded, &why), matches = true;

    partition->end = record->offset + 1;
    if (!tail_accepts(partition, &decoded)) {
        partition->processor->stats.voids++;
        decoded_release(&decoded);
        tail_pop(partition);
        return true;
    }
    if (decodable) {
        sha256_hex(record->bytes, record->size, position.hash);
        for (size_t i = 0; i < decoded.count; i++) {
            decoded.events[i].offset = record->offset;
            core->event_needs(&decoded.events[i], &ids);
            fold_event(core, partition->state, &decoded.events[i], changes, &messages, NULL);
        }
        matches = record_matches(&decoded, &messages);
    }
    if (decodable && matches) {
        batch_touch(partition, batch, &ids);
        batch_add(partition, batch, &decoded.record, &position, &messages);
        tail_pop(partition);
    } else {
        char text[ERROR_MESSAGE_SIZE];

        snprintf(text, sizeof text, "record %lld: %.400s", (long long)position.offset,
                 decodable ? "its messages are not those that follow from its events: the code has changed without a "
                             "new event type"
                           : why.message);
        partition_block(partition, text);
    }
    names_release(&ids);
    messages_release(&messages);
    decoded_release(&decoded);
    return decodable && matches;
}

/* The tail is done: what runs goes on, and requests come in again. */
static void go_on(struct partition *partition)
{
    const struct core *core = partition->processor->core;
    const struct port *port = port_of(partition);
    struct calls calls = { 0 };

    if (core->resume != NULL)
        core->resume(partition->state, &calls);
    for (size_t i = 0; i < calls.count; i++)
        port->drive(port->context, &calls.items[i]);
    calls_release(&calls);
    partition->looked_ms = partition->processor->now_ms;
    partition->phase = partition->cause_offset >= 0 ? PHASE_CHECKING : PHASE_SERVING;
    port->take(port->context, partition->number, partition->cause_offset >= 0 ? partition->cause_offset : 0);
    if (partition->phase == PHASE_SERVING) {
        port->note(port->context, "partition_restored", partition->number, "");
        partition_arm(partition);
    }
}

void partition_tail_run(struct partition *partition)
{
    if (partition->tail != NULL && partition->tail_first && !tail_begin(partition))
        return;
    while (partition->tail != NULL && partition->backlog < partition->processor->options.backlog_max) {
        struct changes changes = { 0 };
        struct names ids = { 0 };
        struct batch *batch;
        bool here, fine = true;

        tail_needs(partition, BATCH_RECORDS_MAX, &ids);
        here = partition_has(partition, &ids);
        names_release(&ids);
        if (!here)
            return;
        batch = batch_new();
        for (int i = 0; i < BATCH_RECORDS_MAX && partition->tail != NULL && fine; i++)
            fine = tail_fold(partition, batch, &changes);
        if (fine && batch->records > 0) {
            batch_close(partition, batch, &changes);
            partition_advance(partition);
        } else {
            batch_free(batch);
        }
        changes_release(&changes);
        names_release(&partition->absent);
        if (!fine)
            return;
    }
    if (partition->tail_read && partition->tail == NULL && partition->batches == NULL) {
        if (partition->tail_first)
            partition_block(partition, "the log of events ends before the stored position: it was truncated");
        else
            go_on(partition);
    }
}

void partition_check(struct partition *partition, int64_t offset, const char *id)
{
    const struct port *port = port_of(partition);

    if (offset != partition->cause_offset || strcmp(id, partition->cause_id) != 0) {
        char why[ERROR_MESSAGE_SIZE];

        snprintf(why, sizeof why,
                 "the request at offset %lld is %.60s, but the last record decided %.60s at %lld: the "
                 "log of requests was truncated or exchanged",
                 (long long)offset, id, partition->cause_id, (long long)partition->cause_offset);
        partition_block(partition, why);
        return;
    }
    partition->phase = PHASE_SERVING;
    port->note(port->context, "partition_restored", partition->number, "");
    partition_arm(partition);
}
