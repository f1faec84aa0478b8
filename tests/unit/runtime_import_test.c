/* The provisioner's core: what imports and the orchestrator make known. */
#include "tests/unit/runtime_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "services/provisioner/runtimes.h"

static void an_import_makes_a_runtime_known(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    then_events(scene,
                REGISTERED " r1 {'instanceID': 'i1', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', "
                           "'region': 'westeurope', 'shootName': 'c-1', 'kymaVersion': '2.3.0', 'kymaConfig': "
                           "{'version': '2.3.0', 'conflictStrategy': 'Replace'}, 'clusterConfig': "
                           "{'name': '', 'region': 'westeurope', 'machineType': 'Standard_D8_v3'}}",
                NULL);
    then_outcome(scene, 200, "{'result': 'imported'}");
    then_messages(scene, NULL);
    then_row(scene, "runtime", "r1",
             "{'instance_id': 'i1', 'tenant': 'ga1', 'kyma_version': '2.3.0', 'upgraded': false, 'running': false, "
             "'waiting': [], 'operation_id': null, 'deprovisioned_at': null, 'created_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void the_release_gives_the_configuration_of_its_hash(void **state)
{
    struct scene *scene = scene_empty();
    char want[128];

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    snprintf(want, sizeof want, "{'kyma_config': '%s'}", releases_hash(runtime_scene_settings.releases, "2.3.0"));
    then_row(scene, "runtime", "r1", want);
    then_row(scene, "configuration", releases_hash(runtime_scene_settings.releases, "2.3.0"), "{'kind': 'kyma'}");
    scene_free(scene);
}

static void a_version_without_release_is_all_that_is_known_of_its_configuration(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1",
         "{'line': {'instanceID': 'i1', 'runtimeID': 'r1', 'globalAccount': 'ga1', 'kymaVersion': '0.9'}}");
    then_events(scene,
                REGISTERED " r1 {'kymaConfig': {'version': '0.9', 'profile': null, 'components': null, "
                           "'configuration': null, 'conflictStrategy': null}}",
                NULL);
    scene_free(scene);
}

static void equal_configurations_travel_once(void **state)
{
    struct scene *scene = scene_empty();
    struct decision decision = { 0 };
    json_t *known, *data, *line;

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    known = runtime_core.row(scene_state(scene), 1, "r1");
    line = json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:s,s:s}}", "line", "instanceID", "i2", "runtimeID", "r2",
                     "globalAccount", "ga2", "planName", "azure", "region", "westeurope", "shootName", "c-2",
                     "kymaVersion", "2.3.0");
    runtime_core.decide(scene_state(scene), &(struct request){ .subject = "r2", .data = line }, NOW_MS, &decision);
    assert_int_equal(decision.count, 1);
    data = decision.events[0].data;
    assert_true(json_equal(json_object_get(data, "kymaConfigHash"), json_object_get(known, "kyma_config")));
    assert_true(json_equal(json_object_get(data, "clusterConfigHash"), json_object_get(known, "cluster_config")));
    assert_null(json_object_get(data, "kymaConfig"));
    assert_null(json_object_get(data, "clusterConfig"));
    json_decref(line);
    json_decref(known);
    decision_release(&decision);
    scene_free(scene);
}

static void the_same_line_again_changes_nothing(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'name': 'c-1', 'provider': 'azure'}}}");
    then_outcome(scene, 200, "{'result': 'imported'}");
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'name': 'c-1', 'provider': 'azure'}}}");
    then_events(scene, CONFIRMED " r1", NULL);
    then_outcome(scene, 200, "{'result': 'unchanged'}");
    scene_free(scene);
}

static void a_changed_line_changes_what_it_says(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'subAccount': 'sa2', 'kymaVersion': '2.4.2'}}");
    then_events(scene, CHANGED " r1 {'subAccount': 'sa2', 'kymaVersion': '2.4.2'}", NULL);
    then_outcome(scene, 200, "{'result': 'imported'}");
    then_row(scene, "runtime", "r1", "{'sub_account': 'sa2', 'kyma_version': '2.4.2', 'tenant': 'ga1'}");
    scene_free(scene);
}

static void a_line_never_turns_back_an_upgrade(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    upgrade_succeeded(scene);
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'provider': 'azure'}}}");
    then_row(scene, "runtime", "r1", "{'kyma_version': '2.4.2', 'kyma_config': 'new', 'upgraded': true}");
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'provider': 'azure'}}}");
    then_events(scene, CONFIRMED " r1", NULL);
    scene_free(scene);
}

static void a_line_leaves_configurations_alone_while_an_operation_runs(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, REGISTER, "r1",
         "{'line': {" LINE ", 'region': 'eastus', 'kymaVersion': '1.0', 'clusterConfig': {'provider': 'gcp'}}}");
    then_events(scene, CHANGED " r1 {'region': 'eastus'}", NULL);
    then_row(scene, "runtime", "r1",
             "{'region': 'eastus', 'kyma_version': '2.4.2', 'kyma_config': 'new', 'cluster_config': 'cluster'}");
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'region': 'eastus', 'kymaVersion': '1.0'}}");
    then_events(scene, CONFIRMED " r1", NULL);
    scene_free(scene);
}

static void a_line_of_another_owner_is_rejected(void **state)
{
    static const struct {
        const char *line, *want_error;
    } cases[] = {
        { "{'line': {" LINE ", 'globalAccount': 'ga2'}}", "{'error': 'runtime r1 belongs to global account ga1'}" },
        { "{'line': {" LINE ", 'instanceID': 'i2'}}", "{'error': 'runtime r1 belongs to instance i1'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_known();

        when(scene, REGISTER, "r1", cases[i].line);
        then_events(scene, REJECTED " r1", NULL);
        then_outcome(scene, 409, cases[i].want_error);
        scene_free(scene);
    }
}

static void an_instance_whose_line_is_not_taken_is_told(void **state)
{
    static const struct {
        const char *data, *want_event, *want_message;
    } cases[] = {
        { "{'line': {" LINE ", 'instanceID': 'i2'}, 'hash': 'h'}",
          REJECTED " r1 {'instanceID': 'i2', 'hash': 'h', 'reason': 'runtime r1 belongs to instance i1'}",
          "instances i2 " INSTANCE_REFUSE "{'instanceID': 'i2', 'runtimeID': 'r1', 'hash': 'h', "
          "'reason': 'runtime r1 belongs to instance i1'}" },
        { "{'line': {" LINE ", 'globalAccount': 'ga2'}, 'hash': 'h'}",
          REJECTED " r1 {'instanceID': 'i1', 'hash': 'h', 'reason': 'runtime r1 belongs to global account ga1'}",
          "instances i1 " INSTANCE_REFUSE "{'instanceID': 'i1', 'runtimeID': 'r1', 'hash': 'h'}" },
        { "{'line': {" LINE ", 'instanceID': 'i2', 'planName': 7}, 'hash': 'h'}",
          REJECTED " r1 {'instanceID': 'i2', 'reason': 'planName: must be a text'}",
          "instances i2 " INSTANCE_REFUSE "{'runtimeID': 'r1'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_known();

        when(scene, REGISTER, "r1", cases[i].data);
        then_events(scene, cases[i].want_event, NULL);
        then_messages(scene, cases[i].want_message, NULL);
        scene_free(scene);
    }
}

static void an_instance_is_told_too_where_the_runtime_is_unknown(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'a': 1.5}}, 'hash': 'h'}");
    then_messages(scene, "instances i1 " INSTANCE_REFUSE "{'reason': 'clusterConfig: numbers must be integers'}", NULL);
    scene_free(scene);
}

/* An earlier line was taken; and what was deprovisioned is the instance's own to tell. */
static void an_instance_is_not_told_of_a_line_about_its_own_runtime(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'planName': 7}, 'hash': 'h'}");
    then_events(scene, REJECTED " r1 {'reason': 'planName: must be a text'}", NULL);
    then_messages(scene, NULL);
    deprovisioned(scene);
    when(scene, REGISTER, "r1", "{'line': {" LINE "}, 'hash': 'h'}");
    then_events(scene, REJECTED " r1 {'reason': 'runtime r1 was deprovisioned'}", NULL);
    then_messages(scene, NULL);
    scene_free(scene);
}

static void a_line_for_a_deprovisioned_runtime_is_rejected(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    then_events(scene, REJECTED " r1 {'reason': 'runtime r1 was deprovisioned'}", NULL);
    then_outcome(scene, 409, "{'error': 'runtime r1 was deprovisioned'}");
    scene_free(scene);
}

static void a_line_that_is_wrong_is_rejected_with_its_member(void **state)
{
    static const struct {
        const char *data, *want_error;
    } cases[] = {
        { "{}", "{'error': 'line: must be an object'}" },
        { "{'line': {'runtimeID': 'r2'}}", "{'error': 'runtimeID: must have 1 to 44 printable characters'}" },
        { "{'line': {'runtimeID': 'r1', 'instanceID': 'i1'}}", "{'error': 'globalAccount: must be given'}" },
        { "{'line': {" LINE ", 'planName': 7}}", "{'error': 'planName: must be a text'}" },
        { "{'line': {" LINE ", 'clusterConfig': []}}", "{'error': 'clusterConfig: must be an object'}" },
        { "{'line': {" LINE ", 'clusterConfig': {'a': 1.5}}}", "{'error': 'clusterConfig: numbers must be integers'}" },
        { "{'line': {" LINE ", 'kymaConfig': {'configuration': [{'key': 'k', 'value': 'v', 'secret': true}]}}}",
          "{'error': 'kymaConfig: secret values must be sealed'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_empty();

        when(scene, REGISTER, "r1", cases[i].data);
        then_events(scene, REJECTED " r1 {'request': '" REGISTER "'}", NULL);
        then_outcome(scene, 400, cases[i].want_error);
        then_row(scene, "runtime", "r1", NULL);
        scene_free(scene);
    }
}

static void a_configuration_is_kept_once(void **state)
{
    struct scene *scene = scene_empty();
    json_t *body = json_pack("{s:s}", "version", "2.4.2");
    char hash[SHA256_HEX_SIZE], data[256], want[256];

    (void)state;
    configuration_hash(body, hash);
    snprintf(data, sizeof data, "{'hash': '%s', 'kymaConfig': {'version': '2.4.2'}}", hash);
    snprintf(want, sizeof want, CONFIGURED " %s {'kymaConfig': {'version': '2.4.2'}}", hash);
    when(scene, CONFIGURE, "r1", data);
    then_events(scene, want, NULL);
    then_row(scene, "configuration", hash, "{'kind': 'kyma', 'body': {'version': '2.4.2'}}");
    when(scene, CONFIGURE, "r1", data);
    then_events(scene, NULL);
    json_decref(body);
    scene_free(scene);
}

static void a_configuration_with_another_hash_is_rejected(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, CONFIGURE, "r1", "{'hash': 'h', 'kymaConfig': {'version': '2.4.2'}}");
    then_events(scene, REJECTED " r1 {'reason': 'hash: must be that of kymaConfig'}", NULL);
    when(scene, CONFIGURE, "r1", "{'hash': 'h'}");
    then_events(scene, REJECTED " r1 {'reason': 'kymaConfig: must be an object'}", NULL);
    scene_free(scene);
}

/* --- Sealed values --- */

static void an_import_brings_sealed_values_and_a_kubeconfig(void **state)
{
    struct scene *scene = scene_empty();
    const char *line = "{'line': {" LINE ", 'kubeconfig': '" SEALED
                       "', 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}";

    (void)state;
    when(scene, REGISTER, "r1", line);
    then_events(scene, REGISTERED " r1 {'kubeconfig': '" SEALED "'}", NULL);
    then_row(scene, "kubeconfig", "r1", "{'kubeconfig': '" SEALED "'}");
    then_row(scene, "runtime", "r1", "{'ready': true}");
    when(scene, REGISTER, "r1", line);
    then_events(scene, CONFIRMED " r1", NULL);
    when(scene, REGISTER, "r1",
         "{'line': {" LINE ", 'kubeconfig': '" SEALED
         "BBBB', 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    then_events(scene, CHANGED " r1 {'kubeconfig': '" SEALED "BBBB'}", NULL);
    many_records_passed(scene);
    then_row(scene, "kubeconfig", "r1", NULL);
    scene_free(scene);
}

static void a_kubeconfig_in_the_clear_is_refused_and_not_repeated(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'kubeconfig': 'apiVersion: v1'}}");
    then_events(scene, REJECTED " r1 {'request': '" REGISTER "', 'reason': 'kubeconfig: must be sealed'}", NULL);
    then_row(scene, "runtime", "r1", NULL);
    scene_free(scene);
}

static void equal_secret_values_of_two_runtimes_are_two_configurations(void **state)
{
    struct scene *scene = scene_empty();
    char *one, *other;

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    when(scene, REGISTER, "r2",
         "{'line': {" LINE
         ", 'instanceID': 'i2', 'runtimeID': 'r2', 'kymaConfig': {'version': '2.3.0'" SECRET_ENTRY(SEALED) "}}}");
    one = row_text(scene, 1, "r1", "kyma_config");
    other = row_text(scene, 1, "r2", "kyma_config");
    assert_string_not_equal(one, other);
    free(one);
    free(other);
    scene_free(scene);
}

static void what_is_not_sealed_is_in_no_configuration(void **state)
{
    struct scene *scene = scene_empty();

    (void)state;
    when(scene, CONFIGURE, "r1", "{'hash': 'h', 'kymaConfig': {'version': '2.4.2'" SECRET_ENTRY("t0p") "}}");
    then_events(scene, REJECTED " r1 {'reason': 'kymaConfig: secret values must be sealed'}", NULL);
    scene_free(scene);
}

/* The configuration of a release with secret values, as an orchestration sends it. */
static void configure_secret(struct scene *scene, char hash[SHA256_HEX_SIZE])
{
    json_t *body = json_pack("{s:s,s:[{s:s,s:s,s:b}]}", "version", "2.4.2", "configuration", "key", "k", "value",
                             SEALED, "secret", 1);
    char data[512];

    configuration_hash(body, hash);
    snprintf(data, sizeof data, "{'hash': '%s', 'kymaConfig': {'version': '2.4.2'" SECRET_ENTRY(SEALED) "}}", hash);
    when(scene, CONFIGURE, "", data);
    json_decref(body);
}

/* Who comes later is named the hash alone. */
static void an_orchestration_s_configuration_keeps_its_secret_values(void **state)
{
    struct scene *scene = scene_known();
    char hash[SHA256_HEX_SIZE], order[512];

    (void)state;
    configure_secret(scene, hash);
    snprintf(order, sizeof order,
             "{'globalAccountID': 'ga1', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': "
             "'2.4.2', 'configuration': '%s'}",
             hash);
    when(scene, UPGRADE, "r1", order);
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    stage_fails(scene, "o1", "StartingUpgrade", "no");
    deprovisioned(scene);
    many_records_passed(scene);
    then_row(scene, "configuration", hash,
             "{'kept': true, 'body': {'configuration': [{'key': 'k', 'value': '" SEALED "', 'secret': true}]}}");
    configure_secret(scene, hash);
    then_events(scene, NULL);
    scene_free(scene);
}

static void a_line_leaves_a_cluster_alone_that_an_operation_changed(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE_SHOOT, "r1", ASKED("s1", ", 'gardenerConfig': {'machineType': 'm5'}"));
    stages_end(scene, "s1",
               (const char *[]){ "WaitingForShootNewVersion", "WaitingForShootUpgrade",
                                 "CreatingBindingsForOperators" },
               3);
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'provider': 'azure'}}}");
    when(scene, REGISTER, "r1", "{'line': {" LINE ", 'clusterConfig': {'provider': 'azure'}}}");
    then_events(scene, CONFIRMED " r1", NULL);
    scene_free(scene);
}

static void an_orchestration_s_configuration_outlives_its_users(void **state)
{
    struct scene *scene = scene_known();
    char hash[SHA256_HEX_SIZE], data[1024], order[512];
    json_t *body;

    (void)state;
    when(scene, UPGRADE_KYMA, "r1", ASKED("o0", KYMA("1.24.5", "")));
    body = runtime_core.row(scene_state(scene), 0, runtimes_find(scene_state(scene), "r1")->kyma_config->hash);
    configuration_hash(json_object_get(body, "body"), hash);
    snprintf(data, sizeof data, "{'hash': '%s', 'kymaConfig': %s}", hash,
             "{'version': '1.24.5', 'profile': null, 'components': [{'component': 'compass-runtime-agent', "
             "'namespace': 'compass-system', 'configuration': null, 'sourceURL': null, 'conflictStrategy': null}], "
             "'configuration': null, 'conflictStrategy': null}");
    then_row(scene, "configuration", hash, "{'users': 1, 'kept': false}");
    when(scene, CONFIGURE, "", data);
    snprintf(order, sizeof order, CONFIGURED " %s", hash);
    then_events(scene, order, NULL);
    then_row(scene, "configuration", hash, "{'users': 0, 'kept': true}");
    when(scene, CONFIGURE, "", data);
    then_events(scene, NULL);
    stage_fails(scene, "o0", "StartingUpgrade", "no");
    when(scene, ROLL_BACK, "r1", "{'tenant': 'ga1'}");
    many_records_passed(scene);
    snprintf(order, sizeof order,
             "{'globalAccountID': 'ga1', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': "
             "'1.24.5', 'configuration': '%s'}",
             hash);
    when(scene, UPGRADE, "r1", order);
    then_events(scene, STARTED " r1 {'operationID': 'o1'}", NULL);
    json_decref(body);
    many_records_passed(scene);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_makes_a_runtime_known),
        cmocka_unit_test(the_release_gives_the_configuration_of_its_hash),
        cmocka_unit_test(a_version_without_release_is_all_that_is_known_of_its_configuration),
        cmocka_unit_test(equal_configurations_travel_once),
        cmocka_unit_test(the_same_line_again_changes_nothing),
        cmocka_unit_test(a_changed_line_changes_what_it_says),
        cmocka_unit_test(a_line_never_turns_back_an_upgrade),
        cmocka_unit_test(a_line_leaves_configurations_alone_while_an_operation_runs),
        cmocka_unit_test(a_line_of_another_owner_is_rejected),
        cmocka_unit_test(an_instance_whose_line_is_not_taken_is_told),
        cmocka_unit_test(an_instance_is_told_too_where_the_runtime_is_unknown),
        cmocka_unit_test(an_instance_is_not_told_of_a_line_about_its_own_runtime),
        cmocka_unit_test(a_line_for_a_deprovisioned_runtime_is_rejected),
        cmocka_unit_test(a_line_that_is_wrong_is_rejected_with_its_member),
        cmocka_unit_test(a_configuration_is_kept_once),
        cmocka_unit_test(a_configuration_with_another_hash_is_rejected),
        cmocka_unit_test(an_import_brings_sealed_values_and_a_kubeconfig),
        cmocka_unit_test(a_kubeconfig_in_the_clear_is_refused_and_not_repeated),
        cmocka_unit_test(equal_secret_values_of_two_runtimes_are_two_configurations),
        cmocka_unit_test(what_is_not_sealed_is_in_no_configuration),
        cmocka_unit_test(an_orchestration_s_configuration_keeps_its_secret_values),
        cmocka_unit_test(a_line_leaves_a_cluster_alone_that_an_operation_changed),
        cmocka_unit_test(an_orchestration_s_configuration_outlives_its_users),
    };

    return cmocka_run_group_tests_name("runtime: import", tests, runtime_scene_setup, runtime_scene_teardown);
}
