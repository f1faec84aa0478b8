"""POST /instances:import and what GET /runtimes shows of it."""
import json

from harness import equal, has, holds, runtime_line, wait_for

ACCOUNT = "ga-import"


def line(runtime_id, **members):
    return runtime_line(runtime_id, globalAccount=ACCOUNT, **members)


def without(member, runtime_id):
    return {name: value for name, value in line(runtime_id).items() if name != member}


SECRET = {"version": "2.3.0", "configuration": [{"key": "password", "value": 5, "secret": True}]}

# name, line, what the error says; each stands between two good lines.
REFUSED = [
    ("a line that is no JSON", '{"runtimeID": \n', "line 1 column"),
    ("a line that is no object", "[1]\n", "expected an object"),
    ("bytes after the value", '{} {}\n', "line 1 column"),
    ("a missing member", without("region", "imp-a"), "region is missing"),
    ("an unknown member", line("imp-a", planname="x"), 'unknown member "planname"'),
    ("an unknown plan", line("imp-a", planName="gold"), 'there is no plan "gold"'),
    ("an empty runtimeID", line(""), "runtimeID"),
    ("a runtimeID with a blank", line("a b"), "runtimeID: expected visible ASCII"),
    ("a number for a text", line("imp-a", region=7), "region: expected a string, got an integer"),
    ("a version that is none", line("imp-a", kymaVersion="two"), "kymaVersion"),
    ("OC 5.1: a window with a colon", line("imp-a", maintenanceWindowBegin="22:00:00+0000",
                                           maintenanceWindowEnd="040000+0000"), "maintenanceWindowBegin"),
    ("OC 5.1: a window in Z", line("imp-a", maintenanceWindowBegin="220000Z", maintenanceWindowEnd="040000+0000"),
     "maintenanceWindowBegin"),
    ("OC 5.1: a window without an end", line("imp-a", maintenanceWindowBegin="220000+0000"),
     "maintenanceWindowEnd is missing"),
    ("a secret value that is no text", line("imp-a", kymaConfig=SECRET), "value"),
    ("a kymaConfig that is no object", line("imp-a", kymaConfig=[]), "kymaConfig: expected an object"),
]


def cases(suite, system):
    new = [line("imp-1"), line("imp-2", instanceID="imp-2-instance"),
           line("imp-3", maintenanceWindowBegin="220000+0000", maintenanceWindowEnd="040000+0000")]

    with suite.case("import: new lines are imported"):
        equal(system.import_lines(new), {"imported": 3, "unchanged": 0, "rejected": []})
    with suite.case("import: both read models have them when the answer comes"):
        equal(system.get(f"/runtimes?account={ACCOUNT}")["totalCount"], 3)
        equal(system.sql(f"SELECT count(*) FROM provisioner.runtime WHERE tenant = '{ACCOUNT}'"), "3")
    with suite.case("import: the same lines again change nothing"):
        equal(system.import_lines(new), {"imported": 0, "unchanged": 3, "rejected": []})
    with suite.case("import: members in another order are the same line"):
        equal(system.import_lines([dict(reversed(new[0].items()))])["unchanged"], 1)
    with suite.case("import: a changed line is imported and shows"):
        equal(system.import_lines([line("imp-1", region="eastus"), new[1]]),
              {"imported": 1, "unchanged": 1, "rejected": []})
        equal(system.runtime("imp-1")["region"], "eastus")
        equal(system.sql("SELECT region FROM provisioner.runtime WHERE runtime_id = 'imp-1'"), "eastus")
    with suite.case("import: an instance ID that is given is kept, one that is not is derived"):
        equal(system.runtime("imp-2")["instanceID"], "imp-2-instance")
        equal(system.runtime("imp-1")["instanceID"],
              system.sql("SELECT instance_id FROM provisioner.runtime WHERE runtime_id = 'imp-1'"))
    with suite.case("import: configurations come from plan and release where a line has none"):
        equal(system.sql("SELECT c.body ->> 'version' FROM provisioner.runtime r JOIN provisioner.configuration c ON"
                         " c.partition = r.partition AND c.hash = r.kyma_config WHERE runtime_id = 'imp-1'"), "2.3.0")
        equal(system.sql("SELECT count(cluster_config) FROM provisioner.runtime WHERE runtime_id = 'imp-1'"), "1")

    for name, bad, says in REFUSED:
        with suite.case(f"import: {name} is refused, the lines around it are not"):
            report = system.import_lines([new[1], bad, new[2]])
            holds(report, {"imported": 0, "unchanged": 2})
            equal([refused["line"] for refused in report["rejected"]], [2])
            equal(set(report["rejected"][0]), {"line", "error"})
            has(report["rejected"][0]["error"], says)
    with suite.case("import: what was refused is nowhere"):
        equal(system.get("/runtimes?runtime_id=imp-a&state=all")["totalCount"], 0)

    with suite.case("import: another runtime for a known instance is refused"):
        report = system.import_lines([line("imp-9", instanceID="imp-2-instance")])
        has(report["rejected"][0]["error"], "imp-2-instance")
        equal(system.get("/runtimes?runtime_id=imp-9&state=all")["totalCount"], 0)
    with suite.case("import: a known runtime under another account is refused"):
        report = system.import_lines([{**new[0], "globalAccount": "ga-other"}])
        equal(len(report["rejected"]), 1)
        equal(system.runtime("imp-1")["globalAccountID"], ACCOUNT)
    with suite.case("import: a runtime of another instance is refused, and the instance is neither shown nor selected"):
        ghost = {**line("imp-1", instanceID="imp-ghost"), "globalAccount": "ga-ghost"}
        report = system.import_lines([ghost])
        has(report["rejected"][0]["error"], "runtime imp-1 belongs to")
        wait_for("the instance is refused", lambda:
                 system.get("/runtimes?account=ga-ghost&state=all")["totalCount"] == 0)
        orchestration_id = system.upgrade(include=[{"globalAccount": "^ga-ghost$"}])
        equal(system.ended(orchestration_id)["state"], "succeeded")
        equal(system.operations(orchestration_id), {})
        equal(system.runtime("imp-1")["globalAccountID"], ACCOUNT)
    with suite.case("import: a corrected line makes a refused instance live again"):
        equal(system.import_lines([{**ghost, "runtimeID": "imp-live"}]), {"imported": 1, "unchanged": 0, "rejected": []})
        holds(system.runtime("imp-live"), {"instanceID": "imp-ghost", "globalAccountID": "ga-ghost"})
    with suite.case("import: blank lines, CRLF and a last line without an end do not matter"):
        text = "\r\n" + json.dumps(new[1]) + "\r\n\n" + json.dumps(new[2])
        equal(system.import_lines([text]), {"imported": 0, "unchanged": 2, "rejected": []})
    with suite.case("import: nothing is nothing"):
        equal(system.import_lines([]), {"imported": 0, "unchanged": 0, "rejected": []})
    with suite.case("import: a thousand lines, each once"):
        many = [runtime_line(f"many-{i:04d}", globalAccount="ga-many", planName=("azure", "trial", "gcp")[i % 3])
                for i in range(1000)]
        equal(system.import_lines(many), {"imported": 1000, "unchanged": 0, "rejected": []})
        equal(system.get("/runtimes?account=ga-many&page_size=1")["totalCount"], 1000)
        equal(system.import_lines(many), {"imported": 0, "unchanged": 1000, "rejected": []})
