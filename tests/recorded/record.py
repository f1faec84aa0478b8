#!/usr/bin/env python3
"""Makes the recorded log anew: tests/recorded/record.py [--force]

Starts a system of its own in .run-record (BUILD and TIDEGATE_PORT as for the end-to-end tests), plays a story that
makes every type of event happen, and writes beside this script

    <topic>.events.ndjson   the records as they stand, a line each: {"partition": 3, "offset": 7, "record": <its bytes>}
    <service>.rows.json     what PostgreSQL held at the end, by table; timestamps as the cores write them

tests/unit/recorded_log_test.c replays the one and compares it with the other. The recording is evidence of what
released code wrote: other behaviour of an event type is a new type, not a new recording. So existing files are kept
unless --force is given; a new type of event is a reason for it, a red test is not. earlier/ has records of earlier
code, which nothing replaces."""
import collections
import json
import pathlib
import subprocess
import sys
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from harness import NO_WINDOW, ROOT, System, equal, has, partition_of, runtime_line, wait_for  # noqa: E402
from provisioning import AGENT, data, ends, gardener, kyma, post, provision_text, shoot_text, simple_text, \
    upgrade_text  # noqa: E402

SERVICES = {"instances": "broker", "orchestrations": "orchestrator", "schedules": "scheduler",
            "runtimes": "provisioner"}
TABLES = {"broker": ["instance", "place", "block", "claim"],
          "orchestrator": ["orchestration", "configuration", "operation", "latest", "releases"],
          "scheduler": ["timer", "policy"], "provisioner": ["configuration", "kubeconfig", "runtime", "operation"]}
SIZE_MAX, PARTITIONS = 1_500_000, 4
SCENARIO = {"default": {"durationMs": [10, 30]},
            "rules": [{"runtime": "^bad-", "stage": "WaitingForInstallation", "fail": "istio: not ready"},
                      {"runtime": "^slow-", "durationMs": [1300, 1300]},
                      {"runtime": "^once-", "stage": "WaitingForInstallation", "attempts": 1,
                       "fail": "istio: not ready"},
                      {"runtime": "^once-", "stage": "WaitingForShootUpgrade", "attempts": 1, "fail": "no machines"},
                      {"operation": "provision", "stage": "WaitingForInstallation", "durationMs": [1200, 1200],
                       "steps": 2},
                      {"operation": "upgradeKyma", "stage": "StartingUpgrade", "runtime": "^[0-9a-f]{8}-",
                       "durationMs": [800, 800], "flaps": 1, "fail": "connection refused", "reason": "err_refused",
                       "component": "kyma installer"}]}
ACTOR = {"issuer": "recording", "subject": "recorder", "email": ""}
ACCOUNT = "^ga-record$"
# Small ones, since each event of their adoption holds them all.
RELEASES = {version: {"version": version, "components": [{"component": "istio", "namespace": "istio-system"}, AGENT],
                      "configuration": [{"key": "global.domain", "value": "example.com"}]}
            for version in ("1.20.4", "1.24.5", "2.3.0", "2.4.2")}


def clock(from_now_s):
    return time.strftime("%H%M%S+0000", time.gmtime(time.time() + from_now_s))


def tomorrow():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 12 * 3600))


def window(begin_s, end_s):
    return {"maintenanceWindowBegin": clock(begin_s), "maintenanceWindowEnd": clock(end_s)}


def line(runtime_id, **members):
    return runtime_line(runtime_id, **{"globalAccount": "ga-record", **members})


def tell(system, topic, key, kind, **data):
    system.produce(topic, key, {"id": str(uuid.uuid4()), "type": f"tidegate.{topic[:-1]}.{kind}.v1", "subject": key,
                                "data": data})


def write_releases(folder, releases):
    folder.mkdir(parents=True, exist_ok=True)
    for name, release in releases.items():
        new = folder / f".{name}"
        new.write_text(json.dumps(release, indent=1))
        new.rename(folder / f"{name}.json")


def retry(system, orchestration_id, *operation_ids, key=None):
    """`retryOperations` of the answer."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **({"Idempotency-Key": key} if key else {})}
    answer = system.ask("POST", f"/orchestrations/{orchestration_id}/retry",
                        "&".join(f"operation-id={name}" for name in operation_ids), headers=headers)
    equal(answer.status, 202, repr(answer))
    return answer.json["retryOperations"]


def stops(system, orchestration_id):
    wait_for("it has stopped", lambda: ", stopped: " in system.orchestration(orchestration_id)["description"])


def state_of(system, orchestration_id, runtime_id):
    return system.operations(orchestration_id).get(runtime_id, {}).get("state")


# --- The story ---

def imports(system):
    fleet = [line("rec-1"), line("rec-2", planName="trial"), line("slow-3"), line("slow-4", region="eastus"),
             line("bad-5"), line("rec-6", **window(-3600, 3600)), line("rec-7", **window(7200, 10800)),
             line("rec-8", kymaConfig={"version": "2.3.0", "components": [{"component": "istio"}]},
                  clusterConfig={"region": "westeurope", "machineType": "m5"})]
    equal(system.import_lines(fleet), {"imported": 8, "unchanged": 0, "rejected": []})
    equal(system.import_lines([fleet[0], line("rec-2", planName="azure")])["imported"], 1)
    equal(len(system.import_lines([line("rec-9", instanceID=system.runtime("rec-1")["instanceID"]),
                                   line("rec-1", instanceID=str(uuid.uuid4()))])["rejected"]), 2)
    wait_for("the second instance of rec-1 is refused", lambda:
             system.get("/runtimes?runtime_id=rec-1&state=all")["totalCount"] == 1)
    tell(system, "instances", "nobody", "import", actor=ACTOR, line={"instanceID": "nobody"})
    tell(system, "schedules", "nobody", "request")


def upgrades(system):
    key = {"Idempotency-Key": "recorded"}
    immediate = {"parallel": {"workers": 3}}
    first = system.upgrade(include=[{"globalAccount": ACCOUNT}], exclude=[{"runtimeID": "rec-8"}], strategy=immediate)
    equal(system.ended(first)["operationStats"], {"succeeded": 6, "failed": 1})
    equal(system.ended(system.upgrade(include=[{"globalAccount": ACCOUNT}], dryRun=True))["state"], "succeeded")
    repeated = system.upgrade(include=[{"runtimeID": "nobody"}], headers=key)
    equal(system.ended(repeated)["state"], "succeeded")
    for body in ({"runtimeID": "nobody"}, {"runtimeID": "somebody"}):
        system.ask("POST", "/upgrade/kyma", {"targets": {"include": [body]}}, headers=key)
    canceled = system.upgrade(include=[{"shoot": "c-slow-3"}, {"shoot": "c-slow-4"}, {"shoot": "c-rec-1"}])
    waiting = system.upgrade(include=[{"globalAccount": ACCOUNT}])
    wait_for("one runs", lambda: system.orchestration(canceled).get("operationStats", {}).get("in progress"))
    for orchestration_id in (waiting, canceled, waiting, "not-there"):
        system.cancel(orchestration_id)
    equal(system.ended(canceled)["state"], "canceled")


def windows(system):
    schedule = {"schedule": "maintenanceWindow", "parallel": {"workers": 1}}
    equal(system.import_lines([line(name, **window(-3600, 4)) for name in ("slow-3", "slow-4")])["imported"], 2)
    # Both windows are open, one runs; when it is the other's turn its window has ended.
    late = system.upgrade(include=[{"runtimeID": "slow-3"}, {"runtimeID": "slow-4"}], strategy=schedule)
    wait_for("one is done, one waits for tomorrow", lambda: sorted(
        (operation["state"], operation["maintenanceWindowEnd"] > tomorrow()) for operation in
        system.operations(late).values()) == [("pending", True), ("succeeded", False)])
    system.cancel(late)
    equal(system.ended(late)["state"], "canceled")
    mixed = system.upgrade(include=[{"runtimeID": f"rec-{i}"} for i in (6, 7, 8)], strategy=schedule)
    wait_for("one is done, one waits, one has no window", lambda: system.orchestration(mixed).get("operationStats") ==
             {"succeeded": 1, "failed": 1, "pending": 1} and
             system.operations(mixed)["rec-7"]["maintenanceWindowBegin"] != NO_WINDOW)
    system.cancel(mixed)
    equal(system.ended(mixed)["state"], "canceled")


def policies(system):
    """A policy that is refused, one that is adopted, and operations that it sends to another day."""
    operation_ids, day = [str(uuid.uuid4()) for _ in range(2)], time.strftime("%a", time.gmtime(time.time() + 3 * 86400))
    policy = system.run / "policy.json"
    policy.write_text('{"default":\n {"days": ["Monday"]}}')
    wait_for("every partition has refused it", lambda: system.sql(
        "SELECT count(*) FROM scheduler.policy WHERE refused_reason LIKE 'line 2: default.days[0]: %'") == str(PARTITIONS))
    policy.write_text(json.dumps({"rules": [{"match": {"plan": "^azure$"}, "days": [day]}], "default": {
        "days": [day], "timeBegin": "220000", "timeEnd": "040000", "timeZone": "Europe/Berlin"}}))
    wait_for("every partition has adopted it", lambda: system.sql(
        "SELECT count(*) FROM scheduler.policy WHERE hash IS NOT NULL AND refused_hash IS NULL") == str(PARTITIONS))
    for operation_id, plan in zip(operation_ids, ("azure", "aws")):
        tell(system, "schedules", operation_id, "request", orchestrationID=str(uuid.uuid4()), lane="kyma",
             schedule="maintenanceWindow", after=0, operations=[{
                 "operationID": operation_id, "begin": clock(-3600), "end": clock(3600),
                 "globalAccountID": "ga-record", "planName": plan, "region": "westeurope"}])
    for operation_id, zone in zip(operation_ids, ("", "Europe/Berlin")):
        wait_for("it waits for that day", lambda: system.sql(
            f"SELECT days, zone FROM scheduler.timer WHERE operation_id = '{operation_id}'") == f"{day}|{zone}")


def failures(system):
    """Those of once- fail at their first attempt only."""
    fleet = [line(name, globalAccount="ga-once", subAccount="sa-once") for name in ("once-1", "once-2", "once-calm")]
    equal(system.import_lines(fleet + [line("slow-5", globalAccount="ga-slow")])["imported"], 4)
    everyone = [{"globalAccount": "^ga-once$"}]
    # One failure is enough to stop; each retry brings it to the next.
    bounded = system.upgrade(include=everyone, strategy={"parallel": {"workers": 1}, "maxFailures": 1})
    for key in ("first", "second", "third"):
        stops(system, bounded)
        equal(len(retry(system, bounded, key=key)), 1)
    equal(system.ended(bounded)["operationStats"], {"succeeded": 3})
    equal(retry(system, bounded, "unknown", key="too-late"), None)
    # All at once, after the end.
    ended = system.upgrade(include=everyone, strategy={"parallel": {"workers": 3}})
    equal(system.ended(ended)["operationStats"], {"failed": 3})
    failed = [operation["operationID"] for operation in system.operations(ended).values()]
    for _ in range(2):
        equal(retry(system, ended, failed[0], "unknown", failed[0], key="one"), failed[:1])
    equal(system.ended(ended)["operationStats"], {"failed": 2, "succeeded": 1})
    tell(system, "orchestrations", "kyma", "retry", orchestrationID=ended, lane="kyma", actor=ACTOR,
         operations=[], retryID="one", bodyHash="another")
    for orchestration_id, key in ((ended, "other"), (ended, None)):
        tell(system, "orchestrations", "kyma", "retry", orchestrationID=orchestration_id, lane="kyma", actor=ACTOR,
             operations=failed[:1], **({"retryID": key, "bodyHash": "h"} if key else {}))
    # A newer upgrade of the instance makes them old.
    equal(system.ended(system.upgrade(include=everyone, dryRun=True))["state"], "succeeded")
    equal(retry(system, ended), None)
    # While another one of it runs.
    mixed = system.upgrade(include=everyone + [{"runtimeID": "slow-5"}], strategy={"parallel": {"workers": 4}})
    wait_for("three have failed, one runs", lambda: system.orchestration(mixed).get("operationStats") ==
             {"failed": 3, "in progress": 1})
    equal(len(retry(system, mixed)), 3)
    equal(system.ended(mixed)["operationStats"], {"succeeded": 4})
    system.ask("POST", "/orchestrations/not-there/retry", "",
               headers={"Content-Type": "application/x-www-form-urlencoded"})


def clusters(system):
    """Clusters get another version; one fails, is retried, and one is canceled."""
    def upgrade(include, **body):
        answer = system.ask("POST", "/upgrade/cluster", {"targets": {"include": include}, **body})
        equal(answer.status, 202, repr(answer))
        return answer.json["orchestrationID"]

    wanted = {"kubernetesVersion": "1.22.1", "machineImage": "gardenlinux", "machineImageVersion": "318.9"}
    changed = upgrade([{"globalAccount": "^ga-once$"}], kubernetes=wanted, strategy={"parallel": {"workers": 2}})
    equal(system.reaches(changed, "failed")["operationStats"], {"failed": 3})
    equal(len(retry(system, changed)), 3)
    equal(system.reaches(changed, "succeeded")["operationStats"], {"succeeded": 3})
    # That of rec-8 lacks members that a cluster needs: a dry run says so too.
    rehearsed = upgrade([{"runtimeID": "rec-1"}, {"runtimeID": "rec-8"}], dryRun=True)
    equal(system.reaches(rehearsed, "failed")["operationStats"], {"succeeded": 1, "failed": 1})
    # In both lanes at once: whoever comes second waits for the runtime.
    kyma = system.upgrade(include=[{"runtimeID": "slow-5"}])
    wait_for("it runs", lambda: state_of(system, kyma, "slow-5") == "in progress")
    waits = upgrade([{"runtimeID": "slow-5"}, {"runtimeID": "slow-3"}])
    canceled = upgrade([{"runtimeID": "rec-6"}])
    system.cancel(canceled)
    equal(system.ended(kyma)["state"], "succeeded")
    equal(system.reaches(waits, "succeeded")["operationStats"], {"succeeded": 2})


def releases(system):
    """A folder that is wrong, one with versions of accounts and an override, and then what was missing."""
    folder, lane = system.run / "releases", partition_of("kyma", PARTITIONS)

    def in_force(column):
        return system.sql(f"SELECT {column} FROM orchestrator.releases WHERE partition = {lane}")

    fleet = [line(f"rel-{index}", globalAccount="ga-releases", subAccount=f"sa-{name}", planName=plan)
             for index, (name, plan) in enumerate((("any", "azure"), ("any", "trial"), ("old", "azure"),
                                                   ("lost", "azure"), ("lost", "trial")))]
    equal(system.import_lines(fleet)["imported"], 5)
    (folder / "2.4.2.json").write_text('{"version": "2.4.2",\n "components": []}')
    has(wait_for("it is refused", lambda: in_force("refused_reason")), "2.4.2.json: line 2: components: ")
    before = in_force("hash")
    write_releases(folder, {
        "2.4.2": {**RELEASES["2.4.2"], "overrides": [
            {"match": {"plan": "trial"}, "configuration": [{"key": "global.size", "value": "small"}]}]},
        "versions": {"accounts": {"GA_ga-releases": "2.4.2", "SA_sa-old": "2.3.0", "SA_sa-lost": "2.9.9"}}})
    wait_for("it is adopted", lambda: in_force("hash") != before and in_force("refused_hash") == "")
    upgraded = system.upgrade(include=[{"globalAccount": "^ga-releases$"}], strategy={"parallel": {"workers": 5}})
    equal(system.ended(upgraded)["operationStats"], {"succeeded": 3, "failed": 2})
    equal(len(retry(system, upgraded)), 2)
    wait_for("there is still nothing to be had", lambda: ", retried " in (
        it := system.orchestration(upgraded))["description"] and it["state"] == "failed")
    before = in_force("hash")
    write_releases(folder, {"2.9.9": {**RELEASES["2.4.2"], "version": "2.9.9"}})
    wait_for("it is adopted", lambda: in_force("hash") != before)
    equal(len(retry(system, upgraded)), 2)
    equal(system.reaches(upgraded, "succeeded")["operationStats"], {"succeeded": 5})


def keys(system):
    """An import and a mutation with a key each, then again, then with another body."""
    def imports(name):
        return system.ask("POST", "/instances:import", json.dumps(line(name)), headers=key).status

    key = {"Idempotency-Key": "recorded"}
    equal([imports(name) for name in ("key-1", "key-1", "key-2")], [200, 200, 422])
    for name in ("nobody", "nobody", "somebody"):
        post(system, simple_text("hibernateRuntime", name), headers=key)


def gone(system):
    hash_known = system.sql("SELECT configuration FROM provisioner.operation WHERE runtime_id = 'slow-3' LIMIT 1")
    tell(system, "runtimes", "slow-3", "upgrade", runtimeID="slow-3", operationID=str(uuid.uuid4()),
         instanceID=system.runtime("slow-3")["instanceID"], globalAccountID="ga-record", lane="kyma",
         orchestrationID=str(uuid.uuid4()), version="2.4.2", configuration=hash_known)
    busy = system.upgrade(include=[{"runtimeID": "slow-3"}])
    equal(system.ended(busy)["state"], "succeeded")
    both = system.upgrade(include=[{"runtimeID": "slow-3"}, {"runtimeID": "slow-4"}])
    wait_for("one runs", lambda: "in progress" in (state_of(system, both, "slow-3"), state_of(system, both, "slow-4")))
    waits = "slow-3" if state_of(system, both, "slow-3") == "pending" else "slow-4"
    tell(system, "runtimes", waits, "deprovision", runtimeID=waits, operationID=str(uuid.uuid4()), actor=ACTOR)
    equal(system.ended(both)["operationStats"], {"succeeded": 2})
    tell(system, "runtimes", "nobody", "deprovision", runtimeID="nobody", operationID="x", actor=ACTOR)
    instance_id = str(uuid.uuid4())
    secret = {"configuration": [{"key": "a", "value": "b", "secret": True}]}
    # It is selected before the provisioner refuses it; then a corrected line makes it anew.
    with system.frozen("provisioner"):
        tell(system, "instances", instance_id, "import", actor=ACTOR,
             line=line("unknown-1", instanceID=instance_id, kymaConfig=secret))
        wait_for("the instance is there", lambda: system.get("/runtimes?runtime_id=unknown-1")["totalCount"] == 1)
        unknown = system.upgrade(include=[{"runtimeID": "unknown-1"}])
        wait_for("it is selected", lambda: "unknown-1" in system.operations(unknown))
    equal(system.ended(unknown)["state"], "failed")
    wait_for("it is refused", lambda: system.get("/runtimes?runtime_id=unknown-1&state=all")["totalCount"] == 0)
    equal(system.import_lines([line("unknown-1", instanceID=instance_id)])["imported"], 1)


def clients(system):
    """One runtime by GraphQL, from its provisioning to its end."""
    secret = [{"key": "password", "value": "s3cret", "secret": True}]
    given = kyma(components=[{**AGENT, "configuration": secret}])
    started = data(system, provision_text(gardener("rec"), given, ["ann"]))["result"]
    ends(system, started["id"])
    runtime_id = started["runtimeID"]
    for text in (upgrade_text(runtime_id, kyma("1.20.4", configuration=secret)),
                 shoot_text(runtime_id, {"machineType": "n2", "kubernetesVersion": "1.21.1"}, administrators=[])):
        if "upgradeShoot" in text:
            data(system, simple_text("rollBackUpgradeOperation", runtime_id, "__typename"))
        ends(system, data(system, text)["result"]["id"])
    ends(system, data(system, simple_text("hibernateRuntime", runtime_id))["result"]["id"])
    ends(system, data(system, simple_text("deprovisionRuntime", runtime_id, ""))["result"])
    bare = data(system, provision_text(gardener("rec-bare")))["result"]
    ends(system, bare["id"])
    ends(system, data(system, simple_text("deprovisionRuntime", bare["runtimeID"], ""))["result"])


# --- Writing ---

def at_rest(system):
    """Everything that was written is decided and projected, and nothing follows any more."""
    def ends():
        told = subprocess.run(["kcat", "-b", system.kafka, "-Q"] + [word for topic in SERVICES
                              for kind in ("events", "requests") for partition in range(PARTITIONS)
                              for word in ("-t", f"{topic}.{kind}:{partition}:-1")], capture_output=True, check=True)
        stored = [system.sql(f'SELECT sum("offset" + 1) FROM {service}."position"') for service in SERVICES.values()]
        return told.stdout, stored

    before, same = ends(), 0
    while same < 4:
        time.sleep(0.5)
        now = ends()
        same, before = (same + 1 if now == before else 0), now


def events(system, topic):
    """The lines of a topic, ordered by partition and offset; and which types occur."""
    done = subprocess.run(["kcat", "-b", system.kafka, "-C", "-e", "-q", "-t", f"{topic}.events", "-o", "beginning",
                           "-f", "%p %o %s\n"], check=True, capture_output=True)
    lines, types = [], collections.Counter()
    for text in done.stdout.decode().splitlines():
        partition, offset, record = text.split(" ", 2)
        lines.append((int(partition), int(offset), record))
        types.update(event["type"] for event in json.loads(record)["events"])
    return "".join(f'{{"partition": {partition}, "offset": {offset}, "record": {record}}}\n'
                   for partition, offset, record in sorted(lines)), types


def rows(system, service):
    """The tables of a service, a row a line."""
    tables = []
    for table in TABLES[service]:
        times = system.sql("SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE data_type ="
                           f" 'timestamp with time zone' AND table_schema = '{service}' AND table_name = '{table}'")
        found = [json.loads(row) for row in
                 system.sql(f"SELECT row_to_json(t) FROM {service}.{table} t ORDER BY t::text").splitlines()]
        for row in found:
            for column in times.split(",") if times else []:
                row[column] = row[column] and row[column].replace("+00:00", "Z")
        tables.append(f'"{table}": [\n' + ",\n".join(json.dumps(row, sort_keys=True) for row in found) + "\n]")
    return "{" + ",\n".join(tables) + "}\n"


def main():
    files = [HERE / f"{topic}.events.ndjson" for topic in SERVICES] + \
            [HERE / f"{service}.rows.json" for service in SERVICES.values()]
    if sys.argv[1:] not in ([], ["--force"]):
        sys.exit(__doc__)
    if not sys.argv[1:] and any(file.exists() for file in files):
        sys.exit("record.py: there is a recording, and it is evidence: --force replaces it")
    run = ROOT / ".run-record"
    system = System(SCENARIO, {"TIDEGATE_MAINTENANCE_POLICY": str(run / "policy.json"),
                               # Relative, for reasons in events name it.
                               "TIDEGATE_RELEASES": str((run / "releases").relative_to(ROOT))}, PARTITIONS, run)
    system.wipe()
    write_releases(run / "releases", RELEASES)
    with system:
        for part in (imports, upgrades, windows, policies, failures, clusters, gone, releases, clients, keys):
            print(part.__name__, flush=True)
            part(system)
        at_rest(system)
        texts, types = {}, collections.Counter()
        for topic, service in SERVICES.items():
            texts[f"{topic}.events.ndjson"], seen = events(system, topic)
            texts[f"{service}.rows.json"] = rows(system, service)
            types += seen
    known = {path.name[:-len(".schema.json")] for path in (ROOT / "proto" / "events").iterdir()}
    print(f"types that do not occur: {', '.join(sorted(known - set(types))) or 'none'}")
    size = sum(map(len, texts.values()))
    if size > SIZE_MAX:
        sys.exit(f"record.py: {size} bytes are more than {SIZE_MAX}")
    for name, text in texts.items():
        (HERE / name).write_text(text)
    print(f"{size} bytes in {len(texts)} files")
    system.wipe()
    return 0


if __name__ == "__main__":
    sys.exit(main())
