/* The orchestrator's core: retry of operations that failed, of those that are named or of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "services/orchestrator/latest.h"
#include "tests/unit/orchestration_scene.h"

static const char accepted[] = "retry operations are queued for processing";

/* o1 is over: r1 and r2 failed, r3 succeeded. */
static void two_failed(struct scene *scene)
{
    three_released(scene, 3);
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "failed", "boom");
    report(scene, "r3", "succeeded", "");
    then_row(scene, "orchestration", "o1", "{'state': 'failed'}");
}

/* o1 has its turn again. */
static void two_resumed(struct scene *scene)
{
    two_failed(scene);
    retry(scene, "o1", "");
    wake(scene);
}

static void quoted_outcome(struct scene *scene, const char *retried, const char *old, const char *invalid,
                           const char *message)
{
    then_outcome(scene, 202,
                 text("{'orchestrationID': 'o1', 'retryOperations': %s, 'oldOperations': %s, 'invalidOperations': %s, "
                      "'msg': '%s'}",
                      retried, old, invalid, message));
}

/* Both IDs; the operation on r2 is the younger one. */
static const char *both(const char *a, const char *b)
{
    return text("['%s', '%s']", op(a), op(b));
}

/* Nothing changed, and the client is told so. */
static void then_declined(struct scene *scene, const char *old, const char *invalid)
{
    then_events(scene,
                TYPE "declined.v1 o1 {'request': '" RETRY "', 'actor': {'subject': 'c'}, "
                     "'reason': 'No valid operations to retry for orchestration o1'}",
                NULL);
    quoted_outcome(scene, "null", old, invalid, "No valid operations to retry for orchestration o1");
    then_messages(scene, NULL);
}

/* --- A failed orchestration --- */

static void retry_of_a_failed_one_queues_all_that_failed_oldest_first(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    scene_time(scene, nine + MINUTE_MS);
    retry(scene, "o1", "");
    then_events(scene,
                text(TYPE "retried.v1 o1 {'actor': {'subject': 'c'}, 'operations': %s, "
                          "'description': 'Scheduled 3 operations, retrying'}",
                     both("r1", "r2")),
                NULL);
    quoted_outcome(scene, both("r1", "r2"), "null", "null", accepted);
    then_messages(scene, NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'retrying', 'description': 'Scheduled 3 operations, retrying', "
             "'updated_at': '2022-02-01T09:01:00Z', 'stats': {'retrying': 2, 'succeeded': 1}}");
    then_operation(scene, "r1", "retrying", "queued for retrying");
    then_row(scene, "operation", op("r1"), "{'updated_at': '2022-02-01T09:01:00Z', 'attempt': 2}");
    then_operation(scene, "r3", "succeeded", "");
    assert_true(orchestration_core.live(scene_state(scene), "o1"));
    scene_free(scene);
}

static void retried_one_has_its_turn_and_asks_for_windows_anew(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    retry(scene, "o1", text("'%s'", op("r2")));
    scene_time(scene, nine + MINUTE_MS);
    wake(scene);
    then_events(scene,
                TYPE "resumed.v1 o1 {'operations': 1, 'windows': 'new', "
                     "'description': 'Scheduled 3 operations, retried 1 operations'}",
                NULL);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'kymaConfig': {'version': '2.3.0'}}",
                       partition_of("r2", 12)),
                  text("schedules #%d tidegate.schedule.request.v1 {'orchestrationID': 'o1', 'after': 0, 'operations': "
                       "[{'operationID': '%s', 'begin': '220000+0000', 'end': '040000+0000', 'planName': 'azure', "
                       "'globalAccountID': 'ga', 'region': 'westeurope'}]}",
                       partition_of(op("r2"), 12), op("r2")),
                  NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'description': 'Scheduled 3 operations, retried 1 operations', "
             "'updated_at': '2022-02-01T09:00:00Z', 'stats': {'pending': 1, 'failed': 1, 'succeeded': 1}}");
    then_row(scene, "operation", op("r2"),
             "{'state': 'pending', 'phase': 'waiting', 'description': 'Operation retry triggered', "
             "'window_begin': null, 'updated_at': '2022-02-01T09:01:00Z'}");
    scene_free(scene);
}

static void retried_operation_is_sent_again_as_another_attempt(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_resumed(scene);
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, TYPE "released.v1 o1", NULL); /* the other is not in yet, and may come first */
    scheduled(scene, window_item("r2", 0, 0), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1 r2"), NULL);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgrade.v1 {'operationID': '%s', 'version': '2.3.0', "
                       "'attempt': 2}",
                       op("r1")),
                  "runtimes r2 tidegate.runtime.upgrade.v1", NULL);
    report(scene, "r1", "accepted", "");
    then_operation(scene, "r1", "in progress", "kyma upgrade in progress");
    report(scene, "r1", "succeeded", "Operation succeeded");
    report(scene, "r2", "succeeded", "Operation succeeded");
    then_events(scene, TYPE "progressed.v1 o1",
                TYPE "succeeded.v1 o1 {'description': 'Scheduled 3 operations, retried 2 operations'}", NULL);
    scene_free(scene);
}

static void first_attempt_is_sent_without_a_number(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    assert_null(json_object_get(scene_message(scene, 0)->data, "attempt"));
    scene_free(scene);
}

static void failed_and_not_retried_operation_fails_the_whole_again(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    retry(scene, "o1", text("'%s'", op("r1")));
    wake(scene);
    scheduled(scene, window_item("r1", 0, 0), true);
    scene_time(scene, nine + MINUTE_MS);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1",
                TYPE "failed.v1 o1 {'description': 'Scheduled 3 operations, retried 1 operations'}", NULL);
    retry(scene, "o1", "");
    wake(scene);
    then_row(scene, "orchestration", "o1",
             "{'description': 'Scheduled 3 operations, retried 1 operations, retried 1 operations', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    scene_free(scene);
}

static void retried_again_and_again_the_newest_retries_are_told(void **state)
{
    static const char begin[] = "Scheduled 3 operations, ..., retried 1 operations, retried 1 operations,";
    static const char two[] = ", retried 1 operations, retried 2 operations";
    struct scene *scene = scene_open();
    const char *description;

    (void)state;
    two_failed(scene);
    for (int i = 0; i < 100; i++) {
        retry(scene, "o1", text("'%s'", op("r1")));
        wake(scene);
        scheduled(scene, window_item("r1", 0, 0), true);
        report(scene, "r1", "failed", "");
        then_events(scene, TYPE "progressed.v1 o1", TYPE "failed.v1 o1", NULL);
    }
    retry(scene, "o1", "");
    description = orchestration_find(scene_state(scene), "o1")->description;
    assert_string_equal(description + strlen(description) - strlen(", retrying"), ", retrying");
    wake(scene);
    description = orchestration_find(scene_state(scene), "o1")->description;
    assert_memory_equal(description, begin, strlen(begin));
    assert_string_equal(description + strlen(description) - strlen(two), two);
    assert_true(strlen(description) > 350 && strlen(description) < 512);
    then_row(scene, "operation", op("r1"), "{'attempt': 102}");
    scene_free(scene);
}

static void retried_one_waits_behind_those_that_arrived_meanwhile(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    request_upgrade(scene, "o2", "{}");
    wake(scene);
    then_events(scene, TYPE "started.v1 o2", NULL);
    request_upgrade(scene, "o3", "{}");
    retry(scene, "o1", "");
    when(scene, WAKE, "kyma", "{'at': 0, 'id': 'o1'}");
    then_events(scene, NULL);
    cancel(scene, "o2");
    wake(scene);
    then_events(scene, TYPE "started.v1 o3", NULL);
    cancel(scene, "o3");
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1", NULL);
    scene_free(scene);
}

static void retry_of_what_waits_for_its_turn_adds_to_it(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    retry(scene, "o1", text("'%s'", op("r1")));
    scene_time(scene, nine + MINUTE_MS);
    retry(scene, "o1", "");
    then_events(scene, text(TYPE "retried.v1 o1 {'operations': ['%s']}", op("r2")), NULL);
    then_row(scene, "orchestration", "o1",
             "{'state': 'retrying', 'description': 'Scheduled 3 operations, retrying', "
             "'updated_at': '2022-02-01T09:01:00Z'}");
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 2}", NULL);
    scene_free(scene);
}

static void retried_dry_run_is_rehearsed_again(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, "{'dryRun': true}");
    scheduled(scene,
              text("{'operationID': '%s', 'error': 'no window'}, %s, %s", op("r1"), window_item("r2", 0, 0),
                   window_item("r3", 0, 0)),
              true);
    report(scene, "r2", "succeeded", "dry run succeeded");
    report(scene, "r3", "succeeded", "dry run succeeded");
    then_row(scene, "orchestration", "o1", "{'state': 'failed'}");
    retry(scene, "o1", "");
    wake(scene);
    scheduled(scene, window_item("r1", 0, 0), true);
    then_events(scene, TYPE "released.v1 o1", dispatched("r1"), NULL);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgrade.v1 {'dryRun': true, 'attempt': 2}", NULL);
    report(scene, "r1", "succeeded", "dry run succeeded");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "succeeded.v1 o1", NULL);
    scene_free(scene);
}

/* --- What is named --- */

static void named_operations_are_sorted_out_each_once_in_their_order(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    retry(scene, "o1", text("'zz', '%s', '%s', '%s', 'zz', '%s', 'a'", op("r2"), op("r3"), op("r2"), op("r1")));
    then_events(scene, text(TYPE "retried.v1 o1 {'operations': ['%s', '%s']}", op("r2"), op("r1")), NULL);
    quoted_outcome(scene, text("['%s', '%s']", op("r2"), op("r1")), "null", text("['zz', '%s', 'a']", op("r3")),
                   accepted);
    scene_free(scene);
}

static void operation_of_another_orchestration_is_invalid(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    request_upgrade(scene, "o2", "{}");
    wake(scene);
    targets_of(scene, "o2", 0, target("r9", 0, "c-9"), true);
    targets_of(scene, "o2", 1, "", true);
    scheduled_of(scene, "o2", text("{'operationID': '%s', 'begin': 0, 'end': 0}", operation_of("o2", "r9")), true);
    report_of(scene, "o2", "r9", "failed", "");
    retry(scene, "o1", text("'%s'", operation_of("o2", "r9")));
    then_declined(scene, "null", text("['%s']", operation_of("o2", "r9")));
    scene_free(scene);
}

static void nothing_to_retry_is_said_and_changes_nothing(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}"); /* pending */
    retry(scene, "o1", "");
    then_declined(scene, "null", "null");
    wake(scene);
    targets(scene, 0, "", true);
    targets(scene, 1, target("r1", 0, "c-1"), true);
    scene_time(scene, nine + MINUTE_MS);
    retry(scene, "o1", text("'%s', '%s'", op("r1"), op("r1"))); /* in progress, and so is its operation */
    then_declined(scene, "null", text("['%s']", op("r1")));
    scheduled(scene, window_item("r1", 0, 0), true);
    report(scene, "r1", "succeeded", "");
    scene_time(scene, nine + 2 * MINUTE_MS);
    retry(scene, "o1", ""); /* succeeded */
    then_declined(scene, "null", "null");
    then_row(scene, "orchestration", "o1", "{'state': 'succeeded', 'updated_at': '2022-02-01T09:01:00Z'}");
    scene_free(scene);
}

static void one_that_failed_before_it_had_operations_has_none_to_retry(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    wake(scene);
    targets(scene, 0, target("r1", 0, "c-1"), true);
    when(scene, TARGET, "kyma", "{'orchestrationID': 'o1', 'partition': 1, 'error': 'boom', 'last': true}");
    retry(scene, "o1", "");
    then_declined(scene, "null", "null");
    scene_free(scene);
}

static void retry_of_the_unknown_is_not_found(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    retry(scene, "o9", "");
    then_events(scene, TYPE "rejected.v1 o9 {'status': 404, 'request': '" RETRY "', 'actor': {'subject': 'c'}}", NULL);
    then_outcome(scene, 404, "{'error': 'while retrying orchestration o9: orchestration o9 not found'}");
    scene_free(scene);
}

/* --- What is newer --- */

/* o2 upgrades r1, so far that it is sent. */
static void newer_sent(struct scene *scene)
{
    scene_time(scene, nine + MINUTE_MS);
    request_upgrade(scene, "o2", "{}");
    wake(scene);
    targets_of(scene, "o2", 0, target("r1", 0, "c-1"), true);
    targets_of(scene, "o2", 1, "", true);
    scheduled_of(scene, "o2", text("{'operationID': '%s', 'begin': 0, 'end': 0}", operation_of("o2", "r1")), true);
}

static void operation_with_a_newer_one_on_its_instance_is_old(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    newer_sent(scene);
    retry(scene, "o1", text("'%s'", op("r1"))); /* the newer one runs */
    then_declined(scene, text("['%s']", op("r1")), "null");
    report_of(scene, "o2", "r1", "succeeded", "");
    retry(scene, "o1", text("'x', '%s', '%s'", op("r1"), op("r2"))); /* it has ended */
    then_events(scene, text(TYPE "retried.v1 o1 {'operations': ['%s']}", op("r2")), NULL);
    quoted_outcome(scene, text("['%s']", op("r2")), text("['%s']", op("r1")), "['x']", accepted);
    then_operation(scene, "r1", "failed", "provisioner client returns failed status: boom");
    scene_free(scene);
}

static void newer_operation_that_was_canceled_does_not_count(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    newer_sent(scene);
    report_of(scene, "o2", "r1", "busy", "");
    cancel(scene, "o2");
    then_row(scene, "operation", operation_of("o2", "r1"), "{'state': 'canceled'}");
    retry(scene, "o1", text("'%s'", op("r1")));
    quoted_outcome(scene, text("['%s']", op("r1")), "null", "null", accepted);
    scene_free(scene);
}

static void newer_operation_counts_after_its_orchestration_was_forgotten(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    newer_sent(scene);
    report_of(scene, "o2", "r1", "failed", "");
    then_row(scene, "latest", "kyma/instance-r1",
             "{'created_at': '2022-02-01T09:01:00Z', 'instance_id': 'instance-r1'}");
    then_row(scene, "latest", "kyma/instance-r2", "{'created_at': '2022-02-01T09:00:00Z', 'lane': 'kyma'}");
    then_row(scene, "latest", "kyma/instance-r3", NULL); /* never failed */
    orchestration_core.evict((void *)(uintptr_t)scene_state(scene), "o2");
    retry(scene, "o1", text("'%s'", op("r1")));
    then_declined(scene, text("['%s']", op("r1")), "null");
    scene_free(scene);
}

/* Two run at a time: the newer one is through before the older one fails. */
static void newer_operation_that_succeeded_before_the_older_one_failed_counts(void **state)
{
    struct scene *scene;

    (void)state;
    orchestration_scene_settings.orchestrations_max = 2;
    scene = scene_open();
    three_open(scene, parameters(3, "immediate"));
    newer_sent(scene);
    then_row(scene, "latest", "kyma/instance-r1", NULL);
    report_of(scene, "o2", "r1", "succeeded", "");
    then_row(scene, "latest", "kyma/instance-r1", "{'created_at': '2022-02-01T09:01:00Z'}");
    orchestration_core.evict((void *)(uintptr_t)scene_state(scene), "o2");
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "failed", "boom");
    report(scene, "r3", "succeeded", "");
    then_row(scene, "latest", "kyma/instance-r3", NULL);
    retry(scene, "o1", "");
    quoted_outcome(scene, text("['%s']", op("r2")), text("['%s']", op("r1")), "null", accepted);
    scene_free(scene);
    orchestration_scene_settings.orchestrations_max = 0;
}

static void dry_run_counts_as_newer(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    scene_time(scene, nine + MINUTE_MS);
    request_upgrade(scene, "o2", "{'dryRun': true}");
    wake(scene);
    targets_of(scene, "o2", 0, target("r1", 0, "c-1"), true);
    targets_of(scene, "o2", 1, "", true);
    scheduled_of(scene, "o2", text("{'operationID': '%s', 'begin': 0, 'end': 0}", operation_of("o2", "r1")), true);
    report_of(scene, "o2", "r1", "succeeded", "dry run succeeded");
    retry(scene, "o1", text("'%s'", op("r1")));
    then_declined(scene, text("['%s']", op("r1")), "null");
    scene_free(scene);
}

/* --- While it is in progress --- */

static void failed_operation_is_retried_inside_the_running_orchestration(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 1);
    report(scene, "r1", "failed", "boom");
    scene_time(scene, nine + MINUTE_MS);
    retry(scene, "o1", "");
    then_events(scene, text(TYPE "retried.v1 o1 {'operations': ['%s']}", op("r1")),
                TYPE "resumed.v1 o1 {'operations': 1, 'windows': 'kept'}", NULL);
    then_messages(scene, text("runtimes #%d tidegate.runtime.configure.v1", partition_of("r1", 12)), NULL);
    then_operation(scene, "r1", "pending", "Operation retry triggered");
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'description': 'Scheduled 3 operations', "
             "'updated_at': '2022-02-01T09:01:00Z', 'stats': {'pending': 3}}");
    report(scene, "r2", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r3"), NULL); /* it stands behind what was ready */
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", dispatched("r1"), NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "succeeded.v1 o1 {'description': 'Scheduled 3 operations'}", NULL);
    scene_free(scene);
}

static void retry_during_the_last_operation_is_done_before_the_end(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "succeeded", "");
    retry(scene, "o1", text("'%s'", op("r1")));
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1", dispatched("r1"), NULL);
    report(scene, "r3", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", NULL);
    report(scene, "r1", "succeeded", "");
    then_events(scene, TYPE "progressed.v1 o1", TYPE "succeeded.v1 o1", NULL);
    scene_free(scene);
}

static void window_is_kept_while_it_is_open_and_left_when_it_has_ended(void **state)
{
    struct scene *scene = scene_open();
    int64_t end = nine + 10 * MINUTE_MS, late = end + MINUTE_MS;

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled_tomorrow(scene, "r2 r3");
    scheduled(scene, window_item("r1", nine, end), true);
    report(scene, "r1", "failed", "boom");
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1", dispatched("r1"), NULL);
    then_row(scene, "operation", op("r1"), "{'window_begin': '2022-02-01T09:00:00Z'}");
    report(scene, "r1", "failed", "boom");
    scene_time(scene, late);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1",
                text(TYPE "rescheduled.v1 o1 {'operations': ['%s'], 'after': %lld}", op("r1"), (long long)late), NULL);
    scene_free(scene);
}

static void operation_that_never_had_a_window_asks_for_one(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_scheduled(scene, parameters(1, "maintenanceWindow"));
    scheduled(scene, text("{'operationID': '%s', 'error': 'no window'}", op("r1")), false);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "resumed.v1 o1",
                text(TYPE "rescheduled.v1 o1 {'operations': ['%s']}", op("r1")), NULL);
    scheduled(scene, text("{'operationID': '%s', 'error': 'still none'}", op("r1")), false);
    then_operation(scene, "r1", "failed", "still none");
    scene_free(scene);
}

/* --- Cancel --- */

static void canceled_and_canceling_ones_are_never_retried(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 2);
    report(scene, "r1", "failed", "boom");
    cancel(scene, "o1");
    retry(scene, "o1", ""); /* canceling */
    then_declined(scene, "null", "null");
    retry(scene, "o1", text("'%s'", op("r1")));
    then_declined(scene, "null", text("['%s']", op("r1")));
    report(scene, "r2", "succeeded", "");
    report(scene, "r3", "succeeded", "");
    then_row(scene, "orchestration", "o1", "{'state': 'canceled'}");
    retry(scene, "o1", "");
    then_declined(scene, "null", "null");
    then_operation(scene, "r1", "failed", "provisioner client returns failed status: boom");
    scene_free(scene);
}

static void cancel_of_what_waits_to_be_retried_is_done_at_once(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    retry(scene, "o1", text("'%s'", op("r1")));
    cancel(scene, "o1");
    then_events(scene, TYPE "halted.v1 o1", TYPE "canceled.v1 o1", NULL);
    then_messages(scene, NULL);
    then_operation(scene, "r1", "canceled", "Operation was canceled");
    then_row(scene, "orchestration", "o1",
             "{'state': 'canceled', 'description': 'Orchestration was canceled', "
             "'stats': {'canceled': 1, 'failed': 1, 'succeeded': 1}}");
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

/* --- Repetitions --- */

static void keyed_retry(struct scene *scene, const char *key, const char *hash)
{
    when(scene, RETRY, "kyma",
         text("{'orchestrationID': 'o1', 'lane': 'kyma', 'operations': [], 'retryID': '%s', 'bodyHash': '%s'}", key,
              hash));
}

static void repeated_retry_with_a_key_decides_nothing_and_another_body_is_refused(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    two_failed(scene);
    keyed_retry(scene, "k1", "h1");
    then_events(scene, TYPE "retried.v1 o1 {'retryID': 'k1', 'bodyHash': 'h1'}", NULL);
    keyed_retry(scene, "k1", "h1");
    then_events(scene, NULL);
    then_outcome(scene, 0, NULL);
    keyed_retry(scene, "k1", "h2");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422}", NULL);
    then_outcome(scene, 422, NULL);
    keyed_retry(scene, "k2", "h1");
    then_events(scene, TYPE "declined.v1 o1 {'retryID': 'k2', 'bodyHash': 'h1'}", NULL);
    keyed_retry(scene, "k2", "h3");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422}", NULL);
    keyed_retry(scene, "k1", "h2"); /* an older key */
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422}", NULL);
    then_row(scene, "orchestration", "o1", "{'retries': [['k1', 'h1'], ['k2', 'h1']]}");
    scene_free(scene);
}

static void only_the_last_hundred_keys_are_remembered(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    three_released(scene, 3);
    for (int i = 0; i <= ORCHESTRATION_RETRY_KEYS_MAX; i++)
        keyed_retry(scene, text("k%d", i), "h1");
    keyed_retry(scene, "k1", "h2");
    then_events(scene, TYPE "rejected.v1 o1 {'status': 422}", NULL);
    keyed_retry(scene, "k0", "h2");
    then_events(scene, TYPE "declined.v1 o1", NULL);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_of_a_failed_one_queues_all_that_failed_oldest_first),
        cmocka_unit_test(retried_one_has_its_turn_and_asks_for_windows_anew),
        cmocka_unit_test(retried_operation_is_sent_again_as_another_attempt),
        cmocka_unit_test(first_attempt_is_sent_without_a_number),
        cmocka_unit_test(failed_and_not_retried_operation_fails_the_whole_again),
        cmocka_unit_test(retried_again_and_again_the_newest_retries_are_told),
        cmocka_unit_test(retried_one_waits_behind_those_that_arrived_meanwhile),
        cmocka_unit_test(retry_of_what_waits_for_its_turn_adds_to_it),
        cmocka_unit_test(retried_dry_run_is_rehearsed_again),
        cmocka_unit_test(named_operations_are_sorted_out_each_once_in_their_order),
        cmocka_unit_test(operation_of_another_orchestration_is_invalid),
        cmocka_unit_test(nothing_to_retry_is_said_and_changes_nothing),
        cmocka_unit_test(one_that_failed_before_it_had_operations_has_none_to_retry),
        cmocka_unit_test(retry_of_the_unknown_is_not_found),
        cmocka_unit_test(operation_with_a_newer_one_on_its_instance_is_old),
        cmocka_unit_test(newer_operation_that_was_canceled_does_not_count),
        cmocka_unit_test(newer_operation_counts_after_its_orchestration_was_forgotten),
        cmocka_unit_test(newer_operation_that_succeeded_before_the_older_one_failed_counts),
        cmocka_unit_test(dry_run_counts_as_newer),
        cmocka_unit_test(failed_operation_is_retried_inside_the_running_orchestration),
        cmocka_unit_test(retry_during_the_last_operation_is_done_before_the_end),
        cmocka_unit_test(window_is_kept_while_it_is_open_and_left_when_it_has_ended),
        cmocka_unit_test(operation_that_never_had_a_window_asks_for_one),
        cmocka_unit_test(canceled_and_canceling_ones_are_never_retried),
        cmocka_unit_test(cancel_of_what_waits_to_be_retried_is_done_at_once),
        cmocka_unit_test(repeated_retry_with_a_key_decides_nothing_and_another_body_is_refused),
        cmocka_unit_test(only_the_last_hundred_keys_are_remembered),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
