#!/usr/bin/env python3
"""Holds what stands in the topics and in the simulator's ledger against what Tidegate promises.

    checker.py BOOTSTRAP LEDGER [TARGETS]

LEDGER is the file that the simulated world is written to. TARGETS is a JSON object: by the IDs of orchestrations the
runtimes that they had to upgrade, all with success; or, where it should have gone otherwise, an object:

    {"targets": [runtime, …], "end": "canceled", "attempts": {runtime: how often its operation was to be attempted},
     "retries": [[operation, …] for each retry that was accepted]}

Shares no code with the services, and asks them nothing: it folds the hash chain of each partition itself, from the
first record on. Run it when nothing goes on any more: a message on its way counts as lost.

Prints each property with what violates it, then `N passed, N failed`. Ends with 0 if none failed, 1 if one did, 2 if
the topics or the ledger cannot be read."""

import collections
import hashlib
import json
import subprocess
import sys

from upgrades import check_ledger, check_operations, check_targets, check_workers, fold_operations, \
    fold_orchestrations, place

TOPICS = ("instances", "orchestrations", "schedules", "runtimes")
GENESIS = "0" * 64
PROBLEMS_SHOWN = 5

Message = collections.namedtuple("Message", "topic partition offset value")
Record = collections.namedtuple("Record", "topic partition offset value")


class Verdicts:
    """Properties, and what violates them."""

    def __init__(self, show=True):
        self.passed, self.failed, self.show = [], {}, show

    def judge(self, name, problems, seen=None):
        """`problems` is a list of texts; `seen` says of how many things the property was looked at."""
        (self.failed.__setitem__(name, problems) if problems else self.passed.append(name))
        if not self.show:
            return
        print(f"{'FAILED' if problems else 'ok':>6}  {name}" + (f" ({seen})" if seen is not None else ""))
        for problem in problems[:PROBLEMS_SHOWN]:
            print(f"          {problem}")
        if len(problems) > PROBLEMS_SHOWN:
            print(f"          and {len(problems) - PROBLEMS_SHOWN} more")

    def close(self):
        print(f"{len(self.passed)} passed, {len(self.failed)} failed")
        return 1 if self.failed else 0


# --- Reading ---


def read_topic(bootstrap, topic):
    """{partition: [(offset, bytes)]} of everything that stands in `topic` now."""
    command = ["kcat", "-b", bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %S\n%s\n",
               "-X", "check.crcs=true"]
    partitions = collections.defaultdict(list)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as kcat:
        while header := kcat.stdout.readline():
            partition, offset, size = map(int, header.split())
            partitions[partition].append((offset, kcat.stdout.read(max(size, 0))))
            kcat.stdout.read(1)
        said = kcat.stderr.read().decode(errors="replace").strip()
    if kcat.returncode != 0:
        raise OSError(f"kcat could not read {topic} from {bootstrap}: {said}")
    return {partition: sorted(partitions[partition]) for partition in sorted(partitions)}


def read_topics(bootstrap):
    return {f"{topic}.{kind}": read_topic(bootstrap, f"{topic}.{kind}")
            for topic in TOPICS for kind in ("requests", "events")}


def read_ledger(path):
    """Its lines in order. The last one may have been cut off by a crash: then nobody was told of it."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def fold_chain(records):
    """The accepted ones of a partition as (offset, value), how many are void, and the hash of the last accepted one."""
    accepted, void, last = [], 0, GENESIS
    for offset, raw in records:
        try:
            value = json.loads(raw)
        except ValueError:
            value = None
        if isinstance(value, dict) and value.get("prev") == last:
            accepted.append((offset, value))
            last = hashlib.sha256(raw).hexdigest()
        else:
            void += 1
    return accepted, void, last


class Logs:
    """What the topics say: messages, accepted records, and how many are void."""

    def __init__(self, topics):
        self.records, self.messages, self.void = {}, {}, collections.Counter()
        for topic in TOPICS:
            self.records[topic], self.messages[topic] = {}, {}
            for partition, raw in topics[f"{topic}.events"].items():
                accepted, void, _ = fold_chain(raw)
                self.records[topic][partition] = [Record(topic, partition, *record) for record in accepted]
                self.void[topic] += void
            for partition, raw in topics[f"{topic}.requests"].items():
                self.messages[topic][partition] = {offset: decoded(text) for offset, text in raw}

    def all_records(self, topic=None):
        for name in TOPICS if topic is None else (topic,):
            for records in self.records[name].values():
                yield from records

    def all_messages(self):
        for topic, partitions in self.messages.items():
            for partition, messages in partitions.items():
                for offset, value in messages.items():
                    yield Message(topic, partition, offset, value)


def decoded(text):
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# --- Each request once ---


def check_causes(logs, verdicts):
    """A request is decided once, in the order of the requests, by the record that names it."""
    again, unnamed, count = [], [], 0
    for topic in TOPICS:
        for partition, records in logs.records[topic].items():
            last = -1
            for record in records:
                offset, name = record.value["cause"]
                count += 1
                if offset <= last:
                    again.append(f"{place(record)} decides the request at {offset} after the one at {last}")
                last = max(last, offset)
                request = logs.messages[topic].get(partition, {}).get(offset)
                if request is None or request.get("id") not in (name, None):
                    unnamed.append(f"{place(record)} names {name} at {offset}, where there is "
                                   f"{request and request.get('id')}")
    verdicts.judge("each request was decided at most once, in order", again, f"{count} records")
    verdicts.judge("each record names the request that stands there", unnamed)


def check_messages(logs, verdicts):
    """What an accepted record's `to` promises was delivered, and decided once by its receiver; and nothing else was."""
    promised = {}
    for record in logs.all_records():
        for index, to in enumerate(record.value.get("to", [])):
            topic, _, partition = to.partition("/")
            promised[(record.topic, record.partition, record.offset, index)] = (topic, int(partition))
    delivered = collections.defaultdict(set)
    for message in logs.all_messages():
        if "origin" in message.value:
            delivered[tuple(message.value["origin"])].add((message.topic, message.partition))
    decided, stray, disordered = collections.defaultdict(list), [], []
    for topic in TOPICS:
        for records in logs.records[topic].values():
            marks = {}
            for record in records:
                if "origin" not in record.value:
                    continue
                origin = tuple(record.value["origin"])
                if promised.get(origin) != (record.topic, record.partition):
                    stray.append(f"{place(record)} decides {origin}, which no accepted record sends there")
                if origin[2:] <= marks.get(origin[:2], (-1, -1)):
                    disordered.append(f"{place(record)} decides {origin} after {marks[origin[:2]]}")
                marks[origin[:2]] = origin[2:]
                decided[origin].append(place(record))
    verdicts.judge("each message of `to` was delivered where it belongs",
                   [f"{origin} to {promised[origin]}: found in {sorted(delivered[origin]) or 'no topic'}"
                    for origin in sorted(promised) if delivered[origin] != {promised[origin]}],
                   f"{len(promised)} messages")
    verdicts.judge("each message of `to` was decided by its receiver",
                   [f"{origin} to {promised[origin]}" for origin in sorted(promised) if origin not in decided])
    verdicts.judge("no message was decided twice",
                   [f"{origin}: {', '.join(places)}" for origin, places in sorted(decided.items()) if len(places) > 1])
    verdicts.judge("messages from one partition to another were decided in their order", disordered)
    verdicts.judge("nothing was decided that follows from no accepted record", stray)


# --- The whole ---


def check(topics, ledger, targets, verdicts):
    logs = Logs(topics)
    if verdicts.show:
        print(f"{sum(1 for _ in logs.all_messages())} messages, {sum(1 for _ in logs.all_records())} accepted records; "
              f"void: {', '.join(f'{topic} {logs.void[topic]}' for topic in TOPICS)}")
    check_causes(logs, verdicts)
    check_messages(logs, verdicts)
    orchestrations = fold_orchestrations(logs, targets, verdicts)
    check_targets(orchestrations, targets, verdicts)
    operations, rehearsals = fold_operations(logs, verdicts)
    wanted = check_operations(orchestrations, operations, rehearsals, verdicts)
    check_workers(orchestrations, {name: [(attempt.started, attempt.ended) for attempt in operation.attempts
                                          if attempt.ended is not None] for name, operation in operations.items()},
                  "the provisioner's events", verdicts)
    check_ledger(ledger, orchestrations, operations, wanted, verdicts)


def main(arguments):
    if len(arguments) not in (2, 3):
        print(__doc__)
        return 2
    verdicts = Verdicts()
    try:
        targets = {}
        if len(arguments) == 3:
            with open(arguments[2], encoding="utf-8") as file:
                targets = json.load(file)
        check(read_topics(arguments[0]), read_ledger(arguments[1]), targets, verdicts)
    except OSError as error:
        print(error)
        return 2
    return verdicts.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
