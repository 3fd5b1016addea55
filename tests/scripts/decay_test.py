"""What decay.py takes for decay, on figures made for it."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import decay  # noqa: E402

STEADY = {"free": 100.0, "trace": 100 << 10, "beside": 5 << 20, "entries": 500, "losses": 0, "starting": 3}


class Judge(unittest.TestCase):

    def problems(self, last: dict[str, float], deviations: float = 0, interval: str = "512KiB") -> list[str]:
        """Of a run that was steady but for its last fifth."""
        periods = [dict(STEADY) for _ in range(40)] + [STEADY | last for _ in range(10)]
        run = decay.Run(1, interval, periods, deviations, [])
        decay.judge(run)
        return run.problems

    def test_passes_what_is_steady(self):
        self.assertEqual([], self.problems({}))

    def test_refuses_a_trace_that_grows(self):
        self.assertEqual([], self.problems({"trace": (100 << 10) + decay.MAX_TRACE_GROWTH}))
        self.assertEqual(["the trace grew by 65537 bytes"],
                         self.problems({"trace": (100 << 10) + decay.MAX_TRACE_GROWTH + 1}))

    def test_refuses_a_resident_set_that_grows(self):
        self.assertEqual([], self.problems({"beside": 7 << 20}))
        self.assertEqual(["what is resident beside the heap grew by 2097153 bytes"],
                         self.problems({"beside": (7 << 20) + 1}))

    def test_refuses_losses_of_the_start_that_come_later(self):
        self.assertEqual(["samples lost as if the segment were being made"], self.problems({"starting": 4}))

    def test_refuses_losses(self):
        self.assertEqual(["3 losses"], self.problems({"losses": 3}))

    def test_refuses_wrong_bytes_in_use_in_both_directions(self):
        self.assertEqual([], self.problems({}, deviations=4.9))
        self.assertEqual(["bytes in use are wrong"], self.problems({}, deviations=5.1))
        self.assertEqual(["bytes in use are wrong"], self.problems({}, deviations=-5.1))

    def test_judges_no_time(self):
        self.assertEqual([], self.problems({"free": 1000.0}))

    def test_does_not_judge_the_run_without_us(self):
        self.assertEqual([], self.problems({"beside": 200 << 20}, interval="none"))

    def test_fails_a_run_that_was_not_followed(self):
        run = decay.Run(1, "512KiB")
        decay.judge(run)
        self.assertEqual(["was not followed to its end"], run.problems)


class Lines(unittest.TestCase):

    def test_are_names_and_figures_in_turns(self):
        self.assertEqual({"period": 10.0, "free": 31.5}, decay.pairs_of("period 10.0 free 31.5\n"))


if __name__ == "__main__":
    unittest.main()
