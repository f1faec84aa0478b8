/* The orchestrator's core: how many orchestrations of a lane run, and what becomes of them where fewer may by now. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/log/fold.h"
#include "services/orchestrator/parts.h"
#include "tests/unit/orchestration_scene.h"

static int64_t deadline_ms(const struct scene *scene)
{
    return orchestration_core.deadline(scene_state(scene)).at_ms;
}

/* Those that run or wait are still so many; what may run from now on is another number. */
static void allow(int orchestrations)
{
    orchestration_scene_settings.orchestrations_max = orchestrations;
}

static int allow_as_ever(void **state)
{
    (void)state;
    allow(0);
    return 0;
}

/* All its targets are in: r1 and r2 (of its own), one worker. */
static void two_scheduled(struct scene *scene, const char *id)
{
    targets_of(scene, id, 0, text("%s, %s", target("r1", 0, "c-1"), target("r2", 0, "c-2")), true);
    targets_of(scene, id, 1, "", true);
}

static const char *open_item(const char *id, const char *runtime)
{
    return text("{'operationID': '%s', 'begin': 0, 'end': 0}", operation_of(id, runtime));
}

static const char *sent(const char *id, const char *runtime)
{
    return text(TYPE "dispatched.v1 %s {'operations': ['%s']}", id, operation_of(id, runtime));
}

static void started(struct scene *scene, const char *id)
{
    request_upgrade(scene, id, parameters(1, "immediate"));
    wake(scene);
    two_scheduled(scene, id);
    scheduled_of(scene, id, text("%s, %s", open_item(id, "r1"), open_item(id, "r2")), true);
    then_events(scene, text(TYPE "released.v1 %s", id), sent(id, "r1"), NULL);
}

static struct scene *scene_of_two(void)
{
    struct scene *scene;

    allow(2);
    scene = scene_open();
    started(scene, "o1");
    started(scene, "o2");
    allow(1);
    return scene;
}

static void those_that_run_go_on_to_their_end_where_fewer_may(void **state)
{
    struct scene *scene = scene_of_two();

    (void)state;
    report_of(scene, "o2", "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o2", sent("o2", "r2"), NULL);
    report_of(scene, "o2", "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o2", TYPE "succeeded.v1 o2", NULL);
    scene_free(scene);
}

static void new_ones_wait_until_so_few_run(void **state)
{
    struct scene *scene = scene_of_two();

    (void)state;
    request_upgrade(scene, "o3", "{}");
    assert_true(deadline_ms(scene) == DEADLINE_NEVER);
    cancel(scene, "o1");
    report_of(scene, "o1", "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "canceled.v1 o1", NULL);
    assert_true(deadline_ms(scene) == DEADLINE_NEVER); /* o2 runs */
    report_of(scene, "o2", "r1", "failed", "");
    report_of(scene, "o2", "r2", "failed", "");
    wake(scene);
    then_events(scene, TYPE "started.v1 o3", NULL);
    scene_free(scene);
}

static void cancel_needs_no_turn(void **state)
{
    struct scene *scene = scene_of_two();

    (void)state;
    cancel(scene, "o2");
    then_events(scene, TYPE "halted.v1 o2", NULL);
    report_of(scene, "o2", "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o2", TYPE "canceled.v1 o2", NULL);
    then_row(scene, "orchestration", "o2", "{'state': 'canceled', 'stats': {'succeeded': 1, 'canceled': 1}}");
    scene_free(scene);
}

static void one_that_resolves_its_targets_is_scheduled(void **state)
{
    struct scene *scene;

    (void)state;
    allow(2);
    scene = scene_open();
    started(scene, "o1");
    request_upgrade(scene, "o2", parameters(1, "immediate"));
    wake(scene);
    allow(1);
    two_scheduled(scene, "o2");
    then_events(scene, TYPE "targeted.v1 o2", TYPE "scheduled.v1 o2", NULL);
    scene_free(scene);
}

static void retry_of_what_runs_needs_no_turn_and_of_what_is_over_does(void **state)
{
    struct scene *scene = scene_of_two();

    (void)state;
    report_of(scene, "o2", "r1", "failed", "");
    retry(scene, "o2", "");
    then_events(scene, TYPE "retried.v1 o2", TYPE "resumed.v1 o2", NULL);
    report_of(scene, "o2", "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o2", sent("o2", "r1"), NULL);
    report_of(scene, "o2", "r1", "failed", "");
    then_events(scene, TYPE "progressed.v1 o2", TYPE "failed.v1 o2", NULL);
    retry(scene, "o2", "");
    then_events(scene, TYPE "retried.v1 o2", NULL);
    assert_true(deadline_ms(scene) == DEADLINE_NEVER); /* o1 runs */
    cancel(scene, "o2");
    then_events(scene, TYPE "halted.v1 o2", TYPE "canceled.v1 o2", NULL);
    scene_free(scene);
}

static void more_start_at_once_where_more_may(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    started(scene, "o1");
    request_upgrade(scene, "o2", "{}");
    request_upgrade(scene, "o3", "{}");
    assert_true(deadline_ms(scene) == DEADLINE_NEVER);
    allow(2);
    wake(scene);
    then_events(scene, TYPE "started.v1 o2", NULL);
    assert_true(deadline_ms(scene) == DEADLINE_NEVER);
    scene_free(scene);
}

/* A row's way through the read model. */
static void carry(struct scene *scene, void *loaded, int table, const char *id)
{
    json_t *row = orchestration_core.row(scene_state(scene), table, id);

    orchestration_core.load(loaded, table, row);
    json_decref(row);
}

static void state_loaded_from_rows_goes_on_with_all_that_run(void **state)
{
    struct scene *scene = scene_of_two();
    void *loaded = orchestration_core.state_new(&orchestration_scene_settings, 0);
    const char *const ids[] = { "o3", "o2", "o1" }, *const runtimes[] = { "r2", "r1" };
    struct decision decision = { 0 };

    (void)state;
    request_upgrade(scene, "o3", "{}");
    cancel(scene, "o2");
    for (size_t i = 0; i < 3; i++)
        carry(scene, loaded, TABLE_ORCHESTRATION, ids[i]);
    for (size_t i = 0; i < 2; i++)
        carry(scene, loaded, TABLE_OPERATION, operation_of("o1", runtimes[i]));
    assert_true(orchestration_core.deadline(loaded).at_ms == DEADLINE_NEVER);
    orchestration_core.settle(loaded, nine, &decision); /* without operations, o2's cancel is complete */
    assert_int_equal(decision.count, 1);
    assert_string_equal(decision.events[0].subject, "o2");
    assert_int_equal(decision.events[0].type, EVENT_CANCELED);
    decision_release(&decision);
    orchestration_core.state_free(loaded);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(those_that_run_go_on_to_their_end_where_fewer_may, allow_as_ever),
        cmocka_unit_test_teardown(new_ones_wait_until_so_few_run, allow_as_ever),
        cmocka_unit_test_teardown(cancel_needs_no_turn, allow_as_ever),
        cmocka_unit_test_teardown(one_that_resolves_its_targets_is_scheduled, allow_as_ever),
        cmocka_unit_test_teardown(retry_of_what_runs_needs_no_turn_and_of_what_is_over_does, allow_as_ever),
        cmocka_unit_test_teardown(more_start_at_once_where_more_may, allow_as_ever),
        cmocka_unit_test_teardown(state_loaded_from_rows_goes_on_with_all_that_run, allow_as_ever),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
