"""Two gateways that are asked with one Idempotency-Key in the same moment: one request is carried out, once, and every
repetition has the bytes of the first answer, whichever of the two is asked and whichever has died."""
import contextlib
import copy
import json
import os
import signal
import threading
import uuid

from cases import retry as retries
from cases.keys import import_as, post as upgrade_as
from harness import equal, runtime_line, wait_for
from provisioning import data, gardener, kyma, post as graphql, provision_text, provisioned, simple_text, upgrade_text

OTHER = "api-gateway", "1"
ROUNDS = 10  # without claims both were carried out in nine of ten


def at_once(*asked):
    """The results of functions that begin in the same moment."""
    barrier, got = threading.Barrier(len(asked)), [None] * len(asked)

    def run(i):
        barrier.wait()
        got[i] = asked[i]()
    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def told(answer):
    return answer.status, answer.body


def settled(ask):
    """The answer, when it is no longer 409."""
    return wait_for("the key is not in use", pause_s=0.2, condition=lambda:
                    (answer := ask()).status != 409 and answer)


def one_winner(gateways, ask, done):
    """Two bodies, one to each gateway: gives the one that was `done`; the other is 409 or 422 at first, and 422 ever after."""
    first = at_once(*(lambda i=i: ask(gateways[i], i) for i in range(2)))
    winners = [i for i in range(2) if first[i].status == done]
    equal(len(winners), 1, repr(first))
    [winner] = winners
    equal(first[1 - winner].status in (409, 422), True, repr(first))
    for gateway in gateways:
        equal(told(ask(gateway, winner)), told(first[winner]))
        equal(ask(gateway, 1 - winner).status, 422)
    return winner


def one_answer(gateways, ask, done):
    """One body to both gateways: each answer is the same, or 409."""
    got = at_once(*(lambda gateway=gateway: ask(gateway) for gateway in gateways for _ in range(2)))
    equal({answer.status for answer in got} - {409}, {done}, repr(got))
    got += [ask(gateway) for gateway in gateways]
    equal(len({told(answer) for answer in got if answer.status != 409}), 1, repr(got))
    return got[-1]


# --- Imports ---

def lines_of(name, count):
    return [runtime_line(f"gw-{name}-{i}", globalAccount="ga-gateways") for i in range(count)]


def imported(system, name):
    return int(system.sql(f"SELECT count(*) FROM broker.instance WHERE runtime_id LIKE 'gw-{name}-%'"))


def decided(system, name):
    """How often lines of such runtimes were decided about."""
    return sum(event["type"].startswith("tidegate.instance.") and
               str(event["data"].get("line", {}).get("runtimeID", "")).startswith(f"gw-{name}")
               for record in system.records("instances.events") for event in record["events"])


def imports(suite, system, gateways):
    with suite.case(f"an import: two bodies at two gateways, {ROUNDS} times: one is carried out, the other is not"):
        for turn in range(ROUNDS):
            key, names = str(uuid.uuid4()), [f"two{turn}{side}" for side in "ab"]
            winner = one_winner(gateways, lambda gateway, i: import_as(gateway, key, lines_of(names[i], 5)), 200)
            equal([imported(system, name) for name in names], [5, 0] if winner == 0 else [0, 5])
    with suite.case(f"an import: one body at two gateways, {ROUNDS} times: each line is decided about once"):
        for turn in range(ROUNDS):
            key = str(uuid.uuid4())
            answer = one_answer(gateways, lambda gateway: import_as(gateway, key, lines_of(f"one{turn}", 5)), 200)
            equal(answer.json, {"imported": 5, "unchanged": 0, "rejected": []})
        equal(decided(system, "one"), 5 * ROUNDS)
    with suite.case("an import: at the other gateway it is 409 while it runs, and another one is 422"):
        key, lines = str(uuid.uuid4()), lines_of("runs", 3)
        answers = []
        with system.frozen("provisioner"):
            first = threading.Thread(target=lambda: answers.append(import_as(gateways[0], key, lines)))
            first.start()
            wait_for("it has begun", lambda: imported(system, "runs") == 3)
            busy = import_as(gateways[1], key, lines)
            equal((busy.status, busy.headers["Retry-After"]), (409, "1"))
            equal(import_as(gateways[1], key, lines_of("other", 1)).status, 422)
        first.join()
        equal(answers[0].json, {"imported": 3, "unchanged": 0, "rejected": []})
        equal({told(import_as(gateway, key, lines)) for gateway in gateways}, {told(answers[0])})
    with suite.case("an import that lasts longer than a claim is for goes on to be its gateway's"):
        key, lines, answers = str(uuid.uuid4()), lines_of("long", 2), []
        with system.frozen("provisioner"):
            first = threading.Thread(target=lambda: answers.append(import_as(gateways[1], key, lines)))
            first.start()
            wait_for("it was renewed twice", lambda: renewals(system, key) >= 3)
            equal(import_as(gateways[0], key, lines).status, 409)
        first.join()
        equal(answers[0].status, 200)


def renewals(system, key):
    """How often the key was claimed that was claimed last."""
    claims = [event["subject"] for record in system.records("instances.events") for event in record["events"]
              if event["type"] == "tidegate.instance.claimed.v1" and "holder" in event["data"]]
    return max((claims.count(subject) for subject in claims[-1:]), default=0)


def killed(gateway_pid, ask):
    """Asks, and kills the gateway with the answer under way; gives a function that waits for the client's end."""
    def run():
        with contextlib.suppress(OSError, Exception):
            ask()
    client = threading.Thread(target=run)
    client.start()

    def kill():
        os.kill(gateway_pid, signal.SIGKILL)
        client.join()
    return kill


def deaths(suite, system, gateways):
    with suite.case("a gateway dies in the middle of an import: the other one goes on with it, and with no other"):
        key, lines = str(uuid.uuid4()), lines_of("dies", 4000)
        kill = killed(system.pid("api-gateway-1"), lambda: import_as(gateways[1], key, lines))
        wait_for("it has begun", pause_s=0.01, condition=lambda: imported(system, "dies") > 0)
        kill()
        equal(imported(system, "dies") < 4000, True, "it has ended before it was killed")
        equal(import_as(gateways[0], key, lines_of("dead", 1)).status, 422)
        answer = settled(lambda: import_as(gateways[0], key, lines))
        equal((answer.json["imported"] + answer.json["unchanged"], answer.json["rejected"]), (4000, []))
        equal(imported(system, "dies"), 4000)
    system.start(*OTHER)
    with suite.case("and then its answer stays the same, at both"):
        for gateway in gateways:
            equal(told(import_as(gateway, key, lines)), told(answer))
            equal(import_as(gateway, key, lines_of("dead", 1)).status, 422)
        equal(imported(system, "dead"), 0)
    with suite.case("a gateway dies with a claim and nothing done: the same body is carried out, no other"):
        key, lines = str(uuid.uuid4()), lines_of("early", 3)
        known = int(system.sql("SELECT count(*) FROM broker.claim"))
        kill = killed(system.pid("api-gateway-1"), lambda: import_as(gateways[1], key, lines))
        wait_for("it has the key", pause_s=0.01, condition=lambda:
                 int(system.sql("SELECT count(*) FROM broker.claim")) > known)
        kill()
        equal(import_as(gateways[0], key, lines_of("late", 1)).status, 422)
        answer = settled(lambda: import_as(gateways[0], key, lines))
        equal((answer.status, imported(system, "early"), imported(system, "late")), (200, 3, 0))
    system.start(*OTHER)
    with suite.case("a gateway stands still, and another has ended its import: it gives no other answer"):
        key, lines, answers = str(uuid.uuid4()), lines_of("still", 3000), []
        first = threading.Thread(target=lambda: answers.append(import_as(gateways[1], key, lines)))
        first.start()
        wait_for("it has begun", pause_s=0.01, condition=lambda: imported(system, "still") > 0)
        with system.frozen("api-gateway-1"):
            equal(imported(system, "still") < 3000, True, "it has ended before it was stopped")
            answer = settled(lambda: import_as(gateways[0], key, lines))
            equal(answer.json["imported"] + answer.json["unchanged"], 3000)
        first.join()
        equal(answers[0].status in (409, 503, 504) or told(answers[0]) == told(answer), True, repr(answers[0]))
        # What it had sent before is decided when it wakes, a second time: the state is the same, the counts may not be.
        for gateway in gateways:
            again = settled(lambda gateway=gateway: import_as(gateway, key, lines)).json
            equal((again["imported"] + again["unchanged"], again["rejected"]), (3000, []))


# --- Upgrades and retries ---

def total(system):
    return system.get("/orchestrations?page_size=1")["totalCount"]


def upgrades(suite, system, gateways):
    bodies = [{"targets": {"include": [{"runtimeID": "nobody"}]}, "dryRun": dry_run} for dry_run in (False, True)]
    with suite.case(f"an upgrade: two bodies at two gateways, {ROUNDS} times: one is carried out, the other is not"):
        before = total(system)
        for _ in range(ROUNDS):
            key = str(uuid.uuid4())
            one_winner(gateways, lambda gateway, i: upgrade_as(gateway, key, bodies[i]), 202)
        equal(total(system), before + ROUNDS)
    with suite.case(f"an upgrade: one body at two gateways, {ROUNDS} times: one orchestration each"):
        before = total(system)
        for _ in range(ROUNDS):
            key = str(uuid.uuid4())
            one_answer(gateways, lambda gateway: upgrade_as(gateway, key, bodies[0]), 202)
        equal(total(system), before + ROUNDS)
    with suite.case("a retry: two bodies at two gateways: one is carried out, the other is not; one body: once"):
        system.import_fleet("ga-gw-retry", ["bad-gw-1", "bad-gw-2"])
        failed = system.upgrade(include=[{"globalAccount": "ga-gw-retry"}], strategy={"parallel": {"workers": 2}})
        equal(system.ended(failed)["operationStats"], {"failed": 2})
        asked = ["operation-id=" + one["operationID"] for one in system.operations(failed).values()]
        for _ in range(5):
            key, before = str(uuid.uuid4()), retried(system, failed)
            one_winner(gateways, lambda gateway, i: retries.retry(gateway, failed, asked[i], key=key), 202)
            equal(system.ended(failed)["operationStats"], {"failed": 2})
            key = str(uuid.uuid4())
            one_answer(gateways, lambda gateway: retries.retry(gateway, failed, asked[0], key=key), 202)
            equal(system.ended(failed)["operationStats"], {"failed": 2})
            equal(retried(system, failed), before + 2)


def retried(system, orchestration_id):
    return sum(event["type"] == "tidegate.orchestration.retried.v1" and event["subject"] == orchestration_id
               for record in system.records("orchestrations.events") for event in record["events"])


# --- Mutations ---

class Told:
    """A mutation's answer as one of REST: its error's code is the status."""

    def __init__(self, answer):
        errors = answer.json.get("errors", [{"extensions": {"error_code": 200}}])
        self.status, self.body, self.json = errors[0]["extensions"]["error_code"], answer.body, answer.json

    def __repr__(self):
        return repr(self.json)


def mutate(gateway, key, query):
    return Told(graphql(gateway, query, headers={"Idempotency-Key": key}))


def operations(system, runtime_ids):
    listed = ", ".join(f"'{runtime_id}'" for runtime_id in runtime_ids)
    return int(system.sql(f"SELECT count(*) FROM provisioner.operation WHERE runtime_id IN ({listed})"))


def at_rest(system, runtime_ids):
    listed = ", ".join(f"'{runtime_id}'" for runtime_id in runtime_ids)
    wait_for("they are at rest", lambda: system.sql(
        f"SELECT count(*) FROM provisioner.operation WHERE runtime_id IN ({listed}) AND ended_at IS NULL") == "0")


def mutations(suite, system, gateways):
    both = [provisioned(system, f"gw-{side}", kyma()) for side in "ab"]
    with suite.case(f"a mutation: two runtimes at two gateways, {ROUNDS} times: one is upgraded, the other is not"):
        for turn in range(ROUNDS):
            key, before = str(uuid.uuid4()), operations(system, both)
            one_winner(gateways, lambda gateway, i: mutate(gateway, key, upgrade_text(both[i], kyma("1.20.4"))), 200)
            equal(operations(system, both), before + 1)
            at_rest(system, both)
    with suite.case(f"a mutation: two new runtimes at two gateways, {ROUNDS} times: one is provisioned"):
        for turn in range(ROUNDS):
            key = str(uuid.uuid4())
            one_winner(gateways, lambda gateway, i: mutate(gateway, key, provision_text(gardener(f"n{turn}-{i}"))), 200)
        equal(system.sql(r"SELECT count(*) FROM provisioner.runtime WHERE shoot_name ~ '^n\d+-[01]$'"), str(ROUNDS))
    with suite.case(f"a mutation: one body at two gateways, {ROUNDS} times: one operation, and one answer"):
        for _ in range(ROUNDS):
            key, before = str(uuid.uuid4()), operations(system, both)
            one_answer(gateways, lambda gateway: mutate(gateway, key, upgrade_text(both[0], kyma("1.20.4"))), 200)
            equal(operations(system, both), before + 1)
            at_rest(system, both)
    with suite.case("a mutation that is refused: one answer at two gateways, and no other body after it"):
        key, other = str(uuid.uuid4()), simple_text("hibernateRuntime", both[0])
        one_answer(gateways, lambda gateway: mutate(gateway, key, simple_text("hibernateRuntime", "no-such")), 400)
        equal([mutate(gateway, key, other).status for gateway in gateways], [422, 422])
    with suite.case("a gateway dies with a mutation under way: it is carried out, once, and no other"):
        key, query, before = str(uuid.uuid4()), upgrade_text(both[0], kyma("1.20.4")), operations(system, both)
        known = int(system.sql("SELECT count(*) FROM broker.claim"))
        with system.frozen("provisioner"):
            kill = killed(system.pid("api-gateway-1"), lambda: mutate(gateways[1], key, query))
            wait_for("it has the key", lambda: int(system.sql("SELECT count(*) FROM broker.claim")) > known)
            kill()
            equal(mutate(gateways[0], key, upgrade_text(both[1], kyma("1.20.4"))).status, 422)
        answer = mutate(gateways[0], key, query)
        equal((answer.status, operations(system, both)), (200, before + 1))
        at_rest(system, both)
        system.start(*OTHER)
        equal({told(mutate(gateway, key, query)) for gateway in gateways}, {told(answer)})
        equal(operations(system, both), before + 1)


def restarts(suite, system, gateways):
    with suite.case("after a restart of all: a key that was used for nothing yet is still its body's"):
        key = str(uuid.uuid4())
        equal(data(system, "{ __typename }"), {"__typename": "Query"})
        first = mutate(gateways[0], key, simple_text("hibernateRuntime", "no-such"))
        system.sql("DELETE FROM provisioner.outcome WHERE body->>'error' LIKE '%no-such%'")
        system.restart("broker", "api-gateway")
        equal(mutate(gateways[0], key, simple_text("hibernateRuntime", "no-such-either")).status, 422)
        equal(first.status, 400)


def cases(suite, system):
    other = copy.copy(system)
    other.port = system.port + 10
    system.start(*OTHER)
    gateways = [system, other]
    try:
        for part in (imports, deaths, upgrades, mutations, restarts):
            suite.run(f"two gateways: {part.__name__}", lambda suite, system, part=part: part(suite, system, gateways),
                      system)
    finally:
        system.command("deploy/dev/service", "stop", *OTHER)
