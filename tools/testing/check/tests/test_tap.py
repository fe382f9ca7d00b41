# SPDX-License-Identifier: GPL-2.0-only
"""What the summary counts, and what it must not overlook."""

import unittest

import tap


def counts(*lines):
    results = tap.read("\n".join(lines))
    return results.passed, len(results.failed), len(results.skipped)


class Flat(unittest.TestCase):
    def test_counts_each_result(self):
        self.assertEqual(counts("TAP version 13", "1..3", "# Starting", "ok 1 a", "not ok 2 b",
                                "ok 3 c # SKIP no device"), (1, 1, 1))

    def test_programs_one_after_another(self):
        self.assertEqual(counts("TAP version 13", "1..1", "ok 1 a",
                                "TAP version 13", "1..1", "not ok 1 a"), (1, 1, 0))

    def test_plan_not_fulfilled_is_a_failure(self):
        self.assertEqual(counts("TAP version 13", "1..3", "ok 1 a", "ok 2 b"), (2, 1, 0))

    def test_crash_before_the_next_program_is_a_failure(self):
        self.assertEqual(counts("TAP version 13", "1..2", "ok 1 a",
                                "TAP version 13", "1..1", "ok 1 b"), (2, 1, 0))

    def test_plan_may_come_last(self):
        self.assertEqual(counts("ok 1 a", "ok 2 b", "1..2"), (2, 0, 0))
        self.assertEqual(counts("ok 1 a", "1..2"), (1, 1, 0))

    def test_bail_out_is_a_failure(self):
        self.assertEqual(counts("1..1", "ok 1 a", "Bail out! no disk"), (1, 1, 0))

    def test_nothing_planned_is_a_skip(self):
        self.assertEqual(counts("1..0 # SKIP needs KVM"), (0, 0, 1))

    def test_skip_keeps_its_reason(self):
        self.assertEqual(tap.read("1..1\nok 1 a # SKIP no device").skipped, ["a: no device"])

    def test_prose_is_no_result(self):
        self.assertFalse(tap.read("ok then\nokay\nnot ok at all\nlook 1").any())


class Nested(unittest.TestCase):
    def test_summaries_are_not_counted(self):
        self.assertEqual(counts("KTAP version 1", "1..1",
                                "    KTAP version 1", "    # Subtest: suite", "    1..2",
                                "    ok 1 a", "    ok 2 b", "ok 1 suite"), (2, 0, 0))

    def test_parameters_are_the_leaves(self):
        self.assertEqual(counts("KTAP version 1", "1..1",
                                "    KTAP version 1", "    # Subtest: suite", "    1..2",
                                "        KTAP version 1", "        # Subtest: parameters",
                                "        ok 1 a", "        not ok 2 b", "        ok 3 c",
                                "    not ok 1 parameters", "    ok 2 plain",
                                "not ok 1 suite"), (3, 1, 0))

    def test_failed_summary_of_passed_results_is_a_failure(self):
        self.assertEqual(counts("1..1", "    1..1", "    ok 1 a", "not ok 1 suite"), (1, 1, 0))

    def test_unfinished_suite_is_a_failure(self):
        self.assertEqual(counts("1..1", "    1..2", "    ok 1 a", "not ok 1 suite"), (1, 1, 0))

    def test_time_of_the_kernel_log_is_passed_over(self):
        self.assertEqual(counts("[   12.345678] 1..1", "[   12.345679] ok 1 a"), (1, 0, 0))


if __name__ == "__main__":
    unittest.main()
