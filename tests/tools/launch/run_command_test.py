#!/usr/bin/python3
"""Tests of `limpet run` and `limpet doctor` as a user meets them: status, stderr, environment.

usage: run_command_test.py LIMPET FOLDER_OF_TOY_PROGRAMS
"""

import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import unittest

LIMPET, TOYS = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))
LIBRARY = str(TOYS / "toy_library.so")


def limpet(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("LIMPET_", "LD_PRELOAD"))}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([LIMPET, *arguments], text=True, capture_output=True, check=False,
                              timeout=60, env={**kept, "LIMPET_LIBRARY": LIBRARY,
                                               "LIMPET_DIR": folder, **variables})


def toy(name: str) -> str:
    return str(TOYS / f"toy_{name}")


class Run(unittest.TestCase):

    def test_returns_the_programs_own_status_and_says_nothing(self):
        done = limpet("run", "--", toy("plain"), "seven77")
        self.assertEqual((7, "", ""), (done.returncode, done.stdout, done.stderr))

    def test_hands_the_signal_that_killed_it_on(self):
        done = limpet("run", "--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(-15, done.returncode)

    def test_sets_the_environment_and_keeps_the_users(self):
        done = limpet("run", "-s", "4KiB", "-d", "/tmp", "--signal", "USR2", "--dump-at-exit", "--mmap",
                      "--", "env", LD_PRELOAD=f"{LIBRARY} /lib/x86_64-linux-gnu/libz.so.1")
        seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        self.assertEqual(f"{LIBRARY}:/lib/x86_64-linux-gnu/libz.so.1", seen["LD_PRELOAD"])
        self.assertEqual(("4KiB", "/tmp", "USR2", "1", "1"), tuple(
            seen[name] for name in ("LIMPET_SAMPLE_BYTES", "LIMPET_DIR", "LIMPET_SIGNAL",
                                    "LIMPET_DUMP_AT_EXIT", "LIMPET_MMAP")))
        self.assertEqual(os.path.realpath(LIMPET), seen["LIMPET_COMPANION"])

    def test_has_it_watched_unless_the_user_does_not_want_that(self):
        self.assertIn("LIMPET_WATCH=1\n", limpet("run", "--", "env").stdout)
        self.assertIn("LIMPET_WATCH=0\n", limpet("run", "--", "env", LIMPET_WATCH="0").stdout)

    def test_hands_what_a_watcher_is_asked_on(self):
        done = limpet("run", "--every", "30s", "--dump-on", "growth:1MiB,exit", "--keep", "7",
                      "--", "env")
        for setting in ("LIMPET_EVERY=30s", "LIMPET_DUMP_ON=growth:1MiB,exit", "LIMPET_KEEP=7"):
            self.assertIn(setting + "\n", done.stdout)

    def test_preloads_jemalloc_behind_us(self):
        done = limpet("run", "--allocator", "jemalloc", "--", "env")
        self.assertRegex(done.stdout, rf"LD_PRELOAD={LIBRARY}:/.*/libjemalloc\.so\.2\n")

    def test_a_command_that_is_not_there_is_127(self):
        done = limpet("run", "--", "no-such-command")
        self.assertEqual(127, done.returncode)
        self.assertIn("no-such-command", done.stderr)

    def test_a_file_that_is_not_executable_is_126(self):
        self.assertEqual(126, limpet("run", "--", "/etc/passwd").returncode)
        self.assertEqual(126, limpet("run", "--", "/etc").returncode)

    def test_a_missing_library_of_ours_is_125(self):
        done = limpet("run", "--", toy("plain"), LIMPET_LIBRARY="/nowhere.so")
        self.assertEqual(125, done.returncode)
        self.assertIn("/nowhere.so", done.stderr)

    def test_a_bad_value_is_a_usage_error(self):
        for option in (("-s", "lots"), ("--signal", "KILL"), ("--max-bytes", "1"), ("--allocator", "x")):
            done = limpet("run", *option, "--", toy("plain"))
            self.assertEqual(2, done.returncode, option)
            self.assertIn(option[1], done.stderr)

    def test_a_program_that_cannot_be_traced_is_not_started(self):
        done = limpet("run", "--", toy("static"))
        self.assertEqual(3, done.returncode)
        self.assertIn("linked statically", done.stderr)

    def test_a_program_that_cannot_be_traced_runs_by_force_for_its_children(self):
        done = limpet("run", "--force", "--", toy("static"), "seven77")
        self.assertEqual(limpet("run", "--", toy("plain"), "seven77").returncode, done.returncode)
        self.assertIn("linked statically", done.stderr)

    def test_a_program_that_is_traced_in_part_runs_with_a_word(self):
        done = limpet("run", "--", toy("own_malloc"))
        self.assertEqual(0, done.returncode)
        self.assertIn("defines malloc itself", done.stderr)

    def test_a_directory_that_cannot_be_written_is_told_at_once(self):
        done = limpet("run", "-d", "/etc/passwd/limpet", "--", toy("plain"))
        self.assertEqual(0, done.returncode)
        self.assertIn("/etc/passwd/limpet", done.stderr)


def read_until_end(terminal: int) -> bytes:
    """What comes from a terminal within 30 seconds."""
    text = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            text += os.read(terminal, 4096)
        except OSError:  # how a terminal ends
            break
    return text


def in_a_container(*command: str) -> subprocess.CompletedProcess:
    """As the first process of a pid namespace. Needs the right to make one."""
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", *command], text=True,
                          capture_output=True, check=False, timeout=60,
                          env={"LIMPET_LIBRARY": LIBRARY, "PATH": os.environ["PATH"]})


@unittest.skipIf(in_a_container("true").returncode != 0, "no pid namespace can be made here")
class AsFirstProcess(unittest.TestCase):
    """`limpet run` stays as init."""

    def test_is_not_replaced_by_the_program(self):
        done = in_a_container(LIMPET, "run", "--", "sh", "-c", "echo $PPID; exit 9")
        self.assertEqual((9, "1\n"), (done.returncode, done.stdout))

    def test_gives_the_signal_that_killed_the_program_as_a_status(self):
        self.assertEqual(139, in_a_container(LIMPET, "run", "--", "sh", "-c", "kill -SEGV $$").returncode)

    def test_reaps_orphans(self):
        script = "sh -c 'sleep 0.1 & exit 0'; sleep 0.5; cat /proc/[0-9]*/stat | grep -c ' Z '"
        self.assertEqual("0\n", in_a_container(LIMPET, "run", "--", "sh", "-c", script).stdout)

    def test_passes_signals_on(self):
        # The shell asks init, which is limpet, and gets the signal back.
        script = "trap 'echo got it; exit 3' TERM; kill -TERM 1; sleep 5 & wait"
        done = in_a_container(LIMPET, "run", "--", "sh", "-c", script)
        self.assertEqual((3, "got it\n"), (done.returncode, done.stdout))

    def test_gives_the_program_the_terminal(self):
        script = "test -t 0 && read line && echo got $line"
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["LIMPET_LIBRARY"] = LIBRARY
            os.execvp("unshare", ["unshare", "--pid", "--fork", "--mount-proc", LIMPET, "run", "--",
                                  "sh", "-c", script])
        os.write(terminal, b"words\n")
        self.assertIn(b"got words", read_until_end(terminal))
        self.assertEqual(0, os.waitpid(pid, 0)[1])

    def test_ends_where_it_was_started_with_children_ignored(self):
        ignoring = [sys.executable, "-c", "import os, signal, sys; "
                    "signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"]
        self.assertEqual(4, in_a_container(*ignoring, LIMPET, "run", "--", "sh", "-c",
                                           "exit 4").returncode)

    def test_a_command_that_is_not_there_is_127(self):
        self.assertEqual(127, in_a_container(LIMPET, "run", "--", "no-such-command").returncode)


class Doctor(unittest.TestCase):

    def test_tells_of_the_machine(self):
        done = limpet("doctor")
        self.assertIn("glibc", done.stdout)
        self.assertIn("LIMPET_SAMPLE_BYTES", done.stdout)
        self.assertIn(LIBRARY, done.stdout)

    def test_finds_what_blocks_a_program(self):
        done = limpet("doctor", toy("static"))
        self.assertEqual(1, done.returncode)
        self.assertIn("cure: ", done.stdout)
        self.assertEqual(0, limpet("doctor", toy("plain")).returncode)

    def test_speaks_json(self):
        done = limpet("doctor", "--json", toy("own_malloc"))
        told = json.loads(done.stdout)
        self.assertEqual((0, True), (done.returncode, told["traceable"]))
        self.assertEqual(["limits"], [finding["severity"] for finding in told["findings"]])

    def test_explains_a_process_that_is_not_traced(self):
        done = limpet("doctor", str(os.getpid()))
        self.assertEqual(1, done.returncode)
        self.assertIn("started without liblimpet.so", done.stdout)

    def test_a_process_that_is_not_there_is_3(self):
        self.assertEqual(3, limpet("doctor", "4194305").returncode)


if __name__ == "__main__":
    unittest.main()
