#!/usr/bin/python3
"""Counts the locked instructions that a sample and the free of one execute in a process with threads.

usage: count_locked.py [BUILD]

Runs tests/soak/steady for a moment under callgrind, sampled and with every allocation recorded, and
sums up how often each locked instruction of liblimpet.so ran. The figures of runtime/README.md.
"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SECONDS = 8  # under callgrind
INTERVALS = ("16384", "1")
PER_SAMPLE = "SampledMalloc"
LEAST_SHARE = 0.5  # an instruction that ran more seldom is not of every sample

LABEL = re.compile(r"^[0-9a-f]+ <(.+)>:$")
LOCKED = re.compile(r"^\s*([0-9a-f]+):\s+(lock .*|xchg\s.*\(.*)$")
NAME = re.compile(r"^(c?(?:ob|fn))=(\(\d+\))(?: (.*))?$")
COST = re.compile(r"^(0x[0-9a-f]+|[+-]\d+|\*) \S+ (\d+)$")


def locked_instructions(library: pathlib.Path) -> dict[int, str]:
    """By address: the function and the instruction."""
    text = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", str(library)], check=True, capture_output=True,
                          text=True).stdout
    found, function = {}, ""
    for line in text.splitlines():
        if label := LABEL.match(line):
            function = label[1].replace("(anonymous namespace)::", "").partition("(")[0]
        elif instruction := LOCKED.match(line):
            found[int(instruction[1], 16)] = f"{function}: {instruction[2]}"
    return found


def executions(log: str) -> tuple[dict[int, int], int]:
    """How often each address of our library ran, and how many samples there were."""
    counts, names = collections.Counter(), {}
    library, called, address, samples, is_call = "", "", 0, 0, False
    for line in log.splitlines():
        if name := NAME.match(line):
            table = name[1][-2:]
            names.setdefault((table, name[2]), name[3])
            library = names["ob", name[2]] if name[1] == "ob" else library
            called = names["fn", name[2]] if name[1] == "cfn" else called
        elif line.startswith("calls="):
            samples += int(line[6:].split()[0]) if PER_SAMPLE in called else 0
            is_call = True
        elif cost := COST.match(line):
            place = cost[1]
            address = int(place, 16) if place.startswith("0x") else address + (0 if place == "*" else int(place))
            if not is_call and "liblimpet" in library:
                counts[address] += int(cost[2])
            is_call = False
    return counts, samples


def callgrind(build: pathlib.Path, interval: str) -> str:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        log = pathlib.Path(folder) / "log"
        traced = {"LD_PRELOAD": str(build / "preload" / "liblimpet.so"), "LIMPET_SAMPLE_BYTES": interval,
                  "LIMPET_RUNTIME_DIR": folder}
        subprocess.run(["valgrind", "--tool=callgrind", "--dump-instr=yes", f"--callgrind-out-file={log}", "-q",
                        build / "tests" / "soak" / "steady", f"seconds={SECONDS}", "periods=1", "live=2000000",
                        "largest=2048", "pace=0"], check=True, env={**os.environ, **traced}, input="\n",
                       text=True, stdout=subprocess.DEVNULL)
        return log.read_text()


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    build = pathlib.Path(arguments[0] if arguments else "build").resolve()
    locked = locked_instructions(build / "preload" / "liblimpet.so")
    for interval in INTERVALS:
        counts, samples = executions(callgrind(build, interval))
        print(f"interval {interval}: {samples} samples; locked instructions of each, and of its free:")
        for address, what in sorted(locked.items()):
            if counts[address] > samples * LEAST_SHARE:
                print(f"  {counts[address] / samples:5.2f}  {what}")
        print(f"  {sum(counts[address] for address in locked) / max(samples, 1):5.2f}  of all kinds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
