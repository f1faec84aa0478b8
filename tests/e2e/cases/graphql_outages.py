"""GraphQL while Kafka, PostgreSQL or the provisioner is away: fields fail in time, the truth is there afterwards."""
import contextlib
import os
import signal
import subprocess
import time
import uuid

from cases.outages import LATE_S, LIMIT_S, all_ready
from harness import PATIENCE_S, equal, wait_for
from provisioning import data, ends, error, gardener, kyma, operation, post, provision_text, provisioned, \
    simple_text, upgrade_text

READING_LIMIT_S = 10  # until the gateway gives up reading rows that do not come
PATIENT_S = 5  # for which it asks again where a connection broke
VERSION = "runtimeConfiguration { kymaConfig { version } }"


def count(system, runtime_id):
    return int(system.sql(f"SELECT count(*) FROM provisioner.operation WHERE runtime_id = '{runtime_id}'"))


def fails(system, query, codes, limit_s=LIMIT_S, null=True, **options):
    """The error code of a field that fails within the time limit."""
    began = time.monotonic()
    answer = post(system, query, **options)
    seconds = time.monotonic() - began
    if seconds > limit_s + LATE_S:
        raise AssertionError(f"{seconds:.1f} s until {answer}")
    equal((answer.status, answer.json["data"]), (200, {"result": None} if null else None), repr(answer))
    equal(len(answer.json["errors"]), 1)
    extensions = answer.json["errors"][0]["extensions"]
    equal((extensions["error_code"] in codes, extensions["error_component"]), (True, "gateway"), repr(answer))
    return extensions["error_code"]


def repeated(system, query, key):
    """The answer of a repeat with its key, as soon as there is one."""
    def settled():
        answer = post(system, query, headers={"Idempotency-Key": key}).json
        code = answer["errors"][0]["extensions"]["error_code"] if "errors" in answer else 200
        return code not in (503, 504) and answer
    answer = wait_for("a repeat is answered", settled, pause_s=0.3)
    equal("errors" in answer, False, repr(answer))
    return answer["data"]["result"]


def kafka_away(suite, system, how, away, back):
    keyed, plain = (provisioned(system, f"{name}-{how}", kyma()) for name in ("keyed", "plain"))
    key, upgrade = str(uuid.uuid4()), upgrade_text(keyed, kyma("1.20.4"))
    codes, last = [], simple_text("runtimeStatus", keyed, f"lastOperationStatus {{ id state }} {VERSION}")
    before = data(system, last)
    away()
    try:
        with suite.case(f"GraphQL, Kafka {how}: a mutation fails with 503 or 504, within the limit"):
            codes.append(fails(system, upgrade, (503, 504), headers={"Idempotency-Key": key}))
        with suite.case(f"GraphQL, Kafka {how}: a repeat with its key is no worse"):
            codes.append(fails(system, upgrade, (503, 504), headers={"Idempotency-Key": key}))
        with suite.case(f"GraphQL, Kafka {how}: so does one without a key, and deprovisioning takes all data with it"):
            codes.append(fails(system, upgrade_text(plain, kyma("1.20.4")), (503, 504)))
            fails(system, simple_text("deprovisionRuntime", str(uuid.uuid4()), ""), (503, 504), null=False)
        with suite.case(f"GraphQL, Kafka {how}: queries go on"):
            equal(data(system, last), before)
            equal(operation(system, before["result"]["lastOperationStatus"]["id"])["state"], "Succeeded")
        with suite.case(f"GraphQL, Kafka {how}: what needs no decision is answered"):
            equal(data(system, 'mutation { reconnectRuntimeAgent(id: "x") }'), {"reconnectRuntimeAgent": ""})
            equal(post(system, "{ nothing }").status, 422)
    finally:
        back()
    with suite.case(f"GraphQL, Kafka back after it was {how}: the key has one operation, and its truth is readable"):
        started = repeated(system, upgrade, key)
        ends(system, started["id"])
        equal(count(system, keyed), 2)
        shown = data(system, last)["result"]
        equal((shown["lastOperationStatus"], shown["runtimeConfiguration"]["kymaConfig"]["version"]),
              ({"id": started["id"], "state": "Succeeded"}, "1.20.4"))
    with suite.case(f"GraphQL, Kafka back after it was {how}: what failed without a key happened once or never"):
        all_ready(system)
        state = simple_text("runtimeStatus", plain, "lastOperationStatus { state }")
        wait_for("it is at rest", lambda: data(system, state)["result"]["lastOperationStatus"]["state"] != "InProgress")
        equal(count(system, plain) in ((1,) if codes[-1] == 503 else (1, 2)), True, f"{codes} {count(system, plain)}")


def kafka(suite, system):
    frozen = system.frozen("kafka")
    kafka_away(suite, system, "frozen", frozen.__enter__, lambda: frozen.__exit__(None, None, None))
    kafka_away(suite, system, "stopped", lambda: system.command("deploy/dev/kafka/kafka", "stop"),
               lambda: system.command("deploy/dev/up"))


def postgres(suite, system):
    runtime_id = provisioned(system, "pg-away", kyma())
    status = simple_text("runtimeStatus", runtime_id, VERSION)
    done = data(system, simple_text("runtimeStatus", runtime_id, "lastOperationStatus { id }"))
    asked = [(query, str(uuid.uuid4())) for query in (upgrade_text(runtime_id, kyma("1.20.4")),
                                                      provision_text(gardener("pg-new"), kyma()))]
    system.command("deploy/dev/postgres", "stop")
    try:
        with suite.case("GraphQL, PostgreSQL stopped: queries fail with 503 in their field"):
            for query in (status, simple_text("runtimeOperationStatus", done["result"]["lastOperationStatus"]["id"])):
                wait_for("503", condition=lambda query=query: "errors" in post(system, query).json)
                fails(system, query, (503,), limit_s=PATIENT_S)
        with suite.case("GraphQL, PostgreSQL stopped: introspection and refusals need none"):
            equal(data(system, "{ __schema { queryType { name } } }"), {"__schema": {"queryType": {"name": "Query"}}})
            error(system, status, 400, "tenant header is empty", tenant=None)
        with suite.case("GraphQL, PostgreSQL stopped: mutations fail with 504 within the limit, as nobody knows"):
            for query, key in asked:
                fails(system, query, (504,), headers={"Idempotency-Key": key})
    finally:
        system.command("deploy/dev/up")
    with suite.case("GraphQL, PostgreSQL back: what was asked meanwhile was decided, once, and came to its end"):
        wait_for("reading works", condition=lambda: "errors" not in post(system, status).json)
        all_ready(system)
        started, new = (repeated(system, query, key) for query, key in asked)
        for one in (started, new):
            ends(system, one["id"])
        equal((count(system, runtime_id), count(system, new["runtimeID"])), (2, 1))
        equal(system.sql("SELECT count(*) FROM api.runtime_status WHERE shoot_name = 'pg-new'"), "1")
        equal(data(system, status)["result"]["runtimeConfiguration"]["kymaConfig"]["version"], "1.20.4")


def connections(suite, system):
    status = simple_text("runtimeStatus", provisioned(system, "pg-broken", kyma()), VERSION)
    before = data(system, status)
    with suite.case("GraphQL, connections to PostgreSQL that break again and again: no query fails"):
        for _ in range(5):
            for pid in system.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'tidegate_api'").split():
                os.kill(int(pid), signal.SIGTERM)
            for _ in range(20):
                equal(data(system, status), before)


@contextlib.contextmanager
def locked(system, table):
    """A table that nobody else can read or write, as of a database that stands still."""
    held = subprocess.Popen(["psql", "-X", "-q", "-d", system.database, "-c", "BEGIN", "-c",
                             f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", "-c", "SELECT pg_sleep(600)"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the lock", lambda: system.sql("SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
                                                f" AND relation = '{table}'::regclass"))
        yield
    finally:
        held.send_signal(signal.SIGINT)
        held.wait(PATIENCE_S)


def database_stands_still(suite, system):
    runtime_id = provisioned(system, "pg-locked", kyma())
    status = simple_text("runtimeStatus", runtime_id, VERSION)
    with locked(system, "provisioner.runtime"):
        with suite.case("GraphQL, PostgreSQL does not answer: queries fail with 503, within their limit"):
            fails(system, status, (503,), limit_s=READING_LIMIT_S)
        with suite.case("GraphQL, PostgreSQL does not answer: /healthz and documents that read nothing are answered"):
            equal(data(system, "{ __typename }"), {"__typename": "Query"})
    with suite.case("GraphQL, PostgreSQL answers again: so do queries"):
        data(system, status)


def provisioner(suite, system):
    runtime_id = provisioned(system, "core-away", kyma())
    upgrade, key = upgrade_text(runtime_id, kyma("1.20.4")), str(uuid.uuid4())
    system.stop("provisioner")
    try:
        with suite.case("GraphQL, provisioner away: a mutation fails with 504, within the limit"):
            fails(system, upgrade, (504,), headers={"Idempotency-Key": key})
        with suite.case("GraphQL, provisioner away: of several mutations in one document the first alone is tried"):
            began = time.monotonic()
            answer = post(system, "mutation { " + " ".join(f'a{i}: hibernateRuntime(id: "{runtime_id}") {{ id }}'
                                                           for i in range(10)) + " }")
            equal((answer.status, time.monotonic() - began < LIMIT_S + LATE_S), (200, True))
            equal([one["extensions"]["error_code"] for one in answer.json["errors"]], [504] + [503] * 9)
        with suite.case("GraphQL, provisioner away: queries go on"):
            data(system, simple_text("runtimeStatus", runtime_id, VERSION))
    finally:
        system.start("provisioner")
    with suite.case("GraphQL, provisioner back: the request was not lost, and its key finds it"):
        started = repeated(system, upgrade, key)
        ends(system, started["id"])
        asked = system.sql(f"SELECT type FROM provisioner.operation WHERE runtime_id = '{runtime_id}'").split()
        equal(sorted(name for name in asked if name != "hibernate"), ["provision", "upgradeKyma"])


def cases(suite, system):
    for part in (provisioner, database_stands_still, connections, postgres, kafka):
        suite.run(f"GraphQL outages: {part.__name__}", part, system)
