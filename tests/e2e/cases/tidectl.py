"""The command line: tables for people, -o json and exit codes for scripts."""
import json
import os

from harness import equal, has, holds, runtime_line

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
    with suite.case("tidectl cancel ID of one that runs"):
        system.import_fleet("ga-ctl-slow", ["slow-ctl-1", "slow-ctl-2"])
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
    with suite.case("tidectl --help lists the exit codes"):
        has(run("--help").stdout, "exit codes")
