#!/usr/bin/python3
"""Runs test suites of real programs without and with liblimpet.so: each test must end the same.

usage: own_suites.py [--only NAME,...] [BUILD]

The suites stand in program_suites.py and server_suites.py. Each runs untraced, then traced with a companion
that watches. A test that ends differently is run once more alone on both sides, and is a failure if it still
differs; both runs are printed. Where many did not run untraced, the suite broke off without us (redis' own does
now and then): there is nothing to compare with, and it is run whole once more on both sides. Tests that fail on
both sides are named, and no failure of ours. Processes and traces that a traced run leaves behind are a
failure, and so is a suite that cannot be had or runs no test.

The last line is `N passed, N failed`: one for each test, and one for what a suite left.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import program_suites
import suite_side
from suite_base import Missing, Outcomes, Suite
from suite_side import Side

MAX_SHOWN = 20
MAX_RERUN = 12  # more than so many differ for one reason


@dataclass
class Verdict:
    passed: int = 0
    faults: list[str] = field(default_factory=list)


def is_good(outcome: str) -> bool:
    return outcome.partition(" ")[0] in ("ok", "skipped")


def say(text: str):
    print(text, flush=True)


def run_side(suite: Suite, side: Side, tests: list[str] | None = None) -> tuple[Outcomes, list[str]]:
    """What each test said, and what was left behind."""
    folder = side.work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    began = time.monotonic()
    outcomes = suite.run(side, folder, tests)
    left = side.leftovers()
    alone = f", alone {' '.join(tests)}" if tests else ""
    bad = sum(not is_good(outcome) for outcome in outcomes.values())
    skipped = sum(outcome == "skipped" for outcome in outcomes.values())
    say(f"  {suite.name} {side.name}{alone}: {len(outcomes)} tests, {bad} failed, {skipped} skipped, "
        f"{time.monotonic() - began:.0f} s")
    return outcomes, left


def differing(untraced: Outcomes, traced: Outcomes) -> list[str]:
    return [name for name in sorted({*untraced, *traced})
            if untraced.get(name, "not run") != traced.get(name, "not run")]


def judge_again(suite: Suite, sides: list[Side], name: str, first: list[str]) -> str | None:
    """A fault, or None where the test now ends the same on both sides: then the first run was chance."""
    runs = [run_side(suite, side, [name]) for side in sides]
    second = [outcomes.get(name, "not run") for outcomes, _ in runs]
    say(f"  {name}: untraced '{first[0]}', traced '{first[1]}'; again alone '{second[0]}', '{second[1]}'")
    if runs[1][1]:
        return f"{name}, alone, left {runs[1][1]}"
    if second[0] == second[1] != "not run":
        return None
    return f"{name}: untraced '{second[0]}', traced '{second[1]}', twice"


def run_both(suite: Suite, sides: list[Side]) -> list[tuple[Outcomes, list[str]]]:
    """Again only where it broke off untraced. What was left behind of a run that is not taken counts all the same."""
    runs = [run_side(suite, side) for side in sides]
    missing = runs[1][0].keys() - runs[0][0].keys()
    if len(missing) <= MAX_RERUN:
        return runs
    say(f"  {suite.name}: {len(missing)} tests did not run untraced, {min(missing)} is one: once more, both sides")
    again = [run_side(suite, side) for side in sides]
    return [(outcomes, before + left) for (outcomes, left), (_, before) in zip(again, runs)]


def judge(suite: Suite, sides: list[Side]) -> Verdict:
    (untraced, left_anyway), (traced, left) = run_both(suite, sides)
    verdict = Verdict()
    if not untraced or not traced:
        verdict.faults.append(f"no test ran: {len(untraced)} untraced, {len(traced)} traced")
    if not sides[1].has_traced:
        verdict.faults.append("no process was traced")
    differences = differing(untraced, traced)
    verdict.passed = len({*untraced, *traced}) - len(differences)
    for name in sorted(untraced):
        if not is_good(untraced[name]) and traced.get(name) == untraced[name]:
            say(f"  on both sides {untraced[name]}: {name}")
    for number, name in enumerate(differences):
        pair = [outcomes.get(name, "not run") for outcomes in (untraced, traced)]
        fault = (judge_again(suite, sides, name, pair) if number < MAX_RERUN
                 else f"{name}: untraced '{pair[0]}', traced '{pair[1]}'")
        verdict.faults += [fault] if fault else []
        verdict.passed += not fault
    judge_leftovers(verdict, left_anyway, left)
    return verdict


def judge_leftovers(verdict: Verdict, left_anyway: list[str], left: list[str]):
    """A process that stays without us too is the suite's own."""
    ours = list(left)
    for name in left_anyway:
        say(f"  left without us: {name}")
        if name in ours:
            ours.remove(name)
    verdict.faults += [f"left behind: {name}" for name in ours]
    verdict.passed += not ours


def verdict_of(suite: Suite, options: argparse.Namespace) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="limpet-suites-", ignore_cleanup_errors=True) as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        sides = []
        try:
            suite.prepare(work)
            sides = [Side(build, work, options.sample_bytes) for build in (None, options.build.resolve())]
            return judge(suite, sides)
        except (Missing, OSError, subprocess.SubprocessError) as problem:
            return Verdict(0, [f"{type(problem).__name__}: {problem}"])
        finally:
            suite_side.left_processes()
            for side in sides:
                side.close()


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, nargs="?", default=pathlib.Path("build"))
    parser.add_argument("--only", default="", help="names of suites, by comma")
    parser.add_argument("--share", type=float, default=1, help="of the work of sqlite, postgres and nginx, for trying")
    parser.add_argument("--sample-bytes", default="4KiB", help="LIMPET_SAMPLE_BYTES (%(default)s)")
    options = parser.parse_args(arguments)
    options.suites = program_suites.suites(options.share)
    names = {suite.name for suite in options.suites}
    options.only = {name for name in options.only.split(",") if name} or names
    if options.only - names:
        parser.error(f"--only knows {', '.join(sorted(names))}")
    if not (options.build / "preload" / "liblimpet.so").is_file():
        parser.error(f"{options.build}/preload/liblimpet.so is missing: build first")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    suite_side.adopt_orphans()
    passed = failed = 0
    for suite in options.suites:
        if suite.name not in options.only:
            continue
        began = time.monotonic()
        verdict = verdict_of(suite, options)
        for fault in verdict.faults[:MAX_SHOWN]:
            say(f"  FAULT {fault}")
        passed, failed = passed + verdict.passed, failed + len(verdict.faults)
        say(f"{'FAILED' if verdict.faults else 'ok':7} {suite.name:10} {verdict.passed} passed, "
            f"{len(verdict.faults)} failed, {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
