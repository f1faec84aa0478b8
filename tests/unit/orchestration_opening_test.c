/* The orchestrator's core: windows that open at one moment, of which the scheduler tells in several messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/orchestrator/parts.h"
#include "tests/unit/orchestration_scene.h"

static const int64_t opens = 1643706600000, ends = 1643710200000; /* ten minutes after nine, and an hour later */

static const char *soon(const char *runtime)
{
    return window_item(runtime, opens, ends);
}

static const char *no_window(const char *runtime)
{
    return text("{'operationID': '%s', 'error': 'no window'}", op(runtime));
}

/* All three wait for the same moment, and it has come. */
static struct scene *scene_opening(int workers)
{
    struct scene *scene = scene_open();

    three_scheduled(scene, parameters(workers, "maintenanceWindow"));
    scheduled(scene, text("%s, %s, %s", soon("r1"), soon("r2"), soon("r3")), false);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_time(scene, opens);
    return scene;
}

static void they_start_in_their_order_whoever_is_released_first(void **state)
{
    struct scene *scene = scene_opening(2);

    (void)state;
    scheduled(scene, soon("r3"), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, soon("r2"), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, soon("r1"), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void one_that_is_missing_holds_the_others_for_a_second(void **state)
{
    struct scene *scene = scene_opening(1);

    (void)state;
    scheduled(scene, text("%s, %s", soon("r3"), soon("r2")), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    wake_at(scene, opens + ORCHESTRATION_OPENING_MS);
    then_events(scene, dispatched("r2"), NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

/* The scheduler was away when they opened: its partitions come back one after the other. */
static void those_that_are_released_late_wait_for_each_other_alike(void **state)
{
    struct scene *scene = scene_opening(1);
    int64_t late = opens + 5 * MINUTE_MS;

    (void)state;
    scene_time(scene, late);
    scheduled(scene, soon("r3"), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, soon("r2"), true);
    wake_at(scene, late + ORCHESTRATION_OPENING_MS);
    then_events(scene, dispatched("r2"), NULL);
    scene_free(scene);
}

/* One that missed its window, for the scheduler was away, may find another one open. */
static void whose_window_opened_before_is_waited_for_whatever_window_it_gets(void **state)
{
    struct scene *scene = scene_opening(2);
    int64_t next = opens + 10 * MINUTE_MS;

    (void)state;
    scene_time(scene, next + MINUTE_MS);
    scheduled(scene, window_item("r2", next, ends), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, window_item("r3", next, ends), true);
    scheduled(scene, window_item("r1", next, ends), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    scene_free(scene);
}

static void windows_that_are_open_already_wait_until_all_are_known(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r3", nine - MINUTE_MS, ends), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, soon("r2"), false);
    then_events(scene, TYPE "planned.v1 o1", NULL);
    scheduled(scene, window_item("r1", nine - MINUTE_MS, ends), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void one_for_which_there_is_no_window_is_known(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", window_item("r3", nine, ends), window_item("r2", nine, ends)), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, no_window("r1"), false);
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed'}", dispatched("r2"), NULL);
    scene_free(scene);
}

static void scheduler_that_stays_away_holds_the_others_for_ten_seconds(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scene_time(scene, nine + MINUTE_MS);
    scheduled(scene, text("%s, %s", window_item("r3", nine, ends), window_item("r2", nine, ends)), true);
    wake_at(scene, nine + MINUTE_MS + ORCHESTRATION_ANSWERS_MS);
    then_events(scene, dispatched("r2"), NULL);
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scheduled(scene, window_item("r1", nine, ends), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

/* Without a window, they are asked for again when it is their turn. */
static void those_that_are_retried_start_in_their_order_where_others_run(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(2, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", no_window("r1"), no_window("r3")), false);
    scheduled(scene, window_item("r2", nine, ends), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r2"), NULL);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1", TYPE "rescheduled.v1 o1", NULL);
    scheduled(scene, window_item("r3", nine, ends), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, window_item("r1", nine, ends), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static struct scene *scene_with_one_without_a_window(int workers)
{
    struct scene *scene = scene_open();

    three_scheduled(scene, parameters(workers, "maintenanceWindow"));
    scheduled(scene, no_window("r1"), false);
    scheduled(scene, text("%s, %s", window_item("r2", nine, ends), window_item("r3", nine, ends)), true);
    scene_time(scene, nine + MINUTE_MS);
    return scene;
}

static void what_has_its_window_waits_for_what_is_retried_with_it_and_has_none(void **state)
{
    struct scene *scene = scene_with_one_without_a_window(2);

    (void)state;
    report(scene, "r2", "failed", "boom");
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1", TYPE "rescheduled.v1 o1", NULL);
    wake_at(scene, nine + MINUTE_MS + ORCHESTRATION_ANSWERS_MS);
    then_events(scene, dispatched("r2"), NULL);
    scene_free(scene);
}

static void what_has_been_ready_for_long_waits_for_nobody(void **state)
{
    struct scene *scene = scene_with_one_without_a_window(1);

    (void)state;
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1", NULL); /* r2 has the slot */
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "rescheduled.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

static void windows_of_another_moment_hold_nobody(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", soon("r2"), window_item("r1", opens + 1, ends)), false);
    scheduled_tomorrow(scene, "r3");
    scene_time(scene, opens + 1);
    scheduled(scene, soon("r2"), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r2"), NULL);
    scene_free(scene);
}

static void what_was_released_before_does_not_wait(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", soon("r1"), soon("r2")), false);
    scheduled(scene, window_item("r3", nine, ends), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r3"), NULL);
    report(scene, "r3", "busy", "");
    scene_time(scene, opens);
    scheduled(scene, soon("r2"), true);
    then_events(scene, TYPE "released.v1 o1", NULL); /* r1's message is on its way */
    report(scene, "r3", "freed", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

static void earlier_ones_take_the_slots_that_there_are_and_the_rest_wait(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("%s, %s", soon("r1"), soon("r2")), false);
    scheduled(scene, window_item("r3", nine, ends), true);
    scene_time(scene, opens);
    scheduled(scene, soon("r2"), true);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == opens + ORCHESTRATION_OPENING_MS);
    scheduled(scene, soon("r1"), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    scene_free(scene);
}

static void one_that_gets_no_window_after_all_holds_nobody_any_longer(void **state)
{
    struct scene *scene = scene_opening(1);

    (void)state;
    scheduled(scene, text("%s, %s", soon("r3"), soon("r2")), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, no_window("r1"), true);
    then_events(scene, TYPE "progressed.v1 o1 {'state': 'failed'}", dispatched("r2"), NULL);
    scene_free(scene);
}

static void one_that_is_given_another_window_holds_nobody_any_longer(void **state)
{
    struct scene *scene = scene_opening(1);

    (void)state;
    scheduled(scene, text("%s, %s", soon("r3"), soon("r2")), true);
    scheduled(scene, window_item("r1", opens + 24 * 60 * MINUTE_MS, ends + 24 * 60 * MINUTE_MS), false);
    then_events(scene, TYPE "planned.v1 o1", dispatched("r2"), NULL);
    scene_free(scene);
}

static void one_that_missed_its_window_holds_the_others_until_it_has_another(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, window_item("r1", opens, opens + 1), true);
    scene_time(scene, opens + 2);
    scheduled(scene, text("%s, %s", window_item("r2", opens, opens + 1), soon("r3")), true);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "rescheduled.v1 o1", NULL);
    scheduled_tomorrow(scene, "r2");
    then_events(scene, TYPE "planned.v1 o1", dispatched("r3"), NULL);
    report(scene, "r3", "busy", "");
    scene_time(scene, opens + ORCHESTRATION_OPENING_MS);
    report(scene, "r3", "freed", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL);
    scene_free(scene);
}

static void cancel_does_not_wait_for_what_is_missing(void **state)
{
    struct scene *scene = scene_opening(1);

    (void)state;
    scheduled(scene, soon("r2"), true);
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", TYPE "canceled.v1 o1", NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void retried_operations_wait_for_each_other_as_well(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(3, "maintenanceWindow"));
    for (int i = 1; i <= 3; i++)
        scheduled(scene, text("{'operationID': '%s', 'error': 'no window'}", op(text("r%d", i))), true);
    retry(scene, "o1", "");
    wake(scene);
    scheduled(scene, text("%s, %s, %s", soon("r1"), soon("r2"), soon("r3")), false);
    scene_time(scene, opens);
    scheduled(scene, soon("r3"), true);
    then_events(scene, TYPE "released.v1 o1", NULL);
    scheduled(scene, text("%s, %s", soon("r2"), soon("r1")), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2 r3"), NULL);
    scene_free(scene);
}

/* A row's way through the read model. */
static void carry(struct scene *scene, void *loaded, int table, const char *id)
{
    json_t *row = orchestration_core.row(scene_state(scene), table, id);

    orchestration_core.load(loaded, table, row);
    json_decref(row);
}

static void state_loaded_from_rows_waits_alike(void **state)
{
    struct scene *scene = scene_opening(1);
    void *loaded = orchestration_core.state_new(&orchestration_scene_settings, 0);
    const char *const runtimes[] = { "r3", "r1", "r2" };
    struct decision decision = { 0 };

    (void)state;
    scheduled(scene, soon("r2"), true);
    carry(scene, loaded, TABLE_ORCHESTRATION, "o1");
    for (size_t i = 0; i < 3; i++)
        carry(scene, loaded, TABLE_OPERATION, op(runtimes[i]));
    assert_true(orchestration_core.deadline(loaded).at_ms == opens + ORCHESTRATION_OPENING_MS);
    orchestration_core.settle(loaded, opens + ORCHESTRATION_OPENING_MS - 1, &decision);
    assert_int_equal(decision.count, 0);
    orchestration_core.settle(loaded, opens + ORCHESTRATION_OPENING_MS, &decision);
    assert_int_equal(decision.count, 1);
    decision_release(&decision);
    orchestration_core.state_free(loaded);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_start_in_their_order_whoever_is_released_first),
        cmocka_unit_test(one_that_is_missing_holds_the_others_for_a_second),
        cmocka_unit_test(those_that_are_released_late_wait_for_each_other_alike),
        cmocka_unit_test(whose_window_opened_before_is_waited_for_whatever_window_it_gets),
        cmocka_unit_test(windows_that_are_open_already_wait_until_all_are_known),
        cmocka_unit_test(one_for_which_there_is_no_window_is_known),
        cmocka_unit_test(scheduler_that_stays_away_holds_the_others_for_ten_seconds),
        cmocka_unit_test(those_that_are_retried_start_in_their_order_where_others_run),
        cmocka_unit_test(what_has_its_window_waits_for_what_is_retried_with_it_and_has_none),
        cmocka_unit_test(what_has_been_ready_for_long_waits_for_nobody),
        cmocka_unit_test(windows_of_another_moment_hold_nobody),
        cmocka_unit_test(what_was_released_before_does_not_wait),
        cmocka_unit_test(earlier_ones_take_the_slots_that_there_are_and_the_rest_wait),
        cmocka_unit_test(one_that_gets_no_window_after_all_holds_nobody_any_longer),
        cmocka_unit_test(one_that_is_given_another_window_holds_nobody_any_longer),
        cmocka_unit_test(one_that_missed_its_window_holds_the_others_until_it_has_another),
        cmocka_unit_test(cancel_does_not_wait_for_what_is_missing),
        cmocka_unit_test(retried_operations_wait_for_each_other_as_well),
        cmocka_unit_test(state_loaded_from_rows_waits_alike),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
