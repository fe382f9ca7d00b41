/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of a PCI function.
 */
#ifndef USHERCTL_PCI_INFO_H
#define USHERCTL_PCI_INFO_H

#include <stdbool.h>

/**
 * info_function() - print what is known of a PCI function
 * @text: the function, as find_function() takes it
 * @json: print JSON
 *
 * Return: 0, or an exit status after a message
 */
int info_function(const char *text, bool json);

#endif /* USHERCTL_PCI_INFO_H */
