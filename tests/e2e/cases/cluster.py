"""POST /upgrade/cluster (E2) beside E1, and what one operation shows of itself (E8)."""
from harness import NO_WINDOW, UUID, equal, has, holds, wait_for

NOBODY = {"include": [{"runtimeID": "nobody"}]}
STRATEGY = {"type": "parallel", "schedule": "immediate", "parallel": {"workers": 1}}
OPERATION = {"operationID", "runtimeID", "globalAccountID", "subAccountID", "orchestrationID", "servicePlanID",
             "servicePlanName", "dryRun", "shootName", "maintenanceWindowBegin", "maintenanceWindowEnd", "state",
             "description"}
KYMA_EMPTY = {"version": "", "profile": None, "components": None, "configuration": None, "conflictStrategy": None}
CLUSTER_EMPTY = {
    **dict.fromkeys(("name", "kubernetesVersion", "provider", "targetSecret", "region", "machineType", "workerCidr"), ""),
    **dict.fromkeys(("machineImage", "machineImageVersion", "diskType", "purpose", "licenceType", "seed",
                     "exposureClassName", "volumeSizeGB", "enableKubernetesVersionAutoUpdate",
                     "enableMachineImageVersionAutoUpdate", "allowPrivilegedContainers", "providerSpecificConfig",
                     "dnsConfig", "oidcConfig")),
    **dict.fromkeys(("autoScalerMin", "autoScalerMax", "maxSurge", "maxUnavailable"), 0)}


def upgrade(system, **body):
    return system.ask("POST", "/upgrade/cluster", {"targets": NOBODY, **body})


def events_of(system, orchestration_id, name):
    return [event["data"] for record in system.records("orchestrations.events") for event in record["events"]
            if event["type"] == f"tidegate.orchestration.{name}.v1" and event["subject"] == orchestration_id]


ACCEPTED = [
    ("7.2: the request of kcp", {"strategy": {"type": "parallel", "parallel": {"workers": 0}}}, {}),
    ("2.4: kyma is stored and shown, though it is not looked at", {"kyma": {"version": "foo"}},
     {"kyma": {"version": "foo"}}),
    ("2.4: an empty kyma stays", {"kyma": {}}, {"kyma": {}}),
    ("2.4: kubernetes shows its three members", {"kubernetes": {"kubernetesVersion": "1.20.8"}},
     {"kubernetes": {"kubernetesVersion": "1.20.8", "machineImage": "", "machineImageVersion": ""}}),
    ("maxFailures is shown", {"strategy": {"maxFailures": 2}}, {"strategy": {**STRATEGY, "maxFailures": 2}}),
    ("dryRun", {"dryRun": True}, {"dryRun": True}),
]
REFUSED = [
    ("no targets", {"targets": None}, "while validating target: targets.include array must be not empty"),
    ("D4: an empty selector", {"targets": {"include": [{}]}}, "while validating target: targets.include[0]"),
    ("D7: negative workers", {"strategy": {"parallel": {"workers": -1}}}, "while validating strategy: "),
    ("maxFailures of none", {"strategy": {"maxFailures": 0}}, "while validating strategy: "),
    ("a version that is a number", {"kyma": {"version": 2}}, "while decoding request body: kyma.version"),
]


def bodies(suite, system):
    sent = []
    for name, body, stored in ACCEPTED:
        with suite.case(f"E2, {name}"):
            answer = upgrade(system, **body)
            equal(answer.status, 202, repr(answer))
            equal(set(answer.json), {"orchestrationID"})
            holds(answer.json, {"orchestrationID": UUID})
            sent.append((name, answer.json["orchestrationID"], stored))
            holds(system.orchestration(answer.json["orchestrationID"]), {"type": "upgradeCluster"})
    for name, orchestration_id, stored in sent:
        with suite.case(f"E2, {name}: what was stored"):
            [event] = events_of(system, orchestration_id, "accepted")
            equal(event["parameters"], {"targets": NOBODY, "strategy": STRATEGY, **stored})
            equal((event["lane"], event["version"]), ("cluster", ""))
            equal(system.ended(orchestration_id)["state"], "succeeded")
    for name, body, says in REFUSED:
        with suite.case(f"E2, 400: {name}"):
            answer = upgrade(system, **body)
            equal(answer.status, 400)
            if not answer.json["error"].startswith(says):
                raise AssertionError(answer)
    with suite.case("E2: 403 for an operator, 401 without a token"):
        answers = [system.ask("POST", "/upgrade/cluster", {"targets": NOBODY}, token=token).status
                   for token in (system.token("runtimeOperator"), None)]
        equal(answers, [403, 401])
    with suite.case("1.5: both types stand in one list"):
        pages = -(-system.get("/orchestrations?page_size=1")["totalCount"] // 100)
        types = {it["type"] for page in range(1, pages + 1)
                 for it in system.get(f"/orchestrations?page_size=100&page={page}")["data"]}
        equal(types, {"upgradeKyma", "upgradeCluster"})


def detail(system, orchestration_id, operation_id, status=200):
    return system.get(f"/orchestrations/{orchestration_id}/operations/{operation_id}", status)


def kyma_details(suite, system):
    system.import_fleet("ga-detail", ["detail-1", "detail-2"])
    dry = system.upgrade(include=[{"runtimeID": "detail-1"}], dryRun=True, kyma={"version": "2.4.2"})
    system.ended(dry)
    [operation] = system.operations(dry).values()
    shown = detail(system, dry, operation["operationID"])
    with suite.case("E8: the object of the list, and kymaConfig alone"):
        equal({name: shown[name] for name in OPERATION}, operation)
        equal(set(shown), OPERATION | {"kymaConfig"})
        holds(shown, {"dryRun": True, "state": "succeeded", "maintenanceWindowBegin": NO_WINDOW})
    with suite.case("E8: what a dry run would send, with nothing left out"):
        equal(set(shown["kymaConfig"]), set(KYMA_EMPTY))
        holds(shown["kymaConfig"], {"version": "2.4.2"})
        for component in shown["kymaConfig"]["components"]:
            equal(set(component), {"component", "namespace", "configuration", "sourceURL", "conflictStrategy"})
        for entry in shown["kymaConfig"]["configuration"] or []:
            equal(set(entry), {"key", "value", "secret"})
    with suite.case("E8: 404 for an unknown orchestration, with its own text, also where the operation is known"):
        for operation_id in ("nothing", operation["operationID"]):
            error = detail(system, "nothing", operation_id, 404)["error"]
            equal(error.startswith("while getting orchestration nothing: "), True, error)
    with suite.case("E8: 404 for an unknown operation"):
        error = detail(system, dry, "no-such", 404)["error"]
        equal(error.startswith("while getting operation no-such: "), True, error)
    with suite.case("D23: 404 for an operation of another orchestration, of the same and of the other type"):
        for other in (system.upgrade(include=[{"runtimeID": "nobody"}]),
                      upgrade(system).json["orchestrationID"]):
            has(detail(system, other, operation["operationID"], 404)["error"], "while getting operation ")
    with suite.case("1.8: operators may read, others may not"):
        path = f"/orchestrations/{dry}/operations/{operation['operationID']}"
        equal([system.ask("GET", path, token=token).status for token in (system.token("runtimeOperator"), None)],
              [200, 401])


def before_sending(suite, system):
    """One worker, and a slow runtime: what waits behind it was not sent yet."""
    system.import_fleet("ga-waits", ["slow-waits-1", "slow-waits-2"])
    with system.held("slow-waits-1", "slow-waits-2"):
        orchestration_id = system.upgrade(include=[{"globalAccount": "^ga-waits$"}], strategy=STRATEGY)
        wait_for("one of them runs", lambda: "in progress" in {
            it["state"] for it in system.operations(orchestration_id).values()})
        with suite.case("Q6: before anything is sent, every member of kymaConfig is there and empty"):
            [waiting] = [it for it in system.operations(orchestration_id).values() if it["state"] == "pending"]
            shown = detail(system, orchestration_id, waiting["operationID"])
            equal((shown["state"], shown["kymaConfig"]), ("pending", KYMA_EMPTY))
        system.cancel(orchestration_id)
    system.ended(orchestration_id)


def cluster_details(suite, system):
    system.import_fleet("ga-shoots", ["shoot-1"])
    orchestration_id = upgrade(system, targets={"include": [{"runtimeID": "shoot-1"}]}, dryRun=True,
                               kubernetes={"kubernetesVersion": "1.23.6"}).json["orchestrationID"]
    holds(system.ended(orchestration_id), {"state": "succeeded"})
    [operation] = system.operations(orchestration_id).values()
    shown = detail(system, orchestration_id, operation["operationID"])
    with suite.case("E8: of a cluster's upgrade clusterConfig alone, with nothing left out"):
        equal(set(shown), OPERATION | {"clusterConfig"})
        equal(set(shown["clusterConfig"]), set(CLUSTER_EMPTY))
    with suite.case("E8: what a cluster's dry run would send, on top of what the cluster has"):
        holds(shown["clusterConfig"], {"kubernetesVersion": "1.23.6"})
        equal(shown["clusterConfig"]["autoScalerMax"] > 0, True, shown)
        for name in ("name", "provider", "region", "machineType"):
            equal(shown["clusterConfig"][name], "", name)


def cases(suite, system):
    bodies(suite, system)
    kyma_details(suite, system)
    before_sending(suite, system)
    cluster_details(suite, system)
