#!/usr/bin/python3
"""Forks from a traced program of 32 allocating threads, and sees that nobody hangs and all counts are right.

usage: fork_campaign.py [--forks N] [--seed S] [BUILD]

N (10,000) children of eight of the threads free and resize what they inherited, allocate in two threads of
their own, and end by exit, _exit, quick_exit, exec or SIGKILL, half of them with a thread still busy; once
with every allocation recorded, then N sampled. The segment of each child is read while it stands still, and
the parent's at the end. Exact, each must say what its process's own log says, to the byte; sampled, no total
may be torn. Those that end leave no segment. Nothing heard for a minute is a hang: all stacks are printed.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import time

SAMPLED_BYTES = {"exact": 1, "sampled": 4096}


def run(build: pathlib.Path, name: str, seed: int, forks: int) -> dict[str, int]:
    soak = build / "tests" / "soak"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="limpet-fork-", dir="/dev/shm") as folder:
        words = (soak / "fork_judge", build / "preload" / "liblimpet.so", soak / "forker", f"{folder}/forker", seed,
                 forks, SAMPLED_BYTES[name])
        done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True, check=False)
    said, _, last = done.stdout.rpartition("sums ")
    print(said, end="")
    sums = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", last)}
    if not sums:
        print(f"the judge ended with {done.returncode}")
        return {"passed": 0, "failed": 1}
    print(f"{name}: {forks} forks, {sums['passed']} processes judged right, {sums['calls']} calls, "
          f"{sums['starting']} samples lost while a segment was made, {sums['left']} segments of killed children left; {time.monotonic() - began:.0f} s", flush=True)
    return sums


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=pathlib.Path("build"))
    options = parser.parse_args(arguments)
    runs = [run(options.build.resolve(), name, options.seed, options.forks) for name in SAMPLED_BYTES]
    passed, failed = (sum(sums[key] for sums in runs) for key in ("passed", "failed"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
