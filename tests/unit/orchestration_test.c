/* The orchestrator's core, as scenes; at the end whole fleets, driven by a scheduler and a provisioner of a few lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/orchestrator/state.h"
#include "tests/unit/scene.h"

#define TYPE "tidegate.orchestration."
#define UPGRADE TYPE "upgrade.v1"
#define CANCEL TYPE "cancel.v1"
#define TARGET TYPE "target.v1"
#define SCHEDULE TYPE "schedule.v1"
#define REPORT TYPE "report.v1"
#define WAKE TYPE "wake.v1"

enum { BROKERS = 2, MINUTE_MS = 60000 };
static const int64_t nine = 1643706000000; /* 2022-02-01T09:00:00Z, when scenes begin */

static struct orchestration_settings settings = { .kyma_version = "2.4.2",
                                                  .kubernetes_version = "1.20.8",
                                                  .partitions = BROKERS };

/* --- Words of the scenes --- */

/* A text that lives for the next hundred calls: long enough for a scene's step. */
static const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static const char *text(const char *format, ...)
{
    static char *kept[100];
    static size_t next;
    va_list list;
    char **at = &kept[next++ % 100];

    free(*at);
    va_start(list, format);
    if (vasprintf(at, format, list) < 0)
        abort();
    va_end(list);
    return *at;
}

/* The ID of the operation of orchestration o1 (or another) on a runtime. */
static const char *operation_of(const char *orchestration, const char *runtime)
{
    char id[UUID_SIZE];

    uuid_derive(text("operation\n%s\n%s", orchestration, runtime), id);
    return text("%s", id);
}

static const char *op(const char *runtime)
{
    return operation_of("o1", runtime);
}

static struct scene *scene_open(void)
{
    return scene_new(&orchestration_core, &settings);
}

static void request_upgrade(struct scene *scene, const char *id, const char *parameters)
{
    when(scene, UPGRADE, "kyma",
         text("{'orchestrationID': '%s', 'lane': 'kyma', 'bodyHash': 'h1', 'version': '2.3.0', "
              "'actor': {'issuer': 'i', 'subject': 's', 'email': 'e'}, 'parameters': %s}",
              id, parameters));
}

static const char *parameters(int workers, const char *schedule)
{
    return text("{'targets': {'include': [{'target': 'all'}]}, 'strategy': {'type': 'parallel', 'schedule': '%s', "
                "'parallel': {'workers': %d}}}",
                schedule, workers);
}

static void wake(struct scene *scene)
{
    struct deadline deadline = orchestration_core.deadline(scene_state(scene));

    assert_int_equal(deadline.at_ms, 0);
    when(scene, WAKE, "kyma", text("{'at': 0, 'id': '%s'}", deadline.id));
}

static const char *target(const char *runtime, int include, const char *shoot)
{
    return text("{'include': %d, 'instanceID': 'instance-%s', 'runtimeID': '%s', 'globalAccountID': 'ga', "
                "'subAccountID': 'sa', 'planName': 'azure', 'region': 'westeurope', 'shootName': '%s', "
                "'windowBegin': '220000+0000', 'windowEnd': '040000+0000'}",
                include, runtime, runtime, shoot);
}

static void targets(struct scene *scene, int partition, const char *list, bool last)
{
    when(scene, TARGET, "kyma",
         text("{'orchestrationID': 'o1', 'partition': %d, 'targets': [%s], 'last': %s}", partition, list,
              last ? "true" : "false"));
}

/* o1 with the three runtimes r1, r2, r3, scheduled. */
static void three_scheduled(struct scene *scene, const char *with)
{
    request_upgrade(scene, "o1", with);
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r3", 0, "c-3"), target("r1", 0, "c-1")), true);
    targets(scene, 1, target("r2", 0, "c-2"), true);
}

static const char *window_item(const char *runtime, int64_t begin, int64_t end)
{
    return text("{'operationID': '%s', 'begin': %lld, 'end': %lld}", op(runtime), (long long)begin, (long long)end);
}

static void scheduled(struct scene *scene, const char *items, bool open)
{
    when(scene, SCHEDULE, "kyma",
         text("{'orchestrationID': 'o1', 'operations': [%s], 'open': %s}", items, open ? "true" : "false"));
}

static void three_released(struct scene *scene, int workers)
{
    three_scheduled(scene, parameters(workers, "immediate"));
    scheduled(scene, text("%s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0)),
              true);
}

static void report(struct scene *scene, const char *runtime, const char *result, const char *message)
{
    when(scene, REPORT, "kyma",
         text("{'orchestrationID': 'o1', 'operationID': '%s', 'result': '%s', 'message': '%s'}", op(runtime), result,
              message));
}

static void cancel(struct scene *scene, const char *id)
{
    when(scene, CANCEL, "kyma", text("{'orchestrationID': '%s', 'lane': 'kyma', 'actor': {'subject': 'c'}}", id));
}

static void then_operation(struct scene *scene, const char *runtime, const char *state, const char *description)
{
    then_row(scene, "operation", op(runtime), text("{'state': '%s', 'description': '%s'}", state, description));
}

static const char *dispatched(const char *runtimes) /* "r1 r2" */
{
    const char *list = "";
    char *words = strdup(runtimes);

    for (char *rest = NULL, *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        list = text("%s%s'%s'", list, list[0] == '\0' ? "" : ", ", op(word));
    free(words);
    return text(TYPE "dispatched.v1 o1 {'operations': [%s]}", list);
}

/* --- Asking for an upgrade --- */

static void upgrade_is_accepted_with_all_that_decides_and_sends_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(5, "maintenanceWindow"));
    then_events(scene,
                TYPE "accepted.v1 o1 {'lane': 'kyma', 'bodyHash': 'h1', 'version': '2.3.0', 'workers': 5, "
                     "'dryRun': false, 'schedule': 'maintenanceWindow', 'actor': {'subject': 's'}, "
                     "'parameters': {'strategy': {'parallel': {'workers': 5}}}}",
                NULL);
    then_outcome(scene, 202, "{'orchestrationID': 'o1'}");
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'type': 'upgradeKyma', 'state': 'pending', 'description': 'queued for processing', 'resolved': false, "
             "'created_at': '2022-02-01T09:00:00Z', 'updated_at': '2022-02-01T09:00:00Z', 'stats': null}");
    scene_free(scene);
}

static void no_workers_and_no_schedule_mean_one_worker_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{'strategy': {'parallel': {'workers': 0}}, 'dryRun': true}");
    then_events(scene, TYPE "accepted.v1 o1 {'workers': 1, 'schedule': 'immediate', 'dryRun': true}", NULL);
    scene_free(scene);
}

static void upgrade_without_a_version_takes_the_default(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "kyma", "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h1', 'parameters': {}}");
    then_events(scene, TYPE "accepted.v1 o1 {'version': '2.4.2', 'actor': null}", NULL);
    scene_free(scene);
}

static void repeated_upgrade_gets_the_same_answer_and_changes_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    scene_time(scene, nine + MINUTE_MS);
    request_upgrade(scene, "o1", "{}");
    then_events(scene, TYPE "repeated.v1 o1 {'status': 202, 'request': '" UPGRADE "'}", NULL);
    then_outcome(scene, 202, "{'orchestrationID': 'o1'}");
    then_row(scene, "orchestration", "o1", "{'updated_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void another_body_under_the_same_key_is_refused(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    when(scene, UPGRADE, "kyma",
         "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h2', 'version': '2.3.0', 'actor': {'subject': 's'}}");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422, 'actor': {'subject': 's'}}", NULL);
    then_outcome(scene, 422,
                 "{'error': 'while creating orchestration: the Idempotency-Key was used before, for a request with "
                 "another body'}");
    scene_free(scene);
}

static void version_without_a_release_is_refused_with_those_that_exist(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "kyma", "{'orchestrationID': 'o1', 'lane': 'kyma', 'bodyHash': 'h', 'version': '9.9.9'}");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 400}", NULL);
    then_outcome(scene, 400,
                 "{'error': 'while validating kyma version: there is no release 9.9.9; there are: 2.3.0, 2.4.2'}");
    then_row(scene, "orchestration", "o1", NULL);
    scene_free(scene);
}

static void unknown_lane_missing_id_and_long_id_are_refused(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, UPGRADE, "x", "{'orchestrationID': 'o1', 'lane': 'x', 'bodyHash': 'h'}");
    then_outcome(scene, 400, "{'error': 'while creating orchestration: there is no lane x'}");
    when(scene, UPGRADE, "kyma", "{'lane': 'kyma'}");
    then_outcome(scene, 400, "{'error': 'while creating orchestration: orchestrationID is missing'}");
    when(scene, UPGRADE, "kyma", "{'lane': 'kyma', 'orchestrationID': '0123456789012345678901234567890123456789'}");
    then_outcome(scene, 400, NULL);
    then_events(scene, TYPE "rejected.v1 0123456789012345678901234567890123456789", NULL);
    scene_free(scene);
}

static void long_reason_is_cut_between_two_characters(void **state)
{
    struct scene *scene = scene_open();
    char umlauts[1001] = "";

    (void)state;
    for (size_t i = 0; i < 1000; i += 2)
        memcpy(umlauts + i, "\xc3\xa4", 3);
    cancel(scene, umlauts);
    then_outcome(scene, 404, NULL);
    cancel(scene, text("%.999s", text("x%s", umlauts)));
    then_outcome(scene, 404, NULL);
    scene_free(scene);
}

static void only_what_a_client_may_repeat_is_loaded(void **state)
{
    const struct {
        int type;
        const char *data;
        size_t want_count;
    } cases[] = {
        { 0, "{\"orchestrationID\": \"o1\"}", 0 }, { 0, "{\"orchestrationID\": \"o1\", \"keyed\": true}", 1 },
        { 1, "{\"orchestrationID\": \"o1\"}", 1 }, { 2, "{\"orchestrationID\": \"o1\"}", 0 },
        { 4, "{\"orchestrationID\": \"o1\"}", 0 }, { 5, "{\"id\": \"o1\"}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *data = json_loads(cases[i].data, 0, NULL);
        struct request request = { .type = cases[i].type, .data = data };
        struct names names = { 0 };

        orchestration_core.needs(&request, &names);
        assert_int_equal(names.count, cases[i].want_count);
        names_release(&names);
        json_decref(data);
    }
}

/* --- Turns of a lane --- */

static void first_of_a_lane_starts_by_itself_and_asks_every_broker(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1");
    wake(scene);
    then_events(scene, TYPE "started.v1 o1 {'partitions': 2}", NULL);
    then_messages(scene,
                  "instances #0 tidegate.instance.match.v1 {'orchestrationID': 'o1', 'lane': 'kyma', 'cursor': '', "
                  "'targets': {'include': [{'target': 'all'}]}}",
                  "instances #1 tidegate.instance.match.v1", NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'pending', 'description': 'queued for processing'}");
    scene_free(scene);
}

static void started_orchestration_is_not_started_again(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1'}");
    then_events(scene, NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void second_of_a_lane_waits_until_the_first_has_ended(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o2", "{}"); /* the order of arrival, not of IDs */
    request_upgrade(scene, "o1", "{}");
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o2");
    wake(scene);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1'}");
    then_events(scene, NULL);
    cancel(scene, "o2");
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1");
    wake(scene);
    then_events(scene, TYPE "started.v1 o1", NULL);
    scene_free(scene);
}

static void empty_lane_needs_no_waking(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'nobody'}");
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- Targets --- */

static void operations_stay_invisible_until_the_last_target_is_in(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    then_events(scene,
                text(TYPE "targeted.v1 o1 {'partition': 0, 'last': true, 'targets': [{'runtimeID': 'r1', "
                          "'operationID': '%s'}]}",
                     op("r1")),
                NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'pending', 'resolved': false, 'reported': [0], 'stats': null}");
    then_operation(scene, "r1", "pending", "Operation created");
    scene_free(scene);
}

static void last_target_schedules_all_and_fixes_what_is_sent(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    scene_time(scene, nine + MINUTE_MS);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1 {'partition': 1, 'targets': []}",
                text(TYPE "scheduled.v1 o1 {'operations': 1, 'description': 'Scheduled 1 operations', "
                          "'version': '2.3.0', 'configuration': '%s', 'kymaConfig': {'version': '2.3.0'}, "
                          "'parameters': {'kyma': {'version': '2.3.0'}, 'kubernetes': {'kubernetesVersion': '1.20.8', "
                          "'machineImage': '', 'machineImageVersion': ''}}}",
                     releases_hash(settings.releases, "2.3.0")),
                NULL);
    then_messages(
        scene,
        text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s', 'kymaConfig': {'version': '2.3.0'}}",
             partition_of("r1", 12), releases_hash(settings.releases, "2.3.0")),
        text("schedules #%d tidegate.schedule.request.v1 {'orchestrationID': 'o1', 'lane': 'kyma', 'schedule': "
             "'immediate', 'after': 0, 'operations': [{'operationID': '%s', 'begin': '220000+0000', "
             "'end': '040000+0000'}]}",
             partition_of(op("r1"), 12), op("r1")),
        NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'description': 'Scheduled 1 operations', 'resolved': true, "
             "'updated_at': '2022-02-01T09:00:00Z', 'stats': {'pending': 1}}");
    scene_free(scene);
}

static void versions_of_the_request_are_not_replaced(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'kyma': {'version': '2.3.0', 'x': 1}, 'kubernetes': {'kubernetesVersion': '1.19.1', "
                           "'machineImage': 'm', 'machineImageVersion': ''}}");
    then_row(scene, "orchestration", "o1",
             "{'parameters': {'kyma': {'version': '2.3.0', 'x': 1}, 'kubernetes': {'kubernetesVersion': '1.19.1', "
             "'machineImage': 'm'}}, 'dry_run': false}");
    scene_free(scene);
}

static void runtime_named_twice_gets_one_operation(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r1", 0, "c-1"), target("r1", 1, "c-1")), true);
    then_events(scene, TYPE "targeted.v1 o1 {'targets': [{'runtimeID': 'r1', 'include': 0}]}", NULL);
    targets(scene, 1, text("%s, %s", target("r1", 1, "c-1"), "{'instanceID': 'without a runtime'}"), true);
    then_events(scene, TYPE "targeted.v1 o1 {'targets': []}", TYPE "scheduled.v1 o1 {'operations': 1}", NULL);
    scene_free(scene);
}

static void no_targets_succeed_at_once_without_an_update(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, "", true);
    scene_time(scene, nine + MINUTE_MS);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1", TYPE "scheduled.v1 o1 {'operations': 0}",
                TYPE "succeeded.v1 o1 {'description': 'Scheduled 0 operations'}", NULL);
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'succeeded', 'description': 'Scheduled 0 operations', 'stats': null, "
             "'updated_at': '2022-02-01T09:00:00Z'}");
    assert_false(orchestration_core.live(scene_state(scene), "o1"));
    scene_free(scene);
}

static void chunk_that_is_empty_and_not_the_last_decides_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, "", false);
    then_events(scene, NULL);
    scene_free(scene);
}

static void chunks_of_a_partition_that_has_ended_or_does_not_exist_decide_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    targets(scene, 0, target("r1", 0, "c"), true); /* nobody was asked yet */
    then_events(scene, NULL);
    wake(scene);
    targets(scene, 0, "", true);
    targets(scene, 0, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    targets(scene, BROKERS, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    targets(scene, -1, target("r1", 0, "c"), true);
    then_events(scene, NULL);
    scene_free(scene);
}

static void failing_broker_fails_the_whole_and_shows_no_operation(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    scene_time(scene, nine + MINUTE_MS);
    when(scene, TARGET, "kyma", "{'orchestrationID': 'o1', 'partition': 1, 'error': 'boom', 'last': true}");
    then_events(scene, TYPE "failed.v1 o1 {'description': 'while resolving operations: boom'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'while resolving operations: boom', 'resolved': false, "
             "'updated_at': '2022-02-01T09:01:00Z', 'stats': null}");
    scene_free(scene);
}

static void release_that_went_away_meanwhile_fails_the_whole(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    given(scene, TYPE "accepted.v1", "o1", "{'lane': 'kyma', 'version': '1.0.0', 'workers': 1, 'parameters': {}}");
    wake(scene);
    targets(scene, 0, "", true);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1",
                TYPE "failed.v1 o1 {'description': 'while resolving operations: there is no release 1.0.0 any more'}",
                NULL);
    scene_free(scene);
}

/* --- Order and slots --- */

static void released_operations_start_in_order_as_far_as_there_are_workers(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(2, "immediate"));
    scheduled(scene, text("%s, %s, %s", window_item("r3", 0, 0), window_item("r2", 0, 0), window_item("r1", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgrade.v1 {'runtimeID': 'r1', 'instanceID': 'instance-r1', "
                       "'globalAccountID': 'ga', 'operationID': '%s', 'orchestrationID': 'o1', 'lane': 'kyma', "
                       "'version': '2.3.0', 'configuration': '%s'}",
                       op("r1"), releases_hash(settings.releases, "2.3.0")),
                  "runtimes r2 tidegate.runtime.upgrade.v1", NULL);
    then_operation(scene, "r1", "pending", "Operation created");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void order_is_include_selector_then_shoot_then_runtime(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(9, "immediate"));
    wake(scene);
    targets(scene, 0, text("%s, %s", target("r1", 1, "a"), target("r3", 0, "c")), true);
    targets(scene, 1, text("%s, %s", target("r4", 0, "b"), target("r2", 0, "c")), true);
    scheduled(scene,
              text("%s, %s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0),
                   window_item("r4", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r4 r2 r3 r1"), NULL);
    scene_free(scene);
}

static void windows_that_opened_first_come_first(void **state)
{
    struct scene *scene = scene_open();
    int64_t end = nine + 60 * MINUTE_MS;

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r3", nine, end), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r3"), NULL);
    scheduled(scene, window_item("r2", nine, end), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, window_item("r1", nine, end), true);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    scene_free(scene);
}

static void windows_are_shown_before_they_open(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    scheduled(scene, window_item("r1", 1643752800000, 1643774400000), false);
    then_events(scene,
                text(TYPE "planned.v1 o1 {'operations': [{'operationID': '%s', 'begin': 1643752800000, "
                          "'end': 1643774400000}]}",
                     op("r1")),
                NULL);
    then_row(scene, "operation", op("r1"),
             "{'window_begin': '2022-02-01T22:00:00Z', 'window_end': '2022-02-02T04:00:00Z', 'state': 'pending', "
             "'phase': 'waiting'}");
    then_row(scene, "operation", op("r2"), "{'window_begin': null, 'window_end': null}");
    scene_free(scene);
}

static void operation_whose_window_ended_goes_back_to_the_scheduler(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s", window_item("r1", nine, nine + 100 * MINUTE_MS),
                   window_item("r2", nine, nine + MINUTE_MS)),
              true);
    scheduled(scene, window_item("r3", nine, nine + 100 * MINUTE_MS), true);
    scene_time(scene, nine + 2 * MINUTE_MS);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1",
                text(TYPE "rescheduled.v1 o1 {'operations': ['%s'], 'after': 1643706120000}", op("r2")),
                dispatched("r3"), NULL);
    then_messages(scene,
                  text("schedules #%d tidegate.schedule.request.v1 {'orchestrationID': 'o1', 'after': 1643706120000, "
                       "'schedule': 'maintenanceWindow', 'operations': [{'operationID': '%s', "
                       "'begin': '220000+0000'}]}",
                       partition_of(op("r2"), 12), op("r2")),
                  "runtimes r3 tidegate.runtime.upgrade.v1", NULL);
    then_row(scene, "operation", op("r2"), "{'state': 'pending', 'phase': 'waiting'}");
    scene_free(scene);
}

static void operation_that_runs_outlasts_its_window(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r1", nine, nine + MINUTE_MS), true);
    scene_time(scene, nine + 2 * MINUTE_MS);
    report(scene, "r1", "accepted", "");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'in progress'}", NULL);
    scheduled(scene, window_item("r1", nine, nine + 9 * MINUTE_MS), true); /* never scheduled anew */
    then_events(scene, NULL);
    scene_free(scene);
}

static void operation_that_cannot_be_scheduled_fails_alone(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    scheduled(scene, text("{'operationID': '%s', 'error': 'no window'}, %s", op("r1"), window_item("r2", nine, 0)),
              true);
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed', 'description': 'no window', 'phase': 'done'}",
                TYPE "released.v1 o1", dispatched("r2"), NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'in progress', 'stats': {'failed': 1, 'pending': 2}}");
    scene_free(scene);
}

static void schedule_of_the_unknown_decides_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, NULL);
    request_upgrade(scene, "o1", "{}");
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, NULL);
    wake(scene);
    targets(scene, 0, target("r1", 0, "c"), true);
    targets(scene, 1, "", true);
    scheduled(scene, window_item("r2", 0, 0), true);
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- Reports of the provisioner --- */

static void accepted_operation_is_in_progress_and_keeps_its_slot(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r1", "accepted", "");
    then_events(scene,
                TYPE "progressed.v1 o1 {'runtimeID': 'r1', 'cause': 'accepted', 'phase': 'running', "
                     "'state': 'in progress', 'description': 'kyma upgrade in progress'}",
                NULL);
    then_row(scene, "orchestration", "o1",
             "{'stats': {'in progress': 1, 'pending': 2}, 'updated_at': '2022-02-01T09:00:00Z'}");
    then_row(scene, "operation", op("r1"), "{'updated_at': '2022-02-01T09:01:00Z'}");
    scene_free(scene);
}

static void ended_operation_gives_its_slot_to_the_next(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "accepted", "");
    report(scene, "r1", "succeeded", "Operation succeeded");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'succeeded'}", dispatched("r2"), NULL);
    then_operation(scene, "r1", "succeeded", "Operation succeeded");
    scene_free(scene);
}

static void failed_operation_names_its_reason_and_the_others_go_on(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "accepted", "");
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    then_operation(scene, "r1", "failed", "provisioner client returns failed status: boom");
    scene_free(scene);
}

static void refused_operation_fails_with_the_message(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r2", "refused", "runtime r2 is not known");
    then_operation(scene, "r2", "failed", "runtime r2 is not known");
    scene_free(scene);
}

static void preempted_operation_succeeds(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r2", "preempted", "operation preempted by deprovisioning d1");
    then_operation(scene, "r2", "succeeded", "operation preempted by deprovisioning d1");
    scene_free(scene);
}

static void busy_runtime_gives_its_slot_back_and_comes_first_when_it_is_free(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1 {'phase': 'busy', 'state': 'pending'}", dispatched("r2"), NULL);
    then_operation(scene, "r1", "pending", "Operation created");
    report(scene, "r1", "freed", "");
    then_events(scene, TYPE "progressed.v1 o1 {'phase': 'ready', 'state': 'pending'}", NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void freed_runtime_comes_before_those_released_earlier(void **state)
{
    struct scene *scene = scene_open();
    int64_t end = nine + 60 * MINUTE_MS;

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s, %s", window_item("r1", nine, end), window_item("r2", nine, end),
                   window_item("r3", nine, end)),
              true);
    report(scene, "r1", "succeeded", "");
    report(scene, "r2", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    report(scene, "r2", "freed", "");
    report(scene, "r3", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    scene_free(scene);
}

static void overtaken_and_unknown_reports_decide_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r2", "accepted", ""); /* not sent */
    then_events(scene, NULL);
    report(scene, "r1", "freed", ""); /* not busy */
    then_events(scene, NULL);
    report(scene, "r1", "surprised", "");
    then_events(scene, NULL);
    report(scene, "nobody", "accepted", "");
    then_events(scene, NULL);
    report(scene, "r1", "succeeded", "");
    report(scene, "r1", "failed", "late"); /* finished */
    then_events(scene, NULL);
    scene_free(scene);
}

/* --- The end --- */

static void whole_succeeds_when_all_have(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "succeeded", "Operation succeeded");
    report(scene, "r2", "succeeded", "Operation succeeded");
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r3", "preempted", "operation preempted by deprovisioning d1");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "succeeded.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'succeeded', 'description': 'Scheduled 3 operations', 'stats': {'succeeded': 3}, "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    assert_false(orchestration_core.live(scene_state(scene), "o1"));
    assert_true(orchestration_core.holds(scene_state(scene), "o1"));
    scene_free(scene);
}

static void whole_fails_when_one_has(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "succeeded", "");
    assert_true(orchestration_core.live(scene_state(scene), "o1"));
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'Scheduled 3 operations', 'stats': {'failed': 1, 'succeeded': 2}}");
    scene_free(scene);
}

static void next_of_the_lane_starts_after_the_end(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    request_upgrade(scene, "o2", "{}");
    report(scene, "r1", "failed", "");
    report(scene, "r2", "failed", "");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    report(scene, "r3", "failed", "");
    wake(scene);
    then_events(scene, TYPE "started.v1 o2", NULL);
    scene_free(scene);
}

static void finished_orchestration_can_be_forgotten_and_loaded_again(void **state)
{
    void *forgetful = orchestration_core.state_new(&settings, 0);
    json_t *row = json_pack("{s:s, s:s, s:s, s:i}", "orchestration_id", "o1", "lane", "kyma", "state", "failed",
                            "arrival", 3);

    (void)state;
    orchestration_core.load(forgetful, 0, row);
    assert_true(orchestration_core.holds(forgetful, "o1"));
    assert_true(orchestration_core.deadline(forgetful).at_ms == DEADLINE_NEVER);
    orchestration_core.evict(forgetful, "o1");
    assert_false(orchestration_core.holds(forgetful, "o1"));
    orchestration_core.evict(forgetful, "o1");
    orchestration_core.state_free(forgetful);
    json_decref(row);
}

/* --- Dry run --- */

static void dry_run_does_all_but_the_sending(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'dryRun': true, 'strategy': {'schedule': 'immediate', 'parallel': {'workers': 1}}}");
    for (size_t i = 0; i < scene_message_count(scene); i++)
        assert_string_equal(scene_message(scene, i)->topic, "schedules");
    scheduled(scene, text("%s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0)),
              true);
    then_events(scene, TYPE "released.v1 o1",
                text(TYPE "rehearsed.v1 o1 {'operations': ['%s', '%s', '%s']}", op("r1"), op("r2"), op("r3")),
                TYPE "succeeded.v1 o1", NULL);
    then_messages(scene, NULL);
    then_row(scene, "operation", op("r1"),
             "{'dry_run': true, 'state': 'succeeded', 'description': "
             "'dry run succeeded'}");
    scene_free(scene);
}

/* --- Cancel --- */

static void cancel_of_the_unknown_is_not_found(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    cancel(scene, "o9");
    then_events(scene, TYPE "rejected.v1 o9 {'status': 404, 'actor': {'subject': 'c'}}", NULL);
    then_outcome(scene, 404,
                 "{'error': 'while canceling orchestration o9: while getting orchestration: orchestration o9 not "
                 "found'}");
    scene_free(scene);
}

static void cancel_of_one_that_waits_or_resolves_is_done_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    request_upgrade(scene, "o2", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c"), false);
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o2");
    then_events(scene, TYPE "halted.v1 o2 {'actor': {'subject': 'c'}}", TYPE "canceled.v1 o2", NULL);
    then_row(scene, "orchestration", "o2",
             "{'state': 'canceled', 'description': 'Orchestration was canceled', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    then_messages(scene, NULL);
    targets(scene, 0, target("r2", 0, "c"), true); /* an answer that comes too late */
    then_events(scene, NULL);
    then_row(scene, "orchestration", "o1", "{'resolved': false, 'stats': null}");
    scene_free(scene);
}

static void cancel_waits_for_what_runs_then_cancels_the_rest(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 2);
    report(scene, "r1", "accepted", "");
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceling', 'description': 'Orchestration was canceled', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    report(scene, "r1", "failed", "boom");
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed'}", NULL);
    report(scene, "r2", "accepted", ""); /* was sent before the cancel */
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'in progress'}", NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_operation(scene, "r3", "canceled", "Operation was canceled");
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceled', 'stats': {'failed': 1, 'succeeded': 1, 'canceled': 1}}");
    scene_free(scene);
}

static void busy_operation_does_not_hold_up_a_cancel(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", NULL);
    report(scene, "r1", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_operation(scene, "r1", "canceled", "Operation was canceled");
    report(scene, "r1", "freed", "");
    then_events(scene, NULL);
    scene_free(scene);
}

static void cancel_drops_the_timers_of_those_that_wait_for_a_window(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene,
              text("%s, %s", window_item("r1", nine, nine + MINUTE_MS), window_item("r2", nine, nine + MINUTE_MS)),
              true);
    cancel(scene, "o1");
    then_messages(scene,
                  text("schedules #%d tidegate.schedule.drop.v1 {'orchestrationID': 'o1', 'operations': "
                       "[{'operationID': '%s'}]}",
                       partition_of(op("r3"), 12), op("r3")),
                  NULL);
    scheduled(scene, window_item("r3", nine, nine + MINUTE_MS), true); /* was on its way */
    then_events(scene, NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    scene_free(scene);
}

static void cancel_of_what_ends_or_has_ended_is_confirmed_and_changes_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    cancel(scene, "o1");
    scene_time(scene, nine + MINUTE_MS);
    cancel(scene, "o1");
    then_events(scene, TYPE "repeated.v1 o1 {'status': 200, 'request': '" CANCEL "'}", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    report(scene, "r1", "succeeded", "");
    cancel(scene, "o1");
    then_events(scene, TYPE "repeated.v1 o1", NULL);
    then_outcome(scene, 200, "{'orchestrationID': 'o1'}");
    scene_free(scene);
}

/* --- What comes back from the rows decides alike --- */

static void state_loaded_from_rows_starts_the_same_operation_next(void **state)
{
    struct scene *scene = scene_open();
    const char *ids[] = { op("r1"), op("r2"), op("r3") };
    void *loaded = orchestration_core.state_new(&settings, 0);
    struct decision decision = { 0 };

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r2", nine, nine + MINUTE_MS), true);
    scheduled(scene, window_item("r3", nine, nine + MINUTE_MS), true);
    scheduled(scene, window_item("r1", nine, nine + MINUTE_MS), true);
    report(scene, "r2", "busy", "");
    report(scene, "r2", "freed", "");
    report(scene, "r3", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    report(scene, "r2", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    report(scene, "r3", "freed", "");
    report(scene, "r2", "freed", "");

    for (int table = 0; table < 2; table++)
        for (int i = table == 0 ? 0 : 2; i >= 0; i--) {
            json_t *row = orchestration_core.row(scene_state(scene), table, table == 0 ? "o1" : ids[i]);

            orchestration_core.load(loaded, table, row);
            json_decref(row);
        }
    json_t *data = json_pack("{s:s, s:s, s:s}", "orchestrationID", "o1", "operationID", ids[0], "result", "succeeded");
    struct request request = { .id = "x", .type = 4, .subject = "kyma", .data = data };
    struct changes changes = { 0 };

    fold_decide(&orchestration_core, loaded, &request, (struct fold_at){ .time_ms = nine, .offset = 99 }, &decision,
                &changes, NULL, NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    assert_int_equal(decision.count, 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(decision.events[1].data, "operations"), 0)),
                        ids[1]);
    json_decref(data);
    decision_release(&decision);
    changes_release(&changes);
    orchestration_core.state_free(loaded);
    scene_free(scene);
}

/* --- Whole fleets --- */

/* Everything around the core: messages that it gives are answered, in order, like the others would. */
struct world {
    void *state;
    int64_t now_ms, offset;
    struct {
        int type;
        json_t *data;
    } * queue;
    size_t head, tail, size;
    size_t workers, at_provisioner, most_at_provisioner, upgrades, records, largest;
    bool restart; /* the state is stored and loaded after each thousandth record */
};

static void world_post(struct world *world, int type, json_t *data)
{
    if (world->tail == world->size) {
        world->size = world->size == 0 ? 1024 : 2 * world->size;
        world->queue = realloc(world->queue, world->size * sizeof *world->queue);
    }
    world->queue[world->tail].type = type;
    world->queue[world->tail++].data = data;
}

static void world_report(struct world *world, const json_t *about, const char *result, const char *message)
{
    world_post(world, 4,
               json_pack("{s:O, s:O, s:s, s:s}", "orchestrationID", json_object_get(about, "orchestrationID"),
                         "operationID", json_object_get(about, "operationID"), "result", result, "message", message));
}

/* Every seventh runtime is busy at first, every eleventh fails. */
static void world_upgrade(struct world *world, const json_t *data)
{
    int runtime = atoi(json_string_value(json_object_get(data, "runtimeID")) + 1);

    world->upgrades++;
    if (++world->at_provisioner > world->most_at_provisioner)
        world->most_at_provisioner = world->at_provisioner;
    if (runtime % 7 == 3 && world->now_ms % 3 != 0) {
        world_report(world, data, "busy", "");
        world_report(world, data, "freed", "");
        return;
    }
    world_report(world, data, "accepted", "");
    world_report(world, data, runtime % 11 == 5 ? "failed" : "succeeded", "Operation succeeded");
}

static void world_answer(struct world *world, const struct message *message)
{
    if (strcmp(message->type, "tidegate.runtime.upgrade.v1") == 0)
        world_upgrade(world, message->data);
    if (strcmp(message->type, "tidegate.schedule.request.v1") == 0) {
        json_t *operations = json_array(), *item;
        size_t i;

        json_array_foreach(json_object_get(message->data, "operations"), i, item)
            json_array_append_new(operations, json_pack("{s:O, s:i, s:i}", "operationID",
                                                        json_object_get(item, "operationID"), "begin", 0, "end", 0));
        world_post(world, 3,
                   json_pack("{s:O, s:o, s:b}", "orchestrationID", json_object_get(message->data, "orchestrationID"),
                             "operations", operations, "open", 1));
    }
}

static void *reloaded(void *state)
{
    const struct state *old = state;
    void *loaded = orchestration_core.state_new(&settings, 0);

    for (const struct orchestration *o = old->orchestrations; o != NULL; o = o->hh.next) {
        json_t *row = orchestration_core.row(state, 0, o->id);

        orchestration_core.load(loaded, 0, row);
        json_decref(row);
    }
    const struct operation *last = old->operations; /* backwards, so that nothing can depend on the order */
    while (last != NULL && last->hh.next != NULL)
        last = last->hh.next;
    for (; last != NULL; last = last->hh.prev) {
        json_t *row = orchestration_core.row(state, 1, last->id);

        orchestration_core.load(loaded, 1, row);
        json_decref(row);
    }
    orchestration_core.state_free(state);
    return loaded;
}

/* Slots are given back by the reports that end them, or say busy. */
static void world_count(struct world *world, int type, const json_t *data)
{
    const char *result = json_string_value(json_object_get(data, "result"));

    if (type == 4 && strcmp(result, "accepted") != 0 && strcmp(result, "freed") != 0)
        world->at_provisioner--;
}

/* Returns how many events followed; a digest of all events is appended to `history`. */
static void world_decide(struct world *world, int type, json_t *data, FILE *history)
{
    struct request request = { .id = "x", .type = type, .subject = "kyma", .data = data };
    struct decision decision = { 0 };
    struct changes changes = { 0 };
    struct messages messages = { .partitions = 12 };

    world_count(world, type, data);
    fold_decide(&orchestration_core, world->state, &request,
                (struct fold_at){ .time_ms = world->now_ms, .offset = world->offset++ }, &decision, &changes, &messages,
                NULL);
    world->now_ms++;
    world->records++;
    if (messages.count > world->largest)
        world->largest = messages.count;
    for (size_t i = 0; i < messages.count; i++)
        world_answer(world, &messages.items[i]);
    for (size_t i = 0; history != NULL && i < decision.count; i++) {
        char *dumped = json_dumps(decision.events[i].data, JSON_COMPACT | JSON_SORT_KEYS);

        fprintf(history, "%d %s %s\n", decision.events[i].type, decision.events[i].subject, dumped);
        free(dumped);
    }
    decision_release(&decision);
    changes_release(&changes);
    messages_release(&messages);
    json_decref(data);
    if (world->restart && world->records % 1000 == 0)
        world->state = reloaded(world->state);
}

static void world_run(struct world *world, int runtimes, int workers, bool dry_run, FILE *history)
{
    world->workers = (size_t)workers;
    world_post(world, 0,
               json_pack("{s:s, s:s, s:s, s:s, s:{s:b, s:{s:{s:i}}}}", "orchestrationID", "o1", "lane", "kyma",
                         "bodyHash", "h", "version", "2.3.0", "parameters", "dryRun", dry_run, "strategy", "parallel",
                         "workers", workers));
    world_post(world, 5, json_pack("{s:i, s:s}", "at", 0, "id", "o1"));
    for (int first = 0; first < runtimes; first += 500) {
        json_t *list = json_array();

        for (int i = first; i < first + 500 && i < runtimes; i++) {
            char runtime[16], shoot[16];

            snprintf(runtime, sizeof runtime, "r%d", i);
            snprintf(shoot, sizeof shoot, "c-%d", i * 7919 % runtimes);
            json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "include", 0,
                                                  "instanceID", runtime, "runtimeID", runtime, "globalAccountID", "ga",
                                                  "subAccountID", "sa", "planName", "azure", "region", "westeurope",
                                                  "shootName", shoot, "windowBegin", "220000+0000", "windowEnd",
                                                  "040000+0000"));
        }
        world_post(world, 2,
                   json_pack("{s:s, s:i, s:o, s:b}", "orchestrationID", "o1", "partition", 0, "targets", list, "last",
                             first + 500 >= runtimes));
    }
    world_post(world, 2,
               json_pack("{s:s, s:i, s:[], s:b}", "orchestrationID", "o1", "partition", 1, "targets", "last", 1));
    while (world->head < world->tail) {
        struct deadline deadline;

        world_decide(world, world->queue[world->head].type, world->queue[world->head].data, history);
        world->head++;
        deadline = orchestration_core.deadline(world->state);
        if (world->head > 2 && deadline.at_ms != DEADLINE_NEVER)
            world_decide(world, 5, json_pack("{s:i, s:s}", "at", 0, "id", deadline.id), history);
        if (orchestration_find(world->state, "o1") != NULL) /* not before it is accepted */
            assert_true(orchestration_running(orchestration_find(world->state, "o1")) <= world->workers);
    }
}

static void world_release(struct world *world)
{
    orchestration_core.state_free(world->state);
    free(world->queue);
}

static char *history_of_5000(bool restart)
{
    struct world world = { .state = orchestration_core.state_new(&settings, 0), .now_ms = nine, .restart = restart };
    char *history;
    size_t size;
    FILE *stream = open_memstream(&history, &size);
    const struct orchestration *orchestration;

    world_run(&world, 5000, 100, false, stream);
    fclose(stream);
    orchestration = orchestration_find(world.state, "o1");
    assert_int_equal(orchestration->state, ORCHESTRATION_FAILED);
    assert_int_equal(orchestration->count, 5000);
    assert_int_equal(orchestration->by_state[OPERATION_FAILED], 5000 / 11 + 1 - (5000 % 11 <= 5 ? 1 : 0));
    assert_int_equal(orchestration->by_state[OPERATION_SUCCEEDED] + orchestration->by_state[OPERATION_FAILED], 5000);
    assert_int_equal(world.most_at_provisioner, 100);
    assert_int_equal(world.at_provisioner, 0);
    assert_true(world.upgrades > 5000); /* some were busy and came again */
    world_release(&world);
    return history;
}

static void fleet_of_5000_never_has_more_than_100_at_the_provisioner(void **state)
{
    (void)state;
    free(history_of_5000(false));
}

static void fleet_that_is_loaded_again_and_again_has_the_same_history(void **state)
{
    char *calm = history_of_5000(false), *restarted = history_of_5000(true);

    (void)state;
    assert_true(strcmp(calm, restarted) == 0);
    free(calm);
    free(restarted);
}

static void record_holds_a_thousand_dispatches_and_a_deadline_takes_the_rest(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&settings, 0), .now_ms = nine };

    (void)state;
    world_run(&world, 5000, 5000, false, NULL);
    assert_true(world.largest <= ORCHESTRATION_BATCH_MAX);
    assert_int_equal(orchestration_find(world.state, "o1")->by_phase[PHASE_DONE], 5000);
    world_release(&world);
}

static void dry_run_of_a_fleet_ends_without_an_upgrade(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&settings, 0), .now_ms = nine };

    (void)state;
    world_run(&world, 5000, 1, true, NULL);
    assert_int_equal(world.upgrades, 0);
    assert_int_equal(orchestration_find(world.state, "o1")->state, ORCHESTRATION_SUCCEEDED);
    world_release(&world);
}

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void life_of_10000_operations_is_quick(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&settings, 0), .now_ms = nine };
    double began = now_us(), each;

    (void)state;
    world_run(&world, 10000, 1000, false, NULL);
    each = (now_us() - began) / 10000;
    print_message("%zu records, %.1f us of CPU for the whole life of an operation\n", world.records, each);
    assert_true(each < 2000); /* quadratic would be far more, even under a sanitizer */
    world_release(&world);
}

/* --- Releases --- */

static int releases_make(void **state)
{
    static const char *const versions[] = { "2.3.0", "2.4.2" };
    static char folder[] = "/tmp/orchestration_test.XXXXXX";
    struct error err;

    if (mkdtemp(folder) == NULL)
        return -1;
    *state = folder;
    for (size_t i = 0; i < 2; i++) {
        FILE *file = fopen(text("%s/%s.json", folder, versions[i]), "w");

        if (file == NULL)
            return -1;
        fprintf(file,
                "{\"version\": \"%s\", \"components\": [{\"component\": \"istio\", \"namespace\": \"istio\"}], "
                "\"configuration\": []}",
                versions[i]);
        fclose(file);
    }
    settings.releases = releases_load(folder, &err);
    for (size_t i = 0; i < 2; i++)
        unlink(text("%s/%s.json", folder, versions[i]));
    rmdir(folder);
    if (settings.releases == NULL)
        print_message("%s\n", err.message);
    return settings.releases == NULL ? -1 : 0;
}

static int releases_drop(void **state)
{
    (void)state;
    releases_free((struct releases *)settings.releases);
    for (size_t i = 0; i < 100; i++)
        text("%s", ""); /* frees what scenes said last */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_is_accepted_with_all_that_decides_and_sends_nothing),
        cmocka_unit_test(no_workers_and_no_schedule_mean_one_worker_at_once),
        cmocka_unit_test(upgrade_without_a_version_takes_the_default),
        cmocka_unit_test(repeated_upgrade_gets_the_same_answer_and_changes_nothing),
        cmocka_unit_test(another_body_under_the_same_key_is_refused),
        cmocka_unit_test(version_without_a_release_is_refused_with_those_that_exist),
        cmocka_unit_test(unknown_lane_missing_id_and_long_id_are_refused),
        cmocka_unit_test(long_reason_is_cut_between_two_characters),
        cmocka_unit_test(only_what_a_client_may_repeat_is_loaded),
        cmocka_unit_test(first_of_a_lane_starts_by_itself_and_asks_every_broker),
        cmocka_unit_test(started_orchestration_is_not_started_again),
        cmocka_unit_test(second_of_a_lane_waits_until_the_first_has_ended),
        cmocka_unit_test(empty_lane_needs_no_waking),
        cmocka_unit_test(operations_stay_invisible_until_the_last_target_is_in),
        cmocka_unit_test(last_target_schedules_all_and_fixes_what_is_sent),
        cmocka_unit_test(versions_of_the_request_are_not_replaced),
        cmocka_unit_test(runtime_named_twice_gets_one_operation),
        cmocka_unit_test(no_targets_succeed_at_once_without_an_update),
        cmocka_unit_test(chunk_that_is_empty_and_not_the_last_decides_nothing),
        cmocka_unit_test(chunks_of_a_partition_that_has_ended_or_does_not_exist_decide_nothing),
        cmocka_unit_test(failing_broker_fails_the_whole_and_shows_no_operation),
        cmocka_unit_test(release_that_went_away_meanwhile_fails_the_whole),
        cmocka_unit_test(released_operations_start_in_order_as_far_as_there_are_workers),
        cmocka_unit_test(order_is_include_selector_then_shoot_then_runtime),
        cmocka_unit_test(windows_that_opened_first_come_first),
        cmocka_unit_test(windows_are_shown_before_they_open),
        cmocka_unit_test(operation_whose_window_ended_goes_back_to_the_scheduler),
        cmocka_unit_test(operation_that_runs_outlasts_its_window),
        cmocka_unit_test(operation_that_cannot_be_scheduled_fails_alone),
        cmocka_unit_test(schedule_of_the_unknown_decides_nothing),
        cmocka_unit_test(accepted_operation_is_in_progress_and_keeps_its_slot),
        cmocka_unit_test(ended_operation_gives_its_slot_to_the_next),
        cmocka_unit_test(failed_operation_names_its_reason_and_the_others_go_on),
        cmocka_unit_test(refused_operation_fails_with_the_message),
        cmocka_unit_test(preempted_operation_succeeds),
        cmocka_unit_test(busy_runtime_gives_its_slot_back_and_comes_first_when_it_is_free),
        cmocka_unit_test(freed_runtime_comes_before_those_released_earlier),
        cmocka_unit_test(overtaken_and_unknown_reports_decide_nothing),
        cmocka_unit_test(whole_succeeds_when_all_have),
        cmocka_unit_test(whole_fails_when_one_has),
        cmocka_unit_test(next_of_the_lane_starts_after_the_end),
        cmocka_unit_test(finished_orchestration_can_be_forgotten_and_loaded_again),
        cmocka_unit_test(dry_run_does_all_but_the_sending),
        cmocka_unit_test(cancel_of_the_unknown_is_not_found),
        cmocka_unit_test(cancel_of_one_that_waits_or_resolves_is_done_at_once),
        cmocka_unit_test(cancel_waits_for_what_runs_then_cancels_the_rest),
        cmocka_unit_test(busy_operation_does_not_hold_up_a_cancel),
        cmocka_unit_test(cancel_drops_the_timers_of_those_that_wait_for_a_window),
        cmocka_unit_test(cancel_of_what_ends_or_has_ended_is_confirmed_and_changes_nothing),
        cmocka_unit_test(state_loaded_from_rows_starts_the_same_operation_next),
        cmocka_unit_test(fleet_of_5000_never_has_more_than_100_at_the_provisioner),
        cmocka_unit_test(fleet_that_is_loaded_again_and_again_has_the_same_history),
        cmocka_unit_test(record_holds_a_thousand_dispatches_and_a_deadline_takes_the_rest),
        cmocka_unit_test(dry_run_of_a_fleet_ends_without_an_upgrade),
        cmocka_unit_test(life_of_10000_operations_is_quick),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
