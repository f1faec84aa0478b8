/* The provisioner's core, scene by scene: what is known of runtimes, and the one operation that may run on each. */
#include "services/provisioner/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "common/release/release.h"
#include "tests/unit/scene.h"

#define NOW_MS INT64_C(1643706000000)
#define MINUTE_MS INT64_C(60000)

#define REGISTER "tidegate.runtime.register.v1"
#define CONFIGURE "tidegate.runtime.configure.v1"
#define UPGRADE "tidegate.runtime.upgrade.v1"
#define DEPROVISION "tidegate.runtime.deprovision.v1"
#define PROGRESS "tidegate.runtime.progress.v1"
#define WAKE "tidegate.runtime.wake.v1"
#define REGISTERED "tidegate.runtime.registered.v1"
#define CHANGED "tidegate.runtime.changed.v1"
#define CONFIRMED "tidegate.runtime.confirmed.v1"
#define REJECTED "tidegate.runtime.rejected.v1"
#define CONFIGURED "tidegate.runtime.configured.v1"
#define REFUSED "tidegate.runtime.refused.v1"
#define QUEUED "tidegate.runtime.queued.v1"
#define STARTED "tidegate.runtime.started.v1"
#define ADVANCED "tidegate.runtime.advanced.v1"
#define SUCCEEDED "tidegate.runtime.succeeded.v1"
#define FAILED "tidegate.runtime.failed.v1"
#define LANE_REPORT "orchestrations kyma tidegate.orchestration.report.v1 "
#define INSTANCE_REPORT "instances i1 tidegate.instance.report.v1 "
#define INSTANCE_REFUSE "tidegate.instance.refuse.v1 "

#define LINE                                                                                                    \
    "'instanceID': 'i1', 'runtimeID': 'r1', 'globalAccount': 'ga1', 'subAccount': 'sa1', 'planName': 'azure', " \
    "'region': 'westeurope', 'shootName': 'c-1', 'kymaVersion': '2.3.0'"
#define ORDER                                                                                 \
    "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': 'o1', " \
    "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}"
#define OTHER_ORDER                                                                           \
    "{'runtimeID': 'r1', 'instanceID': 'i1', 'globalAccountID': 'ga1', 'operationID': 'o2', " \
    "'orchestrationID': 'x2', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}"

static struct runtime_settings settings;

/* --- What happened before --- */

static void runtime_known(struct scene *scene)
{
    given(scene, REGISTERED, "r1",
          "{'instanceID': 'i1', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', 'region': 'westeurope', "
          "'shootName': 'c-1', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'old', 'kymaConfig': {'version': '2.3.0'}, "
          "'clusterConfigHash': 'cluster', 'clusterConfig': {'provider': 'azure'}}");
}

/* The driver reports `report` of `runtime`, without its runtimeID. */
static void driver_reports(struct scene *scene, const char *runtime, const char *report)
{
    char data[1024];

    snprintf(data, sizeof data, "{'reports': [{'runtimeID': '%s'%s%s]}", runtime, strlen(report) > 2 ? ", " : "",
             report + 1);
    when(scene, PROGRESS, "", data);
}

static void configuration_known(struct scene *scene)
{
    given(scene, CONFIGURED, "new", "{'hash': 'new', 'kymaConfig': {'version': '2.4.2'}}");
}

static void upgrade_started(struct scene *scene)
{
    given(
        scene, STARTED, "r1",
        "{'operationID': 'o1', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': 'Starting Kyma upgrade', "
        "'instanceID': 'i1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
}

static void stage_ordered(struct scene *scene, const char *stage, const char *stopped)
{
    char data[256];

    snprintf(data, sizeof data,
             "{'operationID': 'o1', 'stage': '%s', 'message': 'Operation in progress. Stage %s'%s%s%s}", stage, stage,
             stopped == NULL ? "" : ", 'stopped': '", stopped == NULL ? "" : stopped, stopped == NULL ? "" : "'");
    given(scene, ADVANCED, "r1", data);
}

static void upgrade_succeeded(struct scene *scene)
{
    given(scene, SUCCEEDED, "r1",
          "{'operationID': 'o1', 'type': 'upgradeKyma', 'message': 'Operation succeeded', 'freed': []}");
}

static void operation_queued(struct scene *scene, const char *operation_id)
{
    char data[128];

    snprintf(data, sizeof data, "{'operationID': '%s', 'orchestrationID': 'x2', 'lane': 'kyma'}", operation_id);
    given(scene, QUEUED, "r1", data);
}

static void deprovisioning_started(struct scene *scene)
{
    given(
        scene, STARTED, "r1",
        "{'operationID': 'd1', 'type': 'deprovision', 'stage': 'CleanupCluster', 'message': 'Deprovisioning started', "
        "'instanceID': 'i1', 'actor': {'subject': 'ann'}}");
}

static void deprovisioned(struct scene *scene)
{
    deprovisioning_started(scene);
    given(scene, SUCCEEDED, "r1",
          "{'operationID': 'd1', 'type': 'deprovision', 'message': 'Operation succeeded', 'freed': []}");
}

/* So many records later that operations replaced before are in the read model only. */
static void many_records_passed(struct scene *scene)
{
    for (int i = 0; i < 5000; i++)
        given(scene, CONFIRMED, "r1", "{}");
}

/* A runtime on which an upgrade runs, in its first stage. */
static struct scene *scene_upgrading(void)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

    runtime_known(scene);
    configuration_known(scene);
    upgrade_started(scene);
    return scene;
}

static struct scene *scene_known(void)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

    runtime_known(scene);
    configuration_known(scene);
    return scene;
}

/* --- Imports --- */

static void an_import_makes_a_runtime_known(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

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
    struct scene *scene = scene_new(&runtime_core, &settings);
    char want[128];

    (void)state;
    when(scene, REGISTER, "r1", "{'line': {" LINE "}}");
    snprintf(want, sizeof want, "{'kyma_config': '%s'}", releases_hash(settings.releases, "2.3.0"));
    then_row(scene, "runtime", "r1", want);
    then_row(scene, "configuration", releases_hash(settings.releases, "2.3.0"), "{'kind': 'kyma'}");
    scene_free(scene);
}

static void a_version_without_release_is_all_that_is_known_of_its_configuration(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

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
    struct scene *scene = scene_new(&runtime_core, &settings);
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
    struct scene *scene = scene_new(&runtime_core, &settings);

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
             "{'region': 'eastus', 'kyma_version': '2.3.0', 'kyma_config': 'old', 'cluster_config': 'cluster'}");
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
    struct scene *scene = scene_new(&runtime_core, &settings);

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
          "{'error': 'kymaConfig: secret values cannot be stored yet'}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_new(&runtime_core, &settings);

        when(scene, REGISTER, "r1", cases[i].data);
        then_events(scene, REJECTED " r1 {'request': '" REGISTER "'}", NULL);
        then_outcome(scene, 400, cases[i].want_error);
        then_row(scene, "runtime", "r1", NULL);
        scene_free(scene);
    }
}

/* --- Configurations --- */

static void a_configuration_is_kept_once(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);
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
    struct scene *scene = scene_new(&runtime_core, &settings);

    (void)state;
    when(scene, CONFIGURE, "r1", "{'hash': 'h', 'kymaConfig': {'version': '2.4.2'}}");
    then_events(scene, REJECTED " r1 {'reason': 'hash: must be that of kymaConfig'}", NULL);
    when(scene, CONFIGURE, "r1", "{'hash': 'h'}");
    then_events(scene, REJECTED " r1 {'reason': 'kymaConfig: must be an object'}", NULL);
    scene_free(scene);
}

/* --- Upgrades --- */

static void an_upgrade_starts_with_its_first_stage(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene,
                STARTED " r1 {'operationID': 'o1', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': "
                        "'Starting Kyma upgrade', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', "
                        "'configuration': 'new', 'instanceID': 'i1'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'accepted'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'type': 'upgradeKyma', 'orchestrationID': 'x1', "
                                  "'state': 'in progress', 'createdAt': 1643706000000, 'updatedAt': 1643706000000, "
                                  "'kymaVersion': '2.4.2'}}",
                  NULL);
    then_calls(scene, "r1 o1 StartingUpgrade", NULL);
    then_row(scene, "operation", "r1\no1",
             "{'state': 'in progress', 'stage': 'StartingUpgrade', 'fence': 2, 'stage_since': '2022-02-01T09:00:00Z', "
             "'ended_at': null, 'stopped_stage': null}");
    then_row(scene, "runtime", "r1",
             "{'operation_id': 'o1', 'running': true, 'kyma_version': '2.3.0', 'kyma_config': 'old'}");
    scene_free(scene);
}

static void the_same_upgrade_again_decides_nothing(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, NULL);
    then_messages(scene, NULL);
    upgrade_succeeded(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, NULL);
    scene_free(scene);
}

static void an_upgrade_of_an_unknown_runtime_is_refused(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

    (void)state;
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'operationID': 'o1', 'result': 'refused'}", NULL);
    then_messages(scene,
                  LANE_REPORT "{'orchestrationID': 'x1', 'operationID': 'o1', 'result': 'refused', 'message': "
                              "'runtime r1 not found'}",
                  NULL);
    then_calls(scene, NULL);
    scene_free(scene);
}

static void an_upgrade_by_another_account_is_refused_as_if_unknown(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1",
         "{'globalAccountID': 'ga2', 'operationID': 'o1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', "
         "'configuration': 'new'}");
    then_messages(scene, LANE_REPORT "{'result': 'refused', 'message': 'runtime r1 not found'}", NULL);
    scene_free(scene);
}

static void an_upgrade_to_an_unknown_configuration_is_refused(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

    (void)state;
    runtime_known(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_messages(scene, LANE_REPORT "{'result': 'refused', 'message': 'configuration new of Kyma 2.4.2 is not known'}",
                  NULL);
    scene_free(scene);
}

static void an_upgrade_without_names_is_rejected(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    when(scene, UPGRADE, "r1", "{'operationID': 'o1'}");
    then_events(scene, REJECTED " r1 {'operationID': 'o1'}", NULL);
    then_messages(scene, NULL);
    when(scene, UPGRADE, "r1",
         "{'operationID': '123456789012345678901234567890123456789012345', 'orchestrationID': 'x', 'lane': 'kyma'}");
    then_events(scene, REJECTED " r1", NULL);
    scene_free(scene);
}

static void an_upgrade_is_preempted_by_deprovisioning(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_messages(scene, LANE_REPORT "{'result': 'preempted', 'message': 'operation preempted by deprovisioning d1'}",
                  NULL);
    scene_free(scene);

    scene = scene_known();
    deprovisioned(scene);
    when(scene, UPGRADE, "r1", ORDER);
    then_events(scene, REFUSED " r1 {'result': 'preempted'}", NULL);
    then_calls(scene, NULL);
    scene_free(scene);
}

static void an_upgrade_of_a_busy_runtime_waits(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, QUEUED " r1 {'operationID': 'o2', 'orchestrationID': 'x2', 'lane': 'kyma'}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o2', 'orchestrationID': 'x2', 'result': 'busy'}", NULL);
    then_calls(scene, NULL);
    then_row(scene, "runtime", "r1",
             "{'operation_id': 'o1', 'waiting': [{'operationID': 'o2', 'orchestrationID': 'x2', 'lane': 'kyma'}]}");
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, NULL);
    scene_free(scene);
}

static void no_more_than_a_number_of_operations_wait(void **state)
{
    struct scene *scene = scene_upgrading();
    char id[32];

    (void)state;
    for (int i = 0; i < RUNTIME_WAITING_MAX; i++) {
        snprintf(id, sizeof id, "w%d", i);
        operation_queued(scene, id);
    }
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_messages(scene, LANE_REPORT "{'operationID': 'o2', 'result': 'refused'}", NULL);
    scene_free(scene);
}

static void who_waited_is_told_when_the_operation_ends(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    operation_queued(scene, "o2");
    operation_queued(scene, "o3");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': false, 'message': 'boom'}");
    then_events(scene, FAILED " r1 {'freed': [{'operationID': 'o2'}, {'operationID': 'o3'}]}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed'}", INSTANCE_REPORT,
                  LANE_REPORT "{'operationID': 'o2', 'orchestrationID': 'x2', 'result': 'freed'}",
                  LANE_REPORT "{'operationID': 'o3', 'orchestrationID': 'x2', 'result': 'freed'}", NULL);
    then_row(scene, "runtime", "r1", "{'waiting': [], 'running': false}");
    when(scene, UPGRADE, "r1", OTHER_ORDER);
    then_events(scene, STARTED " r1 {'operationID': 'o2'}", NULL);
    then_row(scene, "operation", "r1\no2", "{'state': 'in progress'}");
    then_row(scene, "operation", "r1\no1", "{'state': 'failed', 'message': 'boom'}");
    many_records_passed(scene);
    then_row(scene, "operation", "r1\no1", NULL);
    scene_free(scene);
}

/* --- From stage to stage --- */

static void a_finished_stage_orders_the_next(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 5000);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene,
                ADVANCED " r1 {'operationID': 'o1', 'stage': 'WaitingForInstallation', 'message': "
                         "'Operation in progress. Stage WaitingForInstallation'}",
                NULL);
    then_calls(scene, "r1 o1 WaitingForInstallation", NULL);
    then_messages(scene, NULL);
    then_row(scene, "operation", "r1\no1",
             "{'stage': 'WaitingForInstallation', 'fence': 3, 'stage_since': '2022-02-01T09:00:05Z', "
             "'started_at': '2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void the_last_stage_ends_the_upgrade(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "UpdatingUpgradeState", NULL);
    scene_time(scene, NOW_MS + 9000);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'UpdatingUpgradeState', 'ok': true, 'message': ''}");
    then_events(scene, SUCCEEDED " r1 {'operationID': 'o1', 'message': 'Operation succeeded', 'freed': []}", NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'succeeded', 'message': 'Operation succeeded'}",
                  INSTANCE_REPORT "{'operation': {'operationID': 'o1', 'state': 'succeeded', 'kymaVersion': '2.4.2', "
                                  "'createdAt': 1643706000000, 'updatedAt': 1643706009000}}",
                  NULL);
    then_calls(scene, NULL);
    then_row(scene, "runtime", "r1",
             "{'kyma_version': '2.4.2', 'kyma_config': 'new', 'upgraded': true, 'running': false}");
    then_row(scene, "operation", "r1\no1",
             "{'state': 'succeeded', 'message': 'Operation succeeded', 'ended_at': '2022-02-01T09:00:09Z'}");
    scene_free(scene);
}

static void a_failed_stage_fails_the_upgrade_and_leaves_the_configuration(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "WaitingForInstallation", NULL);
    driver_reports(scene, "r1",
                   "{'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': false, 'message': 'disk full'}");
    then_events(scene,
                FAILED " r1 {'operationID': 'o1', 'stage': 'WaitingForInstallation', 'reason': 'stage failed', "
                       "'message': 'disk full'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed', 'message': 'disk full'}",
                  INSTANCE_REPORT
                  "{'operation': {'state': 'failed', 'description': 'disk full', 'kymaVersion': '2.4.2'}}",
                  NULL);
    then_row(scene, "runtime", "r1",
             "{'kyma_version': '2.3.0', 'kyma_config': 'old', 'upgraded': false, 'running': false}");
    scene_free(scene);
}

static void a_report_of_another_operation_or_stage_decides_nothing(void **state)
{
    static const char *const reports[] = {
        "{'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': true, 'message': ''}",
        "{'operationID': 'o2', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}",
        "{'operationID': 'o1', 'stage': '', 'ok': false, 'message': ''}",
        "{}",
    };
    struct scene *scene = scene_upgrading();

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        driver_reports(scene, "r1", reports[i]);
        then_events(scene, NULL);
        then_calls(scene, NULL);
    }
    upgrade_succeeded(scene);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    driver_reports(scene, "r9", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void stages_of_several_runtimes_end_together(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, PROGRESS, "",
         "{'reports': [{'runtimeID': 'r8', 'operationID': 'o8', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true}]}");
    then_events(scene, ADVANCED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

static void a_stale_report_does_not_hide_the_one_that_counts(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "WaitingForInstallation", NULL);
    when(scene, PROGRESS, "",
         "{'reports': [{'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true},"
         " {'runtimeID': 'r1', 'operationID': 'o1', 'stage': 'WaitingForInstallation', 'ok': true}]}");
    then_events(scene, ADVANCED " r1 {'stage': 'UpdatingUpgradeState'}", NULL);
    scene_free(scene);
}

/* --- Limits --- */

static void the_deadline_is_the_earliest_limit(void **state)
{
    struct scene *scene = scene_known();
    struct deadline deadline = runtime_core.deadline(scene_state(scene));

    (void)state;
    assert_true(deadline.at_ms == DEADLINE_NEVER);
    upgrade_started(scene);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_int_equal(deadline.at_ms, NOW_MS + 20 * MINUTE_MS);
    scene_time(scene, NOW_MS + MINUTE_MS);
    stage_ordered(scene, "WaitingForInstallation", NULL);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_int_equal(deadline.at_ms, NOW_MS + 61 * MINUTE_MS);
    upgrade_succeeded(scene);
    deadline = runtime_core.deadline(scene_state(scene));
    assert_true(deadline.at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void a_stage_over_its_limit_is_stopped_before_the_operation_fails(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 20 * MINUTE_MS);
    when(scene, WAKE, "", "{'at': 1643707200000, 'id': 'limit'}");
    then_events(scene, ADVANCED " r1 {'operationID': 'o1', 'stage': 'Stopping', 'stopped': 'StartingUpgrade'}", NULL);
    then_calls(scene, "r1 o1 Stopping", NULL);
    then_messages(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'StartingUpgrade', 'ok': true, 'message': ''}");
    then_events(scene, NULL);
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': true, 'message': ''}");
    then_events(scene,
                FAILED " r1 {'reason': 'timeout', 'stage': 'StartingUpgrade', 'message': 'error: timeout while "
                       "processing operation: stage StartingUpgrade did not end within 20 minutes'}",
                NULL);
    then_messages(scene, LANE_REPORT "{'operationID': 'o1', 'result': 'failed'}", INSTANCE_REPORT, NULL);
    scene_free(scene);
}

static void a_wake_before_the_limit_decides_nothing(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    scene_time(scene, NOW_MS + 20 * MINUTE_MS - 1);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    then_events(scene, NULL);
    scene_free(scene);
}

static void a_stop_that_does_not_end_is_ordered_again(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    stage_ordered(scene, "Stopping", "WaitingForInstallation");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': false, 'message': 'no'}");
    then_events(scene, NULL);
    scene_time(scene, NOW_MS + 5 * MINUTE_MS);
    when(scene, WAKE, "", "{'at': 1, 'id': 'limit'}");
    then_events(scene, ADVANCED " r1 {'stage': 'Stopping', 'stopped': 'WaitingForInstallation'}", NULL);
    then_calls(scene, "r1 o1 Stopping", NULL);
    then_row(scene, "operation", "r1\no1", "{'fence': 5, 'stopped_stage': 'WaitingForInstallation'}");
    driver_reports(scene, "r1", "{'operationID': 'o1', 'stage': 'Stopping', 'ok': true, 'message': ''}");
    then_events(scene, FAILED " r1 {'stage': 'WaitingForInstallation'}", NULL);
    scene_free(scene);
}

/* --- Deprovisioning --- */

static void deprovisioning_goes_through_its_stages_and_leaves_a_mark(void **state)
{
    static const char *const stages[] = { "CleanupCluster", "TriggerKymaUninstall", "DeprovisionCluster",
                                          "WaitForClusterDeletion" };
    struct scene *scene = scene_known();
    char report[128], call[64];

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1', 'actor': {'subject': 'ann'}}");
    then_events(scene,
                STARTED " r1 {'operationID': 'd1', 'type': 'deprovision', 'stage': 'CleanupCluster', 'message': "
                        "'Deprovisioning started', 'actor': {'subject': 'ann'}}",
                NULL);
    then_outcome(scene, 202, "{'operationID': 'd1'}");
    then_messages(scene,
                  INSTANCE_REPORT "{'operation': {'operationID': 'd1', 'type': 'deprovision', "
                                  "'state': 'in progress'}}",
                  NULL);
    for (size_t i = 0; i < 4; i++) {
        snprintf(call, sizeof call, "r1 d1 %s", stages[i]);
        then_calls(scene, call, NULL);
        snprintf(report, sizeof report, "{'operationID': 'd1', 'stage': '%s', 'ok': true, 'message': ''}", stages[i]);
        driver_reports(scene, "r1", report);
    }
    then_events(scene, SUCCEEDED " r1 {'operationID': 'd1', 'type': 'deprovision'}", NULL);
    then_messages(scene, INSTANCE_REPORT "{'operation': {'type': 'deprovision', 'state': 'succeeded'}}", NULL);
    then_row(scene, "runtime", "r1",
             "{'deprovisioned_at': '2022-02-01T09:00:00Z', 'running': false, 'kyma_version': '2.3.0'}");
    scene_free(scene);
}

static void deprovisioning_is_rejected_while_another_operation_runs(void **state)
{
    struct scene *scene = scene_upgrading();

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1', 'actor': {'subject': 'ann'}}");
    then_events(scene, REJECTED " r1 {'operationID': 'd1', 'actor': {'subject': 'ann'}}", NULL);
    then_outcome(scene, 400,
                 "{'error': 'cannot start new operation for r1 Runtime while previous one is in progress'}");
    then_calls(scene, NULL);
    scene_free(scene);
}

static void deprovisioning_an_unknown_runtime_is_rejected(void **state)
{
    struct scene *scene = scene_new(&runtime_core, &settings);

    (void)state;
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1'}");
    then_outcome(scene, 400, "{'error': 'runtime r1 not found'}");
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1'}");
    then_outcome(scene, 400, NULL);
    scene_free(scene);
}

static void deprovisioning_again_gives_the_same_answer(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioning_started(scene);
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd1'}");
    then_events(scene, NULL);
    then_outcome(scene, 202, "{'operationID': 'd1'}");
    scene_free(scene);
}

static void a_deprovisioned_runtime_may_be_deprovisioned_once_more(void **state)
{
    struct scene *scene = scene_known();

    (void)state;
    deprovisioned(scene);
    when(scene, DEPROVISION, "r1", "{'runtimeID': 'r1', 'operationID': 'd2'}");
    then_events(scene, STARTED " r1 {'operationID': 'd2', 'stage': 'WaitForClusterDeletion'}", NULL);
    many_records_passed(scene);
    scene_free(scene);
}

/* --- After a takeover --- */

static void what_runs_is_resumed_with_its_fence_in_the_order_of_its_records(void **state)
{
    struct scene *scene = scene_upgrading();
    struct calls calls = { 0 };

    (void)state;
    given(scene, REGISTERED, "r0",
          "{'instanceID': 'i0', 'tenant': 'ga1', 'kymaConfigHash': 'old', 'clusterConfigHash': 'cluster'}");
    scene_time(scene, NOW_MS + 1000);
    given(scene, STARTED, "r0",
          "{'operationID': 'o0', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': '', "
          "'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
    runtime_core.resume(scene_state(scene), &calls);
    assert_int_equal(calls.count, 2);
    assert_string_equal(calls.items[0].runtime_id, "r1");
    assert_string_equal(calls.items[0].stage, "StartingUpgrade");
    assert_int_equal(calls.items[0].fence, 2);
    assert_int_equal(calls.items[0].ordered_at_ms, NOW_MS);
    assert_string_equal(calls.items[1].runtime_id, "r0");
    assert_int_equal(calls.items[1].fence, 4);
    assert_int_equal(calls.items[1].ordered_at_ms, NOW_MS + 1000);
    calls_release(&calls);
    scene_free(scene);
}

static void a_state_restored_from_rows_goes_on_the_same(void **state)
{
    static const char *const ids[] = { "old", "cluster", "new", "r1", "r1\no1" };
    static const int tables[] = { 0, 0, 0, 1, 2 };
    struct scene *scene = scene_upgrading();
    void *restored = runtime_core.state_new(&settings, 0);
    struct calls calls = { 0 };

    (void)state;
    stage_ordered(scene, "Stopping", "WaitingForInstallation");
    operation_queued(scene, "o2");
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        json_t *row = runtime_core.row(scene_state(scene), tables[i], ids[i]);

        runtime_core.load(restored, tables[i], row);
        json_decref(row);
    }
    assert_true(runtime_core.live(restored, "r1"));
    assert_int_equal(runtime_core.deadline(restored).at_ms, runtime_core.deadline(scene_state(scene)).at_ms);
    runtime_core.resume(restored, &calls);
    assert_int_equal(calls.count, 1);
    assert_string_equal(calls.items[0].stage, "Stopping");
    assert_int_equal(calls.items[0].fence, 3);
    calls_release(&calls);
    runtime_core.evict(restored, "r1");
    assert_false(runtime_core.holds(restored, "r1"));
    assert_true(runtime_core.deadline(restored).at_ms == DEADLINE_NEVER);
    runtime_core.state_free(restored);
    scene_free(scene);
}

static void rows_of_older_operations_do_not_disturb_the_last_one(void **state)
{
    struct scene *scene = scene_upgrading();
    void *restored = runtime_core.state_new(&settings, 0);
    json_t *runtime, *older, *row;

    (void)state;
    upgrade_succeeded(scene);
    older = runtime_core.row(scene_state(scene), 2, "r1\no1");
    deprovisioning_started(scene);
    runtime = runtime_core.row(scene_state(scene), 1, "r1");
    row = runtime_core.row(scene_state(scene), 2, "r1\nd1");
    runtime_core.load(restored, 1, runtime);
    runtime_core.load(restored, 2, row);
    runtime_core.load(restored, 2, older);
    assert_int_equal(runtime_core.deadline(restored).at_ms, NOW_MS + 20 * MINUTE_MS);
    json_decref(row);
    json_decref(older);
    row = runtime_core.row(restored, 2, "r1\nd1");
    assert_string_equal(json_string_value(json_object_get(row, "state")), "in progress");
    json_decref(row);
    json_decref(runtime);
    runtime_core.state_free(restored);
    many_records_passed(scene);
    scene_free(scene);
}

static void what_a_driver_reports_belongs_to_the_trace_that_started_the_operation(void **state)
{
    void *fleet = runtime_core.state_new(&settings, 0);
    struct changes changes = { 0 };
    struct messages messages = { .partitions = 12 };
    json_t *known = json_pack("{s:s,s:s,s:s}", "instanceID", "i1", "kymaConfigHash", "old", "clusterConfigHash", "c");
    json_t *start = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "operationID", "o1", "type", "upgradeKyma", "stage",
                              "UpdatingUpgradeState", "lane", "kyma", "orchestrationID", "x1", "message", "");
    json_t *end = json_pack("{s:s,s:s}", "operationID", "o1", "message", "Operation succeeded");

    (void)state;
    fold_event(&runtime_core, fleet, &(struct event){ .type = 0, .subject = "r1", .data = known }, &changes, NULL,
               NULL);
    fold_event(&runtime_core, fleet,
               &(struct event){ .type = core_type(runtime_core.event_types, STARTED),
                                .subject = "r1",
                                .data = start,
                                .traceparent = "00-trace" },
               &changes, NULL, NULL);
    fold_event(&runtime_core, fleet,
               &(struct event){ .type = core_type(runtime_core.event_types, SUCCEEDED), .subject = "r1", .data = end },
               &changes, &messages, NULL);
    assert_int_equal(messages.count, 2);
    assert_string_equal(messages.items[0].traceparent, "00-trace");
    assert_string_equal(messages.items[1].traceparent, "00-trace");
    json_decref(known);
    json_decref(start);
    json_decref(end);
    changes_release(&changes);
    messages_release(&messages);
    runtime_core.state_free(fleet);
}

static int load_releases(void **state)
{
    struct error err;

    (void)state;
    settings.releases = releases_load("deploy/releases", &err);
    return settings.releases == NULL;
}

static int drop_releases(void **state)
{
    (void)state;
    releases_free((struct releases *)settings.releases);
    return 0;
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
        cmocka_unit_test(an_upgrade_starts_with_its_first_stage),
        cmocka_unit_test(the_same_upgrade_again_decides_nothing),
        cmocka_unit_test(an_upgrade_of_an_unknown_runtime_is_refused),
        cmocka_unit_test(an_upgrade_by_another_account_is_refused_as_if_unknown),
        cmocka_unit_test(an_upgrade_to_an_unknown_configuration_is_refused),
        cmocka_unit_test(an_upgrade_without_names_is_rejected),
        cmocka_unit_test(an_upgrade_is_preempted_by_deprovisioning),
        cmocka_unit_test(an_upgrade_of_a_busy_runtime_waits),
        cmocka_unit_test(no_more_than_a_number_of_operations_wait),
        cmocka_unit_test(who_waited_is_told_when_the_operation_ends),
        cmocka_unit_test(a_finished_stage_orders_the_next),
        cmocka_unit_test(the_last_stage_ends_the_upgrade),
        cmocka_unit_test(a_failed_stage_fails_the_upgrade_and_leaves_the_configuration),
        cmocka_unit_test(a_report_of_another_operation_or_stage_decides_nothing),
        cmocka_unit_test(stages_of_several_runtimes_end_together),
        cmocka_unit_test(a_stale_report_does_not_hide_the_one_that_counts),
        cmocka_unit_test(the_deadline_is_the_earliest_limit),
        cmocka_unit_test(a_stage_over_its_limit_is_stopped_before_the_operation_fails),
        cmocka_unit_test(a_wake_before_the_limit_decides_nothing),
        cmocka_unit_test(a_stop_that_does_not_end_is_ordered_again),
        cmocka_unit_test(deprovisioning_goes_through_its_stages_and_leaves_a_mark),
        cmocka_unit_test(deprovisioning_is_rejected_while_another_operation_runs),
        cmocka_unit_test(deprovisioning_an_unknown_runtime_is_rejected),
        cmocka_unit_test(deprovisioning_again_gives_the_same_answer),
        cmocka_unit_test(a_deprovisioned_runtime_may_be_deprovisioned_once_more),
        cmocka_unit_test(what_runs_is_resumed_with_its_fence_in_the_order_of_its_records),
        cmocka_unit_test(a_state_restored_from_rows_goes_on_the_same),
        cmocka_unit_test(rows_of_older_operations_do_not_disturb_the_last_one),
        cmocka_unit_test(what_a_driver_reports_belongs_to_the_trace_that_started_the_operation),
    };

    return cmocka_run_group_tests_name("runtime", tests, load_releases, drop_releases);
}
