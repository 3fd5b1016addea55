#!/usr/bin/python3
"""Breaks the sources on purpose, one way at a time, and demands that a test notices each.

usage: check_mutants.py [--root DIR] [--scratch DIR] [--table FILE] [ROW ...]

The table (scripts/trap_mutants.py) names for each mutant the row of the trap list, what is broken, the text that is
replaced, and the test that must notice. The sources are copied to the scratch folder (build-mutants) and built there;
the sources themselves are never touched. A mutant counts as noticed where its test passes on the clean copy and fails,
crashes or hangs on the broken one. One that survives, does not build, or whose text is gone is a failure. The last line
is `N passed, N failed`.

Exit code: 0 every mutant was noticed, 1 not, 2 usage.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ("meson.build", "meson_options.txt", "preload", "proto", "runtime", "tests", "tools")
TEST_SECONDS = 120  # twice what the slowest of them takes; what hangs costs that much

FAILED_CASE = re.compile(r"^\[  FAILED  \] ([\w/.]+)", re.MULTILINE)
PASSED_CASES = re.compile(r"^\[  PASSED  \] ([1-9]\d*) tests?\.$", re.MULTILINE)
NO_CASE = "no such case"


@dataclasses.dataclass(frozen=True)
class Outcome:
    noticed: bool
    how: str  # by which case, or why it was not


def load_table(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location("mutant_table", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutant_table"] = module  # dataclasses look for it
    spec.loader.exec_module(module)
    return module.MUTANTS


# --- The copy ---


def files_of(root: pathlib.Path) -> set[pathlib.Path]:
    found = set()
    for name in SOURCES:
        path = root / name
        candidates = path.rglob("*") if path.is_dir() else [path]
        found |= {file.relative_to(root) for file in candidates
                  if file.is_file() and "__pycache__" not in file.parts}
    return found


def synchronize(root: pathlib.Path, copy: pathlib.Path) -> None:
    """Only what differs is written, so that a second run builds little."""
    wanted = files_of(root)
    for stale in files_of(copy) - wanted:
        (copy / stale).unlink()
    for file in sorted(wanted):
        source, target = root / file, copy / file
        content = source.read_bytes()
        if target.exists() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(source.stat().st_mode)


class Mutation:
    """The copy is broken inside of the `with`, and whole again after it."""

    def __init__(self, copy: pathlib.Path, edits):
        self.whole = {}
        broken = {}
        for file, old, new in edits:
            path = copy / file
            self.whole.setdefault(path, path.read_text())
            text = broken.get(path, self.whole[path])
            if text.count(old) != 1:
                raise LookupError(f"its text stands {text.count(old)} times in {file}")
            broken[path] = text.replace(old, new)
        self.broken = broken

    def __enter__(self):
        for path, text in self.broken.items():
            path.write_text(text)

    def __exit__(self, *_):
        for path, text in self.whole.items():
            path.write_text(text)


# --- The build ---


class Build:

    def __init__(self, copy: pathlib.Path, folder: pathlib.Path):
        self.folder = folder
        if not (folder / "build.ninja").exists():
            # A broken source may well have warnings.
            subprocess.run(["meson", "setup", "-Dwerror=false", str(folder), str(copy)], check=True,
                           stdout=subprocess.DEVNULL)
        self.commands, self.targets = {}, {}

    def introspect(self, what: str):
        done = subprocess.run(["meson", "introspect", str(self.folder), f"--{what}"], check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)

    def learn_tests(self) -> None:
        """What runs each test, and what has to be built for it."""
        files = {target["id"]: [os.path.relpath(name, self.folder) for name in target["filename"]]
                 for target in self.introspect("targets")}
        for test in self.introspect("tests"):
            self.commands[test["name"]] = test["cmd"]
            self.targets[test["name"]] = sorted({file for target in test["depends"] for file in files[target]})

    def make(self, targets: list[str]) -> tuple[bool, str]:
        done = subprocess.run(["ninja", "-C", str(self.folder), f"-j{os.cpu_count()}", *targets], capture_output=True,
                              text=True, check=False)
        return done.returncode == 0, done.stdout

    def make_for(self, tests: set[str]) -> tuple[bool, str]:
        is_made, said = self.make(["build.ninja"])
        if not is_made:
            return False, said
        self.learn_tests()
        return self.make(sorted({target for test in tests for target in self.targets[test]}))

    def run(self, test: str, cases: str) -> tuple[bool, str]:
        """Whether at least one case ran and all passed; and which did not."""
        command = [*self.commands[test], "--gtest_brief=1", f"--gtest_filter={cases}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace",
                                  timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return False, "it hangs"
        if done.returncode == 0:
            return bool(PASSED_CASES.search(done.stdout)), NO_CASE
        failed = FAILED_CASE.search(done.stdout)
        return False, failed[1] if failed else f"it ends with {done.returncode}"


# --- The verdict ---


def judge(mutant, copy: pathlib.Path, build: Build) -> Outcome:
    try:
        mutation = Mutation(copy, mutant.edits)
    except LookupError as error:
        return Outcome(False, str(error))
    with mutation:
        is_made, said = build.make(build.targets[mutant.test])
        if not is_made:
            return Outcome(False, "it does not build:\n" + said[-2000:])
        passed, how = build.run(mutant.test, mutant.cases)
    is_noticed = not passed and how != NO_CASE  # one that skips itself has noticed nothing
    return Outcome(is_noticed, f"{mutant.test} did not notice" if passed else how)


def passes_clean(mutants, build: Build) -> bool:
    good = True
    for test, cases in sorted({(mutant.test, mutant.cases) for mutant in mutants}):
        passed, how = build.run(test, cases)
        if not passed:
            print(f"FAILED  nothing is broken, and still: {test} {cases}: {how}", flush=True)
        good = good and passed
    return good


def check(mutants, copy: pathlib.Path, build: Build) -> int:
    """How many were not noticed."""
    survivors = 0
    for mutant in mutants:
        began = time.monotonic()
        outcome = judge(mutant, copy, build)
        survivors += not outcome.noticed
        print(f"{'ok' if outcome.noticed else 'FAILED':7} row {mutant.row}  {mutant.what}: {outcome.how}"
              f" ({time.monotonic() - began:.0f} s)", flush=True)
    return survivors


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build-mutants")
    parser.add_argument("--table", type=pathlib.Path, default=ROOT / "scripts" / "trap_mutants.py")
    parser.add_argument("rows", type=int, nargs="*", metavar="ROW")
    options = parser.parse_args(arguments)
    mutants = [mutant for mutant in load_table(options.table) if not options.rows or mutant.row in options.rows]
    if not mutants:
        parser.error("no mutant of such a row")

    copy = options.scratch.resolve() / "source"
    synchronize(options.root, copy)
    build = Build(copy, options.scratch.resolve() / "build")
    is_made, said = build.make_for({mutant.test for mutant in mutants})
    if not is_made or not passes_clean(mutants, build):
        print(said if not is_made else "the tests must pass before anything is broken")
        print(f"0 passed, {len(mutants)} failed")
        return 1
    survivors = check(mutants, copy, build)
    print(f"{len(mutants) - survivors} passed, {survivors} failed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
