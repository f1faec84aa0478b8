"""POST /orchestrations/{id}/retry (OC 1.1, 1.2, 3.6): what it takes, what it refuses, what it answers."""
import json
import uuid

from cases.keys import one_of_two
from harness import equal, has, holds

FORM = "application/x-www-form-urlencoded"
QUEUED = "retry operations are queued for processing"
NOBODY = [{"runtimeID": "nobody"}]


def retry(system, orchestration_id, body="", query="", content_type=FORM, key=None, **more):
    headers = {"Content-Type": content_type} if content_type else {}
    if key is not None:
        headers["Idempotency-Key"] = key
    return system.ask("POST", f"/orchestrations/{orchestration_id}/retry{query}", body, headers=headers, **more)


def no_valid(orchestration_id, invalid=None, old=None):
    return {"orchestrationID": orchestration_id, "retryOperations": None, "oldOperations": old,
            "invalidOperations": invalid, "msg": f"No valid operations to retry for orchestration {orchestration_id}"}


def queued(orchestration_id, operations, invalid=None, old=None):
    return {"orchestrationID": orchestration_id, "retryOperations": operations, "oldOperations": old,
            "invalidOperations": invalid, "msg": QUEUED}


def refusals(suite, system, orchestration_id):
    for content_type in (None, "", "application/json", "text/plain; application/x-www-form-urlencoded",
                         FORM + "x", "multipart/form-data; boundary=x", FORM + ", text/plain"):
        with suite.case(f"415, E6: the content type {content_type!r}"):
            answer = retry(system, orchestration_id, content_type=content_type)
            equal((answer.status, answer.json["error"]), (415, f"invalide content type {content_type or ''}"))
            equal(answer.headers["Content-Type"], "application/json")
    with suite.case("1.2: 415 comes before 400 and before 404"):
        equal(retry(system, "nothing", "operation-id=%zz", content_type="text/plain").status, 415)
    for name, body, query in (("a bad escape", "operation-id=%zz", ""), ("no UTF-8", "operation-id=%ff", ""),
                              ("a bad escape in the query", "", "?operation-id=%2"),
                              ("an ID of 201 bytes", "operation-id=" + "x" * 201, ""),
                              ("30,001 IDs", "&".join(["operation-id=x"] * 30001), "")):
        with suite.case(f"400, D32: {name}, before the orchestration is looked up"):
            for known in (orchestration_id, "nothing"):
                answer = retry(system, known, body, query)
                equal(answer.status, 400)
                has(answer.json["error"], f"while retrying orchestration {known}: while parsing the form: ")
    with suite.case("404: an unknown orchestration, with the contract's text"):
        answer = retry(system, "nothing", "operation-id=x")
        equal(answer.status, 404)
        if not answer.json["error"].startswith("while retrying orchestration nothing: "):
            raise AssertionError(answer)
    with suite.case("E6: 401 without a token, 403 for an operator"):
        equal(retry(system, orchestration_id, token=None).status, 401)
        equal(retry(system, orchestration_id, token=system.token("runtimeOperator")).status, 403)
    with suite.case("Q11: another method, or a slash at the end, is 404 in text"):
        for method, end in (("GET", ""), ("PUT", ""), ("POST", "/")):
            answer = system.ask(method, f"/orchestrations/{orchestration_id}/retry{end}")
            equal((answer.status, answer.text), (404, "404 page not found\n"))


def nothing_to_do(suite, system):
    orchestration_id = system.upgrade(include=NOBODY)
    system.ended(orchestration_id)
    with suite.case("Q1, Q4: nothing to retry is 202 with nulls"):
        answer = retry(system, orchestration_id)
        equal((answer.status, answer.json), (202, no_valid(orchestration_id)))
        equal(answer.headers["Content-Type"], "application/json")
    with suite.case("3.6: unknown IDs are invalid, in the order of the request, each once"):
        equal(retry(system, orchestration_id, "operation-id=zz&operation-id=a+b&operation-id=zz").json,
              no_valid(orchestration_id, ["zz", "a b"]))
    with suite.case("3.6: values of the body come before those of the query"):
        equal(retry(system, orchestration_id, "operation-id=b", "?operation-id=a&operation-id=b&other=1").json,
              no_valid(orchestration_id, ["b", "a"]))
    for content_type in (FORM + "; charset=utf-8", FORM + " ; x=y", "Application/X-WWW-Form-Urlencoded"):
        with suite.case(f"D32: the content type {content_type}"):
            equal(retry(system, orchestration_id, content_type=content_type).status, 202)
    with suite.case("7.2: the request of kcp, without a body"):
        answer = system.ask("POST", f"//orchestrations/{orchestration_id}/retry", headers={
            "Content-Type": FORM, "User-Agent": "Go-http-client/1.1", "Accept-Encoding": "gzip"})
        equal((answer.status, answer.json), (202, no_valid(orchestration_id)))
    return orchestration_id


def failed_ones(suite, system):
    """Those of a failed orchestration; some runtimes fail each time."""
    system.import_fleet("ga-retry", ["bad-retry-1", "bad-retry-2", "retry-1"])
    orchestration_id = system.upgrade(include=[{"globalAccount": "^ga-retry$"}],
                                      strategy={"parallel": {"workers": 3}})
    holds(system.ended(orchestration_id), {"state": "failed", "operationStats": {"failed": 2, "succeeded": 1}})
    operations = {name: operation["operationID"] for name, operation in system.operations(orchestration_id).items()}
    with suite.case("3.6: named ones that failed are retried, others are invalid"):
        answer = retry(system, orchestration_id, f"operation-id={operations['retry-1']}&operation-id="
                       f"{operations['bad-retry-2']}&operation-id=zz&operation-id={operations['bad-retry-2']}")
        equal((answer.status, answer.json), (202, queued(orchestration_id, [operations["bad-retry-2"]],
                                                         [operations["retry-1"], "zz"])))
        holds(system.ended(orchestration_id), {"state": "failed"})
    with suite.case("3.6: without IDs all that failed, the oldest first"):
        answer = retry(system, orchestration_id)
        equal(answer.status, 202)
        equal(sorted(answer.json["retryOperations"]), sorted([operations["bad-retry-1"], operations["bad-retry-2"]]))
        system.ended(orchestration_id)
    with suite.case("3.6: a newer upgrade of the instance makes a failed one old"):
        newer = system.upgrade(include=[{"runtimeID": "bad-retry-1"}])
        system.ended(newer)
        equal(retry(system, orchestration_id, f"operation-id={operations['bad-retry-1']}").json,
              no_valid(orchestration_id, old=[operations["bad-retry-1"]]))
    return orchestration_id, operations


def keys(suite, system, orchestration_id, operations):
    key, body = str(uuid.uuid4()), f"operation-id={operations['bad-retry-2']}"
    first = retry(system, orchestration_id, body, key=key)
    system.ended(orchestration_id)
    with suite.case("Idempotency-Key: a retry that comes again has the same answer, and nothing runs again"):
        equal((first.status, first.json["retryOperations"]), (202, [operations["bad-retry-2"]]))
        for _ in range(3):
            again = retry(system, orchestration_id, body, key=key)
            equal((again.status, again.body), (first.status, first.body))
        equal(system.orchestration(orchestration_id)["state"], "failed")
    with suite.case("Idempotency-Key: the same operations elsewhere in the request are the same request"):
        equal(retry(system, orchestration_id, "", "?" + body, key=key).body, first.body)
    with suite.case("Idempotency-Key: still after another retry"):
        equal(retry(system, orchestration_id, "operation-id=zz").status, 202)
        equal(retry(system, orchestration_id, body, key=str(uuid.uuid4())).status, 202)
        system.ended(orchestration_id)
        equal(retry(system, orchestration_id, body, key=key).body, first.body)
        equal(system.orchestration(orchestration_id)["state"], "failed")
    with suite.case("422: the same key for other operations"):
        answer = retry(system, orchestration_id, "operation-id=zz", key=key)
        equal(answer.status, 422)
        has(answer.json["error"], "Idempotency-Key")
        equal(retry(system, orchestration_id, body, key=key).body, first.body)
    with suite.case("the same key for another orchestration is another key"):
        equal(retry(system, "nothing", body, key=key).status, 404)
        other = system.upgrade(include=NOBODY)
        equal(retry(system, other, body, key=key).json["orchestrationID"], other)
    with suite.case("Idempotency-Key: a refusal and a \"no valid\" are repeated too"):
        key = str(uuid.uuid4())
        answers = [retry(system, "nothing", key=key).text for _ in range(2)]
        equal(answers[0], answers[1])
        answers = [retry(system, orchestration_id, "operation-id=zz", key=key).json for _ in range(2)]
        equal(answers, [no_valid(orchestration_id, ["zz"])] * 2)
    with suite.case("400: a key that is none, behind 415 and the form"):
        equal(retry(system, orchestration_id, key="a b").status, 400)
        equal(retry(system, orchestration_id, key="a b", content_type="text/plain").status, 415)
    with suite.case("409: while the first one has no answer; then it has that one"):
        key = str(uuid.uuid4())
        first, second = one_of_two(system, lambda: retry(system, orchestration_id, body, key=key))
        equal((second.status, second.headers["Retry-After"]), (409, "1"))
        has(second.json["error"], "Idempotency-Key")
        equal(first.status, 202)
        equal(retry(system, orchestration_id, body, key=key).json, first.json)
        system.ended(orchestration_id)


def cases(suite, system):
    refusals(suite, system, nothing_to_do(suite, system))
    keys(suite, system, *failed_ones(suite, system))
