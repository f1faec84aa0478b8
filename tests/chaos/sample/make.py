"""Makes the sample beside this file from a real run: python3 tests/chaos/sample/make.py

TIDEGATE_RUN must not name a system whose data somebody needs: it is wiped. Six runtimes are upgraded, two of them
twice; a provisioner dies, and a void record is written. Clusters are upgraded and retried, and an upgrade is canceled
right after a retry."""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

import faults  # pylint: disable=wrong-import-position
import fleet  # pylint: disable=wrong-import-position
import rebuild  # pylint: disable=wrong-import-position
from checker import read_ledger, read_topics  # pylint: disable=wrong-import-position
from operators import RULES, Operators  # pylint: disable=wrong-import-position
from system import Broken, Gateways, System, wait_for  # pylint: disable=wrong-import-position

FLEET, AGAIN = 6, 2
OPERATED = {"calm": 1, "once": 3}


def run(system):
    """Gives the targets of each orchestration."""
    gateways, targets = Gateways(system, ["api-gateway"]), {}
    lines = [fleet.runtime(f"fleet-{i}", "gcp" if i < AGAIN else "azure") for i in range(FLEET)]
    fleet.import_lines(gateways, lines)
    for include, chosen in (({"target": "all"}, lines), ({"planName": "gcp"}, lines[:AGAIN])):
        answer = gateways.insist("POST", "/upgrade/kyma", fleet.upgrade_body(include, workers=2), status=(202,))
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
    operators = Operators(gateways, OPERATED)
    for story, lane, number in ((operators.fail, "cluster", 0), (operators.cancel, "kyma", 1)):
        operators.bring(lane)
        story(lane, lane, number)
    if operators.problems or operators.cancels != 1:
        raise Broken(f"{operators.seen()}: {operators.problems}")
    rebuild.wait_settled(system)
    return {**targets, **operators.targets}


def main():
    system = System({"default": {"durationMs": [200, 600]}, "rules": RULES})
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
