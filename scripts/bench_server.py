"""What a server costs that does little but wait: nginx under wrk, without and with limpet.

Requests a second differ by a tenth between equal runs on a shared machine. So both servers run at once, their workers
on one processor in turns of some milliseconds, and what is compared is requests for each second of their own time.
That differs by a hundredth with where a process happens to lie in memory: many short runs, the traced one first in turns.
"""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess

from bench_measure import Failed, limpet_library

PORTS = (7392, 7393)
SECONDS = 2
RUNS_IN_A_ROUND = 6
SERVER_CPU, CLIENT_CPU = 0, 1

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {place}/pid;
error_log {place}/errors;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place};
  uwsgi_temp_path {place}; scgi_temp_path {place};
  server {{ listen 127.0.0.1:{port}; root {place}; }}
}}
"""


def settings(build: pathlib.Path, place: pathlib.Path) -> dict[str, str]:
    return {"LD_PRELOAD": limpet_library(build), "LIMPET_DIR": str(place),
            "LIMPET_RUNTIME_DIR": str(place / "segments")}


def served(build: pathlib.Path, place: pathlib.Path, rounds: int) -> str:
    """Requests for a second of the worker's time: with limpet over without, the median and its standard error."""
    place.chmod(0o777)  # the workers are another user
    kinds = [("plain", {}), ("traced", settings(build, place))]
    quotients = [compare_once(place, kinds if run % 2 == 0 else kinds[::-1]) for run in range(rounds * RUNS_IN_A_ROUND)]
    error = 1.25 * statistics.stdev(quotients) / len(quotients) ** 0.5
    return f"{statistics.median(quotients):.3f} +- {error:.3f} ({len(quotients)} runs)"


def compare_once(place: pathlib.Path, kinds) -> float:
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(server(place / name, port, extra)) for (name, extra), port in zip(kinds, PORTS)]
        before = [own_seconds(worker) for worker in workers]
        requests = load(PORTS)
        spent = [own_seconds(worker) - start for worker, start in zip(workers, before)]
    rates = {name: count / seconds for (name, _), count, seconds in zip(kinds, requests, spent)}
    return rates["traced"] / rates["plain"]


@contextlib.contextmanager
def server(place: pathlib.Path, port: int, extra: dict[str, str]):
    """The worker's id."""
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    (place / "index.html").write_text("a page\n" * 20)
    (place / "nginx.conf").write_text(CONFIGURATION.format(place=place, port=port))
    master = subprocess.Popen(["nginx", "-p", str(place), "-c", str(place / "nginx.conf")],
                              env={**os.environ, **extra})
    try:
        ask = ["curl", "--silent", "--fail", "--output", os.devnull, "--retry", "20", "--retry-connrefused",
               "--retry-delay", "1", url_of(port)]
        subprocess.run(ask, check=True)
        worker = int(pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()[0])
        os.sched_setaffinity(worker, {SERVER_CPU})
        yield worker
    finally:
        master.terminate()
        master.wait()


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


def own_seconds(process: int) -> float:
    return int(pathlib.Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def load(ports) -> list[int]:
    """How many requests each of the servers answered."""
    words = ["taskset", "-c", str(CLIENT_CPU), "wrk", "-t1", "-c32", f"-d{SECONDS}"]
    clients = [subprocess.Popen([*words, url_of(port)], stdout=subprocess.PIPE, text=True) for port in ports]
    return [requests_in(client.communicate()[0]) for client in clients]


def requests_in(said: str) -> int:
    found = re.search(r"(\d+) requests in", said)
    if found is None or "Non-2xx" in said:
        raise Failed(f"wrk: {said}")
    return int(found.group(1))
