/* batch.c - what follows from appended records, in order: messages and driver calls, projection, outcomes. */
#include "common/base/text.h"
#include "common/base/timestamp.h"
#include "common/log/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch *batch_new(void)
{
    struct batch *batch = calloc(1, sizeof *batch);

    if (batch == NULL)
        abort();
    return batch;
}

static void *grown(void *items, size_t count, size_t *size, size_t item_size)
{
    if (count < *size)
        return items;
    *size = *size == 0 ? 16 : *size * 2;
    items = realloc(items, *size * item_size);
    if (items == NULL)
        abort();
    return items;
}

/* --- What a record caused --- */

static void add_message(struct partition *partition, struct batch *batch, const struct record *record,
                        const struct origin *origin, const struct message *message)
{
    int topic = topic_number(message->topic);
    int to = message_partition(message, partition->processor->options.partitions);
    struct mark *sent = &partition->sent.at[topic][to];
    struct message_out *out;
    char id[96];

    snprintf(id, sizeof id, "%s/%d/%lld/%d", partition->processor->core->topic, origin->partition,
             (long long)origin->offset, origin->index);
    batch->messages = grown(batch->messages, batch->message_count, &batch->message_size, sizeof *batch->messages);
    out = &batch->messages[batch->message_count++];
    *out = (struct message_out){ .topic = topic, .partition = to };
    out->bytes = outgoing_encode(&(struct outgoing){ .id = id,
                                                     .type = message->type,
                                                     .subject = message->key != NULL ? message->key : "",
                                                     .traceparent = message->traceparent != NULL ? message->traceparent
                                                                                                 : record->traceparent,
                                                     .asked = message->hand_on ? record->asked : NULL,
                                                     .reply = message->hand_on ? record->reply : -1,
                                                     .origin = *origin,
                                                     .after = *sent,
                                                     .data = message->data,
                                                     .data_text = message->data_text },
                                 &out->size);
    *sent = (struct mark){ .offset = origin->offset, .index = origin->index };
    partition->processor->stats.messages++;
}

static void add_outcome(struct partition *partition, struct batch *batch, const struct record *record)
{
    char time[TIMESTAMP_SIZE];
    json_t *row;

    if (record->status == 0 || record->asked == NULL)
        return;
    timestamp_format(record->time_ms, time);
    row = json_pack("{s:s,s:i,s:s,s:O?}", "request_id", record->asked, "status", record->status, "time", time, "body",
                    record->body);
    if (batch->outcomes == NULL)
        batch->outcomes = json_array();
    json_array_append_new(batch->outcomes, row);
    if (record->reply < 0)
        return;
    batch->replies = grown(batch->replies, batch->reply_count, &batch->reply_size, sizeof *batch->replies);
    row = json_pack("{s:s,s:s,s:i,s:O?}", "id", record->asked, "topic", partition->processor->core->topic, "status",
                    record->status, "body", record->body);
    batch->replies[batch->reply_count].partition = record->reply;
    batch->replies[batch->reply_count].bytes = json_dumps(row, JSON_COMPACT);
    batch->replies[batch->reply_count].size = strlen(batch->replies[batch->reply_count].bytes);
    batch->reply_count++;
    json_decref(row);
}

void batch_add(struct partition *partition, struct batch *batch, const struct record *record,
               const struct position *position, const struct messages *messages)
{
    struct origin origin = { .topic = partition->processor->topic,
                             .partition = partition->number,
                             .offset = position->offset };

    for (size_t i = 0; i < messages->count; i++) {
        origin.index = (int)i;
        add_message(partition, batch, record, &origin, &messages->items[i]);
    }
    if (record->origin.topic >= 0)
        partition->seen.at[record->origin.topic][record->origin.partition] = (struct mark){
            .offset = record->origin.offset, .index = record->origin.index
        };
    add_outcome(partition, batch, record);
    batch->records++;
    batch->reached = *position;
    batch->cause_next = record->cause_offset + 1;
    partition->last = *position;
    partition->end = position->offset + 1;
    partition->time_ms = record->time_ms;
    partition->cause_offset = record->cause_offset;
    free(partition->cause_id);
    partition->cause_id = strdup(record->cause_id);
    partition->processor->stats.records++;
}

void batch_touch(struct partition *partition, struct batch *batch, const struct names *ids)
{
    for (size_t i = 0; i < ids->count; i++) {
        struct cached *cached;
        size_t known;

        HASH_FIND_STR(partition->cached, ids->items[i], cached);
        if (cached == NULL) {
            cached = calloc(1, sizeof *cached);
            if (cached == NULL || (cached->id = strdup(ids->items[i])) == NULL)
                abort();
        } else {
            HASH_DEL(partition->cached, cached);
        }
        HASH_ADD_KEYPTR(hh, partition->cached, cached->id, strlen(cached->id), cached); /* now the newest */
        known = batch->touched.count;
        names_add(&batch->touched, ids->items[i]);
        cached->batches += batch->touched.count - known; /* once a batch */
    }
}

/* Adds the row to `text`. False: there is no such row. */
static bool row_add(const struct partition *partition, const struct change *change, struct text *text)
{
    const struct core *core = partition->processor->core;
    json_t *json;

    if (core->row_text != NULL && core->row_text(partition->state, change->table, change->id, text))
        return true;
    json = core->row(partition->state, change->table, change->id);
    if (json == NULL)
        return false;
    text_add_json(text, json);
    json_decref(json);
    return true;
}

/* In one allocation with its key and text. */
static struct row *row_new(int table, const struct text *key, const struct text *text)
{
    struct row *row = malloc(sizeof *row + key->size + 1 + text->size + 1);

    if (row == NULL)
        abort();
    row->table = table;
    row->text = row->key + key->size + 1;
    memcpy(row->key, key->bytes, key->size + 1);
    memcpy(row->text, text->bytes, text->size + 1);
    row->size = text->size;
    return row;
}

/* `key` and `text` are used again for the next one. */
static void capture(struct partition *partition, struct batch *batch, const struct change *change, struct text *key,
                    struct text *text)
{
    struct row *row;

    key->size = text->size = 0;
    text_add_integer(key, change->table);
    text_add(key, " ");
    text_add(key, change->id);
    HASH_FIND(hh, batch->rows, key->bytes, key->size, row);
    if (row != NULL || !row_add(partition, change, text))
        return;
    row = row_new(change->table, key, text);
    HASH_ADD_KEYPTR(hh, batch->rows, row->key, key->size, row);
}

static char *marks_text(const struct marks *marks)
{
    json_t *json = marks_json(marks);
    char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    return text;
}

static struct batch *last_batch(const struct partition *partition)
{
    struct batch *batch = partition->batches;

    while (batch != NULL && batch->next != NULL)
        batch = batch->next;
    return batch;
}

/* The state is now what it is after the last batch: what changed since the last closing goes with it. */
static void close_group(struct partition *partition)
{
    struct batch *last = last_batch(partition);
    struct text key = { 0 }, text = { 0 };

    for (size_t i = 0; i < partition->open.count; i++)
        capture(partition, last, &partition->open.items[i], &key, &text);
    text_release(&key);
    text_release(&text);
    changes_release(&partition->open);
    partition->open_records = 0;
    partition->closed_ms = partition->processor->now_ms;
    last->seen = marks_text(&partition->seen);
    last->sent = marks_text(&partition->sent);
    last->closed = true;
}

/* Batches that follow each other quickly are projected together, so that a row that changes in several of them is
 * written once. Not where a client waits for an answer or to see it, and not the first after a quiet time. */
static bool must_close(const struct partition *partition, const struct batch *batch)
{
    return partition->phase != PHASE_SERVING || batch->reply_count > 0 || batch->awaited ||
           partition->open_records > GROUP_RECORDS_MAX ||
           partition->processor->now_ms - partition->closed_ms >= GROUP_MS;
}

void batch_close(struct partition *partition, struct batch *batch, struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        changes_row(&partition->open, changes->items[i].table, changes->items[i].id);
    partition->open_records += batch->records;
    batch->unsent = batch->message_count;
    partition->backlog += batch->records;
    *partition->batches_end = batch;
    partition->batches_end = &batch->next;
    if (must_close(partition, batch))
        close_group(partition);
    else
        port_of(partition)->later(port_of(partition)->context, GROUP_MS);
}

void partition_close_group(struct partition *partition)
{
    if (partition->open_records == 0)
        return;
    if (partition->processor->now_ms - partition->closed_ms < GROUP_MS) {
        port_of(partition)->later(port_of(partition)->context, GROUP_MS);
        return;
    }
    close_group(partition);
    partition_advance(partition);
}

bool partition_busy(const struct partition *partition)
{
    const struct batch *last = last_batch(partition);

    return last != NULL && (!last->acted || last->unsent > 0);
}

static void rows_free(struct row **rows)
{
    struct row *row, *next;

    HASH_ITER(hh, *rows, row, next) {
        HASH_DEL(*rows, row);
        free(row);
    }
}

/* Aggregates that nothing unprojected concerns any more may leave memory; the least recently used go first. */
static void untouch(struct partition *partition, const struct batch *batch)
{
    const struct core *core = partition->processor->core;
    struct cached *cached, *next;

    for (size_t i = 0; i < batch->touched.count; i++) {
        HASH_FIND_STR(partition->cached, batch->touched.items[i], cached);
        if (cached == NULL || --cached->batches > 0)
            continue;
        if (core->holds(partition->state, cached->id) && !core->live(partition->state, cached->id))
            continue;
        HASH_DEL(partition->cached, cached); /* live: the core keeps it anyway */
        free(cached->id);
        free(cached);
    }
    HASH_ITER(hh, partition->cached, cached, next) {
        if (HASH_COUNT(partition->cached) <= partition->processor->options.cache_max)
            break;
        if (cached->batches > 0)
            continue;
        if (core->holds(partition->state, cached->id) && !core->live(partition->state, cached->id))
            core->evict(partition->state, cached->id);
        HASH_DEL(partition->cached, cached);
        free(cached->id);
        free(cached);
    }
}

void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->message_count; i++)
        free(batch->messages[i].bytes);
    free(batch->messages);
    for (size_t i = 0; i < batch->reply_count; i++)
        free(batch->replies[i].bytes);
    free(batch->replies);
    rows_free(&batch->rows);
    json_decref(batch->outcomes);
    calls_release(&batch->calls);
    names_release(&batch->touched);
    free(batch->seen);
    free(batch->sent);
    free(batch);
}

/* --- The way of a batch --- */

static void act(struct partition *partition, struct batch *batch)
{
    const struct port *port = port_of(partition);

    batch->acted = true;
    if (batch->records > 0)
        port->reached(port->context, "after-append");
    for (size_t i = 0; i < batch->message_count; i++) {
        struct flight *flight = calloc(1, sizeof *flight);
        struct message_out *message = &batch->messages[i];

        if (flight == NULL)
            abort();
        *flight = (struct flight){ .partition = partition, .batch = batch, .expected = -1 };
        partition->flights++;
        port->send(port->context, message->topic, message->partition, message->bytes, message->size, flight);
        free(message->bytes);
        message->bytes = NULL;
    }
    if (batch->message_count > 0 && (batch->reply_count > 0 || batch->awaited))
        port->hurry(port->context);
    for (size_t i = 0; i < batch->calls.count; i++)
        port->drive(port->context, &batch->calls.items[i]);
}

/* Moves the rows of `batch` into `rows`: a later batch's row replaces an earlier one's. */
static void merge(struct row **rows, struct batch *batch)
{
    struct row *row, *next, *older;

    if (*rows == NULL) {
        *rows = batch->rows;
        batch->rows = NULL;
        return;
    }
    HASH_ITER(hh, batch->rows, row, next) {
        HASH_DEL(batch->rows, row);
        HASH_FIND_STR(*rows, row->key, older);
        if (older != NULL) {
            HASH_DEL(*rows, older);
            free(older);
        }
        HASH_ADD_STR(*rows, key, row);
    }
}

/* The rows of each table as a JSON array. */
static char **table_texts(const struct core *core, struct row *rows)
{
    char **texts = calloc(core->table_count, sizeof *texts);
    size_t *sizes = calloc(core->table_count, sizeof *sizes), *used = calloc(core->table_count, sizeof *used);

    if (texts == NULL || sizes == NULL || used == NULL)
        abort();
    for (struct row *row = rows; row != NULL; row = row->hh.next)
        sizes[row->table] += row->size + 1;
    for (struct row *row = rows; row != NULL; row = row->hh.next) {
        int table = row->table;

        if (texts[table] == NULL && (texts[table] = malloc(sizes[table] + 2)) == NULL)
            abort();
        texts[table][used[table]] = used[table] == 0 ? '[' : ',';
        used[table]++;
        memcpy(texts[table] + used[table], row->text, row->size);
        used[table] += row->size;
    }
    for (size_t table = 0; table < core->table_count; table++)
        if (texts[table] != NULL)
            memcpy(texts[table] + used[table], "]", 2);
    free(sizes);
    free(used);
    return texts;
}

static void project(struct partition *partition, struct batch *last)
{
    const struct port *port = port_of(partition);
    const struct core *core = partition->processor->core;
    struct projection projection = { .from = partition->stored,
                                     .to = last->reached,
                                     .fold = core->fold_version,
                                     .seen = last->seen,
                                     .sent = last->sent };
    json_t *outcomes = json_array();
    struct row *rows = NULL;

    for (struct batch *batch = partition->batches;; batch = batch->next) {
        merge(&rows, batch);
        if (batch->outcomes != NULL)
            json_array_extend(outcomes, batch->outcomes);
        if (batch == last)
            break;
    }
    projection.rows = table_texts(core, rows);
    projection.outcomes = json_array_size(outcomes) == 0 ? NULL : json_dumps(outcomes, JSON_COMPACT);
    partition->storing = true;
    partition->storing_last = last;
    partition->storing_to = last->reached;
    port->store(port->context, partition->number, &projection);
    last->rows = rows; /* kept until stored: a lost connection stores them again */
    for (size_t table = 0; table < core->table_count; table++)
        free(projection.rows[table]);
    free(projection.rows);
    free(projection.outcomes);
    json_decref(outcomes);
}

void partition_advance(struct partition *partition)
{
    struct batch *last = NULL;

    for (struct batch *batch = partition->batches; batch != NULL; batch = batch->next) {
        if (batch->unacknowledged > 0)
            break;
        if (!batch->acted)
            act(partition, batch);
    }
    for (struct batch *batch = partition->batches; batch != NULL && batch->acted && batch->unsent == 0;
         batch = batch->next)
        last = batch->closed ? batch : last;
    if (last != NULL && !partition->storing && !partition->database_lost)
        project(partition, last);
}

static void finish(struct partition *partition, struct batch *batch)
{
    const struct port *port = port_of(partition);

    for (size_t i = 0; i < batch->reply_count; i++)
        port->reply(port->context, batch->replies[i].partition, batch->replies[i].bytes, batch->replies[i].size);
    if (batch->records == 0)
        return;
    port->reached(port->context, "after-replies");
    port->commit(port->context, partition->number, batch->cause_next);
    port->reached(port->context, "after-offset-commit");
}

void partition_stored(struct partition *partition, enum stored stored)
{
    const struct port *port = port_of(partition);

    partition->storing = false;
    if (partition->phase == PHASE_SETTLING || partition->phase == PHASE_CLOSED || partition->phase == PHASE_BLOCKED) {
        partition_settled(partition); /* an answer for an earlier life: its batches are gone */
        return;
    }
    if (stored == STORED_UNKNOWN) {
        partition->unsure = true;
        partition->storing = true; /* nothing more until the position was looked at */
        partition->database_lost = true;
        return;
    }
    if (stored == STORED_MISSED) {
        partition_surprise(partition, "the stored position is not ours");
        return;
    }
    partition->stored = partition->storing_to;
    partition->processor->stats.stored++;
    port->reached(port->context, "after-projection");
    for (bool more = true; more;) {
        struct batch *batch = partition->batches;

        more = batch != partition->storing_last;
        partition->batches = batch->next;
        if (partition->batches == NULL)
            partition->batches_end = &partition->batches;
        partition->backlog -= batch->records;
        finish(partition, batch);
        untouch(partition, batch);
        batch_free(batch);
    }
    partition->storing_last = NULL;
    partition_advance(partition);
    port->run(port->context);
}

void partition_drop_batches(struct partition *partition)
{
    while (partition->batches != NULL) {
        struct batch *batch = partition->batches;

        partition->batches = batch->next;
        batch->dead = true;
        if (batch->unacknowledged == 0 && (!batch->acted || batch->unsent == 0))
            batch_free(batch);
    }
    partition->batches_end = &partition->batches;
    partition->backlog = 0;
    changes_release(&partition->open);
    partition->open_records = 0;
    partition->storing_last = NULL;
}
