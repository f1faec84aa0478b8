"""Section 5: maintenance windows and the policy."""
import datetime
import json

from contract.fleet import POLICY
from contract.rows import Story
from harness import NO_WINDOW, equal, runtime_line, wait_for

UTC = datetime.timezone.utc
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WINDOWS = {"schedule": "maintenanceWindow", "parallel": {"workers": 5}}
PATIENT = (4, 8, 16, 32, 64)  # seconds that a machine may need to be ready for a moment: more where they did not do
LATE_S = 15  # by which whoever waits for a moment may be late; what looks once a minute is later


def in_hours(begins_h, lasts_h, offset_h=0):
    """Begin and end of a window, in an offset."""
    zone = datetime.timezone(datetime.timedelta(hours=offset_h))
    begin = datetime.datetime.now(zone).replace(microsecond=0) + datetime.timedelta(hours=begins_h)
    return begin, begin + datetime.timedelta(hours=lasts_h)


def line(window):
    return {"maintenanceWindowBegin": window[0].strftime("%H%M%S%z"),
            "maintenanceWindowEnd": window[1].strftime("%H%M%S%z")}


def entry(window, *days):
    found = {"timeBegin": window[0].strftime("%H%M%S%z"), "timeEnd": window[1].strftime("%H%M%S%z")}
    return {**found, "days": list(days)} if days else found


def shown(window):
    return [time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for time in window]


def window_of(operation):
    return [operation["maintenanceWindowBegin"], operation["maintenanceWindowEnd"]]


def imported(world, account, windows, **more):
    """Runtimes by name with their windows."""
    report = world.system.import_lines([
        runtime_line(runtime_id, globalAccount=account, **(line(window) if window else {}), **more)
        for runtime_id, window in windows.items()])
    equal(report["rejected"], [])


def scheduled(world, name, count):
    """The operations when each has a window or has failed."""
    return wait_for(f"{name} has its windows",
                    condition=lambda: len(it := world.operations(name)) == count and
                    all(one["maintenanceWindowBegin"] != NO_WINDOW or one["state"] == "failed"
                        for one in it.values()) and it)


def refused_forms(world, got):
    for name, begin, end in [("colons", "22:00:00+0000", "040000+0000"), ("Z", "220000Z", "040000Z"),
                             ("no seconds", "2200+0000", "0400+0000"), ("hour 25", "250000+0000", "040000+0000"),
                             ("good", "220000+0000", "040000-0500")]:
        report = world.system.import_lines([runtime_line("form-" + name.replace(" ", "-"), globalAccount="ga-form",
                                                         maintenanceWindowBegin=begin, maintenanceWindowEnd=end)])
        got[name] = [report["imported"] + report["unchanged"], len(report["rejected"])]


def own(world, got):
    """Without a rule: the runtimes' own windows."""
    windows = {"win-open": in_hours(-1, 2, 2), "win-east": in_hours(-9, 10, 12), "win-west": in_hours(-3, 20, -11),
               "win-closed": in_hours(2, 1, -5), "win-day": in_hours(0, 24), "win-none": None}
    imported(world, "ga-win", windows)
    world.upgrade("windows", [{"globalAccount": "^ga-win$"}], strategy=WINDOWS)
    wait_for("four succeeded", condition=lambda:
             world.orchestration("windows").get("operationStats", {}).get("succeeded") == 4)
    operations = scheduled(world, "windows", 6)
    for name in ("win-open", "win-east", "win-west"):
        got[name] = [operations[name]["state"], window_of(operations[name]) == shown(windows[name])]
    got["win-day"] = operations["win-day"]["state"]
    closed = operations["win-closed"]
    got["win-closed"] = [closed["state"], closed["description"], window_of(closed) == shown(windows["win-closed"])]
    got["win-none"] = [operations["win-none"]["state"], window_of(operations["win-none"])]
    it = world.orchestration("windows")
    got["whole"] = [it["state"], it["operationStats"]]
    world.cancel("windows")
    ended = world.ended("windows")
    got["canceled"] = [ended["state"], ended["operationStats"]]
    world.upgrade("no-windows", [{"runtimeID": "win-closed"}, {"runtimeID": "win-none"}])
    got["immediate"] = [world.ended("no-windows")["operationStats"],
                        [window_of(one) for one in world.operations("no-windows").values()]]
    world.upgrade("dry-window", [{"runtimeID": "win-closed"}], strategy=WINDOWS, dryRun=True)
    waiting = scheduled(world, "dry-window", 1)["win-closed"]
    got["a dry run waits too"] = [waiting["state"], window_of(waiting) == shown(windows["win-closed"])]
    world.cancel("dry-window")
    got["and is canceled"] = world.ended("dry-window")["operationStats"]


def opens_soon(world, got):
    """Released at its begin; a later one does not block; one slot, in order."""
    for seconds in PATIENT:
        soon = in_hours(seconds / 3600, 1)
        imported(world, "ga-soon", {"soon-1": soon, "soon-2": soon, "soon-later": in_hours(5, 1)})
        world.upgrade("soon", [{"runtimeID": "soon-later"}, {"runtimeID": "soon-2"}, {"runtimeID": "soon-1"}],
                      strategy={"schedule": "maintenanceWindow", "parallel": {"workers": 1}})
        scheduled(world, "soon", 3)
        if datetime.datetime.now(UTC) < soon[0]:
            break
        world.cancel("soon")  # it was open already
        world.ended("soon")
        world.forget("soon")
    wait_for("two succeeded", condition=lambda:
             world.orchestration("soon")["operationStats"].get("succeeded") == 2)
    started = world.sql("SELECT runtime_id, extract(epoch FROM started_at) FROM provisioner.operation WHERE"
                        " orchestration_id = '<soon>' ORDER BY started_at").splitlines()
    got["order"] = [one.split("|")[0] for one in started]
    got["not before it opens"] = float(started[0].split("|")[1]) >= soon[0].timestamp()
    got["soon after it opens"] = float(started[0].split("|")[1]) < soon[0].timestamp() + LATE_S
    got["the later one"] = world.operations("soon")["soon-later"]["state"]
    world.cancel("soon")
    world.ended("soon")


def ended(window):
    return datetime.datetime.now(UTC) > window[1]


def taken(world):
    return world.operations("missing").get("slow-missed-1", {}).get("state") == "in progress"


def missed(world, got):
    """No slot was free before the window closed: the next one, a day later; a started one runs on."""
    for seconds in PATIENT:
        with world.system.held("slow-missed-1"):
            short = in_hours(0, seconds / 3600)
            imported(world, "ga-missed", {"slow-missed-1": short, "slow-missed-2": short, "slow-missed-3": short})
            world.upgrade("missing", [{"globalAccount": "^ga-missed$"}],
                          strategy={"schedule": "maintenanceWindow", "parallel": {"workers": 1}})
            wait_for("one has started or the window has ended", condition=lambda: taken(world) or ended(short))
            if started := taken(world):
                wait_for("the window has ended", condition=lambda: ended(short))
            else:
                world.cancel("missing")
        if started:
            break
        world.ended("missing")
        world.forget("missing")
    moved = wait_for("one got its next window", condition=lambda: (it := [
        one for one in world.operations("missing").values()
        if one["state"] == "pending" and one["maintenanceWindowBegin"] > shown(short)[0]]) and it)
    tomorrow = [time + datetime.timedelta(days=1) for time in short]
    got["moved a day"] = window_of(moved[0]) == shown(tomorrow)
    wait_for("nothing runs", condition=lambda:
             "in progress" not in world.orchestration("missing")["operationStats"])
    operations = world.operations("missing").values()
    got["states"] = sorted({one["state"] for one in operations})
    got["started ones keep theirs"] = all(window_of(one) == shown(short) for one in operations
                                          if one["state"] == "succeeded")
    got["none outside"] = world.sql("SELECT count(*) FROM provisioner.operation WHERE orchestration_id = '<missing>'"
                                    f" AND started_at > to_timestamp({short[1].timestamp()})")
    world.cancel("missing")
    world.ended("missing")


def sent(world):
    return world.sql("SELECT phase FROM orchestrator.operation WHERE orchestration_id = '<late>'") == "dispatched"


def taken_late(world, got):
    """Sent within the window, but nobody takes it before the end: it does not start, and has the next one."""
    for seconds in PATIENT:
        short = in_hours(0, seconds / 3600)
        imported(world, "ga-late", {"win-late": short})
        with world.system.frozen("provisioner"):
            world.upgrade("late", [{"runtimeID": "win-late"}], strategy=WINDOWS)
            wait_for("it is sent or the window has ended", condition=lambda: sent(world) or ended(short))
            if in_time := sent(world):
                wait_for("the window has ended", condition=lambda: ended(short))
        if in_time:
            break
        world.cancel("late")
        world.ended("late")
        world.forget("late")
    tomorrow = [time + datetime.timedelta(days=1) for time in short]
    moved = wait_for("it has its next window", condition=lambda: window_of(
        it := world.operations("late")["win-late"]) == shown(tomorrow) and it)
    got["state"] = [moved["state"], moved["description"]]
    got["none outside"] = world.sql("SELECT count(*) FROM provisioner.operation WHERE orchestration_id = '<late>'")
    world.cancel("late")
    got["canceled"] = world.ended("late")["operationStats"]


# --- The policy ---

def adopt(world, policy):
    text = json.dumps(policy)
    POLICY.write_text(text)
    wait_for("the policy is in force everywhere", condition=lambda: world.sql(
        f"SELECT count(*) FROM scheduler.policy WHERE refused_hash IS NULL AND body = '{text}'::jsonb") == str(
            world.system.partitions))


def day_of(window):
    return DAYS[window[0].weekday()]


def policy(world, got):
    later, own_one = in_hours(3, 1), in_hours(6, 1)
    default = in_hours(8, 1, 3)
    other_day = DAYS[(own_one[0].weekday() + 2) % 7]
    imported(world, "CA5-pol", {"pol-account": own_one})
    imported(world, "ga-pol", {"pol-free": own_one}, planName="free")
    imported(world, "ga-pol", {"pol-days": own_one}, planName="gcp", region="eu-west")
    imported(world, "ga-pol", {"pol-gcp-us": own_one, "pol-begin": own_one}, planName="gcp", region="us-east")
    imported(world, "ga-pol-begin", {"pol-only-begin": own_one})
    begin_only = {"timeBegin": own_one[0].replace(microsecond=0).astimezone(UTC).strftime("%H%M%S+0000")}
    adopt(world, {"rules": [
        {"match": {"plan": "trial|free"}, **entry(later)},
        {"match": {"plan": "free"}, **entry(default)},
        {"match": {"plan": "gcp", "region": "eu"}, "days": [other_day]},
        {"match": {"globalAccountID": "^CA5"}, **entry(later, day_of(later))},
        {"match": {"globalAccountID": "pol-begin$"}, **begin_only},
    ], "default": entry(default)})
    everybody = ("pol-free", "pol-days", "pol-account", "pol-gcp-us", "pol-only-begin")
    world.upgrade("by-policy", [{"runtimeID": runtime_id} for runtime_id in everybody], strategy=WINDOWS)
    operations = scheduled(world, "by-policy", len(everybody))
    windows = {runtime_id: window_of(operations[runtime_id]) for runtime_id in everybody}
    got["the first rule"] = windows["pol-free"] == shown(later)
    got["days alone"] = windows["pol-days"] == shown([time + datetime.timedelta(days=2) for time in own_one])
    got["of an account"] = windows["pol-account"] == shown(later)
    got["the default"] = windows["pol-gcp-us"] == shown(default)
    got["not completed from the default"] = windows["pol-only-begin"] == shown(own_one)
    world.cancel("by-policy")
    world.ended("by-policy")

    POLICY.write_text('{"rules": [{"match": {"plan": "azure["}, "days": ["Mon"]}]}')
    wait_for("the wrong one is refused everywhere", condition=lambda: world.sql(
        "SELECT count(*) FROM scheduler.policy WHERE refused_reason <> ''") == str(world.system.partitions))
    world.upgrade("by-broken-policy", [{"runtimeID": "pol-account"}], strategy=WINDOWS)
    operations = scheduled(world, "by-broken-policy", 1)
    got["a broken policy"] = (operations["pol-account"]["state"] == "failed" or
                              window_of(operations["pol-account"]) == shown(later))
    got["nothing outside"] = world.sql("SELECT count(*) FROM provisioner.operation WHERE orchestration_id ="
                                       " '<by-broken-policy>'")
    world.cancel("by-broken-policy")
    world.ended("by-broken-policy")


def retried(world, got):
    """A retry of a failed orchestration finds the window anew, by the policy in force."""
    window, later = in_hours(-1, 2), in_hours(2, 1)
    adopt(world, {})
    imported(world, "ga-rewin", {"bad-rewin": window})
    world.upgrade("rewindow", [{"runtimeID": "bad-rewin"}], strategy=WINDOWS)
    got["failed"] = world.ended("rewindow")["state"]
    world.call_operations("rewindow")
    adopt(world, {"default": entry(later)})
    world.retry("rewindow")
    moved = wait_for("it has its new window", condition=lambda: window_of(
        it := world.operations("rewindow")["bad-rewin"]) == shown(later) and it)
    got["waits for the new one"] = moved["state"]
    world.cancel("rewindow")
    got["canceled"] = world.ended("rewindow")["operationStats"]
    adopt(world, {})


GOOD, WRONG = [1, 0], [0, 1]
DONE = ["succeeded", True]
TESTS = [
    Story("forms of times", refused_forms, {
        "colons": ("5.1/form", WRONG), "Z": ("5.1/form", WRONG), "no seconds": ("5.1/form", WRONG),
        "hour 25": ("5.1/form", WRONG), "good": ("5.1/form", GOOD)}),
    Story("the runtimes' own windows", own, {
        "win-open": ("5.5/open 5.3/own D37 1.10/utc 1.6/window", DONE),
        "win-east": ("5.5/midnight 5.5/offset D15 D37", DONE),
        "win-west": ("5.5/offset D15 1.10/utc", DONE), "win-day": ("5.5/day", "succeeded"),
        "win-closed": ("5.5/next 5.3/own 5.4/missing 1.10/utc D37", ["pending", "Operation created", True]),
        "win-none": ("D13 4/bad-runtime", ["failed", [NO_WINDOW, NO_WINDOW]]),
        "whole": ("5.6/free 3.5/goes-on", ["in progress", {"failed": 1, "pending": 1, "succeeded": 4}]),
        "canceled": ("3.8/swept 3.5/canceling", ["canceled", {"canceled": 1, "failed": 1, "succeeded": 4}]),
        "immediate": ("5.2/immediate Q3", [{"succeeded": 2}, [[NO_WINDOW, NO_WINDOW]] * 2]),
        "a dry run waits too": ("3.7/as-usual", ["pending", True]),
        "and is canceled": ("3.7/as-usual", {"canceled": 1})}),
    Story("a window that opens soon", opens_soon, {
        "order": ("5.6/released", ["soon-2", "soon-1"]), "not before it opens": ("5.6/released D14", True),
        "soon after it opens": ("5.6/released", True), "the later one": ("5.6/free 5.5/next", "pending")}),
    Story("a missed window", missed, {
        "moved a day": ("5.6/missed D14", True), "states": ("5.6/missed", ["pending", "succeeded"]),
        "started ones keep theirs": ("5.6/started D14", True), "none outside": ("D14 5.6/missed", "0")}),
    Story("taken too late", taken_late, {
        "state": ("5.6/missed D14", ["pending", "Operation created"]), "none outside": ("D14 5.6/missed", "0"),
        "canceled": ("3.8/swept", {"canceled": 1})}),
    Story("the policy", policy, {
        "the first rule": ("5.4/first 5.4/match", True), "days alone": ("5.4/each 5.4/match 5.5/next", True),
        "of an account": ("5.4/match Q9 Q12", True), "the default": ("5.4/default", True),
        "not completed from the default": ("5.4/default 5.4/each", True),
        "a broken policy": ("5.4/invalid D16", True), "nothing outside": ("D16 5.4/invalid", "0")}),
    Story("a retry", retried, {
        "failed": ("3.6/window", "failed"), "waits for the new one": ("3.6/window", "pending"),
        "canceled": ("3.6/window", {"canceled": 1})}),
]
