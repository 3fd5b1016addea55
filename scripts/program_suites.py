"""The test suites of own_suites.py that have no server, and the list of all."""

import pathlib
import random
import re
import subprocess
import xml.etree.ElementTree

from server_suites import Nginx, Postgres, Redis
from suite_base import Missing, Outcomes, Suite, hash_of, need, outcome_of
from suite_side import Side, wait_for


class Cpython(Suite):
    """Debian's own interpreter, with the tests of processes, threads, signals and memory."""

    name = "cpython"
    modules = ["test_threading", "test_signal", "test_subprocess", "test_os", "test_mmap", "test_fork1",
               "test_multiprocessing_fork", "test_socket"]
    # A virtual machine has /dev/vsock, and often nobody behind it: the test waits for an answer forever.
    left_out = ["test.test_socket.ThreadedVSOCKSocketStreamTest.*"]
    seconds = 420

    def prepare(self, work: pathlib.Path):
        if not all(pathlib.Path(f"/usr/lib/python3.11/test/{name}.py").is_file() for name in self.modules):
            raise Missing("libpython3.11-testsuite is not installed: scripts/setup.sh --long installs it")

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        found = folder / "tests.xml"
        modules = {name.split(".")[1] for name in tests if name.count(".") > 1} if tests else self.modules
        chosen = [word for name in tests or () for word in ("-m", name)]
        status, said = side.run(["/usr/bin/python3", "-m", "test", "-j2", "--timeout", "150", "--tempdir", str(folder),
                                 "--junit-xml", str(found), *(f"--ignore={name}" for name in self.left_out), *chosen,
                                 *sorted(modules)], folder, self.seconds)
        (side.work / f"cpython-{side.name}.log").write_text(said)
        outcomes = dict(self.read(found)) if found.is_file() else {}
        # A module that dies says nothing of its tests.
        for module, trouble in re.findall(r"\] (test_\w+) ((?:crashed|timed out|env changed)[^\n-]*)", said):
            outcomes[f"all of {module}"] = re.sub(r"\(.*?(Exit code -?\d+)?\)", r"\1", trouble).strip()
        if status is None or not outcomes:
            outcomes["the run"] = f"{outcome_of(status)}: {said[-300:]}"
        return outcomes

    @staticmethod
    def read(found: pathlib.Path):
        for case in xml.etree.ElementTree.parse(found).iter("testcase"):
            trouble = next((child.tag for child in case if child.tag in ("error", "failure", "skipped")), "ok")
            yield case.get("name"), trouble


class Sqlite(Suite):
    """A gigabyte of statements from a seed; what is answered and what lies in the file must be the same."""

    name = "sqlite"
    seconds = 400

    def __init__(self, share: float):
        self.bytes = int((1 << 30) * share)

    def prepare(self, work: pathlib.Path):
        need("sqlite3")

    def run(self, side: Side, folder: pathlib.Path, tests: list[str] | None) -> Outcomes:
        database, answers = folder / "data.db", folder / "answers"
        with answers.open("wb") as output:
            shell = side.start(["/usr/bin/sqlite3", str(database)], folder, stdin=subprocess.PIPE, stdout=output)
            try:
                statements = self.feed(shell)
                shell.stdin.close()
            except BrokenPipeError:
                statements = 0
            status = wait_for(shell, self.seconds)
        lines = answers.read_bytes().splitlines()
        print(f"  sqlite {side.name}: {statements} statements, {len(lines)} answers", flush=True)
        is_whole = len(lines) > 2 and lines[-2] == b"ok"
        return {"the shell": outcome_of(status) if statements else "refused its script",
                "the answers": hash_of(lines) if is_whole else f"{len(lines)}, the integrity check fails",
                "the database": hash_of(database.read_bytes().splitlines()) if database.is_file() else "none"}

    def feed(self, shell: subprocess.Popen) -> int:
        """How many statements."""
        chance = random.Random(1)
        write = shell.stdin.write
        write(b".bail on\nPRAGMA journal_mode=WAL;\nPRAGMA synchronous=OFF;\nCREATE TABLE t(id INTEGER PRIMARY KEY, "
              b"n INTEGER, s TEXT, b BLOB);\nCREATE INDEX t_n ON t(n);\nBEGIN;\n")
        text = chance.randbytes(1 << 20).hex().encode()
        sent = count = 0
        while sent < self.bytes:
            count += 1
            for statement in self.statements(chance, text, count):
                write(statement)
                sent += len(statement)
        write(b"COMMIT;\nPRAGMA integrity_check;\nSELECT count(*), sum(n), sum(length(b)) FROM t;\n")
        return count

    @staticmethod
    def statements(chance: random.Random, text: bytes, count: int):
        size, begin = chance.choice((40, 400, 4000, 40000)), chance.randrange(1 << 20)
        blob = text[begin:begin + size]
        what = count % 8
        row = chance.randrange(count)
        if what < 5:
            yield b"INSERT INTO t(n, s, b) VALUES(%d, '%s', X'%s');\n" % (row, blob[:60], blob[:len(blob) & ~1])
        elif what == 5:
            yield b"UPDATE t SET n = n + 1, s = '%s' WHERE id = %d;\n" % (blob, row)
        elif what == 6:
            yield b"DELETE FROM t WHERE id BETWEEN %d AND %d;\n" % (row, row + 2)
        else:
            yield (b"SELECT count(*), sum(n), max(s), hex(substr(group_concat(b), 1, 50)) FROM (SELECT * FROM t "
                   b"WHERE n BETWEEN %d AND %d ORDER BY id LIMIT 200);\n" % (row, row + 500))
        if count % 5000 == 0:
            yield b"COMMIT;\nBEGIN;\n"


def suites(share: float) -> list[Suite]:
    return [Cpython(), Sqlite(share), Redis(), Postgres(share), Nginx(share)]
