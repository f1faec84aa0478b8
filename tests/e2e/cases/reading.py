"""E3, E4, E7, E9: shapes, paging, filters, and what is not there (OC 1.1 to 1.9)."""
from harness import NO_WINDOW, TIMESTAMP, UUID, equal, has, holds, request, shown_time, wait_for

ORCHESTRATION = {"orchestrationID", "type", "state", "description", "createdAt", "updatedAt", "parameters"}
OPERATION = {"operationID", "runtimeID", "globalAccountID", "subAccountID", "orchestrationID", "servicePlanID",
             "servicePlanName", "dryRun", "shootName", "maintenanceWindowBegin", "maintenanceWindowEnd", "state",
             "description"}
RUNTIME = {"instanceID", "runtimeID", "globalAccountID", "subscriptionGlobalAccountID", "subAccountID", "region",
           "subAccountRegion", "shootName", "serviceClassID", "serviceClassName", "servicePlanID", "servicePlanName",
           "provider", "status", "userID", "avsInternalEvaluationID"}
AZURE = "4deee563-e5ec-4731-b9b1-53b42d855f0c"

# query, text after "while getting query parameters: "; for each list
PAGING_REFUSED = [
    ("page_size=", "pageSize has to be an integer"),
    ("page_size=ten", "pageSize has to be an integer"),
    ("page_size=1.5", "pageSize has to be an integer"),
    ("page_size=99999999999999999999", "pageSize has to be an integer"),
    ("page_size=0", "pageSize cannot be smaller than 1"),
    ("page_size=-1", "pageSize cannot be smaller than 1"),
    ("page_size=101", "pageSize is bigger than maxPage(100)"),
    ("page_size=5&page_size=6", "pageSize has to be one parameter"),
    ("page=", "page has to be an integer"),
    ("page=one", "page has to be an integer"),
    ("page=0", "page cannot be smaller than 1"),
    ("page=-3", "page cannot be smaller than 1"),
    ("page=1&page=2", "page has to be one parameter"),
    ("page=0&page_size=0", "pageSize cannot be smaller than 1"),  # page_size is looked at first
]

# method, target: not in the contract's table
NOT_FOUND = [
    ("GET", "/"), ("GET", "/orchestrations/"), ("GET", "/runtimes/"), ("GET", "/orchestrations/x/operations/"),
    ("POST", "/orchestrations"), ("DELETE", "/orchestrations/x"), ("GET", "/orchestrations/x/cancel"),
    ("POST", "/orchestrations/x/cancel"), ("GET", "/upgrade/kyma"), ("POST", "/upgrade/kyma/"), ("PUT", "/runtimes"),
    ("POST", "/runtimes"), ("HEAD", "/orchestrations"), ("GET", "/instances:import"), ("GET", "/favicon.ico"),
    ("GET", "/upgrade/cluster"), ("GET", "/orchestrations/x/retry"), ("PUT", "/orchestrations/x/operations/y"),
    ("GET", "/Orchestrations"),
]


def times(value):
    for name in ("createdAt", "updatedAt"):
        holds(value[name], TIMESTAMP, name)


def paging(suite, system, orchestration_id):
    lists = {"E3": "/orchestrations", "E7": f"/orchestrations/{orchestration_id}/operations", "E9": "/runtimes"}
    for endpoint, path in lists.items():
        for query, says in PAGING_REFUSED:
            with suite.case(f"1.3, {endpoint}: 400 for {query}"):
                answer = system.ask("GET", f"{path}?{query}")
                equal((answer.status, answer.headers["Content-Type"]), (400, "application/json"))
                equal(answer.json["error"], f"while getting query parameters: {says}")
        with suite.case(f"1.3, {endpoint}: a page past the end is empty and has the true total"):
            total = system.get(path)["totalCount"]
            for page in ("1000", "1099511627777"):
                equal(system.get(f"{path}?page={page}"), {"data": [], "count": 0, "totalCount": total})
        with suite.case(f"1.3, {endpoint}: unknown parameters are ignored"):
            equal(system.get(f"{path}?colour=blue&page_size=1&pagesize=zero")["count"], 1)
        with suite.case(f"1.3, {endpoint}: pages hold everything once, in the order of the whole"):
            seen, page = [], 1
            while (answer := system.get(f"{path}?page={page}&page_size=7")) and page < 40:
                equal(answer["count"], len(answer["data"]))
                seen += [str(sorted(element.items(), key=str)) for element in answer["data"]]
                if page * 7 >= answer["totalCount"]:
                    break
                page += 1
            equal(len(seen), len(set(seen)))
            whole = [str(sorted(element.items(), key=str)) for element in system.get(path)["data"]]
            equal(seen[:100], whole[:len(seen)])
    with suite.case("1.3: the page of 100 is the default and the most"):
        many = system.get("/runtimes?state=all")
        equal(many["count"], min(100, many["totalCount"]))
        equal(system.get("/runtimes?page_size=100&state=all"), many)
    with suite.case("1.3: paging is looked at before the orchestration: 400 wins over 404"):
        equal(system.ask("GET", "/orchestrations/not-there/operations?page=0").status, 400)


def orchestrations(suite, system, orchestration_id):
    with suite.case("1.4, E4: exactly these members"):
        shown = system.orchestration(orchestration_id)
        equal(set(shown), ORCHESTRATION | {"operationStats"})
        holds(shown, {"orchestrationID": UUID, "type": "upgradeKyma", "state": "failed"})
        times(shown)
    with suite.case("1.5, Q2, E3: the same members without operationStats"):
        for element in system.get("/orchestrations")["data"]:
            equal(set(element), ORCHESTRATION)
            times(element)
    with suite.case("Q5: the oldest first"):
        data = system.get("/orchestrations")["data"]
        order = [(shown_time(o["createdAt"]), o["orchestrationID"]) for o in data]
        equal(order, sorted(order))
    with suite.case("1.5: state filters, several are OR-ed"):
        equal({o["state"] for o in system.get("/orchestrations?state=failed")["data"]}, {"failed"})
        both = system.get("/orchestrations?state=failed&state=succeeded")
        equal({o["state"] for o in both["data"]}, {"failed", "succeeded"})
        equal(both["totalCount"], sum(system.get(f"/orchestrations?state={state}")["totalCount"]
                                      for state in ("failed", "succeeded")))
    with suite.case("1.5: an unknown or empty state matches nothing"):
        for query in ("state=FAILED", "state=", "state=in-progress"):
            equal(system.get(f"/orchestrations?{query}"), {"data": [], "count": 0, "totalCount": 0})
    with suite.case("1.1: an ID is percent-decoded"):
        quoted = "".join(f"%{byte:02x}" for byte in orchestration_id.encode())
        equal(system.get(f"/orchestrations/{quoted}")["orchestrationID"], orchestration_id)
    with suite.case("7.2: repeated slashes are one"):
        equal(system.get("//orchestrations")["totalCount"], system.get("/orchestrations")["totalCount"])
        equal(system.get(f"//orchestrations//{orchestration_id}///operations")["totalCount"], 3)


def in_progress(suite, system):
    system.import_fleet("ga-read", ["slow-read"])
    with system.held("slow-read"):
        orchestration_id = system.upgrade(include=[{"runtimeID": "slow-read"}])
        system.reaches(orchestration_id, "in progress")
        for query in ("state=in+progress", "state=in%20progress", "state=in+progress&state=canceling"):
            with suite.case(f"1.1: {query}"):
                equal([o["orchestrationID"] for o in system.get(f"/orchestrations?{query}")["data"]],
                      [orchestration_id])
        with suite.case("1.9: an upgrade under way shows at its runtime"):
            wait_for("upgrading", lambda: system.runtime("slow-read")["status"]["state"] == "upgrading")
            equal(system.get("/runtimes?state=upgrading&account=ga-read")["totalCount"], 1)
        with suite.case("1.4: updatedAt does not move from pending to in progress"):
            shown = system.orchestration(orchestration_id)
            equal(shown["updatedAt"], shown["createdAt"])
    ended = system.ended(orchestration_id)
    with suite.case("1.4: updatedAt moves at the end"):
        if shown_time(ended["updatedAt"]) <= shown_time(ended["createdAt"]):
            raise AssertionError(f"{ended['updatedAt']} is not after {ended['createdAt']}")


def operations(suite, system, orchestration_id):
    path = f"/orchestrations/{orchestration_id}/operations"
    with suite.case("1.6, E7: exactly these members"):
        for operation in system.get(path)["data"]:
            equal(set(operation), OPERATION)
            holds(operation, {"operationID": UUID, "orchestrationID": orchestration_id, "servicePlanName": "azure",
                              "servicePlanID": AZURE, "dryRun": False, "globalAccountID": "ga-read",
                              "subAccountID": "sa-e2e", "maintenanceWindowBegin": NO_WINDOW,
                              "maintenanceWindowEnd": NO_WINDOW})
            equal(operation["shootName"], "c-" + operation["runtimeID"])
    with suite.case("1.6: state filters"):
        equal([o["runtimeID"] for o in system.get(f"{path}?state=failed")["data"]], ["bad-read"])
        equal(system.get(f"{path}?state=failed&state=succeeded")["totalCount"], 3)
        equal(system.get(f"{path}?state=pending")["data"], [])
    with suite.case("1.3: the oldest first, and no two of one age"):
        made = system.sql("SELECT extract(epoch FROM created_at), operation_id FROM api.operations WHERE "
                          f"orchestration_id = '{orchestration_id}'").splitlines()
        equal([o["operationID"] for o in system.get(path)["data"]],
              [operation_id for _, operation_id in sorted((float(line.split("|")[0]), line.split("|")[1])
                                                          for line in made)])
        equal(len({line.split("|")[0] for line in made}), len(made))


def runtimes(suite, system):
    shown = system.runtime("read-1")
    with suite.case("1.9, E9: exactly these members, kymaVersion with op_detail=all"):
        equal(set(shown), RUNTIME | {"kymaVersion"})
        holds(shown, {"runtimeID": "read-1", "globalAccountID": "ga-read", "subscriptionGlobalAccountID": "",
                      "subAccountRegion": "cf-eu10", "serviceClassName": "kymaruntime", "servicePlanID": AZURE,
                      "servicePlanName": "azure", "provider": "Azure", "avsInternalEvaluationID": 0,
                      "kymaVersion": "2.4.2", "shootName": "c-read-1"})
    with suite.case("1.9: status with its operations"):
        holds(shown["status"], {"createdAt": TIMESTAMP, "modifiedAt": TIMESTAMP, "state": "succeeded"})
        upgrade = shown["status"]["upgradingKyma"]
        holds(upgrade, {"totalCount": 1, "count": 1})
        equal(set(upgrade["data"][0]), {"state", "description", "createdAt", "operationID", "orchestrationID"})
        holds(upgrade["data"][0], {"state": "succeeded", "description": "Operation succeeded", "createdAt": TIMESTAMP})
    with suite.case("1.9: op_detail=last shows the newest operation alone, and no kymaVersion"):
        last = system.runtime("read-1", "&op_detail=last")
        equal(set(last), RUNTIME)
        equal(set(last["status"]), {"createdAt", "modifiedAt", "state", "upgradingKyma"})
        equal(last["status"]["upgradingKyma"]["data"], upgrade["data"])
    with suite.case("1.9: unknown values of op_detail are ignored, the last known one wins"):
        if "kymaVersion" in system.runtime("read-1", "&op_detail=all&op_detail=last&op_detail=some"):
            raise AssertionError("kymaVersion with op_detail=last")
    with suite.case("1.9: kyma_config is not shown where it was not asked for"):
        if {"kymaConfig", "clusterConfig"} & set(shown):
            raise AssertionError("configurations")
    with suite.case("1.9: kymaVersion is that of the newest upgrade, one that failed too"):
        equal(system.runtime("bad-read")["kymaVersion"], "2.4.2")
    with suite.case("1.9: a failed upgrade is state error"):
        equal([r["runtimeID"] for r in system.get("/runtimes?account=ga-read&state=error")["data"]], ["bad-read"])
    for query, want in [
            ("account=ga-read&state=error&state=succeeded", {"read-1", "read-2", "bad-read", "slow-read"}),
            ("account=ga-read&state=all&state=error", {"read-1", "read-2", "bad-read", "slow-read"}),
            ("account=ga-read&runtime_id=read-1&runtime_id=read-2", {"read-1", "read-2"}),
            ("account=ga-read&shoot=c-read-1", {"read-1"}),
            ("account=ga-read&shoot=c-read", set()),
            ("account=ga-read&shoot=.*", set()),
            ("account=ga-read&plan=azure&region=westeurope", {"read-1", "read-2", "bad-read", "slow-read"}),
            ("account=ga-read&plan=trial", set()),
            ("account=GA-READ", set()),
            ("subaccount=sa-e2e&runtime_id=read-2", {"read-2"}),
            ("account=ga-read&account=ga-nobody&runtime_id=bad-read", {"bad-read"}),
            ("runtime_id=", set()),
            ("runtime_id=%22%7D%7B%5C", set()),
    ]:
        with suite.case(f"1.9: {query}"):
            equal({runtime["runtimeID"] for runtime in system.get(f"/runtimes?{query}")["data"]}, want)
    with suite.case("D26: 400 for an unknown state"):
        answer = system.ask("GET", "/runtimes?state=sleeping")
        equal(answer.status, 400)
        has(answer.json["error"], '"sleeping"')


def not_found(suite, system):
    for target, text in [("/orchestrations/not-there", "while getting orchestration not-there: "),
                         ("/orchestrations/not-there/operations", "while getting orchestration not-there: "),
                         ("/orchestrations/%27%3B--", "while getting orchestration ';--: ")]:
        with suite.case(f"404: {target}"):
            answer = system.ask("GET", target)
            equal((answer.status, answer.headers["Content-Type"]), (404, "application/json"))
            if not answer.json["error"].startswith(text):
                raise AssertionError(answer.json["error"])
    with suite.case("404: cancel of an unknown one"):
        answer = system.cancel("not-there")
        equal(answer.status, 404)
        holds(answer.json, {"type": "about:blank", "title": "Not Found", "status": 404})
        text = "while canceling orchestration not-there: while getting orchestration: "
        equal(answer.json["error"][:len(text)], text)
    for method, target in NOT_FOUND:
        with suite.case(f"Q11: {method} {target} is 404, as text"):
            answer = system.ask(method, target)
            equal((answer.status, answer.headers["Content-Type"]), (404, "text/plain; charset=utf-8"))
            equal(answer.text, "" if method == "HEAD" else "404 page not found\n")
    with suite.case("a target that is none is refused, not answered"):
        equal(request(system.port, "GET", "orchestrations").status in (400, 404), True)


def cases(suite, system):
    system.import_fleet("ga-read", ["read-1", "read-2", "bad-read"])
    orchestration_id = system.upgrade(include=[{"globalAccount": "ga-read"}], strategy={"parallel": {"workers": 3}})
    equal(system.ended(orchestration_id)["state"], "failed")
    equal(system.ended(system.upgrade(include=[{"runtimeID": "nobody"}]))["state"], "succeeded")

    paging(suite, system, orchestration_id)
    orchestrations(suite, system, orchestration_id)
    in_progress(suite, system)
    operations(suite, system, orchestration_id)
    runtimes(suite, system)
    not_found(suite, system)
