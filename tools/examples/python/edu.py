#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A driver for QEMU's educational device: a factorial, and a copy to the device and back.

    ./edu.py 0000:01:00.0

What edu/edu.c does in C. The device is described in docs/specs/edu.rst of QEMU.
"""
import math
import os
import sys

import usher

IDENTIFICATION, FACTORIAL, STATUS, INTERRUPT_STATUS, ACKNOWLEDGE = 0x00, 0x08, 0x20, 0x24, 0x64
DMA_SOURCE, DMA_DESTINATION, DMA_COUNT, DMA_COMMAND = 0x80, 0x88, 0x90, 0x98
COMPUTED, COPIED = 0x001, 0x100
BUFFER, BYTES = 0x40000, 2048     # of the device's memory, by its own address


def await_interrupt(registers, interrupts, cause):
    seen = 0
    while not seen & cause:
        interrupts.wait(timeout=10)
        seen = registers.read32(INTERRUPT_STATUS)
        registers.write32(ACKNOWLEDGE, seen)
        interrupts.unmask()       # of a pin


def copy(registers, interrupts, source, destination, command):
    registers.write64(DMA_SOURCE, source)
    registers.write64(DMA_DESTINATION, destination)
    registers.write64(DMA_COUNT, BYTES)
    registers.write64(DMA_COMMAND, command | 0x5)     # start, and interrupt when copied
    await_interrupt(registers, interrupts, COPIED)


with usher.Function(sys.argv[1]) as function:
    registers = function.region(0)
    print(f"identification {registers.read32(IDENTIFICATION):#010x}")
    registers.await32(STATUS, 1, 0, timeout=10)       # what another driver began
    registers.await32(DMA_COMMAND, 1, 0, timeout=10)
    function.set_dma_bits(28)
    with function.dma_alloc(BYTES, contiguous=True) as memory, function.interrupts() as interrupts:
        registers.write32(STATUS, 0x80)               # interrupt when computed
        registers.write32(FACTORIAL, 10)
        await_interrupt(registers, interrupts, COMPUTED)
        assert registers.read32(FACTORIAL) == math.factorial(10)
        memory[:BYTES] = data = os.urandom(BYTES)
        copy(registers, interrupts, memory.bus(), BUFFER, 0)
        memory[:BYTES] = bytes(BYTES)
        copy(registers, interrupts, BUFFER, memory.bus(), 0x2)
        assert memory[:BYTES] == data
print(f"10! is {math.factorial(10)}, and {BYTES} bytes came back")
