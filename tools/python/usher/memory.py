# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory that commands of a grant's rings may use."""

import ctypes
import mmap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from . import _abi, _lib
from .errors import check

if TYPE_CHECKING:
    from .grant import Grant

HUGE_PAGE = 2 << 20


class Memory:
    """Bytes that stay where they are as long as this object, or a view of it, lives.

    The device may write to memory until the command completes. So each command in flight
    keeps this object, whatever happens to the buffer.
    """

    def __init__(self, exporter: Any) -> None:
        view = memoryview(exporter)
        if view.readonly or not view.c_contiguous or not view.nbytes:
            raise ValueError("memory for commands must be writable, contiguous and not empty")
        self.view = view.cast("B")
        # An export of the memory: it cannot be resized, nor closed.
        self._pin = (ctypes.c_char * view.nbytes).from_buffer(view)
        self.address = ctypes.addressof(self._pin)


def _anonymous(length: int) -> mmap.mmap:
    memory = mmap.mmap(-1, length)
    # A huge page would be pinned, and counted, as a whole.
    if length < HUGE_PAGE:
        try:
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        except OSError:
            pass    # a kernel without huge pages
    return memory


class Buffer:
    """Registered memory, from Grant.alloc() or Grant.register().

    view is a memoryview of its bytes, and buffer[a:b] reads and writes it; from Python
    3.12 on, memoryview(buffer) works, too. The memory is shared with the device: what is
    in it while a command uses it is the program's affair.

    close() takes the name away. Commands in flight go on using the memory, which lives as
    long as they do, and as long as views of it. The view that the property returned ends.

    Any thread may use it, at any time.
    """

    def __init__(self, grant: "Grant", exporter: Any, *, readonly: bool = False) -> None:
        self._closed = True
        self._memory = Memory(exporter)
        self._view = self._memory.view[:]
        if self._memory.address % 4:
            raise ValueError("memory for commands must begin at a multiple of 4")
        self._grant = grant
        number = ctypes.c_uint32()
        check(_lib.buf_register(grant.fileno(), self._memory.address, len(self._view),
                                _abi.BUF_RDONLY if readonly else 0, ctypes.byref(number)),
              f"register {len(self._view)} bytes")
        self._id = number.value
        self._closed = False

    @classmethod
    def anonymous(cls, grant: "Grant", length: int, *, readonly: bool = False) -> Self:
        """New memory of so many bytes, zeroed, in pages of its own."""
        if length <= 0:
            raise ValueError(f"a buffer of {length} bytes")
        return cls(grant, _anonymous(length), readonly=readonly)

    @property
    def id(self) -> int:
        """The name that submission entries have."""
        self._check()
        return self._id

    @property
    def memory(self) -> Memory:
        """What commands keep."""
        self._check()
        return self._memory

    @property
    def view(self) -> memoryview:
        """All bytes, to be read and written."""
        self._check()
        return self._view

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def close(self) -> None:
        """Take the name away; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        # Where the grant is closed, its buffers end with its last ring.
        if not self._grant.closed:
            _lib.buf_unregister(self._grant.fileno(), self._id)
        try:
            self._view.release()
        except BufferError:
            pass    # in use by something else, as an array: it stays valid
        del self._memory

    def _check(self) -> None:
        if self._closed:
            raise ValueError("the buffer is closed")

    def __buffer__(self, flags: int) -> memoryview:
        return self.view[:]

    def __len__(self) -> int:
        return len(self.view)

    def __iter__(self) -> Iterator[int]:
        return iter(self.view)

    def __getitem__(self, key: int | slice) -> Any:
        return self.view[key]

    def __setitem__(self, key: int | slice, value: Any) -> None:
        self.view[key] = value

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
