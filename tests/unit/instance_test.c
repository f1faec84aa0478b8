/* Instances at the broker: import, reports of operations, and the targets of an orchestration. */
#include "services/broker/instance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/id.h"
#include "services/broker/match.h"
#include "tests/unit/scene.h"

#define IMPORT "tidegate.instance.import.v1"
#define MATCH "tidegate.instance.match.v1"
#define REPORT "tidegate.instance.report.v1"
#define REFUSE "tidegate.instance.refuse.v1"
#define ACTOR "'actor':{'issuer':'iss','subject':'ann','email':'ann@example.net'}"

#define T0 1643706000000 /* 2022-02-01T09:00:00Z */

static const char line_i1[] =
    "'line':{'instanceID':'i1','runtimeID':'r1','globalAccount':'CA501','subAccount':'39b1','planName':'azure',"
    "'region':'westeurope','shootName':'c-1','kymaVersion':'1.24.6','maintenanceWindowBegin':'220000+0000',"
    "'maintenanceWindowEnd':'020000+0000','clusterConfig':{'autoScalerMin':2}}";

static void import(struct scene *scene, const char *instance_id, const char *line)
{
    char data[2048];

    snprintf(data, sizeof data, "{" ACTOR ",%s}", line);
    when(scene, IMPORT, instance_id, data);
}

static void import_named(struct scene *scene, const char *number, const char *more)
{
    char line[1024], id[32];

    snprintf(id, sizeof id, "i%s", number);
    snprintf(line, sizeof line,
             "'line':{'instanceID':'i%s','runtimeID':'r%s','globalAccount':'CA%s','subAccount':'s','planName':'azure',"
             "'region':'westeurope','shootName':'c-%s','kymaVersion':'1.24.6'%s}",
             number, number, number, number, more);
    import(scene, id, line);
    then_outcome(scene, 200, "{'result':'imported'}");
}

/* A report of an operation; `at` is in seconds after T0. */
static void report(struct scene *scene, const char *type, const char *id, const char *state, int created, int updated,
                   const char *version)
{
    char data[1024];

    snprintf(data, sizeof data,
             "{'operation':{'operationID':'%s','type':'%s','orchestrationID':'o-%s','state':'%s','description':'d-%s',"
             "'createdAt':%lld,'updatedAt':%lld,'kymaVersion':'%s'}}",
             id, type, id, state, state, T0 + created * 1000LL, T0 + updated * 1000LL, version);
    when(scene, REPORT, "i1", data);
}

/* The same of an upgrade of Kyma that no orchestration asked for. */
static void report_direct(struct scene *scene, const char *id, const char *state, int created, int updated)
{
    char data[1024];

    snprintf(data, sizeof data,
             "{'operation':{'operationID':'%s','type':'upgradeKyma','state':'%s','description':'d-%s',"
             "'createdAt':%lld,'updatedAt':%lld,'kymaVersion':'1.24.9'}}",
             id, state, state, T0 + created * 1000LL, T0 + updated * 1000LL);
    when(scene, REPORT, "i1", data);
}

/* The provisioner refuses instance i1 with `runtime_id`; `hash`: of the line that it did not take. */
static void refuse(struct scene *scene, const char *runtime_id, const char *hash)
{
    char data[512];

    snprintf(data, sizeof data, "{'instanceID':'i1','runtimeID':'%s','hash':'%s','reason':'belongs to i9'}", runtime_id,
             hash);
    when(scene, REFUSE, "i1", data);
}

/* The hash of the line that was imported last; `hash` holds it. */
static const char *last_hash(struct scene *scene, char hash[SHA256_HEX_SIZE])
{
    json_t *row = instance_core.row(scene_state(scene), 0, "i1");

    snprintf(hash, SHA256_HEX_SIZE, "%s", json_string_value(json_object_get(row, "line_hash")));
    json_decref(row);
    return hash;
}

/* --- Import --- */

static void new_line_is_imported_and_registered_at_the_provisioner(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);
    char hash[SHA256_HEX_SIZE];

    (void)state;
    scene_time(scene, T0);
    import(scene, "i1", line_i1);
    then_events(scene,
                "tidegate.instance.imported.v1 i1 {'line':{'runtimeID':'r1','clusterConfig':{'autoScalerMin':2}},"
                "'actor':{'subject':'ann'}}",
                NULL);
    then_outcome(scene, 200, "{'result':'imported'}");
    then_messages(scene,
                  "runtimes r1 tidegate.runtime.register.v1 {'line':{'instanceID':'i1','runtimeID':'r1',"
                  "'clusterConfig':{'autoScalerMin':2}}}",
                  NULL);
    assert_true(scene_message(scene, 0)->hand_on);
    assert_null(scene_message(scene, 0)->traceparent);
    assert_string_equal(json_string_value(json_object_get(scene_message(scene, 0)->data, "hash")),
                        last_hash(scene, hash));
    then_row(scene, "instance", "i1",
             "{'instance_id':'i1','runtime_id':'r1','global_account_id':'CA501','sub_account_id':'39b1',"
             "'region':'westeurope','plan_name':'azure',"
             "'shoot_name':'c-1','window_begin':'220000+0000','window_end':'020000+0000',"
             "'kyma_version':'1.24.6','created_at':'2022-02-01T09:00:00Z','updated_at':'2022-02-01T09:00:00Z',"
             "'modified_at':'2022-02-01T09:00:00Z','state':'succeeded','position':0,"
             "'upgraded_at':null,'status':{'createdAt':'2022-02-01T09:00:00Z','modifiedAt':'2022-02-01T09:00:00Z',"
             "'state':'succeeded','provisioning':{'state':'succeeded','description':'Operation succeeded',"
             "'createdAt':'2022-02-01T09:00:00Z'}}}");
    scene_free(scene);
}

static void same_line_again_changes_nothing_but_is_confirmed(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    scene_time(scene, T0 + 5000);
    /* The same in another order of members. */
    import(scene, "i1",
           "'line':{'clusterConfig':{'autoScalerMin':2},'runtimeID':'r1','instanceID':'i1','globalAccount':'CA501',"
           "'subAccount':'39b1','planName':'azure','region':'westeurope','shootName':'c-1','kymaVersion':'1.24.6',"
           "'maintenanceWindowEnd':'020000+0000','maintenanceWindowBegin':'220000+0000'}");
    then_events(scene, "tidegate.instance.confirmed.v1 i1", NULL);
    then_outcome(scene, 200, "{'result':'unchanged'}");
    then_messages(scene, "runtimes r1 tidegate.runtime.register.v1 {'line':{'clusterConfig':{'autoScalerMin':2}}}",
                  NULL);
    assert_true(scene_message(scene, 0)->hand_on);
    then_row(scene, "instance", "i1", "{'updated_at':'2022-02-01T09:00:00Z'}");
    scene_free(scene);
}

static void changed_line_updates_the_instance_and_keeps_its_creation(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    scene_time(scene, T0 + 5000);
    import(scene, "i1",
           "'line':{'instanceID':'i1','runtimeID':'r1','globalAccount':'CA501','subAccount':'new','planName':'aws',"
           "'region':'eu-central-1','shootName':'c-2','kymaVersion':'1.24.7'}");
    then_events(scene, "tidegate.instance.imported.v1 i1", NULL);
    then_outcome(scene, 200, "{'result':'imported'}");
    then_row(scene, "instance", "i1",
             "{'sub_account_id':'new','plan_name':'aws','region':'eu-central-1','shoot_name':'c-2',"
             "'window_begin':'','kyma_version':'1.24.7','created_at':'2022-02-01T09:00:00Z',"
             "'updated_at':'2022-02-01T09:00:05Z'}");
    scene_free(scene);
}

static void instance_never_changes_its_runtime_or_its_global_account(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    import(scene, "i1", "'line':{'instanceID':'i1','runtimeID':'r2','globalAccount':'CA501'}");
    then_events(scene,
                "tidegate.instance.rejected.v1 i1 {'actor':{'email':'ann@example.net'},"
                "'reason':'instance i1 exists with runtimeID r1, not r2'}",
                NULL);
    then_outcome(scene, 409, "{'error':'instance i1 exists with runtimeID r1, not r2'}");
    then_messages(scene, NULL);
    import(scene, "i1", "'line':{'instanceID':'i1','runtimeID':'r1','globalAccount':'CA502'}");
    then_outcome(scene, 409, "{'error':'instance i1 exists with globalAccount CA501, not CA502'}");
    then_row(scene, "instance", "i1", "{'runtime_id':'r1','global_account_id':'CA501'}");
    scene_free(scene);
}

static void line_without_its_ids_is_rejected(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    when(scene, IMPORT, "i1", "{}");
    then_events(scene, "tidegate.instance.rejected.v1 i1", NULL);
    then_outcome(scene, 400, NULL);
    import(scene, "i1", "'line':{'instanceID':'i1','runtimeID':5}");
    then_outcome(scene, 400, "{'error':'runtimeID must be a string of 1 to 200 bytes'}");
    import(scene, "i1", "'line':{'instanceID':'i2','runtimeID':'r1'}");
    then_outcome(scene, 400, "{'error':'instanceID must be the subject of the request'}");
    then_row(scene, "instance", "i1", NULL);
    scene_free(scene);
}

/* --- Reports --- */

static void upgrade_shows_from_begin_to_end_and_sets_the_version(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "in progress", 10, 10, "1.24.7");
    then_events(scene, "tidegate.instance.reported.v1 i1 {'operation':{'operationID':'u1'}}", NULL);
    then_outcome(scene, 0, NULL);
    then_messages(scene, NULL);
    then_row(scene, "instance", "i1",
             "{'state':'upgrading','kyma_version':'1.24.7',"
             "'modified_at':'2022-02-01T09:00:10Z'}");
    report(scene, "upgradeKyma", "u1", "failed", 10, 20, "1.24.7");
    then_row(scene, "instance", "i1",
             "{'state':'error','modified_at':'2022-02-01T09:00:20Z',"
             "'status':{'state':'error','modifiedAt':'2022-02-01T09:00:20Z'},'upgrades':{'upgradingKyma':{'data':["
             "{'state':'failed','description':'d-failed','createdAt':'2022-02-01T09:00:10Z','operationID':'u1',"
             "'orchestrationID':'o-u1'}],'totalCount':1}},'direct_upgrades':null}");
    /* A retry keeps the operation's ID. */
    report(scene, "upgradeKyma", "u1", "in progress", 10, 30, "1.24.7");
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 40, "1.24.7");
    then_row(scene, "instance", "i1", "{'state':'succeeded'}");
    scene_free(scene);
}

static void newest_two_upgrades_are_kept_and_all_are_counted(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 11, "1.24.7");
    report(scene, "upgradeKyma", "u2", "succeeded", 20, 21, "1.24.8");
    report(scene, "upgradeKyma", "u3", "in progress", 30, 31, "");
    then_row(scene, "instance", "i1",
             "{'kyma_version':'1.24.8','upgrades':{'upgradingKyma':{'data':[{'operationID':'u3'},"
             "{'operationID':'u2'}],'totalCount':3}}}");
    report(scene, "upgradeKyma", "u1", "failed", 10, 99, "1.0.0");
    then_events(scene, NULL);
    report(scene, "upgradeKyma", "u0", "failed", 5, 99, "1.0.0");
    then_events(scene, NULL);
    then_row(scene, "instance", "i1", "{'kyma_version':'1.24.8'}");
    scene_free(scene);
}

static void upgrades_of_clusters_are_kept_beside_those_of_kyma(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    scene_time(scene, T0);
    import(scene, "i1", line_i1);
    report(scene, "upgradeCluster", "c1", "succeeded", 10, 11, "");
    report(scene, "upgradeKyma", "u1", "succeeded", 20, 21, "1.24.7");
    report(scene, "upgradeCluster", "c2", "succeeded", 30, 31, "");
    report(scene, "upgradeCluster", "c3", "in progress", 40, 41, "");
    then_row(scene, "instance", "i1",
             "{'state':'upgrading','kyma_version':'1.24.7','modified_at':'2022-02-01T09:00:41Z','upgrades':{"
             "'upgradingCluster':{'data':[{'operationID':'c3'},{'operationID':'c2'}],'totalCount':3},"
             "'upgradingKyma':{'data':[{'operationID':'u1'}],'totalCount':1}},"
             "'status_last':{'state':'upgrading','upgradingCluster':{'data':[{'operationID':'c3'}],'totalCount':1,"
             "'count':1}}}");
    report(scene, "upgradeCluster", "c3", "failed", 40, 50, "");
    then_row(scene, "instance", "i1", "{'state':'error'}");
    report(scene, "upgradeKyma", "u2", "in progress", 60, 61, "1.24.8");
    then_row(scene, "instance", "i1",
             "{'state':'upgrading','kyma_version':'1.24.8','status_last':{'upgradingKyma':{'data':["
             "{'operationID':'u2'}]}}}");
    scene_free(scene);
}

static void upgrades_that_no_orchestration_asked_for_are_kept_whatever_orchestrations_do(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    then_row(scene, "instance", "i1", "{'upgrades':null,'direct_upgrades':null}");
    for (int i = 1; i <= 3; i++) {
        char id[4];

        snprintf(id, sizeof id, "d%d", i);
        report_direct(scene, id, "in progress", 10 * i, 10 * i + 1);
        report_direct(scene, id, "succeeded", 10 * i, 10 * i + 2);
    }
    report(scene, "upgradeKyma", "u1", "succeeded", 40, 41, "1.24.7");
    report(scene, "upgradeKyma", "u2", "failed", 50, 51, "");
    then_row(scene, "instance", "i1",
             "{'state':'error','kyma_version':'1.24.7','upgrades':{'upgradingKyma':{'data':[{'operationID':'u2'},"
             "{'operationID':'u1'}]}},'direct_upgrades':{'upgradingKyma':{'totalCount':3,'data':[{'state':'succeeded',"
             "'description':'d-succeeded','createdAt':'2022-02-01T09:00:30Z','operationID':'d3'},"
             "{'operationID':'d2'}]}}}");
    report_direct(scene, "d4", "in progress", 60, 60);
    then_row(scene, "instance", "i1",
             "{'state':'upgrading','status_last':{'upgradingKyma':{'data':[{'operationID':'d4'}]}}}");
    scene_free(scene);
}

static void suspension_leaves_the_list_without_suspended_ones(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);
    char hash[SHA256_HEX_SIZE];

    (void)state;
    scene_time(scene, T0);
    import(scene, "i1", line_i1);
    import_named(scene, "2", "");
    then_row(scene, "place", "i2",
             "{'position':1,'created_at':'2022-02-01T09:00:00.000001Z','listed':true,'shown':true}");
    then_row(scene, "block", "0",
             "{'first_position':0,'first_created_at':'2022-02-01T09:00:00Z','listed':2,'shown':2}");
    report(scene, "deprovision", "d1", "succeeded", 10, 20, "");
    then_row(scene, "place", "i1", "{'listed':true,'shown':false}");
    then_row(scene, "block", "0", "{'listed':2,'shown':1}");
    scene_free(scene);

    scene = scene_new(&instance_core, NULL);
    import(scene, "i1", line_i1);
    refuse(scene, "r1", last_hash(scene, hash));
    then_row(scene, "block", "0", "{'listed':0,'shown':0}");
    import(scene, "i1", line_i1);
    then_row(scene, "place", "i1", "{'position':1,'listed':true,'shown':true}");
    then_row(scene, "block", "0", "{'listed':1,'shown':1}");
    scene_free(scene);
}

static void older_report_of_an_operation_changes_nothing(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    report(scene, "upgradeKyma", "u1", "in progress", 10, 15, "1.24.7");
    then_events(scene, NULL);
    report(scene, "upgradeKyma", "u1", "in progress", 10, 20, "1.24.7");
    then_events(scene, NULL);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    then_events(scene, NULL);
    scene_free(scene);
}

static void end_in_the_millisecond_of_the_begin_counts(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "in progress", 10, 10, "1.24.7");
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 10, "1.24.7");
    then_row(scene, "instance", "i1", "{'state':'succeeded'}");
    scene_free(scene);
}

static void import_never_turns_the_version_of_a_recorded_upgrade_back(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    scene_time(scene, T0 + 60000);
    import(scene, "i1",
           "'line':{'instanceID':'i1','runtimeID':'r1','globalAccount':'CA501','planName':'azure',"
           "'region':'northeurope','kymaVersion':'1.24.6'}");
    then_row(scene, "instance", "i1",
             "{'region':'northeurope','kyma_version':'1.24.7',"
             "'modified_at':'2022-02-01T09:00:20Z'}");
    scene_free(scene);
}

static void deprovisioning_shows_and_its_end_suspends(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import(scene, "i1", line_i1);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    report(scene, "deprovision", "d1", "in progress", 30, 30, "");
    then_row(scene, "instance", "i1", "{'state':'deprovisioning'}");
    report(scene, "deprovision", "d1", "failed", 30, 40, "");
    then_row(scene, "instance", "i1", "{'state':'failed'}");
    report(scene, "deprovision", "d2", "succeeded", 50, 60, "");
    then_row(scene, "instance", "i1",
             "{'state':'suspended','kyma_version':'1.24.7','modified_at':'2022-02-01T09:01:00Z','status':{"
             "'state':'suspended','deprovisioning':{'operationID':'d2','state':'succeeded'}},"
             "'upgrades':{'upgradingKyma':{'totalCount':1}}}");
    scene_free(scene);
}

static void report_that_cannot_be_used_is_rejected(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    then_events(scene, "tidegate.instance.rejected.v1 i1 {'reason':'there is no such instance'}", NULL);
    then_outcome(scene, 0, NULL);
    import(scene, "i1", line_i1);
    report(scene, "upgradeSchema", "u1", "succeeded", 10, 20, "1.24.7");
    then_events(scene, "tidegate.instance.rejected.v1 i1", NULL);
    report(scene, "upgradeKyma", "u1", "done", 10, 20, "1.24.7");
    then_events(scene, "tidegate.instance.rejected.v1 i1", NULL);
    when(scene, REPORT, "i1", "{}");
    then_events(scene, "tidegate.instance.rejected.v1 i1", NULL);
    scene_free(scene);
}

/* --- Refusals --- */

static void instance_that_the_provisioner_refuses_counts_as_not_there(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);
    char hash[SHA256_HEX_SIZE];

    (void)state;
    import(scene, "i1", line_i1);
    then_row(scene, "instance", "i1", "{'refused':false}");
    scene_time(scene, T0 + 1000);
    refuse(scene, "r1", last_hash(scene, hash));
    then_events(scene, "tidegate.instance.refused.v1 i1 {'runtimeID':'r1','reason':'belongs to i9'}", NULL);
    then_messages(scene, NULL);
    then_outcome(scene, 0, NULL);
    then_row(scene, "instance", "i1", "{'refused':true,'updated_at':'2022-02-01T09:00:01Z'}");
    when(scene, MATCH, "", "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'target':'all'}]}}");
    then_events(scene, "tidegate.instance.matched.v1 o1 {'last':true,'targets':[]}", NULL);
    report(scene, "upgradeKyma", "u1", "succeeded", 10, 20, "1.24.7");
    then_events(scene, "tidegate.instance.rejected.v1 i1 {'reason':'there is no such instance'}", NULL);
    /* A second line like it was on its way. */
    refuse(scene, "r1", hash);
    then_events(scene, NULL);
    scene_free(scene);
}

static void refused_instance_is_made_anew_by_any_line(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);
    char hash[SHA256_HEX_SIZE];

    (void)state;
    import(scene, "i1", line_i1);
    refuse(scene, "r1", last_hash(scene, hash));
    scene_time(scene, T0 + 5000);
    import(scene, "i1", line_i1);
    then_events(scene, "tidegate.instance.imported.v1 i1", NULL);
    then_outcome(scene, 200, "{'result':'imported'}");
    then_messages(scene, "runtimes r1 tidegate.runtime.register.v1", NULL);
    then_row(scene, "instance", "i1", "{'refused':false,'created_at':'2022-02-01T09:00:05Z'}");
    refuse(scene, "r1", hash);
    then_row(scene, "instance", "i1", "{'refused':true}");
    import(scene, "i1", "'line':{'instanceID':'i1','runtimeID':'r2','globalAccount':'CA502','planName':'azure'}");
    then_events(scene, "tidegate.instance.imported.v1 i1", NULL);
    then_row(scene, "instance", "i1", "{'refused':false,'runtime_id':'r2','global_account_id':'CA502'}");
    when(scene, MATCH, "", "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'target':'all'}]}}");
    then_events(scene, "tidegate.instance.matched.v1 o1 {'targets':[{'instanceID':'i1','runtimeID':'r2'}]}", NULL);
    scene_free(scene);
}

static void refusal_of_another_line_or_of_an_upgraded_instance_changes_nothing(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);
    char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];

    (void)state;
    import(scene, "i1", line_i1);
    last_hash(scene, first);
    import(scene, "i1", "'line':{'instanceID':'i1','runtimeID':'r1','globalAccount':'CA501','planName':'aws'}");
    last_hash(scene, second);
    refuse(scene, "r1", first);
    then_events(scene, NULL);
    refuse(scene, "r2", second);
    then_events(scene, NULL);
    report(scene, "upgradeKyma", "u1", "in progress", 10, 10, "1.24.7");
    refuse(scene, "r1", second);
    then_events(scene, NULL);
    then_row(scene, "instance", "i1", "{'refused':false,'plan_name':'aws'}");
    scene_free(scene);
}

static void refusal_that_cannot_be_used_is_rejected(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    refuse(scene, "r1", "h");
    then_events(scene, "tidegate.instance.rejected.v1 i1 {'reason':'there is no such instance'}", NULL);
    import(scene, "i1", line_i1);
    when(scene, REFUSE, "i1", "{'runtimeID':'r1','reason':'why'}");
    then_events(scene, "tidegate.instance.rejected.v1 i1 {'request':'" REFUSE "'}", NULL);
    scene_free(scene);
}

/* --- Matching --- */

static void matching_instances_go_to_the_lane_in_order_of_their_ids(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import_named(scene, "3", "");
    import_named(scene, "1", ",'maintenanceWindowBegin':'220000+0000','maintenanceWindowEnd':'020000+0000'");
    import_named(scene, "2", "");
    when(scene, MATCH, "",
         "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'globalAccount':'CA[23]'},{'target':'all'}],"
         "'exclude':[{'shoot':'c-3'}]},'cursor':''}");
    then_events(scene,
                "tidegate.instance.matched.v1 o1 {'orchestrationID':'o1','lane':'kyma','cursor':'i3','last':true,"
                "'targets':[{'instanceID':'i1','include':1},{'instanceID':'i2','include':0}]}",
                NULL);
    then_messages(scene,
                  "orchestrations kyma tidegate.orchestration.target.v1 {'orchestrationID':'o1','partition':0,"
                  "'last':true,'targets':[{'include':1,'instanceID':'i1','runtimeID':'r1','globalAccountID':'CA1',"
                  "'subAccountID':'s','planName':'azure','region':'westeurope','shootName':'c-1',"
                  "'windowBegin':'220000+0000','windowEnd':'020000+0000'},{'include':0,'instanceID':'i2',"
                  "'windowBegin':'','windowEnd':''}]}",
                  NULL);
    then_outcome(scene, 0, NULL);
    scene_free(scene);
}

static void deprovisioned_instances_and_unreadable_windows_are_skipped(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import_named(scene, "1", "");
    report(scene, "deprovision", "d1", "failed", 30, 40, "");
    import_named(scene, "2", ",'maintenanceWindowBegin':'22:00','maintenanceWindowEnd':'020000+0000'");
    import_named(scene, "3", ",'maintenanceWindowBegin':'220000+0000','maintenanceWindowEnd':'020000Z'");
    import_named(scene, "4", ",'maintenanceWindowBegin':'220000+0000'");
    import_named(scene, "5", ",'maintenanceWindowBegin':'220000-0500','maintenanceWindowEnd':'020000-0500'");
    import_named(scene, "6", "");
    when(scene, MATCH, "", "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'target':'all'}]}}");
    then_events(scene,
                "tidegate.instance.matched.v1 o1 {'last':true,'targets':[{'instanceID':'i5'},{'instanceID':'i6'}]}",
                NULL);
    scene_free(scene);
}

static void empty_partition_answers_too(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    when(scene, MATCH, "",
         "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'target':'all'}]},'cursor':''}");
    then_messages(scene, "orchestrations kyma tidegate.orchestration.target.v1 {'targets':[],'last':true}", NULL);
    scene_free(scene);
}

static void bad_selector_fails_the_orchestration(void **state)
{
    struct scene *scene = scene_new(&instance_core, NULL);

    (void)state;
    import_named(scene, "1", "");
    when(scene, MATCH, "", "{'orchestrationID':'o1','lane':'kyma','targets':{'include':[{'region':'(ü'}]}}");
    then_messages(scene,
                  "orchestrations kyma tidegate.orchestration.target.v1 {'orchestrationID':'o1','targets':[],"
                  "'last':true,'partition':0}",
                  NULL);
    assert_non_null(strstr(json_string_value(json_object_get(scene_message(scene, 0)->data, "error")),
                           "targets.include[0]: \"region\": invalid pattern \"(ü\": missing )"));
    when(scene, MATCH, "", "{'lane':'kyma'}");
    then_messages(scene, NULL);
    assert_int_equal(scene_message_count(scene), 0);
    scene_free(scene);
}

/* --- Many --- */

/* An instance of a large fleet, told apart by `i`. */
static json_t *large_line(int i)
{
    char id[64], account[16];
    static const char *const regions[] = { "westeurope", "eu-central-1", "us-east-1", "asia-south1" };
    static const char *const plans[] = { "azure", "aws", "gcp" };

    snprintf(id, sizeof id, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u, (unsigned)i);
    snprintf(account, sizeof account, "CA%d", i % 1000);
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:s}", "line", "instanceID", id,
                     "runtimeID", id, "globalAccount", account, "subAccount", id, "planName", plans[i % 3], "region",
                     regions[i % 4], "shootName", account, "kymaVersion", "1.24.6", "maintenanceWindowBegin",
                     "220000+0000", "maintenanceWindowEnd", "020000+0000", "hash", "0");
}

/* `sub_account` NULL: each has its own. */
static void *large_state_in(int count, const char *sub_account)
{
    void *fleet = instance_core.state_new(NULL, 0);
    struct changes changes = { 0 };

    for (int i = 0; i < count; i++) {
        json_t *data = large_line(i), *line = json_object_get(data, "line");
        struct event event = { .type = 0, .subject = "", .data = data, .time_ms = T0, .offset = i };

        if (sub_account != NULL)
            json_object_set_new(line, "subAccount", json_string(sub_account));
        fold_event(&instance_core, fleet, &event, &changes, NULL, NULL);
        json_decref(data);
    }
    changes_release(&changes);
    return fleet;
}

static void *large_state(int count)
{
    return large_state_in(count, NULL);
}

struct matching {
    size_t chunks, targets;
};

/* Asks until the last chunk, as the processor would. `targets` (own). */
static struct matching match_all(void *fleet, json_t *targets)
{
    struct matching all = { 0 };
    char previous[64] = "";
    json_t *data = json_pack("{s:s, s:s, s:o, s:s}", "orchestrationID", "o1", "lane", "kyma", "targets", targets,
                             "cursor", "");

    while (data != NULL) {
        struct request request = { .id = "q", .type = 1, .subject = "", .data = data };
        struct decision decision = { 0 };
        struct changes changes = { 0 };
        struct messages messages = { .partitions = 12 };
        json_t *next = NULL, *target;
        size_t i;

        fold_decide(&instance_core, fleet, &request, (struct fold_at){ .time_ms = T0 }, &decision, &changes, &messages,
                    NULL);
        assert_int_equal(decision.count, 1);
        assert_true(json_array_size(json_object_get(decision.events[0].data, "targets")) <= MATCH_TARGETS_MAX);
        json_array_foreach(json_object_get(decision.events[0].data, "targets"), i, target) {
            const char *id = json_string_value(json_object_get(target, "instanceID"));

            assert_true(strcmp(previous, id) < 0);
            snprintf(previous, sizeof previous, "%s", id);
            all.targets++;
        }
        for (i = 0; i < messages.count; i++)
            if (strcmp(messages.items[i].type, MATCH) == 0) {
                assert_null(messages.items[i].key);
                next = json_incref(messages.items[i].data);
            }
        json_decref(data);
        data = next;
        all.chunks++;
        decision_release(&decision);
        changes_release(&changes);
        messages_release(&messages);
    }
    return all;
}

static void many_targets_come_in_chunks_each_once(void **state)
{
    void *fleet = large_state(2234);
    struct matching all = match_all(fleet, json_pack("{s:[{s:s}]}", "include", "target", "all"));

    (void)state;
    assert_int_equal(all.targets, 2234);
    assert_int_equal(all.chunks, 2234 / MATCH_TARGETS_MAX + 1);
    instance_core.state_free(fleet);
}

static void targets_with_long_texts_come_in_smaller_chunks(void **state)
{
    enum { LONG = 4096 };
    char sub_account[LONG + 1] = "";
    struct matching all;
    void *fleet;

    (void)state;
    memset(sub_account, 'x', LONG);
    fleet = large_state_in(200, sub_account);
    all = match_all(fleet, json_pack("{s:[{s:s}]}", "include", "target", "all"));
    assert_int_equal(all.targets, 200);
    assert_int_equal(all.chunks, 200 / (MATCH_TEXTS_SIZE_MAX / LONG) + 1);
    instance_core.state_free(fleet);
}

static void heavy_selectors_are_matched_in_smaller_steps(void **state)
{
    void *fleet = large_state(2000);
    json_t *targets = json_pack("{s:[]}", "include");
    struct matching all;

    (void)state;
    for (int i = 0; i < 50; i++)
        json_array_append_new(json_object_get(targets, "include"), json_pack("{s:s}", "region", "z{100}"));
    all = match_all(fleet, targets);
    assert_int_equal(all.targets, 0);
    assert_in_range(all.chunks, 8, 2000 / MATCH_EXAMINED_MIN);
    instance_core.state_free(fleet);
}

static void many_instances_without_a_match_are_examined_in_bounded_steps(void **state)
{
    void *fleet = large_state(25000);
    struct matching all = match_all(fleet, json_pack("{s:[{s:s}]}", "include", "planName", "none"));

    (void)state;
    assert_int_equal(all.targets, 0);
    assert_int_equal(all.chunks, 3);
    instance_core.state_free(fleet);
}

/* Of this process alone: others may keep the machine busy. */
static double used_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * 4;
}

/* Prints what it takes; the bound is loose, for sanitizers and busy machines. */
static void hundred_thousand_instances_are_matched_quickly(void **state)
{
    long before_kb = resident_kb();
    void *fleet = large_state(100000);
    long fleet_kb = resident_kb() - before_kb;
    json_t *narrow = json_pack("{s:[{s:s}, {s:s}]}", "include", "globalAccount", "CA(12|77)7$", "region", "^us-west");
    json_t *wide = json_pack("{s:[{s:s}], s:[{s:s}]}", "include", "globalAccount", "CA[0-9]+", "exclude", "region",
                             "asia");
    struct matching all;
    double begin, sorted_s, narrow_s, wide_s;

    (void)state;
    begin = used_s();
    match_all(fleet, json_pack("{s:[{s:s}]}", "include", "planName", "none"));
    sorted_s = used_s() - begin;
    begin = used_s();
    all = match_all(fleet, narrow);
    narrow_s = used_s() - begin;
    assert_int_equal(all.targets, 200);
    begin = used_s();
    all = match_all(fleet, wide);
    wide_s = used_s() - begin;
    assert_int_equal(all.targets, 75000);
    print_message("100,000 instances: %ld KB; first pass with sorting %.0f ms; two patterns: %.0f ms for 200 targets, "
                  "%.0f ms for 75,000 targets with their JSON\n",
                  fleet_kb, sorted_s * 1e3, narrow_s * 1e3, wide_s * 1e3);
    assert_true(narrow_s < 2);
    instance_core.state_free(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hundred_thousand_instances_are_matched_quickly), /* first: memory is still small */
        cmocka_unit_test(new_line_is_imported_and_registered_at_the_provisioner),
        cmocka_unit_test(same_line_again_changes_nothing_but_is_confirmed),
        cmocka_unit_test(changed_line_updates_the_instance_and_keeps_its_creation),
        cmocka_unit_test(instance_never_changes_its_runtime_or_its_global_account),
        cmocka_unit_test(line_without_its_ids_is_rejected),
        cmocka_unit_test(upgrade_shows_from_begin_to_end_and_sets_the_version),
        cmocka_unit_test(newest_two_upgrades_are_kept_and_all_are_counted),
        cmocka_unit_test(upgrades_of_clusters_are_kept_beside_those_of_kyma),
        cmocka_unit_test(upgrades_that_no_orchestration_asked_for_are_kept_whatever_orchestrations_do),
        cmocka_unit_test(suspension_leaves_the_list_without_suspended_ones),
        cmocka_unit_test(older_report_of_an_operation_changes_nothing),
        cmocka_unit_test(end_in_the_millisecond_of_the_begin_counts),
        cmocka_unit_test(import_never_turns_the_version_of_a_recorded_upgrade_back),
        cmocka_unit_test(deprovisioning_shows_and_its_end_suspends),
        cmocka_unit_test(report_that_cannot_be_used_is_rejected),
        cmocka_unit_test(instance_that_the_provisioner_refuses_counts_as_not_there),
        cmocka_unit_test(refused_instance_is_made_anew_by_any_line),
        cmocka_unit_test(refusal_of_another_line_or_of_an_upgraded_instance_changes_nothing),
        cmocka_unit_test(refusal_that_cannot_be_used_is_rejected),
        cmocka_unit_test(matching_instances_go_to_the_lane_in_order_of_their_ids),
        cmocka_unit_test(deprovisioned_instances_and_unreadable_windows_are_skipped),
        cmocka_unit_test(empty_partition_answers_too),
        cmocka_unit_test(bad_selector_fails_the_orchestration),
        cmocka_unit_test(many_targets_come_in_chunks_each_once),
        cmocka_unit_test(targets_with_long_texts_come_in_smaller_chunks),
        cmocka_unit_test(heavy_selectors_are_matched_in_smaller_steps),
        cmocka_unit_test(many_instances_without_a_match_are_examined_in_bounded_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
