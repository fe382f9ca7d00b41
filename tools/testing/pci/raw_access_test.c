// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may open a function: anybody who may open its node, if an IOMMU contains the
 * device and it is reset between owners, and root otherwise, which taints the kernel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/mount.h>

#include "harness.h"
#include "raw.h"

#define TAINT_USER	6

/* Opens a node as a user who owns it and has no privilege: 0, or a negative errno value */
static int open_as_nobody(struct __test_metadata *_metadata, const char *address)
{
	char path[64];
	int status = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "/dev/usher-raw/%s", address);
	EXPECT_EQ(0, chown(path, NOBODY, NOBODY));
	pid = fork();
	if (!pid) {
		if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(255);
		_exit(open(path, O_RDWR) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, chown(path, 0, 0));
	EXPECT_TRUE(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static bool is_tainted(void)
{
	return number_in("/proc/sys/kernel/tainted") >> TAINT_USER & 1;
}

/* This test is the first one, since opening what nothing contains taints the kernel. */
TEST(who_may)
{
	bool contained = attribute(EDU, "contained") == 1;
	int fd;

	EXPECT_FALSE(is_tainted());
	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, BARE));
	EXPECT_EQ(contained ? 0 : -EPERM, open_as_nobody(_metadata, EDU));
	EXPECT_FALSE(is_tainted());
	fd = open_node(EDU);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(contained, (info_of(fd).flags & USHER_RAW_CONTAINED) == USHER_RAW_CONTAINED);
	EXPECT_EQ(!contained, is_tainted());
	close(fd);
	fd = open_node(BARE);
	ASSERT_GE(fd, 0);
	EXPECT_TRUE(is_tainted());
	close(fd);
}

/* An IOMMU that lets everything through contains nothing. */
TEST(who_may_behind_identity)
{
	if (attribute(EDU, "contained") != 1)
		SKIP(return, "nothing contains it anyway");
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(set_domain(EDU, "identity"));
	EXPECT_TRUE(bind_function(EDU));
	EXPECT_EQ(0, attribute(EDU, "contained"));
	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, EDU));
	EXPECT_TRUE(unbind_function(EDU));
	EXPECT_TRUE(set_domain(EDU, "DMA"));
	EXPECT_TRUE(bind_function(EDU));
	EXPECT_EQ(1, attribute(EDU, "contained"));
}

/* In a run of its own, the last one: there is no way back from lockdown. */
TEST(who_may_under_lockdown)
{
	bool contained = attribute(EDU, "contained") == 1;
	int fd;

	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	if (!put("/sys/kernel/security/lockdown", "integrity"))
		SKIP(return, "this kernel has no lockdown");
	EXPECT_EQ(-EPERM, open_node(BARE));
	fd = open_node(EDU);
	EXPECT_EQ(contained ? 0 : -EPERM, fd < 0 ? fd : 0);
	if (fd >= 0)
		close(fd);
}

/* Counts the IOMMU group of a function, and sets @other to another one in it. */
static size_t group_of(const char *address, char *other, size_t bytes)
{
	struct dirent *entry;
	char path[128];
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/devices",
		 address);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (strcmp(entry->d_name, address))
			snprintf(other, bytes, "%s", entry->d_name);
	}
	if (folder)
		closedir(folder);
	return count;
}

static void expect_flags(struct __test_metadata *_metadata, const char *address, uint32_t flags)
{
	int fd = open_node(address);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(flags, info_of(fd).flags & USHER_RAW_CONTAINED);
	close(fd);
}

/* For tests that take an IOMMU */
FIXTURE(iommu)
{
};

FIXTURE_SETUP(iommu)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", VIRTIO);
	if (access(path, F_OK))
		SKIP(return, "there is no IOMMU");
}

FIXTURE_TEARDOWN(iommu)
{
}

/* The driver of a virtio device may let it bypass the IOMMU (VIRTIO_F_ACCESS_PLATFORM). */
TEST_F(iommu, virtio_is_not_contained)
{
	EXPECT_EQ(0, attribute(VIRTIO, "contained"));
	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, VIRTIO));
	expect_flags(_metadata, VIRTIO, USHER_RAW_CONTAINED & ~USHER_RAW_IOMMU);
}

/* This function is not contained for one reason only: another one is in its IOMMU group. */
TEST_F(iommu, only_a_group_of_one_is_contained)
{
	char sibling[NAME_MAX + 1] = "", path[PATH_MAX];

	EXPECT_EQ(2, group_of(TWIN, sibling, sizeof(sibling)));
	EXPECT_EQ(0, attribute(TWIN, "contained"));
	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, TWIN));
	expect_flags(_metadata, TWIN, USHER_RAW_IOMMU | USHER_RAW_RESET);

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", sibling);
	EXPECT_TRUE(put(path, "1"));
	EXPECT_EQ(1, group_of(TWIN, sibling, sizeof(sibling)));
	EXPECT_EQ(1, attribute(TWIN, "contained"));
	EXPECT_EQ(0, open_as_nobody(_metadata, TWIN));
	expect_flags(_metadata, TWIN, USHER_RAW_CONTAINED);

	EXPECT_TRUE(put("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(2, group_of(TWIN, sibling, sizeof(sibling)));
	EXPECT_EQ(0, attribute(TWIN, "contained"));
	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, TWIN));
}

static uint16_t command_of(const char *address)
{
	uint16_t command = UINT16_MAX;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(fd, &command, sizeof(command), COMMAND) != sizeof(command))
		command = UINT16_MAX;
	close(fd);
	return command;
}

/* Who owned it alone does not reach the memory of a function that comes into its group. */
TEST_F(iommu, a_newcomer_in_the_group_ends_the_owner)
{
	char sibling[NAME_MAX + 1] = "", path[PATH_MAX];
	struct pollfd file = { .events = POLLIN };
	uint8_t *registers, *memory;
	struct usher_raw_dma dma;
	uint64_t bus;

	EXPECT_EQ(2, group_of(TWIN, sibling, sizeof(sibling)));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", sibling);
	EXPECT_TRUE(put(path, "1"));
	file.fd = open_node(TWIN);
	ASSERT_GE(file.fd, 0);
	EXPECT_EQ(0, dma_alloc(file.fd, 1, &dma, &bus));
	memory = map(file.fd, dma.offset, PAGE, MAP_SHARED);
	registers = map(file.fd, 0, PAGE, MAP_SHARED);
	EXPECT_FALSE(faults(registers));
	EXPECT_EQ(0, poll(&file, 1, 0));
	EXPECT_TRUE(command_of(TWIN) & COMMAND_MASTER);

	EXPECT_TRUE(put("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(0, command_of(TWIN) & COMMAND_MASTER);
	EXPECT_EQ(1, poll(&file, 1, 0));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, file.revents);
	EXPECT_STREQ("none", not_gone(file.fd, USHER_RAW_IRQ_MSIX) ?: "none");
	EXPECT_TRUE(awaited(faults(registers)));
	EXPECT_FALSE(faults(memory));
	EXPECT_EQ(0, command_of(TWIN) & COMMAND_MASTER);
	munmap(memory, PAGE);
	munmap(registers, PAGE);
	close(file.fd);

	EXPECT_EQ(-EPERM, open_as_nobody(_metadata, TWIN));
	/* For root it is a function like others. */
	file.fd = open_node(TWIN);
	ASSERT_GE(file.fd, 0);
	registers = map(file.fd, 0, PAGE, MAP_SHARED);
	EXPECT_FALSE(faults(registers));
	EXPECT_EQ(0, poll(&file, 1, 0));
	EXPECT_EQ(0, dma_alloc(file.fd, 1, &dma, &bus));
	EXPECT_TRUE(is_master(file.fd));
	munmap(registers, PAGE);
	close(file.fd);
}

/* An owner with privilege had to know what it does, and stays. */
TEST_F(iommu, a_newcomer_in_the_group_of_what_nothing_contains)
{
	char sibling[NAME_MAX + 1] = "", path[PATH_MAX];
	int fd = open_node(TWIN);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(2, group_of(TWIN, sibling, sizeof(sibling)));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", sibling);
	EXPECT_TRUE(put(path, "1"));
	EXPECT_TRUE(put("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(2, group_of(TWIN, sibling, sizeof(sibling)));
	EXPECT_EQ(0, reset(fd));
	close(fd);
}

/*
 * Firmware may want memory for the ISA bridge until it has a driver; the kernel
 * leaves it mapped all the same (CONFIG_INTEL_IOMMU_FLOPPY_WA).
 */
TEST_F(iommu, memory_of_firmware_is_in_reach)
{
	static const char isa[] = "0000:00:1f.0";
	char path[128], line[128] = "";
	bool relaxable = false;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions",
		 isa);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		relaxable = relaxable || strstr(line, "direct-relaxable");
	if (file)
		fclose(file);
	if (!relaxable)
		SKIP(return, "firmware wants no memory here");
	fd = open_node(isa);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, info_of(fd).flags & USHER_RAW_IOMMU);
	close(fd);
}

TEST_HARNESS_MAIN
