"""1.7, 3.7, 6.2: what an operation sends, and dry runs, which send nothing."""
import json

from contract.fleet import RELEASES
from contract.lists import FAILED, OPERATION
from contract.rows import Row, Story
from contract.sealing import sealed
from contract.values import ABSENT, Part, error, like
from harness import equal, runtime_line, wait_for

EMPTY = {"version": "", "profile": None, "components": None, "configuration": None, "conflictStrategy": None}
PROFILE = None  # the releases say nothing of one

ROWS = [
    Row("E8 1.7/kymaConfig", "a failed one, with what was sent", "/orchestrations/<first>/operations/<first:bad-read>",
        200, Part({**FAILED, "kymaConfig": Part(version="2.4.2", profile=PROFILE, conflictStrategy="Replace"),
                   "clusterConfig": ABSENT})),
    Row("E8 1.7/kymaConfig", "one that succeeded", "/orchestrations/<first>/operations/<first:read-1>", 200,
        Part({**OPERATION, "kymaConfig": Part(version="2.4.2"), "clusterConfig": ABSENT})),
    Row("1.7/foreign D23", "of another orchestration", "/orchestrations/<nothing>/operations/<first:read-1>", 404,
        error(like("while getting operation <first:read-1>: "))),
    Row("1.7/foreign D23", "of another orchestration's ID", "/orchestrations/<first>/operations/<nothing>", 404,
        error(like("while getting operation <nothing>: "))),
]


def detail(world, name, runtime_id):
    world.call_operations(name)
    answer = world.ask("GET", f"/orchestrations/<{name}>/operations/<{name}:{runtime_id}>")
    return answer["body"]


def members(world, got):
    """Every member, from the release that the version names."""
    shown = detail(world, "first", "read-1")["kymaConfig"]
    release = json.loads((RELEASES / "2.4.2.json").read_text())
    got["members"] = {name: value for name, value in shown.items() if name not in ("components", "configuration")}
    got["lists"] = [type(shown["components"]) is list, type(shown["configuration"]) is list]
    got["of a component"] = sorted(shown["components"][0])
    got["nothing there"] = [shown["components"][0][name] for name in ("sourceURL", "conflictStrategy")]
    got["components"] = {"component": "istio", "namespace": "istio-system"}.items() <= {
        one["component"]: one for one in shown["components"]}["istio"].items()
    got["all components"] = [one["component"] for one in shown["components"]][:len(release["components"])] == [
        one["component"] for one in release["components"]]
    entry = (shown["configuration"] or [{}])[0]
    got["of an entry"] = {"members": sorted(entry), "key": entry.get("key"), "secret": entry.get("secret", "-")}
    got["first entry"] = release["configuration"][0]["key"] == entry.get("key")


def before(world, got):
    with world.system.held("slow-w0"):
        world.upgrade("unsent", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-w1"}])
        world.operation_has("unsent", "slow-w0", "in progress")
        got["pending"] = detail(world, "unsent", "slow-w1")
        wait_for("it was sent", condition=lambda:
                 detail(world, "unsent", "slow-w0")["kymaConfig"]["version"] != "" or
                 world.orchestration("unsent")["state"] != "in progress")
        running = detail(world, "unsent", "slow-w0")
        got["running"] = {"state": running["state"], "version": running["kymaConfig"]["version"]}
        got["described"] = wait_for("it is described", pause_s=0.01, condition=lambda: (
            text := world.operations("unsent")["slow-w0"]["description"]) != "Operation created" and text)
    world.ended("unsent")


PENDING = {**OPERATION, "operationID": "<unsent:slow-w1>", "runtimeID": "slow-w1", "shootName": "c-slow-w1",
           "globalAccountID": "ga-workers", "subAccountID": "sa-ga-workers", "orchestrationID": "<unsent>",
           "state": "pending", "description": "Operation created", "kymaConfig": EMPTY}


def dry(world, got):
    runtimes = world.get("/runtimes?account=ga-dry&state=all")
    sent = world.sql("SELECT count(*) FROM provisioner.operation")
    world.upgrade("dry", [{"globalAccount": "^ga-dry$"}], dryRun=True, kyma={"version": "1.11.0"})
    ended = world.ended("dry")
    got["whole"] = {"state": ended["state"], "stats": ended["operationStats"], "dryRun": ended["parameters"]["dryRun"]}
    shown = detail(world, "dry", "dry-1")
    got["operation"] = {name: shown[name] for name in ("state", "description", "dryRun")}
    got["would be sent"] = {"version": shown["kymaConfig"]["version"],
                            "components": type(shown["kymaConfig"]["components"]) is list}
    got["runtimes as before"] = world.get("/runtimes?account=ga-dry&state=all") == runtimes
    got["nothing sent"] = world.sql("SELECT count(*) FROM provisioner.operation") == sent
    world.upgrade("dry-2", [{"globalAccount": "^ga-dry$"}], dryRun=True, kyma={"version": "2.4.2"})
    got["major 2"] = world.ended("dry-2")["operationStats"]
    got["major 2: runtimes"] = world.get("/runtimes?account=ga-dry&state=all") == runtimes
    got["finished"] = world.shape(world.cancel("dry"))


# --- Versions and configurations by account ---

PLANTED = {"key": "global.over", "value": "pl4nted", "secret": True}
OVERRIDE = {"match": {"globalAccount": "ga-over"}, "configuration": [{"key": "global.level", "value": "account"}],
            "components": [{"component": "istio", "configuration": [{"key": "istio.over", "value": "yes"}]}]}
OF_PLAN = {"match": {"plan": "azure"}, "configuration": [{"key": "global.level", "value": "plan"}]}
VERSIONS = {"accounts": {"GA_ga-acc": "2.3.0", "SA_sa-acc": "1.11.0", "GA_ga-none": "2.9.9", "GA_ga-major": "3.0.0"}}
LINES = [("acc-1", "ga-acc", "sa-other"), ("acc-2", "ga-acc", "sa-acc"), ("none-1", "ga-none", "s"),
         ("major-1", "ga-major", "s"), ("over-1", "ga-over", "s"), ("usual-1", "ga-usual", "s")]


def by_account(world, got):
    report = world.system.import_lines([runtime_line(runtime_id, globalAccount=account, subAccount=sub)
                                        for runtime_id, account, sub in LINES])
    equal(report["rejected"], [])
    secret = {**PLANTED, "value": sealed(world.system.run / "keys" / "secrets.json", PLANTED["value"])}
    override = {**OVERRIDE, "configuration": [secret, *OVERRIDE["configuration"]]}
    release = json.loads((RELEASES / "2.4.2.json").read_text())
    (RELEASES / "3.0.0.json").write_text(json.dumps({**release, "version": "3.0.0"}))
    (RELEASES / "2.4.2.json").write_text(json.dumps({**release, "overrides": [OF_PLAN, override]}))
    (RELEASES / "versions.json").write_text(json.dumps(VERSIONS))
    wait_for("the releases are adopted", condition=lambda:
             world.get("/releases").get("accounts") == VERSIONS["accounts"])
    everybody = [{"runtimeID": runtime_id} for runtime_id, _, _ in LINES]

    def adopted():
        world.forget("trial-of-versions")
        world.upgrade("trial-of-versions", everybody, dryRun=True, strategy={"parallel": {"workers": 9}})
        world.ended("trial-of-versions")
        return detail(world, "trial-of-versions", "acc-1")["kymaConfig"]["version"] == "2.3.0"
    wait_for("the orchestrator has them too", adopted, pause_s=0.2)
    world.upgrade("by-account", everybody, strategy={"parallel": {"workers": 9}})
    got["whole"] = world.ended("by-account")["operationStats"]
    for runtime_id, _, _ in LINES:
        got[runtime_id] = detail(world, "by-account", runtime_id)["kymaConfig"]["version"]
    operations = world.operations("by-account")
    for runtime_id in ("none-1", "major-1"):
        got[f"{runtime_id} ends"] = [operations[runtime_id]["state"], operations[runtime_id]["description"] != ""]
    over = detail(world, "by-account", "over-1")["kymaConfig"]
    entries = {entry["key"]: entry for entry in over["configuration"]}
    got["overridden"] = entries["global.over"]
    got["the account wins"] = entries["global.level"]["value"]
    usual = detail(world, "by-account", "usual-1")["kymaConfig"]
    got["of the plan"] = {entry["key"]: entry["value"] for entry in usual["configuration"]}["global.level"]
    got["a component's"] = {one["component"]: one for one in over["components"]}["istio"]["configuration"]
    world.upgrade("asked-for", [{"runtimeID": "acc-1"}], kyma={"version": "2.4.2"})
    world.ended("asked-for")
    got["asked for"] = detail(world, "asked-for", "acc-1")["kymaConfig"]["version"]


def passed_on(world, got):
    """Components and their source URLs that were brought with the runtime."""
    world.upgrade("sources", [{"runtimeID": "sec-1"}], kyma={"version": "1.11.0"})
    got["ended"] = world.ended("sources")["state"]
    shown = detail(world, "sources", "sec-1")["kymaConfig"]
    found = {one["component"]: one["sourceURL"] for one in shown["components"]}
    got["the optional one"] = found.get("mine")
    got["secrets"] = "pl4nted" in json.dumps(shown)


TESTS = [
    *ROWS,
    Story("what a configuration has", members, {
        "members": ("1.7/kyma-members 6.2/default", {"version": "2.4.2", "profile": PROFILE,
                                                     "conflictStrategy": "Replace"}),
        "lists": ("1.7/kyma-members", [True, True]),
        "of a component": ("1.7/kyma-members", ["component", "configuration", "conflictStrategy", "namespace",
                                                "sourceURL"]),
        "nothing there": ("1.7/kyma-members", [None, None]),
        "components": ("1.7/kyma-members 6.2/configuration", True), "all components": ("6.2/configuration", True),
        "of an entry": ("1.7/kyma-members", {"members": ["key", "secret", "value"], "key": like("", ".+"),
                                             "secret": None}),
        "first entry": ("6.2/configuration", True)}),
    Story("before anything is sent", before, {
        "pending": ("1.7/before Q6 1.7/kyma-members 3.3/o-created 3.2/created E8", PENDING),
        "running": ("1.7/kymaConfig 3.2/started", {"state": "in progress", "version": "2.4.2"}),
        "described": ("3.3/o-upgrade 6.4/running", "kyma upgrade in progress")}),
    Story("a dry run", dry, {
        "whole": ("3.7/records Q7", {"state": "succeeded", "stats": {"succeeded": 3}, "dryRun": True}),
        "operation": ("3.7/records 3.3/o-dry Q7 1.6/dryRun", {
            "state": "succeeded", "description": "dry run succeeded", "dryRun": True}),
        "would be sent": ("3.7/shown 1.7/dry 6.2/request", {"version": "1.11.0", "components": True}),
        "runtimes as before": ("3.7/nothing D3 1.9/newest-config", True), "nothing sent": ("3.7/nothing D3", True),
        "major 2": ("D3 3.7/nothing", {"succeeded": 3}), "major 2: runtimes": ("D3 3.7/nothing", True),
        "finished": ("Q4 3.8/finished", {"status": 200, "body": {"orchestrationID": "<dry>"}})}),
    Story("components brought with a runtime", passed_on, {
        "ended": ("D29", "succeeded"), "the optional one": ("D29 D23", "https://two.example/mine"),
        "secrets": ("1.7/masked D23", False)}),
    Story("versions and configurations by account", by_account, {
        "whole": ("6.2/account 6.2/major", {"succeeded": 4, "failed": 2}),
        "acc-1": ("6.2/account", "2.3.0"), "acc-2": ("6.2/account", "1.11.0"), "usual-1": ("6.2/default", "2.4.2"),
        "none-1 ends": ("6.2/account 3.3/o-bad-data D13", ["failed", True]),
        "major-1 ends": ("6.2/major D22", ["failed", True]),
        "overridden": ("1.7/masked D23 6.2/configuration", {
            "key": "global.over", "value": like("", "(?!.*pl4nted).+"), "secret": True}),
        "the account wins": ("6.2/configuration", "account"), "of the plan": ("6.2/configuration", "plan"),
        "a component's": ("6.2/configuration", [Part(key="istio.over", value="yes")]),
        "asked for": ("6.2/request", "2.4.2")}),
]
