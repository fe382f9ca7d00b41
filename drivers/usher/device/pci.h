/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _USHER_DEVICE_PCI_H
#define _USHER_DEVICE_PCI_H

struct pci_driver;

/* Guarded mode: NVMe controllers */
extern struct pci_driver usher_driver;

#endif /* _USHER_DEVICE_PCI_H */
