"""1.3 to 1.6 and 1.10: paging, orchestrations, operations, times."""
from contract.fleet import PLANS
from contract.rows import Row, Story
from contract.values import ABSENT, TIME, AnyOrder, Part, error
from harness import NO_WINDOW, shown_time

LISTS = {"E3": "/orchestrations", "E7": "/orchestrations/<first>/operations", "E9": "/runtimes"}

# row, query, text; on each list
PAGING_REFUSED = [
    ("1.3/page_size 1.3/empty", "page_size=", "pageSize has to be an integer"),
    ("1.3/page_size", "page_size=ten", "pageSize has to be an integer"),
    ("1.3/page_size", "page_size=1.5", "pageSize has to be an integer"),
    ("1.3/page_size", "page_size=0", "pageSize cannot be smaller than 1"),
    ("1.3/page_size", "page_size=-1", "pageSize cannot be smaller than 1"),
    ("1.3/page_size", "page_size=101", "pageSize is bigger than maxPage(100)"),
    ("1.3/page_size", "page_size=5&page_size=6", "pageSize has to be one parameter"),
    ("1.3/page 1.3/empty", "page=", "page has to be an integer"),
    ("1.3/page", "page=one", "page has to be an integer"),
    ("1.3/page", "page=0", "page cannot be smaller than 1"),
    ("1.3/page", "page=-3", "page cannot be smaller than 1"),
    ("1.3/page", "page=1&page=2", "page has to be one parameter"),
    ("1.3/empty", "page=0&page_size=0", "pageSize cannot be smaller than 1"),
]
PAGING = [Row(f"{shows}{' 1.9/page' if endpoint == 'E9' else ''}", f"{endpoint}: {query}", f"{path}?{query}", 400,
              error(f"while getting query parameters: {text}"))
          for endpoint, path in LISTS.items() for shows, query, text in PAGING_REFUSED]
PAGING += [
    Row("1.3/past", "E7: past the end", "/orchestrations/<first>/operations?page=5", 200,
        {"data": [], "count": 0, "totalCount": 3}),
    Row("1.3/past 1.9/page", "E9: past the end", "/runtimes?account=ga-page&page=3&page_size=5", 200,
        {"data": [], "count": 0, "totalCount": 9}),
    Row("1.3/past", "E9: far past the end", "/runtimes?account=ga-page&page=1099511627777", 200,
        {"data": [], "count": 0, "totalCount": 9}),
    Row("1.3/count 1.3/page_size", "E9: a full page", "/runtimes?account=ga-page&page_size=5", 200,
        Part(count=5, totalCount=9)),
    Row("1.3/count 1.3/page", "E9: the last page", "/runtimes?account=ga-page&page=2&page_size=5", 200,
        Part(count=4, totalCount=9)),
    Row("1.3/page_size 1.3/maximum", "E9: the maximum is at least 100", "/runtimes?account=ga-page&page_size=100", 200,
        Part(count=9, totalCount=9)),
    Row("1.3/page_size 1.3/page", "E9: the defaults", "/runtimes?account=ga-page", 200, Part(count=9, totalCount=9)),
]


def by_age(world, name, state="%"):
    """IDs of operations in the order of their creation: by selectors, then by names, one after the other."""
    return world.sql("SELECT operation_id FROM orchestrator.operation WHERE"
                     f" orchestration_id = '<{name}>' AND state LIKE '{state}'"
                     " ORDER BY created_at, include_index, shoot_name COLLATE \"C\", runtime_id COLLATE \"C\"").splitlines()


def ordered(world, got):
    """All three lists, page after page, until the counts reach the total."""
    for endpoint, path in {**LISTS, "E9": "/runtimes?account=ga-page&account=ga-read&account=ga-plans"}.items():
        seen, page, counts = [], 1, 0
        while page < 60:
            answer = world.get(f"{path}{'&' if '?' in path else '?'}page_size=2&page={page}")
            seen += answer["data"]
            counts += answer["count"]
            if answer["count"] != len(answer["data"]) or counts >= answer["totalCount"]:
                break
            page += 1
        key = {"E3": "orchestrationID", "E7": "operationID", "E9": "instanceID"}[endpoint]
        ids = [element[key] for element in seen]
        whole = [element[key] for element in world.get(path)["data"]]
        got[f"{endpoint} ends"] = counts == answer["totalCount"]
        got[f"{endpoint} once each"] = (len(set(ids)) == len(ids), ids[:100] == whole[:100]) == (True, True)
    data = world.get("/orchestrations")["data"]
    order = [(shown_time(o["createdAt"]), world.fill(o["orchestrationID"])) for o in data]
    got["oldest first"] = order == sorted(order)
    last = world.get("/orchestrations?page_size=1")["totalCount"]
    world.upgrade("newest", [{"runtimeID": "nobody"}])
    got["the newest"] = world.get(f"/orchestrations?page_size=1&page={last + 1}")["data"][0]["orchestrationID"]


# --- Orchestrations ---

SELECTED = {"targets": {"include": [{"globalAccount": "^ga-read$"}]},
            "strategy": {"type": "parallel", "schedule": "immediate", "parallel": {"workers": 3}},
            "kyma": {"version": "2.4.2"},
            "kubernetes": {"kubernetesVersion": "1.23.6", "machineImage": "", "machineImageVersion": ""}}
FIRST = {"orchestrationID": "<first>", "type": "upgradeKyma", "state": "failed",
         "description": "Scheduled 3 operations", "createdAt": TIME, "updatedAt": TIME, "parameters": SELECTED}
FIELDS_4 = " ".join(f"1.4/{name}" for name in FIRST)

ORCHESTRATIONS = [
    Row(f"{FIELDS_4} 1.4/operationStats 1.4/stats 3.3/scheduled 1.10/rfc3339 2.5/kyma 2.5/kubernetes",
        "E4: exactly this",
        "/orchestrations/<first>", 200, {**FIRST, "operationStats": {"failed": 1, "succeeded": 2}}),
    Row("1.4/operationStats Q2", "E3: without operationStats, with operations",
        "/orchestrations?page_size=1", 200, Part(data=[FIRST], count=1)),
    Row("1.4/operationStats Q2 3.1/zero 3.5/zero", "E4: without operationStats, without operations",
        "/orchestrations/<nothing>", 200, Part(operationStats=ABSENT, state="succeeded",
                                               description="Scheduled 0 operations")),
    Row("Q16", "E3: an object, not a bare array; words in lower case; year one", "/orchestrations?page_size=1", 200,
        Part(data=[Part(state="failed")], count=1)),
    *[Row("1.5/unknown 1.5/empty Q1", f"E3: {query}", f"/orchestrations?{query}", 200,
          {"data": [], "count": 0, "totalCount": 0})
      for query in ("state=FAILED", "state=", "state=in-progress", "state=inprogress")],
    Row("1.5/unknown 1.6/list", "E7: state=FAILED", "/orchestrations/<first>/operations?state=FAILED", 200,
        {"data": [], "count": 0, "totalCount": 0}),
]


def states(world, got):
    answers = {state: world.get(f"/orchestrations?state={state}") for state in ("failed", "succeeded")}
    both = world.get("/orchestrations?state=failed&state=succeeded")
    got["one state"] = sorted({o["state"] for o in answers["failed"]["data"]})
    got["two states"] = sorted({o["state"] for o in both["data"]})
    got["their sum"] = both["totalCount"] == sum(answer["totalCount"] for answer in answers.values())
    world.upgrade("of-clusters", [{"runtimeID": "nobody"}], lane="cluster")
    world.ended("of-clusters")
    got["both types"] = sorted({o["type"] for o in world.get("/orchestrations?type=upgradeKyma")["data"]})
    got["a cluster upgrade"] = world.get("/orchestrations/<of-clusters>")


def running(world, got):
    with world.system.held("slow-w0"):
        world.upgrade("running", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-w1"}])
        shown = world.has_state("running", "in progress")
        got["in+progress"] = [o["orchestrationID"] for o in world.get("/orchestrations?state=in+progress")["data"]]
        got["two states"] = [o["orchestrationID"] for o in
                             world.get("/orchestrations?state=in%20progress&state=canceling")["data"]]
        got["updatedAt at the start"] = shown["updatedAt"] == shown["createdAt"]
        world.upgrade("behind", [{"runtimeID": "nobody"}])
        got["pending"] = world.orchestration("behind")
        got["its operations"] = world.get("/orchestrations/<behind>/operations")
    ended = world.ended("running")
    got["updatedAt at the end"] = shown_time(ended["updatedAt"]) > shown_time(ended["createdAt"])
    ended = world.ended("behind")
    got["updatedAt without targets"] = ended["updatedAt"] == ended["createdAt"]


# --- Operations ---

OPERATION = {
    "operationID": "<first:read-1>", "runtimeID": "read-1", "globalAccountID": "ga-read", "subAccountID": "sa-ga-read",
    "orchestrationID": "<first>", "servicePlanID": PLANS["azure"], "servicePlanName": "azure", "dryRun": False,
    "shootName": "c-read-1", "maintenanceWindowBegin": NO_WINDOW, "maintenanceWindowEnd": NO_WINDOW,
    "state": "succeeded", "description": "Operation succeeded"}
FAILED = {**OPERATION, "operationID": "<first:bad-read>", "runtimeID": "bad-read", "shootName": "c-bad-read",
          "state": "failed",
          "description": "provisioner client returns failed status: istio: ingress gateway not ready"}
FIELDS_6 = " ".join(f"1.6/{name}" for name in ("operationID", "runtimeID", "accounts", "orchestrationID",
                                               "servicePlanID", "servicePlanName", "dryRun", "shootName", "window",
                                               "state", "description", "no-more"))
OPERATIONS = [
    Row(f"{FIELDS_6} 1.6/list Q3 1.10/none 5.2/immediate 3.3/o-message 6.4/succeeded 3.2/ended", "E7: exactly this",
        "/orchestrations/<first>/operations?state=succeeded", 200,
        {"data": AnyOrder(OPERATION, {**OPERATION, "operationID": "<first:read-2>", "runtimeID": "read-2",
                                      "shootName": "c-read-2"}), "count": 2, "totalCount": 2}),
    Row("1.6/list 3.3/o-failed 6.4/failed 3.2/ended 3.4/failed D17", "E7: the one that failed",
        "/orchestrations/<first>/operations?state=failed", 200, {"data": [FAILED], "count": 1, "totalCount": 1}),
    Row("1.6/list", "E7: two states", "/orchestrations/<first>/operations?state=failed&state=succeeded", 200,
        Part(count=3, totalCount=3)),
    Row("1.6/list", "E7: nothing in this state", "/orchestrations/<first>/operations?state=pending", 200,
        {"data": [], "count": 0, "totalCount": 0}),
    Row("1.6/unresolved 1.6/list", "E7: of one without operations", "/orchestrations/<nothing>/operations", 200,
        {"data": [], "count": 0, "totalCount": 0}),
]


def plans(world, got):
    world.upgrade("plans", [{"globalAccount": "^ga-plans$"}], dryRun=True, strategy={"parallel": {"workers": 20}})
    world.ended("plans")
    for runtime_id, operation in world.operations("plans").items():
        got[runtime_id.removeprefix("plan-")] = [operation["servicePlanName"], operation["servicePlanID"]]
    got["ties"] = [world.fill(one["operationID"])
                   for one in world.get("/orchestrations/<plans>/operations")["data"]] == (
        by_age(world, "plans"))


TESTS = [
    *PAGING, *ORCHESTRATIONS, *OPERATIONS,
    Story("page after page", ordered, {
        **{f"{endpoint} ends": ("1.3/loop", True) for endpoint in LISTS},
        **{f"{endpoint} once each": ("1.3/ties 1.3/order", True) for endpoint in LISTS},
        "oldest first": ("1.3/order Q5", True), "the newest": ("Q5 1.3/order", "<newest>")}),
    Story("states", states, {
        "one state": ("1.5/state", ["failed"]), "two states": ("1.5/state", ["failed", "succeeded"]),
        "their sum": ("1.5/state 1.3/count", True),
        "both types": ("1.5/types", ["upgradeCluster", "upgradeKyma"]),
        "a cluster upgrade": ("Q13 2.5/kyma 2.5/kubernetes 1.4/type", Part(
            type="upgradeCluster", state="succeeded", parameters=Part(
                kyma={"version": "2.4.2"},
                kubernetes={"kubernetesVersion": "1.23.6", "machineImage": "", "machineImageVersion": ""})))}),
    Story("one that runs", running, {
        "in+progress": ("1.1/form 1.5/state", ["<running>"]), "two states": ("1.5/state", ["<running>"]),
        "updatedAt at the start": ("1.4/updatedAt", True), "updatedAt at the end": ("1.4/updatedAt", True),
        "updatedAt without targets": ("1.4/updatedAt", True),
        "pending": ("3.1/created 3.3/queued 3.4/one D33 1.4/operationStats 2.4/complete 2.4/absent", {
            "orchestrationID": "<behind>", "type": "upgradeKyma", "state": "pending",
            "description": "queued for processing", "createdAt": TIME, "updatedAt": TIME,
            "parameters": {"targets": {"include": [{"runtimeID": "nobody"}]}, "strategy": {
                "type": "parallel", "schedule": "immediate", "parallel": {"workers": 1}}}}),
        "its operations": ("1.6/unresolved 3.4/one", {"data": [], "count": 0, "totalCount": 0})}),
    Story("plans", plans, {"ties": ("1.3/ties 1.3/order 3.4/order", True),
                           **{plan: (f"1.6/{plan} 1.6/servicePlanID 1.6/servicePlanName", [plan, plan_id])
                           for plan, plan_id in PLANS.items()}}),
]
