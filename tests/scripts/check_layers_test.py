#!/usr/bin/python3
"""Tests of scripts/check_layers.py: a tree that breaks a rule is refused, rule by rule."""

import contextlib
import importlib.util
import io
import pathlib
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
SPEC = importlib.util.spec_from_file_location("check_layers", SCRIPTS / "check_layers.py")
check_layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_layers)

OPENING = "// A thing.\n//\n// Runs: companion.  Threads: one.  Allocates: never.\n#pragma once\n"

# Rule, a file that breaks it, and what it says there.
VIOLATIONS = (
    ("include", "runtime/layout/a.h", "#include <string>"),
    ("include", "runtime/layout/a.h", '#include "runtime/sys/clock.h"'),
    ("include", "runtime/sample/a.h", '#include "runtime/table/stack_table.h"'),
    ("include", "runtime/session.h", '#include "tools/reader/attach.h"'),
    ("include", "runtime/session.h", '#include "absl/status/status.h"'),
    ("include", "preload/a.cc", '#include "runtime/table/stack_table.h"'),
    ("include", "tools/reader/a.cc", '#include "preload/next_symbol.h"'),
    ("include", "tools/reader/a.cc", '#include "runtime/session.h"'),
    ("include", "tools/symbol/a.cc", '#include "runtime/layout/segment.h"'),
    ("include", "tools/profile/a.cc", '#include "tools/reader/attach.h"'),
    ("include", "tools/profile/a.cc", "#include <fstream>"),
    ("include", "tools/render/a.cc", '#include "tools/symbol/symbolizer.h"'),
    ("include", "tools/store/a.cc", '#include "tools/reader/segment_reader.h"'),
    ("include", "tools/store/a.cc", '#include "tools/cli/commands.h"'),
    ("include", "tools/cli/a.cc", '#include "tests/support/fake.h"'),
    ("include", "tools/cli/a.cc", '#include "commands.h"'),
    ("layout-code", "runtime/layout/a.cc", "namespace limpet {}"),
    ("layout-pointer", "runtime/layout/a.h", "struct A {\n  Node* parent;\n};"),
    ("condition", "tools/reader/a.cc", "#ifdef __x86_64__\n#endif"),
    ("assembly", "preload/a.cc", 'asm volatile("nop");'),
    ("syscall", "runtime/table/a.cc", "long id = syscall(186);"),
    ("throw", "tools/reader/a.cc", "throw 1;"),
    ("string-copy", "tools/reader/a.cc", "strncpy(a, b, 3);"),
    ("sprintf", "tools/reader/a.cc", 'sprintf(a, "x");'),
    ("printf", "runtime/session.cc", 'printf("x");'),
    ("iostream", "runtime/session.cc", "#include <iostream>"),
    ("function", "runtime/session.cc", "std::function<void()> f;"),
    ("mutex", "runtime/session.cc", "std::mutex m;"),
    ("lock", "runtime/session.cc", "pthread_mutex_lock(&m);"),
    ("heap-container", "runtime/session.cc", "std::vector<int> v;"),
    ("new", "runtime/session.cc", "auto* a = new int;"),
    ("delete", "runtime/session.cc", "delete a;"),
    ("malloc", "preload/a.cc", "void* p = malloc(3);"),
    ("malloc", "preload/a.cc", "  std::free(p);"),
    ("libc-malloc", "preload/a.cc", "return __libc_malloc(3);"),
    ("exception", "preload/a.cc", "try { f(); }"),
    ("abort", "runtime/session.cc", "if (bad) abort();"),
    ("unwind-library", "runtime/stack/a.cc", "_Unwind_Backtrace(f, p);"),
    ("environment", "runtime/session.cc", 'auto* v = getenv("X");'),
    ("print", "tools/reader/a.cc", 'fprintf(stderr, "x");'),
    ("socket", "tools/reader/a.cc", "#include <sys/socket.h>"),
    ("size", "tools/reader/a.cc", "int a;\n" * 501),
)

# Code that only looks as if it broke a rule.
INNOCENT = (
    ("preload/malloc_hooks.cc", "extern \"C\" void* malloc(size_t size) { return next.malloc(size); }"),
    ("preload/malloc_hooks.cc", "extern \"C\" void free(void* block) { next_symbols().free(block); }"),
    ("preload/new_hooks.cc", "void operator delete(void* block) noexcept;"),
    ("runtime/session.cc", "Session(const Session&) = delete;"),
    ("runtime/session.cc", "::new (place) Session();"),
    ("runtime/session.cc", "// never printf, malloc(3) or throw\nint a = 1'000;"),
    ("runtime/sys/clock.cc", "#if defined(__x86_64__)\n#endif\nlong a = syscall(1);"),
    ("tools/reader/a.cc", 'auto s = "throw new strcpy";'),
    ("tools/cli/a.cc", 'std::fprintf(stderr, "x");'),
    ("runtime/session.cc", "abort();  // NOLINT(limpet-abort): the only way out of here"),
    ("tests/runtime/a.cc", '#include "runtime/session.h"\nstd::vector<int> v;'),
)


def rules_broken_by(path: str, code: str) -> set[str]:
    text = OPENING + code + "\n" if path.endswith(".h") else code + "\n"
    return {finding.rule for finding in check_layers.findings_of(path, text)}


class CheckLayers(unittest.TestCase):

    def test_refuses_each_violation(self):
        for rule, path, code in VIOLATIONS:
            with self.subTest(rule=rule, path=path, code=code[:40]):
                self.assertIn(rule, rules_broken_by(path, code))

    def test_has_an_example_of_each_ban(self):
        self.assertLessEqual({ban.rule for ban in check_layers.BANS}, {rule for rule, _, _ in VIOLATIONS})

    def test_lets_innocent_code_pass(self):
        for path, code in INNOCENT:
            with self.subTest(path=path, code=code):
                self.assertEqual(set(), rules_broken_by(path, code))

    def test_an_excuse_needs_a_reason_and_the_right_rule(self):
        for excuse in ("// NOLINT(limpet-abort):", "// NOLINT(limpet-throw): why", "// NOLINT"):
            self.assertEqual({"abort"}, rules_broken_by("runtime/session.cc", f"abort();  {excuse}"))

    def test_headers_open_with_what_they_are_for(self):
        def rules(text):
            return {finding.rule for finding in check_layers.findings_of("tools/reader/a.h", text)}

        self.assertEqual(set(), rules(OPENING))
        self.assertEqual({"pragma-once"}, rules(OPENING.replace("#pragma once", "")))
        for word in ("Runs:", "Threads:", "Allocates:"):
            self.assertEqual({"opening"}, rules(OPENING.replace(word, "")))

    def test_names_the_line(self):
        found = list(check_layers.findings_of("runtime/session.cc", "int a;\n\n  malloc(3);\n"))
        self.assertEqual([3], [finding.line for finding in found])

    def test_exit_code_tells_a_bad_tree_from_a_good_one(self):
        with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
            file = pathlib.Path(root) / "runtime" / "session.cc"
            file.parent.mkdir()
            file.write_text("int a;\n")
            self.assertEqual(0, check_layers.main([root]))
            file.write_text("std::mutex m;\n")
            self.assertEqual(1, check_layers.main([root]))


if __name__ == "__main__":
    unittest.main()
