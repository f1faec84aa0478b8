"""Clients whose upgrades fail in part, stop, are retried and canceled, in both lanes, while processes die.

What each of them did, and what came of it, is told to checker.py (`targets`)."""

import json
import threading
from urllib.parse import urlencode

from fleet import import_lines, runtime, upgrade_body
from system import wait_for

FORM = "application/x-www-form-urlencoded"
FAILURES = {"calm": 0, "once": 1, "twice": 2}  # names of runtimes begin so: as many attempts fail
STAGES = ("WaitingForInstallation", "WaitingForShootUpgrade")  # in these, which are the last ones of no operation
RULES = [{"runtime": f"^{name}-", "stage": stage, "attempts": count, "fail": f"attempts up to {count} fail"}
         for name, count in FAILURES.items() if count > 0 for stage in STAGES]
FINAL = ("succeeded", "failed", "canceled")
ENDS_WITHIN_S = 300
LOOK_PAUSE_S = 0.4


class Operators:
    """`kinds`: how many runtimes of each name a group has, which is an account."""

    def __init__(self, gateways, kinds):
        self.gateways, self.kinds, self.stop, self.threads = gateways, kinds, threading.Event(), []
        self.problems, self.targets = [], {}
        self.retries = self.repeats = self.cancels = self.stops = 0

    def start(self):
        stories = [(self.fail, "kyma"), (self.fail, "cluster"), (self.stop_at, "kyma"), (self.cancel, "kyma"),
                   (self.cancel, "cluster")]
        for story, lane in stories:
            group = f"{story.__name__.replace('_', '-')}-{lane}"
            self.bring(group)
            self.threads.append(threading.Thread(target=self.go_on, args=(story, lane, group), daemon=True))
        for thread in self.threads:
            thread.start()

    def go_on(self, story, lane, group):
        number = 0
        while not self.stop.wait(0.2):
            try:
                story(lane, group, number)
            except Exception as error:  # pylint: disable=broad-except; whatever it is, the test has failed
                self.problems.append(f"{group}, {number}: {type(error).__name__} {error}")
                return
            number += 1

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(ENDS_WITHIN_S)
            self.problems += ["one does not come to its end"] if thread.is_alive() else []

    def names_of(self, group):
        return [f"{kind}-{group}-{index}" for kind, count in self.kinds.items() for index in range(count)]

    def bring(self, group):
        import_lines(self.gateways, [{**runtime(name, "azure"), "runtimeID": name, "globalAccount": f"account-{group}"}
                                     for name in self.names_of(group)])

    # --- Asking ---

    def post(self, lane, group, number, **strategy):
        """A new orchestration, asked for twice."""
        body = upgrade_body({"globalAccount": f"^account-{group}$"}, workers=2, **strategy)
        names = [self.gateways.insist("POST", f"/upgrade/{lane}", body, key=f"{group}-{number}",
                                      status=(202,))["orchestrationID"] for _ in range(2)]
        if names[0] != names[1]:
            self.problems.append(f"{group}-{number} gave {names}")
        self.targets[names[0]] = {"targets": self.names_of(group), "retries": []}
        return names[0]

    def look(self, name):
        value = self.gateways.insist("GET", f"/orchestrations/{name}")
        return value, value.get("operationStats") or {}

    def operations(self, name, state):
        answer = self.gateways.insist("GET", f"/orchestrations/{name}/operations?state={state}&page_size=100")
        return sorted(operation["operationID"] for operation in answer["data"])

    def retry(self, name, key, operations=()):
        """Asks twice with one key; gives how both are answered."""
        body = urlencode([("operation-id", operation) for operation in operations])
        answers = [self.gateways.insist("POST", f"/orchestrations/{name}/retry", body, key=key, status=(202,),
                                        content_type=FORM) for _ in range(2)]
        self.repeats += 1
        if answers[0] != answers[1]:
            self.problems.append(f"the retry {key} of {name} was answered {answers}")
        return answers[0]

    def retry_failed(self, name, named):
        """Retries what is seen to have failed, by its names or because nothing is named."""
        failed, known = self.operations(name, "failed"), self.targets[name]["retries"]
        if not failed:
            self.problems.append(f"{name} has failed operations, but none is shown")
        key = f"retry-{len(known)}"
        answer = self.retry(name, key, failed if named else ())
        taken = answer["retryOperations"] or []
        known.append(taken)
        self.retries += 1
        if not set(failed) <= set(taken) or (named and set(taken) != set(failed)) or answer["oldOperations"] or \
                answer["invalidOperations"]:
            self.problems.append(f"the retry of {name} found {failed} failed, and took {answer}")
        return key, failed if named else (), answer

    # --- What they do ---

    def bring_to_end(self, name, within):
        """Retries until all have succeeded: after each end, and, with `within`, once while others run."""
        asked = []
        while True:
            def worth_a_look():
                value, stats = self.look(name)
                halfway = within and value["state"] == "in progress" and stats.get("failed")
                return (value["state"] in FINAL or halfway) and value

            value = wait_for(f"{name} ends", worth_a_look, ENDS_WITHIN_S, LOOK_PAUSE_S)
            if value["state"] == "succeeded":
                break
            asked.append(self.retry_failed(name, named=len(asked) % 2 == 0))
            within = False
        for key, operations, answer in asked:  # whenever it is asked again
            if self.retry(name, key, operations) != answer:
                self.problems.append(f"the retry {key} of {name} is answered otherwise when it is over")
        self.targets[name]["attempts"] = {runtime_id: 1 + FAILURES[runtime_id.partition("-")[0]]
                                          for runtime_id in self.targets[name]["targets"]}

    def fail(self, lane, group, number):
        self.bring_to_end(self.post(lane, group, number), within=number % 2 == 0)

    def stop_at(self, lane, group, number):
        """It stops whenever two have failed, and goes on by retries."""
        name = self.post(lane, group, number, failures_max=2)
        while True:
            def stopped():
                value, _ = self.look(name)
                return (value["state"] in FINAL or ", stopped: " in value["description"]) and value

            value = wait_for(f"{name} stops", stopped, ENDS_WITHIN_S, LOOK_PAUSE_S)
            if value["state"] in FINAL:
                break
            self.stops += 1
            stats = value["operationStats"]
            if stats.get("failed") != 2 or stats.get("in progress"):
                self.problems.append(f"{name} has stopped, with {stats}")
            self.retry_failed(name, named=self.stops % 2 == 0)
        self.bring_to_end(name, within=False)

    def cancel(self, lane, group, number):
        """In the middle, or right after a retry; then nothing can be retried."""
        name, retries = self.post(lane, group, number), number % 2 == 1

        def in_the_middle():
            value, stats = self.look(name)
            return (value["state"] in FINAL or (retries and stats.get("failed")) or
                    (not retries and stats.get("in progress"))) and value

        value = wait_for(f"{name} is in the middle", in_the_middle, ENDS_WITHIN_S, LOOK_PAUSE_S)
        if value["state"] == "in progress" and retries:
            self.retry_failed(name, named=False)
        self.gateways.insist("PUT", f"/orchestrations/{name}/cancel", status=(200,))
        value, _ = self.look(name)
        if value["state"] in ("succeeded", "failed"):  # it had ended before: the cancel came too late
            self.bring_to_end(name, within=False)
            return
        shown = value["state"] in ("canceling", "canceled") and value["description"] == "Orchestration was canceled"
        if not shown and not self.gateways.system.forgets():
            self.problems.append(f"{name} was canceled, and is {value['state']}, {value['description']}")
        value = wait_for(f"{name} ends", lambda: (it := self.look(name)[0])["state"] in FINAL and it, ENDS_WITHIN_S,
                         LOOK_PAUSE_S)
        self.cancels += 1
        self.targets[name]["end"] = "canceled"
        if not set(value["operationStats"]) <= {"succeeded", "failed", "canceled"}:
            self.problems.append(f"{name} was canceled, with {value['operationStats']}")
        if self.retry(name, "too-late")["retryOperations"]:
            self.problems.append(f"{name} was retried after its cancel")

    # --- The end ---

    def seen(self):
        return (f"{len(self.targets)} orchestrations, {self.retries} retries, asked for {2 * self.repeats} times, "
                f"{self.stops} stops, {self.cancels} cancels")


def counts_differ(gateways, names):
    """Orchestrations whose `operationStats` are not the numbers of their operations."""
    problems = []
    for name in names:
        stats, counted, page = gateways.insist("GET", f"/orchestrations/{name}").get("operationStats") or {}, {}, 1
        while True:
            answer = gateways.insist("GET", f"/orchestrations/{name}/operations?page={page}&page_size=100")
            for operation in answer["data"]:
                counted[operation["state"]] = counted.get(operation["state"], 0) + 1
            page += 1
            if sum(counted.values()) >= answer["totalCount"] or answer["count"] == 0:
                break
        if stats != counted or answer["totalCount"] != sum(counted.values()):
            problems.append(f"{name}: {json.dumps(stats)}, but {json.dumps(counted)} of {answer['totalCount']}")
    return problems
