# SPDX-License-Identifier: GPL-2.0-only
"""Whether an I/O costs more than the tree says it does."""

import json

import measure
import plan
from measure import Options, Work

REFERENCE = measure.HERE / "reference.json"
TOLERANCE = 1.10
QD = 32


def measured(module, progress):
    """Instructions per I/O at QD 32 by engine, from many short measurements."""
    found = {}
    for engine, settle in (("usher", 0), ("usher-poll", plan.SETTLE)):
        work = Work(engine, QD, count=QD, repeat=plan.SETTLED_REPEAT)
        answer = measure.run_guest(module, [work], Options(settle=settle), progress)
        found[engine] = plan.cost(work, answer.results[0], answer.counts[0], True).total
    return found


def compare(found, reference):
    """(line of TAP, whether it passes) for each figure."""
    for number, (engine, value) in enumerate(found.items(), 1):
        limit = reference[engine] * TOLERANCE
        good = value <= limit
        yield (f"{'ok' if good else 'not ok'} {number} {engine}: {value:.0f} instructions per "
               f"4 KiB read at QD {QD}, {limit:.0f} allowed", good)


def check(progress):
    """Print TAP; return whether all figures are within their limits."""
    found = measured(measure.prepare(), progress)
    lines = list(compare(found, json.loads(REFERENCE.read_text())))
    print(f"TAP version 13\n1..{len(lines)}")
    for line, _ in lines:
        print(line)
    if not all(good for _, good in lines):
        print("# If that is meant to be, write the new figures with tools/bench/run --accept")
    return all(good for _, good in lines)


def accept(progress):
    """Write what is measured now into the tree."""
    found = measured(measure.prepare(), progress)
    REFERENCE.write_text(json.dumps({key: round(value) for key, value in found.items()},
                                    indent=1) + "\n")
    print(REFERENCE.read_text(), end="")
