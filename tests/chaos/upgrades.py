"""What upgrades may do, by the events of orchestrator and provisioner, and by the ledger of the simulated world."""

import collections

STAGES = {
    "upgradeKyma": ["StartingUpgrade", "WaitingForInstallation", "UpdatingUpgradeState"],
    "provision": ["WaitingForClusterDomain", "WaitingForClusterCreation", "CreatingBindingsForOperators",
                  "StartingInstallation", "WaitingForInstallation", "ConnectRuntimeAgent", "WaitForAgentToConnect"],
    "upgradeShoot": ["WaitingForShootNewVersion", "WaitingForShootUpgrade", "CreatingBindingsForOperators"],
}  # of an operation, in order
HOLDS_SLOT = ("dispatched", "running")  # phases of an operation in which it counts against the workers


def place(thing):
    return f"{thing.topic}/{thing.partition}/{thing.offset}"


def twice(items):
    return sorted(item for item, count in collections.Counter(items).items() if count > 1)


# --- Upgrades, by the orchestrator's events ---


class Orchestration:
    def __init__(self, data):
        self.workers, self.dry_run, self.failures_max = data["workers"], data["dryRun"], data.get("maxFailures")
        self.operations = {}  # operation ID to runtime ID
        self.states, self.attempts = {}, collections.Counter()  # by operation ID; 1 more for each retry
        self.running, self.most, self.end, self.halted = set(), 0, None, False
        self.finished = collections.Counter()  # operation ID to how often it ended with success
        self.retries, self.retried = [], []  # their keys, and the operations of each

    def failed(self):
        return sum(state == "failed" for state in self.states.values())


class Violations:
    """What orchestrations did against the rules, by rule."""

    def __init__(self):
        self.crowded, self.ends, self.late, self.bound, self.retries = [], [], [], [], []


def fold_orchestrations(logs, targets, verdicts):
    """Orchestrations by ID, from the orchestrator's events; judges on the way what they did."""
    orchestrations, broken = {}, Violations()
    for record in logs.all_records("orchestrations"):
        for event in record.value["events"]:
            kind, data, name = event["type"].split(".")[2], event.get("data") or {}, event["subject"]
            if kind == "accepted":
                orchestrations[name] = Orchestration(data)
            if name in orchestrations:
                judge_event(name, orchestrations[name], kind, data, place(record), broken)
                apply(orchestrations[name], kind, data)
        # A record is one decision: the slots are counted at its end.
        for name in {event["subject"] for event in record.value["events"]} & orchestrations.keys():
            judge_slots(name, orchestrations[name], place(record), broken)
    for name, orchestration in orchestrations.items():
        broken.retries += [f"{name}: the retry {key} was done twice" for key in twice(orchestration.retries)]
        if orchestration.end != end_wanted(targets.get(name)):
            broken.ends.append(f"{name}: {orchestration.end or 'goes on'}, not {end_wanted(targets.get(name))}")
    most = max((orchestration.most for orchestration in orchestrations.values()), default=0)
    retried = sum(sum(o.attempts.values()) - len(o.attempts) for o in orchestrations.values())
    verdicts.judge("never more operations than workers, by the orchestrator's events", broken.crowded,
                   f"at most {most}")
    verdicts.judge("each orchestration ended as it should, once before each retry", broken.ends,
                   f"{len(orchestrations)} orchestrations")
    verdicts.judge("only what had failed was retried, and nothing twice with one key", broken.retries,
                   f"{retried} operations")
    verdicts.judge("nothing was started after a cancel", broken.late,
                   f"{sum(o.halted for o in orchestrations.values())} cancels")
    verdicts.judge("never more operations that failed, or may fail, than maxFailures", broken.bound,
                   f"{sum(o.failures_max is not None for o in orchestrations.values())} orchestrations")
    return orchestrations


def judge_event(name, orchestration, kind, data, where, broken):
    if kind in ("succeeded", "failed", "canceled"):
        if orchestration.end:
            broken.ends.append(f"{name} {kind} at {where}, but it {orchestration.end} before")
        if kind != "canceled" and (kind == "failed") != (orchestration.failed() > 0):
            broken.ends.append(f"{name} {kind} at {where}, where {orchestration.failed()} operations had failed")
    elif kind in ("dispatched", "resumed", "retried") and orchestration.halted:
        broken.late.append(f"{name}: {kind} at {where}")
    elif kind == "retried":
        broken.retries += [f"{where}: {operation} of {name} was {orchestration.states.get(operation)}"
                           for operation in data["operations"] if orchestration.states.get(operation) != "failed"]


def judge_slots(name, orchestration, where, broken):
    running, most = len(orchestration.running), orchestration.failures_max
    orchestration.most = max(orchestration.most, running)
    if running > orchestration.workers:
        broken.crowded.append(f"{where}: {running} operations of {name} ran, {orchestration.workers} may")
    if most is not None and running + orchestration.failed() > most:
        broken.bound.append(f"{where}: {running} operations of {name} ran and {orchestration.failed()} had failed, "
                            f"maxFailures is {most}")


def apply(orchestration, kind, data):
    states = orchestration.states
    if kind == "targeted":
        for target in data["targets"]:
            orchestration.operations[target["operationID"]] = target["runtimeID"]
            states[target["operationID"]] = "pending"
            orchestration.attempts[target["operationID"]] = 1
    elif kind == "dispatched":
        orchestration.running.update(data["operations"])
    elif kind == "progressed":
        operation = data["operationID"]
        (orchestration.running.add if data["phase"] in HOLDS_SLOT else orchestration.running.discard)(operation)
        states[operation] = data["state"]
        orchestration.finished[operation] += data["phase"] == "done" and data["state"] == "succeeded"
    elif kind == "retried":
        orchestration.attempts.update(data["operations"])
        states.update(dict.fromkeys(data["operations"], "retrying"))
        orchestration.end = None
        orchestration.retries += [data["retryID"]] if "retryID" in data else []
        orchestration.retried.append(sorted(data["operations"]))
    elif kind == "halted":
        orchestration.halted = True
    elif kind in ("succeeded", "failed", "canceled"):
        orchestration.end = kind
        states.update({operation: "canceled" for operation, state in states.items()
                       if kind == "canceled" and state in ("pending", "retrying")})


# --- What should have become of them ---


def targets_wanted(value):
    return value["targets"] if isinstance(value, dict) else value


def end_wanted(value):
    return value.get("end", "succeeded") if isinstance(value, dict) else "succeeded"


def attempts_wanted(value):
    return value.get("attempts", {}) if isinstance(value, dict) else {}


def check_targets(orchestrations, targets, verdicts):
    problems, attempts, retries = [], [], []
    for name, value in targets.items():
        orchestration, wanted = orchestrations.get(name), sorted(targets_wanted(value))
        had = sorted(orchestration.operations.values()) if orchestration else []
        if had != wanted:
            problems.append(f"{name}: {len(had)} targets, {len(wanted)} expected; missing: "
                            f"{sorted(set(wanted) - set(had))[:3]}, too many: {sorted(set(had) - set(wanted))[:3]}")
        attempts += [f"{name}: {runtime} was attempted {orchestration.attempts[operation]} times"
                     for operation, runtime in (orchestration.operations if orchestration else {}).items()
                     if orchestration.attempts[operation] != attempts_wanted(value).get(
                         runtime, orchestration.attempts[operation] if orchestration.halted else 1)]
        accepted = value.get("retries", []) if isinstance(value, dict) else []
        if orchestration and sorted(orchestration.retried) != sorted(map(sorted, accepted)):
            retries.append(f"{name}: clients were told of {len(accepted)} retries, {accepted}; there were "
                           f"{orchestration.retried}")
    verdicts.judge("each orchestration had the targets that it should have", problems,
                   f"{sum(len(targets_wanted(value)) for value in targets.values())} targets")
    verdicts.judge("each operation was attempted once more than it failed", attempts)
    verdicts.judge("each accepted retry retried once what its answer said", retries)
    problems = []
    for name, orchestration in orchestrations.items():
        problems += [f"{name}: {runtime} is the target of two operations"
                     for runtime in twice(orchestration.operations.values())]
        problems += [f"{name}: operation {operation} is {state}, succeeded {orchestration.finished[operation]} times"
                     for operation, state in orchestration.states.items()
                     if orchestration.finished[operation] != (state == "succeeded") or
                     state not in (("succeeded", "failed", "canceled") if orchestration.halted else ("succeeded",))]
    verdicts.judge("every target succeeded exactly once, by the orchestrator's events", problems,
                   f"{sum(len(o.operations) for o in orchestrations.values())} operations")


# --- Upgrades, by the provisioner's events ---


class Attempt:
    """One attempt of an operation as the provisioner's events tell it."""

    def __init__(self, number, started):
        self.number, self.started, self.ended = number, started, None
        self.stages, self.ends = [], []
        self.orders = {}  # stage to (offset, time) of the record that ordered it

    def has_gone(self, state, wanted):
        """Did it end in this state, with the stages that belong to that? The last one never fails."""
        if state == "succeeded":
            return self.ends == ["succeeded"] and self.stages == wanted
        return self.ends == ["failed"] and self.stages == wanted[:len(self.stages)] and self.stages != wanted


class Operation:
    """An operation as the provisioner's events tell it."""

    def __init__(self, runtime, data):
        self.runtime, self.attempts = runtime, []
        self.wanted = STAGES.get(data.get("type"), [])
        self.of_client = not data.get("orchestrationID")

    def attempt_of(self, fence):
        """The one of which a stage was ordered by the record with this offset."""
        for attempt in self.attempts:
            if any(fence == offset for offset, _ in attempt.orders.values()):
                return attempt
        return None


def fold_operations(logs, verdicts):
    """Operations by ID, from the provisioner's events, and how often each was rehearsed; judges their order."""
    operations, rehearsals, overlaps, count = {}, collections.Counter(), [], 0
    for partition in logs.records["runtimes"]:
        open_on = {}
        for record in logs.records["runtimes"][partition]:
            for event in record.value["events"]:
                kind, data, runtime = event["type"].split(".")[2], event.get("data") or {}, event["subject"]
                if kind == "rehearsed":
                    rehearsals[data["operationID"]] += 1
                    overlaps += [f"{place(record)}: a dry run on {runtime} while {open_on[runtime]} ran"
                                 for _ in open_on.keys() & {runtime}]
                if kind not in ("started", "advanced", "succeeded", "failed"):
                    continue
                name, time = data["operationID"], record.value["time"]
                operation = operations.setdefault(name, Operation(runtime, data))
                if kind == "started":
                    operation.attempts.append(Attempt(data.get("attempt", 1), time))
                    count += 1
                    if runtime in open_on:
                        overlaps.append(f"{place(record)}: {name} started on {runtime} while {open_on[runtime]} ran")
                    open_on[runtime] = name
                elif open_on.get(runtime) != name:
                    overlaps.append(f"{place(record)}: {name} {kind} on {runtime} while {open_on.get(runtime)} ran")
                attempt = operation.attempts[-1] if operation.attempts else Attempt(0, time)
                if kind in ("started", "advanced"):
                    attempt.stages.append(data["stage"])
                    attempt.orders[data["stage"]] = (record.offset, time)
                else:
                    attempt.ended = time
                    attempt.ends.append(kind)
                    open_on.pop(runtime, None)
        overlaps += [f"{name} on {runtime} never ended" for runtime, name in open_on.items()]
    verdicts.judge("no two operations of a runtime overlapped, by the provisioner's events", overlaps,
                   f"{count} attempts")
    return operations, rehearsals


def check_operations(orchestrations, operations, rehearsals, verdicts):
    """What orchestrator and clients wanted is what the provisioner did, once each; of a dry run it does nothing. Gives
    the runtimes of what was to be done, by operation."""
    problems, wanted = [], {}
    dry = {name for orchestration in orchestrations.values() if orchestration.dry_run
           for name in orchestration.operations}
    verdicts.judge("each operation of a dry run was rehearsed once, and no other one",
                   [f"{name}: {rehearsals[name]} times" for name in sorted(dry | rehearsals.keys())
                    if rehearsals[name] != (name in dry)], f"{len(dry)} operations")
    for orchestration in orchestrations.values():
        for name, runtime in ({} if orchestration.dry_run else orchestration.operations).items():
            state = orchestration.states[name]
            # What was canceled had been attempted before, if it had been retried.
            count = orchestration.attempts[name] - (state == "canceled")
            problems += attempts_wrong(name, operations.get(name), runtime, count, state)
            wanted[name] = runtime
    for name, operation in operations.items():
        if operation.of_client:
            problems += attempts_wrong(name, operation, operation.runtime, 1, "succeeded")
            wanted[name] = operation.runtime
    problems += [f"operation {name} of {operations[name].runtime} belongs to no orchestration"
                 for name in operations.keys() - wanted.keys()]
    verdicts.judge("each attempt of every operation ran exactly once, by the provisioner's events", problems,
                   f"{len(wanted)} operations")
    return wanted


def attempts_wrong(name, operation, runtime, count, state):
    """`count` attempts, of which the last one ended in `state` and those before it failed."""
    attempts = operation.attempts if operation else []
    states = ["failed"] * (count - 1) + ["failed" if state == "canceled" else state]
    if [attempt.number for attempt in attempts] == list(range(1, count + 1)) and \
            (not attempts or operation.runtime == runtime) and \
            all(attempt.has_gone(its, operation.wanted) for attempt, its in zip(attempts, states)):
        return []
    return [f"operation {name} of {runtime}, {state} after {count} attempts: " + (", ".join(
        f"{attempt.number} on {operation.runtime} with stages {attempt.stages}, ends {attempt.ends}"
        for attempt in attempts) or "never started")]


def most_at_once(intervals):
    """Of half-open intervals: one that ends when another begins is over by then."""
    running = most = 0
    for _, change in sorted([(begin, 1) for begin, _ in intervals] + [(end, -1) for _, end in intervals]):
        running += change
        most = max(most, running)
    return most


def check_workers(orchestrations, times, where, verdicts):
    """`times`: from when to when the attempts of each operation ran, by its ID."""
    problems, most_of_all = [], 0
    for name, orchestration in orchestrations.items():
        most = most_at_once([time for operation in orchestration.operations for time in times.get(operation, [])])
        most_of_all = max(most_of_all, most)
        if most > orchestration.workers:
            problems.append(f"{name}: {most} operations ran at once, {orchestration.workers} may")
    verdicts.judge(f"never more operations than workers, by {where}", problems, f"at most {most_of_all}")


# --- Upgrades, by the ledger ---


def check_ledger(ledger, orchestrations, operations, wanted, verdicts):
    applied = [line for line in ledger if line["effect"] == "applied"]
    effects = collections.Counter((line["runtime"], line["operation"], line["stage"]) for line in applied)
    expected = collections.Counter((runtime, name, stage) for name, runtime in wanted.items() if name in operations
                                   for attempt in operations[name].attempts for stage in attempt.stages)
    wrong = [f"{effect} applied {effects[effect]} times, not {expected[effect]}"
             for effect in sorted(expected.keys() | effects.keys()) if effects[effect] != expected[effect]]
    verdicts.judge("every stage of every attempt was applied exactly once, by the ledger", wrong,
                   f"{expected.total()} stages")
    check_ledger_order(applied, operations, verdicts)
    check_fences(ledger, operations, verdicts)
    attempts = attempts_applied(applied, operations)
    check_ends(attempts, orchestrations, operations, verdicts)
    times = {name: [(lines[0]["at"], max(max(line["at"], line["endsAt"]) for line in lines)) for lines in its]
             for name, its in attempts.items()}
    check_workers(orchestrations, times, "the ledger", verdicts)


def stages_of(operations, line):
    operation = operations.get(line["operation"])
    return operation.wanted if operation else []


def attempts_applied(applied, operations):
    """The lines of each operation, attempt by attempt: its first stage begins another one."""
    attempts = collections.defaultdict(list)
    for line in applied:
        its = attempts[line["operation"]]
        if not its or [line["stage"]] == stages_of(operations, line)[:1]:
            its.append([])
        its[-1].append(line)
    return attempts


def check_ends(attempts, orchestrations, operations, verdicts):
    """What the orchestrator says in the end of an operation is what became of it in the world."""
    problems, count = [], 0
    for orchestration in orchestrations.values():
        for name, state in ({} if orchestration.dry_run else orchestration.states).items():
            its, wanted = attempts.get(name, []), operations[name].wanted if name in operations else []
            done = [[line["stage"] for line in lines] == wanted for lines in its]
            count += 1
            if done != [False] * (orchestration.attempts[name] - 1) + \
                    {"succeeded": [True], "failed": [False]}.get(state, []):
                problems.append(f"{name} is {state} in its attempt {orchestration.attempts[name]}, but in the ledger "
                                f"{[[line['stage'] for line in lines] for lines in its]}")
    verdicts.judge("what became of each operation stands in the ledger", problems, f"{count} operations")


def check_ledger_order(applied, operations, verdicts):
    """On a runtime a stage begins when the one before it has ended, and an attempt when the other one has."""
    overlaps, disorder = [], []
    last, over = {}, collections.defaultdict(set)
    for line in applied:
        runtime, former, wanted = line["runtime"], last.get(line["runtime"]), stages_of(operations, line)
        last[runtime], begins = line, [line["stage"]] == wanted[:1]
        if former is None:
            former = {"operation": None, "endsAt": 0, "at": 0, "stage": None}
        if former["operation"] != line["operation"] or begins:
            over[runtime].add(former["operation"])
            if former["operation"] and not is_last(operations, former):
                overlaps.append(f"{line['operation']} began on {runtime} in the middle of {former['operation']}")
        if line["operation"] in over[runtime] and not begins:
            overlaps.append(f"{line['operation']} went on on {runtime} after {former['operation']}")
        if begins:
            over[runtime].discard(line["operation"])
        if line["at"] < former["endsAt"]:
            overlaps.append(f"{line['operation']} {line['stage']} on {runtime} began at {line['at']}, "
                            f"{former['operation']} {former['stage']} ended at {former['endsAt']}")
        before = former["stage"] if former["operation"] == line["operation"] and not begins else None
        if (before, line["stage"]) not in zip([None, *wanted], wanted):
            disorder.append(f"{line['operation']} on {runtime}: {line['stage']} after {before}")
    verdicts.judge("no two operations of a runtime overlapped, by the ledger", overlaps, f"{len(applied)} effects")
    verdicts.judge("the stages of each attempt came in order, by the ledger", disorder)


def is_last(operations, line):
    """Is it the last stage that there was of its attempt?"""
    operation = operations.get(line["operation"])
    attempt = operation and operation.attempt_of(line["fence"])
    return bool(attempt) and attempt.stages[-1] == line["stage"]


def check_fences(ledger, operations, verdicts):
    """An effect has the offset of the accepted record that ordered it; only calls with a lower one were refused."""
    wrong, refusals, standing, refused = [], [], {}, 0
    for line in ledger:
        runtime, name = line["runtime"], line["operation"]
        if line["effect"] == "applied":
            operation = operations.get(name)
            orders = [attempt.orders.get(line["stage"]) for attempt in (operation.attempts if operation else [])]
            if (line["fence"], line["orderedAt"]) not in orders:
                wrong.append(f"{name} {line['stage']}: fence {line['fence']} of {line['orderedAt']}, but the accepted "
                             f"records that ordered it are {orders}")
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
