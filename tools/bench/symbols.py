# SPDX-License-Identifier: GPL-2.0-only
"""Says in which functions the instructions of a measurement were executed."""

import bisect
import subprocess
from collections import defaultdict
from dataclasses import dataclass

UPPER_HALF = 1 << 63
OTHER_USER = "(another program)"


@dataclass
class Use:
    """What one function had, in the whole measurement."""
    insns: int = 0
    calls: int = 0


class Symbols:
    """Finds the function that an address is in."""

    def __init__(self, symbols):
        """symbols: (address, name), in any order."""
        ordered = sorted(symbols)
        self.addresses = [address for address, _ in ordered]
        self.names = [name for _, name in ordered]

    def find(self, address):
        """(start, name) of the function, or None below the first one."""
        index = bisect.bisect_right(self.addresses, address) - 1
        return (self.addresses[index], self.names[index]) if index >= 0 else None


def read_kallsyms(lines):
    """Functions of /proc/kallsyms, with the module in brackets as there."""
    symbols = []
    for line in lines:
        address, kind, name, *module = line.split()
        if kind in "tTwW" and int(address, 16):
            symbols.append((int(address, 16), " ".join([name, *module])))
    return symbols


def read_program(path):
    """Functions of a program that is linked to a fixed address."""
    lines = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.splitlines()
    symbols = [line.split() for line in lines]
    return [(int(words[0], 16), words[2]) for words in symbols
            if len(words) == 3 and words[1] in "tTwWi"]


def uses(blocks, kernel, program):
    """Sum the blocks up by function: {name: Use}."""
    found = defaultdict(Use)
    end = max(program.addresses) + 65536
    for address, insns, runs in blocks:
        if address >= UPPER_HALF:
            start, name = kernel.find(address) or (0, "(unknown)")
        elif address < end:
            start, name = program.find(address) or (0, OTHER_USER)
            name += " [bench]" if name != OTHER_USER else ""
        else:
            start, name = 0, OTHER_USER
        found[name].insns += insns * runs
        if address == start:
            found[name].calls += runs
    return found


def table(found, ios, top):
    """Lines of text: the functions with the most instructions, per I/O."""
    total = sum(use.insns for use in found.values())
    lines = [f"{'insns/IO':>10} {'%':>6} {'calls/IO':>10}  function"]
    ordered = sorted(found.items(), key=lambda item: -item[1].insns)
    for name, use in ordered[:top]:
        lines.append(f"{use.insns / ios:10.1f} {100 * use.insns / total:6.1f} "
                     f"{use.calls / ios:10.3f}  {name}")
    rest = sum(use.insns for _, use in ordered[top:])
    if rest:
        lines.append(f"{rest / ios:10.1f} {100 * rest / total:6.1f} {'':10}  "
                     f"({len(ordered) - top} more)")
    lines.append(f"{total / ios:10.1f}  100.0 {'':10}  total")
    return lines


def runs_by_offset(blocks, start, end):
    """Blocks that begin in a function: {offset: executions}."""
    runs = defaultdict(int)
    for address, _, times in blocks:
        if start <= address < end:
            runs[address - start] += times
    return runs


def annotate(disassembly, runs, ios):
    """The lines of objdump of one function, with executions per I/O where a block begins."""
    first = None
    for line in disassembly:
        head, colon, _ = line.partition(":\t")
        if not colon:
            continue
        address = int(head.strip(), 16)
        first = address if first is None else first
        times = runs.get(address - first)
        mark = f"{times / ios:9.3f}" if times is not None else " " * 9
        yield f"{mark} {line.rstrip()}"
