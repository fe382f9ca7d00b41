/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the counter uses of QEMU's plugin interface, version 1 (QEMU 6.0 to 8.2).
 * Debian packages no header for it. The meaning of each function is in QEMU's
 * documentation, "QEMU TCG Plugins".
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QEMU_PLUGIN_API	1

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
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *where, uint64_t number);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						int op, void *where,
						uint64_t number);
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
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *addr);
const char *qemu_plugin_hwaddr_device_name(const struct qemu_plugin_hwaddr *addr);

#endif /* QEMU_PLUGIN_H */
