/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * DOC: libusher for driver writers
 *
 * Drivers of PCI functions as ordinary programs, the same source on every
 * operating system: registers, memory for DMA, interrupts, reset.
 *
 * The order of calls::
 *
 *	usher_pci_open()		take the function
 *	usher_pci_map_region()		registers
 *	usher_pci_set_dma_bits()	how far the device can address memory
 *	usher_pci_dma_alloc()		memory that the device may use
 *	usher_pci_enable_vectors()	interrupts
 *	usher_pci_write32()		tell the device what to do
 *	usher_pci_wait()		wait for its interrupt
 *	usher_pci_close()
 *
 * Underneath is a back end, chosen by what the function is bound to. On Linux
 * that is usher-raw, or vfio-pci, which needs an IOMMU; elsewhere there is none yet, and
 * usher_pci_open() answers -EOPNOTSUPP.
 *
 * Conventions:
 *
 * - Lengths and offsets are bytes, times are nanoseconds, vectors and regions
 *   are counted from 0.
 * - Functions that return int return a negative errno value on failure, and
 *   usher_pci_reason() then says in a sentence what failed, why, and what
 *   helps. A call that failed changed nothing.
 * - Every call on a function may answer -ENODEV: the device was removed, or its
 *   owner wants it back. It stays so; close it.
 * - What open, map and alloc hand out belongs to the library until it is given
 *   back; usher_pci_close() takes back whatever is left. Memory given to
 *   usher_pci_dma_register() stays the caller's.
 * - Register values are in host byte order; PCI is little-endian and the library
 *   converts. What is in DMA memory is the driver's affair.
 *
 * Threads: registers may be accessed and bus addresses asked for by any thread
 * at any time. Each vector has one waiter at a time; different vectors may be
 * waited for, and masked, by different threads. All other calls on one function
 * are made by one thread at a time, and usher_pci_close() when no other thread
 * is in any. After fork() only the parent goes on using the function, which stays
 * taken until the child has ended, or called exec(), too.
 *
 * At the end of the process, however it comes, the operating system stops the
 * device's DMA before it takes the memory back, and resets the function if it
 * can: the next usher_pci_open() finds it fresh.
 */
#ifndef USHER_PCI_H
#define USHER_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
/* Some calls are named like the structure they fill, as stat(2) is; and this is C, too. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#endif

#define USHER_PCI_REGIONS	6U		/* base address registers */
#define USHER_PCI_FOREVER	UINT64_MAX	/* a timeout */

/* A PCI function that this process took: opaque */
struct usher_pci;

/* How the device interrupts */
enum usher_pci_irq {
	USHER_PCI_IRQ_NONE,
	USHER_PCI_IRQ_INTX,	/* one pin, level-triggered, may be shared */
	USHER_PCI_IRQ_MSI,
	USHER_PCI_IRQ_MSIX,
};

/**
 * struct usher_pci_info - what a function is
 * @backend: "usher-raw" or "vfio"
 * @address: domain:bus:device.function
 * @vendor: vendor ID
 * @device: device ID
 * @subsystem_vendor: subsystem vendor ID
 * @subsystem: subsystem ID
 * @class_code: base class, subclass and programming interface, in bits 23-0
 * @revision: revision ID
 * @irq: the best kind of interrupt that it has
 * @vectors: how many of that kind
 * @iommu: addresses of the device are translated: it reaches no memory but
 *	what it was given; a virtio device only if it offers
 *	VIRTIO_F_ACCESS_PLATFORM
 * @can_reset: usher_pci_reset() works
 * @page_bytes: unit of bus addresses, see struct usher_pci_dma
 * @region_bytes: size of each region, 0 where there is none
 */
struct usher_pci_info {
	char backend[16];
	char address[16];
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem;
	uint32_t class_code;
	uint8_t revision;
	enum usher_pci_irq irq;
	uint32_t vectors;
	bool iommu;
	bool can_reset;
	uint32_t page_bytes;
	uint64_t region_bytes[USHER_PCI_REGIONS];
};

/**
 * struct usher_pci_region - registers, or memory on the device, in this process
 * @base: first byte; use the functions below to access it. NULL where it has I/O
 *	ports, or shares a page with others: each access is then a system call
 * @bytes: size
 * @index: number of the base address register
 * @pci: the function that it belongs to
 */
struct usher_pci_region {
	uint8_t *base;
	uint64_t bytes;
	uint32_t index;
	struct usher_pci *pci;
};

/* The device does not write this memory. */
#define USHER_PCI_DMA_READ_ONLY		0x1U
/* One range of bus addresses, or none */
#define USHER_PCI_DMA_CONTIGUOUS	0x2U

/**
 * struct usher_pci_dma - memory that the device may use
 * @address: where the process sees it; whole pages when it was allocated
 * @bytes: its length
 * @flags: USHER_PCI_DMA_* it was made with
 * @page_shift: log2 of struct usher_pci_info.page_bytes
 * @first: offset of @address in its page
 * @pages: bus address of each page; the pages of memory that an IOMMU makes
 *	contiguous follow each other
 */
struct usher_pci_dma {
	void *address;
	uint64_t bytes;
	uint32_t flags;
	uint32_t page_shift;
	uint64_t first;
	uint64_t *pages;
};

/*
 * The function
 */

/**
 * usher_pci_open() - take a PCI function
 * @address: "0000:01:00.0", or without the domain; or the path of its node in
 *	/dev/usher-raw, or of any link to that: the function is that of the node
 * @pci: filled
 *
 * The function must be bound to a driver that hands it to processes, and the
 * caller must be allowed to open it. The device is reset if it can be; its
 * interrupts and its DMA are off.
 *
 * Return: 0;
 * -EINVAL: @address is no PCI address, and no such node;
 * -ENOENT: there is no such function or node;
 * -ENXIO: it is bound to no driver that hands it to processes;
 * -EACCES: not with this user's permissions;
 * -EBUSY: somebody has it, or another driver has a function of its IOMMU group;
 * -EOPNOTSUPP: this system has no back end, or lacks what it needs (an IOMMU);
 * -ENOMEM, -EMFILE, -EIO.
 */
int usher_pci_open(const char *address, struct usher_pci **pci);

/**
 * usher_pci_close() - give a function back
 * @pci: function, or NULL; not valid afterwards
 *
 * Stops the device's DMA and interrupts, unmaps regions and memory.
 */
void usher_pci_close(struct usher_pci *pci);

/**
 * usher_pci_reason() - why the last call of this thread that failed did so
 *
 * Return: a sentence without a full stop, valid until the next call that fails
 * in this thread; "" before any did.
 */
const char *usher_pci_reason(void);

/**
 * usher_pci_info() - what a function is
 * @pci: function
 *
 * Return: valid until usher_pci_close().
 */
const struct usher_pci_info *usher_pci_info(const struct usher_pci *pci);

/**
 * usher_pci_gone() - whether a device was removed, or is wanted back
 * @pci: function
 *
 * For drivers that poll and so never wait: a look now and then, in particular
 * when a register reads all ones. Costs a system call.
 *
 * Return: true also when an access to a region found it gone, until a reset.
 */
bool usher_pci_gone(struct usher_pci *pci);

/**
 * usher_pci_reset() - reset a function
 * @pci: function
 *
 * The registers are then those after power-on. DMA memory, vectors and regions
 * stay; the device is to be told of them again. No thread may access a region
 * meanwhile.
 *
 * Return: 0; -EOPNOTSUPP when the function has no reset of its own and is not
 * alone behind its port; -EAGAIN when it is held by another just now, or the system
 * recovers it from an error; -EIO.
 */
int usher_pci_reset(struct usher_pci *pci);

/**
 * usher_pci_read_config() - read configuration space
 * @pci: function
 * @offset: multiple of @bytes
 * @bytes: 1, 2 or 4
 * @value: filled
 *
 * Return: 0; -EINVAL; -EIO.
 */
int usher_pci_read_config(struct usher_pci *pci, uint32_t offset,
			  uint32_t bytes, uint32_t *value);

/**
 * usher_pci_write_config() - write configuration space
 * @pci: function
 * @offset: multiple of @bytes
 * @bytes: 1, 2 or 4
 * @value: to write; no more than @bytes
 *
 * Never needed for what this library has calls for: memory and bus master
 * enable, base addresses, MSI, MSI-X and power belong to the back end, which
 * refuses or ignores writes to them.
 *
 * Return: 0; -EINVAL; -EACCES: not for a process; -EIO.
 */
int usher_pci_write_config(struct usher_pci *pci, uint32_t offset,
			   uint32_t bytes, uint32_t value);

/**
 * usher_pci_find_capability() - find a capability in configuration space
 * @pci: function
 * @id: of the capability, 0x09 for those of the vendor's
 * @after: offset of one, to find the next after it; 0: the first
 *
 * In the list in the first 256 bytes. It ends also where it leads back into itself
 * or out of the space for capabilities, as that of a broken device may; so a loop
 * that goes on from each that it found ends, too.
 *
 * Return: its offset; 0: there is none; -EIO.
 */
int usher_pci_find_capability(struct usher_pci *pci, uint8_t id, uint32_t after);

/*
 * Registers
 */

/**
 * usher_pci_map_region() - map registers
 * @pci: function
 * @index: number of the base address register, of the lower half for 64 bits
 * @region: filled; mapping one twice gives the same addresses
 *
 * The region stays mapped until usher_pci_close(). Where the MSI-X table lies
 * in it, that page may be out of reach: it then reads all ones.
 *
 * I/O ports, and regions of less than a page, are not mapped: the functions that
 * read and write registers make system calls for them.
 *
 * Return: 0; -EINVAL: no such region; -EOPNOTSUPP: it can be reached in no way;
 * -ENOMEM, -EMFILE.
 */
int usher_pci_map_region(struct usher_pci *pci, uint32_t index,
			 struct usher_pci_region *region);

/**
 * usher_pci_catch_faults() - survive accesses to regions that are gone
 *
 * When a device is unplugged, reset by others or taken away, its regions vanish
 * from the process, and an access is a fault: on Linux SIGBUS, which ends the
 * process. After this call it reads all ones instead, as it does where hardware
 * is missing; writes are lost, what was written may be read back from the same
 * page; and usher_pci_gone() is true. Faults elsewhere go to the handler that
 * was installed before. One call for the process, before threads are made.
 *
 * Return: 0; -EOPNOTSUPP.
 */
int usher_pci_catch_faults(void);

/**
 * usher_pci_handle_fault() - the same, for programs with a handler of their own
 * @address: that could not be accessed (si_addr)
 *
 * To be called from a signal handler. usher_pci_catch_faults() is then needless.
 *
 * Return: true when @address was in a region: return from the handler and the
 * access is repeated. False: the fault has nothing to do with this library.
 */
bool usher_pci_handle_fault(void *address);

/*
 * Order. A register access is ordered against most accesses to DMA memory: what
 * was stored before a register is written is there when the device sees the write,
 * and what is loaded after a register was read is not older. Not so what is loaded
 * before a register is written, on some processors: usher_pci_mb() goes in between
 * where the write lets the device change that. Accesses to registers happen in
 * program order, each once and in one piece (those of 64 bits in two on processors
 * of 32 and in I/O ports, the lower half first).
 * Between accesses to DMA memory alone the driver says what matters:
 *
 *	usher_pci_rmb()	 loads before it happen before loads after it: between
 *			 the flag by which the device hands something over and
 *			 what it hands over
 *	usher_pci_wmb()	 the same for stores
 *	usher_pci_mb()	 both, and stores before loads
 */
static inline void usher_pci_rmb(void)
{
#if defined(__x86_64__)
	__asm__ __volatile__("" : : : "memory");
#elif defined(__aarch64__)
	__asm__ __volatile__("dmb oshld" : : : "memory");
#else
	__sync_synchronize();
#endif
}

static inline void usher_pci_wmb(void)
{
#if defined(__x86_64__)
	__asm__ __volatile__("" : : : "memory");
#elif defined(__aarch64__)
	__asm__ __volatile__("dmb oshst" : : : "memory");
#else
	__sync_synchronize();
#endif
}

static inline void usher_pci_mb(void)
{
#if defined(__aarch64__)
	__asm__ __volatile__("dmb osh" : : : "memory");
#else
	__sync_synchronize();
#endif
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define usher_pci_le16(x)	((uint16_t)(x))
#define usher_pci_le32(x)	((uint32_t)(x))
#define usher_pci_le64(x)	((uint64_t)(x))
#else
#define usher_pci_le16(x)	__builtin_bswap16(x)
#define usher_pci_le32(x)	__builtin_bswap32(x)
#define usher_pci_le64(x)	__builtin_bswap64(x)
#endif

/**
 * usher_pci_call_read() - read a register by a system call
 * @region: that is not mapped
 * @offset: inside @region, a multiple of @bytes
 * @bytes: 1, 2, 4 or 8
 *
 * For usher_pci_read8() and its like, which drivers use.
 *
 * Return: its value; all ones when that fails, and usher_pci_reason() then says why.
 */
uint64_t usher_pci_call_read(const struct usher_pci_region *region,
			     uint64_t offset, uint32_t bytes);

/**
 * usher_pci_call_write() - write a register by a system call
 * @region: that is not mapped
 * @offset: inside @region, a multiple of @bytes
 * @bytes: 1, 2, 4 or 8
 * @value: to write
 */
void usher_pci_call_write(const struct usher_pci_region *region,
			  uint64_t offset, uint32_t bytes, uint64_t value);

/* Rare, and kept out of the way of accesses that are one instruction */
static inline bool usher_pci_is_called(const struct usher_pci_region *region)
{
	return __builtin_expect(!region->base, 0);
}

/**
 * usher_pci_read8() - read a register of 8 bits
 * @region: mapped
 * @offset: inside @region, which is not checked; for wider registers a multiple
 *	of their size
 *
 * The functions for 16, 32 and 64 bits differ in nothing else.
 *
 * Return: its value; all ones when the device is gone.
 */
static inline uint8_t usher_pci_read8(const struct usher_pci_region *region,
				      uint64_t offset)
{
	uint8_t value;

	if (usher_pci_is_called(region))
		return (uint8_t)usher_pci_call_read(region, offset, 1);
	value = *(const __volatile__ uint8_t *)(region->base + offset);
	usher_pci_rmb();
	return value;
}

/**
 * usher_pci_write8() - write a register of 8 bits
 * @region: mapped
 * @offset: as in usher_pci_read8()
 * @value: to write
 *
 * The write may still be on its way to the device when this returns; reading a
 * register of the same device waits for it.
 */
static inline void usher_pci_write8(const struct usher_pci_region *region,
				    uint64_t offset, uint8_t value)
{
	if (usher_pci_is_called(region)) {
		usher_pci_call_write(region, offset, 1, value);
		return;
	}
	usher_pci_wmb();
	*(__volatile__ uint8_t *)(region->base + offset) = value;
}

static inline uint16_t usher_pci_read16(const struct usher_pci_region *region,
					uint64_t offset)
{
	uint16_t value;

	if (usher_pci_is_called(region))
		return (uint16_t)usher_pci_call_read(region, offset, 2);
	value = *(const __volatile__ uint16_t *)(region->base + offset);
	usher_pci_rmb();
	return usher_pci_le16(value);
}

static inline void usher_pci_write16(const struct usher_pci_region *region,
				     uint64_t offset, uint16_t value)
{
	if (usher_pci_is_called(region)) {
		usher_pci_call_write(region, offset, 2, value);
		return;
	}
	usher_pci_wmb();
	*(__volatile__ uint16_t *)(region->base + offset) = usher_pci_le16(value);
}

static inline uint32_t usher_pci_read32(const struct usher_pci_region *region,
					uint64_t offset)
{
	uint32_t value;

	if (usher_pci_is_called(region))
		return (uint32_t)usher_pci_call_read(region, offset, 4);
	value = *(const __volatile__ uint32_t *)(region->base + offset);
	usher_pci_rmb();
	return usher_pci_le32(value);
}

static inline void usher_pci_write32(const struct usher_pci_region *region,
				     uint64_t offset, uint32_t value)
{
	if (usher_pci_is_called(region)) {
		usher_pci_call_write(region, offset, 4, value);
		return;
	}
	usher_pci_wmb();
	*(__volatile__ uint32_t *)(region->base + offset) = usher_pci_le32(value);
}

static inline uint64_t usher_pci_read64(const struct usher_pci_region *region,
					uint64_t offset)
{
	uint64_t value;

	if (usher_pci_is_called(region))
		return usher_pci_call_read(region, offset, 8);
#if UINTPTR_MAX > 0xffffffff
	value = *(const __volatile__ uint64_t *)(region->base + offset);
	usher_pci_rmb();
	return usher_pci_le64(value);
#else
	value = usher_pci_read32(region, offset);
	return value | (uint64_t)usher_pci_read32(region, offset + 4) << 32;
#endif
}

static inline void usher_pci_write64(const struct usher_pci_region *region,
				     uint64_t offset, uint64_t value)
{
	if (usher_pci_is_called(region)) {
		usher_pci_call_write(region, offset, 8, value);
		return;
	}
#if UINTPTR_MAX > 0xffffffff
	usher_pci_wmb();
	*(__volatile__ uint64_t *)(region->base + offset) = usher_pci_le64(value);
#else
	usher_pci_write32(region, offset, (uint32_t)value);
	usher_pci_write32(region, offset + 4, (uint32_t)(value >> 32));
#endif
}

/**
 * usher_pci_read_register() - read a register from a language other than C
 * @region: mapped
 * @offset: inside @region, a multiple of @bytes
 * @bytes: 1, 2, 4 or 8
 * @value: filled
 *
 * The same access, in the same order, as by usher_pci_read8() and its like, for programs
 * that cannot have functions of this header inline. It checks its arguments, and a region
 * that is not mapped answers an error.
 *
 * Return: 0, also when it is all ones since the device is gone; -EINVAL; or by a system
 * call -EACCES: the MSI-X table is there; -EIO.
 */
int usher_pci_read_register(const struct usher_pci_region *region, uint64_t offset,
			    uint32_t bytes, uint64_t *value);

/**
 * usher_pci_write_register() - write a register from a language other than C
 * @region: mapped
 * @offset: inside @region, a multiple of @bytes
 * @bytes: 1, 2, 4 or 8
 * @value: to write; no more than @bytes
 *
 * To usher_pci_write8() and its like what usher_pci_read_register() is to those that read.
 *
 * Return: as usher_pci_read_register().
 */
int usher_pci_write_register(const struct usher_pci_region *region, uint64_t offset,
			     uint32_t bytes, uint64_t value);

/**
 * usher_pci_barrier() - usher_pci_mb() for a language other than C
 *
 * Also in place of usher_pci_rmb() and usher_pci_wmb(), which are weaker.
 */
void usher_pci_barrier(void);

/**
 * usher_pci_await32() - wait until bits of a register of 32 bits are as wanted
 * @region: mapped
 * @offset: as in usher_pci_read8()
 * @mask: which bits
 * @value: what they are to be; no others
 * @timeout_ns: from now; 0 looks only; USHER_PCI_FOREVER
 *
 * For what a device does not interrupt for, as when it gets ready. The register is
 * read at once, then again after sleeps that get longer, up to a millisecond, and a
 * last time when the time is over. Signals do not end it.
 *
 * Return: 0;
 * -ETIMEDOUT: they are not so;
 * -EINVAL: @value has bits that @mask has not;
 * -ENODEV: what is read is all ones since the device is gone, whatever the bits are;
 * -EIO: it is all ones, and configuration space does not answer.
 */
int usher_pci_await32(const struct usher_pci_region *region, uint64_t offset,
		      uint32_t mask, uint32_t value, uint64_t timeout_ns);

/*
 * Memory for DMA
 */

/**
 * usher_pci_load16() - read what the device may be writing
 * @from: 16 bits in DMA memory, little-endian, aligned
 *
 * Reads it now, once and in one piece: for flags by which the device hands
 * memory over. usher_pci_rmb() comes next. Those for 32 and 64 bits differ in
 * nothing else.
 *
 * Return: its value.
 */
static inline uint16_t usher_pci_load16(const uint16_t *from)
{
	return usher_pci_le16(*(const __volatile__ uint16_t *)from);
}

static inline uint32_t usher_pci_load32(const uint32_t *from)
{
	return usher_pci_le32(*(const __volatile__ uint32_t *)from);
}

static inline uint64_t usher_pci_load64(const uint64_t *from)
{
	return usher_pci_le64(*(const __volatile__ uint64_t *)from);
}

/**
 * usher_pci_set_dma_bits() - say how many address bits the device has
 * @pci: function
 * @bits: 12 to 64; 64 if this is never called
 *
 * Before the first memory is made: what does not fit is refused then, rather
 * than truncated by the device.
 *
 * Return: 0; -EINVAL; -EBUSY: there is memory already.
 */
int usher_pci_set_dma_bits(struct usher_pci *pci, uint32_t bits);

/**
 * usher_pci_dma_alloc() - allocate memory that the device may use
 * @pci: function
 * @bytes: length; rounded up to pages
 * @flags: USHER_PCI_DMA_*
 * @dma: filled
 *
 * It is zero, and aligned to a page on both sides. Bus mastering is on as long as
 * a function has any memory, or interrupts by message: until then the device
 * writes nowhere, whatever it was in the middle of.
 *
 * Return: 0;
 * -EINVAL: no bytes, or unknown flags;
 * -ENOMEM: no memory, or more than the process may lock (ulimit -l), or no range
 * as long, where USHER_PCI_DMA_CONTIGUOUS asks for one and no IOMMU makes it;
 * -ENOSPC: no bus addresses that the device can reach are left;
 * -EOPNOTSUPP: it would have to be copied, since the device cannot reach it.
 */
int usher_pci_dma_alloc(struct usher_pci *pci, uint64_t bytes, uint32_t flags,
			struct usher_pci_dma **dma);

/**
 * usher_pci_dma_register() - let the device use memory of the caller's
 * @pci: function
 * @address: memory of any kind that stays resident; with any alignment
 * @bytes: its length
 * @flags: USHER_PCI_DMA_*; with USHER_PCI_DMA_READ_ONLY it may be read-only
 * @dma: filled
 *
 * The pages that hold it are pinned. The device can reach all of each of them,
 * so let it share none with anything else that matters. The memory must stay
 * mapped until usher_pci_dma_free(); a fork() in between must not write to it.
 *
 * Return: as usher_pci_dma_alloc(); -EFAULT: the memory is not there, or may not
 * be written; -EOPNOTSUPP also: it is not contiguous, and USHER_PCI_DMA_CONTIGUOUS
 * asked for that, or with usher-raw the device may write it, and it is a shared mapping
 * of a file on a disk.
 */
int usher_pci_dma_register(struct usher_pci *pci, void *address,
			   uint64_t bytes, uint32_t flags,
			   struct usher_pci_dma **dma);

/**
 * usher_pci_dma_free() - take memory from the device
 * @pci: function
 * @dma: memory, or NULL; not valid afterwards
 *
 * The device must have been told not to use it: with an IOMMU an access fails
 * from now on.
 */
void usher_pci_dma_free(struct usher_pci *pci, struct usher_pci_dma *dma);

/**
 * usher_pci_dma_bus() - the address by which the device sees a byte
 * @dma: memory
 * @offset: of the byte in @dma, which is not checked
 *
 * Good to the end of that page (struct usher_pci_info.page_bytes), and of all
 * the memory where usher_pci_dma_contiguous() says so.
 *
 * Return: the bus address.
 */
static inline uint64_t usher_pci_dma_bus(const struct usher_pci_dma *dma,
					 uint64_t offset)
{
	uint64_t at = dma->first + offset;
	uint64_t mask = ((uint64_t)1 << dma->page_shift) - 1;

	return dma->pages[at >> dma->page_shift] + (at & mask);
}

/**
 * usher_pci_dma_contiguous() - whether the bus addresses follow each other
 * @dma: memory
 *
 * Return: true when usher_pci_dma_bus(dma, 0) plus an offset is good anywhere.
 */
bool usher_pci_dma_contiguous(const struct usher_pci_dma *dma);

/*
 * Interrupts
 */

/**
 * usher_pci_enable_vectors() - switch interrupts on
 * @pci: function
 * @count: 1 to struct usher_pci_info.vectors
 *
 * Of the kind that struct usher_pci_info.irq says. All are unmasked.
 *
 * Return: 0; -EINVAL: not so many; -EBUSY: they are on; -EOPNOTSUPP: the device
 * has no interrupts; -ENOSPC: the system has no vectors left; -EMFILE.
 */
int usher_pci_enable_vectors(struct usher_pci *pci, uint32_t count);

/**
 * usher_pci_disable_vectors() - switch interrupts off
 * @pci: function; nothing happens when they are off
 *
 * No thread may wait for one meanwhile.
 */
void usher_pci_disable_vectors(struct usher_pci *pci);

/**
 * usher_pci_wait() - wait for an interrupt
 * @pci: function
 * @vector: less than what usher_pci_enable_vectors() was given
 * @timeout_ns: from now; 0 looks only; USHER_PCI_FOREVER
 *
 * Returns at once when the vector came since the last call. A wait may end
 * without a cause in the device: look there before sleeping again, after the
 * device was told that its interrupt was seen. With
 * USHER_PCI_IRQ_INTX the vector is masked afterwards; unmask it when the device
 * was told that its interrupt was seen.
 *
 * Return: how often it came, at least 1;
 * -ETIMEDOUT: it did not;
 * -EINTR: a signal came;
 * -EINVAL: no such vector, or it is masked.
 */
int usher_pci_wait(struct usher_pci *pci, uint32_t vector, uint64_t timeout_ns);

/**
 * usher_pci_mask() - hold a vector back
 * @pci: function
 * @vector: vector
 *
 * What comes meanwhile is seen by usher_pci_wait() after usher_pci_unmask(). The
 * mask is in the device only where the back end can do that.
 *
 * Return: 0; -EINVAL: no such vector.
 */
int usher_pci_mask(struct usher_pci *pci, uint32_t vector);

/**
 * usher_pci_unmask() - let a vector through
 * @pci: function
 * @vector: vector
 *
 * Return: 0; -EINVAL: no such vector.
 */
int usher_pci_unmask(struct usher_pci *pci, uint32_t vector);

/*
 * Time, since every driver needs it
 */

/**
 * usher_pci_clock() - nanoseconds since some moment; never goes back
 *
 * Return: the time.
 */
uint64_t usher_pci_clock(void);

/**
 * usher_pci_delay() - sleep
 * @ns: at least so long, unless a signal comes
 */
void usher_pci_delay(uint64_t ns);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif

#endif /* USHER_PCI_H */
