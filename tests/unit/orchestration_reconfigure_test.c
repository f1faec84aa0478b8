/* What operations are sent when they are retried: the version that they have, with the configuration of the releases that
 * are in force then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "tests/unit/releases_scene.h"

#define ISTIO "'components': [{'component': 'istio', 'namespace': 'istio'}]"

/* As releases_folder, with other values, and with another default and other versions of accounts. */
static const char mended[] =
    "{'releases': [{'version': '2.3.0', " ISTIO ", 'configuration': [{'key': 'all', 'value': 'mended'}], 'overrides': ["
    "{'match': {'subAccount': 'sa-odd'}, 'configuration': [{'key': 'k', 'value': 'mended'}]}]}, "
    "{'version': '2.4.2', " ISTIO ", 'configuration': []}], "
    "'versions': {'default': '2.4.2', 'accounts': {'SA_sa-odd': '2.4.2'}}}";

/* In which 2.3.0 is no more. */
static const char without[] = "{'releases': [{'version': '2.4.2', " ISTIO ", 'configuration': []}]}";

static const struct release_runtime usual = { .plan = "azure" }, odd = { .plan = "azure", .sub_account = "sa-odd" };

/* o1 with r1 and r2, which have failed. */
static struct scene *two_failed_of(const char *parameters, const char *sub_account_1, const char *sub_account_2)
{
    struct scene *scene = resolved(parameters, text("%s, %s", target_of("r1", "ga", sub_account_1, "azure"),
                                                    target_of("r2", "ga", sub_account_2, "azure")));

    wake(scene);
    scheduled(scene, text("%s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0)), true);
    report(scene, "r1", "failed", "boom");
    report(scene, "r2", "failed", "boom");
    then_row(scene, "orchestration", "o1", "{'state': 'failed'}");
    return scene;
}

/* For r1 something is overridden, for r2 nothing. */
static struct scene *two_failed(const char *parameters)
{
    return two_failed_of(parameters, "sa-odd", "sa");
}

static void goes_on_in(struct scene *scene, const char *versions[2], const char *hashes[2])
{
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 2, 'windows': 'new'}", NULL);
    scheduled(scene, text("%s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0)), true);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgrade.v1 {'version': '%s', 'configuration': '%s', 'attempt': 2}",
                       versions[0], hashes[0]),
                  text("runtimes r2 tidegate.runtime.upgrade.v1 {'version': '%s', 'configuration': '%s', 'attempt': 2}",
                       versions[1], hashes[1]),
                  NULL);
}

static void retry_keeps_versions_and_sends_what_the_releases_in_force_make_of_them(void **state)
{
    const char *of_odd = configured_by(mended, "2.3.0", odd), *of_all = configured_by(mended, "2.3.0", usual);
    struct scene *scene = two_failed(unnamed);

    (void)state;
    adopt(scene, mended);
    retry(scene, "o1", "");
    then_events(scene, text(TYPE "retried.v1 o1 {'operations': ['%s', '%s']}", op("r1"), op("r2")), NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'retrying', 'configured': 0}");
    then_row(scene, "operation", op("r1"), "{'state': 'retrying', 'attempt': 2}");
    wake(scene);
    then_events(scene,
                text(TYPE "configured.v1 o1 {'configured': 2, 'choices': [{'version': '2.3.0', 'configuration': '%s', "
                          "'operations': ['%s']}, {'version': '2.3.0', 'configuration': '%s', 'operations': ['%s']}], "
                          "'configurations': [{'hash': '%s', 'kymaConfig': {'configuration': [{'key': 'all', 'value': "
                          "'mended'}, {'key': 'k', 'value': 'mended'}]}}, {'hash': '%s'}]}",
                     of_odd, op("r1"), of_all, op("r2"), of_odd, of_all),
                NULL);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s'}", partition_of("r1", 12), of_odd),
                  text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s'}", partition_of("r2", 12), of_all),
                  NULL);
    then_row(scene, "operation", op("r1"), text("{'state': 'retrying', 'configuration': '%s'}", of_odd));
    wake(scene);
    goes_on_in(scene, (const char *[]){ "2.3.0", "2.3.0" }, (const char *[]){ of_odd, of_all });
    scene_free(scene);
}

static void what_nothing_was_changed_of_is_sent_again(void **state)
{
    const char *of_odd = configured("2.3.0", odd), *of_all = configured("2.3.0", usual);
    struct scene *scene = two_failed(unnamed);

    (void)state;
    retry(scene, "o1", "");
    wake(scene);
    then_events(scene,
                text(TYPE "configured.v1 o1 {'choices': [{'configuration': '%s', 'operations': ['%s']}], "
                          "'configurations': []}",
                     of_odd, op("r1")),
                NULL);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s'}", partition_of("r1", 12), of_odd),
                  NULL);
    wake(scene);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'hash': '%s'}", partition_of("r2", 12), of_all),
                  text("schedules #%d tidegate.schedule.request.v1", partition_of(op("r2"), 12)),
                  text("schedules #%d tidegate.schedule.request.v1", partition_of(op("r1"), 12)), NULL);
    goes_on_in(scene, (const char *[]){ "2.3.0", "2.3.0" }, (const char *[]){ of_odd, of_all });
    scene_free(scene);
}

static void retry_of_a_version_that_is_gone_fails_until_it_is_there_again(void **state)
{
    struct scene *scene = two_failed("{'kyma': {'version': '2.3.0'}, 'targets': {'include': [{'target': 'all'}]}}");
    const char *of_odd = configured_by(mended, "2.3.0", odd);

    (void)state;
    adopt(scene, without);
    retry(scene, "o1", "");
    wake(scene);
    then_events(scene, TYPE "configured.v1 o1 {'choices': [{'version': '2.3.0', 'told': true}], 'configurations': []}",
                NULL);
    then_messages(scene, "instances instance-r1 tidegate.instance.report.v1 {'operation': {'state': 'failed'}}",
                  "instances instance-r2 tidegate.instance.report.v1 {'operation': {'state': 'failed'}}", NULL);
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 0}", TYPE "failed.v1 o1", NULL);
    then_operation(scene, "r1", "failed",
                   "while deciding the Kyma configuration: there is no release 2.3.0; there are: 2.4.2");
    then_row(scene, "operation", op("r2"), "{'version': '2.3.0', 'configuration': '', 'attempt': 2}");
    adopt(scene, mended);
    retry(scene, "o1", text("'%s'", op("r1")));
    wake(scene);
    wake(scene);
    scheduled(scene, window_item("r1", 0, 0), true);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgrade.v1 {'version': '2.3.0', 'configuration': '%s', 'attempt': "
                       "3}",
                       of_odd),
                  NULL);
    scene_free(scene);
}

/* A folder whose override makes more of 2.3.0 than may be sent. */
static const char *swollen(void)
{
    static char value[100001];

    memset(value, 'x', sizeof value - 1);
    return text("{'releases': [{'version': '2.3.0', " ISTIO ", 'configuration': [{'key': 'a', 'value': '%s'}, {'key': "
                "'b', 'value': '%s'}], 'overrides': [{'match': {'subAccount': 'sa-odd'}, 'configuration': [{'key': 'c',"
                " 'value': '%s'}]}]}]}",
                value, value, value);
}

static void retry_of_what_becomes_too_large_fails_alone(void **state)
{
    struct scene *scene = two_failed("{'kyma': {'version': '2.3.0'}, 'targets': {'include': [{'target': 'all'}]}}");
    const struct orchestration_settings before = orchestration_scene_settings;

    (void)state;
    orchestration_scene_settings.kyma_version = "2.3.0";
    adopt(scene, swollen());
    retry(scene, "o1", "");
    wake(scene);
    then_row(scene, "operation", op("r2"), "{'state': 'retrying'}");
    then_row(scene, "operation", op("r1"), "{'state': 'failed', 'configuration': ''}");
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 1}", NULL);
    scene_free(scene);
    orchestration_scene_settings = before;
}

static void retry_by_releases_that_are_understood_no_longer_fails(void **state)
{
    static const char gone[] = "{'releases': 'gone'}";
    struct scene *scene = two_failed(unnamed);

    (void)state;
    given(scene, TYPE "releasesAdopted.v1", "releases", text("{'hash': '%s', 'releases': %s}", hash_of(gone), gone));
    retry(scene, "o1", "");
    wake(scene);
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'failed', 'stats': {'failed': 2}}");
    scene_free(scene);
}

static void retried_operation_for_which_there_is_nothing_fails_again(void **state)
{
    struct scene *scene = resolved(unnamed, target_of("r1", "lost", "sa", "azure"));

    (void)state;
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'failed'}");
    retry(scene, "o1", "");
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1/again/1");
    wake(scene); /* there is none yet */
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id,
                        "o1/again/0"); /* another: it is due at once */
    then_events(scene, TYPE "configured.v1 o1 {'choices': [{'version': '2.9.9'}], 'configurations': []}", NULL);
    then_messages(scene, "instances instance-r1 tidegate.instance.report.v1 {'operation': {'state': 'failed'}}", NULL);
    then_row(scene, "operation", op("r1"), "{'state': 'failed', 'attempt': 2}");
    wake(scene);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'Scheduled 1 operations, retried 1 operations'}");
    scene_free(scene);
}

static void retry_of_what_still_cannot_be_sent_is_counted_though_it_stops_again(void **state)
{
    struct scene *scene =
        resolved("{'kyma': {}, 'targets': {'include': [{'target': 'all'}]}, 'strategy': {'type': 'parallel', "
                 "'schedule': 'immediate', 'parallel': {'workers': 1}, 'maxFailures': 1}}",
                 text("%s, %s", target_of("r1", "lost", "sa", "azure"), target_of("r2", "ga", "sa", "azure")));

    (void)state;
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'in progress', 'stopped': true}");
    for (int i = 0; i < 2; i++) {
        retry(scene, "o1", "");
        then_row(scene, "operation", op("r1"), "{'state': 'failed'}");
    }
    then_row(scene, "orchestration", "o1",
             "{'state': 'in progress', 'description': 'Scheduled 2 operations, retried 1 operations, retried 1 "
             "operations, stopped: 1 operations failed, maxFailures is 1'}");
    scene_free(scene);
}

static void retried_operation_that_can_be_configured_now_is_sent(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    adopt(scene, "{'releases': [{'version': '2.3.0', 'components': [{'component': 'a', 'namespace': 'b'}], "
                 "'configuration': []}], 'versions': {'default': '2.3.0', 'accounts': {'GA_x': '2.9.9'}}}");
    request_upgrade(scene, "o1", unnamed);
    wake(scene);
    targets(scene, 0, text("%s, %s", target_of("r1", "x", "sa", "azure"), target_of("r2", "y", "sa", "azure")), true);
    targets(scene, 1, "", true);
    wake(scene);
    scheduled(scene, window_item("r2", 0, 0), true);
    adopt(scene, "{'releases': [{'version': '2.3.0', 'components': [{'component': 'a', 'namespace': 'b'}], "
                 "'configuration': []}, {'version': '2.9.9', 'components': [{'component': 'a', 'namespace': 'b'}], "
                 "'configuration': []}], 'versions': {'default': '2.3.0'}}");
    retry(scene, "o1", text("'%s'", op("r1"))); /* while another one runs */
    then_events(scene, TYPE "retried.v1 o1",
                TYPE "configured.v1 o1 {'choices': [{'version': '2.9.9'}], 'configurations': [{}]}",
                TYPE "resumed.v1 o1", dispatched("r1"), NULL);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'kymaConfig': {'version': '2.9.9'}}",
                       partition_of("r1", 12)),
                  "runtimes r1 tidegate.runtime.upgrade.v1 {'version': '2.9.9', 'attempt': 2}", NULL);
    scene_free(scene);
}

/* --- Many of them --- */

enum { MANY = 600 }; /* more configurations than one event may hold */

/* Each subaccount has a value of its own. */
static char *folder_of_many(const char *value)
{
    char *json = NULL;
    size_t size;
    FILE *out = open_memstream(&json, &size);

    assert_non_null(out);
    fprintf(out, "{'releases': [{'version': '2.3.0', " ISTIO ", 'configuration': [], 'overrides': [");
    for (int i = 0; i < MANY; i++)
        fprintf(out, "%s{'match': {'subAccount': 's%d'}, 'configuration': [{'key': 'k', 'value': '%s%d'}]}",
                i == 0 ? "" : ", ", i, value, i);
    fprintf(out, "]}], 'versions': {'default': '2.3.0'}}");
    fclose(out);
    return json;
}

static char *list_of_many(const char *(*item)(int i))
{
    char *json = NULL;
    size_t size;
    FILE *out = open_memstream(&json, &size);

    assert_non_null(out);
    for (int i = 0; i < MANY; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ", ", item(i));
    fclose(out);
    return json;
}

static const char *target_of_many(int i)
{
    return target_of(text("r%d", i), "ga", text("s%d", i), "azure");
}

static const char *window_of_many(int i)
{
    return window_item(text("r%d", i), 0, 0);
}

/* o1, all of whose operations but that of r599 have failed; that one runs. */
static struct scene *many_failed(const char *folder)
{
    char *list = list_of_many(target_of_many), *windows = list_of_many(window_of_many);
    struct scene *scene = scene_open();

    adopt(scene, folder);
    request_upgrade(scene, "o1", parameters(2 * MANY, "immediate"));
    wake(scene);
    targets(scene, 0, list, true);
    targets(scene, 1, "", true);
    wake(scene);
    wake(scene);
    scheduled(scene, windows, true);
    for (int i = 0; i < MANY - 1; i++)
        report(scene, text("r%d", i), "refused", "boom");
    free(list);
    free(windows);
    return scene;
}

static void who_takes_over_between_the_records_of_a_retry_goes_on_with_it(void **state)
{
    char *before = folder_of_many("old"), *after = folder_of_many("new");
    struct scene *scene = many_failed(before);

    (void)state;
    report(scene, "r599", "failed", "boom");
    adopt(scene, after);
    retry(scene, "o1", "");
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'retrying', 'configured': 500}");
    scene_take_over(scene);
    assert_string_equal(orchestration_core.deadline(scene_state(scene)).id, "o1/again/100");
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'retrying', 'configured': 600}");
    scene_take_over(scene);
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 600}", NULL);
    for (int i = 0; i < MANY; i += 99)
        then_row(scene, "operation", op(text("r%d", i)),
                 text("{'state': 'pending', 'version': '2.3.0', 'configuration': '%s'}",
                      configured_by(after, "2.3.0", (struct release_runtime){ .sub_account = text("s%d", i) })));
    scene_free(scene);
    free(before);
    free(after);
}

static void operations_wait_until_it_is_decided_of_all_what_they_are_sent(void **state)
{
    char *before = folder_of_many("old"), *after = folder_of_many("new");
    struct scene *scene = many_failed(before);

    (void)state;
    adopt(scene, after);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", TYPE "configured.v1 o1", NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'in progress', 'stats': {'retrying': 599, 'pending': 1}}");
    report(scene, "r599", "succeeded", ""); /* others are heard meanwhile, of whom it is decided in that record */
    then_events(scene, TYPE "progressed.v1 o1", TYPE "configured.v1 o1", TYPE "resumed.v1 o1 {'operations': 599}",
                TYPE "dispatched.v1 o1", NULL);
    scene_free(scene);
    free(before);
    free(after);
}

static void what_is_retried_meanwhile_is_decided_too(void **state)
{
    struct scene *scene = two_failed_of(unnamed, "sa", "sa-odd");

    (void)state;
    retry(scene, "o1", text("'%s'", op("r2"))); /* the second of them */
    wake(scene);
    then_row(scene, "orchestration", "o1", "{'state': 'retrying', 'configured': 2}");
    adopt(scene, mended);
    retry(scene, "o1", text("'%s'", op("r1")));
    then_row(scene, "orchestration", "o1", "{'state': 'retrying', 'configured': 0}");
    wake(scene);
    then_events(scene,
                text(TYPE "configured.v1 o1 {'choices': [{'operations': ['%s']}, {'operations': ['%s']}]}", op("r1"),
                     op("r2")),
                NULL);
    wake(scene);
    goes_on_in(scene, (const char *[]){ "2.3.0", "2.3.0" },
               (const char *[]){ configured_by(mended, "2.3.0", usual), configured_by(mended, "2.3.0", odd) });
    scene_free(scene);
}

static void more_than_one_record_should_hold_are_decided_in_another(void **state)
{
    struct scene *scene = scene_open();
    json_t *list = json_array();

    (void)state;
    request_upgrade(scene, "o1", parameters(ORCHESTRATION_BATCH_MAX, "immediate"));
    wake(scene);
    for (int i = 0; i <= ORCHESTRATION_BATCH_MAX + 1; i++)
        json_array_append_new(list, json_of(target(text("r%d", i), 0, "c")));
    targets_many(scene, list);
    targets(scene, 1, "", true);
    for (int i = 0; i <= ORCHESTRATION_BATCH_MAX; i++)
        scheduled(scene, text("{'operationID': '%s', 'error': 'no policy'}", op(text("r%d", i))), true);
    retry(scene, "o1", "");
    then_events(scene, TYPE "retried.v1 o1", NULL);
    wake(scene);
    then_events(scene, TYPE "resumed.v1 o1 {'operations': 1001, 'windows': 'kept'}", NULL);
    orchestration_core.evict((void *)(uintptr_t)scene_state(scene), "o1"); /* comparing thousands of rows takes long */
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_keeps_versions_and_sends_what_the_releases_in_force_make_of_them),
        cmocka_unit_test(what_nothing_was_changed_of_is_sent_again),
        cmocka_unit_test(retry_of_a_version_that_is_gone_fails_until_it_is_there_again),
        cmocka_unit_test(retry_of_what_becomes_too_large_fails_alone),
        cmocka_unit_test(retry_by_releases_that_are_understood_no_longer_fails),
        cmocka_unit_test(retried_operation_for_which_there_is_nothing_fails_again),
        cmocka_unit_test(retry_of_what_still_cannot_be_sent_is_counted_though_it_stops_again),
        cmocka_unit_test(retried_operation_that_can_be_configured_now_is_sent),
        cmocka_unit_test(who_takes_over_between_the_records_of_a_retry_goes_on_with_it),
        cmocka_unit_test(operations_wait_until_it_is_decided_of_all_what_they_are_sent),
        cmocka_unit_test(what_is_retried_meanwhile_is_decided_too),
        cmocka_unit_test(more_than_one_record_should_hold_are_decided_in_another),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
