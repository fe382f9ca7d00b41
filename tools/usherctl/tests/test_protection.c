// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which PCI function is meant; what contains it is said as it is, and each reason has
 * its name.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "function.h"
#include "node.h"
#include "protection.h"
#include "status.h"
#include "tap.h"

/* All that is wanted */
static const struct protection good = {
	.driver = "usher-raw",
	.group = "5",
	.domain = "DMA",
	.reset = true,
	.isolated_msi = KNOWN_YES,
	.contained = KNOWN_YES,
};

#define SET(member, text)	snprintf(member, sizeof(member), "%s", text)

static bool says(const struct protection *is, const char *words)
{
	char text[1024];

	if (strstr(protection_sentence(is, text), words))
		return true;
	printf("# not \"%s\": %s\n", words, text);
	return false;
}

static void all_is_well(void)
{
	struct protection is = good;
	char text[512];

	EXPECT(protection_contained(&is) == KNOWN_YES);
	EXPECT(says(&is, "contained by the IOMMU"));
	EXPECT(!*protection_reasons(&is, text));
	EXPECT(!protection_remedy(&is));

	/* as far as sysfs can tell, for another driver */
	is.contained = KNOWN_UNKNOWN;
	SET(is.driver, "e1000e");
	EXPECT(protection_contained(&is) == KNOWN_YES);
	EXPECT(says(&is, "bound to usher-raw it would be contained"));
	is.isolated_msi = KNOWN_UNKNOWN;
	EXPECT(protection_contained(&is) == KNOWN_UNKNOWN);
	EXPECT(says(&is, "if its interrupts are remapped"));
}

/* One thing is missing at a time, and the kernel did not say. */
static void each_reason(void)
{
	struct protection is[7];
	static const char * const words[7] = {
		"behind no IOMMU", "passes addresses through", "is lazy",
		"the firmware reserves memory", "group 5 with 1 other function",
		"not remapped", "nothing resets it",
	};
	char text[512];
	int i;

	for (i = 0; i < 7; i++) {
		is[i] = good;
		is[i].contained = KNOWN_UNKNOWN;
	}
	*is[0].group = '\0';
	*is[0].domain = '\0';
	SET(is[1].domain, "identity");
	SET(is[2].domain, "DMA-FQ");
	is[3].direct = true;
	is[4].neighbours = 1;
	is[5].isolated_msi = KNOWN_NO;
	is[6].reset = false;

	for (i = 0; i < 7; i++) {
		EXPECT(protection_contained(&is[i]) == KNOWN_NO);
		EXPECT(says(&is[i], "not contained, as "));
		EXPECT(says(&is[i], words[i]));
		EXPECT(says(&is[i], "CAP_SYS_RAWIO"));
		/* no other reason */
		EXPECT(!strchr(protection_reasons(&is[i], text), ';'));
	}
	for (i = 0; i < 3; i++)
		EXPECT(protection_remedy(&is[i]));
}

/* The module knows better than what can be read elsewhere. */
static void the_module_decides(void)
{
	struct protection is = good;

	is.contained = KNOWN_NO;
	EXPECT(protection_contained(&is) == KNOWN_NO);
	is.contained = KNOWN_YES;
	is.isolated_msi = KNOWN_UNKNOWN;
	EXPECT(protection_contained(&is) == KNOWN_YES);
}

static void several_reasons(void)
{
	struct protection is = good;

	is.contained = KNOWN_NO;
	is.neighbours = 3;
	is.reset = false;
	SET(is.domain, "identity");
	EXPECT(says(&is, "passes addresses through"));
	EXPECT(says(&is, "; it shares IOMMU group 5 with 3 other functions; nothing"));
}

static void other_drivers(void)
{
	struct protection is = good;

	is.contained = KNOWN_UNKNOWN;
	SET(is.driver, "vfio-pci");
	is.reset = false;
	EXPECT(says(&is, "in the hands of vfio-pci"));
	EXPECT(says(&is, "/dev/vfio/5"));
	SET(is.domain, "identity");
	EXPECT(!protection_remedy(&is));
	SET(is.domain, "DMA");
	SET(is.driver, "usher");
	EXPECT(says(&is, "by the guard, and the device's own DMA"));
	SET(is.domain, "identity");
	EXPECT(says(&is, "nothing contains the device itself"));
}

/* Linux takes a virtio device for contained, and VFIO does, which it need not be. */
static void hypervisor_decides(void)
{
	struct protection is = good;

	is.virtio = true;
	is.contained = KNOWN_NO;
	EXPECT(says(&is, "not contained, as it is a virtio device"));
	EXPECT(!protection_remedy(&is));
	is.contained = KNOWN_UNKNOWN;
	SET(is.driver, "virtio-pci");
	EXPECT(protection_contained(&is) == KNOWN_NO);
	EXPECT(says(&is, "it would be not contained, as it is a virtio device"));
	SET(is.driver, "vfio-pci");
	EXPECT(says(&is, "by the IOMMU, if this virtio device is behind it: in the"));
	EXPECT(protection_remedy(&is) &&
	       strstr(protection_remedy(&is), "iommu_platform=on"));
	*is.group = '\0';
	SET(is.driver, "usher-raw");
	EXPECT(says(&is, "behind no IOMMU"));
	EXPECT(strstr(protection_remedy(&is), "intel_iommu=on"));
}

static void addresses(void)
{
	char bdf[PCI_ADDRESS];

	EXPECT(parse_address("1:0.0", bdf) && !strcmp(bdf, "0000:01:00.0"));
	EXPECT(parse_address("10000:e1:1f.7", bdf) &&
	       !strcmp(bdf, "10000:e1:1f.7"));
	EXPECT(!parse_address("/dev/usher-raw/0000:01:00.0", bdf));
	EXPECT(!parse_address("01:00", bdf));
	EXPECT(!parse_address("01:00.0 ", bdf));
	EXPECT(!parse_address("0x1:00.0", bdf));
	EXPECT(!parse_address("-1:00.0", bdf));
	EXPECT(!parse_address("eth0", bdf));
}

/* A link by any name means what it leads to, and not what has that name. */
static void links(void)
{
	static const char * const names[] = {
		"0000:00:00.0", "00:00.0", "usher0", "usher0n1s1", "lo", "loop0",
		"nvme0n1", "db",
	};
	char folder[] = "/tmp/usherctl-test-XXXXXX", path[64], found[PATH_MAX];
	struct node node;
	unsigned int i;

	EXPECT(mkdtemp(folder));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		EXPECT(!symlink("/dev/null", path));
		EXPECT(!find_device(path, found) && strstr(found, "/mem/null"));
		EXPECT(!device_is_in(found, "usher"));
		EXPECT_EQ(find_node(path, &node), -ENOTTY);
		EXPECT(!names_function(path));
		EXPECT_EQ(find_function(path, found), STATUS_FAILED);

		/* to nothing, to a file, to a folder */
		EXPECT(!unlink(path) && !symlink("/dev/usher9999n1", path));
		EXPECT_EQ(find_device(path, found), -ENOENT);
		EXPECT_EQ(find_node(path, &node), -ENOENT);
		EXPECT(!unlink(path) && !symlink("/etc/passwd", path));
		EXPECT_EQ(find_device(path, found), -ENOTTY);
		EXPECT(!unlink(path) && !symlink(folder, path));
		EXPECT_EQ(find_device(path, found), -ENOTTY);
		unlink(path);
	}
	rmdir(folder);

	EXPECT(!find_node("usher12n3s4", &node));
	EXPECT_EQ(node.device, 12);
	EXPECT_EQ(node.ns, 3);
	EXPECT_EQ(node.slice, 4);
	EXPECT(!find_device("lo", found) && device_is_in(found, "net"));
	EXPECT(!find_device("/sys/class/net/lo", found) && device_is_in(found, "net"));
	EXPECT_EQ(find_node("lo", &node), -ENOTTY);
}

static const struct tap_test tests[] = {
	TAP_TEST(all_is_well),
	TAP_TEST(each_reason),
	TAP_TEST(the_module_decides),
	TAP_TEST(several_reasons),
	TAP_TEST(other_drivers),
	TAP_TEST(hypervisor_decides),
	TAP_TEST(addresses),
	TAP_TEST(links),
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
