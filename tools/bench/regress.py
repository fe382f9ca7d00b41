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
    """Instructions per I/O at QD 32 by engine, from many short measurements.

    The device has always answered before the processor could go to sleep, with
    interrupts too: whether it has makes more of a difference than what is to be found.
    """
    found = {}
    for engines, sqpoll in ((("usher", "usher-poll"), False), ((measure.SQPOLL,), True)):
        works = [Work(engine, QD, count=QD, repeat=plan.SETTLED_REPEAT) for engine in engines]
        answer = measure.run_guest(module, works, Options(settle=plan.SETTLE, sqpoll=sqpoll),
                                   progress)
        for work, results, counts in zip(works, answer.results, answer.counts):
            found[work.engine] = plan.cost(work, results, counts, True).total
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
