"""Idempotency-Key on mutations: a repeat is answered as the first one was, and nothing is done twice."""
import threading
import uuid

from cases.keys import one_of_two
from harness import equal, has
from provisioning import TENANT, data, ends, error, gardener, kyma, operation, post, provision_text, provisioned, \
    simple_text, upgrade_text

TWO = """mutation { a: provisionRuntime(config: CONFIG) { id runtimeID }
                   b: provisionRuntime(config: CONFIG) { id runtimeID } }"""


def keyed(key, **more):
    return {"headers": {"Idempotency-Key": key, **more}}


def count(system, runtime_id):
    return int(system.sql(f"SELECT count(*) FROM api.runtime_operations WHERE runtime_id = '{runtime_id}'"))


def cases(suite, system):
    key = str(uuid.uuid4())
    text = provision_text(gardener("keyed"), kyma())
    with system.held():
        first = data(system, text, **keyed(key))["result"]
        runtime_id = first["runtimeID"]
        with suite.case("while it runs: the same key has the same answer, and makes nothing"):
            equal(data(system, text, **keyed(key))["result"], first)
        with suite.case("while it runs: another request with the key is an error"):
            error(system, provision_text(gardener("keyed-other"), kyma()), 422, "Idempotency-Key", **keyed(key))
            equal(system.sql("SELECT count(*) FROM api.runtime_status WHERE shoot_name = 'keyed-other'"), "0")
    with suite.case("two keys in a request are 400, though both are the same"):
        answer = post(system, text, headers={"Idempotency-Key": key, "idempotency-key": key})
        equal(answer.status, 400)
        has(answer.text, "Idempotency-Key: expected one, got 2")
    ends(system, first["id"])
    with suite.case("after the end: the same key has the same answer, and makes nothing"):
        equal(data(system, text, **keyed(key))["result"], first)
        equal(count(system, runtime_id), 1)
    with suite.case("after the end: another request with the key is an error, on any runtime, of any kind"):
        for other in (provision_text(gardener("keyed-other"), kyma()), upgrade_text(runtime_id, kyma("1.20.4")),
                      upgrade_text("nothing", kyma()), simple_text("hibernateRuntime", runtime_id)):
            error(system, other, 422, "Idempotency-Key", **keyed(key))
        equal(count(system, runtime_id), 1)
    with suite.case("after a restart of gateway and provisioner: still the same answer"):
        system.restart("api-gateway", "provisioner")
        equal(data(system, text, **keyed(key))["result"], first)
        error(system, upgrade_text(runtime_id, kyma()), 422, "Idempotency-Key", **keyed(key))
    with suite.case("every mutation with an operation has one however often it is repeated"):
        key, before = str(uuid.uuid4()), count(system, runtime_id)
        upgrade = upgrade_text(runtime_id, kyma("1.20.4"))
        answers = [data(system, upgrade, **keyed(key))["result"]["id"] for _ in range(3)]
        ends(system, answers[0])
        answers.append(data(system, upgrade, **keyed(key))["result"]["id"])
        equal((len(set(answers)), count(system, runtime_id)), (1, before + 1))
    with suite.case("a rollback with a key, twice: the same answer"):
        key = str(uuid.uuid4())
        back = simple_text("rollBackUpgradeOperation", runtime_id, "runtimeConfiguration { kymaConfig { version } }")
        answers = [data(system, back, **keyed(key)) for _ in range(2)]
        equal(answers[0]["result"]["runtimeConfiguration"]["kymaConfig"]["version"], "1.24.5")
        equal(answers[1], answers[0])
    with suite.case("after a rollback: another request with its key is an error"):
        for other in (upgrade_text(runtime_id, kyma()), simple_text("hibernateRuntime", runtime_id)):
            error(system, other, 422, "Idempotency-Key", **keyed(key))
    with suite.case("a refusal is repeated too"):
        key = str(uuid.uuid4())
        refused = [error(system, upgrade_text(runtime_id, kyma("0.0.1")), 400, "0.0.1", **keyed(key)) for _ in range(2)]
        equal(refused[0]["message"], refused[1]["message"])
    with suite.case("after a refusal: another request with its key is an error"):
        error(system, upgrade_text(runtime_id, kyma()), 422, "Idempotency-Key", **keyed(key))
    with suite.case("409: the same key while the first one has no answer; then it has that one"):
        key, text = str(uuid.uuid4()), simple_text("hibernateRuntime", "no-such-runtime")
        first, second = one_of_two(system, lambda: post(system, text, **keyed(key)), "provisioner")
        refused = second.json["errors"][0]
        equal(refused["extensions"]["error_code"], 409)
        has(refused["message"], "Idempotency-Key")
        equal(first.json["errors"][0]["extensions"]["error_code"] in (400, 404), True, first)
        equal(post(system, text, **keyed(key)).json, first.json)
    with suite.case("two mutations in one document are two requests, and repeat as two"):
        key = str(uuid.uuid4())
        config = provision_text(gardener("two-" + key)).split("config: ", 1)[1].split(") {", 1)[0]
        text = TWO.replace("CONFIG", config)
        first = data(system, text, **keyed(key))
        equal((first["a"]["id"] != first["b"]["id"], first["a"]["runtimeID"] != first["b"]["runtimeID"]), (True, True))
        equal(data(system, text, **keyed(key)), first)
        for one in first.values():
            ends(system, one["id"])
        equal(system.sql(f"SELECT count(*) FROM api.runtime_status WHERE shoot_name = 'two-{key}'"), "2")
    with suite.case("another tenant's key is another key"):
        key, text = str(uuid.uuid4()), provision_text(gardener("keyed-tenant"))
        one, other = (data(system, text, tenant=tenant, **keyed(key))["result"]["id"]
                      for tenant in (TENANT, "tenant-two"))
        equal(one != other, True)
        equal(operation(system, other, tenant="tenant-two")["id"], other)
        ends(system, one)
    with suite.case("eight at once with one key: one operation; those that come too early are told so"):
        key, runtime_id = str(uuid.uuid4()), provisioned(system, "keyed-crowd", kyma())
        answers = []
        crowd = [threading.Thread(target=lambda: answers.append(
            post(system, upgrade_text(runtime_id, kyma()), **keyed(key)).json)) for _ in range(8)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        done = [answer for answer in answers if answer.get("errors") is None]
        equal({answer["errors"][0]["extensions"]["error_code"] for answer in answers if answer not in done} - {409}, set())
        equal(len({str(answer) for answer in done}), 1)
        ends(system, done[0]["data"]["result"]["id"])
        equal(count(system, runtime_id), 2)
    for name, key in (("an empty one", ""), ("a blank in it", "a b"), ("a long one", "k" * 256)):
        with suite.case(f"400: a key that is none: {name}"):
            answer = post(system, simple_text("hibernateRuntime", runtime_id), **keyed(key))
            equal(answer.status, 400)
            has(answer.json["errors"][0]["message"], "Idempotency-Key")
