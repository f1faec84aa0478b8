/* The orchestrator's core: the lane `cluster`, upgrades of the clusters themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/orchestration_scene.h"

static void request_cluster(struct scene *scene, const char *id, const char *parameters_text)
{
    when(
        scene, UPGRADE, "cluster",
        text("{'orchestrationID': '%s', 'lane': 'cluster', 'bodyHash': 'h1', 'version': '', 'actor': {'subject': 's'}, "
             "'parameters': %s}",
             id, parameters_text));
}

/* c1 with the runtime r1, scheduled; the lane's turn is this orchestration's. */
static void one_scheduled(struct scene *scene, const char *parameters_text)
{
    request_cluster(scene, "c1", parameters_text);
    wake(scene);
    targets_of(scene, "c1", 0, target("r1", 0, "c-1"), true);
    targets_of(scene, "c1", 1, "", true);
}

static const char *opened(const char *runtime)
{
    return text("{'operationID': '%s', 'begin': 0, 'end': 0}", operation_of("c1", runtime));
}

static const json_t *config_sent(struct scene *scene)
{
    assert_int_equal(scene_message_count(scene), 1);
    return json_object_get(scene_message(scene, 0)->data, "gardenerConfig");
}

static void cluster_upgrade_is_accepted_without_a_version_of_kyma(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_cluster(scene, "c1", "{'kyma': {'version': 'no-such'}}");
    then_events(scene, TYPE "accepted.v1 c1 {'lane': 'cluster', 'version': ''}", NULL);
    then_outcome(scene, 202, "{'orchestrationID': 'c1'}");
    then_row(scene, "orchestration", "c1", "{'lane': 'cluster', 'type': 'upgradeCluster', 'cluster_config': null}");
    scene_free(scene);
}

static void both_parameters_are_completed_and_no_configuration_of_kyma_is_sent(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    one_scheduled(scene, "{}");
    then_events(scene, TYPE "targeted.v1 c1",
                TYPE
                "scheduled.v1 c1 {'operations': 1, 'version': '', 'clusterConfig': {'kubernetesVersion': '1.20.8', "
                "'enableKubernetesVersionAutoUpdate': false, 'enableMachineImageVersionAutoUpdate': false}, "
                "'parameters': {'kyma': {'version': '2.4.2'}, 'kubernetes': {'kubernetesVersion': '1.20.8', "
                "'machineImage': '', 'machineImageVersion': ''}}}",
                NULL);
    assert_int_equal(scene_message_count(scene), 1);
    assert_string_equal(scene_message(scene, 0)->type, "tidegate.schedule.request.v1");
    then_row(scene, "orchestration", "c1",
             "{'cluster_config': {'kubernetesVersion': '1.20.8'}, 'configuration': '', 'state': 'in progress'}");
    scene_free(scene);
}

static void operation_goes_to_the_provisioner_as_a_change_of_the_cluster(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    one_scheduled(scene, "{}");
    scheduled_of(scene, "c1", opened("r1"), true);
    then_messages(scene,
                  text("runtimes r1 tidegate.runtime.upgradeShoot.v1 {'tenant': 'ga', 'operationID': '%s', "
                       "'orchestrationID': 'c1', 'lane': 'cluster', 'instanceID': 'instance-r1', "
                       "'gardenerConfig': {'kubernetesVersion': '1.20.8'}}",
                       operation_of("c1", "r1")),
                  NULL);
    report_of(scene, "c1", "r1", "accepted", "");
    then_row(scene, "operation", operation_of("c1", "r1"),
             "{'state': 'in progress', 'description': 'cluster upgrade in progress'}");
    report_of(scene, "c1", "r1", "succeeded", "Operation succeeded");
    then_events(scene, TYPE "progressed.v1 c1", TYPE "succeeded.v1 c1", NULL);
    scene_free(scene);
}

static void requested_values_are_sent_and_the_settings_fill_in_each_that_is_missing(void **state)
{
    static const struct {
        const char *asked, *want_sent, *want_shown;
    } cases[] = {
        { "{'kubernetesVersion': '1.21.3', 'machineImage': 'gardenlinux', 'machineImageVersion': '318.9.0'}",
          "{\"kubernetesVersion\": \"1.21.3\", \"machineImage\": \"gardenlinux\", \"machineImageVersion\": "
          "\"318.9.0\"}",
          "{'kubernetesVersion': '1.21.3', 'machineImage': 'gardenlinux', 'machineImageVersion': '318.9.0'}" },
        { "{'kubernetesVersion': '1.21.3', 'machineImage': '', 'machineImageVersion': ''}",
          "{\"kubernetesVersion\": \"1.21.3\", \"machineImage\": \"ubuntu\", \"machineImageVersion\": \"18.4\"}",
          "{'kubernetesVersion': '1.21.3', 'machineImage': '', 'machineImageVersion': ''}" },
        { "{'kubernetesVersion': '', 'machineImage': 'gardenlinux', 'machineImageVersion': ''}",
          "{\"kubernetesVersion\": \"1.20.8\", \"machineImage\": \"gardenlinux\", \"machineImageVersion\": \"18.4\"}",
          "{'kubernetesVersion': '1.20.8', 'machineImage': 'gardenlinux', 'machineImageVersion': ''}" },
    };
    struct orchestration_settings settings = orchestration_scene_settings;

    (void)state;
    settings.machine_image = "ubuntu";
    settings.machine_image_version = "18.4";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_new(&orchestration_core, &settings);
        json_t *want = json_loads(cases[i].want_sent, 0, NULL);

        settings.kubernetes_auto_update = i == 1;
        settings.machine_image_auto_update = i == 2;
        json_object_set_new(want, "enableKubernetesVersionAutoUpdate", json_boolean(i == 1));
        json_object_set_new(want, "enableMachineImageVersionAutoUpdate", json_boolean(i == 2));
        one_scheduled(scene, text("{'kubernetes': %s}", cases[i].asked));
        then_row(scene, "orchestration", "c1", text("{'parameters': {'kubernetes': %s}}", cases[i].want_shown));
        scheduled_of(scene, "c1", opened("r1"), true);
        assert_true(json_equal(config_sent(scene), want));
        json_decref(want);
        scene_free(scene);
    }
}

static void retried_operation_of_a_cluster_is_another_attempt(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    one_scheduled(scene, "{}");
    scheduled_of(scene, "c1", opened("r1"), true);
    report_of(scene, "c1", "r1", "refused", "no");
    retry(scene, "c1", "");
    then_outcome(scene, 202, text("{'retryOperations': ['%s']}", operation_of("c1", "r1")));
    wake(scene);
    scheduled_of(scene, "c1", opened("r1"), true);
    then_messages(scene, "runtimes r1 tidegate.runtime.upgradeShoot.v1 {'attempt': 2}", NULL);
    scene_free(scene);
}

static void lanes_run_beside_each_other(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    request_upgrade(scene, "o1", "{}");
    request_cluster(scene, "c1", "{}");
    request_cluster(scene, "c2", "{}");
    wake(scene);
    then_events(scene, TYPE "started.v1 o1", NULL);
    wake(scene);
    then_events(scene, TYPE "started.v1 c1", NULL);
    then_messages(scene, "instances #0 tidegate.instance.match.v1 {'orchestrationID': 'c1', 'lane': 'cluster'}",
                  "instances #1 tidegate.instance.match.v1", NULL);
    assert_true(orchestration_core.deadline(scene_state(scene)).at_ms == DEADLINE_NEVER);
    scene_free(scene);
}

static void newer_upgrade_in_another_lane_makes_nothing_old(void **state)
{
    struct scene *scene = scene_open();

    (void)state;
    one_scheduled(scene, "{}");
    scheduled_of(scene, "c1", opened("r1"), true);
    report_of(scene, "c1", "r1", "failed", "boom");
    scene_time(scene, nine + MINUTE_MS);
    three_released(scene, 3);
    report(scene, "r1", "failed", "boom");
    retry(scene, "c1", "");
    then_outcome(scene, 202, text("{'retryOperations': ['%s'], 'oldOperations': null}", operation_of("c1", "r1")));
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_upgrade_is_accepted_without_a_version_of_kyma),
        cmocka_unit_test(both_parameters_are_completed_and_no_configuration_of_kyma_is_sent),
        cmocka_unit_test(operation_goes_to_the_provisioner_as_a_change_of_the_cluster),
        cmocka_unit_test(requested_values_are_sent_and_the_settings_fill_in_each_that_is_missing),
        cmocka_unit_test(retried_operation_of_a_cluster_is_another_attempt),
        cmocka_unit_test(lanes_run_beside_each_other),
        cmocka_unit_test(newer_upgrade_in_another_lane_makes_nothing_old),
    };

    return cmocka_run_group_tests(tests, releases_make, releases_drop);
}
