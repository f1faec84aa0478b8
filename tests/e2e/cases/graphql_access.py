"""Who may call /graphql when tokens are asked for."""
from harness import equal, has
from provisioning import TENANT, data, error, gardener, kyma, post, provision_text, provisioned, simple_text

TYPENAME = "{ __typename }"
READ = "runtimeConfiguration { kubeconfig clusterConfig { name } kymaConfig { configuration { key value secret } } }"


def cases(suite, system):
    secret = [{"key": "k", "value": "hidden", "secret": True}]
    runtime_id = provisioned(system, "access", kyma(configuration=secret))
    system.stop("api-gateway")
    system.start("api-gateway", "TIDEGATE_GRAPHQL_AUTH=oidc")
    operator = system.token("runtimeOperator")
    for name, token in (("no token", False), ("rubbish", "x.y.z"),
                        ("an expired one", system.token_signed(exp=1)),
                        ("another audience's", system.token_signed(aud="x"))):
        with suite.case(f"401: {name}"):
            answer = post(system, TYPENAME, token=token)
            equal(answer.status, 401)
            has(answer.headers["WWW-Authenticate"], "Bearer")
            equal(bool(answer.json["errors"][0]["message"]), True)
    with suite.case("401 also for a body over the limit"):
        equal(post(system, TYPENAME + "#" + "x" * 600 * 1024, token=False).status, 401)
    with suite.case("a token without a group may not"):
        equal(post(system, TYPENAME, token=system.token("nothing")).status, 403)
    with suite.case("an operator reads, without kubeconfig and secret values"):
        answer = post(system, simple_text("runtimeStatus", runtime_id, READ), token=operator)
        equal(answer.status, 200)
        read = answer.json["data"]["result"]["runtimeConfiguration"]
        equal((read["kubeconfig"], read["clusterConfig"]["name"]), (None, "access"))
        equal((read["kymaConfig"]["configuration"][0]["secret"], "hidden" in answer.text), (True, False))
        equal([(one["path"], one["extensions"]["error_code"]) for one in answer.json["errors"]],
              [(["result", "runtimeConfiguration", "kubeconfig"], 403)])
    with suite.case("an operator changes nothing"):
        error(system, provision_text(gardener("denied"), kyma()), 403, token=operator)
        equal(system.sql("SELECT count(*) FROM api.runtime_status WHERE shoot_name = 'denied'"), "0")
    with suite.case("an admin does everything"):
        answer = data(system, simple_text("runtimeStatus", runtime_id, READ), token=True)
        has(answer["result"]["runtimeConfiguration"]["kubeconfig"], "apiVersion")
    with suite.case("the tenant is compared for admins too"):
        error(system, simple_text("runtimeStatus", runtime_id, "__typename"), 400, "not found", tenant="tenant-red",
              token=True)
        equal(TENANT == "tenant-red", False)
    system.restart("api-gateway")
