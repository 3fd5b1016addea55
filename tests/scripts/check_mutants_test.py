#!/usr/bin/python3
"""Tests of scripts/check_mutants.py: of a toy's mutants, just those that its test notices pass."""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_mutants.py"
SPEC = importlib.util.spec_from_file_location("check_mutants", CHECK)
check_mutants = importlib.util.module_from_spec(SPEC)
sys.modules["check_mutants"] = check_mutants  # dataclasses look for it
SPEC.loader.exec_module(check_mutants)

MESON = """
project('toy', 'cpp')
test('toy', executable('toy_test', 'runtime/toy.cc'))
"""

# Speaks like a gtest program of one case, which `--gtest_filter=Toy.*` names.
TOY = """
#include <cstdio>
#include <cstring>
int Double(int x) { return x + x; }
int Unused(int x) { return x; }
int main(int, char** arguments) {
  for (; *arguments != nullptr; ++arguments) {
    if (std::strcmp(*arguments, "--gtest_filter=Toy.*") == 0) {
      bool is_right = Double(4) == 8;
      std::puts(is_right ? "[  PASSED  ] 1 test." : "[  FAILED  ] Toy.Doubles (0 ms)");
      return is_right ? 0 : 1;
    }
  }
  std::puts("[  PASSED  ] 0 tests.");
}
"""

TABLE = """
import dataclasses

@dataclasses.dataclass(frozen=True)
class Mutant:
    row: int
    what: str
    test: str
    cases: str
    edits: tuple

MUTANTS = (
    Mutant(1, "wrong sum", "toy", "Toy.*", (("runtime/toy.cc", "x + x", "x + x + 1"),)),
    Mutant(1, "two wrongs", "toy", "Toy.*", (("runtime/toy.cc", "x + x", "3 * x"), ("runtime/toy.cc", "3 * x", "5"))),
    Mutant(2, "crash", "toy", "Toy.*", (("runtime/toy.cc", "return x + x;", "__builtin_trap();"),)),
    Mutant(3, "unseen", "toy", "Toy.*", (("runtime/toy.cc", "return x;", "return 0;"),)),
    Mutant(4, "gone", "toy", "Toy.*", (("runtime/toy.cc", "x - x", "0"),)),
    Mutant(5, "ambiguous", "toy", "Toy.*", (("runtime/toy.cc", "int x", "long x"),)),
    Mutant(6, "no code", "toy", "Toy.*", (("runtime/toy.cc", "x + x", "x +"),)),
    Mutant(7, "no case", "toy", "Other.*", (("runtime/toy.cc", "x + x", "x"),)),
)
"""


class CheckMutants(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name) / "root"
        (cls.root / "runtime").mkdir(parents=True)
        (cls.root / "meson.build").write_text(MESON)
        (cls.root / "runtime" / "toy.cc").write_text(TOY)
        (cls.root / "table.py").write_text(TABLE)

    def check(self, *rows: int) -> tuple[int, list[str]]:
        done = subprocess.run([str(CHECK), "--root", str(self.root), "--scratch", f"{self.folder.name}/scratch",
                               "--table", str(self.root / "table.py"), *map(str, rows)], text=True,
                              capture_output=True, check=False)
        return done.returncode, done.stdout.splitlines()

    def test_names_the_case_that_noticed(self):
        code, said = self.check(1, 2)
        self.assertEqual((0, "3 passed, 0 failed"), (code, said[-1]))
        self.assertRegex(said[0], r"^ok +row 1  wrong sum: Toy.Doubles \(\d+ s\)$")
        self.assertRegex(said[1], "two wrongs: Toy.Doubles")
        self.assertRegex(said[2], "crash: it ends with -")

    def test_refuses_what_nobody_noticed_or_does_not_apply(self):
        for row, word in ((3, "toy did not notice"), (4, "stands 0 times"), (5, "stands 2 times"),
                          (6, "does not build")):
            with self.subTest(row):
                code, said = self.check(row)
                self.assertEqual((1, "0 passed, 1 failed"), (code, said[-1]))
                self.assertIn(word, said[0])

    def test_refuses_a_test_that_runs_nothing(self):
        code, said = self.check(7)
        self.assertEqual((1, "0 passed, 1 failed"), (code, said[-1]))
        self.assertIn("no such case", said[0])

    def test_leaves_the_sources_alone(self):
        self.check(1)
        self.assertEqual(TOY, (self.root / "runtime" / "toy.cc").read_text())

    def test_a_row_without_mutants_is_a_usage_error(self):
        self.assertEqual(2, self.check(99)[0])


class OurMutants(unittest.TestCase):
    """A text that is changed here and not in the table would be found an hour later, in a campaign."""

    def test_break_texts_that_stand_once(self):
        for mutant in check_mutants.load_table(CHECK.parent / "trap_mutants.py"):
            with self.subTest(mutant.what):
                check_mutants.Mutation(CHECK.parents[1], mutant.edits)


if __name__ == "__main__":
    unittest.main()
