"""3.9, 1.2/500 and what must survive the death of a process."""
import os
import signal

from contract.rows import Story
from contract.values import error, like
from harness import wait_for


def killed(world, *services):
    """SIGKILL, and a new process."""
    for service in services:
        os.kill(world.system.pid(service), signal.SIGKILL)
    for service in services:
        world.system.stop(service)
        world.system.start(service)


def runs(world, name):
    return world.sql(f"SELECT count(*), count(DISTINCT runtime_id) FROM provisioner.operation WHERE orchestration_id ="
                     f" '<{name}>'")


def everything(world, got):
    """All but the gateway die with one orchestration running and one pending."""
    with world.system.held("slow-r1"):
        world.upgrade("survivor", [{"globalAccount": "^ga-restart$"}])
        world.upgrade("behind-it", [{"runtimeID": "spare-1"}], kyma={"version": "2.3.0"})
        running = world.operation_has("survivor", "slow-r1", "in progress")
        world.call_operations("survivor")
        before = world.orchestration("survivor")
        killed(world, "orchestrator", "provisioner", "scheduler", "broker")
    ended = world.ended("survivor")
    got["goes on"] = [ended["state"], ended["operationStats"]]
    got["kept"] = [ended[name] == before[name] for name in ("parameters", "description", "createdAt")]
    after = world.operations("survivor")
    got["operations once"] = [len(after), runs(world, "survivor")]
    got["the same operation"] = [after["slow-r1"]["state"], after["slow-r1"]["shootName"] == running["shootName"]]
    behind = world.ended("behind-it")
    got["the pending one"] = [behind["state"], behind["operationStats"]]


def canceling(world, got):
    """One of each type is canceling when the orchestrator dies."""
    with world.system.held():
        world.upgrade("dying-kyma", [{"globalAccount": "^ga-crash$"}])
        world.upgrade("dying-cluster", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-w1"}], lane="cluster")
        world.operation_has("dying-kyma", "slow-k1", "in progress")
        world.operation_has("dying-cluster", "slow-w0", "in progress")
        with world.system.frozen("provisioner"):
            for name in ("dying-kyma", "dying-cluster"):
                world.cancel(name)
            got["before"] = [world.orchestration(name)["state"] for name in ("dying-kyma", "dying-cluster")]
            killed(world, "orchestrator")
    for name in ("dying-kyma", "dying-cluster"):
        ended = world.ended(name)
        got[name] = [ended["state"], ended["operationStats"]]


def created_once(world, got):
    """The orchestrator dies while targets arrive."""
    for i in range(3):
        world.upgrade(f"torn-{i}", [{"globalAccount": "^ga-page$"}], dryRun=True, strategy={"parallel": {"workers": 9}})
        killed(world, "orchestrator")
    for i in range(3):
        ended = world.ended(f"torn-{i}")
        got[f"torn-{i}"] = [ended["state"], ended["operationStats"],
                            world.get(f"/orchestrations/<torn-{i}>/operations")["totalCount"]]


def sent_once(world, got):
    """The provisioner dies right after it took an upgrade, and again."""
    with world.system.held("slow-k1"):
        world.upgrade("twice-dead", [{"runtimeID": "slow-k1"}])
        world.operation_has("twice-dead", "slow-k1", "in progress")
        killed(world, "provisioner")
        killed(world, "provisioner")
    ended = world.ended("twice-dead")
    got["ended"] = [ended["state"], ended["operationStats"]]
    got["sent"] = runs(world, "twice-dead")
    ledger = (world.system.run / "simulator" / "ledger.ndjson").read_text()
    operation = world.sql("SELECT operation_id FROM provisioner.operation WHERE orchestration_id = '<twice-dead>'")
    got["in the ledger"] = operation in ledger or "slow-k1" in ledger


def storage(world, got):
    """PostgreSQL away: what can only be read fails, and comes back."""
    world.system.command("deploy/dev/postgres", "stop")
    try:
        got["list"] = wait_for("the storage is missed", pause_s=0.2, condition=lambda: (
            answer := world.shape(world.ask("GET", "/orchestrations?page_size=1")))["status"] >= 500 and answer)
    finally:
        world.system.command("deploy/dev/postgres", "start")
    got["afterwards"] = wait_for("it is back", pause_s=0.2, condition=lambda: (
        world.ask("GET", "/orchestrations/<nothing>")["status"] == 200) and 200)


def connections(world, got):
    """What is read while all connections to PostgreSQL break, again and again."""
    statuses = set()
    for _ in range(5):
        for pid in world.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'tidegate_api'").split():
            os.kill(int(pid), signal.SIGTERM)
        for _ in range(20):
            statuses.add(world.ask("GET", "/orchestrations/<nothing>")["status"])
            statuses.add(world.ask("GET", "/runtimes?page_size=1")["status"])
            statuses.add(world.cancel("nothing")["status"])
    got["reads"] = sorted(statuses)


TESTS = [
    Story("all behind the gateway die", everything, {
        "goes on": ("3.9/continued", ["succeeded", {"succeeded": 3}]), "kept": ("3.9/kept", [True, True, True]),
        "operations once": ("3.9/continued D38 D18 6.1/send", [3, "3|3"]),
        "the same operation": ("3.9/continued D14", ["succeeded", True]),
        "the pending one": ("3.9/pending", ["succeeded", {"succeeded": 1}])}),
    Story("two are canceling", canceling, {
        "before": ("3.9/canceling", ["canceling", "canceling"]),
        "dying-kyma": ("3.9/canceling D11", ["canceled", {"canceled": 1, "succeeded": 1}]),
        "dying-cluster": ("3.9/canceling D11", ["canceled", {"canceled": 1, "succeeded": 1}])}),
    Story("operations are made once", created_once, {
        f"torn-{i}": ("D38 D12 3.9/pending", ["succeeded", {"succeeded": 9}, 9]) for i in range(3)}),
    Story("an upgrade is sent once", sent_once, {
        "ended": ("D18 D17", ["succeeded", {"succeeded": 1}]), "sent": ("D18", "1|1"), "in the ledger": ("D18", True)}),
    Story("connections that break", connections, {"reads": ("1.2/500", [200])}),
    # Of the server's kind, as the contract has it; 503 with Retry-After rather than 500, for a client may try again.
    Story("no storage", storage, {"list": ("1.2/500", {"status": 503, "body": error(like("while "))}),
                                  "afterwards": ("1.2/500", 200)}),
]
