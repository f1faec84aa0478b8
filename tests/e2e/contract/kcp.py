"""7.1, 7.2: what the kcp client sends, byte for byte: header names, their order, and bodies."""
import gzip
import http.client
import io
import json
import socket

from contract.rows import Row, Story
from contract.values import ABSENT, ID, Part

LIMIT_S = 120


def bytes_of(world, method, target, body=None, kind=None, token="both"):
    """A request as that client's HTTP library writes it: own headers first, then those that were set, sorted."""
    authorization = f"Authorization: Bearer {world.system.token() if token == 'both' else token}"
    lines = [f"{method} {world.fill(target)} HTTP/1.1", f"Host: 127.0.0.1:{world.system.port}",
             "User-Agent: Go-http-client/1.1"]
    if body is not None or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(world.fill(body or ''))}")
    lines += [authorization, *([f"Content-Type: {kind}"] if kind else []), "Accept-Encoding: gzip"]
    return ("\r\n".join(lines) + "\r\n\r\n" + world.fill(body or "")).encode()


class Raw(io.BytesIO):
    def makefile(self, *_):
        return self


def answer_of(data):
    response = http.client.HTTPResponse(Raw(data))
    response.begin()
    body = response.read()
    headers = dict(response.headers.items())
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    if headers.get("Content-Type") == "application/json":
        return {"status": response.status, "headers": headers, "body": json.loads(body)}
    return {"status": response.status, "headers": headers, "body": body.decode()}


def send(world, method, target, body=None, kind=None):
    """One request on a connection that stays open, as the client keeps it; read until the answer is whole."""
    with socket.create_connection(("127.0.0.1", world.system.port), timeout=LIMIT_S) as connection:
        connection.sendall(bytes_of(world, method, target, body, kind))
        data = b""
        while True:
            more = connection.recv(65536)
            data += more
            head, found, rest = data.partition(b"\r\n\r\n")
            if not more:
                break
            if found:
                length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(
                    b"content-length:")]
                if (length and len(rest) >= length[0]) or (not length and rest.endswith(b"0\r\n\r\n")):
                    break
    return world.named(answer_of(data))


class Sent(Row):
    """A request of that client."""

    def __init__(self, shows, name, method, target, want, status=200, body=None, kind=None):
        super().__init__(shows, name, target, status, want, method=method, headers={"Location": ABSENT})
        self.raw_body, self.kind = body, kind

    def ask(self, world):
        return send(world, self.method, self.target, self.raw_body, self.kind)


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
UPGRADE_ALL = ('{"targets":{"include":[{"target":"all"}]},"strategy":{"type":"parallel","parallel":{"workers":0}},'
               '"kyma":{}}')
UPGRADE_FULL = ('{"targets":{"include":[{"target":"all"},{"globalAccount":"CA.*","region":"eu"}],"exclude":'
                '[{"planName":"trial"}]},"strategy":{"type":"parallel","schedule":"maintenanceWindow","parallel":'
                '{"workers":5}},"dryRun":true,"kyma":{"version":"1.24.7"}}')
UPGRADE_CLUSTER = '{"targets":{"include":[{"shoot":"c-1"}]},"strategy":{"type":"parallel","parallel":{"workers":0}}}'
RUNTIMES_FULL = ("/runtimes?account=G1&account=ga-read&cluster_config=true&instance_id=<instance:read-1>"
                 "&kyma_config=true&op_detail=all&page=1&page_size=100&plan=azure&region=westeurope&runtime_id=read-1"
                 "&shoot=c-read-1&state=failed&state=all&subaccount=sa-ga-read")
PAGE = "page=1&page_size=100"
ONE = Part(data=[Part(runtimeID="read-1")], count=1, totalCount=1)

ROWS = [
    Sent("7.2/upgrade-cluster E2 7.1/headers", "upgrade cluster -t shoot=c-1", "POST", "/upgrade/cluster",
         {"orchestrationID": ID}, 202, UPGRADE_CLUSTER, JSON),
    Sent("7.2/orchestrations 7.1/headers 7.1/bearer", "orchestrations, past the end", "GET",
         "/orchestrations?page=999&page_size=100",
         Part(data=[], count=0)),
    Sent("7.2/orchestrations-state", "orchestrations -s inprogress,failed", "GET",
         "/orchestrations?page=999&page_size=100&state=in+progress&state=failed", Part(data=[], count=0)),
    Sent("7.2/orchestration E4", "orchestrations ID", "GET", "/orchestrations/<first>",
         Part(orchestrationID="<first>", state="failed", operationStats={"failed": 1, "succeeded": 2})),
    Sent("7.2/operations E7", "orchestrations ID operations", "GET", f"/orchestrations/<first>/operations?{PAGE}",
         Part(count=3, totalCount=3)),
    Sent("7.2/operations E7", "orchestrations ID ops -s failed", "GET",
         f"/orchestrations/<first>/operations?{PAGE}&state=failed", Part(data=[Part(runtimeID="bad-read")], count=1)),
    Sent("7.2/operation E8", "orchestrations ID --operation A,B: A", "GET",
         "/orchestrations/<first>/operations/<first:read-1>", Part(operationID="<first:read-1>",
                                                                   kymaConfig=Part(version="2.4.2"))),
    Sent("7.2/operation E8", "orchestrations ID --operation A,B: B", "GET",
         "/orchestrations/<first>/operations/<first:bad-read>", Part(operationID="<first:bad-read>", state="failed")),
    Sent("7.2/runtimes E9", "runtimes, past the end", "GET", "/runtimes?op_detail=last&page=999&page_size=100",
         Part(data=[], count=0)),
    Sent("7.2/runtimes-full E9", "runtimes with everything", "GET", RUNTIMES_FULL, ONE),
    Sent("7.2/others E9", "taskrun of an account", "GET", f"/runtimes?account=ga-read&{PAGE}&subaccount=sa-ga-read",
         Part(count=3, totalCount=3)),
    Sent("7.2/others E9", "taskrun of a shoot", "GET", f"/runtimes?{PAGE}&shoot=c-read-1", Part(
        data=[Part(runtimeID="read-1", status=Part(upgradingKyma=Part(count=1),
                                                   provisioning=Part(state="succeeded")))])),
    Sent("7.2/slashes", "a base URL with a slash: orchestration", "GET", "//orchestrations/<first>",
         Part(orchestrationID="<first>")),
    Sent("7.2/slashes", "a base URL with a slash: operations", "GET", f"//orchestrations/<first>/operations?{PAGE}",
         Part(count=3)),
    Sent("7.2/slashes", "a base URL with a slash: runtimes", "GET", f"//runtimes?account=ga-read&{PAGE}",
         Part(count=3)),
    Sent("7.2/slashes", "a base URL with a slash: cancel", "PUT", "//orchestrations/<nothing>/cancel",
         {"orchestrationID": "<nothing>"}),
    Sent("7.2/slashes", "a base URL with a slash: retry", "POST", "//orchestrations/<nothing>/retry",
         Part(orchestrationID="<nothing>", retryOperations=None), 202, "", FORM),
]


def pages(world, path):
    """All of a list as the client reads it; how many requests it took, and whether it came to an end."""
    found, page = [], 1
    while page < 100:
        answer = send(world, "GET", path.format(page))["body"]
        found += answer["data"]
        if len(found) >= answer["totalCount"]:
            return found, page
        page += 1
    raise AssertionError(f"{path}: no end")


def listed(world, got):
    found, requests = pages(world, "/orchestrations?page={}&page_size=100")
    total = world.get("/orchestrations?page_size=1")["totalCount"]
    got["orchestrations"] = [len(found) == total, requests == (total + 99) // 100]
    found, _ = pages(world, "/orchestrations?page={}&page_size=100&state=in+progress&state=failed")
    got["by state"] = sorted({one["state"] for one in found})
    found, requests = pages(world, "/runtimes?op_detail=last&page={}&page_size=100")
    total = world.get("/runtimes?page_size=1")["totalCount"]
    got["runtimes"] = [len({one["runtimeID"] for one in found}) == total, requests == (total + 99) // 100]
    got["without lists"] = sorted({name for one in found for name in one} & {"kymaVersion", "kymaConfig"})


def upgrades(world, got):
    """The two that mean everybody: canceled right after they were taken."""
    for name, body in [("all", UPGRADE_ALL), ("full", UPGRADE_FULL)]:
        answer = send(world, "POST", "/upgrade/kyma", body, JSON)
        if answer["status"] == 202:
            world.call(f"kcp-{name}", answer["body"]["orchestrationID"])
        got[name] = {"status": answer["status"], "body": world.named(answer["body"])}
        parameters = world.orchestration(f"kcp-{name}")["parameters"]
        got[f"{name}: strategy"] = parameters["strategy"]
        got[f"{name}: targets"] = parameters["targets"]
        answer = send(world, "PUT", f"/orchestrations/<kcp-{name}>/cancel")
        got[f"{name}: canceled"] = {"status": answer["status"], "body": answer["body"]}
        world.ended(f"kcp-{name}")


def cancel(world, got):
    with world.system.held("slow-w0", "slow-w1"):
        world.upgrade("kcp-cancel", [{"runtimeID": "slow-w0"}, {"runtimeID": "slow-w1"}])
        world.has_state("kcp-cancel", "in progress")
        read = send(world, "GET", "/orchestrations/<kcp-cancel>")
        got["read"] = {"status": read["status"], "state": read["body"]["state"],
                       "counts": sorted(read["body"]["operationStats"]) != []}
        answer = send(world, "PUT", "/orchestrations/<kcp-cancel>/cancel")
    got["canceled"] = {"status": answer["status"], "body": answer["body"]}
    got["then"] = world.ended("kcp-cancel")["state"]


def retry(world, got):
    world.upgrade("kcp-retry", [{"globalAccount": "^ga-kcp$"}], strategy={"parallel": {"workers": 3}})
    world.ended("kcp-retry")
    world.call_operations("kcp-retry")
    two = ["<kcp-retry:bad-kcp2>", "<kcp-retry:bad-kcp1>"]
    answer = send(world, "GET", "/orchestrations/<kcp-retry>")
    got["read"] = [answer["status"], answer["body"]["state"]]
    answer = send(world, "POST", "/orchestrations/<kcp-retry>/retry", f"operation-id={two[0]}&operation-id={two[1]}",
                  FORM)
    got["two"] = {"status": answer["status"], "body": answer["body"]}
    world.has_state("kcp-retry", "failed")
    answer = send(world, "POST", "/orchestrations/<kcp-retry>/retry", "", FORM)
    got["all"] = {"status": answer["status"], "retried": sorted(answer["body"]["retryOperations"]),
                  "others": [answer["body"][name] for name in ("oldOperations", "invalidOperations", "msg")]}
    world.has_state("kcp-retry", "failed")


STRATEGY = {"type": "parallel", "schedule": "immediate", "parallel": {"workers": 1}}
QUEUED = "retry operations are queued for processing"
TESTS = [
    *ROWS,
    Story("page after page", listed, {
        "orchestrations": ("7.2/orchestrations 1.3/loop 1.3/maximum E3", [True, True]),
        "by state": ("7.2/orchestrations-state 7.3/states", ["failed"]),
        "runtimes": ("7.2/runtimes 1.3/loop 1.3/maximum 7.2/others", [True, True]),
        "without lists": ("7.2/runtimes 1.9/content-last", [])}),
    Story("upgrades of everybody", upgrades, {
        "all": ("7.2/upgrade-all Q8 E1", {"status": 202, "body": {"orchestrationID": "<kcp-all>"}}),
        "all: strategy": ("7.2/upgrade-all Q8", STRATEGY),
        "all: targets": ("7.2/upgrade-all", {"include": [{"target": "all"}]}),
        "all: canceled": ("7.2/cancel 3.1/canceling", {"status": 200, "body": {"orchestrationID": "<kcp-all>"}}),
        "full": ("7.2/upgrade-full E1", {"status": 202, "body": {"orchestrationID": "<kcp-full>"}}),
        "full: strategy": ("7.2/upgrade-full", {"type": "parallel", "schedule": "maintenanceWindow",
                                                "parallel": {"workers": 5}}),
        "full: targets": ("7.2/upgrade-full", {"include": [{"target": "all"},
                                                           {"globalAccount": "CA.*", "region": "eu"}],
                                               "exclude": [{"planName": "trial"}]}),
        "full: canceled": ("7.2/cancel", {"status": 200, "body": {"orchestrationID": "<kcp-full>"}})}),
    Story("orchestrations ID cancel", cancel, {
        "read": ("7.2/cancel 7.3/cancel", {"status": 200, "state": "in progress", "counts": True}),
        "canceled": ("7.2/cancel 7.3/status E5", {"status": 200, "body": {"orchestrationID": "<kcp-cancel>"}}),
        "then": ("7.2/cancel", "canceled")}),
    Story("orchestrations ID retry", retry, {
        "read": ("7.2/retry 7.3/retry", [200, "failed"]),
        "two": ("7.2/retry-some 7.3/t-retry 7.3/status E6", {"status": 202, "body": {
            "orchestrationID": "<kcp-retry>", "retryOperations": ["<kcp-retry:bad-kcp2>", "<kcp-retry:bad-kcp1>"],
            "oldOperations": None, "invalidOperations": None, "msg": QUEUED}}),
        "all": ("7.2/retry 7.3/t-retry 7.3/status", {
            "status": 202, "retried": ["<kcp-retry:bad-kcp1>", "<kcp-retry:bad-kcp2>"],
            "others": [None, None, QUEUED]})}),
]
