"""1.1, 1.2, 1.8: what there is, who may, and how the answer is no."""
import time

from contract.rows import Plain, Row, Story
from contract.values import ABSENT, ID, Part, error, like

NOBODY = {"targets": {"include": [{"runtimeID": "nobody"}]}}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NO_VALID = {"orchestrationID": "<nothing>", "retryOperations": None, "oldOperations": None, "invalidOperations": None,
            "msg": "No valid operations to retry for orchestration <nothing>"}
NEW = {"orchestrationID": ID}
UNKNOWN = "while getting orchestration not-there: "

GOOD = [
    Row("E1", "an upgrade of Kyma", "/upgrade/kyma", 202, NEW, method="POST", sent=NOBODY),
    Row("E2", "an upgrade of clusters", "/upgrade/cluster", 202, NEW, method="POST", sent=NOBODY),
    Row("E3", "the list", "/orchestrations?state=failed&page_size=1", 200, Part(count=1, data=[Part(
        orchestrationID="<first>")])),
    Row("E4", "one", "/orchestrations/<first>", 200, Part(orchestrationID="<first>", state="failed")),
    Row("E5 Q4 3.8/finished", "a cancel of what has ended", "/orchestrations/<nothing>/cancel", 200,
        {"orchestrationID": "<nothing>"}, method="PUT"),
    Row("E6 Q4 3.6/succeeded 3.6/no-valid Q1", "a retry of nothing", "/orchestrations/<nothing>/retry", 202, NO_VALID,
        method="POST", send_headers=FORM),
    Row("E7", "the operations", "/orchestrations/<first>/operations?state=failed", 200,
        Part(count=1, totalCount=1, data=[Part(runtimeID="bad-read")])),
    Row("E8", "one operation", "/orchestrations/<first>/operations/<first:read-1>", 200,
        Part(operationID="<first:read-1>", runtimeID="read-1")),
    Row("E9", "the runtimes", "/runtimes?runtime_id=read-1", 200, Part(count=1, totalCount=1)),
    Row("1.1/content-type", "text/plain for E1", "/upgrade/kyma", 202, NEW, method="POST", sent=NOBODY,
        send_headers={"Content-Type": "text/plain"}),
    Row("1.1/content-type", "a form for E2", "/upgrade/cluster", 202, NEW, method="POST", sent=NOBODY,
        send_headers=FORM),
    Row("1.1/decoded", "every character of the ID in percent", "/orchestrations/%6Eot%2Dthere", 404,
        error(like(UNKNOWN))),
    Row("1.1/decoded", "any text may be an ID", "/orchestrations/%27%3B--%20%C3%A4", 404,
        error(like("while getting orchestration ';-- ä: "))),
    Row("1.1/form", "a plus in a state", "/runtimes?account=ga+read", 200, Part(totalCount=0)),
    Row("1.1/form", "a plus in percent", "/orchestrations?state=%66ailed&page_size=1", 200, Part(count=1)),
    Row("1.1/ignored", "E3", "/orchestrations?colour=blue&pagesize=zero&state=failed&page_size=1", 200, Part(count=1)),
    Row("1.1/decoded", "what is no text once decoded", "/orchestrations/%ff", 404,
        error(like("while getting orchestration %ff: "))),
    Row("1.1/decoded", "a NUL", "/orchestrations/%00/operations", 404, error(like("while getting orchestration %00: "))),
    Row("1.1/decoded", "a NUL in an operation", "/orchestrations/<first>/operations/%00", 404,
        error(like("while getting operation %00: "))),
    *[Row("1.1/ignored", f"{target}{query}", f"{target}{query}", 200)
      for target in ("/orchestrations", "/orchestrations/<first>/operations", "/runtimes")
      for query in ("?x=%zz", "?x=%ff", "?%zz=1&%ff")],
    Row("1.5/unknown", "what is no text", "/orchestrations?state=%ff", 200, Part(data=[], totalCount=0)),
    Row("1.1/ignored", "E7", "/orchestrations/<first>/operations?type=x", 200, Part(totalCount=3)),
    Row("1.1/ignored", "E9", "/runtimes?account=ga-read&Account=x&sort=none", 200, Part(totalCount=3)),
]

# method, target
NOT_FOUND = [
    ("GET", "/"), ("GET", "/favicon.ico"), ("GET", "/upgrade"), ("GET", "/orchestrations/"), ("GET", "/runtimes/"),
    ("GET", "/orchestrations/<first>/"), ("GET", "/orchestrations/<first>/operations/"), ("POST", "/upgrade/kyma/"),
    ("POST", "/orchestrations"), ("DELETE", "/orchestrations/<first>"), ("GET", "/orchestrations/<first>/cancel"),
    ("POST", "/orchestrations/<first>/cancel"), ("PUT", "/orchestrations/<first>/retry"), ("GET", "/upgrade/kyma"),
    ("GET", "/upgrade/cluster"), ("PUT", "/upgrade/cluster"), ("PUT", "/runtimes"), ("POST", "/runtimes"),
    ("DELETE", "/orchestrations/<first>/operations/<first:read-1>"), ("GET", "/Orchestrations"),
    ("GET", "/orchestrations/<first>/operations/<first:read-1>/config"),
]
TEXT_404 = [Plain("1.1/not-found Q11", f"{method} {target}", target, 404, "404 page not found\n", method=method)
            for method, target in NOT_FOUND]

UPGRADE = "/upgrade/kyma"
ERRORS = [
    Row("1.2/decoding", "an empty body", UPGRADE, 400, error(like("while decoding request body: ", ".*EOF")),
        method="POST", sent=""),
    Row("1.2/decoding 1.2/shape", "half a body", UPGRADE, 400, error(like("while decoding request body: ")),
        method="POST", sent='{"targets": {'),
    Row("1.2/decoding", "of E2", "/upgrade/cluster", 400, error(like("while decoding request body: ")),
        method="POST", sent="nope"),
    *[Row("1.2/include" + more, f"{sent} at {target}", target, 400,
          error("while validating target: targets.include array must be not empty"), method="POST", sent=sent)
      for target in (UPGRADE, "/upgrade/cluster")
      for sent, more in (("{}", " D4"), ("null", " D4"), ('{"targets":{}}', ""), ('{"targets":{"include":null}}', ""),
                         ('{"targets":{"include":[]}}', ""))],
    Row("1.2/version", "foo", UPGRADE, 400, error(like("while validating kyma version: ")), method="POST",
        sent={**NOBODY, "kyma": {"version": "foo"}}),
    Row("1.2/404-orchestration", "E4", "/orchestrations/not-there", 404, error(like(UNKNOWN))),
    Row("1.2/404-orchestration 1.2/shape", "E7", "/orchestrations/not-there/operations", 404, error(like(UNKNOWN))),
    Row("1.2/404-orchestration 1.2/order-operation", "E8: first the orchestration",
        "/orchestrations/not-there/operations/neither", 404, error(like(UNKNOWN))),
    Row("1.2/404-cancel 3.8/unknown", "E5", "/orchestrations/not-there/cancel", 404,
        error(like("while canceling orchestration not-there: while getting orchestration: ")), method="PUT"),
    Row("1.2/404-retry 1.2/order-retry", "E6: last the orchestration", "/orchestrations/not-there/retry", 404,
        error(like("while retrying orchestration not-there: ")), method="POST", send_headers=FORM),
    Row("1.2/404-operation 1.2/order-operation", "E8: then the operation",
        "/orchestrations/<first>/operations/not-there", 404, error(like("while getting operation not-there: "))),
    *[Row("1.2/415 3.6/media", f"E6: {kind}", "/orchestrations/<first>/retry", 415,
          error(f"invalide content type {kind}"), method="POST", sent="", send_headers={"Content-Type": kind})
      for kind in ("application/json", "text/plain", "application/x-www-form-urlencodedx", "multipart/form-data")],
    Row("1.2/415 3.6/media 1.2/order-retry", "E6: no media type; before form and orchestration",
        "/orchestrations/not-there/retry", 415, error(like("invalide content type")), method="POST", sent="%zz"),
    Row("1.2/order-retry 3.6/bad-form D32", "E6: the form before the orchestration", "/orchestrations/not-there/retry",
        400, error(like("", ".+")), method="POST", sent="operation-id=%zz", send_headers=FORM),
    Row("1.2/order-paging 1.2/paging", "E7: paging before the orchestration",
        "/orchestrations/not-there/operations?page=0", 400,
        error("while getting query parameters: page cannot be smaller than 1")),
    Row("1.2/paging", "E3", "/orchestrations?page=x", 400,
        error("while getting query parameters: page has to be an integer")),
    Row("1.2/paging", "E9", "/runtimes?page_size=x", 400,
        error("while getting query parameters: pageSize has to be an integer")),
]


def json_form(world, got):
    for name, method, target, sent in [("list", "GET", "/orchestrations?state=none", None),
                                       ("created", "POST", UPGRADE, NOBODY), ("refused", "POST", UPGRADE, "{}"),
                                       ("not there", "GET", "/orchestrations/x", None)]:
        answer = world.ask(method, target, sent, raw=True)
        got[name] = {"type": answer.headers["Content-Type"], "end": answer.text[-1:]}


JSON = {"type": "application/json", "end": "}"}

# --- Who may (1.8) ---

READS = {"E3": "/orchestrations?page_size=1", "E4": "/orchestrations/<first>",
         "E7": "/orchestrations/<first>/operations", "E8": "/orchestrations/<first>/operations/<first:read-1>",
         "E9": "/runtimes?page_size=1"}
WRITES = {"E1": ("POST", UPGRADE, 202), "E2": ("POST", "/upgrade/cluster", 202),
          "E5": ("PUT", "/orchestrations/<nothing>/cancel", 200),
          "E6": ("POST", "/orchestrations/<nothing>/retry", 202)}
WRITTEN = {"E1": "1.8/upgrade", "E2": "1.8/upgrade", "E5": "1.8/orchestrations", "E6": "1.8/orchestrations"}


def read_row(endpoint):
    return "1.8/runtimes" if endpoint == "E9" else "1.8/orchestrations D30"


def sent_to(endpoint):
    return {"sent": NOBODY if endpoint in ("E1", "E2") else "", "send_headers": FORM}


WHO = [Row(f"{read_row(endpoint)}", f"{endpoint}: {group} reads", target, 200, token=group)
       for endpoint, target in READS.items() for group in ("operator", "admin")]
WHO += [Row(f"{WRITTEN[endpoint]}", f"{endpoint}: an admin writes", target, status, method=method, token="admin",
            **sent_to(endpoint)) for endpoint, (method, target, status) in WRITES.items()]
WHO += [Row(f"{WRITTEN[endpoint]} 1.8/403", f"{endpoint}: an operator may not", target, 403, error(like("", ".+")),
            method=method, token="operator", **sent_to(endpoint)) for endpoint, (method, target, _) in WRITES.items()]
WHO += [Row("1.8/403", f"{endpoint}: a stranger", target, 403, error(like("", ".+")), token="stranger")
        for endpoint, target in READS.items()]
WHO += [Row("1.8/401", f"{endpoint}: without a token", target, 401, error(like("", ".+")), token=None)
        for endpoint, target in READS.items()]
WHO += [Row("1.8/401", f"{endpoint}: without a token", target, 401, error(like("", ".+")), method=method, token=None,
            **sent_to(endpoint)) for endpoint, (method, target, _) in WRITES.items()]
WHO += [
    Row("1.8/401", "no JWT", "/orchestrations", 401, error(like("", ".+")), token="abc"),
    Row("1.8/first 1.8/401", "before the body", UPGRADE, 401, error(like("", ".+")), method="POST", sent="{",
        token=None),
    Row("1.8/first 1.8/403", "before the body", UPGRADE, 403, error(like("", ".+")), method="POST", sent="{",
        token="operator"),
    Row("1.8/first", "before the paging", "/runtimes?page=0", 401, error(like("", ".+")), token=None),
    Row("1.8/first", "before the orchestration", "/orchestrations/not-there/cancel", 403, error(like("", ".+")),
        method="PUT", token="operator"),
    Row("1.8/first", "before the media type", "/orchestrations/<first>/retry", 401, error(like("", ".+")),
        method="POST", sent="", token=None),
]


def tokens(world, got):
    now = int(time.time())
    head, signature = world.system.token().rsplit(".", 1)
    made = {"expired": world.system.token_signed(exp=now - 3600),
            "altered": f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
            "another issuer": world.system.token_signed(iss="http://elsewhere"),
            "another audience": world.system.token_signed(aud="somebody"),
            "good": world.system.token_signed(exp=now + 600),
            "groups in other case": world.system.token_signed(groups=["runtimeadmin", "runtimeOperators"])}
    for name, token in made.items():
        got[name] = world.ask("GET", "/orchestrations?state=none", token=token)


REFUSED = Part(status=401, body=error(like("", ".+")))
TESTS = [
    *GOOD, *TEXT_404, *ERRORS,
    Story("JSON as it is written", json_form, {name: ("1.1/json", JSON)
                                               for name in ("list", "created", "refused", "not there")}),
    *WHO,
    Story("tokens", tokens, {
        "expired": ("1.8/401", REFUSED), "altered": ("1.8/401", REFUSED), "another issuer": ("1.8/401", REFUSED),
        "another audience": ("1.8/401", REFUSED), "good": ("1.8/401 7.1/bearer", Part(status=200)),
        "groups in other case": ("1.8/403", Part(status=403, body=Part(error=like("", ".+"), data=ABSENT)))}),
]
