"""The runtimes and the first orchestrations that the tests look at."""
import json
import os
import pathlib
import shutil

from harness import ROOT, equal, runtime_line

RUN = pathlib.Path(os.environ.get("TIDEGATE_RUN") or ROOT / ".run-e2e")
POLICY = RUN / "policy.json"
RELEASES = RUN / "releases"  # a copy, which a test changes

SCENARIO = {
    "default": {"durationMs": [20, 60]},
    "rules": [
        {"runtime": "^bad-", "stage": "WaitingForInstallation", "fail": "istio: ingress gateway not ready"},
        {"runtime": "^bad-", "stage": "WaitingForShootUpgrade", "fail": "shoot: nodes not ready"},
        {"runtime": "^mend-", "stage": "WaitingForInstallation", "fail": "ory: not ready"},
        {"runtime": "^trouble-", "stage": "WaitingForInstallation", "fail": "dex: not ready"},
        {"runtime": "^stuck-", "operation": "deprovision", "fail": "bucket not empty", "durationMs": [20, 40]},
        {"runtime": "^slow-", "durationMs": [400, 400]},
    ],
}
SETTINGS = {"TIDEGATE_MAINTENANCE_POLICY": str(POLICY), "TIDEGATE_RELEASES": str(RELEASES),
            "TIDEGATE_REQUEST_TIMEOUT": "5s", "TIDEGATE_MACHINE_IMAGE": "gardenlinux",
            "TIDEGATE_MACHINE_IMAGE_VERSION": "500.1.0"}

PLANS = {
    "gcp": "ca6e5357-707f-4565-bbbd-b3ab732597c6", "aws": "361c511f-f939-4621-b228-d0fb79a1fe15",
    "aws_ha": "aecef2e6-49f1-4094-8433-eba0e135eb6a", "azure": "4deee563-e5ec-4731-b9b1-53b42d855f0c",
    "azure_lite": "8cb22518-aa26-44c5-91a0-e669ec9bf443", "azure_ha": "f2951649-02ca-43a5-9188-9c07fb612491",
    "trial": "7d55d31d-35ae-4438-bf13-6ffdfa107d9f", "openstack": "03b812ac-c991-4528-b5bd-08b303523a63",
    "free": "b1a5764e-2ea1-4f95-94c0-2b4538b37b55", "preview": "5cb3d976-b85c-42ea-a636-79cadda109a9",
}
SELECTION = {  # runtime: account, subaccount, plan, region
    "sel-1": ("CA-sel-500", "SA-1", "azure", "westeurope"),
    "sel-2": ("XCA-sel-501", "SA-2", "azure_lite", "northeurope"),
    "sel-3": ("ca-sel-502", "SA-3", "trial", "eu-central-1"),
    "sel-4": ("CA-sel-503", "SA-1", "trial", "us-east-1"),
}
ACCOUNTS = {  # account: its runtimes, which are alike
    "ga-read": ["read-1", "read-2", "bad-read"],
    "ga-cancel": ["slow-c1", "slow-c2", "slow-c3"],
    "ga-cancel-bad": ["bad-c4", "slow-c5", "slow-c6"],
    "ga-order": ["ord-a", "ord-b", "ord-c", "ord-d"],
    "ga-workers": [f"slow-w{i}" for i in range(5)],
    "ga-dry": ["dry-1", "dry-2", "dry-3"],
    "ga-gone": ["gone-1", "stuck-gone", "slow-gone-a", "slow-gone-b", "stay-1"],
    "ga-cross": ["slow-cross", "cross-other"],
    "ga-mend": ["mend-1", "mend-2", "mend-3", "fine-1"],
    "ga-old": ["bad-old1", "bad-old2"],
    "ga-running": ["bad-run", "slow-run-1", "slow-run-2"],
    "ga-fail": ["trouble-1"],
    "ga-restart": ["slow-r1", "slow-r2", "slow-r3"],
    "ga-crash": ["slow-k1", "slow-k2"],
    "ga-cluster": ["cl-1", "cl-2", "bad-cl"],
    "ga-fallback": ["cl-3"],
    "ga-spare": ["spare-1", "spare-2", "bad-spare"],
    "ga-pending": ["slow-p1", "slow-p2"],
    "ga-later": ["slow-later", "after-later"],
    "ga-versions": ["ver-1"],
    "ga-kcp": ["kcp-1", "bad-kcp1", "bad-kcp2"],
    "ga-secret": ["sec-1"],
    "ga-unplanned": ["unplanned-1"],
}
SECRET = {"version": "2.3.0", "configuration": [{"key": "global.password", "value": "pl4nted", "secret": True},
                                                {"key": "global.colour", "value": "blue"}],
          "components": [{"component": "istio", "namespace": "istio-system", "sourceURL": "https://one.example/istio",
                          "configuration": [{"key": "a.token", "value": "pl4nted", "secret": True}]},
                         {"component": "mine", "namespace": "mine", "sourceURL": "https://two.example/mine"}]}


def lines():
    found = [runtime_line(runtime_id, globalAccount=account, subAccount="sa-" + account)
             for account, runtime_ids in ACCOUNTS.items() for runtime_id in runtime_ids if runtime_id != "sec-1"]
    found += [runtime_line(f"plan-{plan}", globalAccount="ga-plans", planName=plan) for plan in PLANS]
    found += [runtime_line(runtime_id, globalAccount=account, subAccount=sub, planName=plan, region=region)
              for runtime_id, (account, sub, plan, region) in SELECTION.items()]
    found += [runtime_line("sec-1", globalAccount="ga-secret", kymaConfig=SECRET)]
    found += [runtime_line(f"page-{i}", globalAccount="ga-page") for i in range(9)]
    return found


def write_files():
    """What the services read when they start."""
    RUN.mkdir(parents=True, exist_ok=True)
    POLICY.write_text("{}")
    shutil.rmtree(RELEASES, ignore_errors=True)
    shutil.copytree(ROOT / "deploy" / "releases", RELEASES)
    # The version that the captured requests name.
    captured = {**json.loads((RELEASES / "1.24.5.json").read_text()), "version": "1.24.7"}
    (RELEASES / "1.24.7.json").write_text(json.dumps(captured))


def prepare(world):
    """Called first, ended failed: two succeeded, one failed. Called nothing, ended without operations."""
    report = world.system.import_lines(lines())
    equal(report["rejected"], [], "rejected lines")
    world.upgrade("first", [{"globalAccount": "^ga-read$"}], strategy={"parallel": {"workers": 3}})
    world.upgrade("nothing", [{"runtimeID": "nobody"}])
    world.ended("first")
    world.ended("nothing")
    world.call_operations("first")
    for runtime_id in ("read-1", "read-2", "bad-read", "sel-4", "cl-1", "cl-2", "bad-cl"):
        world.call(f"instance:{runtime_id}", world.system.runtime(runtime_id)["instanceID"])
