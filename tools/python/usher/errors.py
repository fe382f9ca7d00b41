# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the package raises, besides ValueError and the like for arguments.

A call that fails raises UsherError, an OSError with its errno, or one of its classes here,
which are also Python's own: who catches PermissionError need not know this package. A
command that fails raises NvmeError.
"""

import errno
import os
from typing import TYPE_CHECKING

from . import _lib

if TYPE_CHECKING:
    from .ring import Completion


class UsherError(OSError):
    """A call failed; errno says why."""


class AccessError(UsherError, PermissionError):
    """Not with this user's permissions, not with this grant, or the grant was revoked."""


class NotFoundError(UsherError, FileNotFoundError):
    """There is no such node, buffer, slice or function."""


class GoneError(UsherError):
    """The device is gone, or its owner wants it back: it stays so."""


class StaleError(UsherError):
    """The namespace changed its format, or is gone: open it again."""


class TimedOutError(UsherError, TimeoutError):
    """It did not happen in time."""


class AgainError(UsherError, BlockingIOError):
    """Not now."""


class RingFullError(AgainError):
    """No entry is free: submit, and take completions."""


class NvmeError(UsherError):
    """A command completed with a status other than success; errno is EIO.

    status: status code type in bits 8-10, status code in bits 0-7
    completion: all of it; None where the command was a query
    """

    def __init__(self, status: int, completion: "Completion | None" = None) -> None:
        super().__init__(errno.EIO, f"{strstatus(status)} (status {status:#05x})")
        self.status = status
        self.completion = completion


_CLASSES: dict[int, type[UsherError]] = {
    errno.EACCES: AccessError,
    errno.EPERM: AccessError,
    errno.ENOENT: NotFoundError,
    errno.ENODEV: GoneError,
    errno.ESTALE: StaleError,
    errno.ETIME: TimedOutError,
    errno.ETIMEDOUT: TimedOutError,
    errno.EAGAIN: AgainError,
}


def strstatus(status: int) -> str:
    """The status of a command in words."""
    return str(_lib.strstatus(status & 0x7ff).decode())


def error(number: int, what: str, text: str | None = None) -> UsherError:
    """The exception for an errno; what is what was to be done, or with what."""
    message = text or f"{what}: {os.strerror(number)}"
    return _CLASSES.get(number, UsherError)(number, message)


def check(answer: int, what: str) -> int:
    """The answer of a function of the library, if it is no error."""
    if answer < 0:
        raise error(-answer, what)
    return answer


def check_pci(answer: int) -> int:
    """The same for functions whose reason usher_pci_reason() tells, in this thread."""
    if answer < 0:
        raise error(-answer, "PCI function", _lib.pci_reason().decode(errors="replace"))
    return answer


def unsigned(value: int, bits: int, name: str) -> int:
    """The value, which C would otherwise cut off."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is {value}, and has {bits} bits")
    return value


def nanoseconds(timeout: float | None) -> int:
    """Seconds as libusher has them; None is for ever."""
    if timeout is None:
        return 2**64 - 1
    if not timeout >= 0:
        raise ValueError(f"a timeout of {timeout} seconds")
    return min(int(timeout * 1e9), 2**63 - 1) if timeout < 1e10 else 2**63 - 1
