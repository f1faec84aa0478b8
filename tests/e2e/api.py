#!/usr/bin/env python3
"""The API end to end: HTTP to five services over a real Kafka and PostgreSQL, and back. One system for all cases."""
import subprocess
import sys

from cases import auth, cluster, fleet, flow, gateways, health, keys, reading, retry, runtime_list, tidectl, \
    upgrade_body, windows, windows_policy
from harness import ROOT, Suite, System, wiped_on_success

SCENARIO = {
    "default": {"durationMs": [20, 80]},
    "rules": [
        {"runtime": "^bad-", "stage": "WaitingForInstallation", "fail": "istio: ingress gateway not ready"},
        {"runtime": "^slow-", "durationMs": [700, 700]},
    ],
}

GROUPS = [("import", fleet), ("who may", auth), ("upgrade bodies", upgrade_body),
          ("flow", flow), ("windows", windows), ("maintenance policy", windows_policy), ("reading", reading),
          ("list of runtimes", runtime_list),
          ("cluster upgrades and details", cluster), ("retry", retry),
          ("keys", keys), ("two gateways", gateways), ("health", health), ("tidectl", tidectl)]


def validate_topics(suite, system):
    """What really stands in the topics is what proto/ says."""
    done = subprocess.run(["tests/integration/validate_topics.py", system.kafka], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    with suite.case("every message and record in the topics is valid by its schema"):
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)


def main():
    suite = Suite()
    wanted = sys.argv[1:]
    with System(SCENARIO) as system:
        for name, module in GROUPS:
            if not wanted or module.__name__.split(".")[-1] in wanted:
                suite.run(name, module.cases, system)
        suite.run("topics", validate_topics, system)
    return wiped_on_success(suite, system)


if __name__ == "__main__":
    sys.exit(main())
