# SPDX-License-Identifier: GPL-2.0-only
"""Reads test results: TAP and KTAP, nested or one after another."""

import re
from dataclasses import dataclass, field

# Programs of kselftest print their results plainly, KUnit nests by four spaces,
# and the kernel log puts a time in front.
TIME = r"(?:\[ *\d+\.\d+\] )?"
PLAN = re.compile(rf"{TIME}( *)1\.\.(\d+)(?: *# *(?:skip)\S*\s*(.*))?$", re.I)
RESULT = re.compile(rf"{TIME}( *)(not )?ok (\d+)(?: - | )? *(.*)$")
VERSION = re.compile(rf"{TIME}( *)K?TAP version \d+")
SUBTEST = re.compile(rf"{TIME} *# Subtest: (.*)")
BAIL = re.compile(rf"{TIME} *Bail out!\s*(.*)")


@dataclass
class Results:
    """What a log says was tested."""

    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)

    def any(self):
        return bool(self.passed or self.failed or self.skipped)


@dataclass
class Level:
    """A plan being worked off, at one indentation."""

    indent: int
    planned: int
    done: int = 0
    nested: bool = False        # results of a deeper level since the last one here
    nested_failed: int = 0


class Reader:
    """Counts the leaves: a result that sums up nested ones is not one more."""

    def __init__(self):
        self.results = Results()
        self.levels = []
        self.subtest = ""

    def close(self, indent):
        """Leave the levels at this indentation and deeper."""
        while self.levels and self.levels[-1].indent >= indent:
            level = self.levels.pop()
            if level.planned >= 0 and level.done != level.planned:
                self.results.failed.append(
                    f"{self.subtest or 'tests'}: {level.planned} planned, {level.done} done")
                if self.levels:
                    self.levels[-1].nested_failed += 1

    def plan(self, indent, count, reason):
        if self.levels and self.levels[-1].indent == indent and self.levels[-1].planned < 0:
            # The results came first and the plan last.
            self.levels[-1].planned = count
            return
        self.close(indent)
        if self.levels:
            self.levels[-1].nested = True
        self.levels.append(Level(indent, count))
        if count == 0:
            self.results.skipped.append(reason or "nothing planned, no reason given")

    def result(self, indent, bad, text):
        self.close(indent + 1)
        if not self.levels or self.levels[-1].indent < indent:
            self.levels.append(Level(indent, -1))
        level = self.levels[-1]
        level.done += 1
        summary, level.nested = level.nested, False
        below, level.nested_failed = level.nested_failed, 0
        name, _, directive = text.partition("#")
        name = name.strip()
        skip = re.match(r"\s*skip\S*\s*(.*)", directive, re.I)
        if len(self.levels) > 1:
            self.levels[-2].nested = True
            self.levels[-2].nested_failed += bool(bad)
        if bad:
            if not summary or not below:
                self.results.failed.append(name)
        elif summary:
            pass
        elif skip:
            self.results.skipped.append(f"{name}: {skip.group(1) or 'no reason given'}")
        else:
            self.results.passed += 1

    def line(self, text):
        version = VERSION.match(text)
        if version:
            self.close(len(version.group(1)))
            return
        plan = PLAN.match(text)
        if plan:
            self.plan(len(plan.group(1)), int(plan.group(2)), plan.group(3))
            return
        subtest = SUBTEST.match(text)
        if subtest:
            self.subtest = subtest.group(1)
            return
        result = RESULT.match(text)
        if result:
            self.result(len(result.group(1)), result.group(2), result.group(4))
            return
        bail = BAIL.match(text)
        if bail:
            self.results.failed.append(f"bailed out: {bail.group(1)}")


def read(text):
    reader = Reader()
    for line in text.splitlines():
        reader.line(line)
    reader.close(0)
    return reader.results
