/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of an NVMe controller, by the specification's names.
 */
#ifndef USHERCTL_NVME_REGS_H
#define USHERCTL_NVME_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* What the value of a field stands for */
enum nvme_unit {
	NVME_PLAIN,
	NVME_FROM_0,		/* one more than its value */
	NVME_HALF_SECONDS,
	NVME_PAGES,		/* 4096 bytes, times two to the power of it */
	NVME_STRIDE,		/* the same with 4 bytes */
	NVME_POWER,		/* the same with 1 byte */
	NVME_SHUTDOWN,		/* states of a shutdown */
	NVME_SETS,		/* bits for command sets */
};

/**
 * struct nvme_field - bits of a register
 * @name: of the specification
 * @shift: number of its lowest bit
 * @bits: how many
 * @unit: what they stand for
 */
struct nvme_field {
	const char *name;
	unsigned int shift;
	unsigned int bits;
	enum nvme_unit unit;
};

#define NVME_FIELDS	17
#define NVME_ALWAYS	(-1)

/**
 * struct nvme_register - a register
 * @name: of the specification
 * @offset: where it is in region 0
 * @bits: 32 or 64
 * @needs: the bit of CAP without which it is not there, or NVME_ALWAYS
 * @fields: its fields, the last one without a name
 */
struct nvme_register {
	const char *name;
	__u32 offset;
	unsigned int bits;
	int needs;
	struct nvme_field fields[NVME_FIELDS];
};

extern const struct nvme_register nvme_registers[];
extern const size_t nvme_nr_registers;

/**
 * nvme_register() - look a register up
 * @name: of the specification, in letters of any case
 *
 * Return: the register, or NULL
 */
const struct nvme_register *nvme_register(const char *name);

/**
 * nvme_has_register() - whether a controller has a register
 * @reg: which
 * @cap: the controller's register CAP
 *
 * Return: whether it has it
 */
bool nvme_has_register(const struct nvme_register *reg, __u64 cap);

/**
 * nvme_field() - take the value of a field from that of its register
 * @field: which
 * @value: of the register
 *
 * Return: the value of the field
 */
__u64 nvme_field(const struct nvme_field *field, __u64 value);

/**
 * nvme_meaning() - what the value of a field stands for
 * @field: which
 * @value: of the field
 * @text: memory that may be used
 *
 * Return: a text; "" where the value stands for itself
 */
const char *nvme_meaning(const struct nvme_field *field, __u64 value,
			 char text[48]);

#endif /* USHERCTL_NVME_REGS_H */
