// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy of a call fails once: each failure is a clean
 * error, nothing stays behind, and the same call works afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "helper.h"

#define BUF_BYTES	(600 * PAGE)	/* more than one PRP table */
#define MOST		200		/* fault points of one call */

static const struct {
	const char *file;
	const char *value;
} settings[] = {
	/* Allocations that may sleep fail, too, and all of them. */
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
};

/*
 * DMA debugging switches itself off for good when it gets no memory, and the kernel log
 * then says so. So its functions are spared; they lie side by side in memory.
 */
static int spare_dma_debug(void)
{
	unsigned long address, first = ~0UL, last = 0;
	char line[512], name[256], path[256], text[32];
	static const char * const attributes[] = { "failslab", "fail_page_alloc" };
	FILE *file = fopen("/proc/kallsyms", "r");
	int i;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx %*c %255s", &address, name) != 2 ||
		    strncmp(name, "debug_dma_", 10) || strstr(name, ".cold"))
			continue;
		first = address < first ? address : first;
		last = address > last ? address : last;
	}
	fclose(file);
	for (i = 0; i < 2 && last; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/reject-start", attributes[i]);
		snprintf(text, sizeof(text), "%lu", first);
		if (write_text(path, text))
			return -EIO;
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/reject-end", attributes[i]);
		snprintf(text, sizeof(text), "%lu", last + PAGE);
		if (write_text(path, text))
			return -EIO;
	}
	return 0;
}

/* FIXTURE_DATA(failing), in a form that checkpatch reads */
#define failing_data	_test_data_failing

FIXTURE(failing) {
	int nth;		/* /proc/self/fail-nth */
	int grant;
	char *memory;
	long pinned;
};

FIXTURE_SETUP(failing)
{
	char path[256];
	int i;

	self->nth = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0)
		SKIP(return, "the kernel has no FAULT_INJECTION");
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i].file);
		ASSERT_EQ(0, write_text(path, settings[i].value)) TH_LOG("%s", path);
	}
	ASSERT_EQ(0, spare_dma_debug());
	ASSERT_TRUE(wait_until(!pinned_pages()));
	self->grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, self->grant);
	self->memory = mmap(NULL, BUF_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
}

FIXTURE_TEARDOWN(failing)
{
	close(self->grant);
	close(self->nth);
}

/* The n-th allocation or copy from now on fails; none if n is 0. */
static void fail(struct failing_data *self, int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	/* If the failure has not happened yet, it may happen to this close(). */
	while (pwrite(self->nth, text, strlen(text), 0) < 0)
		if (errno != EFAULT && errno != ENOMEM)
			abort();
}

/* Did the failure happen, before the call ended? */
static bool failed(struct failing_data *self)
{
	char text[16] = {};
	bool came;

	came = pread(self->nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	fail(self, 0);
	return came;
}

static bool nothing_is_taken(struct failing_data *self)
{
	struct usher_grant_info info;

	return !grant_info(self->grant, &info) && !info.used.rings &&
	       !info.used.pinned_bytes && !pinned_pages();
}

/*
 * @attempt returns >= 0 or a negative errno; @undo ends what it made. Goes on
 * until the call comes through without having met its point of failure.
 */
static void sweep(struct __test_metadata *_metadata, struct failing_data *self,
		  int (*attempt)(struct failing_data *self),
		  void (*undo)(struct failing_data *self, int result))
{
	int n, result, errors = 0;
	bool met;

	for (n = 1; n < MOST; n++) {
		fail(self, n);
		result = attempt(self);
		met = failed(self);
		if (result < 0) {
			errors++;
			ASSERT_TRUE(met) TH_LOG("point %d: %d by itself", n, result);
			ASSERT_TRUE(result == -ENOMEM || result == -EFAULT ||
				    result == -EAGAIN)
				TH_LOG("point %d: error %d", n, result);
		} else {
			undo(self, result);
		}
		ASSERT_TRUE(wait_until(nothing_is_taken(self))) TH_LOG("point %d", n);
		if (!met)
			break;
	}
	TH_LOG("%d points, %d of them errors", n - 1, errors);
	EXPECT_GT(MOST, n);
	EXPECT_LT(0, errors);
	/* The same once more, without a failure */
	result = attempt(self);
	EXPECT_LE(0, result);
	undo(self, result);
	EXPECT_TRUE(wait_until(nothing_is_taken(self)));
}

static void undo_fd(struct failing_data *self, int fd)
{
	close(fd);
}

static void undo_nothing(struct failing_data *self, int result)
{
}

static char node[64];

static int try_open(struct failing_data *self)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

TEST_F(failing, open)
{
	ASSERT_EQ(0, disk_node(PLAIN, "n1", node, sizeof(node)));
	sweep(_metadata, self, try_open, undo_fd);
}

static int try_info(struct failing_data *self)
{
	struct usher_grant_info info;

	return grant_info(self->grant, &info);
}

TEST_F(failing, grant_info)
{
	sweep(_metadata, self, try_info, undo_nothing);
}

static int try_narrow(struct failing_data *self)
{
	return grant_narrow(self->grant, 0, 8, USHER_RIGHTS_ALL);
}

TEST_F(failing, narrow)
{
	sweep(_metadata, self, try_narrow, undo_fd);
}

static int try_register(struct failing_data *self)
{
	return buf_register(self->grant, self->memory, BUF_BYTES, 0);
}

static void undo_register(struct failing_data *self, int id)
{
	buf_unregister(self->grant, id);
}

TEST_F(failing, buf_register)
{
	sweep(_metadata, self, try_register, undo_register);
}

static int try_ring(struct failing_data *self)
{
	return ring_create(self->grant, 256, 0);
}

TEST_F(failing, ring_create)
{
	sweep(_metadata, self, try_ring, undo_fd);
}

static int try_polled_ring(struct failing_data *self)
{
	return ring_create(self->grant, 256, USHER_RING_POLLED);
}

TEST_F(failing, ring_create_polled)
{
	sweep(_metadata, self, try_polled_ring, undo_fd);
}

static int try_slice(struct failing_data *self)
{
	return slice_add(self->grant, 0, 0, 0600);
}

static void undo_slice(struct failing_data *self, int id)
{
	slice_remove(self->grant, id);
}

TEST_F(failing, slice_add)
{
	sweep(_metadata, self, try_slice, undo_slice);
}

static int try_admin(struct failing_data *self)
{
	struct usher_admin arg = {
		.size = sizeof(arg), .opcode = 0x06, .cdw10 = 1,
		.data = (uintptr_t)self->memory, .data_length = DEVICE_PAGE,
	};

	return call(self->grant, USHER_IOC_ADMIN, &arg);
}

TEST_F(failing, admin)
{
	sweep(_metadata, self, try_admin, undo_nothing);
}

/* Register, submit, complete and unregister; the ring exists already. */
static int try_mmap(struct failing_data *self)
{
	struct ring ring;
	int fd = ring_create(self->grant, 8, 0), ret;

	if (fd < 0)
		return fd;
	ret = ring_map(&ring, fd);
	if (!ret)
		ring_unmap(&ring);
	close(fd);
	return ret;
}

TEST_F(failing, mmap)
{
	sweep(_metadata, self, try_mmap, undo_nothing);
}

/* ENTER allocates nothing, so only the copy of its argument can fail. */
TEST_F(failing, enter)
{
	struct usher_cqe cqe;
	struct worker w;
	int n, ret, done = 0;
	bool met;

	ASSERT_EQ(0, worker_open(&w, grant_narrow(self->grant, 0, 64,
						  USHER_RIGHTS_ALL), 8, 4 * PAGE, 0));
	for (n = 1; n < MOST; n++) {
		if (!ring_ready(&w.ring) && ring_room(&w.ring) == 8)
			worker_push(&w, 1, 0);
		fail(self, n);
		ret = ring_enter(&w.ring, 1, 1);
		met = failed(self);
		ASSERT_TRUE(ret >= 0 || (met && ret == -EFAULT)) TH_LOG("error %d", ret);
		while (ring_pop(&w.ring, &cqe)) {
			EXPECT_EQ(0, cqe.status);
			done++;
		}
		if (!met)
			break;
	}
	EXPECT_GT(MOST, n);
	EXPECT_LT(0, done);
	worker_close(&w);
	EXPECT_TRUE(wait_until(nothing_is_taken(self)));
}

TEST_HARNESS_MAIN
