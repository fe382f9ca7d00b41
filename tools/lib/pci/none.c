// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * For systems where no kernel driver hands functions to processes yet: drivers
 * compile, and usher_pci_open() says that it does not work here.
 */
#include <errno.h>

#include "pci.h"

static int none_open(const char *address, struct usher_pci **pci)
{
	(void)pci;
	return fail(-EOPNOTSUPP,
		    "%s: drivers in processes are not supported on this operating system",
		    address);
}

/* Without open() there is no function to call anything else with. */
const struct usher_pci_ops usher_pci_none = {
	.open = none_open,
};

int usher_pci_catch_faults(void)
{
	return fail(-EOPNOTSUPP,
		    "faults of regions cannot be caught on this operating system");
}

bool usher_pci_handle_fault(void *address)
{
	(void)address;
	return false;
}
