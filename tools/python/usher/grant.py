# SPDX-License-Identifier: LGPL-2.1-or-later
"""Grants: what a process may do with a namespace."""

import ctypes
import enum
import os
import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from . import _abi, _lib
from .errors import NvmeError, check, unsigned
from .memory import Buffer

if TYPE_CHECKING:
    from .ring import Ring

IDENTIFY_BYTES = 4096


class Rights(enum.IntFlag):
    """What a grant allows."""

    READ = 1
    WRITE = 2
    FLUSH = 4
    ADMIN = 8


class State(enum.IntEnum):
    """Whether a grant still allows anything."""

    LIVE = 0
    REVOKED = 1
    STALE = 2


@dataclass(frozen=True)
class Limits:
    """What may be taken through a grant; 0 in Grant.narrow() takes the parent's."""

    pinned_bytes: int = 0
    rings: int = 0
    ring_depth: int = 0


@dataclass(frozen=True)
class GrantInfo:
    """Members of struct usher_grant_info, which explains them."""

    state: State
    nsid: int
    rights: Rights
    csi: int
    lba_shift: int
    lba_bytes: int
    metadata_bytes: int
    max_transfer: int
    slba: int
    nlb: int
    ns_blocks: int
    zone_blocks: int
    limits: Limits
    used: Limits
    max_entries: int
    queue_pairs: int
    max_dsm_ranges: int
    vwc: int
    max_verify_blocks: int
    max_zeroes_blocks: int
    max_uncorrectable_blocks: int
    max_dsm_range_blocks: int
    max_dsm_blocks: int
    max_copy_ranges: int
    max_copy_range_blocks: int
    max_copy_blocks: int


def _limits(limits: _abi.Limits) -> Limits:
    return Limits(limits.pinned_bytes, limits.rings, limits.ring_depth)


def _answer(status: int, what: str) -> None:
    if check(status, what) > 0:
        raise NvmeError(status)


class Grant:
    """A grant, which is a file descriptor that this object owns.

    It comes from open(), from_env() or narrow(). Rings of it live on when it is closed;
    buffers end with the last ring then.

    Any thread may call any method at any time, but close() only when no other thread is in
    a call.
    """

    def __init__(self, fd: int) -> None:
        """Take over the file descriptor of a grant, for example a received one."""
        self._fd = fd

    @classmethod
    def open(cls, path: str | os.PathLike[str], flags: int = os.O_RDWR) -> Self:
        """Open a node. The flags O_RDONLY, O_WRONLY or O_RDWR decide which rights it has."""
        return cls(check(_lib.open_node(os.fsencode(path), flags), os.fsdecode(path)))

    @classmethod
    def from_env(cls) -> Self:
        """The grant that a parent passed on, as "usherctl exec" does."""
        return cls(check(_lib.grant_from_env(), "the grant in USHER_GRANT_FD"))

    def fileno(self) -> int:
        """The file descriptor; ValueError when it is closed."""
        if self._fd < 0:
            raise ValueError("the grant is closed")
        return self._fd

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._fd < 0

    def info(self) -> GrantInfo:
        """What the grant allows now. A revoked or stale grant says so in its state."""
        info = _abi.GrantInfo()
        check(_lib.grant_info(self.fileno(), ctypes.byref(info)), "grant info")
        members: dict[str, Any] = {field.name: getattr(info, field.name)
                                   for field in fields(GrantInfo)}
        members.update(state=State(info.state), rights=Rights(info.rights),
                       limits=_limits(info.limits), used=_limits(info.used))
        return GrantInfo(**members)

    def narrow(self, slba: int, blocks: int, rights: Rights,
               limits: Limits = Limits()) -> "Grant":
        """A smaller grant, whose first block is absolute in the namespace."""
        limit = _abi.Limits(unsigned(limits.pinned_bytes, 64, "pinned_bytes"),
                            unsigned(limits.rings, 32, "rings"),
                            unsigned(limits.ring_depth, 32, "ring_depth"))
        return Grant(check(_lib.narrow(self.fileno(), unsigned(slba, 64, "slba"),
                                       unsigned(blocks, 64, "blocks"),
                                       unsigned(rights, 32, "rights"), ctypes.byref(limit)),
                           f"narrow to {blocks} blocks at {slba}"))

    def revoke(self) -> None:
        """End every grant that was narrowed from this one."""
        check(_lib.revoke(self.fileno()), "revoke")

    def slice_add(self, uid: int, gid: int, mode: int = 0o600) -> int:
        """Publish the grant as a device node; the N of /dev/usher0n1sN."""
        number = ctypes.c_uint32()
        check(_lib.slice_add(self.fileno(), unsigned(uid, 32, "uid"), unsigned(gid, 32, "gid"),
                             unsigned(mode, 32, "mode"), ctypes.byref(number)), "add a slice")
        return number.value

    def slice_remove(self, number: int) -> None:
        """Take the node of a slice away, and revoke who opened it."""
        check(_lib.slice_remove(self.fileno(), unsigned(number, 32, "slice")),
              f"remove slice {number}")

    def alloc(self, length: int, *, readonly: bool = False) -> Buffer:
        """New memory for commands; readonly where the device only reads it."""
        return Buffer.anonymous(self, length, readonly=readonly)

    def register(self, memory: Any, *, readonly: bool = False) -> Buffer:
        """Memory that is there: a bytearray, mmap, array, of NumPy or others, writable.

        It cannot be resized or freed until the buffer is closed and commands are done.
        """
        return Buffer(self, memory, readonly=readonly)

    def ring(self, entries: int = 32, *, polled: bool = False) -> "Ring":
        """A ring with so many submission entries, a power of two."""
        from .ring import Ring    # pylint: disable=import-outside-toplevel,cyclic-import
        return Ring(self, entries, polled=polled)

    def identify(self, cns: int, csi: int = 0) -> bytes:
        """The 4096 bytes of an Identify; NvmeError when the device refuses."""
        data = ctypes.create_string_buffer(IDENTIFY_BYTES)
        _answer(_lib.identify(self.fileno(), unsigned(cns, 8, "cns"), unsigned(csi, 8, "csi"),
                              data), f"identify {cns:#x}")
        return data.raw

    def get_log(self, lid: int, length: int, offset: int = 0) -> bytes:
        """A part of a log page, at most 4096 bytes."""
        data = ctypes.create_string_buffer(max(unsigned(length, 32, "length"), 1))
        _answer(_lib.get_log(self.fileno(), unsigned(lid, 8, "lid"),
                             unsigned(offset, 64, "offset"), data, length), f"log {lid:#x}")
        return data.raw

    def get_features(self, fid: int, select: int = 0) -> int:
        """A feature: 0 its current value, 1 the default, 2 the saved one."""
        result = ctypes.c_uint32()
        _answer(_lib.get_features(self.fileno(), unsigned(fid, 8, "fid"),
                                  unsigned(select, 3, "select"), ctypes.byref(result)),
                f"feature {fid:#x}")
        return result.value

    def close(self) -> None:
        """Close the file descriptor; a second call does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        self.fileno()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            warnings.warn(f"a grant was not closed: {self!r}", ResourceWarning, source=self)
            self.close()
