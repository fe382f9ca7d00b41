# SPDX-License-Identifier: GPL-2.0-only
"""What counts as a line of the module, and how counts of several builds add up."""

import json
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

import gcov


def report(*files):
    return json.dumps({"files": [
        {"file": name, "lines": [{"line_number": line, "count": count}
                                 for line, count in lines.items()]}
        for name, lines in files]})


def read(*reports):
    lines = defaultdict(lambda: defaultdict(int))
    for text in reports:
        gcov.add_lines(text, lines)
    return {name: dict(counts) for name, counts in lines.items()}


class Lines(unittest.TestCase):
    def test_builds_add_up(self):
        self.assertEqual(read(report(("/a/build/gcov/drivers/usher/x/y.c", {1: 0, 2: 3})),
                              report(("/a/build/gcov-guest/drivers/usher/x/y.c", {1: 1, 2: 0}))),
                         {"drivers/usher/x/y.c": {1: 1, 2: 3}})

    def test_inline_functions_add_up(self):
        one = report(("drivers/usher/a.c", {1: 1}), ("drivers/usher/a.h", {5: 0}))
        other = report(("drivers/usher/b.c", {1: 1}), ("drivers/usher/a.h", {5: 2}))
        self.assertEqual(read(one + "\n" + other)["drivers/usher/a.h"], {5: 2})

    def test_tests_and_the_kernel_are_left_out(self):
        self.assertEqual(read(report(("/b/drivers/usher/tests/a_test.c", {1: 1}),
                                     ("/b/drivers/usher/x/tests/a_test.c", {1: 1}),
                                     ("/linux/include/linux/slab.h", {1: 1}),
                                     ("/linux/lib/a.c", {1: 1}))), {})


class Table(unittest.TestCase):
    lines = {"drivers/usher/b/z.c": {1: 1, 2: 0, 3: 1, 4: 1},
             "drivers/usher/b/a.c": {1: 1, 2: 1, 3: 1, 4: 1},
             "drivers/usher/a/q.c": {7: 0}}

    def test_sorted_by_folder_with_sums(self):
        rows = [row.split() for row in gcov.table(self.lines).splitlines() if row]
        self.assertEqual(rows[1:], [["drivers/usher/a/q.c", "0", "1", "0.0"],
                                    ["drivers/usher/b/a.c", "4", "4", "100.0"],
                                    ["drivers/usher/b/z.c", "3", "4", "75.0"],
                                    ["drivers/usher/b/", "7", "8", "87.5"],
                                    ["all", "7", "9", "77.8"]])

    def test_what_was_missed(self):
        with tempfile.TemporaryDirectory() as top:
            (Path(top) / "x.c").write_text("one\n\ttwo\n")
            self.assertEqual(gcov.missed({"x.c": {1: 4, 2: 0}}, Path(top)), "x.c:2: two\n")

    def test_no_counts_are_an_error(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertRaises(gcov.GcovError, gcov.read, [Path(empty)])


if __name__ == "__main__":
    unittest.main()
