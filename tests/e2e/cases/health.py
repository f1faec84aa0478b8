"""Health, metrics, and one trace ID through all services."""
import json
import re

from harness import SERVICES, equal, has, request, wait_for

SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+')


def cases(suite, system):
    for service in SERVICES:
        port = system.service_port(service)
        for path in ("/healthz", "/readyz"):
            with suite.case(f"{service}: GET {path} without a token"):
                equal(request(port, "GET", path).status, 200)
        with suite.case(f"{service}: GET /metrics in Prometheus' text format"):
            answer = request(port, "GET", "/metrics")
            equal(answer.status, 200)
            has(answer.headers["Content-Type"], "text/plain")
            has(answer.text, "# TYPE ")
            wrong = [line for line in answer.text.splitlines() if not line.startswith("#") and
                     not SAMPLE.fullmatch(line)]
            equal(wrong, [])
    for service in SERVICES:
        with suite.case(f"{service}: its log is JSON, a line an event"):
            lines = (system.run / "log" / f"{service}.log").read_text(errors="replace").splitlines(keepends=True)
            if not lines[-1].endswith("\n"):
                lines.pop()  # the service is writing it
            for line in lines:
                equal(isinstance(json.loads(line), dict), True)

    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with suite.case("a client's trace ID is answered"):
        system.import_fleet("ga-trace", ["trace-1"])
        answer = system.ask("POST", "/upgrade/kyma", {"targets": {"include": [{"runtimeID": "trace-1"}]}},
                            headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        has(answer.headers["traceparent"], trace)
        equal(system.ended(answer.json["orchestrationID"])["state"], "succeeded")
    for service in SERVICES:
        with suite.case(f"the trace ID is in the log of {service}"):
            wait_for("a line with it", condition=lambda: any(
                trace in str(line) for line in system.log_lines(service)))
    for topic in ("orchestrations", "instances", "schedules", "runtimes"):
        with suite.case(f"the trace ID is in the records of {topic}"):
            equal(any(trace in record.get("traceparent", "") for record in system.records(f"{topic}.events")), True)
    with suite.case("a malformed traceparent is replaced"):
        answer = system.ask("GET", "/orchestrations", headers={"traceparent": "00-rubbish"})
        equal(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", answer.headers["traceparent"]) is not None,
              True)
