// SPDX-License-Identifier: GPL-2.0-only
/* What the tests share, see helper.h. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define CLASS	"/sys/class/usher"

/* That many children take that long in a debug kernel under TCG. */
#define REFERENCE_CHILDREN	20
#define REFERENCE_MS		1000ULL

/* ---- ioctls ---- */

int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int grant_info(int grant, struct usher_grant_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(grant, USHER_IOC_GRANT_INFO, info);
}

bool nothing_is_charged(int grant)
{
	struct usher_grant_info info;

	return !grant_info(grant, &info) && !info.used.rings && !info.used.pinned_bytes;
}

int grant_narrow(int grant, uint64_t slba, uint64_t nlb, uint32_t rights)
{
	struct usher_narrow arg = {
		.size	= sizeof(arg),
		.slba	= slba,
		.nlb	= nlb,
		.rights	= rights,
	};

	return call(grant, USHER_IOC_NARROW, &arg);
}

/* The same range and rights, lower limits */
int grant_limit(int grant, const struct usher_limits *limits)
{
	struct usher_narrow arg = { .size = sizeof(arg), .limits = *limits };
	struct usher_grant_info info;
	int ret = grant_info(grant, &info);

	if (ret)
		return ret;
	arg.slba = info.slba;
	arg.nlb = info.nlb;
	arg.rights = info.rights;
	return call(grant, USHER_IOC_NARROW, &arg);
}

int grant_revoke(int grant)
{
	struct usher_revoke arg = { .size = sizeof(arg) };

	return call(grant, USHER_IOC_REVOKE, &arg);
}

/* Returns the buffer's id. */
int buf_register(int grant, const void *addr, uint64_t length, uint32_t flags)
{
	struct usher_buf_register arg = {
		.size	= sizeof(arg),
		.flags	= flags,
		.addr	= (uintptr_t)addr,
		.length	= length,
	};
	int ret = call(grant, USHER_IOC_BUF_REGISTER, &arg);

	return ret ?: (int)arg.id;
}

int buf_unregister(int grant, uint32_t id)
{
	struct usher_buf_unregister arg = { .size = sizeof(arg), .id = id };

	return call(grant, USHER_IOC_BUF_UNREGISTER, &arg);
}

/* Returns the slice's number. */
int slice_add(int grant, uint32_t uid, uint32_t gid, uint32_t mode)
{
	struct usher_slice arg = {
		.size	= sizeof(arg),
		.uid	= uid,
		.gid	= gid,
		.mode	= mode,
	};
	int ret = call(grant, USHER_IOC_SLICE_ADD, &arg);

	return ret ?: (int)arg.id;
}

int slice_remove(int grant, uint32_t id)
{
	struct usher_slice arg = { .size = sizeof(arg), .id = id };

	return call(grant, USHER_IOC_SLICE_REMOVE, &arg);
}

/* ---- rings ---- */

int ring_info(int fd, struct usher_ring_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return call(fd, USHER_IOC_RING_INFO, info);
}

int ring_create(int grant, uint32_t entries, uint32_t flags)
{
	struct usher_ring_create arg = {
		.size		= sizeof(arg),
		.flags		= flags,
		.sq_entries	= entries,
	};

	return call(grant, USHER_IOC_RING_CREATE, &arg);
}

/* By RING_INFO alone, so that a stranger's ring can be mapped too */
int ring_map(struct ring *ring, int fd)
{
	struct usher_ring_info info;
	int ret = ring_info(fd, &info);
	void *map;

	if (ret)
		return ret;
	map = mmap(NULL, info.mmap_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ring = (struct ring) {
		.fd		= fd,
		.sq_entries	= info.sq_entries,
		.cq_entries	= info.cq_entries,
		.bytes		= info.mmap_bytes,
		.ctl		= map,
		.sq		= map + info.sq_offset,
		.cq		= map + info.cq_offset,
	};
	return 0;
}

int ring_open(struct ring *ring, int grant, uint32_t entries, uint32_t flags)
{
	int fd = ring_create(grant, entries, flags), ret;

	if (fd < 0)
		return fd;
	ret = ring_map(ring, fd);
	if (ret)
		close(fd);
	return ret;
}

void ring_unmap(struct ring *ring)
{
	munmap(ring->ctl, ring->bytes);
}

void ring_close(struct ring *ring)
{
	ring_unmap(ring);
	close(ring->fd);
}

/* Submission entries that are free */
uint32_t ring_room(const struct ring *ring)
{
	return ring->sq_entries - (ring->ctl->sq_tail -
		__atomic_load_n(&ring->ctl->sq_head, __ATOMIC_ACQUIRE));
}

void ring_push(struct ring *ring, const struct usher_sqe *sqe)
{
	uint32_t tail = ring->ctl->sq_tail;

	ring->sq[tail & (ring->sq_entries - 1)] = *sqe;
	__atomic_store_n(&ring->ctl->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

int ring_enter(const struct ring *ring, uint32_t to_submit, uint32_t min_complete)
{
	struct usher_enter arg = {
		.size		= sizeof(arg),
		.to_submit	= to_submit,
		.min_complete	= min_complete,
	};

	return call(ring->fd, USHER_IOC_ENTER, &arg);
}

int ring_enter_until(const struct ring *ring, uint32_t to_submit,
		     uint32_t min_complete, uint64_t deadline_ns)
{
	struct usher_enter arg = {
		.size		= sizeof(arg),
		.flags		= USHER_ENTER_DEADLINE,
		.to_submit	= to_submit,
		.min_complete	= min_complete,
		.deadline_ns	= deadline_ns,
	};

	return call(ring->fd, USHER_IOC_ENTER, &arg);
}

/* Completions that can be read */
uint32_t ring_ready(const struct ring *ring)
{
	return __atomic_load_n(&ring->ctl->cq_tail, __ATOMIC_ACQUIRE) -
	       ring->ctl->cq_head;
}

bool ring_pop(struct ring *ring, struct usher_cqe *cqe)
{
	uint32_t head = ring->ctl->cq_head;

	if (!ring_ready(ring))
		return false;
	*cqe = ring->cq[head & (ring->cq_entries - 1)];
	__atomic_store_n(&ring->ctl->cq_head, head + 1, __ATOMIC_RELEASE);
	return true;
}

int ring_status(const struct usher_cqe *cqe)
{
	return le16toh(cqe->status) >> 1 & SC_MASK;
}

/* One command on a ring that has nothing else to do. Returns its status. */
int ring_do(struct ring *ring, const struct usher_sqe *sqe)
{
	struct usher_cqe cqe;
	int ret;

	ring_push(ring, sqe);
	ret = ring_enter(ring, 1, 1);
	if (ret < 0)
		return ret;
	if (!ring_pop(ring, &cqe))
		return -ENOMSG;
	return cqe.cid == sqe->cid ? ring_status(&cqe) : -EBADMSG;
}

/* ---- a thread that polls a ring ---- */

int ring_sqpoll(int fd, uint32_t idle_us, uint64_t deadline_ns)
{
	struct usher_enter arg = {
		.size		= sizeof(arg),
		.flags		= USHER_ENTER_SQPOLL |
				  (deadline_ns ? USHER_ENTER_DEADLINE : 0),
		.deadline_ns	= deadline_ns,
		.idle_us	= idle_us,
	};

	return call(fd, USHER_IOC_ENTER, &arg);
}

static void *sqpoll_thread_main(void *data)
{
	struct sqpoll_thread *poller = data;

	__atomic_store_n(&poller->tid, gettid(), __ATOMIC_RELEASE);
	poller->ret = ring_sqpoll(poller->fd, poller->idle_us, poller->deadline_ns);
	return NULL;
}

int sqpoll_start(struct sqpoll_thread *poller, int fd, uint32_t idle_us, uint64_t deadline_ns)
{
	poller->fd = fd;
	poller->idle_us = idle_us;
	poller->deadline_ns = deadline_ns;
	poller->tid = 0;
	return -pthread_create(&poller->thread, NULL, sqpoll_thread_main, poller);
}

/* Waits until it ends. Returns what ENTER answered. */
int sqpoll_join(struct sqpoll_thread *poller)
{
	pthread_join(poller->thread, NULL);
	return poller->ret;
}

/*
 * Is the thread asleep in the kernel? While it runs, or is only about to sleep, wchan
 * reads 0.
 */
bool sqpoll_sleeps(const struct sqpoll_thread *poller)
{
	pid_t tid = __atomic_load_n(&poller->tid, __ATOMIC_ACQUIRE);
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "/proc/self/task/%d/wchan", tid);
	return tid && !read_text(path, text, sizeof(text)) && strcmp(text, "0");
}

bool sqpoll_awake(const struct ring *ring)
{
	return __atomic_load_n(&ring->ctl->flags, __ATOMIC_ACQUIRE) &
	       USHER_RING_F_SQPOLL;
}

/*
 * One command to a ring that may have a polling thread: as struct usher_enter says, with
 * a call only when none is awake. Returns what the call answered, or 0.
 */
int ring_hand_over(struct ring *ring, const struct usher_sqe *sqe)
{
	ring_push(ring, sqe);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return sqpoll_awake(ring) ? 0 : ring_enter(ring, 1, 0);
}

/* ---- commands ---- */

struct usher_sqe cmd_bare(uint8_t opcode, uint32_t nsid)
{
	return (struct usher_sqe) { .opcode = opcode, .nsid = htole32(nsid) };
}

struct usher_sqe cmd_blocks(uint8_t opcode, uint32_t nsid, uint64_t slba,
			    uint32_t nlb)
{
	struct usher_sqe sqe = cmd_bare(opcode, nsid);

	sqe.cdw10 = htole32(slba);
	sqe.cdw11 = htole32(slba >> 32);
	sqe.cdw12 = htole32(nlb - 1);
	return sqe;
}

struct usher_sqe cmd_data(uint8_t opcode, uint32_t nsid, uint64_t slba,
			  uint32_t nlb, uint32_t buf, uint64_t offset,
			  uint32_t length)
{
	struct usher_sqe sqe = cmd_blocks(opcode, nsid, slba, nlb);

	sqe.dptr.buf = htole32(buf);
	sqe.dptr.offset = htole64(offset);
	sqe.dptr.length = htole32(length);
	return sqe;
}

/* ---- data ---- */

static uint64_t pattern_word(uint64_t lba, uint32_t place, uint32_t seed)
{
	uint64_t x = lba << 32 ^ (uint64_t)seed << 16 ^ place;

	x *= 0x9e3779b97f4a7c15;
	return x ^ x >> 29;
}

void pattern_fill(void *data, uint64_t slba, uint32_t nlb, uint32_t lba_bytes,
		  uint32_t seed)
{
	uint32_t block, place;

	for (block = 0; block < nlb; block++) {
		for (place = 0; place < lba_bytes / 8; place++, data += 8) {
			uint64_t word = pattern_word(slba + block, place, seed);

			/* @data may be aligned to 4 bytes only. */
			memcpy(data, &word, 8);
		}
	}
}

bool pattern_is(const void *data, uint64_t slba, uint32_t nlb,
		uint32_t lba_bytes, uint32_t seed)
{
	uint32_t block, place;

	for (block = 0; block < nlb; block++) {
		for (place = 0; place < lba_bytes / 8; place++, data += 8) {
			uint64_t want = pattern_word(slba + block, place, seed);
			uint64_t word;

			memcpy(&word, data, 8);
			if (word == want)
				continue;
			printf("# block %#llx, byte %u: %#llx instead of %#llx\n",
			       (unsigned long long)slba + block, place * 8,
			       (unsigned long long)word,
			       (unsigned long long)want);
			return false;
		}
	}
	return true;
}

bool all_zero(const char *data, size_t bytes)
{
	while (bytes--)
		if (*data++)
			return false;
	return true;
}

/* For a random test: USHER_SEED, or another seed each time. It is printed. */
uint32_t random_seed(void)
{
	const char *given = getenv("USHER_SEED");
	uint32_t seed = given ? strtoul(given, NULL, 0) : now_ns();

	/* next_random() cannot begin with 0. */
	seed = seed ?: 1;
	printf("# seed %u: USHER_SEED=%u repeats it\n", seed, seed);
	return seed;
}

/* Each call gives the next number of a sequence that @state, not 0, begins. */
uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* ---- a grant with a ring and memory ---- */

/* Takes @grant over. */
int worker_open(struct worker *w, int grant, uint32_t entries, size_t bytes,
		uint32_t ring_flags)
{
	int ret;

	if (grant < 0)
		return grant;
	w->grant = grant;
	w->bytes = bytes;
	ret = grant_info(grant, &w->info);
	if (ret)
		goto close_grant;
	ret = ring_open(&w->ring, grant, entries, ring_flags);
	if (ret)
		goto close_grant;
	w->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ret = -ENOMEM;
	if (w->memory == MAP_FAILED)
		goto close_ring;
	w->buf = buf_register(grant, w->memory, bytes, 0);
	if (w->buf > 0)
		return 0;
	ret = w->buf;
	munmap(w->memory, bytes);
close_ring:
	ring_close(&w->ring);
close_grant:
	close(grant);
	return ret;
}

void worker_close(struct worker *w)
{
	ring_close(&w->ring);
	close(w->grant);
	munmap(w->memory, w->bytes);
}

/* A command that moves whole blocks to or from the memory at @offset */
struct usher_sqe worker_cmd(const struct worker *w, uint8_t opcode,
			    uint64_t slba, uint32_t nlb, uint64_t offset)
{
	return cmd_data(opcode, w->info.nsid, slba, nlb, w->buf, offset,
			nlb * w->info.lba_bytes);
}

/* The same, done. Returns its status. */
int worker_move(struct worker *w, uint8_t opcode, uint64_t slba, uint32_t nlb,
		uint64_t offset)
{
	struct usher_sqe sqe = worker_cmd(w, opcode, slba, nlb, offset);

	return ring_do(&w->ring, &sqe);
}

/* Put @count reads of a block each into the ring, with tags from 0 on. */
void worker_push(struct worker *w, uint32_t count, uint64_t slba)
{
	struct usher_sqe sqe;
	uint32_t i;

	for (i = 0; i < count; i++) {
		sqe = worker_cmd(w, OP_READ, slba + i, 1,
				 i * w->info.lba_bytes);
		sqe.cid = htole16(i);
		ring_push(&w->ring, &sqe);
	}
}

/* ---- disks ---- */

/* A variable that must be there: without it the test ends here, and has failed. */
const char *environment(const char *name)
{
	const char *value = getenv(name);

	if (value)
		return value;
	printf("# %s is not set: helper.h says to what\n", name);
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

/* The name of the controller's node, as in "usher0" */
static int disk_find(const char *disk, char *name, size_t size)
{
	const char *serial = environment(disk);
	char path[PATH_MAX], text[64];
	struct dirent *entry;
	int ret = -ENODEV;
	DIR *dir;

	dir = opendir(CLASS);
	if (!dir)
		return -errno;
	while (ret && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), CLASS "/%s/serial", entry->d_name);
		if (read_text(path, text, sizeof(text)) || strcmp(text, serial))
			continue;
		snprintf(name, size, "%s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

bool disk_is_there(const char *disk)
{
	char name[64];

	return !disk_find(disk, name, sizeof(name));
}

/* The path of a node: the suffix is "", "n1", "n1s2" ... */
int disk_node(const char *disk, const char *suffix, char *path, size_t size)
{
	char name[64];
	int ret = disk_find(disk, name, sizeof(name));

	if (!ret)
		snprintf(path, size, "/dev/%s%s", name, suffix);
	return ret;
}

/* Namespaces are looked for when the controller is there already. */
bool disk_is_ready(const char *disk)
{
	char path[PATH_MAX];

	return !disk_node(disk, "n1", path, sizeof(path)) && !access(path, F_OK);
}

/* The PCI function, as in "0000:01:00.0" */
int disk_pci(const char *disk, char *name, size_t size)
{
	char node[64], link[PATH_MAX], target[PATH_MAX];
	ssize_t length;
	int ret = disk_find(disk, node, sizeof(node));

	if (ret)
		return ret;
	snprintf(link, sizeof(link), CLASS "/%s/device", node);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	snprintf(name, size, "%s", strrchr(target, '/') + 1);
	return 0;
}

static int node_open(const char *disk, const char *suffix, int flags)
{
	char path[64];
	int ret = disk_node(disk, suffix, path, sizeof(path));

	if (ret)
		return ret;
	ret = open(path, flags | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

int disk_open(const char *disk, int flags)
{
	return node_open(disk, "n1", flags);
}

int disk_open_controller(const char *disk, int flags)
{
	return node_open(disk, "", flags);
}

/* Give QEMU a command; args ends with NULL, each is NAME=VALUE. */
int qmp(const char *command, const char *const args[])
{
	const char *tool = environment("USHER_QMP");
	const char *argv[16] = { tool, command };
	int status, i;
	pid_t pid;

	for (i = 0; args[i]; i++)
		argv[i + 2] = args[i];
	pid = fork();
	if (!pid) {
		/* Only errors are shown, which go to stderr. */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execv(tool, (char **)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/* Commands a second that the slow disk does; 0: no limit */
int disk_slow(unsigned int iops)
{
	const char *device = environment("USHER_SLOW_DEVICE");
	char id[64], total[32];
	const char *const args[] = {
		id, total, "iops_rd=0", "iops_wr=0", "bps=0", "bps_rd=0",
		"bps_wr=0", NULL
	};
	int ret;

	snprintf(total, sizeof(total), "iops=%u", iops);
	snprintf(id, sizeof(id), "id=%sn1", device);
	ret = qmp("block_set_io_throttle", args);
	if (!ret)
		return 0;
	/* Once it was taken away and came back, it has the drive itself. */
	snprintf(id, sizeof(id), "id=%s", device);
	return qmp("block_set_io_throttle", args);
}

/* ---- the system ---- */

size_t page_bytes(void)
{
	return sysconf(_SC_PAGESIZE);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

/* How long the machine takes for work that has nothing to do with the module */
static uint64_t reference_ms(void)
{
	uint64_t begin = now_ms();
	pid_t pid;
	int i;

	for (i = 0; i < REFERENCE_CHILDREN; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return now_ms() - begin;
}

/*
 * Five seconds, where the reference takes no longer than in a debug kernel under TCG with
 * a processor to itself; longer on a slower machine.
 */
uint64_t prompt_ms(void)
{
	uint64_t reference = reference_ms();

	return 5000 * (reference > REFERENCE_MS ? reference : REFERENCE_MS) / REFERENCE_MS;
}

/* Without the white space at its end */
int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		length = -errno;
	close(fd);
	if (length < 0)
		return length;
	while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	text[length] = '\0';
	return 0;
}

int read_number(const char *path, long *number)
{
	char text[64];
	int ret = read_text(path, text, sizeof(text));

	if (!ret)
		*number = atol(text);
	return ret;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long count_of(const char *name)
{
	size_t length = strlen(name);
	char line[128];
	long value = 0;
	FILE *file;

	file = fopen("/proc/vmstat", "r");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ' ')
			value = atol(line + length);
	fclose(file);
	return value;
}

/* Pages that are pinned now, by anyone */
long pinned_pages(void)
{
	/* Counts of the single CPUs are added up late otherwise. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	return count_of("nr_foll_pin_acquired") - count_of("nr_foll_pin_released");
}

/* Whether a shell command works in a folder */
static bool works_in(const char *folder, const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "cd %s && %s", folder, command);
	return !system(line);
}

/*
 * Not "mount -o loop": it has the device open for writing while it mounts, which kernels
 * without BLK_DEV_WRITE_MOUNTED refuse. The loop device goes with the mount.
 */
#define MOUNT_IMAGE	"l=$(losetup -f --show image) && mount $l files && losetup -d $l"

/*
 * A file of zeroes on a file system that is kept on a disk, for which a loop device
 * serves. All of it goes with the last use of the file. Return: an fd, or -1.
 */
int file_on_disk(size_t bytes)
{
	char path[64], folder[] = "/dev/shm/usher-disk-XXXXXX";
	int fd;

	if (!mkdtemp(folder) ||
	    !works_in("/", "{ [ -e /sys/module/loop ] || modprobe loop; }") ||
	    !works_in(folder, "mkdir files && truncate -s 16M image && mkfs.ext4 -q image") ||
	    !works_in(folder, MOUNT_IMAGE))
		return -1;
	snprintf(path, sizeof(path), "%s/files/file", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!works_in(folder, "umount -l files && rmdir files && rm image") ||
	    rmdir(folder) || fd < 0 || ftruncate(fd, bytes))
		return -1;
	return fd;
}

/* Give up all privileges. */
int become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

/**
 * run_as - run a command of the shell
 * @uid: as whom
 * @command: the command
 * @output: filled in with what it prints, errors too, as a string
 * @size: of @output
 *
 * The command is printed if it fails, with its output.
 *
 * Return: its exit status, or -1.
 */
int run_as(uid_t uid, const char *command, char *output, size_t size)
{
	int pipes[2], status;
	size_t n;
	ssize_t got;
	pid_t pid;

	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		if (uid && become(uid))
			_exit(99);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(98);
	}
	close(pipes[1]);
	for (n = 0; n < size - 1; n += got) {
		got = read(pipes[0], output + n, size - 1 - n);
		if (got <= 0)
			break;
	}
	output[n] = '\0';
	close(pipes[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	if (WEXITSTATUS(status)) {
		printf("# %s: exit status %d: %s\n", command, WEXITSTATUS(status), output);
		fflush(stdout);
	}
	return WEXITSTATUS(status);
}

/* The calling thread, and those it makes; where there is no such CPU, as it was */
void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

union fd_message {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int send_fd(int sock, int fd)
{
	union fd_message control = {};
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= &control,
		.msg_controllen	= sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

int receive_fd(int sock)
{
	union fd_message control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov	= &iov,
		.msg_iovlen	= 1,
		.msg_control	= &control,
		.msg_controllen	= sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) < 1)
		return -errno;
	header = CMSG_FIRSTHDR(&msg);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/* Tests shorten their loops in this kernel, which is slow. */
bool is_debug_kernel(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}
