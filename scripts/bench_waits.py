"""What hooks on calls that may wait cost: single calls, servers that do little else, a dump of a crowd."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import time

from bench_measure import Failed, folder, lines_of, wait_peak, with_peak
from bench_server import Nginx, Redis, served, settings

CROWD = 10_000
CALLS_THAT_WAIT = ("contended_mutex", "queue", "condition_turn")


def waits(build: pathlib.Path, rounds: int) -> dict[str, str]:
    with folder() as place:
        figures = {"title": "Calls that may wait, and a crowd that does"}
        figures |= calls(build, place, rounds)
        for server in (Nginx, Redis):
            figures[f"{server.name}, requests for a second of its time, ratio"] = served(server, build, place, rounds)
        figures[f"goroutine dump of {CROWD} threads"] = crowd(build, place, rounds)
    return figures


def calls(build: pathlib.Path, place: pathlib.Path, rounds: int) -> dict[str, str]:
    """Nanoseconds without and with limpet; of what waits also the ratio, whose limit is one."""
    program = [str(build / "tests" / "bench" / "waits")]
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        plain, traced = (dict(line.split() for line in lines_of(program, extra).splitlines())
                         for extra in ({}, settings(build, place)))
        for name, value in plain.items():
            found.setdefault(name, []).append((float(value), float(traced[name])))
    return {name: said_of(name, pairs) for name, pairs in found.items()}


def said_of(name: str, pairs: list[tuple[float, float]]) -> str:
    plain, traced = (statistics.median(column) for column in zip(*pairs))
    text = f"{plain:.1f} ns, {traced:.1f} ns"
    if name not in CALLS_THAT_WAIT:
        return f"{text}: {statistics.median(own - base for base, own in pairs):+.1f}"
    return f"{text}: {statistics.median(own / base for base, own in pairs):.3f}"


@contextlib.contextmanager
def running(words: list[str], environment: dict[str, str], **options):
    process = subprocess.Popen(words, env={**os.environ, **environment}, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def crowd(build: pathlib.Path, place: pathlib.Path, rounds: int) -> str:
    words = [str(build / "tests" / "bench" / "waits"), "crowd", str(CROWD)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(words, settings(build, place), **pipes) as process:
        if process.stdout.readline() != b"ready\n":
            raise Failed(f"{CROWD} threads could not be started")
        time.sleep(1)  # until the last ones wait
        runs = [dump_once(build, place, process.pid) for _ in range(rounds)]
    wall, user, system, peak = (statistics.median(column) for column in zip(*runs))
    return f"{wall:.2f} s, of them {user + system:.2f} s at work, peak {peak / 1024:.0f} MiB"


def dump_once(build: pathlib.Path, place: pathlib.Path, pid: int) -> tuple[float, ...]:
    words = ["env", f"LIMPET_RUNTIME_DIR={place / 'segments'}", str(build / "tools" / "limpet"), "dump", str(pid),
             "-p", "goroutine", "-o", str(place / "%P.pb.gz")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    wait_peak(subprocess.Popen(with_peak(words, place), **quiet), place, "limpet dump")
    return tuple(float(word) for word in (place / "peak.kib").read_text().split())
