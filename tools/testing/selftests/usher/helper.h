/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: the interface of usher by bare system calls, and the
 * disks that run-in-guest prepares. Functions return a negative errno.
 *
 * All that a program must know of its machine comes from the environment, which
 * run-in-guest sets. Where a variable is missing that a test needs, the test fails
 * and names the variable.
 *
 * USHER_PLAIN		serial number of a disk with blocks of 512 bytes and 4 queues
 * USHER_LARGE		of one with blocks of 4096 bytes and commands up to 2 MiB
 * USHER_ZONED		of one with zones of 1 MiB
 * USHER_EXTENDED	of one with 8 bytes of metadata behind each block
 * USHER_SEPARATE	of one with 8 bytes of metadata for each block, in a buffer of
 *			their own
 * USHER_SLOW		of one with 2 queues that disk_slow() slows down, and that is
 *			taken away and brought back
 * USHER_SLOW_DEVICE	what QEMU calls that disk's controller, as in "nvme5"
 * USHER_NO_UNPLUG	optional: why it cannot be unplugged here; such tests are skipped
 * USHER_QMP		path of the program that gives QEMU a command (tools/testing/vm/qmp)
 * USHER_MODULE		path of usher.ko
 * USHER_SOFTCTRL	path of usher-softctrl.ko; where there is no such file, the
 *			softctrl_*_test programs are skipped
 * USHER_SEED		optional: the seed of each random test, to repeat a run; tests
 *			print the seed that they take
 */
#ifndef USHER_TEST_HELPER_H
#define USHER_TEST_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/types.h>

#include <linux/usher.h>

/* The disks, by the variables that hold their serial numbers */
#define PLAIN		"USHER_PLAIN"
#define LARGE		"USHER_LARGE"
#define ZONED		"USHER_ZONED"
#define EXTENDED	"USHER_EXTENDED"
#define SEPARATE	"USHER_SEPARATE"
#define SLOW		"USHER_SLOW"

/* Opcodes (NVM Command Set Specification 1.0, Zoned Namespace ... 1.1) */
#define OP_FLUSH	0x00
#define OP_WRITE	0x01
#define OP_READ		0x02
#define OP_UNCOR	0x04
#define OP_COMPARE	0x05
#define OP_ZEROES	0x08
#define OP_DSM		0x09
#define OP_VERIFY	0x0c
#define OP_COPY		0x19
#define OP_ZONE_SEND	0x79
#define OP_ZONE_RECV	0x7a
#define OP_APPEND	0x7d

/* Status codes: type in bits 8-10, code in bits 0-7 */
#define SC_SUCCESS		0x000
#define SC_INVALID_OPCODE	0x001
#define SC_INVALID_FIELD	0x002
#define SC_DATA_XFER_ERROR	0x004
#define SC_INVALID_NS		0x00b
#define SC_PRP_OFFSET		0x013
#define SC_LBA_RANGE		0x080
#define SC_SIZE_LIMIT		0x183
#define SC_ZONE_BOUNDARY	0x1b8
#define SC_ZONE_INVALID_WRITE	0x1bc
#define SC_COMPARE_FAILED	0x285
#define SC_ACCESS_DENIED	0x286
#define SC_HOST_ABORTED		0x371
#define SC_MASK			0x7ff
#define SC_DNR			0x4000

/* A page of the processor, which is what the kernel pins and maps: 4, 16 or 64 KiB */
#define PAGE		page_bytes()
/* A page of the controller, whatever the processor's is: PRPs, answers of Identify */
#define DEVICE_PAGE	4096UL

/*
 * Long enough for whatever should happen at once, in a debug kernel under TCG on a machine
 * that does other things, too. Nothing here promises how long a test takes.
 */
#define SOON_MS		60000
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	300
/* What does not wait for a device is done by then, on this machine as it is now */
#define PROMPT_MS	prompt_ms()

/* ---- ioctls ---- */

int call(int fd, unsigned long request, void *arg);
int grant_info(int grant, struct usher_grant_info *info);
/* Neither rings nor registered memory, of the grant and those below it */
bool nothing_is_charged(int grant);
int grant_narrow(int grant, uint64_t slba, uint64_t nlb, uint32_t rights);
int grant_limit(int grant, const struct usher_limits *limits);
int grant_revoke(int grant);
int buf_register(int grant, const void *addr, uint64_t length, uint32_t flags);
int buf_unregister(int grant, uint32_t id);
int slice_add(int grant, uint32_t uid, uint32_t gid, uint32_t mode);
int slice_remove(int grant, uint32_t id);

/* ---- rings ---- */

/**
 * struct ring - a ring of ours
 * @fd: ring fd
 * @sq_entries: submission entries
 * @cq_entries: completion entries
 * @bytes: of the mapping
 * @ctl: the mapping
 * @sq: submission entries
 * @cq: completion entries
 */
struct ring {
	int fd;
	uint32_t sq_entries;
	uint32_t cq_entries;
	size_t bytes;
	struct usher_ring_ctl *ctl;
	struct usher_sqe *sq;
	struct usher_cqe *cq;
};

int ring_create(int grant, uint32_t entries, uint32_t flags);
int ring_open(struct ring *ring, int grant, uint32_t entries, uint32_t flags);
int ring_map(struct ring *ring, int fd);
void ring_unmap(struct ring *ring);
void ring_close(struct ring *ring);
int ring_info(int fd, struct usher_ring_info *info);
uint32_t ring_room(const struct ring *ring);
void ring_push(struct ring *ring, const struct usher_sqe *sqe);
int ring_enter(const struct ring *ring, uint32_t to_submit, uint32_t min_complete);
int ring_enter_until(const struct ring *ring, uint32_t to_submit,
		     uint32_t min_complete, uint64_t deadline_ns);
uint32_t ring_ready(const struct ring *ring);
bool ring_pop(struct ring *ring, struct usher_cqe *cqe);
int ring_status(const struct usher_cqe *cqe);
int ring_do(struct ring *ring, const struct usher_sqe *sqe);

/**
 * struct sqpoll_thread - a thread that polls a ring
 * @fd: the ring
 * @idle_us: without work until it sleeps
 * @deadline_ns: when it ends, 0 for never
 * @thread: the thread
 * @tid: its number, when it runs
 * @ret: what ENTER answered it
 */
struct sqpoll_thread {
	int fd;
	uint32_t idle_us;
	uint64_t deadline_ns;
	pthread_t thread;
	pid_t tid;
	int ret;
};

int ring_sqpoll(int fd, uint32_t idle_us, uint64_t deadline_ns);
int sqpoll_start(struct sqpoll_thread *poller, int fd, uint32_t idle_us, uint64_t deadline_ns);
int sqpoll_join(struct sqpoll_thread *poller);
bool sqpoll_sleeps(const struct sqpoll_thread *poller);
bool sqpoll_awake(const struct ring *ring);
int ring_hand_over(struct ring *ring, const struct usher_sqe *sqe);

/* ---- commands ---- */

struct usher_sqe cmd_bare(uint8_t opcode, uint32_t nsid);
struct usher_sqe cmd_blocks(uint8_t opcode, uint32_t nsid, uint64_t slba,
			    uint32_t nlb);
struct usher_sqe cmd_data(uint8_t opcode, uint32_t nsid, uint64_t slba,
			  uint32_t nlb, uint32_t buf, uint64_t offset,
			  uint32_t length);

/* ---- data: every 8 bytes tell their block, place and seed ---- */

void pattern_fill(void *data, uint64_t slba, uint32_t nlb, uint32_t lba_bytes,
		  uint32_t seed);
bool pattern_is(const void *data, uint64_t slba, uint32_t nlb,
		uint32_t lba_bytes, uint32_t seed);
bool all_zero(const char *data, size_t bytes);

uint32_t random_seed(void);
uint32_t next_random(uint32_t *state);

/* ---- a grant with a ring and memory ---- */

/**
 * struct worker - all that is needed for I/O
 * @grant: grant fd
 * @info: what it said of itself
 * @ring: ring
 * @memory: registered memory
 * @bytes: of @memory
 * @buf: its id
 */
struct worker {
	int grant;
	struct usher_grant_info info;
	struct ring ring;
	char *memory;
	size_t bytes;
	int buf;
};

int worker_open(struct worker *w, int grant, uint32_t entries, size_t bytes,
		uint32_t ring_flags);
void worker_close(struct worker *w);
struct usher_sqe worker_cmd(const struct worker *w, uint8_t opcode,
			    uint64_t slba, uint32_t nlb, uint64_t offset);
int worker_move(struct worker *w, uint8_t opcode, uint64_t slba, uint32_t nlb,
		uint64_t offset);
void worker_push(struct worker *w, uint32_t count, uint64_t slba);

/* ---- disks ---- */

const char *environment(const char *name);
bool disk_is_there(const char *disk);
bool disk_is_ready(const char *disk);
int disk_node(const char *disk, const char *suffix, char *path, size_t size);
int disk_pci(const char *disk, char *name, size_t size);
int disk_open(const char *disk, int flags);
int disk_open_controller(const char *disk, int flags);
int disk_slow(unsigned int iops);
int qmp(const char *command, const char *const args[]);

/* ---- the system ---- */

size_t page_bytes(void);
uint64_t now_ns(void);
uint64_t now_ms(void);
uint64_t prompt_ms(void);
int read_text(const char *path, char *text, size_t size);
int read_number(const char *path, long *number);
int write_text(const char *path, const char *text);
long pinned_pages(void);
int file_on_disk(size_t bytes);
int become(uid_t uid);
int run_as(uid_t uid, const char *command, char *output, size_t size);
void run_on(int cpu);
int send_fd(int sock, int fd);
int receive_fd(int sock);
bool is_debug_kernel(void);

/* Until @condition holds, at most SOON_MS: for what announces itself nowhere */
#define wait_until(condition) ({					\
	uint64_t end_ms = now_ms() + SOON_MS;				\
	bool holds;							\
									\
	while (!(holds = (condition)) && now_ms() < end_ms)		\
		usleep(2000);						\
	holds;								\
})

#endif /* USHER_TEST_HELPER_H */
