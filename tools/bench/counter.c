// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plugin for QEMU's emulator: counts what the guest executes between two
 * markers (marker.h). Each MARKER_END appends to the file given as out= a line
 *
 *	counted user=N kernel=N syscalls=N doorbells=N
 *
 * and with profile=on, after it, one line for each block of code that ran
 *
 *	block ADDRESS INSTRUCTIONS EXECUTIONS
 *
 * where INSTRUCTIONS is the length of the block. With sections=KALLSYMS the sections
 * with interrupts off in which usher had a part come last (section.c). Instructions
 * are the kernel's when their address is in the upper half. A doorbell is a 32-bit store to a
 * register of an NVMe controller.
 *
 * With settle=MICROSECONDS the processor stops so long after each doorbell. The
 * device has its answer ready by then, so whoever polls finds it at the first
 * look: what is counted is work, and no waiting. With hold=MICROSECONDS it stops so long
 * after the first doorbell that follows MARKER_HOLD: the device has the answers to all
 * that is in flight ready by then, and interrupts are still off.
 *
 * The counters are right for one processor, and with one-thread=on for two that the
 * emulator runs in turn, in one thread. A processor that looks for something yields
 * with PAUSE, so that little of what is counted then is waiting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "marker.h"
#include "qemu-plugin.h"
#include "section.h"

#define BLOCKS	0x100000U	/* places for blocks, far more than a guest has */
#define INSN_BYTES	16

/**
 * struct sums - what was executed since the start
 * @insns: instructions, the user's and the kernel's
 * @syscalls: system calls
 * @doorbells: doorbells
 */
struct sums {
	uint64_t insns[2];
	uint64_t syscalls;
	uint64_t doorbells;
};

/**
 * struct counters - what the emulated processor adds to
 * @now: sums
 * @runs: with profile=on, how often each block was executed since MARKER_BEGIN
 */
struct counters {
	struct sums now;
	uint64_t runs[BLOCKS];
};

/**
 * struct block - a piece of code without a branch in it
 * @vaddr: address of its first instruction
 * @insns: number of its instructions; 0: the place is free
 */
struct block {
	uint64_t vaddr;
	uint64_t insns;
};

int qemu_plugin_version = QEMU_PLUGIN_API;

static struct sums then;	/* at MARKER_BEGIN */
static struct block *blocks;	/* with profile=on */
static unsigned int settle;
static unsigned int hold;
static bool holding;		/* since MARKER_HOLD */
static bool sections;
static bool one_thread;
static FILE *out;

uint64_t kernel_insns(void)
{
	const struct counters *counters = counters_get();

	return counters->now.insns[1];
}

/* The same code is translated many times; it keeps its place. */
static unsigned int find_block(uint64_t vaddr, size_t insns)
{
	uint64_t hash = (vaddr * 64 + insns) * 0x9e3779b97f4a7c15ULL;
	unsigned int place = hash >> 44;
	unsigned int i;

	for (i = 0; i < BLOCKS; i++, place = (place + 1) % BLOCKS) {
		struct block *block = &blocks[place];

		if (!block->insns) {
			block->vaddr = vaddr;
			block->insns = insns;
		}
		if (block->vaddr == vaddr && block->insns == insns)
			return place;
	}
	fprintf(stderr, "counter: more than %u blocks of code\n", BLOCKS);
	exit(1);
}

static void begin(unsigned int vcpu, void *data)
{
	struct counters *counters = counters_get();

	(void)vcpu;
	(void)data;
	if (blocks)
		memset(counters->runs, 0, sizeof(counters->runs));
	then = counters->now;
	if (sections)
		sections_begin();
}

static void end(unsigned int vcpu, void *data)
{
	const struct counters *counters = counters_get();
	const struct sums *now = &counters->now;
	unsigned int i;

	(void)vcpu;
	(void)data;
	fprintf(out, "counted user=%lu kernel=%lu syscalls=%lu doorbells=%lu\n",
		now->insns[0] - then.insns[0], now->insns[1] - then.insns[1],
		now->syscalls - then.syscalls, now->doorbells - then.doorbells);
	for (i = 0; blocks && i < BLOCKS; i++)
		if (counters->runs[i])
			fprintf(out, "block %lx %lu %lu\n", blocks[i].vaddr,
				blocks[i].insns, counters->runs[i]);
	if (sections)
		sections_end(out);
	fflush(out);
}

static void hold_next(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	holding = true;
}

static void stored(unsigned int vcpu, uint32_t info, uint64_t vaddr, void *data)
{
	struct qemu_plugin_hwaddr *addr = qemu_plugin_get_hwaddr(info, vaddr);
	struct counters *counters = counters_get();

	(void)vcpu;
	(void)data;
	if (!addr || !qemu_plugin_hwaddr_is_io(addr) ||
	    strcmp(qemu_plugin_hwaddr_device_name(addr), "nvme"))
		return;
	counters->now.doorbells++;
	if (settle)
		usleep(settle);
	if (holding)
		usleep(hold);
	holding = false;
}

/* MOV of a 32-bit register to memory, which is how registers are written */
static bool is_store32(const uint8_t *code, size_t bytes)
{
	if (bytes && (code[0] & 0xf8) == 0x40) {	/* REX without W */
		code++;
		bytes--;
	}
	return bytes >= 2 && code[0] == 0x89 && code[1] < 0xc0;
}

static bool is_syscall(const uint8_t *code, size_t bytes)
{
	return bytes == 2 && code[0] == 0x0f && code[1] == 0x05;
}

static uint32_t marker_number(const uint8_t *code, size_t bytes)
{
	uint32_t words[2];

	if (bytes != sizeof(words))
		return 0;
	memcpy(words, code, sizeof(words));
	return words[0] == MARKER_OPCODE ? words[1] : 0;
}

static void look_at(struct qemu_plugin_insn *insn)
{
	size_t bytes = qemu_plugin_insn_size(insn);
	uint8_t code[INSN_BYTES] = { 0 };
	uint32_t number;

	insn_bytes(insn, code, sizeof(code));
	number = marker_number(code, bytes);
	if (number == MARKER_BEGIN)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
						       QEMU_PLUGIN_NO_REGS, NULL);
	else if (number == MARKER_END)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
						       QEMU_PLUGIN_NO_REGS, NULL);
	else if (number == MARKER_HOLD)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, hold_next,
						       QEMU_PLUGIN_NO_REGS, NULL);
	else if (is_syscall(code, bytes))
		count_insn(insn, offsetof(struct counters, now.syscalls), 1);
	else if (is_store32(code, bytes))
		qemu_plugin_register_vcpu_mem_cb(insn, stored, QEMU_PLUGIN_NO_REGS,
						 QEMU_PLUGIN_STORES, NULL);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);
	uint64_t vaddr = qemu_plugin_tb_vaddr(tb);
	size_t i;

	(void)id;
	if (vaddr >> 63)
		count_block(tb, offsetof(struct counters, now.insns[1]), insns);
	else
		count_block(tb, offsetof(struct counters, now.insns[0]), insns);
	if (blocks)
		count_block(tb, offsetof(struct counters, runs) +
			    find_block(vaddr, insns) * sizeof(uint64_t), 1);
	for (i = 0; i < insns; i++)
		look_at(qemu_plugin_tb_get_insn(tb, i));
	if (sections && vaddr >> 63)
		sections_translated(tb);
}

static int set_option(const char *option)
{
	if (!strncmp(option, "out=", 4)) {
		out = fopen(option + 4, "w");
		if (!out)
			perror(option + 4);
	} else if (!strncmp(option, "settle=", 7)) {
		settle = strtoul(option + 7, NULL, 10);
	} else if (!strncmp(option, "hold=", 5)) {
		hold = strtoul(option + 5, NULL, 10);
	} else if (!strncmp(option, "sections=", 9)) {
		sections = true;
		sections_of(option + 9);
	} else if (!strcmp(option, "one-thread=on")) {
		one_thread = true;
	} else if (!strcmp(option, "profile=on")) {
		blocks = calloc(BLOCKS, sizeof(*blocks));
		if (!blocks)
			return -1;
	} else if (strcmp(option, "profile=off") &&
		   strcmp(option, "one-thread=off")) {
		fprintf(stderr, "counter: no option %s\n", option);
		return -1;
	}
	return 0;
}

int qemu_plugin_install(uint64_t id, const struct qemu_plugin_info *info, int argc,
			char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (set_option(argv[i]))
			return -1;
	if (!out) {
		fprintf(stderr, "counter: out=FILE is missing, or cannot be written\n");
		return -1;
	}
	if (!info->system_emulation ||
	    (info->max_vcpus > 1 && !(one_thread && COUNTERS_SHARED))) {
		fprintf(stderr, "counter: a machine of one processor is needed\n");
		return -1;
	}
	if (!counters_make(sizeof(struct counters)))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
