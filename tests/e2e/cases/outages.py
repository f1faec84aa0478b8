"""Kafka, PostgreSQL or a service away for a while: what clients see, and that nothing is lost or done twice."""
import time
import uuid

from harness import SERVICES, equal, has, holds, request, wait_for

LIMIT_S = 3  # TIDEGATE_REQUEST_TIMEOUT of this system
LATE_S = 17  # by which an answer may come later on a busy machine; who does not look at the limit waits for minutes
NOBODY = {"targets": {"include": [{"runtimeID": "nobody"}]}}


def post(system, key, body=None):
    """The answer, and how long it took."""
    began = time.monotonic()
    answer = system.ask("POST", "/upgrade/kyma", body or NOBODY, headers={"Idempotency-Key": key})
    return answer, time.monotonic() - began


def repeated(system, key, body=None):
    """The answer of a repeat, as soon as there is one."""
    return wait_for("a repeat is answered", pause_s=0.3, condition=lambda:
                    (answer := post(system, key, body)[0]).status not in (503, 504) and answer)


def all_ready(system):
    wait_for("all are ready", condition=lambda: all(
        request(system.service_port(service), "GET", "/readyz").status == 200 for service in SERVICES))


def unanswered(answer, seconds):
    """503 if surely not written, else 504 with the ID; within the time limit."""
    if seconds > LIMIT_S + LATE_S:
        raise AssertionError(f"{seconds:.1f} s until {answer}")
    equal(answer.headers["Content-Type"], "application/json")
    if answer.status == 503:
        if int(answer.headers["Retry-After"]) < 1:
            raise AssertionError("Retry-After")
    else:
        equal(answer.status, 504, repr(answer))
        holds(answer.json, {"type": "about:blank", "status": 504, "title": "Gateway Timeout"})
        has(answer.json["error"], "outcome unknown, repeat with the same Idempotency-Key")
    return answer.json.get("orchestrationID")


def kafka_away(suite, system, how, away, back):
    key, before = str(uuid.uuid4()), system.get("/orchestrations?page_size=1")["totalCount"]
    away()
    try:
        with suite.case(f"Kafka {how}: POST answers 503 with Retry-After, or 504 with the ID, within the limit"):
            first = unanswered(*post(system, key))
        with suite.case(f"Kafka {how}: a second POST with the same key is no worse"):
            second = unanswered(*post(system, key))
            if first and second:
                equal(second, first)
        with suite.case(f"Kafka {how}: reading goes on"):
            equal(system.get("/orchestrations?page_size=1")["totalCount"], before)
            system.get("/runtimes?page_size=1")
        with suite.case(f"Kafka {how}: an import says for each line what is unknown"):
            report = system.import_lines(['{"runtimeID":"away-1","globalAccount":"ga-away","subAccount":"s","planName":'
                                          '"azure","region":"eu","shootName":"c","kymaVersion":"2.3.0"}\n'])
            holds(report, {"imported": 0, "unchanged": 0})
            equal(len(report["rejected"]), 1)
    finally:
        back()
    with suite.case(f"Kafka back after it was {how}: the same key has one answer, and one orchestration"):
        answer = repeated(system, key)
        equal(answer.status, 202, repr(answer))
        for known in (first, second):
            if known:
                equal(answer.json["orchestrationID"], known)
        equal(system.ended(answer.json["orchestrationID"])["state"], "succeeded")
        equal(system.get("/orchestrations?page_size=1")["totalCount"], before + 1)
    with suite.case(f"Kafka back after it was {how}: all services become ready"):
        all_ready(system)


def kafka(suite, system):
    with suite.case("Kafka: the suite's own time limit is the gateway's"):
        equal(system.env["TIDEGATE_REQUEST_TIMEOUT"], f"{LIMIT_S}s")
    frozen = system.frozen("kafka")
    kafka_away(suite, system, "frozen", frozen.__enter__, lambda: frozen.__exit__(None, None, None))
    kafka_away(suite, system, "stopped", lambda: system.command("deploy/dev/kafka/kafka", "stop"),
               lambda: system.command("deploy/dev/up"))


def postgres(suite, system):
    key = str(uuid.uuid4())
    system.import_fleet("ga-pg", [f"slow-pg-{i}" for i in range(3)])
    with system.held():
        running = system.upgrade(include=[{"globalAccount": "ga-pg"}], strategy={"parallel": {"workers": 1}})
        system.reaches(running, "in progress")
        wait_for("the provisioner has it", lambda: system.sql(
            f"SELECT count(*) FROM provisioner.operation WHERE orchestration_id = '{running}'") == "1")
        system.command("deploy/dev/postgres", "stop")
        decided = len(system.records("runtimes.events"))
    try:
        for target in ("/orchestrations", f"/orchestrations/{running}", "/runtimes"):
            with suite.case(f"PostgreSQL stopped: GET {target.replace(running, 'ID')} is 503 with Retry-After"):
                answer = wait_for("503", condition=lambda target=target:
                                  (it := system.ask("GET", target)).status == 503 and it)
                if int(answer.headers["Retry-After"]) < 1:
                    raise AssertionError("Retry-After")
        with suite.case("PostgreSQL stopped: the gateway says that it is not ready, and lives"):
            equal(request(system.port, "GET", "/readyz").status, 503)
            alive = request(system.port, "GET", "/healthz")
            equal(alive.status, 200)
            has(alive.text, "ok\nmissing: ")
        with suite.case("PostgreSQL stopped: POST answers within the limit, with the ID where its outcome is unknown"):
            first = unanswered(*post(system, key))
        with suite.case("PostgreSQL stopped: 401 and 400 need no database"):
            equal(system.ask("GET", "/orchestrations", token=None).status, 401)
            equal(system.ask("POST", "/upgrade/kyma", "{}").status, 400)
        with suite.case("PostgreSQL stopped: what runs goes on, because decisions need Kafka alone"):
            wait_for("a decision", lambda: len(system.records("runtimes.events")) > decided)
    finally:
        system.command("deploy/dev/up")
    with suite.case("PostgreSQL back: reading works again"):
        wait_for("200", condition=lambda: system.ask("GET", "/orchestrations").status == 200)
        all_ready(system)
    with suite.case("PostgreSQL back: what ran came to its end, each once"):
        equal(system.ended(running)["operationStats"], {"succeeded": 3})
        equal(system.sql("SELECT count(*) FROM provisioner.operation WHERE runtime_id LIKE 'slow-pg-%'"), "3")
    with suite.case("PostgreSQL back: the same key has one answer"):
        answer = repeated(system, key)
        equal(answer.status, 202)
        if first:
            equal(answer.json["orchestrationID"], first)


def restarts(suite, system):
    key, other, body = str(uuid.uuid4()), str(uuid.uuid4()), {"targets": {"include": [{"globalAccount": "ga-restart"}]}}
    system.import_fleet("ga-restart", [f"slow-restart-{i}" for i in range(4)])
    done = repeated(system, other).json
    with system.held():
        first = repeated(system, key, body).json
        system.reaches(first["orchestrationID"], "in progress")
        system.restart("orchestrator", "api-gateway")
        with suite.case("after a restart of orchestrator and gateway: the key of a running one has the same answer"):
            answer = repeated(system, key, body)
            equal((answer.status, answer.json), (202, first))
    with suite.case("after a restart: the key of a finished one has the same answer"):
        answer = repeated(system, other)
        equal((answer.status, answer.json), (202, done))
    with suite.case("after a restart: another body is still 422"):
        equal(repeated(system, key).status, 422)
    with suite.case("after a restart: the orchestration goes on to its end"):
        equal(system.ended(first["orchestrationID"])["operationStats"], {"succeeded": 4})
    with suite.case("a restart of broker, scheduler and provisioner in the middle of an upgrade"):
        with system.held():
            running = system.upgrade(include=[{"globalAccount": "ga-restart"}], strategy={"parallel": {"workers": 2}})
            wait_for("two run", lambda: system.orchestration(running).get("operationStats", {}).get("in progress") == 2)
            system.restart("broker", "scheduler", "provisioner")
        equal(system.ended(running)["operationStats"], {"succeeded": 4})
        equal(system.sql(f"SELECT count(*) FROM provisioner.operation WHERE orchestration_id = '{running}'"), "4")
    with suite.case("a window's timer outlives a restart of the scheduler"):
        at = time.time() + 10
        line = {name: time.strftime("%H%M%S+0000", time.gmtime(moment)) for name, moment in
                (("maintenanceWindowBegin", at), ("maintenanceWindowEnd", at + 3600))}
        system.import_fleet("ga-timer", ["timer-1"], **line)
        waiting = system.upgrade(include=[{"runtimeID": "timer-1"}], strategy={"schedule": "maintenanceWindow"})
        wait_for("it waits", lambda: "timer-1" in system.operations(waiting))
        system.restart("scheduler")
        equal(system.ended(waiting)["state"], "succeeded")
    with suite.case("SIGTERM drains: no service was killed for being slow"):
        for service in SERVICES:
            has(str([line["event"] for line in system.log_lines(service)]), "ended")


def away(suite, system):
    system.stop("orchestrator")
    key = str(uuid.uuid4())
    with suite.case("orchestrator away: 504 with the ID, within the limit"):
        def unknown():
            answer, seconds = post(system, key)
            unanswered(answer, seconds)
            return answer.status == 504 and answer  # 503: Kafka was too slow to take it
        first = wait_for("it is written", unknown).json["orchestrationID"]
    system.start("orchestrator")
    with suite.case("orchestrator back: the request was not lost, the key finds it"):
        wait_for("it is there", condition=lambda:
                 system.ask("GET", f"/orchestrations/{first}").status == 200)
        equal(repeated(system, key).json, {"orchestrationID": first})


def cases(suite, system):
    for part in (restarts, away, postgres, kafka):
        suite.run(f"outages: {part.__name__}", part, system)
