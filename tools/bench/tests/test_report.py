# SPDX-License-Identifier: GPL-2.0-only
"""The tables and plots, from figures made up for it."""

import unittest
import xml.etree.ElementTree

import plan
import report


def one(engine, size, write, qd, kernel):
    return {"engine": engine, "bytes": size, "write": write, "qd": qd, "user": 100.0,
            "kernel": kernel, "syscalls": 1 / qd, "interrupts": 1 / qd, "doorbells": 2 / qd}


def results():
    costs = [one(engine, size, write, qd, 900.0) for engine in report.NAMES
             for write, size, qd in plan.cases(engine)]
    speeds = [{"engine": engine, "qd": qd, "iops": [1000.0, 900.0]} for engine in report.NAMES
              if engine != "vfio" for qd in (1, 32, 128)]
    return {"machine": {"Kernel": "6.12"}, "costs": {"off": costs, "auto": costs},
            "sleep": {"awake": {"usher": 3000}, "asleep": {"usher": 10000}, "latency": 300},
            "waiting": {engine: {"32": 100.0, "128": 50.0}
                        for engine in ("vfio", "usher-poll", "usher-sqpoll")},
            "speeds": speeds, "memory": {"more": 10, "more_bytes": 10 * 20480, "first": 1,
                                          "first_bytes": 65536},
            "many": {"alone": 100, "crowd": 105, "exclusive": 100, "shared": 140,
                     "time": 1.2},
            "fairness": {"slots": [90, 100], "one": [96, 100], "own": [50, 100],
                         # Four queues of different speed, in one of them 90 to 100
                         "four": [200, 100, 100, 100, 180, 100, 100, 100]}}


class Report(unittest.TestCase):
    def test_plots_are_well_formed_and_complete(self):
        for figure in report.figures(results()):
            tree = xml.etree.ElementTree.fromstring(report.svg(figure))
            shown = sum(value is not None for row in figure.rows.values() for value in row)
            bars = [rect for rect in tree.iter("{http://www.w3.org/2000/svg}rect")
                    if rect.get("width") != "100%"]
            self.assertEqual(len(bars), shown + len(figure.rows), figure.name)
            self.assertTrue(all(float(rect.get("height").rstrip("%")) >= 0 for rect in bars))

    def test_nothing_is_outside_of_a_plot(self):
        for figure in report.figures(results()):
            tree = xml.etree.ElementTree.fromstring(report.svg(figure))
            bottom = float(tree.get("height")) - 4
            for text in tree.iter("{http://www.w3.org/2000/svg}text"):
                self.assertLessEqual(float(text.get("y")), bottom, f"{figure.name}: {text.text}")

    def test_nothing_is_a_bar_without_height(self):
        figure = report.Figure("x", "x", "", ["a", "b"], {"usher": [0, 10]})
        self.assertIn('height="0.0"', report.svg(figure))

    def test_targets(self):
        verdicts = {target.what.split(",")[0]: target.verdict()
                    for target in report.targets(results())}
        self.assertEqual(verdicts["4 KiB read"], "aim")
        self.assertEqual([verdict for what, verdict in verdicts.items()
                          if what.startswith("Kernel memory")], ["aim", "bar"])
        self.assertEqual(verdicts["16 rings on 4 shared queues against 4 on their own"], "bar")

    def test_fairness(self):
        found = [(target.shown, target.verdict()) for target
                 in report.fairness(results()["fairness"])]
        self.assertEqual(found, [("0.90", "bar"), ("0.96", "aim"), ("0.90", "bar"),
                                 ("0.50", "no"), ("0.50", "")])

    def test_what_has_no_limit_has_no_verdict(self):
        target = report.Target("", 1.0, "1")
        self.assertEqual((target.verdict(), report.limit_text(target, target.bar)), ("", ""))

    def test_limits_of_a_target(self):
        for value, verdict in ((1.0, "aim"), (1.5, "bar"), (2.0, "bar"), (2.1, "no")):
            self.assertEqual(report.Target("", value, "", 2.0, 1.0).verdict(), verdict)
        for value, verdict in ((0.95, "aim"), (0.8, "bar"), (0.79, "no")):
            self.assertEqual(report.Target("", value, "", 0.8, 0.95,
                                           more_is_better=True).verdict(), verdict)

    def test_text_names_every_plot(self):
        text = report.rst(results())
        for figure in report.figures(results()):
            self.assertIn(f".. image:: {figure.name}.svg", text)

    def test_speed_is_compared_within_a_round(self):
        figure = report.speed_figure([{"engine": "passthru", "qd": 1, "iops": [10, 100, 1000]},
                                      {"engine": "usher", "qd": 1, "iops": [20, 300, 2000]}])
        self.assertEqual(figure.rows, {"passthru": [1], "usher": [2]})

    def test_sizes(self):
        self.assertEqual([report.size_name(size) for size in (512, 4096, 131072, 1 << 20)],
                         ["512 B", "4 KiB", "128 KiB", "1 MiB"])


if __name__ == "__main__":
    unittest.main()
