"""What the GraphQL cases share: asking, documents, and waiting for operations."""
import json
import pathlib

from harness import equal, wait_for

DOCUMENTS = pathlib.Path(__file__).parent / "documents"
TENANT, SUB_ACCOUNT = "tenant-blue", "sub-blue"
STATUS = "id operation state message runtimeID lastError { errMessage reason component }"


def document(name, **values):
    """A document of documents/, with {NAME} replaced."""
    text = (DOCUMENTS / f"{name}.graphql").read_text()
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


def post(system, query, *, tenant=TENANT, token=False, variables=None, headers=None, **members):
    """The HTTP answer to a query."""
    body = {"query": query, "variables": variables, **members}
    sent = {"Content-Type": "application/json", **({"Tenant": tenant} if tenant is not None else {}), **(headers or {})}
    return system.ask("POST", "/graphql", body, token=token, headers=sent)


def data(system, query, **options):
    """`data` of an answer without errors."""
    answer = post(system, query, **options)
    if answer.status != 200 or "errors" in answer.json:
        raise AssertionError(f"{query[:200]}: {answer}")
    return answer.json["data"]


def error(system, query, code, text="", **options):
    """The one field error of an answer: its code is `code`, its message has `text` in it."""
    answer = post(system, query, **options)
    equal(answer.status, 200)
    errors = answer.json.get("errors") or []
    equal(len(errors), 1, f"errors in {answer}")
    equal(type(errors[0]["extensions"]["error_code"]), int)
    equal((errors[0]["extensions"]["error_code"], text in errors[0]["message"]), (code, True), errors[0]["message"])
    return errors[0]


def literal(value):
    """A value as GraphQL text. A Name is written bare."""
    if isinstance(value, Name):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


class Name:
    def __init__(self, text):
        self.text = text


AGENT = {"component": "compass-runtime-agent", "namespace": "compass-system"}


def gardener(name, **members):
    return {"name": name, "kubernetesVersion": "1.20.11", "provider": "gcp", "region": "europe-west3",
            "targetSecret": "gcp-blue", "machineType": "n1-standard-4", "diskType": "pd-ssd", "volumeSizeGB": 50,
            "workerCidr": "10.250.0.0/19", "autoScalerMin": 2, "autoScalerMax": 5, "maxSurge": 1, "maxUnavailable": 0,
            "providerSpecificConfig": {"gcpConfig": {"zones": ["europe-west3-a", "europe-west3-b"]}}, **members}


def kyma(version="1.24.5", **members):
    return {"version": version, "profile": Name("Evaluation"), "components": [AGENT], **members}


def without(given, *names):
    return {name: value for name, value in given.items() if name not in names}


def provision_text(cluster, kyma_config=None, administrators=None, labels=None, selection=STATUS):
    config = {"runtimeInput": {"name": "blue", "labels": labels if labels is not None else {"team": "blue"}},
              "clusterConfig": {"gardenerConfig": cluster}}
    if administrators is not None:
        config["clusterConfig"]["administrators"] = administrators
    if kyma_config is not None:
        config["kymaConfig"] = kyma_config
    return f"mutation {{ result: provisionRuntime(config: {literal(config)}) {{ {selection} }} }}"


def upgrade_text(runtime_id, kyma_config, selection=STATUS):
    return (f'mutation {{ result: upgradeRuntime(id: "{runtime_id}", config: {{kymaConfig: {literal(kyma_config)}}}) '
            f"{{ {selection} }} }}")


def shoot_text(runtime_id, changed, **members):
    config = literal({"gardenerConfig": changed, **members})
    return f'mutation {{ result: upgradeShoot(id: "{runtime_id}", config: {config}) {{ {STATUS} }} }}'


def simple_text(field, runtime_id, selection=STATUS):
    kind = "query" if field.startswith("runtime") else "mutation"
    return f'{kind} {{ result: {field}(id: "{runtime_id}") {"{ " + selection + " }" if selection else ""} }}'


def operation(system, operation_id, **options):
    return data(system, simple_text("runtimeOperationStatus", operation_id), **options)["result"]


def ends(system, operation_id, state="Succeeded"):
    """The operation when it has ended, in this state."""
    ended = wait_for(f"operation {operation_id} ends", condition=lambda:
                     (it := operation(system, operation_id))["state"] != "InProgress" and it)
    equal(ended["state"], state, ended["message"])
    return ended


def provisioned(system, name, kyma_config=None, **options):
    """The ID of a new runtime that is ready."""
    started = data(system, provision_text(gardener(name), kyma_config), **options)["result"]
    ends(system, started["id"])
    return started["runtimeID"]


KYMA_SELECTION = """kymaConfig { version profile configuration { key value secret }
    components { component namespace sourceURL configuration { key value secret } } }"""


def kyma_of(system, runtime_id, **options):
    """The active Kyma configuration of a runtime."""
    text = simple_text("runtimeStatus", runtime_id, f"runtimeConfiguration {{ {KYMA_SELECTION} }}")
    return data(system, text, **options)["result"]["runtimeConfiguration"]["kymaConfig"]
