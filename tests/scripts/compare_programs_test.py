#!/usr/bin/python3
"""Tests of scripts/compare_programs.py: each kind of difference between two runs is found.

The program here is a small script; what stands in for tracing is a variable that makes it misbehave.
"""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import compare_programs  # noqa: E402
import program_run  # noqa: E402
from compared_programs import Program  # noqa: E402
from program_run import Step, Stuck  # noqa: E402

SCRIPT = """
import os, signal, subprocess, sys, threading, time
fault = os.environ.get("FAULT", "")
if fault == "descriptor": kept = open("/dev/null")
if fault == "thread": threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
if fault == "child": child = subprocess.Popen(["/bin/sleep", "5"], stdin=subprocess.DEVNULL)
if fault == "handler": signal.signal(signal.SIGUSR2, lambda *_: None)
if fault == "ignored": signal.signal(signal.SIGUSR2, signal.SIG_IGN)
if fault == "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
if fault == "dump handler": signal.signal(signal.SIGUSR1, lambda *_: None)
if fault == "umask": os.umask(0o77)
if fault == "output": print("extra")
if fault == "error": print("extra", file=sys.stderr)
if fault == "file": open("result", "w").write("other")
print("pid", os.getpid())
print("ready", flush=True)
sys.stdin.read()
sys.exit(1 if fault == "status" else 0)
"""


class StandIn:
    """Traces nothing; sets the variable that makes the script misbehave."""

    def __init__(self, fault: str):
        self.fault = fault

    def environment(self, program, profiles):
        return {"FAULT": self.fault}

    def ask(self, program, profiles, pid):
        pass


def steps(folder: pathlib.Path) -> list[Step]:
    (folder / "result").write_text("the same")
    (folder / "script.py").write_text(SCRIPT)
    return [Step(["/usr/bin/python3", "-S", "script.py"], is_gated=True, marker="ready")]


PROGRAM = Program("script", steps, "python3*", [], masks=[(r"pid \d+", "pid N")], files=["result"])

# What goes wrong, and words of the difference that must be found.
FAULTS = {
    "descriptor": "descriptors", "thread": "Threads", "child": "processes", "handler": "SigCgt",
    "ignored": "SigIgn", "blocked": "SigBlk", "umask": "Umask", "output": "stdout", "error": "stderr",
    "status": "status", "file": "file result",
}


class ComparePrograms(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def observe(self, fault: str) -> dict[str, str]:
        return compare_programs.observe(PROGRAM, self.folder / "run", self.folder, StandIn(fault))

    def test_finds_each_difference(self):
        before = self.observe("")
        for fault, words in FAULTS.items():
            with self.subTest(fault):
                found = list(compare_programs.differences(PROGRAM, before, self.observe(fault)))
                self.assertIn(words, " ".join(found))

    def test_finds_none_between_equal_runs_nor_in_the_dump_signals_handler(self):
        before = self.observe("")
        for fault in ("", "dump handler"):
            self.assertEqual([], list(compare_programs.differences(PROGRAM, before, self.observe(fault))))

    def test_a_program_that_never_gets_ready_is_stuck(self):
        patience, program_run.PATIENCE_SECONDS = program_run.PATIENCE_SECONDS, 1
        self.addCleanup(setattr, program_run, "PATIENCE_SECONDS", patience)
        step = Step(["/bin/sleep", "30"], is_gated=True, marker="ready")
        with self.assertRaises(Stuck):
            program_run.run_step(step, self.folder, {}, None)

    def test_a_profile_that_is_missing_is_a_fault(self):
        self.assertIn("no profile", list(compare_programs.profile_faults(PROGRAM, self.folder))[0])

    def test_an_unfinished_profile_is_a_fault(self):
        (self.folder / "a.heap.pb.gz.tmp").touch()
        (self.folder / "b.heap.pb.gz").touch()
        self.assertEqual(["left behind: a.heap.pb.gz.tmp"], list(compare_programs.leftovers(self.folder)))


if __name__ == "__main__":
    unittest.main()
