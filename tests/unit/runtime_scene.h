/* runtime_scene.h - what scenes of the provisioner's core have in common: names of types, and what happened before. */
#ifndef TIDEGATE_TESTS_RUNTIME_SCENE_H
#define TIDEGATE_TESTS_RUNTIME_SCENE_H

#include "services/provisioner/runtime.h"
#include "tests/unit/scene.h"

#define NOW_MS INT64_C(1643706000000)
#define MINUTE_MS INT64_C(60000)

#define REGISTER "tidegate.runtime.register.v1"
#define CONFIGURE "tidegate.runtime.configure.v1"
#define UPGRADE "tidegate.runtime.upgrade.v1"
#define DEPROVISION "tidegate.runtime.deprovision.v1"
#define PROGRESS "tidegate.runtime.progress.v1"
#define WAKE "tidegate.runtime.wake.v1"
#define PROVISION "tidegate.runtime.provision.v1"
#define UPGRADE_KYMA "tidegate.runtime.upgradeKyma.v1"
#define UPGRADE_SHOOT "tidegate.runtime.upgradeShoot.v1"
#define HIBERNATE "tidegate.runtime.hibernate.v1"
#define ROLL_BACK "tidegate.runtime.rollBack.v1"
#define REGISTERED "tidegate.runtime.registered.v1"
#define CHANGED "tidegate.runtime.changed.v1"
#define CONFIRMED "tidegate.runtime.confirmed.v1"
#define REJECTED "tidegate.runtime.rejected.v1"
#define CONFIGURED "tidegate.runtime.configured.v1"
#define REFUSED "tidegate.runtime.refused.v1"
#define QUEUED "tidegate.runtime.queued.v1"
#define STARTED "tidegate.runtime.started.v1"
#define ADVANCED "tidegate.runtime.advanced.v1"
#define NOTED "tidegate.runtime.noted.v1"
#define RETRIED "tidegate.runtime.retried.v1"
#define SUCCEEDED "tidegate.runtime.succeeded.v1"
#define FAILED "tidegate.runtime.failed.v1"
#define ROLLED_BACK "tidegate.runtime.rolledBack.v1"
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

#define AGENT "{'component': 'compass-runtime-agent', 'namespace': 'compass-system'}"
#define SEALED "sealed:v1:k1:AAAA"
/* A client's mutation of r1, and a configuration that it may bring. */
#define ASKED(id, more) "{'tenant': 'ga1', 'operationID': '" id "', 'actor': {'subject': 'ann'}" more "}"
#define KYMA(version, more) ", 'kymaConfig': {'version': '" version "', 'components': [" AGENT "]" more "}"
#define SECRET_ENTRY(value) ", 'configuration': [{'key': 'k', 'value': '" value "', 'secret': true}]"
#define GARDENER(more)                                                                                                \
    "{'name': 'blue7', 'kubernetesVersion': '1.20.11', 'provider': 'gcp', 'region': 'europe-west3', "                 \
    "'targetSecret': 'gcp-blue', 'machineType': 'n1-standard-4', 'workerCidr': '10.250.0.0/19', 'autoScalerMin': 2, " \
    "'autoScalerMax': 5, 'maxSurge': 1, 'maxUnavailable': 0, 'providerSpecificConfig': "                              \
    "{'gcpConfig': {'zones': ['a', 'b']}}" more "}"
#define PROVISION_INPUT(gardener, more, kyma)                                                                 \
    "{'tenant': 'ga1', 'subAccount': 'sa1', 'operationID': 'p1', 'input': {'runtimeInput': {'name': 'blue', " \
    "'description': 'demo', 'labels': {'team': 'blue', 'cost': [1, 2.5]}}, 'clusterConfig': "                 \
    "{'gardenerConfig': " gardener more "}" kyma "}}"

/* With the releases of the project: runtime_scene_setup and _teardown are those of the test groups. */
extern struct runtime_settings runtime_scene_settings;
int runtime_scene_setup(void **state);
int runtime_scene_teardown(void **state);

/* --- What happened before --- */

/* r1 of tenant ga1, imported for instance i1 with the Kyma configuration "old" of version 2.3.0. */
void runtime_known(struct scene *scene);
/* The Kyma configuration "new", of version 2.4.2. */
void configuration_known(struct scene *scene);
/* o1, an orchestration's, to "new". */
void upgrade_started(struct scene *scene);
void upgrade_succeeded(struct scene *scene);
void stage_ordered(struct scene *scene, const char *stage, const char *stopped); /* of o1; `stopped` may be NULL */
void operation_queued(struct scene *scene, const char *operation_id);
void deprovisioning_started(struct scene *scene); /* d1 */
void deprovisioned(struct scene *scene);
/* So many records later that operations replaced before are in the read model only. */
void many_records_passed(struct scene *scene);

struct scene *scene_empty(void);
struct scene *scene_known(void);     /* runtime and configuration */
struct scene *scene_upgrading(void); /* and the upgrade, in its first stage */

/* --- The driver --- */

/* Reports of `runtime`, without its runtimeID. */
void driver_reports(struct scene *scene, const char *runtime, const char *report);
/* All stages of the running operation of r1 end well, from `stage` to `last`. */
void stages_end(struct scene *scene, const char *operation_id, const char *const *stages, size_t count);
void stage_ends(struct scene *scene, const char *operation_id, const char *stage);
void stage_fails(struct scene *scene, const char *operation_id, const char *stage, const char *message);

/* The column `name` of a row, as text; "" where it is null. The caller frees it. */
char *row_text(struct scene *scene, int table, const char *id, const char *name);

#endif
