"""Every check of the mutations and queries: code and text."""
from harness import equal, holds
from provisioning import (AGENT, TENANT, data, ends, error, gardener, kyma, literal, post, provision_text, provisioned,
                          shoot_text, simple_text, upgrade_text, without)

UNKNOWN = "00000000-0000-4000-8000-000000000000"
COMPONENTS = "Kyma components list is empty"
NO_AGENT = "Kyma components list does not contain Compass Runtime Agent"
PROVIDER = "provider config not specified"
OPENSTACK = {"provider": "OpenStack", "providerSpecificConfig": {"openStackConfig": {
    "zones": ["eu-1a"], "floatingPoolName": "pool", "cloudProfileName": "profile", "loadBalancerProvider": "f5"}}}

PROVISION = [
    ("no components", gardener("p"), kyma(components=[]), COMPONENTS),
    ("no agent", gardener("p"), kyma(components=[{"component": "istio", "namespace": "i"}]), NO_AGENT),
    ("an image's version without an image", gardener("p", machineImageVersion="1"), kyma(),
     "Machine Image Version passed while Machine Image is empty"),
    ("OpenStack with a disk", gardener("p", **OPENSTACK), kyma(),
     "OpenStack mutation does not accept diskType or volumeSizeGb parameters"),
    ("an unknown version", gardener("p"), kyma("0.0.1"), "failed to get Kyma Release with version 0.0.1"),
    ("no provider config", gardener("p", providerSpecificConfig={}), kyma(), PROVIDER),
    ("a null component", gardener("p"), kyma(components=[None, AGENT]), ""),
    ("a null entry", gardener("p"), kyma(configuration=[None]), ""),
    ("a null AWS zone", gardener("p", providerSpecificConfig={"awsConfig": {"vpcCidr": "10.0.0.0/8",
                                                                             "awsZones": [None]}}), kyma(), ""),
    ("components before the image", gardener("p", machineImageVersion="1"), kyma(components=[]), COMPONENTS),
]
UPGRADE = [
    ("no components", kyma(components=[]), f"validation error while starting Runtime upgrade, "
                                           f"error: Kyma config validation error"),
    ("no agent", kyma(components=[{"component": "istio", "namespace": "i"}]), NO_AGENT),
    ("an unknown version", kyma("0.0.1"), "failed to get Kyma Release with version 0.0.1"),
]
SHOOT = [("machineType", "empty machine type provided"), ("kubernetesVersion", "empty kubernetes version provided"),
         ("diskType", "empty disk type provided"), ("purpose", "empty purpose provided")]


def each_mutation(runtime_id):
    return {"upgradeRuntime": upgrade_text(runtime_id, kyma()),
            "upgradeShoot": shoot_text(runtime_id, {"machineType": "n2"}),
            "hibernateRuntime": simple_text("hibernateRuntime", runtime_id),
            "deprovisionRuntime": simple_text("deprovisionRuntime", runtime_id, ""),
            "rollBackUpgradeOperation": simple_text("rollBackUpgradeOperation", runtime_id, "__typename")}


def cases(suite, system):
    for name, cluster, config, part in PROVISION:
        with suite.case(f"provisionRuntime, 400: {name}"):
            error(system, provision_text(cluster, config), 400, part)
    with suite.case("provisionRuntime, 400: the input is checked before the tenant"):
        error(system, provision_text(gardener("p"), kyma(components=[])), 400, COMPONENTS, tenant=None)
    with suite.case("provisionRuntime, 400: no tenant"):
        error(system, provision_text(gardener("p"), kyma()), 400, "tenant header is empty", tenant=None)
    with suite.case("provisionRuntime: labels that are no object are refused"):
        text = provision_text(gardener("p"), kyma()).replace('labels: {team: "blue"}', "labels: [1]")
        answer = post(system, text)
        equal(answer.json["data"] if "data" in answer.json else None, None if answer.status == 422 else {"result": None})
    with suite.case("what was refused has left no runtime"):
        equal(system.sql("SELECT count(*) FROM api.runtime_status WHERE shoot_name = 'p'"), "0")

    runtime_id = provisioned(system, "checks", kyma())
    for name, config, part in UPGRADE:
        with suite.case(f"upgradeRuntime, 400: {name}"):
            error(system, upgrade_text(runtime_id, config), 400, part)
    for name, part in SHOOT:
        with suite.case(f"upgradeShoot, 400: an empty {name}"):
            error(system, shoot_text(runtime_id, {name: ""}), 400, part)
    with suite.case("upgradeShoot, 400: a provider config without a member"):
        error(system, shoot_text(runtime_id, {"providerSpecificConfig": {}}), 400, PROVIDER)
    for name, text in each_mutation(UNKNOWN).items():
        with suite.case(f"{name}, 400: unknown runtime"):
            error(system, text, 400, f"runtime {UNKNOWN} not found")
    for name, text in each_mutation(runtime_id).items():
        with suite.case(f"{name}, 400: another tenant's runtime does not exist"):
            error(system, text, 400, f"runtime {runtime_id} not found", tenant="tenant-red")
        with suite.case(f"{name}, 400: no tenant"):
            error(system, text, 400, "tenant header is empty", tenant=None)
    with suite.case("the tenant is compared, never written"):
        holds(data(system, simple_text("runtimeStatus", runtime_id, "lastOperationStatus { state }"))["result"],
              {"lastOperationStatus": {"state": "Succeeded"}})
        equal(system.sql(f"SELECT tenant FROM api.runtime_status WHERE runtime_id = '{runtime_id}'"), TENANT)
    for field, unknown in (("runtimeStatus", f"runtime {UNKNOWN} not found"),
                           ("runtimeOperationStatus", f"operation {UNKNOWN} not found")):
        with suite.case(f"{field}, 400: unknown"):
            error(system, simple_text(field, UNKNOWN, "__typename"), 400, unknown)
        with suite.case(f"{field}, 400: not a UUID"):
            error(system, simple_text(field, "x y'; --", "__typename"), 400, "not found")
    with suite.case("runtimeOperationStatus: the operation is looked up before the tenant"):
        error(system, simple_text("runtimeOperationStatus", UNKNOWN, "__typename"), 400, "not found", tenant=None)
        started = data(system, shoot_text(runtime_id, {"machineType": "n3"}))["result"]
        error(system, simple_text("runtimeOperationStatus", started["id"], "__typename"), 400,
              "tenant header is empty", tenant=None)
        error(system, simple_text("runtimeOperationStatus", started["id"], "__typename"), 400,
              f"operation {started['id']} not found", tenant="tenant-red")
        ends(system, started["id"])
    with suite.case("runtimeStatus, 400: another tenant's runtime does not exist"):
        error(system, simple_text("runtimeStatus", runtime_id, "__typename"), 400, f"runtime {runtime_id} not found",
              tenant="tenant-red")
    for name, text in list(each_mutation(runtime_id).items())[:4]:
        with suite.case(f"{name}, 400: an operation runs"):
            with system.held(runtime_id):
                started = data(system, shoot_text(runtime_id, {"machineType": "n4"}))["result"]
                error(system, text, 400,
                      f"cannot start new operation for {runtime_id} Runtime while previous one is in progress")
            ends(system, started["id"])
    with suite.case("upgradeRuntime: the input is checked before the running operation"):
        with system.held(runtime_id):
            started = data(system, shoot_text(runtime_id, {"machineType": "n5"}))["result"]
            error(system, upgrade_text(runtime_id, kyma(components=[])), 400, COMPONENTS)
        ends(system, started["id"])
    with suite.case("OpenStack without a disk, AWS with zones: what was given is answered"):
        cluster = without(gardener("open", **OPENSTACK), "diskType", "volumeSizeGB")
        opened = data(system, provision_text(cluster))["result"]["runtimeID"]
        aws = gardener("aws", provider="aws", providerSpecificConfig={"awsConfig": {"vpcCidr": "10.0.0.0/16", "awsZones": [
            {"name": "eu-1a", "publicCidr": "10.0.1.0/24", "internalCidr": "10.0.2.0/24", "workerCidr": "10.0.3.0/24"}]}})
        zoned = data(system, provision_text(aws))["result"]["runtimeID"]
        selection = """runtimeConfiguration { clusterConfig { diskType volumeSizeGB providerSpecificConfig { __typename
            ... on OpenStackProviderConfig { zones floatingPoolName cloudProfileName loadBalancerProvider }
            ... on AWSProviderConfig { vpcCidr zone publicCidr internalCidr awsZones { ... on AWSZone { name workerCidr } } }
            } } }"""
        read = data(system, simple_text("runtimeStatus", opened, selection))["result"]["runtimeConfiguration"]
        equal(read["clusterConfig"], {"diskType": None, "volumeSizeGB": None, "providerSpecificConfig": {
            "__typename": "OpenStackProviderConfig", **OPENSTACK["providerSpecificConfig"]["openStackConfig"]}})
        read = data(system, simple_text("runtimeStatus", zoned, selection))["result"]["runtimeConfiguration"]
        equal(read["clusterConfig"]["providerSpecificConfig"], {
            "__typename": "AWSProviderConfig", "vpcCidr": "10.0.0.0/16", "zone": "eu-1a", "publicCidr": "10.0.1.0/24",
            "internalCidr": "10.0.2.0/24", "awsZones": [{"name": "eu-1a", "workerCidr": "10.0.3.0/24"}]})
    with suite.case("dnsConfig, oidcConfig, licenceType, labels: stored and answered"):
        given = gardener("dns", licenceType="partner", exposureClassName="internet",
                         dnsConfig={"domain": "a.example", "providers": [{"domainsInclude": ["a.example"],
                                    "primary": True, "secretName": "dns", "type": "route53"}]},
                         oidcConfig={"clientID": "c", "groupsClaim": "groups", "issuerURL": "https://i.example",
                                     "signingAlgs": ["RS256"], "usernameClaim": "sub", "usernamePrefix": "-"})
        started = data(system, provision_text(given, labels={"cost": ["a", "b"], "deep": {"n": 1}}))["result"]
        selection = """runtimeConfiguration { clusterConfig { licenceType exposureClassName
            dnsConfig { domain providers { domainsInclude primary secretName type } }
            oidcConfig { clientID groupsClaim issuerURL signingAlgs usernameClaim usernamePrefix } } }"""
        read = data(system, simple_text("runtimeStatus", started["runtimeID"], selection))["result"]
        equal(read["runtimeConfiguration"]["clusterConfig"],
              {name: given[name] for name in ("licenceType", "exposureClassName", "dnsConfig", "oidcConfig")})
    with suite.case("variables instead of literals"):
        cluster = gardener("variables")
        text = "mutation ($config: ProvisionRuntimeInput!) { result: provisionRuntime(config: $config) { id state } }"
        config = {"runtimeInput": {"name": "v", "labels": {"a": [1, {"b": None}]}},
                  "clusterConfig": {"gardenerConfig": cluster}}
        holds(data(system, text, variables={"config": config}), {"result": {"state": "InProgress"}})
    equal(literal({"a": [1]}), "{a: [1]}")
