"""From POST to the last runtime: selection, order, workers, failures, dry runs, cancel, runtimes that cannot be had."""
import contextlib
import time
import uuid

from harness import FINAL, NO_WINDOW, equal, has, holds, runtime_line, shown_time, wait_for


def immediate(workers=1):
    return {"schedule": "immediate", "parallel": {"workers": workers}}


def states(operations):
    return {runtime_id: operation["state"] for runtime_id, operation in operations.items()}


# --- A whole one ---

def whole(suite, system):
    fleet = [f"flow-{i}" for i in range(8)] + ["bad-flow"]
    system.import_fleet("ga-flow", fleet)
    orchestration_id = system.upgrade(include=[{"globalAccount": "^ga-flow$"}], strategy=immediate(3))
    orchestration = system.ended(orchestration_id)
    operations = system.operations(orchestration_id)

    with suite.case("3.5: one that fails makes the whole failed, the rest go on"):
        holds(orchestration, {"state": "failed", "type": "upgradeKyma", "description": "Scheduled 9 operations",
                              "operationStats": {"succeeded": 8, "failed": 1}})
    with suite.case("1.4: operationStats has the states that occur and no others"):
        equal(orchestration["operationStats"], {"succeeded": 8, "failed": 1})
    with suite.case("one operation for each runtime"):
        equal(set(operations), set(fleet))
    with suite.case("3.3: a success carries the provisioner's message"):
        holds(operations["flow-0"], {"state": "succeeded", "description": "Operation succeeded", "dryRun": False,
                                     "maintenanceWindowBegin": NO_WINDOW, "maintenanceWindowEnd": NO_WINDOW})
    with suite.case("3.3: a failure says why"):
        holds(operations["bad-flow"], {"state": "failed", "description": "provisioner client returns failed status: "
                                       "istio: ingress gateway not ready"})
    with suite.case("GET /runtimes has the new version after the end"):
        equal({system.runtime(runtime_id)["kymaVersion"] for runtime_id in fleet[:8]}, {"2.4.2"})
    with suite.case("1.9: a failed upgrade shows as error"):
        holds(system.runtime("bad-flow"), {"status": {"state": "error", "upgradingKyma": {"totalCount": 1}}})
    with suite.case("each was upgraded once by the provisioner"):
        equal(system.sql("SELECT count(*), count(DISTINCT runtime_id) FROM provisioner.operation WHERE"
                         f" orchestration_id = '{orchestration_id}'"), "9|9")
    with suite.case("the version that was asked for is the one that is sent"):
        again = system.upgrade(include=[{"runtimeID": "flow-0"}], kyma={"version": "1.11.0"})
        equal(system.ended(again)["state"], "succeeded")
        equal(system.runtime("flow-0")["kymaVersion"], "1.11.0")
        holds(system.runtime("flow-0"), {"status": {"upgradingKyma": {"totalCount": 2, "count": 2}}})


def own_writes(suite, system):
    with suite.case("a client reads its own write: GET right after the 202"):
        for _ in range(25):
            orchestration_id = system.upgrade(include=[{"runtimeID": "nobody"}])
            holds(system.orchestration(orchestration_id), {"orchestrationID": orchestration_id})
            holds(system.get(f"/orchestrations/{orchestration_id}/operations"), {"data": [], "totalCount": 0})
    with suite.case("3.5: no targets, succeeded at once"):
        ended = system.ended(system.upgrade(include=[{"runtimeID": "nobody"}]))
        holds(ended, {"state": "succeeded", "description": "Scheduled 0 operations"})
        if "operationStats" in ended:
            raise AssertionError("Q2: operationStats without operations")


# --- Who is selected ---

SELECTION = {  # runtime: account, subaccount, plan, region
    "sel-1": ("CA-sel-500", "SA-1", "azure", "westeurope"),
    "sel-2": ("XCA-sel-501", "SA-2", "azure_lite", "northeurope"),
    "sel-3": ("ca-sel-502", "SA-3", "trial", "eu-central-1"),
    "sel-4": ("CA-sel-503", "SA-1", "trial", "us-east-1"),
}
ALL = set(SELECTION)
OURS = {"globalAccount": "(?i)ca-sel-50"}

# name, include, exclude, who is selected
SELECTED = [
    ("Q9: patterns are found anywhere, in the case given", [{"globalAccount": "CA-sel-50"}], [],
     {"sel-1", "sel-2", "sel-4"}),
    ("Q9: anchors are the client's to set", [{"globalAccount": "^CA-sel-50"}], [], {"sel-1", "sel-4"}),
    ("2.3: members of one selector are AND-ed", [{**OURS, "region": "europe|eu-", "planName": "azure"}], [], {"sel-1"}),
    ("2.3: selectors are OR-ed, each runtime is taken once",
     [{**OURS, "region": "europe"}, {**OURS, "planName": "azure"}, {**OURS, "planName": "trial"}], [], ALL),
    ("2.3: target all is narrowed by what stands beside it", [{"target": "all", **OURS, "region": "eu"}], [],
     {"sel-1", "sel-2", "sel-3"}),
    ("2.3: a plan's name is compared whole", [{**OURS, "planName": "azur"}], [], set()),
    ("2.3: a shoot's name is compared whole", [{"shoot": "c-sel-3"}, {"shoot": "c-sel"}], [], {"sel-3"}),
    ("2.3: subAccount is a pattern", [{**OURS, "subAccount": "-[12]$"}], [], {"sel-1", "sel-2", "sel-4"}),
    ("Q10: runtimeID makes the other members irrelevant", [{"runtimeID": "sel-2", "region": "mars"}], [], {"sel-2"}),
    ("2.3: exclusion wins", [{**OURS}], [{"planName": "trial"}, {"shoot": "c-sel-1"}], {"sel-2"}),
    ("2.3: excluding everything leaves nobody", [{**OURS}], [{"target": "all"}], set()),
    ("2.3: an exclude that matches nobody", [{**OURS}], [{"runtimeID": "sel-9"}], ALL),
]


def selection(suite, system):
    report = system.import_lines([runtime_line(runtime_id, globalAccount=account, subAccount=sub, planName=plan,
                                               region=region)
                                  for runtime_id, (account, sub, plan, region) in SELECTION.items()])
    equal(report["rejected"], [])

    def selected(include, exclude):
        orchestration_id = system.upgrade(include=include, exclude=exclude, dryRun=True, strategy=immediate(10))
        equal(system.ended(orchestration_id)["state"], "succeeded")
        return set(system.operations(orchestration_id))

    for name, include, exclude, want in SELECTED:
        with suite.case(name):
            equal(selected(include, exclude), want)
    with suite.case("2.3: instanceID is compared whole"):
        instance_id = system.runtime("sel-4")["instanceID"]
        equal(selected([{"instanceID": instance_id}, {"instanceID": instance_id[:-1]}], []), {"sel-4"})


def dry_run(suite, system):
    system.import_fleet("ga-dry", ["dry-1", "dry-2"])
    before = system.get("/runtimes?account=ga-dry&state=all")
    orchestration_id = system.upgrade(include=[{"globalAccount": "ga-dry"}], dryRun=True)

    with suite.case("3.7, Q7: a dry run ends succeeded"):
        holds(system.ended(orchestration_id), {"state": "succeeded", "parameters": {"dryRun": True},
                                               "operationStats": {"succeeded": 2}})
        for operation in system.operations(orchestration_id).values():
            holds(operation, {"state": "succeeded", "description": "dry run succeeded", "dryRun": True})
    with suite.case("D3: a dry run changes nothing in GET /runtimes"):
        equal(system.get("/runtimes?account=ga-dry&state=all"), before)
    with suite.case("D3: a dry run asks the provisioner for nothing"):
        equal(system.sql("SELECT count(*) FROM provisioner.operation WHERE runtime_id LIKE 'dry-%'"), "0")


# --- Order and concurrency ---

def running_of(orchestration):
    return orchestration.get("operationStats", {}).get("in progress", 0)


def order(suite, system):
    names = ["ord-a", "ord-b", "ord-c", "ord-d"]
    system.import_fleet("ga-order", names)
    orchestration_id = system.upgrade(include=[{"shoot": "c-ord-c"}, {"globalAccount": "^ga-order$"}])
    equal(system.ended(orchestration_id)["state"], "succeeded")

    with suite.case("3.4: in the order of include selectors, then of cluster names"):
        started = system.sql("SELECT string_agg(runtime_id, ' ' ORDER BY started_at) FROM provisioner.operation"
                             f" WHERE orchestration_id = '{orchestration_id}'")
        equal(started, "ord-c ord-a ord-b ord-d")
    with suite.case("3.4: without workers one at a time"):
        equal(system.sql("SELECT count(*) FROM provisioner.operation a JOIN provisioner.operation b ON"
                         " a.orchestration_id = b.orchestration_id AND a.started_at < b.started_at AND"
                         f" a.ended_at > b.started_at WHERE a.orchestration_id = '{orchestration_id}'"), "0")


def workers(suite, system):
    system.import_fleet("ga-workers", [f"slow-w{i}" for i in range(6)])
    with system.held():
        first = system.upgrade(include=[{"globalAccount": "ga-workers"}], strategy=immediate(2))
        second = system.upgrade(include=[{"runtimeID": "slow-w0"}])
        third = system.upgrade(include=[{"runtimeID": "slow-w1"}])
        with suite.case("3.4: the next in a lane waits pending"):
            system.reaches(first, "in progress")
            for waiting in (second, third):
                holds(system.orchestration(waiting), {"state": "pending", "description": "queued for processing"})
                equal(system.get(f"/orchestrations/{waiting}/operations")["data"], [])
        with suite.case("D35: a pending one is canceled at once"):
            answer = system.cancel(third)
            equal((answer.status, answer.json), (200, {"orchestrationID": third}))
            holds(system.orchestration(third), {"state": "canceled", "description": "Orchestration was canceled"})
        with suite.case("3.4: as many as workers may, run"):
            wait_for("two run", lambda: running_of(system.orchestration(first)) == 2)
    with suite.case("3.4: never more than workers run"):
        while (it := system.orchestration(first))["state"] not in FINAL:
            if running_of(it) > 2:
                raise AssertionError(f"{running_of(it)} run, 2 may")
            equal(sum(it["operationStats"].values()), 6)
            time.sleep(0.02)
        equal(it["state"], "succeeded")
    with suite.case("3.4, D31: the next one starts when the lane is free, not up to a minute later"):
        equal(system.ended(second)["state"], "succeeded")
        between = system.sql("SELECT extract(epoch FROM (SELECT min(started_at) FROM provisioner.operation WHERE"
                             f" orchestration_id = '{second}') - max(ended_at)) FROM provisioner.operation WHERE"
                             f" orchestration_id = '{first}'")
        if float(between) > 20:
            raise AssertionError(f"it took {between} s")
    with suite.case("3.4: orchestrations of one lane do not overlap"):
        equal(system.sql(f"SELECT (SELECT max(ended_at) FROM provisioner.operation WHERE orchestration_id = '{first}')"
                         " <= (SELECT min(started_at) FROM provisioner.operation WHERE"
                         f" orchestration_id = '{second}')"),
              "t")


def cancel(suite, system):
    fleet = ["slow-c1", "slow-c2", "slow-c3"]
    system.import_fleet("ga-cancel", fleet)
    with system.held():
        orchestration_id = system.upgrade(include=[{"globalAccount": "ga-cancel"}])
        wait_for("one runs", lambda: running_of(system.orchestration(orchestration_id)))
        answer = system.cancel(orchestration_id)
        after = system.orchestration(orchestration_id)
        with suite.case("E5: 200 with the ID, and the next read shows it"):
            equal((answer.status, answer.json), (200, {"orchestrationID": orchestration_id}))
            holds(after, {"state": "canceling", "description": "Orchestration was canceled",
                          "operationStats": {"in progress": 1, "pending": 2}})
            if shown_time(after["updatedAt"]) <= shown_time(after["createdAt"]):
                raise AssertionError("1.4: updatedAt did not move")
        with suite.case("3.8: cancel again changes nothing"):
            equal(system.cancel(orchestration_id).status, 200)
            equal(system.orchestration(orchestration_id)["updatedAt"], after["updatedAt"])
    with suite.case("Q14: what runs comes to its end, what waits is canceled"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 1, "canceled": 2})
        equal(sorted((operation["state"], operation["description"])
                     for operation in system.operations(orchestration_id).values()),
              [("canceled", "Operation was canceled")] * 2 + [("succeeded", "Operation succeeded")])
        equal(system.orchestration(orchestration_id)["state"], "canceled")
    with suite.case("Q4: cancel of a finished one is 200 and changes nothing"):
        before = system.orchestration(orchestration_id)
        equal(system.cancel(orchestration_id).status, 200)
        equal(system.orchestration(orchestration_id), before)
    with suite.case("what was canceled was not upgraded"):
        equal({runtime_id: system.runtime(runtime_id)["kymaVersion"] for runtime_id in fleet},
              {runtime_id: "2.4.2" if state == "succeeded" else "2.3.0"
               for runtime_id, state in states(system.operations(orchestration_id)).items()})


# --- Runtimes that cannot be had ---

ACTOR = {"issuer": "test", "subject": "test", "email": ""}


def deprovision(system, runtime_id):
    operation_id = str(uuid.uuid4())
    system.produce("runtimes", runtime_id, {
        "id": str(uuid.uuid4()), "type": "tidegate.runtime.deprovision.v1", "subject": runtime_id,
        "data": {"runtimeID": runtime_id, "operationID": operation_id, "actor": ACTOR}})
    return operation_id


def deprovisioned(suite, system):
    system.import_fleet("ga-gone", ["gone-1", "slow-gone-a", "slow-gone-b", "stay-1"])
    deprovision(system, "gone-1")
    wait_for("gone-1 is deprovisioned", lambda: system.sql(
        "SELECT deprovisioned_at FROM provisioner.runtime WHERE runtime_id = 'gone-1'"))
    wait_for("the instance knows", lambda: "deprovisioning" in system.runtime("gone-1")["status"])

    with suite.case("section 4: what was deprovisioned is not selected"):
        orchestration_id = system.upgrade(include=[{"runtimeID": "gone-1"}, {"runtimeID": "stay-1"}])
        equal(system.ended(orchestration_id)["state"], "succeeded")
        equal(set(system.operations(orchestration_id)), {"stay-1"})
    with suite.case("Q15: GET /runtimes without a state hides what is suspended, state=all shows it"):
        equal(system.get("/runtimes?account=ga-gone&state=all")["totalCount"], 4)
        shown = {runtime["runtimeID"]: runtime["status"]["state"]
                 for runtime in system.get("/runtimes?account=ga-gone&state=all")["data"]}
        hidden = {runtime["runtimeID"] for runtime in system.get("/runtimes?account=ga-gone")["data"]}
        equal(hidden, {runtime_id for runtime_id, state in shown.items() if state != "suspended"})
    with suite.case("3.2: deprovisioned while its operation waits: preempted, and the whole succeeds"):
        with system.held("slow-gone-a"):
            orchestration_id = system.upgrade(include=[{"globalAccount": "ga-gone", "shoot": "c-slow-gone-a"},
                                                       {"globalAccount": "ga-gone", "shoot": "c-slow-gone-b"}])
            system.runs(orchestration_id, "slow-gone-a")
            waits = "slow-gone-b"
            equal(states(system.operations(orchestration_id))[waits], "pending")
            operation_id = deprovision(system, waits)
        holds(system.ended(orchestration_id), {"state": "succeeded", "operationStats": {"succeeded": 2}})
        holds(system.operations(orchestration_id)[waits],
              {"state": "succeeded", "description": f"operation preempted by deprovisioning {operation_id}"})


@contextlib.contextmanager
def occupied(system, runtime_id, account):
    """Another orchestration's upgrade runs on the runtime meanwhile."""
    # The configuration that an orchestration sends goes ahead of it: after this one the provisioner has it.
    equal(system.ended(system.upgrade(include=[{"runtimeID": runtime_id}]))["state"], "succeeded")
    configuration = system.sql(f"SELECT configuration FROM provisioner.operation WHERE runtime_id = '{runtime_id}'")
    foreign = str(uuid.uuid4())
    with system.held(runtime_id):
        system.produce("runtimes", runtime_id, {
            "id": str(uuid.uuid4()), "type": "tidegate.runtime.upgrade.v1", "subject": runtime_id,
            "data": {"runtimeID": runtime_id, "instanceID": system.runtime(runtime_id)["instanceID"],
                     "globalAccountID": account, "operationID": foreign, "orchestrationID": str(uuid.uuid4()),
                     "lane": "kyma", "version": "2.4.2", "configuration": configuration}})
        wait_for("a foreign operation runs", lambda: system.sql(
            f"SELECT state FROM provisioner.operation WHERE operation_id = '{foreign}'") == "in progress")
        yield


def busy(suite, system):
    system.import_fleet("ga-busy", ["slow-busy", "busy-other"])
    with occupied(system, "slow-busy", "ga-busy"), \
            suite.case("D20: a busy runtime gives its slot back and stays pending"):
        orchestration_id = system.upgrade(include=[{"runtimeID": "slow-busy"}, {"runtimeID": "busy-other"}])
        wait_for("the other one is upgraded", lambda:
                 system.operations(orchestration_id).get("busy-other", {}).get("state") == "succeeded", pause_s=0.01)
        holds(system.operations(orchestration_id)["slow-busy"],
              {"state": "pending", "description": "Operation created"})
    with suite.case("D20: it is upgraded when the other operation has ended"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 2})
        equal(system.sql("SELECT count(*) FROM provisioner.operation a JOIN provisioner.operation b ON a.runtime_id ="
                         " b.runtime_id AND a.started_at < b.started_at AND a.ended_at > b.started_at WHERE"
                         " a.runtime_id = 'slow-busy'"), "0")
        equal(system.sql("SELECT count(*) FROM provisioner.operation WHERE runtime_id = 'slow-busy'"), "3")


def dry_run_as_usual(suite, system):
    system.import_fleet("ga-dry-busy", ["slow-dry", "dry-other", "dry-gone"])
    with occupied(system, "slow-dry", "ga-dry-busy"), \
            suite.case("3.7: a dry run waits for a busy runtime, and gives its slot back"):
        orchestration_id = system.upgrade(include=[{"runtimeID": "slow-dry"}, {"runtimeID": "dry-other"}], dryRun=True)
        wait_for("the other one is done", lambda:
                 system.operations(orchestration_id).get("dry-other", {}).get("state") == "succeeded", pause_s=0.01)
        holds(system.operations(orchestration_id)["slow-dry"],
              {"state": "pending", "description": "Operation created"})
    with suite.case("3.7: it is done when the other operation has ended"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 2})
        holds(system.operations(orchestration_id)["slow-dry"], {"description": "dry run succeeded"})
        equal(system.sql("SELECT count(*), min(state) FROM provisioner.operation WHERE runtime_id = 'slow-dry'"),
              "2|succeeded")
    with suite.case("3.7: a deprovisioning preempts a dry run"):
        with system.frozen("provisioner"):  # it learns of the deprovisioning first, the broker only from it
            operation_id = deprovision(system, "dry-gone")
            orchestration_id = system.upgrade(include=[{"runtimeID": "dry-gone"}], dryRun=True)
            wait_for("its target is known", lambda: system.operations(orchestration_id))
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 1})
        holds(system.operations(orchestration_id)["dry-gone"],
              {"state": "succeeded", "description": f"operation preempted by deprovisioning {operation_id}"})


def unknown(suite, system):
    """A message with a secret value, which no gateway lets through: the broker takes it, the provisioner does not. It is
    selected only because the provisioner says so late."""
    line = runtime_line("unknown-1", globalAccount="ga-unknown", instanceID=str(uuid.uuid4()),
                        kymaConfig={"configuration": [{"key": "a", "value": "b", "secret": True}]})
    system.import_fleet("ga-unknown", ["known-1"])
    with system.frozen("provisioner"):
        system.produce("instances", line["instanceID"], {
            "id": str(uuid.uuid4()), "type": "tidegate.instance.import.v1", "subject": line["instanceID"],
            "data": {"actor": ACTOR, "line": line}})
        wait_for("the instance is there", lambda: system.get("/runtimes?runtime_id=unknown-1")["totalCount"] == 1)
        orchestration_id = system.upgrade(include=[{"globalAccount": "ga-unknown"}])
        wait_for("it is selected", lambda: "unknown-1" in system.operations(orchestration_id))

    with suite.case("D13: a runtime that the provisioner does not know fails with the reason, the rest go on"):
        equal(system.ended(orchestration_id)["operationStats"], {"succeeded": 1, "failed": 1})
        holds(system.operations(orchestration_id)["unknown-1"],
              {"state": "failed", "description": "runtime unknown-1 not found"})


def actors(suite, system):
    with suite.case("every request stands in the log with its actor, accepted or rejected"):
        token = system.token_signed(sub="auditor", email="auditor@example.com")
        equal(system.ask("PUT", "/orchestrations/not-there/cancel", token=token).status, 404)
        found = [event for record in system.records("orchestrations.events") for event in record["events"]
                 if event["data"].get("actor", {}).get("subject") == "auditor"]
        equal(len(found), 1)
        holds(found[0], {"type": "tidegate.orchestration.rejected.v1", "data": {"actor": {
            "email": "auditor@example.com", "issuer": system.settings["TIDEGATE_OIDC_ISSUER"]}, "status": 404}})
        has(found[0]["data"]["reason"], "not-there")


def cases(suite, system):
    for part in (whole, own_writes, selection, dry_run, order, workers, cancel, deprovisioned, busy, dry_run_as_usual,
                 unknown, actors):
        suite.run(f"flow: {part.__name__.replace('_', ' ')}", part, system)
