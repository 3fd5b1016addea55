#!/usr/bin/python3
"""Counts the test cases of a meson test run, and names those that failed.

usage: count_cases.py BUILD_DIR/meson-logs/testlog.junit.xml

A case is one gtest TEST, or one test program of another kind. Skipped cases are not counted.
"""

import sys
import xml.etree.ElementTree


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
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
