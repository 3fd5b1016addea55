"""Makes a program of more than 500 MB, most of it debug information, for `limpet dump` to name.

Hundreds of units are too slow to compile. A few are, of several sizes; each then becomes many by
another namespace of the same length in its object file, in all names and debug strings. The linker
sees units as different as those of a real program: their code, entries, lines and strings are their
own, only what they share of the standard library is merged.
"""

import pathlib
import subprocess

MEGABYTES = 500
NAME_OF_UNIT = "unit_{:05}"
STORES = (2, 3, 4, 6)  # by these the units differ in size
FLAGS = ["-std=c++17", "-O2", "-g"]

MAIN = """#include <csignal>
{declarations}
int main() {{
  int size = 0;
{calls}
  if (size == 0) return 1;
  return std::raise(SIGKILL);  // what was recorded stays behind
}}
"""


def large_program(folder: pathlib.Path, compiler: str = "g++") -> pathlib.Path:
    """The program, made anew only where it is missing."""
    program = folder / f"large-{pathlib.Path(compiler).name}"
    if program.exists():
        return program
    folder.mkdir(parents=True, exist_ok=True)
    source = pathlib.Path(__file__).resolve().parent.parent / "tests" / "bench" / "large_unit.cc"
    objects = [compile_unit(source, folder, compiler, stores) for stores in STORES]
    count = len(STORES) * 16
    while True:
        link(folder, compiler, objects, count, program.with_suffix(".new"))
        size = program.with_suffix(".new").stat().st_size
        if size >= MEGABYTES * 1_000_000:
            break
        count = count * MEGABYTES * 1_050_000 // size + 1
    for unit in folder.glob("*.o"):
        unit.unlink()
    return program.with_suffix(".new").rename(program)


def compile_unit(source: pathlib.Path, folder: pathlib.Path, compiler: str, stores: int) -> bytes:
    unit = folder / f"stores-{stores}.o"
    subprocess.run([compiler, *FLAGS, f"-DLARGE_UNIT={NAME_OF_UNIT.format(0)}",
                    f"-DLARGE_STORES={stores}", "-c", str(source), "-o", str(unit)], check=True)
    return unit.read_bytes()


def link(folder: pathlib.Path, compiler: str, objects: list[bytes], count: int, out: pathlib.Path):
    names = [NAME_OF_UNIT.format(number) for number in range(count)]
    units = []
    for number, name in enumerate(names):
        units.append(folder / f"{name}.o")
        if units[-1].exists():
            continue
        text = objects[number % len(objects)]
        units[-1].write_bytes(text.replace(NAME_OF_UNIT.format(0).encode(), name.encode()))
    main = folder / "main.cc"
    main.write_text(MAIN.format(
        declarations="\n".join(f"namespace {name} {{ int Run(); }}" for name in names),
        calls="\n".join(f"  size += {name}::Run();" for name in names)))
    subprocess.run([compiler, *FLAGS, str(main), *map(str, units), "-o", str(out)], check=True)
