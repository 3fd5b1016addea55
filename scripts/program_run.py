"""Runs one real program and notes everything about it that tracing must not change.

A step is one command. A gated step is looked at in the middle of its life: it has done its work and
waits, for the end of its input or, a server, for the next request. What is noted of each process of
its tree then: descriptors, threads, signal masks and dispositions, umask and the like.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# The signals that ask for a dump and for a running thread's stack are caught in a traced process and in
# no other: their bits in SigCgt are the differences that are meant. (A program that catches one itself
# has it in both.)
OWN_SIGNAL_BITS = 1 << (signal.SIGUSR1 - 1) | 1 << (signal.SIGURG - 1)

QUIET_SECONDS = 0.4
PATIENCE_SECONDS = 60
STATUS_FIELDS = ("Threads", "SigIgn", "SigCgt", "SigBlk", "ShdPnd", "Umask", "NoNewPrivs", "Seccomp",
                 "CapEff", "Groups")


class Stuck(Exception):
    """Something did not happen in time."""


@dataclass
class Step:
    """One command. `work` is what a client does to a server; its answer is compared too."""

    command: list[str]
    text: str = ""                                       # standard input, or its first part
    is_gated: bool = False
    marker: str = ""                                     # on stdout: the work is done
    work: Callable[[], str] | None = None
    stop_signal: int | None = None                       # None: the end of input ends it
    environment: dict[str, str] = field(default_factory=dict)


def write(path: pathlib.Path, text: str) -> pathlib.Path:
    path.write_text(textwrap.dedent(text).lstrip())
    return path


def read(path: pathlib.Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def tree_of(root: int) -> list[int]:
    """The process and its descendants, parents first."""
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        fields = read(folder / "stat").rpartition(")")[2].split()
        if fields and fields[0] not in "ZX":
            parents[int(folder.name)] = int(fields[1])
    tree = [root]
    for pid in tree:
        tree += sorted(child for child, parent in parents.items() if parent == pid)
    return tree


def activity_of(pids: list[int]):
    """Changes as long as one of the processes does something."""
    for pid in pids:
        fields = read(pathlib.Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        yield pid, fields[11:13] if fields else None, fields[0] if fields else None


def wait_until_quiet(pid: int):
    deadline = time.monotonic() + PATIENCE_SECONDS
    before, since = None, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = list(activity_of(tree_of(pid)))
        if now != before or any(state != "S" for _, _, state in now):
            before, since = now, time.monotonic()
        if time.monotonic() > deadline:
            left = ", ".join(f"{read(pathlib.Path(f'/proc/{pid}/comm')).strip()} {state}" for pid, _, state in now)
            raise Stuck(f"never came to rest: {left}")
        time.sleep(0.05)


def wait_for(what: str, condition: Callable[[], bool]):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Stuck(f"waited in vain for {what}")
        time.sleep(0.05)


def descriptors_of(pid: int) -> list[str]:
    """What each descriptor is; numbers of inodes and processes are left out."""
    found = []
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(re.sub(r"\d+", "N", os.readlink(link)))
    return sorted(found)


def facts_of(root: int) -> dict[str, str]:
    facts = {"processes": ""}
    for number, pid in enumerate(tree_of(root)):
        folder = pathlib.Path(f"/proc/{pid}")
        name = f"{read(folder / 'comm').strip()}[{number}]"
        facts["processes"] += name + " "
        facts[f"{name} descriptors"] = "\n".join(descriptors_of(pid))
        facts[f"{name} oom_score_adj"] = read(folder / "oom_score_adj").strip()
        status = dict(re.findall(r"^(\w+):\t(.*)$", read(folder / "status"), re.MULTILINE))
        for key in STATUS_FIELDS:
            value = status.get(key, "").strip()
            if key == "SigCgt" and value:
                value = f"{int(value, 16) & ~OWN_SIGNAL_BITS:016x}"
            facts[f"{name} {key}"] = value
    return facts


def end(process: subprocess.Popen):
    """Ends the step's own process group, whatever is left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.wait()


def run_gated(step: Step, process: subprocess.Popen, output: pathlib.Path,
              ask: Callable[[int], None] | None, seen: dict[str, str]):
    if step.text:
        process.stdin.write(step.text.encode())
        process.stdin.flush()
    if step.marker:
        wait_for(f"'{step.marker}'",
                 lambda: step.marker in read(output) or process.poll() is not None)
    if step.work:
        seen["answers"] = step.work()
    wait_until_quiet(process.pid)
    seen.update(facts_of(process.pid))
    if ask:
        # The companion that wrote the dump must have gone, and left everything as it was.
        ask(process.pid)
        wait_until_quiet(process.pid)
        seen.update({f"after the dump: {key}": value for key, value in facts_of(process.pid).items()})
    else:
        seen.update({f"after the dump: {key}": value for key, value in seen.items()
                     if key != "answers"})
    if step.stop_signal is not None:
        process.send_signal(step.stop_signal)


def run_step(step: Step, folder: pathlib.Path, environment: dict[str, str],
             ask: Callable[[int], None] | None) -> dict[str, str]:
    """`ask` asks a gated process for its profile, by PID."""
    seen: dict[str, str] = {}
    output, errors = folder / "stdout", folder / "stderr"
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(step.command, cwd=folder, stdin=subprocess.PIPE, stdout=stdout,
                                   stderr=stderr, start_new_session=True,
                                   env={**environment, **step.environment})
    try:
        if step.is_gated:
            run_gated(step, process, output, ask, seen)
            process.stdin.close()
        else:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(step.text.encode())
                process.stdin.close()
        seen["status"] = str(process.wait(timeout=PATIENCE_SECONDS))
    except subprocess.TimeoutExpired:
        raise Stuck("did not end") from None
    finally:
        end(process)
    seen["stdout"], seen["stderr"] = read(output), read(errors)
    return seen
