# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rings for asyncio: the event loop watches the ring's file descriptor."""

import asyncio
import os
from collections.abc import Callable
from typing import Self

from .errors import AgainError, RingFullError, UsherError
from .grant import Grant
from .memory import Buffer
from .ring import DRAIN_SECONDS, Command, Completion, IoFlags, Ring


class AsyncRing:
    """A ring whose commands are awaited.

        async with AsyncRing(grant, 64) as ring:
            await ring.read(0, 8, buffer)

    Commands that tasks begin in one turn of the loop go to the kernel in one system call.
    Where the ring is full, a command waits for its turn. A command that fails raises
    NvmeError; when no more commands can be done (the grant was revoked, the device is
    gone), each raises the reason, an UsherError.

    A task that is cancelled does not take its command back: the device may use the buffer
    until the command completes, for which aclose() waits.

    All methods are called in the thread of the loop.
    """

    def __init__(self, grant: Grant, entries: int = 64) -> None:
        self._ring = Ring(grant, entries)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._flush_soon: asyncio.Handle | None = None
        self._error: UsherError | None = None

    @property
    def ring(self) -> Ring:
        """The ring below, to look at; its commands are not for here."""
        return self._ring

    async def read(self, slba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
                   flags: IoFlags = IoFlags.NONE) -> Completion:
        """Read blocks into a buffer."""
        return await self.run(lambda: self._ring.read(slba, blocks, buffer, offset, flags=flags))

    async def write(self, slba: int, blocks: int, buffer: Buffer, offset: int = 0, *,
                    flags: IoFlags = IoFlags.NONE) -> Completion:
        """Write blocks from a buffer."""
        return await self.run(lambda: self._ring.write(slba, blocks, buffer, offset, flags=flags))

    async def compare(self, slba: int, blocks: int, buffer: Buffer,
                      offset: int = 0) -> Completion:
        """Compare blocks with a buffer."""
        return await self.run(lambda: self._ring.compare(slba, blocks, buffer, offset))

    async def flush(self) -> Completion:
        """Make durable what has completed."""
        return await self.run(self._ring.flush)

    async def run(self, queue: Callable[[], Command]) -> Completion:
        """Any other command: run(lambda: ring.ring.verify(0, 8))."""
        if self._loop is not asyncio.get_running_loop():
            raise RuntimeError("use the ring in the loop that entered its \"async with\"")
        command = await self._queue(queue)
        future: asyncio.Future[None] = self._loop.create_future()
        command.on_done = lambda _: self._wake(future)
        if not self._flush_soon:
            self._flush_soon = self._loop.call_soon(self._flush)
        await future
        if command.error:
            raise command.error
        assert command.completion
        return command.completion.check()

    async def _queue(self, queue: Callable[[], Command]) -> Command:
        while True:
            if self._error and not self._ring.closed:
                raise self._error
            try:
                return queue()
            except RingFullError:
                self._flush()
            try:
                return queue()
            except RingFullError:
                await self._progress()

    async def _progress(self) -> None:
        """Until something completes."""
        assert self._loop
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    @staticmethod
    def _wake(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def _flush(self) -> None:
        if self._flush_soon:
            self._flush_soon.cancel()
            self._flush_soon = None
        try:
            self._ring.submit()
        except AgainError:
            pass    # what is queued is taken later, or after completions were reaped
        except UsherError as error:
            # What the kernel took still completes.
            self._error = error
            for command in self._ring.untaken():
                command.finish(None, error)
            self._wake_waiting()

    def _wake_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            self._wake(future)

    def _readable(self) -> None:
        if self._ring.reap():
            self._wake_waiting()
            if not self._error and self._ring.untaken():
                self._flush()
            return
        error = self._ring.failure()
        if error:
            self._end(error)

    def _end(self, error: UsherError) -> None:
        """No completion comes any more."""
        self._error = error
        if self._loop:
            self._loop.remove_reader(self._ring.fileno())
        self._ring.fail(error)
        self._wake_waiting()

    async def aclose(self, timeout: float = DRAIN_SECONDS) -> None:
        """Wait for commands in flight, not longer than so many seconds, and close."""
        if self._ring.closed:
            return
        if self._flush_soon:
            self._flush()
        try:
            async with asyncio.timeout(timeout):
                while self._ring.outstanding and self._loop:
                    await self._progress()
        except TimeoutError:
            pass
        finally:
            if self._flush_soon:
                self._flush_soon.cancel()
            if self._loop:
                self._loop.remove_reader(self._ring.fileno())
            self._ring.close(0)
            self._wake_waiting()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        os.set_blocking(self._ring.fileno(), False)
        self._loop.add_reader(self._ring.fileno(), self._readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
