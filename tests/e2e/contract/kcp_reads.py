"""7.3: what the kcp client makes of answers: its decoder, and the members that its tables need."""
import datetime
import re

from contract.kcp import PAGE, Sent, send
from contract.rows import Story
from contract.values import ABSENT, Part, error, like

ZERO = {str: "", int: 0, bool: False, list: [], dict: {}}
TIMES = {"createdAt", "updatedAt", "modifiedAt", "maintenanceWindowBegin", "maintenanceWindowEnd"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

TARGETS = {"include": [{"target": str, "globalAccount": str, "region": str, "runtimeID": str}], "exclude": [dict]}
ORCHESTRATION = {
    "orchestrationID": str, "type": str, "state": str, "description": str, "createdAt": str, "updatedAt": str,
    "parameters": {"dryRun": bool, "targets": TARGETS, "kyma": {"version": str},
                   "kubernetes": {"kubernetesVersion": str},
                   "strategy": {"type": str, "schedule": str, "parallel": {"workers": int}}},
    "operationStats": dict}
OPERATION = {
    "operationID": str, "runtimeID": str, "globalAccountID": str, "subAccountID": str, "orchestrationID": str,
    "servicePlanID": str, "servicePlanName": str, "dryRun": bool, "shootName": str, "maintenanceWindowBegin": str,
    "maintenanceWindowEnd": str, "state": str, "description": str, "kymaConfig": {"version": str},
    "clusterConfig": {"kubernetesVersion": str}}
STEP = {"state": str, "createdAt": str, "operationID": str}
STEPS = {"data": [STEP], "totalCount": int, "count": int}
RUNTIME = {
    "globalAccountID": str, "subAccountID": str, "shootName": str, "region": str, "servicePlanName": str,
    "subscriptionGlobalAccountID": str, "kymaVersion": str,
    "status": {"createdAt": str, "modifiedAt": str, "state": str, "provisioning": STEP, "deprovisioning": STEP,
               "upgradingKyma": STEPS, "upgradingCluster": STEPS, "update": STEPS, "suspension": STEPS,
               "unsuspension": STEPS}}
RETRY = {"orchestrationID": str, "retryOperations": [str], "oldOperations": [str], "invalidOperations": [str],
         "msg": str}


def decoded(value, model, name=""):
    """As that client decodes: names in any case, unknown ones dropped, missing and null are empty, wrong types and
    times are errors."""
    if value is None:
        return empty(model)
    if isinstance(model, dict):
        if not isinstance(value, dict):
            raise AssertionError(f"{name}: {value!r} is no object")
        lower = {member.lower(): one for member, one in value.items()}
        return {member: decoded(lower.get(member.lower()), inner, member) for member, inner in model.items()}
    if isinstance(model, list):
        if not isinstance(value, list):
            raise AssertionError(f"{name}: {value!r} is no list")
        return [decoded(one, model[0], name) for one in value]
    if type(value) is not model:
        raise AssertionError(f"{name}: {value!r} is no {model.__name__}")
    if name in TIMES:
        if not RFC3339.fullmatch(value):
            raise AssertionError(f"{name}: {value!r} is no time")
        datetime.datetime.fromisoformat(value)
    return value


def empty(model):
    if isinstance(model, dict):
        return {member: empty(inner) for member, inner in model.items()}
    return [] if isinstance(model, list) else ZERO[model]


def call(world, method, target, status, model, body=None, kind=None):
    """An answer as the client has it; another status is an error to it."""
    answer = send(world, method, target, body, kind)
    if answer["status"] != status:
        raise AssertionError(f"calling {target} returned {answer['status']}")
    return decoded(answer["body"], model)


LIST = {"count": int, "totalCount": int}


def decoding(world, got):
    """Every list and object decodes, whatever there is by now."""
    orchestrations = call(world, "GET", f"/orchestrations?{PAGE}", 200, {**LIST, "data": [ORCHESTRATION]})
    runtimes = call(world, "GET", f"/runtimes?op_detail=all&{PAGE}&state=all", 200, {**LIST, "data": [RUNTIME]})
    last = call(world, "GET", f"/runtimes?op_detail=last&{PAGE}&state=all", 200, {**LIST, "data": [RUNTIME]})
    operations = call(world, "GET", f"/orchestrations/<first>/operations?{PAGE}", 200, {**LIST, "data": [OPERATION]})
    got["counts"] = [one["count"] == len(one["data"]) for one in (orchestrations, runtimes, last, operations)]
    retried = call(world, "POST", "/orchestrations/<nothing>/retry", 202, RETRY, "",
                   "application/x-www-form-urlencoded")
    got["null lists"] = [retried[name] for name in ("retryOperations", "oldOperations", "invalidOperations")]
    got["times"] = all(RFC3339.fullmatch(one["createdAt"]) is not None for one in orchestrations["data"])


def tables(world, got):
    one = call(world, "GET", "/orchestrations/<first>", 200, ORCHESTRATION)
    got["orchestrations"] = {
        "orchestrationID": one["orchestrationID"], "type": one["type"], "state": one["state"],
        "created": one["createdAt"] != "", "dryRun": one["parameters"]["dryRun"],
        "include": [{name: value for name, value in selector.items() if value}
                    for selector in one["parameters"]["targets"]["include"]],
        "version": one["parameters"]["kyma"]["version"],
        "kubernetes": one["parameters"]["kubernetes"]["kubernetesVersion"]}
    got["orchestration"] = {"updated": one["updatedAt"] != "", "description": one["description"],
                            "strategy": one["parameters"]["strategy"],
                            "exclude": one["parameters"]["targets"]["exclude"], "stats": one["operationStats"]}
    operations = call(world, "GET", f"/orchestrations/<first>/operations?{PAGE}", 200, {"data": [OPERATION]})["data"]
    got["operations"] = sorted([it["operationID"], it["shootName"], it["globalAccountID"], it["subAccountID"],
                                it["state"]]
                               for it in operations)
    detail = call(world, "GET", "/orchestrations/<first>/operations/<first:read-1>", 200, OPERATION)
    got["operation"] = {name: detail[name] for name in ("operationID", "orchestrationID", "runtimeID",
                                                        "servicePlanName",
                                                        "dryRun", "state", "description", "kymaConfig",
                                                        "clusterConfig")}
    got["operation's window"] = [detail["maintenanceWindowBegin"], detail["maintenanceWindowEnd"]]
    rows = call(world, "GET", f"/runtimes?account=ga-read&op_detail=last&{PAGE}", 200, {"data": [RUNTIME]})["data"]
    got["runtimes"] = sorted([it["globalAccountID"], it["subAccountID"], it["shootName"], it["region"],
                              it["servicePlanName"], it["status"]["createdAt"] != "", it["status"]["state"]]
                             for it in rows)
    failed = next(it for it in rows if it["shootName"] == "c-bad-read")["status"]
    got["last operation of an error"] = sorted(name for name in ("upgradingKyma", "upgradingCluster", "update")
                                               if failed[name]["data"])
    ops = call(world, "GET", f"/runtimes?account=ga-read&op_detail=all&{PAGE}&runtime_id=read-1", 200,
               {"data": [RUNTIME]})
    got["runtimes --ops"] = ops["data"][0]["kymaVersion"]


FAILED = error(like("", ".+"))
STATUSES = [
    Sent("7.3/status", "not there", "GET", "/orchestrations/not-there", FAILED, 404),
    Sent("7.3/status", "cancel of one that is not there", "PUT", "/orchestrations/not-there/cancel", FAILED, 404),
    Sent("7.3/status", "an upgrade of nothing", "POST", "/upgrade/kyma", FAILED, 400, "{}", "application/json"),
    Sent("7.3/states", "every word that it sends", "GET", f"/orchestrations?{PAGE}&state=canceling&state=retrying"
         "&state=pending", Part(data=[], count=0, totalCount=0)),
    Sent("7.3/states", "every word for runtimes", "GET",
         f"/runtimes?account=ga-read&{PAGE}&state=succeeded&state=failed"
         "&state=error&state=provisioning&state=deprovisioning&state=upgrading&state=suspended", Part(count=3)),
    Sent("7.3/cancel", "what it reads of an ended one", "GET", "/orchestrations/<first>",
         Part(state="failed", operationStats=Part(failed=1, pending=ABSENT, retrying=ABSENT))),
    Sent("7.3/retry", "a state that it does not retry", "GET", "/orchestrations/<nothing>", Part(state="succeeded")),
]
NO_WINDOW = "0001-01-01T00:00:00Z"
TESTS = [
    *STATUSES,
    Story("decoding", decoding, {"counts": ("7.3/decoding", [True] * 4),
                                 "null lists": ("7.3/decoding Q1", [[], [], []]),
                                 "times": ("7.3/decoding 1.10/rfc3339", True)}),
    Story("tables", tables, {
        "orchestrations": ("7.3/t-orchestrations", {
            "orchestrationID": "<first>", "type": "upgradeKyma", "state": "failed", "created": True, "dryRun": False,
            "include": [{"globalAccount": "^ga-read$"}], "version": "2.4.2", "kubernetes": "1.23.6"}),
        "orchestration": ("7.3/t-orchestration", {
            "updated": True, "description": "Scheduled 3 operations", "exclude": [],
            "strategy": {"type": "parallel", "schedule": "immediate", "parallel": {"workers": 3}},
            "stats": {"failed": 1, "succeeded": 2}}),
        "operations": ("7.3/t-operations", [
            ["<first:bad-read>", "c-bad-read", "ga-read", "sa-ga-read", "failed"],
            ["<first:read-1>", "c-read-1", "ga-read", "sa-ga-read", "succeeded"],
            ["<first:read-2>", "c-read-2", "ga-read", "sa-ga-read", "succeeded"]]),
        "operation": ("7.3/t-operation", {
            "operationID": "<first:read-1>", "orchestrationID": "<first>", "runtimeID": "read-1",
            "servicePlanName": "azure", "dryRun": False, "state": "succeeded", "description": "Operation succeeded",
            "kymaConfig": {"version": "2.4.2"}, "clusterConfig": {"kubernetesVersion": ""}}),
        "operation's window": ("7.3/t-operation Q3", [NO_WINDOW, NO_WINDOW]),
        "runtimes": ("7.3/t-runtimes", [
            ["ga-read", "sa-ga-read", "c-bad-read", "westeurope", "azure", True, "error"],
            ["ga-read", "sa-ga-read", "c-read-1", "westeurope", "azure", True, "succeeded"],
            ["ga-read", "sa-ga-read", "c-read-2", "westeurope", "azure", True, "succeeded"]]),
        "last operation of an error": ("7.3/t-runtimes", ["upgradingKyma"]),
        "runtimes --ops": ("7.3/t-runtimes", "2.4.2")}),
]
