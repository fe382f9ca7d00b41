/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that usher builds on, and nothing else.
 */
#ifndef _USHER_COMPAT_H
#define _USHER_COMPAT_H

#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/irqdomain.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/uio.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#include <linux/io_uring.h>
#include <linux/io_uring_types.h>
#else
#include <linux/io_uring/cmd.h>
#endif

/* Functions of one file that unit tests call */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#if IS_ENABLED(CONFIG_KUNIT)
#define VISIBLE_IF_KUNIT
#else
#define VISIBLE_IF_KUNIT		static
#endif
#else
#include <kunit/visibility.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define usher_class_create(name)	class_create(THIS_MODULE, name)
#else
#define usher_class_create(name)	class_create(name)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define usher_eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#else
#define usher_eventfd_signal(ctx)	eventfd_signal(ctx)
#endif

/* The device argument of devnode callbacks became const in 6.2. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define usher_devnode_const
#else
#define usher_devnode_const		const
#endif

/*
 * Before 6.2 a long-term pin for reading does not break copy-on-write of a
 * private page that was never written: later stores of the process go to
 * another page than the device reads.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define USHER_PIN_PRIVATE_BY_WRITE	1
#else
#define USHER_PIN_PRIVATE_BY_WRITE	0
#endif

/*
 * Before 6.5 the kernel pins pages for writing whose file system must be told before each
 * write. Is @page, so pinned, one of them? The page tells, whatever was mapped in its place
 * since. Pages of shmem and anonymous ones, but those that may be dropped, are backed by
 * swap. Drivers' pages and those that were truncated have no mapping.
 */
static inline bool usher_page_of_file(struct page *page)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	return !PageAnon(page) && !PageSwapBacked(page) && !PageHuge(page) &&
	       READ_ONCE(compound_head(page)->mapping);
#else
	return false;
#endif
}

/* Of a group of one, which @dev is in: interrupts reach only who may get them. */
static inline bool usher_isolated_msi(struct device *dev,
				      struct iommu_group *group)
{
#if !IS_ENABLED(CONFIG_IOMMU_API)
	return false;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return irq_domain_check_msi_remap() ||
	       device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
#else
	return iommu_group_has_isolated_msi(group);
#endif
}

/* A range of a process's memory; before 6.4 @one is part of the iterator. */
static inline int usher_import_ubuf(int direction, void __user *buf, size_t length,
				    struct iovec *one, struct iov_iter *iter)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	return import_single_range(direction, buf, length, one, iter);
#else
	return import_ubuf(direction, buf, length, iter);
#endif
}

/* The command in an entry of 128 bytes */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define usher_uring_entry(ioucmd, type)	((const type *)(ioucmd)->cmd)
#elif defined(io_uring_sqe128_cmd)
#define usher_uring_entry(ioucmd, type)	io_uring_sqe128_cmd((ioucmd)->sqe, type)
#else
#define usher_uring_entry(ioucmd, type)	((const type *)io_uring_sqe_cmd((ioucmd)->sqe))
#endif

static inline int usher_uring_import_fixed(u64 addr, size_t length, int direction,
					   struct iov_iter *iter,
					   struct io_uring_cmd *ioucmd,
					   unsigned int issue_flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	return io_uring_cmd_import_fixed(addr, length, direction, iter, ioucmd);
#else
	return io_uring_cmd_import_fixed(addr, length, direction, iter, ioucmd,
					 issue_flags);
#endif
}

static inline void usher_uring_done(struct io_uring_cmd *ioucmd, int ret, u64 result,
				    unsigned int issue_flags)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	io_uring_cmd_done(ioucmd, ret, result, issue_flags);
#else
	io_uring_cmd_done32(ioucmd, ret, result, issue_flags);
#endif
}

/* The io_uring of a command: to compare */
static inline const void *usher_uring_ctx(const struct io_uring_cmd *ioucmd)
{
#if IS_ENABLED(CONFIG_IO_URING)
	return cmd_to_io_kiocb((void *)ioucmd)->ctx;
#else
	return NULL;
#endif
}

/* Was io_uring set up by a 32-bit process? */
static inline bool usher_uring_compat(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
#if !IS_ENABLED(CONFIG_IO_URING)
	return false;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return cmd_to_io_kiocb(ioucmd)->ctx->compat;
#else
	return issue_flags & IO_URING_F_COMPAT;
#endif
}

/* @name, for usher_uring_in_task(), calls @fn(ioucmd, issue_flags) in the task. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define USHER_URING_TASK_FN(name, fn)					\
	static void name(struct io_uring_cmd *ioucmd, unsigned int flags) \
	{								\
		fn(ioucmd, flags);					\
	}
#else
#define USHER_URING_TASK_FN(name, fn)					\
	static void name(struct io_tw_req tw_req, io_tw_token_t tw)	\
	{								\
		fn(io_uring_cmd_from_tw(tw_req), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS); \
	}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define usher_uring_in_task(ioucmd, name)	io_uring_cmd_complete_in_task(ioucmd, name)
#else
#define usher_uring_in_task(ioucmd, name)	io_uring_cmd_do_in_task_lazy(ioucmd, name)
#endif

/* Before 6.7 commands of io_uring are waited for, whoever ends. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define USHER_URING_CANCEL	0U
static inline void usher_uring_mark_cancelable(struct io_uring_cmd *ioucmd,
					       unsigned int issue_flags)
{
}
#else
#define USHER_URING_CANCEL	IO_URING_F_CANCEL
#define usher_uring_mark_cancelable	io_uring_cmd_mark_cancelable
#endif

#endif /* _USHER_COMPAT_H */
