#!/usr/bin/python3
"""limpet, jemalloc's profiler and heaptrack give the same answer about one program, and the right one.

usage: peer_agreement_test.py LIBLIMPET LIMPET PROGRAM

PROGRAM counts by itself what each of its sites allocates and keeps. The ten largest sites must come
in its order in every answer, by bytes in use and by bytes allocated; and each value of each site must
lie as close to the truth as sampling allows, or be equal to it where every allocation is recorded.

An allocation of s bytes that is a sample with probability p = 1 - e^(-c/T) (c = s + 1 for limpet, and
what jemalloc made of s for jemalloc) adds v/p to a sum, else nothing. So, by Bernstein's inequality,
with V and M over the allocations of a site,

    P(|sum - truth| > t) < 2 e^(-t^2 / (2 V + 2 M t / 3))    V = sum of v^2 (1 - p) / p
                                                             M = largest of v and v (1 - p) / p

A value may be off by the t that makes this 1e-9; 56 values are sampled, so chance alone fails one run in
18 million. That two sites change places is bounded likewise, for the sum of one less that of the other:
the test proves from the sizes alone that it is below 1e-9 for each pair, and all pairs together are 2e-13.
"""

import math
import pathlib
import sys
import tempfile
import unittest
from dataclasses import dataclass

from peer_answers import Answer, ask_heaptrack, ask_jemalloc, ask_limpet

SAMPLE_BYTES = 4096
CHANCE = 1e-9  # of a false failure, by each comparison
TOP = 10
# limpet's weights are multiples of 2^-16. jemalloc scales each stack's samples down to whole ones,
# for jeprof to scale up; most sites have three stacks, below one to three frames.
WEIGHT_ROUNDING = 2**-16
STACKS = 3
BYTES = ("inuse_space", "alloc_space")

LIBRARY, COMPANION, PROGRAM = sys.argv[1:4] if len(sys.argv) > 3 else sys.exit(__doc__)


@dataclass
class Expected:
    """What a site's sum should be, and how a sampled one deviates."""

    truth: int = 0
    variance: float = 0
    largest: float = 0  # deviation that one allocation can bring

    def add(self, value: int, count: int, missed: float):
        self.truth += value * count
        # Nobody waits for what one run in a million million would show.
        if count * missed > 1e-12:
            odds = missed / (1 - missed)
            self.variance += count * value**2 * odds
            self.largest = max(self.largest, value, value * odds)

    def bound(self) -> float:
        """A sum within it is not suspicious; 0 where every allocation is recorded."""
        logarithm = math.log(2 / CHANCE)
        linear = self.largest * logarithm / 3
        rounding = STACKS * self.largest + (WEIGHT_ROUNDING * self.truth if self.variance else 0)
        return linear + math.sqrt(linear**2 + 2 * self.variance * logarithm) + rounding

    def chance_to_pass(self, larger: "Expected") -> float:
        """That its sum exceeds a larger site's."""
        gap = larger.truth - self.truth
        spread = 2 * (larger.variance + self.variance)
        return math.exp(-gap**2 / (spread + 2 * max(larger.largest, self.largest) * gap / 3 + 1))

    def deviation(self, value: int) -> float:
        return (value - self.truth) / max(math.sqrt(self.variance), 1)


def expected_of(answer: Answer, quantity: str) -> dict[str, Expected]:
    sites = {}
    for tally in answer.tallies:
        size = tally.usable if answer.charges_usable else tally.requested
        charge = size if answer.charges_usable else size + 1
        exact = answer.sample_bytes == 1
        sites.setdefault(tally.site, Expected()).add(
            value=1 if quantity == "alloc_objects" else size,
            count=tally.in_use if quantity == "inuse_space" else tally.allocated,
            missed=0 if exact else math.exp(-charge / answer.sample_bytes))
    return sites


def truths_of(sites: dict[str, Expected]) -> dict[str, int]:
    return {site: expected.truth for site, expected in sites.items()}


def ranking_of(values: dict[str, int]) -> list[str]:
    return sorted(values, key=values.get, reverse=True)


class Peers(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory(prefix="limpet-peers-") as folder:
            folders = [pathlib.Path(folder, str(number)) for number in range(4)]
            for each in folders:
                each.mkdir()
            cls.answers = [ask_limpet(PROGRAM, LIBRARY, COMPANION, SAMPLE_BYTES, folders[0]),
                           ask_limpet(PROGRAM, LIBRARY, COMPANION, 1, folders[1]),
                           ask_jemalloc(PROGRAM, SAMPLE_BYTES, folders[2]),
                           ask_heaptrack(PROGRAM, folders[3])]
        for quantity in (*BYTES, "alloc_objects"):
            show(cls.answers, quantity)

    def answers_to(self, *quantities: str):
        """Each answer with what it says, and what it should say."""
        for quantity in quantities:
            for answer in self.answers:
                if quantity in answer.values:
                    yield (f"{answer.name}, {quantity}", answer.values[quantity],
                           expected_of(answer, quantity))

    def test_the_program_did_the_same_under_each(self):
        did = [[(tally.site, tally.requested, tally.allocated, tally.in_use)
                for tally in answer.tallies] for answer in self.answers]
        self.assertEqual(14, len({site for site, *_ in did[0]}))
        for answer, other in zip(self.answers, did):
            self.assertEqual(did[0], other, answer.name)

    def test_sites_lie_too_far_apart_to_change_places(self):
        for answer, _, sites in self.answers_to(*BYTES):
            ranking = ranking_of(truths_of(sites))
            for place, larger in enumerate(ranking[:TOP]):
                for smaller in ranking[place + 1:]:
                    chance = sites[smaller].chance_to_pass(sites[larger])
                    self.assertLess(chance, CHANCE, f"{answer}: {smaller} over {larger}")

    def test_the_ten_largest_come_in_the_same_order(self):
        for quantity in BYTES:
            itself = ranking_of(truths_of(expected_of(self.answers[0], quantity)))
            for answer, values, _ in self.answers_to(quantity):
                with self.subTest(answer):
                    self.assertEqual(itself[:TOP], ranking_of(values)[:TOP])

    def test_values_are_as_near_as_sampling_allows(self):
        for answer, values, sites in self.answers_to(*BYTES, "alloc_objects"):
            for site, expected in sites.items():
                with self.subTest(f"{answer}, {site}"):
                    self.assertAlmostEqual(expected.truth, values[site], delta=expected.bound())


def show(answers: list[Answer], quantity: str):
    """Each answer beside the program's own, and how many standard deviations it is off."""
    answers = [answer for answer in answers if quantity in answer.values]
    expected = [expected_of(answer, quantity) for answer in answers]
    truth = truths_of(expected[0])
    print(f"\n{quantity:13}{'itself':>11}" + "".join(f"{answer.name:>20}" for answer in answers))
    for site in ranking_of(truth):
        row = [(answer.values[quantity][site], own[site]) for answer, own in zip(answers, expected)]
        print(f"{site:13}{truth[site]:11}" +
              "".join(f"{value:13}{own.deviation(value):+7.2f}" for value, own in row))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
