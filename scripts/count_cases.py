#!/usr/bin/python3
"""Counts the test cases of a meson test run; names those that failed and shows what they said.

usage: count_cases.py BUILD_DIR/meson-logs/testlog.junit.xml

A case is one gtest TEST, or one test program of another kind. Skipped cases are not counted.
"""

import sys
import xml.etree.ElementTree

MAX_LINES = 15
MAX_LINE_LENGTH = 300


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    passed, failed = 0, 0
    for case in xml.etree.ElementTree.parse(arguments[0]).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        if case.find("failure") is None and case.find("error") is None:
            passed += 1
        else:
            failed += 1
            print(f"failed: {case.get('classname', '')}.{case.get('name')}")
            print("".join(f"    {line}\n" for line in words_of(case)), end="")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def words_of(case: xml.etree.ElementTree.Element) -> list[str]:
    """gtest tells each failure; of other programs the end of what they printed is kept."""
    told = [line for failure in case.iter("failure")
            for line in failure.get("message", "").splitlines()]
    printed = [line for kind in ("system-out", "system-err")
               for node in case.iter(kind) for line in (node.text or "").splitlines()]
    lines = told[:MAX_LINES] or printed[-MAX_LINES:]
    return [line[:MAX_LINE_LENGTH] for line in lines]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
