"""What check_fast_paths.py counts, on code made for it."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import check_fast_paths  # noqa: E402


class LongestWay(unittest.TestCase):

    def way(self, *lines: tuple[str, str]):
        return check_fast_paths.longest_way({number * 4: line for number, line in enumerate(lines)}, 0)

    def test_ends_with_the_jump_through_a_pointer(self):
        self.assertEqual(2, self.way(("mov", "%rax,%rbx"), ("jmp", "*0x10(%rip)"), ("nop", "")))

    def test_takes_the_longer_of_two_branches(self):
        self.assertEqual(4, self.way(("test", "%al,%al"), ("jne", "c"), ("nop", ""), ("jmp", "*(%rax)")))

    def test_leads_through_no_call(self):
        self.assertEqual(3, self.way(("test", "%al,%al"), ("jne", "c"), ("call", "100 <slow>"),
                                     ("jmp", "*(%rax)")))
        self.assertIsNone(self.way(("call", "100 <slow>"), ("jmp", "*(%rax)")))

    def test_follows_a_jump_but_no_loop(self):
        self.assertEqual(3, self.way(("jmp", "8"), ("nop", ""), ("nop", ""), ("jmp", "*(%rax)")))
        self.assertEqual(3, self.way(("nop", ""), ("jne", "0"), ("jmp", "*(%rax)")))


if __name__ == "__main__":
    unittest.main()
