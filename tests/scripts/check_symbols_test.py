#!/usr/bin/python3
"""Tests of scripts/check_symbols.py: small shared objects, each with one fault, are refused."""

import contextlib
import importlib.util
import io
import pathlib
import subprocess
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
SPEC = importlib.util.spec_from_file_location("check_symbols", SCRIPTS / "check_symbols.py")
check_symbols = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_symbols)

# The smallest object that is right: each entry goes on through a pointer.
GOOD = """
#include <stddef.h>
extern "C" {
#define SHOWN __attribute__((visibility("default")))
extern void* (*volatile next_malloc)(size_t);
void* (*volatile next_malloc)(size_t);
__thread long budget __attribute__((tls_model("initial-exec")));
__attribute__((noinline)) void* MallocSlow(size_t n) { budget = 1; return next_malloc(n + 1); }
SHOWN void* malloc(size_t n) {
  if ((budget -= (long)n) < 0) return MallocSlow(n);
  BODY
  return next_malloc(n);
}
EXTRA
}
"""
MAP = "{ global: malloc; local: *; };"

# What is wrong, code in the hot entry, further code, further flags, words of the message.
VIOLATIONS = (
    ("an export too many", "", "SHOWN void extra() {}", [], "exports 'extra'"),
    ("a forgotten hook", "", "__attribute__((used)) int pthread_cancel(unsigned long) { return 0; }", [],
     "defines 'pthread_cancel'"),
    ("a library too many", "", 'void f(); SHOWN void f() {}', ["-Wl,--no-as-needed", "-lm"], "needs libm.so.6"),
    ("much thread storage", "", "__thread char big[2000]; SHOWN char* f() { return big; }", [],
     "bytes of each thread's static storage"),
    ("tables in the file", "", "SHOWN char table[100000] = {1};", [], "bytes of data that is not zero"),
    ("dynamic thread storage", "", "__thread int late; SHOWN int* f() { return &late; }",
     ["-ftls-model=global-dynamic"], "__tls_get_addr"),
    ("operator new", "", "}\nint* g_p; extern \"C\" { SHOWN void f() { g_p = new int; }", [], "_Znwm"),
    ("free", "", "void free(void*); SHOWN void f(void* p) { free(p); }", [], "calls 'free'"),
    ("a lock", "", "int pthread_mutex_lock(void*); SHOWN void f(void* p) { pthread_mutex_lock(p); }", [],
     "calls 'pthread_mutex_lock'"),
    ("printf", "", "int printf(const char*, ...); SHOWN void f() { printf(\"%d\", 3); }", [],
     "calls 'printf'"),
    ("an exception", "", "SHOWN void f() { throw 1; }", ["-fexceptions"], "__cxa_throw"),
    ("a guarded static", "", "int g(); SHOWN int* f() { static int a = g(); return &a; }", [],
     "__cxa_guard_acquire"),
    ("unwinding", "", "void _Unwind_Resume(void*); SHOWN void f() { _Unwind_Resume(0); }", [],
     "calls '_Unwind_Resume'"),
    ("a newer libc", "", "double pow(double, double); void* _dl_find_object(void*, void*);"
     "SHOWN void f() { _dl_find_object(0, 0); }", [], "needs GLIBC_2.35"),
    ("a private symbol", "", "extern char** _dl_argv; SHOWN char** f() { return _dl_argv; }", [],
     "GLIBC_PRIVATE"),
    ("a run path", "", "", ["-Wl,-rpath,/opt"], "dynamic tag RUNPATH"),
    ("an executable stack", "", "", ["-Wl,-z,execstack"], "stacks executable"),
    ("a call by PLT in a hot entry", "next_malloc(getpid());", "", ["-DUSES_GETPID"], "leads to 'getpid@plt'"),
    ("a call by GOT in a hot entry", "next_malloc(getpid());", "", ["-DUSES_GETPID", "-fno-plt"],
     "leads to 'getpid'"),
    ("a call of a warm function", "Warm();", "", ["-DUSES_WARM"], "leads to 'Warm"),
    ("no way to the real function", "return 0;", "", [], "never reaches the real function"),
)


def build(folder: pathlib.Path, body: str = "", extra: str = "", flags: list[str] = ()) -> pathlib.Path:
    source, library = folder / "toy.cc", folder / "toy.so"
    before = ""
    if "-DUSES_GETPID" in flags:
        before = 'extern "C" int getpid();\n'
    if "-DUSES_WARM" in flags:
        before = 'extern "C" { int g_warm; __attribute__((noinline)) void Warm() { g_warm++; } }\n'
    source.write_text(before + GOOD.replace("BODY", body).replace("EXTRA", extra))
    (folder / "exports.map").write_text(MAP)
    # -nostdlib: the driver would add libstdc++; the objects here name what they need.
    subprocess.run(["g++", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-exceptions", "-w",
                    *flags, "-nostdlib", str(source), "-lc", "-o", str(library)], check=True)
    return library


def check(folder: pathlib.Path, library: pathlib.Path) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = check_symbols.main([str(folder), "--library", str(library), "--map",
                                   str(folder / "exports.map"), "--hot", "malloc", "--indirect", "0"])
    return code, said.getvalue()


class CheckSymbols(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_lets_a_good_object_pass(self):
        code, said = check(self.folder, build(self.folder))
        self.assertEqual(0, code, said)
        self.assertIn("by name: MallocSlow", said)

    def test_refuses_each_violation(self):
        for what, body, extra, flags, message in VIOLATIONS:
            with self.subTest(what):
                code, said = check(self.folder, build(self.folder, body, extra, flags))
                self.assertEqual(1, code, said)
                self.assertIn(message, said)

    def test_misses_an_export(self):
        library = build(self.folder)
        (self.folder / "exports.map").write_text("V1 { global: malloc; free; local: *; };")
        code, said = check(self.folder, library)
        self.assertEqual(1, code)
        self.assertIn("does not export 'free'", said)

    def test_cold_names_are_an_option(self):
        library = build(self.folder)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = check_symbols.main([str(self.folder), "--library", str(library), "--map",
                                       str(self.folder / "exports.map"), "--hot", "malloc", "--indirect", "0",
                                       "--cold", "Frozen"])
        self.assertEqual(1, code)
        self.assertIn("leads to 'MallocSlow'", said.getvalue())

    def test_a_missing_library_is_a_usage_error(self):
        with self.assertRaises(SystemExit) as ended, contextlib.redirect_stderr(io.StringIO()):
            check_symbols.main([str(self.folder)])
        self.assertEqual(2, ended.exception.code)


if __name__ == "__main__":
    unittest.main()
