"""Reads limpet's forms of the goroutine profile, and masks what differs from run to run."""

import collections
import os
import re
from typing import NamedTuple

SOURCES = "tests/scenarios/programs/"


class Frame(NamedTuple):
    function: str
    file: str  # of a program of ours its name, else a path
    line: int
    is_own: bool


class Thread(NamedTuple):
    number: int
    reason: str
    remark: str
    frames: tuple[Frame, ...]
    creator: Frame | None
    creator_number: int


class Row(NamedTuple):
    """What debug=1 and `pprof -traces` count by."""

    reason: str
    state: str
    lines: tuple[tuple[str, int], ...]  # files and lines, innermost first

    @property
    def own_lines(self) -> tuple[tuple[str, int], ...]:
        return tuple((file, line) for file, line in self.lines if "/" not in file and file)


def short_file(path: str) -> str:
    """Of another's source as pprof has it, without its "./"."""
    return path.rsplit(SOURCES, 1)[1] if SOURCES in path else os.path.normpath(path)


def make_frame(function: str, place: str) -> Frame:
    path, line = re.match(r"\t(.*):(\d+)", place).groups()
    name = function.removeprefix("{anonymous}::")
    return Frame(name, short_file(path), int(line), SOURCES in path)


# --- debug=2 ---

HEADERS = re.compile(r"(?m)^goroutine (\d+) \[(.*?)(?:, \d+ minutes)?\]:$")


def parse_goroutines(text: str) -> list[Thread]:
    return [parse_goroutine(block.splitlines()) for block in text.split("\n\n") if block.strip()]


def parse_goroutine(lines: list[str]) -> Thread:
    number, reason, remark = re.match(
        r"goroutine (\d+) \[([^,(\]]+?(?: \((?:no cases|signals|DNS|wait child)\))?)"
        r"(?: \(([^)]*)\))?(?:, \d+ minutes)?\]:$", lines[0]).groups()
    frames, creator, creator_number = [], None, 0
    for function, place in zip(lines[1::2], lines[2::2]):
        if made := re.match(r"created by (.*?)(?: in goroutine (\d+))?$", function):
            creator, creator_number = make_frame(made[1], place), int(made[2] or 0)
        else:
            frames.append(make_frame(function[:function.rindex("(")], place))
    remark = re.sub(r"tid \d+", "tid TID", remark or "")
    remark = re.sub(r"fd \d+ to 127\.0\.0\.1:\d+", "fd N to 127.0.0.1:PORT", remark)
    return Thread(int(number), reason, remark, tuple(frames), creator, creator_number)


# --- debug=1 ---

def parse_counts(text: str) -> collections.Counter:
    rows = collections.Counter()
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("goroutine profile:")]
        if not lines or not re.match(r"\d+ @", lines[0]):
            continue
        labels = dict(re.findall(r'"(\w+)":"([^"]*)"', lines[1]))
        places = tuple(parse_place(line.split()[-1]) for line in lines[2:])
        rows[Row(labels["reason"], labels["state"], places)] += int(lines[0].split()[0])
    return rows


def parse_place(word: str) -> tuple[str, int]:
    """"" where there is no file."""
    found = re.match(r"(.+):(\d+)$", word)
    return (short_file(found[1]), int(found[2])) if found and "/" in found[1] else ("", 0)


# --- pprof -traces -lines ---

def parse_traces(text: str) -> collections.Counter:
    rows = collections.Counter()
    for block in re.split(r"-{5,}\+-{5,}\n", text)[1:]:
        lines = block.rstrip("\n").splitlines()
        labels = dict(re.findall(r"^ *(reason|state):  (.*)$", block, re.MULTILINE))
        stack = [line for line in lines if not re.match(r" *(reason|state):  ", line)]
        if not stack:
            continue
        count, first = stack[0].split(None, 1)
        places = tuple(parse_place(line.removesuffix(" (inline)").split()[-1])
                       for line in [first, *stack[1:]])
        rows[Row(labels["reason"], labels["state"], places)] += int(count)
    return rows


# --- Golden files ---

MASKS = (
    (r"\(0x[0-9a-f]+\)", "(0xN)"),
    (r" \+0x[0-9a-f]+$", " +0xN"),
    (r"\(fd \d+(?= to |\))", "(fd N"),  # threads open theirs in any order
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"held by tid \d+", "held by tid TID"),
    (r"^goroutine \d{3,} ", "goroutine TID "),  # of who is called by the kernel's id
    (r", \d+ minutes\]", "]"),
    # Who comes late is not waited for, and then nobody is noted.
    (r" \(last (?:signalled|posted|woken) by \d+\)", ""),
    (r", last (?:signalled|posted|woken) by \d+\)", ")"),
    # Libraries, with or without symbols and sources of their own.
    (r"^(lib[\w+.-]*?\.so)[\w.]*\+0x[0-9a-f]+\(", r"\1+0xN("),
    (r"^execute_native_thread_routine\(", "libstdc++.so+0xN("),
    (r"^\t\S*/" + SOURCES, "\t"),
    (r"^\t/usr/include/(?:c\+\+/\d+/)?(\S+):\d+", r"\t<\1>:N"),
    # Rust's own library is another with each release.
    (r"^(?:.*\n\t/rustc/.*\n)+", "<std>(...)\n\t<std>:N\n"),
    (r"^\t\S*/(lib[\w+-]*?\.so)[\w.]*:0(?: \+0xN)?$", r"\t\1"),
    (r"^\t\./(\S+):\d+", r"\t<\1>:N"),
)


def normal_text(text: str) -> str:
    """Without addresses, thread ids, times, and places outside of the programs."""
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return text
