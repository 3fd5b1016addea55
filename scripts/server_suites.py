"""The test suites of own_suites.py that ask a server."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from suite_base import Missing, Outcomes, Suite, need, outcome_of
from suite_side import Side, wait_for, wait_until



def write_source_lists(folder: pathlib.Path):
    """Where this machine has its packages from, asked for their sources."""
    folder.mkdir()
    machine = pathlib.Path("/etc/apt")
    for listed in machine.glob("sources.list.d/*.sources"):
        text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", listed.read_text())
        (folder / listed.name).write_text(text)
    for listed in [machine / "sources.list", *machine.glob("sources.list.d/*.list")]:
        if listed.is_file():
            lines = [re.sub(r"^deb ", "deb-src ", line) for line in listed.read_text().splitlines()]
            (folder / f"{listed.stem}.list").write_text("\n".join(lines) + "\n")


class Redis(Suite):
    """The tests of Debian's source package against Debian's installed server."""

    name = "redis"
    # What forks, persists, replicates, ends by signals and frees in threads; the rest for its load.
    files = ["unit/type/string", "unit/type/list", "unit/type/hash", "unit/type/set", "unit/type/zset", "unit/expire",
             "unit/multi", "unit/scripting", "unit/functions", "unit/aofrw", "unit/acl", "unit/lazyfree",
             "unit/shutdown", "unit/introspection", "unit/oom-score-adj", "unit/pubsub", "unit/other",
             "integration/aof", "integration/rdb", "integration/logging", "integration/shutdown",
             "integration/redis-cli", "integration/replication-2", "integration/replication-3", "integration/failover"]
    seconds = 420
    words = {"ok": "ok", "err": "failed", "exception": "exception", "skip": "skipped", "ignore": "skipped",
             "timeout": "timed out"}

    def prepare(self, work: pathlib.Path):
        for command in ("redis-server", "redis-cli", "tclsh", "dpkg-source"):
            need(command)
        self.tree = self.fetch(work)
        for command in ("server", "cli", "benchmark", "check-aof", "check-rdb"):
            (self.tree / "src" / f"redis-{command}").symlink_to(need(f"redis-{command}"))
        (self.tree / "src" / "redis-sentinel").symlink_to(need("redis-server"))

    @staticmethod
    def fetch(work: pathlib.Path) -> pathlib.Path:
        """Sources are sought in lists of our own: the machine's stay as they are."""
        folder = work / "redis"
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache" / "archives" / "partial").mkdir(parents=True)
        write_source_lists(folder / "parts")
        apt = ["apt-get", "-qq", "-o", "Dir::Etc::SourceList=/dev/null", "-o", f"Dir::Etc::SourceParts={folder}/parts",
               "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
        for words in (["update"], ["source", "redis"]):
            done = subprocess.run([*apt, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode != 0:
                raise Missing(f"the source of redis: apt-get {words[0]}: {done.stderr[-300:].strip()}")
        trees = [tree for tree in folder.glob("redis-*") if (tree / "runtest").is_file()]
        if len(trees) != 1:
            raise Missing("the source of redis has no runtest")
        return trees[0]

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        for left in (self.tree / "tests" / "tmp").glob("*"):
            shutil.rmtree(left, ignore_errors=True)
        # Which file a test is from is not said, so alone all files are asked for it.
        only = [word for name in tests or () for word in ("--only", name.partition(" #")[0])]
        files = [word for file in self.files for word in ("--single", file)]
        status, said = side.run(["./runtest", "--clients", "2", *only, *files], self.tree, self.seconds)
        outcomes = self.read(said)
        if status != 0 and all(outcome in ("ok", "skipped") for outcome in outcomes.values()):
            outcomes["the run"] = f"{outcome_of(status)}: {said[-400:]}"
        return outcomes

    @classmethod
    def read(cls, said: str) -> Outcomes:
        outcomes: Outcomes = {}
        for word, name in re.findall(r"^\[(\w+)\]: (.*)$", re.sub(r"\x1b\[[0-9;]*m", "", said), re.MULTILINE):
            if word in cls.words:
                cls.add(outcomes, re.sub(r" \(\d+ ms\)$| in tests/\S+\.tcl$", "", name), cls.words[word])
        return outcomes

    @staticmethod
    def add(outcomes: Outcomes, name: str, outcome: str):
        """Some names come again, for other encodings."""
        number, unique = 1, name
        while unique in outcomes:
            number += 1
            unique = f"{name} #{number}"
        outcomes[unique] = outcome


class Postgres(Suite):
    """A cluster of its own; each transaction of pgbench comes over a connection of its own."""

    name = "postgres"

    def __init__(self, share: float):
        self.seconds = max(int(30 * share), 2)

    def prepare(self, work: pathlib.Path):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise Missing("postgresql is not installed: scripts/setup.sh --long installs it")
        self.bin = found[-1].parent

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"
        outcomes: Outcomes = {}

        def step(name: str, seconds: int, *words: str) -> str:
            status, said = side.run([str(self.bin / words[0]), *words[1:]], folder, seconds, user="postgres")
            outcomes[name] = outcome_of(status)
            return said

        step("initdb", 90, "initdb", "-D", str(data), "-A", "trust", "-N")
        with (folder / "log").open("wb") as log:
            server = side.start([str(self.bin / "postgres"), "-D", str(data), "-k", str(folder), "-h", ""], folder,
                                "postgres", stdout=log)
            ready = wait_until(lambda: b"ready to accept" in (folder / "log").read_bytes(), 60)
            outcomes["start"] = "ok" if ready else "not ready"
            if ready:
                self.bench(side, folder, step, outcomes)
            server.send_signal(signal.SIGINT)
            outcomes["stop"] = outcome_of(wait_for(server, 60))
        errors = re.findall(r"(?:ERROR|FATAL|PANIC|WARNING|was terminated by).*",
                            (folder / "log").read_text(errors="replace"))
        outcomes["server log"] = "; ".join(sorted(set(errors)))[:400] or "ok"
        return outcomes

    def bench(self, side: Side, folder: pathlib.Path, step, outcomes: Outcomes):
        reach = ["-h", str(folder), "postgres"]
        step("pgbench -i", 90, "pgbench", "-i", "-q", "-s", "5", *reach)
        said = step("pgbench -C", self.seconds + 60, "pgbench", "-C", "-n", "-c", "8", "-j", "2", "-T", str(self.seconds),
                    *reach)
        done, refused = (re.search(rf"number of {what}: (\d+)", said)
                         for what in ("transactions actually processed", "failed transactions"))
        print(f"  postgres {side.name}: {done[1] if done else 'no'} transactions, each over a connection of its own",
              flush=True)
        outcomes["transactions"] = "ok" if done and int(done[1]) > 0 else f"none: {said[-300:]}"
        outcomes["failed transactions"] = "ok" if refused and int(refused[1]) == 0 else f"some: {said[-300:]}"
        # What each transaction adds stands in four tables.
        sums = step("psql", 60, "psql", "-XAtc", "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta) AND "
                    "(SELECT sum(bbalance) FROM pgbench_branches) = sum(delta) AND "
                    "(SELECT sum(tbalance) FROM pgbench_tellers) = sum(delta) AND "
                    f"count(*) >= {done[1] if done else 1} FROM pgbench_history", *reach)
        outcomes["sums of the tables"] = "ok" if sums.strip() == "t" else f"differ: {sums.strip()[:200]}"


class Nginx(Suite):
    """A master of root's and workers of www-data, which a reload each second replaces under load."""

    name = "nginx"
    body = b"limpet " * 3000

    def __init__(self, share: float):
        self.seconds = max(int(20 * share), 3)

    def prepare(self, work: pathlib.Path):
        self.nginx = need("nginx")
        if os.geteuid() != 0:
            raise Missing("nginx with workers of another user needs root")

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        port = free_port()
        (folder / "page").write_bytes(self.body)
        (folder / "nginx.conf").write_text(
            f"user www-data; worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/errors warn;\n"
            "events { worker_connections 512; }\n"
            f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {folder}; gzip on; gzip_types *; }} }}\n")
        command = [self.nginx, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf")]
        master = side.start(command, folder)
        outcomes: Outcomes = {"start": "ok" if wait_until(lambda: answers(port), 20) else "no answer"}
        load = Load(port, self.body)
        reloads = []
        ends = time.monotonic() + self.seconds
        while outcomes["start"] == "ok" and time.monotonic() < ends:
            reloads.append(side.run([*command, "-s", "reload"], folder, 30))
            time.sleep(1)
        load.stop()
        master.send_signal(signal.SIGQUIT)
        outcomes["stop"] = outcome_of(wait_for(master, 60))
        print(f"  nginx {side.name}: {load.good} requests, {sum(load.bad.values())} failed, {len(reloads)} reloads",
              flush=True)
        outcomes["requests"] = "ok" if load.good > 0 and not load.bad else f"failed: {load.bad}"
        outcomes |= {f"reload {number}": outcome_of(status) for number, (status, _) in enumerate(reloads, 1)}
        alerts = set(re.findall(r"\[(?:warn|error|crit|alert|emerg)\].*", (folder / "errors").read_text(errors="replace")))
        outcomes["errors logged"] = "; ".join(sorted(re.sub(r"\d+", "N", alert) for alert in alerts))[:400] or "ok"
        return outcomes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Load:
    """Four clients. Each request has a connection of its own, so that none is lost to a worker that closes idle ones."""

    def __init__(self, port: int, body: bytes):
        self.port, self.body = port, body
        self.good, self.bad = 0, {}
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.clients = [threading.Thread(target=self.ask_on) for _ in range(4)]
        for client in self.clients:
            client.start()

    def ask_on(self):
        while not self.ended.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("GET", "/page", headers={"Connection": "close"})
                answer = connection.getresponse()
                trouble = None if answer.read() == self.body else f"status {answer.status}"
                connection.close()
            except (OSError, http.client.HTTPException) as problem:
                trouble = type(problem).__name__
            self.note(trouble)

    def note(self, trouble: str | None):
        with self.lock:
            if trouble:
                self.bad[trouble] = self.bad.get(trouble, 0) + 1
            else:
                self.good += 1

    def stop(self):
        self.ended.set()
        for client in self.clients:
            client.join()
