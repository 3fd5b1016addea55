"""What a test suite of own_suites.py is.

A suite's `run` returns what became of each test: `ok`, and what else must be the same; `skipped`; or what
went wrong, in words that are the same for the same trouble.
"""

import hashlib
import pathlib
import shutil

from suite_side import Side

Outcomes = dict[str, str]


class Missing(Exception):
    """What a suite needs is not to be had."""


class Suite:
    name = ""

    def prepare(self, work: pathlib.Path):
        """Once for both sides; raises Missing."""

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        """`folder` is empty. `tests`: only these, of those that `run` returned before."""
        raise NotImplementedError


def need(command: str) -> str:
    path = shutil.which(command, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if not path:
        raise Missing(f"{command} is not installed: scripts/setup.sh --long installs it")
    return path


def outcome_of(status: int | None) -> str:
    return "ok" if status == 0 else "took too long" if status is None else f"status {status}"


def hash_of(lines: list[bytes]) -> str:
    whole = hashlib.sha256(b"\n".join(lines)).hexdigest()
    return f"ok {len(lines)} {whole[:16]}"
