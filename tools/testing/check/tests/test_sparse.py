# SPDX-License-Identifier: GPL-2.0-only
"""Unit tests of the step "sparse": what make says decides, and that sparse ran."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

STEP = Path(__file__).resolve().parents[1] / "steps/sparse"
COMPILED = "  CC [M]  /b/usher/ring.o\n  CC [M]  /b/usher/main.o\n"
CHECKED = "  CHECK   /b/usher/ring.c\n  CHECK   /b/usher/main.c\n"
REST = "  LD [M]  /b/usher.o\n  MODPOST /b/Module.symvers\n  CC [M]  /b/usher.mod.o\n" \
       "  CC [M]  /b/.module-common.o\n"


class Sparse(unittest.TestCase):
    def judge(self, said, status=0):
        """Run the step with a build that says that; return its status and last line."""
        with tempfile.TemporaryDirectory() as top:
            build = Path(top, "tools/testing/vm/build-module")
            build.parent.mkdir(parents=True)
            Path(top, "said").write_text(said)
            build.write_text(f"#!/bin/sh\ncat {top}/said\nexit {status}\n")
            build.chmod(0o755)
            done = subprocess.run([STEP, "6.12"], cwd=top, env=dict(os.environ, SCRATCH=top),
                                  stdout=subprocess.PIPE, text=True, check=False)
            return done.returncode, (done.stdout.splitlines() or [""])[-1]

    def test_all_files(self):
        self.assertEqual((0, "sparse looked at 2 files"), self.judge(COMPILED + CHECKED + REST))

    def test_not_available(self):
        status, line = self.judge("C=2 specified, but sparse is not available or not up to date\n"
                                  + COMPILED + REST)
        self.assertEqual(1, status)
        self.assertIn("sparse looked at 0 of 2 files", line)

    def test_a_file_is_missing(self):
        status, line = self.judge(COMPILED + CHECKED.splitlines(True)[0] + REST)
        self.assertEqual(1, status)
        self.assertIn("sparse looked at 1 of 2 files", line)

    def test_nothing_was_built(self):
        self.assertEqual(1, self.judge("make: Nothing to be done\n")[0])

    def test_a_warning(self):
        warned = COMPILED + CHECKED + "/b/usher/ring.c:1:2: warning: context imbalance\n" + REST
        status, line = self.judge(warned)
        self.assertEqual(1, status)
        self.assertIn("1 warnings", line)

    def test_no_build(self):
        self.assertEqual(2, self.judge("make: *** [all] Error 2\n", 2)[0])
        self.assertEqual(77, self.judge("vm: the archives do not have it\n", 77)[0])


if __name__ == "__main__":
    unittest.main()
