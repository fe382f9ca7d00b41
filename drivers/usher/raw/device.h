/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Raw mode: the class device of a function, whose release frees the function's object.
 */
#ifndef _USHER_RAW_DEVICE_H
#define _USHER_RAW_DEVICE_H

struct pci_dev;
struct usher_raw;

struct usher_raw *usher_raw_device_alloc(struct pci_dev *pdev);

#endif /* _USHER_RAW_DEVICE_H */
