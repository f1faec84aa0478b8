#!/usr/bin/env python3
# Runs under sanitizers too.
"""The orchestration contract, row by row: each of its tables as requests with status, headers and body expected.

Without arguments all sections; contract.py SECTION... only these. Rows count only if their test fails when what it
expects is altered: CONTRACT_SEED=N repeats a choice of the 20 that are altered at random."""
import os
import random
import sys

from contract import NAMES, fleet, sections
from contract.evidence import Evidence
from contract.manifest import MANIFEST
from contract.world import World
from harness import Suite, System, wiped_on_success


def main():
    wanted = sys.argv[1:] or NAMES
    if unknown := sorted(set(wanted) - set(NAMES)):
        sys.exit(f"contract.py: there is no section {', '.join(unknown)}: expected {', '.join(NAMES)}")
    suite, tests = Suite(), sections([name for name in NAMES if name in wanted])
    seed = int(os.environ.get("CONTRACT_SEED") or random.randrange(10 ** 6))
    fleet.write_files()
    with System(fleet.SCENARIO, fleet.SETTINGS) as system:
        world = World(system)
        evidence = Evidence(suite, world, MANIFEST)
        suite.run("the fleet", lambda *_: fleet.prepare(world), system)
        for name, rows in tests.items():
            suite.run(name, lambda *_, rows=rows: evidence.run(rows), system)
        evidence.alter_all()
        evidence.alter_some(seed)
        evidence.report(complete=len(tests) == len(NAMES))
    return wiped_on_success(suite, system)


if __name__ == "__main__":
    sys.exit(main())
