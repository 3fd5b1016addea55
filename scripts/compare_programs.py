#!/usr/bin/python3
"""Runs real programs without and with liblimpet.so, and compares all that can be seen of them.

Exit status, output, results, and in the middle of their life: processes, descriptors, threads,
signal masks and dispositions, and what the allocation functions leave in errno. Then the profile of
the traced run must open in `go tool pprof` and name the functions that the table says. The programs
and their work stand in compared_programs.py.

Prints a line a program, details on stderr, and last `N passed, N failed`.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import compared_programs
import program_run
from compared_programs import Program
from program_run import Stuck

MAX_SHOWN = 12


class Tracing:
    """How a run is traced, and how its profiles are asked for."""

    def __init__(self, build: pathlib.Path, sample_bytes: str):
        self.library = build.resolve() / "preload" / "liblimpet.so"
        self.limpet = build.resolve() / "tools" / "limpet"
        self.sample_bytes = sample_bytes

    def environment(self, program: Program, profiles: pathlib.Path) -> dict[str, str]:
        at_exit = {"LIMPET_DUMP_AT_EXIT": "1"} if program.ask == "exit" else {}
        return {"LD_PRELOAD": str(self.library), "LIMPET_DIR": str(profiles),
                "LIMPET_SAMPLE_BYTES": self.sample_bytes, **at_exit}

    def ask(self, program: Program, profiles: pathlib.Path, pid: int):
        if program.ask == "exit":
            return
        if program.ask == "signal":
            os.kill(pid, signal.SIGUSR1)
        else:
            dump = subprocess.run([str(self.limpet), "dump", str(pid)], check=False, timeout=120,
                                  capture_output=True, text=True)
            if dump.returncode != 0:
                raise Stuck(f"limpet dump said {dump.returncode}: {dump.stderr.strip()}")
        program_run.wait_for("the profile", lambda: bool(heap_profiles(profiles, program.executable)))


def heap_profiles(profiles: pathlib.Path, executable: str) -> list[pathlib.Path]:
    return sorted(profiles.glob(f"{executable}.*-*/2*.heap.pb.gz"))


def untraced_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PATH": kept.get("PATH", "/usr/bin:/bin") + ":/usr/sbin"}


def observe(program: Program, folder: pathlib.Path, profiles: pathlib.Path,
            tracing: Tracing | None) -> dict[str, str]:
    """One run of the whole program, in a folder of the same name each time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    environment = {**untraced_environment(), **program.environment}
    ask = None
    if tracing:
        environment.update(tracing.environment(program, profiles))

        def ask(pid: int):
            tracing.ask(program, profiles, pid)

    seen = {}
    steps = program.steps(folder)
    for number, step in enumerate(steps, 1):
        try:
            found = program_run.run_step(step, folder, environment, ask)
        except Stuck as stuck:
            raise Stuck(f"{' '.join(step.command)[:60]}: {stuck}") from None
        seen.update({f"step {number}, {key}": value for key, value in found.items()})
    for name in program.files:
        seen[f"file {name}"] = (folder / name).read_bytes().hex()
    return seen


def masked(program: Program, key: str, text: str) -> str:
    """Facts and answers are compared to the letter; what a program says holds times and numbers."""
    for pattern, replacement in program.masks if key.endswith(("stdout", "stderr")) else ():
        text = re.sub(pattern, replacement, text)
    return text


def differences(program: Program, before: dict[str, str], after: dict[str, str]):
    for key in sorted({*before, *after}):
        if re.search(program.ignored, key):
            continue
        untraced, traced = (masked(program, key, seen.get(key, "absent")) for seen in (before, after))
        if untraced != traced:
            yield f"{key}: {first_difference(untraced, traced)}"


def first_difference(untraced: str, traced: str) -> str:
    left, right = untraced.splitlines(), traced.splitlines()
    for number in range(max(len(left), len(right))):
        pair = [lines[number][:200] if number < len(lines) else "no such line" for lines in (left, right)]
        if pair[0] != pair[1]:
            return f"line {number + 1}: untraced '{pair[0]}', traced '{pair[1]}'"
    return "they differ in blanks"


def pprof_top(profile: pathlib.Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", *options,
                           str(profile)], capture_output=True, text=True, check=False, timeout=120)


def profile_faults(program: Program, profiles: pathlib.Path):
    files = heap_profiles(profiles, program.executable)
    if not files:
        yield f"no profile of {program.executable} was written"
        return
    # Several processes of one name, several dumps: the largest has most to show.
    largest = max(files, key=lambda file: file.stat().st_size)
    yield from thread_faults(largest.with_name(largest.name.replace(".heap.", ".goroutine.")))
    top = pprof_top(largest, "-sample_index=alloc_space")
    if top.returncode != 0:
        yield f"go tool pprof refuses {largest.name}: {top.stderr.strip()[:200]}"
    # A frame without a name is `module+0xoffset`.
    named = "\n".join(line for line in top.stdout.partition("cum%")[2].splitlines() if "+0x" not in line)
    for function in program.functions:
        if not re.search(function, named):
            yield f"the profile has no function like '{function}' but:\n{top.stdout[:1500]}"


def thread_faults(profile: pathlib.Path):
    """Each dump says where the threads are; a process has one at least."""
    top = pprof_top(profile)
    if top.returncode != 0 or not re.search(r"^Showing nodes accounting for [1-9]", top.stdout, re.MULTILINE):
        yield f"{profile.name} has no threads: {top.stderr.strip()[:200]} {top.stdout[:500]}"


def leftovers(profiles: pathlib.Path):
    """A profile is written under another name first; none of those may stay."""
    for file in profiles.rglob("*"):
        if file.is_file() and not re.search(r"(\.(heap|allocs|mmap|goroutine|block|mutex|wait|threadcreate)\.pb\.gz|^meta\.json)$", file.name):
            yield f"left behind: {file.name}"


def faults_of(program: Program, work: pathlib.Path, tracing: Tracing | None) -> list[str]:
    run, profiles = work / "run", work / "profiles" / program.name
    # Programs that change their user write profiles too.
    profiles.mkdir(parents=True)
    profiles.chmod(0o1777)
    try:
        before = observe(program, run, profiles, None)
        after = observe(program, run, profiles, tracing)
    except (Stuck, subprocess.SubprocessError, OSError) as error:
        return [str(error)]
    faults = list(differences(program, before, after))
    if tracing:
        faults += [*profile_faults(program, profiles), *leftovers(profiles)]
    return faults


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, nargs="?", default=pathlib.Path("build"))
    parser.add_argument("--baseline", action="store_true",
                        help="compare untraced runs with each other: finds what differs anyway")
    parser.add_argument("--sample-bytes", default="4KiB", help="LIMPET_SAMPLE_BYTES (%(default)s)")
    parser.add_argument("--only", default="", help="names of programs, by comma")
    options = parser.parse_args(arguments)
    names = {program.name for program in compared_programs.PROGRAMS}
    options.only = {name for name in options.only.split(",") if name} or names
    if options.only - names:
        parser.error(f"--only knows {', '.join(sorted(names))}")
    if not options.baseline and not (options.build / "preload" / "liblimpet.so").is_file():
        parser.error(f"{options.build}/preload/liblimpet.so is missing: build first")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    tracing = None if options.baseline else Tracing(options.build, options.sample_bytes)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="limpet-compare-") as work:
        os.chmod(work, 0o755)
        for program in compared_programs.PROGRAMS:
            if program.name not in options.only:
                continue
            began = time.monotonic()
            faults = faults_of(program, pathlib.Path(work), tracing)
            failed += bool(faults)
            print(f"{'FAILED' if faults else 'ok':7} {program.name:10} {time.monotonic() - began:6.1f} s",
                  flush=True)
            for fault in faults[:MAX_SHOWN]:
                print(f"        {fault}", file=sys.stderr)
    print(f"{len(options.only) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
