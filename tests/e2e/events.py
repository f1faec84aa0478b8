#!/usr/bin/env python3
# Mostly waits.
"""Streams of events end to end: what comes, in which order, to how many; and what happens to those that do not read."""
import sys

from api import SCENARIO
from cases import events
from harness import Suite, System, wiped_on_success


def main():
    suite = Suite()
    # Long enough for a busy machine, and waited for once, where Kafka is away.
    with System(SCENARIO, {"TIDEGATE_REQUEST_TIMEOUT": "30s"}) as system:
        suite.run("streams of events", events.cases, system)
        suite.run("outages", events.outages, system)
    return wiped_on_success(suite, system)


if __name__ == "__main__":
    sys.exit(main())
