#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Raw mode from Python, on QEMU's educational device in a guest; TAP.

USHER_EDU is its address.
"""

import errno
import gc
import math
import mmap
import os
import threading
import unittest
from pathlib import Path

import tap
import usher

EDU = os.environ["USHER_EDU"]
IDENTIFICATION, LIVENESS, FACTORIAL, STATUS = 0x00, 0x04, 0x08, 0x20
INTERRUPT_STATUS, RAISE, ACKNOWLEDGE = 0x24, 0x60, 0x64
DMA_SOURCE, DMA_DESTINATION, DMA_COUNT, DMA_COMMAND = 0x80, 0x88, 0x90, 0x98
START, TO_MEMORY, INTERRUPT = 0x1, 0x2, 0x4
BUFFER = 0x40000


class Device(unittest.TestCase):
    """The device, and its registers."""

    def setUp(self):
        self.function = usher.Function(EDU)
        self.addCleanup(self.function.close)
        self.registers = self.function.region(0)

    def copy(self, source, destination, direction):
        self.registers.write64(DMA_SOURCE, source)
        self.registers.write64(DMA_DESTINATION, destination)
        self.registers.write64(DMA_COUNT, 2048)
        self.registers.write64(DMA_COMMAND, START | direction)
        self.registers.await32(DMA_COMMAND, START, 0, 30)

    def round_trip(self, memory):
        data = os.urandom(2048)
        memory[:2048] = data
        self.copy(memory.bus(), BUFFER, 0)
        memory[:2048] = bytes(2048)
        self.copy(BUFFER, memory.bus(), TO_MEMORY)
        usher.barrier()
        self.assertEqual(data, memory[:2048])


class Functions(Device):
    """The function, and its registers."""

    def test_info(self):
        info = self.function.info
        self.assertEqual((0x1234, 0x11e8), (info.vendor, info.device))
        self.assertEqual(("usher-raw", EDU), (info.backend, info.address))
        self.assertEqual(1 << 20, info.region_bytes[0])
        self.assertEqual((usher.Irq.MSI, True), (info.irq, info.iommu))
        self.assertFalse(self.function.gone)

    def test_by_node(self):
        self.function.close()
        with usher.Function(Path("/dev/usher-raw", EDU)) as function:
            self.assertEqual(EDU, function.info.address)

    def test_taken(self):
        with self.assertRaises(usher.UsherError) as caught:
            usher.Function(EDU)
        self.assertEqual(errno.EBUSY, caught.exception.errno)
        self.assertIn("another process has it", str(caught.exception))

    def test_config(self):
        self.assertEqual(0x11e81234, self.function.read_config(0))
        self.assertEqual(0x11e8, self.function.read_config(2, 2))
        at = self.function.find_capability(0x05)
        self.assertEqual(0x05, self.function.read_config(at, 1))
        self.assertIsNone(self.function.find_capability(0x11))
        self.function.write_config(0x0c, 0x10, 1)
        for call in (lambda: self.function.read_config(1),
                     lambda: self.function.write_config(0x04, 6, 2)):
            self.assertRaises(usher.UsherError, call)
        self.assertRaises(ValueError, self.function.read_config, -4)

    def test_registers(self):
        self.assertTrue(self.registers.mapped)
        self.assertEqual(1 << 20, self.registers.bytes)
        self.assertEqual(0xed, self.registers.read32(IDENTIFICATION) & 0xff)
        self.registers.write32(LIVENESS, 0x12345678)
        self.assertEqual(0xedcba987, self.registers.read32(LIVENESS))
        self.registers.write64(DMA_SOURCE, 0x1122334455667788)
        self.assertEqual(0x1122334455667788, self.registers.read64(DMA_SOURCE))

    def test_no_registers(self):
        for call in (lambda: self.registers.read32(1 << 20), lambda: self.registers.read32(2),
                     lambda: self.registers.write32(0, 1 << 32),
                     lambda: self.registers.read(0, 3), lambda: self.function.region(1)):
            with self.assertRaises(usher.UsherError) as caught:
                call()
            self.assertEqual(errno.EINVAL, caught.exception.errno)
        for call in (lambda: self.registers.read32(-4), lambda: self.registers.write32(0, -1),
                     lambda: self.registers.await32(1 << 20, 1, 0, 0),
                     lambda: self.registers.await32(0, 1, 0, -1)):
            self.assertRaises(ValueError, call)

    def test_await(self):
        self.registers.await32(LIVENESS, 0, 0, 0)
        with self.assertRaises(TimeoutError) as caught:
            self.registers.await32(IDENTIFICATION, 1, 0, 0.01)
        self.assertIn("did not become", str(caught.exception))

    def test_reset(self):
        self.function.reset()
        self.assertEqual(0xed, self.registers.read32(IDENTIFICATION) & 0xff)

    def test_closed(self):
        memory = self.function.dma_alloc(4096)
        interrupts = self.function.interrupts()
        self.function.close()
        self.function.close()
        for call in (lambda: self.function.info, self.function.reset,
                     lambda: self.registers.read32(0), lambda: self.registers.write32(0, 0),
                     lambda: self.registers.await32(0, 0, 0, 0), lambda: memory.view,
                     memory.bus, interrupts.wait, interrupts.mask, self.function.__enter__):
            self.assertRaises(ValueError, call)
        memory.close()
        interrupts.disable()
        usher.Function(EDU).close()

    def test_left_open(self):
        self.function.close()
        with self.assertWarns(ResourceWarning):
            usher.Function(EDU)
            gc.collect()
        usher.Function(EDU).close()


class Memory(Device):
    """What the device may access."""

    def test_alloc(self):
        self.function.set_dma_bits(28)
        with self.function.dma_alloc(5000, contiguous=True) as memory:
            self.assertEqual((8192, True), (len(memory), memory.contiguous))
            self.assertEqual(bytes(8192), memory[:])
            self.assertLess(memory.bus(8191), 1 << 28)
            self.assertEqual(memory.bus() + 4100, memory.bus(4100))
            self.round_trip(memory)
            for offset in (-1, 8192):
                self.assertRaises(ValueError, memory.bus, offset)
            self.assertRaises(usher.UsherError, self.function.set_dma_bits, 32)

    def test_register(self):
        self.function.set_dma_bits(28)
        with mmap.mmap(-1, 8192) as mine:
            with self.function.dma_register(mine) as memory:
                self.round_trip(memory)
                self.assertRaises(BufferError, mine.close)
                self.assertEqual(mine[:2048], memory[:2048])
                del memory

    def test_nothing(self):
        self.assertRaises(usher.UsherError, self.function.dma_alloc, 0)
        self.assertRaises(ValueError, self.function.dma_alloc, -1)

    def test_views(self):
        memory, other = self.function.dma_alloc(4096), self.function.dma_alloc(4096)
        other[0] = 9
        view = memory.view
        with view.cast("I") as words:
            words[1] = 7
            for close in (memory.close, self.function.close):
                self.assertRaises(BufferError, close)
            words[1] = 8
            self.assertEqual((8, 9), (memory[4], other[0]))
        self.assertEqual(8, memory[4])
        memory.close()
        memory.close()
        for call in (lambda: view[0], lambda: memory.view, lambda: memory[0], memory.bus):
            self.assertRaises(ValueError, call)


class Vectors(Device):
    """Interrupts."""

    def test_factorial(self):
        with self.function.interrupts() as interrupts:
            self.registers.write32(STATUS, 0x80)
            for number in range(13):
                self.registers.write32(FACTORIAL, number)
                self.assertGreaterEqual(interrupts.wait(0, 30), 1)
                self.registers.write32(ACKNOWLEDGE, self.registers.read32(INTERRUPT_STATUS))
                self.assertEqual(math.factorial(number), self.registers.read32(FACTORIAL))

    def test_nothing_comes(self):
        with self.function.interrupts() as interrupts:
            for timeout in (0, 0.01):
                self.assertRaises(TimeoutError, interrupts.wait, 0, timeout)
            for vector in (-1, 1):
                self.assertRaises(ValueError, interrupts.wait, vector)
            self.assertRaises(usher.UsherError, self.function.interrupts)
        self.assertRaises(ValueError, interrupts.wait)
        self.assertRaises(usher.UsherError, self.function.interrupts, 99)

    def test_masked(self):
        with self.function.interrupts() as interrupts:
            interrupts.mask()
            self.registers.write32(RAISE, 1)
            self.assertRaises(usher.UsherError, interrupts.wait, 0, 0)
            interrupts.unmask()
            self.assertEqual(1, interrupts.wait(0, 30))
            self.registers.write32(ACKNOWLEDGE, 1)

    def test_in_use(self):
        interrupts = self.function.interrupts()
        came = []
        waiting = threading.Thread(target=lambda: came.append(interrupts.wait(0, 60)))
        waiting.start()
        while not self.function._users:    # pylint: disable=protected-access
            pass
        for call in (self.function.close, interrupts.disable, interrupts.wait):
            self.assertRaises(RuntimeError, call)
        self.registers.write32(RAISE, 1)
        waiting.join()
        self.assertEqual([1], came)
        self.registers.write32(ACKNOWLEDGE, 1)


if __name__ == "__main__":
    tap.main()
