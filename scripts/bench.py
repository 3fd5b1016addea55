#!/usr/bin/python3
"""Compares what tracing costs; scripts/bench.sh calls it.

Prints Markdown tables. A wall ratio is the median, over the rounds, of a contender's time by its
base's time in the same round; bases are no preload, or the same allocator without its profiler.
Instructions are callgrind's, of a hundredth of the work; memory is the peak resident set of the
traced process; output is what the tool leaves on disk.
"""

import argparse
import json
import pathlib
import statistics
import sys

import bench_contenders
import bench_dump
import bench_measure
import bench_waits
import bench_workloads

PARTS = ("wall", "instructions", "memory", "output", "latency", "stack", "start", "waits", "dump")
MODULES = {"waits": bench_waits, "dump": bench_dump}  # of the other parts: bench_measure


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--rounds", type=int, default=7, help="turns of every contender (7)")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--only", default="", metavar="W,...", help="these workloads")
    parser.add_argument("--against", default="", metavar="C,...", help="these contenders and their bases")
    parser.add_argument("--json", type=pathlib.Path, help="also every single figure, here")
    parser.add_argument("parts", nargs="*", help=f"of: {' '.join(PARTS)}; default: all")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {' '.join(sorted(unknown))}; there are {' '.join(PARTS)}")
    return options


def chosen(all_of: list, names: str, kind: str) -> list:
    if not names:
        return all_of
    wanted = names.split(",")
    known = {item.name for item in all_of}
    missing = [name for name in wanted if name not in known]
    if missing:
        sys.exit(f"bench: no {kind} {', '.join(missing)}; there are {', '.join(sorted(known))}")
    return [item for item in all_of if item.name in wanted]


def with_bases(contenders: list, everyone: list) -> list:
    names = {contender.name for contender in contenders} | {contender.base for contender in contenders}
    return [contender for contender in everyone if contender.name in names]


def table(title: str, rows: dict[str, dict[str, str]], columns: list[str]):
    print(f"\n### {title}\n")
    print("| workload | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row, cells in rows.items():
        print(f"| {row} | " + " | ".join(cells.get(column, "") for column in columns) + " |")
    sys.stdout.flush()


def ratios(samples: dict, contenders: list, value) -> dict[str, str]:
    """Cells of one workload: the median of the ratios round by round."""
    cells = {}
    for contender in contenders:
        pairs = zip(samples[contender.name], samples[contender.base])
        quotients = [value(own) / value(base) for own, base in pairs if value(base)]
        cells[contender.name] = f"{statistics.median(quotients):.3f}" if quotients else "fails"
    return cells


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    build = options.build.resolve()
    everyone = bench_contenders.contenders(build)
    contenders = with_bases(chosen(everyone, options.against, "contender"), everyone)
    workloads = chosen(bench_workloads.workloads(build), options.only, "workload")
    parts = options.parts or list(PARTS)
    rounds = 1 if options.quick else options.rounds
    columns = [contender.name for contender in contenders if contender.name != contender.base]
    compared = [contender for contender in contenders if contender.name != contender.base]
    figures = {"machine": bench_measure.machine()}
    print(f"Machine: {figures['machine']}")
    print("Each ratio is to: " + ", ".join(f"{c.name} over {c.base}" for c in compared) + ".")

    if "wall" in parts or "memory" in parts:
        samples = {workload.name: bench_measure.in_turns(workload, contenders, rounds)
                   for workload in workloads}
        figures["runs"] = {workload: {name: [vars(run) for run in runs] for name, runs in of.items()}
                           for workload, of in samples.items()}
        if "wall" in parts:
            table("Wall time, ratio", {name: ratios(of, compared, lambda run: run.wall_s)
                                       for name, of in samples.items()}, columns)
        if "memory" in parts:
            rows = {name: {c.name: f"{statistics.median(run.peak_kib for run in of[c.name]) / 1024:.1f}"
                           for c in contenders if of[c.name]} for name, of in samples.items()}
            table("Peak resident memory, MiB", rows, [c.name for c in contenders])
    if "instructions" in parts:
        counted = {workload.name: bench_measure.instructions(workload, contenders)
                   for workload in workloads if workload.has_small}
        figures["instructions"] = counted
        rows = {name: {c.name: f"{of[c.name] / of[c.base]:.3f}" for c in compared if of.get(c.name)}
                for name, of in counted.items()}
        table("Instructions (callgrind), ratio", rows, columns)
    if "output" in parts:
        sizes = {workload.name: bench_measure.output_bytes(workload, compared)
                 for workload in workloads}
        figures["output"] = sizes
        rows = {name: {tool: f"{size / 1024:.0f}" for tool, size in of.items()}
                for name, of in sizes.items()}
        table("Output on disk, KiB", rows, [c.name for c in compared if c.writes])
    for part in ("latency", "stack", "start", "waits", "dump"):
        if part in parts:
            figures[part] = getattr(MODULES.get(part, bench_measure), part)(build, rounds)
            print(f"\n### {figures[part].pop('title')}\n")
            for name, value in figures[part].items():
                print(f"* {name}: {value}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
