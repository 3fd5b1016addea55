#!/usr/bin/python3
"""Checks the finished liblimpet.so: what it exports, needs and calls.

A preload that asks for one symbol too many stops programs from starting, or changes what they do. So
the object itself is read (readelf, nm, objdump), not the flags that were meant to make it so.

Of the hot entries every reachable instruction is looked at: a call or jump may lead to a function
whose name says that it is cold, or through a pointer to the real function, and nowhere else. Of the
indirect function's resolver, which runs while the loader is at work: it may lead to nothing outside.
"""

import argparse
import pathlib
import re
import subprocess
import sys

NEEDED = {"libc.so.6", "ld-linux-x86-64.so.2"}
HIGHEST_GLIBC = (2, 34)
TLS_LIMIT_BYTES = 1024
# The tables are zero at first. One member that is not makes the file larger by all of them, and pages of a file cannot
# be wiped in forked children.
DATA_LIMIT_BYTES = 64 << 10
HOT_ENTRIES = "malloc,calloc,free,realloc"
COLD_NAMES = r"Slow|Sampled|Cold|Bootstrap|Resolve|\.cold\b"

# Undefined names that must not occur, and what each would do to the program.
FORBIDDEN_UNDEFINED = (
    (r"(malloc|calloc|realloc|reallocarray|free|posix_memalign|aligned_alloc|memalign|valloc|pvalloc|"
     r"strdup|strndup|asprintf|getline)", "allocates: would enter our own hooks"),
    (r"_Zn[wa].*|_Zd[la].*", "operator new or delete"),
    (r"__cxa_(throw|rethrow|begin_catch|allocate_exception|guard_\w+|pure_virtual).*|_ZTV.*|_ZSt.*|_ZNSt.*",
     "needs the C++ runtime, which C programs do not have"),
    (r"__gxx_personality_v0|__gcc_personality_v0", "needs the C++ runtime: kills C programs"),
    (r"_Unwind_.*|_?unw_.*|_Ux86_64_.*", "takes part in the program's own unwinding"),
    (r"pthread_mutex_lock|pthread_rwlock_(rd|wr)lock|pthread_cond_(timed)?wait|pthread_once|sem_wait",
     "waits, and is a name that we hook ourselves"),
    (r"(__)?v?(f|s|sn|d|as|vs|vsn)?printf(_chk)?|(__)?f?puts|putchar|fwrite|fopen|perror",
     "stdio: allocates and locks"),
    (r"abort|__assert_fail|__stack_chk_fail_local", "ends the program"),
    (r"__tls_get_addr", "allocates thread-local storage at its first use"),
)
FORBIDDEN_RELOCATIONS = r"R_X86_64_(DTPMOD64|DTPOFF64|TLSDESC\w*|COPY)"
# The moment before the program is bound (preload/new_hooks.cc); what else asks for one is a mistake.
INDIRECT = 1
FORBIDDEN_TAGS = ("TEXTREL", "RPATH", "RUNPATH", "SYMBOLIC")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class SharedObject:
    """What binutils say of one file."""

    def __init__(self, path: pathlib.Path):
        self.path = str(path)
        self.dynamic = run("readelf", "-dW", self.path)
        self.segments = run("readelf", "-lW", self.path)
        self.relocations = run("readelf", "-rW", self.path)
        self.versions = run("readelf", "-VW", self.path)
        self.dynamic_symbols = run("readelf", "--dyn-syms", "-W", self.path)

    def symbols(self, defined: bool):
        """Yields (name, address, bytes) of dynamic symbols, names without their version."""
        for line in self.dynamic_symbols.splitlines():
            fields = line.split()
            if len(fields) < 8 or not fields[0].rstrip(":").isdigit() or fields[4] == "LOCAL":
                continue
            # ABS: the name of a version node, not of a function.
            if fields[6] != "ABS" and (fields[6] != "UND") == defined:
                yield fields[7].split("@")[0], int(fields[1], 16), int(fields[2], 0)

    def hidden_functions(self) -> set[str]:
        """Those that nobody outside can call; none of a stripped object."""
        return set(re.findall(r"\sFUNC\s+LOCAL\s+\S+\s+(?!UND)\S+\s+(\w+)$", run("readelf", "-sW", self.path),
                              re.MULTILINE))

    def text(self) -> tuple[int, int]:
        """Address and size of all code."""
        found = re.search(r"\s\.text\s+PROGBITS\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)",
                          run("readelf", "-SW", self.path))
        return int(found.group(1), 16), int(found.group(2), 16)

    def section_bytes(self, name: str) -> int:
        found = re.search(rf"\s{re.escape(name)}\s+PROGBITS\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)",
                          run("readelf", "-SW", self.path))
        return int(found.group(1), 16) if found else 0

    def resolvers(self) -> list[int]:
        """Addresses of what ld.so calls while it relocates this object."""
        return [int(address, 16) for address in
                re.findall(r"R_X86_64_IRELATIV\w*\s+([0-9a-f]+)", self.relocations)]

    def imported_pointers(self) -> dict[int, str]:
        """Addresses of pointers that ld.so fills with an imported function: calls without a PLT."""
        found = re.findall(r"^([0-9a-f]+)\s+\S+\s+R_X86_64_(?:GLOB_DAT|JUMP_SLOT)\S*\s+\S+\s+(\S+)",
                           self.relocations, re.MULTILINE)
        return {int(address, 16): name.split("@")[0] for address, name in found}

    def instructions(self, start: int, size: int) -> dict[int, str]:
        text = run("objdump", "-dwC", "--no-show-raw-insn", f"--start-address={start:#x}",
                   f"--stop-address={start + size:#x}", self.path)
        found = re.findall(r"^\s*([0-9a-f]+):\s+(?:(?:bnd|notrack|lock|rep\w*)\s+)*(\S.*)$", text,
                           re.MULTILINE)
        return {int(address, 16): instruction.strip() for address, instruction in found}


def exported_by_map(text: str) -> set[str]:
    text = re.sub(r"/\*.*?\*/|#[^\n]*", "", text, flags=re.DOTALL)
    exported = re.findall(r"global:(.*?)(?:local:|\})", text, re.DOTALL)
    return {name for part in exported for name in re.split(r"[;\s]+", part) if name}


def export_findings(library: SharedObject, exports_map: pathlib.Path):
    exported = {name for name, _, _ in library.symbols(defined=True)}
    listed = exported_by_map(exports_map.read_text())
    for name in sorted(exported - listed):
        yield f"exports '{name}', which {exports_map.name} does not list"
    for name in sorted(listed - exported):
        yield f"does not export '{name}', which {exports_map.name} lists"


def names_of_libc() -> set[str]:
    path = run("cc", "-print-file-name=libc.so.6").strip()
    return {name for name, _, _ in SharedObject(pathlib.Path(path)).symbols(defined=True)}


def forgotten_hook_findings(library: SharedObject):
    for name in sorted(library.hidden_functions() & names_of_libc()):
        yield f"defines '{name}' of libc and does not export it: a hook that nobody calls"


def need_findings(library: SharedObject):
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", library.dynamic):
        if name not in NEEDED:
            yield f"needs {name}: only {', '.join(sorted(NEEDED))} may be needed"
    for tag in FORBIDDEN_TAGS:
        if f"({tag})" in library.dynamic:
            yield f"has the dynamic tag {tag}"
    for version in sorted(set(re.findall(r"Name: (GLIBC_\S+)", library.versions))):
        numbers = re.fullmatch(r"GLIBC_(\d+(?:\.\d+)+)", version)
        if numbers is None:
            yield f"needs {version}, which is no public version"
        elif tuple(map(int, numbers.group(1).split("."))) > HIGHEST_GLIBC:
            yield f"needs {version}: the floor is GLIBC_{'.'.join(map(str, HIGHEST_GLIBC))}"
    if re.search(r"GNU_STACK\s.*RWE", library.segments):
        yield "would make the program's stacks executable (PT_GNU_STACK is RWE)"


def thread_storage_findings(library: SharedObject):
    segment = re.search(r"^\s*TLS\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", library.segments, re.MULTILINE)
    size = int(segment.group(1), 16) if segment else 0
    if size >= TLS_LIMIT_BYTES:
        yield f"takes {size} bytes of each thread's static storage, at most {TLS_LIMIT_BYTES - 1}"
    for relocation in sorted(set(re.findall(FORBIDDEN_RELOCATIONS, library.relocations))):
        yield f"has an R_X86_64_{relocation} relocation: storage must be initial-exec, code plain"


def data_findings(library: SharedObject):
    size = library.section_bytes(".data")
    if size > DATA_LIMIT_BYTES:
        yield f"has {size} bytes of data that is not zero at first, at most {DATA_LIMIT_BYTES}"


def undefined_findings(library: SharedObject):
    for name in sorted({name for name, _, _ in library.symbols(defined=False)}):
        for pattern, reason in FORBIDDEN_UNDEFINED:
            if re.fullmatch(pattern, name):
                yield f"calls '{name}': {reason}"


class Reachable:
    """The instructions of a range, one function or all, that an entry can reach, and where they lead."""

    def __init__(self, library: SharedObject, name: str, start: int, size: int, entry: int | None = None):
        self.name = name
        self.range = range(start, start + size)
        self.code = library.instructions(start, size)
        self.imported = library.imported_pointers()
        self.reached: set[int] = set()
        self.named: set[str] = set()  # functions called or jumped to by name
        self.through_pointer = 0      # calls and jumps to what a variable or register holds
        self._follow(start if entry is None else entry)

    def _follow(self, start: int):
        following = dict(zip(self.code, list(self.code)[1:]))
        waiting = [start]
        while waiting:
            address = waiting.pop()
            if address in self.reached or address not in self.code:
                continue
            self.reached.add(address)
            mnemonic, _, operand = self.code[address].partition(" ")
            if mnemonic.startswith(("call", "j")):
                target = self._target(operand.strip())
                if target is not None:
                    waiting.append(target)
            if not mnemonic.startswith(("jmp", "ret", "ud2", "hlt")) and address in following:
                waiting.append(following[address])

    def _target(self, operand: str) -> int | None:
        """The address, if it lies in this function; else notes where the operand leads."""
        direct = re.match(r"([0-9a-f]+) <(.*)>", operand)
        if direct and int(direct.group(1), 16) in self.range:
            return int(direct.group(1), 16)
        pointer = re.search(r"\(%rip\)\s*# ([0-9a-f]+)", operand)
        if direct:
            self.named.add(direct.group(2))
        elif pointer and int(pointer.group(1), 16) in self.imported:
            self.named.add(self.imported[int(pointer.group(1), 16)])
        else:
            self.through_pointer += 1
        return None

    def __str__(self):
        named = ", ".join(sorted(self.named)) or "nothing"
        return (f"{self.name}: {len(self.reached)} instructions, {self.through_pointer} ways through a "
                f"pointer, by name: {named}")


def hot_entry_findings(library: SharedObject, names: list[str], cold: str):
    places = {name: (address, size) for name, address, size in library.symbols(defined=True)}
    for name in names:
        if name not in places:
            yield f"has no hot entry '{name}'"
            continue
        entry = Reachable(library, name, *places[name])
        print(f"  {entry}")
        for target in sorted(entry.named):
            if not re.search(cold, target):
                yield f"hot entry '{name}' leads to '{target}', whose name does not say that it is cold"
        if not entry.through_pointer:
            yield f"hot entry '{name}' never reaches the real function through a pointer"


def resolver_findings(library: SharedObject, wanted: int):
    resolvers = library.resolvers()
    if len(resolvers) != wanted:
        yield f"has {len(resolvers)} indirect functions, not {wanted}: resolvers run while it is relocated"
    for entry in resolvers:
        reachable = Reachable(library, "resolver", *library.text(), entry)
        print(f"  {reachable}")
        for name in sorted(reachable.named):
            yield f"calls '{name}' in a resolver: it may be the program's, which is not relocated yet"
        if reachable.through_pointer:
            yield "calls through a pointer in a resolver: to what is not relocated yet"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, help="build directory")
    parser.add_argument("--library", type=pathlib.Path, help="default: BUILD/preload/liblimpet.so")
    parser.add_argument("--map", type=pathlib.Path, help="default: preload/exports.map")
    parser.add_argument("--hot", default=HOT_ENTRIES, help="hot entries, by comma (%(default)s)")
    parser.add_argument("--cold", default=COLD_NAMES, help="what cold names contain (%(default)s)")
    parser.add_argument("--indirect", type=int, default=INDIRECT, help="indirect functions (%(default)s)")
    options = parser.parse_args(arguments)
    root = pathlib.Path(__file__).resolve().parent.parent
    options.library = options.library or options.build / "preload" / "liblimpet.so"
    options.map = options.map or root / "preload" / "exports.map"
    for file in (options.library, options.map):
        if not file.is_file():
            parser.error(f"{file} is missing: build first (meson compile -C {options.build})")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    library = SharedObject(options.library)
    print(f"check_symbols: {options.library}")
    findings = [*export_findings(library, options.map), *forgotten_hook_findings(library),
                *need_findings(library),
                *thread_storage_findings(library), *data_findings(library), *undefined_findings(library),
                *hot_entry_findings(library, [name for name in options.hot.split(",") if name],
                                    options.cold),
                *resolver_findings(library, options.indirect)]
    for finding in findings:
        print(f"{options.library.name} {finding}")
    print(f"check_symbols: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
