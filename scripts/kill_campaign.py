#!/usr/bin/python3
"""Kills traced programs at random moments and sees that what they leave is read, whole and right.

usage: kill_campaign.py [--kills N] [--seed S] [BUILD]

Each of N (10,000) victims allocates in threads, through a plug-in that comes and goes and in children
that it forks, and is killed with them at a moment of chance, from before its main to seconds after; in
turns with every allocation recorded and sampled. Each segment must be read, or say that it never began
where nothing was allocated. Exact, what each thread allocated and has in use must be what the program's
own log says, but for the one call that each had under way; sampled, no total may be torn.

Victims have the seeds S, S+1, ... (of the clock); --kills 1 --seed X repeats one, as far as time can be
repeated. What fails is kept in a directory that is named.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

JUDGES = 4  # two processors, and victims that sleep now and then


class Campaign:
    """Judges at work, each with its share of the seeds."""

    def __init__(self, build: pathlib.Path, kept: pathlib.Path):
        soak = build / "tests" / "soak"
        self.words = [soak / "kill_judge", build / "preload" / "liblimpet.so", soak / "victim",
                      soak / "libvictim_plugin.so"]
        self.kept = kept
        self.sums: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()

    def judge(self, first: int, kills: int):
        with tempfile.TemporaryDirectory(prefix="limpet-kill-", dir="/dev/shm") as folder:
            words = (*self.words, f"{folder}/victim", self.kept, first, kills)
            with subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True) as process:
                heard = [self.hear(line) for line in process.stdout]
        if not any(heard):
            print(f"seeds {first} to {first + kills - 1}: the judge ended with {process.returncode}")
            with self.lock:
                self.sums["failed"] += 1

    def hear(self, line: str) -> bool:
        """True: these were the sums, the last that a judge says."""
        if not line.startswith("sums "):
            print(line, end="", flush=True)
            return False
        with self.lock:
            for name, value in re.findall(r"(\w+)=(\d+)", line):
                added = max(self.sums[name], int(value)) if name.endswith("_max") else self.sums[name] + int(value)
                self.sums[name] = added
        return True

    def run(self, seed: int, kills: int):
        bounds = [seed + kills * part // JUDGES for part in range(JUDGES + 1)]
        judges = [threading.Thread(target=self.judge, args=(first, after - first))
                  for first, after in zip(bounds, bounds[1:]) if after > first]
        for judge in judges:
            judge.start()
        for judge in judges:
            judge.join()


def report(sums: collections.Counter, seconds: float):
    print(f"victims: {sums['read']} left a segment, {sums['never_began']} never began, {sums['ended']} had ended; "
          f"{sums['unavailable']} files say that they never began; segments of their children: {sums['children_read']}; {seconds:.0f} s")
    print(f"calls: {sums['calls']}, under way at the kill {sums['under_way']}; slots half written: {sums['torn']}")
    print(f"exact: {sums['owners_off']} threads differ by a call under way, by at most "
          f"{sums['objects_off_max']} objects, {sums['bytes_off_max']} bytes")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=pathlib.Path("build"))
    options = parser.parse_args(arguments)
    kept = pathlib.Path(tempfile.mkdtemp(prefix="limpet-kills-"))
    began = time.monotonic()
    campaign = Campaign(options.build.resolve(), kept)
    campaign.run(options.seed, options.kills)
    report(campaign.sums, time.monotonic() - began)
    if not any(kept.iterdir()):
        kept.rmdir()
    print(f"{campaign.sums['passed']} passed, {campaign.sums['failed']} failed")
    return 1 if campaign.sums["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
