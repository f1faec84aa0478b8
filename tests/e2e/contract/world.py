"""The system that is asked, with names for the IDs that it gives: a test says <first> where an answer has a UUID."""
import json
import re

from contract.rows import parsed
from harness import FINAL, PATIENCE_S, wait_for

TOKENS = {"both": "runtimeAdmin,runtimeOperator", "admin": "runtimeAdmin", "operator": "runtimeOperator",
          "stranger": "visitors"}


class World:
    def __init__(self, system):
        self.system, self.names, self.values = system, {}, {}

    # Names

    def call(self, name, value):
        """`value` is <name> from now on, and nothing else may be: tests are asked again at the end."""
        if self.names.get(name, value) != value:
            raise AssertionError(f"<{name}> is {self.names[name]} already")
        self.names[name], self.values[value] = value, name
        return value

    def forget(self, *names):
        """Whatever begins with these names may be called so again."""
        self.names = {name: value for name, value in self.names.items() if not name.startswith(names)}

    def fill(self, value):
        """With values where names stand."""
        if isinstance(value, str):
            return re.sub(r"<([^<>]+)>", lambda found: self.names.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {self.fill(name): self.fill(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.fill(element) for element in value]
        return value

    def named(self, value):
        """With names where their values stand, inside texts too."""
        if isinstance(value, str):
            for found in set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", value)) & set(self.values):
                value = value.replace(found, f"<{self.values[found]}>")
            return value
        if isinstance(value, dict):
            return {self.named(name): self.named(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.named(element) for element in value]
        return value

    # Asking

    def ask(self, method, target, sent=None, token="both", headers=None, raw=False):
        """The answer as it is compared. `token`: a name of TOKENS, None, or a token."""
        if token in TOKENS:
            token = self.system.token(TOKENS[token])
        sent = sent.encode() if isinstance(sent, str) else sent
        if sent is not None and not isinstance(sent, bytes):
            sent = json.dumps(sent)
        if isinstance(sent, bytes):
            sent = self.fill(sent.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        elif sent is not None:
            sent = self.fill(sent)
        answer = self.system.ask(method, self.fill(target), sent, token=token or False, headers=headers)
        return answer if raw else self.named(parsed(answer))

    def get(self, target):
        answer = self.ask("GET", target)
        if answer["status"] != 200:
            raise AssertionError(f"GET {target}: {answer}")
        return answer["body"]

    # Orchestrations

    def upgrade(self, name, include, lane="kyma", **members):
        """A new orchestration, called `name`; its answer."""
        exclude = members.pop("exclude", None)
        targets = {"include": include, **({"exclude": exclude} if exclude else {})}
        answer = self.system.ask("POST", f"/upgrade/{lane}", self.fill({"targets": targets, **members}))
        if answer.status != 202:
            raise AssertionError(f"POST /upgrade/{lane} for {name}: {answer}")
        self.call(name, answer.json["orchestrationID"])
        return self.named(parsed(answer))

    def orchestration(self, name):
        return self.get(f"/orchestrations/<{name}>")

    def operations(self, name):
        """By runtime ID, under the names that call_operations gives."""
        found, page = {}, 1
        while True:
            answer = self.get(f"/orchestrations/<{name}>/operations?page={page}")
            found.update((operation["runtimeID"], operation) for operation in answer["data"])
            if answer["count"] == 0 or len(found) >= answer["totalCount"]:
                return found
            page += 1

    def call_operations(self, name):
        """Names for the operations: first:slow-1."""
        for runtime_id, operation in self.operations(name).items():
            if not operation["operationID"].startswith("<"):
                self.call(f"{name}:{runtime_id}", operation["operationID"])
        return self.operations(name)

    def has_state(self, name, *states, limit_s=PATIENCE_S):
        return wait_for(f"orchestration {name} is {' or '.join(states)}", limit_s=limit_s, condition=lambda:
                        (it := self.orchestration(name))["state"] in states and it)

    def ended(self, name, limit_s=PATIENCE_S):
        ended = self.has_state(name, *FINAL, limit_s=limit_s)
        self.system.known(self.names[name])
        return ended

    def operation_has(self, name, runtime_id, *states):
        return wait_for(f"{name}'s operation on {runtime_id} is {' or '.join(states)}", pause_s=0.02,
                        condition=lambda: (
                            it := self.operations(name).get(runtime_id, {})).get("state") in states and it)

    def cancel(self, name):
        return self.ask("PUT", f"/orchestrations/<{name}>/cancel")

    def retry(self, name, *operations, headers=None, form=None, query=""):
        """`operations`: names as call_operations gives them, or IDs that nobody has."""
        if form is None:
            form = "&".join(f"operation-id={operation}" for operation in operations)
        return self.ask("POST", f"/orchestrations/<{name}>/retry{query}", form,
                        headers=headers or {"Content-Type": "application/x-www-form-urlencoded"})

    def shape(self, answer):
        """Of an answer that a story gathers: what does not change from one run to the next."""
        return {"status": answer["status"], "body": answer["body"]}

    def sql(self, statement):
        return self.system.sql(self.fill(statement))

    def records(self, topic, kind):
        """Events of this type in a topic, IDs by their names."""
        return [self.named(event) for record in self.system.records(topic) for event in record["events"]
                if event["type"] == f"tidegate.{kind}.v1"]
