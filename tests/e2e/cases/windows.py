"""Schedule maintenanceWindow: the runtime's own window (OC 5.1, 5.5, 5.6)."""
import datetime

from harness import NO_WINDOW, equal, has, holds, runtime_line, wait_for

WINDOWS = {"schedule": "maintenanceWindow", "parallel": {"workers": 5}}


def window(begins_h, lasts_h, offset_h):
    """A window that begins so many hours from now: as a line has it, and as it must be shown."""
    offset = datetime.timezone(datetime.timedelta(hours=offset_h))
    begin = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=begins_h)
    end = begin + datetime.timedelta(hours=lasts_h)
    line = {name: time.astimezone(offset).strftime("%H%M%S%z")
            for name, time in (("maintenanceWindowBegin", begin), ("maintenanceWindowEnd", end))}
    shown = {name: time.strftime("%Y-%m-%dT%H:%M:%SZ")
             for name, time in (("maintenanceWindowBegin", begin), ("maintenanceWindowEnd", end))}
    return line, shown


def cases(suite, system):
    open_line, open_shown = window(-1, 2, 2)
    east_line, east_shown = window(-9, 10, 12)  # began yesterday for most of the day
    west_line, west_shown = window(-3, 20, -11)
    closed_line, closed_shown = window(2, 1, -5)
    whole_day, _ = window(0, 24, 0)
    lines = {"win-open": open_line, "win-east": east_line, "win-west": west_line, "win-closed": closed_line,
             "win-day": whole_day, "win-none": {}}
    report = system.import_lines([runtime_line(name, globalAccount="ga-win", **line) for name, line in lines.items()])
    equal(report["rejected"], [])

    orchestration_id = system.upgrade(include=[{"globalAccount": "ga-win"}], strategy=WINDOWS)
    with suite.case("5.6: those whose window is open are upgraded at once"):
        wait_for("four succeeded", lambda: system.orchestration(orchestration_id).get("operationStats", {})
                 .get("succeeded") == 4)
    operations = system.operations(orchestration_id)
    for name, shown, what in [("win-open", open_shown, "an open window, its begin in the past"),
                              ("win-east", east_shown, "D15: a window that began the day before, far in the east"),
                              ("win-west", west_shown, "D15: a window far in the west")]:
        with suite.case(f"D37, {what}: shown in UTC"):
            holds(operations[name], {**shown, "state": "succeeded"})
    with suite.case("5.5: begin equal to end is a whole day, always open"):
        equal(operations["win-day"]["state"], "succeeded")
    with suite.case("5.6: the one whose window is closed waits, with its next window shown"):
        holds(operations["win-closed"], {**closed_shown, "state": "pending", "description": "Operation created"})
        equal(system.sql("SELECT state FROM scheduler.timer WHERE operation_id ="
                         f" '{operations['win-closed']['operationID']}'"), "waiting")
    with suite.case("5.1: a runtime without a window fails with the reason, the rest go on"):
        holds(operations["win-none"], {"state": "failed", "maintenanceWindowBegin": NO_WINDOW})
        has(operations["win-none"]["description"], "begin")
    with suite.case("5.6: waiting for a window the orchestration is in progress"):
        holds(system.orchestration(orchestration_id), {"state": "in progress",
                                                       "operationStats": {"succeeded": 4, "failed": 1, "pending": 1}})
    with suite.case("3.4: the next orchestration waits for the window of this one"):
        second = system.upgrade(include=[{"runtimeID": "nobody"}])
        equal(system.orchestration(second)["state"], "pending")
    with suite.case("3.8: cancel drops what waits for its window"):
        equal(system.cancel(orchestration_id).status, 200)
        holds(system.ended(orchestration_id),
              {"state": "canceled", "operationStats": {"succeeded": 4, "failed": 1, "canceled": 1}})
        wait_for("the timer is dropped", lambda: system.sql(
            "SELECT state FROM scheduler.timer WHERE operation_id ="
            f" '{operations['win-closed']['operationID']}'") == "dropped")
        equal(system.ended(second)["state"], "succeeded")
    with suite.case("5.2: immediate does not look at windows"):
        immediate = system.upgrade(include=[{"runtimeID": "win-closed"}, {"runtimeID": "win-none"}])
        equal(system.ended(immediate)["operationStats"], {"succeeded": 2})
        equal({operation["maintenanceWindowBegin"] for operation in system.operations(immediate).values()}, {NO_WINDOW})
    with suite.case("5.6: a window that opens soon lets its runtime go"):
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
        line = {"maintenanceWindowBegin": soon.strftime("%H%M%S+0000"),
                "maintenanceWindowEnd": (soon + datetime.timedelta(hours=1)).strftime("%H%M%S+0000")}
        equal(system.import_lines([runtime_line("win-soon", globalAccount="ga-soon", **line)])["rejected"], [])
        waiting = system.upgrade(include=[{"runtimeID": "win-soon"}], strategy=WINDOWS)
        wait_for("it waits or is done", lambda: "win-soon" in system.operations(waiting))
        equal(system.ended(waiting)["state"], "succeeded")
        started = system.sql("SELECT extract(epoch FROM started_at) FROM provisioner.operation WHERE orchestration_id ="
                             f" '{waiting}'")
        if float(started) < int(soon.timestamp()):
            raise AssertionError(f"started at {started}, before the window opened at {int(soon.timestamp())}")
    with suite.case("3.7: a dry run waits for the window as well"):
        dry = system.upgrade(include=[{"runtimeID": "win-closed"}], strategy=WINDOWS, dryRun=True)
        wait_for("its window shows", lambda: (it := system.operations(dry)) and
                 it["win-closed"]["maintenanceWindowBegin"] == closed_shown["maintenanceWindowBegin"])
        equal(system.orchestration(dry)["state"], "in progress")
        system.cancel(dry)
        equal(system.ended(dry)["operationStats"], {"canceled": 1})
