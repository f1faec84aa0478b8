"""The life of operations: what clients of the Runtime Provisioner do from end to end, races, limits and errors."""
import concurrent.futures
import contextlib

from harness import UUID, equal, has, holds, wait_for
from provisioning import (AGENT, TENANT, Name, data, document, ends, error, gardener, kyma, kyma_of, literal,
                          operation, post, provision_text, provisioned, shoot_text, simple_text, upgrade_text)

CLUSTER = """clusterConfig { __typename name kubernetesVersion targetSecret provider region seed machineType machineImage
    machineImageVersion diskType volumeSizeGB workerCidr autoScalerMin autoScalerMax maxSurge maxUnavailable purpose
    licenceType enableKubernetesVersionAutoUpdate enableMachineImageVersionAutoUpdate allowPrivilegedContainers
    exposureClassName oidcConfig { clientID groupsClaim issuerURL signingAlgs usernameClaim usernamePrefix }
    dnsConfig { domain providers { domainsInclude primary secretName type } }
    providerSpecificConfig { __typename ... on AzureProviderConfig { vnetCidr zones }
        ... on GCPProviderConfig { zones zone } } }"""
RUNTIME = f"""lastOperationStatus {{ id operation state message runtimeID }}
    runtimeConnectionStatus {{ status errors {{ message }} }}
    runtimeConfiguration {{ kubeconfig kymaConfig {{ version profile components {{ component namespace }} }} {CLUSTER} }}
    hibernationStatus {{ hibernated hibernationPossible }}"""
AZURE = {"provider": "azure", "region": "westeurope", "machineType": "Standard_D4_v3", "diskType": "Standard_LRS",
         "volumeSizeGB": 35, "autoScalerMin": 2, "autoScalerMax": 4, "maxSurge": 4, "maxUnavailable": 1,
         "purpose": "testing", "enableKubernetesVersionAutoUpdate": True, "allowPrivilegedContainers": True,
         "providerSpecificConfig": {"azureConfig": {"vnetCidr": "10.250.0.0/19", "zones": ["1", "2", "3"]}}}
STAGE_LIMIT_S = 6
SEVEN = [{"component": name, "namespace": "kyma-system"} for name in
         ("cluster-essentials", "istio", "dex", "ory", "core", "monitoring")] + \
    [{**AGENT, "configuration": [{"key": "global.agent", "value": "on"}]}]


def status(system, runtime_id, **options):
    return data(system, simple_text("runtimeStatus", runtime_id, RUNTIME), **options)["result"]


def begins(system, started, kind):
    """What the caller reads at once after the mutation."""
    read = operation(system, started["id"])
    holds(read, {"id": UUID, "operation": kind, "state": "InProgress", "runtimeID": UUID})
    equal(bool(read["message"]), True)


def deprovisioned(system, runtime_id, kind="Deprovision"):
    with system.held(runtime_id):
        operation_id = data(system, simple_text("deprovisionRuntime", runtime_id, ""))["result"]
        holds(operation(system, operation_id), {"operation": kind, "state": "InProgress"})
    ends(system, operation_id)


def scenario_whole(system):
    """Provision, read everything, deprovision."""
    given = gardener("e2e-whole", **AZURE)
    with system.held():
        started = data(system, provision_text(given, kyma(components=SEVEN), ["ann@example.net"]))["result"]
        holds(started, {"operation": "Provision", "state": "InProgress", "message": "Provisioning started",
                        "lastError": None})
        begins(system, started, "Provision")
        equal(status(system, started["runtimeID"])["runtimeConfiguration"]["kubeconfig"], None)
    ends(system, started["id"])
    read = status(system, started["runtimeID"])
    holds(read["lastOperationStatus"], {"id": started["id"], "state": "Succeeded", "message": "Operation succeeded"})
    equal(read["runtimeConnectionStatus"], {"status": "Pending", "errors": None})
    cluster = read["runtimeConfiguration"]["clusterConfig"]
    for name, value in given.items():
        if name != "providerSpecificConfig":
            equal(cluster[name], value, name)
    equal(cluster["providerSpecificConfig"], {"__typename": "AzureProviderConfig", "vnetCidr": "10.250.0.0/19",
                                              "zones": ["1", "2", "3"]})
    equal(cluster["__typename"], "GardenerConfig")
    equal(cluster["oidcConfig"], {"clientID": "", "groupsClaim": "", "issuerURL": "", "signingAlgs": [],
                                  "usernameClaim": "", "usernamePrefix": ""})
    equal((bool(cluster["seed"]), cluster["machineImage"], cluster["dnsConfig"]), (True, None, None))
    has(read["runtimeConfiguration"]["kubeconfig"], "apiVersion")
    equal([part["component"] for part in read["runtimeConfiguration"]["kymaConfig"]["components"]],
          [part["component"] for part in SEVEN])
    equal(read["hibernationStatus"], {"hibernated": False, "hibernationPossible": True})
    deprovisioned(system, started["runtimeID"])
    gone = status(system, started["runtimeID"])
    holds(gone, {"lastOperationStatus": {"operation": "Deprovision", "state": "Succeeded"}})
    equal(gone["runtimeConfiguration"]["kubeconfig"], "")
    equal(operation(system, started["id"])["state"], "Succeeded")
    for text in (upgrade_text(started["runtimeID"], kyma()), shoot_text(started["runtimeID"], {"machineType": "x"}),
                 simple_text("hibernateRuntime", started["runtimeID"]),
                 simple_text("rollBackUpgradeOperation", started["runtimeID"], "__typename")):
        error(system, text, 400)
    deprovisioned(system, started["runtimeID"])


def scenario_kyma(system):
    """Provision with an older version, upgrade."""
    runtime_id = provisioned(system, "e2e-kyma", kyma("1.20.4", components=SEVEN))
    kubeconfig = status(system, runtime_id)["runtimeConfiguration"]["kubeconfig"]
    with system.held(runtime_id):
        started = data(system, upgrade_text(runtime_id, kyma("1.24.5", components=SEVEN)))["result"]
        holds(started, {"operation": "Upgrade", "state": "InProgress", "message": "Starting Kyma upgrade",
                        "runtimeID": runtime_id})
        begins(system, started, "Upgrade")
        equal(kyma_of(system, runtime_id)["version"], "1.24.5")
    ends(system, started["id"])
    read = status(system, runtime_id)["runtimeConfiguration"]
    equal((read["kymaConfig"]["version"], read["kubeconfig"]), ("1.24.5", kubeconfig))
    deprovisioned(system, runtime_id)


def scenario_shoot(system):
    """Provision, change the cluster."""
    started = data(system, provision_text(gardener("e2e-shoot", **AZURE), kyma(), ["ann", "bob"]))["result"]
    ends(system, started["id"])
    runtime_id = started["runtimeID"]
    changed = {"kubernetesVersion": "1.21.9", "diskType": "Premium_LRS", "volumeSizeGB": 50,
               "machineType": "Standard_D8_v3", "purpose": "evaluation", "autoScalerMin": 3, "autoScalerMax": 6,
               "maxSurge": 2, "maxUnavailable": 0, "enableKubernetesVersionAutoUpdate": False,
               "enableMachineImageVersionAutoUpdate": True}
    zones = {"providerSpecificConfig": {"azureConfig": {"vnetCidr": "10.251.0.0/19", "zones": ["2"]}}}
    with system.held(runtime_id):
        upgrade = data(system, shoot_text(runtime_id, {**changed, **zones}))["result"]
        holds(upgrade, {"operation": "UpgradeShoot", "state": "InProgress",
                        "message": "Starting Gardener Shoot upgrade"})
        begins(system, upgrade, "UpgradeShoot")
    ends(system, upgrade["id"])
    read = status(system, runtime_id)["runtimeConfiguration"]
    holds(read["clusterConfig"], {**changed, "name": "e2e-shoot", "region": "westeurope", "providerSpecificConfig":
                                  {"vnetCidr": "10.251.0.0/19", "zones": ["2"]}})
    has(read["kubeconfig"], "apiVersion")
    equal(system.sql(f"SELECT administrators FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"),
          '["ann", "bob"]')
    older = data(system, shoot_text(runtime_id, {"kubernetesVersion": "1.9.0"}, administrators=[]))["result"]
    ends(system, older["id"])
    equal(status(system, runtime_id)["runtimeConfiguration"]["clusterConfig"]["kubernetesVersion"], "1.21.9")
    equal(system.sql(f"SELECT administrators FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"), "[]")
    deprovisioned(system, runtime_id)


def scenario_hibernation(system):
    """Provision, hibernate; then nothing else but deprovisioning."""
    runtime_id = provisioned(system, "e2e-sleep", kyma())
    with system.held(runtime_id):
        started = data(system, simple_text("hibernateRuntime", runtime_id))["result"]
        holds(started, {"operation": "Hibernate", "state": "InProgress", "message": "Starting hibernation"})
        begins(system, started, "Hibernate")
    ends(system, started["id"])
    equal(status(system, runtime_id)["hibernationStatus"]["hibernated"], True)
    error(system, upgrade_text(runtime_id, kyma()), 400, "hibernat")
    deprovisioned(system, runtime_id)


def scenario_without_kyma(system):
    with system.held():
        started = data(system, provision_text(gardener("e2e-bare")))["result"]
        holds(started, {"operation": "ProvisionNoInstall", "state": "InProgress"})
    ends(system, started["id"])
    equal(status(system, started["runtimeID"])["runtimeConfiguration"]["kymaConfig"], None)
    error(system, upgrade_text(started["runtimeID"], kyma()), 500, "managed by Reconciler")
    deprovisioned(system, started["runtimeID"], "DeprovisionNoInstall")


def races(suite, system):
    with suite.case("of 12 mutations at once on one runtime exactly one is accepted"):
        runtime_id = provisioned(system, "race", kyma())
        texts = ([upgrade_text(runtime_id, kyma())] * 6 + [shoot_text(runtime_id, {"machineType": "n2"})] * 3 +
                 [simple_text("hibernateRuntime", runtime_id)] * 3)
        with system.held(runtime_id), concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = [answer.json for answer in pool.map(lambda text: post(system, text), texts)]
        accepted = [answer["data"]["result"]["id"] for answer in answers if "errors" not in answer]
        refused = [answer["errors"][0] for answer in answers if "errors" in answer]
        equal(len(accepted), 1)
        equal({(one["message"], one["extensions"]["error_code"]) for one in refused},
              {(f"cannot start new operation for {runtime_id} Runtime while previous one is in progress", 400)})
        ends(system, accepted[0])


def imported(suite, system):
    """Runtimes that came by import, with names that the scenario knows."""
    system.import_fleet(TENANT, ["bad-1", "flaps-1", "never-1", "slow-1", "plain-1"], kymaVersion="1.24.5")
    with suite.case("a failed stage: Failed, its text as it came, and lastError"):
        started = data(system, upgrade_text("bad-1", kyma()))["result"]
        ended = ends(system, started["id"], "Failed")
        has(ended["message"], "istio: not ready: 50% of pods")
        equal(ended["lastError"], {"errMessage": "istio: not ready: 50% of pods", "component": "kyma installer",
                                   "reason": "err_check_kyma_installation_state"})
        equal(kyma_of(system, "bad-1")["components"][0]["component"], "compass-runtime-agent")
    with suite.case("an error that is retried is told while the operation runs, and leaves its message alone"):
        with system.held("flaps-1"):
            started = data(system, upgrade_text("flaps-1", kyma()))["result"]
            told = wait_for("the error is told", lambda: (it := operation(system, started["id"]))["lastError"] and it)
            holds(told, {"state": "InProgress", "lastError": {"errMessage": "connection refused",
                                                              "component": "kyma installer"}})
            equal(told["message"], "Starting Kyma upgrade")
        equal(ends(system, started["id"])["message"], "Operation succeeded")
    with suite.case("a stage over its limit: Failed, which stage is said, the retried error stays"):
        system.stop("provisioner")
        system.start("provisioner", f"TIDEGATE_STAGE_LIMITS=StartingUpgrade={STAGE_LIMIT_S}s")
        started = data(system, upgrade_text("never-1", kyma()))["result"]
        ended = ends(system, started["id"], "Failed")
        system.restart("provisioner")
        has(ended["message"], "error: timeout while processing operation")
        has(ended["message"], "StartingUpgrade")
        equal(ended["lastError"]["errMessage"], "no route to host")
    with suite.case("an operation goes on where it was after a kill of the provisioner"):
        with system.held("slow-1"):
            started = data(system, upgrade_text("slow-1", kyma()))["result"]
            system.stop("provisioner")
            equal(operation(system, started["id"])["state"], "InProgress")
            system.start("provisioner")
        ends(system, started["id"])
    with suite.case("messages: the first, then the stages"):
        with contextlib.ExitStack() as stages:
            first, second, third = (stages.enter_context(contextlib.ExitStack()) for _ in range(3))
            for hold, stage in ((first, "StartingUpgrade"), (second, "WaitingForInstallation"),
                                (third, "UpdatingUpgradeState")):
                hold.enter_context(system.held(f"slow-1.{stage}"))
            started = data(system, upgrade_text("slow-1", kyma()))["result"]
            equal(operation(system, started["id"])["message"], "Starting Kyma upgrade")
            first.close()
            wait_for("the installer's text", lambda: operation(system, started["id"])["message"].startswith(
                "Installation in progress: "))
            second.close()
            wait_for("the next stage", lambda: "Operation in progress. Stage" in
                     operation(system, started["id"])["message"])
        ends(system, started["id"])
    with suite.case("the published upgrade: 25 components replace what was there"):
        data(system, upgrade_text("plain-1", kyma("1.24.5", configuration=[{"key": "old", "value": "1"}])))
        wait_for("it ends", lambda: data(system, simple_text("runtimeStatus", "plain-1", RUNTIME))["result"][
            "lastOperationStatus"]["state"] == "Succeeded")
        started = data(system, document("upgrade", RUNTIME_ID="plain-1"))["upgradeRuntime"]
        holds(started, {"operation": "Upgrade", "runtimeID": "plain-1", "id": UUID})
        active = kyma_of(system, "plain-1")
        equal((active["version"], active["profile"], len(active["components"])), ("1.11.0", None, 25))
        equal(active["configuration"], [{"key": "a.config.key", "value": "a.config.value", "secret": False}])
        ends(system, started["id"])
    with suite.case("an orchestration's upgrade is an operation like any other"):
        orchestration = system.upgrade(include=[{"runtimeID": "plain-1"}], version="2.4.2")
        equal(system.ended(orchestration)["state"], "succeeded")
        holds(status(system, "plain-1"), {"lastOperationStatus": {"operation": "Upgrade", "state": "Succeeded"}})
        equal(kyma_of(system, "plain-1")["version"], "2.4.2")


def cases(suite, system):
    scenarios = {"end to end": scenario_whole, "Kyma upgrade": scenario_kyma, "Shoot upgrade": scenario_shoot,
                 "hibernation": scenario_hibernation, "without Kyma": scenario_without_kyma}
    with concurrent.futures.ThreadPoolExecutor(len(scenarios)) as pool:
        running = {name: pool.submit(scenario, system) for name, scenario in scenarios.items()}
    for name, scenario in running.items():
        with suite.case(f"scenario: {name}"):
            scenario.result()
    races(suite, system)
    imported(suite, system)
    with suite.case("root mutations run one after another"):
        first = literal(gardener("serial"))
        text = (f"mutation {{ a: provisionRuntime(config: {{runtimeInput: {{name: \"s\"}}, clusterConfig: "
                f"{{gardenerConfig: {first}}}}}) {{ id state }} b: reconnectRuntimeAgent(id: \"x\") }}")
        holds(data(system, text), {"a": {"state": "InProgress"}, "b": ""})
    with suite.case("kymaConfig with a single component where a list is expected"):
        text = provision_text(gardener("single"), {"version": "1.24.5", "components": AGENT,
                                                   "profile": Name("Production")})
        ends(system, data(system, text)["result"]["id"])
