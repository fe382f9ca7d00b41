#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Checks that the module's files include and call only downwards.

    layers.py SOURCES [OBJECTS]

The rooms (folders) of SOURCES have an order, below; a file may include from, and
call into, its own room and those that come after it. Inside a room the files may
be in any order, but not in a circle: neither of includes nor of calls. Includes are
read from the sources; calls from the symbol tables of the object files, if a folder
with those is named. What a test includes or calls is its own affair, but nothing
else may know of tests.
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# From the top down. "" are the files that are in no room.
ROOMS = ["", "device", "file", "passthru", "ring", "grant", "nvme", "guard", "raw", "core"]
# Raw mode stands on core alone, and of the others only main.c knows it.
STANDS_ON = {"raw": {"core"}, "guard": set()}
# In no room, but for all of them
COMMON = {"compat", "trace"}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def unit(path):
    """A .c file and its header are one: its path without the ending."""
    return re.sub(r"\.[cho]$", "", path)


def room(name):
    return name.rpartition("/")[0]


def allowed(user, used):
    """Whether the order of the rooms lets one file know another."""
    above, below = room(user), room(used)
    if unit(used) in COMMON or above == below:
        return True
    if below not in ROOMS or above not in ROOMS:
        return False
    if above in STANDS_ON:
        return below in STANDS_ON[above]
    if below == "raw":
        return above == ""
    return ROOMS.index(above) < ROOMS.index(below)


def includes(top):
    """Which file includes which, with the place."""
    edges = {}
    for path in sorted(top.rglob("*.[ch]")):
        name = str(path.relative_to(top))
        for header in INCLUDE.findall(path.read_text()):
            if not (top / header).exists():
                header = str((path.parent / header).relative_to(top))
            edges[name, header] = f"{name} includes {header}"
    return edges


def symbols(path):
    """What an object file defines for others, and what it needs of them."""
    listing = subprocess.run(["nm", "-g", path], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
    defined, needed = set(), set()
    for line in listing.splitlines():
        kind, name = line.split()[-2:]
        (needed if kind == "U" else defined).add(name)
    return defined, needed


def calls(top, objects):
    """Which file uses a function or variable of which, by the objects of the module."""
    tables = {}
    for path in sorted(objects.rglob("*.o")):
        name = str(path.relative_to(objects))
        if (top / f"{unit(name)}.c").exists():
            tables[unit(name)] = symbols(path)
    owner = {symbol: name for name, (defined, _) in tables.items() for symbol in defined}
    edges = {}
    for name, (_, needed) in tables.items():
        for symbol in sorted(needed):
            used = owner.get(symbol, name)
            # Tracepoints are defined where main.c makes them, for all.
            if used != name and not symbol.startswith(("__tracepoint_", "__SCT__tp_func_",
                                                       "__traceiter_", "__SCK__tp_func_")):
                edges.setdefault((name, used), f"{name} uses {symbol}() of {used}")
    return edges


def circle(names, below):
    """Files that reach themselves, in their order; [] when there are none."""
    state, trail = {}, []

    def visit(name):
        state[name] = "open"
        trail.append(name)
        for used in sorted(below.get(name, ())):
            if state.get(used) == "open":
                return trail[trail.index(used):] + [used]
            if used not in state:
                found = visit(used)
                if found:
                    return found
        trail.pop()
        state[name] = "done"
        return []

    for name in sorted(names):
        if name not in state:
            found = visit(name)
            if found:
                return found
    return []


def faults(edges):
    """Sentences on what breaks the order."""
    found = []
    below = defaultdict(set)
    for (user, used), what in sorted(edges.items()):
        if room(user) == "tests":
            continue
        if not allowed(user, used):
            found.append(f"{what}: {room(user) or 'the top'} may not know "
                         f"{room(used) or 'the top'}")
        if unit(used) not in COMMON:
            below[user].add(used)
    loop = circle(list(below), below)
    if loop:
        found.append("a circle: " + " -> ".join(loop))
    return found


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[1] == "--help":
        print(__doc__)
        return 2
    top = Path(sys.argv[1])
    edges = includes(top)
    found = faults(edges)
    print(f"{len(edges)} includes of our headers")
    if len(sys.argv) == 3:
        used = calls(top, Path(sys.argv[2]))
        print(f"{len(used)} files use functions of another")
        if not used:
            print("no object files there")
            return 1
        found += faults(used)
    for sentence in found:
        print(sentence)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
