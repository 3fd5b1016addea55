"""Who is measured: each a way to start a program, and what its times are divided by."""

import pathlib
import shutil
from dataclasses import dataclass, field

JEMALLOC = "libjemalloc.so.2"
TCMALLOC = "libtcmalloc.so.4"
SAMPLE_BYTES = 524288


@dataclass(frozen=True)
class Contender:
    """`{out}` in a value is a fresh folder for what the tool writes."""

    name: str
    base: str
    environment: dict[str, str] = field(default_factory=dict)
    # Set beside the others for the run that measures the output.
    at_exit: dict[str, str] = field(default_factory=dict)
    writes: str = ""  # glob of the files that are its output
    reader: tuple[str, ...] = ()  # a program that reads {out}/pipe while the traced one writes it


def heaptrack_library() -> str:
    found = sorted(pathlib.Path("/usr/lib").glob("**/libheaptrack_preload.so"))
    return str(found[0]) if found else ""


def heaptrack_interpreter() -> str:
    found = sorted(pathlib.Path("/usr/lib").glob("**/heaptrack_interpret"))
    return str(found[0]) if found else ""


def contenders(build: pathlib.Path) -> list[Contender]:
    limpet = str(build / "preload" / "liblimpet.so")
    forwarder = str(build / "tests" / "bench" / "libforwarder.so")
    traced = {"LD_PRELOAD": limpet, "LIMPET_DIR": "{out}", "LIMPET_RUNTIME_DIR": "{out}/segments"}
    at_exit = {"LIMPET_DUMP_AT_EXIT": "1"}
    profiles = "**/2*.heap.pb.gz"
    heaptrack = {"LD_PRELOAD": heaptrack_library()}
    return [
        Contender("none", "none"),
        Contender("forwarder", "none", {"LD_PRELOAD": forwarder}),
        Contender("limpet", "none", traced, at_exit, profiles),
        Contender("jemalloc", "jemalloc", {"LD_PRELOAD": JEMALLOC}),
        Contender("jemalloc-prof", "jemalloc",
                  {"LD_PRELOAD": JEMALLOC, "MALLOC_CONF": "prof:true,lg_prof_sample:19"},
                  {"MALLOC_CONF": "prof:true,lg_prof_sample:19,prof_final:true,prof_prefix:{out}/je"},
                  "je*.heap"),
        Contender("forwarder-jemalloc", "jemalloc", {"LD_PRELOAD": f"{forwarder} {JEMALLOC}"}),
        Contender("limpet-jemalloc", "jemalloc",
                  {**traced, "LD_PRELOAD": f"{limpet} {JEMALLOC}"}, at_exit, profiles),
        Contender("tcmalloc", "tcmalloc", {"LD_PRELOAD": TCMALLOC}),
        Contender("tcmalloc-sampling", "tcmalloc",
                  {"LD_PRELOAD": TCMALLOC, "TCMALLOC_SAMPLE_PARAMETER": str(SAMPLE_BYTES)}),
        Contender("limpet-exact", "none", {**traced, "LIMPET_SAMPLE_BYTES": "1"}, at_exit, profiles),
        Contender("heaptrack-preload", "none",
                  {**heaptrack, "DUMP_HEAPTRACK_OUTPUT": "{out}/raw"}, {}, "raw*"),
        Contender("heaptrack", "none", {**heaptrack, "DUMP_HEAPTRACK_OUTPUT": "{out}/pipe"}, {},
                  "heaptrack.zst", (heaptrack_interpreter(), shutil.which("zstd") or "gzip")),
    ]
