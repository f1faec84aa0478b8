"""A system on a real Kafka and PostgreSQL of its own, whose processes can be killed and started again one by one."""

import contextlib
import http.client
import json
import os
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OFFSETS = {"api-gateway": 0, "broker": 1, "orchestrator": 2, "scheduler": 3, "provisioner": 4}
SCHEMAS = ("broker", "orchestrator", "scheduler", "provisioner")
PATIENCE_S = 180  # for what takes a second on an idle machine
FORGETS_S = 60  # how long after a crash of PostgreSQL read models may be older than what was told (decision 0002)


class Broken(Exception):
    """The system did not do in time what it must do."""


def wait_for(what, condition, patience_s=PATIENCE_S, pause_s=0.1):
    """Gives the first true value of `condition()`."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Broken(f"{what}: not within {patience_s} s")
        time.sleep(pause_s)


class Process:
    """A process of a service, started as often as it is wanted.

    One that cannot go on says so and ends, for whoever runs it to start it again: `supervise` does."""

    def __init__(self, system, service, index):
        self.system, self.service, self.index, self.env = system, service, index, system.env
        self.name = service if index == 0 else f"{service}-{index}"
        self.port = int(system.env["TIDEGATE_PORT"]) + OFFSETS[service] + 10 * index
        self.program, self.run = system.bin / service, system.run
        self.log, self.child, self.log_from = system.run / "log" / f"{self.name}.log", None, 0
        self.crash_point, self.deaths, self.lock = "", [], threading.RLock()

    def start(self, crash_point=""):
        env = dict(self.env, TIDEGATE_INSTANCE=f"{self.service}-{self.index}", TIDEGATE_PROCESS=self.name,
                   TIDEGATE_LISTEN=f"127.0.0.1:{self.port}")
        if self.system.ended:
            raise Broken("the test is over")
        if crash_point:
            env["TIDEGATE_CRASH_POINT"] = crash_point
        self.crash_point = crash_point
        with open(self.log, "ab") as log:
            self.log_from = log.tell()
            self.child = subprocess.Popen([self.program], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          start_new_session=True)
        # So that deploy/dev/down finds it, whatever becomes of the test.
        (self.run / "pid" / self.name).write_text(f"{self.child.pid}\n")

    def mark(self):
        """Where its log ends now."""
        return self.log.stat().st_size

    def said(self, mark=None):
        """What it has logged since then, or since it was started."""
        with open(self.log, "rb") as log:
            log.seek(self.log_from if mark is None else mark)
            return log.read().decode(errors="replace")

    def runs(self):
        return self.child.poll() is None

    def supervise(self):
        with self.lock:
            if self.child.poll() == 1 and "process_failed" in self.said():
                self.deaths.append(self.said().rstrip().splitlines()[-1])
                self.start(self.crash_point)

    def kill(self):
        with self.lock:
            self.supervise()
            self.child.kill()
            status = self.child.wait()
        if status != -signal.SIGKILL:
            raise Broken(f"{self.name} ended with {status}: {self.said()[-600:]}")

    def crashed(self, point, patience_s=PATIENCE_S):
        """Waits until it has killed itself at `point`."""

        def ended():
            with self.lock:
                self.supervise()
                return self.child.poll()

        status = wait_for(f"{self.name} reaches {point}", ended, patience_s)
        said = self.said()
        if status != -signal.SIGKILL or "crash_point_reached" not in said or point not in said.splitlines()[-1]:
            raise Broken(f"{self.name} ended with {status} instead of by SIGKILL at {point}: {said[-600:]}")

    def fetch(self, path):
        """(status, text), or (0, "") where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def ready(self):
        self.supervise()
        if not self.runs():
            raise Broken(f"{self.name} ended with {self.child.returncode}: {self.said()[-600:]}")
        return self.fetch("/readyz")[0] == 200

    def wait_ready(self, patience_s=PATIENCE_S):
        try:
            wait_for(f"{self.name} is ready", self.ready, patience_s)
        except Broken as error:
            raise Broken(f"{error}: {self.fetch('/readyz')[1] or self.said()[-300:]}") from None

    def assigned(self):
        """How many partitions the group gives it; 0 where it does not say."""
        for line in self.fetch("/metrics")[1].splitlines():
            if line.startswith("tidegate_partitions_assigned "):
                return int(float(line.split()[1]))
        return 0


class System:
    """Kafka, PostgreSQL, one process of each service, and as many more as asked for."""

    def __init__(self, scenario, settings=None):
        self.settings = settings or {}
        os.environ.setdefault("TIDEGATE_RUN", str(ROOT / ".run-test" / "chaos"))
        os.environ.setdefault("TIDEGATE_PORT", "18980")
        # Ports that nobody else looks for: with any that is found to be free, two systems could meet in one Kafka.
        for offset, name in enumerate(("KAFKA_PORT", "KAFKA_CONTROLLER_PORT", "PG_PORT"), 60):
            os.environ.setdefault(f"TIDEGATE_{name}", str(int(os.environ["TIDEGATE_PORT"]) + offset))
        self.run = Path(os.environ["TIDEGATE_RUN"])
        self.bin = ROOT / os.environ.get("BUILD", "build") / "bin"
        self.processes, self.ended, self.postgres_killed = {}, False, None
        self.call("deploy/dev/down", "--wipe")
        try:
            self.open(scenario)
        except BaseException:
            self.end()
            raise

    def open(self, scenario):
        if not (self.bin / "tidegate-topics").exists():
            raise Broken(f"{self.bin} is empty: run make")
        self.call("deploy/dev/up", "--components")
        self.env = dict(os.environ)
        for line in (self.run / "env").read_text().splitlines():
            if line.startswith("export "):
                name, _, value = shlex.split(line)[1].partition("=")
                self.env[name] = value
        self.env.update(self.settings)
        self.env["TIDEGATE_SIMULATOR_SCENARIO"] = str(self.run / "scenario.json")
        (self.run / "scenario.json").write_text(json.dumps(scenario))
        self.ledger = Path(self.env["TIDEGATE_SIMULATOR_LEDGER"])
        self.kafka = self.env["TIDEGATE_KAFKA"]
        self.token = subprocess.run([self.bin / "tidectl", "token"], env=self.env, check=True, capture_output=True,
                                    text=True).stdout.strip()

    def call(self, *command):
        done = subprocess.run(command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise Broken(f"{' '.join(command)}: {done.stdout.strip()[-600:]}")

    def start(self, counts):
        """`counts`: how many processes of each service."""
        for service, count in counts.items():
            for index in range(count):
                process = Process(self, service, index)
                self.processes[process.name] = process
                process.start()
        for process in self.processes.values():
            process.wait_ready()
        threading.Thread(target=self.supervise, daemon=True).start()

    def supervise(self):
        with contextlib.suppress(Broken):  # the test is over
            while not self.ended:
                for process in self.processes.values():
                    process.supervise()
                time.sleep(0.5)

    def end(self):
        self.ended = True
        for process in self.processes.values():
            if process.child and process.runs():
                process.child.send_signal(signal.SIGCONT)
        self.call("deploy/dev/down")

    def kill_component(self, name):
        """Kills Kafka or PostgreSQL without warning."""
        pid = int((self.run / "pid" / name).read_text())
        if name == "postgres":
            self.postgres_killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(f"{name} is gone", lambda: not alive(pid), 20)

    def forgets(self):
        """May read models be older than what was told?"""
        return self.postgres_killed is not None and time.monotonic() - self.postgres_killed < FORGETS_S

    def start_component(self, name):
        self.call({"kafka": "deploy/dev/kafka/kafka", "postgres": "deploy/dev/postgres"}[name], "start")

    def sql(self, statements):
        """Rows as lists of texts."""
        done = subprocess.run(["psql", "-X", "-q", "-t", "-A", "-F", "\t", "-v", "ON_ERROR_STOP=1",
                               self.env["TIDEGATE_DATABASE"], "-f", "-"], input=statements, check=False,
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken(f"{statements.strip()[:200]}: {done.stderr.strip()}")
        return [line.split("\t") for line in done.stdout.splitlines()]


def alive(pid):
    """A process whose first thread is dead has its ports as long as another one is not."""
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z" or len(os.listdir(f"/proc/{pid}/task")) > 1
    return False


class Gateways:
    """A client that takes the gateways in turn. Safe to use from several threads."""

    def __init__(self, system, names):
        self.ports, self.token = [system.processes[name].port for name in names], system.token
        self.system = system
        self.lock, self.turn = threading.Lock(), 0

    def next_port(self):
        with self.lock:
            self.turn += 1
            return self.ports[self.turn % len(self.ports)]

    def ask(self, method, path, body=None, key=None, patience_s=15, tenant=None, content_type="application/json"):
        """(status, value of the answer), or (0, None) where no answer came: the gateway died, or is not there."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = content_type
        if key is not None:
            headers["Idempotency-Key"] = key
        if tenant is not None:
            headers["Tenant"] = tenant
        connection = http.client.HTTPConnection("127.0.0.1", self.next_port(), timeout=patience_s)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text)
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def insist(self, method, path, body=None, key=None, status=(200, 202), patience_s=PATIENCE_S, **more):
        """Asks again, through another gateway, as long as one is not there, does not know what became of it, with a key
        is still at it, or what was made is not seen because PostgreSQL crashed."""
        again = (0, 503, 504) if key is None else (0, 409, 503, 504)

        def asked():
            got, value = self.ask(method, path, body, key, **more)
            if got == 404 and self.system.forgets():
                return None
            if got not in (*again, *status):
                raise Broken(f"{method} {path}: {got} {value}")
            return got in status and (value,)

        return wait_for(f"{method} {path}", asked, patience_s, 0.3)[0]

    def graphql(self, query, variables, tenant, key=None, patience_s=PATIENCE_S):
        """The same for a GraphQL document: `data`, as soon as nothing says 503 or 504."""

        def asked():
            got, value = self.ask("POST", "/graphql", json.dumps({"query": query, "variables": variables}), key,
                                  tenant=tenant)
            codes = [error["extensions"]["error_code"] for error in (value or {}).get("errors", [])]
            if got not in (0, 200, 409, 503, 504) or not all(code in (409, 503, 504) for code in codes):
                raise Broken(f"POST /graphql: {got} {value}")
            return got == 200 and not codes and (value["data"],)

        return wait_for("POST /graphql", asked, patience_s, 0.3)[0]
