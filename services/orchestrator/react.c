/* What others are asked or told because of an event. */
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "services/orchestrator/parts.h"

/* --- To the brokers --- */

static void react_started(const struct orchestration *orchestration, struct messages *out)
{
    json_t *targets = json_object_get(orchestration->parameters, "targets");

    for (int partition = 0; partition < orchestration->partitions; partition++)
        messages_add(out, (struct message){
                              .topic = "instances",
                              .partition = partition,
                              .type = "tidegate.instance.match.v1",
                              .traceparent = orchestration->traceparent,
                              .data = json_pack("{s:s, s:s, s:O?, s:s}", "orchestrationID", orchestration->id, "lane",
                                                orchestration->lane->type->name, "targets", targets, "cursor", "") });
}

/* Its instance shows an operation that ended without the provisioner as well: one that failed so has failed. */
static void tell_instance(const struct operation *operation, const struct event *event, struct messages *out)
{
    const struct orchestration *orchestration = operation->orchestration;
    json_t *report = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "operationID", operation->id, "type",
                               orchestration->lane->type->type, "orchestrationID", orchestration->id, "state",
                               operation_state_names[operation->state], "description", operation->description,
                               "createdAt", (json_int_t)operation->created_at, "updatedAt", (json_int_t)event->time_ms);

    messages_add(out, (struct message){ .topic = "instances",
                                        .key = operation->texts[TEXT_INSTANCE_ID],
                                        .type = "tidegate.instance.report.v1",
                                        .traceparent = orchestration->traceparent,
                                        .data = json_pack("{s:o}", "operation", report) });
}

static void react_progressed(const struct state *state, const struct event *event, struct messages *out)
{
    const struct operation *operation = operation_find(state, data_text(event->data, "operationID"));

    if (operation != NULL && json_is_true(json_object_get(event->data, "told")))
        tell_instance(operation, event, out);
}

/* Those for which there is nothing to be sent. */
static void react_unconfigured(const struct state *state, const struct event *event, struct messages *out)
{
    json_t *choice, *id;
    size_t i, j;

    json_array_foreach(json_object_get(event->data, "choices"), i, choice) {
        if (!json_is_true(json_object_get(choice, "told")))
            continue;
        json_array_foreach(json_object_get(choice, "operations"), j, id) {
            const struct operation *operation = operation_find(state, json_string_value(id));

            if (operation != NULL)
                tell_instance(operation, event, out);
        }
    }
}

/* Those for which there was nothing to be sent from the start. */
static void react_failed_at_start(const struct orchestration *orchestration, const struct event *event,
                                  struct messages *out)
{
    const struct operation **failed;
    size_t count = 0;

    if (!json_is_true(json_object_get(event->data, "told")))
        return;
    failed = value_allocate((orchestration->count + 1) * sizeof(struct operation *));
    for (size_t i = 0; i < orchestration->count; i++)
        if (orchestration->operations[i]->state == OPERATION_FAILED)
            failed[count++] = orchestration->operations[i];
    qsort(failed, count, sizeof(struct operation *), operation_compare_turns);
    for (size_t i = 0; i < count && i < ORCHESTRATION_TOLD_MAX; i++)
        tell_instance(failed[i], event, out);
    free(failed);
}

/* --- To the schedulers: many operations in one message, for each partition apart --- */

enum group_kind { GROUP_REQUEST, GROUP_DROP };

struct groups {
    enum group_kind kind;
    const struct orchestration *orchestration;
    int64_t after;
    struct messages *out;
    int partitions;
    struct group {
        struct text data; /* up to its operations so far */
        size_t count;
    } * groups; /* by partition */
};

static void groups_init(struct groups *groups)
{
    groups->partitions = messages_partitions(groups->out);
    groups->groups = value_allocate((size_t)groups->partitions * sizeof(struct group));
}

static void groups_send(struct groups *groups, int partition)
{
    const struct orchestration *orchestration = groups->orchestration;
    struct group *group = &groups->groups[partition];
    bool request = groups->kind == GROUP_REQUEST;

    text_add(&group->data, "]");
    if (request) {
        text_add_member(&group->data, "lane", orchestration->lane->type->name);
        text_add_member(&group->data, "schedule", orchestration->schedule);
        text_add(&group->data, ",\"after\":");
        text_add_integer(&group->data, groups->after);
    }
    text_add(&group->data, "}");
    messages_add(groups->out,
                 (struct message){ .topic = "schedules",
                                   .partition = partition,
                                   .type = request ? "tidegate.schedule.request.v1" : "tidegate.schedule.drop.v1",
                                   .traceparent = orchestration->traceparent,
                                   .data_text = group->data.bytes });
    *group = (struct group){ 0 };
}

static void groups_add(struct groups *groups, const struct operation *operation)
{
    int partition = partition_of(operation->id, groups->partitions);
    struct group *group = &groups->groups[partition];

    if (group->count == 0) {
        text_add(&group->data, "{\"orchestrationID\":");
        text_add_string(&group->data, groups->orchestration->id);
        text_add(&group->data, ",\"operations\":[");
    }
    text_add(&group->data, group->count == 0 ? "{\"operationID\":" : ",{\"operationID\":");
    text_add_string(&group->data, operation->id);
    if (groups->kind == GROUP_REQUEST) {
        text_add_member(&group->data, "begin", operation->texts[TEXT_WINDOW_BEGIN]);
        text_add_member(&group->data, "end", operation->texts[TEXT_WINDOW_END]);
        text_add_member(&group->data, "globalAccountID", operation->texts[TEXT_GLOBAL_ACCOUNT_ID]);
        text_add_member(&group->data, "planName", operation->texts[TEXT_PLAN_NAME]);
        text_add_member(&group->data, "region", operation->texts[TEXT_REGION]);
    }
    text_add(&group->data, "}");
    if (++group->count == ORCHESTRATION_MESSAGE_MAX)
        groups_send(groups, partition);
}

static void groups_release(struct groups *groups)
{
    for (int partition = 0; partition < groups->partitions; partition++)
        if (groups->groups[partition].count > 0)
            groups_send(groups, partition);
    free(groups->groups);
}

/* All that wait, in their order: they stand in the state in none. */
static void group_waiting(const struct orchestration *orchestration, enum group_kind kind, struct messages *out)
{
    struct groups groups = { .kind = kind, .orchestration = orchestration, .out = out };
    const struct operation **waiting = calloc(orchestration->count + 1, sizeof(struct operation *));
    size_t count = 0;

    if (waiting == NULL)
        abort();
    for (size_t i = 0; i < orchestration->count; i++)
        if (orchestration->operations[i]->phase == PHASE_WAITING)
            waiting[count++] = orchestration->operations[i];
    qsort(waiting, count, sizeof(struct operation *), operation_compare_turns);
    groups_init(&groups);
    for (size_t i = 0; i < count; i++)
        groups_add(&groups, waiting[i]);
    groups_release(&groups);
    free(waiting);
}

static void react_rescheduled(const struct state *state, const struct orchestration *orchestration,
                              const struct event *event, struct messages *out)
{
    struct groups groups = {
        .kind = GROUP_REQUEST, .orchestration = orchestration, .after = data_integer(event->data, "after"), .out = out
    };
    json_t *id;
    size_t i;

    groups_init(&groups);
    json_array_foreach(json_object_get(event->data, "operations"), i, id) {
        const struct operation *operation = operation_find(state, json_string_value(id));

        if (operation != NULL)
            groups_add(&groups, operation);
    }
    groups_release(&groups);
}

/* Only a timer can be dropped; what is opened at once waits nowhere. */
static void react_halted(const struct orchestration *orchestration, struct messages *out)
{
    if (orchestration->resolved && strcmp(orchestration->schedule, "maintenanceWindow") == 0)
        group_waiting(orchestration, GROUP_DROP, out);
}

/* --- To the provisioners --- */

/* Who is sent a configuration. It goes ahead, once to each partition, so that an upgrade need only name its hash. */
struct receivers {
    const struct configuration *configuration;
    bool *partitions; /* those that are concerned */
};

static int compare_hashes(const void *a, const void *b)
{
    const struct receivers *left = a, *right = b;

    return strcmp(left->configuration->hash, right->configuration->hash);
}

static struct receivers *receivers_new(const struct orchestration *orchestration, int partitions)
{
    struct receivers *receivers = value_allocate((HASH_COUNT(orchestration->configurations) + 1) * sizeof *receivers);
    size_t count = 0;

    for (const struct configuration *at = orchestration->configurations; at != NULL; at = at->hh.next)
        receivers[count++] = (struct receivers){ at, value_allocate((size_t)partitions * sizeof(bool)) };
    qsort(receivers, count, sizeof *receivers, compare_hashes);
    return receivers;
}

static void configure_partition(const struct orchestration *orchestration, const struct configuration *configuration,
                                int partition, struct messages *out)
{
    messages_add(out, (struct message){ .topic = "runtimes",
                                        .partition = partition,
                                        .type = "tidegate.runtime.configure.v1",
                                        .traceparent = orchestration->traceparent,
                                        .data = json_pack("{s:s, s:O}", "hash", configuration->hash, "kymaConfig",
                                                          configuration->body) });
}

/* What those operations are sent, by hash and partition. */
static void configure(const struct orchestration *orchestration, const struct operation *const *operations,
                      size_t operation_count, struct messages *out)
{
    int partitions = messages_partitions(out);
    size_t count = HASH_COUNT(orchestration->configurations);
    struct receivers *receivers = receivers_new(orchestration, partitions);

    for (size_t i = 0; i < operation_count; i++) {
        const char *hash = operation_configuration(operations[i]);
        const struct receivers key = { configuration_find(orchestration, hash), NULL };
        struct receivers *found;

        if (key.configuration == NULL)
            continue;
        found = bsearch(&key, receivers, count, sizeof key, compare_hashes);
        found->partitions[partition_of(operations[i]->texts[TEXT_RUNTIME_ID], partitions)] = true;
    }
    for (size_t i = 0; i < count; i++) {
        for (int partition = 0; partition < partitions; partition++)
            if (receivers[i].partitions[partition])
                configure_partition(orchestration, receivers[i].configuration, partition, out);
        free(receivers[i].partitions);
    }
    free(receivers);
}

static bool sends_kyma(const struct orchestration *orchestration)
{
    return !orchestration->dry_run && !orchestration->lane->type->cluster;
}

static void configure_where(const struct orchestration *orchestration,
                            bool (*concerned)(const struct operation *operation), struct messages *out)
{
    const struct operation **operations;
    size_t count = 0;

    if (!sends_kyma(orchestration))
        return;
    operations = value_allocate((orchestration->count + 1) * sizeof(struct operation *));
    for (size_t i = 0; i < orchestration->count; i++)
        if (concerned(orchestration->operations[i]))
            operations[count++] = orchestration->operations[i];
    configure(orchestration, operations, count, out);
    free(operations);
}

static bool is_usual(const struct operation *operation)
{
    return operation->version == NULL;
}

static bool is_usual_again(const struct operation *operation)
{
    return is_usual(operation) && operation->state == OPERATION_PENDING && operation->attempt > 1;
}

/* Before they start: so no record is followed by more configurations than its event may name. */
static void react_configured(const struct state *state, const struct orchestration *orchestration,
                             const struct event *event, struct messages *out)
{
    const struct operation **operations;
    json_t *choice, *id;
    size_t count = 0, i, j;

    if (!sends_kyma(orchestration))
        return;
    operations = value_allocate((orchestration->count + 1) * sizeof(struct operation *));
    json_array_foreach(json_object_get(event->data, "choices"), i, choice) {
        json_array_foreach(json_object_get(choice, "operations"), j, id) {
            const struct operation *operation = operation_find(state, json_string_value(id));

            if (operation != NULL && operation->orchestration == orchestration && count < orchestration->count)
                operations[count++] = operation;
        }
    }
    configure(orchestration, operations, count, out);
    free(operations);
}

static void react_scheduled(const struct orchestration *orchestration, struct messages *out)
{
    configure_where(orchestration, is_usual, out);
    group_waiting(orchestration, GROUP_REQUEST, out);
}

/* All else of one that had ended is over, so that only what is retried waits. The provisioners may have forgotten the
 * configuration since. */
static void react_resumed(const struct orchestration *orchestration, const struct event *event, struct messages *out)
{
    configure_where(orchestration, is_usual_again, out);
    if (strcmp(data_text(event->data, "windows"), "new") == 0)
        group_waiting(orchestration, GROUP_REQUEST, out);
}

static json_t *upgrade_of_kyma(const struct operation *operation)
{
    const struct orchestration *orchestration = operation->orchestration;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "runtimeID", operation->texts[TEXT_RUNTIME_ID],
                     "instanceID", operation->texts[TEXT_INSTANCE_ID], "globalAccountID",
                     operation->texts[TEXT_GLOBAL_ACCOUNT_ID], "operationID", operation->id, "orchestrationID",
                     orchestration->id, "lane", orchestration->lane->type->name, "version",
                     operation_version(operation), "configuration", operation_configuration(operation));
}

static json_t *upgrade_of_cluster(const struct operation *operation)
{
    const struct orchestration *orchestration = operation->orchestration;

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O?}", "tenant", operation->texts[TEXT_GLOBAL_ACCOUNT_ID],
                     "operationID", operation->id, "orchestrationID", orchestration->id, "lane",
                     orchestration->lane->type->name, "instanceID", operation->texts[TEXT_INSTANCE_ID],
                     "gardenerConfig", orchestration->cluster_config);
}

static void react_dispatched(const struct state *state, const struct orchestration *orchestration,
                             const struct event *event, struct messages *out)
{
    bool cluster = orchestration->lane->type->cluster;
    json_t *id;
    size_t i;

    json_array_foreach(json_object_get(event->data, "operations"), i, id) {
        const struct operation *operation = operation_find(state, json_string_value(id));
        json_t *data;

        if (operation == NULL)
            continue;
        data = cluster ? upgrade_of_cluster(operation) : upgrade_of_kyma(operation);
        if (operation->attempt > 1)
            json_object_set_new(data, "attempt", json_integer(operation->attempt));
        if (orchestration->dry_run)
            json_object_set_new(data, "dryRun", json_true());
        if (operation->window_end != 0)
            json_object_set_new(data, "until", json_integer(operation->window_end));
        messages_add(out, (struct message){ .topic = "runtimes",
                                            .key = operation->texts[TEXT_RUNTIME_ID],
                                            .type = cluster ? "tidegate.runtime.upgradeShoot.v1"
                                                            : "tidegate.runtime.upgrade.v1",
                                            .traceparent = orchestration->traceparent,
                                            .data = data });
    }
}

void orchestration_react(const void *state, const struct event *event, struct messages *out)
{
    const struct orchestration *orchestration = orchestration_find(state, event->subject);

    if (orchestration == NULL)
        return;
    switch ((enum orchestration_event)event->type) {
    case EVENT_STARTED: react_started(orchestration, out); break;
    case EVENT_CONFIGURED:
        react_unconfigured(state, event, out);
        react_configured(state, orchestration, event, out);
        break;
    case EVENT_SCHEDULED:
        react_failed_at_start(orchestration, event, out);
        react_scheduled(orchestration, out);
        break;
    case EVENT_DISPATCHED: react_dispatched(state, orchestration, event, out); break;
    case EVENT_RESCHEDULED: react_rescheduled(state, orchestration, event, out); break;
    case EVENT_RESUMED: react_resumed(orchestration, event, out); break;
    case EVENT_PROGRESSED: react_progressed(state, event, out); break;
    case EVENT_HALTED: react_halted(orchestration, out); break;
    case EVENT_ACCEPTED:
    case EVENT_REPEATED:
    case EVENT_REJECTED:
    case EVENT_TARGETED:
    case EVENT_PLANNED:
    case EVENT_RELEASED:
    case EVENT_REHEARSED:
    case EVENT_STOPPED:
    case EVENT_RETRIED:
    case EVENT_DECLINED:
    case EVENT_CANCELED:
    case EVENT_SUCCEEDED:
    case EVENT_FAILED:
    case EVENT_RELEASES_ADOPTED:
    case EVENT_RELEASES_REFUSED: break;
    }
}
