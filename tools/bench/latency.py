# SPDX-License-Identifier: GPL-2.0-only
"""What it takes from a device's interrupt to the process: raw mode beside VFIO."""

import json
import statistics
import subprocess
from dataclasses import asdict, dataclass

import measure
import report
from measure import Options

DRIVERS = ("vfio-pci", "usher-raw")
BACKENDS = {"vfio": "vfio-pci", "usher-raw": "usher-raw"}  # as libusher calls them
WAITS = ("awake", "asleep")
COUNT = 1000
# In turn, so that what changes with time hits both
ROUNDS = 3
# Medians of the same code differ by a few instructions from run to run, by where
# timer interrupts fall. A call more in the handler makes more than this.
TOLERANCE = 1.02


PARTS = {"reach": "until the wait returns", "mean": "the same, mean",
         "serve": "then, until the next can come"}
WORDS = {"message": "MSI", "pin": "INTx", "awake": "nobody waits yet",
         "asleep": "a thread sleeps"}


@dataclass
class Give:
    """Binds a function to a driver."""
    driver: str
    function: str

    def line(self):
        return f"give {self.driver} {self.function}"


@dataclass
class Interrupts:
    """One measurement: a device interrupts again and again."""
    wait: str
    function: str
    count: int = COUNT

    def line(self):
        return f"interrupt {self.wait} {self.count} {self.function}"


@dataclass
class Latency:
    """Instructions, user and kernel, of the interrupt in the middle of all."""
    driver: str
    irq: str
    wait: str
    count: int
    reach: float  # from the register that raises it to the return of the wait
    mean: float  # of the same
    serve: float  # from there until the next can come


def whole_plan():
    for _ in range(ROUNDS):
        for _, function in measure.RAW_DEVICES.values():
            for driver in DRIVERS:
                yield Give(driver, function)
                for wait in WAITS:
                    yield Interrupts(wait, function)


def title(latency):
    return f"{WORDS[latency.irq]}, {WORDS[latency.wait]}"


def total(counts):
    return counts.user + counts.kernel


def latencies(results, counts):
    """Of results, each of which has two counts for each of its interrupts."""
    if len(counts) != 2 * sum(result["count"] for result in results):
        raise measure.BenchError(f"{len(counts)} counts came back for "
                                 f"{sum(result['count'] for result in results)} interrupts")
    rest = iter(counts)
    reach, serve = {}, {}
    for result in results:
        key = (BACKENDS[result["backend"]], result["irq"], result["wait"])
        for _ in range(result["count"]):
            reach.setdefault(key, []).append(total(next(rest)))
            serve.setdefault(key, []).append(total(next(rest)))
    return [Latency(*key, len(reach[key]), statistics.median(reach[key]),
                    statistics.fmean(reach[key]), statistics.median(serve[key]))
            for key in reach]


def measured(module, progress=subprocess.DEVNULL):
    results, counts, _ = measure.boot(module, list(whole_plan()), Options(raw=True), progress)
    return latencies(results, counts)


def pairs(found):
    """(VFIO's, usher-raw's) of each kind of interrupt and of waiting."""
    by_key = {(one.driver, one.irq, one.wait): one for one in found}
    for irq in measure.RAW_DEVICES:
        for wait in WAITS:
            yield tuple(by_key[driver, irq, wait] for driver in DRIVERS)


# make check

def compare(found):
    """(line of TAP, whether it passes): usher-raw takes no more than vfio-pci."""
    number = 0
    for vfio, raw in pairs(found):
        for what in ("reach", "serve"):
            number += 1
            limit, value = getattr(vfio, what), getattr(raw, what)
            good = value <= limit * TOLERANCE
            yield (f"{'ok' if good else 'not ok'} {number} {title(raw)}, {PARTS[what]}: "
                   f"{value:.0f} instructions, {limit:.0f} by vfio-pci", good)


def check(progress):
    """Print TAP; return whether raw mode is no slower than VFIO."""
    lines = list(compare(measured(measure.prepare(), progress)))
    print(f"TAP version 13\n1..{len(lines)}")
    for line, _ in lines:
        print(line)
    return all(good for _, good in lines)


# The report

def table(found):
    rows = []
    for vfio, raw in pairs(found):
        for what, part in PARTS.items():
            limit, value = getattr(vfio, what), getattr(raw, what)
            rows.append([f"{title(raw)}, {part}", f"{value:,.0f}", f"{limit:,.0f}",
                         f"{value / limit:.3f}"])
    return report.rst_table(["", "usher-raw", "vfio-pci", "ratio"], rows, 61)


def write(results, folder):
    """The figures, and the table that the page includes."""
    found = [Latency(**one) for one in results["latencies"]]
    (folder / "latency.json").write_text(json.dumps(results, indent=1) + "\n")
    lines = [".. SPDX-License-Identifier: GPL-2.0-only",
             ".. Made by `make bench` or `tools/bench/run --raw`; do not edit.", "",
             *report.rst_machine(results), *table(found)]
    (folder / "latency.inc").write_text("\n".join(lines))


def everything(module, machine, folder):
    found = measured(module)
    write({"machine": machine, "latencies": [asdict(one) for one in found]}, folder)
    return found
