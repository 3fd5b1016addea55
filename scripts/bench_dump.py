"""What `limpet dump` costs, symbols included, of two processes that were killed at work.

cc1plus has no debug information but deep stacks; the large program has more than 500 MB of it. Each
is dumped with its file in the page cache, the large one also without.
"""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

import bench_program
import bench_workloads
from bench_measure import Failed, folder, limpet_library, lines_of, wait_peak, with_peak

STACKS = 10_000
COMPILER_SAMPLE_BYTES = 4096
LARGE_SAMPLE_BYTES = 256
COMPILER_DEADLINE_S = 120


def dump(build: pathlib.Path, rounds: int) -> dict[str, str]:
    program = bench_program.large_program(build / "bench")
    figures = {"title": "limpet dump of a process that was killed"}
    with folder() as place:
        figures |= lines("cc1plus", place, build, compiler_segment(build, place), rounds)
    with folder() as place:
        segment = large_segment(build, place, program)
        refill(program)
        figures |= lines("500 MB", place, build, segment, rounds)
        figures |= lines("500 MB, not in the page cache", place, build, segment, rounds, program)
    return figures


def lines(title: str, place: pathlib.Path, build: pathlib.Path, segment: pathlib.Path, rounds: int,
          evicted: pathlib.Path | None = None) -> dict[str, str]:
    stacks = count_stacks(build, str(segment))  # and fills the page cache
    if stacks < STACKS:
        raise Failed(f"{title}: only {stacks} stacks")
    runs = [dump_once(place, build, segment, evicted) for _ in range(rounds)]
    wall, user, system, peak = (statistics.median(column) for column in zip(*runs))
    return {f"{title}, of {stacks} stacks": f"{wall:.2f} s, of them {user + system:.2f} s at work, "
                                            f"peak {peak / 1024:.0f} MiB"}


def dump_once(place: pathlib.Path, build: pathlib.Path, segment: pathlib.Path,
              evicted: pathlib.Path | None) -> tuple[float, ...]:
    if evicted is not None:
        evict(evicted)
    words = [str(build / "tools" / "limpet"), "dump", str(segment), "-p", "heap",
             "-o", str(place / "%P.pb.gz")]
    process = subprocess.Popen(with_peak(words, place), stderr=subprocess.DEVNULL)
    wait_peak(process, place, "limpet dump")
    return tuple(float(word) for word in (place / "peak.kib").read_text().split())


def refill(file: pathlib.Path):
    """Read in one go it comes in the largest pages that the kernel has, which count most."""
    evict(file)
    with file.open("rb") as opened:
        while opened.read(1 << 22):
            pass


def evict(file: pathlib.Path):
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)  # pages not yet written stay
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def count_stacks(build: pathlib.Path, target: str) -> int:
    """All that a profile lists, also those whose blocks are free again."""
    text = lines_of([str(build / "tools" / "limpet"), "dump", target, "-p", "heap", "-f", "text",
                     "-o", "-"], {})
    return len(re.findall(r"^\d.* @ 0x", text, re.MULTILINE))


def traced(build: pathlib.Path, place: pathlib.Path, sample_bytes: int) -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": limpet_library(build),
            "LIMPET_SAMPLE_BYTES": str(sample_bytes),
            "LIMPET_RUNTIME_DIR": str(place / "segments"), "LIMPET_DIR": str(place)}


def only_segment(place: pathlib.Path) -> pathlib.Path:
    found = list((place / "segments").glob("*.segment"))
    if len(found) != 1:
        raise Failed(f"{len(found)} segments instead of one")
    return found[0]


def large_segment(build: pathlib.Path, place: pathlib.Path, program: pathlib.Path) -> pathlib.Path:
    """The program kills itself, so that its segment stays."""
    done = subprocess.run([str(program)], env=traced(build, place, LARGE_SAMPLE_BYTES), check=False)
    if done.returncode != -signal.SIGKILL:
        raise Failed(f"{program.name} ended with {done.returncode}")
    return only_segment(place)


def compiler_segment(build: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """The compiler proper, without the driver, is killed once it has enough stacks."""
    source, unit = place / "source.cc", place / "source.ii"
    source.write_text(bench_workloads.SOURCE)
    subprocess.run(["g++", "-E", "-DDEPTH=800", str(source), "-o", str(unit)], check=True)
    compiler = lines_of(["g++", "-print-prog-name=cc1plus"], {}).strip()
    words = [compiler, "-quiet", "-fpreprocessed", "-O1", str(unit), "-o", str(place / "unit.s")]
    process = subprocess.Popen(words, env=traced(build, place, COMPILER_SAMPLE_BYTES))
    deadline = time.monotonic() + COMPILER_DEADLINE_S
    try:
        while True:
            time.sleep(0.5)
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed("cc1plus did not reach enough stacks")
            if list((place / "segments").glob("*.segment")) and \
                    count_stacks(build, str(only_segment(place))) >= STACKS:
                return only_segment(place)
    finally:
        process.kill()
        process.wait()
