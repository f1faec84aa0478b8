"""3.8: cancel."""
from contract.rows import Story
from harness import shown_time

CANCELED = ["canceled", "Operation was canceled"]


def stats(it):
    return {name: it.get(name) for name in ("state", "description", "operationStats")}


def running(world, got):
    with world.system.held():
        world.upgrade("stopped", [{"globalAccount": "^ga-cancel$"}])
        world.operation_has("stopped", "slow-c1", "in progress")
        world.upgrade("waits", [{"runtimeID": "nobody"}])
        before = world.orchestration("stopped")
        got["answer"] = world.shape(world.cancel("stopped"))
        after = world.orchestration("stopped")
        got["right after it"] = stats(after)
        got["updatedAt moves"] = shown_time(after["updatedAt"]) > shown_time(before["updatedAt"])
        got["again"] = world.shape(world.cancel("stopped"))
        got["again changes nothing"] = world.orchestration("stopped")["updatedAt"] == after["updatedAt"]
        got["a retry meanwhile"] = world.shape(world.retry("stopped"))
    ended = world.ended("stopped")
    got["the end"] = stats(ended)
    got["operations"] = {runtime_id: [it["state"], it["description"]]
                         for runtime_id, it in world.operations("stopped").items()}
    got["started"] = world.sql("SELECT string_agg(runtime_id, ' ') FROM provisioner.operation WHERE orchestration_id ="
                               " '<stopped>'")
    got["after the end"] = world.shape(world.cancel("stopped"))
    got["the end again"] = world.orchestration("stopped") == ended
    got["the next one"] = world.ended("waits")["state"]


def pending(world, got):
    with world.system.held():
        world.upgrade("before-it", [{"runtimeID": "slow-p1"}, {"runtimeID": "slow-p2"}])
        world.has_state("before-it", "in progress")
        world.upgrade("still-pending", [{"runtimeID": "spare-1"}])
        got["pending"] = world.orchestration("still-pending")["state"]
        got["retry of a pending one"] = world.shape(world.retry("still-pending"))
        got["answer"] = world.shape(world.cancel("still-pending"))
        got["at once"] = stats(world.orchestration("still-pending"))
        got["the other"] = world.orchestration("before-it")["state"]
    got["operations"] = world.get("/orchestrations/<still-pending>/operations")
    got["retry of a canceled one"] = world.shape(world.retry("still-pending"))
    world.ended("before-it")
    got["stays"] = stats(world.orchestration("still-pending"))


def failed_before(world, got):
    """A canceled one may hold what failed; it is not retried."""
    with world.system.held("slow-c5"):
        world.upgrade("mixed", [{"runtimeID": "bad-c4"}, {"runtimeID": "slow-c5"}, {"runtimeID": "slow-c6"}])
        world.operation_has("mixed", "bad-c4", "failed")
        world.operation_has("mixed", "slow-c5", "in progress")
        world.cancel("mixed")
    ended = world.ended("mixed")
    got["the end"] = stats(ended)
    world.call_operations("mixed")
    got["retry"] = world.shape(world.retry("mixed", "<mixed:bad-c4>"))
    got["retry of all"] = world.shape(world.retry("mixed"))
    got["nothing changed"] = world.orchestration("mixed") == ended
    got["the failed one"] = world.operations("mixed")["bad-c4"]["state"]


def answered(name):
    return {"status": 200, "body": {"orchestrationID": f"<{name}>"}}


def no_valid(name, invalid=None):
    return {"status": 202, "body": {"orchestrationID": f"<{name}>", "retryOperations": None, "oldOperations": None,
                                    "invalidOperations": invalid,
                                    "msg": f"No valid operations to retry for orchestration <{name}>"}}


TESTS = [
    Story("one that runs", running, {
        "answer": ("E5 3.8/accepted", answered("stopped")),
        "right after it": ("3.1/canceling 3.3/canceled 3.8/accepted E5", {
            "state": "canceling", "description": "Orchestration was canceled",
            "operationStats": {"in progress": 1, "pending": 2}}),
        "updatedAt moves": ("1.4/updatedAt 3.8/accepted", True), "again": ("3.8/finished", answered("stopped")),
        "again changes nothing": ("3.8/finished", True),
        "a retry meanwhile": ("3.6/canceled D8", no_valid("stopped")),
        "the end": ("3.1/canceled Q14 3.8/swept", {"state": "canceled", "description": "Orchestration was canceled",
                                                   "operationStats": {"canceled": 2, "succeeded": 1}}),
        "operations": ("3.8/running 3.8/swept 3.3/o-swept 3.2/canceled 6.1/canceled Q14 3.2/words", {
            "slow-c1": ["succeeded", "Operation succeeded"], "slow-c2": CANCELED, "slow-c3": CANCELED}),
        "started": ("3.8/no-start 6.1/canceled", "slow-c1"), "after the end": ("Q4 3.8/finished", answered("stopped")),
        "the end again": ("Q4 3.8/finished 3.1/final", True), "the next one": ("3.4/queues", "succeeded")}),
    Story("one that is pending", pending, {
        "pending": ("3.1/created", "pending"),
        "retry of a pending one": ("3.6/pending 3.6/no-valid", no_valid("still-pending")),
        "answer": ("3.8/pending E5", answered("still-pending")),
        "at once": ("D35 3.8/pending 3.3/canceled", {
            "state": "canceled", "description": "Orchestration was canceled", "operationStats": None}),
        "the other": ("D35 3.8/pending", "in progress"),
        "operations": ("3.8/pending", {"data": [], "count": 0, "totalCount": 0}),
        "retry of a canceled one": ("3.6/canceled D8", no_valid("still-pending")),
        "stays": ("3.1/final D10", {"state": "canceled", "description": "Orchestration was canceled",
                                    "operationStats": None})}),
    Story("one with a failed operation", failed_before, {
        "the end": ("3.5/canceling Q14", {"state": "canceled", "description": "Orchestration was canceled",
                                          "operationStats": {"canceled": 1, "failed": 1, "succeeded": 1}}),
        "retry": ("3.6/canceled D8", no_valid("mixed", ["<mixed:bad-c4>"])),
        "retry of all": ("3.6/canceled D8", no_valid("mixed")),
        "nothing changed": ("3.6/canceled D8 3.1/final", True), "the failed one": ("D8", "failed")}),
]
