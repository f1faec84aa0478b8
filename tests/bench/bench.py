#!/usr/bin/env python3
"""Measures speed and size on a system of its own, and compares with the limits:
tests/bench/bench.py [--quick] [idle] [upgrades] [latency] [large]     (without names: all; --quick: a small fleet)

The limits are ratios within one run where that is possible. Prints one line a figure; exits 1 if a limit is missed."""
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN = os.path.abspath(os.environ.get("TIDEGATE_RUN") or os.path.join(ROOT, ".run-bench"))
PORT = int(os.environ.get("TIDEGATE_PORT") or 8380)
SERVICES = {"api-gateway": PORT, "broker": PORT + 1, "orchestrator": PORT + 2, "scheduler": PORT + 3,
            "provisioner": PORT + 4}
QUICK = "--quick" in sys.argv
FLEET, WORKERS = (2000, 200) if QUICK else (10000, 1000)
LARGE = 100000
PARTS = [name for name in sys.argv[1:] if not name.startswith("-")] or \
    ["idle", "upgrades", "latency"] + ([] if QUICK else ["large"])
BUILD = os.environ.get("BUILD", "build")
TICKS = os.sysconf("SC_CLK_TCK")
missed = []


def environment():
    env = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    env.update(TIDEGATE_RUN=RUN, TIDEGATE_PORT=str(PORT), BUILD=BUILD,
               TIDEGATE_SIMULATOR_SCENARIO=os.path.join(RUN, "scenario.json"))
    return env


def script(*command):
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s failed:\n%s%s" % (" ".join(command), done.stdout[-2000:], done.stderr[-2000:]))
    return done.stdout


def figure(name, value, unit, limit=None, most=True):
    good = limit is None or (value <= limit if most else value >= limit)
    print("%-58s %10.2f %-10s %s" % (name, value, unit, "" if limit is None else
          "%s (%s %g)" % ("ok" if good else "MISSED", "at most" if most else "at least", limit)), flush=True)
    if not good:
        missed.append(name)


def pid(name):
    return int(open(os.path.join(RUN, "pid", name)).read())


def family(root):
    """A process and its children: PostgreSQL's backends."""
    children = subprocess.run(["pgrep", "-P", str(root)], capture_output=True, text=True).stdout.split()
    return [root] + [int(child) for child in children]


def cpu_seconds():
    used = {}
    for name in list(SERVICES) + ["kafka", "postgres"]:
        total = 0
        for process in family(pid(name)):
            try:
                fields = open("/proc/%d/stat" % process).read().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            except OSError:
                pass
        used[name] = total / TICKS
    return used


def memory_mb(name):
    text = open("/proc/%d/status" % pid(name)).read()
    return [int(re.search(r"^%s:\s+(\d+)" % field, text, re.M).group(1)) / 1024 for field in ("VmRSS", "RssAnon")]


def get(path, port=PORT):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path),
                                     headers={"Authorization": "Bearer " + TOKEN})
    return urllib.request.urlopen(request, timeout=30).read().decode()


def post(path, body, method="POST"):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (PORT, path), data=json.dumps(body).encode(),
                                     headers={"Authorization": "Bearer " + TOKEN}, method=method)
    return json.load(urllib.request.urlopen(request, timeout=30))


def settings():
    """The settings of the system, as its processes have them."""
    env = dict(line.replace("export ", "", 1).rstrip("\n").split("=", 1) for line in open(os.path.join(RUN, "env"))
               if line.startswith("export "))
    return {name: value.replace("\\ ", " ").replace("\\", "").strip("'") for name, value in env.items()}


def count(what):
    total = 0
    for name, port in SERVICES.items():
        found = re.search(r"^tidegate_%s_total (\S+)" % what, get("/metrics", port), re.M)
        total += float(found.group(1)) if found else 0
    return total


def wait_ended(orchestration, limit_s=300):
    deadline = time.time() + limit_s
    while time.time() < deadline:
        answer = json.loads(get("/orchestrations/" + orchestration))
        if answer["state"] in ("succeeded", "failed", "canceled"):
            return answer
        time.sleep(0.1)
    sys.exit("orchestration %s did not end: %s" % (orchestration, answer))


def line(index, edition):
    return json.dumps({"runtimeID": "bench-%05d" % index, "globalAccount": "CA%d" % (index % 50),
                       "subAccount": "SA%d" % (index % 500 + edition), "planName": ("azure", "gcp", "aws")[index % 3],
                       "region": "region-%d" % (index % 7), "shootName": "c-%06d" % index, "kymaVersion": "2.3.0"})


def import_fleet(first, count, edition=0):
    path = os.path.join(RUN, "fleet.ndjson")
    with open(path, "w") as fleet:
        fleet.writelines(line(i, edition) + "\n" for i in range(first, first + count))
    began = time.time()
    answer = script(os.path.join(BUILD, "bin", "tidectl"), "import", path, "-o", "json")
    taken = time.time() - began
    if json.loads(answer)["imported"] != count:
        sys.exit("import: %s" % answer[:500])
    return taken


def iso_s(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


def upgrade():
    body = {"targets": {"include": [{"target": "all"}]}, "strategy": {"parallel": {"workers": WORKERS}}}
    before = {what: count(what) for what in ("records", "events")}
    cpu, began = cpu_seconds(), time.time()
    orchestration = post("/upgrade/kyma", body)["orchestrationID"]
    ended = wait_ended(orchestration)
    seconds = iso_s(ended["updatedAt"]) - iso_s(ended["createdAt"])
    if ended["operationStats"] != {"succeeded": FLEET}:
        sys.exit("not all succeeded: %s" % ended)
    return {"seconds": seconds, "watched": time.time() - began, "counts": {what: count(what) - was for what, was in before.items()},
            "cpu": {name: used - cpu[name] for name, used in cpu_seconds().items()}}


def bench_upgrades():
    runs = []
    for i in range(4):
        run = upgrade()
        print("  run %d%s: %.2f s" % (i, " (warms up)" if i == 0 else "", run["seconds"]), flush=True)
        runs.append(run)
    best = min(runs[1:], key=lambda run: run["seconds"])
    middle = sorted(run["seconds"] for run in runs[1:])[1]
    figure("upgrades a second, best of three", FLEET / best["seconds"], "1/s", 2000, most=False)
    figure("upgrades a second, median of three", FLEET / middle, "1/s")
    for what, number in best["counts"].items():
        figure("%s a second" % what, number / best["seconds"], "1/s")
    for name, used in best["cpu"].items():
        figure("CPU an upgrade, " + name, used / FLEET * 1e6, "us")
    figure("CPU an upgrade, all", sum(best["cpu"].values()) / FLEET * 1e6, "us")


def bench_latency():
    plain = settings()
    body = '{"targets":{"include":[{"runtimeID":"bench-00001"}]},"dryRun":true}'
    path = os.path.join(RUN, "request")
    with open(path, "w") as request:
        request.write("POST /upgrade/kyma HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" %
                      (TOKEN, len(body), body))
    answer = json.loads(script(os.path.join(BUILD, "test", "bench", "latency"), plain["TIDEGATE_KAFKA"],
                               plain["TIDEGATE_DATABASE"], "127.0.0.1", str(PORT), "2000", "202", path))
    for name, times in answer.items():
        figure("%s, median" % name, times["median_ms"], "ms")
        figure("%s, p99" % name, times["p99_ms"], "ms")
    figure("POST beside produce + commit, medians",
           answer["post"]["median_ms"] / (answer["produce"]["median_ms"] + answer["commit"]["median_ms"]), "times", 4)


def bench_idle():
    for name in SERVICES:
        rss, anonymous = memory_mb(name)
        figure("RSS of the idle " + name, rss, "MB", 24)
        figure("of it anonymous", anonymous, "MB", 8)


def restart(name):
    began = time.time()
    script("deploy/dev/service", "stop", name)
    stopped = time.time()
    script("deploy/dev/service", "start", name)
    return time.time() - stopped, stopped - began


def bench_large():
    import_fleet(FLEET, LARGE - FLEET)
    figure("RSS of the provisioner with %d runtimes" % LARGE, memory_mb("provisioner")[0], "MB", 300)
    for name in ("provisioner", "broker", "orchestrator", "scheduler"):
        ready, _ = restart(name)
        figure("restart to ready with %d runtimes, %s" % (LARGE, name), ready, "s", 5)
        figure("RSS after it", memory_mb(name)[0], "MB")


def main():
    global TOKEN
    script("deploy/dev/down", "--wipe")
    os.makedirs(RUN, exist_ok=True)
    with open(os.path.join(RUN, "scenario.json"), "w") as scenario:
        scenario.write('{"default": {"durationMs": [0, 0]}}')
    script("deploy/dev/up")
    try:
        TOKEN = script(os.path.join(BUILD, "bin", "tidectl"), "token").strip()
        if "idle" in PARTS:
            bench_idle()
        figure("import of %d lines into a system just started" % FLEET, import_fleet(0, FLEET), "s")
        figure("import of %d lines" % FLEET, import_fleet(0, FLEET, 1), "s", 5)
        for part, bench in (("upgrades", bench_upgrades), ("latency", bench_latency), ("large", bench_large)):
            if part in PARTS:
                bench()
    finally:
        script("deploy/dev/down", "--wipe")
    if missed:
        print("missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
