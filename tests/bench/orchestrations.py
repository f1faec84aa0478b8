#!/usr/bin/env python3
"""Measures orchestrations over 100,000 runtimes, and how fast small ones end and stop, on a system of its own:
tests/bench/orchestrations.py [--quick] [targets] [reads] [latency]     (without names: all; --quick: 10,000)

  targets   from a request to its operations: selectors over the whole fleet
  reads     GET one, its operations, the runtimes, with a token, beside the same SELECT by pgbench; deep pages
  latency   from the last operation's end to the orchestration's, and from a cancel to the last start of an operation

Prints one line a figure; exits 1 if a limit is missed."""
import http.client
import json
import os
import re
import statistics
import sys
import time

import bench
from bench import BUILD, PORT, RUN, figure, script

SETTLED_CPU_S = 0.25  # of all processes in a second
RESOLUTIONS = 5  # the median counts
FLEET = 10000 if bench.QUICK else bench.LARGE
CONNECTIONS, SECONDS, ROUNDS, PAGE_SIZE = 32, 4, 3, 100
ORCHESTRATIONS, WORKERS = 200, 4  # small ones; operations of one that is canceled that run at once
SLOW = 40                         # runtimes whose stages take 20 ms; these are canceled
LATENCY_MS = 50
PARTS = [name for name in sys.argv[1:] if not name.startswith("-")] or ["targets", "reads", "latency"]


# --- The same by pgbench ---

def setup_sql():
    """What the gateway runs on its connections for reads."""
    return script(os.path.join(BUILD, "test", "bench", "reads_sql"))


def statement(name, parameters):
    """What the gateway prepares as `name`, with pgbench's variables :p1, :p2, … where its parameters are; None is NULL."""
    found = re.search(r"PREPARE %s\(([^)]*)\) AS (.*?);" % name, setup_sql(), re.S)
    types = [text.strip() for text in found.group(1).split(",")]
    # In a text, what looks like a variable of pgbench's is none.
    body = re.sub(r"'[^']*'", lambda at: re.sub(r":(?=\w)", r"\\x3a", "E" + at.group()) if re.search(r":\w", at.group())
                  else at.group(), found.group(2))
    given = ["NULL" if value is None else ":p%d" % (i + 1) for i, value in enumerate(parameters)]
    return re.sub(r"\$(\d+)", lambda at: "%s::%s" % (given[int(at.group(1)) - 1], types[int(at.group(1)) - 1]),
                  body)


def pgbench(name, parameters, seconds=SECONDS):
    """Runs a second, by as many connections as wrk has, with the same settings of the session."""
    path = os.path.join(RUN, "statement.sql")
    with open(path, "w") as sql:
        sql.write(statement(name, parameters).replace("\n", " ") + ";\n")
    values = [word for i, value in enumerate(parameters) if value is not None
              for word in ("-D", "p%d=%s" % (i + 1, value))]
    settings = " ".join("-c %s=%s" % pair for pair in re.findall(r"SET (\w+) = '?(\w+)'?;", setup_sql()))
    output = script("env", "PGOPTIONS=" + settings, "pgbench", "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1",
                    "-T", str(seconds), *values, "-f", path, bench.settings()["TIDEGATE_API_DATABASE"])
    return float(re.search(r"tps = ([\d.]+)", output).group(1))


# --- By the API ---

def wrk(target, seconds=SECONDS):
    """Requests a second."""
    output = script("wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", "%ds" % seconds, "-H",
                    "Authorization: Bearer " + bench.TOKEN, "http://127.0.0.1:%d%s" % (PORT, target))
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit("wrk: " + output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def beside_pgbench(what, target, name, parameters):
    pairs = []
    for _ in range(ROUNDS):
        pairs.append((pgbench(name, parameters), wrk(target)))
        print("  pgbench %.0f, wrk %.0f: %.2f" % (*pairs[-1], pairs[-1][1] / pairs[-1][0]), flush=True)
    figure("%s, the SELECT by pgbench, %d connections" % (what, CONNECTIONS), max(pair[0] for pair in pairs), "1/s")
    figure("%s, %d connections" % (what, CONNECTIONS), max(pair[1] for pair in pairs), "1/s")
    figure("%s beside pgbench, best of pairs" % what, max(pair[1] / pair[0] for pair in pairs), "times", 0.6, most=False)


def deep(what, target):
    """The first page, one in the middle and the last one, in turns."""
    last = FLEET // PAGE_SIZE
    pages = {"first": 1, "middle": last // 2, "last": last}
    rates = {name: 0 for name in pages}
    for _ in range(2):
        for name, page in pages.items():
            rates[name] = max(rates[name], wrk("%s&page=%d" % (target, page), 2))
    for name, rate in rates.items():
        figure("%s, %s page" % (what, name), rate, "1/s")
    figure("%s, fastest beside slowest page" % what, max(rates.values()) / min(rates.values()), "times", 2)


def upgrade_all():
    began = time.time()
    orchestration = bench.post("/upgrade/kyma", {"targets": {"include": [{"target": "all"}]},
                                                 "strategy": {"parallel": {"workers": 1000}}})["orchestrationID"]
    ended = bench.wait_ended(orchestration)
    if ended["operationStats"] != {"succeeded": FLEET}:
        sys.exit("not all succeeded: %s" % ended)
    figure("an orchestration of %d operations" % FLEET, time.time() - began, "s")
    return orchestration


def bench_reads():
    orchestration = upgrade_all()
    one = "/orchestrations/" + orchestration
    operations, runtimes = one + "/operations?page_size=%d" % PAGE_SIZE, "/runtimes?page_size=%d" % PAGE_SIZE
    beside_pgbench("GET one orchestration", one, "orchestration_one", [orchestration])
    beside_pgbench("GET its operations", operations, "operation_page", [orchestration, PAGE_SIZE, 0])
    beside_pgbench("GET runtimes", runtimes, "runtimes_shown", [PAGE_SIZE, 0, "false"])
    configured = wrk(runtimes + "&kyma_config=true&cluster_config=true")
    figure("GET runtimes with configurations", configured, "1/s")
    figure("GET runtimes with configurations beside without", configured / wrk(runtimes), "times", 0.1, most=False)
    deep("GET its operations", operations)
    deep("GET runtimes", runtimes)


# --- How long targets take ---

def resolved(client, include, exclude=()):
    """Seconds from the request until all operations are there, and how many. None of them is wanted: it is canceled."""
    began = time.time()
    orchestration = client.ask("POST", "/upgrade/kyma", {"targets": {"include": include, "exclude": list(exclude)},
                                                         "strategy": {"parallel": {"workers": 1}}})["orchestrationID"]
    scheduled, _ = client.wait(orchestration, lambda it: it["state"] != "pending", limit_s=120)
    took = time.time() - began
    client.ask("PUT", "/orchestrations/%s/cancel" % orchestration)
    client.wait(orchestration, is_final, limit_s=60)
    return took, int(re.search(r"\d+", scheduled["description"]).group())


def settle():
    """Waits until what the import or a cancel left behind is done."""
    deadline, before = time.time() + 120, bench.cpu_seconds()
    while time.time() < deadline:
        time.sleep(1)
        now = bench.cpu_seconds()
        if sum(now.values()) - sum(before.values()) < SETTLED_CPU_S:
            return
        before = now
    sys.exit("the system does not come to rest")


def bench_targets():
    client = Client()
    include = [{"globalAccount": "^CA%d$" % i, "subAccount": "SA.*[%d]$" % (i % 10)} for i in range(20)]
    exclude = [{"region": "region-(2|%d)$" % i, "planName": "aws"} for i in range(5)]
    for what, selected, limit in (("25 selectors over %d runtimes: %%d targets" % FLEET, (include, exclude), 2),
                                  ("all of %d runtimes as targets", ([{"target": "all"}],), None)):
        times = []
        for _ in range(1 + RESOLUTIONS):
            settle()
            took, count = resolved(client, *selected)
            times.append(took)
        print("  %.2f s while Kafka's JVM is cold, then %s" % (times[0], ", ".join("%.2f" % took for took in times[1:])))
        figure(what % count, statistics.median(times[1:]), "s", limit)


# --- How fast they end and stop ---

def events(since_ms):
    """What the provisioner has written since: (time of the record, time when it was decided, event), in milliseconds."""
    lines = script("kcat", "-b", bench.settings()["TIDEGATE_KAFKA"], "-C", "-e", "-q", "-t", "runtimes.events", "-o",
                   "s@%d" % since_ms, "-f", "%T %s\n").splitlines()
    for line in lines:
        written_ms, text = line.split(" ", 1)
        record = json.loads(text)
        for event in record["events"]:
            yield int(written_ms), record["time"], event


def now_ms():
    return time.time() * 1000


def p99(values):
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def latency_figures(what, values):
    figure("%s, median" % what, sorted(values)[len(values) // 2], "ms")
    figure("%s, p99" % what, p99(values), "ms", LATENCY_MS)


class Client:
    """One connection that stays open."""

    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                {"Authorization": "Bearer " + bench.TOKEN})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit("%s %s: %d %s" % (method, path, answer.status, text[:300]))
        return json.loads(text)

    def upgrade(self, runtimes, workers):
        include = [{"runtimeID": "bench-%05d" % index} for index in runtimes]
        return self.ask("POST", "/upgrade/kyma", {"targets": {"include": include}, "strategy": {
            "parallel": {"workers": workers}}})["orchestrationID"]

    def wait(self, orchestration, condition, limit_s=30):
        """Asks again and again; the orchestration, and when it was seen so."""
        deadline = time.time() + limit_s
        while time.time() < deadline:
            answer = self.ask("GET", "/orchestrations/" + orchestration)
            if condition(answer):
                return answer, now_ms()
            time.sleep(0.001)
        sys.exit("orchestration %s: not within %d s: %s" % (orchestration, limit_s, answer))


def is_final(orchestration):
    return orchestration["state"] in ("succeeded", "failed", "canceled")


def has_begun(orchestration):
    return orchestration.get("operationStats", {}).get("succeeded", 0) > 0


def bench_end(client):
    """From when the end of the last operation was decided until a client that asks sees the end of the whole."""
    seen, began = {}, now_ms()
    for i in range(ORCHESTRATIONS):
        first = SLOW + 3 * i
        orchestration = client.upgrade(range(first, first + 3), 10)
        _, seen[orchestration] = client.wait(orchestration, is_final)
    belongs, ended = {}, {}
    for _, decided_ms, event in events(began):
        if event["type"] == "tidegate.runtime.started.v1":
            belongs[event["data"]["operationID"]] = event["data"].get("orchestrationID")
    for _, decided_ms, event in events(began):
        if event["type"] == "tidegate.runtime.succeeded.v1":
            orchestration = belongs[event["data"]["operationID"]]
            ended[orchestration] = max(ended.get(orchestration, 0), decided_ms)
    latency_figures("from the last operation's end to the orchestration's",
                    [seen[orchestration] - ended[orchestration] for orchestration in seen])


def bench_cancel(client):
    """From the answer to a cancel until the last start of an operation is in the log; 0 where that was before."""
    answered, began = {}, now_ms()
    for _ in range(ORCHESTRATIONS):
        orchestration = client.upgrade(range(SLOW), WORKERS)
        client.wait(orchestration, has_begun)
        client.ask("PUT", "/orchestrations/%s/cancel" % orchestration)
        answered[orchestration] = now_ms()
        client.wait(orchestration, is_final)
    late, starts_after, starts = {orchestration: 0 for orchestration in answered}, 0, 0
    for written_ms, _, event in events(began):
        orchestration = event["data"].get("orchestrationID")
        if event["type"] == "tidegate.runtime.started.v1" and orchestration in answered:
            starts += 1
            starts_after += written_ms > answered[orchestration]
            late[orchestration] = max(late[orchestration], written_ms - answered[orchestration])
    print("  %d of %d operations had started before they were canceled, %d after" %
          (starts - starts_after, SLOW * len(answered), starts_after), flush=True)
    latency_figures("from a cancel's answer to the last start", list(late.values()))


def bench_latency():
    client = Client()
    bench_end(client)
    bench_cancel(client)


def main():
    began = time.time()
    script("deploy/dev/down", "--wipe")
    os.makedirs(RUN, exist_ok=True)
    with open(os.path.join(RUN, "scenario.json"), "w") as scenario:
        json.dump({"default": {"durationMs": [0, 0]},
                   "rules": [{"runtime": "^bench-000[0-3]", "durationMs": [20, 20]}]}, scenario)
    script("deploy/dev/up")
    try:
        bench.TOKEN = script(os.path.join(BUILD, "bin", "tidectl"), "token").strip()
        figure("import of %d lines" % FLEET, bench.import_fleet(0, FLEET), "s")
        for part, run in (("targets", bench_targets), ("reads", bench_reads), ("latency", bench_latency)):
            if part in PARTS:
                run()
    finally:
        script("deploy/dev/down", "--wipe")
    figure("all of it", time.time() - began, "s")
    if bench.missed:
        print("missed: " + ", ".join(bench.missed))
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
