"""E2, 1.7 clusterConfig, 6.3: upgrades of clusters."""
import json

from contract.detail import detail
from contract.rows import Story
from contract.values import Part, error, like
from harness import wait_for

EMPTY = {
    **dict.fromkeys(("name", "kubernetesVersion", "provider", "targetSecret", "region", "machineType", "workerCidr"),
                    ""),
    **dict.fromkeys(("machineImage", "machineImageVersion", "diskType", "purpose", "licenceType", "seed",
                     "exposureClassName", "volumeSizeGB", "enableKubernetesVersionAutoUpdate",
                     "enableMachineImageVersionAutoUpdate", "allowPrivilegedContainers", "providerSpecificConfig",
                     "dnsConfig", "oidcConfig")),
    **dict.fromkeys(("autoScalerMin", "autoScalerMax", "maxSurge", "maxUnavailable"), 0)}
FILLED = ("kubernetesVersion", "machineImage", "machineImageVersion", "autoScalerMin", "autoScalerMax", "maxSurge",
          "maxUnavailable", "enableKubernetesVersionAutoUpdate", "enableMachineImageVersionAutoUpdate", "oidcConfig")
ALL = {"kubernetesVersion": "1.24.1", "machineImage": "ubuntu", "machineImageVersion": "22.4.0"}


def cluster_of(world, runtime_id):
    """The cluster as the provisioner has it."""
    return json.loads(world.sql(f"SELECT cluster_config FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"))


def upgraded(world, got):
    before = cluster_of(world, "cl-1")
    administrators = world.sql("SELECT administrators FROM api.runtime_status WHERE runtime_id = 'cl-1'")
    world.upgrade("clusters", [{"globalAccount": "^ga-cluster$"}], lane="cluster", kubernetes=ALL,
                  strategy={"parallel": {"workers": 3}})
    ended = world.ended("clusters")
    got["whole"] = {name: ended[name] for name in ("type", "state", "description", "operationStats")}
    got["parameters"] = ended["parameters"]["kubernetes"]
    operations = world.call_operations("clusters")
    got["operations"] = {runtime_id: [it["state"], it["description"]] for runtime_id, it in operations.items()}
    shown = detail(world, "clusters", "cl-1")
    got["other configuration"] = "kymaConfig" in shown
    config = shown["clusterConfig"]
    got["asked for"] = {name: config[name] for name in ALL}
    got["empty"] = {name: value for name, value in config.items() if name not in FILLED}
    got["members"] = sorted(config) == sorted(EMPTY)
    after = cluster_of(world, "cl-1")
    got["sent"] = {name: after[name] for name in ALL}
    scaling = ("autoScalerMin", "autoScalerMax", "maxSurge", "maxUnavailable")
    got["scaling"] = [config[name] == before[name] == after[name] for name in scaling]
    got["updates"] = [config[name] for name in ("enableKubernetesVersionAutoUpdate",
                                                "enableMachineImageVersionAutoUpdate")]
    got["oidc"] = config["oidcConfig"] == before.get("oidcConfig") == after.get("oidcConfig")
    got["administrators"] = world.sql("SELECT administrators FROM api.runtime_status WHERE runtime_id = 'cl-1'") == (
        administrators)
    runtime = world.get("/runtimes?runtime_id=cl-1&op_detail=last&cluster_config=true")["data"][0]
    got["runtime"] = {"state": runtime["status"]["state"],
                      "upgradingCluster": runtime["status"].get("upgradingCluster"),
                      "kubernetesVersion": runtime.get("clusterConfig", {}).get("kubernetesVersion")}
    bad = world.get("/runtimes?runtime_id=bad-cl&op_detail=last")["data"][0]["status"]
    got["failed one"] = bad["state"]
    got["of another type"] = world.shape(world.ask("GET", "/orchestrations/<first>/operations/<clusters:cl-1>"))
    got["and the other way round"] = world.shape(world.ask("GET",
                                                           "/orchestrations/<clusters>/operations/<first:read-1>"))


def each_falls_back(world, got):
    for name, asked in [("neither", None), ("an image alone", {"machineImage": "suse"}),
                        ("a version alone", {"kubernetesVersion": "1.24.3"})]:
        world.upgrade(name, [{"runtimeID": "cl-3"}], lane="cluster", **({"kubernetes": asked} if asked else {}))
        state = world.ended(name)["state"]
        config, sent = detail(world, name, "cl-3")["clusterConfig"], cluster_of(world, "cl-3")
        got[name] = [state, {member: config[member] for member in ALL}]
        got[f"{name}: sent"] = {member: sent[member] for member in ("machineImage", "machineImageVersion")}


def before(world, got):
    with world.system.held("slow-w0"):
        world.upgrade("unsent-clusters", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-w1"}], lane="cluster",
                      kubernetes=ALL)
        world.operation_has("unsent-clusters", "slow-w0", "in progress")
        got["pending"] = detail(world, "unsent-clusters", "slow-w1")["clusterConfig"]
        got["described"] = wait_for("it is described", lambda: (text := world.operations("unsent-clusters")["slow-w0"][
            "description"]) != "Operation created" and text)
    world.ended("unsent-clusters")


def dry(world, got):
    was, sent = cluster_of(world, "cl-2"), world.sql("SELECT count(*) FROM provisioner.operation")
    world.upgrade("dry-clusters", [{"runtimeID": "cl-2"}], lane="cluster", dryRun=True, kubernetes=ALL)
    got["state"] = world.ended("dry-clusters")["state"]
    shown = detail(world, "dry-clusters", "cl-2")
    got["operation"] = [shown["state"], shown["description"]]
    got["would be sent"] = {name: shown["clusterConfig"][name] for name in ALL}
    got["scaling"] = shown["clusterConfig"]["autoScalerMax"] == was["autoScalerMax"]
    got["nothing sent"] = [cluster_of(world, "cl-2") == was,
                           world.sql("SELECT count(*) FROM provisioner.operation") == sent]
    got["not in runtimes"] = [one["orchestrationID"]
                              for one in world.get("/runtimes?runtime_id=cl-2")["data"][0]["status"]
                              .get("upgradingCluster", {}).get("data",
                                                               []) if one["orchestrationID"] == "<dry-clusters>"]


def retried(world, got):
    got["answer"] = world.shape(world.retry("clusters"))
    ended = world.ended("clusters")
    got["ended"] = [ended["state"], ended["description"], ended["operationStats"]]
    got["sent again"] = world.sql("SELECT attempt FROM provisioner.operation WHERE operation_id = '<clusters:bad-cl>'")
    got["parameters"] = ended["parameters"]["kubernetes"]


NOT_FOUND = {"status": 404, "body": error(like("while getting operation "))}
UPGRADED = {"state": "succeeded", "description": "Operation succeeded", "createdAt": like("", "2.*Z"),
            "operationID": "<clusters:cl-1>", "orchestrationID": "<clusters>"}
DONE = ["succeeded", "Operation succeeded"]
SETTINGS = {"machineImage": "gardenlinux", "machineImageVersion": "500.1.0"}
TESTS = [
    Story("an upgrade", upgraded, {
        "whole": ("E2 1.4/type 3.3/scheduled", {"type": "upgradeCluster", "state": "failed", "description":
                                                "Scheduled 3 operations",
                                                "operationStats": {"failed": 1, "succeeded": 2}}),
        "parameters": ("2.2/kubernetes 2.5/kubernetes", ALL),
        "operations": ("3.3/o-message 3.3/o-failed 6.4/failed 6.4/succeeded", {
            "cl-1": DONE, "cl-2": DONE,
            "bad-cl": ["failed", "provisioner client returns failed status: shoot: nodes not ready"]}),
        "other configuration": ("1.7/clusterConfig", False), "asked for": ("D2 1.7/cluster-filled", ALL),
        "empty": ("1.7/cluster-filled 1.7/cluster-members", {name: value for name, value in EMPTY.items()
                                                             if name not in FILLED}),
        "members": ("1.7/cluster-members", True), "sent": ("D2 6.3/kubernetesVersion 6.3/machineImage", ALL),
        "scaling": ("6.3/scaling 1.7/cluster-filled", [True] * 4),
        "updates": ("6.3/auto-update 1.7/cluster-filled", [False, False]),
        "oidc": ("6.3/oidcConfig 1.7/cluster-filled", True), "administrators": ("6.3/administrators", True),
        "runtime": ("D25 1.9/newest-config 1.9/content-last 1.9/upgrading", {
            "state": "succeeded", "upgradingCluster": {"data": [UPGRADED], "totalCount": 1, "count": 1},
            "kubernetesVersion": "1.24.1"}),
        "failed one": ("1.9/derived 1.9/error", "error"), "of another type": ("1.7/foreign D23", NOT_FOUND),
        "and the other way round": ("1.7/foreign D23", NOT_FOUND)}),
    Story("what is not asked for", each_falls_back, {
        "an image alone": ("D2 6.3/machineImage 6.3/kubernetesVersion", [
            "succeeded", {"kubernetesVersion": "1.23.6", "machineImage": "suse", "machineImageVersion": "500.1.0"}]),
        "an image alone: sent": ("D2 6.3/machineImage", {"machineImage": "suse", "machineImageVersion": "500.1.0"}),
        "a version alone": ("D2 6.3/kubernetesVersion", ["succeeded", {"kubernetesVersion": "1.24.3", **SETTINGS}]),
        "a version alone: sent": ("D2 6.3/machineImage", SETTINGS),
        "neither": ("D2 6.3/kubernetesVersion", ["succeeded", {"kubernetesVersion": "1.23.6", **SETTINGS}]),
        "neither: sent": ("6.3/machineImage", SETTINGS)}),
    Story("before anything is sent", before, {"pending": ("1.7/before Q6 1.7/cluster-members", EMPTY),
                                              "described": ("3.3/o-upgrade", "cluster upgrade in progress")}),
    Story("a dry run", dry, {
        "state": ("3.7/records", "succeeded"), "operation": ("3.7/records 3.3/o-dry Q7", [
            "succeeded", "dry run succeeded"]),
        "would be sent": ("3.7/shown 1.7/dry D2", ALL), "scaling": ("1.7/dry 6.3/scaling", True),
        "nothing sent": ("3.7/nothing D3", [True, True]),
        "not in runtimes": ("1.9/content-all 1.9/newest-config", [])}),
    Story("a retry", retried, {
        "answer": ("E6 3.6/answer", Part(status=202, body=Part(retryOperations=["<clusters:bad-cl>"]))),
        "ended": ("3.3/retried", ["failed", "Scheduled 3 operations, retried 1 operations",
                                  {"failed": 1, "succeeded": 2}]),
        "sent again": ("3.6/keeps", "2"), "parameters": ("2.5/kept", ALL)}),
]
