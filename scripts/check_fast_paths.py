#!/usr/bin/python3
"""Counts the instructions that a hook adds where nothing is sampled, and compares with the golden file.

usage: check_fast_paths.py [--renew] BUILD

Of each hook: the longest way from its entry in the finished liblimpet.so to the jump into the real
function that calls nothing in between. A way that became longer is a slower malloc in every program, so it must be wanted: then
`--renew` writes tests/bench/fast_paths.golden anew.

Exit code: 0 as the file says, 1 not, 2 usage.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "bench" / "fast_paths.golden"
HOOKS = ("malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "_Znwm", "_ZdlPvm", "syscall")

LINE = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
LABEL = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
TARGET = re.compile(r"^([0-9a-f]+)\b")
PREFIXES = {"addr32", "bnd", "notrack", "cs", "data16", "lock", "rep"}


def disassemble(library: pathlib.Path) -> tuple[dict[int, tuple[str, str]], dict[str, int]]:
    """Instructions by address, and the addresses of names."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(library)], check=True,
                          capture_output=True, text=True).stdout
    code, names = {}, {}
    for line in text.splitlines():
        if label := LABEL.match(line):
            names.setdefault(label[2], int(label[1], 16))
        elif instruction := LINE.match(line):
            operation, operands = instruction[2], instruction[3]
            while operation in PREFIXES and operands:
                operation, _, operands = operands.partition(" ")
                operands = operands.strip()
            code[int(instruction[1], 16)] = (operation, operands)
    return code, names


def ways_on(code: dict[int, tuple[str, str]], following: dict[int, int], at: int) -> list[int]:
    """Where the instruction may lead; a call or a return leads off the fast path."""
    operation, operands = code[at]
    if operation.startswith(("call", "ret", "hlt", "ud2")):
        return []
    ways = []
    if operation.startswith("j") and (target := TARGET.match(operands)):
        ways.append(int(target[1], 16))
    if operation != "jmp" and at in following:
        ways.append(following[at])
    return ways


def longest_way(code: dict[int, tuple[str, str]], entry: int) -> int | None:
    """Instructions from the entry up to and with the jump through a pointer; loops are not followed."""
    addresses = sorted(code)
    following = dict(zip(addresses, addresses[1:]))
    known: dict[int, int | None] = {}

    def from_here(at: int) -> int | None:
        if at not in known:
            known[at] = None  # a loop comes here again
            operation, operands = code[at]
            if operation == "jmp" and operands.startswith("*"):
                known[at] = 1
            else:
                rests = [from_here(way) for way in ways_on(code, following, at) if way in code]
                known[at] = max((rest + 1 for rest in rests if rest is not None), default=None)
        return known[at]

    return from_here(entry)


def count(library: pathlib.Path) -> list[str]:
    code, names = disassemble(library)
    return [f"{hook} {longest_way(code, names[hook])}" for hook in HOOKS]


def main(arguments: list[str]) -> int:
    renews = "--renew" in arguments
    rest = [argument for argument in arguments if argument != "--renew"]
    if len(rest) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    counted = count(pathlib.Path(rest[0]) / "preload" / "liblimpet.so")
    if renews:
        GOLDEN.write_text("\n".join(counted) + "\n")
        return 0
    expected = GOLDEN.read_text().splitlines()
    for own, wanted in zip(counted, expected):
        if own != wanted:
            print(f"check_fast_paths: {own} instructions, {GOLDEN.name} says {wanted}")
    if counted == expected:
        print(f"check_fast_paths: {', '.join(counted)}")
        return 0
    print("check_fast_paths: if this is wanted: scripts/check_fast_paths.py --renew BUILD")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
