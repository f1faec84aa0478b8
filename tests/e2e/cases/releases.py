"""Releases: what there is, what differs for accounts and plans, which version is sent (OC 6.2), and a folder that changes
while the system runs."""
import contextlib
import json

from cases.retry import retry
from harness import equal, has, holds, partition_of, wait_for

KEY = {"Idempotency-Key": "named-while-it-was-there"}
ISTIO = [{"component": "istio", "namespace": "istio-system"}, {"component": "kiali", "namespace": "kyma-system"}]


def release(version, **more):
    return {"version": version, "components": ISTIO, "configuration": [{"key": "k", "value": "base"}], **more}


def override(value, disable=None, **match):
    return {"match": match, "configuration": [{"key": "k", "value": value}], **({"disable": disable} if disable else {})}


FOLDER = {
    "2.3.0": release("2.3.0"),
    "2.4.2": release("2.4.2", overrides=[override("sub", subAccount="rel-sub"), override("plan", plan="trial"),
                                         override("account", ["kiali"], globalAccount="rel-over")]),
    "versions": {"accounts": {"GA_rel-old": "2.3.0", "SA_rel-new": "2.4.2", "GA_rel-lost": "2.9.9"}},
}


def write(folder, files):
    """All at once, as far as that goes: each file is renamed into its place."""
    for name, content in files.items():
        path = folder / f"{name}.json"
        if content is None:
            path.unlink()
            continue
        new = folder / f".{name}"
        new.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        new.rename(path)


def values(config):
    return {entry["key"]: entry["value"] for entry in config["configuration"]}


def names(config):
    return [component["component"] for component in config["components"]]


def lists(suite, system):
    with suite.case("GET /releases: versions, default, hashes, accounts"):
        listed = system.get("/releases")
        holds(listed, {"count": 2, "totalCount": 2, "accounts": FOLDER["versions"]["accounts"]})
        holds(listed["data"], [{"version": "2.3.0", "default": False, "components": 2, "overrides": 0},
                               {"version": "2.4.2", "default": True, "components": 2, "overrides": 3}])
        equal([len(element["hash"]) for element in listed["data"]], [64, 64])
    with suite.case("GET /releases: a reader may, nobody else; other methods are 404 in text"):
        equal(system.ask("GET", "/releases", token=None).status, 401)
        equal(system.ask("GET", "/releases", token=system.token("runtimeOperator")).status, 200)
        equal(system.ask("POST", "/releases").status, 404)
    for query, want, components in (("", "base", ["istio", "kiali"]), ("?plan=trial", "plan", ["istio", "kiali"]),
                                    ("?account=rel-over&plan=trial", "account", ["istio"]),
                                    ("?account=rel-over&subaccount=rel-sub", "sub", ["istio"]),
                                    ("?account=rel", "base", ["istio", "kiali"])):
        with suite.case(f"GET /releases/2.4.2{query}: the configuration after overrides"):
            config = system.get(f"/releases/2.4.2{query}")
            equal((values(config), names(config)), ({"k": want}, components))
    with suite.case("GET /releases/VERSION: 404 for an unknown one, 400 for a parameter given twice or empty"):
        has(system.get("/releases/9", 404)["error"], "there is no release 9; there are: 2.3.0, 2.4.2")
        equal(system.ask("GET", "/releases/2.4.2?plan=a&plan=b").status, 400)
        equal(system.ask("GET", "/releases/2.4.2?account=").status, 400)


def details(system, orchestration_id, runtime_id):
    operation = system.operations(orchestration_id)[runtime_id]
    return system.get(f"/orchestrations/{orchestration_id}/operations/{operation['operationID']}")


def upgrades(suite, system):
    system.import_fleet("rel-old", ["rel-1", "rel-2"])
    system.import_fleet("rel-old", ["rel-3"], subAccount="rel-new")
    system.import_fleet("rel-over", ["rel-4"])
    system.import_fleet("rel-lost", ["rel-5"])
    include = [{"globalAccount": "^rel-"}]
    with suite.case("OC 6.2: the version of SA_, else of GA_, else the default; one that is unknown fails alone (D13)"):
        unnamed = system.upgrade(include=include, strategy={"parallel": {"workers": 9}})
        holds(system.ended(unnamed), {"state": "failed", "operationStats": {"succeeded": 4, "failed": 1},
                                      "parameters": {"kyma": {"version": "2.4.2"}}})
        operations = system.operations(unnamed)
        holds(operations["rel-5"], {"state": "failed", "description": "while deciding the Kyma configuration: there is no"
                                                                      " release 2.9.9; there are: 2.3.0, 2.4.2"})
        wait_for("its runtime shows the error", condition=lambda:
                 (status := system.runtime("rel-5")["status"])["state"] == "error" and
                 status["upgradingKyma"]["data"][0]["operationID"] == operations["rel-5"]["operationID"])
        equal({name: system.runtime(name)["kymaVersion"] for name in ("rel-1", "rel-2", "rel-3", "rel-4")},
              {"rel-1": "2.3.0", "rel-2": "2.3.0", "rel-3": "2.4.2", "rel-4": "2.4.2"})
    with suite.case("E8: kymaConfig is what was sent to this runtime, empty where nothing was"):
        config = details(system, unnamed, "rel-4")["kymaConfig"]
        equal((values(config), names(config)), ({"k": "account"}, ["istio"]))
        equal(details(system, unnamed, "rel-1")["kymaConfig"]["version"], "2.3.0")
        equal(details(system, unnamed, "rel-5")["kymaConfig"]["version"], "")
    with suite.case("OC 6.2: the version of the request counts above all accounts"):
        named = system.upgrade(include=include, strategy={"parallel": {"workers": 9}}, kyma={"version": "2.4.2"})
        holds(system.ended(named), {"state": "succeeded", "operationStats": {"succeeded": 5}})
    with suite.case("E8, 3.7: a dry run shows what would be sent"):
        dry = system.upgrade(include=[{"runtimeID": "rel-4"}], dryRun=True, kyma={"version": "2.4.2"})
        holds(system.ended(dry), {"state": "succeeded"})
        equal(values(details(system, dry, "rel-4")["kymaConfig"]), {"k": "account"})


def in_force(system, column="hash"):
    """As the lane `kyma` has it."""
    return system.sql(f"SELECT {column} FROM orchestrator.releases WHERE partition = "
                      f"{partition_of('kyma', system.partitions)}")


def changes(suite, system, folder):
    with suite.case("a folder that changes is in force everywhere within seconds, and an event in the log"):
        before = in_force(system)
        write(folder, {"2.5.0": release("2.5.0", overrides=[override("new", globalAccount="rel-over")])})
        wait_for("the gateway has it", lambda: system.ask("GET", "/releases/2.5.0").status == 200)
        wait_for("the orchestrator has it", lambda: in_force(system) != before)
        new = system.upgrade(include=[{"runtimeID": "rel-4"}], kyma={"version": "2.5.0"}, headers=KEY)
        holds(system.ended(new), {"state": "succeeded"})
        equal(values(details(system, new, "rel-4")["kymaConfig"]), {"k": "new"})
        adopted = [event["data"]["hash"] for record in system.records("orchestrations.events")
                   for event in record["events"] if event["type"] == "tidegate.orchestration.releasesAdopted.v1"]
        equal((before in adopted, in_force(system) in adopted), (True, True))
    with suite.case("a folder with one wrong file is refused whole: file, line and reason in the log and as an event"):
        good = in_force(system)
        # The wrong one first: who reads between the two finds a wrong folder, too.
        write(folder, {"2.5.0": '{"version": "2.5.0",\n "components": []}', "2.6.0": release("2.6.0")})
        reason = wait_for("it is refused", condition=lambda: in_force(system, "refused_reason"))
        has(reason, "2.5.0.json: line 2: components: must be a list")
        wait_for("the log says so", condition=lambda: any(
            line.get("event") == "releases_refused" and "line 2" in line["reason"]
            for line in system.log_lines("api-gateway")))
        equal(in_force(system), good)
        equal(system.ask("GET", "/releases/2.6.0").status, 404)
        equal(values(system.get("/releases/2.5.0")), {"k": "base"})
    with suite.case("a secret that is not sealed is refused; the mended folder is taken"):
        secret = {"match": {"plan": "trial"}, "configuration": [{"key": "s", "value": "plain", "secret": True}]}
        write(folder, {"2.5.0": release("2.5.0", overrides=[secret])})
        wait_for("it is refused", condition=lambda: "must be sealed" in in_force(
            system, "refused_reason"))
        write(folder, {"2.5.0": None, "2.6.0": None})
        wait_for("it is taken", condition=lambda: in_force(system) not in ("", good) and in_force(
            system, "refused_hash") == "")
        for version in ("2.5.0", "2.6.0"):
            wait_for("the gateway has taken it", lambda version=version: system.ask(
                "GET", f"/releases/{version}").status == 404)
    with suite.case("a release that is gone is 400 where a request names it"):
        equal(system.ask("POST", "/upgrade/kyma", {"targets": {"include": [{"runtimeID": "rel-4"}]},
                                                   "kyma": {"version": "2.5.0"}}).status, 400)
    with suite.case("but a request with an Idempotency-Key that named it then has its answer"):
        equal(system.upgrade(include=[{"runtimeID": "rel-4"}], kyma={"version": "2.5.0"}, headers=KEY), new)


def adopted(system, folder, files):
    before = in_force(system)
    write(folder, files)
    wait_for("the orchestrator has it", lambda: in_force(system) not in ("", before))


def retries(suite, system, folder):
    """once-1 has an override, once-2 has none."""
    system.import_fleet("mend-own", ["once-1"])
    system.import_fleet("mend-base", ["once-2"])
    adopted(system, folder, {"2.7.0": release("2.7.0", overrides=[override("wrong", globalAccount="mend-own")])})
    wait_for("the gateway has it", lambda: system.ask("GET", "/releases/2.7.0").status == 200)
    upgraded = system.upgrade(include=[{"runtimeID": name} for name in ("once-1", "once-2")], kyma={"version": "2.7.0"})
    with suite.case("OC 3.6: a retry keeps the version and sends what the mended release makes of it, as E8 shows"):
        holds(system.ended(upgraded), {"state": "failed", "operationStats": {"failed": 2}})
        before = {name: details(system, upgraded, name) for name in ("once-1", "once-2")}
        equal([values(one["kymaConfig"]) for one in before.values()], [{"k": "wrong"}, {"k": "base"}])
        mended = {**release("2.7.0", overrides=[override("right", ["kiali"], globalAccount="mend-own")]),
                  "configuration": [{"key": "k", "value": "better"}]}
        adopted(system, folder, {"2.7.0": mended, "versions": {"default": "2.3.0",
                                                               "accounts": {"GA_mend-own": "2.4.2"}}})
        equal(retry(system, upgraded).status, 202)
        holds(system.ended(upgraded), {"state": "succeeded", "operationStats": {"succeeded": 2}})
        after = {name: details(system, upgraded, name) for name in ("once-1", "once-2")}
        equal([(values(one["kymaConfig"]), names(one["kymaConfig"]), one["kymaConfig"]["version"])
               for one in after.values()],
              [({"k": "right"}, ["istio"], "2.7.0"), ({"k": "better"}, ["istio", "kiali"], "2.7.0")])
        equal([one["operationID"] for one in after.values()], [one["operationID"] for one in before.values()])
    with suite.case("OC 3.6: that is what the runtimes have by now"):
        for name, value in (("once-1", "right"), ("once-2", "better")):
            config = wait_for("it is shown", lambda name=name: system.runtime(name, "&kyma_config=true").get(
                "kymaConfig"))
            equal((values(config), config["version"]), ({"k": value}, "2.7.0"))
    system.import_fleet("mend-own", ["bad-mend"])
    failed = system.upgrade(include=[{"runtimeID": "bad-mend"}], kyma={"version": "2.7.0"})
    with suite.case("OC 3.6, 6.2: a retry of a version that is gone fails and says why, also where it had been sent"):
        holds(system.ended(failed), {"state": "failed"})
        adopted(system, folder, {"2.7.0": None})
        equal(retry(system, failed).status, 202)
        holds(system.ended(failed), {"state": "failed", "operationStats": {"failed": 1},
                                     "description": "Scheduled 1 operations, retried 1 operations"})
        holds(details(system, failed, "bad-mend"), {
            "state": "failed", "description": "while deciding the Kyma configuration: there is no release 2.7.0; there"
                                              " are: 2.3.0, 2.4.2"})


def cases(suite, system, folder):
    lists(suite, system)
    upgrades(suite, system)
    changes(suite, system, folder)
    with contextlib.suppress(FileNotFoundError):
        write(folder, {"2.5.0": None})
    retries(suite, system, folder)
