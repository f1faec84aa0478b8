"""Evaluates tests, alters what they expect, and counts which rows of the contract are shown."""
import random

from contract.rows import Story
from contract.values import alterations, difference, short

ALTERED = 20  # rows, chosen at random, whose test must fail when it expects something else


class Evidence:
    def __init__(self, suite, world, manifest):
        self.suite, self.world, self.manifest = suite, world, manifest
        self.shown, self.broken, self.unknown = {}, set(), set()  # row: its tests that passed

    # Running

    def run(self, tests):
        for test in tests:
            if isinstance(test, Story):
                self.run_story(test)
            else:
                self.judge(test, lambda test=test: test.ask(self.world))

    def run_story(self, story):
        got, failure = {}, None
        try:
            story.run(self.world, got)
        except Exception as error:  # what it had gathered until then is still compared
            failure = short(f"{type(error).__name__}: {error}")
        for check in story.checks:
            self.judge(check, lambda check=check: self.part(got, check, failure))

    @staticmethod
    def part(got, check, failure):
        if check.key in got:
            return got[check.key]
        raise AssertionError(failure or "the story has no such part")

    def judge(self, test, ask):
        self.unknown |= set(test.shows) - set(self.manifest)
        with self.suite.case(f"{' '.join(test.shows)} | {test.name}"):
            try:
                test.got = ask()
                if found := difference(test.got, test.want):
                    raise AssertionError(found)
            except Exception:
                self.broken |= set(test.shows)
                raise
            for row in test.shows:
                self.shown.setdefault(row, []).append(test)

    # Altering

    def alter_all(self):
        """In memory, every test in every way."""
        passing = [(row, test, what) for row, tests in self.shown.items() for test in tests
                   for what, altered in self.ways(test) if difference(test.got, altered) is None]
        with self.suite.case("every test fails whichever expected value is altered"):
            self.broken |= {row for row, _, _ in passing}
            if passing:
                raise AssertionError("; ".join(f"{row}: {test.name} passes with {what}"
                                               for row, test, what in passing[:10]))

    def alter_some(self, seed, count=ALTERED):
        """Rows chosen at random; a request is sent again for it."""
        chooser = random.Random(seed)
        rows = chooser.sample(sorted(self.shown), min(count, len(self.shown)))
        print(f"== altered: {len(rows)} rows, seed {seed}", flush=True)
        for row in rows:
            test = chooser.choice(self.shown[row])
            what, altered = chooser.choice(list(self.ways(test)))
            with self.suite.case(f"altered {row} | {test.name} | {what}: it fails"):
                try:
                    self.alter(test, altered)
                except Exception:
                    self.broken.add(row)
                    raise

    def alter(self, test, altered):
        got = test.ask(self.world) if test.repeatable else test.got
        if found := difference(got, test.want):
            raise AssertionError(f"asked again, it is not as expected: {found}")
        if difference(got, altered) is None:
            raise AssertionError(f"it passes though it expects {short(altered)}")

    @staticmethod
    def ways(test):
        ways = list(alterations(test.want))
        if not ways:
            raise AssertionError(f"{test.name} expects nothing")
        return ways

    # Counting

    def report(self, complete=True):
        """`complete`: all sections ran, so that what is not shown is missing."""
        applicable = [row for row, (_, reason) in self.manifest.items() if not reason]
        others = {row: reason for row, (_, reason) in self.manifest.items() if reason}
        shown = [row for row in applicable if row in self.shown and row not in self.broken]
        with self.suite.case("every test names rows of the contract that apply"):
            if wrong := sorted(self.unknown | {row for row in others if row in self.shown}):
                raise AssertionError(f"{', '.join(wrong)}: not in the manifest, or said not to apply")
        if complete:
            self.report_missing(applicable)
        by_reason = {}
        for row, reason in others.items():
            by_reason.setdefault(reason, []).append(row)
        for reason, rows in by_reason.items():
            print(f"does not apply, {reason}: {', '.join(rows)}")
        print(f"{len(shown)} rows shown / {len(applicable)} rows in the contract ({len(others)} more do not apply)",
              flush=True)

    def report_missing(self, applicable):
        for row in applicable:
            if row not in self.shown and row not in self.broken:
                with self.suite.case(f"{row} | {self.manifest[row][0]}"):
                    raise AssertionError("no test shows it")
