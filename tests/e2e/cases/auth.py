"""Who may do what (OC 1.8), and how the gateway says no (OC 1.2 and RFC 9457 in one object)."""
import subprocess
import time

from harness import equal, has, holds

READS = ["/orchestrations", "/orchestrations/x", "/orchestrations/x/operations", "/runtimes"]
WRITES = [("POST", "/upgrade/kyma"), ("PUT", "/orchestrations/x/cancel"), ("POST", "/instances:import")]


def refused(answer, status, title):
    equal(answer.status, status)
    equal(answer.headers["Content-Type"], "application/json")
    holds(answer.json, {"type": "about:blank", "title": title, "status": status})
    equal(answer.json["detail"], answer.json["error"])
    if not answer.json["error"]:
        raise AssertionError("the error says nothing")


def broken(token):
    """Another first character of the signature: the last one has bits that do not count."""
    head, signature = token.rsplit(".", 1)
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def cases(suite, system):
    now = int(time.time())
    other_key = system.run / "other.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                    str(other_key)], check=True, capture_output=True)
    tokens = [
        ("without a token", None, "Authorization"),
        ("no JWT", "abc", ""),
        ("three parts of rubbish", "a.b.c", ""),
        ("an altered signature", broken(system.token()), "signature is wrong"),
        ("a signature of another key", system.token_signed(key=other_key), "signature is wrong"),
        ("a key that is unknown", system.token_signed(key=other_key, header={"kid": "who"}), "key set"),
        ("no signature (alg none)", system.token_signed(header={"alg": "none"}), "algorithm"),
        ("expired", system.token_signed(exp=now - 3600), "expired"),
        ("not valid yet", system.token_signed(nbf=now + 3600), "not valid yet"),
        ("another issuer", system.token_signed(iss="http://elsewhere/dev"), "issuer"),
        ("another audience", system.token_signed(aud="somebody"), "audience"),
        ("no subject", system.token_signed(sub=""), "subject"),
        ("groups that are no list", system.token_signed(groups="runtimeAdmin"), "groups"),
    ]

    for name, token, says in tokens:
        with suite.case(f"401: {name}"):
            answer = system.ask("GET", "/orchestrations", token=token)
            refused(answer, 401, "Unauthorized")
            equal(answer.headers["WWW-Authenticate"].split()[0], "Bearer")
            has(answer.json["error"], says)
    for method, path in [("GET", path) for path in READS] + WRITES:
        with suite.case(f"401: {method} {path} without a token"):
            refused(system.ask(method, path, token=None), 401, "Unauthorized")
        with suite.case(f"403: {method} {path} for a stranger"):
            refused(system.ask(method, path, token=system.token("visitors")), 403, "Forbidden")
    with suite.case("401: checked before anything else, the body included"):
        equal(system.ask("POST", "/upgrade/kyma", "{", token=None).status, 401)
        large = "x" * 600 * 1024
        equal(system.ask("POST", "/upgrade/kyma", large, token=None).status, 401)
        equal(system.ask("POST", "/upgrade/kyma", large, token=system.token("runtimeOperator")).status, 403)
        equal(system.ask("POST", "/upgrade/kyma", large).status, 413)
    with suite.case("a token signed by hand with the development key is accepted"):
        equal(system.ask("GET", "/orchestrations", token=system.token_signed(exp=now + 3600)).status, 200)
    with suite.case("one of several audiences is enough"):
        equal(system.ask("GET", "/orchestrations", token=system.token_signed(aud=["x", "tidegate"])).status, 200)
    with suite.case("403: group names are compared whole and exactly"):
        token = system.token_signed(groups=["runtimeadmin", "runtimeAdmins", " runtimeOperator"])
        equal(system.ask("GET", "/orchestrations", token=token).status, 403)

    for group in ("runtimeAdmin", "runtimeOperator"):
        with suite.case(f"D30: {group} may read"):
            equal([system.ask("GET", path, token=system.token(group)).status for path in READS], [200, 404, 404, 200])
    for method, path in WRITES:
        with suite.case(f"403: an operator may not {method} {path}"):
            refused(system.ask(method, path, token=system.token("runtimeOperator")), 403, "Forbidden")
    with suite.case("an administrator alone may write"):
        equal(system.ask("PUT", "/orchestrations/x/cancel", token=system.token("runtimeAdmin")).status, 404)
        equal(system.ask("POST", "/instances:import", "", token=system.token("runtimeAdmin")).status, 200)
    with suite.case("no refusal tells the token"):
        has(system.ask("GET", "/orchestrations", token="abc.def.ghi").text.replace("abc.def.ghi", "LEAK"), "error")
        if "abc.def" in "".join((system.run / "log" / "api-gateway.log").read_text()):
            raise AssertionError("the log has the token")
    with suite.case("what the gateway refuses is in its log with trace ID, caller and reason"):
        trace = "0af7651916cd43dd8448eb211c80319c"
        system.ask("POST", "/upgrade/kyma", "{}", token=system.token("runtimeOperator"),
                   headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        line = next(line for line in system.log_lines("api-gateway") if line.get("trace_id") == trace)
        holds(line, {"status": 403, "subject": "developer", "issuer": system.settings["TIDEGATE_OIDC_ISSUER"]})
        has(line["reason"], "administrators")
