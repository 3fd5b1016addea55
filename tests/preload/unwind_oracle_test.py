#!/usr/bin/env python3
"""Every walk inside real programs names the callers that libunwind names.

usage: unwind_oracle_test.py LIBLIMPET_ORACLE

Runs each program under a copy of the preload library that walks every sampled stack three times:
incrementally, in full, and by libunwind. The programs do real work; one that is not installed is
left out, but all together must give at least 50,000 walks without a difference.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

WANTED_WALKS = 50_000
TIMEOUT_S = 60
MUST_BE_ZERO = ("incremental_differences", "oracle_differences", "not_found")

CPP_SOURCE = """
#include <algorithm>
#include <map>
#include <string>
#include <vector>
std::map<std::string, std::vector<int>> table;
int Sum() {
  int sum = 0;
  for (auto& [name, numbers] : table) {
    std::sort(numbers.begin(), numbers.end());
    for (int number : numbers) sum += number;
  }
  return sum;
}
"""

PYTHON_SOURCE = """
import json, re, threading
def work():
    for i in range(40):
        text = json.dumps({str(k): [k, k * 0.5, None] for k in range(60)})
        assert len(json.loads(text)) == 60
        re.sub(r'([0-9]+)', lambda match: match.group(1) * 2, text)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

SQL_SOURCE = """
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
  insert into t select i, 'row ' || i, i * 0.5 from n;
create index tb on t(b);
select count(*), sum(c), max(b) from t where b like 'row 1%' group by a % 7 order by 1;
select json_group_array(b) from t where a < 100;
"""

JAVA_SOURCE = """
import java.util.*;
public class Work {
  static String step(int i) { return String.join(",", Collections.nCopies(i % 17, "x" + i)); }
  public static void main(String[] arguments) throws Exception {
    Map<String, Integer> counts = new TreeMap<>();
    Thread[] threads = new Thread[4];
    for (int t = 0; t < threads.length; ++t) {
      threads[t] = new Thread(() -> { for (int i = 0; i < 20000; ++i) step(i); });
      threads[t].start();
    }
    for (int i = 0; i < 50000; ++i) counts.merge(step(i), 1, Integer::sum);
    for (Thread thread : threads) thread.join();
    for (int i = 0; i < 200; ++i) {
      java.util.zip.Deflater deflater = new java.util.zip.Deflater();
      deflater.setInput(step(i).getBytes()); deflater.finish();
      deflater.deflate(new byte[256]); deflater.end();
    }
    System.out.println(counts.size());
  }
}
"""


class Oracle:
    def __init__(self, library, directory):
        self.library = library
        self.directory = directory
        self.log = None

    def file(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def start_program(self, name):
        self.log = self.file(name + ".log")

    def environment(self):
        return dict(os.environ, LD_PRELOAD=self.library, LIMPET_ORACLE_LOG=self.log,
                    LIMPET_SAMPLE_BYTES="64", LIMPET_RUNTIME_DIR=self.directory + "/segments",
                    PYTHONMALLOC="malloc", PYTHONDONTWRITEBYTECODE="1")

    def run(self, command, **options):
        return subprocess.run(command, env=self.environment(), timeout=TIMEOUT_S, check=True,
                              stdout=subprocess.DEVNULL, **options)

    def tally(self):
        """Sums over the processes of one program: (fields, first lines about differences)."""
        fields, remarks = {}, []
        if not os.path.exists(self.log):
            return fields, remarks
        with open(self.log, encoding="utf-8") as file:
            for line in file:
                if not line.startswith("tally "):
                    remarks.append(line.rstrip())
                    continue
                for name, number in re.findall(r"(\w+)=(\d+)", line):
                    fields[name] = fields.get(name, 0) + int(number)
        return fields, remarks[:60]


def run_cc1plus(oracle):
    command = subprocess.run(["g++", "-O1", "-g", "-std=c++20", "-S", "-###", "-o", oracle.file("a.s"),
                              oracle.file("a.cc", CPP_SOURCE)], capture_output=True, text=True,
                             check=True).stderr
    line = next(line for line in command.splitlines() if "cc1plus" in line)
    import shlex
    oracle.run(shlex.split(line) + ["-quiet"], stderr=subprocess.DEVNULL)


def run_python3(oracle):
    oracle.run(["/usr/bin/python3", "-c", PYTHON_SOURCE])


def run_sqlite3(oracle):
    oracle.run(["sqlite3", ":memory:"], input=SQL_SOURCE.encode())


def run_java(oracle):
    if shutil.which("javac") is None:
        return
    subprocess.run(["javac", "-d", oracle.directory, oracle.file("Work.java", JAVA_SOURCE)], check=True)
    oracle.run(["java", "-Xmx128m", "-cp", oracle.directory, "Work"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("redis-server does not listen")


def run_redis(oracle):
    port = free_port()
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1",
                               "--dir", oracle.directory],
                              env=oracle.environment(), stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        subprocess.run(["redis-benchmark", "-p", str(port), "-n", "3000", "-q", "-r", "500", "-t",
                        "set,get,lpush,sadd,hset,zadd,lrange_100,mset"], check=True, timeout=TIMEOUT_S,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["redis-cli", "-p", str(port), "shutdown", "nosave"], check=True,
                       timeout=TIMEOUT_S)
        assert server.wait(TIMEOUT_S) == 0, "redis-server ends well"
    finally:
        server.kill()


PROGRAMS = {"cc1plus": ("g++", run_cc1plus), "python3": ("python3", run_python3),
            "sqlite3": ("sqlite3", run_sqlite3), "java": ("java", run_java),
            "redis-server": ("redis-server", run_redis)}


def main():
    total, failures = 0, []
    columns = ["walks", "resumed", "untabled", "oracle_shorter", *MUST_BE_ZERO]
    print("program".ljust(14) + "".join(name.rjust(25) for name in columns))
    for name, (needed, run) in PROGRAMS.items():
        if shutil.which(needed) is None:
            print(f"{name.ljust(14)}not installed")
            continue
        with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="limpet-oracle-") as directory:
            oracle = Oracle(sys.argv[1], directory)
            os.mkdir(directory + "/segments", 0o700)
            oracle.start_program(name)
            run(oracle)
            fields, remarks = oracle.tally()
        print(name.ljust(14) + "".join(str(fields.get(column, 0)).rjust(25) for column in columns))
        total += fields.get("walks", 0)
        if not fields or any(fields[field] != 0 for field in MUST_BE_ZERO):
            failures.append(name)
            print("\n".join(remarks))
    print(f"{total} walks, {len(failures)} programs with differences {failures}")
    return 1 if failures or total < WANTED_WALKS else 0


if __name__ == "__main__":
    sys.exit(main())
