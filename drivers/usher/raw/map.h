/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: base address registers mapped into processes, and the inodes that the
 * mappings hang on.
 */
#ifndef _USHER_RAW_MAP_H
#define _USHER_RAW_MAP_H

struct inode;
struct usher_raw;
struct vm_area_struct;

int usher_raw_inodes_init(void);
void usher_raw_inodes_exit(void);
struct inode *usher_raw_inode_alloc(void);

int usher_raw_map(struct usher_raw *raw, struct vm_area_struct *vma);
void usher_raw_map_zap(struct usher_raw *raw);
void usher_raw_map_enable(struct usher_raw *raw);
void usher_raw_map_disable(struct usher_raw *raw);

#endif /* _USHER_RAW_MAP_H */
