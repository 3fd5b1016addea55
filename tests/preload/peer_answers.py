"""What limpet, jemalloc's profiler and heaptrack say of one program, each read by its own reader.

An answer is a table: quantity ("inuse_space", "alloc_space", "alloc_objects") -> site -> value. A
site is the innermost function of a stack whose name begins with "Site".
"""

import os
import pathlib
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field

TIMEOUT_S = 120
SITE = re.compile(r"\bSite[A-Z]\w*")


@dataclass(frozen=True)
class Tally:
    """Blocks of one size of one site, as the program itself counted them under the profiler."""

    site: str
    requested: int
    usable: int  # what the allocator behind it made of the request
    allocated: int
    in_use: int


@dataclass
class Answer:
    name: str
    sample_bytes: int  # mean bytes between samples; 1: every allocation
    charges_usable: bool  # sizes are the allocator's, not the program's
    tallies: list[Tally] = field(default_factory=list)
    values: dict[str, Counter] = field(default_factory=dict)


def run(command: list, **variables: str) -> str:
    """Its output; a tool that is missing or fails raises."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("LIMPET_", "LD_PRELOAD", "MALLOC_", "DEBUGINFOD_"))}
    done = subprocess.run([str(part) for part in command], env={**kept, **variables}, text=True,
                          capture_output=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def tallies_of(output: str) -> list[Tally]:
    """Of what the program printed; the tool that started it may have printed, too."""
    lines = [line.split() for line in output.splitlines() if SITE.match(line)]
    return [Tally(line[0], *map(int, line[1:])) for line in lines]


def only_file(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise RuntimeError(f"expected one {pattern} in {folder}, found {files}")
    return files[0]


def sums_of_collapsed(text: str) -> Counter:
    """Of lines `outermost;...;innermost VALUE`."""
    sums = Counter()
    for line in text.splitlines():
        stack, value = line.rsplit(" ", 1)
        sites = SITE.findall(stack)
        if sites:
            sums[sites[-1]] += int(value)
    return sums


def sums_of_pprof(text: str) -> dict[str, Counter]:
    """Of `go tool pprof -raw`: lines `VALUES: LOCATIONS`, innermost first, then the locations."""
    samples, locations = text.split("Samples:\n")[1].split("Locations\n")
    site_of = {}
    for number, frames in re.findall(r"^ +(\d+): (0x.*(?:\n {7,}.*)*)", locations, re.MULTILINE):
        if found := SITE.search(frames):
            site_of[number] = found[0]
    types, *lines = samples.splitlines()
    names = [kind.split("/")[0] for kind in types.split()]
    sums = {name: Counter() for name in names}
    for line in lines:
        values, stack = line.split(":")
        site = next((site_of[number] for number in stack.split() if number in site_of), None)
        if site is not None:
            for name, value in zip(names, values.split()):
                sums[name][site] += int(value)
    return sums


def ask_limpet(program: str, library: str, companion: str, sample_bytes: int,
               folder: pathlib.Path) -> Answer:
    answer = Answer("limpet" if sample_bytes > 1 else "limpet exact", sample_bytes, False)
    output = run([companion, "run", "--dump-at-exit", "-s", sample_bytes, "-d", folder, "--",
                  program], LIMPET_RUNTIME_DIR=str(folder / "segments"), LIMPET_LIBRARY=library)
    answer.tallies = tallies_of(output)
    dump = only_file(folder, "**/2*.heap.pb.gz")
    answer.values = sums_of_pprof(run(["go", "tool", "pprof", "-raw", dump]))
    return answer


def ask_jemalloc(program: str, sample_bytes: int, folder: pathlib.Path) -> Answer:
    answer = Answer("jemalloc", sample_bytes, True)
    settings = ("prof:true", "prof_final:true", "prof_accum:true", f"prof_prefix:{folder}/profile",
                f"lg_prof_sample:{sample_bytes.bit_length() - 1}")
    answer.tallies = tallies_of(
        run([program], LD_PRELOAD="libjemalloc.so.2", MALLOC_CONF=",".join(settings)))
    dump = only_file(folder, "*.heap")
    # jeprof undoes the bias: the dump itself counts what was sampled. Objects it scales by their mean
    # size, which is wrong for sites of many sizes.
    for quantity in ("inuse_space", "alloc_space"):
        answer.values[quantity] = sums_of_collapsed(
            run(["jeprof", "--collapsed", "--show_bytes", f"--{quantity}", program, dump]))
    return answer


def ask_heaptrack(program: str, folder: pathlib.Path) -> Answer:
    answer = Answer("heaptrack", 1, False)
    answer.tallies = tallies_of(run(["heaptrack", "-o", folder / "profile", program]))
    dump = only_file(folder, "profile*")
    # It does not tell bytes allocated.
    for quantity, cost in (("inuse_space", "leaked"), ("alloc_objects", "allocations")):
        collapsed = folder / cost
        run(["heaptrack_print", "-f", dump, "-F", collapsed, "--flamegraph-cost-type", cost,
             "--disable-builtin-suppressions"])
        answer.values[quantity] = sums_of_collapsed(collapsed.read_text())
    return answer
