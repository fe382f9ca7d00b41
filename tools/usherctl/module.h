/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading modules. Failures are reported.
 */
#ifndef USHERCTL_MODULE_H
#define USHERCTL_MODULE_H

#define SYS_DRIVERS	"/sys/bus/pci/drivers"

/**
 * load_module() - load a module, unless its driver is there
 * @module: its name
 * @driver: the PCI driver that it brings
 *
 * Return: 0, or STATUS_FAILED
 */
int load_module(const char *module, const char *driver);

/**
 * load_by_alias() - load the module that the kernel would load for a function
 * @bdf: address of the function
 *
 * That there is none is no failure.
 */
void load_by_alias(const char *bdf);

#endif /* USHERCTL_MODULE_H */
