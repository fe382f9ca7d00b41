# SPDX-License-Identifier: GPL-2.0-only
"""What is made of the counts of interrupts."""

import unittest

import latency
import measure
from latency import Latency
from measure import Counts


def results(count=3):
    return [{"backend": backend, "irq": irq, "wait": wait, "count": count}
            for irq in measure.RAW_DEVICES for backend in latency.BACKENDS
            for wait in latency.WAITS]


def counts(*totals):
    return [Counts(user=10, kernel=total - 10, syscalls=0, doorbells=0) for total in totals]


class Latencies(unittest.TestCase):
    def test_two_counts_for_each_interrupt(self):
        found = latency.latencies(results()[:1], counts(100, 11, 400, 13, 100, 12))
        self.assertEqual(found, [Latency("vfio-pci", "message", "awake", 3, 100, 200, 12)])

    def test_rounds_are_put_together(self):
        found = latency.latencies(results(1)[:1] * 3, counts(100, 1, 200, 2, 300, 3))
        self.assertEqual([(one.count, one.reach, one.serve) for one in found], [(3, 200, 2)])

    def test_lost_counts_are_noticed(self):
        with self.assertRaises(measure.BenchError):
            latency.latencies(results()[:1], counts(1, 2, 3, 4, 5))

    def test_every_driver_is_given_every_function(self):
        lines = [one.line() for one in latency.whole_plan()]
        for driver in latency.DRIVERS:
            for _, function in measure.RAW_DEVICES.values():
                self.assertEqual(lines.count(f"give {driver} {function}"), latency.ROUNDS)


class Comparison(unittest.TestCase):
    @staticmethod
    def verdicts(reach, serve):
        found = [Latency(driver, irq, wait, 1, 1000 if driver == "vfio-pci" else reach, 0,
                         100 if driver == "vfio-pci" else serve)
                 for driver in latency.DRIVERS for irq in measure.RAW_DEVICES
                 for wait in latency.WAITS]
        return [good for _, good in latency.compare(found)]

    def test_two_per_cent_and_no_more(self):
        self.assertEqual(self.verdicts(1020, 102), [True] * 8)
        self.assertEqual(self.verdicts(1021, 90), [False, True] * 4)
        self.assertEqual(self.verdicts(500, 103), [True, False] * 4)

    def test_what_was_not_measured_is_an_error(self):
        with self.assertRaises(KeyError):
            list(latency.compare([]))

    def test_table_has_a_row_for_each_part(self):
        found = latency.latencies(results(1), counts(*[1000, 100] * 8))
        text = latency.table(found)
        self.assertEqual(sum(line.startswith("   * -") for line in text), 1 + 4 * 3)
        self.assertIn("     - 1.000", text)


if __name__ == "__main__":
    unittest.main()
