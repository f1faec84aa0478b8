"""What the end-to-end tests share: a system of their own, HTTP, tokens, the topics, and counting.

A system runs in TIDEGATE_RUN with TIDEGATE_PORT, which tests/run gives; without them in .run-e2e on port 18480. With
KEEP=1 it is left running, and found again by the next run.

Nothing here may depend on how fast the machine is: what should come is awaited with PATIENCE_S as deadline, and what
must still be under way while others look is held (System.held), not slow."""
import base64
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("api-gateway", "broker", "orchestrator", "scheduler", "provisioner")
BOTH_GROUPS = "runtimeAdmin,runtimeOperator"
PATIENCE_S = 120  # for what should come soon; a machine that is overloaded must not be what fails
FINAL = ("succeeded", "failed", "canceled")
NO_WINDOW = "0001-01-01T00:00:00Z"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# --- Counting ---

class Suite:
    """Counts cases: each is a `with suite.case("E1: …")` block that raises if the behaviour is not there."""

    def __init__(self):
        self.passed = self.failed = 0
        self.began = time.monotonic()

    @contextlib.contextmanager
    def case(self, name):
        try:
            yield
        except Exception as error:  # whatever it is, this case has failed and the next ones go on
            self.failed += 1
            # The line of the case: behind the frame that stands here.
            where = traceback.extract_tb(error.__traceback__)[1]
            print(f"FAILED {name}\n       {type(error).__name__}: {error} ({pathlib.Path(where.filename).name}:"
                  f"{where.lineno})", flush=True)
        else:
            self.passed += 1
            print(f"ok     {name}", flush=True)

    def run(self, group, cases, system):
        """All cases of a module; what it fails in outside a case counts as one."""
        print(f"== {group}, after {time.monotonic() - self.began:.0f} s", flush=True)
        try:
            cases(self, system)
        except Exception as error:
            self.failed += 1
            where = traceback.extract_tb(error.__traceback__)[1]
            print(f"FAILED {group} ended early\n       {type(error).__name__}: {error} ("
                  f"{pathlib.Path(where.filename).name}:{where.lineno})", flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def equal(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what + ': ' if what else ''}got {repr(got)[:800]}, expected {repr(want)[:800]}")


def shown_time(text):
    """A timestamp as a number, for comparing."""
    return datetime.datetime.fromisoformat(text).timestamp()


def holds(got, part, where="body"):
    """`part` is in `got`: members that are not named do not matter. A compiled pattern stands for matching texts."""
    if isinstance(part, dict):
        if not isinstance(got, dict):
            raise AssertionError(f"{where}: got {got!r}, expected an object")
        for name, value in part.items():
            if name not in got:
                raise AssertionError(f"{where}.{name} is missing in {got!r}")
            holds(got[name], value, f"{where}.{name}")
    elif isinstance(part, list):
        if not isinstance(got, list) or len(got) != len(part):
            raise AssertionError(f"{where}: got {got!r}, expected {part!r}")
        for i, value in enumerate(part):
            holds(got[i], value, f"{where}[{i}]")
    elif isinstance(part, re.Pattern):
        if not isinstance(got, str) or not part.fullmatch(got):
            raise AssertionError(f"{where}: got {got!r}, expected a text like {part.pattern}")
    elif got != part or isinstance(got, bool) != isinstance(part, bool):
        raise AssertionError(f"{where}: got {got!r}, expected {part!r}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def wait_for(what, condition, limit_s=PATIENCE_S, pause_s=0.05):
    """The first true value of `condition`."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {limit_s} s")
        time.sleep(pause_s)
    return value


# --- HTTP ---

class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.text[:300]}"


def request(port, method, target, body=None, headers=None, limit_s=PATIENCE_S):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


# --- The topics ---

def murmur2(key):
    """As Kafka's own partitioner has it."""
    mask, mix = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(key)
    for i in range(0, len(key) - len(key) % 4, 4):
        part = int.from_bytes(key[i:i + 4], "little") * mix & mask
        part = (part ^ part >> 24) * mix & mask
        value = value * mix & mask ^ part
    rest = key[len(key) - len(key) % 4:]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * mix & mask
    value = (value ^ value >> 13) * mix & mask
    return value ^ value >> 15


def partition_of(key, partitions):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


# --- The system ---

def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# Of an operation `o`: under which name GET /runtimes lists those of its type.
KIND = "CASE o.type WHEN 'upgradeKyma' THEN 'upgradingKyma' ELSE 'upgradingCluster' END"


class System:
    """Kafka, PostgreSQL and the five services, started by deploy/dev/up and ended by deploy/dev/down."""

    def __init__(self, scenario, settings=None, partitions=12, run=None):
        self.run = pathlib.Path(run or os.environ.get("TIDEGATE_RUN") or ROOT / ".run-e2e")
        self.port = int(os.environ.get("TIDEGATE_PORT") or 18480)
        self.bin = ROOT / os.environ.get("BUILD", "build") / "bin"
        self.scenario = scenario
        # Ports of its own for everything: two systems that start at one moment must not choose the same free one.
        ports = {"TIDEGATE_KAFKA_PORT": self.port + 95, "TIDEGATE_KAFKA_CONTROLLER_PORT": self.port + 96,
                 "TIDEGATE_PG_PORT": self.port + 97}
        # Where it is not what is tested, no request is given up.
        self.env = {"TIDEGATE_REQUEST_TIMEOUT": f"{PATIENCE_S - 20}s", **os.environ, "TIDEGATE_RUN": str(self.run),
                    "TIDEGATE_PORT": str(self.port),
                    **{name: os.environ.get(name) or str(port) for name, port in ports.items()},
                    "TIDEGATE_SIMULATOR_SCENARIO": str(self.run / "scenario.json"), **(settings or {})}
        self.env["TIDEGATE_PARTITIONS"] = str(partitions)
        self.partitions, self.tokens = partitions, {}
        self.holds, self.holders, self.holding = self.run / "holds", {}, threading.Lock()

    def __enter__(self):
        shutil.rmtree(self.holds, ignore_errors=True)
        self.holds.mkdir(parents=True)
        self.rehearse(self.scenario)
        try:
            self.command("deploy/dev/up")
        except BaseException:
            self.__exit__()
            raise
        found = re.findall(r"^export (TIDEGATE_\w+)=(.*)$", (self.run / "env").read_text(), re.M)
        self.settings = {name: value.replace("\\", "") for name, value in found}
        self.kafka, self.database = self.settings["TIDEGATE_KAFKA"], self.settings["TIDEGATE_DATABASE"]
        return self

    def __exit__(self, *_):
        if not os.environ.get("KEEP"):
            self.command("deploy/dev/down", check=False)

    def wipe(self):
        self.command("deploy/dev/down", "--wipe", check=False)

    def command(self, *words, check=True, limit_s=600, settings=None, stdin=None):
        # Through files: what a script leaves running holds its pipes open.
        done = subprocess.run(words, cwd=ROOT, env={**self.env, **(settings or {})}, timeout=limit_s, input=stdin,
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def tidectl(self, *words, settings=None, stdin=None):
        return self.command(str(self.bin / "tidectl"), *words, check=False, settings=settings, stdin=stdin)

    def spawn(self, *words):
        """tidectl as a process that runs beside the test, with all that it says on stdout."""
        return subprocess.Popen([self.bin / "tidectl", *words], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    # Processes

    def service_port(self, service):
        return self.port + SERVICES.index(service)

    def pid(self, name):
        return int((self.run / "pid" / name).read_text())

    def stop(self, service):
        self.command("deploy/dev/service", "stop", service)

    def start(self, service, *variables):
        self.command("deploy/dev/service", "start", service, *variables)

    def restart(self, *services):
        for service in services:
            self.stop(service)
        for service in services:
            self.start(service)

    @contextlib.contextmanager
    def frozen(self, name):
        """A process that stands still, as a machine that is overloaded does."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    # Clusters

    def rehearse(self, scenario):
        """What becomes of stages when the provisioner starts the next time."""
        (self.run / "scenario.json").write_text(json.dumps({"holds": str(self.holds), **scenario}))

    @contextlib.contextmanager
    def held(self, *names):
        """No stage of these runtimes (RUNTIME, or RUNTIME.STAGE; without any: of all) ends until this does."""
        paths = [self.holds / name for name in names or ["all"]]
        with self.holding:
            for path in paths:
                self.holders[path] = self.holders.get(path, 0) + 1
                path.touch()
        try:
            yield
        finally:
            with self.holding:
                for path in paths:
                    self.holders[path] -= 1
                    if not self.holders[path]:
                        path.unlink()

    def log_lines(self, service):
        for line in (self.run / "log" / f"{service}.log").read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    # Tokens

    def token(self, groups=BOTH_GROUPS):
        if groups not in self.tokens:
            done = self.tidectl("token", "--groups", groups)
            equal(done.returncode, 0, "tidectl token")
            self.tokens[groups] = done.stdout.strip()
        return self.tokens[groups]

    def token_signed(self, key=None, header=None, **claims):
        """A token with other claims than tidectl's, signed with the development key (or another one)."""
        first = self.token().split(".")
        padded = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in first[:2]]
        text = ".".join(base64url(json.dumps(part).encode()) for part in
                        ({**padded[0], **(header or {})}, {**padded[1], **claims}))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key or self.run / "oidc" / "key.pem"],
                                   input=text.encode(), capture_output=True, check=True).stdout
        return f"{text}.{base64url(signature)}"

    # HTTP

    def ask(self, method, target, body=None, token=True, headers=None, limit_s=PATIENCE_S):
        """`body`: text, bytes or what JSON can hold. `token`: True both groups, None without, or a token."""
        if isinstance(body, str):
            body = body.encode()
        elif body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + (self.token() if token is True else token)
        return request(self.port, method, target, body, headers, limit_s)

    def get(self, target, status=200):
        answer = self.ask("GET", target)
        if answer.status != status:
            raise AssertionError(f"GET {target}: {answer}")
        return answer.json

    # What tests do again and again

    def import_lines(self, lines):
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        answer = self.ask("POST", "/instances:import", text)
        if answer.status != 200:
            raise AssertionError(f"POST /instances:import: {answer}")
        return answer.json

    def import_fleet(self, account, runtime_ids, **more):
        """Runtimes of one global account; all must be new or unchanged."""
        for first in range(0, len(runtime_ids), 500):  # in parts: a busy machine's Kafka answers a large one late
            part = runtime_ids[first:first + 500]
            report = self.import_lines([runtime_line(runtime_id, globalAccount=account, **more) for runtime_id in part])
            equal(report["rejected"], [], "rejected lines")
            equal(report["imported"] + report["unchanged"], len(part), "lines imported")

    def upgrade(self, *, include, headers=None, **body):
        """The ID of a new orchestration."""
        exclude = body.pop("exclude", None)
        targets = {"include": include, **({"exclude": exclude} if exclude else {})}
        answer = self.ask("POST", "/upgrade/kyma", {"targets": targets, **body}, headers=headers)
        if answer.status != 202:
            raise AssertionError(f"POST /upgrade/kyma: {answer}")
        return answer.json["orchestrationID"]

    def orchestration(self, orchestration_id):
        return self.get(f"/orchestrations/{orchestration_id}")

    def runs(self, orchestration_id, *runtime_ids):
        """Waits until the operations of these runtimes run."""
        wait_for(f"{', '.join(runtime_ids)} are upgraded", lambda: all(
            (it := self.operations(orchestration_id)).get(runtime_id, {}).get("state") == "in progress"
            for runtime_id in runtime_ids))

    def operations(self, orchestration_id):
        """By runtime ID."""
        found, page = {}, 1
        while True:
            answer = self.get(f"/orchestrations/{orchestration_id}/operations?page={page}")
            found.update((operation["runtimeID"], operation) for operation in answer["data"])
            if answer["count"] == 0 or len(found) >= answer["totalCount"]:
                return found
            page += 1

    def ended(self, orchestration_id, limit_s=PATIENCE_S):
        """The orchestration when it has ended, and the instances know: they are told beside it, not before it."""
        ended = wait_for(f"orchestration {orchestration_id} ends", limit_s=limit_s, condition=lambda:
                         (it := self.orchestration(orchestration_id))["state"] in FINAL and it)
        self.known(orchestration_id)
        return ended

    def known(self, orchestration_id):
        """Waits until the rows of runtimes and instances tell what those of an orchestration that ended tell."""
        at_provisioner = ("SELECT count(*) FROM orchestrator.operation o LEFT JOIN provisioner.operation p USING"
                          f" (operation_id) WHERE o.orchestration_id = '{orchestration_id}' AND NOT o.dry_run AND"
                          " (o.state = 'succeeded' AND o.description NOT LIKE 'operation preempted%' OR"
                          " o.description LIKE 'provisioner client returns failed status:%') AND"
                          " p.state IS DISTINCT FROM o.state")
        at_broker = ("SELECT count(*) FROM provisioner.operation o JOIN provisioner.runtime r USING (operation_id) JOIN"
                     f" broker.instance i ON i.instance_id = r.instance_id WHERE o.orchestration_id ="
                     f" '{orchestration_id}' AND (i.upgrades #>> ARRAY[{KIND}, 'data', '0', 'operationID'],"
                     f" i.upgrades #>> ARRAY[{KIND}, 'data', '0', 'state']) IS DISTINCT FROM (o.operation_id, o.state)")
        for statement in (at_provisioner, at_broker):
            wait_for("runtimes and instances know", condition=lambda it=statement: self.sql(it) == "0")

    def reaches(self, orchestration_id, state, limit_s=PATIENCE_S):
        return wait_for(f"orchestration {orchestration_id} is {state}", limit_s=limit_s, condition=lambda:
                        (it := self.orchestration(orchestration_id))["state"] == state and it)

    def cancel(self, orchestration_id):
        return self.ask("PUT", f"/orchestrations/{orchestration_id}/cancel")

    def runtime(self, runtime_id, query=""):
        found = self.get(f"/runtimes?runtime_id={runtime_id}&state=all{query}")
        equal(found["totalCount"], 1, f"runtimes called {runtime_id}")
        return found["data"][0]

    # The topics and the tables

    def produce(self, topic, key, value):
        """Writes a message to a requests topic, as a service would."""
        partition = str(partition_of(key, self.partitions))
        subprocess.run(["kcat", "-b", self.kafka, "-P", "-t", f"{topic}.requests", "-p", partition, "-k", key],
                       input=json.dumps(value).encode(), check=True, timeout=PATIENCE_S, capture_output=True)

    def records(self, topic):
        """All records of an events topic, or all messages of a requests topic."""
        done = subprocess.run(["kcat", "-b", self.kafka, "-C", "-e", "-q", "-t", topic, "-o", "beginning"],
                              check=True, timeout=PATIENCE_S, capture_output=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def sql(self, statement):
        done = subprocess.run(["psql", "-X", "-qtA", "-d", self.database, "-c", statement], check=True,
                              timeout=PATIENCE_S, capture_output=True, text=True)
        return done.stdout.strip()


def runtime_line(runtime_id, **members):
    """One line of an import."""
    return {"runtimeID": runtime_id, "globalAccount": "ga-e2e", "subAccount": "sa-e2e", "planName": "azure",
            "region": "westeurope", "shootName": "c-" + runtime_id, "kymaVersion": "2.3.0", **members}


def wiped_on_success(suite, system):
    """Ends a script: the run folder stays where something failed."""
    code = suite.close()
    if code == 0 and not os.environ.get("TIDEGATE_RUN") and not os.environ.get("KEEP"):
        system.wipe()
    return code
