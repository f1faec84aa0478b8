/* Scenarios of the simulator: what becomes of a stage, and what is refused. */
#include "services/provisioner/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct scenario *scenario_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    struct error err = { 0 };
    struct scenario *scenario;

    assert_non_null(json);
    scenario = scenario_parse(json, &err);
    if (scenario == NULL)
        fail_msg("%s", err.message);
    json_decref(json);
    return scenario;
}

static struct scenario_fate fate_in(const struct scenario *scenario, const char *runtime_id, const char *stage,
                                    int attempt)
{
    return scenario_fate(scenario, (struct scenario_stage){ .runtime_id = runtime_id,
                                                            .operation_id = "operation-1",
                                                            .operation = "upgradeKyma",
                                                            .attempt = attempt,
                                                            .stage = stage });
}

static struct scenario_fate fate_of(const struct scenario *scenario, const char *runtime_id, const char *stage)
{
    return fate_in(scenario, runtime_id, stage, 1);
}

static void without_a_file_a_stage_takes_two_to_four_seconds_and_succeeds(void **state)
{
    struct error err;
    struct scenario *scenario = scenario_load(NULL, &err);
    int64_t shortest = INT64_MAX, longest = 0;
    char runtime_id[32];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct scenario_fate fate;

        snprintf(runtime_id, sizeof runtime_id, "runtime-%d", i);
        fate = fate_of(scenario, runtime_id, "StartingUpgrade");
        assert_null(fate.fail);
        shortest = fate.duration_ms < shortest ? fate.duration_ms : shortest;
        longest = fate.duration_ms > longest ? fate.duration_ms : longest;
    }
    assert_in_range(shortest, 2000, 2010);
    assert_in_range(longest, 3990, 4000);
    scenario_free(scenario);
}

static void the_same_stage_always_has_the_same_fate(void **state)
{
    struct scenario *one = scenario_of("{}"), *other = scenario_of("{}");

    (void)state;
    assert_int_equal(fate_of(one, "r1", "Stopping").duration_ms, fate_of(other, "r1", "Stopping").duration_ms);
    assert_int_not_equal(fate_of(one, "r1", "Stopping").duration_ms, fate_of(one, "r2", "Stopping").duration_ms);
    scenario_free(one);
    scenario_free(other);
}

static void the_first_rule_that_matches_decides(void **state)
{
    struct scenario *scenario = scenario_of(
        "{\"default\": {\"durationMs\": [7, 7]}, \"rules\": ["
        "{\"runtime\": \"^prod-\", \"stage\": \"WaitingForInstallation\", \"durationMs\": [5, 5], "
        "\"fail\": \"disk full\"}, {\"runtime\": \"^prod-\", \"durationMs\": [0, 0]}, "
        "{\"stage\": \"Stopping\", \"fail\": \"stuck\"}]}");

    (void)state;
    assert_int_equal(fate_of(scenario, "prod-1", "WaitingForInstallation").duration_ms, 5);
    assert_string_equal(fate_of(scenario, "prod-1", "WaitingForInstallation").fail, "disk full");
    assert_int_equal(fate_of(scenario, "prod-1", "Stopping").duration_ms, 0);
    assert_null(fate_of(scenario, "prod-1", "Stopping").fail);
    assert_int_equal(fate_of(scenario, "my-prod-1", "Stopping").duration_ms, 7);
    assert_string_equal(fate_of(scenario, "my-prod-1", "Stopping").fail, "stuck");
    scenario_free(scenario);
}

static void a_rule_may_be_for_one_type_of_operation(void **state)
{
    struct scenario *scenario = scenario_of("{\"rules\": [{\"operation\": \"provision\", \"fail\": \"quota\"}, "
                                            "{\"operation\": \"upgradeKyma\", \"fail\": \"disk full\", "
                                            "\"reason\": \"err_disk\", \"component\": \"istio\", \"flaps\": 3}]}");
    struct scenario_fate fate = fate_of(scenario, "r1", "WaitingForInstallation");

    (void)state;
    assert_string_equal(fate.fail, "disk full");
    assert_string_equal(fate.reason, "err_disk");
    assert_string_equal(fate.component, "istio");
    assert_int_equal(fate.flaps, 3);
    scenario_free(scenario);
}

static void a_rule_may_be_for_the_first_attempts_alone(void **state)
{
    struct scenario *scenario = scenario_of("{\"rules\": [{\"attempts\": 2, \"fail\": \"disk full\"}, "
                                            "{\"runtime\": \"bad\", \"fail\": \"always\"}]}");

    (void)state;
    assert_string_equal(fate_in(scenario, "r1", "StartingUpgrade", 1).fail, "disk full");
    assert_string_equal(fate_in(scenario, "r1", "StartingUpgrade", 2).fail, "disk full");
    assert_null(fate_in(scenario, "r1", "StartingUpgrade", 3).fail);
    assert_string_equal(fate_in(scenario, "bad", "StartingUpgrade", 3).fail, "always");
    assert_int_not_equal(fate_in(scenario, "r1", "StartingUpgrade", 3).duration_ms,
                         fate_in(scenario, "r1", "StartingUpgrade", 4).duration_ms);
    scenario_free(scenario);
}

static void never_without_a_stage_leaves_stopping_alone(void **state)
{
    struct scenario *any = scenario_of("{\"rules\": [{\"never\": true}]}");
    struct scenario *named = scenario_of("{\"rules\": [{\"never\": true, \"stage\": \"Stopping\"}]}");

    (void)state;
    assert_true(fate_of(any, "r1", "StartingUpgrade").never);
    assert_false(fate_of(any, "r1", "Stopping").never);
    assert_true(fate_of(named, "r1", "Stopping").never);
    scenario_free(any);
    scenario_free(named);
}

static void only_a_long_installation_has_steps(void **state)
{
    struct scenario *scenario = scenario_of(
        "{\"default\": {\"durationMs\": [1001, 1001]}, \"rules\": ["
        "{\"runtime\": \"short\", \"durationMs\": [1000, 1000]}, {\"runtime\": \"many\", \"steps\": 4}]}");

    (void)state;
    assert_int_equal(fate_of(scenario, "r1", "WaitingForInstallation").steps, 1);
    assert_int_equal(fate_of(scenario, "r1", "WaitForHibernation").steps, 0);
    assert_int_equal(fate_of(scenario, "short", "WaitingForInstallation").steps, 0);
    assert_int_equal(fate_of(scenario, "many", "WaitingForInstallation").steps, 4);
    scenario_free(scenario);
}

static void moments_are_spread_evenly_between_beginning_and_end(void **state)
{
    const struct scenario_fate fate = { .duration_ms = 1000 };

    (void)state;
    assert_int_equal(scenario_moment_ms(&fate, 0, 1), 500);
    assert_int_equal(scenario_moment_ms(&fate, 0, 3), 250);
    assert_int_equal(scenario_moment_ms(&fate, 2, 3), 750);
}

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *want_error;
    } cases[] = {
        { "[]", "must be an object with holds, default, rules" },
        { "{\"rule\": []}", "rule: no such member; there are holds, default, rules" },
        { "{\"holds\": true}", "holds: must be a text" },
        { "{\"default\": {\"durationMs\": [2]}}", "default: durationMs: must be [min, max]" },
        { "{\"default\": {\"durationMs\": [3, 2]}}", "default: durationMs: must be [min, max]" },
        { "{\"default\": {\"fail\": \"x\"}}", "default: fail: no such member" },
        { "{\"default\": {\"steps\": 21}}", "default: steps: must be a whole number from 0 to 20" },
        { "{\"rules\": [{\"flaps\": 101}]}", "rules[0]: flaps: must be a whole number from 0 to 100" },
        { "{\"rules\": [{\"attempts\": 1001}]}", "rules[0]: attempts: must be a whole number from 0 to 1000" },
        { "{\"rules\": [{\"flaps\": 1}]}", "rules[0]: flaps: needs fail" },
        { "{\"rules\": [{\"reason\": \"x\"}]}", "rules[0]: reason, component: need fail" },
        { "{\"rules\": [{\"never\": 1}]}", "rules[0]: never: must be true or false" },
        { "{\"rules\": [{\"never\": true, \"fail\": \"x\"}]}", "rules[0]: never: a stage that never ends" },
        { "{\"rules\": [{\"operation\": \"\"}]}", "rules[0]: operation: must be a text" },
        { "{\"rules\": {}}", "rules: must be a list" },
        { "{\"rules\": [{}, {\"fail\": \"\"}]}", "rules[1]: fail: must be a text of 1 to" },
        { "{\"rules\": [{\"runtime\": \"(\"}]}", "rules[0]: runtime: " },
        { "{\"rules\": [{\"stage\": 1}]}", "rules[0]: stage: must be a text" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_loads(cases[i].text, 0, NULL);
        struct error err = { 0 };

        assert_non_null(json);
        assert_null(scenario_parse(json, &err));
        if (strstr(err.message, cases[i].want_error) == NULL)
            fail_msg("want %s, is %s", cases[i].want_error, err.message);
        json_decref(json);
    }
}

static void a_file_that_is_missing_or_broken_is_named(void **state)
{
    char path[] = "/tmp/scenario-test-XXXXXX";
    int fd = mkstemp(path);
    struct error err = { 0 };

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\n,", 3), 3);
    close(fd);
    assert_null(scenario_load("/nowhere/scenario.json", &err));
    assert_non_null(strstr(err.message, "/nowhere/scenario.json: "));
    assert_null(scenario_load(path, &err));
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "line 2"));
    unlink(path);
}

/* Those that docs/rehearsal.md describes. */
static void the_scenarios_that_come_along_can_be_read(void **state)
{
    static const char *const paths[] = { "deploy/demo/scenario.json", "deploy/demo/scenarios/failing-component.json",
                                         "deploy/demo/scenarios/flapping-cloud.json",
                                         "deploy/demo/scenarios/stuck-installation.json" };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct error err = { 0 };
        struct scenario *scenario = scenario_load(paths[i], &err);

        if (scenario == NULL)
            fail_msg("%s", err.message);
        scenario_free(scenario);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_a_stage_takes_two_to_four_seconds_and_succeeds),
        cmocka_unit_test(the_same_stage_always_has_the_same_fate),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(a_rule_may_be_for_one_type_of_operation),
        cmocka_unit_test(a_rule_may_be_for_the_first_attempts_alone),
        cmocka_unit_test(never_without_a_stage_leaves_stopping_alone),
        cmocka_unit_test(only_a_long_installation_has_steps),
        cmocka_unit_test(moments_are_spread_evenly_between_beginning_and_end),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
        cmocka_unit_test(a_file_that_is_missing_or_broken_is_named),
        cmocka_unit_test(the_scenarios_that_come_along_can_be_read),
    };

    return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
