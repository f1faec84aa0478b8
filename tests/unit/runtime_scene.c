#include "tests/unit/runtime_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/release/release.h"

struct runtime_settings runtime_scene_settings;

int runtime_scene_setup(void **state)
{
    struct error err;

    (void)state;
    runtime_scene_settings.releases = releases_load("deploy/releases", &err);
    return runtime_scene_settings.releases == NULL;
}

int runtime_scene_teardown(void **state)
{
    (void)state;
    releases_free((struct releases *)runtime_scene_settings.releases);
    return 0;
}

/* --- What happened before --- */

void runtime_known(struct scene *scene)
{
    given(scene, REGISTERED, "r1",
          "{'instanceID': 'i1', 'tenant': 'ga1', 'subAccount': 'sa1', 'plan': 'azure', 'region': 'westeurope', "
          "'shootName': 'c-1', 'kymaVersion': '2.3.0', 'kymaConfigHash': 'old', 'kymaConfig': {'version': '2.3.0'}, "
          "'clusterConfigHash': 'cluster', 'clusterConfig': {'provider': 'azure'}}");
}

void configuration_known(struct scene *scene)
{
    given(scene, CONFIGURED, "new", "{'hash': 'new', 'kymaConfig': {'version': '2.4.2'}}");
}

void upgrade_started(struct scene *scene)
{
    given(
        scene, STARTED, "r1",
        "{'operationID': 'o1', 'type': 'upgradeKyma', 'stage': 'StartingUpgrade', 'message': 'Starting Kyma upgrade', "
        "'instanceID': 'i1', 'orchestrationID': 'x1', 'lane': 'kyma', 'version': '2.4.2', 'configuration': 'new'}");
}

void stage_ordered(struct scene *scene, const char *stage, const char *stopped)
{
    char data[256];

    snprintf(data, sizeof data,
             "{'operationID': 'o1', 'stage': '%s', 'message': 'Operation in progress. Stage %s'%s%s%s}", stage, stage,
             stopped == NULL ? "" : ", 'stopped': '", stopped == NULL ? "" : stopped, stopped == NULL ? "" : "'");
    given(scene, ADVANCED, "r1", data);
}

void upgrade_succeeded(struct scene *scene)
{
    given(scene, SUCCEEDED, "r1",
          "{'operationID': 'o1', 'type': 'upgradeKyma', 'message': 'Operation succeeded', 'freed': []}");
}

void operation_queued(struct scene *scene, const char *operation_id)
{
    char data[128];

    snprintf(data, sizeof data, "{'operationID': '%s', 'orchestrationID': 'x2', 'lane': 'kyma'}", operation_id);
    given(scene, QUEUED, "r1", data);
}

void deprovisioning_started(struct scene *scene)
{
    given(
        scene, STARTED, "r1",
        "{'operationID': 'd1', 'type': 'deprovision', 'stage': 'CleanupCluster', 'message': 'Deprovisioning started', "
        "'instanceID': 'i1', 'actor': {'subject': 'ann'}}");
}

void deprovisioned(struct scene *scene)
{
    deprovisioning_started(scene);
    given(scene, SUCCEEDED, "r1",
          "{'operationID': 'd1', 'type': 'deprovision', 'message': 'Operation succeeded', 'freed': []}");
}

void many_records_passed(struct scene *scene)
{
    for (int i = 0; i < 5000; i++)
        given(scene, CONFIRMED, "r1", "{}");
}

struct scene *scene_empty(void)
{
    return scene_new(&runtime_core, &runtime_scene_settings);
}

struct scene *scene_known(void)
{
    struct scene *scene = scene_empty();

    runtime_known(scene);
    configuration_known(scene);
    return scene;
}

struct scene *scene_upgrading(void)
{
    struct scene *scene = scene_known();

    upgrade_started(scene);
    return scene;
}

/* --- The driver --- */

void driver_reports(struct scene *scene, const char *runtime, const char *report)
{
    char data[1024];

    snprintf(data, sizeof data, "{'reports': [{'runtimeID': '%s'%s%s]}", runtime, strlen(report) > 2 ? ", " : "",
             report + 1);
    when(scene, PROGRESS, "", data);
}

void stage_ends(struct scene *scene, const char *operation_id, const char *stage)
{
    char report[256];

    snprintf(report, sizeof report, "{'operationID': '%s', 'stage': '%s', 'ok': true, 'message': ''}", operation_id,
             stage);
    driver_reports(scene, "r1", report);
}

void stages_end(struct scene *scene, const char *operation_id, const char *const *stages, size_t count)
{
    for (size_t i = 0; i < count; i++)
        stage_ends(scene, operation_id, stages[i]);
}

void stage_fails(struct scene *scene, const char *operation_id, const char *stage, const char *message)
{
    char report[512];

    snprintf(report, sizeof report, "{'operationID': '%s', 'stage': '%s', 'ok': false, 'message': '%s'}", operation_id,
             stage, message);
    driver_reports(scene, "r1", report);
}

char *row_text(struct scene *scene, int table, const char *id, const char *name)
{
    json_t *row = runtime_core.row(scene_state(scene), table, id);
    const char *text = json_string_value(json_object_get(row, name));
    char *copied = strdup(text == NULL ? "" : text);

    json_decref(row);
    return copied;
}
