"""3.1 to 3.5: states of orchestrations and operations, their order, and how the whole follows from its parts."""
import json
import threading
import time
import uuid

from contract.rows import Story
from contract.values import Between
from harness import FINAL, wait_for

WORDS = {"pending", "in progress", "canceling", "canceled", "retrying", "succeeded", "failed"}


def watched(world, name, seen, operations):
    """Everything that shows of an orchestration until it ends."""
    most = 0
    while True:
        it = world.orchestration(name)
        stats = it.get("operationStats", {})
        seen.append(it["state"])
        operations |= set(stats)
        most = max(most, stats.get("in progress", 0))
        if it["state"] in FINAL:
            return it, most
        time.sleep(0.02)


def whole(world, got):
    seen, words = [], set()
    with world.system.held():
        world.upgrade("watched", [{"globalAccount": "^ga-workers$"}, {"runtimeID": "bad-spare"}],
                      strategy={"parallel": {"workers": 2}})
        held = wait_for("two run", lambda: (n := world.orchestration("watched").get("operationStats", {}).get(
            "in progress", 0)) > 1 and n)
        seen.append(world.orchestration("watched")["state"])
    ended, most = watched(world, "watched", seen, words)
    order = sorted(set(seen), key=seen.index)
    got["states"] = [state for state in order if state != "pending"]
    got["known words"] = [set(seen) <= WORDS, words <= WORDS - {"canceling"}]
    got["at once"] = [held, most <= 2]
    got["whole"] = [ended["state"], ended["description"], ended["operationStats"]]
    overlap = world.sql("SELECT max(n) FROM (SELECT (SELECT count(*) FROM provisioner.operation b WHERE"
                        " b.orchestration_id = a.orchestration_id AND b.started_at <= a.started_at AND b.ended_at >"
                        " a.started_at) AS n FROM provisioner.operation a WHERE a.orchestration_id = '<watched>') x")
    got["never more"] = int(overlap) <= 2
    got["sent once"] = world.sql("SELECT count(*), count(DISTINCT runtime_id) FROM provisioner.operation WHERE"
                                 " orchestration_id = '<watched>'")
    late = world.sql("SELECT extract(epoch FROM (SELECT updated_at FROM api.orchestrations WHERE orchestration_id ="
                     " '<watched>') - max(ended_at)) FROM provisioner.operation WHERE orchestration_id = '<watched>'")
    got["seconds until the end is seen"] = float(late)


def lanes(world, got):
    """Two of a type, and one of the other: the first of each at once, the second after the first."""
    with world.system.held("slow-cross"):
        world.upgrade("lane-1", [{"runtimeID": "slow-cross"}, {"runtimeID": "cross-other"}])
        world.upgrade("lane-2", [{"runtimeID": "cross-other"}])
        world.operation_has("lane-1", "slow-cross", "in progress")
        world.upgrade("lane-3", [{"runtimeID": "slow-cross"}, {"runtimeID": "cl-1"}], lane="cluster",
                      kubernetes={"kubernetesVersion": "1.24.1", "machineImage": "", "machineImageVersion": ""})
        got["the second waits"] = [world.orchestration("lane-2")[name] for name in ("state", "description")]
        got["the other type runs"] = wait_for("the cluster upgrade goes past the busy runtime", pause_s=0.01,
                                              condition=lambda: (it := world.operations("lane-3").get("cl-1", {}))
                                              .get("state") == "succeeded" and it["state"])
    busy = world.operations("lane-3")["slow-cross"]
    got["the busy one waits"] = busy["state"] in ("pending", "in progress", "succeeded")
    for name in ("lane-1", "lane-2", "lane-3"):
        got[name] = world.ended(name)["state"]
    got["overlaps on a runtime"] = world.sql(
        "SELECT count(*) FROM provisioner.operation a JOIN provisioner.operation b USING (runtime_id) WHERE"
        " a.started_at < b.started_at AND a.ended_at > b.started_at AND runtime_id = 'slow-cross'")
    got["operations on it"] = world.sql("SELECT count(*) FROM provisioner.operation WHERE runtime_id = 'slow-cross' AND"
                                        " orchestration_id IN ('<lane-1>', '<lane-3>')")
    got["overlaps in a lane"] = world.sql(
        "SELECT (SELECT max(ended_at) FROM provisioner.operation WHERE orchestration_id = '<lane-1>') > (SELECT"
        " min(started_at) FROM provisioner.operation WHERE orchestration_id = '<lane-2>')")


def resolving(world, got):
    """With the broker standing still: what waits to be resolved, is canceled, or cannot be resolved."""
    with world.system.frozen("broker"):
        world.upgrade("lost", [{"globalAccount": "^ga-dry$"}])
        got["unresolved"] = [world.orchestration("lost")["state"],
                             world.get("/orchestrations/<lost>/operations")["data"]]
        orchestration_id = world.names["lost"]
        world.system.produce("orchestrations", "kyma", {
            "id": str(uuid.uuid4()), "type": "tidegate.orchestration.target.v1", "subject": "kyma",
            "data": {"orchestrationID": orchestration_id, "partition": 0, "error": "the fleet cannot be read",
                     "targets": [], "last": True}})
        failed = world.has_state("lost", "failed")
        got["failed"] = [failed["state"], failed["description"], "operationStats" in failed]
        got["no operations"] = world.get("/orchestrations/<lost>/operations")
        world.upgrade("dropped", [{"globalAccount": "^ga-dry$"}], dryRun=True)
        answer = world.cancel("dropped")
        it = world.has_state("dropped", "canceled")
        got["canceled while it is resolved"] = [answer["status"], it["state"], it["description"]]
    world.upgrade("after-that", [{"runtimeID": "nobody"}])
    world.ended("after-that")
    late = world.orchestration("dropped")
    got["and stays so"] = [late["state"], world.get("/orchestrations/<dropped>/operations")["totalCount"]]
    got["the failed one stays so"] = [world.orchestration("lost")["state"],
                                      world.get("/orchestrations/<lost>/operations")["totalCount"]]


def at_once(world, got):
    """All operations of an orchestration appear together."""
    counts, done = set(), threading.Event()

    def look():
        while not done.is_set():
            if "together" in world.names:
                counts.add(world.get("/orchestrations/<together>/operations")["totalCount"])
    looking = threading.Thread(target=look)
    looking.start()
    try:
        world.upgrade("together", [{"globalAccount": "^ga-page$"}], dryRun=True, strategy={"parallel": {"workers": 5}})
        world.ended("together")
        wait_for("all were seen", lambda: counts - {0})
    finally:
        done.set()
        looking.join()
    got["counts"] = sorted(counts | {0})


def bad_runtime(world, got):
    """Known to the broker alone: the provisioner refuses it, the others go on."""
    line = {"runtimeID": "ghost-1", "globalAccount": "ga-ghost", "subAccount": "s", "planName": "azure", "region": "eu",
            "shootName": "c-ghost-1", "kymaVersion": "2.3.0", "instanceID": str(uuid.uuid4()),
            "kymaConfig": {"configuration": [{"key": "a", "value": "b", "secret": True}]}}
    world.call("ghost", line["instanceID"])
    with world.system.frozen("provisioner"):
        world.system.produce("instances", line["instanceID"], {
            "id": str(uuid.uuid4()), "type": "tidegate.instance.import.v1", "subject": line["instanceID"],
            "data": {"actor": {"issuer": "test", "subject": "test", "email": ""},
                     "line": json.loads(json.dumps(line))}})
        wait_for("the instance is there", lambda: world.get("/runtimes?runtime_id=ghost-1")["totalCount"] == 1)
        world.upgrade("haunted", [{"runtimeID": "ghost-1"}, {"runtimeID": "spare-2"}])
        wait_for("it is selected", lambda: "ghost-1" in world.operations("haunted"))
    ended = world.ended("haunted")
    got["whole"] = [ended["state"], ended["operationStats"]]
    ghost = world.operations("haunted")["ghost-1"]
    got["the bad one"] = [ghost["state"], ghost["description"]]


TESTS = [
    Story("from the first to the last operation", whole, {
        "states": ("3.1/started 3.1/finished 3.1/words", ["in progress", "failed"]),
        "known words": ("3.1/words 3.2/words", [True, True]),
        "at once": ("3.4/order 2.2/workers 3.2/started", [2, True]),
        "whole": ("3.5/goes-on 3.4/failed 3.3/scheduled 3.1/finished", [
            "failed", "Scheduled 6 operations", {"failed": 1, "succeeded": 5}]),
        "never more": ("3.4/order", True), "sent once": ("6.1/send", "6|6"),
        "seconds until the end is seen": ("3.4/prompt D31", Between(0, 20))}),
    Story("two types", lanes, {
        "the second waits": ("3.4/one 3.4/queues D33 3.3/queued", ["pending", "queued for processing"]),
        "the other type runs": ("3.4/queues D20", "succeeded"),
        "the busy one waits": ("6.1/busy", True),
        "lane-1": ("3.4/queues", "succeeded"), "lane-2": ("3.4/queues", "succeeded"),
        "lane-3": ("6.1/busy 3.4/queues", "succeeded"),
        "overlaps on a runtime": ("3.4/runtime D20 D33 6.1/busy", "0"), "operations on it": ("6.1/busy D20", "2"),
        "overlaps in a lane": ("3.4/one D33", "f")}),
    Story("while it is resolved", resolving, {
        "unresolved": ("1.6/unresolved 3.1/created", ["pending", []]),
        "failed": ("3.1/unresolved 3.3/resolving D12", [
            "failed", "while resolving operations: the fleet cannot be read", False]),
        "no operations": ("D12", {"data": [], "count": 0, "totalCount": 0}),
        "canceled while it is resolved": ("D10 D35 3.8/pending 3.1/canceling", [
            200, "canceled", "Orchestration was canceled"]),
        "and stays so": ("D10 3.1/final", ["canceled", 0]), "the failed one stays so": ("D12", ["failed", 0])}),
    Story("all operations at once", at_once, {"counts": ("3.2/created D12", [0, 9])}),
    Story("a runtime that the provisioner does not know", bad_runtime, {
        "whole": ("D13 4/bad-runtime", ["failed", {"failed": 1, "succeeded": 1}]),
        "the bad one": ("D13 4/bad-runtime D19 3.3/o-other", ["failed", "runtime ghost-1 not found"])}),
]
