"""Makes the sample beside this file from a real run: python3 tests/chaos/sample/make.py

TIDEGATE_RUN must not name a system whose data somebody needs: it is wiped. Six runtimes are upgraded, two of them
twice; a provisioner dies, and a void record is written."""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

import faults  # pylint: disable=wrong-import-position
import rebuild  # pylint: disable=wrong-import-position
from checker import read_ledger, read_topics  # pylint: disable=wrong-import-position
from system import Gateways, System, wait_for  # pylint: disable=wrong-import-position

FLEET, AGAIN = 6, 2


def body(include):
    value = json.loads(faults.upgrade_body(include))
    value["strategy"]["parallel"]["workers"] = 2
    return json.dumps(value)


def run(system):
    """Gives the targets of each orchestration."""
    gateways, targets = Gateways(system, ["api-gateway"]), {}
    lines = [faults.runtime(f"fleet-{i}", "gcp" if i < AGAIN else "azure") for i in range(FLEET)]
    faults.import_lines(gateways, lines)
    for include, chosen in (({"target": "all"}, lines), ({"planName": "gcp"}, lines[:AGAIN])):
        answer = gateways.insist("POST", "/upgrade/kyma", body(include), status=(202,))
        targets[answer["orchestrationID"]] = [line["runtimeID"] for line in chosen]
    wait_for("a stage runs", system.ledger.exists)
    provisioner = system.processes["provisioner"]
    provisioner.kill()
    provisioner.start("after-append:3")
    provisioner.crashed("after-append")
    faults.Faults(system, 0).write_as_zombie("orchestrations.events")
    provisioner.start()
    for name in targets:
        wait_for(f"{name} ends", lambda n=name: gateways.insist("GET", f"/orchestrations/{n}")["state"] == "succeeded")
    rebuild.wait_settled(system)
    return targets


def main():
    system = System({"default": {"durationMs": [200, 600]}})
    try:
        system.start({service: 1 for service in faults.PROCESSES})
        targets = run(system)
        with open(FOLDER / "topics.ndjson", "w", encoding="utf-8") as file:
            for topic, partitions in read_topics(system.kafka).items():
                for partition, records in partitions.items():
                    for offset, raw in records:
                        line = {"topic": topic, "partition": partition, "offset": offset, "value": raw.decode()}
                        file.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
        with open(FOLDER / "ledger.ndjson", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in read_ledger(system.ledger))
        (FOLDER / "targets.json").write_text(json.dumps(targets, indent=4) + "\n")
    finally:
        system.end()


if __name__ == "__main__":
    main()
