# SPDX-License-Identifier: GPL-2.0-only
"""How long interrupts are off, in states that a process without privilege can make."""

import subprocess
from dataclasses import dataclass

import measure
import symbols
from measure import Options

BOUND = 10000  # instructions
# So slow that all commands for one pass are there before the first answer, and how long
# the doorbell of the last is held: until all have come, also on a busy host; microseconds
LATENCY = 100000
HOLD = 300000
# The stock driver's; one with many queues; those where all rings share the one that
# interrupts, and the one that is polled (the pool keeps the other for interrupts)
DISKS = (measure.DISK, measure.DISK,
         measure.slow(measure.DISK + ",max_ioqpairs=1,msix_qsize=2", LATENCY),
         measure.slow(measure.DISK + ",max_ioqpairs=2,msix_qsize=3", LATENCY))
MANY, SHARED, POLLED = "/dev/usher0n1", "/dev/usher1n1", "/dev/usher2n1"
# Where the kernel's code for interrupts of devices begins
INTERRUPT = "asm_common_interrupt"


@dataclass(frozen=True)
class State:
    """What the program irqoff brings about."""
    what: str
    make: str
    number: int
    node: str = MANY
    judged: bool = True  # whether BOUND holds for it

    @property
    def name(self):
        """As the program prints it."""
        return f"{'polled ' if self.node == POLLED else ''}{self.make} {self.number}"

    def line(self):
        polled = "--polled " if self.node == POLLED else ""
        return f"irqoff {polled}{self.make} {self.number} {self.node}"


STATES = (
    *(State(f"a ring, QD {qd}", "reads", qd) for qd in (1, 32, 128, 255)),
    State("a ring, 255 entries that the guard refuses", "refused", 255),
    State("a ring, Dataset Management with 256 ranges after 31 reads", "ranges", 256),
    State("a ring, 32 reads that need PRP lists of their own", "lists", 32),
    State("a ring, watched by 2,000 epoll instances", "epolls", 2000),
    State("a ring, 200 threads asleep in ENTER", "sleepers", 200),
    State("64 rings on a queue, a thread asleep in ENTER on each", "rings-enter", 64, SHARED),
    State("64 rings on a queue, a thread in poll on each", "rings-poll", 64, SHARED),
    State("64 polled rings on a queue, a thread in poll on each", "rings-poll", 64, POLLED),
    State("a polled ring, watched by 2,000 epoll instances", "epolls", 2000, POLLED),
    State("a polled ring, 200 threads in poll", "sleepers", 200, POLLED),
    State("a process killed, 64 rings with commands in flight", "killed", 64, SHARED),
    State("200 threads in Identify", "queries", 200),
    State("a grant revoked, 64 rings with a thread in ENTER on each", "revoked-rings", 64),
    State("a grant revoked, watched by 1,000 epoll instances", "revoked-epolls", 1000),
    # eventfd_signal() walks the list of its watchers with interrupts off, as write(2)
    # to any eventfd does: nothing that usher could bound.
    State("an eventfd of a ring, watched by 2,000 epoll instances", "eventfd", 2000,
          judged=False),
)


@dataclass
class Longest:
    """The longest section of a state, and those after it, by name."""
    state: State
    sections: list  # (instructions, where it began, the module's function), longest first

    @property
    def insns(self):
        return self.sections[0][0]

    def good(self):
        return not self.state.judged or self.insns <= BOUND


def name_of(section, kernel):
    """Where a section began, and the module's part in it."""
    def name(address):
        return kernel.find(address)[1].removesuffix(" [usher]")

    return name(section.began), f"{'below ' * section.below}{name(section.function)}"


def longest(states, results, counts, kernel):
    """One Longest for each state, of what its guest brought back."""
    names = [result["state"] for result in results]
    if names != [state.name for state in states] or len(counts) != len(states):
        raise measure.BenchError(f"{len(counts)} measurements came back, of {names}")
    found = []
    for state, count in zip(states, counts):
        if not count.sections:
            raise measure.BenchError(f"{state.name}: usher never ran with interrupts off")
        ordered = sorted(count.sections, key=lambda section: -section.longest)
        found.append(Longest(state, [(section.longest, *name_of(section, kernel))
                                     for section in ordered]))
    if not any(began == INTERRUPT for one in found for _, began, _ in one.sections):
        raise measure.BenchError("the counter has seen no interrupt")
    return found


def measured(module, progress=subprocess.DEVNULL, states=STATES):
    results, counts, kallsyms = measure.boot(
        module, states, Options(disks=DISKS, sections=True, hold=HOLD), progress)
    return longest(states, results, counts, symbols.Symbols(symbols.read_kallsyms(kallsyms)))


def table(found, top=1):
    """Lines of text: the longest sections of each state."""
    lines = [f"{'insns':>8}  {'state':60} {'began in':28} module"]
    for one in found:
        for number, (insns, began, function) in enumerate(one.sections[:top]):
            what = "" if number else one.state.what
            lines.append(f"{insns:8}  {what:60} {began:28} {function}")
    return lines


def compare(found):
    """(line of TAP, whether it passes) for each state that is judged."""
    judged = [one for one in found if one.state.judged]
    for number, one in enumerate(judged, 1):
        insns, began, function = one.sections[0]
        yield (f"{'ok' if one.good() else 'not ok'} {number} {one.state.what}: {insns} "
               f"instructions with interrupts off from {began} on, {function}, {BOUND} allowed",
               one.good())


def check(progress):
    """Print TAP; return whether no section is too long."""
    found = measured(measure.prepare(), progress)
    lines = list(compare(found))
    print(f"TAP version 13\n1..{len(lines)}")
    for line, _ in lines:
        print(line)
    for line in table(found, 3):
        print(f"# {line}")
    return all(good for _, good in lines)
