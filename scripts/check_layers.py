#!/usr/bin/python3
"""Checks the layer law: who may include whom, and which words stay out of which folder.

usage: check_layers.py [ROOT]

One include root lets any file see any header, so this script is what keeps the layers apart. The
tables below are the law; the code after them only applies it. A line may be excused where it stands:

    // NOLINT(limpet-RULE): why

Exit code: 0 nothing found, 1 something found, 2 usage.
"""

import pathlib
import re
import sys
from dataclasses import dataclass

FREESTANDING = r"(atomic|bit|cstddef|cstdint|type_traits)"
NO_IO = r"(?!.*(stream|cstdio|stdio\.h|unistd\.h|fcntl\.h|filesystem|socket)).*"
ANY = r".*"


@dataclass(frozen=True)
class Layer:
    """What files of a folder may include: quoted and angle includes, both as regular expressions."""

    folder: str
    quoted: str
    angle: str = ANY


# The longest folder that holds a file is its layer. A layer always sees its own headers.
LAYERS = (
    Layer("runtime/layout", r"(?!)", FREESTANDING),
    Layer("runtime/sys", r"runtime/layout/"),
    Layer("runtime/setting", r"runtime/(layout|sys)/"),
    Layer("runtime/sample", r"runtime/(layout|sys)/"),
    Layer("runtime/stack", r"runtime/(layout|sys)/"),
    Layer("runtime/table", r"runtime/(layout|sys|stack)/"),
    Layer("runtime/park", r"runtime/(layout|sys|table|stack)/"),
    Layer("runtime/dump", r"runtime/([a-z_]+\.h|layout/|setting/|sys/)"),
    Layer("runtime", r"runtime/"),
    Layer("preload", r"runtime/([a-z_]+\.h|sys/|dump/|stack/loaded_object\.h|"
                     r"park/hold_waiters\.h)"),
    # The clocks of both sides are compared.
    Layer("tools/reader", r"runtime/(layout/|sys/clock\.h)|absl/"),
    Layer("tools/threads", r"runtime/layout/|absl/|tools/reader/"),
    Layer("tools/symbol", r"absl/"),
    Layer("tools/profile",
          r"runtime/layout/|absl/|tools/reader/(segment_snapshot|jit_names)\.h|"
          r"tools/symbol/symbolizer\.h", NO_IO),
    Layer("tools/render", r"absl/|tools/profile/|profile\.pb\.h|google/protobuf/"),
    Layer("tools/launch", r"absl/|runtime/setting/|tools/reader/"),
    Layer("tools/watch",
          r"absl/|runtime/(layout|setting)/|tools/reader/|tools/store/segment_copies\.h"),
    Layer("tools/store",
          r"absl/|nlohmann/|tools/reader/(clock|living_processes|process_end|segment_directory|"
          r"segment_snapshot|small_file)\.h|"
          r"tools/profile/(loss|frame_namer)\.h|tools/render/printable_text\.h"),
    Layer("tools/serve", r"absl/|nlohmann/|runtime/layout/|tools/(?!cli/)"),
    Layer("tools/cli", r"absl/|nlohmann/|CLI/|runtime/(layout|setting)/|tools/"),
    Layer("tests", ANY),
)

TARGET = r"(runtime|preload)/"
PRODUCTION = r"(runtime|preload|tools)/"
ABOVE_SYS = r"(runtime/(?!sys/)|preload/|tools/)"


@dataclass(frozen=True)
class Ban:
    """A pattern that must not occur in the code of some files, and why."""

    rule: str
    files: str
    pattern: str
    reason: str


def call_of(names: str) -> str:
    """Matches a call, but neither a definition nor a declaration, which have a type before the name."""
    return rf"(?:^|[=();{{}},!?:&|]|\breturn|\belse|\bdo)\s*(?:std::|::)?\b(?:{names})\s*\("


BANS = (
    Ban("layout-code", r"runtime/layout/.*\.cc$", r"(?s)\A.", "the treaty is plain structs, no code"),
    Ban("layout-pointer", r"runtime/layout/", r"^\s*[\w:<>]+\s*\*+\s*\w+(\s*=[^;]*)?;",
        "a pointer means nothing to a reader: store an offset or a 64-bit address"),
    Ban("condition", ABOVE_SYS, r"^\s*#\s*(if|ifdef|ifndef|elif)\b",
        "only runtime/sys knows the platform; choose files in meson"),
    # `__asm__(name)` behind a declaration is a name, not code.
    Ban("assembly", ABOVE_SYS, r"\b(asm|__asm|__asm__)\b(?!\(\w+\))", "only runtime/sys has assembly"),
    Ban("syscall", r"(runtime/(?!sys/)|preload/)", call_of("syscall"),
        "only runtime/sys makes raw system calls"),

    Ban("throw", PRODUCTION, r"\bthrow\b", "errors are values here: absl::Status, or an enum in the target"),
    Ban("string-copy", PRODUCTION, r"\b(strncpy|strcpy|strcat|strncat|stpcpy)\b",
        "bounds or the ending NUL get lost: use a bounded copy"),
    Ban("sprintf", PRODUCTION, r"\bv?sprintf\b", "unbounded: use absl::StrFormat, in the target FixedText"),

    Ban("printf", TARGET, r"\b(v?(f|s|sn|d|as)?printf|f?puts|putchar|perror)\b",
        "stdio allocates, locks and follows the locale: use FixedText and write"),
    Ban("iostream", TARGET, r"#\s*include\s*<(iostream|fstream|sstream|ostream|istream|iomanip|format)>|"
        r"\bstd::(cout|cerr|clog)\b", "streams allocate, and run constructors in the program"),
    Ban("function", TARGET, r"\bstd::(function|any|bind)\b", "allocates: use a template or a function pointer"),
    Ban("mutex", TARGET,
        r"\bstd::(mutex|recursive_mutex|shared_mutex|timed_mutex|lock_guard|unique_lock|scoped_lock|"
        r"condition_variable|once_flag|call_once)\b", "the target never waits: use atomics and a try"),
    Ban("lock", TARGET,
        call_of("pthread_mutex_lock|pthread_rwlock_rdlock|pthread_rwlock_wrlock|pthread_cond_wait|"
                "pthread_once|sem_wait"),
        "the target never waits, and a hook must not call a hooked name"),
    Ban("heap-container", TARGET,
        r"\bstd::(string|vector|deque|list|map|set|unordered_map|unordered_set|multimap|shared_ptr|"
        r"make_unique|make_shared|thread|jthread|async|stringstream)\b",
        "allocates in the program: use fixed arrays or a PrivatePages region"),
    Ban("new", TARGET, r"(?<!operator )\bnew\b(?!\s*\()", "allocates in the program"),
    Ban("delete", TARGET, r"(?<!operator )(?<!= )\bdelete\b", "frees in the program"),
    Ban("malloc", TARGET,
        call_of("malloc|calloc|realloc|reallocarray|free|posix_memalign|aligned_alloc|strdup|strndup"),
        "re-enters the hooks: call the next function, or map pages"),
    Ban("libc-malloc", TARGET, r"\b__libc_(malloc|calloc|realloc|free|memalign)\b",
        "crashes programs that bring another allocator (decision 17)"),
    Ban("exception", TARGET, r"\b(try|catch|dynamic_cast|typeid)\b", "needs the C++ runtime in C programs"),
    Ban("abort", TARGET, call_of("abort|assert|exit|quick_exit|_exit|_Exit|__builtin_trap"),
        "nothing of ours ends the program: switch off, count, pass through"),
    Ban("unwind-library", TARGET, r"\b_Unwind_\w+|\bunw_\w+|<libunwind|<unwind\.h>",
        "hijacks the program's own unwinding (decision 2)"),
    Ban("environment", r"(runtime/(?!options\.)|preload/)", call_of("getenv|secure_getenv|setenv|putenv"),
        "only runtime/options reads the environment, once"),
    Ban("print", r"tools/(?!cli/|serve/)",
        r"\b(v?f?printf|f?puts|putchar|perror)\s*\(|\bstd::(cout|cerr|clog)\b|#\s*include\s*<iostream>",
        "only tools/cli and tools/serve talk: return an absl::Status"),
    Ban("socket", r"(?!tools/(cli|serve)/|tools/threads/socket_facts|tests/)", r"#\s*include\s*<(sys/socket|netinet/.*|arpa/inet)\.h>",
        "only tools/serve and tools/cli open sockets, and socket_facts looks at those of others"),
)

SOURCES = (".h", ".cc")
FOLDERS = ("runtime", "preload", "tools", "tests")
MAX_LINES = 500
EXCUSE = re.compile(r"//\s*NOLINT\(limpet-([a-z-]+)\): \S")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
# Comments and literals hold no code; newlines stay, so that lines keep their numbers.
NO_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str


def code_of(text: str) -> str:
    """The text without comments and literals. Includes keep their names, which are no literals."""

    def blank(match: re.Match) -> str:
        token = match.group(0)
        begin = text.rfind("\n", 0, match.start()) + 1
        if INCLUDE.match(text[begin:match.end()]):
            return token
        return " " + "\n" * token.count("\n")

    return NO_CODE.sub(blank, text)


def layer_of(path: str) -> Layer | None:
    held = [layer for layer in LAYERS if path.startswith(layer.folder + "/")]
    return max(held, key=lambda layer: len(layer.folder), default=None)


def include_findings(path: str, code: str):
    layer = layer_of(path)
    if layer is None:
        return
    for number, line in enumerate(code.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, angle = match.groups()
        if quoted and "/" not in quoted and not quoted.endswith(".pb.h"):
            yield Finding(path, number, "include", f'"{quoted}": write the path from the root')
        elif quoted and not (quoted.startswith(layer.folder + "/") or re.match(layer.quoted, quoted)):
            yield Finding(path, number, "include", f'{layer.folder} must not include "{quoted}"')
        elif angle and not re.fullmatch(layer.angle, angle):
            yield Finding(path, number, "include", f"{layer.folder} must not include <{angle}>")


def ban_findings(path: str, code: str):
    for ban in BANS:
        if not re.match(ban.files, path):
            continue
        for match in re.finditer(ban.pattern, code, re.MULTILINE):
            # A pattern may begin with what ends the line before.
            number = code.count("\n", 0, match.end() - 1) + 1
            word = match.group(0).splitlines()[-1].strip()[:40]
            yield Finding(path, number, ban.rule, f"'{word}': {ban.reason}")


def header_findings(path: str, text: str):
    if not path.endswith(".h"):
        return
    if not re.search(r"^#pragma once$", text, re.MULTILINE):
        yield Finding(path, 1, "pragma-once", "no #pragma once")
    if path.startswith("tests/"):
        return
    opening = re.match(r"(//[^\n]*\n)*", text).group(0)
    for word in ("// Runs:", "Threads:", "Allocates:"):
        if word not in opening:
            yield Finding(path, 1, "opening", f"the opening comment has no '{word}'")


def size_findings(path: str, text: str):
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield Finding(path, lines, "size", f"{lines} lines, at most {MAX_LINES}")


def findings_of(path: str, text: str):
    code = code_of(text)
    excuses = {(number, match.group(1)) for number, line in enumerate(text.splitlines(), 1)
               for match in EXCUSE.finditer(line)}
    for finding in (*include_findings(path, code), *ban_findings(path, code),
                    *header_findings(path, text), *size_findings(path, text)):
        if (finding.line, finding.rule) not in excuses:
            yield finding


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*")
                   if file.suffix in SOURCES)
    findings = [finding for file in files
                for finding in findings_of(str(file.relative_to(root)), file.read_text())]
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.message} [limpet-{finding.rule}]")
    print(f"check_layers: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
