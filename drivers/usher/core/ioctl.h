/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One kind of ioctl table for all files of the module.
 *
 * Each argument is a struct that begins with its size. A program may have been
 * compiled with an older, shorter struct, which is zero-extended, or with a newer
 * one, whose tail must then be zero. What a call cannot do without is its minimum:
 * a struct that ends before it is refused.
 */
#ifndef _USHER_CORE_IOCTL_H
#define _USHER_CORE_IOCTL_H

#include <linux/build_bug.h>
#include <linux/ioctl.h>
#include <linux/stddef.h>
#include <linux/types.h>

/* Room for the largest argument, in bytes */
#define USHER_IOCTL_MAX_BYTES	160

/**
 * struct usher_ioctl - an entry of a table of ioctls
 * @call: does it; the argument was copied to kernel memory and zero-extended;
 *	@argp is the process's struct, for calls that answer by themselves
 * @undo: called when the answer could not be copied to the process, or NULL
 * @size: bytes of the argument in this kernel
 * @min: bytes of it that the caller must give
 * @answers: after success the argument is copied back, as far as the caller's
 *	struct reaches
 */
struct usher_ioctl {
	int	(*call)(void *object, void *arg, void __user *argp);
	void	(*undo)(void *object, void *arg);
	u16	size;
	u16	min;
	bool	answers;
};

/**
 * struct usher_ioctl_table - the ioctls of one kind of file
 * @ioctls: by number, from @first on; gaps have no @call
 * @first: _IOC_NR() of the first entry
 * @nr: number of @ioctls
 * @type: _IOC_TYPE() of all of them
 */
struct usher_ioctl_table {
	const struct usher_ioctl	*ioctls;
	u32				first;
	u32				nr;
	u32				type;
};

/*
 * An entry for the ioctl @code of a table that begins with @base: @last is the
 * last member that a caller must give, so that no minimum cuts a member.
 */
#define USHER_IOCTL(base, code, fn, type, last, ...)			\
	[_IOC_NR(code) - _IOC_NR(base)] = {				\
		.call	= fn,						\
		.size	= sizeof(type) +				\
			  BUILD_BUG_ON_ZERO(sizeof(type) > USHER_IOCTL_MAX_BYTES), \
		.min	= offsetofend(type, last) +			\
			  BUILD_BUG_ON_ZERO(offsetof(type, size) != 0),	\
		##__VA_ARGS__						\
	}

int usher_copy_args(void *to, size_t ksize, size_t min, const void __user *from);
int usher_put_args(void __user *to, const void *from, size_t ksize, u32 usize);
long usher_ioctl(const struct usher_ioctl_table *table, void *object,
		 bool gone, unsigned int cmd, void __user *argp);

#endif /* _USHER_CORE_IOCTL_H */
