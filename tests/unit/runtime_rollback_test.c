/* The provisioner's core: upgrades taken back, and how long secret values live. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"

#define REFUSAL "error: upgrade can be rolled back only if it is the last operation that is already finished"
static const char *const upgrade_stages[] = { "StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState" };

static void an_upgrade_is_rolled_back_in_the_record_alone(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    then_row(scene, "runtime", "r1", "{'kyma_config': 'new', 'installed': 'new', 'kyma_version': '2.4.2'}");
    scene_time(scene, NOW_MS + 1000);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1', 'actor': {'subject': 'ann'}}");
    then_events(scene,
                ROLLED_BACK " r1 {'operationID': 'o1', 'kymaConfigHash': 'old', 'kymaVersion': '2.3.0', 'actor': "
                            "{'subject': 'ann'}}",
                NULL);
    then_outcome(scene, 200, "{}");
    then_calls(scene, NULL);
    then_messages(scene,
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'state': 'succeeded', 'description': 'Operation "
                                  "succeeded', 'kymaVersion': '2.3.0', 'updatedAt': 1643706001000}}",
                  NULL);
    then_row(scene, "runtime", "r1", "{'kyma_config': 'old', 'installed': 'old', 'kyma_version': '2.3.0'}");
    then_row(scene, "operation", "r1\no1",
             "{'state': 'succeeded', 'message': 'Operation succeeded', 'rolled_back': true, 'configuration': 'new', "
             "'pre': 'old', 'updated_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void a_second_rollback_is_answered_the_same_and_changes_nothing(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_events(scene, NULL);
    then_messages(scene, NULL);
    then_outcome(scene, 200, "{}");
    then_row(scene, "runtime", "r1", "{'kyma_config': 'old'}");
    scene_free(scene);
}

static void after_two_failures_the_last_good_configuration_returns(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o2", KYMA("1.20.4", "")));
    stage_fails(scene, "o2", "StartingUpgrade", "no");
    then_row(scene, "runtime", "r1", "{'kyma_version': '1.20.4', 'installed': 'old'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_row(scene, "runtime", "r1", "{'kyma_config': 'old', 'installed': 'old', 'kyma_version': '2.3.0'}");
    then_row(scene, "operation", "r1\no2", "{'state': 'failed', 'message': 'no'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void an_upgrade_after_a_rollback_comes_back_to_the_restored_one(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o2", KYMA("1.24.5", "")));
    then_row(scene, "operation", "r1\no2", "{'pre': 'old', 'rolled_back': false}");
    stages_end(scene, "o2", upgrade_stages, 3);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_row(scene, "runtime", "r1", "{'kyma_config': 'old'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void only_a_finished_upgrade_that_ran_last_is_rolled_back(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, "{'error': '" REFUSAL "', 'reason': 'err_provisioner_conflict'}");
    upgrade_started(scene);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, "{'error': '" REFUSAL "'}");
    upgrade_succeeded(scene);
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    stage_fails(scene, "h1", "WaitForHibernation", "no");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, "{'error': '" REFUSAL "'}");
    then_row(scene, "runtime", "r1", "{'kyma_config': 'new'}");
    many_records_passed(scene);
    scene_free(scene);
}

static void only_its_tenant_rolls_a_runtime_back(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga2'}");
    then_outcome(scene, 400, "{'error': 'runtime r1 not found'}");
    when(scene, ROLL_BACK, "r1", "{'tenant': ''}");
    then_outcome(scene, 400, "{'error': 'tenant header is empty'}");
    when(scene, ROLL_BACK, "r9", "{'tenant': 'ga1'}");
    then_outcome(scene, 400, "{'error': 'runtime r9 not found'}");
    scene_free(scene);
}

static void an_import_s_version_comes_back_where_its_configuration_names_none(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'kymaConfig': {'components': []}}}");
    then_events(scene, REGISTERED " r1 {'kymaVersion': '2.3.0', 'kymaConfig': {'version': '2.3.0'}}", NULL);
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    stages_end(scene, "o1", upgrade_stages, 3);
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_row(scene, "runtime", "r1", "{'kyma_version': '2.3.0'}");
    scene_free(scene);
}

/* --- Secret values live as long as they may be needed --- */

static void secret_values_stay_while_a_rollback_may_bring_them_back(void **state)
{
    struct scene *scene = scene_empty();
    char *first, *second;

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    first = row_text(scene, 1, "r1", "kyma_config");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", SECRET_ENTRY(SEALED "BBBB"))));
    second = row_text(scene, 1, "r1", "kyma_config");
    stages_end(scene, "o1", upgrade_stages, 3);
    then_row(scene, "configuration", first, "{'body': {'configuration': [{'value': '" SEALED "'}]}}");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_row(scene, "configuration", first, "{'body': {'configuration': [{'value': '" SEALED "'}]}}");
    then_row(scene, "configuration", second, "{'body': {'configuration': [{'value': '', 'secret': true}]}}");
    free(first);
    free(second);
    scene_free(scene);
}

static void secret_values_that_no_rollback_brings_back_are_forgotten(void **state)
{
    struct scene *scene = scene_empty();
    char *first;

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    first = row_text(scene, 1, "r1", "kyma_config");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", "")));
    stages_end(scene, "o1", upgrade_stages, 3);
    then_row(scene, "configuration", first, "{'body': {'configuration': [{'value': '" SEALED "'}]}}");
    when(scene, HIBERNATE, "r1", ASKED("h1", ""));
    then_row(scene, "configuration", first, "{'body': {'configuration': [{'value': '', 'secret': true}]}}");
    many_records_passed(scene);
    free(first);
    scene_free(scene);
}

static void forgotten_secret_values_come_anew_with_the_same_configuration(void **state)
{
    struct scene *scene = scene_known();
    char *hash;

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o1", KYMA("1.24.5", SECRET_ENTRY(SEALED))));
    hash = row_text(scene, 1, "r1", "kyma_config");
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    then_row(scene, "configuration", hash, "{'body': {'configuration': [{'value': ''}]}}");
    when(scene, UPGRADE_KYMA, "r1", ASKED("o2", KYMA("1.24.5", SECRET_ENTRY(SEALED))));
    then_events(scene, STARTED " r1 {'kymaConfig': {'configuration': [{'value': '" SEALED "'}]}}", NULL);
    then_row(scene, "configuration", hash, "{'body': {'configuration': [{'value': '" SEALED "'}]}}");
    many_records_passed(scene);
    free(hash);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_is_rolled_back_in_the_record_alone),
        cmocka_unit_test(a_second_rollback_is_answered_the_same_and_changes_nothing),
        cmocka_unit_test(after_two_failures_the_last_good_configuration_returns),
        cmocka_unit_test(an_upgrade_after_a_rollback_comes_back_to_the_restored_one),
        cmocka_unit_test(only_a_finished_upgrade_that_ran_last_is_rolled_back),
        cmocka_unit_test(only_its_tenant_rolls_a_runtime_back),
        cmocka_unit_test(an_import_s_version_comes_back_where_its_configuration_names_none),
        cmocka_unit_test(secret_values_stay_while_a_rollback_may_bring_them_back),
        cmocka_unit_test(secret_values_that_no_rollback_brings_back_are_forgotten),
        cmocka_unit_test(forgotten_secret_values_come_anew_with_the_same_configuration),
    };

    return cmocka_run_group_tests_name("runtime: rollback", tests, runtime_scene_setup, runtime_scene_teardown);
}
