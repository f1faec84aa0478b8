"""The gateway's settings for GraphQL: what it refuses to start with, listeners, tokens, shown secrets, GraphiQL."""
import json
import re
import subprocess
import urllib.parse

from harness import PATIENCE_S, equal, has, request
from provisioning import TENANT, data, error, gardener, kyma, kyma_of, post, provision_text, provisioned, simple_text

TYPENAME = {"query": "{ __typename }"}
SECRET = [{"key": "global.token", "value": "shown-t0p", "secret": True}]
GRAPHIQL = {"/graphiql": "text/html", "/graphiql/page.js": "text/javascript", "/graphiql/graphiql.min.css": "text/css",
            "/graphiql/graphiql.min.js": "text/javascript", "/graphiql/react.production.min.js": "text/javascript",
            "/graphiql/react-dom.production.min.js": "text/javascript"}
# Served files are seldom there where tests run; these stand for them.
STAND_INS = ("graphiql.min.css", "graphiql.min.js", "react.production.min.js", "react-dom.production.min.js")


def gateway(system, **settings):
    """Exit code and standard error of a gateway with these settings; None and "" if it went on to run. None: unset."""
    given = {**system.env, **system.settings, "TIDEGATE_LISTEN": f"127.0.0.1:{system.port + 60}",
             "TIDEGATE_INSTANCE": "trial", **settings}
    process = subprocess.Popen([system.bin / "api-gateway"], cwd=system.run, stdout=subprocess.DEVNULL,
                               env={name: value for name, value in given.items() if value is not None},
                               stderr=subprocess.PIPE, text=True)
    try:
        return process.wait(PATIENCE_S), process.stderr.read()
    except subprocess.TimeoutExpired:
        return None, ""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def refusals(suite, system):
    folder = system.run / "trial"
    folder.mkdir(exist_ok=True)
    key = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
    files = {"empty": "", "no JSON": "{", "no keys": '{"current": "a", "keys": {}}', "a list": "[]",
             "a short key": '{"current": "a", "keys": {"a": "QUJD"}}',
             "a current key that is not there": json.dumps({"current": "b", "keys": {"a": key}}),
             "a key that is no base64": json.dumps({"current": "a", "keys": {"a": "!" * 44}})}
    paths = {name: folder / f"{name.replace(' ', '-')}.json" for name in files}
    for name, text in files.items():
        paths[name].write_text(text)
        paths[name].chmod(0o600)
    paths["a file that is not there"] = folder / "nothing.json"
    paths["a file that everybody may read"] = folder / "open.json"
    paths["a file that everybody may read"].write_text(json.dumps({"current": "a", "keys": {"a": key}}))
    paths["a file that everybody may read"].chmod(0o644)
    for name, path in paths.items():
        with suite.case(f"refused at the start: TIDEGATE_SECRET_KEYS is {name}"):
            code, said = gateway(system, TIDEGATE_SECRET_KEYS=str(path))
            equal(code, 1, said)
            has(said, "TIDEGATE_SECRET_KEYS")
            has(said, path.name)
            equal((said.count("\n"), key in said), (1, False))
    with suite.case("refused at the start: TIDEGATE_SECRET_KEYS is not set"):
        code, said = gateway(system, TIDEGATE_SECRET_KEYS=None)
        equal(code, 2, said)
        has(said, "TIDEGATE_SECRET_KEYS")
    everywhere = f"0.0.0.0:{system.port + 60}"
    for name, variables, part in (
            ("TIDEGATE_GRAPHQL_AUTH=none on an address for everybody", {"TIDEGATE_LISTEN": everywhere},
             "TIDEGATE_GRAPHQL_LISTEN"),
            ("TIDEGATE_AUTH=none there, whatever GraphQL listens on",
             {"TIDEGATE_LISTEN": everywhere, "TIDEGATE_AUTH": "none",
              "TIDEGATE_GRAPHQL_LISTEN": f"127.0.0.1:{system.port + 61}"}, "TIDEGATE_AUTH"),
            ("TIDEGATE_GRAPHQL_LISTEN without a port", {"TIDEGATE_GRAPHQL_LISTEN": "127.0.0.1"},
             "TIDEGATE_GRAPHQL_LISTEN"),
            ("TIDEGATE_GRAPHQL_LISTEN that is taken", {"TIDEGATE_GRAPHQL_LISTEN": f"127.0.0.1:{system.port}"},
             "TIDEGATE_GRAPHQL_LISTEN"),
            ("TIDEGATE_GRAPHQL_AUTH=off", {"TIDEGATE_GRAPHQL_AUTH": "off"}, "TIDEGATE_GRAPHQL_AUTH"),
            ("TIDEGATE_GRAPHQL_SECRETS=yes", {"TIDEGATE_GRAPHQL_SECRETS": "yes"}, "TIDEGATE_GRAPHQL_SECRETS"),
            ("TIDEGATE_GRAPHQL_DEPTH_MAX=0", {"TIDEGATE_GRAPHQL_DEPTH_MAX": "0"}, "TIDEGATE_GRAPHQL_DEPTH_MAX"),
            ("GraphiQL without its files", {"TIDEGATE_GRAPHIQL": "on", "TIDEGATE_GRAPHIQL_FILES": str(folder)},
             "TIDEGATE_GRAPHIQL")):
        with suite.case(f"refused at the start: {name}"):
            code, said = gateway(system, **{"TIDEGATE_GRAPHQL_AUTH": "none", **variables})
            equal(code in (1, 2), True, f"{code} {said}")
            has(said, part)


def listeners(suite, system):
    """A gateway of its own beside the system's: open for GraphQL on one port, with tokens on the other."""
    api, own = system.port + 60, system.port + 61
    system.start("api-gateway", "6", f"TIDEGATE_LISTEN=0.0.0.0:{api}", "TIDEGATE_GRAPHQL_AUTH=none",
                 f"TIDEGATE_GRAPHQL_LISTEN=127.0.0.1:{own}")
    body, headers = json.dumps(TYPENAME).encode(), {"Content-Type": "application/json"}
    try:
        with suite.case("a listener of its own: GraphQL needs no token there, and is warned of"):
            equal(request(own, "POST", "/graphql", body, headers).json, {"data": {"__typename": "Query"}})
            warned = [line for line in system.log_lines("api-gateway-6") if line["event"] == "authentication_is_off"]
            equal({(line["setting"], line["listen"]) for line in warned},
                  {("TIDEGATE_GRAPHQL_AUTH=none", f"127.0.0.1:{own}")})
        with suite.case("a listener of its own: the main one asks for a token"):
            equal(request(api, "POST", "/graphql", body, headers).status, 401)
            with_token = {**headers, "Authorization": "Bearer " + system.token()}
            equal(request(api, "POST", "/graphql", body, with_token).status, 200)
        with suite.case("a listener of its own: nothing else is served there but health"):
            for target in ("/runtimes", "/orchestrations", "/releases/2.4.2"):
                equal(request(own, "GET", target, headers={"Authorization": "Bearer " + system.token()}).status, 404)
            for target in ("/healthz", "/readyz"):
                equal(request(own, "GET", target).status, 200)
        with suite.case("a listener of its own: a rubbish token does no harm where none is looked at"):
            equal(request(own, "POST", "/graphql", body, {**headers, "Authorization": "Bearer x"}).status, 200)
    finally:
        system.command("deploy/dev/service", "stop", "api-gateway", "6")


def shown(suite, system):
    runtime_id = provisioned(system, "shown", kyma(configuration=SECRET))
    with suite.case("secret values are masked where no setting says otherwise"):
        equal(kyma_of(system, runtime_id)["configuration"][0]["value"], "*****")
    system.stop("api-gateway")
    system.start("api-gateway", "TIDEGATE_GRAPHQL_SECRETS=shown", "TIDEGATE_GRAPHQL_AUTH=oidc")
    try:
        with suite.case("TIDEGATE_GRAPHQL_SECRETS=shown: an administrator sees them, each time"):
            for _ in range(2):
                equal(kyma_of(system, runtime_id, token=True)["configuration"], SECRET)
        with suite.case("TIDEGATE_GRAPHQL_SECRETS=shown: an operator does not, before or after one who does"):
            for _ in range(2):
                config = kyma_of(system, runtime_id, token=system.token("runtimeOperator"))
                equal(config["configuration"], [{**SECRET[0], "value": "*****"}])
            equal(kyma_of(system, runtime_id, token=True)["configuration"], SECRET)
        with suite.case("TIDEGATE_GRAPHQL_SECRETS=shown: they stand in no log"):
            equal("shown-t0p" in (system.run / "log" / "api-gateway.log").read_text(), False)
    finally:
        system.restart("api-gateway")


def graphiql(suite, system):
    folder = system.run / "graphiql"
    folder.mkdir(exist_ok=True)
    for name in STAND_INS:
        (folder / name).write_text(f"/* {name} */")
    system.stop("api-gateway")
    system.start("api-gateway", "TIDEGATE_GRAPHIQL=on", f"TIDEGATE_GRAPHIQL_FILES={folder}")
    for target, media_type in GRAPHIQL.items():
        with suite.case(f"GraphiQL: {target} is {media_type}, and loads nothing from elsewhere"):
            answer = request(system.port, "GET", target)
            equal((answer.status, answer.headers.get_content_type()), (200, media_type))
            equal((answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]),
                  ("nosniff", "no-referrer"))
            policy = answer.headers["Content-Security-Policy"]
            has(policy, "default-src 'none'")
            equal(re.findall(r"https?:|//|\*|unsafe-eval", policy), [])
            equal(re.findall("script-src ([^;]*)", policy), ["'self'"])
            if "min" not in target:
                equal(re.findall(r"https?://|[\"']//", answer.text), [])
    with suite.case("GraphiQL: what the page loads is what is served"):
        page = request(system.port, "GET", "/graphiql").text
        loaded = set(re.findall(r'(?:src|href)="(/[^"]*)"', page))
        equal(loaded, set(GRAPHIQL) - {"/graphiql"})
        equal(re.findall(r"<script(?![^>]*src=)", page), [])
    for target in ("/graphiql/", "/graphiql/nothing.js", "/graphiql/..", "/graphiql/../graphiql/page.js",
                   "/graphiql/%2e%2e/env", "/graphiql/..%2fenv", "/graphiql/%2fetc%2fpasswd", "/graphiql/page.js%00",
                   "/graphiql/page.js/", "/graphiql/a/page.js", "/graphiql/PAGE.JS", "/graphiql/.", "/graphiql/%",
                   "/graphiql/" + urllib.parse.quote(str(system.run / "env"), safe="")):
        with suite.case(f"GraphiQL: {target.replace(urllib.parse.quote(str(system.run), safe=''), 'RUN')} is 404"):
            equal(request(system.port, "GET", target).status, 404)
    system.stop("api-gateway")
    system.start("api-gateway", "TIDEGATE_GRAPHIQL=off")
    with suite.case("GraphiQL off: nothing of it is there"):
        for target in GRAPHIQL:
            equal(request(system.port, "GET", target).status, 404)
    system.restart("api-gateway")


def headers(suite, system):
    with suite.case("a tenant of other letters is itself, and no other one"):
        given = provision_text(gardener("umlaut"))
        runtime_id = data(system, given, tenant="grün".encode())["result"]["runtimeID"]
        status = simple_text("runtimeStatus", runtime_id, "__typename")
        for tenant, known in (("grün".encode(), True), ("grán".encode(), False), (b"gr??n", False),
                              (b"gr\xfcn", None)):
            answer = post(system, status, tenant=tenant)
            equal((answer.status, (answer.json["data"] or {}).get("result") is not None),
                  (200, known) if known is not None else (400, False))
        equal(system.sql(f"SELECT tenant FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"), "grün")
    with suite.case("400: a tenant that is too long"):
        answer = post(system, "{ __typename }", tenant="t" * 256)
        equal(answer.status, 400)
        has(answer.json["errors"][0]["message"], "Tenant")
    with suite.case("a text with U+0000 is refused, not cut off"):
        error(system, provision_text(gardener("nul\0name")), 400, "U+0000")
        error(system, simple_text("runtimeStatus", runtime_id + r"\u0000", "__typename"), 400, "not found",
              tenant="grün".encode())
    with suite.case("422: variables that are too deep, where the schema sets no limit"):
        text = provision_text(gardener("deep"), labels={}).replace("mutation", "mutation ($l: Labels)") \
            .replace("labels: {}", "labels: $l")
        for depth, status in ((10, 200), (100, 422), (1500, 422)):
            body = '{"query":%s,"variables":{"l":{"a":%s}}}' % (json.dumps(text), "[" * depth + "]" * depth)
            answer = system.ask("POST", "/graphql", body, token=False,
                                headers={"Content-Type": "application/json", "Tenant": TENANT})
            equal(answer.status, status)
        has(answer.json["errors"][0]["message"], "deeper than the limit")


def cases(suite, system):
    for part in (refusals, listeners, shown, graphiql, headers):
        suite.run(f"settings: {part.__name__}", part, system)
