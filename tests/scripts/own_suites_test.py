"""What own_suites.py calls the same, on suites made for it."""

import argparse
import contextlib
import io
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import own_suites  # noqa: E402
import program_suites  # noqa: E402
import server_suites  # noqa: E402
import suite_base  # noqa: E402
import suite_side  # noqa: E402


class FakeSide:
    """A side that runs nothing; `left` is what its first run leaves."""

    def __init__(self, name: str, work: str, left: tuple[str, ...] = ()):
        self.name, self.work, self.left = name, pathlib.Path(work), list(left)

    def leftovers(self) -> list[str]:
        left, self.left = self.left, []
        return left


class FakeSuite(suite_base.Suite):
    """`runs` of each side, in their order; one that runs tests alone is noted."""

    name = "fake"

    def __init__(self, untraced: list[dict], traced: list[dict]):
        self.runs = {"untraced": list(untraced), "traced": list(traced)}
        self.alone = []

    def run(self, side, folder, tests):
        if tests:
            self.alone.append((side.name, tests))
        return self.runs[side.name].pop(0)


class Judge(unittest.TestCase):
    has_traced = True

    def judge(self, untraced: list[dict], traced: list[dict], left=(), left_anyway=()):
        suite = FakeSuite(untraced, traced)
        with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(io.StringIO()) as said:
            sides = [FakeSide("untraced", work, left_anyway), FakeSide("traced", work, left)]
            sides[1].has_traced = self.has_traced
            verdict = own_suites.judge(suite, sides)
        self.said, self.alone = said.getvalue(), suite.alone
        return verdict

    def test_counts_each_test_and_what_is_left(self):
        verdict = self.judge([{"a": "ok", "b": "skipped"}], [{"a": "ok", "b": "skipped"}])
        self.assertEqual((3, []), (verdict.passed, verdict.faults))

    def test_names_what_fails_on_both_sides_and_forgives_it(self):
        verdict = self.judge([{"a": "failure"}], [{"a": "failure"}])
        self.assertEqual((2, []), (verdict.passed, verdict.faults))
        self.assertIn("on both sides failure: a", self.said)

    def test_refuses_a_test_that_fails_twice_only_with_us(self):
        verdict = self.judge([{"a": "ok", "b": "ok"}, {"b": "ok"}], [{"a": "ok", "b": "failure"}, {"b": "failure"}])
        self.assertEqual((2, ["b: untraced 'ok', traced 'failure', twice"]), (verdict.passed, verdict.faults))
        self.assertEqual([("untraced", ["b"]), ("traced", ["b"])], self.alone)

    def test_tells_both_runs_of_a_test_that_failed_by_chance(self):
        verdict = self.judge([{"b": "ok"}, {"b": "ok"}], [{"b": "failure"}, {"b": "ok"}])
        self.assertEqual((2, []), (verdict.passed, verdict.faults))
        self.assertIn("b: untraced 'ok', traced 'failure'; again alone 'ok', 'ok'", self.said)

    def test_refuses_a_test_that_is_missing_or_skipped_with_us(self):
        self.assertEqual(1, len(self.judge([{"a": "ok", "b": "ok"}, {"b": "ok"}], [{"a": "ok"}, {}]).faults))
        self.assertEqual(1, len(self.judge([{"b": "ok"}, {"b": "ok"}], [{"b": "skipped"}, {"b": "skipped"}]).faults))

    def test_refuses_a_difference_that_a_second_run_does_not_find(self):
        self.assertEqual(1, len(self.judge([{"b": "ok"}, {}], [{"b": "failure"}, {}]).faults))

    def test_refuses_answers_that_differ(self):
        self.assertEqual(1, len(self.judge([{"b": "ok 1"}] * 2, [{"b": "ok 2"}] * 2).faults))

    def test_refuses_no_tests(self):
        self.assertEqual(["no test ran: 0 untraced, 0 traced"], self.judge([{}], [{}]).faults)

    def test_refuses_a_traced_side_that_traced_nothing(self):
        self.has_traced = False
        self.assertEqual(["no process was traced"], self.judge([{"a": "ok"}], [{"a": "ok"}]).faults)

    def test_refuses_what_is_left_only_with_us(self):
        self.assertEqual(["left behind: process x"], self.judge([{"a": "ok"}], [{"a": "ok"}], left=("process x",)).faults)
        self.assertEqual([], self.judge([{"a": "ok"}], [{"a": "ok"}], ("process x",), ("process x",)).faults)


class Unavailable(suite_base.Suite):
    name = "unavailable"

    def prepare(self, work):
        suite_base.need("no-such-command")


class Main(unittest.TestCase):

    def test_refuses_a_suite_that_cannot_be_had(self):
        with contextlib.redirect_stdout(io.StringIO()):
            verdict = own_suites.verdict_of(Unavailable(), argparse.Namespace())
        self.assertEqual((0, 1), (verdict.passed, len(verdict.faults)))
        self.assertIn("no-such-command is not installed", verdict.faults[0])


class Leftovers(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)

    def test_finds_and_ends_a_process_that_left_its_parents(self):
        suite_side.adopt_orphans()
        side = suite_side.Side(None, self.work, "")
        side.run(["/bin/sh", "-c", "setsid sleep 60 & exit 0"], self.work, 10)
        with unittest.mock.patch.object(suite_side, "SECONDS_TO_VANISH", 0.2):
            self.assertEqual(["process sleep"], side.leftovers())
            self.assertEqual([], side.leftovers())

    def test_finds_traces_and_what_lies_beside_them(self):
        limpet = self.work / "tools" / "limpet"
        limpet.parent.mkdir()
        limpet.write_text('#!/bin/sh\necho \'{"processes": [{"pid": 1, "executable": "x", "state": "dead"}]}\'\n')
        limpet.chmod(0o755)
        side = suite_side.Side(self.work, self.work, "")
        self.addCleanup(side.close)
        for user, name in (("root", "1-7.segment"), ("postgres", "watch-1.lock")):
            (side.place / user).mkdir()
            (side.place / user / name).touch()
        self.assertEqual(["lock file", "segment file of x, dead"], list(side.left_traces()))
        self.assertEqual([], list(side.left_traces()))


class Reading(unittest.TestCase):

    def test_reads_tests_of_python(self):
        with tempfile.TemporaryDirectory() as folder:
            found = pathlib.Path(folder) / "tests.xml"
            found.write_text('<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase>'
                             '<testcase name="c"><failure>x</failure></testcase></testsuite></testsuites>')
            self.assertEqual({"a": "ok", "b": "skipped", "c": "failure"}, dict(program_suites.Cpython.read(found)))

    def test_keeps_apart_tests_of_one_name(self):
        outcomes = server_suites.Redis.read("[ok]: SADD (3 ms)\n[err]: SADD in tests/unit/type/set.tcl\n[ready]: 5\n"
                                             "\x1b[0;33m[skip]\x1b[0m: large\n")
        self.assertEqual({"SADD": "ok", "SADD #2": "failed", "large": "skipped"}, outcomes)


if __name__ == "__main__":
    unittest.main()
