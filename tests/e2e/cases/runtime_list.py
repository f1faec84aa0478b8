"""The list of runtimes (E9) beyond one page, with all kinds of operations and with configurations; whom selectors mean."""
import random
import time
import uuid

from harness import TIMESTAMP, equal, has, holds, runtime_line, wait_for

FLEET = 4000  # two blocks of places in each of twelve partitions
ENTRY = {"key", "value", "secret"}
COMPONENT = {"component", "namespace", "configuration", "sourceURL", "conflictStrategy"}
KYMA = {"version", "profile", "components", "configuration", "conflictStrategy"}
CLUSTER = {"name", "kubernetesVersion", "provider", "targetSecret", "region", "machineType", "workerCidr", "machineImage",
           "machineImageVersion", "diskType", "purpose", "licenceType", "seed", "exposureClassName", "volumeSizeGB",
           "autoScalerMin", "autoScalerMax", "maxSurge", "maxUnavailable", "enableKubernetesVersionAutoUpdate",
           "enableMachineImageVersionAutoUpdate", "allowPrivilegedContainers", "providerSpecificConfig", "dnsConfig",
           "oidcConfig"}


def instance_of(system, runtime_id):
    return system.sql(f"SELECT instance_id FROM api.instances WHERE runtime_id = '{runtime_id}'")


def report(system, runtime_id, kind, state, at_s=None, **members):
    """Tells the broker of an operation, as the provisioner does; gives its ID."""
    now_ms = int((time.time() if at_s is None else at_s) * 1000)
    operation = {"operationID": str(uuid.uuid4()), "type": kind, "state": state, "description": "reported",
                 "createdAt": now_ms, "updatedAt": now_ms, **members}
    instance_id = instance_of(system, runtime_id)
    system.produce("instances", instance_id, {"id": str(uuid.uuid4()), "type": "tidegate.instance.report.v1",
                                              "subject": instance_id, "data": {"operation": operation}})
    wait_for("the report is in", condition=lambda: system.sql(
        f"SELECT 1 FROM broker.instance WHERE instance_id = '{instance_id}' AND instance::text LIKE"
        f" '%{operation['operationID']}%'"))
    return operation["operationID"]


def import_anyhow(system, runtime_id, **members):
    """A line that the gateway would refuse."""
    instance_id = str(uuid.uuid4())
    line = runtime_line(runtime_id, globalAccount="ga-select", instanceID=instance_id, **members)
    system.produce("instances", instance_id, {"id": str(uuid.uuid4()), "type": "tidegate.instance.import.v1",
                                              "subject": instance_id, "data": {"line": line}})
    wait_for("it is imported", condition=lambda: instance_of(system, runtime_id))


def walk(system, query, size):
    """IDs and totals of all pages."""
    ids, totals, page = [], set(), 1
    while True:
        answer = system.get(f"/runtimes?page_size={size}&page={page}{query}")
        equal(answer["count"], len(answer["data"]), "count")
        totals.add(answer["totalCount"])
        ids += [runtime["runtimeID"] for runtime in answer["data"]]
        if answer["count"] == 0:
            return ids, totals
        page += 1


def in_order(system, condition):
    return system.sql(f"SELECT runtime_id FROM api.instances WHERE {condition} ORDER BY created_at, instance_id").split("\n")


def pages(suite, system):
    for name, query, condition in [("without suspended ones", "", "state <> 'suspended'"), ("all", "&state=all", "true")]:
        want = in_order(system, condition)
        for size in (100, 37):
            with suite.case(f"1.3, E9: pages of {size}, {name}: each once, in order, with the true total"):
                ids, totals = walk(system, query, size)
                equal(totals, {len(want)})
                equal(ids, want)
        with suite.case(f"1.3, E9: any page, {name}"):
            for page in random.sample(range(1, len(want) // 3), 40):
                answer = system.get(f"/runtimes?page_size=3&page={page}{query}")
                equal([runtime["runtimeID"] for runtime in answer["data"]], want[page * 3 - 3:page * 3], f"page {page}")
        with suite.case(f"1.3, E9: a page past the end, {name}"):
            equal(system.get(f"/runtimes?page=9000000000000{query}"),
                  {"data": [], "count": 0, "totalCount": len(want)})
    with suite.case("1.3, E9: a filter that all match gives the same list"):
        accounts = "".join(f"&account={name}" for name in
                           system.sql("SELECT DISTINCT global_account_id FROM api.instances").split("\n"))
        equal(walk(system, "&state=all" + accounts, 100)[0], in_order(system, "true"))
    with suite.case("1.3: creation times are in order and differ within a partition"):
        times = system.sql("SELECT count(*), count(DISTINCT (partition, created_at)) FROM api.instances").split("|")
        equal(times[0], times[1])
    with suite.case("blocks count what is in the lists"):
        equal(system.sql("SELECT sum(listed), sum(shown) FROM broker.block"),
              system.sql("SELECT count(*) FILTER (WHERE listed), count(*) FILTER (WHERE shown) FROM broker.place"))


def operations(suite, system):
    with suite.case("1.9: upgradingCluster, the newest two of all, newest first"):
        ids = [report(system, "list-2", "upgradeCluster", "succeeded", time.time() + i) for i in range(3)]
        status = system.runtime("list-2")["status"]
        holds(status, {"state": "succeeded", "createdAt": TIMESTAMP,
                       "upgradingCluster": {"totalCount": 3, "count": 2, "data": [
                           {"operationID": ids[2], "state": "succeeded", "description": "reported"},
                           {"operationID": ids[1]}]}})
        if "upgradingKyma" in status:
            raise AssertionError("an upgrade of Kyma")
    with suite.case("1.9: the newest operation of any kind decides the state, and is alone with op_detail=last"):
        kyma = report(system, "list-2", "upgradeKyma", "succeeded", time.time() + 10, kymaVersion="2.4.2")
        failed = report(system, "list-2", "upgradeCluster", "failed", time.time() + 11, orchestrationID="o-1")
        shown = system.runtime("list-2")
        equal(shown["status"]["state"], "error")
        equal(shown["kymaVersion"], "2.4.2")
        equal(shown["status"]["upgradingKyma"]["data"][0]["operationID"], kyma)
        last = system.runtime("list-2", "&op_detail=last")["status"]
        equal(set(last), {"createdAt", "modifiedAt", "state", "upgradingCluster"})
        holds(last["upgradingCluster"], {"count": 1, "totalCount": 1,
                                         "data": [{"operationID": failed, "orchestrationID": "o-1"}]})
        if "type" in last["upgradingCluster"]["data"][0]:
            raise AssertionError("type is never sent")
    with suite.case("1.9: state=upgrading takes upgrades of clusters"):
        report(system, "list-3", "upgradeCluster", "in progress")
        equal([r["runtimeID"] for r in system.get("/runtimes?state=upgrading&account=ga-list")["data"]], ["list-3"])
    with suite.case("1.9: suspended ones are hidden unless they are asked for, and counted so"):
        before = system.get("/runtimes?page_size=1")["totalCount"], system.get("/runtimes?state=all")["totalCount"]
        for i in range(0, FLEET, 400):
            report(system, f"list-{i}", "deprovision", "succeeded")
        equal((system.get("/runtimes?page_size=1")["totalCount"], system.get("/runtimes?state=all")["totalCount"]),
              (before[0] - FLEET // 400, before[1]))
        equal(system.get("/runtimes?account=ga-list")["totalCount"], FLEET - FLEET // 400)
        equal({r["runtimeID"] for r in system.get("/runtimes?state=suspended&account=ga-list")["data"]},
              {f"list-{i}" for i in range(0, FLEET, 400)})


def configurations(suite, system):
    with suite.case("1.9: kyma_config=true shows the whole configuration, secrets masked"):
        system.import_fleet("ga-config", ["config-1"], kymaConfig={
            "version": "2.3.0", "profile": "Production", "components": [
                {"component": "istio", "namespace": "istio-system",
                 "configuration": [{"key": "a", "value": "hidden", "secret": True}, {"key": "b", "value": "open"}]}]},
            clusterConfig={"kubernetesVersion": "1.20.8", "autoScalerMin": 2})
        runtime = system.runtime("config-1", "&kyma_config=true")
        config = runtime["kymaConfig"]
        equal(set(config), KYMA)
        equal(set(config["components"][0]), COMPONENT)
        equal([set(entry) for entry in config["components"][0]["configuration"]], [ENTRY, ENTRY])
        equal([entry["value"] for entry in config["components"][0]["configuration"]], ["*****", "open"])
        if "clusterConfig" in runtime:
            raise AssertionError("clusterConfig was not asked for")
    with suite.case("1.9: cluster_config=true shows the whole configuration, with the cluster's name"):
        runtime = system.runtime("config-1", "&cluster_config=true&op_detail=last")
        equal(set(runtime["clusterConfig"]), CLUSTER)
        holds(runtime["clusterConfig"], {"name": "c-config-1", "kubernetesVersion": "1.20.8", "autoScalerMin": 2,
                                         "autoScalerMax": runtime["clusterConfig"]["autoScalerMax"], "diskType": None})
        if "kymaConfig" in runtime:
            raise AssertionError("kymaConfig was not asked for")
    with suite.case("1.9: only the exact value true switches on"):
        runtime = system.runtime("config-1", "&kyma_config=TRUE&cluster_config=1&kyma_config=")
        equal({"kymaConfig", "clusterConfig"} & set(runtime), set())
    with suite.case("1.9: with configurations the list is the same"):
        plain = system.get("/runtimes?page_size=5&page=3")
        both = system.get("/runtimes?page_size=5&page=3&kyma_config=true&cluster_config=true")
        for runtime in both["data"]:
            equal(set(runtime["kymaConfig"]), KYMA)
            runtime.pop("kymaConfig")
            runtime.pop("clusterConfig", None)
        equal(both, plain)
        equal(system.get("/runtimes?page=9000&kyma_config=true")["totalCount"], plain["totalCount"])


def selectors(suite, system):
    def targets(include, **more):
        orchestration_id = system.upgrade(include=include, dryRun=True, **more)
        equal(system.ended(orchestration_id)["state"], "succeeded")
        return system.sql("SELECT include_index, runtime_id FROM orchestrator.operation WHERE orchestration_id ="
                          f" '{orchestration_id}' ORDER BY include_index, shoot_name").split("\n")

    system.import_fleet("ga-select", [f"select-{i}" for i in "edcba"])
    import_anyhow(system, "select-w", maintenanceWindowBegin="", maintenanceWindowEnd="020000+0000")
    import_anyhow(system, "select-h", maintenanceWindowBegin="220000+0000", maintenanceWindowEnd="")
    with suite.case("4: the first include selector that matches counts, each runtime once; unreadable windows are skipped"):
        equal(targets([{"runtimeID": "select-d"}, {"globalAccount": "^ga-select$"}]),
              ["0|select-d", "1|select-a", "1|select-b", "1|select-c", "1|select-e"])
    with suite.case("4: an exclude selector wins"):
        equal(targets([{"globalAccount": "^ga-select$"}], exclude=[{"shoot": "c-select-b"}, {"runtimeID": "select-e"}]),
              ["0|select-a", "0|select-c", "0|select-d"])
    with suite.case("4: deprovisioned ones are skipped, whatever came of it"):
        report(system, "select-c", "deprovision", "failed")
        equal(targets([{"globalAccount": "^ga-select$"}]), ["0|select-a", "0|select-b", "0|select-d", "0|select-e"])
    for pattern, place in [("(a", 3), ("a[", 2), ("a**", 2), (r"x\8", 2), ("a)", 2), ("(?=a)", 1)]:
        with suite.case(f"2.3: {pattern} is refused with its place, as a client counts it"):
            answer = system.ask("POST", "/upgrade/kyma", {"targets": {"include": [{"region": pattern}]}})
            equal(answer.status, 400)
            has(answer.json["error"], "while validating target: ")
            has(answer.json["error"], f"at character {place}")


def cases(suite, system):
    for first in range(0, FLEET, 500):  # in parts: a busy machine's Kafka answers a large one late
        system.import_fleet("ga-list", [f"list-{i}" for i in range(first, first + 500)])
    pages(suite, system)
    operations(suite, system)
    pages(suite, system)
    configurations(suite, system)
    selectors(suite, system)
