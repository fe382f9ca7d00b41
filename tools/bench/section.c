// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sections with interrupts off, in instructions of the kernel, to a block of code.
 * A section begins with CLI or at the entry of an interrupt or exception, and ends
 * with STI, SYSRET or IRET. What usher had a part in is written out at MARKER_END,
 * for each kind of section a line
 *
 *	section BEGAN CALLER FUNCTION in|below LONGEST TIMES
 *
 * with the addresses of three blocks: the one it began in; the one that the first RET
 * in it led to, which is who took the lock, where it began in a function for that; and
 * one of usher's: the first that ran in the section ("in"), or where none did, the one
 * that called what began it ("below"), as where usher wakes many.
 *
 * That is right for one processor. POPF is not looked at: it switches no interrupts on
 * in Linux 5.11 and later, which restore them by STI.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-plugin.h"
#include "section.h"

#define KINDS		256U
#define INSN_BYTES	16
#define PAGE_BYTES	0x1000ULL
/* No module is below it; what is above may be the kernel's, and other modules'. */
#define MODULES		0xffffffffa0000000ULL

/**
 * struct kind - sections that began in the same place, with the same part of usher's
 * @began: where
 * @caller: where the first RET in it led to, or 0
 * @function: usher's first block in it, or the one that called; 0: the place is free
 * @below: usher only called
 * @longest: in instructions
 * @times: how many there were
 */
struct kind {
	uint64_t began;
	uint64_t caller;
	uint64_t function;
	bool below;
	uint64_t longest;
	uint64_t times;
};

/* Whether the first RET of a section was executed: next comes the block it leads to. */
enum returned {
	NOT_YET,
	JUST_NOW,
	LONG_SINCE,
};

/**
 * struct now - where the processor is
 * @off: in a section
 * @traps: exceptions in the section that have not returned
 * @returned: for @caller of @kind
 * @kind: what this section is
 * @since: the kernel's instructions when it began
 * @user: usher's block that called what runs now, or 0
 */
struct now {
	bool off;
	unsigned int traps;
	enum returned returned;
	struct kind kind;
	uint64_t since;
	uint64_t user;
};

static const char *kallsyms;
static uint64_t module_start, module_end;	/* usher's code */
static struct kind kinds[KINDS];
static struct now now;

/* ---- sections ---- */

static struct kind *find_kind(const struct kind *like)
{
	struct kind *kind;

	for (kind = kinds; kind < kinds + KINDS; kind++) {
		if (!kind->function)
			*kind = *like;
		if (kind->began == like->began && kind->caller == like->caller &&
		    kind->function == like->function && kind->below == like->below)
			return kind;
	}
	fprintf(stderr, "counter: more than %u kinds of sections\n", KINDS);
	exit(1);
}

static void start(uint64_t vaddr)
{
	now.off = true;
	now.traps = 0;
	now.returned = NOT_YET;
	now.kind = (struct kind) {
		.began = vaddr,
		.function = now.user,
		.below = now.user,
	};
	now.since = kernel_insns();
}

static void stop(void)
{
	uint64_t length = kernel_insns() - now.since;
	struct kind *kind;

	if (now.off && now.kind.function) {
		kind = find_kind(&now.kind);
		kind->times++;
		if (length > kind->longest)
			kind->longest = length;
	}
	now.off = false;
}

/* ---- what the processor executes ---- */

static void cli(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (!now.off)
		start((uint64_t)data);
}

/* What was interrupted has not called it. */
static void entered(unsigned int vcpu, void *data)
{
	(void)vcpu;
	now.user = 0;
	if (now.off)
		now.traps++;
	else
		start((uint64_t)data);
}

static void sti(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	stop();
}

/* From an exception in a section, which goes on */
static void iret(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	if (now.traps)
		now.traps--;
	else
		stop();
}

/* A system call begins, or another thread goes on: usher has called neither. */
static void changed_stack(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	now.user = 0;
}

static void returns(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	if (now.returned == NOT_YET)
		now.returned = JUST_NOW;
}

static void block_runs(unsigned int vcpu, void *data)
{
	(void)vcpu;
	if (now.returned != JUST_NOW)
		return;
	now.returned = LONG_SINCE;
	now.kind.caller = (uint64_t)data;
}

static void module_ran(uint64_t vaddr, bool leaves)
{
	if (vaddr < module_start || vaddr >= module_end)
		return;
	now.user = leaves ? 0 : vaddr;
	if (now.off && (now.kind.below || !now.kind.function)) {
		now.kind.function = vaddr;
		now.kind.below = false;
	}
}

static void module_runs(unsigned int vcpu, void *data)
{
	(void)vcpu;
	module_ran((uint64_t)data, false);
}

static void module_returns(unsigned int vcpu, void *data)
{
	(void)vcpu;
	module_ran((uint64_t)data, true);
}

/* ---- code that is translated ---- */

static bool is(const uint8_t *code, size_t bytes, const char *what, size_t length)
{
	return bytes >= length && !memcmp(code, what, length);
}

#define IS(code, bytes, what)	is(code, bytes, what, sizeof(what) - 1)

/* MOV of memory to RSP, perhaps of the processor's own */
static bool loads_stack(const uint8_t *code, size_t bytes)
{
	if (bytes && code[0] == 0x65) {		/* GS */
		code++;
		bytes--;
	}
	return bytes > 3 && (code[0] & 0xfe) == 0x48 && code[1] == 0x8b &&
	       (code[2] & 0x38) == 0x20 && code[2] < 0xc0;
}

static void call_at(struct qemu_plugin_insn *insn, qemu_plugin_exec_fn fn, uint64_t vaddr)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, QEMU_PLUGIN_NO_REGS,
					       (void *)vaddr);
}

/*
 * One instruction of the block at @vaddr. @entry: the one before, the block's first, was
 * ENDBR64; with CLAC after it that is how each vector's code begins.
 */
static void look_at(struct qemu_plugin_insn *insn, uint64_t vaddr, bool entry)
{
	size_t bytes = qemu_plugin_insn_size(insn);
	uint8_t code[INSN_BYTES] = { 0 };

	insn_bytes(insn, code, sizeof(code));
	if (IS(code, bytes, "\xfa"))
		call_at(insn, cli, vaddr);
	else if (entry && IS(code, bytes, "\x0f\x01\xca"))
		call_at(insn, entered, vaddr);
	else if (IS(code, bytes, "\xfb") || IS(code, bytes, "\x48\x0f\x07"))
		call_at(insn, sti, vaddr);
	else if (IS(code, bytes, "\x48\xcf"))
		call_at(insn, iret, vaddr);
	else if (IS(code, bytes, "\xc3"))
		call_at(insn, returns, vaddr);
	else if (loads_stack(code, bytes))
		call_at(insn, changed_stack, vaddr);
}

static bool is_endbr(const struct qemu_plugin_insn *insn)
{
	uint8_t code[INSN_BYTES] = { 0 };

	insn_bytes(insn, code, sizeof(code));
	return IS(code, qemu_plugin_insn_size(insn), "\xf3\x0f\x1e\xfa");
}

static bool is_return(const struct qemu_plugin_insn *insn)
{
	uint8_t code[INSN_BYTES] = { 0 };

	insn_bytes(insn, code, sizeof(code));
	return IS(code, qemu_plugin_insn_size(insn), "\xc3");
}

/* Where usher lies is not known while the guest boots, so that is looked at later. */
void sections_translated(struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);
	uint64_t vaddr = qemu_plugin_tb_vaddr(tb);
	size_t i;

	call_at(qemu_plugin_tb_get_insn(tb, 0), block_runs, vaddr);
	if (vaddr >= MODULES)
		call_at(qemu_plugin_tb_get_insn(tb, 0),
			is_return(qemu_plugin_tb_get_insn(tb, insns - 1)) ?
			module_returns : module_runs, vaddr);
	for (i = 0; i < insns; i++)
		look_at(qemu_plugin_tb_get_insn(tb, i), vaddr,
			i == 1 && is_endbr(qemu_plugin_tb_get_insn(tb, 0)));
}

/* ---- measurements ---- */

void sections_of(const char *path)
{
	kallsyms = strdup(path);
}

/* Usher's code lies in pages of its own, from its first function to its last. */
static void find_module(void)
{
	FILE *file = fopen(kallsyms, "r");
	uint64_t address;
	char line[512];
	char type;

	module_start = UINT64_MAX;
	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "\t[usher]") ||
		    sscanf(line, "%lx %c", &address, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		if (address < module_start)
			module_start = address;
		if (address >= module_end)
			module_end = (address | (PAGE_BYTES - 1)) + 1;
	}
	if (file)
		fclose(file);
	if (!module_end) {
		fprintf(stderr, "counter: %s: no usher in it\n", kallsyms);
		exit(1);
	}
}

void sections_begin(void)
{
	if (!module_end)
		find_module();
	memset(kinds, 0, sizeof(kinds));
	memset(&now, 0, sizeof(now));
}

void sections_end(FILE *out)
{
	const struct kind *kind;

	for (kind = kinds; kind < kinds + KINDS && kind->function; kind++)
		fprintf(out, "section %lx %lx %lx %s %lu %lu\n", kind->began, kind->caller,
			kind->function, kind->below ? "below" : "in", kind->longest,
			kind->times);
}
