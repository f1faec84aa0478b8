#!/usr/bin/env python3
"""Measures the GraphQL API, as ratios within one run:
tests/bench/graphql.py [engine] [typename] [status] [upgrades] [latency]     (without names: all)

  engine    the library alone beside graphql-js
  typename  { __typename } over HTTP beside a bare evhttp server
  status    runtimeStatus over 10,000 runtimes beside the same SELECT by pgbench
  upgrades  upgradeRuntime over distinct runtimes, 256 in flight
  latency   upgradeRuntime one after the other, beside one acknowledged produce and one commit

Prints one line a figure; exits 1 if a limit is missed."""
import json
import os
import re
import socket
import subprocess
import sys
import time

import bench
from bench import BUILD, PORT, ROOT, RUN, figure, script

CONNECTIONS, SECONDS, IN_FLIGHT, FLEET, ROUNDS = 32, 5, 256, 10000, 3
TENANT = "CA-graphql"
PARTS = [name for name in sys.argv[1:] if not name.startswith("-")] or \
    ["engine", "typename", "status", "upgrades", "latency"]
STATUS = """query ($id: String!) { runtimeStatus(id: $id) {
  lastOperationStatus { id operation state message runtimeID } runtimeConnectionStatus { status errors { message } }
  runtimeConfiguration { kymaConfig { version components { component namespace } configuration { key value secret } }
    clusterConfig { name kubernetesVersion provider region seed machineType workerCidr autoScalerMin autoScalerMax
      maxSurge maxUnavailable providerSpecificConfig { __typename } } } } }"""
UPGRADE = """mutation ($id: String!) { upgradeRuntime(id: $id, config: { kymaConfig: { version: "2.4.2" components: [
  { component: "istio" namespace: "istio-system" } { component: "compass-runtime-agent" namespace: "compass-system" }]
  } }) { id state } }"""
LUA = """
local body = %s
local thread_index, first = 0, 0
function setup(thread) thread:set("first", thread_index * %d) thread_index = thread_index + 1 end
local number = 0
function init(arguments) number = first end
function request()
    local text = body:gsub("@@@@@", string.format("%%05d", number %% %d))
    number = number + 1
    return wrk.format("POST", "/graphql", {["Content-Type"] = "application/json", ["Tenant"] = "%s"}, text)
end
local bad = 0
function response(status, headers, text)
    if status ~= 200 or text:find('"errors"', 1, true) then bad = bad + 1 failed = bad end
end
"""


def body(query, runtime="graphql-@@@@@"):
    return json.dumps({"query": query, **({"variables": {"id": runtime}} if runtime else {})})


def wrk(port, text, connections=CONNECTIONS, seconds=SECONDS, stride=0):
    """Requests a second, the best of some rounds; each must be answered without errors."""
    path = os.path.join(RUN, "wrk.lua")
    with open(path, "w") as lua:
        lua.write(LUA % (json.dumps(text).replace("\\/", "/"), stride, FLEET, TENANT))
    output = script("wrk", "-t", "1", "-c", str(connections), "-d", "%ds" % seconds, "-s", path,
                    "http://127.0.0.1:%d/graphql" % port)
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit("wrk: " + output)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


def with_cpu(measure, per_second, processes):
    """What `measure` gives, and prints the CPU that each of its requests cost the processes."""
    before = bench.cpu_seconds()
    rate = measure()
    used = bench.cpu_seconds()
    print("  CPU a request: " + ", ".join("%s %.1f us" % (name, (used[name] - before[name]) / (rate * per_second) * 1e6)
                                          for name in processes), flush=True)
    return rate


def wait_for_port(port):
    deadline = time.time() + 10
    while time.time() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit("nothing listens on port %d" % port)


def bench_typename():
    bare = subprocess.Popen([os.path.join(BUILD, "test", "bench", "bare_http"), str(PORT + 90)], cwd=ROOT)
    try:
        wait_for_port(PORT + 90)
        pairs = [(wrk(PORT + 90, body("{ __typename }", None)), with_cpu(lambda: wrk(PORT, body("{ __typename }", None)), SECONDS, ["api-gateway"]))
                 for _ in range(ROUNDS)]
    finally:
        bare.terminate()
        bare.wait()
    figure("bare evhttp, %d connections" % CONNECTIONS, max(pair[0] for pair in pairs), "1/s")
    figure("{ __typename }, %d connections" % CONNECTIONS, max(pair[1] for pair in pairs), "1/s")
    figure("{ __typename } beside bare evhttp, best of pairs", max(pair[1] / pair[0] for pair in pairs), "times", 0.7,
           most=False)


def pgbench():
    """The statement that runtimeStatus costs, by as many connections."""
    path, env = os.path.join(RUN, "status.sql"), bench.settings()
    statement = re.search(r"PREPARE runtime_status\S*[^A]*AS\s+(.*?);", bench_statement(), re.S).group(1)
    with open(path, "w") as sql:
        sql.write("\\set n random(0, %d)\n" % (FLEET - 1))
        sql.write(re.sub(r"\$1", "'graphql-' || lpad((:n)::text, 5, '0')", statement) + ";\n")
    output = script("pgbench", "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(SECONDS), "-f", path,
                    env["TIDEGATE_API_DATABASE"])
    return float(re.search(r"tps = ([\d.]+)", output).group(1))


def bench_statement():
    """What the gateway prepares."""
    return open(os.path.join(ROOT, "services", "api-gateway", "runtime_status.sql")).read()


def bench_status():
    pairs = [(pgbench(), with_cpu(lambda: wrk(PORT, body(STATUS)), SECONDS, ["api-gateway", "postgres"]))
             for _ in range(ROUNDS)]
    figure("the SELECT of runtimeStatus by pgbench, %d connections" % CONNECTIONS, max(pair[0] for pair in pairs), "1/s")
    figure("runtimeStatus, %d connections" % CONNECTIONS, max(pair[1] for pair in pairs), "1/s")
    figure("runtimeStatus beside pgbench, best of pairs", max(pair[1] / pair[0] for pair in pairs), "times", 0.6,
           most=False)


def idle():
    """Waits until no operation runs."""
    deadline = time.time() + 300
    while time.time() < deadline:
        done = script("psql", "-X", "-qtA", "-d", bench.settings()["TIDEGATE_DATABASE"], "-c",
                      "SELECT count(*) FROM provisioner.operation WHERE state = 'in progress'")
        if done.strip() == "0":
            return
        time.sleep(0.2)
    sys.exit("operations did not end")


def in_progress_or_done():
    return int(script("psql", "-X", "-qtA", "-d", bench.settings()["TIDEGATE_DATABASE"], "-c",
                      "SELECT count(*) FROM provisioner.operation WHERE lane IS NULL AND type = 'upgradeKyma'"))


def bench_upgrades():
    rates = []
    for i in range(2 * ROUNDS + 1):
        before, cpu = in_progress_or_done(), bench.cpu_seconds()
        seconds = 2
        wrk(PORT, body(UPGRADE), IN_FLIGHT, seconds)
        used = {name: now - cpu[name] for name, now in bench.cpu_seconds().items()}
        accepted = in_progress_or_done() - before
        idle()
        print("  run %d%s: %d accepted in %d s" % (i, " (warms up)" if i < ROUNDS else "", accepted, seconds), flush=True)
        rates.append(accepted / seconds)
        costs = {name: seconds_used / accepted * 1e6 for name, seconds_used in used.items()}
    figure("upgradeRuntime accepted a second, %d in flight, best" % IN_FLIGHT, max(rates[ROUNDS:]), "1/s", 5000, most=False)
    for name, cost in costs.items():
        figure("CPU an accepted upgradeRuntime, " + name, cost, "us")
    figure("CPU an accepted upgradeRuntime, all", sum(costs.values()), "us")


def bench_latency():
    env, text = bench.settings(), body(UPGRADE)
    path = os.path.join(RUN, "request")
    with open(path, "w") as request:
        request.write("POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nTenant: %s\r\n"
                      "Content-Length: %d\r\n\r\n%s" % (TENANT, len(text), text))
    idle()
    answer = json.loads(script(os.path.join(BUILD, "test", "bench", "latency"), env["TIDEGATE_KAFKA"],
                               env["TIDEGATE_DATABASE"], "127.0.0.1", str(PORT), "2000", "200", path))
    for name, times in answer.items():
        figure("%s, median" % name, times["median_ms"], "ms")
        figure("%s, p99" % name, times["p99_ms"], "ms")
    figure("upgradeRuntime beside produce + commit, medians",
           answer["post"]["median_ms"] / (answer["produce"]["median_ms"] + answer["commit"]["median_ms"]), "times", 4)


def import_fleet():
    path = os.path.join(RUN, "fleet.ndjson")
    with open(path, "w") as fleet:
        for i in range(FLEET):
            fleet.write(json.dumps({"runtimeID": "graphql-%05d" % i, "globalAccount": TENANT, "subAccount": "s",
                                    "planName": "azure", "region": "westeurope", "shootName": "g-%05d" % i,
                                    "kymaVersion": "2.3.0"}) + "\n")
    script(os.path.join(BUILD, "bin", "tidectl"), "import", path)


def main():
    if "engine" in PARTS and subprocess.run([os.path.join(ROOT, "tests", "bench", "graphql_engine.py")],
                                            cwd=ROOT).returncode != 0:
        bench.missed.append("the engine")
    if set(PARTS) - {"engine"}:
        script("deploy/dev/down", "--wipe")
        os.makedirs(RUN, exist_ok=True)
        with open(os.path.join(RUN, "scenario.json"), "w") as scenario:
            scenario.write('{"default": {"durationMs": [3000, 3000]}}')  # operations go on long after they were accepted
        script("deploy/dev/up")
        try:
            import_fleet()
            for part, run in (("typename", bench_typename), ("status", bench_status), ("upgrades", bench_upgrades),
                              ("latency", bench_latency)):
                if part in PARTS:
                    run()
        finally:
            script("deploy/dev/down", "--wipe")
    if bench.missed:
        print("missed: " + ", ".join(bench.missed))
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
