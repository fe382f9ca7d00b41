/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses a PCI function of any class.
 */
#ifndef USHERCTL_USERS_H
#define USHERCTL_USERS_H

/**
 * function_in_use() - count the users of a PCI function, and say who they are
 * @bdf: address of the function
 *
 * Users are disks and network interfaces that are in use, and processes that have a
 * device node open.
 *
 * Return: how many there are
 */
int function_in_use(const char *bdf);

/**
 * virtual_functions_in_use() - count the users of the virtual functions that are part of
 *	a PCI function, and say who they are
 * @bdf: address of the function
 *
 * Return: how many there are
 */
int virtual_functions_in_use(const char *bdf);

#endif /* USHERCTL_USERS_H */
