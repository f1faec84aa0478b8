"""Section 2: the body of an upgrade: what is accepted, what is stored of it, what is refused."""
from contract.rows import Row, Story
from contract.values import ID, Part, error, like

NOBODY = {"runtimeID": "nobody"}
INCLUDE = '"targets":{"include":[{"runtimeID":"nobody"}]}'
UPGRADE = "/upgrade/kyma"
CLUSTER = "/upgrade/cluster"


def strategy(schedule="immediate", workers=1):
    return {"type": "parallel", "schedule": schedule, "parallel": {"workers": workers}}


def body(**members):
    return {"targets": {"include": [NOBODY]}, **members}


STORED = {"targets": {"include": [NOBODY]}, "strategy": strategy()}

# rows, name, body, what is stored of it
ACCEPTED = [
    ("Q8 2.2/workers D1 2.2/schedule", "what kcp sends",
     "{" + INCLUDE + ',"strategy":{"type":"parallel","parallel":{"workers":0}},"kyma":{}}', {**STORED, "kyma": {}}),
    ("D1 2.4/absent 2.2/type", "without kyma and strategy", body(), STORED),
    ("2.2/type 2.2/schedule 2.3/p-strategy", "empty type and schedule", body(strategy={"type": "", "schedule": ""}),
     STORED),
    ("2.2/schedule 2.2/workers", "a window and workers", body(strategy={"schedule": "maintenanceWindow",
                                                                       "parallel": {"workers": 7}}),
     {**STORED, "strategy": strategy("maintenanceWindow", 7)}),
    ("2.1/case", "names in any case",
     {"TARGETS": {"Include": [{"runtimeId": "nobody"}]}, "DRYRUN": True, "Strategy": {"PARALLEL": {"Workers": 3}},
      "Kyma": {"VERSION": "2.3.0"}},
     {"targets": {"include": [NOBODY]}, "strategy": strategy(workers=3), "dryRun": True, "kyma": {"version": "2.3.0"}}),
    ("2.1/null", "null is absent", body(strategy=None, dryRun=None, kyma=None, kubernetes=None), STORED),
    ("2.1/unknown", "unknown members", body(version="1", scheduleTime="x", notification={}, strategy={"colour": 1}),
     STORED),
    ("2.1/unknown", "unknown members that nothing can hold",
     "{" + INCLUDE + r',"x":["\u0000","\ud800",123456789012345678901234567890,1e999],"y":' + "[" * 100 + "]" * 100 + "}",
     STORED),
    ("2.1/last", "the last counts", '{"targets":{"include":[{"runtimeID":"a","runtimeID":"nobody"}]},'
     '"dryRun":true,"dryRun":false}', STORED),
    ("2.1/behind", "bytes behind the value", "{" + INCLUDE + "} and more", STORED),
    ("2.4/dryRun 2.2/dryRun", "a dry run", body(dryRun=True), {**STORED, "dryRun": True}),
    ("2.4/dryRun 2.2/dryRun", "none", body(dryRun=False), STORED),
    ("2.4/empty", "empty members and exclude",
     {"targets": {"include": [{"runtimeID": "nobody", "region": "", "shoot": None}], "exclude": []}}, STORED),
    ("2.4/complete 2.2/exclude", "an exclude", {"targets": {"include": [NOBODY], "exclude": [{"shoot": "c-1"}]}},
     {**STORED, "targets": {"include": [NOBODY], "exclude": [{"shoot": "c-1"}]}}),
    ("2.4/three 2.2/kubernetes", "an image alone", body(kubernetes={"machineImage": "gardenlinux"}),
     {**STORED, "kubernetes": {"kubernetesVersion": "", "machineImage": "gardenlinux", "machineImageVersion": ""}}),
    ("2.2/version 2.4/absent 2.6/semantic", "a version", body(kyma={"version": "1.11.0"}),
     {**STORED, "kyma": {"version": "1.11.0"}}),
    ("2.6/empty", "an empty version", body(kyma={"version": ""}), Part(targets={"include": [NOBODY]},
                                                                       strategy=strategy())),
]


def stored(world, got):
    for lane in ("kyma", "cluster"):
        for _, name, sent, _ in ACCEPTED:
            answer = world.ask("POST", f"/upgrade/{lane}", sent, headers={"Content-Type": "application/json"})
            if answer["status"] == 202:
                world.call(f"{lane}:{name}", answer["body"]["orchestrationID"])
            got[f"{lane}: {name}"] = {"status": answer["status"], "body": world.named(answer["body"])}
    for _, name, _, _ in ACCEPTED:
        if f"kyma:{name}" in world.names:
            world.ended(f"kyma:{name}")
    events = {event["subject"]: event["data"]["parameters"]
              for event in world.records("orchestrations.events", "orchestration.accepted")}
    for lane in ("kyma", "cluster"):
        for _, name, _, _ in ACCEPTED:
            answer = got[f"{lane}: {name}"]
            answer["parameters"] = events.get(f"<{lane}:{name}>")


STORIES = [Story("accepted", stored, {
    f"{lane}: {name}": (shows + (" E1" if lane == "kyma" else " E2"), {
        "status": 202, "body": {"orchestrationID": f"<{lane}:{name}>"}, "parameters": want})
    for lane in ("kyma", "cluster") for shows, name, _, want in ACCEPTED})]

DECODING, TARGET = "while decoding request body: ", "while validating target: "
STRATEGY, VERSION = "while validating strategy: ", "while validating kyma version: "


def selector(**members):
    return {"targets": {"include": [{"target": "all"}, members]}}


def excluding(**members):
    return {"targets": {"include": [NOBODY], "exclude": [members]}}


# rows, name, body, the text's beginning, a pattern of its rest
REFUSED = [
    ("2.1/type", "targets that is a list", {"targets": []}, DECODING, ".*targets.*"),
    ("2.1/type", "include that is an object", {"targets": {"include": {}}}, DECODING, ".*include.*"),
    ("2.1/type", "a selector that is a text", {"targets": {"include": ["all"]}}, DECODING, ".*include.*"),
    ("2.1/type", "a number for a text", selector(region=1), DECODING, ".*region.*"),
    ("2.1/type", "dryRun as text", body(dryRun="true"), DECODING, ".*dryRun.*"),
    ("2.1/type", "kyma as text", body(kyma="2.4.2"), DECODING, ".*kyma.*"),
    ("2.1/type", "a list", "[]", DECODING, ".*"),
    ("2.1/last 2.1/case", "two spellings, one of them twice",
     "{" + INCLUDE + ',"dryRun":true,"DRYRUN":false,"dryRun":true}', DECODING, ".*dryRun.*"),
    ("2.1/null 2.1/last", "null behind a value", "{" + INCLUDE + ',"dryRun":true,"dryRun":null}', DECODING, ".*dryRun.*"),
    ("2.1/workers 2.1/type", "workers with a fraction", body(strategy={"parallel": {"workers": 1.5}}), DECODING,
     ".*workers.*"),
    ("2.1/workers", "workers 1.0", body(strategy={"parallel": {"workers": 1.0}}), DECODING, ".*workers.*"),
    ("2.1/workers", "workers as text", body(strategy={"parallel": {"workers": "5"}}), DECODING, ".*workers.*"),
    ("2.2/include", "no include", {"targets": {"exclude": [NOBODY]}}, TARGET,
     "targets.include array must be not empty"),
    ("2.3/p-empty D4", "an empty selector", {"targets": {"include": [{}]}}, TARGET, ".*include.*"),
    ("2.3/p-empty D4", "a null selector", {"targets": {"include": [None]}}, TARGET, ".*include.*"),
    ("2.3/p-empty D4", "empty members alone", selector(region="", shoot=None), TARGET, ".*include.*"),
    ("2.3/p-unknown D4 2.1/case", "a misspelt member", selector(regoin="eu"), TARGET, ".*regoin.*"),
    ("2.3/p-unknown D4", "an unknown member beside a good one", selector(region="eu", plan="azure"), TARGET,
     ".*plan.*"),
    ("2.3/p-target 2.3/target", "another target", selector(target="ALL"), TARGET, ".*target.*"),
    ("2.3/p-pattern 2.3/re2", "a bad pattern in include", selector(globalAccount="CA["), TARGET, ".*globalAccount.*"),
    ("2.3/p-pattern 2.3/re2", "a lookahead", selector(region="(?=eu)"), TARGET, ".*region.*"),
    ("2.3/p-pattern 2.3/re2", "a back reference", selector(subAccount="(a)\\1"), TARGET, ".*subAccount.*"),
    ("2.3/p-pattern D5", "a bad pattern in exclude", excluding(region="*"), TARGET, ".*exclude.*"),
    ("2.3/p-empty D4", "an empty selector in exclude", excluding(), TARGET, ".*exclude.*"),
    ("2.3/p-unknown D4", "a misspelt member in exclude", excluding(runtime="x"), TARGET, ".*exclude.*"),
    ("2.3/p-workers D7", "negative workers", body(strategy={"parallel": {"workers": -1}}), STRATEGY, ".*workers.*"),
    ("2.3/p-strategy D6", "an unknown schedule", body(strategy={"schedule": "maintenancewindow"}), STRATEGY,
     ".*schedule.*"),
    ("2.3/p-strategy", "an unknown type", body(strategy={"type": "serial"}), STRATEGY, ".*type.*"),
]
REFUSALS = [Row(f"{shows} 1.2/shape", f"{target}: {name}", target, 400, error(like(start, rest)), method="POST",
                sent=sent, send_headers={"Content-Type": "application/json"})
            for target in (UPGRADE, CLUSTER) for shows, name, sent, start, rest in REFUSED]

# version, status, text: whether there is a release decides where the form is right
VERSIONS = [
    ("2.6/form D22", "foo", 400, VERSION), ("2.6/form D22", "main-", 400, VERSION), ("2.6/form", "1.24.", 400, VERSION),
    ("2.6/form", "PR-", 400, VERSION), ("2.6/form", "../../etc/passwd", 400, VERSION),
    ("2.6/existence D28", "2.9.9", 400, VERSION + "invalid Kyma version, version 2.9.9 not found"),
    ("2.6/semantic 2.6/existence", "2.0.0-rc4", 400, VERSION + "invalid Kyma version, version 2.0.0-rc4 not found"),
    ("2.6/pull-request 2.6/existence", "PR-1234", 400, VERSION + "invalid Kyma version, version PR-1234 not found"),
    ("2.6/commit 2.6/existence", "main-0123abcd", 400,
     VERSION + "invalid Kyma version, version main-0123abcd not found"),
]
CHECKED = [Row(shows, f"version {version}", UPGRADE, status, error(like(text)), method="POST",
               sent=body(kyma={"version": version})) for shows, version, status, text in VERSIONS]
CHECKED += [
    Row("2.6/semantic", f"version {version}", UPGRADE, 202, {"orchestrationID": ID}, method="POST",
        sent=body(kyma={"version": version})) for version in ("2.4.2", "2.3.0", "1.11.0")]
CHECKED += [Row("2.6/empty", "no version", UPGRADE, 202, {"orchestrationID": ID}, method="POST",
                sent=body(kyma={"version": ""}))]


def enriched(world, got):
    asked = {"kubernetesVersion": "1.20.8", "machineImage": "gardenlinux", "machineImageVersion": "318.9.0"}
    for lane in ("kyma", "cluster"):
        for name, members in [("nothing", {}), ("an empty kyma", {"kyma": {}}),
                              ("a version", {"kyma": {"version": "2.3.0"}}),
                              ("an image", {"kubernetes": {"machineImage": "gardenlinux"}}),
                              ("all of kubernetes", {"kubernetes": asked})]:
            world.upgrade(f"{lane} with {name}", [NOBODY], lane=lane, **members)
            parameters = world.ended(f"{lane} with {name}")["parameters"]
            got[f"{lane} with {name}"] = {"kyma": parameters["kyma"], "kubernetes": parameters["kubernetes"]}


DEFAULT = {"kubernetesVersion": "1.23.6", "machineImage": "", "machineImageVersion": ""}
ENRICHED = {}
for _lane in ("kyma", "cluster"):
    ENRICHED[f"{_lane} with nothing"] = ("2.5/kyma 2.5/kubernetes Q13", {"kyma": {"version": "2.4.2"},
                                                                        "kubernetes": DEFAULT})
    ENRICHED[f"{_lane} with an empty kyma"] = ("2.5/kyma", {"kyma": {"version": "2.4.2"}, "kubernetes": DEFAULT})
    ENRICHED[f"{_lane} with a version"] = ("2.5/kyma", {"kyma": {"version": "2.3.0"}, "kubernetes": DEFAULT})
    # The version alone is filled in: an image that was asked for is sent, so it stays shown.
    ENRICHED[f"{_lane} with an image"] = ("2.5/kubernetes D2", {"kyma": {"version": "2.4.2"}, "kubernetes": {
        **DEFAULT, "machineImage": "gardenlinux"}})
    ENRICHED[f"{_lane} with all of kubernetes"] = ("2.5/kubernetes 2.2/kubernetes", {
        "kyma": {"version": "2.4.2"}, "kubernetes": {"kubernetesVersion": "1.20.8", "machineImage": "gardenlinux",
                                                     "machineImageVersion": "318.9.0"}})

TESTS = [*STORIES, *REFUSALS, *CHECKED, Story("enriched", enriched, ENRICHED)]
