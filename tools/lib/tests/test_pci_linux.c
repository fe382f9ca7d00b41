// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the back ends on Linux share, on a function that is a file: its regions
 * are pages of it, its vectors eventfds that the test signals.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "pci/linux.h"
#include "tap.h"

#define PAGE	4096U
#define SECOND	1000000000ULL

/* Asked by nobody here */
const struct usher_pci_ops usher_pci_raw, usher_pci_vfio;

static struct usher_pci_linux function;
static struct usher_pci_region *region = &function.pci.regions[2];

/* Pages of the file are full of 1, 2, 3, 4; the region is the last three. */
static void start(void)
{
	uint8_t page[PAGE];
	int i;

	memset(&function, 0, sizeof(function));
	snprintf(function.pci.info.address, sizeof(function.pci.info.address),
		 "0000:01:00.0");
	function.fd = memfd_create("function", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	function.end = eventfd(0, EFD_CLOEXEC);
	for (i = 1; i <= 4; i++) {
		memset(page, i, PAGE);
		EXPECT_EQ(write(function.fd, page, PAGE), PAGE);
	}
	region->index = 2;
	region->bytes = 3 * PAGE;
	function.places[2].offset = PAGE;
}

static void stop(void)
{
	usher_pci_linux_close(&function.pci);
	close(function.end);
}

static bool says(const char *words)
{
	return strstr(usher_pci_reason(), words);
}

static void signal_event(int fd, uint64_t count)
{
	EXPECT_EQ(write(fd, &count, sizeof(count)), sizeof(count));
}

static int open_files(void)
{
	int fd, nr = 0;

	for (fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

/* Once a region was mapped, what stands in for lost ones is there: goes first. */
static void no_file_for_a_region(void)
{
	struct rlimit limit, none;

	start();
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	EXPECT_EQ(usher_pci_linux_map_region(&function.pci, region), -EMFILE);
	EXPECT(says("region 2") && says("ulimit -n"));
	EXPECT(!region->base);
	setrlimit(RLIMIT_NOFILE, &limit);
	EXPECT_EQ(usher_pci_linux_map_region(&function.pci, region), 0);
	stop();
}

static void refusals_have_remedies(void)
{
	EXPECT_EQ(usher_pci_linux_not_opened("0000:01:00.0", "/dev/node", EBUSY), -EBUSY);
	EXPECT(says("0000:01:00.0: another process has it") && says("\"fuser -v /dev/node\""));
	EXPECT_EQ(usher_pci_linux_not_opened("0000:01:00.0", "/dev/node", EACCES), -EACCES);
	EXPECT(says("/dev/node: this user may not read and write it") && says("chown"));
	EXPECT_EQ(usher_pci_linux_not_opened("0000:01:00.0", "/dev/node", EIO), -EIO);
	EXPECT(says("0000:01:00.0: /dev/node: Input/output error"));
}

static void vectors_are_waited_for(void)
{
	struct usher_pci *pci = &function.pci;
	uint64_t before;
	int files;

	start();
	files = open_files();
	EXPECT_EQ(usher_pci_linux_open_events(pci, 2), 0);
	EXPECT(fcntl(function.events[1], F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(usher_pci_linux_wait(pci, 0, 0), -ETIMEDOUT);
	before = usher_pci_clock();
	EXPECT_EQ(usher_pci_linux_wait(pci, 1, SECOND / 50), -ETIMEDOUT);
	EXPECT(usher_pci_clock() - before >= SECOND / 50);
	EXPECT(says("vector 1 did not come in time: /proc/interrupts"));

	signal_event(function.events[1], 3);
	EXPECT_EQ(usher_pci_linux_wait(pci, 0, 0), -ETIMEDOUT);
	EXPECT_EQ(usher_pci_linux_wait(pci, 1, USHER_PCI_FOREVER), 3);
	EXPECT_EQ(usher_pci_linux_wait(pci, 1, 0), -ETIMEDOUT);
	signal_event(function.events[0], UINT32_MAX);
	EXPECT_EQ(usher_pci_linux_wait(pci, 0, 0), INT_MAX);

	EXPECT(!usher_pci_linux_gone(pci));
	signal_event(function.events[0], 1);
	signal_event(function.end, 1);
	EXPECT(usher_pci_linux_gone(pci));
	EXPECT_EQ(usher_pci_linux_wait(pci, 0, 0), -ENODEV);
	EXPECT_EQ(usher_pci_linux_wait(pci, 1, USHER_PCI_FOREVER), -ENODEV);
	usher_pci_linux_close_events(pci);
	EXPECT_EQ(open_files(), files);
	stop();
}

static void on_alarm(int number)
{
	(void)number;
}

static void signals_end_a_wait(void)
{
	struct sigaction action = {
		.sa_handler = on_alarm,
	};
	struct itimerval soon = {
		.it_interval.tv_usec = 20000,
		.it_value.tv_usec = 20000,
	}, never = { 0 };

	start();
	EXPECT_EQ(usher_pci_linux_open_events(&function.pci, 1), 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	EXPECT_EQ(usher_pci_linux_wait(&function.pci, 0, USHER_PCI_FOREVER),
		  -EINTR);
	/* more seconds than 32 bits hold */
	EXPECT_EQ(usher_pci_linux_wait(&function.pci, 0, SECOND << 32), -EINTR);
	EXPECT_EQ(usher_pci_linux_wait(&function.pci, 0, USHER_PCI_FOREVER - 1),
		  -EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	usher_pci_linux_close_events(&function.pci);
	stop();
}

static void too_many_vectors_leave_nothing(void)
{
	struct rlimit limit, low;
	int files;

	start();
	files = open_files();
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &low);
	EXPECT_EQ(usher_pci_linux_open_events(&function.pci, 100), -EMFILE);
	EXPECT(says("100 vectors") && says("ulimit -n"));
	setrlimit(RLIMIT_NOFILE, &limit);
	EXPECT(!function.events && !function.nr_events);
	EXPECT_EQ(open_files(), files);
	stop();
}

static void regions_have_holes(void)
{
	static uint8_t pages[2 * PAGE];

	start();
	function.places[2].hole_offset[1] = PAGE;
	function.places[2].hole_bytes[1] = PAGE;
	EXPECT_EQ(usher_pci_linux_map_region(&function.pci, region), 0);
	EXPECT_EQ(usher_pci_read8(region, 0), 2);
	EXPECT_EQ(usher_pci_read16(region, PAGE), UINT16_MAX);
	EXPECT_EQ(usher_pci_read8(region, 3 * PAGE - 1), 4);
	usher_pci_write8(region, PAGE, 7);
	usher_pci_write8(region, 0, 8);
	EXPECT_EQ(pread(function.fd, pages, sizeof(pages), PAGE), sizeof(pages));
	EXPECT(pages[0] == 8 && pages[PAGE] == 3);
	stop();
}

static void a_hole_that_cannot_be(void)
{
	start();
	function.places[2].hole_offset[0] = 1;
	function.places[2].hole_bytes[0] = PAGE;
	EXPECT_EQ(usher_pci_linux_map_region(&function.pci, region), -ENOMEM);
	EXPECT(!region->base);
	stop();
}

/* The file is cut off, as regions are when the device is reset by others. */
static void lose(void)
{
	EXPECT_EQ(usher_pci_linux_map_region(&function.pci, region), 0);
	EXPECT_EQ(ftruncate(function.fd, 0), 0);
	EXPECT_EQ(usher_pci_read8(region, 0), UINT8_MAX);
	EXPECT_EQ(usher_pci_read8(region, 2 * PAGE), UINT8_MAX);
	EXPECT(usher_pci_linux_gone(&function.pci));
	EXPECT_EQ(ftruncate(function.fd, 4 * PAGE), 0);
}

static void lost_regions_come_back(void)
{
	struct usher_pci *pci = &function.pci;

	start();
	function.places[2].hole_offset[0] = PAGE;
	function.places[2].hole_bytes[0] = PAGE;
	lose();
	EXPECT_EQ(usher_pci_linux_after_reset(pci, -EAGAIN), -EAGAIN);
	EXPECT_EQ(usher_pci_linux_after_reset(pci, -ENOTTY), -EIO);
	EXPECT_EQ(usher_pci_linux_after_reset(pci, -ENODEV), -ENODEV);
	EXPECT_EQ(usher_pci_read8(region, 0), UINT8_MAX);
	EXPECT(usher_pci_linux_gone(pci));

	EXPECT_EQ(usher_pci_linux_after_reset(pci, 0), 0);
	EXPECT(!usher_pci_linux_gone(pci));
	EXPECT_EQ(usher_pci_read8(region, 0), 0);
	EXPECT_EQ(usher_pci_read8(region, PAGE), UINT8_MAX);
	EXPECT_EQ(usher_pci_read8(region, 2 * PAGE), 0);
	stop();
}

/* All of it: nothing else of the process gets in between. */
static bool is_mapped(void)
{
	return !madvise(region->base, region->bytes, MADV_NORMAL);
}

/* Then a driver that goes on all the same still reads something. */
static void regions_that_do_not_come_back(void)
{
	struct usher_pci *pci = &function.pci;

	start();
	lose();
	/* what is mapped stays, and nothing else can be */
	EXPECT_EQ(fcntl(function.fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	EXPECT_EQ(usher_pci_linux_after_reset(pci, 0), -EIO);
	EXPECT(says("region 2 did not come back"));
	EXPECT(usher_pci_linux_gone(pci));
	EXPECT(is_mapped() && usher_pci_read8(region, 0) == UINT8_MAX);
	stop();
}

static void a_hole_that_does_not_come_back(void)
{
	struct usher_pci *pci = &function.pci;

	start();
	lose();
	function.places[2].hole_offset[0] = 1;
	function.places[2].hole_bytes[0] = PAGE;
	EXPECT_EQ(usher_pci_linux_after_reset(pci, 0), -EIO);
	EXPECT(usher_pci_linux_gone(pci));
	EXPECT(is_mapped());
	function.places[2].hole_bytes[0] = 0;
	EXPECT_EQ(usher_pci_linux_after_reset(pci, 0), 0);
	EXPECT(!usher_pci_linux_gone(pci));
	stop();
}

int main(void)
{
	static const struct tap_test tests[] = {
		TAP_TEST(no_file_for_a_region),
		TAP_TEST(refusals_have_remedies),
		TAP_TEST(vectors_are_waited_for),
		TAP_TEST(signals_end_a_wait),
		TAP_TEST(too_many_vectors_leave_nothing),
		TAP_TEST(regions_have_holes),
		TAP_TEST(a_hole_that_cannot_be),
		TAP_TEST(lost_regions_come_back),
		TAP_TEST(regions_that_do_not_come_back),
		TAP_TEST(a_hole_that_does_not_come_back),
	};

	usher_pci_catch_faults();
	return run_tests(tests, ARRAY_SIZE(tests));
}
