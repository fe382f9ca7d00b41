// SPDX-License-Identifier: GPL-2.0-only
/*
 * usherctl regs: look at the registers of a PCI function, and write them.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "alloc.h"
#include "commands.h"
#include "config.h"
#include "facts.h"
#include "function.h"
#include "message.h"
#include "node.h"
#include "nvme-regs.h"
#include "parse.h"
#include "status.h"
#include "sysfs.h"

#define DUMP_BYTES	256
#define LINE_BYTES	16

static void help(void)
{
	printf("Usage: usherctl regs [OPTION]... FUNCTION [OPERATION]...\n\n"
	       "Access registers of a PCI function: an address (01:00.0), a node in\n"
	       "%s, a disk or a network interface. Operations are done in order:\n\n"
	       "  dump                    of an NVMe controller: all registers, with their fields;\n"
	       "                          of others: the first %u bytes (this is the default)\n"
	       "  read REGISTER [COUNT]   read one, or COUNT of them from there on\n"
	       "  write REGISTER VALUE    write one\n\n"
	       "REGISTER is an offset in the region or, of an NVMe controller, a name of the\n"
	       "specification such as CSTS. Reading may have effects, as the device decides.\n\n"
	       "  --region N   number of the base address register (default: 0)\n"
	       "  --width N    bits of an access by offset: 8, 16, 32 or 64 (default: 32)\n"
	       "  --json       print JSON\n\n"
	       "A function bound to usher-raw or vfio-pci is taken for the time of the command,\n"
	       "and reset before and afterwards if it can be. Any other is only read, beside its\n"
	       "driver, and only by root, where the kernel permits that.\n",
	       RAW_NODES, DUMP_BYTES);
}

enum kind {
	OP_DUMP,
	OP_READ,
	OP_WRITE,
};

/**
 * struct operation - one of the command line
 * @kind: what to do
 * @reg: the register, where it was named
 * @offset: where it is
 * @bits: width of an access
 * @count: how many to read
 * @value: to write
 */
struct operation {
	enum kind kind;
	const struct nvme_register *reg;
	__u64 offset;
	unsigned int bits;
	__u64 count;
	__u64 value;
};

/**
 * struct regs - the command
 * @access: to the registers
 * @nvme: names of NVMe are known: it is such a controller, and region 0
 * @width: --width
 * @operations: all of them
 * @nr_operations: how many
 * @ones: values that were all ones
 * @json: what was read and written, or NULL to print it as it comes
 */
struct regs {
	struct access access;
	bool nvme;
	unsigned int width;
	struct operation *operations;
	int nr_operations;
	__u64 ones;
	struct json_object *json;
};

/*
 * The command line
 */

static __u64 mask(unsigned int bits)
{
	return bits == 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static int parse_register(const struct regs *regs, struct operation *op,
			  const char *text)
{
	const char *wrong;

	op->bits = regs->width;
	if (!isdigit((unsigned char)*text)) {
		op->reg = regs->nvme ? nvme_register(text) : NULL;
		if (!op->reg)
			return usage_error("\"%s\" is no offset%s", text,
					   regs->nvme ? ", and no register of NVMe" :
					   "; names are known in region 0 of NVMe controllers");
		op->offset = op->reg->offset;
		op->bits = op->reg->bits;
		return 0;
	}
	wrong = parse_number(text, &op->offset);
	if (wrong)
		return usage_error("\"%s\" %s", text, wrong);
	if (op->offset % (op->bits / 8))
		return usage_error("%s is no multiple of the %u bytes of an access, see --width",
				   text, op->bits / 8);
	return 0;
}

static int parse_value(struct operation *op, const char *text)
{
	const char *wrong = parse_number(text, &op->value);

	if (wrong)
		return usage_error("\"%s\" %s", text, wrong);
	if (op->value & ~mask(op->bits))
		return usage_error("%s does not fit into %u bits", text, op->bits);
	return 0;
}

/* How many arguments were taken, or 0 after a message */
static int parse_operation(const struct regs *regs, struct operation *op,
			   int argc, char **argv)
{
	const char *wrong;

	*op = (struct operation) { .count = 1 };
	if (!strcmp(argv[0], "dump"))
		return 1;
	if (!strcmp(argv[0], "write")) {
		op->kind = OP_WRITE;
		if (argc < 3)
			usage_error("write which register, and what?");
		else if (!parse_register(regs, op, argv[1]) &&
			 !parse_value(op, argv[2]))
			return 3;
		return 0;
	}
	if (strcmp(argv[0], "read")) {
		usage_error("\"%s\" is none of dump, read and write", argv[0]);
		return 0;
	}
	op->kind = OP_READ;
	if (argc < 2) {
		usage_error("read which register?");
		return 0;
	}
	if (parse_register(regs, op, argv[1]))
		return 0;
	if (argc < 3 || !isdigit((unsigned char)*argv[2]))
		return 2;
	wrong = parse_number(argv[2], &op->count);
	if (!wrong && !op->count)
		wrong = "is no count";
	if (wrong)
		usage_error("\"%s\" %s", argv[2], wrong);
	return wrong ? 0 : 3;
}

static int parse_operations(struct regs *regs, int argc, char **argv)
{
	int taken;

	regs->operations = alloc_array(argc + 1, sizeof(*regs->operations),
				       "the list of operations");
	if (!argc)
		regs->nr_operations = 1;	/* it is zero, which is OP_DUMP */
	for (; argc; argc -= taken, argv += taken) {
		taken = parse_operation(regs,
					&regs->operations[regs->nr_operations++],
					argc, argv);
		if (!taken)
			return STATUS_USAGE;
	}
	return 0;
}

static int parse_options(struct regs *regs, int argc, char **argv)
{
	static const struct option options[] = {
		{ "region",	required_argument, NULL, 'r' },
		{ "width",	required_argument, NULL, 'w' },
		{ "json",	no_argument,	   NULL, 'j' },
		{ "help",	no_argument,	   NULL, 'h' },
		{ }
	};
	int option;
	__u64 number;

	regs->width = 32;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			if (parse_number(optarg, &number) || number >= REGIONS)
				return usage_error("\"%s\" is no region: they are 0 to 5",
						   optarg);
			regs->access.index = number;
			break;
		case 'w':
			if (parse_number(optarg, &number) ||
			    (number != 8 && number != 16 && number != 32 &&
			     number != 64))
				return usage_error("\"%s\" is no width: 8, 16, 32 or 64 bits",
						   optarg);
			regs->width = number;
			break;
		case 'j':
			regs->json = json_object_new_object();
			break;
		case 'h':
			help();
			exit(0);
		default:
			return usage_error("the arguments are not understood");
		}
	}
	return optind < argc ? 0 : usage_error("name a PCI function");
}

/* Check all operations before the first one is executed. */
static int check_operations(const struct regs *regs)
{
	const struct access *access = &regs->access;
	int i;

	for (i = 0; i < regs->nr_operations; i++) {
		const struct operation *op = &regs->operations[i];
		unsigned int bytes = op->bits / 8;

		if (!access->memory && (op->bits ? op->bits : regs->width) == 64)
			return fail("%s: region %u has I/O ports, of 32 bits at most",
				    access->bdf, access->index);
		if (op->kind == OP_DUMP)
			continue;
		if (op->offset >= access->bytes ||
		    op->count > (access->bytes - op->offset) / bytes)
			return fail("%s: region %u ends at %#llx: no %llu times %u bytes at %#llx",
				    access->bdf, access->index, access->bytes,
				    op->count, bytes, op->offset);
		if (op->kind != OP_WRITE || access_can_write(access))
			continue;
		fail("%s: registers are not written beside a driver, and it %s %s",
		     access->bdf, *access->driver ? "belongs to" : "has",
		     *access->driver ? access->driver : "none that allows it");
		fprintf(stderr, "  Take it first: \"usherctl bind --raw %s\".\n",
			access->bdf);
		return STATUS_FAILED;
	}
	return 0;
}

/*
 * Execution
 */

static int get(struct regs *regs, __u64 offset, unsigned int bits, __u64 *value)
{
	int ret = access_read(&regs->access, offset, bits, value);

	if (ret || *value != mask(bits))
		return ret;
	if (access_gone(&regs->access)) {
		fail_at(ACT_OTHER, ENODEV, "%s: %#llx reads all ones",
			regs->access.bdf, offset);
		return STATUS_FAILED;
	}
	regs->ones++;
	return 0;
}

static struct json_object *list(struct regs *regs, const char *key)
{
	if (!json_member(regs->json, key))
		json_object_object_add(regs->json, key, json_object_new_array());
	return json_member(regs->json, key);
}

static struct json_object *hex(__u64 value, unsigned int bits)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*llx", (int)bits / 4, value);
	return json_object_new_string(text);
}

static struct json_object *add_place(struct regs *regs, const char *key,
				     const struct operation *op)
{
	struct json_object *place = json_object_new_object();

	if (op->reg)
		json_add_text(place, "name", op->reg->name);
	json_add_number(place, "offset", op->offset);
	json_add_number(place, "bits", op->bits);
	json_object_array_add(list(regs, key), place);
	return place;
}

static int write_register(struct regs *regs, const struct operation *op)
{
	access_write(&regs->access, op->offset, op->bits, op->value);
	if (regs->json)
		json_object_object_add(add_place(regs, "writes", op), "value",
				       hex(op->value, op->bits));
	return 0;
}

/* A single value is printed without its offset, for scripts. */
static void print_value(const struct operation *op, __u64 at, __u64 value)
{
	int digits = (int)op->bits / 4;
	bool last = at + op->bits / 8 == op->offset + op->count * (op->bits / 8);

	if (op->count == 1) {
		printf("0x%0*llx\n", digits, value);
		return;
	}
	if (at == op->offset || !(at % LINE_BYTES))
		printf("%06llx:", at);
	printf(" %0*llx", digits, value);
	if (last || !((at + op->bits / 8) % LINE_BYTES))
		putchar('\n');
}

static int read_registers(struct regs *regs, const struct operation *op)
{
	struct json_object *values = json_object_new_array();
	__u64 i, at = op->offset, value;
	int ret = 0;

	for (i = 0; i < op->count && !ret; i++, at += op->bits / 8) {
		ret = get(regs, at, op->bits, &value);
		if (!ret && regs->json)
			json_object_array_add(values, hex(value, op->bits));
		else if (!ret)
			print_value(op, at, value);
	}
	if (regs->json)
		json_object_object_add(add_place(regs, "reads", op), "values",
				       values);
	else
		json_object_put(values);
	return ret;
}

static void add_fields(struct json_object *place,
		       const struct nvme_register *reg, __u64 value)
{
	struct json_object *fields = json_object_new_object();
	const struct nvme_field *field;

	for (field = reg->fields; field->name; field++)
		json_add_number(fields, field->name, nvme_field(field, value));
	json_object_object_add(place, "value", hex(value, reg->bits));
	json_object_object_add(place, "fields", fields);
}

static void print_fields(const struct nvme_register *reg, __u64 value)
{
	const struct nvme_field *field;
	char text[48];

	printf("%-8s%04x  %0*llx\n", reg->name, reg->offset,
	       (int)reg->bits / 4, value);
	for (field = reg->fields; field->name; field++) {
		__u64 part = nvme_field(field, value);
		const char *meaning = nvme_meaning(field, part, text);

		printf("    %-10s", field->name);
		printf(field->bits > 16 ? "%#llx" : "%llu", part);
		printf(*meaning ? "  (%s)\n" : "\n", meaning);
	}
}

static int dump_nvme(struct regs *regs)
{
	__u64 cap, value;
	size_t i;
	int ret = get(regs, 0, 64, &cap);

	for (i = 0; i < nvme_nr_registers && !ret; i++) {
		const struct nvme_register *reg = &nvme_registers[i];
		const struct operation op = {
			.reg = reg,
			.offset = reg->offset,
			.bits = reg->bits,
		};

		if (!nvme_has_register(reg, cap))
			continue;
		ret = get(regs, reg->offset, reg->bits, &value);
		if (!ret && regs->json)
			add_fields(add_place(regs, "registers", &op), reg, value);
		else if (!ret)
			print_fields(reg, value);
	}
	return ret;
}

static int dump(struct regs *regs)
{
	__u64 bytes = regs->access.bytes;
	struct operation all = {
		.bits = regs->width,
	};

	if (regs->nvme)
		return dump_nvme(regs);
	all.count = (bytes < DUMP_BYTES ? bytes : DUMP_BYTES) /
		    (regs->width / 8);
	return read_registers(regs, &all);
}

static int execute(struct regs *regs)
{
	int i, ret = 0;

	for (i = 0; i < regs->nr_operations && !ret; i++) {
		const struct operation *op = &regs->operations[i];

		if (op->kind == OP_DUMP)
			ret = dump(regs);
		else if (op->kind == OP_READ)
			ret = read_registers(regs, op);
		else
			ret = write_register(regs, op);
	}
	if (!ret && regs->ones)
		note("%s: %llu value%s all ones: no device, another --width, or the MSI-X table",
		     regs->access.bdf, regs->ones, regs->ones > 1 ? "s are" : " is");
	return ret;
}

static int run(struct regs *regs)
{
	struct access *access = &regs->access;
	int ret = access_look(access);

	if (!ret)
		ret = check_operations(regs);
	if (!ret)
		ret = access_open(access);
	if (!ret) {
		if (regs->json) {
			json_add_text(regs->json, "address", access->bdf);
			json_add_text(regs->json, "driver", access->driver);
			json_add_text(regs->json, "access", access_way(access));
			json_add_number(regs->json, "region", access->index);
		}
		ret = execute(regs);
	}
	access_close(access);
	if (!ret && regs->json)
		print_json(regs->json);
	return ret;
}

int cmd_regs(int argc, char **argv)
{
	struct regs regs = {};
	int ret = parse_options(&regs, argc, argv);

	if (!ret)
		ret = find_function(argv[optind], regs.access.bdf);
	if (!ret) {
		regs.nvme = !regs.access.index &&
			    sys_number(SYS_PCI "/%s/class", regs.access.bdf) ==
			    PCI_CLASS_NVME;
		ret = parse_operations(&regs, argc - optind - 1,
				       argv + optind + 1);
	}
	if (!ret)
		ret = run(&regs);
	free(regs.operations);
	json_object_put(regs.json);
	return ret;
}
