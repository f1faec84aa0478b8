/* Which version and configuration each operation is sent, and the releases that decide it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "tests/unit/releases_scene.h"

/* --- Versions --- */

static void version_is_the_subaccounts_else_the_accounts_else_the_default(void **state)
{
    struct scene *scene = resolved(unnamed, text("%s, %s, %s", target_of("r1", "ga", "sa", "azure"),
                                                 target_of("r2", "new", "sa", "azure"),
                                                 target_of("r3", "new", "back", "azure")));

    (void)state;
    then_events(scene, TYPE "targeted.v1 o1",
                text(TYPE "configured.v1 o1 {'configured': 3, 'choices': [{'version': '2.4.2', 'configuration': '%s', "
                          "'operations': ['%s']}], 'configurations': [{'kymaConfig': {'version': '2.4.2'}}]}",
                     configured("2.4.2", (struct release_runtime){ 0 }), op("r2")),
                NULL);
    then_messages(scene,
                  text("runtimes #%d tidegate.runtime.configure.v1 {'kymaConfig': {'version': '2.4.2'}}",
                       partition_of("r2", 12)),
                  NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'pending', 'resolved': false, 'configured': 3}");
    wake(scene); /* the whole is in a record of its own */
    then_events(scene,
                TYPE "scheduled.v1 o1 {'version': '2.3.0', 'parameters': {'kyma': {'version': '2.3.0'}}, 'kymaConfig': "
                     "{'version': '2.3.0'}}",
                NULL);
    then_row(scene, "operation", op("r1"), "{'version': '', 'configuration': '', 'position': 1, 'sent': false}");
    then_row(scene, "operation", op("r2"),
             text("{'version': '2.4.2', 'configuration': '%s', 'position': 2}",
                  configured("2.4.2", (struct release_runtime){ 0 })));
    scheduled(scene, text("%s, %s, %s", window_item("r1", 0, 0), window_item("r2", 0, 0), window_item("r3", 0, 0)),
              true);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgrade.v1 {'version': '2.3.0'}",
                  text("runtimes r2 tidegate.runtime.upgrade.v1 {'version': '2.4.2', 'configuration': '%s'}",
                       configured("2.4.2", (struct release_runtime){ 0 })),
                  "runtimes r3 tidegate.runtime.upgrade.v1 {'version': '2.3.0'}", NULL);
    then_row(scene, "operation", op("r2"), "{'sent': true}");
    scene_free(scene);
}

static void version_of_the_request_counts_above_all_accounts(void **state)
{
    struct scene *scene = resolved(parameters(1, "immediate"), target_of("r2", "new", "sa", "azure"));

    (void)state;
    then_events(scene, TYPE "targeted.v1 o1", TYPE "scheduled.v1 o1 {'version': '2.3.0'}", NULL);
    scene_free(scene);
}

static void pull_requests_and_commits_have_the_major_version_of_the_default(void **state)
{
    struct scene *scene = resolved(unnamed, target_of("r1", "pull", "sa", "azure"));

    (void)state;
    then_events(scene, TYPE "targeted.v1 o1",
                TYPE "configured.v1 o1 {'choices': [{'version': 'PR-7'}], 'configurations': [{}]}", NULL);
    scene_free(scene);
}

static void account_whose_version_cannot_be_sent_fails_alone(void **state)
{
    struct scene *scene = resolved(unnamed,
                                   text("%s, %s, %s, %s", target_of("r1", "ga", "sa", "azure"),
                                        target_of("r2", "lost", "sa", "azure"), target_of("r3", "far", "sa", "azure"),
                                        target_of("r4", "odd", "sa", "azure")));

    (void)state;
    then_row(scene, "orchestration", "o1", "{'stats': null}");
    then_messages(scene, NULL); /* nobody sees them yet */
    wake(scene);
    then_messages(scene,
                  text("instances instance-r2 tidegate.instance.report.v1 {'operation': {'operationID': '%s', 'type':"
                       " 'upgradeKyma', 'orchestrationID': 'o1', 'state': 'failed'}}",
                       op("r2")),
                  "instances instance-r3 tidegate.instance.report.v1 {'operation': {'state': 'failed'}}",
                  "instances instance-r4 tidegate.instance.report.v1 {'operation': {'state': 'failed'}}",
                  "runtimes #4 tidegate.runtime.configure.v1", "schedules #1 tidegate.schedule.request.v1", NULL);
    then_row(scene, "orchestration", "o1", "{'state': 'in progress', 'stats': {'pending': 1, 'failed': 3}}");
    then_operation(scene, "r2", "failed",
                   "while deciding the Kyma configuration: there is no release 2.9.9; there are: 2.3.0, 2.4.2, 3.0.0, "
                   "PR-7");
    then_operation(scene, "r3", "failed",
                   "while deciding the Kyma configuration: Kyma 3.0.0 cannot be sent: the major versions 1 to 2 are "
                   "known");
    then_operation(scene, "r4", "failed",
                   "while deciding the Kyma configuration: the Kyma version foo has no major version, such as 2 of "
                   "2.4.2");
    then_row(scene, "operation", op("r2"), "{'version': '2.9.9', 'configuration': '', 'sent': false}");
    then_row(scene, "latest", "kyma/instance-r2", "{}");
    scheduled(scene, window_item("r1", 0, 0), true);
    report(scene, "r1", "succeeded", "");
    then_row(scene, "orchestration", "o1", "{'state': 'failed', 'stats': {'succeeded': 1, 'failed': 3}}");
    scene_free(scene);
}

static void request_for_an_unknown_major_version_fails_each_operation(void **state)
{
    struct scene *scene = resolved("{'kyma': {'version': '3.0.0'}}",
                                   text("%s, %s", target("r1", 0, "c-1"), target("r2", 0, "c-2")));

    (void)state;
    wake(scene);
    then_row(scene, "orchestration", "o1",
             "{'state': 'failed', 'description': 'Scheduled 2 operations', 'stats': {'failed': 2}}");
    scene_free(scene);
}

static void canceled_before_its_start_nothing_that_failed_is_seen(void **state)
{
    struct scene *scene = resolved(unnamed, target_of("r2", "lost", "sa", "azure"));

    (void)state;
    cancel(scene, "o1");
    then_row(scene, "orchestration", "o1", "{'state': 'canceled', 'resolved': false, 'stats': null}");
    then_row(scene, "latest", "kyma/instance-r2", NULL);
    scene_free(scene);
}

/* --- Configurations --- */

static void overrides_make_configurations_of_their_own_each_sent_where_it_is_needed(void **state)
{
    const char *odd = configured("2.3.0", (struct release_runtime){ .sub_account = "sa-odd" });
    const char *both = configured("2.3.0", (struct release_runtime){ .sub_account = "sa-odd", .plan = "trial" });
    struct scene *scene = resolved(parameters(9, "immediate"),
                                   text("%s, %s, %s, %s", target_of("r1", "ga", "sa-odd", "azure"),
                                        target_of("r2", "ga", "sa-odd", "trial"), target_of("r3", "ga", "sa", "azure"),
                                        target_of("r4", "ga", "sa-odd", "azure")));

    (void)state;
    assert_string_equal(odd, both); /* the more particular one wins */
    then_events(scene, TYPE "targeted.v1 o1",
                text(TYPE "configured.v1 o1 {'choices': [{'version': '2.3.0', 'configuration': '%s', 'operations': "
                          "['%s', '%s', '%s']}], 'configurations': [{'hash': '%s', 'kymaConfig': {'configuration': "
                          "[{'key': 'k', 'value': 'odd', 'secret': null}]}}]}",
                     odd, op("r1"), op("r2"), op("r4"), odd) /* by position */,
                NULL);
    then_row(scene, "configuration", text("o1/%s", odd), "{'orchestration_id': 'o1'}");
    wake(scene);
    then_row(scene, "configuration", text("o1/%s", configured("2.3.0", (struct release_runtime){ 0 })),
             "{'body': {'version': '2.3.0', 'configuration': []}}");
    then_row(scene, "configuration", text("o1/%s", hash_of("{}")), NULL);
    then_row(scene, "configuration", "o1", NULL);
    scene_free(scene);
}

static void dry_run_sends_no_configuration_but_keeps_it(void **state)
{
    struct scene *scene = resolved("{'dryRun': true, 'kyma': {'version': '2.3.0'}}",
                                   target_of("r1", "ga", "sa-odd", "azure"));

    (void)state;
    then_messages(scene, NULL);
    wake(scene);
    scheduled(scene, window_item("r1", 0, 0), true);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgrade.v1 {'dryRun': true}", NULL);
    then_row(scene, "operation", op("r1"),
             text("{'sent': true, 'state': 'pending', 'configuration': '%s'}",
                  configured("2.3.0", (struct release_runtime){ .sub_account = "sa-odd" })));
    scene_free(scene);
}

static void many_that_differ_stand_in_several_records(void **state)
{
    enum { MANY = 6000 };
    struct scene *scene = scene_open();
    json_t *list = json_array();

    (void)state;
    adopt(scene, releases_folder);
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    wake(scene);
    for (int i = 0; i < MANY; i++)
        json_array_append_new(list, json_of(target_of(text("r%d", i), "ga", "sa-odd", "azure")));
    targets_many(scene, list);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1", TYPE "configured.v1 o1 {'configured': 5000, 'configurations': [{}]}",
                NULL);
    wake(scene);
    then_events(scene, TYPE "configured.v1 o1 {'configured': 6000, 'configurations': []}", NULL);
    wake(scene);
    then_events(scene, TYPE "scheduled.v1 o1", NULL);
    then_row(scene, "operation", op("r5999"), "{'version': '2.3.0'}");
    orchestration_core.evict((void *)(uintptr_t)scene_state(scene), "o1"); /* comparing thousands of rows takes long */
    scene_free(scene);
}

/* A later program may understand less than the one that adopted them. */
static void releases_that_are_understood_no_longer_decide_nothing_until_others_are_adopted(void **state)
{
    static const char gone[] = "{'releases': 'gone'}";
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", parameters(1, "immediate"));
    wake(scene);
    targets(scene, 0, target_of("r1", "ga", "sa", "azure"), true);
    given(scene, TYPE "releasesAdopted.v1", "releases", text("{'hash': '%s', 'releases': %s}", hash_of(gone), gone));
    request_upgrade(scene, "o2", parameters(1, "immediate"));
    then_outcome(scene, 500, NULL);
    targets(scene, 1, "", true);
    then_events(scene, TYPE "targeted.v1 o1", TYPE "failed.v1 o1", NULL);
    adopt(scene, gone); /* it is not in force, though its hash is */
    then_events(scene, TYPE "releasesRefused.v1 releases", NULL);
    adopt(scene, releases_folder);
    request_upgrade(scene, "o2", parameters(1, "immediate"));
    then_outcome(scene, 202, NULL);
    scene_free(scene);
}

static void folder_whose_default_cannot_be_sent_is_refused(void **state)
{
    static const char *const defaults[] = { "3.0.0", "0.9.0", "PR-7" };
    struct scene *scene = scene_open();

    (void)state;
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        adopt(scene, text("{'releases': [{'version': '%s', 'components': [{'component': 'istio', 'namespace': "
                          "'istio'}], 'configuration': []}], 'versions': {'default': '%s'}}",
                          defaults[i], defaults[i]));
        then_events(scene,
                    text(TYPE "releasesRefused.v1 releases {'reason': 'Kyma %s, which is sent where nobody names one, "
                              "cannot be sent: the major versions 1 to 2 are known'}",
                         defaults[i]),
                    NULL);
    }
    scene_free(scene);
}

/* --- The releases in force --- */

static void releases_are_adopted_once_and_stand_in_the_log(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    adopt(scene, releases_folder);
    then_events(scene, text(TYPE "releasesAdopted.v1 releases {'hash': '%s'}", hash_of(releases_folder)), NULL);
    then_outcome(scene, 0, NULL);
    then_messages(scene, NULL);
    adopt(scene, releases_folder);
    then_events(scene, NULL);
    then_row(scene, "releases", "releases",
             text("{'hash': '%s', 'body': {'versions': {'default': '2.3.0'}}, 'adopted_at': '2022-02-01T09:00:00Z', "
                  "'refused_hash': null}",
                  hash_of(releases_folder)));
    scene_free(scene);
}

static void wrong_folder_is_refused_and_the_one_before_stays(void **state)
{
    struct scene *scene = scene_open();
    const char *wrong = hash_of("{}");

    (void)state;
    adopt(scene, releases_folder);
    when(scene, RELEASES, "", text("{'hash': '%s', 'error': 'x.json: line 3: boom'}", wrong));
    then_events(scene, text(TYPE "releasesRefused.v1 releases {'hash': '%s', 'reason': 'x.json: line 3: boom'}", wrong),
                NULL);
    then_row(scene, "releases", "releases",
             text("{'hash': '%s', 'refused_reason': 'x.json: line 3: boom'}", hash_of(releases_folder)));
    when(scene, RELEASES, "", text("{'hash': '%s', 'error': 'x.json: line 3: boom'}", wrong));
    then_events(scene, NULL);
    adopt(scene, releases_folder); /* mended: the same as before */
    then_events(scene, TYPE "releasesAdopted.v1 releases", NULL);
    then_row(scene, "releases", "releases", "{'refused_hash': null}");
    adopt(scene, "{'releases': [{'version': '2.3.0', 'components': [], 'configuration': []}]}");
    then_events(scene, TYPE "releasesRefused.v1 releases", NULL);
    adopt(scene, "{'releases': [{'version': '1.0.0', 'components': [{'component': 'a', 'namespace': 'b'}], "
                 "'configuration': []}]}"); /* without the default of the settings */
    then_events(scene, TYPE "releasesRefused.v1 releases", NULL);
    scene_free(scene);
}

static void releases_whose_hash_is_another_are_rejected(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    when(scene, RELEASES, "", text("{'hash': '%s', 'releases': {}}", hash_of("[]")));
    then_events(scene, TYPE "rejected.v1 releases {'status': 400}", NULL);
    when(scene, RELEASES, "", "{}");
    then_events(scene, TYPE "rejected.v1 releases {'status': 400}", NULL);
    scene_free(scene);
}

static void default_is_that_of_the_releases_in_force_when_the_targets_are_in(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", unnamed);
    then_events(scene, TYPE "accepted.v1 o1 {'version': '2.4.2'}", NULL);
    wake(scene);
    adopt(scene, releases_folder);
    targets(scene, 0, "", true);
    targets(scene, 1, target("r1", 0, "c-1"), true);
    then_events(scene, TYPE "targeted.v1 o1",
                TYPE "scheduled.v1 o1 {'version': '2.3.0', 'parameters': {'kyma': {'version': '2.3.0'}}}", NULL);
    scene_free(scene);
}

/* --- Turns --- */

static void as_many_orchestrations_of_a_lane_run_as_the_setting_allows(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    orchestration_scene_settings.orchestrations_max = 2;
    three_released(scene, 1);
    request_upgrade(scene, "o2", parameters(1, "immediate"));
    wake(scene);
    then_events(scene, TYPE "started.v1 o2", NULL);
    targets_of(scene, "o2", 0, target("r9", 0, "c-9"), true);
    targets_of(scene, "o2", 1, "", true);
    then_row(scene, "orchestration", "o2", "{'state': 'in progress'}");
    request_upgrade(scene, "o3", parameters(1, "immediate"));
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    then_row(scene, "orchestration", "o3", "{'state': 'pending', 'partitions': 0}");
    cancel(scene, "o2");
    wake(scene);
    then_events(scene, TYPE "started.v1 o3", NULL);
    orchestration_scene_settings.orchestrations_max = 0;
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_subaccounts_else_the_accounts_else_the_default),
        cmocka_unit_test(version_of_the_request_counts_above_all_accounts),
        cmocka_unit_test(pull_requests_and_commits_have_the_major_version_of_the_default),
        cmocka_unit_test(account_whose_version_cannot_be_sent_fails_alone),
        cmocka_unit_test(request_for_an_unknown_major_version_fails_each_operation),
        cmocka_unit_test(canceled_before_its_start_nothing_that_failed_is_seen),
        cmocka_unit_test(overrides_make_configurations_of_their_own_each_sent_where_it_is_needed),
        cmocka_unit_test(dry_run_sends_no_configuration_but_keeps_it),
        cmocka_unit_test(many_that_differ_stand_in_several_records),
        cmocka_unit_test(releases_that_are_understood_no_longer_decide_nothing_until_others_are_adopted),
        cmocka_unit_test(folder_whose_default_cannot_be_sent_is_refused),
        cmocka_unit_test(releases_are_adopted_once_and_stand_in_the_log),
        cmocka_unit_test(wrong_folder_is_refused_and_the_one_before_stays),
        cmocka_unit_test(releases_whose_hash_is_another_are_rejected),
        cmocka_unit_test(default_is_that_of_the_releases_in_force_when_the_targets_are_in),
        cmocka_unit_test(as_many_orchestrations_of_a_lane_run_as_the_setting_allows),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
