# SPDX-License-Identifier: GPL-2.0-only
"""Unit tests of the Makefile: the module is built by all jobs, and not where it cannot be."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[4]
# Stands for the kernel's Makefile: it wants a job of its own for each of two files.
KERNEL = """
modules: one two
one two:
\t@echo building $@ of $(M)
clean modules_install:
\t@echo $@ of $(M)
.PHONY: modules one two clean modules_install
"""


class Make(unittest.TestCase):
    def setUp(self):
        # pylint: disable-next=consider-using-with
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.kdir = self.folder / "kernel"
        self.kdir.mkdir()
        (self.kdir / ".config").touch()
        (self.kdir / "Makefile").write_text(KERNEL)

    def make(self, *arguments, cwd=TOP):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        return subprocess.run(["make", *arguments, f"KDIR={self.kdir}"], cwd=cwd, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=environment)

    def test_jobs(self):
        done = self.make("-j8", "modules")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(f"building two of {TOP}", done.stdout)
        self.assertNotIn("jobserver", done.stderr)

    def test_jobs_of_programs(self):
        shutil.copy(TOP / "Makefile", self.folder)
        for name, text in (("vm/deps", "exit 0"), ("check/check", """
printf 'all: one two\\none two:\\n\\t@echo $@\\n' | make -s -j2 -f -""")):
            program = self.folder / "tools/testing" / name
            program.parent.mkdir(parents=True)
            program.write_text(f"#!/bin/sh\n{text}\n")
            program.chmod(0o755)
        done = self.make("-j8", "check", cwd=self.folder)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("two", done.stdout)
        self.assertEqual("", done.stderr)

    def test_space(self):
        top = self.folder / "a tree"
        top.mkdir()
        shutil.copy(TOP / "Makefile", top)
        for target in ("modules", "run", "check", "bench", "coverage"):
            done = self.make(target, cwd=top)
            self.assertEqual(2, done.returncode, target)
            self.assertIn("a space in its path", done.stderr, target)
            self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
            self.assertNotIn("building", done.stdout, target)

    def test_space_build_module(self):
        done = subprocess.run([TOP / "tools/testing/vm/build-module", "-o",
                               self.folder / "a build", "6.12"],
                              text=True, stderr=subprocess.PIPE, check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("a space in its path", done.stderr)


if __name__ == "__main__":
    unittest.main()
