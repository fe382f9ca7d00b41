// SPDX-License-Identifier: GPL-2.0-only
/*
 * usher on a controller that misbehaves: commands that hang, completions that
 * nobody asked for, a controller that cannot be reset or stopped, surprise
 * removal. The controller is usher-softctrl.ko (drivers/usher/tests), whose
 * debugfs files make the faults; see softctrl-debugfs.c.
 *
 * Needs root, usher loaded, memory for the BAR on the kernel's command line
 * (memmap=16M$0x30000000), and USHER_SOFTCTRL=/path/to/usher-softctrl.ko; without
 * it, the module is looked for near USHER_MODULE.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "helper.h"

#define DEBUGFS		"/sys/kernel/debug/usher-softctrl/"
#define IO_TIMEOUT	"/sys/module/usher/parameters/io_timeout"
#define DRIVER		"/sys/bus/pci/drivers/usher/"
#define DEVICES		"/sys/bus/pci/devices/"
#define UNBOUND_CPUS	"/sys/devices/virtual/workqueue/cpumask"
#define RT_RUNTIME	"/proc/sys/kernel/sched_rt_runtime_us"

#define ENTRIES		64
#define BLOCK		512
#define BUF_BYTES	(ENTRIES * 4096)

/* Status codes that only a device makes */
#define SC_ABORT_REQ	0x007
#define SC_READ_ERROR	0x281

/* Long enough for a wrong second completion to show itself */
#define QUIET_MS	300

/* ---- the software controller ---- */

/* All of a file, however many reads it takes */
static int read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	buf[len] = '\0';
	return n < 0 ? -errno : 0;
}

static int __printf(2, 3) fault(const char *name, const char *fmt, ...)
{
	char path[256], text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	return write_text(path, text);
}

static long stat_of(const char *name)
{
	char text[2048], *line, *save;
	size_t len = strlen(name);

	if (read_file(DEBUGFS "stats", text, sizeof(text)))
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, name, len) && line[len] == ' ')
			return atol(line + len);
	return -1;
}

static bool wait_stat(const char *name, long least)
{
	return wait_until(stat_of(name) >= least);
}

/* A value of the last command that the controller fetched from an I/O queue */
static unsigned long last_command(const char *key)
{
	static char text[64 * 1024];
	unsigned long val = ~0UL;
	char *line, *save, *at;
	char word[32];

	if (read_file(DEBUGFS "commands", text, sizeof(text)))
		return val;
	snprintf(word, sizeof(word), " %s=", key);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		at = strstr(line, word);
		if (at && !strstr(line, " qid=0 "))
			val = strtoul(at + strlen(word), NULL, 0);
	}
	return val;
}

/* Has the driver taken all that was posted to the completion queue? */
static bool cq_is_empty(unsigned int qid)
{
	char text[8192], name[32], *at;
	unsigned int head, tail;

	snprintf(name, sizeof(name), "cq %u vector", qid);
	if (read_file(DEBUGFS "queues", text, sizeof(text)))
		return false;
	at = strstr(text, name);
	at = at ? strstr(at, "head=") : NULL;
	return at && sscanf(at, "head=%u tail=%u", &head, &tail) == 2 && head == tail;
}

static bool find_module(char *path, size_t size)
{
	static const char * const places[] = { ".", "tests", "drivers/usher/tests" };
	const char *given = getenv("USHER_SOFTCTRL"), *usher = getenv("USHER_MODULE");
	char copy[4096];
	size_t i;

	if (given) {
		snprintf(path, size, "%s", given);
		return !access(path, R_OK);
	}
	if (!usher)
		return false;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(copy, sizeof(copy), "%s", usher);
		snprintf(path, size, "%s/%s/usher-softctrl.ko", dirname(copy), places[i]);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

/* The memory that the command line has set aside, or 0 */
static unsigned long reserved_memory(void)
{
	char text[4096], *at;

	if (read_file("/proc/cmdline", text, sizeof(text)))
		return 0;
	at = strstr(text, "memmap=");
	at = at ? strchr(at, '$') : NULL;
	return at ? strtoul(at + 1, NULL, 0) : 0;
}

static int load_softctrl(const char *params)
{
	char path[4096], args[256];
	int fd, ret = 0;

	if (!find_module(path, sizeof(path)))
		return -ENOENT;
	snprintf(args, sizeof(args), "bar_base=%#lx %s", reserved_memory(), params);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, args, 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* ---- rings ---- */

static int enter(const struct ring *ring, __u32 submit, __u32 complete, unsigned int ms)
{
	return ring_enter_until(ring, submit, complete, now_ns() + ms * 1000000ULL);
}

/* Wait for one completion. 0, or a negative errno. */
static int reap(struct ring *ring, struct usher_cqe *cqe, int ms)
{
	int ret;

	if (ring_pop(ring, cqe))
		return 0;
	ret = enter(ring, 0, 1, ms);
	if (ring_pop(ring, cqe))
		return 0;
	return ret < 0 ? ret : -EAGAIN;
}

/* ---- the fixture ---- */

FIXTURE(softctrl) {
	bool loaded;
	char address[32];
	char node[64];
	char old_timeout[16];
	int kmsg;
	long pins;
	int grant;
	struct ring ring;
	unsigned char *mem;
	__u32 buf;
	__u32 nsid;
};

static bool wait_pins(long want)
{
	return wait_until(pinned_pages() == want);
}

static void unload_softctrl(struct __test_metadata *_metadata)
{
	fault("clear", "1");
	EXPECT_EQ(0, syscall(SYS_delete_module, "usher_softctrl", O_NONBLOCK));
}

/* How many messages of the kernel since setup, or the last call, hold the text */
static int logged(struct _test_data_softctrl *self, const char *needle)
{
	char record[8192];
	int count = 0;
	ssize_t n;

	while ((n = read(self->kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (n <= 0)
			continue;
		record[n] = '\0';
		count += !!strstr(record, needle);
	}
	return count;
}

/* The namespace node of the controller, in /dev, or -ENOENT */
static int find_node(struct _test_data_softctrl *self)
{
	char path[128];
	struct dirent *entry;
	DIR *dir;

	self->node[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "%s/usher", self->address);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while ((entry = readdir(dir))) {
		char *n = strchr(entry->d_name, 'n');

		if (n && !strchr(n, 's'))
			snprintf(self->node, sizeof(self->node), "/dev/%.32s", entry->d_name);
	}
	closedir(dir);
	return self->node[0] ? 0 : -ENOENT;
}

/* Plug the controller in; usher binds it when it can. */
static int plug(struct _test_data_softctrl *self, const char *params)
{
	int ret = load_softctrl(params);

	if (ret)
		return ret;
	self->loaded = true;
	ret = read_file(DEBUGFS "address", self->address, sizeof(self->address));
	if (ret)
		return ret;
	self->address[strcspn(self->address, "\n")] = '\0';
	return 0;
}

/* Grant and buffer on the namespace node */
static int open_grant(struct _test_data_softctrl *self)
{
	struct usher_grant_info info;
	int ret = find_node(self);

	if (ret)
		return ret;
	self->grant = open(self->node, O_RDWR | O_CLOEXEC);
	if (self->grant < 0)
		return -errno;
	ret = grant_info(self->grant, &info);
	if (ret)
		return ret;
	self->nsid = info.nsid;
	ret = buf_register(self->grant, self->mem, BUF_BYTES, 0);
	if (ret < 0)
		return ret;
	self->buf = ret;
	return 0;
}

/* And a ring */
static int open_node(struct _test_data_softctrl *self)
{
	return open_grant(self) ?: ring_open(&self->ring, self->grant, ENTRIES, 0);
}

static int start(struct _test_data_softctrl *self, const char *params)
{
	return plug(self, params) ?: open_node(self);
}

static void close_all(struct _test_data_softctrl *self)
{
	if (self->ring.ctl)
		ring_close(&self->ring);
	if (self->grant >= 0)
		close(self->grant);
	self->ring.ctl = NULL;
	self->grant = -1;
}

FIXTURE_SETUP(softctrl)
{
	self->grant = -1;
	self->kmsg = -1;
	self->mem = MAP_FAILED;
	if (mount("none", "/sys/kernel/debug", "debugfs", 0, NULL))
		ASSERT_EQ(EBUSY, errno);
	if (!access("/sys/module/usher_softctrl", F_OK))
		unload_softctrl(_metadata);	/* left by a test that crashed */
	ASSERT_EQ(0, read_file(IO_TIMEOUT, self->old_timeout, sizeof(self->old_timeout)));

	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->kmsg);
	lseek(self->kmsg, 0, SEEK_END);
	self->pins = pinned_pages();
	self->mem = mmap(NULL, BUF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(softctrl)
{
	close_all(self);
	if (self->loaded)
		unload_softctrl(_metadata);
	if (self->old_timeout[0])
		write_text(IO_TIMEOUT, self->old_timeout);
	if (self->mem != MAP_FAILED)
		munmap(self->mem, BUF_BYTES);
	if (self->kmsg >= 0)
		close(self->kmsg);
}

/* ---- commands ---- */

/* @nlb blocks at @slba, to or from the place in the buffer that goes with @tag */
static void push_io(struct _test_data_softctrl *self, __u8 opcode, __u64 slba, __u32 nlb, __u16 tag)
{
	struct usher_sqe sqe = cmd_data(opcode, self->nsid, slba, nlb, self->buf,
					tag % ENTRIES * 4096, nlb * BLOCK);

	if (opcode == OP_UNCOR)
		sqe = cmd_blocks(opcode, self->nsid, slba, nlb);
	sqe.cid = htole16(tag);
	ring_push(&self->ring, &sqe);
}

static int submit_io(struct _test_data_softctrl *self, __u8 opcode, __u64 slba, __u16 tag)
{
	push_io(self, opcode, slba, 1, tag);
	return enter(&self->ring, 1, 0, SOON_MS);
}

/* A command from beginning to end: its status, or a negative errno */
static int do_io(struct _test_data_softctrl *self, __u8 opcode, __u64 slba, __u16 tag)
{
	struct usher_cqe cqe;
	int ret = submit_io(self, opcode, slba, tag);

	if (ret == 1)
		ret = reap(&self->ring, &cqe, SOON_MS);
	if (ret)
		return ret < 0 ? ret : -EAGAIN;
	return le16toh(cqe.cid) == tag ? ring_status(&cqe) : -EBADMSG;
}

/* A read that the controller keeps, with tag @tag */
static int hold_read(struct _test_data_softctrl *self, __u16 tag)
{
	long held = stat_of("held");
	int ret;

	ret = fault("hold", "on op=2");
	if (!ret)
		ret = submit_io(self, OP_READ, 1, tag);
	if (ret < 0)
		return ret;
	if (!wait_stat("held", held + 1))
		return -ETIME;
	return fault("hold", "off");
}

/* All that was submitted has completed, once, and nothing more comes. */
static bool settled(struct _test_data_softctrl *self)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;

	usleep(QUIET_MS * 1000);
	return !ring_info(self->ring.fd, &info) && info.submitted == info.completed &&
	       !info.inflight && !ring_pop(&self->ring, &cqe);
}

static unsigned int qid_of(struct _test_data_softctrl *self)
{
	struct usher_ring_info info;

	return ring_info(self->ring.fd, &info) ? 0 : info.qid;
}

static short events_of(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? 0 : pfd.revents;
}

/* ---- a controller that behaves ---- */

TEST_F_TIMEOUT(softctrl, data_go_where_the_command_says, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, ""));
	for (i = 0; i < 8; i++)
		memset(self->mem + i * 4096, 0xa0 + i, BLOCK);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, do_io(self, OP_WRITE, 100 + i, i));
	memset(self->mem, 0, BUF_BYTES);
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, do_io(self, OP_READ, 100 + i, i));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(0xa0 + i, self->mem[i * 4096]);
		EXPECT_EQ(0xa0 + i, self->mem[i * 4096 + BLOCK - 1]);
		EXPECT_EQ(0, self->mem[i * 4096 + BLOCK]);
	}
	/* The device saw a page of ours, whole, and the grant's namespace. */
	EXPECT_EQ(0, last_command("prp1") % 4096);
	EXPECT_EQ(0, last_command("prp2"));
	EXPECT_EQ(self->nsid, last_command("nsid"));
	EXPECT_EQ(107, last_command("cdw10"));
}

/*
 * A long command at every place near the ends of the table pages of a large
 * buffer: the device walks the list as the specification says, and takes a
 * chain pointer for one exactly where it must.
 */
TEST_F_TIMEOUT(softctrl, prp_lists_across_table_pages, 240)
{
	const unsigned int pages = 1100, bytes = 64 * 4096, nlb = bytes / BLOCK;
	unsigned int first[] = { 0, 440, 447, 448, 449, 500, 510, 511, 512, 958, 1022, 1036 };
	struct usher_sqe sqe;
	unsigned char *mem, *copy;
	unsigned int i, j;
	int buf;

	ASSERT_EQ(0, start(self, "mdts=0"));
	mem = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	copy = malloc(bytes);
	ASSERT_NE(NULL, copy);
	buf = buf_register(self->grant, mem, pages * 4096, 0);
	ASSERT_LE(0, buf);

	for (i = 0; i < 2 * ARRAY_SIZE(first); i++) {
		/* The second time from mid page on, which takes one page more. */
		unsigned int at = first[i / 2] * 4096 - (i % 2 && i > 1 ? 512 : 0);

		for (j = 0; j < bytes; j++)
			copy[j] = j / 4096 + i * 7 + j % 251;
		memcpy(mem + at, copy, bytes);
		sqe = cmd_data(OP_WRITE, self->nsid, 0, nlb, buf, at, bytes);
		ASSERT_EQ(0, ring_do(&self->ring, &sqe));
		memset(mem, 0, pages * 4096);
		sqe.opcode = OP_READ;
		ASSERT_EQ(0, ring_do(&self->ring, &sqe));
		ASSERT_EQ(0, memcmp(mem + at, copy, bytes)) {
			TH_LOG("at page %u", first[i / 2]);
		}
		/* Nothing beside it was touched. */
		for (j = 1; j <= 4096 && j <= at; j++)
			ASSERT_EQ(0, mem[at - j]);
		for (j = at + bytes; j < at + bytes + 4096 && j < pages * 4096; j++)
			ASSERT_EQ(0, mem[j]);
	}
	free(copy);
	munmap(mem, pages * 4096);
}

TEST_F_TIMEOUT(softctrl, longer_than_mdts_is_refused, 120)
{
	struct usher_grant_info info;
	long fetched;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "mdts=1"));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(8192, info.max_transfer);
	fetched = stat_of("fetched");
	push_io(self, OP_READ, 0, 8192 / BLOCK + 1, 1);
	ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(USHER_CQE_REFUSED, le16toh(cqe.flags));
	EXPECT_NE(0, ring_status(&cqe));
	EXPECT_EQ(fetched, stat_of("fetched"));
	push_io(self, OP_READ, 0, 8192 / BLOCK, 1);
	ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(0, ring_status(&cqe));
}

TEST_F_TIMEOUT(softctrl, msi_instead_of_msix, 120)
{
	ASSERT_EQ(0, start(self, "intr=msi"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(softctrl, one_vector_for_all, 120)
{
	ASSERT_EQ(0, start(self, "vectors=1"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(softctrl, no_interrupts_is_refused, 120)
{
	ASSERT_EQ(0, plug(self, "intr=none"));
	EXPECT_EQ(-ENOENT, find_node(self));
	EXPECT_LE(1, logged(self, "neither MSI-X nor MSI"));
}

TEST_F_TIMEOUT(softctrl, shadow_doorbells, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, "dbbuf=1"));
	for (i = 0; i < 300; i++)	/* more than a queue's depth */
		ASSERT_EQ(0, do_io(self, OP_READ, i, i));
	EXPECT_EQ(0, stat_of("bad_doorbells"));
}

/* The device loses its state; the next command waits until it is ready again. */
static int reset_by_fatal_status(void)
{
	long enables = stat_of("enables");
	int ret = fault("csts_fatal", "1");

	return ret ?: wait_stat("enables", enables + 1) ? 0 : -ETIME;
}

/* With this stride a page of shadow doorbells has room for 63 I/O queues. */
#define SHADOW_PARAMS	"dbbuf=1 dstrd=3 queues=64 vectors=65"

/* After a reset there are more queues than the shadow doorbells have room for. */
TEST_F_TIMEOUT(softctrl, shadow_doorbells_of_more_queues_after_a_reset, 240)
{
	static struct ring rings[63];
	struct usher_ring_info info;
	struct usher_sqe sqe;
	unsigned int i;

	ASSERT_EQ(0, plug(self, SHADOW_PARAMS));
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("grant_queues", "8"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
	EXPECT_EQ(1, stat_of("shadow"));

	ASSERT_EQ(0, fault("grant_queues", "0"));
	ASSERT_EQ(0, reset_by_fatal_status());
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 2));
	EXPECT_EQ(0, stat_of("shadow"));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	for (i = 0; i < ARRAY_SIZE(rings); i++) {
		ASSERT_EQ(0, ring_open(&rings[i], self->grant, 4, 0));
		EXPECT_EQ(0, ring_do(&rings[i], &sqe));
	}
	/* The last one's would lie behind the page. */
	ASSERT_EQ(0, ring_info(rings[62].fd, &info));
	EXPECT_EQ(64, info.qid);
	EXPECT_EQ(0, stat_of("bad_doorbells"));
	for (i = 0; i < ARRAY_SIZE(rings); i++)
		ring_close(&rings[i]);
}

TEST_F_TIMEOUT(softctrl, shadow_doorbells_of_fewer_queues_after_a_reset, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(self, SHADOW_PARAMS));
	EXPECT_EQ(0, stat_of("shadow"));
	ASSERT_EQ(0, fault("grant_queues", "63"));
	ASSERT_EQ(0, reset_by_fatal_status());
	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, do_io(self, OP_READ, i, i));
	EXPECT_EQ(1, stat_of("shadow"));
	EXPECT_EQ(0, stat_of("bad_doorbells"));
}

TEST_F_TIMEOUT(softctrl, doorbell_stride, 120)
{
	ASSERT_EQ(0, start(self, "dstrd=3"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

TEST_F_TIMEOUT(softctrl, large_controller_page_is_refused, 120)
{
	ASSERT_EQ(0, plug(self, "mpsmin=1"));
	EXPECT_EQ(-ENOENT, find_node(self));
}

TEST_F_TIMEOUT(softctrl, device_errors_reach_the_process, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, do_io(self, OP_UNCOR, 7, 1));
	EXPECT_EQ(SC_READ_ERROR, do_io(self, OP_READ, 7, 2));
	EXPECT_EQ(0, do_io(self, OP_READ, 8, 3));
	ASSERT_EQ(0, do_io(self, OP_WRITE, 7, 4));
	EXPECT_EQ(0, do_io(self, OP_READ, 7, 5));
}

/* Who may read may verify, who may write may make blocks unreadable. */
TEST_F_TIMEOUT(softctrl, verify_and_write_uncorrectable, 120)
{
	static const __u32 rights[] = { USHER_RIGHT_READ, USHER_RIGHT_WRITE };
	struct usher_sqe uncor, verify;
	struct ring ring;
	unsigned int i;
	int grant;

	ASSERT_EQ(0, start(self, ""));
	uncor = cmd_blocks(OP_UNCOR, self->nsid, 100, 2);
	verify = cmd_blocks(OP_VERIFY, self->nsid, 96, 8);
	EXPECT_EQ(0, ring_do(&self->ring, &verify));
	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		bool writes = rights[i] & USHER_RIGHT_WRITE;

		grant = grant_narrow(self->grant, 96, 8, rights[i]);
		ASSERT_LE(0, grant);
		ASSERT_EQ(0, ring_open(&ring, grant, 4, 0));
		EXPECT_EQ(writes ? 0 : SC_ACCESS_DENIED, ring_do(&ring, &uncor));
		EXPECT_EQ(writes ? SC_READ_ERROR : 0, ring_do(&self->ring, &verify));
		EXPECT_EQ(writes ? SC_ACCESS_DENIED : 0, ring_do(&ring, &verify));
		/* Not beyond the grant */
		uncor.cdw10 = htole32(103);
		verify.cdw10 = htole32(97);
		EXPECT_EQ(writes ? SC_LBA_RANGE : SC_ACCESS_DENIED, ring_do(&ring, &uncor));
		EXPECT_EQ(writes ? SC_ACCESS_DENIED : SC_LBA_RANGE, ring_do(&ring, &verify));
		uncor.cdw10 = htole32(100);
		verify.cdw10 = htole32(96);
		ring_close(&ring);
		close(grant);
	}

	/* What the device saw is what was asked for, and a write mends it. */
	EXPECT_EQ(0, ring_do(&self->ring, &uncor));
	EXPECT_EQ(OP_UNCOR, last_command("op"));
	EXPECT_EQ(100, last_command("cdw10"));
	EXPECT_EQ(1, last_command("cdw12"));
	EXPECT_EQ(0, last_command("prp1"));
	EXPECT_EQ(SC_READ_ERROR, do_io(self, OP_READ, 101, 1));
	EXPECT_EQ(0, do_io(self, OP_READ, 102, 2));
	EXPECT_EQ(0, do_io(self, OP_WRITE, 100, 3));
	EXPECT_EQ(0, do_io(self, OP_WRITE, 101, 4));
	EXPECT_EQ(0, ring_do(&self->ring, &verify));
	EXPECT_EQ(96, last_command("cdw10"));
	EXPECT_EQ(7, last_command("cdw12"));
}

/* What the device has not, it never sees. */
TEST_F_TIMEOUT(softctrl, neither_verify_nor_write_uncorrectable, 120)
{
	static const __u8 opcodes[] = { OP_UNCOR, OP_VERIFY, OP_COMPARE, OP_ZEROES, OP_DSM };
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	unsigned int i;
	long fetched;

	ASSERT_EQ(0, start(self, "oncs=0"));
	fetched = stat_of("fetched");
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		sqe = cmd_blocks(opcodes[i], self->nsid, 0, 1);
		ring_push(&self->ring, &sqe);
		ASSERT_EQ(1, enter(&self->ring, 1, 1, SOON_MS));
		ASSERT_TRUE(ring_pop(&self->ring, &cqe));
		EXPECT_EQ(USHER_CQE_REFUSED, le16toh(cqe.flags));
		EXPECT_EQ(SC_INVALID_OPCODE, ring_status(&cqe));
	}
	EXPECT_EQ(fetched, stat_of("fetched"));
	EXPECT_EQ(0, do_io(self, OP_READ, 0, 1));
}

/* ---- commands that hang ---- */

TEST_F_TIMEOUT(softctrl, a_late_command_is_aborted, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 5));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(5, le16toh(cqe.cid));
	EXPECT_EQ(SC_ABORT_REQ, ring_status(&cqe));
	EXPECT_EQ(0, le16toh(cqe.flags));
	EXPECT_EQ(1, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
	EXPECT_TRUE(settled(self));
}

/* Where Abort does not help, a reset does: the ring lives on. */
static void late_until_reset(struct __test_metadata *_metadata, struct _test_data_softctrl *self,
			     const char *abort)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "%s", abort));
	ASSERT_EQ(0, hold_read(self, 6));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(6, le16toh(cqe.cid));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 7));
	EXPECT_EQ(2, stat_of("enables"));
	EXPECT_TRUE(settled(self));
	ASSERT_EQ(0, ring_info(self->ring.fd, &info));
	EXPECT_EQ(1, info.driver_completed);
}

TEST_F_TIMEOUT(softctrl, a_refused_abort_leads_to_a_reset, 120)
{
	late_until_reset(_metadata, self, "ignore");
}

TEST_F_TIMEOUT(softctrl, an_unanswered_abort_leads_to_a_reset, 120)
{
	late_until_reset(_metadata, self, "silent");
}

/* All that was in flight is late at once: one reset, and each is told of it. */
TEST_F_TIMEOUT(softctrl, what_hangs_together_is_one_reset, 120)
{
	unsigned int i, seen[8] = {};
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 8; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(8, enter(&self->ring, 8, 0, SOON_MS));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		ASSERT_GT(8, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(1, seen[i]);
	ASSERT_EQ(0, fault("hold", "off"));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 9));
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(2, stat_of("enables"));
	EXPECT_EQ(1, logged(self, "the controller was reset"));
}

/* Three resets in a row, none of which helps, are enough. */
TEST_F_TIMEOUT(softctrl, resets_that_do_not_help_are_counted, 120)
{
	struct usher_cqe cqe;
	unsigned int i;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(1, submit_io(self, OP_READ, 1, i));
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		EXPECT_EQ(i, le16toh(cqe.cid));
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	ASSERT_EQ(1, submit_io(self, OP_READ, 1, i));
	EXPECT_EQ(-ENODEV, enter(&self->ring, 0, 1, SOON_MS));
	ASSERT_TRUE(wait_until(ring_pop(&self->ring, &cqe)));
	EXPECT_EQ(i, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(4, stat_of("enables"));
	EXPECT_EQ(3, logged(self, "the controller was reset"));
}

/* Every call answers ENODEV promptly, and the mapping stays readable. */
static void expect_gone(struct __test_metadata *_metadata, struct _test_data_softctrl *self)
{
	struct usher_grant_info info;
	uint64_t begin = now_ms();

	EXPECT_EQ(-ENODEV, enter(&self->ring, 1, 0, SOON_MS));
	EXPECT_EQ(-ENODEV, enter(&self->ring, 0, 1, SOON_MS));
	EXPECT_EQ(-ENODEV, grant_info(self->grant, &info));
	EXPECT_EQ(-ENODEV, buf_register(self->grant, self->mem, 4096, 0));
	EXPECT_EQ(-ENODEV, grant_narrow(self->grant, 0, 1, USHER_RIGHT_READ));
	EXPECT_EQ(-ENODEV, ring_create(self->grant, 4, 0));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, events_of(self->ring.fd));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	/* The mapping is told last, and can be read still. */
	EXPECT_TRUE(wait_until(__atomic_load_n(&self->ring.ctl->flags, __ATOMIC_RELAXED) &
			       USHER_RING_F_GONE));
}

TEST_F_TIMEOUT(softctrl, a_failed_reset_ends_the_device, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, hold_read(self, 8));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	expect_gone(_metadata, self);
	close_all(self);
	EXPECT_TRUE(wait_pins(self->pins));
}

/* The last means that there is, and the device works again after it. */
TEST_F_TIMEOUT(softctrl, a_function_level_reset_mends_the_device, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	ASSERT_EQ(0, hold_read(self, 8));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(1, stat_of("flrs"));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 9));
	EXPECT_TRUE(settled(self));
}

TEST_F_TIMEOUT(softctrl, fatal_status_leads_to_a_reset, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 10));
	EXPECT_TRUE(settled(self));
}

/* A polling thread goes on after a reset, and needs no call for it. */
TEST_F_TIMEOUT(softctrl, a_reset_does_not_end_a_polling_thread, 120)
{
	struct usher_sqe sqe;
	struct usher_cqe cqe;
	struct sqpoll_thread poller;
	struct ring ring;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, ring_open(&ring, self->grant, 4, USHER_RING_POLLED));
	ASSERT_EQ(0, sqpoll_start(&poller, ring.fd, 60000000, 0));
	ASSERT_TRUE(wait_until(sqpoll_awake(&ring)));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
	EXPECT_TRUE(sqpoll_awake(&ring));
	sqe = cmd_data(OP_READ, self->nsid, 0, 1, self->buf, 0, BLOCK);
	ring_push(&ring, &sqe);
	EXPECT_TRUE(wait_until(ring_ready(&ring)));

	/* The device goes: the polling thread is told. */
	EXPECT_EQ(0, fault("surprise", "remove"));
	EXPECT_EQ(-ENODEV, sqpoll_join(&poller));
	EXPECT_FALSE(sqpoll_awake(&ring));
	ring_close(&ring);
}

TEST_F_TIMEOUT(softctrl, lasting_fatal_status_ends_the_device, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, hold_read(self, 9));
	ASSERT_EQ(0, fault("csts_fatal", "2"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, 80000));
	expect_gone(_metadata, self);
}

TEST_F_TIMEOUT(softctrl, a_controller_that_is_never_ready_is_refused, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, plug(self, "to=1"));
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	begin = now_ms();
	ASSERT_EQ(0, fault("rescan", "1"));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	EXPECT_EQ(-ENOENT, find_node(self));
}

/* ---- closing while the device has a command ---- */

TEST_F_TIMEOUT(softctrl, close_does_not_wait_and_keeps_the_pages, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	begin = now_ms();
	close_all(self);
	munmap(self->mem, BUF_BYTES);
	self->mem = MAP_FAILED;
	EXPECT_GT(PROMPT_MS, now_ms() - begin);

	/* The device still may write there: KASAN watches what it does. */
	usleep(QUIET_MS * 1000);
	EXPECT_LT(self->pins, pinned_pages());
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_TRUE(wait_pins(self->pins));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(softctrl, unregistering_waits_for_the_command, 120)
{
	struct usher_cqe cqe;
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, 12));
	begin = now_ms();
	ASSERT_EQ(0, buf_unregister(self->grant, self->buf));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	usleep(QUIET_MS * 1000);
	EXPECT_LT(self->pins, pinned_pages());

	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(0, ring_status(&cqe));
	EXPECT_EQ(0, self->mem[12 * 4096]);
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(softctrl, the_killed_leave_nothing_behind, 120)
{
	struct usher_cqe cqe;
	int status, pipefd[2];
	char ready;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipefd));
	ASSERT_EQ(0, plug(self, ""));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ready = !open_node(self) && !hold_read(self, 13);
		if (write(pipefd[1], &ready, 1) == 1)
			reap(&self->ring, &cqe, 100000);
		_exit(1);
	}
	ASSERT_EQ(1, read(pipefd[0], &ready, 1));
	EXPECT_EQ(1, ready);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));

	/* Others go on; the command finishes by itself, and then all is free. */
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 3, 1));
	close_all(self);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* What a closed ring left on the device is watched like anything else. */
TEST_F_TIMEOUT(softctrl, orphans_are_aborted, 120)
{
	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	EXPECT_TRUE(wait_pins(self->pins));
	EXPECT_EQ(1, stat_of("aborts"));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(softctrl, a_reset_frees_orphans, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	EXPECT_TRUE(wait_pins(self->pins));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

TEST_F_TIMEOUT(softctrl, removal_frees_orphans, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 11));
	close_all(self);
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* ---- an admin queue that fails ---- */

static int create_another_ring(struct _test_data_softctrl *self)
{
	struct ring ring;
	int ret = ring_open(&ring, self->grant, ENTRIES, 0);

	if (!ret)
		ring_close(&ring);
	return ret;
}

/* A child that waits for an answer to Create I/O Completion Queue */
static pid_t wait_for_dead_admin(struct _test_data_softctrl *self)
{
	long fetched = stat_of("fetched");
	pid_t pid;

	if (fault("dead_admin", "1"))
		return -1;
	pid = fork();
	if (!pid)
		_exit(-create_another_ring(self));
	return wait_stat("fetched", fetched + 1) ? pid : -1;
}

TEST_F_TIMEOUT(softctrl, who_waits_for_a_dead_admin_queue_can_be_killed, 120)
{
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	pid = wait_for_dead_admin(self);
	ASSERT_LT(0, pid);
	begin = now_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	EXPECT_TRUE(WIFSIGNALED(status));
	/* The I/O queues do not need the admin queue. */
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

TEST_F_TIMEOUT(softctrl, removal_wakes_who_waits_for_the_admin_queue, 120)
{
	uint64_t begin;
	int status;
	pid_t pid;

	ASSERT_EQ(0, start(self, ""));
	pid = wait_for_dead_admin(self);
	ASSERT_LT(0, pid);
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENODEV, WEXITSTATUS(status));
}

TEST_F_TIMEOUT(softctrl, a_queue_that_cannot_be_made_is_shared, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("fail", "admin 0x05 0x4101 1000"));
	EXPECT_EQ(0, create_another_ring(self));
	ASSERT_EQ(0, fault("fail", "admin 0x05 0 0"));
	ASSERT_EQ(0, fault("fail", "admin 0x01 0x4101 1000"));
	EXPECT_EQ(0, create_another_ring(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/*
 * Killed between the admin commands that make a queue: it is the only one, so
 * who comes later needs it.
 */
TEST_F_TIMEOUT(softctrl, a_queue_outlives_who_was_killed_making_it, 120)
{
	static const unsigned char opcodes[] = { 0x05, 0x01 };
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		ASSERT_EQ(0, plug(self, "queues=1 vectors=2"));
		ASSERT_EQ(0, open_grant(self));
		ASSERT_EQ(0, fault("hold", "on qid=0 op=%u", opcodes[i]));
		pid = fork();
		if (!pid)
			_exit(-create_another_ring(self));
		ASSERT_LT(0, pid);
		ASSERT_TRUE(wait_stat("held", 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(0, fault("hold", "off"));
		ASSERT_EQ(0, fault("release", "fifo"));

		ASSERT_EQ(0, ring_open(&self->ring, self->grant, ENTRIES, 0));
		EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
		close_all(self);
		unload_softctrl(_metadata);
		self->loaded = false;
	}
}

/* Whichever command of the start fails, nothing is left behind. */
TEST_F_TIMEOUT(softctrl, a_failing_start_leaves_nothing_behind, 240)
{
	static const unsigned char opcodes[] = { 0x06, 0x09, 0x02 };
	unsigned int i;

	ASSERT_EQ(0, plug(self, ""));
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("fail", "admin %#x 0x4006 1000", opcodes[i]));
		ASSERT_EQ(0, fault("rescan", "1"));
		if (opcodes[i] != 0x02)
			EXPECT_EQ(-ENOENT, find_node(self));
	}
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("clear", "1"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* ---- events at the worst moment ---- */

#define NS_CHANGED	0x040002	/* a notice; log page 4 tells which */

static void *do_rescan(void *ret)
{
	run_on(0);
	*(int *)ret = fault("rescan", "1");
	return NULL;
}

/* Is anything of usher left at the function? */
static bool is_published(struct _test_data_softctrl *self)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/usher", self->address);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), DEVICES "%s/driver", self->address);
	return !access(path, F_OK);
}

/*
 * The probe fails when it reads the namespaces; an event that came meanwhile has
 * them read again, which succeeds. Nothing may come of that.
 */
TEST_F_TIMEOUT(softctrl, an_event_in_a_failing_probe_brings_nothing_back, 240)
{
	unsigned int i, events;
	pthread_t thread;
	long fetched;
	int ret;

	ASSERT_EQ(0, plug(self, "namespaces=4"));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("hold", "on qid=0 op=6 slba=2-2"));
		ASSERT_EQ(0, pthread_create(&thread, NULL, do_rescan, &ret));
		ASSERT_TRUE(wait_stat("held", 1));
		ASSERT_EQ(0, fault("hold", "off"));
		fetched = stat_of("fetched");
		events = i % 4 ? NS_CHANGED : 0;
		ASSERT_EQ(0, fault("event", "%#x", events));
		ASSERT_TRUE(wait_stat("fetched", fetched + 1));
		usleep(QUIET_MS * 1000);
		ASSERT_EQ(0, fault("release", "fifo 0x4006"));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, ret);
		EXPECT_FALSE(is_published(self));
	}
	ASSERT_EQ(0, fault("surprise", "orderly"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/**
 * struct standstill - work items that are not bound to a CPU do not run
 * @cpus: where they may run otherwise
 * @runtime: share of time that real-time threads have otherwise
 * @thread: takes all of CPU 1
 * @on: while it is set
 */
struct standstill {
	char cpus[64];
	char runtime[16];
	pthread_t thread;
	bool on;
};

static void *take_cpu(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct standstill *s = arg;

	run_on(1);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		return NULL;
	while (__atomic_load_n(&s->on, __ATOMIC_RELAXED))
		;
	return NULL;
}

static int standstill_begin(struct standstill *s)
{
	int ret;

	ret = read_text(UNBOUND_CPUS, s->cpus, sizeof(s->cpus)) ?:
	      read_text(RT_RUNTIME, s->runtime, sizeof(s->runtime)) ?:
	      write_text(UNBOUND_CPUS, "2") ?: write_text(RT_RUNTIME, "-1");
	if (ret)
		return ret;
	s->on = true;
	return -pthread_create(&s->thread, NULL, take_cpu, s);
}

static void standstill_end(struct standstill *s)
{
	__atomic_store_n(&s->on, false, __ATOMIC_RELAXED);
	pthread_join(s->thread, NULL);
	write_text(RT_RUNTIME, s->runtime);
	write_text(UNBOUND_CPUS, s->cpus);
}

/*
 * The last thing that the controller says is that its namespaces changed. The
 * work for that does not run before the device is freed: it must have been
 * cancelled, or the kernel reports that an active object was freed.
 */
TEST_F_TIMEOUT(softctrl, an_event_while_it_is_stopped_leaves_no_work_behind, 240)
{
	static const char * const moments[] = { "shutdown", "disable" };
	struct standstill s = {};
	char text[32];
	unsigned int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU: it cannot be taken from work items alone");
	run_on(0);
	ASSERT_EQ(0, plug(self, ""));
	for (i = 0; i < ARRAY_SIZE(moments); i++) {
		ASSERT_EQ(0, open_node(self));
		EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
		close_all(self);
		ASSERT_TRUE(wait_pins(self->pins));
		ASSERT_EQ(0, fault("event_at", "%s %#x", moments[i], NS_CHANGED));
		ASSERT_EQ(0, standstill_begin(&s));
		EXPECT_EQ(0, write_text(DRIVER "unbind", self->address));
		standstill_end(&s);
		/* It was said indeed. */
		EXPECT_EQ(0, read_text(DEBUGFS "event_at", text, sizeof(text)));
		EXPECT_STREQ("never", text);
		EXPECT_FALSE(is_published(self));
		ASSERT_EQ(0, fault("surprise", "orderly"));
		ASSERT_EQ(0, fault("rescan", "1"));
	}
}

/* ---- completions that nobody asked for ---- */

TEST_F_TIMEOUT(softctrl, an_unknown_cid_completes_nothing, 120)
{
	unsigned int qid;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 14));
	qid = qid_of(self);
	ASSERT_EQ(0, fault("inject", "%u %u 0x3ff 0", qid, qid));
	ASSERT_EQ(0, fault("inject", "%u %u 0xffff 0", qid, qid));
	ASSERT_EQ(0, fault("inject", "%u 0xffff 0x00f0 0", qid));
	ASSERT_TRUE(wait_until(cq_is_empty(qid)));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));

	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(14, le16toh(cqe.cid));
	EXPECT_EQ(0, ring_status(&cqe));
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(softctrl, a_stale_generation_completes_nothing, 120)
{
	unsigned long old, cid;
	struct usher_cqe cqe;
	unsigned int qid;

	ASSERT_EQ(0, start(self, ""));
	qid = qid_of(self);
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 15));
	old = last_command("cid");
	ASSERT_EQ(0, hold_read(self, 16));
	cid = last_command("cid");
	/* The same slot, in its next life: else this test tests nothing. */
	ASSERT_EQ(old & 0x3ff, cid & 0x3ff);
	ASSERT_NE(old, cid);

	ASSERT_EQ(0, fault("inject", "%u %u %#lx 0", qid, qid, old));
	ASSERT_TRUE(wait_until(cq_is_empty(qid)));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));
	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(16, le16toh(cqe.cid));
	EXPECT_TRUE(settled(self));
}

TEST_F_TIMEOUT(softctrl, duplicates_complete_once, 120)
{
	unsigned int i, seen[ENTRIES] = {};
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("dup", "1"));
	for (i = 0; i < ENTRIES; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(ENTRIES, enter(&self->ring, ENTRIES, 0, SOON_MS));
	for (i = 0; i < ENTRIES; i++) {
		ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
		ASSERT_GT(ENTRIES, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(0, ring_status(&cqe));
	}
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(1, seen[i]);
	EXPECT_TRUE(settled(self));
	EXPECT_EQ(1, stat_of("enables"));
}

TEST_F_TIMEOUT(softctrl, a_run_of_bogus_completions_leads_to_a_reset, 120)
{
	unsigned int qid, i;
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 17));
	qid = qid_of(self);
	for (i = 0; i < 32 && stat_of("enables") < 2; i++)
		fault("inject", "%u %u %#x 0", qid, qid, 0x100 + i);
	ASSERT_TRUE(wait_stat("enables", 2));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(17, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 18));
	EXPECT_TRUE(settled(self));
}

/* Whatever the bytes say: one completion each, and a bounded end. */
TEST_F_TIMEOUT(softctrl, random_completion_queues_harm_nobody, 120)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;
	unsigned int qid, round;
	int ret = 0, done;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, ""));
	for (round = 0; round < 8 && !ret; round++) {
		ret = submit_io(self, OP_READ, round, round);
		if (ret < 0)
			break;
		qid = qid_of(self);
		fault("garbage", "%u 200", qid);
		fault("garbage", "0 32");
		done = 0;
		ret = reap(&self->ring, &cqe, SOON_MS);
		if (ret)
			break;
		do {
			EXPECT_EQ(round, le16toh(cqe.cid));
			done++;
		} while (ring_pop(&self->ring, &cqe));
		EXPECT_EQ(1, done);
	}
	/* It either works or was given up as a whole. */
	EXPECT_TRUE(!ret || ret == -ENODEV);
	if (!ret)
		ASSERT_EQ(0, ring_info(self->ring.fd, &info));
	if (!ret)
		EXPECT_EQ(info.submitted, info.completed);
}

/* ---- the end of the device ---- */

struct waiter {
	struct ring *ring;
	int ret;
	uint64_t ended;
};

static void *wait_for_all(void *arg)
{
	struct waiter *w = arg;

	w->ret = enter(w->ring, 0, 16, 100000);
	w->ended = now_ms();
	return NULL;
}

TEST_F_TIMEOUT(softctrl, surprise_removal_in_flight, 120)
{
	struct waiter w = { .ring = &self->ring };
	unsigned int i, seen[8] = {};
	struct usher_cqe cqe;
	pthread_t thread;
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("hold", "on op=2"));
	for (i = 0; i < 8; i++)
		push_io(self, OP_READ, i, 1, i);
	ASSERT_EQ(8, enter(&self->ring, 8, 0, SOON_MS));
	ASSERT_TRUE(wait_stat("held", 8));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_all, &w));

	begin = now_ms();
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, w.ret);
	EXPECT_GT(PROMPT_MS, w.ended - begin);

	while (ring_pop(&self->ring, &cqe)) {
		ASSERT_GT(8, le16toh(cqe.cid));
		seen[le16toh(cqe.cid)]++;
		EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(1, seen[i]);
	expect_gone(_metadata, self);
	EXPECT_NE(0, access(self->node, F_OK));
	/* The device is gone, and with it the pins; the files are still open. */
	EXPECT_TRUE(wait_pins(self->pins));

	/* What comes back is another device. */
	begin = now_ms();
	close_all(self);
	EXPECT_GT(PROMPT_MS, now_ms() - begin);
	ASSERT_EQ(0, fault("clear", "1"));
	ASSERT_EQ(0, fault("rescan", "1"));
	ASSERT_EQ(0, open_node(self));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

/* Nobody says that the device is gone: the registers do. */
TEST_F_TIMEOUT(softctrl, silent_removal_is_noticed, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 19));
	ASSERT_EQ(0, fault("surprise", "1"));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(19, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	expect_gone(_metadata, self);
	ASSERT_EQ(0, fault("surprise", "remove"));
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(softctrl, unbinding_shuts_the_controller_down, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(1, stat_of("shutdowns"));
	EXPECT_EQ(0, stat_of("ready"));
	expect_gone(_metadata, self);
}

TEST_F_TIMEOUT(softctrl, a_shutdown_that_never_completes_is_bounded, 120)
{
	uint64_t begin;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ignore_shutdown", "1"));
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_GT(SOON_MS, now_ms() - begin);
	EXPECT_EQ(0, stat_of("ready"));
	expect_gone(_metadata, self);
}

/* The kernel's checker of DMA mappings cannot know that a leak is on purpose: 0 errors shown. */
static void hush_dma_debug(bool hush)
{
	write_text("/sys/kernel/debug/dma-api/num_errors", hush ? "0" : "1");
}

/* Unbind a controller that holds a read and ignores CC.EN; bus mastering stays on. */
static void unbind_unstoppable(struct __test_metadata *_metadata, struct _test_data_softctrl *self)
{
	struct usher_cqe cqe;
	uint64_t begin;

	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, fault("ignore_shutdown", "1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, 20));
	hush_dma_debug(true);
	begin = now_ms();
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_GT(SOON_MS, now_ms() - begin);
	hush_dma_debug(false);
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(20, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_FALSE(ring_pop(&self->ring, &cqe));
	expect_gone(_metadata, self);
}

/* Promise 3: what the device may still reach is never given to anybody else. */
static void expect_leak(struct __test_metadata *_metadata, struct _test_data_softctrl *self)
{
	EXPECT_EQ(1, stat_of("bus_master"));
	EXPECT_EQ(1, stat_of("ready"));
	EXPECT_EQ(1, logged(self, "64 pages of processes are lost"));
	EXPECT_EQ(self->pins + BUF_BYTES / 4096, pinned_pages());

	/* And here is the proof: it does write there, to memory that is ours. */
	ASSERT_EQ(0xee, self->mem[20 * 4096]);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, self->mem[20 * 4096]);
	EXPECT_EQ(0, stat_of("dma_errors"));

	close_all(self);
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(self->pins + BUF_BYTES / 4096, pinned_pages());
}

TEST_F_TIMEOUT(softctrl, pages_of_an_unstoppable_device_are_lost, 120)
{
	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	unbind_unstoppable(_metadata, self);
	expect_leak(_metadata, self);
}

TEST_F_TIMEOUT(softctrl, a_reset_that_does_nothing_proves_nothing, 120)
{
	ASSERT_EQ(0, start(self, "to=1"));
	ASSERT_EQ(0, fault("flr_broken", "1"));
	unbind_unstoppable(_metadata, self);
	expect_leak(_metadata, self);
}

TEST_F_TIMEOUT(softctrl, a_function_level_reset_saves_the_pages, 120)
{
	ASSERT_EQ(0, start(self, "to=1"));
	unbind_unstoppable(_metadata, self);
	EXPECT_EQ(1, stat_of("flrs"));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
}

TEST_F_TIMEOUT(softctrl, without_bus_mastering_the_pages_are_safe, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, hold_read(self, 21));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(1, stat_of("ready"));
	EXPECT_EQ(0, stat_of("bus_master"));
	ASSERT_TRUE(ring_pop(&self->ring, &cqe));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
}

/* A reset that cannot stop the device, whose command @tag is still with it */
static long pages_leaked(const struct _test_data_softctrl *self)
{
	const char *name = self->node + strlen("/dev/");
	char path[256], text[32];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/usher/%.*s/leaked_pages",
		 (int)(strrchr(name, 'n') - name), name);
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	return text[0] ? strtol(text, NULL, 10) : -1;
}

static void lose_unstoppable(struct __test_metadata *_metadata, struct _test_data_softctrl *self,
			     __u16 tag)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, start(self, "to=1 flr=0"));
	ASSERT_EQ(0, fault("abort", "ignore"));
	ASSERT_EQ(0, fault("ignore_disable", "1"));
	ASSERT_EQ(0, fault("sticky_master", "1"));
	memset(self->mem, 0xee, BUF_BYTES);
	ASSERT_EQ(0, hold_read(self, tag));
	ASSERT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(tag, le16toh(cqe.cid));
	EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
	EXPECT_EQ(-ENODEV, reap(&self->ring, &cqe, SOON_MS));
	expect_gone(_metadata, self);
}

/* Nothing proved at first that the device had stopped; unbinding does. */
static void prove_late(struct __test_metadata *_metadata, struct _test_data_softctrl *self,
		       bool closed)
{
	lose_unstoppable(_metadata, self, 20);
	if (closed)
		close_all(self);
	usleep(QUIET_MS * 1000);
	/* The buffer is kept, whoever let go of it; and the device does write. */
	EXPECT_EQ(self->pins + BUF_BYTES / 4096, pinned_pages());
	ASSERT_EQ(0xee, self->mem[20 * 4096]);
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, self->mem[20 * 4096]);
	EXPECT_EQ(0, stat_of("dma_errors"));

	ASSERT_EQ(0, fault("ignore_disable", "0"));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	EXPECT_EQ(0, stat_of("ready"));
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	EXPECT_TRUE(wait_pins(self->pins));
	close_all(self);
}

TEST_F_TIMEOUT(softctrl, late_proof_frees_what_is_in_use, 120)
{
	prove_late(_metadata, self, false);
}

TEST_F_TIMEOUT(softctrl, late_proof_frees_what_was_closed, 120)
{
	prove_late(_metadata, self, true);
}

/* The second attempt proves nothing either: lost, and said so, once. */
TEST_F_TIMEOUT(softctrl, pages_are_lost_once, 120)
{
	lose_unstoppable(_metadata, self, 20);
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
	/* Still bound, so there is somebody to ask */
	EXPECT_EQ(BUF_BYTES / 4096, pages_leaked(self));
	hush_dma_debug(true);
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->address));
	hush_dma_debug(false);
	expect_leak(_metadata, self);
	EXPECT_EQ(0, logged(self, "pages of processes are lost"));
}

/* ---- all at once ---- */

#define WORKERS		3
#define STORM_MS	12000

/* Completions of a tag that were not asked for, or did not come, are counted. */
struct stormer {
	struct _test_data_softctrl env;
	pthread_t thread;
	unsigned int seed;
	bool *stop;
	unsigned int outstanding[ENTRIES];
	unsigned int wrong;
	unsigned int lost;
	unsigned int done;
	int end;
};

static void stormer_reap(struct stormer *w)
{
	struct usher_cqe cqe;
	unsigned int tag;

	while (ring_pop(&w->env.ring, &cqe)) {
		tag = le16toh(cqe.cid);
		if (tag >= ENTRIES || w->outstanding[tag] != 1) {
			w->wrong++;
			continue;
		}
		w->outstanding[tag] = 0;
		w->done++;
	}
}

static unsigned int stormer_fill(struct stormer *w)
{
	unsigned int tag, n = 0;

	for (tag = 0; tag < ENTRIES && n < 8; tag++) {
		if (w->outstanding[tag] || rand_r(&w->seed) % 4)
			continue;
		push_io(&w->env, rand_r(&w->seed) % 2 ? OP_READ : OP_WRITE,
			rand_r(&w->seed) % 1000, 1 + rand_r(&w->seed) % 8, tag);
		w->outstanding[tag] = 1;
		n++;
	}
	return n;
}

static unsigned int stormer_inflight(const struct stormer *w)
{
	unsigned int tag, n = 0;

	for (tag = 0; tag < ENTRIES; tag++)
		n += w->outstanding[tag];
	return n;
}

/* The first entries that were never taken do not count as lost. */
static void stormer_end(struct stormer *w)
{
	struct usher_ring_ctl *ctl = w->env.ring.ctl;
	__u32 i;

	stormer_reap(w);
	for (i = ctl->sq_head; i != ctl->sq_tail; i++)
		w->outstanding[le16toh(w->env.ring.sq[i & (w->env.ring.sq_entries - 1)].cid)] = 0;
	w->lost = stormer_inflight(w);
}

static void *work(void *arg)
{
	struct stormer *w = arg;
	uint64_t end = 0;
	__u32 left;
	int ret;

	for (;;) {
		if (__atomic_load_n(w->stop, __ATOMIC_RELAXED) && !end)
			end = now_ms() + 2 * SOON_MS;
		if (!end && w->env.ring.ctl->sq_tail == w->env.ring.ctl->sq_head)
			stormer_fill(w);
		left = w->env.ring.ctl->sq_tail - w->env.ring.ctl->sq_head;
		ret = enter(&w->env.ring, left, !!stormer_inflight(w), 200);
		stormer_reap(w);
		if (ret < 0 && ret != -ETIME && ret != -EAGAIN)
			break;
		if (end && (!stormer_inflight(w) || now_ms() > end))
			break;
	}
	w->end = ret;
	stormer_end(w);
	return NULL;
}

static void random_fault(unsigned int *seed)
{
	unsigned int r = rand_r(seed), queue = r / 16 % (WORKERS + 2);

	switch (r % 10) {
	case 0:
		fault("dup", "%u", r / 16 % 2);
		break;
	case 1:
	case 2:
		fault("inject", "%u %u %#x 0", queue, queue, rand_r(seed) & 0xffff);
		break;
	case 3:
		fault("garbage", "%u %u", queue, 1 + r / 64 % 16);
		break;
	case 4:
		fault("hold", r / 16 % 2 ? "on op=2" : "off");
		break;
	case 5:
		fault("release", r / 16 % 2 ? "fifo" : "reverse");
		break;
	case 6:
		fault("abort", r / 16 % 3 ? (r / 16 % 3 == 1 ? "real" : "ignore") : "silent");
		break;
	case 7:
		fault("delay_us", "%u", r / 16 % 3 * 1000);
		break;
	case 8:
		fault("fail", "io %u 0x4006 %u", 1 + r / 16 % 2, 1 + r / 64 % 4);
		break;
	default:
		if (r / 16 % 8 == 0)
			fault("csts_fatal", "1");
	}
}

/* Each command completes once, whatever the device does; and all is released. */
TEST_F_TIMEOUT(softctrl, a_storm_of_faults_loses_nothing, 240)
{
	static struct stormer workers[WORKERS];
	unsigned int i, seed = now_ms();
	uint64_t end;
	bool stop = false;

	TH_LOG("seed %u", seed);
	ASSERT_EQ(0, write_text(IO_TIMEOUT, "1"));
	ASSERT_EQ(0, plug(self, ""));
	memset(workers, 0, sizeof(workers));
	for (i = 0; i < WORKERS; i++) {
		struct stormer *w = &workers[i];

		w->env = *self;
		w->env.mem = self->mem;
		w->seed = seed + i + 1;
		w->stop = &stop;
		ASSERT_EQ(0, open_node(&w->env));
	}
	for (i = 0; i < WORKERS; i++)
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, work, &workers[i]));

	for (end = now_ms() + STORM_MS; now_ms() < end;) {
		random_fault(&seed);
		usleep(rand_r(&seed) % 50000);
	}
	fault("clear", "1");
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);

	for (i = 0; i < WORKERS; i++) {
		struct stormer *w = &workers[i];

		ASSERT_EQ(0, pthread_join(w->thread, NULL));
		TH_LOG("worker %u: %u completions, end %d", i, w->done, w->end);
		EXPECT_EQ(0, w->wrong);
		EXPECT_EQ(0, w->lost);
		EXPECT_LT(0, w->done);
		EXPECT_TRUE(w->end >= 0 || w->end == -ENODEV || w->end == -ETIME ||
			    w->end == -EAGAIN);
		close_all(&w->env);
	}
	EXPECT_TRUE(wait_pins(self->pins));
}

/* ---- namespaces that change ---- */

/* Commands that the device took from I/O queues; admin commands go on. */
static long io_fetched(void)
{
	char text[4096], *line, *save;
	long sum = 0, fetched;
	unsigned int qid;

	if (read_file(DEBUGFS "queues", text, sizeof(text)))
		return -1;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "sq %u cq=%*u size=%*u head=%*u tail=%*u fetched=%ld",
			   &qid, &fetched) == 2 && qid)
			sum += fetched;
	return sum;
}

static bool grant_is(int grant, unsigned int state)
{
	struct usher_grant_info info;

	return !grant_info(grant, &info) && info.state == state;
}

/* The node of the old namespace may still be on its way out. */
static bool reopen_node(struct _test_data_softctrl *self)
{
	close_all(self);
	return !open_node(self) && grant_is(self->grant, USHER_GRANT_LIVE);
}

static void expect_stale(struct __test_metadata *_metadata, struct _test_data_softctrl *self)
{
	long fetched;

	ASSERT_TRUE(wait_until(grant_is(self->grant, USHER_GRANT_STALE)));
	fetched = io_fetched();
	ASSERT_LE(0, fetched);
	EXPECT_EQ(-ESTALE, submit_io(self, OP_READ, 1, 1));
	EXPECT_EQ(-ESTALE, buf_register(self->grant, self->mem, 4096, 0));
	EXPECT_EQ(fetched, io_fetched());
}

TEST_F_TIMEOUT(softctrl, another_block_size_ends_grants, 120)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 1));
	ASSERT_EQ(0, fault("ns_format", "1 4096"));
	expect_stale(_metadata, self);
	ASSERT_TRUE(wait_until(reopen_node(self)));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(12, info.lba_shift);
	EXPECT_EQ(16 * 256, info.ns_blocks);
}

TEST_F_TIMEOUT(softctrl, extended_metadata_count, 120)
{
	struct usher_grant_info info;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ns_format", "1 512 8 1"));
	expect_stale(_metadata, self);
	ASSERT_TRUE(wait_until(reopen_node(self)));
	ASSERT_EQ(0, grant_info(self->grant, &info));
	EXPECT_EQ(9, info.lba_shift);
	EXPECT_EQ(520, info.lba_bytes);
	EXPECT_EQ(8, info.metadata_bytes);
}

TEST_F_TIMEOUT(softctrl, another_namespace_ends_grants, 120)
{
	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	expect_stale(_metadata, self);
}

TEST_F_TIMEOUT(softctrl, a_namespace_that_goes_ends_grants, 120)
{
	char old[64];

	ASSERT_EQ(0, start(self, "namespaces=2"));
	snprintf(old, sizeof(old), "%s", self->node);
	ASSERT_EQ(0, fault("ns_size", "%u 0", self->nsid));
	expect_stale(_metadata, self);

	/* The other one is as it was. */
	ASSERT_TRUE(wait_until(reopen_node(self)));
	EXPECT_STRNE(old, self->node);
	EXPECT_NE(0, access(old, F_OK));
	EXPECT_EQ(0, do_io(self, OP_READ, 1, 1));
}

struct submitter {
	struct _test_data_softctrl *env;
	bool returned;
	int ret;
};

static void *submit_read(void *arg)
{
	struct submitter *s = arg;

	s->ret = submit_io(s->env, OP_READ, 1, 1);
	__atomic_store_n(&s->returned, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The state of the device, as its controller's node tells it */
static bool state_is(struct _test_data_softctrl *self, const char *want)
{
	char path[128], text[32];

	/* /dev/usher0n1 is below usher0. */
	snprintf(path, sizeof(path), "/sys/class/usher/%.*s/state",
		 (int)strcspn(self->node + 5, "n"), self->node + 5);
	return !read_text(path, text, sizeof(text)) && !strcmp(text, want);
}

/*
 * The namespace changes while the controller is being reset, and announces
 * nothing. No command may reach it before the driver has looked.
 */
TEST_F_TIMEOUT(softctrl, a_change_in_a_reset_is_seen_before_commands_are_taken, 120)
{
	struct submitter s = { .env = self };
	pthread_t thread;
	long disables;

	ASSERT_EQ(0, start(self, "to=60"));
	ASSERT_EQ(0, do_io(self, OP_READ, 1, 1));
	disables = stat_of("disables");
	ASSERT_EQ(0, fault("ignore_enable", "1"));
	ASSERT_EQ(0, fault("csts_fatal", "1"));
	ASSERT_TRUE(wait_stat("disables", disables + 1));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	ASSERT_EQ(0, fault("hold", "on qid=0 op=6 slba=2-2"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, submit_read, &s));
	ASSERT_EQ(0, fault("ignore_enable", "0"));

	/* It asks which namespaces there are, and is not live yet. */
	ASSERT_TRUE(wait_stat("held", 1));
	usleep(QUIET_MS * 1000);
	EXPECT_TRUE(state_is(self, "resetting"));
	EXPECT_FALSE(__atomic_load_n(&s.returned, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, fault("hold", "off"));
	ASSERT_EQ(0, fault("release", "fifo"));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ESTALE, s.ret);
	EXPECT_EQ(0, io_fetched());
	EXPECT_TRUE(grant_is(self->grant, USHER_GRANT_STALE));
}

/* A held command of the old format still completes, once, for its owner. */
TEST_F_TIMEOUT(softctrl, in_flight_commands_outlive_their_namespace, 120)
{
	struct usher_cqe cqe;

	ASSERT_EQ(0, start(self, ""));
	ASSERT_EQ(0, hold_read(self, 22));
	ASSERT_EQ(0, fault("ns_replace", "1"));
	ASSERT_TRUE(wait_until(grant_is(self->grant, USHER_GRANT_STALE)));
	ASSERT_EQ(0, fault("release", "fifo"));
	EXPECT_EQ(0, reap(&self->ring, &cqe, SOON_MS));
	EXPECT_EQ(22, le16toh(cqe.cid));
	EXPECT_EQ(0, ring_status(&cqe));
}

int main(int argc, char **argv)
{
	char path[4096];

	if (!find_module(path, sizeof(path)))
		ksft_exit_skip("no usher-softctrl.ko: it is built for the debug kernel\n");
	if (!reserved_memory())
		ksft_exit_skip("no memory for the BAR: boot with memmap=16M$0x30000000\n");
	return test_harness_run(argc, argv);
}
