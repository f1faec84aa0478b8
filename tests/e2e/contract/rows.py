"""How a test is written down: a Row is one request and its answer, a Story several, each part compared."""
import json

from contract.values import Part


class Row:
    """`shows`: rows of the contract, separated by blanks. In target, headers and body <name> stands for what the world
    calls so; in the answer the same values are replaced by their names before they are compared."""

    repeatable = True

    def __init__(self, shows, name, target, status=200, body=None, *, method="GET", sent=None, send_headers=None,
                 headers=None, token="both"):
        self.shows, self.name, self.method, self.target = shows.split(), name, method, target
        self.sent, self.send_headers, self.token = sent, send_headers or {}, token
        self.want = {"status": status, "headers": Part({"Content-Type": "application/json", **(headers or {})})}
        if body is not None:
            self.want["body"] = body

    def ask(self, world):
        answer = world.ask(self.method, self.target, self.sent, token=self.token, headers=self.send_headers)
        return answer if "body" in self.want else {name: answer[name] for name in ("status", "headers")}


class Plain(Row):
    """A row whose answer is text, not JSON."""

    def __init__(self, shows, name, target, status, text, **more):
        super().__init__(shows, name, target, status, text, **more)
        self.want["headers"] = Part({"Content-Type": "text/plain; charset=utf-8"})


class Check:
    """A part of a story: what it got under this name."""

    repeatable = False

    def __init__(self, story, key, shows, want):
        self.name, self.key, self.shows, self.want = f"{story}: {key}", key, shows.split(), want


class Story:
    """`run(world, got)` fills `got`; `expected` is {key: (shows, want)}."""

    def __init__(self, name, run, expected):
        self.name, self.run = name, run
        self.checks = [Check(name, key, shows, want) for key, (shows, want) in expected.items()]


def parsed(answer):
    """An answer as it is compared."""
    kind = answer.headers.get("Content-Type", "")
    body = answer.text
    if kind.startswith("application/json"):
        body = json.loads(answer.body)
    return {"status": answer.status, "headers": dict(answer.headers.items()), "body": body}
