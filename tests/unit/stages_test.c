/* Stages: their order in each type of operation, and their limits as a setting. */
#include "services/provisioner/stages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/error.h"

static void each_type_has_its_stages_in_order(void **state)
{
    static const struct {
        const char *type, *want;
    } cases[] = {
        { "provision", "WaitingForClusterDomain WaitingForClusterCreation CreatingBindingsForOperators "
                       "StartingInstallation WaitingForInstallation ConnectRuntimeAgent WaitForAgentToConnect " },
        { "provisionNoInstall",
          "WaitingForClusterDomain WaitingForClusterCreation CreatingBindingsForOperators ConnectRuntimeAgent " },
        { "upgradeKyma", "StartingUpgrade WaitingForInstallation UpdatingUpgradeState " },
        { "upgradeShoot", "WaitingForShootNewVersion WaitingForShootUpgrade CreatingBindingsForOperators " },
        { "hibernate", "WaitForHibernation " },
        { "deprovision", "CleanupCluster TriggerKymaUninstall DeprovisionCluster WaitForClusterDeletion " },
        { "deprovisionNoInstall", "DeprovisionCluster WaitForClusterDeletion " },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum operation_type type = operation_type_find(cases[i].type);
        char names[512] = "";

        assert_string_equal(operation_rule(type)->name, cases[i].type);
        for (enum stage at = operation_rule(type)->stages[0]; at != STAGE_NONE; at = stage_after(type, at)) {
            strcat(names, stage_rule(at)->name);
            strcat(names, " ");
        }
        assert_string_equal(names, cases[i].want);
        assert_int_equal(stage_after(type, STAGE_STOPPING), STAGE_NONE);
    }
}

static void every_stage_is_found_by_its_name(void **state)
{
    (void)state;
    for (enum stage stage = STAGE_NONE + 1; stage < STAGE_COUNT; stage++)
        assert_int_equal(stage_find(stage_rule(stage)->name), stage);
    assert_int_equal(stage_find(""), STAGE_NONE);
    assert_int_equal(stage_find("Nowhere"), STAGE_NONE);
}

static void limits_are_durations_by_stage_and_all_others_their_default(void **state)
{
    int64_t limits[STAGE_COUNT] = { 0 };
    struct error err;

    (void)state;
    assert_true(stage_limits_parse("WaitingForInstallation=22h,CleanupCluster=90s,Stopping=1500", limits, &err));
    assert_int_equal(limits[STAGE_WAITING_FOR_INSTALLATION], 22 * 3600 * 1000);
    assert_int_equal(limits[STAGE_CLEANUP_CLUSTER], 90000);
    assert_int_equal(limits[STAGE_STOPPING], 1500);
    assert_int_equal(limits[STAGE_STARTING_UPGRADE], 20 * 60 * 1000);
    assert_true(stage_limits_parse("", limits, &err));
    assert_int_equal(limits[STAGE_WAITING_FOR_INSTALLATION], 60 * 60 * 1000);
}

static void limits_that_are_none_are_refused_and_change_nothing(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "Nowhere=1h", "there is no stage \"Nowhere\"" },
        { "CleanupCluster", "must be a stage and its limit" },
        { "CleanupCluster=5m,", NULL },
        { "CleanupCluster=5m,,", "must be a stage and its limit" },
        { "CleanupCluster=0", "\"0\" is no limit" },
        { "CleanupCluster=-5m", "\"-5m\" is no limit" },
        { "CleanupCluster= 5m", "\" 5m\" is no limit" },
        { "CleanupCluster=5d", "\"5d\" is no limit" },
        { "CleanupCluster=9999999h", "is no limit" },
        { "CleanupCluster=99999999999999999999h", "is no limit" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t limits[STAGE_COUNT] = { [STAGE_STOPPING] = 7 };
        struct error err;

        assert_int_equal(stage_limits_parse(cases[i].text, limits, &err), cases[i].want == NULL);
        if (cases[i].want == NULL)
            continue;
        if (strstr(err.message, cases[i].want) == NULL)
            fail_msg("%s: want %s, is %s", cases[i].text, cases[i].want, err.message);
        assert_int_equal(limits[STAGE_STOPPING], 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_has_its_stages_in_order),
        cmocka_unit_test(every_stage_is_found_by_its_name),
        cmocka_unit_test(limits_are_durations_by_stage_and_all_others_their_default),
        cmocka_unit_test(limits_that_are_none_are_refused_and_change_nothing),
    };

    return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
