// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core of usher_pci_* over a back end of this test, which is no device at
 * all; and regions that vanish, which are pages of a file that is cut off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usher_pci.h"
#include "pci/fault.h"
#include "pci/pci.h"
#include "tap.h"

#define PAGE	4096U
#define READY	0x80000000U
#define SECOND	1000000000ULL

/* What the back end answers, and what it was asked for */
static struct {
	struct usher_pci pci;
	uint64_t bus[8];	/* of the pages it hands out, in turn */
	unsigned int next;
	int open_error;
	int config_error;
	const uint8_t *config;	/* of 256 bytes, instead of the usual */
	uint32_t ports;		/* bit for each region */
	int region_error;
	int reads;
	int rises;		/* bit 31 of registers, at that read */
	uint64_t read_ns;	/* how long one takes */
	bool gone;
	bool config_is_ones;
	int writes;
	uint64_t written;
	int removed;
	int masks;
	int waits;
	int closed;
	uint32_t value;
	char address[32];
} fake;

static uint32_t registers[4];

static int fake_open(const char *address, struct usher_pci **pci)
{
	snprintf(fake.address, sizeof(fake.address), "%s", address);
	if (fake.open_error)
		return fail(fake.open_error, "%s: as the test wants", address);
	*pci = &fake.pci;
	return 0;
}

static void fake_close(struct usher_pci *pci)
{
	struct usher_pci_memory *memory;

	for (memory = pci->memory; memory; memory = memory->next)
		if (memory->allocated)
			free(memory->dma.address);
	fake.closed++;
}

static bool fake_gone(struct usher_pci *pci)
{
	(void)pci;
	return fake.gone;
}

static int fake_read_config(struct usher_pci *pci, uint32_t offset,
			    uint32_t bytes, uint32_t *value)
{
	(void)pci;
	if (fake.config_error)
		return fail(fake.config_error, "as the test wants");
	if (fake.config_is_ones) {
		*value = UINT32_MAX;
		return 0;
	}
	if (fake.config) {
		for (*value = 0; bytes--;)
			*value = *value << 8 | fake.config[offset + bytes];
		return 0;
	}
	*value = offset << 8 | bytes;
	if (offset >= 0x10 && offset < 0x28)
		*value |= fake.ports >> (offset - 0x10) / 4 & 1;
	return 0;
}

static int fake_write_config(struct usher_pci *pci, uint32_t offset,
			     uint32_t bytes, uint32_t value)
{
	(void)pci;
	(void)offset;
	(void)bytes;
	fake.value = value;
	return 0;
}

static int fake_map(struct usher_pci *pci, struct usher_pci_region *region)
{
	(void)pci;
	if (region->index == 1)
		region->base = (uint8_t *)registers;
	return 0;
}

static int fake_read_region(struct usher_pci *pci, uint32_t index,
			    uint64_t offset, uint32_t bytes, uint64_t *value)
{
	(void)pci;
	fake.reads++;
	if (fake.region_error)
		return fail(fake.region_error, "as the test wants");
	if (fake.read_ns)
		usher_pci_delay(fake.read_ns);
	*value = (uint64_t)index << 24 | offset << 8 | bytes;
	if (fake.rises && fake.reads >= fake.rises)
		*value |= READY;
	return 0;
}

static int fake_write_region(struct usher_pci *pci, uint32_t index,
			     uint64_t offset, uint32_t bytes, uint64_t value)
{
	(void)pci;
	if (fake.region_error)
		return fail(fake.region_error, "as the test wants");
	fake.writes++;
	fake.written = value << 32 | index << 16 | offset << 8 | bytes;
	return 0;
}

static int fake_add(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	uint64_t i;

	(void)pci;
	for (i = 0; i < memory->nr_pages; i++)
		memory->dma.pages[i] = fake.bus[fake.next++ % 8];
	return 0;
}

static int fake_alloc(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	memory->dma.address = aligned_alloc(PAGE, memory->dma.bytes);
	return fake_add(pci, memory);
}

static void fake_remove(struct usher_pci *pci, struct usher_pci_memory *memory)
{
	(void)pci;
	if (memory->allocated)
		free(memory->dma.address);
	fake.removed++;
}

static int fake_enable(struct usher_pci *pci, uint32_t count)
{
	(void)pci;
	(void)count;
	return 0;
}

static void fake_disable(struct usher_pci *pci)
{
	(void)pci;
}

static int fake_wait(struct usher_pci *pci, uint32_t vector, uint64_t timeout_ns)
{
	(void)pci;
	(void)vector;
	fake.waits++;
	return timeout_ns ? 1 : fail(-ETIMEDOUT, "nothing came");
}

static int fake_mask(struct usher_pci *pci, uint32_t vector, bool masked)
{
	(void)pci;
	(void)vector;
	fake.masks += masked ? 1 : 100;
	return 0;
}

/* In place of the real one */
static int raw_open(const char *address, struct usher_pci **made)
{
	(void)address;
	(void)made;
	return -ENXIO;
}

static int raw_find(const char *path, char *address, size_t bytes)
{
	if (!strcmp(path, "/dev/missing/0000:01:00.0"))
		return fail(-ENOENT, "as the test wants");
	snprintf(address, bytes, "%s", strcmp(path, "/dev/odd") ? "0000:02:00.0" : "pnp");
	return 0;
}

/* Asked first, and not what the function is bound to */
const struct usher_pci_ops usher_pci_raw = {
	.find = raw_find,
	.open = raw_open,
};

const struct usher_pci_ops usher_pci_vfio = {
	.open = fake_open,
	.close = fake_close,
	.gone = fake_gone,
	.read_config = fake_read_config,
	.write_config = fake_write_config,
	.map_region = fake_map,
	.read_region = fake_read_region,
	.write_region = fake_write_region,
	.alloc = fake_alloc,
	.add = fake_add,
	.remove = fake_remove,
	.enable = fake_enable,
	.disable = fake_disable,
	.wait = fake_wait,
	.mask = fake_mask,
};

static struct usher_pci *start(enum usher_pci_irq irq)
{
	struct usher_pci *pci = NULL;
	unsigned int i;

	memset(&fake, 0, sizeof(fake));
	fake.pci.info.irq = irq;
	fake.pci.info.vectors = irq ? 2 : 0;
	fake.pci.info.page_bytes = PAGE;
	fake.pci.info.region_bytes[1] = sizeof(registers);
	fake.pci.info.region_bytes[2] = 32;
	for (i = 0; i < 8; i++)
		fake.bus[i] = 0x100000 + (uint64_t)i * PAGE;
	EXPECT_EQ(usher_pci_open("1:0.0", &pci), 0);
	return pci;
}

static bool says(const char *words)
{
	return strstr(usher_pci_reason(), words);
}

static void addresses(void)
{
	static const struct {
		const char *text;
		const char *full;
	} cases[] = {
		{ "0000:01:00.0", "0000:01:00.0" },
		{ "1:0.7", "0000:01:00.7" },
		{ "10000:ff:1f.7", "10000:ff:1f.7" },
		{ "1:20.0", NULL },
		{ "100:0.0", NULL },
		{ "1:0.8", NULL },
		{ "1:0", NULL },
		{ "1:0.0x", NULL },
		{ "0:1:0.0 ", NULL },
		{ "-1:0.0", NULL },
		{ "0x1:0.0", NULL },
		{ "100000001:0.0", NULL },
		{ "1:100000000.0", NULL },
		{ "10000000000000001:1:0.0", NULL },
		{ "", NULL },
	};
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.address[0] = '\0';
		ret = usher_pci_open(cases[i].text, &pci);
		if (cases[i].full)
			EXPECT(!ret && !strcmp(fake.address, cases[i].full));
		else
			EXPECT(ret == -EINVAL && !fake.address[0] &&
			       says("is no PCI address"));
	}
	usher_pci_close(pci);
	usher_pci_close(NULL);
	EXPECT_EQ(fake.closed, 1);
}

/* A path is what it leads to, also where its name is an address. */
static void paths_are_asked_for(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);

	usher_pci_close(pci);
	EXPECT_EQ(usher_pci_open("/dev/usher-raw/0000:01:00.0", &pci), 0);
	EXPECT(!strcmp(usher_pci_info(pci)->address, "0000:02:00.0"));
	usher_pci_close(pci);
	EXPECT_EQ(usher_pci_open("/dev/missing/0000:01:00.0", &pci), -ENOENT);
	EXPECT(says("as the test wants"));
	EXPECT_EQ(usher_pci_open("/dev/odd", &pci), -EINVAL);
	EXPECT(says("pnp is no PCI address"));
}

static void errors_have_reasons(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);

	fake.open_error = -EBUSY;
	EXPECT_EQ(usher_pci_open("2:0.0", &pci), -EBUSY);
	EXPECT(says("0000:02:00.0: as the test wants"));
	fake.open_error = -ENXIO;
	EXPECT_EQ(usher_pci_open("2:0.0", &pci), -ENXIO);

	/* and nothing is left open */
	fake.open_error = 0;
	fake.config_error = -EIO;
	pci = NULL;
	EXPECT_EQ(usher_pci_open("2:0.0", &pci), -EIO);
	EXPECT(!pci);
	EXPECT_EQ(fake.closed, 1);
}

static void the_header(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	const struct usher_pci_info *info = usher_pci_info(pci);

	EXPECT_EQ(info->vendor | info->device << 16, 0x00 << 8 | 4);
	EXPECT_EQ(info->revision | info->class_code << 8, 0x08 << 8 | 4);
	EXPECT_EQ(info->subsystem_vendor | info->subsystem << 16, 0x2c << 8 | 4);
	EXPECT(!strcmp(info->address, "0000:01:00.0"));
	usher_pci_close(pci);
}

static void config_space(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	uint32_t value = 0;

	EXPECT_EQ(usher_pci_read_config(pci, 4094, 2, &value), 0);
	EXPECT_EQ(value, 4094 << 8 | 2);
	EXPECT_EQ(usher_pci_write_config(pci, 0x40, 4, 7), 0);
	EXPECT_EQ(fake.value, 7);
	EXPECT_EQ(usher_pci_read_config(pci, 4096, 1, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_config(pci, UINT32_MAX - 3, 4, &value),
		  -EINVAL);
	EXPECT_EQ(usher_pci_read_config(pci, 2, 4, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_config(pci, 0, 3, &value), -EINVAL);
	EXPECT_EQ(usher_pci_write_config(pci, 0, 8, 0), -EINVAL);
	EXPECT_EQ(usher_pci_write_config(pci, 0x40, 1, 0x100), -EINVAL);
	usher_pci_close(pci);
}

/* In @config: which capability is at @offset, and where the next is */
static void put_capability(uint8_t *config, uint8_t offset, uint8_t id, uint8_t next)
{
	config[offset] = id;
	config[offset + 1] = next;
}

static void capabilities(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	uint8_t config[256] = { [6] = 0x10, [0x34] = 0x98 };

	fake.config = config;
	put_capability(config, 0x98, 0x09, 0x40);
	put_capability(config, 0x40, 0x11, 0xff);	/* the lower two bits are reserved */
	put_capability(config, 0xfc, 0x09, 0x50);
	put_capability(config, 0x50, 0x09, 0);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x11, 0), 0x40);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x11, 0x40), 0);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x10, 0), 0);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0), 0x98);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0x98), 0xfc);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0x40), 0xfc);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0xfc), 0x50);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0x50), 0);
	/* after what is none */
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0x44), 0);
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, UINT32_MAX), 0);

	/* a device that has no list may have anything there */
	config[6] = 0;
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0), 0);
	fake.config_error = -EIO;
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0), -EIO);
	usher_pci_close(pci);
}

/* How many of one kind a driver finds, which goes on from each; no more than a list has */
static int count_capabilities(struct usher_pci *pci, uint8_t id)
{
	int at, count = 0;

	for (at = usher_pci_find_capability(pci, id, 0); at > 0 && count < 100;
	     at = usher_pci_find_capability(pci, id, at))
		count++;
	return count;
}

static void malformed_capabilities(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	uint8_t config[256] = { [6] = 0x10, [0x34] = 0x40 };
	unsigned int at;

	/* into itself, at its first, its middle and its last */
	fake.config = config;
	put_capability(config, 0x40, 0x09, 0x50);
	put_capability(config, 0x50, 0x09, 0x60);
	for (at = 0x40; at <= 0x60; at += 0x10) {
		put_capability(config, 0x60, 0x09, at);
		EXPECT_EQ(count_capabilities(pci, 0x09), 3);
		EXPECT_EQ(usher_pci_find_capability(pci, 0x05, 0), 0);
	}

	/* into the header, which is no capability */
	put_capability(config, 0x3c, 0x09, 0x40);
	put_capability(config, 0x60, 0x09, 0x3c);
	EXPECT_EQ(count_capabilities(pci, 0x09), 3);

	/* as many as there can be, which lead back at the end */
	for (at = 0x40; at < 0x100; at += 4)
		put_capability(config, at, 0x09, at + 4 < 0x100 ? at + 4 : 0x40);
	EXPECT_EQ(count_capabilities(pci, 0x09), 48);

	fake.config_is_ones = true;
	EXPECT_EQ(usher_pci_find_capability(pci, 0x09, 0), 0);
	usher_pci_close(pci);
}

static void regions(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region, again;

	EXPECT_EQ(usher_pci_map_region(pci, 0, &region), -EINVAL);
	EXPECT_EQ(usher_pci_map_region(pci, 6, &region), -EINVAL);
	EXPECT(says("no region 6"));
	EXPECT_EQ(usher_pci_map_region(pci, 1, &region), 0);
	EXPECT_EQ(usher_pci_map_region(pci, 1, &again), 0);
	EXPECT(region.base == again.base);
	EXPECT_EQ(region.bytes, sizeof(registers));

	usher_pci_write64(&region, 0, 0x8877665544332211);
	EXPECT_EQ(usher_pci_read8(&region, 0), 0x11);
	EXPECT_EQ(usher_pci_read16(&region, 2), 0x4433);
	EXPECT_EQ(usher_pci_read32(&region, 4), 0x88776655);
	usher_pci_write8(&region, 7, 1);
	usher_pci_write16(&region, 4, 0x0203);
	usher_pci_write32(&region, 0, 0x04050607);
	EXPECT_EQ(usher_pci_read64(&region, 0), 0x0177020304050607);
	usher_pci_close(pci);
}

/* What is not mapped is the back end's. */
static void regions_by_calls(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;

	EXPECT_EQ(usher_pci_map_region(pci, 2, &region), 0);
	EXPECT(!region.base);
	EXPECT_EQ(usher_pci_read8(&region, 31), (uint8_t)(31 << 8 | 1));
	EXPECT_EQ(usher_pci_read16(&region, 30), (uint16_t)(30 << 8 | 2));
	EXPECT_EQ(usher_pci_read32(&region, 28), 2 << 24 | 28 << 8 | 4);
	EXPECT_EQ(usher_pci_read64(&region, 24), 2 << 24 | 24 << 8 | 8);
	usher_pci_write8(&region, 31, 0x11);
	EXPECT_EQ(fake.written, 0x1100021f01);
	usher_pci_write16(&region, 30, 0x2211);
	EXPECT_EQ(fake.written, 0x221100021e02);
	usher_pci_write32(&region, 28, 0x44332211);
	EXPECT_EQ(fake.written, 0x4433221100021c04);
	usher_pci_write64(&region, 24, 5);
	EXPECT_EQ(fake.written, 0x500021808);

	/* refused: all ones, and nothing written */
	EXPECT_EQ(usher_pci_read32(&region, 32), UINT32_MAX);
	EXPECT(says("region 2: 4 bytes at 0x20"));
	EXPECT_EQ(usher_pci_read16(&region, 1), UINT16_MAX);
	EXPECT_EQ(usher_pci_read64(&region, UINT64_MAX - 7), UINT64_MAX);
	usher_pci_write32(&region, 32, 1);
	EXPECT_EQ(fake.written, 0x500021808);
	fake.region_error = -ENODEV;
	EXPECT_EQ(usher_pci_read8(&region, 0), UINT8_MAX);
	EXPECT_EQ(usher_pci_read64(&region, 0), UINT64_MAX);
	usher_pci_close(pci);
}

/* No port is wider than 32 bits, and the lower half comes first. */
static void ports_are_halved(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;

	usher_pci_close(pci);
	fake.ports = 1 << 2;
	EXPECT_EQ(usher_pci_open("1:0.0", &pci), 0);
	EXPECT_EQ(usher_pci_map_region(pci, 2, &region), 0);
	EXPECT_EQ(usher_pci_read64(&region, 8),
		  (2ULL << 24 | 12 << 8 | 4) << 32 | 2 << 24 | 8 << 8 | 4);
	EXPECT_EQ(fake.reads, 2);
	usher_pci_write64(&region, 16, 0x0000000700000005);
	EXPECT_EQ(fake.written, 0x700021404);
	EXPECT_EQ(fake.writes, 2);
	EXPECT_EQ(usher_pci_read32(&region, 8), 2 << 24 | 8 << 8 | 4);
	EXPECT_EQ(fake.reads, 3);

	EXPECT_EQ(usher_pci_read64(&region, 4), UINT64_MAX);
	EXPECT_EQ(usher_pci_read64(&region, 32), UINT64_MAX);
	EXPECT_EQ(usher_pci_read64(&region, UINT64_MAX - 7), UINT64_MAX);
	usher_pci_write64(&region, 4, 1);
	fake.region_error = -ENODEV;
	EXPECT_EQ(usher_pci_read64(&region, 0), UINT64_MAX);
	EXPECT_EQ(fake.writes, 2);
	usher_pci_close(pci);
}

/* The same for other languages, mapped and not */
static void registers_by_functions(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;
	uint64_t value = 0;

	EXPECT_EQ(usher_pci_map_region(pci, 1, &region), 0);
	EXPECT_EQ(usher_pci_write_register(&region, 0, 8, 0x8877665544332211), 0);
	EXPECT_EQ(usher_pci_write_register(&region, 7, 1, 1), 0);
	EXPECT_EQ(usher_pci_write_register(&region, 4, 2, 0x0203), 0);
	EXPECT_EQ(usher_pci_write_register(&region, 0, 4, 0x04050607), 0);
	EXPECT_EQ(usher_pci_read_register(&region, 0, 8, &value), 0);
	EXPECT_EQ(value, 0x0177020304050607);
	EXPECT_EQ(usher_pci_read_register(&region, 4, 4, &value), 0);
	EXPECT_EQ(value, 0x01770203);
	EXPECT_EQ(usher_pci_read_register(&region, 2, 2, &value), 0);
	EXPECT_EQ(value, 0x0405);
	EXPECT_EQ(usher_pci_read_register(&region, 7, 1, &value), 0);
	EXPECT_EQ(value, 1);
	usher_pci_barrier();

	EXPECT_EQ(usher_pci_read_register(&region, 16, 1, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_register(&region, 2, 4, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_register(&region, UINT64_MAX - 7, 8, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_register(&region, 0, 0, &value), -EINVAL);
	EXPECT_EQ(usher_pci_read_register(&region, 0, 3, &value), -EINVAL);
	EXPECT(says("no register has 3 bytes"));
	EXPECT_EQ(usher_pci_write_register(&region, 16, 1, 0), -EINVAL);
	EXPECT_EQ(usher_pci_write_register(&region, 0, 5, 0), -EINVAL);
	EXPECT_EQ(usher_pci_write_register(&region, 0, 2, 0x10000), -EINVAL);
	EXPECT(says("0x10000 at 0: more than 2 bytes"));
	EXPECT_EQ(value, 1);
	EXPECT_EQ(usher_pci_read64(&region, 0), 0x0177020304050607);

	EXPECT_EQ(usher_pci_map_region(pci, 2, &region), 0);
	EXPECT_EQ(usher_pci_read_register(&region, 28, 4, &value), 0);
	EXPECT_EQ(value, 2 << 24 | 28 << 8 | 4);
	EXPECT_EQ(usher_pci_write_register(&region, 30, 2, 0x2211), 0);
	EXPECT_EQ(fake.written, 0x221100021e02);
	fake.region_error = -ENODEV;
	EXPECT_EQ(usher_pci_read_register(&region, 0, 1, &value), -ENODEV);
	EXPECT_EQ(usher_pci_write_register(&region, 0, 1, 0), -ENODEV);
	usher_pci_close(pci);
}

static void bits_are_waited_for(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;
	uint64_t before;

	EXPECT_EQ(usher_pci_map_region(pci, 2, &region), 0);
	fake.rises = 20;
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, READY, 60 * SECOND), 0);
	EXPECT_EQ(fake.reads, 20);
	EXPECT_EQ(usher_pci_await32(&region, 8, READY | 0xff00, READY | 8 << 8,
				    USHER_PCI_FOREVER), 0);

	/* in time, and that is not before the time is over */
	fake.reads = 0;
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, READY, 0), -ETIMEDOUT);
	EXPECT(says("0000:01:00.0: region 2: the register at 0x8 is 0x2000804"));
	EXPECT(says("its bits 0x80000000 did not become 0x80000000 in time"));
	EXPECT_EQ(fake.reads, 1);
	fake.rises = 0;
	before = usher_pci_clock();
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, READY, SECOND / 50), -ETIMEDOUT);
	EXPECT(usher_pci_clock() - before >= SECOND / 50);
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, 0, 0), 0);

	fake.reads = 0;
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, READY | 1, SECOND), -EINVAL);
	EXPECT_EQ(fake.reads, 0);
	usher_pci_close(pci);
}

/* Whoever was kept from looking until the time was over looks once more. */
static void bits_are_looked_at_last(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;

	EXPECT_EQ(usher_pci_map_region(pci, 2, &region), 0);
	fake.rises = 2;
	fake.read_ns = SECOND / 100;
	EXPECT_EQ(usher_pci_await32(&region, 8, READY, READY, SECOND / 1000), 0);
	EXPECT_EQ(fake.reads, 2);
	usher_pci_close(pci);
}

/* What is gone has all bits, and none of them counts. */
static void bits_that_are_all_ones(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_region region;

	EXPECT_EQ(usher_pci_map_region(pci, 1, &region), 0);
	usher_pci_write32(&region, 4, UINT32_MAX);
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 1, 0), 0);
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 0, 0), -ETIMEDOUT);
	fake.config_is_ones = true;
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 1, 0), -ENODEV);
	EXPECT(says("0000:01:00.0 is gone"));
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 0, USHER_PCI_FOREVER), -ENODEV);
	fake.config_is_ones = false;
	fake.gone = true;
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 1, 0), -ENODEV);
	fake.gone = false;
	fake.config_error = -EIO;
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 1, 0), -EIO);
	usher_pci_write32(&region, 4, 1);
	EXPECT_EQ(usher_pci_await32(&region, 4, 1, 1, 0), 0);
	usher_pci_close(pci);
}

static void memory_is_checked(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_dma *dma, *other;

	EXPECT_EQ(usher_pci_dma_alloc(pci, 0, 0, &dma), -EINVAL);
	EXPECT_EQ(usher_pci_dma_alloc(pci, UINT64_MAX, 0, &dma), -EINVAL);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 1, 4, &dma), -EINVAL);
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 11), -EINVAL);
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 65), -EINVAL);

	/* the last page that 21 bits reach, and one beyond it */
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 21), 0);
	fake.bus[0] = 0x1ff000;
	fake.bus[1] = 0x200000;
	EXPECT_EQ(usher_pci_dma_alloc(pci, 1, 0, &dma), 0);
	EXPECT_EQ(dma->bytes, PAGE);
	EXPECT_EQ(usher_pci_dma_alloc(pci, 1, 0, &other), -ENOSPC);
	EXPECT(says("reaches addresses up to 0x1fffff"));
	EXPECT_EQ(fake.removed, 1);
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 64), -EBUSY);
	usher_pci_dma_free(pci, dma);
	usher_pci_dma_free(pci, NULL);
	EXPECT_EQ(fake.removed, 2);
	EXPECT_EQ(usher_pci_set_dma_bits(pci, 64), 0);
	usher_pci_close(pci);
}

static void memory_may_be_scattered(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);
	struct usher_pci_dma *dma;
	static char data[4 * PAGE] __attribute__((aligned(4096)));

	fake.bus[1] = 0x900000;
	/* three pages: the end of one, a whole one, the beginning of one */
	EXPECT_EQ(usher_pci_dma_register(pci, data + PAGE - 16, PAGE + 32, 0,
					 &dma), 0);
	EXPECT_EQ(dma->bytes, PAGE + 32);
	EXPECT_EQ(usher_pci_dma_bus(dma, 0), 0x100ff0);
	EXPECT_EQ(usher_pci_dma_bus(dma, 15), 0x100fff);
	EXPECT_EQ(usher_pci_dma_bus(dma, 16), 0x900000);
	EXPECT_EQ(usher_pci_dma_bus(dma, PAGE + 15), 0x900fff);
	EXPECT_EQ(usher_pci_dma_bus(dma, PAGE + 16), 0x102000);
	EXPECT(!usher_pci_dma_contiguous(dma));
	usher_pci_dma_free(pci, dma);

	fake.next = 0;
	EXPECT_EQ(usher_pci_dma_alloc(pci, 2 * PAGE, USHER_PCI_DMA_CONTIGUOUS,
				      &dma), -EOPNOTSUPP);
	fake.next = 2;
	EXPECT_EQ(usher_pci_dma_alloc(pci, 2 * PAGE, USHER_PCI_DMA_CONTIGUOUS,
				      &dma), 0);
	EXPECT(usher_pci_dma_contiguous(dma));
	usher_pci_close(pci);	/* with the memory still there */
}

static void vectors(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_NONE);

	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), -EOPNOTSUPP);
	usher_pci_close(pci);

	pci = start(USHER_PCI_IRQ_MSIX);
	EXPECT_EQ(usher_pci_wait(pci, 0, 0), -EINVAL);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 0), -EINVAL);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 3), -EINVAL);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 2), 0);
	EXPECT_EQ(usher_pci_enable_vectors(pci, 2), -EBUSY);
	EXPECT_EQ(usher_pci_wait(pci, 2, 1), -EINVAL);
	EXPECT_EQ(usher_pci_wait(pci, 1, 0), -ETIMEDOUT);
	EXPECT_EQ(usher_pci_wait(pci, 1, 1), 1);
	EXPECT_EQ(usher_pci_wait(pci, 1, 1), 1);

	EXPECT_EQ(usher_pci_mask(pci, 1), 0);
	EXPECT_EQ(usher_pci_mask(pci, 1), 0);
	EXPECT_EQ(fake.masks, 1);
	fake.waits = 0;
	EXPECT_EQ(usher_pci_wait(pci, 1, 1), -EINVAL);
	EXPECT(says("is masked"));
	EXPECT_EQ(usher_pci_wait(pci, 0, 1), 1);
	EXPECT_EQ(fake.waits, 1);
	EXPECT_EQ(usher_pci_unmask(pci, 1), 0);
	EXPECT_EQ(fake.masks, 101);
	EXPECT_EQ(usher_pci_wait(pci, 1, 1), 1);

	usher_pci_disable_vectors(pci);
	usher_pci_disable_vectors(pci);
	EXPECT_EQ(usher_pci_mask(pci, 0), -EINVAL);
	usher_pci_close(pci);
}

/* A pin stays asserted until the device was served, and its vector masked. */
static void a_pin_is_masked_after_it_came(void)
{
	struct usher_pci *pci = start(USHER_PCI_IRQ_INTX);

	EXPECT_EQ(usher_pci_enable_vectors(pci, 1), 0);
	EXPECT_EQ(usher_pci_wait(pci, 0, 0), -ETIMEDOUT);
	EXPECT_EQ(usher_pci_wait(pci, 0, 1), 1);
	EXPECT_EQ(usher_pci_wait(pci, 0, 1), -EINVAL);
	EXPECT_EQ(usher_pci_unmask(pci, 0), 0);
	EXPECT_EQ(fake.masks, 100);
	EXPECT_EQ(usher_pci_wait(pci, 0, 1), 1);
	usher_pci_close(pci);
}

static sig_atomic_t others;

static void other_handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	others++;
	/* so that the access can be repeated */
	mmap((void *)((uintptr_t)info->si_addr & ~(PAGE - 1UL)), PAGE,
	     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
}

/* Pages of a file of no bytes: touching them is SIGBUS. */
static uint8_t *map_nothing(size_t bytes)
{
	int fd = memfd_create("gone", MFD_CLOEXEC);
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return map;
}

static void vanished_regions_read_ones(void)
{
	struct sigaction action = {
		.sa_sigaction = other_handler,
		.sa_flags = SA_SIGINFO,
	};
	struct usher_pci_region region = { .bytes = 3 * PAGE };
	uint8_t *stranger = map_nothing(PAGE);
	bool lost = false;

	sigaction(SIGBUS, &action, NULL);
	EXPECT_EQ(usher_pci_catch_faults(), 0);
	EXPECT_EQ(usher_pci_catch_faults(), 0);

	region.base = map_nothing(region.bytes);
	EXPECT_EQ(usher_pci_fault_add(region.base, region.bytes, &lost), 0);
	EXPECT_EQ(usher_pci_read32(&region, PAGE + 4), UINT32_MAX);
	EXPECT(lost);
	EXPECT_EQ(usher_pci_read8(&region, 3 * PAGE - 1), 0xff);
	usher_pci_write64(&region, 0, 5);
	EXPECT_EQ(usher_pci_read64(&region, 8), UINT64_MAX);
	EXPECT_EQ(__atomic_load_n(&others, __ATOMIC_RELAXED), 0);

	/* What is not a region is somebody else's. */
	EXPECT_EQ(*(__volatile__ uint8_t *)stranger, 0);
	EXPECT_EQ(__atomic_load_n(&others, __ATOMIC_RELAXED), 1);
	EXPECT(!usher_pci_handle_fault(stranger));
	EXPECT(!usher_pci_handle_fault(region.base - 1));
	EXPECT(!usher_pci_handle_fault(region.base + region.bytes));

	usher_pci_fault_remove(region.base);
	EXPECT(!usher_pci_handle_fault(region.base));
	munmap(region.base, region.bytes);
	munmap(stranger, PAGE);
}

/* Without a handler of anybody's the process ends as it always did. */
static void strangers_still_end_the_process(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		signal(SIGBUS, SIG_DFL);	/* the address sanitizer's */
		usher_pci_catch_faults();
		*(__volatile__ uint8_t *)map_nothing(PAGE) = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void regions_are_limited(void)
{
	static uint8_t many[300];
	bool lost;
	int i, ret = 0;

	for (i = 0; i < 300 && !ret; i++)
		ret = usher_pci_fault_add(&many[i], 1, &lost);
	EXPECT_EQ(ret, -ENOMEM);
	EXPECT_EQ(i, 257);
	for (i = 0; i < 300; i++)
		usher_pci_fault_remove(&many[i]);
	EXPECT_EQ(usher_pci_fault_add(&many[0], 1, &lost), 0);
	usher_pci_fault_remove(&many[0]);
}

static void time_goes_on(void)
{
	uint64_t start_ns = usher_pci_clock();

	usher_pci_delay(2000000);
	EXPECT(usher_pci_clock() - start_ns >= 2000000);
}

int main(void)
{
	static const struct tap_test tests[] = {
		TAP_TEST(addresses),
		TAP_TEST(paths_are_asked_for),
	TAP_TEST(errors_have_reasons),
		TAP_TEST(the_header),
		TAP_TEST(config_space),
		TAP_TEST(capabilities),
		TAP_TEST(malformed_capabilities),
		TAP_TEST(regions),
		TAP_TEST(regions_by_calls),
		TAP_TEST(ports_are_halved),
		TAP_TEST(registers_by_functions),
		TAP_TEST(bits_are_waited_for),
		TAP_TEST(bits_are_looked_at_last),
		TAP_TEST(bits_that_are_all_ones),
		TAP_TEST(memory_is_checked),
		TAP_TEST(memory_may_be_scattered),
		TAP_TEST(vectors),
		TAP_TEST(a_pin_is_masked_after_it_came),
		TAP_TEST(strangers_still_end_the_process),
		TAP_TEST(vanished_regions_read_ones),
		TAP_TEST(regions_are_limited),
		TAP_TEST(time_goes_on),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
