#include "tests/unit/world.h"

#include "common/log/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

enum { ENTRIES_MAX = 4096, QUEUE_MAX = 8192, ACCOUNTS = 6, LOG_EVENTS = 0, LOG_REQUESTS = 1 };

/* ------------------------------------------------------------------------------------------- the core under test --- */

enum { PAY, CREDIT, RECEIPT, PROBE };
enum { PAID, CREDITED, SETTLED, REJECTED };

struct account {
    char id[256];
    int paid, credited, settled;
    UT_hash_handle hh;
};

struct accounts {
    struct account *all;
};

static const char *const request_types[] = { "tidegate.account.pay.v1", "tidegate.account.credit.v1",
                                             "tidegate.account.receipt.v1", "tidegate.account.probe.v1", NULL };
static const char *const event_types[] = { "tidegate.account.paid.v1", "tidegate.account.credited.v1",
                                           "tidegate.account.settled.v1", "tidegate.account.rejected.v1", NULL };
static const struct core_table tables[] = { { "account", "id", NULL } };

static void *state_new(const void *settings, int partition)
{
    (void)settings;
    (void)partition;
    return calloc(1, sizeof(struct accounts));
}

static struct account *account(struct accounts *accounts, const char *id, bool make)
{
    struct account *found;

    HASH_FIND_STR(accounts->all, id, found);
    if (found == NULL && make) {
        found = calloc(1, sizeof *found);
        snprintf(found->id, sizeof found->id, "%s", id);
        HASH_ADD_STR(accounts->all, id, found);
    }
    return found;
}

static void evict(void *state, const char *id)
{
    struct accounts *accounts = state;
    struct account *found = account(accounts, id, false);

    if (found != NULL) {
        HASH_DEL(accounts->all, found);
        free(found);
    }
}

static void state_free(void *state)
{
    struct accounts *accounts = state;
    struct account *each, *next;

    HASH_ITER(hh, accounts->all, each, next) {
        HASH_DEL(accounts->all, each);
        free(each);
    }
    free(accounts);
}

static void needs(const struct request *request, struct names *out)
{
    names_add(out, request->subject);
}

static void event_needs(const struct event *event, struct names *out)
{
    names_add(out, event->subject);
}

static bool holds(const void *state, const char *id)
{
    return account((struct accounts *)(uintptr_t)state, id, false) != NULL;
}

static bool live(const void *state, const char *id)
{
    (void)state;
    (void)id;
    return false;
}

static void load(void *state, int table, const json_t *row)
{
    struct account *loaded = account(state, json_string_value(json_object_get(row, "id")), true);

    (void)table;
    loaded->paid = (int)json_integer_value(json_object_get(row, "paid"));
    loaded->credited = (int)json_integer_value(json_object_get(row, "credited"));
    loaded->settled = (int)json_integer_value(json_object_get(row, "settled"));
}

static void decide(const void *state, const struct request *request, int64_t now_ms, struct decision *out)
{
    const char *to = json_string_value(json_object_get(request->data, "to"));

    (void)state;
    (void)now_ms;
    switch (request->type) {
    case PAY:
        if (json_is_true(json_object_get(request->data, "large"))) {
            char *text = malloc(5000);

            memset(text, 'x', 4999);
            text[4999] = '\0';
            decision_event(out, PAID, request->subject, json_pack("{s:s,s:s}", "to", to, "text", text));
            free(text);
        } else {
            decision_event(out, PAID, request->subject, json_pack("{s:s}", "to", to));
        }
        if (request->asked != NULL)
            decision_outcome(out, 202, json_pack("{s:s}", "paid", request->subject));
        break;
    case CREDIT: decision_event(out, CREDITED, request->subject, json_pack("{s:s}", "to", to)); break;
    case RECEIPT: decision_event(out, SETTLED, request->subject, NULL); break;
    case PROBE: break;
    }
}

static void evolve(void *state, const struct event *event, struct changes *out)
{
    struct account *changed;

    if (event->type == REJECTED)
        return;
    changed = account(state, event->subject, true);
    changed->paid += event->type == PAID;
    changed->credited += event->type == CREDITED;
    changed->settled += event->type == SETTLED;
    changes_row(out, 0, event->subject);
}

static void react(const void *state, const struct event *event, struct messages *out)
{
    const char *to = json_string_value(json_object_get(event->data, "to"));

    (void)state;
    if (event->type == PAID || event->type == CREDITED)
        messages_add(out, (struct message){ .topic = "runtimes",
                                            .key = to,
                                            .type = request_types[event->type == PAID ? CREDIT : RECEIPT],
                                            .data = json_pack("{s:s}", "to", event->subject) });
}

static json_t *row(const void *state, int table, const char *id)
{
    const struct account *shown = account((struct accounts *)(uintptr_t)state, id, false);

    (void)table;
    return shown == NULL ? NULL
                         : json_pack("{s:s,s:i,s:i,s:i}", "id", id, "paid", shown->paid, "credited", shown->credited,
                                     "settled", shown->settled);
}

struct core account_core = {
    .aggregate = "account",
    .topic = "runtimes",
    .source = "/test",
    .fold_version = 1,
    .request_types = request_types,
    .event_types = event_types,
    .rejected = REJECTED,
    .wake = -1,
    .tables = tables,
    .table_count = 1,
    .state_new = state_new,
    .state_free = state_free,
    .needs = needs,
    .event_needs = event_needs,
    .holds = holds,
    .live = live,
    .evict = evict,
    .load = load,
    .decide = decide,
    .evolve = evolve,
    .react = react,
    .row = row,
};

/* --------------------------------------------------------------------------------------------------------- world --- */

struct entry {
    char *bytes;
    int64_t time_ms;
};

struct log {
    struct entry entries[ENTRIES_MAX];
    size_t count;
};

struct sent { /* on its way from a process to Kafka and back */
    int log, partition;
    char *bytes;
    struct flight *flight;
    int64_t offset;
    bool written;
};

struct table {
    struct position position;
    json_t *rows, *seen, *sent; /* rows by ID */
};

struct question { /* to the database */
    int process, life, partition;
    bool store;
    json_t *ids; /* of a load: NULL: live; an array */
    struct projection projection;
    json_t *rows;
};

struct process {
    struct world *world;
    int number, life;
    bool alive, frozen, cut; /* cut: its database connection was lost */
    struct processor *processor;
    struct sent queue[QUEUE_MAX];
    size_t head, acknowledged, count; /* [acknowledged, head) written, [head, count) on their way */
    int64_t reading[WORLD_PARTITIONS], taking[WORLD_PARTITIONS];
    bool held[WORLD_PARTITIONS];
};

struct world {
    unsigned seed;
    int64_t now_ms, later_ms; /* later_ms: somebody wants to run again after so long */
    struct log logs[2][WORLD_PARTITIONS];
    struct table tables[WORLD_PARTITIONS], backup[WORLD_PARTITIONS];
    struct process processes[WORLD_PROCESSES];
    struct question questions[QUEUE_MAX];
    size_t asked, answered;
    int owner[WORLD_PARTITIONS];
    size_t replies;
    bool fail_delivery;
    int fail_commit;               /* 1: unknown, not written; 2: unknown, written */
    struct sent strays[QUEUE_MAX]; /* left by the dead */
    size_t stray_count;
};

static unsigned chance(struct world *world, unsigned of)
{
    world->seed = world->seed * 1103515245u + 12345u;
    return (world->seed >> 16) % of;
}

static int64_t log_write(struct world *world, int log, int partition, const char *bytes)
{
    struct log *to = &world->logs[log][partition];

    assert(to->count < ENTRIES_MAX);
    to->entries[to->count] = (struct entry){ .bytes = strdup(bytes), .time_ms = ++world->now_ms };
    return (int64_t)to->count++;
}

/* --- The port --- */

static void produce(struct process *process, int log, int partition, const char *bytes, size_t size,
                    struct flight *flight)
{
    assert(process->count < QUEUE_MAX);
    process->queue[process->count++] = (struct sent){
        .log = log, .partition = partition, .bytes = strndup(bytes, size), .flight = flight
    };
}

static void port_append(void *context, int partition, const char *bytes, size_t size, struct flight *flight)
{
    produce(context, LOG_EVENTS, partition, bytes, size, flight);
}

static void port_send(void *context, int topic, int partition, const char *bytes, size_t size, struct flight *flight)
{
    (void)topic;
    produce(context, LOG_REQUESTS, partition, bytes, size, flight);
}

/* The world delivers in its own order and time anyway. */
static void port_hurry(void *context)
{
    (void)context;
}

static void port_reply(void *context, int partition, const char *bytes, size_t size)
{
    struct process *process = context;

    (void)partition;
    (void)bytes;
    (void)size;
    process->world->replies++;
}

static void port_read(void *context, int partition, int64_t from)
{
    ((struct process *)context)->reading[partition] = from;
}

static void port_take(void *context, int partition, int64_t from)
{
    ((struct process *)context)->reading[partition] = -1;
    ((struct process *)context)->taking[partition] = from;
}

static void port_hold(void *context, int partition, bool held)
{
    ((struct process *)context)->held[partition] = held;
}

static void port_commit(void *context, int partition, int64_t next)
{
    (void)context;
    (void)partition;
    (void)next;
}

static struct question *ask(struct process *process, int partition)
{
    struct world *world = process->world;

    assert(world->asked < QUEUE_MAX);
    world->questions[world->asked] = (struct question){ .process = process->number,
                                                        .life = process->life,
                                                        .partition = partition };
    return &world->questions[world->asked++];
}

static void port_load(void *context, int partition, const struct names *ids)
{
    struct question *question = ask(context, partition);

    question->ids = ids == NULL ? NULL : json_array();
    for (size_t i = 0; ids != NULL && i < ids->count; i++)
        json_array_append_new(question->ids, json_string(ids->items[i]));
}

static void port_store(void *context, int partition, const struct projection *projection)
{
    struct question *question = ask(context, partition);

    question->store = true;
    question->projection = *projection;
    question->projection.seen = strdup(projection->seen);
    question->projection.sent = strdup(projection->sent);
    question->rows = projection->rows[0] == NULL ? json_array() : json_loads(projection->rows[0], 0, NULL);
    question->projection.rows = NULL;
    question->projection.outcomes = NULL;
}

static void port_drive(void *context, const struct call *call)
{
    (void)context;
    (void)call;
}

static void port_wake(void *context, int partition, int64_t at_ms)
{
    (void)context;
    (void)partition;
    (void)at_ms;
}

static void port_run(void *context)
{
    (void)context;
}

static void port_later(void *context, int64_t in_ms)
{
    struct process *process = context;

    process->world->later_ms = in_ms;
}

static void port_note(void *context, const char *what, int partition, const char *detail)
{
    const struct process *process = context;

    if (getenv("WORLD_TRACE") != NULL)
        fprintf(stderr, "process %d: %s %d %s\n", process->number, what, partition, detail);
}

static void port_reached(void *context, const char *crash_point)
{
    (void)context;
    (void)crash_point;
}

/* --- Life --- */

static void table_clear(struct table *table)
{
    json_decref(table->rows);
    json_decref(table->seen);
    json_decref(table->sent);
}

struct world *world_new(unsigned seed)
{
    struct world *world = calloc(1, sizeof *world);

    world->seed = seed;
    world->now_ms = 1000000;
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        world->owner[i] = -1;
        world->tables[i].position.offset = -1;
        strcpy(world->tables[i].position.hash, record_genesis);
        world->tables[i].rows = json_object();
    }
    for (int i = 0; i < WORLD_PROCESSES; i++)
        world->processes[i] = (struct process){ .world = world, .number = i };
    return world;
}

static void question_clear(struct question *question)
{
    json_decref(question->ids);
    json_decref(question->rows);
    free(question->projection.seen);
    free(question->projection.sent);
}

void world_start(struct world *world, int number)
{
    struct process *process = &world->processes[number];
    struct processor_options options = {
        .core = &account_core,
        .partitions = WORLD_PARTITIONS,
        .record_bytes_max = 4096,
        .cache_max = 2,
        .reject_partition = -1,
        .reject_offset = -1,
        .port = { .context = process,
                  .append = port_append,
                  .send = port_send,
                  .hurry = port_hurry,
                  .reply = port_reply,
                  .read = port_read,
                  .take = port_take,
                  .hold = port_hold,
                  .commit = port_commit,
                  .load = port_load,
                  .store = port_store,
                  .drive = port_drive,
                  .wake = port_wake,
                  .run = port_run,
                  .later = port_later,
                  .note = port_note,
                  .reached = port_reached },
    };

    assert(!process->alive);
    process->life++;
    process->alive = true;
    process->frozen = process->cut = false;
    process->head = process->acknowledged = process->count = 0;
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        process->reading[i] = process->taking[i] = -1;
    process->processor = processor_new(&options);
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        if (world->owner[i] == number)
            processor_assign(process->processor, i);
}

/* What it had produced and Kafka has not written becomes stray: it may arrive late, or never. */
void world_kill(struct world *world, int number)
{
    struct process *process = &world->processes[number];

    if (!process->alive)
        return;
    process->alive = false;
    for (int i = 0; i < WORLD_PARTITIONS; i++)
        processor_revoke(process->processor, i);
    for (size_t i = process->acknowledged; i < process->count; i++) {
        struct flight *flight = process->queue[i].flight;

        if (!process->queue[i].written && world->stray_count < QUEUE_MAX) {
            world->strays[world->stray_count] = process->queue[i];
            world->strays[world->stray_count++].flight = NULL;
        } else {
            free(process->queue[i].bytes);
        }
        if (flight != NULL) /* memory only: the dead process hears nothing */
            processor_delivered(process->processor, flight, true, 0);
    }
    processor_free(process->processor);
    process->processor = NULL;
}

void world_free(struct world *world)
{
    for (int i = 0; i < WORLD_PROCESSES; i++)
        world_kill(world, i);
    for (size_t i = world->answered; i < world->asked; i++)
        question_clear(&world->questions[i]);
    for (size_t i = 0; i < world->stray_count; i++)
        free(world->strays[i].bytes);
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        table_clear(&world->tables[i]);
        table_clear(&world->backup[i]);
        for (int log = 0; log < 2; log++)
            for (size_t j = 0; j < world->logs[log][i].count; j++)
                free(world->logs[log][i].entries[j].bytes);
    }
    free(world);
}

void world_freeze(struct world *world, int process, bool frozen)
{
    world->processes[process].frozen = frozen;
}

struct processor *world_processor(struct world *world, int process)
{
    return world->processes[process].processor;
}

void world_assign(struct world *world, int partition, int number, bool told)
{
    int before = world->owner[partition];

    world->owner[partition] = number;
    if (told && before >= 0 && before != number && world->processes[before].alive)
        processor_revoke(world->processes[before].processor, partition);
    if (number >= 0 && world->processes[number].alive)
        processor_assign(world->processes[number].processor, partition);
}

void world_write(struct world *world, int partition, const char *bytes)
{
    log_write(world, LOG_REQUESTS, partition, bytes);
}

void world_write_record(struct world *world, int partition, const char *bytes)
{
    log_write(world, LOG_EVENTS, partition, bytes);
}

void world_pay(struct world *world, const char *id, const char *from, const char *to)
{
    char bytes[1024];

    snprintf(bytes, sizeof bytes,
             "{\"id\":\"%s\",\"type\":\"tidegate.account.pay.v1\",\"subject\":\"%s\",\"asked\":\"%s\",\"reply\":0,"
             "\"data\":{\"to\":\"%s\"}}",
             id, from, id, to);
    world_write(world, partition_of(from, WORLD_PARTITIONS), bytes);
}

/* --- Steps --- */

static bool feed_events(struct process *process, int partition)
{
    const struct log *log = &process->world->logs[LOG_EVENTS][partition];
    int64_t at = process->reading[partition];

    if (at < 0 || process->held[partition])
        return false;
    if ((size_t)at >= log->count) {
        process->reading[partition] = -1;
        processor_end(process->processor, partition, (int64_t)log->count);
        return true;
    }
    process->reading[partition]++;
    processor_record(process->processor, partition, at, log->entries[at].bytes, strlen(log->entries[at].bytes));
    return true;
}

static bool feed_requests(struct process *process, int partition)
{
    const struct log *log = &process->world->logs[LOG_REQUESTS][partition];
    int64_t at = process->taking[partition];

    if (at < 0 || process->held[partition] || (size_t)at >= log->count)
        return false;
    process->taking[partition]++;
    processor_request(process->processor, partition, at, log->entries[at].time_ms, log->entries[at].bytes,
                      strlen(log->entries[at].bytes));
    return true;
}

bool world_run(struct world *world, int number)
{
    struct process *process = &world->processes[number];
    bool any = false;

    if (!process->alive || process->frozen)
        return false;
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        any = feed_events(process, i) || any;
        any = feed_requests(process, i) || any;
    }
    processor_run(process->processor, world->now_ms);
    return any;
}

bool world_land(struct world *world, int number)
{
    struct process *process = &world->processes[number];
    struct sent *sent;

    if (!process->alive || process->head == process->count)
        return false;
    sent = &process->queue[process->head++];
    sent->offset = log_write(world, sent->log, sent->partition, sent->bytes);
    sent->written = true;
    return true;
}

bool world_acknowledge(struct world *world, int number)
{
    struct process *process = &world->processes[number];
    struct sent *sent;

    if (!process->alive || process->frozen || process->acknowledged == process->head)
        return false;
    sent = &process->queue[process->acknowledged++];
    free(sent->bytes);
    sent->bytes = NULL;
    if (sent->flight != NULL)
        processor_delivered(process->processor, sent->flight, !world->fail_delivery, sent->offset);
    world->fail_delivery = false;
    return true;
}

static void answer_load(struct world *world, const struct question *question, struct processor *processor)
{
    const struct table *table = &world->tables[question->partition];
    struct restored_row rows[ACCOUNTS * 2];
    struct restored restored = { .position = table->position, .fold = 1, .seen = table->seen, .sent = table->sent };
    json_t *id;
    size_t i;

    json_array_foreach(question->ids, i, id) {
        json_t *found = json_object_get(table->rows, json_string_value(id));

        if (found != NULL && restored.count < ACCOUNTS * 2)
            rows[restored.count++] = (struct restored_row){ .row = found };
    }
    restored.rows = rows;
    processor_loaded(processor, question->partition, &restored);
}

static void commit(struct world *world, const struct question *question)
{
    struct table *table = &world->tables[question->partition];
    json_t *each;
    size_t i;

    json_array_foreach(question->rows, i, each)
        json_object_set(table->rows, json_string_value(json_object_get(each, "id")), each);
    json_decref(table->seen);
    json_decref(table->sent);
    table->seen = json_loads(question->projection.seen, 0, NULL);
    table->sent = json_loads(question->projection.sent, 0, NULL);
    table->position = question->projection.to;
}

static enum stored answer_store(struct world *world, struct process *process, const struct question *question)
{
    const struct table *table = &world->tables[question->partition];
    bool hit = table->position.offset == question->projection.from.offset &&
               strcmp(table->position.hash, question->projection.from.hash) == 0;
    int fail = world->fail_commit;

    world->fail_commit = 0;
    if (fail != 0)
        process->cut = true;
    if (hit && fail != 1)
        commit(world, question);
    return fail != 0 ? STORED_UNKNOWN : hit ? STORED : STORED_MISSED;
}

bool world_database(struct world *world)
{
    struct question *question;
    struct process *process;
    bool listens;

    if (world->answered == world->asked)
        return false;
    question = &world->questions[world->answered];
    process = &world->processes[question->process];
    listens = process->alive && process->life == question->life;
    if (listens && process->frozen)
        return false;
    world->answered++;
    if (question->store) {
        /* The transaction of a process that has died meanwhile commits, or not. */
        enum stored stored = listens || chance(world, 2) ? answer_store(world, process, question) : STORED_UNKNOWN;

        if (listens)
            processor_stored(process->processor, question->partition, stored);
    } else if (listens && process->cut) {
        processor_loaded(process->processor, question->partition, NULL);
    } else if (listens) {
        answer_load(world, question, process->processor);
    }
    question_clear(question);
    return true;
}

void world_settle(struct world *world)
{
    for (int quiet = 0; quiet < 3;) {
        bool any = false;

        for (int i = 0; i < WORLD_PROCESSES; i++) {
            any = world_run(world, i) || any;
            any = world_land(world, i) || any;
            any = world_acknowledge(world, i) || any;
        }
        any = world_database(world) || any;
        quiet = any ? 0 : quiet + 1;
        if (quiet > 0 && world->later_ms > 0) {
            world->now_ms += world->later_ms;
            world->later_ms = 0;
            quiet = 0;
        }
    }
}

/* --- Faults --- */

void world_fail_commit(struct world *world, bool written)
{
    world->fail_commit = written ? 2 : 1;
}

void world_fail_delivery(struct world *world)
{
    world->fail_delivery = true;
}

void world_reach_database(struct world *world)
{
    for (int i = 0; i < WORLD_PROCESSES; i++) {
        struct process *process = &world->processes[i];

        if (!process->alive || !process->cut || process->frozen)
            continue;
        process->cut = false;
        processor_database(process->processor);
    }
}

void world_truncate_events(struct world *world, int partition, size_t count)
{
    struct log *log = &world->logs[LOG_EVENTS][partition];

    while (log->count > count)
        free(log->entries[--log->count].bytes);
}

static struct table table_copy(const struct table *table)
{
    return (struct table){ .position = table->position,
                           .rows = json_deep_copy(table->rows),
                           .seen = json_deep_copy(table->seen),
                           .sent = json_deep_copy(table->sent) };
}

void world_backup(struct world *world)
{
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        table_clear(&world->backup[i]);
        world->backup[i] = table_copy(&world->tables[i]);
    }
}

void world_restore(struct world *world)
{
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        if (world->backup[i].rows == NULL)
            continue;
        table_clear(&world->tables[i]);
        world->tables[i] = table_copy(&world->backup[i]);
    }
}

/* --- What is there --- */

size_t world_records(const struct world *world, int partition)
{
    return world->logs[LOG_EVENTS][partition].count;
}

size_t world_requests(const struct world *world, int partition)
{
    return world->logs[LOG_REQUESTS][partition].count;
}

size_t world_replies(const struct world *world)
{
    return world->replies;
}

size_t world_unsent(const struct world *world, int number)
{
    return world->processes[number].count - world->processes[number].head;
}

int world_stored(const struct world *world, const char *id, const char *column)
{
    const json_t *found = json_object_get(world->tables[partition_of(id, WORLD_PARTITIONS)].rows, id);

    return found == NULL ? -1 : (int)json_integer_value(json_object_get(found, column));
}

const char *world_record(const struct world *world, int partition, size_t offset)
{
    return world->logs[LOG_EVENTS][partition].entries[offset].bytes;
}

int64_t world_now(struct world *world, int64_t passed_ms)
{
    world->now_ms += passed_ms;
    return world->now_ms;
}

/* --- Random histories --- */

static void stray(struct world *world)
{
    unsigned at;

    if (world->stray_count == 0)
        return;
    at = chance(world, (unsigned)world->stray_count);
    if (chance(world, 3) > 0)
        log_write(world, world->strays[at].log, world->strays[at].partition, world->strays[at].bytes);
    free(world->strays[at].bytes);
    world->strays[at] = world->strays[--world->stray_count];
}

static void fault(struct world *world)
{
    int process = (int)chance(world, WORLD_PROCESSES), partition = (int)chance(world, WORLD_PARTITIONS);

    switch (chance(world, 13)) {
    case 12: world_fail_delivery(world); break;
    case 0: world_kill(world, process); break;
    case 1:
    case 2:
        if (!world->processes[process].alive)
            world_start(world, process);
        break;
    case 3:
    case 4: world_assign(world, partition, process, chance(world, 2)); break;
    case 5: world_freeze(world, process, true); break;
    case 6:
    case 7: world_freeze(world, process, false); break;
    case 8: world_fail_commit(world, chance(world, 2)); break;
    case 9: world_backup(world); break;
    case 10:
        if (chance(world, 4) == 0)
            world_restore(world);
        break;
    case 11: world_reach_database(world); break;
    }
}

static void step(struct world *world)
{
    int process = (int)chance(world, WORLD_PROCESSES);

    switch (chance(world, 8)) {
    case 0:
    case 1:
    case 2: world_run(world, process); break;
    case 3:
    case 4: world_land(world, process); break;
    case 5: world_acknowledge(world, process); break;
    case 6: world_database(world); break;
    case 7:
        if (chance(world, 3) == 0)
            stray(world);
        break;
    }
}

/* All hear of all, and the owner of each partition looks at the stored position. */
static void peace(struct world *world)
{
    while (world->stray_count > 0)
        stray(world);
    for (int i = 0; i < WORLD_PROCESSES; i++) {
        world_freeze(world, i, false);
        if (!world->processes[i].alive)
            world_start(world, i);
    }
    world->fail_commit = 0;
    world->fail_delivery = false;
    world_reach_database(world);
    for (int i = 0; i < WORLD_PARTITIONS; i++) {
        for (int j = 0; j < WORLD_PROCESSES; j++)
            if (j != world->owner[i])
                processor_revoke(world->processes[j].processor, i);
        processor_assign(world->processes[world->owner[i] < 0 ? 0 : world->owner[i]].processor, i);
        world->owner[i] = world->owner[i] < 0 ? 0 : world->owner[i];
    }
    for (int round = 0; round < 10; round++) {
        world_settle(world);
        world_now(world, 6000);
        for (int i = 0; i < WORLD_PROCESSES; i++)
            processor_tick(world->processes[i].processor, world->now_ms);
    }
    world_settle(world);
}

const char *world_history(struct world *world)
{
    static char broken[256];
    static const char *const names[ACCOUNTS] = { "a", "b", "c", "d", "e", "f" };
    int paid[ACCOUNTS] = { 0 }, credited[ACCOUNTS] = { 0 };
    unsigned trouble = 200 + chance(world, 1500), rate = 10 + chance(world, 60);

    for (int i = 0; i < WORLD_PARTITIONS; i++)
        world->owner[i] = (int)chance(world, WORLD_PROCESSES);
    for (int i = 0; i < WORLD_PROCESSES; i++)
        world_start(world, i);
    for (unsigned i = 0; i < trouble; i++) {
        step(world);
        if (chance(world, rate) == 0)
            fault(world);
        if (chance(world, 20) == 0) {
            unsigned from = chance(world, ACCOUNTS), to = chance(world, ACCOUNTS);
            char id[32];

            snprintf(id, sizeof id, "pay-%u", i);
            world_pay(world, id, names[from], names[to]);
            paid[from]++;
            credited[to]++;
        }
    }
    peace(world);
    for (int i = 0; i < ACCOUNTS; i++) {
        int is_paid = world_stored(world, names[i], "paid"), is_credited = world_stored(world, names[i], "credited");
        int is_settled = world_stored(world, names[i], "settled");

        if (is_paid < 0 && paid[i] + credited[i] == 0)
            continue;
        if (is_paid != paid[i] || is_credited != credited[i] || is_settled != paid[i]) {
            snprintf(broken, sizeof broken, "account %s: paid %d of %d, credited %d of %d, settled %d", names[i],
                     is_paid, paid[i], is_credited, credited[i], is_settled);
            return broken;
        }
    }
    return NULL;
}
