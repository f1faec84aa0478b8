"""POST /upgrade/kyma: what is accepted, what is stored of it, and what is refused (OC section 2)."""
import json

from harness import UUID, equal, has, holds, wait_for

# The bodies of the tutorial "Orchestrate Kyma upgrade", as printed there.
TUTORIAL_SHORT = """{
       "targets": {
           "include": [{
               "runtimeID": "uuid-sdasd-sda23t-efs",
               "globalAccount": "uuid-sdasd-sda23t-efs",
               "subAccount": "uuid-sdasd-sda23t-efs",
               "planName": "azure",
               "region": "europewest"
            }]
       },
       "dryRun": false
   }"""
TUTORIAL_LONG = """{
    "targets": {
        "include": [{
            "runtimeID": "uuid-sdasd-sda23t-efs",
            "globalAccount": "uuid-sdasd-sda23t-efs",
            "subAccount": "uuid-sdasd-sda23t-efs",
            "planName": "azure",
            "region": "europewest",
         }]
    },
    "strategy": {
        "type": "parallel",
            "schedule": "maintenanceWindow",
            "parallel": {
              "workers": 5
            },
    },
    "dryRun": false
}"""

NOBODY = {"runtimeID": "nobody"}  # matches nothing: succeeds at once
FOR_NOBODY = {"include": [NOBODY]}
TUTORIAL_SELECTOR = {"runtimeID": "uuid-sdasd-sda23t-efs", "globalAccount": "uuid-sdasd-sda23t-efs",
                     "subAccount": "uuid-sdasd-sda23t-efs", "planName": "azure", "region": "europewest"}


def strategy(schedule="immediate", workers=1):
    return {"type": "parallel", "schedule": schedule, "parallel": {"workers": workers}}


def body(**members):
    return {"targets": FOR_NOBODY, **members}


# name, body, the parameters that are stored before anything is enriched
ACCEPTED = [
    ("E1: the tutorial's short body as printed", TUTORIAL_SHORT,
     {"targets": {"include": [TUTORIAL_SELECTOR]}, "strategy": strategy()}),
    ("E1: the tutorial's long body as printed, with its trailing commas", TUTORIAL_LONG,
     {"targets": {"include": [TUTORIAL_SELECTOR]}, "strategy": strategy("maintenanceWindow", 5)}),
    ("Q8, D1: workers 0, no schedule, an empty kyma: what kcp sends",
     '{"targets":{"include":[{"runtimeID":"nobody"}]},"strategy":{"type":"parallel","parallel":{"workers":0}},'
     '"kyma":{}}', {"targets": FOR_NOBODY, "strategy": strategy(), "kyma": {}}),
    ("D1: without kyma", body(), {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.2: an empty strategy", body(strategy={}), {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.2: empty type and schedule are the defaults", body(strategy={"type": "", "schedule": ""}),
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.2: maintenanceWindow and workers", body(strategy={"schedule": "maintenanceWindow", "parallel": {"workers": 7}}),
     {"targets": FOR_NOBODY, "strategy": strategy("maintenanceWindow", 7)}),
    ("2.1: names of members in any case",
     {"TARGETS": {"Include": [{"runtimeId": "nobody"}]}, "DRYRUN": True, "Strategy": {"PARALLEL": {"Workers": 3}},
      "Kyma": {"VERSION": "2.3.0"}},
     {"targets": FOR_NOBODY, "strategy": strategy(workers=3), "dryRun": True, "kyma": {"version": "2.3.0"}}),
    ("2.1: null is absent", body(strategy=None, dryRun=None, kyma=None, kubernetes=None),
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.1: unknown members are ignored outside selectors", body(version="1", strategy={"colour": 1}),
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.1: of a repeated member the last counts",
     '{"targets":{"include":[{"runtimeID":"somebody","runtimeID":"nobody"}]},"dryRun":true,"dryRun":false}',
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.1: of members that differ in case the last counts", '{"targets":{"include":[{"runtimeID":"nobody"}]},'
     '"dryRun":true,"DRYRUN":false}', {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.1: what follows the first value is ignored", '{"targets":{"include":[{"runtimeID":"nobody"}]}} {}]',
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("maxFailures is shown when it is given", body(strategy={"maxFailures": 3}),
     {"targets": FOR_NOBODY, "strategy": {**strategy(), "maxFailures": 3}}),
    ("2.4: dryRun is shown when it is true", body(dryRun=True),
     {"targets": FOR_NOBODY, "strategy": strategy(), "dryRun": True}),
    ("2.4: dryRun is left out when it is false", body(dryRun=False), {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.4: empty selector members and an empty exclude are left out",
     {"targets": {"include": [{"runtimeID": "nobody", "region": "", "shoot": None}], "exclude": []}},
     {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("2.4: exclude is stored", {"targets": {"include": [NOBODY], "exclude": [{"shoot": "c-1"}]}},
     {"targets": {"include": [NOBODY], "exclude": [{"shoot": "c-1"}]}, "strategy": strategy()}),
    ("2.4: kubernetes shows its three members", body(kubernetes={"machineImage": "gardenlinux"}),
     {"targets": FOR_NOBODY, "strategy": strategy(),
      "kubernetes": {"kubernetesVersion": "", "machineImage": "gardenlinux", "machineImageVersion": ""}}),
    ("2.6: a version that there is", body(kyma={"version": "1.11.0"}),
     {"targets": FOR_NOBODY, "strategy": strategy(), "kyma": {"version": "1.11.0"}}),
    ("one comma before a closing bracket, however it is spaced",
     '{"targets":{"include":[{"runtimeID":"nobody",},\n],} , }', {"targets": FOR_NOBODY, "strategy": strategy()}),
    ("commas and brackets inside texts stay",
     '{"targets":{"include":[{"runtimeID":"nobody","shoot":",}\\",]"}]}}',
     {"targets": {"include": [{"runtimeID": "nobody", "shoot": ',}",]'}]}, "strategy": strategy()}),
    ("selectors that need all of RE2", {"targets": {"include": [{"runtimeID": "nobody", "globalAccount": "(?i)^ca.*$",
                                                                 "region": "europe|eu-", "subAccount": "\\pL+"}]}},
     {"targets": {"include": [{"runtimeID": "nobody", "globalAccount": "(?i)^ca.*$", "region": "europe|eu-",
                               "subAccount": "\\pL+"}]}, "strategy": strategy()}),
]

DECODING, TARGET = "while decoding request body: ", "while validating target: "
STRATEGY, VERSION = "while validating strategy: ", "while validating kyma version: "
NOT_EMPTY = "targets.include array must be not empty"


def selector(**members):
    return {"targets": {"include": [{"target": "all"}, members]}}


def excluding(*selectors):
    return {"targets": {"include": [{"target": "all"}], "exclude": list(selectors)}}


# name, body, prefix, what follows it (a part; all parts must be there)
REFUSED = [
    ("1.2: an empty body", "", DECODING, ["EOF"]),
    ("1.2: blanks alone", " \n", DECODING, ["EOF"]),
    ("1.2: half a body", '{"targets": {', DECODING, ["line 1 column"]),
    ("1.2: line and column are those of the client's text", '{\n  "targets": {},\n  "dryRun": maybe\n}', DECODING,
     ["line 3 column"]),
    ("line and column are true behind a trailing comma", '{"targets": {"include": [],},\n "dryRun": oops}', DECODING,
     ["line 2 column"]),
    ("two commas", '{"targets": {"include": [],,}}', DECODING, ["line 1 column"]),
    ("a comma alone", '{"targets": {"include": [,]}}', DECODING, ["line 1 column"]),
    ("two bodies without anything between", '{"targets":{"include":[{"target":"all"}]}{}', DECODING, ["line 1 column"]),
    ("a comment", '{"targets": {} /* all */}', DECODING, ["line 1 column"]),
    ("no JSON object", "[]", DECODING, ["expected an object, got an array"]),
    ("a text", '"all"', DECODING, ["expected an object, got a string"]),
    ("a body that is no UTF-8", b'{"targets":{"include":[{"shoot":"\xff"}]}}', DECODING, ["line 1 column"]),
    ("targets that is a list", {"targets": []}, DECODING, ["targets: expected an object, got an array"]),
    ("include that is an object", {"targets": {"include": {}}}, DECODING,
     ["targets.include: expected an array, got an object"]),
    ("a selector that is a text", {"targets": {"include": ["all"]}}, DECODING,
     ["targets.include[0]: expected an object, got a string"]),
    ("a selector's member that is a number", selector(region=1), DECODING,
     ["targets.include[1].region: expected a string, got an integer"]),
    ("exclude of the wrong type", {"targets": {"include": [NOBODY], "exclude": {}}}, DECODING, ["targets.exclude"]),
    ("a strategy that is a text", body(strategy="parallel"), DECODING, ["strategy: expected an object"]),
    ("workers with a fraction", body(strategy={"parallel": {"workers": 1.0}}), DECODING,
     ["strategy.parallel.workers: expected an integer, got a number with a fraction"]),
    ("workers as text", body(strategy={"parallel": {"workers": "5"}}), DECODING, ["strategy.parallel.workers"]),
    ("dryRun as text", body(dryRun="true"), DECODING, ["dryRun: expected a boolean, got a string"]),
    ("kyma as text", body(kyma="2.4.2"), DECODING, ["kyma: expected an object"]),
    ("a version that is a number", body(kyma={"version": 2}), DECODING, ["kyma.version: expected a string"]),
    ("kubernetes of the wrong type", body(kubernetes={"machineImage": 1}), DECODING, ["kubernetes.machineImage"]),
    ("D4: {}", "{}", TARGET, [NOT_EMPTY]),
    ("D4: null", "null", TARGET, [NOT_EMPTY]),
    ("1.2: no include", {"targets": {}}, TARGET, [NOT_EMPTY]),
    ("1.2: include null", {"targets": {"include": None}}, TARGET, [NOT_EMPTY]),
    ("1.2: include empty", {"targets": {"include": []}}, TARGET, [NOT_EMPTY]),
    ("D4: an empty selector", {"targets": {"include": [{}]}}, TARGET, ["targets.include[0]", "empty"]),
    ("D4: a null selector", {"targets": {"include": [None]}}, TARGET, ["targets.include[0]", "empty"]),
    ("D4: a selector with empty members alone", selector(region="", shoot=None), TARGET,
     ["targets.include[1]", "empty"]),
    ("D4: a misspelt member", selector(regoin="eu"), TARGET, ["targets.include[1]", '"regoin"', "region"]),
    ("D4: a misspelt member beside a good one", selector(region="eu", plan="azure"), TARGET,
     ["targets.include[1]", '"plan"', "planName"]),
    ("2.3: a target that is not all", selector(target="ALL"), TARGET, ["targets.include[1].target", '"ALL"']),
    ("D5: a bad pattern in include", selector(globalAccount="CA["), TARGET, ["targets.include[1].globalAccount"]),
    ("2.3: a pattern that RE2 does not know", selector(region="(?=eu)"), TARGET, ["targets.include[1].region"]),
    ("2.3: a back reference", selector(subAccount="(a)\\1"), TARGET, ["targets.include[1].subAccount"]),
    ("D5: a bad pattern in exclude", excluding({"region": "*"}), TARGET, ["targets.exclude[0].region"]),
    ("D4: an empty selector in exclude", excluding({"shoot": "a"}, {}), TARGET, ["targets.exclude[1]", "empty"]),
    ("D4: a misspelt member in exclude", excluding({"runtime": "x"}), TARGET, ["targets.exclude[0]", '"runtime"']),
    ("2.3: an unknown target in exclude", excluding({"target": "none"}), TARGET, ["targets.exclude[0].target"]),
    ("D7: negative workers", body(strategy={"parallel": {"workers": -1}}), STRATEGY,
     ["strategy.parallel.workers", "-1"]),
    ("2.3: too many workers", body(strategy={"parallel": {"workers": 10 ** 12}}), STRATEGY,
     ["strategy.parallel.workers"]),
    ("maxFailures of none", body(strategy={"maxFailures": 0}), STRATEGY, ["strategy.maxFailures", "0"]),
    ("maxFailures below none", body(strategy={"maxFailures": -1}), STRATEGY, ["strategy.maxFailures", "-1"]),
    ("D6: an unknown schedule", body(strategy={"schedule": "maintenancewindow"}), STRATEGY,
     ["strategy.schedule", '"maintenancewindow"', "maintenanceWindow"]),
    ("2.3: an unknown strategy", body(strategy={"type": "serial"}), STRATEGY, ["strategy.type", '"serial"']),
    ("D22: a version in no form", body(kyma={"version": "foo"}), VERSION, ['"foo"']),
    ("D22: main without a commit", body(kyma={"version": "main-"}), VERSION, ['"main-"']),
    ("a version without a release, with the list of those that there are", body(kyma={"version": "2.4.3"}), VERSION,
     ["2.4.3", "not found", "1.11.0", "2.3.0", "2.4.2"]),
    ("a version that is a path", body(kyma={"version": "../../etc/passwd"}), VERSION, ["../../etc/passwd"]),
    ("a pull request without a release", body(kyma={"version": "PR-1234"}), VERSION, ["PR-1234", "not found"]),
]


def accepted(suite, system):
    for name, sent, parameters in ACCEPTED:
        with suite.case(name):
            answer = system.ask("POST", "/upgrade/kyma", sent)
            equal(answer.status, 202, repr(answer))
            equal(answer.headers["Content-Type"], "application/json")
            equal(set(answer.json), {"orchestrationID"})
            holds(answer.json, {"orchestrationID": UUID})
            # What was stored stands in the event; what is shown may be enriched by now.
            shown = system.orchestration(answer.json["orchestrationID"])["parameters"]
            equal(shown["strategy"], parameters["strategy"], "strategy")
            equal(shown["targets"], parameters["targets"], "targets")
            equal(shown.get("dryRun"), parameters.get("dryRun"), "dryRun")
            equal(system.ended(answer.json["orchestrationID"])["state"], "succeeded")
            stored[answer.json["orchestrationID"]] = (name, parameters)


stored = {}


def stored_as_sent(suite, system):
    events = {event["subject"]: event["data"] for record in system.records("orchestrations.events")
              for event in record["events"] if event["type"] == "tidegate.orchestration.accepted.v1"}
    for orchestration_id, (name, parameters) in stored.items():
        with suite.case(f"2.4, {name}: stored after defaulting of the strategy alone"):
            equal(events[orchestration_id]["parameters"], parameters)


def refused(suite, system):
    before = system.get("/orchestrations?page_size=1")["totalCount"]
    for name, sent, prefix, parts in REFUSED:
        with suite.case(f"400: {name}"):
            answer = system.ask("POST", "/upgrade/kyma", sent)
            equal(answer.status, 400, repr(answer))
            equal(answer.headers["Content-Type"], "application/json")
            holds(answer.json, {"type": "about:blank", "title": "Bad Request", "status": 400,
                                "detail": answer.json["error"]})
            if not answer.json["error"].startswith(prefix):
                raise AssertionError(f"{answer.json['error']!r} does not begin with {prefix!r}")
            for part in parts:
                has(answer.json["error"], part)
    with suite.case("1.2: the empty include has the contract's text, to the letter"):
        equal(system.ask("POST", "/upgrade/kyma", "{}").json["error"],
              "while validating target: targets.include array must be not empty")
    with suite.case("what was refused left nothing behind"):
        equal(system.get("/orchestrations?page_size=1")["totalCount"], before)


def enriched(suite, system):
    def parameters(**members):
        return system.ended(system.upgrade(include=[NOBODY], **members))["parameters"]

    with suite.case("2.5, Q13: kyma and kubernetes are filled in when processing starts"):
        holds(parameters(), {"kyma": {"version": "2.4.2"}, "kubernetes":
                             {"kubernetesVersion": "1.23.6", "machineImage": "", "machineImageVersion": ""}})
    with suite.case("2.5: an empty kyma is filled in"):
        equal(parameters(kyma={})["kyma"], {"version": "2.4.2"})
    with suite.case("2.5: a version that was asked for stays"):
        equal(parameters(kyma={"version": "2.3.0"})["kyma"], {"version": "2.3.0"})
    with suite.case("2.5, D2: kubernetes without a version gets one, and keeps what was asked for"):
        equal(parameters(kubernetes={"machineImage": "gardenlinux", "machineImageVersion": "318.9.0"})["kubernetes"],
              {"kubernetesVersion": "1.23.6", "machineImage": "gardenlinux", "machineImageVersion": "318.9.0"})
    with suite.case("2.5: kubernetes with a version stays"):
        asked = {"kubernetesVersion": "1.20.8", "machineImage": "gardenlinux", "machineImageVersion": "318.9.0"}
        equal(parameters(kubernetes=asked)["kubernetes"], asked)


def odds(suite, system):
    with suite.case("E1 does not look at the content type"):
        answer = system.ask("POST", "/upgrade/kyma", body(), headers={"Content-Type": "text/plain"})
        equal(answer.status, 202)
    with suite.case("413: a body larger than the limit"):
        answer = system.ask("POST", "/upgrade/kyma", '{"a":"' + "x" * 600 * 1024 + '"}')
        equal(answer.status, 413)
    with suite.case("400: a body of a thousand levels"):
        answer = system.ask("POST", "/upgrade/kyma", '{"targets":' + "[" * 1000 + "]" * 1000 + "}")
        equal(answer.status, 400)
        has(answer.json["error"], DECODING)
    with suite.case("a selector list as long as a fleet's is accepted or refused, by name"):
        sent = {"targets": {"include": [{"runtimeID": f"nobody-{i}"} for i in range(2000)]}}
        answer = system.ask("POST", "/upgrade/kyma", json.dumps(sent, separators=(",", ":")))
        if answer.status == 202:
            equal(system.ended(answer.json["orchestrationID"])["state"], "succeeded")
        else:
            equal(answer.status, 400)
            has(answer.json["error"], "targets.include")
    with suite.case("a client that leaves in the middle of a body harms nobody"):
        import socket
        with socket.create_connection(("127.0.0.1", system.port)) as half:
            half.sendall(b"POST /upgrade/kyma HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        wait_for("the gateway answers", lambda: system.ask("GET", "/healthz", token=None).status == 200)


def cases(suite, system):
    accepted(suite, system)
    stored_as_sent(suite, system)
    refused(suite, system)
    enriched(suite, system)
    odds(suite, system)
