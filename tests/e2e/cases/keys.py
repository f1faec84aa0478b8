"""Idempotency-Key: the same key is the same answer, whenever it comes."""
import concurrent.futures
import json
import uuid

from harness import PATIENCE_S, equal, has, holds, runtime_line

NOBODY = {"targets": {"include": [{"runtimeID": "nobody"}]}}


def post(system, key, body=None, token=True):
    return system.ask("POST", "/upgrade/kyma", body or NOBODY, token=token, headers={"Idempotency-Key": key})


def total(system):
    return system.get("/orchestrations?page_size=1")["totalCount"]


def one_of_two(system, ask, service="orchestrator"):
    """Asks twice at once while nobody decides: the answer that comes later, and the one that comes at once."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with system.frozen(service):
            asked = [pool.submit(ask) for _ in range(2)]
            done, _ = concurrent.futures.wait(asked, timeout=PATIENCE_S, return_when=concurrent.futures.FIRST_COMPLETED)
            equal(len(done), 1, "answered while nobody decides")
        second = done.pop()
        asked.remove(second)
        return asked[0].result(), second.result()


def crowd(count, ask):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def upgrades(suite, system):
    key = str(uuid.uuid4())
    first = post(system, key)

    with suite.case("the same key again: the same answer, nothing new"):
        equal(first.status, 202)
        before = total(system)
        for _ in range(5):
            again = post(system, key)
            equal((again.status, again.body), (202, first.body))
        equal(total(system), before)
    with suite.case("the same key after the end: the same answer"):
        equal(system.ended(first.json["orchestrationID"])["state"], "succeeded")
        again = post(system, key)
        equal((again.status, again.body), (202, first.body))
    with suite.case("400: two keys, though both are the same"):
        for other in (str(uuid.uuid4()), key):
            answer = system.ask("POST", "/upgrade/kyma", NOBODY, headers={"Idempotency-Key": key,
                                                                         "idempotency-key": other})
            equal((answer.status, answer.json["error"]), (400, "Idempotency-Key: expected one, got 2"))
    with suite.case("422: the same key with another body"):
        answer = post(system, key, {**NOBODY, "dryRun": True})
        equal(answer.status, 422)
        holds(answer.json, {"type": "about:blank", "title": "Unprocessable Content", "status": 422})
        has(answer.json["error"], "Idempotency-Key")
    with suite.case("422: the same key with another body, right or wrong"):
        for body in ({"targets": {}}, "{", {**NOBODY, "kyma": {"version": "foo"}}):
            equal((body, post(system, key, body).status), (body, 422))
    with suite.case("422 again, and the first body still has its answer"):
        equal(post(system, key, {**NOBODY, "dryRun": True}).status, 422)
        equal(post(system, key).json, first.json)
    with suite.case("the same key of another caller is another key"):
        other = post(system, key, token=system.token_signed(sub="somebody else"))
        equal(other.status, 202)
        if other.json == first.json:
            raise AssertionError("two callers share an orchestration")
    with suite.case("another key is another orchestration"):
        if post(system, str(uuid.uuid4())).json == first.json:
            raise AssertionError("two keys share an orchestration")
    with suite.case("without a key every request is another orchestration"):
        equal(len({system.ask("POST", "/upgrade/kyma", NOBODY).json["orchestrationID"] for _ in range(3)}), 3)
    with suite.case("409: the same key while the first one has no answer; then it has that one"):
        before, key = total(system), str(uuid.uuid4())
        first, second = one_of_two(system, lambda: post(system, key))
        holds(second.json, {"type": "about:blank", "title": "Conflict", "status": 409})
        has(second.json["error"], "Idempotency-Key")
        equal((second.status, second.headers["Retry-After"]), (409, "1"))
        equal(first.status, 202)
        again = post(system, key)
        equal((again.status, again.json, total(system)), (202, first.json, before + 1))
    with suite.case("the same key at the same time: one orchestration, the same answer for all that have one"):
        before, key = total(system), str(uuid.uuid4())
        answers = crowd(12, lambda _: post(system, key))
        equal({answer.status for answer in answers} - {409}, {202})
        equal(len({answer.json["orchestrationID"] for answer in answers if answer.status == 202}), 1)
        equal(total(system), before + 1)
    with suite.case("the same key at the same time with two bodies: one wins, the other is 422"):
        before, key = total(system), str(uuid.uuid4())
        answers = crowd(12, lambda i: (i % 2, post(system, key, {**NOBODY, "dryRun": i % 2 == 0}).status))
        [winner] = {body for body, status in answers if status == 202}
        equal({status for body, status in answers if body != winner} - {409, 422}, set())
        equal({status for body, status in answers if body == winner} - {409}, {202})
        equal(post(system, key, {**NOBODY, "dryRun": winner == 1}).status, 422)
        equal(total(system), before + 1)
    with suite.case("a refused body does not use the key up"):
        key = str(uuid.uuid4())
        equal(post(system, key, {"targets": {}}).status, 400)
        equal(post(system, key).status, 202)
    for name, bad in [("empty", ""), ("with a blank", "a b"), ("too long", "x" * 256), ("not ASCII", "schl\xfcssel")]:
        with suite.case(f"400: a key that is {name}"):
            answer = post(system, bad)
            equal(answer.status, 400)
            has(answer.json["error"], "Idempotency-Key")
    with suite.case("a key of 255 characters"):
        equal(post(system, uuid.uuid4().hex + "x" * 223).status, 202)
    with suite.case("the same key for the other type of upgrade is another key"):
        key = str(uuid.uuid4())
        answers = [system.ask("POST", f"/upgrade/{kind}", NOBODY, headers={"Idempotency-Key": key})
                   for kind in ("kyma", "cluster", "cluster")]
        equal([answer.status for answer in answers], [202] * 3)
        equal(len({answer.json["orchestrationID"] for answer in answers}), 2)
        equal(answers[1].json, answers[2].json)
    with suite.case("after a restart of all: the same answer, and 422 for another body"):
        key = str(uuid.uuid4())
        first = post(system, key)
        system.restart("api-gateway", "orchestrator")
        equal((post(system, key).json, post(system, key, {**NOBODY, "dryRun": True}).status), (first.json, 422))


# --- Imports ---

def import_as(system, key, lines):
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    return system.ask("POST", "/instances:import", text, headers={"Idempotency-Key": key})


def imports(suite, system):
    def line(name, **more):
        return runtime_line("keyed-" + name, globalAccount="ga-keyed", **more)

    key, lines = str(uuid.uuid4()), [line("1"), "no line\n", line("2"), line("1"), line("3", instanceID="keyed")]
    first = import_as(system, key, lines)
    with suite.case("an import with a key"):
        holds(first.json, {"imported": 3, "unchanged": 1})
        equal([rejected["line"] for rejected in first.json["rejected"]], [2])
    with suite.case("an import again: the same answer, where every line is known by now"):
        for _ in range(2):
            again = import_as(system, key, lines)
            equal((again.status, again.json), (200, first.json))
    with suite.case("an import again: what was imported since stays"):
        equal(system.import_lines([line("1", region="eastus")])["imported"], 1)
        equal(import_as(system, key, lines).json, first.json)
        equal(system.runtime("keyed-1")["region"], "eastus")
    with suite.case("422: another import with the key, and nothing of it is done"):
        for other in ([line("4")], lines[:-1], lines + [line("4")]):
            answer = import_as(system, key, other)
            equal(answer.status, 422)
            has(answer.json["error"], "Idempotency-Key")
        equal(system.get("/runtimes?runtime_id=keyed-4&state=all")["totalCount"], 0)
    with suite.case("an import again: refusals of both services are repeated"):
        key = str(uuid.uuid4())
        lines = [line("5", instanceID="keyed"), line("1", instanceID="keyed-ghost"), line("6")]
        first = import_as(system, key, lines).json
        equal(([rejected["line"] for rejected in first["rejected"]], first["imported"]), ([1, 2], 1))
        equal(import_as(system, key, lines).json, first)
    with suite.case("a thousand lines again: the same answer"):
        key, many = str(uuid.uuid4()), [line(f"many-{i}") for i in range(1000)]
        first = import_as(system, key, many).json
        equal(first, {"imported": 1000, "unchanged": 0, "rejected": []})
        equal(import_as(system, key, many).json, first)
    with suite.case("an import that broke off: lines without an outcome are sent, the others are not"):
        key, half = str(uuid.uuid4()), [line(f"half-{i}") for i in range(20)]
        equal(import_as(system, key, half).json["imported"], 20)
        system.sql("DELETE FROM provisioner.outcome WHERE request_id IN (SELECT request_id FROM provisioner.outcome ORDER"
                   " BY \"time\" DESC LIMIT 5)")
        first = import_as(system, key, half)
        equal(first.json, {"imported": 15, "unchanged": 5, "rejected": []})
    with suite.case("an import after a restart of all: the same answer, and 422 for another"):
        system.restart("api-gateway", "broker", "provisioner")
        equal((import_as(system, key, half).json, import_as(system, key, half[1:]).status), (first.json, 422))
    with suite.case("409: the same import while the first one runs"):
        key = str(uuid.uuid4())
        first, second = one_of_two(system, lambda: import_as(system, key, [line("7")]), "broker")
        equal((first.status, second.status), (200, 409))
        equal(import_as(system, key, [line("7")]).json, first.json)
    with suite.case("400: an import with a key that is none"):
        equal(import_as(system, "a b", [line("8")]).status, 400)


def cases(suite, system):
    upgrades(suite, system)
    imports(suite, system)
