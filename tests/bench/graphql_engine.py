#!/usr/bin/env python3
"""Measures the GraphQL engine alone beside graphql-js, on the same documents, schema and constant values, in one run.

Prints one line a figure: operations a second and microseconds of both, their ratio with its limit, and instructions of
ours where valgrind is installed; exits 1 if a limit is missed."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join("tests", "bench")
PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "test", "bench", "graphql_engine")
SCHEMA = os.path.join("proto", "graphql", "provisioner.graphql")
VALUES = os.path.join(BENCH, "graphql_values.json")
DOCUMENTS = os.path.join(ROOT, "tests", "e2e", "documents")  # as published
RUNTIME_ID = "309051b6-0bac-44c8-8bae-3fc59c12bb5c"
# What is measured, its document, what that asks for instead of a rollback, how, and how many times as fast as
# graphql-js it must be.
PARTS = [("upgradeRuntime: parse, validate, execute", "upgrade.graphql", {}, "anew", 10),
         ("runtimeStatus: cached, execute", "rollback.graphql",
          {"mutation": "query", "rollBackUpgradeOperation": "runtimeStatus"}, "cached", 3)]
COUNTED = (50, 250)


def run(*command, **environment):
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s failed:\n%s%s" % (" ".join(command), done.stdout[-2000:], done.stderr[-2000:]))
    return done


def instructions(arguments):
    """Of one operation: what more of them cost."""
    counted = []
    for count in COUNTED:
        done = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, *arguments, str(count))
        counted.append(int(re.search(r"Collected : (\d+)", done.stderr).group(1)))
    return (counted[1] - counted[0]) / (COUNTED[1] - COUNTED[0])


def figure(name, value, unit, limit=None):
    good = limit is None or value >= limit
    print("%-58s %10.2f %-10s %s" % (name, value, unit, "" if limit is None else
          "%s (at least %g)" % ("ok" if good else "MISSED", limit)), flush=True)
    return good


def write_document(folder, document, changes):
    with open(os.path.join(DOCUMENTS, document)) as published:
        text = published.read().replace("{RUNTIME_ID}", RUNTIME_ID)
    for old, new in changes.items():
        text = text.replace(old, new)
    path = os.path.join(folder, document)
    with open(path, "w") as file:
        file.write(text)
    return path


def main():
    with tempfile.TemporaryDirectory() as folder:
        return measure(folder)


def measure(folder):
    modules = run("deploy/dev/deps", "--node", os.path.join("tests", "differential")).stdout.strip()
    missed = []
    for name, document, changes, mode, limit in PARTS:
        arguments = [SCHEMA, write_document(folder, document, changes), VALUES, mode]
        ours = json.loads(run(PROGRAM, *arguments).stdout)
        theirs = json.loads(run("node", os.path.join(BENCH, "graphql_engine.js"), *arguments, NODE_PATH=modules,
                                NODE_ENV="production").stdout)
        for who, answer in (("", ours), (", graphql-js", theirs)):
            figure(name + who, answer["operations"], "1/s")
            figure(name + who, answer["us"], "us")
        if not figure(name + ", times graphql-js", ours["operations"] / theirs["operations"], "times", limit):
            missed.append(name)
        if shutil.which("valgrind"):
            figure(name + ", instructions", instructions(arguments), "")
    if missed:
        print("missed: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
