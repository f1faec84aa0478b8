"""3.6: retry. Runtimes called mend- and trouble- fail until the scenario of the simulator no longer says so."""
from contract.fleet import SCENARIO
from contract.lists import by_age
from contract.rows import Row, Story
from contract.values import AnyOrder, Part, error, like
from harness import shown_time, wait_for

FORM = "application/x-www-form-urlencoded"
CREATED = ("SELECT string_agg(created_at::text, ' ' ORDER BY operation_id) FROM api.operations WHERE orchestration_id ="
           " '<mending>'")
QUEUED = "retry operations are queued for processing"


def answer(name, retried=None, old=None, invalid=None):
    text = QUEUED if retried else f"No valid operations to retry for orchestration <{name}>"
    return {"status": 202, "body": {"orchestrationID": f"<{name}>", "retryOperations": retried, "oldOperations": old,
                                    "invalidOperations": invalid, "msg": text}}


def mended(world, *words):
    """Stages of runtimes with these names do not fail any more."""
    rules = [rule for rule in SCENARIO["rules"] if not any(word in rule["runtime"] for word in words)]
    world.system.rehearse({**SCENARIO, "rules": rules})
    world.system.restart("provisioner")


def some_then_all(world, got):
    """Three fail; one is named and fails again, then all are retried and succeed."""
    world.upgrade("mending", [{"globalAccount": "^ga-mend$"}], strategy={"parallel": {"workers": 4}},
                  kyma={"version": "2.3.0"})
    first = world.ended("mending")
    before, created = world.call_operations("mending"), world.sql(CREATED)
    got["failed"] = [first["state"], first["operationStats"]]
    with world.system.frozen("provisioner"):
        got["named"] = world.shape(world.retry(
            "mending", "<mending:mend-2>", "nobody", "<mending:fine-1>", "<mending:mend-2>", "<first:bad-read>"))
        it = world.orchestration("mending")
        got["right after it"] = it["state"] in ("retrying", "in progress")
        got["updatedAt moves"] = shown_time(it["updatedAt"]) > shown_time(first["updatedAt"])
        resumed = world.has_state("mending", "in progress")
        got["resumed"] = [resumed["state"], resumed["description"]]
        got["operation"] = wait_for("the operation is taken", condition=lambda: (
            it := world.operations("mending")["mend-2"])["state"] in ("pending", "in progress") and
            [it["state"] in ("pending", "in progress"), it["description"]])
        got["another while it runs"] = world.shape(world.retry("mending", "<mending:mend-1>"))
    again = world.ended("mending")
    got["failed again"] = [again["state"], again["description"], again["operationStats"]]
    mended(world, "mend")
    failed = by_age(world, "mending", "failed")
    answered = world.retry("mending")
    got["the rest"] = world.shape(answered)
    got["the oldest first"] = world.fill(answered["body"]["retryOperations"]) == failed
    ended = world.ended("mending")
    got["mended"] = [ended["state"], ended["description"], ended["operationStats"]]
    got["parameters"] = ended["parameters"] == first["parameters"]
    after = world.operations("mending")
    kept = ("operationID", "runtimeID", "orchestrationID", "shootName", "subAccountID")
    got["operations kept"] = [[after[one][name] == before[one][name] for name in kept] for one in ("mend-1", "mend-2")]
    got["created"] = world.sql(CREATED) == created
    got["version"] = world.get("/orchestrations/<mending>/operations/<mending:mend-1>")["kymaConfig"]["version"]
    got["the runtime"] = world.get("/runtimes?runtime_id=mend-1")["data"][0].get("kymaVersion")
    got["attempts"] = world.sql("SELECT state, attempt FROM provisioner.operation WHERE operation_id ="
                                " '<mending:mend-2>'")
    got["nothing left"] = world.shape(world.retry("mending", "<mending:mend-1>"))


def retrying(world, got):
    """What shows between the answer and the next start, with the orchestrator's lane held by another one."""
    world.upgrade("troubled", [{"runtimeID": "trouble-1"}, {"runtimeID": "bad-run"}],
                  strategy={"parallel": {"workers": 2}})
    world.ended("troubled")
    world.call_operations("troubled")
    former = world.orchestration("troubled")["description"]
    with world.system.held("slow-run-1"):
        world.upgrade("holds-the-lane", [{"runtimeID": "slow-run-1"}, {"runtimeID": "slow-run-2"}])
        world.has_state("holds-the-lane", "in progress")
        got["answer"] = world.shape(world.retry("troubled", "<troubled:trouble-1>"))
        it = world.orchestration("troubled")
        got["retrying"] = [it["state"], it["description"] == former + ", retrying", it["operationStats"]]
        got["operation"] = {runtime_id: [one["state"], one["description"]]
                            for runtime_id, one in world.operations("troubled").items() if runtime_id == "trouble-1"}
        got["more"] = world.shape(world.retry("troubled", "<troubled:bad-run>"))
        more = world.orchestration("troubled")
        got["unchanged but updatedAt"] = [more["state"], more["description"] == it["description"],
                                          shown_time(more["updatedAt"]) > shown_time(it["updatedAt"])]
        got["again"] = world.shape(world.retry("troubled", "<troubled:trouble-1>"))
    world.ended("holds-the-lane")
    world.has_state("troubled", "in progress", "failed")
    ended = world.ended("troubled")
    got["ended"] = [ended["state"], ended["description"]]
    with world.system.held("slow-run-1"):
        world.upgrade("holds-the-lane-again", [{"runtimeID": "slow-run-1"}, {"runtimeID": "slow-run-2"}])
        world.has_state("holds-the-lane-again", "in progress")
        world.retry("troubled")
        got["canceled while retrying"] = world.shape(world.cancel("troubled"))
    ended = world.ended("troubled")
    got["canceled"] = [ended["state"], ended["description"], ended["operationStats"]]
    world.ended("holds-the-lane-again")


def newer(world, got):
    """A newer upgrade on the same instance makes a failed operation old."""
    world.upgrade("elder", [{"globalAccount": "^ga-old$"}], strategy={"parallel": {"workers": 2}})
    world.ended("elder")
    world.call_operations("elder")
    world.upgrade("younger", [{"runtimeID": "bad-old1"}], dryRun=True)
    world.ended("younger")
    before = world.orchestration("elder")
    got["only an old one"] = world.shape(world.retry("elder", "<elder:bad-old1>"))
    got["nothing changes"] = world.orchestration("elder") == before
    got["of all"] = world.shape(world.retry("elder"))
    got["then"] = world.ended("elder")["description"]
    got["all count"] = world.orchestration("elder")["operationStats"]


def inside(world, got):
    """Failed operations of an orchestration that still runs."""
    with world.system.held("slow-run-1"):
        world.upgrade("inside", [{"runtimeID": "bad-run"}, {"runtimeID": "slow-run-1"}, {"runtimeID": "slow-run-2"}])
        world.operation_has("inside", "bad-run", "failed")
        world.call_operations("inside")
        before = world.orchestration("inside")
        got["answer"] = world.shape(world.retry("inside", "<inside:bad-run>"))
        after = world.orchestration("inside")
        got["unchanged"] = [after["state"], after["description"] == before["description"],
                            shown_time(after["updatedAt"]) > shown_time(before["updatedAt"])]
        got["operation"] = world.operations("inside")["bad-run"]["state"] != "failed"
    ended = world.ended("inside")
    got["ended"] = [ended["state"], ended["operationStats"]]
    got["ran twice"] = world.sql("SELECT attempt FROM provisioner.operation WHERE operation_id = '<inside:bad-run>'")


def retry_row(shows, name, sent, want, kind=FORM, query="", status=202):
    return Row(shows, name, f"/orchestrations/<first>/retry{query}", status, want, method="POST", sent=sent,
               send_headers={"Content-Type": kind} if kind else {})


NONE = {"orchestrationID": "<first>", "retryOperations": None, "oldOperations": None, "invalidOperations": ["zz"],
        "msg": "No valid operations to retry for orchestration <first>"}
ROWS = [
    retry_row("3.6/media D32", "a charset", "operation-id=zz", NONE, kind=f"{FORM}; charset=utf-8"),
    retry_row("3.6/body 3.6/invalid 3.6/no-valid Q4 E6", "one that nobody knows", "operation-id=zz", NONE),
    retry_row("3.6/body", "in the query", "", NONE, query="?operation-id=zz"),
    retry_row("3.6/body 3.6/invalid", "body before query", "operation-id=zz&operation-id=yy",
              Part({**NONE, "invalidOperations": ["zz", "yy", "aa"]}), query="?operation-id=aa"),
    retry_row("3.6/invalid 3.6/candidates", "of another state, of another orchestration",
              "operation-id=<first:read-1>&operation-id=<nothing>",
              Part({**NONE, "invalidOperations": ["<first:read-1>", "<nothing>"]})),
    retry_row("3.6/body 1.1/form", "plus and percent in a form", "operation-id=a+b%26c",
              Part({**NONE, "invalidOperations": ["a b&c"]})),
    retry_row("3.6/bad-form D32", "a form that does not decode", "operation-id=%zz", error(like("", ".+")), status=400),
    retry_row("3.6/twice D34", "one of them twice", "operation-id=zz&operation-id=zz", NONE),
]

TESTS = [
    *ROWS,
    Story("retries of some, then of all", some_then_all, {
        "failed": ("3.5/goes-on", ["failed", {"failed": 3, "succeeded": 1}]),
        "named": ("E6 3.6/answer 3.6/invalid 3.6/twice D34 Q1 3.6/candidates 7.3/t-retry", answer(
            "mending", ["<mending:mend-2>"], None, ["nobody", "<mending:fine-1>", "<first:bad-read>"])),
        "right after it": ("3.1/retrying", True), "updatedAt moves": ("1.4/updatedAt", True),
        "resumed": ("3.1/resumed 3.3/retried", ["in progress", "Scheduled 4 operations, retried 1 operations"]),
        "operation": ("3.2/again 3.3/o-triggered", [True, "Operation retry triggered"]),
        "another while it runs": ("3.6/in-progress D9 E6", answer("mending", ["<mending:mend-1>"])),
        "failed again": ("3.5/all-count 3.3/retried", [
            "failed", "Scheduled 4 operations, retried 1 operations", {"failed": 3, "succeeded": 1}]),
        "the rest": ("3.6/candidates 3.6/answer E6", Part(status=202, body=Part(
            retryOperations=AnyOrder("<mending:mend-1>", "<mending:mend-2>", "<mending:mend-3>"), oldOperations=None,
            invalidOperations=None, msg=QUEUED))),
        "the oldest first": ("3.6/candidates", True),
        "mended": ("3.1/resumed 3.3/retried D21", [
            "succeeded", "Scheduled 4 operations, retried 1 operations, retried 3 operations", {"succeeded": 4}]),
        "parameters": ("2.5/kept", True),
        "operations kept": ("3.6/keeps", [[True] * 5, [True] * 5]), "created": ("3.6/keeps", True),
        "version": ("3.6/keeps 6.2/kept", "2.3.0"), "the runtime": ("3.6/keeps D21", "2.3.0"),
        "attempts": ("3.6/keeps D21", "succeeded|3"),
        "nothing left": ("3.6/succeeded 3.6/no-valid", answer("mending", None, None, ["<mending:mend-1>"]))}),
    Story("retrying", retrying, {
        "answer": ("E6 3.6/answer", answer("troubled", ["<troubled:trouble-1>"])),
        "retrying": ("3.1/retrying 3.3/retrying", ["retrying", True, {"failed": 1, "retrying": 1}]),
        "operation": ("3.2/retrying 3.3/o-queued", {"trouble-1": ["retrying", "queued for retrying"]}),
        "more": ("3.6/retrying", answer("troubled", ["<troubled:bad-run>"])),
        "unchanged but updatedAt": ("3.6/retrying", ["retrying", True, True]),
        "again": ("3.6/retrying 3.6/invalid", answer("troubled", None, None, ["<troubled:trouble-1>"])),
        "ended": ("3.3/retried 3.5/all-count", ["failed", "Scheduled 2 operations, retried 2 operations"]),
        "canceled while retrying": ("3.1/canceling 3.8/accepted", {"status": 200, "body": {
            "orchestrationID": "<troubled>"}}),
        "canceled": ("3.1/canceled", ["canceled", "Orchestration was canceled", {"canceled": 2}])}),
    Story("a newer operation", newer, {
        "only an old one": ("3.6/old 3.6/no-valid", answer("elder", None, ["<elder:bad-old1>"])),
        "nothing changes": ("3.6/whole 3.6/old", True),
        "of all": ("3.6/old 3.6/answer", answer("elder", ["<elder:bad-old2>"], ["<elder:bad-old1>"])),
        "then": ("3.3/retried", "Scheduled 2 operations, retried 1 operations"),
        "all count": ("3.5/all-count", {"failed": 2})}),
    Story("inside a running one", inside, {
        "answer": ("3.6/in-progress D9", answer("inside", ["<inside:bad-run>"])),
        "unchanged": ("3.6/in-progress 1.4/updatedAt", ["in progress", True, True]),
        "operation": ("3.6/in-progress D9", True),
        "ended": ("3.6/in-progress D9", ["failed", {"failed": 1, "succeeded": 2}]),
        "ran twice": ("D9 3.6/keeps", "2")}),
]
