#include "tests/unit/services_world.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/log/fold.h"
#include "services/broker/instance.h"
#include "services/orchestrator/orchestration.h"
#include "services/provisioner/runtime.h"
#include "services/scheduler/schedule.h"

enum { TABLES_MAX = 6, QUEUE_MAX = 8192, ORDERS_MAX = 32, NAME_SIZE = 64, CHECKED_ONE_IN = 4 };

struct asked {
    int type;
    char *subject;
    json_t *data;
    bool by_client; /* who waits for an outcome */
};

/* A partition of a service. */
struct part {
    const struct core *core;
    const void *settings;
    int partition;
    void *state;
    json_t *rows[TABLES_MAX]; /* what PostgreSQL holds: by ID */
    struct changes open;      /* not stored yet */
    struct asked queue[QUEUE_MAX];
    size_t head, tail;
    int64_t offset;
};

/* What was ordered last on a runtime. */
struct order {
    char runtime[NAME_SIZE], operation[NAME_SIZE], stage[NAME_SIZE];
    int64_t fence;
    bool stands; /* its end was not told yet */
};

struct services {
    uint64_t seed, random;
    int64_t now_ms, decisions;
    struct orchestration_settings orchestration;
    struct runtime_settings runtime;
    struct schedule_settings schedule;
    struct part parts[SERVICES_COUNT][SERVICES_PARTITIONS];
    struct order orders[ORDERS_MAX];
    size_t order_count;
    services_event *told;
    int telling; /* the partition whose event is being told */
    void *context;
};

static const struct core *const cores[SERVICES_COUNT] = { [BROKER] = &instance_core,
                                                          [ORCHESTRATOR] = &orchestration_core,
                                                          [SCHEDULER] = &schedule_core,
                                                          [PROVISIONER] = &runtime_core };

/* --- Life --- */

struct services *services_new(uint64_t seed, struct services_files files, services_event *told, void *context)
{
    struct services *services = calloc(1, sizeof *services);
    const void *settings[SERVICES_COUNT] = {
        [ORCHESTRATOR] = &services->orchestration, [SCHEDULER] = &services->schedule, [PROVISIONER] = &services->runtime
    };

    assert_non_null(services);
    services->seed = services->random = seed;
    services->now_ms = 1643706000000; /* 2022-02-01T09:00:00Z */
    services->told = told;
    services->context = context;
    services->orchestration = (struct orchestration_settings){ .kyma_version = "2.4.2",
                                                               .kubernetes_version = "1.23.6",
                                                               .releases = files.releases,
                                                               .partitions = SERVICES_PARTITIONS,
                                                               .orchestrations_max = 1 + (int)(seed % 3) };
    services->runtime = (struct runtime_settings){ .releases = files.releases };
    services->schedule = (struct schedule_settings){ .policy_at_start = files.policy };
    for (size_t service = 0; service < SERVICES_COUNT; service++)
        for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
            struct part *part = &services->parts[service][partition];

            *part = (struct part){ .core = cores[service], .settings = settings[service], .partition = partition };
            part->state = part->core->state_new(part->settings, partition);
            assert_true(part->core->table_count <= TABLES_MAX);
            for (size_t table = 0; table < part->core->table_count; table++)
                part->rows[table] = json_object();
        }
    return services;
}

static void asked_release(struct asked *asked)
{
    free(asked->subject);
    json_decref(asked->data);
}

static void part_release(struct part *part)
{
    part->core->state_free(part->state);
    for (size_t table = 0; table < part->core->table_count; table++)
        json_decref(part->rows[table]);
    changes_release(&part->open);
    for (; part->head < part->tail; part->head++)
        asked_release(&part->queue[part->head % QUEUE_MAX]);
}

void services_free(struct services *services)
{
    for (size_t service = 0; service < SERVICES_COUNT; service++)
        for (int partition = 0; partition < SERVICES_PARTITIONS; partition++)
            part_release(&services->parts[service][partition]);
    free(services);
}

unsigned services_draw(struct services *services, unsigned below)
{
    services->random = services->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(services->random >> 33) % below;
}

int64_t services_now_ms(const struct services *services)
{
    return services->now_ms;
}

void services_pass(struct services *services, int64_t passed_ms)
{
    services->now_ms += passed_ms;
}

void services_fail(const struct services *services, const char *format, ...)
{
    char what[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    fail_msg("TIDEGATE_TEST_SEED=%llu, decision %lld: %s", (unsigned long long)services->seed,
             (long long)services->decisions, what);
}

/* --- Rows, and who goes on from them --- */

static void store(struct part *part)
{
    for (size_t i = 0; i < part->open.count; i++) {
        const struct change *change = &part->open.items[i];
        json_t *row = part->core->row(part->state, change->table, change->id);

        if (row != NULL)
            json_object_set_new(part->rows[change->table], change->id, row);
    }
    changes_release(&part->open);
}

static const char *aggregate_in(const struct part *part, size_t table, const json_t *row)
{
    const char *column = part->core->tables[table].aggregate;

    return column == NULL ? NULL : json_string_value(json_object_get(row, column));
}

/* Loads the rows of one aggregate, or of all: `aggregate` NULL. The last ones come first, for the database may give them
 * in any order within a table. */
static void load(const struct part *part, void *state, const char *aggregate)
{
    for (size_t table = 0; table < part->core->table_count; table++) {
        size_t count = json_object_size(part->rows[table]);
        const json_t **rows = calloc(count + 1, sizeof(const json_t *));
        const char *id;
        json_t *row;

        json_object_foreach(part->rows[table], id, row)
            rows[--count] = row;
        for (; rows[count] != NULL; count++) {
            const char *its = aggregate_in(part, table, rows[count]);

            if (aggregate == NULL || (its != NULL && strcmp(its, aggregate) == 0))
                part->core->load(state, (int)table, rows[count]);
        }
        free(rows);
    }
}

/* What a process that takes over has: what is live. All must be stored. */
static void *taken_over(const struct part *part)
{
    void *state = part->core->state_new(part->settings, part->partition);

    load(part, state, NULL);
    for (size_t table = 0; table < part->core->table_count; table++) {
        const char *id;
        json_t *row;

        json_object_foreach(part->rows[table], id, row) {
            const char *aggregate = aggregate_in(part, table, row);

            if (aggregate != NULL && part->core->holds(state, aggregate) && !part->core->live(state, aggregate))
                part->core->evict(state, aggregate);
        }
    }
    return state;
}

/* Loads what the request needs. */
static void prepare(const struct part *part, void *state, const struct request *request)
{
    struct names names = { 0 };

    part->core->needs(request, &names);
    for (size_t i = 0; i < names.count; i++)
        if (!part->core->holds(state, names.items[i]))
            load(part, state, names.items[i]);
    names_release(&names);
}

/* A process that takes over may have other settings. */
void services_take_over(struct services *services)
{
    struct part *part =
        &services->parts[services_draw(services, SERVICES_COUNT)][services_draw(services, SERVICES_PARTITIONS)];
    void *state;

    store(part);
    state = taken_over(part);
    part->core->state_free(part->state);
    part->state = state;
    if (part->core == &orchestration_core)
        services->orchestration.orchestrations_max = 1 + (int)services_draw(services, 4);
}

int services_partition(const struct services *services)
{
    return services->telling;
}

int services_orchestrations_max(const struct services *services)
{
    return services->orchestration.orchestrations_max;
}

const json_t *services_rows(struct services *services, enum services_index service, const char *table, int partition)
{
    struct part *part = &services->parts[service][partition];

    store(part);
    for (size_t i = 0; i < part->core->table_count; i++)
        if (strcmp(part->core->tables[i].name, table) == 0)
            return part->rows[i];
    services_fail(services, "there is no table %s", table);
    return NULL;
}

/* --- Messages --- */

static void post(struct services *services, struct part *part, struct asked asked)
{
    if (part->tail - part->head == QUEUE_MAX)
        services_fail(services, "more than %d messages wait for a partition of %s", QUEUE_MAX, part->core->topic);
    part->queue[part->tail++ % QUEUE_MAX] = asked;
}

static struct asked asked_new(struct services *services, const struct core *core, const char *type, const char *subject)
{
    struct asked asked = { .type = core_type(core->request_types, type),
                           .subject = strdup(subject == NULL ? "" : subject) };

    if (asked.type < 0)
        services_fail(services, "%s knows no request %s", core->topic, type);
    return asked;
}

void services_ask(struct services *services, struct services_request request)
{
    int partition = request.key == NULL ? request.partition : partition_of(request.key, SERVICES_PARTITIONS);
    struct part *part = &services->parts[request.service][partition];
    struct asked asked = asked_new(services, part->core, request.type, request.key);

    asked.data = request.data;
    asked.by_client = true;
    post(services, part, asked);
}

static void deliver(struct services *services, const struct message *message)
{
    int partition = message->key == NULL ? message->partition : partition_of(message->key, SERVICES_PARTITIONS);

    for (size_t service = 0; service < SERVICES_COUNT; service++) {
        struct part *part = &services->parts[service][partition];
        struct asked asked;

        if (strcmp(part->core->topic, message->topic) != 0)
            continue;
        asked = asked_new(services, part->core, message->type, message->key);
        asked.data = json_deep_copy(message->data); /* through the wire, nothing is shared */
        asked.by_client = message->hand_on;
        post(services, part, asked);
        return;
    }
    services_fail(services, "a message to %s", message->topic);
}

static void order(struct services *services, const struct call *call)
{
    size_t i = 0;

    while (i < services->order_count && strcmp(services->orders[i].runtime, call->runtime_id) != 0)
        i++;
    if (i == ORDERS_MAX)
        services_fail(services, "more than %d runtimes", ORDERS_MAX);
    if (i == services->order_count)
        services->order_count++;
    else if (call->fence < services->orders[i].fence)
        services_fail(services, "%s: the fence %lld after %lld", call->runtime_id, (long long)call->fence,
                      (long long)services->orders[i].fence);
    services->orders[i] = (struct order){ .fence = call->fence, .stands = true };
    snprintf(services->orders[i].runtime, NAME_SIZE, "%s", call->runtime_id);
    snprintf(services->orders[i].operation, NAME_SIZE, "%s", call->operation_id);
    snprintf(services->orders[i].stage, NAME_SIZE, "%s", call->stage);
}

/* --- Decisions --- */

static bool same_events(const struct decision *one, const struct decision *other)
{
    if (one->count != other->count || one->status != other->status)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (one->events[i].type != other->events[i].type ||
            strcmp(one->events[i].subject, other->events[i].subject) != 0 ||
            !json_equal(one->events[i].data, other->events[i].data))
            return false;
    return true;
}

static bool same_messages(const struct messages *one, const struct messages *other)
{
    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++)
        if (strcmp(one->items[i].type, other->items[i].type) != 0 ||
            !json_equal(one->items[i].data, other->items[i].data))
            return false;
    return true;
}

/* All that a decision gives. */
struct given {
    struct decision decision;
    struct messages messages;
    struct calls calls;
};

static void given_release(struct given *given)
{
    decision_release(&given->decision);
    messages_release(&given->messages);
    calls_release(&given->calls);
}

/* Who takes over decides the same, and sends the same. */
static void check_elsewhere(struct services *services, const struct part *part, void *state,
                            const struct request *request, const struct given *given)
{
    struct given other = { .messages = { .partitions = SERVICES_PARTITIONS } };
    struct changes changes = { 0 };

    prepare(part, state, request);
    fold_decide(part->core, state, request, (struct fold_at){ .time_ms = services->now_ms, .offset = part->offset },
                &other.decision, &changes, &other.messages, &other.calls);
    messages_parse(&other.messages);
    if (!same_events(&given->decision, &other.decision))
        services_fail(services, "who takes over decides otherwise: %s", part->core->request_types[request->type]);
    if (!same_messages(&given->messages, &other.messages))
        services_fail(services, "who takes over sends otherwise: %s", part->core->request_types[request->type]);
    given_release(&other);
    changes_release(&changes);
    part->core->state_free(state);
}

static void tell(struct services *services, const struct part *part, enum services_index service,
                 const struct decision *decision)
{
    services->telling = part->partition;
    for (size_t i = 0; i < decision->count; i++) {
        const char *full = part->core->event_types[decision->events[i].type];
        char type[NAME_SIZE];

        /* tidegate.<aggregate>.<type>.v1 */
        snprintf(type, sizeof type, "%s", strchr(strchr(full, '.') + 1, '.') + 1);
        *strchr(type, '.') = '\0';
        services->told(services->context, service, type,
                       &(struct event){ .type = decision->events[i].type,
                                        .subject = decision->events[i].subject,
                                        .data = decision->events[i].data,
                                        .time_ms = services->now_ms,
                                        .offset = part->offset });
    }
}

static void decide(struct services *services, enum services_index service, struct part *part, struct asked *asked)
{
    struct given given = { .messages = { .partitions = SERVICES_PARTITIONS } };
    char id[NAME_SIZE];
    struct request request = { .id = id,
                               .type = asked->type,
                               .subject = asked->subject,
                               .data = asked->data,
                               .asked = asked->by_client ? id : NULL };
    void *elsewhere = NULL;

    snprintf(id, sizeof id, "q%lld", (long long)++services->decisions);
    part->offset += 1 + services_draw(services, 3);
    if (services_draw(services, CHECKED_ONE_IN) == 0) {
        store(part);
        elsewhere = taken_over(part);
    }
    store(part);
    prepare(part, part->state, &request);
    fold_decide(part->core, part->state, &request,
                (struct fold_at){ .time_ms = services->now_ms, .offset = part->offset }, &given.decision, &part->open,
                &given.messages, &given.calls);
    messages_parse(&given.messages);
    if (elsewhere != NULL)
        check_elsewhere(services, part, elsewhere, &request, &given);
    for (size_t i = 0; i < given.messages.count; i++)
        deliver(services, &given.messages.items[i]);
    for (size_t i = 0; i < given.calls.count; i++)
        order(services, &given.calls.items[i]);
    tell(services, part, service, &given.decision);
    given_release(&given);
    asked_release(asked);
}

/* --- Steps --- */

bool services_decide(struct services *services)
{
    unsigned first = services_draw(services, SERVICES_COUNT * SERVICES_PARTITIONS);

    for (unsigned i = 0; i < SERVICES_COUNT * SERVICES_PARTITIONS; i++) {
        unsigned index = (first + i) % (SERVICES_COUNT * SERVICES_PARTITIONS);
        enum services_index service = index / SERVICES_PARTITIONS;
        struct part *part = &services->parts[service][index % SERVICES_PARTITIONS];

        if (part->head == part->tail)
            continue;
        decide(services, service, part, &part->queue[part->head++ % QUEUE_MAX]);
        return true;
    }
    return false;
}

static struct deadline deadline_of(const struct part *part)
{
    return part->core->deadline == NULL ? (struct deadline){ .at_ms = DEADLINE_NEVER }
                                        : part->core->deadline(part->state);
}

bool services_wake(struct services *services)
{
    for (size_t service = 0; service < SERVICES_COUNT; service++)
        for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
            struct part *part = &services->parts[service][partition];
            struct deadline deadline = deadline_of(part);
            struct asked asked;

            if (deadline.at_ms > services->now_ms)
                continue;
            asked = (struct asked){ .type = part->core->wake,
                                    .subject = strdup(""),
                                    .data = json_pack("{s:I,s:s}", "at", (json_int_t)deadline.at_ms, "id",
                                                      deadline.id) };
            decide(services, (enum services_index)service, part, &asked);
            return true;
        }
    return false;
}

int64_t services_deadline_ms(const struct services *services)
{
    int64_t first_ms = DEADLINE_NEVER;

    for (size_t service = 0; service < SERVICES_COUNT; service++)
        for (int partition = 0; partition < SERVICES_PARTITIONS; partition++) {
            int64_t at_ms = deadline_of(&services->parts[service][partition]).at_ms;

            first_ms = at_ms < first_ms ? at_ms : first_ms;
        }
    return first_ms;
}

/* Unless it is calm, some are told again, or are not the end, or come too late. */
bool services_drive(struct services *services, bool calmly)
{
    unsigned first = services->order_count == 0 ? 0 : services_draw(services, (unsigned)services->order_count);

    for (size_t i = 0; i < services->order_count; i++) {
        struct order *its = &services->orders[(first + i) % services->order_count];
        bool again = !calmly && services_draw(services, 10) == 0, fails = !calmly && services_draw(services, 8) == 0;
        bool ended = calmly || services_draw(services, 4) > 0;

        if (!its->stands && !again)
            continue;
        services_ask(services, (struct services_request){
                                   .service = PROVISIONER,
                                   .key = its->runtime,
                                   .type = "tidegate.runtime.progress.v1",
                                   .data = json_pack("{s:[{s:s,s:s,s:s,s:I,s:b,s:s,s:b}]}", "reports", "runtimeID",
                                                     its->runtime, "operationID", its->operation, "stage", its->stage,
                                                     "fence", (json_int_t)its->fence, "ok", !fails, "message",
                                                     fails ? "no" : "goes on", "ended", ended) });
        its->stands = its->stands && !ended;
        return true;
    }
    return false;
}
