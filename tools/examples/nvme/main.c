// SPDX-License-Identifier: GPL-2.0-only
/*
 * An NVMe disk without a kernel driver: reads, writes, measures.
 *
 *	./nvme info 0000:01:00.0
 *	./nvme --depth 32 bench 0000:01:00.0
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme.h"

#define TIMEOUT		30000000000ULL

/**
 * struct settings - the command line
 * @options: for the driver
 * @bytes: of one transfer
 * @count: transfers, 0 for no end
 * @write: bench writes
 */
struct settings {
	struct nvme_options options;
	uint32_t bytes;
	uint64_t count;
	bool write;
};

static int failed(int ret)
{
	if (ret > 0)
		fprintf(stderr, "nvme: the device answered with status %#x\n",
			(unsigned int)ret);
	else
		fprintf(stderr, "nvme: %s (%s)\n", nvme_reason(),
			strerror(-ret));
	return 1;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int show_info(struct nvme *nvme)
{
	const struct usher_pci_info *info = usher_pci_info(nvme->pci);

	printf("function   %s, by %s\n", info->address, info->backend);
	printf("model      %s\nserial     %s\n", nvme->model, nvme->serial);
	printf("blocks     %llu of %u bytes\n",
	       (unsigned long long)nvme->blocks, 1U << nvme->block_shift);
	printf("transfers  up to %llu bytes\n",
	       (unsigned long long)nvme->max_bytes);
	printf("vectors    %u\n", info->vectors);
	return 0;
}

/* Between a file and the blocks from @lba on, one command at a time */
static int copy(struct nvme *nvme, uint8_t opcode, uint64_t lba,
		uint64_t blocks, FILE *file)
{
	uint32_t most = nvme->max_bytes >> nvme->block_shift, now;
	uint64_t all = blocks;
	void *data = nvme_data(nvme, 0);
	size_t block = (size_t)1 << nvme->block_shift;
	int ret;

	for (; blocks; blocks -= now, lba += now) {
		now = blocks < most ? blocks : most;
		if (opcode == NVME_WRITE && fread(data, block, now, file) != now) {
			fprintf(stderr, "nvme: the file is too short\n");
			return 1;
		}
		ret = nvme_transfer(nvme, opcode, lba, now);
		if (ret)
			return failed(ret);
		if (opcode == NVME_READ && fwrite(data, block, now, file) != now) {
			fprintf(stderr, "nvme: the file cannot be written\n");
			return 1;
		}
	}
	printf("%llu blocks\n", (unsigned long long)all);
	return 0;
}

static int copy_file(struct nvme *nvme, uint8_t opcode, char **arguments)
{
	uint64_t lba = strtoull(arguments[0], NULL, 0);
	uint64_t blocks = strtoull(arguments[1], NULL, 0);
	FILE *file = fopen(arguments[2], opcode == NVME_READ ? "wb" : "rb");
	int ret;

	if (!file) {
		fprintf(stderr, "nvme: %s: %s\n", arguments[2],
			strerror(errno));
		return 1;
	}
	ret = copy(nvme, opcode, lba, blocks, file);
	if (fclose(file) && !ret) {
		fprintf(stderr, "nvme: %s: %s\n", arguments[2],
			strerror(errno));
		ret = 1;
	}
	return ret;
}

static void fill(uint64_t *data, uint32_t bytes, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i < bytes / 8; i++)
		data[i] = seed + i * 0x9e3779b97f4a7c15ULL;
}

static bool filled(const uint64_t *data, uint32_t bytes, uint64_t seed)
{
	uint32_t i;

	for (i = 0; i < bytes / 8; i++)
		if (data[i] != seed + i * 0x9e3779b97f4a7c15ULL)
			return false;
	return true;
}

/* The same command in every slot, each with blocks of its own */
static int pass(struct nvme *nvme, uint8_t opcode, uint64_t lba,
		uint32_t blocks)
{
	struct nvme_done done[NVME_MAX_SLOTS];
	uint32_t slots = nvme->options.slots, left, slot;
	int ret, i;

	for (slot = 0; slot < slots; slot++)
		nvme_queue(nvme, opcode, slot, lba + (uint64_t)slot * blocks,
			   blocks);
	nvme_submit(nvme);
	for (left = slots; left; left -= ret) {
		ret = nvme_reap_wait(nvme, done, left, TIMEOUT);
		if (ret < 0)
			return ret;
		for (i = 0; i < ret; i++)
			if (done[i].status)
				return done[i].status;
	}
	return 0;
}

/* Write what no earlier pass wrote, wipe the memory, read, compare. */
static int verify_once(struct nvme *nvme, uint32_t bytes, uint64_t number)
{
	uint32_t blocks = bytes >> nvme->block_shift, slot;
	uint64_t span = (uint64_t)blocks * nvme->options.slots;
	uint64_t lba = number * span % (nvme->blocks - span);
	int ret;

	for (slot = 0; slot < nvme->options.slots; slot++)
		fill(nvme_data(nvme, slot), bytes, number << 16 | slot);
	ret = pass(nvme, NVME_WRITE, lba, blocks);
	if (ret)
		return failed(ret);
	for (slot = 0; slot < nvme->options.slots; slot++)
		memset(nvme_data(nvme, slot), 0, bytes);
	ret = pass(nvme, NVME_READ, lba, blocks);
	if (ret)
		return failed(ret);
	for (slot = 0; slot < nvme->options.slots; slot++)
		if (!filled(nvme_data(nvme, slot), bytes,
			    number << 16 | slot)) {
			fprintf(stderr, "nvme: near block %llu, what was read was not written\n",
				(unsigned long long)lba);
			return 1;
		}
	return 0;
}

static int verify(struct nvme *nvme, const struct settings *settings)
{
	uint64_t i;

	for (i = 0; !settings->count || i < settings->count; i++) {
		if (verify_once(nvme, settings->bytes, i))
			return 1;
		if (!i) {
			printf("working\n");
			fflush(stdout);
		}
	}
	printf("%llu passes of %u commands verified\n", (unsigned long long)i,
	       nvme->options.slots);
	return 0;
}

/* Random transfers, with as many in flight as there are slots */
static int transfer_random(struct nvme *nvme, const struct settings *settings)
{
	uint8_t opcode = settings->write ? NVME_WRITE : NVME_READ;
	uint32_t blocks = settings->bytes >> nvme->block_shift;
	uint64_t places = nvme->blocks / blocks, state = 88172645463325252ULL;
	uint64_t left = settings->count, started = 0;
	struct nvme_done done[NVME_MAX_SLOTS];
	int i, free = nvme->options.slots;

	for (i = 0; i < free; i++)
		done[i].slot = i;
	while (left) {
		for (i = 0; i < free && started < settings->count; i++, started++)
			nvme_queue(nvme, opcode, done[i].slot,
				   next_random(&state) % places * blocks,
				   blocks);
		if (i)
			nvme_submit(nvme);
		free = nvme_reap_wait(nvme, done, NVME_MAX_SLOTS, TIMEOUT);
		if (free < 0)
			return free;
		for (i = 0; i < free; i++)
			if (done[i].status)
				return done[i].status;
		left -= free;
	}
	return 0;
}

static int bench(struct nvme *nvme, const struct settings *settings)
{
	uint64_t start = usher_pci_clock();
	int ret = transfer_random(nvme, settings);
	double seconds = (double)(usher_pci_clock() - start) / 1e9;

	if (ret)
		return failed(ret);
	printf("%llu transfers of %u bytes in %.3f s: %.0f each second\n",
	       (unsigned long long)settings->count, settings->bytes, seconds,
	       (double)settings->count / seconds);
	return 0;
}

static int show_usage(void)
{
	fprintf(stderr,
		"usage: nvme [OPTION]... COMMAND ADDRESS\n"
		"  info ADDRESS                    what it is\n"
		"  read ADDRESS LBA BLOCKS FILE    blocks into a file\n"
		"  write ADDRESS LBA BLOCKS FILE   a file onto the disk\n"
		"  verify ADDRESS                  OVERWRITES the disk and compares\n"
		"  bench ADDRESS                   random transfers\n"
		"options:\n"
		"  --interrupts  wait for interrupts, rather than poll\n"
		"  --depth N     commands in flight (1)\n"
		"  --bytes N     of one transfer (4096)\n"
		"  --count N     transfers, or passes of verify, where 0 has no end (1000)\n"
		"  --write       bench writes: it OVERWRITES the disk\n");
	return 2;
}

static int run(struct nvme *nvme, const struct settings *settings,
	       const char *command, char **arguments)
{
	if (settings->bytes > nvme->max_bytes ||
	    settings->bytes % (1U << nvme->block_shift)) {
		fprintf(stderr, "nvme: a transfer has blocks of %u bytes, up to %llu bytes\n",
			1U << nvme->block_shift,
			(unsigned long long)nvme->max_bytes);
		return 1;
	}
	if (!strcmp(command, "info"))
		return show_info(nvme);
	if (!strcmp(command, "read"))
		return copy_file(nvme, NVME_READ, arguments);
	if (!strcmp(command, "write"))
		return copy_file(nvme, NVME_WRITE, arguments);
	if (!strcmp(command, "verify"))
		return verify(nvme, settings);
	return bench(nvme, settings);
}

/* How many arguments a command has, -1 if there is no such command */
static int arguments_of(const char *command)
{
	if (!strcmp(command, "read") || !strcmp(command, "write"))
		return 4;
	if (!strcmp(command, "info") || !strcmp(command, "verify") ||
	    !strcmp(command, "bench"))
		return 1;
	return -1;
}

static int parse(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "interrupts", no_argument, NULL, 'i' },
		{ "depth", required_argument, NULL, 'd' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "count", required_argument, NULL, 'c' },
		{ "write", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			settings->options.interrupts = true;
		else if (option == 'd')
			settings->options.slots = strtoul(optarg, NULL, 0);
		else if (option == 'b')
			settings->bytes = strtoul(optarg, NULL, 0);
		else if (option == 'c')
			settings->count = strtoull(optarg, NULL, 0);
		else if (option == 'w')
			settings->write = true;
		else
			return -EINVAL;
	}
	if (!settings->bytes || settings->bytes > NVME_MAX_BYTES ||
	    argc - optind < 2 ||
	    arguments_of(argv[optind]) != argc - optind - 1)
		return -EINVAL;
	settings->options.slot_bytes = (settings->bytes + 4095) / 4096 * 4096;
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.options.slots = 1,
		.bytes = 4096,
		.count = 1000,
	};
	struct nvme *nvme;
	int ret;

	if (parse(argc, argv, &settings) < 0)
		return show_usage();
	usher_pci_catch_faults();
	ret = nvme_open(argv[optind + 1], &settings.options, &nvme);
	if (ret < 0)
		return failed(ret);
	ret = run(nvme, &settings, argv[optind], argv + optind + 2);
	nvme_close(nvme);
	return ret;
}
