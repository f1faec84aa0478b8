"""rollBackUpgradeOperation: the record changes, the cluster does not."""
import json

from harness import equal, holds
from provisioning import (TENANT, data, document, ends, error, kyma, kyma_of, provisioned, shoot_text, simple_text,
                          upgrade_text)

REFUSED = "error: upgrade can be rolled back only if it is the last operation that is already finished"
SELECTION = "lastOperationStatus { id operation state } runtimeConfiguration { kymaConfig { version } }"


def roll_back(runtime_id, selection=SELECTION):
    return simple_text("rollBackUpgradeOperation", runtime_id, selection)


def upgraded(system, runtime_id, version, state="Succeeded", **members):
    return ends(system, data(system, upgrade_text(runtime_id, kyma(version, **members)))["result"]["id"], state)


def ledger(system, runtime_id):
    """What happened to a simulated cluster."""
    lines = (system.run / "simulator" / "ledger.ndjson").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line.get("runtime") == runtime_id]


def events(system, runtime_id, kind):
    return [event for record in system.records("runtimes.events") for event in record["events"]
            if event["subject"] == runtime_id and event["type"] == f"tidegate.runtime.{kind}.v1"]


def cases(suite, system):
    configuration = [{"key": "k", "value": "v"}]
    system.import_fleet(TENANT, ["bad-roll", "slow-roll"], kymaVersion="1.20.4")
    runtime_id = provisioned(system, "roll", kyma("1.20.4", configuration=configuration))
    before = kyma_of(system, runtime_id)

    with suite.case("400: no upgrade yet"):
        error(system, roll_back(runtime_id), 400, REFUSED)
    with suite.case("the configuration of before comes back, the operation stays as it is, the cluster untouched"):
        upgrade = upgraded(system, runtime_id, "1.24.5")
        cluster = ledger(system, runtime_id)
        answer = data(system, roll_back(runtime_id))["result"]
        equal(answer, {"lastOperationStatus": {"id": upgrade["id"], "operation": "Upgrade", "state": "Succeeded"},
                       "runtimeConfiguration": {"kymaConfig": {"version": "1.20.4"}}})
        equal(kyma_of(system, runtime_id), before)
        equal(ledger(system, runtime_id), cluster)
        equal(len(events(system, runtime_id, "rolledBack")), 1)
    with suite.case("again: the same answer, and nothing changes"):
        equal(data(system, roll_back(runtime_id))["result"]["runtimeConfiguration"], {"kymaConfig": {"version": "1.20.4"}})
        equal(len(events(system, runtime_id, "rolledBack")), 1)
    with suite.case("an upgrade after it is allowed, and can be rolled back to the restored one"):
        upgraded(system, runtime_id, "1.24.5")
        equal(data(system, roll_back(runtime_id))["result"]["runtimeConfiguration"], {"kymaConfig": {"version": "1.20.4"}})
    with suite.case("a provisioner that takes over knows what to bring back, and what clients have brought"):
        upgraded(system, runtime_id, "1.24.5", configuration=[{"key": "k", "value": "after"}])
        system.stop("provisioner")
        system.start("provisioner")
        data(system, roll_back(runtime_id))
        equal(kyma_of(system, runtime_id), before)
        upgraded(system, runtime_id, "1.24.5", configuration=[{"key": "k", "value": "after"}])
        equal(kyma_of(system, runtime_id)["configuration"], [{"key": "k", "value": "after", "secret": False}])
        data(system, roll_back(runtime_id))
    with suite.case("the published rollback document answers everything that it asks for"):
        answer = data(system, document("rollback", RUNTIME_ID=runtime_id))["rollBackUpgradeOperation"]
        holds(answer, {"runtimeConnectionStatus": {"status": "Pending", "errors": None},
                       "lastOperationStatus": {"runtimeID": runtime_id, "message": "Operation succeeded"},
                       "runtimeConfiguration": {"kymaConfig": {"version": "1.20.4"}, "clusterConfig": {
                           "__typename": "GardenerConfig", "name": "roll", "workerCidr": "10.250.0.0/19",
                           "providerSpecificConfig": {"__typename": "GCPProviderConfig",
                                                      "zones": ["europe-west3-a", "europe-west3-b"]}}}})
    with suite.case("400: another operation came after it"):
        ends(system, data(system, shoot_text(runtime_id, {"machineType": "n2"}))["result"]["id"])
        error(system, roll_back(runtime_id), 400, REFUSED)
    with suite.case("400 while it runs"):
        with system.held("slow-roll"):
            started = data(system, upgrade_text("slow-roll", kyma("1.24.5")))["result"]
            error(system, roll_back("slow-roll"), 400, REFUSED)
        ends(system, started["id"])
    with suite.case("a failed upgrade can be rolled back; after two failures the last good configuration returns"):
        upgraded(system, "bad-roll", "1.24.5", "Failed")
        upgraded(system, "bad-roll", "1.11.0", "Failed")
        equal(kyma_of(system, "bad-roll")["version"], "1.11.0")
        answer = data(system, roll_back("bad-roll"))["result"]
        holds(answer, {"lastOperationStatus": {"operation": "Upgrade", "state": "Failed"},
                       "runtimeConfiguration": {"kymaConfig": {"version": "1.20.4"}}})
    with suite.case("400: not this tenant's"):
        error(system, roll_back(runtime_id), 400, f"runtime {runtime_id} not found", tenant="tenant-red")
    with suite.case("an orchestration's upgrade can be rolled back, and /runtimes shows it"):
        system.import_fleet(TENANT, ["roll-fleet"], kymaVersion="2.3.0")
        equal(system.ended(system.upgrade(include=[{"runtimeID": "roll-fleet"}], version="2.4.2"))["state"],
              "succeeded")
        equal(data(system, roll_back("roll-fleet"))["result"]["runtimeConfiguration"],
              {"kymaConfig": {"version": "2.3.0"}})
