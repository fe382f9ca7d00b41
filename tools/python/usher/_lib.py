# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds libusher, and declares those of its functions that the package calls.

The functions that usher.h has inline are in the library, too, and only these are called:
no index of a ring is read or written in Python, which has no barriers.

Two ways to call. "blocking" lets other threads run meanwhile, for what may sleep. "quick"
does not, for what a processor does at once: it costs less, and close() of another thread
cannot come in between.
"""

import ctypes
import os
from collections.abc import Callable
from ctypes import (POINTER, c_bool, c_char_p, c_int, c_size_t, c_uint, c_uint8, c_uint16,
                    c_uint32, c_uint64, c_void_p)
from typing import Any

from . import _abi

SONAME = "libusher.so.0"
VARIABLE = "USHER_LIBRARY"


def _load() -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    name = os.environ.get(VARIABLE) or SONAME
    try:
        return ctypes.CDLL(name), ctypes.PyDLL(name)
    except OSError as error:
        raise ImportError(f"{error}: install libusher, or name the file in {VARIABLE}",
                          name="usher", path=name) from None


_blocking, _quick = _load()


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    try:
        function = getattr(library, f"usher_{name}")
    except AttributeError:
        raise ImportError(f"libusher is too old for this package: it has no usher_{name}()",
                          name="usher") from None
    function.restype = result
    function.argtypes = arguments
    return function  # type: ignore[no-any-return]


def _call(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    return _function(_blocking, name, result, *arguments)


def _at_once(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    return _function(_quick, name, result, *arguments)


_RING = POINTER(_abi.Ring)
_SQE = c_void_p
_CQE = c_void_p
_U64 = POINTER(c_uint64)
_U32 = POINTER(c_uint32)

# Grants
open_node = _call("open", c_int, c_char_p, c_int)
grant_from_env = _call("grant_from_env", c_int)
grant_info = _call("grant_info", c_int, c_int, POINTER(_abi.GrantInfo))
narrow = _call("narrow", c_int, c_int, c_uint64, c_uint64, c_uint32, POINTER(_abi.Limits))
revoke = _call("revoke", c_int, c_int)
slice_add = _call("slice_add", c_int, c_int, c_uint32, c_uint32, c_uint32, _U32)
slice_remove = _call("slice_remove", c_int, c_int, c_uint32)
buf_register = _call("buf_register", c_int, c_int, c_void_p, c_size_t, c_uint32, _U32)
buf_unregister = _call("buf_unregister", c_int, c_int, c_uint32)
identify = _call("identify", c_int, c_int, c_uint8, c_uint8, c_void_p)
get_log = _call("get_log", c_int, c_int, c_uint8, c_uint64, c_void_p, c_uint32)
get_features = _call("get_features", c_int, c_int, c_uint8, c_uint8, _U32)

# Rings
ring_init = _call("ring_init", c_int, _RING, c_int, c_uint32, c_uint32)
ring_exit = _call("ring_exit", None, _RING)
ring_get_sqe = _at_once("ring_get_sqe", _SQE, _RING)
ring_sq_ready = _at_once("ring_sq_ready", c_uint32, _RING)
ring_submit = _call("ring_submit", c_int, _RING)
ring_peek_cqe = _call("ring_peek_cqe", c_int, _RING, POINTER(_CQE))
ring_peek_batch_cqe = _at_once("ring_peek_batch_cqe", c_uint, _RING, POINTER(_CQE), c_uint)
ring_cq_advance = _at_once("ring_cq_advance", None, _RING, c_uint32)
ring_wait_cqe_timeout = _call("ring_wait_cqe_timeout", c_int, _RING, POINTER(_CQE), c_uint64)
ring_info = _call("ring_info", c_int, _RING, POINTER(_abi.RingInfo), c_void_p, c_uint32)
wait_rings = _call("wait_rings", c_int, POINTER(_abi.RingWait), c_uint, c_uint64)
deadline = _at_once("deadline", c_uint64, c_uint64)

# Submission entries
_RANGE = (c_int, _SQE, c_uint64, c_uint32)
_DATA = (c_uint32, c_uint64, c_uint32)
prep_read = _at_once("prep_read", *_RANGE, *_DATA)
prep_write = _at_once("prep_write", *_RANGE, *_DATA)
prep_compare = _at_once("prep_compare", *_RANGE, *_DATA)
prep_flush = _at_once("prep_flush", c_int, _SQE)
prep_verify = _at_once("prep_verify", *_RANGE)
prep_write_zeroes = _at_once("prep_write_zeroes", *_RANGE)
prep_write_uncorrectable = _at_once("prep_write_uncorrectable", *_RANGE)
prep_deallocate = _at_once("prep_deallocate", c_int, _SQE, c_uint32, c_uint32, c_uint64)
prep_copy = _at_once("prep_copy", c_int, _SQE, c_uint64, c_uint32, c_uint32, c_uint64)
prep_zone_append = _at_once("prep_zone_append", *_RANGE, *_DATA)
prep_zone_send = _at_once("prep_zone_send", c_int, _SQE, c_uint64, c_int, c_bool)
prep_zone_receive = _at_once("prep_zone_receive", c_int, _SQE, c_uint64, *_DATA, c_bool)
prep_fill = _at_once("prep_fill", None, _SQE, c_int, c_uint64, c_uint32, c_uint32, c_uint64,
                     c_uint32)
sqe_set_io_flags = _at_once("sqe_set_io_flags", None, _SQE, c_uint32)
sqe_set_data64 = _at_once("sqe_set_data64", c_int, _RING, _SQE, c_uint64)

# Completions
cqe_get_data64 = _at_once("cqe_get_data64", c_uint64, _RING, _CQE)
cqe_status = _at_once("cqe_status", c_uint16, _CQE)
cqe_dnr = _at_once("cqe_dnr", c_bool, _CQE)
cqe_result = _at_once("cqe_result", c_uint64, _CQE)
cqe_flags = _at_once("cqe_flags", c_uint16, _CQE)
strstatus = _at_once("strstatus", c_char_p, c_uint16)

# Whole functions
_PCI = c_void_p
_REGION = POINTER(_abi.PciRegion)
_DMA = POINTER(_abi.PciDma)
pci_open = _call("pci_open", c_int, c_char_p, POINTER(_PCI))
pci_close = _call("pci_close", None, _PCI)
pci_reason = _at_once("pci_reason", c_char_p)
pci_info = _at_once("pci_info", POINTER(_abi.PciInfo), _PCI)
pci_gone = _call("pci_gone", c_bool, _PCI)
pci_reset = _call("pci_reset", c_int, _PCI)
pci_read_config = _call("pci_read_config", c_int, _PCI, c_uint32, c_uint32, _U32)
pci_write_config = _call("pci_write_config", c_int, _PCI, c_uint32, c_uint32, c_uint32)
pci_find_capability = _call("pci_find_capability", c_int, _PCI, c_uint8, c_uint32)
pci_map_region = _call("pci_map_region", c_int, _PCI, c_uint32, _REGION)
pci_catch_faults = _at_once("pci_catch_faults", c_int)
pci_read_register = _at_once("pci_read_register", c_int, _REGION, c_uint64, c_uint32, _U64)
pci_write_register = _at_once("pci_write_register", c_int, _REGION, c_uint64, c_uint32, c_uint64)
pci_barrier = _at_once("pci_barrier", None)
pci_await32 = _call("pci_await32", c_int, _REGION, c_uint64, c_uint32, c_uint32, c_uint64)
pci_set_dma_bits = _call("pci_set_dma_bits", c_int, _PCI, c_uint32)
pci_dma_alloc = _call("pci_dma_alloc", c_int, _PCI, c_uint64, c_uint32, POINTER(_DMA))
pci_dma_register = _call("pci_dma_register", c_int, _PCI, c_void_p, c_uint64, c_uint32,
                         POINTER(_DMA))
pci_dma_free = _call("pci_dma_free", None, _PCI, _DMA)
pci_dma_contiguous = _at_once("pci_dma_contiguous", c_bool, _DMA)
pci_enable_vectors = _call("pci_enable_vectors", c_int, _PCI, c_uint32)
pci_disable_vectors = _call("pci_disable_vectors", None, _PCI)
pci_wait = _call("pci_wait", c_int, _PCI, c_uint32, c_uint64)
pci_mask = _call("pci_mask", c_int, _PCI, c_uint32)
pci_unmask = _call("pci_unmask", c_int, _PCI, c_uint32)
