# SPDX-License-Identifier: GPL-2.0-only
"""What becomes of the sections that the counter writes."""

import re
import unittest

import irqoff
import measure
import symbols
from irqoff import Found, Longest, State
from measure import Counts, Section

KERNEL = symbols.Symbols(symbols.read_kallsyms([
    "ffffffff81000000 T __wake_up", "ffffffff81000100 T __rmqueue_pcplist",
    "ffffffff81000200 T _raw_spin_lock_irqsave", "ffffffff81000300 t asm_common_interrupt",
    "ffffffffc0000000 t usher_qpair_irq\t[usher]",
    "ffffffffc0000100 t usher_ring_publish\t[usher]"]))
WAKE, PAGES, LOCK, INTERRUPT = (0xffffffff81000000 + 0x100 * n for n in range(4))
IRQ, PUBLISH = 0xffffffffc0000000, 0xffffffffc0000100
ONE, TWO = State("one", "reads", 1), State("two", "epolls", 2, irqoff.POLLED)


def counts(*sections):
    return Counts(1, 2, 3, 4, sections=list(sections))


def interrupt(insns):
    return Section(INTERRUPT + 4, LOCK, IRQ + 8, False, insns, 1)


class Lines(unittest.TestCase):
    def test_sections_belong_to_the_sums_before(self):
        found = measure.read_counts(["counted user=1 kernel=2 syscalls=3 doorbells=4",
                                     "section ffffffff81000300 0 ffffffffc0000000 in 700 3",
                                     "section ffffffff81000200 ffffffff81000000 "
                                     "ffffffffc0000100 below 20 1",
                                     "counted user=1 kernel=2 syscalls=3 doorbells=4"])
        self.assertEqual([one.sections for one in found],
                         [[Section(INTERRUPT, 0, IRQ, False, 700, 3),
                           Section(LOCK, WAKE, PUBLISH, True, 20, 1)], []])

    def test_anything_else_is_refused(self):
        counted = "counted user=1 kernel=2 syscalls=3 doorbells=4"
        for lines in (["section 1 2 3 in 4 5"], [counted, "section 1 2 3 above 4 5"]):
            with self.assertRaises(measure.BenchError):
                measure.read_counts(lines)


class States(unittest.TestCase):
    def test_line_names_the_node_last(self):
        self.assertEqual(ONE.line(), f"irqoff reads 1 {irqoff.MANY}")
        self.assertEqual(TWO.line(), f"irqoff --polled epolls 2 {irqoff.POLLED}")

    def test_the_program_has_them_all(self):
        source = (measure.HERE / "irqoff.c").read_text()
        self.assertEqual({state.make for state in irqoff.STATES},
                         set(re.findall(r'\t\{ "([a-z-]+)", make_', source)))

    def test_names_are_unique(self):
        self.assertEqual(len({state.name for state in irqoff.STATES}), len(irqoff.STATES))


class Names(unittest.TestCase):
    def test_who_took_a_lock_and_not_the_lock(self):
        self.assertEqual(irqoff.named(Section(LOCK + 1, WAKE + 9, PUBLISH, True, 5, 1), KERNEL),
                         Found(5, "__wake_up", "usher_ring_publish", True))

    def test_a_lock_that_never_returned(self):
        self.assertEqual(irqoff.named(Section(LOCK, 0, IRQ, False, 5, 1), KERNEL).began,
                         "_raw_spin_lock_irqsave")

    def test_others_began_where_they_began(self):
        self.assertEqual(irqoff.named(interrupt(5), KERNEL),
                         Found(5, irqoff.INTERRUPT, "usher_qpair_irq", False))


class Answers(unittest.TestCase):
    results = [{"state": "reads 1"}, {"state": "polled epolls 2"}]

    def longest(self, *found):
        return irqoff.longest((ONE, TWO), self.results, list(found), KERNEL)

    def test_longest_first(self):
        one, two = self.longest(counts(interrupt(5), Section(LOCK, WAKE, PUBLISH, True, 9, 1)),
                                counts(interrupt(7)))
        self.assertEqual([found.insns for found in one.sections], [9, 5])
        self.assertEqual(two.worst.insns, 7)

    def test_other_states_are_refused(self):
        for results in ([], self.results[::-1]):
            with self.assertRaises(measure.BenchError):
                irqoff.longest((ONE, TWO), results, [counts(interrupt(1))] * 2, KERNEL)
        with self.assertRaises(measure.BenchError):
            self.longest(counts(interrupt(1)))

    def test_a_state_without_the_module_is_refused(self):
        for sections in ((), (Section(LOCK, PAGES, PUBLISH, True, 9, 1),)):
            with self.assertRaises(measure.BenchError):
                self.longest(counts(interrupt(1)), counts(*sections))

    def test_a_counter_that_sees_no_interrupt_is_refused(self):
        held = counts(Section(LOCK, PUBLISH, PUBLISH, False, 9, 1))
        with self.assertRaises(measure.BenchError):
            self.longest(held, held)


class Verdicts(unittest.TestCase):
    def verdicts(self, state, *sections):
        return [good for _, good in irqoff.compare([Longest(state, list(sections))])]

    def found(self, insns, began="__wake_up", below=False):
        return Found(insns, began, "usher_ring_publish", below)

    def test_the_bound_and_no_more(self):
        self.assertEqual(self.verdicts(ONE, self.found(irqoff.BOUND)), [True])
        self.assertEqual(self.verdicts(ONE, self.found(irqoff.BOUND + 1)), [False])

    def test_what_the_module_called_counts(self):
        self.assertEqual(self.verdicts(ONE, self.found(irqoff.BOUND + 1, below=True)), [False])

    def test_the_page_allocator_does_not(self):
        own = self.found(5)
        pages = self.found(irqoff.BOUND + 1, "__rmqueue_pcplist", True)
        self.assertEqual(self.verdicts(ONE, pages, own), [True])
        pages = self.found(irqoff.BOUND + 1, "__rmqueue_pcplist")
        self.assertEqual(self.verdicts(ONE, pages, own), [False])

    def test_nor_does_the_scheduler(self):
        own = self.found(5)
        switch = self.found(irqoff.BOUND + 1, "__schedule", True)
        self.assertEqual(self.verdicts(ONE, switch, own), [True])
        switch = self.found(irqoff.BOUND + 1, "__schedule")
        self.assertEqual(self.verdicts(ONE, switch, own), [False])

    def test_some_states_are_only_shown(self):
        shown = State("shown", "eventfd", 1, judged=False)
        self.assertEqual(self.verdicts(shown, self.found(irqoff.BOUND + 1)), [])
        table = irqoff.table([Longest(shown, [self.found(irqoff.BOUND + 1)])])
        self.assertIn(f"({irqoff.BOUND + 1})", table[1])


if __name__ == "__main__":
    unittest.main()
