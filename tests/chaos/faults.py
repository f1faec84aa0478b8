#!/usr/bin/env python3
"""Upgrades a fleet while every process is killed again and again, and shows that nobody could tell from the outcome.

    faults.py [RUNTIMES [SECONDS]]    500 runtimes, whose maintenance windows open one by one over 130 seconds

Two provisioners, two gateways, one of each other service, on a Kafka and a PostgreSQL of their own. Each service dies
at each of its crash points, and at four random moments; Kafka and PostgreSQL are killed; records are written by nobody
who may; each provisioner in turn is frozen, its partitions are taken over, and it wakes. Meanwhile clients read,
import, and repeat themselves, others upgrade Kyma and clusters, of which some fail, retry, and cancel (operators.py);
some runtimes are upgraded again and again until the last fault is over.
Then checker.py judges topics and ledger, and every read model is compared with one rebuilt from the log.
TIDEGATE_SEED chooses other random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import rebuild
from checker import TOPICS, Verdicts, read_topic
from fleet import AGAIN_PLAN, fleet, import_lines, runtime, upgrade_body
from operators import RULES, Operators, counts_differ
from system import Broken, Gateways, System, wait_for

SEED = 20220201
LANE_ORCHESTRATIONS = 7  # at a time: two long ones, and those of all clients
OPERATED = {"calm": 2, "once": 3, "twice": 1}  # runtimes of each client that retries or cancels
STAGE_MS = [500, 900]  # 500 runtimes at 3 stages need 105 s with 10 workers
CRASH_POINTS = ("after-append", "after-messages", "after-projection", "after-replies", "after-offset-commit")
CRASH_COUNT_MAX = 4  # a process dies when it reaches its point for the first to the fourth time
RANDOM_KILLS = 4
RANDOM_DELAY_S = (0.1, 3)
OWN_DEATHS_MAX = 6  # of processes that lose their place in the group for good while Kafka is down
SLOWEST_S = 420  # until everything must have ended
PROCESSES = {"api-gateway": 2, "broker": 1, "orchestrator": 1, "scheduler": 1, "provisioner": 2}
TENANT = "account-graphql"  # of the runtimes that a client provisions and upgrades, one after the other
PROVISION = """mutation ($name: String!) { result: provisionRuntime(config: { runtimeInput: { name: $name }
  clusterConfig: { gardenerConfig: { name: $name kubernetesVersion: "1.20.11" provider: "gcp" region: "europe-west3"
    targetSecret: "s" machineType: "n1" workerCidr: "10.250.0.0/19" autoScalerMin: 1 autoScalerMax: 2 maxSurge: 1
    maxUnavailable: 0 providerSpecificConfig: { gcpConfig: { zones: ["a"] } } } }
  kymaConfig: { version: "1.20.4" components: [{ component: "compass-runtime-agent" namespace: "compass-system" }] }
  }) { id runtimeID } }"""
UPGRADE = """mutation ($id: String!) { result: upgradeRuntime(id: $id, config: { kymaConfig: { version: "1.24.5"
  components: [{ component: "compass-runtime-agent" namespace: "compass-system" }] } }) { id runtimeID } }"""
OPERATION = "query ($id: String!) { result: runtimeOperationStatus(id: $id) { id state message } }"
NEWCOMER_PLAN = "trial"  # of the runtimes that come meanwhile
RELAY_LEFT = 30  # operations that one of the relay has left when the next one is asked for
IDLE_SHARE_MAX = 0.2  # of the looks at the relay, those that find it at rest: it is asked for while gateways die


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


class Clients:
    """What goes on while the faults happen: somebody reads, somebody imports, somebody repeats himself."""

    def __init__(self, gateways, main_id, known):
        self.gateways, self.main_id, self.known = gateways, main_id, known
        self.stop, self.problems, self.threads = threading.Event(), [], []
        self.ids, self.newcomers, self.reads, self.repeats = {}, 0, 0, 0
        self.mutations = {}  # by key: the operation that was accepted

    def start(self):
        for work, pause_s in ((self.read, 0.2), (self.repeat, 1.5), (self.bring, 1),
                              (self.provision, 0.5), (self.provision, 0.5)):
            self.threads.append(threading.Thread(target=self.go_on, args=(work, pause_s), daemon=True))
            self.threads[-1].start()

    def go_on(self, work, pause_s):
        state = {}
        while not self.stop.wait(pause_s):
            try:
                work(state)
            except Exception as error:  # pylint: disable=broad-except; whatever it is, the test has failed
                self.problems.append(f"{work.__name__}: {type(error).__name__} {error}")
                return

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)

    def read(self, state):
        """What is shown never goes back, but after a crash of PostgreSQL."""
        status, value = self.gateways.ask("GET", f"/orchestrations/{self.main_id}")
        forgets = self.gateways.system.forgets()
        if status in (0, 503, 504) or (status == 404 and forgets):
            return
        if status != 200:
            self.problems.append(f"GET /orchestrations/{self.main_id}: {status} {value}")
            return
        self.reads += 1
        if forgets:
            state.clear()
        stats = value.get("operationStats") or {}
        done, order = stats.get("succeeded", 0), ("pending", "in progress", "succeeded")
        if value["state"] not in order or order.index(value["state"]) < state.get("order", 0):
            self.problems.append(f"{self.main_id} is {value['state']} after {order[state.get('order', 0)]}")
            return
        if done < state.get("done", 0) or (stats and sum(stats.values()) != self.known):
            self.problems.append(f"{self.main_id} shows {stats} after {state.get('done', 0)} had succeeded")
        state.update(done=done, order=order.index(value["state"]))

    def repeat(self, state):
        """The same key through both gateways, and an old one again: the same orchestration."""
        number = state.setdefault("number", 0)
        state["number"] += 1
        for which in (number, number, number // 2):
            self.post_again(which)

    def post_again(self, number):
        name = f"fleet-{number % self.known}"
        body = upgrade_body({"runtimeID": str(uuid.uuid5(uuid.NAMESPACE_OID, name))}, dry_run=True)
        answer = self.gateways.insist("POST", "/upgrade/kyma", body, key=f"key-{number}", status=(202,))
        known = self.ids.setdefault(number, answer["orchestrationID"])
        self.repeats += 1
        if answer["orchestrationID"] != known:
            self.problems.append(f"key-{number} gave {known}, and then {answer['orchestrationID']}")

    def bring(self, state):
        """A new runtime comes."""
        number = state.setdefault("number", 0)
        state["number"] += 1
        import_lines(self.gateways, [runtime(f"newcomer-{number}", NEWCOMER_PLAN)])
        self.newcomers += 1


    def mutate(self, key, query, variables):
        """A mutation, twice: the same operation."""
        for _ in range(2):
            result = self.gateways.graphql(query, variables, TENANT, key)["result"]
            if self.mutations.setdefault(key, result["id"]) != result["id"]:
                self.problems.append(f"{key} gave {self.mutations[key]}, and then {result['id']}")
        return result

    def operation_ended(self, operation_id):
        result = self.gateways.graphql(OPERATION, {"id": operation_id}, TENANT)["result"]
        return result["state"] != "InProgress" and result

    def provision(self, state):
        """A runtime is provisioned, then upgraded."""
        name = f"c-{threading.get_ident() % 9973}-{state.setdefault('number', 0)}"
        state["number"] += 1
        made = self.mutate(f"provision-{name}", PROVISION, {"name": name})
        for result in (made, None):
            if result is None:
                result = self.mutate(f"upgrade-{name}", UPGRADE, {"id": made["runtimeID"]})
            ended = wait_for(f"operation {result['id']} ends", lambda: self.operation_ended(result["id"]), SLOWEST_S, 0.5)
            if ended["state"] != "Succeeded":
                self.problems.append(f"{ended}")


class Relay:
    """Work that does not run out, however long the faults take: before an orchestration ends, the next one begins."""

    def __init__(self, test, targets):
        self.test, self.targets, self.names, self.looks, self.idle = test, targets, [], 0, 0
        self.stop, self.problems = threading.Event(), []
        self.begin_next()
        self.thread = threading.Thread(target=self.guarded, daemon=True)
        self.thread.start()

    def guarded(self):
        try:
            while not self.stop.wait(0.5):
                self.look()
        except Exception as error:  # pylint: disable=broad-except; whatever it is, the test has failed
            self.problems.append(f"{type(error).__name__}: {error}")

    def look(self):
        value = self.test.orchestration(self.names[-1])
        stats = value.get("operationStats") or {}
        left = sum(stats.get(state, 0) for state in ("pending", "in progress"))
        self.looks += 1
        self.idle += value["state"] == "succeeded"
        if value["state"] == "succeeded" or (value["state"] == "in progress" and stats and left <= RELAY_LEFT):
            self.begin_next()

    def begin_next(self):
        key = f"relay-{len(self.names)}"
        self.names.append(self.test.post(upgrade_body({"planName": AGAIN_PLAN}), key, self.targets))

    def end(self):
        """Gives the orchestrations, and judges whether there was one to meet the faults."""
        self.stop.set()
        self.thread.join(SLOWEST_S)
        rests = [f"at {self.idle} of {self.looks} looks there was none"]
        self.test.verdicts.judge("orchestrations went on as long as faults happened",
                                 self.problems + (rests if self.idle > IDLE_SHARE_MAX * self.looks else []),
                                 f"{len(self.names)}, {rests[0]}")
        return self.names


class Faults:
    """Each service's faults in a thread of its own; those of Kafka, PostgreSQL and the frozen one between them."""

    def __init__(self, system, seed):
        self.system, self.problems, self.threads = system, [], []
        self.lock, self.done, self.total, self.kinds = threading.Lock(), 0, 0, {}
        for service in PROCESSES:
            plan = random.Random(f"{seed} {service}")
            faults = [("random", plan.uniform(*RANDOM_DELAY_S)) for _ in range(RANDOM_KILLS)]
            if service != "api-gateway":
                faults += [(point, plan.randint(1, CRASH_COUNT_MAX)) for point in CRASH_POINTS]
            plan.shuffle(faults)
            self.total += len(faults)
            self.threads.append(threading.Thread(target=self.guarded, args=(service, faults), daemon=True))

    def start(self):
        for thread in self.threads:
            thread.start()

    def guarded(self, service, faults):
        try:
            self.run(service, faults)
        except Exception as error:  # pylint: disable=broad-except; a fault that did not happen fails the test
            self.problems.append(f"{type(error).__name__}: {error}")
            with self.lock:
                self.done = self.total  # nobody is to wait for the rest

    def run(self, service, faults):
        processes = [process for process in self.system.processes.values() if process.service == service]
        randoms = 0
        for kind, value in faults:
            process = processes[0]
            if kind == "random":
                process = processes[randoms % len(processes)]
                randoms += 1
                process.wait_ready()
                time.sleep(value)
                process.kill()
                say(f"{process.name} killed, after {value:.1f} s")
                process.start()
            else:
                process.kill()
                process.start(f"{kind}:{value}")
                process.crashed(kind)
                say(f"{process.name} died at {kind}, reached for time {value}")
                process.start()
            with self.lock:
                self.done += 1
                self.kinds[(service, kind)] = self.kinds.get((service, kind), 0) + 1
        for process in processes:
            process.wait_ready()

    def wait_share(self, share):
        wait_for(f"{share:.0%} of the faults", lambda: self.done >= share * self.total, SLOWEST_S)

    def kill_components(self):
        for share, name in ((1 / 4, "postgres"), (1 / 2, "kafka")):
            self.wait_share(share)
            say(f"{name} killed")
            self.system.kill_component(name)
            self.system.start_component(name)
            say(f"{name} is back")
            self.kinds[(name, "killed")] = 1

    def write_as_zombies(self):
        """The owners' next appends come to other offsets than they expect."""
        services = {topic: [process for process in self.system.processes.values() if process.service == service]
                    for service, topic in rebuild.EVENTS.items()}
        marks = {process.name: process.mark() for owners in services.values() for process in owners}
        for topic in TOPICS:
            self.write_as_zombie(f"{topic}.events")
        for topic, owners in services.items():
            wait_for(f"the owner of the partition of {topic}.events is surprised",
                     lambda o=owners: any("an append came to offset" in p.said(marks[p.name]) for p in o))
        say("their owners noticed")

    def write_as_zombie(self, topic):
        """A record that follows from no accepted one, as a process writes it that does not know that others went on."""
        partition, records = max(read_topic(self.system.kafka, topic).items(), key=lambda item: len(item[1]))
        subprocess.run(["kcat", "-b", self.system.kafka, "-P", "-t", topic, "-p", str(partition)],
                       input=records[-1][1], check=True)
        say(f"a void record was written into {topic}, partition {partition}")
        self.kinds[(topic, "void")] = 1

    def join(self):
        for thread in self.threads:
            thread.join()

    def freeze(self, frozen, other):
        """One stands still until the other has all partitions; then it wakes, and believes that it owns some."""
        partitions = int(self.system.env["TIDEGATE_PARTITIONS"])

        def shared():
            has, others = frozen.assigned(), other.assigned()
            return has > 0 and others > 0 and has + others == partitions and has

        say(f"{frozen.name} frozen, with {wait_for('both provisioners have partitions', shared)} partitions")
        frozen.child.send_signal(signal.SIGSTOP)
        try:
            wait_for(f"{other.name} takes all partitions over", lambda: other.assigned() == partitions)
            other.wait_ready()
            say(f"{other.name} has all partitions and is ready")
        finally:
            mark = frozen.mark()
            frozen.child.send_signal(signal.SIGCONT)
        noticed = ("partition_revoked", "process_failed")
        wait_for("the woken provisioner notices", lambda: any(word in frozen.said(mark) for word in noticed))
        wait_for("it has partitions again", lambda: "partition_restored" in frozen.said(mark))
        frozen.wait_ready()
        other.wait_ready()
        say(f"{frozen.name} woke, lost its partitions, and has some again")
        self.kinds[(frozen.name, "frozen")] = 1

    def missing(self):
        wanted = {(service, "random"): RANDOM_KILLS for service in PROCESSES}
        wanted.update({(service, point): 1 for service in PROCESSES if service != "api-gateway"
                       for point in CRASH_POINTS})
        wanted.update({("postgres", "killed"): 1, ("kafka", "killed"): 1, ("provisioner", "frozen"): 1,
                       ("provisioner-1", "frozen"): 1})
        wanted.update({(f"{topic}.events", "void"): 1 for topic in TOPICS})
        return [f"{service} {kind}: {self.kinds.get((service, kind), 0)} of {count} times"
                for (service, kind), count in wanted.items() if self.kinds.get((service, kind), 0) < count]


class Test:
    def __init__(self, count, seconds, seed):
        self.verdicts, self.seconds, self.seed = Verdicts(), seconds, seed
        self.lines, self.targets = [], {}
        self.system = System({"default": {"durationMs": STAGE_MS}, "rules": RULES},
                             {"TIDEGATE_ORCHESTRATIONS_MAX": str(LANE_ORCHESTRATIONS)})
        self.system.start(PROCESSES)
        self.gateways = Gateways(self.system, ["api-gateway", "api-gateway-1"])
        self.count = count
        say(f"up: {self.system.run}, seed {seed}")

    def orchestration(self, name):
        return self.gateways.insist("GET", f"/orchestrations/{name}")

    def wait_ended(self, name, patience_s):
        def ended():
            value = self.orchestration(name)
            return value["state"] not in ("pending", "in progress") and value

        return wait_for(f"orchestration {name} ends", ended, patience_s, 1)

    def post(self, body, key, targets, lane="kyma"):
        name = self.gateways.insist("POST", f"/upgrade/{lane}", body, key=key, status=(202,))["orchestrationID"]
        self.targets[name] = targets
        return name

    def run(self):
        self.lines = fleet(self.count, self.seconds)
        import_lines(self.gateways, self.lines)
        faults = Faults(self.system, self.seed)
        faults.start()  # they meet the resolving of targets, too
        main = self.post(upgrade_body({"target": "all"}, "maintenanceWindow"), "main",
                         [line["runtimeID"] for line in self.lines])
        wait_for("the targets are resolved", lambda: self.orchestration(main)["state"] == "in progress")
        say(f"{main} goes on, {self.orchestration(main)['operationStats']}")
        clients = Clients(self.gateways, main, self.count)
        clients.start()
        operators = Operators(self.gateways, OPERATED)
        operators.start()
        again = [line["runtimeID"] for line in self.lines if line["planName"] == AGAIN_PLAN]
        relay = Relay(self, again)
        clusters = self.post(upgrade_body({"planName": AGAIN_PLAN}), "again", again, "cluster")
        faults.kill_components()
        faults.join()
        provisioners = [self.system.processes[name] for name in ("provisioner-1", "provisioner")]
        if not faults.problems:
            faults.write_as_zombies()
            faults.freeze(*provisioners)
            faults.freeze(*reversed(provisioners))
        say(f"the last fault is over: {self.orchestration(main)['operationStats']}")
        self.verdicts.judge("every fault happened", faults.problems + faults.missing(), f"{faults.done} kills")
        self.finish([main, *relay.end(), clusters], clients, operators)

    def finish(self, names, clients, operators):
        self.wait_ended(names[0], SLOWEST_S)
        operators.stop.set()
        clients.end()
        operators.end()
        for name in names:
            count = len(self.targets[name])
            value = self.wait_ended(name, SLOWEST_S)
            self.verdicts.judge(f"the orchestration of {count} runtimes succeeded",
                                [] if value["state"] == "succeeded" and value["operationStats"] == {"succeeded": count}
                                else [json.dumps(value)])
        for number, name in clients.ids.items():
            self.wait_ended(name, 60)
            self.targets[name] = [self.lines[number % self.count]["runtimeID"]]
            clients.post_again(number)
        self.targets.update(operators.targets)
        self.verdicts.judge("retries and cancels did what they said", operators.problems, operators.seen())
        self.verdicts.judge("operationStats are the numbers of operations",
                            counts_differ(self.gateways, self.targets), f"{len(self.targets)} orchestrations")
        self.verdicts.judge("what clients saw was true", clients.problems,
                            f"{clients.reads} reads, {clients.repeats} posts with {len(clients.ids)} keys, "
                            f"{clients.newcomers} imports")
        made = self.system.sql("SELECT count(*) FROM provisioner.operation o JOIN provisioner.runtime r "
                           f"USING (partition, runtime_id) WHERE r.tenant = '{TENANT}'")
        self.verdicts.judge("each GraphQL mutation made one operation",
                            [] if made == [[str(len(clients.mutations))]] else [f"there are {made}"],
                            f"{len(clients.mutations)} mutations")
        total = self.gateways.insist("GET", "/orchestrations")["totalCount"]
        processes = self.system.processes.values()
        deaths = [f"{process.name}: {death}" for process in processes for death in process.deaths]
        for death in deaths:
            say(f"ended by itself, and was started again: {death}")
        ended = [f"{process.name}: {process.said()[-300:]}" for process in processes if not process.runs()]
        self.verdicts.judge("processes end by themselves only when they must", ended + deaths[OWN_DEATHS_MAX:],
                            f"{len(deaths)} times")
        self.verdicts.judge("each key made one orchestration",
                            [] if total == len(self.targets) else [f"there are {total}, not {len(self.targets)}"])

    def judge(self):
        """What can be seen when nothing goes on any more. Gives how many properties hold, and how many do not."""
        rebuild.wait_settled(self.system)
        targets = self.system.run / "targets.json"
        targets.write_text(json.dumps(self.targets))
        say("topics and ledger")
        judged = subprocess.run([sys.executable, Path(__file__).with_name("checker.py"), self.system.kafka,
                                 self.system.ledger, targets], check=False, stdout=subprocess.PIPE, text=True)
        *lines, closing = judged.stdout.rstrip().splitlines() or ["checker.py said nothing"]
        print("\n".join(lines), flush=True)
        say("read models")
        rebuild.check_read_models(self.system, self.verdicts)
        words = closing.split()
        return (int(words[0]), int(words[2])) if closing.endswith(" failed") else (0, 1)


def main(arguments):
    count, seconds = int(arguments[0]) if arguments else 500, float(arguments[1]) if len(arguments) > 1 else 130
    begun, passed, failed, test = time.monotonic(), 0, 0, None
    try:
        test = Test(count, seconds, int(os.environ.get("TIDEGATE_SEED") or SEED))
        test.run()
        passed, failed = test.judge()
    except Broken as error:
        print(f"FAILED  {error}")
        failed += 1
    finally:
        if test:
            test.system.end()
    if test:
        passed, failed = passed + len(test.verdicts.passed), failed + len(test.verdicts.failed)
    say(f"took {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
