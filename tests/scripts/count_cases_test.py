#!/usr/bin/python3
"""Tests of scripts/count_cases.py."""

import pathlib
import subprocess
import tempfile
import unittest

COUNT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "count_cases.py"


def count(cases: str) -> subprocess.CompletedProcess:
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as log:
        log.write(f"<testsuites><testsuite name='a'>{cases}</testsuite></testsuites>")
        log.flush()
        return subprocess.run([str(COUNT), log.name], text=True, capture_output=True, check=False)


class CountCases(unittest.TestCase):

    def test_counts_what_passed(self):
        done = count("<testcase name='x'/><testcase name='y'/>")
        self.assertEqual((0, "2 passed, 0 failed\n"), (done.returncode, done.stdout))

    def test_names_what_failed_and_fails(self):
        done = count("<testcase name='x'/><testcase classname='S' name='y'><failure/></testcase>"
                     "<testcase classname='S' name='z'><error/></testcase>")
        self.assertEqual((1, "failed: S.y\nfailed: S.z\n1 passed, 2 failed\n"),
                         (done.returncode, done.stdout))

    def test_shows_what_a_failed_case_said(self):
        done = count("<testcase name='x'><failure message='a.cc:7&#10;Expected: 1'/></testcase>"
                     "<testcase name='y'><failure/><system-out>so\nfar</system-out></testcase>")
        self.assertEqual("failed: .x\n    a.cc:7\n    Expected: 1\nfailed: .y\n    so\n    far\n"
                         "0 passed, 2 failed\n", done.stdout)

    def test_does_not_count_what_was_skipped(self):
        self.assertEqual("0 passed, 0 failed\n", count("<testcase name='x'><skipped/></testcase>").stdout)


if __name__ == "__main__":
    unittest.main()
