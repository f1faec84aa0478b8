"""2.3 and 4: which runtimes a selector means."""
from contract.rows import Story
from contract.runtimes import deprovision
from harness import runtime_line, wait_for

ALL = ["sel-1", "sel-2", "sel-3", "sel-4"]
OURS = {"globalAccount": "(?i)ca-sel-50"}

# rows, name, include, exclude, who is selected
SELECTED = [
    ("2.3/globalAccount Q9 2.3/re2 Q12", "a pattern is found anywhere, in the case given",
     [{"globalAccount": "CA-sel-50"}],
     [], ["sel-1", "sel-2", "sel-4"]),
    ("2.3/globalAccount Q9 2.3/re2", "anchors are the client's to set", [{"globalAccount": "^CA-sel-50"}], [],
     ["sel-1", "sel-4"]),
    ("2.3/globalAccount Q9", "stars as in the documentation", [{"globalAccount": "CA-sel.*"}], [],
     ["sel-1", "sel-2", "sel-4"]),
    ("2.3/re2 2.3/region Q9", "europe|eu-", [{**OURS, "region": "europe|eu-"}], [], ["sel-1", "sel-2", "sel-3"]),
    ("2.3/re2", "a class of Unicode", [{**OURS, "region": "^\\pL+$"}], [], ["sel-1", "sel-2"]),
    ("2.3/and-or", "members are AND-ed", [{**OURS, "region": "europe|eu-", "planName": "azure"}], [], ["sel-1"]),
    ("2.3/and-or 4/order", "selectors are OR-ed, each runtime once",
     [{**OURS, "region": "europe"}, {**OURS, "planName": "azure"}, {**OURS, "planName": "trial"}], [], ALL),
    ("2.3/target 2.3/narrowed", "all, narrowed by a region", [{"target": "all", **OURS, "region": "eu"}], [],
     ["sel-1", "sel-2", "sel-3"]),
    ("2.3/planName", "a plan, exactly", [{**OURS, "planName": "azur"}], [], []),
    ("2.3/planName", "a plan", [{**OURS, "planName": "azure_lite"}], [], ["sel-2"]),
    ("2.3/shoot", "a shoot, exactly", [{"shoot": "c-sel-3"}, {"shoot": "c-sel"}], [], ["sel-3"]),
    ("2.3/subAccount", "a pattern for subaccounts", [{**OURS, "subAccount": "-[12]$"}], [],
     ["sel-1", "sel-2", "sel-4"]),
    ("2.3/runtimeID Q10", "runtimeID alone counts", [{"runtimeID": "sel-2", "region": "mars", "planName": "trial"}], [],
     ["sel-2"]),
    ("2.3/runtimeID", "runtimeID, exactly", [{"runtimeID": "sel-"}], [], []),
    ("2.3/instanceID", "an instance, exactly", [{"instanceID": "<instance:sel-4>"}], [], ["sel-4"]),
    ("2.3/instanceID", "not by a part", [{"instanceID": "instance"}], [], []),
    ("2.2/exclude 4/exclude 2.2/include", "exclusion wins", [OURS], [{"planName": "trial"}, {"shoot": "c-sel-1"}],
     ["sel-2"]),
    ("2.2/exclude 4/exclude", "over a runtime ID too", [{"runtimeID": "sel-1"}, {"runtimeID": "sel-2"}],
     [{"runtimeID": "sel-1", "region": "mars"}], ["sel-2"]),
    ("4/exclude", "everybody", [OURS], [{"target": "all"}], []),
    ("4/no-record", "a runtime that nobody knows", [{"runtimeID": "ghost"}, {"runtimeID": "sel-1"}], [], ["sel-1"]),
]


def selected(world, got):
    for i, (_, name, include, exclude, _) in enumerate(SELECTED):
        world.upgrade(f"selection-{i}", include, exclude=exclude, dryRun=True, strategy={"parallel": {"workers": 10}})
    for i, (_, name, _, _, _) in enumerate(SELECTED):
        ended = world.ended(f"selection-{i}")
        got[name] = [ended["state"], sorted(world.operations(f"selection-{i}"))]


def order(world, got):
    world.upgrade("ordered", [{"shoot": "c-ord-c"}, {"globalAccount": "^ga-order$"}, {"shoot": "c-ord-a"}])
    got["ended"] = world.ended("ordered")["operationStats"]
    got["started"] = world.sql("SELECT string_agg(runtime_id, ' ' ORDER BY started_at) FROM provisioner.operation"
                               " WHERE orchestration_id = '<ordered>'")
    got["listed"] = " ".join(world.operations("ordered"))
    got["overlaps"] = world.sql("SELECT count(*) FROM provisioner.operation a JOIN provisioner.operation b ON"
                                " a.orchestration_id = b.orchestration_id AND a.started_at < b.started_at AND"
                                " a.ended_at > b.started_at WHERE a.orchestration_id = '<ordered>'")


def later(world, got):
    """Resolved at the start, once: what comes later is not in, what changes does not show."""
    with world.system.held("slow-later"):
        world.upgrade("resolving", [{"globalAccount": "^ga-later$"}])
        world.operation_has("resolving", "slow-later", "in progress")
        world.system.import_lines([runtime_line("newcomer", globalAccount="ga-later"),
                                   runtime_line("after-later", globalAccount="ga-later", subAccount="sa-ga-later",
                                                shootName="renamed")])
        wait_for("the instance has another name", lambda:
                 world.get("/runtimes?runtime_id=after-later")["data"][0]["shootName"] == "renamed")
    got["ended"] = world.ended("resolving")["operationStats"]
    operations = world.operations("resolving")
    got["who"] = sorted(operations)
    got["shoot"] = operations["after-later"]["shootName"]


def skipped(world, got):
    """Deprovisioned, failed to be deprovisioned, and what failed to be upgraded."""
    world.upgrade("skipping", [{"globalAccount": "^ga-gone$"}, {"runtimeID": "gone-1"}, {"runtimeID": "bad-read"}],
                  dryRun=True, strategy={"parallel": {"workers": 10}})
    world.ended("skipping")
    got["who"] = sorted(world.operations("skipping"))


def preempted(world, got):
    world.system.import_lines([runtime_line("slow-leaves", globalAccount="ga-leaves")])
    with world.system.held("slow-w0"):
        world.upgrade("leaving", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-leaves"}])
        world.operation_has("leaving", "slow-w0", "in progress")
        world.call("pre", deprovision(world, "slow-leaves", tenant="ga-leaves"))
    got["whole"] = {name: value for name, value in world.ended("leaving").items()
                    if name in ("state", "operationStats")}
    it = world.operations("leaving")["slow-leaves"]
    got["operation"] = [it["state"], it["description"]]


TESTS = [
    Story("who is selected", selected, {name: (shows, ["succeeded", want]) for shows, name, _, _, want in SELECTED}),
    Story("order", order, {"ended": ("4/order", {"succeeded": 4}),
                           "started": ("3.4/order 4/order", "ord-c ord-a ord-b ord-d"),
                           "listed": ("3.4/order 1.3/order", "ord-c ord-a ord-b ord-d"),
                           "overlaps": ("3.4/order 2.2/workers", "0")}),
    Story("afterwards", later, {"ended": ("4/once", {"succeeded": 2}), "who": ("4/once", ["after-later", "slow-later"]),
                                "shoot": ("4/stored 1.6/shootName", "c-after-later")}),
    Story("who is skipped", skipped, {"who": ("4/deprovisioned 4/upgrades", ["bad-read", "slow-gone-a", "stay-1"])}),
    Story("deprovisioned while it waits", preempted, {
        "whole": ("Q7 6.1/preempted 3.5/goes-on", {"state": "succeeded", "operationStats": {"succeeded": 2}}),
        "operation": ("3.2/preempted 3.3/o-preempted 6.1/preempted Q7", [
            "succeeded", "operation preempted by deprovisioning <pre>"])}),
]
