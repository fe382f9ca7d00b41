#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rings from Python, in a guest; TAP. USHER_NODE and USHER_ZONED are nodes of disks."""

import array
import asyncio
import contextlib
import errno
import gc
import io
import itertools
import os
import random
import signal
import threading
import time
import unittest
from pathlib import Path

import tap
import usher

NODE = os.environ["USHER_NODE"]
ZONED = os.environ["USHER_ZONED"]
SUCCESS, INVALID_OPCODE = 0x000, 0x001
LBA_RANGE, COMPARE_FAILED, ACCESS_DENIED = 0x080, 0x285, 0x286
BLOCK = 512


class Disk(unittest.TestCase):
    """A grant of all of a disk, a buffer and a ring."""

    node = NODE

    def setUp(self):
        self.grant = usher.open(self.node)
        self.addCleanup(self.grant.close)
        self.buffer = self.grant.alloc(65536)
        self.addCleanup(self.buffer.close)
        self.ring = self.grant.ring(16)
        self.addCleanup(self.ring.close)

    def status(self, command):
        return command.wait(30).status

    def become(self, value, look):
        end = time.monotonic() + 60
        while look() != value and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(value, look())


class Commands(Disk):
    """Each command does what it says, or says why not."""

    def test_round_trip(self):
        pattern = random.randbytes(8 * BLOCK)
        self.buffer[:4096] = pattern
        self.assertTrue(self.ring.write(100, 8, self.buffer).result(30).ok)
        self.assertTrue(self.ring.read(100, 8, self.buffer, 8192).result(30).ok)
        self.assertEqual(pattern, bytes(self.buffer[8192:8192 + 4096]))
        self.assertEqual(bytes(4096), bytes(self.buffer[4096:8192]))

    def test_flags(self):
        self.ring.write(100, 8, self.buffer, flags=usher.IoFlags.FUA).result(30)
        self.ring.flush().result(30)

    def test_compare(self):
        self.buffer[:BLOCK] = b"\x5a" * BLOCK
        self.ring.write(7, 1, self.buffer).result(30)
        self.ring.compare(7, 1, self.buffer).result(30)
        self.buffer[511] = 0
        with self.assertRaises(usher.NvmeError) as caught:
            self.ring.compare(7, 1, self.buffer).result(30)
        self.assertEqual(COMPARE_FAILED, caught.exception.status)
        self.assertEqual(errno.EIO, caught.exception.errno)
        self.assertFalse(caught.exception.completion.refused)

    def test_zeroes_and_deallocate(self):
        self.buffer[:4096] = b"\xff" * 4096
        self.ring.write(40, 8, self.buffer).result(30)
        self.ring.write_zeroes(40, 4).result(30)
        self.ring.deallocate([(44, 1), (46, 2)], self.buffer, 8192).result(30)
        if self.grant.info().max_verify_blocks:
            self.ring.verify(40, 8).result(30)
        self.ring.read(40, 8, self.buffer).result(30)
        self.assertEqual(bytes(4 * BLOCK), bytes(self.buffer[:4 * BLOCK]))
        self.assertEqual(b"\xff" * BLOCK, bytes(self.buffer[5 * BLOCK:6 * BLOCK]))

    def test_copy(self):
        if not self.grant.info().max_copy_ranges:
            self.skipTest("the device has no Copy")
        pattern = random.randbytes(4 * BLOCK)
        self.buffer[:4 * BLOCK] = pattern
        self.ring.write(200, 4, self.buffer).result(30)
        self.ring.copy(300, [(202, 2), (200, 1)], self.buffer, 4096).result(30)
        self.ring.read(300, 3, self.buffer, 8192).result(30)
        self.assertEqual(pattern[2 * BLOCK:] + pattern[:BLOCK],
                         bytes(self.buffer[8192:8192 + 3 * BLOCK]))

    def test_out_of_range(self):
        end = self.grant.info().nlb
        self.assertEqual(SUCCESS, self.status(self.ring.read(end - 8, 8, self.buffer)))
        for slba, blocks in ((end, 1), (end - 7, 8), (2**64 - 1, 1)):
            completion = self.ring.read(slba, blocks, self.buffer).wait(30)
            self.assertEqual((LBA_RANGE, True), (completion.status, completion.refused))
            self.assertIn("out of range", completion.text)

    def test_refused(self):
        before = self.ring.info()
        with self.grant.narrow(0, 16, usher.Rights.READ) as narrow, \
                narrow.alloc(4096) as buffer, narrow.ring(4) as ring:
            ring.read(0, 8, buffer).result(30)
            completion = ring.write(0, 8, buffer).wait(30)
            self.assertEqual((ACCESS_DENIED, True), (completion.status, completion.refused))
            self.assertEqual(LBA_RANGE, ring.read(15, 2, buffer).wait(30).status)
        self.assertEqual(INVALID_OPCODE, self.status(self.ring.command(0x7f)))
        self.assertNotEqual(SUCCESS, self.status(self.ring.read(0, 8, self.buffer, 65536)))
        self.assertEqual(SUCCESS, self.status(
            self.ring.command(0x02, cdw10=3, buffer=self.buffer, length=BLOCK)))
        self.assertEqual(before.refused + 2, self.ring.info().refused)

    def test_arguments(self):
        for call in (lambda: self.ring.read(0, 0, self.buffer),
                     lambda: self.ring.read(0, 65537, self.buffer),
                     lambda: self.ring.read(-1, 1, self.buffer),
                     lambda: self.ring.read(0, 1, self.buffer, -4),
                     lambda: self.ring.command(256),
                     lambda: self.ring.deallocate([], self.buffer),
                     lambda: self.ring.deallocate([(0, 1)] * 257, self.buffer),
                     lambda: self.ring.copy(0, [(0, 0)], self.buffer),
                     lambda: self.ring.zone_send(0, 99),
                     lambda: self.grant.ring(-1)):
            self.assertRaises(ValueError, call)
        self.assertEqual(0, self.ring.outstanding)
        with self.assertRaises(usher.UsherError) as caught:
            self.grant.ring(3)
        self.assertEqual(errno.EINVAL, caught.exception.errno)

    def test_queries(self):
        info = self.grant.info()
        self.assertEqual((usher.State.LIVE, BLOCK, 0), (info.state, info.lba_bytes, info.slba))
        self.assertIn(usher.Rights.WRITE, info.rights)
        self.assertEqual(b"plain".ljust(20), self.grant.identify(0x01)[4:24])
        self.assertEqual(info.ns_blocks, int.from_bytes(self.grant.identify(0x00)[:8], "little"))
        self.assertEqual(512, len(self.grant.get_log(0x02, 512)))
        self.assertGreater(self.grant.get_features(0x07), 0)
        with self.assertRaises(PermissionError):
            self.grant.identify(0xff)

    def test_page(self):
        page = Path(__file__).resolve().parents[3] / "Documentation/python.rst"
        code = []
        for indent, text in zip(("", "    "), page.read_text().split("code-block:: python\n")[1:]):
            block = itertools.takewhile(lambda line: not line or line[0] == " ",
                                        text.splitlines())
            code += [indent + line[4:] for line in block]
        program = "\n".join(code).replace("/dev/usher0n1s1", NODE)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(program, {})    # pylint: disable=exec-used
        self.assertEqual("b'data'\n" + 16 * "success\n", said.getvalue())

    def test_slice(self):
        number = self.grant.slice_add(65534, 65534, 0o600)
        path = Path(f"{NODE}s{number}")
        self.addCleanup(self.grant.slice_remove, number)
        self.become(True, path.exists)
        with usher.open(path, os.O_RDONLY) as grant:
            self.assertEqual(usher.Rights.READ | usher.Rights.ADMIN, grant.info().rights)


class Buffers(Disk):
    """Memory, and how long it stays."""

    def test_memoryview(self):
        view = self.buffer.view
        self.assertEqual((65536, "B", False), (view.nbytes, view.format, view.readonly))
        view[:4] = b"abcd"
        with view.cast("I") as words:
            self.assertEqual(int.from_bytes(b"abcd", "little"), words[0])
        self.assertEqual(b"abcd", bytes(self.buffer[:4]))
        self.assertEqual(65536, len(self.buffer))
        self.buffer[0] = 0
        self.assertEqual(0, view[0])

    def test_of_the_caller(self):
        for mine in (bytearray(4096), array.array("I", bytes(4096))):
            with self.subTest(kind=type(mine)), self.grant.register(mine) as buffer:
                self.buffer[:4096] = pattern = random.randbytes(4096)
                self.ring.write(0, 8, self.buffer).result(30)
                self.ring.read(0, 8, buffer).result(30)
                self.assertEqual(pattern, bytes(mine))
                with self.assertRaises(BufferError):
                    mine.extend(b"more")
            mine.extend(mine[:1])

    def test_unaligned(self):
        with self.assertRaises(ValueError):
            self.grant.register(self.buffer.view[2:66])

    def test_readonly(self):
        with self.grant.alloc(4096, readonly=True) as buffer:
            buffer[:8] = b"readonly"
            self.ring.write(0, 8, buffer).result(30)
            self.assertNotEqual(SUCCESS, self.status(self.ring.read(0, 8, buffer)))

    def test_limit(self):
        limits = usher.Limits(pinned_bytes=8192)
        with self.grant.narrow(0, 8, usher.Rights.READ, limits) as grant:
            with grant.alloc(4096), self.assertRaises(usher.UsherError) as caught:
                grant.alloc(8192)
            self.assertEqual(errno.EDQUOT, caught.exception.errno)
            # Pages are given back a moment later.
            self.become(0, lambda: grant.info().used.pinned_bytes)
            grant.alloc(8192).close()

    def test_closed(self):
        view = self.buffer.view
        with view[:16] as part:
            self.buffer.close()
            self.buffer.close()
            part[0] = 1
        for call in (lambda: view[0], lambda: self.buffer[0], lambda: self.buffer.view,
                     lambda: len(self.buffer), lambda: self.ring.read(0, 8, self.buffer),
                     self.buffer.__enter__):
            self.assertRaises(ValueError, call)

    def test_closed_in_flight(self):
        mine = bytearray(65536)
        buffer = self.grant.register(mine)
        commands = [self.ring.read(n * 8, 8, buffer, n * 4096) for n in range(16)]
        self.ring.submit()
        buffer.close()
        del buffer
        gc.collect()
        for command in commands:
            self.assertEqual(SUCCESS, command.wait(30).status)
        mine.append(1)

    def test_queued_before_it_was_closed(self):
        buffer = self.grant.alloc(4096)
        command = self.ring.read(0, 8, buffer)
        buffer.close()
        completion = command.wait(30)
        self.assertNotEqual(SUCCESS, completion.status)
        self.assertTrue(completion.refused)


class Rings(Disk):
    """Queues, waits, and the end."""

    def test_depth_64(self):
        with self.grant.ring(64) as ring:
            commands = [ring.read(n * 8, 8, self.buffer, n % 16 * 4096) for n in range(64)]
            with self.assertRaises(BlockingIOError) as caught:
                ring.flush()
            self.assertIsInstance(caught.exception, usher.RingFullError)
            ring.submit()
            done = []
            while len(done) < 64:
                done += ring.wait(30)
            self.assertEqual(set(commands), set(done))
            self.assertTrue(all(command.completion.ok for command in done))
            self.assertEqual((64, 0), (ring.info().completed, ring.outstanding))

    def test_many_rounds(self):
        for _ in range(100):
            commands = [self.ring.read(n, 1, self.buffer, n * BLOCK) for n in range(16)]
            self.assertTrue(commands[-1].result(30).ok)
            for command in commands:
                command.result(30)
        self.assertEqual(1600, self.ring.info().completed)

    def test_polled(self):
        with self.grant.ring(8, polled=True) as ring:
            self.assertTrue(ring.polled)
            self.assertEqual([], ring.reap())
            ring.read(0, 8, self.buffer).result(30)
            command = ring.read(8, 8, self.buffer)
            ring.submit()
            while not command.done:
                ring.reap()

    def test_two_rings(self):
        with self.grant.ring(8) as other:
            first, second = self.ring.read(0, 8, self.buffer), other.read(8, 8, self.buffer, 4096)
            with self.assertRaises(TimeoutError):
                usher.wait_rings([self.ring, other], 0)
            other.submit()
            self.assertEqual([(other, None)], usher.wait_rings([self.ring, other], 30))
            self.assertEqual([second], other.reap())
            self.assertFalse(first.done)
            self.ring.submit()
            self.assertEqual([(self.ring, None)], usher.wait_rings([self.ring, other], 30))
            self.assertEqual([first], self.ring.reap())

    def test_two_threads(self):
        failures = []

        def work(first):
            try:
                with self.grant.ring(8) as ring, self.grant.alloc(4096) as buffer:
                    for slba in range(first, first + 800, 8):
                        buffer[:8] = slba.to_bytes(8, "little")
                        ring.write(slba, 8, buffer).result(30)
                        buffer[:8] = bytes(8)
                        ring.read(slba, 8, buffer).result(30)
                        assert int.from_bytes(buffer[:8], "little") == slba
            except BaseException as error:    # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n * 1000,)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)

    def test_one_ring_many_threads(self):
        failures = []

        def work(number):
            try:
                for _ in range(100):
                    self.ring.read(number * 8, 8, self.buffer, number * 4096).result(60)
            except BaseException as error:    # pylint: disable=broad-except
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        self.assertEqual(400, self.ring.info().completed)

    def test_timeout(self):
        for timeout in (0, 0.05):
            with self.assertRaises(TimeoutError):
                self.ring.wait(timeout)

    def test_signal(self):
        self.addCleanup(signal.signal, signal.SIGALRM, signal.SIG_DFL)
        signals = []

        def count(*_):
            signals.append(1)
            if len(signals) == 2:
                raise InterruptedError

        signal.signal(signal.SIGALRM, count)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
        try:
            with self.assertRaises(InterruptedError):
                self.ring.wait(60)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertEqual(2, len(signals))
        self.ring.read(0, 8, self.buffer).result(30)

    def test_closed(self):
        command = self.ring.read(0, 8, self.buffer)
        self.ring.submit()
        queued = self.ring.read(0, 8, self.buffer)
        self.ring.close()
        self.ring.close()
        self.assertEqual(SUCCESS, command.wait().status)
        with self.assertRaises(usher.UsherError) as caught:
            queued.result()
        self.assertEqual(errno.ECANCELED, caught.exception.errno)
        for call in (self.ring.submit, self.ring.reap, self.ring.wait, self.ring.info,
                     self.ring.fileno, self.ring.flush, self.ring.__enter__,
                     lambda: usher.wait_rings([self.ring], 0)):
            self.assertRaises(ValueError, call)

    def test_closed_in_use(self):
        waiting = threading.Thread(target=lambda: self.assertRaises(TimeoutError,
                                                                    self.ring.wait, 2))
        waiting.start()
        while not self.ring._completion.locked():    # pylint: disable=protected-access
            time.sleep(0.001)
        self.assertRaises(RuntimeError, self.ring.close)
        waiting.join()
        self.ring.read(0, 8, self.buffer).result(30)

    def test_grant_closed_first(self):
        self.grant.close()
        self.ring.read(0, 8, self.buffer).result(30)
        self.buffer.close()

    def test_left_open(self):
        rings = self.grant.info().used.rings
        ring = self.grant.ring(4)
        self.assertEqual(rings + 1, self.grant.info().used.rings)
        with self.assertWarns(ResourceWarning):
            del ring
            gc.collect()
        self.become(rings, lambda: self.grant.info().used.rings)


class Revoked(Disk):
    """A grant that has ended."""

    def setUp(self):
        super().setUp()
        self.child = self.grant.narrow(0, 64, usher.Rights.READ)
        self.addCleanup(self.child.close)
        self.mine = self.child.alloc(4096)
        self.addCleanup(self.mine.close)

    def test_submit(self):
        with self.child.ring(4) as ring:
            ring.read(0, 8, self.mine).result(30)
            self.grant.revoke()
            self.assertEqual(usher.State.REVOKED, self.child.info().state)
            command = ring.read(0, 8, self.mine)
            with self.assertRaises(PermissionError) as caught:
                command.result(30)
            self.assertIsInstance(caught.exception, usher.AccessError)
            self.assertIsInstance(ring.failure(), usher.AccessError)
            [(ready, reason)] = usher.wait_rings([ring], 30)
            self.assertEqual((ring, errno.EACCES), (ready, reason.errno))
        self.assertEqual(errno.ECANCELED, command.error.errno)
        self.assertRaises(PermissionError, self.child.ring, 4)

    def test_waiter(self):
        with self.child.ring(4) as ring:
            threading.Timer(0.1, self.grant.revoke).start()
            self.assertRaises(PermissionError, ring.wait, 60)

    def test_asyncio(self):
        async def work():
            async with usher.AsyncRing(self.child, 4) as ring:
                await ring.read(0, 8, self.mine)
                self.grant.revoke()
                for _ in range(2):
                    with self.assertRaises(usher.AccessError):
                        await ring.read(0, 8, self.mine)
                await asyncio.sleep(0.1)
                with self.assertRaises(usher.AccessError):
                    await ring.read(0, 8, self.mine)

        asyncio.run(asyncio.wait_for(work(), 60))

    def test_asyncio_full(self):
        async def work():
            async with usher.AsyncRing(self.child, 4) as ring:
                tasks = [asyncio.create_task(ring.read(0, 8, self.mine)) for _ in range(100)]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                self.grant.revoke()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                good = [result for result in results if isinstance(result, usher.Completion)]
                bad = [result for result in results if isinstance(result, usher.AccessError)]
                self.assertEqual(100, len(good) + len(bad))
                self.assertTrue(good and bad)

        asyncio.run(asyncio.wait_for(work(), 60))


class Asyncio(Disk):
    """The event loop watches the ring."""

    def test_depth_64(self):
        async def work():
            with self.grant.alloc(256 * 4096) as buffer:
                async with usher.AsyncRing(self.grant, 64) as ring:
                    patterns = [random.randbytes(4096) for _ in range(256)]
                    for number, pattern in enumerate(patterns):
                        buffer[number * 4096:number * 4096 + 4096] = pattern
                    await asyncio.gather(*(ring.write(n * 8, 8, buffer, n * 4096)
                                           for n in range(256)))
                    buffer[:] = bytes(len(buffer))
                    await ring.flush()
                    done = await asyncio.gather(*(ring.read(n * 8, 8, buffer, n * 4096)
                                                  for n in range(256)))
                    self.assertTrue(all(completion.ok for completion in done))
                    self.assertEqual(b"".join(patterns), bytes(buffer[:]))
                    await asyncio.gather(*(ring.compare(n * 8, 8, buffer, n * 4096)
                                           for n in range(256)))
                    self.assertEqual(769, ring.ring.info().completed)

        asyncio.run(asyncio.wait_for(work(), 120))

    def test_one_fails(self):
        async def work():
            async with usher.AsyncRing(self.grant, 8) as ring:
                results = await asyncio.gather(
                    ring.read(0, 8, self.buffer), ring.read(2**40, 8, self.buffer),
                    ring.run(lambda: ring.ring.write_zeroes(0, 8)), return_exceptions=True)
                self.assertTrue(results[0].ok and results[2].ok)
                self.assertIsInstance(results[1], usher.NvmeError)
                self.assertEqual(LBA_RANGE, results[1].status)
                with self.assertRaises(ValueError):
                    await ring.read(-1, 8, self.buffer)

        asyncio.run(asyncio.wait_for(work(), 60))

    def test_two_rings(self):
        async def work():
            async with usher.AsyncRing(self.grant, 8) as one, \
                    usher.AsyncRing(self.grant, 8) as two:
                await asyncio.gather(*(ring.read(0, 8, self.buffer) for ring in (one, two) * 50))
                self.assertEqual((50, 50), (one.ring.info().completed,
                                            two.ring.info().completed))

        asyncio.run(asyncio.wait_for(work(), 60))

    def test_cancelled(self):
        async def work():
            async with usher.AsyncRing(self.grant, 4) as ring:
                tasks = [asyncio.create_task(ring.read(0, 8, self.buffer)) for _ in range(20)]
                await asyncio.sleep(0)
                for task in tasks[::2]:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                self.assertTrue(all(result.ok for result in results[1::2]))
                await ring.read(0, 8, self.buffer)

        asyncio.run(asyncio.wait_for(work(), 60))

    def test_closed(self):
        async def work():
            async with usher.AsyncRing(self.grant, 8) as ring:
                task = asyncio.create_task(ring.read(0, 8, self.buffer))
                await asyncio.sleep(0)
            self.assertTrue((await task).ok)
            self.assertTrue(ring.ring.closed)
            await ring.aclose()
            with self.assertRaises(ValueError):
                await ring.read(0, 8, self.buffer)

        asyncio.run(asyncio.wait_for(work(), 60))

    def test_not_entered(self):
        async def work():
            ring = usher.AsyncRing(self.grant, 8)
            with self.assertRaises(RuntimeError):
                await ring.read(0, 8, self.buffer)
            await ring.aclose()

        asyncio.run(asyncio.wait_for(work(), 60))


class Zones(Disk):
    """The zoned command set."""

    node = ZONED

    def test_zones(self):
        zone = self.grant.info().zone_blocks
        self.assertEqual(2048, zone)
        self.ring.zone_send(zone, usher.ZoneAction.RESET).result(30)
        self.buffer[:4096] = pattern = random.randbytes(4096)
        for number in range(2):
            completion = self.ring.zone_append(zone, 8, self.buffer).result(30)
            self.assertEqual(zone + number * 8, completion.result)
        self.ring.read(zone + 8, 8, self.buffer, 4096).result(30)
        self.assertEqual(pattern, bytes(self.buffer[4096:8192]))
        self.ring.zone_receive(zone, self.buffer, 8192, 4096, partial=True).result(30)
        # the write pointer, in the first descriptor
        self.assertEqual(zone + 16, int.from_bytes(self.buffer[8192 + 88:8192 + 96], "little"))


class Removal(Disk):
    """The end of the device, which is the last test."""

    def test_unbound(self):
        async def work():
            async with usher.AsyncRing(self.grant, 8) as ring:
                await ring.read(0, 8, self.buffer)
                function = Path("/sys/class/usher", Path(NODE).name[:-2], "device").resolve()
                (function / "driver/unbind").write_text(function.name)
                with self.assertRaises(usher.GoneError) as caught:
                    await ring.read(0, 8, self.buffer)
                self.assertEqual(errno.ENODEV, caught.exception.errno)

        asyncio.run(asyncio.wait_for(work(), 60))
        self.assertIsInstance(self.ring.failure(), usher.GoneError)
        self.assertRaises(usher.GoneError, self.ring.wait, 60)
        self.assertRaises(usher.GoneError, self.grant.info)


def load_tests(loader, _, __):
    """In the order of this file, the removal last."""
    kinds = (Commands, Buffers, Rings, Revoked, Asyncio, Zones, Removal)
    return unittest.TestSuite(loader.loadTestsFromTestCase(kind) for kind in kinds)


if __name__ == "__main__":
    tap.main()
