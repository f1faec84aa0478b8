"""Comparing what came with what is expected, and altering an expectation in every way that must be noticed.

An expectation is what JSON can hold, with a few values that stand for many: a compiled pattern (a text that matches
as a whole), Part (an object of which only these members matter), AnyOrder (a list in any order), Between (numbers)."""
import re

from harness import TIMESTAMP, UUID

TIME = TIMESTAMP
ID = UUID


class Absent:
    """In a Part: the member must not be there."""

    def __repr__(self):
        return "ABSENT"


ABSENT = Absent()


class Part:
    """An object in which these members stand so; others do not matter."""

    def __init__(self, members=None, /, **more):
        self.members = {**(members or {}), **more}

    def __repr__(self):
        return f"Part({self.members!r})"


class AnyOrder:
    """A list whose order says nothing; each expected element is found once."""

    def __init__(self, *elements):
        self.elements = list(elements)

    def __repr__(self):
        return f"AnyOrder({self.elements!r})"


class Between:
    def __init__(self, least, most):
        self.least, self.most = least, most

    def __repr__(self):
        return f"Between({self.least}, {self.most})"


def like(start, rest=".*"):
    """A text that begins so. `rest` is a pattern, of what follows."""
    return re.compile(re.escape(start) + rest, re.S)


def error(text):
    """The body of an answer that is no success: its text, or the pattern of it."""
    return Part(error=text)


# --- Comparing ---

def difference(got, want, where="it"):
    """None, or the first thing that is not as expected."""
    if isinstance(want, re.Pattern):
        if isinstance(got, str) and want.fullmatch(got):
            return None
        return f"{where}: got {short(got)}, expected a text like {short(want.pattern)}"
    if isinstance(want, Between):
        if isinstance(got, (int, float)) and not isinstance(got, bool) and want.least <= got <= want.most:
            return None
        return f"{where}: got {short(got)}, expected {want.least} to {want.most}"
    if isinstance(want, Part):
        return part_difference(got, want.members, where)
    if isinstance(want, AnyOrder):
        return unordered_difference(got, want.elements, where)
    if isinstance(want, dict):
        if isinstance(got, dict) and (unexpected := sorted(set(got) - set(want))):
            return f"{where}: {', '.join(unexpected)} should not be there: {short(got)}"
        return part_difference(got, want, where)
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{where}: got {short(got)}, expected {short(want)}"
        found = (difference(one, other, f"{where}[{i}]") for i, (one, other) in enumerate(zip(got, want)))
        return next(filter(None, found), None)
    if got != want or type(got) is not type(want):
        return f"{where}: got {short(got)}, expected {short(want)}"
    return None


def part_difference(got, members, where):
    if not isinstance(got, dict):
        return f"{where}: got {short(got)}, expected an object"
    for name, value in members.items():
        if value is ABSENT:
            if name in got:
                return f"{where}.{name} should not be there: {short(got[name])}"
        elif name not in got:
            return f"{where}.{name} is missing in {short(got)}"
        elif found := difference(got[name], value, f"{where}.{name}"):
            return found
    return None


def unordered_difference(got, elements, where):
    if not isinstance(got, list) or len(got) != len(elements):
        return f"{where}: got {short(got)}, expected {short(elements)} in any order"
    left = list(got)
    for want in elements:
        match = next((i for i, one in enumerate(left) if difference(one, want) is None), None)
        if match is None:
            return f"{where}: {short(want)} is not in {short(left)}"
        left.pop(match)
    return None


def short(value):
    text = repr(value)
    return text if len(text) <= 500 else text[:500] + "…"


# --- Altering ---

def alterations(want, where="it"):
    """Every way in which an expectation is altered: (what was done, the altered one)."""
    if isinstance(want, re.Pattern):
        yield f"{where}: another text", re.compile("~(?:" + want.pattern + ")", want.flags)
    elif isinstance(want, Between):
        yield f"{where}: larger", Between(want.most + 1, want.most + 2)
        yield f"{where}: smaller", Between(want.least - 2, want.least - 1)
    elif isinstance(want, Part):
        for what, altered in member_alterations(want.members, where):
            yield what, Part(altered)
    elif isinstance(want, AnyOrder):
        for what, altered in element_alterations(want.elements, where):
            yield what, AnyOrder(*altered)
    elif isinstance(want, dict):
        yield from member_alterations(want, where)
        for name in want:
            yield f"{where}.{name} left out", {other: value for other, value in want.items() if other != name}
    elif isinstance(want, list):
        yield from element_alterations(want, where)
        if repr(want) != repr(want[::-1]):
            yield f"{where}: in reverse", want[::-1]
    elif isinstance(want, bool):
        yield f"{where}: {not want}", not want
    elif isinstance(want, (int, float)):
        yield f"{where}: {want + 1}", want + 1
    elif isinstance(want, str):
        yield f"{where}: longer", want + "~"
        if want:
            yield f"{where}: empty", ""
    elif want is None:
        yield f"{where}: not null", ""


def member_alterations(members, where):
    yield f"{where}.unheardOf added", {**members, "unheardOf": 1}
    for name, value in members.items():
        if value is ABSENT:
            yield f"{where}.{name} there", {**members, name: re.compile(".*", re.S)}
            continue
        for what, altered in alterations(value, f"{where}.{name}"):
            yield what, {**members, name: altered}


def element_alterations(elements, where):
    yield f"{where}: one more", [*elements, "unheard of"]
    if elements:
        yield f"{where}: one less", elements[:-1]
    for i, value in enumerate(elements):
        for what, altered in alterations(value, f"{where}[{i}]"):
            yield what, [*elements[:i], altered, *elements[i + 1:]]
