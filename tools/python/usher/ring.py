# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rings of commands.

A ring has two sides, as in libusher. Methods that queue or submit belong to the submission
side, those that reap or wait to the completion side. Each side has a lock, so any thread may
call any method; a thread that waits keeps the completion side until something completes.
"""

import ctypes
import enum
import errno
import itertools
import struct
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Self

from . import _abi, _lib
from .errors import (NvmeError, RingFullError, UsherError, check, error, nanoseconds, strstatus,
                     unsigned)
from .grant import Grant
from .memory import Buffer, Memory

MAX_BLOCKS = 65536
MAX_RANGES = 256
BATCH = 64
# How long close() waits for commands in flight
DRAIN_SECONDS = 5.0

# Memory of commands that did not complete before their ring was closed: the device may
# still write to it, so it is never used for anything else.
_abandoned: list[Memory] = []


class IoFlags(enum.IntFlag):
    """Bits of CDW12."""

    NONE = 0
    DEAC = 1 << 25    # Write Zeroes: deallocate
    FUA = 1 << 30
    LR = 1 << 31      # limited retry


class ZoneAction(enum.IntEnum):
    """What Ring.zone_send() does to a zone."""

    CLOSE = 1
    FINISH = 2
    OPEN = 3
    RESET = 4
    OFFLINE = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """How a command completed.

    status: 0 for success; status code type in bits 8-10, status code in bits 0-7
    result: dwords 0 and 1, for Zone Append the block where the data went
    refused: by the guard, the device never saw the command
    by_driver: the driver made it, after a reset or a removal
    dnr: repeating the command would not help
    """

    status: int
    result: int
    refused: bool
    by_driver: bool
    dnr: bool

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return not self.status

    @property
    def text(self) -> str:
        """The status in words."""
        return strstatus(self.status)

    def check(self) -> Self:
        """The completion of a command that succeeded; NvmeError of another."""
        if self.status:
            raise NvmeError(self.status, self)
        return self


@dataclass(frozen=True)
class RingInfo:
    """Members of struct usher_ring_info, which explains them."""

    qid: int
    shared: int
    inflight: int
    submitted: int
    completed: int
    refused: int
    driver_completed: int


class Command:
    """A command that was queued in a ring."""

    __slots__ = ("_ring", "_memory", "_completion", "_error", "on_done")

    def __init__(self, ring: "Ring", memory: Memory | None) -> None:
        self._ring = ring
        self._memory = memory
        self._completion: Completion | None = None
        self._error: UsherError | None = None
        # Called in the thread that reaps, when done; for asyncio
        self.on_done: Callable[[Command], None] | None = None

    @property
    def done(self) -> bool:
        """Whether it has completed, or never will since its ring ended."""
        return self._completion is not None or self._error is not None

    @property
    def completion(self) -> Completion | None:
        """How it completed, whatever the status; None before."""
        return self._completion

    @property
    def error(self) -> UsherError | None:
        """Why it never completed."""
        return self._error

    @property
    def memory(self) -> Memory | None:
        """What the device may access until it is done."""
        return self._memory

    def result(self, timeout: float | None = None) -> Completion:
        """Submit what is queued, wait for this command and return its completion.

        NvmeError is raised where it failed. Other commands that complete meanwhile are
        done then, too.
        """
        return self.wait(timeout).check()

    def wait(self, timeout: float | None = None) -> Completion:
        """The same, whatever its status is."""
        deadline = _deadline(timeout)
        while not self.done:
            self._ring.submit()
            self._ring.wait_for(self, deadline)
        if self._error is not None:
            raise self._error
        assert self._completion is not None
        return self._completion

    def finish(self, completion: Completion | None, failure: UsherError | None = None) -> None:
        """For the ring: it is done."""
        if self.done:
            return
        self._completion = completion
        self._error = failure
        self._memory = None
        if self.on_done:
            self.on_done(self)


def _deadline(timeout: float | None) -> int:
    return int(_lib.deadline(min(nanoseconds(timeout), 2**63 - 1)))


def _blocks(blocks: int) -> int:
    if not 1 <= blocks <= MAX_BLOCKS:
        raise ValueError(f"a command has 1 to {MAX_BLOCKS} blocks, not {blocks}")
    return blocks


def _ranges(ranges: Sequence[tuple[int, int]], least: int, most: int) -> None:
    if not 1 <= len(ranges) <= MAX_RANGES:
        raise ValueError(f"a command has 1 to {MAX_RANGES} ranges, not {len(ranges)}")
    for slba, blocks in ranges:
        unsigned(slba, 64, "slba")
        if not least <= blocks <= most:
            raise ValueError(f"a range has {least} to {most} blocks, not {blocks}")


class Ring:
    """A ring, made by Grant.ring(). It keeps the grant alive, which may be closed.

    read() and its like queue a command and return it; submit() hands over all that are
    queued in one system call, result() of a command waits for it:

        ring.read(0, 8, buffer).result()

    close() waits for commands in flight, not longer than DRAIN_SECONDS: after that their
    memory is kept until the process ends, as the device may still write to it. A ring
    that another thread is using is not closed: that is RuntimeError.
    """

    def __init__(self, grant: Grant, entries: int = 32, *, polled: bool = False) -> None:
        self._closed = True
        self._polled = polled
        self._ring = _abi.Ring()
        self._ref = ctypes.byref(self._ring)
        self._lba_bytes = grant.info().lba_bytes
        self._submission = threading.Lock()
        self._completion = threading.Lock()
        self._commands: dict[int, Command] = {}
        self._keys = itertools.count(1)
        self._cqes = (ctypes.c_void_p * BATCH)()
        check(_lib.ring_init(self._ref, grant.fileno(), unsigned(entries, 32, "entries"),
                             _abi.RING_DATA64 | (_abi.RING_POLLED if polled else 0)),
              f"a ring of {entries} entries")
        self._closed = False

    # What it is

    def fileno(self) -> int:
        """To poll for POLLIN: there are completions to reap."""
        self._check()
        return int(self._ring.fd)

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    @property
    def polled(self) -> bool:
        """Whether the device does not interrupt: reap() and wait() look for completions."""
        return self._polled

    @property
    def entries(self) -> int:
        """How many commands can be queued at one time."""
        self._check()
        return int(self._ring.sq_entries)

    @property
    def outstanding(self) -> int:
        """Commands that are queued or in flight."""
        return sum(not command.done for command in list(self._commands.values()))

    def info(self) -> RingInfo:
        """Counters, and which hardware queue it has."""
        self._check()
        info = _abi.RingInfo()
        check(_lib.ring_info(self._ref, ctypes.byref(info), None, 0), "ring info")
        return RingInfo(**{field.name: getattr(info, field.name)
                           for field in fields(RingInfo)})

    # Commands

    def read(self, slba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
             flags: IoFlags = IoFlags.NONE) -> Command:
        """Queue a Read of blocks, which are absolute in the namespace, into a buffer."""
        return self._data(_lib.prep_read, slba, blocks, buffer, offset, flags)

    def write(self, slba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
              flags: IoFlags = IoFlags.NONE) -> Command:
        """Queue a Write."""
        return self._data(_lib.prep_write, slba, blocks, buffer, offset, flags)

    def compare(self, slba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
                flags: IoFlags = IoFlags.NONE) -> Command:
        """Queue a Compare: it fails with status 0x285 where the data differ."""
        return self._data(_lib.prep_compare, slba, blocks, buffer, offset, flags)

    def zone_append(self, zslba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
                    flags: IoFlags = IoFlags.NONE) -> Command:
        """Queue a Zone Append to the zone that begins there."""
        return self._data(_lib.prep_zone_append, zslba, blocks, buffer, offset, flags)

    def flush(self) -> Command:
        """Queue a Flush: all that has completed becomes durable."""
        return self._queue(_lib.prep_flush)

    def verify(self, slba: int, blocks: int) -> Command:
        """Queue a Verify."""
        return self._queue(_lib.prep_verify, unsigned(slba, 64, "slba"), _blocks(blocks))

    def write_zeroes(self, slba: int, blocks: int, *,
                     flags: IoFlags = IoFlags.NONE) -> Command:
        """Queue a Write Zeroes."""
        return self._queue(_lib.prep_write_zeroes, unsigned(slba, 64, "slba"), _blocks(blocks),
                           flags=flags)

    def write_uncorrectable(self, slba: int, blocks: int) -> Command:
        """Queue a Write Uncorrectable."""
        return self._queue(_lib.prep_write_uncorrectable, unsigned(slba, 64, "slba"),
                           _blocks(blocks))

    def deallocate(self, ranges: Sequence[tuple[int, int]], buffer: Buffer,
                   offset: int = 0) -> Command:
        """Queue a Dataset Management that deallocates (first block, blocks).

        The ranges are put into the buffer, 16 bytes each, where the device reads them.
        """
        _ranges(ranges, 0, 2**32 - 1)
        for number, (slba, blocks) in enumerate(ranges):
            struct.pack_into("<IIQ", buffer.view, offset + 16 * number, 0, blocks, slba)
        return self._queue(_lib.prep_deallocate, len(ranges), buffer.id,
                           unsigned(offset, 64, "offset"), memory=buffer.memory)

    def copy(self, destination: int, ranges: Sequence[tuple[int, int]], buffer: Buffer,
             offset: int = 0) -> Command:
        """Queue a Copy of (first block, blocks), one range after the other.

        The ranges are put into the buffer, 32 bytes each, where the device reads them.
        """
        _ranges(ranges, 1, MAX_BLOCKS)
        for number, (slba, blocks) in enumerate(ranges):
            struct.pack_into("<QQH14x", buffer.view, offset + 32 * number, 0, slba, blocks - 1)
        return self._queue(_lib.prep_copy, unsigned(destination, 64, "destination"), len(ranges),
                           buffer.id, unsigned(offset, 64, "offset"), memory=buffer.memory)

    def zone_send(self, zslba: int, action: ZoneAction, *, every: bool = False) -> Command:
        """Queue a Zone Management Send; to every zone, where zslba is 0 then."""
        return self._queue(_lib.prep_zone_send, unsigned(zslba, 64, "zslba"),
                           ZoneAction(action), every)

    def zone_receive(self, slba: int, buffer: Buffer, offset: int = 0,
                     length: int | None = None, *, partial: bool = False) -> Command:
        """Queue a report of the zones from that of the block on."""
        if length is None:
            length = len(buffer) - offset
        if length <= 0 or length % 4:
            raise ValueError(f"a report of {length} bytes: a multiple of 4 is wanted")
        return self._queue(_lib.prep_zone_receive, unsigned(slba, 64, "slba"), buffer.id,
                           unsigned(offset, 64, "offset"), unsigned(length, 32, "length"),
                           partial, memory=buffer.memory)

    def command(self, opcode: int, *, cdw10: int = 0, cdw11: int = 0, cdw12: int = 0,
                buffer: Buffer | None = None, offset: int = 0, length: int = 0) -> Command:
        """Queue a command of any opcode; the guard refuses what it does not know."""
        number, memory = (buffer.id, buffer.memory) if buffer else (0, None)
        return self._queue(self._fill, unsigned(opcode, 8, "opcode"),
                           unsigned(cdw11, 32, "cdw11") << 32 | unsigned(cdw10, 32, "cdw10"),
                           unsigned(cdw12, 32, "cdw12"), number,
                           unsigned(offset, 64, "offset"), unsigned(length, 32, "length"),
                           memory=memory)

    @staticmethod
    def _fill(*arguments: int) -> int:
        _lib.prep_fill(*arguments)
        return 0

    def _data(self, prepare: Callable[..., int], slba: int, blocks: int, buffer: Buffer,
              offset: int, flags: IoFlags) -> Command:
        length = _blocks(blocks) * self._lba_bytes
        return self._queue(prepare, unsigned(slba, 64, "slba"), blocks, buffer.id,
                           unsigned(offset, 64, "offset"), unsigned(length, 32, "length"),
                           memory=buffer.memory, flags=flags)

    def _queue(self, prepare: Callable[..., int], *arguments: int,
               memory: Memory | None = None, flags: IoFlags = IoFlags.NONE) -> Command:
        with self._submission:
            self._check()
            sqe = _lib.ring_get_sqe(self._ref)
            if sqe is None:
                raise RingFullError(errno.EAGAIN, "the ring is full")
            # There is no way back: an entry that is not filled is one that is refused.
            command = Command(self, memory)
            key = next(self._keys)
            self._commands[key] = command
            _lib.sqe_set_data64(self._ref, sqe, key)
            check(prepare(sqe, *arguments), "a submission entry")
            if flags:
                _lib.sqe_set_io_flags(sqe, flags)
            return command

    # Submission and completion

    def submit(self) -> int:
        """Hand over the commands that are queued, how many the kernel took.

        Those that it did not take it takes as soon as it can.
        """
        with self._submission:
            while True:
                self._check()
                answer = _lib.ring_submit(self._ref)
                # Python's handlers ran in between.
                if answer != -errno.EINTR:
                    return check(answer, "submit")

    def reap(self) -> list[Command]:
        """The commands that have completed since, without waiting; oldest first."""
        with self._completion:
            self._check()
            if self._polled:
                answer = _lib.ring_peek_cqe(self._ref, self._cqes)
                if answer not in (0, -errno.EAGAIN):
                    check(answer, "reap")
            return self._reap()

    def wait(self, timeout: float | None = None) -> list[Command]:
        """The same, after waiting until there is one; it submits nothing."""
        deadline = _deadline(timeout)
        with self._completion:
            return self._wait(deadline)

    def wait_for(self, command: Command, deadline: int) -> None:
        """For Command.wait(): wait for some completion, unless the command is done."""
        with self._completion:
            if not command.done:
                self._wait(deadline)

    def _wait(self, deadline: int) -> list[Command]:
        while True:
            self._check()
            answer = _lib.ring_wait_cqe_timeout(self._ref, self._cqes, deadline)
            if answer != -errno.EINTR:
                check(answer, "wait for a completion")
                return self._reap()

    def _reap(self) -> list[Command]:
        """Each step may be repeated, in case an exception of a signal comes in between."""
        reaped = []
        while count := _lib.ring_peek_batch_cqe(self._ref, self._cqes, BATCH):
            keys = []
            for cqe in self._cqes[:count]:
                key = _lib.cqe_get_data64(self._ref, cqe)
                keys.append(key)
                command = self._commands.get(key)
                if command and not command.done:
                    command.finish(_completion(cqe))
                    reaped.append(command)
            _lib.ring_cq_advance(self._ref, count)
            for key in keys:
                self._commands.pop(key, None)
        return reaped

    def failure(self) -> UsherError | None:
        """Why no completion can come any more; None as long as one can."""
        self._check()
        wait = _abi.RingWait(ctypes.pointer(self._ring))
        _lib.wait_rings(ctypes.byref(wait), 1, 0)
        return _reason(wait.result)

    def fail(self, failure: UsherError) -> None:
        """Give up the commands that did not complete, for this reason."""
        with self._submission:
            self._check()
            self._give_up(failure)

    def _give_up(self, failure: UsherError) -> None:
        lost = self._untaken()
        for command in list(self._commands.values()):
            if not command.done and command.memory and command not in lost:
                _abandoned.append(command.memory)
            command.finish(None, failure)

    def untaken(self) -> list[Command]:
        """The commands that are queued, and that the kernel did not take."""
        with self._submission:
            self._check()
            return self._untaken()

    def _untaken(self) -> list[Command]:
        # In the order in which they were queued, those included that were given up
        commands = list(self._commands.values())
        ready = _lib.ring_sq_ready(self._ref)
        return [command for command in commands[len(commands) - ready:] if not command.done]

    # The end

    def close(self, timeout: float = DRAIN_SECONDS) -> None:
        """Close it; a second call does nothing. Commands that are only queued are lost."""
        if self._closed:
            return
        self._lock_for_close()
        try:
            if not self._closed:
                self._drain(_deadline(timeout))
                self._end()
        finally:
            self._submission.release()
            self._completion.release()

    def _lock_for_close(self) -> None:
        if self._submission.acquire(blocking=False):    # pylint: disable=consider-using-with
            if self._completion.acquire(blocking=False):  # pylint: disable=consider-using-with
                return
            self._submission.release()
        raise RuntimeError("the ring is in use by another thread")

    def _drain(self, deadline: int) -> None:
        while self.outstanding > len(self._untaken()):
            answer = _lib.ring_wait_cqe_timeout(self._ref, self._cqes, deadline)
            if answer < 0 and answer != -errno.EINTR:
                break
            self._reap()

    def _end(self) -> None:
        self._reap()
        self._give_up(error(errno.ECANCELED, "the ring was closed"))
        self._closed = True
        _lib.ring_exit(self._ref)
        self._commands.clear()

    def _check(self) -> None:
        if self._closed:
            raise ValueError("the ring is closed")

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"a ring was not closed: {self!r}", ResourceWarning, source=self)
            self.close(0)


def _completion(cqe: int | None) -> Completion:
    flags = _lib.cqe_flags(cqe)
    return Completion(_lib.cqe_status(cqe), _lib.cqe_result(cqe), bool(flags & 1),
                      bool(flags & 2), bool(_lib.cqe_dnr(cqe)))


def _reason(result: int) -> UsherError | None:
    return error(-result, "ring") if result < 0 else None


def wait_rings(rings: Iterable[Ring],
               timeout: float | None = None) -> list[tuple[Ring, UsherError | None]]:
    """Wait for completions on any of several rings: those that have some to reap.

    A ring on which none can come any more is among them, with the reason. Nothing is
    reaped; TimedOutError is raised when nothing came. No ring may be closed meanwhile.
    """
    those = list(rings)
    if not those:
        raise ValueError("no rings to wait for")
    waits = (_abi.RingWait * len(those))()
    for wait, ring in zip(waits, those):
        ring.fileno()
        wait.ring = ctypes.pointer(ring._ring)    # pylint: disable=protected-access
    deadline = _deadline(timeout)
    while (answer := _lib.wait_rings(waits, len(those), deadline)) == -errno.EINTR:
        pass
    check(answer, "wait for completions")
    return [(ring, _reason(wait.result)) for wait, ring in zip(waits, those) if wait.result]
