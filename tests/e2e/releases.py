#!/usr/bin/env python3
# Mostly waits.
"""A folder of releases of its own, with overrides and versions of accounts, which changes under a running system."""
import pathlib
import shutil
import sys
import tempfile

from api import SCENARIO, validate_topics
from cases import releases
from harness import Suite, System, wiped_on_success


ONCE = {"runtime": "^once-", "stage": "WaitingForInstallation", "attempts": 1, "fail": "istio: ingress gateway not ready"}


def main():
    suite = Suite()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-releases-"))
    releases.write(folder, releases.FOLDER)
    with System({**SCENARIO, "rules": [*SCENARIO["rules"], ONCE]}, {"TIDEGATE_RELEASES": str(folder)}) as system:
        suite.run("releases", lambda of, running: releases.cases(of, running, folder), system)
        suite.run("topics", validate_topics, system)
    shutil.rmtree(folder)
    return wiped_on_success(suite, system)


if __name__ == "__main__":
    sys.exit(main())
