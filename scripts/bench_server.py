"""What servers cost that do little but wait: nginx under wrk, redis under redis-benchmark, without and with limpet.

Requests a second differ by a tenth between equal runs on a shared machine. So both servers run at once, on one
processor in turns of some milliseconds, and what is compared is requests for each second of their own time.
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


class Nginx:
    name = "nginx under wrk"

    @staticmethod
    @contextlib.contextmanager
    def started(place: pathlib.Path, port: int, extra: dict[str, str]):
        """The worker's id."""
        place.mkdir(exist_ok=True)
        place.chmod(0o777)
        (place / "index.html").write_text("a page\n" * 20)
        (place / "nginx.conf").write_text(CONFIGURATION.format(place=place, port=port))
        master = subprocess.Popen(["nginx", "-p", str(place), "-c", str(place / "nginx.conf")],
                                  env={**os.environ, **extra})
        with ended(master):
            ask = ["curl", "--silent", "--fail", "--output", os.devnull, "--retry", "20", "--retry-connrefused",
                   "--retry-delay", "1", f"http://127.0.0.1:{port}/"]
            subprocess.run(ask, check=True)
            yield int(pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()[0])

    @staticmethod
    def client(port: int) -> list[str]:
        return ["wrk", "-t1", "-c32", f"-d{SECONDS}", f"http://127.0.0.1:{port}/"]

    @staticmethod
    def requests_in(said: str) -> int:
        found = re.search(r"(\d+) requests in", said)
        if found is None or "Non-2xx" in said:
            raise Failed(f"wrk: {said}")
        return int(found.group(1))


class Redis:
    name = "redis under redis-benchmark"
    requests = 60_000  # of each kind

    @staticmethod
    @contextlib.contextmanager
    def started(place: pathlib.Path, port: int, extra: dict[str, str]):
        place.mkdir(exist_ok=True)
        server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--dir", str(place)],
                                  env={**os.environ, **extra}, stdout=subprocess.DEVNULL)
        with ended(server):
            ping = ["redis-cli", "-p", str(port), "ping"]
            while subprocess.run(ping, capture_output=True, text=True).stdout != "PONG\n":
                if server.poll() is not None:
                    raise Failed(f"redis-server on port {port} ended")
            yield server.pid

    @staticmethod
    def client(port: int) -> list[str]:
        return ["redis-benchmark", "-p", str(port), "-q", "-n", str(Redis.requests), "-c", "32", "-t", "set,get"]

    @staticmethod
    def requests_in(said: str) -> int:
        kinds = len(re.findall(r"requests per second, p50", said))
        if kinds != 2:
            raise Failed(f"redis-benchmark: {said}")
        return kinds * Redis.requests


def served(kind, build: pathlib.Path, place: pathlib.Path, rounds: int) -> str:
    """Requests for a second of the server's time: with limpet over without, the median and its standard error."""
    place.chmod(0o777)  # nginx' workers are another user
    sides = [("plain", {}), ("traced", settings(build, place))]
    quotients = [compare_once(kind, place, sides if run % 2 == 0 else sides[::-1])
                 for run in range(rounds * RUNS_IN_A_ROUND)]
    error = 1.25 * statistics.stdev(quotients) / len(quotients) ** 0.5
    return f"{statistics.median(quotients):.3f} +- {error:.3f} ({len(quotients)} runs)"


def compare_once(kind, place: pathlib.Path, sides) -> float:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(kind.started(place / name, port, extra))
                   for (name, extra), port in zip(sides, PORTS)]
        for process in servers:
            os.sched_setaffinity(process, {SERVER_CPU})
        before = [own_seconds(process) for process in servers]
        requests = load(kind)
        spent = [own_seconds(process) - start for process, start in zip(servers, before)]
    rates = {name: count / seconds for (name, _), count, seconds in zip(sides, requests, spent)}
    return rates["traced"] / rates["plain"]


@contextlib.contextmanager
def ended(process: subprocess.Popen):
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def own_seconds(process: int) -> float:
    return int(pathlib.Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def load(kind) -> list[int]:
    """How many requests each of the servers answered."""
    clients = [subprocess.Popen(["taskset", "-c", str(CLIENT_CPU), *kind.client(port)], stdout=subprocess.PIPE, text=True)
               for port in PORTS]
    return [kind.requests_in(client.communicate()[0]) for client in clients]
