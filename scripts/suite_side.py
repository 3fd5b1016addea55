"""One of the two sides of a comparison: how commands run there, untraced or traced, and what they leave.

Both sides run in the same folders, with the same small environment. The process that uses this is made
the reaper of all that its commands leave behind (`adopt_orphans`), so that whatever outlives a run is seen.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable

PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_VANISH = 15


def adopt_orphans():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> dict[int, int]:
    """The children that have ended, and how."""
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def wait_for(process: subprocess.Popen, seconds: float) -> int | None:
    """Its exit status; None: it was killed after so long. Orphans are reaped meanwhile, as init would."""
    deadline = time.monotonic() + seconds
    while process.returncode is None:
        process.returncode = reap().get(process.pid)
        if process.returncode is None and time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
        time.sleep(0.02)
    return process.returncode


def own_descendants() -> dict[int, str]:
    """All processes below this one, with their names."""
    parents, names = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, _, rest = (folder / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            parents[int(folder.name)], names[int(folder.name)] = int(rest.split()[1]), name
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return {pid: names[pid] for pid in found[1:]}


class Side:
    """`place` is where the traces lie: a directory below /dev/shm, which the commands' users may write to."""

    def __init__(self, build: pathlib.Path | None, work: pathlib.Path, sample_bytes: str):
        self.is_traced = build is not None
        self.name = "traced" if build else "untraced"
        self.build, self.work, self.sample_bytes = build, work, sample_bytes
        self.place = self.profiles = None
        self.has_traced = False
        if self.is_traced:
            self.place = pathlib.Path(tempfile.mkdtemp(prefix="limpet-suites-", dir="/dev/shm"))
            self.profiles = work / "profiles"
            self.profiles.mkdir()
            for folder in (self.place, self.profiles):
                folder.chmod(0o1777)

    def close(self):
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)

    def environment(self, user: str = "root") -> dict[str, str]:
        found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                 "HOME": "/", "TMPDIR": str(self.work)}
        if self.is_traced:
            found |= {"LD_PRELOAD": str(self.build / "preload" / "liblimpet.so"), "LIMPET_DIR": str(self.profiles),
                      "LIMPET_RUNTIME_DIR": str(self.place / user), "LIMPET_SAMPLE_BYTES": self.sample_bytes,
                      "LIMPET_WATCH": "1", "LIMPET_KEEP_DEAD": "0"}
        return found

    def start(self, command: list[str], folder: pathlib.Path, user: str = "root", **options) -> subprocess.Popen:
        """In a session of its own."""
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT} | options
        if user != "root":
            options |= {"user": user, "group": user, "extra_groups": []}
        return subprocess.Popen(command, cwd=folder, env=self.environment(user), start_new_session=True, **options)

    def run(self, command: list[str], folder: pathlib.Path, seconds: float, user: str = "root",
            **options) -> tuple[int | None, str]:
        """Exit status (None: took too long and was killed) and all that it said."""
        with tempfile.TemporaryFile(dir=self.work) as said:
            process = self.start(command, folder, user, stdout=said, **options)
            status = wait_for(process, seconds)
            said.seek(0)
            return status, said.read().decode(errors="replace")

    def leftovers(self) -> list[str]:
        """Processes and traces that outlived the run; they are ended and removed."""
        return [*left_processes(), *self.left_traces()]

    def left_traces(self):
        if not self.is_traced:
            return
        for folder in sorted(self.place.iterdir()):
            self.has_traced = True  # the library makes the folder
            # Before `limpet ps` looks: it tidies up.
            files = sorted(file.name for file in folder.rglob("*") if file.is_file())
            states = self.states_in(folder) if files else {}
            for name in files:
                yield f"{name.rpartition('.')[2]} file {states.get(name.partition('-')[0], '')}".strip()
            shutil.rmtree(folder)


    def states_in(self, folder: pathlib.Path) -> dict[str, str]:
        """By PID: what `limpet ps` says of it."""
        ps = subprocess.run([self.build / "tools" / "limpet", "ps", "--json"], capture_output=True, text=True,
                            check=False, env={**os.environ, "LIMPET_RUNTIME_DIR": str(folder)})
        return {str(row["pid"]): f"of {row.get('executable') or row['pid']}, {row.get('state')}"
                for row in json.loads(ps.stdout or "{}").get("processes", [])}


def left_processes() -> list[str]:
    """Those that do not go by themselves within SECONDS_TO_VANISH."""
    ended_by = time.monotonic() + SECONDS_TO_VANISH
    while (left := gone_or_left()) and time.monotonic() < ended_by:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"process {name}" for name in left.values()]


def gone_or_left() -> dict[int, str]:
    reap()
    return own_descendants()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
