"""Runs contenders on workloads and takes their figures."""

import contextlib
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

TIMEOUT_S = 600


@dataclass(frozen=True)
class Run:
    wall_s: float
    peak_kib: int
    output_bytes: int


class Failed(Exception):
    """A run that did not do its work must not become a figure."""


def machine() -> str:
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    libc = " ".join(platform.libc_ver())
    return f"{os.cpu_count()} cpus, {model.group(1) if model else platform.machine()}, " \
           f"Linux {platform.release()}, {libc}"


@contextlib.contextmanager
def folder():
    """In memory, so that a disk is no part of any figure."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir="/dev/shm"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def filled(words: list[str], **places: pathlib.Path) -> list[str]:
    for name, place in places.items():
        words = [word.replace("{" + name + "}", str(place)) for word in words]
    return words


def settings_of(workload, contender, work: pathlib.Path, out: pathlib.Path, extra: dict[str, str]):
    """For `env`: only the program itself is under the contender, not what starts and watches it."""
    own = {**workload.environment, **contender.environment, **extra}
    return filled([f"{name}={value}" for name, value in own.items()], work=work, out=out)


@dataclass(frozen=True)
class Reader:
    """What reads the stream of the traced program, and an end of the pipe that keeps it open."""

    processes: list
    writer: int | None

    def finish(self):
        if self.writer is not None:
            os.close(self.writer)
        for process in self.processes:
            process.wait()


def start_reader(contender, out: pathlib.Path):
    """heaptrack: the interpreter turns the stream into what the analyser reads, compressed."""
    if not contender.reader:
        return Reader([], None)
    os.mkfifo(out / "pipe")
    interpreter, packer = contender.reader
    # Opening both ends here keeps neither side waiting for the other, nor the reader from finding an
    # end before there is a beginning.
    source = os.open(out / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(out / "pipe", os.O_WRONLY)
    os.set_blocking(source, True)
    first = subprocess.Popen([interpreter], stdin=source, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    os.close(source)
    with (out / "heaptrack.zst").open("wb") as packed:
        second = subprocess.Popen([packer, "-c"], stdin=first.stdout, stdout=packed)
    return Reader([first, second], writer)


def with_peak(words: list[str], out: pathlib.Path) -> list[str]:
    """The kernel keeps the largest resident set across exec, so a small program must do the exec.
    The file holds wall, user and system seconds, and the peak."""
    return ["/usr/bin/time", "-q", "-f", "%e %U %S %M", "-o", str(out / "peak.kib"), *words]


def wait_peak(process: subprocess.Popen, out: pathlib.Path, what: str) -> int:
    if process.wait() != 0:  # with a limit Python would poll, at intervals longer than some runs
        raise Failed(f"{what} ended with {process.returncode}")
    return int((out / "peak.kib").read_text().split()[-1])


def bytes_below(out: pathlib.Path, pattern: str) -> int:
    return sum(file.stat().st_size for file in out.glob(pattern) if file.is_file()) if pattern else 0


def run_command(workload, contender, command, extra, wrapper=()) -> Run:
    with folder() as work, folder() as out:
        for name, text in workload.files.items():
            (work / name).write_text(text)
        settings = settings_of(workload, contender, work, out, extra)
        traced = ["env", *settings, *filled([*wrapper, *command], work=work, out=out)]
        words = with_peak(traced, out)
        reader = start_reader(contender, out)
        began = time.perf_counter()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            wall = serve(workload, contender, process) if workload.client else None
            peak = wait_peak(process, out, f"{workload.name} under {contender.name}")
        finally:
            reader.finish()
        wall = wall or time.perf_counter() - began
        return Run(wall, peak, bytes_below(out, contender.writes))


def serve(workload, contender, server: subprocess.Popen) -> float:
    """Times the client of a server that is under the contender, and tells the server to stop."""
    deadline = time.monotonic() + 30
    ping = ["redis-cli", *workload.client[1:3], "ping"]
    while subprocess.run(ping, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         check=False).returncode != 0:
        if time.monotonic() > deadline:
            server.terminate()
            raise Failed(f"{workload.name} under {contender.name} does not answer")
        time.sleep(0.05)
    began = time.perf_counter()
    subprocess.run(workload.client, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    subprocess.run([*workload.stop], check=True, stdout=subprocess.DEVNULL)
    return wall


def in_turns(workload, contenders: list, rounds: int) -> dict[str, list[Run]]:
    """Runs of each contender; none of one that failed once, which says so."""
    runs = {contender.name: [] for contender in contenders}
    failed = set()
    for number in range(rounds):
        # Whoever comes first finds cold caches: the order turns with the rounds.
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            if contender.name in failed:
                continue
            try:
                runs[contender.name].append(run_command(workload, contender, workload.command, {}))
            except Failed as failure:
                print(failure, file=sys.stderr)
                failed.add(contender.name)
                runs[contender.name].clear()
        print(f"{workload.name}: round {number + 1} of {rounds}", file=sys.stderr)
    return runs


def output_bytes(workload, contenders: list) -> dict[str, int]:
    sizes = {}
    for contender in contenders:
        if not contender.writes:
            continue
        try:
            run = run_command(workload, contender, workload.command, contender.at_exit)
            sizes[contender.name] = run.output_bytes
        except Failed as failure:
            print(failure, file=sys.stderr)
    return sizes


def instructions(workload, contenders: list) -> dict[str, int]:
    """Of one small run each. heaptrack unwinds differently under valgrind, so it has no column."""
    return {contender.name: count_instructions(workload, contender) for contender in contenders
            if not contender.name.startswith("heaptrack")}


def count_instructions(workload, contender) -> int:
    with folder() as place:
        log = place / "callgrind.out"
        wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={log}", "-q"]
        run_command(workload, contender, workload.small, {}, wrapper)
        summary = re.search(r"^(?:summary|totals): (\d+)", log.read_text(), re.MULTILINE)
        if summary is None:
            raise Failed(f"callgrind wrote no total for {workload.name} under {contender.name}")
        return int(summary.group(1))


def lines_of(command: list[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=TIMEOUT_S,
                          capture_output=True, text=True).stdout


def limpet_library(build: pathlib.Path) -> str:
    return str(build / "preload" / "liblimpet.so")


def latency(build: pathlib.Path, rounds: int) -> dict[str, str]:
    """p50, p99 and p99.9 of single calls, sampled over no preload."""
    program = str(build / "tests" / "bench" / "latency")
    quotients: dict[str, list[float]] = {}
    for _ in range(rounds):
        plain, traced = (dict(line.split("=") for line in lines_of([program], extra).split())
                         for extra in ({}, {"LD_PRELOAD": limpet_library(build)}))
        for name, value in traced.items():
            quotients.setdefault(name, []).append(float(value) / float(plain[name]))
    return {"title": "Latency of single calls, sampled, ratio to no preload",
            **{name: f"{statistics.median(values):.3f}" for name, values in quotients.items()}}


def stack(build: pathlib.Path, rounds: int) -> dict[str, str]:
    """One stack of 40 frames, and more: google-benchmark on the runtime itself."""
    program = str(build / "tests" / "bench" / "stack_benchmark")
    text = lines_of([program, f"--benchmark_repetitions={rounds}", "--benchmark_format=csv",
                     "--benchmark_report_aggregates_only=true"], {})
    medians = re.findall(r'^"([^"]+)_median",\d+,([\d.e+]+),', text, re.MULTILINE)
    return {"title": "One stack, unwound and interned, median",
            **{name: f"{float(value):.1f} ns" for name, value in medians}}


def start(build: pathlib.Path, rounds: int) -> dict[str, str]:
    """A program that does nothing, with and without the library."""
    times: dict[str, list[float]] = {"none": [], "limpet": []}
    for _ in range(200 * rounds):
        for name, extra in (("none", {}), ("limpet", {"LD_PRELOAD": limpet_library(build)})):
            began = time.perf_counter()
            subprocess.run(["/bin/true"], env={**os.environ, **extra}, check=True)
            times[name].append(time.perf_counter() - began)
    own = statistics.median(traced - plain for traced, plain in zip(times["limpet"], times["none"]))
    return {"title": "Start and end of /bin/true",
            "no preload": f"{statistics.median(times['none']) * 1e3:.3f} ms",
            "added by limpet": f"{own * 1e3:.3f} ms"}
