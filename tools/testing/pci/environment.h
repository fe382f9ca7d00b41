/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests learn from their environment, set by run-in-guest and faults-in-guest:
 *
 *	USHER_EDU	QEMU's educational device, alone behind a port
 *	USHER_BARE	another one, on a bus with others, and so without a reset;
 *			its interrupt pin is on the line of USHER_EDU's
 *	USHER_82540	network controller with an interrupt pin
 *	USHER_82574	network controller with I/O ports and MSI-X
 *	USHER_OHCI	USB controller, which has less than a page of registers
 *	USHER_NVME	NVMe controller with more vectors than the machine
 *	USHER_VIRTIO	virtio device behind a port that reports errors, "errors" in QEMU
 *	USHER_TWIN	a function with a reset that shares its IOMMU group with one other
 *	USHER_FUNCTION	the function of raw_failnth_test: messages and a reset
 *	USHER_SOFTCTRL	path of usher-softctrl.ko, the controller made of software
 *	USHER_SEED	seed for random tests; without it, each takes a new one
 *
 * All but the last two are PCI addresses, as 0000:01:00.0, of functions that are bound to
 * the driver under test. Where one is missing, the tests that need it fail and name it.
 */
#ifndef PCI_ENVIRONMENT_H
#define PCI_ENVIRONMENT_H

#include <stdio.h>
#include <stdlib.h>

#define EDU		setting("USHER_EDU")
#define BARE		setting("USHER_BARE")
#define PIN		setting("USHER_82540")
#define NIC		setting("USHER_82574")
#define OHCI		setting("USHER_OHCI")
#define NVME		setting("USHER_NVME")
#define VIRTIO		setting("USHER_VIRTIO")
#define TWIN		setting("USHER_TWIN")
#define FUNCTION	setting("USHER_FUNCTION")
#define SOFTCTRL	setting("USHER_SOFTCTRL")

/**
 * setting - what a variable of the environment says
 * @name: one of those above
 *
 * Ends the test, and names the variable, if it is not set.
 */
static inline const char *setting(const char *name)
{
	const char *text = getenv(name);

	if (text && *text)
		return text;
	fprintf(stderr, "# %s is not set: environment.h says what it is\n", name);
	abort();
}

#endif /* PCI_ENVIRONMENT_H */
