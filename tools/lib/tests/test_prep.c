// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submission entries byte for byte, as the NVM Express specifications lay them
 * out, and completions the other way.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "usher.h"
#include "tap.h"

#define SLBA	0x1122334455667788ULL
#define OFFSET	0xa1a2a3a4a5a6a7a8ULL
#define LENGTH	0xb1b2b3b4U
#define BUF	0xc1c2c3c4U

/* An entry full of leftovers, but for the tag and the namespace */
static struct usher_sqe fresh(void)
{
	struct usher_sqe sqe;

	memset(&sqe, 0x5a, sizeof(sqe));
	sqe.nsid = 0;
	usher_sqe_set_tag(&sqe, 0xbeef);
	return sqe;
}

/* Bytes in hexadecimal, in their order in memory */
#define TAG		"efbe"
#define NSID		"00000000"
#define DW2_TO_5	"00000000000000000000000000000000"
#define DATA_OFFSET	"a8a7a6a5a4a3a2a1"
#define DATA_BUF	"c4c3c2c1"
#define DATA		DATA_OFFSET "b4b3b2b1" DATA_BUF
#define NO_DATA		"00000000000000000000000000000000"
#define DW10_11_SLBA	"8877665544332211"
#define ZERO_DW		"00000000"

/* @data is as @wire says, and zero where @wire ends before @length. */
static void expect_bytes(const void *data, const char *wire, size_t length,
			 int line)
{
	const unsigned char *got = data;
	unsigned int want;
	size_t i;

	EXPECT(strlen(wire) <= 2 * length);
	for (i = 0; i < length; i++) {
		want = 0;
		if (2 * i < strlen(wire))
			EXPECT_EQ(sscanf(wire + 2 * i, "%2x", &want), 1);
		if (got[i] == want)
			continue;
		printf("# line %d: byte %zu is %02x, not %02x\n", line, i,
		       got[i], want);
		tap_failed = true;
	}
}

#define EXPECT_ENTRY(sqe, wire)						\
	expect_bytes(&(sqe), wire, sizeof(struct usher_sqe), __LINE__)

static void sizes(void)
{
	EXPECT_EQ(sizeof(struct usher_sqe), 64);
	EXPECT_EQ(sizeof(struct usher_cqe), 16);
	EXPECT_EQ(sizeof(struct usher_dsm_range), 16);
	EXPECT_EQ(sizeof(struct usher_copy_range), 32);
	EXPECT_EQ(sizeof(struct usher_ring_ctl), 192);
}

static void read_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_read(&sqe, SLBA, 0x1234, BUF, OFFSET, LENGTH), 0);
	EXPECT_ENTRY(sqe, "0200" TAG NSID DW2_TO_5 DATA DW10_11_SLBA
		     "33120000");
}

static void write_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_write(&sqe, SLBA, 65536, BUF, OFFSET, LENGTH), 0);
	EXPECT_ENTRY(sqe, "0100" TAG NSID DW2_TO_5 DATA DW10_11_SLBA
		     "ffff0000");
}

static void compare_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_compare(&sqe, SLBA, 1, BUF, OFFSET, LENGTH), 0);
	EXPECT_ENTRY(sqe, "0500" TAG NSID DW2_TO_5 DATA DW10_11_SLBA);
}

static void zone_append_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_zone_append(&sqe, SLBA, 2, BUF, OFFSET, LENGTH),
		  0);
	EXPECT_ENTRY(sqe, "7d00" TAG NSID DW2_TO_5 DATA DW10_11_SLBA "01");
}

static void flush_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_flush(&sqe), 0);
	EXPECT_ENTRY(sqe, "0000" TAG NSID);
}

static void commands_without_data(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_verify(&sqe, SLBA, 3), 0);
	EXPECT_ENTRY(sqe, "0c00" TAG NSID DW2_TO_5 NO_DATA DW10_11_SLBA "02");
	EXPECT_EQ(usher_prep_write_zeroes(&sqe, SLBA, 3), 0);
	EXPECT_ENTRY(sqe, "0800" TAG NSID DW2_TO_5 NO_DATA DW10_11_SLBA "02");
	EXPECT_EQ(usher_prep_write_uncorrectable(&sqe, SLBA, 3), 0);
	EXPECT_ENTRY(sqe, "0400" TAG NSID DW2_TO_5 NO_DATA DW10_11_SLBA "02");
}

static void deallocate_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_deallocate(&sqe, 256, BUF, OFFSET), 0);
	EXPECT_ENTRY(sqe, "0900" TAG NSID DW2_TO_5
		     DATA_OFFSET "00100000" DATA_BUF "ff00000004");
}

static void deallocate_range(void)
{
	static const char wire[] = ZERO_DW "01020304" DW10_11_SLBA;
	struct usher_dsm_range range;

	memset(&range, 0xee, sizeof(range));
	usher_dsm_range_set(&range, SLBA, 0x04030201);
	expect_bytes(&range, wire, sizeof(range), __LINE__);
}

static void copy_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_copy(&sqe, SLBA, 2, BUF, OFFSET), 0);
	EXPECT_ENTRY(sqe, "1900" TAG NSID DW2_TO_5
		     DATA_OFFSET "40000000" DATA_BUF DW10_11_SLBA "01");
}

static void copy_range(void)
{
	static const char wire[] = ZERO_DW ZERO_DW DW10_11_SLBA "ffff";
	struct usher_copy_range range;

	memset(&range, 0xee, sizeof(range));
	EXPECT_EQ(usher_copy_range_set(&range, SLBA, 65536), 0);
	expect_bytes(&range, wire, sizeof(range), __LINE__);
	EXPECT_EQ(usher_copy_range_set(&range, 1, 0), -EINVAL);
	EXPECT_EQ(usher_copy_range_set(&range, 1, 65537), -EINVAL);
	expect_bytes(&range, wire, sizeof(range), __LINE__);
}

static void zone_send_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_zone_send(&sqe, SLBA, USHER_ZONE_RESET, false), 0);
	EXPECT_ENTRY(sqe, "7900" TAG NSID DW2_TO_5 NO_DATA DW10_11_SLBA ZERO_DW
		     "04");
	EXPECT_EQ(usher_prep_zone_send(&sqe, 0, USHER_ZONE_FINISH, true), 0);
	EXPECT_ENTRY(sqe, "7900" TAG NSID DW2_TO_5 NO_DATA ZERO_DW ZERO_DW
		     ZERO_DW "0201");
}

static void zone_receive_command(void)
{
	struct usher_sqe sqe = fresh();

	EXPECT_EQ(usher_prep_zone_receive(&sqe, SLBA, BUF, OFFSET, LENGTH,
					  true), 0);
	/* b1b2b3b4h bytes are 2c6caceCh dwords after the first */
	EXPECT_ENTRY(sqe, "7a00" TAG NSID DW2_TO_5 DATA DW10_11_SLBA
		     "ecac6c2c00000100");
	EXPECT_EQ(usher_prep_zone_receive(&sqe, SLBA, BUF, OFFSET, 4, false),
		  0);
	EXPECT_EQ(sqe.cdw12, 0);
	EXPECT_EQ(sqe.cdw13, 0);
}

#define EXPECT_REFUSED(call)						\
	do {								\
		struct usher_sqe sqe = fresh();				\
									\
		EXPECT_EQ(call, -EINVAL);				\
		EXPECT_ENTRY(sqe, "ff00" TAG NSID);			\
	} while (0)

static void wrong_counts(void)
{
	EXPECT_REFUSED(usher_prep_read(&sqe, 1, 0, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_read(&sqe, 1, 65537, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_write(&sqe, 1, 0, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_write(&sqe, 1, UINT32_MAX, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_compare(&sqe, 1, 0, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_zone_append(&sqe, 1, 0, BUF, 0, 512));
	EXPECT_REFUSED(usher_prep_verify(&sqe, 1, 0));
	EXPECT_REFUSED(usher_prep_verify(&sqe, 1, 65537));
	EXPECT_REFUSED(usher_prep_write_zeroes(&sqe, 1, 0));
	EXPECT_REFUSED(usher_prep_write_uncorrectable(&sqe, 1, 0));
	EXPECT_REFUSED(usher_prep_deallocate(&sqe, 0, BUF, 0));
	EXPECT_REFUSED(usher_prep_deallocate(&sqe, 257, BUF, 0));
	EXPECT_REFUSED(usher_prep_copy(&sqe, 1, 0, BUF, 0));
	EXPECT_REFUSED(usher_prep_copy(&sqe, 1, 257, BUF, 0));
	EXPECT_REFUSED(usher_prep_zone_receive(&sqe, 1, BUF, 0, 0, true));
	EXPECT_REFUSED(usher_prep_zone_receive(&sqe, 1, BUF, 0, 6, true));
}

static void io_flags(void)
{
	struct usher_sqe sqe = fresh();

	usher_prep_write(&sqe, SLBA, 1, BUF, OFFSET, LENGTH);
	usher_sqe_set_io_flags(&sqe, USHER_IO_FUA | 0x1fffff);
	EXPECT_ENTRY(sqe, "0100" TAG NSID DW2_TO_5 DATA DW10_11_SLBA
		     "00000040");
	usher_sqe_set_io_flags(&sqe, USHER_IO_LR | USHER_IO_DEAC);
	EXPECT_ENTRY(sqe, "0100" TAG NSID DW2_TO_5 DATA DW10_11_SLBA
		     "000000c2");
}

static void namespace_is_kept(void)
{
	struct usher_sqe sqe = fresh();

	memset(&sqe.nsid, 0x77, sizeof(sqe.nsid));
	usher_prep_flush(&sqe);
	EXPECT_EQ(sqe.nsid, 0x77777777);
}

static void completion(void)
{
	static const unsigned char wire[16] = {
		0x04, 0x03, 0x02, 0x01, 0x08, 0x07, 0x06, 0x05,
		0, 0, 0x01, 0, 0x34, 0x12,
		/* Access Denied (type 2, code 86h), Do Not Retry, phase 0 */
		0x0c, 0x85
	};
	struct usher_cqe cqe;

	memcpy(&cqe, wire, sizeof(wire));
	EXPECT_EQ(usher_cqe_result(&cqe), 0x0506070801020304);
	EXPECT_EQ(usher_cqe_flags(&cqe), USHER_CQE_REFUSED);
	EXPECT_EQ(usher_cqe_tag(&cqe), 0x1234);
	EXPECT_EQ(usher_cqe_status(&cqe), USHER_SC_ACCESS_DENIED);
	EXPECT(usher_cqe_dnr(&cqe));

	memset(&cqe, 0, sizeof(cqe));
	EXPECT_EQ(usher_cqe_status(&cqe), USHER_SC_SUCCESS);
	EXPECT(!usher_cqe_dnr(&cqe));

	/* Command Retry Delay and More are none of the status code. */
	memset(&cqe.status, 0x70, sizeof(cqe.status));
	EXPECT_EQ(usher_cqe_status(&cqe), 0x7070 >> 1 & 0x7ff);
	EXPECT(!usher_cqe_dnr(&cqe));
}

static void status_texts(void)
{
	EXPECT(!strcmp(usher_strstatus(0), "success"));
	EXPECT(!strcmp(usher_strstatus(USHER_SC_LBA_RANGE),
		       "LBA out of range"));
	EXPECT(!strcmp(usher_strstatus(0x4000 | USHER_SC_ACCESS_DENIED),
		       "access denied"));
	EXPECT(!strcmp(usher_strstatus(0x1ff),
		       "unknown command specific status"));
	EXPECT(!strcmp(usher_strstatus(0x7c0), "vendor specific status"));
}

static const struct tap_test tests[] = {
	TAP_TEST(sizes),
	TAP_TEST(read_command),
	TAP_TEST(write_command),
	TAP_TEST(compare_command),
	TAP_TEST(zone_append_command),
	TAP_TEST(flush_command),
	TAP_TEST(commands_without_data),
	TAP_TEST(deallocate_command),
	TAP_TEST(deallocate_range),
	TAP_TEST(copy_command),
	TAP_TEST(copy_range),
	TAP_TEST(zone_send_command),
	TAP_TEST(zone_receive_command),
	TAP_TEST(wrong_counts),
	TAP_TEST(io_flags),
	TAP_TEST(namespace_is_kept),
	TAP_TEST(completion),
	TAP_TEST(status_texts),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
