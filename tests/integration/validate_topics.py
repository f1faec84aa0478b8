#!/usr/bin/env python3
"""Checks what stands in the topics against the JSON Schemas of proto/.

    validate_topics.py               the schemas themselves: well formed, and one for each type that the sources name
    validate_topics.py BOOTSTRAP     and every message, and every event of every record, in the topics of that Kafka

Prints each problem, then `N passed, N failed`: types of which all that was seen is valid, and types with problems.
Ends with 0 if none failed, 1 if one did, 2 if the topics cannot be read."""

import collections
import json
import pathlib
import re
import subprocess
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
URN = "urn:tidegate:schema:"
SERVICES = {
    "instances": "/tidegate/broker",
    "orchestrations": "/tidegate/orchestrator",
    "schedules": "/tidegate/scheduler",
    "runtimes": "/tidegate/provisioner",
}
TYPE = re.compile(r'"(tidegate\.[a-z]+\.[a-zA-Z]+\.v[0-9]+)"')
# Of one type so many are checked each; then one in SAMPLE: what drifts, drifts in more than one message.
EACH, SAMPLE = 2000, 20
PROBLEMS_SHOWN = 5  # of one type


class Problems:
    """What is wrong, by type."""

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, name, where, what):
        self.counts[name] += 1
        if self.counts[name] <= PROBLEMS_SHOWN:
            print(f"{name}: {where}: {what}")
        elif self.counts[name] == PROBLEMS_SHOWN + 1:
            print(f"{name}: more such problems are not shown")


class Schemas:
    """All schemas by the name after the URN's prefix, references filled in, compiled once."""

    def __init__(self, problems):
        self.common = json.loads((PROTO / "common.schema.json").read_text())["$defs"]
        self.validators = {}
        self.kinds = {}  # "events", "messages" or "" (the envelopes)
        for path in sorted(PROTO.rglob("*.schema.json")):
            name = path.name[: -len(".schema.json")]
            if name != "common":
                self.load(path, name, problems)

    def load(self, path, name, problems):
        try:
            schema = json.loads(path.read_text())
            if schema.get("$id") != URN + name:
                problems.add(name, path.relative_to(ROOT), f"$id is not {URN + name}")
            schema = self.filled(schema)
            jsonschema.Draft202012Validator.check_schema(schema)
        except (ValueError, KeyError, jsonschema.SchemaError) as error:
            problems.add(name, path.relative_to(ROOT), f"no valid schema: {error}")
            return
        self.validators[name] = jsonschema.Draft202012Validator(schema)
        self.kinds[name] = path.parent.name if path.parent != PROTO else ""

    def filled(self, schema):
        """Without references, so that checking needs to resolve none. No definition refers to itself."""
        if isinstance(schema, list):
            return [self.filled(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            place, _, name = schema["$ref"].partition("#/$defs/")
            if place != URN + "common":
                raise ValueError(f"$ref to {place}: only {URN}common is known")
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return {**self.filled(self.common[name]), **self.filled(rest)}
        return {key: self.filled(value) for key, value in schema.items()}

    def first_error(self, name, value):
        """What is wrong with `value`, or None."""
        error = jsonschema.exceptions.best_match(self.validators[name].iter_errors(value))
        return error and f"{'.'.join(map(str, error.absolute_path)) or 'it'}: {error.message:.300}"


class Topics:
    """What was seen in the topics, and whether it is right."""

    def __init__(self, schemas, problems):
        self.schemas, self.problems = schemas, problems
        self.seen = collections.Counter()

    def check(self, name, kind, where, value):
        """`value` against the schema `name`; a type's schema must be of the right kind."""
        self.seen[name] += 1
        if self.schemas.kinds.get(name) != kind:
            self.problems.add(name, where, f"there is no proto/{kind + '/' if kind else ''}{name}.schema.json")
        elif self.seen[name] <= EACH or self.seen[name] % SAMPLE == 0:
            error = self.schemas.first_error(name, value)
            if error:
                self.problems.add(name, where, error)

    def message(self, topic, where, value):
        self.check("message", "", where, value)
        name = value.get("type", "(no type)")
        if not name.startswith(f"tidegate.{topic[:-1]}."):
            self.problems.add(name, where, f"is no message for {topic}")
        self.check(name, "messages", where, value.get("data"))

    def record(self, topic, partition, where, value):
        self.check("record", "", where, value)
        cause = value.get("cause", [None])[0]
        for index, event in enumerate(value.get("events", [])):
            name, place = event.get("type", "(no type)"), f"{where}, event {index}"
            if not name.startswith(f"tidegate.{topic[:-1]}."):
                self.problems.add(name, place, f"is no event of {topic}")
            self.equal(name, place, event, "id", f"{topic}/{partition}/{cause}/{index}")
            self.equal(name, place, event, "source", SERVICES[topic])
            self.equal(name, place, event, "dataschema", URN + name)
            self.equal(name, place, event, "traceparent", value.get("traceparent"))
            self.check(name, "events", place, event.get("data"))

    def equal(self, name, where, event, member, wanted):
        if event.get(member) != wanted:
            self.problems.add(name, where, f"{member} is {event.get(member)}, not {wanted}")

    def value(self, topic, partition, offset, text):
        where = f"{topic}/{partition}/{offset}"
        try:
            value = json.loads(text)
            if not isinstance(value, dict):
                raise ValueError("no object")
        except ValueError as error:
            self.problems.add(topic, where, f"is no JSON object: {error}")
            return
        aggregate, _, kind = topic.partition(".")
        if topic == "gateway.replies":
            self.check("reply", "", where, value)
        elif kind == "requests":
            self.message(aggregate, where, value)
        else:
            self.record(aggregate, partition, where, value)


def read(bootstrap, topic):
    """(partition, offset, text) of everything that stands in `topic` now."""
    command = ["kcat", "-b", bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %S\n%s\n",
               "-X", "check.crcs=true"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as kcat:
        while header := kcat.stdout.readline():
            partition, offset, size = map(int, header.split())
            yield partition, offset, kcat.stdout.read(max(size, 0))
            kcat.stdout.read(1)
        said = kcat.stderr.read().decode(errors="replace").strip()
    if kcat.returncode != 0:
        raise OSError(f"kcat could not read {topic} from {bootstrap}: {said}")


def check_sources(schemas, problems):
    """Every type that the sources name has a schema, and every schema's type is named."""
    named = set()
    for path in sorted((ROOT / "services").rglob("*.[ch]")):
        for name in TYPE.findall(path.read_text()):
            named.add(name)
            if schemas.kinds.get(name) not in ("events", "messages"):
                problems.add(name, path.relative_to(ROOT), "has no schema in proto/events or proto/messages")
    for name in sorted(schemas.kinds):
        if name.startswith("tidegate.") and name not in named:
            problems.add(name, f"proto/{schemas.kinds[name]}", "no source names this type")


def main(arguments):
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 2
    problems = Problems()
    schemas = Schemas(problems)
    check_sources(schemas, problems)
    passed = set(schemas.kinds)
    if arguments:
        topics = Topics(schemas, problems)
        try:
            for topic in [f"{name}.{kind}" for name in SERVICES for kind in ("requests", "events")] + ["gateway.replies"]:
                for partition, offset, text in read(arguments[0], topic):
                    topics.value(topic, partition, offset, text)
        except OSError as error:
            print(error)
            return 2
        passed = set(topics.seen)
        unseen = sorted(set(schemas.kinds) - passed)
        print(f"{sum(topics.seen.values())} values seen; types that did not occur: {', '.join(unseen) or 'none'}")
    failed = set(problems.counts)
    print(f"{len(passed - failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
