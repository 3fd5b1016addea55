#!/usr/bin/python3
"""Each program of scenarios.py hangs, and every form of the answer says where and why; after SIGKILL too.

usage: scenarios_test.py LIBLIMPET LIMPET PROGRAMS [--renew] [TEST ...]

A program is looked at when the kernel says that nothing in it moves any more. --renew writes the golden
files anew, for `git diff` to judge.
"""

import collections
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from answers import (HEADERS, Frame, Thread, make_frame, normal_text, parse_counts, parse_goroutines,
                     parse_traces)
from scenarios import LIBRARIES, SCENARIOS, Finding, Group, Place, Scenario

MANY = 8  # threads made at one line, from which on limpet says how fast
RENEW = "--renew" in sys.argv
ARGUMENTS = [argument for argument in sys.argv[1:] if argument != "--renew"]
LIBRARY, COMPANION, PROGRAMS = ARGUMENTS[:3] if len(ARGUMENTS) >= 3 else sys.exit(__doc__)
HERE = pathlib.Path(__file__).resolve().parent
GO = shutil.which("go")
PATIENCE = 120  # seconds
LOOK_EVERY = 0.05
LOOKS_AT_RUNNING = 60


class Marks:
    """Lines of a program's source, by the comment that they end with."""

    COMMENT = re.compile(r"// ((?:guilty|waits|creates|joins|blocks|pauses)(?:: \w+)?)$")

    def __init__(self, program: str):
        self._lines: dict[str, tuple[str, int]] = {}
        for file in ("bounded_queue.h", f"{program}.cc", f"{program}.rs"):
            if (HERE / "programs" / file).exists():
                self._read(file)

    def _read(self, file: str):
        for number, line in enumerate((HERE / "programs" / file).read_text().splitlines(), 1):
            if mark := self.COMMENT.search(line):
                self._lines[mark[1]] = (file, number)

    def at(self, place: Place) -> tuple[str, str, int]:
        """Function, file, line."""
        function, mark = place
        return (function, *self._lines[mark])


class Program:
    """A program under the preload library, brought to where nothing moves."""

    def __init__(self, scenario: Scenario, runtime: str, path: pathlib.Path | None = None, **settings: str):
        self.environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
                            "LIMPET_RUNTIME_DIR": runtime, **settings}
        self.process = subprocess.Popen(
            [path or pathlib.Path(PROGRAMS) / scenario.program, scenario.kind],
            env=self.environment | {"LD_PRELOAD": LIBRARY}, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        self.target = str(self.pid)  # as limpet takes it
        self._states = collections.Counter("R" if group.reason == "running" else "S"
                                           for group in scenario.groups for _ in range(group.count))

    def wait_until_stuck(self):
        """As many threads as there should be, all asleep or at work, and the same at a second look."""
        end = time.monotonic() + PATIENCE
        before = None
        while time.monotonic() < end:
            now = self._look()
            if now == before and collections.Counter(state for state, _ in now.values()) == self._states:
                return
            before = now
            time.sleep(LOOK_EVERY)
        raise AssertionError(f"it does not come to rest: {before}")

    def _look(self) -> dict[str, tuple[str, str]]:
        """State of each thread, and how often it slept."""
        threads = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
                threads[task.name] = (status["State"][0], status["voluntary_ctxt_switches"])
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended
        return threads

    def kill(self):
        """From then on it is its trace that is asked: the pid may soon be another's."""
        self.process.kill()
        self.process.wait()
        traces = pathlib.Path(self.environment["LIMPET_RUNTIME_DIR"]).glob(f"{self.pid}-*.segment")
        self.target = str(next(traces, self.target))

    def ask(self, *arguments: str, finding: bool = False) -> str:
        done = subprocess.run([COMPANION, *arguments], env=self.environment, text=True,
                              capture_output=True, timeout=PATIENCE)
        if done.returncode != (1 if finding else 0):
            raise AssertionError(f"limpet {arguments}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def findings(self) -> tuple[Finding, ...]:
        done = subprocess.run([COMPANION, "deadlocks", self.target, "--json"], env=self.environment, text=True,
                              capture_output=True, timeout=PATIENCE)
        found = json.loads(done.stdout)["findings"]
        if done.returncode != (1 if found else 0):
            raise AssertionError(f"limpet deadlocks: exit code {done.returncode}: {found}: {done.stderr}")
        return tuple(Finding(one["kind"], tuple(one["threads"]), len(one["behind"])) for one in found)

    def goroutines(self) -> str:
        return self.ask("dump", self.target, "-p", "goroutine", "-f", "go2", "-o", "-")

    def counts(self) -> str:
        return self.ask("dump", self.target, "-p", "goroutine", "-f", "text", "-o", "-")

    def pprof(self, *options: str) -> str:
        """What `go tool pprof` makes of the protobuf form."""
        with tempfile.TemporaryDirectory(prefix="limpet-scenario-") as folder:
            path = os.path.join(folder, "goroutine.pb.gz")
            self.ask("dump", self.target, "-p", "goroutine", "-o", path)
            environment = self.environment | {"PPROF_TMPDIR": folder}
            return subprocess.run([GO, "tool", "pprof", *options, path], env=environment, check=True,
                                  text=True, capture_output=True, timeout=PATIENCE).stdout


class GoReader:
    """What Go's own tools make of the text, by the parser that they use."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="limpet-scenario-")
        self._path = os.path.join(self._folder.name, "go_reader")
        subprocess.run([GO, "build", "-o", self._path, "."], cwd=HERE / "go_reader", check=True,
                       timeout=PATIENCE)

    def read(self, text: str) -> list[dict]:
        done = subprocess.run([self._path], input=text, text=True, capture_output=True, timeout=PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{done.stderr}: {text}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    @staticmethod
    def frame(read: dict) -> Frame:
        return make_frame(read["Func"], f"\t{read['File']}:{read['Line']}")


@functools.cache
def go_reader() -> GoReader:
    return GoReader()


class ScenarioTest(unittest.TestCase):
    """Each test has a runtime directory of its own, and leaves no process."""

    def start(self, scenario: Scenario, path: pathlib.Path | None = None, **settings: str) -> Program:
        runtime = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="limpet-scenario-")
        self.addCleanup(runtime.cleanup)
        program = Program(scenario, runtime.name, path, **settings)
        self.addCleanup(program.kill)
        program.wait_until_stuck()
        return program

    def judge(self, scenario: Scenario):
        if not (pathlib.Path(PROGRAMS) / scenario.program).exists():
            self.skipTest(f"SKIPPED: {scenario.program} is not built, its compiler is not installed")
        # Where in its loop a running thread is differs from look to look.
        program = self.start(scenario, LIMPET_RUNNING="0")
        marks = Marks(scenario.program)
        goroutines = program.goroutines()
        self.assert_golden(scenario.name, goroutines)
        self.assert_threads(scenario, marks, parse_goroutines(goroutines))
        counts = program.counts()
        self.assert_counts(scenario, marks, counts)
        self.assert_stacks(scenario, marks, program.ask("stacks", program.target))
        self.assert_verdict(scenario, marks, program)
        if GO is None:
            print(f"SKIPPED: {scenario.name}: no go, which reads text and protobuf", file=sys.stderr)
        else:
            self.assert_go_reads(goroutines)
            self.assert_protobuf(counts, program)
        program.kill()
        self.judge_dead(scenario, program)

    def judge_dead(self, scenario: Scenario, program: Program):
        """The answer is still there, and the same but where scenarios.py says why not."""
        if scenario.may_be_lost_when_dead:
            return
        name = scenario.name + (".dead" if scenario.differs_when_dead else "")
        self.assert_golden(name, program.goroutines(), RENEW and bool(scenario.differs_when_dead))
        self.assertIn("not alive here", program.ask("stacks", program.target))
        self.assertEqual(scenario.verdict_when_dead, program.findings())
        if not scenario.differs_when_dead:
            self.assertIn(f"goroutine profile: total {scenario.threads}\n", program.counts())

    def assert_golden(self, name: str, text: str, renews: bool = RENEW):
        path = HERE / "golden" / f"{name}.txt"
        if renews:
            path.write_text(normal_text(text))
        self.assertMultiLineEqual(path.read_text(), normal_text(text))

    def assert_threads(self, scenario: Scenario, marks: Marks, threads: list[Thread]):
        """Each thread is of one group, and each group has all of its threads."""
        self.assertEqual(scenario.threads, len(threads))
        for group in scenario.groups:
            alike = [thread for thread in threads if self.is_of(group, marks, thread)]
            self.assertEqual(group.count, len(alike), f"{group} among {threads}")

    @staticmethod
    def is_of(group: Group, marks: Marks, thread: Thread) -> bool:
        """By reason, remark, the innermost frames of the program's own source, and the creator."""
        if thread.reason != group.reason or (group.remark and thread.remark != group.remark):
            return False
        own = [frame for frame in thread.frames if frame.is_own]
        places = [marks.at(place) for place in group.places]
        if [(frame.function, frame.file, frame.line) for frame in own[:len(places)]] != places:
            return False
        creator = thread.creator
        if group.creator is None or creator is None:
            return group.creator == creator
        place = (creator.function, creator.file, creator.line)
        return thread.creator_number == 1 and (
            place == marks.at(group.creator) if group.creator[1] else place[0] == group.creator[0])

    def assert_counts(self, scenario: Scenario, marks: Marks, text: str):
        """debug=1: all that wait alike at one line are one row."""
        self.assertTrue(text.startswith(f"goroutine profile: total {scenario.threads}\n"), text)
        rows = parse_counts(text)
        self.assertEqual(scenario.threads, sum(rows.values()))
        for group in scenario.groups:
            places = tuple(marks.at(place)[1:] for place in group.places)
            found = [count for row, count in rows.items()
                     if row.reason == group.reason and row.own_lines[:len(places)] == places]
            self.assertIn(group.count, found, f"{group} in {text}")

    def assert_stacks(self, scenario: Scenario, marks: Marks, text: str):
        """For people: how many, for how long, why; where, and made by whom."""
        for group in scenario.groups:
            self.assertRegex(text, self.title(group, has_age=group.is_hooked and not scenario.may_be_lost_when_dead))
            for function, file, line in map(marks.at, group.places):
                self.assertIn(f"{file}:{line}\n", text, function)
            if group.creator and group.creator[1]:
                _, file, line = marks.at(group.creator)
                self.assertRegex(text, rf"  created by .*{re.escape(file)}:{line}, in thread 1(; .*)?\n")
            if group.count >= MANY:
                self.assertRegex(text, r"(?m)^  created by .*, in thread 1; within \d+(ms|s)$")

    @staticmethod
    def title(group: Group, has_age: bool) -> str:
        """Since when a thread waits that no hook saw is not known."""
        if group.reason == "running":
            return rf"(?m)^{group.count} running: \d+% of a CPU$"
        verb = "waits" if group.count == 1 else "wait"
        remark = f", {group.remark}" if group.remark and group.remark[:2] != "fd" else ""
        age = r" \d+(ms|s|m|h)( to \d+(ms|s|m|h))?" if has_age else "[ a-z0-9]*"
        return rf"(?m)^{group.count} {verb}{age}: {re.escape(group.reason + remark).replace('TID', '[0-9]+')}"

    def assert_verdict(self, scenario: Scenario, marks: Marks, program: Program):
        """Who waits for whom for ever, and where: of a ring each thread's line."""
        self.assertEqual(scenario.verdict, program.findings())
        text = program.ask("deadlocks", program.target, finding=bool(scenario.verdict))
        for finding in scenario.verdict:
            self.assertIn(f"\n{finding.kind}", text)
            for group in scenario.groups:
                if finding.kind == "deadlock" and group.remark.startswith("held by"):
                    for function, file, line in map(marks.at, group.places):
                        self.assertIn(f"{file}:{line}\n", text, function)

    def assert_go_reads(self, text: str):
        """Numbers, states, stacks and creators, as they are meant."""
        read = go_reader().read(text)
        self.assertEqual(HEADERS.findall(text), [(str(one["ID"]), one["State"]) for one in read])
        for thread, one in zip(parse_goroutines(text), read, strict=True):
            self.assertEqual(thread.frames, tuple(map(GoReader.frame, one["Stack"])))
            creator = one["CreatedBy"]
            self.assertEqual(thread.creator, GoReader.frame(creator) if creator else None)

    def assert_protobuf(self, counts: str, program: Program):
        """The same stacks, reasons and counts as in the text."""
        rows = parse_counts(counts)
        self.assertEqual(rows, parse_traces(program.pprof("-traces", "-lines")))
        top = program.pprof("-top", "-cum", "-tagroot=reason", "-nodecount=1000")
        by_reason = collections.Counter()
        for row, count in rows.items():
            by_reason[row.reason] += count
        for reason, count in by_reason.items():
            self.assertRegex(top, rf"(?m)^ +0 +0% .* {count} +[\d.]+%  {re.escape(reason)}$")


class Scenarios(ScenarioTest):
    """Rows of the table of what a user does."""

    def test_a_dead_loop_is_named(self):
        """Of a thread that runs, wherever in the loop it is: its line stands in the stack."""
        for scenario in SCENARIOS:
            if scenario.program != "dead_loop":
                continue
            program = self.start(scenario)
            line = Marks(scenario.program).at(("", f"guilty: {scenario.kind}"))[1:]
            self.assertIn(line, self.lines_of_running(program))

    @staticmethod
    def lines_of_running(program: Program) -> list[tuple[str, int]]:
        """Looks until the thread had its turn on a CPU when it was asked."""
        for _ in range(LOOKS_AT_RUNNING):
            spinner = parse_goroutines(program.goroutines())[-1]
            if own := [(frame.file, frame.line) for frame in spinner.frames if frame.is_own]:
                return own
        return []


class Libraries(ScenarioTest):
    """What libraries wait for that build their own locks."""

    def test_a_stripped_program_gets_no_guess(self):
        """Of what waits on bare futexes nobody can say for what; where a hook is, it is still known."""
        scenario = next(known for known in LIBRARIES if known.program == "library_waits")
        folder = tempfile.TemporaryDirectory(prefix="limpet-scenario-")
        self.addCleanup(folder.cleanup)
        stripped = pathlib.Path(folder.name) / "stripped"
        subprocess.run(["strip", "-s", "-o", stripped, pathlib.Path(PROGRAMS) / "library_waits"],
                       check=True, timeout=PATIENCE)
        program = self.start(scenario, stripped)
        threads = parse_goroutines(program.goroutines())
        reasons = collections.Counter(thread.reason for thread in threads)
        self.assertEqual({"semacquire": 5, "sync.Cond.Wait": 2, "sync.WaitGroup.Wait": 1}, reasons)
        for thread in threads:
            self.assertFalse([frame for frame in thread.frames if frame.is_own], thread)


def add_tests():
    for case, scenarios in ((Scenarios, SCENARIOS), (Libraries, LIBRARIES)):
        for scenario in scenarios:
            name = "test_" + scenario.name.replace("-", "_")
            method = functools.partialmethod(ScenarioTest.judge, scenario)
            setattr(case, name, method)


if __name__ == "__main__":
    add_tests()
    unittest.main(argv=[sys.argv[0], *ARGUMENTS[3:]])
