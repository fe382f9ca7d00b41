// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for QEMU's educational device: computes factorials, and copies memory
 * to the device and back. Every answer comes by an interrupt.
 *
 *	./edu 0000:01:00.0 ROUNDS		0 rounds have no end
 *
 * The device is described in docs/specs/edu.rst of QEMU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <usher_pci.h>

/* Registers */
#define IDENTIFICATION		0x00	/* 0xRRrr00ed */
#define LIVENESS		0x04	/* reads as the inverse of what was written */
#define FACTORIAL		0x08
#define STATUS			0x20
#define STATUS_COMPUTING	0x01U
#define STATUS_INTERRUPT	0x80U	/* interrupt when computed */
#define INTERRUPT_STATUS	0x24
#define INTERRUPT_COMPUTED	0x001U
#define INTERRUPT_COPIED	0x100U
#define INTERRUPT_ACKNOWLEDGE	0x64
#define DMA_SOURCE		0x80
#define DMA_DESTINATION		0x88
#define DMA_COUNT		0x90
#define DMA_COMMAND		0x98
#define DMA_START		0x1U
#define DMA_TO_MEMORY		0x2U
#define DMA_INTERRUPT		0x4U

#define BUFFER		0x40000		/* the device's memory, by its own address */
#define BUFFER_BYTES	2048U		/* half: some QEMU refuse the last byte */
#define ADDRESS_BITS	28
#define TIMEOUT		10000000000ULL

/**
 * struct edu - the device
 * @pci: its function
 * @registers: region 0
 * @memory: a buffer as large as what is used of the device's
 */
struct edu {
	struct usher_pci *pci;
	struct usher_pci_region registers;
	struct usher_pci_dma *memory;
};

static int failed(const char *what)
{
	fprintf(stderr, "edu: %s\n", what);
	return -1;
}

static int library_failed(void)
{
	return failed(usher_pci_reason());
}

/* Sleep until the device says that it did @cause. */
static int await_interrupt(struct edu *edu, uint32_t cause)
{
	uint32_t status;
	int ret;

	do {
		ret = usher_pci_wait(edu->pci, 0, TIMEOUT);
		if (ret < 0 && ret != -EINTR)
			return library_failed();
		status = usher_pci_read32(&edu->registers, INTERRUPT_STATUS);
		if (status == UINT32_MAX)
			return failed("the device is gone");
		usher_pci_write32(&edu->registers, INTERRUPT_ACKNOWLEDGE,
				  status);
		usher_pci_unmask(edu->pci, 0);	/* INTx only */
	} while (!(status & cause));
	return 0;
}

static int compute(struct edu *edu, uint32_t number)
{
	uint32_t expected = 1, result, i;

	usher_pci_write32(&edu->registers, STATUS, STATUS_INTERRUPT);
	usher_pci_write32(&edu->registers, FACTORIAL, number);
	if (await_interrupt(edu, INTERRUPT_COMPUTED))
		return -1;
	result = usher_pci_read32(&edu->registers, FACTORIAL);
	for (i = 2; i <= number; i++)
		expected *= i;
	return result == expected ? 0 : failed("a wrong factorial");
}

static int copy(struct edu *edu, uint64_t from, uint64_t to, uint32_t direction)
{
	usher_pci_write64(&edu->registers, DMA_SOURCE, from);
	usher_pci_write64(&edu->registers, DMA_DESTINATION, to);
	usher_pci_write64(&edu->registers, DMA_COUNT, BUFFER_BYTES);
	usher_pci_write64(&edu->registers, DMA_COMMAND,
			  DMA_START | direction | DMA_INTERRUPT);
	return await_interrupt(edu, INTERRUPT_COPIED);
}

/* To the device, and back into memory that was wiped */
static int copy_both_ways(struct edu *edu, uint32_t seed)
{
	uint64_t bus = usher_pci_dma_bus(edu->memory, 0);
	uint32_t *words = edu->memory->address, i;

	for (i = 0; i < BUFFER_BYTES / 4; i++)
		words[i] = seed * 0x01000193U + i;
	if (copy(edu, bus, BUFFER, 0))
		return -1;
	memset(words, 0, BUFFER_BYTES);
	if (copy(edu, BUFFER, bus, DMA_TO_MEMORY))
		return -1;
	for (i = 0; i < BUFFER_BYTES / 4; i++)
		if (words[i] != seed * 0x01000193U + i)
			return failed("memory came back changed");
	return 0;
}

/*
 * The device may be in the middle of what a driver before us began, and has no
 * reset. It must end before there is memory: without any, it cannot write.
 */
static int await_idle(struct edu *edu)
{
	if (usher_pci_await32(&edu->registers, STATUS, STATUS_COMPUTING, 0, TIMEOUT) ||
	    usher_pci_await32(&edu->registers, DMA_COMMAND, DMA_START, 0, TIMEOUT))
		return library_failed();
	usher_pci_write32(&edu->registers, INTERRUPT_ACKNOWLEDGE, UINT32_MAX);
	return 0;
}

static int start(struct edu *edu)
{
	if (usher_pci_map_region(edu->pci, 0, &edu->registers))
		return library_failed();
	if ((usher_pci_read32(&edu->registers, IDENTIFICATION) & 0xffff) != 0xed)
		return failed("this is no edu device");
	usher_pci_write32(&edu->registers, LIVENESS, 0x12345678);
	if (usher_pci_read32(&edu->registers, LIVENESS) != ~0x12345678U)
		return failed("the device does not answer");
	if (await_idle(edu))
		return -1;
	if (usher_pci_set_dma_bits(edu->pci, ADDRESS_BITS) ||
	    usher_pci_dma_alloc(edu->pci, BUFFER_BYTES, USHER_PCI_DMA_CONTIGUOUS,
				&edu->memory) ||
	    usher_pci_enable_vectors(edu->pci, 1))
		return library_failed();
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long rounds, i;
	struct edu edu;
	int ret;

	if (argc != 3) {
		fprintf(stderr, "usage: edu ADDRESS ROUNDS\n");
		return 2;
	}
	rounds = strtoul(argv[2], NULL, 0);
	usher_pci_catch_faults();
	if (usher_pci_open(argv[1], &edu.pci)) {
		library_failed();
		return 1;
	}
	ret = start(&edu);
	for (i = 0; !ret && (!rounds || i < rounds); i++) {
		ret = compute(&edu, i % 12);
		if (!ret)
			ret = copy_both_ways(&edu, i);
		if (!ret && !i) {
			printf("working\n");
			fflush(stdout);
		}
	}
	if (!ret)
		printf("%lu rounds\n", i);
	usher_pci_close(edu.pci);
	return ret ? 1 : 0;
}
