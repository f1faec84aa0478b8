"""The maintenance policy: a watched file that decides when runtimes may be upgraded (OC 5.3 to 5.6, 3.6)."""
import contextlib
import datetime
import json
import os
import subprocess
import time
import zoneinfo

from harness import FINAL, NO_WINDOW, equal, has, holds, runtime_line, wait_for

UTC = datetime.timezone.utc
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WINDOWS = {"schedule": "maintenanceWindow", "parallel": {"workers": 5}}


# --- The file ---

class PolicyFile:
    """The file that the scheduler watches, and what became of it in each partition."""

    def __init__(self, system):
        self.system = system
        self.path = system.run / "policy" / "maintenance.json"
        self.path.parent.mkdir(exist_ok=True)

    def rename_over(self, text):
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.path)

    def in_force(self, policy, what="the policy is in force everywhere"):
        """Waits until every partition's newest one is `policy`."""
        wait_for(what, condition=lambda: self.system.sql(
            "SELECT count(*) FROM scheduler.policy WHERE refused_hash IS NULL AND body ="
            f" '{json.dumps(policy)}'::jsonb") == str(self.system.partitions))

    def adopt(self, policy):
        self.rename_over(json.dumps(policy, indent=1))
        self.in_force(policy)

    def refused(self, part):
        """Waits until every partition has refused a file with such a reason."""
        wait_for(f"refused: {part}", condition=lambda: self.system.sql(
            f"SELECT count(*) FROM scheduler.policy WHERE strpos(refused_reason, $${part}$$) > 0")
            == str(self.system.partitions))

    def logged(self, event, **members):
        """Is there such a line in the scheduler's log?"""
        return any(line.get("event") == event and line.get("path") == str(self.path) and
                   all(part in str(line.get(name)) for name, part in members.items())
                   for line in self.system.log_lines("scheduler"))


def events_by_partition(system, name):
    """The data of the schedules' events of that type: [(partition, data)]."""
    done = subprocess.run(["kcat", "-b", system.kafka, "-C", "-e", "-q", "-t", "schedules.events", "-o", "beginning",
                           "-f", "%p\t%s\n"], check=True, timeout=60, capture_output=True, text=True)
    found = []
    for line in done.stdout.splitlines():
        partition, record = line.split("\t", 1)
        found += [(int(partition), event["data"]) for event in json.loads(record)["events"]
                  if event["type"] == f"tidegate.schedule.{name}.v1"]
    return found


# --- Windows ---

def of_day(moment):
    return moment.strftime("%H%M%S%z")


def hours_from_now(begin_h, length_h, offset_h=0):
    """A window so many hours from now in an offset: begin and end of one opening."""
    zone = datetime.timezone(datetime.timedelta(hours=offset_h))
    begin = (datetime.datetime.now(zone) + datetime.timedelta(hours=begin_h)).replace(microsecond=0)
    return begin, begin + datetime.timedelta(hours=length_h)


def entry(begin, end, **more):
    return {"timeBegin": of_day(begin), "timeEnd": of_day(end), **more}


def in_zone(name, begin, end):
    return {"timeZone": name, "timeBegin": begin.strftime("%H%M%S"), "timeEnd": end.strftime("%H%M%S")}


def own(begin, end):
    """As a line of an import has it."""
    return {"maintenanceWindowBegin": of_day(begin), "maintenanceWindowEnd": of_day(end)}


def shown(begin, end, days=0):
    """As an operation must show it, so many days later."""
    later = datetime.timedelta(days=days)
    return {name: (moment + later).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            for name, moment in (("maintenanceWindowBegin", begin), ("maintenanceWindowEnd", end))}


def day_of(moment, days=0):
    return DAYS[(moment.weekday() + days) % 7]


def clocks_of(zone):
    """The next opening of an hour of the day on the clocks of a zone: at noon or in the evening, where no clocks are
    changed, and more than an hour from now, so that it is neither open nor opens before all have been asked."""
    soon = datetime.datetime.now(UTC) + datetime.timedelta(hours=1)
    found = []
    for days in range(-1, 3):
        date = soon.astimezone(zone).date() + datetime.timedelta(days=days)
        found += [tuple(datetime.datetime.combine(date, datetime.time(hour + more), zone) for more in (0, 1))
                  for hour in (12, 18)]
    return next((begin, end) for begin, end in found if begin > soon)


def planned(system, account, **body):
    """Operations by runtime ID as soon as each waits for its window or has ended; the orchestration is canceled then."""
    orchestration_id = system.upgrade(include=[{"globalAccount": f"^{account}"}], strategy=WINDOWS, dryRun=True, **body)
    now = datetime.datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    operations = wait_for("all wait for a window or have ended", condition=lambda:
                          (it := system.operations(orchestration_id)) and all(
                              operation["maintenanceWindowBegin"] > now or operation["state"] in FINAL
                              for operation in it.values()) and it)
    system.cancel(orchestration_id)
    system.ended(orchestration_id)
    return operations


# --- A first file that is wrong ---

def wrong_from_the_start(suite, system, policy):
    text = '{\n  "rules": [\n    {"days": ["Mon"]},\n    {"days": ["Tue", "Someday"]}\n  ]\n}\n'
    policy.rename_over(text)
    system.import_lines([runtime_line(name, globalAccount="pol-first", **own(*hours_from_now(-1, 3)))
                         for name in ("pol-first-1", "pol-first-2")])
    system.stop("scheduler")
    asked_before_id = system.upgrade(include=[{"globalAccount": "pol-first"}], strategy=WINDOWS)
    wait_for("its windows are asked for", condition=lambda: system.orchestration(asked_before_id)
             ["state"] == "in progress")
    system.start("scheduler", f"TIDEGATE_MAINTENANCE_POLICY={policy.path}")
    policy.refused("line 4")
    with suite.case("5.4: a file that is wrong is refused with line, place and reason in the log"):
        wait_for("it is logged", condition=lambda: policy.logged(
            "maintenance_policy_refused", reason="line 4: rules[1].days[1]: is no day; right are Mon, Tue"))
    with suite.case("policyRefused stands in every partition of schedules.events"):
        found = events_by_partition(system, "policyRefused")
        equal(sorted(partition for partition, _ in found), list(range(system.partitions)))
    with suite.case("D16: with none in force, an orchestration for windows fails with the reason, and upgrades nothing"):
        later_id = system.upgrade(include=[{"globalAccount": "pol-first"}], strategy=WINDOWS)
        for failed_id in asked_before_id, later_id:
            equal(system.ended(failed_id)["state"], "failed")
            for operation in system.operations(failed_id).values():
                holds(operation, {"state": "failed", "maintenanceWindowBegin": NO_WINDOW})
                has(operation["description"], "line 4: rules[1].days[1]: is no day")
        equal(system.runtime("pol-first-1")["kymaVersion"], "2.3.0")
    with suite.case("5.2: immediate asks no policy, and shows no window"):
        immediate = system.upgrade(include=[{"runtimeID": "pol-first-1"}])
        equal(system.ended(immediate)["state"], "succeeded")
        holds(system.operations(immediate)["pol-first-1"],
              {"maintenanceWindowBegin": NO_WINDOW, "maintenanceWindowEnd": NO_WINDOW})
    return later_id


# --- Rules ---

def rules(suite, system, policy):
    mine, by_plan, by_account = hours_from_now(2, 1, 3), hours_from_now(3, 2, -7), hours_from_now(4, 20, 12)
    by_region, fallback, is_open = hours_from_now(5, 1, 0), hours_from_now(6, 1, 5.5), hours_from_now(-2, 5, -4)
    kolkata, berlin = (clocks_of(zoneinfo.ZoneInfo(name)) for name in ("Asia/Kolkata", "Europe/Berlin"))
    body = {
        "rules": [
            {"match": {"plan": "trial|free"}, **entry(*by_plan)},
            {"match": {"globalAccountID": "^pol-rules-acc", "region": "^eu"}, **entry(*by_account)},
            {"match": {"region": "^mars$"}, **entry(*by_region, days=[day_of(by_region[0], 3)])},
            {"match": {"region": "^open$", "plan": ""}, **entry(*is_open, days=[day_of(is_open[0])])},
            {"match": {"region": "^shut$"}, **entry(*is_open, days=[day_of(is_open[0], 1)])},
            {"match": {"region": "^days$"}, "days": [day_of(mine[0], 2), day_of(mine[0], 4)]},
            {"match": {"region": "^end$"}, "timeEnd": of_day(mine[1] + datetime.timedelta(hours=2))},
            {"match": {"region": "^own$"}},
            {"match": {"region": "^kolkata$"}, **in_zone("Asia/Kolkata", *kolkata)},
            {"match": {"region": "^berlin$"}, **in_zone("Europe/Berlin", *berlin)},
        ],
        "default": entry(*fallback, days=list(DAYS)),
    }
    longer = (mine[0], mine[1] + datetime.timedelta(hours=2))
    table = [  # what, runtime, has it a window of its own?, its members, the window to be shown or a reason
        ("the plan's rule, found anywhere in its name", "plan", True, {"planName": "free"}, shown(*by_plan)),
        ("the first rule that matches wins", "first", True,
         {"planName": "trial", "globalAccount": "pol-rules-acc", "region": "eu"}, shown(*by_plan)),
        ("members of a match are AND-ed: both match", "both", True,
         {"globalAccount": "pol-rules-acc", "region": "europe"}, shown(*by_account)),
        ("members of a match are AND-ed: one does not", "half", True,
         {"globalAccount": "pol-rules-acc", "region": "us"}, shown(*fallback)),
        ("the region's rule, on another day", "mars", True, {"region": "mars"}, shown(*by_region, days=3)),
        ("an empty member of a match is ignored; the window is open", "open", True, {"region": "open"}, shown(*is_open)),
        ("open by its times, but not on this day", "shut", True, {"region": "shut"}, shown(*is_open, days=1)),
        ("days alone: the runtime's own times on those days", "days", True, {"region": "days"}, shown(*mine, days=2)),
        ("an end alone: the runtime's own begin", "end", True, {"region": "end"}, shown(*longer)),
        ("a rule that names nothing: the runtime's own window", "own", True, {"region": "own"}, shown(*mine)),
        ("no rule: the default", "default", True, {"region": "moon"}, shown(*fallback)),
        ("no window of its own: the default has one", "bare", False, {"region": "moon"}, shown(*fallback)),
        ("a rule is not completed from the default", "bare-days", False, {"region": "days"}, "begin"),
        ("a zone east of UTC by half hours", "kolkata", True, {"region": "kolkata"}, shown(*kolkata)),
        ("a zone with daylight saving time", "berlin", True, {"region": "berlin"}, shown(*berlin)),
    ]
    lines = [runtime_line("pol-" + name, **{"globalAccount": "pol-rules", **members}, **(own(*mine) if windowed else {}))
             for _, name, windowed, members, _ in table]
    equal(system.import_lines(lines)["rejected"], [])
    policy.adopt(body)
    with suite.case("policyAdopted stands in every partition of schedules.events, with policy and zones"):
        found = [(partition, data) for partition, data in events_by_partition(system, "policyAdopted")
                 if data["policy"] == body]
        equal(sorted(partition for partition, _ in found), list(range(system.partitions)))
        for _, data in found:
            equal(sorted(data["zones"]), ["Asia/Kolkata", "Europe/Berlin"])
    operations = planned(system, "pol-rules")
    for what, name, _, _, want in table:
        with suite.case(f"5.3, 5.4: {what}"):
            operation = operations["pol-" + name]
            if isinstance(want, str):
                holds(operation, {"state": "failed", "maintenanceWindowBegin": NO_WINDOW})
                has(operation["description"], want)
            else:
                holds(operation, want)
                equal(operation["state"], "succeeded" if name == "open" else "pending")
    return body


# --- Changes of the file ---

def changes(suite, system, policy):
    first, second, third = (hours_from_now(2 + i, 1) for i in range(3))
    bodies = [{"default": entry(*window)} for window in (first, second, third)]
    line = runtime_line("pol-change", globalAccount="pol-change", **own(*hours_from_now(9, 1)))
    equal(system.import_lines([line])["rejected"], [])

    def decides(window):
        holds(planned(system, "pol-change")["pol-change"], shown(*window))

    with suite.case("a file that is renamed over the old one is taken"):
        policy.adopt(bodies[0])
        decides(first)
    with suite.case("a file that is written in place is taken"):
        policy.path.write_text(json.dumps(bodies[1]))
        policy.in_force(bodies[1])
        decides(second)
    with suite.case("a link that is swapped is taken"):
        for name, body in (("old", bodies[1]), ("new", bodies[2])):
            (policy.path.parent / name).write_text(json.dumps(body))
        for name in ("old", "new"):
            link = policy.path.with_suffix(".link")
            link.symlink_to(name)
            os.replace(link, policy.path)
        policy.in_force(bodies[2])
        decides(third)
    wrong = [
        ("bad JSON", '{"default": {\n"days": ["Sat"],,\n}}', "line 2: column"),
        ("a bad expression", '{"rules": [\n{"match": {"plan":\n"a(b"}}]}', "line 3: rules[0].match.plan:"),
        ("a bad time", '{\n"default": {"timeBegin": "22:00"}}', "line 2: default.timeBegin: \"22:00\" is no time of day"),
        ("no day at all", '{\n\n"default": {"days": []}}', "line 3: default.days: is empty"),
        ("a misspelt member", '{"rules": [],\n"defualt": {}}', "line 2: defualt: means nothing"),
        ("an unknown zone", '{"default": {"timeZone": "Mars/Base",\n"timeBegin": "010000", "timeEnd": "020000"}}',
         "line 1: default.timeZone: is no time zone"),
    ]
    for what, text, reason in wrong:
        with suite.case(f"D16: {what} is refused whole, with line and reason"):
            policy.rename_over(text)
            policy.refused(reason)
            if not policy.logged("maintenance_policy_refused", reason=reason):
                raise AssertionError("it is not in the log")
    with suite.case("D16: the policy before a refused one stays in force"):
        decides(third)
    with suite.case("a file that is removed changes nothing"):
        policy.path.unlink()
        wait_for("it is missed", condition=lambda: policy.logged("maintenance_policy_missing"))
        decides(third)
    with suite.case("a policy survives its scheduler, though its file is gone"):
        system.restart("scheduler")
        decides(third)
        system.stop("scheduler")
        system.start("scheduler", f"TIDEGATE_MAINTENANCE_POLICY={policy.path}")
    with suite.case("the same policy once more is no event"):
        before = len(events_by_partition(system, "policyAdopted"))
        policy.adopt(bodies[2])  # takes back the refusal
        policy.rename_over(json.dumps(bodies[2], indent=4))
        policy.adopt(bodies[0])
        equal(len(events_by_partition(system, "policyAdopted")) - before, 2 * system.partitions)
    with suite.case("5.4: what waits keeps its window, whatever the policy becomes"):
        waiting = system.upgrade(include=[{"runtimeID": "pol-change"}], strategy=WINDOWS)
        wait_for("its window shows", lambda: (it := system.operations(waiting)) and
                 it["pol-change"]["maintenanceWindowBegin"] != NO_WINDOW)
        policy.adopt(bodies[1])
        holds(system.operations(waiting)["pol-change"], {**shown(*first), "state": "pending"})
        system.cancel(waiting)
        system.ended(waiting)
    with suite.case("5.4: a policy that changes while no scheduler runs decides what is asked for after the change"):
        system.stop("scheduler")
        policy.rename_over(json.dumps(bodies[2]))
        asked = system.upgrade(include=[{"runtimeID": "pol-change"}], strategy=WINDOWS)
        wait_for("its windows are asked for", lambda: system.orchestration(asked)["state"] == "in progress")
        system.start("scheduler", f"TIDEGATE_MAINTENANCE_POLICY={policy.path}")
        wait_for("its window shows", lambda: system.operations(asked)["pol-change"]["maintenanceWindowBegin"] !=
                 NO_WINDOW)
        holds(system.operations(asked)["pol-change"], {**shown(*third), "state": "pending"})
        system.cancel(asked)
        system.ended(asked)


# --- Windows that open, and windows that close ---

PATIENT = (5, 10, 20, 40, 80)  # seconds that a machine may need to be ready for a moment: more where they did not do
LATE_S = 15  # by which whoever waits for a moment may be late; what looks once a minute is later


def seconds_from_now(begin_s, length_s):
    begin = datetime.datetime.now(UTC).replace(microsecond=0) + datetime.timedelta(seconds=begin_s)
    return begin, begin + datetime.timedelta(seconds=length_s)


def opening(suite, system, policy):
    system.import_fleet("pol-soon", ["pol-soon-1", "pol-soon-2"])
    for seconds in PATIENT:
        soon = seconds_from_now(seconds, 3600)
        policy.adopt({"rules": [{"match": {"globalAccountID": "^pol-soon$"}, **entry(*soon)}]})
        orchestration_id = system.upgrade(include=[{"globalAccount": "pol-soon"}], strategy=WINDOWS)
        wait_for("its timers are set or gone", lambda: system.sql(
            f"SELECT count(*) FROM scheduler.timer WHERE orchestration_id = '{orchestration_id}'") == "2" or
            system.orchestration(orchestration_id)["state"] in FINAL)
        if time.time() < soon[0].timestamp():
            break
        system.ended(orchestration_id)  # it was open already
    with suite.case("5.6: a window of the policy opens when it begins, never before"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 2})
        late = system.sql("SELECT min(extract(epoch FROM updated_at - window_begin)), max(extract(epoch FROM updated_at"
                          f" - window_begin)) FROM scheduler.timer WHERE orchestration_id = '{orchestration_id}'")
        least, most = (float(number) for number in late.split("|"))
        if least < 0 or most > LATE_S:
            raise AssertionError(f"opened {least} to {most} s after the begin")
        started = system.sql("SELECT extract(epoch FROM min(started_at)) FROM provisioner.operation WHERE"
                             f" orchestration_id = '{orchestration_id}'")
        if float(started) < soon[0].timestamp():
            raise AssertionError(f"started at {started}, before the window")
        for operation in system.operations(orchestration_id).values():
            holds(operation, shown(*soon))


def open_already(suite, system, policy):
    """Windows that are open when they are asked for, of runtimes whose operations are spread over the schedulers."""
    policy.adopt({})
    names, window = [f"pol-order-{i}" for i in range(12)], own(*seconds_from_now(-3600, 7200))
    lines = [runtime_line(name, globalAccount="pol-order", **window) for name in reversed(names)]
    equal(system.import_lines(lines)["rejected"], [])
    orchestration_id = system.upgrade(include=[{"globalAccount": "pol-order"}],
                                      strategy={**WINDOWS, "parallel": {"workers": 1}})
    with suite.case("5.6: windows that are open already are released in queue order, whichever is known first"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": len(names)})
        equal(system.sql("SELECT string_agg(runtime_id, ' ' ORDER BY started_at) FROM provisioner.operation WHERE"
                         f" orchestration_id = '{orchestration_id}'"), " ".join(sorted(names)))


def first_started(system, orchestration_id):
    return system.operations(orchestration_id).get("slow-pol-close-1", {}).get("state") == "in progress"


def closing(suite, system, policy):
    """One worker, who is held from the first's start until the window has closed."""
    policy.adopt({})
    for seconds in PATIENT:
        with system.held("slow-pol-close-1"):
            begin, end = seconds_from_now(-3600, 3600 + seconds)
            lines = [runtime_line(name, globalAccount="pol-close", **own(begin, end))
                     for name in ("slow-pol-close-1", "slow-pol-close-2")]
            equal(system.import_lines(lines)["rejected"], [])
            orchestration_id = system.upgrade(include=[{"globalAccount": "pol-close"}],
                                              strategy={**WINDOWS, "parallel": {"workers": 1}})
            wait_for("the first has started or the window has closed", pause_s=0.02, condition=lambda: first_started(
                system, orchestration_id) or time.time() > end.timestamp())
            if started := first_started(system, orchestration_id):
                wait_for("the window has closed", lambda: time.time() > end.timestamp() + 0.1)
            else:
                system.cancel(orchestration_id)
        if started:
            break
        system.ended(orchestration_id)
    with suite.case("5.6: of two windows that are open already the order of the orchestration decides"):
        operations = wait_for("one is done, one has a new window", condition=lambda:
                              (it := system.operations(orchestration_id)) and
                              it["slow-pol-close-1"]["state"] == "succeeded" and
                              it["slow-pol-close-2"]["maintenanceWindowBegin"] ==
                              shown(begin, end, days=1)["maintenanceWindowBegin"] and it)
    with suite.case("5.6: whose window closes before a worker is free, gets its next one, which is shown"):
        holds(operations["slow-pol-close-2"], {"state": "pending", **shown(begin, end, days=1)})
        holds(operations["slow-pol-close-1"], shown(begin, end))
    with suite.case("5.6: it waits there, in no worker's way, and the orchestration goes on"):
        holds(system.orchestration(orchestration_id),
              {"state": "in progress", "operationStats": {"succeeded": 1, "pending": 1}})
        equal(system.sql("SELECT state FROM scheduler.timer WHERE operation_id ="
                         f" '{operations['slow-pol-close-2']['operationID']}'"), "waiting")
        equal(system.runtime("slow-pol-close-2")["kymaVersion"], "2.3.0")
    system.cancel(orchestration_id)
    system.ended(orchestration_id)


# --- Retry ---

def retry(system, orchestration_id, *operation_ids):
    answer = system.ask("POST", f"/orchestrations/{orchestration_id}/retry",
                        "&".join(f"operation-id={operation_id}" for operation_id in operation_ids),
                        headers={"Content-Type": "application/x-www-form-urlencoded"})
    equal(answer.status, 202, repr(answer))
    return answer.json


def ended_at(system, orchestration_id):
    """When the only operation that the provisioner had from it ended; "" while it runs."""
    return system.sql(f"SELECT ended_at FROM provisioner.operation WHERE orchestration_id = '{orchestration_id}'")


def retries(suite, system, policy, refused_id):
    is_open, later = hours_from_now(-1, 3), hours_from_now(4, 1)
    system.import_lines([runtime_line("bad-pol-1", globalAccount="pol-late", **own(*is_open)),
                         runtime_line("bad-pol-2", globalAccount="pol-now", **own(*is_open)),
                         runtime_line("pol-late", globalAccount="pol-late", **own(*is_open))])
    with suite.case("3.6: retry of a failed orchestration asks the policy that is in force now"):
        policy.adopt({})
        failed = system.upgrade(include=[{"runtimeID": "bad-pol-1"}], strategy=WINDOWS)
        equal(system.ended(failed)["state"], "failed")
        holds(system.operations(failed)["bad-pol-1"], {"state": "failed", **shown(*is_open)})
        policy.adopt({"rules": [{"match": {"globalAccountID": "^pol-late$"}, **entry(*later)}]})
        retry(system, failed)
        wait_for("it has another window", condition=lambda: system.operations(failed)["bad-pol-1"]
                 ["maintenanceWindowBegin"] == shown(*later)["maintenanceWindowBegin"])
        holds(system.operations(failed)["bad-pol-1"], {"state": "pending", **shown(*later)})
        system.cancel(failed)
        equal(system.ended(failed)["state"], "canceled")
    with suite.case("3.6: retry within one in progress keeps a window that is open"):
        running = system.upgrade(include=[{"runtimeID": "bad-pol-2"}, {"runtimeID": "pol-late"}], strategy=WINDOWS)
        failed_at = wait_for("one failed", condition=lambda: ended_at(system, running))
        wait_for("the other has its window", condition=lambda: system.operations(running)["pol-late"]
                 ["maintenanceWindowBegin"] == shown(*later)["maintenanceWindowBegin"])
        holds(system.operations(running)["pol-late"], {"state": "pending", **shown(*later)})
        policy.adopt({"default": entry(*later)})
        retry(system, running)
        wait_for("it failed again", condition=lambda: ended_at(system, running) not in ("", failed_at))
        wait_for("and is shown so", condition=lambda:
                 system.operations(running)["bad-pol-2"]["state"] == "failed")
        holds(system.operations(running)["bad-pol-2"], shown(*is_open))
        system.cancel(running)
        system.ended(running)
    with suite.case("3.6: what failed for want of a policy gets a window when it is retried"):
        operation_id = system.operations(refused_id)["pol-first-2"]["operationID"]
        holds(retry(system, refused_id, operation_id), {"retryOperations": [operation_id]})
        wait_for("it has a window", condition=lambda: system.operations(refused_id)["pol-first-2"]
                 ["maintenanceWindowBegin"] == shown(*later)["maintenanceWindowBegin"])
        system.cancel(refused_id)
        system.ended(refused_id)


def cases(suite, system):
    policy = PolicyFile(system)
    if system.sql("SELECT count(*) FROM scheduler.policy WHERE hash IS NOT NULL") != "0":
        raise AssertionError("a policy is in force already: these cases need a system that never had one")
    with contextlib.ExitStack() as after:
        after.callback(lambda: system.restart("scheduler"))
        after.callback(policy.adopt, {})
        refused_id = wrong_from_the_start(suite, system, policy)
        for part in (rules, changes, opening, open_already, closing):
            suite.run(f"windows: {part.__name__} of the policy", lambda *_, part=part: part(suite, system, policy), system)
        suite.run("windows: retries", lambda *_: retries(suite, system, policy, refused_id), system)
