#!/usr/bin/python3
"""Tests of scripts/setup.sh with a packager that only notes what it was asked."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "setup.sh"
TOOLS = ("go", "rustc", "node", "java", "javac", "nginx")

# Answers for every package but those named in $MISSING, in dpkg-query's own way.
DPKG_QUERY = r"""#!/bin/bash
shift 3
for name in "$@"; do [[ " $MISSING " == *" $name "* ]] || echo "ii  $name"; done
"""
APT_GET = '#!/bin/bash\necho "$@" >>"$NOTES"\n[[ -z ${APT_FAILS:-} ]] || { echo "no network"; exit 100; }\n'


class Setup(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.notes = self.folder / "notes"
        self.policy = self.folder / "policy-rc.d"
        self.os_release = self.folder / "os-release"
        self.os_release.write_text('PRETTY_NAME="Debian"\nID=debian\n')
        self.put("dpkg-query", DPKG_QUERY)
        self.put("apt-get", APT_GET)
        self.put("sudo", '#!/bin/bash\nshift\nexec "$@"\n')
        for tool in TOOLS:
            self.put(tool, "#!/bin/sh\n")

    def put(self, name: str, text: str):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def run_setup(self, *words: str, **environment) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(SETUP), *words], text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False,
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "NOTES": str(self.notes), "MISSING": "",
                 "OS_RELEASE": str(self.os_release), "POLICY_RC_D": str(self.policy), **environment})

    def test_says_and_does_nothing_when_nothing_is_missing(self):
        done = self.run_setup()
        self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
        self.assertFalse(self.notes.exists())

    def test_installs_just_what_is_missing(self):
        done = self.run_setup(MISSING="libdw-dev shellcheck")
        self.assertEqual(0, done.returncode, done.stderr)
        update, install = self.notes.read_text().splitlines()
        self.assertTrue(update.endswith(" update"))
        self.assertTrue(install.endswith(" install shellcheck libdw-dev"), install)
        self.assertEqual("setup: installing shellcheck libdw-dev\n", done.stdout)

    def test_goes_on_without_the_module_of_a_test(self):
        self.put("go", '#!/bin/sh\necho "no such host" >&2; exit 1\n')
        done = self.run_setup()
        self.assertEqual(0, done.returncode)
        self.assertIn("which tests/scenarios needs: no such host", done.stderr)

    def test_installs_servers_for_the_long_tests_only(self):
        self.assertEqual("", self.run_setup(MISSING="postgresql").stdout)
        self.assertEqual("setup: installing postgresql\n", self.run_setup("--long", MISSING="postgresql").stdout)

    def test_installs_debians_tool_when_none_is_on_path(self):
        # This machine's own may lie in /usr/bin, so the name is hidden by a directory of links.
        farm = self.folder / "farm"
        farm.mkdir()
        for file in (*pathlib.Path("/usr/bin").iterdir(), *pathlib.Path("/bin").iterdir()):
            if file.name not in TOOLS and not (farm / file.name).is_symlink():
                (farm / file.name).symlink_to(file)
        (self.folder / "javac").unlink()
        self.run_setup(PATH=f"{self.folder}:{farm}")
        self.assertIn("install default-jdk-headless", self.notes.read_text())

    def test_daemons_do_not_start_and_the_policy_goes_again(self):
        self.put("apt-get", '#!/bin/bash\n"$POLICY_RC_D"; echo "policy said $?" >>"$NOTES"\n')
        self.run_setup(MISSING="redis-server")
        self.assertIn("policy said 101", self.notes.read_text())
        self.assertFalse(self.policy.exists())

    def test_a_policy_of_the_machine_stays(self):
        self.policy.write_text("#!/bin/sh\nexit 0\n")
        self.run_setup(MISSING="redis-server")
        self.assertEqual("#!/bin/sh\nexit 0\n", self.policy.read_text())

    def test_another_system_gets_the_list(self):
        self.os_release.write_text('ID="fedora"\n')
        done = self.run_setup(MISSING="libdw-dev")
        self.assertEqual(2, done.returncode)
        self.assertIn("'fedora'", done.stderr)
        self.assertIn("  libdw-dev\n", done.stderr)
        self.assertFalse(self.notes.exists())

    def test_a_failing_install_shows_why(self):
        done = self.run_setup(MISSING="libdw-dev", APT_FAILS="1")
        self.assertEqual(1, done.returncode)
        self.assertIn("no network", done.stderr)
        self.assertFalse(self.policy.exists())


if __name__ == "__main__":
    unittest.main()
