// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of NVMe registers holds together, agrees with libnvme's, and decodes.
 */
#include <string.h>

#include <libnvme.h>

#include "nvme-regs.h"
#include "tap.h"

/* Registers lie one behind the other, fields do not overlap and fit. */
static void the_table(void)
{
	__u64 end = 0, used;
	size_t i;

	for (i = 0; i < nvme_nr_registers; i++) {
		const struct nvme_register *reg = &nvme_registers[i];
		const struct nvme_field *field;

		EXPECT(reg->bits == 32 || reg->bits == 64);
		EXPECT(reg->offset >= end);
		EXPECT(!(reg->offset % (reg->bits / 8)));
		end = reg->offset + reg->bits / 8;
		EXPECT(!reg->fields[NVME_FIELDS - 1].name);
		used = 0;
		for (field = reg->fields; field->name; field++) {
			__u64 bits = nvme_field(field, UINT64_MAX);

			EXPECT(field->shift + field->bits <= reg->bits);
			EXPECT(!(used & bits << field->shift));
			used |= bits << field->shift;
		}
		EXPECT(used);
	}
}

static void places(void)
{
	static const struct {
		const char *name;
		__u32 offset;
	} wanted[] = {
		{ "CAP", NVME_REG_CAP }, { "VS", NVME_REG_VS },
		{ "INTMS", NVME_REG_INTMS }, { "INTMC", NVME_REG_INTMC },
		{ "CC", NVME_REG_CC }, { "CSTS", NVME_REG_CSTS },
		{ "NSSR", NVME_REG_NSSR }, { "AQA", NVME_REG_AQA },
		{ "ASQ", NVME_REG_ASQ }, { "ACQ", NVME_REG_ACQ },
		{ "CMBLOC", NVME_REG_CMBLOC }, { "CMBSZ", NVME_REG_CMBSZ },
		{ "BPINFO", NVME_REG_BPINFO }, { "BPRSEL", NVME_REG_BPRSEL },
		{ "BPMBL", NVME_REG_BPMBL }, { "CMBMSC", NVME_REG_CMBMSC },
		{ "CMBSTS", NVME_REG_CMBSTS }, { "CRTO", NVME_REG_CRTO },
		{ "PMRCAP", NVME_REG_PMRCAP }, { "PMRCTL", NVME_REG_PMRCTL },
		{ "PMRSTS", NVME_REG_PMRSTS }, { "PMREBS", NVME_REG_PMREBS },
		{ "PMRSWTP", NVME_REG_PMRSWTP },
		{ "PMRMSCL", NVME_REG_PMRMSCL },
		{ "PMRMSCU", NVME_REG_PMRMSCU },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct nvme_register *reg = nvme_register(wanted[i].name);

		EXPECT(reg && reg->offset == wanted[i].offset);
		EXPECT(reg && (reg->bits == 64) ==
		       nvme_is_64bit_reg(wanted[i].offset));
	}
}

/* All fields of a register that libnvme knows, from one value */
#define SAME(reg, field, from)						\
	do {								\
		__u64 same = (from);					\
									\
		EXPECT_EQ(field_of(#reg, #field, same),			\
			  NVME_ ## reg ## _ ## field(same));		\
	} while (0)

static __u64 field_of(const char *name, const char *field_name, __u64 value)
{
	const struct nvme_field *field = nvme_register(name)->fields;

	while (strcmp(field->name, field_name))
		field++;
	return nvme_field(field, value);
}

static void fields(void)
{
	static const __u64 values[] = { 0x0123456789abcdef, 0xfedcba9876543210 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		__u64 cap = values[i];
		__u32 reg = (__u32)values[i];

		SAME(CAP, MQES, cap);
		SAME(CAP, CQR, cap);
		SAME(CAP, AMS, cap);
		SAME(CAP, TO, cap);
		SAME(CAP, DSTRD, cap);
		SAME(CAP, CSS, cap);
		SAME(CAP, BPS, cap);
		SAME(CAP, MPSMIN, cap);
		SAME(CAP, MPSMAX, cap);
		SAME(CAP, PMRS, cap);
		SAME(CAP, CMBS, cap);
		SAME(CAP, CRMS, cap);
		SAME(CC, EN, reg);
		SAME(CC, CSS, reg);
		SAME(CC, MPS, reg);
		SAME(CC, AMS, reg);
		SAME(CC, SHN, reg);
		SAME(CC, IOSQES, reg);
		SAME(CC, IOCQES, reg);
		SAME(CSTS, RDY, reg);
		SAME(CSTS, CFS, reg);
		SAME(CSTS, SHST, reg);
		SAME(CSTS, NSSRO, reg);
		SAME(CSTS, PP, reg);
		SAME(AQA, ASQS, reg);
		SAME(AQA, ACQS, reg);
		SAME(CMBLOC, BIR, reg);
		SAME(CMBSZ, SZU, reg);
		SAME(CMBSZ, SZ, reg);
		/* of CRTO, libnvme 1.3 masks the upper half away */
		SAME(CRTO, CRWMT, reg);
	}
	EXPECT_EQ(field_of("CRTO", "CRIMT", 0x12345678), 0x1234);
}

static void names(void)
{
	EXPECT(nvme_register("csts") == nvme_register("CSTS"));
	EXPECT(!nvme_register("CST"));
	EXPECT(!nvme_register(""));
}

/* Optional registers are there when CAP says so. */
static void optional(void)
{
	EXPECT(nvme_has_register(nvme_register("CC"), 0));
	EXPECT(!nvme_has_register(nvme_register("PMRCAP"), 0));
	EXPECT(nvme_has_register(nvme_register("PMRCAP"), 1ULL << 56));
	EXPECT(!nvme_has_register(nvme_register("CMBMSC"), 1ULL << 56));
	EXPECT(nvme_has_register(nvme_register("CMBMSC"), 1ULL << 57));
	EXPECT(nvme_has_register(nvme_register("NSSR"), 1ULL << 36));
	EXPECT(!nvme_has_register(nvme_register("BPINFO"), ~(1ULL << 45)));
}

static bool means(enum nvme_unit unit, __u64 value, const char *wanted)
{
	const struct nvme_field field = { .unit = unit };
	char text[48];

	if (!strcmp(nvme_meaning(&field, value, text), wanted))
		return true;
	printf("# \"%s\", not \"%s\"\n", nvme_meaning(&field, value, text),
	       wanted);
	return false;
}

static void meanings(void)
{
	EXPECT(means(NVME_PLAIN, 5, ""));
	EXPECT(means(NVME_FROM_0, 2047, "2048 entries"));
	EXPECT(means(NVME_HALF_SECONDS, 15, "7.5 s"));
	EXPECT(means(NVME_PAGES, 4, "65536 bytes"));
	EXPECT(means(NVME_STRIDE, 0, "4 bytes"));
	EXPECT(means(NVME_POWER, 6, "64 bytes"));
	EXPECT(means(NVME_SHUTDOWN, 2, "shut down"));
	EXPECT(means(NVME_SETS, 0xc1, "NVM, I/O command sets, admin only"));
	EXPECT(means(NVME_SETS, 0x41, "NVM, I/O command sets"));
	EXPECT(means(NVME_SETS, 0x80, "admin only"));
}

static const struct tap_test tests[] = {
	TAP_TEST(the_table),
	TAP_TEST(places),
	TAP_TEST(fields),
	TAP_TEST(names),
	TAP_TEST(optional),
	TAP_TEST(meanings),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
