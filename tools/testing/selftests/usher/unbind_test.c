// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device goes, in every way, while everything is in use: nobody waits for
 * users, users learn of it at once, and it works again when it comes back.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "fuse.h"
#include "helper.h"

#define COMMANDS	8

/* ---- how it goes, and comes back ---- */

struct way {
	int (*go)(const char *pci);
	int (*come)(const char *pci);
};

static int write_attribute(const char *pci, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", pci, name);
	return write_text(path, text);
}

static bool function_is_there(const char *pci)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", pci);
	return !access(path, F_OK);
}

static int bind(const char *pci)
{
	int ret = write_attribute(pci, "driver_override", "usher");

	return ret ?: write_text("/sys/bus/pci/drivers_probe", pci);
}

static int go_unbind(const char *pci)
{
	return write_attribute(pci, "driver/unbind", pci);
}

static int remove_function(const char *pci)
{
	return write_attribute(pci, "remove", "1");
}

static int come_by_rescan(const char *pci)
{
	int ret = write_text("/sys/bus/pci/rescan", "1");

	return ret ?: bind(pci);
}

static int device_del(const char *pci)
{
	char id[64];
	const char *const args[] = { id, NULL };
	int ret;

	snprintf(id, sizeof(id), "id=%s", environment("USHER_SLOW_DEVICE"));
	ret = qmp("device_del", args);
	if (ret)
		return ret;
	return wait_until(!function_is_there(pci)) ? 0 : -ETIMEDOUT;
}

static int device_add(const char *pci)
{
	const char *slow = environment("USHER_SLOW_DEVICE");
	char id[64], bus[64], drive[64], serial[64];
	const char *const args[] = {
		"driver=nvme", id, bus, drive, serial,
		"max_ioqpairs=2", "msix_qsize=3", NULL
	};

	snprintf(id, sizeof(id), "id=%s", slow);
	snprintf(bus, sizeof(bus), "bus=port%s", slow + strlen("nvme"));
	snprintf(drive, sizeof(drive), "drive=%sn1-drive", slow);
	snprintf(serial, sizeof(serial), "serial=%s", environment(SLOW));
	/* QEMU lets go of the old one a little later than the guest. */
	if (!wait_until(!qmp("device_add", args)))
		return -EIO;
	return wait_until(function_is_there(pci)) ? bind(pci) : -ETIMEDOUT;
}

/* FIXTURE_DATA(gone), in a form that checkpatch reads */
#define gone_data	_test_data_gone

FIXTURE(gone) {
	char pci[32];
	int memory;
	struct worker w;	/* interrupts */
	struct worker polled;
	long users;		/* of the module, before */
};

FIXTURE_VARIANT(gone) {
	struct way way;
};

FIXTURE_VARIANT_ADD(gone, unbind) { .way = { go_unbind, bind } };
FIXTURE_VARIANT_ADD(gone, remove) { .way = { remove_function, come_by_rescan } };
FIXTURE_VARIANT_ADD(gone, hot_removal) { .way = { device_del, device_add } };

static long module_users(void)
{
	long users = -1;

	read_number("/sys/module/usher/refcnt", &users);
	return users;
}

FIXTURE_SETUP(gone)
{
	if (!disk_is_there(SLOW))
		SKIP(return, "the disk did not come back, see an earlier test");
	if (variant->way.go == device_del && getenv("USHER_NO_UNPLUG"))
		SKIP(return, "%s", getenv("USHER_NO_UNPLUG"));
	ASSERT_EQ(0, disk_pci(SLOW, self->pci, sizeof(self->pci)));
	/* The last test's buffers go when their work is done. */
	ASSERT_TRUE(wait_until(!pinned_pages()));
	self->users = module_users();
	ASSERT_EQ(0, worker_open(&self->w, disk_open(SLOW, O_RDWR), 16, 16 * PAGE, 0));
	ASSERT_EQ(0, worker_open(&self->polled, disk_open(SLOW, O_RDWR), 16,
				 16 * PAGE, USHER_RING_POLLED));
}

/* Come back, and work, with nothing left of before. */
static void come_back(struct __test_metadata *_metadata, struct gone_data *self,
		      const struct way *way)
{
	struct worker w;

	EXPECT_TRUE(wait_until(module_users() == self->users));
	EXPECT_TRUE(wait_until(!pinned_pages()));
	ASSERT_EQ(0, way->come(self->pci));
	ASSERT_TRUE(wait_until(disk_is_ready(SLOW)));
	ASSERT_EQ(0, worker_open(&w, disk_open(SLOW, O_RDWR), 16, PAGE, 0));
	EXPECT_EQ(0, worker_move(&w, OP_READ, 0, 1, 0));
	worker_close(&w);
}

FIXTURE_TEARDOWN(gone)
{
	/* After a failure, for the tests to come */
	if (!disk_is_there(SLOW) && variant->way.go != device_del)
		variant->way.come(self->pci);
}

/* Every call on every fd says so. */
static void check_calls(struct __test_metadata *_metadata, struct worker *w)
{
	static const struct {
		unsigned long request;
		bool of_ring;
	} requests[] = {
		{ USHER_IOC_GRANT_INFO, false }, { USHER_IOC_NARROW, false },
		{ USHER_IOC_REVOKE, false }, { USHER_IOC_SLICE_ADD, false },
		{ USHER_IOC_SLICE_REMOVE, false },
		{ USHER_IOC_BUF_REGISTER, false },
		{ USHER_IOC_BUF_UNREGISTER, false },
		{ USHER_IOC_RING_CREATE, false }, { USHER_IOC_ADMIN, false },
		{ USHER_IOC_ENTER, true }, { USHER_IOC_RING_INFO, true },
		{ USHER_IOC_EVENTFD, true },
	};
	uint64_t start = now_ms();
	uint32_t arg[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		memset(arg, 0, sizeof(arg));
		arg[0] = sizeof(arg);
		EXPECT_EQ(-ENODEV, call(requests[i].of_ring ? w->ring.fd : w->grant,
					requests[i].request, arg))
			TH_LOG("request %#lx", requests[i].request);
	}
	EXPECT_EQ(MAP_FAILED, mmap(NULL, w->ring.bytes, PROT_READ, MAP_SHARED,
				   w->ring.fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_GT(start + PROMPT_MS, now_ms());
}

static short poll_now(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, 0) < 0 ? -1 : pollfd.revents;
}

/* Mapped rings can be read still, and their flags say that the device is gone. */
static void check_ring(struct __test_metadata *_metadata, struct worker *w)
{
	char *copy = malloc(w->ring.bytes);

	ASSERT_NE(NULL, copy);
	memcpy(copy, w->ring.ctl, w->ring.bytes);
	memcpy(w->ring.ctl, copy, w->ring.bytes);
	free(copy);
	EXPECT_EQ(USHER_RING_F_GONE, w->ring.ctl->flags & USHER_RING_F_GONE);
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR, poll_now(w->ring.fd));
}

/* ---- idle ---- */

TEST_F(gone, idle)
{
	char node[64];
	int slice;

	ASSERT_EQ(0, disk_node(SLOW, "n1", node, sizeof(node)));
	slice = slice_add(self->w.grant, 0, 0, 0600);
	ASSERT_LT(0, slice);
	ASSERT_EQ(0, worker_move(&self->w, OP_READ, 0, 1, 0));

	EXPECT_EQ(0, variant->way.go(self->pci));
	EXPECT_FALSE(disk_is_there(SLOW));
	EXPECT_EQ(-1, access(node, F_OK));
	/* Buffers are unpinned, by a work item, though the files are open. */
	EXPECT_TRUE(wait_until(!pinned_pages()));
	check_calls(_metadata, &self->w);
	check_calls(_metadata, &self->polled);
	check_ring(_metadata, &self->w);
	check_ring(_metadata, &self->polled);
	worker_close(&self->w);
	worker_close(&self->polled);
	come_back(_metadata, self, &variant->way);
}

/* ---- again and again, under load ---- */

static void load_until_it_goes(int started)
{
	struct worker w;
	int ret, i;

	if (worker_open(&w, disk_open(SLOW, O_RDWR), 16, 16 * PAGE, 0))
		_exit(1);
	for (i = 0;; i++) {
		struct usher_cqe cqe;

		if (ring_room(&w.ring))
			worker_push(&w, 1, i % 100);
		ret = ring_enter(&w.ring, 16, i & 1);
		while (ring_pop(&w.ring, &cqe))
			;
		if (ret == -ENODEV)
			_exit(0);
		if (ret < 0)
			_exit(2);
		if (i == 20 && write(started, "x", 1) != 1)
			_exit(3);
	}
}

TEST_F(gone, again_and_again)
{
	int cycles = is_debug_kernel() ? 2 : 5, cycle, status, started[2];
	char byte;
	pid_t pid;

	if (variant->way.go == device_del)
		cycles = 2;
	worker_close(&self->w);
	worker_close(&self->polled);
	disk_slow(0);
	ASSERT_EQ(0, pipe(started));
	for (cycle = 0; cycle < cycles; cycle++) {
		pid = fork();
		if (!pid)
			load_until_it_goes(started[1]);
		ASSERT_EQ(1, read(started[0], &byte, 1));
		EXPECT_EQ(0, variant->way.go(self->pci));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(0, WEXITSTATUS(status));
		come_back(_metadata, self, &variant->way);
	}
	close(started[0]);
	close(started[1]);
}

/* ---- a page fault that never returns ---- */

struct stuck {
	int grant;
	char *memory;
	int result;
	int returned;		/* eventfd */
	pthread_t thread;
};

static void *register_stuck(void *data)
{
	struct stuck *s = data;

	s->result = buf_register(s->grant, s->memory, 4 * PAGE, 0);
	eventfd_write(s->returned, 1);
	return NULL;
}

/*
 * Wait for the page fault, which the test does not answer. False when the registration
 * returned instead: in 6.1 a long-term pin does not wait for userfaultfd.
 */
static bool wait_for_fault(struct stuck *s, int uffd)
{
	struct pollfd fds[] = {
		{ .fd = uffd, .events = POLLIN },
		{ .fd = s->returned, .events = POLLIN },
	};
	struct uffd_msg msg;

	return poll(fds, 2, SOON_MS) == 1 && fds[0].revents == POLLIN &&
	       read(uffd, &msg, sizeof(msg)) == sizeof(msg);
}

/* Returns the userfaultfd, or a negative errno. */
static int fault_never(char *memory)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)memory, .len = 4 * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -errno;
	return fd;
}

TEST_F(gone, while_a_page_fault_never_returns)
{
	struct stuck s = { .grant = self->w.grant, .returned = eventfd(0, 0) };
	struct uffdio_zeropage zero;
	uint64_t start;
	int uffd;

	s.memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, s.memory);
	uffd = fault_never(s.memory);
	if (uffd < 0)
		SKIP(return, "no userfaultfd: error %d", -uffd);
	ASSERT_EQ(0, pthread_create(&s.thread, NULL, register_stuck, &s));
	if (!wait_for_fault(&s, uffd)) {
		ASSERT_EQ(0, pthread_join(s.thread, NULL));
		EXPECT_EQ(-EFAULT, s.result);
		SKIP(return, "this kernel's long-term pins do not wait for userfaultfd");
	}

	start = now_ms();
	EXPECT_EQ(0, variant->way.go(self->pci));
	EXPECT_GT(start + PROMPT_MS, now_ms());
	EXPECT_EQ(-ENODEV, worker_move(&self->w, OP_READ, 0, 1, 0));

	zero = (struct uffdio_zeropage) {
		.range = { .start = (uintptr_t)s.memory, .len = 4 * PAGE },
	};
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(s.thread, NULL));
	EXPECT_EQ(-ENODEV, s.result);
	close(uffd);
	munmap(s.memory, 4 * PAGE);
	worker_close(&self->w);
	worker_close(&self->polled);
	come_back(_metadata, self, &variant->way);
}

/* A process that waits in such a page fault can be killed. */
TEST(killed_while_a_page_fault_never_returns)
{
	int grant, status, uffd = -1, pipes[2];
	pid_t pid;
	char byte;

	grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, grant);
	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid) {
		struct stuck s = { .grant = grant, .returned = eventfd(0, 0) };

		s.memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		uffd = fault_never(s.memory);
		if (uffd < 0)
			_exit(77);
		pthread_create(&s.thread, NULL, register_stuck, &s);
		if (!wait_for_fault(&s, uffd))
			_exit(77);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) == 1)
		kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP(return, "no userfaultfd, or long-term pins do not wait for it");
	EXPECT_TRUE(WIFSIGNALED(status));
	close(pipes[0]);
	close(grant);
	EXPECT_TRUE(wait_until(!pinned_pages()));
}

/*
 * A process that registers memory whose pages do not come. It is one of its own:
 * before 6.3 it holds its mmap_lock meanwhile, so that it could not even fork.
 */
static pid_t register_slow_file(struct slow_file *file, int grant)
{
	char byte;
	pid_t pid;

	if (slow_file_begin(file, 4 * PAGE))
		return -1;
	pid = fork();
	if (!pid)
		_exit(-buf_register(grant, slow_file_map(file, 4 * PAGE), 4 * PAGE, 0));
	return read(file->asked, &byte, 1) == 1 ? pid : -1;
}

/* The same, where every kernel's pin waits: a file system does not answer. */
TEST_F(gone, while_a_file_system_never_answers)
{
	struct slow_file file;
	uint64_t start;
	int status;
	pid_t pid;

	pid = register_slow_file(&file, self->w.grant);
	ASSERT_LT(0, pid);

	start = now_ms();
	EXPECT_EQ(0, variant->way.go(self->pci));
	EXPECT_GT(start + PROMPT_MS, now_ms());
	EXPECT_EQ(-ENODEV, worker_move(&self->w, OP_READ, 0, 1, 0));
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));

	slow_file_answer(&file);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(ENODEV, WEXITSTATUS(status));
	slow_file_end(&file);
	worker_close(&self->w);
	worker_close(&self->polled);
	come_back(_metadata, self, &variant->way);
}

/* Before 6.3 a long-term pin waits for a page in a way that no signal ends. */
static bool pins_can_be_killed(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return true;
	return major > 6 || (major == 6 && minor >= 3);
}

TEST(killed_while_a_file_system_never_answers)
{
	struct slow_file file;
	int grant, status;
	pid_t pid;

	grant = disk_open(PLAIN, O_RDWR);
	ASSERT_LE(0, grant);
	pid = register_slow_file(&file, grant);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	if (pins_can_be_killed())
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
	/* Other processes are not held up. */
	EXPECT_LT(0, buf_register(grant, &file, sizeof(file), 0));
	slow_file_end(&file);
	if (!pins_can_be_killed())
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	close(grant);
	EXPECT_TRUE(wait_until(!pinned_pages()));
	if (!pins_can_be_killed())
		SKIP(return, "here such a fault is given up only when the server is dead");
}

/* ---- everybody waits, and commands are in flight ---- */

struct waiter {
	struct worker *w;
	pthread_t thread;
	uint64_t woken;
	int result;
	short events;
	bool ready;
};

static void *enter_waiter(void *data)
{
	struct waiter *waiter = data;

	__atomic_store_n(&waiter->ready, true, __ATOMIC_RELEASE);
	waiter->result = ring_enter(&waiter->w->ring, 0, COMMANDS + 1);
	waiter->woken = now_ms();
	return NULL;
}

static void *poll_waiter(void *data)
{
	struct waiter *waiter = data;
	struct pollfd pollfd = { .fd = waiter->w->ring.fd, .events = POLLPRI };

	__atomic_store_n(&waiter->ready, true, __ATOMIC_RELEASE);
	waiter->result = poll(&pollfd, 1, SOON_MS);
	waiter->events = pollfd.revents;
	waiter->woken = now_ms();
	return NULL;
}

static void *epoll_waiter(void *data)
{
	struct epoll_event event = { .events = EPOLLPRI };
	struct waiter *waiter = data;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(fd, EPOLL_CTL_ADD, waiter->w->ring.fd, &event);
	__atomic_store_n(&waiter->ready, true, __ATOMIC_RELEASE);
	waiter->result = epoll_wait(fd, &event, 1, SOON_MS);
	waiter->events = event.events;
	waiter->woken = now_ms();
	close(fd);
	return NULL;
}

/* All commands came back once, done or given up by the driver. */
static void check_completions(struct __test_metadata *_metadata, struct worker *w)
{
	struct usher_cqe cqe;
	uint32_t seen = 0;
	int n;

	for (n = 0; ring_pop(&w->ring, &cqe); n++) {
		if (cqe.status) {
			EXPECT_EQ(USHER_CQE_DRIVER, le16toh(cqe.flags));
			EXPECT_EQ(SC_HOST_ABORTED, ring_status(&cqe));
		}
		ASSERT_GT(COMMANDS, le16toh(cqe.cid));
		seen |= 1 << le16toh(cqe.cid);
	}
	EXPECT_EQ(COMMANDS, n);
	EXPECT_EQ((1 << COMMANDS) - 1, seen);
}

TEST_F(gone, in_use)
{
	static void *(* const roles[])(void *) = {
		enter_waiter, enter_waiter, poll_waiter, epoll_waiter,
	};
	struct usher_eventfd signal = { .size = sizeof(signal) };
	struct waiter waiters[4] = {};
	uint64_t start, count;
	int i;

	signal.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_EQ(0, call(self->w.ring.fd, USHER_IOC_EVENTFD, &signal));
	ASSERT_EQ(0, disk_slow(1));
	worker_push(&self->w, COMMANDS, 0);
	worker_push(&self->polled, COMMANDS, 0);
	ASSERT_EQ(COMMANDS, ring_enter(&self->w.ring, COMMANDS, 0));
	ASSERT_EQ(COMMANDS, ring_enter(&self->polled.ring, COMMANDS, 0));
	for (i = 0; i < 4; i++) {
		waiters[i].w = i == 1 ? &self->polled : &self->w;
		ASSERT_EQ(0, pthread_create(&waiters[i].thread, NULL, roles[i],
					    &waiters[i]));
		ASSERT_TRUE(wait_until(__atomic_load_n(&waiters[i].ready,
						       __ATOMIC_ACQUIRE)));
	}

	start = now_ms();
	EXPECT_EQ(0, variant->way.go(self->pci));
	EXPECT_GT(start + PROMPT_MS, now_ms());
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pthread_join(waiters[i].thread, NULL));
		EXPECT_GT(start + PROMPT_MS, waiters[i].woken) TH_LOG("waiter %d", i);
	}
	EXPECT_EQ(-ENODEV, waiters[0].result);
	EXPECT_EQ(-ENODEV, waiters[1].result);
	EXPECT_EQ(1, waiters[2].result);
	EXPECT_EQ(POLLHUP | POLLERR, waiters[2].events);
	EXPECT_EQ(1, waiters[3].result);
	EXPECT_EQ(EPOLLHUP | EPOLLERR, waiters[3].events);
	EXPECT_EQ(8, read(signal.fd, &count, 8));
	close(signal.fd);

	check_ring(_metadata, &self->w);
	check_ring(_metadata, &self->polled);
	check_completions(_metadata, &self->w);
	check_completions(_metadata, &self->polled);
	check_calls(_metadata, &self->w);
	check_calls(_metadata, &self->polled);
	EXPECT_TRUE(wait_until(!pinned_pages()));
	worker_close(&self->w);
	worker_close(&self->polled);
	/*
	 * QEMU 7.2 keeps a controller that had commands in flight when it was
	 * taken away, and its drive with it. This test is the last one.
	 */
	if (variant->way.go != device_del)
		come_back(_metadata, self, &variant->way);
}

TEST_HARNESS_MAIN
