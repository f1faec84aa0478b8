/* The orchestrator's core: what comes back from rows, and whole fleets, driven by a scheduler and a provisioner of a
 * few lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "services/orchestrator/latest.h"
#include "services/orchestrator/parts.h"
#include "tests/unit/orchestration_scene.h"

enum { WINDOW_MS = 60 * MINUTE_MS };

/* --- What comes back from the rows decides alike --- */

static void state_loaded_from_rows_starts_the_same_operation_next(void **state)
{
    struct scene *scene = scene_open();
    const char *ids[] = { op("r1"), op("r2"), op("r3") };
    void *loaded = orchestration_core.state_new(&orchestration_scene_settings, 0);
    struct decision decision = { 0 };

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r2", nine, nine + MINUTE_MS), true);
    scheduled(scene, window_item("r3", nine, nine + MINUTE_MS), true);
    scheduled(scene, window_item("r1", nine, nine + MINUTE_MS), true);
    report(scene, "r2", "busy", "");
    report(scene, "r2", "freed", "");
    report(scene, "r1", "busy", ""); /* of windows that began at one time the order of names decides */
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r2"), NULL);
    report(scene, "r2", "busy", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    report(scene, "r1", "freed", "");
    report(scene, "r2", "freed", "");

    for (int i = 3; i >= 0; i--) {
        int table = i == 3 ? TABLE_ORCHESTRATION : TABLE_OPERATION;
        json_t *row = orchestration_core.row(scene_state(scene), table, i == 3 ? "o1" : ids[i]);

        orchestration_core.load(loaded, table, row);
        json_decref(row);
    }
    json_t *data = json_pack("{s:s, s:s, s:s}", "orchestrationID", "o1", "operationID", ids[2], "result", "succeeded");
    struct request request = { .id = "x", .type = REQUEST_REPORT, .subject = "kyma", .data = data };
    struct changes changes = { 0 };

    fold_decide(&orchestration_core, loaded, &request, (struct fold_at){ .time_ms = nine, .offset = 99 }, &decision,
                &changes, NULL, NULL);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    assert_int_equal(decision.count, 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(decision.events[1].data, "operations"), 0)),
                        ids[0]);
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
    int64_t opens_ms;    /* when all windows open; 0: there are none */
    json_t *openings;    /* what the scheduler says then, message by message */
    bool restart;        /* the state is stored and loaded after each thousandth record */
    bool fail_all;       /* at the first attempt */
    size_t failures_max; /* that the orchestration may have; 0: any number */
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
    world_post(world, REQUEST_REPORT,
               json_pack("{s:O, s:O, s:s, s:s}", "orchestrationID", json_object_get(about, "orchestrationID"),
                         "operationID", json_object_get(about, "operationID"), "result", result, "message", message));
}

/* Every seventh runtime is busy at first, every eleventh fails; what is retried succeeds. */
static void world_upgrade(struct world *world, const json_t *data)
{
    int runtime = atoi(json_string_value(json_object_get(data, "runtimeID")) + 1);
    bool dry = json_is_true(json_object_get(data, "dryRun")), fails;

    world->upgrades += dry ? 0 : 1;
    if (++world->at_provisioner > world->most_at_provisioner)
        world->most_at_provisioner = world->at_provisioner;
    if (runtime % 7 == 3 && world->now_ms % 3 != 0) {
        world_report(world, data, "busy", "");
        world_report(world, data, "freed", "");
        return;
    }
    if (dry) {
        world_report(world, data, "succeeded", "dry run succeeded");
        return;
    }
    world_report(world, data, "accepted", "");
    fails = json_object_get(data, "attempt") == NULL && (world->fail_all || runtime % 11 == 5);
    world_report(world, data, fails ? "failed" : "succeeded", "Operation succeeded");
}

/* A window is planned at once, and said to be open when it is. */
static void world_schedule(struct world *world, json_t *id, json_t *operations)
{
    json_t *open = json_pack("{s:O, s:O, s:b}", "orchestrationID", id, "operations", operations, "open", 1);

    if (world->opens_ms == 0) {
        world_post(world, REQUEST_SCHEDULE, open);
        return;
    }
    world_post(world, REQUEST_SCHEDULE,
               json_pack("{s:O, s:O, s:b}", "orchestrationID", id, "operations", operations, "open", 0));
    json_array_append_new(world->openings, open);
}

static void world_open(struct world *world)
{
    json_t *message;
    size_t i;

    world->now_ms = world->opens_ms;
    json_array_foreach(world->openings, i, message) {
        world_post(world, REQUEST_SCHEDULE, json_incref(message));
    }
    json_array_clear(world->openings);
}

static void world_answer(struct world *world, const struct message *message)
{
    if (strcmp(message->type, "tidegate.runtime.upgrade.v1") == 0)
        world_upgrade(world, message->data);
    if (strcmp(message->type, "tidegate.schedule.request.v1") == 0) {
        json_t *operations = json_array(), *item;
        size_t i;

        json_array_foreach(json_object_get(message->data, "operations"), i, item)
            json_array_append_new(operations,
                                  json_pack("{s:O, s:I, s:I}", "operationID", json_object_get(item, "operationID"),
                                            "begin", (json_int_t)world->opens_ms, "end",
                                            (json_int_t)(world->opens_ms == 0 ? 0 : world->opens_ms + WINDOW_MS)));
        world_schedule(world, json_object_get(message->data, "orchestrationID"), operations);
        json_decref(operations);
    }
}

/* Backwards too. */
static void reload_configurations(const void *state, const struct orchestration *orchestration, void *loaded)
{
    const struct configuration *last = orchestration->configurations;

    while (last != NULL && last->hh.next != NULL)
        last = last->hh.next;
    for (; last != NULL; last = last->hh.prev) {
        char *id = configuration_row_id(orchestration->id, last->hash);
        json_t *row = orchestration_core.row(state, TABLE_CONFIGURATION, id);

        orchestration_core.load(loaded, TABLE_CONFIGURATION, row);
        json_decref(row);
        free(id);
    }
}

static void *reloaded(void *state)
{
    const struct state *old = state;
    void *loaded = orchestration_core.state_new(&orchestration_scene_settings, 0);

    for (const struct orchestration *o = old->orchestrations; o != NULL; o = o->hh.next) {
        json_t *row = orchestration_core.row(state, TABLE_ORCHESTRATION, o->id);

        orchestration_core.load(loaded, TABLE_ORCHESTRATION, row);
        json_decref(row);
        reload_configurations(state, o, loaded);
    }
    const struct operation *last = old->operations; /* backwards, so that nothing can depend on the order */
    while (last != NULL && last->hh.next != NULL)
        last = last->hh.next;
    for (; last != NULL; last = last->hh.prev) {
        json_t *row = orchestration_core.row(state, TABLE_OPERATION, last->id);

        orchestration_core.load(loaded, TABLE_OPERATION, row);
        json_decref(row);
    }
    for (const struct latest *latest = old->latest; latest != NULL; latest = latest->hh.next) {
        json_t *row = orchestration_core.row(state, TABLE_LATEST, latest->id);

        orchestration_core.load(loaded, TABLE_LATEST, row);
        json_decref(row);
    }
    orchestration_core.state_free(state);
    return loaded;
}

/* Slots are given back by the reports that end them, or say busy. */
static void world_count(struct world *world, int type, const json_t *data)
{
    const char *result = json_string_value(json_object_get(data, "result"));

    if (type == REQUEST_REPORT && strcmp(result, "accepted") != 0 && strcmp(result, "freed") != 0)
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
    messages_parse(&messages);
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

/* Until nothing is left to do. */
static void world_go(struct world *world, FILE *history)
{
    while (world->head < world->tail) {
        const struct orchestration *orchestration;
        struct deadline deadline;

        world_decide(world, world->queue[world->head].type, world->queue[world->head].data, history);
        world->head++;
        deadline = orchestration_core.deadline(world->state);
        if (world->head > 2 && deadline.at_ms <= world->now_ms)
            world_decide(world, REQUEST_WAKE, json_pack("{s:i, s:s}", "at", 0, "id", deadline.id), history);
        orchestration = orchestration_find(world->state, "o1");
        if (orchestration == NULL) /* not yet accepted */
            continue;
        assert_true(orchestration_running(orchestration) <= world->workers);
        if (world->opens_ms > 0 && orchestration->by_phase[PHASE_WAITING] > 0)
            assert_int_equal(world->upgrades, 0);
        if (world->head == world->tail && json_array_size(world->openings) > 0)
            world_open(world);
        if (world->failures_max > 0)
            assert_true(orchestration->by_state[OPERATION_FAILED] + orchestration_running(orchestration) <=
                        world->failures_max);
    }
}

static void world_run(struct world *world, int runtimes, int workers, bool dry_run, FILE *history)
{
    world->workers = (size_t)workers;
    world_post(world, REQUEST_UPGRADE,
               json_pack("{s:s, s:s, s:s, s:s, s:{s:b, s:{s:{s:i}, s:o*}}}", "orchestrationID", "o1", "lane", "kyma",
                         "bodyHash", "h", "version", "2.3.0", "parameters", "dryRun", dry_run, "strategy", "parallel",
                         "workers", workers, "maxFailures",
                         world->failures_max == 0 ? NULL : json_integer((json_int_t)world->failures_max)));
    world_post(world, REQUEST_WAKE, json_pack("{s:i, s:s}", "at", 0, "id", "o1"));
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
        world_post(world, REQUEST_TARGET,
                   json_pack("{s:s, s:i, s:o, s:b}", "orchestrationID", "o1", "partition", 0, "targets", list, "last",
                             first + 500 >= runtimes));
    }
    world_post(world, REQUEST_TARGET,
               json_pack("{s:s, s:i, s:[], s:b}", "orchestrationID", "o1", "partition", 1, "targets", "last", 1));
    world_go(world, history);
}

static void world_retry(struct world *world, FILE *history)
{
    world_post(world, REQUEST_RETRY, json_pack("{s:s}", "orchestrationID", "o1"));
    world_go(world, history);
}

static void world_release(struct world *world)
{
    orchestration_core.state_free(world->state);
    json_decref(world->openings);
    free(world->queue);
}

static char *history_of_5000(bool restart)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0),
                           .now_ms = nine,
                           .restart = restart };
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

static char *history_with_retries(bool restart)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0),
                           .now_ms = nine,
                           .restart = restart,
                           .failures_max = 50 };
    const struct orchestration *orchestration;
    char *history;
    size_t size;
    FILE *stream = open_memstream(&history, &size);

    world_run(&world, 3000, 100, false, stream);
    for (int i = 0; i < 5; i++) { /* 50 of some 272 fail before each retry */
        orchestration = orchestration_find(world.state, "o1");
        assert_int_equal(orchestration->state, ORCHESTRATION_IN_PROGRESS);
        assert_int_equal(orchestration->by_state[OPERATION_FAILED], 50);
        assert_true(orchestration->stopped);
        world_retry(&world, stream);
    }
    orchestration = orchestration_find(world.state, "o1");
    assert_int_equal(orchestration->state, ORCHESTRATION_FAILED);
    world_retry(&world, stream);
    orchestration = orchestration_find(world.state, "o1");
    assert_int_equal(orchestration->state, ORCHESTRATION_SUCCEEDED);
    assert_int_equal(orchestration->by_state[OPERATION_SUCCEEDED], 3000);
    assert_int_equal(world.at_provisioner, 0);
    fclose(stream);
    world_release(&world);
    return history;
}

static void fleet_with_a_bound_stops_again_and_again_and_retries_bring_it_to_its_end(void **state)
{
    char *calm = history_with_retries(false), *restarted = history_with_retries(true);

    (void)state;
    assert_true(strcmp(calm, restarted) == 0);
    free(calm);
    free(restarted);
}

static void retry_of_all_takes_so_many_that_a_record_can_list_them(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0),
                           .now_ms = nine,
                           .fail_all = true };
    const struct orchestration *orchestration;

    (void)state;
    world_run(&world, ORCHESTRATION_RETRY_MAX + 10, 10000, false, NULL);
    world_retry(&world, NULL);
    orchestration = orchestration_find(world.state, "o1");
    assert_int_equal(orchestration->state, ORCHESTRATION_FAILED);
    assert_int_equal(orchestration->by_state[OPERATION_FAILED], 10);
    world_retry(&world, NULL);
    assert_int_equal(orchestration->state, ORCHESTRATION_SUCCEEDED);
    world_release(&world);
}

static void record_holds_a_thousand_dispatches_and_a_deadline_takes_the_rest(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0), .now_ms = nine };

    (void)state;
    world_run(&world, 5000, 5000, false, NULL);
    assert_true(world.largest <= ORCHESTRATION_BATCH_MAX);
    assert_int_equal(orchestration_find(world.state, "o1")->by_phase[PHASE_DONE], 5000);
    world_release(&world);
}

static void dry_run_of_a_fleet_ends_without_an_upgrade(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0), .now_ms = nine };

    (void)state;
    world_run(&world, 5000, 10, true, NULL);
    assert_int_equal(world.upgrades, 0);
    assert_int_equal(world.most_at_provisioner, 10);
    assert_int_equal(orchestration_find(world.state, "o1")->state, ORCHESTRATION_SUCCEEDED);
    world_release(&world);
}

static char *history_of_one_opening(bool restart)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0),
                           .now_ms = nine,
                           .opens_ms = nine + 10 * MINUTE_MS,
                           .openings = json_array(),
                           .restart = restart };
    const struct orchestration *orchestration;
    char *history;
    size_t size;
    FILE *stream = open_memstream(&history, &size);

    world_run(&world, 5000, 100, false, stream);
    fclose(stream);
    orchestration = orchestration_find(world.state, "o1");
    assert_int_equal(orchestration->by_phase[PHASE_DONE], 5000);
    assert_int_equal(world.most_at_provisioner, 100);
    world_release(&world);
    return history;
}

static void fleet_whose_windows_open_at_one_moment_starts_when_all_are_released(void **state)
{
    char *calm = history_of_one_opening(false), *restarted = history_of_one_opening(true);

    (void)state;
    assert_true(strcmp(calm, restarted) == 0);
    free(calm);
    free(restarted);
}

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void life_of_10000_operations_is_quick(void **state)
{
    struct world world = { .state = orchestration_core.state_new(&orchestration_scene_settings, 0),
                           .now_ms = nine,
                           .opens_ms = nine + 10 * MINUTE_MS,
                           .openings = json_array() };
    double began = now_us(), each;

    (void)state;
    world_run(&world, 10000, 1000, false, NULL);
    each = (now_us() - began) / 10000;
    print_message("%zu records, %.1f us of CPU for the whole life of an operation\n", world.records, each);
    assert_true(each < 2000); /* quadratic would be far more, even under a sanitizer */
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_loaded_from_rows_starts_the_same_operation_next),
        cmocka_unit_test(fleet_of_5000_never_has_more_than_100_at_the_provisioner),
        cmocka_unit_test(fleet_that_is_loaded_again_and_again_has_the_same_history),
        cmocka_unit_test(fleet_with_a_bound_stops_again_and_again_and_retries_bring_it_to_its_end),
        cmocka_unit_test(retry_of_all_takes_so_many_that_a_record_can_list_them),
        cmocka_unit_test(record_holds_a_thousand_dispatches_and_a_deadline_takes_the_rest),
        cmocka_unit_test(dry_run_of_a_fleet_ends_without_an_upgrade),
        cmocka_unit_test(fleet_whose_windows_open_at_one_moment_starts_when_all_are_released),
        cmocka_unit_test(life_of_10000_operations_is_quick),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
