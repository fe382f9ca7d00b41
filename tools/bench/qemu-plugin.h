/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the counter uses of QEMU's plugin interface: version 1 (QEMU 6.0 to 8.2), or
 * 3 (9.1 and later) as QEMU_PLUGIN_API says. Debian packages no header for it. The
 * meaning of each function is in QEMU's documentation, "QEMU TCG Plugins".
 *
 * What differs is hidden in four functions here: where counters are, how to add to
 * them, and how to get at an instruction's bytes.
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if QEMU_PLUGIN_API != 1 && QEMU_PLUGIN_API != 3
#error "QEMU_PLUGIN_API is 1 or 3"
#endif

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

/**
 * struct qemu_plugin_info - the emulator that loads the plugin
 * @target_name: "x86_64"
 * @min_api: oldest version of the interface that it takes
 * @cur_api: its own version of it
 * @system_emulation: a machine, and not one program
 * @smp_vcpus: processors at the start
 * @max_vcpus: processors at most
 */
struct qemu_plugin_info {
	const char *target_name;
	int min_api;
	int cur_api;
	bool system_emulation;
	int smp_vcpus;
	int max_vcpus;
};

#define QEMU_PLUGIN_INLINE_ADD	0	/* add a number to 64 bits of memory */
#define QEMU_PLUGIN_NO_REGS	0	/* the callback looks at no register */
#define QEMU_PLUGIN_STORES	2	/* call for what writes memory */

typedef void (*qemu_plugin_trans_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_exec_fn)(unsigned int vcpu, void *data);
typedef void (*qemu_plugin_mem_fn)(unsigned int vcpu, uint32_t info,
				   uint64_t vaddr, void *data);

/* What QEMU looks for in the plugin */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct qemu_plugin_info *info,
			int argc, char **argv);

/* What the plugin calls in QEMU */
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, qemu_plugin_trans_fn fn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    qemu_plugin_exec_fn fn, int flags,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      qemu_plugin_mem_fn fn, int flags, int which,
				      void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
const char *qemu_plugin_hwaddr_device_name(const struct qemu_plugin_hwaddr *addr);

#if QEMU_PLUGIN_API == 1

void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *where, uint64_t number);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						int op, void *where,
						uint64_t number);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

/* Whether processors add to the same counters */
#define COUNTERS_SHARED	true

static char *counter_store;

static inline bool counters_make(size_t bytes)
{
	counter_store = calloc(1, bytes);
	return counter_store;
}

static inline void *counters_get(void)
{
	return counter_store;
}

/* Add a number to the 64 bits at an offset whenever the block is executed */
static inline void count_block(struct qemu_plugin_tb *tb, size_t offset,
			       uint64_t number)
{
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD,
						 counter_store + offset, number);
}

static inline void count_insn(struct qemu_plugin_insn *insn, size_t offset,
			      uint64_t number)
{
	qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD,
						   counter_store + offset, number);
}

/* Copy the first bytes of an instruction; its length may be more */
static inline void insn_bytes(const struct qemu_plugin_insn *insn, void *to,
			      size_t room)
{
	size_t bytes = qemu_plugin_insn_size(insn);

	memcpy(to, qemu_plugin_insn_data(insn), bytes < room ? bytes : room);
}

#else

#define COUNTERS_SHARED	false

struct qemu_plugin_scoreboard;

/**
 * struct qemu_plugin_u64 - names 64 bits of what each processor has for itself
 * @score: all of it
 * @offset: where in one processor's part
 */
struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t bytes);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *score,
				  unsigned int vcpu);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb,
						       int op,
						       struct qemu_plugin_u64 where,
						       uint64_t number);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
							 int op,
							 struct qemu_plugin_u64 where,
							 uint64_t number);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to,
			     size_t room);

static struct qemu_plugin_scoreboard *counter_store;

static inline bool counters_make(size_t bytes)
{
	counter_store = qemu_plugin_scoreboard_new(bytes);
	return counter_store;
}

/* They move when processors are added, so ask each time. */
static inline void *counters_get(void)
{
	return qemu_plugin_scoreboard_find(counter_store, 0);
}

static inline void count_block(struct qemu_plugin_tb *tb, size_t offset,
			       uint64_t number)
{
	struct qemu_plugin_u64 where = { counter_store, offset };

	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD,
							  where, number);
}

static inline void count_insn(struct qemu_plugin_insn *insn, size_t offset,
			      uint64_t number)
{
	struct qemu_plugin_u64 where = { counter_store, offset };

	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD,
							    where, number);
}

static inline void insn_bytes(const struct qemu_plugin_insn *insn, void *to,
			      size_t room)
{
	qemu_plugin_insn_data(insn, to, room);
}

#endif

#endif /* QEMU_PLUGIN_H */
