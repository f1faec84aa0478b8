"""HTTP forms, status codes and error objects of /graphql, row by row."""
import json
import urllib.parse

from harness import equal, has, holds, request
from provisioning import TENANT, data, document, post

UNKNOWN = "00000000-0000-4000-8000-000000000000"
BODY = {"Content-Type": "application/json", "Tenant": TENANT}
TYPENAME = "{ __typename }"
SUBSCRIPTION = "subscription { a }"


def ask(system, method, target="/graphql", body=None, headers=None):
    return system.ask(method, target, body, token=False, headers=BODY if headers is None else headers)


def get(system, **parameters):
    return ask(system, "GET", "/graphql?" + urllib.parse.urlencode(parameters), headers={"Tenant": TENANT})


# name, method, body, headers, status, a part of the first message
REFUSED = [
    ("query text does not parse", "POST", {"query": "{ a "}, BODY, 422, "Syntax Error"),
    ("an unknown field", "POST", {"query": "{ nothing }"}, BODY, 422, "nothing"),
    ("a missing argument", "POST", {"query": "{ runtimeStatus { __typename } }"}, BODY, 422, "id"),
    ("a wrong literal", "POST", {"query": "{ runtimeStatus(id: 5) { __typename } }"}, BODY, 422, "String"),
    ("a quoted enum value", "POST",
     {"query": 'mutation { upgradeRuntime(id: "x", config: {kymaConfig: {version: "1", profile: "Evaluation", '
               "components: []}}) { id } }"}, BODY, 422, "KymaProfile"),
    ("a missing variable", "POST", {"query": "query ($id: String!) { runtimeStatus(id: $id) { __typename } }"}, BODY,
     422, "$id"),
    ("a variable of another kind", "POST",
     {"query": "query ($id: String!) { runtimeStatus(id: $id) { __typename } }", "variables": {"id": 5}}, BODY, 422,
     "$id"),
    ("an empty query", "POST", {"query": ""}, BODY, 422, "Must provide query string"),
    ("no query", "POST", {}, BODY, 422, "Must provide query string"),
    ("an operationName that is not there", "POST",
     {"query": "query a { __typename } query b { __typename }", "operationName": "c"}, BODY, 422,
     "operation c not found"),
    ("several operations without operationName", "POST",
     {"query": "query a { __typename } query b { __typename }"}, BODY, 422, "operation"),
    ("a body that is no JSON", "POST", "{query: 1", BODY, 400, ""),
    ("something behind the body", "POST", '{"query": "{ __typename }"} x', BODY, 400, ""),
    ("a body that is no object", "POST", "[]", BODY, 400, ""),
    ("no Content-Type", "POST", {"query": TYPENAME}, {}, 400, ""),
    ("another Content-Type", "POST", {"query": TYPENAME}, {"Content-Type": "text/plain"}, 400, ""),
    ("a subscription", "POST", {"query": SUBSCRIPTION}, BODY, 400, "unsupported operation type"),
]

ACCEPTED = [
    ("variables null", {"query": TYPENAME, "variables": None}, BODY),
    ("no variables", {"query": TYPENAME}, BODY),
    ("a charset", {"query": TYPENAME}, {"Content-Type": "application/json; charset=utf-8"}),
    ("operationName chooses", {"query": "query a { __typename } query b { nope: __typename }", "operationName": "a"},
     BODY),
    ("comments, commas, none", {"query": "# a comment\n{ , __typename, }"}, BODY),
]


def cases(suite, system):
    for name, method, body, headers, status, part in REFUSED:
        with suite.case(f"{status}: {name}"):
            answer = ask(system, method, body=body, headers=headers)
            equal(answer.status, status)
            equal(answer.headers.get_content_type(), "application/json")
            has(answer.json["errors"][0]["message"], part)
            equal("extensions" in answer.json["errors"][0], False)
            equal(answer.json.get("data"), None)
    for name, body, headers in ACCEPTED:
        with suite.case(f"200: {name}"):
            answer = ask(system, "POST", body=body, headers=headers)
            equal((answer.status, answer.json), (200, {"data": {"__typename": "Query"}}))
    with suite.case("422 lists everything that is wrong, with locations"):
        answer = ask(system, "POST", body={"query": "{ a\n  b }"})
        equal([error["locations"] for error in answer.json["errors"]],
              [[{"line": 1, "column": 3}], [{"line": 2, "column": 3}]])
    with suite.case("GET: a query"):
        equal(get(system, query=TYPENAME).json, {"data": {"__typename": "Query"}})
    with suite.case("GET: variables and operationName"):
        answer = get(system, query="query a($s: Boolean!) { __typename @skip(if: $s) } query b { __typename }",
                     operationName="a", variables='{"s": true}')
        equal(answer.json, {"data": {}})
    with suite.case("GET: a mutation is 422"):
        answer = get(system, query='mutation { reconnectRuntimeAgent(id: "x") }')
        equal((answer.status, answer.json["errors"][0]["message"]),
              (422, "GET requests only allow query operations"))
    with suite.case("GET: variables that are no JSON are 400"):
        equal(get(system, query=TYPENAME, variables="{").status, 400)
    with suite.case("OPTIONS: 200 and what is allowed"):
        answer = ask(system, "OPTIONS")
        equal((answer.status, answer.headers["Allow"], answer.body), (200, "OPTIONS, GET, POST", b""))
    for method in ("PUT", "DELETE", "PATCH"):
        with suite.case(f"{method}: 405"):
            equal(ask(system, method).status, 405)
    with suite.case("a field error: path with the alias, a numeric code, 200"):
        answer = post(system, f'{{ result: runtimeStatus(id: "{UNKNOWN}") {{ __typename }} }}', tenant=None)
        equal(answer.status, 200)
        holds(answer.json, {"data": {"result": None}, "errors": [
            {"message": "tenant header is empty", "path": ["result"], "extensions": {"error_code": 400}}]})
    with suite.case("a failed String! makes all data null, whatever else succeeded"):
        answer = post(system, 'mutation { a: reconnectRuntimeAgent(id: "x") b: deprovisionRuntime(id: "x") }')
        equal((answer.status, answer.json["data"], answer.json["errors"][0]["path"]), (200, None, ["b"]))
    with suite.case("reconnectRuntimeAgent answers an empty text, whatever it is asked"):
        equal(data(system, 'mutation { reconnectRuntimeAgent(id: "x") }', tenant=None), {"reconnectRuntimeAgent": ""})
    with suite.case("Accept: application/graphql-response+json: status codes of GraphQL over HTTP"):
        headers = {**BODY, "Accept": "application/graphql-response+json"}
        for query, status in ((TYPENAME, 200), ("{ nothing }", 400), ("{ a ", 400)):
            answer = ask(system, "POST", body={"query": query}, headers=headers)
            equal((answer.status, answer.headers.get_content_type()), (status, "application/graphql-response+json"))
    with suite.case("introspection tells the schema"):
        told = data(system, "{ __schema { queryType { name } mutationType { name } subscriptionType { name } } "
                            '__type(name: "ClusterConfig") { kind possibleTypes { name } } }', tenant=None)
        equal(told["__schema"], {"queryType": {"name": "Query"}, "mutationType": {"name": "Mutation"},
                                 "subscriptionType": None})
        equal(told["__type"]["kind"], "INTERFACE")
        equal(sorted(possible["name"] for possible in told["__type"]["possibleTypes"]), ["GCPConfig", "GardenerConfig"])
    with suite.case("zones under three providers' fragments in one query validates"):
        answer = post(system, f"""{{ runtimeStatus(id: "{UNKNOWN}") {{ runtimeConfiguration {{ clusterConfig {{
            seed purpose ... on GardenerConfig {{ providerSpecificConfig {{ ... on GCPProviderConfig {{ zones }}
            ... on AzureProviderConfig {{ zones }} ... on OpenStackProviderConfig {{ zones }} }} }} }} }} }} }}""")
        equal(answer.status, 200)
    for name in ("upgrade", "rollback"):
        with suite.case(f"the published {name} document is valid as printed"):
            answer = post(system, document(name, RUNTIME_ID=UNKNOWN))
            equal(answer.status, 200)
            equal(answer.json["errors"][0]["message"], f"runtime {UNKNOWN} not found")
    with suite.case("a document that is too deep is refused, with the limit's name"):
        deep = "{ __schema { types " + "{ ofType " * 500 + "{ name }" + " }" * 500 + " } }"
        answer = post(system, deep)
        equal(answer.status, 422)
        has(answer.json["errors"][0]["message"], "depth")
    with suite.case("too many aliases are refused, with the limit's name"):
        answer = post(system, "{" + " ".join(f"a{i}: __typename" for i in range(5000)) + "}")
        equal(answer.status, 422)
        has(answer.json["errors"][0]["message"], "aliases")
    with suite.case("a body over the limit is 413"):
        equal(post(system, "{ __typename } #" + "x" * 600 * 1024).status, 413)
    with suite.case("bytes that are no UTF-8 are refused"):
        answer = ask(system, "POST", body=b'{"query": "{ a\xff }"}')
        equal(answer.status, 400)
    with suite.case("/healthz: ok"):
        answer = request(system.port, "GET", "/healthz")
        equal((answer.status, answer.text), (200, "ok"))
    with suite.case("a crowd of random bytes harms nobody"):
        for i in range(50):
            text = bytes((i * 37 + j * 101) % 256 for j in range(40))
            equal(ask(system, "POST", body=text).status, 400)
            equal(ask(system, "POST", body=json.dumps({"query": text.decode("latin-1")}).encode()).status, 422)
