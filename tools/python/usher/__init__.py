# SPDX-License-Identifier: LGPL-2.1-or-later
"""usher from Python: NVMe rings, and whole PCI functions, by libusher.

    import usher

    with usher.open("/dev/usher0n1") as grant, grant.alloc(4096) as buffer, \\
            grant.ring(8) as ring:
        ring.read(0, 8, buffer).result()
        print(bytes(buffer[:16]))

    with usher.Function("0000:01:00.0") as function:
        print(hex(function.region(0).read32(0)))

What is opened is closed by "with", the last first, or by close(); used afterwards, it
raises ValueError. After fork() only the parent goes on using it.
"""

import os

from .aio import AsyncRing
from .errors import (AccessError, AgainError, GoneError, NotFoundError, NvmeError, RingFullError,
                     StaleError, TimedOutError, UsherError, strstatus)
from .grant import Grant, GrantInfo, Limits, Rights, State
from .memory import Buffer
from .raw import DmaMemory, Function, FunctionInfo, Interrupts, Irq, Region, barrier
from .ring import (Command, Completion, IoFlags, Ring, RingInfo, ZoneAction, wait_rings)

__version__ = "0.1.0"


def open(path: str | os.PathLike[str],    # pylint: disable=redefined-builtin
         flags: int = os.O_RDWR) -> Grant:
    """Open a node: Grant.open()."""
    return Grant.open(path, flags)


def from_env() -> Grant:
    """The grant that a parent passed on: Grant.from_env()."""
    return Grant.from_env()


__all__ = [
    "AccessError", "AgainError", "AsyncRing", "Buffer", "Command", "Completion", "DmaMemory",
    "Function", "FunctionInfo", "GoneError", "Grant", "GrantInfo", "Interrupts", "IoFlags", "Irq",
    "Limits", "NotFoundError", "NvmeError", "Region", "Rights", "Ring", "RingFullError", "RingInfo",
    "StaleError", "State", "TimedOutError", "UsherError", "ZoneAction", "barrier", "from_env",
    "open", "strstatus", "wait_rings",
]
