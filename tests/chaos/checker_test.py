#!/usr/bin/env python3
"""The checker finds what is wrong: each test plants a fault in a recorded run without any (sample/)."""

import collections
import copy
import hashlib
import json
import sys
import unittest
from pathlib import Path

import checker

SAMPLE = Path(__file__).resolve().parent / "sample"
ENDED = "tidegate.runtime.succeeded.v1"


class Run:
    """The recorded run, to be changed at will."""

    def __init__(self):
        self.topics = {f"{topic}.{kind}": collections.defaultdict(list)
                       for topic in checker.TOPICS for kind in ("requests", "events")}
        with open(SAMPLE / "topics.ndjson", encoding="utf-8") as file:
            for line in map(json.loads, file):
                self.topics[line["topic"]][line["partition"]].append((line["offset"], line["value"].encode()))
        self.ledger = checker.read_ledger(SAMPLE / "ledger.ndjson")
        self.targets = json.loads((SAMPLE / "targets.json").read_text())

    def failed(self):
        """Properties that the checker finds violated."""
        verdicts = checker.Verdicts(show=False)
        checker.check(self.topics, self.ledger, self.targets, verdicts)
        return verdicts.failed

    def records(self, topic):
        """(partition, value) of the accepted records of an events topic."""
        for partition, records in self.topics[f"{topic}.events"].items():
            for _, value in checker.fold_chain(records)[0]:
                yield partition, value

    def partition_where(self, topic, condition):
        """Of a record that meets the condition; and the values of all accepted records there, to be changed."""
        for partition, value in self.records(topic):
            if condition(value):
                accepted, _, _ = checker.fold_chain(self.topics[f"{topic}.events"][partition])
                return partition, [value for _, value in accepted]
        raise LookupError(f"no such record in {topic}: make another sample")

    def write(self, topic, partition, values):
        """A chain of these, whole, at the offsets that stood there, and on."""
        written, prev = [], checker.GENESIS
        former = [offset for offset, _ in checker.fold_chain(self.topics[f"{topic}.events"][partition])[0]]
        for index, value in enumerate(values):
            offset = former[index] if index < len(former) else former[-1] + 1 + index - len(former)
            raw = json.dumps({**value, "prev": prev}).encode()
            prev = hashlib.sha256(raw).hexdigest()
            written.append((offset, raw))
        self.topics[f"{topic}.events"][partition] = written

    def applied(self):
        return [line for line in self.ledger if line["effect"] == "applied"]


def has_event(name):
    return lambda value: any(event["type"] == name for event in value["events"])


class CheckerTest(unittest.TestCase):
    def setUp(self):
        self.run_ = Run()

    def assert_found(self, *fragments):
        """For each fragment there is a violated property with it in its name."""
        failed = self.run_.failed()
        for fragment in fragments:
            self.assertTrue(any(fragment in name for name in failed), f"{fragment} is not among {sorted(failed)}")

    def test_a_true_run_violates_nothing(self):
        self.assertEqual({}, self.run_.failed())

    def test_the_sample_has_a_void_record_and_operations_that_follow_each_other(self):
        self.assertGreater(sum(checker.Logs(self.run_.topics).void.values()), 0)
        runtimes = collections.defaultdict(set)
        for line in self.run_.applied():
            runtimes[line["runtime"]].add(line["operation"])
        self.assertIn(2, map(len, runtimes.values()))

    # --- The ledger ---

    def test_an_effect_applied_twice_is_found(self):
        self.run_.ledger.append(self.run_.applied()[0])
        self.assert_found("applied exactly once, by the ledger")

    def test_an_effect_that_is_missing_is_found(self):
        self.run_.ledger.remove(self.run_.applied()[-1])
        self.assert_found("applied exactly once, by the ledger")

    def test_an_effect_that_nobody_wanted_is_found(self):
        self.run_.ledger.append({**self.run_.applied()[-1], "operation": "nobody's"})
        self.assert_found("applied exactly once, by the ledger", "fence of the accepted record")

    def test_an_operation_that_begins_while_another_runs_is_found_in_the_ledger(self):
        first, second = next((one, other) for one in self.run_.applied() for other in self.run_.applied()
                             if one["runtime"] == other["runtime"] and one["operation"] != other["operation"])
        second["at"] = first["at"] + 1
        self.run_.ledger.remove(second)
        self.run_.ledger.insert(self.run_.ledger.index(first) + 1, second)
        self.assert_found("overlapped, by the ledger")

    def test_a_stage_that_begins_before_the_last_one_has_ended_is_found(self):
        self.run_.applied()[0]["endsAt"] += 60000
        self.assert_found("overlapped, by the ledger", "than workers, by the ledger")

    def test_an_effect_with_the_fence_of_no_accepted_record_is_found(self):
        self.run_.applied()[-1]["fence"] += 1
        self.assert_found("fence of the accepted record")

    def test_a_refused_call_with_a_fence_that_was_not_lower_is_found(self):
        last = self.run_.applied()[-1]
        refused = {**last, "effect": "refused", "standing": last["fence"]}
        self.run_.ledger.append(refused)
        self.assert_found("had a lower fence")

    def test_a_refused_call_with_a_lower_fence_is_as_it_should_be(self):
        last = self.run_.applied()[-1]
        self.run_.ledger.append({**last, "effect": "refused", "standing": last["fence"], "fence": last["fence"] - 1})
        self.assertEqual({}, self.run_.failed())

    # --- The events of upgrades ---

    def test_an_upgrade_that_never_ended_is_found(self):
        partition, values = self.run_.partition_where("runtimes", has_event(ENDED))
        for value in values:
            value["events"] = [event for event in value["events"] if event["type"] != ENDED]
        self.run_.write("runtimes", partition, values)
        self.assert_found("ran exactly once, by the provisioner's events",
                          "overlapped, by the provisioner's events")

    def test_an_operation_that_starts_while_another_runs_is_found_in_the_events(self):
        partition, values = self.run_.partition_where("runtimes", has_event("tidegate.runtime.started.v1"))
        for value in values:
            for event in [event for event in value["events"] if event["type"] == "tidegate.runtime.started.v1"]:
                other = copy.deepcopy(event)
                other["data"]["operationID"] = "another"
                value["events"].append(other)
        self.run_.write("runtimes", partition, values)
        self.assert_found("overlapped, by the provisioner's events",
                          "ran exactly once, by the provisioner's events")

    def test_more_operations_than_workers_are_found(self):
        accepted = "tidegate.orchestration.accepted.v1"
        partition, values = self.run_.partition_where("orchestrations", has_event(accepted))
        for value in values:
            for event in value["events"]:
                if event["type"] == accepted:
                    event["data"]["workers"] = 1
        self.run_.write("orchestrations", partition, values)
        self.assert_found("than workers, by the orchestrator's events", "than workers, by the provisioner's events",
                          "than workers, by the ledger")

    def test_a_success_told_twice_is_found(self):
        done = "tidegate.orchestration.progressed.v1"
        partition, values = self.run_.partition_where("orchestrations", has_event(done))
        for value in values:
            value["events"] += [event for event in value["events"]
                                if event["type"] == done and event["data"]["phase"] == "done"]
        self.run_.write("orchestrations", partition, values)
        self.assert_found("succeeded exactly once, by the orchestrator's events")

    def test_a_target_that_was_forgotten_is_found(self):
        next(iter(self.run_.targets.values())).append("forgotten")
        self.assert_found("targets that it should have")

    # --- Retries and cancels ---

    def change(self, kind, change):
        """Changes the data of the first event of the orchestrator of this kind; gives its orchestration."""
        name = f"tidegate.orchestration.{kind}.v1"
        partition, values = self.run_.partition_where("orchestrations", has_event(name))
        event, value = next((event, value) for value in values for event in value["events"] if event["type"] == name)
        change(event.setdefault("data", {}), value["events"])
        self.run_.write("orchestrations", partition, values)
        return event["subject"]

    def test_a_start_after_a_cancel_is_found(self):
        def start(_, events):
            events.append({**events[0], "type": "tidegate.orchestration.dispatched.v1", "data": {"operations": []}})
        self.change("halted", start)
        self.assert_found("started after a cancel")

    def test_a_retry_that_is_done_twice_is_found(self):
        self.change("retried", lambda data, events: events.append(copy.deepcopy(events[0])))
        self.assert_found("nothing twice with one key", "what its answer said", "once more than it failed",
                          "ran exactly once, by the provisioner's events")

    def test_a_retry_of_more_than_its_answer_said_is_found(self):
        self.change("retried", lambda data, _: data["operations"].append("another"))
        self.assert_found("what its answer said", "only what had failed was retried")

    def test_an_attempt_that_is_missing_in_the_ledger_is_found(self):
        lines = collections.defaultdict(list)
        for line in self.run_.applied():
            lines[line["operation"], line["stage"]].append(line)
        self.run_.ledger.remove(next(its[-1] for its in lines.values() if len(its) > 1))
        self.assert_found("applied exactly once, by the ledger", "stands in the ledger")

    def test_an_operation_that_is_said_to_have_failed_and_has_not_is_found(self):
        done = "tidegate.orchestration.progressed.v1"
        partition, values = self.run_.partition_where("orchestrations", has_event(done))
        for value in values:
            for event in value["events"]:
                if event["type"] == done and event["data"]["state"] == "succeeded":
                    event["data"]["state"] = "failed"
        self.run_.write("orchestrations", partition, values)
        self.assert_found("stands in the ledger", "ended as it should")

    def test_more_failures_than_were_allowed_are_found(self):
        self.change("accepted", lambda data, _: data.update(maxFailures=1))
        self.assert_found("than maxFailures")

    def test_a_dry_run_that_is_none_is_found(self):
        self.change("accepted", lambda data, _: data.update(dryRun=True))
        self.assert_found("of a dry run was rehearsed once", "ran exactly once, by the provisioner's events")

    # --- Messages and chains ---

    def test_a_message_decided_twice_is_found(self):
        partition, values = self.run_.partition_where("runtimes", lambda value: "origin" in value)
        again = copy.deepcopy(next(value for value in values if "origin" in value))
        again["cause"][0] = values[-1]["cause"][0] + 1
        self.run_.write("runtimes", partition, values + [{**again, "to": [], "events": []}])
        self.assert_found("no message was decided twice", "decided in their order")

    def test_a_request_decided_twice_is_found(self):
        partition, values = self.run_.partition_where("instances", lambda value: True)
        self.run_.write("instances", partition, values + [{**values[-1], "to": [], "events": []}])
        self.assert_found("each request was decided at most once")

    def test_a_message_that_nobody_decided_is_found(self):
        partition, values = self.run_.partition_where("runtimes", lambda value: "origin" in value)
        values.remove([value for value in values if "origin" in value][-1])
        self.run_.write("runtimes", partition, values)
        self.assert_found("was decided by its receiver")

    def test_a_message_that_was_never_delivered_is_found(self):
        requests = self.run_.topics["runtimes.requests"]
        partition = next(iter(requests))
        requests[partition] = [(offset, raw) for offset, raw in requests[partition] if b'"origin"' not in raw]
        self.assert_found("was delivered where it belongs")

    def test_a_message_that_follows_from_a_void_record_is_found(self):
        partition, values = self.run_.partition_where("runtimes", lambda value: "origin" in value)
        next(value for value in values if "origin" in value)["origin"][2] += 100000
        self.run_.write("runtimes", partition, values)
        self.assert_found("follows from no accepted record")

    def test_nothing_behind_a_changed_record_is_accepted(self):
        partition, _ = self.run_.partition_where("runtimes", has_event("tidegate.runtime.started.v1"))
        records = self.run_.topics["runtimes.events"][partition]
        records[0] = (records[0][0], records[0][1] + b" ")
        self.assertEqual(len(records) - 1, checker.fold_chain(records)[1])
        self.assert_found("ran exactly once, by the provisioner's events", "was decided by its receiver")


if __name__ == "__main__":
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(CheckerTest)
    result = unittest.TextTestRunner(stream=sys.stdout).run(tests)
    failures = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failures} passed, {failures} failed")
    sys.exit(1 if failures else 0)
