/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regions whose pages may vanish, for the handler of SIGBUS.
 */
#ifndef USHER_PCI_FAULT_H
#define USHER_PCI_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/**
 * usher_pci_fault_add() - watch a mapping
 * @base: its first byte
 * @bytes: its length
 * @lost: set by the handler once an access found it gone
 *
 * Return: 0; -ENOMEM: too many are watched, or memory is short; -EMFILE.
 */
int usher_pci_fault_add(void *base, size_t bytes, bool *lost);

/**
 * usher_pci_fault_remove() - watch it no longer
 * @base: as added
 */
void usher_pci_fault_remove(void *base);

/**
 * usher_pci_fault_fill() - put pages of ones somewhere
 * @base: whole pages
 * @bytes: their length, or 0
 *
 * Return: 0; -ENOMEM; -EMFILE.
 */
int usher_pci_fault_fill(void *base, size_t bytes);

#pragma GCC visibility pop

#endif /* USHER_PCI_FAULT_H */
