# SPDX-License-Identifier: GPL-2.0-only
"""Runs a plan of measurements in a guest and reads what comes back."""

import json
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
VM = TOP / "tools/testing/vm"
KERNEL = "6.12"
# All contenders have this controller: no backend, 2 MiB in one command.
DISK = ",drive.driver=null-co,drive.size=1G,mdts=9"
# The first controller is the stock driver's, the others are usher's.
DISKS = [DISK, DISK, DISK + ",max_ioqpairs=4,msix_qsize=5", DISK + ",max_ioqpairs=1,msix_qsize=2"]
MANY_QUEUES, FOUR_QUEUES, ONE_QUEUE = "/dev/usher0n1", "/dev/usher1n1", "/dev/usher2n1"
# What each engine opens, unless told otherwise
NODES = {"pread": "/dev/nvme0n1", "uring": "/dev/nvme0n1", "uring-poll": "/dev/nvme0n1",
         "passthru": "/dev/ng0n1", "passthru-poll": "/dev/ng0n1",
         "usher-passthru": MANY_QUEUES,
         "usher": MANY_QUEUES, "usher-awake": MANY_QUEUES, "usher-poll": MANY_QUEUES,
         "usher-sqpoll": MANY_QUEUES, "usher-many": FOUR_QUEUES, "vfio": "0000:01:00.0"}
FLOOR = "vfio"  # has a guest of its own, with an IOMMU
SQPOLL = "usher-sqpoll"  # has one, too, with a processor for the thread that polls
# What raw mode is measured with: one that interrupts by message, one that has a pin
RAW_DEVICES = {"message": ("edu", "0000:01:00.0"), "pin": ("e1000", "0000:02:00.0")}


def slow(disk, latency):
    """One that takes so many microseconds for a command."""
    return f"{disk},drive.latency-ns={latency * 1000}"


class BenchError(Exception):
    """A measurement failed; the text says what and why."""


@dataclass
class Work:
    """One measurement: an engine and what it does."""
    engine: str
    qd: int = 1
    bytes: int = 4096
    write: bool = False
    count: int = 10000
    repeat: int = 1
    more: tuple = ()
    node: str = ""  # in place of the engine's of NODES

    def line(self):
        words = ["bench", "--qd", self.qd, "--bytes", self.bytes, "--count", self.count,
                 "--repeat", self.repeat]
        words += ["--write"] if self.write else []
        words += [*self.more, self.engine, self.node or NODES[self.engine]]
        return " ".join(map(str, words))


@dataclass
class Memory:
    """The other kind of measurement: what rings take of the kernel's memory."""
    depth: int = 128
    first: int = 64
    more: int = 448

    def line(self):
        return f"memory {self.depth} {self.first} {self.more} {MANY_QUEUES}"


@dataclass
class Section:
    """Sections with interrupts off of one kind, as section.c tells them apart."""
    began: int  # address
    caller: int  # where its first return led to
    function: int  # address of the module's code in it; with below, of that which called it
    below: bool
    longest: int  # in instructions
    times: int


@dataclass
class Counts:
    """What the counter saw between two markers, in the whole guest."""
    user: int
    kernel: int
    syscalls: int
    doorbells: int
    # (address, instructions, executions) of each block of code
    blocks: list = field(default_factory=list)
    sections: list = field(default_factory=list)


def read_section(began, caller, function, where, longest, times):
    if where not in ("in", "below"):
        raise BenchError(f"the counter says that usher is {where} a section")
    return Section(int(began, 16), int(caller, 16), int(function, 16), where == "below",
                   int(longest), int(times))


def read_counts(lines):
    """What counter.c writes, one Counts for each measurement."""
    counts = []
    for line in lines:
        kind, *words = line.split()
        if kind == "counted":
            counts.append(Counts(**{key: int(value) for key, value in
                                    (word.split("=") for word in words)}))
        elif kind == "block" and counts:
            address, insns, runs = words
            counts[-1].blocks.append((int(address, 16), int(insns), int(runs)))
        elif kind == "section" and counts:
            counts[-1].sections.append(read_section(*words))
        else:
            raise BenchError(f"the counter wrote what is no count: {line.strip()}")
    return counts


def read_results(lines):
    """The lines of JSON that the programs in the guest print."""
    return [json.loads(line) for line in lines]


def prepare():
    """Build what a guest needs; return the path of the module."""
    subprocess.run(["make", "-s", "-C", HERE], check=True, stdout=sys.stderr)
    built = subprocess.run([VM / "build-module", "-o", TOP / "build" / f"bench-{KERNEL}", KERNEL],
                           check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    modules = [path for path in built.stdout.split() if path.endswith("/usher.ko")]
    if len(modules) != 1:
        raise BenchError(f"build-module made {modules}, not one usher.ko")
    return modules[0]


@dataclass
class Options:
    """How a guest is started."""
    mitigations: str = "off"
    counter: bool = True
    settle: int = 0
    profile: bool = False
    vfio: bool = False
    sqpoll: bool = False
    latency: int = 0  # of the disk, in microseconds
    raw: bool = False  # RAW_DEVICES in place of disks
    disks: tuple = tuple(DISKS)
    sections: bool = False  # with interrupts off
    hold: int = 0  # how long a doorbell is held that a program says is to be, in microseconds


def raw_devices():
    """Each behind a port of its own, so that it is alone in its IOMMU group."""
    for number, (model, _) in enumerate(RAW_DEVICES.values(), 1):
        yield from ("--qemu-arg=-device",
                    f"--qemu-arg=pcie-root-port,id=port{number},chassis={number},slot={number}",
                    "--qemu-arg=-device", f"--qemu-arg={model},bus=port{number}")


def guest_command(module, plan, share, options):
    command = [VM / "vm", "run", "--kernel", KERNEL, "--smp", "2" if options.sqpoll else "1",
               "--mem", "2G", "--timeout", "1200", "--share", share,
               "--append", f"mitigations={options.mitigations}"]
    if options.vfio:
        command += ["--iommu", "--env", "BENCH_VFIO=1"]
        disks = [DISK]
    elif options.raw:
        command += ["--iommu", "--env", f"USHER_MODULE={module}", "--env", "BENCH_RAW=1",
                    *raw_devices()]
        disks = []
    else:
        command += ["--env", f"USHER_MODULE={module}"]
        disks = options.disks
    for disk in disks:
        command += ["--nvme", slow(disk, options.latency) if options.latency else disk]
    if options.counter:
        # With KVM the plugin would see nothing.
        command += ["--tcg", "--qemu-arg=-plugin",
                    f"--qemu-arg=file={HERE}/counter.so,out={share}/counts"
                    f",settle={options.settle},profile={'on' if options.profile else 'off'}"
                    f",one-thread={'on' if options.sqpoll else 'off'}"
                    + (f",hold={options.hold},sections={share}/kallsyms" if options.sections
                       else "")]
    if options.sqpoll:
        command += ["--one-thread"]
    if options.profile or options.sections:
        command += ["--env", "KALLSYMS=1"]
    return command + ["--", HERE / "guest", plan]


@dataclass
class Answer:
    """What a guest brought back, in the order of the plan.

    results and counts have an entry for each work, and that one for each
    repetition; counts is empty without the counter.
    """
    results: list
    counts: list
    kallsyms: list
    memory: list = field(default_factory=list)


def grouped(works, flat):
    """Cut a list up: as many entries for each work as it is repeated."""
    if len(flat) != sum(work.repeat for work in works):
        raise BenchError(f"{len(flat)} measurements came back, not "
                         f"{sum(work.repeat for work in works)}")
    rest = iter(flat)
    return [[next(rest) for _ in range(work.repeat)] for work in works]


def boot(module, plan, options, progress):
    """Do a plan in one guest; return what it printed, counts, and its symbols."""
    counts, kallsyms = [], []
    with tempfile.TemporaryDirectory(prefix="usher-bench-") as folder:
        share = Path(folder)
        (share / "plan").write_text("".join(work.line() + "\n" for work in plan))
        command = guest_command(module, share / "plan", share, options)
        done = subprocess.run(command, stdout=progress, check=False)
        if done.returncode:
            raise BenchError(f"the guest ended with status {done.returncode}: "
                             f"{shlex.join(map(str, command))}")
        results = read_results((share / "results").read_text().splitlines())
        if options.counter:
            with open(share / "counts", encoding="ascii") as lines:
                counts = read_counts(lines)
        if options.profile or options.sections:
            kallsyms = (share / "kallsyms").read_text().splitlines()
    return results, counts, kallsyms


def run_guest(module, plan, options, progress=sys.stderr):
    """Do the measurements in one guest."""
    works = [work for work in plan if isinstance(work, Work)]
    results, counts, kallsyms = boot(module, plan, options, progress)
    return Answer(grouped(works, [line for line in results if "engine" in line]),
                  grouped(works, counts) if options.counter else [], kallsyms,
                  [line for line in results if "engine" not in line])
