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
LATENCY = 400000
HOLD = 800000
# The stock driver's; one with many queues; those where all rings share the one that
# interrupts, and the one that is polled (the pool keeps the other for interrupts)
DISKS = (measure.DISK, measure.DISK,
         measure.slow(measure.DISK + ",max_ioqpairs=1,msix_qsize=2", LATENCY),
         measure.slow(measure.DISK + ",max_ioqpairs=2,msix_qsize=3", LATENCY))
MANY, SHARED, POLLED = "/dev/usher0n1", "/dev/usher1n1", "/dev/usher2n1"
# Where the kernel's code for interrupts of devices begins
INTERRUPT = "asm_common_interrupt"
# Functions that others call to switch interrupts off, and that call nobody
LOCKS = ("_raw_spin_lock", "_raw_read_lock", "_raw_write_lock", "_raw_spin_trylock")
# What takes locks of the allocators of pages and of per-processor memory, which may move
# a whole block of pages from one list to another under them: that is so for whoever
# allocates, and nothing of usher's
ALLOCATOR = ("__rmqueue_pcplist", "rmqueue", "get_page_from_freelist", "free_pcppages_bulk",
             "free_one_page", "free_unref_page", "reserve_highatomic", "unreserve_highatomic",
             "pcpu_")
# From one thread to the next: with 200 threads up to 13,400 instructions were seen, all of
# them the kernel's, as for whoever sleeps
SCHEDULER = "__schedule"


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
    State("memory registered, 1,024 pages of 4 KiB", "pages", 1024),
    State("200 threads in Identify", "queries", 200),
    State("200 threads in NVME_IOCTL_IO_CMD", "ioctls", 200, SHARED),
    State("an io_uring with 128 reads", "uring", 128),
    State("100 threads, each with an io_uring", "urings", 100, SHARED),
    State("a grant revoked, 64 rings with a thread in ENTER on each", "revoked-rings", 64),
    State("a grant revoked, watched by 1,000 epoll instances", "revoked-epolls", 1000),
    # eventfd_signal() walks the list of its watchers with interrupts off, as write(2)
    # to any eventfd does: nothing that usher could bound.
    State("an eventfd of a ring, watched by 2,000 epoll instances", "eventfd", 2000,
          judged=False),
)


@dataclass
class Found:
    """Sections of one kind, by name."""
    insns: int  # the longest
    began: str
    function: str  # the module's in it, or with below, the one that called what began it
    below: bool

    @property
    def judged(self):
        return not (self.below and self.began.startswith((*ALLOCATOR, SCHEDULER)))

    @property
    def part(self):
        return f"{'below ' * self.below}{self.function}"


@dataclass
class Longest:
    """The sections of a state, longest first."""
    state: State
    sections: list

    @property
    def worst(self):
        return next(found for found in self.sections if found.judged)

    def good(self):
        return self.worst.insns <= BOUND


def named(section, kernel):
    def name(address):
        found = kernel.find(address)
        return found[1].removesuffix(" [usher]") if found else "(unknown)"

    began = name(section.began)
    if began.startswith(LOCKS) and section.caller:
        began = name(section.caller)
    return Found(section.longest, began, name(section.function), section.below)


def longest(states, results, counts, kernel):
    """One Longest for each state, of what its guest brought back."""
    names = [result["state"] for result in results]
    if names != [state.name for state in states] or len(counts) != len(states):
        raise measure.BenchError(f"{len(counts)} measurements came back, of {names}")
    answer = []
    for state, count in zip(states, counts):
        found = [named(section, kernel) for section in count.sections]
        if not any(one.judged for one in found):
            raise measure.BenchError(f"{state.name}: no interrupts off in usher, nor below it")
        answer.append(Longest(state, sorted(found, key=lambda one: -one.insns)))
    if not any(found.began == INTERRUPT for one in answer for found in one.sections):
        raise measure.BenchError("the counter has seen no interrupt")
    return answer


def measured(module, progress=subprocess.DEVNULL, states=STATES):
    results, counts, kallsyms = measure.boot(
        module, states, Options(disks=DISKS, sections=True, hold=HOLD), progress)
    return longest(states, results, counts, symbols.Symbols(symbols.read_kallsyms(kallsyms)))


def table(answer, top=3):
    """Lines of text: the longest sections of each state; in brackets what is not judged."""
    lines = [f"{'insns':>8}   {'state':60} {'began in':24} module"]
    for one in answer:
        for number, found in enumerate(one.sections[:top]):
            insns = f"{found.insns}" if one.state.judged and found.judged else f"({found.insns})"
            lines.append(f"{insns:>9}  {'' if number else one.state.what:60} {found.began:24} "
                         f"{found.part}")
    return lines


def compare(answer):
    """(line of TAP, whether it passes) for each state that is judged."""
    judged = [one for one in answer if one.state.judged]
    for number, one in enumerate(judged, 1):
        worst = one.worst
        yield (f"{'ok' if one.good() else 'not ok'} {number} {one.state.what}: {worst.insns} "
               f"instructions with interrupts off, from {worst.began}, {worst.part}, {BOUND} "
               "allowed", one.good())


def check(progress):
    """Print TAP; return whether no section is too long."""
    answer = measured(measure.prepare(), progress)
    lines = list(compare(answer))
    print(f"TAP version 13\n1..{len(lines)}")
    for line, _ in lines:
        print(line)
    for line in table(answer):
        print(f"# {line}")
    return all(good for _, good in lines)
