// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fixture of the softctrl_*_test programs, see softctrl.h.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest.h"

#include "softctrl.h"

/*
 * So many looks at its queues without a command are a quiet controller. An idle
 * controller looks once a millisecond; its first 100 idle looks are faster.
 */
#define QUIET_LOOKS	400

/* ---- the controller: faults, and what it has counted ---- */

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

/* Write to one of the controller's files in debugfs. */
int fault(const char *name, const char *fmt, ...)
{
	char path[256], text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), DEBUGFS "%s", name);
	return write_text(path, text);
}

/* A number of the file "stats", or -1 */
long stat_of(const char *name)
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

bool wait_stat(const char *name, long least)
{
	return wait_until(stat_of(name) >= least);
}

/* Commands that the controller has fetched from I/O queues, or -1 */
long io_fetched(void)
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

/* A value of the last command that the controller fetched from an I/O queue */
unsigned long last_command(const char *key)
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
bool cq_is_empty(unsigned int qid)
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

/* What the controller had counted when something last happened */
struct mark {
	long fetched;
	long interrupts;
	long looks;
};

/* Nothing since the mark, in QUIET_LOOKS looks? Else the mark is set anew. */
static bool quiet_since(struct mark *mark)
{
	long looks = stat_of("looks");
	long interrupts = stat_of("interrupts");
	long fetched = stat_of("fetched");

	if (fetched == mark->fetched && interrupts == mark->interrupts)
		return looks >= mark->looks + QUIET_LOOKS;
	mark->fetched = fetched;
	mark->interrupts = interrupts;
	mark->looks = stat_of("looks");
	return false;
}

/*
 * Wait until the controller has looked at its queues QUIET_LOOKS times in a row and
 * has fetched no command and sent no interrupt in that time. False after SOON_MS.
 */
bool quiet(void)
{
	struct mark mark = { .fetched = -1 };

	return wait_until(quiet_since(&mark));
}

/* ---- loading it ---- */

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

/* End the program here, with its reason, where the controller cannot be loaded. */
void softctrl_require(void)
{
	if (access(environment("USHER_SOFTCTRL"), R_OK))
		ksft_exit_skip("no usher-softctrl.ko: it is built for the debug kernel\n");
	if (!reserved_memory())
		ksft_exit_skip("no memory for the BAR: boot with memmap=16M$0x30000000\n");
}

static int load_softctrl(const char *params)
{
	char args[256];
	int fd, ret = 0;

	snprintf(args, sizeof(args), "bar_base=%#lx %s", reserved_memory(), params);
	fd = open(environment("USHER_SOFTCTRL"), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, args, 0))
		ret = -errno;
	close(fd);
	return ret;
}

static int unload_softctrl(void)
{
	fault("clear", "1");
	return syscall(SYS_delete_module, "usher_softctrl", O_NONBLOCK) ? -errno : 0;
}

/* ---- the device: from plugging it in to an open ring ---- */

/* Plug the controller in; usher binds it when it can. */
int plug(struct softctrl *self, const char *params)
{
	int ret = load_softctrl(params);

	if (ret)
		return ret;
	self->loaded = true;
	return read_text(DEBUGFS "address", self->address, sizeof(self->address));
}

int unplug(struct softctrl *self)
{
	self->loaded = false;
	return unload_softctrl();
}

/* The namespace node of the controller, in /dev, or -ENOENT */
int find_node(struct softctrl *self)
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

/* Grant and buffer on the namespace node */
int open_grant(struct softctrl *self)
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

/* The same, and a ring */
int open_node(struct softctrl *self)
{
	return open_grant(self) ?: ring_open(&self->ring, self->grant, ENTRIES, 0);
}

int start(struct softctrl *self, const char *params)
{
	return plug(self, params) ?: open_node(self);
}

/* The same, and then neither Abort nor CC.EN = 0 does anything; commands have a second. */
int start_unstoppable(struct softctrl *self, const char *params)
{
	return write_text(IO_TIMEOUT, "1") ?: start(self, params) ?:
	       fault("abort", "ignore") ?: fault("ignore_disable", "1");
}

void close_all(struct softctrl *self)
{
	if (self->ring.ctl)
		ring_close(&self->ring);
	if (self->grant >= 0)
		close(self->grant);
	self->ring.ctl = NULL;
	self->grant = -1;
}

/* ---- a test's beginning and end ---- */

int softctrl_setup(struct softctrl *self)
{
	int ret;

	self->grant = -1;
	self->kmsg = -1;
	self->mem = MAP_FAILED;
	if (mount("none", "/sys/kernel/debug", "debugfs", 0, NULL) && errno != EBUSY)
		return -errno;
	if (!access("/sys/module/usher_softctrl", F_OK))
		unload_softctrl();	/* left by a test that crashed */
	ret = read_text(IO_TIMEOUT, self->old_timeout, sizeof(self->old_timeout));
	if (ret)
		return ret;

	self->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (self->kmsg < 0)
		return -errno;
	lseek(self->kmsg, 0, SEEK_END);
	self->pins = pinned_pages();
	self->mem = mmap(NULL, BUF_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	return self->mem == MAP_FAILED ? -errno : 0;
}

/* An error is that of unloading: somebody still uses the controller. */
int softctrl_teardown(struct softctrl *self)
{
	int ret = 0;

	close_all(self);
	if (self->loaded)
		ret = unplug(self);
	write_text(IO_TIMEOUT, self->old_timeout);
	if (self->mem != MAP_FAILED)
		munmap(self->mem, BUF_BYTES);
	close(self->kmsg);
	return ret;
}

/* ---- commands ---- */

int enter(const struct ring *ring, uint32_t submit, uint32_t complete, unsigned int ms)
{
	return ring_enter_until(ring, submit, complete, now_ns() + ms * 1000000ULL);
}

/* Wait for one completion. 0, or a negative errno. */
int reap(struct ring *ring, struct usher_cqe *cqe, unsigned int ms)
{
	int ret;

	if (ring_pop(ring, cqe))
		return 0;
	ret = enter(ring, 0, 1, ms);
	if (ring_pop(ring, cqe))
		return 0;
	return ret < 0 ? ret : -EAGAIN;
}

/* @nlb blocks at @slba, to or from the place in the buffer that goes with @tag */
void push_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint32_t nlb, uint16_t tag)
{
	struct usher_sqe sqe = cmd_data(opcode, self->nsid, slba, nlb, self->buf,
					tag % ENTRIES * 4096, nlb * BLOCK);

	if (opcode == OP_UNCOR)
		sqe = cmd_blocks(opcode, self->nsid, slba, nlb);
	sqe.cid = htole16(tag);
	ring_push(&self->ring, &sqe);
}

int submit_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint16_t tag)
{
	push_io(self, opcode, slba, 1, tag);
	return enter(&self->ring, 1, 0, SOON_MS);
}

/* A command from beginning to end: its status, or a negative errno */
int do_io(struct softctrl *self, uint8_t opcode, uint64_t slba, uint16_t tag)
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
int hold_read(struct softctrl *self, uint16_t tag)
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

unsigned int qid_of(const struct softctrl *self)
{
	struct usher_ring_info info;

	return ring_info(self->ring.fd, &info) ? 0 : info.qid;
}

/* ---- what must be true afterwards ---- */

/*
 * All that was submitted has completed, once, and nothing more comes: the driver has
 * read every completion that the controller posted, and nothing happened since.
 */
bool settled(struct softctrl *self)
{
	struct usher_ring_info info;
	struct usher_cqe cqe;

	return wait_until(!stat_of("unread")) && quiet() && !stat_of("unread") &&
	       !ring_info(self->ring.fd, &info) && info.submitted == info.completed &&
	       !info.inflight && !ring_pop(&self->ring, &cqe);
}

static bool says_gone(const char *call, int ret)
{
	if (ret == -ENODEV)
		return true;
	ksft_print_msg("%s returned %d, not ENODEV\n", call, ret);
	return false;
}

static short events_of(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? 0 : pfd.revents;
}

/* Every call fails with ENODEV, and promptly; the mapping can be read still. */
bool is_gone(struct softctrl *self)
{
	struct usher_grant_info info;
	uint64_t begin = now_ms();
	bool gone;
	short events;

	gone = says_gone("submitting", enter(&self->ring, 1, 0, SOON_MS));
	gone &= says_gone("waiting", enter(&self->ring, 0, 1, SOON_MS));
	gone &= says_gone("GRANT_INFO", grant_info(self->grant, &info));
	gone &= says_gone("BUF_REGISTER", buf_register(self->grant, self->mem, 4096, 0));
	gone &= says_gone("NARROW", grant_narrow(self->grant, 0, 1, USHER_RIGHT_READ));
	gone &= says_gone("RING_CREATE", ring_create(self->grant, 4, 0));
	events = events_of(self->ring.fd);
	if (events != (POLLIN | POLLHUP | POLLERR)) {
		ksft_print_msg("poll() on the ring says %#x\n", events);
		gone = false;
	}
	events = events_of(self->grant);
	if (events != (POLLIN | POLLHUP | POLLERR)) {
		ksft_print_msg("poll() on the grant says %#x\n", events);
		gone = false;
	}
	if (now_ms() - begin >= PROMPT_MS) {
		ksft_print_msg("calls took %llu ms\n", (unsigned long long)(now_ms() - begin));
		gone = false;
	}
	/* The flag in the mapping is set last. */
	if (!wait_until(__atomic_load_n(&self->ring.ctl->flags, __ATOMIC_RELAXED) &
			USHER_RING_F_GONE)) {
		ksft_print_msg("the mapping does not say that the device is gone\n");
		gone = false;
	}
	return gone;
}

bool wait_pins(long want)
{
	return wait_until(pinned_pages() == want);
}

/* How many messages of the kernel since setup, or the last call, hold the text */
int logged(struct softctrl *self, const char *needle)
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
