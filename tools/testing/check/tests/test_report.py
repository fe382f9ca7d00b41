# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of a kernel log are reports, and which only look like one."""

import unittest

import report

REPORTS = """
WARNING: CPU: 1 PID: 182 at drivers/usher/ring.c:9 usher_enter+0x24/0xff0 [usher]
WARNING: possible circular locking dependency detected
WARNING: suspicious RCU usage
BUG: KASAN: slab-use-after-free in usher_reap+0x249/0x1000 [usher]
BUG: sleeping function called from invalid context at mm/slab.h:321
BUG: kernel NULL pointer dereference, address: 0000000000000008
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 35s!
kernel BUG at drivers/usher/ring.c:12!
Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI
UBSAN: shift-out-of-bounds in drivers/usher/guard.c:7:3
INFO: task worker:123 blocked for more than 60 seconds.
INFO: trying to register non-static key.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [insmod:77]
kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
DMA-API: usher 0000:01:00.0: device driver frees DMA memory it has not allocated
DMA-API: exceeded 7 overlapping mappings of cacheline 0x0000000000012345
refcount_t: underflow; use-after-free.
ODEBUG: free active (active state 0) object: 00000000 object type: timer_list
list_del corruption. prev->next should be ffff888000000000, but was dead000000000122
Kernel panic - not syncing: Fatal exception
"""

HARMLESS = """
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
kmemleak: Kernel memory leak detector initialized (mem pool available: 38821)
usher: loading out-of-tree module taints kernel.
FAULT_INJECTION: forcing a failure.
rcu: Hierarchical RCU implementation.
usher 0000:01:00.0: 3 warnings in the health log
"""


class Report(unittest.TestCase):
    def test_reports_are_found(self):
        for line in REPORTS.strip().splitlines():
            self.assertEqual(report.in_log(f"[    1.000000] {line}"),
                             [f"[    1.000000] {line}"])

    def test_harmless_lines_are_not(self):
        self.assertEqual(report.in_log(HARMLESS), [])

    def test_taint_tells_of_a_lost_warning(self):
        self.assertEqual(report.in_taint(1 << 9 | 1 << 12), ["the kernel is tainted: warning"])
        self.assertEqual(report.in_taint(1 << 12 | 1 << 13), [])


if __name__ == "__main__":
    unittest.main()
