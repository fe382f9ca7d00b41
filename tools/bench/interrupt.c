// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a device's interrupt to the process that waits for it: between two markers
 * a register is written that makes the device interrupt, and usher_pci_wait()
 * returns; between two more the device is served and the vector let through again.
 * Whatever hands the function to processes, the source is the same.
 *
 * The devices are QEMU's educational one, which interrupts by message, and an
 * 82540, which has a pin.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher_pci.h>

#include "marker.h"

#define WARM		64U		/* rounds before it counts */
#define PATIENCE_NS	30000000000ULL
/* The 82540 comes at most once in 125 microseconds. */
#define PAUSE_NS	500000ULL

/**
 * struct device - how to make a device interrupt
 * @id: vendor and device
 * @name: of its interrupt
 * @enable: register that lets the cause through, or 0
 * @raise: register that makes it interrupt
 * @cause: register that says why
 * @clear: register that takes back what was read there, or 0 when reading does
 * @bit: the cause
 */
struct device {
	uint32_t id;
	const char *name;
	uint32_t enable;
	uint32_t raise;
	uint32_t cause;
	uint32_t clear;
	uint32_t bit;
};

static const struct device devices[] = {
	/* docs/specs/edu.rst of QEMU */
	{ 0x11e81234, "message", 0, 0x60, 0x24, 0x64, 0x1 },
	/* IMS, ICS, ICR; a link status change */
	{ 0x100e8086, "pin", 0xd0, 0xc8, 0xc0, 0, 0x4 },
	{ 0 }
};

static const struct device *device;
static struct usher_pci *pci;
static struct usher_pci_region registers;
static unsigned int rounds;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "interrupt: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	exit(1);
}

static void check(int ret)
{
	if (ret < 0)
		die("%s", usher_pci_reason());
}

static void raise_it(void)
{
	usher_pci_write32(&registers, device->raise, device->bit);
}

static void serve(void)
{
	uint32_t cause = usher_pci_read32(&registers, device->cause);

	if (device->clear)
		usher_pci_write32(&registers, device->clear, cause);
	check(usher_pci_unmask(pci, 0));
	if (!(cause & device->bit))
		die("an interrupt without its cause: %#x", cause);
}

/* The device has interrupted before there is a wait. */
static void awake(void)
{
	unsigned int i;

	for (i = 0; i < WARM; i++) {
		raise_it();
		check(usher_pci_wait(pci, 0, PATIENCE_NS));
		serve();
		usher_pci_delay(PAUSE_NS);
	}
	for (i = 0; i < rounds; i++) {
		marker_begin();
		raise_it();
		check(usher_pci_wait(pci, 0, PATIENCE_NS));
		marker_end();
		marker_begin();
		serve();
		marker_end();
		usher_pci_delay(PAUSE_NS);
	}
}

/* A thread that goes before the one that makes the device interrupt */
static void *waiter(void *unused)
{
	unsigned int i;

	for (i = 0; i < WARM; i++) {
		check(usher_pci_wait(pci, 0, PATIENCE_NS));
		serve();
	}
	for (i = 0; i < rounds; i++) {
		check(usher_pci_wait(pci, 0, PATIENCE_NS));
		marker_end();
		marker_begin();
		serve();
		marker_end();
	}
	return unused;
}

static void start(pthread_t *thread)
{
	const struct sched_param priority = { .sched_priority = 1 };
	pthread_attr_t attributes;
	int ret;

	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
	pthread_attr_setschedparam(&attributes, &priority);
	ret = pthread_create(thread, &attributes, waiter, NULL);
	if (ret)
		die("a thread of real-time priority: %s", strerror(ret));
}

/* On one processor nobody is here unless the waiter sleeps. */
static void asleep(void)
{
	pthread_t thread;
	unsigned int i;

	start(&thread);
	for (i = 0; i < WARM; i++) {
		usher_pci_delay(PAUSE_NS);
		raise_it();
	}
	for (i = 0; i < rounds; i++) {
		usher_pci_delay(PAUSE_NS);
		marker_begin();
		raise_it();
	}
	pthread_join(thread, NULL);
}

static const struct device *find_device(const struct usher_pci_info *info)
{
	const struct device *one;

	for (one = devices; one->id; one++)
		if (one->id == (info->vendor | (uint32_t)info->device << 16))
			return one;
	die("%s: neither QEMU's educational device nor an 82540", info->address);
}

int main(int argc, char **argv)
{
	const struct usher_pci_info *info;

	if (argc != 4 || (strcmp(argv[1], "awake") && strcmp(argv[1], "asleep"))) {
		fprintf(stderr, "usage: interrupt awake|asleep COUNT FUNCTION\n");
		return 2;
	}
	rounds = strtoul(argv[2], NULL, 0);
	check(usher_pci_open(argv[3], &pci));
	info = usher_pci_info(pci);
	device = find_device(info);
	check(usher_pci_map_region(pci, 0, &registers));
	check(usher_pci_enable_vectors(pci, 1));
	if (device->enable)
		usher_pci_write32(&registers, device->enable, device->bit);
	if (!strcmp(argv[1], "asleep"))
		asleep();
	else
		awake();
	printf("{\"backend\": \"%s\", \"irq\": \"%s\", \"wait\": \"%s\", \"count\": %u}\n",
	       info->backend, device->name, argv[1], rounds);
	usher_pci_close(pci);
	return 0;
}
