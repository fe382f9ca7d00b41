/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/**
 * DOC: usher-raw
 *
 * A whole PCI function for one process.
 *
 * A function bound to the driver usher-raw has the node
 * /dev/usher-raw/DDDD:BB:DD.F, which one opener has at a time. Base address
 * registers and allocated memory are mapped with mmap(), at offsets that the
 * ioctls tell; all else are ioctls, with the conventions of linux/usher.h. A caller
 * must give the whole struct, but for INFO (up to @flags), REGION (up to @index) and
 * DMA_REGISTER (up to @id).
 *
 * Opening needs no privilege where the hardware contains the device: an IOMMU
 * that translates strictly, an IOMMU group of its own, isolated MSI, and a reset
 * that works. Elsewhere the device reaches all memory, or other devices; opening
 * then takes CAP_SYS_RAWIO, is refused under lockdown, and taints the kernel. So it
 * does for a device that firmware gives memory to through the IOMMU, and for a virtio
 * device, which goes past it unless its driver accepts VIRTIO_F_ACCESS_PLATFORM.
 *
 * The function is reset before it is opened and after it was closed, by a
 * function level reset or, where it is alone on its bus, a bus reset. With
 * neither, bus mastering goes off, and memory that the device may still access
 * stays pinned until the function is unbound. When a reset fails at the end, it
 * stays until a reset at the beginning works, or one at unbinding.
 *
 * Opening, closing and removal take as long as a reset: more than a minute where
 * the function does not come back.
 *
 * The device is a bus master only while there is memory for DMA, or while
 * interrupts by message are on, which are writes to memory. Its pin is on only
 * while INTx is.
 *
 * open() fails with
 *
 * ============= ==========================================================
 * EACCES        not for reading and writing
 * EBUSY         somebody has it
 * EPERM         not contained, and no CAP_SYS_RAWIO; or kernel lockdown
 * EIO           it cannot be reset
 * EAGAIN        the bridge above it is busy, or the kernel recovers it from an
 *               error, so it cannot be reset now
 * ENODEV        the device is gone
 * ============= ==========================================================
 *
 * After removal every call fails with ENODEV, poll() says POLLHUP and POLLERR, and
 * touching a base address register is SIGBUS. Allocated memory stays mapped, and
 * counts until then.
 *
 * So it is for an owner whose function the hardware contained when it was opened, and
 * then another one was plugged into its IOMMU group: until the file is closed.
 *
 * While somebody else resets the function, through sysfs for example, or the kernel
 * resets its link to recover from an error, calls wait, and touching a base address
 * register is SIGBUS. Nothing tells the process afterwards; memory and interrupts
 * are as before. If recovery fails, calls wait until the process resets the function,
 * which may be EAGAIN for some minutes.
 *
 * open(), calls and mmap() wait for a reset, also one of the process itself, unless
 * the process is killed: they fail with EINTR then.
 *
 * What may be done goes with the file, to whom it is passed or who inherits it:
 * privilege counts when it is opened. Mappings keep it open as well.
 */
#ifndef _UAPI_LINUX_USHER_RAW_H
#define _UAPI_LINUX_USHER_RAW_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* That of linux/usher.h; the numbers go on there */
#define USHER_RAW_IOC_TYPE		0xBD

#define USHER_RAW_IOC_INFO		_IO(USHER_RAW_IOC_TYPE, 0x80)
#define USHER_RAW_IOC_REGION		_IO(USHER_RAW_IOC_TYPE, 0x81)
#define USHER_RAW_IOC_CONFIG_READ	_IO(USHER_RAW_IOC_TYPE, 0x82)
#define USHER_RAW_IOC_CONFIG_WRITE	_IO(USHER_RAW_IOC_TYPE, 0x83)
#define USHER_RAW_IOC_DMA_BITS		_IO(USHER_RAW_IOC_TYPE, 0x84)
#define USHER_RAW_IOC_DMA_ALLOC		_IO(USHER_RAW_IOC_TYPE, 0x85)
#define USHER_RAW_IOC_DMA_REGISTER	_IO(USHER_RAW_IOC_TYPE, 0x86)
#define USHER_RAW_IOC_DMA_FREE		_IO(USHER_RAW_IOC_TYPE, 0x87)
#define USHER_RAW_IOC_IRQ_ENABLE	_IO(USHER_RAW_IOC_TYPE, 0x88)
#define USHER_RAW_IOC_IRQ_DISABLE	_IO(USHER_RAW_IOC_TYPE, 0x89)
#define USHER_RAW_IOC_IRQ_MASK		_IO(USHER_RAW_IOC_TYPE, 0x8a)
#define USHER_RAW_IOC_RESET		_IO(USHER_RAW_IOC_TYPE, 0x8b)
#define USHER_RAW_IOC_READ		_IO(USHER_RAW_IOC_TYPE, 0x8c)
#define USHER_RAW_IOC_WRITE		_IO(USHER_RAW_IOC_TYPE, 0x8d)

#define USHER_RAW_REGIONS		6

/* What the hardware does; the first four make up USHER_RAW_CONTAINED */
#define USHER_RAW_IOMMU			(1U << 0) /* strict, translating */
#define USHER_RAW_ALONE			(1U << 1) /* in its IOMMU group */
#define USHER_RAW_ISOLATED_MSI		(1U << 2)
#define USHER_RAW_RESET			(1U << 3) /* by itself, or its bus */
#define USHER_RAW_CONTAINED		0xfU
/* Bus addresses of one piece of memory follow each other */
#define USHER_RAW_CONTIGUOUS		(1U << 4)

/**
 * struct usher_raw_info - what a function is
 * @size: sizeof(struct usher_raw_info)
 * @flags: out: USHER_RAW_IOMMU and the like; in: 0
 * @msix: out: vectors by MSI-X, 0 for none
 * @msi: out: vectors by MSI
 * @intx: out: 1 with a pin that can be masked
 * @page_bytes: out: unit of bus addresses
 * @config_bytes: out: bytes of configuration space
 * @pad: must be 0
 * @max_dma_bytes: out: bytes of one piece of memory, at most
 * @quarantined: out: pages that closed files left behind, see above
 */
struct usher_raw_info {
	__u32		size;
	__u32		flags;
	__u32		msix;
	__u32		msi;
	__u32		intx;
	__u32		page_bytes;
	__u32		config_bytes;
	__u32		pad;
	__aligned_u64	max_dma_bytes;
	__aligned_u64	quarantined;
};

/* The region can be mapped, but for its holes */
#define USHER_RAW_REGION_MMAP		(1U << 0)
/* It cannot, and is accessed by USHER_RAW_IOC_READ and _WRITE */
#define USHER_RAW_REGION_CALLS		(1U << 1)
/* It is in I/O space: no accesses of 8 bytes */
#define USHER_RAW_REGION_PORTS		(1U << 2)

/**
 * struct usher_raw_region - a base address register
 * @size: sizeof(struct usher_raw_region)
 * @index: its number, of the lower half for 64 bits
 * @flags: out: USHER_RAW_REGION_*; in: 0
 * @pad: must be 0
 * @bytes: out: its size, 0 where there is none
 * @offset: out: for mmap(), with MAP_SHARED
 * @hole_offset: out: parts of it that cannot be reached: the MSI-X table and its
 *	pending bits. With USHER_RAW_REGION_MMAP they are whole pages, and touching
 *	them is SIGBUS; else they are exact, and a call there fails with EACCES.
 * @hole_bytes: out: their sizes, 0 for none
 *
 * mmap() fails with EINVAL beyond the end, and with EOPNOTSUPP on I/O ports, on what
 * is smaller than a page, and, if pages are larger than 4 KiB, on a region of up to
 * 1 MiB which may have registers in a page with the MSI-X table. The expansion ROM is
 * none of them: its file in sysfs is for those who may read it.
 *
 * Errors: EINVAL no such index.
 */
struct usher_raw_region {
	__u32		size;
	__u32		index;
	__u32		flags;
	__u32		pad;
	__aligned_u64	bytes;
	__aligned_u64	offset;
	__aligned_u64	hole_offset[2];
	__aligned_u64	hole_bytes[2];
};

/**
 * struct usher_raw_access - access to registers that cannot be mapped
 * @size: sizeof(struct usher_raw_access)
 * @index: of a region with USHER_RAW_REGION_CALLS
 * @bytes: 1, 2, 4 or 8
 * @flags: must be 0
 * @offset: multiple of @bytes
 * @value: in host byte order; in when writing; when reading 0 in, and out
 *
 * One access to the device, of that width.
 *
 * Errors: EINVAL no such access or region, beyond the end, or a value of more
 * than @bytes; EOPNOTSUPP the region can be mapped; EACCES the MSI-X table or its
 * pending bits are there.
 */
struct usher_raw_access {
	__u32		size;
	__u32		index;
	__u32		bytes;
	__u32		flags;
	__aligned_u64	offset;
	__aligned_u64	value;
};

/**
 * struct usher_raw_config - access to configuration space
 * @size: sizeof(struct usher_raw_config)
 * @offset: multiple of @bytes
 * @bytes: 1, 2 or 4
 * @value: out when reading; in when writing
 *
 * All may be read. Written may be Status, Cache Line Size and Latency Timer: the
 * rest is the kernel's, or contains what is.
 *
 * Errors: EINVAL not such an access, beyond the end, or a value of more than
 * @bytes; EACCES not for a process; EIO the device does not answer.
 */
struct usher_raw_config {
	__u32		size;
	__u32		offset;
	__u32		bytes;
	__u32		value;
};

/**
 * struct usher_raw_dma_bits - how many address bits the device has
 * @size: sizeof(struct usher_raw_dma_bits)
 * @bits: 1 to 64; 64 after open()
 *
 * Errors: EINVAL; EBUSY there is memory already; EOPNOTSUPP fewer than this
 * machine can serve.
 */
struct usher_raw_dma_bits {
	__u32		size;
	__u32		bits;
};

/* The device does not write the memory: an IOMMU sees to that, or nobody does */
#define USHER_RAW_DMA_RDONLY		(1U << 0)
/* DMA_ALLOC: one range of bus addresses, or nothing */
#define USHER_RAW_DMA_CONTIGUOUS	(1U << 1)

/**
 * struct usher_raw_dma - memory that the device may use
 * @size: sizeof(struct usher_raw_dma)
 * @flags: USHER_RAW_DMA_*
 * @addr: DMA_REGISTER: memory of the process, with any alignment; else 0
 * @length: bytes; DMA_ALLOC: a multiple of the page size
 * @bus: address of an array of @nr_bus __u64: out: the bus address of each page
 * @nr_bus: pages that hold the memory
 * @id: out: for DMA_FREE; in: 0
 * @offset: out: DMA_ALLOC: for mmap() of all of it, with MAP_SHARED; in: 0
 *
 * DMA_ALLOC gives zeroed pages, near the device and in ranges as long as can be
 * had; behind an IOMMU with USHER_RAW_CONTIGUOUS all is one range, elsewhere 4 MiB
 * are what can be hoped for. DMA_REGISTER pins the pages; the device can
 * reach all of each. Both count against RLIMIT_MEMLOCK of the user, unless the
 * process has CAP_IPC_LOCK, until they are freed; what DMA_ALLOC gave also for as
 * long as any part of it is mapped in any process. A huge page of the process,
 * transparent or not, counts whole in each piece that has a part of it, since a pin
 * keeps all of it (madvise(), MADV_NOHUGEPAGE, avoids that for little pieces).
 *
 * Errors: EINVAL @nr_bus does not fit the rest, or nothing is asked for; EFAULT
 * the memory is not there, or not writable without USHER_RAW_DMA_RDONLY; ENOMEM,
 * also where no range is as long as USHER_RAW_DMA_CONTIGUOUS wants it;
 * ENOSPC no addresses that the device can reach are left, or the memory has none;
 * EOPNOTSUPP it would have to be copied (bounce buffers), or is, without
 * USHER_RAW_DMA_RDONLY, a shared mapping of a file that is not in memory only;
 * EBUSY too many pieces.
 */
struct usher_raw_dma {
	__u32		size;
	__u32		flags;
	__aligned_u64	addr;
	__aligned_u64	length;
	__aligned_u64	bus;
	__u32		nr_bus;
	__u32		id;
	__aligned_u64	offset;
};

/**
 * struct usher_raw_dma_free - take memory from the device
 * @size: sizeof(struct usher_raw_dma_free)
 * @id: of DMA_ALLOC or DMA_REGISTER
 *
 * With an IOMMU, the device's accesses fail from now on. Without one, it must
 * have been told before. What is mapped stays mapped, and goes with the last
 * mapping of it; it cannot be mapped again.
 *
 * Errors: ENOENT.
 */
struct usher_raw_dma_free {
	__u32		size;
	__u32		id;
};

#define USHER_RAW_IRQ_INTX		1
#define USHER_RAW_IRQ_MSI		2
#define USHER_RAW_IRQ_MSIX		3

/**
 * struct usher_raw_irq_enable - switch interrupts on
 * @size: sizeof(struct usher_raw_irq_enable)
 * @kind: USHER_RAW_IRQ_*
 * @count: vectors; 1 for INTx
 * @flags: must be 0
 * @eventfds: address of an array of @count __s32: eventfds to signal
 *
 * With INTx the vector is masked when it comes, since it stays as long as the
 * device was not served.
 *
 * Errors: EINVAL no such kind, or more than there are; EBUSY they are on; EBADF
 * or EINVAL no eventfd; ENOSPC not that many left; EOPNOTSUPP the function does
 * not have that kind, or cannot mask its INTx.
 */
struct usher_raw_irq_enable {
	__u32		size;
	__u32		kind;
	__u32		count;
	__u32		flags;
	__aligned_u64	eventfds;
};

/**
 * struct usher_raw_irq_disable - switch interrupts off
 * @size: sizeof(struct usher_raw_irq_disable)
 * @flags: must be 0
 *
 * Errors: none; they may be off.
 */
struct usher_raw_irq_disable {
	__u32		size;
	__u32		flags;
};

/**
 * struct usher_raw_irq_mask - mask or unmask a vector
 * @size: sizeof(struct usher_raw_irq_mask)
 * @vector: which
 * @mask: 1 to mask, 0 to unmask
 * @flags: must be 0
 *
 * What came while it was masked comes when it is unmasked, as one.
 *
 * Errors: EINVAL no such vector.
 */
struct usher_raw_irq_mask {
	__u32		size;
	__u32		vector;
	__u32		mask;
	__u32		flags;
};

/**
 * struct usher_raw_reset - reset the function
 * @size: sizeof(struct usher_raw_reset)
 * @flags: must be 0
 *
 * Regions, memory and vectors stay. A thread that touches a region meanwhile
 * waits.
 *
 * Errors: EOPNOTSUPP it has no reset of its own and is not alone on its bus;
 * EAGAIN the kernel holds it just now, or recovers it from an error; EIO it did not
 * come back.
 */
struct usher_raw_reset {
	__u32		size;
	__u32		flags;
};

#endif /* _UAPI_LINUX_USHER_RAW_H */
