# SPDX-License-Identifier: GPL-2.0-only
"""Which checks there are, and which of them run if none is named."""

import importlib.machinery
import importlib.util
import sys
import unittest
import unittest.mock
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
LOADER = importlib.machinery.SourceFileLoader("check", str(HERE / "check"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", LOADER))
LOADER.exec_module(check)


class Steps(unittest.TestCase):
    def chosen(self, *arguments):
        with unittest.mock.patch.object(sys, "argv", ["check", *arguments]):
            return check.parse().steps

    def test_what_takes_long_is_asked_for(self):
        self.assertFalse(set(check.STEPS) & set(check.MORE))
        self.assertEqual(set(self.chosen()), set(check.STEPS))
        self.assertEqual(set(self.chosen("--all")), set(check.STEPS) | set(check.MORE))
        for name in check.MORE:
            self.assertEqual(self.chosen(name), [name])

    def test_each_has_a_program(self):
        for name, step in (check.STEPS | check.MORE | check.COVERED).items():
            self.assertTrue((HERE / "steps" / step[0]).exists(), name)


if __name__ == "__main__":
    unittest.main()
