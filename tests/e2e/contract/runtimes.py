"""1.9: the runtimes: filters, the object, its operations."""
import provisioning
from contract import windows
from contract.fleet import PLANS
from contract.rows import Row, Story
from contract.values import ABSENT, ID, TIME, AnyOrder, Part, error, like
from harness import shown_time, wait_for

SERVICE_CLASS = "47c9dcbf-ff30-448e-ab36-d3bad66ba281"


def ids(*runtime_ids):
    """A page of just these."""
    return Part(data=AnyOrder(*(Part(runtimeID=runtime_id) for runtime_id in runtime_ids)), count=len(runtime_ids),
                totalCount=len(runtime_ids))


# row, query, who is listed
FILTERS = [
    ("1.9/account", "account=ga-read", ["read-1", "read-2", "bad-read"]),
    ("1.9/account", "account=GA-READ", []),
    ("1.9/account", "account=ga-rea", []),
    ("1.9/subaccount", "subaccount=sa-ga-read", ["read-1", "read-2", "bad-read"]),
    ("1.9/subaccount", "subaccount=sa-ga", []),
    ("1.9/instance_id", "instance_id=<instance:read-2>", ["read-2"]),
    ("1.9/instance_id", "instance_id=read-2", []),
    ("1.9/runtime_id", "runtime_id=bad-read", ["bad-read"]),
    ("1.9/runtime_id D27", "runtime_id=%22%7D%7B%5C%27%3B--", []),
    ("1.9/region", "region=northeurope", ["sel-2"]),
    ("1.9/region", "region=north", []),
    ("1.9/plan", "plan=openstack", ["plan-openstack"]),
    ("1.9/plan", "plan=OpenStack", []),
    ("1.9/shoot D36", "shoot=c-read-1", ["read-1"]),
    ("1.9/shoot D36", "shoot=c-read", []),
    ("1.9/shoot D36", "shoot=c-read-.", []),
    ("1.9/shoot D36", "shoot=%28%5B", []),
    ("1.9/combined", "runtime_id=read-1&runtime_id=read-2&account=ga-read&account=ga-nobody", ["read-1", "read-2"]),
    ("1.9/combined", "account=ga-read&plan=trial", []),
    ("1.9/combined", "account=ga-read&plan=azure&region=westeurope&state=error", ["bad-read"]),
    ("1.9/error D26", "account=ga-read&state=error", ["bad-read"]),
    ("1.9/succeeded D26", "account=ga-read&state=succeeded", ["read-1", "read-2"]),
    ("1.9/failed", "account=ga-read&state=failed", []),
    ("1.9/combined", "account=ga-read&state=error&state=succeeded", ["read-1", "read-2", "bad-read"]),
    ("1.9/all", "account=ga-read&state=error&state=all", ["read-1", "read-2", "bad-read"]),
    ("1.9/pending-alone D24", "account=ga-page&state=all&op_detail=last&runtime_id=page-0", ["page-0"]),
    ("1.9/absent", "account=ga-read", ["read-1", "read-2", "bad-read"]),
]
LISTED = [Row(shows, query, f"/runtimes?{query}", 200, ids(*runtime_ids)) for shows, query, runtime_ids in FILTERS]
LISTED += [
    Row("1.9/unknown D26", "an unknown state", "/runtimes?state=sleeping", 400, error(like("", ".*sleeping.*"))),
    Row("1.9/unknown D26", "an unknown state beside a known one", "/runtimes?state=failed&state=Failed", 400,
        error(like("", ".*Failed.*"))),
]

UPGRADED = {"state": "succeeded", "description": "Operation succeeded", "createdAt": TIME,
            "operationID": "<first:read-1>", "orchestrationID": "<first>"}
STATUS_LAST = {"createdAt": TIME, "modifiedAt": TIME, "state": "succeeded",
               "upgradingKyma": {"data": [UPGRADED], "totalCount": 1, "count": 1}}
RUNTIME_LAST = {
    "instanceID": "<instance:read-1>", "runtimeID": "read-1", "globalAccountID": "ga-read",
    "subscriptionGlobalAccountID": "", "subAccountID": "sa-ga-read", "region": "westeurope",
    "subAccountRegion": "cf-eu10", "shootName": "c-read-1", "serviceClassID": SERVICE_CLASS,
    "serviceClassName": "kymaruntime", "servicePlanID": PLANS["azure"], "servicePlanName": "azure",
    "provider": "Azure", "status": STATUS_LAST, "userID": "", "avsInternalEvaluationID": 0}
RUNTIME = {**RUNTIME_LAST, "kymaVersion": "2.4.2", "status": Part(STATUS_LAST)}
FIELDS = ("1.9/ids 1.9/r-region 1.9/subAccountRegion 1.9/shootName 1.9/service 1.9/r-status 1.9/userID"
          " 1.9/avsInternalEvaluationID")
FAILED_LAST = Part(status=Part(state="error", upgradingKyma={
    "data": [{**UPGRADED, "state": "failed", "operationID": "<first:bad-read>", "description":
              "provisioner client returns failed status: istio: ingress gateway not ready"}],
    "totalCount": 1, "count": 1}), kymaVersion=ABSENT)

OBJECTS = [
    Row(f"{FIELDS} 1.9/kymaVersion 1.9/status-members 1.9/operation 1.9/content-all", "everything, exactly",
        "/runtimes?runtime_id=read-1", 200, {"data": [RUNTIME], "count": 1, "totalCount": 1}),
    Row(f"{FIELDS} 1.9/content-last 1.9/version-last 1.9/op_detail 1.9/derived", "op_detail=last, exactly",
        "/runtimes?runtime_id=read-1&op_detail=last", 200, {"data": [RUNTIME_LAST], "count": 1, "totalCount": 1}),
    Row("1.9/op_detail", "the last known value wins: last",
        "/runtimes?runtime_id=read-1&op_detail=all&op_detail=last&op_detail=some", 200,
        Part(data=[Part(kymaVersion=ABSENT)])),
    Row("1.9/op_detail Q15", "the last known value wins: all",
        "/runtimes?runtime_id=read-1&op_detail=last&op_detail=all",
        200, Part(data=[Part(kymaVersion="2.4.2")])),
    Row("1.9/op_detail Q15 1.9/version-all", "all is the default; unknown values do not matter",
        "/runtimes?runtime_id=read-1&op_detail=Last", 200, Part(data=[Part(kymaVersion="2.4.2")])),
    Row("1.9/derived 1.9/content-last D26 1.9/operation", "a failed upgrade is an error",
        "/runtimes?runtime_id=bad-read&op_detail=last", 200, Part(data=[FAILED_LAST])),
    Row("1.9/r-configs 1.9/configs", "no configurations without asking", "/runtimes?runtime_id=read-1", 200,
        Part(data=[Part(kymaConfig=ABSENT, clusterConfig=ABSENT)])),
    Row("1.9/configs", "nor with other words than true",
        "/runtimes?runtime_id=read-1&kyma_config=True&cluster_config=1",
        200, Part(data=[Part(kymaConfig=ABSENT, clusterConfig=ABSENT)])),
    Row("1.9/configs 1.9/r-configs 1.9/newest-config D25", "the configuration that was sent",
        "/runtimes?runtime_id=read-1&kyma_config=true", 200,
        Part(data=[Part(kymaConfig=Part(version="2.4.2"), clusterConfig=ABSENT)])),
    Row("1.9/configs 1.9/r-configs", "the cluster's", "/runtimes?runtime_id=read-1&cluster_config=true", 200,
        Part(data=[Part(kymaConfig=ABSENT, clusterConfig=Part(name="c-read-1"))])),
    Row("1.7/masked", "kyma_config: secret values are masked", "/runtimes?runtime_id=sec-1&kyma_config=true", 200,
        Part(data=[Part(kymaConfig=Part(configuration=[
            Part(key="global.password", value=like("", "(?!pl4nted).*"), secret=True),
            Part(key="global.colour", value="blue")]))])),
]


def shown(world, runtime_id, query=""):
    return world.get(f"/runtimes?runtime_id={runtime_id}&state=all{query}")["data"][0]


def newest_two(world, got):
    for i, version in enumerate(("2.4.2", "1.11.0", "2.3.0")):
        world.upgrade(f"version-{i}", [{"runtimeID": "ver-1"}], kyma={"version": version})
        world.ended(f"version-{i}")
    world.upgrade("version-dry", [{"runtimeID": "ver-1"}], kyma={"version": "2.4.2"}, dryRun=True)
    world.ended("version-dry")
    wait_for("the instance knows", lambda: shown(world, "ver-1")["status"]["upgradingKyma"]["totalCount"] == 3 and
             shown(world, "ver-1")["status"]["upgradingKyma"]["data"][0]["state"] == "succeeded")
    upgrades = shown(world, "ver-1")
    got["upgrades"] = {"count": upgrades["status"]["upgradingKyma"]["count"],
                       "total": upgrades["status"]["upgradingKyma"]["totalCount"],
                       "which": [one["orchestrationID"] for one in upgrades["status"]["upgradingKyma"]["data"]]}
    got["version"] = upgrades["kymaVersion"]
    got["configuration"] = shown(world, "ver-1", "&kyma_config=true").get("kymaConfig", {}).get("version")


def upgrading(world, got):
    with world.system.held("slow-w0"):
        world.upgrade("seen-running", [{"runtimeID": "slow-w0"}])
        world.has_state("seen-running", "in progress")
        got["shown"] = wait_for("upgrading", condition=lambda:
                                (state := shown(world, "slow-w0")["status"]["state"]) == "upgrading" and state)
        page = world.get("/runtimes?state=upgrading&account=ga-workers")
        got["listed"] = [runtime["runtimeID"] for runtime in page["data"]]
    world.ended("seen-running")
    ended = wait_for("it has ended", condition=lambda:
                     (it := shown(world, "slow-w0"))["status"]["state"] == "succeeded" and it)
    newest = ended["status"]["upgradingKyma"]["data"][0]
    got["modified after it was created"] = shown_time(ended["status"]["modifiedAt"]) > shown_time(newest["createdAt"])


def never_sent(world, got):
    """An upgrade that fails before the provisioner hears of it: its runtime has no window."""
    world.upgrade("unplanned", [{"runtimeID": "unplanned-1"}], strategy={"schedule": "maintenanceWindow"})
    world.has_state("unplanned", "failed")
    failed = wait_for("an error", condition=lambda: (
        it := shown(world, "unplanned-1", "&op_detail=last"))["status"]["state"] == "error" and it)
    operation = world.operations("unplanned")["unplanned-1"]
    [newest] = failed["status"]["upgradingKyma"]["data"]
    got["the operation"] = {name: newest[name] == operation[name] for name in ("operationID", "state", "description",
                                                                               "orchestrationID")}
    got["listed"] = [it["runtimeID"] for it in world.get("/runtimes?account=ga-unplanned&state=error")["data"]]
    got["not listed"] = world.get("/runtimes?account=ga-unplanned&state=succeeded")["totalCount"]
    got["version"] = shown(world, "unplanned-1")["kymaVersion"]


def waiting(world, got):
    """Upgrades of which the provisioner has not heard: the lists have them, newest first, and count them."""
    windows.imported(world, "ga-waiting", {"bad-waiting": windows.in_hours(5, 1), "bad-again": None})
    include = [{"runtimeID": "bad-waiting"}]
    for name in ("tried-1", "tried-2"):
        world.upgrade(name, [{"globalAccount": "^ga-waiting$"}], strategy={"parallel": {"workers": 2}})
        world.ended(name)
    world.upgrade("tried-dry", include, dryRun=True)
    world.ended("tried-dry")
    world.upgrade("tried-cluster", include, "cluster", strategy=windows.WINDOWS)
    world.upgrade("waiting", include, strategy=windows.WINDOWS)
    for name in ("tried-cluster", "waiting"):
        windows.scheduled(world, name, 1)
    for name in ("tried-1", "tried-2", "waiting", "tried-cluster"):
        world.call_operations(name)
    world.retry("tried-2", "<tried-2:bad-again>")
    got["retried"] = shown(world, "bad-again")["status"]["upgradingKyma"]
    got["pending"] = shown(world, "bad-waiting")["status"]["upgradingKyma"]
    got["of the cluster"] = shown(world, "bad-waiting")["status"]["upgradingCluster"]
    got["configured"] = shown(world, "bad-waiting", "&kyma_config=true")["status"]["upgradingKyma"]
    got["in the list of all"] = [it["status"]["upgradingKyma"]["totalCount"] for it in world.get(
        "/runtimes?page_size=100&state=all")["data"] if it["runtimeID"] == "bad-waiting"]
    got["last"] = shown(world, "bad-waiting", "&op_detail=last")["status"]["upgradingKyma"]["data"][0]["operationID"]
    for name in ("waiting", "tried-cluster"):
        world.cancel(name)
        world.ended(name)
    world.ended("tried-2")
    got["canceled"] = shown(world, "bad-waiting")["status"]["upgradingKyma"]
    direct = provisioning.data(world.system, provisioning.upgrade_text("bad-waiting", provisioning.kyma()),
                               tenant="ga-waiting")["result"]
    world.call("direct", direct["id"])
    got["direct"] = wait_for("the instance knows", condition=lambda: (
        it := shown(world, "bad-waiting")["status"]["upgradingKyma"])["totalCount"] == 4 and
        it["data"][0]["state"] == "failed" and it)


def deprovision(world, runtime_id, tenant="ga-gone"):
    return provisioning.data(world.system, provisioning.simple_text("deprovisionRuntime", runtime_id, ""),
                             tenant=tenant)["result"]


def deprovisioned(world, got):
    with world.system.held("slow-gone-b"):
        slow = deprovision(world, "slow-gone-b")
        world.call("deprovisioning", slow)
        got["while it runs"] = wait_for("deprovisioning", condition=lambda:
                                        (state := shown(world, "slow-gone-b")["status"]["state"]) ==
                                        "deprovisioning" and state)
        got["listed while it runs"] = [one["runtimeID"] for one in
                                       world.get("/runtimes?account=ga-gone&state=deprovisioning")["data"]]
    deprovision(world, "gone-1")
    deprovision(world, "stuck-gone")
    for runtime_id, state in [("gone-1", "suspended"), ("stuck-gone", "failed"), ("slow-gone-b", "suspended")]:
        wait_for(f"{runtime_id} is listed as {state}", condition=lambda runtime_id=runtime_id, state=state:
                 world.get(f"/runtimes?runtime_id={runtime_id}&state={state}")["totalCount"] == 1)
    for state in ("suspended", "failed", "all"):
        got[state] = sorted(one["runtimeID"] for one in world.get(f"/runtimes?account=ga-gone&state={state}")["data"])
    got["absent"] = sorted(one["runtimeID"] for one in world.get("/runtimes?account=ga-gone")["data"])
    got["the failed one"] = shown(world, "stuck-gone", "&op_detail=last")["status"]
    got["its operation"] = shown(world, "slow-gone-b", "&op_detail=last")["status"]


def upgrades(total, data):
    return {"data": data, "totalCount": total, "count": len(data)}


WAITING = "1.9/pending-too 1.9/content-all 1.9/operation"
WAITS = {"state": "pending", "description": "Operation created", "createdAt": TIME,
         "operationID": "<waiting:bad-waiting>", "orchestrationID": "<waiting>"}
TRIED = {**WAITS, "state": "failed", "description": like("", ".*not ready"), "operationID": "<tried-2:bad-waiting>",
         "orchestrationID": "<tried-2>"}
DEPROVISIONING = {"state": "succeeded", "description": like(""), "createdAt": TIME, "operationID": ID}
TESTS = [
    *LISTED, *OBJECTS,
    Story("three upgrades and a dry run", newest_two, {
        "upgrades": ("1.9/content-all", {"count": 2, "total": 3, "which": ["<version-2>", "<version-1>"]}),
        "version": ("1.9/version-all 6.2/request 2.2/version", "2.3.0"),
        "configuration": ("1.9/newest-config D25", "2.3.0")}),
    Story("an upgrade that runs", upgrading, {
        "shown": ("1.9/derived 1.9/upgrading", "upgrading"), "listed": ("1.9/upgrading D26", ["slow-w0"]),
        "modified after it was created": ("1.9/modifiedAt", True)}),
    Story("an upgrade that is never sent", never_sent, {
        "the operation": ("1.9/content-last 1.9/operation", dict.fromkeys(
            ("operationID", "state", "description", "orchestrationID"), True)),
        "listed": ("1.9/error D26", ["unplanned-1"]), "not listed": ("1.9/succeeded D26", 0),
        "version": ("1.9/version-all", "2.3.0")}),
    Story("upgrades that wait", waiting, {
        "retried": (WAITING, upgrades(2, [
            {**WAITS, "state": "retrying", "description": "queued for retrying", "operationID": "<tried-2:bad-again>",
             "orchestrationID": "<tried-2>"}, Part(orchestrationID="<tried-1>", state="failed")])),
        "pending": (WAITING, upgrades(3, [WAITS, TRIED])), "configured": (WAITING, upgrades(3, [WAITS, TRIED])),
        "in the list of all": (WAITING, [3]), "last": ("1.9/content-last D26", "<tried-2:bad-waiting>"),
        "of the cluster": (WAITING, upgrades(1, [{**WAITS, "operationID": "<tried-cluster:bad-waiting>",
                                                  "orchestrationID": "<tried-cluster>"}])),
        "canceled": (WAITING, upgrades(3, [{**WAITS, "state": "canceled", "description": "Operation was canceled"},
                                           TRIED])),
        "direct": (WAITING, upgrades(4, [
            {"state": "failed", "description": like("", ".*not ready"), "createdAt": TIME, "operationID": "<direct>"},
            Part({**WAITS, "state": "canceled", "description": "Operation was canceled"})]))}),
    Story("deprovisionings", deprovisioned, {
        "while it runs": ("1.9/derived", "deprovisioning"),
        "listed while it runs": ("1.9/provisioning", ["slow-gone-b"]),
        "suspended": ("1.9/suspended Q15", ["gone-1", "slow-gone-b"]), "failed": ("1.9/failed", ["stuck-gone"]),
        "all": ("1.9/all Q15", ["gone-1", "slow-gone-a", "slow-gone-b", "stay-1", "stuck-gone"]),
        "absent": ("1.9/absent Q15", ["slow-gone-a", "stay-1", "stuck-gone"]),
        "the failed one": ("1.9/derived 1.9/status-members 1.9/operation", {
            "createdAt": TIME, "modifiedAt": TIME, "state": "failed", "deprovisioning": {
                **DEPROVISIONING, "state": "failed", "description": like("", ".*bucket not empty.*")}}),
        "its operation": ("1.9/content-last", Part(deprovisioning={**DEPROVISIONING,
                                                                   "operationID": "<deprovisioning>"}))}),
]
