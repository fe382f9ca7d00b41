// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: base address registers mapped into processes.
 *
 * A mapping gets its pages by faults, so that they can be taken back. To take them from
 * all processes at once, all files of a function share one inode of a file system of our
 * own, as each node of the character device has another one. The inode belongs to struct
 * usher_raw and is put when that is freed. A mapping needs no reference: it keeps the
 * file open.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/pseudo_fs.h>
#include <linux/rwsem.h>

#include "compat.h"
#include "raw/bar.h"
#include "raw/map.h"
#include "raw/offsets.h"
#include "raw/raw.h"

#define USHER_RAW_MAGIC		0x75736872

static struct vfsmount *usher_raw_mnt;

/* ---- inodes ---- */

static int usher_raw_init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, USHER_RAW_MAGIC) ? 0 : -ENOMEM;
}

/* The mount lives as long as the module, so with an owner it would pin the module. */
static struct file_system_type usher_raw_fs = {
	.name			= "usher_raw",
	.init_fs_context	= usher_raw_init_fs,
	.kill_sb		= kill_anon_super,
};

int usher_raw_inodes_init(void)
{
	usher_raw_mnt = kern_mount(&usher_raw_fs);
	return PTR_ERR_OR_ZERO(usher_raw_mnt);
}

void usher_raw_inodes_exit(void)
{
	kern_unmount(usher_raw_mnt);
}

struct inode *usher_raw_inode_alloc(void)
{
	return alloc_anon_inode(usher_raw_mnt->mnt_sb);
}

/* ---- mappings ---- */

static vm_fault_t usher_raw_fault(struct vm_fault *vmf)
{
	struct usher_raw *raw = vmf->vma->vm_file->private_data;
	u64 at = (u64)vmf->pgoff << PAGE_SHIFT;
	u32 index = at >> USHER_RAW_REGION_SHIFT;
	u64 offset = at & (BIT_ULL(USHER_RAW_REGION_SHIFT) - 1);
	const struct usher_raw_bar *bar = &raw->bars[index];
	vm_fault_t ret = VM_FAULT_SIGBUS;
	phys_addr_t phys;

	/* usher_raw_map() checked the index and the end, and a mapping cannot grow. */
	if (usher_raw_bar_in_hole(bar, offset, PAGE_SIZE))
		return ret;
	/* A reset holds the lock, but a killed process must not wait for its end. */
	if (down_read_killable(&raw->region_lock))
		return ret;
	if (raw->regions_on) {
		phys = pci_resource_start(raw->pdev, index) + offset;
		ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(phys));
	}
	up_read(&raw->region_lock);
	return ret;
}

/*
 * For debuggers. generic_access_phys() reaches only what the process has a page of, so
 * no holes; but it looks at the first page alone, and must not go on behind it. It moves
 * single bytes where it likes: what a device does not take so reads as ones on a PC, and
 * stops the kernel elsewhere.
 */
#if defined(CONFIG_HAVE_IOREMAP_PROT) && defined(CONFIG_X86)
#define USHER_RAW_DEBUGGERS

static int usher_raw_vm_access(struct vm_area_struct *vma, unsigned long addr,
			       void *buf, int len, int write)
{
	struct usher_raw *raw = vma->vm_file->private_data;
	int ret = -EIO;

	len = min_t(unsigned long, len, PAGE_SIZE - offset_in_page(addr));
	if (down_read_killable(&raw->region_lock))
		return -EINTR;
	if (raw->regions_on)
		ret = generic_access_phys(vma, addr, buf, len, write);
	up_read(&raw->region_lock);
	return ret;
}
#endif

static const struct vm_operations_struct usher_raw_vm_ops = {
	.fault	= usher_raw_fault,
#ifdef USHER_RAW_DEBUGGERS
	.access	= usher_raw_vm_access,
#endif
};

/**
 * usher_raw_map - mmap() of a base address register
 * @raw: the function
 * @vma: the mapping; it gets no pages yet
 *
 * Return: 0, or as struct usher_raw_region says.
 */
int usher_raw_map(struct usher_raw *raw, struct vm_area_struct *vma)
{
	u64 at = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u32 index = at >> USHER_RAW_REGION_SHIFT;
	u64 offset = at & (BIT_ULL(USHER_RAW_REGION_SHIFT) - 1);
	u64 bytes = vma->vm_end - vma->vm_start;
	const struct usher_raw_bar *bar;

	if (index >= USHER_RAW_REGIONS || !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	bar = &raw->bars[array_index_nospec(index, USHER_RAW_REGIONS)];
	if (!bar->bytes)
		return -EINVAL;
	if (!bar->mappable)
		return -EOPNOTSUPP;
	if (offset > bar->bytes || bytes > bar->bytes - offset)
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	/* Where memory is encrypted, registers of devices are not. */
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_ops = &usher_raw_vm_ops;
	return 0;
}

/**
 * usher_raw_map_zap - take the pages of all base address registers from all processes
 * @raw: the function; its region_lock is held for writing
 *
 * Whoever touches a register afterwards waits for region_lock.
 */
void usher_raw_map_zap(struct usher_raw *raw)
{
	lockdep_assert_held_write(&raw->region_lock);
	unmap_mapping_range(raw->inode->i_mapping, 0,
			    (u64)USHER_RAW_REGIONS << USHER_RAW_REGION_SHIFT,
			    true);
}

/* Touching a base address register works from here on, unless the function is gone. */
void usher_raw_map_enable(struct usher_raw *raw)
{
	down_write(&raw->region_lock);
	raw->regions_on = !usher_raw_is_gone(raw);
	up_write(&raw->region_lock);
}

/* Touching a base address register is SIGBUS from here on. */
void usher_raw_map_disable(struct usher_raw *raw)
{
	down_write(&raw->region_lock);
	raw->regions_on = false;
	usher_raw_map_zap(raw);
	up_write(&raw->region_lock);
}
