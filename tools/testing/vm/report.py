# SPDX-License-Identifier: GPL-2.0-only
"""Finds what a kernel reported against itself, in its log."""

import re

REPORT = re.compile(r"""
    \bBUG:                              # also KASAN, scheduling while atomic, lockups
  | \bkernel\ BUG\ at\b
  | \bWARNING:                          # also most of lockdep and DMA-API
  | \bKASAN:
  | \bUBSAN:
  | \bOops\b
  | \bgeneral\ protection\ fault\b
  | \bKernel\ panic\b
  | \bINFO:\ (possible|suspicious|trying\ to\ register|inconsistent)
  | \bINFO:\ task\ .*\ blocked\ for\ more\ than
  | \brcu\S*\ (detected|self-detected)\b.*\bstall
  | \brcu:\ INFO:
  | \b(possible\ recursive|possible\ circular)\ locking\b
  | \bturning\ off\ the\ locking\ correctness\ validator\b
  | \bkmemleak:\ [1-9]\d*\ new\ suspected
  | \bkmemleak:\ .*\b(disabled|out\ of\ memory|pool\ empty)
  | \bDMA-API:\ (?!preallocated|debugging\ enabled|dma_debug_entries)
  | \bODEBUG:
  | \brefcount_t:
  | \blist_(add|del)\ corruption
  | \bsoft\ lockup\b
  | \bhard\ LOCKUP\b
  | \bBad\ page\ state\b
  | \bdouble\ fault\b
  | \bstack\ segment\b
""", re.X)

# The kernel's own record, should the log have been lost
# (Documentation/admin-guide/tainted-kernels.rst)
TAINTS = {5: "bad page", 7: "died", 9: "warning", 14: "soft lockup"}


def in_log(text):
    """Lines of a kernel log that are reports."""
    return [line for line in text.splitlines() if REPORT.search(line)]


def in_taint(value):
    """What the taint mask says happened."""
    return [f"the kernel is tainted: {what}"
            for bit, what in TAINTS.items() if value & (1 << bit)]
