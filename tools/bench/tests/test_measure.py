# SPDX-License-Identifier: GPL-2.0-only
"""What the scripts make of the counter's lines and the guest's."""

import unittest

import measure
import plan
import regress
import symbols
from measure import Counts, Work


def counts(total):
    return Counts(user=100, kernel=total - 100, syscalls=2, doorbells=4)


class Lines(unittest.TestCase):
    def test_sums(self):
        found = measure.read_counts(["counted user=1 kernel=2 syscalls=3 doorbells=4\n",
                                     "counted user=5 kernel=6 syscalls=7 doorbells=8\n"])
        self.assertEqual(found, [Counts(1, 2, 3, 4), Counts(5, 6, 7, 8)])

    def test_blocks_belong_to_the_sums_before(self):
        found = measure.read_counts(["counted user=1 kernel=2 syscalls=3 doorbells=4",
                                     "block ffffffff81000000 7 100",
                                     "counted user=1 kernel=2 syscalls=3 doorbells=4"])
        self.assertEqual([one.blocks for one in found], [[(0xffffffff81000000, 7, 100)], []])

    def test_anything_else_is_refused(self):
        for lines in (["block 1 2 3"], ["qemu: something"]):
            with self.assertRaises(measure.BenchError):
                measure.read_counts(lines)

    def test_missing_sum_is_refused(self):
        with self.assertRaises(TypeError):
            measure.read_counts(["counted user=1 kernel=2"])


class Plan(unittest.TestCase):
    def test_line_names_the_node_last(self):
        line = Work("usher", 32, 512, True, 100, 3, ("--idle-rings", 9)).line()
        self.assertEqual(line, "bench --qd 32 --bytes 512 --count 100 --repeat 3 --write "
                         "--idle-rings 9 usher /dev/usher0n1")

    def test_a_node_of_its_own(self):
        self.assertEqual(Work("usher-many", node=measure.ONE_QUEUE).line().split()[-2:],
                         ["usher-many", measure.ONE_QUEUE])

    def test_repetitions_are_kept_together(self):
        works = [Work("usher", repeat=2), Work("usher")]
        self.assertEqual(measure.grouped(works, [1, 2, 3]), [[1, 2], [3]])

    def test_lost_measurements_are_noticed(self):
        for flat in ([1, 2], [1, 2, 3, 4]):
            with self.assertRaises(measure.BenchError):
                measure.grouped([Work("usher", repeat=3)], flat)

    def test_rounds_are_taken_apart_again(self):
        works = [Work("usher"), Work("pread")]
        self.assertEqual([work.engine for work in plan.rounds(works)][:3],
                         ["usher", "pread", "usher"])
        self.assertEqual(plan.in_turn(works, [1, 2, 3, 4]), [[1, 3], [2, 4]])

    def test_every_engine_is_measured_at_every_depth(self):
        done = {(work.engine, work.qd) for work in plan.interrupt_plan()
                + plan.settled_plan(plan.POLLING)}
        for engine in plan.INTERRUPTS + plan.POLLING:
            for qd in (1,) if engine == "pread" else plan.DEPTHS:
                self.assertIn((engine, qd), done)


class Costs(unittest.TestCase):
    results = [{"ios": 10, "interrupts": 5}] * 20

    def cost(self, totals, settled):
        return plan.cost(Work("usher"), self.results[:len(totals)], list(map(counts, totals)),
                         settled)

    def test_the_one_in_the_middle(self):
        found = self.cost([900, 300, 500], False)
        self.assertEqual((found.total, found.user, found.syscalls, found.interrupts), (50, 10,
                                                                                       0.2, 0.5))

    def test_the_one_a_tenth_from_below(self):
        found = self.cost([9000] * 15 + [400, 200, 300, 400, 400], True)
        self.assertEqual(found.total, 40)


class Regression(unittest.TestCase):
    def verdicts(self, value):
        return [good for _, good in regress.compare({"usher": value}, {"usher": 1000})]

    def test_ten_per_cent_and_no_more(self):
        self.assertEqual(self.verdicts(1100), [True])
        self.assertEqual(self.verdicts(1101), [False])
        self.assertEqual(self.verdicts(10), [True])

    def test_a_figure_without_reference_is_an_error(self):
        with self.assertRaises(KeyError):
            list(regress.compare({"new": 1}, {"usher": 1000}))


class Symbols(unittest.TestCase):
    kernel = symbols.Symbols(symbols.read_kallsyms([
        "ffffffff81000000 T first", "ffffffff81000100 t second", "ffffffff81000080 d data",
        "ffffffffc0000000 t usher_guard_check\t[usher]", "0000000000000000 A absolute"]))
    program = symbols.Symbols([(0x401000, "main"), (0x401100, "usher_run")])

    def uses(self, *blocks):
        found = symbols.uses(blocks, self.kernel, self.program)
        return {name: (use.insns, use.calls) for name, use in found.items()}

    def test_blocks_of_one_function_are_summed(self):
        self.assertEqual(self.uses((0xffffffff81000000, 5, 2), (0xffffffff81000090, 3, 10)),
                         {"first": (40, 2)})

    def test_modules_and_the_program_are_named(self):
        self.assertEqual(set(self.uses((0xffffffffc0000010, 1, 1), (0x401104, 1, 1))),
                         {"usher_guard_check [usher]", "usher_run [bench]"})

    def test_other_programs(self):
        self.assertEqual(set(self.uses((0x1000, 1, 1), (0x7f0000000000, 1, 1))),
                         {symbols.OTHER_USER})

    def test_table_adds_up(self):
        found = symbols.uses([(0xffffffff81000000, 5, 2), (0xffffffff81000100, 30, 1)],
                             self.kernel, self.program)
        lines = symbols.table(found, 10, 1)
        self.assertEqual([line.split()[0] for line in lines[1:]], ["3.0", "1.0", "4.0"])

    def test_annotation_is_by_offset(self):
        code = ["file: format", "", "0000000000000010 <f>:", "  10:\tnop", "  11:\tret"]
        lines = list(symbols.annotate(code, {1: 20}, 10))
        self.assertEqual([line.split()[0] for line in lines], ["10:", "2.000"])


if __name__ == "__main__":
    unittest.main()
