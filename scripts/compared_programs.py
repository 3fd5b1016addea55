"""The real programs that compare_programs.py runs, what work each does, and what its profile shows."""

import http.client
import pathlib
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from compiled_programs import cgo_steps, errno_steps, rust_steps
from program_run import Step, wait_for, write


@dataclass
class Program:
    """`steps` prepares a fresh folder and says what to run there."""

    name: str
    steps: Callable[[pathlib.Path], list[Step]]
    executable: str                       # whose profile is looked at
    functions: list[str]                  # regular expressions: each names a function of the profile
    ask: str = "exit"                     # how the profile is asked for: exit, signal, dump
    masks: list[tuple[str, str]] = field(default_factory=list)  # what differs from run to run anyway
    ignored: str = r"(?!)"                # facts that differ from run to run anyway
    files: list[str] = field(default_factory=list)              # results to compare, by name
    environment: dict[str, str] = field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- redis: a fork for the snapshot, background threads, a client's commands.


def redis_cli(port: int, *words: str) -> str:
    return subprocess.run(["redis-cli", "-p", str(port), *words], check=True, capture_output=True,
                          text=True, timeout=30).stdout


def use_redis(port: int) -> str:
    wait_for("redis-server to listen", lambda: answers(port))
    subprocess.run(["redis-benchmark", "-p", str(port), "-q", "-n", "20000", "-P", "8", "-t",
                    "set,lpush,hset", "-d", "400"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    said = [redis_cli(port, *line.split()) for line in (
        "dbsize", "llen mylist", "hlen myhash", "eval return{1,2,redis.call('dbsize')} 0",
        "nonsense", "rename none other", "bgsave")]
    wait_for("the snapshot", lambda: "rdb_bgsave_in_progress:0" in redis_cli(port, "info", "persistence"))
    said.append(redis_cli(port, "info", "persistence").split("rdb_last_bgsave_status:")[1][:2])
    return "".join(said)


def redis_steps(folder: pathlib.Path) -> list[Step]:
    port = free_port()
    return [Step(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
                  "--save", "", "--io-threads", "2", "--hz", "1"],
                 is_gated=True, work=lambda: use_redis(port), stop_signal=signal.SIGTERM)]


# --- nginx: a master that changes users, workers, a reload.

NGINX_CONFIGURATION = """
    daemon off;
    worker_processes 2;
    pid {folder}/nginx.pid;
    error_log {folder}/error.log;
    events {{ worker_connections 64; }}
    http {{
      access_log {folder}/access.log;
      client_body_temp_path {folder}/body;
      proxy_temp_path {folder}/proxy;
      fastcgi_temp_path {folder}/fastcgi;
      uwsgi_temp_path {folder}/uwsgi;
      scgi_temp_path {folder}/scgi;
      gzip on; gzip_types *; gzip_min_length 1;
      server {{
        listen 127.0.0.1:{port};
        root {folder}/site;
        location /loop/ {{ proxy_pass http://127.0.0.1:{port}/; }}
      }}
    }}
"""


def fetch(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    kept = [header for header in answer.getheaders() if header[0] not in ("Date", "Last-Modified", "ETag")]
    return f"{path}: {answer.status} {kept} {len(answer.read())} bytes\n"


def use_nginx(port: int, folder: pathlib.Path) -> str:
    wait_for("nginx to listen", lambda: answers(port))
    said = "".join(fetch(port, path) for path in ("/big", "/none", "/loop/big") for _ in range(100))
    # A reload starts new workers and ends the old ones.
    subprocess.run(["kill", "-HUP", (folder / "nginx.pid").read_text().strip()], check=True)
    time.sleep(1)
    return said + "".join(fetch(port, "/loop/big") for _ in range(100))


def nginx_steps(folder: pathlib.Path) -> list[Step]:
    port = free_port()
    (folder / "site").mkdir()
    write(folder / "site" / "big", "all work and no play\n" * 5000)
    write(folder / "nginx.conf", NGINX_CONFIGURATION.format(folder=folder, port=port))
    return [Step(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf")], is_gated=True,
                 work=lambda: use_nginx(port, folder), stop_signal=signal.SIGQUIT)]


# --- Interpreters: threads, children, fork, files; then they wait for the end of their input.

PYTHON_SCRIPT = """
    import concurrent.futures, hashlib, json, os, signal, sqlite3, subprocess, sys
    def fill(number):
        base = sqlite3.connect(":memory:")
        base.execute("create table t (a integer, b text)")
        base.executemany("insert into t values (?, ?)", ((i, str(i) * 20) for i in range(3000)))
        return base.execute("select count(*), sum(a), max(b) from t").fetchone()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(list(pool.map(fill, range(8))))
    print(subprocess.run(["/bin/sh", "-c", "echo child; exit 3"], capture_output=True))
    pid = os.fork()
    if pid == 0:
        kept = [bytes(1000) for _ in range(10000)]
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    text = json.dumps({str(i): list(range(50)) for i in range(2000)})
    print(hashlib.sha256(json.dumps(json.loads(text)).encode()).hexdigest())
    print([signal.getsignal(n) for n in (signal.SIGUSR2, signal.SIGINT, signal.SIGCHLD)])
    try:
        bytearray(1 << 62)
    except MemoryError as error:
        print(repr(error))
    try:
        os.wait()
    except ChildProcessError as error:
        print(error)
    print("ready", flush=True)
    sys.stdin.read()
"""

NODE_SCRIPT = """
    const {Worker} = require('worker_threads');
    const crypto = require('crypto');
    const {execFileSync} = require('child_process');
    console.log(execFileSync('/bin/sh', ['-c', 'echo child']).toString());
    const map = new Map();
    for (let i = 0; i < 100000; i++) map.set('key' + i, {i, text: 'x'.repeat(i % 100)});
    console.log(crypto.createHash('sha256').update(JSON.stringify([...map])).digest('hex'));
    const blocks = [];
    for (let i = 0; i < 200; i++) blocks.push(Buffer.alloc(100000, i));
    console.log(crypto.createHash('sha256').update(Buffer.concat(blocks)).digest('hex'));
    const worker = new Worker('require("worker_threads").parentPort.postMessage(6 * 7)', {eval: true});
    worker.on('message', (answer) => console.log(answer));
    worker.on('exit', (code) => {
      console.log(code, 'ready');
      process.stdin.on('end', () => process.exit(4)).resume();
    });
"""

JAVA_SOURCE = """
    import java.util.*;
    import java.util.zip.*;
    public class Main {
      public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        long[] sums = new long[4];
        for (int t = 0; t < 4; t++) {
          final int n = t;
          threads.add(new Thread(() -> {
            for (int i = 0; i < 200; i++) {
              Deflater deflater = new Deflater();
              deflater.setInput(new byte[10000 + n]);
              deflater.finish();
              sums[n] += deflater.deflate(new byte[20000]);
              deflater.end();
            }
          }));
        }
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
        System.out.println(Arrays.toString(sums));
        Process child = new ProcessBuilder("/bin/sh", "-c", "exit 5").start();
        System.out.println(child.waitFor());
        System.out.println("ready");
        System.in.read();
        System.exit(6);
      }
    }
"""


def script_steps(command: list[str], name: str, text: str):
    def steps(folder: pathlib.Path) -> list[Step]:
        return [Step([*command, str(write(folder / name, text))], is_gated=True, marker="ready")]
    return steps


def java_steps(folder: pathlib.Path) -> list[Step]:
    write(folder / "Main.java", JAVA_SOURCE)
    # A fixed number of the virtual machine's own threads, so that they can be compared.
    return [Step(["javac", "Main.java"]),
            Step(["java", "-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads", "-cp", ".", "Main"],
                 is_gated=True, marker="ready")]


# --- Tools of one command after another.

GIT_ENVIRONMENT = {
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (
        ("NAME", "a"), ("EMAIL", "a@example.com"), ("DATE", "2024-01-01T00:00:00Z"))},
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_PAGER": "cat", "LC_ALL": "C",
}


def git_steps(folder: pathlib.Path) -> list[Step]:
    (folder / "one").mkdir()
    for number in range(200):
        write(folder / "one" / f"file{number}", f"line {number}\n" * 200)
    lines = ["init -q -b main one", "-C one add .", "-C one commit -qm first", "-C one rm -q file1 file2",
             "-C one commit -qm second", "clone -q --no-hardlinks one two", "-C two log --stat --oneline",
             "-C two diff HEAD~1 --stat", "-C two gc -q", "-C two fsck --strict", "-C two status",
             "-C two checkout nowhere", "-C two count-objects"]
    return [*(Step(["git", *line.split()]) for line in lines),
            Step(["git", "-C", "two", "cat-file", "--batch"], text="HEAD\nHEAD^{tree}\nnone\n",
                 is_gated=True, marker="none missing")]


C_SOURCE = "".join(f"struct s{i} {{ int a[{i + 1}]; }};\nint f{i}(struct s{i}* s, int n) "
                   f"{{ int t = 0; for (int i = 0; i < n; i++) t += s->a[i % {i + 1}]; return t; }}\n"
                   for i in range(300))
CXX_SOURCE = """
#include <algorithm>
#include <map>
#include <string>
#include <vector>
int count(const std::vector<std::string>& words) {
  std::map<std::string, int> seen;
  for (const auto& word : words) seen[word]++;
  return std::max_element(seen.begin(), seen.end())->second;
}
"""


def compiler_steps(command: str, language: str, source: str):
    def steps(folder: pathlib.Path) -> list[Step]:
        bad = write(folder / "bad.c", "int main(void) { return x; }\n")
        return [Step([command, "-c", str(bad), "-o", "bad.o"]),
                # The compiler proper reads what it gets and waits for the rest.
                Step([command, "-O2", "-x", language, "-c", "-", "-o", "good.o"], text=source,
                     is_gated=True)]
    return steps


SQLITE_SCRIPT = """
    create table t (a integer primary key, b text, c real);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
      insert into t select i, printf('%08d', i * 7919 % 20000), i / 7.0 from n;
    create index i on t (b, c);
    select count(*), sum(a), max(b) from t;
    select b, count(*) over (order by b) from t order by c desc limit 5;
    select nothing;
    pragma integrity_check;
    select 'ready';
"""


def sqlite_steps(folder: pathlib.Path) -> list[Step]:
    script = textwrap.dedent(SQLITE_SCRIPT)
    return [Step(["sqlite3", str(folder / "base.db")], text=script, is_gated=True, marker="ready")]


def openssl_steps(folder: pathlib.Path) -> list[Step]:
    write(folder / "plain", "attack at dawn\n" * 100000)
    lines = ["genrsa -out key.pem 2048", "rsa -in key.pem -check -noout", "dgst -sha256 plain",
             "req -x509 -key key.pem -subj /CN=a -days 3 -out cert.pem", "x509 -in cert.pem -noout -subject",
             "enc -aes-256-cbc -pbkdf2 -pass pass:a -S 0102030405060708 -in plain -out cipher",
             "enc -d -aes-256-cbc -pbkdf2 -pass pass:a -in none -out plain2", "list -digest-algorithms"]
    return [*(Step(["openssl", *line.split()]) for line in lines),
            Step(["openssl", "dgst", "-sha512"], text="part of it", is_gated=True)]


PROGRAMS = (
    Program("redis", redis_steps, "redis-*", [r"zmalloc|ztrymalloc|sdsnew|createObject"],
            ask="signal",
            masks=[(r"(?m)^\d+:[A-Z] \d+ \w+ \d+ [\d:.]+ ", ""), (r"pid=\d+", ""), (r"\b\d+\b", "N")]),
    Program("nginx", nginx_steps, "nginx", [r"ngx_"], ask="dump"),
    Program("python3", script_steps(["/usr/bin/python3"], "script.py", PYTHON_SCRIPT), "python3*",
            [r"_PyMem_RawMalloc|_PyObject_Malloc|PyBytes_|_PyObject_|PyUnicode_", r"sqlite3"], ask="signal",
            environment={"PYTHONMALLOC": "malloc", "PYTHONDONTWRITEBYTECODE": "1"}),
    Program("node", script_steps(["node"], "script.js", NODE_SCRIPT), "node",
            [r"node::|v8::|uv_"], ask="dump"),
    Program("java", java_steps, "java", [r"JLI_|deflateInit|JVM_|Java_java"], ask="dump"),
    Program("git", git_steps, "git", [r"inflateInit2_|deflateInit2_"], environment=GIT_ENVIRONMENT),
    Program("gcc", compiler_steps("gcc", "c", C_SOURCE), "cc1", [r"xmalloc|xcalloc"], files=["good.o"]),
    Program("g++", compiler_steps("g++", "c++", CXX_SOURCE), "cc1plus", [r"xmalloc|xcalloc"],
            files=["good.o"]),
    Program("sqlite3", sqlite_steps, "sqlite3", [r"sqlite3_"], ask="signal"),
    Program("openssl", openssl_steps, "openssl", [r"CRYPTO_(malloc|zalloc)"], files=["cipher"],
            masks=[(r"(?m)^[.+*]+$", ""), (r"(?m)^[0-9A-F]+:error", "error")]),
    Program("rust", rust_steps, "threads", [r"\bthreads::keep_blocks\b"], ask="signal"),
    # How many threads Go's runtime has is chance.
    Program("cgo", cgo_steps, "cgo", [r"_Cfunc_keep_blocks\b", r"\bmain\.main\b"], ask="dump", ignored=r"Threads$"),
    Program("errno", errno_steps, "allocate", [r"main.*allocate|main"]),
)
