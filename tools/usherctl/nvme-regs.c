// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of an NVMe controller: names, places and fields as in the NVM
 * Express Base Specification and its NVMe over PCIe Transport Specification.
 */
#include <stdio.h>
#include <strings.h>

#include "macros.h"
#include "nvme-regs.h"

/* Bits of CAP */
#define CAP_NSSRS	36
#define CAP_BPS		45
#define CAP_PMRS	56
#define CAP_CMBS	57
#define CAP_NSSS	58
#define CAP_CRWMS	59

#define FIELD(name, shift, bits)	{ #name, shift, bits, NVME_PLAIN }
#define FIELD_AS(name, shift, bits, unit) { #name, shift, bits, NVME_ ## unit }

const struct nvme_register nvme_registers[] = {
	{ "CAP", 0x00, 64, NVME_ALWAYS, {
		FIELD_AS(MQES, 0, 16, FROM_0), FIELD(CQR, 16, 1),
		FIELD(AMS, 17, 2), FIELD_AS(TO, 24, 8, HALF_SECONDS),
		FIELD_AS(DSTRD, 32, 4, STRIDE), FIELD(NSSRS, 36, 1),
		FIELD_AS(CSS, 37, 8, SETS), FIELD(BPS, 45, 1),
		FIELD(CPS, 46, 2), FIELD_AS(MPSMIN, 48, 4, PAGES),
		FIELD_AS(MPSMAX, 52, 4, PAGES), FIELD(PMRS, 56, 1),
		FIELD(CMBS, 57, 1), FIELD(NSSS, 58, 1),
		FIELD(CRMS, 59, 2), FIELD(NSSES, 61, 1) } },
	{ "VS", 0x08, 32, NVME_ALWAYS, {
		FIELD(MJR, 16, 16), FIELD(MNR, 8, 8), FIELD(TER, 0, 8) } },
	{ "INTMS", 0x0c, 32, NVME_ALWAYS, { FIELD(IVMS, 0, 32) } },
	{ "INTMC", 0x10, 32, NVME_ALWAYS, { FIELD(IVMC, 0, 32) } },
	{ "CC", 0x14, 32, NVME_ALWAYS, {
		FIELD(EN, 0, 1), FIELD(CSS, 4, 3), FIELD_AS(MPS, 7, 4, PAGES),
		FIELD(AMS, 11, 3), FIELD(SHN, 14, 2),
		FIELD_AS(IOSQES, 16, 4, POWER), FIELD_AS(IOCQES, 20, 4, POWER),
		FIELD(CRIME, 24, 1) } },
	{ "CSTS", 0x1c, 32, NVME_ALWAYS, {
		FIELD(RDY, 0, 1), FIELD(CFS, 1, 1),
		FIELD_AS(SHST, 2, 2, SHUTDOWN), FIELD(NSSRO, 4, 1),
		FIELD(PP, 5, 1), FIELD(ST, 6, 1) } },
	{ "NSSR", 0x20, 32, CAP_NSSRS, { FIELD(NSSRC, 0, 32) } },
	{ "AQA", 0x24, 32, NVME_ALWAYS, {
		FIELD_AS(ASQS, 0, 12, FROM_0), FIELD_AS(ACQS, 16, 12, FROM_0) } },
	{ "ASQ", 0x28, 64, NVME_ALWAYS, { FIELD(ASQB, 12, 52) } },
	{ "ACQ", 0x30, 64, NVME_ALWAYS, { FIELD(ACQB, 12, 52) } },
	{ "CMBLOC", 0x38, 32, NVME_ALWAYS, {
		FIELD(BIR, 0, 3), FIELD(CQMMS, 3, 1), FIELD(CQPDS, 4, 1),
		FIELD(CDPMLS, 5, 1), FIELD(CDPCILS, 6, 1), FIELD(CDMMMS, 7, 1),
		FIELD(CQDA, 8, 1), FIELD(OFST, 12, 20) } },
	{ "CMBSZ", 0x3c, 32, NVME_ALWAYS, {
		FIELD(SQS, 0, 1), FIELD(CQS, 1, 1), FIELD(LISTS, 2, 1),
		FIELD(RDS, 3, 1), FIELD(WDS, 4, 1), FIELD(SZU, 8, 4),
		FIELD(SZ, 12, 20) } },
	{ "BPINFO", 0x40, 32, CAP_BPS, {
		FIELD(BPSZ, 0, 15), FIELD(BRS, 24, 2), FIELD(ABPID, 31, 1) } },
	{ "BPRSEL", 0x44, 32, CAP_BPS, {
		FIELD(BPRSZ, 0, 10), FIELD(BPROF, 10, 20), FIELD(BPID, 31, 1) } },
	{ "BPMBL", 0x48, 64, CAP_BPS, { FIELD(BMBBA, 12, 52) } },
	{ "CMBMSC", 0x50, 64, CAP_CMBS, {
		FIELD(CRE, 0, 1), FIELD(CMSE, 1, 1), FIELD(CBA, 12, 52) } },
	{ "CMBSTS", 0x58, 32, CAP_CMBS, { FIELD(CBAI, 0, 1) } },
	{ "CMBEBS", 0x5c, 32, CAP_CMBS, {
		FIELD(CMBSZU, 0, 4), FIELD(RBB, 4, 1), FIELD(CMBWBZ, 8, 24) } },
	{ "CMBSWTP", 0x60, 32, CAP_CMBS, {
		FIELD(CMBSWTU, 0, 4), FIELD(CMBSWTV, 8, 24) } },
	{ "NSSD", 0x64, 32, CAP_NSSS, { FIELD(NSSC, 0, 32) } },
	{ "CRTO", 0x68, 32, CAP_CRWMS, {
		FIELD_AS(CRWMT, 0, 16, HALF_SECONDS),
		FIELD_AS(CRIMT, 16, 16, HALF_SECONDS) } },
	{ "PMRCAP", 0xe00, 32, CAP_PMRS, {
		FIELD(RDS, 3, 1), FIELD(WDS, 4, 1), FIELD(BIR, 5, 3),
		FIELD(PMRTU, 8, 2), FIELD(PMRWBM, 10, 4), FIELD(PMRTO, 16, 8),
		FIELD(CMSS, 24, 1) } },
	{ "PMRCTL", 0xe04, 32, CAP_PMRS, { FIELD(EN, 0, 1) } },
	{ "PMRSTS", 0xe08, 32, CAP_PMRS, {
		FIELD(ERR, 0, 8), FIELD(NRDY, 8, 1), FIELD(HSTS, 9, 3),
		FIELD(CBAI, 12, 1) } },
	{ "PMREBS", 0xe0c, 32, CAP_PMRS, {
		FIELD(PMRSZU, 0, 4), FIELD(RBB, 4, 1), FIELD(PMRWBZ, 8, 24) } },
	{ "PMRSWTP", 0xe10, 32, CAP_PMRS, {
		FIELD(PMRSWTU, 0, 4), FIELD(PMRSWTV, 8, 24) } },
	{ "PMRMSCL", 0xe14, 32, CAP_PMRS, {
		FIELD(CMSE, 1, 1), FIELD(CBA, 12, 20) } },
	{ "PMRMSCU", 0xe18, 32, CAP_PMRS, { FIELD(CBA, 0, 32) } },
};

const size_t nvme_nr_registers = ARRAY_SIZE(nvme_registers);

const struct nvme_register *nvme_register(const char *name)
{
	size_t i;

	for (i = 0; i < nvme_nr_registers; i++) {
		if (!strcasecmp(nvme_registers[i].name, name))
			return &nvme_registers[i];
	}
	return NULL;
}

bool nvme_has_register(const struct nvme_register *reg, __u64 cap)
{
	return reg->needs == NVME_ALWAYS || cap >> reg->needs & 1;
}

__u64 nvme_field(const struct nvme_field *field, __u64 value)
{
	return value >> field->shift & ((1ULL << field->bits) - 1);
}

static const char *command_sets(__u64 css, char text[48])
{
	snprintf(text, 48, "%s%s%s%s%s", css & 1 ? "NVM" : "",
		 css & 1 && css & 0xc0 ? ", " : "",
		 css & 0x40 ? "I/O command sets" : "",
		 (css & 0xc0) == 0xc0 ? ", " : "", css & 0x80 ? "admin only" : "");
	return text;
}

const char *nvme_meaning(const struct nvme_field *field, __u64 value,
			 char text[48])
{
	static const char * const shutdown[] = {
		"no shutdown", "being shut down", "shut down", "reserved",
	};

	*text = '\0';
	switch (field->unit) {
	case NVME_PLAIN:
		break;
	case NVME_FROM_0:
		snprintf(text, 48, "%llu entries", value + 1);
		break;
	case NVME_HALF_SECONDS:
		snprintf(text, 48, "%.1f s", (double)value / 2);
		break;
	case NVME_PAGES:
		snprintf(text, 48, "%llu bytes", 4096ULL << value);
		break;
	case NVME_STRIDE:
		snprintf(text, 48, "%llu bytes", 4ULL << value);
		break;
	case NVME_POWER:
		snprintf(text, 48, "%llu bytes", 1ULL << value);
		break;
	case NVME_SHUTDOWN:
		return shutdown[value & 3];
	case NVME_SETS:
		return command_sets(value, text);
	}
	return text;
}
