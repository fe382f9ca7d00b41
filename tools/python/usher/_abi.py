# SPDX-License-Identifier: LGPL-2.1-or-later
"""The structures of usher.h and usher_pci.h, as ctypes lays them out.

The names of members are those of the headers. tools/testing/python/test_host.py compares
each size and offset with what the compiler makes of the headers.
"""

from ctypes import (POINTER, Structure, c_bool, c_char, c_int, c_uint8, c_uint16, c_uint32,
                    c_uint64, c_void_p)

RING_POLLED = 1 << 0
RING_DATA64 = 1 << 31
BUF_RDONLY = 1 << 0
DMA_READ_ONLY = 1 << 0
DMA_CONTIGUOUS = 1 << 1
FOREVER = 2**64 - 1
REGIONS = 6


class Limits(Structure):
    """struct usher_limits"""

    _fields_ = [("pinned_bytes", c_uint64), ("rings", c_uint32), ("ring_depth", c_uint32)]


class GrantInfo(Structure):
    """struct usher_grant_info"""

    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("state", c_uint32), ("nsid", c_uint32),
        ("rights", c_uint32), ("csi", c_uint32), ("lba_shift", c_uint32),
        ("lba_bytes", c_uint32), ("metadata_bytes", c_uint32), ("max_transfer", c_uint32),
        ("slba", c_uint64), ("nlb", c_uint64), ("ns_blocks", c_uint64),
        ("zone_blocks", c_uint64), ("limits", Limits), ("used", Limits),
        ("max_entries", c_uint32), ("queue_pairs", c_uint32), ("max_dsm_ranges", c_uint32),
        ("vwc", c_uint32), ("max_verify_blocks", c_uint32), ("max_zeroes_blocks", c_uint32),
        ("max_uncorrectable_blocks", c_uint32), ("max_dsm_range_blocks", c_uint32),
        ("max_dsm_blocks", c_uint64), ("max_copy_ranges", c_uint32),
        ("max_copy_range_blocks", c_uint32), ("max_copy_blocks", c_uint32),
        ("pad", c_uint32),
    ]


class Ring(Structure):
    """struct usher_ring"""

    _fields_ = [
        ("fd", c_int), ("flags", c_uint32), ("sq_entries", c_uint32),
        ("cq_entries", c_uint32), ("nsid", c_uint32), ("sqe_shift", c_uint32),
        ("cqe_shift", c_uint32), ("sqe_tail", c_uint32), ("cqe_head", c_uint32),
        ("mmap_bytes", c_uint32), ("ctl", c_void_p), ("sqes", c_void_p),
        ("cqes", c_void_p), ("sqe_next", c_void_p), ("sqe_stop", c_void_p),
        ("data", c_void_p), ("tags", c_void_p), ("tag_mask", c_uint32),
        ("tags_back", c_uint32), ("reserved", c_char * 24),
    ]


class RingWait(Structure):
    """struct usher_ring_wait"""

    _fields_ = [("ring", POINTER(Ring)), ("result", c_int)]


class RingInfo(Structure):
    """struct usher_ring_info"""

    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("sq_entries", c_uint32),
        ("cq_entries", c_uint32), ("mmap_bytes", c_uint32), ("sq_offset", c_uint32),
        ("cq_offset", c_uint32), ("sqe_shift", c_uint32), ("cqe_shift", c_uint32),
        ("nsid", c_uint32), ("state", c_uint32), ("qid", c_uint32), ("shared", c_uint32),
        ("inflight", c_uint32), ("nr_tags", c_uint32), ("pad", c_uint32),
        ("tags", c_uint64), ("submitted", c_uint64), ("completed", c_uint64),
        ("refused", c_uint64), ("driver_completed", c_uint64),
    ]


class PciInfo(Structure):
    """struct usher_pci_info"""

    _fields_ = [
        ("backend", c_char * 16), ("address", c_char * 16), ("vendor", c_uint16),
        ("device", c_uint16), ("subsystem_vendor", c_uint16), ("subsystem", c_uint16),
        ("class_code", c_uint32), ("revision", c_uint8), ("irq", c_int),
        ("vectors", c_uint32), ("iommu", c_bool), ("can_reset", c_bool),
        ("page_bytes", c_uint32), ("region_bytes", c_uint64 * REGIONS),
    ]


class PciRegion(Structure):
    """struct usher_pci_region"""

    _fields_ = [("base", c_void_p), ("bytes", c_uint64), ("index", c_uint32),
                ("pci", c_void_p)]


class PciDma(Structure):
    """struct usher_pci_dma"""

    _fields_ = [("address", c_void_p), ("bytes", c_uint64), ("flags", c_uint32),
                ("page_shift", c_uint32), ("first", c_uint64), ("pages", POINTER(c_uint64))]


# What ctypes lays out, by its name in C
STRUCTURES = {
    "usher_limits": Limits,
    "usher_grant_info": GrantInfo,
    "usher_ring": Ring,
    "usher_ring_wait": RingWait,
    "usher_ring_info": RingInfo,
    "usher_pci_info": PciInfo,
    "usher_pci_region": PciRegion,
    "usher_pci_dma": PciDma,
}
