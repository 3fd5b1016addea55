"""What is run: our own loops, and real programs at real work."""

import pathlib
import subprocess
from dataclasses import dataclass, field

LOOPS = ("pairs", "newdelete", "replace", "deep", "maps", "prodcons", "realloc", "stacks", "live")

SQL = """
create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
  insert into t select i, 'name of row ' || i, i * 1.5 from n;
create index by_name on t(name);
select count(*), sum(value), max(name) from t where name like '%7%';
select group_concat(substr(name, 13)) from (select name from t order by value desc limit 1000);
delete from t where id % 3 = 0;
select count(*) from t a join t b on a.id = b.id + 1;
"""

PYTHON = """
import json, re
rows = [{'id': i, 'name': 'row %d' % i, 'tags': [str(i + j) for j in range(5)]} for i in range(ROWS)]
text = json.dumps(rows)
back = json.loads(text)
words = {}
for word in re.findall(r'[a-z]+|[0-9]+', text):
    words[word] = words.get(word, 0) + 1
print(len(text), len(back), len(words))
"""

SOURCE = """
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
template <int N> struct Table { std::map<std::string, std::vector<int>> of; std::unordered_map<int, std::string> names; };
template <int N> int Fill() { Table<N> t; t.of["a"].push_back(N); t.names[N] = "n"; return static_cast<int>(t.of.size()) + Fill<N - 1>(); }
template <> int Fill<0>() { return 0; }
int main() { std::regex r("a+b"); std::cout << Fill<DEPTH>() << std::regex_match("aab", r) << std::endl; }
"""


@dataclass(frozen=True)
class Workload:
    """`{work}` in a word is a folder of its own, in which `files` lie."""

    name: str
    command: list[str]
    small: list[str] = field(default_factory=list)  # a hundredth or so, for callgrind
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    client: list[str] = field(default_factory=list)  # the command is a server; this is timed
    stop: list[str] = field(default_factory=list)  # and this ends it

    @property
    def has_small(self) -> bool:
        return bool(self.small)


def compiler_proper() -> str:
    return subprocess.run(["g++", "-print-prog-name=cc1plus"], check=True, capture_output=True,
                          text=True).stdout.strip()


def workloads(build: pathlib.Path) -> list[Workload]:
    program = str(build / "tests" / "bench" / "workloads")
    loops = [Workload(name, [program, name, "25"], [program, name, "1"]) for name in LOOPS]
    sqlite = ["sqlite3", "-bail", ":memory:", ".read {work}/SIZE.sql"]
    python = ["/usr/bin/python3", "{work}/SIZE.py"]
    # The compiler proper: heaptrack would leave the driver's children alone. Never into /dev/null: a
    # compiler that dies removes its output.
    compiler = [compiler_proper(), "-quiet", "-imultiarch", "x86_64-linux-gnu", "-O1", "-DDEPTH=SIZE",
                "{work}/source.cc", "-o", "{work}/out.s"]
    port = "7391"

    def sized(command: list[str], size: str) -> list[str]:
        return [word.replace("SIZE", size) for word in command]

    return loops + [
        Workload("sqlite3", sized(sqlite, "300000"), sized(sqlite, "3000"),
                 files={f"{rows}.sql": SQL.replace("{rows}", rows) for rows in ("300000", "3000")}),
        Workload("python3", sized(python, "60000"), sized(python, "600"),
                 environment={"PYTHONMALLOC": "malloc"},
                 files={f"{rows}.py": PYTHON.replace("ROWS", rows) for rows in ("60000", "600")}),
        Workload("cc1plus", sized(compiler, "60"), [], files={"source.cc": SOURCE}),
        Workload("redis", ["redis-server", "--port", port, "--save", "", "--daemonize", "no"],
                 files={},
                 client=["redis-benchmark", "-p", port, "-q", "-n", "150000", "-P", "16", "-r", "100000",
                         "-d", "200", "-t", "set,get,lpush,hset"],
                 stop=["redis-cli", "-p", port, "shutdown", "nosave"]),
    ]
