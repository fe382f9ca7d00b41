// SPDX-License-Identifier: GPL-2.0-only
/*
 * Raw mode: base address registers in processes. Pages come by faults, so that
 * they can be taken back: from all processes at once, by one inode per function
 * in a file system of our own, since each node has another. What has no page of
 * its own is reached by calls.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "compat.h"
#include "raw/raw.h"

#define USHER_RAW_MAGIC		0x75736872

/* What cannot be mapped is small: all I/O ports, or less than a page */
#define USHER_RAW_CALLS_BYTES	SZ_64K

static struct vfsmount *usher_raw_mnt;

/* ---- inodes ---- */

static int usher_raw_init_fs(struct fs_context *fc)
{
	return init_pseudo(fc, USHER_RAW_MAGIC) ? 0 : -ENOMEM;
}

/* Without an owner: the mount, which lives as long as we, would keep us for ever. */
static struct file_system_type usher_raw_fs = {
	.name			= "usher_raw",
	.init_fs_context	= usher_raw_init_fs,
	.kill_sb		= kill_anon_super,
};

int usher_raw_init_inodes(void)
{
	usher_raw_mnt = kern_mount(&usher_raw_fs);
	return PTR_ERR_OR_ZERO(usher_raw_mnt);
}

void usher_raw_exit_inodes(void)
{
	kern_unmount(usher_raw_mnt);
}

struct inode *usher_raw_inode(void)
{
	return alloc_anon_inode(usher_raw_mnt->mnt_sb);
}

/* ---- what there is ---- */

/* What @bytes at the place that an MSI-X register tells take from processes */
static void usher_raw_init_hole(struct usher_raw *raw, u32 where, u64 bytes,
				u32 which)
{
	u32 index = where & PCI_MSIX_TABLE_BIR;
	u64 offset = where & PCI_MSIX_TABLE_OFFSET;
	u64 end = PAGE_ALIGN(offset + bytes);

	/* The hardware may say what it likes. */
	if (index >= USHER_RAW_REGIONS)
		return;
	offset &= PAGE_MASK;
	raw->bars[index].hole_offset[which] = offset;
	raw->bars[index].hole_bytes[which] = end - offset;
}

void usher_raw_init_bars(struct usher_raw *raw)
{
	struct pci_dev *pdev = raw->pdev;
	u32 i, table, pba;
	int n;

	for (i = 0; i < USHER_RAW_REGIONS; i++) {
		struct usher_raw_bar *bar = &raw->bars[i];

		bar->bytes = pci_resource_len(pdev, i);
		bar->mappable = pci_resource_flags(pdev, i) & IORESOURCE_MEM &&
				bar->bytes &&
				bar->bytes <= BIT_ULL(USHER_RAW_REGION_SHIFT) &&
				PAGE_ALIGNED(pci_resource_start(pdev, i)) &&
				PAGE_ALIGNED(bar->bytes);
		bar->ports = pci_resource_flags(pdev, i) & IORESOURCE_IO;
		if (bar->bytes && bar->bytes <= USHER_RAW_CALLS_BYTES &&
		    !bar->mappable)
			bar->registers = pci_iomap(pdev, i, 0);
	}
	n = pci_msix_vec_count(pdev);
	if (n <= 0)
		return;
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_PBA, &pba);
	usher_raw_init_hole(raw, table, n * PCI_MSIX_ENTRY_SIZE, 0);
	usher_raw_init_hole(raw, pba, DIV_ROUND_UP(n, 64) * sizeof(u64), 1);
}

void usher_raw_exit_bars(struct usher_raw *raw)
{
	u32 i;

	for (i = 0; i < USHER_RAW_REGIONS; i++)
		if (raw->bars[i].registers)
			pci_iounmap(raw->pdev, raw->bars[i].registers);
}

/* ---- mappings ---- */

static bool usher_raw_in_hole(const struct usher_raw_bar *bar, u64 offset)
{
	return offset - bar->hole_offset[0] < bar->hole_bytes[0] ||
	       offset - bar->hole_offset[1] < bar->hole_bytes[1];
}

static vm_fault_t usher_raw_fault(struct vm_fault *vmf)
{
	struct usher_raw *raw = vmf->vma->vm_file->private_data;
	u64 at = (u64)vmf->pgoff << PAGE_SHIFT;
	u32 index = at >> USHER_RAW_REGION_SHIFT;
	u64 offset = at & (BIT_ULL(USHER_RAW_REGION_SHIFT) - 1);
	const struct usher_raw_bar *bar = &raw->bars[index];
	vm_fault_t ret = VM_FAULT_SIGBUS;
	phys_addr_t phys;

	/* A mapping was checked when it was made, and cannot grow. */
	if (usher_raw_in_hole(bar, offset))
		return ret;
	/* As long as a reset, but not of who is killed */
	if (down_read_killable(&raw->region_lock))
		return ret;
	if (raw->regions_on) {
		phys = pci_resource_start(raw->pdev, index) + offset;
		ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(phys));
	}
	up_read(&raw->region_lock);
	return ret;
}

#ifdef CONFIG_HAVE_IOREMAP_PROT
/*
 * For debuggers: what the process has a page of, so no holes. generic_access_phys()
 * looks at the first page alone, and must not go on behind it.
 */
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
#ifdef CONFIG_HAVE_IOREMAP_PROT
	.access	= usher_raw_vm_access,
#endif
};

int usher_raw_mmap_bar(struct usher_raw *raw, struct vm_area_struct *vma)
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
	/* A device knows nothing of the encryption of memory. */
	vma->vm_page_prot =
		pgprot_decrypted(pgprot_noncached(vma->vm_page_prot));
	vma->vm_ops = &usher_raw_vm_ops;
	return 0;
}

/* Take the pages from all processes. With region_lock held for writing. */
void usher_raw_zap(struct usher_raw *raw)
{
	lockdep_assert_held_write(&raw->region_lock);
	unmap_mapping_range(raw->inode->i_mapping, 0,
			    (u64)USHER_RAW_REGIONS << USHER_RAW_REGION_SHIFT,
			    true);
}

/* ---- by calls ---- */

static u64 usher_raw_read(void __iomem *at, u32 bytes)
{
	switch (bytes) {
	case 1:
		return ioread8(at);
	case 2:
		return ioread16(at);
	case 4:
		return ioread32(at);
	default:
		return readq(at);
	}
}

static void usher_raw_write(void __iomem *at, u32 bytes, u64 value)
{
	switch (bytes) {
	case 1:
		iowrite8(value, at);
		break;
	case 2:
		iowrite16(value, at);
		break;
	case 4:
		iowrite32(value, at);
		break;
	default:
		writeq(value, at);
	}
}

/**
 * usher_raw_check_access - may a register be accessed by a call
 * @bar: the region
 * @arg: where, and what is written; 0 when it is read
 *
 * Return: 0, or as struct usher_raw_access says.
 */
int usher_raw_check_access(const struct usher_raw_bar *bar,
			   const struct usher_raw_access *arg)
{
	if (arg->flags || !is_power_of_2(arg->bytes) || arg->bytes > 8 ||
	    arg->offset % arg->bytes || arg->offset >= bar->bytes ||
	    arg->bytes > bar->bytes - arg->offset)
		return -EINVAL;
	if (arg->bytes < 8 && arg->value >> (8 * arg->bytes))
		return -EINVAL;
	if (!bar->registers)
		return -EOPNOTSUPP;
	if (bar->ports && arg->bytes == 8)
		return -EINVAL;
	return usher_raw_in_hole(bar, arg->offset) ? -EACCES : 0;
}

/**
 * usher_raw_access - USHER_RAW_IOC_READ and _WRITE
 * @raw: the function
 * @arg: where; @arg->value is filled in, or written
 * @write: write
 *
 * Return: 0, or as struct usher_raw_access says.
 */
int usher_raw_access(struct usher_raw *raw, struct usher_raw_access *arg,
		     bool write)
{
	const struct usher_raw_bar *bar;
	int ret;

	if (arg->index >= USHER_RAW_REGIONS)
		return -EINVAL;
	bar = &raw->bars[array_index_nospec(arg->index, USHER_RAW_REGIONS)];
	ret = usher_raw_check_access(bar, arg);
	if (!ret)
		ret = usher_raw_lock(raw);
	if (ret)
		return ret;
	if (write)
		usher_raw_write(bar->registers + arg->offset, arg->bytes, arg->value);
	else
		arg->value = usher_raw_read(bar->registers + arg->offset, arg->bytes);
	mutex_unlock(&raw->lock);
	return 0;
}
