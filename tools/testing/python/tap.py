# SPDX-License-Identifier: GPL-2.0-only
"""Runs the unit tests of a program, and prints TAP."""

import sys
import unittest


class TapResult(unittest.TestResult):
    """Prints a line for each test when it has ended."""

    count = 0

    def _say(self, word, test, after=""):
        self.count += 1
        name = test.id().removeprefix("__main__.")
        print(f"{word} {self.count} {name}{after}", flush=True)

    def _explain(self, test, error):
        for line in self._exc_info_to_string(error, test).splitlines():
            print(f"# {line}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say("ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self._explain(test, err)
        self._say("not ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._explain(test, err)
        self._say("not ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("ok", test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            print(f"# {subtest}")
            self._explain(test, err)
            self._say("not ok", test)


def main():
    """For the end of a program of tests. Names of tests may be given."""
    loader = unittest.TestLoader()
    module = sys.modules["__main__"]
    if sys.argv[1:]:
        tests = loader.loadTestsFromNames(sys.argv[1:], module)
    else:
        tests = loader.loadTestsFromModule(module)
    result = TapResult()
    print("TAP version 13", flush=True)
    tests.run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() and result.count else 1)
