"""The command line: tables for people, -o json and exit codes for scripts."""
import json
import os

from harness import PATIENCE_S, equal, has, holds, runtime_line

DONE, FAILED, USAGE, NOT_FOUND, DENIED, UNAVAILABLE = range(6)


def cases(suite, system):
    def run(*words, code=DONE, **more):
        done = system.tidectl(*words, **more)
        if done.returncode != code:
            raise AssertionError(f"tidectl {' '.join(words)} ended with {done.returncode}, not {code}:"
                                 f" {done.stdout}{done.stderr}")
        return done

    def read(*words, **more):
        return json.loads(run("-o", "json", *words, **more).stdout)

    fleet = [runtime_line(name, globalAccount="ga-ctl") for name in ("ctl-1", "ctl-2")]
    text = "".join(json.dumps(line) + "\n" for line in fleet)
    file = system.run / "fleet.ndjson"
    file.write_text(text)

    with suite.case("tidectl import FILE"):
        has(run("import", str(file)).stdout, "2")
    with suite.case("tidectl import -: standard input; -o json is the server's answer"):
        holds(read("import", "-", stdin=text), {"imported": 0, "unchanged": 2, "rejected": []})
    with suite.case("tidectl import: rejected lines are told with their number, and it fails"):
        done = run("import", "-", stdin=text + json.dumps(runtime_line("ctl-3", planName="gold")) + "\n", code=FAILED)
        has(done.stdout + done.stderr, "gold")
        has(done.stdout + done.stderr, "3")
    with suite.case("tidectl import: a file that is not there"):
        run("import", str(system.run / "nothing.ndjson"), code=USAGE)
    with suite.case("tidectl upgrade kyma"):
        done = run("upgrade", "kyma", "--target", "runtime=nobody")
        has(done.stdout, "accepted")
    with suite.case("tidectl upgrade kyma -o json: the server's answer"):
        equal(set(read("upgrade", "kyma", "--target", "runtime=nobody")), {"orchestrationID"})
    with suite.case("tidectl upgrade kyma --wait: 0 when all succeeded, and it says so"):
        done = run("upgrade", "kyma", "--target", "account=^ga-ctl$", "--workers", "2", "--wait")
        has(done.stdout, "succeeded")
        if "\x1b" in done.stdout:
            raise AssertionError("colours without a terminal")
    with suite.case("tidectl upgrade kyma --wait: 1 when one failed"):
        system.import_fleet("ga-ctl-bad", ["bad-ctl"])
        run("upgrade", "kyma", "--target", "account=ga-ctl-bad", "--wait", code=FAILED)
    with suite.case("tidectl upgrade kyma --idempotency-key: the same answer"):
        words = ("upgrade", "kyma", "--target", "runtime=nobody", "--idempotency-key", "ctl-" + os.urandom(8).hex())
        equal(read(*words), read(*words))
    with suite.case("tidectl upgrade kyma: all options reach the server"):
        answer = read("upgrade", "kyma", "--target", "account=ga-ctl$,region=west", "--exclude", "shoot=c-ctl-2",
                      "--version", "2.3.0", "--schedule", "maintenancewindow", "--workers", "4", "--dry-run")
        holds(system.ended(answer["orchestrationID"])["parameters"], {
            "targets": {"include": [{"globalAccount": "ga-ctl$", "region": "west"}],
                        "exclude": [{"shoot": "c-ctl-2"}]},
            "strategy": {"type": "parallel", "schedule": "maintenanceWindow", "parallel": {"workers": 4}},
            "dryRun": True, "kyma": {"version": "2.3.0"}})
        orchestration_id = answer["orchestrationID"]
    with suite.case("tidectl orchestrations: every page, as one array"):
        listed = read("orchestrations")
        equal(len(listed), system.get("/orchestrations?page_size=1")["totalCount"])
        has(run("orchestrations").stdout, orchestration_id)
    with suite.case("tidectl orchestrations --state"):
        equal({o["state"] for o in read("orchestrations", "--state", "failed")}, {"failed"})
    with suite.case("tidectl orchestration ID"):
        equal(read("orchestration", orchestration_id), system.orchestration(orchestration_id))
        has(run("orchestration", orchestration_id).stdout, orchestration_id)
    with suite.case("tidectl operations ID"):
        equal([o["runtimeID"] for o in read("operations", orchestration_id)], ["ctl-1"])
        has(run("operations", orchestration_id).stdout, "ctl-1")
    with suite.case("tidectl runtimes with filters"):
        equal(sorted(r["runtimeID"] for r in read("runtimes", "--account", "ga-ctl")), ["ctl-1", "ctl-2"])
        equal(read("runtimes", "--runtime", "ctl-1", "--plan", "azure", "--region", "mars"), [])
        has(run("runtimes", "--account", "ga-ctl").stdout, "2.4.2")
    filters(suite, system, run, read)
    with suite.case("tidectl upgrade kyma -o json --wait: the orchestration when it has ended"):
        ended = read("upgrade", "kyma", "--target", "account=^ga-ctl$", "--max-failures", "3", "--wait")
        holds(ended, {"state": "succeeded", "parameters": {"strategy": {"maxFailures": 3}}})
    with suite.case("tidectl orchestration ID --watch: each change of each operation once, with its time"):
        lines = run("orchestration", ended["orchestrationID"], "--watch").stdout.splitlines()
        equal(len(lines), len(set(lines)))
        equal(sorted(line.split(" ")[2] for line in lines if " succeeded: " in line),
              ["c-ctl-1", "c-ctl-2", "orchestration"])
        has(lines[-1], "2 of 2 done: 2 succeeded, 0 failed")
    clusters(suite, system, run, read)
    retries(suite, system, run, read)
    releases(suite, system, run, read)
    with suite.case("tidectl cancel ID of one that runs"):
        system.import_fleet("ga-ctl-slow", ["slow-ctl-1", "slow-ctl-2"])
        with system.held("slow-ctl-1", "slow-ctl-2"):
            running = read("upgrade", "kyma", "--target", "account=ga-ctl-slow")["orchestrationID"]
            equal(read("cancel", running), {"orchestrationID": running})
        run("orchestration", running, "--watch", code=FAILED)
        equal(system.orchestration(running)["state"], "canceled")

    with suite.case("exit code 1: the server refuses"):
        has(run("upgrade", "kyma", "--target", "account=[", code=FAILED).stderr, "while validating target")
    for name, words in [("no command", ()), ("an unknown command", ("fly",)), ("no target", ("upgrade", "kyma")),
                        ("an empty target", ("upgrade", "kyma", "--target", "region=")),
                        ("a misspelt target", ("upgrade", "kyma", "--target", "regoin=eu")),
                        ("nothing to upgrade", ("upgrade", "--target", "all")),
                        ("workers that are none", ("upgrade", "kyma", "--target", "all", "--workers", "-1")),
                        ("an empty operation, which would be all of them", ("retry", orchestration_id, "--operation", "")),
                        ("a list without an operation", ("retry", orchestration_id, "--operation=,,")),
                        ("an empty filter, which would be everything", ("runtimes", "--account", "")),
                        ("an empty version, which would be the default", ("upgrade", "kyma", "--target", "runtime=none",
                                                                         "--version", "")),
                        ("an empty key, which would be none", ("upgrade", "kyma", "--target", "runtime=none", "--key=")),
                        ("an empty server, which would be another one", ("--url", "", "orchestrations")),
                        ("an ID too few", ("orchestration",)), ("an unknown option", ("runtimes", "--colour")),
                        ("an unknown output", ("-o", "yaml", "runtimes"))]:
        with suite.case(f"exit code 2: {name}"):
            done = run(*words, code=USAGE)
            has(done.stdout + done.stderr, "tidectl")
    for words in [("orchestration", "not-there"), ("operations", "not-there"), ("cancel", "not-there"),
                  ("orchestration", "not-there", "--watch")]:
        with suite.case(f"exit code 3: {' '.join(words)}"):
            run(*words, code=NOT_FOUND)
    with suite.case("exit code 4: no rights"):
        run("cancel", "not-there", code=DENIED, settings={"TIDEGATE_TOKEN": system.token("runtimeOperator")})
        run("orchestrations", code=DENIED, settings={"TIDEGATE_TOKEN": "rubbish"})
    with suite.case("exit code 5: nobody listens"):
        run("--url", "http://127.0.0.1:1", "orchestrations", code=UNAVAILABLE)
    runtimes(suite, system, run, read)
    with suite.case("tidectl --help lists the exit codes"):
        has(run("--help").stdout, "exit codes")


def filters(suite, system, run, read):
    def runtime_ids(*words):
        return sorted(r["runtimeID"] for r in read("runtimes", *words))
    with suite.case("tidectl runtimes: each filter, with several values"):
        for words in (("--account", "ga-ctl,ga-none"), ("--account", "ga-ctl", "--account", "ga-none"),
                      ("--runtime", "ctl-1,ctl-2"), ("--shoot", "c-ctl-1,c-ctl-2"),
                      ("--account", "ga-ctl", "--subaccount", "sa-e2e", "--plan", "azure", "--region", "westeurope",
                       "--state", "succeeded,failed", "--last"),
                      ("--instance", ",".join(r["instanceID"] for r in read("runtimes", "--account", "ga-ctl")))):
            equal(runtime_ids(*words), ["ctl-1", "ctl-2"], " ".join(words))
        equal(runtime_ids("--account", "ga-ctl", "--state", "upgrading"), [])
        equal(runtime_ids("--account", "ga-ctl", "--subaccount", "none"), [])
    with suite.case("tidectl runtimes --kyma-config --cluster-config"):
        equal({("kymaConfig" in r, "clusterConfig" in r) for r in
               read("runtimes", "--account", "ga-ctl", "--kyma-config", "--cluster-config")}, {(True, True)})
    with suite.case("tidectl: --page and --page-size give one page"):
        equal([len(read("orchestrations", "--page", page, "--page-size", "1")) for page in ("1", "2", "100000")],
              [1, 1, 0])
        equal([r["runtimeID"] for page in ("1", "2") for r in
               read("runtimes", "--account", "ga-ctl", "--page", page, "--page-size", "1")],
              [r["runtimeID"] for r in read("runtimes", "--account", "ga-ctl")])
        has(run("runtimes", "--page", "0", code=FAILED).stderr, "page cannot be smaller than 1")


def clusters(suite, system, run, read):
    words = ("upgrade", "cluster", "--target", "account=^ga-ctl$", "--kubernetes-version", "1.23.4", "--machine-image",
             "gardenlinux", "--machine-image-version", "318.9.0")
    with suite.case("tidectl upgrade cluster --wait -o json: what was asked for"):
        ended = read(*words, "--workers", "2", "--max-failures", "1", "--schedule", "immediate", "--wait")
        holds(ended, {"type": "upgradeCluster", "state": "succeeded", "parameters": {
            "strategy": {"type": "parallel", "schedule": "immediate", "parallel": {"workers": 2}, "maxFailures": 1},
            "kubernetes": {"kubernetesVersion": "1.23.4", "machineImage": "gardenlinux",
                           "machineImageVersion": "318.9.0"}}})
        has(run("orchestration", ended["orchestrationID"]).stdout, "gardenlinux 318.9.0")
    with suite.case("tidectl orchestration ID --operation ID: of a cluster upgrade"):
        operation = read("operations", ended["orchestrationID"])[0]["operationID"]
        detail = read("orchestration", ended["orchestrationID"], "--operation", operation)
        equal(detail, system.get(f"/orchestrations/{ended['orchestrationID']}/operations/{operation}"))
        equal(detail["clusterConfig"]["kubernetesVersion"], "1.23.4")
        shown = run("orchestration", ended["orchestrationID"], "--operation", operation).stdout
        for part in (operation, "1.23.4", "gardenlinux", "318.9.0", "succeeded"):
            has(shown, part)
    with suite.case("tidectl upgrade cluster --key: the same answer"):
        key = ("--dry-run", "--key", "ctl-" + os.urandom(8).hex())
        equal(read(*words, *key), read(*words, *key))
    for name, wrong in (("Kyma's version", ("upgrade", "cluster", "--target", "all", "--version", "2.4.2")),
                        ("a cluster's version", ("upgrade", "kyma", "--target", "all", "--kubernetes-version", "1.21")),
                        ("no number of failures", ("upgrade", "kyma", "--target", "all", "--max-failures", "0")),
                        ("no text", ("upgrade", "kyma", "--target", "all", "--version", "\udcff")),
                        ("watching one operation", ("orchestration", "x", "--watch", "--operation", "y"))):
        with suite.case(f"exit code 2: {name} where it does not belong"):
            has(run(*wrong, code=USAGE).stderr, "usage: tidectl")


def retries(suite, system, run, read):
    system.import_fleet("ga-ctl-retry", ["bad-ctl-r1", "bad-ctl-r2", "ctl-r3"])
    failed = read("upgrade", "kyma", "--target", "account=^ga-ctl-retry$", "--workers", "3")["orchestrationID"]
    run("orchestration", failed, "--watch", code=FAILED)
    by_runtime = {o["runtimeID"]: o["operationID"] for o in read("operations", failed)}
    with suite.case("tidectl orchestration ID --operation ID: of a Kyma upgrade"):
        detail = read("orchestration", failed, "--operation", by_runtime["bad-ctl-r1"])
        holds(detail, {"state": "failed", "kymaConfig": {"version": "2.4.2"}})
        has(run("orchestration", failed, "--operation", by_runtime["bad-ctl-r1"]).stdout, "2.4.2")
        run("orchestration", failed, "--operation", "not-there", code=NOT_FOUND)
    with suite.case("tidectl retry ID --operation A,B: all five members, readably and as JSON"):
        key = ("--key", "ctl-" + os.urandom(8).hex())
        words = ("retry", failed, "--operation", f"{by_runtime['bad-ctl-r1']},{by_runtime['ctl-r3']}", *key)
        answer = read(*words)
        equal((answer["orchestrationID"], answer["retryOperations"], answer["oldOperations"],
               answer["invalidOperations"]), (failed, [by_runtime["bad-ctl-r1"]], None, [by_runtime["ctl-r3"]]))
        shown = run(*words).stdout  # the same answer, by its key
        for part in (failed, answer["msg"], "1 to run again", by_runtime["bad-ctl-r1"], by_runtime["ctl-r3"]):
            has(shown, part)
    with suite.case("tidectl retry ID --wait: all that failed; 1 as they fail again"):
        run("orchestration", failed, "--watch", code=FAILED)
        done = run("retry", failed, "--wait", code=FAILED)
        has(done.stdout, "2 to run again")
        has(done.stdout, "istio: ingress gateway not ready")
    with suite.case("tidectl retry ID: 1 if there is nothing to retry"):
        succeeded = read("upgrade", "kyma", "--target", "runtime=ctl-r3", "--wait")["orchestrationID"]
        has(run("retry", succeeded, code=FAILED).stdout, "No valid operations to retry")
    with suite.case("tidectl retry ID --operation: as many as the server takes, in one list or several"):
        named = [f"{i:08d}-0000-4000-8000-000000000000" for i in range(9000)]
        lists = [word for i in range(0, len(named), 3000) for word in ("--operation", ",".join(named[i:i + 3000]))]
        answer = json.loads(run("-o", "json", "retry", succeeded, *lists, code=FAILED).stdout)
        equal((answer["retryOperations"], answer["invalidOperations"]), (None, named))
    with suite.case("exit code 1: tidectl retry ID --operation of more than that"):
        has(run("retry", succeeded, *lists, *lists, code=FAILED).stderr, "HTTP 413")
    with suite.case("exit code 3: tidectl retry of what is not there"):
        run("retry", "not-there", code=NOT_FOUND)


def releases(suite, system, run, read):
    with suite.case("tidectl releases"):
        answer = read("releases")
        equal(answer, system.get("/releases"))
        equal([r["version"] for r in answer["data"] if r["default"]], ["2.4.2"])
        for part in ("VERSION", "2.4.2", "yes"):
            has(run("releases").stdout, part)
    with suite.case("tidectl releases VERSION, also for an account, subaccount and plan"):
        equal(read("releases", "2.4.2"), system.get("/releases/2.4.2"))
        equal(read("releases", "2.4.2", "--account", "a", "--subaccount", "s", "--plan", "azure"),
              system.get("/releases/2.4.2?account=a&subaccount=s&plan=azure"))
        has(run("releases", "2.4.2").stdout, "istio")
    with suite.case("tidectl releases of a version that is not there, and without one for an account"):
        run("releases", "0.0.1", code=NOT_FOUND)
        run("releases", "--account", "a", code=USAGE)


CONFIG = {"version": "2.3.0", "profile": "Evaluation", "configuration": [{"key": "a.b", "value": "1", "secret": True}],
          "components": [{"component": "compass-runtime-agent", "namespace": "compass-system"}]}


def runtimes(suite, system, run, read):
    """runtime, operation: by the provisioner's GraphQL API."""
    account = "ga-ctl-graphql"
    system.import_fleet(account, ["ctl-one", "bad-ctl-one", "slow-ctl-one"])
    plain, wrapped, broken, wrong = (system.run / f"{name}.json" for name in ("plain", "wrapped", "broken", "wrong"))
    plain.write_text(json.dumps(CONFIG))
    wrapped.write_text(json.dumps({"kymaConfig": {**CONFIG, "version": "2.4.2"}}))
    broken.write_text("{")
    wrong.write_text(json.dumps({**CONFIG, "version": 5}))

    def version(runtime_id):
        return read("runtime", runtime_id)["runtimeConfiguration"]["kymaConfig"]["version"]

    with suite.case("tidectl runtime ID: its tenant is found in the fleet"):
        shown = run("runtime", "ctl-one").stdout
        for part in ("ctl-one", "c-ctl-one", "azure", "2.3.0", "compass-runtime-agent"):
            has(shown, part)
        equal("kubeconfig" in shown, False)
    with suite.case("tidectl runtime ID -o json: the server's answer"):
        holds(read("runtime", "ctl-one"), {"lastOperationStatus": None, "runtimeConfiguration": {
            "clusterConfig": {"name": "c-ctl-one"}, "kymaConfig": {"version": "2.3.0"}}})
    with suite.case("tidectl runtime ID --tenant, and TIDEGATE_TENANT"):
        has(run("runtime", "ctl-one", "--tenant", account).stdout, "c-ctl-one")
        has(run("runtime", "ctl-one", settings={"TIDEGATE_TENANT": account}).stdout, "c-ctl-one")
    with suite.case("tidectl runtime upgrade ID --version --wait: 0 when it succeeded, and it says so"):
        done = run("runtime", "upgrade", "ctl-one", "--version", "2.4.2", "--wait")
        has(done.stdout, "Succeeded")
        equal(("\x1b" in done.stdout, version("ctl-one")), (False, "2.4.2"))
    with suite.case("tidectl runtime rollback ID: the configuration before, twice the same"):
        for _ in range(2):
            has(run("runtime", "rollback", "ctl-one").stdout, "2.3.0")
        holds(read("runtime", "rollback", "ctl-one"), {"lastOperationStatus": {"operation": "Upgrade"},
              "runtimeConfiguration": {"kymaConfig": {"version": "2.3.0"}}})
    for name, file, want in (("as it is", plain, "2.3.0"), ("in kymaConfig", wrapped, "2.4.2")):
        with suite.case(f"tidectl runtime upgrade ID -f: a configuration {name}"):
            ended = read("runtime", "upgrade", "ctl-one", "-f", str(file), "--wait")
            holds(ended, {"operation": "Upgrade", "state": "Succeeded", "runtimeID": "ctl-one", "lastError": None})
            shown = read("runtime", "ctl-one")
            equal(shown["lastOperationStatus"]["id"], ended["id"])
            holds(shown["runtimeConfiguration"]["kymaConfig"],
                  {"version": want, "profile": "Evaluation", "components": [{"component": "compass-runtime-agent"}]})
    with suite.case("tidectl runtime upgrade ID --wait: 1 when it failed, with its last error"):
        done = run("runtime", "upgrade", "bad-ctl-one", "--version", "2.4.2", "--wait", code=FAILED)
        has(done.stdout, "istio: ingress gateway not ready")
    with system.held("slow-ctl-one"):
        started = read("runtime", "upgrade", "slow-ctl-one", "--version", "2.4.2")
        with suite.case("tidectl runtime upgrade ID -o json without --wait: the operation, in progress"):
            holds(started, {"operation": "Upgrade", "state": "InProgress", "runtimeID": "slow-ctl-one"})
        with suite.case("tidectl runtime: a second upgrade and a rollback are refused while one runs"):
            has(run("runtime", "upgrade", "slow-ctl-one", "--version", "2.4.2", code=FAILED).stderr, "in progress")
            has(run("runtime", "rollback", "slow-ctl-one", code=FAILED).stderr, "already finished")
        watching = system.spawn("operation", started["id"], "--watch", "--tenant", account)
        first = watching.stdout.readline()
    with suite.case("tidectl operation ID --watch: until the end, each change once"):
        lines = [first, *watching.communicate(timeout=PATIENCE_S)[0].splitlines(keepends=True)]
        equal(watching.returncode, DONE, repr(lines))
        told = [line for line in lines if line[:2] == "20"]
        equal((len(told) > 1, len(told), " Succeeded: " in told[-1]), (True, len(set(told)), True))
    with suite.case("tidectl operation ID, also as JSON"):
        has(run("operation", started["id"], "--tenant", account).stdout, "Succeeded")
        holds(read("operation", started["id"], settings={"TIDEGATE_TENANT": account}),
              {"id": started["id"], "state": "Succeeded", "runtimeID": "slow-ctl-one"})
    with suite.case("tidectl operation ID --watch: 1 if it failed"):
        failed = read("runtime", "bad-ctl-one")["lastOperationStatus"]["id"]
        run("operation", failed, "--watch", "--tenant", account, code=FAILED)

    with suite.case("tidectl runtime upgrade: a configuration that does not fit is refused"):
        has(run("runtime", "upgrade", "ctl-one", "-f", str(wrong), code=FAILED).stderr, "version")
    for words in (("runtime", "not-there"), ("runtime", "not-there", "--tenant", account),
                  ("runtime", "ctl-one", "--tenant", "another"),
                  ("runtime", "rollback", "not-there", "--tenant", account),
                  ("runtime", "upgrade", "not-there", "--version", "2.4.2", "--tenant", account),
                  ("runtime", "upgrade", "ctl-one", "--version", "0.0.1"),
                  ("operation", "not-there", "--tenant", account), ("operation", started["id"], "--tenant", "another"),
                  ("operation", "not-there", "--watch", "--tenant", account)):
        with suite.case(f"exit code 3: {' '.join(words).replace(started['id'], 'ID')}"):
            run(*words, code=NOT_FOUND)
    for name, words in (("no ID", ("runtime",)), ("no ID to upgrade", ("runtime", "upgrade", "--version", "2.4.2")),
                        ("no ID to roll back", ("runtime", "rollback")), ("two IDs", ("runtime", "a", "b")),
                        ("nothing to upgrade to", ("runtime", "upgrade", "ctl-one")),
                        ("two things to upgrade to",
                         ("runtime", "upgrade", "ctl-one", "--version", "2.4.2", "-f", str(plain))),
                        ("--wait where nothing begins", ("runtime", "rollback", "ctl-one", "--wait")),
                        ("a file that is not there", ("runtime", "upgrade", "ctl-one", "-f", str(system.run / "none"))),
                        ("a file that is no JSON", ("runtime", "upgrade", "ctl-one", "-f", str(broken))),
                        ("an operation without an ID", ("operation",)),
                        ("an operation of no tenant", ("operation", started["id"]))):
        with suite.case(f"exit code 2: {name}"):
            has(run(*words, code=USAGE).stderr, "usage: tidectl")
    with suite.case("exit code 5: nobody listens for a runtime"):
        run("--url", "http://127.0.0.1:1", "runtime", "ctl-one", "--tenant", account, code=UNAVAILABLE)
