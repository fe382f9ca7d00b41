// SPDX-License-Identifier: GPL-2.0-only
/*
 * The headers compile as C++ without a warning, and their names link.
 */
#include <cerrno>
#include <usher.h>
#include <usher_pci.h>

#include "tap.h"

static void from_cxx(void)
{
	struct usher_sqe sqe = {};
	struct usher_grant_info info;

	EXPECT_EQ(usher_prep_zone_send(&sqe, 0, USHER_ZONE_RESET, true), 0);
	EXPECT_EQ(sqe.opcode, USHER_OP_ZONE_SEND);
	EXPECT(usher_grant_info(-1, &info) < 0);
}

static void inline_from_cxx(void)
{
	static struct usher_ring_ctl ctl;
	static struct usher_sqe sqes[2];
	struct usher_ring ring = {};
	struct usher_sqe *sqe;

	ring.ctl = &ctl;
	ring.sqes = reinterpret_cast<char *>(sqes);
	ring.sq_entries = 2;
	ring.sqe_shift = 6;
	sqe = usher_ring_get_sqe(&ring);
	EXPECT(sqe == &sqes[0]);
	EXPECT_EQ(usher_prep_read(sqe, 1, 1, 0, 0, 512), 0);
	EXPECT_EQ(sqe->opcode, USHER_OP_READ);
	EXPECT_EQ(usher_ring_cq_ready(&ring), 0);
	EXPECT_EQ(usher_sqe_set_data(&ring, sqe, &ring), -EOPNOTSUPP);
}

static void pci_from_cxx(void)
{
	uint32_t word = 0x12345678;
	struct usher_pci_region region = {};
	struct usher_pci *pci;

	region.base = reinterpret_cast<uint8_t *>(&word);
	EXPECT_EQ(usher_pci_read32(&region, 0), 0x12345678);
	EXPECT_EQ(usher_pci_open("", &pci), -EINVAL);
}

static const struct tap_test tests[] = {
	TAP_TEST(from_cxx),
	TAP_TEST(inline_from_cxx),
	TAP_TEST(pci_from_cxx),
};

int main()
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
