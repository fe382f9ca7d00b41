/* SPDX-License-Identifier: GPL-2.0-only */
/* The counter's part that measures sections with interrupts off. */
#ifndef SECTION_H
#define SECTION_H

#include <stdint.h>
#include <stdio.h>

struct qemu_plugin_tb;

/* Which file has the guest's /proc/kallsyms once a measurement begins */
void sections_of(const char *kallsyms);
/* Looks at a block of the kernel's code. */
void sections_translated(struct qemu_plugin_tb *tb);
void sections_begin(void);
void sections_end(FILE *out);

/* counter.c: instructions of the kernel since the start */
uint64_t kernel_insns(void);

#endif /* SECTION_H */
