#!/usr/bin/env python3
"""Holds what stands in the topics and in the simulator's ledger against what Tidegate promises.

    checker.py BOOTSTRAP LEDGER [TARGETS]

LEDGER is the file that the simulated world is written to. TARGETS is a JSON object: the runtimes that orchestrations
had to upgrade, by their IDs. Shares no code with the services, and asks them nothing: it folds the hash chain of each
partition itself, from the first record on. Run it when nothing goes on any more: a message on its way counts as lost.

Prints each property with what violates it, then `N passed, N failed`. Ends with 0 if none failed, 1 if one did, 2 if
the topics or the ledger cannot be read."""

import collections
import hashlib
import json
import subprocess
import sys

TOPICS = ("instances", "orchestrations", "schedules", "runtimes")
GENESIS = "0" * 64
STAGES = {
    "upgradeKyma": ["StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState"],
    "provision": ["WaitingForClusterDomain", "WaitingForClusterCreation", "CreatingBindingsForOperators",
                  "StartingInstallation", "WaitingForInstallation", "ConnectRuntimeAgent", "WaitForAgentToConnect"],
}  # of an operation, in order
HOLDS_SLOT = ("dispatched", "running")  # phases of an operation in which it counts against the workers
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


def place(thing):
    return f"{thing.topic}/{thing.partition}/{thing.offset}"


def twice(items):
    return sorted(item for item, count in collections.Counter(items).items() if count > 1)


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


# --- Upgrades, by the events ---


class Orchestration:
    def __init__(self, data):
        self.workers, self.dry_run = data["workers"], data["dryRun"]
        self.operations = {}  # operation ID to runtime ID
        self.running, self.most, self.end = set(), 0, None
        self.finished = collections.Counter()  # operation ID to how often it ended with success


def fold_orchestrations(logs, verdicts):
    """Orchestrations by ID, from the orchestrator's events; judges the workers on the way."""
    orchestrations, crowded, ends = {}, [], []
    for record in logs.all_records("orchestrations"):
        for event in record.value["events"]:
            kind, data, name = event["type"].split(".")[2], event.get("data") or {}, event["subject"]
            if kind == "accepted":
                orchestrations[name] = Orchestration(data)
            orchestration = orchestrations.get(name)
            if orchestration is None:
                continue
            apply(orchestration, kind, data)
            if kind in ("succeeded", "failed", "canceled"):
                if orchestration.end:
                    ends.append(f"{name} {kind} at {place(record)}, but it {orchestration.end} before")
                orchestration.end = kind
        # A record is one decision: the slots are counted at its end.
        for name, orchestration in orchestrations.items():
            if len(orchestration.running) > orchestration.workers:
                crowded.append(f"{place(record)}: {len(orchestration.running)} operations of {name} ran, "
                               f"{orchestration.workers} may")
            orchestration.most = max(orchestration.most, len(orchestration.running))
    most = max((orchestration.most for orchestration in orchestrations.values()), default=0)
    verdicts.judge("never more operations than workers, by the orchestrator's events", crowded, f"at most {most}")
    verdicts.judge("each orchestration ended once, with success",
                   ends + [f"{name}: {orchestration.end or 'goes on'}" for name, orchestration in orchestrations.items()
                           if orchestration.end != "succeeded"], f"{len(orchestrations)} orchestrations")
    return orchestrations


def apply(orchestration, kind, data):
    if kind == "targeted":
        orchestration.operations.update((t["operationID"], t["runtimeID"]) for t in data["targets"])
    elif kind == "dispatched":
        orchestration.running.update(data["operations"])
    elif kind == "rehearsed":
        orchestration.finished.update(data["operations"])
    elif kind == "progressed":
        operation = data["operationID"]
        (orchestration.running.add if data["phase"] in HOLDS_SLOT else orchestration.running.discard)(operation)
        if data["phase"] == "done" and data["state"] == "succeeded":
            orchestration.finished[operation] += 1


def check_targets(orchestrations, targets, verdicts):
    problems = []
    for name, wanted in targets.items():
        had = sorted(orchestrations[name].operations.values()) if name in orchestrations else []
        if had != sorted(wanted):
            problems.append(f"{name}: {len(had)} targets, {len(wanted)} expected; missing: "
                            f"{sorted(set(wanted) - set(had))[:3]}, too many: {sorted(set(had) - set(wanted))[:3]}")
    verdicts.judge("each orchestration had the targets that it should have", problems,
                   f"{sum(map(len, targets.values()))} targets")
    problems = []
    for name, orchestration in orchestrations.items():
        problems += [f"{name}: {runtime} is the target of two operations"
                     for runtime in twice(orchestration.operations.values())]
        problems += [f"{name}: operation {operation} succeeded {orchestration.finished[operation]} times"
                     for operation in orchestration.operations if orchestration.finished[operation] != 1]
    verdicts.judge("every target succeeded exactly once, by the orchestrator's events", problems,
                   f"{sum(len(o.operations) for o in orchestrations.values())} operations")


class Operation:
    """An operation as the provisioner's events tell it."""

    def __init__(self, runtime, started, data):
        self.runtime, self.started, self.ended = runtime, started, None
        self.wanted = STAGES.get(data.get("type"), [])
        self.of_client = not data.get("orchestrationID")
        self.stages, self.starts, self.ends = [], 0, []
        self.orders = {}  # stage to (offset, time) of the record that ordered it


def fold_operations(logs, verdicts):
    """Operations by ID, from the provisioner's events; judges their order on the way."""
    operations, overlaps, count = {}, [], 0
    for partition in logs.records["runtimes"]:
        open_on = {}
        for record in logs.records["runtimes"][partition]:
            for event in record.value["events"]:
                kind, data, runtime = event["type"].split(".")[2], event.get("data") or {}, event["subject"]
                if kind not in ("started", "advanced", "succeeded", "failed"):
                    continue
                name, time = data["operationID"], record.value["time"]
                operation = operations.setdefault(name, Operation(runtime, time, data))
                if kind == "started":
                    operation.starts += 1
                    count += 1
                    if runtime in open_on:
                        overlaps.append(f"{place(record)}: {name} started on {runtime} while {open_on[runtime]} ran")
                    open_on[runtime] = name
                elif open_on.get(runtime) != name:
                    overlaps.append(f"{place(record)}: {name} {kind} on {runtime} while {open_on.get(runtime)} ran")
                if kind in ("started", "advanced"):
                    operation.stages.append(data["stage"])
                    operation.orders[data["stage"]] = (record.offset, time)
                else:
                    operation.ended = time
                    operation.ends.append(kind)
                    open_on.pop(runtime, None)
        overlaps += [f"{name} on {runtime} never ended" for runtime, name in open_on.items()]
    verdicts.judge("no two operations of a runtime overlapped, by the provisioner's events", overlaps,
                   f"{count} operations")
    return operations


def check_operations(orchestrations, operations, verdicts):
    """What orchestrator and clients wanted is what the provisioner did, once each; a dry run is nothing to do."""
    problems, wanted = [], {}
    for orchestration in orchestrations.values():
        if not orchestration.dry_run:
            wanted.update(orchestration.operations)
    wanted.update((name, operation.runtime) for name, operation in operations.items() if operation.of_client)
    for name, runtime in wanted.items():
        operation = operations.get(name)
        if operation is None:
            problems.append(f"operation {name} of {runtime} never started")
        elif (operation.runtime, operation.starts, operation.ends) != (runtime, 1, ["succeeded"]) or \
                operation.stages != operation.wanted:
            problems.append(f"operation {name} of {runtime}: {operation.starts} starts on {operation.runtime}, stages "
                            f"{operation.stages}, ends {operation.ends}")
    problems += [f"operation {name} of {operations[name].runtime} belongs to no orchestration"
                 for name in operations.keys() - wanted.keys()]
    verdicts.judge("every operation ran exactly once, by the provisioner's events", problems,
                   f"{len(wanted)} operations")
    return wanted


def most_at_once(intervals):
    """Of half-open intervals: one that ends when another begins is over by then."""
    running = most = 0
    for _, change in sorted([(begin, 1) for begin, _ in intervals] + [(end, -1) for _, end in intervals]):
        running += change
        most = max(most, running)
    return most


def check_workers(orchestrations, times, where, verdicts):
    """`times`: from when to when each operation ran, by its ID."""
    problems, most_of_all = [], 0
    for name, orchestration in orchestrations.items():
        most = most_at_once([times[operation] for operation in orchestration.operations if operation in times])
        most_of_all = max(most_of_all, most)
        if most > orchestration.workers:
            problems.append(f"{name}: {most} operations ran at once, {orchestration.workers} may")
    verdicts.judge(f"never more operations than workers, by {where}", problems, f"at most {most_of_all}")


# --- Upgrades, by the ledger ---


def check_ledger(ledger, orchestrations, operations, wanted, verdicts):
    applied = [line for line in ledger if line["effect"] == "applied"]
    effects = collections.Counter((line["runtime"], line["operation"], line["stage"]) for line in applied)
    expected = {(runtime, name, stage) for name, runtime in wanted.items() if name in operations
                for stage in operations[name].wanted}
    wrong = [f"{effect} applied {effects[effect]} times" for effect in sorted(expected) if effects[effect] != 1]
    wrong += [f"{effect} was not to be applied" for effect in sorted(effects.keys() - expected)]
    verdicts.judge("every stage of every operation was applied exactly once, by the ledger", wrong,
                   f"{len(expected)} stages")
    check_ledger_order(applied, operations, verdicts)
    check_fences(ledger, operations, verdicts)
    begins, ends = {}, {}
    for line in applied:
        begins.setdefault(line["operation"], line["at"])
        ends[line["operation"]] = max(line["at"], line["endsAt"], ends.get(line["operation"], 0))
    check_workers(orchestrations, {name: (begins[name], ends[name]) for name in begins}, "the ledger", verdicts)


def stages_of(operations, line):
    operation = operations.get(line["operation"])
    return operation.wanted if operation else []


def check_ledger_order(applied, operations, verdicts):
    """On a runtime a stage begins when the one before it has ended, and an operation when the other one has."""
    overlaps, disorder = [], []
    last, over = {}, collections.defaultdict(set)
    for line in applied:
        runtime, former = line["runtime"], last.get(line["runtime"])
        last[runtime] = line
        if former is None:
            former = {"operation": None, "endsAt": 0, "at": 0, "stage": None}
        if former["operation"] != line["operation"]:
            over[runtime].add(former["operation"])
            if former["operation"] and [former["stage"]] != stages_of(operations, former)[-1:]:
                overlaps.append(f"{line['operation']} began on {runtime} in the middle of {former['operation']}")
        if line["operation"] in over[runtime]:
            overlaps.append(f"{line['operation']} went on on {runtime} after {former['operation']}")
        if line["at"] < former["endsAt"]:
            overlaps.append(f"{line['operation']} {line['stage']} on {runtime} began at {line['at']}, "
                            f"{former['operation']} {former['stage']} ended at {former['endsAt']}")
        before = former["stage"] if former["operation"] == line["operation"] else None
        wanted = stages_of(operations, line)
        if (before, line["stage"]) not in zip([None, *wanted], wanted):
            disorder.append(f"{line['operation']} on {runtime}: {line['stage']} after {before}")
    verdicts.judge("no two operations of a runtime overlapped, by the ledger", overlaps, f"{len(applied)} effects")
    verdicts.judge("the stages of each operation came in order, by the ledger", disorder)


def check_fences(ledger, operations, verdicts):
    """An effect has the offset of the accepted record that ordered it; only calls with a lower one were refused."""
    wrong, refusals, standing, refused = [], [], {}, 0
    for line in ledger:
        runtime, name = line["runtime"], line["operation"]
        if line["effect"] == "applied":
            operation = operations.get(name)
            order = operation and operation.orders.get(line["stage"])
            if order != (line["fence"], line["orderedAt"]):
                wrong.append(f"{name} {line['stage']}: fence {line['fence']} of {line['orderedAt']}, but the accepted "
                             f"record that ordered it is {order}")
            if line["fence"] <= standing.get(runtime, -1):
                wrong.append(f"{name} {line['stage']}: fence {line['fence']} after {standing[runtime]}")
            standing[runtime] = line["fence"]
        else:
            refused += 1
            if not line["fence"] < line["standing"] or line["standing"] != standing.get(runtime):
                refusals.append(f"{name} {line['stage']}: fence {line['fence']} was refused, {line['standing']} is "
                                f"said to stand and {standing.get(runtime)} does")
    verdicts.judge("every effect has the fence of the accepted record that ordered it", wrong)
    verdicts.judge("what the simulator refused had a lower fence", refusals, f"{refused} refused calls")


# --- The whole ---


def check(topics, ledger, targets, verdicts):
    logs = Logs(topics)
    if verdicts.show:
        print(f"{sum(1 for _ in logs.all_messages())} messages, {sum(1 for _ in logs.all_records())} accepted records; "
              f"void: {', '.join(f'{topic} {logs.void[topic]}' for topic in TOPICS)}")
    check_causes(logs, verdicts)
    check_messages(logs, verdicts)
    orchestrations = fold_orchestrations(logs, verdicts)
    check_targets(orchestrations, targets, verdicts)
    operations = fold_operations(logs, verdicts)
    wanted = check_operations(orchestrations, operations, verdicts)
    check_workers(orchestrations, {name: (operation.started, operation.ended) for name, operation in operations.items()
                                   if operation.ended is not None}, "the provisioner's events", verdicts)
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
