#!/usr/bin/python3
"""Renews a working set at 1 GB/s and sees that nothing decays: neither cost nor memory, nor the numbers.

usage: decay.py [--heaps SIZE,...] [--rounds N] [--threads N,...] [SECONDS] [BUILD]

Runs tests/soak/steady with 1, 2 and 8 threads for SECONDS (600), each without the library, sampled at
the default interval and at 16 KiB, all at once; then the same renewal in live heaps of each SIZE (100M,1G)
of 64 to 1024 bytes a block, with and without the library in turns, N rounds (5).

A run fails if it loses a sample, but for those while the segment is made, if what it has in use is not estimated within five standard deviations,
or if the trace, or what is resident beside libc's heap, is larger in the last fifth of the time than in
the first by more than MAX_*.
Times are printed, not judged: they are the machine's as much as ours.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field

PERIODS = 60
MAX_TRACE_GROWTH = 64 << 10  # four reservations: how many samples are in use at once is chance
MAX_BESIDE_GROWTH = 2 << 20  # of what is resident beside libc's heap, whose fragmentation is its own
MAX_DEVIATIONS = 5
SAMPLED = {"none": 0, "512KiB": 512 << 10, "16KiB": 16 << 10}
UNITS = {"M": 10**6, "G": 10**9}


@dataclass
class Run:
    threads: int
    interval: str
    periods: list[dict[str, float]] = field(default_factory=list)
    deviations: float = 0
    problems: list[str] = field(default_factory=lambda: ["was not followed to its end"])

    @property
    def name(self) -> str:
        return f"{self.threads} threads, {self.interval}"

    def fifth(self, figure: str, which: int) -> float:
        count = max(len(self.periods) // 5, 1)
        part = self.periods[:count] if which == 0 else self.periods[-count:]
        return statistics.median(period[figure] for period in part)


def start(build: pathlib.Path, sampled: str, place: pathlib.Path, **options) -> subprocess.Popen:
    environment = dict(os.environ)
    if sampled != "none":
        environment |= {"LD_PRELOAD": str(build / "preload" / "liblimpet.so"),
                        "LIMPET_SAMPLE_BYTES": sampled, "LIMPET_RUNTIME_DIR": str(place)}
    words = [str(build / "tests" / "soak" / "steady"), *(f"{name}={value}" for name, value in options.items())]
    return subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pairs_of(line: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", line)}


def resident(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10


def trace_of(build: pathlib.Path, place: pathlib.Path, pid: int) -> dict:
    """What the file takes, and what a reader finds in it."""
    text = subprocess.run([build / "tools" / "limpet", "ps", "--json"], check=True, capture_output=True, text=True,
                          env={**os.environ, "LIMPET_RUNTIME_DIR": str(place)}).stdout
    rows = [row for row in json.loads(text)["processes"] if row["pid"] == pid]
    if not rows:
        raise LookupError(f"`limpet ps` does not show {pid}")
    row = rows[0]
    counters = row["counters"]
    # While one thread makes the segment the samples of others are lost: at the start, never later.
    starting = row["losses"].get("dropped_starting", 0)
    return {"trace": sum(file.stat().st_blocks * 512 for file in place.glob("*.segment")),
            "entries": counters["samples"] - counters["sample_frees"], "starting": starting,
            "losses": sum(row["losses"].values()) - starting}


def in_use(build: pathlib.Path, place: pathlib.Path, pid: int) -> int:
    """Of the blocks that the bursts allocated."""
    text = subprocess.run([build / "tools" / "limpet", "dump", "--runtime-dir", place, "-p", "heap", "-f",
                           "collapsed", "-o", "-", str(pid)], check=True, capture_output=True, text=True).stdout
    return sum(int(line.rpartition(" ")[2]) for line in text.splitlines() if "AllocateBurst" in line)


def follow(run: Run, build: pathlib.Path, place: pathlib.Path, process: subprocess.Popen):
    is_traced = run.interval != "none"
    for line in process.stdout:
        figures = pairs_of(line)
        if line.startswith("live"):
            if is_traced:
                run.deviations = (in_use(build, place, process.pid) - figures["live"]) / figures["sigma"]
            break
        traced = trace_of(build, place, process.pid) if is_traced else {}
        rss = resident(process.pid)
        run.periods.append(figures | traced | {"rss": rss, "beside": rss - figures["heap"]})
    process.communicate("\n")
    is_whole = process.returncode == 0 and len(run.periods) == PERIODS
    run.problems = [] if is_whole else [f"ended with {process.returncode}"]


def churn(run: Run, build: pathlib.Path, seconds: int):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        place = pathlib.Path(folder)
        process = start(build, run.interval, place, seconds=seconds, periods=PERIODS, threads=run.threads,
                        interval=max(SAMPLED[run.interval], 1))
        try:
            follow(run, build, place, process)
        except (subprocess.SubprocessError, OSError, LookupError) as problem:
            run.problems.append(str(problem))
        finally:
            process.kill()
            process.wait()


def judge(run: Run):
    if run.problems or run.interval == "none":
        return
    growth = run.fifth("trace", -1) - run.fifth("trace", 0)
    if growth > MAX_TRACE_GROWTH:
        run.problems.append(f"the trace grew by {growth:.0f} bytes")
    growth = run.fifth("beside", -1) - run.fifth("beside", 0)
    if growth > MAX_BESIDE_GROWTH:
        run.problems.append(f"what is resident beside the heap grew by {growth:.0f} bytes")
    if run.periods[-1]["starting"] != run.periods[0]["starting"]:
        run.problems.append("samples lost as if the segment were being made")
    if run.periods[-1]["losses"] != 0:
        run.problems.append(f"{run.periods[-1]['losses']:.0f} losses")
    if abs(run.deviations) > MAX_DEVIATIONS:
        run.problems.append("bytes in use are wrong")


def change(run: Run, figure: str, unit: float, digits: int) -> str:
    if figure not in run.periods[0]:
        return "-"
    return " → ".join(f"{run.fifth(figure, which) / unit:.{digits}f}" for which in (0, -1))


def report(runs: list[Run]):
    print("\nMedians of the first fifth of the time → of the last:\n")
    print("| run | ns a free | ns a malloc | cpu ns a pair | RSS, MiB | beside the heap, MiB | trace, KiB | entries | in use, sigma |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in runs:
        if run.periods:
            cells = [change(run, "free", 1, 1), change(run, "malloc", 1, 1), change(run, "cpu", 1, 0),
                     change(run, "rss", 1 << 20, 1), change(run, "beside", 1 << 20, 2),
                     change(run, "trace", 1 << 10, 0), change(run, "entries", 1, 0)]
            print(f"| {run.name} | {' | '.join(cells)} | {run.deviations:+.1f} |")
    for run in runs:
        print(f"{run.name}: {', '.join(run.problems) or 'passed'}")
    sys.stdout.flush()


def churns(build: pathlib.Path, seconds: int, threads: list[int]) -> list[Run]:
    if not threads:
        return []
    runs = [Run(count, interval) for count in threads for interval in SAMPLED]
    followers = [threading.Thread(target=churn, args=(run, build, seconds)) for run in runs]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()
    for run in runs:
        judge(run)
    report(runs)
    return [run for run in runs if run.interval != "none"]


def heap(build: pathlib.Path, interval: str, live: int) -> dict[str, float]:
    """One program that fills a heap and renews it for a few seconds: what a pair costs there."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        process = start(build, interval, pathlib.Path(folder), seconds=6, periods=6, live=live, smallest=64,
                        largest=1024, pace=0)
        text, _ = process.communicate("\n")
        if process.returncode != 0:
            sys.exit(f"decay: steady ended with {process.returncode}")
        periods = [pairs_of(line) for line in text.splitlines() if line.startswith("period")]
        return {name: statistics.median(period[name] for period in periods) for name in ("free", "malloc")}


def heaps(build: pathlib.Path, sizes: list[str], rounds: int):
    if not sizes:
        return
    print("\nA pair in a live heap, ns, median of the rounds (free + malloc); added: of the differences:\n")
    print("| heap | " + " | ".join(SAMPLED) + " | added at 512 KiB | added at 16 KiB |")
    print("|---|---|---|---|---|---|")
    for size in sizes:
        live = int(size[:-1]) * UNITS[size[-1]]
        taken = [{interval: heap(build, interval, live) for interval in SAMPLED} for _ in range(rounds)]
        cells = [f"{statistics.median(sum(turn[interval].values()) for turn in taken):.1f} "
                 f"({statistics.median(turn[interval]['free'] for turn in taken):.1f} + "
                 f"{statistics.median(turn[interval]['malloc'] for turn in taken):.1f})" for interval in SAMPLED]
        cells += [f"{statistics.median(added(turn, interval) for turn in taken):+.1f} "
                  f"({', '.join(f'{added(turn, interval):+.1f}' for turn in taken)})"
                  for interval in list(SAMPLED)[1:]]
        print(f"| {size}B | {' | '.join(cells)} |")
        sys.stdout.flush()


def added(turn: dict, interval: str) -> float:
    return sum(turn[interval].values()) - sum(turn["none"].values())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heaps", default="100M,1G", metavar="SIZE,...")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2,8", metavar="N,...")
    parser.add_argument("seconds", nargs="?", type=int, default=600)
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=pathlib.Path("build"))
    options = parser.parse_args(arguments)
    build = options.build.resolve()
    runs = churns(build, options.seconds, [int(count) for count in options.threads.split(",") if count])
    heaps(build, [size for size in options.heaps.split(",") if size], options.rounds)
    failed = sum(bool(run.problems) for run in runs)
    print(f"{len(runs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
