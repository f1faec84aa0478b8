"""GET /orchestrations/{id}/events: each event of the log once and in order, whatever happens to whom."""
import contextlib
import hashlib
import http.client
import itertools
import json
import socket
import subprocess
import threading
import time

from harness import PATIENCE_S, equal, has, wait_for

MANY = 300  # streams at once
FLEET = 4000  # runtimes of an orchestration with megabytes of events
SKEW_S = 30  # by which clocks may differ
STALL_S = 10  # within which a reader must take what waits for it
LIFETIMES = (3, 6, 12, 24, 48)  # of tokens, in seconds: longer ones where a machine did not answer in time
GENESIS = "0" * 64


class Stream:
    """A reader of server-sent events; `after`: Last-Event-ID."""

    def __init__(self, system, orchestration_id, after=None, query="", token=True, receive_size=None,
                 limit_s=PATIENCE_S):
        self.connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=limit_s)
        self.socket = self.connection.sock = socket.socket()
        if receive_size:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_size)
        self.socket.settimeout(limit_s)
        self.socket.connect(("127.0.0.1", system.port))
        headers = {"Accept": "text/event-stream"}
        if token:
            headers["Authorization"] = "Bearer " + (system.token() if token is True else token)
        if after is not None:
            headers["Last-Event-ID"] = after
        self.connection.request("GET", f"/orchestrations/{orchestration_id}/events{query}", headers=headers)
        self.response = self.connection.getresponse()
        self.status, self.headers = self.response.status, self.response.headers
        self.retries, self.last, self.deadline = [], after, time.monotonic() + 2 * limit_s

    def refusal(self):
        body = json.loads(self.response.read())
        self.close()
        return self.status, body["error"]

    def __iter__(self):
        """(id, type, data) until the server ends the stream."""
        fields = {}
        for line in self.response:
            line = line.decode().rstrip("\n")
            if line == "":
                if "data" in fields:
                    self.last = fields["id"]
                    yield fields["id"], fields["event"], fields["data"]
                fields = {}
            elif line.startswith(":"):
                if time.monotonic() > self.deadline:
                    raise AssertionError(f"nothing more comes after {self.last}")
            else:
                name, value = line.split(": ", 1)
                if name == "retry":
                    self.retries.append(value)
                if name in fields:
                    raise AssertionError(f"{name} twice in a message")
                fields[name] = value

    def take(self, count):
        return list(itertools.islice(self, count))

    def until(self, kind):
        """All up to the first of a kind."""
        taken = []
        for event in self:
            taken.append(event)
            if event[1].split(".")[2] == kind:
                return taken
        raise AssertionError(f"the stream ended before {kind}; it gave {len(taken)}, the last {taken[-1:]}")

    def close(self):
        self.connection.close()
        self.response.close()


@contextlib.contextmanager
def stream(*arguments, **more):
    opened = Stream(*arguments, **more)
    try:
        yield opened
    finally:
        opened.close()


def log_of(system, orchestration_id):
    """What a stream must give, read from the topic: (id, type, data)."""
    done = subprocess.run(["kcat", "-b", system.kafka, "-C", "-e", "-q", "-t", "orchestrations.events", "-o",
                           "beginning", "-f", "%p %o %s\n"], check=True, timeout=60, capture_output=True)
    found, last = [], {}
    for line in done.stdout.splitlines():
        partition, offset, text = line.split(b" ", 2)
        record = json.loads(text)
        if record["prev"] != last.get(partition, GENESIS):
            continue  # void
        last[partition] = hashlib.sha256(text).hexdigest()
        for index, event in enumerate(record["events"]):
            if event["subject"] == orchestration_id:
                data = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
                position = f"{partition.decode()}-{offset.decode()}-{index}-{last[partition][:16]}"
                found.append((position, event["type"], data))
    return found


def same(got, want, what):
    """Events are compared as JSON; each is one line."""
    equal([event[:2] for event in got], [event[:2] for event in want], what)
    for mine, theirs in zip(got, want):
        equal(json.loads(mine[2]), json.loads(theirs[2]), what)


def metric(system, name):
    for line in system.ask("GET", "/metrics", token=False).text.splitlines():
        if line.startswith(name + " ") or line.startswith(name + "{"):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def process(system, name):
    """A number of /proc/<pid>/status of the gateway."""
    for line in open(f"/proc/{system.pid('api-gateway')}/status", encoding="ascii"):
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise AssertionError(name)


def memory_limit(system, mebibytes):
    """In KiB. What is freed stays for a while under sanitizers."""
    return mebibytes * 1024 * (8 if "asan" in str(system.bin) else 1)


def started(system, account, count=6, prefix="ev", **more):
    """An orchestration over so many runtimes of an account."""
    system.import_fleet(account, [f"{prefix}-{account}-{i}" for i in range(count)])
    return system.upgrade(include=[{"globalAccount": f"^{account}$"}], **more)


def cases(suite, system):
    orchestration_id = started(system, "ga-events", strategy={"type": "parallel", "parallel": {"workers": 2}})
    other_id = started(system, "ga-events-other", prefix="bad-ev", count=2)
    system.ended(orchestration_id)
    system.ended(other_id)
    log = log_of(system, orchestration_id)
    reading(suite, system, orchestration_id, log)
    refusals(suite, system, orchestration_id, other_id, log)
    live(suite, system)
    expiry(suite, system)
    many(suite, system)
    slow(suite, system)


def reading(suite, system, orchestration_id, log):
    with suite.case("events: from the acceptance to the end, in the order of the log, each as it stands there"):
        with stream(system, orchestration_id) as it:
            equal((it.status, it.headers["Content-Type"], it.headers["Cache-Control"]),
                  (200, "text/event-stream", "no-store"))
            same(it.take(len(log)), log, "events")
        equal((log[0][1].split(".")[2], log[-1][1].split(".")[2]), ("accepted", "succeeded"))
    with suite.case("events: Last-Event-ID of each event: exactly the rest"):
        for i in range(len(log) - 1):
            with stream(system, orchestration_id, after=log[i][0]) as it:
                same(it.take(len(log) - i - 1), log[i + 1:], f"after {log[i][0]}")
    with suite.case("events: ?lastEventId= is the same, and the header wins"):
        with stream(system, orchestration_id, query=f"?lastEventId={log[3][0]}") as it:
            same(it.take(len(log) - 4), log[4:], "lastEventId")
        with stream(system, orchestration_id, query=f"?lastEventId={log[3][0]}", after=log[5][0]) as it:
            same(it.take(len(log) - 6), log[6:], "both")
    with suite.case("events: a position without its hash, and without its index"):
        for cut in (1, 2):
            with stream(system, orchestration_id, after=log[3][0].rsplit("-", cut)[0]) as it:
                rest = [e for e in log[4:] if cut == 1 or e[0].split("-")[1] != log[3][0].split("-")[1]]
                same(it.take(len(rest)), rest, "short")
    with suite.case("events: operators may read, others may not"):
        with stream(system, orchestration_id, token=system.token("runtimeOperator")) as it:
            equal(it.status, 200)
        with stream(system, orchestration_id, token=system.token("somebody")) as it:
            equal(it.status, 403)
        with stream(system, orchestration_id, token=False) as it:
            equal(it.status, 401)
    with suite.case("events: after the last one nothing, until something happens; the stream stays"):
        with stream(system, orchestration_id, after=log[-1][0]) as it:
            equal(it.status, 200)
            it.socket.settimeout(1)
            try:
                equal(it.take(1), [])
            except TimeoutError:
                pass
            else:
                raise AssertionError("the stream ended")


def refusals(suite, system, orchestration_id, other_id, log):
    partition, offset, index, digest = log[3][0].split("-")
    past = str(int(offset) + 100000)
    elsewhere = str((int(partition) + 1) % system.partitions)
    other = log_of(system, other_id)[0][0]
    for name, after, text in [
            ("not a position", "yesterday", "is not the id of an event"),
            ("half a position", partition + "-", "is not the id of an event"),
            ("a position with more behind it", log[3][0] + "-1", "is not the id of an event"),
            ("another partition's", f"{elsewhere}-{offset}-{index}-{digest}", f"partition {partition}"),
            ("past the end", f"{partition}-{past}-0-{digest}", "does not reach there"),
            ("past the end, without a hash", f"{partition}-{past}", "past the end"),
            ("another record's hash", f"{partition}-{offset}-{index}-{'0' * 16}", "another record"),
            ("an index that the record has not", f"{partition}-{offset}-77-{digest}", "no event of this orchestration"),
            ("another orchestration's", other, "no event of this orchestration"),
            ("before the acceptance", f"{partition}-0", "before the first event")]:
        with suite.case(f"events: 400 for a Last-Event-ID that is {name}"):
            if name == "before the acceptance" and log[0][0].split("-")[1] == "0":
                continue
            with stream(system, orchestration_id, after=after) as it:
                equal((it.status, it.headers["Content-Type"]), (400, "application/json"))
                has(it.refusal()[1], text)
    with suite.case("events: 404 for an unknown orchestration"):
        with stream(system, "not-there") as it:
            equal(it.refusal(), (404, "while getting orchestration not-there: there is no such orchestration"))
    with suite.case("events: 503 with Retry-After above TIDEGATE_EVENT_STREAMS_MAX, until one leaves"):
        system.stop("api-gateway")
        system.start("api-gateway", "TIDEGATE_EVENT_STREAMS_MAX=2")
        try:
            with stream(system, orchestration_id), stream(system, orchestration_id) as second:
                with stream(system, orchestration_id) as third:
                    equal(third.status, 503)
                    equal(int(third.headers["Retry-After"]) > 0, True)
                second.close()

                def joined():
                    with stream(system, orchestration_id) as it:
                        return it.status == 200
                wait_for("there is room again", joined)
        finally:
            system.restart("api-gateway")


def live(suite, system):
    with suite.case("events: a stream from the start and one that comes later get the same, as it happens"):
        orchestration_id = started(system, "ga-events-live", prefix="slow-ev", count=3)
        with stream(system, orchestration_id) as first:
            begun = first.until("progressed")
            with stream(system, orchestration_id) as second, \
                    stream(system, orchestration_id, after=begun[0][0]) as third:
                whole = second.until("succeeded")
                same(begun + first.until("succeeded"), whole, "the first")
                same(third.until("succeeded"), whole[1:], "the third")
        same(whole, log_of(system, orchestration_id), "the log")
    with suite.case("events: a stream of a failed one goes on when it is retried"):
        orchestration_id = started(system, "ga-events-retry", prefix="bad-evr", count=2)
        with stream(system, orchestration_id) as it:
            begun = it.until("failed")
            wait_for("a retry is taken", condition=lambda: system.ask(
                "POST", f"/orchestrations/{orchestration_id}/retry", "",
                headers={"Content-Type": "application/x-www-form-urlencoded"}).json["retryOperations"])
            again = it.until("failed")
        equal(again[0][1].split(".")[2], "retried")
        same(begun + again, log_of(system, orchestration_id)[:len(begun + again)], "both runs")


def lasting(system, seconds):
    """A token that is accepted for so long, and up to a second less; until when, since the epoch."""
    until = int(time.time()) + seconds
    return system.token_signed(exp=until - SKEW_S), until


def expiry(suite, system):
    with suite.case("events: a stream ends as a whole answer when its token expires; another token goes on with it"), \
            contextlib.ExitStack() as held:
        held.enter_context(system.held())
        orchestration_id = started(system, "ga-events-expiry", prefix="slow-evx", count=3)
        for seconds in LIFETIMES:
            token, until = lasting(system, seconds)
            with stream(system, orchestration_id, token=token) as it:
                got = list(it) if it.status == 200 else []
                ended = time.time()
            if got:
                break
        equal((until - 0.1 < ended < until + 10, it.retries), (True, ["1000", "1000"]))
        with stream(system, orchestration_id, token=lasting(system, -1)[0], after=got[-1][0]) as it:
            equal(it.refusal(), (401, "the token has expired"))
        held.close()
        with stream(system, orchestration_id, after=got[-1][0]) as it:
            got += it.until("succeeded")
        same(got, log_of(system, orchestration_id), "both")
    with suite.case("events: tidectl --watch says what to do when its token expires"):
        with system.held():
            orchestration_id = started(system, "ga-events-expiry", prefix="slow-evx", count=3)
            for seconds in LIFETIMES:
                done = system.tidectl("orchestration", orchestration_id, "--watch",
                                      settings={"TIDEGATE_TOKEN": lasting(system, seconds)[0]})
                if "in progress" in done.stdout:
                    break
        equal(done.returncode, 4)
        has(done.stdout, "in progress")
        has(done.stderr, "the token has expired")
        has(done.stderr, f"With a new token in TIDEGATE_TOKEN:\n  tidectl orchestration {orchestration_id} --watch")
        system.ended(orchestration_id)


def many(suite, system):
    with suite.case(f"events: {MANY} streams at once cost no threads, little memory, and each gets everything"):
        first = started(system, "ga-events-many", count=2)
        system.ended(first)
        with stream(system, first) as it:
            it.until("succeeded")  # the two clients of Kafka are there
            threads, memory = process(system, "Threads"), process(system, "VmRSS")
            began = metric(system, "process_cpu_seconds_total")
            with contextlib.ExitStack() as opened:
                streams = [opened.enter_context(stream(system, first)) for _ in range(MANY)]
                want = log_of(system, first)
                for each in streams:
                    same(each.take(len(want)), want, "one of many")
                wait_for("all are there, and nobody else", lambda: metric(system, "tidegate_event_streams") == MANY + 1)
                equal(process(system, "Threads"), threads)
                grown = process(system, "VmRSS") - memory
                spent = metric(system, "process_cpu_seconds_total") - began
                print(f"       {MANY} streams, {MANY * len(want)} events: {spent:.2f} s of CPU, {grown} KiB more",
                      flush=True)
                if grown > memory_limit(system, 64) or spent > 10:
                    raise AssertionError(f"{grown} KiB more, {spent:.2f} s of CPU")
    with suite.case("events: streams whose clients leave are gone"):
        wait_for("no stream is left", lambda: metric(system, "tidegate_event_streams") == 0)


def slow(suite, system):
    """Megabytes of events: a dry run over a large fleet."""
    system.import_fleet("ga-events-slow", [f"ev-large-{i}" for i in range(FLEET)])
    orchestration_id = system.upgrade(include=[{"globalAccount": "^ga-events-slow$"}], dryRun=True,
                                      strategy={"type": "parallel", "parallel": {"workers": 500}})
    system.ended(orchestration_id)
    log = log_of(system, orchestration_id)
    began = time.monotonic()
    with stream(system, orchestration_id) as it:
        it.until("succeeded")
    alone_s = time.monotonic() - began
    dropped, memory = metric(system, "tidegate_event_streams_dropped_total"), process(system, "VmRSS")
    with contextlib.ExitStack() as opened:
        lazy = [opened.enter_context(stream(system, orchestration_id, receive_size=4096)) for _ in range(10)]
        with suite.case("events: readers that do not read do not keep others from reading"):
            began = time.monotonic()
            with stream(system, orchestration_id) as it:
                whole = it.until("succeeded")
                beside_s = time.monotonic() - began
                size = sum(len(event[2]) for event in whole)
                print(f"       {size} bytes in {beside_s:.1f} s, alone in {alone_s:.1f} s", flush=True)
                if size < 1500000:
                    raise AssertionError("too few to fill the buffers")
                same(whole, log, "the honest one")
                if beside_s > 2 * alone_s + STALL_S - 2:
                    raise AssertionError("it waited for the others")
        with suite.case("events: such readers are dropped, and little is kept for them"):
            most = 0

            def all_dropped():
                nonlocal most
                most = max(most, process(system, "VmRSS") - memory)
                return metric(system, "tidegate_event_streams_dropped_total") - dropped == len(lazy)
            wait_for("they are dropped", all_dropped)
            print(f"       {most} KiB for {len(lazy)}", flush=True)
            if most > memory_limit(system, 48):
                raise AssertionError(f"{most} KiB more")
            try:
                equal(len(lazy[0].until("succeeded")), "an error")
            except (http.client.IncompleteRead, ConnectionError, AssertionError) as error:
                if "an error" in str(error):
                    raise
            lost = lazy[0].last
        with suite.case("events: a reader that was dropped goes on where it was"):
            with stream(system, orchestration_id, after=lost) as it:
                rest = it.until("succeeded")
            same(rest, whole[len(whole) - len(rest):], "the rest")
            equal([event[0] for event in whole].index(lost), len(whole) - len(rest) - 1)
    with suite.case("events: a slow but honest reader gets everything"):
        with stream(system, orchestration_id, receive_size=4096) as it:
            same(it.until("succeeded"), whole, "slowly")


def outages(suite, system):
    with suite.case("events: a gateway that ends closes its streams; Last-Event-ID goes on at another"):
        with system.held("slow-evo-ga-events-outage-3"):  # the last one
            orchestration_id = started(system, "ga-events-outage", prefix="slow-evo", count=4)
            with stream(system, orchestration_id) as it:
                got = it.until("progressed")
                stopping = threading.Thread(target=system.stop, args=("api-gateway",))
                stopping.start()
                got += list(it)  # it ends as a whole answer does
                stopping.join()
                equal(it.retries[-1], "1000")
        system.start("api-gateway")
        with stream(system, orchestration_id, after=got[-1][0]) as it:
            got += it.until("succeeded")
        same(got, log_of(system, orchestration_id), "before and after")
    with suite.case("events: tidectl --watch goes on with a new token where it can make one"):
        with system.held():
            orchestration_id = started(system, "ga-events-keys", prefix="slow-evr", count=4)
            watching = system.spawn("orchestration", orchestration_id, "--watch")
            equal(watching.stdout.readline() != "", True, "it shows something")
            for name in ("key.pem", "jwks.json"):
                (system.run / "oidc" / name).unlink()  # nothing of before is accepted any more
            system.tokens.clear()
            system.token()
            system.restart("api-gateway")
        lines = watching.communicate(timeout=PATIENCE_S)[0].splitlines()
        equal(watching.returncode, 0, repr(lines))
        equal(len([line for line in lines if " succeeded: " in line]), 5)
    with suite.case("events: Kafka away and back: the stream stays, and misses nothing"):
        orchestration_id = started(system, "ga-events-kafka", prefix="slow-evk", count=8)
        with stream(system, orchestration_id) as it:
            got = it.until("progressed")
            system.command("deploy/dev/kafka/kafka", "stop")
            system.command("deploy/dev/kafka/kafka", "start")
            got += it.until("succeeded")
        same(got, log_of(system, orchestration_id), "before and after")
    with suite.case("events: a stream that nothing happens to has a heartbeat every 15 s, also without Kafka"):
        with stream(system, orchestration_id, after=got[-1][0]) as it:
            system.command("deploy/dev/kafka/kafka", "stop")
            try:
                equal([it.response.readline() for _ in range(2)], [b"retry: 1000\n", b"\n"])
                beats = []
                while len(beats) < 3 and (line := it.response.readline()):
                    if line == b":\n":
                        beats.append(time.monotonic())
                # From the last but one: the first may have waited here, while Kafka was stopped.
                equal(5 < beats[2] - beats[1] < 45, True, f"seconds: {beats}")
                with stream(system, orchestration_id) as late:
                    equal(late.status, 503)
            finally:
                system.command("deploy/dev/kafka/kafka", "start")
