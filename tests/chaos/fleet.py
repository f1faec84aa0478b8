"""Runtimes, their import, and what is asked of them."""

import json
import uuid
from datetime import datetime, timedelta, timezone

from system import Broken, wait_for

WORKERS = 10
AGAIN_PLAN = "gcp"  # of the runtimes that are upgraded again and again


def time_of_day(moment):
    return moment.strftime("%H%M%S+0000")


def fleet(count, seconds):
    """Lines of an import. The windows open one after the other, and stay open for hours."""
    now, lines = datetime.now(timezone.utc), []
    for index in range(count):
        begin = now + timedelta(seconds=index * seconds / count)
        line = runtime(f"fleet-{index}", AGAIN_PLAN if index % 10 == 3 else "azure")
        line["maintenanceWindowBegin"] = time_of_day(begin)
        line["maintenanceWindowEnd"] = time_of_day(begin + timedelta(hours=6))
        lines.append(line)
    return lines


def runtime(name, plan):
    regions = {"azure": "westeurope", "gcp": "europe-west3", "trial": "westeurope"}
    return {"runtimeID": str(uuid.uuid5(uuid.NAMESPACE_OID, name)), "globalAccount": f"account-{len(name) % 3}",
            "subAccount": "subaccount", "planName": plan, "region": regions[plan], "shootName": name,
            "kymaVersion": "2.3.0"}


def upgrade_body(include, schedule="immediate", dry_run=False, workers=WORKERS, failures_max=None):
    strategy = {"type": "parallel", "schedule": schedule, "parallel": {"workers": workers}}
    if failures_max is not None:
        strategy["maxFailures"] = failures_max
    return json.dumps({"targets": {"include": [include]}, "dryRun": dry_run, "strategy": strategy})


def import_lines(gateways, lines):
    """Until all are there. A line of which nobody knows what became of it is sent again, as its error says."""
    text = "".join(json.dumps(line) + "\n" for line in lines)

    def imported():
        answer = gateways.insist("POST", "/instances:import", text)
        unknown = [rejected for rejected in answer["rejected"] if "import the line again" in rejected["error"]]
        if unknown != answer["rejected"]:
            raise Broken(f"the import of {len(lines)} lines: {answer}")
        return not unknown and answer

    answer = wait_for("an import", imported)
    if answer["imported"] + answer["unchanged"] != len(lines):
        raise Broken(f"the import of {len(lines)} lines: {answer}")
