"""Idempotency-Key: the same key is the same answer, whenever it comes."""
import concurrent.futures
import uuid

from harness import equal, has, holds

NOBODY = {"targets": {"include": [{"runtimeID": "nobody"}]}}


def post(system, key, body=None, token=True):
    return system.ask("POST", "/upgrade/kyma", body or NOBODY, token=token, headers={"Idempotency-Key": key})


def total(system):
    return system.get("/orchestrations?page_size=1")["totalCount"]


def cases(suite, system):
    key = str(uuid.uuid4())
    first = post(system, key)

    with suite.case("the same key again: the same answer, nothing new"):
        equal(first.status, 202)
        before = total(system)
        for _ in range(5):
            again = post(system, key)
            equal((again.status, again.json), (202, first.json))
        equal(total(system), before)
    with suite.case("the same key after the end: the same answer"):
        equal(system.ended(first.json["orchestrationID"])["state"], "succeeded")
        again = post(system, key)
        equal((again.status, again.json), (202, first.json))
    with suite.case("422: the same key with another body"):
        answer = post(system, key, {**NOBODY, "dryRun": True})
        equal(answer.status, 422)
        holds(answer.json, {"type": "about:blank", "title": "Unprocessable Content", "status": 422})
        has(answer.json["error"], "Idempotency-Key")
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
    with suite.case("the same key at the same time: one orchestration, the same answer for all"):
        before, key = total(system), str(uuid.uuid4())
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: post(system, key), range(12)))
        equal({answer.status for answer in answers}, {202})
        equal(len({answer.json["orchestrationID"] for answer in answers}), 1)
        equal(total(system), before + 1)
    with suite.case("the same key at the same time with two bodies: one wins, the other is 422"):
        key = str(uuid.uuid4())
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda i: post(system, key, {**NOBODY, "dryRun": i % 2 == 0}), range(12)))
        equal(sorted(answer.status for answer in answers), [202] * 6 + [422] * 6)
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
