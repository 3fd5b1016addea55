#!/usr/bin/python3
"""A program that the kernel kills for memory leaves its last profile, with symbols.

usage: oom_test.py LIBLIMPET LIMPET VICTIM

VICTIM leaks a MiB at a time in LeaksForEver, in a memory cgroup of its own (version 1 or 2) whose limit
it soon meets. Skipped (exit code 77) where this user may make no cgroup.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LIBRARY, COMPANION, VICTIM = sys.argv[1:4] if len(sys.argv) > 3 else sys.exit(__doc__)
# A thousand pages, 41 times: of a rest the kernel's score of one who offers itself falls short (oom_badness).
LIMIT = 41_000 * 4096
PATIENCE = 45  # seconds
SKIPPED = 77
ONE_KILL = "killed by SIGKILL; its cgroup counted an OOM kill"
MORE_KILLS = r"killed by SIGKILL; its cgroup counted \d+ OOM kills \(dumps of limpet go first\)"


class Cgroup:
    """A memory cgroup below our own, with a limit."""

    def __init__(self, name: str):
        self.folder = self.parent() / name
        self.folder.mkdir()
        limit = "memory.limit_in_bytes" if self.is_version_1() else "memory.max"
        (self.folder / limit).write_text(str(LIMIT))

    @staticmethod
    def is_version_1() -> bool:
        return pathlib.Path("/sys/fs/cgroup/memory").is_dir()

    @classmethod
    def parent(cls) -> pathlib.Path:
        for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if cls.is_version_1() and "memory" in controllers.split(","):
                return pathlib.Path("/sys/fs/cgroup/memory" + path)
            if not cls.is_version_1() and controllers == "":
                return pathlib.Path("/sys/fs/cgroup" + path)
        raise OSError("no memory cgroup")

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def members(self) -> list[int]:
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def kill(self):
        """As a container's end does: all at once, our companion too."""
        while members := self.members():
            for pid in members:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def close(self):
        self.kill()
        self.folder.rmdir()


class OutOfMemory(unittest.TestCase):
    """Each test has a cgroup, a runtime directory and a directory of profiles of its own."""

    def setUp(self):
        self.cgroup = Cgroup(f"limpet-oom-{os.getpid()}")
        runtime = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="limpet-test-")
        profiles = tempfile.TemporaryDirectory(prefix="limpet-test-")
        self.addCleanup(runtime.cleanup)
        self.addCleanup(profiles.cleanup)
        # Runs first: who still writes must be gone before the directories go.
        self.addCleanup(self.cgroup.close)
        self.runtime = pathlib.Path(runtime.name)
        self.profiles = pathlib.Path(profiles.name)

    def environment(self, **settings) -> dict:
        return {"PATH": os.environ["PATH"], "LIMPET_RUNTIME_DIR": str(self.runtime),
                "LIMPET_DIR": str(self.profiles)} | settings

    def start(self, **settings) -> subprocess.Popen:
        return subprocess.Popen([VICTIM], preexec_fn=self.cgroup.enter,
                                env=self.environment(LD_PRELOAD=LIBRARY, **settings))

    def limpet(self, *arguments: str) -> str:
        return subprocess.run([COMPANION, *arguments], env=self.environment(), check=True,
                              capture_output=True, text=True, timeout=PATIENCE).stdout

    def heaps(self) -> list[pathlib.Path]:
        return sorted(self.profiles.glob("oom_victim.*/[0-9]*.heap.pb.gz"))

    def wait_for(self, what, message: str):
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, message)
            time.sleep(0.01)

    def stop_a_dump(self) -> bool:
        """One that has begun to use memory. The kernel ends it all the same."""
        for pid in self.cgroup.members():
            try:
                is_dump = b"\0dump\0" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                resident_pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
                if is_dump and resident_pages > 500:
                    os.kill(pid, signal.SIGSTOP)
                    return True
            except (FileNotFoundError, ProcessLookupError):
                pass
        return False

    def has_last_profile(self) -> bool:
        rows = json.loads(self.limpet("ps", "--json"))["processes"]
        return any(row["state"] == "dead" and row.get("last_profile_written") for row in rows)

    def end(self) -> str:
        meta = json.loads((self.profiles / "latest" / "meta.json").read_text())
        return meta.get("end", "")

    @staticmethod
    def kernels_words() -> str:
        """Whom it killed of late, for the case that it was not the victim alone."""
        log = subprocess.run(["dmesg"], capture_output=True, text=True, check=False, timeout=PATIENCE).stdout
        return "\n".join(line for line in log.splitlines() if "Killed process" in line or "oom-kill:" in line)[-3000:]

    def assert_shows_the_leak(self, heap: pathlib.Path):
        text = subprocess.run(["go", "tool", "pprof", "-top", "-sample_index=inuse_space",
                               "-unit=MB", str(heap)], capture_output=True, text=True,
                              check=True, timeout=PATIENCE).stdout
        first = text[text.index("flat%"):].splitlines()[1].split()
        self.assertIn("LeaksForEver", first[-1] + text.splitlines()[-1])
        leaked = float(first[0].removesuffix("MB"))
        self.assertGreater(leaked, 0.6 * LIMIT / (1 << 20), text)

    def test_the_watcher_writes_the_last_profile(self):
        victim = self.start(LIMPET_EVERY="1s")
        self.assertEqual(victim.wait(PATIENCE), -signal.SIGKILL, "the kernel killed it for memory")
        self.wait_for(self.has_last_profile, "no last profile")
        heaps = self.heaps()
        self.assertGreater(len(heaps), 1, "a periodic one and the last")
        # A dump may have been under way just then: see the next test.
        self.assertRegex(self.end(), f"^({ONE_KILL}|{MORE_KILLS})$", self.kernels_words())
        self.assert_shows_the_leak(heaps[-1])

    def test_a_dump_under_way_is_killed_before_the_program(self):
        victim = self.start(LIMPET_EVERY="1s")
        self.wait_for(lambda: len(self.cgroup.members()) > 1, "nobody watches")
        victim.send_signal(signal.SIGSTOP)  # there is room meanwhile
        self.wait_for(self.stop_a_dump, "no dump was met at work")
        victim.send_signal(signal.SIGCONT)
        self.assertEqual(victim.wait(PATIENCE), -signal.SIGKILL)
        self.wait_for(self.has_last_profile, "no last profile")
        self.assertRegex(self.end(), f"^{MORE_KILLS}$", self.kernels_words())
        self.assert_shows_the_leak(self.heaps()[-1])

    def test_a_copy_is_made_near_the_limit_and_gets_its_symbols_later(self):
        victim = self.start(LIMPET_DUMP_ON="cgroup:70%")
        self.assertEqual(victim.wait(PATIENCE), -signal.SIGKILL)
        self.wait_for(self.has_last_profile, "no last profile")
        self.wait_for(lambda: len(self.heaps()) >= 2, "the copy has got no symbols")
        self.wait_for(lambda: not list(self.profiles.glob("*/*.segment")), "the copy is left over")
        for heap in self.heaps():
            self.assert_shows_the_leak(heap)

    def test_without_a_watcher_the_evidence_waits(self):
        victim = self.start()
        self.assertEqual(victim.wait(PATIENCE), -signal.SIGKILL)
        self.assertIn(f"{victim.pid}  dead", self.limpet("ps"))
        self.limpet("dump", str(victim.pid))
        self.assert_shows_the_leak(self.heaps()[-1])

    def test_after_the_end_of_all_the_next_watcher_writes_it(self):
        victim = self.start(LIMPET_EVERY="1h")
        self.wait_for(lambda: len(self.cgroup.members()) == 2, "nobody watches")
        time.sleep(2)
        self.cgroup.kill()
        victim.wait()
        self.assertEqual(self.heaps(), [])
        again = self.start(LIMPET_EVERY="1h")
        self.addCleanup(again.wait)
        self.addCleanup(self.cgroup.kill)
        self.wait_for(self.has_last_profile, "the service is back, the last profile is not there")


def main():
    try:
        Cgroup(f"limpet-probe-{os.getpid()}").close()
    except OSError as error:
        print(f"skipped: no memory cgroup can be made: {error}")
        return SKIPPED
    return 0 if unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
