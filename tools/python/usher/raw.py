# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole PCI functions: registers, memory for DMA, interrupts.

As usher_pci.h, on usher-raw or vfio-pci. Errors have the sentence of usher_pci_reason().

Threads: any thread may access registers at any time, but not during a reset. Each vector has
one waiter at a time. Other methods of one function are for one thread at a time. close() is
refused with RuntimeError while another thread waits.
"""

import contextlib
import ctypes
import enum
import errno
import os
import threading
import time
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from . import _abi, _lib
from .errors import check_pci, nanoseconds, unsigned
from .memory import Memory

CONFIG_BYTES = 4096


class Irq(enum.IntEnum):
    """How a device interrupts."""

    NONE = 0
    INTX = 1
    MSI = 2
    MSIX = 3


@dataclass(frozen=True)
class FunctionInfo:
    """Members of struct usher_pci_info, which explains them."""

    backend: str
    address: str
    vendor: int
    device: int
    subsystem_vendor: int
    subsystem: int
    class_code: int
    revision: int
    irq: Irq
    vectors: int
    iommu: bool
    can_reset: bool
    page_bytes: int
    region_bytes: tuple[int, ...]


def barrier() -> None:
    """Between accesses to DMA memory, or a load from it and a register that is written.

    Registers are ordered against other accesses as usher_pci.h says, without this.
    """
    _lib.pci_barrier()


class Function:
    """A PCI function that this process has taken, until close().

    The first one makes accesses to devices that are gone read all ones, instead of ending
    the process by SIGBUS: the library installs a handler of that signal.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        """Take a function by its address, "0000:01:00.0", or by the path of its node."""
        self._pci = ctypes.c_void_p()
        self._closed = True
        self._users = 0
        self._lock = threading.Lock()
        self._memory: list[DmaMemory] = []
        self._interrupts: Interrupts | None = None
        check_pci(_lib.pci_catch_faults())
        check_pci(_lib.pci_open(os.fsencode(address), ctypes.byref(self._pci)))
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    @property
    def handle(self) -> ctypes.c_void_p:
        """The library's; ValueError when closed."""
        if self._closed:
            raise ValueError("the function is closed")
        return self._pci

    @property
    def info(self) -> FunctionInfo:
        """What the function is."""
        info = _lib.pci_info(self.handle).contents
        return FunctionInfo(
            info.backend.decode(), info.address.decode(), info.vendor, info.device,
            info.subsystem_vendor, info.subsystem, info.class_code, info.revision,
            Irq(info.irq), info.vectors, info.iommu, info.can_reset, info.page_bytes,
            tuple(info.region_bytes))

    @property
    def gone(self) -> bool:
        """Whether the device was removed, or its owner wants it back."""
        return bool(_lib.pci_gone(self.handle))

    def reset(self) -> None:
        """Reset it: registers are then as after power-on, memory and vectors stay."""
        check_pci(_lib.pci_reset(self.handle))

    def read_config(self, offset: int, width: int = 4) -> int:
        """Read 1, 2 or 4 bytes of configuration space."""
        value = ctypes.c_uint32()
        check_pci(_lib.pci_read_config(self.handle, unsigned(offset, 32, "offset"),
                                       unsigned(width, 32, "width"), ctypes.byref(value)))
        return value.value

    def write_config(self, offset: int, value: int, width: int = 4) -> None:
        """Write 1, 2 or 4 bytes of configuration space, as far as a process may."""
        check_pci(_lib.pci_write_config(self.handle, unsigned(offset, 32, "offset"),
                                        unsigned(width, 32, "width"),
                                        unsigned(value, 32, "value")))

    def find_capability(self, number: int, after: int = 0) -> int | None:
        """The offset of a capability in configuration space, the next one after another."""
        return check_pci(_lib.pci_find_capability(self.handle, unsigned(number, 8, "number"),
                                                  unsigned(after, 32, "after"))) or None

    def region(self, index: int) -> "Region":
        """The registers of a base address register, valid until close()."""
        return Region(self, index)

    def set_dma_bits(self, bits: int) -> None:
        """How many bits the device's addresses have; before there is memory."""
        check_pci(_lib.pci_set_dma_bits(self.handle, unsigned(bits, 32, "bits")))

    def dma_alloc(self, length: int, *, contiguous: bool = False,
                  readonly: bool = False) -> "DmaMemory":
        """New memory that the device may use, zeroed, in whole pages.

        contiguous: in one range of bus addresses; readonly: the device does not write it.
        """
        return self._dma(DmaMemory(self, length, None, _flags(contiguous, readonly)))

    def dma_register(self, memory: Any, *, contiguous: bool = False,
                     readonly: bool = False) -> "DmaMemory":
        """Memory that is there, such as an mmap. The device reaches whole pages."""
        return self._dma(DmaMemory(self, 0, memory, _flags(contiguous, readonly)))

    def _dma(self, memory: "DmaMemory") -> "DmaMemory":
        self._memory.append(memory)
        return memory

    def forget(self, memory: "DmaMemory") -> None:
        """For DmaMemory.close()."""
        self._memory.remove(memory)

    def interrupts(self, count: int = 1) -> "Interrupts":
        """Switch so many vectors on, of the best kind that the function has."""
        self._interrupts = Interrupts(self, count)
        return self._interrupts

    @contextlib.contextmanager
    def in_use(self) -> Iterator[ctypes.c_void_p]:
        """For calls that sleep, during which it is not closed."""
        with self._lock:
            handle = self.handle
            self._users += 1
        try:
            yield handle
        finally:
            with self._lock:
                self._users -= 1

    def close(self) -> None:
        """Give it back: DMA and interrupts stop, regions and memory are gone.

        A second call does nothing. Views of DMA memory end; BufferError is raised, and
        nothing is closed, where a part of one, or an array over it, is still there.
        """
        if self._closed:
            return
        with self._lock:
            if self._users:
                raise RuntimeError("the function is in use by another thread")
            for memory in self._memory:
                memory.end_views()
            self._closed = True
        if self._interrupts:
            self._interrupts.disable()
        _lib.pci_close(self._pci)

    def __enter__(self) -> Self:
        assert self.handle
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            warnings.warn(f"a function was not closed: {self!r}", ResourceWarning, source=self)
            self.close()


class Region:
    """Registers, from Function.region().

    Each access is one access of the device, of that width, in the order of the program. A
    register reads all ones when the device is gone. Offsets outside, or not aligned, raise
    UsherError with EINVAL.
    """

    def __init__(self, function: Function, index: int) -> None:
        self._function = function
        self._region = _abi.PciRegion()
        self._ref = ctypes.byref(self._region)
        self._value = threading.local()
        check_pci(_lib.pci_map_region(function.handle, unsigned(index, 32, "index"), self._ref))

    @property
    def bytes(self) -> int:
        """Its size."""
        return int(self._region.bytes)

    @property
    def mapped(self) -> bool:
        """Whether accesses are memory accesses; else they are system calls."""
        return bool(self._region.base)

    def read(self, offset: int, width: int) -> int:
        """Read a register of 1, 2, 4 or 8 bytes."""
        value = ctypes.c_uint64()
        assert self._function.handle
        check_pci(_lib.pci_read_register(self._ref, unsigned(offset, 64, "offset"), width,
                                         ctypes.byref(value)))
        return value.value

    def write(self, offset: int, value: int, width: int) -> None:
        """Write a register of 1, 2, 4 or 8 bytes."""
        assert self._function.handle
        check_pci(_lib.pci_write_register(self._ref, unsigned(offset, 64, "offset"), width,
                                          unsigned(value, 64, "value")))

    def read8(self, offset: int) -> int:
        """Read a register of 8 bits."""
        return self.read(offset, 1)

    def read16(self, offset: int) -> int:
        """Read a register of 16 bits."""
        return self.read(offset, 2)

    def read32(self, offset: int) -> int:
        """Read a register of 32 bits."""
        return self.read(offset, 4)

    def read64(self, offset: int) -> int:
        """Read a register of 64 bits."""
        return self.read(offset, 8)

    def write8(self, offset: int, value: int) -> None:
        """Write a register of 8 bits."""
        self.write(offset, value, 1)

    def write16(self, offset: int, value: int) -> None:
        """Write a register of 16 bits."""
        self.write(offset, value, 2)

    def write32(self, offset: int, value: int) -> None:
        """Write a register of 32 bits."""
        self.write(offset, value, 4)

    def write64(self, offset: int, value: int) -> None:
        """Write a register of 64 bits."""
        self.write(offset, value, 8)

    def await32(self, offset: int, mask: int, value: int, timeout: float | None = None) -> None:
        """Wait until those bits of a register are as wanted; TimedOutError when not."""
        unsigned(offset, 64, "offset")
        if offset % 4 or offset + 4 > self.bytes:
            raise ValueError(f"no register of 32 bits at {offset:#x}")
        with self._function.in_use():
            check_pci(_lib.pci_await32(self._ref, offset, unsigned(mask, 32, "mask"),
                                       unsigned(value, 32, "value"), nanoseconds(timeout)))


def _flags(contiguous: bool, readonly: bool) -> int:
    return ((_abi.DMA_CONTIGUOUS if contiguous else 0) |
            (_abi.DMA_READ_ONLY if readonly else 0))


class DmaMemory:
    """Memory that a device may use, from Function.dma_alloc() or dma_register().

    view is a memoryview of its bytes, and memory[a:b] reads and writes it. Python may
    access it byte by byte: look at a flag that the device sets, then call barrier(), then
    look at what it stands for.
    """

    def __init__(self, function: Function, length: int, exporter: Any, flags: int) -> None:
        self._closed = True
        self._function = function
        dma = ctypes.POINTER(_abi.PciDma)()
        self._memory = None if exporter is None else Memory(exporter)
        if self._memory:
            check_pci(_lib.pci_dma_register(function.handle, self._memory.address,
                                            self._memory.view.nbytes, flags,
                                            ctypes.byref(dma)))
        else:
            check_pci(_lib.pci_dma_alloc(function.handle, unsigned(length, 64, "length"), flags,
                                         ctypes.byref(dma)))
        self._dma = dma
        self._length = int(dma.contents.bytes)
        self._view: memoryview | None = None
        # Memory of the library: as long as this lives there are views.
        self._bytes: weakref.ref[Any] | None = None
        self._closed = False

    @property
    def view(self) -> memoryview:
        """All bytes, to be read and written; it ends with close()."""
        self._check()
        if self._view is None:
            if self._memory:
                self._view = self._memory.view[:]
            else:
                self._view = memoryview(self._array()).cast("B")
        return self._view

    def _array(self) -> Any:
        array = self._bytes() if self._bytes else None
        if array is None:
            array = (ctypes.c_ubyte * self._length).from_address(self._dma.contents.address)
            self._bytes = weakref.ref(array)
        return array

    @property
    def contiguous(self) -> bool:
        """Whether bus(0) plus an offset is good anywhere."""
        self._check()
        return bool(_lib.pci_dma_contiguous(self._dma))

    def bus(self, offset: int = 0) -> int:
        """The address by which the device sees a byte, good to the end of that page."""
        self._check()
        if not 0 <= offset < self._length:
            raise ValueError(f"no byte {offset} in memory of {self._length}")
        dma = self._dma.contents
        at = dma.first + offset
        return int(dma.pages[at >> dma.page_shift] + at % (1 << dma.page_shift))

    def end_views(self) -> None:
        """For close(): the view ends; BufferError where others live on.

        Memory of the caller's stays where it is, and so may views of it.
        """
        try:
            if self._view:
                self._view.release()
        except BufferError:
            if not self._memory:
                raise
        self._view = None
        if self._bytes and self._bytes() is not None:
            raise BufferError("views of the memory still exist")

    def close(self) -> None:
        """Take it from the device, which must not use it any more.

        A second call does nothing. BufferError: parts of its view are still there.
        """
        if self.closed:
            return
        self.end_views()
        self._closed = True
        self._function.forget(self)
        _lib.pci_dma_free(self._function.handle, self._dma)

    @property
    def closed(self) -> bool:
        """Whether it, or the function, was closed."""
        return self._closed or self._function.closed

    def _check(self) -> None:
        if self.closed:
            raise ValueError("the memory is closed")

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, key: int | slice) -> Any:
        """A byte, or bytes that are copied: a view of a part is view[a:b]."""
        found = self.view[key]
        return bytes(found) if isinstance(found, memoryview) else found

    def __setitem__(self, key: int | slice, value: Any) -> None:
        self.view[key] = value

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Interrupts:
    """The vectors of a function, on until disable() or the end of "with"."""

    def __init__(self, function: Function, count: int) -> None:
        self._enabled = False
        self._function = function
        check_pci(_lib.pci_enable_vectors(function.handle, unsigned(count, 32, "count")))
        self._enabled = True
        self._waiters = [threading.Lock() for _ in range(count)]

    def wait(self, vector: int = 0, timeout: float | None = None) -> int:
        """How often a vector came since the last call; TimedOutError when it did not.

        A vector of a pin (INTX) is masked afterwards: unmask() it when the device was told
        that its interrupt was seen. A wait may end without a cause in the device.
        """
        end = None if timeout is None else time.monotonic() + timeout
        nanoseconds(timeout)
        self._check(vector)
        if not self._waiters[vector].acquire(blocking=False):
            raise RuntimeError(f"another thread waits for vector {vector}")
        try:
            with self._function.in_use() as handle:
                while True:
                    left = None if end is None else max(end - time.monotonic(), 0)
                    answer = _lib.pci_wait(handle, vector, nanoseconds(left))
                    # Python's handlers ran in between.
                    if answer != -errno.EINTR:
                        return check_pci(answer)
        finally:
            self._waiters[vector].release()

    def mask(self, vector: int = 0) -> None:
        """Hold a vector back: it is seen after unmask()."""
        self._check(vector)
        check_pci(_lib.pci_mask(self._function.handle, vector))

    def unmask(self, vector: int = 0) -> None:
        """Let it through."""
        self._check(vector)
        check_pci(_lib.pci_unmask(self._function.handle, vector))

    def disable(self) -> None:
        """Switch them off; a second call does nothing. No thread may wait for one."""
        if not self._enabled:
            return
        if any(waiter.locked() for waiter in self._waiters):
            raise RuntimeError("another thread waits for an interrupt")
        self._enabled = False
        if not self._function.closed:
            _lib.pci_disable_vectors(self._function.handle)

    def _check(self, vector: int) -> None:
        if not self._enabled or self._function.closed:
            raise ValueError("the interrupts are off")
        if not 0 <= vector < len(self._waiters):
            raise ValueError(f"no vector {vector} of {len(self._waiters)}")

    def __enter__(self) -> Self:
        self._check(0)
        return self

    def __exit__(self, *_: object) -> None:
        self.disable()
