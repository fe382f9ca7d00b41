// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which functions usher binds to and which it refuses, what sysfs shows of a bound one,
 * and that the module can be unloaded and loaded again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define DEVICES		"/sys/bus/pci/devices"
#define DRIVER		"/sys/bus/pci/drivers/usher"

static int write_attribute(const char *pci, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", pci, name);
	return write_text(path, text);
}

static bool has_driver(const char *pci)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/driver", pci);
	return !access(path, F_OK);
}

static bool works(const char *disk)
{
	struct worker w;
	int status;

	if (worker_open(&w, disk_open(disk, O_RDWR), 8, 4096, 0))
		return false;
	status = worker_move(&w, OP_READ, 0, 1, 0);
	worker_close(&w);
	return !status;
}

/* A function without a driver that is no NVMe controller */
static bool find_stranger(char *pci, size_t size)
{
	char path[PATH_MAX], class[32];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(DEVICES);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), DEVICES "/%s/class", entry->d_name);
		if (read_text(path, class, sizeof(class)) ||
		    !strcmp(class, "0x010802") || has_driver(entry->d_name))
			continue;
		snprintf(pci, size, "%s", entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

TEST(other_functions_are_refused)
{
	char pci[64];

	if (!find_stranger(pci, sizeof(pci)))
		SKIP(return, "every PCI function here has a driver");
	ASSERT_EQ(0, write_attribute(pci, "driver_override", "usher"));
	EXPECT_EQ(-ENODEV, write_text(DRIVER "/bind", pci)) TH_LOG("%s", pci);
	EXPECT_FALSE(has_driver(pci));
	write_text("/sys/bus/pci/drivers_probe", pci);
	EXPECT_FALSE(has_driver(pci));
	ASSERT_EQ(0, write_attribute(pci, "driver_override", "\n"));
}

TEST(bound_once_only)
{
	char pci[64];

	ASSERT_EQ(0, disk_pci(PLAIN, pci, sizeof(pci)));
	EXPECT_GT(0, write_text(DRIVER "/bind", pci));
	EXPECT_TRUE(works(PLAIN));
}

/* The driver takes only functions whose driver_override names it. */
TEST(bound_by_override_alone)
{
	char pci[64];

	ASSERT_EQ(0, disk_pci(LARGE, pci, sizeof(pci)));
	ASSERT_EQ(0, write_text(DRIVER "/unbind", pci));
	EXPECT_FALSE(disk_is_there(LARGE));
	ASSERT_EQ(0, write_attribute(pci, "driver_override", "\n"));
	write_text("/sys/bus/pci/drivers_probe", pci);
	EXPECT_FALSE(has_driver(pci));
	EXPECT_EQ(-ENODEV, write_text(DRIVER "/bind", pci));
	EXPECT_FALSE(has_driver(pci));

	ASSERT_EQ(0, write_attribute(pci, "driver_override", "usher"));
	ASSERT_EQ(0, write_text(DRIVER "/bind", pci));
	EXPECT_TRUE(works(LARGE));
	/* A function that is not bound cannot be unbound. */
	ASSERT_EQ(0, write_text(DRIVER "/unbind", pci));
	EXPECT_GT(0, write_text(DRIVER "/unbind", pci));
	ASSERT_EQ(0, write_text(DRIVER "/bind", pci));
	EXPECT_TRUE(works(LARGE));
}

/* ---- sysfs ---- */

TEST(class_and_links)
{
	static const char * const suffixes[] = { "", "n1" };
	char node[64], path[PATH_MAX], text[4096], number[64];
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, disk_node(PLAIN, suffixes[i], node, sizeof(node)));
		ASSERT_EQ(0, stat(node, &st));
		snprintf(path, sizeof(path), "/sys/class/usher/%s/dev", node + 5);
		ASSERT_EQ(0, read_text(path, text, sizeof(text)));
		snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev),
			 minor(st.st_rdev));
		EXPECT_STREQ(number, text);
		snprintf(path, sizeof(path), "/sys/class/usher/%s/uevent", node + 5);
		ASSERT_EQ(0, read_text(path, text, sizeof(text)));
		snprintf(number, sizeof(number), "DEVNAME=%s", node + 5);
		EXPECT_NE(NULL, strstr(text, number)) TH_LOG("%s", text);
		EXPECT_NE(NULL, strstr(text, "DEVTYPE=")) TH_LOG("%s", text);
		snprintf(path, sizeof(path), "/sys/class/usher/%s/device/vendor",
			 node + 5);
		EXPECT_EQ(0, read_text(path, text, sizeof(text)));
	}
}

TEST(controller_attributes)
{
	const struct {
		const char *name;
		const char *value;
	} attributes[] = {
		{ "serial", environment(PLAIN) }, { "model", "QEMU NVMe Ctrl" },
		{ "state", "live" }, { "queue_pairs", "4" },
		{ "leaked_pages", "0" },
	};
	char node[64], path[PATH_MAX], text[4096];
	int i;

	ASSERT_EQ(0, disk_node(PLAIN, "", node, sizeof(node)));
	for (i = 0; i < ARRAY_SIZE(attributes); i++) {
		snprintf(path, sizeof(path), "/sys/class/usher/%s/%s", node + 5,
			 attributes[i].name);
		ASSERT_EQ(0, read_text(path, text, sizeof(text)));
		EXPECT_STREQ(attributes[i].value, text);
	}
}

/* As the stock driver names them; run-in-guest gives two of the disks an identifier. */
TEST(namespace_names)
{
	static const struct {
		const char *disk;
		const char *wwid;
	} names[] = {
		{ LARGE, "uuid.8f8a3d2e-0d8c-4c3e-9a51-2f6f0f1d7c11" },
		{ SEPARATE, "eui.1122334455667788" },
		/* Vendor, "plain", "QEMU NVMe Ctrl", NSID */
		{ PLAIN, "nvme.1b36-706c61696e-51454d55204e564d65204374726c-00000001" },
	};
	char node[64], path[PATH_MAX], text[4096];
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, disk_node(names[i].disk, "n1", node, sizeof(node)));
		snprintf(path, sizeof(path), "/sys/class/usher/%s/wwid", node + 5);
		ASSERT_EQ(0, read_text(path, text, sizeof(text)));
		EXPECT_STREQ(names[i].wwid, text);
	}
}

/* ---- shadow doorbells: the kernel log tells whether they are on ---- */

static int shadow_doorbells(const char *disk)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), on = -ENOENT;
	char node[64], name[80], record[2048];
	ssize_t length;

	if (fd < 0 || disk_node(disk, "", node, sizeof(node)))
		return -ENODEV;
	snprintf(name, sizeof(name), " %s: QEMU", node + 5);
	/* The last such message is that of the last probe. */
	while ((length = read(fd, record, sizeof(record) - 1)) > 0) {
		record[length] = '\0';
		if (strstr(record, name))
			on = !!strstr(record, "shadow doorbells");
	}
	close(fd);
	return on;
}

TEST(shadow_doorbells_on)
{
	EXPECT_EQ(1, shadow_doorbells(PLAIN));
	EXPECT_TRUE(works(PLAIN));
}

TEST(shadow_doorbells_off)
{
	if (shadow_doorbells(LARGE) == 1)
		SKIP(return, "this QEMU's nvme device always has shadow doorbells");
	EXPECT_EQ(0, shadow_doorbells(LARGE));
	EXPECT_TRUE(works(LARGE));
}

/* ---- the module ---- */

#define DISKS	6

TEST(module_goes_and_comes)
{
	static const char * const disks[DISKS] = {
		PLAIN, LARGE, ZONED, EXTENDED, SEPARATE, SLOW
	};
	const char *module = environment("USHER_MODULE");
	char pci[DISKS][64];
	int fd, i;

	for (i = 0; i < DISKS; i++)
		ASSERT_EQ(0, disk_pci(disks[i], pci[i], sizeof(pci[i])));
	/* A module that is in use cannot be unloaded. */
	fd = disk_open(PLAIN, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "usher", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	close(fd);
	ASSERT_EQ(0, syscall(SYS_delete_module, "usher", O_NONBLOCK));
	EXPECT_EQ(-1, access("/sys/class/usher", F_OK));
	for (i = 0; i < DISKS; i++)
		EXPECT_FALSE(has_driver(pci[i]));

	/* The overrides are still there, so loading binds them all again. */
	fd = open(module, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	for (i = 0; i < DISKS; i++)
		EXPECT_TRUE(works(disks[i]) || !strcmp(disks[i], SEPARATE))
			TH_LOG("%s", disks[i]);
}

TEST_HARNESS_MAIN
