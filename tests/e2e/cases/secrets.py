"""Secret values and kubeconfigs stand nowhere in the clear: not in topics, tables, logs, metrics or errors."""
import json

from contract.sealing import sealed
from harness import SERVICES, equal, request
from provisioning import AGENT, TENANT, data, ends, error, gardener, kyma, kyma_of, provision_text, simple_text, \
    upgrade_text

PLANTED = [f"pl4nted-{name}-s3cret" for name in ("provision", "component", "upgrade", "import", "refused", "kubeconfig")]


def entry(name):
    return {"key": f"global.{name}", "value": f"pl4nted-{name}-s3cret", "secret": True}


def everything(system):
    """All that a reader of the system's stores and outputs can see, by name."""
    seen = {f"topic {topic}": json.dumps(system.records(topic)) for topic in
            ("runtimes.requests", "runtimes.events", "instances.requests", "instances.events", "orchestrations.requests",
             "orchestrations.events", "gateway.replies")}
    for table in system.sql("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN "
                            "('pg_catalog', 'information_schema')").split():
        seen[f"table {table}"] = system.sql(f"SELECT * FROM {table}")
    for path in sorted((system.run / "log").iterdir()) + [system.run / "simulator" / "ledger.ndjson"]:
        seen[f"file {path.name}"] = path.read_text(errors="replace")
    for service in SERVICES:
        seen[f"metrics of {service}"] = request(system.service_port(service), "GET", "/metrics").text
    return seen


def sealing(suite, system, path):
    def seal(*words, value="hunter2\n", settings=None):
        done = system.tidectl("seal", *words, stdin=value, settings=settings)
        return done.returncode, done.stdout, done.stderr

    keys = ("--keys", str(path))
    with suite.case("tidectl seal: a value for a release, without its last newline"):
        equal(seal(*keys), (0, sealed(path, "hunter2") + "\n", ""))
        equal(seal(*keys, value="hunter2"), seal(*keys))
        equal(seal(*keys, value="two\nlines\n\n")[1].strip(), sealed(path, "two\nlines\n"))
        equal(seal(settings={"TIDEGATE_SECRET_KEYS": str(path)}), seal(*keys))
    with suite.case("tidectl seal: for a tenant"):
        equal(seal(*keys, "--tenant", TENANT)[:2], (0, sealed(path, "hunter2", TENANT) + "\n"))
    refused = [("no keys are named", (), "hunter2", 2, "TIDEGATE_SECRET_KEYS or --keys"),
               ("the file is missing", ("--keys", "/nowhere"), "hunter2", 3, "/nowhere: cannot be opened"),
               ("there is no value", keys, "\n", 1, "is empty"),
               ("a zero byte", keys, "a\0b", 1, "without zero bytes"),
               ("the value is too long", keys, "x" * 70000, 1, "at most 65536 bytes"),
               ("the value is an argument", (*keys, "hunter2"), "", 2, "takes no argument")]
    for name, words, value, want_code, want_error in refused:
        with suite.case(f"tidectl seal is refused: {name}"):
            code, printed, told = seal(*words, value=value, settings={"TIDEGATE_SECRET_KEYS": ""})
            equal((code, printed, want_error in told), (want_code, "", True))


def cases(suite, system):
    secret = kyma(components=[{**AGENT, "configuration": [entry("component")]}], configuration=[entry("provision")])
    started = data(system, provision_text(gardener("secret"), secret))["result"]
    runtime_id = started["runtimeID"]
    ends(system, started["id"])
    report = system.import_lines([{
        "runtimeID": "secret-import", "globalAccount": TENANT, "subAccount": "s", "planName": "azure",
        "region": "westeurope", "shootName": "secret-import", "kymaVersion": "1.20.4",
        "kubeconfig": "apiVersion: v1 # pl4nted-kubeconfig-s3cret",
        "kymaConfig": {"version": "1.20.4", "components": [AGENT], "configuration": [entry("import")]}}])
    with suite.case("an import with secret values is taken"):
        equal((report["imported"], report["rejected"]), (1, []))
    refusal = error(system, upgrade_text(runtime_id, kyma("0.0.1", configuration=[entry("refused")])), 400)
    with suite.case("runtimeStatus masks secret values and says that they are secret"):
        shown = kyma_of(system, runtime_id)["configuration"][0]
        equal((shown["key"], shown["secret"], shown["value"] in PLANTED), ("global.provision", True, False))
    with suite.case("the cluster got them: the driver could open what was sent"):
        ends(system, data(system, upgrade_text(runtime_id, kyma(configuration=[entry("upgrade")])))["result"]["id"])
        lines = (system.run / "simulator" / "ledger.ndjson").read_text().splitlines()
        installs = [line for line in map(json.loads, lines) if line.get("runtime") == runtime_id and "secrets" in line]
        equal([line["secrets"] for line in installs], [2, 1])
    with suite.case("an authorised reader gets the kubeconfig in the clear"):
        text = simple_text("runtimeStatus", "secret-import", "runtimeConfiguration { kubeconfig }")
        equal(data(system, text)["result"]["runtimeConfiguration"]["kubeconfig"],
              "apiVersion: v1 # pl4nted-kubeconfig-s3cret")
    kubeconfig = data(system, simple_text("runtimeStatus", runtime_id, "runtimeConfiguration { kubeconfig }"))
    token = [line.split()[-1] for line in kubeconfig["result"]["runtimeConfiguration"]["kubeconfig"].splitlines()
             if "token:" in line][0]
    seen = everything(system)
    with suite.case("there is something to search in"):
        equal([name for name in ("topic runtimes.requests", "table provisioner.runtime", "file provisioner.log")
               if len(seen[name]) < 100], [])
        equal(runtime_id in seen["topic runtimes.events"] and "sealed:v1:" in seen["topic runtimes.events"], True)
    for planted in [*PLANTED, token.strip('"')]:
        with suite.case(f"{planted[:24]}… is nowhere in the clear"):
            equal([name for name, text in seen.items() if planted in text], [])
            equal(planted in json.dumps(refusal), False)
    with suite.case("deprovisioning forgets kubeconfig and secret values"):
        ends(system, data(system, simple_text("deprovisionRuntime", runtime_id, ""))["result"])
        equal(system.sql(f"SELECT kubeconfig FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"), "")
        equal("sealed:" in system.sql(f"SELECT kyma_config FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"),
              False)
    with suite.case("the same import line again changes nothing"):
        report = system.import_lines([{
            "runtimeID": "secret-import", "globalAccount": TENANT, "subAccount": "s", "planName": "azure",
            "region": "westeurope", "shootName": "secret-import", "kymaVersion": "1.20.4",
            "kubeconfig": "apiVersion: v1 # pl4nted-kubeconfig-s3cret",
            "kymaConfig": {"version": "1.20.4", "components": [AGENT], "configuration": [entry("import")]}}])
        equal((report["imported"], report["unchanged"]), (0, 1))
    path = system.run / "keys" / "secrets.json"
    sealing(suite, system, path)
    with suite.case("a second key: what the first one sealed stays readable"):
        keys = json.loads(path.read_text())
        keys["keys"]["rotated"] = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s="
        path.write_text(json.dumps({**keys, "current": "rotated"}))
        system.restart("api-gateway", "provisioner")
        text = simple_text("runtimeStatus", "secret-import", "runtimeConfiguration { kubeconfig }")
        equal(data(system, text)["result"]["runtimeConfiguration"]["kubeconfig"],
              "apiVersion: v1 # pl4nted-kubeconfig-s3cret")
        ends(system, data(system, upgrade_text("secret-import", kyma(configuration=[entry("upgrade")])))["result"]["id"])
        equal("sealed:v1:rotated:" in json.dumps(system.records("runtimes.events")), True)
