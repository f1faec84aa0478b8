#!/usr/bin/env python3
# Runs under sanitizers too.
"""The Runtime Provisioner's GraphQL API end to end: over HTTP, through Kafka, to simulated clusters and back."""
import sys

from api import validate_topics
from cases import graphql_access, graphql_keys, graphql_settings, graphql_transport, operations, rollback, runtimes, \
    secrets
from harness import Suite, System, wiped_on_success

SCENARIO = {
    "default": {"durationMs": [150, 300]},
    "rules": [
        {"runtime": "^bad-", "stage": "WaitingForInstallation", "fail": "istio: not ready: 50% of pods",
         "reason": "err_check_kyma_installation_state", "component": "kyma installer"},
        {"runtime": "^flaps-", "stage": "StartingUpgrade", "durationMs": [1200, 1200], "flaps": 3,
         "fail": "connection refused", "reason": "err_trigger_kyma_installation", "component": "kyma installer"},
        {"runtime": "^never-", "stage": "StartingUpgrade", "flaps": 1, "fail": "no route to host",
         "durationMs": [100, 100], "never": True},
        {"runtime": "^slow-", "durationMs": [1500, 1500]},
    ],
}

GROUPS = [("transport", graphql_transport), ("operations", operations), ("runtimes", runtimes),
          ("rollback", rollback), ("secrets", secrets), ("who may", graphql_access),
          ("keys", graphql_keys), ("settings", graphql_settings)]


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
