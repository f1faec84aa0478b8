#!/usr/bin/env python3
"""Measures 100,000 operations that wait for their maintenance windows, on a system of its own, against limits:
tests/bench/timers.py [--quick]     (--quick: 10,000)

Late is what the scheduler's event says: the time of the decision that opens, less the begin of the window.
Prints one line a figure; exits 1 if a limit is missed."""
import datetime
import json
import os
import pathlib
import signal
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
os.environ.setdefault("TIDEGATE_PORT", "8380")

from harness import System, equal, runtime_line, wait_for  # noqa: E402

QUICK = "--quick" in sys.argv
TIMERS = 10000 if QUICK else 100000
SECONDS = 10  # over which the begins are spread, where they are
IDLE_S = 10
TICKS = os.sysconf("SC_CLK_TCK")
missed = []


def figure(name, value, unit, most=None):
    good = most is None or value <= most
    print("%-66s %10.2f %-4s %s" % (name, value, unit, "" if most is None else
          "%s (at most %g)" % ("ok" if good else "MISSED", most)), flush=True)
    if not good:
        missed.append(name)


def import_runtimes(system):
    path = system.run / "fleet.ndjson"
    with open(path, "w") as fleet:
        fleet.writelines(json.dumps(runtime_line("timer-%06d" % i, region="second-%d" % (i % SECONDS))) + "\n"
                         for i in range(TIMERS))
    began = time.monotonic()
    done = system.command(str(system.bin / "tidectl"), "import", str(path), "-o", "json", limit_s=900)
    equal(json.loads(done.stdout)["imported"], TIMERS)
    figure("import of %d runtimes" % TIMERS, time.monotonic() - began, "s")


def adopt(system, policy):
    path = system.run / "policy.json"
    path.with_suffix(".new").write_text(json.dumps(policy))
    path.with_suffix(".new").rename(path)
    wait_for("the policy is in force", limit_s=60, condition=lambda: system.sql(
        f"SELECT count(*) FROM scheduler.policy WHERE body = '{json.dumps(policy)}'::jsonb") == str(system.partitions))


def window(begin_s, match=None):
    """An hour from that moment on, as an entry of a policy."""
    begin, end = (datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%H%M%S+0000")
                  for at in (begin_s, begin_s + 3600))
    return {**({"match": match} if match else {}), "timeBegin": begin, "timeEnd": end}


def timers(system, orchestration_id, condition):
    return int(system.sql("SELECT count(*) FROM scheduler.timer WHERE orchestration_id ="
                          f" '{orchestration_id}' AND {condition}"))


def start(system):
    """A dry run of all, which waits for its windows: planned is what takes place in the scheduler alone."""
    began = time.monotonic()
    orchestration_id = system.upgrade(include=[{"target": "all"}], dryRun=True,
                                      strategy={"schedule": "maintenanceWindow", "parallel": {"workers": 1}})
    wait_for("all wait for their windows", limit_s=300, pause_s=0.2,
             condition=lambda: timers(system, orchestration_id, "state = 'waiting'") == TIMERS)
    return orchestration_id, time.monotonic() - began


def cancel(system, orchestration_id):
    system.cancel(orchestration_id)
    wait_for("nothing waits", limit_s=120, pause_s=0.2,
             condition=lambda: timers(system, orchestration_id, "state = 'waiting'") == 0)
    system.ended(orchestration_id, limit_s=120)


def cpu_s(system):
    fields = pathlib.Path(f"/proc/{system.pid('scheduler')}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def restart(system, signal_number):
    """A new process, and how long it takes until it is ready."""
    os.kill(system.pid("scheduler"), signal_number)
    system.stop("scheduler")
    began = time.monotonic()
    system.start("scheduler")
    return time.monotonic() - began


def idle_cpu_s(system):
    before = cpu_s(system)
    time.sleep(IDLE_S)  # the span over which is measured
    return cpu_s(system) - before


def bench_waiting(system):
    """Windows hours away: what waiting costs, and what a restart does to it."""
    adopt(system, {"default": window(time.time() + 4 * 3600)})
    figure("CPU of the scheduler without timers, in %d s" % IDLE_S, idle_cpu_s(system), "s", 0.1)
    orchestration_id, seconds = start(system)
    figure("from the request until %d wait for their windows" % TIMERS, seconds, "s")
    figure("CPU of the scheduler while they wait, in %d s" % IDLE_S, idle_cpu_s(system), "s", 0.1)
    figure("restart of the scheduler with %d timers, to ready" % TIMERS, restart(system, signal.SIGTERM), "s", 5)
    figure("the same after SIGKILL", restart(system, signal.SIGKILL), "s", 15)
    figure("timers lost or opened by it", TIMERS - timers(system, orchestration_id, "state = 'waiting'"), "", 0)
    cancel(system, orchestration_id)
    return seconds


def released_late(system, orchestration_id):
    """By what the orchestrator's records say."""
    late = [record["time"] - operation["begin"] for record in system.records("orchestrations.events")
            for event in record["events"]
            if event["type"] == "tidegate.orchestration.released.v1" and event["subject"] == orchestration_id
            for operation in event["data"]["operations"]]
    equal(len(late), TIMERS, "operations released")
    return max(late) / 1000


def bench_opening(system, name, entries, begin_s):
    """All open, after a restart; nobody is early, none is lost."""
    adopt(system, entries(begin_s))
    orchestration_id, _ = start(system)
    restart(system, signal.SIGKILL)
    left_s = begin_s - time.time()
    if left_s < 1:
        raise AssertionError(f"{name}: the first begin was {-left_s:.1f} s ago when all were planned")
    wait_for("all are opened", limit_s=left_s + 300, pause_s=0.5,
             condition=lambda: timers(system, orchestration_id, "state = 'opened'") == TIMERS)
    late = system.sql("SELECT extract(epoch FROM min(d)), extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY"
                      " d)), extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY d)), extract(epoch FROM"
                      " max(d)) FROM (SELECT updated_at - window_begin AS d FROM scheduler.timer WHERE orchestration_id ="
                      f" '{orchestration_id}') AS late")
    least, median, p99, most = (float(number) for number in late.split("|"))
    figure(f"{name}: opened too early", max(0.0, -least), "s", 0)
    figure(f"{name}: late, median", median, "s")
    figure(f"{name}: late, p99", p99, "s")
    figure(f"{name}: late, at most", most, "s", 1)
    figure(f"{name}: late, at most, until the orchestrator has it", released_late(system, orchestration_id), "s")
    ended = wait_for("the orchestration ends", limit_s=300, pause_s=0.5, condition=lambda:
                     (it := system.orchestration(orchestration_id))["state"] == "succeeded" and it)
    equal(ended["operationStats"], {"succeeded": TIMERS}, "none is lost, none twice")


def main():
    run = os.environ.get("TIDEGATE_RUN") or ROOT / ".run-bench"
    system = System({"default": {"durationMs": [0, 0]}}, run=run,
                    settings={"TIDEGATE_MAINTENANCE_POLICY": str(pathlib.Path(run) / "policy.json")})
    system.wipe()
    with system:
        import_runtimes(system)
        planning_s = bench_waiting(system)
        lead_s = 2 * planning_s + 30
        bench_opening(system, "begins over %d s" % SECONDS, lambda begin_s: {
            "rules": [window(begin_s + i, {"region": f"^second-{i}$"}) for i in range(SECONDS)]}, int(time.time() + lead_s))
        bench_opening(system, "one begin for all", lambda begin_s: {"default": window(begin_s)}, int(time.time() + lead_s))
    system.wipe()
    if missed:
        print("missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
